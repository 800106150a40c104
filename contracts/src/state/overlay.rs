//! The writes of one block over committed state, with a mark to go back to when an op is refused.

use std::any::Any;
use std::cell::RefCell;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

use borsh::{BorshDeserialize, BorshSerialize};
use indexmap::IndexMap;

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

/// What is found by a hash, and gone through in the order in which it came: never in that of hashes.
type Found<K, V> = IndexMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// All that is known of one key.
#[derive(Default)]
struct Slot {
    /// What stood there before the block, once it was asked for.
    committed: Option<Option<Stored>>,
    /// What the block wrote.
    written: Option<Vec<u8>>,
    /// What was computed from the content, one of a type.
    derived: Vec<Rc<dyn Any>>,
}

impl Slot {
    fn content(&self) -> Option<&[u8]> {
        let committed = || self.committed.as_ref()?.as_ref().map(|stored| &*stored.content);
        self.written.as_deref().or_else(committed)
    }
}

/// Committed state with the writes of the block in execution on top.
pub struct Overlay<'a> {
    base: &'a dyn Reader,
    /// Every key that was read or written: each is read once per block.
    slots: RefCell<Found<Vec<u8>, Slot>>,
    /// The keys that names stand for, see [`Self::key_of`].
    names: RefCell<Found<String, Option<Rc<[u8]>>>>,
    /// Place and old write (or none) of each key written since the last [`Self::keep`], for
    /// [`Self::roll_back`].
    undo: Vec<(usize, Option<Vec<u8>>)>,
}

impl std::fmt::Debug for Overlay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlay").field("undo", &self.undo.len()).finish_non_exhaustive()
    }
}

impl<'a> Overlay<'a> {
    /// An overlay without writes.
    pub fn new(base: &'a dyn Reader) -> Self {
        Self { base, slots: RefCell::default(), names: RefCell::default(), undo: Vec::new() }
    }

    /// The content under `key`, as of the writes so far.
    pub fn content(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with_content(key, <[u8]>::to_vec)
    }

    /// What `take` makes of the content under `key`, as of the writes so far. It must not ask this
    /// overlay for anything.
    pub(crate) fn with_content<T>(&self, key: &[u8], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.with_slot(key, |slot| slot.content().map(take))
    }

    /// Whether something stands under `key`.
    pub fn holds(&self, key: &[u8]) -> bool {
        self.with_slot(key, |slot| slot.content().is_some())
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
        self.with_slot(key, |slot| {
            if let Some(made) = slot.derived.iter().find(|made| made.is::<T>()) {
                return Rc::clone(made).downcast().ok();
            }
            let made = Rc::new(make(slot.content()?)?);
            slot.derived.push(Rc::clone(&made) as Rc<dyn Any>);
            Some(made)
        })
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

    /// The value under `key` as committed before this block.
    pub fn committed(&self, key: &[u8]) -> Option<Stored> {
        self.with_slot(key, |slot| slot.committed.get_or_insert_with(|| self.base.get(key)).clone())
    }

    /// Passes the slot of `key`, with content if there is any. `take` must not ask this overlay for
    /// anything.
    fn with_slot<T>(&self, key: &[u8], take: impl FnOnce(&mut Slot) -> T) -> T {
        let slots = &mut *self.slots.borrow_mut();
        if let Some(slot) = slots.get_mut(key) {
            if slot.written.is_none() && slot.committed.is_none() {
                // it was written once, and rolled back
                slot.committed = Some(self.base.get(key));
            }
            return take(slot);
        }
        let committed = Some(self.base.get(key));
        take(slots.entry(key.to_vec()).or_insert(Slot { committed, ..Slot::default() }))
    }

    /// Writes raw content.
    pub fn put_content(&mut self, key: Vec<u8>, content: Vec<u8>) {
        let entry = self.slots.get_mut().entry(key);
        let place = entry.index();
        let slot = entry.or_default();
        slot.derived.clear();
        self.undo.push((place, slot.written.replace(content)));
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
            let Some((place, old)) = self.undo.pop() else { return };
            if let Some((_, slot)) = self.slots.get_mut().get_index_mut(place) {
                slot.derived.clear();
                slot.written = old;
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
        let slots = self.slots.into_inner();
        let mut changes =
            Vec::with_capacity(slots.values().filter(|s| s.written.is_some()).count());
        for (key, slot) in slots {
            let Some(content) = slot.written else { continue };
            let previous = slot.committed.unwrap_or_else(|| self.base.get(&key));
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
