//! The acts on challenges (ubin.md §4.4).
//!
//! Invariant: OPEN → ACKNOWLEDGED → UPHELD or REJECTED; WITHDRAWN by the challenger from the first
//! two. The op names its challenger, so that two of them can say the same thing.

use super::{current_number, read_number, read_reason, require};
use crate::access::authority::{self, Rule};
use crate::access::{Party, holder};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::ubin::challenge::{
    self, Challenge, ChallengeState, Clock, Ground, challenge_key, clock_key, open_key,
};
use crate::ubin::counter;
use crate::ubin::identifier::Ubin;
use crate::ubin::record;
use crate::ubin::scheme;
use crate::ubin::vocabulary::EvidenceType;

/// Members that a pointer of a challenge may walk through; a number may follow.
const MEMBERS: &[&str] = &[
    "activity",
    "address",
    "category",
    "city",
    "code",
    "commit",
    "confirmedOn",
    "controllers",
    "corroboration",
    "country",
    "dia",
    "did",
    "digest",
    "displayId",
    "elf",
    "endedOn",
    "entity",
    "evidence",
    "from",
    "identifiers",
    "isic",
    "lang",
    "legalForm",
    "legalName",
    "lines",
    "nameCommit",
    "national",
    "otherNames",
    "postalCode",
    "reason",
    "region",
    "registeredOn",
    "relations",
    "scheme",
    "since",
    "sizeClass",
    "sourceAsOf",
    "status",
    "target",
    "tradeNamePublic",
    "type",
    "ubin",
    "until",
    "validFrom",
    "value",
    "verifiedOn",
];

/// `challenge_open {by, ubin, version, ground, fields, evidence}`, signed by `by`: a registrar of
/// any state, or a live business.
pub(super) fn open(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let by = m.text("by")?;
    let party = Party::parse(by)
        .filter(|party| !matches!(party, Party::Root(_)))
        .ok_or_else(|| m.malformed("by", "a registrar or a business"))?;
    let (ubin, version) = (m.text("ubin")?, m.uint("version")?);
    let ground = Ground::parse(m.text("ground")?)
        .ok_or_else(|| m.malformed("ground", "not a ground of the list"))?;
    let (fields, evidence) = (read_fields(&mut m)?, read_evidence(&mut m)?);
    m.finish()?;
    let known = read_number(ctx, ubin, "/args/ubin")?;
    let challenger = require_challenger(ctx, op, &party, &known.ubin)?;
    let record = match record::find(ctx.state, &known.ubin) {
        Some((number, record)) if number == known.ubin => record,
        _ => return Err(Reject::new(Code::UbinUnknown, "/args/ubin", "")),
    };
    if record.version != version {
        return Err(Reject::new(Code::VersionConflict, "/args/version", ""));
    }
    if ctx.state.holds(&challenge_key(&op.digest)) {
        return Err(Reject::new(Code::ChallengeState, "/args", "this challenge was made before"));
    }
    let mut index = challenge::open(ctx.state, &record.entity, &known.ubin.cc);
    let own = index.iter().filter(|other| other.challenger == challenger).count();
    if own >= limits::CHALLENGES_PER_CHALLENGER_MAX || index.len() >= limits::CHALLENGES_MAX {
        return Err(Reject::new(Code::ChallengeLimit, "/args/ubin", ""));
    }
    let clock = Clock::of_state(ctx.state, &known.ubin.cc);
    let (ack_due_ms, decide_due_ms) = Challenge::due(clock, ground, ctx.time_ms);
    let opened = Challenge {
        ubin: ubin.to_owned(),
        entity: record.entity.clone(),
        version,
        meta_seq: record.meta.seq,
        ground,
        fields,
        evidence,
        by: by.to_owned(),
        opened_ms: ctx.time_ms,
        ack_due_ms,
        decide_due_ms,
        state: ChallengeState::Open,
        ended_ms: 0,
        reason: None,
    };
    index.push(opened.open_entry(op.digest, &challenger));
    ctx.state.write(open_key(&record.entity, &known.ubin.cc), &index);
    store(ctx, op, op.digest, &known.ubin.cc, opened);
    Ok(())
}

/// `challenge_ack {id}`, by the register of the record.
pub(super) fn acknowledge(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let id = m.digest("id")?;
    m.finish()?;
    let (mut challenge, number) = load(ctx, &id)?;
    let known = read_number(ctx, &challenge.ubin, "/args/id")?;
    require(ctx, op, &[&known], Rule::R1)?;
    if challenge.state != ChallengeState::Open {
        return Err(Reject::new(Code::ChallengeState, "/args/id", ""));
    }
    challenge.state = ChallengeState::Acknowledged;
    let key = open_key(&challenge.entity, &number.cc);
    let mut index = challenge::open(ctx.state, &challenge.entity, &number.cc);
    for entry in index.iter_mut().filter(|entry| entry.id == id) {
        *entry = challenge.open_entry(id, &entry.challenger);
    }
    ctx.state.write(key, &index);
    store(ctx, op, id, &number.cc, challenge);
    Ok(())
}

