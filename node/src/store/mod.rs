//! The database: the only place that names RocksDB.
//!
//! One database, one column family per kind of data (see [`Column`]). Invariant: everything of a
//! height is in one write batch, synced to disk before anyone is told; so after a crash at any
//! moment the database is at a height, never between two. Reads of state that fail are recorded as
//! a fault ([`Store::fault`]); the node stops voting and never uses a result made beside a fault.

mod commit;
mod links;
mod past;
mod prune;
mod read;
mod records;
mod snapshot;
mod upgrade;
mod vault;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use borsh::BorshDeserialize;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, ChecksumType, ColumnFamily, ColumnFamilyDescriptor, DB,
    DBCompactionStyle, DBCompressionType, DBRecoveryMode, ErrorKind, IteratorMode, Options,
    WriteOptions,
};
use titian_contracts::block::encode;
use titian_contracts::digest::Digest;

use prune::Horizon;

pub use commit::{Commit, Head};
pub use links::Link;
pub use read::{AtHeight, LedgerEvent, Position};
pub use records::{OpPlace, RecordRows, Waits};
pub use snapshot::Restored;
pub use vault::{Vault, Writes};

/// Version of the layout of keys and values in the database.
pub const SCHEMA_VERSION: u32 = 2;

/// Memory for blocks of table files.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Size of the log at which the columns that it holds oldest are written to files, all of them: a
/// smaller one makes more and smaller files, which have more rewritten; a larger one takes as much more
/// memory.
const WAL_BYTES: u64 = 256 * 1024 * 1024;
/// Memory for writes of one column family before they go to a file.
const WRITE_BUFFER_BYTES: usize = 32 * 1024 * 1024;
/// Share of a write buffer that its filter of keys may take.
const MEMTABLE_BLOOM_RATIO: f64 = 0.02;

/// A kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Logical key -> stored value of the head.
    State,
    /// Tree key ‖ height of change -> stored value that was replaced later ‖ height that did.
    History,
    /// Height -> leaves of its change tree.
    Changes,
    /// Height -> block (header and transactions).
    Blocks,
    /// Height -> commit certificate.
    Certificates,
    /// Height -> receipts of the block.
    Receipts,
    /// Transaction id -> position.
    Index,
    /// Body hash -> UBIN body (JCS text).
    Bodies,
    /// What is derived of transferable records: their ops, in whose lists they wait.
    Records,
    /// Which UBIN records name which.
    Links,
    /// Blocks on which a vote may have been cast but that are not decided.
    Undecided,
    /// Schema version, genesis, head.
    Meta,
}

impl Column {
    /// All columns.
    pub const ALL: [Self; 12] = [
        Self::State,
        Self::History,
        Self::Changes,
        Self::Blocks,
        Self::Certificates,
        Self::Receipts,
        Self::Index,
        Self::Bodies,
        Self::Records,
        Self::Links,
        Self::Undecided,
        Self::Meta,
    ];

    /// The name of the column family.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::History => "history",
            Self::Changes => "changes",
            Self::Blocks => "blocks",
            Self::Certificates => "certificates",
            Self::Receipts => "receipts",
            Self::Index => "index",
            Self::Bodies => "bodies",
            Self::Records => "records",
            Self::Links => "links",
            Self::Undecided => "undecided",
            Self::Meta => "meta",
        }
    }
}

/// The repair of a database that returns wrong data. Not the whole data folder: it also holds the
/// guard against signing two votes at one height.
pub const SYNC_ANEW: &str = "move the folder `ledger` of the data folder away, nothing else, and \
    start the node: it syncs anew from its peers";

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// RocksDB refused or failed.
    #[error("database: {0}; {hint}", hint = hint_of(.0))]
    Database(#[from] rocksdb::Error),
    /// Stored bytes do not decode.
    #[error("database: {what} does not decode; {SYNC_ANEW}")]
    Corrupt {
        /// What was read.
        what: String,
    },
    /// A read or a write failed before; the text is for the public.
    #[error("database: {0}")]
    Fault(String),
    /// The database was written by another version.
    #[error("database has schema {found}, this program reads {SCHEMA_VERSION}")]
    Schema {
        /// The version found.
        found: u32,
    },
    /// The database belongs to another network.
    #[error("database belongs to genesis {found}, the configured genesis is {expected}")]
    Genesis {
        /// The genesis hash in the database.
        found: Digest,
        /// The configured one.
        expected: Digest,
    },
    /// The rebuilt root is not the stored one: silent corruption.
    #[error(
        "state root rebuilt from the database is {rebuilt}, stored is {stored}: \
         the disk returned wrong data; {SYNC_ANEW}"
    )]
    Root {
        /// The root of what the database holds.
        rebuilt: Digest,
        /// The root that was recorded.
        stored: Digest,
    },
    /// What is derived of transferable records cannot be made anew without loss.
    #[error(
        "the blocks below height {earliest} are not kept here: the ops of transferable records in \
         them would be lost, nothing was changed; if the list is damaged, restore a backup"
    )]
    RecordsLost {
        /// The first height whose block is kept.
        earliest: u64,
    },
    /// The rules refused the genesis.
    #[error("genesis: {0}")]
    GenesisState(String),
}

