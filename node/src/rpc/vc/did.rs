//! DID resolution and DID URL dereferencing (vc.md §4), for `vc_resolve` and for the HTTP binding.
//!
//! What cannot be resolved is a result with an error of W3C DID Resolution, so that a proof of
//! absence can go with it. Refusals are left for what this node cannot answer: a height that is
//! unknown or pruned, a proof that cannot be made.

use std::sync::Arc;

use serde_json::{Value, json};
use titian_api::vc::{IdParams, ResolveParams, StatusParams};
use titian_api::{Object, Refusal};
use titian_contracts::credential::{NumberedId, ResourceId, parse_index};
use titian_contracts::error::Code;
use titian_credential::did::method::computed_document;
use titian_credential::did::{self, party_of};

use super::{did_ubin, resource, status};
use crate::rpc::State;
use crate::rpc::at::At;
use crate::rpc::methods::Answer;

/// Bytes of a DID URL.
const URL_BYTES_MAX: usize = 2_048;

/// Media type of a DID document.
pub(in crate::rpc) const DOCUMENT: &str = "application/did";

/// What is asked.
#[derive(Clone, Debug, Default)]
pub(in crate::rpc) struct Asked {
    /// The DID or DID URL.
    pub(in crate::rpc) url: String,
    /// The height of a change, exact.
    pub(in crate::rpc) version_id: Option<String>,
    /// The last version at a time.
    pub(in crate::rpc) version_time: Option<String>,
    /// State as of a height.
    pub(in crate::rpc) height: Option<u64>,
    /// Whether a proof is wanted.
    pub(in crate::rpc) proof: bool,
}

/// An error of DID resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rpc) enum Fault {
    InvalidDid(&'static str),
    InvalidDidUrl(&'static str),
    InvalidOptions(&'static str),
    NotFound,
    MethodNotSupported,
}

impl Fault {
    /// The end of its type `https://www.w3.org/ns/did#…`.
    pub(in crate::rpc) const fn name(self) -> &'static str {
        match self {
            Self::InvalidDid(_) => "INVALID_DID",
            Self::InvalidDidUrl(_) => "INVALID_DID_URL",
            Self::InvalidOptions(_) => "INVALID_OPTIONS",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotSupported => "METHOD_NOT_SUPPORTED",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::InvalidDid(_) => "Invalid DID",
            Self::InvalidDidUrl(_) => "Invalid DID URL",
            Self::InvalidOptions(_) => "Invalid options",
            Self::NotFound => "Not found",
            Self::MethodNotSupported => "Method not supported",
        }
    }

    const fn detail(self) -> &'static str {
        match self {
            Self::InvalidDid(detail)
            | Self::InvalidDidUrl(detail)
            | Self::InvalidOptions(detail) => detail,
            Self::NotFound => "nothing of this name, or not in this version",
            Self::MethodNotSupported => "this node resolves did:ubin, did:key and did:jwk",
        }
    }

    /// As `error` in the metadata of a result.
    pub(in crate::rpc) fn to_value(self) -> Value {
        json!({
            "type": format!("https://www.w3.org/ns/did#{}", self.name()),
            "title": self.title(),
            "detail": self.detail(),
        })
    }
}

/// What came out.
pub(in crate::rpc) struct Resolution {
    /// What went wrong; then there is no content.
    pub(in crate::rpc) fault: Option<Fault>,
    /// Whether a DID URL with path or fragment was asked for.
    pub(in crate::rpc) dereferenced: bool,
    /// The DID document, or what the DID URL names; null with a fault.
    pub(in crate::rpc) content: Value,
    /// Metadata of the content.
    pub(in crate::rpc) metadata: Object,
    /// Media type of the content.
    pub(in crate::rpc) media_type: &'static str,
    /// The proof of a DID, where one was asked for.
    pub(in crate::rpc) proof: Option<Object>,
    /// The height and time that were read; none for computed DIDs.
    pub(in crate::rpc) as_of: Option<Value>,
    /// A resource as `vc_resource` shows it.
    pub(in crate::rpc) resource: Option<Object>,
}

impl Resolution {
    pub(super) fn of(content: Value, media_type: &'static str) -> Self {
        Self {
            fault: None,
            dereferenced: false,
            content,
            metadata: Object::new(),
            media_type,
            proof: None,
            as_of: None,
            resource: None,
        }
    }

