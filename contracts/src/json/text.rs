//! RFC 8785 text of objects whose members are known beforehand, written and read without a
//! [`Value`] between: for state that many ops load and store.
//!
//! Invariant: what [`Writer`] wrote, [`Cursor`] reads back in the same order, and nothing else. The
//! caller names members in canonical order, both ways; a text of another form is `None`.

use super::read::Reader;
use super::{Value, write_int, write_text};
use crate::digest::Digest;

/// Writes one object.
#[derive(Debug)]
pub struct Writer(String);

impl Writer {
    /// A writer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// The bytes written so far.
    pub const fn bytes(&self) -> usize {
        self.0.len()
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }

    /// Writes an object, whose members `members` writes in canonical order.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.0.push('{');
        members(self);
        self.0.push('}');
    }

    /// Begins a member; its value follows. `name` needs no escape.
    pub fn name(&mut self, name: &str) -> &mut Self {
        // a text ends with a quote, so this brace opened the object
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self
    }

    /// Writes a string.
    pub fn text(&mut self, text: &str) {
        write_text(text, &mut self.0);
    }

    /// Writes a number, as [`Value::from`] has it: one beyond 2^53 − 1 becomes text.
    pub fn uint(&mut self, number: u64) {
        match Value::from(number) {
            Value::Int(int) => write_int(int, &mut self.0),
            other => other.write_jcs(&mut self.0),
        }
    }

    /// Writes `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.0.push_str(if value { "true" } else { "false" });
    }

    /// Writes a digest.
    pub fn digest(&mut self, digest: Digest) {
        self.text(&digest.to_text());
    }

    /// Writes any value.
    pub fn value(&mut self, value: &Value) {
        value.write_jcs(&mut self.0);
    }

    /// Writes `null`, or what there is.
    pub fn or_null<T>(&mut self, item: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match item {
            Some(item) => write(self, item),
            None => self.0.push_str("null"),
        }
    }

    /// Writes an array.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.0.push('[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            write(self, item);
        }
        self.0.push(']');
    }
}

/// Reads one object.
pub struct Cursor<'a>(Reader<'a>);

impl std::fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("at", &self.0.at).finish_non_exhaustive()
    }
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of `text`.
    pub const fn new(text: &'a str) -> Self {
        Self(Reader::new(text))
    }

    /// Ends at the end of the text.
    pub fn finish(self) -> Option<()> {
        if self.0.at == self.0.bytes.len() { Some(()) } else { None }
    }

    fn skip(&mut self, token: &str) -> bool {
        let found = self.0.bytes.get(self.0.at..).is_some_and(|r| r.starts_with(token.as_bytes()));
        if found {
            self.0.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        if self.skip(token) { Some(()) } else { None }
    }

    /// Whether the next value is an object.
    pub fn at_object(&self) -> bool {
        self.0.peek() == Some(b'{')
    }

    /// Reads an object, whose members `members` reads in canonical order.
    pub fn object<T>(&mut self, members: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.expect("{")?;
        let result = members(self)?;
        self.expect("}")?;
        Some(result)
    }

    /// Reads the name of the next member; its value follows.
    pub fn name(&mut self, name: &str) -> Option<&mut Self> {
        if self.try_name(name) { Some(self) } else { None }
    }

    /// The same if the next member has this name; else nothing is read.
    pub fn try_name(&mut self, name: &str) -> bool {
        let begin = self.0.at;
        let opened = begin > 0 && self.0.bytes.get(begin - 1) == Some(&b'{');
        let found = (opened || self.skip(",")) && self.skip("\"") && self.skip(name);
        if found && self.skip("\":") {
            return true;
        }
        self.0.at = begin;
        false
    }

    /// Reads a string.
    pub fn text(&mut self) -> Option<String> {
        if self.0.peek() == Some(b'"') { self.0.string().ok() } else { None }
    }

    /// Reads a string that has no escapes: a word, a number in digits, a digest.
    pub fn word(&mut self) -> Option<&'a str> {
        self.expect("\"")?;
        let rest = self.0.text.get(self.0.at..)?;
        let end = super::plain_bytes(rest.as_bytes());
        self.0.at += end;
        self.expect("\"")?;
        rest.get(..end)
    }

    /// Reads a non-negative integer.
    pub fn uint(&mut self) -> Option<u64> {
        match self.0.number().ok()? {
            Value::Int(int) => u64::try_from(int).ok(),
            _ => None,
        }
    }

    /// Reads `true` or `false`.
    pub fn boolean(&mut self) -> Option<bool> {
        if self.skip("true") { Some(true) } else { self.expect("false").map(|()| false) }
    }

    /// Reads a digest.
    pub fn digest(&mut self) -> Option<Digest> {
        Digest::parse(self.word()?)
    }

    /// Reads any value.
    pub fn value(&mut self) -> Option<Value> {
        self.0.value(0).ok()
    }

    /// Reads `null`, or what there is.
    pub fn or_null<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.skip("null") { Some(None) } else { read(self).map(Some) }
    }

    /// Reads an array.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.expect("[")?;
        let mut items = Vec::new();
        if self.skip("]") {
            return Some(items);
        }
        loop {
            items.push(read(self)?);
            if self.skip("]") {
                return Some(items);
            }
            self.expect(",")?;
        }
    }
}
