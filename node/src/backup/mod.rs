//! Backups of a node, made while it runs: a folder each, named by its time.
//!
//! ```text
//! <folder>/20261128T053000Z/backup.json    what it is of
//!                           ledger/        the database as of a height
//!                           custody/  subject-keys/    what was issued here; 30 days at most
//!                           envelopes/     sealed contents of records; 30 days at most
//! ```
//!
//! Invariants: a folder with such a name is complete and on disk (it is written under another name,
//! synced, renamed); what is erased on the node is in no backup made with this module after 30 days
//! (vc-api.md A§9), because every new backup drops those parts of the old ones.
//!
//! Deliberately not in a backup: the vote guard and the engine's log, since a validator that votes
//! with old ones could sign twice; key files and secrets, which are the operator's to keep elsewhere.

mod files;
mod restore;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use titian_contracts::{limits, time};

use crate::custody::{self, Custody};
use crate::envelopes::Envelopes;
use crate::ledger::Ledger;
use crate::store::StoreError;
use files::{make_private, sync, sync_tree};
pub use restore::{Restored, is_backup, restore};

/// The description of a backup.
const MANIFEST: &str = "backup.json";
/// The database of the ledger.
const LEDGER: &str = "ledger";
/// The sealed contents of records.
const ENVELOPES: &str = "envelopes";
/// What a backup that is not finished ends with.
const PARTIAL: &str = "partial";
/// The parts that end, with what is erasable in them.
const ERASABLE: [&str; 3] = [custody::RECORDS_FOLDER, custody::KEYS_FOLDER, ENVELOPES];

/// Why a backup cannot be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The system refused a file.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another backup is being made.
    #[error("a backup is being made")]
    Busy,
    /// A fault of the program.
    #[error("the backup ended by a fault of the program")]
    Fault,
    /// It is none, or not of this network.
    #[error("{}: {what}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl BackupError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }

    fn unfit(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::Unfit { path: path.to_owned(), what: what.to_string() }
    }
}

/// What a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    /// Version of this form.
    titian_backup: u32,
    chain: String,
    genesis: String,
    /// The height that the database has at least.
    height: u64,
    /// When it was made, ms since the Unix epoch.
    time_ms: u64,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its folder.
    pub folder: PathBuf,
    /// The height that the database has at least.
    pub height: u64,
    /// Earlier backups that were removed, by name.
    pub removed: Vec<String>,
    /// Earlier backups that lost what is erasable, by name.
    pub expired: Vec<String>,
}

/// What a backup is made of: what the node has open.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The ledger.
    pub ledger: Ledger,
    /// What was issued here, if the node issues.
    pub custody: Option<Custody>,
    /// The sealed contents of records.
    pub envelopes: Arc<Envelopes>,
}

impl Sources {
    /// Copies all of it; gives the height that the copy has at least.
    fn fill(&self, folder: &Path, now_ms: u64) -> Result<u64, BackupError> {
        // the database may move on before its copy is made, never back
        let height = self.ledger.head().height;
        self.ledger.store().copy_to(&folder.join(LEDGER))?;
        if let Some(custody) = &self.custody {
            custody.copy_to(folder)?;
        }
        let envelopes = folder.join(ENVELOPES);
        self.envelopes.copy_to(&envelopes).map_err(BackupError::file(&envelopes))?;
        let manifest = Manifest {
            titian_backup: 1,
            chain: self.ledger.chain().to_owned(),
            genesis: self.ledger.genesis().hash.to_string(),
            height,
            time_ms: now_ms,
        };
        let path = folder.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|fault| BackupError::unfit(&path, fault))?;
        fs::write(&path, text).map_err(BackupError::file(&path))?;
        Ok(height)
    }
}

/// How the last backup stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is being made.
    Running,
    /// It is on disk.
    Done(Written),
    /// It could not be made, and why.
    Failed(String),
}

/// The backups of a node. Cheap to clone; a running node makes one at a time.
#[derive(Clone, Debug)]
pub struct Backups(Arc<Settings>);

#[derive(Debug)]
struct Settings {
    folder: PathBuf,
    keep: usize,
    last: Mutex<Option<Last>>,
}

/// The last backup that was begun.
#[derive(Debug)]
struct Last {
    name: String,
    thread: Option<JoinHandle<Result<Written, BackupError>>>,
    /// Closed when the thread ends, however it does.
    ended: Receiver<()>,
    outcome: Option<Result<Written, String>>,
}

impl Last {
    /// Takes the outcome of the thread if it ends within `patience`.
    fn collect(&mut self, patience: Duration) {
        let ended = self.ended.recv_timeout(patience) != Err(RecvTimeoutError::Timeout);
        if let Some(thread) = self.thread.take_if(|_| ended) {
            let outcome = thread.join().unwrap_or(Err(BackupError::Fault));
            match &outcome {
                Ok(written) => {
                    let Written { height, removed, expired, .. } = written;
                    tracing::info!(name = %self.name, height, ?removed, ?expired, "backup made");
                }
                Err(error) => tracing::error!(name = %self.name, %error, "no backup was made"),
            }
            self.outcome = Some(outcome.map_err(|error| error.to_string()));
        }
    }
}

impl Backups {
    /// Backups in `folder`; the last `keep` stay.
    pub fn new(folder: PathBuf, keep: usize) -> Self {
        Self(Arc::new(Settings { folder, keep, last: Mutex::new(None) }))
    }

