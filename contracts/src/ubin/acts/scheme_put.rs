//! `scheme_put` and `scheme_suspend`: a state changes the rules of its own numbers
//! (ubin-schemes.md §4).
//!
//! Invariant: the root quorum of the state and nobody else; a change waits for the time-lock, but
//! new patterns of natural persons' numbers and suspensions hold at once. What a number looks like
//! in canonical form never changes. Order of checks: form, country, signers, version, prefix,
//! what may never change, algorithm and patterns, examples, use, time-lock.

use crate::access::authority;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;
use crate::ubin::counter;
use crate::ubin::scheme::{
    self, CountryIndex, NormaliseStep, Scheme, SchemeEntry, SchemeInForce, SchemeVersion,
    country_key, scheme_key,
};
use crate::ubin::vocabulary::{Category, SchemeUse, SizeClass, Status};

/// `scheme_put {entry, effectiveMs, retiredAtHeight?}`.
pub(in crate::ubin) fn put(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let entry = SchemeEntry::from_value(m.required("entry")?, "/args/entry")?;
    let effective_ms = m.uint("effectiveMs")?;
    let retired = match m.optional("retiredAtHeight") {
        None => None,
        Some(value) => Some(
            value
                .as_int()
                .and_then(|height| u64::try_from(height).ok())
                .ok_or_else(|| m.malformed("retiredAtHeight", "a height is expected"))?,
        ),
    };
    m.finish()?;
    check_form(&entry)?;
    let mut index = scheme::country(ctx.state, &entry.cc)
        .ok_or_else(|| Reject::new(Code::UbinCountryUnknown, "/args/entry/cc", ""))?;
    let signers = authority::signers(ctx, op)?;
    authority::require_root(ctx, &signers, &entry.cc)?;
    check_place(ctx, &index, &entry)?;
    let scheme = Scheme::new(entry).map_err(below_entry)?;
    scheme.check_examples().map_err(below_entry)?;
    check_use(ctx, &index, &scheme.entry)?;
    let earliest = ctx.time_ms.saturating_add(limits::SCHEME_TIME_LOCK_MS);
    if effective_ms < earliest {
        let detail = "a change takes effect 14 days after the block or later";
        return Err(Reject::new(Code::DelayRunning, "/args/effectiveMs", detail));
    }
    if retired.is_some_and(|height| height < ctx.height) {
        let detail = "the height has passed";
        return Err(Reject::new(Code::LimitExceeded, "/args/retiredAtHeight", detail));
    }
    let entry = scheme.entry;
    ctx.state.write(scheme_key(&entry.cc, &entry.code, entry.version), &entry);
    place(&mut index, &entry, effective_ms, ctx.time_ms, retired)?;
    index.deny = index.deny_phases(ctx.state, &entry.cc);
    ctx.state.write(country_key(&entry.cc), &index);
    note(ctx, op, &entry.cc, &entry.code, entry.version, ("effectiveMs", effective_ms));
    Ok(())
}

/// `scheme_suspend {cc, scheme, version}`: the version in force, and older ones, take no
/// registrations any more. A later version that takes effect takes them again.
pub(in crate::ubin) fn suspend(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let (cc, code, version) = (m.text("cc")?, m.text("scheme")?, m.uint("version")?);
    m.finish()?;
    let mut index = scheme::country(ctx.state, cc)
        .ok_or_else(|| Reject::new(Code::UbinCountryUnknown, "/args/cc", ""))?;
    let signers = authority::signers(ctx, op)?;
    authority::require_root(ctx, &signers, cc)?;
    let time_ms = ctx.time_ms;
    let found = index.schemes.iter_mut().find(|scheme| scheme.code == code);
    let scheme = found.ok_or_else(|| Reject::new(Code::SchemeUnknown, "/args/scheme", ""))?;
    if scheme.in_force(time_ms) != Some(version) {
        return Err(Reject::new(Code::SchemeVersion, "/args/version", "not the one in force"));
    }
    if scheme.suspended_through >= version {
        return Err(Reject::new(Code::Unchanged, "/args/version", "it is suspended already"));
    }
    scheme.suspended_through = version;
    ctx.state.write(country_key(cc), &index);
    note(ctx, op, cc, code, version, ("effectiveMs", time_ms));
    Ok(())
}

/// Errors of an entry name its members below the op.
fn below_entry(reject: Reject) -> Reject {
    Reject { field: format!("/args/entry{}", reject.field), ..reject }
}

