//! Reading the input line by line: NDJSON of bodies, or CSV with a column map.
//!
//! Invariant: memory is bounded by the largest record; every record comes out, in the order of the
//! file, under the number of its first line, which no other record has. The digest covers every byte
//! that was read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::Path;

use csv::ByteRecord;
use sha2::Digest as _;
use titian_contracts::error::Code;

use super::line_count::LineCount;
use super::map::ColumnMap;
use super::report::Fault;
use crate::error::{CommandError, Result};

/// Largest record of an input: a body has at most 8 KiB, a row may be padded.
const RECORD_BYTES_MAX: usize = 64 * 1024;
/// What a reader may have read ahead of the record that it gives.
const READ_AHEAD_BYTES: usize = 128 * 1024;
/// What may be read while one record is not complete.
const RECORD_BUDGET: usize = RECORD_BYTES_MAX + 2 * READ_AHEAD_BYTES;

/// The bytes of a file, counted and hashed as they pass.
struct Counted {
    file: File,
    hasher: sha2::Sha256,
    bytes: u64,
    /// What may still be read before the current record must be complete.
    budget: usize,
    /// Of CSV, whose reader does not count lines as people do.
    lines: Option<LineCount>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget == 0 {
            return Err(io::Error::other("a record is larger than 64 KiB; a quote may be missing"));
        }
        let most = buffer.len().min(self.budget);
        let read = self.file.read(buffer.get_mut(..most).unwrap_or_default())?;
        let bytes = buffer.get(..read).unwrap_or_default();
        self.hasher.update(bytes);
        if let Some(lines) = &mut self.lines {
            lines.read(bytes);
        }
        self.bytes = self.bytes.saturating_add(read as u64);
        self.budget = self.budget.saturating_sub(read);
        Ok(read)
    }
}

/// A record of the input.
#[derive(Debug)]
pub(super) struct Line {
    /// The line on which it starts, from 1; no other record starts there.
    pub(super) number: u64,
    /// What it holds.
    pub(super) content: Content,
}

/// What a record holds.
#[derive(Debug)]
pub(super) enum Content {
    /// One line of JSON.
    Json(Vec<u8>),
    /// One row of cells.
    Cells(ByteRecord),
    /// A line that is too long to be a body.
    TooLong,
}

enum Reader {
    Json { reader: BufReader<Counted>, number: u64 },
    Csv { reader: csv::Reader<Counted>, layout: Layout },
}

/// An input file being read.
pub(super) struct Source {
    reader: Reader,
    /// The line of the record before.
    last: u64,
}

/// Where the columns of a map stand in the rows of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    places: BTreeMap<String, usize>,
    /// Cells of a row.
    cells: usize,
}

impl Source {
    /// Opens a file: CSV if there is a map, else NDJSON.
    pub(super) fn open(path: &Path, map: Option<&ColumnMap>) -> Result<Self> {
        let failed = |error: io::Error| CommandError::file("read", path, &error);
        let mut file = File::open(path).map_err(failed)?;
        if is_utf_16(&mut file).map_err(failed)? {
            return Err(CommandError::usage(format!("{} is UTF-16 text", path.display()))
                .hint("convert the file to utf-8"));
        }
        let hasher = sha2::Sha256::new();
        let mut counted = Counted { file, hasher, bytes: 0, budget: RECORD_BUDGET, lines: None };
        let Some(map) = map else {
            // lines are bounded where they are read
            counted.budget = usize::MAX;
            let reader = BufReader::with_capacity(READ_AHEAD_BYTES, counted);
            return Ok(Self { reader: Reader::Json { reader, number: 0 }, last: 0 });
        };
        counted.lines = Some(LineCount::new());
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(map.delimiter)
            .flexible(true)
            .buffer_capacity(READ_AHEAD_BYTES)
            .from_reader(counted);
        let header = reader
            .byte_headers()
            .map_err(|error| CommandError::usage(format!("{}: {error}", path.display())))?;
        let layout = Layout::of(header, map).map_err(|error| CommandError {
            message: format!("{}: {}", path.display(), error.message),
            ..error
        })?;
        Ok(Self { reader: Reader::Csv { reader, layout }, last: 0 })
    }

    /// The SHA-256 of a whole file, `sha256:` and hex.
    pub(super) fn digest_of(path: &Path) -> Result<String> {
        let read = |mut file: File| {
            let mut hasher = sha2::Sha256::new();
            let mut buffer = vec![0; READ_AHEAD_BYTES];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(format!("sha256:{}", hex::encode(hasher.finalize()))),
                    count => hasher.update(buffer.get(..count).unwrap_or_default()),
                }
            }
        };
        File::open(path).and_then(read).map_err(|error| CommandError::file("read", path, &error))
    }

    /// The next record; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        let found = match &mut self.reader {
            Reader::Json { reader, number } => next_json(reader, number),
            Reader::Csv { reader, .. } => next_row(reader),
        };
        let found = found.map_err(|(line, error)| {
            CommandError::usage(format!("the input cannot be read at line {line}: {error}"))
        })?;
        if let Some(line) = &found {
            // lines are known by their numbers: one that came twice would be left out
            if line.number <= self.last {
                let message = format!("two records start on line {}", line.number);
                return Err(CommandError::bug(message));
            }
            self.last = line.number;
        }
        Ok(found)
    }

    /// Where the columns stand; empty for NDJSON.
    pub(super) fn layout(&self) -> Layout {
        match &self.reader {
            Reader::Json { .. } => Layout::default(),
            Reader::Csv { layout, .. } => layout.clone(),
        }
    }

    /// Bytes that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.counted().bytes
    }

    /// The SHA-256 of what was read, `sha256:` and hex.
    pub(super) fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(self.counted().hasher.clone().finalize()))
    }

    fn counted(&self) -> &Counted {
        match &self.reader {
            Reader::Json { reader, .. } => reader.get_ref(),
            Reader::Csv { reader, .. } => reader.get_ref(),
        }
    }
}

