//! The endorsement chain of a record: `etr/endorsement/{id}/{n}` (etr.md §6.1, §6.6).
//!
//! Invariant I10: who endorses is whom the entry before endorsed to, or that one was blank, or the
//! entry is no endorsement but flags a gap: its kind is then the act that moved title (`succeed`,
//! `enforce`, `recourse_pay`, `court_transfer`).

use super::kernel::Work;
use super::keys;
use super::person::Person;
use super::record::{Capacity, Record, Title, TitleKind};
use crate::context::Context;
use crate::digest::Digest;
use crate::json;
use crate::state::Overlay;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Endorsement {
    /// Its place in the chain, from 1.
    pub n: u64,
    /// special, blank, restrictive, collection or pledge; `conversion` in place; or the act that
    /// left a gap.
    pub kind: String,
    /// The endorser, JCS of the person.
    pub endorser: String,
    /// The endorsee, JCS of the person; empty for blank.
    pub endorsee: String,
    /// Whether the endorser excluded recourse.
    pub without_recourse: bool,
    /// Digest of the op by which the endorser signed it.
    pub op: Digest,
    /// Block time at which it took effect, ms.
    pub time_ms: u64,
    /// Where the receiver was when it took effect.
    pub place: String,
    /// Released from recourse by an amendment that the endorser did not sign.
    pub released: bool,
    /// Struck: who paid recourse endorsed before.
    pub struck: bool,
}

/// What a new entry says besides number, time and flags that come later.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// See [`Endorsement::kind`].
    pub kind: &'a str,
    /// The endorser.
    pub from: &'a Person,
    /// The endorsee; none for blank.
    pub to: Option<&'a Person>,
    /// Whether recourse is excluded.
    pub without_recourse: bool,
    /// The op.
    pub op: Digest,
    /// The place of the actor.
    pub place: &'a str,
}

/// Adds an entry to the chain of a record.
pub fn append(ctx: &mut Context<'_, '_>, record: &mut Record, entry: &Entry<'_>) {
    record.party.endorsements = record.party.endorsements.saturating_add(1);
    let n = record.party.endorsements;
    let stored = Endorsement {
        n,
        kind: entry.kind.to_owned(),
        endorser: entry.from.to_value().to_jcs(),
        endorsee: entry.to.map(|to| to.to_value().to_jcs()).unwrap_or_default(),
        without_recourse: entry.without_recourse,
        op: entry.op,
        time_ms: ctx.time_ms,
        place: entry.place.to_owned(),
        released: false,
        struck: false,
    };
    ctx.state.write(keys::endorsement(&record.public.id, n), &stored);
}

/// Control and title to `to`, as by a special endorsement of the controller without recourse, which the
/// chain names after the act.
pub fn pass(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &mut Record,
    act: &'static str,
    to: Person,
) {
    let from = record.party.controller.clone();
    let entry = Entry {
        kind: act,
        from: &from,
        to: Some(&to),
        without_recourse: true,
        op: work.op.digest,
        place: &work.request.place,
    };
    append(ctx, record, &entry);
    record.party.title = Title {
        kind: TitleKind::ToOrder,
        party: Some(to.clone()),
        capacity: Capacity::Owner,
        principal: None,
    };
    record.party.controller = to;
}

/// The chain of a record, in order.
pub fn all(state: &Overlay<'_>, record: &Record) -> Vec<Endorsement> {
    let id = &record.public.id;
    (1..=record.party.endorsements).filter_map(|n| state.read(&keys::endorsement(id, n))).collect()
}

/// Writes an entry back whose flags changed.
pub fn update(ctx: &mut Context<'_, '_>, record: &Record, entry: &Endorsement) {
    ctx.state.write(keys::endorsement(&record.public.id, entry.n), entry);
}

impl Endorsement {
    /// The endorser.
    pub fn endorser_person(&self) -> Option<Person> {
        let value = json::parse(self.endorser.as_bytes()).ok()?;
        Person::from_value(&value, "").ok()
    }

    /// Whether the endorser is liable on recourse by this entry.
    pub fn is_liable(&self) -> bool {
        let endorsed = ["special", "blank", "restrictive"].contains(&self.kind.as_str());
        endorsed && !self.without_recourse && !self.released && !self.struck
    }
}
