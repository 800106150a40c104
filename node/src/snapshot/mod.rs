//! Snapshots: the whole state of a height in files, and the records of the UBIN register as lines
//! (ledger.md §6, ubin-api.md §9).
//!
//! Invariant: a folder named by a height is complete: it is written under another name, synced, and
//! renamed. Writing reads the database as of a height and never makes consensus wait; what a crash
//! leaves is removed and written again. What is written depends on the ledger only, so that every
//! node has the same lines and shards.
//!
//! `files` is the form of files; `write` makes a snapshot, `restore` starts a node from one. It
//! deliberately serves nobody: that is the interface's.

mod files;
mod restore;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use titian_contracts::json;
use titian_contracts::snapshot::UbinManifest;
use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::space::{Level, Space};
use crate::store::StoreError;

pub use restore::restore;

/// The lines of the UBIN register.
const UBIN_FILE: &str = "ubin.ndjson.zst";
/// Their manifest.
const UBIN_MANIFEST: &str = "ubin.json";
/// The manifest of the state.
const LEDGER_MANIFEST: &str = "ledger.json";
/// UBIN bodies by hash.
const BODIES_FILE: &str = "bodies.zst";
/// Positions of recent transactions.
const RECENT_FILE: &str = "recent";

fn shard_file(shard: usize) -> String {
    format!("shard-{shard:02x}")
}

/// Why a snapshot cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The system refused a file.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No snapshot can be made of this height.
    #[error("no snapshot of height {0}: it is not below the head, or not kept")]
    Height(u64),
    /// The node stops.
    #[error("the node stops")]
    Stopped,
    /// What the files hold is not what the manifest says.
    #[error("{file}: {what}")]
    Differs {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
}

impl SnapshotError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }

    fn differs(file: &str, what: impl std::fmt::Display) -> Self {
        Self::Differs { file: file.to_owned(), what: what.to_string() }
    }
}

/// The snapshots of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshots(Arc<Settings>);

#[derive(Debug)]
struct Settings {
    folder: PathBuf,
    interval: u64,
    keep: usize,
}

impl Snapshots {
    /// Snapshots in `folder`, one every `interval` heights (0 = none), of which the last `keep`
    /// stay.
    pub fn new(folder: PathBuf, interval: u64, keep: usize) -> Self {
        Self(Arc::new(Settings { folder, interval, keep }))
    }

    /// The folder of a height.
    pub fn folder_of(&self, height: u64) -> PathBuf {
        self.0.folder.join(height.to_string())
    }

    /// Heights of complete snapshots, newest first.
    pub fn heights(&self) -> Vec<u64> {
        let entries = std::fs::read_dir(&self.0.folder).into_iter().flatten().flatten();
        let mut heights: Vec<u64> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let height: u64 = name.parse().ok()?;
                (height.to_string() == name).then_some(height)
            })
            .collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights
    }

    /// The manifest of the UBIN snapshot of a height.
    pub fn ubin_manifest(&self, height: u64) -> Option<UbinManifest> {
        let bytes = std::fs::read(self.folder_of(height).join(UBIN_MANIFEST)).ok()?;
        UbinManifest::parse(&json::parse(&bytes).ok()?).ok()
    }

    /// The file of the UBIN snapshot of a height.
    pub fn ubin_file(&self, height: u64) -> PathBuf {
        self.folder_of(height).join(UBIN_FILE)
    }

    /// The height that a snapshot is due of, if it is not there: the last multiple of the interval
    /// whose root stands in a decided header.
    fn due(&self, ledger: &Ledger) -> Option<u64> {
        let provable = ledger.head().height.checked_sub(1)?;
        let height = provable - provable.checked_rem(self.0.interval)?;
        (height > ledger.store().base() && !self.folder_of(height).exists()).then_some(height)
    }

    /// Writes the snapshot of `height` unless `stopped`, and removes those beyond the number to
    /// keep.
    pub fn write(
        &self,
        ledger: &Ledger,
        height: u64,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), SnapshotError> {
        let folder = &self.0.folder;
        std::fs::create_dir_all(folder).map_err(SnapshotError::file(folder))?;
        self.clear();
        let (partial, complete) =
            (folder.join(format!("{height}.partial")), self.folder_of(height));
        std::fs::create_dir(&partial).map_err(SnapshotError::file(&partial))?;
        write::write(ledger, height, &partial, stopped)?;
        files::sync(&partial)?;
        std::fs::rename(&partial, &complete).map_err(SnapshotError::file(&complete))?;
        files::sync(folder)?;
        for old in self.heights().into_iter().skip(self.0.keep.max(1)) {
            let (from, to) = (self.folder_of(old), folder.join(format!("{old}.partial")));
            // first it loses its name, so that nobody finds half of it
            std::fs::rename(&from, &to).map_err(SnapshotError::file(&from))?;
            std::fs::remove_dir_all(&to).map_err(SnapshotError::file(&to))?;
        }
        Ok(())
    }

    /// Removes what an interrupted writer left.
    fn clear(&self) {
        let entries = std::fs::read_dir(&self.0.folder).into_iter().flatten().flatten();
        for entry in entries {
            if entry.path().extension().is_some_and(|end| end == "partial") {
                // what cannot be removed shows again when the folder is made
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Writes each snapshot when it is due, away from the threads that serve, until `stopped`.
    pub async fn keep_up(self, ledger: Ledger, space: Space, mut stopped: watch::Receiver<bool>) {
        let mut head = ledger.subscribe_head();
        let mut failed = None;
        loop {
            head.borrow_and_update();
            let wanted = |height: &u64| space.level() == Level::Enough && failed != Some(*height);
            if let Some(height) = self.due(&ledger).filter(wanted) {
                let (snapshots, of, stop) = (self.clone(), ledger.clone(), stopped.clone());
                let begin = std::time::Instant::now();
                let write = move || snapshots.write(&of, height, &|| *stop.borrow());
                let written = tokio::task::spawn_blocking(write).await;
                let fault = match written {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(error) => Some(error.to_string()),
                };
                match &fault {
                    None => tracing::info!(height, elapsed = ?begin.elapsed(), "snapshot written"),
                    Some(fault) => tracing::error!(height, fault, "no snapshot of this height"),
                }
                failed = fault.map(|_| height);
            }
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return },
                _ = stopped.changed() => return,
            }
        }
    }
}
