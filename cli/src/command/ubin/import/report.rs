//! What is wrong with a line, and the counts at the end.
//!
//! Invariant: one finding per bad line, none left out. A finding names line, column and rule and
//! holds no value of the input but a suggestion; a number of natural persons' form is not even
//! hinted at. A report is whole or not there: it is written beside its place and put there when the
//! command ends.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_contracts::error::{Code, Reject};

use super::files::beside;
use crate::command::explain;
use crate::error::{CommandError, Result};
use crate::output::Output;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The rule.
    pub(super) code: Code,
    /// Column of ubin.md §6, or the JSON pointer below a body.
    pub(super) column: String,
    /// Why, without any value of the line.
    pub(super) message: String,
    /// What may be meant, or what to do.
    suggestion: Option<String>,
}

impl Fault {
    pub(super) fn new(code: Code, column: &str, message: impl Into<String>) -> Self {
        let column = column.to_owned();
        Self { code, column, message: message.into(), suggestion: None }
    }

    /// With what may be meant, or what to do.
    #[must_use]
    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The refusal of a rule, about the member at `reject.field` below the body.
    pub(super) fn of(reject: &Reject) -> Self {
        let field = reject.field.strip_prefix("/args/body").unwrap_or(&reject.field);
        let meaning = reject.code.meaning();
        let message = match reject.detail.as_str() {
            "" => meaning.to_owned(),
            detail => format!("{meaning}: {detail}"),
        };
        Self::new(reject.code, field, message)
    }

    /// What to do: the suggestion, else the general advice on the rule.
    fn advice(&self) -> String {
        if let Some(suggestion) = &self.suggestion {
            return suggestion.clone();
        }
        // what an op that is made by hand needs is had in another way here
        let advice = match self.code {
            Code::QuorumMissing => Some(TWO_OFFICERS),
            Code::ReasonRequired => Some(
                "give status_reason (NDJSON: status.reason), or use titian ubin dissolve or restore",
            ),
            Code::EvidenceRequired => Some(
                "give evidence_type and evidence_digest (NDJSON: evidence), or use titian ubin dissolve or restore",
            ),
            code => explain::remedy(code),
        };
        advice.map_or_else(|| format!("titian explain {}", self.code.name()), str::to_owned)
    }
}

/// What a record needs that ends or comes back.
pub(super) const TWO_OFFICERS: &str = "name the keys of two officers: --as PARTY#k1 --as PARTY#k2; or use titian ubin dissolve or restore";

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The line is good all the same.
    Warning,
    /// Something that the register may want to take over.
    Proposal,
}

/// Where findings go, and their counts.
pub(super) struct Findings {
    out: Out,
    show_remarks: bool,
    /// Bad lines by rule.
    pub(super) bad: BTreeMap<&'static str, u64>,
    /// Warnings and proposals by name.
    pub(super) remarks: BTreeMap<String, u64>,
}

enum Out {
    Standard(Output),
    File(Target),
}

/// A file that is being written.
struct Target {
    path: PathBuf,
    file: BufWriter<File>,
    /// Where it is written until it is whole; `None` for what is no regular file.
    new: Option<PathBuf>,
}

impl Target {
    fn open(path: &Path) -> io::Result<Self> {
        let (path, permissions) = match fs::metadata(path) {
            Ok(meta) if !meta.is_file() => {
                let file = BufWriter::new(File::create(path)?);
                return Ok(Self { path: path.to_owned(), file, new: None });
            }
            // behind a link the file is replaced, not the link
            Ok(meta) => (fs::canonicalize(path)?, Some(meta.permissions())),
            Err(_) => (path.to_owned(), None),
        };
        let new = beside(&path, ".new");
        let file = File::create(&new)?;
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        Ok(Self { path, file: BufWriter::new(file), new: Some(new) })
    }

    fn close(&mut self) -> io::Result<()> {
        self.file.flush()?;
        match self.new.take() {
            Some(new) => fs::rename(new, &self.path),
            None => Ok(()),
        }
    }
}

impl Drop for Target {
    /// A report of an input that could not be read to its end takes no place.
    fn drop(&mut self) {
        if let Some(new) = &self.new {
            let _ = fs::remove_file(new);
        }
    }
}

impl Findings {
    /// Findings on standard output, or in a file.
    pub(super) fn open(output: Output, path: Option<&Path>, show_remarks: bool) -> Result<Self> {
        let out = match path {
            None => Out::Standard(output),
            Some(path) => {
                let target = Target::open(path);
                Out::File(target.map_err(|error| CommandError::file("write", path, &error))?)
            }
        };
        Ok(Self { out, show_remarks, bad: BTreeMap::new(), remarks: BTreeMap::new() })
    }

    /// Reports a bad line; `column` as the reader of the file knows it.
    pub(super) fn bad(&mut self, line: u64, column: &str, fault: &Fault) -> Result<()> {
        *self.bad.entry(fault.code.name()).or_default() += 1;
        self.write(&json!({
            "line": line,
            "column": column,
            "code": fault.code.name(),
            "message": fault.message,
            "suggestion": fault.advice(),
        }))
    }

    /// Notes a warning or proposal about a good line.
    pub(super) fn remark(
        &mut self,
        line: u64,
        column: &str,
        level: Level,
        name: &str,
        message: &str,
        suggestion: &str,
    ) -> Result<()> {
        *self.remarks.entry(name.to_owned()).or_default() += 1;
        if !self.show_remarks {
            return Ok(());
        }
        let level = if level == Level::Warning { "warning" } else { "proposal" };
        self.write(&json!({
            "line": line,
            "column": column,
            "code": name,
            "level": level,
            "message": message,
            "suggestion": suggestion,
        }))
    }

    /// Bad lines in all.
    pub(super) fn bad_lines(&self) -> u64 {
        self.bad.values().sum()
    }

    /// Whether standard output carries the findings.
    pub(super) const fn on_standard_output(&self) -> bool {
        matches!(self.out, Out::Standard(_))
    }

    fn write(&mut self, finding: &Json) -> Result<()> {
        match &mut self.out {
            Out::Standard(output) => output.item(&finding.to_string(), finding),
            Out::File(target) => writeln!(target.file, "{finding}")
                .map_err(|error| CommandError::file("write", &target.path, &error))?,
        }
        Ok(())
    }

    /// Writes what is buffered.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.on_file(|target| target.file.flush())
    }

    /// Puts the report in its place.
    pub(super) fn close(&mut self) -> Result<()> {
        self.on_file(Target::close)
    }

    fn on_file(&mut self, act: impl FnOnce(&mut Target) -> io::Result<()>) -> Result<()> {
        match &mut self.out {
            Out::Standard(_) => Ok(()),
            Out::File(target) => {
                act(target).map_err(|error| CommandError::file("write", &target.path, &error))
            }
        }
    }
}
