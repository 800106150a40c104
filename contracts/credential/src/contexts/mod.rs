//! JSON-LD contexts: the bundled ones, the registered ones, and the active context they form.
//!
//! Invariant: nothing is fetched; a context is bundled with a pinned digest, or registered on the
//! ledger, or it does not exist (vc.md S2, S3). Supported keywords are those of vc-api.md A§6.
//! It knows which terms are defined, what they stand for and how their values are read: what the
//! term guard and the expander ask.

//!
//! - this file: which contexts a document may use, and where they come from;
//! - `active`: one context applied to another; `compile`: its definitions.

mod active;
mod compile;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde_json::Value;
use titian_contracts::credential::{Resource, ResourceId, ResourceKind};

pub use active::{Active, Container, Source, TERMS_MAX, Term, Values};

use crate::codes::Fault;
use crate::snapshot::{Known, Snapshot, read};

/// The base context of VCDM 2.0.
pub const BASE_V2: &str = "https://www.w3.org/ns/credentials/v2";
/// The base context of VCDM 1.1, read only.
pub const BASE_V1: &str = "https://www.w3.org/2018/credentials/v1";
/// Contexts of one document.
pub const CONTEXTS_MAX: usize = 8;
/// Registered contexts that are kept parsed.
const REGISTERED_MAX: usize = 256;

/// A context that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// Its URL.
    pub url: &'static str,
    /// The bytes.
    pub bytes: &'static [u8],
    /// Accepted in a sandbox only.
    pub sandbox_only: bool,
}

macro_rules! bundled {
    ($($url:literal $file:literal $sandbox:literal),* $(,)?) => {
        /// The bundled contexts.
        pub const BUNDLED: &[Bundled] = &[$(Bundled {
            url: $url,
            bytes: include_bytes!(concat!("../../contexts/", $file)),
            sandbox_only: $sandbox,
        }),*];
    };
}

bundled! {
    "https://www.w3.org/ns/credentials/v2" "credentials-v2.jsonld" false,
    "https://www.w3.org/2018/credentials/v1" "credentials-v1.jsonld" false,
    "https://www.w3.org/ns/credentials/examples/v2" "credentials-examples-v2.jsonld" true,
    "https://w3id.org/security/data-integrity/v2" "data-integrity-v2.jsonld" false,
    "https://w3id.org/security/data-integrity/v1" "data-integrity-v1.jsonld" false,
    "https://w3id.org/security/multikey/v1" "multikey-v1.jsonld" false,
    "https://w3id.org/security/jwk/v1" "jwk-v1.jsonld" false,
    "https://www.w3.org/ns/cid/v1" "cid-v1.jsonld" false,
    "https://w3id.org/security/suites/ed25519-2020/v1" "ed25519-2020-v1.jsonld" false,
}

/// What is known of contexts: the list of bundled ones with all their byte forms.
pub const INDEX: &[u8] = include_bytes!("../../contexts/index.json");

/// The July 2024 form of the base context: good for digests, never for terms (vc.md S2).
pub const HISTORICAL_V2: &[u8] = include_bytes!("../../contexts/credentials-v2.2024-07-20.jsonld");

/// Which contexts a document may use.
#[derive(Clone, Copy)]
pub struct Contexts<'a> {
    /// State, for registered contexts.
    pub snapshot: Option<&'a dyn Snapshot>,
    /// Whether sandbox-only contexts count.
    pub sandbox: bool,
    /// Whether context objects may stand in the document.
    pub inline: bool,
}

impl std::fmt::Debug for Contexts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contexts").field("sandbox", &self.sandbox).finish_non_exhaustive()
    }
}

