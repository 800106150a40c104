//! A JSON-LD document to RDF statements, under compiled contexts (JSON-LD 1.1, the keywords of
//! vc-api.md A§6).
//!
//! Invariant: it walks as the term guard does, and refuses what JSON-LD would drop in silence: what
//! no context defines, a null, an empty set. To spellings of one statement it is blind; those the
//! guard refuses.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::BLANK_NODES_MAX;
use super::quads::{Object, Quad, Subject};
use crate::codes::Fault;
use crate::contexts::{Active, Container, Contexts, Source, Term, Values};
use crate::guard::is_absolute_iri;
use crate::json::{canonical, canonical_double};
use crate::model::items;

const XSD_STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
const XSD_DOUBLE: &str = "http://www.w3.org/2001/XMLSchema#double";
const I18N: &str = "https://www.w3.org/ns/i18n#";

/// IRIs that the expander itself writes.
struct Written {
    rdf_type: Arc<str>,
    first: Arc<str>,
    rest: Arc<str>,
    nil: Arc<str>,
    json: Arc<str>,
    boolean: Arc<str>,
    integer: Arc<str>,
    double: Arc<str>,
}

fn written() -> &'static Written {
    static WRITTEN: OnceLock<Written> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let rdf =
            |name: &str| Arc::from(format!("http://www.w3.org/1999/02/22-rdf-syntax-ns#{name}"));
        let xsd = |name: &str| Arc::from(format!("http://www.w3.org/2001/XMLSchema#{name}"));
        Written {
            rdf_type: rdf("type"),
            first: rdf("first"),
            rest: rdf("rest"),
            nil: rdf("nil"),
            json: rdf("JSON"),
            boolean: xsd("boolean"),
            integer: xsd("integer"),
            double: Arc::from(XSD_DOUBLE),
        }
    })
}

/// The statements of a document under the context `context`, the members `without` of its top left
/// aside.
pub fn quads(
    document: &Map<String, Value>,
    context: &Value,
    without: &[&str],
    contexts: Contexts<'_>,
) -> Result<Vec<Quad>, Fault> {
    let active = contexts.activate(context)?;
    let mut walk = Walk { contexts, quads: Vec::with_capacity(32), blanks: 0 };
    let place = Place { outer: &active, graph: None, without: Some(without) };
    walk.node(document, place, None)?;
    Ok(walk.quads)
}

struct Walk<'a> {
    contexts: Contexts<'a>,
    quads: Vec<Quad>,
    blanks: u32,
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The context without the type-scoped ones of the parent.
    outer: &'a Active,
    graph: Option<&'a Subject>,
    /// At the top: members that are left aside. The context of the top is applied already.
    without: Option<&'a [&'a str]>,
}

fn dropped() -> Fault {
    Fault::new("UNDEFINED_TERM", "")
}

