//! Electronic transferable records (etr.md, etr-profiles.md).
//!
//! A record has one controller at a time; control moves by an offer that the controller signs and
//! an acceptance that the receiver signs; it ends by surrender. One [`kernel`] interprets type
//! [`profile`]s, which are data. The content of a record stays off the ledger.
//!
//! - `record`, `record_json`, `person`, `content`, `keys`: state, its hashes and keys;
//! - `profile`, `rules`: types of records; `legal`: what states say of them,
//!   written by `law_acts`, asked by `inquiry`;
//! - `request`, `act`, `arguments`: what comes in; `roles`, `signing`: who signs;
//! - `kernel`: the order of checks; `bundle`: several ops as one;
//! - the acts: `issue`, `transfer` with `endorsement`, `surrender`, `amend` with `fields`,
//!   `quantities` with `quantity`, `pledge`, `money`, `recourse`, `succession`, `note`, `ending`,
//!   `court`; `condition` and `attestation` are what they wait for;
//! - `consent`, `staging`, `clock`: beside records; `view`, `build`: for readers and clients;
//! - `claim`, `challenge`, `history` with `signers`, `lineage`, `provisions`: what proofs say.

pub mod act;
mod amend;
mod arguments;
pub mod attestation;
pub mod build;
pub mod bundle;
pub mod challenge;
mod claim;
pub mod clock;
pub mod condition;
pub mod consent;
pub mod content;
pub mod court;
mod ending;
pub mod endorsement;
mod fields;
pub mod history;
pub mod inquiry;
mod issue;
pub mod kernel;
pub mod keys;
pub mod law_acts;
pub mod legal;
pub mod lineage;
mod money;
pub mod note;
pub mod person;
mod pledge;
pub mod profile;
pub mod provisions;
mod quantities;
pub mod quantity;
pub mod record;
pub mod record_json;
mod recourse;
pub mod request;
pub mod roles;
pub mod rules;
mod signers;
pub mod signing;
pub mod staging;
pub mod succession;
pub mod surrender;
mod transfer;
pub mod view;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::state::Overlay;
use crate::transaction::{Payload, Transaction};

pub use challenge::{CHALLENGE_MS_MAX, challenge_of, is_fresh};
pub use claim::{claim, redact};
pub use fields::decimal;

/// The content hash of a record (`etr/rec/…`), `None` for every other key (etr.md §3.2).
pub fn record_content_hash(key: &[u8], content: &[u8]) -> Option<Digest> {
    record::content_hash(key, content)
}

/// The head before issue: the genesis hash, kept in state by [`put_genesis_hash`].
pub fn genesis_hash(state: &Overlay<'_>) -> Digest {
    state.read(&keys::genesis_hash()).unwrap_or(Digest::ZERO)
}

/// Writes the genesis hash, once, when genesis makes the first state.
pub fn put_genesis_hash(state: &mut Overlay<'_>, genesis_hash: Digest) {
    state.write(keys::genesis_hash(), &genesis_hash);
}

/// Runs one ETR transaction: an op, a bundle, or a staging request.
pub fn apply(ctx: &mut Context<'_, '_>, tx: &Transaction) -> Result<(), Reject> {
    match &tx.payload {
        Payload::Op(op) if op.act.starts_with("consent_") => consent::apply(ctx, op),
        Payload::Op(op) => {
            kernel::run(ctx, op, ctx.verified, kernel::Extent::Whole, None).map(|_| ())
        }
        Payload::Bundle(ops) => {
            let known = bundle::known_by_op(ops, ctx.verified);
            bundle::run(ctx, ops, &known, kernel::Extent::Whole).map(|_| ())
        }
        Payload::Stage { op, until_ms } => staging::stage(ctx, op, *until_ms),
        Payload::StageBundle { ops, until_ms } => staging::stage_bundle(ctx, ops, *until_ms),
        Payload::Cosign { id, digest, signature } => staging::cosign(ctx, id, *digest, signature),
        Payload::Unstage(op) => staging::unstage(ctx, op),
        #[allow(unreachable_patterns, reason = "kinds of other registers may be added")]
        _ => Err(Reject::new(Code::Malformed, "/kind", "no kind of this register")),
    }
}
