//! W3C credential forms over the trust facts of the ledger: issue, verify, verdict.
//!
//! ```text
//! record ──registration──> credential ──proof::issue_jcs──> secured credential
//!                                                                  │ text
//! snapshot (live state or bundle) ──────────────> verify::verify ──┴──> Verdict
//! ```
//!
//! Pure: no I/O, no clock, no network, no randomness. The same input, request, snapshot and time
//! give the same verdict bytes in node, command line and tests. The ledger's executor does not
//! depend on this crate (vc.md §2).
//!
//! Invariant: unknown is never shown as verified; nothing is fetched; no claim value appears in an
//! error or a verdict.
//!
//! - [`json`]: strict reading, canonical form; [`model`]: rules of the data model; [`guard`] and
//!   [`contexts`]: every term is defined;
//! - [`proof`]: eddsa-jcs-2022; [`did`]: did:ubin and did:key;
//! - [`status`], [`accreditation`], [`schema`]: checks against state; [`snapshot`]: that state;
//! - [`verify`], [`verdict`], [`codes`]: the twelve checks and their answer;
//! - [`profiles`], [`registration`]: the shipped types and the extract of a business register.

pub mod accreditation;
pub mod codes;
pub mod contexts;
pub mod did;
mod digest_check;
pub mod guard;
pub mod json;
pub mod model;
pub mod profiles;
pub mod proof;
pub mod registration;
pub mod schema;
pub mod snapshot;
pub mod status;
mod time;
pub mod verdict;
pub mod verify;
