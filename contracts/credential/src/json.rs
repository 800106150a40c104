//! Strict JSON for credentials, and its canonical form (RFC 8785, JCS).
//!
//! Invariant: what two JSON parsers could read differently is refused (vc.md S11): duplicate
//! members, integers beyond 2^53−1, numbers that are not finite, lone surrogates, trailing bytes.
//! Limits are counted while reading, so a hostile text costs no more than its length.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use crate::codes::Fault;

/// Bytes of a credential or presentation.
pub const BYTES_MAX: usize = 256 * 1024;
/// Nesting.
pub const DEPTH_MAX: usize = 32;
/// Values of any kind.
pub const NODES_MAX: usize = 10_000;

const INT_MAX: i64 = (1 << 53) - 1;
const MEMORY: &str = "writing to a string cannot fail";

/// Reads one JSON value under the limits for credentials.
pub fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    if bytes.len() > BYTES_MAX {
        return Err(Fault::new("TOO_LARGE", ""));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new("PARSE_ERROR", ""))?;
    let mut reader = Reader { text, bytes, at: 0, nodes: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at == bytes.len() { Ok(value) } else { Err(broken()) }
}

fn broken() -> Fault {
    Fault::new("PARSE_ERROR", "")
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nodes: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(broken())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Fault::new("TOO_MANY_NODES", ""));
        }
        match self.peek() {
            Some(b'{' | b'[') if depth >= DEPTH_MAX => Err(Fault::new("TOO_DEEP", "")),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(broken()),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(broken())
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => {
                    self.expect(b']')?;
                    return Ok(Value::Array(items));
                }
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        self.at += 1;
        let mut members = Map::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(broken());
            }
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value(depth)?;
            if members.insert(name, value).is_some() {
                return Err(Fault::new("DUPLICATE_KEY", ""));
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => {
                    self.expect(b'}')?;
                    return Ok(Value::Object(members));
                }
            }
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (zero && whole > 1) {
            return Err(broken());
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            if self.digits() == 0 {
                return Err(broken());
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(broken());
            }
        }
        let range = || Fault::new("NUMBER_RANGE", "");
        let text = self.text.get(start..self.at).ok_or_else(broken)?;
        if integer {
            let int: i64 = text.parse().map_err(|_| range())?;
            return if int.abs() <= INT_MAX { Ok(Value::from(int)) } else { Err(range()) };
        }
        let float: f64 = text.parse().map_err(|_| range())?;
        if !float.is_finite() {
            return Err(range());
        }
        if float.fract() == 0.0 {
            // 1.0 and 1 are one number and have one canonical form
            let fits = float.abs() <= INT_MAX as f64;
            return if fits { Ok(Value::from(float as i64)) } else { Err(range()) };
        }
        Number::from_f64(float).map(Value::Number).ok_or_else(range)
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            let rest = self.bytes.get(start..).unwrap_or_default();
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            self.at += rest.iter().position(ends).unwrap_or(rest.len());
            out.push_str(self.text.get(start..self.at).ok_or_else(broken)?);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return Err(broken()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
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
            Some(b'u') => {
                let high = self.four_hex()?;
                if !(0xd800..0xe000).contains(&high) {
                    return char::from_u32(high).ok_or_else(broken);
                }
                self.expect(b'\\')?;
                self.expect(b'u')?;
                let low = self.four_hex()?;
                if high >= 0xdc00 || !(0xdc00..0xe000).contains(&low) {
                    return Err(broken());
                }
                return char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                    .ok_or_else(broken);
            }
            _ => return Err(broken()),
        })
    }

    fn four_hex(&mut self) -> Result<u32, Fault> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or_else(broken)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| broken())
    }
}

/// The RFC 8785 text of a value.
pub fn canonical(value: &Value) -> String {
    let mut out = String::with_capacity(1_024);
    write(value, &mut out);
    out
}

