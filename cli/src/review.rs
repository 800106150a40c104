//! An op in words, before it is signed: act, counterparty, effect, deadline, warnings.
//!
//! Invariant: every argument of the op is shown; long lists are counted, nothing else is left out. What
//! an act on a record answers is taken from the record as the op names it, by seq and head.

mod facts;
pub(crate) mod words;

use serde_json::{Value as Json, json};
use titian_api::etr::GetParams;
use titian_api::{Call as _, Verdict, call};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time;

use crate::act::{Unsigned, capability};
use crate::command::explain::act_meaning;
use crate::document;
use crate::session::Session;
use crate::wallet::KeyRef;
use facts::{Deadline, Facts};

const ITEMS_SHOWN_MAX: usize = 8;

/// The lines that a person reads before signing.
pub(crate) fn lines(unsigned: &Unsigned) -> Vec<String> {
    let op = &unsigned.value;
    let text = |name: &str| op.get(name).and_then(Value::as_text).unwrap_or_default();
    let name = format!("{}.{}", text("register"), text("act"));
    let mut lines = vec![format!("act      {name}: {}", act_meaning(&name).unwrap_or("?"))];
    if !text("id").is_empty() {
        lines.push(format!("record   {}", text("id")));
    }
    let args = op.get("args").unwrap_or(&Value::Null);
    if let Some(facts) = facts_of(unsigned) {
        let whom = |(role, name): &(&str, String)| {
            format!("with     {}", format!("{role} {name}").trim_start())
        };
        lines.extend(facts.counterparties.iter().map(whom));
        lines.push(format!("title    {}", facts.title));
        let until = facts.deadline.as_ref().map_or_else(|| "none".to_owned(), Deadline::text);
        lines.push(format!("deadline {until}"));
    }
    for (name, value) in args.as_object().unwrap_or_default() {
        argument(name, value, &mut lines);
    }
    if let (Register::Gov, Some(proposal)) = (unsigned.register, &unsigned.record) {
        for name in ["kind", "subject", "body"] {
            let value = proposal.get(name).and_then(|value| document::from_json(value).ok());
            argument(&format!("proposal.{name}"), &value.unwrap_or(Value::Null), &mut lines);
        }
    }
    for member in ["seq", "rulebook", "place", "ack"] {
        if let Some(value) = op.get(member).filter(|value| **value != Value::Null) {
            lines.push(format!("{member:<8} {}", value.to_jcs()));
        }
    }
    lines.push(format!("network  {}", text("chain")));
    lines.push(format!("digest   {}", unsigned.digest()));
    lines.extend(unsigned.warnings.iter().map(|warning| format!("warning  {warning}")));
    align(&lines)
}

/// What a state says of an act on a record.
pub(crate) fn verdict_line(said: &Verdict) -> String {
    let Verdict { jurisdiction, verdict, effect, .. } = said;
    let ground = said.citation.as_ref().map(|citation| format!(": {citation}"));
    format!("law      {jurisdiction} {verdict} ({effect}){}", ground.unwrap_or_default())
}

/// The lines with what follows the first word in one column.
fn align(lines: &[String]) -> Vec<String> {
    let split = |line: &String| {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        (name.to_owned(), value.trim_start().to_owned())
    };
    let parts: Vec<(String, String)> = lines.iter().map(split).collect();
    let width = parts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    parts.into_iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect()
}

/// The facts of an act on a record.
fn facts_of(unsigned: &Unsigned) -> Option<Facts> {
    if unsigned.register != Register::Etr {
        return None;
    }
    let act = unsigned.value.get("act").and_then(Value::as_text)?;
    let args = unsigned.value.get("args").unwrap_or(&Value::Null);
    facts::of(act, args, unsigned.record.as_ref())
}

/// What [`lines`] say of an act on a record, for programs.
pub(crate) fn to_json(unsigned: &Unsigned) -> Option<Json> {
    let facts = facts_of(unsigned)?;
    let text = |name: &str| unsigned.value.get(name).and_then(Value::as_text).unwrap_or_default();
    let name = format!("{}.{}", text("register"), text("act"));
    let whom = facts.counterparties.iter();
    let whom: Vec<Json> =
        whom.map(|(role, party)| json!({ "role": role, "party": party })).collect();
    Some(json!({
        "act": name,
        "meaning": act_meaning(&name),
        "record": unsigned.value.get("id").and_then(Value::as_text),
        "counterparties": whom,
        "title": facts.title,
        "deadline": facts.deadline.as_ref().map(Deadline::to_json),
        "warnings": unsigned.warnings,
        "opDigest": unsigned.digest().to_string(),
    }))
}

/// The report with what was seen before signing.
pub(crate) fn with_review(json: &mut Json, review: Option<Json>) {
    if let (Some(members), Some(review)) = (json.as_object_mut(), review) {
        members.insert("review".to_owned(), review);
    }
}

/// The record that an op is about as the node shows it to a signer; `None` unless it stands where the
/// op names it: another state of it would explain another op.
pub(crate) fn record_of(session: &Session, op: &Value, signer: Option<&KeyRef>) -> Option<Json> {
    let id = op.get("id").and_then(Value::as_text)?;
    let capability = match (session.wallet(), signer) {
        (Ok(wallet), Some(key)) => {
            capability(session, &wallet, key, call::EtrGet::NAME, id).ok().flatten()
        }
        _ => None,
    };
    let params = GetParams { id: id.to_owned(), capability, ..GetParams::default() };
    let record = Json::Object(session.client().ok()?.ask::<call::EtrGet>(&params).ok()?);
    let seq = op.get("seq").and_then(Value::as_int);
    let head = op.get("head").and_then(Value::as_text);
    let stands = record.pointer("/public/seq").and_then(Json::as_i64) == seq
        && document::text(&record, "/public/head") == head;
    stands.then_some(record)
}

/// The text of a party argument: a UBIN, `{party}` or `{joint}`.
fn party_text(value: &Value) -> String {
    if let Some(text) = value.as_text().or_else(|| value.get("party")?.as_text()) {
        return text.to_owned();
    }
    let joint = |joint: &Value| {
        let of = joint.get("of")?.as_list()?.iter().map(Value::as_text);
        Some(format!(
            "{} of {}",
            joint.get("k")?.to_jcs(),
            of.collect::<Option<Vec<_>>>()?.join(", ")
        ))
    };
    value.get("joint").and_then(joint).unwrap_or_else(|| value.to_jcs())
}

fn argument(name: &str, value: &Value, lines: &mut Vec<String>) {
    let shown = match value {
        Value::Int(ms) if name.ends_with("Ms") => match u64::try_from(*ms) {
            Ok(ms) => format!("{} ({ms})", time::rfc3339(ms)),
            Err(_) => ms.to_string(),
        },
        Value::Text(text) => text.clone(),
        Value::List(items) if items.len() > ITEMS_SHOWN_MAX => {
            format!("{} items, covered by the digest", items.len())
        }
        Value::List(items) => {
            items.iter().map(Value::to_jcs).collect::<Vec<_>>().join("\n         ")
        }
        Value::Object(members) => {
            for (inner, value) in members {
                argument(&format!("{name}.{inner}"), value, lines);
            }
            return;
        }
        other => other.to_jcs(),
    };
    lines.push(format!("{name:<8} {shown}"));
}
