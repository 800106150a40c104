//! Changing the content: `amend` and `court_amend` (etr.md §6.3, §6.8; MLETR art. 16).
//!
//! Invariant I6: the content root changes here only, and the op names what was there, what changed,
//! why, and where the text is. Id, chain and controller stay.

use super::act::{Amend, CourtAmend};
use super::content::Leaf;
use super::fields::{self, Binding};
use super::issue::require_entitled;
use super::kernel::Work;
use super::profile::Profile;
use super::record::{Aside, Lot, Record};
use super::{court, endorsement, quantity};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::limits;

type Changes = [(String, Option<Digest>)];

/// The controller and the obligor change the content.
pub fn amend(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    args: &Amend,
) -> Result<(), Reject> {
    require_entitled(ctx, work, record)?;
    let leaves = changed(work.profile, record, &args.leaves, &args.changes)?;
    fields::check_required(work.profile, &leaves)?;
    let next = record.public.content_version.saturating_add(1);
    let lots = args.lots.as_ref().unwrap_or(&record.party.lots);
    let binding = Binding {
        reference: &record.party.reference,
        // a sum that was paid in part stays bound to what was issued
        lots: if args.lots.is_some() || bound_to_lots(ctx, record) { lots } else { &[] },
        due_ms: record.party.money.as_ref().and_then(|money| money.due_ms),
    };
    let is_new = |name: &str| args.changes.iter().any(|(changed, _)| changed == name);
    fields::check_open(work.profile, &leaves, &args.open, binding, |name| {
        if is_new(name) { next..=next } else { 1..=next.saturating_sub(1) }
    })?;
    if let Some(lots) = &args.lots {
        correct_lots(ctx, work, record, lots)?;
    }
    if args.changes.iter().any(|(name, _)| work.profile.essential.contains(name)) {
        release_endorsers(ctx, work, record);
    }
    put(record, &leaves);
    Ok(())
}

fn bound_to_lots(ctx: &Context<'_, '_>, record: &Record) -> bool {
    !Aside::load(ctx.state, &record.public.id).parted
}

/// The leaves after the changes. `CONTENT_MISMATCH` unless the old ones rebuild the content root
/// and every change changes something.
fn changed(
    profile: &Profile,
    record: &Record,
    leaves: &[Leaf],
    changes: &Changes,
) -> Result<Vec<Leaf>, Reject> {
    let mismatch = |field: &str, what| Err(Reject::new(Code::ContentMismatch, field, what));
    fields::check_shape(profile, leaves)?;
    if fields::root(leaves) != record.public.content_root {
        return mismatch("/args/leaves", "not the leaves of the content");
    }
    if record.public.content_version >= limits::ETR_CONTENT_VERSIONS_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/changes", "too many versions"));
    }
    let sorted = changes.windows(2).all(|pair| match pair {
        [a, b] => a.0 < b.0,
        _ => true,
    });
    if changes.is_empty() || !sorted {
        return mismatch("/args/changes", "changes are sorted by name, none twice");
    }
    let mut after = leaves.to_vec();
    for (name, hash) in changes {
        let at = after.iter().position(|leaf| leaf.name == *name);
        match (at, hash) {
            (Some(at), None) => {
                after.remove(at);
            }
            (Some(at), Some(hash)) => match after.get_mut(at) {
                Some(leaf) if leaf.hash != *hash => leaf.hash = *hash,
                _ => return mismatch("/args/changes", "a change changes nothing"),
            },
            (None, Some(hash)) => after.push(Leaf { name: name.clone(), hash: *hash }),
            (None, None) => return mismatch("/args/changes", "there is no such field"),
        }
    }
    after.sort_by(|a, b| a.name.cmp(&b.name));
    if after.len() > limits::ETR_FIELDS_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/changes", "too many fields"));
    }
    fields::check_shape(profile, &after)?;
    Ok(after)
}

/// A record that was never split, merged, delivered or paid in part may have its figures corrected.
fn correct_lots(
    ctx: &Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    lots: &[Lot],
) -> Result<(), Reject> {
    if Aside::load(ctx.state, &record.public.id).parted {
        let detail = "figures of a record that was parted stay";
        return Err(Reject::new(Code::QuantityMismatch, "/args/lots", detail));
    }
    fields::check_lots(work.profile, lots)?;
    if quantity::free(lots, &record.party.pledges).is_none() {
        return Err(Reject::new(Code::PledgeExceeds, "/args/lots", "more is pledged"));
    }
    record.party.lots = lots.to_vec();
    Ok(())
}

/// A prior endorser who does not sign an essential change is released from recourse.
fn release_endorsers(ctx: &mut Context<'_, '_>, work: &Work<'_>, record: &Record) {
    for mut entry in endorsement::all(ctx.state, record) {
        let signed = entry
            .endorser_person()
            .is_some_and(|endorser| work.signed.by_person(ctx.state, &endorser));
        if !signed && !entry.released && !work.signed.assumed {
            entry.released = true;
            endorsement::update(ctx, record, &entry);
        }
    }
}

fn put(record: &mut Record, leaves: &[Leaf]) {
    record.public.content_root = fields::root(leaves);
    record.public.content_version = record.public.content_version.saturating_add(1);
}

/// A court changes the content. It opens no value, so bound and const fields stay.
pub fn court_amend(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    args: &CourtAmend,
) -> Result<(), Reject> {
    court::require_notice(ctx, work, record, "court_amend", args.order)?;
    let leaves = changed(work.profile, record, &args.leaves, &args.changes)?;
    let has = |name: &String| leaves.iter().any(|leaf| leaf.name == *name);
    let bound = fields::bound_names(work.profile);
    let bound_changed = args.changes.iter().any(|(name, _)| bound.contains(&name));
    if bound_changed || !work.profile.required.iter().all(has) {
        let detail = "required members stay, bound and const ones unchanged";
        return Err(Reject::new(Code::ContentMismatch, "/args/changes", detail));
    }
    put(record, &leaves);
    record.party.notice = None;
    Ok(())
}
