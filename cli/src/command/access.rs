//! `titian access`: parties, authorities, recovery, mandates. Acts on keys stand in `titian key`.

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::access::{MandatesParams, PartyParams};
use titian_api::call;
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use super::key::party_version;
use super::ledger::write_bundle;
use crate::act::{self, Draft, SigningArgs};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::KeyRef;

/// Parties, authorities, recovery, mandates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show a party: version, policy, keys, pending recovery
    #[command(after_help = "Examples:
  titian access show SG:ACRA
  titian access show SG --proof did.json")]
    Show {
        /// The party
        party: KeyRef,
        /// As of this height
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
        /// Write a proof of the party and its keys
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
    /// Show the mandates that a principal gave
    #[command(after_help = "Examples:
  titian access mandates SG-UEN-199403865N-G7")]
    Mandates {
        /// The principal
        party: KeyRef,
    },
    /// Create a public authority; the root quorum signs
    #[command(after_help = "Examples:
  titian key new SG:CUSTOMS --purpose invoke --purpose assert --scope 'vc.*' -o customs.json
  titian access authority-create SG:CUSTOMS --args customs.json --as SG#k1 --as SG#k2

The arguments are a request of titian key new, with more members added to it if need be:
  scopes   what its keys may do [default: [\"vc.*\"]]; titian explain --all lists the acts
  policy   signatures that its acts need, of one key and of two [default: {\"r1\":1,\"r2\":2}]
  services, alsoKnownAs   what its DID document names [default: none]")]
    AuthorityCreate(ActArgs),
    /// Close an authority for good; the root quorum signs
    #[command(after_help = "Examples:
  titian access authority-close SG:CUSTOMS --reason ceased -o op.json")]
    AuthorityClose(ActArgs),
    /// Announce new keys for a party that lost its own; effective after 24 hours
    #[command(after_help = "Examples:
  titian access recover SG-UEN-199403865N-G7 --args request.json -o op.json")]
    Recover(ActArgs),
    /// Stop a recovery that is running
    #[command(after_help = "Examples:
  titian access recover-cancel SG-UEN-199403865N-G7 --as SG-UEN-199403865N-G7")]
    RecoverCancel(ActArgs),
    /// Close the keys of a business for good; two officers sign
    #[command(after_help = "Examples:
  titian access deactivate SG-UEN-199403865N-G7 --reason ceased -o op.json")]
    Deactivate(ActArgs),
    /// Replace the root keys of a state; effective after 72 hours
    #[command(after_help = "Examples:
  titian access root-rotate SG --args root.json -o op.json")]
    RootRotate(ActArgs),
    /// Stop a root rotation that is running
    #[command(after_help = "Examples:
  titian access root-rotate-cancel SG -o op.json")]
    RootRotateCancel(ActArgs),
    /// Let an agent sign certain acts
    #[command(after_help = "Examples:
  titian access mandate-set SG-UEN-199403865N-G7 --args mandate.json")]
    MandateSet(ActArgs),
    /// End a mandate
    #[command(after_help = "Examples:
  titian access mandate-end SG-UEN-199403865N-G7 --args '{\"mandate\":1}'")]
    MandateEnd(ActArgs),
}

/// An act on a party.
#[derive(Debug, clap::Args)]
pub(crate) struct ActArgs {
    /// The party
    party: KeyRef,
    /// Further arguments: a JSON file, or JSON text; party and version are filled in
    #[arg(long, value_name = "FILE|JSON")]
    args: Option<String>,
    /// Reason code
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Runs `titian access`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    let (act, args) = match command {
        Command::Show { party, at, proof } => {
            return show(session, &party.party, *at, proof.as_ref());
        }
        Command::Mandates { party } => {
            let params = MandatesParams { party: party.party.clone(), from: None, height: None };
            let answer = session.client()?.ask::<call::AccessMandates>(&params)?;
            return Ok(Report::json(Json::Object(answer)));
        }
        Command::AuthorityCreate(args) => ("authority_create", args),
        Command::AuthorityClose(args) => ("authority_close", args),
        Command::Recover(args) => ("recover", args),
        Command::RecoverCancel(args) => ("recover_cancel", args),
        Command::Deactivate(args) => ("deactivate", args),
        Command::RootRotate(args) => ("root_rotate", args),
        Command::RootRotateCancel(args) => ("root_rotate_cancel", args),
        Command::MandateSet(args) => ("mandate_set", args),
        Command::MandateEnd(args) => ("mandate_end", args),
    };
    let party = args.party.party.as_str();
    let mut members = match &args.args {
        Some(source) => read_arguments(source)?,
        None => Value::Object(Vec::new()),
    };
    // a request of `titian key new` serves for recovery as it is
    for extra in ["titianKeyRequest", "chain"] {
        members = members.without(extra);
    }
    members = members.with("party", Value::from(party));
    if members.get("version").is_none() {
        members = members.with("version", Value::from(party_version(session, party)?));
    }
    if let Some(reason) = &args.reason {
        members = members.with("reason", Value::from(reason.as_str()));
    }
    if act == "authority_create" {
        members = complete(members);
    }
    let report = act::perform(session, &Draft::new(Register::Access, act, members), &args.signing)?;
    if act == "authority_create" {
        super::key::learn(session, party)?;
    }
    Ok(report)
}

/// The arguments of `authority_create` with what an agency that issues credentials usually has.
fn complete(members: Value) -> Value {
    let scopes = Value::List(vec![Value::from("vc.*")]);
    let policy = Value::object([("r1", Value::Int(1)), ("r2", Value::Int(2))]);
    let usual = [("policy", policy), ("scopes", scopes)].into_iter();
    usual.fold(members, |members, (name, value)| match members.get(name) {
        Some(_) => members,
        None => members.with(name, value),
    })
}

/// Arguments given as JSON text or as the name of a file.
pub(crate) fn read_arguments(source: &str) -> Result<Value> {
    let value = if source.trim_start().starts_with('{') {
        let json = serde_json::from_str(source)
            .map_err(|error| CommandError::usage(format!("--args is not JSON: {error}")))?;
        document::from_json(&json)?
    } else {
        document::read_value(source.as_ref())?
    };
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(CommandError::usage("--args must be a JSON object")),
    }
}

fn show(
    session: &Session,
    party: &str,
    at: Option<u64>,
    proof: Option<&PathBuf>,
) -> Result<Report> {
    let client = session.client()?;
    let params = PartyParams { party: party.to_owned(), height: at, proof: proof.is_some() };
    let mut answer = client.ask::<call::AccessParty>(&params)?;
    let bundle = answer.remove("proof");
    let answer = Json::Object(answer);
    let mut text = serde_json::to_string_pretty(&answer).unwrap_or_default();
    if let (Some(path), Some(bundle)) = (proof, bundle) {
        text = format!("{text}\n{}", write_bundle(path, bundle)?);
    }
    Ok(Report::new(text, answer))
}