impl StoreError {
    /// What failed, for everybody: its kind and what helps. RocksDB names files in its messages, and they
    /// are for the log alone.
    pub fn public(&self) -> String {
        match self {
            Self::Database(fault) => format!("{:?}; {}", fault.kind(), hint_of(fault)),
            Self::Corrupt { .. } => format!("what is stored does not decode; {SYNC_ANEW}"),
            Self::Fault(what) => what.clone(),
            // digests, heights and versions
            Self::Schema { .. }
            | Self::Genesis { .. }
            | Self::Root { .. }
            | Self::RecordsLost { .. }
            | Self::GenesisState(_) => self.to_string(),
        }
    }

    fn corrupt(column: Column, key: &[u8]) -> Self {
        Self::Corrupt { what: format!("{} {}", column.name(), hex::encode(key)) }
    }

    /// Whether another process has the database open.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Database(fault) if is_lock(fault))
    }
}

fn is_lock(fault: &rocksdb::Error) -> bool {
    // the kind is that of any failure of the system; the text alone tells another process from a
    // folder where no lock can be made
    let says = |what: &str| fault.as_ref().contains(what);
    fault.kind() == ErrorKind::IOError && (says("While lock file") || says("lock hold by current"))
}

/// What an operator can do about a failure of RocksDB.
fn hint_of(fault: &rocksdb::Error) -> &'static str {
    let says = |what: &str| fault.as_ref().contains(what);
    match fault.kind() {
        ErrorKind::Corruption => SYNC_ANEW,
        _ if is_lock(fault) => "another process uses this folder: is the node running?",
        ErrorKind::IOError if says("No space left") => "free disk space",
        ErrorKind::IOError if says("Read-only") || says("Permission denied") => {
            "the node's user must be able to write there"
        }
        // a file of the database is gone
        ErrorKind::IOError if says("No such file") => SYNC_ANEW,
        _ => "check the disk and its free space",
    }
}

/// What a database says of itself, read beside a process that may have it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peek {
    /// The genesis file's bytes.
    pub genesis: Vec<u8>,
    /// The last decided height.
    pub height: u64,
}

/// Looks at the database in `path` without changing it; `None` if there is none yet.
pub fn peek(path: &Path) -> Result<Option<Peek>, StoreError> {
    if !path.join("CURRENT").exists() {
        return Ok(None);
    }
    let meta = Column::Meta.name();
    let db = DB::open_cf_for_read_only(&Options::default(), path, [meta], false)?;
    let column = db.cf_handle(meta).expect("it was opened with the database");
    let Some(genesis) = db.get_cf(column, b"genesis")? else { return Ok(None) };
    let head = db.get_cf(column, b"head")?.unwrap_or_default();
    let head: Head = borsh::from_slice(&head)
        .map_err(|_| StoreError::Corrupt { what: "meta head".to_owned() })?;
    Ok(Some(Peek { genesis, height: head.height }))
}

