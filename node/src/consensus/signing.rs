//! Ed25519 for votes and proposals: strict verification, guarded signing.
//!
//! Invariant: what is signed are the sign bytes of `titian_contracts::block`, so the commit
//! certificates of the engine are those a light client checks; every signature of a consensus
//! message is admitted by the double-sign guard before it is made and released by it before it
//! leaves (`codec` calls [`GuardedSigner::release_vote`]). When the guard refuses, the vote carries an
//! empty signature, which nobody accepts, this node included, and which is not sent: the node
//! abstains and the engine goes on. When the guard cannot write, signing fails and the engine
//! stops.
//! Deliberately not here: vote extensions (there are none) and storage of keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_malachitebft_core_types::{
    NilOrVal, SignedMessage, SigningScheme, ValidatorProof, VoteExtensionScope, VoteType,
};
use arc_malachitebft_signing::{Error, Signer, VerificationResult, Verifier};
use async_trait::async_trait;
use ed25519_dalek::{Signer as _, SigningKey};
use titian_contracts::block::{VoteKind, proposal_sign_bytes, validator_address, vote_sign_bytes};

use super::context::{Address, Proposal, Titian, Vote};
use super::guard::{Guard, GuardError, Mark, Step};

/// A decompressed public key.
pub type PublicKey = ed25519_dalek::VerifyingKey;

/// A signature as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

/// The mark of an abstention: it verifies under no key.
pub const ABSTAINED: Signature = Signature([0; 64]);

/// Ed25519 as ledger.md §1 wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519Strict;

/// Bytes that are no key or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key or signature")]
pub struct BadEncoding;

impl SigningScheme for Ed25519Strict {
    type DecodingError = BadEncoding;
    type Signature = Signature;
    type PublicKey = PublicKey;
    type PrivateKey = SigningKey;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, BadEncoding> {
        bytes.try_into().map(Signature).map_err(|_| BadEncoding)
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, BadEncoding> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| BadEncoding)?;
        PublicKey::from_bytes(bytes).map_err(|_| BadEncoding)
    }

    fn encode_public_key(public_key: &PublicKey) -> Vec<u8> {
        public_key.to_bytes().to_vec()
    }
}

/// The bytes a voter signs.
pub fn vote_bytes(chain: &str, vote: &Vote) -> Vec<u8> {
    let kind = match vote.kind {
        VoteType::Prevote => VoteKind::Prevote,
        VoteType::Precommit => VoteKind::Precommit,
    };
    let block = match vote.value {
        NilOrVal::Nil => None,
        NilOrVal::Val(id) => Some(id.0),
    };
    let round = vote.round.as_u32().unwrap_or(u32::MAX);
    vote_sign_bytes(chain, kind, vote.height.0, round, block, &vote.address.0)
}

/// The bytes a proposer signs.
pub fn proposal_bytes(chain: &str, proposal: &Proposal) -> Vec<u8> {
    proposal_sign_bytes(
        chain,
        proposal.height.0,
        proposal.round.as_u32().unwrap_or(u32::MAX),
        proposal.pol_round.as_u32(),
        proposal.value.0,
        &proposal.address.0,
    )
}

/// Checks signatures of one chain.
#[derive(Clone, Debug)]
pub struct Verification {
    chain: Arc<str>,
}

impl Verification {
    /// For the messages of this chain.
    pub fn new(chain: &str) -> Self {
        Self { chain: chain.into() }
    }

    /// Whether `signature` is the voter's.
    pub fn vote(&self, vote: &Vote, signature: &Signature, key: &PublicKey) -> bool {
        is_valid(&vote_bytes(&self.chain, vote), signature, key)
    }

    /// Whether `signature` is the proposer's.
    pub fn proposal(&self, proposal: &Proposal, signature: &Signature, key: &PublicKey) -> bool {
        is_valid(&proposal_bytes(&self.chain, proposal), signature, key)
    }
}

fn is_valid(bytes: &[u8], signature: &Signature, key: &PublicKey) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(bytes, &signature).is_ok()
}

#[async_trait]
impl Verifier<Titian> for Verification {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        public_key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.vote(vote, signature, public_key)))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        public_key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.proposal(proposal, signature, public_key)))
    }

    async fn verify_signed_vote_extension(
        &self,
        _: &VoteExtensionScope<Titian>,
        (): &(),
        _: &Signature,
        _: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(
        &self,
        proof: &ValidatorProof<Titian>,
    ) -> Result<VerificationResult, Error> {
        let valid = proof
            .decoded_public_key()
            .is_ok_and(|key| is_valid(&proof.preimage(), &proof.signature, &key));
        Ok(VerificationResult::from_bool(valid))
    }
}

