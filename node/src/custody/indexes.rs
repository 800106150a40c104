//! Which entries of status lists were handed out: drawn from the system's generator among free
//! ones, off the ledger, each once for ever (vc.md §5.3).
//!
//! Invariant: an entry that is reserved is offered to nobody else; it is written in the batch of
//! the record that uses it. One whose record is never written was never shown to anyone and is
//! free again.

use rand::Rng as _;
use rand::rngs::OsRng;
use titian_contracts::error::{Code, Reject};

use super::{Custody, INDEXES, fault, lock};
use crate::store::Writes;

/// Draws before free entries are looked for one after the other.
const DRAWS_MAX: usize = 64;

/// Entries of one list, held until dropped.
#[derive(Debug)]
pub struct Reserved {
    custody: Custody,
    list: String,
    indexes: Vec<u64>,
}

impl Reserved {
    /// The entries, in the order drawn.
    pub fn indexes(&self) -> &[u64] {
        &self.indexes
    }

    pub(super) fn write(&self, writes: &mut Writes) {
        for index in &self.indexes {
            writes.put(INDEXES, &row(&self.list, *index), &[]);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut reserved = lock(&self.custody.0.reserved);
        for index in &self.indexes {
            reserved.remove(&row(&self.list, *index));
        }
    }
}

fn row(list: &str, index: u64) -> Vec<u8> {
    [list.as_bytes(), &[0], &index.to_be_bytes()].concat()
}

impl Custody {
    /// Reserves `count` free entries of a list of `entries`; `unused` tells whether the list itself
    /// shows an entry as never set. Errors: `LIMIT_EXCEEDED` if too few are free.
    pub fn reserve(
        &self,
        list: &str,
        entries: u64,
        count: usize,
        unused: &dyn Fn(u64) -> bool,
    ) -> Result<Reserved, Reject> {
        let mut held =
            Reserved { custody: self.clone(), list: list.to_owned(), indexes: Vec::new() };
        while held.indexes.len() < count {
            let index = self.draw(list, entries, unused)?;
            held.indexes.push(index);
        }
        Ok(held)
    }

    fn draw(&self, list: &str, entries: u64, unused: &dyn Fn(u64) -> bool) -> Result<u64, Reject> {
        for _ in 0..DRAWS_MAX {
            let index = OsRng.gen_range(0..entries);
            if self.take(list, index, unused)? {
                return Ok(index);
            }
        }
        // nearly full: the first free one after a random place
        let start = OsRng.gen_range(0..entries);
        for step in 0..entries {
            let index = (start + step) % entries;
            if self.take(list, index, unused)? {
                return Ok(index);
            }
        }
        Err(Reject::new(Code::LimitExceeded, "/status", "every entry of the list is in use"))
    }

    fn take(&self, list: &str, index: u64, unused: &dyn Fn(u64) -> bool) -> Result<bool, Reject> {
        let key = row(list, index);
        // under the lock until it is reserved; whoever writes the row releases it afterwards
        let mut reserved = lock(&self.0.reserved);
        if reserved.contains(&key) || !unused(index) {
            return Ok(false);
        }
        if self.0.records.get(INDEXES, &key).map_err(fault)?.is_some() {
            return Ok(false);
        }
        reserved.insert(key);
        Ok(true)
    }
}
