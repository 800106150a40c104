//! Ops that wait on the ledger for signatures: `stage`, `cosign`, `unstage` (etr.md §4).
//!
//! A staged op is bound to (id, seq, head): any other op on the record makes it void. It gives no
//! right of its own: the last signature runs it through the same kernel as any op. An entry that
//! ends is marked, so a staging transaction cannot be replayed.
//!
//! Invariant: nobody keeps those who decide on a record from its places ([`Standing`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::act::Act;
use super::bundle;
use super::content;
use super::kernel::{self, Extent};
use super::keys;
use super::person::identity;
use super::record::Record;
use super::request::Request;
use super::signing::{self, Question, Role};
use crate::context::{Authority, Context};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{self, Value};
use crate::limits;
use crate::op::{Op, OpSignature, Register};
use crate::state::Overlay;
use crate::transaction::{Transaction, TransactionId};

/// What became of a staged op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StageState {
    /// It waits, unless the record moved on or its time is over.
    Waiting,
    /// Complete and carried out.
    Done,
    /// Removed by a signer, or it gave way to one that comes before it.
    Removed,
}

/// How near to a record those are who signed a staged op, the nearest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// No party to it: a receiver to be, a successor; of a number that is not issued all but its
    /// issuer.
    Outsider,
    /// A party to it.
    Party,
    /// Its obligor or issuer.
    Obligor,
    /// Its controller or one of its holders; of a number that is not issued its issuer.
    Controller,
}

/// A staged op: `etr/stage/{id}/{opDigest}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Staged {
    /// The op with the signatures so far, canonical JSON.
    pub op: String,
    /// Until when it may be completed, ms, inclusive.
    pub until_ms: u64,
    /// What became of it.
    pub state: StageState,
    /// Roles that still lack signatures, by letter.
    pub missing: Vec<String>,
    /// The bundle it belongs to; its ops are under [`keys::staged_bundle`].
    pub bundle: Option<Digest>,
}

impl Staged {
    fn read_op(&self) -> Option<Op> {
        json::parse(self.op.as_bytes()).and_then(Op::from_value).ok()
    }
}

/// The staged op under a digest, with its entry.
pub fn staged(state: &Overlay<'_>, id: &str, digest: Digest) -> Option<(Staged, Op)> {
    let entry: Staged = state.read(&keys::stage(id, digest))?;
    let op = entry.read_op()?;
    Some((entry, op))
}

/// Whether the record is still where a staged op expects it, and its time is not over. Of a bundle
/// the first op on each record counts.
pub fn is_current(state: &Overlay<'_>, entry: &Staged, request: &Request, t: u64) -> bool {
    let waits = entry.state == StageState::Waiting && t <= entry.until_ms;
    match entry.bundle {
        None => waits && stands_at(state, request),
        Some(bundle) => {
            let mut seen = Vec::new();
            waits
                && members(state, bundle).iter().all(|(_, op)| {
                    Request::read(op).is_ok_and(|request| {
                        let first = !seen.contains(&request.id);
                        seen.push(request.id.clone());
                        !first || stands_at(state, &request)
                    })
                })
        }
    }
}

fn stands_at(state: &Overlay<'_>, request: &Request) -> bool {
    let issue = matches!(request.act, Act::Issue(_));
    let (seq, head) = Record::load(state, &request.id).filter(|_| !issue).map_or_else(
        || (0, super::genesis_hash(state)),
        |record| (record.public.seq, record.public.head),
    );
    // a number that was issued meanwhile is not where its issue expects it
    let free = !issue || Record::load(state, &request.id).is_none() || from_paper(request);
    free && request.seq == seq && request.head == head
}

fn from_paper(request: &Request) -> bool {
    matches!(&request.act, Act::Issue(args) if args.paper.is_some())
}

/// The ops of a staged bundle with their entries, in order.
pub fn members(state: &Overlay<'_>, bundle: Digest) -> Vec<(Staged, Op)> {
    let list: Vec<(String, Digest)> = state.read(&keys::staged_bundle(bundle)).unwrap_or_default();
    list.into_iter().filter_map(|(id, digest)| staged(state, &id, digest)).collect()
}

