//! Singularity of a number (etr-api.md §1, kind `etr-singularity`): the one root record that it leads
//! to and, for parties, what came of that record, so that a verifier sees which one is in force.
//!
//! Invariant I1: a record that others came of is dead. So the descendants of a root are found by the
//! children that dead records name in their party parts. Who asks sees those parts only of records
//! that it is a party to; where a part stays closed, the claim says that the lineage is not complete.

use super::claim::{entity_of, parts_of};
use super::keys;
use super::record::{End, Record, Status, texts_of};
use crate::claim::{Walk, differs, missing, stated_text, texts};
use crate::digest::Digest;
use crate::json::Value;
use crate::limits;
use crate::proof::VerifyError;

/// The one root record of a number, with its public part: its index entry leads to no other. Stated
/// with `whole`, a list of ids, it goes on to the lineage (see [`lineage`]).
pub(super) fn claim(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let (issuer, series) = (stated_text(stated, "issuer")?, stated_text(stated, "series")?);
    let reference = stated_text(stated, "ref")?;
    let entity = entity_of(issuer, walk)?;
    let id: String = walk
        .read(&keys::index(series, &entity, reference))?
        .ok_or_else(|| differs("no record has this number"))?;
    let stored = walk.stored(&keys::record(&id))?.ok_or_else(|| differs("no such record"))?;
    let (public, party_hash) = parts_of(&stored)?;
    let mut members = vec![
        ("issuer", Value::from(issuer)),
        ("series", Value::from(series)),
        ("ref", Value::from(reference)),
        ("id", Value::from(id.as_str())),
        ("public", public),
        ("partyHash", Value::from(party_hash)),
    ];
    if stated.get("whole").is_some() {
        members.extend(lineage(stated, &id, walk)?);
    }
    Ok(Value::object(members))
}

/// Whether a claim with this question shows the whole of the record under `key`; `None` if the
/// question does not choose among records.
pub fn shows_whole(stated: &Value, key: &[u8]) -> Option<bool> {
    let ids = stated.get("whole").and_then(Value::as_list)?;
    Some(ids.iter().filter_map(Value::as_text).any(|id| keys::record(id) == key))
}

/// One record of a lineage.
struct Node {
    id: String,
    public: Value,
    party_hash: Digest,
    /// The record, if the whole of it is shown.
    record: Option<Record>,
}

impl Node {
    fn read(id: &str, whole: &[&str], walk: &mut Walk<'_>) -> Result<Self, VerifyError> {
        let stored = walk.stored(&keys::record(id))?.ok_or_else(|| differs("no such record"))?;
        let (public, party_hash) = parts_of(&stored)?;
        let record = if whole.contains(&id) {
            let (public, party) = texts_of(&stored.content)
                .ok_or_else(|| differs("the whole of a record is expected"))?;
            let record = Record::from_texts(public, party);
            Some(record.ok_or_else(|| differs("a record does not decode"))?)
        } else {
            None
        };
        Ok(Self { id: id.to_owned(), public, party_hash, record })
    }

    fn is(&self, member: &str, word: &str) -> bool {
        self.public.get(member).and_then(Value::as_text) == Some(word)
    }

    fn is_live(&self) -> bool {
        !self.is("status", Status::Dead.text())
    }

    /// Whether other records may have come of it.
    fn may_have_children(&self) -> bool {
        [End::Split, End::Merged, End::Paper].iter().any(|end| self.is("end", end.text()))
    }

    fn children(&self) -> &[String] {
        self.record.as_ref().map_or(&[], |record| &record.party.into)
    }

    fn parents(&self) -> &[String] {
        self.record.as_ref().map_or(&[], |record| &record.party.from)
    }

    fn to_value(&self) -> Value {
        let mut members = vec![
            ("id", Value::from(self.id.as_str())),
            ("public", self.public.clone()),
            ("partyHash", Value::from(self.party_hash)),
        ];
        if let Some(record) = &self.record {
            members.push(("from", texts(&record.party.from)));
            members.push(("into", texts(&record.party.into)));
        }
        Value::object(members)
    }
}

