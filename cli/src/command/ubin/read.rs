//! What a node answers about records.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::ubin::{GetParams, ProveParams};
use titian_api::{Page, call};

use super::page::page_report;
use crate::command::ledger::write_bundle;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, Tone, table};
use crate::qr;
use crate::session::Session;

pub(super) fn get(session: &Session, params: &GetParams, proof: Option<&Path>) -> Result<Report> {
    let mut answer = session.client()?.ask::<call::UbinGet>(params)?;
    let bundle = answer.remove("proof");
    let answer = Json::Object(answer);
    let mut text = record_text(session, &answer);
    if let (Some(path), Some(bundle)) = (proof, bundle) {
        text = format!("{text}\n{}", write_bundle(path, bundle)?);
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
    for name in [text("/status"), text("/quality")] {
        lines.extend(session.output.in_words(&name).map(|words| format!("          {words}")));
    }
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
    lines.extend(end_lines(answer));
    lines.extend(named_by_lines(answer));
    lines.push(challenge_line(session, answer));
    let version = answer.pointer("/version").unwrap_or(&Json::Null);
    lines.push(format!(" version  {version}, source of {}", text("/sourceAsOf")));
    let warnings = answer.pointer("/warnings").and_then(Json::as_array).into_iter().flatten();
    for warning in warnings.filter_map(Json::as_str) {
        lines.push(format!(" warning  {warning}"));
        lines.extend(session.output.in_words(warning).map(|words| format!("          {words}")));
    }
    if let Some(state) = document::text(answer, "/recognition/state") {
        let entry = document::text(answer, "/recognition/name").unwrap_or("");
        lines.push(format!(" in {}    {state} {entry}", text("/recognition/by")));
    }
    lines.push(as_of);
    lines.join("\n")
}

/// Why a record is not what it was, and which one to look at instead.
fn end_lines(answer: &Json) -> Vec<String> {
    let (mark, closure) = ("/record/meta/mark", "/record/meta/closure");
    let text = |pointer: String| document::text(answer, &pointer);
    let reason =
        text(format!("{mark}/reason")).or_else(|| text("/record/body/status/reason".to_owned()));
    let mut lines: Vec<String> =
        reason.map(|reason| format!(" reason   {reason}")).into_iter().collect();
    lines.extend(text(format!("{mark}/canonical")).map(|number| format!(" same as  {number}")));
    let date = text(format!("{closure}/date")).map(|date| format!(", {date}")).unwrap_or_default();
    lines
        .extend(document::text(answer, "/successor").map(|ubin| format!(" goes on  {ubin}{date}")));
    lines
}

/// The records that name this one.
fn named_by_lines(answer: &Json) -> Vec<String> {
    let named = answer.pointer("/namedBy").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut lines: Vec<String> = named
        .iter()
        .map(|link| {
            let text = |pointer: &str| document::text(link, pointer).unwrap_or("?");
            let gone = if link.get("live") == Some(&Json::Bool(true)) { "" } else { ", not live" };
            format!(" named by {} as {}, {}{gone}", text("/ubin"), text("/type"), text("/from"))
        })
        .collect();
    if answer.pointer("/namedByMore") == Some(&Json::Bool(true)) {
        lines.push("          and more: titian ubin links".to_owned());
    }
    lines
}

/// A page of the records that name one.
pub(super) fn links(page: &Page) -> Report {
    page_report(page, ["RECORD", "RELATION", "FROM", "LIVE"], "no record names it", |item| {
        let text = |pointer: &str| document::text(item, pointer).unwrap_or("").to_owned();
        let live = if item.get("live") == Some(&Json::Bool(true)) { "yes" } else { "no" };
        [text("/ubin"), text("/type"), text("/from"), live.to_owned()]
    })
}

/// Writes the schemes of the network with their proof.
pub(super) fn prove_schemes(session: &Session, at: Option<u64>, path: &Path) -> Result<Report> {
    let params =
        ProveParams { kind: Some("ubin-schemes".to_owned()), height: at, ..ProveParams::default() };
    let bundle = Json::Object(session.client()?.ask::<call::UbinProve>(&params)?.bundle);
    let height = bundle.pointer("/height").cloned().unwrap_or_default();
    write_bundle(path, bundle)?;
    let text = format!(
        "schemes as of height {height} in {0}; next: titian ubin check UBIN --schemes {0}",
        path.display()
    );
    Ok(Report::new(text, json!({ "kind": "ubin-schemes", "height": height, "file": path })))
}

/// How many challenges are open: shown always, also if there is none.
fn challenge_line(session: &Session, answer: &Json) -> String {
    let open = answer.pointer("/challenges/open").and_then(Json::as_u64).unwrap_or(0);
    let overdue = answer.pointer("/challenges/overdue") == Some(&Json::Bool(true));
    let overdue = if overdue {
        format!(", {}", session.output.paint(Tone::Bad, "overdue"))
    } else {
        String::new()
    };
    format!(" open     challenges: {open}{overdue}")
}

/// The versions of a record, newest first, and what to ask for the older ones.
pub(super) fn history(answer: Json) -> Report {
    let number = document::text(&answer, "/ubin").unwrap_or("?").to_owned();
    let Some(versions) = answer.pointer("/versions").and_then(Json::as_array) else {
        return Report::new(format!("{number} is not registered"), answer);
    };
    let mut rows =
        vec![["version", "from", "status", "height", "name"].map(str::to_owned).to_vec()];
    rows.extend(versions.iter().map(|version| {
        let number = |pointer: &str| {
            version
                .pointer(pointer)
                .and_then(Json::as_u64)
                .map_or("-".to_owned(), |n| n.to_string())
        };
        let text = |pointer: &str| document::text(version, pointer).unwrap_or("-").to_owned();
        vec![
            number("/version"),
            text("/body/validFrom"),
            text("/body/status/code"),
            number("/meta/recordedAt"),
            text("/body/legalName/value"),
        ]
    }));
    let mut text = format!("{number}\n{}", table(&rows));
    if let Some(next) = answer.pointer("/next").and_then(Json::as_u64) {
        text = format!("{text}\nmore: --from {next}");
    }
    Report::new(text, answer)
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

/// What to prove and where to write it.
#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// The identifier, in any spelling; counters need none
    #[arg(required_unless_present_any = ["metric", "kind"])]
    ubin: Option<String>,
    /// presence, absence, history or kpi [default: presence or absence, as it holds]
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// As of this height
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// Counters: the metric
    #[arg(long, value_name = "METRIC", conflicts_with = "ubin")]
    metric: Option<String>,
    /// Counters: the cells of one; may be repeated [default: all that ever counted]
    #[arg(long = "cell", requires = "metric", value_name = "CELL,…")]
    cells: Vec<String>,
    /// Where to write it
    #[arg(short, long = "out", value_name = "FILE", required_unless_present = "qr")]
    out: Option<PathBuf>,
    /// Write it as a QR code without names, FILE.svg or FILE.png; - shows it on the terminal
    #[arg(long, value_name = "FILE")]
    qr: Option<PathBuf>,
}

pub(super) fn prove(session: &Session, args: &ProveArgs) -> Result<Report> {
    let counters = args.metric.is_some().then(|| "kpi".to_owned());
    if args.ubin.is_none() && args.metric.is_none() {
        let of_counter = matches!(args.kind.as_deref(), Some("kpi" | "ubin-kpi"));
        return Err(if of_counter {
            CommandError::usage("which counter?").hint("--metric ubin_stock")
        } else {
            CommandError::usage("which identifier is it about?").hint("titian ubin prove UBIN")
        });
    }
    let params = ProveParams {
        ubin: args.ubin.clone(),
        height: args.at,
        kind: args.kind.clone().or(counters),
        metric: args.metric.clone(),
        cells: args.cells.iter().map(|c| c.split(',').map(str::to_owned).collect()).collect(),
        qr: args.qr.is_some(),
    };
    let answer = session.client()?.ask::<call::UbinProve>(&params)?;
    let bundle = Json::Object(answer.bundle);
    let kind = document::text(&bundle, "/kind").unwrap_or("?").to_owned();
    let height = bundle.pointer("/height").cloned().unwrap_or_default();
    let mut lines = vec![format!("{kind} as of height {height}")];
    let mut json = json!({ "kind": kind, "height": height });
    if let Some(path) = &args.out {
        let written = write_bundle(path, bundle)?;
        let short = written.split_once("; next:").map_or(written.as_str(), |(done, _)| done);
        lines.push(if session.output.is_quiet() { short.to_owned() } else { written });
        json["file"] = json!(path);
    }
    if let (Some(path), Some(text)) = (&args.qr, answer.qr) {
        let code = qr::Image::of(&text)
            .ok_or_else(|| CommandError::refused("the proof is too long for a QR code"))?;
        if path == Path::new("-") {
            lines.push(code.half_blocks());
        } else {
            code.write(path)?;
            lines.push(format!("QR code in {}", path.display()));
            json["image"] = json!(path);
        }
        if !session.output.is_quiet() {
            lines.push("next: scan it, and give the text to titian verify".to_owned());
        }
        json["qr"] = json!(text);
    }
    Ok(Report::new(lines.join("\n"), json))
}
