//! Single use: an authority lodges a certificate, uses it up or releases it; the issuer cancels.
//!
//! Invariant: each act quotes the number of the move before it, so of two authorities that lodge
//! the same certificate one succeeds, whatever their order on the way.

use serde_json::Value as Json;
use titian_contracts::credential::Profile;
use titian_contracts::json::Value;

use super::entry;
use super::perform;
use super::status::ask;
use crate::act::SigningArgs;
use crate::error::Result;
use crate::output::Report;
use crate::session::Session;

/// `titian vc use`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Take a certificate for a declaration: nobody else can from then on
    #[command(after_help = "Examples:
  titian vc use lodge origin.jwt --as MY:CUSTOMS
  titian vc use lodge did:ubin:TH:DFT/status/9#5017 --reference b3:… --as MY:CUSTOMS")]
    Lodge(Args),
    /// Use a lodged certificate up, for good
    #[command(after_help = "Examples:
  titian vc use utilise origin.jwt --as MY:CUSTOMS")]
    Utilise(Args),
    /// Give a lodged certificate back
    #[command(after_help = "Examples:
  titian vc use release origin.jwt --as MY:CUSTOMS")]
    Release(Args),
    /// Cancel a certificate that was not lodged; by its issuer
    #[command(after_help = "Examples:
  titian vc use cancel TH:DFT/status/9#5017 --as TH:DFT")]
    Cancel(Args),
}

/// A move.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The certificate, or list#index
    credential: String,
    /// A salted digest of the declaration, kept on the ledger
    #[arg(long, value_name = "DIGEST")]
    reference: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Runs `titian vc use`.
pub(super) fn run(session: &Session, command: &Command) -> Result<Report> {
    let (act, args) = match command {
        Command::Lodge(args) => ("use_lodge", args),
        Command::Utilise(args) => ("use_utilise", args),
        Command::Release(args) => ("use_release", args),
        Command::Cancel(args) => ("use_cancel", args),
    };
    let entry = entry::one(session, &args.credential, &[Profile::Use])?;
    let answer = ask(session, &entry, None, false)?;
    let seq = answer.pointer("/use/seq").and_then(Json::as_u64).unwrap_or(0);
    let mut members = vec![
        ("index", Value::from(entry.index)),
        ("list", Value::from(entry.list)),
        ("seq", Value::from(seq)),
    ];
    if let Some(reference) = &args.reference {
        members.push(("reference", Value::from(reference.as_str())));
    }
    perform(session, act, Value::object(members), &args.signing)
}
