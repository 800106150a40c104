//! What is derived of transferable records, beside state: the ops of each in order, who is to answer
//! what is pending, and whom staged ops concern.
//!
//! Rows of [`Column::Records`], by first byte:
//! - `o` ‖ op digest -> the op, JCS text;
//! - `r` ‖ record id ‖ seq after the op -> [`OpPlace`];
//! - `i` ‖ entity ‖ `/` ‖ record id -> nothing: the entity is to answer; `p` ‖ record id -> the
//!   entities of these rows;
//! - `s` and `t`, likewise: ops staged on the record concern the entity. Time alone may end a stage,
//!   so readers ask whether it still waits.
//!
//! Invariant: they are written in the batch of their height, so they are never behind. Ops stay when
//! blocks are pruned; a node that was restored from a snapshot knows those after it.

use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::{Direction, IteratorMode, WriteBatch};
use titian_contracts::block::encode;
use titian_contracts::digest::Digest;

use super::{Column, Store, StoreError};

const OP: u8 = b'o';
const PLACE: u8 = b'r';
/// Meta key: the rows are complete.
const MADE: &[u8] = b"records";

/// Where an op of a record stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpPlace {
    /// Height of its block.
    pub height: u64,
    /// Its block time, ms.
    pub time_ms: u64,
    /// Place in the block.
    pub index: u32,
    /// Digest of the op.
    pub digest: Digest,
}

/// Why a record waits in the list of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// For its answer to what is pending.
    Answer,
    /// For signatures of a staged op that concerns it.
    Signature,
}

impl Waits {
    /// First bytes of the rows by entity, and by record.
    const fn kinds(self) -> (u8, u8) {
        match self {
            Self::Answer => (b'i', b'p'),
            Self::Signature => (b's', b't'),
        }
    }
}

/// What a block adds to the rows.
#[derive(Clone, Debug, Default)]
pub struct RecordRows {
    /// Ops: record, seq after it, place, JCS text.
    pub ops: Vec<(String, u64, OpPlace, String)>,
    /// For each record that was touched, the entities in whose lists it waits now.
    pub waiting: Vec<(Waits, String, Vec<String>)>,
}

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[kind], parts.concat().as_slice()].concat()
}

impl Store {
    pub(super) fn batch_records(
        &self,
        batch: &mut WriteBatch,
        rows: &RecordRows,
    ) -> Result<(), StoreError> {
        let column = self.cf(Column::Records);
        for (id, seq, place, text) in &rows.ops {
            batch.put_cf(column, key(OP, &[&place.digest.0]), text);
            let at = key(PLACE, &[id.as_bytes(), &seq.to_be_bytes()]);
            batch.put_cf(column, at, encode(place));
        }
        for (waits, id, entities) in &rows.waiting {
            let (by_entity, by_record) = waits.kinds();
            let at = key(by_record, &[id.as_bytes()]);
            let before: Vec<String> = self.read(Column::Records, &at)?.unwrap_or_default();
            let row = |entity: &String| key(by_entity, &[entity.as_bytes(), b"/", id.as_bytes()]);
            for entity in before.iter().filter(|entity| !entities.contains(entity)) {
                batch.delete_cf(column, row(entity));
            }
            for entity in entities {
                batch.put_cf(column, row(entity), []);
            }
            match (before.is_empty(), entities.is_empty()) {
                (true, true) => {}
                (false, true) => batch.delete_cf(column, at),
                (_, false) => batch.put_cf(column, at, encode(entities)),
            }
        }
        Ok(())
    }

    /// Whether the rows were made for the heights before this program kept them.
    pub fn has_records(&self) -> Result<bool, StoreError> {
        Ok(self.read::<bool>(Column::Meta, MADE)?.unwrap_or(false))
    }

    /// Drops all rows, to be made anew.
    pub fn forget_records(&self) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.cf(Column::Meta), MADE);
        batch.delete_range_cf(self.cf(Column::Records), [0_u8], [u8::MAX]);
        self.write_synced(batch)
    }

    /// Writes rows of earlier heights; `last` marks them as complete, synced.
    pub fn put_records(&self, rows: &RecordRows, last: bool) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.batch_records(&mut batch, rows)?;
        if last {
            batch.put_cf(self.cf(Column::Meta), MADE, encode(&true));
        }
        self.write_synced(batch)
    }

    /// The ops of a record with a seq above `after`, in order: seq, place, JCS text.
    pub fn record_ops(&self, id: &str, after: u64, limit: usize) -> Vec<(u64, OpPlace, Vec<u8>)> {
        let prefix = key(PLACE, &[id.as_bytes()]);
        let start = key(PLACE, &[id.as_bytes(), &after.saturating_add(1).to_be_bytes()]);
        self.rows(&prefix, &start, limit)
            .filter_map(|(rest, value)| {
                // the rest is longer where what was asked for is only the beginning of an id
                let seq = u64::from_be_bytes(rest.as_slice().try_into().ok()?);
                let place = borsh::from_slice::<OpPlace>(&value).ok();
                let place = self.decoded(Column::Records, &rest, place)?;
                let op = key(OP, &[&place.digest.0]);
                let text =
                    self.db.get_cf(self.cf(Column::Records), op).unwrap_or_else(|error| {
                        self.read_failed(Column::Records, error);
                        None
                    })?;
                Some((seq, place, text))
            })
            .collect()
    }

    /// The records that wait in the list of an entity, by id, after `after`.
    pub fn waiting(
        &self,
        waits: Waits,
        entity: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<String> {
        let prefix = key(waits.kinds().0, &[entity.as_bytes(), b"/"]);
        // no id continues with a zero byte: this is the first key after the one named
        let start = after.map(|id| [&prefix, id.as_bytes(), &[0]].concat());
        self.rows(&prefix, start.as_ref().unwrap_or(&prefix), limit)
            .filter_map(|(rest, _)| String::from_utf8(rest).ok())
            .collect()
    }

    /// Rows under a prefix: the rest of the key, and the value.
    fn rows<'a>(
        &'a self,
        prefix: &'a [u8],
        start: &[u8],
        limit: usize,
    ) -> impl Iterator<Item = (Vec<u8>, Box<[u8]>)> + 'a {
        let mode = IteratorMode::From(start, Direction::Forward);
        self.walk(Column::Records, mode)
            .map_while(move |(key, value)| Some((key.strip_prefix(prefix)?.to_vec(), value)))
            .take(limit)
    }
}
