//! The kernel: one op on one record, in the normative order of checks (etr.md §4).
//!
//! Invariants: I1 a number has one root record; I2 and I8 a dead record takes no act; I6 the head
//! chain; I7 one op per (id, seq); I11 only acts of the profile; I13 a freeze; I17 deadlines against
//! block time only. The acts themselves are in files of their own, one per group.
//!
//! Where a role has nobody in the record's state (the receiver of an offer that does not stand), its
//! signers cannot be asked for and the act answers for itself, mostly `WRONG_STATE`.

use std::rc::Rc;
use std::sync::Arc;

use super::act::Act;
use super::bundle::Group;
use super::content;
use super::legal;
use super::person::{Person, identity};
use super::profile::{self, Profile};
use super::record::{Dishonoured, Lot, Pending, Presentment, Record, Status};
use super::request::Request;
use super::roles::{self, Asked};
use super::signing::{self, Question, Signed};
use super::{
    amend, clock, consent, court, ending, inquiry, issue, keys, money, note, pledge, quantities,
    recourse, succession, surrender, transfer,
};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::text::Writer;
use crate::op::Op;

/// How far an op is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every check, then the act.
    Whole,
    /// Up to the signatures that are there; missing ones are returned.
    Signatures,
    /// Every check but for missing signatures, which are returned; the caller rolls back.
    Trial,
}

/// What an act works on.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The op.
    pub op: &'a Op,
    /// The op, read.
    pub request: &'a Request,
    /// The profile of the record.
    pub profile: &'a Profile,
    /// Who signed.
    pub signed: &'a Signed,
    /// Whether missing signatures are none of the act's business.
    pub trial: bool,
}

impl Work<'_> {
    /// Whether as many of a person signed as an act of it needs; in a dry run it will.
    pub fn signed_by(&self, ctx: &Context<'_, '_>, person: &Person) -> bool {
        self.signed.assumed || self.signed.by_person(ctx.state, person)
    }

    /// Whether a receiver's signature is missing.
    pub fn lacks_consent(&self) -> bool {
        !self.trial && !self.signed.missing.is_empty()
    }
}

/// Runs an op on a record. Returns the roles that lack signatures; with [`Extent::Whole`] none.
/// `group` is the bundle that the op belongs to.
pub fn run(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    known: &[Option<[u8; 32]>],
    extent: Extent,
    group: Option<&mut Group>,
) -> Result<Vec<&'static str>, Reject> {
    let request = Request::read(op)?;
    if let Act::Issue(args) = &request.act {
        issue::check_id(ctx, &request.id, args)?;
    }
    request.check_limits()?;
    if request.bundle != group.as_ref().map(|group| group.digest) {
        let detail = "an op runs in the bundle it names, or alone if it names none";
        return Err(Reject::new(Code::BundleMismatch, "/bundle", detail));
    }
    let record = find(ctx, &request)?;
    let profile = find_profile(ctx, &request, record.as_ref())?;
    if !profile.allows(&op.act) {
        return Err(Reject::new(Code::ActNotInProfile, "/act", ""));
    }
    if !legal::rulebook_in_force(ctx.state, request.rulebook, ctx.time_ms) {
        return Err(Reject::new(Code::RulebookUnknown, "/rulebook", ""));
    }
    let mut signed = check_signers(ctx, op, &request, &profile, record.as_ref(), known, extent)?;
    if extent == Extent::Signatures {
        return Ok(signed.missing);
    }
    let trial = extent == Extent::Trial;
    let missing = if trial { std::mem::take(&mut signed.missing) } else { Vec::new() };
    let work = Work { op, request: &request, profile: &profile, signed: &signed, trial };
    match record {
        None => issue::issue(ctx, &work, group)?,
        Some(before) => {
            let mut after = before.clone();
            enter(ctx, &work, &mut after)?;
            apply(ctx, &work, &mut after, group)?;
            inquiry::ask(ctx, &work, &before)?;
            finish(ctx, &work, Some(&before), after);
        }
    }
    Ok(missing)
}

