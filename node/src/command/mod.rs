//! `titian-node`: one file per operator command.
//!
//! Exit codes (architecture.md §6): 0 done, 1 refused, 2 usage or not built, 3 not proven,
//! 4 no node, 5 indeterminate, 70 a fault of the program.

mod ask;
mod backup;
mod check_config;
mod genesis;
mod init;
mod output;
mod prune;
mod reindex;
mod run;
mod snapshot;
mod status;
mod token;
mod verify_db;

use std::ffi::OsString;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use titian_genesis::Genesis;

use crate::config::{Config, ConfigError};
use crate::ledger::Ledger;
use crate::store::StoreError;

/// Exit code after a fault of the program.
const EXIT_FAULT: u8 = 70;

/// Runs a node of the Titian ledger, and serves its operator.
#[derive(Debug, Parser)]
#[command(name = "titian-node", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Init(init::InitArgs),
    #[command(subcommand)]
    Genesis(genesis::GenesisCommand),
    /// Check the configuration and the files it names
    CheckConfig(ConfigArgs),
    /// Check the database of a stopped node: state root, blocks, certificates
    VerifyDb(ConfigArgs),
    Status(status::StatusArgs),
    Token(token::TokenArgs),
    Snapshot(snapshot::SnapshotArgs),
    Restore(snapshot::RestoreArgs),
    /// Drop old blocks and history of a stopped node
    Prune(ConfigArgs),
    /// Copy the databases of a running or stopped node, and drop what must not stay of old copies
    Backup(ConfigArgs),
    Reindex(reindex::ReindexArgs),
    /// Go back to an earlier height [not built yet]
    Rollback,
}

/// Which configuration file.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// Configuration file
    #[arg(
        long,
        short,
        env = "TITIAN_CONFIG",
        default_value = "titian-node.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, CommandError> {
        Config::load(&self.config).map_err(|fault| {
            let hint = match &fault {
                ConfigError::File { .. } => {
                    "`titian-node init` makes a configuration; --config names another file"
                }
                _ => "`titian-node init --print-config` shows every key with its help",
            };
            CommandError::new(Kind::Usage, fault).hint(hint)
        })
    }
}

/// What kind of failure; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Refused = 1,
    Usage = 2,
    NoNode = 4,
}

/// Why a command failed, and what the operator can do.
#[derive(Debug)]
struct CommandError {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

impl CommandError {
    fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), hint: None }
    }

    fn refused(message: impl fmt::Display) -> Self {
        Self::new(Kind::Refused, message)
    }

    fn not_built(command: &str, hint: &str) -> Self {
        let message = format!("NOT_BUILT: `titian-node {command}` comes with a later release");
        Self::new(Kind::Usage, message).hint(hint)
    }

    fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    ExitCode::from(run_with(std::env::args_os()))
}

/// Runs a command line, the name of the program first; gives the exit code.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and version come this way too; nobody reads them if this fails.
            let _ = answer.print();
            return u8::try_from(answer.exit_code()).unwrap_or(Kind::Usage as u8);
        }
    };
    // Leaves the message of a fault to the panic hook, and tells it by the exit code.
    match catch_unwind(AssertUnwindSafe(|| execute(cli.command))) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            output::error_line(format_args!("Error: {}", error.message));
            if let Some(hint) = error.hint {
                output::error_line(format_args!("Hint: {hint}"));
            }
            error.kind as u8
        }
        Err(_) => EXIT_FAULT,
    }
}

/// A database that does not open; `in_use` says why the node must be stopped, if it runs.
fn unopened(fault: &StoreError, in_use: &str) -> CommandError {
    let error = CommandError::refused(fault);
    if fault.is_in_use() { error.hint(in_use) } else { error }
}

/// The database of a stopped node; `hint` says why it must be stopped.
fn open_ledger(config: &Config, hint: &str) -> Result<Ledger, CommandError> {
    let bytes = std::fs::read(&config.node.genesis).map_err(|fault| {
        CommandError::refused(format!("genesis {}: {fault}", config.node.genesis.display()))
    })?;
    let genesis = Genesis::parse(&bytes).map_err(CommandError::refused)?;
    let path = crate::node::database_folder(config);
    if !path.exists() {
        return Err(CommandError::refused(format!("no database in {}", path.display())));
    }
    Ledger::open(&path, genesis).map_err(|fault| unopened(&fault, hint))
}

fn execute(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Init(args) => init::init(&args),
        Command::Genesis(command) => genesis::genesis(command),
        Command::CheckConfig(args) => check_config::check_config(&args),
        Command::VerifyDb(args) => verify_db::verify_db(&args),
        Command::Status(args) => status::status(&args),
        Command::Token(args) => token::token(&args),
        Command::Snapshot(args) => snapshot::snapshot(&args),
        Command::Restore(args) => snapshot::restore(&args),
        Command::Prune(args) => prune::prune(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Reindex(args) => reindex::reindex(&args),
        Command::Rollback => Err(CommandError::not_built(
            "rollback",
            "blocks are final; to sync anew, move the folder `ledger` of the data folder away, nothing else",
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_of_the_specification_is_there_and_has_help() {
        let cli = Cli::command();
        cli.clone().debug_assert();
        let specified = [
            "run",
            "init",
            "genesis",
            "check-config",
            "snapshot",
            "restore",
            "prune",
            "backup",
            "verify-db",
            "reindex",
            "rollback",
            "status",
            "token",
        ];
        for name in specified {
            let command = cli.find_subcommand(name);
            assert!(command.is_some_and(|command| command.get_about().is_some()), "{name}");
        }
        assert_eq!(cli.get_subcommands().count(), specified.len());
    }

    #[test]
    fn what_is_not_built_says_so_with_a_hint_and_the_code_of_usage() {
        let error = execute(Command::Rollback).expect_err("not built");
        assert_eq!(error.kind as u8, 2);
        assert!(error.message.starts_with("NOT_BUILT: ") && error.hint.is_some());
    }
}
