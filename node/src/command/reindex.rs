//! `titian-node reindex`: makes derived data of a stopped node anew.

use std::time::Instant;

use clap::{Args, ValueEnum};

use super::output::say;
use super::{CommandError, ConfigArgs, open_ledger};
use crate::search::build;

/// How often progress is printed, in numbers read.
const PROGRESS_NUMBERS: u64 = 65_536;

/// Make an index anew; the node must be stopped
///
/// The node makes the index of names by itself when it is missing or damaged; the command is for
/// those who want it done before the start. That of transferable records (their ops in order, who is
/// to answer) is made from the blocks; a pruned or restored node, which lacks some, refuses.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  titian-node reindex ubin --config titian-node.toml
  titian-node reindex links --config titian-node.toml
  titian-node reindex etr --config titian-node.toml")]
pub(super) struct ReindexArgs {
    /// Which index
    #[arg(value_enum)]
    register: Register,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Register {
    /// Names of the UBIN register
    Ubin,
    /// Which UBIN records name which: branches, mergers, relocations
    Links,
    /// Ops of transferable records, and in whose lists they wait
    Etr,
}

pub(super) fn reindex(args: &ReindexArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let ledger = open_ledger(&config, "the node must be stopped while its index is made")?;
    let begin = Instant::now();
    let made = match args.register {
        Register::Ubin => None,
        Register::Links => Some(ledger.remake_links()),
        Register::Etr => Some(ledger.remake_records()),
    };
    if let Some(made) = made {
        ledger.finish();
        made.map_err(|fault| CommandError::refused(fault.to_string()))?;
        say!("records indexed in {:.1} s", begin.elapsed().as_secs_f64());
        return Ok(());
    }
    let mut printed = 0;
    let made = build::rebuild(&ledger, &crate::node::search_folder(&config), |read| {
        if read / PROGRESS_NUMBERS > printed {
            printed = read / PROGRESS_NUMBERS;
            say!("{read} numbers read");
        }
        true
    });
    ledger.finish();
    let index = made.map_err(|fault| {
        CommandError::refused(fault).hint("free disk space? else `titian-node verify-db`")
    })?;
    say!(
        "{} records indexed as of height {} in {:.1} s",
        index.records(),
        ledger.head().height,
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}
