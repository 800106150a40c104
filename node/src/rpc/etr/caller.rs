//! Who may see the party part: a token with scope `etr:read`, or a capability that a party signed.

use titian_api::Refusal;
use titian_api::etr::Capability;
use titian_contracts::access::{self, Party, Purpose};
use titian_contracts::error::Code;
use titian_contracts::etr::person::identity;
use titian_contracts::etr::view as etr_view;
use titian_contracts::op;
use titian_contracts::state::Overlay;

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{Caller, State, now_ms};

/// The party that a capability about `subject` shows to ask. Errors: `FORBIDDEN`.
pub(in crate::rpc) fn capable_party(
    state: &State,
    capability: &Capability,
    subject: &str,
) -> Answer<String> {
    let refuse = |detail: &str| Refusal::new(Code::Forbidden, "/capability", detail);
    if capability.ms.abs_diff(now_ms()) > titian_api::etr::CAPABILITY_MS_MAX {
        return Err(refuse("ms is more than 300 s from now"));
    }
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let party = Party::parse(&capability.party).ok_or_else(|| refuse("no such party"))?;
    let no = op::parse_key_no(&capability.key).ok_or_else(|| refuse("no such key"))?;
    let key = access::key_of(&overlay, &party, no).ok_or_else(|| refuse("no such key"))?;
    let usable = key.is_active(at.time_ms)
        && key.has(Purpose::Invoke)
        && key.algorithm == "Ed25519"
        && !access::is_closed(&overlay, &party);
    let public_key = <[u8; 32]>::try_from(key.public_key.as_slice());
    let signature = op::decode_fixed::<64>(&capability.sig);
    let (Ok(public_key), Some(signature), true) = (public_key, signature, usable) else {
        return Err(refuse("the key is not active, or the signature malformed"));
    };
    let digest = titian_api::etr::capability_digest(
        state.ledger().chain(),
        subject,
        &capability.party,
        capability.ms,
    );
    if op::verify(&public_key, &digest, &signature) {
        Ok(capability.party.clone())
    } else {
        Err(refuse("the signature does not verify"))
    }
}

/// Whether the caller may see the party part of record `id`. A capability that does not hold is an
/// error, not a smaller answer.
pub(super) fn may_see(
    state: &State,
    caller: &Caller,
    capability: Option<&Capability>,
    id: &str,
    overlay: &Overlay<'_>,
) -> Answer<bool> {
    if caller.may("etr:read") {
        return Ok(true);
    }
    let Some(capability) = capability else { return Ok(false) };
    let party = capable_party(state, capability, id)?;
    if etr_view::is_party(overlay, id, &party) {
        Ok(true)
    } else {
        Err(Refusal::new(Code::Forbidden, "/capability", "is no party to this record"))
    }
}

/// Asks that the caller may see the party part of record `id`.
pub(super) fn require_sight(
    state: &State,
    caller: &Caller,
    capability: Option<&Capability>,
    id: &str,
    overlay: &Overlay<'_>,
) -> Answer<()> {
    if may_see(state, caller, capability, id, overlay)? {
        Ok(())
    } else {
        Err(Refusal::new(Code::Forbidden, "/capability", "a party to the record must ask"))
    }
}

/// Asks that the caller is `party`, or has a token. A business is known by its entity.
pub(super) fn require_party(
    state: &State,
    caller: &Caller,
    capability: Option<&Capability>,
    party: &str,
) -> Answer<()> {
    if caller.may("etr:read") {
        return Ok(());
    }
    let missing =
        || Refusal::new(Code::Forbidden, "/capability", "the party must show that it asks");
    let shown = capable_party(state, capability.ok_or_else(missing)?, party)?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    if identity(&overlay, &shown) == identity(&overlay, party) { Ok(()) } else { Err(missing()) }
}
