//! Writing and reading of bounded binary fields.
//!
//! Invariant: a reader never allocates more than its input holds, and never more than the limit the
//! caller names. Deliberately not here: what the fields mean (`codec`).

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Version of all messages of the engine.
pub const VERSION: u8 = 1;

/// Why bytes are no message, or a value has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ends within a field.
    #[error("the message ends too early")]
    Short,
    /// Input is left over.
    #[error("{0} bytes are left over")]
    Trailing(usize),
    /// Another format version.
    #[error("version {0} is not known")]
    Version(u8),
    /// No variant has this tag.
    #[error("tag {0} is not known")]
    Tag(u8),
    /// A list or byte string is longer than allowed.
    #[error("{count} items where {max} are allowed")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// An own message that may not leave: this node abstained, or its guard cannot write.
    #[error("the message is withheld by the double-sign guard")]
    Withheld,
    /// Bytes that are no peer id.
    #[error("not a peer id")]
    PeerId,
}

/// Collects fields, or only counts them.
#[derive(Debug)]
pub struct Writer {
    out: Option<BytesMut>,
    len: usize,
}

impl Writer {
    /// A message, begun with its version.
    pub fn versioned() -> Self {
        let mut writer = Self { out: Some(BytesMut::with_capacity(256)), len: 0 };
        writer.u8(VERSION);
        writer
    }

    /// A message of which only the length is wanted.
    pub fn counting() -> Self {
        let mut writer = Self { out: None, len: 0 };
        writer.u8(VERSION);
        writer
    }

    /// Bytes so far.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes bytes without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if let Some(out) = &mut self.out {
            out.put_slice(bytes);
        }
    }

    /// Writes one byte.
    pub fn u8(&mut self, value: u8) {
        self.raw(&[value]);
    }

    /// Writes a 16-bit integer.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Writes a 32-bit integer.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    /// Writes a 64-bit integer.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// Writes the length of a list.
    pub fn count(&mut self, count: usize, max: usize) -> Result<(), DecodeError> {
        let too_many = DecodeError::TooMany { count, max };
        if count > max {
            return Err(too_many);
        }
        self.u32(u32::try_from(count).map_err(|_| too_many)?);
        Ok(())
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, bytes: &[u8], max: usize) -> Result<(), DecodeError> {
        self.count(bytes.len(), max)?;
        self.raw(bytes);
        Ok(())
    }

    /// The message.
    pub fn finish(self) -> Bytes {
        self.out.unwrap_or_default().freeze()
    }
}

/// Takes fields off a message.
#[derive(Debug)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Starts reading and checks the version.
    pub fn versioned(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Self { rest: bytes };
        match reader.u8()? {
            VERSION => Ok(reader),
            other => Err(DecodeError::Version(other)),
        }
    }

    fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if self.rest.remaining() < len {
            return Err(DecodeError::Short);
        }
        Ok(self.rest.split_to(len))
    }

    /// Reads a fixed number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(&self.take(N)?);
        Ok(array)
    }

    /// Reads one byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Reads a 16-bit integer.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads a 32-bit integer.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a 64-bit integer.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads the length of a list.
    pub fn count(&mut self, max: usize) -> Result<usize, DecodeError> {
        let count = self.u32()? as usize;
        if count > max {
            return Err(DecodeError::TooMany { count, max });
        }
        Ok(count)
    }

    /// Reads a byte string; it shares the memory of the message.
    pub fn bytes(&mut self, max: usize) -> Result<Bytes, DecodeError> {
        let len = self.count(max)?;
        self.take(len)
    }

    /// Ends reading; nothing may be left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.remaining() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing(left)),
        }
    }
}
