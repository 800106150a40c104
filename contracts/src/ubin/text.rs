//! Rules for names and addresses: form, characters, and the scan for personal data (ubin.md §2.1,
//! §3.4).
//!
//! Invariant: a text is judged as signed and never altered. It deliberately does not judge whether
//! a name is the name of a natural person: no table could.

use unicode_normalization::is_nfc;

use super::pattern::{self, Pattern};
use super::unicode;
use crate::error::Code;
use crate::limits;

/// What the scan for personal data found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspicion {
    /// Nothing.
    None,
    /// `@` or nine digits: R2 may pass it with evidence.
    Suspected,
    /// The number of a natural person by a pattern of the country: nobody may pass it.
    Denied,
}

/// A name: NFC, 1 to 256 code points, at most 1,024 bytes, no forbidden character.
pub fn check_name(text: &str) -> Result<(), Code> {
    let characters = text.chars().take(limits::NAME_CHARS_MAX + 1).count();
    if characters == 0 || characters > limits::NAME_CHARS_MAX || text.len() > limits::NAME_BYTES_MAX
    {
        return Err(Code::NameLength);
    }
    check_text(text)
}

/// Any other text: NFC, no forbidden character.
pub fn check_text(text: &str) -> Result<(), Code> {
    if text.is_ascii() {
        let controls = text.bytes().any(|byte| byte.is_ascii_control());
        return if controls { Err(Code::NameChar) } else { Ok(()) };
    }
    if text.chars().any(is_forbidden) {
        return Err(Code::NameChar);
    }
    if is_nfc(text) { Ok(()) } else { Err(Code::NameNotNfc) }
}

/// Controls, line and paragraph separators, bidi controls, private use, unassigned code points.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        || (!c.is_ascii() && (unicode::is_private_use(c) || unicode::is_unassigned(c)))
}

/// Warnings about a name, sorted.
pub fn name_warnings(text: &str) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if text.chars().any(unicode::is_letter_of_unusual_script) {
        warnings.push("NAME_SCRIPT_UNUSUAL");
    }
    if is_zawgyi_suspected(text) {
        warnings.push("ZAWGYI_SUSPECTED");
    }
    warnings
}

/// Whether Burmese text looks like the Zawgyi encoding, which stores signs in visual order: the
/// vowel sign E or a medial without a consonant before it, or a virama that stacks nothing.
fn is_zawgyi_suspected(text: &str) -> bool {
    let is_base = |c: char| {
        matches!(c, '\u{1000}'..='\u{102A}' | '\u{103F}' | '\u{104E}'
        | '\u{1050}'..='\u{1055}' | '\u{105A}'..='\u{105D}' | '\u{1061}' | '\u{1065}'..='\u{1066}'
        | '\u{106E}'..='\u{1070}' | '\u{1075}'..='\u{1081}' | '\u{108E}' | '\u{25CC}')
    };
    let is_medial =
        |c: char| matches!(c, '\u{103B}'..='\u{103E}' | '\u{105E}'..='\u{1060}' | '\u{1082}');
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let orphan = (c == '\u{1031}' || is_medial(c)) && !is_base(before) && !is_medial(before);
        let stacks = chars.peek().is_some_and(|next| is_base(*next));
        if orphan || (c == '\u{1039}' && !stacks) {
            return true;
        }
        before = c;
    }
    false
}

/// Scans a text for personal data. `deny` are the patterns of the country's schemes.
pub fn scan(text: &str, deny: &[Pattern]) -> Suspicion {
    if any_token(text, |token| deny.iter().any(|pattern| pattern.matches(token))) {
        return Suspicion::Denied;
    }
    let at_sign = text.contains(['@', '\u{FF20}', '\u{FE6B}']);
    if at_sign || longest_digit_run(text) >= limits::TEXT_DIGIT_RUN_MAX {
        Suspicion::Suspected
    } else {
        Suspicion::None
    }
}

/// The longest run of digits of any script; spaces, hyphens and format characters do not end it.
fn longest_digit_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        if unicode::decimal_digit(c).is_some() {
            run += 1;
            longest = longest.max(run);
        } else if run > 0 && !(c.is_whitespace() || is_hyphen(c) || unicode::is_format(c)) {
            run = 0;
        }
    }
    longest
}

const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE63}' | '\u{FF0D}')
}

/// A part of a word, between two joiners.
struct Part {
    /// Where it begins in the word without its joiners.
    start: usize,
    /// Whether its digits go on from digits before it, as in `880101-00-0000`.
    continues: bool,
}

/// Whether a word of a text, or parts of one that stand side by side, hold to `test`. Words are read
/// as numbers are: digits of any script in ASCII, letters in upper case. Joiners cut a word into
/// parts; a number may be one part (`NRIC/S0000000X`) or several (`12/LAKANA(N)123456`).
fn any_token(text: &str, test: impl Fn(&str) -> bool) -> bool {
    let mut word = String::with_capacity(text.len());
    let mut parts: Vec<Part> = Vec::new();
    // whether joiners stood since the last letter or digit, and one of those that end a number
    let (mut joined, mut ended) = (true, false);
    for c in text.chars() {
        let plain = match u32::from(c) {
            code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        let kept = match unicode::decimal_digit(plain) {
            Some(value) => Some(char::from(b'0' + value)),
            None if plain.is_ascii_alphabetic() => Some(plain.to_ascii_uppercase()),
            None => None,
        };
        if let Some(kept) = kept {
            if joined {
                let digits = kept.is_ascii_digit() && word.ends_with(|c: char| c.is_ascii_digit());
                parts.push(Part { start: word.len(), continues: digits && !ended });
            }
            word.push(kept);
            (joined, ended) = (false, false);
            continue;
        }
        let ends = matches!(plain, '(' | ')' | ':' | '#');
        (joined, ended) = (true, ended || ends);
        if !ends && !is_joiner(plain) {
            if any_run(&word, &parts, &test) {
                return true;
            }
            word.clear();
            parts.clear();
        }
    }
    any_run(&word, &parts, &test)
}

/// What digits of one number are written with. Spaces do not join: names and addresses would give
/// numbers that nobody wrote.
fn is_joiner(c: char) -> bool {
    is_hyphen(c) || matches!(c, '.' | '/' | '_') || unicode::is_format(c)
}

/// Whether parts of a word that stand side by side hold to `test`. A longer run than patterns match
/// is not looked at, so each part begins at most 24 runs. Digits that go on count as a whole only:
/// a house number `12/345/6789/1` holds no number of nine digits.
fn any_run(word: &str, parts: &[Part], test: impl Fn(&str) -> bool) -> bool {
    let last = Part { start: word.len(), continues: false };
    parts.iter().enumerate().any(|(i, first)| {
        let ends = parts.iter().skip(i + 1).chain([&last]);
        let runs = ends.map_while(|next| Some((word.get(first.start..next.start)?, next)));
        runs.take_while(|(run, _)| run.len() <= pattern::TEXT_CHARS_MAX).any(|(run, next)| {
            let is_cut = first.continues || next.continues;
            !(is_cut && run.bytes().all(|b| b.is_ascii_digit())) && test(run)
        })
    })
}
