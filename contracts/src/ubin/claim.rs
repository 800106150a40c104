//! Claims about numbers (ubin-api.md §10): what a number holds, that it holds nothing, the versions
//! of its record, which schemes are in force, and the value of a counter.
//!
//! All of them hold for the height of the bundle. An older height needs other evidence (`as_of`), not
//! another claim. `since` is the height of the last change, so a presence also holds for every
//! height from there on.

use super::body::body_hash;
use super::counter::counter_key;
use super::identifier::Ubin;
use super::kpi;
use super::record::{Entry, Record, record_key};
use super::scheme::{
    CountryIndex, SchemeEntry, SchemeVersion, countries_key, country_key, scheme_key,
};
use super::view;
use crate::claim::{Walk, differs, missing, stated_text};
use crate::digest::Digest;
use crate::json::Value;
use crate::limits;
use crate::proof::VerifyError;
use crate::state::decode_content;

/// `ubin-presence` states `ubin` and `body` (an object, or null where the body was redacted);
/// `ubin-absence` states `ubin`; `ubin-history` states `ubin` and `versions`, newest first, each
/// with its `body`; `ubin-schemes` states nothing; `ubin-kpi` states `metric` and `counters`, each with
/// its `cells`.
pub fn claim(kind: &str, stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    match kind {
        "ubin-kpi" => return counters(stated, walk),
        "ubin-schemes" => return schemes(walk),
        _ => {}
    }
    let asked = stated_text(stated, "ubin")?;
    let asked = Ubin::parse_canonical(asked).ok_or_else(|| missing("ubin"))?;
    match (kind, find(walk, &asked)?) {
        ("ubin-absence", None) => Ok(Value::object([
            ("found", Value::from(false)),
            ("ubin", Value::from(asked.to_string())),
        ])),
        ("ubin-presence", Some(found)) => presence(stated, &asked, &found),
        ("ubin-history", Some(found)) => history(stated, &asked, &found),
        (_, None) => Err(differs("the number holds nothing")),
        _ => Err(differs("the number holds a record")),
    }
}

/// A record found by a walk.
struct Found {
    ubin: Ubin,
    record: Record,
    /// Height of its last change.
    since: u64,
}

/// The record behind a number, through an alias in one hop; `None` if the number holds nothing.
fn find(walk: &mut Walk<'_>, ubin: &Ubin) -> Result<Option<Found>, VerifyError> {
    let mut number = ubin.clone();
    for _hop in 0..2 {
        let Some(stored) = walk.stored(&record_key(&number))? else {
            return if number == *ubin { Ok(None) } else { Err(differs("a broken alias")) };
        };
        match decode_content(&stored.content) {
            Some(Entry::Record(record)) => {
                return Ok(Some(Found {
                    ubin: number,
                    record: *record,
                    since: stored.last_changed,
                }));
            }
            Some(Entry::Alias(alias)) => {
                number =
                    Ubin::parse_canonical(&alias.target).ok_or_else(|| differs("alias target"))?;
            }
            None => {
                return Err(VerifyError::Malformed("a state value does not decode".to_owned()));
            }
        }
    }
    Err(differs("the alias leads to no record"))
}

fn presence(stated: &Value, asked: &Ubin, found: &Found) -> Result<Value, VerifyError> {
    let Found { ubin, record, since } = found;
    let body = stated.get("body").ok_or_else(|| missing("body"))?;
    if *body != Value::Null && body_hash(body) != record.body_hash {
        return Err(differs("the body has another hash"));
    }
    Ok(Value::object([
        ("found", Value::from(true)),
        // the question, so that an alias is seen as one
        ("ubin", Value::from(asked.to_string())),
        ("current", Value::from(ubin.to_string())),
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
        ("since", Value::from(*since)),
    ]))
}

