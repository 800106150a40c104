//! What each state says of electronic records, in words and as a matrix.

use serde_json::Value as Json;
use titian_api::etr::MatrixParams;
use titian_api::etr_read::{CourtPolicyParams, LegalEffectParams};
use titian_api::{Nothing, call};

use crate::document;
use crate::error::Result;
use crate::output::{Report, table};
use crate::session::Session;

/// Arguments of `law`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// matrix (all states and classes), CC (one state) or court CC
    #[arg(value_name = "WHAT", num_args = 0..=2)]
    what: Vec<String>,
    /// Only this class
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
}

/// Runs `titian etr law`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let words: Vec<&str> = args.what.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["court", cc] => court(session, cc),
        ["matrix"] => matrix(session, args.class.as_deref()),
        [cc] => state(session, &cc.to_uppercase(), args.class.as_deref()),
        _ => in_words(session, args.class.as_deref()),
    }
}

fn entries(session: &Session, class: Option<&str>) -> Result<(Json, Vec<Json>)> {
    let params = MatrixParams { class: class.map(str::to_owned) };
    let answer = Json::Object(session.client()?.ask::<call::EtrLegalMatrix>(&params)?);
    let entries = answer.get("entries").and_then(Json::as_array).cloned().unwrap_or_default();
    Ok((answer, entries))
}

fn member<'a>(entry: &'a Json, name: &str) -> &'a str {
    entry.get(name).and_then(Json::as_str).unwrap_or("?")
}

/// What an entry means, in one sentence.
fn sentence(entry: &Json) -> String {
    let ams = member(entry, "ams");
    let class = match member(entry, "class") {
        "*" => "all records".to_owned(),
        class => class.replace('_', " "),
    };
    let meaning = match member(entry, "verdict") {
        "full" => format!("in force: {}", member(entry, "citation")),
        "excluded" => "excluded by the statute; an electronic record has no effect".to_owned(),
        "unknown" => "no enabling statute recorded; effect is contractual only".to_owned(),
        "not_applicable" => "no transferable record; the question does not arise".to_owned(),
        _ => format!("statute {}; effect is contractual only", member(entry, "status")),
    };
    format!("{ams}, {class}: {meaning}")
}

fn in_words(session: &Session, class: Option<&str>) -> Result<Report> {
    let (answer, entries) = entries(session, class)?;
    let lines: Vec<String> = entries.iter().map(sentence).collect();
    Ok(Report::new(lines.join("\n"), answer))
}

/// Rows are states, columns are classes of records; `*` stands for all others.
fn matrix(session: &Session, class: Option<&str>) -> Result<Report> {
    let (answer, entries) = entries(session, class)?;
    let profiles = Json::Object(session.client()?.ask::<call::EtrProfiles>(&Nothing {})?);
    let profiles = profiles.get("profiles").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut classes: Vec<String> = profiles
        .iter()
        .filter(|item| item.pointer("/profile/mletr") == Some(&Json::Bool(true)))
        .filter_map(|item| document::text(item, "/profile/law_class").map(str::to_owned))
        .filter(|own| class.is_none_or(|class| class == own))
        .collect();
    classes.sort();
    classes.dedup();
    let mut states: Vec<String> =
        entries.iter().map(|entry| member(entry, "ams").to_owned()).collect();
    states.sort();
    states.dedup();
    let mut rows = vec![vec!["CLASS".to_owned()]];
    if let Some(head) = rows.first_mut() {
        head.extend(states.iter().cloned());
    }
    for class in &classes {
        let mut row = vec![class.replace('_', " ")];
        for ams in &states {
            let of = |class: &str| {
                entries.iter().find(|e| member(e, "ams") == ams && member(e, "class") == class)
            };
            let entry = of(class).or_else(|| of("*"));
            let excluded = entry
                .and_then(|entry| entry.get("excludes"))
                .and_then(Json::as_array)
                .is_some_and(|excludes| excludes.iter().any(|e| e.as_str() == Some(class)));
            let verdict = if excluded {
                "excluded"
            } else {
                entry.map_or("unknown", |e| member(e, "verdict"))
            };
            row.push(verdict.to_owned());
        }
        rows.push(row);
    }
    Ok(Report::new(table(&rows), answer))
}

fn state(session: &Session, ams: &str, class: Option<&str>) -> Result<Report> {
    let class = class.unwrap_or("bill_of_lading").to_owned();
    let params = LegalEffectParams { ams: ams.to_owned(), class, height: None };
    let answer = Json::Object(session.client()?.ask::<call::EtrLegalEffect>(&params)?);
    Ok(Report::new(sentence(&answer), answer))
}

fn court(session: &Session, ams: &str) -> Result<Report> {
    let params = CourtPolicyParams { ams: ams.to_uppercase() };
    let answer = Json::Object(session.client()?.ask::<call::EtrCourtPolicy>(&params)?);
    let text = if answer.get("enacted") == Some(&Json::Bool(true)) {
        serde_json::to_string_pretty(&answer).unwrap_or_default()
    } else {
        format!("{}: no court policy; every court act is refused", params.ams)
    };
    Ok(Report::new(text, answer))
}
