//! `ubin_*`: business identifiers. Every read is public; absence is an answer, not an error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `ubin_parse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParseParams {
    /// Any spelling of a UBIN.
    pub input: String,
}

/// `ubin_make`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MakeParams {
    /// The state.
    pub cc: String,
    /// The scheme code.
    pub scheme: String,
    /// The national number in any spelling.
    pub raw: String,
}

/// `ubin_get`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetParams {
    /// The UBIN in any spelling.
    pub ubin: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// As of this legal date, `YYYY-MM-DD`.
    #[serde(default)]
    pub on: Option<String>,
    /// Add how this AMS recognises the scheme.
    #[serde(default, rename = "for")]
    pub recognised_by: Option<String>,
    /// Whether to add a bundle of kind `ubin-presence` or `ubin-absence`.
    #[serde(default)]
    pub proof: bool,
}

/// `ubin_resolve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveParams {
    /// Any rendering, or a bare national number.
    pub input: String,
    /// The state of a bare number.
    #[serde(default)]
    pub cc: Option<String>,
    /// The scheme of a bare number.
    #[serde(default)]
    pub scheme: Option<String>,
}

/// `ubin_list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListParams {
    /// `CC`, `CC-SCHEME` or `CC-SCHEME-` and the first characters of the number.
    pub prefix: String,
    /// Items of a page, at most 500 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// `ubin_history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HistoryParams {
    /// The UBIN in any spelling.
    pub ubin: String,
    /// The newest version to show; the current one if absent.
    #[serde(default)]
    pub from: Option<u64>,
    /// Versions of a page, at most 100 (default 20).
    #[serde(default)]
    pub limit: Option<u32>,
}

/// `ubin_prove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProveParams {
    /// The UBIN in any spelling.
    pub ubin: String,
    /// `ubin-presence` or `ubin-absence`; what holds if absent.
    #[serde(default)]
    pub kind: Option<String>,
}

/// `ubin_schemes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemesParams {
    /// Only this state's.
    #[serde(default)]
    pub cc: Option<String>,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
}

/// `ubin_scheme`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemeParams {
    /// The state.
    pub cc: String,
    /// The scheme code.
    pub scheme: String,
    /// This version; the one in force if absent.
    #[serde(default)]
    pub version: Option<u64>,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
}

/// `ubin_challenges`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChallengesParams {
    /// Only this one.
    #[serde(default)]
    pub id: Option<String>,
    /// Only about the record of this UBIN, in any spelling.
    #[serde(default)]
    pub ubin: Option<String>,
    /// Only about records of this state.
    #[serde(default)]
    pub ams: Option<String>,
    /// OPEN, ACKNOWLEDGED, UPHELD, REJECTED or WITHDRAWN.
    #[serde(default)]
    pub state: Option<String>,
    /// Items of a page, at most 500 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// `ubin_consents`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentsParams {
    /// Only this one.
    #[serde(default)]
    pub id: Option<String>,
    /// Only about the record of this UBIN, in any spelling.
    #[serde(default)]
    pub ubin: Option<String>,
    /// Only where this state loses or gains the business.
    #[serde(default)]
    pub ams: Option<String>,
    /// OPEN, WITHDRAWN, USED, EXPIRED or VOIDED.
    #[serde(default)]
    pub state: Option<String>,
    /// Items of a page, at most 500 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// `ubin_attested`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttestedParams {
    /// The state.
    pub cc: String,
    /// The metric, for example `ubin_women_owned`.
    pub metric: String,
    /// `YYYY`, `YYYY-Qn` or `YYYY-MM`.
    pub period: String,
}
