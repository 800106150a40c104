//! `gov_*`: proposals and votes (ledger.md §8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `gov_proposals`: all proposals there ever were, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProposalsParams {
    /// Only in this state: `consultation`, `voting`, `inForce`, `rejected`, `lapsed` or `withdrawn`.
    #[serde(default)]
    pub state: Option<String>,
    /// Only opened by this state.
    #[serde(default)]
    pub author: Option<String>,
    /// Items of a page, at most 200 (default 100).
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of the proposals of the page.
    #[serde(default)]
    pub proof: bool,
}

/// `gov_proposal`: one proposal with its body and votes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProposalParams {
    /// Its number.
    pub no: u64,
    /// State as of this height.
    #[serde(default)]
    pub height: Option<u64>,
    /// Whether to add a bundle of kind `ledger-state` of the proposal, its body and the votes.
    #[serde(default)]
    pub proof: bool,
}
