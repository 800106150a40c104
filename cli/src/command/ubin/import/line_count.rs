//! On which line of a file a record starts, as a person counts: a CR, an LF and a CRLF end one line
//! each, empty lines and those within quotes count.
//!
//! The CSV reader does not tell: it passes over empty lines and over the LF of a CRLF without counting,
//! so several of its rows may have one number.

/// Counts the lines of a file behind a reader that reads ahead of its records. What is kept is what
/// was read since the record before.
#[derive(Debug)]
pub(super) struct LineCount {
    /// Bytes that were read, from `offset` on.
    ahead: Vec<u8>,
    /// Those of `ahead` that are counted.
    counted: usize,
    /// Place in the file of the first byte of `ahead`.
    offset: u64,
    /// The line of the first byte that is not counted, from 1.
    line: u64,
    /// Whether the last counted byte was a CR: an LF after it ends no further line.
    after_cr: bool,
}

impl LineCount {
    /// At the start of a file.
    pub(super) const fn new() -> Self {
        Self { ahead: Vec::new(), counted: 0, offset: 0, line: 1, after_cr: false }
    }

    /// Takes note of bytes as they are read.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        self.ahead.drain(..self.counted);
        self.offset = self.offset.saturating_add(self.counted as u64);
        self.counted = 0;
        self.ahead.extend_from_slice(bytes);
    }

    /// The line of the first record at or after a place in the file. Places only grow.
    pub(super) fn line_of_record(&mut self, place: u64) -> u64 {
        let before = usize::try_from(place.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        // line ends between two records belong to neither
        while let Some(byte) = self.ahead.get(self.counted).copied()
            && (self.counted < before || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(byte == b'\r' || (byte == b'\n' && !self.after_cr));
            self.after_cr = byte == b'\r';
            self.counted += 1;
        }
        self.line
    }
}
