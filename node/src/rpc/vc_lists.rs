//! Whole status lists: as data for everyone, signed where this node holds the key of their owner,
//! now and at earlier times (vc.md §5.4).

use serde_json::{Value, json};
use titian_api::vc::{ListFormat, StatusListParams};
use titian_api::{Object, Refusal};
use titian_contracts::credential::bits::{self, HistoryFault};
use titian_contracts::credential::{NumberedId, Profile, StatusList, list_id};
use titian_contracts::error::Code;
use titian_credential::did::did_of;
use titian_credential::status;

use super::at::At;
use super::methods::Answer;
use super::vc::read_list;
use super::{State, now_ms, view};
use crate::issuing::Instance;
use crate::issuing::lists::{ListAt, SignedForm, sign};

/// `vc_statusList`.
pub(super) fn status_list(state: &State, params: &StatusListParams) -> Answer<Object> {
    let id = read_list(&params.list)?;
    let at = At::height(state, params.height)?;
    let now = params.height.is_none();
    let (list, bits) = list_at(state, &id, at.height)?;
    let form = match params.format {
        ListFormat::Token => Some(SignedForm::Token),
        ListFormat::Bitstring if list.profile != Profile::Token => Some(SignedForm::Embedded),
        ListFormat::Bitstring | ListFormat::Raw => None,
    };
    let signed = match (form, owner(state, &id)) {
        (Some(form), Some(instance)) => {
            let (list, bits) = (list.clone(), bits.clone());
            Some(signed(state, instance, &id, (list, bits), form, (!now).then_some(at.time_ms))?)
        }
        (Some(SignedForm::Token), None) => return Err(elsewhere()),
        _ => None,
    };
    let mut shown = json!({
        "list": list_id(&id.owner, id.number),
        "profile": list.profile.name(),
        "statusSize": list.status_size,
        "entries": list.entries,
        "types": list.types,
        "version": list.version,
        "retired": list.retired,
        "untilMs": list.until_ms,
    });
    match params.format {
        ListFormat::Bitstring => shown["encodedList"] = json!(status::encode_list(&bits)),
        ListFormat::Raw => shown["encodedList"] = json!(view::base64(&bits)),
        ListFormat::Token => {}
    }
    if let Some(text) = signed {
        let embedded = text.starts_with('{').then(|| serde_json::from_str(&text).ok()).flatten();
        shown["credential"] = embedded.unwrap_or(Value::String(text));
    }
    Ok(at.stamp(shown.as_object().cloned().unwrap_or_default()))
}

fn elsewhere() -> Refusal {
    Refusal::new(Code::NotFound, "/format", "the node of the list's owner signs it")
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
