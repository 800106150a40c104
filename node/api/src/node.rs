//! `node_*`: for the operator only; loopback and token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger;

/// The state of a node, for its operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// What everybody may see.
    pub public: ledger::Status,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Where its data lie.
    pub data_dir: String,
    /// Open RPC connections.
    pub connections: u64,
    /// Open subscriptions.
    pub subscriptions: u64,
    /// The sealed contents of records.
    pub envelopes: EnvelopeStatus,
}

/// The sealed contents that a node keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeStatus {
    /// How many.
    pub kept: u64,
    /// Their bytes, with what is coming.
    pub bytes: u64,
    /// Deliveries and erasures that wait for other nodes.
    pub queued: u64,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Its libp2p id.
    pub id: String,
    /// Its AMS, if it is a validator.
    pub ams: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Whether a connection is open.
    pub connected: bool,
}

/// The peers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peers {
    /// The peers, by id.
    pub peers: Vec<Peer>,
}

/// `node_logLevel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogLevelParams {
    /// A filter such as `info,titian_node::rpc=debug`.
    pub filter: String,
}

/// The filter now in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogLevel {
    /// The filter.
    pub filter: String,
}