/// Keeps an op with part of its signatures; a complete one is carried out at once.
pub fn stage(ctx: &mut Context<'_, '_>, op: &Op, until_ms: u64) -> Result<(), Reject> {
    let missing = kernel::run(ctx, op, ctx.verified, Extent::Signatures, None)?;
    check_stage(ctx, std::slice::from_ref(op), until_ms)?;
    let request = Request::read(op)?;
    if ctx.state.holds(&keys::stage(&request.id, op.digest)) {
        return Err(Reject::new(Code::BadTransition, "/payload/op", "this op was staged before"));
    }
    let mut entry = Staged {
        op: op.value.to_jcs(),
        until_ms,
        state: StageState::Waiting,
        missing: owned(&missing),
        bundle: None,
    };
    if missing.is_empty() {
        kernel::run(ctx, op, ctx.verified, Extent::Whole, None)?;
        entry.state = StageState::Done;
    }
    ctx.state.write(keys::stage(&request.id, op.digest), &entry);
    if entry.state == StageState::Waiting {
        list(ctx, &request.id, op.digest)?;
        emit(ctx, "etr.stage", &request.id, op.digest);
    }
    Ok(())
}

/// One signer at least, and a time within thirty days.
fn check_stage(ctx: &Context<'_, '_>, ops: &[Op], until_ms: u64) -> Result<(), Reject> {
    let unsigned = ops.iter().all(|op| op.signatures.is_empty());
    if unsigned && ctx.authority == Authority::Signed {
        return Err(Reject::new(Code::MissingSigner, "/payload/op/sigs", "one signer stages"));
    }
    let latest = ctx.time_ms.saturating_add(limits::ETR_STAGE_MS_MAX);
    if until_ms <= ctx.time_ms || until_ms > latest {
        return Err(Reject::new(Code::BadDeadline, "/payload/untilMs", ""));
    }
    Ok(())
}

/// Keeps a bundle with part of its signatures; a complete one is carried out at once. It must be
/// such that it would apply now if all had signed.
pub fn stage_bundle(ctx: &mut Context<'_, '_>, ops: &[Op], until_ms: u64) -> Result<(), Reject> {
    let known = bundle::known_by_op(ops, ctx.verified);
    let missing = bundle::try_out(ctx, ops, &known)?;
    check_stage(ctx, ops, until_ms)?;
    let digest = bundle::digest_of(ops);
    let ids: Vec<(String, Digest)> = ops
        .iter()
        .map(|op| Request::read(op).map(|request| (request.id, op.digest)))
        .collect::<Result<_, _>>()?;
    let before = ids.iter().any(|(id, digest)| ctx.state.holds(&keys::stage(id, *digest)));
    if before || ctx.state.holds(&keys::staged_bundle(digest)) {
        return Err(Reject::new(Code::BadTransition, "/payload/op", "this op was staged before"));
    }
    let complete = missing.iter().all(Vec::is_empty);
    if complete {
        bundle::run(ctx, ops, &known, Extent::Whole)?;
    }
    ctx.state.write(keys::staged_bundle(digest), &ids);
    for ((op, lacks), (id, of)) in ops.iter().zip(&missing).zip(&ids) {
        let entry = Staged {
            op: op.value.to_jcs(),
            until_ms,
            state: if complete { StageState::Done } else { StageState::Waiting },
            missing: owned(lacks),
            bundle: Some(digest),
        };
        ctx.state.write(keys::stage(id, *of), &entry);
    }
    if !complete {
        for (id, of) in &ids {
            list(ctx, id, *of)?;
            emit(ctx, "etr.stage", id, *of);
        }
    }
    Ok(())
}

