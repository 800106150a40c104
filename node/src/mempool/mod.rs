//! The mempool: transactions that were checked at the door and wait for a block.
//!
//! ```text
//! submit (client) ─┐                        ┌─> take: the proposer's batch
//!                  ├─> queue ─> admit ─> pool ─> checked: no second verification at execution
//! receive (peer) ──┘   bounded  parallel    └─> next_untold: gossip tells the other nodes
//! ```
//!
//! Invariants:
//! - what stands in the pool was admitted by `contracts` at the head of its time: canonical, our
//!   chain, every key active, every signature valid; a signature is verified once per node;
//! - verification runs on threads of its own and never under the lock of the pool;
//! - each queue is bounded: beyond, a client gets `BUSY` with `retryAfterMs`, a peer's is dropped;
//! - the same bytes again give the same id, whether they wait or stand in a block.
//!
//! It deliberately does not execute: a transaction whose key is bound in a block that is not
//! committed yet is refused `KEY_NOT_ACTIVE`. Order within a signer is that of arrival.

pub mod pool;
mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use titian_contracts::error::{Code, Reject};
use titian_contracts::execute::CheckedTransaction;
use titian_contracts::limits;
use titian_contracts::state::{Overlay, Reader};
use titian_contracts::transaction::TransactionId;
use tokio::sync::{Notify, broadcast, oneshot, watch};

use crate::telemetry::MempoolMetrics;
use pool::{Inserted, LaneStatus, Origin, Pool, Quotas};
use queue::{Asker, Bounds, Job, Queue};

/// Transactions that are verified in one go; small, so that a client does not wait for long
/// behind others: about 6 ms on two cores.
const VERIFY_BATCH_MAX: usize = 256;

/// How often expiry is looked at when nothing comes in.
const IDLE_TICK: Duration = Duration::from_secs(1);

/// Expiry notes kept for a subscriber that does not keep up.
const EXPIRED_NOTES_MAX: usize = 4_096;

/// The state at the head, and the head's block time in ms.
pub type HeadView = (Arc<dyn Reader + Send + Sync>, u64);

/// How the mempool is set up.
#[derive(Clone, Debug)]
pub struct MempoolConfig {
    /// The chain id; what names another chain is refused.
    pub chain: String,
    /// What may wait for a block.
    pub quotas: Quotas,
    /// Transactions that may wait for verification, of clients and of peers each.
    pub queue_transactions_max: usize,
    /// Their bytes, of clients and of peers each.
    pub queue_bytes_max: usize,
    /// Threads that verify; 0 = one per core.
    pub verify_threads: usize,
    /// What a refused client is told to wait, ms: about one block.
    pub retry_after_ms: u64,
    /// The figures it keeps.
    pub metrics: MempoolMetrics,
}

impl MempoolConfig {
    /// The limits of ledger.md §11 for a network of `members` states.
    pub fn new(chain: &str, members: usize) -> Self {
        Self {
            chain: chain.to_owned(),
            quotas: Quotas {
                transactions_max: limits::MEMPOOL_TRANSACTIONS_MAX,
                bytes_max: limits::MEMPOOL_BYTES_MAX,
                age_ms_max: limits::MEMPOOL_AGE_MS_MAX,
                members,
            },
            queue_transactions_max: 4_096,
            queue_bytes_max: 16 * 1024 * 1024,
            verify_threads: 0,
            retry_after_ms: 500,
            metrics: MempoolMetrics::default(),
        }
    }
}

/// What the mempool holds and has done; for `node_status` and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MempoolStatus {
    /// Transactions that wait for a block.
    pub transactions: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Per state.
    pub lanes: Vec<LaneStatus>,
    /// Transactions that wait for verification.
    pub queued: usize,
    /// Age of the oldest, ms; `None` if none waits.
    pub oldest_age_ms: Option<u64>,
    /// Block time of the last commit, ms; 0 before the first.
    pub last_commit_ms: u64,
    /// Whether new transactions are taken.
    pub open: bool,
}

/// The mempool; clones share it. The threads end with the last clone.
#[derive(Clone)]
pub struct Mempool {
    inner: Arc<Inner>,
    _owner: Arc<Owner>,
}

impl std::fmt::Debug for Mempool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mempool").field("chain", &self.inner.config.chain).finish_non_exhaustive()
    }
}

struct Inner {
    config: MempoolConfig,
    view: Box<dyn Fn() -> HeadView + Send + Sync>,
    known: Box<dyn Fn(&TransactionId) -> bool + Send + Sync>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    pool: Mutex<Pool>,
    queue: Queue,
    waiting: watch::Sender<usize>,
    untold: Notify,
    expired: broadcast::Sender<TransactionId>,
    open: AtomicBool,
    last_commit_ms: AtomicU64,
}

