//! `access_*`: parties, keys, mandates.

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::{Object, Refusal, call};
use titian_contracts::access::{Party, view as access_view};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::{State, prepare, prove, view};

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::AccessParty, _, _>(module, |state, params, _| async move {
        let party = party_text(&params.party)?.to_owned();
        let at = At::height(&state, params.height)?;
        let found = access_view::party(&Overlay::new(&at.reader), &party, at.time_ms);
        let mut shown = answer(found, &at)?;
        if params.proof {
            let did = format!("did:ubin:{party}");
            prove::add(&state, &mut shown, params.height, "vc-did", &[("did", did)]).await?;
        }
        Ok(shown)
    })?;
    add::<call::AccessKeys, _, _>(module, |state, params, _| async move {
        let party = party_text(&params.party)?.to_owned();
        let at = At::height(&state, params.height)?;
        let count = limits::PARTY_KEYS_MAX;
        let found = access_view::keys(&Overlay::new(&at.reader), &party, at.time_ms, 1, count);
        let mut shown = answer(found, &at)?;
        if params.proof {
            let did = format!("did:ubin:{party}");
            prove::add(&state, &mut shown, params.height, "vc-did", &[("did", did)]).await?;
        }
        Ok(shown)
    })?;
    add::<call::AccessMandates, _, _>(module, |state, params, _| async move {
        let party = party_text(&params.party)?;
        let at = At::height(&state, params.height)?;
        let count = limits::PAGE_ITEMS_MAX as u64;
        let from = params.from.unwrap_or(1);
        let overlay = Overlay::new(&at.reader);
        answer(access_view::mandates(&overlay, party, at.time_ms, from, count), &at)
    })?;
    add::<call::AccessPrepare, _, _>(module, |state, params, _| async move {
        blocking(move || prepare::common(&state, Register::Access, params)).await
    })?;
    Ok(())
}

/// The party of a parameter; `did:ubin:` before it is allowed.
pub(super) fn party_text(text: &str) -> Answer<&str> {
    let party = text.strip_prefix("did:ubin:").unwrap_or(text);
    match Party::parse(party) {
        Some(_) => Ok(party),
        None => Err(Refusal::new(Code::DidInvalid, "/party", "")),
    }
}

fn answer(found: Option<Value>, at: &At) -> Answer<Object> {
    let value = found.ok_or_else(|| Refusal::new(Code::PartyUnknown, "/party", ""))?;
    Ok(at.stamp(view::object(&value)))
}
