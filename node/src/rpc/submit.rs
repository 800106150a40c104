//! Waiting for receipts: one task follows decided blocks and wakes who waits.
//!
//! Invariant: who waits is woken by the block that executes the transaction, or gives up; a waiter
//! registered before the transaction was submitted misses nothing, also if the follower lags.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use titian_contracts::execute::Receipt;
use titian_contracts::transaction::TransactionId;
use tokio::sync::{broadcast, oneshot};

use crate::ledger::{Committed, Ledger};

/// Waiters in all; one more is answered `PENDING` at once.
const WAITERS_MAX: usize = 100_000;

type Waiters = HashMap<TransactionId, Vec<oneshot::Sender<Receipt>>>;

/// Who waits for which receipt.
#[derive(Clone, Default)]
pub(super) struct Receipts(Arc<Mutex<Waiters>>);

/// A registered wait; gives its place back when dropped.
pub(super) struct Wait {
    id: TransactionId,
    receiver: oneshot::Receiver<Receipt>,
    waiters: Receipts,
}

impl Receipts {
    /// Starts waiting for `id`. `None` if too many wait.
    pub(super) fn wait(&self, id: TransactionId) -> Option<Wait> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.lock();
        if waiters.len() >= WAITERS_MAX {
            return None;
        }
        waiters.entry(id).or_default().push(sender);
        Some(Wait { id, receiver, waiters: self.clone() })
    }

    /// Follows decided blocks until the ledger is closed.
    pub(super) async fn follow(
        self,
        ledger: Ledger,
        mut committed: broadcast::Receiver<Arc<Committed>>,
    ) {
        loop {
            match committed.recv().await {
                Ok(block) => self.wake(&block.receipts),
                Err(broadcast::error::RecvError::Lagged(_)) => self.catch_up(&ledger),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn wake(&self, receipts: &[Receipt]) {
        let mut waiters = self.lock();
        if waiters.is_empty() {
            return;
        }
        for receipt in receipts {
            for sender in waiters.remove(&receipt.id).unwrap_or_default() {
                // who waited may have given up
                let _ = sender.send(receipt.clone());
            }
        }
    }

    /// Blocks were skipped: asks the ledger for every receipt that is waited for.
    fn catch_up(&self, ledger: &Ledger) {
        let ids: Vec<TransactionId> = self.lock().keys().copied().collect();
        let receipts: Vec<Receipt> = ids.iter().filter_map(|id| ledger.receipt(id)).collect();
        self.wake(&receipts);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    /// The receipt, if it comes within `patience`.
    pub(super) async fn receipt(mut self, patience: Duration) -> Option<Receipt> {
        tokio::time::timeout(patience, &mut self.receiver).await.ok()?.ok()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.receiver.close();
        let mut waiters = self.waiters.lock();
        if let Some(senders) = waiters.get_mut(&self.id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                waiters.remove(&self.id);
            }
        }
    }
}
