//! Makes unsigned ops and content leaves, for clients.
//!
//! It deliberately does not choose anything: seq, head, blind and salts are given; randomness is
//! the caller's.

use super::content::{self, Leaf};
use crate::digest::Digest;
use crate::json::Value;

/// What an op says besides act and arguments.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The chain id.
    pub chain: &'a str,
    /// The record.
    pub id: &'a str,
    /// Its seq; 0 at issue.
    pub seq: u64,
    /// Its head; the genesis hash at issue.
    pub head: Digest,
    /// The rulebook.
    pub rulebook: Digest,
    /// UN/LOCODE of the actor.
    pub place: &'a str,
    /// The warnings acknowledged, sorted.
    pub ack: &'a [String],
    /// 16 random bytes in hex.
    pub blind: &'a str,
}

/// An op on a record without signatures.
pub fn op(frame: &Frame<'_>, act: &str, args: Value) -> Value {
    let ack = frame.ack.iter().map(|text| Value::from(text.as_str())).collect::<Vec<_>>();
    Value::object([
        ("chain", Value::from(frame.chain)),
        ("register", Value::from("etr")),
        ("id", Value::from(frame.id)),
        ("seq", Value::from(frame.seq)),
        ("head", Value::from(frame.head)),
        ("act", Value::from(act)),
        ("args", args),
        ("rulebook", Value::from(frame.rulebook)),
        ("place", Value::from(frame.place)),
        ("ack", Value::List(ack)),
        ("bundle", Value::Null),
        ("blind", Value::from(frame.blind)),
        ("sigs", Value::List(Vec::new())),
    ])
}

/// A field of the content with its salt: name, salt (16 bytes in hex), canonical text of the value.
///
/// The text may hold fractions; nothing of it but the hash enters the ledger, unless it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The name of the top-level member.
    pub name: &'a str,
    /// 16 unpredictable bytes in lower-case hex, never used for another value.
    pub salt: &'a str,
    /// RFC 8785 text of the value.
    pub value_jcs: &'a str,
}

/// The leaves of a content, sorted by name, for `leaves` of `issue`.
pub fn leaves(fields: &[Field<'_>], version: u64) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = fields
        .iter()
        .map(|field| Leaf {
            name: field.name.to_owned(),
            hash: content::field_leaf(field.name, version, field.salt, field.value_jcs),
        })
        .collect();
    leaves.sort_by(|a, b| a.name.cmp(&b.name));
    leaves
}

/// The `leaves` argument.
pub fn leaves_value(leaves: &[Leaf]) -> Value {
    let leaf = |leaf: &Leaf| {
        Value::object([("name", Value::from(leaf.name.as_str())), ("hash", Value::from(leaf.hash))])
    };
    Value::List(leaves.iter().map(leaf).collect())
}

/// The root over leaves.
pub fn root(leaves: &[Leaf]) -> Digest {
    content::content_root(&leaves.iter().map(|leaf| leaf.hash).collect::<Vec<_>>())
}
