//! `titian-node snapshot` and `titian-node restore`.

use std::path::{Path, PathBuf};

use clap::Args;
use titian_contracts::block::validator_address;
use titian_contracts::time::rfc3339;
use titian_genesis::Genesis;

use super::output::say;
use super::{CommandError, ConfigArgs, unopened};
use crate::application::now_ms;
use crate::config::Config;
use crate::consensus::guard::Guard;
use crate::ledger::Ledger;
use crate::rpc::auth::load_or_create_secret;
use crate::signer::keystore::NodeKey;
use crate::{backup, custody, node, snapshot};

/// What the operator of a validator without vote guard has to do.
const GUARD_STEPS: &str = "\
There is no vote guard: this validator does not know what it signed last. It will follow and not vote.
1. Make sure that the old machine is off for good.
2. Start the node; wait until it has the height of the others, and they decided several blocks since.
3. Stop it, and start it once with `titian-node run --new-vote-guard`.";

/// Write a snapshot of a stopped node; a running one writes its own
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Start a node from a backup of its own, or a new one from a snapshot; peers give the blocks after it
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// A backup, such as backups/20261128T053000Z, or a snapshot, such as data/snapshots/80000 of
    /// another node
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
        unopened(&fault, "the node must be stopped; a running one writes its own")
    })?;
    let height = ledger.head().height.saturating_sub(1);
    let snapshots = node::snapshots_of(&config);
    if !snapshots.folder_of(height).exists() {
        snapshots.write(&ledger, height, &|| false).map_err(CommandError::refused)?;
    }
    ledger.finish();
    say!("snapshot of height {height} in {}", snapshots.folder_of(height).display());
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
    if backup::is_backup(&args.source) {
        restore_backup(&config, &args.source, &genesis)?;
    } else {
        snapshot::restore(&args.source, &genesis, &path).map_err(CommandError::refused)?;
    }
    let ledger = Ledger::open(&path, genesis.clone()).map_err(CommandError::refused)?;
    let head = ledger.head();
    ledger.finish();
    say!("restored to height {}, state root {}; start the node", head.height, head.state_root);
    let guardless = Guard::is_missing(&node::guard_file(&config));
    if head.height > 0 && guardless && may_vote(&config, &genesis) {
        say!("{GUARD_STEPS}");
    }
    Ok(())
}

/// Whether the node votes, as far as can be told: its key is in the genesis, or cannot be read.
fn may_vote(config: &Config, genesis: &Genesis) -> bool {
    NodeKey::load(&config.node.validator_key).map_or(true, |key| {
        genesis.validators.by_address(&validator_address(&key.public_key())).is_some()
    })
}

/// Puts the folders of a backup in place, and says what that means for what can be erased.
fn restore_backup(config: &Config, source: &Path, genesis: &Genesis) -> Result<(), CommandError> {
    let secret = match config.custody.secret.exists() {
        true => Some(load_or_create_secret(&config.custody.secret).map_err(|fault| {
            CommandError::refused(format!("{}: {fault}", config.custody.secret.display()))
        })?),
        false => None,
    };
    let secret = secret.as_ref().map(|secret| secret.as_slice());
    let data = &config.node.data_dir;
    let restored =
        backup::restore(source, genesis, data, secret, now_ms()).map_err(CommandError::refused)?;
    for part in &restored.left {
        say!("{part}: stands already in {} and stays as it is", data.display());
    }
    if restored.unreadable > 0 {
        say!("custody: {} records without a key were erased", restored.unreadable);
    }
    if restored.placed.contains(&"envelopes") {
        say!(
            "sealed contents are of {} too: erase again what was erased",
            rfc3339(restored.time_ms)
        );
    }
    if restored.placed.contains(&custody::RECORDS_FOLDER) {
        say!(
            "custody is that of {}: repeat erasures made since then, and name new status lists in \
             `lists`: entries given out since then are not known here",
            rfc3339(restored.time_ms)
        );
    }
    Ok(())
}

/// The engine's log speaks of blocks that a restored database does not hold; the vote guard, which
/// stays, remembers what this validator signed.
fn drop_engine_log(config: &Config) -> Result<(), CommandError> {
    let path = node::consensus_folder(config).join("wal");
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
