//! The kernel: one op on one record, in the normative order of checks (etr.md §4).
//!
//! Invariants: I1 a number has one root record; I2 and I8 a dead record takes no act; I6 the head
//! chain; I7 one op per (id, seq); I11 only acts of the profile; I17 deadlines against block time
//! only. The acts themselves are in `issue`, `transfer` and `surrender`.
//!
//! Where a role has nobody in the record's state (the receiver of an offer that does not stand), its
//! signers cannot be asked for and the op answers `WRONG_STATE`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::content;
use super::legal::{self, Concerned, Matter};
use super::person::{Person, country, identity};
use super::profile::{self, Profile};
use super::record::{Capacity, Endorse, Lot, Pending, Record, Status};
use super::request::{Act, Offer, Request};
use super::signing::{self, Question, Role};
use super::{consent, issue, keys, surrender, transfer};
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::op::Op;

/// Whether the op is to be carried out, or only looked at as far as its signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every check, then the act.
    Whole,
    /// Up to the signatures that are there; missing ones are returned.
    Signatures,
}

/// What an act works on.
#[derive(Debug)]
pub struct Work<'a> {
    /// The op.
    pub op: &'a Op,
    /// The op, read.
    pub request: &'a Request,
    /// The profile of the record.
    pub profile: &'a Profile,
    /// Roles whose signatures are missing though a standing consent could not stand in.
    pub missing: &'a [&'static str],
}

/// Runs an op on a record. Returns the roles that lack signatures; with [`Extent::Whole`] none.
pub fn run(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    known: &[Option<[u8; 32]>],
    extent: Extent,
) -> Result<Vec<&'static str>, Reject> {
    let request = Request::read(op)?;
    if let Act::Issue(args) = &request.act {
        issue::check_id(ctx, &request.id, args)?;
    }
    request.check_limits()?;
    if request.bundle.is_some() {
        return Err(Reject::new(Code::BundleMismatch, "/bundle", "an op of a bundle stands alone"));
    }
    let record = find(ctx, &request)?;
    let profile = find_profile(ctx, &request, record.as_ref())?;
    if !profile.allows(&op.act) {
        return Err(Reject::new(Code::ActNotInProfile, "/act", ""));
    }
    if !legal::rulebook_in_force(ctx.state, request.rulebook, ctx.time_ms) {
        return Err(Reject::new(Code::RulebookUnknown, "/rulebook", ""));
    }
    if matches!(request.act, Act::Later) || profile.drawer_issues {
        return Err(Reject::new(Code::NotBuilt, "/act", "this act comes with a later release"));
    }
    let missing = check_signers(ctx, op, &request, &profile, record.as_ref(), known, extent)?;
    if extent == Extent::Signatures {
        return Ok(missing);
    }
    let work = Work { op, request: &request, profile: &profile, missing: &missing };
    match record {
        None => issue::issue(ctx, &work)?,
        Some(before) => {
            let mut after = before.clone();
            enter(ctx, &work, &mut after)?;
            apply(ctx, &work, &mut after)?;
            check_law(ctx, &work, &before)?;
            finish(ctx, &work, Some(&before), after);
        }
    }
    Ok(Vec::new())
}

fn find(ctx: &Context<'_, '_>, request: &Request) -> Result<Option<Record>, Reject> {
    let record = Record::load(ctx.state, &request.id);
    let (seq, head) = match (&record, &request.act) {
        (Some(_), Act::Issue(_)) => return Err(Reject::new(Code::RecordExists, "/id", "")),
        (None, Act::Issue(_)) => (0, super::genesis_hash(ctx.state)),
        (None, _) => return Err(Reject::new(Code::UnknownRecord, "/id", "")),
        (Some(record), _) => {
            if record.public.status == Status::Dead {
                return Err(Reject::new(Code::RecordDead, "/id", ""));
            }
            (record.public.seq, record.public.head)
        }
    };
    if request.seq != seq {
        return Err(Reject::new(Code::StaleSeq, "/seq", ""));
    }
    if request.head != head {
        return Err(Reject::new(Code::StaleHead, "/head", ""));
    }
    Ok(record)
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
    profile::load(ctx.state, name)
        .ok_or_else(|| Reject::new(Code::UnknownProfile, "/args/profile", ""))
}

fn check_signers(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    request: &Request,
    profile: &Profile,
    record: Option<&Record>,
    known: &[Option<[u8; 32]>],
    extent: Extent,
) -> Result<Vec<&'static str>, Reject> {
    let roles = match (&request.act, record) {
        (Act::Issue(args), _) => Some(issue::roles(ctx, profile, args)),
        (act, Some(record)) => roles(ctx, act, &op.act, record),
        (_, None) => None,
    };
    let mut live = Vec::new();
    match &request.act {
        Act::Issue(args) => {
            live.push(args.obligor.clone());
            live.extend_from_slice(args.to.members());
            live.extend(args.title.1.iter().flat_map(|party| party.members().to_vec()));
        }
        Act::Offer(offer) => live.extend_from_slice(offer.to.members()),
        _ => {}
    }
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
        live: &live,
        profile: &profile.id,
        sum,
        partial: extent == Extent::Signatures,
    };
    signing::check(ctx, &question)
}

