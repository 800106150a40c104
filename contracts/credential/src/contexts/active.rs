//! Active contexts: the terms in force at a place of a document, and how one context applied to
//! another gives the next.
//!
//! Invariant: what a context gives depends on its text and on what it is applied to, so results are
//! kept and used again; the work that is counted is the same whether a result was kept or not.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde_json::{Map, Value};

use super::compile::Local;
use crate::codes::Fault;
use crate::guard::is_absolute_iri;
use crate::model::items;

/// Terms defined or copied while one document is read: bounds the work of nested contexts.
pub const TERMS_MAX: usize = 400_000;
/// Results that are kept.
const KEPT_MAX: usize = 256;

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
    pub iri: Option<Arc<str>>,
    /// How its values are read.
    pub values: Values,
    /// The datatype of its literals, if it states one.
    pub datatype: Option<Arc<str>>,
    /// What its values form together.
    pub container: Container,
    /// Whether `term:rest` may be short for an IRI.
    pub prefix: bool,
    /// Whether what verdicts read by its name has that name here.
    pub well_named: bool,
    /// May not be redefined.
    pub protected: bool,
    /// The context that holds below it.
    pub scoped: Option<Arc<Source>>,
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

/// A context as it was written: an object, a list of them, or null.
#[derive(Debug)]
pub struct Source {
    number: u64,
    /// What it says.
    pub value: Value,
    /// Whether what it gives is worth keeping: it is bundled, registered, or part of such a one.
    pub kept: bool,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Source {
    /// A context of its own number.
    pub fn new(value: Value, kept: bool) -> Self {
        Self { number: fresh_number(), value, kept }
    }
}

/// Numbers tell sources and tables apart; nothing else depends on them.
fn fresh_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Terms and `@vocab`, shared by all places where they hold.
#[derive(Clone, Debug)]
struct Table {
    number: u64,
    kept: bool,
    terms: BTreeMap<String, Arc<Term>>,
    vocab: Option<String>,
}

/// The table of no context at all.
fn empty() -> &'static Arc<Table> {
    static EMPTY: OnceLock<Arc<Table>> = OnceLock::new();
    EMPTY.get_or_init(|| {
        Arc::new(Table { number: 0, kept: true, terms: BTreeMap::new(), vocab: None })
    })
}

/// A table that was kept, and the terms that making it counts for.
#[derive(Clone, Debug)]
struct Kept {
    table: Arc<Table>,
    terms: usize,
}

/// Number of the table before, number of the source, and whether it stands below a property.
type Step = (u64, u64, bool);

static KEPT: RwLock<BTreeMap<Step, Kept>> = RwLock::new(BTreeMap::new());

fn kept(step: Step) -> Option<Kept> {
    KEPT.read().unwrap_or_else(PoisonError::into_inner).get(&step).cloned()
}

fn keep(step: Step, result: Kept) {
    let mut all = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= KEPT_MAX {
        all.clear();
    }
    all.insert(step, result);
}

/// The terms in force at a place of a document.
#[derive(Clone, Debug)]
pub struct Active {
    table: Arc<Table>,
    /// Terms defined or copied so far for one document, shared by all its active contexts.
    spent: Rc<Cell<usize>>,
}

impl Default for Active {
    fn default() -> Self {
        Self { table: Arc::clone(empty()), spent: Rc::default() }
    }
}

impl Active {
    /// The definition of a term.
    pub fn term(&self, name: &str) -> Option<&Term> {
        self.table.terms.get(name).map(Arc::as_ref)
    }

    /// What every other term is appended to (`@vocab`), if there is one.
    pub fn vocab(&self) -> Option<&str> {
        self.table.vocab.as_deref()
    }

