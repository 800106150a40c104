//! From schema 1 to schema 2: the changes of every height, and the height that replaced each value.
//!
//! Schema 1 pruned nothing, so every value that ever stood is in state or history, and both follow
//! from them; the change root in each header says whether it was done right. Interrupted, it starts
//! again: a value that has its height already is told by its length.

use std::collections::BTreeMap;

use borsh::BorshDeserialize as _;
use rocksdb::{IteratorMode, WriteBatch};
use titian_contracts::digest::Digest;
use titian_contracts::merkle;
use titian_contracts::state::{CHANGE_NODE, Stored, change_leaf, tree_key};

use super::past::{REPLACED_BYTES, encode_replaced};
use super::{Column, Store, StoreError};

/// Rows of one write.
const BATCH_ROWS: usize = 10_000;

/// Keys by their tree key, with the height of the value that stands.
type Keys = BTreeMap<Digest, (Vec<u8>, u64)>;

impl Store {
    /// Brings a database of schema 1 up to date; about 200 bytes of memory a key and 80 a change.
    pub(super) fn upgrade(&self) -> Result<(), StoreError> {
        tracing::info!("the database is of schema 1: deriving the changes of every height");
        let mut leaves: Vec<(u64, Digest, Digest)> = Vec::new();
        let mut keys = Keys::new();
        self.for_each_value(|key, stored| {
            let tree_key = tree_key(key);
            let height = stored.last_changed;
            leaves.push((
                height,
                tree_key,
                change_leaf(&tree_key, &stored.value_hash(key), height),
            ));
            keys.insert(tree_key, (key.to_vec(), height));
        })?;
        self.upgrade_history(&keys, &mut leaves)?;
        leaves.sort_unstable();
        self.write_leaves(&leaves)
    }

