//! QR payloads (vc-api.md A§2): a credential as the text of one symbol, of several, and back.
//!
//! ```text
//! TT1:<base45(DEFLATE(form ‖ (varint length ‖ bytes)*))>        one symbol
//! TTP1:<id>/<i>/<n>:<base45(slice of the DEFLATE bytes)>         part i of n, in any order
//! TTN1:<nonce>:<audience>                                        what a verifier asks to be signed
//! ```
//!
//! Invariant: reading gives the very bytes that were signed; nothing can hide behind the last
//! segment, the compressed bytes or the last digit. Inflating stops at a limit. Nothing is fetched:
//! a URL in a code is text.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::form::{self, Securing};
use crate::jose::{Jws, TOKEN_BYTES_MAX};
use crate::json::canonical;
use crate::key::decode as decode_base64;
use crate::pack::{Frame, InflateError, deflate, inflate};

/// Before a whole payload.
pub const WHOLE: &str = "TT1:";
/// Before a part of one.
pub const PART: &str = "TTP1:";
/// Before a nonce.
pub const NONCE: &str = "TTN1:";
/// Characters of a single symbol: version 25, level M. More travel in parts.
pub const SYMBOL_CHARS_MAX: usize = 1_451;
/// Characters of a part.
pub const PART_CHARS_MAX: usize = 1_000;
/// Parts of a payload.
pub const PARTS_MAX: usize = 16;
/// Bytes of an inflated payload.
pub const BYTES_MAX: usize = 64 * 1024;
/// Bytes of the slice in a part: what fits beside the longest head `TTP1:12345678/16/16:`, an even
/// number, so that the parts' texts in a row are the text of the whole.
const SLICE_BYTES: usize = (PART_CHARS_MAX - 20) / 3 * 2;
/// Characters of a nonce, and of an audience.
const NONCE_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
const AUDIENCE_CHARS_MAX: usize = 512;

const JWS: u8 = 1;
const SD_JWT: u8 = 2;
const EMBEDDED: u8 = 3;
const EVIDENCE: u8 = 4;

/// Why a text is no payload, or a payload no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// More than fits: bytes inflated, or parts.
    #[error("too large for a QR code of 16 parts or 64 KiB")]
    TooLarge,
    /// Not a payload of this version.
    #[error("not a QR payload: {0}")]
    Malformed(&'static str),
    /// Parts that were not there.
    #[error("parts are missing: {0:?}")]
    Missing(Vec<usize>),
    /// A part of another payload.
    #[error("a part belongs to another payload")]
    Foreign,
    /// The parts together are not what their id names.
    #[error("the parts do not make what their id names")]
    IdMismatch,
}

impl QrError {
    /// The code of check `syntax` for a text that cannot be read.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "TOO_LARGE",
            _ => "MALFORMED_TOKEN",
        }
    }
}

/// What a payload holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A credential or presentation: a token, or the canonical text of a document.
    Credential(String),
    /// An evidence pack, gzip.
    Evidence(Vec<u8>),
}

impl Content {
    /// The content of a credential or presentation in any form, its envelope opened.
    pub fn of_credential(text: &[u8]) -> Result<Self, QrError> {
        let reading =
            form::read(text).map_err(|_| QrError::Malformed("no credential of a known form"))?;
        let compact = |token: &Jws| {
            format!("{}.{}", token.signing_input, URL_SAFE_NO_PAD.encode(&token.signature))
        };
        Ok(Self::Credential(match &reading.securing {
            Securing::Embedded => canonical(&Value::Object(reading.document)),
            Securing::Jws(token, _) => compact(token),
            Securing::SdJwt(token, ..) => {
                let binding = token.key_binding.as_ref().map(compact).unwrap_or_default();
                format!("{}{binding}", token.bound_text)
            }
        }))
    }

    /// The content of an evidence pack, plain or gzip.
    pub fn of_evidence(bytes: &[u8]) -> Self {
        let packed = bytes.starts_with(&[0x1f, 0x8b]);
        Self::Evidence(if packed { bytes.to_vec() } else { deflate(Frame::Gzip, bytes) })
    }

    /// The texts of the symbols: one if it fits, else parts.
    pub fn to_symbols(&self) -> Result<Vec<String>, QrError> {
        let body = deflate(Frame::Raw, &self.to_bytes()?);
        let whole = format!("{WHOLE}{}", base45::encode(&body));
        if whole.len() <= SYMBOL_CHARS_MAX {
            return Ok(vec![whole]);
        }
        let slices: Vec<&[u8]> = body.chunks(SLICE_BYTES).collect();
        if slices.len() > PARTS_MAX {
            return Err(QrError::TooLarge);
        }
        let (id, n) = (id_of(&body), slices.len());
        let text =
            |(slice, i): (&&[u8], usize)| format!("{PART}{id}/{i}/{n}:{}", base45::encode(slice));
        Ok(slices.iter().zip(1..).map(text).collect())
    }

