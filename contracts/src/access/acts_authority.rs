//! Acts on whole parties: `authority_create`, `authority_close`, `deactivate`.

use super::acts::{Target, check_open, check_reason, check_version, finish};
use super::acts_key::key_ids;
use super::authority::{Rule, require_registrar, require_root, signers};
use super::key_ring::KeyRing;
use super::service::DocumentPart;
use super::{AuthorityEntry, Party, authority_key, new_key};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;

/// A root names a public authority, its scopes, quorums and first keys.
pub(super) fn create(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let Party::Authority { cc, name } = &target.party else {
        return Err(Reject::new(Code::DidInvalid, "/args/party", "an authority is CC:NAME"));
    };
    let version = args.uint("version")?;
    let scopes = args.texts("scopes")?;
    let mut policy = args.object("policy")?;
    let (r1, r2) = (policy.uint("r1")?, policy.uint("r2")?);
    policy.finish()?;
    let offered = new_key::read_keys(args.list("keys")?, "/args/keys")?;
    let document = DocumentPart::read(&mut args)?;
    args.finish()?;
    let entry = AuthorityEntry::new(&scopes, r1, r2);

    let signers = signers(ctx, op)?;
    require_root(ctx, &signers, cc)?;
    let entry_key = authority_key(cc, name);
    if ctx.state.holds(&entry_key) {
        return Err(Reject::new(Code::PartyExists, "/args/party", ""));
    }
    check_version(0, version)?;
    new_key::check_authority_scopes(&entry, "/args/scopes")?;
    let keys: Vec<_> = offered.iter().map(|offer| offer.key.clone()).collect();
    new_key::check_scopes_within(&keys, &entry.scopes, "/args/keys")?;
    new_key::check_offered(ctx.state, ctx.chain, &target.text, &offered, "/args/keys")?;
    new_key::check_count(&keys, "/args/keys")?;
    new_key::check_authority_limits(&entry, "/args")?;
    new_key::check_key_limits(&keys, limits::ACTIVE_KEYS_MAX, "/args/keys")?;
    document.check()?;

    let mut ring = KeyRing::new(&target.text, ctx.height, ctx.time_ms);
    document.write(&mut ring.entry);
    let added = ring.add(ctx.state, &keys, ctx.time_ms);
    ctx.state.write(entry_key, &entry);
    finish(ctx, op, &target, ring, [("keys", key_ids(&added))]);
    Ok(())
}

/// A root ends an authority, for good; its keys retire now.
pub(super) fn close(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let (target, version, reason) = read_ending(ctx, op)?;
    target.must_be(
        matches!(target.party, Party::Authority { .. }),
        "an authority is CC:NAME; a business is deactivated",
    )?;
    let signers = signers(ctx, op)?;
    require_root(ctx, &signers, target.cc())?;
    end(ctx, op, &target, version, reason)
}

/// A registrar's R2 ends the key holding of a business, for good.
pub(super) fn deactivate(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let (target, version, reason) = read_ending(ctx, op)?;
    target.must_be(
        matches!(target.party, Party::Business { .. }),
        "a business is a UBIN; an authority is closed",
    )?;
    let signers = signers(ctx, op)?;
    require_registrar(ctx, &signers, target.cc(), "access.deactivate", Rule::R2)?;
    end(ctx, op, &target, version, reason)
}

fn read_ending<'a>(
    ctx: &Context<'_, '_>,
    op: &'a Op,
) -> Result<(Target, u64, Option<&'a str>), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let reason = args.optional_text("reason")?;
    args.finish()?;
    Ok((target, version, reason))
}

fn end(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    target: &Target,
    version: u64,
    reason: Option<&str>,
) -> Result<(), Reject> {
    let mut ring = target.known(ctx)?;
    target.must_not_have_moved(ctx)?;
    check_open(&ring)?;
    check_version(ring.entry.version, version)?;
    let reason = check_reason(reason)?;
    ring.close(ctx.state);
    finish(ctx, op, target, ring, [("reason", Value::from(reason))]);
    Ok(())
}
