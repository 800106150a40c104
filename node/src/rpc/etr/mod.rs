//! `etr_*`: transferable records. Everybody sees public parts; the party part is shown to a party
//! that signed a capability (to a former one as of when it left), and to tokens with scope `etr:read` that list it.
//!
//! - `caller`: who may see what; - `list`, `history`, `law`: reads; - `proofs`: bundles;
//! - `prepare`: dry runs of ops and bundles; - `subscribe`: events; - `envelope`: sealed contents.

mod caller;
mod envelope;
mod history;
mod law;
mod list;
mod prepare;
mod proofs;
mod subscribe;

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::etr::{GetParams, LookupParams};
use titian_api::{Call as _, Object, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{keys, view as etr_view};
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::state::Overlay;

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::{Caller, State, prove, view};
use caller::{Ask, Sight, sight_of};

pub(super) use caller::shows_ops;
pub(super) use proofs::complete;

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::EtrGet, _, _>(module, get)?;
    add::<call::EtrLookup, _, _>(module, lookup)?;
    add::<call::EtrList, _, _>(module, |state, params, caller| async move {
        blocking(move || list::list(&state, &params, &caller)).await
    })?;
    add::<call::EtrInbox, _, _>(module, |state, params, caller| async move {
        blocking(move || list::inbox(&state, &params, &caller)).await
    })?;
    add::<call::EtrStaged, _, _>(module, |state, params, caller| async move {
        blocking(move || list::staged(&state, &params, &caller)).await
    })?;
    add::<call::EtrHistory, _, _>(module, |state, params, caller| async move {
        blocking(move || history::history(&state, &params, &caller)).await
    })?;
    add::<call::EtrEndorsements, _, _>(module, |state, params, caller| async move {
        blocking(move || history::endorsements(&state, &params, &caller)).await
    })?;
    add::<call::EtrConsents, _, _>(module, |state, params, caller| async move {
        blocking(move || history::consents(&state, &params, &caller)).await
    })?;
    add::<call::EtrPrepare, _, _>(module, |state, params, caller| async move {
        blocking(move || prepare::prepare(&state, params, &caller)).await
    })?;
    add::<call::EtrProve, _, _>(module, proofs::proof)?;
    add::<call::EtrChallenge, _, _>(module, |state, params, _| async move {
        proofs::challenge(&state, &params)
    })?;
    register_law(module)?;
    register_envelopes(module)?;
    subscribe::register(module)
}

fn register_envelopes(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::EtrEnvelopePut, _, _>(module, |state, params, _| async move {
        blocking(move || envelope::put(&state, &params)).await
    })?;
    add::<call::EtrEnvelopeGet, _, _>(module, |state, params, _| async move {
        blocking(move || envelope::get(&state, &params)).await
    })?;
    add::<call::EtrEnvelopes, _, _>(module, |state, params, _| async move {
        blocking(move || envelope::list(&state, &params)).await
    })?;
    add::<call::EtrEnvelopeErase, _, _>(module, |state, params, _| async move {
        blocking(move || envelope::erase(&state, &params)).await
    })
}

fn register_law(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::EtrProfiles, _, _>(module, |state, _, _| async move {
        blocking(move || law::profiles(&state)).await
    })?;
    add::<call::EtrProfile, _, _>(module, |state, params, _| async move {
        blocking(move || law::profile_of(&state, &params)).await
    })?;
    add::<call::EtrLegalEffect, _, _>(module, |state, params, _| async move {
        law::effect(&state, &params)
    })?;
    add::<call::EtrLegalMatrix, _, _>(module, |state, params, _| async move {
        blocking(move || law::matrix(&state, &params)).await
    })?;
    add::<call::EtrCourtPolicy, _, _>(module, |state, params, _| async move {
        law::court_policy(&state, &params)
    })
}

fn unknown_record() -> Refusal {
    Refusal::new(Code::UnknownRecord, "/id", "")
}

async fn get(state: Arc<State>, params: GetParams, caller: Caller) -> Answer<Object> {
    let mut shown = {
        let capability = params.capability.as_ref();
        let sight = Ask::new(&state, &caller, capability, call::EtrGet::NAME).sight(&params.id)?;
        let at = At::height(&state, params.height)?;
        let overlay = Overlay::new(&at.reader);
        let shown = record(&overlay, &params.id, sight.at(at.height)).ok_or_else(unknown_record)?;
        at.stamp(until(shown, sight))
    };
    if params.proof {
        let stated = [("id", params.id.clone())];
        prove::add(&state, &mut shown, params.height, "etr-status", &stated).await?;
    }
    Ok(shown)
}

