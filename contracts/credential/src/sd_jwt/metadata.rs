//! What the registered metadata of a `vct` says (SD-JWT VC §6), and the schema of its claims: which
//! members the holder must be able to keep back.

use serde_json::{Map, Value};
use titian_contracts::credential::{CredentialType, Resource, ResourceId, ResourceKind};
use titian_contracts::limits;

use super::disclose::NEVER_DISCLOSED;
use crate::codes::Fault;
use crate::snapshot::{Known, Snapshot, read};

/// Pointers of the claims that the holder must be able to keep back: one name each.
pub fn always(metadata: &Value) -> Vec<String> {
    marked(metadata, "always")
}

/// Pointers of the claims that the holder must not be able to keep back: one name each.
pub fn never(metadata: &Value) -> Vec<String> {
    marked(metadata, "never")
}

fn marked(metadata: &Value, sd: &str) -> Vec<String> {
    let claims = metadata.get("claims").and_then(Value::as_array).into_iter().flatten();
    let of = |claim: &Value| {
        let [name] = claim.get("path")?.as_array()?.as_slice() else { return None };
        let marked = claim.get("sd")?.as_str()? == sd;
        marked.then(|| name.as_str().map(|name| format!("/{name}")))?
    };
    claims.filter_map(of).collect()
}

/// The schema of the claims, where it is one of the type's own.
pub fn schema<'a>(metadata: &Value, own: &'a [String]) -> Option<&'a String> {
    let named = metadata.get("schema_uri").and_then(Value::as_str)?;
    own.iter().find(|id| *id == named)
}

/// Pointers of the members of `claims` that the holder may keep back: those that the issuer `asked`
/// for, what the schemas of a type call personal (of lists the whole list), and what the metadata of
/// its SD-JWT VC says. `SD_NOT_DISCLOSABLE` if that says "never" of one that was asked for.
pub fn withheld(
    entry: &CredentialType,
    snapshot: &dyn Snapshot,
    claims: &Map<String, Value>,
    asked: &[String],
) -> Result<Vec<String>, Fault> {
    let (mut found, mut shown) = (Vec::new(), Vec::new());
    for id in entry.schemas.iter().filter_map(|id| ResourceId::parse(id)) {
        let Known::Known(Some(resource)) = read::<Resource>(snapshot, &id.key()) else { continue };
        let Ok(document) = serde_json::from_slice::<Value>(&resource.bytes) else { continue };
        match id.kind {
            ResourceKind::VctMetadata => {
                found.extend(always(&document));
                shown.extend(never(&document));
            }
            ResourceKind::JsonSchema => found.extend(personal(&document)),
            ResourceKind::JsonldContext => {}
        }
    }
    let top = |pointer: &str| pointer.split('/').nth(1).map(|name| format!("/{name}"));
    let in_clear = |pointer: &String| top(pointer).is_some_and(|top| shown.contains(&top));
    if let Some(pointer) = asked.iter().find(|pointer| in_clear(pointer)) {
        return Err(Fault::new("SD_NOT_DISCLOSABLE", pointer));
    }
    let whole = Value::Object(claims.clone());
    let for_verifier =
        |pointer: &str| NEVER_DISCLOSED.contains(&pointer.split('/').nth(1).unwrap_or_default());
    found.retain(|pointer| whole.pointer(pointer).is_some() && !for_verifier(pointer));
    found.extend_from_slice(asked);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Pointers of what a schema calls personal, behind references and combinators too.
pub fn personal(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_personal(schema, schema, "", 0, &mut found);
    found
}

/// Collects below `pointer` what `schema` calls personal. Schemas of the register hold local
/// references that lead nowhere in circles; [`limits::SCHEMA_NESTING_MAX`] bounds them all the same.
fn collect_personal(
    root: &Value,
    schema: &Value,
    pointer: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    let is_personal = schema.get("x-titian-class").and_then(Value::as_str) == Some("personal");
    if is_personal && !pointer.is_empty() {
        found.push(pointer.to_owned());
    }
    if depth > 2 * limits::SCHEMA_NESTING_MAX {
        return;
    }
    let below = |inner: &Value, pointer: &str, found: &mut Vec<String>| {
        collect_personal(root, inner, pointer, depth + 1, found);
    };
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    if let Some(target) = target.and_then(|target| root.pointer(target)) {
        below(target, pointer, found);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for inner in schema.get(name).and_then(Value::as_array).into_iter().flatten() {
            below(inner, pointer, found);
        }
    }
    let mut inside = Vec::new();
    if let Some(inner) = schema.get("items") {
        below(inner, "/0", &mut inside);
    }
    if !inside.is_empty() {
        found.push(pointer.to_owned());
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, member) in properties.into_iter().flatten() {
        let name = name.replace('~', "~0").replace('/', "~1");
        below(member, &format!("{pointer}/{name}"), found);
    }
}
