//! Errors: the JSON-RPC code is the number of the one table in the contracts crate, so receipts,
//! RPC and documents name a rule by the same number. Positive numbers lie outside the range that
//! JSON-RPC 2.0 reserves; -32700 to -32600 are left to the protocol itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use titian_contracts::error::{Code, Reject};

/// `error.data` of every refusal by a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorData {
    /// The stable name of the rule.
    pub name: String,
    /// JSON pointer of the member it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Details for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Spellings that may have been meant (UBIN).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<String>,
    /// After how many ms to try again (`BUSY`, `UNAVAILABLE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Where to go on (`SLOW_CONSUMER`), or the oldest cursor that works (`CURSOR_TOO_OLD`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The lowest height that this node keeps (`HEIGHT_PRUNED`, `CURSOR_TOO_OLD`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<u64>,
    /// The height of the snapshot to start from (`CURSOR_TOO_OLD`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<u64>,
}

/// A refusal by a rule, as receipts and dry runs show it and as errors carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The number of the rule; also the JSON-RPC error code.
    pub code: i32,
    /// One sentence for people.
    pub message: String,
    /// The rest.
    pub data: ErrorData,
}

impl Refusal {
    /// A refusal by rule `code`.
    pub fn new(code: Code, field: &str, detail: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            code: i32::from(code.number()),
            message: code.meaning().to_owned(),
            data: ErrorData {
                name: code.name().to_owned(),
                field: some(field),
                detail: some(detail),
                ..ErrorData::default()
            },
        }
    }

    /// The refusal behind a number of a receipt; a number of a later release keeps its digits.
    pub fn of_number(number: u16, field: &str) -> Self {
        Code::by_number(number).map_or_else(
            || Self {
                code: i32::from(number),
                message: "a rule of a later release".to_owned(),
                data: ErrorData { name: format!("CODE_{number}"), ..ErrorData::default() },
            },
            |code| Self::new(code, field, ""),
        )
    }

    /// With a hint when to try again.
    #[must_use]
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.data.retry_after_ms = Some(ms);
        self
    }

    /// With spellings that may have been meant.
    #[must_use]
    pub fn suggest(mut self, suggestions: Vec<String>) -> Self {
        self.data.suggestions = suggestions;
        self
    }

    /// With the cursor to go on from.
    #[must_use]
    pub fn at(mut self, cursor: String) -> Self {
        self.data.cursor = Some(cursor);
        self
    }

    /// With what is kept: the oldest height, the oldest cursor that works, and the height of a
    /// snapshot to start from.
    #[must_use]
    pub fn since(mut self, oldest: u64, cursor: String, snapshot: Option<u64>) -> Self {
        self.data.oldest = Some(oldest);
        self.data.cursor = Some(cursor);
        self.data.snapshot = snapshot;
        self
    }

    /// With the lowest height that is kept.
    #[must_use]
    pub const fn oldest(mut self, height: u64) -> Self {
        self.data.oldest = Some(height);
        self
    }

    /// The rule, if this build knows it.
    pub fn rule(&self) -> Option<Code> {
        Code::by_name(&self.data.name)
    }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self::new(reject.code, &reject.field, &reject.detail)
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code, "", "")
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.data.name)?;
        if let Some(field) = &self.data.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(self.data.detail.as_deref().unwrap_or(&self.message))
    }
}

impl std::error::Error for Refusal {}
