//! `consent_out` and `consent_withdraw`: the losing state's half of a move across a border
//! (ubin.md §4.3).
//!
//! Invariant: one consent per record can be used at a time. A consent changes nothing on a record.

use super::{current, read_number, require};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::ubin::consent::{Consent, ConsentKind, ConsentState, consent_key, newest_key};
use crate::ubin::scheme;
use crate::ubin::vocabulary::SchemeUse;

/// `consent_out {kind, ubin, version, toAms, toScheme, successorUbin?, expiresMs}`.
pub(super) fn open(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let consent = read(ctx, &mut m)?;
    m.finish()?;
    let known = read_number(ctx, &consent.ubin, "/args/ubin")?;
    require(ctx, op, &[&known], Rule::R2)?;
    let record = current(ctx, &known.ubin, "/args/ubin")?;
    if record.version != consent.version {
        return Err(Reject::new(Code::VersionConflict, "/args/version", ""));
    }
    if !record.is_live() {
        return Err(Reject::new(Code::BadTransition, "/args/ubin", "the business is not live"));
    }
    check_target(ctx, &consent, &known.ubin.cc)?;
    let lives = (ctx.time_ms.saturating_add(limits::CONSENT_OUT_MS_MIN))
        ..=(ctx.time_ms.saturating_add(limits::CONSENT_OUT_MS_MAX));
    if !lives.contains(&consent.expires_ms) {
        let detail = "1 to 180 days from the block";
        return Err(Reject::new(Code::LimitExceeded, "/args/expiresMs", detail));
    }
    let newest: Option<Digest> = ctx.state.read(&newest_key(&known.ubin));
    let live = newest
        .and_then(|id| Consent::load(ctx.state, &id))
        .is_some_and(|open| open.usable(ctx.state, ctx.time_ms, "").is_ok());
    if live || ctx.state.holds(&consent_key(&op.digest)) {
        return Err(Reject::new(Code::ConsentExists, "/args/ubin", ""));
    }
    ctx.state.write(consent_key(&op.digest), &consent);
    ctx.state.write(newest_key(&known.ubin), &op.digest);
    note(ctx, op, &op.digest, &consent);
    Ok(())
}

/// `consent_withdraw {id}`: before it is used.
pub(super) fn withdraw(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let id = m.digest("id")?;
    m.finish()?;
    let mut consent = Consent::load(ctx.state, &id)
        .ok_or_else(|| Reject::new(Code::ConsentMissing, "/args/id", ""))?;
    let known = read_number(ctx, &consent.ubin, "/args/id")?;
    require(ctx, op, &[&known], Rule::R1)?;
    consent.usable(ctx.state, ctx.time_ms, "/args/id")?;
    consent.state = ConsentState::Withdrawn;
    ctx.state.write(consent_key(&id), &consent);
    note(ctx, op, &id, &consent);
    Ok(())
}

fn read(ctx: &Context<'_, '_>, m: &mut Members<'_>) -> Result<Consent, Reject> {
    let kind = ConsentKind::parse(m.text("kind")?)
        .ok_or_else(|| m.malformed("kind", "RELOCATE or MERGE"))?;
    let consent = Consent {
        kind,
        ubin: m.text("ubin")?.to_owned(),
        version: m.uint("version")?,
        to_ams: m.text("toAms")?.to_owned(),
        to_scheme: m.text("toScheme")?.to_owned(),
        successor: m.optional_text("successorUbin")?.map(str::to_owned),
        opened_ms: ctx.time_ms,
        expires_ms: m.uint("expiresMs")?,
        state: ConsentState::Open,
    };
    if kind == ConsentKind::Merge && consent.successor.is_none() {
        return Err(m.malformed("successorUbin", "a merger names the survivor"));
    }
    Ok(consent)
}

/// The gaining state and scheme exist; a successor that is named is a number of both.
fn check_target(ctx: &Context<'_, '_>, consent: &Consent, cc: &str) -> Result<(), Reject> {
    if consent.to_ams == cc {
        let detail = "another state is expected";
        return Err(Reject::new(Code::Malformed, "/args/toAms", detail));
    }
    let index = scheme::country(ctx.state, &consent.to_ams)
        .ok_or_else(|| Reject::new(Code::UbinCountryUnknown, "/args/toAms", ""))?;
    let scheme = index
        .find(&consent.to_scheme)
        .and_then(|scheme| scheme.load(ctx.state, &consent.to_ams, ctx.time_ms))
        .ok_or_else(|| Reject::new(Code::UbinSchemeUnknown, "/args/toScheme", ""))?;
    if scheme.entry.usage != SchemeUse::Primary {
        return Err(Reject::new(Code::SchemeNotPrimary, "/args/toScheme", ""));
    }
    let Some(successor) = &consent.successor else { return Ok(()) };
    let number = read_number(ctx, successor, "/args/successorUbin")?.ubin;
    if number.cc == consent.to_ams && number.scheme == consent.to_scheme {
        return Ok(());
    }
    let detail = "not a number of toAms and toScheme";
    Err(Reject::new(Code::Malformed, "/args/successorUbin", detail))
}

/// Marks a consent as used.
pub(super) fn consume(ctx: &mut Context<'_, '_>, id: &Digest, consent: &Consent) {
    let used = Consent { state: ConsentState::Used, ..consent.clone() };
    ctx.state.write(consent_key(id), &used);
}

fn note(ctx: &mut Context<'_, '_>, op: &Op, id: &Digest, consent: &Consent) {
    let data = [
        ("id", Value::from(*id)),
        ("kind", Value::from(consent.kind.name())),
        ("ubin", Value::from(consent.ubin.as_str())),
        ("version", Value::from(consent.version)),
        ("toAms", Value::from(consent.to_ams.as_str())),
        ("expiresMs", Value::from(consent.expires_ms)),
    ];
    ctx.emit(&op.name(), &consent.ubin, data);
}
