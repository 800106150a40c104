//! Anchors: what was issued with `anchor` waits until an instance has 1,024 leaves or the oldest is
//! 60 s old, then one `anchor_submit` holds them all (vc.md §5.5).
//!
//! Invariant: the tree is on disk before the op is sent; an anchor that a crash or a full mempool
//! left on its way is sent again, never made twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use titian_contracts::credential::{Anchor, anchor_key};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::Overlay;
use titian_credential::anchor::Tree;
use tokio::sync::watch;

use super::methods::{Answer, blocking};
use super::vc_acts::{next_number, run};
use super::{State, now_ms};
use crate::custody::anchors::{Sent, Waiting};
use crate::issuing::Instance;

/// How often the instances are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long an instance rests after its anchor was refused.
const REST: Duration = Duration::from_secs(30);
/// Anchors back from the newest among which one that was sent before is looked for.
const LOOK_BACK: u64 = 64;

/// Flushes until the interface stops.
pub(super) async fn follow(state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    // instances whose anchor was refused, and until when they rest
    let mut resting: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        let Ok(issuing) = state.issuing() else { return };
        let now = Instant::now();
        resting.retain(|_, until| *until > now);
        for instance in issuing.instances().iter().filter(|instance| instance.party().is_some()) {
            if resting.contains_key(&instance.name) {
                continue;
            }
            if let Err(refusal) = flush(&state, instance).await {
                tracing::warn!(issuer = %instance.name, %refusal, "an anchor waits; it is sent again");
                resting.insert(instance.name.clone(), now + REST);
            }
        }
    }
}

/// Sends what is on its way, or what is due.
async fn flush(state: &Arc<State>, instance: &Instance) -> Answer<()> {
    let custody = state.issuing()?.custody.clone();
    let name = instance.name.clone();
    let found = blocking(move || Ok(custody.next_anchor(&name, now_ms())?)).await?;
    let Some(sent) = found else { return Ok(()) };
    let Some(tree) = Tree::of_leaves(sent.leaves.clone()) else { return Ok(()) };
    let anchor = submit(state, instance, &tree).await;
    let custody = state.issuing()?.custody.clone();
    let name = instance.name.clone();
    let waits = [Code::Pending, Code::Busy, Code::Unavailable];
    let anchor = match anchor {
        Ok(anchor) => anchor,
        Err(refusal) if refusal.rule().is_some_and(|code| waits.contains(&code)) => {
            return Err(refusal);
        }
        Err(refusal) => {
            // the ledger answers the same bytes with the same receipt: another root must be sent
            let count = sent.members.len();
            let members: Vec<_> = sent.members.into_iter().zip(sent.leaves).collect();
            let again = Sent::padded(&members, count + 1);
            blocking(move || Ok(custody.send(&name, &Waiting::default(), &again)?)).await?;
            return Err(refusal);
        }
    };
    blocking(move || Ok(custody.settle(&name, &sent, &anchor, &|i| tree.path(i))?)).await
}

/// The id of the anchor of `tree`: the one on the ledger, else a new one.
async fn submit(state: &State, instance: &Instance, tree: &Tree) -> Answer<String> {
    let party = instance.party().unwrap_or_default();
    let issuing = state.issuing()?;
    let _turn = issuing.turn(instance).await;
    let n = {
        let reader = state.ledger().reader();
        let overlay = Overlay::new(&reader);
        let next = next_number(|n| overlay.holds(&anchor_key(party, n)));
        let same = |n: &u64| {
            let stored: Option<Anchor> = overlay.read(&anchor_key(party, *n));
            stored.is_some_and(|anchor| anchor.root == tree.root())
        };
        let before = (next.saturating_sub(LOOK_BACK).max(1)..next).rev().find(same);
        if let Some(n) = before {
            return Ok(format!("{party}/anchor/{n}"));
        }
        next
    };
    let args = Value::object([
        ("issuer", Value::from(party)),
        ("n", Value::from(n)),
        ("root", Value::from(tree.root())),
        ("sizeLog2", Value::from(tree.size_log2())),
    ]);
    run(state, issuing, instance, "anchor_submit", args).await?;
    Ok(format!("{party}/anchor/{n}"))
}
