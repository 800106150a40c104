//! Status: Bitstring Status List encoding, status entries of credentials, and their value in lists
//! on the ledger.
//!
//! Invariant: a list that is not at hand gives "unknown", never "not revoked". Inflating is capped
//! while it runs, so a small text cannot become a large one (S12).
//!
//! - this file: what both kinds of entries share, and the lists on the ledger;
//! - [`token`]: Token Status List; [`signed`]: signed forms of both kinds; [`entry`]: entries for
//!   credentials.

pub mod entry;
pub mod signed;
pub mod token;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use titian_contracts::credential::bits::{self, Chunk};
use titian_contracts::credential::{
    NumberedId, Profile, StatusList, chunk_key, list_key, parse_index, uri_key,
};
use titian_contracts::limits;

use crate::did;
use crate::form::{Model, Reading};
use crate::model;
use crate::pack::{Frame, InflateError, deflate, inflate};
use crate::sd_jwt_vc::status_reference;
use crate::snapshot::{AsReader, Known, Snapshot, read};

/// Bytes of an inflated foreign list.
pub const LIST_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// `u` + base64url(gzip(bits)), as Bitstring Status List 1.0 wants it.
pub fn encode_list(bits: &[u8]) -> String {
    let bytes = deflate(Frame::Gzip, bits);
    format!("u{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads what [`encode_list`] or another encoder made. The error is a code of check `status`.
pub fn decode_list(text: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = text
        .strip_prefix('u')
        .and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok())
        .ok_or("STATUS_LIST_INVALID")?;
    inflate(Frame::Gzip, &bytes, LIST_BYTES_MAX).map_err(list_fault)
}

/// The code of check `status` for a list that cannot be inflated.
const fn list_fault(error: InflateError) -> &'static str {
    match error {
        InflateError::Malformed => "STATUS_LIST_INVALID",
        InflateError::TooLarge => "STATUS_LIST_BOMB",
    }
}

/// The entry at `index` of a decoded list. The error is a code of check `status`.
pub fn entry_of(list: &[u8], size: u64, index: u64) -> Result<u8, &'static str> {
    if !matches!(size, 1 | 2 | 4 | 8) {
        return Err("STATUS_PURPOSE_MISMATCH");
    }
    let entries = list.len() as u64 * 8 / size;
    if entries < limits::LIST_ENTRIES_MIN {
        return Err("STATUS_LIST_TOO_SHORT");
    }
    if index >= entries {
        return Err("STATUS_INDEX_RANGE");
    }
    Ok(bits::value_at(list, index, size))
}

/// All bits of a list on the ledger, absent chunks as zero. `None` if something is not at hand.
pub fn whole_list(snapshot: &dyn Snapshot, owner: &str, n: u64) -> Option<(StatusList, Vec<u8>)> {
    let Known::Known(Some(list)) = read::<StatusList>(snapshot, &list_key(owner, n)) else {
        return None;
    };
    let chunks = list.entries.checked_mul(list.status_size)? / bits::CHUNK_BITS;
    let mut bytes = Vec::new();
    for c in 0..chunks {
        match read::<Chunk>(snapshot, &chunk_key(owner, n, c)) {
            Known::Known(chunk) => bytes.extend(chunk.unwrap_or_else(Chunk::zero).bytes),
            Known::Unknown => return None,
        }
    }
    Some((list, bytes))
}

/// A status entry of a credential, of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Whether it points into a Token Status List.
    pub token: bool,
    /// The list's URL or DID URL.
    pub list: String,
    /// The entry.
    pub index: u64,
    /// `statusPurpose`; of a token entry empty.
    pub purpose: String,
    /// Bits of an entry as the credential states them; `None` if it leaves them to the list.
    pub size: Option<u64>,
}

impl Reference {
    /// Whether an entry of this kind tells what lists of `profile` tell. A Token Status List tells
    /// revocation and suspension in one.
    pub fn serves(&self, profile: Profile) -> bool {
        if self.token {
            matches!(profile, Profile::Revocation | Profile::Suspension | Profile::Token)
        } else {
            self.purpose == purpose_of(profile)
        }
    }
}

/// The status entries of a credential; the error of one is a code of check `status`.
pub fn references(reading: &Reading) -> Vec<Result<Reference, &'static str>> {
    if reading.model == Model::SdJwtVc {
        let Some(status) = reading.document.get("status") else { return Vec::new() };
        let reference = status_reference(status).map(|(list, index)| Reference {
            token: true,
            list: list.to_owned(),
            index,
            purpose: String::new(),
            size: None,
        });
        return vec![reference.ok_or("STATUS_TYPE_UNSUPPORTED")];
    }
    let entries = reading.document.get("credentialStatus").map(model::items).unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("type") != "BitstringStatusListEntry" {
                return Err("STATUS_TYPE_UNSUPPORTED");
            }
            Ok(Reference {
                token: false,
                list: text("statusListCredential").to_owned(),
                index: parse_index(text("statusListIndex")).ok_or("STATUS_INDEX_RANGE")?,
                purpose: text("statusPurpose").to_owned(),
                size: match entry.get("statusSize") {
                    None => Some(1),
                    Some(size) => Some(size.as_u64().ok_or("STATUS_PURPOSE_MISMATCH")?),
                },
            })
        })
        .collect()
}

