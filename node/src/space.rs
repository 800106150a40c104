//! Free disk space: refuse new transactions below 5 %, stop proposing below 2 %.
//!
//! Invariant: a full disk is met with an open database and a clear reason, not with a failed
//! write in the middle of a commit.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::mempool::Mempool;

/// How often the file system is asked.
const EVERY: Duration = Duration::from_secs(5);
/// Below this share of free space no new transaction is taken, %.
const REFUSE_BELOW_PERCENT: u64 = 5;
/// Below this share of free space nothing is proposed, %.
const DECLINE_BELOW_PERCENT: u64 = 2;

/// How much room is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Enough.
    Enough = 0,
    /// Too little for new transactions.
    Low = 1,
    /// Too little to propose.
    VeryLow = 2,
}

impl Level {
    /// The level at `free` of `total` bytes.
    pub const fn of(free: u64, total: u64) -> Self {
        if free < total / 100 * DECLINE_BELOW_PERCENT {
            Self::VeryLow
        } else if free < total / 100 * REFUSE_BELOW_PERCENT {
            Self::Low
        } else {
            Self::Enough
        }
    }

    /// What an operator reads; `None` if there is enough.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Enough => None,
            Self::Low => Some("less than 5 % of the disk is free: no new transactions; free space"),
            Self::VeryLow => Some("less than 2 % of the disk is free: no proposals; free space"),
        }
    }
}

/// The level as last measured. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Space(Arc<AtomicU8>);

impl Space {
    /// The level.
    pub fn level(&self) -> Level {
        match self.0.load(Ordering::Relaxed) {
            0 => Level::Enough,
            1 => Level::Low,
            _ => Level::VeryLow,
        }
    }

    /// Measures the file system of `folder` until `stop` changes, and opens or closes the mempool.
    pub async fn watch(self, folder: PathBuf, mempool: Mempool, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.changed() => return,
            }
            let Ok(figures) = rustix::fs::statvfs(&folder) else { continue };
            let level = Level::of(figures.f_bavail, figures.f_blocks);
            if level != self.level() {
                match level.reason() {
                    Some(reason) => tracing::warn!(reason, "disk space"),
                    None => tracing::info!("disk space is sufficient again"),
                }
                self.0.store(level as u8, Ordering::Relaxed);
                mempool.set_open(level == Level::Enough);
            }
        }
    }
}
