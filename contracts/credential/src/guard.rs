//! The term guard (vc.md S1): every member and type of a document resolves in its active context,
//! and every identifier is absolute. Otherwise JSON-LD would drop it silently, and readers of the
//! two kinds would see different credentials under one signature.
//!
//! Invariant: a document that passes loses nothing when a JSON-LD processor expands it.

use serde_json::{Map, Value};

use crate::codes::Fault;
use crate::contexts::{Active, Contexts, Values};

/// Checks a whole document with its own `@context`. Members named in `skip` at the top are left
/// out (`proof` is looked at apart, with [`check_proof`]).
pub fn check(document: &Map<String, Value>, contexts: Contexts<'_>) -> Result<(), Fault> {
    let context = document.get("@context").ok_or_else(|| Fault::new("CONTEXT_MISSING", ""))?;
    let active = contexts.activate(context)?;
    node(document, &active, None, "", true)
}

/// Checks one proof, under the contexts of the document (a proof of eddsa-jcs-2022 repeats them).
pub fn check_proof(
    proof: &Map<String, Value>,
    document_context: &Value,
    contexts: Contexts<'_>,
    pointer: &str,
) -> Result<(), Fault> {
    let active = contexts.activate(document_context)?;
    let mut stripped = proof.clone();
    stripped.remove("@context");
    node(&stripped, &active, None, pointer, false)
}

/// Members that are taken out of one document at most.
const PRUNED_MAX: usize = 256;

/// The document without the members that no context defines: what a reader of JSON-LD would see.
/// Types stay. Empty if there are too many.
pub fn pruned(document: &Map<String, Value>, contexts: Contexts<'_>) -> Map<String, Value> {
    let mut kept = Value::Object(document.clone());
    for _ in 0..PRUNED_MAX {
        let Some(members) = kept.as_object() else { break };
        match check(members, contexts) {
            Err(fault) if fault.code == "UNDEFINED_TERM" => {
                if !remove(&mut kept, &fault.pointer) {
                    break;
                }
            }
            _ => return members.clone(),
        }
    }
    Map::new()
}

/// Removes the member at a pointer of this module, whose names are not escaped.
fn remove(value: &mut Value, pointer: &str) -> bool {
    let Some(rest) = pointer.strip_prefix('/') else { return false };
    match value {
        Value::Object(members) => {
            if rest != "type" && members.remove(rest).is_some() {
                return true;
            }
            let next = |name: &String| {
                rest.strip_prefix(name.as_str()).is_some_and(|after| after.starts_with('/'))
            };
            let Some(name) = members.keys().find(|name| next(name)).cloned() else { return false };
            let after = rest.strip_prefix(name.as_str()).unwrap_or_default();
            members.get_mut(&name).is_some_and(|inner| remove(inner, after))
        }
        Value::Array(items) => {
            let (index, after) = rest.split_once('/').unwrap_or((rest, ""));
            let item = index.parse::<usize>().ok().and_then(|i| items.get_mut(i));
            item.is_some_and(|item| remove(item, &format!("/{after}")))
        }
        _ => false,
    }
}

/// A node object. `outer` is the context without the type-scoped ones of the parent: those do not
/// reach below it.
fn node(
    members: &Map<String, Value>,
    outer: &Active,
    property_context: Option<&Value>,
    pointer: &str,
    top: bool,
) -> Result<(), Fault> {
    let base = match property_context {
        Some(context) => outer.with(context, true)?,
        None => outer.clone(),
    };
    let mut types: Vec<&str> = Vec::new();
    for (name, value) in members {
        if keyword(name, &base) == Some("@type") {
            let single = std::slice::from_ref(value);
            let items = value.as_array().map_or(single, Vec::as_slice);
            types.extend(items.iter().filter_map(Value::as_str));
        }
    }
    // JSON-LD applies type-scoped contexts in the order of the type names
    types.sort_unstable();
    let mut active = base.clone();
    for name in &types {
        if let Some(scoped) = base.term(name).and_then(|term| term.scoped.as_ref()) {
            active = active.with(scoped, false)?;
        }
    }
    for (name, value) in members {
        let here = format!("{pointer}/{name}");
        if name == "@context" {
            if top {
                continue;
            }
            return Err(Fault::new("CONTEXT_INLINE", &here));
        }
        if top && name == "proof" {
            continue;
        }
        match keyword(name, &active) {
            Some("@id") => identifier(value, &here)?,
            Some("@type") => type_names(value, &base, &here)?,
            Some("@value" | "@language" | "@direction") => {}
            Some("@list" | "@set") => values(value, &active, &base, Values::Plain, None, &here)?,
            Some(_) => return Err(Fault::new("UNDEFINED_TERM", &here)),
            None => property(name, value, &active, &base, &here)?,
        }
    }
    Ok(())
}

