//! Answers about records as JSON (ubin.md §2, ubin-api.md §7), made from state and a body.
//!
//! Invariant: a view shows what stands at one height and one block date; quality CHALLENGED, STALE
//! and CURRENT are derived here and never stored, and so is whether a challenge is overdue.

use super::challenge::{self, OpenChallenge};
use super::check::NationalCheck;
use super::identifier::{self, ParseError, Parsed, Ubin};
use super::record::{Meta, Record};
use super::scheme::SchemeTable;
use crate::json::Value;
use crate::state::Overlay;
use crate::time::{self, Date};

/// The moment that an answer speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// The height.
    pub height: u64,
    /// Its block time in ms.
    pub time_ms: u64,
}

/// How far to trust a record: the first that holds of ANNULLED, DUPLICATE, CHALLENGED, STALE,
/// CURRENT. `refresh_days` is that of the record's scheme.
pub fn quality(
    record: &Record,
    challenges: &[OpenChallenge],
    refresh_days: u64,
    time_ms: u64,
) -> &'static str {
    match &record.meta.mark {
        Some(mark) if mark.canonical.is_some() => "DUPLICATE",
        Some(_) => "ANNULLED",
        None if !challenges.is_empty() => "CHALLENGED",
        None if is_stale(record, refresh_days, time_ms) => "STALE",
        None => "CURRENT",
    }
}

fn is_stale(record: &Record, refresh_days: u64, time_ms: u64) -> bool {
    let days = i64::try_from(refresh_days.min(1_000_000)).unwrap_or(0);
    Date::parse(&record.confirmed_on)
        .is_some_and(|confirmed| Date::of_ms(time_ms) > confirmed.plus_days(days))
}

/// The answer for a record. `body` is the body of its version, if this node has it; `via` the
/// alias by which it was asked for, `challenges` what is open against it.
fn record(
    ubin: &Ubin,
    record: &Record,
    body: Option<&Value>,
    via: Option<&str>,
    refresh_days: u64,
    challenges: &[OpenChallenge],
    at: AsOf,
) -> Value {
    let overdue = challenges.iter().any(|challenge| at.time_ms > challenge.due_ms);
    let mut members = vec![
        ("found", Value::from(true)),
        ("ubin", Value::from(ubin.to_string())),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("bodyHash", Value::from(record.body_hash)),
        ("status", Value::from(record.shown_status().name())),
        ("live", Value::from(record.is_live())),
        ("mayAct", Value::from(record.may_act())),
        ("quality", Value::from(quality(record, challenges, refresh_days, at.time_ms))),
        ("confirmedOn", Value::from(record.confirmed_on.as_str())),
        ("sourceAsOf", Value::from(record.source_as_of.as_str())),
        ("warnings", texts(&record.meta.warnings)),
        ("aliases", texts(&record.aliases)),
        ("asOf", as_of(at)),
        (
            "challenges",
            Value::object([
                ("open", Value::from(challenges.len() as u64)),
                ("overdue", Value::from(overdue)),
            ]),
        ),
        ("successor", Value::from(record.successor())),
        (
            "record",
            Value::object([
                ("body", body.cloned().unwrap_or(Value::Null)),
                ("meta", meta(&record.meta)),
            ]),
        ),
    ];
    if let Some(via) = via {
        members.push(("via", Value::from(via)));
    }
    Value::object(members)
}

/// The answer for a number that nothing is known of: absence is an answer, no error.
fn absence(ubin: &Ubin, at: AsOf) -> Value {
    Value::object([
        ("found", Value::from(false)),
        ("ubin", Value::from(ubin.to_string())),
        ("asOf", as_of(at)),
    ])
}

/// The answer for a number as it stands in `state`, through an alias in one hop. `body_of` finds a
/// body by its hash.
pub fn get(
    state: &Overlay<'_>,
    ubin: &Ubin,
    at: AsOf,
    body_of: impl FnOnce(crate::digest::Digest) -> Option<Value>,
) -> Value {
    let found = super::record::find(state, ubin);
    standing(state, ubin, found.as_ref().map(|(current, record)| (current, record)), at, body_of)
}

