//! Figures that a state attests, because they cannot be counted from public records
//! (ubin-api.md §11), and the floor for small cells.
//!
//! Invariant: no stored table lets a reader learn a count between 1 and k − 1: such a cell is
//! null, and no row or column holds exactly one null, for its total would reveal it.

use std::cmp::Reverse;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::json::Value;
use crate::state::{KeyBuilder, Overlay};
use crate::time::Date;
use crate::transaction::TransactionId;

/// A table of counts: rows, columns, and a cell for each pair; `None` is withheld.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Table {
    /// Names of the rows, sorted.
    pub rows: Vec<String>,
    /// Names of the columns, sorted.
    pub columns: Vec<String>,
    /// Row by row.
    pub cells: Vec<Option<u64>>,
}

/// Whether the cells of an attested metric count businesses by a property that no public record holds.
pub fn has_floor(metric: &str) -> bool {
    metric == "ubin_women_owned"
}

/// What is wrong with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmallCells {
    /// A cell holds a count between 1 and k − 1.
    Cell,
    /// A row or column holds exactly one null.
    Complement,
}

impl Table {
    /// The cells of a row.
    pub fn row(&self, row: usize) -> &[Option<u64>] {
        let width = self.columns.len();
        let from = row.saturating_mul(width);
        self.cells.get(from..from.saturating_add(width)).unwrap_or_default()
    }

    /// Whether the table keeps to `floor`, k.
    pub fn check_floor(&self, floor: u64) -> Result<(), SmallCells> {
        if self.cells.iter().flatten().any(|n| (1..floor).contains(n)) {
            return Err(SmallCells::Cell);
        }
        let width = self.columns.len();
        let one = |cells: &mut dyn Iterator<Item = &Option<u64>>| {
            cells.filter(|cell| cell.is_none()).count() == 1
        };
        let rows = (0..self.rows.len()).any(|row| one(&mut self.row(row).iter()));
        let columns =
            (0..width).any(|column| one(&mut self.cells.iter().skip(column).step_by(width.max(1))));
        if rows || columns { Err(SmallCells::Complement) } else { Ok(()) }
    }

    /// The table as `attest_counts` takes it: rows of columns.
    pub fn to_value(&self) -> Value {
        Value::object(self.rows.iter().enumerate().map(|(i, row)| {
            let cells = self.columns.iter().zip(self.row(i));
            let cells = cells.map(|(column, cell)| (column.as_str(), Value::from(*cell)));
            (row.as_str(), Value::object(cells))
        }))
    }
}

/// The period of a table: `YYYY`, `YYYY-Qn` or `YYYY-MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub begins: Date,
    year: u16,
    last_month: u8,
    months: u8,
}

impl Period {
    /// Reads a period; `None` breaks the form.
    pub fn parse(text: &str) -> Option<Self> {
        let year = text.get(..4)?;
        let (last_month, months): (u8, u8) = match text.get(4..)? {
            "" => (12, 12),
            "-Q1" => (3, 3),
            "-Q2" => (6, 3),
            "-Q3" => (9, 3),
            "-Q4" => (12, 3),
            month => (two_digits(month.strip_prefix('-')?)?, 1),
        };
        let first_month = last_month.checked_sub(months)?.saturating_add(1);
        let begins = Date::parse(&format!("{year}-{first_month:02}-01"))?;
        Some(Self { begins, year: year.parse().ok()?, last_month, months })
    }

    /// Orders periods by age: later is what ends later, of two that end together the shorter one.
    pub fn newness(self) -> (u16, u8, Reverse<u8>) {
        (self.year, self.last_month, Reverse(self.months))
    }
}

fn two_digits(text: &str) -> Option<u8> {
    let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// An attested table: `ubin/attest/{cc}/{metric}/{period}/{version}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Attested {
    /// The figures.
    pub table: Table,
    /// Height.
    pub recorded_at: u64,
    /// Transaction; its signers attest.
    pub transaction: TransactionId,
}

/// State key of one version of an attested table.
pub fn attested_key(cc: &str, metric: &str, period: &str, version: u64) -> Vec<u8> {
    KeyBuilder::new("ubin", "attest").text(cc).text(metric).text(period).number(version).build()
}

/// State key of the newest version of an attested table: `ubin/attested/{cc}/{metric}/{period}`.
pub fn newest_key(cc: &str, metric: &str, period: &str) -> Vec<u8> {
    KeyBuilder::new("ubin", "attested").text(cc).text(metric).text(period).build()
}

/// The newest version of an attested table.
pub fn newest(
    state: &Overlay<'_>,
    cc: &str,
    metric: &str,
    period: &str,
) -> Option<(u64, Attested)> {
    let version: u64 = state.read(&newest_key(cc, metric, period))?;
    Some((version, state.read(&attested_key(cc, metric, period, version))?))
}