/// Adds one signature to an op of a staged bundle; the last one carries the bundle out.
fn cosign_bundle(
    ctx: &mut Context<'_, '_>,
    bundle: Digest,
    signed: &Op,
    fresh: (usize, Option<[u8; 32]>),
) -> Result<(), Reject> {
    let mut entries = members(ctx.state, bundle);
    for (entry, op) in &mut entries {
        if op.digest == signed.digest {
            *op = signed.clone();
            entry.op = signed.value.to_jcs();
        }
    }
    let ops: Vec<Op> = entries.iter().map(|(_, op)| op.clone()).collect();
    let known: Vec<Vec<Option<[u8; 32]>>> = ops
        .iter()
        .map(|op| {
            let known = |i| if op.digest == signed.digest && i == fresh.0 { fresh.1 } else { None };
            (0..op.signatures.len()).map(known).collect()
        })
        .collect();
    let missing = bundle::try_out(ctx, &ops, &known)?;
    let complete = missing.iter().all(Vec::is_empty);
    if complete {
        bundle::run(ctx, &ops, &known, Extent::Whole)?;
    }
    for ((entry, op), lacks) in entries.iter_mut().zip(&missing) {
        entry.missing = owned(lacks);
        if complete {
            entry.state = StageState::Done;
        }
        let id = Request::read(op)?.id;
        ctx.state.write(keys::stage(&id, op.digest), entry);
        if !complete && op.digest == signed.digest {
            emit(ctx, "etr.cosign", &id, op.digest);
        }
    }
    Ok(())
}

/// Adds one signature; the last one carries the op out.
pub fn cosign(
    ctx: &mut Context<'_, '_>,
    id: &str,
    digest: Digest,
    signature: &OpSignature,
) -> Result<(), Reject> {
    let (mut entry, op, request) = find(ctx, id, digest, "/payload/digest")?;
    if !is_current(ctx.state, &entry, &request, ctx.time_ms) {
        return Err(Reject::new(Code::StageStale, "/payload/digest", ""));
    }
    let twice = |s: &OpSignature| s.party == signature.party && s.key == signature.key;
    if op.signatures.iter().any(twice) {
        return Err(Reject::new(Code::SignatureOrder, "/payload/sig", "this key signed before"));
    }
    let value = Op::with_signature(&op.value, signature);
    let signed = Op::from_value(value)?;
    // only the new signature was looked at before; the others are verified again
    let fresh = ctx.verified.first().copied().flatten();
    if let Some(bundle) = entry.bundle {
        let at = signed.signatures.iter().position(twice).unwrap_or_default();
        return cosign_bundle(ctx, bundle, &signed, (at, fresh));
    }
    let known: Vec<Option<[u8; 32]>> =
        signed.signatures.iter().map(|s| if twice(s) { fresh } else { None }).collect();
    let bytes = Transaction::encode("op", Register::Etr, signed.value.clone());
    if bytes.len() > limits::TRANSACTION_BYTES_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/payload/sig", "the op is too large"));
    }
    let missing = kernel::run(ctx, &signed, &known, Extent::Signatures, None)?;
    entry.op = signed.value.to_jcs();
    entry.missing = owned(&missing);
    if missing.is_empty() {
        // the op is what happens; its transaction id is that of the complete op
        ctx.transaction = TransactionId::of(&bytes);
        kernel::run(ctx, &signed, &known, Extent::Whole, None)?;
        entry.state = StageState::Done;
    } else {
        emit(ctx, "etr.cosign", id, digest);
    }
    ctx.state.write(keys::stage(id, digest), &entry);
    Ok(())
}

/// A signer of a staged op removes it.
pub fn unstage(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    if op.act != "unstage" {
        return Err(Reject::new(Code::Malformed, "/payload/act", "unstage is expected"));
    }
    let mut frame = json::Members::of(&op.value, "")?;
    for common in ["act", "args", "chain", "register", "sigs"] {
        frame.required(common)?;
    }
    frame.finish()?;
    let mut args = op.read_args()?;
    let (id, digest) = (args.text("id")?.to_owned(), args.digest("digest")?);
    if !content::is_record_id(&id) {
        return Err(args.malformed("id", "a record id is expected"));
    }
    args.finish()?;
    let (entry, staged, _) = find(ctx, &id, digest, "/args/digest")?;
    check_remover(ctx, op, &staged)?;
    remove(ctx, &id, digest, entry)
}

