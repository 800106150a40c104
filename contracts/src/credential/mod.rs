//! Credential register (vc.md §5).

mod claim;

use crate::context::Context;
use crate::error::{Code, Reject};
use crate::op::Op;

pub use claim::claim;

/// Runs one credential act.
pub fn apply(_ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    Err(Reject::new(Code::Malformed, "/act", &format!("unknown act {}", op.act)))
}