impl Walk<'_> {
    fn blank(&mut self) -> Result<Subject, Fault> {
        if self.blanks >= BLANK_NODES_MAX {
            return Err(Fault::new("TOO_MANY_NODES", ""));
        }
        self.blanks += 1;
        Ok(Subject::Blank(self.blanks - 1))
    }

    fn emit(
        &mut self,
        subject: &Subject,
        predicate: &Arc<str>,
        object: Object,
        graph: Option<&Subject>,
    ) {
        self.quads.push(Quad {
            subject: subject.clone(),
            predicate: Arc::clone(predicate),
            object,
            graph: graph.cloned(),
        });
    }

    /// The statements of a node object; gives its subject.
    fn node(
        &mut self,
        members: &Map<String, Value>,
        place: Place<'_>,
        scoped: Option<&Source>,
    ) -> Result<Subject, Fault> {
        let mut base = match scoped {
            Some(context) => place.outer.with(context, true)?,
            None => place.outer.clone(),
        };
        if place.without.is_none()
            && let Some(context) = members.get("@context")
        {
            base = self.contexts.activate_onto(base, context)?;
        }
        let active = base.of_types(members)?;
        let mut subject = None;
        for (name, value) in members {
            if active.keyword(name) == Some("@id") {
                let id = value.as_str().ok_or_else(|| Fault::new("ID_INVALID", ""))?;
                let iri = active.expand_iri(id).ok_or_else(|| Fault::new("RELATIVE_IRI", ""))?;
                if subject.replace(Subject::Iri(iri)).is_some() {
                    return Err(Fault::new("ID_INVALID", ""));
                }
            }
        }
        let subject = match subject {
            Some(subject) => subject,
            None => self.blank()?,
        };
        let without = place.without.unwrap_or_default();
        for (name, value) in members {
            if name == "@context" || without.contains(&name.as_str()) {
                continue;
            }
            match active.keyword(name) {
                Some("@id") => {}
                Some("@type") => self.types(&subject, value, &base, place.graph)?,
                Some(_) => return Err(dropped()),
                None => {
                    let below = Below { active: &active, base: &base, graph: place.graph };
                    self.property(&subject, name, value, below)?;
                }
            }
        }
        Ok(subject)
    }

    fn types(
        &mut self,
        subject: &Subject,
        value: &Value,
        base: &Active,
        graph: Option<&Subject>,
    ) -> Result<(), Fault> {
        for item in items(value) {
            let name = item.as_str().ok_or_else(|| Fault::new("TYPE_MISSING", ""))?;
            let iri = base.expand(name).filter(|iri| is_absolute_iri(iri)).ok_or_else(dropped)?;
            let object = Object::Node(Subject::Iri(iri));
            self.emit(subject, &written().rdf_type, object, graph);
        }
        Ok(())
    }

    fn property(
        &mut self,
        subject: &Subject,
        name: &str,
        value: &Value,
        below: Below<'_>,
    ) -> Result<(), Fault> {
        let predicate = below.active.expand(name).filter(|iri| is_absolute_iri(iri));
        let predicate = predicate.ok_or_else(dropped)?;
        let term = below.active.term(name);
        match term.map(|term| (term.values, term.container)) {
            Some((Values::Json, _)) => {
                let object = typed(canonical(value), &written().json);
                self.emit(subject, &predicate, object, below.graph);
                Ok(())
            }
            Some((Values::Language, _)) if value.is_object() => {
                self.languages(subject, &predicate, value, below.graph)
            }
            Some((_, Container::List)) => {
                // a list that says so itself is not a list in a list
                let stated = value.as_object().and_then(|members| {
                    members.iter().find(|(name, _)| below.base.keyword(name) == Some("@list"))
                });
                let object = match stated {
                    Some(_) => self.value(value, term, below)?,
                    None => self.list(items(value), term, below)?,
                };
                self.emit(subject, &predicate, object, below.graph);
                Ok(())
            }
            _ => self.set(subject, &predicate, value, term, below),
        }
    }

    fn set(
        &mut self,
        subject: &Subject,
        predicate: &Arc<str>,
        value: &Value,
        term: Option<&Term>,
        below: Below<'_>,
    ) -> Result<(), Fault> {
        let all = items(value);
        if all.is_empty() {
            return Err(dropped());
        }
        for item in all {
            if item.is_array() {
                self.set(subject, predicate, item, term, below)?;
                continue;
            }
            let inner = item.as_object().and_then(|members| {
                members.iter().find(|(name, _)| below.base.keyword(name) == Some("@set"))
            });
            if let Some((_, value)) = inner {
                // what stands beside a set would not be signed
                if item.as_object().is_some_and(|members| members.len() != 1) {
                    return Err(dropped());
                }
                self.set(subject, predicate, value, term, below)?;
                continue;
            }
            let object = if term.is_some_and(|term| term.container == Container::Graph) {
                self.graph(item, term, below)?
            } else {
                self.value(item, term, below)?
            };
            self.emit(subject, predicate, object, below.graph);
        }
        Ok(())
    }

    /// A node in a graph of its own; gives the name of the graph.
    fn graph(
        &mut self,
        item: &Value,
        term: Option<&Term>,
        below: Below<'_>,
    ) -> Result<Object, Fault> {
        let members = item.as_object().ok_or_else(dropped)?;
        let name = self.blank()?;
        let place = Place { outer: below.base, graph: Some(&name), without: None };
        self.node(members, place, term.and_then(|term| term.scoped.as_deref()))?;
        Ok(Object::Node(name))
    }

    fn list(
        &mut self,
        all: &[Value],
        term: Option<&Term>,
        below: Below<'_>,
    ) -> Result<Object, Fault> {
        let of_lists = term.is_some_and(|term| term.container == Container::List);
        let mut objects = Vec::with_capacity(all.len());
        for item in all {
            objects.push(match item {
                Value::Array(nested) if of_lists => self.list(nested, term, below)?,
                // elsewhere some processors make a list of lists of it, and some one list of all
                Value::Array(_) => return Err(dropped()),
                _ => self.value(item, term, below)?,
            });
        }
        let mut rest = Object::Node(Subject::Iri(Arc::clone(&written().nil)));
        for object in objects.into_iter().rev() {
            let cell = self.blank()?;
            self.emit(&cell, &written().first, object, below.graph);
            self.emit(&cell, &written().rest, rest, below.graph);
            rest = Object::Node(cell);
        }
        Ok(rest)
    }

    fn languages(
        &mut self,
        subject: &Subject,
        predicate: &Arc<str>,
        value: &Value,
        graph: Option<&Subject>,
    ) -> Result<(), Fault> {
        let members = value.as_object().filter(|m| !m.is_empty()).ok_or_else(dropped)?;
        for (tag, texts) in members {
            let all = items(texts);
            if all.is_empty() || tag.starts_with('@') {
                return Err(dropped());
            }
            for text in all {
                let text = text.as_str().ok_or_else(dropped)?.to_owned();
                let language = Some(language_tag(tag)?);
                let object = Object::Literal { text, datatype: None, language };
                self.emit(subject, predicate, object, graph);
            }
        }
        Ok(())
    }

    /// One value: a literal, a reference, or a node below.
    fn value(
        &mut self,
        item: &Value,
        term: Option<&Term>,
        below: Below<'_>,
    ) -> Result<Object, Fault> {
        let scoped = term.and_then(|term| term.scoped.as_deref());
        match item {
            Value::Null | Value::Array(_) => Err(dropped()),
            Value::Object(members) => {
                let find = |wanted: &str| {
                    members.iter().find(|(name, _)| below.base.keyword(name) == Some(wanted))
                };
                if find("@value").is_some() {
                    return value_object(members, below.base);
                }
                if let Some((_, list)) = find("@list") {
                    if members.len() != 1 {
                        return Err(dropped());
                    }
                    return self.list(items(list), term, below);
                }
                let place = Place { outer: below.base, graph: below.graph, without: None };
                self.node(members, place, scoped).map(Object::Node)
            }
            Value::String(text) => match term.map_or(Values::Plain, |term| term.values) {
                Values::Id => {
                    let iri = below.active.expand_iri(text);
                    let iri = iri.ok_or_else(|| Fault::new("RELATIVE_IRI", ""))?;
                    Ok(Object::Node(Subject::Iri(iri)))
                }
                Values::Vocab => {
                    let scope = match scoped {
                        Some(context) => below.active.with(context, true)?,
                        None => below.active.clone(),
                    };
                    let iri = scope.expand(text).filter(|iri| is_absolute_iri(iri));
                    Ok(Object::Node(Subject::Iri(iri.ok_or_else(dropped)?)))
                }
                _ => Ok(literal(item, term.and_then(|term| term.datatype.as_ref()))),
            },
            Value::Bool(_) | Value::Number(_) => {
                Ok(literal(item, term.and_then(|term| term.datatype.as_ref())))
            }
        }
    }
}

