//! `ledger_*`: transactions, blocks, receipts, proofs, subscriptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AsOf, Object, Refusal};

/// A transaction: its canonical text, or an object that the node brings into canonical form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TransactionInput {
    /// The RFC 8785 text.
    Text(String),
    /// The object.
    Object(Object),
}

/// `ledger_submit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubmitParams {
    /// The transaction.
    pub transaction: TransactionInput,
    /// Whether to wait for the receipt (default true, at most 30 s).
    #[serde(default = "yes")]
    pub wait: bool,
}

/// `ledger_submitBatch`: at most 500 transactions, each admitted or refused on its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubmitBatchParams {
    /// The transactions.
    pub transactions: Vec<TransactionInput>,
    /// Whether to wait for the receipts (default true, at most 30 s in all).
    #[serde(default = "yes")]
    pub wait: bool,
}

const fn yes() -> bool {
    true
}

/// What became of a submitted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Submission {
    /// In a block; the receipt says whether it was applied or refused.
    Executed,
    /// Admitted, not in a block yet (`PENDING`). Ask `ledger_receipt` later.
    Pending,
    /// Refused at the door; `error` says why. Only in batches: a single submission is an error.
    Refused,
}

/// The answer to a submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Submitted {
    /// The transaction id; null only for what is no transaction at all.
    pub tx_id: Option<String>,
    /// What became of it.
    pub status: Submission,
    /// The receipt, once executed.
    pub receipt: Option<Receipt>,
    /// Why it was refused at the door.
    pub error: Option<Refusal>,
}

/// The answers of a batch, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedBatch {
    /// One per transaction.
    pub results: Vec<Submitted>,
}

/// The outcome of one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The transaction id.
    pub tx_id: String,
    /// The height of its block.
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// Whether it was applied.
    pub ok: bool,
    /// Why it was refused.
    pub error: Option<Refusal>,
    /// What happened.
    pub events: Vec<Event>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// One effect of an act, in public terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `register.act`.
    pub name: String,
    /// A UBIN, party, list, accreditation or record id.
    pub subject: String,
    /// Details.
    pub data: Object,
}

/// Names a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TxParams {
    /// `tx:` and 64 hex digits.
    pub tx_id: String,
}

/// `ledger_transaction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransactionParams {
    /// `tx:` and 64 hex digits.
    pub tx_id: String,
    /// Whether to add a bundle of kind `ledger-transaction`.
    #[serde(default)]
    pub proof: bool,
}

/// A transaction in its block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Its id.
    pub tx_id: String,
    /// The height of its block.
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// op, stage, bundle, cosign, unstage, import_part; null if the bytes are no transaction.
    pub kind: Option<String>,
    /// `register.act`.
    pub name: Option<String>,
    /// The digest that its signers signed.
    pub op_digest: Option<String>,
    /// The transaction; null where `withheld`.
    pub transaction: Option<Object>,
    /// Whether the content is withheld: etr ops are shown as digests without authorisation.
    pub withheld: bool,
    /// The bundle, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Object>,
}

/// Names a height; the head if absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeightParams {
    /// The height.
    #[serde(default)]
    pub height: Option<u64>,
}

/// A block header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The block id.
    pub id: String,
    /// Format version.
    pub version: u8,
    /// The chain id.
    pub chain: String,
    /// The height.
    pub height: u64,
    /// Block time, ms.
    pub time_ms: u64,
    /// The same as RFC 3339 text.
    pub time: String,
    /// Address of the proposer, hex.
    pub proposer: String,
    /// Its AMS, if it is in the set.
    pub proposer_ams: Option<String>,
    /// The parent block.
    pub parent: String,
    /// Root over the transaction ids.
    pub tx_root: String,
    /// State root after the parent height.
    pub state_root: String,
    /// Receipt root of the parent height.
    pub receipt_root: String,
    /// Change root of the parent height.
    pub change_root: String,
    /// Digest of the validator set.
    pub validators_hash: String,
    /// Version of the rules.
    pub app_version: u32,
    /// The borsh bytes, base64url: their H("titian block v1", ·) is the id.
    pub bytes: String,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions, in order.
    pub transactions: Vec<Transaction>,
}

/// A commit certificate. Certificates differ between nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The height.
    pub height: u64,
    /// The round in which it was decided.
    pub round: u32,
    /// The block.
    pub block: String,
    /// The signatures.
    pub signatures: Vec<CommitSignature>,
    /// The borsh bytes, base64url.
    pub bytes: String,
}