    /// Begins one beside what the node does, and gives its name. Errors: `Busy`.
    pub fn begin(&self, sources: Sources, now_ms: u64) -> Result<String, BackupError> {
        let mut last = self.last();
        if let Some(last) = last.as_mut() {
            last.collect(Duration::ZERO);
            if last.thread.is_some() {
                return Err(BackupError::Busy);
            }
        }
        let (backups, name) = (self.clone(), self.free_name(now_ms));
        let begun = name.clone();
        let (ending, ended) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("backup".to_owned())
            .spawn(move || {
                let _ending = ending;
                backups.make_as(&begun, &sources, now_ms)
            })
            .map_err(BackupError::file(&self.0.folder))?;
        *last = Some(Last { name: name.clone(), thread: Some(thread), ended, outcome: None });
        Ok(name)
    }

    /// How the backup of a name stands, if it is the last that was begun since the node started: as
    /// soon as it is made, or after `patience`.
    pub fn progress(&self, name: &str, patience: Duration) -> Option<Progress> {
        let mut last = self.last();
        let last = last.as_mut().filter(|last| last.name == name)?;
        last.collect(patience);
        Some(match &last.outcome {
            None => Progress::Running,
            Some(Ok(written)) => Progress::Done(written.clone()),
            Some(Err(reason)) => Progress::Failed(reason.clone()),
        })
    }

    /// Waits for the one that is being made: it reads the database.
    pub fn finish(&self) {
        if let Some(last) = self.last().as_mut() {
            last.collect(Duration::MAX);
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one, then removes what must not stay of earlier ones. Blocks go on meanwhile.
    pub fn make(&self, sources: &Sources, now_ms: u64) -> Result<Written, BackupError> {
        self.make_as(&self.free_name(now_ms), sources, now_ms)
    }

    /// The name of a time, or of the next second that has no backup.
    fn free_name(&self, now_ms: u64) -> String {
        let mut names =
            (0..limits::BACKUPS_MAX as u64 + 1).map(|second| name_of(now_ms + second * 1_000));
        let free = names.find(|name| !self.0.folder.join(name).exists());
        free.unwrap_or_else(|| name_of(now_ms))
    }

    fn make_as(&self, name: &str, sources: &Sources, now_ms: u64) -> Result<Written, BackupError> {
        let whole = self.0.folder.join(name);
        make_private(&self.0.folder)?;
        self.drop_partial()?;
        // also if this backup fails: what is erased must not stay because a disk is full
        let expired = self.expire(now_ms)?;
        let partial = whole.with_extension(PARTIAL);
        make_private(&partial)?;
        let filled = sources.fill(&partial, now_ms).and_then(|height| {
            sync_tree(&partial)?;
            fs::rename(&partial, &whole).map_err(BackupError::file(&whole))?;
            Ok(height)
        });
        if filled.is_err() {
            // half a backup helps nobody and may be what fills the disk; what cannot be removed now
            // the next backup removes
            let _ = files::remove(&partial);
        }
        let height = filled?;
        sync(&self.0.folder)?;
        let removed = self.remove_old()?;
        Ok(Written { folder: whole, height, removed, expired })
    }

    /// Names of the complete backups, oldest first.
    pub fn names(&self) -> Result<Vec<String>, BackupError> {
        let mut names: Vec<String> = files::names(&self.0.folder)?;
        names.retain(|name| time_of(name).is_some());
        names.sort();
        Ok(names)
    }

    fn drop_partial(&self) -> Result<(), BackupError> {
        for name in files::names(&self.0.folder)? {
            let is_ours = name.strip_suffix(".partial").is_some_and(|name| time_of(name).is_some());
            if is_ours {
                files::remove(&self.0.folder.join(name))?;
            }
        }
        Ok(())
    }

    fn remove_old(&self) -> Result<Vec<String>, BackupError> {
        let mut names = self.names()?;
        names.truncate(names.len().saturating_sub(self.0.keep));
        for name in &names {
            files::remove(&self.0.folder.join(name))?;
        }
        Ok(names)
    }

    /// Removes what is erasable from backups that are too old for it.
    fn expire(&self, now_ms: u64) -> Result<Vec<String>, BackupError> {
        let mut expired = Vec::new();
        for name in self.names()? {
            let age_ms = time_of(&name).map_or(0, |made| now_ms.saturating_sub(made));
            if age_ms < limits::BACKUP_ERASABLE_MS_MAX {
                continue;
            }
            let folder = self.0.folder.join(&name);
            let parts = ERASABLE.map(|part| folder.join(part));
            let there: Vec<&PathBuf> = parts.iter().filter(|part| part.exists()).collect();
            for part in &there {
                files::remove(part)?;
            }
            if !there.is_empty() {
                expired.push(name);
            }
        }
        Ok(expired)
    }
}

/// The name of the backup of a time: `20261128T053000Z`.
fn name_of(ms: u64) -> String {
    time::rfc3339(ms).replace(['-', ':'], "")
}

/// The time that a name says, ms since the Unix epoch; `None` if it is not one of ours.
fn time_of(name: &str) -> Option<u64> {
    let part = |from: usize, to: usize| name.get(from..to);
    let date = format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let number = |from: usize| part(from, from + 2)?.parse::<u64>().ok();
    let seconds = number(9)? * 3_600 + number(11)? * 60 + number(13)?;
    let ms = time::Date::parse(&date)?.start_ms() + seconds * 1_000;
    (name_of(ms) == name).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_are_one_another() {
        assert_eq!(name_of(1_795_843_800_000), "20261128T053000Z");
        assert_eq!(time_of("20261128T053000Z"), Some(1_795_843_800_000));
        for other in
            ["20261128T053000Z.partial", "20261328T053000Z", "lost+found", "", "20261128T053000é"]
        {
            assert_eq!(time_of(other), None, "{other}");
        }
    }
}
