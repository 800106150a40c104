//! The commands, one file per noun.

pub(crate) mod access;
pub(crate) mod completions;
pub(crate) mod devnet;
pub(crate) mod etr;
pub(crate) mod explain;
pub(crate) mod gov;
pub(crate) mod key;
pub(crate) mod ledger;
mod proven;
pub(crate) mod ubin;
pub(crate) mod vc;
pub(crate) mod verify;

use clap::Subcommand;

use crate::error::Result;
use crate::output::Report;
use crate::session::Session;

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Business identifiers: check, look up, register
    #[command(subcommand)]
    Ubin(ubin::Command),
    /// Credentials: accredit, issue, verify, revoke
    #[command(subcommand)]
    Vc(vc::Command),
    /// Electronic transferable records: issue, offer, accept, surrender
    #[command(subcommand)]
    Etr(Box<etr::Command>),
    /// Keys of the wallet and on the ledger
    #[command(subcommand)]
    Key(key::Command),
    /// Recognition between states; proposals and votes
    #[command(subcommand)]
    Gov(gov::Command),
    /// Parties, authorities, recovery, mandates
    #[command(subcommand)]
    Access(access::Command),
    /// Blocks, transactions, receipts, events
    #[command(subcommand)]
    Ledger(ledger::Command),
    Verify(verify::Args),
    Explain(explain::Args),
    /// A throw-away network on this machine
    #[command(subcommand)]
    Devnet(devnet::Command),
    Completions(completions::Args),
}

/// Runs a command.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Ubin(command) => ubin::run(session, command),
        Command::Vc(command) => vc::run(session, command),
        Command::Gov(command) => gov::run(session, command),
        Command::Etr(command) => etr::run(session, command),
        Command::Key(command) => key::run(session, command),
        Command::Access(command) => access::run(session, command),
        Command::Ledger(command) => ledger::run(session, command),
        Command::Verify(args) => verify::run(session, args),
        Command::Explain(args) => explain::run(session, args),
        Command::Devnet(command) => devnet::run(session, command),
        Command::Completions(args) => completions::run(args),
    }
}
