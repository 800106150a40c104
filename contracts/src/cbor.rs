//! Deterministic CBOR (RFC 8949 §4.2.1), as far as the QR form of a proof needs it: unsigned integers,
//! byte and text strings, arrays of a known length, null.
//!
//! Invariant: a value has one byte form. Heads longer than needed, indefinite lengths, other types
//! and bytes after the value are refused; a length is compared with what is there before it is used.

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const NULL: u8 = 0xf6;

/// Writes one value.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// The major type and its argument, in the fewest bytes.
    fn head(&mut self, major: u8, argument: u64) {
        let tag = major << 5;
        let bytes = argument.to_be_bytes();
        let (low, rest): (u8, &[u8]) = match argument {
            0..=23 => (bytes[7], &[]),
            24..=0xff => (24, &bytes[7..]),
            0x100..=0xffff => (25, &bytes[6..]),
            0x1_0000..=0xffff_ffff => (26, &bytes[4..]),
            _ => (27, &bytes),
        };
        self.0.push(tag | low);
        self.0.extend_from_slice(rest);
    }

    pub(crate) fn uint(&mut self, value: u64) {
        self.head(UINT, value);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.head(BYTES, value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.head(TEXT, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }

    /// Starts an array; its items follow.
    pub(crate) fn array(&mut self, items: usize) {
        self.head(ARRAY, items as u64);
    }

    pub(crate) fn null(&mut self) {
        self.0.push(NULL);
    }
}

/// Not of the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads one value, item by item.
#[derive(Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    /// The argument of a head of this major type.
    fn head(&mut self, major: u8) -> Result<u64, Malformed> {
        let first = self.take(1)?[0];
        if first >> 5 != major {
            return Err(Malformed);
        }
        let (width, least) = match first & 0x1f {
            low @ 0..=23 => return Ok(u64::from(low)),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(Malformed),
        };
        let argument = self.take(width)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        if argument < least { Err(Malformed) } else { Ok(argument) }
    }

    fn string(&mut self, major: u8) -> Result<&'a [u8], Malformed> {
        let length = self.head(major)?;
        self.take(usize::try_from(length).map_err(|_| Malformed)?)
    }

    pub(crate) fn uint(&mut self) -> Result<u64, Malformed> {
        self.head(UINT)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.string(BYTES)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.string(TEXT)?).map_err(|_| Malformed)
    }

    /// The number of items of an array, each of which takes a byte at least.
    pub(crate) fn array(&mut self) -> Result<usize, Malformed> {
        let items = usize::try_from(self.head(ARRAY)?).map_err(|_| Malformed)?;
        if items > self.0.len() { Err(Malformed) } else { Ok(items) }
    }

    /// An array of exactly so many items.
    pub(crate) fn array_of(&mut self, items: usize) -> Result<(), Malformed> {
        if self.array()? == items { Ok(()) } else { Err(Malformed) }
    }

    /// Whether null comes next; it is taken then.
    pub(crate) fn null(&mut self) -> bool {
        let found = self.0.first() == Some(&NULL);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Nothing may follow.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Reader, Writer};

    #[test]
    fn a_number_has_one_form() {
        // the examples of RFC 8949, appendix A
        let forms: [(u64, &[u8]); 9] = [
            (0, &[0x00]),
            (23, &[0x17]),
            (24, &[0x18, 0x18]),
            (100, &[0x18, 0x64]),
            (1_000, &[0x19, 0x03, 0xe8]),
            (1_000_000, &[0x1a, 0x00, 0x0f, 0x42, 0x40]),
            (0xffff_ffff, &[0x1a, 0xff, 0xff, 0xff, 0xff]),
            (1_000_000_000_000, &[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00]),
            (u64::MAX, &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ];
        for (value, bytes) in forms {
            let mut writer = Writer::default();
            writer.uint(value);
            assert_eq!(writer.0, bytes);
            assert_eq!(Reader(bytes).uint(), Ok(value));
        }
        let longer: [&[u8]; 4] = [
            &[0x18, 0x17],
            &[0x19, 0x00, 0xff],
            &[0x1a, 0x00, 0x00, 0xff, 0xff],
            &[0x1b, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff],
        ];
        for bytes in longer {
            assert_eq!(Reader(bytes).uint(), Err(Malformed));
        }
    }

    #[test]
    fn strings_and_arrays_end_where_they_say_and_nothing_follows() {
        let mut writer = Writer::default();
        writer.array(3);
        writer.bytes(&[1, 2, 3]);
        writer.text("水");
        writer.null();
        assert_eq!(writer.0, [0x83, 0x43, 1, 2, 3, 0x63, 0xe6, 0xb0, 0xb4, 0xf6]);
        let mut reader = Reader(&writer.0);
        reader.array_of(3).expect("three");
        assert_eq!(reader.bytes(), Ok(&[1, 2, 3][..]));
        assert!(!reader.null(), "a text comes first");
        assert_eq!(reader.text(), Ok("水"));
        assert!(reader.null());
        reader.finish().expect("all read");
        // indefinite, too long, longer than what is there, no UTF-8, more than there can be
        for bytes in [&[0x5f, 0xff][..], &[0x43, 1, 2], &[0x5b, 0xff, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(Reader(bytes).bytes(), Err(Malformed));
        }
        assert_eq!(Reader(&[0x61, 0xff]).text(), Err(Malformed));
        assert_eq!(Reader(&[0x9a, 0xff, 0xff, 0xff, 0xff]).array(), Err(Malformed));
        assert_eq!(Reader(&[0x00]).finish(), Err(Malformed));
        assert_eq!(Reader(&[]).uint(), Err(Malformed));
    }
}
