//! The types Malachite is generic over: heights, addresses, validators, proposals, votes.
//!
//! Invariant: the value that is proposed and voted on is the 32-byte block id, and the order of
//! proposers is a function of validator set, height and round alone.
//! Deliberately not here: bodies of blocks (`parts`), signatures (`signing`), wire forms (`codec`).

use std::fmt;
use std::sync::Arc;

use arc_malachitebft_core_types::{
    self as malachite, LinearTimeouts, NilOrVal, Round, SignedExtension, VoteType,
};
use titian_contracts::block::{self, ValidatorAddress};
use titian_contracts::digest::Digest;

use super::parts::Part;
use super::signing::{Ed25519Strict, PublicKey};

/// The context of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Titian;

/// A height; 0 is genesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// The address of a validator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub ValidatorAddress);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl malachite::Address for Address {}

/// A block id, which is both the value and its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub Digest);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Value for BlockId {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A validator whose key was decompressed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Its address.
    pub address: Address,
    /// Its vote key.
    pub public_key: PublicKey,
    /// Its power.
    pub power: u64,
}

impl malachite::Validator<Titian> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// Why a validator set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// There is nobody in it.
    #[error("the validator set is empty")]
    Empty,
    /// One of the keys is no curve point.
    #[error("a validator key is not a valid Ed25519 key")]
    BadKey,
}

/// The validators of a height in the order of the ledger; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet {
    validators: Arc<Vec<Validator>>,
    total_power: u64,
}

impl ValidatorSet {
    /// Takes over a set of the ledger.
    pub fn of(set: &block::ValidatorSet) -> Result<Self, ValidatorSetError> {
        if set.validators.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        let validators = set
            .validators
            .iter()
            .map(|validator| {
                Ok(Validator {
                    address: Address(validator.address()),
                    public_key: PublicKey::from_bytes(&validator.public_key)
                        .map_err(|_| ValidatorSetError::BadKey)?,
                    power: validator.power,
                })
            })
            .collect::<Result<Vec<_>, ValidatorSetError>>()?;
        Ok(Self { validators: Arc::new(validators), total_power: set.total_power() })
    }

    /// Who proposes at (height, round): everyone in turn.
    pub fn proposer(&self, height: u64, round: u32) -> &Validator {
        let count = self.validators.len() as u64;
        let turn = (height % count + u64::from(round) % count) % count;
        let index = usize::try_from(turn).expect("less than the number of validators");
        self.validators.get(index).expect("a turn is less than the number of validators")
    }
}

impl malachite::ValidatorSet<Titian> for ValidatorSet {
    fn count(&self) -> usize {
        self.validators.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.total_power
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.validators.iter().find(|validator| &validator.address == address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.validators.get(index)
    }
}

/// A proposal: "this block at this height and round".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its height.
    pub height: Height,
    /// Its round.
    pub round: Round,
    /// The block.
    pub value: BlockId,
    /// The round in which the block had a quorum of prevotes, if it is proposed again.
    pub pol_round: Round,
    /// The proposer.
    pub address: Address,
}

impl malachite::Proposal<Titian> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockId {
        &self.value
    }

    fn take_value(self) -> BlockId {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }
}

/// A vote for a block or for nil. There are no vote extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Prevote or precommit.
    pub kind: VoteType,
    /// Its height.
    pub height: Height,
    /// Its round.
    pub round: Round,
    /// The block, or nil.
    pub value: NilOrVal<BlockId>,
    /// The voter.
    pub address: Address,
}

impl malachite::Vote<Titian> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockId> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<BlockId> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }

    fn extension(&self) -> Option<&SignedExtension<Titian>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Titian>> {
        None
    }

    fn extend(self, _: SignedExtension<Titian>) -> Self {
        self
    }
}

impl malachite::ProposalPart<Titian> for Part {
    fn is_first(&self) -> bool {
        self.index == 0
    }

    fn is_last(&self) -> bool {
        self.index.saturating_add(1) == self.total
    }
}

impl malachite::Context for Titian {
    type Address = Address;
    type Height = Height;
    type ProposalPart = Part;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = ValidatorSet;
    type Timeouts = LinearTimeouts;
    type Value = BlockId;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519Strict;

    fn select_proposer<'a>(
        &self,
        validator_set: &'a ValidatorSet,
        height: Height,
        round: Round,
    ) -> &'a Validator {
        validator_set.proposer(height.0, round.as_u32().unwrap_or(0))
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: BlockId,
        pol_round: Round,
        address: Address,
    ) -> Proposal {
        Proposal { height, round, value, pol_round, address }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<BlockId>,
        address: Address,
    ) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, address }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<BlockId>,
        address: Address,
    ) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, address }
    }
}
