//! What the fuzz targets run: readers of everything that strangers may hand in. The same functions
//! run over a seeded corpus in `make test` (`tests/tests/rules/*_fuzz.rs`).
//!
//! Invariant: whatever the bytes are, nothing panics, and what was accepted keeps its meaning when it
//! is written and read again.

pub mod ubin;
pub mod vc;
