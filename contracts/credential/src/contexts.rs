//! JSON-LD contexts: the bundled ones, the registered ones, and the active context they form.
//!
//! Invariant: nothing is fetched; a context is bundled with a pinned digest, or registered on the
//! ledger, or it does not exist (vc.md S2, S3). Supported keywords are those of vc-api.md A§6.
//! It knows which terms are defined, what they stand for and how their values are read: what the
//! term guard and the expander ask.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use titian_contracts::credential::{Resource, ResourceId, ResourceKind};

use crate::codes::Fault;
use crate::guard::is_absolute_iri;
use crate::snapshot::{Known, Snapshot, read};

/// The base context of VCDM 2.0.
pub const BASE_V2: &str = "https://www.w3.org/ns/credentials/v2";
/// The base context of VCDM 1.1, read only.
pub const BASE_V1: &str = "https://www.w3.org/2018/credentials/v1";
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

/// What the values of a term form together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A set.
    Set,
    /// A list.
    List,
    /// Graphs of their own.
    Graph,
}

/// One term of an active context.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// What it stands for: an IRI, `@id`, `@type`, or `None` if it was taken away.
    pub iri: Option<String>,
    /// How its values are read.
    pub values: Values,
    /// The datatype of its literals, if it states one.
    pub datatype: Option<String>,
    /// What its values form together.
    pub container: Container,
    /// Whether `term:rest` may be short for an IRI.
    pub prefix: bool,
    /// May not be redefined.
    pub protected: bool,
    /// The context that holds below it.
    pub scoped: Option<Value>,
}

impl Term {
    /// Whether two definitions say the same, protection left aside: a protected term may be
    /// defined again so, in whatever spelling.
    fn says_the_same(&self, other: &Self) -> bool {
        self.iri == other.iri
            && self.values == other.values
            && self.datatype == other.datatype
            && self.container == other.container
            && self.prefix == other.prefix
            && self.scoped == other.scoped
    }
}

/// The terms in force at a place of a document.
#[derive(Clone, Debug, Default)]
pub struct Active {
    terms: Arc<BTreeMap<String, Arc<Term>>>,
    /// What every other term is appended to (`@vocab`), if there is one.
    pub vocab: Option<String>,
    /// Terms defined or copied so far for one document, shared by all its active contexts.
    spent: Rc<Cell<usize>>,
}

impl Active {
    /// The definition of a term.
    pub fn term(&self, name: &str) -> Option<&Term> {
        self.terms.get(name).map(Arc::as_ref)
    }

    /// What a member name or a value of a vocabulary stands for; `None` if nothing defines it.
    pub fn expand(&self, name: &str) -> Option<String> {
        if name.starts_with('@') {
            return Some(name.to_owned());
        }
        match self.term(name) {
            Some(term) => term.iri.clone(),
            None => self.expand_iri(name).or_else(|| {
                let vocab = self.vocab.as_ref().filter(|_| !name.contains(':'))?;
                Some(format!("{vocab}{name}"))
            }),
        }
    }

