//! An application in memory, for tests, the simulation and the bench of the bare engine.
//!
//! Its store survives the application, as a disk survives a process, so a test can stop an engine
//! and start another on the same store. Blocks are real; transactions are opaque bytes, and the
//! state is a hash over all decided blocks, so two nodes that decide differently show it.
//! Deliberately not here: execution, signatures of transactions, anything durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use titian_contracts::block::{
    Block, Certificate, HEADER_VERSION, Header, ValidatorAddress, ValidatorSet, encode,
    transaction_root,
};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::limits;

use super::Work;
use super::application::{
    AppError, Application, BuiltBlock, Evidence, Origin, ReceivedBlock, Verdict,
};

/// Where the application takes the time from, in ms.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

#[derive(Debug)]
struct Content {
    decided: Vec<(Certificate, Bytes, Header)>,
    state: Digest,
    undecided: BTreeMap<(u64, Digest), (u32, Bytes, Block)>,
    built: BTreeMap<(u64, u32), Digest>,
    pending: VecDeque<Vec<u8>>,
    transactions: u64,
    evidence: Vec<Evidence>,
}

/// What a disk would hold. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    chain: Arc<str>,
    validators: Arc<ValidatorSet>,
    content: Arc<Mutex<Content>>,
    work: Work,
}

impl MemoryStore {
    /// An empty chain.
    pub fn new(chain: &str, validators: ValidatorSet) -> Self {
        let content = Content {
            decided: Vec::new(),
            state: hash("titian memory state v1", &[]),
            undecided: BTreeMap::new(),
            built: BTreeMap::new(),
            pending: VecDeque::new(),
            transactions: 0,
            evidence: Vec::new(),
        };
        Self {
            chain: chain.into(),
            validators: Arc::new(validators),
            content: Arc::new(Mutex::new(content)),
            work: Work::default(),
        }
    }

    /// The notification for the configuration of the engine.
    pub fn work(&self) -> Work {
        Arc::clone(&self.work)
    }

    /// Adds a transaction, as gossip would.
    pub fn submit(&self, transaction: Vec<u8>) {
        self.lock().pending.push_back(transaction);
        self.work.notify_one();
    }

    /// Transactions that wait.
    pub fn waiting(&self) -> usize {
        self.lock().pending.len()
    }

    /// Transactions decided so far.
    pub fn transactions(&self) -> u64 {
        self.lock().transactions
    }

    /// The last decided height.
    pub fn height(&self) -> u64 {
        self.lock().decided.len() as u64
    }

    /// The id of a decided block.
    pub fn block(&self, height: u64) -> Option<Digest> {
        self.certificate(height).map(|certificate| certificate.block)
    }

    /// The certificate of a decided block.
    pub fn certificate(&self, height: u64) -> Option<Certificate> {
        let index = usize::try_from(height.checked_sub(1)?).ok()?;
        self.lock().decided.get(index).map(|(certificate, ..)| certificate.clone())
    }

    /// The hash over everything decided.
    pub fn state(&self) -> Digest {
        self.lock().state
    }

    /// Evidence of double signing.
    pub fn evidence(&self) -> Vec<Evidence> {
        self.lock().evidence.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The application over a [`MemoryStore`].
pub struct MemoryApplication {
    store: MemoryStore,
    proposer: ValidatorAddress,
    clock: Clock,
}

impl std::fmt::Debug for MemoryApplication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryApplication")
            .field("proposer", &self.proposer)
            .finish_non_exhaustive()
    }
}

impl MemoryApplication {
    /// The application of the validator with this address.
    pub fn new(store: MemoryStore, proposer: ValidatorAddress, clock: Clock) -> Self {
        Self { store, proposer, clock }
    }

    /// Milliseconds since the Unix epoch.
    pub fn system_clock() -> Clock {
        Arc::new(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        })
    }

    fn header(&self, content: &Content, height: u64, transactions: &[Vec<u8>]) -> Header {
        let parent = content.decided.last().map(|(_, _, header)| header);
        Header {
            version: HEADER_VERSION,
            chain: self.store.chain.to_string(),
            height,
            time_ms: parent.map_or(1, |parent| parent.time_ms + 1).max((self.clock)()),
            proposer: self.proposer,
            parent: parent.map_or(Digest::ZERO, Header::id),
            tx_root: transaction_root(transactions),
            state_root: content.state,
            receipt_root: Digest::ZERO,
            change_root: Digest::ZERO,
            validators_hash: self.store.validators.hash(),
            app_version: 1,
        }
    }

    // the rules of ledger.md §4 as far as they exist without execution
    fn judge(&self, content: &Content, received: &ReceivedBlock) -> Result<(), &'static str> {
        let header = &received.block.header;
        let own = self.header(content, received.height, &received.block.transactions);
        let parent_ms = content.decided.last().map_or(0, |(_, _, header)| header.time_ms);
        let latest = (self.clock)().saturating_add(limits::BLOCK_TIME_AHEAD_MS_MAX);
        if header.time_ms <= parent_ms {
            return Err("time not after the parent's");
        }
        if received.origin == Origin::Proposal && header.time_ms > latest {
            return Err("time ahead of the clock");
        }
        if self.store.validators.by_address(&header.proposer).is_none() {
            return Err("proposer is no validator");
        }
        let expected = Header { time_ms: header.time_ms, proposer: header.proposer, ..own };
        if *header != expected {
            return Err("parent, state, validators or chain differ");
        }
        Ok(())
    }
}

