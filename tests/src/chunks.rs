//! Chunks of a bulk import of made-up companies: the act that opens one, and its parts, as large as
//! they may be.

use std::ops::Range;

use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::ubin::body::text_hash;
use titian_contracts::ubin::import::{ChunkTree, part_transaction};
use titian_genesis::devnet::STATES;

use crate::companies::{company_of, shares};
use crate::world::World;

/// A chunk ready to send.
#[derive(Debug)]
pub struct Chunk {
    /// The state.
    pub cc: &'static str,
    /// The number of the chunk.
    pub seq: u64,
    /// The transaction that opens it.
    pub open: Vec<u8>,
    /// Its parts, in order.
    pub parts: Vec<Vec<u8>>,
}

/// The chunks of `count` companies of a seed, state by state: number, state, and places of the
/// companies of each.
pub fn plan(count: usize) -> Vec<(&'static str, u64, Range<u64>)> {
    let mut chunks = Vec::new();
    for (cc, records) in shares(count) {
        let starts = (0..records).step_by(limits::IMPORT_CHUNK_RECORDS_MAX);
        for (seq, start) in (1..).zip(starts) {
            let end = records.min(start + limits::IMPORT_CHUNK_RECORDS_MAX);
            chunks.push((cc, seq, start as u64..end as u64));
        }
    }
    chunks
}

/// Makes a chunk of the companies at `places` of a state, signed by its registrar in `world`.
pub fn make(world: &World, seed: u64, cc: &'static str, seq: u64, places: Range<u64>) -> Chunk {
    let mut bodies = Vec::new();
    let mut hashes = Vec::new();
    let mut sizes = Vec::new();
    for place in places {
        let body = company_of(cc, seed, place).body;
        let text = body.to_jcs();
        hashes.push(text_hash(&text));
        sizes.push(text.len());
        bodies.push(body);
    }
    let tree = ChunkTree::new(&hashes);
    let mut parts = Vec::new();
    let mut first = 0;
    while first < bodies.len() {
        let count = fitting(&sizes[first..]);
        let path = tree.part_path(first, count);
        let range = &bodies[first..first + count];
        parts.push(part_transaction(cc, seq, first as u64, range, &path));
        first += count;
    }
    Chunk { cc, seq, open: open(world, cc, seq, bodies.len(), tree.root()), parts }
}

fn open(world: &World, cc: &str, seq: u64, count: usize, root: Digest) -> Vec<u8> {
    let args = Value::object([
        ("cc", Value::from(cc)),
        ("seq", Value::from(seq)),
        ("count", Value::from(count as u64)),
        ("root", Value::from(root)),
    ]);
    let op = world.op(Register::Ubin, "import_chunk", args);
    let office = STATES.iter().find(|(name, ..)| *name == cc).map_or("", |(.., office)| office);
    World::transaction(&world.sign(&op, &[(&format!("{cc}:{office}"), 1)]))
}

/// How many bodies of these sizes fit into a part, beside the longest path and the numbers.
fn fitting(sizes: &[usize]) -> usize {
    const FRAME_BYTES: usize = 256 + limits::IMPORT_PATH_DIGESTS_MAX * 70;
    let mut room = limits::IMPORT_PAYLOAD_BYTES_MAX - FRAME_BYTES;
    let mut count = 0;
    for size in sizes {
        let Some(rest) = room.checked_sub(size + 1) else { break };
        room = rest;
        count += 1;
    }
    count.max(1)
}
