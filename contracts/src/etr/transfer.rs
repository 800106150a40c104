//! Moving control and title: `offer` and its answers, `deliver`, `assign_control`, `endorse`,
//! `expire` (etr.md §6.1, §6.2).
//!
//! Invariants: I3 and I4 control moves only by what the controller signed and the receiver accepted,
//! signed or consented to; I10 an endorsement is by whom the one before endorsed to, or that one was blank.

use super::act::{Deliver, Offer};
use super::condition::{self, Asker};
use super::consent;
use super::endorsement::{self, Entry};
use super::issue::is_entitled;
use super::kernel::{Work, check_deadline, clear_pending, let_pass};
use super::person::Person;
use super::profile::Mode;
use super::record::{Capacity, Endorse, Pending, Record, Status, Title, TitleKind};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;

/// What offer and delivery have in common.
#[derive(Clone, Copy, Debug)]
struct Terms<'a> {
    to: &'a Person,
    endorse: Option<Endorse>,
    without_recourse: bool,
}

/// Offers control to another person, with or without endorsement.
pub fn offer(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    offer: &Offer,
) -> Result<(), Reject> {
    let terms =
        Terms { to: &offer.to, endorse: offer.endorse, without_recourse: offer.without_recourse };
    check_entitled(ctx, work, record, terms)?;
    check_deadline(ctx.time_ms, offer.deadline_ms, work.profile.offer)?;
    let condition = condition::read(&offer.conditions, "/args/conditions")?;
    if let Some(condition) = condition {
        condition::check_settlement(&condition, offer.irrevocable, offer.deadline_ms)?;
    }
    check_terms(ctx, work, record, terms)?;
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

/// Hands control over in one step, to one who signs or gave standing consent.
pub fn deliver(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    deliver: &Deliver,
) -> Result<(), Reject> {
    let terms = Terms {
        to: &deliver.to,
        endorse: deliver.endorse,
        without_recourse: deliver.without_recourse,
    };
    check_entitled(ctx, work, record, terms)?;
    let missing = || Reject::new(Code::ReceiverConsentMissing, "/args/to", "");
    match deliver.consent_no {
        None if work.lacks_consent() => return Err(missing()),
        None => {}
        Some(no) => {
            let giver = record.party.controller.members();
            let fits = work.profile.standing_consent
                && matches!(deliver.to, Person::Single(_))
                && deliver.to.members().iter().all(|to| {
                    consent::one_covers(ctx.state, to, no, &work.profile.id, giver, ctx.time_ms)
                });
            if !fits {
                return Err(missing());
            }
        }
    }
    check_terms(ctx, work, record, terms)?;
    let to = deliver.to.in_force(ctx.state);
    let place = work.request.place.clone();
    take_over(ctx, record, Terms { to: &to, ..terms }, work.op.digest, &place);
    Ok(())
}

/// For `deliver` on standing consent, the consent acknowledges what the op does.
pub fn check_consent_ack(ctx: &Context<'_, '_>, work: &Work<'_>) -> Result<(), Reject> {
    let super::act::Act::Deliver(Deliver { to, consent_no: Some(no), .. }) = &work.request.act
    else {
        return Ok(());
    };
    let acknowledged = to.members().iter().all(|to| {
        consent::find(ctx.state, to, *no)
            .is_some_and(|consent| work.request.ack.iter().all(|ack| consent.ack.contains(ack)))
    });
    if acknowledged {
        Ok(())
    } else {
        let detail = "the standing consent does not acknowledge these warnings";
        Err(Reject::new(Code::LegalAckRequired, "/args/consentNo", detail))
    }
}

fn check_entitled(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
    terms: Terms<'_>,
) -> Result<(), Reject> {
    if terms.endorse.is_some() && !is_entitled(ctx, work.profile, record) {
        return Err(Reject::new(Code::NotEntitled, "/args/endorse", ""));
    }
    Ok(())
}

/// `TRANSFER_FORBIDDEN`, `SELF_TRANSFER`, `ENDORSEMENT_FORBIDDEN`, `TITLE_FINAL`.
fn check_terms(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
    terms: Terms<'_>,
) -> Result<(), Reject> {
    if !mode_allows(ctx, work.profile.mode, record, terms.to) {
        return Err(Reject::new(Code::TransferForbidden, "/args/to", ""));
    }
    if terms.to.same(&record.party.controller, ctx.state) {
        return Err(Reject::new(Code::SelfTransfer, "/args/to", ""));
    }
    check_endorsement(ctx, work, record, terms)
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
    offer: Terms<'_>,
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
        && title.principal.as_ref().is_some_and(|principal| principal.same(offer.to, ctx.state));
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
    let asker = Asker { record: &record.public.id, op };
    let unmet = Reject::new(Code::ConditionUnmet, "/args/evidence", "");
    condition::check(ctx, &conditions, asker, evidence, unmet)?;
    let place = work.request.place.clone();
    let terms = Terms { to: &to, endorse, without_recourse };
    take_over(ctx, record, terms, op, &place);
    clear_pending(record);
    Ok(())
}

/// Control moves, and title with it if it was endorsed. `op` is what the endorser signed.
fn take_over(
    ctx: &mut Context<'_, '_>,
    record: &mut Record,
    terms: Terms<'_>,
    op: Digest,
    place: &str,
) {
    if let Some(kind) = terms.endorse {
        let from = record.party.controller.clone();
        let entry = Entry {
            kind: kind.text(),
            from: &from,
            to: (kind != Endorse::Blank).then_some(terms.to),
            without_recourse: terms.without_recourse,
            op,
            place,
        };
        endorsement::append(ctx, record, &entry);
        record.party.title = title_after(record, kind, terms.to);
    }
    record.party.controller = terms.to.clone();
}

/// Moves the right of control of a record without title.
pub fn assign_control(
    ctx: &Context<'_, '_>,
    record: &mut Record,
    to: &Person,
) -> Result<(), Reject> {
    if to.same(&record.party.controller, ctx.state) {
        return Err(Reject::new(Code::SelfTransfer, "/args/to", ""));
    }
    record.party.controller = to.in_force(ctx.state);
    Ok(())
}

/// Endorses in place: blank, or back to the controller's order (`conversion`).
pub fn endorse(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    blank: bool,
) -> Result<(), Reject> {
    if !is_entitled(ctx, work.profile, record) {
        return Err(Reject::new(Code::NotEntitled, "/id", ""));
    }
    let title = &record.party.title;
    let forbidden = |what| Err(Reject::new(Code::EndorsementForbidden, "/args/kind", what));
    if blank && !work.profile.endorse.iter().any(|kind| kind == "blank") {
        return forbidden("the profile does not allow this kind");
    }
    if title.capacity != Capacity::Owner {
        return forbidden("the capacity does not allow this kind");
    }
    match (title.kind, blank) {
        (TitleKind::Named, _) => {
            return Err(Reject::new(Code::TitleFinal, "/args/kind", ""));
        }
        (TitleKind::ToOrder, true) | (TitleKind::Bearer, false) => {}
        _ => return forbidden("the title is so already"),
    }
    if record.party.endorsements >= limits::ETR_ENDORSEMENTS_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/kind", "the chain is full"));
    }
    let holder = record.party.controller.clone();
    let entry = Entry {
        kind: if blank { "blank" } else { "conversion" },
        from: &holder,
        to: (!blank).then_some(&holder),
        without_recourse: false,
        op: work.op.digest,
        place: &work.request.place,
    };
    endorsement::append(ctx, record, &entry);
    record.party.title = Title {
        kind: if blank { TitleKind::Bearer } else { TitleKind::ToOrder },
        party: (!blank).then_some(holder),
        capacity: Capacity::Owner,
        principal: None,
    };
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
    let_pass(ctx, record);
    Ok(())
}
