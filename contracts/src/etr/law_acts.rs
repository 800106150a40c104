//! The acts by which a state writes its own entries that the ETR register reads: legal effect,
//! regimes, rulebooks and court policy (ledger.md §8, etr-profiles.md §4, §5). They are acts of `gov`.
//!
//! Invariant: an entry is written by the root quorum of its own state alone, and each act names the
//! next version of its entry, so none can be replayed. Entries of countries outside the network are of
//! the same form and come by an accepted proposal ([`put_outside_effect`], [`put_outside_regime`]); they
//! warn at most. What a genesis brings is read and checked as the acts do it ([`read_effect`],
//! [`put_genesis_regime`], [`put_genesis_rulebook`]).

use super::court::{self, CourtPolicies, CourtPolicy};
use super::legal::{self, BlockSince, Effect, LegalEffect, Policy, Regime, Rulebook};
use crate::access::authority::{require_root, signers};
use crate::access::{Party, ams_key};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::{self, Op};
use crate::state::Overlay;

/// The acts, without their register.
pub const ACTS: &[&str] = &["legal_effect_set", "regime_set", "rulebook_set", "court_policy_set"];

const NO_STATE: &str = "no state of the network";

const STATUSES: &[&str] = &[
    "unknown",
    "none",
    "gap_study",
    "draft",
    "consultation",
    "tabled",
    "enacted",
    "in_force",
    "repealed",
];

/// Runs one of [`ACTS`]; its one argument is `entry`.
pub fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let entry = args.object("entry")?;
    args.finish()?;
    match op.act.as_str() {
        "legal_effect_set" => set_effect(ctx, op, entry),
        "regime_set" => set_regime(ctx, op, entry),
        "rulebook_set" => set_rulebook(ctx, op, entry),
        _ => set_court_policy(ctx, op, entry),
    }
}

/// The root quorum of `cc`, a state of the network, and the next version.
fn check_author(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    cc: &str,
    versions: (u64, u64),
) -> Result<(), Reject> {
    let signers = signers(ctx, op)?;
    if !ctx.state.holds(&ams_key(cc)) {
        return Err(Reject::new(Code::PartyUnknown, "/args/entry", NO_STATE));
    }
    require_root(ctx, &signers, cc)?;
    let (before, named) = versions;
    check_next(before, named, "/args/entry/version")
}

fn emit(ctx: &mut Context<'_, '_>, op: &Op, subject: &str, version: u64) {
    ctx.emit(&op.name(), subject, [("version", Value::from(version))]);
}

/// A text of 1 to `max` bytes.
fn text(entry: &mut Members<'_>, name: &str, max: usize) -> Result<String, Reject> {
    let text = entry.text(name)?.to_owned();
    if (1..=max).contains(&text.len()) {
        Ok(text)
    } else {
        Err(Reject::new(Code::FieldLimit, &entry.pointer(name), ""))
    }
}

