//! Who goes on in place of whom: successions between records, and the records of one entity
//! (ubin.md §5, actor hook; I5).
//!
//! Invariant: a walk ends after at most [`limits::SUCCESSIONS_MAX`] hops. It deliberately does not
//! judge successions: closures and relations were judged when they were written.

use super::identifier::Ubin;
use super::record::{self, Record};
use crate::error::Code;
use crate::limits;
use crate::state::{KeyBuilder, Overlay};

/// State key of the numbers whose records are of one entity; written when it first has two, that
/// is by a relocation. Former numbers in it forward.
pub fn entity_key(entity: &str) -> Vec<u8> {
    KeyBuilder::new("ubin", "entity").text(entity).build()
}

/// Notes that the entity of `old` goes on under `new`.
pub(super) fn relocate(state: &mut Overlay<'_>, entity: &str, old: &Ubin, new: &Ubin) {
    let key = entity_key(entity);
    let mut numbers: Vec<String> = state.read(&key).unwrap_or_else(|| vec![old.to_string()]);
    numbers.push(new.to_string());
    state.write(key, &numbers);
}

/// Whether a record of the same entity other than that of `ubin` is live.
pub(super) fn lives_elsewhere(state: &Overlay<'_>, record: &Record, ubin: &Ubin) -> bool {
    let numbers: Vec<String> = state.read(&entity_key(&record.entity)).unwrap_or_default();
    numbers
        .iter()
        .filter_map(|number| record::find(state, &Ubin::parse_canonical(number)?))
        .any(|(number, other)| number != *ubin && other.is_live())
}

/// The record in force for a number: an alias in one hop, then closures and successor relations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its number, canonical.
    pub ubin: Ubin,
    /// Its record.
    pub record: Record,
    /// How many successions lie between; 0 if the record itself goes on.
    pub hops: usize,
}

/// Follows a number to the record that goes on. `UBIN_UNKNOWN` if the number holds nothing,
/// `SUCCESSION_TOO_LONG` beyond eight hops. A successor that is not registered here ends the walk.
pub fn resolve(state: &Overlay<'_>, ubin: &Ubin) -> Result<Successor, Code> {
    let (mut ubin, mut record) = record::find(state, ubin).ok_or(Code::UbinUnknown)?;
    let mut hops = 0;
    loop {
        let next = record
            .successor()
            .and_then(Ubin::parse_canonical)
            .and_then(|next| record::find(state, &next));
        let Some((next_ubin, next_record)) = next else {
            return Ok(Successor { ubin, record, hops });
        };
        if hops == limits::SUCCESSIONS_MAX {
            return Err(Code::SuccessionTooLong);
        }
        hops += 1;
        (ubin, record) = (next_ubin, next_record);
    }
}
