//! `titian gov`: recognition between states.
//!
//! Invariant: each act is a state's own, by its root quorum; nobody else's signature counts.

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::access::PartyParams;
use titian_api::vc::RecognitionsParams;
use titian_api::{Signer, call};
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use crate::act::{self, SigningArgs, Unsigned};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// Recognition between states.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
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
    /// Why, in small letters and _
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Runs `titian gov`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::RecognitionDeclare { file, signing } => {
            let entry = document::read_value(file)?;
            let by = entry.get("by").and_then(Value::as_text).unwrap_or_default().to_owned();
            let args = Value::object([("entry", entry)]);
            perform(session, "recognition_declare", &by, args, signing)
        }
        Command::RecognitionSuspend(args) => change(session, "recognition_suspend", args),
        Command::RecognitionResume(args) => change(session, "recognition_resume", args),
        Command::RecognitionWithdraw(args) => change(session, "recognition_withdraw", args),
        Command::Recognitions { by, of } => list(session, by.clone(), of.clone()),
    }
}

fn change(session: &Session, act: &str, args: &ChangeArgs) -> Result<Report> {
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
    perform(session, act, &by, Value::object(members), &args.signing)
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

fn list(session: &Session, by: Option<String>, of: Option<String>) -> Result<Report> {
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

/// An act of governance: built here, as no node prepares it; the ledger judges it on submission.
fn perform(
    session: &Session,
    name: &str,
    by: &str,
    args: Value,
    signing: &SigningArgs,
) -> Result<Report> {
    let wallet = session.wallet()?;
    let chain = session.chain()?;
    wallet.check_chain(chain)?;
    let value = Value::object([
        ("act", Value::from(name)),
        ("args", args),
        ("chain", Value::from(chain)),
        ("register", Value::from(Register::Gov.name())),
        ("sigs", Value::List(Vec::new())),
    ]);
    let need = Signer {
        role: "root".to_owned(),
        party: by.to_owned(),
        count: quorum(session, by)?,
        scope: String::new(),
    };
    let unsigned = Unsigned {
        value,
        register: Register::Gov,
        needs: vec![need],
        warnings: Vec::new(),
        record: None,
    };
    if signing.dry_run {
        return Err(CommandError::refused("acts of governance have no dry run").named("NOT_BUILT"));
    }
    act::finish(session, &wallet, unsigned, signing, false, signing.out.as_deref())
}

/// How many root keys of a state must sign.
fn quorum(session: &Session, by: &str) -> Result<u64> {
    let params = PartyParams { party: by.to_owned(), height: None, proof: false };
    let answer = session.client()?.ask::<call::AccessParty>(&params)?;
    answer.get("rootQuorum").and_then(Json::as_u64).ok_or_else(|| {
        CommandError::usage(format!("{by} is no state of this network"))
            .hint("an entry says by whom and of whom, as state codes")
    })
}
