//! `convert {ubin, version, metaSeq, reason, body}`: a business changes into one of another kind
//! with a number and entity of its own (ubin.md §4).
//!
//! Invariant: in one transaction the old record is closed CONVERTED and the new one names it as
//! SUCCESSOR_OF.

use super::before::check_succession;
use super::body_write::{self, BodyArguments, NUMBER};
use super::{Quoted, check_new_number, close, require};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::op::Op;
use crate::ubin::body::{Body, body_hash};
use crate::ubin::body_rules;
use crate::ubin::counter;
use crate::ubin::vocabulary::{RelationType, Status};

/// Runs `convert`.
pub(super) fn run(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let args = BodyArguments::read(&mut m)?;
    let quoted = Quoted::read(ctx, &mut m)?;
    m.finish()?;
    let known = super::read_number(ctx, args.number, NUMBER)?;
    let old_number = &quoted.known.ubin;
    if known.ubin.cc != old_number.cc {
        return Err(Reject::new(Code::NotOwner, NUMBER, "a number of another state"));
    }
    let registrar = require(ctx, op, &[&quoted.known, &known], Rule::R2)?;
    let old = quoted.record(ctx)?;
    super::require_reason(args.reason)?;
    if !old.is_live() {
        return Err(Reject::new(Code::BadTransition, "/args/ubin", "the business is not live"));
    }
    let body = Body::read(args.body)?;
    check_succession(&body, None)?;
    check_new_number(ctx, &known, NUMBER)?;
    let warnings = body_rules::judge_in(ctx.state, ctx.time_ms, &body, &known, &args.overrides)?;
    args.check_overrides(&body)?;
    body_write::check_entity(&body, &known.ubin)?;
    check_relation(&body, RelationType::SuccessorOf, &old_number.to_string())?;
    if !body.status.code.is_live() {
        let field = "/args/body/status/code";
        return Err(Reject::new(Code::BadTransition, field, "the successor is live"));
    }
    let number = known.ubin.to_string();
    close(ctx, op, old_number, &old, Status::Converted, &number, body.valid_from);
    counter::event(ctx.state, "ubin_flow", &known.ubin.cc, ctx.time_ms, "converted");
    let signed = (&body, body_hash(args.body));
    let record = body_write::record_of(ctx, &known, &registrar, signed, &warnings, None);
    body_write::store(ctx, &op.name(), &known.ubin, None, record, warnings);
    Ok(())
}

/// The body names `target` in a relation of this kind.
pub(super) fn check_relation(
    body: &Body<'_>,
    kind: RelationType,
    target: &str,
) -> Result<(), Reject> {
    if body.relations.iter().any(|r| r.kind == kind && r.target == target) {
        return Ok(());
    }
    let detail = format!("{} the record before is expected", kind.name());
    Err(Reject::new(Code::Malformed, "/args/body/relations", &detail))
}
