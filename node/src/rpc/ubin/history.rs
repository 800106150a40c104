//! What a record was: its changes, and the versions of its body.
//!
//! Every state that the record had is read from history as far back as this node keeps heights, also
//! under the numbers that it had before; bodies are kept for ever and chain by `prev`, so which
//! versions there were is always known.

use titian_api::ubin::HistoryParams;
use titian_api::{Object, Refusal};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::{Overlay, Reader, Stored, decode_content};
use titian_contracts::time::Date;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Entry, Record, record_key};
use titian_contracts::ubin::view as ubin_view;

use super::{parse, read, table};
use crate::rpc::at::At;
use crate::rpc::methods::{Answer, page_items};
use crate::rpc::{State, view};

/// Versions of a page of `ubin_history`.
const HISTORY_ITEMS_MAX: u32 = 100;
/// State changes of a record that one answer looks at.
const CHANGES_MAX: usize = 1_000;

/// The states that a record had, as of some height.
pub(super) struct States {
    /// Newest first.
    pub(super) records: Vec<Record>,
    /// Whether these are all.
    whole: bool,
}

/// The hash of the body before this one.
pub(super) fn prev(body: &Value) -> Option<Digest> {
    body.get("prev").and_then(Value::as_text).and_then(Digest::parse)
}

/// The states that the record under `ubin` had, as of `at`: every change that history keeps.
pub(super) fn states(state: &State, at: &At, ubin: &Ubin) -> States {
    let mut states = States { records: Vec::new(), whole: false };
    let mut number = ubin.clone();
    let mut next: Option<Stored> = at.reader.get(&record_key(&number));
    while let Some(stored) = next.take() {
        let Some(Entry::Record(record)) = decode_content(&stored.content) else { break };
        let first = stored.prev_changed == 0 || stored.prev_changed >= stored.last_changed;
        let mut before = stored.prev_changed;
        if first {
            let Some(former) = former_number(state, &record, &number) else {
                states.whole = record.version == 1;
                states.records.push(*record);
                break;
            };
            // it stood under its former number until the change that moved it
            (number, before) = (former, stored.last_changed.saturating_sub(1));
        }
        states.records.push(*record);
        if states.records.len() >= CHANGES_MAX {
            break;
        }
        let reader = state.ledger().state_at(before).ok();
        next = reader.and_then(|reader| reader.get(&record_key(&number)));
    }
    states
}

/// The number that a record had before the version that `record` holds, if it was another.
fn former_number(state: &State, record: &Record, number: &Ubin) -> Option<Ubin> {
    let before = read::body(state, prev(&read::body(state, record.body_hash)?)?)?;
    let former = Ubin::parse_canonical(before.get("ubin")?.as_text()?)?;
    (former != *number).then_some(former)
}

impl States {
    /// The record as it holds on a legal date (ubin.md §2.2). `HEIGHT_PRUNED` if a version holds
    /// whose state is not kept.
    pub(super) fn on_date(&self, state: &State, date: Date) -> Answer<Option<Record>> {
        let found = ubin_view::on_date(&self.records, date);
        let begun = |from: &str| Date::parse(from).is_some_and(|from| from <= date);
        let beyond = self.beyond(state);
        let from = |body: &Value| {
            let from = body.get("validFrom").and_then(Value::as_text).filter(|from| begun(from));
            Some((from?.to_owned(), version_of(body)))
        };
        let lost = beyond.iter().filter_map(from).max();
        let kept = found.as_ref().map(|record| (record.valid_from.clone(), record.version));
        if lost > kept {
            let oldest = state.ledger().oldest();
            let detail = "the version of that date is older than what is kept";
            return Err(Refusal::new(Code::HeightPruned, "/on", detail).oldest(oldest));
        }
        Ok(found)
    }

    /// The bodies of the versions before the first state that is kept, newest first.
    fn beyond(&self, state: &State) -> Vec<Value> {
        let mut bodies = Vec::new();
        let last = self.records.last().filter(|_| !self.whole);
        let mut due = last.and_then(|last| prev(&read::body(state, last.body_hash)?));
        while let Some(body) = due.and_then(|hash| read::body(state, hash)) {
            due = prev(&body);
            bodies.push(body);
            if bodies.len() >= CHANGES_MAX {
                break;
            }
        }
        bodies
    }
}

fn version_of(body: &Value) -> u64 {
    body.get("version").and_then(Value::as_int).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

/// The number under which a record stands, through an alias.
pub(super) fn current(at: &At, ubin: &Ubin) -> Option<(Ubin, Record)> {
    record::find(&Overlay::new(&at.reader), ubin)
}

pub(super) fn versions(state: &State, params: &HistoryParams) -> Answer<Object> {
    let ubin = parse(state, &params.ubin, &table(state))?.ubin;
    let at = At::height(state, None)?;
    let Some((number, _)) = current(&at, &ubin) else {
        return Ok(read::answer(state, &at, &ubin));
    };
    let limit = page_items(params.limit, 20, HISTORY_ITEMS_MAX)?;
    let from = params.from.unwrap_or(u64::MAX);
    let states = states(state, &at, &number);
    let mut versions: Vec<(u64, Digest, Option<Value>)> = Vec::new();
    for record in &states.records {
        if versions.last().is_none_or(|(version, ..)| *version != record.version) {
            let meta = ubin_view::meta(&record.meta);
            versions.push((record.version, record.body_hash, Some(meta)));
        }
    }
    let beyond = states.beyond(state);
    let body_hash = titian_contracts::ubin::body::body_hash;
    versions.extend(beyond.iter().map(|body| (version_of(body), body_hash(body), None)));
    let mut shown = versions.into_iter().filter(|(version, ..)| *version <= from);
    let page: Vec<(u64, Digest, Option<Value>)> = shown.by_ref().take(limit).collect();
    let next = shown.next().map(|(version, ..)| version);
    let items = page.into_iter().map(|(version, hash, meta)| {
        Value::object([
            ("version", Value::from(version)),
            ("bodyHash", Value::from(hash)),
            ("body", read::body(state, hash).into()),
            ("meta", meta.into()),
        ])
    });
    let shown = Value::object([
        ("ubin", Value::from(number.to_string())),
        ("versions", Value::List(items.collect())),
        ("next", Value::from(next)),
    ]);
    Ok(at.stamp(view::object(&shown)))
}
