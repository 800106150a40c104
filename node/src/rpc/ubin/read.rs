//! Exact reads: one record at a height or on a date, and everything an input may mean.

use std::sync::Arc;

use titian_api::ubin::{GetParams, ResolveParams};
use titian_api::{Object, Refusal};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::state::Overlay;
use titian_contracts::time::Date;
use titian_contracts::ubin::identifier::{self, Ubin};
use titian_contracts::ubin::record;
use titian_contracts::ubin::{self, counter, view as ubin_view};

use super::{history, links, parse, proofs, recognition, table};
use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

/// Records that `ubin_resolve` answers with.
const MATCHES_MAX: usize = 50;

/// The body of a version, if this node has it.
pub(super) fn body(state: &State, hash: Digest) -> Option<Value> {
    state.ledger().body(&hash).and_then(|text| json::parse(&text).ok())
}

/// The answer about a record, with the records that name it.
pub(super) fn answer(state: &State, at: &At, ubin: &Ubin) -> Object {
    let mut answer = record_alone(state, at, ubin);
    links::add(state, at, ubin, &mut answer);
    answer
}

fn record_alone(state: &State, at: &At, ubin: &Ubin) -> Object {
    let moment = ubin_view::AsOf { height: at.height, time_ms: at.time_ms };
    let found = ubin_view::get(&Overlay::new(&at.reader), ubin, moment, |hash| body(state, hash));
    at.stamp(view::object(&found))
}

pub(super) async fn get(state: Arc<State>, params: GetParams) -> Answer<Object> {
    let ubin = parse(&state, &params.ubin, &table(&state))?.ubin;
    let by = params.recognised_by.as_deref().map(recognition::asker).transpose()?;
    let at = At::height(&state, params.height)?;
    let mut shown = match &params.on {
        None => answer(&state, &at, &ubin),
        Some(date) => {
            let date = Date::parse(date).ok_or_else(|| {
                Refusal::new(Code::InvalidParams, "/on", "YYYY-MM-DD is expected")
            })?;
            on_date(&state, &at, &ubin, date)?
        }
    };
    if params.on.is_some() {
        links::add(&state, &at, &ubin, &mut shown);
    }
    if let Some(by) = by {
        recognition::add(&mut shown, &at, by, &ubin);
    }
    if params.proof {
        // which version holds on a date follows from all of them
        let of_date = params.on.is_some() && history::current(&at, &ubin).is_some();
        let kind = of_date.then_some("history");
        let bundle = proofs::one(&state, &ubin, kind, params.height).await?.bundle;
        shown.insert("proof".to_owned(), serde_json::Value::Object(bundle));
    }
    Ok(shown)
}

/// Among the versions recorded by then with validFrom ≤ date: the greatest validFrom, then the
/// greatest version (ubin.md §2.2).
fn on_date(state: &State, at: &At, ubin: &Ubin, date: Date) -> Answer<Object> {
    let moment = ubin_view::AsOf { height: at.height, time_ms: at.time_ms };
    let found = match history::current(at, ubin) {
        Some((number, _)) => {
            history::states(state, at, &number).on_date(state, date)?.map(|record| (number, record))
        }
        None => None,
    };
    let found = found.as_ref().map(|(number, record)| (number, record));
    let overlay = Overlay::new(&at.reader);
    let shown = ubin_view::standing(&overlay, ubin, found, moment, |hash| body(state, hash));
    Ok(at.stamp(view::object(&shown)))
}

/// The business that goes on in place of the one behind a number, through its successors (ubin.md §5,
/// actor hook), or the error that says why nobody can be named.
fn goes_on(state: &Overlay<'_>, number: &Ubin, time_ms: u64) -> serde_json::Value {
    let shown = match ubin::resolve_actor(state, &number.to_string(), time_ms) {
        Ok((actor, quality)) => Value::object([
            ("ubin", Value::from(actor.ubin)),
            ("entity", Value::from(&*actor.entity)),
            ("live", Value::from(actor.live)),
            ("mayAct", Value::from(actor.may_act)),
            ("quality", Value::from(quality)),
        ]),
        Err(code) => Value::object([("error", Value::from(code.name()))]),
    };
    serde_json::Value::Object(view::object(&shown))
}

/// Everything an input may mean: a number in any rendering, a bare national number, an LEI.
pub(super) fn resolve(state: &State, params: &ResolveParams) -> Answer<Object> {
    let at = At::height(state, None)?;
    let by = params.recognised_by.as_deref().map(recognition::asker).transpose()?;
    let table = table(state);
    let (cc, code) = (params.cc.as_deref(), params.scheme.as_deref());
    let overlay = Overlay::new(&at.reader);
    let mut numbers: Vec<Ubin> = identifier::resolve_candidates(&params.input, cc, code, &table)
        .into_iter()
        .map(|parsed| parsed.ubin)
        .collect();
    let lei: String = params.input.trim().to_ascii_uppercase();
    let by_reference = counter::holders(&overlay, "lei", &lei);
    numbers.extend(by_reference.iter().filter_map(|ubin| Ubin::parse_canonical(ubin)));
    let mut matches: Vec<serde_json::Value> = Vec::new();
    let mut seen: Vec<Ubin> = Vec::new();
    for number in numbers {
        if matches.len() == MATCHES_MAX || seen.contains(&number) {
            continue;
        }
        if record::entry(&overlay, &number).is_some() {
            let mut found = answer(state, &at, &number);
            found.insert("goesOn".to_owned(), goes_on(&overlay, &number, at.time_ms));
            if let Some(by) = by {
                recognition::add(&mut found, &at, by, &number);
            }
            matches.push(serde_json::Value::Object(found));
        }
        seen.push(number);
    }
    let mut shown = Object::new();
    shown.insert("matches".to_owned(), serde_json::Value::Array(matches));
    Ok(at.stamp(shown))
}
