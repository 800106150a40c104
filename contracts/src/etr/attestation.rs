//! Attestations of payment (etr.md §6.7).
//!
//! An attester, named beforehand, states that a payment was settled, for one record and one op.
//! Signed are the 32 bytes of H("titian etr attestation v1", JCS(statement)), with a key of the
//! attester that has the scope `etr.attest`. Invariant: each (attester, uetr) serves once on the
//! ledger. Whether the attester tells the truth is outside the ledger; proofs name it.

use std::sync::Arc;

use super::condition::Payment;
use super::keys;
use super::person::{identity, read_ubin};
use super::record_json::read_amount;
use crate::access::{authority, scope};
use crate::context::Context;
use crate::digest::{Digest, hash};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::op::OpSignature;

/// The `type` of a statement.
pub const STATEMENT_TYPE: &str = "payment";
/// The status of a settled payment (ISO 20022 external code, AcceptedSettlementCompleted for the
/// creditor's account).
pub const SETTLED: &str = "ACSC";

/// An attestation that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The attester's entity.
    pub attester: Arc<str>,
    /// The payment's end-to-end reference.
    pub uetr: String,
    /// Its currency.
    pub unit: String,
    /// Its sum, in units of the last decimal.
    pub amount: u64,
    /// When it was settled, ms.
    pub settled_ms: u64,
    /// The record it is for.
    pub record: String,
    /// The op it is for.
    pub op: Digest,
}

impl Attestation {
    /// Whether it is about this payment.
    pub fn pays(&self, payment: &Payment) -> bool {
        self.uetr == payment.uetr && self.unit == payment.unit && self.amount == payment.amount
    }
}

/// What an attester signs.
pub fn statement_digest(statement: &Value) -> Digest {
    hash("titian etr attestation v1", &[statement.to_jcs().as_bytes()])
}

/// Reads and verifies one attestation: `EVIDENCE_INVALID`.
pub fn read(ctx: &Context<'_, '_>, item: &Value, field: &str) -> Result<Attestation, Reject> {
    read_item(ctx, item).map_err(|what| Reject::new(Code::EvidenceInvalid, field, &what))
}

fn read_item(ctx: &Context<'_, '_>, item: &Value) -> Result<Attestation, String> {
    let text = |reject: Reject| reject.detail;
    let statement = item.get("statement").ok_or("a statement is expected")?;
    let signature = OpSignature::from_value(&item.without("statement"), "").map_err(text)?;
    let attestation =
        read_statement(statement, identity(ctx.state, &signature.party)).map_err(text)?;
    if attestation.settled_ms > ctx.time_ms {
        return Err("settled in the future".to_owned());
    }
    read_ubin(&signature.party, "").map_err(text)?;
    let key = authority::active_key(ctx.state, &signature, ctx.time_ms, "").map_err(text)?;
    let scoped = key.entry.scopes.iter().any(|granted| scope::covers(granted, "etr.attest"));
    let verifies = key.verifies(&statement_digest(statement), &signature.signature);
    if signature.mandate.is_none() && scoped && verifies {
        Ok(attestation)
    } else {
        Err("not signed with a key of the attester for attestations".to_owned())
    }
}

fn read_statement(statement: &Value, attester: Arc<str>) -> Result<Attestation, Reject> {
    let mut members = Members::of(statement, "")?;
    let fixed = members.text("type")? == STATEMENT_TYPE && members.text("status")? == SETTLED;
    let (uetr, unit) = (members.text("uetr")?.to_owned(), members.text("unit")?.to_owned());
    let amount = read_amount(members.text("amount")?);
    let message = Digest::parse_with("sha256:", members.text("messageDigest")?);
    let attestation = Attestation {
        attester,
        uetr,
        unit,
        amount: amount.ok_or_else(|| members.malformed("amount", "a u64 as text"))?,
        settled_ms: members.uint("settledMs")?,
        record: members.text("record")?.to_owned(),
        op: members.digest("opDigest")?,
    };
    members.finish()?;
    let shape = is_uetr(&attestation.uetr) && is_unit(&attestation.unit);
    if fixed && shape && message.is_some() {
        Ok(attestation)
    } else {
        Err(Reject::new(Code::Malformed, "", "not a statement of a settled payment"))
    }
}

/// `EVIDENCE_REUSED` if this attester's word for this payment was used before; else marks it.
pub fn mark_used(ctx: &mut Context<'_, '_>, attestation: &Attestation) -> Result<(), Reject> {
    let key = keys::paid(&attestation.attester, &attestation.uetr);
    if ctx.state.holds(&key) {
        return Err(Reject::new(Code::EvidenceReused, "/args/evidence", ""));
    }
    ctx.state.write(key, &attestation.record);
    Ok(())
}

/// A UETR: a UUID in lower-case hex with hyphens.
pub fn is_uetr(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// A currency code: three capital letters.
pub fn is_unit(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}
