//! `ubin_*`: business identifiers and records.

mod feed;
mod history;
mod import;
mod kpi;
mod links;
mod list;
mod objects;
mod proofs;
mod read;
mod recognition;
mod schemes;
mod search;

use std::sync::{Arc, Mutex, PoisonError};

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::{Object, Refusal, call};
use titian_contracts::op::Register;
use titian_contracts::state::{Overlay, Reader};
use titian_contracts::ubin::identifier::{self, ParseError, Parsed, Ubin};
use titian_contracts::ubin::record::record_key;
use titian_contracts::ubin::scheme::{self, SchemeTable};
use titian_contracts::ubin::view as ubin_view;

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::{State, prepare, view};

pub(super) use feed::{next_page, request};
pub(super) use kpi::Figures;
pub(super) use proofs::{complete, counter_of};

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    feed::register(module)?;
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
    add::<call::UbinGet, _, _>(module, |state, params, _| read::get(state, params))?;
    add::<call::UbinResolve, _, _>(module, |state, params, _| async move {
        blocking(move || read::resolve(&state, &params)).await
    })?;
    add::<call::UbinList, _, _>(module, |state, params, _| async move {
        blocking(move || list::page(&state, &params)).await
    })?;
    add::<call::UbinSearch, _, _>(module, |state, params, _| search::names(state, params))?;
    add::<call::UbinLinks, _, _>(module, |state, params, _| async move {
        blocking(move || links::page(&state, &params)).await
    })?;
    add::<call::UbinHistory, _, _>(module, |state, params, _| async move {
        blocking(move || history::versions(&state, &params)).await
    })?;
    add::<call::UbinProve, _, _>(module, |state, params, _| async move {
        proofs::any(&state, params).await
    })?;
    add::<call::UbinKpi, _, _>(module, |state, params, _| async move {
        blocking(move || kpi::answer(&state, params)).await
    })?;
    add::<call::UbinSchemes, _, _>(module, |state, params, _| async move {
        blocking(move || schemes::all(&state, &params)).await
    })?;
    add::<call::UbinScheme, _, _>(module, |state, params, _| async move {
        blocking(move || schemes::one(&state, &params)).await
    })?;
    add::<call::UbinChallenges, _, _>(module, |state, params, _| async move {
        blocking(move || objects::challenges(&state, &params)).await
    })?;
    add::<call::UbinChallengeClock, _, _>(module, |state, params, _| async move {
        blocking(move || objects::clock(&state, &params)).await
    })?;
    add::<call::UbinConsents, _, _>(module, |state, params, _| async move {
        blocking(move || objects::consents(&state, &params)).await
    })?;
    add::<call::UbinAttested, _, _>(module, |state, params, _| async move {
        blocking(move || objects::attested(&state, &params)).await
    })?;
    add::<call::UbinImportStatus, _, _>(module, |state, params, _| async move {
        blocking(move || import::status(&state, &params)).await
    })?;
    add::<call::UbinPrepare, _, _>(module, |state, params, _| async move {
        blocking(move || {
            let similar_names = search::similar(&state, &params.args);
            let prepared = prepare::common(&state, Register::Ubin, params)?;
            Ok(titian_api::Prepared { similar_names, ..prepared })
        })
        .await
    })?;
    Ok(())
}

/// What stands under a number in any spelling, at the head: the number, and the answer for it.
pub(super) fn standing(state: &State, input: &str) -> Answer<(Ubin, Object)> {
    let ubin = parse(state, input, &table(state))?.ubin;
    let at = At::height(state, None)?;
    let answer = read::answer(state, &at, &ubin);
    Ok((ubin, answer))
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
