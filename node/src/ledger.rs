//! The ledger of this node: database, state tree, head, proofs. What RPC reads and consensus
//! writes.
//!
//! Invariant: the tree in memory is the tree of the head; it is rebuilt from the database at start
//! and compared with the stored root. [`Ledger::commit`] has one caller at a time (the consensus
//! application); reads go on meanwhile.

mod links;
mod proving;
mod records;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rayon::prelude::*;
use titian_contracts::block::{Block, Certificate, Header, ValidatorSet};
use titian_contracts::digest::Digest;
use titian_contracts::error::{Code, Reject};
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction, Receipt};
use titian_contracts::limits;
use titian_contracts::state::{Change, Stored, tree_key};
use titian_contracts::transaction::TransactionId;
use titian_contracts::tree::Tree;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::ubin_of_key;
use titian_contracts::{merkle, ubin};
use titian_genesis::Genesis;
use tokio::sync::{broadcast, watch};

pub use proving::StateProof;
use proving::Waiting;

use crate::store::{AtHeight, Commit, LedgerEvent, Store, StoreError};

pub use crate::store::Head;

/// Blocks that a slow listener may lag behind before it must catch up from the database.
const COMMITTED_QUEUE_MAX: usize = 256;

/// What a decided block did, for listeners.
#[derive(Debug)]
pub struct Committed {
    /// The height.
    pub height: u64,
    /// Block time, ms.
    pub time_ms: u64,
    /// The receipts, in order.
    pub receipts: Vec<Receipt>,
    /// The UBINs under which something changed.
    pub numbers: Vec<Ubin>,
}

/// The tree, and the first height whose state it holds (the last is the head).
struct Proofs {
    tree: Tree,
    since: u64,
}

struct Inner {
    genesis: Genesis,
    store: Store,
    proofs: RwLock<Proofs>,
    waiting: Mutex<Vec<Waiting>>,
    head: watch::Sender<Head>,
    committed: broadcast::Sender<Arc<Committed>>,
}