impl Contexts<'_> {
    /// The active context of a document with this `@context`.
    pub fn activate(&self, context: &Value) -> Result<Active, Fault> {
        self.activate_onto(Active::default(), context)
    }

    /// The same for a node within another document, whose context is `outer`.
    pub fn activate_onto(&self, outer: Active, context: &Value) -> Result<Active, Fault> {
        let single = std::slice::from_ref(context);
        let items = context.as_array().map_or(single, Vec::as_slice);
        if items.len() > CONTEXTS_MAX {
            return Err(Fault::new("TOO_MANY_NODES", "/@context"));
        }
        let mut active = outer;
        for (i, item) in items.iter().enumerate() {
            let pointer = || format!("/@context/{i}");
            let at = |fault: Fault| Fault::new(fault.code, &pointer());
            active = match item {
                Value::String(url) => {
                    let source = self.find(url).map_err(|code| Fault::new(code, &pointer()))?;
                    active.with(&source, false).map_err(at)?
                }
                Value::Object(members) if self.inline => {
                    let forbidden = ["@import", "@base", "@vocab", "@propagate"];
                    // a context within it could hold all of these, and clear protected terms
                    let nested = members.values().any(|term| term.get("@context").is_some());
                    if nested || forbidden.iter().any(|keyword| members.contains_key(*keyword)) {
                        return Err(Fault::new("CONTEXT_INLINE", &pointer()));
                    }
                    active.with(&Source::new(item.clone(), false), false).map_err(at)?
                }
                _ => return Err(Fault::new("CONTEXT_INLINE", &pointer())),
            };
        }
        Ok(active)
    }

    fn find(&self, url: &str) -> Result<Arc<Source>, &'static str> {
        if let Some(place) = BUNDLED.iter().position(|bundled| bundled.url == url) {
            let refused = BUNDLED.get(place).is_some_and(|b| b.sandbox_only) && !self.sandbox;
            return if refused { Err("CONTEXT_EXAMPLE") } else { Ok(bundled_context(place)) };
        }
        let id = url.strip_prefix("did:ubin:").and_then(ResourceId::parse);
        let id = id.filter(|id| id.kind == ResourceKind::JsonldContext).ok_or("CONTEXT_UNKNOWN")?;
        // whether it is registered cannot be told without that part of the state
        let snapshot = self.snapshot.ok_or("NOT_REACHED")?;
        match read::<Resource>(snapshot, &id.key()) {
            Known::Known(Some(resource)) => {
                registered_context(url, resource.bytes).ok_or("CONTEXT_UNKNOWN")
            }
            Known::Known(None) => Err("CONTEXT_UNKNOWN"),
            Known::Unknown => Err("NOT_REACHED"),
        }
    }
}

/// A bundled context, parsed once.
fn bundled_context(place: usize) -> Arc<Source> {
    static PARSED: OnceLock<Vec<Arc<Source>>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| {
        let context = |bundled: &Bundled| {
            let document: Value =
                serde_json::from_slice(bundled.bytes).expect("a test parses every bundled context");
            let context = document.get("@context").cloned().unwrap_or_default();
            Arc::new(Source::new(context, true))
        };
        BUNDLED.iter().map(context).collect()
    });
    parsed.get(place).cloned().unwrap_or_else(|| Arc::new(Source::new(Value::Null, false)))
}

/// The bytes of a registered context, and what they say.
type Registered = (Vec<u8>, Arc<Source>);

/// A registered context, parsed once. Two networks may have different bytes under one name, so the
/// bytes are compared.
fn registered_context(url: &str, bytes: Vec<u8>) -> Option<Arc<Source>> {
    static PARSED: RwLock<BTreeMap<String, Registered>> = RwLock::new(BTreeMap::new());
    if let Some((known, source)) = PARSED.read().unwrap_or_else(PoisonError::into_inner).get(url)
        && *known == bytes
    {
        return Some(Arc::clone(source));
    }
    let document = crate::json::parse(&bytes).ok()?;
    let source = Arc::new(Source::new(document.get("@context").cloned()?, true));
    let mut all = PARSED.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= REGISTERED_MAX {
        all.clear();
    }
    all.insert(url.to_owned(), (bytes, Arc::clone(&source)));
    Some(source)
}
