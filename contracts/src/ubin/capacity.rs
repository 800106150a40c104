//! When a business could act: since when its record stands, and the spells in which it could not
//! (vc.md §4.4, ubin.md §5).
//!
//! Invariant: times are block times of the acts that made the change; spells ascend and do not
//! overlap, and only the last may still last. Of spells that ended the last
//! [`limits::CAPACITY_SPELLS_MAX`] are told apart; older ones are one from the begin of the first
//! to the end of the last, so that a time between them never counts as one in which it could act.

use borsh::{BorshDeserialize, BorshSerialize};

use super::record::Record;
use super::vocabulary::Status;
use crate::limits;

/// Whether a business may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// It may.
    Full,
    /// Not now: suspended, not yet formed, or of a status that nobody mapped.
    Suspended,
    /// Dissolved, or its record is closed or marked.
    Closed,
}

/// A time in which a business may not act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Spell {
    /// Closed, not only suspended.
    pub closed: bool,
    /// Block time of its begin, ms.
    pub from_ms: u64,
    /// Block time of its end, ms; `u64::MAX` while it lasts.
    pub until_ms: u64,
}

/// What a record remembers of its capacity.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Life {
    /// Block time of the registration, ms. A renumbering carries it over, a relocation begins anew:
    /// nobody acted under a number of a state before the business came there.
    pub since_ms: u64,
    /// Ascending.
    pub spells: Vec<Spell>,
}

impl Spell {
    const fn lasts(&self) -> bool {
        self.until_ms == u64::MAX
    }

    const fn capacity(&self) -> Capacity {
        if self.closed { Capacity::Closed } else { Capacity::Suspended }
    }
}

impl Life {
    /// Of a record that is registered at `time_ms`.
    pub(super) const fn begun(time_ms: u64) -> Self {
        Self { since_ms: time_ms, spells: Vec::new() }
    }

    /// Notes the capacity that an act at block time `time_ms` leaves.
    pub(super) fn follow(&mut self, capacity: Capacity, time_ms: u64) {
        let lasting = self.spells.last_mut().filter(|spell| spell.lasts());
        if lasting.as_ref().map_or(Capacity::Full, |spell| spell.capacity()) == capacity {
            return;
        }
        if let Some(spell) = lasting {
            spell.until_ms = time_ms;
            // of a spell that began in the same block nothing was ever to be seen
            if spell.from_ms == time_ms {
                self.spells.pop();
            }
        }
        if capacity != Capacity::Full {
            let closed = capacity == Capacity::Closed;
            self.spells.push(Spell { closed, from_ms: time_ms, until_ms: u64::MAX });
        }
        let ended = self.spells.iter().filter(|spell| !spell.lasts()).count();
        if ended > limits::CAPACITY_SPELLS_MAX {
            let oldest = self.spells.remove(0);
            if let Some(next) = self.spells.first_mut() {
                next.from_ms = oldest.from_ms;
                next.closed |= oldest.closed;
            }
        }
    }

    /// At `time_ms`, for a time since the registration.
    pub fn at(&self, time_ms: u64) -> Capacity {
        let holds = |spell: &&Spell| (spell.from_ms..spell.until_ms).contains(&time_ms);
        self.spells.iter().find(holds).map_or(Capacity::Full, Spell::capacity)
    }
}

impl Record {
    /// Whether the business may act as the record stands.
    pub fn capacity(&self) -> Capacity {
        let status = self.shown_status();
        if self.may_act() {
            Capacity::Full
        } else if self.meta.mark.is_some() || status.is_terminal() || status == Status::Dissolved {
            Capacity::Closed
        } else {
            Capacity::Suspended
        }
    }
}
