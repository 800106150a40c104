//! A node that starts from a backup.

use std::fs;
use std::path::Path;

use titian_genesis::Genesis;

use super::files::{copy_tree, names, remove, sync, sync_tree};
use super::{BackupError, ENVELOPES, LEDGER, MANIFEST, Manifest};
use crate::custody::{self, Custody};

/// In this order, so that records never stand without the keys that came with them: keys that are
/// newer than the records are those of what was not erased since.
const PLACED: [&str; 3] = [custody::KEYS_FOLDER, custody::RECORDS_FOLDER, ENVELOPES];
/// What ends the name of a folder that is still being copied.
const COMING: &str = "coming";

/// What came of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, ms since the Unix epoch.
    pub time_ms: u64,
    /// Folders that were put in place.
    pub placed: Vec<&'static str>,
    /// Folders of the backup that stand already and were left alone: they are newer.
    pub left: Vec<&'static str>,
    /// Records of custody without a key: erased after the backup, or their keys have expired.
    pub unreadable: usize,
}

/// Whether a folder is a backup.
pub fn is_backup(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

/// Puts a backup into the data folder of a stopped node that has no database. What stands already of
/// custody and envelopes is newer and stays. Each folder comes whole or not at all, the ledger last:
/// after a crash the same command goes on. `secret` is that of custody, if the node has one.
///
/// Errors: `Unfit` if it is not of this network, a database stands already, or custody comes without
/// its secret.
pub fn restore(
    backup: &Path,
    genesis: &Genesis,
    data: &Path,
    secret: Option<&[u8]>,
    now_ms: u64,
) -> Result<Restored, BackupError> {
    let manifest = read_manifest(backup, genesis)?;
    let ledger = data.join(LEDGER);
    if ledger.exists() {
        return Err(BackupError::unfit(&ledger, "there is a database already"));
    }
    fs::create_dir_all(data).map_err(BackupError::file(data))?;
    let (mut placed, mut left) = (Vec::new(), Vec::new());
    let records = data.join(custody::RECORDS_FOLDER);
    if records.exists() && !data.join(custody::KEYS_FOLDER).exists() {
        return Err(BackupError::unfit(&records, "the keys of its subjects are not there"));
    }
    for part in PLACED {
        let (source, target) = (backup.join(part), data.join(part));
        if !source.exists() {
            continue;
        }
        if target.exists() {
            left.push(part);
        } else {
            place(&source, &target)?;
            placed.push(part);
        }
    }
    // never of records that stood here: they are not this backup's
    let mut unreadable = 0;
    if placed.contains(&custody::RECORDS_FOLDER) {
        unreadable = forget_unreadable(data, genesis, secret, now_ms)?;
    }
    place(&backup.join(LEDGER), &ledger)?;
    placed.push(LEDGER);
    Ok(Restored { time_ms: manifest.time_ms, placed, left, unreadable })
}

/// Erases what custody cannot read any more: the keys of its subjects were gone before this backup
/// was made, or had expired.
fn forget_unreadable(
    data: &Path,
    genesis: &Genesis,
    secret: Option<&[u8]>,
    now_ms: u64,
) -> Result<usize, BackupError> {
    let folder = data.join(custody::RECORDS_FOLDER);
    if !folder.exists() {
        return Ok(0);
    }
    let secret = secret.ok_or_else(|| BackupError::unfit(&folder, "its secret is not there"))?;
    let custody = Custody::open(data, secret, &genesis.chain)?;
    let forgotten = custody.forget_unreadable(now_ms);
    custody.finish();
    forgotten.map_err(|reject| BackupError::unfit(&folder, reject))
}

fn read_manifest(backup: &Path, genesis: &Genesis) -> Result<Manifest, BackupError> {
    let path = backup.join(MANIFEST);
    let text = fs::read(&path).map_err(BackupError::file(&path))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|fault| BackupError::unfit(&path, fault))?;
    if manifest.titian_backup != 1 {
        return Err(BackupError::unfit(&path, "a form that this program does not know"));
    }
    if manifest.genesis != genesis.hash.to_string() {
        return Err(BackupError::unfit(&path, "a backup of another network"));
    }
    Ok(manifest)
}

/// Copies a folder: under another name, synced, renamed.
fn place(source: &Path, target: &Path) -> Result<(), BackupError> {
    let coming = target.with_extension(COMING);
    if !names(&coming)?.is_empty() {
        remove(&coming)?;
    }
    copy_tree(source, &coming)?;
    sync_tree(&coming)?;
    fs::rename(&coming, target).map_err(BackupError::file(target))?;
    target.parent().map_or(Ok(()), sync)
}
