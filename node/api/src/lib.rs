//! The interface of a node: method names, parameters, results and errors of its JSON-RPC.
//!
//! Invariant: one table, [`METHODS`], says which methods exist; the server registers exactly these,
//! `rpc.discover` is generated from it, and a client calls through the same types ([`Call`]).
//! It deliberately holds no transport and no rules: node and client share it and nothing else.
//!
//! Numbers are JSON integers below 2^53; digests print as `b3:` and 64 hex digits, transaction ids
//! as `tx:`, keys and signatures as base64url without padding. Times ending in `Ms` are
//! milliseconds since the Unix epoch; others are RFC 3339 text in UTC.

pub mod access;
pub mod error;
pub mod etr;
pub mod etr_envelope;
pub mod etr_read;
pub mod gov;
pub mod ledger;
mod method;
pub mod node;
mod openrpc;
pub mod ubin;
pub mod ubin_feed;
pub mod vc;
pub mod vc_issue;
pub mod vc_verify;

pub use error::{ErrorData, Refusal};
pub use method::{Call, METHODS, Method, Scope, call};
pub use openrpc::openrpc;

/// A JSON object whose members the documents of its register describe.
pub type Object = serde_json::Map<String, serde_json::Value>;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// State as of which an answer holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AsOf {
    /// The height.
    pub height: u64,
    /// Its block time, ms.
    pub time_ms: u64,
    /// The same as RFC 3339 text.
    pub block_time: String,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The items.
    pub items: Vec<Object>,
    /// Where the next page starts; null on the last page. Opaque.
    pub cursor: Option<String>,
    /// State as of which the page holds.
    pub as_of: AsOf,
}

/// `<register>_prepare` for registers with the five common members of an op.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrepareParams {
    /// The act, lower case with `_`.
    pub act: String,
    /// Its arguments.
    pub args: Object,
}

/// A signer that an op needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    /// `R1`, `R2`, `root`, `party`, or the role letter of an ETR act.
    pub role: String,
    /// The party; `CC:*` stands for any registrar authority of that state.
    pub party: String,
    /// How many signatures.
    pub count: u64,
    /// The scope that the key must hold; empty if none is asked for.
    pub scope: String,
}

/// What a dry run of an unsigned op found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Prepared {
    /// The unsigned op, `sigs` empty. A client rebuilds its digest before it signs.
    pub op: Object,
    /// What signers sign.
    pub op_digest: String,
    /// The signers it needs.
    pub signers: Vec<Signer>,
    /// Whether it was run dry. False where the caller may not see the party part of a record: then
    /// `signers`, `verdicts`, `warnings`, `events` and `fails` say nothing.
    pub checked: bool,
    /// Of `etr_prepare`: what each state says whose law the act asks, by country code, also where a
    /// check fails; empty where it asks none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Vec<Verdict>>,
    /// The other ops of its bundle, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundled: Vec<PreparedOp>,
    /// Warnings that the receipt would carry.
    pub warnings: Vec<String>,
    /// The events it would cause.
    pub events: Vec<ledger::Event>,
    /// The first failing check, if any.
    pub fails: Option<Refusal>,
    /// Records with the same name but for its legal form, region and date of registration, as far
    /// as this node has indexed names. No receipt depends on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar_names: Vec<SimilarName>,
    /// State as of which this holds.
    pub as_of: AsOf,
}

/// One more op of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreparedOp {
    /// The unsigned op.
    pub op: Object,
    /// What signers sign.
    pub op_digest: String,
    /// The signers it needs.
    pub signers: Vec<Signer>,
    /// What each state says whose law the op asks; nothing for an op after one that fails.
    pub verdicts: Vec<Verdict>,
}

/// What one state says of a record's class for an act, in the words of `etr_legalEffect`
/// (etr-profiles.md §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The state, its country code.
    pub jurisdiction: String,
    /// `full`, `contractual`, `excluded`, `unknown` or `not_applicable`.
    pub verdict: String,
    /// What follows: `allow`, `warn` (the op names it in `ack`) or `block`.
    pub effect: String,
    /// The status of the state's entry; `unknown` where it has none.
    pub status: String,
    /// The statute that the entry cites; absent where there is no entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
}

/// A record that may be the same business under another number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SimilarName {
    /// Its UBIN.
    pub ubin: String,
    /// Its name.
    pub name: String,
    /// Where the name stands below the body, a JSON pointer.
    pub field: String,
    /// The status to show.
    pub status: String,
}

/// An answer with a portable proof bundle (ledger.md §6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// The bundle. Any JSON form of it verifies; files hold its RFC 8785 text.
    pub bundle: Object,
}
