//! Earlier heights on disk: proofs, figures and reads of every height against a ledger in memory that
//! forgets nothing, across restarts and pruning.

mod figures;
mod lives;
mod proofs;
mod pruning;
mod reads;
