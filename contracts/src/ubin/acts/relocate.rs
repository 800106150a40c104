//! `continue_in {consent, body, …}`: a business goes on in another state (ubin.md §4.3).
//!
//! Invariant: both sides flip in one transaction: the old record is closed RELOCATED, the new one
//! of the same entity begins at version 1, the consent is used. Neither state can act alone.

use super::before::check_succession;
use super::body_write::{self, BodyArguments, NUMBER};
use super::convert::check_relation;
use super::{check_new_number, close, read_number, require};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::op::Op;
use crate::ubin::body::{Body, body_hash};
use crate::ubin::body_rules;
use crate::ubin::consent::{Consent, ConsentKind};
use crate::ubin::counter;
use crate::ubin::succession;
use crate::ubin::vocabulary::{RelationType, Status};

/// Runs `continue_in`; the signers are of the gaining state.
pub(super) fn run(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let args = BodyArguments::read(&mut m)?;
    let id = m.digest("consent")?;
    m.finish()?;
    let known = read_number(ctx, args.number, NUMBER)?;
    let registrar = require(ctx, op, &[&known], Rule::R2)?;
    let refuse = |code, detail| Err(Reject::new(code, "/args/consent", detail));
    let Some(consent) = Consent::load(ctx.state, &id) else {
        return refuse(Code::ConsentMissing, "");
    };
    let (old_number, old) = consent.usable(ctx.state, ctx.time_ms, "/args/consent")?;
    let number = known.ubin.to_string();
    let named = consent.kind == ConsentKind::Relocate
        && consent.to_ams == known.ubin.cc
        && consent.to_scheme == known.ubin.scheme
        && consent.successor.as_ref().is_none_or(|successor| *successor == number);
    if !named {
        return refuse(Code::ConsentMismatch, "it names another change");
    }
    let body = Body::read(args.body)?;
    check_succession(&body, None)?;
    check_new_number(ctx, &known, NUMBER)?;
    let warnings = body_rules::judge_in(ctx.state, ctx.time_ms, &body, &known, &args.overrides)?;
    args.check_overrides(&body)?;
    let bad = |field: &str, detail| Err(Reject::new(Code::BadTransition, field, detail));
    if body.entity != old.entity {
        return bad("/args/body/entity", "the entity goes on");
    }
    if body.status.code != Status::Active {
        return bad("/args/body/status/code", "ACTIVE is expected");
    }
    check_relation(&body, RelationType::RelocatedFrom, &consent.ubin)?;
    close(ctx, op, &old_number, &old, Status::Relocated, &number, body.valid_from);
    super::consent::consume(ctx, &id, &consent);
    succession::relocate(ctx.state, &old.entity, &old_number, &known.ubin);
    let time_ms = ctx.time_ms;
    counter::event(ctx.state, "ubin_flow", &old_number.cc, time_ms, "relocated_out");
    counter::event(ctx.state, "ubin_flow", &known.ubin.cc, time_ms, "relocated_in");
    counter::crossborder(ctx.state, &old_number.cc, &known.ubin.cc, "RELOCATED");
    let signed = (&body, body_hash(args.body));
    let record = body_write::record_of(ctx, &known, &registrar, signed, &warnings, None);
    body_write::store(ctx, &op.name(), &known.ubin, None, record, warnings);
    Ok(())
}
