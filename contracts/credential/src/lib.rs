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
//! - [`form`]: which form a text has; [`qr`]: the same as symbols; [`json`], [`jose`], [`sd_jwt`]: strict reading;
//! - [`model`], [`presentation`], [`sd_jwt_vc`]: rules of the data models; [`guard`] and
//!   [`contexts`]: every term is defined;
//! - [`proof`], [`jwt`], [`sd_jwt::issue`]: securing; [`rdf`]: canonical statements; [`key`]: keys;
//! - [`did`]: did:ubin, did:key, did:jwk, did:web from a cache;
//! - [`status`], [`accreditation`], [`recognition`], [`schema`], [`anchor`]: checks against state; [`snapshot`] and
//!   [`bundle`]: that state, live or proven;
//! - [`verify`], [`verdict`], [`codes`], [`problem`]: the twelve checks, their answer, and what its
//!   codes mean; [`time`]: dates of credentials;
//! - [`profiles`], [`registration`]: the shipped types and the extract of a business register;
//!   [`mandate`]: whether a mandate counts for an act.

pub mod accreditation;
pub mod anchor;
pub mod bundle;
pub mod codes;
pub mod contexts;
pub mod did;
mod digest_check;
pub mod form;
pub mod guard;
pub mod jose;
pub mod json;
pub mod jwt;
pub mod key;
pub mod mandate;
pub mod model;
mod pack;
pub mod presentation;
pub mod problem;
pub mod profiles;
pub mod proof;
pub mod qr;
pub mod rdf;
pub mod recognition;
pub mod registration;
pub mod schema;
pub mod sd_jwt;
pub mod sd_jwt_vc;
pub mod snapshot;
pub mod status;
pub mod time;
pub mod verdict;
pub mod verify;
