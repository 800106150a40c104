//! Bodies of blocks on their way: cut into self-describing parts, put together again.
//!
//! Parts are unsigned, so nothing they say is believed before the whole body was hashed, and what
//! is kept is bounded. Invariant: at any time at most [`limits::PROPOSAL_STREAMS_PER_PEER_MAX`]
//! streams are open per neighbour, [`limits::PROPOSAL_BYTES_MAX`] bytes in all, and only for heights
//! in the window; what exceeds a bound pushes out the oldest stream of the same neighbour, never
//! that of another one. Deliberately not here: whether a body is the block it claims to be, or a
//! valid one.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use titian_contracts::digest::Digest;
use titian_contracts::limits;

/// One part of a body. Every part says what it belongs to, so order and carrier do not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The height of the block.
    pub height: u64,
    /// The round for which it is sent.
    pub round: u32,
    /// The block id the body is said to have.
    pub block: Digest,
    /// Place of this part, from 0.
    pub index: u16,
    /// Number of parts, at least 1.
    pub total: u16,
    /// The piece of the body.
    pub bytes: Bytes,
}

/// Why a body cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a body of {bytes} bytes does not fit in {} parts", limits::PROPOSAL_PARTS_MAX)]
pub struct BodyTooLarge {
    /// Its length.
    pub bytes: usize,
}

/// Cuts a body into parts.
pub fn split(
    height: u64,
    round: u32,
    block: Digest,
    body: &Bytes,
) -> Result<Vec<Part>, BodyTooLarge> {
    let too_large = BodyTooLarge { bytes: body.len() };
    let count = body.len().div_ceil(limits::PROPOSAL_PART_BYTES_MAX).max(1);
    if count > limits::PROPOSAL_PARTS_MAX {
        return Err(too_large);
    }
    let total = u16::try_from(count).map_err(|_| too_large)?;
    Ok((0..total)
        .map(|index| {
            let start = usize::from(index) * limits::PROPOSAL_PART_BYTES_MAX;
            let end = (start + limits::PROPOSAL_PART_BYTES_MAX).min(body.len());
            Part { height, round, block, index, total, bytes: body.slice(start..end) }
        })
        .collect())
}

/// A body whose parts are all here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// The height it is said to have.
    pub height: u64,
    /// The round for which it was sent.
    pub round: u32,
    /// The block id it is said to have.
    pub block: Digest,
    /// The body.
    pub body: Bytes,
}

/// Why a part was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartRefused {
    /// Too old, or too far ahead.
    #[error("the height is outside the window")]
    Height,
    /// Index, total and length do not go together.
    #[error("the part contradicts itself or an earlier one")]
    Shape,
    /// The body would be larger than a block may be.
    #[error("the body is larger than a block may be")]
    TooLarge,
}

/// Who sent a stream: the publisher and its stream id.
pub type StreamKey = (Vec<u8>, Vec<u8>);

#[derive(Debug)]
struct Stream {
    neighbour: Vec<u8>,
    height: u64,
    round: u32,
    block: Digest,
    total: u16,
    parts: BTreeMap<u16, Bytes>,
    bytes: usize,
}

impl Stream {
    fn accepts(&self, part: &Part) -> bool {
        self.height == part.height
            && self.round == part.round
            && self.block == part.block
            && self.total == part.total
    }
}

/// The open streams.
#[derive(Debug, Default)]
pub struct Assembly {
    streams: BTreeMap<StreamKey, Stream>,
    // oldest first; the order in which streams are given up
    age: VecDeque<StreamKey>,
    bytes: usize,
}

impl Assembly {
    /// Takes a part that `neighbour` delivered for `key`. `decided` is the height decided here;
    /// the window is the heights after it. Returns the body once it is complete.
    pub fn add(
        &mut self,
        neighbour: &[u8],
        key: &StreamKey,
        part: Part,
        decided: u64,
    ) -> Result<Option<Assembled>, PartRefused> {
        let ahead = part.height.checked_sub(decided).ok_or(PartRefused::Height)?;
        if ahead == 0 || ahead > limits::PROPOSAL_HEIGHT_WINDOW {
            return Err(PartRefused::Height);
        }
        check_shape(&part)?;
        let known = self.streams.get(key);
        if known.is_some_and(|stream| !stream.accepts(&part)) {
            return Err(PartRefused::Shape);
        }
        if known.is_some_and(|stream| stream.parts.contains_key(&part.index)) {
            return Ok(None);
        }
        let held = known.map_or(0, |stream| stream.bytes);
        if held.saturating_add(part.bytes.len()) > limits::BLOCK_BYTES_MAX {
            self.close(key);
            return Err(PartRefused::TooLarge);
        }
        if known.is_none() {
            self.open(neighbour, key, &part);
        }
        self.make_room(neighbour, key, part.bytes.len());
        let Some(stream) = self.streams.get_mut(key) else { return Ok(None) };
        stream.bytes += part.bytes.len();
        self.bytes += part.bytes.len();
        stream.parts.insert(part.index, part.bytes);
        if stream.parts.len() < usize::from(stream.total) {
            return Ok(None);
        }
        Ok(self.close(key).map(join))
    }