/// The keyword that a member name is, or is an alias of.
fn keyword<'a>(name: &'a str, active: &'a Active) -> Option<&'a str> {
    if name.starts_with('@') {
        return Some(name);
    }
    active.term(name).and_then(|term| term.iri.as_deref()).filter(|iri| iri.starts_with('@'))
}

fn property(
    name: &str,
    value: &Value,
    active: &Active,
    base: &Active,
    pointer: &str,
) -> Result<(), Fault> {
    match active.term(name) {
        Some(term) if term.iri.is_some() => {
            values(value, active, base, term.values, term.scoped.as_ref(), pointer)
        }
        Some(_) => Err(Fault::new("UNDEFINED_TERM", pointer)),
        None if active.vocab.is_some() || is_absolute_iri(name) => {
            values(value, active, base, Values::Plain, None, pointer)
        }
        None => Err(Fault::new("UNDEFINED_TERM", pointer)),
    }
}

fn values(
    value: &Value,
    active: &Active,
    base: &Active,
    kind: Values,
    scoped: Option<&Value>,
    pointer: &str,
) -> Result<(), Fault> {
    match (kind, value) {
        (Values::Json, _) => Ok(()),
        (Values::Language, Value::Object(_)) => Ok(()),
        (_, Value::Array(items)) => items.iter().enumerate().try_for_each(|(i, item)| {
            values(item, active, base, kind, scoped, &format!("{pointer}/{i}"))
        }),
        (_, Value::Object(members)) => node(members, base, scoped, pointer, false),
        (Values::Id, Value::String(_)) => identifier(value, pointer),
        (Values::Vocab, Value::String(text)) => {
            let scope = match scoped {
                Some(context) => active.with(context, true)?,
                None => active.clone(),
            };
            type_name(text, &scope, pointer)
        }
        _ => Ok(()),
    }
}

fn identifier(value: &Value, pointer: &str) -> Result<(), Fault> {
    match value.as_str() {
        Some(text) if is_absolute_iri(text) => Ok(()),
        Some(_) => Err(Fault::new("RELATIVE_IRI", pointer)),
        None => Err(Fault::new("ID_INVALID", pointer)),
    }
}

fn type_names(value: &Value, base: &Active, pointer: &str) -> Result<(), Fault> {
    let single = std::slice::from_ref(value);
    for item in value.as_array().map_or(single, Vec::as_slice) {
        let text = item.as_str().ok_or_else(|| Fault::new("TYPE_MISSING", pointer))?;
        type_name(text, base, pointer)?;
    }
    Ok(())
}

fn type_name(text: &str, active: &Active, pointer: &str) -> Result<(), Fault> {
    let defined = match active.term(text) {
        Some(term) => term.iri.is_some(),
        None => active.vocab.is_some() || is_absolute_iri(text),
    };
    if defined { Ok(()) } else { Err(Fault::new("UNDEFINED_TERM", pointer)) }
}

/// Whether a text is an absolute IRI: a scheme, a colon, something after it, and no character that
/// an IRI cannot hold.
pub fn is_absolute_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !rest.is_empty()
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || "\"<>\\^`{|}".contains(c))
}
