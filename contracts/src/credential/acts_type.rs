//! Acts on credential types, schemas and contexts (vc.md §5.2), and their genesis constructors.
//!
//! Invariant I3: the bytes of a resource version and the fields of a type never change; a mark
//! "deprecated" may be added. Owned by a state: its root quorum. Owned by the region: genesis, or
//! an accepted proposal (ledger.md §8, not part of this release).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::acts_accreditation::sorted_set;
use super::linter;
use super::{
    CredentialType, Profile, REGION, Resource, ResourceId, ResourceKind, is_owner,
    is_resource_name, is_type_name, resource_key, type_key,
};
use crate::access::authority;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;

/// Asks for the root quorum of the owner. The region has no keys, so nobody can sign for it.
fn require_owner(ctx: &mut Context<'_, '_>, op: &Op, owner: &str) -> Result<(), Reject> {
    if !is_owner(owner) {
        return Err(Reject::new(Code::Malformed, "/args", "the owner is a state or ASEAN"));
    }
    let signers = authority::signers(ctx, op)?;
    if owner == REGION {
        return Err(Reject::new(
            Code::NotOwner,
            "/args",
            "regional types and resources come from genesis or an accepted proposal",
        ));
    }
    authority::require_root(ctx, &signers, owner)
}

/// `type_publish`.
pub(super) fn publish_type(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let mut profiles = Vec::new();
    for name in args.texts("profiles")? {
        let profile = Profile::parse(name);
        profiles.push(profile.ok_or_else(|| args.malformed("profiles", "unknown profile"))?);
    }
    let entry = CredentialType {
        name: args.text("name")?.to_owned(),
        owner: args.text("owner")?.to_owned(),
        schemas: args.texts("schemas")?.into_iter().map(str::to_owned).collect(),
        contexts: args.texts("contexts")?.into_iter().map(str::to_owned).collect(),
        natural_person_data: args.boolean("naturalPersonData")?,
        single_use: args.boolean("singleUse")?,
        profiles: sorted_set(profiles, "/args/profiles")?,
        validity_max_days: args.uint("validityMaxDays")?,
        deprecated: false,
    };
    args.finish()?;
    require_owner(ctx, op, &entry.owner)?;
    // a regional name means the same everywhere, so no state may give it another meaning
    let taken = [entry.owner.as_str(), REGION]
        .into_iter()
        .any(|owner| ctx.state.holds(&type_key(owner, &entry.name)));
    if taken {
        return Err(Reject::new(Code::TypeExists, "/args/name", ""));
    }
    let mut personal = false;
    for (member, ids, kinds) in [
        ("schemas", &entry.schemas, [ResourceKind::JsonSchema, ResourceKind::VctMetadata]),
        ("contexts", &entry.contexts, [ResourceKind::JsonldContext, ResourceKind::JsonldContext]),
    ] {
        for (i, id) in ids.iter().enumerate() {
            let resource = ResourceId::parse(id)
                .filter(|parsed| kinds.contains(&parsed.kind))
                .and_then(|parsed| ctx.state.read::<Resource>(&parsed.key()))
                .ok_or_else(|| {
                    Reject::new(Code::UnknownResource, &format!("/args/{member}/{i}"), "")
                })?;
            personal |= resource.personal;
        }
    }
    if personal != entry.natural_person_data {
        return Err(Reject::new(Code::ClassMismatch, "/args/naturalPersonData", ""));
    }
    check_type_limits(&entry)?;
    ctx.state.write(type_key(&entry.owner, &entry.name), &entry);
    let subject = format!("{}/{}", entry.owner, entry.name);
    ctx.emit(&op.name(), &subject, [("owner", Value::from(entry.owner.as_str()))]);
    Ok(())
}

fn check_type_limits(entry: &CredentialType) -> Result<(), Reject> {
    let limit = |field: &str| Err(Reject::new(Code::FieldLimit, field, ""));
    let count = 1..=limits::TYPE_RESOURCES_MAX;
    if !is_type_name(&entry.name) {
        return limit("/args/name");
    }
    if !count.contains(&entry.schemas.len()) {
        return limit("/args/schemas");
    }
    if !count.contains(&entry.contexts.len()) {
        return limit("/args/contexts");
    }
    if !(1..=limits::VALIDITY_DAYS_MAX).contains(&entry.validity_max_days) {
        return limit("/args/validityMaxDays");
    }
    Ok(())
}

