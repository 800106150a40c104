//! Ledger state: logical keys, stored values, reading, and the overlay a block writes to.
//!
//! Invariant: a key that was written is never deleted; entries that end are marked. A stored value
//! carries the heights of its last and previous change, so "who held it at t" is provable.
//! It deliberately does not know where values are stored: [`Reader`] is all it asks for.

mod overlay;

use std::sync::LazyLock;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::digest::{Digest, Tag};

pub(crate) use overlay::decoded;
pub use overlay::{Change, Overlay};

/// Format version that precedes the borsh content of every typed state value.
pub const CONTENT_VERSION: u8 = 1;

// what every change of a block is hashed with
static KEY: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian state key v1"));
static VALUE: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian state value v1"));
static CONTENT: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian state content v1"));
static CHANGE: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian change v1"));

/// A stored value: when it changed last, when before that (0 = never), and its content.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stored {
    /// Height of the last change.
    pub last_changed: u64,
    /// Height of the change before; 0 if there was none.
    pub prev_changed: u64,
    /// The content as the register encodes it.
    pub content: Vec<u8>,
}

impl Stored {
    /// H("titian state value v1", lastChanged ‖ prevChanged ‖ contentHash), heights big-endian.
    pub fn value_hash(&self, key: &[u8]) -> Digest {
        value_hash(self.last_changed, self.prev_changed, &content_hash(key, &self.content))
    }
}

/// The hash of a stored value, from the hash of its content.
pub fn value_hash(last_changed: u64, prev_changed: u64, content_hash: &Digest) -> Digest {
    VALUE.hash(&[&last_changed.to_be_bytes(), &prev_changed.to_be_bytes(), &content_hash.0])
}

/// Tag of the inner nodes of the RFC 9162 tree over the changes of a height.
pub const CHANGE_NODE: &str = "titian change node v1";

/// The leaf of the change root of `height`: H("titian change v1", treeKey ‖ valueHash ‖ height).
pub fn change_leaf(tree_key: &Digest, value_hash: &Digest, height: u64) -> Digest {
    CHANGE.hash(&[&tree_key.0, &value_hash.0, &height.to_be_bytes()])
}

/// H("titian state content v1", content), but for ETR records, whose two parts are hashed apart so
/// that the public part is provable alone (etr.md §3.2).
pub fn content_hash(key: &[u8], content: &[u8]) -> Digest {
    crate::etr::record_content_hash(key, content).unwrap_or_else(|| CONTENT.hash(&[content]))
}

/// The tree key of a logical key: H("titian state key v1", key).
pub fn tree_key(key: &[u8]) -> Digest {
    KEY.hash(&[key])
}

/// Read access to committed state.
///
/// A storage fault cannot be expressed here on purpose: rules have no way to act on it. A reader
/// that fails records the fault and answers `None`; the node checks for a fault before it uses
/// any result.
pub trait Reader {
    /// The value under a logical key.
    fn get(&self, key: &[u8]) -> Option<Stored>;
}

impl<R: Reader + ?Sized> Reader for &R {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        (**self).get(key)
    }
}

/// State in memory: for tests, simulation and genesis.
#[derive(Clone, Debug, Default)]
pub struct MemoryState(pub std::collections::BTreeMap<Vec<u8>, Stored>);

impl Reader for MemoryState {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        self.0.get(key).cloned()
    }
}

impl MemoryState {
    /// Takes over the changes of a block.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            self.0.insert(change.key.clone(), change.stored.clone());
        }
    }
}

/// A logical key: register name, `/`, typed parts. Text parts are separated by `/`; numbers are
/// fixed-width big-endian, so that the order of keys is the order of numbers.
#[derive(Clone, Debug)]
pub struct KeyBuilder(Vec<u8>);

impl KeyBuilder {
    /// Starts a key: `register/kind/`.
    pub fn new(register: &str, kind: &str) -> Self {
        // a party's part in a record has the longest of the usual keys
        let mut key = Vec::with_capacity(128);
        key.extend_from_slice(register.as_bytes());
        key.push(b'/');
        key.extend_from_slice(kind.as_bytes());
        Self(key)
    }

    /// Adds `/` and a text part. The part must not hold `/` unless it is the last one.
    #[must_use]
    pub fn text(mut self, part: &str) -> Self {
        self.0.push(b'/');
        self.0.extend_from_slice(part.as_bytes());
        self
    }

    /// Adds `/` and a number, 8 bytes big-endian.
    #[must_use]
    pub fn number(mut self, part: u64) -> Self {
        self.0.push(b'/');
        self.0.extend_from_slice(&part.to_be_bytes());
        self
    }

    /// The bytes.
    pub fn build(self) -> Vec<u8> {
        self.0
    }
}

/// Content bytes of a typed value: [`CONTENT_VERSION`] and its borsh form.
pub fn encode_content<T: BorshSerialize>(value: &T) -> Vec<u8> {
    // exact: a block keeps many of these
    let size = borsh::object_length(value).expect("counting cannot fail");
    let mut bytes = Vec::with_capacity(size.saturating_add(1));
    bytes.push(CONTENT_VERSION);
    borsh::to_writer(&mut bytes, value).expect("writing to memory cannot fail");
    bytes
}

/// Reads content made by [`encode_content`]; `None` for another version, trailing bytes or damage.
pub fn decode_content<T: BorshDeserialize>(content: &[u8]) -> Option<T> {
    borsh::from_slice(content_bytes(content)?).ok()
}

/// The borsh form in content made by [`encode_content`]; `None` for another version.
pub(crate) fn content_bytes(content: &[u8]) -> Option<&[u8]> {
    match content.split_first() {
        Some((&CONTENT_VERSION, bytes)) => Some(bytes),
        _ => None,
    }
}
