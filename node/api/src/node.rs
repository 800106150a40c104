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

/// `node_backup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupParams {
    /// Ask how this one stands; without it, one is begun.
    #[serde(default)]
    pub name: Option<String>,
}

/// How a backup stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Its name: when it was begun, `20261128T053000Z`.
    pub name: String,
    /// Whether it is on disk; if not, it is being made.
    pub done: bool,
    /// Its folder on the node's machine, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The height that it has at least, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Names of earlier backups that were removed.
    #[serde(default)]
    pub removed: Vec<String>,
    /// Names of earlier backups that lost what can be erased: they are older than 30 days.
    #[serde(default)]
    pub expired: Vec<String>,
}