/// Takes an op off. The ops of a bundle stand and fall together.
fn remove(
    ctx: &mut Context<'_, '_>,
    id: &str,
    digest: Digest,
    mut entry: Staged,
) -> Result<(), Reject> {
    entry.state = StageState::Removed;
    ctx.state.write(keys::stage(id, digest), &entry);
    emit(ctx, "etr.unstage", id, digest);
    for (mut other, op) in entry.bundle.map(|b| members(ctx.state, b)).unwrap_or_default() {
        other.state = StageState::Removed;
        let id = Request::read(&op)?.id;
        ctx.state.write(keys::stage(&id, op.digest), &other);
    }
    Ok(())
}

/// Who signed the staged op may remove it, with a key for `etr.unstage` or for the act itself.
fn check_remover(ctx: &mut Context<'_, '_>, op: &Op, staged: &Op) -> Result<(), Reject> {
    let members: Vec<String> =
        staged.signatures.iter().map(|s| signing::principal_of(s).to_owned()).collect();
    let able = |ctx: &mut Context<'_, '_>, scope: String| {
        let role = Role { members: members.clone(), k: 1, ..Role::party("signer", "", &scope) };
        let roles = [role];
        let question = Question {
            signatures: &op.signatures,
            digest: op.digest,
            known: ctx.verified,
            roles: Some(&roles),
            live: &[],
            profile: "",
            sum: None,
            partial: false,
        };
        signing::check(ctx, &question).map(|_| ())
    };
    match able(ctx, "etr.unstage".to_owned()) {
        Err(reject) if reject.code == Code::ScopeDenied => able(ctx, staged.name()),
        other => other,
    }
}

fn find(
    ctx: &Context<'_, '_>,
    id: &str,
    digest: Digest,
    field: &str,
) -> Result<(Staged, Op, Request), Reject> {
    let unknown = || Reject::new(Code::StageUnknown, field, "");
    let (entry, op) = staged(ctx.state, id, digest).ok_or_else(unknown)?;
    let request = Request::read(&op)?;
    if entry.state == StageState::Waiting { Ok((entry, op, request)) } else { Err(unknown()) }
}

/// Lists an op as open; those that are void are dropped from the list. Outsiders have one place, and
/// an op that finds none free takes that of the oldest of the lowest standing below its own: who has no
/// say in a record must not keep those from its places who do.
fn list(ctx: &mut Context<'_, '_>, id: &str, digest: Digest) -> Result<(), Reject> {
    let state = &*ctx.state;
    let unknown = || Reject::new(Code::StageUnknown, "/payload/op", "");
    let (entry, _) = staged(state, id, digest).ok_or_else(unknown)?;
    let mut open = open_of(state, id, ctx.time_ms);
    let of_bundle =
        |bundle: Option<Digest>, other: &Staged| bundle.is_some() && other.bundle == bundle;
    let own = standing(state, id, &entry);
    let others: Vec<(Standing, usize)> = (0..)
        .zip(&open)
        .filter(|(_, (_, other))| !of_bundle(entry.bundle, other))
        .map(|(at, (_, other))| (standing(state, id, other), at))
        .collect();
    let full = |what| Err(Reject::new(Code::LimitExceeded, "/payload/op", what));
    if own == Standing::Outsider && others.iter().any(|(other, _)| *other == own) {
        return full("an op that no party to the record signed waits already");
    }
    if open.len() >= limits::ETR_STAGES_MAX {
        let lowest = others.iter().filter(|(other, _)| *other < own).min();
        let Some((_, at)) = lowest else { return full("too many staged ops") };
        let (digest, gone) = open.remove(*at);
        open.retain(|(_, other)| !of_bundle(gone.bundle, other));
        remove(ctx, id, digest, gone)?;
    }
    let digests: Vec<Digest> = open.into_iter().map(|(digest, _)| digest).chain([digest]).collect();
    ctx.state.write(keys::stages(id), &digests);
    Ok(())
}