    pub(in crate::rpc) fn failed(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::of(Value::Null, DOCUMENT) }
    }

    /// Whether the DID is deactivated.
    pub(in crate::rpc) fn is_deactivated(&self) -> bool {
        self.metadata.get("deactivated") == Some(&Value::Bool(true))
    }

    /// Metadata of the process: media type or error, and the proof.
    fn process(&self) -> Object {
        let mut process = Object::new();
        match self.fault {
            Some(fault) => process.insert("error".to_owned(), fault.to_value()),
            None => process.insert("contentType".to_owned(), json!(self.media_type)),
        };
        if let Some(proof) = &self.proof {
            process.insert("ledgerProof".to_owned(), Value::Object(proof.clone()));
        }
        process
    }

    /// A DID resolution result.
    pub(in crate::rpc) fn to_result(&self) -> Object {
        self.named("didDocument", "didDocumentMetadata", "didResolutionMetadata")
    }

    /// A DID URL dereferencing result.
    pub(in crate::rpc) fn to_dereferenced(&self) -> Object {
        self.named("content", "contentMetadata", "dereferencingMetadata")
    }

    fn named(&self, content: &str, metadata: &str, process: &str) -> Object {
        let mut shown = Object::new();
        shown.insert(content.to_owned(), self.content.clone());
        shown.insert(metadata.to_owned(), Value::Object(self.metadata.clone()));
        shown.insert(process.to_owned(), Value::Object(self.process()));
        if let Some(as_of) = &self.as_of {
            shown.insert("asOf".to_owned(), as_of.clone());
        }
        shown
    }
}

/// `vc_resolve`.
pub(super) async fn method(state: &Arc<State>, params: ResolveParams) -> Answer<Object> {
    let bare = !params.did.starts_with("did:");
    let resolution = resolve(
        state,
        Asked {
            url: if bare { format!("did:ubin:{}", params.did) } else { params.did },
            version_id: params.version_id,
            version_time: params.version_time,
            height: params.height,
            proof: params.proof,
        },
    )
    .await?;
    Ok(match &resolution.resource {
        Some(resource) => resource.clone(),
        None if resolution.dereferenced => resolution.to_dereferenced(),
        None => resolution.to_result(),
    })
}

/// The parts of a DID URL.
struct Url<'a> {
    did: &'a str,
    path: Option<&'a str>,
    fragment: Option<&'a str>,
}

/// Resolves a DID, or dereferences a DID URL.
pub(in crate::rpc) async fn resolve(state: &Arc<State>, asked: Asked) -> Answer<Resolution> {
    let text = asked.url.clone();
    let (url, asked) = match parse(&text, asked) {
        Ok(parsed) => parsed,
        Err(fault) => return Ok(Resolution::failed(fault)),
    };
    let rest = url.did.strip_prefix("did:").unwrap_or_default();
    let (method, id) = rest.split_once(':').unwrap_or_default();
    let named = !method.is_empty()
        && method.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && !id.is_empty();
    if !named {
        let fault = Fault::InvalidDid("did:, a method in small letters, : and an identifier");
        return Ok(Resolution::failed(fault));
    }
    if asked.version_id.is_some() && asked.version_time.is_some() {
        let fault = Fault::InvalidOptions("versionId and versionTime exclude each other");
        return Ok(Resolution::failed(fault));
    }
    match method {
        "ubin" => of_ledger(state, &url, id, &asked).await,
        "key" | "jwk" => Ok(of_key(&url)),
        _ => Ok(Resolution::failed(Fault::MethodNotSupported)),
    }
}

/// Splits a DID URL; what its query says goes into the options.
fn parse(text: &str, mut asked: Asked) -> Result<(Url<'_>, Asked), Fault> {
    let plain = text.len() <= URL_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic());
    if !plain {
        return Err(Fault::InvalidDidUrl("at most 2,048 visible ASCII characters"));
    }
    let (rest, fragment) = match text.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (text, None),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let option = match name {
            "versionId" => &mut asked.version_id,
            "versionTime" => &mut asked.version_time,
            _ => return Err(Fault::InvalidDidUrl("parameters are versionId and versionTime")),
        };
        if option.is_some() {
            return Err(Fault::InvalidOptions("an option is given twice"));
        }
        *option = Some(value.replace("%3A", ":").replace("%3a", ":"));
    }
    let (did, path) = match rest.split_once('/') {
        Some((did, path)) => (did, Some(path)),
        None => (rest, None),
    };
    Ok((Url { did, path, fragment }, asked))
}

/// `did:key` and `did:jwk` hold their key.
fn of_key(url: &Url<'_>) -> Resolution {
    let Some(document) = computed_document(url.did) else {
        return Resolution::failed(Fault::InvalidDid("no Ed25519 or P-256 key in this form"));
    };
    if url.path.is_some() {
        return Resolution { dereferenced: true, ..Resolution::failed(Fault::NotFound) };
    }
    match url.fragment {
        None => Resolution::of(document, DOCUMENT),
        Some(fragment) => method_of(&document, url.did, fragment),
    }
}

