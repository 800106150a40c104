//! `ubin_*`: business identifiers and records.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::ubin::{GetParams, HistoryParams, ListParams, ResolveParams};
use titian_api::{Bundle, Object, Page, Refusal, call};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::op::Register;
use titian_contracts::state::{Overlay, Reader, Stored, decode_content};
use titian_contracts::time::Date;
use titian_contracts::ubin::identifier::{self, ParseError, Parsed, Ubin};
use titian_contracts::ubin::record::{self, Entry, Record, record_key, ubin_of_key};
use titian_contracts::ubin::scheme::{self, SchemeTable};
use titian_contracts::ubin::{challenge, counter, refresh_days, view as ubin_view};

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::{State, prepare, prove, view};

/// Items of a page of `ubin_list`.
const LIST_ITEMS_MAX: u32 = 500;
/// Versions of a page of `ubin_history`.
const HISTORY_ITEMS_MAX: u32 = 100;
/// State changes of a record that one answer looks at.
const CHANGES_MAX: usize = 1_000;
/// Records that `ubin_resolve` answers with.
const MATCHES_MAX: usize = 50;

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::UbinParse, _, _>(module, |state, params, _| async move {
        let table = table(&state);
        let parsed = parse(&state, &params.input, &table)?;
        Ok(view::object(&ubin_view::parsed(&parsed, &table)))
    })?;
    add::<call::UbinMake, _, _>(module, |state, params, _| async move {
        let table = table(&state);
        let made = identifier::make(&params.cc, &params.scheme, &params.raw, &table);
        let parsed = made.map_err(|error| parse_refusal(&state, error))?;
        Ok(view::object(&ubin_view::parsed(&parsed, &table)))
    })?;
    add::<call::UbinGet, _, _>(module, |state, params, _| get(state, params))?;
    add::<call::UbinResolve, _, _>(module, |state, params, _| async move {
        blocking(move || resolve(&state, &params)).await
    })?;
    add::<call::UbinList, _, _>(module, |state, params, _| async move {
        blocking(move || list(&state, &params)).await
    })?;
    add::<call::UbinHistory, _, _>(module, |state, params, _| async move {
        blocking(move || history(&state, &params)).await
    })?;
    add::<call::UbinProve, _, _>(module, |state, params, _| async move {
        let ubin = parse(&state, &params.ubin, &table(&state))?.ubin;
        prove(&state, &ubin, params.kind.as_deref()).await
    })?;
    add::<call::UbinSchemes, _, _>(module, |state, params, _| async move {
        let at = At::height(&state, None)?;
        let table = table(&state);
        let of_country =
            |scheme: &&scheme::Scheme| params.cc.as_ref().is_none_or(|cc| &scheme.entry.cc == cc);
        let items = table.iter().filter(of_country).map(|s| s.entry.to_value()).collect();
        Ok(at.stamp(view::object(&Value::object([("schemes", Value::List(items))]))))
    })?;
    add::<call::UbinScheme, _, _>(module, |state, params, _| async move {
        let table = table(&state);
        let scheme = table
            .find(&params.cc, &params.scheme)
            .ok_or_else(|| Refusal::from(Code::SchemeUnknown))?;
        Ok(view::object(&scheme.entry.to_value()))
    })?;
    add::<call::UbinPrepare, _, _>(module, |state, params, _| async move {
        blocking(move || prepare::common(&state, Register::Ubin, params)).await
    })?;
    Ok(())
}

/// The scheme tables as of the head, kept until one of them changes.
#[derive(Default)]
pub(super) struct Tables(Mutex<Option<(Vec<u64>, Arc<SchemeTable>)>>);

/// The scheme tables in force.
fn table(state: &State) -> Arc<SchemeTable> {
    let reader = state.ledger().reader();
    let now = state.ledger().head().time_ms;
    let changed = |key: Vec<u8>| reader.get(&key).map_or(0, |stored| stored.last_changed);
    let mut kept = state.tables.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stamps = vec![changed(scheme::countries_key())];
    if let Some((_, table)) = kept.as_ref() {
        stamps.extend(table.countries().map(|cc| changed(scheme::country_key(cc))));
    }
    if let Some((known, table)) = kept.as_ref()
        && *known == stamps
        && now < table.holds_until_ms()
    {
        return Arc::clone(table);
    }
    let table = Arc::new(SchemeTable::of_state(&Overlay::new(&reader), now));
    let mut stamps = vec![changed(scheme::countries_key())];
    stamps.extend(table.countries().map(|cc| changed(scheme::country_key(cc))));
    *kept = Some((stamps, Arc::clone(&table)));
    table
}

/// Reads any spelling; the error carries suggestions, those that exist in the register first.
fn parse(state: &State, input: &str, table: &SchemeTable) -> Answer<Parsed> {
    identifier::parse(input, table).map_err(|error| parse_refusal(state, error))
}

fn parse_refusal(state: &State, error: ParseError) -> Refusal {
    let reader = state.ledger().reader();
    let mut suggestions = error.suggestions;
    // stable: within known and unknown ones the order of the rules stays
    suggestions.sort_by_key(|text| {
        let known = Ubin::parse_canonical(text).and_then(|ubin| reader.get(&record_key(&ubin)));
        known.is_none()
    });
    Refusal::new(error.code, "", "").suggest(suggestions)
}

