//! What state keeps of a chunk: the signed root, what its signers may write, and what became of
//! each record.
//!
//! Invariant: a record that is done stays done; outcomes never change. The size is bounded:
//! [`limits::IMPORT_CHUNK_RECORDS_MAX`] bits and as many runs of outcomes.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::digest::Digest;
use crate::error::Code;
use crate::limits;
use crate::state::{KeyBuilder, Overlay};
use crate::transaction::TransactionId;

/// A chunk, open until every record of it is done.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Chunk {
    /// Its records.
    pub count: u64,
    /// The root over their body hashes.
    pub root: Digest,
    /// The schemes that the signers' scopes cover, ordered by code.
    pub schemes: Vec<ChunkScheme>,
    /// Height at which it was opened.
    pub opened_at: u64,
    /// The transaction that opened it.
    pub transaction: TransactionId,
    /// Bit n of byte n / 8 (the lowest is bit 0): whether record n was judged.
    pub done: Vec<u8>,
    /// What became of the records that were judged but not applied, by place.
    pub refused: Vec<Run>,
}

/// A scheme whose records a chunk may write.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChunkScheme {
    /// The code.
    pub code: String,
    /// The authority whose keys cover it.
    pub registrar: String,
    /// Whether R2 signed: moves that need two officers are allowed.
    pub r2: bool,
}

/// Consecutive records with one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Run {
    /// The first of them.
    pub first: u16,
    /// How many.
    pub count: u16,
    /// Number of the outcome's [`Code`]: `UNCHANGED`, `VERSION_CONFLICT`, or why it was rejected.
    pub code: u16,
}

/// How many records had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Written.
    pub applied: u64,
    /// Equal to the record in force.
    pub unchanged: u64,
    /// Of another version than the next.
    pub version_conflict: u64,
    /// Refused by a rule.
    pub rejected: u64,
}

impl Chunk {
    /// Whether record `index` was judged.
    pub fn is_done(&self, index: u64) -> bool {
        let (byte, bit) = place(index);
        self.done.get(byte).is_some_and(|bits| bits & bit != 0)
    }

    /// Records that were judged.
    pub fn done_count(&self) -> u64 {
        self.done.iter().map(|bits| u64::from(bits.count_ones())).sum()
    }

    /// Whether records are still to come.
    pub fn is_open(&self) -> bool {
        self.done_count() < self.count
    }

    /// Notes the outcome of record `index`: `None` if it was applied.
    pub(super) fn note(&mut self, index: u64, refusal: Option<Code>) {
        let (byte, bit) = place(index);
        if let Some(bits) = self.done.get_mut(byte) {
            *bits |= bit;
        }
        if let (Some(code), Ok(index)) = (refusal, u16::try_from(index)) {
            self.note_refused(index, code.number());
        }
    }

    fn note_refused(&mut self, index: u16, code: u16) {
        let after = self.refused.partition_point(|run| run.first < index);
        let joins = |run: &&mut Run| run.code == code && run.first + run.count == index;
        let before = after.checked_sub(1);
        if let Some(run) = before.and_then(|at| self.refused.get_mut(at)).filter(joins) {
            run.count += 1;
        } else {
            self.refused.insert(after, Run { first: index, count: 1, code });
        }
        self.join_runs(if before.is_some() { after - 1 } else { after });
    }

    /// Joins the two runs after `at`, and the one at `at` with the next, where they meet.
    fn join_runs(&mut self, at: usize) {
        for at in [at + 1, at] {
            if let (Some(run), Some(next)) = (self.refused.get(at), self.refused.get(at + 1))
                && run.code == next.code
                && run.first + run.count == next.first
            {
                let count = next.count;
                self.refused.remove(at + 1);
                if let Some(run) = self.refused.get_mut(at) {
                    run.count += count;
                }
            }
        }
    }

    /// The outcomes so far.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally { applied: self.done_count(), ..Tally::default() };
        for run in &self.refused {
            let count = u64::from(run.count);
            tally.applied = tally.applied.saturating_sub(count);
            *match Code::by_number(run.code) {
                Some(Code::Unchanged) => &mut tally.unchanged,
                Some(Code::VersionConflict) => &mut tally.version_conflict,
                _ => &mut tally.rejected,
            } += count;
        }
        tally
    }
}

fn place(index: u64) -> (usize, u8) {
    (usize::try_from(index / 8).unwrap_or(usize::MAX), 1 << (index % 8))
}

/// The empty bitmap of a chunk of `count` records.
pub(super) fn bitmap(count: u64) -> Vec<u8> {
    vec![0; usize::try_from(count).unwrap_or(limits::IMPORT_CHUNK_RECORDS_MAX).div_ceil(8)]
}

/// State key of a chunk: `ubin/chunk/{cc}/{seq}`.
pub fn chunk_key(cc: &str, seq: u64) -> Vec<u8> {
    KeyBuilder::new("ubin", "chunk").text(cc).number(seq).build()
}

/// State key of the number of the newest chunk of a state with a root: `ubin/chunk_root/{cc}/{root}`.
pub fn root_key(cc: &str, root: &Digest) -> Vec<u8> {
    KeyBuilder::new("ubin", "chunk_root").text(cc).text(&root.to_hex()).build()
}

/// The number that the next chunk of a state has. A few dozen reads: numbers follow each other from
/// 1 without gaps.
pub fn next_seq(state: &Overlay<'_>, cc: &str) -> u64 {
    let stands = |seq| state.holds(&chunk_key(cc, seq));
    let mut beyond = 1;
    while stands(beyond) && beyond < 1 << 52 {
        beyond *= 2;
    }
    // all below `beyond / 2` and that one itself stand; `beyond` does not
    let (mut low, mut high) = (beyond / 2, beyond);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if stands(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// A chunk.
pub fn find(state: &Overlay<'_>, cc: &str, seq: u64) -> Option<Chunk> {
    state.read(&chunk_key(cc, seq))
}
