//! The reader: text to values, strictly, and whether the text is the canonical one.

use super::{INT_MAX, Value, plain_bytes, utf16_order};
use crate::error::{Code, Reject};
use crate::limits;

/// Parses one JSON value. Errors are `MALFORMED` or `LIMIT_EXCEEDED` (nesting beyond
/// [`limits::JSON_DEPTH_MAX`]) and never echo the input.
pub fn parse(bytes: &[u8]) -> Result<Value, Reject> {
    read_all(bytes).map(|(value, _)| value)
}

/// Parses a value that must already be in canonical form, byte for byte, else `MALFORMED`.
pub fn parse_canonical(bytes: &[u8]) -> Result<Value, Reject> {
    let (value, canonical) = read_all(bytes)?;
    if !canonical {
        return Err(Reject::new(Code::Malformed, "", "not in RFC 8785 canonical form"));
    }
    Ok(value)
}

/// The value of a text, and whether the text is the one that [`Value::to_jcs`] writes of it.
fn read_all(bytes: &[u8]) -> Result<(Value, bool), Reject> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Reject::new(Code::Malformed, "", "not UTF-8 text"))?;
    let mut reader = Reader::new(text);
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at != bytes.len() {
        return Err(reader.malformed("bytes follow the value"));
    }
    Ok((value, reader.canonical))
}

/// Where the reader stands in a text.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// Whether all so far is as RFC 8785 writes it: no space, members in order, escapes that have
    /// to be and in their own form. Numbers have one form alone, see [`Self::number`].
    canonical: bool,
    /// Members and items of what is open yet, so that each object and list is allocated once.
    members: Vec<(String, Value)>,
    items: Vec<Value>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            text,
            at: 0,
            canonical: true,
            members: Vec::new(),
            items: Vec::new(),
        }
    }

    /// The text up to what is escaped or ends a string.
    fn plain(&mut self) -> &'a str {
        let start = self.at;
        self.at += plain_bytes(self.bytes.get(start..).unwrap_or_default());
        // what is escaped is ASCII, so both are bounds of characters
        &self.text[start..self.at]
    }
}

impl Reader<'_> {
    fn malformed(&self, what: &str) -> Reject {
        Reject::new(Code::Malformed, "", &format!("{what} at byte {}", self.at))
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.canonical = false;
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

    pub(super) fn value(&mut self, depth: usize) -> Result<Value, Reject> {
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
        let from = self.items.len();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(Vec::new()));
        }
        loop {
            self.skip_space();
            let item = self.value(depth)?;
            self.items.push(item);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(self.items.split_off(from)));
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
        let from = self.members.len();
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
            self.members.push((name, value));
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
        let mut members = self.members.split_off(from);
        // what people sign comes in order
        if !members.is_sorted_by(|a, b| utf16_order(&a.0, &b.0).is_lt()) {
            self.canonical = false;
            members.sort_by(|a, b| utf16_order(&a.0, &b.0));
            if members.windows(2).any(|w| w[0].0 == w[1].0) {
                return Err(self.malformed("duplicate member name in the object before"));
            }
        }
        Ok(Value::Object(members))
    }

    pub(super) fn number(&mut self) -> Result<Value, Reject> {
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

    pub(super) fn string(&mut self) -> Result<String, Reject> {
        self.at += 1;
        let mut out = self.plain().to_owned();
        loop {
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
            out.push_str(self.plain());
        }
    }

    fn escape(&mut self) -> Result<char, Reject> {
        let c = self.peek();
        self.at += 1;
        Ok(match c {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => {
                self.canonical = false;
                '/'
            }
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
        let digits = self.bytes.get(self.at - 4..self.at).unwrap_or_default();
        // only control characters without a short escape are written so, in lower case
        self.canonical &= high < 0x20
            && !matches!(high, 0x8..=0xa | 0xc | 0xd)
            && !digits.iter().any(u8::is_ascii_uppercase);
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
