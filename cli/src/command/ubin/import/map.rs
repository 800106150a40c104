//! The column map of a CSV file: which header holds which column of ubin.md §6, what stands where
//! a cell is empty, how dates and bytes are written.
//!
//! Invariant: a map that is read names known columns only, and its `statusMap` says nothing that
//! the scheme does not say.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use titian_contracts::limits;
use titian_contracts::ubin::scheme::{Scheme, SchemeTable};
use titian_contracts::ubin::vocabulary::Status;

use super::code_page::{self, CodePage};
use super::dates::DateFormat;
use crate::document;
use crate::error::{CommandError, Result};

/// The columns of ubin.md §6 without those that carry a number, and those of ours: `status` (the
/// common code, for registers without national codes), `corroboration`, and what a record that ends
/// or comes back needs: `status_reason`, `evidence_type` and `evidence_digest`.
const COLUMNS: &[&str] = &[
    "scheme",
    "local_id",
    "version",
    "category",
    "legal_name",
    "legal_name_lang",
    "form_elf",
    "form_national",
    "size_class",
    "status",
    "status_national",
    "status_since",
    "status_reason",
    "registered_on",
    "ended_on",
    "city",
    "region",
    "postal_code",
    "isic",
    "lei",
    "valid_from",
    "source_as_of",
    "corroboration",
    "evidence_type",
    "evidence_digest",
];

/// The file as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MapFile {
    cc: String,
    scheme: Option<String>,
    dates: Option<String>,
    code_page: Option<String>,
    delimiter: Option<char>,
    columns: BTreeMap<String, String>,
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    status_map: Option<BTreeMap<String, String>>,
}

/// A map whose words are known.
#[derive(Clone, Debug)]
pub(super) struct ColumnMap {
    /// The state.
    pub(super) cc: String,
    /// The scheme of lines without a column of it.
    pub(super) scheme: Option<String>,
    /// How dates are written.
    pub(super) dates: DateFormat,
    /// How bytes become text.
    pub(super) code_page: CodePage,
    /// What separates cells.
    pub(super) delimiter: u8,
    /// Column to header.
    pub(super) columns: BTreeMap<String, String>,
    /// The columns of the other names that the map covers: value, type, language.
    pub(super) other_names: Vec<[String; 3]>,
    /// Column to the value of an empty cell.
    pub(super) defaults: BTreeMap<String, String>,
    /// The national status codes that the file may hold; `None` for any.
    pub(super) statuses: Option<Vec<String>>,
}

impl ColumnMap {
    /// Reads and checks a map file.
    pub(super) fn read(path: &Path, table: &SchemeTable) -> Result<Self> {
        let wrong = |message: String| CommandError::usage(format!("{}: {message}", path.display()));
        let text = String::from_utf8(document::read(path)?)
            .map_err(|_| wrong("a column map is UTF-8 text".to_owned()))?;
        let file: MapFile = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Self::check(file, table).map_err(|error| CommandError {
            message: format!("{}: {}", path.display(), error.message),
            ..error
        })
    }

    fn check(file: MapFile, table: &SchemeTable) -> Result<Self> {
        if table.of_country(&file.cc).is_none() {
            return Err(CommandError::usage("cc is no state of the scheme table")
                .named("UBIN_COUNTRY_UNKNOWN"));
        }
        for column in file.columns.keys().chain(file.defaults.keys()) {
            if !is_column(column) {
                return Err(CommandError::usage(format!("{column} is no column"))
                    .hint(format!("columns: {}, other_name_N, other_name_N_type, other_name_N_lang, address_1 to address_3", COLUMNS.join(" "))));
            }
        }
        if !file.columns.contains_key("local_id") {
            return Err(CommandError::usage("columns needs local_id, the national number"));
        }
        let dates = file.dates.as_deref().map_or(Some(DateFormat::default()), DateFormat::parse);
        let dates = dates.ok_or_else(|| {
            CommandError::usage("dates holds %Y, %m and %d once each, such as %d/%m/%Y")
        })?;
        let page = file.code_page.as_deref().unwrap_or("utf-8");
        let code_page = CodePage::parse(page).ok_or_else(|| {
            CommandError::usage(format!("code page {page} is not known"))
                .hint(format!("known: {}; others: convert the file to utf-8", code_page::NAMES))
        })?;
        let delimiter = u8::try_from(file.delimiter.unwrap_or(','))
            .ok()
            .filter(u8::is_ascii)
            .ok_or_else(|| CommandError::usage("delimiter is one ASCII character"))?;
        let names = (1..=limits::OTHER_NAMES_MAX)
            .map(|n| ["", "_type", "_lang"].map(|part| format!("other_name_{n}{part}")));
        let covered = |[value, ..]: &[String; 3]| {
            file.columns.contains_key(value) || file.defaults.contains_key(value)
        };
        let map = Self {
            other_names: names.filter(covered).collect(),
            cc: file.cc,
            scheme: file.scheme,
            dates,
            code_page,
            delimiter,
            columns: file.columns,
            defaults: file.defaults,
            statuses: None,
        };
        let statuses = file.status_map.map(|given| map.check_statuses(given, table)).transpose()?;
        Ok(Self { statuses, ..map })
    }

