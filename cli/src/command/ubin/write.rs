//! Acts that carry the body of a record: what the command line fills in, and what it changes.
//!
//! A body comes from a file, or is the current one of a record with a few members changed. What
//! can be known (v, entity, version, prev) is filled in where it is missing, never replaced.

use std::path::{Path, PathBuf};

use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::Date;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::entity_id;

use super::current::{Current, current, number};
use super::edit::EditArgs;
use crate::act::{self, Draft, SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

/// Reasons, for help texts.
const REASONS: &str = "FILING_DEFAULT, LICENCE, COURT, INSOLVENCY, REQUEST, EXPIRY, ERROR, OTHER";

/// What a body is made of besides its source.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct BodyOptions {
    #[command(flatten)]
    pub(super) edit: EditArgs,
    /// Legal date of the version [default: that of the file, else today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "Body")]
    pub(super) on: Option<String>,
    #[arg(long, value_name = "CODE", help_heading = "Body", help = reason_help())]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) evidence: EvidenceArgs,
    /// Text that two officers let pass the scan for personal data, by its pointer: /legalName/value
    #[arg(long, value_name = "POINTER", help_heading = "Body")]
    pub(super) pass_text: Vec<String>,
}

/// A document that shows why.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct EvidenceArgs {
    /// Document that shows why; only its digest leaves this machine
    #[arg(long, value_name = "FILE", help_heading = "Body")]
    evidence: Option<PathBuf>,
    /// Kind of that document: COURT_ORDER, GAZETTE, FILING, REQUEST
    #[arg(long, default_value = "FILING", value_name = "KIND", help_heading = "Body")]
    evidence_type: String,
}

/// The help of `--reason`.
pub(super) fn reason_help() -> String {
    format!("Reason: {REASONS}")
}

impl EvidenceArgs {
    /// Whether a document is named.
    const fn is_named(&self) -> bool {
        self.evidence.is_some()
    }

    /// The list `evidence`, if a document is named.
    pub(super) fn to_value(&self) -> Result<Option<Value>> {
        let Some(path) = &self.evidence else { return Ok(None) };
        let digest = sha256(&document::read(path)?);
        let kind = Value::from(self.evidence_type.as_str());
        let entry = Value::object([("digest", Value::from(digest)), ("type", kind)]);
        Ok(Some(Value::List(vec![entry])))
    }
}

/// An act with a body.
#[derive(Debug, clap::Args)]
pub(crate) struct BodyArgs {
    /// Body of the record, JSON file or - for standard input; or the record itself, whose current
    /// body is changed by --set. v, entity, version and prev are filled in where they are missing
    #[arg(value_name = "BODY|UBIN")]
    source: String,
    #[command(flatten)]
    options: BodyOptions,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A registration or a correction.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    body: BodyArgs,
    /// The business ended in favour of one that is not known
    #[arg(long, help_heading = "Body")]
    successor_unknown: bool,
}

/// A correction.
#[derive(Debug, clap::Args)]
pub(crate) struct CorrectArgs {
    #[command(flatten)]
    history: HistoryArgs,
    /// Also take away the mark, or the closure whose successor is not live
    #[arg(long, value_name = "WHAT", value_parser = ["mark", "closure"], help_heading = "Body")]
    clear: Option<String>,
}