/// The RFC 8785 text of an object: of its members without those of `without`, and with those of
/// `with`, which replace members of their names.
pub(crate) fn canonical_object(
    members: &Map<String, Value>,
    without: &[&str],
    with: &[(&str, &Value)],
) -> String {
    let stays = |name: &str| !without.contains(&name) && !with.iter().any(|(w, _)| *w == name);
    let kept = members.iter().map(|(name, value)| (name.as_str(), value));
    let mut all: Vec<(&str, &Value)> = kept.filter(|(name, _)| stays(name)).collect();
    all.extend(with);
    all.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    let mut out = String::with_capacity(1_024);
    write_members(all.into_iter(), &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let all = members.iter().map(|(name, value)| (name.as_str(), value));
            // members stand in the order of UTF-8; that of UTF-16 is another only if a name holds a
            // character from U+E000 on, whose first byte is 0xEE or more
            if members.keys().any(|name| name.bytes().any(|byte| byte >= 0xee)) {
                let mut sorted: Vec<(&str, &Value)> = all.collect();
                sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                write_members(sorted.into_iter(), out);
            } else {
                write_members(all, out);
            }
        }
    }
}

fn write_members<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut String) {
    out.push('{');
    for (i, (name, item)) in members.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        write(item, out);
    }
    out.push('}');
}

/// Writes a text; what needs no escape is copied in one go.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        // all that is escaped is ASCII, so `at` is a boundary of characters
        if !matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            continue;
        }
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x8 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0xc => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            other => write!(out, "\\u{other:04x}").expect(MEMORY),
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

/// A number as ECMAScript prints it: the shortest digits that read back to the same number, of those
/// the nearest, plain from 1e-6 up to 1e21, else with an exponent.
fn write_number(number: &Number, out: &mut String) {
    if let Some(int) = number.as_i64() {
        return write!(out, "{int}").expect(MEMORY);
    }
    let float = number.as_f64().unwrap_or_default();
    if float == 0.0 {
        return out.push('0');
    }
    let shortest = nearest_of_shortest(float.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    // the decimal point stands after this many digits
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if float < 0.0 {
        out.push('-');
    }
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or_default());
    if (count..=21).contains(&point) {
        out.push_str(&digits);
        out.push_str(&zeros(point - count));
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        out.push_str(&format!("{whole}.{fraction}"));
    } else if (-5..=0).contains(&point) {
        out.push_str(&format!("0.{}{digits}", zeros(-point)));
    } else {
        let sign = if point > 0 { "+" } else { "-" };
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        out.push_str(&format!("{first}{dot}{rest}e{sign}{}", (point - 1).abs()));
    }
}

/// The digits and exponent of a positive number. Of two shortest texts that lie equally near, ECMAScript
/// takes the one with an even last digit, as rounding to that many digits does.
fn nearest_of_shortest(float: f64) -> String {
    let shortest = format!("{float:e}");
    let fraction = shortest.split_once('e').map_or(0, |(mantissa, _)| mantissa.len());
    let digits_after_point = fraction.saturating_sub(2);
    let rounded = format!("{float:.digits_after_point$e}");
    if rounded.parse() == Ok(float) { rounded } else { shortest }
}

/// The canonical xsd:double of a number: one digit, a point, at most 15 more, and an exponent.
pub fn canonical_double(number: &Number) -> String {
    let text = format!("{:.15e}", number.as_f64().unwrap_or_default());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let trimmed = mantissa.trim_end_matches('0');
    let point = if trimmed.ends_with('.') { "0" } else { "" };
    format!("{trimmed}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_rfc_8785_appendix_b_lists_them() {
        for (bits, text) in [
            (0x0000_0000_0000_0001_u64, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        ] {
            let number = Number::from_f64(f64::from_bits(bits)).expect("finite");
            assert_eq!(canonical(&Value::Number(number)), text);
        }
    }

    #[test]
    fn of_two_shortest_spellings_as_near_the_even_one_counts() {
        for (number, text) in [
            (650_287_623_303_377.0 / 8.0, "81285952912922.12"),
            (-650_287_623_303_377.0 / 8.0, "-81285952912922.12"),
            (650_287_623_303_379.0 / 8.0, "81285952912922.38"),
        ] {
            let number = Number::from_f64(number).expect("finite");
            assert_eq!(canonical(&Value::Number(number)), text);
        }
    }
}
