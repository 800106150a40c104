//! The parties of height 0: roots and authorities as the genesis file names them.
//!
//! Invariant: what stands here passes the same checks of keys, scopes and quorums as the acts.
//! It deliberately asks for no proof of possession and no signature: the genesis file is agreed
//! on by people, and each state makes its contribution on its own machine.

use super::key_ring::KeyRing;
use super::new_key::{self, NewKey};
use super::{Ams, AuthorityEntry, Party, ams_key, authority_key, members_key, party_key};
use crate::error::{Code, Reject};
use crate::limits;
use crate::state::Overlay;

/// Writes state `cc` with its root keys k1, k2, … and root quorum `k`.
///
/// `status` is observer, pilot, validator or suspended. Errors: `DID_INVALID`, `PARTY_EXISTS`,
/// `KEY_WEAK`, `KEY_REUSED`, `SCOPE_UNKNOWN`, `KEY_LIMIT`, `FIELD_LIMIT`.
pub fn genesis_root(
    state: &mut Overlay<'_>,
    cc: &str,
    name: &str,
    status: &str,
    k: u64,
    keys: &[NewKey],
) -> Result<(), Reject> {
    match Party::parse(cc) {
        Some(Party::Root(_)) => {}
        _ => return Err(Reject::new(Code::DidInvalid, "/party", "a state is two letters")),
    }
    let name_fits = (1..=64).contains(&name.len());
    if !name_fits || !["observer", "pilot", "validator", "suspended"].contains(&status) {
        return Err(Reject::new(Code::FieldLimit, "/status", "name or status of the state"));
    }
    new_key::check_sound(keys, "/keys")?;
    new_key::check_unbound(state, keys, "/keys")?;
    new_key::check_scopes_known(keys, "/keys")?;
    new_key::check_root_quorum(keys, k, "/keys")?;
    let ams = Ams {
        name: name.to_owned(),
        status: status.to_owned(),
        root_k: k,
        from_height: 0,
        version: 1,
        pending_rotation: None,
    };
    write_party(state, cc, keys)?;
    state.write(ams_key(cc), &ams);
    let mut members = super::members(state);
    members.push(cc.to_owned());
    members.sort_unstable();
    state.write(members_key(), &members);
    Ok(())
}

/// Writes authority `cc:name` with the scopes that its root lets it use, its R2 quorum (R1 is 1)
/// and its keys k1, k2, …
///
/// Errors: `DID_INVALID`, `PARTY_UNKNOWN` (no such state), `PARTY_EXISTS`, `SCOPE_UNKNOWN`,
/// `KEY_WEAK`, `KEY_REUSED`, `KEY_LIMIT`, `FIELD_LIMIT`.
pub fn genesis_authority(
    state: &mut Overlay<'_>,
    cc: &str,
    name: &str,
    scopes: &[String],
    r2: u64,
    keys: &[NewKey],
) -> Result<(), Reject> {
    let party = format!("{cc}:{name}");
    if !matches!(Party::parse(&party), Some(Party::Authority { .. })) {
        return Err(Reject::new(Code::DidInvalid, "/party", "an authority is CC:NAME"));
    }
    if !state.holds(&ams_key(cc)) {
        return Err(Reject::new(Code::PartyUnknown, "/party", "no such state"));
    }
    if state.holds(&authority_key(cc, name)) {
        return Err(Reject::new(Code::PartyExists, "/party", ""));
    }
    let entry = AuthorityEntry::new(scopes, 1, r2);
    new_key::check_authority_scopes(&entry, "/scopes")?;
    new_key::check_authority_limits(&entry, "")?;
    new_key::check_sound(keys, "/keys")?;
    new_key::check_unbound(state, keys, "/keys")?;
    new_key::check_scopes_within(keys, &entry.scopes, "/keys")?;
    new_key::check_count(keys, "/keys")?;
    write_party(state, &party, keys)?;
    state.write(authority_key(cc, name), &entry);
    Ok(())
}

/// Gives a business its first keys at height 0: sandbox networks start with keyed businesses.
/// `entity` is the entity id of its record.
///
/// Errors: `PARTY_EXISTS`, `KEY_WEAK`, `KEY_REUSED`, `SCOPE_UNKNOWN`, `KEY_LIMIT`, `FIELD_LIMIT`.
pub fn genesis_business_keys(
    state: &mut Overlay<'_>,
    entity: &str,
    keys: &[NewKey],
) -> Result<(), Reject> {
    new_key::check_sound(keys, "/keys")?;
    new_key::check_unbound(state, keys, "/keys")?;
    new_key::check_scopes_for_business(keys, "/keys")?;
    new_key::check_count(keys, "/keys")?;
    write_party(state, entity, keys)
}

fn write_party(state: &mut Overlay<'_>, name: &str, keys: &[NewKey]) -> Result<(), Reject> {
    if state.holds(&party_key(name)) {
        return Err(Reject::new(Code::PartyExists, "/party", ""));
    }
    new_key::check_key_limits(keys, limits::ACTIVE_KEYS_MAX, "/keys")?;
    let mut ring = KeyRing::new(name, 0, 0);
    ring.add(state, keys, 0);
    ring.store(state);
    Ok(())
}
