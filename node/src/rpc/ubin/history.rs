//! What a record was: its changes, and the versions of its body.

use titian_api::Object;
use titian_api::ubin::HistoryParams;
use titian_contracts::json::Value;
use titian_contracts::state::{Overlay, Reader, Stored, decode_content};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Entry, Record, record_key};
use titian_contracts::ubin::view as ubin_view;

use super::{parse, read, table};
use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

/// Versions of a page of `ubin_history`.
const HISTORY_ITEMS_MAX: u32 = 100;
/// State changes of a record that one answer looks at.
const CHANGES_MAX: usize = 1_000;

/// The states that a record had, newest first, as of `at`: every change that history keeps.
pub(super) fn changes(state: &State, at: &At, ubin: &Ubin) -> Vec<Record> {
    let key = record_key(ubin);
    let mut records = Vec::new();
    let mut next: Option<Stored> = at.reader.get(&key);
    while let Some(stored) = next.take() {
        if records.len() >= CHANGES_MAX {
            break;
        }
        match decode_content(&stored.content) {
            Some(Entry::Record(record)) => records.push(*record),
            _ => break,
        }
        let before = stored.prev_changed;
        if stored.last_changed == 0 || before >= stored.last_changed {
            break;
        }
        next = state.ledger().state_at(before).ok().and_then(|reader| reader.get(&key));
        // the value before the first change of a height is the one that ended there
        if next.as_ref().is_some_and(|found| found.last_changed != before) {
            next = None;
        }
    }
    records
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
    let limit = params.limit.unwrap_or(20).clamp(1, HISTORY_ITEMS_MAX) as usize;
    let from = params.from.unwrap_or(u64::MAX);
    let mut versions: Vec<Value> = Vec::new();
    let mut last = None;
    for record in changes(state, &at, &number) {
        if record.version > from || last == Some(record.version) {
            continue;
        }
        if versions.len() == limit {
            break;
        }
        last = Some(record.version);
        let body = read::body(state, record.body_hash).unwrap_or(Value::Null);
        versions.push(Value::object([
            ("version", Value::from(record.version)),
            ("bodyHash", Value::from(record.body_hash)),
            ("body", body),
            ("meta", ubin_view::meta(&record.meta)),
        ]));
    }
    let next = last.filter(|version| *version > 1).map(|version| version - 1);
    let shown = Value::object([
        ("ubin", Value::from(number.to_string())),
        ("versions", Value::List(versions)),
        ("next", Value::from(next)),
    ]);
    Ok(at.stamp(view::object(&shown)))
}
