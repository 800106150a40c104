//! What a content must have, and what is opened of it (etr.md §3.3, etr-profiles.md §2).
//!
//! The kernel sees the hash of each field, and the values of the bound and const fields only: a
//! bound one equals the state that it binds, a const one the value of the profile.

use super::act::Opened;
use super::content::{self, Leaf};
use super::profile::Profile;
use super::record::Lot;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::time::Date;

/// The state that bound fields repeat.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The number.
    pub reference: &'a str,
    /// The lots; a sum has one.
    pub lots: &'a [Lot],
    /// When it is due.
    pub due_ms: Option<u64>,
}

/// `FIELD_MISSING` unless every required member has a leaf.
pub fn check_required(profile: &Profile, leaves: &[Leaf]) -> Result<(), Reject> {
    let has = |name: &String| leaves.iter().any(|leaf| leaf.name == *name);
    match profile.required.iter().find(|name| !has(name)) {
        Some(name) => {
            Err(Reject::new(Code::FieldMissing, "/args/leaves", &format!("{name} is missing")))
        }
        None => Ok(()),
    }
}

/// `CONTENT_MISMATCH` unless leaves are sorted, none twice, none of a dynamic member.
pub fn check_shape(profile: &Profile, leaves: &[Leaf]) -> Result<(), Reject> {
    let sorted = leaves.windows(2).all(|pair| match pair {
        [a, b] => a.name < b.name,
        _ => true,
    });
    let fixed = !leaves.iter().any(|leaf| profile.dynamic.contains(&leaf.name));
    if sorted && fixed {
        Ok(())
    } else {
        let detail = "leaves are sorted by name, none twice, none dynamic";
        Err(Reject::new(Code::ContentMismatch, "/args/leaves", detail))
    }
}

/// The root over leaves.
pub fn root(leaves: &[Leaf]) -> Digest {
    content::content_root(&leaves.iter().map(|leaf| leaf.hash).collect::<Vec<_>>())
}

/// The members that a profile binds or fixes.
pub fn bound_names(profile: &Profile) -> Vec<&String> {
    let bound = &profile.bound;
    [&bound.reference, &bound.amount, &bound.unit, &bound.due]
        .into_iter()
        .flatten()
        .chain(profile.constants.iter().map(|(name, _)| name))
        .collect()
}

/// `BOUND_FIELD_MISMATCH`: exactly the bound and const members are opened, each fits its leaf at
/// one of the versions it may have, and each equals what it binds.
pub fn check_open(
    profile: &Profile,
    leaves: &[Leaf],
    open: &Opened,
    binding: Binding<'_>,
    versions: impl Fn(&str) -> std::ops::RangeInclusive<u64>,
) -> Result<(), Reject> {
    let names = bound_names(profile);
    for (name, salt, value) in open {
        let leaf = leaves.iter().find(|leaf| leaf.name == *name);
        let text = value.to_jcs();
        let fits = leaf.is_some_and(|leaf| {
            versions(name)
                .any(|version| leaf.hash == content::field_leaf(name, version, salt, &text))
        });
        // nothing else of the content may stand on the ledger
        if !names.contains(&name) || !fits {
            return Err(mismatch(name));
        }
    }
    let opened = |name: &String| open.iter().find(|(n, _, _)| n == name).map(|(_, _, v)| v);
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
    check_binding(profile, binding, &text)
}

fn mismatch(name: &str) -> Reject {
    Reject::new(Code::BoundFieldMismatch, &format!("/args/open/{name}"), "")
}

fn check_binding<'v>(
    profile: &Profile,
    binding: Binding<'_>,
    text: &impl Fn(&String) -> &'v str,
) -> Result<(), Reject> {
    let bound = &profile.bound;
    if let Some(name) = &bound.reference
        && text(name) != binding.reference
    {
        return Err(mismatch(name));
    }
    // with any other number of lots there is no sum to compare; LOTS_INVALID follows
    if let [lot] = binding.lots {
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
        if stated != Some(binding.due_ms) {
            return Err(mismatch(name));
        }
    }
    check_due(profile, binding.due_ms)
}

/// A due time stands with money only, and as the profile says.
fn check_due(profile: &Profile, due_ms: Option<u64>) -> Result<(), Reject> {
    let fits = match profile.money.as_ref().map(|money| money.due.as_str()) {
        None => due_ms.is_none(),
        Some("fixed") => due_ms.is_some(),
        Some("demand") => due_ms.is_none(),
        Some(_) => true,
    };
    if fits { Ok(()) } else { Err(Reject::new(Code::BoundFieldMismatch, "/args/dueMs", "")) }
}

/// `LOTS_INVALID`: number, codes and units fit the profile, no amount is 0.
pub fn check_lots(profile: &Profile, lots: &[Lot]) -> Result<(), Reject> {
    let number = if profile.in_lots { !lots.is_empty() } else { lots.len() == 1 };
    let units =
        profile.units.is_empty() || lots.iter().all(|lot| profile.units.contains(&lot.unit));
    if number && units && super::quantity::is_clean(lots) {
        Ok(())
    } else {
        Err(Reject::new(Code::LotsInvalid, "/args/lots", ""))
    }
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
