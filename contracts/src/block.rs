//! Headers, commit certificates and validator sets (ledger.md §4).
//!
//! Invariant: a certificate is valid iff validators with more than two thirds of the power signed
//! the same block id at one height and round. Certificates differ between nodes and are never
//! hashed into anything. The sign bytes of votes stand here, because the consensus engine signs
//! what a light client checks.

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::digest::{Digest, hash};
use crate::limits;
use crate::merkle;
use crate::transaction::TransactionId;

/// Format version of headers.
pub const HEADER_VERSION: u8 = 1;

/// First 20 bytes of H("titian validator v1", public key).
pub type ValidatorAddress = [u8; 20];

/// The header of a block. `state_root`, `receipt_root` and `change_root` are those of the parent
/// height after execution.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// [`HEADER_VERSION`].
    pub version: u8,
    /// The chain id.
    pub chain: String,
    /// The height, 1 for the first block after genesis.
    pub height: u64,
    /// Block time in ms since the Unix epoch; greater than the parent's.
    pub time_ms: u64,
    /// Who proposed it.
    pub proposer: ValidatorAddress,
    /// The id of the parent block; the genesis hash for height 1.
    pub parent: Digest,
    /// Root over the transaction ids and their number: [`root_of_ids`].
    pub tx_root: Digest,
    /// State root after the parent height.
    pub state_root: Digest,
    /// Root over the receipts of the parent height.
    pub receipt_root: Digest,
    /// Root over the changes of the parent height.
    pub change_root: Digest,
    /// Digest of the validator set of this height.
    pub validators_hash: Digest,
    /// Version of the rules.
    pub app_version: u32,
}

impl Header {
    /// The block id: H("titian block v1", header).
    pub fn id(&self) -> Digest {
        hash("titian block v1", &[&encode(self)])
    }
}

/// A block: its header and the canonical bytes of its transactions.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions, in order of execution.
    pub transactions: Vec<Vec<u8>>,
}

/// The root of a block's `transactions`: [`root_of_ids`].
pub fn transaction_root(transactions: &[Vec<u8>]) -> Digest {
    let ids: Vec<TransactionId> = transactions.iter().map(|tx| TransactionId::of(tx)).collect();
    root_of_ids(&ids)
}

/// H("titian tx root v1", number of transactions ‖ root of the RFC 9162 tree over their ids).
pub fn root_of_ids(ids: &[TransactionId]) -> Digest {
    let leaves: Vec<Digest> = ids.iter().map(|id| id.0).collect();
    counted_root(ids.len() as u64, merkle::root_of(TRANSACTION_NODE, &leaves))
}

/// Tag of the inner nodes of the tree over transaction ids.
pub(crate) const TRANSACTION_NODE: &str = "titian tx node v1";

/// The root of a block with so many transactions, from that of the tree over their ids. The number is
/// hashed in because a path from a leaf to a root alone tells neither it nor the place of the leaf.
pub(crate) fn counted_root(count: u64, tree: Digest) -> Digest {
    hash("titian tx root v1", &[&count.to_be_bytes(), &tree.0])
}

/// One validator of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Validator {
    /// The AMS that runs it, ISO 3166-1 alpha-2.
    pub ams: String,
    /// Its Ed25519 key, for votes only.
    pub public_key: [u8; 32],
    /// Its voting power.
    pub power: u64,
}

impl Validator {
    /// The address in votes and certificates.
    pub fn address(&self) -> ValidatorAddress {
        validator_address(&self.public_key)
    }
}

/// The address of a validator key: first 20 bytes of H("titian validator v1", key).
pub fn validator_address(public_key: &[u8; 32]) -> ValidatorAddress {
    let digest = hash("titian validator v1", &[public_key]);
    let mut address = [0; 20];
    address.copy_from_slice(&digest.0[..20]);
    address
}

/// The validators of a height, ordered by AMS code.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ValidatorSet {
    /// Ordered by `ams`, no address twice.
    pub validators: Vec<Validator>,
}

