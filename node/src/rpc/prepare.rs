//! `<register>_prepare`: an unsigned op, its digest, the signers it needs, and the first check that
//! fails, found by a dry run of the rules on the head.

use titian_api::{Object, Prepared, Refusal, Signer};
use titian_contracts::error::Code;
use titian_contracts::etr::legal::Opinion;
use titian_contracts::execute::{self, BlockInfo};
use titian_contracts::json::{self, Value};
use titian_contracts::op::{Op, Register};

use super::methods::Answer;
use super::{State, now_ms, view};

/// Prepares an op of the five common members.
pub(super) fn common(
    state: &State,
    register: Register,
    params: titian_api::PrepareParams,
) -> Answer<Prepared> {
    let op = Value::object([
        ("act", Value::from(params.act)),
        ("args", value_of(&params.args, "/args")?),
        ("chain", Value::from(state.ledger().chain())),
        ("register", Value::from(register.name())),
        ("sigs", Value::List(Vec::new())),
    ]);
    Ok(dry_run(state, op)?.0)
}

/// Runs an unsigned op on the head. With the answer comes what the law says of it, which is not in it yet.
pub(super) fn dry_run(state: &State, op: Value) -> Answer<(Prepared, Vec<Opinion>)> {
    let shown = view::object(&op);
    let op = Op::from_value(op).map_err(Refusal::from)?;
    let digest = op.digest;
    let ledger = state.ledger();
    let head = ledger.head();
    let run = execute::dry_run(next_block(state), op, &ledger.reader());
    let signers = run.needs.into_iter().map(|need| Signer {
        role: need.role,
        party: need.party,
        count: need.count,
        scope: need.scope,
    });
    let prepared = Prepared {
        checked: true,
        op: shown,
        op_digest: digest.to_string(),
        signers: signers.collect(),
        bundled: Vec::new(),
        verdicts: None,
        warnings: run.warnings,
        events: run.events.iter().map(view::event).collect(),
        fails: run.fails.map(Refusal::from),
        similar_names: Vec::new(),
        as_of: view::as_of(head.height, head.time_ms),
    };
    Ok((prepared, run.opinions))
}

/// The block that would come next if it came now.
pub(super) fn next_block(state: &State) -> BlockInfo<'_> {
    let ledger = state.ledger();
    let head = ledger.head();
    BlockInfo {
        chain: ledger.chain(),
        height: head.height.saturating_add(1),
        time_ms: now_ms().max(head.time_ms.saturating_add(1)),
    }
}

/// JSON of the interface as a value of the rules: no floats, integers within ±(2^53−1).
pub(super) fn value_of(object: &Object, field: &str) -> Answer<Value> {
    let refuse = |detail: &str| Refusal::new(Code::InvalidParams, field, detail);
    let text = serde_json::to_vec(object).map_err(|_| refuse("not JSON"))?;
    json::parse(&text).map_err(|reject| refuse(&reject.detail))
}
