//! Check algorithms of national numbers (ubin-schemes.md §3).
//!
//! Invariant: a result is advice: where the owning register has signed the number, FAIL is a
//! warning. No algorithm compares a year with a clock. Every function is total on any text.

use super::pattern::value_of;

/// The outcome of a national check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NationalCheck {
    /// The check holds.
    Pass,
    /// The check does not hold.
    Fail,
    /// The scheme has no check, or it does not cover this number.
    NotApplicable,
}

impl NationalCheck {
    /// The name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::NotApplicable => "NOT_APPLICABLE",
        }
    }

    const fn of(holds: bool) -> Self {
        if holds { Self::Pass } else { Self::Fail }
    }
}

/// The algorithms this release knows.
pub const ALGORITHMS: &[&str] = &["NONE", "SG_UEN", "VN_MST", "TH_13", "ID_NPWP16"];

/// Runs algorithm `name` over a canonical local. Unknown names are kept out by the scheme rules
/// (`SCHEME_ALG_UNKNOWN`) and answer `NotApplicable`.
pub fn national_check(name: &str, local: &str) -> NationalCheck {
    let bytes = local.as_bytes();
    match name {
        "SG_UEN" => sg_uen(bytes),
        "VN_MST" => vn_mst(bytes),
        "TH_13" => th_13(bytes),
        "ID_NPWP16" => id_npwp16(bytes),
        _ => NationalCheck::NotApplicable,
    }
}

/// The sum of weight × value over the first characters; `None` if one is not a digit or missing.
fn weighted(bytes: &[u8], weights: &[u32]) -> Option<u32> {
    let values = digits(bytes.get(..weights.len())?)?;
    Some(values.iter().zip(weights).map(|(value, weight)| value * weight).sum())
}

fn digits(bytes: &[u8]) -> Option<Vec<u32>> {
    bytes.iter().map(|b| b.is_ascii_digit().then(|| u32::from(b - b'0'))).collect()
}

/// Singapore unique entity number: three forms by length and first character.
fn sg_uen(bytes: &[u8]) -> NationalCheck {
    match bytes.len() {
        9 => letter_of(weighted(bytes, &[10, 4, 9, 3, 8, 2, 7, 1]), bytes.get(8), b"XMKECAWLJDB"),
        10 if bytes.first().is_some_and(u8::is_ascii_digit) => {
            letter_of(weighted(bytes, &[10, 8, 6, 4, 9, 7, 5, 3, 1]), bytes.get(9), b"ZKCMDNERGWH")
        }
        10 if matches!(bytes.first(), Some(b'R' | b'S' | b'T')) => sg_other(bytes),
        11.. => sg_uen(bytes.get(..10).unwrap_or_default()),
        _ => NationalCheck::NotApplicable,
    }
}

fn letter_of(sum: Option<u32>, last: Option<&u8>, letters: &[u8; 11]) -> NationalCheck {
    match sum {
        Some(sum) => NationalCheck::of(letters.get(sum as usize % 11) == last),
        None => NationalCheck::NotApplicable,
    }
}

/// Entities other than businesses and companies: values are places in their own alphabet.
fn sg_other(bytes: &[u8]) -> NationalCheck {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWX0123456789";
    const WEIGHTS: [usize; 9] = [4, 3, 5, 3, 10, 2, 2, 5, 7];
    let places: Option<Vec<usize>> =
        bytes.iter().map(|b| ALPHABET.iter().position(|a| a == b)).collect();
    let Some(places) = places else { return NationalCheck::NotApplicable };
    let sum: usize = places.iter().zip(WEIGHTS).map(|(place, weight)| place * weight).sum();
    // (s - 5) mod 11, kept above zero
    NationalCheck::of(places.last() == Some(&((sum + 6) % 11)))
}

/// Vietnamese tax and enterprise number; dependent units carry the number of their enterprise.
fn vn_mst(bytes: &[u8]) -> NationalCheck {
    if !matches!(bytes.len(), 10 | 13 | 15) || digits(bytes).is_none() {
        return NationalCheck::NotApplicable;
    }
    let empty_serial = bytes.get(2..9).is_some_and(|serial| serial.iter().all(|b| *b == b'0'));
    let empty_unit = bytes.len() == 13 && bytes.ends_with(b"000");
    if empty_serial || empty_unit {
        return NationalCheck::Fail;
    }
    let sum = weighted(bytes, &[31, 29, 23, 19, 17, 13, 7, 5, 3]);
    let last = bytes.get(9).and_then(|b| value_of(*b));
    NationalCheck::of(sum.map(|sum| 10 - sum % 11) == last)
}

/// Thai juristic person number of 13 digits.
fn th_13(bytes: &[u8]) -> NationalCheck {
    if bytes.len() != 13 || digits(bytes).is_none() {
        return NationalCheck::NotApplicable;
    }
    let sum = weighted(bytes, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let last = bytes.get(12).and_then(|b| value_of(*b));
    NationalCheck::of(sum.map(|sum| (11 - sum % 11) % 10) == last)
}

/// Indonesian taxpayer number of 16 digits: Luhn over the first ten, the rightmost undoubled.
fn id_npwp16(bytes: &[u8]) -> NationalCheck {
    let values = bytes.get(..10).filter(|_| bytes.len() == 16).and_then(digits);
    let Some(values) = values else { return NationalCheck::NotApplicable };
    let sum: u32 = values
        .iter()
        .rev()
        .enumerate()
        .map(|(i, value)| match (i % 2, value * 2) {
            (0, _) => *value,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    NationalCheck::of(sum.is_multiple_of(10))
}
