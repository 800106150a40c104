//! Acts on keys: `key_bind`, `key_rotate`, `key_revoke`.
//!
//! Invariant: no signature widens what its party may sign. Binding asks the authority above the
//! party; a rotation hands on what the ended keys had, and nothing more.

use super::acts::{Target, check_open, check_version, finish};
use super::authority::{self, Rule, Signer, require_registrar, require_root, signers};
use super::key_ring::KeyRing;
use super::new_key::{self, NewKey};
use super::service::DocumentPart;
use super::{Ams, KeyEntry, KeyState, Party, Purpose, ams_key, scope};
use crate::context::{Authority, Context};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::{self, Op};

/// Binds keys to a business (R1 of its authority) or to an authority (root quorum).
pub(super) fn bind(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let offered = new_key::read_keys(args.list("keys")?, "/args/keys")?;
    let document = DocumentPart::read(&mut args)?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    match &target.party {
        Party::Root(_) => return target.must_be(false, "root keys change by root_rotate"),
        Party::Authority { cc, .. } => require_root(ctx, &signers, cc)?,
        Party::Business { .. } => {
            require_registrar(ctx, &signers, target.cc(), "access.key_bind", Rule::R1)?;
        }
    }
    target.must_be_live()?;
    let mut ring = open_for_binding(ctx, &target)?;
    check_open(&ring)?;
    check_version(ring.entry.version, version)?;
    let keys = new_key::check_offered(ctx.state, ctx.chain, &target.text, &offered, "/args/keys")?;
    check_grantable(ctx, &target, &keys, "/args/keys")?;
    let added = ring.add(ctx.state, &keys, ctx.time_ms);
    check_key_limit(ctx, &ring, keys.len(), "/args/keys")?;
    new_key::check_key_limits(&keys, limits::ACTIVE_KEYS_MAX, "/args/keys")?;
    document.check()?;
    document.write(&mut ring.entry);
    finish(ctx, op, &target, ring, [("keys", key_ids(&added))]);
    Ok(())
}

/// The keys of a party that may have none yet: `PARTY_NOT_LIVE` for an authority that is not there.
fn open_for_binding(ctx: &Context<'_, '_>, target: &Target) -> Result<KeyRing, Reject> {
    let not_live = || Reject::new(Code::PartyNotLive, "/args/party", "");
    match (target.ring(ctx), &target.party, &target.holder) {
        (Some(ring), _, _) => Ok(ring),
        (None, Party::Business { .. }, Some(holder)) => {
            Ok(KeyRing::new(&holder.name, ctx.height, ctx.time_ms))
        }
        _ => Err(not_live()),
    }
}

/// `SCOPE_UNKNOWN` unless the scopes are known and may be granted to this party: to an authority
/// what its root lets it do, to a business what businesses do.
pub(super) fn check_grantable(
    ctx: &Context<'_, '_>,
    target: &Target,
    keys: &[NewKey],
    path: &str,
) -> Result<(), Reject> {
    match &target.party {
        Party::Root(_) => new_key::check_scopes_known(keys, path),
        Party::Business { .. } => new_key::check_scopes_for_business(keys, path),
        Party::Authority { .. } => {
            let held = authority::authority_of(ctx.state, &target.party)
                .map_or_else(Vec::new, |entry| entry.scopes);
            new_key::check_scopes_within(keys, &held, path)
        }
    }
}

/// `KEY_LIMIT` unless `added` keys are 1 to 16 and the party now has 1 to 16 active keys, one of
/// them with purpose `invoke` and without an end.
fn check_key_limit(
    ctx: &Context<'_, '_>,
    ring: &KeyRing,
    added: usize,
    path: &str,
) -> Result<(), Reject> {
    let fits = |count: usize| (1..=limits::ACTIVE_KEYS_MAX).contains(&count);
    let enough = fits(added)
        && fits(ring.active(ctx.state).len())
        && ring.lasting_invoke_keys(ctx.state) > 0;
    if enough {
        Ok(())
    } else {
        let detail = "1 to 16 active keys, one that stays with purpose invoke";
        Err(Reject::new(Code::KeyLimit, path, detail))
    }
}

