//! Arguments of acts on credentials: an accreditation by Singapore, a status list and its entries.

use titian_contracts::json::Value;

/// Accreditations and lists end then, ms.
pub const UNTIL_MS: i64 = 1_900_000_000_000;

/// A list of texts.
pub fn texts(list: &[&str]) -> Value {
    Value::List(list.iter().map(|text| Value::from(*text)).collect())
}

/// `accreditation_grant`: number `n` of a grantee, by Singapore.
pub fn grant(grantee: &str, n: i64) -> Value {
    Value::object([
        ("grantee", Value::from(grantee)),
        ("n", Value::Int(n)),
        ("parent", Value::from("SG")),
        ("rights", texts(&["accredit", "issue", "use"])),
        ("issuerClass", Value::from("registrar")),
        ("types", texts(&["BusinessRegistration"])),
        ("jurisdictions", texts(&["SG"])),
        ("depth", Value::Int(2)),
        ("fromMs", Value::Int(1_700_000_000_000)),
        ("untilMs", Value::Int(UNTIL_MS)),
    ])
}

/// `list_create`: a status list of 131,072 entries.
pub fn list(owner: &str, n: i64, profile: &str) -> Value {
    let size = if ["use", "token", "message"].contains(&profile) { 2 } else { 1 };
    Value::object([
        ("owner", Value::from(owner)),
        ("n", Value::Int(n)),
        ("profile", Value::from(profile)),
        ("types", texts(&["BusinessRegistration"])),
        ("statusSize", Value::Int(size)),
        ("entries", Value::Int(131_072)),
        ("untilMs", Value::Int(UNTIL_MS)),
    ])
}

/// `list_set`: changes are index, old value, new value and reason.
pub fn set(list: &str, version: i64, changes: &[[i64; 4]]) -> Value {
    let items = changes.iter().map(|c| Value::List(c.iter().map(|n| Value::Int(*n)).collect()));
    Value::object([
        ("list", Value::from(list)),
        ("version", Value::Int(version)),
        ("changes", Value::List(items.collect())),
    ])
}
