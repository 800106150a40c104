//! Types, resources, anchors.

use std::sync::Arc;

use serde_json::{Value, json};
use titian_api::vc::{IdParams, Listed, TypesParams};
use titian_api::{Object, Refusal};
use titian_contracts::credential::{
    Anchor, CredentialType, NumberedId, Resource, ResourceId, ResourceKind, anchor_key, is_owner,
};
use titian_contracts::error::Code;
use titian_contracts::state::{Reader, decode_content};
use titian_contracts::time::rfc3339;
use titian_credential::did;

use super::evidence::answer;
use super::page::{Ask, page};
use super::{bare, read};
use crate::rpc::methods::Answer;
use crate::rpc::{State, view};

/// `vc_types`.
pub(super) async fn types(state: &Arc<State>, params: TypesParams) -> Answer<Listed> {
    let mut prefix = b"vc/type/".to_vec();
    if let Some(owner) = &params.owner {
        if !is_owner(owner) {
            return Err(Refusal::new(Code::InvalidParams, "/owner", "a state code or ASEAN"));
        }
        prefix.extend_from_slice(owner.as_bytes());
        prefix.push(b'/');
    }
    let ask = Ask {
        limit: params.limit,
        cursor: params.cursor,
        height: params.height,
        proof: params.proof,
    };
    page(state, ask, prefix, |_, _, stored| {
        decode_content::<CredentialType>(&stored.content).map(|found| of_type(&found))
    })
    .await
}

fn of_type(found: &CredentialType) -> Object {
    let profiles: Vec<&str> = found.profiles.iter().map(|p| p.name()).collect();
    let ids = |ids: &[String]| ids.iter().map(|id| did::did_of(id)).collect::<Vec<_>>();
    let members = [
        ("type", json!(found.name)),
        ("owner", json!(found.owner)),
        ("schemas", json!(ids(&found.schemas))),
        ("contexts", json!(ids(&found.contexts))),
        ("naturalPersonData", json!(found.natural_person_data)),
        ("singleUse", json!(found.single_use)),
        ("keyBinding", json!(found.key_binding)),
        ("status", json!(profiles)),
        ("validityMaxDays", json!(found.validity_max_days)),
        ("deprecated", json!(found.deprecated)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `vc_resource`.
pub(super) async fn resource(state: &Arc<State>, params: &IdParams) -> Answer<Object> {
    let unknown = || Refusal::new(Code::UnknownResource, "/id", "");
    let id = ResourceId::parse(bare(&params.id)).ok_or_else(unknown)?;
    answer(state, (params.height, params.proof), move |_, _, noted| of_id(noted, &id)).await
}

/// A resource as answers show it. Errors: `UNKNOWN_RESOURCE`.
pub(super) fn of_id(state: &dyn Reader, id: &ResourceId) -> Answer<Object> {
    let (stored, found) = find(state, id)?;
    let content: Value = serde_json::from_slice(&found.bytes).unwrap_or_default();
    let members = [
        ("id", json!(did::did_of(&id.text()))),
        ("kind", json!(found.kind.name())),
        ("sha256", json!(format!("sha256:{}", hex::encode(found.sha256)))),
        ("status", json!(if found.deprecated { "deprecated" } else { "active" })),
        ("height", json!(stored)),
        ("content", content),
        ("bytes", json!(view::base64(&found.bytes))),
    ];
    Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A resource, and the height of its last change.
pub(in crate::rpc) fn find(state: &dyn Reader, id: &ResourceId) -> Answer<(u64, Resource)> {
    let unknown = || Refusal::new(Code::UnknownResource, "/id", "");
    let stored = state.get(&id.key()).ok_or_else(unknown)?;
    let found = decode_content(&stored.content).ok_or_else(unknown)?;
    Ok((stored.last_changed, found))
}

/// The media type of a resource.
pub(in crate::rpc) const fn media_type(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::JsonSchema => "application/schema+json",
        ResourceKind::JsonldContext => "application/ld+json",
        ResourceKind::VctMetadata => "application/json",
    }
}

/// `vc_anchor`.
pub(super) async fn anchor(state: &Arc<State>, params: &IdParams) -> Answer<Object> {
    let unknown = || Refusal::new(Code::NotFound, "/id", "no such anchor");
    let text = bare(&params.id).to_owned();
    let id = NumberedId::parse(&text, "anchor").ok_or_else(unknown)?;
    answer(state, (params.height, params.proof), move |_, _, noted| {
        let found: Anchor = read(noted, &anchor_key(&id.owner, id.number)).ok_or_else(unknown)?;
        let members = [
            ("id", json!(text)),
            ("issuer", json!(did::did_of(&id.owner))),
            ("root", json!(found.root.to_string())),
            ("sizeLog2", json!(found.size_log2)),
            ("height", json!(found.height)),
            ("timeMs", json!(found.time_ms)),
            ("time", json!(rfc3339(found.time_ms))),
        ];
        Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    })
    .await
}
