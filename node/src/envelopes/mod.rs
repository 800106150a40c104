//! Sealed envelopes of contents, kept for the parties (etr-api.md §3), below the data folder.
//!
//! - [`files`]: their bytes, one file each; - [`rows`]: what is known of them, and the deliveries to
//!   other nodes that wait; - [`room`]: the bounds.
//!
//! Invariant: an envelope is whole, checked and on disk, with the deliveries that it asks for, before
//! it is acknowledged; it is never replaced; the node cannot open it. Who put it erases it, and then
//! its erasure waits for the nodes that it went to. A crash leaves it whole or not there.

mod files;
mod room;
pub mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;
use titian_envelope::Envelope;
use tokio::sync::watch;

use crate::telemetry::EnvelopeMetrics;
use files::{Files, PART_TIME, append, disk};
use room::Room;
use rows::{Batch, Job, Meta, Rows};

pub use room::Bounds;

/// Which envelope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The record, whose id was checked.
    pub id: String,
    /// The version of its content.
    pub version: u64,
    /// The number of the envelope.
    pub number: u64,
}

/// A piece of an envelope, in order.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Which envelope.
    pub name: &'a Name,
    /// The entity that puts it. It becomes part of a file name: a party to the record.
    pub by: &'a str,
    /// The UBIN under which it does.
    pub party: &'a str,
    /// Where the piece begins.
    pub offset: u64,
    /// Bytes of the whole.
    pub total: u64,
    /// The piece.
    pub bytes: &'a [u8],
}

/// Where an envelope goes from here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// The states to whose nodes it goes.
    pub states: BTreeSet<String>,
    /// The height at which that was found.
    pub height: u64,
    /// Until when it is tried, ms.
    pub until_ms: u64,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many bytes are there; the next piece begins there.
    Has(u64),
    /// The envelope is whole, checked and on disk.
    Whole,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Envelopes.
    pub kept: u64,
    /// Their bytes, with what is coming.
    pub bytes: u64,
    /// Deliveries that wait.
    pub queued: u64,
}

/// The envelopes of a node.
#[derive(Debug)]
pub struct Envelopes {
    files: Files,
    rows: Rows,
    bounds: Bounds,
    /// Also orders writers.
    room: Mutex<Room>,
    /// Changes when a delivery is added.
    queued: watch::Sender<u64>,
    /// The figures it keeps.
    pub metrics: EnvelopeMetrics,
}

/// The digest that names the text of an envelope between nodes.
pub fn text_digest(text: &[u8]) -> Digest {
    hash("titian etr envelope text v1", &[text])
}

impl Envelopes {
    /// The envelopes below a data folder. Errors: `UNAVAILABLE` where the disk fails.
    pub fn open(data_dir: &Path, bounds: Bounds, metrics: EnvelopeMetrics) -> Result<Self, Reject> {
        let folder = data_dir.join("envelopes");
        fs::create_dir_all(&folder).map_err(disk)?;
        let rows = Rows::open(&folder.join("rows")).map_err(|error| {
            tracing::error!(%error, "the rows of the envelopes cannot be opened");
            Reject::new(Code::Unavailable, "", "the disk failed")
        })?;
        let files = Files::new(folder.join("files"));
        files.sweep(|name| rows.meta(name).is_ok_and(|meta| meta.is_some()));
        let mut room = Room::new(files.coming());
        rows.each(|_, meta| room.kept(&meta.by, meta.bytes))?;
        rows.each_job(|_, job| room.queue(&job.by))?;
        let queued = watch::channel(0).0;
        let envelopes = Self { files, rows, bounds, room: Mutex::new(room), queued, metrics };
        envelopes.show(&envelopes.lock());
        Ok(envelopes)
    }

    /// Copies all of them, as they are at one moment, into `folder`, which must not exist: nobody puts
    /// or erases meanwhile. Files are shared where the file system can; none is ever written again.
    pub fn copy_to(&self, folder: &Path) -> std::io::Result<()> {
        let _room = self.lock();
        fs::create_dir_all(folder)?;
        self.rows.copy_to(&folder.join("rows")).map_err(std::io::Error::other)?;
        self.files.copy_to(&folder.join("files"))
    }

