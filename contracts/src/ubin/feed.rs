//! The delta feed in terms of the rules (ubin-api.md §9): what an event changed, and the line that
//! stands for a number in a snapshot.
//!
//! Invariant: a line shows what the state holds under one number and the body of its version, and
//! nothing that moves with block time or stands elsewhere. So a line changes only by an event, and
//! snapshot plus lines of the events gives the next snapshot byte for byte.

use std::collections::BTreeMap;

use super::record::{Closure, Entry, Record};
use super::view;
use crate::access::scope;
use crate::json::Value;

/// Whether the feed may hold items of an act: one of the register, or a part of an import.
pub fn is_act(act: &str) -> bool {
    let of_register =
        scope::ACTS.iter().any(|(register, acts)| *register == "ubin" && acts.contains(&act));
    of_register || act == "import_part"
}

/// The line of a number in a snapshot. `body` is the body of the version, if it is kept.
pub fn line(ubin: &str, entry: &Entry, body: Option<&Value>) -> Value {
    match entry {
        Entry::Record(record) => record_line(ubin, record, body),
        Entry::Alias(alias) => Value::object([
            ("ubin", Value::from(ubin)),
            ("aliasOf", Value::from(alias.target.as_str())),
            ("entity", Value::from(alias.entity.as_str())),
            ("recordedAt", Value::from(alias.recorded_at)),
            ("txId", Value::from(alias.transaction.to_string())),
        ]),
    }
}

fn record_line(ubin: &str, record: &Record, body: Option<&Value>) -> Value {
    let aliases = record.aliases.iter().map(|alias| Value::from(alias.as_str())).collect();
    Value::object([
        ("ubin", Value::from(ubin)),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("bodyHash", Value::from(record.body_hash)),
        ("status", Value::from(record.shown_status().name())),
        ("live", Value::from(record.is_live())),
        ("aliases", Value::List(aliases)),
        ("successor", Value::from(record.successor())),
        (
            "record",
            Value::object([
                ("body", body.cloned().unwrap_or(Value::Null)),
                ("meta", view::meta(&record.meta)),
            ]),
        ),
    ])
}

/// Mark and closure of a record, as events move them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    seq: i64,
    mark: Value,
    closure: Value,
}

impl Default for Marks {
    fn default() -> Self {
        Self { seq: 0, mark: Value::Null, closure: Value::Null }
    }
}

impl Marks {
    /// Those of a record.
    pub fn of(record: &Record) -> Self {
        let meta = view::meta(&record.meta);
        let member = |name| meta.get(name).cloned().unwrap_or(Value::Null);
        let seq = i64::try_from(record.meta.seq).unwrap_or(i64::MAX);
        Self { seq, mark: member("mark"), closure: member("closure") }
    }
}

/// What follows the events of one height in order, so that each shows the values before it.
#[derive(Debug)]
pub struct Follower<F> {
    height: u64,
    known: BTreeMap<String, Marks>,
    before: F,
}

impl<F: Fn(&str) -> Marks> Follower<F> {
    /// For the events of `height`; `before` gives the marks of a number before it.
    pub const fn new(height: u64, before: F) -> Self {
        Self { height, known: BTreeMap::new(), before }
    }

    /// What an event changed: `{path, old, new}`, paths below the body, or `/meta/…`, `/aliases/-`.
    /// `bodies` are those of the version before and of its own version, if the event has one.
    pub fn changes(
        &mut self,
        act: &str,
        facts: &Value,
        bodies: Option<(Option<&Value>, &Value)>,
    ) -> Vec<Value> {
        let Some(ubin) = text(facts, "ubin") else { return Vec::new() };
        let mut changes = Vec::new();
        match bodies {
            Some((None, new)) => changes.push(change("", &Value::Null, new)),
            Some((Some(old), new)) => compare("", old, new, &mut changes),
            None => {}
        }
        let former = bodies.and_then(|(old, _)| text(old?, "ubin")).filter(|old| *old != ubin);
        let added = if act == "renumber" { former } else { text(facts, "alias") };
        if let Some(alias) = added {
            changes.push(change("/aliases/-", &Value::Null, &Value::from(alias)));
        }
        if let Some(former) = former {
            let marks = self.marks(former);
            self.known.insert(ubin.to_owned(), marks);
        }
        self.follow_meta(act, ubin, facts, &mut changes);
        changes
    }

    fn follow_meta(&mut self, act: &str, ubin: &str, facts: &Value, changes: &mut Vec<Value>) {
        let Some(seq) = facts.get("metaSeq").and_then(Value::as_int) else { return };
        let mark = mark_of(facts);
        let closure = self.closure_of(facts);
        if mark.is_none() && closure.is_none() && act != "correct" {
            return;
        }
        let mut marks = self.marks(ubin);
        if let Some(mark) = mark {
            changes.push(change("/meta/mark", &marks.mark, &mark));
            marks.mark = mark;
        } else if let Some(closure) = closure {
            changes.push(change("/meta/closure", &marks.closure, &closure));
            marks.closure = closure;
        } else if seq > marks.seq {
            // a correction that raises the sequence takes away what there is: never both
            for (path, value) in
                [("/meta/mark", &mut marks.mark), ("/meta/closure", &mut marks.closure)]
            {
                if *value != Value::Null {
                    changes.push(change(path, value, &Value::Null));
                    *value = Value::Null;
                }
            }
        }
        marks.seq = seq;
        self.known.insert(ubin.to_owned(), marks);
    }

    fn marks(&self, ubin: &str) -> Marks {
        self.known.get(ubin).cloned().unwrap_or_else(|| (self.before)(ubin))
    }

    /// The closure that an event without a body tells.
    fn closure_of(&self, facts: &Value) -> Option<Value> {
        let (successor, date) = (text(facts, "successor")?, text(facts, "date")?);
        Some(Value::object([
            ("status", facts.get("status").cloned().unwrap_or(Value::Null)),
            ("successor", Value::from(successor)),
            ("date", Value::from(date)),
            ("recordedAt", Value::from(self.height)),
        ]))
    }
}

/// The facts of a closure in the event of the act that made it.
pub(super) fn closure_facts(closure: &Closure) -> [(&'static str, Value); 2] {
    [
        ("successor", Value::from(closure.successor.as_str())),
        ("date", Value::from(closure.date.as_str())),
    ]
}

/// The mark that an event tells.
fn mark_of(facts: &Value) -> Option<Value> {
    let state = facts.get("mark")?.clone();
    let mut members = vec![("state", state), ("reason", facts.get("reason")?.clone())];
    if let Some(canonical) = text(facts, "canonical") {
        members.push(("canonical", Value::from(canonical)));
    }
    Some(Value::object(members))
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_text)
}

fn change(path: &str, old: &Value, new: &Value) -> Value {
    Value::object([("path", Value::from(path)), ("old", old.clone()), ("new", new.clone())])
}

/// The members that differ, objects by their members, lists as a whole. Version and `prev` differ
/// in each version and are left out. Names of members need no escaping in a pointer.
fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<Value>) {
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        if old != new {
            changes.push(change(path, old, new));
        }
        return;
    };
    let added = after.iter().filter(|(name, _)| old.get(name).is_none());
    for (name, _) in before.iter().chain(added) {
        if path.is_empty() && matches!(name.as_str(), "version" | "prev") {
            continue;
        }
        let member = |value: &Value| value.get(name).cloned().unwrap_or(Value::Null);
        compare(&format!("{path}/{name}"), &member(old), &member(new), changes);
    }
}
