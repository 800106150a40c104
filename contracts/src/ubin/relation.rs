//! Relations between records, seen from the one that is named (ubin.md §2.1): inverse links are
//! derived at read and never written.
//!
//! A record names others in the relations of its body and in its closure. Which records name a number
//! is not in state; a node keeps an index of pairs, which may hold more than what stands: [`links`]
//! says what a record names as it stands.

use super::identifier::Ubin;
use super::record::Record;
use super::vocabulary::Status;
use crate::json::Value;

/// The numbers that a body names in its relations, canonical, in order.
pub fn targets(body: &Value) -> impl Iterator<Item = &str> {
    relations(body).filter_map(|relation| relation.get("target")?.as_text())
}

fn relations(body: &Value) -> impl Iterator<Item = &Value> {
    body.get("relations").and_then(Value::as_list).unwrap_or_default().iter()
}

/// What the record `source` says of `target`, for readers: `{type, ubin, from, live}` for each relation
/// of its body and for its closure; `body` is the body of its version.
pub fn links(source: &Ubin, record: &Record, body: Option<&Value>, target: &str) -> Vec<Value> {
    let link = |kind: &str, from: &str| {
        Value::object([
            ("type", Value::from(kind)),
            ("ubin", Value::from(source.to_string())),
            ("from", Value::from(from)),
            ("live", Value::from(record.is_live())),
        ])
    };
    let text = |relation: &Value, name: &str| {
        relation.get(name).and_then(Value::as_text).unwrap_or_default().to_owned()
    };
    let named = body.into_iter().flat_map(relations);
    let mut links: Vec<Value> = named
        .filter(|relation| text(relation, "target") == target)
        .map(|relation| link(&text(relation, "type"), &text(relation, "from")))
        .collect();
    let closure = record.meta.closure.as_ref().filter(|closure| closure.successor == target);
    links.extend(closure.map(|closure| link(closed_by(closure.status), &closure.date)));
    links
}

/// The relation that a closure stands for.
const fn closed_by(status: Status) -> &'static str {
    match status {
        Status::Merged => "MERGED_INTO",
        Status::Converted => "CONVERTED_TO",
        _ => "RELOCATED_TO",
    }
}
