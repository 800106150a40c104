//! Acts on status lists: create, set, retire (vc.md §5.4).
//!
//! Invariants: I4 a revoked entry stays revoked; every change is compare-and-set, quotes the
//! version of the list and leaves a delta. A list of natural persons carries no reasons.

use super::acts_accreditation::sorted_set;
use super::bits;
use super::chain;
use super::{NumberedId, Profile, Right, StatusList, list_id, list_key, uri_key};
use crate::access::Party;
use crate::access::authority::{self, Signer};
use crate::context::{Authority, Context};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;

/// The largest reason code of a status change: the place in [`super::REASONS`] plus one; 0 = not
/// stated.
pub const REASON_MAX: u8 = super::REASONS.len() as u8;

/// `list_create`.
pub(super) fn create(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let owner = args.text("owner")?.to_owned();
    let party =
        Party::parse(&owner).ok_or_else(|| Reject::new(Code::DidInvalid, "/args/owner", ""))?;
    let n = args.uint("n")?;
    let profile = Profile::parse(args.text("profile")?)
        .ok_or_else(|| args.malformed("profile", "unknown profile"))?;
    let types = args.texts("types")?.into_iter().map(str::to_owned).collect();
    let list = StatusList {
        profile,
        types: sorted_set(types, "/args/types")?,
        status_size: args.uint("statusSize")?,
        entries: args.uint("entries")?,
        until_ms: args.uint("untilMs")?,
        uri: args.optional_text("uri")?.map(str::to_owned),
        created_height: ctx.height,
        version: 0,
        retired: false,
    };
    args.finish()?;
    let signers = authority::signers(ctx, op)?;
    require_owner_key(ctx, &signers, &party, &op.name())?;
    let uncovered = list
        .types
        .iter()
        .position(|name| !chain::holds(ctx.state, &owner, Right::Issue, name, ctx.time_ms));
    if let Some(i) = uncovered {
        return Err(Reject::new(Code::RightMissing, &format!("/args/types/{i}"), ""));
    }
    let next = n.checked_sub(1).is_some_and(|last| {
        (last == 0 || ctx.state.holds(&list_key(&owner, last)))
            && !ctx.state.holds(&list_key(&owner, n))
    });
    if !next {
        return Err(Reject::new(Code::VersionConflict, "/args/n", "not the next number"));
    }
    if !profile.allows_size(list.status_size) {
        return Err(Reject::new(Code::StatusValue, "/args/statusSize", ""));
    }
    let sizes = limits::LIST_ENTRIES_MIN..=limits::LIST_ENTRIES_MAX;
    if !sizes.contains(&list.entries) || !list.entries.is_power_of_two() {
        return Err(Reject::new(Code::StatusValue, "/args/entries", ""));
    }
    check_list_limits(ctx, &list)?;
    if let Some(uri) = &list.uri {
        ctx.state.write(uri_key(uri), &list_id(&owner, n));
    }
    ctx.state.write(list_key(&owner, n), &list);
    ctx.emit(
        &op.name(),
        &list_id(&owner, n),
        [("profile", Value::from(profile.name())), ("entries", Value::from(list.entries))],
    );
    Ok(())
}

fn check_list_limits(ctx: &Context<'_, '_>, list: &StatusList) -> Result<(), Reject> {
    let limit = |field: &str| Err(Reject::new(Code::FieldLimit, field, ""));
    if list.types.is_empty() || list.types.len() > limits::LIST_TYPES_MAX {
        return limit("/args/types");
    }
    let latest = ctx.time_ms.saturating_add(limits::LIST_AHEAD_MS_MAX);
    if list.until_ms <= ctx.time_ms || list.until_ms > latest {
        return limit("/args/untilMs");
    }
    match &list.uri {
        Some(uri) if !is_https(uri) || ctx.state.holds(&uri_key(uri)) => limit("/args/uri"),
        _ => Ok(()),
    }
}

fn is_https(uri: &str) -> bool {
    uri.len() <= limits::LIST_URI_BYTES_MAX
        && uri.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        && uri.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&b))
}

/// One key of `party`. A root signs by its quorum.
pub(super) fn require_owner_key(
    ctx: &mut Context<'_, '_>,
    signers: &[Signer],
    party: &Party,
    scope: &str,
) -> Result<(), Reject> {
    match party {
        Party::Root(cc) => authority::require_root(ctx, signers, cc),
        _ => authority::require_party(ctx, signers, party, scope),
    }
}

struct Set {
    id: NumberedId,
    version: u64,
    /// index, old, new, reason
    changes: Vec<(u64, u64, u64, u8)>,
}

fn read_set(op: &Op) -> Result<Set, Reject> {
    let mut args = op.read_args()?;
    let id = read_list_id(&mut args)?;
    let version = args.uint("version")?;
    let mut changes = Vec::new();
    for (i, item) in args.list("changes")?.iter().enumerate() {
        let field = || {
            let path = format!("/args/changes/{i}");
            Reject::new(Code::Malformed, &path, "[index, old, new, reason] is expected")
        };
        let numbers: Vec<u64> = item
            .as_list()
            .unwrap_or_default()
            .iter()
            .filter_map(|number| number.as_int().and_then(|int| u64::try_from(int).ok()))
            .collect();
        let [index, old, new, reason] = numbers[..] else { return Err(field()) };
        if item.as_list().is_none_or(|all| all.len() != 4) {
            return Err(field());
        }
        let reason = u8::try_from(reason).ok().filter(|code| *code <= REASON_MAX);
        changes.push((index, old, new, reason.ok_or_else(field)?));
    }
    args.finish()?;
    Ok(Set { id, version, changes })
}

