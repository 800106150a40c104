//! DID methods beside `did:ubin`: `did:key` and `did:jwk` are computed; `did:web` comes from an
//! offline cache that somebody filled while a network was allowed (vc.md §4.3).
//!
//! Invariant: nothing is fetched here. A document of the cache counts for its own DID only, and
//! no longer than [`WEB_AGE_MS_MAX`].

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::codes::Fault;
use crate::json;
use crate::key::{PublicKey, decode};
use crate::model::items;

/// How old a cached `did:web` document may be.
pub const WEB_AGE_MS_MAX: u64 = 86_400_000;
/// Documents of one cache.
pub const WEB_DOCUMENTS_MAX: usize = 1_000;

/// A verification method that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its key.
    pub key: PublicKey,
    /// May sign credentials.
    pub assertion: bool,
    /// May sign presentations.
    pub authentication: bool,
}

/// The verification method of a computed DID; `None` if the DID is of another method. The error is
/// a code of check `issuerKey`.
pub fn computed(did: &str, fragment: &str) -> Option<Result<Method, &'static str>> {
    let method = |key| Method { key, assertion: true, authentication: true };
    if let Some(multikey) = did.strip_prefix("did:key:") {
        let key = PublicKey::from_multikey(multikey).ok_or("DID_INVALID");
        let found =
            if fragment == multikey { key.map(method) } else { key.and(Err("KEY_NOT_FOUND")) };
        return Some(found);
    }
    let encoded = did.strip_prefix("did:jwk:")?;
    let key = jwk_of(encoded).ok_or("DID_INVALID");
    Some(if fragment == "0" { key.map(method) } else { key.and(Err("KEY_NOT_FOUND")) })
}

fn jwk_of(encoded: &str) -> Option<PublicKey> {
    let bytes = decode(encoded).filter(|bytes| bytes.len() <= 1_024)?;
    PublicKey::from_jwk(&json::parse(&bytes).ok()?)
}

/// The DID of a key as `did:jwk`; `None` for a P-256 point off the curve.
pub fn did_jwk(key: &PublicKey) -> Option<String> {
    use base64::Engine as _;
    let text = json::canonical(&key.to_jwk()?);
    Some(format!("did:jwk:{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)))
}

/// The DID of a key as `did:key`.
pub fn did_key(key: &PublicKey) -> String {
    format!("did:key:{}", key.multikey())
}

/// The DID document of a computed DID; `None` if it is none or breaks its grammar.
pub fn computed_document(did: &str) -> Option<Value> {
    let (fragment, method, context) = match did.strip_prefix("did:key:") {
        Some(multikey) => {
            PublicKey::from_multikey(multikey)?;
            let method = json!({"type": "Multikey", "publicKeyMultibase": multikey});
            (multikey, method, "https://w3id.org/security/multikey/v1")
        }
        None => {
            let key = jwk_of(did.strip_prefix("did:jwk:")?)?;
            let method = json!({"type": "JsonWebKey", "publicKeyJwk": key.to_jwk()?});
            ("0", method, "https://w3id.org/security/jwk/v1")
        }
    };
    let id = format!("{did}#{fragment}");
    let mut method = method;
    if let Some(members) = method.as_object_mut() {
        members.insert("id".to_owned(), json!(id));
        members.insert("controller".to_owned(), json!(did));
    }
    Some(json!({
        "@context": ["https://www.w3.org/ns/did/v1", context],
        "id": did, "verificationMethod": [method],
        "assertionMethod": [id], "authentication": [id],
        "capabilityInvocation": [id], "capabilityDelegation": [id],
    }))
}

/// Cached `did:web` documents, each with the time it was fetched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebCache {
    documents: BTreeMap<String, (Value, u64)>,
}

impl WebCache {
    /// An empty cache.
    pub const fn new() -> Self {
        Self { documents: BTreeMap::new() }
    }

    /// Adds a document that was fetched at `fetched_ms`. Its `id` must be a `did:web`.
    pub fn insert(&mut self, document: Value, fetched_ms: u64) -> Result<(), Fault> {
        let id = document.get("id").and_then(Value::as_str).unwrap_or_default();
        if !is_web_did(id) || self.documents.len() >= WEB_DOCUMENTS_MAX {
            return Err(Fault::new("DID_INVALID", "/id"));
        }
        self.documents.insert(id.to_owned(), (document, fetched_ms));
        Ok(())
    }

    /// Reads the cache file: `[{"document": …, "fetchedMs": …}]`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let malformed = || Fault::new("DID_INVALID", "");
        let value = json::parse(bytes)?;
        let mut cache = Self::new();
        for entry in value.as_array().ok_or_else(malformed)? {
            let fetched_ms =
                entry.get("fetchedMs").and_then(Value::as_u64).ok_or_else(malformed)?;
            cache.insert(entry.get("document").cloned().ok_or_else(malformed)?, fetched_ms)?;
        }
        Ok(cache)
    }

    /// A verification method of a cached document. The error is a code of check `issuerKey`.
    pub fn find(&self, did: &str, fragment: &str, now_ms: u64) -> Result<Method, &'static str> {
        if !is_web_did(did) {
            return Err("DID_INVALID");
        }
        let (document, fetched_ms) = self.documents.get(did).ok_or("DID_NOT_AVAILABLE")?;
        if now_ms.checked_sub(*fetched_ms).is_none_or(|age_ms| age_ms > WEB_AGE_MS_MAX) {
            return Err("DID_CACHE_STALE");
        }
        let id = format!("{did}#{fragment}");
        let is_it = |stated: Option<&str>| {
            stated.is_some_and(|text| text == id || text.strip_prefix('#') == Some(fragment))
        };
        let named = |method: &&Value| is_it(method.get("id").and_then(Value::as_str));
        let listed = |relation: &str| document.get(relation).map(items).unwrap_or_default();
        let declared = listed("verificationMethod").iter().find(named);
        let embedded =
            || ["assertionMethod", "authentication"].into_iter().flat_map(listed).find(named);
        let method = declared.or_else(embedded).ok_or("KEY_NOT_FOUND")?;
        // a key that the document says another controls is not the DID's own
        if method.get("controller").and_then(Value::as_str) != Some(did) {
            return Err("KEY_NOT_AUTHORISED");
        }
        let refers = |relation: &str| {
            listed(relation)
                .iter()
                .any(|item| is_it(item.as_str().or_else(|| item.get("id").and_then(Value::as_str))))
        };
        Ok(Method {
            key: key_of(method).ok_or("KEY_NOT_FOUND")?,
            assertion: refers("assertionMethod"),
            authentication: refers("authentication"),
        })
    }
}

/// The key of a verification method, in either spelling; both must agree if both are there.
fn key_of(method: &Value) -> Option<PublicKey> {
    let multikey = method
        .get("publicKeyMultibase")
        .map(|text| text.as_str().and_then(PublicKey::from_multikey));
    let jwk = method.get("publicKeyJwk").map(PublicKey::from_jwk);
    match (multikey, jwk) {
        (Some(Some(key)), None) | (None, Some(Some(key))) => Some(key),
        (Some(Some(a)), Some(Some(b))) if a == b => Some(a),
        _ => None,
    }
}

/// `did:web:` host, optional port as `%3A…`, optional path parts.
fn is_web_did(did: &str) -> bool {
    did.strip_prefix("did:web:").is_some_and(|rest| {
        did.len() <= 256
            && rest.split(':').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b))
            })
    })
}
