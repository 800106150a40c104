//! What became of a chunk of an import.

use titian_api::ubin::ImportStatusParams;
use titian_api::{Object, Refusal};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::import::chunk::{self, Chunk, Run};
use titian_contracts::ubin::scheme;

use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

/// Runs of equal results that one answer shows.
const RUNS_MAX: usize = 1_000;

pub(super) fn status(state: &State, params: &ImportStatusParams) -> Answer<Object> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let countries: Vec<String> = overlay.read(&scheme::countries_key()).unwrap_or_default();
    if params.cc.as_ref().is_some_and(|cc| !countries.contains(cc)) {
        return Err(Refusal::new(Code::UbinCountryUnknown, "/cc", ""));
    }
    let named = match (&params.root, &params.cc, params.seq) {
        (Some(root), cc, None) => by_root(&overlay, root, cc.as_deref(), &countries)?,
        (None, Some(cc), seq) => seq.map(|seq| (cc.clone(), seq)),
        _ => {
            let detail = "the root of a chunk, or its state and number";
            return Err(Refusal::new(Code::InvalidParams, "/root", detail));
        }
    };
    let found = named.and_then(|(cc, seq)| {
        let chunk = chunk::find(&overlay, &cc, seq)?;
        Some((cc, seq, chunk))
    });
    let mut answer = match &found {
        None => Value::object([("found", Value::from(false))]),
        Some((cc, seq, chunk)) => shown(cc, *seq, chunk, params.from.unwrap_or(0)),
    };
    if let Some(cc) = found.as_ref().map(|(cc, ..)| cc).or(params.cc.as_ref()) {
        answer = answer.with("nextSeq", Value::from(chunk::next_seq(&overlay, cc)));
    }
    Ok(at.stamp(view::object(&answer)))
}

/// State and number of the newest chunk with a root.
fn by_root(
    overlay: &Overlay<'_>,
    root: &str,
    cc: Option<&str>,
    countries: &[String],
) -> Answer<Option<(String, u64)>> {
    let root = Digest::parse(root)
        .ok_or_else(|| Refusal::new(Code::InvalidParams, "/root", "b3: and 64 hex digits"))?;
    let mut asked = countries.iter().filter(|country| cc.is_none_or(|cc| cc == *country));
    Ok(asked.find_map(|cc| Some((cc.clone(), overlay.read(&chunk::root_key(cc, &root))?))))
}

fn shown(cc: &str, seq: u64, chunk: &Chunk, from: u64) -> Value {
    let tally = chunk.tally();
    let after = |run: &&Run| u64::from(run.first) + u64::from(run.count) > from;
    let mut runs = chunk.refused.iter().filter(after);
    let results = runs.by_ref().take(RUNS_MAX).map(result).collect();
    let schemes = chunk.schemes.iter().map(|scheme| {
        let code = Value::from(scheme.code.as_str());
        Value::object([("code", code), ("r2", Value::from(scheme.r2))])
    });
    Value::object([
        ("found", Value::from(true)),
        ("cc", Value::from(cc)),
        ("seq", Value::from(seq)),
        ("root", Value::from(chunk.root)),
        ("count", Value::from(chunk.count)),
        ("open", Value::from(chunk.is_open())),
        ("openedAt", Value::from(chunk.opened_at)),
        ("txId", Value::from(chunk.transaction.to_string())),
        ("schemes", Value::List(schemes.collect())),
        ("bitmap", Value::from(hex::encode(&chunk.done))),
        ("done", Value::from(chunk.done_count())),
        ("applied", Value::from(tally.applied)),
        ("unchanged", Value::from(tally.unchanged)),
        ("versionConflict", Value::from(tally.version_conflict)),
        ("rejected", Value::from(tally.rejected)),
        ("results", Value::List(results)),
        ("next", runs.next().map(|run| Value::from(u64::from(run.first))).into()),
    ])
}

/// Consecutive records that were not applied, with the rule.
fn result(run: &Run) -> Value {
    Value::object([
        ("first", Value::from(u64::from(run.first))),
        ("count", Value::from(u64::from(run.count))),
        ("code", Value::from(Code::by_number(run.code).map_or("?", Code::name))),
    ])
}
