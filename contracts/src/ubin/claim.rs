<<<<<<< HEAD
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
        ("ubin-presence", Some(Entry::Record(record))) => {
            presence(stated, &asked, &asked, &record)
        }
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
=======
//! Claims of this register's proofs; see [`crate::claim`].
//!
//! `ubin-presence` carries the record, before it the alias by which it was asked for if there is
//! one, and may state the body, whose hash the record holds. `ubin-absence` carries one number
//! that nothing stands under: "not registered as of block time T".

use super::identifier::Ubin;
use super::record::{Entry as Content, Record, ubin_of_key};
use super::{body, view};
use crate::json::Value;
use crate::proof::{Entry, VerifyError};
use crate::state::decode_content;

/// The readable members of a claim over `entries`.
pub fn claim(
    kind: &str,
    stated: &Value,
    entries: &[Entry],
    _time_ms: u64,
) -> Result<Value, VerifyError> {
    match (kind, entries) {
        ("ubin-absence", [entry]) if entry.stored.is_none() => Ok(Value::object([
            ("found", Value::from(false)),
            ("ubin", Value::from(number_of(entry)?.to_string())),
        ])),
        ("ubin-presence", [entry]) => match read(entry)? {
            Content::Record(record) => presence(&number_of(entry)?, &record, stated, None),
            Content::Alias(_) => Err(differs("an alias needs the record it forwards to")),
        },
        ("ubin-presence", [first, second]) => match (read(first)?, read(second)?) {
            (Content::Alias(alias), Content::Record(record))
                if alias.target == number_of(second)?.to_string() =>
            {
                presence(&number_of(second)?, &record, stated, Some(&number_of(first)?))
            }
            _ => Err(differs("an alias and the record it forwards to are expected")),
        },
        ("ubin-presence" | "ubin-absence", _) => Err(differs("these values do not show it")),
        _ => Err(VerifyError::UnknownKind),
>>>>>>> ubin
    }
}

fn presence(
<<<<<<< HEAD
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
=======
    ubin: &Ubin,
    record: &Record,
    stated: &Value,
    via: Option<&Ubin>,
) -> Result<Value, VerifyError> {
    let mut members = vec![
        ("found", Value::from(true)),
        ("ubin", Value::from(ubin.to_string())),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("bodyHash", Value::from(record.body_hash)),
>>>>>>> ubin
        ("status", Value::from(record.shown_status().name())),
        ("live", Value::from(record.is_live())),
        ("mayAct", Value::from(record.may_act())),
        ("confirmedOn", Value::from(record.confirmed_on.as_str())),
        ("sourceAsOf", Value::from(record.source_as_of.as_str())),
<<<<<<< HEAD
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
=======
        ("meta", view::meta(&record.meta)),
    ];
    if let Some(via) = via {
        members.push(("via", Value::from(via.to_string())));
    }
    if let Some(body) = stated.get("body") {
        if body::body_hash(body) != record.body_hash {
            return Err(differs("the body is not the one of the record"));
        }
        members.push(("body", body.clone()));
    }
    Ok(Value::object(members))
}

fn number_of(entry: &Entry) -> Result<Ubin, VerifyError> {
    ubin_of_key(&entry.key).ok_or_else(|| differs("not the key of a number"))
}

fn read(entry: &Entry) -> Result<Content, VerifyError> {
    let stored = entry.stored.as_ref().ok_or_else(|| differs("nothing stands there"))?;
    decode_content(&stored.content).ok_or_else(|| differs("not a record or alias"))
}

fn differs(what: &str) -> VerifyError {
    VerifyError::ClaimDiffers(what.to_owned())
>>>>>>> ubin
}
