//! Challenges: somebody says that a record is wrong, and its register answers (ubin.md §4.4).

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::{ChallengesParams, ClockParams};
use titian_contracts::json::Value;

use super::border::perform;
use super::current::current;
use super::page::{ListArgs, page_report};
use super::write::{EvidenceArgs, reason_help};
use crate::act::SigningArgs;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

/// `challenge-open`.
#[derive(Debug, clap::Args)]
pub(crate) struct OpenArgs {
    /// The record, in any spelling
    ubin: String,
    /// IDENTITY, DUPLICATE, NAME, STATUS, ADDRESS, IDENTIFIER, CONTROLLER, PERSONAL_DATA
    #[arg(long, value_name = "GROUND")]
    ground: String,
    /// What is wrong, by its pointer: /legalName/value; repeat it, up to 8
    #[arg(long = "field", value_name = "POINTER")]
    fields: Vec<String>,
    /// Who challenges: a registrar, or a business with a key [default: the party of --as]
    #[arg(long, value_name = "PARTY")]
    by: Option<String>,
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `challenge-ack`, `challenge-withdraw`.
#[derive(Debug, clap::Args)]
pub(crate) struct IdArgs {
    /// Id of the challenge
    id: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `challenge-clock`.
#[derive(Debug, clap::Args)]
pub(crate) struct ClockArgs {
    /// The state
    cc: String,
    /// Days to acknowledge a challenge, 1 to 5 [default: as it stands]
    #[arg(long, value_name = "DAYS")]
    acknowledge: Option<u64>,
    /// Days to decide one, at most 30 [default: as it stands]
    #[arg(long, value_name = "DAYS")]
    decide: Option<u64>,
    /// Days to acknowledge one on personal data: 1 [default: as it stands]
    #[arg(long, value_name = "DAYS")]
    personal_data_acknowledge: Option<u64>,
    /// Days to decide one on personal data, at most 3 [default: as it stands]
    #[arg(long, value_name = "DAYS")]
    personal_data_decide: Option<u64>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `challenge-decide`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("decision").required(true))]
pub(crate) struct DecideArgs {
    /// Id of the challenge
    id: String,
    /// The challenge is right; the record was corrected
    #[arg(long, group = "decision")]
    uphold: bool,
    /// The challenge is wrong; needs --reason
    #[arg(long, group = "decision")]
    reject: bool,
    #[arg(long, value_name = "CODE", help = reason_help())]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

pub(super) fn open(session: &Session, args: &OpenArgs) -> Result<Report> {
    let by = args.by.clone().or_else(|| args.signing.signers.first().map(|key| key.party.clone()));
    let by = by.ok_or_else(|| {
        CommandError::usage("who challenges?").hint("--by SG:ACRA, or --as SG:ACRA#k1")
    })?;
    let record = current(session, &args.ubin)?;
    let fields = args.fields.iter().map(|field| Value::from(field.as_str())).collect();
    let evidence = args.evidence.to_value()?.unwrap_or_else(|| Value::List(Vec::new()));
    let members = vec![
        ("by", Value::from(by)),
        ("evidence", evidence),
        ("fields", Value::List(fields)),
        ("ground", Value::from(args.ground.to_uppercase())),
        ("ubin", Value::from(record.ubin.as_str())),
        ("version", Value::from(record.version)),
    ];
    perform(session, "challenge_open", members, &args.signing)
}

pub(super) fn by_id(session: &Session, act: &str, args: &IdArgs) -> Result<Report> {
    perform(session, act, vec![("id", Value::from(args.id.as_str()))], &args.signing)
}

pub(super) fn decide(session: &Session, args: &DecideArgs) -> Result<Report> {
    let decision = if args.uphold && !args.reject { "UPHELD" } else { "REJECTED" };
    let mut members =
        vec![("id", Value::from(args.id.as_str())), ("decision", Value::from(decision))];
    members.extend(args.reason.as_deref().map(|reason| ("reason", Value::from(reason))));
    perform(session, "challenge_decide", members, &args.signing)
}

pub(super) fn clock(session: &Session, args: &ClockArgs) -> Result<Report> {
    let chosen = [
        ("acknowledgeDays", args.acknowledge),
        ("decideDays", args.decide),
        ("personalDataAcknowledgeDays", args.personal_data_acknowledge),
        ("personalDataDecideDays", args.personal_data_decide),
    ];
    if chosen.iter().all(|(_, days)| days.is_none()) {
        return Err(CommandError::usage("nothing is changed").hint("--acknowledge 3 --decide 20"));
    }
    let cc = args.cc.to_uppercase();
    let params = ClockParams { cc: cc.clone(), height: None };
    let standing = session.client()?.ask::<call::UbinChallengeClock>(&params)?;
    let count = |name: &str| standing.get(name).and_then(Json::as_u64).unwrap_or(0);
    let mut members =
        vec![("cc", Value::from(cc)), ("version", Value::from(count("version").saturating_add(1)))];
    members.extend(
        chosen.map(|(name, days)| (name, Value::from(days.unwrap_or_else(|| count(name))))),
    );
    perform(session, "challenge_clock", members, &args.signing)
}

pub(super) fn list(session: &Session, args: &ListArgs) -> Result<Report> {
    let params = ChallengesParams {
        id: None,
        ubin: args.ubin.clone(),
        ams: args.ams(),
        state: args.state(),
        limit: Some(args.limit),
        cursor: args.cursor.clone(),
    };
    let page = session.client()?.ask::<call::UbinChallenges>(&params)?;
    let heading = ["STATE", "DUE", "GROUND", "RECORD", "BY", "ID"];
    Ok(page_report(&page, heading, "no challenge", |item| {
        let text = |pointer: &str| document::text(item, pointer).unwrap_or("").to_owned();
        let due = match text("/state").as_str() {
            "OPEN" => text("/acknowledgeBy"),
            "ACKNOWLEDGED" => text("/decideBy"),
            _ => String::new(),
        };
        let late = item.pointer("/overdue") == Some(&Json::Bool(true));
        let due = if late { format!("{due} OVERDUE") } else { due };
        [text("/state"), due, text("/ground"), text("/ubin"), text("/by"), text("/id")]
    }))
}