/// `challenge_decide {id, decision, reason?}`, by the register of the record.
pub(super) fn decide(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let id = m.digest("id")?;
    let decision = ChallengeState::parse(m.text("decision")?)
        .filter(|state| matches!(state, ChallengeState::Upheld | ChallengeState::Rejected))
        .ok_or_else(|| m.malformed("decision", "UPHELD or REJECTED"))?;
    let reason = read_reason(&mut m)?;
    m.finish()?;
    let (mut challenge, number) = load(ctx, &id)?;
    let known = read_number(ctx, &challenge.ubin, "/args/id")?;
    require(ctx, op, &[&known], Rule::R2)?;
    if challenge.state != ChallengeState::Acknowledged {
        return Err(Reject::new(Code::ChallengeState, "/args/id", "acknowledge it first"));
    }
    if decision == ChallengeState::Rejected {
        super::require_reason(reason)?;
    } else if !is_corrected(ctx, &challenge, &number) {
        return Err(Reject::new(Code::ChallengeNoCorrection, "/args/id", ""));
    }
    challenge.reason = reason;
    end(ctx, op, id, &number, challenge, decision);
    Ok(())
}

/// `challenge_withdraw {id}`, by the challenger.
pub(super) fn withdraw(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let id = m.digest("id")?;
    m.finish()?;
    let (challenge, number) = load(ctx, &id)?;
    let party =
        Party::parse(&challenge.by).ok_or_else(|| Reject::new(Code::Malformed, "/args/id", ""))?;
    require_challenger(ctx, op, &party, &number)?;
    if !challenge.state.is_open() {
        return Err(Reject::new(Code::ChallengeState, "/args/id", ""));
    }
    end(ctx, op, id, &number, challenge, ChallengeState::Withdrawn);
    Ok(())
}

/// `challenge_clock {cc, version, acknowledgeDays, decideDays, personalDataAcknowledgeDays,
/// personalDataDecideDays}`: a state answers challenges in fewer days than it must, 1 at least. Signed
/// by its root quorum; challenges that are open keep their times.
pub(super) fn set_clock(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let (cc, version) = (m.text("cc")?, m.uint("version")?);
    let days = (m.uint("acknowledgeDays")?, m.uint("decideDays")?);
    let personal = (m.uint("personalDataAcknowledgeDays")?, m.uint("personalDataDecideDays")?);
    m.finish()?;
    if scheme::country(ctx.state, cc).is_none() {
        return Err(Reject::new(Code::UbinCountryUnknown, "/args/cc", ""));
    }
    let signers = authority::signers(ctx, op)?;
    authority::require_root(ctx, &signers, cc)?;
    let before = Clock::of_state(ctx.state, cc);
    if version != before.version.saturating_add(1) {
        return Err(Reject::new(Code::VersionConflict, "/args/version", ""));
    }
    let clock = Clock { version, days, personal_data_days: personal };
    check_clock(&clock)?;
    ctx.state.write(clock_key(cc), &clock);
    let value = clock.to_value(cc);
    let members = value.as_object().unwrap_or_default().iter();
    ctx.emit(&op.name(), cc, members.map(|(name, value)| (name.as_str(), value.clone())));
    Ok(())
}

/// Every time from one day to that of all states, and none to decide before the one to acknowledge.
fn check_clock(clock: &Clock) -> Result<(), Reject> {
    let longest = Clock::LONGEST;
    let times = [
        ("acknowledgeDays", clock.days.0, 1, longest.days.0),
        ("decideDays", clock.days.1, clock.days.0, longest.days.1),
        (
            "personalDataAcknowledgeDays",
            clock.personal_data_days.0,
            1,
            longest.personal_data_days.0,
        ),
        (
            "personalDataDecideDays",
            clock.personal_data_days.1,
            clock.personal_data_days.0,
            longest.personal_data_days.1,
        ),
    ];
    for (name, days, least, most) in times {
        if !(least..=most).contains(&days) {
            let detail = format!("{least} to {most} days: a state may shorten, not lengthen");
            return Err(Reject::new(Code::LimitExceeded, &format!("/args/{name}"), &detail));
        }
    }
    Ok(())
}

