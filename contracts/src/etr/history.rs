//! The ops of a record as they were carried out: which they are, and a proof of all of them
//! (etr-api.md §1, kind `etr-history`).
//!
//! Invariant: the head in a record's state is a function of its ops in order, so ops that lead to the
//! proven head are all there are, in that order; and that their times lead to the proven clock of the
//! record, so they are the block times. The proof shows each op with its signatures and the keys they
//! verify under; that the right parties signed was asked by the kernel, which made the head.

use std::collections::BTreeMap;

use super::act::Act;
use super::content::{self, Leaf};
use super::endorsement::Endorsement;
use super::keys;
use super::record::{Record, texts_of};
use super::request::Request;
use super::signers::Signers;
use super::staging::{self, Staged};
use super::view::endorsement_value;
use super::{clock, fields, profile};
use crate::claim::{Walk, differs, missing, stated_text};
use crate::context::Event;
use crate::digest::Digest;
use crate::json::{self, Value};
use crate::op::Op;
use crate::proof::VerifyError;
use crate::state::Overlay;
use crate::transaction::{Payload, Transaction};

/// An op that was carried out, and the places (record, seq after it) that it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The op with all its signatures.
    pub op: Op,
    /// Records and their seq after it: its own, those it made, and those it merged.
    pub places: Vec<(String, u64)>,
}

/// The ops on records that a transaction carried out: `events` are those of its receipt, `state` is
/// state after its block.
pub fn executed(tx: &Transaction, events: &[Event], state: &Overlay<'_>) -> Vec<Executed> {
    let ops = match &tx.payload {
        Payload::Op(op) | Payload::Stage { op, .. } => vec![op.as_ref().clone()],
        Payload::Bundle(ops) | Payload::StageBundle { ops, .. } => ops.clone(),
        Payload::Cosign { id, digest, .. } => match staging::staged(state, id, *digest) {
            Some((Staged { bundle: Some(bundle), .. }, _)) => {
                staging::members(state, bundle).into_iter().map(|(_, op)| op).collect()
            }
            Some((_, op)) => vec![op],
            None => Vec::new(),
        },
        _ => Vec::new(),
    };
    let moved: Vec<Moved<'_>> = events.iter().filter_map(Moved::read).collect();
    ops.into_iter()
        .filter(|op| profile::is_record_act(&op.act))
        .filter_map(|op| {
            let places = places_of(&op, &moved);
            (!places.is_empty()).then_some(Executed { op, places })
        })
        .collect()
}

/// What an event says of where a record came to.
struct Moved<'a> {
    act: &'a str,
    id: &'a str,
    seq: u64,
    head: Digest,
}

impl<'a> Moved<'a> {
    fn read(event: &'a Event) -> Option<Self> {
        let act = event.name.strip_prefix("etr.")?;
        let data = json::parse(event.data.as_bytes()).ok()?;
        let seq = data.get("seq").and_then(Value::as_int)?;
        let head = data.get("head").and_then(Value::as_text).and_then(Digest::parse)?;
        Some(Self { act, id: &event.subject, seq: u64::try_from(seq).ok()?, head })
    }
}

