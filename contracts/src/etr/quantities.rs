//! Making records of records: `split`, `merge`, `deliver_part` (etr.md §6.3).
//!
//! Invariant I9: split and merge are neutral, to the unit; I1 a child descends from parents that
//! are dead.

use super::act::{Merge, Part};
use super::fields::{self, Binding};
use super::issue::require_entitled;
use super::kernel::{self, Work};
use super::record::{Aside, End, Lot, Pending, Pledge, Record, Status};
use super::{content, court, quantity};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::limits;

/// A record made of `parent` by the op of `work`: the same but for its id, chain and lineage.
pub fn child_of(parent: &Record, work: &Work<'_>, index: u64, lots: Vec<Lot>) -> Record {
    let mut child = parent.clone();
    child.public.id = content::child_id(work.op.digest, index);
    child.public.status = Status::Active;
    child.public.end = None;
    child.public.seq = 1;
    child.public.head = content::next_head(work.request.head, work.op.digest);
    child.party.lots = lots;
    child.party.pending = None;
    child.party.from = vec![parent.public.id.clone()];
    child.party.into = Vec::new();
    child.party.endorsements = 0;
    child.party.blind.clone_from(&work.request.blind);
    child
}

/// Writes a child with what stands beside it.
pub fn store_child(ctx: &mut Context<'_, '_>, work: &Work<'_>, parent: &str, child: &Record) {
    let aside = Aside { notes: 0, parted: true, ..Aside::load(ctx.state, parent) };
    aside.store(ctx.state, &child.public.id);
    kernel::store(ctx, &work.op.act, None, child);
}

/// Makes several records of one.
pub fn split(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    parts: &[Part],
) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    let mismatch = |what| Reject::new(Code::QuantityMismatch, "/args/parts", what);
    let lots: Vec<&[Lot]> = parts.iter().map(|part| part.lots.as_slice()).collect();
    if !quantity::sums_to(&lots, &record.party.lots) {
        return Err(mismatch("the parts do not add up to the whole"));
    }
    let mut children = Vec::new();
    for (index, part) in (0_u64..).zip(parts) {
        let mut child = child_of(record, work, index, part.lots.clone());
        child.party.pledges =
            pledges_of(record, part).ok_or_else(|| mismatch("pledges of a part do not fit it"))?;
        children.push(child);
    }
    for pledge in &record.party.pledges {
        let of_pledge = |part: &Part| {
            part.pledges.iter().find(|(no, _)| *no == pledge.no).map(|(_, lots)| lots.clone())
        };
        let shares: Vec<Vec<Lot>> = parts.iter().filter_map(of_pledge).collect();
        let shares: Vec<&[Lot]> = shares.iter().map(Vec::as_slice).collect();
        if !quantity::sums_to(&shares, &pledge.lots) {
            return Err(mismatch("the shares of a pledge do not add up"));
        }
    }
    for child in &children {
        store_child(ctx, work, &record.public.id, child);
        record.party.into.push(child.public.id.clone());
    }
    record.party.pledges.clear();
    record.end(End::Split);
    Ok(())
}

/// The pledges of one part: each number once, known, all together within the part's lots.
fn pledges_of(parent: &Record, part: &Part) -> Option<Vec<Pledge>> {
    let mut pledges: Vec<Pledge> = Vec::new();
    for (no, lots) in &part.pledges {
        let whole = parent.pledge(*no)?;
        if pledges.iter().any(|pledge| pledge.no == *no) {
            return None;
        }
        pledges.push(Pledge { lots: lots.clone(), ..whole.clone() });
    }
    pledges.sort_by_key(|pledge| pledge.no);
    quantity::free(&part.lots, &pledges)?;
    Some(pledges)
}