    fn lock(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, room: &Room) {
        let level = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.kept.set(level(room.count()));
        self.metrics.bytes.set(level(room.bytes()));
        self.metrics.queued.set(level(room.queued()));
    }

    /// How much is kept. Waits for nothing, not even a backup that holds the writers up.
    pub fn figures(&self) -> Figures {
        let count = |level: i64| u64::try_from(level).unwrap_or_default();
        let EnvelopeMetrics { kept, bytes, queued, .. } = &self.metrics;
        Figures { kept: count(kept.get()), bytes: count(bytes.get()), queued: count(queued.get()) }
    }

    /// Takes a piece that a party brings; one at 0 begins anew. With the last one the envelope is
    /// checked by `judge`, which says where it goes, and kept.
    ///
    /// Errors: `LIMIT_EXCEEDED`, `VERSION_CONFLICT` (the number is taken, or `offset` is not where the
    /// pieces end), `MALFORMED` (no envelope of this name), those of `judge`, `UNAVAILABLE` (the disk).
    pub fn put(
        &self,
        piece: &Piece<'_>,
        judge: impl FnOnce(&Envelope) -> Result<Going, Reject>,
    ) -> Result<Taken, Reject> {
        self.take(piece, None, judge)
    }

    /// Takes a piece that another node brings of the envelope with this digest. One that does not
    /// begin where the pieces end is not taken; one that stands already is whole. Errors as [`Self::put`].
    pub fn receive(
        &self,
        piece: &Piece<'_>,
        digest: &Digest,
        judge: impl FnOnce(&Envelope) -> Result<(), Reject>,
    ) -> Result<Taken, Reject> {
        self.take(piece, Some(digest), |envelope| judge(envelope).map(|()| Going::default()))
    }

    fn take(
        &self,
        piece: &Piece<'_>,
        digest: Option<&Digest>,
        judge: impl FnOnce(&Envelope) -> Result<Going, Reject>,
    ) -> Result<Taken, Reject> {
        check_size(piece)?;
        let mut room = self.lock();
        if room.swept.elapsed() > PART_TIME {
            room.coming = self.files.coming();
            room.swept = Instant::now();
        }
        if let Some(meta) = self.rows.meta(piece.name)? {
            return match digest {
                Some(digest) if meta.digest == *digest && meta.by == piece.by => Ok(Taken::Whole),
                _ => {
                    let detail = "an envelope of this number stands already";
                    Err(Reject::new(Code::VersionConflict, "/envelopeNo", detail))
                }
            };
        }
        let source = digest.map(|digest| digest.to_hex());
        let part = self.files.part(&piece.name.id, piece.by, source.as_deref());
        let there = room.coming.get(&part).map_or(0, |(_, bytes)| *bytes);
        // all of it, and no row: a crash came between, or the disk failed
        let there = if there < piece.total { there } else { 0 };
        if source.is_some() && piece.offset != there {
            return Ok(Taken::Has(there));
        }
        room.admit(&self.bounds, piece.by, &part, piece.bytes.len() as u64)?;
        if piece.offset == 0 {
            self.check_record(piece)?;
        }
        let there = match append(&part, piece.offset, piece.bytes) {
            Ok(there) => there,
            Err(reject) => {
                // what a full disk left half is begun anew; a party that names a wrong place is not
                if source.is_some() || reject.code == Code::Unavailable {
                    room.coming.remove(&part);
                    fs::remove_file(&part).map_err(disk)?;
                    return Err(Reject::new(Code::Unavailable, "", "the disk failed"));
                }
                return Err(reject);
            }
        };
        room.coming.insert(part.clone(), (piece.by.to_owned(), there));
        if there < piece.total {
            self.show(&room);
            return Ok(Taken::Has(there));
        }
        let finished = self.finish(&mut room, piece, &part, digest, judge);
        room.coming.remove(&part);
        if finished.is_err() && part.exists() {
            fs::remove_file(&part).map_err(disk)?;
        }
        self.show(&room);
        finished
    }

