//! `proposal_open`, `proposal_vote`, `proposal_withdraw` (ledger.md §8).
//!
//! Invariants: each is signed by the root quorum of one state; a state votes once and for good; a
//! proposal is decided at most once, and what it says is written by the vote that decides, whole or
//! not at all.

use super::effect::{self, Put};
use super::parameter;
use super::proposal::{
    self, Choice, Decision, Ended, Kind, Phase, Proposal, Proposals, Vote, body_key, proposal_key,
    proposals_key, vote_key,
};
use crate::access::{self, authority};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::{self, Members, Value};
use crate::limits;
use crate::op::Op;

/// Kinds that later releases bring.
const NOT_BUILT: &[&str] =
    &["validator_set", "ams_admit", "ams_status", "upgrade", "emergency_freeze"];

/// `proposal_open {author, no, kind, body, consultationS, votingS}`.
pub(super) fn open(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let author = args.text("author")?;
    let no = args.uint("no")?;
    let kind = read_kind(&mut args)?;
    let body = args.required("body")?;
    let (consultation_s, voting_s) = (args.uint("consultationS")?, args.uint("votingS")?);
    args.finish()?;
    require_member(ctx, op, author, "/args/author")?;
    let mut proposals: Proposals = ctx.state.read(&proposals_key()).unwrap_or_default();
    if no != proposals.last.saturating_add(1) {
        return Err(Reject::new(Code::VersionConflict, "/args/no", ""));
    }
    let limit = |name: &str| Err(Reject::new(Code::LimitExceeded, name, ""));
    let consultation = parameter::consultation_s(ctx.state)..=limits::CONSULTATION_S_MAX;
    if !consultation.contains(&consultation_s) {
        return limit("/args/consultationS");
    }
    if !(limits::VOTING_S_MIN..=limits::VOTING_S_MAX).contains(&voting_s) {
        return limit("/args/votingS");
    }
    let text = body.to_jcs();
    if text.len() > limits::PROPOSAL_BODY_BYTES_MAX {
        return limit("/args/body");
    }
    make_room(&mut proposals, author, ctx.time_ms)?;
    let subject = try_out(ctx, kind, body)?;
    let voting_from_ms = ctx.time_ms.saturating_add(consultation_s.saturating_mul(1000));
    let opened = Proposal {
        no,
        kind,
        subject,
        digest: proposal::digest_of(kind, body),
        author: author.to_owned(),
        opened_height: ctx.height,
        opened_ms: ctx.time_ms,
        voting_from_ms,
        voting_until_ms: voting_from_ms.saturating_add(voting_s.saturating_mul(1000)),
        members: access::members(ctx.state).len() as u64,
        yes: 0,
        no_votes: 0,
        abstain: 0,
        ended: None,
    };
    proposals.last = no;
    proposals.open.push((no, opened.author.clone(), opened.voting_until_ms));
    ctx.state.write(proposals_key(), &proposals);
    ctx.state.write(body_key(no), &text);
    store(ctx, op, &opened, []);
    Ok(())
}

fn read_kind(args: &mut Members<'_>) -> Result<Kind, Reject> {
    let name = args.text("kind")?;
    match Kind::parse(name) {
        Some(kind) => Ok(kind),
        None if NOT_BUILT.contains(&name) => {
            let why = "proposals of this kind come with a later release";
            Err(Reject::new(Code::NotBuilt, &args.pointer("kind"), why))
        }
        None => Err(args.malformed("kind", "unknown kind")),
    }
}

/// The root quorum of `cc`, a state of the network.
fn require_member(ctx: &mut Context<'_, '_>, op: &Op, cc: &str, field: &str) -> Result<(), Reject> {
    let signers = authority::signers(ctx, op)?;
    authority::require_root(ctx, &signers, cc)?;
    if access::members(ctx.state).iter().any(|member| member == cc) {
        Ok(())
    } else {
        Err(Reject::new(Code::PartyUnknown, field, "no state of the network"))
    }
}

/// Forgets what has lapsed, and asks for a place among those that are open.
fn make_room(proposals: &mut Proposals, author: &str, t: u64) -> Result<(), Reject> {
    proposals.open.retain(|(_, _, until_ms)| t < *until_ms);
    let own = proposals.open.iter().filter(|(_, by, _)| by == author).count();
    let full = proposals.open.len() >= limits::PROPOSALS_OPEN_MAX;
    if full || own >= limits::PROPOSALS_PER_AUTHOR_MAX {
        return Err(Reject::new(Code::ProposalLimit, "/args/author", ""));
    }
    Ok(())
}

