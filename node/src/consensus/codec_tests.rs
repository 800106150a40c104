//! Every message: there and back, cut at every byte, with a byte too many, at and over its limit.

use arc_malachitebft_core_types::Context as _;
use titian_contracts::digest::{Digest, hash};

use super::*;

const SIGNATURE: Signature = Signature([5; 64]);

fn id(byte: u8) -> BlockId {
    BlockId(Digest([byte; 32]))
}

fn address(byte: u8) -> Address {
    Address([byte; 20])
}

fn vote() -> SignedMessage<Titian, Vote> {
    let vote = Titian.new_prevote(Height(7), Round::new(2), NilOrVal::Val(id(1)), address(2));
    SignedMessage::new(vote, SIGNATURE)
}

fn nil_vote() -> SignedMessage<Titian, Vote> {
    let vote = Titian.new_precommit(Height(7), Round::new(0), NilOrVal::Nil, address(2));
    SignedMessage::new(vote, SIGNATURE)
}

fn proposal() -> SignedMessage<Titian, Proposal> {
    let proposal = Titian.new_proposal(Height(7), Round::new(3), id(1), Round::Nil, address(4));
    SignedMessage::new(proposal, SIGNATURE)
}

fn part(len: usize) -> Part {
    let bytes = vec![3; len].into();
    Part { height: 9, round: 1, block: Digest([8; 32]), index: 2, total: 5, bytes }
}

fn stream(id_len: usize, content: StreamContent<Part>) -> StreamMessage<Part> {
    StreamMessage::new(StreamId::new(vec![1; id_len].into()), 2, content)
}

fn polka(signatures: usize) -> PolkaCertificate<Titian> {
    PolkaCertificate {
        height: Height(7),
        round: Round::new(1),
        value_id: id(1),
        polka_signatures: vec![PolkaSignature::new(address(1), SIGNATURE); signatures],
    }
}

fn round_certificate(signatures: usize) -> RoundCertificate<Titian> {
    let signature = RoundSignature::new(VoteType::Precommit, NilOrVal::Nil, address(1), SIGNATURE);
    RoundCertificate {
        height: Height(7),
        round: Round::new(1),
        cert_type: RoundCertificateType::Skip,
        round_signatures: vec![signature; signatures],
    }
}

fn decided(body: usize, signatures: usize) -> RawDecidedValue<Titian> {
    let signature = ExtendedCommitSignature::new(address(1), SIGNATURE, None);
    RawDecidedValue::new(
        vec![6; body].into(),
        ExtendedCommitCertificate {
            height: Height(7),
            round: Round::new(1),
            value_id: id(1),
            commit_signatures: vec![signature; signatures],
        },
    )
}

fn response(blocks: usize, body: usize) -> Response<Titian> {
    Response::ValueResponse(ValueResponse::new(Height(7), vec![decided(body, 3); blocks]))
}

fn peer() -> PeerId {
    let mut bytes = vec![0, 36, 8, 1, 18, 32];
    bytes.extend_from_slice(&[7; 32]);
    PeerId::from_bytes(&bytes).expect("an identity multihash")
}

fn proof(len: usize) -> ValidatorProof<Titian> {
    ValidatorProof::new(vec![1; len], vec![2; 38], SIGNATURE)
}

fn proposed() -> ProposedValue<Titian> {
    ProposedValue {
        height: Height(7),
        round: Round::new(1),
        valid_round: Round::Nil,
        proposer: address(3),
        value: id(1),
        validity: Validity::Valid,
    }
}

// encodes, decodes, cuts and lengthens; gives the bytes for the vector
fn there_and_back<T: Wire + PartialEq + std::fmt::Debug>(message: &T) -> Bytes {
    let bytes = encode(message).expect("within limits");
    assert_eq!(decode::<T>(bytes.clone()).as_ref(), Ok(message));
    for len in 0..bytes.len() {
        assert!(decode::<T>(bytes.slice(..len)).is_err(), "cut at {len}: {message:?}");
    }
    let longer: Bytes = [&bytes[..], &[0]].concat().into();
    assert_eq!(decode::<T>(longer), Err(DecodeError::Trailing(1)));
    let other: Bytes = [&[2], &bytes[1..]].concat().into();
    assert_eq!(decode::<T>(other), Err(DecodeError::Version(2)));
    bytes
}

