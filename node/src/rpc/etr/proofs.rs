//! `etr_prove` of every kind, and the challenge that a controller answers (etr-api.md §1).

use std::sync::Arc;

use rand::RngCore as _;
use titian_api::etr::ProveParams;
use titian_api::etr_read::{ChallengeParams, ChallengeText};
use titian_api::{Bundle, Call as _, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::etr::clock::Clock;
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{self, challenge_of, keys, lineage, profile, provisions};
use titian_contracts::json::{self, Value};
use titian_contracts::state::{Overlay, Reader};

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{Caller, State, now_ms, prove};
use super::caller::{Ask, sight_of, token_sight};
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
    let about = |id: &str| Value::object([("id", Value::from(id))]);
    let height = params.height;
    match params.kind.strip_prefix("etr-").unwrap_or(&params.kind) {
        "status" => prove::bundle_at(&state, "etr-status", about(id()?), height).await,
        "absence" => {
            if height.is_some() {
                let detail = "the head only, for this kind";
                return Err(Refusal::new(Code::InvalidParams, "/height", detail));
            }
            prove::bundle(&state, "etr-absence", subject()?).await
        }
        "singularity" => {
            let stated = match &params.id {
                None => subject()?,
                Some(id) => lineage(&state, &caller, &params, id)?,
            };
            prove::bundle_at(&state, "etr-singularity", stated, height).await
        }
        "conversion" => {
            let mut stated = subject()?;
            if let Some(id) = &params.id {
                authorised(&state, &caller, &params, id)?;
                stated = stated.with("whole", Value::from(true));
                paper_of(&state, &stated, id)?;
            }
            prove::bundle_at(&state, "etr-conversion", stated, height).await
        }
        "history" => {
            authorised(&state, &caller, &params, id()?)?;
            prove::bundle_at(&state, "etr-history", about(id()?), height).await
        }
        "signers" => {
            authorised(&state, &caller, &params, id()?)?;
            let at = height.ok_or_else(|| need("/height"))?;
            let stated = Value::object([("ops", history::signed_at(&state, id()?, at)?)]);
            prove::bundle_at(&state, "etr-signers", stated, height).await
        }
        "rules" => {
            authorised(&state, &caller, &params, id()?)?;
            let stated = rules_of(&state, id()?, height)?;
            prove::bundle_at(&state, "etr-rules", stated, height).await
        }
        "control" => control(&state, &params, &caller, id()?).await,
        _ => {
            let kinds = "status, control, absence, singularity, conversion, history, signers or \
                         rules";
            Err(Refusal::new(Code::InvalidParams, "/kind", kinds))
        }
    }
}

/// The question about the number of a record with its lineage, as far as the caller may see it.
fn lineage(state: &State, caller: &Caller, params: &ProveParams, id: &str) -> Answer<Value> {
    authorised(state, caller, params, id)?;
    let at = At::height(state, params.height)?;
    let overlay = Overlay::new(&at.reader);
    let record = Record::load(&overlay, id).ok_or_else(unknown_record)?;
    let name = &record.public.profile;
    let profile = profile::load(&overlay, name);
    let profile = profile.ok_or_else(|| Refusal::new(Code::UnknownProfile, "/id", ""))?;
    let sees = |id: &str| {
        let party = params.capability.as_ref().map(|capability| &capability.party);
        let sees =
            |party: &String| sight_of(state, id, party).is_ok_and(|sight| sight.at(at.height));
        let token = token_sight(state, caller, id).is_ok_and(|sight| sight.at(at.height));
        token || party.is_some_and(sees)
    };
    let whole = lineage::whole_of(&overlay, &record.party.root, id, &sees);
    Ok(Value::object([
        ("series", Value::from(profile.series.as_str())),
        ("issuer", Value::from(record.party.issuer.as_str())),
        ("ref", Value::from(record.party.reference.as_str())),
        ("of", Value::from(id)),
        ("whole", Value::List(whole.iter().map(|id| Value::from(id.as_str())).collect())),
    ]))
}

/// The question about the rules of a record.
fn rules_of(state: &State, id: &str, height: Option<u64>) -> Answer<Value> {
    let at = At::height(state, height)?;
    let record = Record::load(&Overlay::new(&at.reader), id).ok_or_else(unknown_record)?;
    let ops = history::all_ops(state, id, record.public.seq)?;
    Ok(provisions::question(&record, &ops))
}

/// Asks that the caller may see the party part of the record.
fn authorised(state: &State, caller: &Caller, params: &ProveParams, id: &str) -> Answer<()> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    if !overlay.holds(&keys::record(id)) {
        return Err(unknown_record());
    }
    let ask = Ask::new(state, caller, params.capability.as_ref(), call::EtrProve::NAME);
    match params.height {
        // a former party proves what it was party to
        Some(height) if ask.sight(id)?.at(height) => Ok(()),
        _ => ask.require_sight(id),
    }
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

async fn control(state: &State, params: &ProveParams, caller: &Caller, id: &str) -> Answer<Bundle> {
    let need = || Refusal::new(Code::InvalidParams, "/challenge", "is needed for this kind");
    // the challenge is signed by the controller, so it authorises for the head; at an earlier height
    // a key that was lost since would do as well, so there a party must ask
    if params.challenge.is_none() || params.height.is_some() {
        authorised(state, caller, params, id)?;
    }
    let challenge = params.challenge.as_ref().ok_or_else(need)?;
    let text = serde_json::to_vec(challenge).map_err(|_| need())?;
    let challenge = json::parse(&text).map_err(Refusal::from)?;
    let stated = Value::object([("id", Value::from(id)), ("challenge", challenge)]);
    prove::bundle_at(state, "etr-control", stated, params.height).await
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

/// What a question about a record needs beside state: the ops of a history, and their times.
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
    let overlay = Overlay::new(reader);
    let record = Record::load(&overlay, &id).ok_or_else(unknown_record)?;
    let clock: Option<Clock> = overlay.read(&keys::clock(&id));
    let first = clock.map_or(u64::MAX, |clock| clock.from);
    let (ops, times) = history::ops_and_times(state, &id, record.public.seq, first)?;
    Ok(stated.with("ops", Value::List(ops)).with("times", Value::List(times)))
}