/// Where an op led to: its own record, those it made, those it merged. Their heads tell, for each is
/// made of the op's digest and of a head that the op names; that of a record it made, of its own.
fn places_of(op: &Op, moved: &[Moved<'_>]) -> Vec<(String, u64)> {
    let Ok(request) = Request::read(op) else { return Vec::new() };
    let mut heads = vec![content::next_head(request.head, op.digest)];
    if let Act::Merge(merge) = &request.act {
        let others = merge.with.iter().map(|(_, _, head)| content::next_head(*head, op.digest));
        heads.extend(others);
    }
    moved
        .iter()
        .filter(|moved| moved.act == op.act && heads.contains(&moved.head))
        .map(|moved| (moved.id.to_owned(), moved.seq))
        .collect()
}

/// Where a record stands while its ops are followed.
struct Chain {
    seq: u64,
    head: Digest,
    /// The content root where the ops say it; children take over that of a parent.
    root: Option<Digest>,
    redlines: Vec<Value>,
}

/// `etr-history`: states `id` and `ops`, from the one that opened the record to the last; and `times`,
/// when each was carried out, but for the older form of this kind.
pub(super) fn claim(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let id = stated_text(stated, "id")?;
    let stored = walk.stored(&keys::record(id))?.ok_or_else(|| differs("no such record"))?;
    let (public, party) = texts_of(&stored.content)
        .ok_or_else(|| VerifyError::Malformed("a history shows the whole record".to_owned()))?;
    let record =
        Record::from_texts(public, party).ok_or_else(|| differs("the record does not decode"))?;
    let genesis: Digest =
        walk.read(&keys::genesis_hash())?.ok_or_else(|| differs("no genesis hash"))?;
    let items = stated.get("ops").and_then(Value::as_list).ok_or_else(|| missing("ops"))?;
    if items.is_empty() || items.len() as u64 != record.public.seq {
        return Err(differs("not as many ops as the record had"));
    }
    let times = clock::claim(stated, id, record.public.seq, walk)?;
    let mut signers = Signers::default();
    let mut chain = None;
    for item in items {
        let op = Op::from_value(item.clone())?;
        let request = Request::read(&op)?;
        let next = follow(chain, id, &op, &request, genesis)?;
        chain = Some(next);
        for signature in &op.signatures {
            signers.check(walk, &op.digest, signature)?;
        }
    }
    let chain = chain.ok_or_else(|| missing("ops"))?;
    if chain.seq != record.public.seq || chain.head != record.public.head {
        return Err(differs("the ops do not lead to the head of the record"));
    }
    if chain.root.is_some_and(|root| root != record.public.content_root) {
        return Err(differs("the ops do not lead to the content root of the record"));
    }
    let mut endorsements = Vec::new();
    for n in 1..=record.party.endorsements {
        let entry: Endorsement =
            walk.read(&keys::endorsement(id, n))?.ok_or_else(|| differs("an endorsement"))?;
        endorsements.push(endorsement_value(&entry));
    }
    let mut members = vec![
        ("id", Value::from(id)),
        ("public", record.public.to_value()),
        ("party", record.party.to_value()),
        ("ops", Value::List(items.to_vec())),
        ("signers", signers.to_value()),
        ("endorsements", Value::List(endorsements)),
        ("redlines", Value::List(chain.redlines)),
    ];
    members.extend(times.map(|times| ("times", times)));
    Ok(Value::object(members))
}

/// One op further. The first one opens the record: an issue, or the op that made it of others.
fn follow(
    chain: Option<Chain>,
    id: &str,
    op: &Op,
    request: &Request,
    genesis: Digest,
) -> Result<Chain, VerifyError> {
    let before = match chain {
        Some(chain) => {
            let of_merge = match &request.act {
                Act::Merge(merge) => merge.with.iter().find(|(other, _, _)| other == id),
                _ => None,
            };
            let place =
                of_merge.map_or((request.seq, request.head), |(_, seq, head)| (*seq, *head));
            if (of_merge.is_none() && request.id != id) || place != (chain.seq, chain.head) {
                return Err(differs("an op does not follow the one before"));
            }
            chain
        }
        None => {
            // a record under an id of this op stands in the proven state, so the op made it
            let made = || content::is_child_of(op.digest, id);
            let opens = match &request.act {
                Act::Issue(_) => {
                    request.seq == 0 && request.head == genesis && (request.id == id || made())
                }
                _ => made(),
            };
            if !opens {
                return Err(differs("the first op does not open this record"));
            }
            Chain { seq: 0, head: request.head, root: None, redlines: Vec::new() }
        }
    };
    let (root, redline) = changed(before.root, op, request)?;
    let mut redlines = before.redlines;
    redlines.extend(redline);
    let head = content::next_head(before.head, op.digest);
    Ok(Chain { seq: before.seq.saturating_add(1), head, root, redlines })
}

/// The content root after an op, and what it changed (MLETR art. 16).
fn changed(
    root: Option<Digest>,
    op: &Op,
    request: &Request,
) -> Result<(Option<Digest>, Option<Value>), VerifyError> {
    let (leaves, changes) = match &request.act {
        Act::Issue(issue) => return Ok((Some(fields::root(&issue.leaves)), None)),
        Act::Merge(merge) => {
            let root = merge.content.as_ref().map(|(leaves, _)| fields::root(leaves)).or(root);
            return Ok((root, None));
        }
        Act::Amend(amend) => (&amend.leaves, &amend.changes),
        Act::CourtAmend(amend) => (&amend.leaves, &amend.changes),
        _ => return Ok((root, None)),
    };
    let old = fields::root(leaves);
    if root.is_some_and(|root| root != old) {
        return Err(differs("an amendment begins with another content"));
    }
    let mut after: BTreeMap<&str, Digest> =
        leaves.iter().map(|leaf| (leaf.name.as_str(), leaf.hash)).collect();
    let mut lines = Vec::new();
    for (name, hash) in changes {
        let before = after.get(name.as_str()).copied();
        match hash {
            Some(hash) => after.insert(name, *hash),
            None => after.remove(name.as_str()),
        };
        lines.push(Value::object([
            ("field", Value::from(name.as_str())),
            ("old", Value::from(before)),
            ("new", Value::from(*hash)),
        ]));
    }
    let after: Vec<Leaf> =
        after.into_iter().map(|(name, hash)| Leaf { name: name.to_owned(), hash }).collect();
    let new = fields::root(&after);
    let text = |name: &str| op.args().get(name).cloned().unwrap_or(Value::Null);
    let redline = Value::object([
        ("seq", Value::from(request.seq.saturating_add(1))),
        ("oldRoot", Value::from(old)),
        ("newRoot", Value::from(new)),
        ("changes", Value::List(lines)),
        ("reason", text("reason")),
        ("text", text("text")),
    ]);
    Ok((Some(new), Some(redline)))
}
