//! Free ports for nodes on loopback.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that are handed out together.
const BLOCK: u16 = 40;
const FIRST: u16 = 10_000;
const BLOCKS: u32 = 500;

/// First of forty consecutive free ports; each call gives others. All lie below 32,768: the system
/// gives ports above it to outgoing connections, and one of those may hold the port of a node that
/// is down.
pub fn free_forty() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // processes that run at the same time start at different places
    let start = std::process::id() % BLOCKS;
    loop {
        let step = GIVEN.fetch_add(1, Ordering::Relaxed);
        assert!(step < BLOCKS, "no free ports");
        let block = u16::try_from((start + step) % BLOCKS).expect("below 500");
        let base = FIRST + block * BLOCK;
        let mut ports = base..base + BLOCK;
        if ports.all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return base;
        }
    }
}