/// Reads member `list`.
pub(super) fn read_list_id(args: &mut Members<'_>) -> Result<NumberedId, Reject> {
    NumberedId::parse(args.text("list")?, "status")
        .ok_or_else(|| args.malformed("list", "owner/status/n is expected"))
}

/// `list_set`.
pub(super) fn set(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let Set { id, version, changes } = read_set(op)?;
    let signers = authority::signers(ctx, op)?;
    let key = list_key(&id.owner, id.number);
    let found = ctx.state.read::<StatusList>(&key);
    require_setter(ctx, &signers, &id, found.as_ref(), &op.name())?;
    let mut list = found.ok_or_else(|| Reject::new(Code::UnknownList, "/args/list", ""))?;
    if list.retired {
        return Err(Reject::new(Code::ListRetired, "/args/list", ""));
    }
    if list.profile == Profile::Use {
        return Err(Reject::new(Code::UseList, "/args/list", ""));
    }
    if version != list.version {
        return Err(Reject::new(Code::VersionConflict, "/args/version", ""));
    }
    let written = check_changes(ctx, &id, &list, &changes)?;
    bits::write(ctx.state, &id.owner, id.number, list.status_size, ctx.height, &written);
    list.version = version.saturating_add(1);
    ctx.state.write(key, &list);
    let numbers = written.iter().map(|(index, old, new, reason)| {
        let small = [*old, *new, *reason].map(|n| Value::from(u64::from(n)));
        Value::List([Value::from(*index)].into_iter().chain(small).collect())
    });
    let numbers = Value::List(numbers.collect());
    ctx.emit(
        &op.name(),
        &list_id(&id.owner, id.number),
        [("changes", numbers), ("version", Value::from(list.version))],
    );
    Ok(())
}

/// The owner; for revocation and suspension also who stands above it, and the root quorum.
fn require_setter(
    ctx: &mut Context<'_, '_>,
    signers: &[Signer],
    id: &NumberedId,
    list: Option<&StatusList>,
    scope: &str,
) -> Result<(), Reject> {
    let superiors = match list {
        Some(list) if matches!(list.profile, Profile::Revocation | Profile::Suspension) => {
            chain::superiors(ctx.state, &id.owner, &list.types)
        }
        _ => Vec::new(),
    };
    if ctx.authority == Authority::Signed && !superiors.is_empty() {
        let cc = id.party.cc();
        authority::require_owner(signers, cc)?;
        if authority::is_root(ctx, signers, cc) {
            return Ok(());
        }
        let superior = signers.iter().find(|signer| {
            let party = signer.acts_for();
            !matches!(party, Party::Root(_)) && superiors.contains(&authority::party_text(party))
        });
        if let Some(party) = superior.map(|signer| signer.acts_for().clone()) {
            return authority::require_party(ctx, signers, &party, scope);
        }
    }
    require_owner_key(ctx, signers, &id.party, scope)
}

/// The checks of the changes, in the order of actions.json; each runs over all changes.
fn check_changes(
    ctx: &Context<'_, '_>,
    id: &NumberedId,
    list: &StatusList,
    changes: &[(u64, u64, u64, u8)],
) -> Result<Vec<(u64, u8, u8, u8)>, Reject> {
    if changes.is_empty() || changes.len() > limits::LIST_CHANGES_MAX {
        return Err(Reject::new(Code::ChangeLimit, "/args/changes", ""));
    }
    let refuse = |code, i: usize| Err(Reject::new(code, &format!("/args/changes/{i}"), ""));
    let mut seen = std::collections::BTreeSet::new();
    for (i, (index, ..)) in changes.iter().enumerate() {
        if *index >= list.entries || !seen.insert(*index) {
            return refuse(Code::StatusIndexRange, i);
        }
    }
    let values = 1_u64 << list.status_size;
    let mut written = Vec::with_capacity(changes.len());
    for (i, (index, old, new, reason)) in changes.iter().enumerate() {
        let fits = |value: u64| u8::try_from(value).ok().filter(|_| value < values);
        match (fits(*old), fits(*new)) {
            (Some(old), Some(new)) if old != new => written.push((*index, old, new, *reason)),
            _ => return refuse(Code::StatusValue, i),
        }
    }
    let cc = id.party.cc();
    let persons = list.types.iter().any(|name| {
        chain::find_type(ctx.state, cc, name).is_none_or(|entry| entry.natural_person_data)
    });
    for (i, (.., reason)) in written.iter().enumerate() {
        if persons && *reason != 0 {
            return refuse(Code::ReasonForbidden, i);
        }
    }
    for (i, (index, old, ..)) in written.iter().enumerate() {
        if bits::current(ctx.state, &id.owner, id.number, list, *index) != *old {
            return refuse(Code::StatusConflict, i);
        }
    }
    let final_one = matches!(list.profile, Profile::Revocation | Profile::Token);
    for (i, (_, old, ..)) in written.iter().enumerate() {
        if final_one && *old == 1 {
            return refuse(Code::StatusIrreversible, i);
        }
    }
    Ok(written)
}

/// `list_retire`.
pub(super) fn retire(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let id = read_list_id(&mut args)?;
    args.finish()?;
    let signers = authority::signers(ctx, op)?;
    require_owner_key(ctx, &signers, &id.party, &op.name())?;
    let key = list_key(&id.owner, id.number);
    let mut list: StatusList =
        ctx.state.read(&key).ok_or_else(|| Reject::new(Code::UnknownList, "/args/list", ""))?;
    if list.retired {
        return Err(Reject::new(Code::ListRetired, "/args/list", ""));
    }
    if ctx.time_ms <= list.until_ms {
        return Err(Reject::new(Code::ListInUse, "/args/list", ""));
    }
    list.retired = true;
    ctx.state.write(key, &list);
    ctx.emit(&op.name(), &list_id(&id.owner, id.number), [("retired", Value::from(true))]);
    Ok(())
}
