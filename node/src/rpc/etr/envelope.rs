//! Envelopes of contents: put, get, list, erase. Only parties to the record may, by a capability; one who
//! left sees those that it put and those that are sealed to it, and erases what it put.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_api::etr::Capability;
use titian_api::etr_envelope::{
    EnvelopeHeld, EnvelopeName, EnvelopePart, Envelopes as Listed, EraseParams, Erased, GetParams,
    ListParams, PutParams, PutResult,
};
use titian_api::{Call as _, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::etr::content::is_record_id;
use titian_contracts::etr::person::identity;
use titian_contracts::etr::record::Record;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_envelope::Envelope;

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{State, now_ms, view};
use super::caller::{Ask, Sight, sight_of};
use super::unknown_record;
use crate::delivery::judge;
use crate::envelopes::rows::Meta;
use crate::envelopes::{Name, Piece, Taken};

/// Who asks about the envelopes of a record.
struct Asker {
    party: String,
    entity: String,
    sight: Sight,
}

impl Asker {
    /// The party that asks about a record, which must stand.
    fn of(state: &State, capability: &Capability, method: &'static str, id: &str) -> Answer<Self> {
        // the id becomes the name of a folder
        if !is_record_id(id) {
            return Err(unknown_record());
        }
        let ask = Ask { state, caller: None, capability: Some(capability), method };
        let party = ask.party(id)?.unwrap_or_default();
        let at = At::height(state, None)?;
        let overlay = Overlay::new(&at.reader);
        Record::load(&overlay, id).ok_or_else(unknown_record)?;
        let sight = sight_of(state, id, &party)?;
        if sight == Sight::Public {
            return Err(Refusal::new(Code::Forbidden, "/capability", "is no party to this record"));
        }
        Ok(Self { entity: identity(&overlay, &party).to_string(), party, sight })
    }

    /// Whether it may know of an envelope.
    fn knows(&self, overlay: &Overlay<'_>, meta: &Meta) -> bool {
        let to_it = |(party, _): &(String, u64)| *identity(overlay, party) == *self.entity;
        self.sight == Sight::All || meta.by == self.entity || meta.recipients.iter().any(to_it)
    }
}

fn name_of(name: &EnvelopeName) -> Name {
    Name { id: name.id.clone(), version: name.version, number: name.envelope_no }
}

/// Takes a part of an envelope.
pub(super) fn put(state: &State, params: &PutParams) -> Answer<PutResult> {
    let method = call::EtrEnvelopePut::NAME;
    let asker = Asker::of(state, &params.capability, method, &params.name.id)?;
    if asker.sight != Sight::All {
        let detail = "is no party to this record any more";
        return Err(Refusal::new(Code::Forbidden, "/capability", detail));
    }
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let record = Record::load(&overlay, &params.name.id).ok_or_else(unknown_record)?;
    judge::check_version(&record, params.name.version).map_err(Refusal::from)?;
    let invalid = || Refusal::new(Code::InvalidParams, "/bytes", "base64url without padding");
    let bytes = URL_SAFE_NO_PAD.decode(&params.bytes).map_err(|_| invalid())?;
    if bytes.len() > limits::ETR_ENVELOPE_PART_BYTES_MAX {
        return Err(Refusal::new(Code::LimitExceeded, "/bytes", "512 KiB at a time"));
    }
    let name = name_of(&params.name);
    let piece = Piece {
        name: &name,
        by: &asker.entity,
        party: &asker.party,
        offset: params.offset,
        total: params.total,
        bytes: &bytes,
    };
    let homes = &state.backend.homes;
    let (mut delivers_to, mut stays_for) = (Vec::new(), Vec::new());
    let judge = |envelope: &Envelope| {
        let states = judge::states_of(&overlay, &name.id, envelope)?;
        let when = (at.height, now_ms());
        let going = judge::going(&overlay, homes, &asker.party, &states, when);
        let other = |state: &&String| Some(state.as_str()) != homes.own();
        let others: BTreeSet<String> = states.iter().filter(other).cloned().collect();
        stays_for = others.difference(&going.states).cloned().collect();
        delivers_to = going.states.iter().cloned().collect();
        Ok(going)
    };
    match state.backend.envelopes.put(&piece, judge).map_err(Refusal::from)? {
        Taken::Has(received) => Ok(PutResult { received, ..PutResult::default() }),
        Taken::Whole => {
            Ok(PutResult { received: params.total, whole: true, delivers_to, stays_for })
        }
    }
}

/// A part of an envelope.
pub(super) fn get(state: &State, params: &GetParams) -> Answer<EnvelopePart> {
    let method = call::EtrEnvelopeGet::NAME;
    let asker = Asker::of(state, &params.capability, method, &params.name.id)?;
    let (name, envelopes) = (name_of(&params.name), &state.backend.envelopes);
    let reader = state.ledger().reader();
    let overlay = Overlay::new(&reader);
    let meta = envelopes.meta(&name).map_err(Refusal::from)?;
    if !meta.is_some_and(|meta| asker.knows(&overlay, &meta)) {
        return Err(Refusal::new(Code::NotFound, "/envelopeNo", ""));
    }
    let max = limits::ETR_ENVELOPE_PART_BYTES_MAX;
    let (bytes, total) = envelopes.get(&name, params.offset, max).map_err(Refusal::from)?;
    Ok(EnvelopePart { bytes: view::base64(&bytes), total })
}

/// A page of what is held of a record.
pub(super) fn list(state: &State, params: &ListParams) -> Answer<Listed> {
    let asker = Asker::of(state, &params.capability, call::EtrEnvelopes::NAME, &params.id)?;
    let after = params.cursor.as_deref().map(|cursor| {
        let read = || {
            let (version, number) = cursor.split_once('-')?;
            Some((version.parse().ok()?, number.parse().ok()?))
        };
        let invalid = || Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list");
        read().ok_or_else(invalid)
    });
    let (max, envelopes) = (limits::PAGE_ITEMS_MAX, &state.backend.envelopes);
    let held = envelopes.list(&params.id, after.transpose()?, max).map_err(Refusal::from)?;
    let cursor = held.last().filter(|_| held.len() == max);
    let cursor = cursor.map(|(name, _)| format!("{}-{}", name.version, name.number));
    let reader = state.ledger().reader();
    let overlay = Overlay::new(&reader);
    let mut items = Vec::new();
    for (name, meta) in held.into_iter().filter(|(_, meta)| asker.knows(&overlay, meta)) {
        let own = meta.by == asker.entity;
        let underway = if own { envelopes.underway(&name, &meta) } else { Ok(Vec::new()) };
        let recipients = meta.recipients.iter().map(|(party, key)| format!("{party}#k{key}"));
        items.push(EnvelopeHeld {
            version: name.version,
            envelope_no: name.number,
            bytes: meta.bytes,
            recipients: recipients.collect(),
            own,
            underway: underway.map_err(Refusal::from)?,
        });
    }
    Ok(Listed { items, cursor })
}

/// Erases an envelope that the party put here, and has it erased where it went.
pub(super) fn erase(state: &State, params: &EraseParams) -> Answer<Erased> {
    let method = call::EtrEnvelopeErase::NAME;
    let asker = Asker::of(state, &params.capability, method, &params.name.id)?;
    let (name, height) = (name_of(&params.name), state.ledger().head().height);
    let until_ms = now_ms().saturating_add(limits::ETR_DELIVERY_MS_MAX);
    let erased = state.backend.envelopes.erase(&name, &asker.entity, height, until_ms);
    erased.map_err(Refusal::from)?;
    Ok(Erased { erased: true })
}
