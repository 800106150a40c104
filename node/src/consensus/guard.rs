//! The double-sign guard: remembers the last message signed and refuses what could contradict it.
//!
//! Invariant: before a signature leaves [`Guard::admit`]'s caller, its (height, round, step,
//! digest) is on disk; what is lower than the last admitted message, or differs from it at the
//! same place, is refused, in this process and in every later one. Signing the same again is fine.
//! The file holds two slots written in turn, each with a checksum, so a torn write loses at most
//! the message that was not yet signed. Deliberately not here: votes of others, and any repair. A
//! file whose slots are both damaged is an error an operator has to look at.

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
}

/// The open guard file and what it says.
#[derive(Debug)]
pub struct Guard {
    file: File,
    path: PathBuf,
    last: Option<Mark>,
    sequence: u64,
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
            return Ok(Self { file, path: path.to_owned(), last: None, sequence: 0 });
        }
        let slots: Vec<(u64, Mark)> = content.chunks(SLOT_BYTES).filter_map(read_slot).collect();
        let newest = slots.into_iter().max_by_key(|(sequence, _)| *sequence);
        let untouched = content.len() == SLOT_BYTES * SLOTS && content.iter().all(|b| *b == 0);
        match newest {
            Some((sequence, mark)) => {
                Ok(Self { file, path: path.to_owned(), last: Some(mark), sequence })
            }
            None if untouched => {
                Ok(Self { file, path: path.to_owned(), last: None, sequence: 0 })
            }
            None => Err(GuardError::Damaged { path: path.to_owned() }),
        }
    }

    /// The last message admitted.
    pub const fn last(&self) -> Option<Mark> {
        self.last
    }

    /// Allows the caller to sign `mark`, or says why not. After `Ok` it is on disk.
    pub fn admit(&mut self, mark: Mark) -> Result<(), GuardError> {
        if let Some(last) = self.last {
            let asked_place = (mark.height, mark.round, mark.step);
            let last_place = (last.height, last.round, last.step);
            if asked_place < last_place {
                return Err(GuardError::Lower { asked: mark, last });
            }
            if asked_place == last_place {
                if mark.digest == last.digest {
                    return Ok(());
                }
                return Err(GuardError::Conflict { asked: mark, last });
            }
        }
        let sequence = self.sequence.saturating_add(1);
        self.write(sequence, &mark)
            .map_err(|source| GuardError::Io { path: self.path.clone(), source })?;
        self.sequence = sequence;
        self.last = Some(mark);
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
        let folder = std::env::temp_dir().join(format!("titian-guard-{}-{name}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        folder.join("guard")
    }

    #[test]
    fn lower_and_conflicting_messages_are_refused_also_after_reopening() {
        let path = fresh("order");
        for _ in 0..2 {
            let mut guard = Guard::open(&path).expect("opens");
            guard.admit(mark(5, 1, Step::Prevote, "a")).expect("first, then identical");
            for lower in [
                mark(4, 9, Step::Precommit, "a"),
                mark(5, 0, Step::Precommit, "a"),
                mark(5, 1, Step::Propose, "a"),
            ] {
                assert!(matches!(guard.admit(lower), Err(GuardError::Lower { .. })));
            }
            let conflict = guard.admit(mark(5, 1, Step::Prevote, "b"));
            assert!(matches!(conflict, Err(GuardError::Conflict { .. })));
            assert_eq!(guard.last(), Some(mark(5, 1, Step::Prevote, "a")));
        }
        let mut guard = Guard::open(&path).expect("opens");
        guard.admit(mark(5, 1, Step::Precommit, "b")).expect("higher step");
        guard.admit(mark(6, 0, Step::Propose, "c")).expect("higher height");
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before_it() {
        let path = fresh("torn");
        let mut guard = Guard::open(&path).expect("opens");
        guard.admit(mark(1, 0, Step::Prevote, "a")).expect("admits");
        guard.admit(mark(1, 0, Step::Precommit, "a")).expect("admits");
        drop(guard);
        let mut bytes = std::fs::read(&path).expect("reads");
        bytes[30] ^= 1; // sequence 2 lies in slot 0
        std::fs::write(&path, &bytes).expect("writes");
        let guard = Guard::open(&path).expect("opens");
        assert_eq!(guard.last(), Some(mark(1, 0, Step::Prevote, "a")));
        drop(guard);
        bytes[SLOT_BYTES + 30] ^= 1;
        std::fs::write(&path, &bytes).expect("writes");
        assert!(matches!(Guard::open(&path), Err(GuardError::Damaged { .. })));
    }

    #[test]
    fn a_second_guard_on_the_same_file_is_refused() {
        let path = fresh("lock");
        let _first = Guard::open(&path).expect("opens");
        assert!(matches!(Guard::open(&path), Err(GuardError::Io { .. })));
    }
}