    /// The scheme that the map names for all lines.
    fn one_scheme<'t>(&self, table: &'t SchemeTable) -> Result<Option<&'t Scheme>> {
        let Some(code) = &self.scheme else {
            return if self.columns.contains_key("scheme") || self.defaults.contains_key("scheme") {
                Ok(None)
            } else {
                Err(CommandError::usage("the map needs scheme, or a column of it"))
            };
        };
        table.find(&self.cc, code).map(Some).ok_or_else(|| {
            CommandError::usage(format!("{} has no scheme {code}", self.cc)).named("SCHEME_UNKNOWN")
        })
    }

    /// The overrides may narrow what the scheme maps, and name codes that it leaves unmapped as
    /// OTHER; they never say something else than the scheme, because the ledger would refuse it.
    fn check_statuses(
        &self,
        given: BTreeMap<String, String>,
        table: &SchemeTable,
    ) -> Result<Vec<String>> {
        let scheme = self
            .one_scheme(table)?
            .ok_or_else(|| CommandError::usage("statusMap needs one scheme for the whole file"))?;
        for (national, common) in &given {
            let exact = scheme.entry.status_map.iter().find(|(key, _)| key == national);
            let due = exact.map(|(_, status)| *status).or_else(|| scheme.mapped_status(national));
            if Status::parse(common) != Some(due.unwrap_or(Status::Other)) {
                let due = due.unwrap_or(Status::Other).name();
                return Err(CommandError::usage(format!(
                    "statusMap: the scheme maps {national:?} to {due}, not to {common}"
                ))
                .named("STATUS_MAP_MISMATCH"));
            }
        }
        Ok(given.into_keys().collect())
    }

    /// Checks what depends on the scheme table beyond the country.
    pub(super) fn check_scheme(&self, table: &SchemeTable) -> Result<()> {
        self.one_scheme(table).map(|_| ())
    }

    /// Whether the file may hold a national status code.
    pub(super) fn admits_status(&self, national: &str) -> bool {
        self.statuses.as_ref().is_none_or(|known| {
            known.iter().any(|key| match key.strip_suffix('*') {
                Some(prefix) => national.starts_with(prefix),
                None => key == national,
            })
        })
    }

    /// What a reader of the file calls a column: its header, else its own name.
    pub(super) fn shown(&self, column: &str) -> String {
        self.columns.get(column).cloned().unwrap_or_else(|| column.to_owned())
    }

    /// Whether the map says anything about a column.
    pub(super) fn covers(&self, column: &str) -> bool {
        self.columns.contains_key(column) || self.defaults.contains_key(column)
    }
}

/// Whether a name is a column.
fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name)
        || name.strip_prefix("address_").is_some_and(|n| is_number(n, limits::ADDRESS_LINES_MAX))
        || name.strip_prefix("other_name_").is_some_and(|rest| {
            let number = rest.strip_suffix("_type").or_else(|| rest.strip_suffix("_lang"));
            is_number(number.unwrap_or(rest), limits::OTHER_NAMES_MAX)
        })
}

fn is_number(text: &str, most: usize) -> bool {
    text.parse().is_ok_and(|n: usize| (1..=most).contains(&n) && n.to_string() == text)
}
