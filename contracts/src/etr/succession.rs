//! Succession in law: `succeed` (etr.md §5).
//!
//! Invariant I3: a place moves only to a successor that the UBIN register shows: the record of the
//! former party was closed as merged or converted into it, directly or through others.

use super::act::Place;
use super::endorsement::{self, Entry};
use super::kernel::Work;
use super::person::{Person, identity};
use super::record::Record;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::state::Overlay;
use crate::ubin::identifier::Ubin;
use crate::ubin::record;
use crate::ubin::vocabulary::Status;

/// Closures followed from one record to the next.
const HOPS_MAX: usize = 8;

/// The successor takes the place of `of`.
pub fn succeed(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    place: Place,
    of: &str,
    successor: &str,
) -> Result<(), Reject> {
    let none = || Reject::new(Code::NoSuccession, "/args/of", "");
    if !is_succession(ctx.state, of, successor) {
        return Err(none());
    }
    let old = identity(ctx.state, of);
    let new = match Person::Single(successor.to_owned()).in_force(ctx.state) {
        Person::Single(ubin) => ubin,
        Person::Joint { .. } => return Err(none()),
    };
    let is = |ubin: &str| identity(ctx.state, ubin) == old;
    match place {
        Place::Controller => {
            let controller = replaced(ctx.state, &record.party.controller, &old, &new);
            let controller = controller.ok_or_else(none)?;
            let before = record.party.title.party.clone();
            let title = before.as_ref().and_then(|party| replaced(ctx.state, party, &old, &new));
            if let (Some(from), Some(to)) = (&before, &title) {
                let entry = Entry {
                    kind: "succeed",
                    from,
                    to: Some(to),
                    without_recourse: true,
                    op: work.op.digest,
                    place: &work.request.place,
                };
                endorsement::append(ctx, record, &entry);
                record.party.title.party = title;
            }
            record.party.controller = controller;
        }
        Place::Obligor if is(&record.party.obligor) => record.party.obligor = new,
        Place::Pledgee if record.party.pledges.iter().any(|pledge| is(&pledge.to)) => {
            for pledge in &mut record.party.pledges {
                if is(&pledge.to) {
                    pledge.to.clone_from(&new);
                }
            }
        }
        Place::Obligor | Place::Pledgee => return Err(none()),
    }
    Ok(())
}

/// Whether the UBIN register shows that `of` went over into `successor`.
pub fn is_succession(state: &Overlay<'_>, of: &str, successor: &str) -> bool {
    let target = identity(state, successor);
    let Some(mut at) = Ubin::parse_canonical(of) else { return false };
    for _ in 0..HOPS_MAX {
        let Some((_, entry)) = record::find(state, &at) else { return false };
        let Some(closure) = entry.meta.closure else { return false };
        if !matches!(closure.status, Status::Merged | Status::Converted) {
            return false;
        }
        if identity(state, &closure.successor) == target {
            return true;
        }
        match Ubin::parse_canonical(&closure.successor) {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

/// The person with `old` (an entity) replaced by `new`; `None` if `old` is no member. Members that
/// become one count once.
fn replaced(state: &Overlay<'_>, person: &Person, old: &str, new: &str) -> Option<Person> {
    let is_old = |ubin: &String| *identity(state, ubin) == *old;
    if !person.members().iter().any(is_old) {
        return None;
    }
    let target = identity(state, new);
    match person {
        Person::Single(_) => Some(Person::Single(new.to_owned())),
        Person::Joint { k, of } => {
            let mut members: Vec<String> = Vec::new();
            for member in of {
                let member = if is_old(member) { new } else { member.as_str() };
                let same = identity(state, member) == target;
                if !(same && members.iter().any(|before| identity(state, before) == target)) {
                    members.push(member.to_owned());
                }
            }
            match members.as_slice() {
                [one] => Some(Person::Single(one.clone())),
                _ => {
                    let k = (*k).min(members.len() as u64);
                    Some(Person::Joint { k, of: members })
                }
            }
        }
    }
}