    /// The keyword that a member name is, or is an alias of.
    pub fn keyword<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        if name.starts_with('@') {
            return Some(name);
        }
        self.term(name).and_then(|term| term.iri.as_deref()).filter(|iri| iri.starts_with('@'))
    }

    /// What a member name or a value of a vocabulary stands for; `None` if nothing defines it.
    pub fn expand(&self, name: &str) -> Option<Arc<str>> {
        if name.starts_with('@') {
            return Some(Arc::from(name));
        }
        match self.term(name) {
            Some(term) => term.iri.clone(),
            None => self.expand_iri(name).or_else(|| {
                let vocab = self.vocab().filter(|_| !name.contains(':'))?;
                Some(Arc::from(format!("{vocab}{name}")))
            }),
        }
    }

    /// An absolute IRI, or a short form of one; terms do not count.
    pub fn expand_iri(&self, text: &str) -> Option<Arc<str>> {
        let (prefix, rest) = text.split_once(':')?;
        let short = self.term(prefix).filter(|term| term.prefix && !rest.starts_with("//"));
        let iri: Arc<str> = match short.and_then(|term| term.iri.as_ref()) {
            Some(iri) => Arc::from(format!("{iri}{rest}")),
            None => Arc::from(text),
        };
        // statements are written without escapes: the rest may hold what an IRI cannot
        is_absolute_iri(&iri).then_some(iri)
    }

    /// The active context with `source` applied. Contexts below a property may override protected
    /// terms.
    pub fn with(&self, source: &Source, property_scoped: bool) -> Result<Self, Fault> {
        if !(self.table.kept && source.kept) {
            return self.apply(&source.value, false, property_scoped);
        }
        let step = (self.table.number, source.number, property_scoped);
        if let Some(kept) = kept(step) {
            self.spend(kept.terms)?;
            return Ok(Self { table: kept.table, spent: self.spent.clone() });
        }
        let before = self.spent.get();
        let next = self.apply(&source.value, true, property_scoped)?;
        keep(step, Kept { table: next.table.clone(), terms: self.spent.get() - before });
        Ok(next)
    }

    /// The active context of a node of these members: with the contexts of its types applied, in
    /// the order of the type names.
    pub fn of_types(&self, members: &Map<String, Value>) -> Result<Self, Fault> {
        let mut types: Vec<&str> = Vec::new();
        for (name, value) in members {
            if self.keyword(name) == Some("@type") {
                types.extend(items(value).iter().filter_map(Value::as_str));
            }
        }
        types.sort_unstable();
        let mut active = self.clone();
        for name in types {
            if let Some(scoped) = self.term(name).and_then(|term| term.scoped.as_deref()) {
                active = active.with(scoped, false)?;
            }
        }
        Ok(active)
    }

    fn apply(&self, context: &Value, kept: bool, property_scoped: bool) -> Result<Self, Fault> {
        match context {
            Value::Null => Ok(Self { table: Arc::clone(empty()), spent: self.spent.clone() }),
            Value::Array(items) => items
                .iter()
                .try_fold(self.clone(), |active, item| active.apply(item, kept, property_scoped)),
            Value::Object(members) => {
                // a document may apply a large scoped context at each of its nodes
                self.spend(members.len() + self.table.terms.len())?;
                self.define_all(members, kept, property_scoped)
            }
            _ => Err(Fault::new("CONTEXT_UNKNOWN", "/@context")),
        }
    }

    fn spend(&self, terms: usize) -> Result<(), Fault> {
        self.spent.set(self.spent.get() + terms);
        if self.spent.get() > TERMS_MAX {
            return Err(Fault::new("TOO_MANY_NODES", "/@context"));
        }
        Ok(())
    }

    fn define_all(
        &self,
        members: &Map<String, Value>,
        kept: bool,
        property_scoped: bool,
    ) -> Result<Self, Fault> {
        let mut table = (*self.table).clone();
        table.number = fresh_number();
        table.kept = kept;
        let protected = members.get("@protected") == Some(&Value::Bool(true));
        if let Some(vocab) = members.get("@vocab") {
            table.vocab = vocab.as_str().map(str::to_owned);
        }
        let before = match table.vocab == self.table.vocab {
            true => self.clone(),
            false => Self { table: Arc::new(table.clone()), spent: self.spent.clone() },
        };
        let local = Local { members, active: before, protected, kept };
        for (name, definition) in members {
            match name.as_str() {
                "@protected" | "@version" | "@vocab" => {}
                _ if name.starts_with('@') => {
                    return Err(Fault::new("CONTEXT_INLINE", "/@context"));
                }
                _ => table.define(name, local.compile(name, definition)?, property_scoped)?,
            }
        }
        Ok(Self { table: Arc::new(table), spent: self.spent.clone() })
    }
}

impl Table {
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
        self.terms.insert(name.to_owned(), Arc::new(term));
        Ok(())
    }
}
