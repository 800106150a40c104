//! Tagged digests: `H(c, x)` of the specification is BLAKE3 in derive-key mode with context `c`.
//!
//! Invariant: every context string serves one use; a digest of one kind can never be taken for
//! another kind. Contexts start with `titian ` and end with a version.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// A 32-byte BLAKE3 digest. Prints as `b3:` + 64 lower-case hex digits.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// 32 zero bytes: the empty subtree, the parent of genesis, an absent digest.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads `b3:` + 64 lower-case hex digits; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_with("b3:", text)
    }

    /// Reads `prefix` + 64 lower-case hex digits.
    pub fn parse_with(prefix: &str, text: &str) -> Option<Self> {
        let digits: &[u8; 64] = text.strip_prefix(prefix)?.as_bytes().try_into().ok()?;
        let (pairs, _) = digits.as_chunks::<2>();
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Self(bytes))
    }

    /// The digest as lower-case hex without prefix.
    pub fn to_hex(self) -> String {
        let mut text = String::with_capacity(64);
        self.write_hex(&mut text);
        text
    }

    /// The same as it prints, with its prefix.
    pub fn to_text(self) -> String {
        let mut text = String::with_capacity(67);
        text.push_str("b3:");
        self.write_hex(&mut text);
        text
    }

    fn write_hex(self, out: &mut String) {
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).expect("two digits a byte");
        out.extend(std::str::from_utf8(&digits));
    }
}

/// The value of a lower-case hex digit.
const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `H(context, part₁ ‖ part₂ ‖ …)`: BLAKE3 derive-key mode, 32 bytes.
pub fn hash(context: &str, parts: &[&[u8]]) -> Digest {
    finish(blake3::Hasher::new_derive_key(context), parts)
}

fn finish(mut hasher: blake3::Hasher, parts: &[&[u8]]) -> Digest {
    for part in parts {
        hasher.update(part);
    }
    Digest(*hasher.finalize().as_bytes())
}

/// `H` with a context made ready, for many digests of one kind.
#[derive(Clone, Debug)]
pub struct Tag(blake3::Hasher);

impl Tag {
    /// Makes `context` ready.
    pub fn new(context: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(context))
    }

    /// `H(context, part₁ ‖ part₂ ‖ …)`.
    pub fn hash(&self, parts: &[&[u8]]) -> Digest {
        finish(self.0.clone(), parts)
    }
}
