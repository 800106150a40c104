//! What a node keeps of the past, and the work of dropping the rest (architecture.md §5).
//!
//! Invariant: state, bodies and evidence stay, and every height from [`Ledger::oldest`] on is
//! answered for whole. A running node drops what is older in steps, one at a time, each after a
//! sixteenth of what it keeps has come on top; the step before it said that this would go, so no
//! read is under way that needs it.

use std::time::Duration;

use tokio::sync::watch;

use crate::config::{Config, NodeKind};
use crate::ledger::Ledger;
use crate::store::StoreError;

/// Heights that a full node keeps.
pub const FULL_HEIGHTS: u64 = 1_000_000;
/// Heights that a light node keeps.
pub const LIGHT_HEIGHTS: u64 = 1_000;
/// How often a running node looks whether there is something to drop.
const LOOK: Duration = Duration::from_secs(10);
/// A step is due when so much of what is kept has come on top.
const STEP_SHARE: u64 = 16;

/// How many heights a node keeps; `None` is all.
pub fn keep_heights(config: &Config) -> Option<u64> {
    match (config.node.keep_heights, config.node.kind) {
        (_, NodeKind::Archive) => None,
        (0, NodeKind::Full) => Some(FULL_HEIGHTS),
        (0, NodeKind::Light) => Some(LIGHT_HEIGHTS),
        (heights, _) => Some(heights),
    }
}

/// The lowest height of the last `keep` ones.
const fn lowest(head: u64, keep: u64) -> u64 {
    head.saturating_add(1).saturating_sub(keep)
}

/// One step, if it is due; gives whether it was. `go_on` is asked between the parts of the longest
/// piece of work, which may be left for the next step.
pub fn step(ledger: &Ledger, keep: u64, go_on: impl FnMut() -> bool) -> Result<bool, StoreError> {
    let head = ledger.head();
    let (oldest, target) = (ledger.oldest(), lowest(head.height, keep));
    if target < oldest.saturating_add((keep / STEP_SHARE).max(1)) {
        return Ok(false);
    }
    ledger.store().prune(target, oldest, head.transactions)?;
    tracing::info!(oldest = target, "older heights are not answered for any more");
    ledger.store().compact(go_on);
    Ok(true)
}

/// Everything at once, for a node that stands still. Gives the lowest height kept.
pub fn all(ledger: &Ledger, keep: u64) -> Result<u64, StoreError> {
    let head = ledger.head();
    let target = lowest(head.height, keep);
    ledger.store().prune(target, target, head.transactions)?;
    ledger.store().compact(|| true);
    Ok(ledger.oldest())
}

/// Steps until the node stops.
pub async fn follow(ledger: Ledger, keep: u64, mut stopped: watch::Receiver<bool>) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            _ = stopped.changed() => return,
        }
        let (ledger, stop) = (ledger.clone(), stopped.clone());
        let work = tokio::task::spawn_blocking(move || step(&ledger, keep, || !*stop.borrow()));
        match work.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "pruning failed");
                return;
            }
            Err(error) => {
                tracing::error!(%error, "pruning failed; this is a bug");
                return;
            }
        }
    }
}
