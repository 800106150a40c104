//! Changes to a JSON document from the command line: `--set /sizeClass=SMALL`, `--unset /endedOn`.
//!
//! A value is text, unless the member it replaces is a number or a flag, or it is written as JSON
//! (an object, a list, a quoted text). Missing objects on the way are made; `-` appends to a list.

use titian_contracts::json::{self, Value};

use crate::error::{CommandError, Result};

/// Members that are set or removed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct EditArgs {
    /// Set a member, for example /sizeClass=SMALL or /otherNames/-='{"type":"TRADING",…}'; repeat it
    #[arg(long, value_name = "POINTER=VALUE", help_heading = "Body")]
    set: Vec<String>,
    /// Remove a member, for example /endedOn; repeat it
    #[arg(long, value_name = "POINTER", help_heading = "Body")]
    unset: Vec<String>,
}

impl EditArgs {
    /// Whether nothing is changed.
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty()
    }

    /// The document with the changes.
    pub(super) fn apply(&self, document: Value) -> Result<Value> {
        let removed = self.unset.iter().try_fold(document, |document, pointer| {
            change(&document, &segments(pointer)?, None)
                .ok_or_else(|| CommandError::usage(format!("there is no {pointer} to remove")))
        })?;
        self.set.iter().try_fold(removed, |document, text| {
            let (pointer, value) = text.split_once('=').ok_or_else(|| {
                CommandError::usage("--set takes POINTER=VALUE").hint("--set /sizeClass=SMALL")
            })?;
            change(&document, &segments(pointer)?, Some(value))
                .ok_or_else(|| CommandError::usage(format!("{pointer} leads nowhere")))
        })
    }
}

/// The parts of a JSON pointer (RFC 6901).
fn segments(pointer: &str) -> Result<Vec<String>> {
    let rest = pointer.strip_prefix('/').filter(|rest| !rest.is_empty()).ok_or_else(|| {
        CommandError::usage(format!("{pointer} is no pointer")).hint("it starts with /: /sizeClass")
    })?;
    Ok(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
}

/// `document` with one member set, or removed if there is no text; `None` if the way leads nowhere.
fn change(document: &Value, way: &[String], text: Option<&str>) -> Option<Value> {
    let (name, rest) = way.split_first()?;
    match document {
        Value::List(items) => {
            let at = if name == "-" { items.len() } else { name.parse().ok()? };
            let old = items.get(at);
            let new = child(old, rest, text)?;
            let mut items = items.clone();
            match (new, old) {
                (Some(new), Some(_)) => *items.get_mut(at)? = new,
                (Some(new), None) if at == items.len() => items.push(new),
                (None, Some(_)) => drop(items.remove(at)),
                _ => return None,
            }
            Some(Value::List(items))
        }
        Value::Object(_) => Some(match child(document.get(name), rest, text)? {
            Some(new) => document.with(name, new),
            None => document.without(name),
        }),
        _ => None,
    }
}

/// What stands in place of `old`; `None` within means that it goes.
fn child(old: Option<&Value>, rest: &[String], text: Option<&str>) -> Option<Option<Value>> {
    match (rest.is_empty(), text) {
        (true, Some(text)) => value_of(old, text).map(Some),
        (true, None) => old.map(|_| None),
        (false, _) => {
            let list = Value::List(Vec::new());
            let object = Value::object(Vec::<(String, Value)>::new());
            let empty = if rest.first().is_some_and(|part| part == "-") { list } else { object };
            let from = match (old, text) {
                (Some(old), _) => old,
                (None, Some(_)) => &empty,
                (None, None) => return None,
            };
            change(from, rest, text).map(Some)
        }
    }
}

fn value_of(old: Option<&Value>, text: &str) -> Option<Value> {
    let is_typed = matches!(old, Some(Value::Int(_) | Value::Bool(_)));
    let is_json = text.starts_with(['{', '[', '"']) || matches!(text, "true" | "false" | "null");
    if is_typed || is_json { json::parse(text.as_bytes()).ok() } else { Some(Value::from(text)) }
}

#[cfg(test)]
mod tests {
    use super::EditArgs;
    use titian_contracts::json;

    fn edited(document: &str, set: &[&str], unset: &[&str]) -> Option<String> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let edit = EditArgs { set: texts(set), unset: texts(unset) };
        let document = json::parse(document.as_bytes()).expect("JSON");
        edit.apply(document).ok().map(|value| value.to_jcs())
    }

    #[test]
    fn members_are_set_and_removed_by_pointer() {
        let body = r#"{"a":{"b":"x"},"list":["p","q"],"n":7}"#;
        let cases: &[(&[&str], &[&str], &str)] = &[
            (&["/a/b=y"], &[], r#"{"a":{"b":"y"},"list":["p","q"],"n":7}"#),
            (&["/n=8", "/a/c=12"], &[], r#"{"a":{"b":"x","c":"12"},"list":["p","q"],"n":8}"#),
            (&["/list/-=r"], &["/a"], r#"{"list":["p","q","r"],"n":7}"#),
            (&["/list/0={\"k\":1}"], &["/n"], r#"{"a":{"b":"x"},"list":[{"k":1},"q"]}"#),
            (
                &["/new/deep=1=2"],
                &["/list/1"],
                r#"{"a":{"b":"x"},"list":["p"],"n":7,"new":{"deep":"1=2"}}"#,
            ),
            (&["/names/-=z"], &[], r#"{"a":{"b":"x"},"list":["p","q"],"n":7,"names":["z"]}"#),
        ];
        for (set, unset, due) in cases {
            assert_eq!(edited(body, set, unset).as_deref(), Some(*due), "{set:?} {unset:?}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let body = r#"{"a":"x","list":["p"],"n":7}"#;
        for set in ["a=1", "/", "", "/a/b=1", "/list/5=x", "/list/x=1", "/n=many", "/a"] {
            assert_eq!(edited(body, &[set], &[]), None, "{set}");
        }
        for unset in ["/b", "/list/1", "/a/b", "a", "/b/c"] {
            assert_eq!(edited(body, &[], &[unset]), None, "{unset}");
        }
    }
}