/// An act that changes little of a record.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// The record, in any spelling
    ubin: String,
    #[arg(long, value_name = "CODE", help = reason_help())]
    reason: Option<String>,
    /// Legal date [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<String>,
    /// The register's own status code
    #[arg(long, value_name = "CODE")]
    national: Option<String>,
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A renumbering.
#[derive(Debug, clap::Args)]
pub(crate) struct RenumberArgs {
    /// The number that ends
    ubin: String,
    /// The number under which the record goes on
    new: String,
    #[command(flatten)]
    options: BodyOptions,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A conversion.
#[derive(Debug, clap::Args)]
pub(crate) struct ConvertArgs {
    /// The record that is closed
    ubin: String,
    /// Body of the record that goes on, JSON; entity, version and relation are filled in
    body: PathBuf,
    #[command(flatten)]
    options: BodyOptions,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `update`.
pub(super) fn body(session: &Session, act: &str, args: &BodyArgs) -> Result<Report> {
    let body = drafted(session, act, &args.source, &args.options)?;
    send(session, act, body, &args.options, Vec::new(), &args.signing)
}

/// `register`.
pub(super) fn register(session: &Session, args: &HistoryArgs) -> Result<Report> {
    let HistoryArgs { body, successor_unknown } = args;
    let value = drafted(session, "register", &body.source, &body.options)?;
    let more = flag(*successor_unknown);
    send(session, "register", value, &body.options, more, &body.signing)
}

/// `correct`.
pub(super) fn correct(session: &Session, args: &CorrectArgs) -> Result<Report> {
    let HistoryArgs { body, successor_unknown } = &args.history;
    let value = drafted(session, "correct", &body.source, &body.options)?;
    let mut more = flag(*successor_unknown);
    more.extend(args.clear.as_ref().map(|what| ("clear", Value::from(what.to_uppercase()))));
    send(session, "correct", value, &body.options, more, &body.signing)
}

fn flag(successor_unknown: bool) -> Vec<(&'static str, Value)> {
    if successor_unknown { vec![("successorUnknown", Value::from(true))] } else { Vec::new() }
}

/// `renumber`: the current body under the new number.
pub(super) fn renumber(session: &Session, args: &RenumberArgs) -> Result<Report> {
    let new = number(&args.new)?;
    let old = current(session, &args.ubin)?;
    let old_number = old.ubin.clone();
    let body = following(&old, &args.options)?.without("displayId").with("ubin", Value::from(new));
    let body = finished(body, &args.options)?;
    let more = vec![("ubin", Value::from(old_number))];
    send(session, "renumber", body, &args.options, more, &args.signing)
}

/// `convert`: closes a record in favour of the one that the body opens.
pub(super) fn convert(session: &Session, args: &ConvertArgs) -> Result<Report> {
    let old = current(session, &args.ubin)?;
    let body = read_file(&args.body)?;
    let ubin = number_of(&body)?;
    let body = filled(body, first_members(&ubin));
    let body = dated(body, &args.options);
    let body = related(body, "SUCCESSOR_OF", &old.ubin);
    let body = finished(body, &args.options)?;
    send(session, "convert", body, &args.options, old.quoted(), &args.signing)
}

/// The body of an act: of a file, or the current one of a record, with what is known filled in and
/// the changes made.
fn drafted(session: &Session, act: &str, source: &str, options: &BodyOptions) -> Result<Value> {
    let path = Path::new(source);
    if source == "-" || path.exists() {
        let body = read_file(path)?;
        let ubin = number_of(&body)?;
        let members = if act == "register" {
            first_members(&ubin)
        } else if ["version", "prev", "entity"].iter().all(|name| body.get(name).is_some()) {
            vec![("v", Value::Int(1))]
        } else {
            next_members(&current(session, &ubin.to_string())?)?
        };
        return finished(dated(filled(body, members), options), options);
    }
    let looks_like_file = source.contains(['/', '\\']) || source.ends_with(".json");
    if looks_like_file || act == "register" {
        let error = CommandError::usage(format!("there is no file {source}"));
        return Err(if act == "register" {
            error.hint("a registration takes the body of the new record")
        } else {
            error
        });
    }
    if act == "update" && options.edit.is_empty() && options.on.is_none() {
        return Err(CommandError::usage("nothing is changed")
            .hint("--set /sizeClass=SMALL, or name a file with the whole body"));
    }
    let old = current(session, source)?;
    let body = finished(following(&old, options)?, options)?;
    // a date or a document that is named is a change; the date of today alone is none
    let named = options.on.is_some() || options.evidence.is_named();
    if act == "update" && !named && content(&body) == content(old.body()?) {
        return Err(CommandError::refused("the record says so already; nothing was written")
            .named("UNCHANGED"));
    }
    Ok(body)
}

/// A body without the members that every next version has anew.
fn content(body: &Value) -> Value {
    let anew = ["version", "prev", "validFrom", "evidence"];
    anew.iter().fold(body.clone(), |body, name| body.without(name))
}

fn read_file(path: &Path) -> Result<Value> {
    let body = document::read_value(path)?;
    // a whole `args` object is taken as it is
    Ok(body.get("body").cloned().unwrap_or(body))
}

/// The number that a body names.
pub(super) fn number_of(body: &Value) -> Result<Ubin> {
    let ubin = body.get("ubin").and_then(Value::as_text).ok_or_else(|| {
        CommandError::usage("the body has no member ubin").hint("titian ubin make CC SCHEME NUMBER")
    })?;
    Ubin::parse_canonical(ubin).ok_or_else(|| {
        CommandError::usage("the ubin of the body is not canonical").hint("titian ubin check UBIN")
    })
}

/// Members of a first version.
fn first_members(ubin: &Ubin) -> Vec<(&'static str, Value)> {
    let entity = entity_id(&ubin.cc, &ubin.scheme, &ubin.local);
    vec![("v", Value::Int(1)), ("entity", Value::from(entity)), ("version", Value::Int(1))]
}

/// Members of the version after the current one.
fn next_members(current: &Current) -> Result<Vec<(&'static str, Value)>> {
    let body = current.body()?;
    Ok(vec![
        ("v", Value::Int(1)),
        ("entity", body.get("entity").cloned().unwrap_or(Value::Null)),
        ("version", Value::from(current.version.saturating_add(1))),
        ("prev", Value::from(body_hash(body))),
    ])
}

/// The body with the members that it lacks.
pub(super) fn filled(body: Value, members: Vec<(&'static str, Value)>) -> Value {
    members.into_iter().fold(body, |body, (name, value)| {
        if body.get(name).is_none() { body.with(name, value) } else { body }
    })
}

/// The current body as the next version: dated today or as asked, without the documents of before.
fn following(current: &Current, options: &BodyOptions) -> Result<Value> {
    let members = next_members(current)?;
    let body = members
        .into_iter()
        .fold(current.body()?.without("evidence"), |body, (name, value)| body.with(name, value));
    Ok(body.with("validFrom", Value::from(day(options.on.as_deref())?)))
}

/// The body with its legal date: as asked, else its own, else today.
pub(super) fn dated(body: Value, options: &BodyOptions) -> Value {
    match &options.on {
        Some(date) => body.with("validFrom", Value::from(date.as_str())),
        None => filled(body, vec![("validFrom", Value::from(today()))]),
    }
}

/// The body with a relation of this kind to `target`, unless it has one.
pub(super) fn related(body: Value, kind: &str, target: &str) -> Value {
    let mut relations: Vec<Value> =
        body.get("relations").and_then(Value::as_list).unwrap_or_default().to_vec();
    let is_there = |relation: &Value| relation.get("type").and_then(Value::as_text) == Some(kind);
    if relations.iter().any(is_there) {
        return body;
    }
    let from = body.get("validFrom").cloned().unwrap_or_else(|| Value::from(today()));
    relations.push(Value::object([
        ("from", from),
        ("target", Value::from(target)),
        ("type", Value::from(kind)),
    ]));
    body.with("relations", Value::List(relations))
}

/// The body with evidence and the changes of the command line, which come last.
pub(super) fn finished(body: Value, options: &BodyOptions) -> Result<Value> {
    let body = match options.evidence.to_value()? {
        Some(evidence) => body.with("evidence", evidence),
        None => body,
    };
    options.edit.apply(body)
}

/// Sends an act with a body.
pub(super) fn send(
    session: &Session,
    act: &str,
    body: Value,
    options: &BodyOptions,
    more: Vec<(&'static str, Value)>,
    signing: &SigningArgs,
) -> Result<Report> {
    let mut members = vec![("body", body)];
    members.extend(options.reason.as_deref().map(|reason| ("reason", Value::from(reason))));
    if !options.pass_text.is_empty() {
        let pointers = options.pass_text.iter().map(|pointer| Value::from(pointer.as_str()));
        members.push(("textOverrides", Value::List(pointers.collect())));
    }
    members.extend(more);
    act::perform(session, &Draft::new(Register::Ubin, act, Value::object(members)), signing)
}

/// The next version of a record with the few members changed that the act is about.
pub(super) fn change(session: &Session, act: &str, args: &ChangeArgs) -> Result<Report> {
    let options = BodyOptions {
        on: args.on.clone(),
        reason: args.reason.clone(),
        evidence: args.evidence.clone(),
        ..BodyOptions::default()
    };
    let old = current(session, &args.ubin)?;
    let today = day(args.on.as_deref())?;
    let date = || Value::from(today.as_str());
    let mut body = following(&old, &options)?;
    let code = match act {
        "suspend" => Some("SUSPENDED"),
        "dissolve" => Some("DISSOLVED"),
        "reinstate" | "restore" => Some("ACTIVE"),
        _ => None,
    };
    if let Some(code) = code {
        let mut status = vec![("code", Value::from(code)), ("since", date())];
        status.extend(args.national.as_deref().map(|text| ("national", Value::from(text))));
        status.extend(args.reason.as_deref().map(|text| ("reason", Value::from(text))));
        body = body.with("status", Value::object(status));
    }
    match act {
        "confirm" => {
            let valid_from = old.body()?.get("validFrom").cloned().unwrap_or(Value::Null);
            body = body
                .with("confirmedOn", date())
                .with("sourceAsOf", date())
                .with("validFrom", valid_from);
        }
        "dissolve" => body = body.with("endedOn", date()),
        "restore" => body = body.without("endedOn"),
        _ => {}
    }
    let body = finished(body, &options)?;
    send(session, act, body, &options, Vec::new(), &args.signing)
}

/// Today, UTC.
fn today() -> String {
    Date::of_ms(now_ms()).to_string()
}

/// The named day, else today.
pub(super) fn day(named: Option<&str>) -> Result<String> {
    match named {
        None => Ok(today()),
        Some(text) if Date::parse(text).is_some() => Ok(text.to_owned()),
        Some(_) => Err(CommandError::usage("a date is written YYYY-MM-DD")),
    }
}

/// `sha256:` and 64 hex digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}
