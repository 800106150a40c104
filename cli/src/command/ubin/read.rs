//! What a node answers about records.

use std::path::Path;

use serde_json::{Value as Json, json};
use titian_api::ubin::{GetParams, ProveParams};
use titian_api::{Object, call};

use crate::command::ledger::write_bundle;
use crate::document;
use crate::error::Result;
use crate::output::{Report, Tone};
use crate::session::Session;

pub(super) fn get(session: &Session, params: &GetParams, proof: Option<&Path>) -> Result<Report> {
    let answer = Json::Object(session.client()?.ask::<call::UbinGet>(params)?);
    let mut text = record_text(session, &answer);
    if let Some(path) = proof {
        let bundle = prove_bundle(session, &params.ubin)?;
        text = format!("{text}\n{}", write_bundle(path, Json::Object(bundle))?);
    }
    Ok(Report::new(text, answer))
}

/// A record in a few lines.
fn record_text(session: &Session, answer: &Json) -> String {
    let text = |pointer: &str| document::text(answer, pointer).unwrap_or("?").to_owned();
    let as_of = format!(
        " as of height {}, {}",
        answer.pointer("/asOf/height").unwrap_or(&Json::Null),
        text("/asOf/blockTime")
    );
    if answer.pointer("/found") != Some(&Json::Bool(true)) {
        return format!("{} is not registered\n{as_of}", text("/ubin"));
    }
    let body = "/record/body";
    let name = document::text(answer, &format!("{body}/legalName/value"))
        .unwrap_or("(name not published)");
    let live = answer.pointer("/live") == Some(&Json::Bool(true));
    let tone = if live { Tone::Good } else { Tone::Bad };
    let mut lines = vec![format!("{}  {name}", session.output.paint(Tone::Bold, &text("/ubin")))];
    if let Some(via) = document::text(answer, "/via") {
        lines.push(format!(" asked for as {via}"));
    }
    let status = session.output.paint(tone, &text("/status"));
    lines.push(format!(" status   {status}, quality {}", text("/quality")));
    for (label, pointer) in [
        ("since", "/status/since"),
        ("form", "/legalForm/national"),
        ("from", "/registeredOn"),
        ("ended", "/endedOn"),
    ] {
        if let Some(value) = document::text(answer, &format!("{body}{pointer}")) {
            lines.push(format!(" {label:<8} {value}"));
        }
    }
    let version = answer.pointer("/version").unwrap_or(&Json::Null);
    lines.push(format!(" version  {version}, source of {}", text("/sourceAsOf")));
    let warnings = answer.pointer("/warnings").and_then(Json::as_array).into_iter().flatten();
    lines.extend(warnings.filter_map(Json::as_str).map(|warning| format!(" warning  {warning}")));
    lines.push(as_of);
    lines.join("\n")
}

pub(super) fn list(answer: Json, pointer: &str) -> Report {
    let items = answer.pointer(pointer).and_then(Json::as_array).cloned().unwrap_or_default();
    let mut lines: Vec<String> = items
        .iter()
        .map(|item| {
            let text = |pointer: &str| document::text(item, pointer).unwrap_or("");
            let name = document::text(item, "/record/body/legalName/value")
                .or_else(|| document::text(item, "/legalName"))
                .unwrap_or("");
            format!("{:<34} {:<20} {name}", text("/ubin"), text("/status"))
        })
        .collect();
    if lines.is_empty() {
        lines.push("nothing is registered under this".to_owned());
    }
    if let Some(cursor) = document::text(&answer, "/cursor") {
        lines.push(format!("more: --cursor {cursor}"));
    }
    Report::new(lines.join("\n"), answer)
}

fn prove_bundle(session: &Session, ubin: &str) -> Result<Object> {
    let params = ProveParams { ubin: ubin.to_owned(), kind: None };
    Ok(session.client()?.ask::<call::UbinProve>(&params)?.bundle)
}

pub(super) fn prove(session: &Session, ubin: &str, out: &Path) -> Result<Report> {
    let bundle = Json::Object(prove_bundle(session, ubin)?);
    let kind = document::text(&bundle, "/kind").unwrap_or("?").to_owned();
    let line = write_bundle(out, bundle)?;
    Ok(Report::new(format!("{kind}: {line}"), json!({ "kind": kind, "file": out })))
}
