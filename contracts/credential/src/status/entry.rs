//! Status entries as credentials carry them.
//!
//! Invariant: what is written here is what [`super::references`] reads as serving the list's
//! profile.

use serde_json::{Value, json};
use titian_contracts::credential::Profile;

use super::purpose_of;
use crate::did::did_of;

/// The values of a single-use entry, as the credential states them.
const USE_MESSAGES: [(&str, &str); 4] =
    [("0x0", "issued"), ("0x1", "lodged"), ("0x2", "utilised"), ("0x3", "cancelled")];

/// A `BitstringStatusListEntry` of entry `index` in the ledger's list `list`
/// (`SG:CUSTOMS/status/3`), whose entries have `size` bits.
pub fn bitstring_entry(list: &str, profile: Profile, size: u64, index: u64) -> Value {
    let list = did_of(list);
    let mut entry = json!({
        "id": format!("{list}#{index}"), "type": "BitstringStatusListEntry",
        "statusPurpose": purpose_of(profile), "statusListIndex": index.to_string(),
        "statusListCredential": list,
    });
    if let Some(members) = entry.as_object_mut()
        && size > 1
    {
        members.insert("statusSize".to_owned(), json!(size));
        if profile == Profile::Use {
            let messages =
                USE_MESSAGES.map(|(status, message)| json!({"status": status, "message": message}));
            members.insert("statusMessage".to_owned(), json!(messages));
        }
    }
    entry
}

/// The `status` claim of an SD-JWT VC for an entry of a list of profile `token`.
pub fn token_claim(list: &str, index: u64) -> Value {
    json!({"status_list": {"idx": index, "uri": did_of(list)}})
}

/// Who gives out entries of the lists of an issuer: none of them knows what the other gave out, so
/// each has a half of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// A node that issues: the even ones.
    Node,
    /// A wallet: the odd ones.
    Wallet,
}

impl Allocator {
    /// Whether it may give out the entry `index` of a list on the ledger.
    pub const fn has(self, index: u64) -> bool {
        let even = index.is_multiple_of(2);
        match self {
            Self::Node => even,
            Self::Wallet => !even,
        }
    }
}
