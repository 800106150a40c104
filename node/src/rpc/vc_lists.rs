//! Signed status lists: where this node holds the key of a list's owner, now and at earlier times
//! (vc.md §5.4), and the lists that it keeps itself, for verdicts here.

use serde_json::Value;
use titian_api::Refusal;
use titian_api::vc::ListFormat;
use titian_contracts::credential::bits::{self, HistoryFault};
use titian_contracts::credential::{NumberedId, Profile, StatusList, list_id};
use titian_contracts::error::Code;
use titian_credential::did::did_of;
use titian_credential::form::{self, Reading};
use titian_credential::verify::{Request, SuppliedList};
use titian_credential::{model, status};

use super::methods::Answer;
use super::{State, now_ms};
use crate::issuing::Instance;
use crate::issuing::lists::{ListAt, SignedForm, sign};

/// The signed form of a list for `vc_statusList`; `None` where another node signs it, or where the
/// form asked for has none. `earlier_ms` is the time of an earlier height.
pub(super) fn credential(
    state: &State,
    id: &NumberedId,
    list: (StatusList, Vec<u8>),
    format: ListFormat,
    earlier_ms: Option<u64>,
) -> Answer<Option<Value>> {
    let form = match (format, list.0.profile) {
        (ListFormat::Token, Profile::Token) => SignedForm::Token,
        (ListFormat::Bitstring, profile) if profile != Profile::Token => SignedForm::Embedded,
        _ => return Ok(None),
    };
    let Some(instance) = owner(state, id) else { return Ok(None) };
    let text = signed(state, instance, id, list, form, earlier_ms)?;
    if form == SignedForm::Token {
        return Ok(Some(Value::String(text)));
    }
    serde_json::from_str(&text).map(Some).map_err(|_| Refusal::from(Code::Unavailable))
}

/// A list and its entries at a height. Deltas hold the whole history, so the head answers for every
/// height.
pub(super) fn list_at(
    state: &State,
    id: &NumberedId,
    height: u64,
) -> Answer<(StatusList, Vec<u8>)> {
    let reader = state.ledger().reader();
    bits::list_at(&reader, &id.owner, id.number, height).map_err(|fault| match fault {
        HistoryFault::NoList | HistoryFault::Range => Refusal::new(Code::UnknownList, "/list", ""),
        HistoryFault::Broken => Refusal::new(Code::Unavailable, "", "history is damaged"),
    })
}

/// The instance of this node that signs a list of the ledger.
pub(super) fn owner<'a>(state: &'a State, id: &NumberedId) -> Option<&'a Instance> {
    state.backend.issuing.as_ref()?.by_did(&did_of(&id.owner))
}

/// The signed text of a list of this node's issuer: of now, or of an earlier time, ms.
pub(super) fn signed(
    state: &State,
    instance: &Instance,
    id: &NumberedId,
    (list, bits): (StatusList, Vec<u8>),
    form: SignedForm,
    earlier_ms: Option<u64>,
) -> Answer<String> {
    let named = list_id(&id.owner, id.number);
    let version = list.version;
    let at = |time_ms| ListAt { id: named.clone(), list, bits, time_ms };
    match earlier_ms {
        Some(time_ms) => sign(instance, &at(time_ms), form),
        None => {
            let now = now_ms();
            let issuing = state.issuing()?;
            issuing.signed(instance, &named, version, form, now, || Ok(at(now)))
        }
    }
}

/// Completes the lists of a request: those of the caller were not fetched after `now`, the time of
/// judgement in ms; those that this node keeps itself come in as far as `input` refers to them, and
/// before any copy that the caller holds. A verifier reads its own lists without network.
pub(super) fn supply_own(state: &State, input: &[u8], request: &mut Request, now: u64) {
    for list in &mut request.supplied.lists {
        list.fetched_ms = list.fetched_ms.min(now);
    }
    let Some(issuing) = state.backend.issuing.as_ref().filter(|issuing| issuing.keeps_lists())
    else {
        return;
    };
    let Ok(reading) = form::read(input) else { return };
    let inner = reading.document.get("verifiableCredential").map(model::items).unwrap_or_default();
    let inner: Vec<Reading> =
        inner.iter().filter_map(|item| form::read_json(item.clone()).ok()).collect();
    let mut own: Vec<SuppliedList> = Vec::new();
    for reference in inner.iter().chain([&reading]).flat_map(status::references).flatten() {
        let known = own.iter().any(|list| list.url == reference.list);
        if known {
            continue;
        }
        if let Some(text) = issuing.own_list(&reference.list, reference.token, now) {
            let list = SuppliedList { url: reference.list, text, fetched_ms: now };
            own.push(list);
        }
    }
    own.append(&mut request.supplied.lists);
    request.supplied.lists = own;
}
