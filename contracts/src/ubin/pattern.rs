//! The pattern language of the scheme registry (ubin-schemes.md §2).
//!
//! Invariant: matching is bounded by 24 positions × atoms; no pattern or text can make it slow.
//! A text of more than [`TEXT_CHARS_MAX`] characters matches nothing. It deliberately has no
//! groups, stars, look-around or back-references.

/// Longest text that can match.
pub const TEXT_CHARS_MAX: usize = 24;
/// Longest pattern, bytes.
pub const PATTERN_BYTES_MAX: usize = 256;
/// Most branches of a pattern.
const BRANCHES_MAX: usize = 16;
/// Largest repetition.
const REPEAT_MAX: u32 = 24;

/// A parsed pattern: the whole text must match one of its branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    branches: Vec<Branch>,
}

/// A branch, and how many characters can match it, fewest and most.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Branch {
    atoms: Vec<Atom>,
    least: usize,
    most: usize,
}

/// A set of characters (bit n = the character of value n) and how often it repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Atom {
    set: u64,
    least: u32,
    most: u32,
}

const DIGITS: u64 = (1 << 10) - 1;

/// The value of a character in ISO/IEC 7064 order: 0-9 = 0..9, A-Z = 10..35.
pub const fn value_of(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some((byte - b'0') as u32),
        b'A'..=b'Z' => Some((byte - b'A') as u32 + 10),
        _ => None,
    }
}

impl Pattern {
    /// Parses a pattern; `None` breaks the grammar (`SCHEME_PATTERN`).
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > PATTERN_BYTES_MAX {
            return None;
        }
        let branches: Vec<Branch> =
            text.split('|').map(|branch| parse_branch(branch.as_bytes())).collect::<Option<_>>()?;
        (branches.len() <= BRANCHES_MAX).then_some(Self { branches })
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let fits = |branch: &&Branch| (branch.least..=branch.most).contains(&bytes.len());
        bytes.len() <= TEXT_CHARS_MAX
            && self.branches.iter().filter(fits).any(|branch| walk(&branch.atoms, bytes))
    }
}

/// Walks the set of positions (bit n = n characters consumed) through the atoms of a branch.
fn walk(branch: &[Atom], bytes: &[u8]) -> bool {
    let mut reached: u32 = 1;
    for atom in branch {
        let mut next = 0;
        for start in (0..=bytes.len()).filter(|at| reached & (1 << at) != 0) {
            let fitting = bytes
                .iter()
                .skip(start)
                .take(atom.most as usize)
                .take_while(|byte| value_of(**byte).is_some_and(|v| atom.set & (1 << v) != 0))
                .count();
            for length in atom.least as usize..=fitting {
                next |= 1 << (start + length);
            }
        }
        reached = next;
    }
    reached & (1 << bytes.len()) != 0
}

fn parse_branch(mut rest: &[u8]) -> Option<Branch> {
    let mut atoms = Vec::new();
    while let Some((&first, tail)) = rest.split_first() {
        let (set, tail) = match first {
            b'\\' => (DIGITS, tail.strip_prefix(b"d")?),
            b'[' => parse_class(tail)?,
            byte => (1 << value_of(byte)?, tail),
        };
        let (least, most, tail) = parse_quantifier(tail)?;
        atoms.push(Atom { set, least, most });
        rest = tail;
    }
    let least = atoms.iter().map(|atom| atom.least as usize).sum();
    let most = atoms.iter().map(|atom| atom.most as usize).sum();
    (!atoms.is_empty()).then_some(Branch { atoms, least, most })
}

fn parse_class(mut rest: &[u8]) -> Option<(u64, &[u8])> {
    let mut set = 0;
    loop {
        let (&first, tail) = rest.split_first()?;
        if first == b']' {
            return (set != 0).then_some((set, tail));
        }
        let low = value_of(first)?;
        match tail {
            [b'-', last, tail @ ..] => {
                let high = value_of(*last)?;
                let same_kind = first.is_ascii_digit() == last.is_ascii_digit();
                if !same_kind || high < low {
                    return None;
                }
                set |= (low..=high).fold(0, |bits, v| bits | 1 << v);
                rest = tail;
            }
            tail => {
                set |= 1 << low;
                rest = tail;
            }
        }
    }
}

fn parse_quantifier(rest: &[u8]) -> Option<(u32, u32, &[u8])> {
    match rest {
        [b'?', tail @ ..] => Some((0, 1, tail)),
        [b'{', tail @ ..] => {
            let (least, tail) = parse_number(tail)?;
            match tail {
                [b'}', tail @ ..] => Some((least, least, tail)),
                [b',', tail @ ..] => {
                    let (most, tail) = parse_number(tail)?;
                    let tail = tail.strip_prefix(b"}")?;
                    (least <= most).then_some((least, most, tail))
                }
                _ => None,
            }
        }
        _ => Some((1, 1, rest)),
    }
}

/// A number of one or two digits, at most [`REPEAT_MAX`].
fn parse_number(rest: &[u8]) -> Option<(u32, &[u8])> {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, tail) = rest.split_at_checked(digits)?;
    if digits == 0 || digits > 2 {
        return None;
    }
    let value = number.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    (value <= REPEAT_MAX).then_some((value, tail))
}
