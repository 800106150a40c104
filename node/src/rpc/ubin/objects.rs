//! What stands beside records: challenges, consents, attested figures.
//!
//! A page looks at a bounded number of objects: it may hold fewer items than asked for and still
//! name a cursor. Overdue challenges and lapsed consents are derived at the head.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use borsh::BorshDeserialize;
use titian_api::ubin::{AttestedParams, ChallengesParams, ClockParams, ConsentsParams};
use titian_api::{Object, Page, Refusal};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::{Overlay, decode_content};
use titian_contracts::ubin::attested;
use titian_contracts::ubin::challenge::{self, Challenge, ChallengeState, Clock};
use titian_contracts::ubin::consent::Consent;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Record};
use titian_contracts::ubin::scheme;

use super::{parse, table};
use crate::rpc::at::At;
use crate::rpc::methods::{Answer, page_items};
use crate::rpc::{State, view};

/// Items of a page.
const ITEMS_MAX: u32 = 500;
/// Objects that one page looks at.
const SCANNED_MAX: usize = 5_000;
/// How a consent may stand.
const STANDINGS: &[&str] = &["OPEN", "WITHDRAWN", "USED", "EXPIRED", "VOIDED"];

/// Challenges that fit, in the order of their ids.
pub(super) fn challenges(state: &State, params: &ChallengesParams) -> Answer<Page> {
    let wanted = params.state.as_deref().map(|word| {
        ChallengeState::parse(word).ok_or_else(|| refuse("/state", "not a state of challenges"))
    });
    let wanted = wanted.transpose()?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let about = about(state, &at, params.ubin.as_deref())?;
    let keep = |id: &Digest, challenge: &Challenge| {
        let fits = wanted.is_none_or(|wanted| challenge.state == wanted)
            && params.ams.as_ref().is_none_or(|cc| challenge.ubin.get(..2) == Some(cc.as_str()))
            && about.as_ref().is_none_or(|(number, record)| {
                challenge.entity == record.entity && challenge.ubin.starts_with(&number.cc)
            });
        fits.then(|| challenge.to_value(id, at.time_ms))
    };
    if let Some(id) = digest_of(params.id.as_deref(), "/id")? {
        let found = Challenge::load(&overlay, &id).and_then(|challenge| keep(&id, &challenge));
        return Ok(whole(&at, found));
    }
    if let (Some((number, record)), Some(true)) = (&about, wanted.map(ChallengeState::is_open)) {
        let open = challenge::open(&overlay, &record.entity, &number.cc);
        let found = open.iter().filter_map(|entry| {
            Challenge::load(&overlay, &entry.id).and_then(|found| keep(&entry.id, &found))
        });
        return Ok(whole(&at, found));
    }
    page(state, &at, "challenge", params.limit, params.cursor.as_deref(), keep)
}

/// In how many days a state answers challenges.
pub(super) fn clock(state: &State, params: &ClockParams) -> Answer<Object> {
    let at = At::height(state, params.height)?;
    let overlay = Overlay::new(&at.reader);
    if scheme::country(&overlay, &params.cc).is_none() {
        return Err(Refusal::new(Code::UbinCountryUnknown, "/cc", ""));
    }
    let clock = Clock::of_state(&overlay, &params.cc);
    Ok(at.stamp(view::object(&clock.to_value(&params.cc))))
}

/// Consents that fit, in the order of their ids.
pub(super) fn consents(state: &State, params: &ConsentsParams) -> Answer<Page> {
    let wanted = params.state.as_deref();
    if wanted.is_some_and(|word| !STANDINGS.contains(&word)) {
        return Err(refuse("/state", "not a state of consents"));
    }
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let about = about(state, &at, params.ubin.as_deref())?;
    let keep = |id: &Digest, consent: &Consent| {
        let number = || {
            let named = Ubin::parse_canonical(&consent.ubin)?;
            record::find(&overlay, &named).map(|(number, _)| number)
        };
        let of_state =
            |cc: &String| consent.ubin.get(..2) == Some(cc.as_str()) || consent.to_ams == *cc;
        let standing = consent.standing(&overlay, at.time_ms);
        let fits = wanted.is_none_or(|word| standing == word)
            && params.ams.as_ref().is_none_or(of_state)
            && about.as_ref().is_none_or(|(about, _)| number().as_ref() == Some(about));
        fits.then(|| consent.to_value(id, standing))
    };
    if let Some(id) = digest_of(params.id.as_deref(), "/id")? {
        let found = Consent::load(&overlay, &id).and_then(|consent| keep(&id, &consent));
        return Ok(whole(&at, found));
    }
    page(state, &at, "consent", params.limit, params.cursor.as_deref(), keep)
}

