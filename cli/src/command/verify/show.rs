//! A verdict for people: what passed, what did not and why, and what it rests on.
//!
//! Invariant: with `--json` the bytes of the verdict go out as they are. For people no claim is
//! shown; the subject only if it is a business, by its identifier.

use serde_json::Value;
use titian_credential::{form, problem};

use super::age_text;
use crate::command::explain::term_meaning;
use crate::document;
use crate::error::Kind;
use crate::output::{Output, Report, Tone};

/// A verdict as a report; its exit code is 0, 3 or 5. `credential` is what was judged, if it is at
/// hand.
pub(crate) fn verdict_report(output: Output, verdict: &str, credential: Option<&str>) -> Report {
    let value: Value = serde_json::from_str(verdict).unwrap_or_default();
    let exit = match document::text(&value, "/outcome") {
        Some("verified") => 0,
        Some("rejected") => Kind::NotProven.exit_code(),
        _ => Kind::Indeterminate.exit_code(),
    };
    if output.is_json() {
        return Report::raw(verdict).exit(exit);
    }
    let mut lines = vec![headline(output, &value, credential)];
    lines.extend(checks(output, &value));
    for inner in items(&value, "/credentials") {
        lines.push(format!("   {}", headline(output, inner, None)));
    }
    lines.extend(foundation(output, &value));
    Report::new(lines.join("\n"), value).exit(exit)
}

fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `VERIFIED   AEOAuthorisation   did:ubin:SG:CUSTOMS → SG-UEN-199403865N-G7`
fn headline(output: Output, verdict: &Value, credential: Option<&str>) -> String {
    let outcome = document::text(verdict, "/outcome").unwrap_or("indeterminate");
    let tone = match outcome {
        "verified" => Tone::Good,
        "rejected" => Tone::Bad,
        _ => Tone::Warn,
    };
    let types: Vec<&str> = items(verdict, "/types").iter().filter_map(Value::as_str).collect();
    let issuer = document::text(verdict, "/issuer").unwrap_or("(no issuer)");
    let subject = credential.and_then(business_of);
    let arrow = subject.map_or_else(String::new, |ubin| format!(" → {ubin}"));
    let head = output.paint(tone, &outcome.to_uppercase());
    format!("{head}   {}   {issuer}{arrow}", types.join(" "))
}

/// The business that a credential is about. Nothing of a person is shown unasked.
fn business_of(text: &str) -> Option<String> {
    let reading = form::read(text.as_bytes()).ok()?;
    let subject = reading.document.get("credentialSubject")?;
    let did = subject.get("id").and_then(Value::as_str)?.strip_prefix("did:ubin:")?;
    did.contains('-').then(|| did.to_owned())
}

fn checks(output: Output, verdict: &Value) -> Vec<String> {
    let (mut passed, mut more, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for check in items(verdict, "/checks") {
        let text = |pointer: &str| document::text(check, pointer).unwrap_or_default();
        let (name, code) = (text("/name"), text("/code"));
        match (text("/result"), name, code) {
            ("pass", "recognition", "DOMESTIC") => {
                more.insert(0, format!("issued in {} itself", jurisdiction(verdict)));
            }
            ("pass", "recognition", _) => {
                let entry = document::text(check, "/detail/entry").unwrap_or("yes");
                more.insert(0, format!("recognised in {}: {entry}", jurisdiction(verdict)));
            }
            ("pass", ..) => passed.push(label(name, check)),
            ("not-applicable", "holder", "NOT_A_PRESENTATION") => {
                more.push("holder: not a presentation; a copy verifies as well".to_owned());
            }
            ("not-applicable", ..) => {}
            (result, ..) => {
                let tone = if result == "fail" { Tone::Bad } else { Tone::Warn };
                let mark = output.paint(tone, result);
                let since = check.pointer("/detail/since").and_then(Value::as_u64);
                let since = since.map_or_else(String::new, |height| format!(" since {height}"));
                others.push(format!(" {mark}  {name}: {code}{since}   titian explain {code}"));
            }
        }
    }
    let good = output.paint(Tone::Good, "ok");
    let mut lines = Vec::new();
    if !passed.is_empty() {
        lines.push(format!(" {good}  {}", passed.join(" ")));
    }
    if !more.is_empty() {
        let mark = if more.iter().any(|line| !line.starts_with("holder")) { &good } else { "--" };
        lines.push(format!(" {mark}  {}", more.join("   -- ")));
    }
    lines.extend(others);
    lines
}

fn jurisdiction(verdict: &Value) -> &str {
    document::text(verdict, "/jurisdiction").unwrap_or("?")
}

/// The name of a check as people read it; the accreditation with its chain.
fn label(name: &str, check: &Value) -> String {
    match name {
        "issuerKey" => "key".to_owned(),
        "stateProof" => "state".to_owned(),
        "accreditation" => {
            let chain: Vec<&str> =
                items(check, "/detail/chain").iter().filter_map(Value::as_str).collect();
            if chain.is_empty() {
                name.to_owned()
            } else {
                format!("{name}({})", chain.join("→"))
            }
        }
        other => other.to_owned(),
    }
}

fn foundation(output: Output, verdict: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(height) = verdict.pointer("/trust/height").and_then(Value::as_u64) {
        let text = |pointer: &str| document::text(verdict, pointer).unwrap_or("?");
        let age = verdict.pointer("/trust/ageSeconds").and_then(Value::as_u64).unwrap_or(0);
        let sandbox = verdict.pointer("/trust/sandbox").and_then(Value::as_bool) == Some(true);
        lines.push(format!(
            " as of height {height}, {} ({} old, {}) on {}{}",
            text("/trust/time"),
            age_text(age),
            text("/trust/source"),
            text("/trust/chain"),
            if sandbox { ", a sandbox: nothing here is binding" } else { "" }
        ));
    }
    lines.extend(items(verdict, "/warnings").iter().filter_map(Value::as_str).map(|code| {
        // the list of codes says what is a warning in the last word
        let of_code = || problem::of(code).map(|known| known.meaning.trim_end_matches(" Warning."));
        let meaning = match code {
            "TIME_ASSERTED" => "signing time is the issuer's statement",
            other => term_meaning(other).or_else(of_code).unwrap_or(other),
        };
        format!(" {}: {meaning}", output.paint(Tone::Warn, "warning"))
    }));
    lines
}
