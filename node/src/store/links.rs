//! Which UBIN records name which: rows of [`Column::Links`], target ‖ `/` ‖ source without a value, both
//! canonical numbers.
//!
//! Invariant: written in the batch of their height, so never behind, and kept: a pair says that the
//! source named the target once. What it names as of a height is read from its record.

use rocksdb::{Direction, IteratorMode, WriteBatch};
use titian_contracts::block::encode;

use super::{Column, Store, StoreError};

/// Meta key: the rows are complete.
const MADE: &[u8] = b"links";

/// A pair: the number that is named, and the number of the record that names it.
pub type Link = (String, String);

fn row(target: &str, source: &str) -> Vec<u8> {
    format!("{target}/{source}").into_bytes()
}

impl Store {
    pub(super) fn batch_links(&self, batch: &mut WriteBatch, links: &[Link]) {
        for (target, source) in links {
            batch.put_cf(self.cf(Column::Links), row(target, source), []);
        }
    }

    /// Whether the rows were made for what stood before this program kept them.
    pub fn has_links(&self) -> Result<bool, StoreError> {
        Ok(self.read::<bool>(Column::Meta, MADE)?.unwrap_or(false))
    }

    /// Drops all rows, to be made anew.
    pub fn forget_links(&self) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.cf(Column::Meta), MADE);
        batch.delete_range_cf(self.cf(Column::Links), [0_u8], [u8::MAX]);
        self.write_synced(batch)
    }

    /// Writes rows of what stood before; `last` marks them as complete, synced.
    pub fn put_links(&self, links: &[Link], last: bool) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.batch_links(&mut batch, links);
        if last {
            batch.put_cf(self.cf(Column::Meta), MADE, encode(&true));
        }
        self.write_synced(batch)
    }

    /// The records that named `target` at any time, by number, after `after`.
    pub fn sources(&self, target: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let prefix = row(target, "");
        // no number continues with a zero byte: this is the first key after the one named
        let start =
            after.map_or_else(|| prefix.clone(), |after| [&row(target, after)[..], &[0]].concat());
        let mode = IteratorMode::From(&start, Direction::Forward);
        self.walk(Column::Links, mode)
            .map_while(|(key, _)| {
                String::from_utf8(key.strip_prefix(prefix.as_slice())?.to_vec()).ok()
            })
            .take(limit)
            .collect()
    }
}
