//! The file beside the input that lets an interrupted import go on: the chunk being sent.
//!
//! Invariant: the file is replaced as a whole, on disk before the signed chunk leaves, and removed
//! when the import is done; a chunk that nobody signed leaves none. It is a memory, not an authority:
//! what was written is asked of the ledger, by the root that the bodies in it give. All it is good
//! for is that a chunk that was signed is finished: every line is compared with the register again
//! after that, with the journal or without it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use titian_contracts::json;

use super::chunk::{Chunk, Record};
use super::files::beside;
use crate::error::{CommandError, Kind, Result};

/// Format of the file.
pub(super) const FORMAT: u32 = 1;

/// The first line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Head {
    /// Format of the file.
    pub(super) titian_import: u32,
    /// The network.
    pub(super) chain: String,
    /// The state.
    pub(super) cc: String,
    /// SHA-256 of the input and of its map.
    pub(super) input: String,
    /// The day of the import, which stands where the input names none.
    pub(super) today: String,
    /// Root of the chunk.
    pub(super) root: String,
    /// Its records.
    pub(super) count: usize,
}

#[derive(Serialize)]
struct LineOut<'a> {
    line: u64,
    body: &'a RawValue,
}

#[derive(Deserialize)]
struct LineIn {
    line: u64,
    body: Box<RawValue>,
}

/// The journal of an import.
#[derive(Clone, Debug)]
pub(super) struct Journal(PathBuf);

impl Journal {
    /// The journal at `path`, else beside the input.
    pub(super) fn of(input: &Path, path: Option<&Path>) -> Self {
        Self(path.map_or_else(|| beside(input, ".importing"), Path::to_owned))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether an import was interrupted.
    pub(super) fn exists(&self) -> bool {
        self.0.exists()
    }

    /// What it holds; `None` if there is none.
    pub(super) fn read(&self) -> Result<Option<(Head, Chunk)>> {
        if !self.exists() {
            return Ok(None);
        }
        let io = |error: std::io::Error| CommandError::file("read", &self.0, &error);
        let damaged = || {
            CommandError::usage(format!("{} is no journal of an import", self.0.display()))
                .hint("delete it: an import without it starts over and repeats nothing")
        };
        let mut lines = BufReader::new(File::open(&self.0).map_err(io)?).lines();
        let head = lines.next().transpose().map_err(io)?.unwrap_or_default();
        let head: Head = serde_json::from_str(&head).map_err(|_| damaged())?;
        let mut records = Vec::new();
        for line in lines {
            let line: LineIn = serde_json::from_str(&line.map_err(io)?).map_err(|_| damaged())?;
            let body = json::parse_canonical(line.body.get().as_bytes()).map_err(|_| damaged())?;
            records.push(Record::new(line.line, body));
        }
        let chunk = Chunk { records };
        let whole = head.titian_import == FORMAT
            && chunk.records.len() == head.count
            && chunk.tree().root().to_string() == head.root;
        if whole { Ok(Some((head, chunk))) } else { Err(damaged()) }
    }

    /// Replaces it, synced.
    pub(super) fn write(&self, head: &Head, chunk: &Chunk) -> Result<()> {
        let io = |error: std::io::Error| CommandError::file("write", &self.0, &error);
        let new = beside(&self.0, ".new");
        let mut out = BufWriter::new(File::create(&new).map_err(io)?);
        write_line(&mut out, head).map_err(io)?;
        for record in &chunk.records {
            let body = RawValue::from_string(record.text.clone())
                .map_err(|_| CommandError::new(Kind::Bug, "a body is no JSON"))?;
            write_line(&mut out, &LineOut { line: record.line, body: &body }).map_err(io)?;
        }
        let file = out.into_inner().map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(io)?;
        fs::rename(&new, &self.0).map_err(io)?;
        self.sync_folder().map_err(io)
    }

    /// Removes it: the import is done.
    pub(super) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CommandError::file("remove", &self.0, &error))
            }
            _ => Ok(()),
        }
    }

    fn sync_folder(&self) -> std::io::Result<()> {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn write_line<T: Serialize>(out: &mut BufWriter<File>, line: &T) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
