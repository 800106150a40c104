//! An op in words, before it is signed: act, counterparty, effect, deadline, warnings.
//!
//! Invariant: every argument of the op is shown; long lists are counted, nothing else is left out.

use titian_contracts::json::Value;
use titian_contracts::time;

use crate::act::Unsigned;
use crate::command::explain::act_meaning;

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
    if let Some(title) = title_effect(text("act"), args) {
        lines.push(format!("title    {title}"));
    }
    for (name, value) in args.as_object().unwrap_or_default() {
        argument(name, value, &mut lines);
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

/// What an act does to the title of a record.
fn title_effect(act: &str, args: &Value) -> Option<String> {
    let kind = |name: &str| args.get(name).and_then(Value::as_text);
    let receiver = || args.get("to").map(party_text).unwrap_or_default();
    match act {
        "offer" | "deliver" => Some(match kind("endorse") {
            Some("special") => format!("to the order of {} once accepted", receiver()),
            Some("blank") => "to bearer once accepted".to_owned(),
            Some("restrictive") => format!("named to {}, final", receiver()),
            Some("collection") => format!("{} collects for you", receiver()),
            Some("pledge") => format!("{} holds it as pledge", receiver()),
            Some(other) => other.to_owned(),
            None => "stays; control alone moves".to_owned(),
        }),
        "accept" => Some("control, and title as endorsed, pass to you".to_owned()),
        "endorse" => Some("changes in place".to_owned()),
        "issue" | "issue_from_paper" => {
            let kind = args.get("title").and_then(|title| title.get("kind"));
            Some(match kind.and_then(Value::as_text) {
                Some("to_order") => format!("to the order of {} from the start", receiver()),
                Some("bearer") => "to bearer from the start".to_owned(),
                Some("named") => format!("named to {} from the start", receiver()),
                _ => "none: no document of title".to_owned(),
            })
        }
        "split" | "merge" => Some("goes over to the new records; this one ends".to_owned()),
        "pledge" => Some(format!("stays; {} has to agree to what you do with it", receiver())),
        "enforce" => Some(format!("passes to {}", receiver())),
        "surrender" => Some("stays with you until the obligor answers".to_owned()),
        "surrender_accept" => Some("ends; the record is dead afterwards".to_owned()),
        "cancel" => Some("ends; the record is dead afterwards".to_owned()),
        _ => None,
    }
}

/// The text of a party argument: a UBIN, `{party}` or `{joint}`.
fn party_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other
            .get("party")
            .and_then(Value::as_text)
            .map_or_else(|| other.to_jcs(), str::to_owned),
    }
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
