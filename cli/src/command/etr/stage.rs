//! Staged ops: kept on the ledger until every signer has signed.
//!
//! A signer gets the op from the node, which shows it to those it concerns, or from a file of the
//! initiator. Either way its digest is computed here over the op that is shown.

use std::path::Path;

use serde_json::{Value as Json, json};
use titian_api::etr_read::StagedParams;
use titian_api::{Call as _, call};
use titian_contracts::etr::content::is_record_id;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};

use super::{ask_as, canonical};
use crate::act::{self, SigningArgs, Unsigned};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, table};
use crate::review;
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, WalletKey};

/// The ops of a file (one, or those of a bundle), or those staged on a record.
fn read_staged(session: &Session, source: &str, signer: &KeyRef) -> Result<Vec<Op>> {
    let values = if is_record_id(source) {
        let params = StagedParams {
            id: Some(source.to_owned()),
            party: None,
            capability: ask_as(session, Some(signer), call::EtrStaged::NAME, source)?,
        };
        let items = session.client()?.ask::<call::EtrStaged>(&params)?.items;
        let ops = items.into_iter().filter_map(|item| item.op);
        ops.map(|op| document::from_json(&Json::Object(op))).collect::<Result<Vec<_>>>()?
    } else {
        let value = document::read_value(Path::new(source))?;
        match value.get("ops").and_then(Value::as_list) {
            Some(ops) => ops.to_vec(),
            None => vec![value],
        }
    };
    let ops: Vec<Op> = values
        .into_iter()
        .map(Op::from_value)
        .collect::<std::result::Result<_, _>>()
        .map_err(|reject| CommandError::from_reject(Kind::Usage, &reject))?;
    if ops.is_empty() {
        return Err(CommandError::refused("nothing is staged there that concerns you")
            .named("STAGE_UNKNOWN"));
    }
    if is_record_id(source) {
        check_asked(session, source, &ops)?;
    }
    Ok(ops)
}

/// Refuses ops of another network or register, and those that are neither about the record nor of
/// a bundle with one that is: who names a record asked for no others.
fn check_asked(session: &Session, id: &str, ops: &[Op]) -> Result<()> {
    let chain = session.chain()?;
    let about = |op: &&Op| op.value.get("id").and_then(Value::as_text) == Some(id);
    let bundles: Vec<&Value> = ops.iter().filter(about).filter_map(bundle_of).collect();
    let asked = |op: &Op| {
        op.chain == chain
            && op.register == Register::Etr
            && (about(&op) || bundle_of(op).is_some_and(|bundle| bundles.contains(&bundle)))
    };
    if ops.iter().all(asked) {
        return Ok(());
    }
    let message = "the node answers ops that were not asked for";
    Err(CommandError::new(Kind::NotProven, message)
        .hint("it is broken or hostile: use another one with --node"))
}

/// The bundle that an op belongs to.
fn bundle_of(op: &Op) -> Option<&Value> {
    op.value.get("bundle").filter(|bundle| **bundle != Value::Null)
}

/// Whether there is one op only, or all are of one bundle.
fn are_one(ops: &[Op]) -> bool {
    let Some((first, rest)) = ops.split_first() else { return true };
    rest.iter().all(|op| bundle_of(op).is_some() && bundle_of(op) == bundle_of(first))
}

fn id_of(op: &Op) -> Result<String> {
    let id = op.value.get("id").and_then(Value::as_text).map(str::to_owned);
    id.ok_or_else(|| CommandError::usage("the op is about no record"))
}

fn signer(signing: &SigningArgs) -> Result<&KeyRef> {
    let first = signing.signers.first();
    first.ok_or_else(|| CommandError::usage("who signs?").hint("--as PARTY"))
}

/// An op that somebody else made, with the record as it stands for `signer`.
pub(super) fn unsigned(session: &Session, value: Value, signer: Option<&KeyRef>) -> Unsigned {
    let record = review::record_of(session, &value, signer);
    // what the op acknowledges is what was warned of when it was made
    let ack = value.get("ack").and_then(Value::as_list).unwrap_or_default();
    let warnings = ack.iter().filter_map(Value::as_text).map(str::to_owned).collect();
    Unsigned { value, register: Register::Etr, needs: Vec::new(), warnings, record }
}

/// Whether a key signed an op.
fn signed(op: &Op, key: &WalletKey) -> bool {
    op.signatures.iter().any(|s| s.party == key.party && Some(s.key) == key.number)
}

/// Keeps an op with part of its signatures on the ledger.
pub(super) fn stage(session: &Session, source: &Path, signing: &SigningArgs) -> Result<Report> {
    let value = document::read_value(source)?;
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let (payload, first) = match value.get("ops").and_then(Value::as_list) {
        // the signatures of a bundle are made when it is put together
        Some(ops) => {
            let first = ops.first().cloned().unwrap_or(Value::Null);
            (value.clone(), unsigned(session, first, None))
        }
        None => {
            let mut op = unsigned(session, value, signing.signers.first());
            let keys = named_keys(&wallet, signing)?;
            if !keys.is_empty() {
                act::approve(session.output, &op, &keys, signing.yes)?;
                act::sign(&mut op, &keys)?;
            }
            (op.value.clone(), op)
        }
    };
    let payload = Value::object([("op", payload), ("untilMs", act::stage_until(&first))]);
    let submitted = act::submit(session, "stage", Register::Etr, payload, !signing.no_wait)?;
    let mut report = act::receipt_report(session.output, &submitted)?;
    review::with_review(&mut report.json, review::to_json(&first));
    Ok(report)
}