/// Signs for one validator, behind its guard.
#[derive(Clone, Debug)]
pub struct GuardedSigner {
    chain: Arc<str>,
    key: SigningKey,
    own: Address,
    guard: Arc<Mutex<Guard>>,
    refused: Arc<AtomicU64>,
}

impl GuardedSigner {
    /// A signer; `guard` must be the one of this key.
    pub fn new(chain: &str, key: SigningKey, guard: Guard) -> Self {
        Self {
            chain: chain.into(),
            own: Address(validator_address(&key.verifying_key().to_bytes())),
            key,
            guard: Arc::new(Mutex::new(guard)),
            refused: Arc::new(AtomicU64::new(0)),
        }
    }

    /// How often the guard refused since start.
    pub fn refused(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.refused)
    }

    /// Signs a vote, or abstains.
    pub fn vote(&self, vote: &Vote) -> Result<Signature, GuardError> {
        let bytes = vote_bytes(&self.chain, vote);
        self.sign(vote_mark(vote, &bytes), &bytes)
    }

    /// Signs a proposal, or abstains.
    pub fn proposal(&self, proposal: &Proposal) -> Result<Signature, GuardError> {
        let bytes = proposal_bytes(&self.chain, proposal);
        self.sign(proposal_mark(proposal, &bytes), &bytes)
    }

    /// Lets a vote leave the process; `Ok(false)` if this node abstained. Votes of others pass.
    pub fn release_vote(&self, vote: &Vote, signature: &Signature) -> Result<bool, GuardError> {
        if vote.address != self.own {
            return Ok(true);
        }
        self.release(vote_mark(vote, &vote_bytes(&self.chain, vote)), signature)
    }

    /// Lets a proposal leave the process; `Ok(false)` if this node abstained.
    pub fn release_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
    ) -> Result<bool, GuardError> {
        if proposal.address != self.own {
            return Ok(true);
        }
        let bytes = proposal_bytes(&self.chain, proposal);
        self.release(proposal_mark(proposal, &bytes), signature)
    }

    fn release(&self, mark: Mark, signature: &Signature) -> Result<bool, GuardError> {
        if *signature == ABSTAINED {
            return Ok(false);
        }
        self.lock().release(mark).map(|()| true)
    }

    fn sign(&self, mark: Mark, bytes: &[u8]) -> Result<Signature, GuardError> {
        match self.lock().admit(mark) {
            Ok(()) => Ok(Signature(self.key.sign(bytes).to_bytes())),
            Err(refusal) if refusal.is_refusal() => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%refusal, "abstained instead of signing");
                Ok(ABSTAINED)
            }
            Err(error) => Err(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guard> {
        // a panic cannot leave the guard ahead of its file: memory changes after the write
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn vote_mark(vote: &Vote, sign_bytes: &[u8]) -> Mark {
    let step = match vote.kind {
        VoteType::Prevote => Step::Prevote,
        VoteType::Precommit => Step::Precommit,
    };
    let round = vote.round.as_u32().unwrap_or(u32::MAX);
    Mark::of(vote.height.0, round, step, sign_bytes)
}

fn proposal_mark(proposal: &Proposal, sign_bytes: &[u8]) -> Mark {
    let round = proposal.round.as_u32().unwrap_or(u32::MAX);
    Mark::of(proposal.height.0, round, Step::Propose, sign_bytes)
}

#[async_trait]
impl Signer<Titian> for GuardedSigner {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<Titian, Vote>, Error> {
        let signature = self.vote(&vote).map_err(Error::from_source)?;
        Ok(SignedMessage::new(vote, signature))
    }

    async fn sign_proposal(
        &self,
        proposal: Proposal,
    ) -> Result<SignedMessage<Titian, Proposal>, Error> {
        let signature = self.proposal(&proposal).map_err(Error::from_source)?;
        Ok(SignedMessage::new(proposal, signature))
    }

    async fn sign_vote_extension(
        &self,
        _: VoteExtensionScope<Titian>,
        (): (),
    ) -> Result<SignedMessage<Titian, ()>, Error> {
        Err(Error::new())
    }

    async fn sign_validator_proof(
        &self,
        public_key: Vec<u8>,
        peer_id: Vec<u8>,
    ) -> Result<ValidatorProof<Titian>, Error> {
        let bytes = ValidatorProof::<Titian>::signing_bytes(&public_key, &peer_id);
        let signature = Signature(self.key.sign(&bytes).to_bytes());
        Ok(ValidatorProof::new(public_key, peer_id, signature))
    }
}