/// Replaces keys; the old ones end after an overlap of 0 to 30 days.
pub(super) fn rotate(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let offered = new_key::read_keys(args.list("add")?, "/args/add")?;
    let retire = read_key_numbers(&mut args, "retire")?;
    let overlap_s = args.uint("overlapS")?;
    let document = DocumentPart::read(&mut args)?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    target.must_be(!matches!(target.party, Party::Root(_)), "root keys change by root_rotate")?;
    let standing = standing(ctx, &signers, &target, "access.key_rotate", &retire)?;
    let mut ring = target.known(ctx)?;
    target.must_be_live()?;
    check_open(&ring)?;
    check_version(ring.entry.version, version)?;
    let keys = new_key::check_offered(ctx.state, ctx.chain, &target.text, &offered, "/args/add")?;
    let retired: Vec<(u64, Option<KeyEntry>)> =
        retire.iter().map(|no| (*no, ring.key(ctx.state, *no))).collect();
    check_not_wider(&keys, &retired)?;
    if standing == Standing::Own {
        check_same_hands(&target.party, &keys, &retired, &signers, &ring.name)?;
    }
    let active = |key: &Option<KeyEntry>| key.as_ref().is_some_and(|k| k.is_active(ctx.time_ms));
    if retired.is_empty() || !retired.iter().all(|(_, key)| active(key)) {
        return Err(Reject::new(Code::KeyState, "/args/retire", "keys that are active"));
    }
    let ends_ms = ctx.time_ms.saturating_add(overlap_s.saturating_mul(1000));
    for no in &retire {
        ring.retire_at(ctx.state, *no, ends_ms);
    }
    let added = ring.add(ctx.state, &keys, ctx.time_ms);
    check_key_limit(ctx, &ring, keys.len(), "/args/add")?;
    check_rotate_limits(&ring, &keys, overlap_s, standing == Standing::Own)?;
    document.check()?;
    document.write(&mut ring.entry);
    let data =
        [("endsMs", Value::from(ends_ms)), ("keys", key_ids(&added)), ("retire", key_ids(&retire))];
    finish(ctx, op, &target, ring, data);
    Ok(())
}

/// `SCOPE_DENIED` if a new key has a scope that none of the ended keys has.
fn check_not_wider(keys: &[NewKey], retired: &[(u64, Option<KeyEntry>)]) -> Result<(), Reject> {
    for (i, key) in keys.iter().enumerate() {
        let held = |asked: &String| {
            retired
                .iter()
                .filter_map(|(_, old)| old.as_ref())
                .any(|old| old.scopes.iter().any(|granted| scope::covers(granted, asked)))
        };
        if !key.scopes.iter().all(held) {
            let field = format!("/args/add/{i}/scopes");
            return Err(Reject::new(Code::ScopeDenied, &field, "a rotation never widens scopes"));
        }
    }
    Ok(())
}

/// `SCOPE_DENIED` if a rotation that the party signed itself would give a key a purpose or an
/// officer that none of the ended keys has, or in an authority touch the key of an officer who did
/// not sign: one officer could make R2 alone.
fn check_same_hands(
    party: &Party,
    keys: &[NewKey],
    retired: &[(u64, Option<KeyEntry>)],
    signers: &[Signer],
    name: &str,
) -> Result<(), Reject> {
    let old: Vec<&KeyEntry> = retired.iter().filter_map(|(_, key)| key.as_ref()).collect();
    let denied = |field: &str, what| Err(Reject::new(Code::ScopeDenied, field, what));
    for (i, key) in keys.iter().enumerate() {
        if !key.purposes.iter().all(|purpose| old.iter().any(|old| old.has(*purpose))) {
            return denied(&format!("/args/add/{i}/purposes"), "not a purpose of the old keys");
        }
        if !old.iter().any(|old| old.officer == key.officer) {
            return denied(&format!("/args/add/{i}/officer"), "not an officer of the old keys");
        }
    }
    let signed = |officer: u64| {
        signers.iter().any(|signer| signer.is_itself(name) && signer.key.entry.officer == officer)
    };
    if matches!(party, Party::Authority { .. }) && !old.iter().all(|old| signed(old.officer)) {
        return denied("/args/retire", "the key of an officer who did not sign");
    }
    Ok(())
}

