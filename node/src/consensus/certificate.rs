//! Certificates and evidence of the engine in the form of the ledger, and back.
//!
//! Invariant: signatures are carried over byte for byte; nothing is verified here, because the
//! engine verified before it decided and a light client verifies again.

use arc_malachitebft_app_channel::app::types::MisbehaviorEvidence;
use arc_malachitebft_core_types::{
    CommitCertificate, ExtendedCommitCertificate, ExtendedCommitSignature, Round,
};
use titian_contracts::block::Certificate;
use titian_contracts::limits;

use super::application::{Evidence, SignedStatement};
use super::context::{Address, BlockId, Height, Titian};
use super::signing::{Signature, proposal_bytes, vote_bytes};

/// A certificate of the engine.
pub type Commit = CommitCertificate<Titian>;

/// The certificate of the ledger, signatures in order of address.
pub fn of(commit: &Commit) -> Certificate {
    let mut signatures: Vec<_> = commit
        .commit_signatures
        .iter()
        .map(|signature| (signature.address.0, signature.signature.0))
        .collect();
    signatures.sort_unstable();
    Certificate {
        height: commit.height.0,
        round: commit.round.as_u32().unwrap_or(0),
        block: commit.value_id.0,
        signatures,
    }
}

/// The form in which block sync carries a certificate.
pub fn extended(certificate: &Certificate) -> ExtendedCommitCertificate<Titian> {
    ExtendedCommitCertificate {
        height: Height(certificate.height),
        round: Round::new(certificate.round),
        value_id: BlockId(certificate.block),
        commit_signatures: certificate
            .signatures
            .iter()
            .map(|(address, signature)| {
                ExtendedCommitSignature::new(Address(*address), Signature(*signature), None)
            })
            .collect(),
    }
}

/// Double votes and double proposals, at most [`limits::ENGINE_EVIDENCE_MAX`].
pub fn evidence(chain: &str, found: &MisbehaviorEvidence<Titian>) -> Vec<Evidence> {
    let votes = found.votes.iter().flat_map(|(address, pairs)| {
        pairs.iter().map(move |(first, second)| Evidence {
            height: first.message.height.0,
            validator: address.0,
            statements: [first, second].map(|vote| SignedStatement {
                sign_bytes: vote_bytes(chain, &vote.message),
                signature: vote.signature.0,
            }),
        })
    });
    let proposals = found.proposals.iter().flat_map(|(address, pairs)| {
        pairs.iter().map(move |(first, second)| Evidence {
            height: first.message.height.0,
            validator: address.0,
            statements: [first, second].map(|proposal| SignedStatement {
                sign_bytes: proposal_bytes(chain, &proposal.message),
                signature: proposal.signature.0,
            }),
        })
    });
    votes.chain(proposals).take(limits::ENGINE_EVIDENCE_MAX).collect()
}
