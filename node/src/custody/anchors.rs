//! What waits for an anchor, what is on its way, and what a receipt needs (vc.md §5.5).
//!
//! A leaf waits until its instance flushes; then the whole tree is written down before the op is
//! sent, so that after a crash the same anchor is sent again and its receipts can still be made.
//! Salts stay in the sealed records: these rows hold digests that look random.

use std::sync::atomic::Ordering;

use borsh::{BorshDeserialize, BorshSerialize};
use titian_contracts::digest::Digest;
use titian_contracts::error::Reject;
use titian_contracts::limits;

use super::record::Label;
use super::seal::{self, Name};
use super::{ANCHORS, Custody, RECORDS, decode, encode, fault, lock};
use crate::store::{StoreError, Writes};

/// Leaves that wait, anchors on their way, and places of leaves in anchors.
const WAITING: u8 = b'w';
const SENT: u8 = b's';
const PLACED: u8 = b'p';
/// Time of issue, record and place behind the instance in a waiting row.
const TAIL_BYTES: usize = 8 + 32 + 4;

/// Where a secured form is waiting: record and place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// The record.
    pub record: Name,
    /// Which of its secured forms.
    pub place: u32,
}

/// What waits for an instance's next anchor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// When the oldest was issued, ms.
    pub oldest_ms: u64,
    /// Members and leaves, oldest first.
    pub leaves: Vec<(Member, Digest)>,
    rows: Vec<Vec<u8>>,
}

/// An anchor on its way.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sent {
    /// All leaves, padding included.
    pub leaves: Vec<Digest>,
    /// Whose the first leaves are.
    pub members: Vec<Member>,
}

impl Sent {
    /// Leaves, and fresh random ones up to a power of two of at least `least`.
    pub fn padded(members: &[(Member, Digest)], least: usize) -> Self {
        let smallest = 1usize << limits::ANCHOR_SIZE_LOG2.0;
        let mut leaves: Vec<Digest> = members.iter().map(|(_, leaf)| *leaf).collect();
        let size = least.next_power_of_two().max(smallest);
        leaves.resize_with(size, || Digest(seal::random()));
        Self { leaves, members: members.iter().map(|(member, _)| *member).collect() }
    }
}

/// Where a leaf stands in an anchor.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Placed {
    /// `issuer/anchor/n`.
    pub anchor: String,
    /// Which leaf.
    pub leaf_index: u64,
    /// Siblings from the leaf up.
    pub path: Vec<Digest>,
}

fn prefix(kind: u8, instance: &str) -> Vec<u8> {
    [&[kind], instance.as_bytes(), &[0]].concat()
}

/// The row of a leaf that waits.
pub(super) fn waiting_key(instance: &str, at_ms: u64, record: &Name, place: u32) -> Vec<u8> {
    let tail = [&at_ms.to_be_bytes()[..], record, &place.to_be_bytes()].concat();
    [prefix(WAITING, instance), tail].concat()
}

fn placed_key(member: &Member) -> Vec<u8> {
    [&[PLACED][..], &member.record, &member.place.to_be_bytes()].concat()
}

impl Custody {
    /// How many leaves wait for an anchor, of all instances.
    pub fn waiting_leaves(&self) -> usize {
        self.0.leaves.load(Ordering::Relaxed)
    }