fn named_keys<'a>(wallet: &'a Wallet, signing: &SigningArgs) -> Result<Vec<&'a WalletKey>> {
    signing.signers.iter().map(|key| wallet.find(key)).collect()
}

/// Signs the digest of each staged op that lacks this signature, computed here over what is shown.
pub(super) fn cosign(session: &Session, source: &str, signing: &SigningArgs) -> Result<Report> {
    let signer = signer(signing)?;
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let key = wallet.find(signer)?;
    let mut ops = read_staged(session, source, signer)?;
    ops.retain(|op| !signed(op, key));
    if signing.yes && is_record_id(source) && !are_one(&ops) {
        // one yes for what another party may have staged meanwhile is none
        return Err(CommandError::usage("several ops are staged there that are of no one bundle")
            .hint("without --yes each is shown and asked for")
            .hint("titian etr cosign FILE signs the op in a file"));
    }
    let mut reports = Vec::new();
    let mut foreign = None;
    for op in ops {
        let id = id_of(&op)?;
        let shown = unsigned(session, op.value, Some(signer));
        act::approve(session.output, &shown, &[key], signing.yes)?;
        let digest = shown.digest();
        let payload = Value::object([
            ("digest", Value::from(digest)),
            ("id", Value::from(id)),
            ("sig", key.sign(&digest)?.to_value()),
        ]);
        let submitted = act::submit(session, "cosign", Register::Etr, payload, !signing.no_wait);
        match submitted.and_then(|done| act::receipt_report(session.output, &done)) {
            Ok(mut report) => {
                review::with_review(&mut report.json, review::to_json(&shown));
                reports.push(report);
            }
            // an op of a bundle that this party has no part in
            Err(error) if error.name.as_deref() == Some("UNEXPECTED_SIGNER") => {
                foreign = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match foreign {
        Some(error) if reports.is_empty() => Err(error),
        _ => joined(reports, "you signed everything there before"),
    }
}

/// One report of several.
fn joined(mut reports: Vec<Report>, nothing: &str) -> Result<Report> {
    match reports.len() {
        0 => Err(CommandError::refused(nothing.to_owned())),
        1 => Ok(reports.remove(0)),
        _ => {
            let text: Vec<String> = reports.iter().map(|report| report.text.clone()).collect();
            let json: Vec<Json> = reports.into_iter().map(|report| report.json).collect();
            Ok(Report::new(text.join("\n"), json!({ "receipts": json })))
        }
    }
}

/// Takes staged ops off the ledger.
pub(super) fn unstage(session: &Session, source: &str, signing: &SigningArgs) -> Result<Report> {
    let signer = signer(signing)?;
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let keys = [wallet.find(signer)?];
    let ops = read_staged(session, source, signer)?;
    // the ops of a bundle stand and fall together
    let op = ops.first().ok_or_else(|| CommandError::usage("which op?"))?;
    let args = Value::object([("digest", Value::from(op.digest)), ("id", Value::from(id_of(op)?))]);
    let request = Value::object([
        ("act", Value::from("unstage")),
        ("args", args),
        ("chain", Value::from(session.chain()?)),
        ("register", Value::from("etr")),
        ("sigs", Value::List(Vec::new())),
    ]);
    let mut request = unsigned(session, request, None);
    act::approve(session.output, &request, &keys, signing.yes)?;
    act::sign(&mut request, &keys)?;
    let wait = !signing.no_wait;
    let submitted = act::submit(session, "unstage", Register::Etr, request.value, wait)?;
    act::receipt_report(session.output, &submitted)
}

/// Lists what is staged on a record or for a party.
pub(super) fn list(session: &Session, id: Option<&str>, party: Option<&KeyRef>) -> Result<Report> {
    let ubin = party.map(|party| canonical(&party.party)).transpose()?;
    let subject = id.map(str::to_owned).or_else(|| ubin.clone());
    let subject =
        subject.ok_or_else(|| CommandError::usage("a record, or --as PARTY").hint("--as PARTY"))?;
    let params = StagedParams {
        id: id.map(str::to_owned),
        party: if id.is_none() { ubin } else { None },
        capability: ask_as(session, party, call::EtrStaged::NAME, &subject)?,
    };
    let staged = session.client()?.ask::<call::EtrStaged>(&params)?;
    let mut rows = vec![["RECORD", "ACT", "LACKS", "UNTIL"].map(str::to_owned).to_vec()];
    rows.extend(staged.items.iter().map(|item| {
        let act = item.op.as_ref().and_then(|op| op.get("act")).and_then(Json::as_str);
        vec![
            item.id.clone(),
            act.unwrap_or("(for those it concerns)").to_owned(),
            item.missing.join(" "),
            titian_contracts::time::rfc3339(item.until_ms),
        ]
    }));
    let text = if staged.items.is_empty() { "nothing".to_owned() } else { table(&rows) };
    Ok(Report::new(text, serde_json::to_value(&staged).unwrap_or_default()))
}