/// The open database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Arc<DB>,
    fault: Arc<OnceLock<String>>,
    horizon: Arc<Horizon>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database in `path`, creating it if it is not there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let cache = Cache::new_lru_cache(CACHE_BYTES);
        let horizon = Arc::new(Horizon::default());
        let columns = Column::ALL.map(|column| {
            let mut options = column_options(column, &cache);
            horizon.filter(column, &mut options);
            ColumnFamilyDescriptor::new(column.name(), options)
        });
        let db = DB::open_cf_descriptors(&database_options(), path, columns)?;
        let store = Self { db: Arc::new(db), fault: Arc::new(OnceLock::new()), horizon };
        store.check_schema()?;
        store.load_horizon()?;
        Ok(store)
    }

    /// What went wrong while reading or writing, if anything did, for the public: the column, the kind of
    /// the failure ([`StoreError::public`]).
    pub fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// Bytes of all table and log files.
    pub fn disk_bytes(&self) -> u64 {
        Column::ALL.iter().map(|column| self.column_bytes(*column)).sum()
    }

    fn column_bytes(&self, column: Column) -> u64 {
        let name = "rocksdb.total-sst-files-size";
        self.db.property_int_value_cf(self.cf(column), name).ok().flatten().unwrap_or(0)
    }

    /// Writes memory tables to files, so that [`Self::disk_bytes`] counts everything.
    pub fn flush(&self) -> Result<(), StoreError> {
        for column in Column::ALL {
            self.db.flush_cf(self.cf(column))?;
        }
        Ok(())
    }

    /// Copies the database, as it is at one moment, to folder `path`, which must not exist; its
    /// parent must. On the same file system table files are shared, not copied.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        Ok(Checkpoint::new(&self.db)?.create_checkpoint(path)?)
    }

    fn cf(&self, column: Column) -> &ColumnFamily {
        self.db.cf_handle(column.name()).expect("every column family is opened with the database")
    }

    fn record_fault(&self, doing: &str, error: &StoreError) {
        tracing::error!(doing, %error, "database failed; the node stops voting");
        let _ = self.fault.set(format!("{doing}: {}", error.public()));
    }

    fn read_failed(&self, column: Column, error: impl Into<StoreError>) {
        self.record_fault(&format!("reading `{}`", column.name()), &error.into());
    }

    fn check_schema(&self) -> Result<(), StoreError> {
        match self.read::<u32>(Column::Meta, b"schema")? {
            None => {}
            Some(SCHEMA_VERSION) => return Ok(()),
            Some(1) => self.upgrade()?,
            Some(found) => return Err(StoreError::Schema { found }),
        }
        let mut options = WriteOptions::default();
        options.set_sync(true);
        let bytes = encode(&SCHEMA_VERSION);
        Ok(self.db.put_cf_opt(self.cf(Column::Meta), b"schema", bytes, &options)?)
    }

    fn read<T: BorshDeserialize>(
        &self,
        column: Column,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        match self.db.get_pinned_cf(self.cf(column), key)? {
            None => Ok(None),
            Some(bytes) => {
                borsh::from_slice(&bytes).map(Some).map_err(|_| StoreError::corrupt(column, key))
            }
        }
    }

    /// Keys and values of a column from a place on. One that cannot be read ends them and is recorded as
    /// a fault.
    fn walk<'a>(
        &'a self,
        column: Column,
        mode: IteratorMode<'_>,
    ) -> impl Iterator<Item = (Box<[u8]>, Box<[u8]>)> + use<'a> {
        self.db
            .iterator_cf(self.cf(column), mode)
            .map_while(move |item| item.map_err(|error| self.read_failed(column, error)).ok())
    }

    /// What `read` makes of the row under `key`; a row that does not decode is recorded as a fault.
    fn decoded<T>(&self, column: Column, key: &[u8], read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.read_failed(column, StoreError::corrupt(column, key));
        }
        read
    }

    /// As [`Self::read`]; an error is recorded as a fault and reads as nothing.
    fn read_or_fault<T: BorshDeserialize>(&self, column: Column, key: &[u8]) -> Option<T> {
        self.read(column, key).unwrap_or_else(|error| {
            self.read_failed(column, error);
            None
        })
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // a torn last record is what kill -9 or a power cut leaves; anything else is corruption
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_max_background_jobs(2);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_keep_log_file_num(4);
    options.set_max_open_files(512);
    options
}

fn column_options(column: Column, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_checksum_type(ChecksumType::XXH3);
    table.set_format_version(5);
    let looked_up = matches!(
        column,
        Column::State | Column::Index | Column::Bodies | Column::Records | Column::History
    );
    if looked_up {
        table.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    // most reads ask for what is not there yet: a new record, a transaction's first appearance
    options.set_memtable_whole_key_filtering(true);
    options.set_memtable_prefix_bloom_ratio(MEMTABLE_BLOOM_RATIO);
    if matches!(column, Column::Bodies | Column::Records) {
        // bodies and ops are never replaced and their keys are digests: by levels, each small file of new
        // ones would have all that stand rewritten; this way files of about one size are merged
        options.set_compaction_style(DBCompactionStyle::Universal);
    }
    if column == Column::State {
        // each merger of new files rewrites all keys, for they lie anywhere: half as often costs half, and
        // filters spare the reads that more files would take
        options.set_level_zero_file_num_compaction_trigger(8);
    }
    options.set_compression_type(match column {
        // digests: there is nothing to compress
        Column::Changes => DBCompressionType::None,
        Column::State | Column::Index | Column::Undecided | Column::Meta => DBCompressionType::Lz4,
        _ => DBCompressionType::Zstd,
    });
    options
}
