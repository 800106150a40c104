//! One proof for several keys, present and absent.
//!
//! The proof walks the tree from the root, left before right, along the keys of the claim. Where
//! no key of the claim goes, the subtree's hash stands for it; where one goes, the subtree is
//! shown: empty, a single leaf, or a node whose two children follow. So there is exactly one proof
//! for a tree and a set of keys, and nothing may be left over.

use super::{Subtree, bit, leaf_hash, node_hash};
use crate::digest::Digest;
use crate::limits;

const EMPTY: u8 = 0;
const LEAF: u8 = 1;
const NODE: u8 = 2;
const OTHER: u8 = 3;

/// A multiproof: a sequence of tagged items (0 empty; 1 leaf: tree key, value hash; 2 node;
/// 3 subtree beside the path: hash).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multiproof(pub Vec<u8>);

/// Why a proof does not prove its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The bytes end early, go on too long, or hold an unknown or misplaced item.
    #[error("the proof is malformed")]
    Malformed,
    /// A claimed value is not the one in the tree.
    #[error("the proof shows another value than the claim")]
    ValueDiffers,
    /// The proof leads to another root.
    #[error("the proof does not lead to the state root")]
    RootDiffers,
    /// More keys than [`limits::PROOF_KEYS_MAX`], or a key twice.
    #[error("too many keys, or a key stands twice")]
    Keys,
}

/// Splits sorted keys at bit `depth`.
pub(super) fn split(keys: &[Digest], depth: usize) -> (&[Digest], &[Digest]) {
    keys.split_at(keys.partition_point(|key| !bit(key, depth)))
}

impl Multiproof {
    /// Adds a subtree. True if it is a node that keys go into: its children must follow.
    pub(super) fn push(&mut self, subtree: Subtree, keys: &[Digest]) -> bool {
        if keys.is_empty() {
            self.0.push(OTHER);
            self.0.extend_from_slice(&subtree.hash().0);
            return false;
        }
        match subtree {
            Subtree::Empty => self.0.push(EMPTY),
            Subtree::Leaf { key, value, .. } => {
                self.0.push(LEAF);
                self.0.extend_from_slice(&key.0);
                self.0.extend_from_slice(&value.0);
            }
            Subtree::Node(_) => {
                self.0.push(NODE);
                return true;
            }
        }
        false
    }

    /// Checks that under `root` each key of `claim` holds exactly the given value hash, or nothing.
    ///
    /// Bounded: reads each byte once, recursion ≤ 256.
    pub fn verify(
        &self,
        root: &Digest,
        claim: &[(Digest, Option<Digest>)],
    ) -> Result<(), ProofError> {
        let mut sorted = claim.to_vec();
        sorted.sort_unstable();
        let distinct = sorted.windows(2).all(|pair| pair[0].0 != pair[1].0);
        if sorted.is_empty() || sorted.len() > limits::PROOF_KEYS_MAX || !distinct {
            return Err(ProofError::Keys);
        }
        let mut reader = Reader(&self.0);
        let computed = reader.subtree(0, &sorted)?;
        if !reader.0.is_empty() {
            return Err(ProofError::Malformed);
        }
        if &computed == root { Ok(()) } else { Err(ProofError::RootDiffers) }
    }
}

struct Reader<'a>(&'a [u8]);

type Claim = (Digest, Option<Digest>);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, ProofError> {
        let (first, rest) = self.0.split_first().ok_or(ProofError::Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    fn digest(&mut self) -> Result<Digest, ProofError> {
        let (head, rest) = self.0.split_first_chunk::<32>().ok_or(ProofError::Malformed)?;
        self.0 = rest;
        Ok(Digest(*head))
    }

    fn subtree(&mut self, depth: usize, claim: &[Claim]) -> Result<Digest, ProofError> {
        let tag = self.byte()?;
        match tag {
            OTHER if claim.is_empty() => self.digest(),
            EMPTY if !claim.is_empty() => {
                absent(claim)?;
                Ok(Digest::ZERO)
            }
            LEAF if !claim.is_empty() => self.leaf(depth, claim),
            NODE if !claim.is_empty() && depth < limits::TREE_DEPTH_MAX => {
                let middle = claim.partition_point(|(key, _)| !bit(key, depth));
                let (left, right) = claim.split_at(middle);
                let left = self.subtree(depth + 1, left)?;
                let right = self.subtree(depth + 1, right)?;
                Ok(node_hash(&left, &right))
            }
            _ => Err(ProofError::Malformed),
        }
    }

    fn leaf(&mut self, depth: usize, claim: &[Claim]) -> Result<Digest, ProofError> {
        let key = self.digest()?;
        let value = self.digest()?;
        // another key's leaf proves absence only where that key belongs
        let here = claim
            .first()
            .is_some_and(|(asked, _)| (0..depth).all(|i| bit(asked, i) == bit(&key, i)));
        if !here {
            return Err(ProofError::Malformed);
        }
        for (asked, expected) in claim {
            let found = (*asked == key).then_some(value);
            if *expected != found {
                return Err(ProofError::ValueDiffers);
            }
        }
        Ok(leaf_hash(&key, &value))
    }
}

fn absent(claim: &[Claim]) -> Result<(), ProofError> {
    if claim.iter().all(|(_, expected)| expected.is_none()) {
        Ok(())
    } else {
        Err(ProofError::ValueDiffers)
    }
}
