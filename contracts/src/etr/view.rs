//! What readers are shown: the public part to anyone, the party part to parties.
//!
//! It deliberately does not decide who is a party: that is for the caller, by a proven UBIN and
//! [`is_party`].

use super::endorsement::{self, Endorsement};
use super::person::identity;
use super::record::{Pending, Record, Status, texts_of};
use super::surrender::PaperSerial;
use super::{kernel, keys, profile, roles};
use crate::json::{self, Value};
use crate::state::{Overlay, decode_content};

/// The public part of a record, from the content under `keys::record`.
pub fn public_part(content: &[u8]) -> Option<Value> {
    let (public, _) = texts_of(content)?;
    json::parse(public.as_bytes()).ok()
}

/// The party part of a record, from the content under `keys::record`.
pub fn party_part(content: &[u8]) -> Option<Value> {
    let (_, party) = texts_of(content)?;
    json::parse(party.as_bytes()).ok()
}

/// The hashes of the public and the party part: what a proof of one part needs of the other.
pub fn part_hashes(content: &[u8]) -> Option<(crate::digest::Digest, crate::digest::Digest)> {
    let (public, party) = texts_of(content)?;
    Some((super::content::public_hash(public), super::content::party_hash(party)))
}

/// The root record of a number.
pub fn lookup(state: &Overlay<'_>, series: &str, issuer: &str, reference: &str) -> Option<String> {
    state.read(&keys::index(series, &identity(state, issuer), reference))
}

/// Entries of the endorsement chain of a record, in order, after number `after`, at most `limit`.
pub fn endorsements(state: &Overlay<'_>, id: &str, after: u64, limit: usize) -> Vec<Endorsement> {
    let Some(record) = Record::load(state, id) else { return Vec::new() };
    let numbers = (1..=record.party.endorsements).filter(|n| *n > after).take(limit);
    numbers.filter_map(|n| state.read(&keys::endorsement(id, n))).collect()
}

/// One entry of an endorsement chain as JSON.
pub fn endorsement_value(entry: &Endorsement) -> Value {
    let person = |text: &str| json::parse(text.as_bytes()).unwrap_or(Value::Null);
    Value::object([
        ("n", Value::from(entry.n)),
        ("kind", Value::from(entry.kind.as_str())),
        ("endorser", person(&entry.endorser)),
        ("endorsee", person(&entry.endorsee)),
        ("withoutRecourse", Value::from(entry.without_recourse)),
        ("op", Value::from(entry.op)),
        ("timeMs", Value::from(entry.time_ms)),
        ("place", Value::from(entry.place.as_str())),
        ("released", Value::from(entry.released)),
        ("struck", Value::from(entry.struck)),
    ])
}

/// Prefix of the index entries of a party: what follows is the id of a record; the content is read
/// by [`roles_of`].
pub fn party_prefix(entity: &str) -> Vec<u8> {
    keys::party(entity, "")
}

/// The roles of a party in a record, from the content of its index entry; empty for a former one.
pub fn roles_of(content: &[u8]) -> Vec<String> {
    let mut roles = entry_of(content);
    roles.retain(|role| role != kernel::LAPSED);
    roles
}

fn entry_of(content: &[u8]) -> Vec<String> {
    decode_content(content).unwrap_or_default()
}

/// Whether a business is, or was, a party to a record.
pub fn is_party(state: &Overlay<'_>, id: &str, ubin: &str) -> bool {
    is_party_entity(state, id, &identity(state, ubin))
}

/// Whether an entity is, or was, a party to a record.
pub fn is_party_entity(state: &Overlay<'_>, id: &str, entity: &str) -> bool {
    state.holds(&keys::party(entity, id))
}

/// How an entity stands to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It never had a role.
    None,
    /// It has a role, or had one when the record ended or was changed last; or it may be called on as
    /// an endorser.
    Party,
    /// It had one.
    Former {
        /// The height at which it left; of one whom a deadline had put out before the op that came
        /// then, the height before.
        until: u64,
    },
}

/// How an entity stands to a record, as of committed state.
pub fn standing(state: &Overlay<'_>, id: &str, entity: &str) -> Standing {
    let Some(entry) = state.committed(&keys::party(entity, id)) else { return Standing::None };
    let lapsed = entry_of(&entry.content).iter().any(|role| role == kernel::LAPSED);
    let until = entry.last_changed.saturating_sub(lapsed.into());
    let unchanged =
        || state.committed(&keys::record(id)).is_some_and(|record| record.last_changed <= until);
    let at_the_end = |record: &Record| {
        record.public.status == Status::Dead
            && kernel::last_roles(state, record).iter().any(|(of, _)| **of == *entity)
    };
    let still = |record: &Record| at_the_end(record) || may_be_called_on(state, record, entity);
    let has_role = !roles_of(&entry.content).is_empty();
    if has_role || unchanged() || Record::load(state, id).as_ref().is_some_and(still) {
        Standing::Party
    } else {
        Standing::Former { until }
    }
}

/// Whether recourse may yet run against an entity for its endorsement (etr.md §6.6).
fn may_be_called_on(state: &Overlay<'_>, record: &Record, entity: &str) -> bool {
    // without money to be paid there is no recourse, and what has ended is owed no more
    if record.party.money.is_none() || record.public.status == Status::Dead {
        return false;
    }
    let endorsed = |entry: &Endorsement| {
        let endorser = entry.endorser_person().filter(|_| entry.is_liable());
        endorser.is_some_and(|who| who.members().iter().any(|m| *identity(state, m) == *entity))
    };
    endorsement::all(state, record).iter().any(endorsed)
}

/// The parties that are to answer what is pending on a record.
pub fn answerers(state: &Overlay<'_>, record: &Record) -> Vec<String> {
    match &record.party.pending {
        Some(Pending::Offer { to, .. }) => to.members().to_vec(),
        Some(Pending::Surrender { .. }) => profile::load(state, &record.public.profile)
            .map(|profile| vec![roles::answering(&profile, record).to_owned()])
            .unwrap_or_default(),
        Some(Pending::Present { .. }) => vec![record.party.obligor.clone()],
        None => Vec::new(),
    }
}

/// The roles of a business in a record now.
pub fn roles_in(state: &Overlay<'_>, id: &str, ubin: &str) -> Vec<String> {
    let entry = state.content(&keys::party(&identity(state, ubin), id));
    entry.map(|content| roles_of(&content)).unwrap_or_default()
}

/// What the register of paper says of a serial of an issuer.
pub fn paper(state: &Overlay<'_>, issuer: &str, serial: &str) -> Option<PaperSerial> {
    state.read(&keys::paper(&identity(state, issuer), serial))
}
