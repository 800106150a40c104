//! Status bits: chunks of 1,024 bytes, the deltas that lead to them, and their value at any
//! earlier height (vc.md §5.4).
//!
//! Invariant I7: the value of an entry at height h is the current one with every delta above h
//! undone. Deltas of a chunk form a hash chain, so a proven chunk proves its whole history.
//! Bit order is that of Bitstring Status List: the most significant bit of byte 0 comes first.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{StatusList, chunk_key, delta_key, list_key};
use crate::digest::{Digest, hash};
use crate::state::{Overlay, Reader, decode_content};

/// Bytes of a chunk.
pub const CHUNK_BYTES: usize = 1_024;
/// Bits of a chunk.
pub const CHUNK_BITS: u64 = 8 * CHUNK_BYTES as u64;

/// A chunk: `vc/chunk/{owner}/{n}/{c}`; an absent one is all zero.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Chunk {
    /// [`CHUNK_BYTES`] bytes.
    pub bytes: Vec<u8>,
    /// Raised by each height that changes it.
    pub version: u64,
    /// Height of its last delta.
    pub last_height: u64,
    /// Digest of its last delta.
    pub last_delta: Digest,
}

/// One change of an entry.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Change {
    /// The entry, counted within the chunk.
    pub offset: u32,
    /// Its value before.
    pub old: u8,
    /// Its value after.
    pub new: u8,
    /// Why; 0 = not stated.
    pub reason: u8,
}

/// The changes of one chunk at one height: `vc/delta/{owner}/{n}/{c}/{height}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delta {
    /// The height.
    pub height: u64,
    /// The changes, in the order of execution.
    pub changes: Vec<Change>,
    /// Height of the delta before; 0 if this is the first.
    pub prev_height: u64,
    /// Digest of the delta before; zero if this is the first.
    pub prev: Digest,
}

impl Delta {
    /// H("titian vc delta v1", borsh).
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        borsh::to_writer(&mut bytes, self).expect("writing to memory cannot fail");
        hash("titian vc delta v1", &[&bytes])
    }
}

impl Chunk {
    /// A chunk that never changed.
    pub fn zero() -> Self {
        Self { bytes: vec![0; CHUNK_BYTES], version: 0, last_height: 0, last_delta: Digest::ZERO }
    }
}

/// Where an entry of `size` bits stands: chunk number and offset within it.
pub const fn place(index: u64, size: u64) -> (u64, u64) {
    let per_chunk = CHUNK_BITS / size;
    (index / per_chunk, index % per_chunk)
}

/// The entry at `offset` of packed entries of `size` bits (1, 2, 4 or 8); 0 beyond the end.
pub fn value_at(bytes: &[u8], offset: u64, size: u64) -> u8 {
    let (byte, shift) = slot(offset, size);
    bytes.get(byte).map_or(0, |b| (b >> shift) & mask(size))
}

/// Sets an entry; nothing happens beyond the end.
pub fn set_value(bytes: &mut [u8], offset: u64, size: u64, value: u8) {
    let (byte, shift) = slot(offset, size);
    if let Some(b) = bytes.get_mut(byte) {
        *b = (*b & !(mask(size) << shift)) | ((value & mask(size)) << shift);
    }
}

const fn mask(size: u64) -> u8 {
    match size {
        1 => 0x01,
        2 => 0x03,
        4 => 0x0f,
        _ => 0xff,
    }
}

/// The byte, and how far the entry is from its least significant bit.
const fn slot(offset: u64, size: u64) -> (usize, u64) {
    let bit = offset.saturating_mul(size);
    ((bit / 8) as usize, 8 - size - bit % 8)
}

/// The current value of an entry, as of the writes so far.
pub fn current(state: &Overlay<'_>, owner: &str, n: u64, list: &StatusList, index: u64) -> u8 {
    let (c, offset) = place(index, list.status_size);
    let chunk: Option<Chunk> = state.read(&chunk_key(owner, n, c));
    chunk.map_or(0, |chunk| value_at(&chunk.bytes, offset, list.status_size))
}

/// Writes changes of entries (index, old, new, reason), grouped by chunk. Changes of one height
/// share one delta.
pub fn write(
    state: &mut Overlay<'_>,
    owner: &str,
    n: u64,
    size: u64,
    height: u64,
    changes: &[(u64, u8, u8, u8)],
) {
    let mut by_chunk = std::collections::BTreeMap::<u64, Vec<Change>>::new();
    for (index, old, new, reason) in changes {
        let (c, offset) = place(*index, size);
        let offset = u32::try_from(offset).expect("a chunk has at most 8,192 entries");
        let change = Change { offset, old: *old, new: *new, reason: *reason };
        by_chunk.entry(c).or_default().push(change);
    }
    for (c, changes) in by_chunk {
        let mut chunk: Chunk = state.read(&chunk_key(owner, n, c)).unwrap_or_else(Chunk::zero);
        for change in &changes {
            set_value(&mut chunk.bytes, u64::from(change.offset), size, change.new);
        }
        let here = delta_key(owner, n, c, height);
        let delta = match state.read::<Delta>(&here) {
            Some(mut delta) => {
                delta.changes.extend(changes);
                delta
            }
            None => {
                chunk.version += 1;
                let (prev_height, prev) = (chunk.last_height, chunk.last_delta);
                Delta { height, changes, prev_height, prev }
            }
        };
        chunk.last_height = height;
        chunk.last_delta = delta.digest();
        state.write(here, &delta);
        state.write(chunk_key(owner, n, c), &chunk);
    }
}

