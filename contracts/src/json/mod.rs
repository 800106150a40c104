//! Strict I-JSON reader and RFC 8785 (JCS) writer for everything people sign.
//!
//! Invariant: `to_jcs(parse(x)) == x` exactly for canonical input, so one value has one byte form.
//! There are no floats: integers lie within ±(2^53−1), larger numbers are decimal strings.
//! Duplicate names, lone surrogates, trailing bytes and nesting beyond the limit are refused while
//! reading. It deliberately does not know any schema; [`Members`] reads objects member by member,
//! [`text`] goes between text and typed values directly.

mod members;
pub mod text;

use std::fmt::Write as _;

use crate::error::{Code, Reject};
use crate::limits;

pub use members::Members;

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
        let mut out = String::with_capacity(1_024);
        self.write_jcs(&mut out);
        out
    }

    /// The bytes that the RFC 8785 text has, counted without writing it.
    pub fn jcs_bytes(&self) -> usize {
        let separated = |sizes: usize, count: usize| 2 + sizes + count.saturating_sub(1);
        match self {
            Self::Null | Self::Bool(true) => 4,
            Self::Bool(false) => 5,
            Self::Int(int) => int.to_string().len(),
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
        let mut out = String::with_capacity(256);
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

/// The bytes that [`write_text`] writes.
fn text_bytes(text: &str) -> usize {
    let escape = |byte: u8| match byte {
        b'"' | b'\\' | 0x8..=0xa | 0xc | 0xd => 1,
        0..=0x1f => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(escape).sum::<usize>()
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
    while let Some(at) = rest.bytes().position(is_escaped) {
        let (plain, escaped) = rest.split_at(at);
        out.push_str(plain);
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
    out.push_str(rest);
    out.push('"');
}

/// Parses one JSON value. Errors are `MALFORMED` or `LIMIT_EXCEEDED` (nesting beyond
/// [`limits::JSON_DEPTH_MAX`]) and never echo the input.
pub fn parse(bytes: &[u8]) -> Result<Value, Reject> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Reject::new(Code::Malformed, "", "not UTF-8 text"))?;
    let mut reader = Reader { bytes: text.as_bytes(), text, at: 0 };
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at != bytes.len() {
        return Err(reader.malformed("bytes follow the value"));
    }
    Ok(value)
}

/// Parses a value that must already be in canonical form, byte for byte, else `MALFORMED`.
pub fn parse_canonical(bytes: &[u8]) -> Result<Value, Reject> {
    let value = parse(bytes)?;
    let mut canonical = String::with_capacity(bytes.len());
    value.write_jcs(&mut canonical);
    if canonical.as_bytes() != bytes {
        return Err(Reject::new(Code::Malformed, "", "not in RFC 8785 canonical form"));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn malformed(&self, what: &str) -> Reject {
        Reject::new(Code::Malformed, "", &format!("{what} at byte {}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Reject> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.malformed("unknown literal"))
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Reject> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(_) => Err(self.malformed("unexpected character")),
            None => Err(self.malformed("unexpected end")),
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), Reject> {
        if depth > limits::JSON_DEPTH_MAX {
            return Err(Reject::new(Code::LimitExceeded, "", "nesting beyond the limit"));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Reject> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(items));
                }
                _ => return Err(self.malformed("expected , or ]")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Reject> {
        self.enter(depth)?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Vec::new()));
        }
        let mut members: Vec<(String, Value)> = Vec::new();
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.malformed("expected a member name"));
            }
            let name = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.malformed("expected :"));
            }
            self.at += 1;
            self.skip_space();
            let value = self.value(depth)?;
            members.push((name, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                _ => return Err(self.malformed("expected , or }")),
            }
        }
        // what people sign comes in order
        if !members.is_sorted_by(|a, b| utf16_order(&a.0, &b.0).is_lt()) {
            members.sort_by(|a, b| utf16_order(&a.0, &b.0));
            if members.windows(2).any(|w| w[0].0 == w[1].0) {
                return Err(self.malformed("duplicate member name in the object before"));
            }
        }
        Ok(Value::Object(members))
    }

    fn number(&mut self) -> Result<Value, Reject> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let digits_from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = &self.text[digits_from..self.at];
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(self.malformed("number with a fraction or exponent"));
        }
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        if digits.is_empty() || leading_zero {
            return Err(self.malformed("number"));
        }
        match self.text[start..self.at].parse::<i64>() {
            Ok(int) if int.abs() <= INT_MAX && self.text[start..self.at] != *"-0" => {
                Ok(Value::Int(int))
            }
            _ => Err(self.malformed("integer beyond 2^53-1")),
        }
    }

    fn string(&mut self) -> Result<String, Reject> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            let rest = self.bytes.get(start..).unwrap_or_default();
            self.at += rest.iter().position(|byte| is_escaped(*byte)).unwrap_or(rest.len());
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.push(c);
                }
                Some(_) => return Err(self.malformed("control character in a string")),
                None => return Err(self.malformed("unterminated string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Reject> {
        let c = self.peek();
        self.at += 1;
        Ok(match c {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.malformed("unknown escape")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Reject> {
        let high = self.four_hex()?;
        if !(0xD800..0xE000).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.malformed("escape"));
        }
        let pair = self.bytes.get(self.at..self.at + 2) == Some(b"\\u");
        if high >= 0xDC00 || !pair {
            return Err(self.malformed("lone surrogate"));
        }
        self.at += 2;
        let low = self.four_hex()?;
        if !(0xDC00..0xE000).contains(&low) {
            return Err(self.malformed("lone surrogate"));
        }
        char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            .ok_or_else(|| self.malformed("escape"))
    }

    fn four_hex(&mut self) -> Result<u32, Reject> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or_else(|| self.malformed("escape"))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.malformed("escape"))
    }
}
