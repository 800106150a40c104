//! The same blocks give the same roots and receipts (ubin-api.md §14 T19): on every run, with
//! signatures checked beforehand on any number of threads or not at all, and on every build, for
//! the roots of one walk are pinned in a file.
//!
//! The pinned roots cover the state of the UBIN register alone. When rules of this register or the
//! walk change on purpose, the failing test prints what to write into the file.

use std::collections::BTreeMap;

use rayon::prelude::*;
use titian_contracts::digest::Digest;
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction};
use titian_contracts::json::{self, Value};
use titian_contracts::state::{MemoryState, Overlay, tree_key};
use titian_contracts::tree::Tree;
use titian_tests::world::World;

use crate::ubin_walk::walk;

const PINNED: &[u8] = include_bytes!("../../data/ubin/roots.json");
const SEED: u64 = 19;
const STEPS: usize = 300;
const BLOCK: usize = 12;

/// How signatures are looked at before a block is executed.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// By so many threads.
    Threads(usize),
    /// Not at all: execution verifies them.
    Never,
}

/// The transactions of a walk, in blocks.
fn blocks() -> Vec<Vec<Vec<u8>>> {
    let (_, transactions) = walk(SEED, STEPS, &mut BTreeMap::new());
    let transactions: Vec<Vec<u8>> = transactions.into_iter().map(|(bytes, _)| bytes).collect();
    transactions.chunks(BLOCK).map(<[_]>::to_vec).collect()
}

fn check(
    block: &[Vec<u8>],
    state: &MemoryState,
    time_ms: u64,
    before: Before,
) -> Vec<CheckedTransaction> {
    let one = |bytes: &Vec<u8>| CheckedTransaction::check(bytes, &Overlay::new(state), time_ms);
    match before {
        Before::Threads(threads) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads").install(|| block.par_iter().map(one).collect())
        }
        Before::Never => block
            .iter()
            .map(|bytes| CheckedTransaction { verified: Vec::new(), ..one(bytes) })
            .collect(),
    }
}

/// State root of the register and receipt root after each block.
fn run(blocks: &[Vec<Vec<u8>>], before: Before) -> Vec<(Digest, Digest)> {
    let world = World::new();
    let (mut state, mut height, mut time_ms) = (world.state.clone(), 0, world.time_ms);
    let mut tree = Tree::default();
    let own = state.0.iter().filter(|(key, _)| key.starts_with(b"ubin/"));
    tree.update(own.map(|(key, stored)| (tree_key(key), stored.value_hash(key))));
    let mut roots = Vec::new();
    for block in blocks {
        let checked = check(block, &state, time_ms, before);
        height += 1;
        let info = BlockInfo { chain: &world.genesis.chain, height, time_ms };
        let outcome = execute::execute(info, &checked, &state);
        state.apply(&outcome.changes);
        let own = outcome.changes.iter().filter(|change| change.key.starts_with(b"ubin/"));
        tree.update(own.map(|c| (tree_key(&c.key), c.stored.value_hash(&c.key))));
        time_ms += 1000;
        roots.push((tree.root(), outcome.receipt_root));
    }
    roots
}

#[test]
fn t19_the_same_blocks_give_the_same_roots_on_every_run_and_build() {
    let blocks = blocks();
    assert_eq!(blocks, self::blocks(), "the walk itself is the same on every run");
    let first = run(&blocks, Before::Threads(1));
    for before in [Before::Threads(2), Before::Threads(7), Before::Never] {
        assert_eq!(run(&blocks, before), first, "{before:?}");
    }
    let shown = Value::List(
        first
            .iter()
            .map(|(state, receipts)| Value::List(vec![(*state).into(), (*receipts).into()]))
            .collect(),
    );
    let pinned = json::parse(PINNED).expect("JSON");
    let due = pinned.get("roots").expect("a list of pairs");
    assert!(shown == *due, "tests/data/ubin/roots.json, \"roots\" would be:\n{}", shown.to_jcs());
}
