//! Status: Bitstring Status List encoding, and the status check against lists on the ledger.
//!
//! Invariant: a list that is not at hand gives "unknown", never "not revoked". Inflating is capped
//! while it runs, so a small text cannot become a large one (S12).

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::{Compression, GzBuilder, read::GzDecoder};
use serde_json::{Map, Value, json};
use titian_contracts::credential::bits::{self, Chunk};
use titian_contracts::credential::{NumberedId, Profile, StatusList, chunk_key, list_key};
use titian_contracts::limits;

use crate::did;
use crate::model;
use crate::snapshot::{AsReader, Known, Snapshot, read};

/// Bytes of an inflated foreign list.
pub const LIST_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// `u` + base64url(gzip(bits)), as Bitstring Status List 1.0 wants it.
pub fn encode_list(bits: &[u8]) -> String {
    // no name and no time in the header: the same bits give the same text
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bits).expect("writing to memory cannot fail");
    let bytes = encoder.finish().expect("writing to memory cannot fail");
    format!("u{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads what [`encode_list`] or another encoder made. The error is a code of check `status`.
pub fn decode_list(text: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = text
        .strip_prefix('u')
        .and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok())
        .ok_or("STATUS_LIST_INVALID")?;
    let mut list = Vec::new();
    GzDecoder::new(bytes.as_slice())
        .take(LIST_BYTES_MAX + 1)
        .read_to_end(&mut list)
        .map_err(|_| "STATUS_LIST_INVALID")?;
    if list.len() as u64 > LIST_BYTES_MAX {
        return Err("STATUS_LIST_BOMB");
    }
    Ok(list)
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

/// What the status check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A code of check `status`.
    pub code: &'static str,
    /// Public detail: list, index, since, reason.
    pub detail: Value,
}

/// Checks every status entry of a document. `required` are the profiles that its registered type
/// asks for. One finding per entry that is not plainly good; empty means all good.
pub fn check(
    document: &Map<String, Value>,
    issuer: &str,
    required: &[Profile],
    snapshot: Option<&dyn Snapshot>,
) -> Vec<Finding> {
    let entries = document.get("credentialStatus").map(model::items).unwrap_or_default();
    let mut findings: Vec<Finding> = required
        .iter()
        .filter(|profile| !entries.iter().any(|entry| serves(entry, **profile)))
        .map(|profile| Finding {
            code: "STATUS_REQUIRED",
            detail: json!({"purpose": profile.name()}),
        })
        .collect();
    if entries.is_empty() && findings.is_empty() {
        findings.push(Finding { code: "STATUS_NONE", detail: Value::Null });
    }
    findings.extend(entries.iter().filter_map(|entry| check_entry(entry, issuer, snapshot)));
    findings
}

/// The purpose that an entry of a profile states.
pub const fn purpose_of(profile: Profile) -> &'static str {
    match profile {
        Profile::Use | Profile::Token => "message",
        other => other.name(),
    }
}

fn serves(entry: &Value, profile: Profile) -> bool {
    entry.get("statusPurpose").and_then(Value::as_str) == Some(purpose_of(profile))
}

fn check_entry(entry: &Value, issuer: &str, snapshot: Option<&dyn Snapshot>) -> Option<Finding> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let found = |code, detail| Some(Finding { code, detail });
    if text("type") != "BitstringStatusListEntry" {
        return found("STATUS_TYPE_UNSUPPORTED", Value::Null);
    }
    let list_did = text("statusListCredential");
    let at = |more: Value| {
        let mut detail = json!({"list": list_did});
        if let (Some(members), Value::Object(more)) = (detail.as_object_mut(), more) {
            members.extend(more);
        }
        detail
    };
    let id = list_did.strip_prefix("did:ubin:").and_then(|id| NumberedId::parse(id, "status"));
    let (Some(id), Some(snapshot)) = (id, snapshot) else {
        return found("STATUS_LIST_NOT_AVAILABLE", at(Value::Null));
    };
    if did::did_of(&id.owner) != issuer {
        return found("STATUS_LIST_INVALID", at(Value::Null));
    }
    let Known::Known(Some(list)) = read::<StatusList>(snapshot, &list_key(&id.owner, id.number))
    else {
        return found("STATUS_LIST_NOT_AVAILABLE", at(Value::Null));
    };
    let size = entry.get("statusSize").map_or(Some(1), Value::as_u64);
    if !serves(entry, list.profile) || size != Some(list.status_size) {
        return found("STATUS_PURPOSE_MISMATCH", at(Value::Null));
    }
    let Some(index) = text("statusListIndex").parse::<u64>().ok().filter(|i| *i < list.entries)
    else {
        return found("STATUS_INDEX_RANGE", at(Value::Null));
    };
    let (c, offset) = bits::place(index, list.status_size);
    let value = match read::<Chunk>(snapshot, &chunk_key(&id.owner, id.number, c)) {
        Known::Unknown => return found("STATUS_LIST_NOT_AVAILABLE", at(Value::Null)),
        Known::Known(None) => 0,
        Known::Known(Some(chunk)) => bits::value_at(&chunk.bytes, offset, list.status_size),
    };
    let code = match (list.profile, value) {
        (_, 0) | (Profile::Message, _) => return None,
        (Profile::Revocation, _) | (Profile::Token, 1) => "REVOKED",
        (Profile::Suspension, _) | (Profile::Token, 2) => "SUSPENDED",
        (Profile::Refresh, _) => "REFRESH_ADVISED",
        (Profile::Use, 1) => "USE_LODGED",
        (Profile::Use, 2) => "USE_UTILISED",
        (Profile::Use, _) => "USE_CANCELLED",
        (Profile::Token, _) => return None,
    };
    let mut detail = json!({"index": index});
    let reader = AsReader::new(snapshot);
    let height = snapshot.trust().height;
    if let Ok(status) = bits::status_at(&reader, &id.owner, id.number, index, height)
        && let (Some(members), Some(since)) = (detail.as_object_mut(), status.since)
    {
        members.insert("since".to_owned(), json!(since));
        members.insert("reason".to_owned(), json!(status.reason));
    }
    found(code, at(detail))
}
