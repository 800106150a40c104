//! Code pages of input files: the few that national registers still write.
//!
//! All of them agree with ASCII in the lower half, so separators and line ends are found before
//! decoding. A byte that a page leaves undefined is an error, never a question mark.

/// How the bytes of a file become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodePage {
    /// UTF-8.
    Utf8,
    /// ISO 8859-1: a byte is its code point.
    Latin1,
    /// windows-1252: Latin-1 with typography in 80..9F.
    Windows1252,
    /// windows-874: Thai (TIS-620) with some typography in 80..9F.
    Windows874,
}

/// Names by which a map may call a page, with what `code page` errors list.
pub(super) const NAMES: &str = "utf-8, windows-1252, windows-874 (tis-620), latin-1 (iso-8859-1)";

/// 80..9F of windows-1252; a NUL marks an undefined byte.
const TYPOGRAPHY_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

impl CodePage {
    /// The page of a name, in any case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Self::Utf8,
            "latin-1" | "iso-8859-1" => Self::Latin1,
            "windows-1252" => Self::Windows1252,
            "windows-874" | "tis-620" => Self::Windows874,
            _ => return None,
        })
    }

    /// The text of some bytes; `None` if a byte means nothing in this page.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        if self == Self::Utf8 {
            return std::str::from_utf8(bytes).ok().map(str::to_owned);
        }
        bytes.iter().map(|byte| self.character(*byte)).collect()
    }

    fn character(self, byte: u8) -> Option<char> {
        let code = match (self, byte) {
            (_, 0..=0x7F) | (Self::Latin1, _) | (Self::Windows1252, 0xA0..) => u32::from(byte),
            (Self::Windows1252, _) => {
                let found = TYPOGRAPHY_1252.get(usize::from(byte - 0x80)).copied();
                return found.filter(|c| *c != '\0');
            }
            (Self::Windows874, 0x80) => 0x20AC,
            (Self::Windows874, 0x85) => 0x2026,
            (Self::Windows874, 0x91..=0x97) => {
                return TYPOGRAPHY_1252.get(usize::from(byte - 0x80)).copied();
            }
            (Self::Windows874, 0xA0) => 0xA0,
            // the Thai block stands in the order of TIS-620
            (Self::Windows874, 0xA1..=0xDA | 0xDF..=0xFB) => 0x0E00 + u32::from(byte) - 0xA0,
            (Self::Windows874 | Self::Utf8, _) => return None,
        };
        char::from_u32(code)
    }
}
