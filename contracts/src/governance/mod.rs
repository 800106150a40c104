//! Governance (ledger.md §8): the register `gov`.
//!
//! Invariant: the own registers of an AMS are written by its root quorum alone, and every act on an
//! entry quotes its version.
//!
//! This release has [`recognition`]. Proposals, votes and the other own registers answer
//! `NOT_BUILT`.

pub mod recognition;

use crate::context::Context;
use crate::error::{Code, Reject};
use crate::op::Op;

/// Runs one governance act.
pub fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    match op.act.as_str() {
        "recognition_declare" => recognition::declare(ctx, op),
        "recognition_suspend" | "recognition_resume" | "recognition_withdraw" => {
            recognition::change(ctx, op)
        }
        _ => Err(Reject::new(
            Code::NotBuilt,
            "/act",
            &format!("{} comes with a later release", op.name()),
        )),
    }
}
