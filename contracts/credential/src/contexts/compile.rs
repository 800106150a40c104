//! The definitions of one context, compiled to terms.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::active::{Active, Container, Source, Term, Values};
use crate::codes::Fault;
use crate::guard::{is_absolute_iri, is_well_named};

/// Definitions that lead to each other, at most.
const DEPTH_MAX: usize = 8;

/// A context that is being read: its definitions may use each other as prefixes.
pub(super) struct Local<'a> {
    pub members: &'a Map<String, Value>,
    /// What was in force before, with the `@vocab` of this context.
    pub active: Active,
    pub protected: bool,
    pub kept: bool,
}

impl Local<'_> {
    pub fn compile(&self, name: &str, definition: &Value) -> Result<Term, Fault> {
        let unsupported = || Fault::new("CONTEXT_INLINE", "/@context");
        let iri = self.iri_of(name, definition, 0);
        let mut term = Term {
            well_named: iri.as_deref().is_none_or(|iri| is_well_named(name, iri)),
            iri,
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
                    let iri = self.expand(datatype, 0).filter(|iri| is_absolute_iri(iri));
                    term.datatype = Some(iri.ok_or_else(unsupported)?);
                }
                ("@container", Some("@language")) => term.values = Values::Language,
                ("@container", Some("@set")) => {}
                ("@container", Some("@list")) => term.container = Container::List,
                ("@container", Some("@graph")) => term.container = Container::Graph,
                ("@context", _) => {
                    term.scoped = Some(Arc::new(Source::new(value.clone(), self.kept)));
                }
                ("@protected", _) => term.protected = value.as_bool().unwrap_or(self.protected),
                _ => return Err(unsupported()),
            }
        }
        Ok(term)
    }

    /// What a definition of this context stands for.
    fn iri_of(&self, name: &str, definition: &Value, depth: usize) -> Option<Arc<str>> {
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
            _ => self.active.vocab().map(|vocab| Arc::from(format!("{vocab}{name}"))),
        }
    }

    fn expand(&self, text: &str, depth: usize) -> Option<Arc<str>> {
        if text.starts_with('@') {
            return Some(Arc::from(text));
        }
        match self.members.get(text).filter(|_| depth < DEPTH_MAX) {
            Some(definition) => self.iri_of(text, definition, depth + 1),
            None if text.contains(':') => self.expand_iri(text, depth),
            None => self.active.expand(text),
        }
    }

    fn expand_iri(&self, text: &str, depth: usize) -> Option<Arc<str>> {
        let (prefix, rest) = text.split_once(':')?;
        let definition = self.members.get(prefix).filter(|d| d.is_string() && depth < DEPTH_MAX);
        match definition {
            Some(definition) if !rest.starts_with("//") => {
                let iri = self.iri_of(prefix, definition, depth + 1)?;
                if ends_in_delimiter(&iri) {
                    Some(Arc::from(format!("{iri}{rest}")))
                } else {
                    is_absolute_iri(text).then(|| Arc::from(text))
                }
            }
            _ => self.active.expand_iri(text),
        }
    }
}

fn ends_in_delimiter(iri: &str) -> bool {
    iri.ends_with([':', '/', '?', '#', '[', ']', '@'])
}
