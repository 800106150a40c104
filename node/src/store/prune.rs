//! Dropping what is below the heights that a node keeps.
//!
//! Two heights. No answer is given about heights below `oldest`; nothing that belongs to heights
//! below `floor` is needed by anybody, and it goes. While a node runs, the floor is the `oldest` of
//! the step before, so a read that began then finds what it needs. Both are on disk before anything
//! goes; what goes by heights goes by range, in the same batch, and what lies among other keys goes
//! when RocksDB rewrites it: the filters here say what. So a crash at any moment leaves at worst some
//! bytes that the next compaction takes.
//!
//! State, bodies and evidence stay. The index keeps every transaction that may not be repeated.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use rocksdb::{CompactionDecision, Options, WriteBatch};
use titian_contracts::block::encode;
use titian_contracts::limits;

use super::past::replaced_height;
use super::{Column, Position, Store, StoreError};

/// Columns by height.
const BY_HEIGHT: [Column; 4] =
    [Column::Blocks, Column::Certificates, Column::Receipts, Column::Changes];
/// Columns that go by filter.
const BY_FILTER: [Column; 2] = [Column::History, Column::Index];
/// Bytes of a column that one step of a compaction rewrites, about.
const SLICE_BYTES: u64 = 64 * 1024 * 1024;

/// What is kept, on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Kept {
    oldest: u64,
    floor: u64,
    /// Transactions executed before this one may be repeated.
    places: u64,
}

/// What is kept, as readers and filters ask for it.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    oldest: AtomicU64,
    floor: AtomicU64,
    places: AtomicU64,
}

impl Horizon {
    fn set(&self, kept: Kept) {
        self.oldest.store(kept.oldest, Ordering::Release);
        self.floor.store(kept.floor, Ordering::Release);
        self.places.store(kept.places, Ordering::Release);
    }

    /// Lets a column lose what the horizon says while it is rewritten.
    pub(super) fn filter(self: &Arc<Self>, column: Column, options: &mut Options) {
        let gone: fn(&Self, &[u8]) -> bool = match column {
            Column::History => Self::history_gone,
            Column::Index => Self::index_gone,
            _ => return,
        };
        options.set_compaction_filter_factory(Filter { horizon: Arc::clone(self), gone });
    }

    /// A value is asked for at heights below the one that replaced it.
    fn history_gone(&self, value: &[u8]) -> bool {
        let floor = self.floor.load(Ordering::Acquire);
        replaced_height(value).is_some_and(|replaced| (1..=floor).contains(&replaced))
    }

    fn index_gone(&self, value: &[u8]) -> bool {
        let floor = self.floor.load(Ordering::Acquire);
        let places = self.places.load(Ordering::Acquire);
        borsh::from_slice::<Position>(value)
            .is_ok_and(|position| position.height < floor && position.place < places)
    }
}

/// Judges the values of a column; each compaction has its own.
#[derive(Clone)]
struct Filter {
    horizon: Arc<Horizon>,
    gone: fn(&Horizon, &[u8]) -> bool,
}

impl CompactionFilterFactory for Filter {
    type Filter = Self;

    fn create(&mut self, _: CompactionFilterContext) -> Self {
        self.clone()
    }

    fn name(&self) -> &CStr {
        c"titian horizon"
    }
}

impl CompactionFilter for Filter {
    fn filter(&mut self, _: u32, _: &[u8], value: &[u8]) -> CompactionDecision {
        if (self.gone)(&self.horizon, value) {
            CompactionDecision::Remove
        } else {
            CompactionDecision::Keep
        }
    }

    fn name(&self) -> &CStr {
        c"titian horizon"
    }
}

impl Store {
    /// The lowest height that is answered for; 0 while everything is kept.
    pub fn oldest(&self) -> u64 {
        self.horizon.oldest.load(Ordering::Acquire)
    }

    pub(super) fn load_horizon(&self) -> Result<(), StoreError> {
        let kept = self.read::<Kept>(Column::Meta, b"kept")?;
        self.horizon.set(kept.unwrap_or_default());
        Ok(())
    }

    /// From now on nothing below `oldest` is answered for, and what only heights below `floor` need
    /// goes. `transactions` is the number executed so far. Does nothing that would lower either.
    pub fn prune(&self, oldest: u64, floor: u64, transactions: u64) -> Result<(), StoreError> {
        let before = self.read::<Kept>(Column::Meta, b"kept")?.unwrap_or_default();
        let oldest = oldest.max(before.oldest);
        let places = transactions.saturating_sub(limits::TRANSACTION_REPEAT_WINDOW);
        let kept = Kept {
            oldest,
            floor: floor.max(before.floor).min(oldest),
            places: places.max(before.places),
        };
        let mut batch = WriteBatch::default();
        batch.put_cf(self.cf(Column::Meta), b"kept", encode(&kept));
        for column in BY_HEIGHT {
            let (from, to) = (before.floor.to_be_bytes(), kept.floor.to_be_bytes());
            batch.delete_range_cf(self.cf(column), from, to);
        }
        self.write_synced(batch)?;
        self.horizon.set(kept);
        Ok(())
    }

    /// Gives the space of what is gone back to the disk, in steps: after each `go_on` is asked.
    pub fn compact(&self, mut go_on: impl FnMut() -> bool) {
        let floor = self.horizon.floor.load(Ordering::Acquire).to_be_bytes();
        for column in BY_HEIGHT {
            self.db.compact_range_cf(self.cf(column), None::<&[u8]>, Some(floor));
            if !go_on() {
                return;
            }
        }
        for column in BY_FILTER {
            // their keys are digests: they spread evenly over the first byte
            let bytes = self.column_bytes(column);
            let slices = u8::try_from((bytes / SLICE_BYTES).clamp(1, 255)).unwrap_or(u8::MAX);
            for slice in 0..slices {
                let bound = |n: u8| [(u16::from(n) * 256 / u16::from(slices)).to_be_bytes()[1]];
                let from = (slice > 0).then(|| bound(slice));
                let to = (slice + 1 < slices).then(|| bound(slice + 1));
                self.db.compact_range_cf(self.cf(column), from, to);
                if !go_on() {
                    return;
                }
            }
        }
    }
}
