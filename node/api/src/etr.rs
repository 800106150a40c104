//! `etr_*`: electronic transferable records. The public part of a record needs no account; its
//! party part needs a capability signed by a party to the record, or a token with scope `etr:read`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::json::Value;

use crate::Object;

/// How far `ms` of a capability may be from the node's clock.
pub const CAPABILITY_MS_MAX: u64 = 300_000;

/// A statement by which a party shows that it asks: an Ed25519 signature by one of its active
/// `invoke` keys over the digest of a [`CapabilityText`]. It serves for one method at one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capability {
    /// The party.
    pub party: String,
    /// Its key, `k1`.
    pub key: String,
    /// When it was signed, ms; 300 s old at most.
    pub ms: u64,
    /// The signature, base64url without padding.
    pub sig: String,
}

/// What a capability signs.
#[derive(Clone, Copy, Debug)]
pub struct CapabilityText<'a> {
    /// The chain.
    pub chain: &'a str,
    /// The node that is asked: `node` of `ledger_status`.
    pub node: &'a str,
    /// The method, `etr_get`.
    pub method: &'a str,
    /// The record id; for methods about a party (`etr_list`, `etr_inbox`) the party; for
    /// `etr_lookup` `series/issuer/ref` or `issuer/serial`.
    pub subject: &'a str,
    /// The party.
    pub party: &'a str,
    /// When, ms.
    pub ms: u64,
}

impl CapabilityText<'_> {
    /// H("titian etr capability v1", JCS([chain, node, method, subject, party, ms])).
    pub fn digest(&self) -> Digest {
        let texts = [self.chain, self.node, self.method, self.subject, self.party];
        let mut list: Vec<Value> = texts.into_iter().map(Value::from).collect();
        list.push(self.ms.into());
        hash("titian etr capability v1", &[Value::List(list).to_jcs().as_bytes()])
    }
}

/// `etr_get`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetParams {
    /// The record id.
    pub id: String,
    /// As of this height; the head if absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `etr-status`.
    #[serde(default)]
    pub proof: bool,
    /// Shows that a party to the record asks.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_lookup`: `{series, issuer, ref}` or `{issuer, serial}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookupParams {
    /// The issuer's UBIN.
    pub issuer: String,
    /// The series of the type profile.
    #[serde(default)]
    pub series: Option<String>,
    /// The number.
    #[serde(default, rename = "ref")]
    pub reference: Option<String>,
    /// A paper serial.
    #[serde(default)]
    pub serial: Option<String>,
    /// Whether to add a proof: of absence, of singularity, of what became of a paper.
    #[serde(default)]
    pub proof: bool,
    /// Shows that a party to the record asks; it sees what came of it.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_list`: the records of a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListParams {
    /// The party's UBIN.
    pub party: String,
    /// Only where it is issuer, obligor, controller, receiver, pledgee …
    #[serde(default)]
    pub role: Option<String>,
    /// Only with this status.
    #[serde(default)]
    pub status: Option<String>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Shows that the party asks.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_inbox`: offers, surrenders and presentments that wait for the party's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboxParams {
    /// The party's UBIN.
    pub party: String,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Shows that the party asks.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_prepare`. The node fills in the frame from state; what is given here goes before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrepareParams {
    /// The act.
    pub act: String,
    /// Its arguments.
    pub args: Object,
    /// The record; absent for `issue` (computed) and for party-level acts.
    #[serde(default)]
    pub id: Option<String>,
    /// Digest of the rulebook.
    #[serde(default)]
    pub rulebook: Option<String>,
    /// Place, UN/LOCODE.
    #[serde(default)]
    pub place: Option<String>,
    /// Legal warnings acknowledged.
    #[serde(default)]
    pub ack: Option<Vec<String>>,
    /// 16 random bytes, hex. A client that wants to choose them itself gives them.
    #[serde(default)]
    pub blind: Option<String>,
    /// The acts that follow in the same bundle, 1 to 31; the answer holds all ops.
    #[serde(default)]
    pub bundle_with: Vec<BundledAct>,
    /// Shows that a party to the record asks; without it the answer names no party part.
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// One more act of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundledAct {
    /// The act.
    pub act: String,
    /// Its arguments.
    pub args: Object,
    /// The record; absent for `issue`.
    #[serde(default)]
    pub id: Option<String>,
    /// Legal warnings acknowledged.
    #[serde(default)]
    pub ack: Vec<String>,
}

/// The answer of the holder's challenge for `etr-control`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Challenge {
    /// Who asked for the proof.
    pub audience: String,
    /// 16 bytes or more, hex.
    pub nonce: String,
    /// When it was signed, ms.
    pub ms: u64,
    /// The signature of the controller; of a joint controller as many as it needs.
    pub sigs: Vec<ChallengeSignature>,
}

/// One signature over H("titian etr challenge v1", JCS{audience, chain, head, id, ms, nonce, seq}),
/// see `titian_contracts::etr::challenge_of`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChallengeSignature {
    /// The signing party: the controller, or one of a joint controller.
    pub party: String,
    /// Its key, `k1`.
    pub key: String,
    /// The signature, base64url without padding.
    pub sig: String,
}

/// `etr_prove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProveParams {
    /// `status`, `control`, `absence`, `singularity`, `conversion`, `history`, `signers` or `rules`
    /// (also with `etr-` before it).
    pub kind: String,
    /// The record id (status, control, history, signers, rules; singularity with the lineage of this
    /// record; of a paper's record, to see what it came back as).
    #[serde(default)]
    pub id: Option<String>,
    /// `series/issuer/ref` (absence, singularity without `id`), or `issuer/serial` of a paper
    /// (absence, conversion).
    #[serde(default)]
    pub subject: Option<String>,
    /// As of this height (every kind but absence; signers: the height of the ops); the head if
    /// absent.
    #[serde(default)]
    pub height: Option<u64>,
    /// The controller's answer to a challenge (control).
    #[serde(default)]
    pub challenge: Option<Challenge>,
    /// Shows that a party to the record asks (history, signers, rules; control of an earlier height;
    /// singularity and conversion with `id`).
    #[serde(default)]
    pub capability: Option<Capability>,
}

/// `etr_legalMatrix`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatrixParams {
    /// Only this class of records.
    #[serde(default)]
    pub class: Option<String>,
}
