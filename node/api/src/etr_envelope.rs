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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PutResult {
    /// Bytes that are there.
    pub received: u64,
    /// Whether the envelope is whole, checked and on disk.
    pub whole: bool,
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
}

/// The envelopes of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Envelopes {
    /// By version and number, at most 64.
    pub items: Vec<EnvelopeHeld>,
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

/// That an envelope is gone from this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// True.
    pub erased: bool,
}