fn find(ctx: &Context<'_, '_>, request: &Request) -> Result<Option<Record>, Reject> {
    let record = Record::load(ctx.state, &request.id);
    if let Act::Issue(args) = &request.act {
        // paper that the ledger knows comes back under the number of its root record
        if record.is_some() && !issue::is_known_paper(ctx, args) {
            return Err(Reject::new(Code::RecordExists, "/id", ""));
        }
        check_places(&[(request.seq, request.head, 0, super::genesis_hash(ctx.state))])?;
        return Ok(None);
    }
    let record = record.ok_or_else(|| Reject::new(Code::UnknownRecord, "/id", ""))?;
    let mut places = vec![(request.seq, request.head, record.public.seq, record.public.head)];
    let mut dead = record.public.status == Status::Dead;
    if let Act::Merge(merge) = &request.act {
        for (id, seq, head) in &merge.with {
            let other = Record::load(ctx.state, id)
                .ok_or_else(|| Reject::new(Code::UnknownRecord, "/args/with", ""))?;
            places.push((*seq, *head, other.public.seq, other.public.head));
            dead |= other.public.status == Status::Dead;
        }
    }
    if dead {
        return Err(Reject::new(Code::RecordDead, "/id", ""));
    }
    check_places(&places)?;
    Ok(Some(record))
}

/// `STALE_SEQ`, then `STALE_HEAD`: whether the op was made for where its records are. A place is
/// seq and head as the op names them, and as they are.
fn check_places(places: &[(u64, Digest, u64, Digest)]) -> Result<(), Reject> {
    if places.iter().any(|(named, _, seq, _)| named != seq) {
        return Err(Reject::new(Code::StaleSeq, "/seq", ""));
    }
    if places.iter().any(|(_, named, _, head)| named != head) {
        return Err(Reject::new(Code::StaleHead, "/head", ""));
    }
    Ok(())
}

fn find_profile(
    ctx: &Context<'_, '_>,
    request: &Request,
    record: Option<&Record>,
) -> Result<Rc<Profile>, Reject> {
    let name = match (&request.act, record) {
        (Act::Issue(args), _) => args.profile.as_str(),
        (_, Some(record)) => record.public.profile.as_str(),
        (_, None) => "",
    };
    let unknown = |what| Reject::new(Code::UnknownProfile, "/args/profile", what);
    if record.is_none() && profile::is_withdrawn(ctx.state, name) {
        return Err(unknown("this version is withdrawn"));
    }
    profile::load(ctx.state, name).ok_or_else(|| unknown(""))
}

fn check_signers(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    request: &Request,
    profile: &Profile,
    record: Option<&Record>,
    known: &[Option<[u8; 32]>],
    extent: Extent,
) -> Result<Signed, Reject> {
    let asked = Asked { op, act: &request.act, id: &request.id, profile };
    let roles = roles::of(ctx, asked, record);
    let lots: &[Lot] = match (&request.act, record) {
        (Act::Issue(args), _) => &args.lots,
        (_, Some(record)) => &record.party.lots,
        (_, None) => &[],
    };
    let sum = match lots {
        [lot] if !profile.in_lots => Some((lot.unit.as_str(), lot.scale, lot.amount)),
        _ => None,
    };
    let question = Question {
        signatures: &op.signatures,
        digest: op.digest,
        known,
        roles: roles.as_deref(),
        live: &newcomers(&request.act),
        profile: &profile.id,
        sum,
        partial: extent != Extent::Whole,
    };
    signing::check(ctx, &question)
}

/// Parties that an act brings in and that must be live, whether they sign or not (I18).
fn newcomers(act: &Act) -> Vec<String> {
    let mut live = Vec::new();
    let title = |party: &Option<Person>| {
        party.iter().flat_map(|party| party.members().to_vec()).collect::<Vec<_>>()
    };
    match act {
        Act::Issue(args) => {
            live.push(args.obligor.clone());
            live.extend_from_slice(args.to.members());
            live.extend(title(&args.title.1));
        }
        Act::Offer(offer) => live.extend_from_slice(offer.to.members()),
        Act::Deliver(deliver) => live.extend_from_slice(deliver.to.members()),
        Act::CourtTransfer { to, title: (_, party), .. } => {
            live.extend_from_slice(to.members());
            live.extend(title(party));
        }
        _ => {}
    }
    live
}

