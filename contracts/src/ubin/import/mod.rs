//! Bulk import (ubin.md §6): a register signs the root over the bodies of up to 10,000 records
//! (`import_chunk`); the bodies follow unsigned, in parts that lead to that root (`import_part`).
//!
//! Invariants: nothing is written that the signed root does not hold; each record of a chunk is
//! judged once, whatever parts carry it, in whatever order and however often; one bad record stops
//! no other; a record is written by the rules of the act that its change is (`register`, `update`,
//! `confirm`, with an R2 chunk `dissolve` and `restore`), with the event of that act.
//!
//! - [`part`]: the transaction and its path; [`chunk`]: what state keeps of a chunk;
//! - [`check_body`], [`check_change`]: what can be asked of a body without state, and of one that
//!   follows another, for importers and dry runs;
//! - `apply`: the act, the parts, and admission.

mod apply;
mod check;
pub mod chunk;
pub mod part;

pub use apply::admit;
pub(crate) use apply::apply_part;
pub(super) use apply::open;
pub use check::{check_body, check_change};
pub use part::{ChunkTree, ImportPart, chunk_root, part_path, part_transaction};
