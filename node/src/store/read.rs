//! Reading: head, blocks, receipts, events, and state now or at an earlier height.

use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::{Direction, IteratorMode};
use titian_contracts::block::{Block, Certificate, Header};
use titian_contracts::context::Event;
use titian_contracts::digest::Digest;
use titian_contracts::execute::Receipt;
use titian_contracts::state::{Reader, Stored, tree_key};
use titian_contracts::transaction::TransactionId;

use super::{Column, Head, Store, StoreError};

/// Where an executed transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// The height of its block.
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// How many transactions were executed before it, ever.
    pub place: u64,
}

/// An event with its place in the total order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvent {
    /// The height.
    pub height: u64,
    /// Its place among the events of the block.
    pub index: u32,
    /// Block time, ms.
    pub time_ms: u64,
    /// The transaction that caused it.
    pub transaction: TransactionId,
    /// The event.
    pub event: Event,
}

/// State as it was after an earlier height.
#[derive(Clone, Debug)]
pub struct AtHeight {
    store: Store,
    height: u64,
}

impl AtHeight {
    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// The height.
    pub const fn height(&self) -> u64 {
        self.height
    }
}

impl Reader for Store {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        self.read_or_fault(Column::State, key)
    }
}

impl Reader for AtHeight {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        let current = self.store.get(key)?;
        if current.last_changed <= self.height {
            return Some(current);
        }
        self.store.replaced_value(&tree_key(key), self.height)
    }
}

impl Store {
    /// The head, if the database has one.
    pub fn head(&self) -> Result<Option<Head>, StoreError> {
        self.read(Column::Meta, b"head")
    }

    /// The genesis file's bytes.
    pub fn genesis(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.cf(Column::Meta), b"genesis")?)
    }

    /// State after `height`, which must not be above the head.
    pub fn at_height(&self, height: u64) -> AtHeight {
        AtHeight { store: self.clone(), height }
    }

    /// A decided block.
    pub fn block(&self, height: u64) -> Option<Block> {
        self.read_or_fault(Column::Blocks, &height.to_be_bytes())
    }

    /// The bytes of a decided block.
    pub fn block_bytes(&self, height: u64) -> Option<Vec<u8>> {
        self.db.get_cf(self.cf(Column::Blocks), height.to_be_bytes()).unwrap_or_else(|error| {
            self.read_failed(Column::Blocks, error);
            None
        })
    }

    /// The header of a decided block, read from the front of its bytes.
    pub fn header(&self, height: u64) -> Option<Header> {
        let bytes = self.block_bytes(height)?;
        let header = Header::deserialize(&mut bytes.as_slice()).ok();
        self.decoded(Column::Blocks, &height.to_be_bytes(), header)
    }

    /// The certificate of a decided block.
    pub fn certificate(&self, height: u64) -> Option<Certificate> {
        self.read_or_fault(Column::Certificates, &height.to_be_bytes())
    }

    /// The receipts of a height, in order.
    pub fn receipts(&self, height: u64) -> Vec<Receipt> {
        self.read_or_fault(Column::Receipts, &height.to_be_bytes()).unwrap_or_default()
    }

    /// A UBIN body by its hash: the JCS text.
    pub fn body(&self, hash: &Digest) -> Option<Vec<u8>> {
        self.db.get_cf(self.cf(Column::Bodies), hash.0).unwrap_or_else(|error| {
            self.read_failed(Column::Bodies, error);
            None
        })
    }

    /// State values whose logical key starts with `prefix`, in key order, after key `after`.
    pub fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Stored)> {
        let start = after.unwrap_or(prefix);
        let mode = IteratorMode::From(start, Direction::Forward);
        let mut found = Vec::new();
        for (key, value) in self.walk(Column::State, mode) {
            if !key.starts_with(prefix) || found.len() == limit {
                break;
            }
            if after.is_some_and(|after| after == key.as_ref()) {
                continue;
            }
            let Some(stored) = self.decoded(Column::State, &key, borsh::from_slice(&value).ok())
            else {
                break;
            };
            found.push((key.into_vec(), stored));
        }
        found
    }

    /// Calls `visit` with every state value: logical key and stored value.
    pub fn for_each_value(&self, mut visit: impl FnMut(&[u8], &Stored)) -> Result<(), StoreError> {
        for item in self.db.iterator_cf(self.cf(Column::State), IteratorMode::Start) {
            let (key, value) = item?;
            let stored: Stored =
                borsh::from_slice(&value).map_err(|_| StoreError::corrupt(Column::State, &key))?;
            visit(&key, &stored);
        }
        Ok(())
    }

    /// Events from `from` (height, index) on, at most `limit`, up to `head`.
    pub fn events(&self, from: (u64, u32), head: u64, limit: usize) -> Vec<LedgerEvent> {
        let mut found = Vec::new();
        let start = from.0.to_be_bytes();
        let mode = IteratorMode::From(&start, Direction::Forward);
        for (key, value) in self.walk(Column::Receipts, mode) {
            let Some((height, receipts)) = self.receipts_in(&key, &value) else { break };
            if height > head || found.len() >= limit {
                break;
            }
            let time_ms = self.header(height).map_or(0, |header| header.time_ms);
            let events = receipts.iter().flat_map(|r| r.events.iter().map(move |e| (r.id, e)));
            for (index, (transaction, event)) in (0u32..).zip(events) {
                if (height, index) >= from && found.len() < limit {
                    let event = event.clone();
                    found.push(LedgerEvent { height, index, time_ms, transaction, event });
                }
            }
        }
        found
    }
}