/// The standing of a staged op. All who signed ops of a bundle count, for they signed the whole.
fn standing(state: &Overlay<'_>, id: &str, entry: &Staged) -> Standing {
    let group = match entry.bundle {
        Some(bundle) => members(state, bundle),
        None => entry.read_op().map(|op| (entry.clone(), op)).into_iter().collect(),
    };
    let opens = |op: &Op| {
        Request::read(op)
            .is_ok_and(|request| request.id == id && matches!(request.act, Act::Issue(_)))
    };
    if let Some((issue, _)) = group.iter().find(|(_, op)| opens(op)) {
        let by_issuer = issue.missing.iter().all(|letter| letter != "I");
        return if by_issuer { Standing::Controller } else { Standing::Outsider };
    }
    let Some(record) = Record::load(state, id) else { return Standing::Outsider };
    let signatures = group.iter().flat_map(|(_, op)| &op.signatures);
    let signed: BTreeSet<Arc<str>> =
        signatures.map(|signature| identity(state, signing::principal_of(signature))).collect();
    let roles = kernel::party_roles(state, &record);
    let nearest =
        roles.iter().filter(|(entity, _)| signed.contains(entity)).map(|(_, role)| match *role {
            "controller" => Standing::Controller,
            "obligor" | "issuer" => Standing::Obligor,
            _ => Standing::Party,
        });
    nearest.max().unwrap_or(Standing::Outsider)
}

fn emit(ctx: &mut Context<'_, '_>, name: &str, id: &str, digest: Digest) {
    ctx.emit(name, id, [("digest", Value::from(digest))]);
}

fn owned(letters: &[&'static str]) -> Vec<String> {
    letters.iter().map(|letter| (*letter).to_owned()).collect()
}

/// The open staged ops of a record that are still current, each with the roles it lacks.
pub fn open_of(state: &Overlay<'_>, id: &str, t: u64) -> Vec<(Digest, Staged)> {
    let open: Vec<Digest> = state.read(&keys::stages(id)).unwrap_or_default();
    open.into_iter()
        .filter_map(|digest| {
            let (entry, op) = staged(state, id, digest)?;
            let request = Request::read(&op).ok()?;
            is_current(state, &entry, &request, t).then_some((digest, entry))
        })
        .collect()
}

/// Whom the open staged ops of a record concern, as identities: the parties of the record, who signed
/// an op, and whom it names.
pub fn concerned(state: &Overlay<'_>, id: &str, t: u64) -> Vec<String> {
    let mut everyone = BTreeSet::new();
    for (digest, _) in open_of(state, id, t) {
        let Some((_, op)) = staged(state, id, digest) else { continue };
        everyone.extend(concerned_by(state, id, &op));
    }
    everyone.into_iter().map(|entity| entity.to_string()).collect()
}

/// Whom one staged op concerns, as identities.
pub fn concerned_by(state: &Overlay<'_>, id: &str, op: &Op) -> BTreeSet<Arc<str>> {
    let mut named: Vec<String> =
        op.signatures.iter().map(|s| signing::principal_of(s).to_owned()).collect();
    match Request::read(op).map(|request| request.act) {
        Ok(Act::Issue(issue)) => {
            named.push(issue.obligor.clone());
            named.extend_from_slice(issue.to.members());
            named.extend(issue.paper.map(|paper| paper.custodian));
        }
        Ok(Act::Offer(offer)) => named.extend_from_slice(offer.to.members()),
        Ok(Act::Deliver(deliver)) => named.extend_from_slice(deliver.to.members()),
        Ok(Act::AssignControl { to } | Act::Enforce { to, .. }) => {
            named.extend_from_slice(to.members());
        }
        Ok(Act::Pledge(pledge)) => named.push(pledge.to.clone()),
        Ok(Act::Aval { guarantor, .. }) => named.push(guarantor),
        Ok(Act::RecoursePay { payer }) => named.push(payer),
        Ok(Act::Succeed { successor, .. }) => named.push(successor),
        _ => {}
    }
    let mut who: BTreeSet<Arc<str>> = named.iter().map(|ubin| identity(state, ubin)).collect();
    if let Some(record) = Record::load(state, id) {
        who.extend(kernel::party_roles(state, &record).into_iter().map(|(entity, _)| entity));
    }
    who
}
