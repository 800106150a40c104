//! The double-sign guard: remembers the last message that left and refuses what could contradict it.
//!
//! Two steps. [`Guard::admit`] before signing: what is lower than the last message signed or
//! released, or differs from it at the same place, is refused; the same again is fine.
//! [`Guard::release`] before the signature leaves the process: its (height, round, step, digest) is
//! on disk when it returns. Invariant: no signature is seen by anyone before the file on disk says
//! at least its place. A crash between the two steps forgets a signature nobody saw, so the node
//! may sign otherwise afterwards; were it remembered, a few nodes killed at that point could block
//! a round for good. What left is also in the engine's log, which is flushed before; the guard is
//! there for the day the log is lost or an old copy of it comes back.
//! A file that says nothing yet is [new](Guard::is_new): whoever opens it decides whether this key
//! may have signed before, and only then [begins](Guard::begin) it.
//! The file holds two slots written in turn, each with a checksum, so a torn write leaves the slot
//! before it. Deliberately not here: votes of others, and any repair. A file whose slots are both
//! damaged is an error an operator has to look at.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use titian_contracts::digest::{Digest, hash};

const SLOT_BYTES: usize = 128;
const SLOTS: usize = 2;
const VERSION: u8 = 1;

/// The place of a message within its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Step {
    /// A proposal.
    Propose = 1,
    /// The first vote.
    Prevote = 2,
    /// The second vote.
    Precommit = 3,
}

impl Step {
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Propose),
            2 => Some(Self::Prevote),
            3 => Some(Self::Precommit),
            _ => None,
        }
    }
}

/// A signed message, as far as the guard has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its height.
    pub height: u64,
    /// Its round.
    pub round: u32,
    /// Its step.
    pub step: Step,
    /// Digest of its sign bytes.
    pub digest: Digest,
}

impl Mark {
    const fn place(&self) -> (u64, u32, Step) {
        (self.height, self.round, self.step)
    }

    /// The mark of a message with these sign bytes.
    pub fn of(height: u64, round: u32, step: Step, sign_bytes: &[u8]) -> Self {
        Self { height, round, step, digest: hash("titian signed message v1", &[sign_bytes]) }
    }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Something later was signed already.
    #[error("refused to sign at {asked:?}: signed already {last:?}")]
    Lower {
        /// What was asked.
        asked: Mark,
        /// What was signed last.
        last: Mark,
    },
    /// Something else was signed at this place.
    #[error("refused to sign a second message at {asked:?}: signed already {last:?}")]
    Conflict {
        /// What was asked.
        asked: Mark,
        /// What was signed last.
        last: Mark,
    },
    /// The file cannot be read or written.
    #[error("double-sign guard {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An earlier write failed; nothing may be signed any more.
    #[error("double-sign guard {path}: an earlier write failed")]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no valid slot.
    #[error(
        "double-sign guard {path} is damaged; check with the other validators what this one \
         signed last before removing the file"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl GuardError {
    /// Whether signing was refused, as opposed to impossible.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Lower { .. } | Self::Conflict { .. })
    }

    /// What failed, for everybody: without the path.
    pub fn public(&self) -> String {
        match self {
            Self::Lower { .. } | Self::Conflict { .. } => self.to_string(),
            Self::Io { source, .. } => format!("double-sign guard: {}", source.kind()),
            Self::Broken { .. } => "double-sign guard: an earlier write failed".to_owned(),
            Self::Damaged { .. } => "the double-sign guard is damaged".to_owned(),
        }
    }
}

/// The open guard file and what it says.
#[derive(Debug)]
pub struct Guard {
    file: File,
    path: PathBuf,
    released: Option<Mark>,
    signed: Option<Mark>,
    sequence: u64,
    broken: bool,
}

