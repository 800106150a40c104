//! `etr_*` reads beside a record itself: staged ops, history, consents, law, events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::etr::Capability;
use crate::{AsOf, Object};

/// `etr_endorsements`: pages of at most 200 entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndorsementsParams {
    /// The record id.
    pub id: String,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Shows that a party to the record asks.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_consents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartyParams {
    /// The party's UBIN.
    pub party: String,
    /// Shows that the party asks.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_staged`: of a record, or of a party.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StagedParams {
    /// The record id.
    #[serde(default)]
    pub id: Option<String>,
    /// The party's UBIN: ops that name it or that are about its records.
    #[serde(default)]
    pub party: Option<String>,
    /// Shows who asks: about `id`, or about `party`. A party that is concerned sees the ops.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// A staged op.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StagedOp {
    /// The record.
    pub id: String,
    /// What signers sign.
    pub op_digest: String,
    /// Letters of the roles that lack signatures.
    pub missing: Vec<String>,
    /// Until when it may be completed, ms.
    pub until_ms: u64,
    /// Whether it is part of a bundle.
    pub bundled: bool,
    /// The op with the signatures so far; for those it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<Object>,
}

/// The answer of `etr_staged`: at most 200.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Staged {
    /// The ops.
    pub items: Vec<StagedOp>,
    /// State as of which it holds.
    pub as_of: AsOf,
}

/// `etr_history`: pages of at most 200 ops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HistoryParams {
    /// The record id.
    pub id: String,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Shows that a party to the record asks; others see digests.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_challenge`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChallengeParams {
    /// The record id.
    pub id: String,
    /// Who asks for the proof, 1 to 256 bytes.
    pub audience: String,
}

/// What a controller signs: H("titian etr challenge v1", JCS of all members but `digest`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeText {
    /// The chain.
    pub chain: String,
    /// The record.
    pub id: String,
    /// Its seq.
    pub seq: u64,
    /// Its head.
    pub head: String,
    /// Who asks.
    pub audience: String,
    /// 16 random bytes, hex. A verifier that does not trust this node makes its own.
    pub nonce: String,
    /// Now, ms.
    pub ms: u64,
    /// The digest of these members; a client rebuilds it.
    pub digest: String,
}

/// `etr_profile`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileParams {
    /// Its id.
    pub id: String,
    /// The version; if absent the highest of which records may be issued.
    #[serde(default)]
    pub version: Option<u64>,
}

/// `etr_legalEffect`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalEffectParams {
    /// The state, CC.
    pub ams: String,
    /// The class of records.
    pub class: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
}

/// `etr_courtPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CourtPolicyParams {
    /// The state, CC.
    pub ams: String,
}

/// `etr_subscribe`: events `etr.<act>` of a record, or of the records of a party.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscribeParams {
    /// The record id.
    #[serde(default)]
    pub id: Option<String>,
    /// The party's UBIN.
    #[serde(default)]
    pub party: Option<String>,
    /// `height:index` of the last event that was handled; from now on if absent.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Shows that the party asks.
    #[serde(default)]
    pub capability: Option<Capability>,
}
