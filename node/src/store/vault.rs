//! A small database of its own for what only this node has: custody, and the keys of subjects.
//!
//! It is apart from the ledger's database, because that one may be thrown away and fetched anew.
//! Invariant: a batch is on disk, whole, when its write returns; what [`Vault::shred`] names is in
//! no file of the folder any more when it returns.

use std::path::Path;
use std::sync::Arc;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BottommostLevelCompaction, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBCompressionType, DBRecoveryMode, Direction, IteratorMode, Options, WriteBatch, WriteOptions,
};

use super::StoreError;

/// Memory for writes of one column before they go to a file.
const WRITE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A database of named columns. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    db: Arc<DB>,
    columns: &'static [&'static str],
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A write: where, which key, and its value; `None` removes it.
type Write = (&'static str, Vec<u8>, Option<Vec<u8>>);

/// Writes that come to disk together.
#[derive(Debug, Default)]
pub struct Writes(Vec<Write>);

impl Writes {
    /// Puts a value.
    pub fn put(&mut self, column: &'static str, key: &[u8], value: &[u8]) {
        self.0.push((column, key.to_vec(), Some(value.to_vec())));
    }

    /// Removes a key.
    pub fn delete(&mut self, column: &'static str, key: &[u8]) {
        self.0.push((column, key.to_vec(), None));
    }
}

impl Vault {
    /// Opens the database in `path`, creating it if it is not there.
    pub fn open(path: &Path, columns: &'static [&'static str]) -> Result<Self, StoreError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_paranoid_checks(true);
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_keep_log_file_num(2);
        options.set_max_open_files(64);
        let descriptors = columns.iter().map(|name| {
            let mut options = Options::default();
            options.set_write_buffer_size(WRITE_BUFFER_BYTES);
            // sealed bytes and digests do not compress
            options.set_compression_type(DBCompressionType::None);
            ColumnFamilyDescriptor::new(*name, options)
        });
        let db = DB::open_cf_descriptors(&options, path, descriptors)?;
        Ok(Self { db: Arc::new(db), columns })
    }

    /// The value of a key.
    pub fn get(&self, column: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.cf(column), key)?)
    }

    /// Writes all or nothing, synced.
    pub fn write(&self, writes: &Writes) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for (column, key, value) in &writes.0 {
            match value {
                Some(value) => batch.put_cf(self.cf(column), key, value),
                None => batch.delete_cf(self.cf(column), key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.db.write_opt(batch, &options)?)
    }

    /// Keys and values under `prefix` in key order, at most `limit`, after key `after`.
    pub fn scan(
        &self,
        column: &'static str,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let start = after.unwrap_or(prefix);
        let mode = IteratorMode::From(start, Direction::Forward);
        let mut found = Vec::new();
        for item in self.db.iterator_cf(self.cf(column), mode) {
            let (key, value) = item?;
            if !key.starts_with(prefix) || found.len() >= limit {
                break;
            }
            if after != Some(key.as_ref()) {
                found.push((key.into_vec(), value.into_vec()));
            }
        }
        Ok(found)
    }

    /// Removes keys so that their values are in no file: deletes them, writes the log out and
    /// rewrites the files that held them.
    pub fn shred(&self, writes: &Writes) -> Result<(), StoreError> {
        self.write(writes)?;
        let deleted = writes.0.iter().filter(|(.., value)| value.is_none());
        self.rewrite(deleted.map(|(column, key, _)| (*column, Some(key.as_slice()))))
    }

    /// The same for everything that was ever deleted.
    pub fn shred_all(&self) -> Result<(), StoreError> {
        self.rewrite(self.columns.iter().map(|column| (*column, None)))
    }

    /// Writes the log out and rewrites the files that hold a key; without one, all of the column.
    fn rewrite<'a>(
        &self,
        keys: impl Iterator<Item = (&'static str, Option<&'a [u8]>)>,
    ) -> Result<(), StoreError> {
        for column in self.columns {
            self.db.flush_cf(self.cf(column))?;
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for (column, key) in keys {
            self.db.compact_range_cf_opt(self.cf(column), key, key, &options);
        }
        Ok(())
    }

    /// Copies the database, as it is at one moment, to folder `path`, which must not exist; its
    /// parent must.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        Ok(Checkpoint::new(&self.db)?.create_checkpoint(path)?)
    }

    /// Ends work behind the scenes; before the process ends.
    pub fn finish(&self) {
        self.db.cancel_all_background_work(true);
    }

    fn cf(&self, column: &str) -> &ColumnFamily {
        self.db.cf_handle(column).expect("every column is opened with the database")
    }
}
