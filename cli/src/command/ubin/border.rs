//! Moves across a border: the losing state consents, the gaining state acts (ubin.md §4.3).

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::ConsentsParams;
use titian_contracts::json::Value;
use titian_contracts::limits::{CONSENT_OUT_MS_MAX, CONSENT_OUT_MS_MIN};
use titian_contracts::op::Register;
use titian_contracts::time::{DAY_MS, rfc3339};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::vocabulary::SchemeUse;

use super::current::{current, number};
use super::minimal::SURROGATE;
use super::page::{ListArgs, page_report};
use super::schemes;
use super::write::{self, BodyOptions, day, reason_help};
use crate::act::{self, Draft, SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

/// Room between this clock and that of the ledger.
const CLOCK_MARGIN_MS: u64 = 60_000;

/// `consent-out`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConsentArgs {
    /// The record that leaves, in any spelling
    ubin: String,
    /// The gaining state
    #[arg(long, value_name = "CC")]
    to: String,
    /// Scheme of the number that goes on [default: that of the named number, else the one scheme
    /// for companies of the gaining state]
    #[arg(long, value_name = "CODE")]
    scheme: Option<String>,
    /// Only this number may go on
    #[arg(long, value_name = "UBIN", conflicts_with = "merge_into")]
    successor: Option<String>,
    /// The business is merged into this one, instead of going on itself
    #[arg(long, value_name = "UBIN")]
    merge_into: Option<String>,
    /// How long the other state may use it: days or hours, 1d to 180d
    #[arg(long, default_value = "90d", value_name = "DURATION")]
    expires: String,
    /// Until when, ms since 1970, instead of --expires
    #[arg(long, value_name = "MS", conflicts_with = "expires")]
    expires_ms: Option<u64>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `consent-withdraw`.
#[derive(Debug, clap::Args)]
pub(crate) struct WithdrawArgs {
    /// Id of the consent
    id: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `continue-in`.
#[derive(Debug, clap::Args)]
pub(crate) struct ContinueArgs {
    /// Body of the record that goes on, JSON; entity, version, status and relation are filled in
    body: PathBuf,
    /// Id of the consent of the losing state
    #[arg(long, value_name = "ID")]
    consent: String,
    #[command(flatten)]
    options: BodyOptions,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `merge-in`.
#[derive(Debug, clap::Args)]
pub(crate) struct MergeInArgs {
    /// The survivor, in any spelling
    ubin: String,
    /// Id of a consent; one for each business that is absorbed
    #[arg(long = "consent", value_name = "ID", required = true)]
    consents: Vec<String>,
    #[arg(long, value_name = "CODE", help = reason_help())]
    reason: Option<String>,
    /// Legal date [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

pub(super) fn consent_out(session: &Session, args: &ConsentArgs) -> Result<Report> {
    let named = args.successor.as_deref().or(args.merge_into.as_deref());
    let named = named.map(number).transpose()?;
    let to = args.to.to_uppercase();
    let scheme = match (&args.scheme, &named) {
        (Some(code), _) => code.to_uppercase(),
        (None, Some(ubin)) => {
            Ubin::parse_canonical(ubin).map(|ubin| ubin.scheme).unwrap_or_default()
        }
        (None, None) => company_scheme(&schemes::of_node(session.client()?)?, &to)?,
    };
    let record = current(session, &args.ubin)?;
    let kind = if args.merge_into.is_some() { "MERGE" } else { "RELOCATE" };
    let mut members = vec![
        ("kind", Value::from(kind)),
        ("ubin", Value::from(record.ubin.as_str())),
        ("version", Value::from(record.version)),
        ("toAms", Value::from(to)),
        ("toScheme", Value::from(scheme)),
        ("expiresMs", Value::from(expiry(args)?)),
    ];
    members.extend(named.map(|ubin| ("successorUbin", Value::from(ubin))));
    perform(session, "consent_out", members, &args.signing)
}

/// The time until which a consent holds. At the ends of the range it keeps away from the bound, for
/// the ledger's clock decides.
fn expiry(args: &ConsentArgs) -> Result<u64> {
    if let Some(ms) = args.expires_ms {
        return Ok(ms);
    }
    let units = [("d", DAY_MS), ("h", DAY_MS / 24)];
    let length = units.into_iter().find_map(|(unit, ms)| {
        args.expires.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(ms)
    });
    let length = length.ok_or_else(|| {
        CommandError::usage("a duration is a number of days or hours").hint("--expires 90d")
    })?;
    let inside = (CONSENT_OUT_MS_MIN..=CONSENT_OUT_MS_MAX).contains(&length);
    let length = if inside {
        length.clamp(CONSENT_OUT_MS_MIN + CLOCK_MARGIN_MS, CONSENT_OUT_MS_MAX - CLOCK_MARGIN_MS)
    } else {
        length
    };
    Ok(now_ms().saturating_add(length))
}

/// The one scheme for companies of a state; an error where there are several.
fn company_scheme(schemes: &SchemeTable, cc: &str) -> Result<String> {
    let of_country = schemes.of_country(cc).ok_or_else(|| {
        CommandError::usage("the gaining state is no member").named("UBIN_COUNTRY_UNKNOWN")
    })?;
    let fits = |provisional: bool| -> Vec<&str> {
        let entries = of_country.iter().map(|scheme| &scheme.entry);
        entries
            .filter(|e| e.usage == SchemeUse::Primary && e.code != SURROGATE)
            .filter(|e| provisional || !e.provisional)
            .map(|e| e.code.as_str())
            .collect()
    };
    let confirmed = fits(false);
    let candidates = if confirmed.is_empty() { fits(true) } else { confirmed };
    match candidates.as_slice() {
        [one] => Ok((*one).to_owned()),
        several => Err(CommandError::usage("the gaining state has several schemes for companies")
            .hint(format!("--scheme: one of {}", several.join(" ")))),
    }
}

pub(super) fn consent_withdraw(session: &Session, args: &WithdrawArgs) -> Result<Report> {
    let members = vec![("id", Value::from(args.id.as_str()))];
    perform(session, "consent_withdraw", members, &args.signing)
}

pub(super) fn continue_in(session: &Session, args: &ContinueArgs) -> Result<Report> {
    let body = document::read_value(&args.body)?;
    let body = body.get("body").cloned().unwrap_or(body);
    write::number_of(&body)?;
    let mut known = vec![("v", Value::Int(1)), ("version", Value::Int(1))];
    let consent = consent(session, &args.consent)?;
    // without the consent the act is sent as it is, so that the ledger says what is wrong with it
    let old = match consent.as_ref().and_then(|found| document::text(found, "/ubin")) {
        Some(ubin) => {
            let old = current(session, ubin)?;
            let entity = old.body()?.get("entity").cloned().unwrap_or(Value::Null);
            known.push(("entity", entity));
            Some(ubin.to_owned())
        }
        None => None,
    };
    let since = day(args.options.on.as_deref())?;
    let status = [("code", Value::from("ACTIVE")), ("since", Value::from(since))];
    known.push(("status", Value::object(status)));
    let body = write::dated(write::filled(body, known), &args.options);
    let body = match &old {
        Some(ubin) => write::related(body, "RELOCATED_FROM", ubin),
        None => body,
    };
    let body = write::finished(body, &args.options)?;
    let more = vec![("consent", Value::from(args.consent.as_str()))];
    write::send(session, "continue_in", body, &args.options, more, &args.signing)
}

/// One consent; `None` if the node knows none of this id.
fn consent(session: &Session, id: &str) -> Result<Option<Json>> {
    let params = ConsentsParams { id: Some(id.to_owned()), ..ConsentsParams::default() };
    let page = session.client()?.ask::<call::UbinConsents>(&params)?;
    Ok(page.items.into_iter().next().map(Json::Object))
}

pub(super) fn merge_in(session: &Session, args: &MergeInArgs) -> Result<Report> {
    let survivor = current(session, &args.ubin)?;
    let consents = args.consents.iter().map(|id| Value::from(id.as_str())).collect();
    let mut members = survivor.quoted();
    members.push(("date", Value::from(day(args.on.as_deref())?)));
    members.push(("consents", Value::List(consents)));
    members.extend(args.reason.as_deref().map(|reason| ("reason", Value::from(reason))));
    perform(session, "merge_in", members, &args.signing)
}

/// Performs an act without a body.
pub(super) fn perform(
    session: &Session,
    act: &str,
    members: Vec<(&'static str, Value)>,
    signing: &SigningArgs,
) -> Result<Report> {
    act::perform(session, &Draft::new(Register::Ubin, act, Value::object(members)), signing)
}

pub(super) fn consents(session: &Session, args: &ListArgs) -> Result<Report> {
    let params = ConsentsParams {
        id: None,
        ubin: args.ubin.clone(),
        ams: args.ams(),
        state: args.state(),
        limit: Some(args.limit),
        cursor: args.cursor.clone(),
    };
    let page = session.client()?.ask::<call::UbinConsents>(&params)?;
    let heading = ["STATE", "KIND", "RECORD", "TO", "UNTIL", "ID"];
    Ok(page_report(&page, heading, "no consent", |item| {
        let text = |pointer: &str| document::text(item, pointer).unwrap_or("").to_owned();
        let until = item.pointer("/expiresMs").and_then(Json::as_u64).map(rfc3339);
        let to = document::text(item, "/successorUbin")
            .map_or_else(|| format!("{}-{}", text("/toAms"), text("/toScheme")), str::to_owned);
        [text("/state"), text("/kind"), text("/ubin"), to, until.unwrap_or_default(), text("/id")]
    }))
}
