//! One of the 256 subtrees, as an arena of nodes whose hashes are brought up to date lazily.

use super::multiproof::{self, Multiproof};
use super::{SHARD_DEPTH, Subtree, bit, leaf_hash};
use crate::digest::Digest;

/// Index into the arena.
type At = u32;

#[derive(Clone, Debug)]
enum Node {
    Leaf { key: Digest, value: Digest, hash: Digest },
    Fork { left: Option<At>, right: Option<At>, hash: Digest, stale: bool },
}

/// A subtree below depth 8. Keys are never removed.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    nodes: Vec<Node>,
    root: Option<At>,
    keys: usize,
}

impl Shard {
    /// The number of keys.
    pub const fn len(&self) -> usize {
        self.keys
    }

    /// Whether it holds no key.
    pub const fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// Sets the value hash of a key. Hashes above are stale until [`Self::rehash`].
    pub fn set(&mut self, key: Digest, value: Digest) {
        self.root = Some(self.insert(self.root, SHARD_DEPTH, key, value));
    }

    /// Brings all hashes up to date.
    pub fn rehash(&mut self) {
        if let Some(root) = self.root {
            self.rehash_at(root);
        }
    }

    /// The subtree as seen from above; hashes must be up to date.
    pub fn top(&self) -> Subtree {
        self.view(self.root)
    }

    fn node(&self, at: At) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    fn push(&mut self, node: Node) -> At {
        let at = At::try_from(self.nodes.len()).expect("a shard holds fewer than 2^32 nodes");
        self.nodes.push(node);
        at
    }

    fn new_leaf(&mut self, key: Digest, value: Digest) -> At {
        self.keys += 1;
        self.push(Node::Leaf { key, value, hash: leaf_hash(&key, &value) })
    }

    /// Inserts below `at`; gives the node that stands there afterwards.
    fn insert(&mut self, at: Option<At>, depth: usize, key: Digest, value: Digest) -> At {
        let Some(at) = at else { return self.new_leaf(key, value) };
        match self.node(at).cloned() {
            None => self.new_leaf(key, value),
            Some(Node::Leaf { key: other, .. }) if other == key => {
                let hash = leaf_hash(&key, &value);
                if let Some(node) = self.nodes.get_mut(at as usize) {
                    *node = Node::Leaf { key, value, hash };
                }
                at
            }
            Some(Node::Leaf { key: other, .. }) => {
                let leaf = self.new_leaf(key, value);
                self.fork(at, other, leaf, key, depth)
            }
            Some(Node::Fork { left, right, hash, .. }) => {
                let (left, right) = if bit(&key, depth) {
                    (left, Some(self.insert(right, depth + 1, key, value)))
                } else {
                    (Some(self.insert(left, depth + 1, key, value)), right)
                };
                if let Some(node) = self.nodes.get_mut(at as usize) {
                    *node = Node::Fork { left, right, hash, stale: true };
                }
                at
            }
        }
    }

    /// The chain of forks from `depth` down to where two different keys part.
    fn fork(&mut self, a: At, a_key: Digest, b: At, b_key: Digest, depth: usize) -> At {
        let (left, right) = match (bit(&a_key, depth), bit(&b_key, depth)) {
            (false, true) => (Some(a), Some(b)),
            (true, false) => (Some(b), Some(a)),
            (false, false) => (Some(self.fork(a, a_key, b, b_key, depth + 1)), None),
            (true, true) => (None, Some(self.fork(a, a_key, b, b_key, depth + 1))),
        };
        self.push(Node::Fork { left, right, hash: Digest::ZERO, stale: true })
    }

    fn rehash_at(&mut self, at: At) {
        let Some(Node::Fork { left, right, stale: true, .. }) = self.node(at).cloned() else {
            return;
        };
        for child in [left, right].into_iter().flatten() {
            self.rehash_at(child);
        }
        let hash = super::node_hash(&self.view(left).hash(), &self.view(right).hash());
        if let Some(node) = self.nodes.get_mut(at as usize) {
            *node = Node::Fork { left, right, hash, stale: false };
        }
    }

    fn view(&self, at: Option<At>) -> Subtree {
        match at.and_then(|at| self.node(at)) {
            None => Subtree::Empty,
            Some(Node::Leaf { key, value, hash }) => {
                Subtree::Leaf { key: *key, value: *value, hash: *hash }
            }
            Some(Node::Fork { hash, .. }) => Subtree::Node(*hash),
        }
    }

    /// Continues a proof below the top of this shard, which must be a node.
    pub(super) fn prove_children(&self, keys: &[Digest], proof: &mut Multiproof) {
        self.prove_below(self.root, SHARD_DEPTH, keys, proof);
    }

    fn prove_below(&self, at: Option<At>, depth: usize, keys: &[Digest], proof: &mut Multiproof) {
        let Some(Node::Fork { left, right, .. }) = at.and_then(|at| self.node(at)) else { return };
        let (left_keys, right_keys) = multiproof::split(keys, depth);
        for (child, keys) in [(*left, left_keys), (*right, right_keys)] {
            if proof.push(self.view(child), keys) {
                self.prove_below(child, depth + 1, keys, proof);
            }
        }
    }
}
