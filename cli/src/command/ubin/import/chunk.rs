//! From lines to chunks: what the register already says is left out, the rest becomes the next
//! version of its record, and up to 10,000 of those stand under one root.

use std::ops::Range;

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::ubin::body::text_hash;
use titian_contracts::ubin::import::{ChunkTree, check_change};

use super::entry::{Entry, Judge};
use super::register::{self, Current, Register, Standing};
use super::report::Fault;
use super::survey::in_parallel;
use crate::client::Client;
use crate::error::Result;

/// Room in the payload of a part for everything but bodies: 28 digests of a path and numbers.
const PART_FRAME_BYTES: usize = 2_560;

/// A record to be sent.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The line it comes from.
    pub(super) line: u64,
    /// The complete body.
    pub(super) body: Value,
    /// Its RFC 8785 text.
    pub(super) text: String,
    /// Its hash.
    pub(super) hash: Digest,
}

impl Record {
    /// A record of a complete body.
    pub(super) fn new(line: u64, body: Value) -> Self {
        let text = body.to_jcs();
        Self { line, hash: text_hash(&text), text, body }
    }
}

/// What became of a good line before anything is sent.
#[derive(Debug)]
pub(super) enum Plan {
    /// The next version of its record. Whether two officers must sign it.
    Send(Record, bool),
    /// The register says it already.
    Unchanged,
    /// It does not fit what the register says.
    Bad(u64, Fault),
}

/// Plans lines against the register. `entries` are lines with their records.
pub(super) fn plan(
    judge: &Judge<'_>,
    register: &Register,
    client: &Client,
    entries: Vec<(u64, Entry)>,
) -> Result<Vec<Plan>> {
    let standing: Vec<Option<&Standing>> =
        entries.iter().map(|(_, entry)| register.find(&entry.ubin)).collect();
    // of a first version the hash alone says whether anything changed
    let pairs: Vec<_> = entries.iter().zip(&standing).collect();
    let to_read = in_parallel(&pairs, |((_, entry), standing)| match standing {
        Some(Standing::Record { version: 1, hash, entity: None }) => entry.first_hash() != *hash,
        Some(Standing::Record { .. }) => true,
        _ => false,
    })?;
    let numbers: Vec<_> = entries
        .iter()
        .zip(&to_read)
        .filter_map(|((_, entry), read)| read.then_some(&entry.ubin))
        .collect();
    let mut records = register::records(client, &numbers)?.into_iter();
    let mut plans = Vec::with_capacity(entries.len());
    for (((line, entry), standing), read) in entries.iter().zip(standing).zip(to_read) {
        let current = read.then(|| records.next()).flatten();
        let next = match (standing, &current) {
            (None, _) => Some(entry.first_version()),
            (Some(_), None) => None,
            (Some(_), Some(current)) => entry.next_version(&current.body, judge.map),
        };
        plans.push(match next {
            None => Plan::Unchanged,
            Some(body) => plan_one(judge, *line, entry, current.as_ref(), body),
        });
    }
    Ok(plans)
}

/// A line whose body differs from that of `current`, the record as it stands.
fn plan_one(
    judge: &Judge<'_>,
    line: u64,
    entry: &Entry,
    current: Option<&Current>,
    body: Value,
) -> Plan {
    if current.is_some_and(|current| current.is_final) {
        let message = Code::TerminalStatus.meaning();
        return Plan::Bad(line, Fault::new(Code::TerminalStatus, "/ubin", message));
    }
    let version = body.get("version").and_then(Value::as_int);
    let claimed = entry.version.and_then(|version| i64::try_from(version).ok());
    if claimed.is_some() && claimed != version {
        let message = "the line differs from the version that it names";
        return Plan::Bad(line, Fault::new(Code::VersionConflict, "/version", message));
    }
    let follows = |current: &Current| check_change(&current.body, &body);
    let checked = judge
        .check(&body)
        .and_then(|_| current.map_or(Ok(false), follows).map_err(|reject| Fault::of(&reject)));
    match checked {
        Ok(two_officers) => Plan::Send(Record::new(line, body), two_officers),
        Err(fault) => Plan::Bad(line, fault),
    }
}

/// Records under one root.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// The records, in the order of the tree.
    pub(super) records: Vec<Record>,
}

impl Chunk {
    /// The chunk of some records; `None` if there are none.
    pub(super) fn of(records: Vec<Record>) -> Option<Self> {
        (!records.is_empty()).then_some(Self { records })
    }

    /// The tree over the body hashes.
    pub(super) fn tree(&self) -> ChunkTree {
        let hashes: Vec<Digest> = self.records.iter().map(|record| record.hash).collect();
        ChunkTree::new(&hashes)
    }

    /// The records cut into parts that fit a transaction.
    pub(super) fn parts(&self) -> Vec<Range<usize>> {
        let room = limits::IMPORT_PAYLOAD_BYTES_MAX - PART_FRAME_BYTES;
        let mut parts = Vec::new();
        let (mut first, mut bytes) = (0, 0);
        for (at, record) in self.records.iter().enumerate() {
            let more = record.text.len() + 1;
            if bytes + more > room && at > first {
                parts.push(first..at);
                (first, bytes) = (at, 0);
            }
            bytes += more;
        }
        if first < self.records.len() {
            parts.push(first..self.records.len());
        }
        parts
    }
}
