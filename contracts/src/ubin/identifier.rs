//! The identifier: reading, check characters, canonical forms and renderings (ubin.md §1).
//!
//! Invariant: parsing is total on any text, never echoes a refused number, and needs nothing but
//! the scheme table. Letters are never folded to digits (O/0, I/1): catching that is the work of
//! the check characters. It deliberately does not know which numbers are registered.

use super::check::{NationalCheck, national_check};
use super::pattern::value_of;
use super::scheme::{Scheme, SchemeTable};
use super::{suggestion, unicode};
use crate::access::is_state_code;
use crate::error::{Code, Reject};
use crate::limits;

/// A well-formed UBIN, by parts. Printed canonical: `SG-UEN-199403865N-G7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ubin {
    /// ISO 3166-1 alpha-2 of the state.
    pub cc: String,
    /// The scheme code.
    pub scheme: String,
    /// The canonical national number.
    pub local: String,
}

impl Ubin {
    /// The two check characters. They are computed, never stored.
    pub fn check(&self) -> String {
        check_characters(&format!("{}{}{}", self.cc, self.scheme, self.local)).unwrap_or_default()
    }

    /// Without hyphens.
    pub fn compact(&self) -> String {
        format!("{}{}{}{}", self.cc, self.scheme, self.local, self.check())
    }

    /// Reads the canonical form byte for byte, check characters included, without the scheme
    /// table: whether country and scheme exist is not asked. `None` for any other spelling.
    pub fn parse_canonical(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (cc, scheme, local, check) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let upper = |b: u8| b.is_ascii_uppercase();
        let plain = |b: u8| upper(b) || b.is_ascii_digit();
        let shape = parts.next().is_none()
            && is_state_code(cc)
            && (2..=6).contains(&scheme.len())
            && scheme.bytes().next().is_some_and(upper)
            && scheme.bytes().all(plain)
            && (1..=limits::UBIN_LOCAL_CHARS_MAX).contains(&local.len())
            && local.bytes().all(plain);
        if !shape {
            return None;
        }
        let ubin = Self { cc: cc.to_owned(), scheme: scheme.to_owned(), local: local.to_owned() };
        (ubin.check() == check).then_some(ubin)
    }
}

impl std::fmt::Display for Ubin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}-{}", self.cc, self.scheme, self.local, self.check())
    }
}

/// What reading a UBIN found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The identifier.
    pub ubin: Ubin,
    /// `LOCAL_FORMAT`, `LOCAL_SHAPE_UNUSUAL`, `ENTITY_TYPE_UNKNOWN`; never a reason to refuse
    /// reading: a number once registered stays readable whatever later patterns say.
    pub warnings: Vec<&'static str>,
    /// The national check.
    pub national_check: NationalCheck,
}

/// Why a text is no UBIN, and which UBINs one edit away might be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The first rule that failed.
    pub code: Code,
    /// Canonical UBINs, at most three, best first; only with `UBIN_CHECK_FAILED`. They are shown,
    /// never applied.
    pub suggestions: Vec<String>,
}

impl From<Code> for ParseError {
    fn from(code: Code) -> Self {
        Self { code, suggestions: Vec::new() }
    }
}

impl From<ParseError> for Reject {
    fn from(error: ParseError) -> Self {
        Self::from(error.code)
    }
}

/// Reads a UBIN in any spelling. Suggestions are made for failed checks only.
pub fn parse(input: &str, table: &SchemeTable) -> Result<Parsed, ParseError> {
    let text = squeeze(input)?;
    parse_squeezed(&text, table).map_err(|code| {
        let suggestions = match code {
            Code::UbinCheckFailed => suggestion::single_edits(&text, table),
            _ => Vec::new(),
        };
        ParseError { code, suggestions }
    })
}

/// Reads a squeezed UBIN, without suggestions.
pub(super) fn parse_squeezed(text: &str, table: &SchemeTable) -> Result<Parsed, Code> {
    let (scheme, body) = split_scheme(text, table)?;
    let (local, check) = split_check(body)?;
    if scheme.is_personal(local) {
        return Err(Code::PersonalNumberRefused);
    }
    let parsed = judge(scheme, local.to_owned());
    if parsed.ubin.check() == check { Ok(parsed) } else { Err(Code::UbinCheckFailed) }
}

