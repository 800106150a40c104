//! A verifier's challenge to the controller of a record, and when a proof of control answers it
//! (etr-api.md §1).
//!
//! Invariant: what was asked is compared with what is proven, member by member. Who gave control away
//! can sign the head of before anew; such an answer is of a place before that of the challenge.

use crate::digest::{Digest, hash};
use crate::error::Reject;
use crate::json::{Members, Value};
use crate::proof::Proven;

/// The digest that a controller signs to show control: H("titian etr challenge v1", JCS{audience,
/// chain, head, id, ms, nonce, seq}).
pub fn challenge_of(
    chain: &str,
    id: &str,
    seq: u64,
    head: Digest,
    audience: &str,
    nonce: &str,
    ms: u64,
) -> Digest {
    let value = Value::object([
        ("audience", Value::from(audience)),
        ("chain", Value::from(chain)),
        ("head", Value::from(head)),
        ("id", Value::from(id)),
        ("ms", Value::from(ms)),
        ("nonce", Value::from(nonce)),
        ("seq", Value::from(seq)),
    ]);
    hash("titian etr challenge v1", &[value.to_jcs().as_bytes()])
}

/// How long the answer to a challenge shows that somebody is, not was, in control.
pub const CHALLENGE_MS_MAX: u64 = 300_000;

/// Whether an answer given at `ms`, proven by state of block time `block_ms`, says at `now_ms` who is
/// in control; an older one says who was. A new answer over old state says who was, too: whoever gave
/// control away can sign the head of then anew.
pub const fn is_fresh(ms: u64, block_ms: u64, now_ms: u64) -> bool {
    now_ms.abs_diff(ms) <= CHALLENGE_MS_MAX && now_ms.abs_diff(block_ms) <= CHALLENGE_MS_MAX
}

/// What a verifier asked of the controller of a record: the chain, the record and its place as the
/// verifier saw it, who asks, and a nonce that it uses once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    chain: String,
    id: String,
    seq: u64,
    head: Digest,
    audience: String,
    nonce: String,
}

/// Why a proof does not answer a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// A proof of another kind, which anybody may have asked for.
    #[error("it is no proof of control, so it answers no challenge")]
    OtherKind,
    /// The challenge is of another chain than the proof.
    #[error("the challenge is of another chain")]
    Chain,
    /// The challenge is about another record.
    #[error("it is about another record than the challenge")]
    Record,
    /// It was made for another audience or nonce.
    #[error("it answers another challenge")]
    OtherChallenge,
    /// The record had moved on when the challenge was made.
    #[error("it is of an earlier place of the record than the challenge")]
    Earlier,
    /// Another head at the same place.
    #[error("the challenge is over another head of the record")]
    Head,
}

impl Asked {
    /// Reads `{audience, chain, head, id, nonce, seq}`. Other members, as a node or an answer adds
    /// them, say nothing of what was asked. Errors: `MALFORMED` with the member.
    pub fn read(value: &Value) -> Result<Self, Reject> {
        let mut members = Members::of(value, "")?;
        Ok(Self {
            chain: members.text("chain")?.to_owned(),
            id: members.text("id")?.to_owned(),
            seq: members.uint("seq")?,
            head: members.digest("head")?,
            audience: members.text("audience")?.to_owned(),
            nonce: members.text("nonce")?.to_owned(),
        })
    }

    /// Whether a proof of `chain` answers it: the same chain, record, audience and nonce, over the
    /// place that was asked for or a later one, which an op in between may have led to.
    pub fn check(&self, chain: &str, proven: &Proven) -> Result<(), Unanswered> {
        let claim = &proven.claim;
        let answer = claim.get("challenge").filter(|_| proven.kind == "etr-control");
        let (answer, public) = answer.zip(claim.get("public")).ok_or(Unanswered::OtherKind)?;
        let is = |of: &Value, name: &str, text: &str| {
            of.get(name).and_then(Value::as_text) == Some(text)
        };
        if self.chain != chain {
            return Err(Unanswered::Chain);
        }
        if !is(claim, "id", &self.id) {
            return Err(Unanswered::Record);
        }
        if !is(answer, "nonce", &self.nonce) || !is(answer, "audience", &self.audience) {
            return Err(Unanswered::OtherChallenge);
        }
        let seq = public.get("seq").and_then(Value::as_int).and_then(|seq| u64::try_from(seq).ok());
        if seq.is_none_or(|seq| seq < self.seq) {
            return Err(Unanswered::Earlier);
        }
        if seq == Some(self.seq) && !is(public, "head", &self.head.to_string()) {
            return Err(Unanswered::Head);
        }
        Ok(())
    }
}
