//! The credential type of a body.

use serde_json::Value;
use titian_api::vc_issue::IssueParams;
use titian_contracts::credential::{CredentialType, Resource, ResourceId, chain, type_key};
use titian_contracts::state::Overlay;
use titian_credential::model;

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