/// The purpose that an entry of a profile states.
pub const fn purpose_of(profile: Profile) -> &'static str {
    match profile {
        Profile::Use | Profile::Token => "message",
        other => other.name(),
    }
}

/// What the status check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A code of check `status`.
    pub code: &'static str,
    /// Public detail: list, index, since, reason.
    pub detail: Value,
}

impl Finding {
    /// A finding about `list`.
    pub fn of_list(code: &'static str, list: &str, more: Value) -> Self {
        let mut detail = json!({"list": list});
        if let (Some(members), Value::Object(more)) = (detail.as_object_mut(), more) {
            members.extend(more);
        }
        Self { code, detail }
    }
}

/// The list on the ledger that a reference names: by DID URL, or by the https alias that its owner
/// gave it.
pub fn ledger_list(snapshot: &dyn Snapshot, list: &str) -> Option<NumberedId> {
    let parse = |id: &str| NumberedId::parse(id, "status");
    if let Some(id) = list.strip_prefix("did:ubin:") {
        return parse(id);
    }
    match read::<String>(snapshot, &uri_key(list)) {
        Known::Known(Some(id)) => parse(&id),
        _ => None,
    }
}

/// The profile of the list on the ledger that a reference names; none if no such list is there.
pub fn ledger_profile(snapshot: &dyn Snapshot, list: &str) -> Known<Option<Profile>> {
    let id = match list.strip_prefix("did:ubin:") {
        Some(id) => Some(id.to_owned()),
        None => match read::<String>(snapshot, &uri_key(list)) {
            Known::Known(id) => id,
            Known::Unknown => return Known::Unknown,
        },
    };
    let Some(id) = id.and_then(|id| NumberedId::parse(&id, "status")) else {
        return Known::Known(None);
    };
    match read::<StatusList>(snapshot, &list_key(&id.owner, id.number)) {
        Known::Known(list) => Known::Known(list.map(|list| list.profile)),
        Known::Unknown => Known::Unknown,
    }
}

/// Checks one entry against the ledger. `None` means plainly good.
pub fn check_on_ledger(
    reference: &Reference,
    id: &NumberedId,
    issuer: &str,
    snapshot: &dyn Snapshot,
) -> Option<Finding> {
    let found = |code, more| Some(Finding::of_list(code, &reference.list, more));
    if did::did_of(&id.owner) != issuer {
        return found("STATUS_LIST_INVALID", Value::Null);
    }
    let Known::Known(Some(list)) = read::<StatusList>(snapshot, &list_key(&id.owner, id.number))
    else {
        return found("STATUS_LIST_NOT_AVAILABLE", Value::Null);
    };
    let fits = if reference.token {
        list.profile == Profile::Token
    } else {
        reference.serves(list.profile) && reference.size == Some(list.status_size)
    };
    if !fits || !matches!(list.status_size, 1 | 2 | 4 | 8) {
        return found("STATUS_PURPOSE_MISMATCH", Value::Null);
    }
    let index = reference.index;
    if index >= list.entries {
        return found("STATUS_INDEX_RANGE", Value::Null);
    }
    let (c, offset) = bits::place(index, list.status_size);
    let value = match read::<Chunk>(snapshot, &chunk_key(&id.owner, id.number, c)) {
        Known::Unknown => return found("STATUS_LIST_NOT_AVAILABLE", Value::Null),
        Known::Known(None) => 0,
        Known::Known(Some(chunk)) => bits::value_at(&chunk.bytes, offset, list.status_size),
    };
    let code = code_of(list.profile, value)?;
    let mut detail = json!({"index": index});
    let reader = AsReader::new(snapshot);
    let height = snapshot.trust().height;
    if let Ok(status) = bits::status_at(&reader, &id.owner, id.number, index, height)
        && let (Some(members), Some(since)) = (detail.as_object_mut(), status.since)
    {
        members.insert("since".to_owned(), json!(since));
        members.insert("reason".to_owned(), json!(status.reason));
    }
    found(code, detail)
}

/// What a value of a list of `profile` means; `None` if it is good. A value that only the issuer's
/// application can read is not shown as good.
pub const fn code_of(profile: Profile, value: u8) -> Option<&'static str> {
    Some(match (profile, value) {
        (_, 0) | (Profile::Message, _) => return None,
        (Profile::Revocation, _) | (Profile::Token, 1) => "REVOKED",
        (Profile::Suspension, _) | (Profile::Token, 2) => "SUSPENDED",
        (Profile::Refresh, _) => "REFRESH_ADVISED",
        (Profile::Use, 1) => "USE_LODGED",
        (Profile::Use, 2) => "USE_UTILISED",
        (Profile::Use, _) => "USE_CANCELLED",
        (Profile::Token, _) => "STATUS_TYPE_UNSUPPORTED",
    })
}
