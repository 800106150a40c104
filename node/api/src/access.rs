//! `access_*`: parties, keys, mandates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names a party: `CC`, `CC:NAME` or a UBIN; `did:ubin:` before it is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartyParams {
    /// The party.
    pub party: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `vc-did`.
    #[serde(default)]
    pub proof: bool,
}

/// Names the principal of mandates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MandatesParams {
    /// The principal.
    pub party: String,
    /// The first mandate to show (default 1).
    #[serde(default)]
    pub from: Option<u64>,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
}
