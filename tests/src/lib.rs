//! What the test programs share: a world of rules without a network.

pub mod etr;
pub mod world;
