//! `titian ubin feed verify`: snapshot plus what changed after it gives the next snapshot, byte for
//! byte (ubin-api.md §9).
//!
//! Both manifests are checked against the genesis, both files against their manifests. Snapshots
//! are read as streams; only what changed between them is held in memory.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_api::ubin_feed::Filter;
use titian_contracts::digest::Digest;
use titian_contracts::json::{self, Value};
use titian_contracts::snapshot::{INDEX_ALL, UbinManifest};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::record_key;
use titian_genesis::Genesis;

use super::feed;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;

/// Longest line of a snapshot or of deltas.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Differences that are named.
const NAMED_MAX: usize = 10;
/// Events asked for at a time.
const PAGE: u32 = 1_000;

/// Lines by state key.
type Lines = BTreeMap<Vec<u8>, String>;

/// Runs `titian ubin feed verify`.
pub(super) fn run(
    session: &Session,
    first: &Path,
    second: &Path,
    deltas: Option<&Path>,
    genesis: Option<&PathBuf>,
) -> Result<Report> {
    let path = session.genesis_path(genesis)?;
    let genesis = Genesis::parse(&document::read(&path)?)
        .map_err(|error| CommandError::usage(format!("{}: {error}", path.display())))?;
    let (from, to) = (Snapshot::open(first, &genesis)?, Snapshot::open(second, &genesis)?);
    let (low, high) = (from.manifest.seal.height(), to.manifest.seal.height());
    if low >= high {
        return Err(CommandError::usage("the first snapshot must be the earlier one"));
    }
    let spinner = session.output.spinner("comparing");
    let changed = match deltas {
        Some(path) => read_deltas(path, low, high)?,
        None => ask_deltas(session, low, high)?,
    };
    let count = changed.len();
    let differing = compare(from, to, changed)?;
    spinner.finish_and_clear();
    let json = json!({
        "from": low, "to": high, "changedNumbers": count,
        "equal": differing.is_empty(), "differing": differing,
    });
    if differing.is_empty() {
        let text = format!(
            "{} snapshot {low} and {count} changed numbers give snapshot {high}, byte for byte",
            session.output.paint(Tone::Good, "equal")
        );
        return Ok(Report::new(text, json));
    }
    let named: Vec<&str> = differing.iter().take(NAMED_MAX).map(String::as_str).collect();
    let text = format!("snapshot {high} is another one: {}", named.join(", "));
    Err(CommandError::new(Kind::NotProven, text).with_data(json))
}

/// A snapshot whose manifest was checked.
struct Snapshot {
    manifest: UbinManifest,
    name: String,
    lines: LineReader<BufReader<zstd::Decoder<'static, BufReader<File>>>>,
}

impl Snapshot {
    fn open(path: &Path, genesis: &Genesis) -> Result<Self> {
        let name = path.display().to_string();
        let not_proven =
            |what: String| CommandError::new(Kind::NotProven, format!("{name}: {what}"));
        let manifest = UbinManifest::parse(&document::read_value(path)?)
            .map_err(|reject| CommandError::from_reject(Kind::Usage, &reject))?;
        manifest.seal.check(&genesis.anchor()).map_err(|error| not_proven(error.to_string()))?;
        let file = path.with_extension("ndjson.zst");
        let fault = |error: &std::io::Error| CommandError::file("read", &file, error);
        let opened = File::open(&file).map_err(|error| fault(&error))?;
        let bytes = opened.metadata().map_err(|error| fault(&error))?.len();
        if bytes != manifest.bytes {
            let named = manifest.bytes;
            return Err(not_proven(format!("the file beside it has {bytes} bytes, not {named}")));
        }
        let decoder = zstd::Decoder::new(opened).map_err(|error| fault(&error))?;
        let lines = LineReader::new(BufReader::new(decoder), &file);
        Ok(Self { manifest, name, lines })
    }

    /// After the last line: that all of it is what the manifest names.
    fn finish(self) -> Result<()> {
        let (sha256, count) = self.lines.finish();
        if sha256 == self.manifest.sha256 && count == self.manifest.count {
            return Ok(());
        }
        let text = format!("{}: the file beside it is not the one it names", self.name);
        Err(CommandError::new(Kind::NotProven, text))
    }
}

/// Lines with a bound on their length, hashed while they pass.
struct LineReader<R> {
    input: R,
    path: PathBuf,
    hasher: Sha256,
    count: u64,
}

impl<R: BufRead> LineReader<R> {
    fn new(input: R, path: &Path) -> Self {
        Self { input, path: path.to_owned(), hasher: Sha256::new(), count: 0 }
    }

    /// The next line without its end.
    fn next(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|error| CommandError::file("read", &self.path, &error))?;
        self.hasher.update(&line);
        match line.pop() {
            None => Ok(None),
            Some(b'\n') => {
                self.count += 1;
                let text = String::from_utf8(line).map_err(|_| self.broken())?;
                Ok(Some(text))
            }
            Some(_) => Err(self.broken()),
        }
    }

    fn broken(&self) -> CommandError {
        let text =
            format!("{}: line {} is cut off or no text", self.path.display(), self.count + 1);
        CommandError::new(Kind::NotProven, text)
    }

    fn finish(self) -> (Digest, u64) {
        (Digest(self.hasher.finalize().into()), self.count)
    }
}