/// Who signs an act on a record (etr.md §5). `None` if nobody is in the role.
fn roles(ctx: &Context<'_, '_>, act: &Act, name: &str, record: &Record) -> Option<Vec<Role>> {
    let scope = format!("etr.{name}");
    let controller = || Role::of("K", &record.party.controller, &scope);
    Some(match act {
        Act::Offer(offer) => {
            let mut roles = vec![controller()];
            if let Some(principal) = principal_who_signs(ctx, record, offer) {
                roles.push(Role::of("Q", principal, &scope));
            }
            roles
        }
        Act::Accept { .. } | Act::Refuse => match &record.party.pending {
            Some(Pending::Offer { to, .. }) if matches!(act, Act::Refuse) => {
                vec![Role::of("N", to, &scope)]
            }
            Some(Pending::Offer { to, .. }) => vec![Role::all_of("N", to, &scope)],
            _ => return None,
        },
        Act::Withdraw | Act::Surrender { .. } => vec![controller()],
        Act::SurrenderAccept(_) | Act::SurrenderReject => {
            vec![Role::of("O", &Person::Single(record.party.obligor.clone()), &scope)]
        }
        Act::Expire => Vec::new(),
        Act::Issue(_) | Act::Later => return None,
    })
}

/// The principal of an agent who also signs a transfer (†): not if the agent passes the record to
/// another agent for the same principal, nor if it goes back to the principal.
fn principal_who_signs<'a>(
    ctx: &Context<'_, '_>,
    record: &'a Record,
    offer: &Offer,
) -> Option<&'a Person> {
    let title = &record.party.title;
    let principal = title.principal.as_ref()?;
    let back = offer.endorse == Some(Endorse::Special) && offer.to.same(principal, ctx.state);
    let on = title.capacity == Capacity::Collection && offer.endorse == Some(Endorse::Collection);
    let own = principal.same(&record.party.controller, ctx.state);
    (title.capacity != Capacity::Owner && !back && !on && !own).then_some(principal)
}

/// `FROZEN`, `DEADLINE_PASSED`, `WRONG_STATE`; applies `expire` where an act comes too late to
/// answer but may go on.
fn enter(ctx: &Context<'_, '_>, work: &Work<'_>, record: &mut Record) -> Result<(), Reject> {
    if !permitted_by_freeze(&record.public.frozen, &work.op.act) {
        return Err(Reject::new(Code::Frozen, "/act", ""));
    }
    let act = &work.request.act;
    let required = match act {
        Act::Accept { .. } | Act::Refuse | Act::Withdraw => Status::Offered,
        Act::SurrenderAccept(_) | Act::SurrenderReject => Status::Surrendered,
        _ => Status::Active,
    };
    let answers = record.public.status == required && !matches!(act, Act::Withdraw | Act::Expire);
    let expired =
        record.party.pending.as_ref().is_some_and(|pending| pending.deadline_ms() < ctx.time_ms);
    if expired && answers {
        return Err(Reject::new(Code::DeadlinePassed, "/act", ""));
    }
    let wrong = || Err(Reject::new(Code::WrongState, "/act", ""));
    if matches!(act, Act::Expire) {
        return if record.party.pending.is_some() { Ok(()) } else { wrong() };
    }
    if expired {
        clear_pending(record);
    }
    if record.public.status == required { Ok(()) } else { wrong() }
}

fn permitted_by_freeze(frozen: &Value, act: &str) -> bool {
    let always = ["expire", "unfreeze", "freeze"].contains(&act) || act.starts_with("court_");
    *frozen == Value::Null
        || always
        || frozen
            .get("permits")
            .and_then(Value::as_list)
            .is_some_and(|permits| permits.iter().any(|permit| permit.as_text() == Some(act)))
}

/// Back to active, with nothing pending.
pub fn clear_pending(record: &mut Record) {
    record.party.pending = None;
    record.public.status = Status::Active;
}

fn apply(ctx: &mut Context<'_, '_>, work: &Work<'_>, record: &mut Record) -> Result<(), Reject> {
    match &work.request.act {
        Act::Offer(offer) => transfer::offer(ctx, work, record, offer),
        Act::Accept { evidence } => transfer::accept(ctx, work, record, evidence),
        Act::Withdraw => transfer::withdraw(record),
        Act::Expire => transfer::expire(ctx, record),
        Act::Refuse | Act::SurrenderReject => {
            clear_pending(record);
            Ok(())
        }
        Act::Surrender { kind, reason, deadline_ms } => {
            surrender::surrender(ctx, work, record, *kind, reason.as_deref(), *deadline_ms)
        }
        Act::SurrenderAccept(answer) => surrender::accept(ctx, record, answer),
        Act::Issue(_) | Act::Later => Err(Code::NotBuilt.into()),
    }
}

