//! What a node refuses before an op can reach a block: numbers and names of natural persons
//! (ubin.md §3). A block keeps what it carries for good, also when the op is refused in it.
//!
//! Invariant: nothing is refused here that a block would apply. Whether R2 passes a suspicious text
//! is the block's to judge; a match of a deny pattern nobody may pass.

use super::acts;
use super::body::Body;
use super::body_rules;
use super::scheme;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::op::Op;
use crate::state::Overlay;

/// Refuses an op that carries a number of a natural person, or a body that no block could apply for
/// its form: `PERSONAL_NUMBER_REFUSED`, `PERSONAL_DATA_SUSPECTED`, `MALFORMED`, `FIELD_LIMIT`,
/// `LIMIT_EXCEEDED`.
pub(super) fn check(state: &Overlay<'_>, op: &Op, time_ms: u64) -> Result<(), Reject> {
    check_numbers(state, op.args(), time_ms)?;
    match op.args().get("body").filter(|_| acts::carries_body(&op.act)) {
        Some(body) => check_texts(state, body, time_ms),
        None => Ok(()),
    }
}

/// As [`check`], of one body of an import.
pub(super) fn check_body(state: &Overlay<'_>, body: &Value, time_ms: u64) -> Result<(), Reject> {
    check_numbers(state, body, time_ms)?;
    check_texts(state, body, time_ms)
}

fn check_texts(state: &Overlay<'_>, body: &Value, time_ms: u64) -> Result<(), Reject> {
    let body = Body::read(body)?;
    let number = body.value.get("ubin").and_then(Value::as_text).unwrap_or_default();
    match scheme::known(state, time_ms, number) {
        Ok(known) => body_rules::check_denied(&body, &known),
        Err(_) => Ok(()),
    }
}

/// Every text that is spelt like a UBIN of a known scheme is tested as one.
fn check_numbers(state: &Overlay<'_>, value: &Value, time_ms: u64) -> Result<(), Reject> {
    match value {
        Value::Text(text) if text.split('-').count() == 4 => {
            match scheme::known(state, time_ms, text) {
                Err(Code::PersonalNumberRefused) => {
                    Err(Reject::new(Code::PersonalNumberRefused, "/args", ""))
                }
                _ => Ok(()),
            }
        }
        Value::List(items) => items.iter().try_for_each(|item| check_numbers(state, item, time_ms)),
        Value::Object(members) => {
            members.iter().try_for_each(|(_, member)| check_numbers(state, member, time_ms))
        }
        _ => Ok(()),
    }
}