/// `resource_publish`.
pub(super) fn publish_resource(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let kind = ResourceKind::parse(args.text("kind")?)
        .ok_or_else(|| args.malformed("kind", "unknown kind"))?;
    let (owner, name) = (args.text("owner")?.to_owned(), args.text("name")?.to_owned());
    let version = args.uint("version")?;
    let bytes = URL_SAFE_NO_PAD
        .decode(args.text("bytes")?)
        .map_err(|_| args.malformed("bytes", "base64url without padding is expected"))?;
    args.finish()?;
    require_owner(ctx, op, &owner)?;
    if !is_resource_name(&name) {
        return Err(Reject::new(Code::FieldLimit, "/args/name", "a-z 0-9 -, a letter first"));
    }
    if bytes.len() > limits::RESOURCE_BYTES_MAX {
        return Err(Reject::new(Code::FieldLimit, "/args/bytes", "more than 40 KiB"));
    }
    let key = resource_key(&owner, kind, &name, version);
    if ctx.state.holds(&key) {
        return Err(Reject::new(Code::ResourceExists, "/args/version", ""));
    }
    let follows = match version.checked_sub(1) {
        None => false,
        Some(0) => true,
        Some(last) => ctx.state.holds(&resource_key(&owner, kind, &name, last)),
    };
    if !follows {
        return Err(Reject::new(Code::VersionConflict, "/args/version", "not the next version"));
    }
    let resource = checked_resource(kind, &owner, &name, version, bytes)?;
    let sha256 = format!("sha256:{}", hex::encode(resource.sha256));
    ctx.state.write(key, &resource);
    let subject = ResourceId { owner, kind, name, version }.text();
    ctx.emit(&op.name(), &subject, [("sha256", Value::from(sha256))]);
    Ok(())
}

/// A resource that passed the linter.
fn checked_resource(
    kind: ResourceKind,
    owner: &str,
    name: &str,
    version: u64,
    bytes: Vec<u8>,
) -> Result<Resource, Reject> {
    let personal = match kind {
        ResourceKind::JsonSchema => linter::lint_schema(&bytes)?.personal,
        ResourceKind::JsonldContext => {
            let prefix = format!("did:ubin:{owner}/context/{name}/{version}#");
            linter::lint_context(&bytes, &prefix)?;
            false
        }
        ResourceKind::VctMetadata => linter::lint_metadata(&bytes)?.personal,
    };
    let sha256 = Sha256::digest(&bytes).into();
    Ok(Resource { kind, bytes, sha256, personal, deprecated: false })
}

/// `type_deprecate`.
pub(super) fn deprecate_type(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let id = args.text("id")?.to_owned();
    args.finish()?;
    let (owner, name) = id
        .split_once('/')
        .ok_or_else(|| Reject::new(Code::Malformed, "/args/id", "owner/name is expected"))?;
    require_owner(ctx, op, owner)?;
    let key = type_key(owner, name);
    let unknown = || Reject::new(Code::UnknownType, "/args/id", "");
    let mut entry: CredentialType =
        Some(name).filter(|n| is_type_name(n)).and(ctx.state.read(&key)).ok_or_else(unknown)?;
    if entry.deprecated {
        return Err(Reject::new(Code::BadTransition, "/args/id", "deprecated already"));
    }
    entry.deprecated = true;
    ctx.state.write(key, &entry);
    ctx.emit(&op.name(), &id, [("deprecated", Value::from(true))]);
    Ok(())
}

/// `resource_deprecate`.
pub(super) fn deprecate_resource(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let text = args.text("id")?.to_owned();
    args.finish()?;
    let id = ResourceId::parse(&text)
        .ok_or_else(|| Reject::new(Code::Malformed, "/args/id", "owner/kind/name/version"))?;
    require_owner(ctx, op, &id.owner)?;
    let mut resource: Resource = ctx
        .state
        .read(&id.key())
        .ok_or_else(|| Reject::new(Code::UnknownResource, "/args/id", ""))?;
    if resource.deprecated {
        return Err(Reject::new(Code::BadTransition, "/args/id", "deprecated already"));
    }
    resource.deprecated = true;
    ctx.state.write(id.key(), &resource);
    ctx.emit(&op.name(), &text, [("deprecated", Value::from(true))]);
    Ok(())
}

/// A resource for genesis: state key and value, checked like `resource_publish`. The caller writes
/// it with [`crate::state::encode_content`].
pub fn genesis_resource(
    owner: &str,
    kind: ResourceKind,
    name: &str,
    version: u64,
    bytes: &[u8],
) -> Result<(Vec<u8>, Resource), Reject> {
    let well_formed = is_owner(owner)
        && is_resource_name(name)
        && version >= 1
        && bytes.len() <= limits::RESOURCE_BYTES_MAX;
    if !well_formed {
        return Err(Reject::new(Code::FieldLimit, "", "owner, name, version or size"));
    }
    let resource = checked_resource(kind, owner, name, version, bytes.to_vec())?;
    Ok((resource_key(owner, kind, name, version), resource))
}

/// A credential type for genesis: state key and value. Its resources must stand in the same
/// genesis; `personal` tells whether one of them has a personal leaf.
pub fn genesis_type(
    entry: CredentialType,
    personal: bool,
) -> Result<(Vec<u8>, CredentialType), Reject> {
    if !is_owner(&entry.owner) {
        return Err(Reject::new(Code::FieldLimit, "/args/owner", ""));
    }
    if personal != entry.natural_person_data {
        return Err(Reject::new(Code::ClassMismatch, "/args/naturalPersonData", ""));
    }
    check_type_limits(&entry)?;
    Ok((type_key(&entry.owner, &entry.name), entry))
}
