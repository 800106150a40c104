//! The ledger as consensus sees it: builds, judges, executes blocks.
//!
//! Invariant: a body is on disk before anything that could lead to a vote on it is answered, and
//! the same (height, round) gives the same block, also after a crash. Signatures are verified once
//! per node: at admission to the mempool, else here, in parallel, before the vote.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rayon::prelude::*;
use titian_contracts::block::{
    Block, Certificate, ValidatorAddress, ValidatorSet, encode, root_of_ids,
};
use titian_contracts::digest::Digest;
use titian_contracts::execute::CheckedTransaction;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_contracts::transaction::TransactionId;

use crate::consensus::application::{
    AppError, Application, BuiltBlock, Evidence, Origin, ReceivedBlock, Verdict,
};
use crate::ledger::Ledger;
use crate::mempool::Mempool;
use crate::space::{Level, Space};

/// Blocks whose checked transactions are kept in memory until one of them is decided.
const CHECKED_BLOCKS_MAX: usize = 8;
/// Bytes of a block body that are not transactions: header and lengths.
const BLOCK_OVERHEAD_BYTES: usize = 4_096;

/// The application behind consensus.
#[derive(Debug)]
pub struct LedgerApplication {
    ledger: Ledger,
    mempool: Mempool,
    /// The address of this node's validator; zero for an observer, which never builds.
    address: ValidatorAddress,
    space: Space,
    checked: BTreeMap<Digest, Vec<Arc<CheckedTransaction>>>,
}

impl LedgerApplication {
    /// The application of a node whose validator has `address`.
    pub const fn new(
        ledger: Ledger,
        mempool: Mempool,
        address: ValidatorAddress,
        space: Space,
    ) -> Self {
        Self { ledger, mempool, address, space, checked: BTreeMap::new() }
    }

    /// The checked transactions of a block: from the mempool where it knows them, else verified
    /// now, in parallel.
    fn check_transactions(
        &self,
        block: &Block,
        ids: &[TransactionId],
    ) -> Vec<Arc<CheckedTransaction>> {
        let state = self.ledger.reader();
        let time_ms = self.ledger.head().time_ms;
        let each = block.transactions.par_iter().zip(ids).map_init(
            || Overlay::new(&state),
            |head, (bytes, id)| {
                let known = self.mempool.checked(id);
                known.unwrap_or_else(|| Arc::new(CheckedTransaction::check(bytes, head, time_ms)))
            },
        );
        each.collect()
    }

    fn remember(&mut self, id: Digest, transactions: Vec<Arc<CheckedTransaction>>) {
        if self.checked.len() >= CHECKED_BLOCKS_MAX {
            self.checked.clear();
        }
        self.checked.insert(id, transactions);
    }

    /// The rules of validity before voting (ledger.md §4), but for those that consensus checked:
    /// the body belongs to the id. Gives the ids of the transactions, in order.
    fn judge(&self, received: &ReceivedBlock) -> Result<Vec<TransactionId>, String> {
        let header = &received.block.header;
        let head = self.ledger.head();
        let expected = self.ledger.next_header(header.proposer, header.time_ms, header.tx_root);
        // a time at or before the parent's comes back raised, so it differs
        if *header != expected {
            return Err(format!("header of height {} does not follow ours", header.height));
        }
        if received.origin == Origin::Proposal
            && header.time_ms > now_ms().saturating_add(limits::BLOCK_TIME_AHEAD_MS_MAX)
        {
            return Err("block time is more than 2 s ahead of this node's clock".to_owned());
        }
        let validators = self.ledger.validators();
        if validators.by_address(&header.proposer).is_none() {
            return Err("the proposer is no validator".to_owned());
        }
        let transactions = &received.block.transactions;
        if transactions.len() > limits::BLOCK_TRANSACTIONS_MAX
            || received.body.len() > limits::BLOCK_BYTES_MAX
        {
            return Err("larger than a block may be".to_owned());
        }
        let ids: Vec<TransactionId> =
            transactions.par_iter().map(|tx| TransactionId::of(tx)).collect();
        if root_of_ids(&ids) != header.tx_root {
            return Err("transactions do not match the header".to_owned());
        }
        let distinct: BTreeSet<&TransactionId> = ids.iter().collect();
        if distinct.len() != ids.len() || ids.iter().any(|id| self.ledger.is_repeated(id)) {
            return Err("a transaction is repeated".to_owned());
        }
        debug_assert_eq!(header.height, head.height + 1);
        Ok(ids)
    }
}

impl Application for LedgerApplication {
    fn decided_height(&self) -> u64 {
        self.ledger.head().height
    }

    fn earliest(&self) -> u64 {
        self.ledger.earliest()
    }

    fn validator_set(&self, _height: u64) -> ValidatorSet {
        self.ledger.validators()
    }

    /// Transactions wait, or the last block changed state: then one more block makes the new root
    /// provable.
    fn has_work(&self) -> bool {
        let head = self.ledger.head();
        !self.mempool.is_empty() || (head.changed && head.height > 0)
    }