/// One key of the challenger, whose scope covers the act for the scheme of the record; gives the
/// name under which the challenger is stored.
fn require_challenger(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    party: &Party,
    ubin: &Ubin,
) -> Result<String, Reject> {
    let signers = authority::signers(ctx, op)?;
    let scope = format!("{}:{}", op.name(), ubin.scheme);
    authority::require_party(ctx, &signers, party, &scope)?;
    let within = |signer: &authority::Signer| {
        let mandate = signer.mandate.as_ref();
        mandate.is_none_or(|(_, mandate)| mandate.allows(&op.name(), Some(&ubin.scheme), None))
    };
    if !signers.is_empty() && !signers.iter().any(within) {
        return Err(Reject::new(Code::MandateLimit, "/sigs", "out of its limits"));
    }
    holder(ctx.state, party)
        .filter(|holder| holder.live)
        .map(|holder| holder.name)
        .ok_or_else(|| Reject::new(Code::PartyNotLive, "/args/by", ""))
}

/// A challenge with the number of its record as of its opening.
fn load(ctx: &Context<'_, '_>, id: &Digest) -> Result<(Challenge, Ubin), Reject> {
    let unknown = || Reject::new(Code::NotFound, "/args/id", "no such challenge");
    let challenge = Challenge::load(ctx.state, id).ok_or_else(unknown)?;
    let number = Ubin::parse_canonical(&challenge.ubin).ok_or_else(unknown)?;
    Ok((challenge, number))
}

/// Whether a newer version, or a mark or closure, answers the challenge.
fn is_corrected(ctx: &Context<'_, '_>, challenge: &Challenge, number: &Ubin) -> bool {
    current_number(ctx, number).is_some_and(|record| {
        record.version > challenge.version || record.meta.seq > challenge.meta_seq
    })
}

fn end(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    id: Digest,
    number: &Ubin,
    mut challenge: Challenge,
    state: ChallengeState,
) {
    challenge.state = state;
    challenge.ended_ms = ctx.time_ms;
    let mut index = challenge::open(ctx.state, &challenge.entity, &number.cc);
    index.retain(|entry| entry.id != id);
    ctx.state.write(open_key(&challenge.entity, &number.cc), &index);
    store(ctx, op, id, &number.cc, challenge);
}

fn store(ctx: &mut Context<'_, '_>, op: &Op, id: Digest, cc: &str, challenge: Challenge) {
    let event = match challenge.state {
        ChallengeState::Open => "opened",
        ChallengeState::Acknowledged => "acknowledged",
        ChallengeState::Upheld => "upheld",
        ChallengeState::Rejected => "rejected",
        ChallengeState::Withdrawn => "withdrawn",
    };
    counter::event(ctx.state, "ubin_challenges", cc, ctx.time_ms, event);
    let data = [
        ("id", Value::from(id)),
        ("ubin", Value::from(challenge.ubin.as_str())),
        ("entity", Value::from(challenge.entity.as_str())),
        ("version", Value::from(challenge.version)),
        ("ground", Value::from(challenge.ground.name())),
        ("by", Value::from(challenge.by.as_str())),
        ("state", Value::from(challenge.state.name())),
    ];
    ctx.emit(&op.name(), &challenge.ubin, data);
    ctx.state.write(challenge_key(&id), &challenge);
}

/// Up to eight JSON pointers below the body; no free text can stand in them.
fn read_fields(m: &mut Members<'_>) -> Result<Vec<String>, Reject> {
    let fields = m.texts("fields")?;
    if fields.len() > limits::CHALLENGE_FIELDS_MAX {
        return Err(Reject::new(Code::FieldLimit, "/args/fields", "at most eight"));
    }
    let is_segment = |segment: &str| {
        let number =
            (1..=2).contains(&segment.len()) && segment.bytes().all(|b| b.is_ascii_digit());
        number || MEMBERS.contains(&segment)
    };
    let is_pointer = |field: &str| {
        field.len() <= limits::CHALLENGE_FIELD_BYTES_MAX
            && field.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
    };
    if !fields.iter().all(|field| is_pointer(field)) {
        return Err(m.malformed("fields", "JSON pointers below the body"));
    }
    Ok(fields.into_iter().map(str::to_owned).collect())
}

fn read_evidence(m: &mut Members<'_>) -> Result<Vec<(EvidenceType, String)>, Reject> {
    let items = m.list("evidence")?;
    if items.len() > limits::CHALLENGE_EVIDENCE_MAX {
        return Err(Reject::new(Code::FieldLimit, "/args/evidence", "at most four"));
    }
    let mut evidence = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let mut m = Members::of(item, &format!("/args/evidence/{i}"))?;
        let kind = EvidenceType::parse(m.text("type")?)
            .ok_or_else(|| m.malformed("type", "not a word of the vocabulary"))?;
        let digest = m.text("digest")?;
        if Digest::parse_with("sha256:", digest).is_none() {
            return Err(m.malformed("digest", "sha256: and 64 hex digits"));
        }
        evidence.push((kind, digest.to_owned()));
        m.finish()?;
    }
    Ok(evidence)
}
