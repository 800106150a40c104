//! Arithmetic of lots: integers of 10^-scale units, per lot code (etr.md §3.4, §6.3).
//!
//! Invariant I9: nothing here makes or loses a unit; what does not fit is refused.

use std::collections::BTreeMap;

use super::record::{Lot, Pledge};

fn matches(a: &Lot, b: &Lot) -> bool {
    a.lot == b.lot && a.unit == b.unit && a.scale == b.scale
}

/// Each lot code once and no amount 0.
pub fn is_clean(lots: &[Lot]) -> bool {
    let mut codes: Vec<&str> = lots.iter().map(|lot| lot.lot.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.len() == lots.len() && lots.iter().all(|lot| lot.amount > 0)
}

/// Whether both say the same lots, in any order.
pub fn same(a: &[Lot], b: &[Lot]) -> bool {
    a.len() == b.len() && is_clean(a) && a.iter().all(|lot| b.contains(lot))
}

/// `held` less `taken`; `None` if `taken` is empty or not clean, names a lot that is not held so,
/// or takes more than is held. Lots that are used up go.
pub fn less(held: &[Lot], taken: &[Lot]) -> Option<Vec<Lot>> {
    if taken.is_empty() || !is_clean(taken) {
        return None;
    }
    let mut rest = held.to_vec();
    for take in taken {
        let lot = rest.iter_mut().find(|lot| matches(lot, take))?;
        lot.amount = lot.amount.checked_sub(take.amount)?;
    }
    rest.retain(|lot| lot.amount > 0);
    Some(rest)
}

/// Whether the parts are `whole`, lot by lot and to the unit.
pub fn sums_to(parts: &[&[Lot]], whole: &[Lot]) -> bool {
    let mut rest = whole.to_vec();
    for part in parts {
        match less(&rest, part) {
            Some(left) => rest = left,
            None => return false,
        }
    }
    rest.is_empty()
}

/// What no pledge holds; `None` if more is pledged than held.
pub fn free(held: &[Lot], pledges: &[Pledge]) -> Option<Vec<Lot>> {
    let mut rest = held.to_vec();
    for pledge in pledges {
        rest = less(&rest, &pledge.lots)?;
    }
    Some(rest)
}

/// Cuts pledges back to what is held, the lowest rank first; a pledge of nothing ends (I12).
pub fn cut_pledges(held: &[Lot], pledges: &mut Vec<Pledge>) {
    let mut rest = held.to_vec();
    for pledge in pledges.iter_mut() {
        for lot in &mut pledge.lots {
            let left = rest.iter_mut().find(|held| matches(held, lot));
            let amount = left.as_ref().map_or(0, |left| left.amount.min(lot.amount));
            lot.amount = amount;
            if let Some(left) = left {
                left.amount = left.amount.saturating_sub(amount);
            }
        }
        pledge.lots.retain(|lot| lot.amount > 0);
    }
    pledges.retain(|pledge| !pledge.lots.is_empty());
}

/// Adds lots up by code. `None` if one code has two units or scales, or a sum does not fit.
pub fn add(all: &[&[Lot]]) -> Option<Vec<Lot>> {
    let mut sum: Vec<Lot> = Vec::new();
    for lot in all.iter().copied().flatten() {
        match sum.iter_mut().find(|held| held.lot == lot.lot) {
            Some(held) if matches(held, lot) => {
                held.amount = held.amount.checked_add(lot.amount)?
            }
            Some(_) => return None,
            None => sum.push(lot.clone()),
        }
    }
    sum.sort_by(|a, b| a.lot.cmp(&b.lot));
    Some(sum)
}

/// Totals per unit, in millionths; scales are at most 6.
pub fn totals(all: &[&[Lot]]) -> Option<BTreeMap<String, u128>> {
    let mut totals: BTreeMap<String, u128> = BTreeMap::new();
    for lot in all.iter().copied().flatten() {
        let raise = u32::try_from(6_u64.checked_sub(lot.scale)?).ok()?;
        let amount = u128::from(lot.amount).checked_mul(10_u128.checked_pow(raise)?)?;
        let total = totals.entry(lot.unit.clone()).or_default();
        *total = total.checked_add(amount)?;
    }
    Some(totals)
}
