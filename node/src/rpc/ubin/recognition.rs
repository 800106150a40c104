//! How a state recognises the scheme of a number (ubin.md §5): an addition to reads, which changes
//! nothing about the record.

use titian_api::{Object, Refusal};
use titian_contracts::access::is_state_code;
use titian_contracts::error::Code;
use titian_contracts::governance::recognition;
use titian_contracts::json::Value;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::identifier::Ubin;

use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::view;

/// The state of a parameter `for`.
pub(super) fn asker(text: &str) -> Answer<&str> {
    if is_state_code(text) {
        return Ok(text);
    }
    Err(Refusal::new(Code::InvalidParams, "/for", "two capital letters are expected"))
}

/// Adds what state `by` says at the height read: its entry, or that it states nothing.
pub(super) fn add(shown: &mut Object, at: &At, by: &str, asked: &Ubin) {
    // an alias has a scheme of its own, but the record is what is recognised
    let current = shown.get("ubin").and_then(serde_json::Value::as_str);
    let current = current.and_then(Ubin::parse_canonical);
    let number = current.as_ref().unwrap_or(asked);
    let overlay = Overlay::new(&at.reader);
    let entry = recognition::of_scheme(&overlay, by, &number.cc, &number.scheme, at.time_ms);
    let said = match entry {
        Some(entry) => recognition::view(&entry, at.time_ms),
        None => Value::object([
            ("by", Value::from(by)),
            ("of", Value::from(number.cc.as_str())),
            ("state", Value::from("NOT_STATED")),
        ]),
    };
    shown.insert("recognition".to_owned(), serde_json::Value::Object(view::object(&said)));
}
