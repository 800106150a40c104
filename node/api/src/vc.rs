//! `vc_*`: DIDs, accreditations, types, resources, status lists, verdicts. Reads and verification
//! are public. A negative verdict is a result, never an error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Object;

/// `vc_resolve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveParams {
    /// A DID, or a DID URL of a resource.
    pub did: String,
    /// The height of the change, decimal.
    #[serde(default)]
    pub version_id: Option<String>,
    /// RFC 3339 time.
    #[serde(default)]
    pub version_time: Option<String>,
    /// Whether to add a bundle of kind `vc-did`.
    #[serde(default)]
    pub proof: bool,
}

/// Names an issuer by its DID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DidParams {
    /// The DID; the bare party is allowed.
    pub did: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
}

/// Names an accreditation or a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdParams {
    /// `SG:CUSTOMS/acc/1`, or `did:ubin:ASEAN/schema/aeo-authorisation/1`.
    pub id: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_types`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TypesParams {
    /// Only this owner's.
    #[serde(default)]
    pub owner: Option<String>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// `vc_status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusParams {
    /// `SG:CUSTOMS/status/3`; `did:ubin:` before it is allowed.
    pub list: String,
    /// The index of the entry.
    pub index: u64,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `vc-status`.
    #[serde(default)]
    pub proof: bool,
}

/// Form of a whole status list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ListFormat {
    /// The bytes as they stand in state, gzip and base64url (`u` first), as a Bitstring list holds
    /// them.
    #[default]
    Bitstring,
    /// A status list token, of lists of profile `token`; from the node of their owner only.
    Token,
    /// The chunks, base64url.
    Raw,
}

/// `vc_statusList`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusListParams {
    /// `SG:CUSTOMS/status/3`; `did:ubin:` before it is allowed.
    pub list: String,
    /// The form.
    #[serde(default)]
    pub format: ListFormat,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
}

/// `vc_verify`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyParams {
    /// A credential or presentation: an object, or the text of a token.
    pub credential: serde_json::Value,
    /// `ledger` (default), `w3c` or `signature`.
    #[serde(default)]
    pub policy: Option<String>,
    /// Ask whether this AMS recognises the issuer.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// Checks that must pass besides those of the policy.
    #[serde(default)]
    pub require: Vec<String>,
    /// Anchor receipts.
    #[serde(default)]
    pub receipts: Vec<Object>,
    /// Largest age of the ledger data, seconds.
    #[serde(default)]
    pub max_age: Option<u64>,
    /// Judge as of this height.
    #[serde(default)]
    pub at_height: Option<u64>,
    /// Expected challenge or nonce of a presentation.
    #[serde(default)]
    pub challenge: Option<String>,
    /// Expected domain or audience of a presentation.
    #[serde(default)]
    pub domain: Option<String>,
}
