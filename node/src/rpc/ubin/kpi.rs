//! Published figures (ubin-api.md §11).

use titian_api::Object;
use titian_api::ubin::KpiParams;
use titian_contracts::ubin::kpi::{self, Question};

use crate::rpc::at::{self, At};
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

/// `ubin_kpi`: a fold over state as it was at a height.
pub(super) fn answer(state: &State, params: KpiParams) -> Answer<Object> {
    let at = At::height(state, params.height)?;
    let question = Question {
        metric: params.metric,
        by: params.by,
        filter: params.filter.into_iter().collect(),
    };
    let table = kpi::table(&at.reader, &question, at.time_ms)
        .map_err(|reject| at::refusal(state, reject))?;
    Ok(at.stamp(view::object(&table)))
}