/// A handle to the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("head", &self.head().height).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens the ledger of `genesis` in folder `path`; an empty folder starts at height 0.
    pub fn open(path: &Path, genesis: Genesis) -> Result<Self, StoreError> {
        let store = Store::open(path)?;
        let head = match store.head()? {
            Some(head) => {
                check_genesis(&store, &genesis)?;
                head
            }
            None => write_genesis(&store, &genesis)?,
        };
        let earliest = store.oldest().max(store.base().saturating_add(1));
        records::ensure(&store, &head, earliest)?;
        links::ensure(&store)?;
        let tree = rebuild_tree(&store)?;
        if tree.root() != head.state_root {
            return Err(StoreError::Root { rebuilt: tree.root(), stored: head.state_root });
        }
        tracing::info!(height = head.height, keys = tree.len(), root = %head.state_root, "ledger open");
        let since = head.height - u64::from(head.height > 0 && !head.changed);
        Ok(Self(Arc::new(Inner {
            genesis,
            store,
            proofs: RwLock::new(Proofs { tree, since }),
            waiting: Mutex::new(Vec::new()),
            head: watch::channel(head).0,
            committed: broadcast::channel(COMMITTED_QUEUE_MAX).0,
        })))
    }

    /// Makes what is derived of transferable records anew, from the blocks. Refused where blocks
    /// are missing: the rows are then the only copy of their ops.
    pub fn remake_records(&self) -> Result<(), StoreError> {
        let earliest = self.earliest();
        // block 1 is the first; the genesis holds no ops
        if earliest > 1 {
            return Err(StoreError::RecordsLost { earliest });
        }
        self.0.store.forget_records()?;
        records::ensure(&self.0.store, &self.head(), earliest)
    }

    /// Makes anew which UBIN records name which. A closure that was taken back before is not found again.
    pub fn remake_links(&self) -> Result<(), StoreError> {
        self.0.store.forget_links()?;
        links::ensure(&self.0.store)
    }

    /// Where the ledger stands.
    pub fn head(&self) -> Head {
        self.0.head.borrow().clone()
    }

    /// Follows the head.
    pub fn subscribe_head(&self) -> watch::Receiver<Head> {
        self.0.head.subscribe()
    }

    /// Follows decided blocks.
    pub fn committed(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.0.committed.subscribe()
    }

    /// The chain id.
    pub fn chain(&self) -> &str {
        &self.0.genesis.chain
    }

    /// The genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.0.genesis
    }

    /// The validators in force.
    pub fn validators(&self) -> ValidatorSet {
        self.0.genesis.validators.clone()
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Ends the work of the database behind the scenes, see [`Store::finish`].
    pub fn finish(&self) {
        self.0.store.finish();
    }

    /// State of the head.
    pub fn reader(&self) -> Store {
        self.0.store.clone()
    }

    /// State after `height`. Errors: `HEIGHT_UNKNOWN`, `HEIGHT_PRUNED`.
    pub fn state_at(&self, height: u64) -> Result<AtHeight, Reject> {
        if height > self.head().height {
            return Err(Reject::new(Code::HeightUnknown, "/height", "above the head"));
        }
        if height < self.oldest() {
            return Err(Reject::new(Code::HeightPruned, "/height", ""));
        }
        Ok(self.0.store.at_height(height))
    }

    /// The lowest height whose state, block and receipts this node answers for; 0 while it keeps
    /// everything.
    pub fn oldest(&self) -> u64 {
        self.0.store.oldest().max(self.0.store.base())
    }

    /// The first height whose block and receipts are kept: a ledger restored from a snapshot has
    /// the state of the snapshot's height, and blocks from the next one on.
    pub fn earliest(&self) -> u64 {
        self.0.store.oldest().max(self.0.store.base().saturating_add(1))
    }

    /// State values by prefix, see [`Store::scan`].
    pub fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Stored)> {
        self.0.store.scan(prefix, after, limit)
    }

    /// The header of a decided block.
    pub fn header(&self, height: u64) -> Option<Header> {
        self.0.store.header(height)
    }

    /// The certificate of a decided block.
    pub fn certificate(&self, height: u64) -> Option<Certificate> {
        self.0.store.certificate(height)
    }

    /// A decided block.
    pub fn block(&self, height: u64) -> Option<Block> {
        self.0.store.block(height)
    }

    /// The receipt of an executed transaction.
    pub fn receipt(&self, id: &TransactionId) -> Option<Receipt> {
        let position = self.0.store.position(id)?;
        self.0.store.receipts(position.height).into_iter().nth(position.index as usize)
    }

    /// An executed transaction: height, place in the block, bytes.
    pub fn transaction(&self, id: &TransactionId) -> Option<(u64, u32, Vec<u8>)> {
        let position = self.0.store.position(id)?;
        let block = self.0.store.block(position.height)?;
        let bytes = block.transactions.into_iter().nth(position.index as usize)?;
        Some((position.height, position.index, bytes))
    }

    /// The height at which a transaction was executed, as long as this is remembered.
    pub fn executed_at(&self, id: &TransactionId) -> Option<u64> {
        self.0.store.position(id).map(|position| position.height)
    }

    /// Whether a transaction was executed within the repeat window, as of the head.
    pub fn is_repeated(&self, id: &TransactionId) -> bool {
        let total = self.head().transactions;
        self.0.store.position(id).is_some_and(|position| {
            total.saturating_sub(position.place) <= limits::TRANSACTION_REPEAT_WINDOW
        })
    }

    /// Events from a cursor on.
    pub fn events(&self, from: (u64, u32), limit: usize) -> Vec<LedgerEvent> {
        self.0.store.events(from, self.head().height, limit)
    }

    /// A UBIN body by its hash: the JCS text.
    pub fn body(&self, hash: &Digest) -> Option<Vec<u8>> {
        self.0.store.body(hash)
    }

    /// The root over the receipts and the other parts that the next header quotes.
    pub fn next_header(&self, proposer: [u8; 20], time_ms: u64, tx_root: Digest) -> Header {
        let head = self.head();
        Header {
            version: titian_contracts::block::HEADER_VERSION,
            chain: self.chain().to_owned(),
            height: head.height + 1,
            time_ms: time_ms.max(head.time_ms + 1),
            proposer,
            parent: head.block,
            tx_root,
            state_root: head.state_root,
            receipt_root: head.receipt_root,
            change_root: head.change_root,
            validators_hash: self.0.genesis.validators.hash(),
            app_version: self.0.genesis.app_version,
        }
    }

    /// Executes a decided block and writes everything of its height in one synced batch.
    ///
    /// `transactions` are those of the block, in order. After this returns the height is on disk,
    /// and listeners know.
    pub fn commit(
        &self,
        block: &Block,
        block_bytes: &[u8],
        certificate: &Certificate,
        transactions: &[Arc<CheckedTransaction>],
    ) -> Result<(), StoreError> {
        let height = block.header.height;
        let info = BlockInfo { chain: self.chain(), height, time_ms: block.header.time_ms };
        let outcome = execute::execute(info, transactions, &self.0.store);
        if let Some(fault) = self.0.store.fault() {
            return Err(StoreError::Fault(fault.to_owned()));
        }
        let mut proofs = self.0.proofs.write().unwrap_or_else(PoisonError::into_inner);
        // the header of this block carries the root of the tree as it stands now
        self.answer_waiting(&proofs, &block.header, certificate);
        let changed = !outcome.changes.is_empty();
        update_tree(&mut proofs.tree, &outcome.changes);
        let before = self.head();
        let head = Head {
            height,
            block: certificate.block,
            time_ms: block.header.time_ms,
            state_root: proofs.tree.root(),
            receipt_root: outcome.receipt_root,
            change_root: outcome.change_root,
            transactions: before.transactions + transactions.len() as u64,
            changed,
        };
        let bodies = bodies_of(transactions, &outcome.receipts);
        let parsed = transactions.iter().map(|checked| checked.parsed.as_ref().ok());
        let (changes, receipts) = (&outcome.changes, &outcome.receipts);
        let records =
            records::rows_of(&self.0.store, changes, parsed, receipts, block.header.time_ms);
        let links = links::of_block(&bodies, changes);
        self.0.store.commit(&Commit {
            block,
            block_bytes,
            certificate,
            changes: &outcome.changes,
            receipts: &outcome.receipts,
            bodies: &bodies,
            records: &records,
            links: &links,
            head: &head,
        })?;
        if changed {
            proofs.since = height;
        }
        self.0.head.send_replace(head);
        drop(proofs);
        let numbers = outcome.changes.iter().filter_map(|change| ubin_of_key(&change.key));
        let committed = Committed {
            height,
            time_ms: block.header.time_ms,
            numbers: numbers.collect(),
            receipts: outcome.receipts,
        };
        // nobody listening is no error
        let _ = self.0.committed.send(Arc::new(committed));
        Ok(())
    }
}

