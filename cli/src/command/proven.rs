//! What a verified bundle shows, in a few lines for people.

use serde_json::json;
use titian_contracts::etr::challenge::{Asked, Unanswered};
use titian_contracts::json::Value;
use titian_contracts::op::encode_base64;
use titian_contracts::proof::{Entry, Proven};
use titian_contracts::state::content_hash;
use titian_contracts::{etr, proof, time};

use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Kind, Result};

/// The lines of a claim; members that only machines need are left to `--json`.
pub(super) fn lines(proven: &Proven) -> Vec<String> {
    let claim = proven.claim.without("entries");
    match proven.kind.as_str() {
        "ledger-state" => entries(proven).iter().map(entry_line).collect(),
        "ubin-presence" => presence(&claim),
        "ubin-absence" => vec![format!(" {} was not registered", text(&claim, "ubin"))],
        "ubin-history" => history(&claim),
        "ubin-schemes" => schemes(&claim),
        "ubin-kpi" => counters(&claim),
        "etr-control" => control(&claim, control_tense(proven).unwrap_or("was")),
        "etr-history" => record_history(&claim),
        "etr-singularity" => singularity(&claim),
        _ => members(&claim),
    }
}

/// The claim as `--json` shows it. The entries of a claim say what its other members say, but in a
/// proof of bare entries there is nothing else: there each is told by its parts.
pub(super) fn claim_json(proven: &Proven) -> serde_json::Value {
    if proven.kind != "ledger-state" {
        return document::to_json(&proven.claim.without("entries"));
    }
    let entry = |entry: &Entry| {
        let value = entry.stored.as_ref().map(|stored| {
            json!({
                "lastChanged": stored.last_changed,
                "prevChanged": stored.prev_changed,
                "contentHash": content_hash(&entry.key, &stored.content).to_string(),
                "content": encode_base64(&stored.content),
            })
        });
        json!({
            "key": encode_base64(&entry.key),
            "keyText": key_text(&entry.key),
            "value": value,
        })
    };
    json!({ "entries": entries(proven).iter().map(entry).collect::<Vec<_>>() })
}

/// The entries of a verified claim.
fn entries(proven: &Proven) -> Vec<Entry> {
    proof::read_entries(&proven.claim).unwrap_or_default()
}

fn entry_line(entry: &Entry) -> String {
    let key = key_text(&entry.key);
    match &entry.stored {
        None => format!(" {key} absent"),
        Some(stored) => format!(
            " {key} stands since height {}, {} bytes, {}",
            stored.last_changed,
            stored.content.len(),
            content_hash(&entry.key, &stored.content)
        ),
    }
}

/// A key for people: its parts are text or numbers of 8 bytes, and what is no text is escaped.
fn key_text(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

fn members(claim: &Value) -> Vec<String> {
    let members = claim.as_object().unwrap_or_default().iter();
    members.map(|(name, value)| format!(" {name:<12} {}", shown(value))).collect()
}

/// Who is, or was, in control: a challenge that was answered long ago, or over old state, says nothing
/// of now.
fn control(claim: &Value, verb: &str) -> Vec<String> {
    let challenge = claim.get("challenge").unwrap_or(&Value::Null);
    let ms = challenge.get("ms").and_then(Value::as_int).and_then(|ms| u64::try_from(ms).ok());
    let ms = ms.unwrap_or_default();
    let holder = claim.get("party").and_then(|party| party.get("controller"));
    let holder =
        holder.map_or_else(|| "?".to_owned(), |p| p.get("party").map_or_else(|| shown(p), shown));
    vec![
        format!(" {holder} {verb} in control of {}", text(claim, "id")),
        format!(
            " {:<12} to {}, nonce {}, {}",
            "answered",
            text(challenge, "audience"),
            text(challenge, "nonce"),
            time::rfc3339(ms)
        ),
        format!(" {:<12} {}", "public", text(claim, "public")),
    ]
}

/// Whether a proof of control says who `is` in control, or who `was`; `None` for other kinds. Of a
/// record that has ended nobody is.
pub(super) fn control_tense(proven: &Proven) -> Option<&'static str> {
    let challenge = proven.claim.get("challenge").filter(|_| proven.kind == "etr-control")?;
    let ms = challenge.get("ms").and_then(Value::as_int).and_then(|ms| u64::try_from(ms).ok());
    let fresh = etr::is_fresh(ms.unwrap_or_default(), proven.time_ms, now_ms());
    let status = proven.claim.get("public").and_then(|public| public.get("status")?.as_text());
    Some(if fresh && status != Some("dead") { "is" } else { "was" })
}

