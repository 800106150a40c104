//! A mempool on the state of a [`World`], with a hand clock.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::state::Reader;
use titian_contracts::transaction::{Transaction, TransactionId};
use titian_node::mempool::pool::Quotas;
use titian_node::mempool::{Mempool, MempoolConfig};

use titian_tests::world::World;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A mempool and what surrounds it.
#[derive(Debug)]
pub(crate) struct Door {
    /// The rules' world; its state at the start is the head.
    pub(crate) world: World,
    /// The mempool.
    pub(crate) mempool: Mempool,
    clock: Arc<AtomicU64>,
    known: Arc<Mutex<BTreeSet<TransactionId>>>,
}

impl Door {
    /// A mempool with the limits of the specification.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A mempool with small quotas: transactions in all, and states with a share.
    pub(crate) fn small(transactions_max: usize, members: usize) -> Self {
        Self::with(|config| {
            config.quotas = Quotas { transactions_max, members, ..config.quotas };
        })
    }

    /// A mempool with changed settings.
    pub(crate) fn with(change: impl FnOnce(&mut MempoolConfig)) -> Self {
        Self::on(World::new(), change)
    }

    /// A mempool on the state of `world`, with changed settings.
    pub(crate) fn on(world: World, change: impl FnOnce(&mut MempoolConfig)) -> Self {
        let mut config = MempoolConfig::new(&world.genesis.chain, 11);
        config.verify_threads = 2;
        change(&mut config);
        let head: Arc<dyn Reader + Send + Sync> = Arc::new(world.state.clone());
        let head_ms = world.time_ms;
        let clock = Arc::new(AtomicU64::new(head_ms));
        let known: Arc<Mutex<BTreeSet<TransactionId>>> = Arc::default();
        let (mempool_clock, mempool_known) = (Arc::clone(&clock), Arc::clone(&known));
        let mempool = Mempool::with_clock(
            config,
            move || (Arc::clone(&head), head_ms),
            move |id| {
                mempool_known.lock().expect("no test panics while it holds this").contains(id)
            },
            move || mempool_clock.load(Ordering::SeqCst),
        )
        .expect("threads start");
        Self { world, mempool, clock, known }
    }

    /// Moves the hand clock.
    pub(crate) fn advance_ms(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// Makes a transaction count as executed.
    pub(crate) fn set_known(&self, id: TransactionId) {
        self.known.lock().expect("no test panics while it holds this").insert(id);
    }

    /// The `n`-th transaction of an authority, signed with its k1: admitted, whatever its execution
    /// would say.
    pub(crate) fn transaction(&self, authority: &str, n: u64) -> Vec<u8> {
        self.transaction_with(authority, n, "")
    }

    /// Like [`Self::transaction`], longer by the bytes of `padding`.
    pub(crate) fn transaction_with(&self, authority: &str, n: u64, padding: &str) -> Vec<u8> {
        let args = Value::object([("n", Value::from(n)), ("padding", Value::from(padding))]);
        let op = self.world.op(Register::Ubin, "register", args);
        World::transaction(&self.world.sign(&op, &[(authority, 1)]))
    }

    /// The largest transaction that the limits allow: a payload of 64 KiB in its envelope.
    pub(crate) fn largest(&self, authority: &str) -> Vec<u8> {
        self.transaction_with(authority, 1, &"x".repeat(self.room(authority)))
    }

    /// How much padding the largest payload has.
    pub(crate) fn room(&self, authority: &str) -> usize {
        let envelope = Transaction::encode("op", Register::Ubin, Value::Null).len() - "null".len();
        let frame = self.transaction_with(authority, 1, "").len();
        limits::PAYLOAD_BYTES_MAX + envelope - frame
    }

    /// Waits until so many wait for a block.
    pub(crate) async fn until_waiting(&self, count: usize) {
        let mut ready = self.mempool.ready();
        let reached = tokio::time::timeout(PATIENCE, ready.wait_for(|waiting| *waiting == count));
        if reached.await.is_err() {
            panic!("{count} should wait, but {} do", self.mempool.len());
        }
    }
}

impl Default for Door {
    fn default() -> Self {
        Self::new()
    }
}
