//! Acts that write the next version of a record.

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::GetParams;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::Date;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::entity_id;

use super::canonical;
use crate::act::{self, Draft, SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

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

pub(super) fn body(session: &Session, act: &str, args: &BodyArgs) -> Result<Report> {
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
    perform(session, act, body, args.reason.as_deref(), &args.signing)
}

fn perform(
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
pub(super) fn change(session: &Session, act: &str, args: &ChangeArgs) -> Result<Report> {
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
    perform(session, act, body, args.reason.as_deref(), &args.signing)
}

/// `sha256:` and 64 hex digits.
fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}