/// Grammar of the code, counts and lengths; the ledger knows when a version holds, so the entry
/// states no height.
fn check_form(entry: &SchemeEntry) -> Result<(), Reject> {
    let malformed = |name: &str, detail| {
        Err(Reject::new(Code::Malformed, &format!("/args/entry/{name}"), detail))
    };
    let code = entry.code.as_bytes();
    let plain = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if !(2..=6).contains(&code.len())
        || !code.first().is_some_and(u8::is_ascii_uppercase)
        || !code.iter().all(plain)
    {
        return malformed("code", "2 to 6 of A-Z 0-9, a letter first");
    }
    if entry.valid_from_height != 0 {
        return malformed("validFromHeight", "0: effectiveMs says when the version holds");
    }
    if entry.refresh_days == 0 || entry.refresh_days > limits::SCHEME_REFRESH_DAYS_MAX {
        return malformed("refreshDays", "1 to 3660");
    }
    let authority = &entry.authority;
    if !authority.register_domain.as_deref().is_none_or(scheme::is_domain) {
        return malformed("authority/registerDomain", "a domain name in small letters");
    }
    if !authority.did.as_deref().is_none_or(scheme::is_did) {
        return malformed("authority/did", "a DID is expected");
    }
    let word = |text: &String| (1..=24).contains(&text.len()) && text.bytes().all(|b| plain(&b));
    let sound = |step: &NormaliseStep| match step {
        NormaliseStep::StripPrefix(text) | NormaliseStep::Remove(text) => word(text),
        NormaliseStep::PadLeft { with, to_length, .. } => {
            with.len() == 1 && word(with) && *to_length <= 24
        }
    };
    if !entry.normalise.iter().all(sound) {
        return malformed("normalise", "words of A-Z 0-9, at most 24 characters");
    }
    let counts = [
        ("personalDeny", entry.personal_deny.len(), limits::SCHEME_DENY_MAX),
        ("normalise", entry.normalise.len(), limits::SCHEME_STEPS_MAX),
        ("statusMap", entry.status_map.len(), limits::SCHEME_STATUS_MAP_MAX),
        ("accept", entry.accept.len(), limits::SCHEME_EXAMPLES_MAX),
        ("reject", entry.reject.len(), limits::SCHEME_EXAMPLES_MAX),
        ("types", entry.types.as_ref().map_or(0, |t| t.values.len()), limits::SCHEME_TYPES_MAX),
    ];
    for (name, count, most) in counts {
        if count > most {
            let field = format!("/args/entry/{name}");
            return Err(Reject::new(Code::FieldLimit, &field, "too many items"));
        }
    }
    Ok(())
}

/// Next version, no code a prefix of another, canonical form unchanged.
fn check_place(
    ctx: &Context<'_, '_>,
    index: &CountryIndex,
    entry: &SchemeEntry,
) -> Result<(), Reject> {
    let refuse = |code, name: &str| Err(Reject::new(code, &format!("/args/entry/{name}"), ""));
    let newest = index.find(&entry.code).map_or(0, SchemeInForce::newest);
    if entry.version != newest.saturating_add(1) {
        return refuse(Code::SchemeVersion, "version");
    }
    let clash = |other: &SchemeInForce| {
        other.code != entry.code
            && (other.code.starts_with(&entry.code) || entry.code.starts_with(&other.code))
    };
    if index.schemes.iter().any(clash) {
        return refuse(Code::SchemePrefix, "code");
    }
    let before: Option<SchemeEntry> = ctx.state.read(&scheme_key(&entry.cc, &entry.code, newest));
    if before.is_some_and(|before| before.normalise != entry.normalise) {
        return refuse(Code::SchemeImmutable, "normalise");
    }
    let few = limits::SCHEME_EXAMPLES_MIN;
    if entry.accept.len() < few || entry.reject.len() < few {
        return Err(Reject::new(Code::SchemeExampleFailed, "/args/entry", "five of each kind"));
    }
    Ok(())
}

/// `use` does not leave PRIMARY while live records exist.
fn check_use(
    ctx: &Context<'_, '_>,
    index: &CountryIndex,
    entry: &SchemeEntry,
) -> Result<(), Reject> {
    if entry.usage == SchemeUse::Primary || index.find(&entry.code).is_none() {
        return Ok(());
    }
    let sizes = SizeClass::ALL.iter().map(|size| size.name()).chain(["NONE"]);
    let mut cells = sizes.flat_map(|size| Category::ALL.iter().map(move |c| (c.name(), size)));
    let live = cells.any(|(category, size)| {
        Status::ALL.iter().filter(|status| status.is_live()).any(|status| {
            let cells = [entry.cc.as_str(), &entry.code, category, size, status.name()];
            counter::value(ctx.state, &counter::counter_key("ubin_stock", &cells)) > 0
        })
    });
    if live {
        let detail = "live records exist; set retiredAtHeight instead";
        return Err(Reject::new(Code::SchemeInUse, "/args/entry/use", detail));
    }
    Ok(())
}

/// Puts a version into the index; versions before the one in force are left out.
fn place(
    index: &mut CountryIndex,
    entry: &SchemeEntry,
    effective_ms: u64,
    time_ms: u64,
    retired: Option<u64>,
) -> Result<(), Reject> {
    let Some(known) = index.schemes.iter_mut().find(|scheme| scheme.code == entry.code) else {
        let mut scheme = SchemeInForce::new(&entry.code, entry.version, effective_ms);
        scheme.retired_at_height = retired;
        index.schemes.push(scheme);
        index.schemes.sort_by(|a, b| a.code.cmp(&b.code));
        return Ok(());
    };
    if known.waiting(time_ms).count() >= limits::SCHEME_VERSIONS_WAITING_MAX {
        let detail = "four versions wait for their time";
        return Err(Reject::new(Code::DelayRunning, "/args/entry/version", detail));
    }
    let in_force = known.in_force(time_ms);
    known.versions.retain(|version| in_force.is_none_or(|current| version.version >= current));
    known.versions.push(SchemeVersion { version: entry.version, effective_ms });
    known.retired_at_height = retired.or(known.retired_at_height);
    Ok(())
}

fn note(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    cc: &str,
    code: &str,
    version: u64,
    (name, time_ms): (&'static str, u64),
) {
    let data = [
        ("cc", Value::from(cc)),
        ("scheme", Value::from(code)),
        ("version", Value::from(version)),
        (name, Value::from(time_ms)),
    ];
    ctx.emit(&op.name(), &format!("{cc}-{code}"), data);
}
