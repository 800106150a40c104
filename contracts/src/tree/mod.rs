//! The state tree: a compact binary sparse Merkle tree over tree keys (ledger.md §5).
//!
//! The empty subtree is 32 zero bytes; a subtree with one key is its leaf, at whatever depth; other
//! subtrees are nodes. So the root depends on the set of (tree key, value hash) pairs only.
//! Invariant: [`Tree`] updated in steps, rebuilt at once, or computed by hand gives one root.
//!
//! It deliberately holds no values and no storage: it is derived data, rebuilt at every start and
//! compared with the stored root. 256 [`Shard`]s (first byte of the tree key) are independent, so
//! that the node updates them in parallel.

mod multiproof;
mod shard;

use std::sync::LazyLock;

use crate::digest::{Digest, hash};

pub use multiproof::{Multiproof, ProofError};
pub use shard::Shard;

/// Number of shards.
pub const SHARDS: usize = 256;
/// Depth at which a shard's subtree begins.
const SHARD_DEPTH: usize = 8;

static LEAF_KEY: LazyLock<[u8; 32]> = LazyLock::new(|| hash("titian tree leaf v1", &[]).0);
static NODE_KEY: LazyLock<[u8; 32]> = LazyLock::new(|| hash("titian tree node v1", &[]).0);

/// Keyed BLAKE3 over treeKey ‖ valueHash.
pub fn leaf_hash(tree_key: &Digest, value_hash: &Digest) -> Digest {
    keyed(&LEAF_KEY, tree_key, value_hash)
}

/// Keyed BLAKE3 over left ‖ right.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    keyed(&NODE_KEY, left, right)
}

fn keyed(key: &[u8; 32], left: &Digest, right: &Digest) -> Digest {
    let mut block = [0; 64];
    block[..32].copy_from_slice(&left.0);
    block[32..].copy_from_slice(&right.0);
    Digest(*blake3::keyed_hash(key, &block).as_bytes())
}

/// Bit `depth` of a tree key, most significant first.
pub(crate) fn bit(key: &Digest, depth: usize) -> bool {
    key.0.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// What a subtree looks like from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subtree {
    /// No key.
    Empty,
    /// One key: it stands for the whole subtree, at any depth.
    Leaf {
        /// The tree key.
        key: Digest,
        /// The value hash.
        value: Digest,
        /// The leaf hash.
        hash: Digest,
    },
    /// Two keys or more.
    Node(Digest),
}

impl Subtree {
    /// The hash that stands for the subtree.
    pub const fn hash(&self) -> Digest {
        match self {
            Self::Empty => Digest::ZERO,
            Self::Leaf { hash, .. } | Self::Node(hash) => *hash,
        }
    }

    /// A subtree of one key.
    pub fn leaf(key: Digest, value: Digest) -> Self {
        Self::Leaf { key, value, hash: leaf_hash(&key, &value) }
    }

    /// The subtree above neighbours of one depth, a power of two of them: above the tops of all
    /// shards it is the root.
    pub fn join_all(tops: &[Self]) -> Self {
        match tops {
            [] => Self::Empty,
            [top] => *top,
            _ => {
                let (left, right) = tops.split_at(tops.len() / 2);
                Self::join(Self::join_all(left), Self::join_all(right))
            }
        }
    }

    /// The subtree above two children.
    pub fn join(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Empty, other @ (Self::Empty | Self::Leaf { .. }))
            | (other @ Self::Leaf { .. }, Self::Empty) => other,
            (left, right) => Self::Node(node_hash(&left.hash(), &right.hash())),
        }
    }
}

/// The whole tree in memory.
#[derive(Clone, Debug)]
pub struct Tree {
    shards: Vec<Shard>,
    /// The subtrees of depth 0 to 8 as a heap: 1 is the root, the children of i are 2i and 2i + 1.
    upper: Vec<Subtree>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            upper: vec![Subtree::Empty; 2 * SHARDS],
        }
    }
}

impl Tree {
    /// Sets pairs (tree key, value hash), in any order; a later pair for a key wins.
    pub fn update<I: IntoIterator<Item = (Digest, Digest)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            if let Some(shard) = self.shards.get_mut(usize::from(key.0[0])) {
                shard.set(key, value);
            }
        }
        for shard in &mut self.shards {
            shard.rehash();
        }
        self.refresh();
    }

    /// The shards, by the first byte of their tree keys, for changing them in parallel. After
    /// [`Shard::set`] and [`Shard::rehash`], call [`Self::refresh`].
    pub fn shards_mut(&mut self) -> &mut [Shard] {
        &mut self.shards
    }

    /// Brings the levels above the shards up to date.
    pub fn refresh(&mut self) {
        for (i, shard) in self.shards.iter().enumerate() {
            if let Some(slot) = self.upper.get_mut(SHARDS + i) {
                *slot = shard.top();
            }
        }
        for i in (1..SHARDS).rev() {
            let joined = Subtree::join(self.at(2 * i), self.at(2 * i + 1));
            if let Some(slot) = self.upper.get_mut(i) {
                *slot = joined;
            }
        }
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.at(1).hash()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    /// Whether it holds no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One proof for all `keys`, present and absent. Duplicates count once.
    pub fn prove(&self, keys: &[Digest]) -> Multiproof {
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut proof = Multiproof::default();
        self.prove_upper(1, 0, &sorted, &mut proof);
        proof
    }

    fn at(&self, index: usize) -> Subtree {
        self.upper.get(index).copied().unwrap_or(Subtree::Empty)
    }

    fn prove_upper(&self, index: usize, depth: usize, keys: &[Digest], proof: &mut Multiproof) {
        if !proof.push(self.at(index), keys) {
            return;
        }
        if depth == SHARD_DEPTH {
            if let Some(shard) = self.shards.get(index - SHARDS) {
                shard.prove_children(keys, proof);
            }
            return;
        }
        let (left, right) = multiproof::split(keys, depth);
        self.prove_upper(2 * index, depth + 1, left, proof);
        self.prove_upper(2 * index + 1, depth + 1, right, proof);
    }
}
