//! The rules of the Titian ledger: `(state, op, block time, height) -> state'`.
//!
//! Pure: no I/O, clock, randomness, float, hash-map iteration, tokio, RocksDB or libp2p. The same
//! block on the same state gives the same root and receipts on every build.
//!
//! Where to look: [`op`] and [`transaction`] are what comes in, [`execute`] is the only entrance
//! for a block, [`state`] and [`tree`] are what it changes, [`proof`] is what leaves. One folder
//! per register: [`access`], [`ubin`], [`credential`], [`etr`].

pub mod access;
pub mod as_of;
pub mod block;
mod cbor;
pub mod claim;
pub mod context;
pub mod credential;
mod curve25519;
pub mod digest;
pub mod error;
pub mod etr;
pub mod execute;
pub mod governance;
pub mod json;
pub mod limits;
pub mod merkle;
pub mod op;
pub mod proof;
pub mod proof_code;
pub mod snapshot;
pub mod state;
pub mod time;
pub mod transaction;
pub mod tree;
pub mod ubin;
