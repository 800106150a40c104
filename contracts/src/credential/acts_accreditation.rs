//! Acts on accreditations: grant, suspend, reinstate, revoke (vc.md §5.1).
//!
//! Invariants: I1 a new entry is no wider than its parent; I2 every signer belongs to the AMS of
//! the grantee. Entries are numbered per grantee and never deleted.

use super::chain;
use super::{
    Accreditation, AccreditationIndex, AccreditationStatus, ISSUER_CLASSES, NumberedId, REASONS,
    Right, SUSPENSIONS_KEPT_MAX, accreditation_id, accreditation_index_key, accreditation_key,
};
use crate::access::authority::{self, Signer};
use crate::access::{self, Party};
use crate::context::{Authority, Context};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::state::Overlay;

struct Grant {
    n: u64,
    grantee: Party,
    entry: Accreditation,
}

fn read_grant(op: &Op) -> Result<Grant, Reject> {
    let mut args = op.read_args()?;
    let grantee = args.text("grantee")?.to_owned();
    let party =
        Party::parse(&grantee).ok_or_else(|| Reject::new(Code::DidInvalid, "/args/grantee", ""))?;
    let parent = args.text("parent")?.to_owned();
    let mut rights = Vec::new();
    for name in args.texts("rights")? {
        rights.push(Right::parse(name).ok_or_else(|| args.malformed("rights", "unknown right"))?);
    }
    let entry = Accreditation {
        grantor: String::new(),
        parent,
        rights: sorted_set(rights, "/args/rights")?,
        issuer_class: args.text("issuerClass")?.to_owned(),
        types: sorted_set(owned(args.texts("types")?), "/args/types")?,
        jurisdictions: sorted_set(owned(args.texts("jurisdictions")?), "/args/jurisdictions")?,
        depth: args.uint("depth")?,
        from_ms: args.uint("fromMs")?,
        until_ms: args.uint("untilMs")?,
        status: AccreditationStatus::Active,
        reason: String::new(),
        effective_ms: 0,
        suspensions: Vec::new(),
        version: 1,
        grantee,
    };
    let n = args.uint("n")?;
    args.finish()?;
    Ok(Grant { n, grantee: party, entry })
}

/// `accreditation_grant`.
pub(super) fn grant(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let Grant { n, grantee, mut entry } = read_grant(op)?;
    let signers = authority::signers(ctx, op)?;
    let cc = grantee.cc().to_owned();
    let parent_id = NumberedId::parse(&entry.parent, "acc");
    let grantor = match (&parent_id, Party::parse(&entry.parent)) {
        (Some(id), _) => id.party.clone(),
        (None, Some(Party::Root(root))) => Party::Root(root),
        _ => return Err(Reject::new(Code::Malformed, "/args/parent", "no accreditation id")),
    };
    authority::require_owner(&signers, &cc)?;
    match &grantor {
        Party::Root(root) if parent_id.is_none() => authority::require_root(ctx, &signers, root)?,
        party => authority::require_party(ctx, &signers, party, "vc.accreditation_grant")?,
    }
    entry.grantor = authority::party_text(&grantor);
    if grantor.cc() != cc || !party_exists(ctx.state, &grantee) {
        return Err(Reject::new(Code::NotOwner, "/args/grantee", "no party of the same state"));
    }
    let index_key = accreditation_index_key(&entry.grantee);
    let mut index: AccreditationIndex = ctx.state.read(&index_key).unwrap_or_default();
    if Some(n) != index.count.checked_add(1) {
        return Err(Reject::new(Code::VersionConflict, "/args/n", "not the next number"));
    }
    let parent = match &parent_id {
        None => None,
        Some(_) => Some(active_parent(ctx, &entry.parent)?),
    };
    check_narrower(&entry, parent.as_ref(), &cc)?;
    check_depth(ctx.state, &entry, parent.as_ref())?;
    for (i, name) in entry.types.iter().enumerate() {
        if chain::find_type(ctx.state, &cc, name).is_none() {
            return Err(Reject::new(Code::UnknownType, &format!("/args/types/{i}"), ""));
        }
    }
    check_limits(&entry, n)?;
    index.count = n;
    ctx.state.write(index_key, &index);
    ctx.state.write(accreditation_key(&entry.grantee, n), &entry);
    emit(ctx, op, &entry, n);
    Ok(())
}

fn active_parent(ctx: &Context<'_, '_>, id: &str) -> Result<Accreditation, Reject> {
    chain::by_id(ctx.state, id)
        .filter(|parent| {
            parent.rights.contains(&Right::Accredit)
                && chain::chain_active(ctx.state, parent, ctx.time_ms)
        })
        .ok_or_else(|| Reject::new(Code::ParentNotActive, "/args/parent", ""))
}

