//! The claims of an SD-JWT VC (`dc+sd-jwt`): which must be there, and what form they have.
//!
//! Invariant: the first fault in the order below is reported; nothing is filled in. The claims of
//! the credential itself are for its schema.

use serde_json::{Map, Value};

use crate::codes::Fault;
use crate::guard::is_absolute_iri;
use crate::jose::seconds;

/// Checks the processed claims.
pub fn check(claims: &Map<String, Value>) -> Result<(), Fault> {
    let iri = |name: &str, code: &'static str| match claims.get(name).and_then(Value::as_str) {
        Some(text) if is_absolute_iri(text) => Ok(()),
        _ => Err(Fault::new(code, &format!("/{name}"))),
    };
    iri("vct", "TYPE_MISSING")?;
    iri("iss", "ISSUER_INVALID")?;
    for name in ["iat", "nbf", "exp"] {
        seconds(claims, name)?;
    }
    if let (Some(from), Some(until)) = (seconds(claims, "nbf")?, seconds(claims, "exp")?)
        && from > until
    {
        return Err(Fault::new("DATE_ORDER", "/exp"));
    }
    if claims.get("sub").is_some_and(|sub| !sub.is_string()) {
        return Err(Fault::new("SUBJECT_INVALID", "/sub"));
    }
    if let Some(cnf) = claims.get("cnf")
        && cnf.get("jwk").and_then(crate::key::PublicKey::from_jwk).is_none()
    {
        return Err(Fault::new("SUBJECT_INVALID", "/cnf"));
    }
    if let Some(status) = claims.get("status") {
        status_reference(status).ok_or_else(|| Fault::new("STATUS_MALFORMED", "/status"))?;
    }
    Ok(())
}

/// List and index of a `status` claim.
pub fn status_reference(status: &Value) -> Option<(&str, u64)> {
    let entry = status.get("status_list")?;
    let uri = entry.get("uri").and_then(Value::as_str).filter(|uri| is_absolute_iri(uri))?;
    Some((uri, entry.get("idx").and_then(Value::as_u64)?))
}
