//! The message of the mempool's network: a batch of transactions.
//!
//! Invariant: a batch that decodes holds at least one transaction, each within its size, and no
//! leftover byte. Memory for decoding is bounded by the message, which the transport bounds.

use borsh::{BorshDeserialize, BorshSerialize};
use titian_contracts::limits;

/// Format version of a batch.
const BATCH_VERSION: u8 = 1;

/// Largest encoded batch: [`limits::GOSSIP_BATCH_BYTES_MAX`], or one transaction of the largest
/// size, a part of an import, with its frame.
pub const BATCH_WIRE_BYTES_MAX: usize =
    if limits::GOSSIP_BATCH_BYTES_MAX > limits::IMPORT_PART_BYTES_MAX {
        limits::GOSSIP_BATCH_BYTES_MAX
    } else {
        limits::IMPORT_PART_BYTES_MAX
    } + FRAME_BYTES;

/// Version, count, and the length of one transaction.
const FRAME_BYTES: usize = 1 + 4 + 4;

#[derive(BorshSerialize, BorshDeserialize)]
struct Batch {
    version: u8,
    transactions: Vec<Vec<u8>>,
}

/// Why a message is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Larger than [`BATCH_WIRE_BYTES_MAX`].
    #[error("batch is too large")]
    TooLarge,
    /// Not the borsh form, leftover bytes, or another version.
    #[error("batch is not in the format of this version")]
    Format,
    /// No transaction, an empty one, or one beyond its limit.
    #[error("batch holds nothing, or a transaction out of bounds")]
    Contents,
}

/// The bytes of a batch.
pub fn encode(transactions: Vec<Vec<u8>>) -> Vec<u8> {
    borsh::to_vec(&Batch { version: BATCH_VERSION, transactions })
        .expect("writing to memory cannot fail")
}

/// Reads a batch.
pub fn decode(bytes: &[u8]) -> Result<Vec<Vec<u8>>, BatchError> {
    if bytes.len() > BATCH_WIRE_BYTES_MAX {
        return Err(BatchError::TooLarge);
    }
    let batch: Batch = borsh::from_slice(bytes).map_err(|_| BatchError::Format)?;
    if batch.version != BATCH_VERSION {
        return Err(BatchError::Format);
    }
    let in_bounds = |tx: &Vec<u8>| !tx.is_empty() && tx.len() <= limits::IMPORT_PART_BYTES_MAX;
    if batch.transactions.is_empty() || !batch.transactions.iter().all(in_bounds) {
        return Err(BatchError::Contents);
    }
    Ok(batch.transactions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_reads_back_and_its_bytes_are_fixed() {
        let bytes = encode(vec![b"ab".to_vec(), b"c".to_vec()]);
        assert_eq!(hex::encode(&bytes), "0102000000020000006162010000 0063".replace(' ', ""));
        assert_eq!(decode(&bytes), Ok(vec![b"ab".to_vec(), b"c".to_vec()]));
    }

    #[test]
    fn the_largest_transaction_fits_and_one_byte_more_does_not() {
        let largest = vec![7; limits::IMPORT_PART_BYTES_MAX];
        assert_eq!(decode(&encode(vec![largest.clone()])), Ok(vec![largest]));
        let beyond = encode(vec![vec![7; limits::IMPORT_PART_BYTES_MAX + 1]]);
        assert_eq!(decode(&beyond), Err(BatchError::TooLarge));
    }

    #[test]
    fn damage_is_refused() {
        let bytes = encode(vec![b"ab".to_vec()]);
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode(&longer), Err(BatchError::Format));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), Err(BatchError::Format));
        let mut other_version = bytes;
        other_version[0] = 2;
        assert_eq!(decode(&other_version), Err(BatchError::Format));
        assert_eq!(decode(&encode(Vec::new())), Err(BatchError::Contents));
        assert_eq!(decode(&encode(vec![Vec::new()])), Err(BatchError::Contents));
        assert_eq!(decode(&[1, 255, 255, 255, 255]), Err(BatchError::Format));
    }
}