    /// Counts them when custody is opened.
    pub(super) fn count_leaves(&self) -> Result<(), StoreError> {
        let most = limits::ANCHORS_WAITING_MAX;
        let rows = self.0.records.scan(ANCHORS, &[WAITING], None, most)?;
        self.0.leaves.store(rows.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Counts leaves that wait no longer.
    pub(super) fn count_down(&self, gone: usize) {
        let less = |count: usize| Some(count.saturating_sub(gone));
        // the closure never declines
        let _ = self.0.leaves.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// At most `limit` leaves that wait for an instance's next anchor.
    pub fn waiting(&self, instance: &str, limit: usize) -> Result<Waiting, Reject> {
        let start = prefix(WAITING, instance);
        let rows = self.0.records.scan(ANCHORS, &start, None, limit).map_err(fault)?;
        let mut waiting = Waiting::default();
        for (key, value) in rows {
            let tail = key.get(start.len()..).filter(|tail| tail.len() == TAIL_BYTES);
            let parts = tail.and_then(|tail| {
                let (at, rest) = tail.split_at_checked(8)?;
                let (record, place) = rest.split_at_checked(32)?;
                let place = u32::from_be_bytes(place.try_into().ok()?);
                let member = Member { record: record.try_into().ok()?, place };
                Some((u64::from_be_bytes(at.try_into().ok()?), member))
            });
            let (at_ms, member) = parts.ok_or_else(|| super::damaged("leaf"))?;
            if waiting.leaves.is_empty() {
                waiting.oldest_ms = at_ms;
            }
            waiting.leaves.push((member, Digest(decode(&value, "leaf")?)));
            waiting.rows.push(key);
        }
        Ok(waiting)
    }

    /// The anchor of an instance that is on its way, if there is one.
    pub fn sent(&self, instance: &str) -> Result<Option<Sent>, Reject> {
        let found = self.0.records.get(ANCHORS, &prefix(SENT, instance)).map_err(fault)?;
        found.map(|bytes| decode(&bytes, "anchor")).transpose()
    }

    /// The anchor of an instance that is on its way; else what waits, written down as on its way, if
    /// it is due at `now_ms`: its oldest leaf is 60 s old, or 1,024 wait (vc.md §5.5).
    pub fn next_anchor(&self, instance: &str, now_ms: u64) -> Result<Option<Sent>, Reject> {
        if let Some(sent) = self.sent(instance)? {
            return Ok(Some(sent));
        }
        let waiting = self.waiting(instance, limits::ANCHOR_FLUSH_LEAVES)?;
        let full = waiting.leaves.len() >= limits::ANCHOR_FLUSH_LEAVES;
        let old = now_ms.saturating_sub(waiting.oldest_ms) >= limits::ANCHOR_FLUSH_MS;
        if waiting.leaves.is_empty() || !(full || old) {
            return Ok(None);
        }
        let sent = Sent::padded(&waiting.leaves, waiting.leaves.len());
        self.send(instance, &waiting, &sent)?;
        Ok(Some(sent))
    }

    /// Writes down that what waits is on its way as `sent`.
    pub fn send(&self, instance: &str, waiting: &Waiting, sent: &Sent) -> Result<(), Reject> {
        let _settling = lock(&self.0.settling);
        let mut writes = Writes::default();
        let mut gone = 0;
        for row in &waiting.rows {
            // one that was erased meanwhile is counted down already
            gone += usize::from(self.0.records.get(ANCHORS, row).map_err(fault)?.is_some());
            writes.delete(ANCHORS, row);
        }
        writes.put(ANCHORS, &prefix(SENT, instance), &encode(sent));
        self.0.records.write(&writes).map_err(fault)?;
        self.count_down(gone);
        Ok(())
    }

    /// Writes down where each member stands, now that the anchor is on the ledger; `path` gives the
    /// siblings of a leaf. Records that were erased meanwhile get nothing.
    pub fn settle(
        &self,
        instance: &str,
        sent: &Sent,
        anchor: &str,
        path: &dyn Fn(usize) -> Option<Vec<Digest>>,
    ) -> Result<(), Reject> {
        let _settling = lock(&self.0.settling);
        let mut writes = Writes::default();
        for (i, member) in sent.members.iter().enumerate() {
            let there = self.0.records.get(RECORDS, &member.record).map_err(fault)?.is_some();
            if let (true, Some(path)) = (there, path(i)) {
                let placed = Placed { anchor: anchor.to_owned(), leaf_index: i as u64, path };
                writes.put(ANCHORS, &placed_key(member), &encode(&placed));
            }
        }
        writes.delete(ANCHORS, &prefix(SENT, instance));
        self.0.records.write(&writes).map_err(fault)
    }

    /// Where a secured form stands in an anchor; `None` while it waits.
    pub fn placed(&self, record: &Name, place: u32) -> Result<Option<Placed>, Reject> {
        let key = placed_key(&Member { record: *record, place });
        let found = self.0.records.get(ANCHORS, &key).map_err(fault)?;
        found.map(|bytes| decode(&bytes, "receipt")).transpose()
    }

    /// Deletes everything here that names a record; gives how many of its leaves waited.
    pub(super) fn delete_anchors(
        &self,
        label: &Label,
        record: &Name,
        writes: &mut Writes,
    ) -> Result<usize, Reject> {
        let mut waiting = waiting_key(&label.instance, label.at_ms, record, 0);
        waiting.truncate(waiting.len() - 4);
        let placed = [&[PLACED][..], record].concat();
        let rows = |start: &[u8]| self.0.records.scan(ANCHORS, start, None, super::PAGE);
        let (waiting, placed) = (rows(&waiting).map_err(fault)?, rows(&placed).map_err(fault)?);
        for (key, _) in waiting.iter().chain(&placed) {
            writes.delete(ANCHORS, key);
        }
        Ok(waiting.len())
    }
}