/// The statuses in which an act is defined.
const fn statuses(act: &Act) -> &'static [Status] {
    match act {
        Act::Accept { .. } | Act::Refuse | Act::Withdraw => &[Status::Offered],
        Act::SurrenderAccept(_) | Act::SurrenderReject => &[Status::Surrendered],
        Act::BillAccept { .. } | Act::Dishonour { .. } => &[Status::Presented],
        Act::Pay { .. } => &[Status::Active, Status::Presented],
        Act::Stop => &[Status::Active, Status::Offered, Status::Presented],
        Act::Succeed { .. }
        | Act::Release { .. }
        | Act::DefaultNotice { .. }
        | Act::Freeze { .. }
        | Act::Unfreeze
        | Act::CourtNotice { .. }
        | Act::CourtTransfer { .. }
        | Act::CourtAmend(_)
        | Act::CourtAnnul { .. } => {
            &[Status::Active, Status::Offered, Status::Presented, Status::Surrendered]
        }
        _ => &[Status::Active],
    }
}

/// Whether an act answers what is pending: it comes too late after the deadline.
const fn answers(act: &Act) -> bool {
    matches!(
        act,
        Act::Accept { .. }
            | Act::Refuse
            | Act::SurrenderAccept(_)
            | Act::SurrenderReject
            | Act::BillAccept { .. }
            | Act::Dishonour { .. }
    )
}

/// `FROZEN`, `DEADLINE_PASSED`, `WRONG_STATE`; applies `expire` where an act comes too late to
/// answer but may go on.
fn enter(ctx: &Context<'_, '_>, work: &Work<'_>, record: &mut Record) -> Result<(), Reject> {
    if !permitted(record, &work.op.act) {
        return Err(Reject::new(Code::Frozen, "/id", ""));
    }
    let act = &work.request.act;
    let allowed = statuses(act);
    let wrong = || Err(Reject::new(Code::WrongState, "/act", ""));
    let pending = record.party.pending.as_ref().map(Pending::deadline_ms);
    let expired = pending.is_some_and(|deadline_ms| deadline_ms < ctx.time_ms);
    if matches!(act, Act::Expire) {
        return if pending.is_some() { Ok(()) } else { wrong() };
    }
    if expired && answers(act) && allowed.contains(&record.public.status) {
        return Err(Reject::new(Code::DeadlinePassed, "/act", ""));
    }
    if expired {
        let_pass(ctx, record);
    }
    if allowed.contains(&record.public.status) { Ok(()) } else { wrong() }
}

fn permitted(record: &Record, act: &str) -> bool {
    let always = ["expire", "unfreeze", "freeze"].contains(&act) || act.starts_with("court_");
    record
        .public
        .frozen
        .as_ref()
        .is_none_or(|frozen| always || frozen.permits.iter().any(|permit| permit == act))
}

/// Back to active, with nothing pending.
pub fn clear_pending(record: &mut Record) {
    record.party.pending = None;
    record.public.status = Status::Active;
}

/// What an unanswered deadline leads to: active again; no answer to a presentment is dishonour.
pub fn let_pass(ctx: &Context<'_, '_>, record: &mut Record) {
    if let Some(Pending::Present { what, .. }) = record.party.pending {
        dishonour(ctx, record, what, None);
    }
    clear_pending(record);
}

/// Records dishonour; demands that were open stay so.
pub fn dishonour(
    ctx: &Context<'_, '_>,
    record: &mut Record,
    what: Presentment,
    reason: Option<String>,
) {
    if let Some(money) = &mut record.party.money {
        let before = money.dishonoured.take();
        let (notified, demands) =
            before.map(|before| (before.notified, before.demands)).unwrap_or_default();
        money.dishonoured = Some(Dishonoured { ms: ctx.time_ms, what, reason, notified, demands });
    }
}

