//! What is wrong with a line, and the counts at the end.
//!
//! Invariant: one finding per bad line, none left out. A finding names line, column and rule and
//! holds no value of the input but a suggestion; a number of natural persons' form is not even
//! hinted at.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::{Value as Json, json};
use titian_contracts::error::{Code, Reject};

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
        match &self.suggestion {
            Some(suggestion) => suggestion.clone(),
            None => explain::remedy(self.code)
                .map_or_else(|| format!("titian explain {}", self.code.name()), str::to_owned),
        }
    }
}

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
    File(BufWriter<File>),
}

impl Findings {
    /// Findings on standard output, or in a file.
    pub(super) fn open(output: Output, path: Option<&Path>, show_remarks: bool) -> Result<Self> {
        let out = match path {
            None => Out::Standard(output),
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| CommandError::file("write", path, &error))?;
                Out::File(BufWriter::new(file))
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
            Out::File(file) => writeln!(file, "{finding}")
                .map_err(|error| CommandError::usage(format!("the report: {error}")))?,
        }
        Ok(())
    }

    /// Writes what is buffered.
    pub(super) fn flush(&mut self) -> Result<()> {
        match &mut self.out {
            Out::Standard(_) => Ok(()),
            Out::File(file) => {
                file.flush().map_err(|error| CommandError::usage(format!("the report: {error}")))
            }
        }
    }
}
