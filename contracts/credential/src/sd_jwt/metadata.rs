//! What the registered metadata of a `vct` says (SD-JWT VC §6).

use serde_json::Value;

/// Pointers of the claims that the holder must be able to keep back: one name each.
pub fn always(metadata: &Value) -> Vec<String> {
    let claims = metadata.get("claims").and_then(Value::as_array).into_iter().flatten();
    let of = |claim: &Value| {
        let [name] = claim.get("path")?.as_array()?.as_slice() else { return None };
        let always = claim.get("sd")?.as_str()? == "always";
        always.then(|| name.as_str().map(|name| format!("/{name}")))?
    };
    claims.filter_map(of).collect()
}

/// The schema of the claims, where it is one of the type's own.
pub fn schema<'a>(metadata: &Value, own: &'a [String]) -> Option<&'a String> {
    let named = metadata.get("schema_uri").and_then(Value::as_str)?;
    own.iter().find(|id| *id == named)
}
