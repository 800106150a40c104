//! What a verified bundle shows, in a few lines for people.

use titian_contracts::json::Value;
use titian_contracts::proof::Proven;
use titian_contracts::{etr, time};

use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;

/// The lines of a claim; members that only machines need are left to `--json`.
pub(super) fn lines(proven: &Proven) -> Vec<String> {
    let claim = proven.claim.without("entries");
    match proven.kind.as_str() {
        "ubin-presence" => presence(&claim),
        "ubin-absence" => vec![format!(" {} was not registered", text(&claim, "ubin"))],
        "ubin-history" => history(&claim),
        "ubin-schemes" => schemes(&claim),
        "ubin-kpi" => counters(&claim),
        "etr-control" => control(&claim, proven.time_ms),
        "etr-history" => record_history(&claim),
        "etr-singularity" => singularity(&claim),
        _ => members(&claim),
    }
}

fn members(claim: &Value) -> Vec<String> {
    let members = claim.as_object().unwrap_or_default().iter();
    members.map(|(name, value)| format!(" {name:<12} {}", shown(value))).collect()
}

/// Who is, or was, in control: a challenge that was answered long ago, or over old state, says nothing
/// of now.
fn control(claim: &Value, block_ms: u64) -> Vec<String> {
    let ms = claim.get("challenge").and_then(|challenge| challenge.get("ms"));
    let ms = ms.and_then(Value::as_int).and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default();
    let holder = claim.get("party").and_then(|party| party.get("controller"));
    let holder =
        holder.map_or_else(|| "?".to_owned(), |p| p.get("party").map_or_else(|| shown(p), shown));
    let verb = if etr::is_fresh(ms, block_ms, now_ms()) { "is" } else { "was" };
    let challenge = claim.get("challenge").unwrap_or(&Value::Null);
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

/// Completes the report of a proof of control: is or was, and whether it answers our challenge.
pub(super) fn check_control(report: &mut Report, challenge: Option<&str>) -> Result<()> {
    let kind = report.json.get("kind").and_then(serde_json::Value::as_str);
    if kind != Some("etr-control") {
        return Ok(());
    }
    let ms = report.json.pointer("/claim/challenge/ms").and_then(serde_json::Value::as_u64);
    let block_ms = report.json.get("timeMs").and_then(serde_json::Value::as_u64);
    let fresh = etr::is_fresh(ms.unwrap_or_default(), block_ms.unwrap_or_default(), now_ms());
    let answered = |name: &str| {
        let pointer = format!("/claim/challenge/{name}");
        document::text(&report.json, &pointer).unwrap_or_default().to_owned()
    };
    if let Some(path) = challenge {
        let asked = document::read_json(path.as_ref())?;
        let same = |name: &str| {
            document::text(&asked, &format!("/{name}")) == Some(answered(name).as_str())
        };
        if !same("nonce") || !same("audience") {
            let message = "not proven: it answers another challenge";
            return Err(CommandError::new(Kind::NotProven, message)
                .with_data(serde_json::json!({ "proven": false, "reason": message })));
        }
    }
    if let Some(members) = report.json.as_object_mut() {
        members.insert("control".to_owned(), if fresh { "is" } else { "was" }.into());
    }
    Ok(())
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