#[test]
fn every_message_goes_there_and_back_and_its_form_is_pinned() {
    let forms = [
        there_and_back(&SignedConsensusMsg::<Titian>::Vote(vote())),
        there_and_back(&SignedConsensusMsg::<Titian>::Vote(nil_vote())),
        there_and_back(&SignedConsensusMsg::<Titian>::Proposal(proposal())),
        there_and_back(&LivenessMsg::<Titian>::Vote(vote())),
        there_and_back(&LivenessMsg::<Titian>::PolkaCertificate(polka(2))),
        there_and_back(&LivenessMsg::<Titian>::SkipRoundCertificate(round_certificate(2))),
        there_and_back(&polka(0)),
        there_and_back(&proposed()),
        there_and_back(&part(9)),
        there_and_back(&stream(24, StreamContent::Data(part(9)))),
        there_and_back(&stream(24, StreamContent::Fin)),
        there_and_back(&proof(32)),
        there_and_back(&Status::<Titian> {
            peer_id: peer(),
            tip_height: Height(3),
            history_min_height: Height(1),
        }),
        there_and_back(&Request::<Titian>::ValueRequest(ValueRequest::new(Height(3)..=Height(9)))),
        there_and_back(&response(2, 10)),
    ];
    let all: Vec<&[u8]> = forms.iter().map(|form| &form[..]).collect();
    // another digest means another wire and log format: a new version and a CHANGELOG line
    assert_eq!(hash("titian test vector v1", &all).to_hex(), VECTOR);
}

const VECTOR: &str = "9a64f5ae3c9513c36c9254ebd8bdc1bafa2b10cd8229ab0aa1de4981699ab01f";

fn fits<T: Wire + PartialEq + std::fmt::Debug>(at: &T, over: &T) {
    let bytes = encode(at).expect("at the limit");
    assert_eq!(decode::<T>(bytes).as_ref(), Ok(at));
    assert!(matches!(encode(over), Err(DecodeError::TooMany { .. })));
}

#[test]
fn limits_hold_at_n_and_n_plus_one() {
    let signatures = limits::ENGINE_SIGNATURES_MAX;
    fits(&polka(signatures), &polka(signatures + 1));
    fits(&round_certificate(signatures), &round_certificate(signatures + 1));
    fits(&decided(1, signatures), &decided(1, signatures + 1));
    fits(&decided(limits::BLOCK_BYTES_MAX, 1), &decided(limits::BLOCK_BYTES_MAX + 1, 1));
    fits(&response(limits::SYNC_BLOCKS_MAX, 1), &response(limits::SYNC_BLOCKS_MAX + 1, 1));
    let bytes = limits::PROPOSAL_PART_BYTES_MAX;
    fits(&part(bytes), &part(bytes + 1));
    let id = limits::STREAM_ID_BYTES_MAX;
    fits(&stream(id, StreamContent::Fin), &stream(id + 1, StreamContent::Fin));
    let field = limits::ENGINE_FIELD_BYTES_MAX;
    fits(&proof(field), &proof(field + 1));
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_allocated() {
    // a polka certificate that promises four billion signatures
    let mut bytes = encode(&polka(0)).expect("fits").to_vec();
    let at = bytes.len() - 4;
    bytes[at..].copy_from_slice(&u32::MAX.to_be_bytes());
    let refused = decode::<PolkaCertificate<Titian>>(bytes.into());
    assert!(matches!(refused, Err(DecodeError::TooMany { .. })));
}

#[test]
fn the_length_of_a_response_is_counted_exactly() {
    for (blocks, body) in [(0, 0), (1, 1), (3, 70_000)] {
        let response = response(blocks, body);
        let bytes = encode(&response).expect("fits");
        assert_eq!(WireCodec::default().encoded_len(&response), Ok(bytes.len()));
    }
}

#[test]
fn unknown_tags_are_refused() {
    let mut bytes = encode(&SignedConsensusMsg::<Titian>::Vote(vote())).expect("fits").to_vec();
    bytes[1] = 9;
    let refused = decode::<SignedConsensusMsg<Titian>>(bytes.into());
    assert_eq!(refused, Err(DecodeError::Tag(9)));
}

#[test]
fn an_abstention_verifies_under_no_key() {
    use crate::consensus::signing::{ABSTAINED, Verification};
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key();
    let verification = Verification::new("titian-test");
    assert!(!verification.vote(&vote().message, &ABSTAINED, &key));
    assert!(!verification.proposal(&proposal().message, &ABSTAINED, &key));
}
