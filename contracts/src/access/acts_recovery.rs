//! `recover` and `recover_cancel`: the way back of a party that lost its keys.
//!
//! Invariant: a recovery is announced 24 h before it takes effect, and what the party does to its
//! keys meanwhile does not stop it; only a cancellation does.

use super::acts::{Target, check_open, check_version, finish};
use super::acts_key::{check_grantable, key_ids};
use super::authority::{self, Rule, require_registrar, require_root, signers};
use super::{Party, new_key};
use crate::context::{Authority, Context};
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;

/// Announces new keys for a party; in 24 h they replace all others.
pub(super) fn recover(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let offered = new_key::read_keys(args.list("keys")?, "/args/keys")?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    match &target.party {
        Party::Root(_) => return target.must_be(false, "root keys change by root_rotate"),
        Party::Authority { cc, .. } => require_root(ctx, &signers, cc)?,
        Party::Business { .. } => {
            require_registrar(ctx, &signers, target.cc(), "access.recover", Rule::R2)?;
        }
    }
    let mut ring = target.known(ctx)?;
    target.must_be_live()?;
    check_open(&ring)?;
    check_version(ring.entry.version, version)?;
    if ring.entry.pending_recovery.is_some() {
        return Err(Reject::new(Code::DelayRunning, "/args/party", "a recovery is pending"));
    }
    let keys = new_key::check_offered(ctx.state, ctx.chain, &target.text, &offered, "/args/keys")?;
    check_grantable(ctx, &target, &keys, "/args/keys")?;
    new_key::check_key_limits(&keys, limits::ACTIVE_KEYS_MAX, "/args/keys")?;
    new_key::check_count(&keys, "/args/keys")?;
    let effective_ms = ctx.time_ms.saturating_add(limits::RECOVERY_DELAY_MS);
    let added = ring.begin_recovery(ctx.state, &keys, effective_ms);
    let data = [("effectiveMs", Value::from(effective_ms)), ("keys", key_ids(&added))];
    finish(ctx, op, &target, ring, data);
    Ok(())
}

/// Drops a recovery that waits: by any active `invoke` key of the party, or the root quorum.
///
/// A key needs no scope for it: it only keeps what is there. A stolen key is revoked first.
pub(super) fn cancel(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    target.must_be(
        !matches!(target.party, Party::Root(_)),
        "a root rotation is cancelled by root_rotate_cancel",
    )?;
    if ctx.authority == Authority::Assumed {
        ctx.need("party", &target.text, 1, "");
    } else {
        authority::require_owner(&signers, target.cc())?;
        let name = target.holder.as_ref().map(|holder| holder.name.as_str()).unwrap_or_default();
        let own = signers.iter().any(|signer| signer.is_itself(name));
        if !own && !authority::is_root(ctx, &signers, target.cc()) {
            return Err(Reject::new(Code::QuorumMissing, "/sigs", ""));
        }
    }
    let mut ring = target.known(ctx)?;
    target.must_not_have_moved(ctx)?;
    check_version(ring.entry.version, version)?;
    if ring.entry.pending_recovery.is_none() {
        return Err(Reject::new(Code::RecoveryNone, "/args/party", ""));
    }
    ring.cancel_recovery(ctx.state);
    finish(ctx, op, &target, ring, []);
    Ok(())
}
