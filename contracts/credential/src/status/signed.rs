//! Signed status lists: what the owner of a list serves to readers without ledger, and what such a
//! reader makes of it (vc.md §5.4, S15, S16).
//!
//! Invariant: what is served comes from state alone; what is read counts for the list it names and
//! for no longer than its own statements allow.

use serde_json::{Map, Value, json};
use titian_contracts::credential::{Profile, StatusList};
use titian_contracts::time::rfc3339;

use super::{encode_list, purpose_of, token};
use crate::codes::Fault;
use crate::contexts::BASE_V2;
use crate::did::did_of;
use crate::jose::Unsigned;
use crate::key::Algorithm;

/// `typ` of a status list token.
pub const TOKEN_TYP: &str = "statuslist+jwt";
/// How long a reader may keep a list, ms.
pub const TTL_MS: u64 = 300_000;
/// How long a signed list is valid, ms.
pub const VALID_MS: u64 = 86_400_000;

/// The DID of the owner of a list: a party of the ledger, or a DID of another method as it is.
fn issuer_of(owner: &str) -> String {
    if owner.starts_with("did:") { owner.to_owned() } else { did_of(owner) }
}

/// The unsigned credential of a list whose bits stand in state order: for `proof::issue` or
/// `jwt::issue_vc`. `owner` is a party of the ledger, or a DID.
pub fn bitstring_credential(
    owner: &str,
    list_id: &str,
    list: &StatusList,
    bits: &[u8],
    time_ms: u64,
) -> Value {
    let id = list.uri.clone().unwrap_or_else(|| did_of(list_id));
    let subject = json!({
        "id": format!("{id}#list"), "type": "BitstringStatusList",
        "statusPurpose": purpose_of(list.profile), "encodedList": encode_list(bits),
        "ttl": TTL_MS,
    });
    json!({
        "@context": [BASE_V2], "id": id,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer_of(owner),
        "validFrom": rfc3339(time_ms),
        "validUntil": rfc3339(time_ms.saturating_add(VALID_MS)),
        "credentialSubject": subject,
    })
}

/// The unsigned status list token of a list of profile `token`, its bits in state order. The
/// issuer stands in `iss`, so that a reader can bind key and list. `owner` is a party of the ledger,
/// or a DID.
pub fn token_list(
    owner: &str,
    list_id: &str,
    list: &StatusList,
    bits: &[u8],
    time_ms: u64,
    key: (Algorithm, &str),
) -> Result<Unsigned, Fault> {
    let invalid = || Fault::new("STATUS_LIST_INVALID", "");
    if list.profile != Profile::Token {
        return Err(invalid());
    }
    let (algorithm, kid) = key;
    let time_s = time_ms / 1_000;
    let payload = json!({
        "iss": issuer_of(owner),
        "sub": list.uri.clone().unwrap_or_else(|| did_of(list_id)),
        "iat": time_s,
        "exp": time_s.saturating_add(VALID_MS / 1_000),
        "ttl": TTL_MS / 1_000,
        "status_list": {
            "bits": list.status_size,
            "lst": token::encode_list(&token::reorder(bits, list.status_size)),
        },
    });
    let members = payload.as_object().ok_or_else(invalid)?;
    Unsigned::new(TOKEN_TYP, algorithm, Some(kid), members).ok_or_else(invalid)
}

/// What a signed list says, its signature left aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The list it is of.
    pub id: String,
    /// `statusPurpose` values; of a token none.
    pub purposes: Vec<String>,
    /// Bits of an entry; a Bitstring list leaves them to the credentials that refer to it.
    pub size: Option<u64>,
    /// The entries, unpacked.
    pub bytes: Vec<u8>,
    /// How long a reader may keep it, ms.
    pub ttl_ms: Option<u64>,
    /// Its first moment, ms; that of a token is judged with its signature.
    pub from_ms: Option<u64>,
    /// Its last moment, ms.
    pub until_ms: Option<u64>,
}

/// Reads the payload of a status list token. The error is a code of check `status`.
pub fn token_contents(payload: &Map<String, Value>) -> Result<Contents, &'static str> {
    let invalid = "STATUS_LIST_INVALID";
    let seconds = |name: &str| match payload.get(name) {
        None => Ok(None),
        Some(value) => value.as_u64().and_then(|s| s.checked_mul(1_000)).map(Some).ok_or(invalid),
    };
    let list = payload.get("status_list").ok_or(invalid)?;
    payload.get("iat").and_then(Value::as_u64).ok_or(invalid)?;
    Ok(Contents {
        id: payload.get("sub").and_then(Value::as_str).ok_or(invalid)?.to_owned(),
        purposes: Vec::new(),
        size: Some(list.get("bits").and_then(Value::as_u64).ok_or(invalid)?),
        bytes: token::decode_list(list.get("lst").and_then(Value::as_str).ok_or(invalid)?)?,
        ttl_ms: seconds("ttl")?,
        from_ms: None,
        until_ms: seconds("exp")?,
    })
}

/// Reads the document of a BitstringStatusListCredential. The error is a code of check `status`.
pub fn bitstring_contents(document: &Map<String, Value>) -> Result<Contents, &'static str> {
    let invalid = "STATUS_LIST_INVALID";
    let typed = |value: Option<&Value>, name: &str| {
        value.map(crate::model::items).unwrap_or_default().iter().any(|item| item == name)
    };
    let subject = document.get("credentialSubject").ok_or(invalid)?;
    let kinds = typed(document.get("type"), "BitstringStatusListCredential")
        && typed(subject.get("type"), "BitstringStatusList");
    if !kinds {
        return Err(invalid);
    }
    let purposes = subject.get("statusPurpose").map(crate::model::items).unwrap_or_default();
    let date = |name: &str| {
        let ms = document.get(name).and_then(Value::as_str).and_then(crate::time::parse)?;
        Some(u64::try_from(ms).unwrap_or(0))
    };
    Ok(Contents {
        id: document.get("id").and_then(Value::as_str).ok_or(invalid)?.to_owned(),
        purposes: purposes.iter().filter_map(|p| p.as_str().map(str::to_owned)).collect(),
        size: None,
        bytes: super::decode_list(
            subject.get("encodedList").and_then(Value::as_str).ok_or(invalid)?,
        )?,
        ttl_ms: match subject.get("ttl") {
            None => None,
            Some(ttl) => Some(ttl.as_u64().ok_or(invalid)?),
        },
        from_ms: date("validFrom"),
        until_ms: date("validUntil"),
    })
}