/// Ends the verifying thread when the last clone goes, and waits for it: the thread reads state,
/// and nobody may hold the database when the process ends.
struct Owner {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.inner.queue.close();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the mempool's thread panicked");
        }
    }
}

impl Mempool {
    /// Starts the mempool. `view` gives the state at the head, `known` says whether a transaction
    /// stands in a block.
    pub fn new(
        config: MempoolConfig,
        view: impl Fn() -> HeadView + Send + Sync + 'static,
        known: impl Fn(&TransactionId) -> bool + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        Self::with_clock(config, view, known, system_time_ms)
    }

    /// Like [`Mempool::new`] with a clock of the caller's: ms since the Unix epoch.
    pub fn with_clock(
        config: MempoolConfig,
        view: impl Fn() -> HeadView + Send + Sync + 'static,
        known: impl Fn(&TransactionId) -> bool + Send + Sync + 'static,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let verifiers = rayon::ThreadPoolBuilder::new()
            .num_threads(config.verify_threads)
            .thread_name(|i| format!("verify-{i}"))
            .build()
            .map_err(std::io::Error::other)?;
        let bounds = Bounds {
            transactions_max: config.queue_transactions_max,
            bytes_max: config.queue_bytes_max,
        };
        let inner = Arc::new(Inner {
            pool: Mutex::new(Pool::new(config.quotas)),
            queue: Queue::new(bounds),
            view: Box::new(view),
            known: Box::new(known),
            clock: Box::new(clock),
            waiting: watch::Sender::new(0),
            untold: Notify::new(),
            expired: broadcast::Sender::new(EXPIRED_NOTES_MAX),
            open: AtomicBool::new(true),
            last_commit_ms: AtomicU64::new(0),
            config,
        });
        let admitting = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name("mempool".to_owned())
            .spawn(move || admitting.admit_until_closed(&verifiers))?;
        let owner = Owner { inner: Arc::clone(&inner), thread: Some(thread) };
        Ok(Self { _owner: Arc::new(owner), inner })
    }

    /// Admits a client's transaction and has the other nodes told. The answer comes after
    /// verification. `BUSY` if there is no room; its detail holds `retryAfterMs`.
    pub async fn submit(&self, bytes: Vec<u8>) -> Result<TransactionId, Reject> {
        let mut answers = self.submit_many(vec![bytes]).await;
        answers.pop().unwrap_or_else(|| Err(stopping()))
    }