impl Guard {
    /// Opens the guard, creating it where there is none. Only one guard may be open per file: a
    /// lock on the file is held until it is dropped.
    pub fn open(path: &Path) -> Result<Self, GuardError> {
        let io = |source| GuardError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        file.try_lock().map_err(|e| io(e.into()))?;
        let mut content = Vec::with_capacity(SLOT_BYTES * SLOTS);
        Read::by_ref(&mut file).take(4096).read_to_end(&mut content).map_err(io)?;
        if content.is_empty() {
            file.write_all(&[0; SLOT_BYTES * SLOTS]).map_err(io)?;
            file.sync_all().map_err(io)?;
            sync_folder(path).map_err(io)?;
            content = vec![0; SLOT_BYTES * SLOTS];
        }
        let slots: Vec<(u64, Mark)> = content.chunks(SLOT_BYTES).filter_map(read_slot).collect();
        let newest = slots.into_iter().max_by_key(|(sequence, _)| *sequence);
        let untouched = content.len() == SLOT_BYTES * SLOTS && content.iter().all(|b| *b == 0);
        if newest.is_none() && !untouched {
            return Err(GuardError::Damaged { path: path.to_owned() });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            released: newest.map(|(_, mark)| mark),
            signed: None,
            sequence: newest.map_or(0, |(sequence, _)| sequence),
            broken: false,
        })
    }

    /// Whether nothing stands in it: it was made just now, or a power cut tore its first bytes.
    pub const fn is_new(&self) -> bool {
        self.released.is_none()
    }

    /// Whether a guard at `path` says nothing, or is not there. Opens nothing for writing.
    pub fn is_missing(path: &Path) -> bool {
        std::fs::read(path).map_or(true, |content| content.iter().all(|byte| *byte == 0))
    }

    /// Begins a new guard: nothing at or below the `decided` height is signed from now on. On disk
    /// when it returns, so that a later start tells this guard from a lost one. A guard that says
    /// something already stays as it is.
    pub fn begin(&mut self, decided: u64) -> Result<(), GuardError> {
        let nothing = Digest([0; 32]);
        let mark =
            Mark { height: decided, round: u32::MAX, step: Step::Precommit, digest: nothing };
        if self.is_new() { self.release(mark) } else { Ok(()) }
    }

    /// The highest message that may have left.
    pub const fn released(&self) -> Option<Mark> {
        self.released
    }

    /// Allows the caller to sign `mark`, or says why not.
    pub fn admit(&mut self, mark: Mark) -> Result<(), GuardError> {
        if self.broken {
            return Err(GuardError::Broken { path: self.path.clone() });
        }
        let last = self.released.into_iter().chain(self.signed).max_by_key(Mark::place);
        if let Some(last) = last {
            if mark.place() < last.place() {
                return Err(GuardError::Lower { asked: mark, last });
            }
            if mark.place() == last.place() && mark.digest != last.digest {
                return Err(GuardError::Conflict { asked: mark, last });
            }
        }
        self.signed = Some(mark);
        Ok(())
    }

    /// Allows a message that was signed to leave: after `Ok` the file on disk says at least its
    /// place. Messages may leave in another order than they were signed, and again after a
    /// restart; what lies below the highest one was admitted when it was signed.
    pub fn release(&mut self, mark: Mark) -> Result<(), GuardError> {
        if self.broken {
            return Err(GuardError::Broken { path: self.path.clone() });
        }
        if self.released.is_some_and(|released| released.place() >= mark.place()) {
            return Ok(());
        }
        let sequence = self.sequence.saturating_add(1);
        if let Err(source) = self.write(sequence, &mark) {
            self.broken = true;
            return Err(GuardError::Io { path: self.path.clone(), source });
        }
        self.sequence = sequence;
        self.released = Some(mark);
        Ok(())
    }

    fn write(&mut self, sequence: u64, mark: &Mark) -> std::io::Result<()> {
        let slot = sequence % SLOTS as u64;
        self.file.seek(SeekFrom::Start(slot * SLOT_BYTES as u64))?;
        self.file.write_all(&slot_bytes(sequence, mark))?;
        self.file.sync_data()
    }
}

