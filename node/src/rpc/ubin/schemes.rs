//! Schemes as of a height: the entries in force, and the versions of one.

use std::sync::Arc;

use titian_api::ubin::{SchemeParams, SchemesParams};
use titian_api::{Object, Refusal};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::Overlay;
use titian_contracts::time::rfc3339;
use titian_contracts::ubin::scheme::{
    self, SchemeEntry, SchemeInForce, SchemeTable, country, scheme_key,
};

use super::table;
use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

/// The entries in force, of one state or of all.
pub(super) fn all(state: &State, params: &SchemesParams) -> Answer<Object> {
    let at = At::height(state, params.height)?;
    let table = match params.height {
        None => table(state),
        Some(_) => Arc::new(SchemeTable::of_state(&Overlay::new(&at.reader), at.time_ms)),
    };
    let of_country =
        |scheme: &&scheme::Scheme| params.cc.as_ref().is_none_or(|cc| &scheme.entry.cc == cc);
    let items = table.iter().filter(of_country).map(|s| s.entry.to_value()).collect();
    Ok(at.stamp(view::object(&Value::object([("schemes", Value::List(items))]))))
}

/// One entry: the version asked for, else the one in force, else the first that waits; with how
/// its versions stand.
pub(super) fn one(state: &State, params: &SchemeParams) -> Answer<Object> {
    let at = At::height(state, params.height)?;
    let overlay = Overlay::new(&at.reader);
    let SchemeParams { cc, scheme, .. } = params;
    let unknown = || Refusal::from(Code::SchemeUnknown);
    let index = country(&overlay, cc).ok_or_else(unknown)?;
    let versions = index.find(scheme).ok_or_else(unknown)?;
    let version =
        params.version.or(versions.in_force(at.time_ms)).unwrap_or_else(|| versions.newest());
    let entry: SchemeEntry = overlay.read(&scheme_key(cc, scheme, version)).ok_or_else(unknown)?;
    let shown = entry.to_value().with("standing", standing(versions, &at));
    Ok(at.stamp(view::object(&shown)))
}

fn standing(versions: &SchemeInForce, at: &At) -> Value {
    let in_force = versions.in_force(at.time_ms);
    let waiting = versions.waiting(at.time_ms).map(|version| {
        Value::object([
            ("version", Value::from(version.version)),
            ("effective", Value::from(rfc3339(version.effective_ms))),
        ])
    });
    let suspended = in_force.is_some_and(|version| version <= versions.suspended_through);
    Value::object([
        ("inForce", Value::from(in_force)),
        ("newest", Value::from(versions.newest())),
        ("waiting", Value::List(waiting.collect())),
        ("suspended", Value::from(suspended)),
        ("retiredAtHeight", Value::from(versions.retired_at_height)),
    ])
}
