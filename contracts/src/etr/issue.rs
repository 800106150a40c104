//! Opening a record: `issue` (etr.md §5, §3.1, §3.3).

use super::content;
use super::kernel::{self, Work};
use super::legal::{self, Concerned};
use super::person::{Person, country, identity};
use super::profile::{self, Profile};
use super::record::{Capacity, Lot, Money, PartyPart, Public, Record, Status, Title, TitleKind};
use super::request::{self, Act, Issue};
use super::signing::Role;
use super::{kernel::finish, keys};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::time::Date;

/// The id of a record is a function of issuer and number: `MALFORMED` for any other. While profile
/// or issuer are unknown there is nothing to compare with; both are errors later on.
pub fn check_id(ctx: &Context<'_, '_>, id: &str, args: &Issue) -> Result<(), Reject> {
    let profile = profile::load(ctx.state, &args.profile);
    let issuer = crate::ubin::actor(ctx.state, &args.obligor);
    match (profile, issuer) {
        (Some(profile), Some(issuer)) if !profile.drawer_issues => {
            let made =
                content::record_id(ctx.chain, &profile.series, &issuer.entity, &args.reference);
            if made == id {
                Ok(())
            } else {
                Err(Reject::new(Code::Malformed, "/id", "not the id of this issuer and number"))
            }
        }
        _ => Ok(()),
    }
}

/// I signs with the role of the profile; each receiver signs or gave standing consent.
pub fn roles(ctx: &Context<'_, '_>, profile: &Profile, args: &Issue) -> Vec<Role> {
    let mut roles =
        vec![Role::of("I", &Person::Single(args.obligor.clone()), profile.role.as_str())];
    let issuer = identity(ctx.state, &args.obligor);
    for member in args.to.members() {
        if identity(ctx.state, member) == issuer {
            continue;
        }
        let mut role = Role::of("N", &Person::Single(member.clone()), "etr.accept");
        role.by_consent = true;
        if kernel::consents(ctx, member, &profile.id, &args.obligor) {
            // it may sign all the same
            role.k = 0;
        }
        roles.push(role);
    }
    roles
}

/// Checks the content, the title, the regime and the lots, and opens the record.
pub fn issue(ctx: &mut Context<'_, '_>, work: &Work<'_>) -> Result<(), Reject> {
    let Act::Issue(args) = &work.request.act else { return Err(Code::Malformed.into()) };
    let profile = work.profile;
    check_fields(profile, args)?;
    check_open(profile, args)?;
    if !profile.initial.iter().any(|kind| kind == args.title.0.text()) {
        return Err(Reject::new(Code::TitleForbidden, "/args/title/kind", ""));
    }
    if !request::is_reference(&args.reference) {
        return Err(Reject::new(Code::RefInvalid, "/args/ref", ""));
    }
    let regime = legal::regime(ctx.state, &args.regime)
        .ok_or_else(|| Reject::new(Code::RegimeUnknown, "/args/regime", ""))?;
    check_lots(profile, &args.lots)?;
    if !work.missing.is_empty() {
        return Err(Reject::new(Code::ReceiverConsentMissing, "/args/to", ""));
    }
    if !args.attesters.is_empty() {
        let detail = "attested payment comes with a later release";
        return Err(Reject::new(Code::NotBuilt, "/args/attesters", detail));
    }
    let mut concerned = Concerned::default();
    concerned.add(&regime.country);
    concerned.add(country(&args.obligor));
    for member in args.to.members() {
        concerned.add(country(member));
    }
    kernel::ask_law(ctx, work, ctx.time_ms, &concerned)?;
    let record = open(ctx, work, args);
    let issuer = identity(ctx.state, &args.obligor);
    ctx.state.write(keys::index(&profile.series, &issuer, &args.reference), &work.request.id);
    finish(ctx, work, None, record);
    Ok(())
}

fn open(ctx: &Context<'_, '_>, work: &Work<'_>, args: &Issue) -> Record {
    let current = |ubin: &str| match Person::Single(ubin.to_owned()).in_force(ctx.state) {
        Person::Single(ubin) => ubin,
        Person::Joint { .. } => ubin.to_owned(),
    };
    let issuer = current(&args.obligor);
    let leaves: Vec<Digest> = args.leaves.iter().map(|leaf| leaf.hash).collect();
    let money = work.profile.money.as_ref().map(|_| Money {
        due_ms: args.due_ms,
        accepted: Value::Null,
        dishonoured: Value::Null,
        protested: Value::Null,
        stopped: false,
    });
    let title = Title {
        kind: args.title.0,
        party: args.title.1.as_ref().map(|party| party.in_force(ctx.state)),
        capacity: Capacity::Owner,
        principal: None,
    };
    Record {
        public: Public {
            id: work.request.id.clone(),
            profile: args.profile.clone(),
            regime: args.regime.clone(),
            home: country(&issuer).to_owned(),
            status: Status::Active,
            end: None,
            generation: 0,
            seq: 0,
            head: work.request.head,
            content_root: content::content_root(&leaves),
            content_version: 1,
            frozen: Value::Null,
            issued_ms: ctx.time_ms,
        },
        party: PartyPart {
            issuer: issuer.clone(),
            reference: args.reference.clone(),
            obligor: issuer,
            controller: args.to.in_force(ctx.state),
            title,
            lots: args.lots.clone(),
            pending: None,
            pledges: Vec::new(),
            guarantees: Vec::new(),
            money,
            notice: Value::Null,
            root: work.request.id.clone(),
            from: Vec::new(),
            into: Vec::new(),
            endorsements: 0,
            blind: String::new(),
        },
    }
}