/// The newest attested figures; version 0 if there are none.
pub(super) fn attested(state: &State, params: &AttestedParams) -> Answer<Object> {
    let AttestedParams { cc, metric, period } = params;
    let at = At::height(state, None)?;
    let found = attested::newest(&Overlay::new(&at.reader), cc, metric, period);
    let (version, cells) =
        found.map_or((0, Value::Null), |(version, attested)| (version, attested.table.to_value()));
    let shown = Value::object([
        ("cc", Value::from(cc.as_str())),
        ("metric", Value::from(metric.as_str())),
        ("period", Value::from(period.as_str())),
        ("version", Value::from(version)),
        ("cells", cells),
    ]);
    Ok(at.stamp(view::object(&shown)))
}

fn refuse(field: &str, detail: &str) -> Refusal {
    Refusal::new(Code::InvalidParams, field, detail)
}

fn digest_of(text: Option<&str>, field: &str) -> Answer<Option<Digest>> {
    let read = |text| Digest::parse(text).ok_or_else(|| refuse(field, "a b3: digest is expected"));
    text.map(read).transpose()
}

/// The record that the objects are about, if one is asked for; an unknown one is `UBIN_UNKNOWN`.
fn about(state: &State, at: &At, ubin: Option<&str>) -> Answer<Option<(Ubin, Record)>> {
    let Some(input) = ubin else { return Ok(None) };
    let ubin = parse(state, input, &table(state))?.ubin;
    let found = record::find(&Overlay::new(&at.reader), &ubin);
    found.map(Some).ok_or_else(|| Refusal::new(Code::UbinUnknown, "/ubin", ""))
}

/// A page that holds all there is.
fn whole(at: &At, items: impl IntoIterator<Item = Value>) -> Page {
    Page {
        items: items.into_iter().map(|item| view::object(&item)).collect(),
        cursor: None,
        as_of: view::as_of(at.height, at.time_ms),
    }
}

/// A page of the objects of a kind that `keep` keeps.
fn page<T: BorshDeserialize>(
    state: &State,
    at: &At,
    kind: &str,
    limit: Option<u32>,
    cursor: Option<&str>,
    keep: impl Fn(&Digest, &T) -> Option<Value>,
) -> Answer<Page> {
    let prefix = format!("ubin/{kind}/").into_bytes();
    let limit = page_items(limit, 100, ITEMS_MAX)?;
    let after = cursor.map(|text| {
        let key = URL_SAFE_NO_PAD.decode(text).ok().filter(|key| key.starts_with(&prefix));
        key.ok_or_else(|| refuse("/cursor", "no cursor of this list"))
    });
    let found = state.ledger().scan(&prefix, after.transpose()?.as_deref(), SCANNED_MAX);
    let mut items = Vec::new();
    let mut last = None;
    for (key, stored) in &found {
        if items.len() == limit {
            break;
        }
        last = Some(key);
        let id = key
            .get(prefix.len()..)
            .and_then(|hex| Digest::parse_with("", std::str::from_utf8(hex).ok()?));
        let object = decode_content::<T>(&stored.content);
        items.extend(id.zip(object).and_then(|(id, object)| keep(&id, &object)));
    }
    let ended = last == found.last().map(|(key, _)| key) && found.len() < SCANNED_MAX;
    let cursor = last.filter(|_| !ended).map(|key| view::base64(key));
    let items = items.iter().map(view::object).collect();
    Ok(Page { items, cursor, as_of: view::as_of(at.height, at.time_ms) })
}