    /// The text of one symbol, however large: for those who hand it on as text.
    pub fn to_text(&self) -> Result<String, QrError> {
        Ok(format!("{WHOLE}{}", base45::encode(deflate(Frame::Raw, &self.to_bytes()?))))
    }

    /// `form ‖ (varint length ‖ bytes)*`.
    fn to_bytes(&self) -> Result<Vec<u8>, QrError> {
        let mut out = Vec::new();
        match self {
            Self::Evidence(bytes) => {
                out.push(EVIDENCE);
                put(&mut out, bytes);
            }
            Self::Credential(text) if text.contains('~') && !text.starts_with('{') => {
                out.push(SD_JWT);
                let mut parts: Vec<&str> = text.split('~').collect();
                let binding = parts.pop().unwrap_or_default();
                let (issuer, disclosures) =
                    parts.split_first().ok_or(QrError::Malformed("no SD-JWT"))?;
                put_token(&mut out, issuer)?;
                // the format counts disclosures in one byte
                out.push(u8::try_from(disclosures.len()).map_err(|_| QrError::TooLarge)?);
                for disclosure in disclosures {
                    put(&mut out, &decoded(disclosure)?);
                }
                if !binding.is_empty() {
                    put_token(&mut out, binding)?;
                }
            }
            Self::Credential(text) if text.starts_with('{') => {
                out.push(EMBEDDED);
                put(&mut out, text.as_bytes());
            }
            Self::Credential(text) => {
                out.push(JWS);
                put_token(&mut out, text)?;
            }
        }
        if out.len() > BYTES_MAX { Err(QrError::TooLarge) } else { Ok(out) }
    }

    fn of_body(body: &[u8]) -> Result<Self, QrError> {
        let bytes = inflate(Frame::Raw, body, BYTES_MAX as u64)?;
        let (form, rest) = bytes.split_first().ok_or(QrError::Malformed("empty"))?;
        let mut segments = Segments(rest);
        let content = match *form {
            JWS => Self::Credential(segments.token()?),
            SD_JWT => {
                let mut text = segments.token()?;
                text.push('~');
                for _ in 0..segments.byte()? {
                    text.push_str(&segments.base64()?);
                    text.push('~');
                }
                if !segments.0.is_empty() {
                    text.push_str(&segments.token()?);
                }
                Self::Credential(text)
            }
            EMBEDDED => {
                let text = std::str::from_utf8(segments.next()?)
                    .map_err(|_| QrError::Malformed("the document is no text"))?;
                if !text.starts_with('{') {
                    return Err(QrError::Malformed("the document is no object"));
                }
                Self::Credential(text.to_owned())
            }
            EVIDENCE => Self::Evidence(segments.next()?.to_vec()),
            _ => return Err(QrError::Malformed("a form of a later version")),
        };
        if segments.0.is_empty() {
            Ok(content)
        } else {
            Err(QrError::Malformed("bytes after the last segment"))
        }
    }
}

/// Whether a text claims to be a whole payload or a part.
pub fn is_payload(text: &str) -> bool {
    text.starts_with(WHOLE) || text.starts_with(PART)
}

/// Reads the text of one whole symbol.
pub fn read(text: &str) -> Result<Content, QrError> {
    let encoded = text.strip_prefix(WHOLE).ok_or(QrError::Malformed("no TT1 payload"))?;
    if encoded.len() > TOKEN_BYTES_MAX {
        return Err(QrError::TooLarge);
    }
    Content::of_body(&decode_base45(encoded)?)
}

/// Reads the texts of all symbols of one payload: a whole one, or its parts in any order.
pub fn read_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Content, QrError> {
    let mut parts = Parts::default();
    for text in texts {
        if text.starts_with(WHOLE) {
            return read(text);
        }
        parts.add(text)?;
    }
    parts.finish()
}

/// Parts of one payload while they are scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    id: String,
    count: usize,
    slices: BTreeMap<usize, Vec<u8>>,
}

impl Parts {
    /// Adds a part; one that is there already changes nothing. A part of another payload is refused
    /// and leaves what was gathered as it is.
    pub fn add(&mut self, text: &str) -> Result<(), QrError> {
        let malformed = QrError::Malformed("a part is TTP1:id/i/n: and base45");
        if text.len() > PART_CHARS_MAX {
            return Err(QrError::TooLarge);
        }
        let head = text.strip_prefix(PART).and_then(|rest| rest.split_once(':'));
        let (head, encoded) = head.ok_or_else(|| malformed.clone())?;
        let mut fields = head.split('/');
        let mut field = || fields.next().ok_or_else(|| malformed.clone());
        let (id, i, n) = (field()?, number(field()?), number(field()?));
        let (Some(i), Some(n), None) = (i, n, fields.next()) else { return Err(malformed) };
        let hex = id.len() == 8 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
        if !hex || i > n {
            return Err(malformed);
        }
        if self.count != 0 && (self.id != id || self.count != n) {
            return Err(QrError::Foreign);
        }
        let slice = decode_base45(encoded)?;
        if self.slices.get(&i).is_some_and(|known| *known != slice) {
            return Err(QrError::Foreign);
        }
        id.clone_into(&mut self.id);
        self.count = n;
        self.slices.insert(i, slice);
        Ok(())
    }

