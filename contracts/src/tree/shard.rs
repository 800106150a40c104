//! One of the 256 subtrees, as arenas of leaves and forks whose hashes are brought up to date lazily.
//!
//! Leaves and forks lie apart and without what can be told again: a ledger of millions of records is
//! held in memory, about 130 bytes a key. The hash of a leaf is made when it is asked for.

use super::multiproof::{self, Multiproof};
use super::{SHARD_DEPTH, Subtree, bit, leaf_hash};
use crate::digest::Digest;

/// Where a subtree is, in one word: nowhere, a leaf, or a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At(u32);

enum Place {
    Nowhere,
    Leaf(usize),
    Fork(usize),
}

impl At {
    const NOWHERE: Self = Self(u32::MAX);
    const LEAF: u32 = 1 << 31;

    fn leaf(index: usize) -> Self {
        Self(Self::index(index) | Self::LEAF)
    }

    fn fork(index: usize) -> Self {
        Self(Self::index(index))
    }

    fn index(index: usize) -> u32 {
        let index = u32::try_from(index).ok().filter(|index| *index < Self::LEAF - 1);
        index.expect("a shard holds fewer than 2^31 leaves and forks")
    }

    const fn place(self) -> Place {
        match self {
            Self::NOWHERE => Place::Nowhere,
            Self(leaf) if leaf & Self::LEAF != 0 => Place::Leaf((leaf & !Self::LEAF) as usize),
            Self(fork) => Place::Fork(fork as usize),
        }
    }
}

#[derive(Clone, Debug)]
struct Leaf {
    key: Digest,
    value: Digest,
}

#[derive(Clone, Debug)]
struct Fork {
    left: At,
    right: At,
    hash: Digest,
    stale: bool,
}

/// A subtree below depth 8. Keys are never removed.
#[derive(Clone, Debug)]
pub struct Shard {
    leaves: Vec<Leaf>,
    forks: Vec<Fork>,
    root: At,
}

impl Default for Shard {
    fn default() -> Self {
        Self { leaves: Vec::new(), forks: Vec::new(), root: At::NOWHERE }
    }
}

impl Shard {
    /// The number of keys.
    pub const fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether it holds no key.
    pub const fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Sets the value hash of a key. Hashes above are stale until [`Self::rehash`].
    pub fn set(&mut self, key: Digest, value: Digest) {
        self.root = self.insert(self.root, SHARD_DEPTH, Leaf { key, value });
    }

    /// Brings all hashes up to date.
    pub fn rehash(&mut self) {
        self.rehash_at(self.root);
    }

    /// The subtree as seen from above; hashes must be up to date.
    pub fn top(&self) -> Subtree {
        self.view(self.root)
    }

    fn fork_at(&self, at: At) -> Option<&Fork> {
        let Place::Fork(index) = at.place() else { return None };
        self.forks.get(index)
    }

    /// Inserts below `at`; gives what stands there afterwards.
    fn insert(&mut self, at: At, depth: usize, leaf: Leaf) -> At {
        match at.place() {
            Place::Nowhere => {
                let at = At::leaf(self.leaves.len());
                push(&mut self.leaves, leaf);
                at
            }
            Place::Leaf(index) => match self.leaves.get_mut(index) {
                Some(old) if old.key == leaf.key => {
                    *old = leaf;
                    at
                }
                old => {
                    let old = old.map_or(Digest::ZERO, |old| old.key);
                    let key = leaf.key;
                    let new = self.insert(At::NOWHERE, depth, leaf);
                    self.part(at, old, new, key, depth)
                }
            },
            Place::Fork(index) => {
                let Some(fork) = self.forks.get_mut(index) else { return at };
                fork.stale = true;
                let right = bit(&leaf.key, depth);
                let child = if right { fork.right } else { fork.left };
                let child = self.insert(child, depth + 1, leaf);
                if let Some(fork) = self.forks.get_mut(index) {
                    *(if right { &mut fork.right } else { &mut fork.left }) = child;
                }
                at
            }
        }
    }

    /// The chain of forks from `depth` down to where two different keys part.
    fn part(&mut self, a: At, a_key: Digest, b: At, b_key: Digest, depth: usize) -> At {
        let (left, right) = match (bit(&a_key, depth), bit(&b_key, depth)) {
            (false, true) => (a, b),
            (true, false) => (b, a),
            (false, false) => (self.part(a, a_key, b, b_key, depth + 1), At::NOWHERE),
            (true, true) => (At::NOWHERE, self.part(a, a_key, b, b_key, depth + 1)),
        };
        let at = At::fork(self.forks.len());
        push(&mut self.forks, Fork { left, right, hash: Digest::ZERO, stale: true });
        at
    }

    fn rehash_at(&mut self, at: At) {
        let Some(&Fork { left, right, stale: true, .. }) = self.fork_at(at) else { return };
        self.rehash_at(left);
        self.rehash_at(right);
        let hash = super::node_hash(&self.view(left).hash(), &self.view(right).hash());
        let Place::Fork(index) = at.place() else { return };
        if let Some(fork) = self.forks.get_mut(index) {
            *fork = Fork { left, right, hash, stale: false };
        }
    }

    fn view(&self, at: At) -> Subtree {
        match at.place() {
            Place::Nowhere => Subtree::Empty,
            Place::Leaf(index) => self.leaves.get(index).map_or(Subtree::Empty, |leaf| {
                let hash = leaf_hash(&leaf.key, &leaf.value);
                Subtree::Leaf { key: leaf.key, value: leaf.value, hash }
            }),
            Place::Fork(index) => {
                self.forks.get(index).map_or(Subtree::Empty, |fork| Subtree::Node(fork.hash))
            }
        }
    }

    /// Continues a proof below the top of this shard, which must be a node.
    pub(super) fn prove_children(&self, keys: &[Digest], proof: &mut Multiproof) {
        self.prove_below(self.root, SHARD_DEPTH, keys, proof);
    }

    fn prove_below(&self, at: At, depth: usize, keys: &[Digest], proof: &mut Multiproof) {
        let Some(fork) = self.fork_at(at) else { return };
        let (left_keys, right_keys) = multiproof::split(keys, depth);
        for (child, keys) in [(fork.left, left_keys), (fork.right, right_keys)] {
            if proof.push(self.view(child), keys) {
                self.prove_below(child, depth + 1, keys, proof);
            }
        }
    }
}

/// Pushes with room for a quarter more when there is none: twice as much would stand empty for long.
fn push<T>(arena: &mut Vec<T>, item: T) {
    if arena.len() == arena.capacity() {
        arena.reserve_exact(arena.len() / 4 + 4);
    }
    arena.push(item);
}
