//! The ops of a record, its endorsements, and the standing consents of a party.

use titian_api::etr_read::{EndorsementsParams, HistoryParams, PartyParams};
use titian_api::{Call as _, Object, Page, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::etr::consent::{self, Consents};
use titian_contracts::etr::person::identity;
use titian_contracts::etr::{keys, view as etr_view};
use titian_contracts::json::{self, Value};
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_contracts::time::rfc3339;

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{Caller, State, view};
use super::caller::{Ask, Sight};
use super::unknown_record;

/// A page of the ops of a record; those who were no party then see digests, as in blocks.
pub(super) fn history(state: &State, params: &HistoryParams, caller: &Caller) -> Answer<Page> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    if !overlay.holds(&keys::record(&params.id)) {
        return Err(unknown_record());
    }
    let ask = Ask::new(state, caller, params.capability.as_ref(), call::EtrHistory::NAME);
    let sight = ask.sight(&params.id)?;
    let after = after(params.cursor.as_deref())?;
    let max = limits::PAGE_ITEMS_MAX;
    let ops = state.ledger().store().record_ops(&params.id, after, max);
    let cursor = (ops.len() == max).then(|| ops.last().map(|(seq, ..)| seq.to_string())).flatten();
    let items = ops.into_iter().map(|(seq, place, text)| {
        let mut item = Object::new();
        item.insert("seq".to_owned(), seq.into());
        item.insert("height".to_owned(), place.height.into());
        item.insert("index".to_owned(), place.index.into());
        item.insert("time".to_owned(), rfc3339(place.time_ms).into());
        item.insert("opDigest".to_owned(), place.digest.to_string().into());
        let op = view::object_text(&text);
        item.insert("act".to_owned(), op.get("act").cloned().unwrap_or_default());
        if sight.at(place.height) {
            item.insert("op".to_owned(), op.into());
        }
        item
    });
    Ok(Page { items: items.collect(), cursor, as_of: view::as_of(at.height, at.time_ms) })
}

/// The ops of a record up to `seq`, for a proof. Errors: `HEIGHT_PRUNED` where this node does not know
/// them all.
pub(super) fn all_ops(state: &State, id: &str, seq: u64) -> Answer<Vec<Value>> {
    Ok(ops_and_times(state, id, seq, u64::MAX)?.0)
}

/// As [`all_ops`], with the heights and times of those that led to `first` or later.
pub(super) fn ops_and_times(
    state: &State,
    id: &str,
    seq: u64,
    first: u64,
) -> Answer<(Vec<Value>, Vec<Value>)> {
    let (mut ops, mut times) = (Vec::new(), Vec::new());
    let most = usize::try_from(seq).unwrap_or(usize::MAX).min(limits::PROOF_KEYS_MAX);
    for (seq, place, text) in state.ledger().store().record_ops(id, 0, most) {
        ops.extend(json::parse(&text).ok());
        if seq >= first {
            times.push(Value::object([
                ("height", Value::from(place.height)),
                ("ms", Value::from(place.time_ms)),
                ("seq", Value::from(seq)),
            ]));
        }
    }
    if ops.len() as u64 == seq {
        return Ok((ops, times));
    }
    let (code, detail) = if seq > limits::PROOF_KEYS_MAX as u64 {
        (Code::LimitExceeded, "one proof shows at most 1,024 ops")
    } else {
        (Code::HeightPruned, "this node was restored later than the first ops of the record")
    };
    Err(Refusal::new(code, "/id", detail))
}

/// Digests and signatures of the ops on a record that the block of `height` carried out.
pub(super) fn signed_at(state: &State, id: &str, height: u64) -> Answer<Value> {
    let ops = state.ledger().store().record_ops(id, 0, limits::PROOF_KEYS_MAX);
    let ops = ops.iter().filter(|(_, place, _)| place.height == height);
    let signed: Vec<Value> = ops
        .filter_map(|(_, place, text)| {
            let sigs = json::parse(text).ok()?.get("sigs")?.clone();
            Some(Value::object([("digest", Value::from(place.digest)), ("sigs", sigs)]))
        })
        .collect();
    if signed.is_empty() {
        let detail = "this node knows no op on this record at this height";
        return Err(Refusal::new(Code::NotFound, "/height", detail));
    }
    Ok(Value::List(signed))
}

/// A page of the endorsement chain; to a former party as of when it left.
pub(super) fn endorsements(
    state: &State,
    params: &EndorsementsParams,
    caller: &Caller,
) -> Answer<Object> {
    let id = params.id.as_str();
    let ask = Ask::new(state, caller, params.capability.as_ref(), call::EtrEndorsements::NAME);
    let sight = ask.sight(id)?;
    if sight == Sight::Public {
        return ask.require_sight(id).map(|()| Object::new());
    }
    let at = At::height(state, sight.until())?;
    let overlay = Overlay::new(&at.reader);
    if !overlay.holds(&keys::record(id)) {
        return Err(unknown_record());
    }
    let max = limits::PAGE_ITEMS_MAX;
    let chain = etr_view::endorsements(&overlay, id, after(params.cursor.as_deref())?, max);
    let cursor = (chain.len() == max).then(|| chain.last().map(|entry| entry.n.to_string()));
    let shown = Value::object([
        ("id", Value::from(id)),
        ("endorsements", Value::List(chain.iter().map(etr_view::endorsement_value).collect())),
        ("cursor", Value::from(cursor.flatten().as_deref())),
    ]);
    Ok(at.stamp(view::object(&shown)))
}

/// The number that a cursor says to go on after.
fn after(cursor: Option<&str>) -> Answer<u64> {
    let invalid = |_| Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list");
    cursor.map_or(Ok(0), |cursor| cursor.parse().map_err(invalid))
}

/// The standing consents of a party, and the number of the next one.
pub(super) fn consents(state: &State, params: &PartyParams, caller: &Caller) -> Answer<Object> {
    Ask::new(state, caller, params.capability.as_ref(), call::EtrConsents::NAME)
        .require_party(&params.party)?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let entity = identity(&overlay, &params.party);
    let all: Consents = overlay.read(&keys::consents(&entity)).unwrap_or_default();
    let texts =
        |items: &[String]| Value::List(items.iter().map(|i| Value::from(i.as_str())).collect());
    let items = all.open.iter().filter_map(|no| {
        let consent = consent::find(&overlay, &params.party, *no)?;
        let in_force = !consent.revoked && at.time_ms < consent.until_ms;
        Some(Value::object([
            ("no", Value::from(*no)),
            ("profiles", texts(&consent.profiles)),
            ("from", consent.from.as_deref().map_or_else(|| Value::from("any"), texts)),
            ("untilMs", Value::from(consent.until_ms)),
            ("ack", texts(&consent.ack)),
            ("revoked", Value::from(consent.revoked)),
            ("inForce", Value::from(in_force)),
        ]))
    });
    let shown = Value::object([
        ("party", Value::from(params.party.as_str())),
        ("consents", Value::List(items.collect())),
        ("next", Value::from(all.last.saturating_add(1))),
    ]);
    Ok(at.stamp(view::object(&shown)))
}
