//! Status lists of issuers that are not on the ledger (vc-api.md A§5): same encoding and length as
//! there, without history or proof of state.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use titian_contracts::credential::bits::{self, CHUNK_BYTES, set_value, value_at};
use titian_contracts::credential::{Profile, StatusList, parse_number};
use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;

use super::{Custody, LISTS, decode, encode, fault, lock};
use crate::store::Writes;

/// The id of list `n` of an instance: `instance:n`.
pub fn local_id(instance: &str, n: u64) -> String {
    format!("{instance}:{n}")
}

/// Instance and number of such an id.
pub fn parse_local(id: &str) -> Option<(&str, u64)> {
    let (instance, n) = id.rsplit_once(':')?;
    Some((instance, parse_number(n)?))
}

/// A change of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entry.
    pub index: u64,
    /// The value it has before.
    pub old: Old,
    /// The value to set.
    pub new: u64,
}

/// The value that an entry has before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Whatever it has.
    Any,
    /// This one; else the change is a conflict.
    Exactly(u64),
    /// This one; else there is nothing to do: what is to be taken back is not there.
    Only(u64),
}

impl Old {
    /// The value that is expected, if one is.
    pub const fn expected(self) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::Exactly(old) | Self::Only(old) => Some(old),
        }
    }
}

impl Change {
    /// Whether nothing is to be done where the entry has the value `current`.
    pub fn is_done(&self, current: u64) -> bool {
        match self.old {
            Old::Any => current == self.new,
            Old::Exactly(old) => current == old && current == self.new,
            Old::Only(old) => current != old,
        }
    }
}

fn list_row(id: &str) -> Vec<u8> {
    [b"l", id.as_bytes(), &[0]].concat()
}

fn chunk_row(id: &str, c: u64) -> Vec<u8> {
    [b"c", id.as_bytes(), &[0], &c.to_be_bytes()].concat()
}

impl Custody {
    /// The lists of an instance, by number from 1.
    pub fn local_lists(&self, instance: &str) -> Result<Vec<StatusList>, Reject> {
        let mut lists = Vec::new();
        for n in 1..=limits::LOCAL_LISTS_MAX {
            match self.local_list(&local_id(instance, n))? {
                Some(list) => lists.push(list),
                None => break,
            }
        }
        Ok(lists)
    }

    /// One list.
    pub fn local_list(&self, id: &str) -> Result<Option<StatusList>, Reject> {
        let found = self.0.records.get(LISTS, &list_row(id)).map_err(fault)?;
        found.map(|bytes| decode(&bytes, "list")).transpose()
    }

    /// Makes the next list of an instance, synced; gives its number.
    pub fn create_local_list(&self, instance: &str, list: StatusList) -> Result<u64, Reject> {
        let _settling = lock(&self.0.settling);
        let n = self.local_lists(instance)?.len() as u64 + 1;
        if n > limits::LOCAL_LISTS_MAX {
            return Err(Reject::new(Code::LimitExceeded, "", "the instance has 64 lists"));
        }
        let mut writes = Writes::default();
        writes.put(LISTS, &list_row(&local_id(instance, n)), &encode(&list));
        self.0.records.write(&writes).map_err(fault)?;
        Ok(n)
    }

    /// All bytes of a list, most significant bit first.
    pub fn local_bits(&self, id: &str, list: &StatusList) -> Result<Vec<u8>, Reject> {
        let mut bytes = Vec::new();
        for c in 0..list.entries * list.status_size / (8 * CHUNK_BYTES as u64) {
            bytes.extend(self.local_chunk(id, c)?);
        }
        Ok(bytes)
    }

    fn local_chunk(&self, id: &str, c: u64) -> Result<Vec<u8>, Reject> {
        let found = self.0.records.get(LISTS, &chunk_row(id, c)).map_err(fault)?;
        Ok(found.unwrap_or_else(|| vec![0; CHUNK_BYTES]))
    }

    /// Sets entries by the rules of `list_set`, all or none, synced; gives the version afterwards.
    pub fn set_local(&self, id: &str, changes: &[Change]) -> Result<u64, Reject> {
        let _settling = lock(&self.0.settling);
        let unknown = || Reject::new(Code::UnknownList, "/list", "");
        let mut list = self.local_list(id)?.ok_or_else(unknown)?;
        let size = list.status_size;
        let mut chunks: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut changed = false;
        for change in changes.iter().copied() {
            let Change { index, new, .. } = change;
            if index >= list.entries {
                return Err(Reject::new(Code::StatusIndexRange, "/index", ""));
            }
            let fits = u8::try_from(new).ok().filter(|_| new < 1 << size);
            let new = fits.ok_or_else(|| Reject::new(Code::StatusValue, "/new", ""))?;
            let (c, offset) = bits::place(index, size);
            let chunk = match chunks.entry(c) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(free) => free.insert(self.local_chunk(id, c)?),
            };
            let current = value_at(chunk, offset, size);
            if change.is_done(u64::from(current)) {
                continue;
            }
            if change.old.expected().is_some_and(|old| old != u64::from(current)) {
                return Err(Reject::new(Code::StatusConflict, "/old", ""));
            }
            if current == 1 && matches!(list.profile, Profile::Revocation | Profile::Token) {
                return Err(Reject::new(Code::StatusIrreversible, "/index", ""));
            }
            set_value(chunk, offset, size, new);
            changed = true;
        }
        if !changed {
            return Ok(list.version);
        }
        list.version += 1;
        let mut writes = Writes::default();
        for (c, chunk) in &chunks {
            writes.put(LISTS, &chunk_row(id, *c), chunk);
        }
        writes.put(LISTS, &list_row(id), &encode(&list));
        self.0.records.write(&writes).map_err(fault)?;
        Ok(list.version)
    }

    /// The value of an entry.
    pub fn local_value(&self, id: &str, list: &StatusList, index: u64) -> Result<u8, Reject> {
        let (c, offset) = bits::place(index, list.status_size);
        Ok(value_at(&self.local_chunk(id, c)?, offset, list.status_size))
    }
}
