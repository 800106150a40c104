//! What a verified bundle shows, in a few lines for people.

use titian_contracts::json::Value;
use titian_contracts::proof::Proven;

/// The lines of a claim; members that only machines need are left to `--json`.
pub(super) fn lines(proven: &Proven) -> Vec<String> {
    let claim = proven.claim.without("entries");
    match proven.kind.as_str() {
        "ubin-presence" => presence(&claim),
        "ubin-absence" => vec![format!(" {} was not registered", text(&claim, "ubin"))],
        "ubin-history" => history(&claim),
        "ubin-kpi" => counters(&claim),
        _ => members(&claim),
    }
}

fn members(claim: &Value) -> Vec<String> {
    let members = claim.as_object().unwrap_or_default().iter();
    members.map(|(name, value)| format!(" {name:<12} {}", shown(value))).collect()
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
