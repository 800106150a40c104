//! How alike two names are: an integer from 0 to 1000 (ubin-api.md §8.2).
//!
//! Invariant: no floats and no shortcuts that change a value: what is skipped could not have been
//! the greatest.

use super::NameKeys;

/// The score of equal keys.
pub const SCORE_MAX: u32 = 1000;
/// The greatest score of a part of a name, or of its words in another order.
pub const PART_MAX: u32 = 900;
/// Code points from which a query may match a part of a name.
const PART_CHARS_MIN: usize = 4;

/// The keys of a name as code points, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparable {
    k1: Vec<char>,
    k0: Vec<char>,
    core: Vec<char>,
    sorted: Vec<char>,
}

impl From<&NameKeys> for Comparable {
    fn from(keys: &NameKeys) -> Self {
        let mut words: Vec<&str> = keys.k0.split(' ').collect();
        words.sort_unstable();
        Self {
            k1: keys.k1.chars().collect(),
            k0: keys.k0.chars().collect(),
            core: keys.core.chars().collect(),
            sorted: words.join(" ").chars().collect(),
        }
    }
}

impl Comparable {
    /// Whether `k0` or `core` begins with the query's `k0`: what a reader sees who has typed so far.
    pub fn begins_with(&self, query: &Self) -> bool {
        self.k0.starts_with(&query.k0) || self.core.starts_with(&query.k0)
    }
}

/// The score of a name for a query: max(full(k1), full(k0), full(core), part(k0), sort(k0)).
pub fn score(query: &Comparable, name: &Comparable) -> u32 {
    let mut best = 0;
    for (q, n) in [(&query.k1, &name.k1), (&query.k0, &name.k0), (&query.core, &name.core)] {
        if best < full_max(q.len(), n.len()) {
            best = best.max(full(q, n));
        }
    }
    if best < PART_MAX {
        best = best.max(part(&query.k0, &name.k0));
    }
    if best < nine_tenths(full_max(query.sorted.len(), name.sorted.len())) {
        best = best.max(nine_tenths(full(&query.sorted, &name.sorted)));
    }
    best
}

/// 1000 − floor(1000 · dist / max(|q|, |n|)); 1000 for two empty keys.
fn full(q: &[char], n: &[char]) -> u32 {
    if q == n {
        return SCORE_MAX;
    }
    permille_left(distance(q, n, false), q.len().max(n.len()))
}

/// The greatest value of [`full`] for keys of these lengths.
fn full_max(q: usize, n: usize) -> u32 {
    permille_left(q.abs_diff(n), q.max(n))
}

/// floor(9 · (1000 − floor(1000 · sub / |q|)) / 10), 0 for a query of fewer than 4 code points.
fn part(q: &[char], n: &[char]) -> u32 {
    if q.len() < PART_CHARS_MIN {
        return 0;
    }
    nine_tenths(permille_left(distance(q, n, true), q.len()))
}

fn nine_tenths(score: u32) -> u32 {
    score * 9 / 10
}

/// 1000 − floor(1000 · distance / length), for a distance up to the length.
fn permille_left(distance: usize, length: usize) -> u32 {
    let lost = (1000 * distance).checked_div(length).unwrap_or(0);
    SCORE_MAX.saturating_sub(u32::try_from(lost).unwrap_or(SCORE_MAX))
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours,
/// no place edited twice. With `part` the start and end of `n` are free.
fn distance(q: &[char], n: &[char], part: bool) -> usize {
    let columns = n.len() + 1;
    let mut before = vec![0; columns];
    let mut last: Vec<usize> = if part { vec![0; columns] } else { (0..columns).collect() };
    let mut row = vec![0; columns];
    for (i, a) in q.iter().enumerate() {
        row[0] = i + 1;
        for (j, b) in n.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut cost = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == n[j - 1] && q[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            row[j + 1] = cost;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    if part { last.into_iter().min().unwrap_or(0) } else { last[columns - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(q: &str, n: &str, part: bool) -> usize {
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        distance(&chars(q), &chars(n), part)
    }

    fn compared(name: &str) -> Comparable {
        Comparable::from(&super::super::keys(name, &super::super::forms::FormTokens::default()))
    }

    #[test]
    fn distances_count_edits_and_a_swap_of_neighbours_as_one() {
        assert_eq!(of("", "abc", false), 3);
        assert_eq!(of("abc", "", false), 3);
        assert_eq!(of("abcd", "acbd", false), 1);
        assert_eq!(of("kitten", "sitting", false), 3);
        // no place is edited twice: the unrestricted distance would be 2
        assert_eq!(of("ca", "abc", false), 3);
    }

    #[test]
    fn a_part_has_free_ends_in_the_name_only() {
        assert_eq!(of("bcd", "abcde", true), 0);
        assert_eq!(of("bxd", "abcde", true), 1);
        assert_eq!(of("abcde", "bcd", true), 2);
        assert_eq!(of("abc", "", true), 3);
    }

    #[test]
    fn scores_are_floors_of_the_documented_fractions() {
        assert_eq!(score(&compared("Acme"), &compared("ACME")), 1000);
        // one edit of seven: 1000 − floor(142.86)
        assert_eq!(full(&['a'; 7], &['a', 'a', 'a', 'a', 'a', 'a', 'b']), 858);
        assert_eq!(score(&compared("acme"), &compared("the acme company of asia")), 900);
        assert_eq!(score(&compared("motor champion"), &compared("champion motor")), 900);
        assert_eq!(score(&compared("acm"), &compared("the acme company of asia")), 125);
        // a query of three code points matches no part
        assert_eq!(part(&['a'; 3], &['a'; 9]), 0);
    }

    #[test]
    fn keys_that_begin_with_the_query_are_seen() {
        assert!(compared("Samsung Electronics").begins_with(&compared("SAMS")));
        assert!(!compared("The Samsung").begins_with(&compared("sams")));
    }
}
