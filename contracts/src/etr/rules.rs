//! The rules L1 to L10 that a type profile satisfies (etr-profiles.md §2).

use super::profile::{Mode, Profile};
use crate::error::{Code, Reject};
use crate::limits;

/// A rule, under the name that a refusal gives.
type Rule = (&'static str, fn(&Profile) -> bool);

/// Checks all rules; the first broken one is named in the field of `PROFILE_INVALID`.
pub fn check(profile: &Profile) -> Result<(), Reject> {
    let rules: [Rule; 10] = [
        ("/L1", negotiable),
        ("/L2", named_once),
        ("/L3", no_transfer),
        ("/L4", sum),
        ("/L5", lots),
        ("/L6", exchange),
        ("/L7", money),
        ("/L8", spans),
        ("/L9", members),
        ("/L10", acts),
    ];
    match rules.iter().find(|(_, holds)| !holds(profile)) {
        Some((rule, _)) => Err(Reject::new(Code::ProfileInvalid, rule, "the rule is broken")),
        None => Ok(()),
    }
}

/// L6, second half: what a profile exchanges into is of its own family. `family_of` answers for
/// the profiles that exist; one that does not exist yet is checked when it comes.
pub fn check_exchange_families(
    profile: &Profile,
    family_of: impl Fn(&str) -> Option<String>,
) -> Result<(), Reject> {
    let strange = |id: &String| family_of(id).is_some_and(|family| family != profile.family);
    if profile.exchange_to.iter().any(strange) {
        return Err(Reject::new(Code::ProfileInvalid, "/L6", "exchange into another family"));
    }
    Ok(())
}

fn negotiable(p: &Profile) -> bool {
    p.mode != Mode::Negotiable
        || (!p.initial.is_empty()
            && p.initial.iter().all(|kind| kind == "to_order" || kind == "bearer")
            && p.allow.contains("@transfer"))
}

fn named_once(p: &Profile) -> bool {
    p.mode != Mode::NamedOnce
        || (p.initial == ["named"] && p.endorse.is_empty() && p.allow.contains("@transfer"))
}

fn no_transfer(p: &Profile) -> bool {
    !matches!(p.mode, Mode::RightOfControl | Mode::None)
        || (!p.mletr
            && p.initial == ["none"]
            && !["@transfer", "endorse", "@pledge"].iter().any(|act| p.allow.contains(*act)))
}

fn sum(p: &Profile) -> bool {
    p.in_lots || (!p.divisible && p.merge == "none" && p.family != "cargo")
}

fn lots(p: &Profile) -> bool {
    p.in_lots == (p.family == "cargo")
}

fn exchange(p: &Profile) -> bool {
    p.surrender_kinds.iter().any(|kind| kind == "exchange") != p.exchange_to.is_empty()
}

fn money(p: &Profile) -> bool {
    p.money.is_some() == (p.family == "money")
        && (!p.allow.contains("@payment") || p.family == "money")
}

fn spans(p: &Profile) -> bool {
    [p.offer, p.answer].iter().all(|span| {
        limits::ETR_ANSWER_S_MIN <= span.min_s
            && span.min_s <= span.default_s
            && span.default_s <= span.max_s
            && span.max_s <= limits::ETR_ANSWER_S_MAX
    })
}

fn members(p: &Profile) -> bool {
    let b = &p.bound;
    let bound = [&b.reference, &b.amount, &b.unit, &b.due].into_iter().flatten();
    let fixed = p.constants.iter().map(|(name, _)| name);
    bound.chain(fixed).all(|name| p.required.contains(name))
        && !p.dynamic.iter().any(|name| p.required.contains(name))
        && p.required.len() + p.dynamic.len() <= limits::ETR_FIELDS_MAX
}

fn acts(p: &Profile) -> bool {
    let has = |act: &str| p.allow.contains(act);
    let acceptance = p.money.as_ref().is_some_and(|money| money.acceptance != "none");
    has("@pledge") == p.pledge_allowed
        && has("@surrender") != p.surrender_kinds.is_empty()
        && has("endorse") != p.endorse.is_empty()
        && has("split") == p.divisible
        && has("merge") == (p.merge != "none")
        && has("deliver_part") == (p.in_lots && p.partial)
        && has("lapse") == (p.lapse_days > 0)
        && has("bill_accept") == acceptance
        && has("assign_control") == (p.mode == Mode::RightOfControl)
}