/// Whether the body would hold now; leaves no trace.
fn try_out(ctx: &mut Context<'_, '_>, kind: Kind, body: &Value) -> Result<String, Reject> {
    let mark = ctx.state.mark();
    let tried = effect::put(ctx, kind, body);
    ctx.state.roll_back(mark);
    Ok(tried?.subject)
}

/// `proposal_vote {by, no, digest, vote}`: `digest` names what is voted on.
pub(super) fn vote(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let by = args.text("by")?;
    let no = args.uint("no")?;
    let digest = args.digest("digest")?;
    let choice = Choice::parse(args.text("vote")?)
        .ok_or_else(|| args.malformed("vote", "yes, no or abstain"))?;
    args.finish()?;
    require_member(ctx, op, by, "/args/by")?;
    let mut proposal = find(ctx, no)?;
    if proposal.digest != digest {
        return Err(Reject::new(Code::VersionConflict, "/args/digest", "another proposal"));
    }
    if ctx.state.holds(&vote_key(no, by)) {
        return Err(Reject::new(Code::VoteCast, "/args/by", ""));
    }
    match proposal.phase(ctx.time_ms) {
        Phase::Voting => {}
        Phase::Consultation => {
            return Err(Reject::new(Code::DelayRunning, "/args/no", "consultation"));
        }
        _ => return Err(Reject::new(Code::ProposalState, "/args/no", "")),
    }
    let cast = Vote { choice, height: ctx.height, ms: ctx.time_ms };
    ctx.state.write(vote_key(no, by), &cast);
    proposal.count(choice);
    let decision = match proposal.verdict() {
        Some(true) => Some(put_in_force(ctx, &proposal)),
        Some(false) => Some(Decision::Rejected(None)),
        None => None,
    };
    if let Some(decision) = decision {
        end(ctx, &mut proposal, decision);
    }
    store(ctx, op, &proposal, [("by", Value::from(by)), ("vote", Value::from(choice.name()))]);
    Ok(())
}

/// Writes what the states agreed on. What broke a rule since it was opened, because another proposal
/// took the version, say, is rejected by that rule, and the votes stand.
fn put_in_force(ctx: &mut Context<'_, '_>, proposal: &Proposal) -> Decision {
    let mark = ctx.state.mark();
    let text: String = ctx.state.read(&body_key(proposal.no)).unwrap_or_default();
    let body = json::parse(text.as_bytes());
    match body.and_then(|body| effect::put(ctx, proposal.kind, &body)) {
        Ok(Put { subject, act }) => {
            if let Some(act) = act {
                ctx.emit(act, &subject, [("proposal", Value::from(proposal.no))]);
            }
            Decision::Accepted
        }
        Err(reject) => {
            ctx.state.roll_back(mark);
            Decision::Rejected(Some(reject.code.number()))
        }
    }
}

/// `proposal_withdraw {author, no}`.
pub(super) fn withdraw(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let author = args.text("author")?;
    let no = args.uint("no")?;
    args.finish()?;
    require_member(ctx, op, author, "/args/author")?;
    let mut proposal = find(ctx, no)?;
    if proposal.author != author {
        return Err(Reject::new(Code::NotOwner, "/args/author", "another state opened it"));
    }
    if !matches!(proposal.phase(ctx.time_ms), Phase::Consultation | Phase::Voting) {
        return Err(Reject::new(Code::ProposalState, "/args/no", ""));
    }
    end(ctx, &mut proposal, Decision::Withdrawn);
    store(ctx, op, &proposal, []);
    Ok(())
}

fn find(ctx: &Context<'_, '_>, no: u64) -> Result<Proposal, Reject> {
    let unknown = || Reject::new(Code::UnknownProposal, "/args/no", "");
    ctx.state.read(&proposal_key(no)).ok_or_else(unknown)
}

fn end(ctx: &mut Context<'_, '_>, proposal: &mut Proposal, decision: Decision) {
    proposal.ended = Some(Ended { decision, height: ctx.height, ms: ctx.time_ms });
    let mut proposals: Proposals = ctx.state.read(&proposals_key()).unwrap_or_default();
    proposals.open.retain(|(no, _, _)| *no != proposal.no);
    ctx.state.write(proposals_key(), &proposals);
}

/// Writes a proposal and tells of it.
fn store<const N: usize>(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    proposal: &Proposal,
    more: [(&str, Value); N],
) {
    ctx.state.write(proposal_key(proposal.no), proposal);
    let data = [
        ("kind", Value::from(proposal.kind.name())),
        ("subject", Value::from(proposal.subject.as_str())),
        ("state", Value::from(proposal.phase(ctx.time_ms).name())),
    ];
    ctx.emit(&op.name(), &proposal.no.to_string(), data.into_iter().chain(more));
}
