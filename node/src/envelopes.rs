//! Sealed envelopes of contents, kept for the parties (etr-api.md §3): one file each, below the data
//! folder.
//!
//! `envelopes/<record>/<version>-<number>.json` is an envelope; `….by` names the entity that put it;
//! `<entity>.part` is one that is still coming, one for each party, and is dropped when nothing came
//! for an hour. Invariant: an envelope is whole and on disk (synced, renamed)
//! before it is acknowledged; it is never replaced; the node cannot open it.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;
use titian_envelope::Envelope;

/// After how long without a byte a coming envelope is given up.
const PART_TIME: Duration = Duration::from_secs(3_600);

/// Which envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The record, whose id was checked.
    pub id: String,
    /// The version of its content.
    pub version: u64,
    /// The number of the envelope.
    pub number: u64,
}

/// What is known of an envelope without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The version of the content.
    pub version: u64,
    /// The number of the envelope.
    pub number: u64,
    /// Its size.
    pub bytes: u64,
    /// Party and key number of those it is sealed to.
    pub recipients: Vec<(String, u64)>,
}

/// The envelopes of a node.
#[derive(Debug)]
pub struct Envelopes {
    folder: PathBuf,
    /// Also orders writers.
    room: Mutex<Room>,
}

#[derive(Debug)]
struct Room {
    /// Bytes held, counted once at start.
    bytes: u64,
    /// When parts that were given up were looked for.
    swept: Instant,
}

impl Envelopes {
    /// The envelopes below a data folder.
    pub fn open(data_dir: &Path) -> Self {
        let folder = data_dir.join("envelopes");
        drop_old_parts(&folder);
        let room = Room { bytes: bytes_below(&folder), swept: Instant::now() };
        Self { folder, room: Mutex::new(room) }
    }

    fn lock(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &Name, suffix: &str) -> PathBuf {
        let file = format!("{}-{}.{suffix}", name.version, name.number);
        self.folder.join(&name.id).join(file)
    }

    /// Takes the part of an envelope that begins at `offset`; with the last one the envelope is
    /// checked and kept. Returns how many bytes are there, and whether it is whole.
    ///
    /// Errors: `LIMIT_EXCEEDED`, `VERSION_CONFLICT` (the number is taken, or `offset` is not where the
    /// parts end), `MALFORMED` (no envelope of this name), `UNAVAILABLE` (the disk).
    pub fn put(
        &self,
        name: &Name,
        by: &str,
        offset: u64,
        total: u64,
        bytes: &[u8],
    ) -> Result<(u64, bool), Reject> {
        let over = |what: &str| Reject::new(Code::LimitExceeded, "/bytes", what);
        let max = limits::ETR_ENVELOPE_BYTES_MAX as u64;
        let end = offset.saturating_add(bytes.len() as u64);
        if total == 0 || total > max || end > total || bytes.is_empty() {
            return Err(over("an envelope has 1 byte to 8 MiB"));
        }
        let mut room = self.lock();
        if room.swept.elapsed() > PART_TIME {
            room.bytes = room.bytes.saturating_sub(drop_old_parts(&self.folder));
            room.swept = Instant::now();
        }
        if room.bytes.saturating_add(bytes.len() as u64) > limits::ETR_ENVELOPES_BYTES_MAX {
            return Err(over("this node keeps no more envelopes"));
        }
        if self.path(name, "json").exists() {
            let detail = "an envelope of this number stands already";
            return Err(Reject::new(Code::VersionConflict, "/envelopeNo", detail));
        }
        if self.of_record(&name.id).len() >= limits::ETR_ENVELOPES_PER_RECORD_MAX {
            return Err(over("64 envelopes of one record"));
        }
        let part = self.folder.join(&name.id).join(format!("{by}.part"));
        if offset == 0 {
            // beginning anew drops what came before
            let before = fs::metadata(&part).map_or(0, |data| data.len());
            room.bytes = room.bytes.saturating_sub(before);
        }
        let there = append(&part, offset, bytes)?;
        room.bytes = room.bytes.saturating_add(bytes.len() as u64);
        if there < total {
            return Ok((there, false));
        }
        let finished = self.finish(name, by, &part);
        finished.inspect_err(|_| room.bytes = room.bytes.saturating_sub(there))?;
        Ok((total, true))
    }

    /// Checks what came, and gives it its name.
    fn finish(&self, name: &Name, by: &str, part: &Path) -> Result<(), Reject> {
        let text = fs::read(part).map_err(disk)?;
        let parsed = Envelope::parse(&text);
        let fits = parsed.as_ref().is_ok_and(|envelope| {
            envelope.subject.id == name.id
                && envelope.subject.version == name.version
                && envelope.subject.number == name.number
        });
        if !fits {
            fs::remove_file(part).map_err(disk)?;
            let detail = "no envelope of this record, version and number";
            return Err(Reject::new(Code::Malformed, "/bytes", detail));
        }
        write_synced(&self.path(name, "by"), by.as_bytes())?;
        fs::File::open(part).and_then(|file| file.sync_all()).map_err(disk)?;
        let whole = self.path(name, "json");
        fs::rename(part, &whole).map_err(disk)?;
        sync_folder(&whole)
    }

