//! How much of a node's room for envelopes is taken, and by whom: what one party takes is bounded
//! apart from the whole, so that none uses up what others need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;

/// The bounds; tests tighten them.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Envelopes of one record.
    pub per_record: u64,
    /// Of these, those of one party.
    pub per_record_and_party: u64,
    /// Envelopes of one party.
    pub per_party: u64,
    /// Bytes of one party.
    pub party_bytes: u64,
    /// Envelopes of one party that are coming.
    pub coming: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Deliveries in all.
    pub deliveries: u64,
    /// Deliveries of one party.
    pub deliveries_per_party: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            per_record: limits::ETR_ENVELOPES_PER_RECORD_MAX,
            per_record_and_party: limits::ETR_ENVELOPES_PER_RECORD_AND_PARTY_MAX,
            per_party: limits::ETR_ENVELOPES_PER_PARTY_MAX,
            party_bytes: limits::ETR_ENVELOPES_PARTY_BYTES_MAX,
            coming: limits::ETR_ENVELOPES_COMING_MAX,
            bytes: limits::ETR_ENVELOPES_BYTES_MAX,
            deliveries: limits::ETR_DELIVERIES_MAX,
            deliveries_per_party: limits::ETR_DELIVERIES_PER_PARTY_MAX,
        }
    }
}

/// What one party takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    kept: u64,
    bytes: u64,
    queued: u64,
}

/// What is taken, counted at start and followed.
#[derive(Debug)]
pub(super) struct Room {
    parties: BTreeMap<String, Usage>,
    /// Entity and bytes of what is coming, by file.
    pub(super) coming: BTreeMap<PathBuf, (String, u64)>,
    /// When parts that were given up were looked for.
    pub(super) swept: Instant,
}

fn over(what: &str) -> Reject {
    Reject::new(Code::LimitExceeded, "/bytes", what)
}

impl Room {
    pub(super) fn new(coming: BTreeMap<PathBuf, (String, u64)>) -> Self {
        Self { parties: BTreeMap::new(), coming, swept: Instant::now() }
    }

    /// Whether `more` bytes of `by` may come into `part`. Errors: `LIMIT_EXCEEDED`.
    pub(super) fn admit(
        &self,
        bounds: &Bounds,
        by: &str,
        part: &Path,
        more: u64,
    ) -> Result<(), Reject> {
        let coming = |(whose, _): &&(String, u64)| whose == by;
        let own = self.coming.values().filter(coming);
        let (count, coming) = own.fold((0, 0), |(n, sum), (_, bytes)| (n + 1, sum + bytes));
        if !self.coming.contains_key(part) && count >= bounds.coming {
            return Err(over("4 envelopes of a party may be coming at a time"));
        }
        let usage = self.parties.get(by).copied().unwrap_or_default();
        if usage.kept >= bounds.per_party {
            return Err(over("this node keeps no more envelopes of this party"));
        }
        if usage.bytes.saturating_add(coming).saturating_add(more) > bounds.party_bytes {
            return Err(over("this node keeps no more bytes of this party"));
        }
        if self.bytes().saturating_add(more) > bounds.bytes {
            return Err(over("this node keeps no more envelopes"));
        }
        Ok(())
    }

    /// Whether `more` deliveries of `by` may wait. Errors: `LIMIT_EXCEEDED`.
    pub(super) fn admit_jobs(&self, bounds: &Bounds, by: &str, more: u64) -> Result<(), Reject> {
        let own = self.parties.get(by).map_or(0, |usage| usage.queued);
        let full = own.saturating_add(more) > bounds.deliveries_per_party
            || self.queued().saturating_add(more) > bounds.deliveries;
        if more > 0 && full {
            return Err(over("too many deliveries wait for other nodes"));
        }
        Ok(())
    }

    pub(super) fn kept(&mut self, by: &str, bytes: u64) {
        let usage = self.parties.entry(by.to_owned()).or_default();
        usage.kept = usage.kept.saturating_add(1);
        usage.bytes = usage.bytes.saturating_add(bytes);
    }

    pub(super) fn gone(&mut self, by: &str, bytes: u64) {
        self.change(by, |usage| {
            usage.kept = usage.kept.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(bytes);
        });
    }

    pub(super) fn queue(&mut self, by: &str) {
        let usage = self.parties.entry(by.to_owned()).or_default();
        usage.queued = usage.queued.saturating_add(1);
    }

    pub(super) fn settled(&mut self, by: &str) {
        self.change(by, |usage| usage.queued = usage.queued.saturating_sub(1));
    }

    fn change(&mut self, by: &str, change: impl FnOnce(&mut Usage)) {
        if let Some(usage) = self.parties.get_mut(by) {
            change(usage);
            if *usage == Usage::default() {
                self.parties.remove(by);
            }
        }
    }

    /// Bytes of all, with what is coming.
    pub(super) fn bytes(&self) -> u64 {
        let kept: u64 = self.parties.values().map(|usage| usage.bytes).sum();
        kept.saturating_add(self.coming.values().map(|(_, bytes)| bytes).sum())
    }

    pub(super) fn count(&self) -> u64 {
        self.parties.values().map(|usage| usage.kept).sum()
    }

    pub(super) fn queued(&self) -> u64 {
        self.parties.values().map(|usage| usage.queued).sum()
    }
}
