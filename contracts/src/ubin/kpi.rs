//! Published figures (ubin-api.md §11): every one is a fold over state at one height.
//!
//! Invariant: the same state gives the same figures; figures from counters equal a recount over the
//! records (I9). Every published table keeps to the floor for small cells: a count from 1 to k − 1
//! shows as `<k`, and where a line of a table holds only one of them the next smallest count shows as
//! `withheld`. For cells made of public record fields this is presentation, not secrecy; what is
//! attested shows `withheld` for both, for the difference would narrow a count. Integers only: shares
//! are per mille, rounded down.

use std::collections::BTreeMap;

use super::attested::{self, Attested, Period};
use super::challenge::{self, Challenge, ChallengeState};
use super::record::{Entry, ubin_of_key};
use super::view;
use crate::error::{Code, Reject};
use crate::governance::parameter;
use crate::governance::recognition::Recognition;
use crate::json::Value;
use crate::state::{MemoryState, Overlay, Reader, decode_content};
use crate::time::DAY_MS;

/// Version of the definitions of this file.
pub const DEFINITIONS: u64 = 1;

/// State that can be read in order.
pub trait Scan: Reader {
    /// Calls `each` with key and content of every value whose key starts with `prefix`, ascending.
    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8]));
}

impl Scan for MemoryState {
    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) {
        let from = self.0.range(prefix.to_vec()..);
        for (key, stored) in from.take_while(|(key, _)| key.starts_with(prefix)) {
            each(key, &stored.content);
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The metric.
    pub metric: String,
    /// Dimensions of the table, in order; empty means the metric's first one.
    pub by: Vec<String>,
    /// Dimension and value that a cell must have to count.
    pub filter: Vec<(String, String)>,
}

/// A table of counts by dimension values.
pub type Counts = BTreeMap<Vec<String>, u64>;
/// A table as it is published; `None` is withheld.
pub type Shown = BTreeMap<Vec<String>, Option<u64>>;

/// The metrics and their dimensions; the table of each is made by [`table`].
pub const METRICS: &[(&str, &[&str])] = &[
    ("ubin_stock", &["ams", "scheme", "category", "sizeClass", "status"]),
    ("ubin_flow", &["ams", "month", "event"]),
    ("ubin_msme", &["ams", "figure"]),
    ("ubin_fresh", &["ams", "quality"]),
    ("ubin_challenges", &["ams", "month", "event"]),
    ("ubin_challenge_clock", &["ams", "figure"]),
    ("ubin_crossborder", &["from", "to", "event"]),
    ("ubin_coverage", &["ams", "figure"]),
    ("ubin_women_owned", &["ams", "period", "row", "column"]),
    ("ubin_lookups", &["ams", "period", "row", "column"]),
];

/// The number of cells of a counter of `metric`; `None` if it is not made of counters alone.
pub fn counter_width(metric: &str) -> Option<usize> {
    let counted = ["ubin_stock", "ubin_flow", "ubin_challenges", "ubin_crossborder"];
    let (_, dimensions) = METRICS.iter().find(|(name, _)| *name == metric)?;
    counted.contains(&metric).then_some(dimensions.len())
}

/// The answer for a question at block time `time_ms`. `INVALID_PARAMS` for an unknown metric or
/// dimension.
pub fn table(state: &dyn Scan, question: &Question, time_ms: u64) -> Result<Value, Reject> {
    let invalid = |field: &str| Reject::new(Code::InvalidParams, field, "unknown");
    let (name, dimensions) = METRICS
        .iter()
        .find(|(name, _)| *name == question.metric)
        .ok_or_else(|| invalid("/metric"))?;
    let place = |wanted: &str| dimensions.iter().position(|dimension| *dimension == wanted);
    let is_table = matches!(*name, "ubin_women_owned" | "ubin_lookups");
    // figures of different kinds do not add up, nor do tables with withheld cells
    let is_whole = is_table || dimensions.contains(&"figure");
    let by: Option<Vec<usize>> = match question.by.as_slice() {
        [] if is_whole => Some((0..dimensions.len()).collect()),
        [] => Some(vec![0]),
        by => by.iter().map(|dimension| place(dimension)).collect(),
    };
    let by = by.filter(|by| !is_whole || by.iter().copied().eq(0..dimensions.len()));
    let by = by.ok_or_else(|| invalid("/by"))?;
    let filter: Option<Vec<(usize, &str)>> =
        question.filter.iter().map(|(name, value)| Some((place(name)?, value.as_str()))).collect();
    let filter = filter.ok_or_else(|| invalid("/filter"))?;
    let fits = |cell: &[String]| {
        filter.iter().all(|(at, value)| cell.get(*at).is_some_and(|found| found == value))
    };
    let floor = parameter::small_cell(&Overlay::new(&state));
    let withheld = match *name {
        _ if is_table => Some(attested_cells(state, name, floor)),
        "ubin_msme" => Some(msme(state, floor)),
        _ => None,
    };
    let (shown, counted): (Shown, Counts) = if let Some(withheld) = withheld {
        (withheld.into_iter().filter(|(cell, _)| fits(cell)).collect(), Counts::new())
    } else {
        let mut cells = cells(state, name, time_ms);
        cells.retain(|cell, _| fits(cell));
        let counted = grouped(&cells, &by);
        let all = counted.clone();
        (if is_whole { plain(all) } else { suppress(all, floor) }, counted)
    };
    let names = by.iter().filter_map(|at| dimensions.get(*at)).map(|name| Value::from(*name));
    let attested = is_table || *name == "ubin_coverage";
    let quality = (*name == "ubin_fresh").then(|| place("quality")).flatten();
    // a filter by quality leaves out what the share is of
    let quality = quality.filter(|quality| filter.iter().all(|(at, _)| at != quality));
    let shares = quality
        .and_then(|quality| by.iter().position(|at| *at == quality))
        .map(|column| ("perMille", Value::List(line_shares(&shown, column))));
    let answer = Value::object([
        ("metric", Value::from(*name)),
        ("definitions", Value::from(DEFINITIONS)),
        ("attested", Value::from(attested)),
        ("floor", Value::from(floor)),
        ("dimensions", Value::List(names.collect())),
        ("rows", Value::List(shown.iter().map(|row| row_value(row, &counted, floor)).collect())),
    ]);
    Ok(shares.into_iter().fold(answer, |answer, (name, shares)| answer.with(name, shares)))
}

/// The sums of cells by the dimensions of a table.
fn grouped(cells: &Counts, by: &[usize]) -> Counts {
    let mut sums = Counts::new();
    for (cell, count) in cells {
        let key = by.iter().filter_map(|at| cell.get(*at).cloned()).collect();
        let sum: &mut u64 = sums.entry(key).or_insert(0);
        *sum = sum.saturating_add(*count);
    }
    sums
}

/// For each row its share, in per mille, of the rows that differ from it in `column` alone; null where
/// one of these is withheld, for the share would tell it.
fn line_shares(rows: &Shown, column: usize) -> Vec<Value> {
    let line = |key: &Vec<String>| {
        let mut line = key.clone();
        line.remove(column);
        line
    };
    let mut sums: BTreeMap<Vec<String>, Option<u64>> = BTreeMap::new();
    for (key, count) in rows {
        let sum = sums.entry(line(key)).or_insert(Some(0));
        *sum = sum.zip(*count).map(|(sum, count)| sum.saturating_add(count));
    }
    let share = |(key, count): (&Vec<String>, &Option<u64>)| {
        let whole = sums.get(&line(key)).copied().flatten();
        Value::from(
            count.zip(whole).and_then(|(n, whole)| n.saturating_mul(1000).checked_div(whole)),
        )
    };
    rows.iter().map(share).collect()
}

/// A row; `counted` are the counts of public records behind the table.
fn row_value((key, count): (&Vec<String>, &Option<u64>), counted: &Counts, floor: u64) -> Value {
    let mut row: Vec<Value> = key.iter().map(|cell| Value::from(cell.as_str())).collect();
    let is_small = || counted.get(key).is_some_and(|count| *count < floor);
    row.push(match count {
        Some(count) => Value::from(*count),
        None if is_small() => Value::from(format!("<{floor}")),
        None => Value::from("withheld"),
    });
    Value::List(row)
}

fn plain(counts: Counts) -> Shown {
    counts.into_iter().map(|(key, count)| (key, Some(count))).collect()
}

/// Withholds counts from 1 to `floor` − 1, and in every line with only one of them the next smallest
/// count.
pub fn suppress(counts: Counts, floor: u64) -> Shown {
    withhold(plain(counts), floor)
}

/// The same for a table of which some cells are withheld already.
fn withhold(cells: Shown, floor: u64) -> Shown {
    let small = |count: &u64| (1..floor).contains(count);
    let mut shown: Shown =
        cells.into_iter().map(|(key, n)| (key, n.filter(|n| !small(n)))).collect();
    let width = shown.keys().next().map_or(0, Vec::len);
    loop {
        let mut withheld: Vec<Vec<String>> = Vec::new();
        for dimension in 0..width {
            let mut lines: BTreeMap<Vec<String>, Vec<&Vec<String>>> = BTreeMap::new();
            for key in shown.keys() {
                let mut line = key.clone();
                line.remove(dimension);
                lines.entry(line).or_default().push(key);
            }
            for keys in lines.into_values() {
                let count = |key: &Vec<String>| shown.get(key).copied().flatten();
                if keys.iter().filter(|key| count(key).is_none()).count() == 1 {
                    let rest = keys.into_iter().filter_map(|key| Some((count(key)?, key)));
                    let next = rest.filter(|(count, _)| *count > 0).min();
                    withheld.extend(next.map(|(_, key)| key.clone()));
                }
            }
        }
        if withheld.is_empty() {
            return shown;
        }
        for key in withheld {
            shown.insert(key, None);
        }
    }
}

/// The cells of a metric before grouping.
fn cells(state: &dyn Scan, metric: &str, time_ms: u64) -> Counts {
    match metric {
        "ubin_fresh" => fresh(state, time_ms),
        "ubin_challenge_clock" => challenge_clock(state, time_ms),
        "ubin_coverage" => coverage(state),
        "ubin_crossborder" => crossborder(state, time_ms),
        _ => counters(state, metric),
    }
}

/// The counters of a metric as they stand in state.
pub fn counters(state: &dyn Scan, metric: &str) -> Counts {
    let prefix = format!("ubin/count/{metric}/").into_bytes();
    let mut counts = Counts::new();
    state.scan(&prefix, &mut |key, content| {
        let cells = key.strip_prefix(prefix.as_slice()).and_then(|k| std::str::from_utf8(k).ok());
        if let (Some(cells), Some(count)) = (cells, decode_content::<u64>(content))
            && count > 0
        {
            counts.insert(cells.split('/').map(str::to_owned).collect(), count);
        }
    });
    counts
}

/// Relocations and mergers by pair of states, and the recognitions of UBIN schemes in force, each
/// from the state that recognises to the one whose scheme it is.
fn crossborder(state: &dyn Scan, time_ms: u64) -> Counts {
    let mut counts = counters(state, "ubin_crossborder");
    state.scan(b"gov/rec/", &mut |key, content| {
        // the index of a state's entries stands one level higher
        let is_entry = key.iter().filter(|byte| **byte == b'/').count() == 4;
        let entry = is_entry.then(|| decode_content::<Recognition>(content)).flatten();
        if let Some(entry) = entry.filter(|entry| entry.of_any_scheme(time_ms)) {
            add(&mut counts, &[&entry.by, &entry.of, "recognition"], 1);
        }
    });
    counts
}

fn add(counts: &mut Counts, key: &[&str], count: u64) {
    let sum = counts.entry(key.iter().map(|part| (*part).to_owned()).collect()).or_insert(0);
    *sum = sum.saturating_add(count);
}

/// Micro, small and medium businesses over all that state a size class, per mille; withheld where a
/// figure behind the share is small. The figures themselves are those of `ubin_stock`.
fn msme(state: &dyn Scan, floor: u64) -> Shown {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (cell, count) in counters(state, "ubin_stock") {
        let [ams, _, _, size, _] = cell.as_slice() else { continue };
        let (part, whole) = sums.entry(ams.clone()).or_default();
        match size.as_str() {
            "MICRO" | "SMALL" | "MEDIUM" => {
                *part = part.saturating_add(count);
                *whole = whole.saturating_add(count);
            }
            "LARGE" => *whole = whole.saturating_add(count),
            _ => {}
        }
    }
    let mut shown = Shown::new();
    for (ams, (part, whole)) in sums {
        let Some(share) = part.saturating_mul(1000).checked_div(whole) else { continue };
        let small = |count: u64| (1..floor).contains(&count);
        let told = [part, whole, whole.saturating_sub(part)].into_iter().all(|count| !small(count));
        shown.insert(vec![ams, "perMille".to_owned()], told.then_some(share));
    }
    shown
}

/// Live records by quality: a recount over all records.
fn fresh(state: &dyn Scan, time_ms: u64) -> Counts {
    let mut counts = Counts::new();
    let mut days: BTreeMap<(String, String, u64), u64> = BTreeMap::new();
    let overlay = Overlay::new(&state);
    state.scan(b"ubin/rec/", &mut |key, content| {
        let (Some(ubin), Some(Entry::Record(record))) = (ubin_of_key(key), decode_content(content))
        else {
            return;
        };
        if !record.is_live() {
            return;
        }
        let version = record.meta.scheme_version;
        let refresh_days = *days
            .entry((ubin.cc.clone(), ubin.scheme.clone(), version))
            .or_insert_with(|| super::refresh_days(&overlay, &ubin, version));
        let open = state.get(&challenge::open_key(&record.entity, &ubin.cc));
        let open = open.and_then(|stored| decode_content(&stored.content)).unwrap_or_default();
        let open: Vec<challenge::OpenChallenge> = open;
        add(&mut counts, &[&ubin.cc, view::quality(&record, &open, refresh_days, time_ms)], 1);
    });
    counts
}

/// Open, overdue and decided challenges by state, and the median days to a decision.
fn challenge_clock(state: &dyn Scan, time_ms: u64) -> Counts {
    let mut counts = Counts::new();
    let mut days: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    state.scan(b"ubin/challenge/", &mut |_, content| {
        let Some(challenge) = decode_content::<Challenge>(content) else { return };
        let ams = challenge.ubin.get(..2).unwrap_or_default();
        let figure = match challenge.state {
            ChallengeState::Upheld | ChallengeState::Rejected => "decided",
            ChallengeState::Withdrawn => "withdrawn",
            _ => "open",
        };
        add(&mut counts, &[ams, figure], 1);
        if challenge.is_overdue(time_ms) {
            add(&mut counts, &[ams, "overdue"], 1);
        }
        if figure == "decided" {
            let took = challenge.ended_ms.saturating_sub(challenge.opened_ms) / DAY_MS;
            days.entry(ams.to_owned()).or_default().push(took);
        }
    });
    for (ams, mut days) in days {
        days.sort_unstable();
        let median = days.get((days.len().saturating_sub(1)) / 2).copied().unwrap_or(0);
        add(&mut counts, &[&ams, "medianDays"], median);
    }
    counts
}

/// The newest version of every attested table of a metric, by state and period.
fn attested_tables(state: &dyn Scan, metric: &str) -> BTreeMap<(String, String), Attested> {
    let mut tables = BTreeMap::new();
    let overlay = Overlay::new(&state);
    state.scan(b"ubin/attested/", &mut |key, _| {
        let text = std::str::from_utf8(key).unwrap_or_default();
        let mut parts = text.split('/').skip(2);
        let (Some(cc), Some(of), Some(period)) = (parts.next(), parts.next(), parts.next()) else {
            return;
        };
        if of != metric {
            return;
        }
        if let Some((_, table)) = attested::newest(&overlay, cc, metric, period) {
            tables.insert((cc.to_owned(), period.to_owned()), table);
        }
    });
    tables
}

/// Attested cells; `None` is withheld. A table that was attested under a lower floor is cut to the one
/// of now.
fn attested_cells(state: &dyn Scan, metric: &str, floor: u64) -> Shown {
    let mut cells = Shown::new();
    for ((cc, period), Attested { table, .. }) in attested_tables(state, metric) {
        let mut own = BTreeMap::new();
        for (i, row) in table.rows.iter().enumerate() {
            for (column, cell) in table.columns.iter().zip(table.row(i)) {
                own.insert([row, column].map(String::clone).to_vec(), *cell);
            }
        }
        let own = if attested::has_floor(metric) { withhold(own, floor) } else { own };
        let whole = |key: Vec<String>| [vec![cc.clone(), period.clone()], key].concat();
        cells.extend(own.into_iter().map(|(key, n)| (whole(key), n)));
    }
    cells
}

/// For each state the sizes of its national registers by scheme, of the newest period that it
/// attests.
fn registered(state: &dyn Scan) -> BTreeMap<String, BTreeMap<String, u64>> {
    let tables = attested_tables(state, "ubin_coverage").into_iter();
    let mut dated: Vec<_> = tables
        .filter_map(|((cc, period), found)| Some((Period::parse(&period)?.newness(), cc, found)))
        .collect();
    dated.sort_by_key(|(newness, ..)| *newness);
    let mut newest = BTreeMap::new();
    for (_, cc, Attested { table, .. }) in dated {
        let sizes = table.rows.iter().enumerate().filter_map(|(i, scheme)| {
            let size = table.row(i).iter().flatten().copied().reduce(u64::saturating_add)?;
            Some((scheme.clone(), size))
        });
        newest.insert(cc, sizes.collect());
    }
    newest
}

/// Live stock of the schemes whose national registers are attested, over the sizes of these.
fn coverage(state: &dyn Scan) -> Counts {
    let registered = registered(state);
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (cc, sizes) in &registered {
        let whole = sizes.values().copied().fold(0, u64::saturating_add);
        sums.insert(cc.clone(), (0, whole));
    }
    for (cell, count) in counters(state, "ubin_stock") {
        let [ams, scheme, _, _, status] = cell.as_slice() else { continue };
        let asked = registered.get(ams).is_some_and(|sizes| sizes.contains_key(scheme));
        let live = super::vocabulary::Status::parse(status).is_some_and(|s| s.is_live());
        if let (true, Some((part, _))) = (asked && live, sums.get_mut(ams)) {
            *part = part.saturating_add(count);
        }
    }
    let mut counts = Counts::new();
    for (ams, (part, whole)) in sums {
        if let Some(share) = part.saturating_mul(1000).checked_div(whole) {
            add(&mut counts, &[&ams, "perMille"], share);
        }
    }
    counts
}
