//! `titian-node prune`.

use titian_genesis::Genesis;

use super::{CommandError, ConfigArgs};
use crate::ledger::Ledger;
use crate::pruning;

/// Drops what is below the heights that the configuration keeps, in the database of a stopped node,
/// and gives its space back. A running node does the same by itself.
pub(super) fn prune(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    let Some(keep) = pruning::keep_heights(&config) else {
        println!("an archive node keeps everything: nothing to do");
        return Ok(());
    };
    let bytes = std::fs::read(&config.node.genesis).map_err(|fault| {
        CommandError::refused(format!("genesis {}: {fault}", config.node.genesis.display()))
    })?;
    let genesis = Genesis::parse(&bytes).map_err(CommandError::refused)?;
    let path = crate::node::database_folder(&config);
    if !path.exists() {
        return Err(CommandError::refused(format!("no database in {}", path.display())));
    }
    let ledger = Ledger::open(&path, genesis).map_err(|fault| {
        CommandError::refused(fault)
            .hint("the node must be stopped; a running one prunes by itself")
    })?;
    let sized = || {
        ledger.store().flush().map_err(CommandError::refused)?;
        Ok(ledger.store().disk_bytes())
    };
    let before = sized()?;
    let oldest = pruning::all(&ledger, keep).map_err(CommandError::refused)?;
    let after = sized()?;
    ledger.finish();
    println!("heights {oldest} to {} are kept, with all state", ledger.head().height);
    println!("{before} bytes before, {after} after");
    Ok(())
}
