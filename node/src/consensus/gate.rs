//! The gate through which own signatures leave the process.
//!
//! Invariant: whatever carries an own vote or proposal, alone or in a certificate, leaves only
//! after the double-sign guard wrote its place down. Deliberately not here: signing.

use arc_malachitebft_app_channel::app::consensus::LivenessMsg;
use arc_malachitebft_app_channel::app::types::SignedConsensusMsg;
use arc_malachitebft_core_types::SignedMessage;

use super::context::{Titian, Vote};
use super::guard::GuardError;
use super::signing::GuardedSigner;
use super::wire::DecodeError;

fn passed(released: Result<bool, GuardError>) -> Result<(), DecodeError> {
    match released {
        Ok(true) => Ok(()),
        Ok(false) => Err(DecodeError::Withheld),
        Err(error) => {
            tracing::error!(%error, "a message is withheld");
            Err(DecodeError::Withheld)
        }
    }
}

/// Lets a vote or proposal leave through the guard.
pub fn release(
    gate: &GuardedSigner,
    message: &SignedConsensusMsg<Titian>,
) -> Result<(), DecodeError> {
    passed(match message {
        SignedConsensusMsg::Vote(vote) => gate.release_vote(&vote.message, &vote.signature),
        SignedConsensusMsg::Proposal(proposal) => {
            gate.release_proposal(&proposal.message, &proposal.signature)
        }
    })
}

/// Lets a message of the liveness protocol leave: an own vote may be inside a certificate.
pub fn release_liveness(
    gate: &GuardedSigner,
    message: &LivenessMsg<Titian>,
) -> Result<(), DecodeError> {
    let pass = |vote: SignedMessage<Titian, Vote>| {
        passed(gate.release_vote(&vote.message, &vote.signature))
    };
    match message {
        LivenessMsg::Vote(vote) => pass(vote.clone()),
        LivenessMsg::PolkaCertificate(polka) => polka.votes(&Titian).try_for_each(pass),
        LivenessMsg::SkipRoundCertificate(round) => round.votes(&Titian).try_for_each(pass),
    }
}
