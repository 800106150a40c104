//! The BusinessRegistration credential: an extract of a UBIN record (vc-api.md A§3).
//!
//! Invariant: a pure mapping of the record's body; nothing is added that the register does not
//! say. The extract of a business of a natural person is an SD-JWT VC, whose holder chooses what to
//! show; as a credential of the data model it is refused.

use serde_json::{Map, Value, json};

use crate::codes::Fault;
use crate::contexts::BASE_V2;
use crate::did::did_of;

/// The regional context.
pub const CONTEXT: &str = "did:ubin:ASEAN/context/business-registration/1";
/// The regional schema.
pub const SCHEMA: &str = "did:ubin:ASEAN/schema/business-registration/1";

/// The type.
pub const TYPE: &str = "BusinessRegistration";
/// The `vct` of an extract as SD-JWT VC.
pub const VCT: &str = "did:ubin:ASEAN/vct/business-registration/1";
/// Categories of businesses of natural persons (ubin.md §2.1).
const NATURAL: [&str; 2] = ["SOLE_PROPRIETOR", "HOUSEHOLD"];

/// One status entry to write into a credential.
#[derive(Clone, Copy, Debug)]
pub struct StatusSlot<'a> {
    /// List id without `did:ubin:`, for example `SG:ACRA/status/1`.
    pub list: &'a str,
    /// `revocation`, `refresh`, ….
    pub purpose: &'a str,
    /// The entry.
    pub index: u64,
}

/// What stands around the claims.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The credential's id, a URN or URL.
    pub id: &'a str,
    /// The issuing authority, for example `SG:ACRA`.
    pub issuer: &'a str,
    /// RFC 3339.
    pub valid_from: &'a str,
    /// RFC 3339, at most 92 days later.
    pub valid_until: &'a str,
    /// Status entries.
    pub status: &'a [StatusSlot<'a>],
    /// The height at which the record was read.
    pub record_height: u64,
}

/// The unsigned credential of a UBIN record body (ubin.md §2.1).
pub fn business_registration(body: &Value, frame: Frame<'_>) -> Result<Value, Fault> {
    if is_natural_person(body) {
        return Err(Fault::new("CRYPTOSUITE_UNSUPPORTED", "/category"));
    }
    let subject = claims(body, frame.record_height)?;
    let status: Vec<Value> = frame
        .status
        .iter()
        .map(|slot| {
            let list = did_of(slot.list);
            json!({
                "id": format!("{list}#{}", slot.index),
                "type": "BitstringStatusListEntry",
                "statusPurpose": slot.purpose,
                "statusListIndex": slot.index.to_string(),
                "statusListCredential": list,
            })
        })
        .collect();
    Ok(json!({
        "@context": [BASE_V2, CONTEXT],
        "id": frame.id,
        "type": ["VerifiableCredential", TYPE],
        "issuer": did_of(frame.issuer),
        "validFrom": frame.valid_from,
        "validUntil": frame.valid_until,
        "credentialSubject": subject,
        "credentialStatus": status,
        "credentialSchema": {"id": SCHEMA, "type": "JsonSchema"},
    }))
}

/// Whether the business of a record body is that of a natural person.
pub fn is_natural_person(body: &Value) -> bool {
    body.get("category").and_then(Value::as_str).is_some_and(|name| NATURAL.contains(&name))
}

/// The claims of a record body for an SD-JWT VC: those of the subject, its DID as `sub`. Issuer,
/// period, status and holder key are added by who signs.
pub fn extract(body: &Value, record_height: u64) -> Result<Map<String, Value>, Fault> {
    let Value::Object(mut claims) = claims(body, record_height)? else {
        return Err(Fault::new("SUBJECT_INVALID", ""));
    };
    if let Some(did) = claims.remove("id") {
        claims.insert("sub".to_owned(), did);
    }
    claims.insert("vct".to_owned(), json!(VCT));
    Ok(claims)
}

/// The claims of a record body; of a natural person's business what its minimal record holds.
pub fn claims(body: &Value, record_height: u64) -> Result<Value, Fault> {
    let missing = |name: &str| Fault::new("SUBJECT_INVALID", &format!("/{name}"));
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let required = |pointer: &str| text(pointer).ok_or_else(|| missing(pointer));
    let ubin = required("/ubin")?;
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()) {
            claims.insert(name.to_owned(), value);
        }
    };
    set("id", json!(did_of(ubin)));
    set("ubin", json!(ubin));
    // the register holds no name of a person: who has it adds it to the claims (ubin.md §3.3)
    let natural = is_natural_person(body);
    let named = |pointer: &str| match natural {
        true => Ok(text(pointer)),
        false => required(pointer).map(Some),
    };
    set("legalName", json!(named("/legalName/value")?));
    set("legalNameLanguage", json!(text("/legalName/lang")));
    set(
        "otherNames",
        list(body, "otherNames", &[("type", "type"), ("value", "value"), ("lang", "language")]),
    );
    // the schema requires it: refused here rather than by every verifier
    let legal_form = body.get("legalForm").cloned();
    match legal_form {
        Some(form) => set("legalForm", form),
        None if natural => {}
        None => return Err(missing("/legalForm")),
    }
    set("registrationStatus", json!(required("/status/code")?));
    set("registeredOn", json!(named("/registeredOn")?));
    set("endedOn", json!(text("/endedOn")));
    set("registeredAddress", address(body.get("address")));
    set("activities", list(body, "activity", &[("isic", "isic"), ("national", "national")]));
    set("identifiers", list(body, "identifiers", &[("scheme", "scheme"), ("value", "value")]));
    set("sourceAsOf", json!(format!("{}T00:00:00Z", required("/sourceAsOf")?)));
    set("recordVersion", body.get("version").cloned().unwrap_or_default());
    set("recordHeight", json!(record_height));
    Ok(Value::Object(claims))
}

/// The members of a list that the schema knows, under its names.
fn list(body: &Value, name: &str, members: &[(&str, &str)]) -> Value {
    let items = body.get(name).and_then(Value::as_array).into_iter().flatten();
    let pick = |item: &Value| {
        let pairs = members.iter().filter_map(|(from, to)| {
            item.get(*from).map(|value| ((*to).to_owned(), value.clone()))
        });
        Value::Object(pairs.collect())
    };
    Value::Array(items.map(pick).collect())
}

fn address(address: Option<&Value>) -> Value {
    let Some(Value::Object(address)) = address else { return Value::Null };
    let members = [
        ("lines", "lines"),
        ("city", "locality"),
        ("region", "region"),
        ("postalCode", "postalCode"),
        ("country", "country"),
    ];
    let pairs = members
        .iter()
        .filter_map(|(from, to)| address.get(*from).map(|v| ((*to).to_owned(), v.clone())));
    Value::Object(pairs.collect())
}