/// UBIN bodies of applied transactions; they live outside the state tree (ubin.md §3.7).
fn bodies_of(
    transactions: &[Arc<CheckedTransaction>],
    receipts: &[Receipt],
) -> Vec<(Digest, Vec<u8>)> {
    let applied = transactions.iter().zip(receipts).filter(|(_, r)| r.error.is_none());
    applied
        .filter_map(|(checked, receipt)| Some((checked.parsed.as_ref().ok()?, receipt)))
        .flat_map(|(transaction, receipt)| ubin::bodies_of(transaction, &receipt.events))
        .collect()
}

fn update_tree(tree: &mut Tree, changes: &[Change]) {
    // changes are in tree-key order, so those of a shard lie together
    let mut by_shard: Vec<Vec<(Digest, Digest)>> = vec![Vec::new(); titian_contracts::tree::SHARDS];
    for change in changes {
        if let Some(pairs) = by_shard.get_mut(usize::from(change.tree_key.0[0])) {
            pairs.push((change.tree_key, change.value_hash));
        }
    }
    tree.shards_mut().par_iter_mut().zip(by_shard).filter(|(_, pairs)| !pairs.is_empty()).for_each(
        |(shard, pairs)| {
            for (key, value) in pairs {
                shard.set(key, value);
            }
            shard.rehash();
        },
    );
    tree.refresh();
}

fn rebuild_tree(store: &Store) -> Result<Tree, StoreError> {
    const CHUNK: usize = 65_536;
    let mut tree = Tree::default();
    let mut chunk: Vec<(Vec<u8>, Stored)> = Vec::with_capacity(CHUNK);
    let mut absorb = |chunk: &mut Vec<(Vec<u8>, Stored)>| {
        let pairs: Vec<(Digest, Digest)> =
            chunk.par_iter().map(|(key, stored)| (tree_key(key), stored.value_hash(key))).collect();
        chunk.clear();
        tree.update(pairs);
    };
    store.for_each_value(|key, stored| {
        chunk.push((key.to_vec(), stored.clone()));
        if chunk.len() == CHUNK {
            absorb(&mut chunk);
        }
    })?;
    absorb(&mut chunk);
    Ok(tree)
}

fn check_genesis(store: &Store, genesis: &Genesis) -> Result<(), StoreError> {
    let stored = store.genesis()?.unwrap_or_default();
    if stored == genesis.to_bytes() {
        return Ok(());
    }
    let found = Genesis::parse(&stored).map_or(Digest::ZERO, |genesis| genesis.hash);
    Err(StoreError::Genesis { found, expected: genesis.hash })
}

fn write_genesis(store: &Store, genesis: &Genesis) -> Result<Head, StoreError> {
    let changes =
        genesis.initial_state().map_err(|error| StoreError::GenesisState(error.to_string()))?;
    let mut tree = Tree::default();
    update_tree(&mut tree, &changes);
    let head = Head {
        height: 0,
        block: genesis.hash,
        time_ms: genesis.time_ms,
        state_root: tree.root(),
        receipt_root: merkle::root_of("titian receipt node v1", &[]),
        change_root: execute::change_root(&changes),
        transactions: 0,
        changed: true,
    };
    store.put_genesis(&changes, &genesis.to_bytes(), &head)?;
    Ok(head)
}
