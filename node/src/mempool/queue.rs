//! The line before verification: bounded in transactions and bytes, clients and peers apart.
//!
//! Invariant: neither clients nor peers can keep the other waiting: each batch takes from both
//! sides. Full means refused, never growth. It does not verify.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use titian_contracts::error::Reject;
use titian_contracts::transaction::TransactionId;
use tokio::sync::oneshot;

/// Who waits for the answer.
#[derive(Debug)]
pub(super) enum Asker {
    /// A client.
    Client(oneshot::Sender<Result<TransactionId, Reject>>),
    /// A peer, with the count of its transactions that no honest node sends.
    Peer(Arc<AtomicU64>),
}

/// A transaction to be verified.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: TransactionId,
    pub(super) bytes: Vec<u8>,
    pub(super) asker: Asker,
}

/// Bounds of each side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) transactions_max: usize,
    pub(super) bytes_max: usize,
}

#[derive(Debug, Default)]
struct Side {
    jobs: VecDeque<Job>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    clients: Side,
    peers: Side,
    from_peers: HashSet<TransactionId>,
    closed: bool,
}

/// The line.
#[derive(Debug)]
pub(super) struct Queue {
    bounds: Bounds,
    state: Mutex<State>,
    filled: Condvar,
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, state: Mutex::default(), filled: Condvar::new() }
    }

    /// Adds jobs in order; gives back those for which there is no room. A peer's transaction that
    /// another peer's copy waits for is dropped.
    pub(super) fn push(&self, jobs: Vec<Job>) -> Vec<Job> {
        let mut refused = Vec::new();
        let mut state = self.lock();
        for job in jobs {
            if matches!(job.asker, Asker::Peer(_)) && state.from_peers.contains(&job.id) {
                continue;
            }
            let State { clients, peers, from_peers, closed } = &mut *state;
            let from_peer = matches!(job.asker, Asker::Peer(_));
            let side = if from_peer { peers } else { clients };
            let full = side.jobs.len() >= self.bounds.transactions_max
                || side.bytes + job.bytes.len() > self.bounds.bytes_max;
            if full || *closed {
                refused.push(job);
                continue;
            }
            if from_peer {
                from_peers.insert(job.id);
            }
            side.bytes += job.bytes.len();
            side.jobs.push_back(job);
        }
        drop(state);
        self.filled.notify_one();
        refused
    }

    /// The next up to `count_max` jobs, from both sides; none after `patience`. `None` once closed.
    pub(super) fn next(&self, count_max: usize, patience: Duration) -> Option<Vec<Job>> {
        let state = self.lock();
        let (mut state, _) = self
            .filled
            .wait_timeout_while(state, patience, |state| {
                !state.closed && state.clients.jobs.is_empty() && state.peers.jobs.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        let of_peers = state.peers.jobs.len().min(count_max / 2);
        let of_clients = state.clients.jobs.len().min(count_max - of_peers);
        let of_peers = state.peers.jobs.len().min(count_max - of_clients);
        let mut jobs = take(&mut state.clients, of_clients);
        let from_peers = take(&mut state.peers, of_peers);
        for job in &from_peers {
            state.from_peers.remove(&job.id);
        }
        jobs.extend(from_peers);
        Some(jobs)
    }

    /// Ends the line: what waits is dropped, [`Queue::next`] answers `None`.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        *state = State { closed: true, ..State::default() };
        drop(state);
        self.filled.notify_all();
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let state = self.lock();
        state.clients.jobs.len() + state.peers.jobs.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(side: &mut Side, count: usize) -> Vec<Job> {
    let jobs: Vec<Job> = side.jobs.drain(..count).collect();
    side.bytes -= jobs.iter().map(|job| job.bytes.len()).sum::<usize>();
    jobs
}
