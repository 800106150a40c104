//! The members of an act on a record that other acts have not: acknowledgements, place, rulebook.

use serde_json::json;
use titian_contracts::access::is_state_code;

/// Members of an etr op besides the common ones.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct FrameArgs {
    /// Legal warning that is acknowledged, for example TH:unknown; repeat it for each
    #[arg(long, value_name = "CC:VERDICT", help_heading = "Record")]
    pub(crate) ack: Vec<String>,
    /// Acknowledge every legal warning that the ledger finds, after showing it
    #[arg(long, conflicts_with = "ack", help_heading = "Record")]
    pub(crate) ack_all: bool,
    /// Place of the act, UN/LOCODE [default: the main port or capital of the signer's state]
    #[arg(long, value_name = "LOCODE", env = "TITIAN_PLACE", help_heading = "Record")]
    pub(crate) place: Option<String>,
    /// Digest of the rulebook [default: the one in force]
    #[arg(long, value_name = "DIGEST", help_heading = "Record")]
    pub(crate) rulebook: Option<String>,
    /// Keep the op on the ledger until the others have signed
    #[arg(long, help_heading = "Record")]
    pub(crate) stage: bool,
}

/// Whether an op has the acknowledgements, the place and the rulebook (if one is named) that were
/// asked for: each is signed, and what a node adds to them would be too.
pub(crate) fn is_framed(
    op: &titian_api::Object,
    ack: &[String],
    place: &str,
    rulebook: Option<&str>,
) -> bool {
    let is = |name: &str, wanted: serde_json::Value| op.get(name) == Some(&wanted);
    is("ack", json!(ack))
        && is("place", json!(place))
        && rulebook.is_none_or(|rulebook| is("rulebook", json!(rulebook)))
}

/// Those of the warnings that are verdicts of law: `CC:verdict`.
pub(crate) fn legal_warnings(warnings: &[String]) -> Vec<String> {
    let is_verdict = |text: &&String| {
        let parts = text.split_once(':');
        parts.is_some_and(|(cc, verdict)| is_state_code(cc) && !verdict.is_empty())
    };
    warnings.iter().filter(is_verdict).cloned().collect()
}

/// Main port or capital of a party's state, UN/LOCODE.
pub(crate) fn default_place(party: &str) -> &'static str {
    match party.get(..2).unwrap_or_default() {
        "BN" => "BNBWN",
        "ID" => "IDJKT",
        "KH" => "KHPNH",
        "LA" => "LAVTE",
        "MM" => "MMRGN",
        "MY" => "MYPKG",
        "PH" => "PHMNL",
        "TH" => "THBKK",
        "TL" => "TLDIL",
        "VN" => "VNSGN",
        _ => "SGSIN",
    }
}

/// The texts in order, each once.
pub(super) fn sorted(items: &[String]) -> Vec<String> {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    items
}
