//! What was: replaced values, the changes of a height, and what proofs of earlier heights need.
//!
//! A replaced value is kept under its tree key and its own height, followed by the height that
//! replaced it (8 bytes, big-endian), so that whoever meets it knows whether anybody may still ask
//! for it. The changes of a height are kept as the leaves of its change tree, 32 bytes each: a value
//! that is known has its leaf, and with the others its way to the change root.

use borsh::BorshDeserialize as _;
use rocksdb::{Direction, IteratorMode, WriteBatch};
use titian_contracts::as_of::Past;
use titian_contracts::block::{Certificate, Header, encode};
use titian_contracts::digest::Digest;
use titian_contracts::state::{Change, Reader as _, Stored, tree_key};
use titian_contracts::ubin::kpi::Scan;

use super::{AtHeight, Column, Store};

/// Height that replaced a value, behind it.
pub(super) const REPLACED_BYTES: usize = 8;

/// Tree key ‖ height, so that the versions of a key lie together in order of height.
pub(super) fn history_key(tree_key: &Digest, height: u64) -> Vec<u8> {
    [tree_key.0.as_slice(), &height.to_be_bytes()].concat()
}

/// A replaced value as it is kept.
pub(super) fn encode_replaced(stored: &Stored, replaced: u64) -> Vec<u8> {
    let mut bytes = encode(stored);
    bytes.extend_from_slice(&replaced.to_be_bytes());
    bytes
}

/// A replaced value, and the height that replaced it.
pub(super) fn decode_replaced(bytes: &[u8]) -> Option<(Stored, u64)> {
    let mut rest = bytes;
    let stored = Stored::deserialize(&mut rest).ok()?;
    Some((stored, u64::from_be_bytes(rest.try_into().ok()?)))
}

/// The height that replaced a value, read from the end of its bytes.
pub(super) fn replaced_height(bytes: &[u8]) -> Option<u64> {
    bytes.last_chunk::<REPLACED_BYTES>().map(|end| u64::from_be_bytes(*end))
}

impl Store {
    /// Puts the changes of a height into its batch: new values, replaced values, leaves.
    pub(super) fn batch_changes(&self, batch: &mut WriteBatch, height: u64, changes: &[Change]) {
        let mut leaves = Vec::with_capacity(changes.len() * 32);
        for change in changes {
            batch.put_cf(self.cf(Column::State), &change.key, encode(&change.stored));
            if let Some(previous) = &change.previous {
                let key = history_key(&change.tree_key, previous.last_changed);
                batch.put_cf(self.cf(Column::History), key, encode_replaced(previous, height));
            }
            leaves.extend_from_slice(&change.leaf().0);
        }
        if !leaves.is_empty() {
            batch.put_cf(self.cf(Column::Changes), height.to_be_bytes(), leaves);
        }
    }

    /// The value that was current after `height`, among those replaced later.
    pub(super) fn replaced_value(&self, tree_key: &Digest, height: u64) -> Option<Stored> {
        let (stored, replaced) =
            self.replaced(tree_key, &history_key(tree_key, height), Direction::Reverse)?;
        (replaced > height).then_some(stored)
    }

    /// The replaced value of `tree_key` at or beyond `start`.
    fn replaced(
        &self,
        tree_key: &Digest,
        start: &[u8],
        direction: Direction,
    ) -> Option<(Stored, u64)> {
        let mode = IteratorMode::From(start, direction);
        let (key, value) = self.walk(Column::History, mode).next()?;
        if !key.starts_with(&tree_key.0) {
            return None;
        }
        self.decoded(Column::History, &key, decode_replaced(&value))
    }
}

impl Past for Store {
    fn value(&self, key: &[u8], height: u64) -> Option<Stored> {
        self.at_height(height).get(key)
    }

    fn next(&self, key: &[u8], height: u64) -> Option<Stored> {
        let current = self.get(key).filter(|current| current.last_changed > height)?;
        let tree_key = tree_key(key);
        let start = history_key(&tree_key, height.saturating_add(1));
        let replaced = self.replaced(&tree_key, &start, Direction::Forward);
        Some(replaced.map_or(current, |(stored, _)| stored))
    }

    fn leaves(&self, height: u64) -> Option<Vec<Digest>> {
        let key = height.to_be_bytes();
        let bytes = self.db.get_cf(self.cf(Column::Changes), key).unwrap_or_else(|error| {
            self.read_failed(Column::Changes, error);
            None
        })?;
        let (leaves, rest) = bytes.as_chunks::<32>();
        rest.is_empty().then(|| leaves.iter().map(|leaf| Digest(*leaf)).collect())
    }

    fn header(&self, height: u64) -> Option<(Header, Certificate)> {
        Some((Self::header(self, height)?, self.certificate(height)?))
    }
}

impl AtHeight {
    /// Values whose logical key starts with `prefix`, as they stood then, in key order after key
    /// `after`.
    pub fn page(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Stored)> {
        let store = self.store();
        let mode = IteratorMode::From(after.unwrap_or(prefix), Direction::Forward);
        let mut found = Vec::new();
        for (key, value) in store.walk(Column::State, mode) {
            if !key.starts_with(prefix) || found.len() == limit {
                break;
            }
            if after == Some(key.as_ref()) {
                continue;
            }
            let Some(then) = self.value_then(&key, &value) else { continue };
            found.push((key.into_vec(), then));
        }
        found
    }

    /// The value under `key` then, whose value now is in `bytes`.
    fn value_then(&self, key: &[u8], bytes: &[u8]) -> Option<Stored> {
        let current = borsh::from_slice::<Stored>(bytes).ok();
        let current = self.store().decoded(Column::State, key, current)?;
        if current.last_changed <= self.height() {
            return Some(current);
        }
        self.store().replaced_value(&tree_key(key), self.height())
    }
}

impl Scan for AtHeight {
    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) {
        let store = self.store();
        let mode = IteratorMode::From(prefix, Direction::Forward);
        for (key, value) in store.walk(Column::State, mode) {
            if !key.starts_with(prefix) {
                return;
            }
            if let Some(stored) = self.value_then(&key, &value) {
                each(&key, &stored.content);
            }
        }
    }
}
