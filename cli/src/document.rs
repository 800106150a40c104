//! JSON documents: reading files, and the two forms of a value.
//!
//! What people sign is a [`Value`] (I-JSON without floats); what nodes answer and programs read is
//! `serde_json`. Invariant: a document that is signed went through the strict reader of
//! `titian-contracts`.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use titian_contracts::json::{self, Value};

use crate::error::{CommandError, Kind, Result};

/// Nothing that a command reads is larger, but for trust bundles.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Reads a file, `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_at_most(path, FILE_BYTES_MAX)
}

/// Reads a file of at most `limit` bytes, `-` is standard input.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let outcome = if path == Path::new("-") {
        std::io::stdin().take(limit + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    outcome.map_err(|error| CommandError::file("read", path, &error))?;
    if bytes.len() as u64 > limit {
        let mib = limit / 1_048_576;
        return Err(CommandError::usage(format!("{} is larger than {mib} MiB", path.display())));
    }
    Ok(bytes)
}

/// Reads a file of strict JSON: no floats, no duplicate names.
pub(crate) fn read_value(path: &Path) -> Result<Value> {
    let bytes = read(path)?;
    json::parse(&bytes).map_err(|reject| {
        let mut error = CommandError::from_reject(Kind::Usage, &reject);
        error.message = format!("{}: {}", path.display(), error.message);
        error
    })
}

/// Reads a file of any JSON.
pub(crate) fn read_json(path: &Path) -> Result<serde_json::Value> {
    let bytes = read(path)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| CommandError::usage(format!("{} is not JSON: {error}", path.display())))
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| CommandError::file("write", path, &error))
}

/// A strict value as `serde_json`.
pub(crate) fn to_json(value: &Value) -> serde_json::Value {
    serde_json::from_str(&value.to_jcs()).expect("canonical JSON is JSON")
}

/// A strict value as the members of an object; empty for other values.
pub(crate) fn to_object(value: &Value) -> titian_api::Object {
    match to_json(value) {
        serde_json::Value::Object(members) => members,
        _ => titian_api::Object::new(),
    }
}

/// A `serde_json` value as a strict value; floats and the like are refused.
pub(crate) fn from_json(value: &serde_json::Value) -> Result<Value> {
    json::parse(value.to_string().as_bytes())
        .map_err(|reject| CommandError::from_reject(Kind::Usage, &reject))
}

/// The text of a member, if it is there.
pub(crate) fn text<'a>(value: &'a serde_json::Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(serde_json::Value::as_str)
}
