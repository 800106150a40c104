//! The term guard (vc.md S1): every member and type of a document resolves in its active context,
//! and every identifier is absolute. Otherwise JSON-LD would drop it silently, and readers of the
//! two kinds would see different credentials under one signature.
//!
//! Invariant: a document that passes loses nothing when a JSON-LD processor expands it, and what
//! verdicts read by its name has that name: a signature over statements is blind to spellings.

use serde_json::{Map, Value};

use crate::codes::Fault;
use crate::contexts::{Active, Contexts, Source, Values};
use crate::model::items;

/// Namespaces of what verdicts read by name: the name is the end of the IRI.
const READ_BY_NAME: [&str; 2] =
    ["https://www.w3.org/2018/credentials#", "https://www.w3.org/ns/credentials/status#"];

/// The same from namespaces that hold much else, and the name.
const READ_AS: [(&str, &str); 3] = [
    ("http://purl.org/dc/terms/created", "created"),
    ("https://w3id.org/security#expiration", "expires"),
    ("https://w3id.org/security#digestMultibase", "digestMultibase"),
];

/// Checks a whole document with its own `@context`. Members named in `skip` at the top are left
/// out (`proof` is looked at apart, with [`check_proof`]).
pub fn check(document: &Map<String, Value>, contexts: Contexts<'_>) -> Result<(), Fault> {
    let context = document.get("@context").ok_or_else(|| Fault::new("CONTEXT_MISSING", ""))?;
    let active = contexts.activate(context)?;
    node(document, &active, None, true)
}

/// Checks one proof, under the contexts of the document (a proof of eddsa-jcs-2022 repeats them).
pub fn check_proof(
    proof: &Map<String, Value>,
    document_context: &Value,
    contexts: Contexts<'_>,
    pointer: &str,
) -> Result<(), Fault> {
    let base = contexts.activate(document_context)?;
    let active = base.of_types(proof).map_err(|fault| fault.under(pointer))?;
    for (name, value) in proof.iter().filter(|(name, _)| *name != "@context") {
        let checked = member(name, value, &active, &base);
        checked.map_err(|fault| fault.below(name).under(pointer))?;
    }
    Ok(())
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
/// reach below it. Pointers of faults are relative to the node.
fn node(
    members: &Map<String, Value>,
    outer: &Active,
    property_context: Option<&Source>,
    top: bool,
) -> Result<(), Fault> {
    let scoped = property_context.map(|context| outer.with(context, true)).transpose()?;
    let base = scoped.as_ref().unwrap_or(outer);
    let active = base.of_types(members)?;
    for (name, value) in members {
        if top && (name == "@context" || name == "proof") {
            continue;
        }
        member(name, value, &active, base).map_err(|fault| fault.below(name))?;
    }
    Ok(())
}

fn member(name: &str, value: &Value, active: &Active, base: &Active) -> Result<(), Fault> {
    if name == "@context" {
        return Err(Fault::new("CONTEXT_INLINE", ""));
    }
    match active.keyword(name) {
        // verdicts read these two by one name each
        Some("@id") if name == "id" => identifier(value),
        Some("@type") if name == "type" => type_names(value, base),
        Some(_) => Err(Fault::new("UNDEFINED_TERM", "")),
        None => property(name, value, active, base),
    }
}

fn property(name: &str, value: &Value, active: &Active, base: &Active) -> Result<(), Fault> {
    let undefined = || Err(Fault::new("UNDEFINED_TERM", ""));
    match active.term(name) {
        Some(term) if term.iri.is_some() && term.well_named => {
            values(value, active, base, term.values, term.scoped.as_deref())
        }
        Some(_) => undefined(),
        // an IRI, whole or short, would be a second name of a member
        None if !name.contains(':') && active.vocab().is_some() && has_its_name(name, active) => {
            values(value, active, base, Values::Plain, None)
        }
        None => undefined(),
    }
}

/// The same as [`is_well_named`] for a name that no context defines by itself.
fn has_its_name(name: &str, active: &Active) -> bool {
    active.expand(name).is_none_or(|iri| is_well_named(name, &iri))
}

/// Whether what verdicts read by name has that name, if `iri` is such; others have any.
pub(crate) fn is_well_named(name: &str, iri: &str) -> bool {
    let listed = READ_AS.iter().filter(|(of, _)| *of == iri).map(|(_, own)| *own);
    let ends = READ_BY_NAME.iter().filter_map(|space| iri.strip_prefix(*space));
    listed.chain(ends).all(|own| own == name)
}

fn values(
    value: &Value,
    active: &Active,
    base: &Active,
    kind: Values,
    scoped: Option<&Source>,
) -> Result<(), Fault> {
    match (kind, value) {
        (Values::Json, _) => Ok(()),
        (Values::Language, Value::Object(_)) => Ok(()),
        (_, Value::Array(items)) => items.iter().enumerate().try_for_each(|(i, item)| {
            values(item, active, base, kind, scoped).map_err(|fault| fault.below(&i.to_string()))
        }),
        (_, Value::Object(members)) => object(members, active, base, kind, scoped),
        (Values::Id, Value::String(_)) => identifier(value),
        (Values::Vocab, Value::String(text)) => match scoped {
            Some(context) => type_name(text, &active.with(context, true)?),
            None => type_name(text, active),
        },
        _ => Ok(()),
    }
}

/// A set or list that says so, a literal, or a node.
fn object(
    members: &Map<String, Value>,
    active: &Active,
    base: &Active,
    kind: Values,
    scoped: Option<&Source>,
) -> Result<(), Fault> {
    if members.len() == 1
        && let Some((name, inner)) = members.iter().next()
        && matches!(base.keyword(name), Some("@list" | "@set"))
    {
        // what it holds is read as it would be without it
        return values(inner, active, base, kind, scoped).map_err(|fault| fault.below(name));
    }
    if !members.keys().any(|name| base.keyword(name) == Some("@value")) {
        return node(members, base, scoped, false);
    }
    members.iter().try_for_each(|(name, part)| match base.keyword(name) {
        Some("@value" | "@language" | "@direction") => Ok(()),
        Some("@type") => type_names(part, base).map_err(|fault| fault.below(name)),
        _ => Err(Fault::new("UNDEFINED_TERM", "").below(name)),
    })
}

fn identifier(value: &Value) -> Result<(), Fault> {
    match value.as_str() {
        Some(text) if is_absolute_iri(text) => Ok(()),
        Some(_) => Err(Fault::new("RELATIVE_IRI", "")),
        None => Err(Fault::new("ID_INVALID", "")),
    }
}

fn type_names(value: &Value, base: &Active) -> Result<(), Fault> {
    for item in items(value) {
        type_name(item.as_str().ok_or_else(|| Fault::new("TYPE_MISSING", ""))?, base)?;
    }
    Ok(())
}

fn type_name(text: &str, active: &Active) -> Result<(), Fault> {
    let defined = match active.term(text) {
        Some(term) => term.iri.is_some() && term.well_named,
        None => (active.vocab().is_some() || is_absolute_iri(text)) && has_its_name(text, active),
    };
    if defined { Ok(()) } else { Err(Fault::new("UNDEFINED_TERM", "")) }
}

/// Whether a text is an absolute IRI: a scheme, a colon, something after it, and no character that
/// an IRI cannot hold.
pub fn is_absolute_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    let named = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    named && !rest.is_empty() && rest.chars().all(stands_in_iri)
}

fn stands_in_iri(c: char) -> bool {
    match c {
        '!'..='~' => !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'),
        _ => !c.is_control() && !c.is_whitespace(),
    }
}
