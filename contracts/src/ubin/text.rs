//! Rules for names and addresses: form, characters, and the scan for personal data (ubin.md §2.1,
//! §3.4).
//!
//! Invariant: a text is judged as signed and never altered. It deliberately does not judge whether
//! a name is the name of a natural person: no table could.

use unicode_normalization::is_nfc;

use super::pattern;
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

/// A name: NFC, 1 to 256 code points, at most 1,024 bytes, no forbidden character, and one at least
/// that is neither a space nor a format character.
pub fn check_name(text: &str) -> Result<(), Code> {
    let characters = text.chars().take(limits::NAME_CHARS_MAX + 1).count();
    let is_blank = text.chars().all(|c| c.is_whitespace() || unicode::is_format(c));
    if is_blank || characters > limits::NAME_CHARS_MAX || text.len() > limits::NAME_BYTES_MAX {
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

/// Scans a text for personal data. `is_personal` says of a number, squeezed, whether it is one of a
/// natural person.
pub fn scan(text: &str, is_personal: impl Fn(&str) -> bool) -> Suspicion {
    if any_number(text, is_personal) {
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

/// Letters and digits without a break, and what stands before them.
struct Part {
    /// Where it begins in the text without what joins.
    start: usize,
    /// Whether white space stands before it.
    spaced: bool,
    /// Whether a joiner stands before it, with white space or without.
    joined: bool,
    /// Whether its digits go on from digits before it, over spaces or not: `880101 00-0000`.
    continues: bool,
}

/// What stood since the last letter or digit.
#[derive(Clone, Copy, Default)]
struct Gap {
    spaced: bool,
    joined: bool,
    /// A bracket, colon or number sign: digits do not go on over it.
    ended: bool,
    /// A bracket that opened, and none that closed after it.
    opened: bool,
}

/// Whether parts of a text that stand side by side hold to `test`. They are read as numbers are:
/// digits of any script in ASCII, letters in upper case. Joiners and spaces cut a text into parts; a
/// number may be one part (`NRIC/S0000000X`) or several (`12/LAKANA(N) 123456`).
fn any_number(text: &str, test: impl Fn(&str) -> bool) -> bool {
    let mut kept = String::with_capacity(text.len());
    let mut parts: Vec<Part> = Vec::new();
    let mut gap = Some(Gap::default());
    let mut in_brackets = false;
    for c in text.chars() {
        let plain = match u32::from(c) {
            code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        if let Some(letter) = kept_as(plain) {
            if let Some(Gap { spaced, joined, ended, opened }) = gap.take() {
                let digits =
                    letter.is_ascii_digit() && kept.ends_with(|c: char| c.is_ascii_digit());
                parts.push(Part { start: kept.len(), spaced, joined, continues: digits && !ended });
                in_brackets = opened;
            }
            let is_first = parts.last().is_some_and(|part| part.start == kept.len());
            let times = match (is_burmese(plain), in_brackets) {
                (false, _) => 1,
                (true, false) => 2,
                (true, true) => usize::from(is_first),
            };
            kept.extend(std::iter::repeat_n(letter, times));
        } else if gap.is_some() || !is_burmese_sign(plain) {
            let open = gap.get_or_insert_default();
            if !open.takes(plain) {
                if any_run(&kept, &parts, &test) {
                    return true;
                }
                kept.clear();
                parts.clear();
                gap = Some(Gap::default());
            }
        }
    }
    any_run(&kept, &parts, &test)
}

impl Gap {
    /// Takes a character between two parts of a number; `false` if a number ends with it.
    fn takes(&mut self, c: char) -> bool {
        match c {
            '(' | ')' | ':' | '#' => {
                (self.joined, self.ended, self.opened) = (true, true, c == '(');
            }
            c if c.is_whitespace() => self.spaced = true,
            c if is_joiner(c) => self.joined = true,
            _ => return false,
        }
        true
    }
}

/// The digit or capital letter that a character counts as within a number.
fn kept_as(c: char) -> Option<char> {
    match unicode::decimal_digit(c) {
        Some(value) => Some(char::from(b'0' + value)),
        None if c.is_ascii_alphabetic() => Some(c.to_ascii_uppercase()),
        // numbers of Myanmar are written in its script too, by syllables: two Latin letters each,
        // or one for a whole word in brackets: LAKANA(N)
        None if is_burmese(c) => Some('X'),
        None => None,
    }
}

const fn is_burmese(c: char) -> bool {
    matches!(c, '\u{1000}'..='\u{102A}')
}

/// A sign of the letter before it.
const fn is_burmese_sign(c: char) -> bool {
    matches!(c, '\u{102B}'..='\u{103E}')
}

/// What digits of one number are written with, beside spaces.
fn is_joiner(c: char) -> bool {
    is_hyphen(c) || matches!(c, '.' | '/' | '_') || unicode::is_format(c)
}

/// Whether parts that stand side by side hold to `test`. A longer run than patterns match is not
/// looked at, so each part begins at most 24 runs.
///
/// Names and addresses must not give numbers that nobody wrote. So digits that go on count as a
/// whole only: a house number `12/345/6789/1` holds no number of nine digits. A space alone joins
/// nothing to a word of letters or after it: `12-Yangon 123456`. And digits that have spaces must be
/// broken twice at least, as printed numbers are: `271 120101` is a street and a postal code.
fn any_run(kept: &str, parts: &[Part], test: impl Fn(&str) -> bool) -> bool {
    let is_word = |i: usize| {
        let to = parts.get(i + 1).map_or(kept.len(), |next| next.start);
        let part = parts.get(i).and_then(|part| kept.get(part.start..to)).unwrap_or_default();
        part.len() > 1 && part.bytes().all(|b| b.is_ascii_alphabetic())
    };
    parts.iter().enumerate().any(|(i, first)| {
        let (mut spaced, mut by_space_alone, mut has_word) = (false, false, false);
        for (j, part) in parts.iter().enumerate().skip(i) {
            spaced |= j > i && part.spaced;
            by_space_alone |= j > i && part.spaced && !part.joined;
            has_word |= is_word(j);
            if by_space_alone && has_word {
                return false;
            }
            let next = parts.get(j + 1);
            let run = kept.get(first.start..next.map_or(kept.len(), |next| next.start));
            let Some(run) = run.filter(|run| run.len() <= pattern::TEXT_CHARS_MAX) else {
                return false;
            };
            // over a space digits go on for runs that have spaces, and for no others
            let goes_on = |part: &Part| part.continues && (spaced || !part.spaced);
            let is_cut = goes_on(first) || next.is_some_and(goes_on) || (spaced && j < i + 2);
            if !(is_cut && run.bytes().all(|b| b.is_ascii_digit())) && test(run) {
                return true;
            }
        }
        false
    })
}
