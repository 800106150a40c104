//! The files of an import: what it writes is never what it reads, and one input is imported once at a
//! time.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Args;
use super::journal::Journal;
use crate::error::{CommandError, Result};

/// A path with an ending after its name: of a file that is written beside it and takes its place.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Refuses options by which the import would write over its own input, map or schemes, or its report
/// and its journal over each other.
pub(super) fn check_distinct(args: &Args, journal: &Journal) -> Result<()> {
    let read = [
        ("the input", Some(args.file.as_path())),
        ("the column map", args.map.as_deref()),
        ("the schemes", args.schemes.file()),
    ];
    let read = read.into_iter().filter_map(|(what, path)| Some((what, path?.to_owned())));
    let mut taken: Vec<(&str, PathBuf)> = read.collect();
    let written = [("the journal", Some(journal.path())), ("the report", args.report.as_deref())];
    for (what, path) in written {
        let Some(path) = path else { continue };
        // a file behind a link is written beside itself
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let both = [beside(&place, ".new"), place];
        let clash = |(_, taken): &&(&str, PathBuf)| both.iter().any(|path| is_same(path, taken));
        if let Some((other, _)) = taken.iter().find(clash) {
            let message = format!("{what} {} would be written over {other}", path.display());
            return Err(CommandError::usage(message).hint("name another file"));
        }
        taken.extend(both.map(|path| (what, path)));
    }
    Ok(())
}

/// Whether two paths lead to one file, or would once it is made.
fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        (Err(_), Err(_)) => resolved(a) == resolved(b),
        _ => false,
    }
}

/// The place that a file of this path would have.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (fs::canonicalize(folder.unwrap_or(Path::new("."))), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Holds an input while it is imported, until the answer is dropped; the end of a process, however
/// it ends, lets go of it.
pub(super) fn hold(input: &Path) -> Result<File> {
    let file = File::open(input).map_err(|error| CommandError::file("read", input, &error))?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => {
            let message = format!("another import of {} is at work", input.display());
            Err(CommandError::refused(message).hint("wait until it has ended"))
        }
        // a file system without locks: nothing is written twice all the same
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}
