//! `renumber {ubin, body, …}`: the record goes on under another number of its state (ubin.md §4.1).
//!
//! Invariant: same entity, next version; the old number forwards, and every alias of the record is
//! re-pointed, so that a chain has one hop. `ubin` is the number that ends, `body.ubin` the new one.

use super::alias::forward;
use super::before::{Before, check_change, check_succession};
use super::body_write::{self, BodyAct, BodyArguments, NUMBER};
use super::{check_new_number, current, read_number, require};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::limits;
use crate::op::Op;
use crate::ubin::body::{Body, body_hash};
use crate::ubin::body_rules;
use crate::ubin::identifier::Ubin;

/// Runs `renumber`. What else the version may change is what `update` may.
pub(super) fn run(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let args = BodyArguments::read(&mut m)?;
    let ubin = m.text("ubin")?;
    m.finish()?;
    let old_number = read_number(ctx, ubin, "/args/ubin")?;
    let known = read_number(ctx, args.number, NUMBER)?;
    if known.ubin.cc != old_number.ubin.cc {
        return Err(Reject::new(Code::NotOwner, NUMBER, "a number of another state"));
    }
    let registrar = require(ctx, op, &[&old_number, &known], Rule::R2)?;
    let old = current(ctx, &old_number.ubin, "/args/ubin")?;
    let body = Body::read(args.body)?;
    let previous = Before::of_record(&old);
    check_succession(&body, Some(&previous))?;
    check_new_number(ctx, &known, NUMBER)?;
    let warnings = body_rules::judge_in(ctx.state, ctx.time_ms, &body, &known, &args.overrides)?;
    args.check_overrides(&body)?;
    check_change(&body, &previous, BodyAct::Update)?;
    if old.aliases.len() >= limits::ALIASES_WITH_FORMER_NUMBERS_MAX {
        return Err(Reject::new(Code::AliasLimit, NUMBER, ""));
    }
    let signed = (&body, body_hash(args.body));
    let mut record = body_write::record_of(ctx, &known, &registrar, signed, &warnings, Some(&old));
    super::check_only_life(ctx, &known.ubin, old.is_live(), &record)?;
    record.aliases.push(old_number.ubin.to_string());
    for alias in record.aliases.iter().filter_map(|number| Ubin::parse_canonical(number)) {
        forward(ctx, &alias, &known.ubin, &record);
    }
    let before = (&old_number.ubin, &*old);
    body_write::store(ctx, &op.name(), &known.ubin, Some(before), record, warnings);
    Ok(())
}