type Found = std::result::Result<Option<Line>, (u64, io::Error)>;

fn next_json(reader: &mut BufReader<Counted>, number: &mut u64) -> Found {
    loop {
        let mut bytes = Vec::new();
        *number += 1;
        let limit = RECORD_BYTES_MAX as u64 + 1;
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut bytes);
        if read.map_err(|error| (*number, error))? == 0 {
            return Ok(None);
        }
        if bytes.len() > RECORD_BYTES_MAX && bytes.last() != Some(&b'\n') {
            skip_line(reader).map_err(|error| (*number, error))?;
            return Ok(Some(Line { number: *number, content: Content::TooLong }));
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| *number == 1).unwrap_or(&bytes);
        let text = text.trim_ascii();
        if !text.is_empty() {
            return Ok(Some(Line { number: *number, content: Content::Json(text.to_vec()) }));
        }
    }
}

/// Passes over the rest of a line without keeping it.
fn skip_line(reader: &mut BufReader<Counted>) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

fn next_row(reader: &mut csv::Reader<Counted>) -> Found {
    let start = reader.position().byte();
    reader.get_mut().budget = RECORD_BUDGET;
    let mut row = ByteRecord::new();
    let read = reader.read_byte_record(&mut row);
    let lines = reader.get_mut().lines.as_mut();
    let number = lines.map_or(0, |lines| lines.line_of_record(start));
    match read {
        Ok(false) => Ok(None),
        Ok(true) if row.as_slice().len() > RECORD_BYTES_MAX => {
            Ok(Some(Line { number, content: Content::TooLong }))
        }
        Ok(true) => Ok(Some(Line { number, content: Content::Cells(row) })),
        Err(error) => Err((number, io::Error::other(error.to_string()))),
    }
}

/// Whether a file starts as UTF-16 does: with its mark, or with an ASCII character of two bytes.
fn is_utf_16(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(matches!(start.as_slice(), [0xFF, 0xFE] | [0xFE, 0xFF] | [0, _] | [_, 0]))
}

impl Layout {
    fn of(header: &ByteRecord, map: &ColumnMap) -> Result<Self> {
        let names: Vec<String> = header
            .iter()
            .map(|cell| map.code_page.decode(cell).unwrap_or_default().trim().to_owned())
            .collect();
        let mut places = BTreeMap::new();
        for (column, wanted) in &map.columns {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted);
            let Some((place, _)) = found.next() else {
                return Err(CommandError::usage(format!("there is no column {wanted:?}"))
                    .hint(format!("the first line has: {}", printable(&names.join(", ")))));
            };
            if found.next().is_some() {
                return Err(CommandError::usage(format!("two columns are called {wanted:?}")));
            }
            places.insert(column.clone(), place);
        }
        Ok(Self { places, cells: names.len() })
    }
}

/// A text without what a terminal would take for commands.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A row with its map.
pub(super) struct Row<'a> {
    /// The map.
    pub(super) map: &'a ColumnMap,
    /// Where its columns stand.
    pub(super) layout: &'a Layout,
    /// The cells.
    pub(super) cells: &'a ByteRecord,
}

impl Row<'_> {
    /// As many cells as the first line has.
    pub(super) fn check_width(&self) -> std::result::Result<(), Fault> {
        let (found, due) = (self.cells.len(), self.layout.cells);
        if found == due {
            return Ok(());
        }
        let message = format!("the row has {found} cells, the first line {due}");
        let suggestion = "look for a separator or line end within a cell without quotes";
        Err(Fault::new(Code::Malformed, "", message).suggest(suggestion))
    }

    /// The text of a column without spaces around it, else its default; `None` if both are empty.
    pub(super) fn text(&self, column: &str) -> std::result::Result<Option<String>, Fault> {
        let cell = self.layout.places.get(column).and_then(|place| self.cells.get(*place));
        let text = match cell.map(|bytes| self.map.code_page.decode(bytes)) {
            Some(None) => {
                let message = "bytes that the code page of the map does not have";
                return Err(Fault::new(Code::Malformed, column, message)
                    .suggest("name the right codePage in the map, or convert the file to utf-8"));
            }
            Some(Some(text)) => text.trim().to_owned(),
            None => String::new(),
        };
        if text.is_empty() {
            return Ok(self.map.defaults.get(column).cloned());
        }
        Ok(Some(text))
    }
}
