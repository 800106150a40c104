//! What is known of envelopes beside their bytes, and the queue of deliveries: a small database.
//!
//! - `kept`: record ‖ 0 ‖ version ‖ number -> [`Meta`];
//! - `queue`: state ‖ record ‖ 0 ‖ version ‖ number -> [`Job`].
//!
//! Invariant: an envelope stands from the batch that writes its row, which also queues where it
//! goes; it is gone with the batch that removes the row, which also queues its erasure elsewhere.

use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use titian_contracts::digest::Digest;
use titian_contracts::error::{Code, Reject};

use super::Name;
use crate::store::{StoreError, Vault, Writes};

const KEPT: &str = "kept";
const QUEUE: &str = "queue";
/// Rows that a scan reads at a time.
const PAGE: usize = 1_000;
/// Bytes of the code of a state.
const STATE_BYTES: usize = 2;

/// What is known of an envelope that stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Meta {
    /// The entity that put it.
    pub by: String,
    /// The UBIN under which it did.
    pub party: String,
    /// Bytes of its text.
    pub bytes: u64,
    /// H("titian etr envelope text v1", text).
    pub digest: Digest,
    /// Party and key number of those it is sealed to.
    pub recipients: Vec<(String, u64)>,
    /// The states to whose nodes it goes, or went.
    pub states: Vec<String>,
}

/// What another node is to do.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Job {
    /// Whether it is to erase the envelope; else to keep it.
    pub erase: bool,
    /// The entity of the party.
    pub by: String,
    /// Who put the envelope, a UBIN.
    pub party: String,
    /// Bytes of the envelope.
    pub bytes: u64,
    /// Its digest, as in [`Meta`].
    pub digest: Digest,
    /// The height at which this node judged it.
    pub height: u64,
    /// Until when it is tried, ms.
    pub until_ms: u64,
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rows(Vault);

/// Writes of one batch.
#[derive(Debug, Default)]
pub struct Batch(Writes);

impl Batch {
    /// An envelope stands.
    pub fn keep(&mut self, name: &Name, meta: &Meta) {
        self.0.put(KEPT, &kept_key(name), &encode(meta));
    }

    /// An envelope is gone.
    pub fn forget(&mut self, name: &Name) {
        self.0.delete(KEPT, &kept_key(name));
    }

    /// A delivery to `state` waits.
    pub fn queue(&mut self, state: &str, name: &Name, job: &Job) {
        self.0.put(QUEUE, &queue_key(state, name), &encode(job));
    }

    /// A delivery to `state` waits no more.
    pub fn settle(&mut self, state: &str, name: &Name) {
        self.0.delete(QUEUE, &queue_key(state, name));
    }
}

impl Rows {
    /// Opens the database in `path`, creating it if it is not there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(Vault::open(path, &[KEPT, QUEUE])?))
    }

    /// Writes a batch, synced. Errors: `UNAVAILABLE`.
    pub fn write(&self, batch: &Batch) -> Result<(), Reject> {
        self.0.write(&batch.0).map_err(fault)
    }

    /// An envelope that stands.
    pub fn meta(&self, name: &Name) -> Result<Option<Meta>, Reject> {
        let row = self.0.get(KEPT, &kept_key(name)).map_err(fault)?;
        row.map(|bytes| decode(&bytes)).transpose()
    }

    /// Envelopes of a record by version and number, after `after`, at most `limit`.
    pub fn of_record(
        &self,
        id: &str,
        after: Option<(u64, u64)>,
        limit: usize,
    ) -> Result<Vec<(Name, Meta)>, Reject> {
        let prefix = [id.as_bytes(), &[0]].concat();
        let after =
            after.map(|(version, number)| kept_key(&Name { id: id.to_owned(), version, number }));
        let rows = self.0.scan(KEPT, &prefix, after.as_deref(), limit).map_err(fault)?;
        rows.iter().map(|(key, value)| Ok((name_of(key)?, decode(value)?))).collect()
    }

    /// Calls `visit` for each envelope that stands.
    pub fn each(&self, mut visit: impl FnMut(Name, Meta)) -> Result<(), Reject> {
        self.pages(KEPT, |key, value| {
            visit(name_of(key)?, decode(value)?);
            Ok(())
        })
    }

    /// Calls `visit` for each delivery that waits.
    pub fn each_job(&self, mut visit: impl FnMut(&str, Job)) -> Result<(), Reject> {
        self.pages(QUEUE, |key, value| {
            let state = key.get(..STATE_BYTES).and_then(|state| std::str::from_utf8(state).ok());
            visit(state.ok_or_else(damaged)?, decode(value)?);
            Ok(())
        })
    }

    fn pages(
        &self,
        column: &'static str,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Reject>,
    ) -> Result<(), Reject> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.0.scan(column, &[], after.as_deref(), PAGE).map_err(fault)?;
            for (key, value) in &rows {
                visit(key, value)?;
            }
            match rows.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    /// Deliveries to a state after `after`, at most `limit`.
    pub fn jobs(
        &self,
        state: &str,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Job)>, Reject> {
        let after = after.map(|name| queue_key(state, name));
        let rows = self.0.scan(QUEUE, state.as_bytes(), after.as_deref(), limit).map_err(fault)?;
        let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
            Ok((name_of(key.get(STATE_BYTES..).unwrap_or_default())?, decode(value)?))
        };
        rows.iter().map(read).collect()
    }

    /// A delivery that waits.
    pub fn job(&self, state: &str, name: &Name) -> Result<Option<Job>, Reject> {
        let row = self.0.get(QUEUE, &queue_key(state, name)).map_err(fault)?;
        row.map(|bytes| decode(&bytes)).transpose()
    }
}

fn kept_key(name: &Name) -> Vec<u8> {
    [name.id.as_bytes(), &[0], &name.version.to_be_bytes(), &name.number.to_be_bytes()].concat()
}

fn queue_key(state: &str, name: &Name) -> Vec<u8> {
    [state.as_bytes(), &kept_key(name)].concat()
}

fn name_of(key: &[u8]) -> Result<Name, Reject> {
    let read = || {
        let at = key.iter().position(|byte| *byte == 0)?;
        let id = std::str::from_utf8(key.get(..at)?).ok()?;
        let numbers = key.get(at.checked_add(1)?..)?;
        let (version, number) = numbers.split_at_checked(8)?;
        Some(Name {
            id: id.to_owned(),
            version: u64::from_be_bytes(version.try_into().ok()?),
            number: u64::from_be_bytes(number.try_into().ok()?),
        })
    };
    read().ok_or_else(damaged)
}

fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory cannot fail")
}

fn decode<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, Reject> {
    borsh::from_slice(bytes).map_err(|_| damaged())
}

fn damaged() -> Reject {
    tracing::error!("the rows of the envelopes do not decode");
    Reject::new(Code::Unavailable, "", "the rows of the envelopes are damaged")
}

fn fault(error: StoreError) -> Reject {
    tracing::error!(%error, "the rows of the envelopes cannot be read or written");
    Reject::new(Code::Unavailable, "", "the disk failed")
}
