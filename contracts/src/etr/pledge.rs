//! Pledges: `pledge`, `release`, `default_notice`, `enforce` (etr.md §6.4).
//!
//! Invariants: I12 what is pledged is held, and no unit twice; I3 the controller's signature under
//! the pledge is the authority for its enforcement.

use super::act::NewPledge;
use super::condition::{self, Asker};
use super::endorsement;
use super::issue::require_entitled;
use super::kernel::Work;
use super::person::Person;
use super::quantities::{child_of, store_child};
use super::quantity;
use super::record::{Aside, End, Pledge, Record};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;

/// The controller pledges lots that are free; the new pledge ranks last.
pub fn pledge(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    args: &NewPledge,
) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    if condition::read(&args.on, "/args/on")?.is_none() {
        let detail = "a pledge names its default";
        return Err(Reject::new(Code::ConditionInvalid, "/args/on", detail));
    }
    let exceeds = |what| Reject::new(Code::PledgeExceeds, "/args/lots", what);
    let whole = quantity::same(&args.lots, &record.party.lots);
    if !whole && !work.profile.pledge_partial {
        return Err(exceeds("the whole is pledged or nothing"));
    }
    let free = quantity::free(&record.party.lots, &record.party.pledges).unwrap_or_default();
    if quantity::less(&free, &args.lots).is_none() {
        return Err(exceeds("more than is free"));
    }
    if record.party.pledges.len() >= limits::ETR_PLEDGES_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/to", "too many pledges"));
    }
    let mut aside = Aside::load(ctx.state, &record.public.id);
    aside.pledges = aside.pledges.saturating_add(1);
    aside.store(ctx.state, &record.public.id);
    record.party.pledges.push(Pledge {
        no: aside.pledges,
        to: args.to.clone(),
        lots: args.lots.clone(),
        terms: args.terms,
        on: args.on.clone(),
        cure_s: args.cure_s,
        op: work.op.digest,
        notice_ms: None,
    });
    Ok(())
}

fn unknown() -> Reject {
    Reject::new(Code::PledgeUnknown, "/args/no", "")
}

/// The pledgee ends its pledge.
pub fn release(record: &mut Record, no: u64) -> Result<(), Reject> {
    record.pledge(no).ok_or_else(unknown)?;
    record.party.pledges.retain(|pledge| pledge.no != no);
    Ok(())
}

/// The pledgee gives notice of default: the time to cure runs from here.
pub fn default_notice(ctx: &Context<'_, '_>, record: &mut Record, no: u64) -> Result<(), Reject> {
    let pledge = record.party.pledges.iter_mut().find(|pledge| pledge.no == no);
    pledge.ok_or_else(unknown)?.notice_ms = Some(ctx.time_ms);
    Ok(())
}

/// The pledgee, with those who rank before it, moves the pledged lots to a receiver. If that is not
/// the whole record, it is split first and the rest stays with the controller.
pub fn enforce(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    no: u64,
    to: &Person,
    evidence: &[Value],
) -> Result<(), Reject> {
    let pledge = record.pledge(no).cloned();
    if let Some(pledge) = &pledge {
        let asker = Asker { record: &record.public.id, op: pledge.op };
        let unmet = Reject::new(Code::EnforceUnmet, "/args/evidence", "no default");
        let cured_ms = pledge
            .notice_ms
            .map(|notice_ms| notice_ms.saturating_add(pledge.cure_s.saturating_mul(1000)));
        let evidence = condition::gather(ctx, &pledge.on, asker, evidence)?;
        if cured_ms.is_none_or(|cured_ms| ctx.time_ms < cured_ms) {
            return Err(Reject::new(Code::EnforceUnmet, "/args/no", "time to cure is running"));
        }
        condition::settle(ctx, &pledge.on, &evidence, unmet)?;
    }
    let pledge = pledge.ok_or_else(unknown)?;
    let to = to.in_force(ctx.state);
    let rest = quantity::less(&record.party.lots, &pledge.lots).ok_or_else(unknown)?;
    record.party.pledges.retain(|other| other.no != no);
    if rest.is_empty() {
        endorsement::pass(ctx, work, record, "enforce", to);
        return Ok(());
    }
    let mut given = child_of(record, work, 0, pledge.lots);
    given.party.pledges.clear();
    let kept = child_of(record, work, 1, rest);
    endorsement::pass(ctx, work, &mut given, "enforce", to);
    for child in [&given, &kept] {
        store_child(ctx, work, &record.public.id, child);
        record.party.into.push(child.public.id.clone());
    }
    record.party.pledges.clear();
    record.end(End::Split);
    Ok(())
}
