//! The binary form of everything the engine sends, and writes into its log.
//!
//! Every message is one version byte, then fields in fixed order: integers big-endian, byte strings
//! and lists behind a 32-bit length. Invariant: one value has one encoding; every length is checked
//! against its limit before anything is allocated; input left over is an error. Changing a byte
//! means a new version. Deliberately not here: any trust in what was decoded.

use std::sync::Arc;

use arc_malachitebft_app_channel::app::consensus::LivenessMsg;
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::codec::{Codec, HasEncodedLen};
use arc_malachitebft_app_channel::app::types::{ProposedValue, SignedConsensusMsg};
use arc_malachitebft_core_types::{
    ExtendedCommitCertificate, ExtendedCommitSignature, NilOrVal, PolkaCertificate, PolkaSignature,
    Round, RoundCertificate, RoundCertificateType, RoundSignature, SignedMessage, ValidatorProof,
    Validity, VoteType,
};
use arc_malachitebft_peer::PeerId;
use arc_malachitebft_sync::{
    RawDecidedValue, Request, Response, Status, ValueRequest, ValueResponse,
};
use bytes::Bytes;
use titian_contracts::limits;

use super::context::{Address, BlockId, Height, Proposal, Titian, Vote};
use super::gate;
use super::parts::Part;
use super::signing::{GuardedSigner, Signature};
use super::wire::{DecodeError, Reader, Writer};

/// A type with a binary form.
pub trait Wire: Sized {
    /// Writes the fields.
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError>;
    /// Reads the fields.
    fn read(r: &mut Reader) -> Result<Self, DecodeError>;
}

/// Told of the height each peer reports.
pub trait StatusObserver: Send + Sync + 'static {
    /// A peer says what it decided last.
    fn peer_height(&self, peer: &str, height: u64);
}

/// The codec of network and log. That of the network is also the gate through which own
/// signatures leave: encoding is the last step before sending, and the engine flushes its log
/// before that.
#[derive(Clone, Default)]
pub struct WireCodec {
    observer: Option<Arc<dyn StatusObserver>>,
    gate: Option<GuardedSigner>,
}

impl std::fmt::Debug for WireCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WireCodec").finish_non_exhaustive()
    }
}

impl WireCodec {
    /// The codec of the network: tells `observer` of the heights in decoded status messages, and
    /// lets own signatures pass through `gate`.
    pub fn network(observer: Arc<dyn StatusObserver>, gate: Option<GuardedSigner>) -> Self {
        Self { observer: Some(observer), gate }
    }
}

/// The bytes of a message, its version first.
pub fn encode<T: Wire>(message: &T) -> Result<Bytes, DecodeError> {
    let mut w = Writer::versioned();
    message.write(&mut w)?;
    Ok(w.finish())
}

/// Reads a whole message.
pub fn decode<T: Wire>(bytes: Bytes) -> Result<T, DecodeError> {
    let mut r = Reader::versioned(bytes)?;
    let message = T::read(&mut r)?;
    r.finish()?;
    Ok(message)
}

macro_rules! codec {
    ($($message:ty),* $(,)?) => {$(
        impl Codec<$message> for WireCodec {
            type Error = DecodeError;

            fn decode(&self, bytes: Bytes) -> Result<$message, DecodeError> {
                decode(bytes)
            }

            fn encode(&self, message: &$message) -> Result<Bytes, DecodeError> {
                encode(message)
            }
        }
    )*};
}

codec!(
    Part,
    StreamMessage<Part>,
    ProposedValue<Titian>,
    PolkaCertificate<Titian>,
    ValidatorProof<Titian>,
    Request<Titian>,
    Response<Titian>,
);

impl Codec<SignedConsensusMsg<Titian>> for WireCodec {
    type Error = DecodeError;

    fn decode(&self, bytes: Bytes) -> Result<SignedConsensusMsg<Titian>, DecodeError> {
        decode(bytes)
    }

    fn encode(&self, message: &SignedConsensusMsg<Titian>) -> Result<Bytes, DecodeError> {
        self.gate.as_ref().map_or(Ok(()), |gate| gate::release(gate, message))?;
        encode(message)
    }
}

impl Codec<LivenessMsg<Titian>> for WireCodec {
    type Error = DecodeError;

    fn decode(&self, bytes: Bytes) -> Result<LivenessMsg<Titian>, DecodeError> {
        decode(bytes)
    }

    fn encode(&self, message: &LivenessMsg<Titian>) -> Result<Bytes, DecodeError> {
        self.gate.as_ref().map_or(Ok(()), |gate| gate::release_liveness(gate, message))?;
        encode(message)
    }
}

impl Codec<Status<Titian>> for WireCodec {
    type Error = DecodeError;

    fn decode(&self, bytes: Bytes) -> Result<Status<Titian>, DecodeError> {
        let status: Status<Titian> = decode(bytes)?;
        if let Some(observer) = &self.observer {
            observer.peer_height(&status.peer_id.to_base58(), status.tip_height.0);
        }
        Ok(status)
    }