    /// An absolute IRI, or a short form of one; terms do not count.
    pub fn expand_iri(&self, text: &str) -> Option<String> {
        let (prefix, rest) = text.split_once(':')?;
        let short = self.term(prefix).filter(|term| term.prefix && !rest.starts_with("//"));
        match short.and_then(|term| term.iri.as_ref()) {
            Some(iri) => Some(format!("{iri}{rest}")),
            None => is_absolute_iri(text).then(|| text.to_owned()),
        }
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
                self.define_all(members, property_scoped)
            }
            _ => Err(Fault::new("CONTEXT_UNKNOWN", "/@context")),
        }
    }

    fn define_all(
        &self,
        members: &Map<String, Value>,
        property_scoped: bool,
    ) -> Result<Self, Fault> {
        let mut next = self.clone();
        let protected = members.get("@protected") == Some(&Value::Bool(true));
        if let Some(vocab) = members.get("@vocab") {
            next.vocab = vocab.as_str().map(str::to_owned);
        }
        let local = Local { members, active: next.clone(), protected };
        for (name, definition) in members {
            match name.as_str() {
                "@protected" | "@version" | "@vocab" => {}
                _ if name.starts_with('@') => {
                    return Err(Fault::new("CONTEXT_INLINE", "/@context"));
                }
                _ => next.define(name, local.compile(name, definition)?, property_scoped)?,
            }
        }
        Ok(next)
    }

    fn define(&mut self, name: &str, term: Term, property_scoped: bool) -> Result<(), Fault> {
        if let Some(old) = self.terms.get(name)
            && old.protected
            && !property_scoped
        {
            if !old.says_the_same(&term) {
                return Err(Fault::new("TERM_REDEFINED", "/@context"));
            }
            return Ok(());
        }
        Arc::make_mut(&mut self.terms).insert(name.to_owned(), Arc::new(term));
        Ok(())
    }
}

/// A context that is being read: its definitions may use each other as prefixes.
struct Local<'a> {
    members: &'a Map<String, Value>,
    active: Active,
    protected: bool,
}

impl Local<'_> {
    fn compile(&self, name: &str, definition: &Value) -> Result<Term, Fault> {
        let unsupported = || Fault::new("CONTEXT_INLINE", "/@context");
        let mut term = Term {
            iri: self.iri_of(name, definition, 0),
            values: Values::Plain,
            datatype: None,
            container: Container::Set,
            prefix: false,
            protected: self.protected,
            scoped: None,
        };
        let members = match definition {
            Value::Null => return Ok(term),
            Value::String(_) => {
                term.prefix = term.iri.as_deref().is_some_and(ends_in_delimiter);
                return Ok(term);
            }
            Value::Object(members) => members,
            _ => return Err(unsupported()),
        };
        for (keyword, value) in members {
            match (keyword.as_str(), value.as_str()) {
                ("@id", _) if value.is_string() || value.is_null() => {}
                ("@type", Some("@id")) => term.values = Values::Id,
                ("@type", Some("@vocab")) => term.values = Values::Vocab,
                ("@type", Some("@json")) => term.values = Values::Json,
                ("@type", Some(datatype)) => {
                    term.datatype = Some(self.expand(datatype, 0).ok_or_else(unsupported)?);
                }
                ("@container", Some("@language")) => term.values = Values::Language,
                ("@container", Some("@set")) => {}
                ("@container", Some("@list")) => term.container = Container::List,
                ("@container", Some("@graph")) => term.container = Container::Graph,
                ("@context", _) => term.scoped = Some(value.clone()),
                ("@protected", _) => term.protected = value.as_bool().unwrap_or(self.protected),
                _ => return Err(unsupported()),
            }
        }
        Ok(term)
    }

    /// What a definition of this context stands for.
    fn iri_of(&self, name: &str, definition: &Value, depth: usize) -> Option<String> {
        let stated = match definition {
            Value::String(iri) => Some(iri.as_str()),
            Value::Object(members) => match members.get("@id") {
                Some(id) => Some(id.as_str()?),
                None => None,
            },
            _ => return None,
        };
        match stated {
            Some(iri) if iri != name => self.expand(iri, depth),
            _ if name.contains(':') => self.expand_iri(name, depth),
            _ => self.active.vocab.as_ref().map(|vocab| format!("{vocab}{name}")),
        }
    }

    fn expand(&self, text: &str, depth: usize) -> Option<String> {
        if text.starts_with('@') {
            return Some(text.to_owned());
        }
        match self.members.get(text).filter(|_| depth < 8) {
            Some(definition) => self.iri_of(text, definition, depth + 1),
            None if text.contains(':') => self.expand_iri(text, depth),
            None => self.active.expand(text),
        }
    }

    fn expand_iri(&self, text: &str, depth: usize) -> Option<String> {
        let (prefix, rest) = text.split_once(':')?;
        let definition = self.members.get(prefix).filter(|d| d.is_string() && depth < 8);
        match definition {
            Some(definition) if !rest.starts_with("//") => {
                let iri = self.iri_of(prefix, definition, depth + 1)?;
                if ends_in_delimiter(&iri) {
                    Some(format!("{iri}{rest}"))
                } else {
                    is_absolute_iri(text).then(|| text.to_owned())
                }
            }
            _ => self.active.expand_iri(text),
        }
    }
}

