//! What the rest of the node may know of the engine.
//!
//! Invariant: `degraded` is set once and for good; only a new start clears it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use titian_contracts::limits;
use tokio::sync::Notify;

use super::codec::StatusObserver;

/// Where the engine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not voting yet.
    Starting,
    /// A height is being decided.
    Running,
    /// Between two heights: nothing to decide.
    Waiting,
    /// Stopped as asked.
    Stopped,
    /// Stopped because going on would be unsafe or impossible; see `degraded`.
    Degraded,
}

/// A peer of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its libp2p peer id.
    pub id: String,
    /// Its address.
    pub address: String,
    /// The last height it reported as decided.
    pub height: Option<u64>,
}

/// The state of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineStatus {
    /// The chain id.
    pub chain: String,
    /// The last decided height.
    pub height: u64,
    /// The round of the height that is being decided.
    pub round: u32,
    /// Where the engine stands.
    pub phase: Phase,
    /// Why it does not vote any more, and what to do.
    pub degraded: Option<String>,
    /// Connected peers.
    pub peers: Vec<Peer>,
    /// How often the double-sign guard refused since start.
    pub abstained: u64,
    /// How often the watchdog started the engine again, and why it did so last.
    pub restarts: u32,
    /// The reason of the last restart.
    pub restarted: Option<String>,
}

impl EngineStatus {
    pub(super) fn starting(chain: &str, height: u64) -> Self {
        Self {
            chain: chain.to_owned(),
            height,
            round: 0,
            phase: Phase::Starting,
            degraded: None,
            peers: Vec::new(),
            abstained: 0,
            restarts: 0,
            restarted: None,
        }
    }
}

/// The heights peers report, read off their status messages.
#[derive(Debug)]
pub(super) struct PeerHeights {
    heights: Mutex<BTreeMap<String, u64>>,
    work: Arc<Notify>,
}

impl PeerHeights {
    pub(super) fn new(work: Arc<Notify>) -> Self {
        Self { heights: Mutex::new(BTreeMap::new()), work }
    }

    pub(super) fn of(&self, peer: &str) -> Option<u64> {
        self.lock().get(peer).copied()
    }

    /// The highest height any peer reports.
    pub(super) fn highest(&self) -> u64 {
        self.lock().values().copied().max().unwrap_or(0)
    }

    /// The highest height that at least `peers` of them report.
    pub(super) fn reported_by(&self, peers: usize) -> u64 {
        let mut heights: Vec<u64> = self.lock().values().copied().collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        peers.checked_sub(1).and_then(|index| heights.get(index)).copied().unwrap_or(0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        // numbers only: whatever a panic left behind is still a map of numbers
        self.heights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusObserver for PeerHeights {
    fn peer_height(&self, peer: &str, height: u64) {
        let mut heights = self.lock();
        if heights.contains_key(peer) || heights.len() < limits::PEERS_MAX {
            heights.insert(peer.to_owned(), height);
        }
        drop(heights);
        self.work.notify_one();
    }
}
