//! Lines whose records may be one business under two numbers (ubin.md §4.2): the same core of a name,
//! region and date of registration.
//!
//! A remark and never a fault: names need not be unique. Only lines of the file are compared with
//! each other; for a single record `ubin_prepare` asks the node's index.

use titian_contracts::digest::hash;
use titian_contracts::json::Value;
use titian_contracts::ubin::name_key;
use titian_contracts::ubin::name_key::forms::FormTokens;
use titian_contracts::ubin::public_name::public_names;
use titian_contracts::ubin::vocabulary::Category;

/// What two records have in common, by the first quarter of a digest: a chance likeness in a file of
/// a million names is one in ten million, and costs a needless remark.
pub(super) type LikenessKey = u64;

/// The keys of a body, one for each public name, each once.
pub(super) fn keys_of(body: &Value, forms: &FormTokens) -> Vec<LikenessKey> {
    let text =
        |value: Option<&Value>| value.and_then(Value::as_text).unwrap_or_default().to_owned();
    let region = text(body.get("address").and_then(|address| address.get("region")));
    let registered_on = text(body.get("registeredOn"));
    let category = body.get("category").and_then(Value::as_text).and_then(Category::parse);
    let names = category.map(|category| public_names(category, body)).unwrap_or_default();
    let mut keys: Vec<LikenessKey> = names
        .iter()
        .map(|name| {
            let core = name_key::keys(&name.text, forms).core;
            // no part holds a control character
            let parts = [core.as_bytes(), &[0], region.as_bytes(), &[0], registered_on.as_bytes()];
            let digest = hash("titian import likeness v1", &parts);
            u64::from_be_bytes(*digest.0.first_chunk().expect("a digest has 32 bytes"))
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
