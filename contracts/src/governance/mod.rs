//! Governance (ledger.md §8): the register `gov`.
//!
//! Invariant: the own registers of an AMS are written by its root quorum alone, and every act on an
//! entry quotes its version; what belongs to all changes by a proposal that more than two thirds of
//! the states vote for.
//!
//! - [`recognition`]: what states recognise of each other; legal effects, regimes, rulebooks and court
//!   policies are acts of `gov` too, in `etr/law_acts.rs`;
//! - [`proposal`], `proposal_acts`: proposals and votes; `effect`: what an accepted one writes;
//!   [`parameter`]: numbers of the network.
//!
//! Kinds of proposals and acts that this release lacks answer `NOT_BUILT`.

mod effect;
pub mod parameter;
pub mod proposal;
mod proposal_acts;
pub mod recognition;

use crate::context::Context;
use crate::error::{Code, Reject};
use crate::op::Op;

/// Runs one governance act.
pub fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    match op.act.as_str() {
        "proposal_open" => proposal_acts::open(ctx, op),
        "proposal_vote" => proposal_acts::vote(ctx, op),
        "proposal_withdraw" => proposal_acts::withdraw(ctx, op),
        "recognition_declare" => recognition::declare(ctx, op),
        "recognition_suspend" | "recognition_resume" | "recognition_withdraw" => {
            recognition::change(ctx, op)
        }
        _ => Err(Reject::new(
            Code::NotBuilt,
            "/act",
            "this act of governance comes with a later release",
        )),
    }
}
