//! Counters behind the published figures (ubin-api.md §11) and the index of possible duplicates.
//!
//! Invariant (I9): each counter equals a full recount over the records, after every act. Counters
//! change in the transaction that changes a record, through [`move_stock`], [`event`] and
//! [`crossborder`] only.

use super::identifier::Ubin;
use super::record::{self, Record};
use super::scheme;
use super::vocabulary::{Category, SizeClass, Status};
use crate::limits;
use crate::state::{KeyBuilder, Overlay};
use crate::time::Date;

/// The cell of records that state no size class.
const SIZE_NOT_STATED: &str = "NONE";

/// State key of a counter: `ubin/count/{metric}/{cells}`.
pub fn counter_key(metric: &str, cells: &[&str]) -> Vec<u8> {
    cells.iter().fold(KeyBuilder::new("ubin", "count").text(metric), |key, c| key.text(c)).build()
}

/// The cells of `ubin_stock` in which a record counts: state, scheme, category, size class (`NONE`
/// if not stated), shown status. Marked records count nowhere.
pub fn stock_cells<'a>(ubin: &'a Ubin, record: &Record) -> Option<[&'a str; 5]> {
    let size = record.size_class.map_or(SIZE_NOT_STATED, SizeClass::name);
    record.meta.mark.is_none().then_some([
        &ubin.cc,
        &ubin.scheme,
        record.category.name(),
        size,
        record.shown_status().name(),
    ])
}

/// Moves a record between the cells of `ubin_stock`; a renumbered one also between numbers.
pub fn move_stock(
    state: &mut Overlay<'_>,
    old: Option<(&Ubin, &Record)>,
    new: Option<(&Ubin, &Record)>,
) {
    let key = |(ubin, record)| stock_cells(ubin, record).map(|c| counter_key("ubin_stock", &c));
    let (from, to) = (old.and_then(key), new.and_then(key));
    if from == to {
        return;
    }
    if let Some(from) = from {
        let count = value(state, &from);
        state.write(from, &count.saturating_sub(1));
    }
    if let Some(to) = to {
        add(state, to);
    }
}

/// Counts an event: `ubin_flow` (state, month of block time, event) and `ubin_challenges` (the
/// same).
pub fn event(state: &mut Overlay<'_>, metric: &str, cc: &str, time_ms: u64, event: &str) {
    let date = Date::of_ms(time_ms).to_string();
    add(state, counter_key(metric, &[cc, date.get(..7).unwrap_or_default(), event]));
}

/// Counts a relocation or merger from one state to another.
pub fn crossborder(state: &mut Overlay<'_>, from: &str, to: &str, kind: &str) {
    add(state, counter_key("ubin_crossborder", &[from, to, kind]));
}

fn add(state: &mut Overlay<'_>, key: Vec<u8>) {
    let count = value(state, &key);
    state.write(key, &count.saturating_add(1));
}

/// The events that a metric counts; none for one that counts records.
pub const fn events(metric: &str) -> &'static [&'static str] {
    match metric.as_bytes() {
        b"ubin_flow" => {
            &["new", "ended", "restored", "merged", "converted", "relocated_out", "relocated_in"]
        }
        b"ubin_challenges" => &["opened", "acknowledged", "upheld", "rejected", "withdrawn"],
        b"ubin_crossborder" => &["RELOCATED", "MERGED"],
        _ => &[],
    }
}

/// Whether a counter of these cells can ever count: each is a value of its dimension. A counter that
/// cannot would be proven to stand at 0.
pub fn is_cell(state: &Overlay<'_>, metric: &str, cells: &[&str]) -> bool {
    let known = |cc: &str| scheme::is_country(state, cc);
    match (metric, cells) {
        ("ubin_stock", [cc, code, category, size, status]) => {
            scheme::country(state, cc).is_some_and(|schemes| schemes.find(code).is_some())
                && Category::parse(category).is_some()
                && (*size == SIZE_NOT_STATED || SizeClass::parse(size).is_some())
                && Status::parse(status).is_some()
        }
        ("ubin_flow" | "ubin_challenges", [cc, month, event]) => {
            known(cc)
                && Date::parse(&format!("{month}-01")).is_some()
                && events(metric).contains(event)
        }
        ("ubin_crossborder", [from, to, event]) => {
            known(from) && known(to) && events(metric).contains(event)
        }
        _ => false,
    }
}

/// The value of a counter.
pub fn value(state: &Overlay<'_>, key: &[u8]) -> u64 {
    state.read(key).unwrap_or(0)
}

/// State key of the records that state an identifier of another system.
pub fn reference_key(scheme: &str, value: &str) -> Vec<u8> {
    KeyBuilder::new("ubin", "reference").text(scheme).text(value).build()
}

/// The UBINs whose records state an identifier, oldest first.
pub fn holders(state: &Overlay<'_>, scheme: &str, value: &str) -> Vec<String> {
    state.read(&reference_key(scheme, value)).unwrap_or_default()
}

/// Moves a record in the index and names other live records with an LEI or GLN of it, at most ten.
///
/// A list keeps at most [`limits::REFERENCE_HOLDERS_MAX`] records, so that no writer can make
/// the writes of others expensive; a full list first loses those that are not live any more.
pub fn index_references(
    state: &mut Overlay<'_>,
    ubin: &str,
    old: &[(String, String)],
    new: &[(String, String)],
) -> Vec<String> {
    for (scheme, value) in old.iter().filter(|reference| !new.contains(reference)) {
        let mut list = holders(state, scheme, value);
        list.retain(|holder| holder != ubin);
        state.write(reference_key(scheme, value), &list);
    }
    let mut duplicates: Vec<String> = Vec::new();
    for (scheme, value) in new {
        let mut list = holders(state, scheme, value);
        let live: Vec<String> = list
            .iter()
            .filter(|holder| *holder != ubin && is_live(state, holder))
            .cloned()
            .collect();
        if !list.iter().any(|holder| holder == ubin) {
            if list.len() >= limits::REFERENCE_HOLDERS_MAX {
                list.clone_from(&live);
            }
            if list.len() < limits::REFERENCE_HOLDERS_MAX {
                list.push(ubin.to_owned());
                state.write(reference_key(scheme, value), &list);
            }
        }
        duplicates.extend(live);
    }
    duplicates.sort();
    duplicates.dedup();
    duplicates.truncate(limits::POSSIBLE_DUPLICATES_MAX);
    duplicates
}

fn is_live(state: &Overlay<'_>, ubin: &str) -> bool {
    Ubin::parse_canonical(ubin)
        .and_then(|ubin| record::find(state, &ubin))
        .is_some_and(|(_, record)| record.is_live())
}
