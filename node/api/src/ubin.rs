//! `ubin_*`: business identifiers. Every read is public; absence is an answer, not an error.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Object;

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
    /// Add how this AMS recognises the scheme of each match.
    #[serde(default, rename = "for")]
    pub recognised_by: Option<String>,
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

/// `ubin_links`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinksParams {
    /// The UBIN in any spelling.
    pub ubin: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
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
    /// The UBIN in any spelling; every kind but `ubin-schemes` and `ubin-kpi` needs it.
    #[serde(default)]
    pub ubin: Option<String>,
    /// As of this height; the latest that can be proven if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// `ubin-presence`, `ubin-absence`, `ubin-history`, `ubin-schemes` or `ubin-kpi`; presence or
    /// absence, as it holds, if absent.
    #[serde(default)]
    pub kind: Option<String>,
    /// `ubin-kpi`: a metric that is counted.
    #[serde(default)]
    pub metric: Option<String>,
    /// `ubin-kpi`: the cells of each counter, one per dimension; all that ever counted if empty.
    #[serde(default)]
    pub cells: Vec<Vec<String>>,
    /// Whether to add the QR form, which holds no name; there is none of `ubin-history`.
    #[serde(default)]
    pub qr: bool,
}

/// The answer of `ubin_prove`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The bundle. Any JSON form of it verifies; files hold its RFC 8785 text.
    pub bundle: Object,
    /// The text for a QR code in alphanumeric mode: the same proof, of the claim without its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr: Option<String>,
}

/// `ubin_kpi`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KpiParams {
    /// The metric.
    pub metric: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// Dimensions of the table, in order; the first of the metric if empty.
    #[serde(default)]
    pub by: Vec<String>,
    /// Only cells with these values, by dimension.
    #[serde(default)]
    pub filter: BTreeMap<String, String>,
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

/// `ubin_challengeClock`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClockParams {
    /// The state.
    pub cc: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
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

/// `ubin_importStatus`: a chunk by its root, or by state and number; a state alone asks for the
/// number of its next chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportStatusParams {
    /// The root over the body hashes, `b3:…`; of several chunks with it the newest is shown.
    #[serde(default)]
    pub root: Option<String>,
    /// The state.
    #[serde(default)]
    pub cc: Option<String>,
    /// The number of the chunk, from 1.
    #[serde(default)]
    pub seq: Option<u64>,
    /// Show results of records from this place on (default 0); at most 1,000 runs are shown.
    #[serde(default)]
    pub from: Option<u64>,
}

/// `ubin_search`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchParams {
    /// A name, its part or its beginning, in any spelling: 2 to 128 code points as a key.
    pub q: String,
    /// Which records count; all if absent.
    #[serde(default)]
    pub filter: SearchFilter,
    /// What comes first.
    #[serde(default)]
    pub mode: SearchMode,
    /// Hits below this score are left out, 0 to 1000 (default 600).
    #[serde(default)]
    pub min_score: Option<u32>,
    /// How many hits, at most 50 (default 10).
    #[serde(default)]
    pub limit: Option<u32>,
    /// Whether each hit carries a bundle of kind `ubin-presence`.
    #[serde(default)]
    pub proof: bool,
}

/// Which records a search looks at. A list that is empty asks nothing; each has at most 64 values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchFilter {
    /// States; the words for legal forms are then those of these states.
    #[serde(default)]
    pub cc: Vec<String>,
    /// Scheme codes.
    #[serde(default)]
    pub scheme: Vec<String>,
    /// Categories, such as `GENERAL`.
    #[serde(default)]
    pub category: Vec<String>,
    /// Shown statuses, such as `ACTIVE`.
    #[serde(default)]
    pub status: Vec<String>,
    /// Only records that are live, or only those that are not.
    #[serde(default)]
    pub live: Option<bool>,
}

/// How a search orders hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// By score.
    #[default]
    Fuzzy,
    /// Names that begin with the query first: for completion while somebody types.
    Prefix,
}
