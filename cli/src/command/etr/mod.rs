//! `titian etr`: electronic transferable records.
//!
//! Every act has a verb: most come from a table ([`verbs`]), those that read contents have files of
//! their own. The content of a record stays in files of the parties; see [`content`].

mod amend;
mod attest;
mod bundle;
pub(crate) mod content;
pub(crate) mod dossier;
mod envelope;
mod evidence;
mod findings;
mod guide;
mod handover;
pub(crate) mod issue;
mod known;
mod law;
mod layout;
mod merged;
mod notes;
mod plain;
mod print;
mod prove;
mod receivers;
mod seal;
mod show;
mod stage;
mod typed;
mod unseen;
mod verbs;

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::etr::{InboxParams, ListParams};
use titian_api::etr_read::{HistoryParams, PartyParams, ProfileParams};
use titian_api::{Call as _, Nothing, call};
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use super::ubin::canonical;
use crate::act::{self, Draft, FrameArgs, SigningArgs, capability, now_ms};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::review::words;
use crate::session::Session;
use crate::wallet::KeyRef;

const HOUR_MS: u64 = 3_600_000;

/// Electronic transferable records.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Issue a record: the first holder signs too, or has agreed beforehand
    ///
    /// Without arguments it asks, with defaults and examples. The content is sealed to those who come to
    /// the record.
    #[command(after_help = "Examples:
  titian etr issue
  titian etr issue --content bl.json --to VN-MST-0100233488-43 --as SG-UEN-199403865N-G7 --stage
  titian etr issue --profile bl-order --ref SGPU4711 --content bl.json --lot 1:KGM:12000 \\
    --to VN-MST-0100233488-43 --as SG-UEN-199403865N-G7 --stage")]
    Issue(issue::Args),
    /// Issue a record for a paper document, which becomes inoperative
    #[command(after_help = "Examples:
  titian etr issue-from-paper --content bl.json --to VN-MST-0100233488-43 \\
    --serial P-0001 --custodian SG-UEN-201912345K-4X --inoperative attestation.pdf \\
    --statement replaced=statement.txt --as SG-UEN-199403865N-G7 --stage")]
    IssueFromPaper {
        #[command(flatten)]
        issue: issue::Args,
        #[command(flatten)]
        paper: issue::PaperArgs,
    },
    #[command(flatten)]
    Act(verbs::ActVerb),
    /// Change the content; both versions stay provable
    ///
    /// The new content is sealed to every party.
    #[command(after_help = "Examples:
  titian etr amend etr_5c… --envelope etr_5c….content.json --content new.json --text note.pdf")]
    Amend(amend::Args),
    /// Do several acts, all or nothing
    ///
    /// Contents are sealed to those whom the acts bring in.
    #[command(after_help = "Examples:
  titian etr surrender-accept etr_5c… --issued @1 --draft accept.json
  titian etr bundle issue.json accept.json --as SG-UEN-199403865N-G7 --stage
  titian etr bundle a.json b.json --content etr_5c….content.json --as VN-MST-0100233488-43")]
    Bundle(bundle::Args),
    /// Keep an op that lacks signatures on the ledger
    #[command(after_help = "Examples:
  titian etr stage op.json --as SG-UEN-199403865N-G7")]
    Stage {
        /// The op, or the ops of a bundle, as `-o op.json` wrote them
        op: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// List the ops that are staged on a record or for a party
    #[command(after_help = "Examples:
  titian etr staged etr_5c… --as VN-MST-0100233488-43
  titian etr staged --as VN-MST-0100233488-43")]
    Staged {
        /// The record
        id: Option<String>,
        /// Ask as this party
        #[arg(long = "as", value_name = "PARTY[#kN]")]
        party: Option<KeyRef>,
    },
    /// Add a signature to an op that is staged on the ledger; the last one executes it
    #[command(after_help = "Examples:
  titian etr cosign etr_5c… --as VN-MST-0100233488-43
  titian etr cosign op.json --as VN-MST-0100233488-43")]
    Cosign {
        /// The record, or the op in a file
        op: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Take a staged op off the ledger
    #[command(after_help = "Examples:
  titian etr unstage etr_5c… --as SG-UEN-199403865N-G7")]
    Unstage {
        /// The record, or the op in a file
        op: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Agree beforehand to receive records
    #[command(after_help = "Examples:
  titian etr consent-set --profile bl-order --from any --days 90 --ack TH:unknown \\
    --as VN-MST-0100233488-43")]
    ConsentSet {
        /// Number of the consent [default: the next one of the party]
        #[arg(long, value_name = "N")]
        no: Option<u64>,
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
    /// List the standing consents of a party
    #[command(after_help = "Examples:
  titian etr consents --as VN-MST-0100233488-43")]
    Consents {
        /// The party
        #[arg(long = "as", value_name = "PARTY[#kN]")]
        party: KeyRef,
    },
    /// Show a record; the party part with --as a party to it
    #[command(after_help = "Examples:
  titian etr show etr_5c…
  titian etr show etr_5c… --as VN-MST-0100233488-43 --content etr_5c….content.json
  titian etr show --offline dossier.zip --genesis genesis.json")]
    Show(show::Args),
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
        /// Continue after the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// List the ops of a record; to a party to it with their signatures
    #[command(after_help = "Examples:
  titian etr history etr_5c… --as VN-MST-0100233488-43")]
    History {
        /// The record
        id: String,
        /// Ask as this party
        #[arg(long = "as", value_name = "PARTY[#kN]")]
        party: Option<KeyRef>,
        /// Continue after the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Write a proof of status, control, history, singularity, signers, rules, conversion or absence
    #[command(after_help = "Examples:
  titian etr prove etr_5c… -o p.json && titian verify p.json
  titian etr prove etr_5c… --kind control --challenge c.json --as VN-MST-0100233488-43 -o p.json
  titian etr prove etr_5c… --kind history --as VN-MST-0100233488-43 -o p.json
  titian etr prove etr_5c… --kind singularity --as VN-MST-0100233488-43 -o p.json
  titian etr prove --number transport/SG-UEN-199403865N-G7/SGPU4711 -o p.json
  titian etr prove --paper SG-UEN-199403865N-G7/P-0001 -o p.json
  titian etr prove --absent transport/SG-UEN-199403865N-G7/SGPU4712 -o p.json")]
    Prove(prove::Args),
    /// Attest that a payment was settled, or sign for a condition that asks for k of n keys
    #[command(after_help = "Examples:
  titian etr attest etr_5c… --uetr 00000000-0000-4000-8000-000000000001 --unit USD --amount 2500000 \\
    --settled 2026-11-28T10:15:00Z --message pacs002.xml \\
    --op b3:0000000000000000000000000000000000000000000000000000000000000000 \\
    --as MY-BRN-202401000002-NV -o attestation.json
  titian etr attest etr_5c… --approve offer.json --add attestation.json --as SG-UEN-199403865N-G7 \\
    -o evidence.json")]
    Attest(attest::Args),
    /// Write a challenge that the controller of a record answers with a proof of control
    #[command(after_help = "Examples:
  titian etr challenge etr_5c… --audience 'EXAMPLE BANK' -o c.json")]
    Challenge {
        /// The record
        id: String,
        /// Who asks
        #[arg(long, value_name = "NAME")]
        audience: String,
        /// Where to write it
        #[arg(short, long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign a challenge as one of joint holders; the file goes to the next, and then to `prove`
    #[command(after_help = "Examples:
  titian etr answer c.json --as VN-MST-0100233488-43 -o a.json
  titian etr answer a.json --as TH-JP-0105530041751-D9 -o b.json
  titian etr prove etr_5c… --challenge b.json -o p.json")]
    Answer {
        /// The challenge, or an answer that lacks signatures
        challenge: PathBuf,
        /// Holder that signs; repeat it
        #[arg(long = "as", required = true, value_name = "PARTY[#kN]")]
        party: Vec<KeyRef>,
        /// Where to write it
        #[arg(short, long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Write an evidence dossier: everything that convinces a court, in one ZIP
    #[command(after_help = "Examples:
  titian etr evidence etr_5c… --as VN-MST-0100233488-43 -o dossier.zip
  titian verify dossier.zip --genesis genesis.json")]
    Evidence(evidence::Args),
    /// Seal the content of a record for its parties; the node keeps the envelope
    #[command(after_help = "Examples:
  titian etr seal etr_5c… --content etr_5c….content.json --as SG-UEN-199403865N-G7")]
    Seal(seal::SealArgs),
    /// Open a sealed content and check it against the record
    #[command(after_help = "Examples:
  titian etr open etr_5c… --as VN-MST-0100233488-43")]
    Open(seal::OpenArgs),
    /// Erase the sealed contents that a party put at a node, and its own file of the content
    #[command(after_help = "Examples:
  titian etr erase etr_5c… --as SG-UEN-199403865N-G7 --content etr_5c….content.json")]
    Erase(seal::EraseArgs),
    /// Print a content on paper with the status address as a QR code, for a change of medium
    #[command(after_help = "Examples:
  titian etr print etr_5c… --content etr_5c….content.json --serial P-0001 -o print.html
  titian etr print etr_5c… --content etr_5c….content.json --code code.png -o print.html")]
    Print(print::Args),
    /// Show the types of records in force
    #[command(after_help = "Examples:
  titian etr profiles
  titian etr profiles bl-order --json")]
    Profiles {
        /// One type, with @version or the highest one
        id: Option<String>,
    },
    /// Show what each state says of electronic records
    #[command(after_help = "Examples:
  titian etr law
  titian etr law matrix
  titian etr law TH --class bill_of_lading
  titian etr law court SG")]
    Law(law::Args),
}

/// Reads `90m`, `72h`, `14d`.
pub(super) fn duration_ms(text: &str) -> std::result::Result<u64, String> {
    let usage = || "a time is written 90m, 72h or 14d".to_owned();
    let unit = match text.chars().last() {
        Some('m') => HOUR_MS / 60,
        Some('h') => HOUR_MS,
        Some('d') => 24 * HOUR_MS,
        _ => return Err(usage()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| usage())?;
    number.checked_mul(unit).filter(|ms| *ms <= 366 * 24 * HOUR_MS).ok_or_else(usage)
}

/// Runs `titian etr`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Issue(args) => issue::run(session, args, None),
        Command::IssueFromPaper { issue, paper } => issue::run(session, issue, Some(paper)),
        Command::Act(verb) => verbs::run(session, verb),
        Command::Amend(args) => amend::run(session, args),
        Command::Bundle(args) => bundle::run(session, args),
        Command::Stage { op, signing } => stage::stage(session, op, signing),
        Command::Staged { id, party } => stage::list(session, id.as_deref(), party.as_ref()),
        Command::Cosign { op, signing } => stage::cosign(session, op, signing),
        Command::Unstage { op, signing } => stage::unstage(session, op, signing),
        Command::ConsentSet { no, profile, from, days, frame, signing } => {
            let consent = Consent { no: *no, profiles: profile, from, days: *days };
            consent_set(session, &consent, frame, signing)
        }
        Command::ConsentRevoke { no, signing } => {
            let args = Value::object([("no", Value::from(*no))]);
            act::perform(session, &Draft::new(Register::Etr, "consent_revoke", args), signing)
        }
        _ => read(session, command),
    }
}

fn read(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Consents { party } => Ok(Report::json(consents(session, party)?)),
        Command::Show(args) => show::run(session, args),
        Command::List { party, role, status, cursor } => {
            let params = ListParams {
                party: party.party.clone(),
                role: role.clone(),
                status: status.clone(),
                cursor: cursor.clone(),
                capability: ask_as(session, Some(party), call::EtrList::NAME, &party.party)?,
            };
            let page = session.client()?.ask::<call::EtrList>(&params)?;
            Ok(records_report(serde_json::to_value(&page).unwrap_or_default()))
        }
        Command::Inbox { party, cursor } => {
            let params = InboxParams {
                party: party.party.clone(),
                cursor: cursor.clone(),
                capability: ask_as(session, Some(party), call::EtrInbox::NAME, &party.party)?,
            };
            let page = session.client()?.ask::<call::EtrInbox>(&params)?;
            Ok(records_report(serde_json::to_value(&page).unwrap_or_default()))
        }
        Command::History { id, party, cursor } => {
            history(session, id, party.as_ref(), cursor.as_ref())
        }
        Command::Attest(args) => attest::run(session, args),
        Command::Prove(args) => prove::run(session, args),
        Command::Challenge { id, audience, out } => prove::challenge(session, id, audience, out),
        Command::Answer { challenge, party, out } => {
            prove::answer_file(session, challenge, party, out)
        }
        Command::Evidence(args) => evidence::run(session, args),
        Command::Seal(args) => seal::seal(session, args),
        Command::Open(args) => seal::open(session, args),
        Command::Erase(args) => seal::erase(session, args),
        Command::Print(args) => print::run(session, args),
        Command::Profiles { id } => profiles(session, id.as_deref()),
        Command::Law(args) => law::run(session, args),
        _ => Err(CommandError::bug("an act is no read")),
    }
}

fn ask_as(
    session: &Session,
    party: Option<&KeyRef>,
    method: &str,
    subject: &str,
) -> Result<Option<titian_api::etr::Capability>> {
    match party {
        Some(party) => capability(session, &session.wallet()?, party, method, subject),
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

/// A standing consent that is asked for.
struct Consent<'a> {
    no: Option<u64>,
    profiles: &'a [String],
    from: &'a [String],
    days: u64,
}

fn consents(session: &Session, party: &KeyRef) -> Result<Json> {
    let params = PartyParams {
        party: party.party.clone(),
        capability: ask_as(session, Some(party), call::EtrConsents::NAME, &party.party)?,
    };
    Ok(Json::Object(session.client()?.ask::<call::EtrConsents>(&params)?))
}

fn consent_set(
    session: &Session,
    consent: &Consent<'_>,
    frame: &FrameArgs,
    signing: &SigningArgs,
) -> Result<Report> {
    if frame.ack_all {
        // which warnings come with a record is known when it is given, not before
        return Err(CommandError::usage("a consent names each warning that it acknowledges")
            .hint("--ack CC:VERDICT, for example TH:unknown")
            .hint("titian etr law shows what each state says"));
    }
    for name in consent.profiles {
        issue::profile(session, name)?;
    }
    let no = match (consent.no, signing.asker()) {
        (Some(no), _) => no,
        (None, None) if signing.mandate.is_some() => {
            // which numbers are taken, only the party itself is told
            return Err(CommandError::usage("an agent names the consent: --no N"));
        }
        (None, Some(party)) => {
            consents(session, party)?.get("next").and_then(Json::as_u64).unwrap_or(1)
        }
        (None, None) => 1,
    };
    let givers = if consent.from.iter().any(|giver| giver == "any") {
        Value::from("any")
    } else {
        let list = consent.from.iter().map(|giver| canonical(giver).map(Value::from));
        Value::List(list.collect::<Result<_>>()?)
    };
    let texts =
        |items: &[String]| Value::List(items.iter().map(|i| Value::from(i.as_str())).collect());
    let args = Value::object([
        ("ack", texts(&frame.ack)),
        ("from", givers),
        ("no", Value::from(no)),
        ("profiles", texts(consent.profiles)),
        ("untilMs", Value::from(now_ms().saturating_add(consent.days * 24 * HOUR_MS))),
    ]);
    act::perform(session, &Draft::new(Register::Etr, "consent_set", args), signing)
}

fn history(
    session: &Session,
    id: &str,
    party: Option<&KeyRef>,
    cursor: Option<&String>,
) -> Result<Report> {
    let params = HistoryParams {
        id: id.to_owned(),
        cursor: cursor.cloned(),
        capability: ask_as(session, party, call::EtrHistory::NAME, id)?,
    };
    let page = session.client()?.ask::<call::EtrHistory>(&params)?;
    let heading = ["SEQ", "ACT", "HEIGHT", "TIME", "SIGNED BY"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(page.items.iter().map(|item| {
        let item = Json::Object(item.clone());
        let number = |name: &str| item.get(name).map_or("?".to_owned(), Json::to_string);
        let text = |pointer: &str| document::text(&item, pointer).unwrap_or_default().to_owned();
        let sigs = item.pointer("/op/sigs").and_then(Json::as_array);
        let signers = match sigs {
            Some(sigs) => sigs
                .iter()
                .map(|sig| document::text(sig, "/party").unwrap_or_default())
                .collect::<Vec<_>>()
                .join(" "),
            None => text("/opDigest"),
        };
        vec![number("seq"), text("/act"), number("height"), text("/time"), signers]
    }));
    let mut text = table(&rows);
    if let Some(cursor) = &page.cursor {
        text = format!("{text}\nmore: --cursor {cursor}");
    }
    Ok(Report::new(text, serde_json::to_value(&page).unwrap_or_default()))
}

fn profiles(session: &Session, id: Option<&str>) -> Result<Report> {
    if let Some(name) = id {
        let (id, version) = name.split_once('@').unwrap_or((name, ""));
        let params = ProfileParams { id: id.to_owned(), version: version.parse().ok() };
        let answer = session.client()?.ask::<call::EtrProfile>(&params)?;
        return Ok(Report::json(Json::Object(answer)));
    }
    let answer = Json::Object(session.client()?.ask::<call::EtrProfiles>(&Nothing {})?);
    let items = answer.get("profiles").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut rows = vec![["TYPE", "NAME", "MODE", "CLASS OF LAW"].map(str::to_owned).to_vec()];
    rows.extend(items.iter().map(|item| {
        let text = |pointer: &str| document::text(item, pointer).unwrap_or("?").to_owned();
        let withdrawn = item.get("withdrawn").and_then(Json::as_bool) == Some(true);
        vec![
            format!("{}{}", text("/name"), if withdrawn { " (withdrawn)" } else { "" }),
            text("/profile/name"),
            text("/profile/transfer/mode"),
            text("/profile/law_class"),
        ]
    }));
    Ok(Report::new(table(&rows), answer))
}

fn records_report(answer: Json) -> Report {
    let items = answer.get("items").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut lines: Vec<String> = items
        .iter()
        .map(|item| {
            let text = |pointer: &str| document::text(item, pointer).unwrap_or("").to_owned();
            let roles = item.get("roles").and_then(Json::as_array).into_iter().flatten();
            let roles: Vec<&str> = roles.filter_map(Json::as_str).collect();
            let waits = item.pointer("/party/pending").filter(|pending| !pending.is_null());
            let waits = waits.map(|pending| {
                let act = document::text(pending, "/act").unwrap_or("pending");
                format!("\n  {act} {}", words::pending(pending))
            });
            format!(
                "{}  {:<12} {:<20} {}{}",
                text("/id"),
                text("/public/status"),
                text("/party/ref"),
                roles.join(","),
                waits.unwrap_or_default()
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

/// The genesis of a devnet of one node, the same each time.
#[cfg(test)]
fn fixed_genesis() -> titian_genesis::Genesis {
    let plan = titian_genesis::devnet::Plan {
        chain: "titian-devnet-1".to_owned(),
        time_ms: 1_767_225_600_000,
        validators: 1,
        host: "127.0.0.1".to_owned(),
        base_port: 26_700,
    };
    let mut next = 0_u8;
    let mut seed = || {
        next += 1;
        [next; 32]
    };
    titian_genesis::devnet::make(&plan, &mut seed).expect("a network").genesis
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn etr_what_waits_for_an_answer_is_listed_with_its_terms() {
        let offer = json!({ "act": "offer", "to": { "party": "TH-B" }, "endorse": "special",
            "withoutRecourse": true, "deadlineMs": 0 });
        let item = |pending: Json| {
            json!({ "id": "etr_1", "public": { "status": "offered" },
                "party": { "ref": "TTNU4711", "pending": pending }, "roles": ["offeree"] })
        };
        let said = records_report(json!({ "items": [item(offer)] })).text;
        let terms = "offer to TH-B, special, without recourse, until 1970-01-01T00:00:00Z";
        assert_eq!(said.lines().nth(1).map(str::trim), Some(terms), "{said}");
        let said = records_report(json!({ "items": [item(Json::Null)] })).text;
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
