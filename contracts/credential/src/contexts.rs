//! JSON-LD contexts: the bundled ones, the registered ones, and the active context they form.
//!
//! Invariant: nothing is fetched; a context is bundled with a pinned digest, or registered on the
//! ledger, or it does not exist (vc.md S2, S3). Supported keywords are those of vc-api.md A§6.
//! It deliberately expands nothing: it knows which terms are defined and how their values are read,
//! which is what the term guard asks.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use titian_contracts::credential::{Resource, ResourceId, ResourceKind};

use crate::codes::Fault;
use crate::snapshot::{Known, Snapshot, read};

/// The base context of VCDM 2.0.
pub const BASE_V2: &str = "https://www.w3.org/ns/credentials/v2";
/// Contexts of one document.
pub const CONTEXTS_MAX: usize = 8;

/// Terms defined or copied while one document is read: bounds the work of nested contexts.
pub const TERMS_MAX: usize = 400_000;

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
            bytes: include_bytes!(concat!("../contexts/", $file)),
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
pub const INDEX: &[u8] = include_bytes!("../contexts/index.json");

/// The July 2024 form of the base context: good for digests, never for terms (vc.md S2).
pub const HISTORICAL_V2: &[u8] = include_bytes!("../contexts/credentials-v2.2024-07-20.jsonld");

/// How values of a term are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Literals and nodes.
    Plain,
    /// Strings are IRIs.
    Id,
    /// Strings are terms or IRIs.
    Vocab,
    /// Any JSON, taken as it is.
    Json,
    /// An object from language tag to text.
    Language,
}

/// One term of an active context.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// What it stands for: an IRI, `@id`, `@type`, or `None` if it was taken away.
    pub iri: Option<String>,
    /// How its values are read.
    pub values: Values,
    /// May not be redefined.
    pub protected: bool,
    /// The context that holds below it.
    pub scoped: Option<Value>,
    /// The definition, to compare redefinitions.
    definition: Value,
}

/// The terms in force at a place of a document.
#[derive(Clone, Debug, Default)]
pub struct Active {
    terms: Arc<BTreeMap<String, Arc<Term>>>,
    /// Every other term is defined too (`@vocab`).
    pub vocab: bool,
    /// Terms defined or copied so far for one document, shared by all its active contexts.
    spent: Rc<Cell<usize>>,
}

impl Active {
    /// The definition of a term.
    pub fn term(&self, name: &str) -> Option<&Term> {
        self.terms.get(name).map(Arc::as_ref)
    }

    /// The active context with `context` (an object, a list of them, or null) applied.
    /// `property_scoped` contexts may override protected terms.
    pub fn with(&self, context: &Value, property_scoped: bool) -> Result<Self, Fault> {
        match context {
            Value::Null => Ok(Self { spent: self.spent.clone(), ..Self::default() }),
            Value::Array(items) => items
                .iter()
                .try_fold(self.clone(), |active, item| active.with(item, property_scoped)),
            Value::Object(members) => {
                // a document may apply a large scoped context at each of its nodes
                self.spent.set(self.spent.get() + members.len() + self.terms.len());
                if self.spent.get() > TERMS_MAX {
                    return Err(Fault::new("TOO_MANY_NODES", "/@context"));
                }
                let mut next = self.clone();
                let protected = members.get("@protected") == Some(&Value::Bool(true));
                for (name, definition) in members {
                    match name.as_str() {
                        "@protected" | "@version" => {}
                        "@vocab" => next.vocab = true,
                        _ if name.starts_with('@') => {
                            return Err(Fault::new("CONTEXT_INLINE", "/@context"));
                        }
                        _ => next.define(name, definition, protected, property_scoped)?,
                    }
                }
                Ok(next)
            }
            _ => Err(Fault::new("CONTEXT_UNKNOWN", "/@context")),
        }
    }

    fn define(
        &mut self,
        name: &str,
        definition: &Value,
        protected: bool,
        property_scoped: bool,
    ) -> Result<(), Fault> {
        let term = compile(name, definition, protected)?;
        if let Some(old) = self.terms.get(name)
            && old.protected
            && !property_scoped
        {
            if old.definition != term.definition {
                return Err(Fault::new("TERM_REDEFINED", "/@context"));
            }
            return Ok(());
        }
        Arc::make_mut(&mut self.terms).insert(name.to_owned(), Arc::new(term));
        Ok(())
    }
}

