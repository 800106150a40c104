//! The credential type of a body, and what its schemas call personal.

use serde_json::Value;
use titian_api::vc_issue::IssueParams;
use titian_contracts::credential::{
    CredentialType, Resource, ResourceId, ResourceKind, chain, type_key,
};
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_credential::model;
use titian_credential::sd_jwt::metadata;

use super::Instance;

/// The type of a body: its name, and its entry in the register if there is one.
#[derive(PartialEq)]
pub(super) struct Kind {
    pub name: String,
    pub entry: Option<CredentialType>,
}

/// The type of a request: the last one named that the region or the issuer's state has registered;
/// without a credential that of the claims.
pub(super) fn kind_of(params: &IssueParams, state: &Overlay<'_>, instance: &Instance) -> Kind {
    let cc = instance.party().and_then(|party| party.get(..2)).unwrap_or_default();
    if let Some(credential) = &params.credential {
        let names = model::types(credential);
        for name in names.iter().rev() {
            if let Some(entry) = chain::find_type(state, cc, name) {
                return Kind { name: (*name).to_owned(), entry: Some(entry) };
            }
        }
        let name = names.last().copied().unwrap_or("VerifiableCredential");
        return Kind { name: name.to_owned(), entry: None };
    }
    kind_of_claims(params, state)
}

/// The type of an SD-JWT VC: the one that its `vct` metadata names.
pub(super) fn kind_of_claims(params: &IssueParams, state: &Overlay<'_>) -> Kind {
    let vct = params.claims.as_ref().and_then(|claims| claims.get("vct")).and_then(Value::as_str);
    let vct = vct.unwrap_or_default();
    let registered = || {
        let id = ResourceId::parse(vct.strip_prefix("did:ubin:")?)?;
        let metadata = state.read::<Resource>(&id.key())?;
        let metadata: Value = serde_json::from_slice(&metadata.bytes).ok()?;
        let name = metadata.get("name")?.as_str()?;
        let entry: CredentialType = state.read(&type_key(&id.owner, name))?;
        entry.schemas.contains(&id.text()).then_some(entry)
    };
    match registered() {
        Some(entry) => Kind { name: entry.name.clone(), entry: Some(entry) },
        None => Kind { name: vct.to_owned(), entry: None },
    }
}

/// The members that the holder must be able to keep back: what the schemas of a type call personal
/// (of lists the whole list), and what the metadata of its SD-JWT VC says.
pub(super) fn personal_pointers(entry: &CredentialType, state: &Overlay<'_>) -> Vec<String> {
    let metadata = entry.schemas.iter().filter_map(|id| ResourceId::parse(id));
    let metadata = metadata.filter(|id| id.kind == ResourceKind::VctMetadata);
    let mut found: Vec<String> = metadata
        .filter_map(|id| state.read::<Resource>(&id.key()))
        .filter_map(|resource| serde_json::from_slice(&resource.bytes).ok())
        .flat_map(|metadata: Value| metadata::always(&metadata))
        .collect();
    for id in entry.schemas.iter().filter_map(|id| ResourceId::parse(id)) {
        if id.kind != ResourceKind::JsonSchema {
            continue;
        }
        let schema = state.read::<Resource>(&id.key()).map(|resource| resource.bytes);
        if let Some(Ok(schema)) = schema.map(|bytes| serde_json::from_slice::<Value>(&bytes)) {
            collect_personal(&schema, &schema, "", 0, &mut found);
        }
    }
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
