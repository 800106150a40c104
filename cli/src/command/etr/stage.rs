//! Staged ops: kept on the ledger until every signer has signed.
//!
//! A signer gets the op itself from the initiator and computes its digest, for the ledger shows a
//! digest only to those who are no party to the record.

use std::path::Path;

use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};

use crate::act::{self, SigningArgs, Unsigned};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;
use crate::session::Session;

/// Reads a staged op.
fn read_staged(path: &Path) -> Result<(Op, String)> {
    let op = Op::from_value(document::read_value(path)?)
        .map_err(|reject| CommandError::from_reject(Kind::Usage, &reject))?;
    let id = op.value.get("id").and_then(Value::as_text).map(str::to_owned);
    let id = id.ok_or_else(|| CommandError::usage("the op is about no record"))?;
    Ok((op, id))
}

/// Signs the digest of a staged op, computed here over the op that is shown.
pub(super) fn cosign(session: &Session, path: &Path, signing: &SigningArgs) -> Result<Report> {
    let (op, id) = read_staged(path)?;
    let Some(signer) = signing.signers.first() else {
        return Err(CommandError::usage("who signs?").hint("--as PARTY"));
    };
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let key = wallet.find(signer)?;
    let unsigned = Unsigned {
        value: op.value,
        register: Register::Etr,
        needs: Vec::new(),
        warnings: Vec::new(),
    };
    act::approve(session.output, &unsigned, &[key], signing.yes)?;
    let digest = unsigned.digest();
    let payload = Value::object([
        ("digest", Value::from(digest)),
        ("id", Value::from(id)),
        ("sig", key.sign(&digest)?.to_value()),
    ]);
    let submitted = act::submit(session, "cosign", Register::Etr, payload, !signing.no_wait)?;
    act::receipt_report(session.output, &submitted)
}

/// Takes a staged op off the ledger.
pub(super) fn unstage(session: &Session, path: &Path, signing: &SigningArgs) -> Result<Report> {
    let (op, id) = read_staged(path)?;
    let Some(signer) = signing.signers.first() else {
        return Err(CommandError::usage("who signs?").hint("--as PARTY"));
    };
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let args = Value::object([("digest", Value::from(op.digest)), ("id", Value::from(id))]);
    let mut unsigned = Unsigned {
        value: Value::object([
            ("act", Value::from("unstage")),
            ("args", args),
            ("chain", Value::from(session.chain()?)),
            ("register", Value::from("etr")),
            ("sigs", Value::List(Vec::new())),
        ]),
        register: Register::Etr,
        needs: Vec::new(),
        warnings: Vec::new(),
    };
    let keys = [wallet.find(signer)?];
    act::approve(session.output, &unsigned, &keys, signing.yes)?;
    act::sign(&mut unsigned, &keys)?;
    let wait = !signing.no_wait;
    let submitted = act::submit(session, "unstage", Register::Etr, unsigned.value, wait)?;
    act::receipt_report(session.output, &submitted)
}
