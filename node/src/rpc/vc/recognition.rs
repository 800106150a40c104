//! Recognition between states: one question, and the registry by pages.

use std::sync::Arc;

use serde_json::json;
use titian_api::vc::{Listed, RecognitionParams, RecognitionsParams};
use titian_api::{Object, Refusal};
use titian_contracts::access::{Party, is_state_code};
use titian_contracts::error::Code;
use titian_contracts::governance::recognition::{self, Recognition};
use titian_contracts::state::decode_content;
use titian_credential::accreditation::class_of;
use titian_credential::recognition::lookup;
use titian_credential::snapshot::{Known, Snapshot};

use super::evidence;
use super::page::{Ask, page};
use super::{bare, live_of, read_time};
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

fn invalid(field: &str, detail: &str) -> Refusal {
    Refusal::new(Code::InvalidParams, field, detail)
}

/// The code of a state, two capital letters.
fn state_code<'a>(text: &'a str, field: &str) -> Answer<&'a str> {
    if is_state_code(text) {
        return Ok(text);
    }
    Err(invalid(field, "two capital letters are expected"))
}

/// `vc_recognition`.
pub(super) async fn asked(state: &Arc<State>, params: RecognitionParams) -> Answer<Object> {
    state_code(&params.jurisdiction, "/jurisdiction")?;
    let party = bare(&params.issuer).to_owned();
    let issuer =
        Party::parse(&party).ok_or_else(|| Refusal::new(Code::DidInvalid, "/issuer", ""))?;
    evidence::answer(state, (params.height, params.proof), move |state, at, noted| {
        let by = params.jurisdiction.as_str();
        let signed_ms = read_time(params.time.as_deref(), "/time", at.time_ms)?;
        let (code, entry) = if issuer.cc() == by {
            ("DOMESTIC", None)
        } else {
            let times = [signed_ms, at.time_ms];
            let snapshot = live_of(state, at, noted);
            found(&snapshot, (by, issuer.cc()), (&party, &params.type_name), &times)
        };
        let mut shown = Object::new();
        shown.insert("code".to_owned(), json!(code));
        shown.insert("height".to_owned(), json!(at.height));
        shown.insert("entry".to_owned(), json!(entry.as_ref().map(id_of)));
        if let Some(entry) = &entry {
            let stated = view::object(&recognition::view(entry, at.time_ms)).into_iter();
            shown.extend(stated.filter(|(name, _)| name == "agreement" || name == "state"));
        }
        Ok(shown)
    })
    .await
}

fn found(
    snapshot: &dyn Snapshot,
    states: (&str, &str),
    (party, type_name): (&str, &str),
    times_ms: &[u64],
) -> (&'static str, Option<Recognition>) {
    match class_of(snapshot, party, type_name) {
        Known::Known(Some(class)) => lookup(snapshot, states, (type_name, &class), times_ms),
        // whoever may not issue the type has nothing to be recognised
        _ => ("NOT_RECOGNISED", None),
    }
}

fn id_of(entry: &Recognition) -> String {
    format!("{}/{}/{}", entry.by, entry.of, entry.name)
}

/// `gov_recognitions`.
pub(super) async fn listed(state: &Arc<State>, params: RecognitionsParams) -> Answer<Listed> {
    let mut prefix = b"gov/rec/".to_vec();
    if let Some(by) = &params.by {
        prefix.extend_from_slice(state_code(by, "/by")?.as_bytes());
        prefix.push(b'/');
    }
    if let Some(of) = &params.of {
        state_code(of, "/of")?;
    }
    let (of, scope) = (params.of, params.scope);
    if scope.as_ref().is_some_and(|scope| !["credential", "ubin"].contains(&scope.as_str())) {
        return Err(invalid("/scope", "credential or ubin"));
    }
    let ask = Ask {
        limit: params.limit,
        cursor: params.cursor,
        height: params.height,
        proof: params.proof,
    };
    page(state, ask, prefix, move |at, key, stored| {
        // the index of a state has no further part
        key.strip_prefix(b"gov/rec/")?.get(2..)?.first()?;
        let entry: Recognition = decode_content(&stored.content)?;
        let wanted = of.as_ref().is_none_or(|of| entry.of == *of)
            && scope.as_ref().is_none_or(|scope| entry.scope.name() == scope);
        wanted.then(|| {
            let mut item = view::object(&recognition::view(&entry, at.time_ms));
            item.insert("id".to_owned(), json!(id_of(&entry)));
            item.insert("issuerClasses".to_owned(), json!(entry.issuer_classes));
            item.insert("height".to_owned(), json!(stored.last_changed));
            item
        })
    })
    .await
}
