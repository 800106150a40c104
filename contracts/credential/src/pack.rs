//! DEFLATE in its three frames: gzip for Bitstring lists and bundle files, zlib for Token Status
//! Lists, raw for the chunks of a bundle.
//!
//! Invariant: equal bytes give equal text, with no name and no time in the header; inflating stops
//! at a limit while it runs, so that a small text cannot become a large one (S12). The only module
//! that names `std::io`: the traits read and write memory.

use std::io::{Read, Write};

use flate2::bufread::DeflateDecoder;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, ZlibEncoder};
use flate2::{Compression, GzBuilder};

/// What stands around the compressed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Zlib,
    /// RFC 1951, nothing around it.
    Raw,
}

/// Why bytes cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InflateError {
    /// Not of this frame.
    Malformed,
    /// More than the limit.
    TooLarge,
}

/// Compresses.
pub(crate) fn deflate(frame: Frame, bytes: &[u8]) -> Vec<u8> {
    const MEMORY: &str = "writing to memory cannot fail";
    let level = Compression::best();
    match frame {
        Frame::Gzip => {
            let mut encoder = GzBuilder::new().write(Vec::new(), level);
            encoder.write_all(bytes).expect(MEMORY);
            encoder.finish().expect(MEMORY)
        }
        Frame::Zlib => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).expect(MEMORY);
            encoder.finish().expect(MEMORY)
        }
        Frame::Raw => {
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).expect(MEMORY);
            encoder.finish().expect(MEMORY)
        }
    }
}

/// Inflates at most `limit` bytes.
pub(crate) fn inflate(frame: Frame, bytes: &[u8], limit: u64) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    let beyond = limit.saturating_add(1);
    let read = match frame {
        Frame::Gzip => GzDecoder::new(bytes).take(beyond).read_to_end(&mut out),
        Frame::Zlib => ZlibDecoder::new(bytes).take(beyond).read_to_end(&mut out),
        Frame::Raw => {
            let mut rest = bytes;
            let read = DeflateDecoder::new(&mut rest).take(beyond).read_to_end(&mut out);
            // this frame has no check value; what stands behind it would go unseen
            match read {
                Ok(count) if count as u64 <= limit && !rest.is_empty() => {
                    return Err(InflateError::Malformed);
                }
                read => read,
            }
        }
    };
    match read {
        Err(_) => Err(InflateError::Malformed),
        Ok(count) if count as u64 > limit => Err(InflateError::TooLarge),
        Ok(_) => Ok(out),
    }
}
