//! Claims of this register's proofs; see [`crate::claim`].

use crate::json::Value;
use crate::proof::{Entry, VerifyError};

/// The readable members of a claim over `entries`.
pub fn claim(
    _kind: &str,
    _stated: &Value,
    _entries: &[Entry],
    _time_ms: u64,
) -> Result<Value, VerifyError> {
    Err(VerifyError::UnknownKind)
}