    fn encode(&self, message: &Status<Titian>) -> Result<Bytes, DecodeError> {
        encode(message)
    }
}

impl HasEncodedLen<Response<Titian>> for WireCodec {
    fn encoded_len(&self, message: &Response<Titian>) -> Result<usize, DecodeError> {
        let Response::ValueResponse(response) = message;
        // counted, not encoded: the bodies may be megabytes
        let mut w = Writer::counting();
        response.write(&mut w)?;
        Ok(w.len())
    }
}

impl Wire for Height {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.u64(self.0);
        Ok(())
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        r.u64().map(Self)
    }
}

impl Wire for Address {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.raw(&self.0);
        Ok(())
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        r.array().map(Self)
    }
}

impl Wire for BlockId {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.raw(&self.0.0);
        Ok(())
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        r.array().map(|bytes| Self(titian_contracts::digest::Digest(bytes)))
    }
}

impl Wire for Signature {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.raw(&self.0);
        Ok(())
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        r.array().map(Self)
    }
}

impl Wire for Round {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        match self.as_u32() {
            None => w.u8(0),
            Some(round) => {
                w.u8(1);
                w.u32(round);
            }
        }
        Ok(())
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Nil),
            1 => r.u32().map(Self::new),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

impl Wire for VoteType {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.u8(match self {
            Self::Prevote => 1,
            Self::Precommit => 2,
        });
        Ok(())
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        match r.u8()? {
            1 => Ok(Self::Prevote),
            2 => Ok(Self::Precommit),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

impl Wire for NilOrVal<BlockId> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        match self {
            Self::Nil => {
                w.u8(0);
                Ok(())
            }
            Self::Val(id) => {
                w.u8(1);
                id.write(w)
            }
        }
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Nil),
            1 => BlockId::read(r).map(Self::Val),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

impl Wire for Validity {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.u8(u8::from(self.is_valid()));
        Ok(())
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Invalid),
            1 => Ok(Self::Valid),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

// structs are their fields in order
macro_rules! wire_struct {
    ($($name:ty { $($field:ident),* $(,)? })*) => {$(
        impl Wire for $name {
            fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
                $(self.$field.write(w)?;)*
                Ok(())
            }

            fn read(r: &mut Reader) -> Result<Self, DecodeError> {
                $(let $field = Wire::read(r)?;)*
                Ok(Self { $($field),* })
            }
        }
    )*};
}

wire_struct! {
    Vote { kind, height, round, value, address }
    Proposal { height, round, value, pol_round, address }
    ProposedValue<Titian> { height, round, valid_round, proposer, value, validity }
    PolkaSignature<Titian> { address, signature }
    RoundSignature<Titian> { vote_type, value_id, address, signature }
    Status<Titian> { peer_id, tip_height, history_min_height }
}

impl<T: Wire> Wire for SignedMessage<Titian, T> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        self.message.write(w)?;
        self.signature.write(w)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { message: T::read(r)?, signature: Signature::read(r)? })
    }
}

impl Wire for SignedConsensusMsg<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        match self {
            Self::Vote(vote) => {
                w.u8(1);
                vote.write(w)
            }
            Self::Proposal(proposal) => {
                w.u8(2);
                proposal.write(w)
            }
        }
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        match r.u8()? {
            1 => Wire::read(r).map(Self::Vote),
            2 => Wire::read(r).map(Self::Proposal),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

impl Wire for LivenessMsg<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        match self {
            Self::Vote(vote) => {
                w.u8(1);
                vote.write(w)
            }
            Self::PolkaCertificate(certificate) => {
                w.u8(2);
                certificate.write(w)
            }
            Self::SkipRoundCertificate(certificate) => {
                w.u8(3);
                certificate.write(w)
            }
        }
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        match r.u8()? {
            1 => Wire::read(r).map(Self::Vote),
            2 => Wire::read(r).map(Self::PolkaCertificate),
            3 => Wire::read(r).map(Self::SkipRoundCertificate),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

fn write_list<T: Wire>(w: &mut Writer, items: &[T], max: usize) -> Result<(), DecodeError> {
    w.count(items.len(), max)?;
    items.iter().try_for_each(|item| item.write(w))
}

fn read_list<T: Wire>(r: &mut Reader, max: usize) -> Result<Vec<T>, DecodeError> {
    let count = r.count(max)?;
    (0..count).map(|_| T::read(r)).collect()
}

impl Wire for PolkaCertificate<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        self.height.write(w)?;
        self.round.write(w)?;
        self.value_id.write(w)?;
        write_list(w, &self.polka_signatures, limits::ENGINE_SIGNATURES_MAX)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: Wire::read(r)?,
            round: Wire::read(r)?,
            value_id: Wire::read(r)?,
            polka_signatures: read_list(r, limits::ENGINE_SIGNATURES_MAX)?,
        })
    }
}

