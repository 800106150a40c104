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
use clap::error::{ContextKind, ContextValue, ErrorKind};

use error::{CommandError, Kind};
use output::Output;
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
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

/// Help where it was asked for, else what is wrong with the command line; for programs as JSON, with
/// the arguments that it is about.
fn not_understood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !std::env::args_os().any(|arg| arg == "--json") {
        error.exit();
    }
    let text = error.render().to_string();
    let head = text.split("\n\n").next().unwrap_or_default();
    let lines: Vec<&str> = head.lines().map(str::trim).collect();
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is needed".to_owned(),
        _ => lines.join(" ").trim_start_matches("error: ").to_owned(),
    };
    let arguments: Vec<&str> = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => vec![argument],
        Some(ContextValue::Strings(arguments)) => arguments.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let mut usage =
        CommandError::usage(message).with_data(serde_json::json!({ "arguments": arguments }));
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    usage.hints.extend(tips.map(str::to_owned));
    Output::new(true, false, None).error(&usage.hint("the same with --help shows what it takes"));
    ExitCode::from(Kind::Usage.exit_code())
}
