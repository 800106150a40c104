//! What snapshots read from the database and what a restored one starts with.
//!
//! Reading is as of a height: the value of a key is the current one if it did not change since,
//! else the one that history keeps. So a snapshot can be read while blocks are written.

use rocksdb::{Direction, IteratorMode, ReadOptions, WriteBatch, WriteOptions};
use titian_contracts::block::encode;
use titian_contracts::digest::Digest;
use titian_contracts::execute::Receipt;
use titian_contracts::state::{Stored, tree_key};
use titian_contracts::transaction::TransactionId;

use super::{Column, Head, Position, Store, StoreError};

/// Bytes of a write batch of a restore.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Kinds of what a restore writes.
#[derive(Debug)]
pub enum Restored {
    /// A state value under its logical key.
    Value(Vec<u8>, Stored),
    /// A UBIN body by hash.
    Body(Digest, Vec<u8>),
    /// Where a recent transaction stands.
    Recent(TransactionId, Position),
}

impl Store {
    /// The height that the database begins after: 0, or that of the snapshot it was restored from.
    /// Blocks, receipts and history are kept from the next height on.
    pub fn base(&self) -> u64 {
        self.read_or_fault(Column::Meta, b"base").unwrap_or(0)
    }

    /// The first height at or after `from`, up to `head`, that has receipts.
    pub fn next_receipts(&self, from: u64, head: u64) -> Option<(u64, Vec<Receipt>)> {
        let start = from.to_be_bytes();
        let mode = IteratorMode::From(&start, Direction::Forward);
        let (height, receipts) = self.receipts_at(mode)?;
        (height <= head).then_some((height, receipts))
    }

    /// The last height up to `to` that has receipts.
    pub fn last_receipts(&self, to: u64) -> Option<(u64, Vec<Receipt>)> {
        let start = to.to_be_bytes();
        self.receipts_at(IteratorMode::From(&start, Direction::Reverse))
    }

    fn receipts_at(&self, mode: IteratorMode<'_>) -> Option<(u64, Vec<Receipt>)> {
        let (key, value) = self.walk(Column::Receipts, mode).next()?;
        self.receipts_in(&key, &value)
    }

    /// The receipts of a row, and their height.
    pub(super) fn receipts_in(&self, key: &[u8], value: &[u8]) -> Option<(u64, Vec<Receipt>)> {
        let height = key.try_into().ok().map(u64::from_be_bytes);
        self.decoded(Column::Receipts, key, height.zip(borsh::from_slice(value).ok()))
    }

    /// Calls `visit` with every state value as of `height`, in the order of logical keys.
    pub fn for_each_value_at<E: From<StoreError>>(
        &self,
        height: u64,
        mut visit: impl FnMut(&[u8], &Stored) -> Result<(), E>,
    ) -> Result<(), E> {
        for item in self.scan_all(Column::State) {
            let (key, value) = item.map_err(StoreError::from)?;
            let current: Stored =
                borsh::from_slice(&value).map_err(|_| StoreError::corrupt(Column::State, &key))?;
            if current.last_changed <= height {
                visit(&key, &current)?;
            } else if let Some(then) = self.replaced_value(&tree_key(&key), height) {
                visit(&key, &then)?;
            }
        }
        Ok(())
    }

    /// Calls `visit` with every UBIN body by hash.
    pub fn for_each_body<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&Digest, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for item in self.scan_all(Column::Bodies) {
            let (key, value) = item.map_err(StoreError::from)?;
            let hash = <[u8; 32]>::try_from(&*key)
                .map_err(|_| StoreError::corrupt(Column::Bodies, &key))?;
            visit(&Digest(hash), &value)?;
        }
        Ok(())
    }

    /// Calls `visit` with the position of every executed transaction.
    pub fn for_each_position<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&TransactionId, &Position) -> Result<(), E>,
    ) -> Result<(), E> {
        for item in self.scan_all(Column::Index) {
            let (key, value) = item.map_err(StoreError::from)?;
            let id = <[u8; 32]>::try_from(&*key)
                .map_err(|_| StoreError::corrupt(Column::Index, &key))?;
            let position =
                borsh::from_slice(&value).map_err(|_| StoreError::corrupt(Column::Index, &key))?;
            visit(&TransactionId(Digest(id)), &position)?;
        }
        Ok(())
    }

    /// A whole column as of now; what is read once does not push out of the cache what is read often.
    fn scan_all(&self, column: Column) -> impl Iterator<Item = KeyValue> + '_ {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        self.db.iterator_cf_opt(self.cf(column), options, IteratorMode::Start)
    }

    /// Fills an empty database with what a snapshot holds; it has a head only when all is on disk.
    pub fn restore<E: From<StoreError>>(
        &self,
        items: impl Iterator<Item = Result<Restored, E>>,
        genesis: &[u8],
        head: &Head,
    ) -> Result<(), E> {
        let mut batch = WriteBatch::default();
        for item in items {
            match item? {
                Restored::Value(key, stored) => {
                    batch.put_cf(self.cf(Column::State), key, encode(&stored));
                }
                Restored::Body(hash, body) => batch.put_cf(self.cf(Column::Bodies), hash.0, body),
                Restored::Recent(id, position) => {
                    batch.put_cf(self.cf(Column::Index), id.0.0, encode(&position));
                }
            }
            if batch.size_in_bytes() > BATCH_BYTES {
                let full = std::mem::take(&mut batch);
                self.db.write_opt(full, &WriteOptions::default()).map_err(StoreError::from)?;
            }
        }
        batch.put_cf(self.cf(Column::Meta), b"genesis", genesis);
        batch.put_cf(self.cf(Column::Meta), b"base", encode(&head.height));
        batch.put_cf(self.cf(Column::Meta), b"head", encode(head));
        // the log is one: syncing its last entry syncs those before
        Ok(self.write_synced(batch)?)
    }
}

type KeyValue = Result<(Box<[u8]>, Box<[u8]>), rocksdb::Error>;