impl ValidatorSet {
    /// A set in canonical order.
    pub fn new(mut validators: Vec<Validator>) -> Self {
        validators.sort();
        Self { validators }
    }

    /// H("titian validators v1", set).
    pub fn hash(&self) -> Digest {
        hash("titian validators v1", &[&encode(self)])
    }

    /// The power of all.
    pub fn total_power(&self) -> u64 {
        self.validators.iter().fold(0, |sum, validator| sum.saturating_add(validator.power))
    }

    /// The validator with this address.
    pub fn by_address(&self, address: &ValidatorAddress) -> Option<&Validator> {
        self.validators.iter().find(|validator| &validator.address() == address)
    }

    /// How many validators of equal power may fail: floor((n − 1) / 3).
    pub const fn faults_max(&self) -> usize {
        self.validators.len().saturating_sub(1) / 3
    }
}

/// The two votes of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum VoteKind {
    /// First vote.
    Prevote = 1,
    /// Second vote; a certificate is made of these.
    Precommit = 2,
}

/// What a validator signs when it votes: domain tag, chain, kind, height, round, block id (or nil),
/// its own address.
pub fn vote_sign_bytes(
    chain: &str,
    kind: VoteKind,
    height: u64,
    round: u32,
    block: Option<Digest>,
    address: &ValidatorAddress,
) -> Vec<u8> {
    encode(&("titian vote v1", chain, kind, height, round, block, address))
}

/// What a proposer signs: domain tag, chain, height, round, proof-of-lock round, block id, address.
pub fn proposal_sign_bytes(
    chain: &str,
    height: u64,
    round: u32,
    pol_round: Option<u32>,
    block: Digest,
    address: &ValidatorAddress,
) -> Vec<u8> {
    encode(&("titian proposal v1", chain, height, round, pol_round, block, address))
}

/// Precommits of more than two thirds of the power for one block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    /// The height.
    pub height: u64,
    /// The round in which it was decided.
    pub round: u32,
    /// The decided block.
    pub block: Digest,
    /// The signatures, each with its validator's address.
    pub signatures: Vec<(ValidatorAddress, [u8; 64])>,
}

/// Why a certificate does not prove its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A signer is not in the set.
    #[error("a signer is not a validator of this height")]
    UnknownValidator,
    /// A validator stands twice.
    #[error("a validator signed twice")]
    Duplicate,
    /// A signature does not verify.
    #[error("a signature does not verify")]
    BadSignature,
    /// Two thirds of the power or less signed.
    #[error("not more than two thirds of the voting power signed")]
    PowerMissing,
}

impl Certificate {
    /// Checks that more than two thirds of the power of `set` signed this block on `chain`.
    pub fn check(&self, chain: &str, set: &ValidatorSet) -> Result<(), CertificateError> {
        let mut power: u64 = 0;
        let mut seen: Vec<&ValidatorAddress> = Vec::with_capacity(self.signatures.len());
        for (address, signature) in self.signatures.iter().take(limits::VALIDATORS_MAX + 1) {
            if seen.contains(&address) {
                return Err(CertificateError::Duplicate);
            }
            seen.push(address);
            let validator = set.by_address(address).ok_or(CertificateError::UnknownValidator)?;
            let bytes = vote_sign_bytes(
                chain,
                VoteKind::Precommit,
                self.height,
                self.round,
                Some(self.block),
                address,
            );
            let valid = VerifyingKey::from_bytes(&validator.public_key).is_ok_and(|key| {
                key.verify_strict(&bytes, &Signature::from_bytes(signature)).is_ok()
            });
            if !valid {
                return Err(CertificateError::BadSignature);
            }
            power = power.saturating_add(validator.power);
        }
        // power > 2/3 total, in integers wide enough for any set
        if u128::from(power) * 3 > u128::from(set.total_power()) * 2 {
            Ok(())
        } else {
            Err(CertificateError::PowerMissing)
        }
    }
}

/// Borsh bytes of a value held in memory.
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory cannot fail")
}
