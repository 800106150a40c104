//! `titian gov`: recognition between states; proposals and votes.
//!
//! Invariant: each act is a state's own, by its root quorum; nobody else's signature counts.

mod proposal;

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::call;
use titian_api::vc::RecognitionsParams;
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use crate::act::{self, Draft, SigningArgs};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// Recognition between states; proposals and votes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Open a proposal: a type of record, a regional credential type, a regime abroad, a parameter
    #[command(after_help = "Examples:
  titian gov proposal-open bl-order-2.json --by SG --as SG#k1 --as SG#k2
  titian gov proposal-open small-cell.json --by TH --voting 1209600 --dry-run
with bl-order-2.json: {\"kind\":\"profile\",\"body\":{\"entry\":\"etrProfile\",\"value\":{…}}}
and small-cell.json: {\"kind\":\"parameter\",\"body\":{\"name\":\"smallCell\",\"value\":8}}")]
    ProposalOpen(proposal::OpenArgs),
    /// Vote on a proposal, once and for good
    #[command(after_help = "Examples:
  titian gov proposal-vote 3 yes --by MY --as MY#k1 --as MY#k2
  titian gov proposal-vote 3 no --by TH --as TH#k1 -o op.json   then: titian key cosign op.json")]
    ProposalVote(proposal::VoteArgs),
    /// Withdraw a proposal that your state opened
    #[command(after_help = "Examples:
  titian gov proposal-withdraw 3 --as SG#k1 --as SG#k2")]
    ProposalWithdraw(proposal::WithdrawArgs),
    /// List proposals and where they stand
    #[command(after_help = "Examples:
  titian gov list --state voting
  titian gov list --by SG --json")]
    List {
        /// In this state: consultation, voting, inForce, rejected, lapsed or withdrawn
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Opened by this state
        #[arg(long, value_name = "CC")]
        by: Option<String>,
    },
    /// Show a proposal, its body and who voted how
    #[command(after_help = "Examples:
  titian gov show 3
  titian gov show 3 --proof proposal-3.json   then: titian verify proposal-3.json")]
    Show {
        /// The number of the proposal
        no: u64,
        /// Write a proof of the answer
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
    /// Declare that credentials or identifiers of another state are recognised
    #[command(after_help = "Examples:
  titian gov recognition-declare mra.json --as MY#k1 --as MY#k2
  titian gov recognition-declare mra.json --as MY#k1 -o op.json   then: titian key cosign op.json")]
    RecognitionDeclare {
        /// The entry, JSON: by, of, name, scope, types and issuerClasses or schemes, agreement,
        /// from, until
        file: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Let a recognition rest
    #[command(after_help = "Examples:
  titian gov recognition-suspend MY/SG/aeo-2024 --reason review --as MY#k1 --as MY#k2")]
    RecognitionSuspend(ChangeArgs),
    /// Make a suspended recognition count again
    #[command(after_help = "Examples:
  titian gov recognition-resume MY/SG/aeo-2024 --as MY#k1 --as MY#k2")]
    RecognitionResume(ChangeArgs),
    /// End a recognition for good
    #[command(after_help = "Examples:
  titian gov recognition-withdraw MY/SG/aeo-2024 --reason ended --as MY#k1 --as MY#k2")]
    RecognitionWithdraw(ChangeArgs),
    /// List what states recognise
    #[command(after_help = "Examples:
  titian gov recognitions --by MY
  titian gov recognitions --of SG --json")]
    Recognitions {
        /// By this state
        #[arg(long, value_name = "CC")]
        by: Option<String>,
        /// Of this state
        #[arg(long, value_name = "CC")]
        of: Option<String>,
    },
}

/// A change of an entry.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// The entry, by/of/name
    id: String,
    /// Why, in small letters and _; needed but to resume
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Runs `titian gov`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::ProposalOpen(args) => proposal::open(session, args),
        Command::ProposalVote(args) => proposal::vote(session, args),
        Command::ProposalWithdraw(args) => proposal::withdraw(session, args),
        Command::List { state, by } => proposal::list(session, state.clone(), by.clone()),
        Command::Show { no, proof } => proposal::show(session, *no, proof.as_deref()),
        Command::RecognitionDeclare { file, signing } => {
            let args = Value::object([("entry", document::read_value(file)?)]);
            perform(session, "recognition_declare", args, signing)
        }
        Command::RecognitionSuspend(args) => change(session, "recognition_suspend", args),
        Command::RecognitionResume(args) => change(session, "recognition_resume", args),
        Command::RecognitionWithdraw(args) => change(session, "recognition_withdraw", args),
        Command::Recognitions { by, of } => recognitions(session, by.clone(), of.clone()),
    }
}

fn change(session: &Session, act: &str, args: &ChangeArgs) -> Result<Report> {
    if args.reason.is_none() && act != "recognition_resume" {
        return Err(CommandError::usage("--reason says why, in small letters and _")
            .named("REASON_REQUIRED"));
    }
    let by = args.id.split('/').next().unwrap_or_default().to_owned();
    let entries = entries(session, Some(by.clone()), None)?;
    let id = |entry: &Json| document::text(entry, "/id").map(str::to_owned);
    let entry = entries.iter().find(|entry| id(entry).as_ref() == Some(&args.id));
    let version = entry.and_then(|entry| entry.get("version")).and_then(Json::as_u64);
    let version = version.ok_or_else(|| {
        CommandError::refused(format!("there is no entry {}", args.id))
            .named("UNKNOWN_RECOGNITION")
            .hint(format!("titian gov recognitions --by {by}"))
    })?;
    let mut members =
        vec![("id", Value::from(args.id.as_str())), ("version", Value::from(version))];
    if let Some(reason) = &args.reason {
        members.push(("reason", Value::from(reason.as_str())));
    }
    perform(session, act, Value::object(members), &args.signing)
}

fn entries(session: &Session, by: Option<String>, of: Option<String>) -> Result<Vec<Json>> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let params = RecognitionsParams {
            by: by.clone(),
            of: of.clone(),
            cursor,
            ..RecognitionsParams::default()
        };
        let page = session.client()?.ask::<call::GovRecognitions>(&params)?;
        found.extend(page.items.into_iter().map(Json::Object));
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

fn recognitions(session: &Session, by: Option<String>, of: Option<String>) -> Result<Report> {
    let entries = entries(session, by, of)?;
    let mut rows =
        vec![["ENTRY", "SCOPE", "COVERS", "STATE", "FROM", "UNTIL"].map(str::to_owned).to_vec()];
    for entry in &entries {
        let text = |name: &str| document::text(entry, name).unwrap_or_default().to_owned();
        let covers = entry.get("types").or_else(|| entry.get("schemes"));
        let covers: Vec<&str> = covers
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        rows.push(vec![
            text("/id"),
            text("/scope"),
            covers.join(" "),
            text("/state"),
            text("/from"),
            text("/until"),
        ]);
    }
    Ok(Report::new(table(&rows), Json::Array(entries)))
}

fn perform(session: &Session, act: &str, args: Value, signing: &SigningArgs) -> Result<Report> {
    act::perform(session, &Draft::new(Register::Gov, act, args), signing)
}
