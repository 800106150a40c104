//! Merkle trees over lists, in the shape of RFC 9162 §2.1.1, with tagged hashes.
//!
//! Used for transaction, receipt and change roots; [`root_of`] is also the shape of an ETR content
//! root, whose leaves and nodes carry their own tags.

use crate::digest::{Digest, hash};

/// The root of a list of leaf digests; the empty list gives 32 zero bytes.
///
/// `context` tags the inner nodes; leaves are digests of their own kind, so no leaf can be taken
/// for a node.
pub fn root_of(context: &str, leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            hash(context, &[&root_of(context, left).0, &root_of(context, right).0])
        }
    }
}

/// The siblings from leaf `index` up to the root. Empty for an index outside the list.
pub fn path_of(context: &str, leaves: &[Digest], index: usize) -> Vec<Digest> {
    if leaves.len() < 2 || index >= leaves.len() {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (path_of(context, left, index), root_of(context, right))
    } else {
        (path_of(context, right, index - middle), root_of(context, left))
    };
    path.push(sibling);
    path
}

/// The root that `leaf` at `index` of `count` leaves leads to along `path`; `None` if the path has
/// another length than such a tree.
pub fn root_from_path(
    context: &str,
    leaf: Digest,
    index: usize,
    count: usize,
    path: &[Digest],
) -> Option<Digest> {
    if index >= count {
        return None;
    }
    if count == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, below) = path.split_last()?;
    let middle = split(count);
    if index < middle {
        let left = root_from_path(context, leaf, index, middle, below)?;
        Some(hash(context, &[&left.0, &sibling.0]))
    } else {
        let right = root_from_path(context, leaf, index - middle, count - middle, below)?;
        Some(hash(context, &[&sibling.0, &right.0]))
    }
}

/// The siblings from leaf `index` up to the root, each with whether it stands left of the way. Says by
/// itself how it is walked, so that no count has to be believed. Empty for an index outside the list.
pub fn steps_of(context: &str, leaves: &[Digest], index: usize) -> Vec<(bool, Digest)> {
    if leaves.len() < 2 || index >= leaves.len() {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut steps, sibling) = if index < middle {
        (steps_of(context, left, index), (false, root_of(context, right)))
    } else {
        (steps_of(context, right, index - middle), (true, root_of(context, left)))
    };
    steps.push(sibling);
    steps
}

/// The root that `leaf` leads to along `steps`. A root that is known to be of such a tree then holds
/// the leaf, because leaves and nodes are digests of different kinds.
pub fn root_from_steps(context: &str, leaf: Digest, steps: &[(bool, Digest)]) -> Digest {
    steps.iter().fold(leaf, |below, (left, sibling)| match left {
        true => hash(context, &[&sibling.0, &below.0]),
        false => hash(context, &[&below.0, &sibling.0]),
    })
}

/// The largest power of two below `count` (`count` ≥ 2).
const fn split(count: usize) -> usize {
    (count.next_power_of_two()) / 2
}