fn apply(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    group: Option<&mut Group>,
) -> Result<(), Reject> {
    match &work.request.act {
        Act::Offer(offer) => transfer::offer(ctx, work, record, offer),
        Act::Deliver(deliver) => transfer::deliver(ctx, work, record, deliver),
        Act::Accept { evidence } => transfer::accept(ctx, work, record, evidence),
        Act::Withdraw => transfer::withdraw(record),
        Act::Expire => transfer::expire(ctx, record),
        Act::AssignControl { to } => transfer::assign_control(ctx, record, to),
        Act::Endorse { blank } => transfer::endorse(ctx, work, record, *blank),
        Act::Refuse | Act::SurrenderReject => {
            clear_pending(record);
            Ok(())
        }
        Act::Succeed { place, of, successor } => {
            succession::succeed(ctx, work, record, *place, of, successor)
        }
        Act::Annotate { code, digest } => note::annotate(ctx, work, record, code, *digest),
        Act::Cancel => ending::cancel(ctx, work, record),
        Act::Lapse => ending::lapse(ctx, work, record),
        Act::Amend(args) => amend::amend(ctx, work, record, args),
        Act::CourtAmend(args) => amend::court_amend(ctx, work, record, args),
        Act::Split { parts } => quantities::split(ctx, work, record, parts),
        Act::Merge(args) => quantities::merge(ctx, work, record, args),
        Act::DeliverPart { lots } => quantities::deliver_part(ctx, work, record, lots),
        Act::Pledge(args) => pledge::pledge(ctx, work, record, args),
        Act::Release { no } => pledge::release(record, *no),
        Act::DefaultNotice { no, .. } => pledge::default_notice(ctx, record, *no),
        Act::Enforce { no, to, evidence } => pledge::enforce(ctx, work, record, *no, to, evidence),
        Act::Surrender { kind, reason, deadline_ms } => {
            surrender::surrender(ctx, work, record, *kind, reason.as_deref(), *deadline_ms)
        }
        Act::SurrenderAccept(answer) => surrender::accept(ctx, work, record, answer, group),
        _ => apply_more(ctx, work, record),
    }
}

fn apply_more(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
) -> Result<(), Reject> {
    match &work.request.act {
        Act::Present { what, attesters, deadline_ms } => {
            money::present(ctx, work, record, *what, attesters, *deadline_ms)
        }
        Act::BillAccept { amount, variation } => {
            money::bill_accept(ctx, record, *amount, *variation)
        }
        Act::Dishonour { reason } => money::refuse(ctx, record, reason),
        Act::Pay { amount, evidence } => money::pay(ctx, work, record, *amount, evidence),
        Act::Stop => money::stop(record),
        Act::Aval { guarantor, of, amount } => {
            recourse::aval(ctx, work, record, guarantor, of, *amount)
        }
        Act::Protest { digest } => recourse::protest(ctx, record, *digest),
        Act::Notify { to } => recourse::notify(record, to),
        Act::Recourse { against } => recourse::demand(ctx, work, record, against),
        Act::RecoursePay { payer } => recourse::pay(ctx, work, record, payer),
        Act::Freeze { order, until_ms, permits } => {
            court::freeze(ctx, work, record, *order, *until_ms, permits)
        }
        Act::Unfreeze => court::unfreeze(ctx, work, record),
        Act::CourtNotice { act, order } => court::notice(ctx, work, record, act, *order),
        Act::CourtTransfer { order, to, title } => {
            court::transfer(ctx, work, record, *order, to, title)
        }
        Act::CourtAnnul { order } => court::annul(ctx, work, record, *order),
        _ => Err(Reject::new(Code::Malformed, "/act", "no act on a record that stands")),
    }
}

/// Writes the record after an op: seq, head, blind, who is party to it, and the event.
pub fn finish(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    before: Option<&Record>,
    mut after: Record,
) {
    after.public.seq = after.public.seq.saturating_add(1);
    after.public.head = content::next_head(after.public.head, work.op.digest);
    after.party.blind.clone_from(&work.request.blind);
    store(ctx, &work.op.act, before, &after);
}

/// Writes a record with its clock, its index entries and its event.
pub fn store(ctx: &mut Context<'_, '_>, act: &str, before: Option<&Record>, after: &Record) {
    after.store(ctx.state);
    clock::advance(ctx, &after.public);
    let lapsed = if act == "expire" { Vec::new() } else { lapsed(ctx, before) };
    index_parties(ctx, before, after, &lapsed);
    emit(ctx, act, after);
}

fn emit(ctx: &mut Context<'_, '_>, act: &str, record: &Record) {
    let public = &record.public;
    let mut w = Writer::with_capacity(160);
    w.object(|w| {
        w.name("end").or_null(public.end, |w, end| w.text(end.text()));
        w.name("head").digest(public.head);
        w.name("seq").uint(public.seq);
        w.name("status").text(public.status.text());
    });
    ctx.emit_text(["etr.", act].concat(), &public.id, w.finish());
}

/// Who is what to a record: entity and role, in their order, each pair once. Dead records keep
/// issuer and obligor only.
pub fn party_roles(
    state: &crate::state::Overlay<'_>,
    record: &Record,
) -> Vec<(Arc<str>, &'static str)> {
    roles(state, record, record.public.status != Status::Dead)
}

