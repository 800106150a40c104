//! The node's own keys. The double-sign guard stands with the consensus engine, which alone knows
//! what a vote is.

pub mod keystore;
