//! Merkle trees over lists, in the shape of RFC 9162 §2.1.1, with tagged hashes.
//!
//! Used for transaction, receipt and change roots; [`root_of`] is also the shape of an ETR content
//! root, and [`Nodes`] of an import's chunk, whose leaves and nodes carry their own tags.

use crate::digest::{Digest, Tag, hash};

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

/// A tree over a list with every node at hand, for callers that cut it into many ranges.
///
/// Level 0 is the list; a node of level k covers up to 2^k leaves. A node without a right
/// neighbour stands on the next level as it is, which is the shape of RFC 9162.
#[derive(Clone, Debug)]
pub struct Nodes {
    levels: Vec<Vec<Digest>>,
}

impl Nodes {
    /// Hashes the tree over `leaves`.
    pub fn new(context: &str, leaves: &[Digest]) -> Self {
        let tag = Tag::new(context);
        let mut levels = vec![leaves.to_vec()];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let pairs = below.chunks(2).map(|pair| match pair {
                [left, right] => tag.hash(&[&left.0, &right.0]),
                single => single.first().copied().unwrap_or_default(),
            });
            let level = pairs.collect();
            levels.push(level);
        }
        Self { levels }
    }

    /// The root; the empty list gives 32 zero bytes.
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }

    /// What [`root_from_range`] needs besides the leaves `first .. first + count`: the largest
    /// subtrees that hold none of them, from left to right. Empty for a range outside the list.
    pub fn range_path(&self, first: usize, count: usize) -> Vec<Digest> {
        let leaves = self.levels.first().map_or(0, Vec::len);
        let mut path = Vec::new();
        if let Some(end) = first.checked_add(count).filter(|end| count > 0 && *end <= leaves) {
            self.collect(0, leaves, (first, end), &mut path);
        }
        path
    }

    fn collect(&self, start: usize, size: usize, range: (usize, usize), path: &mut Vec<Digest>) {
        if start >= range.1 || start + size <= range.0 {
            // a subtree begins at a multiple of its width, the power of two that holds it
            let level = size.next_power_of_two().trailing_zeros();
            let node = self.levels.get(level as usize).and_then(|l| l.get(start >> level));
            path.extend(node.copied());
        } else if size > 1 {
            let middle = split(size);
            self.collect(start, middle, range, path);
            self.collect(start + middle, size - middle, range, path);
        }
    }
}

/// The root that `leaves`, which stand from `first` on in a list of `total`, lead to with the path
/// of [`Nodes::range_path`]; `None` for an empty range, one outside the list, or a path of another
/// length.
pub fn root_from_range(
    context: &str,
    leaves: &[Digest],
    first: usize,
    total: usize,
    path: &[Digest],
) -> Option<Digest> {
    let end = first.checked_add(leaves.len())?;
    if leaves.is_empty() || end > total {
        return None;
    }
    let mut range = Range { tag: Tag::new(context), leaves, first, path };
    let root = range.root(0, total)?;
    range.path.is_empty().then_some(root)
}

/// The walk of [`root_from_range`]; `path` is what was not used yet.
struct Range<'a> {
    tag: Tag,
    leaves: &'a [Digest],
    first: usize,
    path: &'a [Digest],
}

impl Range<'_> {
    fn root(&mut self, start: usize, size: usize) -> Option<Digest> {
        if start >= self.first + self.leaves.len() || start + size <= self.first {
            let (node, rest) = self.path.split_first()?;
            self.path = rest;
            return Some(*node);
        }
        if size == 1 {
            return self.leaves.get(start - self.first).copied();
        }
        let middle = split(size);
        let left = self.root(start, middle)?;
        let right = self.root(start + middle, size - middle)?;
        Some(self.tag.hash(&[&left.0, &right.0]))
    }
}
