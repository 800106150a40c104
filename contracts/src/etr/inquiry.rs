//! The question to the law: which acts ask it, which states they ask, and what these answer
//! (etr-profiles.md §4).
//!
//! An act asks it in its place in the order of checks ([`ask`]). A dry run asks it apart
//! from the other checks too ([`of_op`]), so that each answer is told, also one that warns of nothing,
//! and also where another check fails first.

use super::act::{Act, Issue};
use super::kernel::Work;
use super::legal::{self, Concerned, Matter, Opinion};
use super::person::country;
use super::profile::{self, Profile};
use super::record::{Pending, Record, Status};
use super::request::Request;
use super::roles::Asked;
use super::{issue, transfer};
use crate::context::{Authority, Context};
use crate::error::Reject;
use crate::op::Op;
use crate::state::Overlay;

/// The states that an act on a standing record asks: none unless control moves by its receiver's word.
fn concerned(state: &Overlay<'_>, act: &Act, before: &Record) -> Concerned {
    let mut concerned = Concerned::default();
    let receiver = match (act, &before.party.pending) {
        (Act::Accept { .. }, Some(Pending::Offer { to, .. })) => to,
        (Act::Deliver(deliver), _) => &deliver.to,
        _ => return concerned,
    };
    if let Some(regime) = legal::regime(state, &before.public.regime) {
        concerned.add(&regime.country);
    }
    for ubin in before.party.controller.members().iter().chain(receiver.members()) {
        concerned.add(country(ubin));
    }
    concerned.add_obligor(country(&before.party.obligor));
    concerned
}

/// The states that opening a record asks.
fn concerned_at_issue(state: &Overlay<'_>, args: &Issue, issuer: &str) -> Concerned {
    let mut concerned = Concerned::default();
    if let Some(regime) = legal::regime(state, &args.regime) {
        concerned.add(&regime.country);
    }
    concerned.add(country(issuer));
    for member in args.to.members() {
        concerned.add(country(member));
    }
    concerned.add_obligor(country(&args.obligor));
    concerned
}

/// What the concerned states say of records of a type, issued at `issued_ms`.
fn opinions(
    ctx: &Context<'_, '_>,
    profile: &Profile,
    issued_ms: u64,
    concerned: &Concerned,
) -> Vec<Opinion> {
    let (class, mletr) = (profile.law_class.as_str(), profile.mletr);
    let matter = Matter { class, mletr, issued_ms, t: ctx.time_ms };
    legal::opinions(ctx.state, matter, concerned)
}

/// Asks on an act on a record as it stood before: `LEGAL_BLOCKED`, `LEGAL_ACK_REQUIRED`. Acts that the
/// law is not asked about acknowledge nothing.
pub fn ask(ctx: &mut Context<'_, '_>, work: &Work<'_>, before: &Record) -> Result<(), Reject> {
    let concerned = concerned(ctx.state, &work.request.act, before);
    settle(ctx, work, before.public.issued_ms, &concerned)?;
    transfer::check_consent_ack(ctx, work)
}

/// Asks on the opening of a record by `issuer`: the same errors.
pub fn ask_at_issue(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    args: &Issue,
    issuer: &str,
) -> Result<(), Reject> {
    let concerned = concerned_at_issue(ctx.state, args, issuer);
    settle(ctx, work, ctx.time_ms, &concerned)
}

/// Compares the answers with what the op acknowledges; a dry run notes those that warn.
fn settle(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    issued_ms: u64,
    concerned: &Concerned,
) -> Result<(), Reject> {
    let opinions = opinions(ctx, work.profile, issued_ms, concerned);
    if ctx.authority == Authority::Assumed {
        ctx.warnings.extend(legal::warnings(&opinions));
    }
    legal::check(&opinions, &work.request.ack)
}

/// What the states say of an unsigned op, by country code, as of the state that `ctx` sees; nothing where
/// the law is not asked, the op does not read, or its record or type does not stand.
pub fn of_op(ctx: &Context<'_, '_>, op: &Op) -> Vec<Opinion> {
    find(ctx, op).unwrap_or_default()
}

fn find(ctx: &Context<'_, '_>, op: &Op) -> Option<Vec<Opinion>> {
    let request = Request::read(op).ok()?;
    if let Act::Issue(args) = &request.act {
        let profile = profile::load(ctx.state, &args.profile)?;
        let asked = Asked { op, act: &request.act, id: &request.id, profile: &profile };
        let issuer = issue::issuer(ctx, asked, args);
        let concerned = concerned_at_issue(ctx.state, args, &issuer);
        return Some(opinions(ctx, &profile, ctx.time_ms, &concerned));
    }
    let record = Record::load(ctx.state, &request.id)?;
    if record.public.status == Status::Dead {
        return None;
    }
    let profile = profile::load(ctx.state, &record.public.profile)?;
    let concerned = concerned(ctx.state, &request.act, &record);
    Some(opinions(ctx, &profile, record.public.issued_ms, &concerned))
}