/// The verification method or service that a fragment names.
fn method_of(document: &Value, did: &str, fragment: &str) -> Resolution {
    let id = format!("{did}#{fragment}");
    let listed = |name: &str| document.get(name).and_then(Value::as_array);
    let found = ["verificationMethod", "service"]
        .into_iter()
        .filter_map(listed)
        .flatten()
        .find(|item| item.get("id").and_then(Value::as_str) == Some(id.as_str()));
    let resolution = match found {
        Some(found) => Resolution::of(found.clone(), DOCUMENT),
        None => Resolution::failed(Fault::NotFound),
    };
    Resolution { dereferenced: true, ..resolution }
}

/// A DID of the ledger, or what one of its URLs names.
async fn of_ledger(
    state: &Arc<State>,
    url: &Url<'_>,
    id: &str,
    asked: &Asked,
) -> Answer<Resolution> {
    let Some(path) = url.path else {
        let resolution = did_ubin::document(state, id, asked).await?;
        return Ok(match (url.fragment, resolution.fault) {
            (Some(fragment), None) => {
                let mut method = method_of(&resolution.content, url.did, fragment);
                // a service has an id of letters, a key never another spelling
                if method.fault.is_some() && !did::is_fragment(fragment) {
                    let fault =
                        Fault::InvalidDidUrl("the fragment is that of a key: k and a number");
                    method = Resolution { dereferenced: true, ..Resolution::failed(fault) };
                }
                Resolution { as_of: resolution.as_of, proof: resolution.proof, ..method }
            }
            (Some(_), Some(_)) => Resolution { dereferenced: true, ..resolution },
            (None, _) => resolution,
        });
    };
    let height = match did_ubin::height_of(state, asked)? {
        Ok((height, _)) => height,
        Err(fault) => return Ok(Resolution { dereferenced: true, ..Resolution::failed(fault) }),
    };
    let named = format!("{id}/{path}");
    let found = if let Some(id) = ResourceId::parse(&named) {
        let params = IdParams { id: named.clone(), height, proof: asked.proof };
        let shown = resource::resource(state, &params).await;
        shown.map(|shown| of_resource(shown, &id))
    } else if let Some(list) = NumberedId::parse(&named, "status") {
        of_list(state, url, &named, &list, (height, asked.proof)).await
    } else {
        let fault = Fault::InvalidDidUrl("paths are schema/…, context/…, vct/… and status/N");
        Ok(Resolution::failed(fault))
    };
    let resolution = match found {
        Err(refusal) if is_absence(&refusal) => Resolution::failed(Fault::NotFound),
        other => other?,
    };
    Ok(Resolution { dereferenced: true, ..resolution })
}

fn of_resource(shown: Object, id: &ResourceId) -> Resolution {
    let content = shown.get("content").cloned().unwrap_or_default();
    let mut resolution = Resolution::of(content, resource::media_type(id.kind));
    for name in ["sha256", "status"] {
        let value = shown.get(name).cloned().unwrap_or_default();
        resolution.metadata.insert(name.to_owned(), value);
    }
    resolution.as_of = shown.get("asOf").cloned();
    Resolution { resource: Some(shown), ..resolution }
}

/// A list, or one entry of it.
async fn of_list(
    state: &State,
    url: &Url<'_>,
    named: &str,
    list: &NumberedId,
    (height, proof): (Option<u64>, bool),
) -> Answer<Resolution> {
    let mut shown = match url.fragment {
        None => {
            let at = At::height(state, height)?;
            at.stamp(status::described(&at, list)?)
        }
        Some(fragment) => {
            let Some(index) = parse_index(fragment) else {
                let fault = Fault::InvalidDidUrl("the fragment of a list is an index");
                return Ok(Resolution::failed(fault));
            };
            let params = StatusParams { list: named.to_owned(), index, height, proof };
            status::of_entry(state, params).await?
        }
    };
    let as_of = shown.remove("asOf");
    Ok(Resolution { as_of, ..Resolution::of(Value::Object(shown), "application/json") })
}

/// What says that nothing of this name is there.
fn is_absence(refusal: &Refusal) -> bool {
    matches!(
        refusal.rule(),
        Some(Code::NotFound | Code::UnknownResource | Code::UnknownList | Code::StatusIndexRange)
    )
}

/// The party behind a DID of the ledger; the error says what is wrong with its spelling.
pub(super) fn party(id: &str) -> Result<titian_contracts::access::Party, Fault> {
    let party = party_of(&format!("did:ubin:{id}"));
    party.ok_or(Fault::InvalidDid("a UBIN, a state CC, or an authority CC:NAME, in capitals"))
}
