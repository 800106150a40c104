//! Acts on credential types, schemas and contexts (vc.md §5.2), and their genesis constructors.
//!
//! Invariant I3: the bytes of a resource version and the fields of a type never change; a mark
//! "deprecated" may be added. Owned by a state: its root quorum. Owned by the region: genesis, or
//! an accepted proposal (ledger.md §8), which runs the same checks through [`Regional`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::acts_accreditation::sorted_set;
use super::linter;
use super::{
    CredentialType, Profile, REGION, Resource, ResourceId, ResourceKind, is_owner,
    is_resource_name, is_type_name, resource_key, type_key,
};
use crate::access::{self, authority};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
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

/// A change of what the region owns, by an accepted proposal. Each reads the arguments of the act of the
/// same name and gives the subject of its event; that the region is the owner is asked here, that the
/// states agreed is for the caller to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regional {
    /// A type.
    Type,
    /// A resource.
    Resource,
    /// The mark on a type.
    TypeDeprecation,
    /// The mark on a resource.
    ResourceDeprecation,
}

/// Makes such a change.
pub(crate) fn put_regional(
    ctx: &mut Context<'_, '_>,
    change: Regional,
    args: Members<'_>,
) -> Result<String, Reject> {
    let at = args.pointer("");
    let at = at.trim_end_matches('/');
    let require_region = |owner: &str, member: &str| {
        let field = format!("{at}/{member}");
        if owner == REGION { Ok(()) } else { Err(Reject::new(Code::NotOwner, &field, "")) }
    };
    match change {
        Regional::Type => {
            let entry = read_type(args)?;
            require_region(&entry.owner, "owner")?;
            put_type(ctx, &entry, at)?;
            Ok(format!("{}/{}", entry.owner, entry.name))
        }
        Regional::Resource => {
            let (id, bytes) = read_resource(args)?;
            require_region(&id.owner, "owner")?;
            put_resource(ctx, &id, bytes, at)?;
            Ok(id.text())
        }
        Regional::TypeDeprecation => {
            let id = read_id(args)?;
            let (owner, name) = type_id(&id, at)?;
            require_region(owner, "id")?;
            mark_type(ctx, (owner, name), at)?;
            Ok(id)
        }
        Regional::ResourceDeprecation => {
            let id = read_id(args)?;
            let resource = resource_id(&id, at)?;
            require_region(&resource.owner, "id")?;
            mark_resource(ctx, &resource, at)?;
            Ok(id)
        }
    }
}

/// `type_publish`.
pub(super) fn publish_type(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let entry = read_type(op.read_args()?)?;
    require_owner(ctx, op, &entry.owner)?;
    put_type(ctx, &entry, "/args")?;
    let subject = format!("{}/{}", entry.owner, entry.name);
    ctx.emit(&op.name(), &subject, [("owner", Value::from(entry.owner.as_str()))]);
    Ok(())
}

fn read_type(mut args: Members<'_>) -> Result<CredentialType, Reject> {
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
        key_binding: args.flag("keyBinding")?,
        profiles: sorted_set(profiles, &args.pointer("profiles"))?,
        validity_max_days: args.uint("validityMaxDays")?,
        deprecated: false,
    };
    args.finish()?;
    Ok(entry)
}

/// Checks and writes a type; `at` is the pointer of its arguments.
fn put_type(ctx: &mut Context<'_, '_>, entry: &CredentialType, at: &str) -> Result<(), Reject> {
    // a regional name means the same everywhere, so no state may give it another meaning
    let states = if entry.owner == REGION { access::members(ctx.state) } else { Vec::new() };
    let mut owners = states.iter().map(String::as_str).chain([entry.owner.as_str(), REGION]);
    if owners.any(|owner| ctx.state.holds(&type_key(owner, &entry.name))) {
        return Err(Reject::new(Code::TypeExists, &format!("{at}/name"), ""));
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
                    Reject::new(Code::UnknownResource, &format!("{at}/{member}/{i}"), "")
                })?;
            personal |= resource.personal;
        }
    }
    if personal != entry.natural_person_data {
        return Err(Reject::new(Code::ClassMismatch, &format!("{at}/naturalPersonData"), ""));
    }
    check_type_limits(entry, at)?;
    ctx.state.write(type_key(&entry.owner, &entry.name), entry);
    Ok(())
}

fn check_type_limits(entry: &CredentialType, at: &str) -> Result<(), Reject> {
    let limit = |name: &str| Err(Reject::new(Code::FieldLimit, &format!("{at}/{name}"), ""));
    let count = 1..=limits::TYPE_RESOURCES_MAX;
    if !is_type_name(&entry.name) {
        return limit("name");
    }
    if !count.contains(&entry.schemas.len()) {
        return limit("schemas");
    }
    if !count.contains(&entry.contexts.len()) {
        return limit("contexts");
    }
    let is_metadata =
        |id: &String| ResourceId::parse(id).is_some_and(|id| id.kind == ResourceKind::VctMetadata);
    if entry.key_binding && !entry.schemas.iter().any(is_metadata) {
        return limit("keyBinding");
    }
    if !(1..=limits::VALIDITY_DAYS_MAX).contains(&entry.validity_max_days) {
        return limit("validityMaxDays");
    }
    Ok(())
}

