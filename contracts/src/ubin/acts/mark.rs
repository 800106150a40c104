//! `annul` and `duplicate`: marks on a record, without a body (ubin.md §4, §4.2).
//!
//! Invariant: I6 a record marked DUPLICATE points to an unmarked one: a record that others point to
//! takes no mark before they are corrected. A mark never frees the number.

use super::{Quoted, note, put, read_number, read_reason, require, require_reason};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::op::Op;
use crate::ubin::identifier::Ubin;
use crate::ubin::record::{self, Entry, Mark, Record, record_key};

/// `annul {ubin, version, metaSeq, reason}`: registered in error.
pub(super) fn annul(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let quoted = Quoted::read(ctx, &mut m)?;
    let reason = read_reason(&mut m)?;
    m.finish()?;
    require(ctx, op, &[&quoted.known], Rule::R2)?;
    let record = quoted.record(ctx)?;
    let reason = require_reason(reason)?;
    check_unreferenced(&record)?;
    set(ctx, op, &quoted.known.ubin, &record, Mark { canonical: None, reason });
    Ok(())
}

/// `duplicate {ubin, version, metaSeq, canonical, reason}`: another record stands for this one.
pub(super) fn duplicate(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let quoted = Quoted::read(ctx, &mut m)?;
    let canonical = m.text("canonical")?;
    let reason = read_reason(&mut m)?;
    m.finish()?;
    let canonical = read_number(ctx, canonical, "/args/canonical")?.ubin;
    let ubin = &quoted.known.ubin;
    require(ctx, op, &[&quoted.known], Rule::R2)?;
    if canonical.cc != ubin.cc {
        return Err(Reject::new(Code::NotOwner, "/args/canonical", "a number of another state"));
    }
    let record = quoted.record(ctx)?;
    let reason = require_reason(reason)?;
    let invalid = |detail| Err(Reject::new(Code::CanonicalInvalid, "/args/canonical", detail));
    let canonical = match record::find(ctx.state, &canonical) {
        None => return invalid("no such record"),
        Some((found, _)) if found == *ubin => return invalid("the record itself"),
        Some((_, found)) if found.meta.mark.is_some() => return invalid("it is marked itself"),
        Some((found, _)) => found.to_string(),
    };
    check_unreferenced(&record)?;
    set(ctx, op, ubin, &record, Mark { canonical: Some(canonical.clone()), reason });
    count_duplicate(ctx, &canonical, true);
    Ok(())
}

/// I6: no record names this one as the one that stands for it.
fn check_unreferenced(record: &Record) -> Result<(), Reject> {
    if record.duplicates == 0 {
        return Ok(());
    }
    let detail = "other records are marked as duplicates of this one";
    Err(Reject::new(Code::CanonicalInvalid, "/args/ubin", detail))
}

fn set(ctx: &mut Context<'_, '_>, op: &Op, ubin: &Ubin, old: &Record, mark: Mark) {
    let mut record = old.clone();
    record.meta.seq = old.meta.seq.saturating_add(1);
    let state = if mark.canonical.is_some() { "DUPLICATE" } else { "ANNULLED" };
    let facts = [
        ("mark", Value::from(state)),
        ("canonical", Value::from(mark.canonical.as_deref())),
        ("reason", Value::from(mark.reason.name())),
    ];
    if let Some(before) = old.meta.mark.as_ref().and_then(|mark| mark.canonical.as_deref()) {
        count_duplicate(ctx, before, false);
    }
    record.meta.mark = Some(mark);
    put(ctx, ubin, Some((ubin, old)), record.clone());
    note(ctx, &op.name(), ubin, &record, facts);
}

/// Counts a duplicate of the record behind `canonical`, or takes it off.
pub(super) fn count_duplicate(ctx: &mut Context<'_, '_>, canonical: &str, more: bool) {
    let found = Ubin::parse_canonical(canonical).and_then(|ubin| record::find(ctx.state, &ubin));
    if let Some((ubin, mut record)) = found {
        let count = record.duplicates;
        record.duplicates = if more { count.saturating_add(1) } else { count.saturating_sub(1) };
        ctx.state.write(record_key(&ubin), &Entry::Record(Box::new(record)));
    }
}
