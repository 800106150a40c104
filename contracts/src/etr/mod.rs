//! Electronic transferable records (etr.md).

mod claim;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::transaction::Transaction;

pub use claim::claim;

/// The content hash of a record (`etr/rec/…`), `None` for every other key (etr.md §3.2).
pub fn record_content_hash(_key: &[u8], _content: &[u8]) -> Option<Digest> {
    None
}

/// Runs one ETR transaction: an op, or a staging request.
pub fn apply(_ctx: &mut Context<'_, '_>, tx: &Transaction) -> Result<(), Reject> {
    Err(Reject::new(Code::Malformed, "/act", &format!("unknown act {}", tx.name())))
}