impl Wire for RoundCertificate<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        self.height.write(w)?;
        self.round.write(w)?;
        w.u8(match self.cert_type {
            RoundCertificateType::Skip => 1,
            RoundCertificateType::Precommit => 2,
        });
        write_list(w, &self.round_signatures, limits::ENGINE_SIGNATURES_MAX)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: Wire::read(r)?,
            round: Wire::read(r)?,
            cert_type: match r.u8()? {
                1 => RoundCertificateType::Skip,
                2 => RoundCertificateType::Precommit,
                other => return Err(DecodeError::Tag(other)),
            },
            round_signatures: read_list(r, limits::ENGINE_SIGNATURES_MAX)?,
        })
    }
}

// vote extensions do not exist on this ledger, so the form has no place for them
impl Wire for ExtendedCommitSignature<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        self.address.write(w)?;
        self.signature.write(w)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { address: Wire::read(r)?, signature: Wire::read(r)?, extension: None })
    }
}

impl Wire for ExtendedCommitCertificate<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        self.height.write(w)?;
        self.round.write(w)?;
        self.value_id.write(w)?;
        write_list(w, &self.commit_signatures, limits::ENGINE_SIGNATURES_MAX)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: Wire::read(r)?,
            round: Wire::read(r)?,
            value_id: Wire::read(r)?,
            commit_signatures: read_list(r, limits::ENGINE_SIGNATURES_MAX)?,
        })
    }
}

impl Wire for RawDecidedValue<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.bytes(&self.value_bytes, limits::BLOCK_BYTES_MAX)?;
        self.certificate.write(w)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { value_bytes: r.bytes(limits::BLOCK_BYTES_MAX)?, certificate: Wire::read(r)? })
    }
}

impl Wire for ValueResponse<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        self.start_height.write(w)?;
        write_list(w, &self.values, limits::SYNC_BLOCKS_MAX)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { start_height: Wire::read(r)?, values: read_list(r, limits::SYNC_BLOCKS_MAX)? })
    }
}

impl Wire for Response<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        let Self::ValueResponse(response) = self;
        response.write(w)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Wire::read(r).map(Self::ValueResponse)
    }
}

impl Wire for Request<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        let Self::ValueRequest(request) = self;
        request.range.start().write(w)?;
        request.range.end().write(w)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        let start = Height::read(r)?;
        let end = Height::read(r)?;
        Ok(Self::ValueRequest(ValueRequest::new(start..=end)))
    }
}

impl Wire for PeerId {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.bytes(&self.to_bytes(), limits::ENGINE_FIELD_BYTES_MAX)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        let bytes = r.bytes(limits::ENGINE_FIELD_BYTES_MAX)?;
        Self::from_bytes(&bytes).map_err(|_| DecodeError::PeerId)
    }
}

impl Wire for ValidatorProof<Titian> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.bytes(&self.public_key, limits::ENGINE_FIELD_BYTES_MAX)?;
        w.bytes(&self.peer_id, limits::ENGINE_FIELD_BYTES_MAX)?;
        self.signature.write(w)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            public_key: r.bytes(limits::ENGINE_FIELD_BYTES_MAX)?.to_vec(),
            peer_id: r.bytes(limits::ENGINE_FIELD_BYTES_MAX)?.to_vec(),
            signature: Wire::read(r)?,
        })
    }
}

impl Wire for Part {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.u64(self.height);
        w.u32(self.round);
        w.raw(&self.block.0);
        w.u16(self.index);
        w.u16(self.total);
        w.bytes(&self.bytes, limits::PROPOSAL_PART_BYTES_MAX)
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: r.u64()?,
            round: r.u32()?,
            block: titian_contracts::digest::Digest(r.array()?),
            index: r.u16()?,
            total: r.u16()?,
            bytes: r.bytes(limits::PROPOSAL_PART_BYTES_MAX)?,
        })
    }
}

impl Wire for StreamMessage<Part> {
    fn write(&self, w: &mut Writer) -> Result<(), DecodeError> {
        w.bytes(&self.stream_id.to_bytes(), limits::STREAM_ID_BYTES_MAX)?;
        w.u64(self.sequence);
        match &self.content {
            StreamContent::Data(part) => {
                w.u8(1);
                part.write(w)
            }
            StreamContent::Fin => {
                w.u8(2);
                Ok(())
            }
        }
    }

    fn read(r: &mut Reader) -> Result<Self, DecodeError> {
        let stream_id = StreamId::new(r.bytes(limits::STREAM_ID_BYTES_MAX)?);
        let sequence = r.u64()?;
        let content = match r.u8()? {
            1 => StreamContent::Data(Part::read(r)?),
            2 => StreamContent::Fin,
            other => return Err(DecodeError::Tag(other)),
        };
        Ok(Self::new(stream_id, sequence, content))
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