/// The versions from the current one back, each body proven by `prev` of the one after it.
fn history(stated: &Value, asked: &Ubin, found: &Found) -> Result<Value, VerifyError> {
    let Found { ubin, record, .. } = found;
    let stated = stated.get("versions").and_then(Value::as_list);
    let stated = stated.ok_or_else(|| missing("versions"))?;
    if stated.is_empty() || stated.len() > limits::PROOF_KEYS_MAX {
        return Err(missing("versions"));
    }
    let mut due = Some(record.body_hash);
    let mut version = record.version;
    let mut versions = Vec::new();
    for item in stated {
        let body = item.get("body").ok_or_else(|| missing("versions/body"))?;
        let Some(hash) = due.filter(|hash| body_hash(body) == *hash) else {
            return Err(differs("a body is not the one that the version after it names"));
        };
        let of_version = body.get("version").and_then(Value::as_int);
        if of_version != i64::try_from(version).ok() {
            return Err(differs("a body is of another version"));
        }
        versions.push(Value::object([
            ("version", Value::from(version)),
            ("bodyHash", Value::from(hash)),
            ("body", body.clone()),
        ]));
        due = body.get("prev").and_then(Value::as_text).and_then(Digest::parse);
        version = version.saturating_sub(1);
    }
    Ok(Value::object([
        ("found", Value::from(true)),
        ("ubin", Value::from(asked.to_string())),
        ("current", Value::from(ubin.to_string())),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("complete", Value::from(due.is_none())),
        ("versions", Value::List(versions)),
    ]))
}

/// The values of counters; one that never counted is 0.
fn counters(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let metric = stated_text(stated, "metric")?;
    let asked = stated.get("counters").and_then(Value::as_list);
    let asked = asked.ok_or_else(|| missing("counters"))?;
    let width = kpi::counter_width(metric).ok_or_else(|| missing("metric"))?;
    if asked.is_empty() || asked.len() > limits::PROOF_KEYS_MAX {
        return Err(missing("counters"));
    }
    let mut counters = Vec::new();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for item in asked {
        let cells = item.get("cells").and_then(Value::as_list);
        let cells: Option<Vec<&str>> = cells.and_then(|cells| {
            cells.iter().map(|cell| cell.as_text().filter(|text| !text.contains('/'))).collect()
        });
        // a key of another width never counts: its 0 would say nothing
        let cells = cells.filter(|cells| cells.len() == width);
        let cells = cells.ok_or_else(|| missing("counters/cells"))?;
        let key = counter_key(metric, &cells);
        if seen.contains(&key) {
            return Err(missing("counters/cells"));
        }
        let value: u64 = walk.read(&key)?.unwrap_or(0);
        counters.push(Value::object([
            ("cells", Value::List(cells.into_iter().map(Value::from).collect())),
            ("value", Value::from(value)),
        ]));
        seen.push(key);
    }
    Ok(Value::object([("metric", Value::from(metric)), ("counters", Value::List(counters))]))
}

/// The versions of all schemes that are in force or wait; the entries hold them whole.
fn schemes(walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let holds_none = || differs("the state holds no schemes");
    let countries: Vec<String> = walk.read(&countries_key())?.ok_or_else(holds_none)?;
    let mut schemes = Vec::new();
    for cc in &countries {
        let index: CountryIndex = walk.read(&country_key(cc))?.ok_or_else(holds_none)?;
        for scheme in &index.schemes {
            for SchemeVersion { version, effective_ms } in &scheme.versions {
                let key = scheme_key(cc, &scheme.code, *version);
                let _entry: SchemeEntry = walk.read(&key)?.ok_or_else(holds_none)?;
                schemes.push(Value::object([
                    ("cc", Value::from(cc.as_str())),
                    ("code", Value::from(scheme.code.as_str())),
                    ("version", Value::from(*version)),
                    ("effectiveMs", Value::from(*effective_ms)),
                ]));
            }
        }
    }
    Ok(Value::object([("schemes", Value::List(schemes))]))
}

/// The business behind a number: its record and current number, walking the same entries. `None`
/// if the number holds nothing.
pub(crate) fn walk_actor(
    walk: &mut Walk<'_>,
    ubin: &Ubin,
) -> Result<Option<(Record, Ubin)>, VerifyError> {
    Ok(find(walk, ubin)?.map(|found| (found.record, found.ubin)))
}
