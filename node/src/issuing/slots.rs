//! Status entries of a credential: which lists, which entries, and how they are written.

use serde_json::{Value, json};
use titian_api::Refusal;
use titian_contracts::credential::{NumberedId, Profile, StatusList, bits, list_id, list_key};
use titian_contracts::error::Code;
use titian_contracts::state::Overlay;
use titian_credential::did::did_of;
use titian_credential::status::entry::Allocator;
use titian_credential::status::purpose_of;

use super::{Instance, Issuing, refused};
use crate::custody::indexes::Reserved;
use crate::custody::lists::local_id;
use crate::custody::record::Entry;

/// Lists of one issuer that are looked at.
const LISTS_MAX: u64 = 1_000;
/// What the values of a single-use entry mean.
const USE_MESSAGES: [&str; 4] = ["issued", "lodged", "utilised", "cancelled"];

/// What a credential needs of a list.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    /// The profile.
    pub profile: Profile,
    /// The credential's type.
    pub type_name: &'a str,
    /// The end of the credential, ms; `None` if it has none.
    pub until_ms: Option<u64>,
    /// Entries.
    pub count: usize,
}

/// Entries that were reserved for a credential and its copies.
#[derive(Debug)]
pub struct Slots {
    /// The profile.
    pub profile: Profile,
    /// The list, as custody names it.
    pub list: String,
    /// Its address in credentials.
    pub address: String,
    /// Bits of an entry.
    pub status_size: u64,
    /// The entries.
    pub reserved: Reserved,
}

impl Slots {
    fn index(&self, copy: usize) -> u64 {
        self.reserved.indexes().get(copy).copied().unwrap_or_default()
    }

    /// The entry of copy `copy` as custody keeps it.
    pub fn entry(&self, copy: usize) -> Entry {
        let profile = self.profile.name().to_owned();
        Entry { profile, list: self.list.clone(), index: self.index(copy) }
    }

    /// The entry of a credential of VCDM (Bitstring Status List 1.0).
    pub fn bitstring_entry(&self) -> Value {
        let (list, index) = (&self.address, self.index(0));
        let mut entry = json!({
            "id": format!("{list}#{index}"),
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose_of(self.profile),
            "statusListIndex": index.to_string(),
            "statusListCredential": list,
        });
        if self.profile == Profile::Use {
            let messages = USE_MESSAGES.iter().enumerate();
            let messages =
                messages.map(|(i, text)| json!({"status": format!("{i:#x}"), "message": text}));
            entry["statusSize"] = json!(self.status_size);
            entry["statusMessage"] = Value::Array(messages.collect());
        }
        entry
    }

    /// The `status` claim of copy `copy` of an SD-JWT VC.
    pub fn token_claim(&self, copy: usize) -> Value {
        json!({"status_list": {"idx": self.index(copy), "uri": self.address}})
    }
}

impl Issuing {
    /// Reserves entries in a list that fits. Errors: `STATUS_REQUIRED` if there is none,
    /// `LIMIT_EXCEEDED` if they are full.
    pub fn allocate(
        &self,
        state: &Overlay<'_>,
        instance: &Instance,
        need: Need<'_>,
    ) -> Result<Slots, Refusal> {
        let field = "/status";
        let mut full = None;
        for (id, list) in self.lists_of(state, instance)? {
            let serves = !list.retired
                && list.profile == need.profile
                && (instance.party().is_none()
                    || list.types.iter().any(|name| name == need.type_name))
                && need.until_ms.is_none_or(|until| until <= list.until_ms);
            if !serves {
                continue;
            }
            let ledger = NumberedId::parse(&id, "status");
            let unused = |index: u64| match &ledger {
                Some(id) => {
                    Allocator::Node.has(index)
                        && bits::current(state, &id.owner, id.number, &list, index) == 0
                }
                None => true,
            };
            match self.custody.reserve(&id, list.entries, need.count, &unused) {
                Ok(reserved) => {
                    let address = match &ledger {
                        Some(_) => did_of(&id),
                        None => self.local_url(&id),
                    };
                    let (profile, status_size) = (list.profile, list.status_size);
                    return Ok(Slots { profile, list: id, address, status_size, reserved });
                }
                Err(reject) if reject.code == Code::LimitExceeded => full = Some(reject),
                Err(reject) => return Err(reject.into()),
            }
        }
        Err(match full {
            Some(reject) => reject.into(),
            None => {
                let mut refusal = refused("STATUS_REQUIRED", field);
                let profile = need.profile.name();
                refusal.data.detail = Some(format!("no {profile} list for this type and time"));
                refusal
            }
        })
    }

    /// The lists that an instance uses, with what they are called in custody.
    fn lists_of(
        &self,
        state: &Overlay<'_>,
        instance: &Instance,
    ) -> Result<Vec<(String, StatusList)>, Refusal> {
        let Some(party) = instance.party() else {
            let lists = self.custody.local_lists(&instance.name)?;
            let named = (1..).zip(lists).map(|(n, list)| (local_id(&instance.name, n), list));
            return Ok(named.collect());
        };
        let read = |n: u64| state.read::<StatusList>(&list_key(party, n));
        if instance.lists.is_empty() {
            let found = (1..=LISTS_MAX).map_while(|n| Some((list_id(party, n), read(n)?)));
            return Ok(found.collect());
        }
        let numbered = instance.lists.iter().filter_map(|id| NumberedId::parse(id, "status"));
        let found = numbered.filter_map(|id| Some((list_id(party, id.number), read(id.number)?)));
        Ok(found.collect())
    }
}
