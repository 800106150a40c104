//! `attest_counts {cc, metric, period, version, cells}`: a state attests figures that no record
//! holds (ubin-api.md §11).
//!
//! Invariant: versions of (state, metric, period) chain without gaps; tables of businesses keep to
//! the floor for small cells. `cells` is an object of rows, each an object of all columns.

use crate::access::authority::{self, Rule};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::governance::parameter;
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::time::Date;
use crate::ubin::attested::{
    Attested, Period, SmallCells, Table, attested_key, has_floor, newest_key,
};
use crate::ubin::scheme;
use crate::ubin::vocabulary::SizeClass;

/// A metric that is attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    /// Businesses by size class and ownership.
    WomenOwned,
    /// Entries of the national register by scheme.
    Coverage,
    /// Lookups by service: counts and times.
    Lookups,
}

impl Metric {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "ubin_women_owned" => Some(Self::WomenOwned),
            "ubin_coverage" => Some(Self::Coverage),
            "ubin_lookups" => Some(Self::Lookups),
            _ => None,
        }
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::WomenOwned => &["NO", "UNDECLARED", "YES"],
            Self::Coverage => &["REGISTERED"],
            Self::Lookups => &["COUNT", "P50_MS", "P95_MS", "P99_MS", "SUCCESS"],
        }
    }
}

/// Runs `attest_counts`.
pub(super) fn run(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let (cc, name, period) = (m.text("cc")?, m.text("metric")?, m.text("period")?);
    let version = m.uint("version")?;
    let metric = Metric::parse(name).ok_or_else(|| m.malformed("metric", "not attested"))?;
    let begins = Period::parse(period)
        .ok_or_else(|| m.malformed("period", "YYYY, YYYY-Qn, YYYY-MM"))?
        .begins;
    let table = read_table(m.required("cells")?, metric)?;
    m.finish()?;
    let index = scheme::country(ctx.state, cc)
        .ok_or_else(|| Reject::new(Code::UbinCountryUnknown, "/args/cc", ""))?;
    let rows_known = table.rows.iter().all(|row| match metric {
        Metric::WomenOwned => row == "NONE" || SizeClass::parse(row).is_some(),
        Metric::Coverage => index.find(row).is_some(),
        Metric::Lookups => is_service(row),
    });
    if !rows_known {
        return Err(Reject::new(Code::Malformed, "/args/cells", "a row that the metric has not"));
    }
    let signers = authority::signers(ctx, op)?;
    let scope = format!("{}:{name}", op.name());
    authority::require_registrar(ctx, &signers, cc, &scope, Rule::R1)?;
    if begins > Date::of_ms(ctx.time_ms) {
        return Err(Reject::new(Code::FutureEffective, "/args/period", ""));
    }
    let current: u64 = ctx.state.read(&newest_key(cc, name, period)).unwrap_or(0);
    if version != current.saturating_add(1) {
        return Err(Reject::new(Code::VersionConflict, "/args/version", ""));
    }
    if has_floor(name) {
        table.check_floor(parameter::small_cell(ctx.state)).map_err(|found| {
            let code = match found {
                SmallCells::Cell => Code::SmallCell,
                SmallCells::Complement => Code::SmallCellComplement,
            };
            Reject::new(code, "/args/cells", "")
        })?;
    }
    let attested = Attested { table, recorded_at: ctx.height, transaction: ctx.transaction };
    ctx.state.write(attested_key(cc, name, period, version), &attested);
    ctx.state.write(newest_key(cc, name, period), &version);
    let data = [
        ("cc", Value::from(cc)),
        ("metric", Value::from(name)),
        ("period", Value::from(period)),
        ("version", Value::from(version)),
    ];
    ctx.emit(&op.name(), &format!("{cc}/{name}/{period}"), data);
    Ok(())
}

fn is_service(name: &str) -> bool {
    (2..=16).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A full table: every row has exactly the columns of the metric; a cell is a count or null.
fn read_table(value: &Value, metric: Metric) -> Result<Table, Reject> {
    let field = "/args/cells";
    let rows = value
        .as_object()
        .filter(|rows| !rows.is_empty())
        .ok_or_else(|| Reject::new(Code::Malformed, field, "an object of rows is expected"))?;
    if rows.len() > limits::ATTESTED_ROWS_MAX {
        return Err(Reject::new(Code::FieldLimit, field, "too many rows"));
    }
    let columns = metric.columns();
    let mut cells = Vec::new();
    for (row, value) in rows {
        let mut m = Members::of(value, field)?;
        for column in columns {
            cells.push(match m.required(column)? {
                Value::Null => None,
                Value::Int(count) => Some(
                    u64::try_from(*count)
                        .map_err(|_| Reject::new(Code::Malformed, field, "a count below zero"))?,
                ),
                _ => return Err(Reject::new(Code::Malformed, field, "a count or null")),
            });
        }
        m.finish()?;
        if !row.is_ascii() {
            return Err(Reject::new(Code::Malformed, field, "unknown row"));
        }
    }
    Ok(Table {
        rows: rows.iter().map(|(row, _)| row.clone()).collect(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        cells,
    })
}
