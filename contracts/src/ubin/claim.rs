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
    }
}

fn presence(
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
        ("status", Value::from(record.shown_status().name())),
        ("live", Value::from(record.is_live())),
        ("mayAct", Value::from(record.may_act())),
        ("confirmedOn", Value::from(record.confirmed_on.as_str())),
        ("sourceAsOf", Value::from(record.source_as_of.as_str())),
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
}
