//! What the rest of the node may know of the engine.
//!
//! Invariant: `degraded` is set once and for good; only a new start clears it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Why it does not vote any more, and what to do; for everybody, so it names no path.
    pub degraded: Option<String>,
    /// Why a validator follows without voting since its start, and what to do.
    pub withheld: Option<String>,
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
            withheld: None,
            peers: Vec::new(),
            abstained: 0,
            restarts: 0,
            restarted: None,
        }
    }
}

/// The peers that may speak, and the heights they report in their status messages.
#[derive(Debug)]
pub(super) struct PeerBook {
    // peer id -> reported height
    peers: Mutex<BTreeMap<String, Option<u64>>>,
    work: Arc<Notify>,
}

impl PeerBook {
    /// The book of these addresses, each ending in `/p2p/<id>`.
    pub(super) fn new(addresses: &[String], work: Arc<Notify>) -> Self {
        let ids = addresses.iter().filter_map(|address| id_of(address));
        Self { peers: Mutex::new(ids.map(|id| (id.to_owned(), None)).collect()), work }
    }

    pub(super) fn allow(&self, address: &str) {
        let mut peers = self.lock();
        if let Some(id) = id_of(address).filter(|_| peers.len() < limits::PEERS_MAX) {
            peers.entry(id.to_owned()).or_default();
        }
    }

    pub(super) fn forbid(&self, address: &str) {
        if let Some(id) = id_of(address) {
            self.lock().remove(id);
        }
    }

    pub(super) fn is_allowed(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    pub(super) fn height_of(&self, id: &str) -> Option<u64> {
        self.lock().get(id).copied().flatten()
    }

    /// The highest height any peer reports.
    pub(super) fn highest(&self) -> u64 {
        self.lock().values().copied().flatten().max().unwrap_or(0)
    }

    /// The highest height that at least `peers` of them report.
    pub(super) fn reported_by(&self, peers: usize) -> u64 {
        let mut heights: Vec<u64> = self.lock().values().copied().flatten().collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        peers.checked_sub(1).and_then(|index| heights.get(index)).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<u64>>> {
        // names and numbers only: whatever a panic left behind is still a book
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id_of(address: &str) -> Option<&str> {
    address.rsplit_once("/p2p/").map(|(_, id)| id)
}

impl StatusObserver for PeerBook {
    fn peer_height(&self, peer: &str, height: u64) {
        if let Some(known) = self.lock().get_mut(peer) {
            *known = Some(height);
        }
        self.work.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_peers_are_heard() {
        let address = "/ip4/10.0.0.1/tcp/1/p2p/peer-a".to_owned();
        let book = PeerBook::new(&[address], Arc::default());
        book.peer_height("peer-b", 900);
        book.peer_height("peer-a", 7);
        assert_eq!((book.highest(), book.height_of("peer-b")), (7, None));
        book.allow("/ip4/10.0.0.2/tcp/1/p2p/peer-b");
        book.peer_height("peer-b", 9);
        assert_eq!((book.highest(), book.reported_by(2), book.reported_by(3)), (9, 7, 0));
        book.forbid("/ip4/10.0.0.1/tcp/1/p2p/peer-a");
        assert!(!book.is_allowed("peer-a"));
    }
}
