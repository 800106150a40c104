//! Free ports for nodes on loopback.

use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that are handed out together.
const BLOCK: u16 = 40;
const FIRST: u16 = 10_000;
const BLOCKS: u32 = 500;

/// Marks of the blocks that this process took; the system drops their locks when it ends.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// First of forty consecutive free ports; each call gives others, in other test programs too. All lie below 32,768: the system
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
        if take(block) && ports.all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return base;
        }
    }
}

/// Whether no other process holds the block: a node that is down for a moment leaves its ports free,
/// so looking at the ports alone is not enough.
fn take(block: u16) -> bool {
    let folder = std::env::temp_dir().join("titian-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder for marks");
    let mark = File::create(folder.join(block.to_string())).expect("a mark");
    let free = mark.try_lock().is_ok();
    if free {
        TAKEN.lock().expect("not poisoned").push(mark);
    }
    free
}