    /// Whether the record has a place for one more of this party.
    fn check_record(&self, piece: &Piece<'_>) -> Result<(), Reject> {
        let over = |what: &str| Err(Reject::new(Code::LimitExceeded, "/bytes", what));
        let limit = usize::try_from(self.bounds.per_record).unwrap_or(usize::MAX);
        let held = self.rows.of_record(&piece.name.id, None, limit)?;
        if held.len() >= limit {
            return over("this node keeps no more envelopes of this record");
        }
        let own = held.iter().filter(|(_, meta)| meta.by == piece.by).count() as u64;
        if own >= self.bounds.per_record_and_party {
            return over("a party may put 16 envelopes of one record; erase one");
        }
        Ok(())
    }

    /// Checks what came, gives it its name, and writes its row with the deliveries.
    fn finish(
        &self,
        room: &mut Room,
        piece: &Piece<'_>,
        part: &Path,
        digest: Option<&Digest>,
        judge: impl FnOnce(&Envelope) -> Result<Going, Reject>,
    ) -> Result<Taken, Reject> {
        let text = fs::read(part).map_err(disk)?;
        let name = piece.name;
        let found = text_digest(&text);
        let fits = |envelope: &Envelope| {
            let subject = &envelope.subject;
            (subject.id.as_str(), subject.version, subject.number)
                == (name.id.as_str(), name.version, name.number)
                && digest.is_none_or(|digest| *digest == found)
        };
        let envelope = Envelope::parse(&text).ok().filter(fits).ok_or_else(|| {
            let detail = "no envelope of this record, version and number";
            Reject::new(Code::Malformed, "/bytes", detail)
        })?;
        self.check_record(piece)?;
        let going = judge(&envelope)?;
        room.admit_jobs(&self.bounds, piece.by, going.states.len() as u64)?;
        let recipients = envelope.recipients();
        let meta = Meta {
            by: piece.by.to_owned(),
            party: piece.party.to_owned(),
            bytes: text.len() as u64,
            digest: found,
            recipients: recipients.map(|(party, key)| (party.to_owned(), key)).collect(),
            states: going.states.iter().cloned().collect(),
        };
        self.files.finish(part, name)?;
        let mut batch = Batch::default();
        batch.keep(name, &meta);
        let job = job_of(&meta, false, going.height, going.until_ms);
        for state in &going.states {
            batch.queue(state, name, &job);
        }
        self.rows.write(&batch)?;
        room.kept(&meta.by, meta.bytes);
        for _ in &going.states {
            room.queue(&meta.by);
        }
        self.queued.send_modify(|count| *count = count.wrapping_add(1));
        Ok(Taken::Whole)
    }

    /// A piece of an envelope from `offset` on, and its whole size. Errors: `NOT_FOUND`.
    pub fn get(&self, name: &Name, offset: u64, max: usize) -> Result<(Vec<u8>, u64), Reject> {
        self.files.read(name, offset, max)
    }

    /// What is known of an envelope.
    pub fn meta(&self, name: &Name) -> Result<Option<Meta>, Reject> {
        self.rows.meta(name)
    }

    /// The envelopes of a record by version and number, after `after`, at most `limit`.
    pub fn list(
        &self,
        id: &str,
        after: Option<(u64, u64)>,
        limit: usize,
    ) -> Result<Vec<(Name, Meta)>, Reject> {
        self.rows.of_record(id, after, limit)
    }

    /// The states whose nodes have not yet acknowledged an envelope.
    pub fn underway(&self, name: &Name, meta: &Meta) -> Result<Vec<String>, Reject> {
        let mut states = Vec::new();
        for state in &meta.states {
            if self.rows.job(state, name)?.is_some() {
                states.push(state.clone());
            }
        }
        Ok(states)
    }

