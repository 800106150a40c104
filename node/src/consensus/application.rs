//! What consensus asks of the node behind it.
//!
//! Invariant: the application is a state machine owned by one thread. Consensus calls it from that
//! thread only, one call at a time, so it needs no locks of its own; a call may sync files and
//! take its time, the network goes on meanwhile. Nothing here names the engine.
//! Deliberately not here: transport, votes, rounds beyond the number of a round.

use bytes::Bytes;
use titian_contracts::block::{Block, Certificate, ValidatorAddress, ValidatorSet};
use titian_contracts::digest::Digest;

/// A block that was built here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltBlock {
    /// Its id.
    pub id: Digest,
    /// Borsh bytes of the [`Block`], at most `limits::BLOCK_BYTES_MAX`.
    pub body: Bytes,
}

/// How a block reached this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Proposed now; every rule of validity before voting applies.
    Proposal,
    /// Decided earlier and fetched from a peer under a commit certificate that was verified. Its
    /// time cannot be compared with the clock of this node.
    Sync,
}

/// A block somebody else built. Its body hashes to `id`, and its transactions to its `tx_root`;
/// nothing else was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedBlock {
    /// The height at which it stands; the height of the head + 1.
    pub height: u64,
    /// The round in which it is proposed. A block may be proposed again in a later round by
    /// another validator, so the header's proposer need not be the proposer of this round.
    pub round: u32,
    /// Its id.
    pub id: Digest,
    /// The block.
    pub block: Block,
    /// Its borsh bytes.
    pub body: Bytes,
    /// How it came.
    pub origin: Origin,
}

/// Whether a block may be voted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may; its body is on disk.
    Valid,
    /// It may not, for this reason.
    Invalid(String),
}

/// Why the application cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It does not want to propose now. The round passes to the next proposer.
    #[error("no proposal from this node now: {0}")]
    Declined(String),
    /// Storage failed or state is damaged. The engine stops and the node reports it to everybody: the
    /// text names no path.
    #[error("{0}")]
    Storage(String),
}

/// A message as it was signed, checkable without the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatement {
    /// The bytes that were signed (`vote_sign_bytes` or `proposal_sign_bytes`).
    pub sign_bytes: Vec<u8>,
    /// The Ed25519 signature over them.
    pub signature: [u8; 64],
}

/// Two messages a validator may not both sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The height of both.
    pub height: u64,
    /// Who signed them.
    pub validator: ValidatorAddress,
    /// The two messages.
    pub statements: [SignedStatement; 2],
}

/// The node as consensus sees it.
pub trait Application: Send + 'static {
    /// The last decided height; 0 is genesis.
    fn decided_height(&self) -> u64;

    /// The lowest height of which block and certificate are kept, at least 1.
    fn earliest(&self) -> u64;

    /// The validators of a height up to the next one.
    fn validator_set(&self, height: u64) -> ValidatorSet;

    /// Whether the next block should be proposed at once. If not, it is proposed when the
    /// `work` notification of the configuration comes and this is true, when another validator
    /// goes ahead, or when the empty-block interval is over.
    fn has_work(&self) -> bool;

    /// Builds the block for (height, round) and stores its body durably before returning.
    /// The same (height, round) gives the same block, also after a crash.
    fn build(&mut self, height: u64, round: u32) -> Result<BuiltBlock, AppError>;

    /// Judges a received block completely and, if it is valid, stores its body durably before
    /// returning. Called again for the same block, it answers again.
    fn check(&mut self, received: &ReceivedBlock) -> Result<Verdict, AppError>;

    /// The valid undecided blocks stored for a height: id and round in which each came first.
    fn undecided(&self, height: u64) -> Vec<(Digest, u32)>;

    /// The stored body of an undecided block.
    fn body(&self, height: u64, id: &Digest) -> Option<Bytes>;

    /// Executes the block and persists it with its certificate in one synced write. Its body was
    /// stored by `build` or `check` before.
    fn decide(&mut self, certificate: Certificate) -> Result<(), AppError>;

    /// Certificate and body of a decided block, if they are kept.
    fn decided(&self, height: u64) -> Option<(Certificate, Bytes)>;

    /// Persists evidence of double signing.
    fn store_evidence(&mut self, evidence: Evidence) -> Result<(), AppError>;
}