/// Makes one record of several that are equal in all but quantity.
pub fn merge(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    args: &Merge,
) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    let mismatch = |what| Reject::new(Code::MergeMismatch, "/args/with", what);
    let mut others = Vec::new();
    for (id, _, _) in &args.with {
        let repeated = *id == record.public.id
            || others.iter().any(|(before, _): &(Record, Record)| before.public.id == *id);
        let before = Record::load(ctx.state, id).filter(|_| !repeated);
        let before = before.ok_or_else(|| mismatch("a record stands twice"))?;
        let mut other = before.clone();
        let deadline = other.party.pending.as_ref().map(Pending::deadline_ms);
        if deadline.is_some_and(|deadline_ms| deadline_ms < ctx.time_ms) {
            kernel::let_pass(ctx, &mut other);
        }
        if !fits(ctx, work, record, &other) {
            return Err(mismatch("the records differ, or one is encumbered"));
        }
        others.push((before, other));
    }
    if is_encumbered(ctx, record) {
        return Err(mismatch("the record is encumbered"));
    }
    let mut all: Vec<&[Lot]> = vec![&record.party.lots];
    all.extend(others.iter().map(|(_, other)| other.party.lots.as_slice()));
    let lots = quantity::add(&all).ok_or_else(|| mismatch("lots of one code differ"))?;
    if lots.len() > limits::ETR_LOTS_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/with", "too many lots"));
    }
    let mut child = child_of(record, work, 0, lots);
    merge_content(work, record, &others, args, &mut child)?;
    for (_, other) in &others {
        child.party.from.push(other.public.id.clone());
        child.public.generation = child.public.generation.max(other.public.generation);
    }
    store_child(ctx, work, &record.public.id, &child);
    record.party.into.push(child.public.id.clone());
    record.end(End::Merged);
    for (before, mut other) in others {
        other.party.into.push(child.public.id.clone());
        other.end(End::Merged);
        kernel::finish(ctx, work, Some(&before), other);
    }
    Ok(())
}

fn is_encumbered(ctx: &Context<'_, '_>, record: &Record) -> bool {
    !record.party.pledges.is_empty()
        || record.public.frozen.is_some()
        || court::notice_stands(ctx, record)
}

/// Whether another record may be merged with this one: active, not encumbered, equal in profile,
/// regime, obligor, controller and title, and as alike as the profile asks.
fn fits(ctx: &Context<'_, '_>, work: &Work<'_>, record: &Record, other: &Record) -> bool {
    let (a, b) = (&record.party, &other.party);
    let same_party = |a: &str, b: &str| {
        super::person::identity(ctx.state, a) == super::person::identity(ctx.state, b)
    };
    let same_holder =
        |a: &Option<super::person::Person>, b: &Option<super::person::Person>| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => a.same(b, ctx.state),
            _ => false,
        };
    let alike = match work.profile.merge.as_str() {
        "same_root" => a.root == b.root && record.public.content_root == other.public.content_root,
        _ => same_party(&a.issuer, &b.issuer),
    };
    other.public.status == Status::Active
        && !is_encumbered(ctx, other)
        && record.public.profile == other.public.profile
        && record.public.regime == other.public.regime
        && same_party(&a.obligor, &b.obligor)
        && a.controller.same(&b.controller, ctx.state)
        && a.title.kind == b.title.kind
        && a.title.capacity == b.title.capacity
        && same_holder(&a.title.party, &b.title.party)
        && same_holder(&a.title.principal, &b.title.principal)
        && alike
}

/// Equal contents stay; unequal ones come as new leaves, checked as at issue.
fn merge_content(
    work: &Work<'_>,
    record: &Record,
    others: &[(Record, Record)],
    args: &Merge,
    child: &mut Record,
) -> Result<(), Reject> {
    let equal =
        others.iter().all(|(_, other)| other.public.content_root == record.public.content_root);
    let mismatch = |what| Err(Reject::new(Code::ContentMismatch, "/args/leaves", what));
    match (&args.content, equal) {
        (None, true) => {
            // the version under which each field's leaf was made must stay within reach
            let versions = others.iter().map(|(_, other)| other.public.content_version);
            child.public.content_version =
                versions.max().unwrap_or(1).max(record.public.content_version);
            Ok(())
        }
        (Some(_), true) => mismatch("equal contents stay as they are"),
        (None, false) => mismatch("unequal contents need new leaves"),
        (Some((leaves, open)), false) => {
            fields::check_required(work.profile, leaves)?;
            fields::check_shape(work.profile, leaves)?;
            let binding = Binding {
                reference: &record.party.reference,
                lots: &child.party.lots,
                due_ms: None,
            };
            fields::check_open(work.profile, leaves, open, binding, |_| 1..=1)?;
            child.public.content_root = fields::root(leaves);
            child.public.content_version = 1;
            Ok(())
        }
    }
}

/// The obligor hands out a part; some of the record stays.
pub fn deliver_part(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    lots: &[Lot],
) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    let rest = quantity::less(&record.party.lots, lots).filter(|rest| !rest.is_empty());
    let mismatch = || Reject::new(Code::QuantityMismatch, "/args/lots", "");
    record.party.lots = rest.ok_or_else(mismatch)?;
    quantity::cut_pledges(&record.party.lots, &mut record.party.pledges);
    mark_parted(ctx, record);
    Ok(())
}

/// Notes that a record is not what was issued any more.
pub fn mark_parted(ctx: &mut Context<'_, '_>, record: &Record) {
    let mut aside = Aside::load(ctx.state, &record.public.id);
    if !aside.parted {
        aside.parted = true;
        aside.store(ctx.state, &record.public.id);
    }
}
