//! A ledger on disk beside the same ledger in memory: both execute the same blocks at the same times,
//! and the one in memory forgets nothing. What the disk says of any height can be compared with it.

use std::sync::Arc;

use titian_contracts::block::{Block, encode, transaction_root};
use titian_contracts::execute::{CheckedTransaction, Receipt};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{MemoryState, Overlay, tree_key};
use titian_contracts::tree::Tree;
use titian_contracts::ubin::body::body_hash;
use titian_node::ledger::Ledger;

use crate::certify;
use crate::served::OneByOne;
use crate::world::World;

/// The ledger, its folder, and what is known of every height.
#[derive(Debug)]
pub struct Kept {
    /// Keys and ops; its state is that of the head.
    pub world: World,
    /// The state after each height, from genesis on.
    pub states: Vec<MemoryState>,
    /// The folder of the database.
    pub folder: tempfile::TempDir,
    ledger: Option<Ledger>,
}

impl Default for Kept {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    /// A fresh devnet at height 0.
    pub fn new() -> Self {
        let world = World::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = Ledger::open(folder.path(), world.genesis.clone()).expect("a fresh ledger");
        Self { states: vec![world.state.clone()], world, folder, ledger: Some(ledger) }
    }

    /// The ledger on disk.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().expect("it is closed only while it is opened anew")
    }

    /// Closes the database and opens it anew.
    pub fn reopen(&mut self) {
        self.ledger().finish();
        self.ledger = None;
        let genesis = self.world.genesis.clone();
        let ledger = Ledger::open(self.folder.path(), genesis).expect("the same ledger");
        self.ledger = Some(ledger);
    }

    /// One block on both ledgers; both must come to the same state.
    pub fn block(&mut self, transactions: Vec<Vec<u8>>) -> Vec<Receipt> {
        let ledger = self.ledger().clone();
        let root = transaction_root(&transactions);
        let header = ledger.next_header([0; 20], self.world.time_ms, root);
        let state = ledger.reader();
        let head = Overlay::new(&state);
        let checked: Vec<Arc<CheckedTransaction>> = transactions
            .iter()
            .map(|bytes| Arc::new(CheckedTransaction::check(bytes, &head, header.time_ms)))
            .collect();
        let certificate = certify::certificate(&self.world.nodes, &header);
        let block = Block { header, transactions };
        ledger.commit(&block, &encode(&block), &certificate, &checked).expect("the disk works");
        let receipts = self.world.run_transactions(&block.transactions);
        self.states.push(self.world.state.clone());
        assert_eq!(ledger.head().height, self.world.height);
        receipts
    }

    /// One block with one signed act of the UBIN register, which must apply.
    pub fn act(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) {
        let op = self.world.op(Register::Ubin, act, args);
        let transaction = World::transaction(&self.world.sign(&op, signers));
        let receipts = self.block(vec![transaction]);
        assert_eq!(receipts[0].error, None, "ubin.{act}");
    }

    /// Whether the head on disk has the root of the state in memory.
    pub fn agrees(&self) -> bool {
        let mut tree = Tree::default();
        let pairs = self.world.state.0.iter();
        tree.update(pairs.map(|(key, stored)| (tree_key(key), stored.value_hash(key))));
        self.ledger().head().state_root == tree.root()
    }

    /// The parts, to be served.
    pub fn into_parts(mut self) -> (World, OneByOne, tempfile::TempDir, Vec<MemoryState>) {
        let ledger = self.ledger.take().expect("it is open");
        let blocks = OneByOne::over(ledger, self.world.nodes.clone());
        (self.world, blocks, self.folder, self.states)
    }
}

/// The body of the next version: `old` with version, prev and the given members.
pub fn next_body(old: &Value, members: &[(&str, Value)]) -> Value {
    let version = old.get("version").and_then(Value::as_int).expect("a version");
    let next = old.with("version", Value::Int(version + 1)).with("prev", body_hash(old).into());
    members.iter().fold(next, |body, (name, value)| body.with(name, value.clone()))
}

/// One piece of evidence, as the acts of two officers ask for.
pub fn evidence() -> Value {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let piece = Value::object([("type", Value::from("FILING")), ("digest", Value::from(digest))]);
    Value::List(vec![piece])
}
