//! Moving control by offer and answer: `offer`, `accept`, `withdraw`, `expire` (etr.md §6.1, §6.2).
//!
//! Invariants: I3 and I4 control moves only by an offer that the controller signed and the receiver
//! accepted; I10 an endorsement is by whom the one before endorsed to, or that one was blank.

use super::issue::is_entitled;
use super::kernel::{Endorsement, Work, check_deadline, clear_pending};
use super::person::Person;
use super::profile::Mode;
use super::record::{Capacity, Endorse, Pending, Record, Status, Title, TitleKind};
use super::request::Offer;
use super::{condition, keys};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;

/// Offers control to another person, with or without endorsement.
pub fn offer(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    offer: &Offer,
) -> Result<(), Reject> {
    if offer.endorse.is_some() && !is_entitled(ctx, work.profile, record) {
        return Err(Reject::new(Code::NotEntitled, "/args/endorse", ""));
    }
    check_deadline(ctx.time_ms, offer.deadline_ms, work.profile.offer)?;
    condition::read(&offer.conditions)?;
    if !mode_allows(ctx, work.profile.mode, record, &offer.to) {
        return Err(Reject::new(Code::TransferForbidden, "/args/to", ""));
    }
    if offer.to.same(&record.party.controller, ctx.state) {
        return Err(Reject::new(Code::SelfTransfer, "/args/to", ""));
    }
    check_endorsement(ctx, work, record, offer)?;
    record.public.status = Status::Offered;
    record.party.pending = Some(Pending::Offer {
        to: offer.to.in_force(ctx.state),
        endorse: offer.endorse,
        without_recourse: offer.without_recourse,
        conditions: offer.conditions.clone(),
        irrevocable: offer.irrevocable,
        deadline_ms: offer.deadline_ms,
        op: work.op.digest,
    });
    Ok(())
}

fn mode_allows(ctx: &Context<'_, '_>, mode: Mode, record: &Record, to: &Person) -> bool {
    match mode {
        Mode::Negotiable => true,
        // from the first controller to the named consignee, then only surrender
        Mode::NamedOnce => record.party.title.party.as_ref().is_some_and(|named| {
            named.same(to, ctx.state) && !named.same(&record.party.controller, ctx.state)
        }),
        Mode::RightOfControl | Mode::None => false,
    }
}

fn check_endorsement(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
    offer: &Offer,
) -> Result<(), Reject> {
    let forbidden = |what| Err(Reject::new(Code::EndorsementForbidden, "/args/endorse", what));
    let free =
        matches!(offer.endorse, Some(Endorse::Special | Endorse::Blank | Endorse::Restrictive));
    if offer.without_recourse && !(free && work.profile.without_recourse) {
        return forbidden("recourse may not be excluded here");
    }
    let Some(kind) = offer.endorse else { return Ok(()) };
    let title = &record.party.title;
    if !work.profile.endorse.iter().any(|allowed| allowed == kind.text()) {
        return forbidden("the profile does not allow this kind");
    }
    let back = kind == Endorse::Special
        && title.principal.as_ref().is_some_and(|principal| principal.same(&offer.to, ctx.state));
    let within_capacity = match title.capacity {
        Capacity::Owner => true,
        Capacity::Collection => kind == Endorse::Collection || back,
        Capacity::Pledge => back,
    };
    if !within_capacity || title.kind == TitleKind::None {
        return forbidden("the capacity does not allow this kind");
    }
    if title.kind == TitleKind::Named {
        return Err(Reject::new(Code::TitleFinal, "/args/endorse", ""));
    }
    if record.party.endorsements >= limits::ETR_ENDORSEMENTS_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/endorse", "the chain is full"));
    }
    Ok(())
}

/// The receiver takes control; an endorsement of the offer takes effect.
pub fn accept(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    evidence: &[Value],
) -> Result<(), Reject> {
    let Some(Pending::Offer { to, endorse, without_recourse, conditions, op, .. }) =
        record.party.pending.clone()
    else {
        return Err(Reject::new(Code::WrongState, "/act", ""));
    };
    condition::check(ctx, &conditions, op, evidence)?;
    if let Some(kind) = endorse {
        record.party.endorsements = record.party.endorsements.saturating_add(1);
        let n = record.party.endorsements;
        let endorsee = match kind {
            Endorse::Blank => String::new(),
            _ => to.to_value().to_jcs(),
        };
        let entry = Endorsement {
            n,
            kind: kind.text().to_owned(),
            endorser: record.party.controller.to_value().to_jcs(),
            endorsee,
            without_recourse,
            op,
            time_ms: ctx.time_ms,
            place: work.request.place.clone(),
        };
        ctx.state.write(keys::endorsement(&record.public.id, n), &entry);
        record.party.title = title_after(record, kind, &to);
    }
    record.party.controller = to;
    clear_pending(record);
    Ok(())
}

fn title_after(record: &Record, kind: Endorse, to: &Person) -> Title {
    let endorser = &record.party.controller;
    let of = |kind, capacity, principal: Option<Person>| Title {
        kind,
        party: Some(to.clone()),
        capacity,
        principal,
    };
    let old = &record.party.title;
    match kind {
        Endorse::Special => of(TitleKind::ToOrder, Capacity::Owner, None),
        Endorse::Restrictive => of(TitleKind::Named, Capacity::Owner, None),
        // the principal stays the same down a collection chain
        Endorse::Collection => {
            let principal = old.principal.clone().unwrap_or_else(|| endorser.clone());
            of(TitleKind::ToOrder, Capacity::Collection, Some(principal))
        }
        Endorse::Pledge => of(TitleKind::ToOrder, Capacity::Pledge, Some(endorser.clone())),
        Endorse::Blank => Title {
            kind: TitleKind::Bearer,
            party: None,
            capacity: Capacity::Owner,
            principal: None,
        },
    }
}

/// The controller takes a revocable offer back.
pub fn withdraw(record: &mut Record) -> Result<(), Reject> {
    if matches!(record.party.pending, Some(Pending::Offer { irrevocable: true, .. })) {
        return Err(Reject::new(Code::OfferIrrevocable, "/act", ""));
    }
    clear_pending(record);
    Ok(())
}

/// Anyone ends what was not answered in time: a deadline lasts through its own millisecond.
pub fn expire(ctx: &Context<'_, '_>, record: &mut Record) -> Result<(), Reject> {
    let over =
        record.party.pending.as_ref().is_some_and(|pending| pending.deadline_ms() < ctx.time_ms);
    if !over {
        return Err(Reject::new(Code::NotExpired, "/act", ""));
    }
    clear_pending(record);
    Ok(())
}
