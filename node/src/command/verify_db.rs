//! `titian-node verify-db`.

use titian_contracts::as_of::Past as _;
use titian_contracts::block::transaction_root;
use titian_contracts::digest::Digest;
use titian_contracts::merkle;
use titian_contracts::state::CHANGE_NODE;

use super::output::say;
use super::{CommandError, ConfigArgs, open_ledger};
use crate::ledger::Ledger;
use crate::store::SYNC_ANEW;

/// How often progress is printed, in heights.
const PROGRESS_HEIGHTS: u64 = 10_000;

/// Checks what the database of a stopped node holds: the state root is computed anew from every
/// value, and each kept block must link to its parent, match its transactions and changes, and be
/// certified.
pub(super) fn verify_db(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    let ledger = open_ledger(&config, "the node must be stopped while its database is checked")?;
    let head = ledger.head();
    say!("state root {} of height {} computed anew: equal", head.state_root, head.height);
    let checked = check_blocks(&ledger)?;
    say!("{checked} blocks linked, complete and certified");
    Ok(())
}

fn check_blocks(ledger: &Ledger) -> Result<u64, CommandError> {
    let wrong = |height: u64, what: &str| {
        CommandError::refused(format!("block {height}: {what}")).hint(SYNC_ANEW)
    };
    let mut parent: Option<Digest> = None;
    let mut checked = 0;
    let oldest = ledger.oldest();
    for height in oldest.max(1)..=ledger.head().height {
        let block = ledger.block(height).ok_or_else(|| wrong(height, "missing or not readable"))?;
        let linked = block.header.height == height
            && parent.is_none_or(|parent| parent == block.header.parent);
        if !linked {
            return Err(wrong(height, "does not link to its parent"));
        }
        if transaction_root(&block.transactions) != block.header.tx_root {
            return Err(wrong(height, "does not match its transactions"));
        }
        // a header carries the root of the changes of the height before
        let before = height - 1;
        if before >= oldest {
            let leaves = ledger.store().leaves(before).unwrap_or_default();
            if merkle::root_of(CHANGE_NODE, &leaves) != block.header.change_root {
                return Err(wrong(before, "does not match its changes"));
            }
        }
        let id = block.header.id();
        let certificate =
            ledger.certificate(height).ok_or_else(|| wrong(height, "has no certificate"))?;
        if certificate.block != id || certificate.height != height {
            return Err(wrong(height, "has the certificate of another block"));
        }
        certificate
            .check(ledger.chain(), &ledger.validators())
            .map_err(|fault| wrong(height, &fault.to_string()))?;
        parent = Some(id);
        checked += 1;
        if checked % PROGRESS_HEIGHTS == 0 {
            say!("{checked} blocks");
        }
    }
    Ok(checked)
}