/// Members of a claim with lineage. `whole` names the records whose party part is shown, `of` (if
/// stated, one of them) the record whose ancestors are shown too. `descendants` are root and what
/// came of it, in the order in which they are reached; `inForce` those that are not dead;
/// `complete` says that no further record can have come of the root; `ancestors` begins with `of`,
/// and `ancestorsComplete` is there, false, if they are more than a claim shows.
fn lineage(
    stated: &Value,
    root: &str,
    walk: &mut Walk<'_>,
) -> Result<Vec<(&'static str, Value)>, VerifyError> {
    let items = stated.get("whole").and_then(Value::as_list).ok_or_else(|| missing("whole"))?;
    let whole: Vec<&str> = items.iter().filter_map(Value::as_text).collect();
    if whole.len() != items.len() || whole.len() > limits::ETR_LINEAGE_MAX {
        return Err(missing("whole"));
    }
    let (down, all) = reach(root, &whole, walk, Node::children)?;
    let live = down.iter().filter(|node| node.is_live()).map(|node| Value::from(node.id.as_str()));
    let in_force = Value::List(live.collect());
    let closed = |node: &Node| node.record.is_none() && node.may_have_children();
    let mut members = vec![
        ("whole", Value::List(items.to_vec())),
        ("descendants", Value::List(down.iter().map(Node::to_value).collect())),
        ("inForce", in_force),
        ("complete", Value::from(all && !down.iter().any(closed))),
    ];
    let mut shown = down;
    if let Some(of) = stated.get("of") {
        let of = of.as_text().ok_or_else(|| missing("of"))?;
        let (up, all) = reach(of, &whole, walk, Node::parents)?;
        let own = up.first().and_then(|node| node.record.as_ref());
        if own.is_none_or(|record| record.party.root != root) {
            return Err(differs("the record does not descend from the root of this number"));
        }
        members.push(("of", Value::from(of)));
        members.push(("ancestors", Value::List(up.iter().map(Node::to_value).collect())));
        if !all {
            members.push(("ancestorsComplete", Value::Bool(false)));
        }
        shown.extend(up);
    }
    if whole.iter().all(|id| shown.iter().any(|node| node.id == *id)) {
        Ok(members)
    } else {
        Err(differs("a record that is shown whole is not of this lineage"))
    }
}

/// The records that are reached from `id` by `next`, itself first, each once; and whether they are all.
/// From a record whose next ones would be more than a claim shows, it goes no further.
fn reach(
    id: &str,
    whole: &[&str],
    walk: &mut Walk<'_>,
    next: fn(&Node) -> &[String],
) -> Result<(Vec<Node>, bool), VerifyError> {
    let mut nodes = vec![Node::read(id, whole, walk)?];
    let (mut at, mut all) = (0, true);
    while let Some(node) = nodes.get(at) {
        let known = |id: &String| nodes.iter().any(|node| node.id == *id);
        let ids: Vec<String> = next(node).iter().filter(|id| !known(id)).cloned().collect();
        at += 1;
        if nodes.len().saturating_add(ids.len()) > limits::ETR_LINEAGE_MAX {
            all = false;
            continue;
        }
        for id in ids {
            nodes.push(Node::read(&id, whole, walk)?);
        }
    }
    Ok((nodes, all))
}

/// The ids that a claim about the lineage of `root` and the ancestors of `of` may show whole: those
/// that `sees` admits, as far as one claim may go.
pub fn whole_of(
    state: &crate::state::Overlay<'_>,
    root: &str,
    of: &str,
    sees: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    type Next = fn(Record) -> Vec<String>;
    let ways: [(&str, Next); 2] =
        [(root, |record| record.party.into), (of, |record| record.party.from)];
    for (start, next) in ways {
        let mut reached = vec![start.to_owned()];
        let mut at = 0;
        while let Some(id) = reached.get(at).cloned() {
            at += 1;
            if !sees(&id) {
                continue;
            }
            let Some(record) = Record::load(state, &id) else { continue };
            let more: Vec<String> =
                next(record).into_iter().filter(|id| !reached.contains(id)).collect();
            // from a record whose next ones do not all fit a claim goes no further, and says so
            if reached.len().saturating_add(more.len()) > limits::ETR_LINEAGE_MAX
                || whole.len() >= limits::ETR_LINEAGE_MAX
            {
                continue;
            }
            reached.extend(more);
            if !whole.contains(&id) {
                whole.push(id);
            }
        }
    }
    whole
}