/// I1. The root may grant everything, but for its own state only.
fn check_narrower(
    entry: &Accreditation,
    parent: Option<&Accreditation>,
    cc: &str,
) -> Result<(), Reject> {
    let wider = |field| Reject::new(Code::NotNarrower, field, "");
    let Some(parent) = parent else {
        let own = entry.jurisdictions.iter().all(|jurisdiction| jurisdiction == cc);
        return if own { Ok(()) } else { Err(wider("/args/jurisdictions")) };
    };
    if !entry.rights.iter().all(|right| parent.rights.contains(right)) {
        return Err(wider("/args/rights"));
    }
    if !entry.types.iter().all(|name| parent.types.contains(name)) {
        return Err(wider("/args/types"));
    }
    if !entry.jurisdictions.iter().all(|name| parent.jurisdictions.contains(name)) {
        return Err(wider("/args/jurisdictions"));
    }
    if entry.from_ms < parent.from_ms {
        return Err(wider("/args/fromMs"));
    }
    if entry.until_ms > parent.until_ms {
        return Err(wider("/args/untilMs"));
    }
    Ok(())
}

fn check_depth(
    state: &Overlay<'_>,
    entry: &Accreditation,
    parent: Option<&Accreditation>,
) -> Result<(), Reject> {
    let room = parent.map_or(limits::ACCREDITATION_DEPTH_MAX + 1, |parent| parent.depth);
    let too_deep = entry.depth >= room || chain::ancestors(state, entry).is_none();
    if too_deep { Err(Reject::new(Code::DepthExceeded, "/args/depth", "")) } else { Ok(()) }
}

fn check_limits(entry: &Accreditation, n: u64) -> Result<(), Reject> {
    let limit = |field: &str| Reject::new(Code::FieldLimit, field, "");
    if n > limits::ACCREDITATIONS_PER_PARTY_MAX {
        return Err(limit("/args/n"));
    }
    if entry.rights.is_empty() {
        return Err(limit("/args/rights"));
    }
    if !ISSUER_CLASSES.contains(&entry.issuer_class.as_str()) {
        return Err(limit("/args/issuerClass"));
    }
    if entry.types.is_empty() || entry.types.len() > limits::ACCREDITATION_TYPES_MAX {
        return Err(limit("/args/types"));
    }
    if entry.jurisdictions.is_empty() {
        return Err(limit("/args/jurisdictions"));
    }
    if entry.from_ms >= entry.until_ms {
        return Err(limit("/args/untilMs"));
    }
    Ok(())
}

/// `accreditation_suspend`, `accreditation_reinstate`, `accreditation_revoke`.
pub(super) fn change(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let id = NumberedId::parse(args.text("id")?, "acc")
        .ok_or_else(|| args.malformed("id", "grantee/acc/n is expected"))?;
    let version = args.uint("version")?;
    let reason = read_reason(&mut args)?;
    let revoking = op.act == "accreditation_revoke";
    let effective_ms = if revoking { args.uint("effectiveMs")? } else { ctx.time_ms };
    args.finish()?;

    let signers = authority::signers(ctx, op)?;
    let entry = ctx.state.read::<Accreditation>(&accreditation_key(&id.owner, id.number));
    let acting = acting_parties(ctx, &signers, &id, entry.as_ref(), &op.name())?;
    let mut entry = entry.ok_or_else(|| Reject::new(Code::UnknownAccreditation, "/args/id", ""))?;
    if version != entry.version {
        return Err(Reject::new(Code::VersionConflict, "/args/version", ""));
    }
    if let Some(acting) = acting
        && !acting.iter().any(|party| stands_above(ctx.state, &entry, party))
    {
        return Err(Reject::new(Code::NotAncestor, "/sigs", ""));
    }
    move_status(&mut entry, &op.act, reason, effective_ms, ctx.time_ms)?;
    entry.version = version.saturating_add(1);
    ctx.state.write(accreditation_key(&id.owner, id.number), &entry);
    emit(ctx, op, &entry, id.number);
    Ok(())
}

fn read_reason<'a>(args: &mut Members<'a>) -> Result<&'a str, Reject> {
    let reason = args.optional_text("reason")?.unwrap_or_default();
    if reason.is_empty() || REASONS.contains(&reason) {
        Ok(reason)
    } else {
        Err(args.malformed("reason", "unknown reason"))
    }
}

