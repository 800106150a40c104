//! `titian ubin`: business identifiers.
//!
//! `check`, `make` and `schemes` need no node: the scheme table is built in. A suggestion is shown,
//! never applied.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::ubin::{GetParams, HistoryParams, ListParams, ProveParams, ResolveParams};
use titian_api::{Object, call};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::Date;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::identifier::{self, Ubin};
use titian_contracts::ubin::record::entity_id;
use titian_contracts::ubin::scheme::{Scheme, SchemeTable};
use titian_contracts::ubin::view;

use super::ledger::write_bundle;
use crate::act::{self, Draft, SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone, table};
use crate::session::Session;

/// Business identifiers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check an identifier, offline; exit code 3 if it does not check
    #[command(after_help = "Examples:
  titian ubin check SG-UEN-199403865N-G7
  titian ubin check \"sg uen 1994O3865N g7\" --json")]
    Check {
        /// The identifier, in any spelling
        input: String,
    },
    /// Make the identifier of a national number, offline
    #[command(after_help = "Examples:
  titian ubin make MY BRN \"1965 01 000279\"")]
    Make {
        /// Country
        cc: String,
        /// Scheme code
        scheme: String,
        /// National number, as the register writes it
        number: String,
    },
    /// Show the national numbers that the network knows, offline
    #[command(after_help = "Examples:
  titian ubin schemes
  titian ubin schemes --cc BN --json")]
    Schemes {
        /// Only of this country
        #[arg(long, value_name = "CC")]
        cc: Option<String>,
    },
    /// Show a record
    #[command(after_help = "Examples:
  titian ubin get SG-UEN-199403865N-G7
  titian ubin get SG-UEN-199403865N-G7 --at 81000 --proof out.json")]
    Get {
        /// The identifier, in any spelling
        ubin: String,
        /// As of this height
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
        /// As of this legal date
        #[arg(long, value_name = "YYYY-MM-DD")]
        on: Option<String>,
        /// Add whether this state recognises the scheme
        #[arg(long = "for", value_name = "CC")]
        recognised_by: Option<String>,
        /// Write a proof of the answer
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
    /// Find records by any rendering or a bare national number
    #[command(after_help = "Examples:
  titian ubin resolve 199403865N --cc SG
  titian ubin resolve 0195:SGUEN199403865N")]
    Resolve {
        /// What is known of the business
        input: String,
        /// Country of a bare number
        #[arg(long, value_name = "CC")]
        cc: Option<String>,
        /// Scheme of a bare number
        #[arg(long, value_name = "CODE")]
        scheme: Option<String>,
    },
    /// List records in the order of their numbers
    #[command(after_help = "Examples:
  titian ubin list SG-UEN-1994 --limit 20")]
    List {
        /// CC, CC-SCHEME, or CC-SCHEME- and the first characters of the number
        prefix: String,
        /// How many
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
        /// Continue after the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Show the versions of a record, newest first
    #[command(after_help = "Examples:
  titian ubin history SG-UEN-199403865N-G7")]
    History {
        /// The identifier, in any spelling
        ubin: String,
        /// How many
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
    },
    /// Write a proof that a record stands, or that none does
    #[command(after_help = "Examples:
  titian ubin prove SG-UEN-199403865N-G7 -o proof.json && titian verify proof.json")]
    Prove {
        /// The identifier, in any spelling
        ubin: String,
        /// Where to write it
        #[arg(short, long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Register a business: the first version of its record
    #[command(after_help = "Examples:
  titian ubin register body.json --as SG:ACRA
  titian ubin register body.json --dry-run")]
    Register(BodyArgs),
    /// Write the next version of a record
    #[command(after_help = "Examples:
  titian ubin update body.json --as SG:ACRA")]
    Update(BodyArgs),
    /// Confirm that a record is still right
    #[command(after_help = "Examples:
  titian ubin confirm SG-UEN-199403865N-G7 --as SG:ACRA")]
    Confirm(ChangeArgs),
    /// Suspend a business
    #[command(after_help = "Examples:
  titian ubin suspend SG-UEN-199403865N-G7 --reason FILING_DEFAULT --as SG:ACRA")]
    Suspend(ChangeArgs),
    /// End a suspension
    #[command(after_help = "Examples:
  titian ubin reinstate SG-UEN-199403865N-G7 --reason REQUEST --as SG:ACRA")]
    Reinstate(ChangeArgs),
    /// Record that a business has ended; two officers sign
    #[command(after_help = "Examples:
  titian ubin dissolve SG-UEN-199403865N-G7 --reason COURT --evidence order.pdf \\
    --as SG:ACRA#k1 --as SG:ACRA#k2")]
    Dissolve(ChangeArgs),
    /// Bring a dissolved business back; two officers sign
    #[command(after_help = "Examples:
  titian ubin restore SG-UEN-199403865N-G7 --reason COURT --evidence order.pdf -o op.json")]
    Restore(ChangeArgs),
    /// Let a further number of the same business resolve to its record
    #[command(after_help = "Examples:
  titian ubin alias-add SG-UEN-199403865N-G7 SG-UEN-53083479E-XX --as SG:ACRA")]
    AliasAdd {
        /// The record
        ubin: String,
        /// The further number
        alias: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
}

/// An act with a body.
#[derive(Debug, clap::Args)]
pub(crate) struct BodyArgs {
    /// Body of the record, JSON; v, entity, version and prev are filled in where they are missing
    body: PathBuf,
    /// Reason code
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// An act that changes little of a record.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// The record, in any spelling
    ubin: String,
    /// Reason: FILING_DEFAULT, LICENCE, COURT, INSOLVENCY, REQUEST, EXPIRY, ERROR, OTHER
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Legal date [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<String>,
    /// The register's own status code
    #[arg(long, value_name = "CODE")]
    national: Option<String>,
    /// Document that shows why; only its digest leaves this machine
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Kind of that document: COURT_ORDER, GAZETTE, FILING, REQUEST
    #[arg(long, default_value = "FILING", value_name = "KIND")]
    evidence_type: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Runs `titian ubin`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Check { input } => check(session, input),
        Command::Make { cc, scheme, number } => make(cc, scheme, number),
        Command::Schemes { cc } => schemes(cc.as_deref()),
        Command::Get { ubin, at, on, recognised_by, proof } => {
            let params = GetParams {
                ubin: ubin.clone(),
                height: *at,
                on: on.clone(),
                recognised_by: recognised_by.clone(),
                proof: false,
            };
            get(session, &params, proof.as_deref())
        }
        Command::Resolve { input, cc, scheme } => {
            let params =
                ResolveParams { input: input.clone(), cc: cc.clone(), scheme: scheme.clone() };
            let found = session.client()?.ask::<call::UbinResolve>(&params)?;
            Ok(list_report(Json::Object(found), "/matches"))
        }
        Command::List { prefix, limit, cursor } => {
            let params =
                ListParams { prefix: prefix.clone(), limit: Some(*limit), cursor: cursor.clone() };
            let page = session.client()?.ask::<call::UbinList>(&params)?;
            Ok(list_report(serde_json::to_value(&page).unwrap_or_default(), "/items"))
        }
        Command::History { ubin, limit } => {
            let params = HistoryParams { ubin: ubin.clone(), from: None, limit: Some(*limit) };
            let history = session.client()?.ask::<call::UbinHistory>(&params)?;
            Ok(Report::json(Json::Object(history)))
        }
        Command::Prove { ubin, out } => prove(session, ubin, out),
        Command::Register(args) => write_body(session, "register", args),
        Command::Update(args) => write_body(session, "update", args),
        Command::Confirm(args) => change(session, "confirm", args),
        Command::Suspend(args) => change(session, "suspend", args),
        Command::Reinstate(args) => change(session, "reinstate", args),
        Command::Dissolve(args) => change(session, "dissolve", args),
        Command::Restore(args) => change(session, "restore", args),
        Command::AliasAdd { ubin, alias, signing } => {
            let args = [("alias", canonical(alias)?), ("ubin", canonical(ubin)?)];
            let args = Value::object(args.map(|(name, text)| (name, Value::from(text))));
            act::perform(session, &Draft::new(Register::Ubin, "alias_add", args), signing)
        }
    }
}

fn check(session: &Session, input: &str) -> Result<Report> {
    let table = SchemeTable::genesis();
    match identifier::parse(input, &table) {
        Ok(parsed) => {
            let json = document::to_json(&view::parsed(&parsed, &table));
            let ubin = &parsed.ubin;
            let mut lines = vec![
                format!("{} {ubin}", session.output.paint(Tone::Good, "ok")),
                format!(" country {}, scheme {}, number {}", ubin.cc, ubin.scheme, ubin.local),
            ];
            if let Some(scheme) = table.find(&ubin.cc, &ubin.scheme) {
                lines.push(format!(" register {}", scheme.entry.authority.name));
            }
            lines.push(format!(" national check {}", parsed.national_check.name()));
            lines.extend(parsed.warnings.iter().map(|warning| {
                format!(" {} {warning}", session.output.paint(Tone::Warn, "warning"))
            }));
            lines.push(" whether it is registered: titian ubin get".to_owned());
            Ok(Report::new(lines.join("\n"), json))
        }
        Err(error) => {
            let mut answer = CommandError::new(Kind::NotProven, error.code.meaning());
            for suggestion in &error.suggestions {
                answer = answer.hint(format!("did you mean {suggestion}?"));
            }
            let data =
                json!({ "name": error.code.name(), "suggestions": error.suggestions, "ok": false });
            Err(answer.named(error.code.name()).with_data(data))
        }
    }
}

/// The canonical form of an identifier; what does not check is an error with suggestions.
pub(crate) fn canonical(input: &str) -> Result<String> {
    let parsed = identifier::parse(input, &SchemeTable::genesis()).map_err(|error| {
        let mut answer = CommandError::usage(error.code.meaning());
        for suggestion in &error.suggestions {
            answer = answer.hint(format!("did you mean {suggestion}?"));
        }
        answer.named(error.code.name())
    })?;
    Ok(parsed.ubin.to_string())
}

fn make(cc: &str, scheme: &str, number: &str) -> Result<Report> {
    let table = SchemeTable::genesis();
    let (cc, scheme) = (cc.to_uppercase(), scheme.to_uppercase());
    let parsed = identifier::make(&cc, &scheme, number, &table).map_err(|error| {
        CommandError::new(Kind::NotProven, error.code.meaning())
            .named(error.code.name())
            .hint(format!("titian ubin schemes --cc {cc}"))
    })?;
    let mut lines = vec![parsed.ubin.to_string()];
    lines.extend(parsed.warnings.iter().map(|warning| format!("warning {warning}")));
    Ok(Report::new(lines.join("\n"), document::to_json(&view::parsed(&parsed, &table))))
}

fn schemes(cc: Option<&str>) -> Result<Report> {
    let table_of_schemes = SchemeTable::genesis();
    let wanted = cc.map(str::to_uppercase);
    let chosen: Vec<&Scheme> = table_of_schemes
        .iter()
        .filter(|scheme| wanted.as_ref().is_none_or(|cc| *cc == scheme.entry.cc))
        .collect();
    if chosen.is_empty() {
        let known: Vec<&str> = table_of_schemes.countries().collect();
        return Err(CommandError::usage("no scheme of this country")
            .hint(format!("countries: {}", known.join(" "))));
    }
    let heading = ["CC", "SCHEME", "NAME", "REGISTER", "EXAMPLE"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for scheme in &chosen {
        let entry = &scheme.entry;
        rows.push(vec![
            entry.cc.clone(),
            entry.code.clone(),
            entry.names.first().map(|(_, name)| name.clone()).unwrap_or_default(),
            entry.authority.name.clone(),
            entry.accept.first().map(|example| example.raw.clone()).unwrap_or_default(),
        ]);
    }
    let list: Vec<Json> =
        chosen.iter().map(|scheme| document::to_json(&scheme.entry.to_value())).collect();
    Ok(Report::new(table(&rows), json!(list)))
}

fn get(session: &Session, params: &GetParams, proof: Option<&Path>) -> Result<Report> {
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

fn list_report(answer: Json, pointer: &str) -> Report {
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

fn prove(session: &Session, ubin: &str, out: &Path) -> Result<Report> {
    let bundle = Json::Object(prove_bundle(session, ubin)?);
    let kind = document::text(&bundle, "/kind").unwrap_or("?").to_owned();
    let line = write_bundle(out, bundle)?;
    Ok(Report::new(format!("{kind}: {line}"), json!({ "kind": kind, "file": out })))
}

fn write_body(session: &Session, act: &str, args: &BodyArgs) -> Result<Report> {
    let mut body = document::read_value(&args.body)?;
    // a whole `args` object is taken as it is
    if let Some(inner) = body.get("body") {
        body = inner.clone();
    }
    let ubin = body.get("ubin").and_then(Value::as_text).ok_or_else(|| {
        CommandError::usage("the body has no member ubin").hint("titian ubin make CC SCHEME NUMBER")
    })?;
    let ubin = Ubin::parse_canonical(ubin).ok_or_else(|| {
        CommandError::usage("the ubin of the body is not canonical").hint("titian ubin check UBIN")
    })?;
    let mut missing = vec![("v", Value::Int(1))];
    if act == "register" {
        let entity = entity_id(&ubin.cc, &ubin.scheme, &ubin.local);
        missing.push(("entity", Value::from(entity)));
        missing.push(("version", Value::Int(1)));
    } else if body.get("version").is_none() || body.get("prev").is_none() {
        let (current, version) = current_body(session, &ubin.to_string())?;
        let entity = current.get("entity").cloned().unwrap_or(Value::Null);
        missing.push(("entity", entity));
        missing.push(("version", Value::from(version.saturating_add(1))));
        missing.push(("prev", Value::from(body_hash(&current))));
    }
    for (name, value) in missing {
        if body.get(name).is_none() {
            body = body.with(name, value);
        }
    }
    perform_body(session, act, body, args.reason.as_deref(), &args.signing)
}

fn perform_body(
    session: &Session,
    act: &str,
    body: Value,
    reason: Option<&str>,
    signing: &SigningArgs,
) -> Result<Report> {
    let mut members = vec![("body", body)];
    if let Some(reason) = reason {
        members.push(("reason", Value::from(reason)));
    }
    act::perform(session, &Draft::new(Register::Ubin, act, Value::object(members)), signing)
}

/// The body of the current version, with its number.
fn current_body(session: &Session, ubin: &str) -> Result<(Value, u64)> {
    let params = GetParams { ubin: ubin.to_owned(), ..GetParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::UbinGet>(&params)?);
    if answer.pointer("/found") != Some(&Json::Bool(true)) {
        return Err(
            CommandError::refused(format!("{ubin} is not registered")).named("UBIN_UNKNOWN")
        );
    }
    let body = answer.pointer("/record/body").filter(|body| body.is_object()).ok_or_else(|| {
        CommandError::refused("this node does not keep the body of the record").hint("--node URL")
    })?;
    let version = answer.pointer("/version").and_then(Json::as_u64).unwrap_or(0);
    Ok((document::from_json(body)?, version))
}

/// The next version of a record with the few members changed that the act is about.
fn change(session: &Session, act: &str, args: &ChangeArgs) -> Result<Report> {
    let (current, version) = current_body(session, &canonical(&args.ubin)?)?;
    let today = args.on.clone().unwrap_or_else(|| Date::of_ms(now_ms()).to_string());
    if Date::parse(&today).is_none() {
        return Err(CommandError::usage("a date is written YYYY-MM-DD"));
    }
    let mut body = current
        .with("version", Value::from(version.saturating_add(1)))
        .with("prev", Value::from(body_hash(&current)))
        .with("validFrom", Value::from(today.as_str()));
    let code = match act {
        "suspend" => Some("SUSPENDED"),
        "dissolve" => Some("DISSOLVED"),
        "reinstate" | "restore" => Some("ACTIVE"),
        _ => None,
    };
    if let Some(code) = code {
        let mut status = vec![("code", Value::from(code)), ("since", Value::from(today.as_str()))];
        if let Some(national) = &args.national {
            status.push(("national", Value::from(national.as_str())));
        }
        if let Some(reason) = &args.reason {
            status.push(("reason", Value::from(reason.as_str())));
        }
        body = body.with("status", Value::object(status));
    }
    match act {
        "confirm" => {
            body = body
                .with("confirmedOn", Value::from(today.as_str()))
                .with("sourceAsOf", Value::from(today.as_str()))
                .with("validFrom", current.get("validFrom").cloned().unwrap_or(Value::Null));
        }
        "dissolve" => body = body.with("endedOn", Value::from(today.as_str())),
        "restore" => body = body.without("endedOn"),
        _ => {}
    }
    if let Some(path) = &args.evidence {
        let digest = sha256(&document::read(path)?);
        let entry = Value::object([
            ("digest", Value::from(digest)),
            ("type", Value::from(args.evidence_type.as_str())),
        ]);
        body = body.with("evidence", Value::List(vec![entry]));
    }
    perform_body(session, act, body, args.reason.as_deref(), &args.signing)
}

/// `sha256:` and 64 hex digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}