/// `LEGAL_BLOCKED`, `LEGAL_ACK_REQUIRED`. Acts that the law is not asked about acknowledge nothing.
fn check_law(ctx: &mut Context<'_, '_>, work: &Work<'_>, before: &Record) -> Result<(), Reject> {
    let mut concerned = Concerned::default();
    if matches!(work.request.act, Act::Accept { .. })
        && let Some(Pending::Offer { to, .. }) = &before.party.pending
    {
        if let Some(regime) = legal::regime(ctx.state, &before.public.regime) {
            concerned.add(&regime.country);
        }
        let parties = before.party.controller.members().iter().chain(to.members());
        for ubin in parties {
            concerned.add(country(ubin));
        }
        concerned.add_obligor(country(&before.party.obligor));
    }
    ask_law(ctx, work, before.public.issued_ms, &concerned)
}

/// Asks the concerned states; a dry run notes what they say as warnings.
pub fn ask_law(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    issued_ms: u64,
    concerned: &Concerned,
) -> Result<(), Reject> {
    let matter = Matter {
        class: &work.profile.law_class,
        mletr: work.profile.mletr,
        issued_ms,
        t: ctx.time_ms,
    };
    let opinions = legal::opinions(ctx.state, matter, concerned);
    if ctx.authority == Authority::Assumed {
        ctx.warnings.extend(legal::warnings(&opinions));
    }
    legal::check(&opinions, &work.request.ack)
}

/// Writes the record after an op: seq, head, blind, who is party to it, and the event.
pub fn finish(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    before: Option<&Record>,
    mut after: Record,
) {
    after.public.seq = after.public.seq.saturating_add(1);
    after.public.head = content::next_head(work.request.head, work.op.digest);
    after.party.blind.clone_from(&work.request.blind);
    after.store(ctx.state);
    index_parties(ctx, before, &after);
    emit(ctx, &work.op.act, &after);
}

fn emit(ctx: &mut Context<'_, '_>, act: &str, record: &Record) {
    let public = &record.public;
    let data = [
        ("seq", Value::from(public.seq)),
        ("status", Value::from(public.status.text())),
        ("head", Value::from(public.head)),
        ("end", Value::from(public.end.map(super::record::End::text))),
    ];
    ctx.emit(&format!("etr.{act}"), &public.id, data);
}

/// Who is what to a record, by entity. Dead records keep issuer and obligor only.
pub fn party_roles(
    state: &crate::state::Overlay<'_>,
    record: &Record,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |ubins: &[String], role: &str| {
        for ubin in ubins {
            roles.entry(identity(state, ubin)).or_default().insert(role.to_owned());
        }
    };
    let party = &record.party;
    add(std::slice::from_ref(&party.issuer), "issuer");
    add(std::slice::from_ref(&party.obligor), "obligor");
    if record.public.status != Status::Dead {
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
    }
    roles
}

/// Keeps `etr/party/{entity}/{id}` in step; a party without a role any more keeps an empty entry.
fn index_parties(ctx: &mut Context<'_, '_>, before: Option<&Record>, after: &Record) {
    let old = before.map(|record| party_roles(ctx.state, record)).unwrap_or_default();
    let new = party_roles(ctx.state, after);
    let everyone: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for entity in everyone {
        if old.get(entity) != new.get(entity) {
            let roles = new.get(entity).cloned().unwrap_or_default();
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

/// Whether `person` holds a standing consent for records of `profile_id` given by `giver`, each
/// member on its own.
pub fn consents(ctx: &Context<'_, '_>, ubin: &str, profile_id: &str, giver: &str) -> bool {
    consent::covers(ctx.state, ubin, profile_id, giver, ctx.time_ms)
}

/// The endorsement entry of a record: `etr/endorsement/{id}/{n}`.
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Endorsement {
    /// Its place in the chain, from 1.
    pub n: u64,
    /// special, blank, restrictive, collection or pledge.
    pub kind: String,
    /// The endorser, JCS of the person.
    pub endorser: String,
    /// The endorsee, JCS of the person; empty for blank.
    pub endorsee: String,
    /// Whether the endorser excluded recourse.
    pub without_recourse: bool,
    /// Digest of the op by which the endorser signed it.
    pub op: Digest,
    /// Block time at which it took effect, ms.
    pub time_ms: u64,
    /// Where the receiver was when it took effect.
    pub place: String,
}
