//! A party's entry with its keys, as one act changes them.
//!
//! Invariant: at every time the keys that are active are at most 16, and while a recovery waits
//! for its delay every key that is not part of it ends when the recovery takes effect. Key numbers
//! only grow; a key is never deleted.

use super::{
    Bound, KeyEntry, KeyState, NewKey, PartyEntry, PendingRecovery, Purpose, bound_key, key_key,
    party_key,
};
use crate::state::Overlay;

/// A party's entry while an act runs on it.
#[derive(Debug)]
pub(super) struct KeyRing {
    /// The store name of the party.
    pub(super) name: String,
    /// Its entry, without a recovery that has taken effect.
    pub(super) entry: PartyEntry,
    /// The height of the block.
    pub(super) height: u64,
    /// Block time, ms.
    pub(super) time_ms: u64,
}

impl KeyRing {
    /// A party that has no entry yet.
    pub(super) fn new(name: &str, height: u64, time_ms: u64) -> Self {
        Self { name: name.to_owned(), entry: PartyEntry::default(), height, time_ms }
    }

    /// Reads a party. `None` if it has no entry.
    pub(super) fn open(state: &Overlay<'_>, name: &str, height: u64, time_ms: u64) -> Option<Self> {
        let mut entry: PartyEntry = state.read(&party_key(name))?;
        if entry.pending_recovery.as_ref().is_some_and(|pending| pending.effective_ms <= time_ms) {
            entry.pending_recovery = None;
        }
        Some(Self { name: name.to_owned(), entry, height, time_ms })
    }

    /// Key number `no`, if it was ever bound.
    pub(super) fn key(&self, state: &Overlay<'_>, no: u64) -> Option<KeyEntry> {
        state.read(&key_key(&self.name, no))
    }

    /// The keys that may be used now.
    pub(super) fn active(&self, state: &Overlay<'_>) -> Vec<(u64, KeyEntry)> {
        self.keys(state).into_iter().filter(|(_, key)| key.is_active(self.time_ms)).collect()
    }

    /// How many active `invoke` keys have no end of their own. A key that a recovery cuts short
    /// counts: the recovery may be cancelled.
    pub(super) fn lasting_invoke_keys(&self, state: &Overlay<'_>) -> usize {
        self.active(state)
            .iter()
            .filter(|(no, key)| key.has(Purpose::Invoke) && self.own_end(*no, key) == u64::MAX)
            .count()
    }

    /// Binds new keys with the next numbers, to be used from `active_from_ms`.
    pub(super) fn add(
        &mut self,
        state: &mut Overlay<'_>,
        keys: &[NewKey],
        active_from_ms: u64,
    ) -> Vec<u64> {
        let mut numbers = Vec::with_capacity(keys.len());
        for new in keys {
            let no = self.entry.keys.saturating_add(1);
            self.entry.keys = no;
            self.entry.current.push(no);
            numbers.push(no);
            let bound = Bound { party: self.name.clone(), key: no };
            state.write(bound_key(&new.public_key), &bound);
            state.write(key_key(&self.name, no), &self.entry_of(new, active_from_ms));
        }
        let cut = numbers.clone();
        for no in cut {
            if let Some(key) = self.key(state, no) {
                self.set_end(state, no, key, u64::MAX);
            }
        }
        numbers
    }

    fn entry_of(&self, new: &NewKey, active_from_ms: u64) -> KeyEntry {
        let mut purposes = new.purposes.clone();
        purposes.sort_unstable();
        purposes.dedup();
        let mut scopes = new.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        KeyEntry {
            algorithm: new.algorithm.clone(),
            public_key: new.public_key.clone(),
            purposes,
            scopes,
            officer: new.officer,
            state: KeyState::Active,
            bound_height: self.height,
            active_from_ms,
            ends_ms: u64::MAX,
            ended_height: 0,
            compromised_ms: 0,
            compromised_height: 0,
        }
    }

    /// Lets an active key end at `ends_ms`, or earlier if it ends earlier already.
    pub(super) fn retire_at(&mut self, state: &mut Overlay<'_>, no: u64, ends_ms: u64) {
        if let Some(key) = self.key(state, no) {
            let own_end = self.own_end(no, &key).min(ends_ms);
            self.set_end(state, no, key, own_end);
        }
    }

