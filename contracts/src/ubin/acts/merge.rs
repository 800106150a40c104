//! `merge` and `merge_in`: businesses that end in favour of a survivor (ubin.md §4, §4.3).
//!
//! Invariant: all absorbed records are closed MERGED in one transaction, or none. Records of other
//! states only with a consent each that names the survivor.

use super::consent::consume;
use super::{Quoted, close, read_date, read_reason, require, require_reason};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Members;
use crate::limits;
use crate::op::Op;
use crate::ubin::consent::{Consent, ConsentKind};
use crate::ubin::counter;
use crate::ubin::identifier::Ubin;
use crate::ubin::record::{self, Entry, Record};
use crate::ubin::vocabulary::Status;

/// `merge {ubin, version, metaSeq, reason, date, absorbed: [{ubin, version, metaSeq}]}`; `ubin` is
/// the survivor.
pub(super) fn merge(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let survivor = Quoted::read(ctx, &mut m)?;
    let (date, reason) = (read_date(ctx, &mut m, "date")?, read_reason(&mut m)?);
    let absorbed = read_absorbed(ctx, &mut m)?;
    m.finish()?;
    if absorbed.iter().any(|other| other.known.ubin.cc != survivor.known.ubin.cc) {
        return Err(Reject::new(Code::NotOwner, "/args/absorbed", "a record of another state"));
    }
    let numbers: Vec<_> = absorbed.iter().chain([&survivor]).map(|q| &q.known).collect();
    require(ctx, op, &numbers, Rule::R2)?;
    check_survivor(ctx, &survivor)?;
    if absorbed.iter().any(|other| other.known.ubin == survivor.known.ubin) {
        let detail = "the survivor is not absorbed";
        return Err(Reject::new(Code::SurvivorInvalid, "/args/absorbed", detail));
    }
    require_reason(reason)?;
    let mut records = Vec::new();
    for other in &absorbed {
        let record = other.record(ctx)?;
        if !record.is_live() {
            let field = format!("{}/ubin", other.path);
            return Err(Reject::new(Code::BadTransition, &field, "the business is not live"));
        }
        records.push((&other.known.ubin, record));
    }
    for (ubin, record) in records {
        absorb(ctx, op, ubin, &record, &survivor.known.ubin, date);
    }
    Ok(())
}

/// `merge_in {ubin, version, metaSeq, reason, date, consents: [id]}`; `ubin` is the survivor, the
/// signers are of its state.
pub(super) fn merge_in(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let survivor = Quoted::read(ctx, &mut m)?;
    let (date, reason) = (read_date(ctx, &mut m, "date")?, read_reason(&mut m)?);
    let ids = read_consents(&mut m)?;
    m.finish()?;
    let number = &survivor.known.ubin;
    require(ctx, op, &[&survivor.known], Rule::R2)?;
    check_survivor(ctx, &survivor)?;
    require_reason(reason)?;
    let mut absorbed: Vec<(Ubin, Record, Digest, Consent)> = Vec::new();
    for (i, id) in ids.iter().enumerate() {
        let field = format!("/args/consents/{i}");
        let Some(consent) = Consent::load(ctx.state, id) else {
            return Err(Reject::new(Code::ConsentMissing, &field, ""));
        };
        let (ubin, record) = consent.usable(ctx.state, ctx.time_ms, &field)?;
        let survivor_named = consent
            .successor
            .as_deref()
            .and_then(Ubin::parse_canonical)
            .and_then(|named| record::find(ctx.state, &named))
            .is_some_and(|(named, _)| named == *number);
        if consent.kind != ConsentKind::Merge || !survivor_named {
            return Err(Reject::new(Code::ConsentMismatch, &field, "it names another change"));
        }
        if absorbed.iter().any(|(other, ..)| *other == ubin) {
            return Err(Reject::new(Code::Malformed, &field, "a record stands twice"));
        }
        absorbed.push((ubin, record, *id, consent));
    }
    for (ubin, record, id, consent) in absorbed {
        absorb(ctx, op, &ubin, &record, number, date);
        consume(ctx, &id, &consent);
        counter::crossborder(ctx.state, &ubin.cc, &number.cc, "MERGED");
    }
    Ok(())
}

fn read_absorbed(ctx: &Context<'_, '_>, m: &mut Members<'_>) -> Result<Vec<Quoted>, Reject> {
    let items = m.list("absorbed")?;
    check_count(items.len(), "/args/absorbed")?;
    let mut absorbed: Vec<Quoted> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let mut members = Members::of(item, &format!("/args/absorbed/{i}"))?;
        let quoted = Quoted::read(ctx, &mut members)?;
        members.finish()?;
        if absorbed.iter().any(|other| other.known.ubin == quoted.known.ubin) {
            return Err(Reject::new(Code::Malformed, &quoted.path, "a record stands twice"));
        }
        absorbed.push(quoted);
    }
    Ok(absorbed)
}

fn read_consents(m: &mut Members<'_>) -> Result<Vec<Digest>, Reject> {
    let items = m.texts("consents")?;
    check_count(items.len(), "/args/consents")?;
    let mut ids: Vec<Digest> = Vec::new();
    for text in items {
        let id = Digest::parse(text)
            .filter(|id| !ids.contains(id))
            .ok_or_else(|| m.malformed("consents", "b3: digests, each once"))?;
        ids.push(id);
    }
    Ok(ids)
}

fn check_count(count: usize, field: &str) -> Result<(), Reject> {
    match count {
        0 => Err(Reject::new(Code::Malformed, field, "name at least one")),
        1..=limits::MERGER_ABSORBED_MAX => Ok(()),
        _ => Err(Reject::new(Code::FieldLimit, field, "at most 16")),
    }
}

/// A live record, as quoted, that is not absorbed itself: `SURVIVOR_INVALID`.
fn check_survivor(ctx: &Context<'_, '_>, survivor: &Quoted) -> Result<(), Reject> {
    let invalid = |detail| Err(Reject::new(Code::SurvivorInvalid, "/args/ubin", detail));
    match record::entry(ctx.state, &survivor.known.ubin) {
        Some(Entry::Record(record)) if record.is_live() => {}
        Some(Entry::Record(_)) => return invalid("the survivor is not live"),
        _ => return invalid("no such record"),
    }
    survivor.record(ctx).map(|_| ())
}

fn absorb(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    ubin: &Ubin,
    record: &Record,
    survivor: &Ubin,
    date: &str,
) {
    close(ctx, op, ubin, record, Status::Merged, &survivor.to_string(), date);
    counter::event(ctx.state, "ubin_flow", &ubin.cc, ctx.time_ms, "merged");
}
