//! Strict I-JSON reader and RFC 8785 (JCS) writer for everything people sign.
//!
//! Invariant: `to_jcs(parse(x)) == x` exactly for canonical input, so one value has one byte form.
//! There are no floats: integers lie within ±(2^53−1), larger numbers are decimal strings.
//! Duplicate names, lone surrogates, trailing bytes and nesting beyond the limit are refused while
//! reading. It deliberately does not know any schema; [`Members`] reads objects member by member,
//! [`text`] goes between text and typed values directly.

mod members;
mod read;
pub mod text;

use std::fmt::Write as _;

pub use members::Members;
pub use read::{parse, parse_canonical};

/// The largest integer that JSON carries exactly: 2^53 − 1.
pub const INT_MAX: i64 = (1 << 53) - 1;

/// A JSON value without floats. Object members are kept in canonical (UTF-16) order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer within ±(2^53−1).
    Int(i64),
    /// A string of Unicode scalar values.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object; names are unique and sorted by their UTF-16 code units.
    Object(Vec<(String, Self)>),
}

impl Value {
    /// Builds an object from members in any order. The names must be distinct.
    pub fn object<K: Into<String>, I: IntoIterator<Item = (K, Self)>>(members: I) -> Self {
        let mut list: Vec<(String, Self)> =
            members.into_iter().map(|(k, v)| (k.into(), v)).collect();
        list.sort_by(|a, b| utf16_order(&a.0, &b.0));
        debug_assert!(list.windows(2).all(|w| w[0].0 != w[1].0), "duplicate member name");
        Self::Object(list)
    }

    /// The member `name` of an object; `None` for other values and absent members.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .binary_search_by(|(k, _)| utf16_order(k, name))
                .ok()
                .and_then(|i| members.get(i))
                .map(|(_, v)| v),
            _ => None,
        }
    }

    /// The member `name` of an object, moved out of it; `None` for other values and absent members.
    pub fn take(self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => {
                members.into_iter().find(|(k, _)| k == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text of a string value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer of a number value.
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The items of an array value.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object value, in canonical order.
    pub fn as_object(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// This object without member `name`; other values are returned unchanged.
    pub fn without(&self, name: &str) -> Self {
        match self {
            Self::Object(members) => {
                Self::Object(members.iter().filter(|(k, _)| k != name).cloned().collect())
            }
            other => other.clone(),
        }
    }

    /// This object with member `name` set to `value`.
    pub fn with(&self, name: &str, value: Self) -> Self {
        match self.without(name) {
            Self::Object(mut members) => {
                members.push((name.to_owned(), value));
                Self::object(members)
            }
            other => other,
        }
    }

    /// The RFC 8785 text.
    pub fn to_jcs(&self) -> String {
        // exact: receipts and state keep many of these
        let mut out = String::with_capacity(self.jcs_bytes());
        self.write_jcs(&mut out);
        out
    }

    /// The bytes that the RFC 8785 text has, counted without writing it.
    pub fn jcs_bytes(&self) -> usize {
        let separated = |sizes: usize, count: usize| 2 + sizes + count.saturating_sub(1);
        match self {
            Self::Null | Self::Bool(true) => 4,
            Self::Bool(false) => 5,
            Self::Int(int) => int_bytes(*int),
            Self::Text(text) => text_bytes(text),
            Self::List(items) => separated(items.iter().map(Self::jcs_bytes).sum(), items.len()),
            Self::Object(members) => {
                let sizes = members.iter().map(|(k, v)| text_bytes(k) + 1 + v.jcs_bytes()).sum();
                separated(sizes, members.len())
            }
        }
    }

    /// The RFC 8785 text of this object without members `names`, written without copying the value.
    pub fn to_jcs_without(&self, names: &[&str]) -> String {
        let mut out = String::with_capacity(1_024);
        match self {
            Self::Object(members) => write_members(
                members.iter().map(|(k, v)| (k.as_str(), v)).filter(|(k, _)| !names.contains(k)),
                &mut out,
            ),
            other => other.write_jcs(&mut out),
        }
        out
    }

    /// Appends the RFC 8785 text.
    pub fn write_jcs(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Int(int) => write_int(*int, out),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_jcs(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                write_members(members.iter().map(|(k, v)| (k.as_str(), v)), out);
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    /// Heights, versions and times stay below 2^53 by rule; a larger number becomes text.
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(int) if int <= INT_MAX => Self::Int(int),
            _ => Self::Text(value.to_string()),
        }
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<crate::digest::Digest> for Value {
    fn from(digest: crate::digest::Digest) -> Self {
        Self::Text(digest.to_text())
    }
}

/// The order of UTF-16 code units. It is that of the bytes unless a character from U+E000 on meets
/// one beyond U+FFFF, which UTF-16 writes as surrogates.
fn utf16_order(a: &str, b: &str) -> std::cmp::Ordering {
    match a.bytes().zip(b.bytes()).find(|(x, y)| x != y) {
        None => a.len().cmp(&b.len()),
        Some((x, y)) if x < 0xee && y < 0xee => x.cmp(&y),
        Some(_) => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

fn write_members<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut String) {
    out.push('{');
    for (i, (name, value)) in members.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        value.write_jcs(out);
    }
    out.push('}');
}

const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// How many bytes come before the first that is escaped; all of them if none is. Eight at a time:
/// most texts are plain, and every byte of an op passes here more than once.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // the highest bit of each byte that is zero; wrong only above the first such byte
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        let found = control | quote | backslash;
        if found != 0 {
            return i * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let plain = rest.iter().position(|byte| is_escaped(*byte)).unwrap_or(rest.len());
    words.len() * 8 + plain
}

/// The bytes that [`write_text`] writes.
pub(crate) fn text_bytes(text: &str) -> usize {
    let escape = |byte: u8| match byte {
        b'"' | b'\\' | 0x8..=0xa | 0xc | 0xd => 1,
        0..=0x1f => 5,
        _ => 0,
    };
    let plain = plain_bytes(text.as_bytes());
    2 + text.len() + text.bytes().skip(plain).map(escape).sum::<usize>()
}

/// The bytes that [`write_int`] writes.
fn int_bytes(int: i64) -> usize {
    let digits = int.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
    digits + usize::from(int < 0)
}

/// Writes a decimal; the formatter of the standard library takes several times as long.
fn write_int(int: i64, out: &mut String) {
    let mut digits = [0_u8; 20];
    let (mut at, mut rest) = (digits.len(), int.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push('-');
    }
    out.extend(std::str::from_utf8(&digits[at..]));
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // what is escaped is ASCII, so a byte that is found is a whole character
    loop {
        let (plain, escaped) = rest.split_at(plain_bytes(rest.as_bytes()));
        out.push_str(plain);
        if escaped.is_empty() {
            break;
        }
        let (escaped, after) = escaped.split_at(1);
        match escaped {
            "\"" => out.push_str("\\\""),
            "\\" => out.push_str("\\\\"),
            "\u{8}" => out.push_str("\\b"),
            "\t" => out.push_str("\\t"),
            "\n" => out.push_str("\\n"),
            "\u{c}" => out.push_str("\\f"),
            "\r" => out.push_str("\\r"),
            other => {
                for byte in other.bytes() {
                    let _ = write!(out, "\\u{byte:04x}");
                }
            }
        }
        rest = after;
    }
    out.push('"');
}
