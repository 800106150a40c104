//! What waits for a block: quotas, order, expiry. Pure: time comes in as an argument.
//!
//! Invariants:
//! - the pool never holds more than its limits; half of it is kept in equal shares, one per state,
//!   so no state can crowd out another: above half full, a state is admitted within its share only,
//!   and the shares together are the other half;
//! - transactions of one state stand in the order they came, and leave in it;
//! - an id stands here once, and never again after its block.
//!
//! It does not verify anything and knows no clock, no lock and no network.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use titian_contracts::execute::CheckedTransaction;
use titian_contracts::transaction::TransactionId;

/// How many committed ids are remembered: more than can be under verification when they commit.
const RECENT_IDS_MAX: usize = 65_536;

/// Bytes that a block body needs for the length of each transaction.
const LENGTH_PREFIX_BYTES: usize = 4;

/// How often the wait before others are told again doubles.
const TOLD_DOUBLINGS_MAX: u32 = 4;

/// How much may wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Transactions in all.
    pub transactions_max: usize,
    /// Bytes in all.
    pub bytes_max: usize,
    /// Age at which a transaction is dropped, ms.
    pub age_ms_max: u64,
    /// States that have a guaranteed share; transactions that nobody signed count as one more.
    pub members: usize,
}

impl Quotas {
    /// The guaranteed share of one state: transactions and bytes.
    pub fn share(&self) -> (usize, usize) {
        let parts = self.members.saturating_add(1);
        ((self.transactions_max / 2) / parts, (self.bytes_max / 2) / parts)
    }
}

/// Where a transaction came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client of this node: this node tells the others.
    Client,
    /// Another node.
    Peer,
}

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It waits now.
    New,
    /// It waited already.
    Pending,
    /// It stood in a recent block.
    Committed,
    /// There is no room for its state.
    Full,
}

/// What one state has waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStatus {
    /// The state, ISO 3166-1 alpha-2; `--` for transactions that nobody signed.
    pub ams: String,
    /// Its transactions.
    pub transactions: usize,
    /// Their bytes.
    pub bytes: usize,
}

#[derive(Debug)]
struct Entry {
    transaction: Arc<CheckedTransaction>,
    bytes: usize,
    added_ms: u64,
    told_ms: Option<u64>,
    times_told: u32,
    origin: Origin,
}

#[derive(Debug, Default)]
struct Lane {
    entries: BTreeMap<u64, Entry>,
    bytes: usize,
}

/// The waiting transactions.
#[derive(Debug)]
pub struct Pool {
    quotas: Quotas,
    lanes: BTreeMap<String, Lane>,
    places: HashMap<TransactionId, (String, u64)>,
    bytes: usize,
    next_place: u64,
    latest_ms: u64,
    first_lane: String,
    untold: VecDeque<TransactionId>,
    recent: Recent,
}

impl Pool {
    /// An empty pool.
    pub fn new(quotas: Quotas) -> Self {
        Self {
            quotas,
            lanes: BTreeMap::new(),
            places: HashMap::new(),
            bytes: 0,
            next_place: 0,
            latest_ms: 0,
            first_lane: String::new(),
            untold: VecDeque::new(),
            recent: Recent::default(),
        }
    }

