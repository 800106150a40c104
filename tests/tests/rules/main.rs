//! The rules of the registers, without network or storage: one program for all of them.

mod access_acts;
mod access_delays;
mod access_invariants;
mod access_mandates;
mod access_scene;
mod credential_acts;
mod credential_forms;
mod credential_scene;
mod etr_acts;
mod etr_bundles;
mod etr_errors;
mod etr_law;
mod etr_profiles;
mod etr_vectors;
mod etr_walk;
mod ledger_ops;
mod proof;
mod tree;
mod ubin_acts;
mod ubin_body;
mod ubin_identifier;
mod ubin_invariants;
mod ubin_scene;
