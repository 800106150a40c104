//! `etr_prove` of every kind, and the challenge that a controller answers (etr-api.md §1).

use std::sync::Arc;

use rand::RngCore as _;
use titian_api::etr::ProveParams;
use titian_api::etr_read::{ChallengeParams, ChallengeText};
use titian_api::{Bundle, Call as _, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{self, challenge_of, keys};
use titian_contracts::json::{self, Value};
use titian_contracts::state::{Overlay, Reader};

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{Caller, State, now_ms, prove};
use super::caller::Ask;
use super::{history, unknown_record};

/// Longest name of an audience.
const AUDIENCE_BYTES_MAX: usize = 256;

pub(super) async fn proof(
    state: Arc<State>,
    params: ProveParams,
    caller: Caller,
) -> Answer<Bundle> {
    let need = |field: &str| Refusal::new(Code::InvalidParams, field, "is needed for this kind");
    let id = || params.id.as_deref().ok_or_else(|| need("/id"));
    let subject = || {
        let subject = params.subject.as_deref().ok_or_else(|| need("/subject"))?;
        prove::absence(subject).ok_or_else(|| need("/subject"))
    };
    let head_only = || match params.height {
        None => Ok(()),
        Some(_) => {
            Err(Refusal::new(Code::InvalidParams, "/height", "the head only, for this kind"))
        }
    };
    match params.kind.strip_prefix("etr-").unwrap_or(&params.kind) {
        "status" => {
            let stated = Value::object([("id", Value::from(id()?))]);
            prove::bundle_at(&state, "etr-status", stated, params.height).await
        }
        "absence" => {
            head_only()?;
            prove::bundle(&state, "etr-absence", subject()?).await
        }
        "singularity" => {
            prove::bundle_at(&state, "etr-singularity", subject()?, params.height).await
        }
        "conversion" => {
            let mut stated = subject()?;
            if let Some(id) = &params.id {
                authorised(&state, &caller, &params, id)?;
                stated = stated.with("whole", Value::from(true));
                paper_of(&state, &stated, id)?;
            }
            prove::bundle_at(&state, "etr-conversion", stated, params.height).await
        }
        "history" => {
            head_only()?;
            let id = id()?;
            authorised(&state, &caller, &params, id)?;
            let stated = Value::object([("id", Value::from(id))]);
            prove::bundle(&state, "etr-history", stated).await
        }
        "control" => {
            head_only()?;
            control(&state, &params, id()?).await
        }
        _ => {
            let kinds = "status, control, absence, singularity, conversion or history";
            Err(Refusal::new(Code::InvalidParams, "/kind", kinds))
        }
    }
}

/// Asks that the caller may see the party part of the record.
fn authorised(state: &State, caller: &Caller, params: &ProveParams, id: &str) -> Answer<()> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    if !overlay.holds(&keys::record(id)) {
        return Err(unknown_record());
    }
    Ask::new(state, caller, params.capability.as_ref(), call::EtrProve::NAME).require_sight(id)
}

/// Whether a whole proof of a paper is one of the record that the caller may see.
fn paper_of(state: &State, stated: &Value, id: &str) -> Answer<()> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let text = |name: &str| stated.get(name).and_then(Value::as_text).unwrap_or_default();
    let of = etr::view::paper(&overlay, text("issuer"), text("serial"));
    match of {
        Some(paper) if paper.record == id => Ok(()),
        _ => Err(Refusal::new(Code::NotFound, "/subject", "no paper of this record")),
    }
}

async fn control(state: &State, params: &ProveParams, id: &str) -> Answer<Bundle> {
    let need = || Refusal::new(Code::InvalidParams, "/challenge", "is needed for this kind");
    // the controller signed the challenge: it authorises as well
    let challenge = params.challenge.as_ref().ok_or_else(need)?;
    let text = serde_json::to_vec(challenge).map_err(|_| need())?;
    let challenge = json::parse(&text).map_err(Refusal::from)?;
    let stated = Value::object([("id", Value::from(id)), ("challenge", challenge)]);
    prove::bundle(state, "etr-control", stated).await
}

/// What the controller of a record signs.
pub(super) fn challenge(state: &State, params: &ChallengeParams) -> Answer<ChallengeText> {
    let audience = params.audience.as_str();
    if !(1..=AUDIENCE_BYTES_MAX).contains(&audience.len()) {
        return Err(Refusal::new(Code::InvalidParams, "/audience", "1 to 256 bytes"));
    }
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let record = Record::load(&overlay, &params.id).ok_or_else(unknown_record)?;
    let mut bytes = [0; 16];
    rand::rngs::OsRng.fill_bytes(&mut bytes);
    let (nonce, ms, chain) = (hex::encode(bytes), now_ms(), state.ledger().chain());
    let (seq, head) = (record.public.seq, record.public.head);
    let digest = challenge_of(chain, &params.id, seq, head, audience, &nonce, ms);
    Ok(ChallengeText {
        chain: chain.to_owned(),
        id: params.id.clone(),
        seq,
        head: head.to_string(),
        audience: audience.to_owned(),
        nonce,
        ms,
        digest: digest.to_string(),
    })
}

/// What a question about a record needs beside state: the ops of a history.
pub(in crate::rpc) fn complete(
    state: &State,
    kind: &str,
    stated: Value,
    reader: &dyn Reader,
) -> Answer<Value> {
    if kind != "etr-history" {
        return Ok(stated);
    }
    let id = stated.get("id").and_then(Value::as_text).unwrap_or_default().to_owned();
    let record = Record::load(&Overlay::new(reader), &id).ok_or_else(unknown_record)?;
    let ops = history::all_ops(state, &id, record.public.seq)?;
    Ok(stated.with("ops", Value::List(ops)))
}