    /// Sets the number of states with a guaranteed share.
    pub fn set_members(&mut self, members: usize) {
        self.quotas.members = members;
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The bytes that wait.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether not even a state within its share has room.
    pub fn is_full(&self) -> bool {
        self.len() >= self.quotas.transactions_max || self.bytes >= self.quotas.bytes_max
    }

    /// Whether it waits.
    pub fn holds(&self, id: &TransactionId) -> bool {
        self.places.contains_key(id)
    }

    /// Whether it stood in a recent block.
    pub fn is_recent(&self, id: &TransactionId) -> bool {
        self.recent.ids.contains(id)
    }

    /// The waiting transaction of an id.
    pub fn get(&self, id: &TransactionId) -> Option<Arc<CheckedTransaction>> {
        let (lane, place) = self.places.get(id)?;
        Some(Arc::clone(&self.lanes.get(lane)?.entries.get(place)?.transaction))
    }

    /// Adds a transaction of `bytes` bytes that counts for state `ams`, at the end of its line.
    pub fn insert(
        &mut self,
        transaction: Arc<CheckedTransaction>,
        ams: &str,
        bytes: usize,
        origin: Origin,
        now_ms: u64,
    ) -> Inserted {
        let id = transaction.id;
        if self.holds(&id) {
            return Inserted::Pending;
        }
        if self.is_recent(&id) {
            return Inserted::Committed;
        }
        if !self.has_room(ams, bytes) {
            return Inserted::Full;
        }
        // A clock that steps back must not break "the oldest stands first".
        self.latest_ms = self.latest_ms.max(now_ms);
        let place = self.next_place;
        self.next_place += 1;
        let lane = self.lanes.entry(ams.to_owned()).or_default();
        let added_ms = self.latest_ms;
        lane.entries.insert(
            place,
            Entry { transaction, bytes, added_ms, told_ms: None, times_told: 0, origin },
        );
        lane.bytes += bytes;
        self.bytes += bytes;
        self.places.insert(id, (ams.to_owned(), place));
        if origin == Origin::Client {
            self.untold.push_back(id);
        }
        assert!(self.places.len() <= self.quotas.transactions_max, "the pool keeps its limit");
        assert!(self.bytes <= self.quotas.bytes_max, "the pool keeps its limit");
        Inserted::New
    }

    /// Takes for a block, without removing: one per state in turn, the oldest of each first. The
    /// state that starts changes from call to call. A state whose next one does not fit is done.
    pub fn take(&mut self, bytes_max: usize, count_max: usize) -> Vec<Arc<CheckedTransaction>> {
        let first = self.first_lane.clone();
        let from_first = self.lanes.range(first.clone()..);
        let before_first = self.lanes.range(..first);
        let mut turns: VecDeque<_> =
            from_first.chain(before_first).map(|(_, lane)| lane.entries.values()).collect();
        let mut taken = Vec::new();
        let mut bytes_left = bytes_max;
        while taken.len() < count_max {
            let Some(mut lane) = turns.pop_front() else { break };
            let Some(entry) = lane.next() else { continue };
            let Some(rest) = bytes_left.checked_sub(entry.bytes + LENGTH_PREFIX_BYTES) else {
                continue;
            };
            bytes_left = rest;
            taken.push(Arc::clone(&entry.transaction));
            turns.push_back(lane);
        }
        self.first_lane = self.lane_after_first();
        taken
    }

    /// Removes what stood in a block, and remembers it so that it is not admitted again.
    pub fn committed(&mut self, ids: &[TransactionId]) {
        for id in ids {
            self.remove(id);
            self.recent.push(*id);
        }
        self.trim_untold();
    }

    /// Drops what waited too long, and returns it.
    pub fn expire(&mut self, now_ms: u64) -> Vec<TransactionId> {
        let age_ms_max = self.quotas.age_ms_max;
        let expired: Vec<TransactionId> = self
            .lanes
            .values()
            .flat_map(|lane| {
                lane.entries
                    .values()
                    .take_while(|entry| now_ms.saturating_sub(entry.added_ms) >= age_ms_max)
                    .map(|entry| entry.transaction.id)
            })
            .collect();
        for id in &expired {
            self.remove(id);
        }
        self.trim_untold();
        expired
    }

    /// The next transactions of own clients that the other nodes were not told of, up to
    /// `bytes_max` bytes but at least one.
    pub fn next_untold(&mut self, bytes_max: usize, now_ms: u64) -> Vec<Vec<u8>> {
        let mut batch: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        while let Some(id) = self.untold.front().copied() {
            if let Some(entry) = self.entry_mut(&id) {
                bytes += entry.bytes + LENGTH_PREFIX_BYTES;
                if !batch.is_empty() && bytes > bytes_max {
                    break;
                }
                entry.told_ms = Some(now_ms);
                entry.times_told = entry.times_told.saturating_add(1);
                if let Ok(tx) = &entry.transaction.parsed {
                    batch.push(tx.bytes.clone());
                }
            }
            self.untold.pop_front();
        }
        batch
    }

    /// Whether others are still to be told of something, as far as is known without looking.
    pub fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Puts own clients' transactions back in line that others were told of `after_ms` ago and
    /// that still wait: the message may have been lost. Each time the wait doubles, so that a
    /// standing network is not flooded.
    pub fn tell_again(&mut self, now_ms: u64, after_ms: u64) -> usize {
        let due: Vec<TransactionId> = self
            .lanes
            .values_mut()
            .flat_map(|lane| lane.entries.values_mut())
            .filter(|entry| {
                let doublings = entry.times_told.saturating_sub(1).min(TOLD_DOUBLINGS_MAX);
                let after_ms = after_ms.saturating_mul(1 << doublings);
                entry.origin == Origin::Client
                    && entry.told_ms.is_some_and(|told| now_ms.saturating_sub(told) >= after_ms)
            })
            .map(|entry| {
                entry.told_ms = None;
                entry.transaction.id
            })
            .collect();
        self.untold.extend(&due);
        due.len()
    }

    /// What each state has waiting.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        self.lanes
            .iter()
            .map(|(ams, lane)| LaneStatus {
                ams: ams.clone(),
                transactions: lane.entries.len(),
                bytes: lane.bytes,
            })
            .collect()
    }