/// The body of a version, if this node has it.
fn body(state: &State, hash: Digest) -> Option<Value> {
    state.ledger().body(&hash).and_then(|text| json::parse(&text).ok())
}

fn answer(state: &State, at: &At, ubin: &Ubin) -> Object {
    let moment = ubin_view::AsOf { height: at.height, time_ms: at.time_ms };
    let found = ubin_view::get(&Overlay::new(&at.reader), ubin, moment, |hash| body(state, hash));
    at.stamp(view::object(&found))
}

async fn get(state: Arc<State>, params: GetParams) -> Answer<Object> {
    let ubin = parse(&state, &params.ubin, &table(&state))?.ubin;
    let at = At::height(&state, params.height)?;
    let mut shown = match &params.on {
        None => answer(&state, &at, &ubin),
        Some(date) => {
            let date = Date::parse(date).ok_or_else(|| {
                Refusal::new(Code::InvalidParams, "/on", "YYYY-MM-DD is expected")
            })?;
            on_date(&state, &at, &ubin, date)
        }
    };
    if let Some(by) = &params.recognised_by {
        // recognition entries are written by governance, which comes with a later release
        let recognition = serde_json::json!({"by": by, "state": "NOT_STATED"});
        shown.insert("recognition".to_owned(), recognition);
    }
    if params.proof {
        if params.height.is_some_and(|height| height < state.ledger().head().height) {
            let detail = "proofs of earlier heights come with a later release";
            return Err(Refusal::new(Code::NotBuilt, "/proof", detail));
        }
        let bundle = prove(&state, &ubin, None).await?.bundle;
        shown.insert("proof".to_owned(), serde_json::Value::Object(bundle));
    }
    Ok(shown)
}

/// A proof of the kind asked for, or of the kind that holds.
async fn prove(state: &State, ubin: &Ubin, kind: Option<&str>) -> Answer<Bundle> {
    let holds = state.ledger().reader().get(&record_key(ubin)).is_some();
    let kind = match kind {
        Some("ubin-presence" | "presence") => "ubin-presence",
        Some("ubin-absence" | "absence") => "ubin-absence",
        None if holds => "ubin-presence",
        None => "ubin-absence",
        Some(_) => {
            let detail = "ubin-presence or ubin-absence";
            return Err(Refusal::new(Code::InvalidParams, "/kind", detail));
        }
    };
    let stated = Value::object([("ubin", Value::from(ubin.to_string()))]);
    prove::bundle(state, kind, stated).await
}

/// The states that a record had, newest first, as of `at`: every change that history keeps.
fn changes(state: &State, at: &At, ubin: &Ubin) -> Vec<Record> {
    let key = record_key(ubin);
    let mut records = Vec::new();
    let mut next: Option<Stored> = at.reader.get(&key);
    while let Some(stored) = next.take() {
        if records.len() >= CHANGES_MAX {
            break;
        }
        match decode_content(&stored.content) {
            Some(Entry::Record(record)) => records.push(*record),
            _ => break,
        }
        let before = stored.prev_changed;
        if stored.last_changed == 0 || before >= stored.last_changed {
            break;
        }
        next = state.ledger().state_at(before).ok().and_then(|reader| reader.get(&key));
        // the value before the first change of a height is the one that ended there
        if next.as_ref().is_some_and(|found| found.last_changed != before) {
            next = None;
        }
    }
    records
}

/// The number under which a record stands, through an alias.
fn current(at: &At, ubin: &Ubin) -> Option<(Ubin, Record)> {
    record::find(&Overlay::new(&at.reader), ubin)
}

/// Among the versions recorded by then with validFrom ≤ date: the greatest validFrom, then the
/// greatest version (ubin.md §2.2).
fn on_date(state: &State, at: &At, ubin: &Ubin, date: Date) -> Object {
    let moment = ubin_view::AsOf { height: at.height, time_ms: at.time_ms };
    let Some((number, latest)) = current(at, ubin) else {
        return at.stamp(view::object(&ubin_view::absence(ubin, moment)));
    };
    let mut seen = Vec::new();
    let mut best: Option<Record> = None;
    for mut record in changes(state, at, &number) {
        if seen.contains(&record.version) {
            continue;
        }
        seen.push(record.version);
        let valid = Date::parse(&record.valid_from).is_some_and(|from| from <= date);
        let better = best.as_ref().is_none_or(|best| {
            (&record.valid_from, record.version) > (&best.valid_from, best.version)
        });
        if valid && better {
            // marks count from their height on, closures also from their date on
            record.meta.mark.clone_from(&latest.meta.mark);
            record.meta.closure = latest
                .meta
                .closure
                .clone()
                .filter(|closure| Date::parse(&closure.date).is_some_and(|from| from <= date));
            best = Some(record);
        }
    }
    let Some(record) = best else {
        return at.stamp(view::object(&ubin_view::absence(ubin, moment)));
    };
    let overlay = Overlay::new(&at.reader);
    let days = refresh_days(&overlay, &number, record.meta.scheme_version);
    let open = challenge::open(&overlay, &record.entity, &number.cc);
    let via = (number != *ubin).then(|| ubin.to_string());
    let body = body(state, record.body_hash);
    let via = via.as_deref();
    let shown = ubin_view::record(&number, &record, body.as_ref(), via, days, &open, moment);
    at.stamp(view::object(&shown))
}