    /// The numbers of the parts that are not there yet.
    pub fn missing(&self) -> Vec<usize> {
        (1..=self.count.max(1)).filter(|i| !self.slices.contains_key(i)).collect()
    }

    /// The payload, once all parts are there.
    pub fn finish(&self) -> Result<Content, QrError> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(QrError::Missing(missing));
        }
        let body: Vec<u8> = self.slices.values().flatten().copied().collect();
        if id_of(&body) == self.id { Content::of_body(&body) } else { Err(QrError::IdMismatch) }
    }
}

/// The text of a code that a verifier shows: what the holder signs, and for whom. `None` if the
/// nonce is not 8 to 128 URL-safe characters or the audience is empty, too long or not visible.
pub fn nonce_text(nonce: &str, audience: &str) -> Option<String> {
    let text = format!("{NONCE}{nonce}:{audience}");
    read_nonce(&text).is_some().then_some(text)
}

/// Nonce and audience of such a text.
pub fn read_nonce(text: &str) -> Option<(&str, &str)> {
    let (nonce, audience) = text.strip_prefix(NONCE)?.split_once(':')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let good = NONCE_CHARS.contains(&nonce.len())
        && nonce.bytes().all(plain)
        && !audience.is_empty()
        && audience.len() <= AUDIENCE_CHARS_MAX
        && audience.bytes().all(|b| b.is_ascii_graphic());
    good.then_some((nonce, audience))
}

/// A number of parts: 1 to 16, without leading zero.
fn number(text: &str) -> Option<usize> {
    let plain = !text.starts_with(['0', '+']);
    text.parse().ok().filter(|n| plain && (1..=PARTS_MAX).contains(n))
}

/// Upper case keeps a symbol in the alphanumeric mode.
fn id_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest.iter().take(4).map(|byte| format!("{byte:02X}")).collect()
}

/// The decoder ignores what overflows the last byte; writing again finds it.
fn decode_base45(text: &str) -> Result<Vec<u8>, QrError> {
    let malformed = QrError::Malformed("base45");
    let bytes = base45::decode(text).map_err(|_| malformed.clone())?;
    if base45::encode(&bytes) == text { Ok(bytes) } else { Err(malformed) }
}

fn decoded(text: &str) -> Result<Vec<u8>, QrError> {
    decode_base64(text).ok_or(QrError::Malformed("base64url"))
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

fn put_token(out: &mut Vec<u8>, token: &str) -> Result<(), QrError> {
    let segments: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = segments.as_slice() else {
        return Err(QrError::Malformed("a token has three segments"));
    };
    for segment in [header, payload, signature] {
        put(out, &decoded(segment)?);
    }
    Ok(())
}

/// What is left of a payload.
struct Segments<'a>(&'a [u8]);

impl<'a> Segments<'a> {
    fn byte(&mut self) -> Result<u8, QrError> {
        let (first, rest) = self.0.split_first().ok_or(QrError::Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn next(&mut self) -> Result<&'a [u8], QrError> {
        let malformed = QrError::Malformed("a segment is longer than the payload");
        let (mut length, mut shift) = (0_usize, 0_u32);
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // one spelling of each length
                if byte == 0 && shift > 0 {
                    return Err(malformed);
                }
                break;
            }
            shift += 7;
            if shift > 14 {
                return Err(malformed);
            }
        }
        let (segment, rest) = self.0.split_at_checked(length).ok_or(malformed)?;
        self.0 = rest;
        Ok(segment)
    }

    fn base64(&mut self) -> Result<String, QrError> {
        self.next().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
    }

    fn token(&mut self) -> Result<String, QrError> {
        Ok(format!("{}.{}.{}", self.base64()?, self.base64()?, self.base64()?))
    }
}

impl From<InflateError> for QrError {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::Malformed => Self::Malformed("not DEFLATE"),
            InflateError::TooLarge => Self::TooLarge,
        }
    }
}

/// Whether the credential of a text is bound to its holder: a presentation, or a key binding. A
/// code without it scans from a copy as well as from the original.
pub fn is_holder_bound(text: &str) -> bool {
    match form::read(text.as_bytes()) {
        Ok(reading) if reading.is_presentation() => true,
        Ok(reading) => {
            matches!(&reading.securing, Securing::SdJwt(token, ..) if token.key_binding.is_some())
        }
        Err(_) => false,
    }
}
