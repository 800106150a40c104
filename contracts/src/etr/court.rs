//! Court acts, off unless the home state enacted a court policy (etr.md §6.8, etr-profiles.md §5).
//!
//! Invariants: I16 no vote of other states, no validator and no operator performs or undoes a court
//! act; I19 every freeze and every notice ends. Only the home state writes its policy, in public,
//! thirty days before it takes effect; until then the one before stays in force.

use borsh::{BorshDeserialize, BorshSerialize};

use super::endorsement::{self, Entry};
use super::kernel::{Work, clear_pending};
use super::keys;
use super::person::Person;
use super::profile::Profile;
use super::record::{Aside, Capacity, End, Endorse, Frozen, Notice, Record, Title, TitleKind};
use crate::access::{Party, authority, scope};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::limits;
use crate::state::{KeyBuilder, Overlay};

/// The acts that a policy may allow.
pub const ACTS: &[&str] =
    &["freeze", "unfreeze", "court_notice", "court_transfer", "court_amend", "court_annul"];

/// What a state lets its courts do.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CourtPolicy {
    /// The state.
    pub ams: String,
    /// The acts, of [`ACTS`].
    pub acts: Vec<String>,
    /// The statute or rule of court.
    pub basis: String,
    /// Party and number of each court key.
    pub court_keys: Vec<(String, u64)>,
    /// Court keys that sign together.
    pub court_k: u64,
    /// Registrar keys that sign with them.
    pub registry_k: u64,
    /// Notice before acts that need it, s; 72 h or more.
    pub notice_s: u64,
    /// Whether orders may dispense with notice. No act can say so yet, so notice is always asked.
    pub ex_parte: bool,
    /// Longest freeze, s; 90 days or less.
    pub freeze_max_s: u64,
    /// Whether records issued before `from_height` are reached too, 90 days after effect.
    pub reach_all: bool,
    /// Records issued at or above are reached.
    pub from_height: u64,
    /// From when it holds, ms.
    pub effective_ms: u64,
    /// Raised by each change.
    pub version: u64,
}

/// The policies of a state: the one in force and, if one waits for its time, that one.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CourtPolicies(pub Vec<CourtPolicy>);

/// State key of the court policies of a state: `gov/court/{ams}`.
pub fn policy_key(ams: &str) -> Vec<u8> {
    KeyBuilder::new("gov", "court").text(ams).build()
}

/// The policy of a state that holds at `t`.
pub fn policy(state: &Overlay<'_>, ams: &str, t: u64) -> Option<CourtPolicy> {
    let all: CourtPolicies = state.read(&policy_key(ams)).unwrap_or_default();
    all.0.into_iter().rev().find(|policy| policy.effective_ms <= t)
}

/// Writes a policy beside the one in force at `t`. Who may is for the caller to ask.
pub fn put_policy(state: &mut Overlay<'_>, policy: CourtPolicy, t: u64) {
    let current = self::policy(state, &policy.ams, t);
    let key = policy_key(&policy.ams);
    state.write(key, &CourtPolicies(current.into_iter().chain([policy]).collect()));
}

/// `COURT_DISABLED`, `COURT_SCOPE`, `COURT_QUORUM`; the policy in force otherwise.
fn require_policy(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
) -> Result<CourtPolicy, Reject> {
    let policy = policy(ctx.state, &record.public.home, ctx.time_ms)
        .filter(|policy| policy.acts.contains(&work.op.act))
        .ok_or_else(|| Reject::new(Code::CourtDisabled, "/act", ""))?;
    let issued = Aside::load(ctx.state, &record.public.id).issued_height;
    let all_ms = policy.effective_ms.saturating_add(limits::COURT_REACH_ALL_DELAY_MS);
    if issued < policy.from_height && !(policy.reach_all && all_ms <= ctx.time_ms) {
        return Err(Reject::new(Code::CourtScope, "/id", ""));
    }
    let (court, registry) = count(ctx, work, &policy);
    let enough = court >= policy.court_k && registry >= policy.registry_k;
    if enough || work.signed.assumed || work.trial {
        Ok(policy)
    } else {
        Err(Reject::new(Code::CourtQuorum, "/sigs", ""))
    }
}

/// Keys of the court, and of registrar authorities that are no court.
fn count(ctx: &Context<'_, '_>, work: &Work<'_>, policy: &CourtPolicy) -> (u64, u64) {
    let (mut court, mut registry) = (0, 0);
    for signer in &work.signed.signers {
        let party = authority::party_text(&signer.party);
        if policy.court_keys.contains(&(party.clone(), signer.key_no)) {
            court += 1;
        } else if !policy.court_keys.iter().any(|(of, _)| *of == party)
            && is_registrar(ctx, &signer.party)
        {
            registry += 1;
        }
    }
    (court, registry)
}

/// An authority that its root lets write UBIN records.
fn is_registrar(ctx: &Context<'_, '_>, party: &Party) -> bool {
    let covers = |scope: &String| {
        scope::covers(scope, "ubin.register") || scope.starts_with("ubin.register:")
    };
    authority::authority_of(ctx.state, party).is_some_and(|entry| entry.scopes.iter().any(covers))
}

