//! `titian-node snapshot` and `titian-node restore`.

use std::path::PathBuf;

use clap::Args;
use titian_genesis::Genesis;

use super::{CommandError, ConfigArgs};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::{node, snapshot};

/// Write a snapshot of a stopped node; a running one writes its own
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Start a new node from a snapshot: genesis, snapshot, then the blocks after it from its peers
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder of the snapshot, such as data/snapshots/80000 of another node
    #[arg(value_name = "DIR")]
    source: PathBuf,
}

/// Writes the snapshot of the last height whose root is certified.
pub(super) fn snapshot(args: &SnapshotArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let path = node::database_folder(&config);
    if !path.exists() {
        return Err(CommandError::refused(format!("no database in {}", path.display())));
    }
    let ledger = Ledger::open(&path, genesis(&config)?).map_err(|fault| {
        CommandError::refused(fault).hint("the node must be stopped; a running one writes its own")
    })?;
    let height = ledger.head().height.saturating_sub(1);
    let snapshots = node::snapshots_of(&config);
    if !snapshots.folder_of(height).exists() {
        snapshots.write(&ledger, height, &|| false).map_err(CommandError::refused)?;
    }
    ledger.finish();
    println!("snapshot of height {height} in {}", snapshots.folder_of(height).display());
    Ok(())
}

/// Makes the database of a new node.
pub(super) fn restore(args: &RestoreArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let path = node::database_folder(&config);
    if path.exists() {
        let text = format!("there is a database in {}", path.display());
        return Err(CommandError::refused(text).hint("move the folder away first, nothing else"));
    }
    std::fs::create_dir_all(&config.node.data_dir).map_err(|fault| {
        CommandError::refused(format!("{}: {fault}", config.node.data_dir.display()))
    })?;
    drop_engine_log(&config)?;
    let genesis = genesis(&config)?;
    let height = snapshot::restore(&args.source, &genesis, &path).map_err(CommandError::refused)?;
    let ledger = Ledger::open(&path, genesis).map_err(CommandError::refused)?;
    let head = ledger.head();
    ledger.finish();
    println!("restored to height {height}, state root {}; start the node", head.state_root);
    Ok(())
}

/// The engine's log speaks of blocks that a restored database does not hold; the vote guard, which
/// stays, remembers what this validator signed.
fn drop_engine_log(config: &Config) -> Result<(), CommandError> {
    let path = config.node.data_dir.join("consensus").join("wal");
    match std::fs::remove_file(&path) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
            Err(CommandError::refused(format!("{}: {fault}", path.display())))
        }
        _ => Ok(()),
    }
}

fn genesis(config: &Config) -> Result<Genesis, CommandError> {
    let bytes = std::fs::read(&config.node.genesis).map_err(|fault| {
        CommandError::refused(format!("genesis {}: {fault}", config.node.genesis.display()))
    })?;
    Genesis::parse(&bytes).map_err(CommandError::refused)
}
