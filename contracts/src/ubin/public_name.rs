//! The names of a record that everybody may search for and compare.
//!
//! Invariant: of the business of a natural person only a public trade name is one.

use super::vocabulary::{Category, NameType};
use crate::json::Value;

/// Where a name stands in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameField {
    /// `/legalName`.
    Legal,
    /// `/otherNames/{n}`.
    Other(u8, NameType),
}

impl NameField {
    /// Its JSON pointer below the body.
    pub fn pointer(self) -> String {
        match self {
            Self::Legal => "/legalName".to_owned(),
            Self::Other(at, _) => format!("/otherNames/{at}"),
        }
    }

    /// `LEGAL`, or the type of the other name.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Legal => "LEGAL",
            Self::Other(_, kind) => kind.name(),
        }
    }
}

/// A name as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicName {
    /// Where it stands.
    pub field: NameField,
    /// The name.
    pub text: String,
}

/// The public names of a body, in order.
pub fn public_names(category: Category, body: &Value) -> Vec<PublicName> {
    let natural = category.is_natural_person();
    if natural && body.get("tradeNamePublic") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let value = |name: &Value| name.get("value").and_then(Value::as_text).map(str::to_owned);
    let legal = body.get("legalName").filter(|_| !natural).and_then(value);
    let legal = legal.map(|text| PublicName { field: NameField::Legal, text });
    let others = body.get("otherNames").and_then(Value::as_list).unwrap_or_default();
    let others = (0u8..=u8::MAX).zip(others).filter_map(|(at, name)| {
        let kind = NameType::parse(name.get("type")?.as_text()?)?;
        let public = !natural || kind == NameType::Trading;
        let field = NameField::Other(at, kind);
        public.then(|| value(name)).flatten().map(|text| PublicName { field, text })
    });
    legal.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(trade_public: bool) -> Value {
        let name = |kind: &str, text: &str| {
            Value::object([("type", Value::from(kind)), ("value", Value::from(text))])
        };
        Value::object([
            ("legalName", Value::object([("value", Value::from("Acme Sdn Bhd"))])),
            (
                "otherNames",
                Value::List(vec![name("PREVIOUS", "Old Acme"), name("TRADING", "Acme Shop")]),
            ),
            ("tradeNamePublic", Value::from(trade_public)),
        ])
    }

    #[test]
    fn all_names_of_a_company_are_public_in_order_of_the_body() {
        let names = public_names(Category::General, &body(false));
        let shown: Vec<(String, &str, &str)> = names
            .iter()
            .map(|name| (name.field.pointer(), name.field.kind(), name.text.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("/legalName".to_owned(), "LEGAL", "Acme Sdn Bhd"),
                ("/otherNames/0".to_owned(), "PREVIOUS", "Old Acme"),
                ("/otherNames/1".to_owned(), "TRADING", "Acme Shop"),
            ]
        );
    }

    #[test]
    fn of_a_natural_person_only_a_public_trade_name() {
        for category in [Category::SoleProprietor, Category::Household] {
            assert_eq!(public_names(category, &body(false)), []);
            let names = public_names(category, &body(true));
            assert_eq!(names.len(), 1);
            assert_eq!(names[0].field, NameField::Other(1, NameType::Trading));
        }
    }
}
