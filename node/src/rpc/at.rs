//! State as of a height, for one answer.

use titian_api::{Object, Refusal};
use titian_contracts::error::{Code, Reject};

use super::methods::{Answer, refusal_of};
use super::{State, view};
use crate::store::AtHeight;

/// The refusal of a read by height: `HEIGHT_PRUNED` names the lowest height that is kept.
pub(super) fn refusal(state: &State, reject: Reject) -> Refusal {
    let refusal = refusal_of(reject);
    match refusal.rule() {
        Some(Code::HeightPruned) => refusal.oldest(state.ledger().oldest()),
        _ => refusal,
    }
}

/// State after a height, the head if none is asked for. One answer reads one height, also while
/// blocks are decided.
pub(super) struct At {
    /// The state.
    pub(super) reader: AtHeight,
    /// The height.
    pub(super) height: u64,
    /// Its block time, ms.
    pub(super) time_ms: u64,
}

impl At {
    /// Errors: `HEIGHT_UNKNOWN`, `HEIGHT_PRUNED`.
    pub(super) fn height(state: &State, height: Option<u64>) -> Answer<Self> {
        let ledger = state.ledger();
        let head = ledger.head();
        let height = height.unwrap_or(head.height);
        let reader = ledger.state_at(height).map_err(|reject| refusal(state, reject))?;
        let time_ms = match height {
            0 => ledger.genesis().time_ms,
            _ if height == head.height => head.time_ms,
            _ => {
                let pruned = || Reject::new(Code::HeightPruned, "/height", "");
                let header = ledger.header(height).ok_or_else(pruned);
                header.map_err(|reject| refusal(state, reject))?.time_ms
            }
        };
        Ok(Self { reader, height, time_ms })
    }

    /// The answer with the height and time as of which it holds.
    pub(super) fn stamp(&self, mut answer: Object) -> Object {
        let as_of = serde_json::to_value(view::as_of(self.height, self.time_ms));
        answer.insert("asOf".to_owned(), as_of.unwrap_or_default());
        answer
    }
}