fn compile(name: &str, definition: &Value, protected: bool) -> Result<Term, Fault> {
    let unsupported = || Fault::new("CONTEXT_INLINE", "/@context");
    let plain = |iri: Option<String>| Term {
        iri,
        values: Values::Plain,
        protected,
        scoped: None,
        definition: definition.clone(),
    };
    let members = match definition {
        Value::Null => return Ok(plain(None)),
        Value::String(iri) => return Ok(plain(Some(iri.clone()))),
        Value::Object(members) => members,
        _ => return Err(unsupported()),
    };
    let iri = match members.get("@id") {
        Some(Value::String(iri)) => Some(iri.clone()),
        Some(Value::Null) => None,
        None => name.contains(':').then(|| name.to_owned()),
        Some(_) => return Err(unsupported()),
    };
    let mut term = plain(iri);
    for (keyword, value) in members {
        match (keyword.as_str(), value.as_str()) {
            ("@id", _) => {}
            ("@type", Some("@id")) => term.values = Values::Id,
            ("@type", Some("@vocab")) => term.values = Values::Vocab,
            ("@type", Some("@json")) => term.values = Values::Json,
            ("@type", Some(_)) => {}
            ("@container", Some("@language")) => term.values = Values::Language,
            ("@container", Some("@set" | "@list" | "@graph")) => {}
            ("@context", _) => term.scoped = Some(value.clone()),
            ("@protected", _) => term.protected = value.as_bool().unwrap_or(protected),
            _ => return Err(unsupported()),
        }
    }
    Ok(term)
}

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
        let single = std::slice::from_ref(context);
        let items = context.as_array().map_or(single, Vec::as_slice);
        if items.len() > CONTEXTS_MAX {
            return Err(Fault::new("TOO_MANY_NODES", "/@context"));
        }
        let mut active = Active::default();
        for (i, item) in items.iter().enumerate() {
            let pointer = format!("/@context/{i}");
            let at = |fault: Fault| Fault::new(fault.code, &pointer);
            active = match item {
                Value::String(url) => {
                    let context = self.find(url).map_err(|code| Fault::new(code, &pointer))?;
                    active.with(&context, false).map_err(at)?
                }
                Value::Object(members) if self.inline => {
                    let forbidden = ["@import", "@base", "@vocab", "@propagate"];
                    if forbidden.iter().any(|keyword| members.contains_key(*keyword)) {
                        return Err(Fault::new("CONTEXT_INLINE", &pointer));
                    }
                    active.with(item, false).map_err(at)?
                }
                _ => return Err(Fault::new("CONTEXT_INLINE", &pointer)),
            };
        }
        Ok(active)
    }

    fn find(&self, url: &str) -> Result<Arc<Value>, &'static str> {
        if let Some((bundled, context)) = bundled_context(url) {
            let refused = bundled.sandbox_only && !self.sandbox;
            return if refused { Err("CONTEXT_EXAMPLE") } else { Ok(context) };
        }
        let id = url.strip_prefix("did:ubin:").and_then(ResourceId::parse);
        let id = id.filter(|id| id.kind == ResourceKind::JsonldContext).ok_or("CONTEXT_UNKNOWN")?;
        let snapshot = self.snapshot.ok_or("CONTEXT_UNKNOWN")?;
        match read::<Resource>(snapshot, &id.key()) {
            Known::Known(Some(resource)) => crate::json::parse(&resource.bytes)
                .ok()
                .and_then(|document| document.get("@context").cloned())
                .map(Arc::new)
                .ok_or("CONTEXT_UNKNOWN"),
            _ => Err("CONTEXT_UNKNOWN"),
        }
    }
}

/// A bundled context, parsed once.
fn bundled_context(url: &str) -> Option<(&'static Bundled, Arc<Value>)> {
    static PARSED: OnceLock<Vec<Arc<Value>>> = OnceLock::new();
    let place = BUNDLED.iter().position(|bundled| bundled.url == url)?;
    let parsed = PARSED.get_or_init(|| {
        let context = |bundled: &Bundled| {
            let document: Value =
                serde_json::from_slice(bundled.bytes).expect("a test parses every bundled context");
            Arc::new(document.get("@context").cloned().unwrap_or_default())
        };
        BUNDLED.iter().map(context).collect()
    });
    Some((BUNDLED.get(place)?, parsed.get(place)?.clone()))
}
