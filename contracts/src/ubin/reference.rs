//! Identifiers of other systems in a record: shapes and checks (ubin.md §5).
//!
//! Invariant: an identifier is a claim of the register. A wrong shape is refused, a wrong check is
//! a warning: published LEIs exist that fail theirs.

use super::pattern::value_of;

/// Why an identifier is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadShape;

/// The schemes whose values other live records are compared with (`possibleDuplicateOf`).
pub const COMPARED: &[&str] = &["lei", "gln"];

/// Schemes that carry a value; `tin` carries a commitment instead.
pub const SCHEMES: &[&str] = &["lei", "gln", "duns", "peppol", "bic", "ocid", "vlei"];

/// Checks a value of a scheme; `Ok(Some(warning))` if its check or list is at odds.
pub fn check(scheme: &str, value: &str) -> Result<Option<&'static str>, BadShape> {
    let plain = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase();
    let word = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let bytes = value.as_bytes();
    let shape = |holds: bool| if holds { Ok(None) } else { Err(BadShape) };
    match scheme {
        "lei" if bytes.len() == 20 && value.bytes().all(plain) => {
            Ok((!lei_check_holds(value)).then_some("LEI_CHECKSUM"))
        }
        "gln" if bytes.len() == 13 && value.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((!gln_check_holds(value)).then_some("GLN_CHECKSUM"))
        }
        "duns" => shape(bytes.len() == 9 && value.bytes().all(|b| b.is_ascii_digit())),
        "bic" => shape(matches!(bytes.len(), 8 | 11) && value.bytes().all(plain)),
        "ocid" => shape((1..=40).contains(&bytes.len()) && value.bytes().all(word)),
        "vlei" => shape((1..=64).contains(&bytes.len()) && value.bytes().all(word)),
        "peppol" => peppol(value),
        _ => Err(BadShape),
    }
}

/// The part of a value that is scanned for numbers of natural persons: values of free form, but
/// not those that another rule book gives their shape (a GLN has 13 digits like a citizen number).
pub fn scanned<'a>(scheme: &str, value: &'a str) -> Option<&'a str> {
    match (scheme, value.split_once(':')) {
        ("ocid" | "vlei", _) => Some(value),
        // 0060 D-U-N-S, 0088 GLN, 0199 LEI
        ("peppol", Some((icd, number))) if !matches!(icd, "0060" | "0088" | "0199") => Some(number),
        _ => None,
    }
}

/// ISO 17442: the digits of the letters' values, modulo 97, leave 1.
fn lei_check_holds(lei: &str) -> bool {
    let remainder = lei.bytes().filter_map(value_of).fold(0, |rest, value| {
        let shifted = if value < 10 { rest * 10 } else { rest * 100 };
        (shifted + value) % 97
    });
    remainder == 1
}

/// GS1: weights 3 and 1 from the right, the sum a multiple of ten.
fn gln_check_holds(gln: &str) -> bool {
    let sum: u32 = gln
        .bytes()
        .rev()
        .filter_map(value_of)
        .enumerate()
        .map(|(i, value)| if i % 2 == 0 { value } else { value * 3 })
        .sum();
    sum.is_multiple_of(10)
}

/// `icd:value`; codes outside the two assigned blocks are a warning.
fn peppol(value: &str) -> Result<Option<&'static str>, BadShape> {
    let (icd, number) = value.split_once(':').ok_or(BadShape)?;
    let word = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let shape = value.len() <= 60
        && icd.len() == 4
        && icd.bytes().all(|b| b.is_ascii_digit())
        && !number.is_empty()
        && number.bytes().all(word);
    if !shape {
        return Err(BadShape);
    }
    let code: u32 = icd.parse().map_err(|_| BadShape)?;
    // ISO 6523 ICD list 9.7 and the Peppol block of the code list EAS
    let known = matches!(code, 2..=240 | 9901..=9959);
    Ok((!known).then_some("PEPPOL_ICD_UNKNOWN"))
}