/// The value of an entry at a height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusAt {
    /// The value.
    pub value: u8,
    /// The height of the change to this value; `None` if it was never changed.
    pub since: Option<u64>,
    /// The reason of that change; 0 = not stated.
    pub reason: u8,
}

/// Why the value of an entry cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFault {
    /// No such list, or not yet at that height.
    NoList,
    /// The index lies outside the list.
    Range,
    /// A delta is missing, does not decode or does not match its digest.
    Broken,
}

/// The value of entry `index` of list `owner/status/n` at the end of `height`, by undoing every
/// later delta; each delta is checked against the hash chain.
pub fn status_at(
    reader: &dyn Reader,
    owner: &str,
    n: u64,
    index: u64,
    height: u64,
) -> Result<StatusAt, HistoryFault> {
    let list: StatusList = read(reader, &list_key(owner, n))?.ok_or(HistoryFault::NoList)?;
    if height < list.created_height {
        return Err(HistoryFault::NoList);
    }
    if index >= list.entries {
        return Err(HistoryFault::Range);
    }
    let (c, offset) = place(index, list.status_size);
    let Some(chunk) = read::<Chunk>(reader, &chunk_key(owner, n, c))? else {
        return Ok(StatusAt { value: 0, since: None, reason: 0 });
    };
    let mut value = value_at(&chunk.bytes, offset, list.status_size);
    let (mut at, mut expected) = (chunk.last_height, chunk.last_delta);
    while at > 0 {
        let delta: Delta =
            read(reader, &delta_key(owner, n, c, at))?.ok_or(HistoryFault::Broken)?;
        // heights must fall, or a damaged store could make this loop for ever
        if delta.digest() != expected || delta.height != at || delta.prev_height >= at {
            return Err(HistoryFault::Broken);
        }
        let mine = |change: &&Change| u64::from(change.offset) == offset;
        if at > height {
            if let Some(first) = delta.changes.iter().find(mine) {
                value = first.old;
            }
        } else if let Some(last) = delta.changes.iter().rfind(mine) {
            return Ok(StatusAt { value, since: Some(at), reason: last.reason });
        }
        (at, expected) = (delta.prev_height, delta.prev);
    }
    Ok(StatusAt { value, since: None, reason: 0 })
}

/// All entries of list `owner/status/n` at the end of `height`, packed as in state, by undoing every
/// later delta; each delta is checked against the hash chain. The list itself is the current one.
pub fn list_at(
    reader: &dyn Reader,
    owner: &str,
    n: u64,
    height: u64,
) -> Result<(StatusList, Vec<u8>), HistoryFault> {
    let list: StatusList = read(reader, &list_key(owner, n))?.ok_or(HistoryFault::NoList)?;
    if height < list.created_height {
        return Err(HistoryFault::NoList);
    }
    let mut bytes = Vec::new();
    for c in 0..list.entries.saturating_mul(list.status_size) / CHUNK_BITS {
        let chunk = read::<Chunk>(reader, &chunk_key(owner, n, c))?.unwrap_or_else(Chunk::zero);
        bytes.extend(undo(reader, (owner, n, c), &list, chunk, height)?);
    }
    Ok((list, bytes))
}

/// The bytes of a chunk at the end of `height`.
fn undo(
    reader: &dyn Reader,
    (owner, n, c): (&str, u64, u64),
    list: &StatusList,
    mut chunk: Chunk,
    height: u64,
) -> Result<Vec<u8>, HistoryFault> {
    let (mut at, mut expected) = (chunk.last_height, chunk.last_delta);
    while at > height {
        let delta: Delta =
            read(reader, &delta_key(owner, n, c, at))?.ok_or(HistoryFault::Broken)?;
        if delta.digest() != expected || delta.height != at || delta.prev_height >= at {
            return Err(HistoryFault::Broken);
        }
        for change in delta.changes.iter().rev() {
            set_value(&mut chunk.bytes, u64::from(change.offset), list.status_size, change.old);
        }
        (at, expected) = (delta.prev_height, delta.prev);
    }
    Ok(chunk.bytes)
}

fn read<T: BorshDeserialize>(reader: &dyn Reader, key: &[u8]) -> Result<Option<T>, HistoryFault> {
    match reader.get(key) {
        None => Ok(None),
        Some(stored) => decode_content(&stored.content).map(Some).ok_or(HistoryFault::Broken),
    }
}
