//! Proofs about records and counters.

use titian_api::ubin::{Proof, ProveParams};
use titian_api::{Bundle, Object, Refusal};
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::state::{Overlay, Reader};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Record, record_key};
use titian_contracts::ubin::{counter, kpi};
use titian_contracts::{limits, proof_code};

use super::{parse, table};
use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, prove};

/// Bodies of a history in one bundle, so that certificates and paths have room beside them; what is
/// older can be asked for by the body that was reached.
const HISTORY_BYTES_MAX: usize = limits::PROOF_BYTES_MAX / 2;

/// `ubin_prove`.
pub(super) async fn any(state: &State, params: ProveParams) -> Answer<Proof> {
    let bundle = bundle(state, &params).await?.bundle;
    let qr = if params.qr { Some(qr_text(state, &bundle)?) } else { None };
    Ok(Proof { bundle, qr })
}

async fn bundle(state: &State, params: &ProveParams) -> Answer<Bundle> {
    let kind = params.kind.as_deref().map(|kind| kind.strip_prefix("ubin-").unwrap_or(kind));
    if kind == Some("kpi") {
        let stated = counters(state, params)?;
        return prove::bundle_at(state, "ubin-kpi", stated, params.height).await;
    }
    if kind == Some("schemes") {
        let nothing = Value::Object(Vec::new());
        return prove::bundle_at(state, "ubin-schemes", nothing, params.height).await;
    }
    let ubin = params
        .ubin
        .as_deref()
        .ok_or_else(|| Refusal::new(Code::InvalidParams, "/ubin", "is needed for this kind"))?;
    let ubin = parse(state, ubin, &table(state))?.ubin;
    one(state, &ubin, kind, params.height).await
}

/// The QR form of a bundle that this node made.
fn qr_text(state: &State, bundle: &Object) -> Answer<String> {
    let text = serde_json::to_vec(bundle).map_err(|_| Refusal::from(Code::Unavailable))?;
    let text = proof_code::text(&text, &state.ledger().validators())
        .map_err(|error| Refusal::new(Code::InvalidParams, "/qr", &error.to_string()))?;
    if text.len() > limits::QR_CHARS_MAX {
        let detail = "the proof does not fit into a QR code; take the file";
        return Err(Refusal::new(Code::LimitExceeded, "/qr", detail));
    }
    Ok(text)
}

/// A proof of the kind asked for, or of presence or absence as it holds.
pub(super) async fn one(
    state: &State,
    ubin: &Ubin,
    kind: Option<&str>,
    height: Option<u64>,
) -> Answer<Bundle> {
    let kind = match kind {
        Some("presence") => "ubin-presence",
        Some("absence") => "ubin-absence",
        Some("history") => "ubin-history",
        None if At::height(state, height)?.reader.get(&record_key(ubin)).is_some() => {
            "ubin-presence"
        }
        None => "ubin-absence",
        Some(_) => {
            let detail = "ubin-presence, ubin-absence, ubin-history, ubin-schemes or ubin-kpi";
            return Err(Refusal::new(Code::InvalidParams, "/kind", detail));
        }
    };
    let stated = Value::object([("ubin", Value::from(ubin.to_string()))]);
    prove::bundle_at(state, kind, stated, height).await
}

/// Adds what the node knows and the claim checks: the bodies of a record as `reader` has it.
pub(in crate::rpc) fn complete(
    state: &State,
    kind: &str,
    stated: &Value,
    reader: &dyn Reader,
) -> Value {
    let record = || -> Option<Record> {
        let ubin = Ubin::parse_canonical(stated.get("ubin")?.as_text()?)?;
        Some(record::find(&Overlay::new(reader), &ubin)?.1)
    };
    match kind {
        "ubin-presence" if stated.get("body").is_none() => {
            let body = record().and_then(|record| state.ledger().body(&record.body_hash));
            let body = body.and_then(|text| json::parse(&text).ok());
            stated.with("body", body.unwrap_or(Value::Null))
        }
        "ubin-history" => {
            let versions = record().map(|record| versions(state, &record)).unwrap_or_default();
            stated.with("versions", Value::List(versions))
        }
        _ => stated.clone(),
    }
}

/// The bodies from that of `record` back, as far as they are kept and fit.
fn versions(state: &State, record: &Record) -> Vec<Value> {
    let mut versions = Vec::new();
    let mut bytes = 0;
    let mut due = Some(record.body_hash);
    while let Some(text) = due.and_then(|hash| state.ledger().body(&hash)) {
        bytes += text.len();
        let fits = versions.len() < limits::PROOF_KEYS_MAX && bytes <= HISTORY_BYTES_MAX;
        let Some(body) = json::parse(&text).ok().filter(|_| fits) else { break };
        due = super::history::prev(&body);
        versions.push(Value::object([("body", body)]));
    }
    versions
}

/// The question behind `metric/cell/cell…`.
pub(in crate::rpc) fn counter_of(subject: &str) -> Option<Value> {
    let (metric, cells) = subject.split_once('/')?;
    let cells = cells.split('/').map(str::to_owned).collect();
    Some(question(metric, &[cells]))
}

fn question(metric: &str, counters: &[Vec<String>]) -> Value {
    let counters = counters.iter().map(|cells| {
        let cells = cells.iter().map(|cell| Value::from(cell.as_str())).collect();
        Value::object([("cells", Value::List(cells))])
    });
    Value::object([("metric", Value::from(metric)), ("counters", Value::List(counters.collect()))])
}

/// The counters asked for, else all that ever counted.
fn counters(state: &State, params: &ProveParams) -> Answer<Value> {
    let metric = params.metric.as_deref().unwrap_or_default();
    let width = kpi::counter_width(metric).ok_or_else(|| {
        let detail = "ubin_stock, ubin_flow, ubin_challenges or ubin_crossborder";
        Refusal::new(Code::InvalidParams, "/metric", detail)
    })?;
    let cells = if params.cells.is_empty() {
        let at = At::height(state, params.height)?;
        kpi::counters(&at.reader, metric).into_keys().collect()
    } else {
        params.cells.clone()
    };
    if cells.iter().any(|cells| cells.len() != width) {
        let detail = format!("{width} cells for each counter of this metric");
        return Err(Refusal::new(Code::InvalidParams, "/cells", &detail));
    }
    if !params.cells.is_empty() {
        let at = At::height(state, params.height)?;
        let registry = Overlay::new(&at.reader);
        let can_count = |cells: &Vec<String>| {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            counter::is_cell(&registry, metric, &cells)
        };
        if !cells.iter().all(can_count) {
            let detail = "a value that its dimension does not have";
            return Err(Refusal::new(Code::InvalidParams, "/cells", detail));
        }
    }
    match cells.len() {
        0 => Err(Refusal::new(Code::NotFound, "/metric", "nothing was counted yet")),
        1..=limits::PROOF_KEYS_MAX => Ok(question(metric, &cells)),
        _ => Err(Refusal::new(Code::LimitExceeded, "/cells", "at most 1,024 counters")),
    }
}