/// What holds for the values of a property.
#[derive(Clone, Copy)]
struct Below<'a> {
    /// The context of the node.
    active: &'a Active,
    /// The same without its type-scoped part: that reaches no further down.
    base: &'a Active,
    graph: Option<&'a Subject>,
}

fn typed(text: String, datatype: &Arc<str>) -> Object {
    let plain = &**datatype == XSD_STRING;
    let datatype = if plain { None } else { Some(Arc::clone(datatype)) };
    Object::Literal { text, datatype, language: None }
}

/// A scalar as a literal (JSON-LD 1.1 API §8.2.2).
fn literal(value: &Value, datatype: Option<&Arc<str>>) -> Object {
    let of = |text: String, default: &Arc<str>| typed(text, datatype.unwrap_or(default));
    let as_double = datatype.is_some_and(|datatype| &**datatype == XSD_DOUBLE);
    match value {
        Value::Bool(b) => of(b.to_string(), &written().boolean),
        Value::Number(number) => match number.as_i64() {
            Some(int) if !as_double => of(int.to_string(), &written().integer),
            _ => of(canonical_double(number), &written().double),
        },
        other => {
            let text = other.as_str().unwrap_or_default().to_owned();
            match datatype {
                Some(datatype) => typed(text, datatype),
                None => Object::Literal { text, datatype: None, language: None },
            }
        }
    }
}