/// `FIELD_MISSING`, then `CONTENT_MISMATCH`: every required member has a leaf; leaves are sorted,
/// none twice, none of a dynamic member.
fn check_fields(profile: &Profile, args: &Issue) -> Result<(), Reject> {
    let has = |name: &String| args.leaves.iter().any(|leaf| leaf.name == *name);
    if let Some(name) = profile.required.iter().find(|name| !has(name)) {
        return Err(Reject::new(Code::FieldMissing, "/args/leaves", &format!("{name} is missing")));
    }
    let sorted = args.leaves.windows(2).all(|pair| match pair {
        [a, b] => a.name < b.name,
        _ => true,
    });
    let fixed = !args.leaves.iter().any(|leaf| profile.dynamic.contains(&leaf.name));
    if sorted && fixed {
        Ok(())
    } else {
        let detail = "leaves are sorted by name, none twice, none dynamic";
        Err(Reject::new(Code::ContentMismatch, "/args/leaves", detail))
    }
}

/// `BOUND_FIELD_MISMATCH`: exactly the bound and const members are opened, each fits its leaf, and
/// each equals what it binds.
fn check_open(profile: &Profile, args: &Issue) -> Result<(), Reject> {
    let mismatch =
        |name: &str| Reject::new(Code::BoundFieldMismatch, &format!("/args/open/{name}"), "");
    let bound = &profile.bound;
    let bindings = [&bound.reference, &bound.amount, &bound.unit, &bound.due];
    let names: Vec<&String> = bindings
        .into_iter()
        .flatten()
        .chain(profile.constants.iter().map(|(name, _)| name))
        .collect();
    for (name, salt, value) in &args.open {
        let leaf = args.leaves.iter().find(|leaf| leaf.name == *name);
        let fits = leaf
            .is_some_and(|leaf| leaf.hash == content::field_leaf(name, 1, salt, &value.to_jcs()));
        // nothing else of the content may stand on the ledger
        if !fits || !names.contains(&name) {
            return Err(mismatch(name));
        }
    }
    let opened = |name: &String| args.open.iter().find(|(n, _, _)| n == name).map(|(_, _, v)| v);
    for name in &names {
        if opened(name).is_none() {
            return Err(mismatch(name));
        }
    }
    for (name, value) in &profile.constants {
        if opened(name) != Some(value) {
            return Err(mismatch(name));
        }
    }
    let text = |name: &String| opened(name).and_then(Value::as_text).unwrap_or_default();
    if let Some(name) = &bound.reference
        && text(name) != args.reference
    {
        return Err(mismatch(name));
    }
    // with any other number of lots there is no sum to compare; LOTS_INVALID follows
    if let [lot] = args.lots.as_slice() {
        if let Some(name) = &bound.amount
            && text(name) != decimal(lot.amount, lot.scale)
        {
            return Err(mismatch(name));
        }
        if let Some(name) = &bound.unit
            && text(name) != lot.unit
        {
            return Err(mismatch(name));
        }
    }
    if let Some(name) = &bound.due {
        let stated = match text(name) {
            "demand" => Some(None),
            date => Date::parse(date).map(|date| Some(date.start_ms())),
        };
        if stated != Some(args.due_ms) {
            return Err(mismatch(name));
        }
    }
    check_due(profile, args)
}

/// A due time stands with money only, and as the profile says.
fn check_due(profile: &Profile, args: &Issue) -> Result<(), Reject> {
    let fits = match profile.money.as_ref().map(|money| money.due.as_str()) {
        None => args.due_ms.is_none(),
        Some("fixed") => args.due_ms.is_some(),
        Some("demand") => args.due_ms.is_none(),
        Some(_) => true,
    };
    if fits { Ok(()) } else { Err(Reject::new(Code::BoundFieldMismatch, "/args/dueMs", "")) }
}

/// An amount of 10^-scale units as a decimal with exactly `scale` decimals.
pub fn decimal(amount: u64, scale: u64) -> String {
    if scale == 0 {
        return amount.to_string();
    }
    let width = usize::try_from(scale).unwrap_or(usize::MAX).saturating_add(1).min(64);
    let digits = format!("{amount:0>width$}");
    let (whole, fraction) = digits.split_at(digits.len() + 1 - width);
    format!("{whole}.{fraction}")
}

fn check_lots(profile: &Profile, lots: &[Lot]) -> Result<(), Reject> {
    let number = if profile.in_lots { !lots.is_empty() } else { lots.len() == 1 };
    let mut codes: Vec<&str> = lots.iter().map(|lot| lot.lot.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let each = lots.iter().all(|lot| {
        lot.amount > 0 && (profile.units.is_empty() || profile.units.contains(&lot.unit))
    });
    if number && codes.len() == lots.len() && each {
        Ok(())
    } else {
        Err(Reject::new(Code::LotsInvalid, "/args/lots", ""))
    }
}

/// What an entitled controller is: in control, and owed performance on the face of the record
/// (etr.md §1).
pub fn is_entitled(ctx: &Context<'_, '_>, profile: &Profile, record: &Record) -> bool {
    let title = &record.party.title;
    matches!(title.kind, TitleKind::None | TitleKind::Bearer)
        || profile.mode == profile::Mode::NamedOnce
        || title.party.as_ref().is_some_and(|party| party.same(&record.party.controller, ctx.state))
}