/// `resource_publish`.
pub(super) fn publish_resource(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let (id, bytes) = read_resource(op.read_args()?)?;
    require_owner(ctx, op, &id.owner)?;
    let sha256 = put_resource(ctx, &id, bytes, "/args")?;
    ctx.emit(&op.name(), &id.text(), [("sha256", Value::from(sha256))]);
    Ok(())
}

fn read_resource(mut args: Members<'_>) -> Result<(ResourceId, Vec<u8>), Reject> {
    let kind = ResourceKind::parse(args.text("kind")?)
        .ok_or_else(|| args.malformed("kind", "unknown kind"))?;
    let (owner, name) = (args.text("owner")?.to_owned(), args.text("name")?.to_owned());
    let version = args.uint("version")?;
    let bytes = URL_SAFE_NO_PAD
        .decode(args.text("bytes")?)
        .map_err(|_| args.malformed("bytes", "base64url without padding is expected"))?;
    args.finish()?;
    Ok((ResourceId { owner, kind, name, version }, bytes))
}

/// Checks and writes a resource; gives its digest as text. `at` is the pointer of its arguments.
fn put_resource(
    ctx: &mut Context<'_, '_>,
    id: &ResourceId,
    bytes: Vec<u8>,
    at: &str,
) -> Result<String, Reject> {
    let refuse = |code, name: &str, why: &str| Err(Reject::new(code, &format!("{at}/{name}"), why));
    if !is_resource_name(&id.name) {
        return refuse(Code::FieldLimit, "name", "a-z 0-9 -, a letter first");
    }
    if bytes.len() > limits::RESOURCE_BYTES_MAX {
        return refuse(Code::FieldLimit, "bytes", "more than 40 KiB");
    }
    if ctx.state.holds(&id.key()) {
        return refuse(Code::ResourceExists, "version", "");
    }
    let follows = match id.version.checked_sub(1) {
        None => false,
        Some(0) => true,
        Some(last) => ctx.state.holds(&resource_key(&id.owner, id.kind, &id.name, last)),
    };
    if !follows {
        return refuse(Code::VersionConflict, "version", "not the next version");
    }
    let resource = checked_resource(id.kind, &id.owner, &id.name, id.version, bytes)?;
    ctx.state.write(id.key(), &resource);
    Ok(format!("sha256:{}", hex::encode(resource.sha256)))
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
    let id = read_id(op.read_args()?)?;
    let (owner, name) = type_id(&id, "/args")?;
    require_owner(ctx, op, owner)?;
    mark_type(ctx, (owner, name), "/args")?;
    ctx.emit(&op.name(), &id, [("deprecated", Value::from(true))]);
    Ok(())
}

/// The one argument of a deprecation.
fn read_id(mut args: Members<'_>) -> Result<String, Reject> {
    let id = args.text("id")?.to_owned();
    args.finish()?;
    Ok(id)
}

fn type_id<'a>(id: &'a str, at: &str) -> Result<(&'a str, &'a str), Reject> {
    let malformed = || Reject::new(Code::Malformed, &format!("{at}/id"), "owner/name is expected");
    id.split_once('/').ok_or_else(malformed)
}

fn mark_type(
    ctx: &mut Context<'_, '_>,
    (owner, name): (&str, &str),
    at: &str,
) -> Result<(), Reject> {
    let refuse = |code, why: &str| Reject::new(code, &format!("{at}/id"), why);
    let key = type_key(owner, name);
    let known = Some(name).filter(|name| is_type_name(name));
    let mut entry: CredentialType =
        known.and(ctx.state.read(&key)).ok_or_else(|| refuse(Code::UnknownType, ""))?;
    if entry.deprecated {
        return Err(refuse(Code::BadTransition, "deprecated already"));
    }
    entry.deprecated = true;
    ctx.state.write(key, &entry);
    Ok(())
}

/// `resource_deprecate`.
pub(super) fn deprecate_resource(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let text = read_id(op.read_args()?)?;
    let id = resource_id(&text, "/args")?;
    require_owner(ctx, op, &id.owner)?;
    mark_resource(ctx, &id, "/args")?;
    ctx.emit(&op.name(), &text, [("deprecated", Value::from(true))]);
    Ok(())
}

fn resource_id(text: &str, at: &str) -> Result<ResourceId, Reject> {
    let malformed = || Reject::new(Code::Malformed, &format!("{at}/id"), "owner/kind/name/version");
    ResourceId::parse(text).ok_or_else(malformed)
}

fn mark_resource(ctx: &mut Context<'_, '_>, id: &ResourceId, at: &str) -> Result<(), Reject> {
    let refuse = |code, why: &str| Reject::new(code, &format!("{at}/id"), why);
    let mut resource: Resource =
        ctx.state.read(&id.key()).ok_or_else(|| refuse(Code::UnknownResource, ""))?;
    if resource.deprecated {
        return Err(refuse(Code::BadTransition, "deprecated already"));
    }
    resource.deprecated = true;
    ctx.state.write(id.key(), &resource);
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
    check_type_limits(&entry, "/args")?;
    Ok((type_key(&entry.owner, &entry.name), entry))
}
