//! What of a record is searched: its public names and what filters ask for.
//!
//! Invariant: of the business of a natural person only a public trade name is indexed.

use titian_contracts::json::Value;
use titian_contracts::ubin::public_name::{PublicName, public_names};
use titian_contracts::ubin::record::Record;
use titian_contracts::ubin::vocabulary::{Category, Status};

/// What the index holds of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The public names, in order of the body, at least one.
    pub names: Vec<PublicName>,
    /// Kind of business.
    pub category: Category,
    /// The shown status.
    pub status: Status,
    /// Whether the record is live.
    pub live: bool,
}

impl Document {
    /// The document of a record and its body; `None` if it has no public name.
    pub fn of(record: &Record, body: &Value) -> Option<Self> {
        let names = public_names(record.category, body);
        (!names.is_empty()).then(|| Self {
            names,
            category: record.category,
            status: record.shown_status(),
            live: record.is_live(),
        })
    }
}