impl Application for MemoryApplication {
    fn decided_height(&self) -> u64 {
        self.store.height()
    }

    fn earliest(&self) -> u64 {
        1
    }

    fn validator_set(&self, _: u64) -> ValidatorSet {
        (*self.store.validators).clone()
    }

    fn has_work(&self) -> bool {
        !self.store.lock().pending.is_empty()
    }

    fn build(&mut self, height: u64, round: u32) -> Result<BuiltBlock, AppError> {
        let mut content = self.store.lock();
        if let Some(id) = content.built.get(&(height, round)) {
            let Some((_, body, _)) = content.undecided.get(&(height, *id)) else {
                return Err(AppError::Storage("a built block is gone".to_owned()));
            };
            return Ok(BuiltBlock { id: *id, body: body.clone() });
        }
        let mut bytes = 1024_usize;
        let transactions: Vec<Vec<u8>> = content
            .pending
            .iter()
            .take(limits::BLOCK_TRANSACTIONS_MAX)
            .take_while(|tx| {
                bytes = bytes.saturating_add(tx.len() + 4);
                bytes <= limits::BLOCK_BYTES_MAX
            })
            .cloned()
            .collect();
        let header = self.header(&content, height, &transactions);
        let id = header.id();
        let block = Block { header, transactions };
        let body = Bytes::from(encode(&block));
        content.undecided.insert((height, id), (round, body.clone(), block));
        content.built.insert((height, round), id);
        Ok(BuiltBlock { id, body })
    }

    fn check(&mut self, received: &ReceivedBlock) -> Result<Verdict, AppError> {
        let mut content = self.store.lock();
        if let Err(reason) = self.judge(&content, received) {
            return Ok(Verdict::Invalid(reason.to_owned()));
        }
        let stored = (received.round, received.body.clone(), received.block.clone());
        content.undecided.entry((received.height, received.id)).or_insert(stored);
        Ok(Verdict::Valid)
    }

    fn undecided(&self, height: u64) -> Vec<(Digest, u32)> {
        let content = self.store.lock();
        let stored = content.undecided.iter().filter(|((at, _), _)| *at == height);
        stored.map(|((_, id), (round, ..))| (*id, *round)).collect()
    }

    fn body(&self, height: u64, id: &Digest) -> Option<Bytes> {
        self.store.lock().undecided.get(&(height, *id)).map(|(_, body, _)| body.clone())
    }

    fn decide(&mut self, certificate: Certificate) -> Result<(), AppError> {
        let mut content = self.store.lock();
        let key = (certificate.height, certificate.block);
        let Some((_, body, block)) = content.undecided.remove(&key) else {
            return Err(AppError::Storage("the decided block was never stored".to_owned()));
        };
        if certificate.height != content.decided.len() as u64 + 1 {
            return Err(AppError::Storage("a height was left out".to_owned()));
        }
        content.state = hash("titian memory state v1", &[&content.state.0, &certificate.block.0]);
        content.transactions += block.transactions.len() as u64;
        let included: std::collections::BTreeSet<&[u8]> =
            block.transactions.iter().map(Vec::as_slice).collect();
        content.pending.retain(|tx| !included.contains(tx.as_slice()));
        content.undecided.retain(|(height, _), _| *height > certificate.height);
        content.built.retain(|(height, _), _| *height > certificate.height);
        content.decided.push((certificate, body, block.header));
        Ok(())
    }

    fn decided(&self, height: u64) -> Option<(Certificate, Bytes)> {
        let index = usize::try_from(height.checked_sub(1)?).ok()?;
        let content = self.store.lock();
        content.decided.get(index).map(|(certificate, body, _)| (certificate.clone(), body.clone()))
    }

    fn store_evidence(&mut self, evidence: Evidence) -> Result<(), AppError> {
        self.store.lock().evidence.push(evidence);
        Ok(())
    }
}