/// Refuses a proof that does not answer the challenge in a file, or was not made for an audience.
/// Only a proof of control answers anybody; every other kind is there for whoever asks.
pub(super) fn check_answer(
    proven: &Proven,
    chain: &str,
    challenge: Option<&str>,
    audience: Option<&str>,
) -> Result<()> {
    if let Some(path) = challenge {
        // what answers nothing is told so before the file is looked for
        if proven.kind != "etr-control" {
            return Err(unanswered(&Unanswered::OtherKind));
        }
        let asked = Asked::read(&document::read_value(path.as_ref())?).map_err(|reject| {
            let mut error = CommandError::from_reject(Kind::Usage, &reject);
            error.message = format!("{path} is no challenge: {}", error.message);
            error.hint("titian etr challenge ID --audience NAME -o c.json")
        })?;
        asked.check(chain, proven).map_err(|why| unanswered(&why))?;
    }
    let answer = proven.claim.get("challenge").filter(|_| proven.kind == "etr-control");
    match (audience, answer) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(unanswered(&Unanswered::OtherKind)),
        (Some(wanted), Some(answer)) if text(answer, "audience") == wanted => Ok(()),
        (Some(_), Some(_)) => Err(unanswered(&Unanswered::OtherChallenge)),
    }
}

/// What a file that does not answer is told as.
pub(super) fn unanswered(why: &Unanswered) -> CommandError {
    let reason = format!("not proven: {why}");
    CommandError::new(Kind::NotProven, reason.clone())
        .named("NOT_PROVEN")
        .with_data(json!({ "proven": false, "reason": reason }))
}

/// The root record of a number and, where the lineage is shown, what is in force of it.
fn singularity(claim: &Value) -> Vec<String> {
    let list = |name: &str| claim.get(name).and_then(Value::as_list);
    let (Some(descendants), Some(in_force)) = (list("descendants"), list("inForce")) else {
        return members(claim);
    };
    let mut lines = members(
        &["descendants", "ancestors", "whole", "public"]
            .iter()
            .fold(claim.clone(), |claim, name| claim.without(name)),
    );
    let node = |node: &Value| {
        let public = node.get("public").unwrap_or(&Value::Null);
        format!("{} {}", text(node, "id"), text(public, "status"))
    };
    lines.extend(descendants.iter().map(|item| format!(" {:<12} {}", "lineage", node(item))));
    let ancestors = list("ancestors").unwrap_or_default().iter().skip(1);
    lines.extend(ancestors.map(|item| format!(" {:<12} {}", "made of", node(item))));
    if claim.get("ancestorsComplete") == Some(&Value::Bool(false)) {
        lines.push(format!(" {:<12} more records, which are not shown", "made of"));
    }
    let known = claim.get("complete") == Some(&Value::Bool(true));
    let extent = if known { "no other can be" } else { "there may be others, which are not shown" };
    lines.push(format!(" {} in force; {extent}", in_force.len()));
    lines
}

