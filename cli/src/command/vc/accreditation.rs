//! Accreditations: granting them, and letting them rest or end.

use serde_json::Value as Json;
use titian_api::call;
use titian_contracts::credential::{ISSUER_CLASSES, REASONS};
use titian_contracts::json::Value;
use titian_contracts::time::Date;

use super::{bare, counts, perform, texts};
use crate::act::{SigningArgs, now_ms};
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::KeyRef;

/// Arguments of `accreditation_grant`.
#[derive(Debug, clap::Args)]
pub(crate) struct GrantArgs {
    /// Who is allowed
    pub(super) grantee: KeyRef,
    /// Type of credential; repeat it
    #[arg(long = "type", required = true, value_name = "TYPE")]
    types: Vec<String>,
    /// issue, accredit, use; separated by commas
    #[arg(long, value_delimiter = ',', default_value = "issue", value_name = "RIGHTS")]
    rights: Vec<String>,
    /// Class of issuer
    #[arg(long, default_value = "other", value_name = "CLASS", value_parser = ISSUER_CLASSES)]
    class: String,
    /// States for which it holds [default: the own one]
    #[arg(long, value_delimiter = ',', value_name = "CC")]
    jurisdiction: Vec<String>,
    /// How many further links it may grant
    #[arg(long, default_value_t = 0, value_name = "N")]
    depth: u64,
    /// Accreditation it comes from, or the state [default: the state]
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Until when
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// An act on an accreditation.
#[derive(Debug, clap::Args)]
pub(crate) struct AccreditationArgs {
    /// The accreditation, grantee/acc/n
    id: String,
    /// Why; needed but to reinstate
    #[arg(long, value_name = "REASON", value_parser = REASONS)]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// The end of an accreditation.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) accreditation: AccreditationArgs,
    /// From when it counts, ms since 1970, not ahead of now [default: now]
    #[arg(long, value_name = "MS")]
    pub(crate) effective_ms: Option<u64>,
}

/// `accreditation_grant`.
pub(super) fn grant(session: &Session, args: &GrantArgs) -> Result<Report> {
    let grantee = &args.grantee.party;
    let cc = grantee.get(..2).unwrap_or_default().to_owned();
    let until = Date::parse(&args.until)
        .ok_or_else(|| CommandError::usage("a date is written YYYY-MM-DD"))?;
    if until.start_ms() <= now_ms() {
        return Err(CommandError::usage(format!("--until {} is not ahead", args.until)));
    }
    let jurisdictions =
        if args.jurisdiction.is_empty() { vec![cc.clone()] } else { args.jurisdiction.clone() };
    let (held, _) = counts(session, grantee)?;
    let arguments = Value::object([
        ("depth", Value::from(args.depth)),
        // the clock of this machine may run ahead of block time
        ("fromMs", Value::from(now_ms().saturating_sub(60_000))),
        ("grantee", Value::from(grantee.as_str())),
        ("issuerClass", Value::from(args.class.as_str())),
        ("jurisdictions", texts(&jurisdictions)),
        ("n", Value::from(held.saturating_add(1))),
        ("parent", Value::from(args.parent.clone().unwrap_or(cc))),
        ("rights", texts(&args.rights)),
        ("types", texts(&args.types)),
        ("untilMs", Value::from(until.start_ms())),
    ]);
    perform(session, "accreditation_grant", arguments, &args.signing)
}

/// `accreditation_revoke`.
pub(super) fn revoke(session: &Session, args: &RevokeArgs) -> Result<Report> {
    // ten seconds back: the clock of this machine may run ahead of block time
    let effective = args.effective_ms.unwrap_or_else(|| now_ms().saturating_sub(10_000));
    let effective = ("effectiveMs", Value::from(effective));
    act_on(session, "accreditation_revoke", &args.accreditation, Some(effective))
}

/// `accreditation_suspend`, `_reinstate`.
pub(super) fn change(session: &Session, verb: &str, args: &AccreditationArgs) -> Result<Report> {
    act_on(session, &format!("accreditation_{verb}"), args, None)
}

fn act_on(
    session: &Session,
    act: &str,
    args: &AccreditationArgs,
    more: Option<(&str, Value)>,
) -> Result<Report> {
    if args.reason.is_none() && act != "accreditation_reinstate" {
        return Err(CommandError::usage("--reason says why")
            .named("REASON_REQUIRED")
            .hint(format!("--reason is one of: {}", REASONS.join(", "))));
    }
    let id = bare(&args.id);
    let params = titian_api::vc::IdParams { id: id.to_owned(), height: None, proof: false };
    let current = Json::Object(session.client()?.ask::<call::VcAccreditation>(&params)?);
    let version = current.get("version").and_then(Json::as_u64).unwrap_or(0);
    let mut members = vec![("id", Value::from(id)), ("version", Value::from(version))];
    if let Some(reason) = &args.reason {
        members.push(("reason", Value::from(reason.as_str())));
    }
    members.extend(more);
    perform(session, act, Value::object(members), &args.signing)
}
