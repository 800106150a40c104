//! `root_rotate` and `root_rotate_cancel`: the root keys of a state.
//!
//! Invariant: at every time exactly one quorum holds: the old one until the delay of 72 h is over,
//! the new one from then on. The new quorum signs by the proofs of possession of all its keys,
//! since keys that do not hold yet cannot stand in `sigs`.

use super::acts::{Target, check_version, finish};
use super::acts_key::key_ids;
use super::authority::{require_root, signers};
use super::{Ams, Party, PendingRotation, ams_key, new_key};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;

/// Announces new root keys and a new quorum; in 72 h they replace the old ones.
pub(super) fn rotate(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let k = args.uint("k")?;
    let offered = new_key::read_keys(args.list("keys")?, "/args/keys")?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    let cc = root_of(&target)?;
    require_root(ctx, &signers, cc)?;
    let mut ring = target.known(ctx)?;
    let mut ams = settled(ctx, cc)?;
    check_version(ring.entry.version, version)?;
    if ams.pending_rotation.is_some() {
        return Err(Reject::new(Code::DelayRunning, "/args/party", "a rotation is pending"));
    }
    let keys = new_key::check_offered(ctx.state, ctx.chain, &target.text, &offered, "/args/keys")?;
    new_key::check_scopes_known(&keys, "/args/keys")?;
    new_key::check_root_quorum(&keys, k, "/args/keys")?;
    new_key::check_key_limits(&keys, limits::ROOT_KEYS_MAX, "/args/keys")?;
    let effective_ms = ctx.time_ms.saturating_add(limits::ROOT_ROTATION_DELAY_MS);
    let numbers = ring.begin_recovery(ctx.state, &keys, effective_ms);
    let data = [("effectiveMs", Value::from(effective_ms)), ("keys", key_ids(&numbers))];
    ams.pending_rotation = Some(PendingRotation { effective_ms, root_k: k, keys: numbers });
    write(ctx, cc, ams);
    finish(ctx, op, &target, ring, data);
    Ok(())
}

/// Drops a rotation that waits: by the old quorum.
pub(super) fn cancel(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    let cc = root_of(&target)?;
    require_root(ctx, &signers, cc)?;
    let mut ring = target.known(ctx)?;
    let mut ams = settled(ctx, cc)?;
    check_version(ring.entry.version, version)?;
    if ams.pending_rotation.take().is_none() {
        return Err(Reject::new(Code::RecoveryNone, "/args/party", ""));
    }
    ring.cancel_recovery(ctx.state);
    write(ctx, cc, ams);
    finish(ctx, op, &target, ring, []);
    Ok(())
}

fn root_of(target: &Target) -> Result<&str, Reject> {
    match &target.party {
        Party::Root(cc) => Ok(cc),
        _ => Err(Reject::new(Code::DidInvalid, "/args/party", "the root of a state is CC")),
    }
}

/// The state's entry, with a rotation whose delay is over taken in.
fn settled(ctx: &Context<'_, '_>, cc: &str) -> Result<Ams, Reject> {
    let mut ams: Ams = ctx
        .state
        .read(&ams_key(cc))
        .ok_or_else(|| Reject::new(Code::PartyUnknown, "/args/party", ""))?;
    ams.root_k = ams.root_k_at(ctx.time_ms);
    ams.pending_rotation = ams.pending_rotation.filter(|r| r.effective_ms > ctx.time_ms);
    Ok(ams)
}

fn write(ctx: &mut Context<'_, '_>, cc: &str, mut ams: Ams) {
    ams.version = ams.version.saturating_add(1);
    ctx.state.write(ams_key(cc), &ams);
}
