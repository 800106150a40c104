//! Which options of `titian verify` concern what a file is.
//!
//! Invariant: an option that would change a verdict, and does not concern the file, is refused: who
//! asks for a check must not be told "proven" without it.

use titian_contracts::etr::challenge::Unanswered;

use super::Args;
use super::input::Input;
use crate::command::proven::unanswered;
use crate::error::{CommandError, Result};

/// Refuses options that do not concern a file, and a challenge that it cannot answer.
pub(super) fn check(args: &Args, input: &Input) -> Result<()> {
    match input {
        Input::Credential(_) if args.trusted_height > 0 => {
            Err(CommandError::usage("--trusted-height is for proofs, bundles and packs")
                .hint("--max-age says how old the ledger's data may be"))
        }
        Input::Credential(_) | Input::Evidence(_) => Ok(()),
        Input::Proof(_) | Input::ProofCode(_) => refuse(args),
        // control of a dossier answers the dossier's own challenge
        Input::Dossier(_) | Input::Bundle(_) => {
            refuse(args)?;
            match (&args.challenge, &args.domain) {
                (None, None) => Ok(()),
                _ => Err(unanswered(&Unanswered::OtherKind)),
            }
        }
    }
}

/// Refuses what is for credentials alone. Where a verdict comes from may be said for the other files
/// of the same command.
fn refuse(args: &Args) -> Result<()> {
    let alone = args.files.len() == 1;
    let options = [
        ("--policy", args.policy.is_some()),
        ("--jurisdiction", args.jurisdiction.is_some()),
        ("--require", !args.require.is_empty()),
        ("--at-height", args.at_height.is_some()),
        ("--skew", args.skew.is_some()),
        ("--status-list", !args.status_list.is_empty()),
        ("--resource", !args.resource.is_empty()),
        ("--receipt", !args.receipt.is_empty()),
        ("--did-web-cache", args.did_web_cache.is_some()),
        ("--offline", alone && args.offline.is_some()),
        ("--allow-older", alone && args.allow_older),
        ("--no-ledger", alone && args.no_ledger),
    ];
    match options.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(CommandError::usage(format!("{name} is for credentials alone"))
            .hint(
                "a proof, a dossier or a bundle is judged from the genesis file: --genesis FILE",
            )),
    }
}