    /// A piece of an envelope from `offset` on, and its whole size. Errors: `NOT_FOUND`.
    pub fn get(&self, name: &Name, offset: u64, max: usize) -> Result<(Vec<u8>, u64), Reject> {
        let unknown = |_| Reject::new(Code::NotFound, "/envelopeNo", "");
        let mut file = fs::File::open(self.path(name, "json")).map_err(unknown)?;
        let total = file.metadata().map_err(disk)?.len();
        // there is nothing beyond the end, and a disk takes no offset beyond i64::MAX
        file.seek(SeekFrom::Start(offset.min(total))).map_err(disk)?;
        let mut bytes = Vec::new();
        file.take(max as u64).read_to_end(&mut bytes).map_err(disk)?;
        Ok((bytes, total))
    }

    /// The envelopes of a record, by version and number.
    pub fn list(&self, id: &str) -> Vec<Held> {
        let mut held: Vec<Held> = self
            .of_record(id)
            .into_iter()
            .filter_map(|(version, number)| {
                let name = Name { id: id.to_owned(), version, number };
                let text = fs::read(self.path(&name, "json")).ok()?;
                let envelope = Envelope::parse(&text).ok()?;
                let recipients =
                    envelope.recipients().map(|(party, key)| (party.to_owned(), key)).collect();
                Some(Held { version, number, bytes: text.len() as u64, recipients })
            })
            .collect();
        held.sort_by_key(|held| (held.version, held.number));
        held
    }

    /// Erases an envelope that `by` put here. Errors: `NOT_FOUND`, `FORBIDDEN`.
    pub fn erase(&self, name: &Name, by: &str) -> Result<(), Reject> {
        let mut room = self.lock();
        let owner = fs::read(self.path(name, "by"));
        let owner = owner.map_err(|_| Reject::new(Code::NotFound, "/envelopeNo", ""))?;
        if owner != by.as_bytes() {
            let detail = "who put an envelope here erases it";
            return Err(Reject::new(Code::Forbidden, "/capability", detail));
        }
        let whole = self.path(name, "json");
        let bytes = fs::metadata(&whole).map_or(0, |data| data.len());
        fs::remove_file(&whole).map_err(disk)?;
        fs::remove_file(self.path(name, "by")).map_err(disk)?;
        room.bytes = room.bytes.saturating_sub(bytes);
        sync_folder(&whole)
    }

    /// Version and number of each whole envelope of a record.
    fn of_record(&self, id: &str) -> Vec<(u64, u64)> {
        let entries = fs::read_dir(self.folder.join(id)).into_iter().flatten();
        let name = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let (version, number) = name.strip_suffix(".json")?.split_once('-')?;
            Some((version.parse().ok()?, number.parse().ok()?))
        };
        entries.flatten().filter_map(name).collect()
    }
}

/// Appends to a file that ends at `offset`; at 0 it begins anew. Returns its length.
fn append(path: &Path, offset: u64, bytes: &[u8]) -> Result<u64, Reject> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(disk)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true);
    let options = if offset == 0 { options.truncate(true) } else { options.append(true) };
    let mut file = options.open(path).map_err(disk)?;
    let there = file.metadata().map_err(disk)?.len();
    if there != offset {
        let detail = format!("{there} bytes are there");
        return Err(Reject::new(Code::VersionConflict, "/offset", &detail));
    }
    file.write_all(bytes).map_err(disk)?;
    Ok(offset.saturating_add(bytes.len() as u64))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Reject> {
    let mut file = fs::File::create(path).map_err(disk)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(disk)
}

/// A name is on disk when its folder is, and that of the folder when the one above is.
fn sync_folder(path: &Path) -> Result<(), Reject> {
    for folder in path.ancestors().skip(1).take(3) {
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk)?;
    }
    Ok(())
}

fn disk(error: std::io::Error) -> Reject {
    tracing::error!(%error, "envelopes: the disk failed");
    Reject::new(Code::Unavailable, "", "the disk failed")
}

/// Drops the parts that were given up. Returns their bytes.
fn drop_old_parts(folder: &Path) -> u64 {
    let given_up = |entry: fs::DirEntry| {
        let path = entry.path();
        let data = entry.metadata().ok().filter(|_| path.extension() == Some("part".as_ref()))?;
        let age = data.modified().ok()?.elapsed().ok()?;
        (age > PART_TIME && fs::remove_file(&path).is_ok()).then_some(data.len())
    };
    files_below(folder).filter_map(given_up).sum()
}

fn bytes_below(folder: &Path) -> u64 {
    files_below(folder).filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

fn files_below(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let records = fs::read_dir(folder).into_iter().flatten().flatten();
    records.flat_map(|record| fs::read_dir(record.path()).into_iter().flatten().flatten())
}