    /// Admits transactions of one client in order; one answer each.
    pub async fn submit_many(
        &self,
        transactions: Vec<Vec<u8>>,
    ) -> Vec<Result<TransactionId, Reject>> {
        let mut answers = Vec::with_capacity(transactions.len());
        let mut jobs = Vec::with_capacity(transactions.len());
        for bytes in transactions {
            let (sender, answer) = oneshot::channel();
            answers.push(answer);
            let id = TransactionId::of(&bytes);
            match self.inner.answer_at_once(id) {
                Some(known) => drop(sender.send(known)),
                None => jobs.push(Job { id, bytes, asker: Asker::Client(sender) }),
            }
        }
        for refused in self.inner.queue.push(jobs) {
            self.inner.refuse(refused.asker, self.inner.busy());
        }
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(answer.await.unwrap_or_else(|_| Err(stopping())));
        }
        results
    }

    /// Takes in transactions of a peer; what has no room is dropped, the peer will tell again.
    pub fn receive(&self, batch: Vec<Vec<u8>>) {
        self.receive_from(batch, &Arc::default());
    }

    /// Like [`Mempool::receive`]; `offences` counts those that no honest node sends: not canonical
    /// or wrongly signed. A key that is not active here may be active at the peer's head.
    pub fn receive_from(&self, batch: Vec<Vec<u8>>, offences: &Arc<AtomicU64>) {
        if !self.inner.open.load(Ordering::Relaxed) {
            return;
        }
        let mut jobs: Vec<Job> = batch
            .into_iter()
            .map(|bytes| Job {
                id: TransactionId::of(&bytes),
                bytes,
                asker: Asker::Peer(Arc::clone(offences)),
            })
            .collect();
        let pool = self.inner.lock();
        jobs.retain(|job| !pool.holds(&job.id) && !pool.is_recent(&job.id));
        drop(pool);
        let dropped = self.inner.queue.push(jobs).len();
        self.inner.config.metrics.peer_dropped.inc_by(dropped as u64);
    }

    /// The proposer's batch: in turn over the states, oldest first, up to `bytes_max` bytes of
    /// block body and `count_max` transactions. Removes nothing: [`Mempool::committed`] does, and
    /// must be called before the next height takes.
    pub fn take(&self, bytes_max: usize, count_max: usize) -> Vec<Arc<CheckedTransaction>> {
        self.expire();
        self.inner.lock().take(bytes_max, count_max)
    }

    /// The checked form of a waiting transaction, so that execution need not verify again.
    pub fn checked(&self, id: &TransactionId) -> Option<Arc<CheckedTransaction>> {
        self.inner.lock().get(id)
    }

    /// Removes what a block of time `time_ms` holds; to be called after its commit.
    pub fn committed(&self, ids: &[TransactionId], time_ms: u64) {
        self.inner.last_commit_ms.store(time_ms, Ordering::Relaxed);
        let mut pool = self.inner.lock();
        pool.committed(ids);
        self.inner.publish_size(&pool);
    }

    /// How many wait for a block; changes wake the proposer.
    pub fn ready(&self) -> watch::Receiver<usize> {
        self.inner.waiting.subscribe()
    }

    /// The ids of transactions as they expire (`EXPIRED_IN_POOL`).
    pub fn expired(&self) -> broadcast::Receiver<TransactionId> {
        self.inner.expired.subscribe()
    }

    /// Drops what waited too long. Runs by itself about once a second.
    pub fn expire(&self) {
        self.inner.expire();
    }

    /// What a client refused with `BUSY` should wait, ms.
    pub fn retry_after_ms(&self) -> u64 {
        self.inner.config.retry_after_ms
    }

    /// Sets the number of states with a guaranteed share.
    pub fn set_members(&self, members: usize) {
        self.inner.lock().set_members(members);
    }

    /// Opens or closes the door, for draining and when the disk runs full. What waits stays.
    pub fn set_open(&self, open: bool) {
        self.inner.open.store(open, Ordering::Relaxed);
    }

    /// How many wait for a block.
    pub fn len(&self) -> usize {
        self.inner.lock().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it holds.
    pub fn status(&self) -> MempoolStatus {
        let now_ms = (self.inner.clock)();
        let pool = self.inner.lock();
        MempoolStatus {
            transactions: pool.len(),
            bytes: pool.bytes(),
            lanes: pool.lanes(),
            oldest_age_ms: pool.oldest_ms().map(|added| now_ms.saturating_sub(added)),
            queued: self.inner.queue.len(),
            last_commit_ms: self.inner.last_commit_ms.load(Ordering::Relaxed),
            open: self.inner.open.load(Ordering::Relaxed),
        }
    }

    /// Waits until there is something to tell the other nodes.
    pub async fn wait_untold(&self) {
        loop {
            let notified = self.inner.untold.notified();
            if self.inner.lock().has_untold() {
                return;
            }
            notified.await;
        }
    }

    /// The next batch to tell the other nodes, up to `bytes_max` bytes but at least one; empty if
    /// there is none.
    pub fn next_untold(&self, bytes_max: usize) -> Vec<Vec<u8>> {
        let now_ms = (self.inner.clock)();
        self.inner.lock().next_untold(bytes_max, now_ms)
    }

    /// Has the others told again of what still waits `after_ms` after they were told; the wait
    /// doubles each time.
    pub fn tell_again(&self, after_ms: u64) {
        let now_ms = (self.inner.clock)();
        if self.inner.lock().tell_again(now_ms, after_ms) > 0 {
            self.inner.untold.notify_one();
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Pool> {
        // The pool's methods leave it whole or abort by assertion; a poisoned lock only says that
        // some thread ended.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> Reject {
        let detail = format!("retryAfterMs={}", self.config.retry_after_ms);
        Reject::new(Code::Busy, "", &detail)
    }

    /// What can be said to a client without verification.
    fn answer_at_once(&self, id: TransactionId) -> Option<Result<TransactionId, Reject>> {
        let pool = self.lock();
        if pool.holds(&id) || pool.is_recent(&id) {
            return Some(Ok(id));
        }
        let full = pool.is_full();
        drop(pool);
        if !self.open.load(Ordering::Relaxed) {
            Some(Err(Reject::new(Code::Unavailable, "", "the node takes no transactions now")))
        } else if full {
            self.config.metrics.busy.inc();
            Some(Err(self.busy()))
        } else {
            None
        }
    }

    fn admit_until_closed(&self, verifiers: &rayon::ThreadPool) {
        while let Some(jobs) = self.queue.next(VERIFY_BATCH_MAX, IDLE_TICK) {
            self.expire();
            if jobs.is_empty() {
                continue;
            }
            let (state, time_ms) = (self.view)();
            let verdicts: Vec<Verdict> = verifiers.install(|| {
                let each = jobs
                    .par_iter()
                    .map_init(|| Overlay::new(&*state), |head, job| self.judge(job, head, time_ms));
                each.collect()
            });
            self.settle(jobs, verdicts);
        }
    }

    /// Runs on the verifying threads, without any lock.
    fn judge(&self, job: &Job, head: &Overlay<'_>, time_ms: u64) -> Verdict {
        // The rules never panic; should they, a hostile transaction must not stop the node.
        let judged = catch_unwind(AssertUnwindSafe(|| {
            if (self.known)(&job.id) {
                return Verdict::Known;
            }
            match CheckedTransaction::admit(&job.bytes, &self.config.chain, head, time_ms) {
                Ok(checked) => {
                    let owner = checked.parsed.as_ref().map(|tx| tx.quota_owner());
                    Verdict::Good(owner.unwrap_or_default(), Arc::new(checked))
                }
                // The state moves on while it is read: what a block executed since the look above
                // may be refused now because of its own effect, and is known all the same.
                Err(_) if (self.known)(&job.id) => Verdict::Known,
                Err(reject) => Verdict::Bad(reject),
            }
        }));
        judged.unwrap_or_else(|_| {
            tracing::error!(id = %job.id, "a check panicked; report this transaction");
            Verdict::Bad(Reject::new(Code::Malformed, "", "could not be checked"))
        })
    }

    fn settle(&self, jobs: Vec<Job>, verdicts: Vec<Verdict>) {
        let now_ms = (self.clock)();
        let mut answers = Vec::with_capacity(jobs.len());
        let mut pool = self.lock();
        for (job, verdict) in jobs.into_iter().zip(verdicts) {
            let origin = match job.asker {
                Asker::Client(_) => Origin::Client,
                Asker::Peer(_) => Origin::Peer,
            };
            let answer = match verdict {
                Verdict::Known => Ok(Inserted::Committed),
                Verdict::Bad(reject) => Err(reject),
                Verdict::Good(ams, checked) => {
                    Ok(pool.insert(checked, &ams, job.bytes.len(), origin, now_ms))
                }
            };
            answers.push((job.id, job.asker, answer));
        }
        self.publish_size(&pool);
        let untold = pool.has_untold();
        drop(pool);
        if untold {
            self.untold.notify_one();
        }
        for (id, asker, answer) in answers {
            match answer {
                Ok(Inserted::Full) => self.refuse(asker, self.busy()),
                Err(reject) => self.refuse(asker, reject),
                Ok(inserted) => {
                    if inserted == Inserted::New {
                        self.config.metrics.admitted.inc();
                    }
                    if let Asker::Client(sender) = asker {
                        // A client that went away needs no answer.
                        let _ = sender.send(Ok(id));
                    }
                }
            }
        }
    }

    fn refuse(&self, asker: Asker, reject: Reject) {
        let metrics = &self.config.metrics;
        if reject.code == Code::Busy {
            metrics.busy.inc()
        } else {
            metrics.refused.inc()
        };
        match asker {
            Asker::Client(sender) => drop(sender.send(Err(reject))),
            Asker::Peer(offences) => {
                if never_honest(reject.code) {
                    offences.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn expire(&self) {
        let now_ms = (self.clock)();
        let mut pool = self.lock();
        let expired = pool.expire(now_ms);
        if expired.is_empty() {
            return;
        }
        self.publish_size(&pool);
        drop(pool);
        self.config.metrics.expired.inc_by(expired.len() as u64);
        for id in expired {
            // Nobody may be listening.
            let _ = self.expired.send(id);
        }
    }

    fn publish_size(&self, pool: &Pool) {
        self.config.metrics.transactions.set(i64::try_from(pool.len()).unwrap_or(i64::MAX));
        self.config.metrics.bytes.set(i64::try_from(pool.bytes()).unwrap_or(i64::MAX));
        self.waiting.send_if_modified(|waiting| {
            let before = std::mem::replace(waiting, pool.len());
            before != *waiting
        });
    }
}

enum Verdict {
    Known,
    Good(String, Arc<CheckedTransaction>),
    Bad(Reject),
}

/// Whether no honest node passes on a transaction that is refused so, whatever its head.
const fn never_honest(code: Code) -> bool {
    matches!(
        code,
        Code::Malformed
            | Code::LimitExceeded
            | Code::SignatureOrder
            | Code::BadSignature
            | Code::ImportPath
    )
}

fn stopping() -> Reject {
    Reject::new(Code::Unavailable, "", "the node is stopping")
}

fn system_time_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
