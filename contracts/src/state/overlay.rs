//! The writes of one block over committed state, with a mark to go back to when an op is refused.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Reader, Stored, change_leaf, decode_content, encode_content, tree_key};
use crate::digest::Digest;

/// One changed value of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The logical key.
    pub key: Vec<u8>,
    /// Its tree key.
    pub tree_key: Digest,
    /// The new value.
    pub stored: Stored,
    /// The hash of the new value.
    pub value_hash: Digest,
    /// The value before, for the history.
    pub previous: Option<Stored>,
}

impl Change {
    /// The leaf of the change root, see [`change_leaf`].
    pub fn leaf(&self) -> Digest {
        change_leaf(&self.tree_key, &self.value_hash, self.stored.last_changed)
    }
}

/// What was computed from the content under a key, by the type of the result.
type Derived = BTreeMap<(Vec<u8>, TypeId), Rc<dyn Any>>;

/// Committed state with the writes of the block in execution on top.
pub struct Overlay<'a> {
    base: &'a dyn Reader,
    /// What was read from `base`, so that each key is read once per block.
    read: RefCell<BTreeMap<Vec<u8>, Option<Stored>>>,
    writes: BTreeMap<Vec<u8>, Vec<u8>>,
    derived: RefCell<Derived>,
    /// Old write (or none) of each key written since the block began, for [`Self::roll_back`].
    undo: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl std::fmt::Debug for Overlay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlay").field("writes", &self.writes.len()).finish_non_exhaustive()
    }
}

impl<'a> Overlay<'a> {
    /// An overlay without writes.
    pub fn new(base: &'a dyn Reader) -> Self {
        Self {
            base,
            read: RefCell::new(BTreeMap::new()),
            writes: BTreeMap::new(),
            derived: RefCell::default(),
            undo: Vec::new(),
        }
    }

    /// The content under `key`, as of the writes so far.
    pub fn content(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.writes.get(key) {
            Some(content) => Some(content.clone()),
            None => self.committed(key).map(|stored| stored.content),
        }
    }

    /// Whether something stands under `key`.
    pub fn holds(&self, key: &[u8]) -> bool {
        self.writes.contains_key(key) || self.committed(key).is_some()
    }

    /// The typed value under `key`.
    ///
    /// # Panics
    /// If the stored bytes do not decode: state is checked against its root at every start, so
    /// this is corruption or a bug, and going on would fork this node from the network.
    pub fn read<T: BorshDeserialize>(&self, key: &[u8]) -> Option<T> {
        self.content(key).map(|content| {
            decode_content(&content)
                .expect("state value decodes; if not, run `titian-node verify-db`")
        })
    }

    /// What `make` computes from the content under `key`, computed once until the key is written:
    /// for values that many ops of a block need and that are slow to read, as a type profile. All
    /// callers with one key and one `T` must pass the same `make`, and it must ask nothing else.
    pub fn derived<T: 'static>(
        &self,
        key: &[u8],
        make: impl FnOnce(Vec<u8>) -> Option<T>,
    ) -> Option<Rc<T>> {
        let place = (key.to_vec(), TypeId::of::<T>());
        if let Some(made) = self.derived.borrow().get(&place) {
            return Rc::clone(made).downcast().ok();
        }
        let made = Rc::new(make(self.content(key)?)?);
        self.derived.borrow_mut().insert(place, Rc::clone(&made) as Rc<dyn Any>);
        Some(made)
    }

    fn forget_derived(&mut self, key: &[u8]) {
        let derived = self.derived.get_mut();
        if !derived.is_empty() {
            derived.retain(|(of, _), _| of != key);
        }
    }

    /// The value under `key` as committed before this block.
    pub fn committed(&self, key: &[u8]) -> Option<Stored> {
        if let Some(stored) = self.read.borrow().get(key) {
            return stored.clone();
        }
        let stored = self.base.get(key);
        self.read.borrow_mut().insert(key.to_vec(), stored.clone());
        stored
    }

    /// Writes raw content.
    pub fn put_content(&mut self, key: Vec<u8>, content: Vec<u8>) {
        self.forget_derived(&key);
        let old = self.writes.insert(key.clone(), content);
        self.undo.push((key, old));
    }

    /// Writes a typed value.
    pub fn write<T: BorshSerialize>(&mut self, key: Vec<u8>, value: &T) {
        self.put_content(key, encode_content(value));
    }

    /// A mark to go back to.
    pub const fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Drops every write made since `mark`.
    pub fn roll_back(&mut self, mark: usize) {
        while self.undo.len() > mark {
            if let Some((key, old)) = self.undo.pop() {
                self.forget_derived(&key);
                match old {
                    Some(content) => self.writes.insert(key, content),
                    None => self.writes.remove(&key),
                };
            }
        }
    }

    /// The changes of the block at `height`, in tree-key order. A write of what stood there before
    /// is no change.
    pub fn into_changes(self, height: u64) -> Vec<Change> {
        let mut changes = Vec::with_capacity(self.writes.len());
        let mut read = self.read.into_inner();
        for (key, content) in self.writes {
            let previous = match read.remove(&key) {
                Some(stored) => stored,
                None => self.base.get(&key),
            };
            if previous.as_ref().is_some_and(|stored| stored.content == content) {
                continue;
            }
            let prev_changed = previous.as_ref().map_or(0, |stored| stored.last_changed);
            let stored = Stored { last_changed: height, prev_changed, content };
            let value_hash = stored.value_hash(&key);
            changes.push(Change { tree_key: tree_key(&key), key, stored, value_hash, previous });
        }
        changes.sort_by_key(|change| change.tree_key);
        changes
    }
}