/// Who was what to a record when it ended, or is while it lives.
pub fn last_roles(
    state: &crate::state::Overlay<'_>,
    record: &Record,
) -> Vec<(Arc<str>, &'static str)> {
    roles(state, record, true)
}

/// Entities and roles, sorted, each once.
fn roles(
    state: &crate::state::Overlay<'_>,
    record: &Record,
    live: bool,
) -> Vec<(Arc<str>, &'static str)> {
    let mut roles: Vec<(Arc<str>, &'static str)> = Vec::with_capacity(8);
    let mut add = |ubins: &[String], role: &'static str| {
        roles.extend(ubins.iter().map(|ubin| (identity(state, ubin), role)));
    };
    let party = &record.party;
    add(std::slice::from_ref(&party.issuer), "issuer");
    add(std::slice::from_ref(&party.obligor), "obligor");
    if live {
        add(party.controller.members(), "controller");
        if let Some(holder) = &party.title.party {
            add(holder.members(), "title");
        }
        if let Some(principal) = &party.title.principal {
            add(principal.members(), "principal");
        }
        if let Some(Pending::Offer { to, .. }) = &party.pending {
            add(to.members(), "receiver");
        }
        for pledge in &party.pledges {
            add(std::slice::from_ref(&pledge.to), "pledgee");
        }
        for guarantee in &party.guarantees {
            add(std::slice::from_ref(&guarantee.guarantor), "guarantor");
        }
        let dishonoured = party.money.as_ref().and_then(|money| money.dishonoured.as_ref());
        if let Some(dishonoured) = dishonoured {
            add(&dishonoured.demands, "liable");
        }
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// In the place of roles: this party was out before the op that ended its entry, and has no part in it.
pub const LAPSED: &str = "lapsed";

/// Whom the deadline of an offer had put out before an op that is no answer to it.
fn lapsed(ctx: &Context<'_, '_>, before: Option<&Record>) -> Vec<Arc<str>> {
    let expired = |record: &&Record| {
        let pending = record.party.pending.as_ref();
        pending.is_some_and(|pending| pending.deadline_ms() < ctx.time_ms)
    };
    let Some(before) = before.filter(expired) else { return Vec::new() };
    let mut passed = before.clone();
    clear_pending(&mut passed);
    let left = party_roles(ctx.state, &passed);
    let was = party_roles(ctx.state, before).into_iter().map(|(entity, _)| entity);
    was.filter(|entity| left.iter().all(|(other, _)| other != entity)).collect()
}

/// Keeps `etr/party/{entity}/{id}` in step; a party without a role any more keeps an empty entry, or
/// [`LAPSED`].
fn index_parties(
    ctx: &mut Context<'_, '_>,
    before: Option<&Record>,
    after: &Record,
    lapsed: &[Arc<str>],
) {
    let old = before.map(|record| party_roles(ctx.state, record)).unwrap_or_default();
    let new = party_roles(ctx.state, after);
    let of = |all: &[(Arc<str>, &'static str)], entity: &Arc<str>| -> Vec<&'static str> {
        all.iter().filter(|(of, _)| of == entity).map(|(_, role)| *role).collect()
    };
    let mut everyone: Vec<&Arc<str>> = old.iter().chain(&new).map(|(entity, _)| entity).collect();
    everyone.sort_unstable();
    everyone.dedup();
    for entity in everyone {
        let mut roles = of(&new, entity);
        if of(&old, entity) != roles {
            if roles.is_empty() && lapsed.contains(entity) {
                roles.push(LAPSED);
            }
            ctx.state.write(keys::party(entity, &after.public.id), &roles);
        }
    }
}

/// `BAD_DEADLINE` unless `deadline_ms` lies within the span after block time.
pub fn check_deadline(t: u64, deadline_ms: u64, span: profile::Span) -> Result<(), Reject> {
    let from = t.saturating_add(span.min_s.saturating_mul(1000));
    let until = t.saturating_add(span.max_s.saturating_mul(1000));
    if (from..=until).contains(&deadline_ms) {
        Ok(())
    } else {
        Err(Reject::new(Code::BadDeadline, "/args/deadlineMs", ""))
    }
}

/// Whether a business holds a standing consent for records of `profile_id` given by `giver`.
pub fn consents(ctx: &Context<'_, '_>, ubin: &str, profile_id: &str, giver: &str) -> bool {
    consent::covers(ctx.state, ubin, profile_id, giver, ctx.time_ms)
}
