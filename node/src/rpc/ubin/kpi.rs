//! Published figures (ubin-api.md §11).
//!
//! Figures of a height never change, so the last answers are kept; and of those that are recounted
//! over all records one is made at a time, so that readers cannot take the machine from the ledger.

use std::sync::{Mutex, PoisonError, TryLockError};

use titian_api::ubin::KpiParams;
use titian_api::{Object, Refusal};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::ubin::kpi::{self, Question};

use crate::rpc::at::{self, At};
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

/// Answers that are kept.
const KEPT_MAX: usize = 32;
/// Bytes of the values that a kept question filters by.
const FILTER_BYTES_MAX: usize = 1_024;
/// When to ask again while another recount runs.
const RETRY_MS: u64 = 500;

/// The last answers, the newest last, and who may recount.
#[derive(Default)]
pub(in crate::rpc) struct Figures {
    kept: Mutex<Vec<(u64, Question, Value)>>,
    recount: Mutex<()>,
}

impl Figures {
    fn known(&self, height: u64, question: &Question) -> Option<Value> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(at, asked, _)| *at == height && asked == question);
        found.map(|(_, _, table)| table.clone())
    }

    fn keep(&self, height: u64, question: Question, table: Value) {
        if question.filter.iter().map(|(_, value)| value.len()).sum::<usize>() > FILTER_BYTES_MAX {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push((height, question, table));
    }
}

/// `ubin_kpi`: a fold over state as it was at a height.
pub(super) fn answer(state: &State, params: KpiParams) -> Answer<Object> {
    let at = At::height(state, params.height)?;
    let question = Question {
        metric: params.metric,
        by: params.by,
        filter: params.filter.into_iter().collect(),
    };
    if let Some(table) = state.figures.known(at.height, &question) {
        return Ok(at.stamp(view::object(&table)));
    }
    let is_counted = kpi::counter_width(&question.metric).is_some();
    let _turn = match state.figures.recount.try_lock() {
        _ if is_counted => None,
        Ok(turn) => Some(turn),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => {
            let refusal = Refusal::new(Code::Busy, "", "another recount is running");
            return Err(refusal.retry_after(RETRY_MS));
        }
    };
    let table = kpi::table(&at.reader, &question, at.time_ms)
        .map_err(|reject| at::refusal(state, reject))?;
    let shown = at.stamp(view::object(&table));
    state.figures.keep(at.height, question, table);
    Ok(shown)
}
