//! `titian-node prune`.

use super::output::say;
use super::{CommandError, ConfigArgs, open_ledger};
use crate::pruning;

/// Drops what is below the heights that the configuration keeps, in the database of a stopped node,
/// and gives its space back. A running node does the same by itself.
pub(super) fn prune(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    let Some(keep) = pruning::keep_heights(&config) else {
        say!("an archive node keeps everything: nothing to do");
        return Ok(());
    };
    let ledger = open_ledger(&config, "the node must be stopped; a running one prunes by itself")?;
    let sized = || {
        ledger.store().flush().map_err(CommandError::refused)?;
        Ok(ledger.store().disk_bytes())
    };
    let before = sized()?;
    let oldest = pruning::all(&ledger, keep).map_err(CommandError::refused)?;
    let after = sized()?;
    ledger.finish();
    say!("heights {oldest} to {} are kept, with all state", ledger.head().height);
    say!("{before} bytes before, {after} after");
    Ok(())
}
