//! Token Status List (IETF, draft 20): packing of entries, zlib, and reading within limits.
//!
//! Invariant: entries fill a byte from its least significant bit, the other way round than in
//! state and in Bitstring lists; [`reorder`] is the one place that knows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{LIST_BYTES_MAX, list_fault};
use crate::key::decode;
use crate::pack::{Frame, deflate, inflate};

/// Turns the order of the entries within each byte: state order to list order, and back.
pub fn reorder(bytes: &[u8], size: u64) -> Vec<u8> {
    bytes.iter().map(|byte| reorder_byte(*byte, size)).collect()
}

const fn reorder_byte(byte: u8, size: u64) -> u8 {
    match size {
        1 => byte.reverse_bits(),
        2 => {
            let pairs = byte.rotate_left(4);
            ((pairs & 0x33) << 2) | ((pairs >> 2) & 0x33)
        }
        4 => byte.rotate_left(4),
        _ => byte,
    }
}

/// `lst` of entries in list order.
pub fn encode_list(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(deflate(Frame::Zlib, bytes))
}

/// The entries of `lst`, in list order. The error is a code of check `status`.
pub fn decode_list(text: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = decode(text).ok_or("STATUS_LIST_INVALID")?;
    inflate(Frame::Zlib, &bytes, LIST_BYTES_MAX).map_err(list_fault)
}

/// The entry at `index` of decoded entries. The error is a code of check `status`. Unlike a
/// Bitstring list a Token Status List has no least length.
pub fn entry_of(list: &[u8], size: u64, index: u64) -> Result<u8, &'static str> {
    if !matches!(size, 1 | 2 | 4 | 8) {
        return Err("STATUS_LIST_INVALID");
    }
    let bit = index.checked_mul(size).ok_or("STATUS_INDEX_RANGE")?;
    let byte = usize::try_from(bit / 8).ok().and_then(|at| list.get(at));
    let byte = byte.ok_or("STATUS_INDEX_RANGE")?;
    let mask = if size == 8 { 0xff } else { (1_u8 << size) - 1 };
    Ok((byte >> (bit % 8)) & mask)
}