fn ends_in_delimiter(iri: &str) -> bool {
    iri.ends_with([':', '/', '?', '#', '[', ']', '@'])
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
            let pointer = format!("/@context/{i}");
            let at = |fault: Fault| Fault::new(fault.code, &pointer);
            active = match item {
                Value::String(url) => {
                    let found = self.find(url).map_err(|code| Fault::new(code, &pointer))?;
                    match found {
                        // the first context of nearly every document is compiled once
                        Found::Bundled(place) if active.terms.is_empty() => {
                            let (terms, vocab) = compiled(place).map_err(at)?;
                            Active { terms, vocab, spent: active.spent }
                        }
                        Found::Bundled(place) => {
                            active.with(bundled_context(place), false).map_err(at)?
                        }
                        Found::Registered(context) => active.with(&context, false).map_err(at)?,
                    }
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

    fn find(&self, url: &str) -> Result<Found, &'static str> {
        if let Some(place) = BUNDLED.iter().position(|bundled| bundled.url == url) {
            let refused = BUNDLED.get(place).is_some_and(|b| b.sandbox_only) && !self.sandbox;
            return if refused { Err("CONTEXT_EXAMPLE") } else { Ok(Found::Bundled(place)) };
        }
        let id = url.strip_prefix("did:ubin:").and_then(ResourceId::parse);
        let id = id.filter(|id| id.kind == ResourceKind::JsonldContext).ok_or("CONTEXT_UNKNOWN")?;
        let snapshot = self.snapshot.ok_or("CONTEXT_UNKNOWN")?;
        match read::<Resource>(snapshot, &id.key()) {
            Known::Known(Some(resource)) => crate::json::parse(&resource.bytes)
                .ok()
                .and_then(|document| document.get("@context").cloned())
                .map(Found::Registered)
                .ok_or("CONTEXT_UNKNOWN"),
            _ => Err("CONTEXT_UNKNOWN"),
        }
    }
}

/// A context that may be used.
enum Found {
    /// The number of a bundled one.
    Bundled(usize),
    /// A registered one.
    Registered(Value),
}

/// A bundled context, parsed once.
fn bundled_context(place: usize) -> &'static Value {
    static PARSED: OnceLock<Vec<Value>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| {
        let context = |bundled: &Bundled| {
            let document: Value =
                serde_json::from_slice(bundled.bytes).expect("a test parses every bundled context");
            document.get("@context").cloned().unwrap_or_default()
        };
        BUNDLED.iter().map(context).collect()
    });
    parsed.get(place).unwrap_or(&Value::Null)
}

/// The terms of an active context, and its `@vocab`.
type Terms = (Arc<BTreeMap<String, Arc<Term>>>, Option<String>);

/// The active context that a bundled context alone gives, compiled once.
fn compiled(place: usize) -> Result<Terms, Fault> {
    static COMPILED: OnceLock<Vec<Result<Terms, Fault>>> = OnceLock::new();
    let all = COMPILED.get_or_init(|| {
        (0..BUNDLED.len())
            .map(|place| {
                let active = Active::default().with(bundled_context(place), false)?;
                Ok((active.terms, active.vocab))
            })
            .collect()
    });
    all.get(place).cloned().unwrap_or_else(|| Err(Fault::new("CONTEXT_UNKNOWN", "")))
}