/// The answer for `ubin`, behind which `found` stands: its current number and the record, which may be
/// an earlier one than that of `state`.
pub fn standing(
    state: &Overlay<'_>,
    ubin: &Ubin,
    found: Option<(&Ubin, &Record)>,
    at: AsOf,
    body_of: impl FnOnce(crate::digest::Digest) -> Option<Value>,
) -> Value {
    let Some((current, found)) = found else { return absence(ubin, at) };
    let via = (current != ubin).then(|| ubin.to_string());
    let refresh_days = super::refresh_days(state, current, found.meta.scheme_version);
    let body = body_of(found.body_hash);
    let challenges = challenge::open(state, &found.entity, &current.cc);
    record(current, found, body.as_ref(), via.as_deref(), refresh_days, &challenges, at)
}

/// Among the states of a record up to some height, newest first, the one that holds on a legal date
/// (ubin.md §2.2): the greatest validFrom, then the greatest version, with the marks of the newest
/// state, and its closure from the date of the closure on.
pub fn on_date(states: &[Record], date: Date) -> Option<Record> {
    let newest = states.first()?;
    let begun = |text: &str| Date::parse(text).is_some_and(|from| from <= date);
    // of one version the newest state stands first: the last maximum from the back is the first
    let found = states
        .iter()
        .rev()
        .filter(|record| begun(&record.valid_from))
        .max_by_key(|record| (&record.valid_from, record.version))?;
    let mut record = found.clone();
    record.meta.mark.clone_from(&newest.meta.mark);
    record.meta.closure = newest.meta.closure.clone().filter(|closure| begun(&closure.date));
    Some(record)
}

/// What the ledger adds to a body.
pub fn meta(meta: &Meta) -> Value {
    let mark = meta.mark.as_ref().map_or(Value::Null, |mark| {
        let state = if mark.canonical.is_some() { "DUPLICATE" } else { "ANNULLED" };
        let mut members =
            vec![("state", Value::from(state)), ("reason", Value::from(mark.reason.name()))];
        if let Some(canonical) = &mark.canonical {
            members.push(("canonical", Value::from(canonical.as_str())));
        }
        Value::object(members)
    });
    let closure = meta.closure.as_ref().map_or(Value::Null, |closure| {
        Value::object([
            ("status", Value::from(closure.status.name())),
            ("successor", Value::from(closure.successor.as_str())),
            ("date", Value::from(closure.date.as_str())),
            ("recordedAt", Value::from(closure.recorded_at)),
        ])
    });
    Value::object([
        ("seq", Value::from(meta.seq)),
        ("recordedAt", Value::from(meta.recorded_at)),
        ("txId", Value::from(meta.transaction.to_string())),
        ("schemeVersion", Value::from(meta.scheme_version)),
        ("warnings", texts(&meta.warnings)),
        ("mark", mark),
        ("closure", closure),
    ])
}

/// The answer of `ubin_parse` for a UBIN.
pub fn parsed(parsed: &Parsed, table: &SchemeTable) -> Value {
    let Parsed { ubin, warnings, national_check } = parsed;
    let renderings = identifier::renderings(ubin, table);
    Value::object([
        ("ubin", Value::from(ubin.to_string())),
        ("cc", Value::from(ubin.cc.as_str())),
        ("scheme", Value::from(ubin.scheme.as_str())),
        ("local", Value::from(ubin.local.as_str())),
        ("check", Value::from(ubin.check())),
        ("warnings", Value::List(warnings.iter().map(|w| Value::from(*w)).collect())),
        ("nationalCheck", Value::from(NationalCheck::name(*national_check))),
        (
            "renderings",
            Value::object([
                ("compact", Value::from(renderings.compact)),
                ("urn", Value::from(renderings.urn)),
                ("alei", Value::from(renderings.alei)),
                ("euidLike", Value::from(renderings.euid_like)),
                ("peppol", Value::from(renderings.peppol)),
                ("resolverPath", Value::from(renderings.path)),
            ]),
        ),
    ])
}

/// The `data` of the error of `ubin_parse`: name and suggestions.
pub fn parse_error(error: &ParseError) -> Value {
    Value::object([
        ("name", Value::from(error.code.name())),
        ("suggestions", texts(&error.suggestions)),
    ])
}

fn as_of(at: AsOf) -> Value {
    Value::object([
        ("height", Value::from(at.height)),
        ("blockTime", Value::from(time::rfc3339(at.time_ms))),
    ])
}

fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
}