fn is_class(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn set_effect(ctx: &mut Context<'_, '_>, op: &Op, entry: Members<'_>) -> Result<(), Reject> {
    let new = read_effect(entry, ctx.time_ms)?;
    let old: Option<LegalEffect> = ctx.state.read(&legal::effect_key(&new.ams, &new.class));
    let before = old.as_ref().map_or(0, |old| old.version);
    check_author(ctx, op, &new.ams, (before, new.version))?;
    let (subject, version) = (format!("{}/{}", new.ams, new.class), new.version);
    replace_effect(ctx, old.as_ref(), new);
    emit(ctx, op, &subject, version);
    Ok(())
}

/// A proposal's entry on a country outside the network; gives its subject. It advises: nobody there
/// decided it, so it may not block.
pub(crate) fn put_outside_effect(
    ctx: &mut Context<'_, '_>,
    entry: Members<'_>,
) -> Result<String, Reject> {
    let (country_at, policy_at, version_at) =
        (entry.pointer("ams"), entry.pointer("policy"), entry.pointer("version"));
    let new = read_effect(entry, ctx.time_ms)?;
    check_outside(ctx, &new.ams, &country_at)?;
    let Policy { full, contractual, excluded, unknown } = new.policy;
    if [full, contractual, excluded, unknown].contains(&Effect::Block) {
        let why = "a country outside the network blocks nothing";
        return Err(Reject::new(Code::Malformed, &policy_at, why));
    }
    let old: Option<LegalEffect> = ctx.state.read(&legal::effect_key(&new.ams, &new.class));
    check_next(old.as_ref().map_or(0, |old| old.version), new.version, &version_at)?;
    let subject = format!("{}/{}", new.ams, new.class);
    replace_effect(ctx, old.as_ref(), new);
    Ok(subject)
}

fn replace_effect(ctx: &mut Context<'_, '_>, old: Option<&LegalEffect>, mut new: LegalEffect) {
    if let Some(old) = old {
        new.block_since = BlockSince::after(old, &new, ctx.time_ms);
    }
    legal::put_effect(ctx.state, &new);
}

/// An entry that is first written at `time_ms`, by the act or at genesis: `MALFORMED`, `FIELD_LIMIT`.
pub fn read_effect(mut entry: Members<'_>, time_ms: u64) -> Result<LegalEffect, Reject> {
    let ams = entry.text("ams")?.to_owned();
    let class = entry.text("class")?.to_owned();
    if class != "*" && !is_class(&class) {
        return Err(entry.malformed("class", "a law class or *"));
    }
    let status = entry.text("status")?.to_owned();
    if !STATUSES.contains(&status.as_str()) {
        return Err(entry.malformed("status", "unknown status"));
    }
    let excludes: Vec<String> =
        entry.texts("excludes")?.into_iter().map(ToOwned::to_owned).collect();
    if excludes.len() > limits::ETR_CONSENT_ITEMS_MAX || !excludes.iter().all(|c| is_class(c)) {
        return Err(entry.malformed("excludes", "at most 64 law classes"));
    }
    let policy = read_policy(entry.object("policy")?)?;
    let new = LegalEffect {
        instrument: text(&mut entry, "instrument", 64)?,
        since_ms: entry.uint("sinceMs")?,
        citation: text(&mut entry, "citation", 256)?,
        presumption: text(&mut entry, "presumption", 64)?,
        version: entry.uint("version")?,
        block_since: BlockSince::all(time_ms),
        ams,
        class,
        status,
        excludes,
        policy,
    };
    entry.finish()?;
    Ok(new)
}

/// `NOT_OWNER` for a state of the network: it writes its own entries.
fn check_outside(ctx: &Context<'_, '_>, cc: &str, field: &str) -> Result<(), Reject> {
    if !matches!(Party::parse(cc), Some(Party::Root(_))) {
        return Err(Reject::new(Code::Malformed, field, "a country, two capital letters"));
    }
    if ctx.state.holds(&ams_key(cc)) {
        return Err(Reject::new(Code::NotOwner, field, "a state of the network says it itself"));
    }
    Ok(())
}

fn check_next(before: u64, named: u64, field: &str) -> Result<(), Reject> {
    if named == before.saturating_add(1) {
        Ok(())
    } else {
        Err(Reject::new(Code::VersionConflict, field, ""))
    }
}

fn read_policy(mut policy: Members<'_>) -> Result<Policy, Reject> {
    let mut effect = |name: &str| match policy.text(name)? {
        "allow" => Ok(Effect::Allow),
        "warn" => Ok(Effect::Warn),
        "block" => Ok(Effect::Block),
        _ => Err(policy.malformed(name, "allow, warn or block")),
    };
    let read = Policy {
        full: effect("full")?,
        contractual: effect("contractual")?,
        excluded: effect("excluded")?,
        unknown: effect("unknown")?,
    };
    policy.finish()?;
    Ok(read)
}

fn set_regime(ctx: &mut Context<'_, '_>, op: &Op, entry: Members<'_>) -> Result<(), Reject> {
    let regime = read_regime(entry, false, None)?;
    let before = legal::regime(ctx.state, &regime.id).map_or(0, |old| old.version);
    check_author(ctx, op, &regime.country, (before, regime.version))?;
    legal::put_regime(ctx.state, &regime);
    emit(ctx, op, &regime.id, regime.version);
    Ok(())
}

/// A proposal's regime of a country outside the network, marked advisory; gives its id.
pub(crate) fn put_outside_regime(
    ctx: &mut Context<'_, '_>,
    entry: Members<'_>,
) -> Result<String, Reject> {
    let (country_at, version_at) = (entry.pointer("country"), entry.pointer("version"));
    let regime = read_regime(entry, true, None)?;
    check_outside(ctx, &regime.country, &country_at)?;
    let before = legal::regime(ctx.state, &regime.id).map_or(0, |old| old.version);
    check_next(before, regime.version, &version_at)?;
    legal::put_regime(ctx.state, &regime);
    Ok(regime.id)
}

/// A regime of the genesis, which names no version: it is the first. Refused for what the act refuses:
/// `MALFORMED`, `FIELD_LIMIT`, `PARTY_UNKNOWN` for a country that is no state of the network,
/// `VERSION_CONFLICT` for one that stands twice.
pub fn put_genesis_regime(state: &mut Overlay<'_>, entry: Members<'_>) -> Result<(), Reject> {
    let (country_at, id_at) = (entry.pointer("country"), entry.pointer("id"));
    let regime = read_regime(entry, false, Some(1))?;
    if !state.holds(&ams_key(&regime.country)) {
        return Err(Reject::new(Code::PartyUnknown, &country_at, NO_STATE));
    }
    let before = legal::regime(state, &regime.id).map_or(0, |old| old.version);
    check_next(before, regime.version, &id_at)?;
    legal::put_regime(state, &regime);
    Ok(())
}

/// `first` is the version of an entry that names none.
fn read_regime(
    mut entry: Members<'_>,
    advisory: bool,
    first: Option<u64>,
) -> Result<Regime, Reject> {
    let country = entry.text("country")?.to_owned();
    let id = text(&mut entry, "id", 32)?;
    let name = id.strip_prefix("CONTRACT-").or_else(|| {
        id.strip_prefix(&country).and_then(|rest| rest.strip_prefix('-')).map(|_| country.as_str())
    });
    let letters = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
    if name != Some(country.as_str()) || !id.bytes().all(letters) {
        return Err(entry.malformed("id", "CC-NAME or CONTRACT-CC of this country"));
    }
    let regime = Regime {
        citation: text(&mut entry, "citation", 256)?,
        version: first.map_or_else(|| entry.uint("version"), Ok)?,
        advisory,
        id,
        country,
    };
    entry.finish()?;
    Ok(regime)
}

fn set_rulebook(ctx: &mut Context<'_, '_>, op: &Op, mut entry: Members<'_>) -> Result<(), Reject> {
    let until_ms = match entry.required("untilMs")? {
        Value::Null => None,
        value => Some(
            value
                .as_int()
                .and_then(|int| u64::try_from(int).ok())
                .ok_or_else(|| entry.malformed("untilMs", "ms or null"))?,
        ),
    };
    let book = Rulebook {
        cc: entry.text("cc")?.to_owned(),
        digest: entry.digest("digest")?,
        title: rulebook_title(&mut entry)?,
        from_ms: entry.uint("fromMs")?,
        until_ms,
        version: entry.uint("version")?,
    };
    entry.finish()?;
    let old: Option<Rulebook> = ctx.state.read(&legal::rulebook_key(&book.cc, book.digest));
    let before = old.map_or(0, |old| old.version);
    check_author(ctx, op, &book.cc, (before, book.version))?;
    legal::put_rulebook(ctx.state, &book);
    emit(ctx, op, &format!("{}/{}", book.cc, book.digest), book.version);
    Ok(())
}

fn rulebook_title(entry: &mut Members<'_>) -> Result<String, Reject> {
    text(entry, "title", 128)
}

/// A rulebook of the genesis, `digest` and `title`: in force in each of these states from height 0 on,
/// without end. Refused for what the act refuses: `MALFORMED`, `FIELD_LIMIT`, `VERSION_CONFLICT` for one
/// that stands twice.
pub fn put_genesis_rulebook(
    state: &mut Overlay<'_>,
    mut entry: Members<'_>,
    countries: &[String],
) -> Result<(), Reject> {
    let digest_at = entry.pointer("digest");
    let digest = entry.digest("digest")?;
    let title = rulebook_title(&mut entry)?;
    entry.finish()?;
    for cc in countries {
        let old: Option<Rulebook> = state.read(&legal::rulebook_key(cc, digest));
        check_next(old.map_or(0, |old| old.version), 1, &digest_at)?;
        let (cc, title) = (cc.clone(), title.clone());
        let book = Rulebook { cc, digest, title, from_ms: 0, until_ms: None, version: 1 };
        legal::put_rulebook(state, &book);
    }
    Ok(())
}

fn set_court_policy(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    mut entry: Members<'_>,
) -> Result<(), Reject> {
    let ams = entry.text("ams")?.to_owned();
    let acts: Vec<String> = entry.texts("acts")?.into_iter().map(ToOwned::to_owned).collect();
    if !acts.iter().all(|act| court::ACTS.contains(&act.as_str())) {
        return Err(entry.malformed("acts", "acts of a court"));
    }
    let court_keys = entry.texts("courtKeys")?.into_iter().map(read_key).collect::<Option<_>>();
    let court_keys: Vec<(String, u64)> =
        court_keys.ok_or_else(|| entry.malformed("courtKeys", "CC:NAME#kN"))?;
    let reach_all = match entry.text("reach")? {
        "all" => true,
        "issued_after" => false,
        _ => return Err(entry.malformed("reach", "issued_after or all")),
    };
    let policy = CourtPolicy {
        basis: text(&mut entry, "basis", 256)?,
        court_k: entry.uint("courtK")?,
        registry_k: entry.uint("registryK")?,
        notice_s: entry.uint("noticeS")?,
        ex_parte: entry.boolean("exParte")?,
        freeze_max_s: entry.uint("freezeMaxS")?,
        from_height: entry.uint("fromHeight")?,
        effective_ms: ctx.time_ms.saturating_add(limits::COURT_POLICY_DELAY_MS),
        version: entry.uint("version")?,
        ams,
        acts,
        court_keys,
        reach_all,
    };
    entry.finish()?;
    check_bounds(&policy)?;
    let all: CourtPolicies = ctx.state.read(&court::policy_key(&policy.ams)).unwrap_or_default();
    let before = all.0.last().map_or(0, |old| old.version);
    check_author(ctx, op, &policy.ams, (before, policy.version))?;
    let (ams, version, t) = (policy.ams.clone(), policy.version, ctx.time_ms);
    court::put_policy(ctx.state, policy, t);
    emit(ctx, op, &ams, version);
    Ok(())
}

fn read_key(text: &str) -> Option<(String, u64)> {
    let (party, key) = text.split_once('#')?;
    match Party::parse(party) {
        Some(Party::Authority { .. }) => Some((party.to_owned(), op::parse_key_no(key)?)),
        _ => None,
    }
}

/// `LIMIT_EXCEEDED` outside the bounds of etr-profiles.md §5.
fn check_bounds(policy: &CourtPolicy) -> Result<(), Reject> {
    let over =
        |name: &str| Err(Reject::new(Code::LimitExceeded, &format!("/args/entry/{name}"), ""));
    let own = |(party, _): &(String, u64)| party.get(..2) == Some(policy.ams.as_str());
    let keys = policy.court_keys.len();
    if !(1..=limits::COURT_KEYS_MAX).contains(&keys) || !policy.court_keys.iter().all(own) {
        return over("courtKeys");
    }
    if !(1..=keys as u64).contains(&policy.court_k) {
        return over("courtK");
    }
    if !(1..=limits::OP_SIGNATURES_MAX as u64).contains(&policy.registry_k) {
        return over("registryK");
    }
    if policy.notice_s < limits::ETR_NOTICE_S_MIN {
        return over("noticeS");
    }
    if policy.freeze_max_s > limits::ETR_FREEZE_S_MAX {
        return over("freezeMaxS");
    }
    Ok(())
}