    /// Drops streams of heights that were decided.
    pub fn prune(&mut self, decided: u64) {
        let old: Vec<StreamKey> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.height <= decided)
            .map(|(key, _)| key.clone())
            .collect();
        for key in old {
            self.close(&key);
        }
    }

    /// Bytes kept now.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Streams open now.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    fn open(&mut self, neighbour: &[u8], key: &StreamKey, part: &Part) {
        let own = self.streams.values().filter(|stream| stream.neighbour == neighbour).count();
        if own >= limits::PROPOSAL_STREAMS_PER_PEER_MAX {
            self.close_oldest_of(neighbour, key);
        }
        let stream = Stream {
            neighbour: neighbour.to_vec(),
            height: part.height,
            round: part.round,
            block: part.block,
            total: part.total,
            parts: BTreeMap::new(),
            bytes: 0,
        };
        self.streams.insert(key.clone(), stream);
        self.age.push_back(key.clone());
    }

    // over the bound for all, the neighbour that holds most gives way, so that one peer cannot
    // push out the streams of the others
    fn make_room(&mut self, neighbour: &[u8], key: &StreamKey, bytes: usize) {
        while self.bytes.saturating_add(bytes) > limits::PROPOSAL_BYTES_MAX {
            let mut held: BTreeMap<&[u8], usize> = BTreeMap::new();
            for stream in self.streams.values() {
                *held.entry(&stream.neighbour).or_default() += stream.bytes;
            }
            let greediest = held.into_iter().max_by_key(|(_, bytes)| *bytes);
            let victim = greediest.map_or_else(|| neighbour.to_vec(), |(who, _)| who.to_vec());
            if !self.close_oldest_of(&victim, key) {
                self.close(key);
                return;
            }
        }
    }

    fn close_oldest_of(&mut self, neighbour: &[u8], except: &StreamKey) -> bool {
        let oldest = self.age.iter().find(|key| {
            *key != except
                && self.streams.get(*key).is_some_and(|stream| stream.neighbour == neighbour)
        });
        oldest.cloned().is_some_and(|key| self.close(&key).is_some())
    }

    fn close(&mut self, key: &StreamKey) -> Option<Stream> {
        let stream = self.streams.remove(key)?;
        self.age.retain(|other| other != key);
        self.bytes -= stream.bytes;
        Some(stream)
    }
}

fn join(stream: Stream) -> Assembled {
    let mut body = BytesMut::with_capacity(stream.bytes);
    for bytes in stream.parts.values() {
        body.extend_from_slice(bytes);
    }
    Assembled {
        height: stream.height,
        round: stream.round,
        block: stream.block,
        body: body.freeze(),
    }
}

