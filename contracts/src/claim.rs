//! What each kind of proof claims, rebuilt from the state values it proves.
//!
//! A claim holds the entries (keys and values) and members people read. Invariant: the readable
//! members are a function of the entries alone; [`rebuild`] computes them, and a bundle whose
//! claim differs in any byte is refused. The node makes claims with the same function, so what is
//! shown is what is proven.

use crate::json::Value;
use crate::proof::{Entry, VerifyError, entries_value};
use crate::{access, credential, etr, ubin};

/// The kinds that are built today.
pub const KINDS: &[&str] = &[
    "ledger-transaction",
    "ledger-state",
    "ubin-presence",
    "ubin-absence",
    "vc-did",
    "vc-status",
    "vc-accreditation",
    "etr-status",
    "etr-control",
    "etr-absence",
];

/// The claim of `kind` over `entries`. `stated` supplies what cannot be computed from the entries
/// alone (a body, whose hash is in an entry; a challenge); it is checked before it is taken over.
pub fn rebuild(
    kind: &str,
    stated: &Value,
    entries: &[Entry],
    time_ms: u64,
) -> Result<Value, VerifyError> {
    let members = match kind {
        "ledger-state" => Value::Object(Vec::new()),
        "ubin-presence" | "ubin-absence" => ubin::claim(kind, stated, entries, time_ms)?,
        "vc-did" => access::claim(kind, stated, entries, time_ms)?,
        "vc-status" | "vc-accreditation" => credential::claim(kind, stated, entries, time_ms)?,
        "etr-status" | "etr-control" | "etr-absence" => etr::claim(kind, stated, entries, time_ms)?,
        _ => return Err(VerifyError::UnknownKind),
    };
    Ok(members.with("entries", entries_value(entries)))
}
