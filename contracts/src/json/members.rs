//! Reading an object member by member.

use super::Value;
use crate::error::{Code, Reject};

/// Reads the members of one object, each at most once; what is left over is `MALFORMED`.
///
/// Errors name the member by its JSON pointer below `path`.
#[derive(Debug)]
pub struct Members<'a> {
    path: String,
    members: &'a [(String, Value)],
    seen: usize,
}

impl<'a> Members<'a> {
    /// Starts reading `value`, which must be an object.
    pub fn of(value: &'a Value, path: &str) -> Result<Self, Reject> {
        let members = value
            .as_object()
            .ok_or_else(|| Reject::new(Code::Malformed, path, "an object is expected"))?;
        Ok(Self { path: path.to_owned(), members, seen: 0 })
    }

    /// The JSON pointer of member `name`.
    pub fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// A `MALFORMED` error for member `name`.
    pub fn malformed(&self, name: &str, what: &str) -> Reject {
        Reject::new(Code::Malformed, &self.pointer(name), what)
    }

    /// An optional member of any type. `null` counts as present.
    pub fn optional(&mut self, name: &str) -> Option<&'a Value> {
        let found = self.members.iter().find(|(k, _)| k == name).map(|(_, v)| v);
        if found.is_some() {
            self.seen += 1;
        }
        found
    }

    /// A required member of any type.
    pub fn required(&mut self, name: &str) -> Result<&'a Value, Reject> {
        self.optional(name).ok_or_else(|| self.malformed(name, "member is missing"))
    }

    /// A required string.
    pub fn text(&mut self, name: &str) -> Result<&'a str, Reject> {
        self.required(name)?.as_text().ok_or_else(|| self.malformed(name, "a string is expected"))
    }

    /// An optional string; absent is `None`, any other type is `MALFORMED`.
    pub fn optional_text(&mut self, name: &str) -> Result<Option<&'a str>, Reject> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.malformed(name, "a string is expected")),
        }
    }

    /// A required non-negative integer.
    pub fn uint(&mut self, name: &str) -> Result<u64, Reject> {
        self.required(name)?
            .as_int()
            .and_then(|int| u64::try_from(int).ok())
            .ok_or_else(|| self.malformed(name, "a non-negative integer is expected"))
    }

    /// A required boolean.
    pub fn boolean(&mut self, name: &str) -> Result<bool, Reject> {
        match self.required(name)? {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.malformed(name, "true or false is expected")),
        }
    }

    /// An optional boolean, false if it is absent.
    pub fn flag(&mut self, name: &str) -> Result<bool, Reject> {
        match self.optional(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(self.malformed(name, "true or false is expected")),
        }
    }

    /// A required array.
    pub fn list(&mut self, name: &str) -> Result<&'a [Value], Reject> {
        self.required(name)?.as_list().ok_or_else(|| self.malformed(name, "a list is expected"))
    }

    /// A required array of strings.
    pub fn texts(&mut self, name: &str) -> Result<Vec<&'a str>, Reject> {
        let items = self.list(name)?;
        items
            .iter()
            .map(|item| item.as_text().ok_or_else(|| self.malformed(name, "strings are expected")))
            .collect()
    }

    /// A required `b3:` digest.
    pub fn digest(&mut self, name: &str) -> Result<crate::digest::Digest, Reject> {
        let text = self.text(name)?;
        crate::digest::Digest::parse(text)
            .ok_or_else(|| self.malformed(name, "a b3: digest is expected"))
    }

    /// A required object, to be read with its own [`Members`].
    pub fn object(&mut self, name: &str) -> Result<Members<'a>, Reject> {
        let path = self.pointer(name);
        Members::of(self.required(name)?, &path)
    }

    /// Ends reading: a member nobody asked for is `MALFORMED`.
    ///
    /// Every name must have been asked for at most once.
    pub fn finish(self) -> Result<(), Reject> {
        if self.seen == self.members.len() {
            Ok(())
        } else {
            Err(Reject::new(Code::Malformed, &self.path, "unknown member"))
        }
    }
}