// every part but the last is full, so a body has one way to be cut
fn check_shape(part: &Part) -> Result<(), PartRefused> {
    let last = part.index.checked_add(1) == Some(part.total);
    let full = part.bytes.len() == limits::PROPOSAL_PART_BYTES_MAX;
    let fits = part.bytes.len() <= limits::PROPOSAL_PART_BYTES_MAX && !part.bytes.is_empty();
    let shaped = part.index < part.total
        && usize::from(part.total) <= limits::PROPOSAL_PARTS_MAX
        && (full || (last && fits));
    if !shaped {
        return Err(PartRefused::Shape);
    }
    let least = usize::from(part.total - 1).saturating_mul(limits::PROPOSAL_PART_BYTES_MAX);
    if least >= limits::BLOCK_BYTES_MAX && part.total > 1 {
        return Err(PartRefused::TooLarge);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(len: usize) -> Bytes {
        (0..len).map(|i| (i % 251) as u8).collect::<Vec<u8>>().into()
    }

    fn key(peer: u8, stream: u8) -> StreamKey {
        (vec![peer], vec![stream])
    }

    fn cut(height: u64, len: usize) -> Vec<Part> {
        split(height, 0, Digest([7; 32]), &body(len)).expect("fits")
    }

    #[test]
    fn a_body_is_put_together_in_any_order_and_once() {
        for len in [1, limits::PROPOSAL_PART_BYTES_MAX, 3 * limits::PROPOSAL_PART_BYTES_MAX + 1] {
            let mut assembly = Assembly::default();
            let mut parts = cut(1, len);
            parts.reverse();
            let last = parts.pop().expect("at least one");
            for part in parts {
                let twice = [part.clone(), part];
                for part in twice {
                    assert_eq!(assembly.add(b"n", &key(1, 1), part, 0), Ok(None));
                }
            }
            let done = assembly.add(b"n", &key(1, 1), last, 0).expect("taken").expect("whole");
            assert_eq!(done.body, body(len));
            assert_eq!((assembly.bytes(), assembly.streams()), (0, 0));
        }
    }

    #[test]
    fn the_largest_block_fits_and_one_byte_more_does_not() {
        let max = limits::BLOCK_BYTES_MAX;
        let mut assembly = Assembly::default();
        let whole = cut(1, max)
            .into_iter()
            .filter_map(|part| assembly.add(b"n", &key(1, 1), part, 0).expect("taken"));
        assert_eq!(whole.last().expect("whole").body.len(), max);
        let mut assembly = Assembly::default();
        let results: Vec<_> = cut(1, max + 1)
            .into_iter()
            .map(|part| assembly.add(b"n", &key(1, 1), part, 0))
            .collect();
        assert!(results.iter().all(|result| *result == Err(PartRefused::TooLarge)));
        assert_eq!(assembly.streams(), 0);
        let parts_max = limits::PROPOSAL_PARTS_MAX * limits::PROPOSAL_PART_BYTES_MAX;
        assert!(split(1, 0, Digest::ZERO, &body(parts_max)).is_ok());
        assert!(split(1, 0, Digest::ZERO, &body(parts_max + 1)).is_err());
    }

    #[test]
    fn heights_outside_the_window_are_refused() {
        let window = limits::PROPOSAL_HEIGHT_WINDOW;
        for (height, fits) in [(9, false), (10, false), (11, true), (10 + window, true)] {
            let result = Assembly::default().add(b"n", &key(1, 1), cut(height, 5).remove(0), 10);
            assert_eq!(result.is_ok(), fits, "height {height}");
        }
        let ahead = cut(11 + window, 5).remove(0);
        let result = Assembly::default().add(b"n", &key(1, 1), ahead, 10);
        assert_eq!(result, Err(PartRefused::Height));
    }

    #[test]
    fn a_stream_too_many_pushes_out_the_oldest_of_the_same_neighbour_only() {
        let part_max = limits::PROPOSAL_PART_BYTES_MAX;
        let mut assembly = Assembly::default();
        let first = |height| cut(height, 2 * part_max).remove(0);
        assembly.add(b"other", &key(9, 9), first(1), 0).expect("taken");
        let most = limits::PROPOSAL_STREAMS_PER_PEER_MAX;
        for stream in 0..=most {
            assembly.add(b"n", &key(1, stream as u8), first(1), 0).expect("taken");
        }
        assert_eq!(assembly.streams(), most + 1);
        let second = cut(1, 2 * part_max).remove(1);
        let evicted = assembly.add(b"n", &key(1, 0), second.clone(), 0).expect("opens again");
        assert_eq!(evicted, None);
        assert!(assembly.add(b"n", &key(9, 9), second, 0).expect("taken").is_some());
        assembly.prune(1);
        assert_eq!((assembly.bytes(), assembly.streams()), (0, 0));
    }

    #[test]
    fn parts_that_contradict_are_refused() {
        let mut assembly = Assembly::default();
        let part = cut(1, 2 * limits::PROPOSAL_PART_BYTES_MAX).remove(0);
        let bad = [
            Part { total: 0, ..part.clone() },
            Part { index: 2, ..part.clone() },
            Part { bytes: body(5), ..part.clone() },
            Part { bytes: body(limits::PROPOSAL_PART_BYTES_MAX + 1), ..part.clone() },
            Part { total: limits::PROPOSAL_PARTS_MAX as u16 + 1, ..part.clone() },
        ];
        for part in bad {
            assert_eq!(assembly.add(b"n", &key(1, 1), part, 0), Err(PartRefused::Shape));
        }
        assembly.add(b"n", &key(1, 1), part.clone(), 0).expect("taken");
        let other = Part { index: 1, block: Digest([8; 32]), ..part };
        assert_eq!(assembly.add(b"n", &key(1, 1), other, 0), Err(PartRefused::Shape));
    }

    #[test]
    fn all_streams_together_stay_within_the_bound() {
        let mut assembly = Assembly::default();
        for neighbour in 0..limits::PEERS_MAX {
            for stream in 0..limits::PROPOSAL_STREAMS_PER_PEER_MAX {
                let parts = cut(1, 16 * limits::PROPOSAL_PART_BYTES_MAX);
                let key = key(neighbour as u8, stream as u8);
                for part in parts.into_iter().skip(1) {
                    assembly.add(&[neighbour as u8], &key, part, 0).expect("taken");
                    assert!(assembly.bytes() <= limits::PROPOSAL_BYTES_MAX);
                }
            }
        }
        assert!(assembly.streams() > 0);
    }
}
