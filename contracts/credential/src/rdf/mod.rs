//! JSON-LD documents as canonical RDF: what `eddsa-rdfc-2022` signs.
//!
//! ```text
//! document ──expand──> quads ──canon──> sorted N-Quads text
//! ```
//!
//! Invariant: nothing of the document is dropped on the way: what no context defines, a relative
//! identifier, a null or an empty set is refused, because the signature would not cover it. Work is
//! bounded by counters, never by clocks.

mod canon;
mod expand;
mod quads;

use std::cell::Cell;

use serde_json::{Map, Value};

use crate::codes::Fault;
use crate::contexts::Contexts;

pub use quads::{Object, Quad, Subject};

/// Blank nodes of one document.
pub const BLANK_NODES_MAX: u32 = 1_024;
/// Orders of like nodes that are tried for one verdict.
pub const PERMUTATIONS_MAX: usize = 4_096;
/// Hashes of related nodes that are made for one verdict.
pub const RELATED_MAX: usize = 50_000;

/// What canonical naming of blank nodes has cost so far: of one verdict, whatever number of
/// documents and proofs it looks at.
#[derive(Debug, Default)]
pub struct Work {
    permutations: Cell<usize>,
    related: Cell<usize>,
}

impl Work {
    fn count(counter: &Cell<usize>, most: usize) -> Result<(), &'static str> {
        counter.set(counter.get().saturating_add(1));
        if counter.get() > most { Err("DATASET_POISONED") } else { Ok(()) }
    }

    /// Counts an order that is tried.
    fn permute(&self) -> Result<(), &'static str> {
        Self::count(&self.permutations, PERMUTATIONS_MAX)
    }

    /// Counts a hash of a related node.
    fn relate(&self) -> Result<(), &'static str> {
        Self::count(&self.related, RELATED_MAX)
    }
}

/// The canonical N-Quads of a document, `proof` left in if it is there.
pub fn canonicalize(
    document: &Map<String, Value>,
    contexts: Contexts<'_>,
) -> Result<String, Fault> {
    let context = document.get("@context").ok_or_else(|| Fault::new("CONTEXT_MISSING", ""))?;
    canonicalize_under(document, context, &[], contexts, &Work::default())
}

/// The same under a context that stands elsewhere, the members `without` of the top left aside.
pub(crate) fn canonicalize_under(
    document: &Map<String, Value>,
    context: &Value,
    without: &[&str],
    contexts: Contexts<'_>,
    work: &Work,
) -> Result<String, Fault> {
    distinct_quads(expand::quads(document, context, without, contexts)?, work)
}

/// The canonical N-Quads of statements whose blank nodes are numbered in any way (RDFC-1.0).
pub fn canonical_quads(quads: &[Quad]) -> Result<String, Fault> {
    distinct_quads(quads.to_vec(), &Work::default())
}

fn distinct_quads(mut quads: Vec<Quad>, work: &Work) -> Result<String, Fault> {
    // a statement made twice is made once
    quads.sort_unstable();
    quads.dedup();
    canon::canonicalize(&quads, work).map_err(|code| Fault::new(code, ""))
}
