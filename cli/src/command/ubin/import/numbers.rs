//! What two lines share, and sets of lines.
//!
//! Invariant: a key and a line number a line, whatever the lines hold.

use std::collections::BTreeMap;

use titian_contracts::digest::hash;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::record_key;

/// A number by the first half of a digest: two of a million numbers share one by chance once in
/// 10^26 files.
pub(super) type NumberKey = u128;

/// The key of a number.
pub(super) fn key_of(ubin: &Ubin) -> NumberKey {
    let digest = hash("titian import number v1", &[&record_key(ubin)]);
    u128::from_be_bytes(*digest.0.first_chunk::<16>().expect("a digest has 32 bytes"))
}

/// The keys of all lines.
#[derive(Debug)]
pub(super) struct Keys<K>(Vec<(K, u64)>);

impl<K> Default for Keys<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy> Keys<K> {
    /// Notes a key of a line.
    pub(super) fn add(&mut self, key: K, line: u64) {
        self.0.push((key, line));
    }

    /// The lines, of those that `counts` takes, that share a key with others, each with the first of
    /// those others.
    pub(super) fn shared(mut self, counts: impl Fn(u64) -> bool) -> BTreeMap<u64, u64> {
        self.0.retain(|(_, line)| counts(*line));
        self.0.sort_unstable();
        let mut found = BTreeMap::new();
        for group in self.0.chunk_by(|a, b| a.0 == b.0) {
            if let [(_, first), (_, second), rest @ ..] = group {
                found.entry(*first).or_insert(*second);
                found.entry(*second).or_insert(*first);
                for (_, line) in rest {
                    found.entry(*line).or_insert(*first);
                }
            }
        }
        found
    }
}

/// A set of line numbers, one bit each.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u64>);

impl Lines {
    /// Adds a line.
    pub(super) fn insert(&mut self, line: u64) {
        let (word, bit) = place(line);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    /// Whether a line is in the set.
    pub(super) fn contains(&self, line: u64) -> bool {
        let (word, bit) = place(line);
        self.0.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    /// How many of its lines `other` does not have.
    pub(super) fn count_without(&self, other: &Self) -> u64 {
        let theirs = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(theirs).map(|(own, their)| u64::from((own & !their).count_ones())).sum()
    }
}

fn place(line: u64) -> (usize, u32) {
    (usize::try_from(line / 64).unwrap_or(usize::MAX - 1), (line % 64) as u32)
}
