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
use crate::act::{self, Signatory, SigningArgs, Unsigned};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, table};
use crate::review;
use crate::session::Session;
use crate::wallet::{KeyRef, WalletKey};

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
            let keys = act::named(session, &wallet, &op.value, signing)?;
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
    let mut done = Cosigned::default();
    for op in ops {
        let id = id_of(&op)?;
        // one signature each time: that of the first
        let mut by = act::named(session, &wallet, &op.value, signing)?;
        by.truncate(1);
        let shown = unsigned(session, op.value, Some(signer));
        let outcome = cosign_one(session, &id, &shown, &by, signing);
        if let Err(error) = done.take(&id, outcome) {
            return Err(told(done.failed(error), source, &signer.party));
        }
    }
    done.report().map_err(|error| told(error, source, &signer.party))
}

/// Shows one op, signs it and sends the signature.
fn cosign_one(
    session: &Session,
    id: &str,
    shown: &Unsigned,
    by: &[Signatory<'_>],
    signing: &SigningArgs,
) -> Result<Report> {
    act::approve(session.output, shown, by, signing.yes)?;
    let digest = shown.digest();
    let first = by.first().ok_or_else(|| CommandError::usage("who signs?").hint("--as PARTY"))?;
    let payload = Value::object([
        ("digest", Value::from(digest)),
        ("id", Value::from(id)),
        ("sig", first.sign(&digest)?.to_value()),
    ]);
    let submitted = act::submit(session, "cosign", Register::Etr, payload, !signing.no_wait)?;
    let mut report = act::receipt_report(session.output, &submitted)?;
    review::with_review(&mut report.json, review::to_json(shown));
    Ok(report)
}

/// What became of the ops that were cosigned, one after the other.
#[derive(Debug, Default)]
struct Cosigned {
    reports: Vec<Report>,
    /// Records of which an op is void: one that was signed before it was carried out.
    void: Vec<String>,
    foreign: Option<CommandError>,
}

impl Cosigned {
    /// Takes the outcome of the next op. Errors: those that end the command.
    fn take(&mut self, id: &str, outcome: Result<Report>) -> Result<()> {
        match outcome {
            Ok(report) => self.reports.push(report),
            Err(error) => match error.name.as_deref() {
                // an op of a bundle that this party has no part in
                Some("UNEXPECTED_SIGNER") => self.foreign = Some(error),
                // what was carried out before moved the record on
                Some("STAGE_STALE") if !self.reports.is_empty() => self.void.push(id.to_owned()),
                _ => return Err(error),
            },
        }
        Ok(())
    }

    /// An error that came after ops that stand: it says so, and has their receipts.
    fn failed(&mut self, error: CommandError) -> CommandError {
        let done = std::mem::take(&mut self.reports);
        if done.is_empty() {
            return error;
        }
        let texts: Vec<&str> = done.iter().map(|report| report.text.as_str()).collect();
        let hint = format!("signed before it, and this stands: {}", texts.join("; "));
        let receipts: Vec<&Json> = done.iter().map(|report| &report.json).collect();
        let data = json!({ "receipts": receipts, "error": error.data });
        error.hint(hint).with_data(data)
    }

    /// One report of all.
    fn report(self) -> Result<Report> {
        match self.foreign {
            Some(error) if self.reports.is_empty() => return Err(error),
            _ => {}
        }
        let mut report = joined(self.reports, "you signed everything there before")?;
        for id in &self.void {
            report.text =
                format!("{}\nvoid: another op staged on {id}, which moved on", report.text);
        }
        if !self.void.is_empty()
            && let Some(members) = report.json.as_object_mut()
        {
            members.insert("void".to_owned(), json!(self.void));
        }
        Ok(report)
    }
}

/// The error with what helps: an op in a file may not be staged at all, and a staged one may not ask for
/// this party.
fn told(error: CommandError, source: &str, party: &str) -> CommandError {
    let in_file = !is_record_id(source);
    match error.name.as_deref() {
        Some("STAGE_UNKNOWN") if in_file => error
            .hint(format!(
                "an op that is not staged is signed in its file: titian key cosign {source}"
            ))
            .hint(format!("titian etr stage {source} keeps it on the ledger")),
        Some("UNEXPECTED_SIGNER") => error
            .hint(format!("the op asks for no signature of {party}"))
            .hint(format!("titian etr staged --as {party} shows what lacks whose")),
        _ => error,
    }
}

/// One report of several.
fn joined(mut reports: Vec<Report>, nothing: &str) -> Result<Report> {
    match reports.len() {
        0 => Err(CommandError::refused(nothing.to_owned())),
        1 => Ok(reports.remove(0)),
        _ => {
            let text: Vec<String> = reports.iter().map(|report| report.text.clone()).collect();
            let exit = reports.iter().map(|report| report.exit).max().unwrap_or(0);
            let json: Vec<Json> = reports.into_iter().map(|report| report.json).collect();
            Ok(Report::new(text.join("\n"), json!({ "receipts": json })).exit(exit))
        }
    }
}

/// Takes staged ops off the ledger.
pub(super) fn unstage(session: &Session, source: &str, signing: &SigningArgs) -> Result<Report> {
    let signer = signer(signing)?;
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
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
    let keys = act::named(session, &wallet, &request, signing)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "etr_1";

    fn executed() -> Report {
        Report::new("done etr.pledge", json!({ "ok": true }))
    }

    fn refused(name: &str) -> CommandError {
        CommandError::refused("no").named(name).with_data(json!({ "name": name }))
    }

    #[test]
    fn what_was_carried_out_is_told_although_the_next_op_is_void() {
        let mut done = Cosigned::default();
        done.take(RECORD, Ok(executed())).expect("it stands");
        done.take(RECORD, Err(refused("STAGE_STALE"))).expect("it is void");
        let report = done.report().expect("one stands");
        assert!(report.text.contains("done etr.pledge"), "{}", report.text);
        assert!(report.text.contains("void: another op staged on etr_1"), "{}", report.text);
        assert_eq!(report.json, json!({ "ok": true, "void": [RECORD] }));
        // where nothing stands, it is an error
        let mut done = Cosigned::default();
        let error = done.take(RECORD, Err(refused("STAGE_STALE"))).expect_err("nothing stands");
        assert_eq!(done.failed(error).name.as_deref(), Some("STAGE_STALE"));
    }

    #[test]
    fn an_error_after_an_op_that_stands_has_its_receipt() {
        let mut done = Cosigned::default();
        done.take(RECORD, Ok(executed())).expect("it stands");
        let error = done.take(RECORD, Err(refused("KEY_NOT_ACTIVE"))).expect_err("it ends");
        let error = done.failed(error);
        assert!(error.hints.iter().any(|hint| hint.contains("done etr.pledge")), "{error:?}");
        let data = error.data.expect("details");
        assert_eq!(data["receipts"], json!([{ "ok": true }]));
        assert_eq!(data["error"]["name"], "KEY_NOT_ACTIVE");
    }

    #[test]
    fn a_party_that_is_not_asked_and_an_op_that_is_not_staged_are_told_what_helps() {
        let hints = |name: &str, source: &str| told(refused(name), source, "SG-A").hints.join("\n");
        assert!(hints("STAGE_UNKNOWN", "op.json").contains("titian key cosign op.json"));
        let id = format!("etr_{}", "a".repeat(52));
        assert!(is_record_id(&id), "the form of an id");
        assert!(!hints("STAGE_UNKNOWN", &id).contains("key cosign"), "it names a staged op");
        assert!(hints("UNEXPECTED_SIGNER", &id).contains("no signature of SG-A"));
        // an op of a bundle that asks for others is passed over if another one is signed
        let mut done = Cosigned::default();
        done.take(RECORD, Err(refused("UNEXPECTED_SIGNER"))).expect("passed over");
        done.take(RECORD, Ok(executed())).expect("it stands");
        assert_eq!(done.report().expect("one stands").json, json!({ "ok": true }));
    }
}
