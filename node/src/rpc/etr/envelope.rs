//! Envelopes of contents: put, get, list, erase. Only parties to the record may, by a capability.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_api::Refusal;
use titian_api::etr::Capability;
use titian_api::etr_envelope::{
    EnvelopeHeld, EnvelopeName, EnvelopePart, Envelopes as Listed, EraseParams, Erased, GetParams,
    ListParams, PutParams, PutResult,
};
use titian_contracts::error::Code;
use titian_contracts::etr::content::is_record_id;
use titian_contracts::etr::person::identity;
use titian_contracts::etr::record::Record;
use titian_contracts::etr::view as etr_view;
use titian_contracts::limits;
use titian_contracts::state::Overlay;

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{State, view};
use super::caller::capable_party;
use super::unknown_record;
use crate::envelopes::Name;

/// The entity of the party that asks about a record, which must stand, and the version of its content.
fn party(state: &State, capability: &Capability, id: &str) -> Answer<(String, u64)> {
    // the id becomes the name of a folder
    if !is_record_id(id) {
        return Err(unknown_record());
    }
    let shown = capable_party(state, capability, id)?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let record = Record::load(&overlay, id).ok_or_else(unknown_record)?;
    if !etr_view::is_party(&overlay, id, &shown) {
        return Err(Refusal::new(Code::Forbidden, "/capability", "is no party to this record"));
    }
    Ok((identity(&overlay, &shown).to_string(), record.public.content_version))
}

fn name_of(name: &EnvelopeName) -> Name {
    Name { id: name.id.clone(), version: name.version, number: name.envelope_no }
}

/// Takes a part of an envelope.
pub(super) fn put(state: &State, params: &PutParams) -> Answer<PutResult> {
    let (entity, version) = party(state, &params.capability, &params.name.id)?;
    // an amendment that is staged may be sealed before it stands
    if params.name.version == 0 || params.name.version > version.saturating_add(1) {
        return Err(Refusal::new(Code::InvalidParams, "/version", "no version of the content"));
    }
    let invalid = || Refusal::new(Code::InvalidParams, "/bytes", "base64url without padding");
    let bytes = URL_SAFE_NO_PAD.decode(&params.bytes).map_err(|_| invalid())?;
    if bytes.len() > limits::ETR_ENVELOPE_PART_BYTES_MAX {
        return Err(Refusal::new(Code::LimitExceeded, "/bytes", "512 KiB at a time"));
    }
    let name = name_of(&params.name);
    let put = state.envelopes.put(&name, &entity, params.offset, params.total, &bytes);
    let (received, whole) = put.map_err(Refusal::from)?;
    Ok(PutResult { received, whole })
}

/// A part of an envelope.
pub(super) fn get(state: &State, params: &GetParams) -> Answer<EnvelopePart> {
    party(state, &params.capability, &params.name.id)?;
    let max = limits::ETR_ENVELOPE_PART_BYTES_MAX;
    let got = state.envelopes.get(&name_of(&params.name), params.offset, max);
    let (bytes, total) = got.map_err(Refusal::from)?;
    Ok(EnvelopePart { bytes: view::base64(&bytes), total })
}

/// What is held of a record.
pub(super) fn list(state: &State, params: &ListParams) -> Answer<Listed> {
    party(state, &params.capability, &params.id)?;
    let items = state.envelopes.list(&params.id).into_iter().map(|held| EnvelopeHeld {
        version: held.version,
        envelope_no: held.number,
        bytes: held.bytes,
        recipients: held.recipients.iter().map(|(party, key)| format!("{party}#k{key}")).collect(),
    });
    Ok(Listed { items: items.collect() })
}

/// Erases an envelope that the party put here.
pub(super) fn erase(state: &State, params: &EraseParams) -> Answer<Erased> {
    let (entity, _) = party(state, &params.capability, &params.name.id)?;
    state.envelopes.erase(&name_of(&params.name), &entity).map_err(Refusal::from)?;
    Ok(Erased { erased: true })
}
