//! Folders of a backup: copied, synced, removed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::BackupError;

/// Names within a folder; none if it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(BackupError::file(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BackupError::file(folder))?;
        // what is not UTF-8 is nothing that a node writes
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

/// Makes a folder, and those above it, that nobody but the owner may enter.
pub(super) fn make_private(folder: &Path) -> Result<(), BackupError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).map_err(BackupError::file(folder))
}

/// Copies the files below a folder that stands still.
pub(super) fn copy_tree(from: &Path, to: &Path) -> Result<(), BackupError> {
    make_private(to)?;
    for name in names(from)? {
        let (source, copy) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            copy_tree(&source, &copy)?;
        } else {
            fs::copy(&source, &copy).map_err(BackupError::file(&source))?;
        }
    }
    Ok(())
}

/// Brings every file and folder below `folder` to the disk.
pub(super) fn sync_tree(folder: &Path) -> Result<(), BackupError> {
    for name in names(folder)? {
        let path = folder.join(name);
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            sync(&path)?;
        }
    }
    sync(folder)
}

/// Brings a file, or the names within a folder, to the disk.
pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(BackupError::file(path))
}

/// Removes a folder with all below it, and has the disk forget the name.
pub(super) fn remove(folder: &Path) -> Result<(), BackupError> {
    fs::remove_dir_all(folder).map_err(BackupError::file(folder))?;
    folder.parent().map_or(Ok(()), sync)
}
