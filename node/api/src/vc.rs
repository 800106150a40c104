//! `vc_*` that read: DIDs, issuers, accreditations, types, resources, status lists, recognition,
//! anchors, bundles, events. Public; what verifies stands in [`crate::vc_verify`].
//!
//! `height` asks for state as of a height, the head if absent; errors `HEIGHT_UNKNOWN`,
//! `HEIGHT_PRUNED`. `proof` adds a bundle as member `proof`. A page holds at most 200 items; its
//! cursor is opaque and goes on at the height of the first page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::vc_verify::as_sent_if_any;
use crate::{AsOf, Object, Refusal, ledger};

pub use crate::vc_verify::VerifyParams;

/// `vc_resolve`. `versionId` and `versionTime` exclude each other: `INVALID_OPTIONS`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveParams {
    /// A DID, or a DID URL of a key (`#k2`), a resource, a list or an entry of a list. The bare
    /// party of a `did:ubin` is allowed.
    pub did: String,
    /// The height of a change of the document, decimal, exact.
    #[serde(default)]
    pub version_id: Option<String>,
    /// The last version with block time ≤ this RFC 3339 time.
    #[serde(default)]
    pub version_time: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `vc-did` as `didResolutionMetadata.ledgerProof`; where the
    /// DID is not found it proves that.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_issuer`: names an issuer by its DID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DidParams {
    /// The DID; the bare party is allowed.
    pub did: String,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state`: party, keys, index, accreditations.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_issuers`: parties that hold accreditations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuersParams {
    /// Only of this state.
    #[serde(default)]
    pub cc: Option<String>,
    /// Only who may issue this credential type now.
    #[serde(default, rename = "type")]
    pub type_name: Option<String>,
    /// Items of a page, at most 200 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of the indexes of the page.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_authorised`: whether an issuer may issue a type for a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorisedParams {
    /// The issuer's DID; the bare party is allowed.
    pub issuer: String,
    /// The credential type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The state of issue.
    pub jurisdiction: String,
    /// When it signed, RFC 3339; the block time of the height read if absent.
    #[serde(default)]
    pub time: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of all entries that were looked at.
    #[serde(default)]
    pub proof: bool,
}

/// Names an accreditation, a resource or an anchor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdParams {
    /// `SG:CUSTOMS/acc/1`, `did:ubin:ASEAN/schema/aeo-authorisation/1`, `SG:CUSTOMS/anchor/7`.
    pub id: String,
    /// State as of this height.
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
    /// Items of a page, at most 200 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of the types of the page.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusParams {
    /// `SG:CUSTOMS/status/3`; `did:ubin:` before it is allowed.
    pub list: String,
    /// The index of the entry.
    pub index: u64,
    /// As of this height; the deltas answer for every height since the list was made.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `vc-status`; of an earlier height it holds the deltas since.
    #[serde(default)]
    pub proof: bool,
}

/// Form of a whole status list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ListFormat {
    /// As a BitstringStatusListCredential holds it: gzip and base64url (`u` first).
    #[default]
    Bitstring,
    /// As a status list token holds it: zlib and base64url. For lists of profile `token` only.
    Token,
    /// The bytes as they stand in state, base64url.
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
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of the list and its chunks.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_statusLists`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusListsParams {
    /// Only this issuer's: its DID, or the bare party.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Items of a page, at most 200 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of the lists of the page.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_recognition`: whether a state recognises an issuer's credentials of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecognitionParams {
    /// The state that is asked.
    pub jurisdiction: String,
    /// The credential type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The issuer's DID; the bare party is allowed.
    pub issuer: String,
    /// When the credential was signed, RFC 3339; the block time of the height read if absent. The
    /// entry must hold then and at that block time.
    #[serde(default)]
    pub time: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of all entries that were looked at.
    #[serde(default)]
    pub proof: bool,
}

/// `gov_recognitions`: entries of the one registry, for credentials and for UBIN schemes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecognitionsParams {
    /// Only declared by this state.
    #[serde(default)]
    pub by: Option<String>,
    /// Only about issuers or schemes of this state.
    #[serde(default)]
    pub of: Option<String>,
    /// `credential` or `ubin`.
    #[serde(default)]
    pub scope: Option<String>,
    /// Items of a page, at most 200 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of the entries of the page.
    #[serde(default)]
    pub proof: bool,
}

/// `vc_bundle`: a trust bundle, or the evidence pack of one credential (vc-api.md A§1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleParams {
    /// Issuers, by DID or as bare parties.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// Credential types; all that the issuers are accredited for if empty.
    #[serde(default)]
    pub types: Vec<String>,
    /// All issuers of these states.
    #[serde(default)]
    pub cc: Vec<String>,
    /// States whose recognition entries are wanted, all of them.
    #[serde(default)]
    pub recognition: Vec<String>,
    /// Whether the issuers' status lists are wanted, whole and with their history (default true).
    #[serde(default)]
    pub lists: Option<bool>,
    /// Anchors that receipts name: by id, or by issuer for all of its.
    #[serde(default)]
    pub anchors: Vec<String>,
    /// State as of this height, of those that the node keeps; the latest that can be proven if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// An evidence pack for this credential or presentation; then only `jurisdiction` and
    /// `receipts` may stand beside it.
    #[serde(default, deserialize_with = "as_sent_if_any")]
    pub credential: Option<serde_json::Value>,
    /// Evidence pack: also what tells whether this state recognises the issuer.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// Evidence pack: anchor receipts to put in.
    #[serde(default)]
    pub receipts: Vec<Object>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The items.
    pub items: Vec<Object>,
    /// Where the next page starts; null on the last page. Opaque.
    pub cursor: Option<String>,
    /// State as of which the page holds.
    pub as_of: AsOf,
    /// The bundle, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Object>,
}

/// What `vc_subscribe` tells of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Topic {
    /// Lists made, entries changed, lodged, used, lists retired.
    Status,
    /// Accreditations, and keys and closure of parties.
    Issuer,
    /// Types, schemas, contexts.
    Resource,
    /// Recognition between states.
    Recognition,
    /// Anchors.
    Anchor,
}

/// Which events of the topics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventFilter {
    /// Only about parties and objects of these states; all if empty.
    #[serde(default)]
    pub cc: Vec<String>,
    /// Only about these parties and their objects, by DID or bare; all if empty.
    #[serde(default)]
    pub issuers: Vec<String>,
}

/// `vc_subscribe`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscribeParams {
    /// All if empty.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// Which of them.
    #[serde(default)]
    pub filter: EventFilter,
    /// Go on after this cursor, `height:index`; from now on if absent.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// One notice of `vc_subscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Resume with this cursor.
    pub cursor: String,
    /// The block of the event.
    pub as_of: AsOf,
    /// Its topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<ledger::Event>,
    /// The transaction of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_id: Option<String>,
    /// Why the subscription ends (`SLOW_CONSUMER`, with the cursor).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
}