/// The parties that signed with the scope of the act; `None` if the root quorum did, or nobody is
/// asked to (dry run): then no further question of rank arises.
fn acting_parties(
    ctx: &mut Context<'_, '_>,
    signers: &[Signer],
    id: &NumberedId,
    entry: Option<&Accreditation>,
    scope: &str,
) -> Result<Option<Vec<String>>, Reject> {
    let cc = id.party.cc();
    if ctx.authority == Authority::Assumed {
        let grantor = entry.map_or(cc, |entry| &entry.grantor).to_owned();
        match Party::parse(&grantor) {
            Some(Party::Root(root)) => authority::require_root(ctx, signers, &root)?,
            _ => ctx.need("party", &grantor, 1, scope),
        }
        return Ok(None);
    }
    authority::require_owner(signers, cc)?;
    if authority::is_root(ctx, signers, cc) {
        return Ok(None);
    }
    // one root key alone stands for nobody: the root acts by its quorum only
    let others: Vec<&Signer> =
        signers.iter().filter(|signer| !matches!(signer.party, Party::Root(_))).collect();
    if others.is_empty() {
        return Err(Reject::new(Code::QuorumMissing, "/sigs", "too few root keys"));
    }
    let able: Vec<String> = others
        .into_iter()
        .filter(|signer| authority::key_covers(ctx.state, signer, scope))
        .map(|signer| authority::party_text(signer.acts_for()))
        .collect();
    if able.is_empty() {
        return Err(Reject::new(Code::ScopeDenied, "/sigs", "no signing key has the scope"));
    }
    Ok(Some(able))
}

fn stands_above(state: &Overlay<'_>, entry: &Accreditation, party: &str) -> bool {
    entry.grantor == party
        || chain::ancestors(state, entry)
            .unwrap_or_default()
            .iter()
            .any(|above| above.grantor == party)
}

fn move_status(
    entry: &mut Accreditation,
    act: &str,
    reason: &str,
    effective_ms: u64,
    now_ms: u64,
) -> Result<(), Reject> {
    let (from, to): (&[AccreditationStatus], _) = match act {
        "accreditation_suspend" => (&[AccreditationStatus::Active], AccreditationStatus::Suspended),
        "accreditation_reinstate" => {
            (&[AccreditationStatus::Suspended], AccreditationStatus::Active)
        }
        _ => (
            &[AccreditationStatus::Active, AccreditationStatus::Suspended],
            AccreditationStatus::Revoked,
        ),
    };
    if !from.contains(&entry.status) {
        return Err(Reject::new(Code::BadTransition, "/args/id", ""));
    }
    if to != AccreditationStatus::Active && reason.is_empty() {
        return Err(Reject::new(Code::ReasonRequired, "/args/reason", ""));
    }
    if effective_ms > now_ms {
        return Err(Reject::new(Code::FutureEffective, "/args/effectiveMs", ""));
    }
    if entry.status == AccreditationStatus::Suspended {
        entry.suspensions.push((entry.effective_ms, now_ms));
        if entry.suspensions.len() > SUSPENSIONS_KEPT_MAX {
            let (from_ms, _) = entry.suspensions.remove(0);
            if let Some(oldest) = entry.suspensions.first_mut() {
                oldest.0 = from_ms;
            }
        }
    }
    entry.status = to;
    let active = to == AccreditationStatus::Active;
    entry.reason = if active { String::new() } else { reason.to_owned() };
    entry.effective_ms = if active { 0 } else { effective_ms };
    Ok(())
}

fn party_exists(state: &Overlay<'_>, party: &Party) -> bool {
    let exists = match party {
        Party::Root(cc) => state.holds(&access::ams_key(cc)),
        Party::Authority { .. } => authority::authority_of(state, party).is_some(),
        // an accreditation names the number in force, so that it is found under one name only
        Party::Business { ubin } => {
            crate::ubin::actor(state, ubin).is_some_and(|actor| actor.live && actor.ubin == *ubin)
        }
    };
    exists && !access::is_closed(state, party)
}

fn emit(ctx: &mut Context<'_, '_>, op: &Op, entry: &Accreditation, n: u64) {
    let texts = |items: &[String]| {
        Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
    };
    ctx.emit(
        &op.name(),
        &accreditation_id(&entry.grantee, n),
        [
            ("grantee", Value::from(entry.grantee.as_str())),
            ("grantor", Value::from(entry.grantor.as_str())),
            ("status", Value::from(entry.status.name())),
            ("types", texts(&entry.types)),
            ("version", Value::from(entry.version)),
        ],
    );
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Sorts; an item that stands twice is `MALFORMED`.
pub(super) fn sorted_set<T: Ord>(mut items: Vec<T>, field: &str) -> Result<Vec<T>, Reject> {
    items.sort_unstable();
    if items.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Reject::new(Code::Malformed, field, "an item stands twice"));
    }
    Ok(items)
}