    /// Erases an envelope that `by` put here, and has it erased where it went. Errors: `NOT_FOUND`,
    /// `FORBIDDEN`.
    pub fn erase(&self, name: &Name, by: &str, height: u64, until_ms: u64) -> Result<(), Reject> {
        let mut room = self.lock();
        let meta = self.rows.meta(name)?;
        let meta = meta.ok_or_else(|| Reject::new(Code::NotFound, "/envelopeNo", ""))?;
        owned(&meta, by)?;
        let job = job_of(&meta, true, height, until_ms);
        let mut batch = Batch::default();
        batch.forget(name);
        let mut added = 0;
        for state in &meta.states {
            // it takes the place of the delivery, if that still waits
            added += u64::from(self.rows.job(state, name)?.is_none());
            batch.queue(state, name, &job);
        }
        self.forget(&mut room, name, &meta, &batch)?;
        for _ in 0..added {
            room.queue(by);
        }
        self.show(&room);
        self.queued.send_modify(|count| *count = count.wrapping_add(1));
        Ok(())
    }

    /// Erases an envelope of `by` that another node brought, or what came of it. One that is not
    /// here is erased. Errors: `FORBIDDEN`.
    pub fn erase_received(&self, name: &Name, by: &str, digest: &Digest) -> Result<(), Reject> {
        let mut room = self.lock();
        let part = self.files.part(&name.id, by, Some(&digest.to_hex()));
        if room.coming.remove(&part).is_some() {
            fs::remove_file(&part).map_err(disk)?;
            self.show(&room);
        }
        let Some(meta) = self.rows.meta(name)? else { return Ok(()) };
        owned(&meta, by)?;
        if meta.digest == *digest {
            let mut batch = Batch::default();
            batch.forget(name);
            self.forget(&mut room, name, &meta, &batch)?;
        }
        self.show(&room);
        Ok(())
    }

    /// The row goes first: a file without one is removed at the next start.
    fn forget(
        &self,
        room: &mut Room,
        name: &Name,
        meta: &Meta,
        batch: &Batch,
    ) -> Result<(), Reject> {
        self.rows.write(batch)?;
        room.gone(&meta.by, meta.bytes);
        self.files.remove(name)
    }

    /// Deliveries to a state after `after`, at most `limit`.
    pub fn jobs(
        &self,
        state: &str,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Job)>, Reject> {
        self.rows.jobs(state, after, limit)
    }

    /// A delivery is done, or given up. What replaced it meanwhile stays.
    pub fn settle(&self, state: &str, name: &Name, job: &Job) -> Result<(), Reject> {
        let mut room = self.lock();
        if self.rows.job(state, name)?.as_ref() != Some(job) {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.settle(state, name);
        self.rows.write(&batch)?;
        room.settled(&job.by);
        self.show(&room);
        Ok(())
    }

    /// Changes when a delivery is added.
    pub fn queued(&self) -> watch::Receiver<u64> {
        self.queued.subscribe()
    }
}

fn check_size(piece: &Piece<'_>) -> Result<(), Reject> {
    let max = limits::ETR_ENVELOPE_BYTES_MAX as u64;
    let end = piece.offset.saturating_add(piece.bytes.len() as u64);
    if piece.total == 0 || piece.total > max || end > piece.total || piece.bytes.is_empty() {
        let detail = "an envelope has 1 byte to 8 MiB";
        return Err(Reject::new(Code::LimitExceeded, "/bytes", detail));
    }
    Ok(())
}

fn job_of(meta: &Meta, erase: bool, height: u64, until_ms: u64) -> Job {
    Job {
        erase,
        by: meta.by.clone(),
        party: meta.party.clone(),
        bytes: meta.bytes,
        digest: meta.digest,
        height,
        until_ms,
    }
}

fn owned(meta: &Meta, by: &str) -> Result<(), Reject> {
    if meta.by == by {
        return Ok(());
    }
    let detail = "who put an envelope here erases it";
    Err(Reject::new(Code::Forbidden, "/capability", detail))
}