    fn build(&mut self, height: u64, round: u32) -> Result<BuiltBlock, AppError> {
        let begin = Instant::now();
        let store = self.ledger.store();
        if let Some(fault) = store.fault() {
            return Err(AppError::Storage(fault.to_owned()));
        }
        if self.space.level() == Level::VeryLow {
            return Err(AppError::Declined("the disk is nearly full".to_owned()));
        }
        if let Some(id) = store.built(height, round)
            && let Some(body) = store.undecided(height, &id)
        {
            return Ok(BuiltBlock { id, body: body.into() });
        }
        let transactions = self
            .mempool
            .take(limits::BLOCK_BYTES_MAX - BLOCK_OVERHEAD_BYTES, limits::BLOCK_TRANSACTIONS_MAX);
        // the mempool drops what was executed a moment after the commit; never propose it again
        let transactions: Vec<Arc<CheckedTransaction>> =
            transactions.into_iter().filter(|tx| !self.ledger.is_repeated(&tx.id)).collect();
        // only what was parsed stands in the pool
        let bodies: Vec<Vec<u8>> = transactions
            .iter()
            .filter_map(|tx| tx.parsed.as_ref().ok().map(|parsed| parsed.bytes.clone()))
            .collect();
        let ids: Vec<TransactionId> = transactions.iter().map(|tx| tx.id).collect();
        let tx_root = root_of_ids(&ids);
        let header = self.ledger.next_header(self.address, now_ms(), tx_root);
        let id = header.id();
        let body = encode(&Block { header, transactions: bodies });
        store.put_built(height, round, &id, &body).map_err(storage)?;
        tracing::debug!(height, round, transactions = transactions.len(), elapsed = ?begin.elapsed(), "block built");
        self.remember(id, transactions);
        Ok(BuiltBlock { id, body: body.into() })
    }

    fn check(&mut self, received: &ReceivedBlock) -> Result<Verdict, AppError> {
        let begin = Instant::now();
        let ids = match self.judge(received) {
            Ok(ids) => ids,
            Err(reason) => return Ok(Verdict::Invalid(reason)),
        };
        let store = self.ledger.store();
        if store.undecided(received.height, &received.id).is_none() {
            store
                .put_undecided(received.height, received.round, &received.id, &received.body)
                .map_err(storage)?;
        }
        if !self.checked.contains_key(&received.id) {
            let transactions = self.check_transactions(&received.block, &ids);
            self.remember(received.id, transactions);
        }
        let (height, round) = (received.height, received.round);
        tracing::debug!(height, round, elapsed = ?begin.elapsed(), "block checked");
        match self.ledger.store().fault() {
            Some(fault) => Err(AppError::Storage(fault.to_owned())),
            None => Ok(Verdict::Valid),
        }
    }

    fn undecided(&self, height: u64) -> Vec<(Digest, u32)> {
        self.ledger.store().undecided_of(height)
    }

    fn body(&self, height: u64, id: &Digest) -> Option<Bytes> {
        self.ledger.store().undecided(height, id).map(Bytes::from)
    }

    fn decide(&mut self, certificate: Certificate) -> Result<(), AppError> {
        let begin = Instant::now();
        let body = self
            .ledger
            .store()
            .undecided(certificate.height, &certificate.block)
            .ok_or_else(|| AppError::Storage("the decided block is not on disk".to_owned()))?;
        let block: Block = borsh::from_slice(&body)
            .map_err(|_| AppError::Storage("the decided block does not decode".to_owned()))?;
        let transactions = match self.checked.remove(&certificate.block) {
            Some(transactions) => transactions,
            None => {
                let ids: Vec<TransactionId> =
                    block.transactions.iter().map(|tx| TransactionId::of(tx)).collect();
                self.check_transactions(&block, &ids)
            }
        };
        self.checked.clear();
        self.ledger.commit(&block, &body, &certificate, &transactions).map_err(storage)?;
        let ids: Vec<TransactionId> = transactions.iter().map(|tx| tx.id).collect();
        self.mempool.committed(&ids, block.header.time_ms);
        let (height, transactions) = (block.header.height, ids.len());
        tracing::debug!(height, transactions, elapsed = ?begin.elapsed(), "block executed");
        Ok(())
    }

    fn decided(&self, height: u64) -> Option<(Certificate, Bytes)> {
        let certificate = self.ledger.certificate(height)?;
        let body = self.ledger.store().block_bytes(height)?;
        Some((certificate, Bytes::from(body)))
    }

    fn store_evidence(&mut self, evidence: Evidence) -> Result<(), AppError> {
        let [first, second] = &evidence.statements;
        let record = encode(&(
            evidence.height,
            evidence.validator,
            (&first.sign_bytes, first.signature),
            (&second.sign_bytes, second.signature),
        ));
        self.ledger.store().put_evidence(&record).map_err(storage)
    }
}

fn storage(error: crate::store::StoreError) -> AppError {
    tracing::error!(%error, "the ledger cannot be stored");
    AppError::Storage(error.public())
}

/// This node's clock, ms since the Unix epoch.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
