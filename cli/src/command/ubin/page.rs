//! Pages of objects beside records: consents and challenges.

use serde_json::Value as Json;
use titian_api::Page;

use crate::output::{Report, table};

/// Which objects, and how many.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only about this record, in any spelling
    #[arg(long, value_name = "UBIN")]
    pub(super) ubin: Option<String>,
    /// Only where this state is concerned: it holds the record, or loses or gains the business
    #[arg(long, value_name = "CC")]
    ams: Option<String>,
    /// Consents: OPEN, WITHDRAWN, USED, EXPIRED, VOIDED; challenges: OPEN, ACKNOWLEDGED, UPHELD,
    /// REJECTED, WITHDRAWN
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// How many
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(super) limit: u32,
    /// Continue after the page before
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
}

impl ListArgs {
    /// The state of ASEAN, as the interface writes it.
    pub(super) fn ams(&self) -> Option<String> {
        self.ams.as_ref().map(|cc| cc.to_uppercase())
    }

    /// The state of the object, as the interface writes it.
    pub(super) fn state(&self) -> Option<String> {
        self.state.as_ref().map(|state| state.to_uppercase())
    }
}

/// A page as a table, or a sentence if it is empty.
pub(super) fn page_report<const N: usize>(
    page: &Page,
    heading: [&str; N],
    none: &str,
    row: impl Fn(&Json) -> [String; N],
) -> Report {
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(page.items.iter().map(|item| row(&Json::Object(item.clone())).to_vec()));
    let mut text = if rows.len() > 1 { table(&rows) } else { none.to_owned() };
    if let Some(cursor) = &page.cursor {
        text = format!("{text}\nmore: --cursor {cursor}");
    }
    Report::new(text, serde_json::to_value(page).unwrap_or_default())
}