/// `KEY_LIMIT` if the party itself has used up its key numbers (its authority or root still can
/// go on), `FIELD_LIMIT` for overlap and lists.
fn check_rotate_limits(
    ring: &KeyRing,
    keys: &[NewKey],
    overlap_s: u64,
    by_party_itself: bool,
) -> Result<(), Reject> {
    if by_party_itself && ring.entry.keys > limits::PARTY_KEYS_MAX {
        return Err(Reject::new(Code::KeyLimit, "/args/add", "all key numbers are used"));
    }
    if overlap_s > limits::KEY_OVERLAP_S_MAX {
        return Err(Reject::new(Code::FieldLimit, "/args/overlapS", "0 to 2,592,000"));
    }
    new_key::check_key_limits(keys, limits::ACTIVE_KEYS_MAX, "/args/add")
}

/// Ends one key at once; a compromised one counts as such from `effectiveMs`.
pub(super) fn revoke(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let target = Target::read(ctx, &mut args, "party")?;
    let version = args.uint("version")?;
    let no = op::parse_key_no(args.text("key")?)
        .ok_or_else(|| args.malformed("key", "k and a number without leading zero"))?;
    let reason = match args.text("reason")? {
        "retired" => KeyState::Retired,
        "compromised" => KeyState::Compromised,
        _ => return Err(args.malformed("reason", "retired or compromised")),
    };
    let effective_ms = args.uint("effectiveMs")?;
    args.finish()?;

    let signers = signers(ctx, op)?;
    let standing = standing(ctx, &signers, &target, "access.key_revoke", &[no])?;
    let ring = target.known(ctx)?;
    target.must_not_have_moved(ctx)?;
    check_version(ring.entry.version, version)?;
    let key = ring
        .key(ctx.state, no)
        .filter(|key| key.state_at(ctx.time_ms) < reason)
        .ok_or_else(|| Reject::new(Code::KeyState, "/args/key", ""))?;
    if effective_ms > ctx.time_ms {
        return Err(Reject::new(Code::FutureEffective, "/args/effectiveMs", ""));
    }
    let compromised_ms = (reason == KeyState::Compromised).then_some(effective_ms);
    ring.revoke(ctx.state, no, compromised_ms);
    check_not_last(ctx, &target, &ring, &key, standing)?;
    let data = [
        ("effectiveMs", Value::from(effective_ms)),
        ("key", Value::from(format!("k{no}"))),
        ("reason", Value::from(if compromised_ms.is_some() { "compromised" } else { "retired" })),
    ];
    finish(ctx, op, &target, ring, data);
    Ok(())
}

