//! `vc-status` and `vc-accreditation`: one entry of a status list, now or at an earlier height; an
//! accreditation with every link up to the root.

use super::bits::{self, Chunk, Delta};
use super::chain::LINKS_MAX;
use super::{
    Accreditation, NumberedId, StatusList, accreditation_key, chunk_key, delta_key, list_key,
};
use crate::access::Party;
use crate::claim::{Walk, differs, missing, stated_text, stated_uint, texts};
use crate::json::Value;
use crate::proof::VerifyError;

/// `vc-status` states `list` and `index`, and `at` if it asks for the end of an earlier height;
/// `vc-accreditation` states `id`.
pub fn claim(kind: &str, stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    if kind == "vc-status" { status(stated, walk) } else { accreditation(stated, walk) }
}

fn status(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let text = stated_text(stated, "list")?;
    let index = stated_uint(stated, "index")?;
    let id = NumberedId::parse(text, "status").ok_or_else(|| missing("list"))?;
    let Some(list) = walk.read::<StatusList>(&list_key(&id.owner, id.number))? else {
        return Ok(Value::object([
            ("list", Value::from(text)),
            ("index", Value::from(index)),
            ("found", Value::from(false)),
        ]));
    };
    if index >= list.entries || !matches!(list.status_size, 1 | 2 | 4 | 8) {
        return Err(differs("the index is outside the list"));
    }
    let (c, offset) = bits::place(index, list.status_size);
    let chunk: Option<Chunk> = walk.read(&chunk_key(&id.owner, id.number, c))?;
    let chunk = chunk.unwrap_or_else(Chunk::zero);
    let value = bits::value_at(&chunk.bytes, offset, list.status_size);
    let mut members = vec![
        ("list", Value::from(text)),
        ("index", Value::from(index)),
        ("found", Value::from(true)),
        ("profile", Value::from(list.profile.name())),
        ("statusSize", Value::from(list.status_size)),
        ("value", Value::from(u64::from(value))),
        ("version", Value::from(list.version)),
        ("lastHeight", Value::from(chunk.last_height)),
        ("retired", Value::from(list.retired)),
    ];
    if stated.get("at").is_some() {
        let at = stated_uint(stated, "at")?;
        if at < list.created_height {
            return Err(differs("the list is younger"));
        }
        members.extend(earlier(walk, (&id.owner, id.number, c), offset, (value, &chunk), at)?);
    }
    Ok(Value::object(members))
}

/// The value at the end of height `at`, by the deltas of the chunk since: they form a hash chain
/// that begins at the proven chunk, and each of them is proven as well. Ends at the change that
/// set the value, or before the first one.
fn earlier(
    walk: &mut Walk<'_>,
    (owner, n, c): (&str, u64, u64),
    offset: u64,
    (mut value, chunk): (u8, &Chunk),
    at: u64,
) -> Result<[(&'static str, Value); 4], VerifyError> {
    let (mut height, mut expected) = (chunk.last_height, chunk.last_delta);
    let mut set = None;
    while height > 0 && set.is_none() {
        let delta: Delta = walk
            .read(&delta_key(owner, n, c, height))?
            .ok_or_else(|| differs("a delta is missing"))?;
        if delta.digest() != expected || delta.height != height || delta.prev_height >= height {
            return Err(differs("the deltas form no chain"));
        }
        let mut mine = delta.changes.iter().filter(|change| u64::from(change.offset) == offset);
        if height > at {
            if let Some(first) = mine.next() {
                value = first.old;
            }
        } else if let Some(last) = mine.next_back() {
            set = Some((height, last.reason));
        }
        (height, expected) = (delta.prev_height, delta.prev);
    }
    Ok([
        ("at", Value::from(at)),
        ("valueAt", Value::from(u64::from(value))),
        ("since", Value::from(set.map(|(height, _)| height))),
        ("reason", Value::from(set.map_or(0, |(_, reason)| u64::from(reason)))),
    ])
}

fn accreditation(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let asked = stated_text(stated, "id")?;
    let mut next = asked.to_owned();
    let mut links = Vec::new();
    while !matches!(Party::parse(&next), Some(Party::Root(_))) {
        let id = NumberedId::parse(&next, "acc").ok_or_else(|| missing("id"))?;
        match walk.read::<Accreditation>(&accreditation_key(&id.owner, id.number))? {
            Some(link) if links.len() < LINKS_MAX => {
                links.push(link_value(&next, &link));
                next = link.parent;
            }
            Some(_) => return Err(differs("the chain is too long")),
            None if links.is_empty() => {
                return Ok(Value::object([
                    ("id", Value::from(asked)),
                    ("found", Value::from(false)),
                ]));
            }
            None => return Err(differs("the chain is broken")),
        }
    }
    Ok(Value::object([
        ("id", Value::from(asked)),
        ("found", Value::from(true)),
        ("root", Value::from(next)),
        ("chain", Value::List(links)),
    ]))
}

fn link_value(id: &str, link: &Accreditation) -> Value {
    let rights = link.rights.iter().map(|right| Value::from(right.name()));
    let suspensions = link
        .suspensions
        .iter()
        .map(|(from, until)| Value::List(vec![Value::from(*from), Value::from(*until)]));
    Value::object([
        ("id", Value::from(id)),
        ("parent", Value::from(link.parent.as_str())),
        ("grantor", Value::from(link.grantor.as_str())),
        ("grantee", Value::from(link.grantee.as_str())),
        ("rights", Value::List(rights.collect())),
        ("issuerClass", Value::from(link.issuer_class.as_str())),
        ("types", texts(&link.types)),
        ("jurisdictions", texts(&link.jurisdictions)),
        ("depth", Value::from(link.depth)),
        ("fromMs", Value::from(link.from_ms)),
        ("untilMs", Value::from(link.until_ms)),
        ("status", Value::from(link.status.name())),
        ("reason", Value::from(link.reason.as_str())),
        ("effectiveMs", Value::from(link.effective_ms)),
        ("suspensions", Value::List(suspensions.collect())),
        ("version", Value::from(link.version)),
    ])
}
