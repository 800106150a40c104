//! The rules of the Verifiable Credentials Data Model 2.0, and of 1.1, that need no key and no
//! state.
//!
//! Invariant: the first fault in document order of the rules below is reported; nothing is ever
//! filled in or repaired.

use serde_json::{Map, Value};

use crate::codes::Fault;
use crate::contexts::{BASE_V1, BASE_V2};
use crate::guard::is_absolute_iri;
use crate::time;

/// Proofs of one document.
pub const PROOFS_MAX: usize = 8;
/// Types, status entries, schemas and related resources of one document, each.
pub const ENTRIES_MAX: usize = 16;

type Object = Map<String, Value>;

/// A value as a list: itself, or its items.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// The text of `id` or of the member `id` of an object.
pub fn id_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id").and_then(Value::as_str))
}

/// The types of a document, `VerifiableCredential` left out.
pub fn types(document: &Object) -> Vec<&str> {
    document
        .get("type")
        .map(items)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| *name != "VerifiableCredential")
        .collect()
}

/// Checks a credential of VCDM 2.0.
pub fn check(document: &Object) -> Result<(), Fault> {
    check_context(document, BASE_V2)?;
    check_parts(document, ["validFrom", "validUntil"])
}

/// Checks a credential of VCDM 1.1, which is read only.
pub fn check_v1(document: &Object) -> Result<(), Fault> {
    check_context(document, BASE_V1)?;
    if !document.contains_key("issuanceDate") {
        return Err(Fault::new("DATE_INVALID", "/issuanceDate"));
    }
    check_parts(document, ["issuanceDate", "expirationDate"])
}

fn check_parts(document: &Object, dates: [&str; 2]) -> Result<(), Fault> {
    check_types(document)?;
    if let Some(id) = document.get("id") {
        check_url(id, "/id", "ID_INVALID")?;
    }
    let issuer = document.get("issuer").ok_or_else(|| Fault::new("ISSUER_INVALID", "/issuer"))?;
    let issuer_id = if issuer.is_object() { issuer.get("id") } else { Some(issuer) };
    check_url(issuer_id.unwrap_or(&Value::Null), "/issuer", "ISSUER_INVALID")?;
    check_subjects(document)?;
    check_dates(document, dates)?;
    for name in ["name", "description"] {
        if let Some(value) = document.get(name) {
            check_language(value, name)?;
        }
    }
    check_status(document)?;
    check_schemas(document)?;
    for name in ["evidence", "termsOfUse", "refreshService"] {
        for entry in document.get(name).map(items).unwrap_or_default() {
            if !has_type(entry) {
                return Err(Fault::new("TYPE_MISSING", &format!("/{name}")));
            }
        }
    }
    check_resources(document)?;
    for (name, max) in [
        ("proof", PROOFS_MAX),
        ("type", ENTRIES_MAX),
        ("credentialStatus", ENTRIES_MAX),
        ("credentialSchema", ENTRIES_MAX),
        ("relatedResource", ENTRIES_MAX),
    ] {
        if document.get(name).is_some_and(|value| items(value).len() > max) {
            return Err(Fault::new("TOO_MANY_NODES", &format!("/{name}")));
        }
    }
    Ok(())
}

fn check_context(document: &Object, base: &str) -> Result<(), Fault> {
    let missing = || Fault::new("CONTEXT_MISSING", "/@context");
    let contexts = items(document.get("@context").ok_or_else(missing)?);
    match contexts.first() {
        None | Some(Value::Null) => Err(missing()),
        Some(Value::String(url)) if url == base => Ok(()),
        Some(_) => Err(Fault::new("CONTEXT_ORDER", "/@context/0")),
    }
}

fn check_types(document: &Object) -> Result<(), Fault> {
    let missing = || Fault::new("TYPE_MISSING", "/type");
    let types = items(document.get("type").ok_or_else(missing)?);
    let texts = types.iter().all(Value::is_string);
    if texts && types.iter().any(|name| name == "VerifiableCredential") {
        Ok(())
    } else {
        Err(missing())
    }
}

fn check_url(value: &Value, pointer: &str, code: &'static str) -> Result<(), Fault> {
    match value.as_str() {
        Some(text) if is_absolute_iri(text) => Ok(()),
        _ => Err(Fault::new(code, pointer)),
    }
}