    /// When the oldest came, ms.
    pub fn oldest_ms(&self) -> Option<u64> {
        self.lanes
            .values()
            .filter_map(|lane| lane.entries.values().next())
            .map(|e| e.added_ms)
            .min()
    }

    fn has_room(&self, ams: &str, bytes: usize) -> bool {
        let (share_transactions, share_bytes) = self.quotas.share();
        let lane = self.lanes.get(ams);
        let (lane_transactions, lane_bytes) =
            lane.map_or((0, 0), |lane| (lane.entries.len(), lane.bytes));
        let within_share =
            lane_transactions < share_transactions && lane_bytes + bytes <= share_bytes;
        let within_free_half = self.places.len() < self.quotas.transactions_max / 2
            && self.bytes + bytes <= self.quotas.bytes_max / 2;
        let within_limit = self.places.len() < self.quotas.transactions_max
            && self.bytes + bytes <= self.quotas.bytes_max;
        within_limit && (within_share || within_free_half)
    }

    fn remove(&mut self, id: &TransactionId) {
        let Some((ams, place)) = self.places.remove(id) else { return };
        let lane = self.lanes.get_mut(&ams).expect("a place names a lane that exists");
        let entry = lane.entries.remove(&place).expect("a place names an entry that exists");
        lane.bytes -= entry.bytes;
        self.bytes -= entry.bytes;
        if lane.entries.is_empty() {
            self.lanes.remove(&ams);
        }
    }

    /// Keeps the line of the untold within bounds on a node that has nobody to tell.
    fn trim_untold(&mut self) {
        if self.untold.len() > 2 * self.places.len() + 1_024 {
            let places = &self.places;
            self.untold.retain(|id| places.contains_key(id));
        }
    }

    fn entry_mut(&mut self, id: &TransactionId) -> Option<&mut Entry> {
        let (ams, place) = self.places.get(id)?;
        self.lanes.get_mut(ams)?.entries.get_mut(place)
    }

    fn lane_after_first(&self) -> String {
        let first = self.lanes.range(self.first_lane.clone()..).next();
        let Some((first, _)) = first.or_else(|| self.lanes.iter().next()) else {
            return String::new();
        };
        let after = (std::ops::Bound::Excluded(first.clone()), std::ops::Bound::Unbounded);
        self.lanes.range(after).next().map_or_else(String::new, |(ams, _)| ams.clone())
    }
}

/// The ids of recent blocks, bounded.
#[derive(Debug, Default)]
struct Recent {
    ids: HashSet<TransactionId>,
    order: VecDeque<TransactionId>,
}

impl Recent {
    fn push(&mut self, id: TransactionId) {
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        while self.order.len() > RECENT_IDS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}