/// Splits a squeezed UBIN into its scheme and what follows: one scheme code of the country is a
/// prefix of the rest, since codes are prefix-free.
fn split_scheme<'a, 't>(
    text: &'a str,
    table: &'t SchemeTable,
) -> Result<(&'t Scheme, &'a str), Code> {
    let (cc, rest) = text.split_at_checked(2).ok_or(Code::UbinCountryUnknown)?;
    let schemes = table.of_country(cc).ok_or(Code::UbinCountryUnknown)?;
    schemes
        .iter()
        .find_map(|scheme| Some((scheme, rest.strip_prefix(scheme.entry.code.as_str())?)))
        .ok_or(Code::UbinSchemeUnknown)
}

fn split_check(body: &str) -> Result<(&str, &str), Code> {
    let length = body.len().checked_sub(2).ok_or(Code::UbinLocalLength)?;
    if !(1..=limits::UBIN_LOCAL_CHARS_MAX).contains(&length) {
        return Err(Code::UbinLocalLength);
    }
    body.split_at_checked(length).ok_or(Code::UbinLocalLength)
}

/// The warnings and the national check of a local that is not refused.
pub fn judge(scheme: &Scheme, local: String) -> Parsed {
    let mut warnings = Vec::new();
    if !scheme.is_canonical(&local) {
        warnings.push("LOCAL_FORMAT");
    }
    if !scheme.is_expected_shape(&local) {
        warnings.push("LOCAL_SHAPE_UNUSUAL");
    }
    if !scheme.is_known_type(&local) {
        warnings.push("ENTITY_TYPE_UNKNOWN");
    }
    let national_check = national_check(&scheme.entry.check_alg, &local);
    let ubin = Ubin { cc: scheme.entry.cc.clone(), scheme: scheme.entry.code.clone(), local };
    Parsed { ubin, warnings, national_check }
}

/// Makes the UBIN of a raw national number.
pub fn make(cc: &str, scheme: &str, raw: &str, table: &SchemeTable) -> Result<Parsed, ParseError> {
    let schemes = table.of_country(cc).ok_or(Code::UbinCountryUnknown)?;
    let scheme = schemes.iter().find(|s| s.entry.code == scheme).ok_or(Code::UbinSchemeUnknown)?;
    let local = scheme.canonical_local(raw)?;
    Ok(judge(scheme, local))
}

/// The UBINs that an input in any rendering, or a bare national number, may stand for: ordered by
/// country and scheme, a full UBIN first. The caller looks them up; nothing is guessed.
pub fn resolve_candidates(
    raw: &str,
    cc: Option<&str>,
    scheme: Option<&str>,
    table: &SchemeTable,
) -> Vec<Parsed> {
    let wanted = |s: &Scheme| {
        cc.is_none_or(|cc| s.entry.cc == cc) && scheme.is_none_or(|code| s.entry.code == code)
    };
    let mut found: Vec<Parsed> = Vec::new();
    let mut keep = |parsed: Parsed| {
        if !found.iter().any(|other| other.ubin == parsed.ubin) {
            found.push(parsed);
        }
    };
    let text = raw.trim();
    let path = text.rfind("/ubin/").and_then(|at| text.get(at + "/ubin/".len()..));
    if let Ok(parsed) = parse(path.unwrap_or(text), table) {
        keep(parsed);
    }
    for scheme in table.iter().filter(|s| wanted(s)) {
        for number in numbers_for(scheme, text) {
            if let Ok(local) = scheme.canonical_local(&number) {
                keep(judge(scheme, local));
            }
        }
    }
    found
}

