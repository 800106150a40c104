//! Changes of schemes by the root quorum, and figures that a state attests.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::{AttestedParams, SchemeParams, SchemesParams};
use titian_contracts::access::is_state_code;
use titian_contracts::json::Value;
use titian_contracts::limits::SCHEME_TIME_LOCK_MS;
use titian_contracts::time::{DAY_MS, Date};

use super::border::perform;
use super::edit::EditArgs;
use super::write::filled;
use crate::act::{SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// `scheme-put`.
#[derive(Debug, clap::Args)]
pub(crate) struct PutArgs {
    /// The entry, JSON file; or CC-SCHEME, whose entry in force is changed by --set. The version is
    /// filled in
    #[arg(value_name = "ENTRY|CC-SCHEME")]
    source: String,
    #[command(flatten)]
    edit: EditArgs,
    /// From when it holds, 14 days from the block or later [default: 15 days from now, which leaves
    /// a day to gather the signatures]
    #[arg(long, value_name = "YYYY-MM-DD")]
    effective: Option<String>,
    /// From when it holds, ms since 1970, instead of --effective
    #[arg(long, value_name = "MS", conflicts_with = "effective")]
    effective_ms: Option<u64>,
    /// Take no registrations any more from this height on
    #[arg(long, value_name = "HEIGHT")]
    retire_at: Option<u64>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `scheme-suspend`.
#[derive(Debug, clap::Args)]
pub(crate) struct SuspendArgs {
    /// The scheme, CC-SCHEME
    #[arg(value_name = "CC-SCHEME")]
    scheme: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `attest-counts`.
#[derive(Debug, clap::Args)]
pub(crate) struct AttestArgs {
    /// The figures, JSON file: rows of columns, {"MICRO":{"YES":12,"NO":30,"UNDECLARED":null},…}
    cells: PathBuf,
    /// The state
    #[arg(long, value_name = "CC")]
    cc: String,
    /// ubin_women_owned, ubin_coverage or ubin_lookups
    #[arg(long, value_name = "NAME")]
    metric: String,
    /// YYYY, YYYY-Qn or YYYY-MM
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// Version of the figures [default: the next one]
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    #[command(flatten)]
    signing: SigningArgs,
}

pub(super) fn put(session: &Session, args: &PutArgs) -> Result<Report> {
    let path = Path::new(&args.source);
    let entry = if args.source == "-" || path.exists() {
        let entry = document::read_value(path)?;
        entry.get("entry").cloned().unwrap_or(entry)
    } else {
        if args.edit.is_empty() && args.retire_at.is_none() {
            return Err(CommandError::usage("nothing is changed")
                .hint("--set /refreshDays=200, or name a file with the whole entry"));
        }
        let (cc, code) = parts(&args.source)?;
        let entry = newest_entry(session, &cc, &code)?
            .ok_or_else(|| CommandError::refused("no such scheme").named("SCHEME_UNKNOWN"))?;
        entry.without("version")
    };
    let text = |name: &str| entry.get(name).and_then(Value::as_text).unwrap_or_default();
    let next = match entry.get("version") {
        Some(_) => 0,
        None => newest_version(session, text("cc"), text("code"))?.saturating_add(1),
    };
    let known = vec![("version", Value::from(next)), ("validFromHeight", Value::Int(0))];
    let entry = args.edit.apply(filled(entry, known))?;
    let mut members = vec![("entry", entry), ("effectiveMs", Value::from(effective(args)?))];
    members.extend(args.retire_at.map(|height| ("retiredAtHeight", Value::from(height))));
    perform(session, "scheme_put", members, &args.signing)
}

fn effective(args: &PutArgs) -> Result<u64> {
    match (args.effective_ms, &args.effective) {
        (Some(ms), _) => Ok(ms),
        (None, None) => Ok(now_ms().saturating_add(SCHEME_TIME_LOCK_MS + DAY_MS)),
        (None, Some(text)) => Date::parse(text)
            .map(Date::start_ms)
            .ok_or_else(|| CommandError::usage("a date is written YYYY-MM-DD")),
    }
}

/// Country and scheme code of `CC-SCHEME`.
fn parts(text: &str) -> Result<(String, String)> {
    let upper = text.to_uppercase();
    match upper.split_once('-') {
        Some((cc, code)) if is_state_code(cc) && !code.is_empty() && !code.contains('-') => {
            Ok((cc.to_owned(), code.to_owned()))
        }
        _ => Err(CommandError::usage("neither a file nor CC-SCHEME").hint("for example SG-UEN")),
    }
}

fn shown(session: &Session, cc: &str, code: &str, version: Option<u64>) -> Result<Option<Json>> {
    let params = SchemeParams { cc: cc.to_owned(), scheme: code.to_owned(), version, height: None };
    match session.client()?.ask::<call::UbinScheme>(&params) {
        Ok(answer) => Ok(Some(Json::Object(answer))),
        Err(error) if error.name.as_deref() == Some("SCHEME_UNKNOWN") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest version of a scheme; 0 if there is none.
fn newest_version(session: &Session, cc: &str, code: &str) -> Result<u64> {
    let found = shown(session, cc, code, None)?;
    let newest = found.as_ref().and_then(|found| found.pointer("/standing/newest"));
    Ok(newest.and_then(Json::as_u64).unwrap_or(0))
}

/// The newest entry of a scheme, without what the node says about it.
fn newest_entry(session: &Session, cc: &str, code: &str) -> Result<Option<Value>> {
    let newest = newest_version(session, cc, code)?;
    let Some(found) = shown(session, cc, code, Some(newest))? else { return Ok(None) };
    let entry = document::from_json(&found)?;
    Ok(Some(entry.without("standing").without("asOf")))
}

pub(super) fn suspend(session: &Session, args: &SuspendArgs) -> Result<Report> {
    let (cc, code) = parts(&args.scheme)?;
    let found = shown(session, &cc, &code, None)?
        .ok_or_else(|| CommandError::refused("no such scheme").named("SCHEME_UNKNOWN"))?;
    let in_force = found.pointer("/standing/inForce").and_then(Json::as_u64).unwrap_or(0);
    let members = vec![
        ("cc", Value::from(cc)),
        ("scheme", Value::from(code)),
        ("version", Value::from(in_force)),
    ];
    perform(session, "scheme_suspend", members, &args.signing)
}

pub(super) fn attest(session: &Session, args: &AttestArgs) -> Result<Report> {
    let cells = document::read_value(&args.cells)?;
    let cells = cells.get("cells").cloned().unwrap_or(cells);
    let cc = args.cc.to_uppercase();
    let version = match args.version {
        Some(version) => version,
        None => {
            let (metric, period) = (args.metric.clone(), args.period.clone());
            let params = AttestedParams { cc: cc.clone(), metric, period };
            let answer = session.client()?.ask::<call::UbinAttested>(&params)?;
            answer.get("version").and_then(Json::as_u64).unwrap_or(0).saturating_add(1)
        }
    };
    let members = vec![
        ("cc", Value::from(cc)),
        ("cells", cells),
        ("metric", Value::from(args.metric.as_str())),
        ("period", Value::from(args.period.as_str())),
        ("version", Value::from(version)),
    ];
    perform(session, "attest_counts", members, &args.signing)
}

/// The schemes in force on the network.
pub(super) fn of_network(
    session: &Session,
    cc: Option<&str>,
    height: Option<u64>,
) -> Result<Report> {
    let params = SchemesParams { cc: cc.map(str::to_uppercase), height };
    let answer = Json::Object(session.client()?.ask::<call::UbinSchemes>(&params)?);
    let schemes = answer.pointer("/schemes").and_then(Json::as_array).cloned().unwrap_or_default();
    if schemes.is_empty() {
        return Err(CommandError::usage("no scheme of this country on the network")
            .hint("titian ubin schemes lists those built in"));
    }
    let heading = ["CC", "SCHEME", "VERSION", "USE", "REGISTER", "PATTERN"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for scheme in &schemes {
        let text = |pointer: &str| document::text(scheme, pointer).unwrap_or("").to_owned();
        let version = scheme.pointer("/version").map(Json::to_string).unwrap_or_default();
        rows.push(vec![
            text("/cc"),
            text("/code"),
            version,
            text("/use"),
            text("/authority/name"),
            text("/pattern"),
        ]);
    }
    let as_of = format!(
        "as of height {}, {}",
        answer.pointer("/asOf/height").unwrap_or(&Json::Null),
        document::text(&answer, "/asOf/blockTime").unwrap_or("?")
    );
    Ok(Report::new(format!("{}\n{as_of}", table(&rows)), answer))
}
