//! Identity, content commitment and head chain of a record (etr.md §3.1, §3.3, §4).
//!
//! The content itself stays with the parties. Its values may hold fractions, so the leaf of a field
//! is computed from the value's canonical text, which the caller makes.

use std::sync::LazyLock;

use data_encoding::BASE32_NOPAD;

use crate::digest::{Digest, Tag, hash};
use crate::json::Value;
use crate::limits;
use crate::merkle;

// what every act hashes
static HEAD: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian etr head v1"));
static PUBLIC: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian etr public v1"));
static PARTY: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian etr party v1"));
static LEAF: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian etr leaf v1"));

/// One field of the content as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The name of the top-level member.
    pub name: String,
    /// Its hash, see [`field_leaf`].
    pub hash: Digest,
}

/// The id of a root record.
pub fn record_id(chain: &str, series: &str, issuer_entity: &str, reference: &str) -> String {
    let list = [chain, series, issuer_entity, reference].map(Value::from).to_vec();
    id_text(hash("titian etr id v1", &[Value::List(list).to_jcs().as_bytes()]))
}

/// The id of record `index` that an op makes: by split, merge, return from paper, or enforcement of
/// a pledge on a part.
pub fn child_id(op: Digest, index: u64) -> String {
    let list = Value::List(vec![Value::from(op), Value::from(index)]);
    id_text(hash("titian etr child v1", &[list.to_jcs().as_bytes()]))
}

/// Whether a text is the id of one of the records that an op may make.
pub fn is_child_of(op: Digest, id: &str) -> bool {
    (0..limits::ETR_PARTS_MAX as u64).any(|index| child_id(op, index) == id)
}

fn id_text(digest: Digest) -> String {
    format!("etr_{}", BASE32_NOPAD.encode(&digest.0).to_ascii_lowercase())
}

/// Whether a text has the form of a record id: `etr_` and 32 bytes in lower-case base32.
pub fn is_record_id(text: &str) -> bool {
    text.strip_prefix("etr_").is_some_and(|rest| {
        let lower = rest.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b));
        // the canonical form only: 52 characters carry 260 bits, the last four must be zero
        lower && rest.len() == 52 && rest.ends_with(['a', 'q'])
    })
}

/// The leaf of one field: over JCS([name, version, salt, value]); `value_jcs` is the canonical text
/// of the value, `salt` its 16 bytes in lower-case hex.
pub fn field_leaf(name: &str, version: u64, salt: &str, value_jcs: &str) -> Digest {
    let (name, salt) = (Value::from(name).to_jcs(), Value::from(salt).to_jcs());
    let text = format!("[{name},{version},{salt},{value_jcs}]");
    hash("titian etr field v1", &[text.as_bytes()])
}

/// The content root over the leaf hashes, in the order of their names.
pub fn content_root(leaves: &[Digest]) -> Digest {
    let top = merkle::root_of("titian etr node v1", leaves);
    let count = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
    hash("titian etr root v1", &[&count.to_be_bytes(), &top.0])
}

/// The head after an op.
pub fn next_head(head: Digest, op: Digest) -> Digest {
    HEAD.hash(&[&head.0, &op.0])
}

/// What binds each op of a bundle to the whole: over the list of [id, seq, act, args].
pub fn bundle_digest(items: Vec<Value>) -> Digest {
    hash("titian etr bundle v1", &[Value::List(items).to_jcs().as_bytes()])
}

/// Hash of the public part of a record, from its canonical text.
pub fn public_hash(public_jcs: &str) -> Digest {
    PUBLIC.hash(&[public_jcs.as_bytes()])
}

/// Hash of the party part of a record, from its canonical text.
pub fn party_hash(party_jcs: &str) -> Digest {
    PARTY.hash(&[party_jcs.as_bytes()])
}

/// The content hash of a record: over the hashes of its two parts.
pub fn state_leaf(public: Digest, party: Digest) -> Digest {
    LEAF.hash(&[&public.0, &party.0])
}