// version, sequence, height, round, step, digest, checksum of all before it; zeros to the end
fn slot_bytes(sequence: u64, mark: &Mark) -> [u8; SLOT_BYTES] {
    let mut body = Vec::with_capacity(SLOT_BYTES);
    body.push(VERSION);
    body.extend_from_slice(&sequence.to_be_bytes());
    body.extend_from_slice(&mark.height.to_be_bytes());
    body.extend_from_slice(&mark.round.to_be_bytes());
    body.push(mark.step as u8);
    body.extend_from_slice(&mark.digest.0);
    let sum = hash("titian guard slot v1", &[&body]);
    body.extend_from_slice(&sum.0);
    body.resize(SLOT_BYTES, 0);
    body.try_into().expect("resized to the length of a slot")
}

fn read_slot(bytes: &[u8]) -> Option<(u64, Mark)> {
    let version = *bytes.first()?;
    let sequence = u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?);
    let height = u64::from_be_bytes(bytes.get(9..17)?.try_into().ok()?);
    let round = u32::from_be_bytes(bytes.get(17..21)?.try_into().ok()?);
    let step = Step::of(*bytes.get(21)?)?;
    let digest = Digest(bytes.get(22..54)?.try_into().ok()?);
    let mark = Mark { height, round, step, digest };
    (version == VERSION && bytes == slot_bytes(sequence, &mark)).then_some((sequence, mark))
}

