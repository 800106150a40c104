//! `titian etr`: electronic transferable records.
//!
//! The content of a record stays in files of the parties; see [`content`].

pub(crate) mod content;
pub(crate) mod issue;
mod stage;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::etr::{GetParams, InboxParams, ListParams, MatrixParams, ProveParams};
use titian_api::{Nothing, call};
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use super::access::read_arguments;
use super::ledger::write_bundle;
use super::ubin::canonical;
use crate::act::{self, Draft, FrameArgs, SigningArgs, capability, now_ms};
use crate::document;
use crate::error::Result;
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::KeyRef;

const HOUR_MS: u64 = 3_600_000;

/// Electronic transferable records.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Issue a record: the first holder signs too, or has agreed beforehand
    #[command(after_help = "Examples:
  titian etr issue --profile bl-order --ref SGPU4711 --content bl.json --lot 1:KGM:12000 \\
    --to VN-MST-0100233488-43 --as SG-UEN-199403865N-G7 --stage -o op.json")]
    Issue(issue::Args),
    /// Offer a record to another; it stays with you until accepted
    #[command(after_help = "Examples:
  titian etr offer etr_5c… --to TH-JP-0105530041751-D9 --endorse special --deadline 72h")]
    Offer(OfferArgs),
    /// Accept an offer: control and title pass to you
    #[command(after_help = "Examples:
  titian etr accept etr_5c… --as TH-JP-0105530041751-D9 --ack TH:unknown
  titian etr accept etr_5c… --ack-all")]
    Accept {
        #[command(flatten)]
        record: RecordArgs,
        /// Evidence for the conditions of the offer: a JSON list
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
    },
    /// Refuse an offer
    #[command(after_help = "Examples:
  titian etr refuse etr_5c… --reason wrong_goods")]
    Refuse(ReasonArgs),
    /// Take an offer back
    #[command(after_help = "Examples:
  titian etr withdraw etr_5c…")]
    Withdraw(RecordArgs),
    /// Note that a deadline has passed; anyone may
    #[command(after_help = "Examples:
  titian etr expire etr_5c…")]
    Expire(RecordArgs),
    /// Hand the record to the obligor, for delivery of the goods, claim or paper
    #[command(after_help = "Examples:
  titian etr surrender etr_5c… --kind delivery")]
    Surrender {
        #[command(flatten)]
        record: RecordArgs,
        /// delivery, claim, exchange or paper
        #[arg(long, default_value = "delivery", value_parser = ["delivery", "claim", "exchange", "paper"])]
        kind: String,
        /// Reason code
        #[arg(long, value_name = "CODE")]
        reason: Option<String>,
        /// Time the obligor has to answer: 90m, 72h, 14d
        #[arg(long, default_value = "72h", value_name = "TIME", value_parser = duration_ms)]
        deadline: u64,
    },
    /// Accept a surrender: the record ends
    #[command(after_help = "Examples:
  titian etr surrender-accept etr_5c… --as SG-UEN-199403865N-G7
  titian etr surrender-accept etr_5c… --args paper.json")]
    SurrenderAccept {
        #[command(flatten)]
        record: RecordArgs,
        /// Arguments for paper or exchange: a JSON file, or JSON text
        #[arg(long, value_name = "FILE|JSON")]
        args: Option<String>,
    },
    /// Reject a surrender: the record stays with its holder
    #[command(after_help = "Examples:
  titian etr surrender-reject etr_5c… --reason freight_unpaid")]
    SurrenderReject(ReasonArgs),
    /// Add a signature to an op that is staged on the ledger; the last one executes it
    #[command(after_help = "Examples:
  titian etr cosign op.json --as VN-MST-0100233488-43")]
    Cosign {
        /// The staged op, as `--stage -o op.json` wrote it
        op: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Take a staged op off the ledger
    #[command(after_help = "Examples:
  titian etr unstage op.json --as SG-UEN-199403865N-G7")]
    Unstage {
        /// The staged op, as `--stage -o op.json` wrote it
        op: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Agree beforehand to receive records
    #[command(after_help = "Examples:
  titian etr consent-set --profile bl-order --from any --days 90 --no 1 --as VN-MST-0100233488-43")]
    ConsentSet {
        /// Number of the consent: the next one of the party
        #[arg(long, value_name = "N")]
        no: u64,
        /// Type of record; repeat it
        #[arg(long, required = true, value_name = "ID")]
        profile: Vec<String>,
        /// Giver, or any; repeat it
        #[arg(long, required = true, value_name = "UBIN|any")]
        from: Vec<String>,
        /// How long it holds, in days
        #[arg(long, default_value_t = 90, value_name = "DAYS")]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=366))]
        days: u64,
        #[command(flatten)]
        frame: FrameArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// End a standing consent
    #[command(after_help = "Examples:
  titian etr consent-revoke --no 1 --as VN-MST-0100233488-43")]
    ConsentRevoke {
        /// Number of the consent
        #[arg(long, value_name = "N")]
        no: u64,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Show a record; the party part with --as a party to it
    #[command(after_help = "Examples:
  titian etr show etr_5c…
  titian etr show etr_5c… --as VN-MST-0100233488-43 --content etr_5c….content.json")]
    Show {
        /// The record
        id: String,
        /// Ask as this party
        #[arg(long = "as", value_name = "PARTY[#kN]")]
        party: Option<KeyRef>,
        /// Content envelope, checked against the record and shown
        #[arg(long, value_name = "FILE")]
        content: Option<PathBuf>,
    },
    /// List the records of a party
    #[command(after_help = "Examples:
  titian etr list --as VN-MST-0100233488-43 --status offered")]
    List {
        /// The party
        #[arg(long = "as", value_name = "PARTY[#kN]")]
        party: KeyRef,
        /// Only in this role
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Only with this status
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Continue after the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// List what waits for a party's answer
    #[command(after_help = "Examples:
  titian etr inbox --as TH-JP-0105530041751-D9")]
    Inbox {
        /// The party
        #[arg(long = "as", value_name = "PARTY[#kN]")]
        party: KeyRef,
    },
    /// Write a proof of a record's status, or that a number was never used
    #[command(after_help = "Examples:
  titian etr prove etr_5c… -o p.json && titian verify p.json
  titian etr prove --absent transport/SG-UEN-199403865N-G7/SGPU4712 -o p.json")]
    Prove {
        /// The record
        #[arg(required_unless_present = "absent")]
        id: Option<String>,
        /// series/issuer/ref that no record has
        #[arg(long, value_name = "SERIES/ISSUER/REF", conflicts_with = "id")]
        absent: Option<String>,
        /// Where to write it
        #[arg(short, long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the types of records in force
    #[command(after_help = "Examples:
  titian etr profiles --json")]
    Profiles,
    /// Show what each state says of electronic records
    #[command(after_help = "Examples:
  titian etr law
  titian etr law --class bill_of_lading")]
    Law {
        /// Only this class
        #[arg(long, value_name = "CLASS")]
        class: Option<String>,
    },
}

/// An act on a record without arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordArgs {
    /// The record
    id: String,
    #[command(flatten)]
    frame: FrameArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// An act on a record with a reason code.
#[derive(Debug, clap::Args)]
pub(crate) struct ReasonArgs {
    #[command(flatten)]
    record: RecordArgs,
    /// Reason code: a-z, 0-9 and _
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
}

/// Arguments of `offer`.
#[derive(Debug, clap::Args)]
pub(crate) struct OfferArgs {
    #[command(flatten)]
    record: RecordArgs,
    /// Receiver
    #[arg(long, value_name = "UBIN")]
    to: String,
    /// Endorsement: special, blank, restrictive, collection, pledge, or none
    #[arg(long, default_value = "special", value_name = "KIND")]
    #[arg(value_parser = ["special", "blank", "restrictive", "collection", "pledge", "none"])]
    endorse: String,
    /// Time to accept: 90m, 72h, 14d
    #[arg(long, default_value = "72h", value_name = "TIME", value_parser = duration_ms)]
    deadline: u64,
    /// Conditions: a JSON file, or JSON text
    #[arg(long, value_name = "FILE|JSON")]
    when: Option<String>,
    /// The offer cannot be withdrawn before its deadline
    #[arg(long)]
    irrevocable: bool,
    /// Endorse without recourse
    #[arg(long)]
    without_recourse: bool,
}

/// Reads `90m`, `72h`, `14d`.
fn duration_ms(text: &str) -> std::result::Result<u64, String> {
    let usage = || "a time is written 90m, 72h or 14d".to_owned();
    let unit = match text.chars().last() {
        Some('m') => HOUR_MS / 60,
        Some('h') => HOUR_MS,
        Some('d') => 24 * HOUR_MS,
        _ => return Err(usage()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| usage())?;
    number.checked_mul(unit).filter(|ms| *ms <= 30 * 24 * HOUR_MS).ok_or_else(usage)
}

/// Runs `titian etr`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    let no_args = || Value::Object(Vec::new());
    match command {
        Command::Issue(args) => issue::run(session, args),
        Command::Offer(args) => offer(session, args),
        Command::Accept { record, evidence } => {
            let evidence = match evidence {
                Some(path) => document::read_value(path)?,
                None => Value::List(Vec::new()),
            };
            on_record(session, "accept", record, Value::object([("evidence", evidence)]))
        }
        Command::Refuse(args) => {
            let reason = Value::from(args.reason.as_deref().map(Value::from));
            on_record(session, "refuse", &args.record, Value::object([("reason", reason)]))
        }
        Command::Withdraw(record) => on_record(session, "withdraw", record, no_args()),
        Command::Expire(record) => on_record(session, "expire", record, no_args()),
        Command::Surrender { record, kind, reason, deadline } => {
            let args = Value::object([
                ("deadlineMs", Value::from(now_ms().saturating_add(*deadline))),
                ("kind", Value::from(kind.as_str())),
                ("reason", Value::from(reason.as_deref().map(Value::from))),
            ]);
            on_record(session, "surrender", record, args)
        }
        Command::SurrenderAccept { record, args } => {
            let args = match args {
                Some(source) => read_arguments(source)?,
                None => Value::object([("digest", Value::Null)]),
            };
            on_record(session, "surrender_accept", record, args)
        }
        Command::SurrenderReject(args) => {
            let reason = args.reason.as_deref().unwrap_or("other");
            let reason = Value::object([("reason", Value::from(reason))]);
            on_record(session, "surrender_reject", &args.record, reason)
        }
        Command::Cosign { op, signing } => stage::cosign(session, op, signing),
        Command::Unstage { op, signing } => stage::unstage(session, op, signing),
        Command::ConsentSet { no, profile, from, days, frame, signing } => {
            consent_set(session, *no, profile, from, *days, frame, signing)
        }
        Command::ConsentRevoke { no, signing } => {
            let args = Value::object([("no", Value::from(*no))]);
            act::perform(session, &Draft::new(Register::Etr, "consent_revoke", args), signing)
        }
        Command::Show { id, party, content } => {
            show(session, id, party.as_ref(), content.as_deref())
        }
        Command::List { party, role, status, cursor } => {
            let params = ListParams {
                party: party.party.clone(),
                role: role.clone(),
                status: status.clone(),
                cursor: cursor.clone(),
                capability: ask_as(session, Some(party), &party.party)?,
            };
            let page = session.client()?.ask::<call::EtrList>(&params)?;
            Ok(records_report(serde_json::to_value(&page).unwrap_or_default()))
        }
        Command::Inbox { party } => {
            let params = InboxParams {
                party: party.party.clone(),
                cursor: None,
                capability: ask_as(session, Some(party), &party.party)?,
            };
            let page = session.client()?.ask::<call::EtrInbox>(&params)?;
            Ok(records_report(serde_json::to_value(&page).unwrap_or_default()))
        }
        Command::Prove { id, absent, out } => prove(session, id.as_deref(), absent.as_deref(), out),
        Command::Profiles => {
            let answer = session.client()?.ask::<call::EtrProfiles>(&Nothing {})?;
            Ok(Report::json(Json::Object(answer)))
        }
        Command::Law { class } => {
            let params = MatrixParams { class: class.clone() };
            let answer = session.client()?.ask::<call::EtrLegalMatrix>(&params)?;
            Ok(Report::json(Json::Object(answer)))
        }
    }
}

fn on_record(session: &Session, act: &str, record: &RecordArgs, args: Value) -> Result<Report> {
    let draft = Draft::on_record(act, Some(&record.id), args, record.frame.clone());
    act::perform(session, &draft, &record.signing)
}

fn ask_as(
    session: &Session,
    party: Option<&KeyRef>,
    subject: &str,
) -> Result<Option<titian_api::etr::Capability>> {
    match party {
        Some(party) => capability(session, &session.wallet()?, party, subject),
        None => Ok(None),
    }
}

/// The arguments of `offer`.
pub(crate) fn offer_args(to: &str, endorse: &str, deadline_ms: u64) -> Value {
    let endorse = if endorse == "none" { Value::Null } else { Value::from(endorse) };
    Value::object([
        ("conditions", Value::Null),
        ("deadlineMs", Value::from(deadline_ms)),
        ("endorse", endorse),
        ("irrevocable", Value::from(false)),
        ("to", Value::from(to)),
    ])
}

fn offer(session: &Session, args: &OfferArgs) -> Result<Report> {
    let deadline = now_ms().saturating_add(args.deadline);
    let mut members = offer_args(&canonical(&args.to)?, &args.endorse, deadline)
        .with("irrevocable", Value::from(args.irrevocable));
    if let Some(source) = &args.when {
        members = members.with("conditions", read_arguments(source)?);
    }
    if args.without_recourse {
        members = members.with("withoutRecourse", Value::from(true));
    }
    on_record(session, "offer", &args.record, members)
}

fn consent_set(
    session: &Session,
    no: u64,
    profiles: &[String],
    from: &[String],
    days: u64,
    frame: &FrameArgs,
    signing: &SigningArgs,
) -> Result<Report> {
    let givers = if from.iter().any(|giver| giver == "any") {
        Value::from("any")
    } else {
        let list = from.iter().map(|giver| canonical(giver).map(Value::from));
        Value::List(list.collect::<Result<_>>()?)
    };
    let texts =
        |items: &[String]| Value::List(items.iter().map(|i| Value::from(i.as_str())).collect());
    let args = Value::object([
        ("ack", texts(&frame.ack)),
        ("from", givers),
        ("no", Value::from(no)),
        ("profiles", texts(profiles)),
        ("untilMs", Value::from(now_ms().saturating_add(days * 24 * HOUR_MS))),
    ]);
    act::perform(session, &Draft::new(Register::Etr, "consent_set", args), signing)
}

fn show(
    session: &Session,
    id: &str,
    party: Option<&KeyRef>,
    envelope: Option<&Path>,
) -> Result<Report> {
    let params = GetParams {
        id: id.to_owned(),
        height: None,
        proof: false,
        capability: ask_as(session, party, id)?,
    };
    let answer = Json::Object(session.client()?.ask::<call::EtrGet>(&params)?);
    let mut text = record_text(session, &answer);
    let mut json = answer;
    if let Some(path) = envelope {
        let root = document::text(&json, "/public/contentRoot").unwrap_or_default().to_owned();
        let content = content::open_envelope(path, &root)?;
        let shown = serde_json::to_string_pretty(&content).unwrap_or_default();
        let mark = session.output.paint(Tone::Good, "content matches the record:");
        text = format!("{text}\n{mark}\n{shown}");
        if let Some(members) = json.as_object_mut() {
            members.insert("content".to_owned(), Json::Object(content));
        }
    }
    Ok(Report::new(text, json))
}

fn record_text(session: &Session, answer: &Json) -> String {
    let text = |pointer: &str| document::text(answer, pointer).unwrap_or("?").to_owned();
    let number = |pointer: &str| answer.pointer(pointer).map_or("?".to_owned(), Json::to_string);
    let status = text("/public/status");
    let tone = if status == "dead" { Tone::Bad } else { Tone::Good };
    let end = document::text(answer, "/public/end").map(|end| format!(" ({end})"));
    let mut lines = vec![format!(
        "{}  {}{}, seq {}, height {}",
        text("/public/profile"),
        session.output.paint(tone, &status),
        end.unwrap_or_default(),
        number("/public/seq"),
        number("/asOf/height")
    )];
    lines.push(format!("record   {}", text("/public/id")));
    lines.push(format!("regime   {}, home {}", text("/public/regime"), text("/public/home")));
    match answer.get("party").filter(|party| party.is_object()) {
        Some(party) => {
            let person = |pointer: &str| {
                party.pointer(pointer).map(|value| {
                    document::text(value, "/party").map_or(value.to_string(), str::to_owned)
                })
            };
            lines.push(format!("number   {}", text("/party/ref")));
            lines.push(format!("control  {}", person("/controller").unwrap_or_default()));
            let kind = text("/party/title/kind");
            let to = document::text(answer, "/party/title/party").unwrap_or("");
            lines.push(format!("title    {kind} {to}"));
            if let Some(pending) = party.get("pending").filter(|pending| !pending.is_null()) {
                lines.push(format!("pending  {pending}"));
            }
        }
        None => lines.push("the parties see more: --as PARTY".to_owned()),
    }
    lines.join("\n")
}

fn records_report(answer: Json) -> Report {
    let items = answer.get("items").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut lines: Vec<String> = items
        .iter()
        .map(|item| {
            let text = |a: &str, b: &str| {
                document::text(item, a).or_else(|| document::text(item, b)).unwrap_or("").to_owned()
            };
            let id = text("/id", "/public/id");
            format!(
                "{id}  {:<12} {}",
                text("/status", "/public/status"),
                text("/ref", "/party/ref")
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("nothing".to_owned());
    }
    if let Some(cursor) = document::text(&answer, "/cursor") {
        lines.push(format!("more: --cursor {cursor}"));
    }
    Report::new(lines.join("\n"), answer)
}

fn prove(session: &Session, id: Option<&str>, absent: Option<&str>, out: &Path) -> Result<Report> {
    let kind = if absent.is_some() { "absence" } else { "status" };
    let params = ProveParams {
        kind: kind.to_owned(),
        id: id.map(str::to_owned),
        subject: absent.map(str::to_owned),
        challenge: None,
        capability: None,
    };
    let bundle = Json::Object(session.client()?.ask::<call::EtrProve>(&params)?.bundle);
    let line = write_bundle(out, bundle)?;
    Ok(Report::new(
        format!("etr-{kind}: {line}"),
        json!({ "kind": format!("etr-{kind}"), "file": out }),
    ))
}
