//! A business moves from one state to another: neither registrar can do it alone.

use std::time::Instant;

use serde_json::Value as Json;
use titian_api::{call, ubin};
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::op::{self, Register};
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin::identifier;
use titian_contracts::ubin::scheme::SchemeTable;

use super::registers::registrar;
use super::{Demo, unexpected};
use crate::act::{self, now_ms};
use crate::document;
use crate::error::{CommandError, Result};
use crate::wallet::WalletKey;

/// The number that the gaining state gives.
const NEW: (&str, &str, &str) = ("MY", "BRN", "202601000999");

/// The last company of Singapore goes on in Malaysia.
pub(super) fn relocate(demo: &mut Demo, companies: &[String]) -> Result<()> {
    let since = Instant::now();
    let old = companies.iter().rfind(|ubin| ubin.starts_with("SG-"));
    let old = old.ok_or_else(|| CommandError::bug("no company of SG"))?.clone();
    let (cc, scheme, local) = NEW;
    let new = identifier::make(cc, scheme, local, &SchemeTable::genesis())
        .map_err(|error| CommandError::bug(error.code.name()))?;
    let new = new.ubin.to_string();
    let record = get(demo, &old)?;
    if document::text(&record, "/status") == Some("RELOCATED") {
        let lines = [format!("{old} had gone to {new} already")];
        demo.step("a company moves from SG to MY", since, &lines);
        return Ok(());
    }
    let body = continued(&record, &old, &new)?;
    let enter = |consent: Digest| {
        Value::object([("body", body.clone()), ("consent", Value::from(consent))])
    };
    let alone = attempt(demo, "continue_in", enter(Digest::ZERO), cc)?;
    if alone != Some("CONSENT_MISSING".to_owned()) {
        return Err(unexpected(format!("{cc} alone took the company in: {alone:?}")));
    }
    let consent = Value::object([
        ("expiresMs", Value::from(now_ms().saturating_add(90 * DAY_MS))),
        ("kind", Value::from("RELOCATE")),
        ("toAms", Value::from(cc)),
        ("toScheme", Value::from(scheme)),
        ("ubin", Value::from(old.as_str())),
        ("version", Value::from(record.pointer("/version").and_then(Json::as_u64).unwrap_or(0))),
    ]);
    let keys = officers(demo, "SG")?;
    let signed = demo.signed(Register::Ubin, "consent_out", consent.clone(), &keys)?;
    let id = op::digest_of(Register::Ubin, &signed);
    demo.act(Register::Ubin, "consent_out", consent, &keys)?;
    let keys = officers(demo, cc)?;
    demo.act(Register::Ubin, "continue_in", enter(id), &keys)?;
    let (closed, begun) = (get(demo, &old)?, get(demo, &new)?);
    let statuses = (document::text(&closed, "/status"), document::text(&begun, "/status"));
    let same = closed.pointer("/entity") == begun.pointer("/entity");
    if statuses != (Some("RELOCATED"), Some("ACTIVE")) || !same {
        return Err(unexpected(format!("after the move: {statuses:?}")));
    }
    let lines = [
        format!("{cc} alone: CONSENT_MISSING; two officers of SG consent, two of {cc} act on it"),
        format!("{old} RELOCATED, {new} ACTIVE, one entity, in one transaction"),
    ];
    demo.step("a company moves from SG to MY", since, &lines);
    Ok(())
}

fn officers(demo: &Demo, cc: &str) -> Result<Vec<WalletKey>> {
    let office = registrar(cc);
    [1, 2].into_iter().map(|number| demo.key(&office, number)).collect()
}

fn get(demo: &Demo, ubin: &str) -> Result<Json> {
    let params = ubin::GetParams { ubin: ubin.to_owned(), ..ubin::GetParams::default() };
    Ok(Json::Object(demo.first().client()?.ask::<call::UbinGet>(&params)?))
}

/// The body of the record that goes on: the old one under the new number.
fn continued(record: &Json, old: &str, new: &str) -> Result<Value> {
    let body = record.pointer("/record/body").ok_or_else(|| unexpected("no body is kept"))?;
    let body = document::from_json(body)?;
    let from = body.get("validFrom").cloned().unwrap_or(Value::Null);
    let relation = Value::object([
        ("from", from),
        ("target", Value::from(old)),
        ("type", Value::from("RELOCATED_FROM")),
    ]);
    let status = Value::object([("code", Value::from("ACTIVE"))]);
    Ok(["displayId", "prev", "endedOn", "identifiers"]
        .iter()
        .fold(body, |body, name| body.without(name))
        .with("ubin", Value::from(new))
        .with("version", Value::Int(1))
        .with("status", status)
        .with("relations", Value::List(vec![relation])))
}

/// Tries an act by two officers of a state; gives the name of the refusal.
fn attempt(demo: &Demo, act: &str, args: Value, cc: &str) -> Result<Option<String>> {
    let keys = officers(demo, cc)?;
    let value = demo.signed(Register::Ubin, act, args, &keys)?;
    let submitted = act::submit(demo.first(), "op", Register::Ubin, value, true)?;
    let refusal = submitted.receipt.and_then(|receipt| receipt.error).or(submitted.error);
    Ok(refusal.map(|refusal| refusal.data.name))
}