/// One precommit of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitSignature {
    /// The validator's address, hex.
    pub address: String,
    /// Its AMS, if it is in the set.
    pub ams: Option<String>,
    /// The signature.
    pub sig: String,
}

/// The validator set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Validators {
    /// The validators, by AMS.
    pub validators: Vec<Validator>,
    /// How many.
    pub n: u64,
    /// How many may fail.
    pub f: u64,
    /// The smallest power that decides: more than two thirds.
    pub quorum: u64,
    /// The power of all.
    pub total_power: u64,
    /// Digest of the set.
    pub hash: String,
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Validator {
    /// The AMS that runs it.
    pub ams: String,
    /// Its address, hex.
    pub address: String,
    /// Its Ed25519 key.
    pub public_key: String,
    /// Its voting power.
    pub power: u64,
}

/// The state of a node, in public terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The chain id.
    pub chain: String,
    /// The genesis hash.
    pub genesis: String,
    /// The node: its peer id. A capability names it.
    pub node: String,
    /// The head.
    pub height: u64,
    /// Its block id.
    pub block: String,
    /// Its block time, ms.
    pub time_ms: u64,
    /// The same as RFC 3339 text.
    pub time: String,
    /// The state root after `stateRootHeight`.
    pub state_root: String,
    /// The height after which the root holds.
    pub state_root_height: u64,
    /// The lowest height that this node answers for; 0 while it keeps everything.
    pub oldest: u64,
    /// Transactions executed since the genesis, refused ones included.
    pub transactions: u64,
    /// Connected peers.
    pub peers: u64,
    /// Validators.
    pub n: u64,
    /// How many may fail.
    pub f: u64,
    /// The smallest power that decides.
    pub quorum: u64,
    /// Waiting transactions.
    pub mempool_transactions: u64,
    /// Waiting bytes.
    pub mempool_bytes: u64,
    /// Version of the node.
    pub version: String,
    /// Version of the rules.
    pub app_version: u32,
    /// Whether the node keeps up and takes transactions.
    pub ready: bool,
    /// Why it does not, one line each; empty if ready.
    pub reasons: Vec<String>,
}

/// The genesis file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenesisFile {
    /// Its hash.
    pub hash: String,
    /// The file. A verifier takes it from a place it trusts, not from the node it checks.
    pub genesis: Object,
}

/// `ledger_prove`: a bundle of any kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProveParams {
    /// `ledger-transaction`, `ledger-state`, `ubin-presence`, `ubin-absence`, `ubin-history`,
    /// `ubin-kpi`, `vc-did`, `vc-status`, `vc-accreditation`, `etr-status`, `etr-absence`.
    pub kind: String,
    /// What it is about: a transaction id; a UBIN; for `ubin-kpi` `metric/cell/cell…`; a DID; a
    /// status list entry (`SG:CUSTOMS/status/3#17`); an accreditation (`SG:CUSTOMS/acc/1`); a
    /// record id; for `etr-absence` `series/issuer/ref`.
    #[serde(default)]
    pub subject: Option<String>,
    /// Kinds `ubin-*`: as of this height; the latest that can be proven if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// `ledger-state`: logical keys, base64url.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// What a subscription delivers.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Topic {
    /// One notice per block.
    Blocks,
    /// One notice per receipt.
    Receipts,
    /// One notice per event.
    Events,
}

/// `ledger_subscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscribeParams {
    /// What to deliver.
    pub topic: Topic,
    /// Deliver what comes after this cursor, `height:index`; from now on if absent.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Only events whose name starts with this (`etr.`, `ubin.register`).
    #[serde(default)]
    pub name: Option<String>,
    /// Only events about this subject.
    #[serde(default)]
    pub subject: Option<String>,
}

/// One notice of a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Where this notice stands; resume with it.
    pub cursor: String,
    /// Height and time of its block.
    pub as_of: AsOf,
    /// The block (topic blocks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Header>,
    /// The receipt (topic receipts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The event (topic events).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// The transaction of the event, or the one that `EXPIRED_IN_POOL` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_id: Option<String>,
    /// The end of the subscription: `SLOW_CONSUMER` or `CURSOR_TOO_OLD`, with the cursor to resume
    /// from. Topic receipts: `EXPIRED_IN_POOL`, and the subscription goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
}