/// The raw national numbers that `text` may carry for a scheme: one per rendering that fits.
fn numbers_for(scheme: &Scheme, text: &str) -> Vec<String> {
    let entry = &scheme.entry;
    let mut prefixes =
        vec![format!("{}.{}:", entry.cc, entry.code), format!("{}{}.", entry.cc, entry.code)];
    if let Some(domain) = &entry.authority.register_domain {
        prefixes.push(format!("urn:gtr:{domain}:"));
    }
    if let (Some(icd), Some(prefix)) = (&entry.icd, &entry.peppol_prefix) {
        prefixes.push(format!("{icd}:{prefix}"));
    }
    let mut numbers: Vec<String> = prefixes
        .iter()
        .filter_map(|prefix| {
            let head = text.get(..prefix.len())?;
            let tail = text.get(prefix.len()..)?;
            head.eq_ignore_ascii_case(prefix).then(|| tail.to_owned())
        })
        .collect();
    if numbers.is_empty() {
        numbers.push(text.to_owned());
    }
    numbers
}

/// The renderings of ubin.md §1.6; a form that needs a missing code is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renderings {
    /// Without hyphens.
    pub compact: String,
    /// `urn:gtr:<registerDomain>:<local>`.
    pub urn: Option<String>,
    /// Shape of ISO 8000-116.
    pub alei: String,
    /// Shape of Regulation (EU) 2021/1042.
    pub euid_like: String,
    /// Peppol participant id.
    pub peppol: Option<String>,
    /// Path of the resolver.
    pub path: String,
}

/// All renderings of a UBIN.
pub fn renderings(ubin: &Ubin, table: &SchemeTable) -> Renderings {
    let Ubin { cc, scheme: code, local } = ubin;
    let entry = table.find(cc, code).map(|scheme| &scheme.entry);
    let domain = entry.and_then(|e| e.authority.register_domain.as_deref());
    let peppol = entry.and_then(|e| Some((e.icd.as_deref()?, e.peppol_prefix.as_deref()?)));
    Renderings {
        compact: ubin.compact(),
        urn: domain.map(|domain| format!("urn:gtr:{domain}:{local}")),
        alei: format!("{cc}.{code}:{local}"),
        euid_like: format!("{cc}{code}.{local}"),
        peppol: peppol.map(|(icd, prefix)| format!("{icd}:{prefix}{local}")),
        path: format!("/ubin/{ubin}"),
    }
}

/// Normalises an input: separators and format characters dropped, digits of every script and
/// full-width forms mapped to ASCII, letters upper-cased (ubin.md §1.2).
pub fn squeeze(input: &str) -> Result<String, Code> {
    if input.len() > limits::UBIN_INPUT_BYTES_MAX {
        return Err(Code::UbinTooLong);
    }
    let mut out = String::with_capacity(input.len());
    for c in input.chars() {
        let c = match u32::from(c) {
            // full-width forms lie at a fixed distance from ASCII
            code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
            _ => c,
        };
        if is_separator(c) || unicode::is_format(c) {
            continue;
        }
        match unicode::decimal_digit(c) {
            Some(value) => out.push(char::from(b'0' + value)),
            None if c.is_ascii_alphabetic() => out.push(c.to_ascii_uppercase()),
            None => return Err(Code::UbinChar),
        }
    }
    if out.is_empty() { Err(Code::UbinEmpty) } else { Ok(out) }
}

const fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\u{A0}' | '\u{3000}' | '-' | '.' | '/' | '_' | '\u{2010}'
            ..='\u{2015}' | '\u{2212}'
    )
}

/// The pair of check characters of ISO/IEC 7064:2003 MOD 1271-36 over `data`; `None` if a
/// character lies outside 0-9A-Z.
///
/// The pair is recomputed and compared byte for byte: congruence alone would accept a second
/// spelling of 25 residues.
pub fn check_characters(data: &str) -> Option<String> {
    let r = check_number(data)?;
    let pair = [character(r / 36)?, character(r % 36)?];
    Some(pair.iter().collect())
}

/// The check as a number r, 2 ≤ r ≤ 1272.
pub(super) fn check_number(data: &str) -> Option<u32> {
    let p = data.bytes().try_fold(0, |p, byte| Some((p + value_of(byte)?) * 36 % 1271))?;
    Some(1272 - p * 36 % 1271)
}

fn character(value: u32) -> Option<char> {
    char::from_digit(value, 36).map(|c| c.to_ascii_uppercase())
}