// a new file name is durable only once its folder is synced
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(height: u64, round: u32, step: Step, text: &str) -> Mark {
        Mark::of(height, round, step, text.as_bytes())
    }

    fn fresh(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("titian-guard-{}-{name}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        folder.join("guard")
    }

    fn leave(guard: &mut Guard, mark: Mark) {
        guard.admit(mark).expect("admits");
        guard.release(mark).expect("releases");
    }

    #[test]
    fn everybody_is_told_what_failed_and_no_path() {
        use super::super::EngineError;
        let path = fresh("public");
        std::fs::create_dir_all(&path).expect("made");
        let io = Guard::open(&path).expect_err("a folder is no guard");
        let damaged = GuardError::Damaged { path: path.clone() };
        let broken = GuardError::Broken { path: path.clone() };
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let home = EngineError::Home { path: path.clone(), source: full };
        let start = EngineError::Start(format!("{}: no room", path.display()));
        let named = path.display().to_string();
        for error in [io.into(), damaged.into(), broken.into(), home, start] {
            let (told, logged) = (EngineError::public(&error), error.to_string());
            assert!(logged.contains(&named), "{logged}");
            assert!(!told.is_empty() && !told.contains('/'), "{told}");
        }
        std::fs::remove_dir_all(&path).expect("removed");
    }

    #[test]
    fn lower_and_conflicting_messages_are_refused_also_after_reopening() {
        let path = fresh("order");
        for _ in 0..2 {
            let mut guard = Guard::open(&path).expect("opens");
            leave(&mut guard, mark(5, 1, Step::Prevote, "a"));
            for lower in [
                mark(4, 9, Step::Precommit, "a"),
                mark(5, 0, Step::Precommit, "a"),
                mark(5, 1, Step::Propose, "a"),
            ] {
                assert!(matches!(guard.admit(lower), Err(GuardError::Lower { .. })));
            }
            let conflict = guard.admit(mark(5, 1, Step::Prevote, "b"));
            assert!(matches!(conflict, Err(GuardError::Conflict { .. })));
            assert_eq!(guard.released(), Some(mark(5, 1, Step::Prevote, "a")));
        }
        let mut guard = Guard::open(&path).expect("opens");
        leave(&mut guard, mark(5, 1, Step::Precommit, "b"));
        leave(&mut guard, mark(6, 0, Step::Propose, "c"));
    }

    #[test]
    fn what_was_signed_but_did_not_leave_binds_this_process_only() {
        let path = fresh("unseen");
        let mut guard = Guard::open(&path).expect("opens");
        leave(&mut guard, mark(5, 0, Step::Prevote, "a"));
        guard.admit(mark(5, 0, Step::Precommit, "a")).expect("admits");
        let conflict = guard.admit(mark(5, 0, Step::Precommit, "b"));
        assert!(matches!(conflict, Err(GuardError::Conflict { .. })));
        drop(guard);
        let mut guard = Guard::open(&path).expect("opens");
        leave(&mut guard, mark(5, 0, Step::Precommit, "b"));
    }

    #[test]
    fn messages_may_leave_in_another_order_than_they_were_signed() {
        let path = fresh("inverted");
        let mut guard = Guard::open(&path).expect("opens");
        guard.admit(mark(5, 0, Step::Prevote, "a")).expect("admits");
        guard.admit(mark(5, 0, Step::Precommit, "a")).expect("admits");
        guard.release(mark(5, 0, Step::Precommit, "a")).expect("releases");
        guard.release(mark(5, 0, Step::Prevote, "a")).expect("releases");
        drop(guard);
        let mut guard = Guard::open(&path).expect("opens");
        assert_eq!(guard.released(), Some(mark(5, 0, Step::Precommit, "a")));
        let lower = guard.admit(mark(5, 0, Step::Prevote, "b"));
        assert!(matches!(lower, Err(GuardError::Lower { .. })));
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before_it() {
        let path = fresh("torn");
        let mut guard = Guard::open(&path).expect("opens");
        leave(&mut guard, mark(1, 0, Step::Prevote, "a"));
        leave(&mut guard, mark(1, 0, Step::Precommit, "a"));
        drop(guard);
        let mut bytes = std::fs::read(&path).expect("reads");
        bytes[30] ^= 1; // sequence 2 lies in slot 0
        std::fs::write(&path, &bytes).expect("writes");
        let guard = Guard::open(&path).expect("opens");
        assert_eq!(guard.released(), Some(mark(1, 0, Step::Prevote, "a")));
        drop(guard);
        bytes[SLOT_BYTES + 30] ^= 1;
        std::fs::write(&path, &bytes).expect("writes");
        assert!(matches!(Guard::open(&path), Err(GuardError::Damaged { .. })));
    }

    #[test]
    fn a_new_guard_is_told_from_one_that_was_begun_and_signs_only_above_what_is_decided() {
        let path = fresh("new");
        assert!(Guard::is_missing(&path));
        let guard = Guard::open(&path).expect("opens");
        assert!(guard.is_new() && Guard::is_missing(&path), "opening says nothing");
        drop(guard);
        for torn in [Vec::new(), vec![0; 7], vec![0; SLOT_BYTES * SLOTS]] {
            std::fs::write(&path, &torn).expect("writes");
            assert!(Guard::is_missing(&path), "{} bytes", torn.len());
        }
        let mut guard = Guard::open(&path).expect("opens");
        assert!(guard.is_new());
        guard.begin(495).expect("begins");
        let below = guard.admit(mark(495, 3, Step::Precommit, "a"));
        assert!(matches!(below, Err(GuardError::Lower { .. })));
        drop(guard);
        let mut guard = Guard::open(&path).expect("opens");
        assert!(!guard.is_new() && !Guard::is_missing(&path), "it was begun");
        leave(&mut guard, mark(496, 0, Step::Prevote, "a"));
        guard.begin(900).expect("does nothing");
        assert_eq!(guard.released(), Some(mark(496, 0, Step::Prevote, "a")));
    }

    #[test]
    fn a_second_guard_on_the_same_file_is_refused() {
        let path = fresh("lock");
        let _first = Guard::open(&path).expect("opens");
        assert!(matches!(Guard::open(&path), Err(GuardError::Io { .. })));
    }
}