/// A court freezes the record, or renews a freeze by a new order: an order that froze it once is
/// spent, also when its freeze was lifted, else it would last for ever.
pub fn freeze(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    order: Digest,
    until_ms: u64,
    permits: &[String],
) -> Result<(), Reject> {
    if until_ms <= ctx.time_ms {
        return Err(Reject::new(Code::BadDeadline, "/args/untilMs", ""));
    }
    let policy = require_policy(ctx, work, record)?;
    let longest = policy.freeze_max_s.min(limits::ETR_FREEZE_S_MAX).saturating_mul(1000);
    if until_ms > ctx.time_ms.saturating_add(longest) {
        return Err(Reject::new(Code::FreezeTooLong, "/args/untilMs", ""));
    }
    let spent = ctx.state.holds(&keys::spent_order(&record.public.id, order));
    if spent || record.public.frozen.as_ref().is_some_and(|frozen| frozen.order == order) {
        return Err(Reject::new(Code::FreezeTooLong, "/args/order", "a renewal needs a new order"));
    }
    let frozen = Frozen { until_ms, order, permits: permits.to_vec() };
    if let Some(before) = record.public.frozen.replace(frozen) {
        spend(ctx, record, &before);
    }
    Ok(())
}

/// Remembers the order of a freeze that ends. A part of a record that was split while frozen carries
/// the freeze on, so the end is where each of them is known.
fn spend(ctx: &mut Context<'_, '_>, record: &Record, frozen: &Frozen) {
    ctx.state.write(keys::spent_order(&record.public.id, frozen.order), &true);
}

/// A court lifts a freeze; after its end anyone does.
pub fn unfreeze(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
) -> Result<(), Reject> {
    let over = record.public.frozen.as_ref().is_some_and(|frozen| frozen.until_ms < ctx.time_ms);
    if !over {
        require_policy(ctx, work, record)?;
    }
    let frozen = record.public.frozen.take();
    let frozen = frozen.ok_or_else(|| Reject::new(Code::NotFrozen, "/act", ""))?;
    spend(ctx, record, &frozen);
    Ok(())
}

/// A court gives notice of an act to come.
pub fn notice(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    act: &str,
    order: Digest,
) -> Result<(), Reject> {
    require_policy(ctx, work, record)?;
    record.party.notice = Some(Notice { act: act.to_owned(), order, ms: ctx.time_ms });
    Ok(())
}

/// Whether the notice of a record stands: it lapses 30 days after it has run at the longest (I19).
pub fn notice_stands(ctx: &Context<'_, '_>, record: &Record) -> bool {
    let runs_ms = policy(ctx.state, &record.public.home, ctx.time_ms)
        .map_or(limits::ETR_NOTICE_S_MIN, |policy| policy.notice_s.max(limits::ETR_NOTICE_S_MIN))
        .saturating_mul(1000);
    record.party.notice.as_ref().is_some_and(|notice| {
        let until = notice.ms.saturating_add(runs_ms).saturating_add(limits::ETR_NOTICE_LIFE_MS);
        ctx.time_ms <= until
    })
}

/// The policy, and `NOTICE_RUNNING` unless a notice of this act and order has run and is not
/// older than thirty days beyond.
pub fn require_notice(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
    act: &str,
    order: Digest,
) -> Result<(), Reject> {
    let policy = require_policy(ctx, work, record)?;
    let notice_s = policy.notice_s.max(limits::ETR_NOTICE_S_MIN);
    let ripe = record.party.notice.as_ref().is_some_and(|notice| {
        let from = notice.ms.saturating_add(notice_s.saturating_mul(1000));
        let until = from.saturating_add(limits::ETR_NOTICE_LIFE_MS);
        notice.act == act && notice.order == order && (from..=until).contains(&ctx.time_ms)
    });
    if ripe { Ok(()) } else { Err(Reject::new(Code::NoticeRunning, "/args/order", "")) }
}

/// Whether records of a type can bear title of a kind: from issue on, or by an endorsement.
fn bears(profile: &Profile, kind: TitleKind) -> bool {
    let by_endorsement: &[Endorse] = match kind {
        TitleKind::None => &[],
        TitleKind::Bearer => &[Endorse::Blank],
        TitleKind::ToOrder => &[Endorse::Special, Endorse::Collection, Endorse::Pledge],
        TitleKind::Named => &[Endorse::Restrictive],
    };
    profile.initial.iter().any(|initial| initial == kind.text())
        || by_endorsement.iter().any(|by| profile.endorse.iter().any(|own| own == by.text()))
}

/// A court moves control and title, as ordered. What was pending ends; pledges stay.
/// `TITLE_FORBIDDEN` for title that no record of the type can bear.
pub fn transfer(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    order: Digest,
    to: &Person,
    title: &(TitleKind, Option<Person>),
) -> Result<(), Reject> {
    require_notice(ctx, work, record, "court_transfer", order)?;
    if !bears(work.profile, title.0) {
        return Err(Reject::new(Code::TitleForbidden, "/args/title/kind", ""));
    }
    let to = to.in_force(ctx.state);
    let holder = title.1.as_ref().map(|party| party.in_force(ctx.state));
    let from = record.party.controller.clone();
    let entry = Entry {
        kind: "court_transfer",
        from: &from,
        to: holder.as_ref(),
        without_recourse: true,
        op: work.op.digest,
        place: &work.request.place,
    };
    endorsement::append(ctx, record, &entry);
    record.party.title =
        Title { kind: title.0, party: holder, capacity: Capacity::Owner, principal: None };
    record.party.controller = to;
    record.party.notice = None;
    clear_pending(record);
    Ok(())
}

/// A court annuls the record.
pub fn annul(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    order: Digest,
) -> Result<(), Reject> {
    require_notice(ctx, work, record, "court_annul", order)?;
    record.party.notice = None;
    record.party.pledges.clear();
    record.end(End::Annulled);
    Ok(())
}