fn language_tag(tag: &str) -> Result<String, Fault> {
    let shaped = !tag.is_empty()
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    if shaped { Ok(tag.to_ascii_lowercase()) } else { Err(Fault::new("LANGUAGE_INVALID", "")) }
}

fn optional_text(part: Option<&Value>) -> Result<Option<&str>, Fault> {
    part.map(|value| value.as_str().ok_or_else(dropped)).transpose()
}

/// `{@value, @type?, @language?, @direction?}`.
fn value_object(members: &Map<String, Value>, base: &Active) -> Result<Object, Fault> {
    const PARTS: [&str; 4] = ["@value", "@type", "@language", "@direction"];
    let mut parts: [Option<&Value>; 4] = [None; 4];
    for (name, value) in members {
        let place = base.keyword(name).and_then(|word| PARTS.iter().position(|part| *part == word));
        let part = place.and_then(|place| parts.get_mut(place)).ok_or_else(dropped)?;
        if part.replace(value).is_some() {
            return Err(dropped());
        }
    }
    let [value, datatype, language, direction] = parts;
    let value = value.ok_or_else(dropped)?;
    let (datatype, language, direction) =
        (optional_text(datatype)?, optional_text(language)?, optional_text(direction)?);
    if datatype == Some("@json") {
        return Ok(typed(canonical(value), &written().json));
    }
    if value.is_object() || value.is_array() || value.is_null() {
        return Err(dropped());
    }
    match (datatype, language, direction) {
        (Some(datatype), None, None) => {
            let iri = base.expand(datatype).filter(|iri| is_absolute_iri(iri));
            Ok(literal(value, Some(&iri.ok_or_else(dropped)?)))
        }
        (None, None, None) => Ok(literal(value, None)),
        (None, language, direction) => {
            let text = value.as_str().ok_or_else(dropped)?.to_owned();
            let language = language.map(language_tag).transpose()?;
            let Some(direction) = direction else {
                return Ok(Object::Literal { text, datatype: None, language });
            };
            if !["ltr", "rtl"].contains(&direction) {
                return Err(Fault::new("LANGUAGE_INVALID", ""));
            }
            let language = language.unwrap_or_default();
            Ok(typed(text, &Arc::from(format!("{I18N}{language}_{direction}"))))
        }
        _ => Err(dropped()),
    }
}
