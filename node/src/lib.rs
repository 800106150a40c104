//! The node of the Titian ledger: everything around the rules.
//!
//! Invariant: what a block does is decided in `titian-contracts` alone; this crate brings
//! transactions in, has them ordered, keeps the result, and answers questions about it. One folder
//! or file per large third-party crate: `store` names RocksDB, `gossip` names libp2p, `consensus`
//! names Malachite, `rpc` names axum and jsonrpsee.

pub mod application;
pub mod backup;
pub mod command;
pub mod config;
pub mod consensus;
pub mod custody;
pub mod delivery;
pub mod envelopes;
pub mod feed;
pub mod gossip;
pub mod issuing;
pub mod ledger;
pub mod mempool;
pub mod node;
pub mod pruning;
pub mod rpc;
pub mod search;
pub mod shutdown;
pub mod signer;
pub mod snapshot;
pub mod sole;
pub mod space;
pub mod store;
pub mod telemetry;
