//! `titian`: the command line of the Titian ledger.
//!
//! Reads the command line, runs one command, prints its report, and says by the exit code how it
//! went: 0 done, 1 refused, 2 usage, 3 not proven or rejected, 4 no node, 5 indeterminate, 70 bug.

mod act;
mod client;
mod command;
mod document;
mod download;
mod error;
mod issued;
mod language;
mod meaning;
mod output;
mod qr;
mod review;
mod scan;
mod session;
mod trusted;
mod wallet;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;

use error::CommandError;
use session::{GlobalArgs, Session};

/// Titian: trade identity for ASEAN, checked without trust.
///
/// Exit codes: 0 done, 1 refused, 2 usage, 3 not proven or rejected, 4 no node,
/// 5 indeterminate, 70 bug.
#[derive(Debug, Parser)]
#[command(name = "titian", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  titian ubin check SG-UEN-1994O3865N-G7     offline; shows what may be meant
  titian devnet up                           four validators on this machine
  titian devnet demo                         companies, credentials and a bill of lading
  titian verify proof.json --genesis genesis.json
  titian explain STALE_SEQ")]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let session = Session::new(cli.global);
    let output = session.output;
    // the hook is silenced: a panic is reported below like any other error
    std::panic::set_hook(Box::new(|_| {}));
    let run = || command::run(&session, &cli.command);
    let result = std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        Err(CommandError::bug(format!("titian has a bug: {text}"))
            .hint("please report it with the command line that you used"))
    });
    match result {
        Ok(report) => {
            output.report(&report);
            ExitCode::from(report.exit)
        }
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}