/// A record with the height up to which a former party sees its party part.
fn until(mut shown: Object, sight: Sight) -> Object {
    if let Some(until) = sight.until() {
        shown.insert("partyUntil".to_owned(), until.into());
    }
    shown
}

/// The public part of a record, for its status address.
pub(super) fn public(state: &State, id: &str) -> Answer<Object> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    Ok(at.stamp(record(&overlay, id, false).ok_or_else(unknown_record)?))
}

/// A record as `{public}` or `{public, party, endorsements}`: of these the first 200.
fn record(overlay: &Overlay<'_>, id: &str, all: bool) -> Option<Object> {
    let mut shown = parts(overlay, id, all)?;
    if all {
        let chain = etr_view::endorsements(overlay, id, 0, limits::PAGE_ITEMS_MAX);
        let chain = Value::List(chain.iter().map(etr_view::endorsement_value).collect());
        shown.insert("endorsements".to_owned(), view::json(&chain));
    }
    Some(shown)
}

/// A record as `{public}` or `{public, party}`.
fn parts(overlay: &Overlay<'_>, id: &str, all: bool) -> Option<Object> {
    let content = overlay.content(&keys::record(id))?;
    let mut members = vec![("id", Value::from(id)), ("public", etr_view::public_part(&content)?)];
    if all {
        members.push(("party", etr_view::party_part(&content)?));
    }
    Some(view::object(&Value::object(members)))
}

async fn lookup(state: Arc<State>, params: LookupParams, caller: Caller) -> Answer<Object> {
    let invalid = || {
        let detail = "series, issuer and ref, or issuer and serial";
        Refusal::new(Code::InvalidParams, "", detail)
    };
    let number = match (&params.series, &params.reference, &params.serial) {
        (Some(series), Some(reference), None) => format!("{series}/{}/{reference}", params.issuer),
        (None, None, Some(serial)) => format!("{}/{serial}", params.issuer),
        _ => return Err(invalid()),
    };
    let ask = Ask::new(&state, &caller, params.capability.as_ref(), call::EtrLookup::NAME);
    let asker = ask.party(&number)?;
    let mut shown = {
        let at = At::height(&state, None)?;
        let overlay = Overlay::new(&at.reader);
        let paper = params
            .serial
            .as_ref()
            .and_then(|serial| etr_view::paper(&overlay, &params.issuer, serial));
        let id = match (&params.series, &params.reference) {
            (Some(series), Some(reference)) => {
                etr_view::lookup(&overlay, series, &params.issuer, reference)
            }
            _ => paper.as_ref().map(|paper| paper.record.clone()),
        };
        let mut shown = Object::new();
        shown.insert("found".to_owned(), id.is_some().into());
        if let Some(paper) = paper {
            shown.insert("consumed".to_owned(), paper.inward.is_some().into());
        }
        if let Some(id) = id {
            let party = asker.map(|party| sight_of(&state, &id, &party)).transpose()?;
            let sight = party.unwrap_or(Sight::Public).or(ask.token_sight(&id)?);
            let found = record(&overlay, &id, sight.at(at.height));
            shown.insert("record".to_owned(), found.map(|found| until(found, sight)).into());
            if sight == Sight::All {
                shown.insert("descendants".to_owned(), descendants(&overlay, &id).into());
            }
        }
        at.stamp(shown)
    };
    if params.proof {
        let found = shown.get("found") == Some(&serde_json::Value::Bool(true));
        let kind = match (found, &params.serial) {
            (false, _) => "etr-absence",
            (true, None) => "etr-singularity",
            (true, Some(_)) => "etr-conversion",
        };
        let stated = prove::absence(&number).ok_or_else(invalid)?;
        let bundle = prove::bundle(&state, kind, stated).await?;
        shown.insert("proof".to_owned(), bundle.bundle.into());
    }
    Ok(shown)
}

/// The records that came of one, in the order in which they are reached.
fn descendants(overlay: &Overlay<'_>, id: &str) -> Vec<serde_json::Value> {
    let mut ids = vec![id.to_owned()];
    let mut shown = Vec::new();
    let mut next = 0;
    while let Some(record) = ids.get(next).and_then(|id| Record::load(overlay, id)) {
        if next > 0 {
            let public = view::json(&record.public.to_value());
            shown.push(serde_json::json!({ "id": record.public.id, "public": public }));
        }
        for child in record.party.into {
            if ids.len() <= limits::PAGE_ITEMS_MAX && !ids.contains(&child) {
                ids.push(child);
            }
        }
        next += 1;
    }
    shown
}
