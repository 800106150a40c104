//! UBINs one edit away from an input whose check failed (ubin.md §1.5).
//!
//! Invariant: a suggestion is shown, never applied. A candidate is kept only if it parses, carries
//! no format warning, and its national check does not fail. The order is part of the protocol of
//! answers: by kind of edit, then position, then character.

use super::check::NationalCheck;
use super::identifier::{check_number, parse_squeezed};
use super::pattern::value_of;
use super::scheme::SchemeTable;

/// Most suggestions.
const SUGGESTIONS_MAX: usize = 3;
/// The characters of a UBIN in their order.
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Pairs that eyes and keyboards confuse.
pub const CONFUSABLE: [(u8, u8); 10] = [
    (b'0', b'O'),
    (b'0', b'D'),
    (b'0', b'Q'),
    (b'1', b'I'),
    (b'1', b'L'),
    (b'2', b'Z'),
    (b'5', b'S'),
    (b'6', b'G'),
    (b'8', b'B'),
    (b'U', b'V'),
];

/// The suggestions for a squeezed input, canonical, best first.
pub(super) fn single_edits(text: &str, table: &SchemeTable) -> Vec<String> {
    if let Some(respelt) = respelt_check(text, table) {
        return vec![respelt];
    }
    let bytes = text.as_bytes();
    let mut likely = kept(substitutions(bytes, are_confusable), table);
    merge(&mut likely, kept(swaps(bytes), table));
    if !likely.is_empty() {
        likely.truncate(SUGGESTIONS_MAX);
        return likely;
    }
    let substituted = kept(substitutions(bytes, |a, b| a != b && !are_confusable(a, b)), table);
    if (1..=SUGGESTIONS_MAX).contains(&substituted.len()) {
        return substituted;
    }
    let mut resized = kept(deletions(bytes), table);
    merge(&mut resized, kept(insertions(bytes), table));
    if (1..=SUGGESTIONS_MAX).contains(&resized.len()) { resized } else { Vec::new() }
}

/// The input with its check in canonical spelling, if only the spelling of the residue is wrong.
fn respelt_check(text: &str, table: &SchemeTable) -> Option<String> {
    let (data, check) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let given = check.bytes().try_fold(0, |n, byte| Some(n * 36 + value_of(byte)?))?;
    let due = check_number(data)?;
    if given % 1271 != due % 1271 {
        return None;
    }
    keep(&format!("{data}{}", super::identifier::check_characters(data)?), table)
}

/// The canonical form of a candidate that is kept.
fn keep(text: &str, table: &SchemeTable) -> Option<String> {
    let parsed = parse_squeezed(text, table).ok()?;
    let format_warning =
        parsed.warnings.iter().any(|w| matches!(*w, "LOCAL_FORMAT" | "LOCAL_SHAPE_UNUSUAL"));
    let kept = !format_warning && parsed.national_check != NationalCheck::Fail;
    kept.then(|| parsed.ubin.to_string())
}

fn kept(candidates: impl Iterator<Item = Vec<u8>>, table: &SchemeTable) -> Vec<String> {
    let mut found = Vec::new();
    for candidate in candidates {
        let ubin = std::str::from_utf8(&candidate).ok().and_then(|text| keep(text, table));
        merge(&mut found, ubin);
    }
    found
}

/// Appends what is not there yet: two edits may lead to one number.
fn merge(found: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for ubin in more {
        if !found.contains(&ubin) {
            found.push(ubin);
        }
    }
}

fn are_confusable(a: u8, b: u8) -> bool {
    CONFUSABLE.contains(&(a, b)) || CONFUSABLE.contains(&(b, a))
}

fn substitutions(bytes: &[u8], allowed: impl Fn(u8, u8) -> bool) -> impl Iterator<Item = Vec<u8>> {
    bytes.iter().enumerate().flat_map(move |(at, old)| {
        let fitting: Vec<u8> = ALPHABET.iter().copied().filter(|new| allowed(*old, *new)).collect();
        fitting.into_iter().map(move |new| {
            let mut edited = bytes.to_vec();
            if let Some(place) = edited.get_mut(at) {
                *place = new;
            }
            edited
        })
    })
}

fn swaps(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (1..bytes.len()).filter(|at| bytes.get(at - 1) != bytes.get(*at)).map(|at| {
        let mut edited = bytes.to_vec();
        edited.swap(at - 1, at);
        edited
    })
}

fn deletions(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(|at| {
        let mut edited = bytes.to_vec();
        edited.remove(at);
        edited
    })
}

fn insertions(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..=bytes.len()).flat_map(move |at| {
        ALPHABET.iter().map(move |new| {
            let mut edited = bytes.to_vec();
            edited.insert(at, *new);
            edited
        })
    })
}
