//! Claims about numbers (ubin-api.md §10): what a number holds, or that it holds nothing.

use super::body::body_hash;
use super::identifier::Ubin;
use super::record::{Entry, Record, record_key};
use super::view;
use crate::claim::{Walk, differs, missing, stated_text};
use crate::json::Value;
use crate::proof::VerifyError;

/// `ubin-presence` states `ubin` and `body` (an object, or null where the body was redacted);
/// `ubin-absence` states `ubin`.
pub fn claim(kind: &str, stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let asked = stated_text(stated, "ubin")?;
    let asked = Ubin::parse_canonical(asked).ok_or_else(|| missing("ubin"))?;
    let entry: Option<Entry> = walk.read(&record_key(&asked))?;
    match (kind, entry) {
        ("ubin-absence", None) => Ok(Value::object([
            ("found", Value::from(false)),
            ("ubin", Value::from(asked.to_string())),
        ])),
        ("ubin-presence", Some(Entry::Record(record))) => presence(stated, &asked, &asked, &record),
        ("ubin-presence", Some(Entry::Alias(alias))) => {
            let target =
                Ubin::parse_canonical(&alias.target).ok_or_else(|| differs("alias target"))?;
            match walk.read(&record_key(&target))? {
                Some(Entry::Record(record)) => presence(stated, &asked, &target, &record),
                _ => Err(differs("the alias leads to no record")),
            }
        }
        ("ubin-presence", None) => Err(differs("the number holds nothing")),
        _ => Err(differs("the number holds a record")),
    }
}

fn presence(
    stated: &Value,
    asked: &Ubin,
    current: &Ubin,
    record: &Record,
) -> Result<Value, VerifyError> {
    let body = stated.get("body").ok_or_else(|| missing("body"))?;
    if *body != Value::Null && body_hash(body) != record.body_hash {
        return Err(differs("the body has another hash"));
    }
    Ok(Value::object([
        ("found", Value::from(true)),
        // the question, so that an alias is seen as one
        ("ubin", Value::from(asked.to_string())),
        ("current", Value::from(current.to_string())),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("status", Value::from(record.shown_status().name())),
        ("live", Value::from(record.is_live())),
        ("mayAct", Value::from(record.may_act())),
        ("confirmedOn", Value::from(record.confirmed_on.as_str())),
        ("sourceAsOf", Value::from(record.source_as_of.as_str())),
        ("bodyHash", Value::from(record.body_hash)),
        ("body", body.clone()),
        ("meta", view::meta(&record.meta)),
    ]))
}

/// The business behind a number: (entity, current number), walking the same entries. `None` if the
/// number holds nothing.
pub(crate) fn walk_actor(
    walk: &mut Walk<'_>,
    ubin: &Ubin,
) -> Result<Option<(Record, Ubin)>, VerifyError> {
    match walk.read(&record_key(ubin))? {
        None => Ok(None),
        Some(Entry::Record(record)) => Ok(Some((*record, ubin.clone()))),
        Some(Entry::Alias(alias)) => {
            let target =
                Ubin::parse_canonical(&alias.target).ok_or_else(|| differs("alias target"))?;
            match walk.read(&record_key(&target))? {
                Some(Entry::Record(record)) => Ok(Some((*record, target))),
                _ => Err(differs("the alias leads to no record")),
            }
        }
    }
}
