//! The bytes of envelopes: one file each, and one for each that is coming.
//!
//! `<record>/<version>-<number>.json` is an envelope; `<record>/<entity>[~<digest>].part` is one that is
//! coming from the party's program, or from another node. A name is on disk when its folder is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use titian_contracts::error::{Code, Reject};

use super::Name;

/// After how long without a byte a coming envelope is given up.
pub(super) const PART_TIME: Duration = Duration::from_secs(3_600);

/// The folder of the files.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn path(&self, name: &Name) -> PathBuf {
        self.folder.join(&name.id).join(format!("{}-{}.json", name.version, name.number))
    }

    /// Where an envelope of `by` comes in; `from` tells those apart that come from elsewhere.
    pub(super) fn part(&self, id: &str, by: &str, from: Option<&str>) -> PathBuf {
        let mark = from.map(|from| format!("~{from}")).unwrap_or_default();
        self.folder.join(id).join(format!("{by}{mark}.part"))
    }

    /// A piece of an envelope from `offset` on, and its whole size. Errors: `NOT_FOUND`.
    pub(super) fn read(
        &self,
        name: &Name,
        offset: u64,
        max: usize,
    ) -> Result<(Vec<u8>, u64), Reject> {
        let unknown = |_| Reject::new(Code::NotFound, "/envelopeNo", "");
        let mut file = fs::File::open(self.path(name)).map_err(unknown)?;
        let total = file.metadata().map_err(disk)?.len();
        // there is nothing beyond the end, and a disk takes no offset beyond i64::MAX
        file.seek(SeekFrom::Start(offset.min(total))).map_err(disk)?;
        let mut bytes = Vec::new();
        file.take(max as u64).read_to_end(&mut bytes).map_err(disk)?;
        Ok((bytes, total))
    }

    /// Gives what came its name, synced.
    pub(super) fn finish(&self, part: &Path, name: &Name) -> Result<(), Reject> {
        fs::File::open(part).and_then(|file| file.sync_all()).map_err(disk)?;
        let whole = self.path(name);
        fs::rename(part, &whole).map_err(disk)?;
        sync_folders(&whole)
    }

    /// Removes an envelope; one that is not there is removed.
    pub(super) fn remove(&self, name: &Name) -> Result<(), Reject> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => sync_folders(&path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(disk(error)),
        }
    }

    /// Removes the files of envelopes for which `stands` is false: a crash left them.
    pub(super) fn sweep(&self, stands: impl Fn(&Name) -> bool) {
        for (id, file) in self.all() {
            let path = file.path();
            let Some(name) = name_of(&id, &path) else { continue };
            if !stands(&name) && fs::remove_file(&path).is_err() {
                tracing::warn!(file = %path.display(), "a file that is no envelope cannot be removed");
            }
        }
    }

    /// What is coming: bytes by file, with the entity. Drops what was given up.
    pub(super) fn coming(&self) -> BTreeMap<PathBuf, (String, u64)> {
        let mut coming = BTreeMap::new();
        for (_, file) in self.all() {
            let path = file.path();
            let stem = path.file_name().and_then(|name| name.to_str());
            let Some(stem) = stem.and_then(|name| name.strip_suffix(".part")) else { continue };
            let Ok(data) = file.metadata() else { continue };
            let age = data.modified().ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > PART_TIME) && fs::remove_file(&path).is_ok() {
                continue;
            }
            let by = stem.split('~').next().unwrap_or_default().to_owned();
            coming.insert(path, (by, data.len()));
        }
        coming
    }

    fn all(&self) -> impl Iterator<Item = (String, fs::DirEntry)> {
        let records = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        records.flat_map(|record| {
            let id = record.file_name().to_string_lossy().into_owned();
            let files = fs::read_dir(record.path()).into_iter().flatten().flatten();
            files.map(move |file| (id.clone(), file))
        })
    }
}

fn name_of(id: &str, path: &Path) -> Option<Name> {
    let file = path.file_name()?.to_str()?;
    let (version, number) = file.strip_suffix(".json")?.split_once('-')?;
    let (version, number) = (version.parse().ok()?, number.parse().ok()?);
    Some(Name { id: id.to_owned(), version, number })
}

/// Appends to a file that ends at `offset`; at 0 it begins anew. Returns its length. Errors:
/// `VERSION_CONFLICT` where it ends elsewhere.
pub(super) fn append(path: &Path, offset: u64, bytes: &[u8]) -> Result<u64, Reject> {
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

/// The file, its folder and the folders above it, as far as the data folder.
fn sync_folders(path: &Path) -> Result<(), Reject> {
    for folder in path.ancestors().skip(1).take(4) {
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk)?;
    }
    Ok(())
}

pub(super) fn disk(error: std::io::Error) -> Reject {
    tracing::error!(%error, "envelopes: the disk failed");
    Reject::new(Code::Unavailable, "", "the disk failed")
}
