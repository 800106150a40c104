//! `ubin_changes`, `ubin_subscribe`, `ubin_snapshot`: what changed, and where to start from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AsOf, Object, Refusal};

/// Which events; an empty list asks for nothing. All that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Filter {
    /// States, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Scheme codes, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scheme: Vec<String>,
    /// Acts, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub act: Vec<String>,
    /// Statuses of the record after the event, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Businesses by UBIN, at most 1,000; they are followed to another number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watch: Vec<String>,
}

/// `ubin_changes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangesParams {
    /// What comes after this cursor, `height:index`; all if absent.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Items of a page, 1 to 1,000 (default 100). A page ends early at 4 MiB.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Which events.
    #[serde(default)]
    pub filter: Filter,
    /// Add `lines`: the snapshot lines of the numbers changed, as of the end of the height.
    #[serde(default)]
    pub full: bool,
}

/// A page of the feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The events, in order.
    pub items: Vec<Object>,
    /// Where to go on: the last event, or the end of the last height that was looked at.
    pub cursor: String,
    /// Whether more may follow now.
    pub more: bool,
    /// The head.
    pub as_of: AsOf,
}

/// `ubin_subscribe`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscribeParams {
    /// What comes after this cursor; from now on if absent.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Which events.
    #[serde(default)]
    pub filter: Filter,
    /// Add `lines`.
    #[serde(default)]
    pub full: bool,
}

/// One notice of `ubin_subscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Where this notice stands; resume with it.
    pub cursor: String,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Object>,
    /// The end of the subscription: `SLOW_CONSUMER` or `CURSOR_TOO_OLD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
}

/// `ubin_snapshot`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotParams {
    /// Only that of this height.
    #[serde(default)]
    pub height: Option<u64>,
}

/// The snapshots of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshots {
    /// Their manifests, newest first, each with `path`: where the same port serves the file.
    pub snapshots: Vec<Object>,
}