    /// Ends a key now, for good.
    pub(super) fn revoke(&self, state: &mut Overlay<'_>, no: u64, compromised_ms: Option<u64>) {
        let Some(mut key) = self.key(state, no) else {
            return;
        };
        if self.time_ms < key.ends_ms {
            key.ends_ms = self.time_ms;
            key.ended_height = self.height;
        }
        match compromised_ms {
            None => key.state = KeyState::Retired,
            Some(from_ms) => {
                key.state = KeyState::Compromised;
                key.compromised_ms = from_ms;
                key.compromised_height = self.height;
            }
        }
        state.write(key_key(&self.name, no), &key);
    }

    /// Closes the party: every key ends now, a waiting recovery is dropped.
    pub(super) fn close(&mut self, state: &mut Overlay<'_>) {
        for (no, key) in self.keys(state) {
            if key.state_at(self.time_ms) == KeyState::Active {
                self.revoke(state, no, None);
            }
        }
        self.entry.pending_recovery = None;
        self.entry.closed = true;
        self.entry.closed_ms = self.time_ms;
    }

    /// Announces that `keys` replace all others at `effective_ms`; gives their numbers.
    pub(super) fn begin_recovery(
        &mut self,
        state: &mut Overlay<'_>,
        keys: &[NewKey],
        effective_ms: u64,
    ) -> Vec<u64> {
        let old = self.keys(state);
        let numbers = self.add(state, keys, effective_ms);
        self.entry.pending_recovery =
            Some(PendingRecovery { effective_ms, keys: numbers.clone(), cut: Vec::new() });
        for (no, key) in old {
            if key.state_at(self.time_ms) == KeyState::Active {
                let own_end = key.ends_ms;
                self.set_end(state, no, key, own_end);
            }
        }
        numbers
    }

    /// Drops a waiting recovery: the other keys get their own end back, its keys are retired.
    pub(super) fn cancel_recovery(&mut self, state: &mut Overlay<'_>) {
        let Some(pending) = self.entry.pending_recovery.take() else {
            return;
        };
        for (no, own_end) in pending.cut {
            if let Some(key) = self.key(state, no)
                && key.state == KeyState::Active
            {
                self.set_end(state, no, key, own_end);
            }
        }
        for no in pending.keys {
            let active = self.key(state, no).is_some_and(|key| key.state == KeyState::Active);
            if active {
                self.revoke(state, no, None);
            }
        }
    }

    /// Writes the entry with the next version, which it returns.
    pub(super) fn store(mut self, state: &mut Overlay<'_>) -> u64 {
        self.entry.current = self
            .keys(state)
            .into_iter()
            .filter(|(_, key)| key.state_at(self.time_ms) == KeyState::Active)
            .map(|(no, _)| no)
            .collect();
        self.entry.version = self.entry.version.saturating_add(1);
        state.write(party_key(&self.name), &self.entry);
        self.entry.version
    }

    /// The keys that are active or will be.
    fn keys(&self, state: &Overlay<'_>) -> Vec<(u64, KeyEntry)> {
        self.entry.current.iter().filter_map(|no| Some((*no, self.key(state, *no)?))).collect()
    }

    /// When a key ends if a waiting recovery is cancelled.
    fn own_end(&self, no: u64, key: &KeyEntry) -> u64 {
        self.entry
            .pending_recovery
            .as_ref()
            .and_then(|pending| pending.cut.iter().find(|(cut, _)| *cut == no))
            .map_or(key.ends_ms, |(_, own_end)| *own_end)
    }

    /// Sets a key's own end, and cuts it short where a recovery waits that it is not part of.
    fn set_end(&mut self, state: &mut Overlay<'_>, no: u64, mut key: KeyEntry, own_end: u64) {
        let mut ends_ms = own_end;
        if let Some(pending) = &mut self.entry.pending_recovery
            && !pending.keys.contains(&no)
        {
            pending.cut.retain(|(cut, _)| *cut != no);
            if own_end > pending.effective_ms {
                pending.cut.push((no, own_end));
                ends_ms = pending.effective_ms;
            }
        }
        if key.ends_ms != ends_ms {
            key.ended_height = if ends_ms == u64::MAX { 0 } else { self.height };
            key.ends_ms = ends_ms;
            state.write(key_key(&self.name, no), &key);
        }
    }
}
