//! `vc_*` that verify: one credential, many, a presentation, and the challenges of presentations.
//! A negative verdict is a result, never an error (vc.md §7).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Object;

/// An object as the text that was sent, anything else as it is: as a value it would lose a member
/// that stands twice, which the verifier must see.
pub(crate) fn as_sent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    if raw.get().starts_with('{') {
        return Ok(Value::from(raw.get()));
    }
    serde_json::from_str(raw.get()).map_err(D::Error::custom)
}

/// As [`as_sent`], of a member that may be left out or null.
pub(crate) fn as_sent_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    as_sent(deserializer).map(|value| Some(value).filter(|value| !value.is_null()))
}

/// As [`as_sent`], of each item of an array.
fn as_sent_each<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    let items = Vec::<Box<RawValue>>::deserialize(deserializer)?;
    items.iter().map(|item| as_sent(&**item).map_err(D::Error::custom)).collect()
}

/// `vc_verify`. A presentation is judged like `vc_verifyPresentation` does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyParams {
    /// A credential or presentation: an object, the text of a token, or the text of a QR code.
    #[serde(deserialize_with = "as_sent")]
    pub credential: Value,
    /// `ledger` (default), `w3c` or `signature`.
    #[serde(default)]
    pub policy: Option<String>,
    /// Ask whether this state recognises the issuer.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// Checks that must pass besides those of the policy.
    #[serde(default)]
    pub require: Vec<String>,
    /// Anchor receipts, at most 32.
    #[serde(default)]
    pub receipts: Vec<Object>,
    /// Largest age of the ledger data, seconds.
    #[serde(default)]
    pub max_age: Option<u64>,
    /// Clock skew, seconds, 0 to 300; 60 if absent.
    #[serde(default)]
    pub skew_seconds: Option<u64>,
    /// Signed status lists that the caller fetched, at most 8: BitstringStatusListCredentials in any
    /// form, or status list tokens. The `id` or `sub` of each tells which list it is.
    #[serde(default, deserialize_with = "as_sent_each")]
    pub status_lists: Vec<Value>,
    /// When the oldest of them was fetched, ms since 1970; absent: just now.
    #[serde(default)]
    pub status_lists_fetched_ms: Option<u64>,
    /// Bytes of related resources and schemas, base64url without padding, by URL; at most 32.
    #[serde(default)]
    pub resources: BTreeMap<String, String>,
    /// Judge as of this height and its block time.
    #[serde(default)]
    pub at_height: Option<u64>,
    /// Expected challenge or nonce of a presentation or key binding.
    #[serde(default)]
    pub challenge: Option<String>,
    /// Expected domain or audience of a presentation or key binding.
    #[serde(default)]
    pub domain: Option<String>,
}

/// One item of a batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchItem {
    /// A credential or presentation.
    #[serde(deserialize_with = "as_sent")]
    pub credential: Value,
    /// Its anchor receipts, at most 32.
    #[serde(default)]
    pub receipts: Vec<Object>,
}

/// `vc_verifyBatch`: at most 1,000 items, 16 MiB; all judged on one state at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyBatchParams {
    /// What to judge.
    pub items: Vec<BatchItem>,
    /// `ledger` (default), `w3c` or `signature`.
    #[serde(default)]
    pub policy: Option<String>,
    /// Ask whether this state recognises the issuers.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// Checks that must pass besides those of the policy.
    #[serde(default)]
    pub require: Vec<String>,
    /// Largest age of the ledger data, seconds.
    #[serde(default)]
    pub max_age: Option<u64>,
    /// Clock skew, seconds, 0 to 300; 60 if absent.
    #[serde(default)]
    pub skew_seconds: Option<u64>,
    /// Signed status lists that the caller fetched, at most 8: BitstringStatusListCredentials in any
    /// form, or status list tokens. The `id` or `sub` of each tells which list it is.
    #[serde(default, deserialize_with = "as_sent_each")]
    pub status_lists: Vec<Value>,
    /// When the oldest of them was fetched, ms since 1970; absent: just now.
    #[serde(default)]
    pub status_lists_fetched_ms: Option<u64>,
    /// Bytes of related resources and schemas, base64url without padding, by URL; at most 32.
    #[serde(default)]
    pub resources: BTreeMap<String, String>,
    /// Judge as of this height and its block time.
    #[serde(default)]
    pub at_height: Option<u64>,
}

/// The verdicts of a batch, in the order of its items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdicts {
    /// One verdict per item.
    pub verdicts: Vec<Object>,
    /// How many are verified.
    pub verified: u64,
    /// How many are rejected.
    pub rejected: u64,
    /// How many are indeterminate.
    pub indeterminate: u64,
}

/// `vc_verifyPresentation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyPresentationParams {
    /// An object, the text of a token, or the text of a QR code.
    #[serde(deserialize_with = "as_sent")]
    pub presentation: Value,
    /// What the holder was asked to sign. One that this node gave (`vc_challenge`) counts once.
    #[serde(default)]
    pub challenge: Option<String>,
    /// The same under the name that tokens use.
    #[serde(default)]
    pub nonce: Option<String>,
    /// Who asked.
    #[serde(default)]
    pub domain: Option<String>,
    /// The same under the name that tokens use.
    #[serde(default)]
    pub audience: Option<String>,
    /// Whether the holder must be the subject of each credential.
    #[serde(default)]
    pub subject_is_holder: bool,
    /// `ledger` (default), `w3c` or `signature`.
    #[serde(default)]
    pub policy: Option<String>,
    /// Ask whether this state recognises the issuers.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// Checks that must pass besides those of the policy.
    #[serde(default)]
    pub require: Vec<String>,
    /// Anchor receipts, at most 32.
    #[serde(default)]
    pub receipts: Vec<Object>,
    /// Largest age of the ledger data, seconds.
    #[serde(default)]
    pub max_age: Option<u64>,
    /// Clock skew, seconds, 0 to 300; 60 if absent.
    #[serde(default)]
    pub skew_seconds: Option<u64>,
    /// Signed status lists that the caller fetched, at most 8: BitstringStatusListCredentials in any
    /// form, or status list tokens. The `id` or `sub` of each tells which list it is.
    #[serde(default, deserialize_with = "as_sent_each")]
    pub status_lists: Vec<Value>,
    /// When the oldest of them was fetched, ms since 1970; absent: just now.
    #[serde(default)]
    pub status_lists_fetched_ms: Option<u64>,
    /// Bytes of related resources and schemas, base64url without padding, by URL; at most 32.
    #[serde(default)]
    pub resources: BTreeMap<String, String>,
    /// Judge as of this height and its block time.
    #[serde(default)]
    pub at_height: Option<u64>,
}

/// The verdict on a presentation; verified only if it and all its credentials are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PresentationVerdict {
    /// Whether the outcome is `verified`.
    pub verified: bool,
    /// `verified`, `rejected` or `indeterminate`.
    pub outcome: String,
    /// The verdict on the presentation itself.
    pub presentation: Object,
    /// One verdict per credential, in order.
    pub credentials: Vec<Object>,
}

/// `vc_challenge`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChallengeParams {
    /// The domain or audience that the holder shall name.
    pub domain: String,
}

/// A challenge for one presentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// What the holder signs; it counts once, at this node.
    pub challenge: String,
    /// Until when, RFC 3339: 300 s.
    pub expires_at: String,
}
