//! Members of a content that a person types: `--set NAME=VALUE`, and the answers of the guide.
//!
//! What is typed is JSON, else text. Not so where the type binds the member or fixes its value: there the
//! ledger compares texts, and a sum such as 125000.50 that became a JSON number would lose its last
//! zero and be refused.

use serde_json::{Map, Value as Json};
use titian_contracts::etr::decimal;
use titian_contracts::time::Date;

use super::content::Fields;
use super::issue::lot;
use crate::error::{CommandError, Result};

/// A content with members as they were typed, which go before what was there. Errors: usage, naming the
/// member that does not fit.
pub(super) fn with(
    fields: &Fields,
    mut content: Map<String, Json>,
    typed: &[(String, String)],
) -> Result<Map<String, Json>> {
    for (name, text) in typed {
        let value = value(fields, name, text)
            .map_err(|reason| CommandError::usage(format!("{name}: {reason}")))?;
        content.insert(name.clone(), value);
    }
    Ok(content)
}

/// The value of one member. Errors: why it is none of this member.
pub(super) fn value(fields: &Fields, name: &str, text: &str) -> std::result::Result<Json, String> {
    let json = serde_json::from_str(text).unwrap_or_else(|_| Json::from(text));
    // a text may be typed as JSON, in quotes
    let text = json.as_str().unwrap_or(text).to_owned();
    let fits = |so: bool, reason: &str| if so { Ok(()) } else { Err(reason.to_owned()) };
    match fields.bound_by(name) {
        Some("amount") => fits(is_sum(&text), SUM)?,
        Some("unit") => fits(is_currency(&text), CURRENCY)?,
        Some("due") => fits(text == "demand" || Date::parse(&text).is_some(), DUE)?,
        Some(_) => {}
        None => {
            let Some(fixed) = fields.fixed(name) else { return Ok(json) };
            let same = json == *fixed || fixed.as_str() == Some(text.as_str());
            fits(same, &format!("the type fixes it as {fixed}"))?;
            return Ok(fixed.clone());
        }
    }
    Ok(Json::from(text))
}

const SUM: &str = "a sum is more than 0 and written in digits, with at most 6 decimals after a point and \
                   no commas, for example 125000.50";
const CURRENCY: &str = "the code of a currency is three capital letters, for example SGD";
const DUE: &str = "a due date is written YYYY-MM-DD, or it is the word demand";

/// What is asked for a member.
pub(super) fn question(fields: &Fields, name: &str) -> String {
    let form = match fields.bound_by(name) {
        Some("amount") => "a sum, with the decimals of its currency (example 125000.50)",
        Some("unit") => "the code of the currency (example SGD)",
        Some("due") => "YYYY-MM-DD, or demand",
        _ => "text, or JSON",
    };
    format!("{name}: {form}")
}

/// Whether a text is a sum as the ledger writes it again to compare: neither zero, nor with zeros in front
/// or a point at its end. In whatever currency: XXX is ISO 4217's code for none.
pub(super) fn is_sum(text: &str) -> bool {
    let Ok(lot) = lot(&format!("1:XXX:{text}")) else { return false };
    let amount = lot.amount.parse().unwrap_or_default();
    amount > 0 && decimal(amount, lot.scale) == text
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn note() -> Fields {
        Fields::of(&json!({
            "id": "promissory-note", "version": 1, "series": "note",
            "fields": {
                "required": ["noteNumber", "promise", "amount", "currency", "dueDate"],
                "bound": { "ref": "noteNumber", "amount": "amount", "unit": "currency",
                    "due": "dueDate" },
                "const": { "isElectronic": true, "code": "NOTE" },
            },
        }))
        .expect("a type")
    }

    #[test]
    fn etr_a_sum_that_is_typed_is_text_with_the_decimals_it_was_typed_with() {
        let fields = note();
        let sum = |text: &str| value(&fields, "amount", text);
        for (typed, kept) in [
            ("125000.50", "125000.50"),
            ("125000", "125000"),
            ("\"0.5\"", "0.5"),
            ("1.000000", "1.000000"),
        ] {
            let found = sum(typed).expect(typed);
            assert_eq!(found, json!(kept), "{typed}");
            // what the op opens of it is what the ledger writes of the lot
            let content = Map::from_iter([
                ("noteNumber".to_owned(), json!("PN-1")),
                ("amount".to_owned(), found),
                ("currency".to_owned(), json!("SGD")),
                ("dueDate".to_owned(), json!("demand")),
                ("promise".to_owned(), json!("unconditional")),
            ]);
            let committed = fields.commit(content, "PN-1", &Map::new()).expect(typed);
            let opened = committed.open.get("amount").and_then(|pair| pair.as_list());
            let opened = opened.and_then(|pair| pair.get(1)?.as_text());
            assert_eq!(opened, Some(kept));
        }
        for wrong in [
            "",
            "0",
            "0.00",
            "-1",
            "1,000.50",
            "125000.",
            ".5",
            "0125",
            "1e3",
            "1.1234567",
            "SGD 5",
            "true",
            "{}",
            "1:2",
        ] {
            let refused = sum(wrong).expect_err(wrong);
            assert!(refused.contains("125000.50"), "{wrong}: {refused}");
        }
        // a member that nothing is bound to is what it was typed as
        assert_eq!(value(&fields, "interest", "4.5"), Ok(json!(4.5)));
        assert_eq!(value(&fields, "promise", "unconditional"), Ok(json!("unconditional")));
        assert_eq!(value(&fields, "parties", r#"{"a":1}"#), Ok(json!({ "a": 1 })));
    }

    #[test]
    fn etr_what_the_ledger_compares_is_typed_in_the_form_that_it_compares() {
        let fields = note();
        for (name, typed, kept) in [
            ("noteNumber", "12345", json!("12345")),
            ("currency", "SGD", json!("SGD")),
            ("dueDate", "2027-01-31", json!("2027-01-31")),
            ("dueDate", "demand", json!("demand")),
            ("isElectronic", "true", json!(true)),
            ("code", "NOTE", json!("NOTE")),
            ("code", "\"NOTE\"", json!("NOTE")),
        ] {
            assert_eq!(value(&fields, name, typed), Ok(kept), "{name}");
        }
        for (name, typed, says) in [
            ("currency", "sgd", "SGD"),
            ("currency", "702", "SGD"),
            ("dueDate", "31.1.2027", "YYYY-MM-DD"),
            ("dueDate", "2027-02-30", "YYYY-MM-DD"),
            ("isElectronic", "false", "fixes it as true"),
            ("code", "BILL", "fixes it as \"NOTE\""),
        ] {
            let refused = value(&fields, name, typed).expect_err(name);
            assert!(refused.contains(says), "{name}: {refused}");
            let content = with(&fields, Map::new(), &[(name.to_owned(), typed.to_owned())]);
            let error = content.expect_err(name);
            assert!(error.message.starts_with(&format!("{name}: ")), "{error}");
        }
    }
}
