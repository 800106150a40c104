//! Writing: genesis, undecided blocks, and everything of a height in one synced batch.

use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::{Direction, IteratorMode, WriteBatch, WriteOptions};
use titian_contracts::block::{Block, Certificate, encode};
use titian_contracts::digest::Digest;
use titian_contracts::execute::Receipt;
use titian_contracts::state::Change;
use titian_contracts::transaction::TransactionId;

use super::{Column, Link, Position, RecordRows, Store, StoreError};

/// Kinds of entries of [`Column::Undecided`].
const BODY: u8 = b'b';
const BUILT: u8 = b'r';
/// The round before a body.
const ROUND_BYTES: usize = 4;

/// Where the ledger stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Head {
    /// The last decided height; 0 is genesis.
    pub height: u64,
    /// Its block id; the genesis hash at height 0.
    pub block: Digest,
    /// Its block time, ms.
    pub time_ms: u64,
    /// State root after it.
    pub state_root: Digest,
    /// Root over its receipts.
    pub receipt_root: Digest,
    /// Root over its changes.
    pub change_root: Digest,
    /// Transactions up to and with it.
    pub transactions: u64,
    /// Whether it changed state.
    pub changed: bool,
}

/// Everything of one height.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The block.
    pub block: &'a Block,
    /// The block's bytes, borsh.
    pub block_bytes: &'a [u8],
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// The changes of state.
    pub changes: &'a [Change],
    /// The receipts, in order.
    pub receipts: &'a [Receipt],
    /// Bodies to keep, by hash.
    pub bodies: &'a [(Digest, Vec<u8>)],
    /// What it did to transferable records.
    pub records: &'a RecordRows,
    /// Which UBIN records it made name which others.
    pub links: &'a [Link],
    /// The head afterwards.
    pub head: &'a Head,
}

impl Store {
    /// Writes the state of height 0.
    pub fn put_genesis(
        &self,
        changes: &[Change],
        genesis: &[u8],
        head: &Head,
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.batch_changes(&mut batch, head.height, changes);
        batch.put_cf(self.cf(Column::Meta), b"genesis", genesis);
        batch.put_cf(self.cf(Column::Meta), b"head", encode(head));
        self.write_synced(batch)
    }

    /// Writes everything of a height, synced. After this returns, the height is on disk.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        let height = commit.head.height.to_be_bytes();
        let mut batch = WriteBatch::default();
        self.batch_changes(&mut batch, commit.head.height, commit.changes);
        batch.put_cf(self.cf(Column::Blocks), height, commit.block_bytes);
        batch.put_cf(self.cf(Column::Certificates), height, encode(commit.certificate));
        if !commit.receipts.is_empty() {
            batch.put_cf(self.cf(Column::Receipts), height, encode(&commit.receipts));
        }
        let first = commit.head.transactions - commit.receipts.len() as u64;
        for (receipt, place) in commit.receipts.iter().zip(first..) {
            let position = Position { height: receipt.height, index: receipt.index, place };
            batch.put_cf(self.cf(Column::Index), receipt.id.0.0, encode(&position));
        }
        for (hash, body) in commit.bodies {
            batch.put_cf(self.cf(Column::Bodies), hash.0, body);
        }
        self.batch_records(&mut batch, commit.records)?;
        self.batch_links(&mut batch, commit.links);
        let next = (commit.head.height + 1).to_be_bytes();
        batch.delete_range_cf(self.cf(Column::Undecided), [0; 8], next);
        batch.put_cf(self.cf(Column::Meta), b"head", encode(commit.head));
        self.write_synced(batch)
    }

    /// Keeps a block before it is voted on, synced: first the round in which it came (4 bytes,
    /// big-endian), then its body.
    pub fn put_undecided(
        &self,
        height: u64,
        round: u32,
        id: &Digest,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.batch_undecided(&mut batch, height, round, id, body);
        self.write_synced(batch)
    }

    /// Keeps a block that this node built, and that it built it for this round, synced.
    pub fn put_built(
        &self,
        height: u64,
        round: u32,
        id: &Digest,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.batch_undecided(&mut batch, height, round, id, body);
        let round_key = undecided_key(height, BUILT, &round.to_be_bytes());
        batch.put_cf(self.cf(Column::Undecided), round_key, id.0);
        self.write_synced(batch)
    }

    /// The block that this node built for a round.
    pub fn built(&self, height: u64, round: u32) -> Option<Digest> {
        let key = undecided_key(height, BUILT, &round.to_be_bytes());
        self.read_or_fault::<[u8; 32]>(Column::Undecided, &key).map(Digest)
    }

    /// The body of an undecided block.
    pub fn undecided(&self, height: u64, id: &Digest) -> Option<Vec<u8>> {
        let key = undecided_key(height, BODY, &id.0);
        let value = self.db.get_cf(self.cf(Column::Undecided), key).unwrap_or_else(|error| {
            self.read_failed(Column::Undecided, error);
            None
        })?;
        value.get(ROUND_BYTES..).map(<[u8]>::to_vec)
    }

    /// The undecided blocks of a height, each with the round in which it came first.
    pub fn undecided_of(&self, height: u64) -> Vec<(Digest, u32)> {
        let prefix = undecided_key(height, BODY, &[]);
        let mode = IteratorMode::From(&prefix, Direction::Forward);
        let read = |key: &[u8], value: &[u8]| {
            let id = key.get(prefix.len()..)?.try_into().ok()?;
            let round = value.get(..ROUND_BYTES)?.try_into().ok()?;
            Some((Digest(id), u32::from_be_bytes(round)))
        };
        self.walk(Column::Undecided, mode)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter_map(|(key, value)| self.decoded(Column::Undecided, &key, read(&key, &value)))
            .collect()
    }

    /// Keeps evidence of equivocation for governance, synced. The same evidence is kept once.
    pub fn put_evidence(&self, evidence: &[u8]) -> Result<(), StoreError> {
        let digest = titian_contracts::digest::hash("titian evidence v1", &[evidence]);
        let mut batch = WriteBatch::default();
        let key = [b"evidence/".as_slice(), &digest.0].concat();
        batch.put_cf(self.cf(Column::Meta), key, evidence);
        self.write_synced(batch)
    }

    /// Ends flushes and compactions and waits for them. To be called before the process ends: the
    /// system takes RocksDB's locks away while other threads still hold a handle, and a compaction
    /// at that moment would abort the process.
    pub fn finish(&self) {
        self.db.cancel_all_background_work(true);
    }

    /// Where a transaction stands, if it was executed.
    pub fn position(&self, id: &TransactionId) -> Option<Position> {
        self.read_or_fault(Column::Index, &id.0.0)
    }

    fn batch_undecided(
        &self,
        batch: &mut WriteBatch,
        height: u64,
        round: u32,
        id: &Digest,
        body: &[u8],
    ) {
        let value = [round.to_be_bytes().as_slice(), body].concat();
        batch.put_cf(self.cf(Column::Undecided), undecided_key(height, BODY, &id.0), value);
    }

    pub(super) fn write_synced(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db.write_opt(batch, &options).map_err(|error| {
            let error = StoreError::Database(error);
            self.record_fault("writing", &error);
            error
        })
    }
}

fn undecided_key(height: u64, kind: u8, rest: &[u8]) -> Vec<u8> {
    [height.to_be_bytes().as_slice(), &[kind], rest].concat()
}
