//! The writes of one block over committed state, with a mark to go back to when an op is refused.

use std::any::Any;
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

/// What was computed from the content under each key, one of a type.
type Derived = BTreeMap<Vec<u8>, Vec<Rc<dyn Any>>>;

/// Committed state with the writes of the block in execution on top.
pub struct Overlay<'a> {
    base: &'a dyn Reader,
    /// What was read from `base`, so that each key is read once per block.
    read: RefCell<BTreeMap<Vec<u8>, Option<Stored>>>,
    writes: BTreeMap<Vec<u8>, Vec<u8>>,
    derived: RefCell<Derived>,
    /// The keys that names stand for, see [`Self::key_of`].
    names: RefCell<BTreeMap<String, Option<Rc<[u8]>>>>,
    /// Old write (or none) of each key written since the last [`Self::keep`], for
    /// [`Self::roll_back`].
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
            names: RefCell::default(),
            undo: Vec::new(),
        }
    }

    /// The content under `key`, as of the writes so far.
    pub fn content(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with_content(key, <[u8]>::to_vec)
    }

    /// What `take` makes of the content under `key`, as of the writes so far. It must not ask this
    /// overlay for anything.
    pub(crate) fn with_content<T>(&self, key: &[u8], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        match self.writes.get(key) {
            Some(content) => Some(take(content)),
            None => self.with_committed(key, |stored| stored.map(|stored| take(&stored.content))),
        }
    }

    /// Whether something stands under `key`.
    pub fn holds(&self, key: &[u8]) -> bool {
        self.writes.contains_key(key) || self.with_committed(key, |stored| stored.is_some())
    }

    /// The typed value under `key`.
    ///
    /// # Panics
    /// If the stored bytes do not decode: state is checked against its root at every start, so
    /// this is corruption or a bug, and going on would fork this node from the network.
    pub fn read<T: BorshDeserialize>(&self, key: &[u8]) -> Option<T> {
        self.with_content(key, decoded)
    }

    /// The same, decoded once until the key is written: for values that many ops of a block need.
    ///
    /// # Panics
    /// As [`Self::read`].
    pub fn shared<T: BorshDeserialize + 'static>(&self, key: &[u8]) -> Option<Rc<T>> {
        self.derived(key, |content| Some(decoded(content)))
    }

    /// What `make` computes from the content under `key`, computed once until the key is written:
    /// for values that many ops of a block need and that are slow to read, as a type profile. All
    /// callers with one key and one `T` must pass the same `make`, and it must ask nothing else.
    pub fn derived<T: 'static>(
        &self,
        key: &[u8],
        make: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<Rc<T>> {
        let is_it = |made: &&Rc<dyn Any>| made.is::<T>();
        if let Some(made) = self.derived.borrow().get(key).and_then(|all| all.iter().find(is_it)) {
            return Rc::clone(made).downcast().ok();
        }
        let made = Rc::new(self.with_content(key, make)??);
        let shared = Rc::clone(&made) as Rc<dyn Any>;
        self.derived.borrow_mut().entry(key.to_vec()).or_default().push(shared);
        Some(made)
    }

    /// The state key that `name` stands for, computed once a block: many ops name the same party.
    /// `make` depends on the text alone, and all callers pass the same one.
    pub fn key_of(
        &self,
        name: &str,
        make: impl FnOnce(&str) -> Option<Vec<u8>>,
    ) -> Option<Rc<[u8]>> {
        if let Some(known) = self.names.borrow().get(name) {
            return known.clone();
        }
        let key: Option<Rc<[u8]>> = make(name).map(Rc::from);
        self.names.borrow_mut().insert(name.to_owned(), key.clone());
        key
    }

    fn forget_derived(&mut self, key: &[u8]) {
        self.derived.get_mut().remove(key);
    }

    /// The value under `key` as committed before this block.
    pub fn committed(&self, key: &[u8]) -> Option<Stored> {
        self.with_committed(key, |stored| stored.cloned())
    }

    fn with_committed<T>(&self, key: &[u8], take: impl FnOnce(Option<&Stored>) -> T) -> T {
        if let Some(stored) = self.read.borrow().get(key) {
            return take(stored.as_ref());
        }
        let stored = self.base.get(key);
        let result = take(stored.as_ref());
        self.read.borrow_mut().insert(key.to_vec(), stored);
        result
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

    /// Keeps what was written so far: marks made before are none any more.
    pub fn keep(&mut self) {
        self.undo.clear();
    }

    /// The changes of the block at `height`, in tree-key order. A write of what stood there before
    /// is no change.
    pub fn into_changes(self, height: u64) -> Vec<Change> {
        let mut changes = Vec::with_capacity(self.writes.len());
        // both are in the order of keys
        let mut read = self.read.into_inner().into_iter().peekable();
        for (key, content) in self.writes {
            while read.next_if(|(known, _)| *known < key).is_some() {}
            let previous = match read.next_if(|(known, _)| *known == key) {
                Some((_, stored)) => stored,
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
        // the keys are sorted apart from what is large, and moved once
        changes.sort_by_cached_key(|change| change.tree_key);
        changes
    }
}

/// # Panics
/// As [`Overlay::read`].
pub(crate) fn decoded<T: BorshDeserialize>(content: &[u8]) -> T {
    decode_content(content).expect("state value decodes; if not, run `titian-node verify-db`")
}
