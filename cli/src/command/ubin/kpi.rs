//! `titian ubin kpi`: published figures as a table, as CSV or as JSON.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::KpiParams;

use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// What to count and how to show it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Metric: ubin_stock, ubin_flow, ubin_msme, ubin_fresh, ubin_challenges,
    /// ubin_challenge_clock, ubin_crossborder, ubin_coverage, ubin_women_owned, ubin_lookups
    #[arg(long, default_value = "ubin_stock", value_name = "METRIC")]
    metric: String,
    /// As of this height
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// Dimensions of the table, in order [default: the first of the metric]
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION,…")]
    by: Vec<String>,
    /// Only cells with this value of a dimension; may be repeated
    #[arg(long, value_name = "DIMENSION=VALUE")]
    filter: Vec<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Columns for people
    Table,
    /// RFC 4180
    Csv,
    /// The node's answer
    Json,
}

/// Runs `titian ubin kpi`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let filter: Option<BTreeMap<String, String>> = args
        .filter
        .iter()
        .map(|text| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    let filter = filter
        .ok_or_else(|| CommandError::usage("a filter is written DIMENSION=VALUE").hint("ams=SG"))?;
    let params =
        KpiParams { metric: args.metric.clone(), height: args.at, by: args.by.clone(), filter };
    let answer = Json::Object(session.client()?.ask::<call::UbinKpi>(&params)?);
    let rows = rows(&answer);
    match args.format {
        // --json asks for JSON, whatever the form for people is
        _ if session.output.is_json() => Ok(Report::raw(answer.to_string())),
        Format::Json => Ok(Report::raw(answer.to_string())),
        Format::Csv => Ok(Report::raw(csv_text(&rows)?)),
        Format::Table => Ok(Report::new(format!("{}\n{}", table(&rows), notes(&answer)), answer)),
    }
}

/// Heading and rows as text.
fn rows(answer: &Json) -> Vec<Vec<String>> {
    let list = |pointer: &str| answer.pointer(pointer).and_then(Json::as_array).cloned();
    let cell = |cell: &Json| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
    let mut heading: Vec<String> =
        list("/dimensions").unwrap_or_default().iter().map(cell).collect();
    heading.push("value".to_owned());
    let shares = list("/perMille");
    heading.extend(shares.as_ref().map(|_| "perMille".to_owned()));
    let rows = list("/rows").unwrap_or_default();
    let rows = rows.iter().filter_map(Json::as_array).enumerate().map(|(i, row)| {
        // what is withheld has no share
        let share = shares.as_ref().map(|shares| {
            shares.get(i).filter(|share| !share.is_null()).map(cell).unwrap_or_default()
        });
        row.iter().map(cell).chain(share).collect()
    });
    std::iter::once(heading).chain(rows).collect()
}

fn csv_text(rows: &[Vec<String>]) -> Result<String> {
    let fault =
        |error: &dyn std::fmt::Display| CommandError::new(Kind::Bug, format!("csv: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| fault(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| fault(&error))?;
    String::from_utf8(bytes).map_err(|error| fault(&error))
}

fn notes(answer: &Json) -> String {
    let text = |pointer: &str| document::text(answer, pointer).unwrap_or("?");
    let number = |pointer: &str| answer.pointer(pointer).and_then(Json::as_u64).unwrap_or(0);
    let source = if answer.pointer("/attested") == Some(&Json::Bool(true)) {
        "attested by the states"
    } else {
        "counted from public records; what is withheld is presentation, not secrecy"
    };
    format!(
        "{} (definitions {}), as of height {}, {}\n{source}; counts below {} are withheld",
        text("/metric"),
        number("/definitions"),
        number("/asOf/height"),
        text("/asOf/blockTime"),
        number("/floor"),
    )
}
