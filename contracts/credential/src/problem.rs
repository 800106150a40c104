//! What each check code means, and its problem type for answers over HTTP (RFC 9457).
//!
//! Invariant: the published list and [`crate::codes::TABLE`] name the same codes; a test compares
//! them. A problem type that begins with `/` is a path of the node that answers.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::codes::Outcome;
use crate::json;
use crate::verdict::Verdict;

/// The published list: check, code, result, meaning, problem type.
pub const CODES: &str = include_str!("../../profiles/credential/codes.json");

/// One code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The check, `*` for every one.
    pub check: String,
    /// The code.
    pub code: String,
    /// What comes out of the check: pass, fail, unknown, not-applicable.
    pub result: String,
    /// One sentence for people.
    pub meaning: String,
    /// The problem type; `None` for what is no problem.
    pub problem: Option<String>,
}

/// Every code, in the order of the list.
pub fn all() -> &'static [Meaning] {
    static ALL: OnceLock<Vec<Meaning>> = OnceLock::new();
    ALL.get_or_init(|| {
        let list = json::parse(CODES.as_bytes()).ok();
        let rows = list.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter_map(meaning).collect()
    })
}

fn meaning(row: &Value) -> Option<Meaning> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Meaning {
        check: text("check")?,
        code: text("code")?,
        result: text("result")?,
        meaning: text("meaning")?,
        problem: text("problem"),
    })
}

/// What a code means; `None` for one that does not exist.
pub fn of(code: &str) -> Option<&'static Meaning> {
    all().iter().find(|known| known.code == code)
}

/// The problem type of a code.
pub fn type_of(code: &str) -> String {
    let stated = of(code).and_then(|known| known.problem.clone());
    stated.unwrap_or_else(|| format!("/problems/{code}"))
}

/// What keeps a verdict from being verified: each code of a check that failed, or that is required
/// and unknown, as `{type, title, detail}`. Empty if it is verified.
pub fn details(verdict: &Verdict) -> Vec<Value> {
    if verdict.verified() {
        return Vec::new();
    }
    let stands_against = |outcome: Outcome, required: bool| {
        outcome == Outcome::Fail || (required && outcome == Outcome::Unknown)
    };
    let mut details = Vec::new();
    for result in verdict.checks.iter().filter(|r| stands_against(r.outcome, r.required)) {
        for code in std::iter::once(&result.code).chain(&result.also) {
            let outcome = crate::codes::outcome_of(result.check.name(), code);
            if stands_against(outcome, result.required) {
                details.push(json!({
                    "type": type_of(code),
                    "title": code,
                    "detail": of(code).map_or("", |known| known.meaning.as_str()),
                }));
            }
        }
    }
    details
}
