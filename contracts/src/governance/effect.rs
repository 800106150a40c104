//! What an accepted proposal writes (ledger.md §8): its body, read and checked like an act of the
//! register that it changes.
//!
//! Invariant: [`put`] is the one way. It runs when a proposal is opened, and is undone then, so that
//! nobody votes on what could not hold; and for good with the vote that decides.

use super::parameter;
use super::proposal::Kind;
use crate::context::Context;
use crate::credential::{Regional, put_regional};
use crate::error::{Code, Reject};
use crate::etr::profile::{self, Profile};
use crate::etr::{keys, law_acts, rules};
use crate::json::{Members, Value};

/// Where the body stands in `proposal_open`.
const BODY: &str = "/args/body";

/// What a body said.
pub(super) struct Put {
    /// What it is about: a profile, type, resource, regime, entry or parameter.
    pub(super) subject: String,
    /// The act that writes the same for a state, as `register.act`, if who follows its events is to
    /// learn of this too.
    pub(super) act: Option<&'static str>,
}

/// Checks a body and writes what it says.
pub(super) fn put(ctx: &mut Context<'_, '_>, kind: Kind, body: &Value) -> Result<Put, Reject> {
    let mut members = Members::of(body, BODY)?;
    if kind == Kind::Parameter {
        return Ok(Put { subject: parameter::set(ctx.state, members)?, act: None });
    }
    let entry = members.text("entry")?;
    let value = members.required("value")?;
    let value_at = members.pointer("value");
    if !ENTRIES.contains(&entry) {
        return Err(members.malformed("entry", "no entry that a proposal may change"));
    }
    members.finish()?;
    if entry == "etrProfile" {
        return Ok(Put { subject: install(ctx, value, &value_at)?, act: None });
    }
    let value = Members::of(value, &value_at)?;
    let (subject, act) = match entry {
        "etrWithdrawal" => (withdraw(ctx, value)?, None),
        "regime" => (law_acts::put_outside_regime(ctx, value)?, None),
        "legalEffect" => (law_acts::put_outside_effect(ctx, value)?, None),
        _ => {
            let (change, act) = match entry {
                "credentialType" => (Regional::Type, "vc.type_publish"),
                "credentialResource" => (Regional::Resource, "vc.resource_publish"),
                "typeDeprecation" => (Regional::TypeDeprecation, "vc.type_deprecate"),
                _ => (Regional::ResourceDeprecation, "vc.resource_deprecate"),
            };
            (put_regional(ctx, change, value)?, Some(act))
        }
    };
    Ok(Put { subject, act })
}

/// What a body of kind `profile` may change, in its member `entry`.
const ENTRIES: &[&str] = &[
    "etrProfile",
    "etrWithdrawal",
    "credentialType",
    "credentialResource",
    "typeDeprecation",
    "resourceDeprecation",
    "regime",
    "legalEffect",
];

/// A type of record, or its next version. It stays in its family: others may exchange into it.
fn install(ctx: &mut Context<'_, '_>, value: &Value, at: &str) -> Result<String, Reject> {
    let new = Profile::from_value(value)?;
    if ctx.state.holds(&keys::profile(&new.key_name())) {
        return Err(Reject::new(Code::TypeExists, &format!("{at}/version"), "immutable"));
    }
    let last = match new.version.checked_sub(1) {
        Some(0) | None => None,
        Some(last) => {
            let found = profile::load(ctx.state, &format!("{}@{last}", new.id));
            let gap = || Reject::new(Code::VersionConflict, &format!("{at}/version"), "");
            Some(found.ok_or_else(gap)?)
        }
    };
    if last.is_some_and(|last| last.family != new.family) {
        return Err(Reject::new(Code::ProfileInvalid, "/L6", "a version of another family"));
    }
    // versions of an id have one family, and the first of each stands for ever
    let family_of = |id: &str| {
        let first = profile::load(ctx.state, &format!("{id}@1"));
        first.map(|first| first.family.clone())
    };
    let known = |id: &String| *id == new.id || family_of(id).is_some();
    if !new.exchange_to.iter().all(known) {
        return Err(Reject::new(Code::ProfileInvalid, "/L6", "exchange into an unknown profile"));
    }
    rules::check_exchange_families(&new, family_of)?;
    Ok(profile::install(ctx.state, value)?.key_name())
}

/// The end of issue under a version.
fn withdraw(ctx: &mut Context<'_, '_>, mut value: Members<'_>) -> Result<String, Reject> {
    let name = value.text("profile")?;
    let at = value.pointer("profile");
    value.finish()?;
    if !profile::is_key_name(name) || !ctx.state.holds(&keys::profile(name)) {
        return Err(Reject::new(Code::UnknownProfile, &at, ""));
    }
    if profile::is_withdrawn(ctx.state, name) {
        return Err(Reject::new(Code::BadTransition, &at, "withdrawn already"));
    }
    profile::withdraw(ctx.state, name);
    Ok(name.to_owned())
}