/// The state key of a line, by its number.
fn key_of(line: &str) -> Result<(Vec<u8>, String)> {
    let value = json::parse(line.as_bytes()).ok();
    let number = value.as_ref().and_then(|value| value.get("ubin")).and_then(Value::as_text);
    let ubin = number.and_then(Ubin::parse_canonical).ok_or_else(|| {
        CommandError::new(Kind::NotProven, "a line of a snapshot names no number")
    })?;
    Ok((record_key(&ubin), ubin.to_string()))
}

/// What the second snapshot should hold: the first one, with the changes in their places.
struct Expected {
    from: Snapshot,
    before: Option<(Vec<u8>, String)>,
    changed: Peekable<std::collections::btree_map::IntoIter<Vec<u8>, String>>,
}

impl Expected {
    fn new(from: Snapshot, changed: Lines) -> Result<Self> {
        let mut expected = Self { from, before: None, changed: changed.into_iter().peekable() };
        expected.advance()?;
        Ok(expected)
    }

    fn advance(&mut self) -> Result<()> {
        let line = self.from.lines.next()?;
        self.before = line.map(|line| Ok((key_of(&line)?.0, line))).transpose()?;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, String)>> {
        let key = self.before.as_ref().map(|(key, _)| key);
        // a changed number replaces the line of before, or stands between two of them
        let is_due = |at: &Vec<u8>| key.is_none_or(|key| at <= key);
        let Some(due) = self.changed.next_if(|(at, _)| is_due(at)) else {
            let line = self.before.take();
            if line.is_some() {
                self.advance()?;
            }
            return Ok(line);
        };
        if key == Some(&due.0) {
            self.advance()?;
        }
        Ok(Some(due))
    }
}

/// Merges the first snapshot with the changes and compares it with the second, number by number.
/// Gives the numbers that differ or that only one of them holds, at most one more than are named.
fn compare(from: Snapshot, mut to: Snapshot, changed: Lines) -> Result<Vec<String>> {
    let mut differing = Vec::new();
    let mut stream = Expected::new(from, changed)?;
    let (mut expected, mut found) = (stream.next()?, to.lines.next()?);
    while expected.is_some() || found.is_some() {
        if expected.as_ref().map(|(_, line)| line) == found.as_ref() {
            (expected, found) = (stream.next()?, to.lines.next()?);
            continue;
        }
        let key = found.as_deref().map(key_of).transpose()?.map(|(key, _)| key);
        let order = match (&expected, &key) {
            (Some((due, _)), Some(key)) => due.cmp(key),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let line = expected.as_ref().filter(|_| order.is_le()).map(|(_, line)| line);
        if let Some(line) = line.or(found.as_ref()).filter(|_| differing.len() <= NAMED_MAX) {
            differing.push(key_of(line)?.1);
        }
        if order.is_le() {
            expected = stream.next()?;
        }
        if order.is_ge() {
            found = to.lines.next()?;
        }
    }
    stream.from.finish()?;
    to.finish()?;
    Ok(differing)
}

/// Keeps the lines of an event between the two heights; later ones replace earlier ones.
fn absorb(lines: &mut Lines, item: &Json, low: u64, high: u64) -> Result<()> {
    let cursor = document::text(item, "/cursor").and_then(|cursor| cursor.split_once(':'));
    let height: u64 = cursor
        .and_then(|(height, _)| height.parse().ok())
        .ok_or_else(|| CommandError::usage("an event of the deltas has no cursor"))?;
    if height <= low || height > high {
        return Ok(());
    }
    let list = item["lines"].as_array().ok_or_else(|| {
        CommandError::usage("the deltas have no `lines`").hint("read the feed with full=true")
    })?;
    for line in list {
        let text = document::from_json(line)?.to_jcs();
        let (key, _) = key_of(&text)?;
        lines.insert(key, text);
    }
    Ok(())
}

fn read_deltas(path: &Path, low: u64, high: u64) -> Result<Lines> {
    let file = File::open(path).map_err(|error| CommandError::file("read", path, &error))?;
    let mut reader = LineReader::new(BufReader::new(file), path);
    let mut lines = Lines::new();
    while let Some(line) = reader.next()? {
        let item: Json = serde_json::from_str(&line).map_err(|error| {
            CommandError::usage(format!("{}: line {}: {error}", path.display(), reader.count))
        })?;
        absorb(&mut lines, &item, low, high)?;
    }
    Ok(lines)
}

fn ask_deltas(session: &Session, low: u64, high: u64) -> Result<Lines> {
    let mut lines = Lines::new();
    let mut cursor = format!("{low}:{INDEX_ALL}");
    loop {
        let page = feed::page(session, Some(cursor), PAGE, &Filter::default(), true)?;
        for item in page.items {
            absorb(&mut lines, &Json::Object(item), low, high)?;
        }
        let reached = page.cursor.split_once(':').and_then(|(height, _)| height.parse().ok());
        if !page.more || reached.is_some_and(|reached: u64| reached > high) {
            return Ok(lines);
        }
        cursor = page.cursor;
    }
}