    /// Adds to each replaced value the height that replaced it: that of the next one of its key.
    fn upgrade_history(
        &self,
        keys: &Keys,
        leaves: &mut Vec<(u64, Digest, Digest)>,
    ) -> Result<(), StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt { what: format!("history: {what}") };
        let mut batch = WriteBatch::default();
        // from the end, so that the value that came next was seen just before
        let mut next: Option<(Digest, u64)> = None;
        for item in self.db.iterator_cf(self.cf(Column::History), IteratorMode::End) {
            let (at, value) = item?;
            let of = at.first_chunk::<32>().map(|bytes| Digest(*bytes));
            let of = of.ok_or_else(|| corrupt("a key"))?;
            let (key, standing) = keys.get(&of).ok_or_else(|| corrupt("a key without value"))?;
            let mut rest = value.as_ref();
            let stored = Stored::deserialize(&mut rest).map_err(|_| corrupt("a value"))?;
            let replaced = next.filter(|(key, _)| *key == of).map_or(*standing, |(_, at)| at);
            let height = stored.last_changed;
            leaves.push((height, of, change_leaf(&of, &stored.value_hash(key), height)));
            next = Some((of, height));
            if rest.len() != REPLACED_BYTES {
                batch.put_cf(self.cf(Column::History), at, encode_replaced(&stored, replaced));
            }
            if batch.len() >= BATCH_ROWS {
                self.write_synced(std::mem::take(&mut batch))?;
            }
        }
        self.write_synced(batch)
    }

    fn write_leaves(&self, leaves: &[(u64, Digest, Digest)]) -> Result<(), StoreError> {
        let head = self.head()?;
        let mut batch = WriteBatch::default();
        for of_height in leaves.chunk_by(|a, b| a.0 == b.0) {
            let Some((height, _, _)) = of_height.first() else { continue };
            let digests: Vec<Digest> = of_height.iter().map(|(_, _, leaf)| *leaf).collect();
            let root = merkle::root_of(CHANGE_NODE, &digests);
            let due = match &head {
                Some(head) if head.height == *height => Some(head.change_root),
                _ => self.header(height.saturating_add(1)).map(|header| header.change_root),
            };
            if due.is_some_and(|due| due != root) {
                let what = format!("changes of height {height}: their root is not the header's");
                return Err(StoreError::Corrupt { what });
            }
            let bytes: Vec<u8> = digests.iter().flat_map(|leaf| leaf.0).collect();
            batch.put_cf(self.cf(Column::Changes), height.to_be_bytes(), bytes);
            if batch.len() >= BATCH_ROWS {
                self.write_synced(std::mem::take(&mut batch))?;
            }
        }
        self.write_synced(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use titian_contracts::as_of::Past as _;
    use titian_contracts::block::encode;
    use titian_contracts::state::{Change, MemoryState, Overlay};

    use super::super::past::decode_replaced;
    use super::super::{Head, SCHEMA_VERSION};
    use super::*;

    const HEIGHTS: u64 = 9;

    /// A folder of this test alone, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("titian-upgrade-{:016x}", rand::random::<u64>());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // what cannot be removed is left to the system
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn head(height: u64, changes: &[Change]) -> Head {
        let leaves: Vec<Digest> = changes.iter().map(Change::leaf).collect();
        Head {
            height,
            block: Digest::ZERO,
            time_ms: height,
            state_root: Digest::ZERO,
            receipt_root: Digest::ZERO,
            change_root: merkle::root_of(CHANGE_NODE, &leaves),
            transactions: 0,
            changed: true,
        }
    }

    /// A database of nine heights in which every key changes at its own pace.
    fn filled(path: &std::path::Path) -> Store {
        let store = Store::open(path).expect("a fresh database");
        let mut state = MemoryState::default();
        for height in 0..=HEIGHTS {
            let changes = {
                let mut overlay = Overlay::new(&state);
                for key in (1..=5_u64).filter(|key| height % key == 0) {
                    // ends in zeros, as a height behind the value might look
                    overlay.write(format!("ubin/rec/{key}").into_bytes(), &(height << 32));
                }
                overlay.into_changes(height)
            };
            state.apply(&changes);
            let mut batch = WriteBatch::default();
            store.batch_changes(&mut batch, height, &changes);
            batch.put_cf(store.cf(Column::Meta), b"head", encode(&head(height, &changes)));
            store.write_synced(batch).expect("the disk works");
        }
        store
    }

    fn history(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = store.db.iterator_cf(store.cf(Column::History), IteratorMode::Start);
        rows.map(|row| row.expect("readable")).map(|(k, v)| (k.to_vec(), v.to_vec())).collect()
    }

    /// Takes away what schema 1 did not have; of the history only from row `from` on, as an upgrade
    /// that was interrupted would leave it.
    fn downgrade(store: &Store, from: usize) {
        let mut batch = WriteBatch::default();
        for (key, value) in history(store).into_iter().skip(from) {
            let (stored, _) = decode_replaced(&value).expect("of schema 2");
            batch.put_cf(store.cf(Column::History), key, encode(&stored));
        }
        let all = (0_u64.to_be_bytes(), u64::MAX.to_be_bytes());
        batch.delete_range_cf(store.cf(Column::Changes), all.0, all.1);
        batch.put_cf(store.cf(Column::Meta), b"schema", encode(&1_u32));
        store.write_synced(batch).expect("the disk works");
        store.flush().expect("the disk works");
        store.compact(|| true);
    }

    #[test]
    fn a_database_of_schema_1_becomes_what_schema_2_would_have_written() {
        for interrupted_at in [0, 3, 1_000] {
            let folder = Folder::new();
            let store = filled(&folder.0);
            let rows = history(&store);
            assert!(rows.len() > 10);
            let leaves: Vec<_> = (0..=HEIGHTS).map(|height| store.leaves(height)).collect();
            downgrade(&store, interrupted_at);
            assert_eq!(history(&store).len(), rows.len(), "compaction takes nothing of it");
            drop(store);
            let store = Store::open(&folder.0).expect("schema 1 opens");
            assert_eq!(history(&store), rows);
            let again: Vec<_> = (0..=HEIGHTS).map(|height| store.leaves(height)).collect();
            assert_eq!(again, leaves);
            assert_eq!(store.read(Column::Meta, b"schema").ok(), Some(Some(SCHEMA_VERSION)));
        }
    }

    #[test]
    fn changes_that_are_not_those_of_the_header_are_corruption() {
        let folder = Folder::new();
        let store = filled(&folder.0);
        downgrade(&store, 0);
        let mut batch = WriteBatch::default();
        let value = Stored { last_changed: HEIGHTS, prev_changed: 0, content: vec![1] };
        batch.put_cf(store.cf(Column::State), b"ubin/rec/9", encode(&value));
        store.write_synced(batch).expect("the disk works");
        drop(store);
        assert!(matches!(Store::open(&folder.0), Err(StoreError::Corrupt { .. })));
    }
}