fn record_history(claim: &Value) -> Vec<String> {
    let ops = claim.get("ops").and_then(Value::as_list).unwrap_or_default();
    let mut lines = vec![format!(" {} had these ops:", text(claim, "id"))];
    let times = claim.get("times").and_then(Value::as_list).unwrap_or_default();
    lines.extend((1..).zip(ops).map(|(seq, op)| {
        let sigs = op.get("sigs").and_then(Value::as_list).unwrap_or_default();
        let signers: Vec<String> = sigs.iter().map(|sig| text(sig, "party")).collect();
        let is_this = |item: &&Value| item.get("seq").and_then(Value::as_int) == Some(seq);
        let ms = times.iter().find(is_this).and_then(|item| item.get("ms")?.as_int());
        let when = ms.and_then(|ms| u64::try_from(ms).ok()).map(time::rfc3339).unwrap_or_default();
        let (act, place) = (text(op, "act"), text(op, "place"));
        format!(" {seq:<4} {act:<16} {when:<24} {place} {}", signers.join(" "))
    }));
    let redlines = claim.get("redlines").and_then(Value::as_list).unwrap_or_default();
    for redline in redlines {
        let changes = redline.get("changes").and_then(Value::as_list).unwrap_or_default();
        let fields: Vec<String> = changes.iter().map(|change| text(change, "field")).collect();
        let (seq, reason) = (text(redline, "seq"), text(redline, "reason"));
        lines.push(format!(" amended by {seq} ({reason}): {}", fields.join(", ")));
    }
    let count = |name: &str| claim.get(name).and_then(Value::as_list).map_or(0, <[Value]>::len);
    lines.push(format!(
        " {} keys, {} endorsements, {} amendments; they lead to the head in state",
        count("signers"),
        count("endorsements"),
        count("redlines")
    ));
    lines
}

fn presence(claim: &Value) -> Vec<String> {
    let name = claim
        .get("body")
        .and_then(|body| body.get("legalName"))
        .and_then(|name| name.get("value"))
        .map_or_else(|| "(name not published)".to_owned(), shown);
    let mut lines = vec![format!(" {} held the record of {name}", text(claim, "ubin"))];
    if claim.get("current") != claim.get("ubin") {
        lines.push(format!(" {:<12} {}", "current", text(claim, "current")));
    }
    // the rest as it stands; the body is long
    let rest = claim.without("found").without("ubin").without("current").without("body");
    lines.extend(members(&rest));
    lines
}

fn history(claim: &Value) -> Vec<String> {
    let versions = claim.get("versions").and_then(Value::as_list).unwrap_or_default();
    let whole = claim.get("complete") == Some(&Value::Bool(true));
    let extent = if whole { "all versions" } else { "the newest versions" };
    let mut lines = vec![format!(" {} had {extent} of these:", text(claim, "ubin"))];
    lines.extend(versions.iter().map(|version| {
        let body = version.get("body").unwrap_or(&Value::Null);
        let status = body.get("status").and_then(|status| status.get("code"));
        format!(
            " version {:<4} valid from {}  {:<12} {}",
            text(version, "version"),
            text(body, "validFrom"),
            status.map_or_else(|| "?".to_owned(), shown),
            text(version, "bodyHash"),
        )
    }));
    lines
}

fn schemes(claim: &Value) -> Vec<String> {
    let schemes = claim.get("schemes").and_then(Value::as_list).unwrap_or_default();
    let line = |scheme: &Value| {
        let effective = scheme.get("effectiveMs").and_then(Value::as_int);
        let effective = effective.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0);
        let from = effective.map_or_else(|| "genesis".to_owned(), time::rfc3339);
        let [cc, code, version] = ["cc", "code", "version"].map(|name| text(scheme, name));
        format!(" {:<10} version {version:<4} from {from}", format!("{cc}-{code}"))
    };
    let mut lines = vec![format!(" {} versions of schemes in force or announced", schemes.len())];
    lines.extend(schemes.iter().map(line));
    lines
}

fn counters(claim: &Value) -> Vec<String> {
    let counters = claim.get("counters").and_then(Value::as_list).unwrap_or_default();
    let cells = |counter: &Value| -> String {
        let cells = counter.get("cells").and_then(Value::as_list).unwrap_or_default();
        cells.iter().map(shown).collect::<Vec<_>>().join(" ")
    };
    let mut lines = vec![format!(" {} counted", text(claim, "metric"))];
    lines.extend(
        counters
            .iter()
            .map(|counter| format!(" {:>9}  {}", text(counter, "value"), cells(counter))),
    );
    lines
}

fn text(of: &Value, name: &str) -> String {
    of.get(name).map_or_else(|| "?".to_owned(), shown)
}

fn shown(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_jcs(), str::to_owned)
}