fn history(state: &State, params: &HistoryParams) -> Answer<Object> {
    let ubin = parse(state, &params.ubin, &table(state))?.ubin;
    let at = At::height(state, None)?;
    let Some((number, _)) = current(&at, &ubin) else {
        return Ok(answer(state, &at, &ubin));
    };
    let limit = params.limit.unwrap_or(20).clamp(1, HISTORY_ITEMS_MAX) as usize;
    let from = params.from.unwrap_or(u64::MAX);
    let mut versions: Vec<Value> = Vec::new();
    let mut last = None;
    for record in changes(state, &at, &number) {
        if record.version > from || last == Some(record.version) {
            continue;
        }
        if versions.len() == limit {
            break;
        }
        last = Some(record.version);
        let body = body(state, record.body_hash).unwrap_or(Value::Null);
        versions.push(Value::object([
            ("version", Value::from(record.version)),
            ("bodyHash", Value::from(record.body_hash)),
            ("body", body),
            ("meta", ubin_view::meta(&record.meta)),
        ]));
    }
    let next = last.filter(|version| *version > 1).map(|version| version - 1);
    let shown = Value::object([
        ("ubin", Value::from(number.to_string())),
        ("versions", Value::List(versions)),
        ("next", Value::from(next)),
    ]);
    Ok(at.stamp(view::object(&shown)))
}

/// Everything an input may mean: a number in any rendering, a bare national number, an LEI.
fn resolve(state: &State, params: &ResolveParams) -> Answer<Object> {
    let at = At::height(state, None)?;
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
            matches.push(serde_json::Value::Object(answer(state, &at, &number)));
        }
        seen.push(number);
    }
    let mut shown = Object::new();
    shown.insert("matches".to_owned(), serde_json::Value::Array(matches));
    Ok(at.stamp(shown))
}

/// The key prefix of `CC`, `CC-SCHEME` or `CC-SCHEME-…`.
fn list_prefix(text: &str) -> Answer<Vec<u8>> {
    let invalid = || {
        let detail = "CC, CC-SCHEME or CC-SCHEME- and the first characters of the number";
        Refusal::new(Code::InvalidParams, "/prefix", detail)
    };
    let mut parts = text.splitn(3, '-');
    let upper = |part: &str| part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let cc = parts.next().filter(|cc| cc.len() == 2 && upper(cc)).ok_or_else(invalid)?;
    let mut prefix = b"ubin/rec/".to_vec();
    prefix.extend_from_slice(cc.as_bytes());
    if let Some(scheme) = parts.next() {
        if !(2..=6).contains(&scheme.len()) || !upper(scheme) {
            return Err(invalid());
        }
        prefix.extend_from_slice(format!("{scheme:\0<6}").as_bytes());
    }
    if let Some(local) = parts.next() {
        if local.len() > 24 || !upper(local) {
            return Err(invalid());
        }
        prefix.extend_from_slice(local.as_bytes());
    }
    Ok(prefix)
}

fn list(state: &State, params: &ListParams) -> Answer<Page> {
    let prefix = list_prefix(&params.prefix)?;
    let limit = params.limit.unwrap_or(100).clamp(1, LIST_ITEMS_MAX) as usize;
    let after = match &params.cursor {
        None => None,
        Some(text) => {
            Some(URL_SAFE_NO_PAD.decode(text).ok().filter(|k| k.starts_with(&prefix)).ok_or_else(
                || Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list"),
            )?)
        }
    };
    let head = state.ledger().head();
    let found = state.ledger().scan(&prefix, after.as_deref(), limit);
    let cursor =
        (found.len() == limit).then(|| found.last().map(|(key, _)| view::base64(key))).flatten();
    let items = found
        .iter()
        .filter_map(|(key, stored)| {
            let ubin = ubin_of_key(key)?;
            let entry: Entry = decode_content(&stored.content)?;
            Some(view::object(&item(&ubin, &entry)))
        })
        .collect();
    Ok(Page { items, cursor, as_of: view::as_of(head.height, head.time_ms) })
}

fn item(ubin: &Ubin, entry: &Entry) -> Value {
    match entry {
        Entry::Record(record) => Value::object([
            ("ubin", Value::from(ubin.to_string())),
            ("entity", Value::from(record.entity.as_str())),
            ("version", Value::from(record.version)),
            ("status", Value::from(record.shown_status().name())),
            ("live", Value::from(record.is_live())),
        ]),
        Entry::Alias(alias) => Value::object([
            ("ubin", Value::from(ubin.to_string())),
            ("aliasOf", Value::from(alias.target.as_str())),
            ("entity", Value::from(alias.entity.as_str())),
        ]),
    }
}
