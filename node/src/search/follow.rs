//! The task that keeps the index with the ledger.
//!
//! It listens to decided blocks through the ledger's bounded queue. When it falls behind further
//! than the queue holds, it reads from the database what changed since the index was written; the
//! ledger never waits for it. An index that fails is made anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use titian_contracts::ubin::identifier::Ubin;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout_at};

use super::index::{self, IndexError, NameIndex};
use super::{Open, Shared, build};
use crate::ledger::{Committed, Ledger};

/// How long changes are gathered before they are written, at least.
const GATHER: Duration = Duration::from_millis(500);
/// And at least so many times as long as the last writing took: under load the index leaves the
/// processor to the ledger, and catches up later: each writing makes a file and has files merged,
/// whatever it holds, and four nodes on two cores lost a fifth of their operations to that at a
/// factor of 3. But no longer than this.
const GATHER_FACTOR: u32 = 30;
const GATHER_LONGEST: Duration = Duration::from_secs(15);
/// Numbers that are gathered at most.
const GATHER_MAX: usize = 65_536;
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(10);

/// Runs until `stopped`.
pub(super) async fn run(
    ledger: Ledger,
    folder: PathBuf,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    while let Err(error) = session(&ledger, &folder, &shared, &mut stopped).await {
        shared.open.send_replace(None);
        if *stopped.borrow() {
            return;
        }
        tracing::warn!(%error, "the name index failed; it is tried again in 10 s");
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopped.changed() => return,
        }
    }
    // the folder is free for whoever opens it next
    shared.open.send_replace(None);
}

/// What there is to do next.
enum Next {
    /// These numbers changed up to this height.
    Changed(BTreeSet<Ubin>, u64),
    /// Blocks were missed.
    Missed,
    Stop,
}

async fn session(
    ledger: &Ledger,
    folder: &Path,
    shared: &Arc<Shared>,
    stopped: &mut watch::Receiver<bool>,
) -> Result<(), IndexError> {
    // before the first look at the database, so that no block falls between
    let mut committed = ledger.committed();
    let index = {
        let (ledger, folder, stopped) = (ledger.clone(), folder.to_owned(), stopped.clone());
        blocking(move || open_or_rebuild(&ledger, &folder, &stopped)).await?
    };
    let height = index.height().unwrap_or(0);
    shared.open.send_replace(Some(Open { index: Arc::clone(&index), height }));
    let mut next = Next::Missed;
    loop {
        let begin = Instant::now();
        let (ledger, index) = (ledger.clone(), Arc::clone(&index));
        match next {
            Next::Stop => {
                let height = shared.height();
                return blocking(move || settle(index.as_ref(), height)).await;
            }
            Next::Missed => {
                let stopped = stopped.clone();
                let height = blocking(move || {
                    if index.height() < Some(ledger.head().height) {
                        build::catch_up(&ledger, index.as_ref(), |_| !*stopped.borrow())?;
                    }
                    Ok(index.height())
                });
                shared.raise(height.await?.unwrap_or(0));
            }
            // nothing to write: the height alone moves on
            Next::Changed(numbers, height) if numbers.is_empty() => shared.raise(height),
            Next::Changed(numbers, height) => {
                blocking(move || {
                    let numbers: Vec<Ubin> = numbers.into_iter().collect();
                    index.put(build::changes(&ledger, &numbers))?;
                    // the database may have told of later blocks already
                    index.commit(height.max(index.height().unwrap_or(0)))
                })
                .await?;
                shared.raise(height);
            }
        }
        let patience = (begin.elapsed() * GATHER_FACTOR).clamp(GATHER, GATHER_LONGEST);
        next = gather(&mut committed, stopped, patience).await;
    }
}

/// Opens the index of the folder; makes it anew if there is none that can be used.
fn open_or_rebuild(
    ledger: &Ledger,
    folder: &Path,
    stopped: &watch::Receiver<bool>,
) -> Result<Arc<dyn NameIndex>, IndexError> {
    let head = ledger.head().height;
    match index::open(folder, &ledger.genesis().hash) {
        Ok(index) if index.height() <= Some(head) => return Ok(index),
        Ok(_) => tracing::warn!(head, "the name index is ahead of the ledger; it is made anew"),
        Err(error) => tracing::info!(%error, "the name index is made anew"),
    }
    let index = build::rebuild(ledger, folder, |_| !*stopped.borrow())?;
    tracing::info!(records = index.records(), height = ?index.height(), "name index complete");
    Ok(index)
}

/// Keeps the height that was reached without a change of names, so that the next start need not look.
fn settle(index: &dyn NameIndex, height: u64) -> Result<(), IndexError> {
    if index.height() < Some(height) { index.commit(height) } else { Ok(()) }
}

/// Waits for a block, then takes what comes within `patience`.
async fn gather(
    committed: &mut broadcast::Receiver<Arc<Committed>>,
    stopped: &mut watch::Receiver<bool>,
    patience: Duration,
) -> Next {
    let mut numbers = BTreeSet::new();
    let mut height = None;
    let mut until = None;
    loop {
        let block = async {
            match until {
                None => Some(committed.recv().await),
                Some(until) => timeout_at(until, committed.recv()).await.ok(),
            }
        };
        let block = tokio::select! {
            block = block => block,
            // what was gathered is read from the database at the next start
            _ = stopped.changed() => return Next::Stop,
        };
        match block {
            Some(Ok(block)) => {
                height = Some(block.height);
                numbers.extend(block.numbers.iter().cloned());
                until = until.or(Some(Instant::now() + patience));
            }
            Some(Err(RecvError::Lagged(blocks))) => {
                tracing::info!(blocks, "the name index fell behind; it reads the database");
                return Next::Missed;
            }
            Some(Err(RecvError::Closed)) => return Next::Stop,
            None => {}
        }
        if let Some(height) = height
            && (numbers.len() >= GATHER_MAX || until.is_some_and(|until| until <= Instant::now()))
        {
            return Next::Changed(numbers, height);
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(IndexError(format!("a step failed: {error}; this is a bug"))),
    }
}
