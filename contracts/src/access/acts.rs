//! Entrance of the access acts.

use crate::context::Context;
use crate::error::{Code, Reject};
use crate::op::Op;

/// Runs one access act.
pub fn apply(_ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    Err(Reject::new(Code::Malformed, "/act", &format!("unknown act {}", op.act)))
}
