//! Ledger values in the form of the interface.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_api::{AsOf, Object, Refusal, ledger};
use titian_contracts::block::{self, Certificate, Header, ValidatorSet};
use titian_contracts::context;
use titian_contracts::execute::Receipt;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};
use titian_contracts::time::rfc3339;
use titian_contracts::transaction::{Payload, Transaction, TransactionId};

/// base64url without padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// State as of a height.
pub(super) fn as_of(height: u64, time_ms: u64) -> AsOf {
    AsOf { height, time_ms, block_time: rfc3339(time_ms) }
}

/// A value of the rules as JSON of the interface.
pub(super) fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => serde_json::Value::Bool(*value),
        Value::Int(int) => serde_json::Value::from(*int),
        Value::Text(text) => serde_json::Value::String(text.clone()),
        Value::List(items) => serde_json::Value::Array(items.iter().map(json).collect()),
        Value::Object(_) => serde_json::Value::Object(object(value)),
    }
}

/// An object of the rules as JSON of the interface; other values give an empty object.
pub(super) fn object(value: &Value) -> Object {
    value
        .as_object()
        .unwrap_or_default()
        .iter()
        .map(|(name, member)| (name.clone(), json(member)))
        .collect()
}

/// Text that holds a JSON object, as stored in events and bodies.
pub(super) fn object_text(text: &[u8]) -> Object {
    titian_contracts::json::parse(text).map(|value| object(&value)).unwrap_or_default()
}

/// An event.
pub(super) fn event(event: &context::Event) -> ledger::Event {
    ledger::Event {
        name: event.name.clone(),
        subject: event.subject.clone(),
        data: object_text(event.data.as_bytes()),
    }
}

/// A receipt.
pub(super) fn receipt(receipt: &Receipt) -> ledger::Receipt {
    ledger::Receipt {
        tx_id: receipt.id.to_string(),
        height: receipt.height,
        index: receipt.index,
        ok: receipt.error.is_none(),
        error: receipt.error.as_ref().map(|(number, field)| Refusal::of_number(*number, field)),
        events: receipt.events.iter().map(event).collect(),
        warnings: receipt.warnings.clone(),
    }
}

/// A header.
pub(super) fn header(header: &Header, validators: &ValidatorSet) -> ledger::Header {
    ledger::Header {
        id: header.id().to_string(),
        version: header.version,
        chain: header.chain.clone(),
        height: header.height,
        time_ms: header.time_ms,
        time: rfc3339(header.time_ms),
        proposer: hex::encode(header.proposer),
        proposer_ams: validators.by_address(&header.proposer).map(|v| v.ams.clone()),
        parent: header.parent.to_string(),
        tx_root: header.tx_root.to_string(),
        state_root: header.state_root.to_string(),
        receipt_root: header.receipt_root.to_string(),
        change_root: header.change_root.to_string(),
        validators_hash: header.validators_hash.to_string(),
        app_version: header.app_version,
        bytes: base64(&block::encode(header)),
    }
}

/// A certificate.
pub(super) fn certificate(
    certificate: &Certificate,
    validators: &ValidatorSet,
) -> ledger::Certificate {
    let signatures =
        certificate.signatures.iter().map(|(address, signature)| ledger::CommitSignature {
            address: hex::encode(address),
            ams: validators.by_address(address).map(|validator| validator.ams.clone()),
            sig: base64(signature),
        });
    ledger::Certificate {
        height: certificate.height,
        round: certificate.round,
        block: certificate.block.to_string(),
        signatures: signatures.collect(),
        bytes: base64(&block::encode(certificate)),
    }
}

/// The validator set.
pub(super) fn validators(set: &ValidatorSet) -> ledger::Validators {
    let validators = set.validators.iter().map(|validator| ledger::Validator {
        ams: validator.ams.clone(),
        address: hex::encode(validator.address()),
        public_key: base64(&validator.public_key),
        power: validator.power,
    });
    let total_power = set.total_power();
    ledger::Validators {
        validators: validators.collect(),
        n: set.validators.len() as u64,
        f: set.faults_max() as u64,
        quorum: quorum(total_power),
        total_power,
        hash: set.hash().to_string(),
    }
}

/// The smallest power that is more than two thirds of `total`.
pub(super) fn quorum(total: u64) -> u64 {
    u64::try_from(u128::from(total) * 2 / 3 + 1).unwrap_or(u64::MAX)
}

/// The records that the ops of a transaction are about.
fn records_of(tx: &Transaction) -> Vec<String> {
    if let Payload::Cosign { id, .. } = &tx.payload {
        return vec![id.clone()];
    }
    let id = |op: &Op| op.value.get("id").and_then(Value::as_text).map(str::to_owned);
    tx.payload.ops().iter().map(|op| id(op).unwrap_or_default()).collect()
}

/// A transaction in its block. Content of etr transactions is shown only where `shows` says so for
/// their records at their height (etr-api.md §3).
pub(super) fn transaction(
    bytes: &[u8],
    height: u64,
    index: u32,
    shows: &impl Fn(&[String], u64) -> bool,
) -> ledger::Transaction {
    let id = TransactionId::of(bytes);
    let mut shown = ledger::Transaction {
        tx_id: id.to_string(),
        height,
        index,
        kind: None,
        name: None,
        op_digest: None,
        transaction: None,
        withheld: false,
        proof: None,
    };
    let Ok(tx) = Transaction::parse(bytes) else {
        return shown;
    };
    let (kind, digest) = match &tx.payload {
        Payload::Op(op) => ("op", Some(op.digest)),
        Payload::Stage { op, .. } => ("stage", Some(op.digest)),
        Payload::Unstage(op) => ("unstage", Some(op.digest)),
        Payload::Bundle(ops) => ("bundle", Some(titian_contracts::etr::bundle::digest_of(ops))),
        Payload::StageBundle { ops, .. } => {
            ("stage", Some(titian_contracts::etr::bundle::digest_of(ops)))
        }
        Payload::Cosign { digest, .. } => ("cosign", Some(*digest)),
        Payload::ImportPart(_) => ("import_part", None),
    };
    shown.kind = Some(kind.to_owned());
    shown.name = Some(tx.name());
    shown.op_digest = digest.map(|digest| digest.to_string());
    if tx.register == Register::Etr && !shows(&records_of(&tx), height) {
        shown.withheld = true;
    } else {
        shown.transaction = Some(object_text(bytes));
    }
    shown
}
