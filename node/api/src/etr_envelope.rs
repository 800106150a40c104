//! `etr_envelope*`: sealed contents that a node keeps for the parties to a record. Every call needs a
//! capability about the record, signed by a party to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::etr::Capability;

/// Which envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvelopeName {
    /// The record id.
    pub id: String,
    /// The version of its content.
    pub version: u64,
    /// The number of the envelope, not used twice for the record.
    pub envelope_no: u64,
}

/// `etr_envelopePut`: a part of an envelope, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutParams {
    /// Which envelope.
    pub name: EnvelopeName,
    /// Where the part begins; 0 begins anew.
    pub offset: u64,
    /// Bytes of the whole envelope, at most 8 MiB.
    pub total: u64,
    /// The part, base64url without padding; 512 KiB at most.
    pub bytes: String,
    /// Shows which party puts it.
    pub capability: Capability,
}

/// What became of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PutResult {
    /// Bytes that are there.
    pub received: u64,
    /// Whether the envelope is whole, checked and on disk.
    pub whole: bool,
    /// The states to whose nodes it goes by itself, once it is whole.
    #[serde(default)]
    pub delivers_to: Vec<String>,
    /// Other states of recipients: these must ask this node, for theirs runs none, or the party that
    /// put it is not at home here.
    #[serde(default)]
    pub stays_for: Vec<String>,
}

/// `etr_envelopeGet`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetParams {
    /// Which envelope.
    pub name: EnvelopeName,
    /// From where on.
    #[serde(default)]
    pub offset: u64,
    /// Shows which party asks.
    pub capability: Capability,
}

/// A part of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvelopePart {
    /// At most 512 KiB, base64url without padding.
    pub bytes: String,
    /// Bytes of the whole.
    pub total: u64,
}

/// `etr_envelopes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListParams {
    /// The record id.
    pub id: String,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Shows which party asks.
    pub capability: Capability,
}

/// One envelope that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeHeld {
    /// The version of the content.
    pub version: u64,
    /// The number of the envelope.
    pub envelope_no: u64,
    /// Its size.
    pub bytes: u64,
    /// Keys that open it, `PARTY#kN`.
    pub recipients: Vec<String>,
    /// Whether the party that asks put it.
    #[serde(default)]
    pub own: bool,
    /// To who put it: the states whose nodes have not acknowledged it yet.
    #[serde(default)]
    pub underway: Vec<String>,
}

/// The envelopes of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Envelopes {
    /// By version and number, at most 200. One who is no party any more sees its own, and those
    /// sealed to it.
    pub items: Vec<EnvelopeHeld>,
    /// The cursor of the next page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// `etr_envelopeErase`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EraseParams {
    /// Which envelope.
    pub name: EnvelopeName,
    /// Shows which party asks: the one that put it.
    pub capability: Capability,
}

/// That an envelope is gone from this node; where it went its erasure follows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// True.
    pub erased: bool,
}
