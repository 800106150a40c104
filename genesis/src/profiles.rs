//! The type profiles of transferable records that a new network starts with.
//!
//! Their source is TOML, read here once and embedded in the genesis file as JSON; no node reads a
//! profile file while it executes blocks (etr-profiles.md §1).

use titian_contracts::json::Value;

/// The profile files, in the order in which genesis lists them.
const FILES: &[&str] = &[
    include_str!("../../contracts/profiles/etr/bl-order.toml"),
    include_str!("../../contracts/profiles/etr/promissory-note.toml"),
    include_str!("../../contracts/profiles/etr/sea-waybill.toml"),
    include_str!("../../contracts/profiles/etr/air-waybill.toml"),
    include_str!("../../contracts/profiles/etr/bill-of-exchange.toml"),
    include_str!("../../contracts/profiles/etr/bl-straight.toml"),
    include_str!("../../contracts/profiles/etr/cargo-insurance-certificate.toml"),
    include_str!("../../contracts/profiles/etr/cheque.toml"),
    include_str!("../../contracts/profiles/etr/consignment-note.toml"),
    include_str!("../../contracts/profiles/etr/delivery-order.toml"),
    include_str!("../../contracts/profiles/etr/marine-policy.toml"),
    include_str!("../../contracts/profiles/etr/mates-receipt.toml"),
    include_str!("../../contracts/profiles/etr/ncd.toml"),
    include_str!("../../contracts/profiles/etr/warehouse-receipt.toml"),
];

/// Every shipped profile as JSON, ready for `etr::profile::Profile::from_value`.
pub fn etr_profiles() -> Vec<Value> {
    FILES
        .iter()
        .map(|text| of_toml(text).expect("a shipped profile is TOML without floats and dates"))
        .collect()
}

/// The shipped file of a profile as it is registered, if it is one of them.
pub fn etr_profile_file(registered: &Value) -> Option<&'static str> {
    FILES.iter().copied().find(|text| of_toml(text).as_ref() == Some(registered))
}

/// The JSON form of a profile file; see [`json_of`].
pub fn of_toml(text: &str) -> Option<Value> {
    let table: toml::Table = text.parse().ok()?;
    json_of(&toml::Value::Table(table))
}

/// The JSON form of a TOML value: `None` for floats, dates and integers beyond 2^53−1, which have
/// no place in a profile.
pub fn json_of(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(int) => {
            let within = int.unsigned_abs() <= titian_contracts::json::INT_MAX.unsigned_abs();
            within.then_some(Value::Int(*int))?
        }
        toml::Value::Boolean(flag) => Value::Bool(*flag),
        toml::Value::Array(items) => {
            Value::List(items.iter().map(json_of).collect::<Option<Vec<_>>>()?)
        }
        toml::Value::Table(members) => {
            let members = members
                .iter()
                .map(|(name, member)| Some((name.as_str(), json_of(member)?)))
                .collect::<Option<Vec<_>>>()?;
            Value::object(members)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
    })
}