/// `LAST_KEY` if the party, by its own signature, would be left without a lasting `invoke` key, or
/// a root without its quorum: nobody above a root could bring it back.
fn check_not_last(
    ctx: &mut Context<'_, '_>,
    target: &Target,
    ring: &KeyRing,
    ended: &KeyEntry,
    standing: Standing,
) -> Result<(), Reject> {
    let last = || Err(Reject::new(Code::LastKey, "/args/key", ""));
    if let Party::Root(cc) = &target.party {
        let Some(ams) = ctx.state.read::<Ams>(&ams_key(cc)) else {
            return last();
        };
        let root_k = ams.root_k_at(ctx.time_ms);
        let now = ring.lasting_invoke_keys(ctx.state) as u64;
        let later = ams.pending_rotation.filter(|rotation| rotation.effective_ms > ctx.time_ms);
        let later_short = later.is_some_and(|rotation| {
            let alive = rotation.keys.iter().filter_map(|no| ring.key(ctx.state, *no));
            (alive.filter(|key| key.state == KeyState::Active).count() as u64) < rotation.root_k
        });
        let now_short = ended.is_active(ctx.time_ms) && now < root_k;
        return if now_short || later_short { last() } else { Ok(()) };
    }
    let was_one = ended.has(Purpose::Invoke) && ended.is_active(ctx.time_ms);
    if !was_one || ring.lasting_invoke_keys(ctx.state) > 0 {
        return Ok(());
    }
    match standing {
        Standing::Own => last(),
        Standing::Above => Ok(()),
        Standing::Assumed => {
            ctx.warnings.push("LAST_KEY".to_owned());
            Ok(())
        }
    }
}

/// Who stands behind an act on a party's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Its own active `invoke` key.
    Own,
    /// The authority of a business, or the root.
    Above,
    /// A dry run: not known yet.
    Assumed,
}

/// Asks for an active `invoke` key of the party, or R1 of its authority (business), or the root
/// quorum: `NOT_OWNER`, `SCOPE_DENIED`, `QUORUM_MISSING`.
///
/// A key may always end itself; for other keys of its party it needs the act's scope, else the
/// thief of a narrow key could move a wide one into his own hands.
fn standing(
    ctx: &mut Context<'_, '_>,
    signers: &[Signer],
    target: &Target,
    act: &str,
    touched: &[u64],
) -> Result<Standing, Reject> {
    if let Party::Root(cc) = &target.party {
        require_root(ctx, signers, cc)?;
        return Ok(if ctx.authority == Authority::Assumed {
            Standing::Assumed
        } else {
            Standing::Above
        });
    }
    if ctx.authority == Authority::Assumed {
        ctx.need("party", &target.text, 1, act);
        return Ok(Standing::Assumed);
    }
    authority::require_owner(signers, target.cc())?;
    if authority::is_root(ctx, signers, target.cc()) {
        return Ok(Standing::Above);
    }
    let name = target.holder.as_ref().map(|holder| holder.name.as_str()).unwrap_or_default();
    let own: Vec<&Signer> = signers.iter().filter(|signer| signer.is_itself(name)).collect();
    let own_may = own.iter().any(|signer| {
        touched.iter().all(|no| *no == signer.key_no)
            || authority::key_covers(ctx.state, signer, act)
    });
    let business = matches!(target.party, Party::Business { .. });
    let registrar_signed = signers
        .iter()
        .any(|signer| matches!(signer.party, Party::Authority { .. }) && signer.mandate.is_none());
    if business && registrar_signed {
        match require_registrar(ctx, signers, target.cc(), act, Rule::R1) {
            Ok(_) => return Ok(Standing::Above),
            Err(reject) if !own_may => return Err(reject),
            Err(_) => {}
        }
    }
    match (own_may, own.is_empty()) {
        (true, _) => Ok(Standing::Own),
        (false, false) => Err(Reject::new(Code::ScopeDenied, "/sigs", "no signing key may")),
        (false, true) => Err(Reject::new(Code::QuorumMissing, "/sigs", "")),
    }
}

fn read_key_numbers(args: &mut Members<'_>, name: &str) -> Result<Vec<u64>, Reject> {
    let mut numbers = Vec::new();
    for text in args.texts(name)? {
        let no = op::parse_key_no(text)
            .filter(|no| !numbers.contains(no))
            .ok_or_else(|| args.malformed(name, "key ids, none twice"))?;
        numbers.push(no);
    }
    Ok(numbers)
}

/// Key numbers as ops write them.
pub(super) fn key_ids(numbers: &[u64]) -> Value {
    Value::List(numbers.iter().map(|no| Value::from(format!("k{no}"))).collect())
}