fn has_type(value: &Value) -> bool {
    value
        .get("type")
        .is_some_and(|name| !items(name).is_empty() && items(name).iter().all(Value::is_string))
}

fn check_subjects(document: &Object) -> Result<(), Fault> {
    let invalid = || Fault::new("SUBJECT_INVALID", "/credentialSubject");
    let subjects = items(document.get("credentialSubject").ok_or_else(invalid)?);
    if subjects.is_empty() {
        return Err(invalid());
    }
    for subject in subjects {
        let members = subject.as_object().filter(|o| !o.is_empty()).ok_or_else(invalid)?;
        if let Some(id) = members.get("id") {
            check_url(id, "/credentialSubject/id", "ID_INVALID")?;
        }
    }
    Ok(())
}

fn check_dates(document: &Object, [from, until]: [&str; 2]) -> Result<(), Fault> {
    let read = |name: &str| match document.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_str()
            .and_then(time::parse)
            .map(Some)
            .ok_or_else(|| Fault::new("DATE_INVALID", &format!("/{name}"))),
    };
    match (read(from)?, read(until)?) {
        (Some(start), Some(end)) if start > end => {
            Err(Fault::new("DATE_ORDER", &format!("/{until}")))
        }
        _ => Ok(()),
    }
}

/// A text, or one or several objects {@value, @language?, @direction?}.
fn check_language(value: &Value, name: &str) -> Result<(), Fault> {
    let valid = items(value).iter().all(|item| match item {
        Value::String(_) => true,
        Value::Object(members) => {
            members.get("@value").is_some_and(Value::is_string)
                && members
                    .keys()
                    .all(|key| ["@value", "@language", "@direction"].contains(&key.as_str()))
        }
        _ => false,
    });
    if valid { Ok(()) } else { Err(Fault::new("LANGUAGE_INVALID", &format!("/{name}"))) }
}

fn check_status(document: &Object) -> Result<(), Fault> {
    for entry in document.get("credentialStatus").map(items).unwrap_or_default() {
        let malformed = || Fault::new("STATUS_MALFORMED", "/credentialStatus");
        if !entry.is_object() {
            return Err(malformed());
        }
        if !has_type(entry) {
            return Err(Fault::new("TYPE_MISSING", "/credentialStatus/type"));
        }
        if entry.get("type").and_then(Value::as_str) == Some("BitstringStatusListEntry") {
            let text = |name: &str| entry.get(name).and_then(Value::as_str);
            let index = text("statusListIndex").filter(|t| is_index(t));
            let list = text("statusListCredential").filter(|t| is_absolute_iri(t));
            if index.is_none() || list.is_none() || text("statusPurpose").is_none() {
                return Err(malformed());
            }
        }
    }
    Ok(())
}

/// A decimal number without leading zero, at most 15 digits.
fn is_index(text: &str) -> bool {
    titian_contracts::credential::parse_index(text).is_some()
}

fn check_schemas(document: &Object) -> Result<(), Fault> {
    for entry in document.get("credentialSchema").map(items).unwrap_or_default() {
        if !entry.is_object() {
            return Err(Fault::new("SCHEMA_MALFORMED", "/credentialSchema"));
        }
        if !has_type(entry) {
            return Err(Fault::new("TYPE_MISSING", "/credentialSchema/type"));
        }
        let id = entry.get("id").unwrap_or(&Value::Null);
        check_url(id, "/credentialSchema/id", "SCHEMA_MALFORMED")?;
    }
    Ok(())
}

fn check_resources(document: &Object) -> Result<(), Fault> {
    let malformed = || Fault::new("RESOURCE_MALFORMED", "/relatedResource");
    let mut ids = Vec::new();
    for entry in document.get("relatedResource").map(items).unwrap_or_default() {
        let id = entry.get("id").and_then(Value::as_str).ok_or_else(malformed)?;
        let digest = ["digestSRI", "digestMultibase"]
            .iter()
            .any(|name| entry.get(*name).is_some_and(Value::is_string));
        if !digest || !is_absolute_iri(id) || ids.contains(&id) {
            return Err(malformed());
        }
        ids.push(id);
    }
    Ok(())
}
