//! What a block did to transferable records, for the rows that the store keeps of it; and the rows
//! of heights from before they were kept.

use std::collections::BTreeSet;

use rayon::prelude::*;
use titian_contracts::etr::content::is_record_id;
use titian_contracts::etr::person::identity;
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{history, keys, staging, view};
use titian_contracts::execute::Receipt;
use titian_contracts::op::Register;
use titian_contracts::state::{Change, Overlay, Reader, Stored, tree_key};
use titian_contracts::transaction::Transaction;

use crate::store::{Head, OpPlace, RecordRows, Store, StoreError, Waits};

/// Heights whose rows are written at a time while they are made anew.
const BATCH_HEIGHTS: usize = 1_000;

/// State after a block whose changes are not written yet.
struct After<'a> {
    store: &'a Store,
    /// In tree-key order.
    changes: &'a [Change],
}

impl Reader for After<'_> {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        let wanted = tree_key(key);
        match self.changes.binary_search_by(|change| change.tree_key.cmp(&wanted)) {
            Ok(at) => self.changes.get(at).map(|change| change.stored.clone()),
            Err(_) => self.store.get(key),
        }
    }
}

/// The rows of a block. `transactions` and `receipts` are its, in order.
pub(super) fn rows_of<'a>(
    store: &Store,
    changes: &[Change],
    transactions: impl Iterator<Item = Option<&'a Transaction>>,
    receipts: &[Receipt],
    time_ms: u64,
) -> RecordRows {
    let after = After { store, changes };
    let etr = |(tx, receipt): (Option<&'a Transaction>, _)| Some((tx?, receipt));
    let applied: Vec<(&Transaction, &Receipt)> = transactions
        .zip(receipts)
        .filter(|(_, receipt)| receipt.error.is_none())
        .filter_map(etr)
        .filter(|(tx, _)| tx.register == Register::Etr)
        .collect();
    let touched: BTreeSet<&String> = applied
        .iter()
        .flat_map(|(_, receipt)| &receipt.events)
        .map(|event| &event.subject)
        .filter(|subject| is_record_id(subject))
        .collect();
    let ops = applied.par_iter().map(|(tx, receipt)| {
        let mut rows = RecordRows::default();
        add(&mut rows, tx, receipt, time_ms, &Overlay::new(&after));
        rows.ops
    });
    let waiting = touched.into_par_iter().map(|id| {
        let state = Overlay::new(&after);
        let concerned = staging::concerned(&state, id, time_ms);
        [
            (Waits::Answer, id.clone(), answerers(&state, id)),
            (Waits::Signature, id.clone(), concerned),
        ]
    });
    RecordRows {
        ops: ops.collect::<Vec<_>>().concat(),
        waiting: waiting.collect::<Vec<_>>().into_iter().flatten().collect(),
    }
}

fn add(
    rows: &mut RecordRows,
    tx: &Transaction,
    receipt: &Receipt,
    time_ms: u64,
    state: &Overlay<'_>,
) {
    for executed in history::executed(tx, &receipt.events, state) {
        let text = executed.op.value.to_jcs();
        for (id, seq) in executed.places {
            let place = OpPlace {
                height: receipt.height,
                time_ms,
                index: receipt.index,
                digest: executed.op.digest,
            };
            rows.ops.push((id, seq, place, text.clone()));
        }
    }
}

fn answerers(state: &Overlay<'_>, id: &str) -> Vec<String> {
    let Some(record) = Record::load(state, id) else { return Vec::new() };
    let mut entities: Vec<String> = view::answerers(state, &record)
        .iter()
        .map(|ubin| identity(state, ubin).to_string())
        .collect();
    entities.sort_unstable();
    entities.dedup();
    entities
}

/// Makes the rows of all heights whose blocks are kept, if the database is older than the rows.
pub(super) fn ensure(store: &Store, head: &Head, earliest: u64) -> Result<(), StoreError> {
    let time_ms = head.time_ms;
    if store.has_records()? {
        return Ok(());
    }
    let state = Overlay::new(store);
    let mut rows = RecordRows::default();
    let (mut from, mut heights) = (earliest, 0);
    while let Some((height, receipts)) = store.next_receipts(from, head.height) {
        let corrupt = || StoreError::Corrupt { what: format!("block {height}") };
        let block = store.block(height).ok_or_else(corrupt)?;
        for (bytes, receipt) in block.transactions.iter().zip(&receipts) {
            match Transaction::parse(bytes) {
                Ok(tx) if tx.register == Register::Etr && receipt.error.is_none() => {
                    add(&mut rows, &tx, receipt, block.header.time_ms, &state);
                }
                // what was refused or is another register's did nothing here
                _ => {}
            }
        }
        heights += 1;
        if heights % BATCH_HEIGHTS == 0 {
            store.put_records(&std::mem::take(&mut rows), false)?;
        }
        from = height.saturating_add(1);
    }
    store.put_records(&rows, false)?;
    let mut rows = RecordRows::default();
    store.for_each_value(|key, _| {
        let under = |prefix: &[u8]| {
            key.strip_prefix(prefix).and_then(|id| std::str::from_utf8(id).ok()).map(str::to_owned)
        };
        if let Some(id) = under(keys::RECORD_PREFIX) {
            let entities = answerers(&state, &id);
            rows.waiting.push((Waits::Answer, id, entities));
        } else if let Some(id) = under(keys::STAGES_PREFIX) {
            let entities = staging::concerned(&state, &id, time_ms);
            rows.waiting.push((Waits::Signature, id, entities));
        }
    })?;
    rows.waiting.retain(|(.., entities)| !entities.is_empty());
    store.put_records(&rows, true)
}
