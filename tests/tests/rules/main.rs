//! The rules of the registers, without network or storage: one program for all of them.

mod access_acts;
mod access_delays;
mod access_invariants;
mod access_scene;
mod etr_acts;
mod etr_vectors;
mod etr_walk;
mod ubin_acts;
mod ubin_body;
mod ubin_identifier;
mod ubin_invariants;
mod ubin_scene;
mod proof;
