//! The rules of presentations that need no key and no state (VCDM 2.0 §4.13).
//!
//! Invariant: a presentation holds credentials one level deep, never presentations.

use serde_json::{Map, Value};

use crate::codes::Fault;
use crate::contexts::{BASE_V1, BASE_V2, Contexts};
use crate::guard::is_absolute_iri;
use crate::model::{self, items};
use crate::{guard as term_guard, model::PROOFS_MAX};

/// Credentials of one presentation.
pub const CREDENTIALS_MAX: usize = 32;

/// Checks a presentation, its credentials left aside.
pub fn check(document: &Map<String, Value>) -> Result<(), Fault> {
    let missing = || Fault::new("CONTEXT_MISSING", "/@context");
    let contexts = items(document.get("@context").ok_or_else(missing)?);
    match contexts.first().and_then(Value::as_str) {
        None => return Err(missing()),
        Some(BASE_V1 | BASE_V2) => {}
        Some(_) => return Err(Fault::new("CONTEXT_ORDER", "/@context/0")),
    }
    let types = document.get("type").map(items).unwrap_or_default();
    let texts = types.iter().all(Value::is_string);
    if !texts || !types.iter().any(|name| name == "VerifiablePresentation") {
        return Err(Fault::new("TYPE_MISSING", "/type"));
    }
    if document.get("id").is_some_and(|id| !id.as_str().is_some_and(is_absolute_iri)) {
        return Err(Fault::new("ID_INVALID", "/id"));
    }
    if document.contains_key("holder") && holder(document).is_none() {
        return Err(Fault::new("ID_INVALID", "/holder"));
    }
    let credentials = credentials(document);
    if credentials.len() > CREDENTIALS_MAX {
        return Err(Fault::new("TOO_MANY_NODES", "/verifiableCredential"));
    }
    for (i, credential) in credentials.iter().enumerate() {
        let nested = credential.get("type").map(items).unwrap_or_default().iter().any(|name| {
            name == "VerifiablePresentation" || name == "EnvelopedVerifiablePresentation"
        });
        if !credential.is_object() || nested {
            return Err(Fault::new("FORM_UNKNOWN", &format!("/verifiableCredential/{i}")));
        }
    }
    if document.get("proof").is_some_and(|proof| items(proof).len() > PROOFS_MAX) {
        return Err(Fault::new("TOO_MANY_NODES", "/proof"));
    }
    Ok(())
}

/// The term guard over what is not a credential; those have contexts and guards of their own.
pub fn guard(document: &Map<String, Value>, contexts: Contexts<'_>) -> Result<(), Fault> {
    let mut own = document.clone();
    own.remove("verifiableCredential");
    term_guard::check(&own, contexts)
}

/// The holder's DID or URL.
pub fn holder(document: &Map<String, Value>) -> Option<&str> {
    document.get("holder").and_then(model::id_of).filter(|text| is_absolute_iri(text))
}

/// The credentials that are presented.
pub fn credentials(document: &Map<String, Value>) -> &[Value] {
    document.get("verifiableCredential").map(items).unwrap_or_default()
}
