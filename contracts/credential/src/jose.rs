//! Compact JWS (RFC 7515), read strictly and written in one way.
//!
//! Invariant: three base64url segments without padding or spare bits; the header is strict JSON
//! with an algorithm of the allow-list (S6), the exact `typ` (S8), no `crit` and no `b64`; keys
//! that a header carries are never looked at (S7). Which key counts is decided elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::codes::Fault;
use crate::json::{self, canonical, canonical_object};
use crate::key::{Algorithm, decode};

/// Bytes of a token, disclosures and key binding included.
pub const TOKEN_BYTES_MAX: usize = 128 * 1024;

/// A token that was read; nothing of it is verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Jws {
    /// The protected header.
    pub header: Map<String, Value>,
    /// The payload.
    pub payload: Map<String, Value>,
    /// `header.payload` as it stands in the token: what is signed.
    pub signing_input: String,
    /// The signature segment, decoded.
    pub signature: Vec<u8>,
}

impl Jws {
    /// Reads a compact token. The error is a code of check `syntax`.
    pub fn parse(token: &str) -> Result<Self, Fault> {
        let malformed = || Fault::new("MALFORMED_TOKEN", "");
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Fault::new("TOO_LARGE", ""));
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or_else(malformed)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() {
            return Err(malformed());
        }
        Self::of_parts(header, payload, signature)
    }

    /// The same of the three segments, as JSON serialisations hold them.
    pub fn of_parts(header: &str, payload: &str, signature: &str) -> Result<Self, Fault> {
        let segment = |text: &str| decode(text).ok_or_else(|| Fault::new("ENCODING", ""));
        let object = |text: &str| match json::parse(&segment(text)?)? {
            Value::Object(members) => Ok(members),
            _ => Err(Fault::new("MALFORMED_TOKEN", "")),
        };
        Ok(Self {
            header: object(header)?,
            payload: object(payload)?,
            signing_input: format!("{header}.{payload}"),
            signature: segment(signature)?,
        })
    }

    /// The `typ` of the header, empty if there is none.
    pub fn typ(&self) -> &str {
        self.header.get("typ").and_then(Value::as_str).unwrap_or_default()
    }

    /// Checks the header for a token of type `typ` and gives its algorithm and signature. The
    /// error is a code of check `proof`; algorithms are judged before anything is looked up.
    pub fn check_header(&self, typ: &str) -> Result<(Algorithm, [u8; 64]), &'static str> {
        let alg = self.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let algorithm = Algorithm::of_jose(alg)?;
        if self.header.contains_key("crit") || self.header.contains_key("b64") {
            return Err("HEADER_NOT_ALLOWED");
        }
        if self.typ() != typ {
            return Err("TYP_MISMATCH");
        }
        let signature = self.signature.as_slice().try_into().map_err(|_| "SIGNATURE_INVALID")?;
        Ok((algorithm, signature))
    }

    /// The DID URL of the signing key: `kid`, completed with `signer` if it is a fragment only.
    /// Without `kid` a self-certifying DID stands for its one key.
    pub fn key_id(&self, signer: &str) -> Result<String, Fault> {
        match self.header.get("kid") {
            Some(Value::String(kid)) if kid.starts_with('#') => Ok(format!("{signer}{kid}")),
            Some(Value::String(kid)) => Ok(kid.clone()),
            Some(_) => Err(Fault::new("KID_MALFORMED", "/kid")),
            None => Ok(match signer.strip_prefix("did:key:") {
                Some(multikey) => format!("{signer}#{multikey}"),
                None if signer.starts_with("did:jwk:") => format!("{signer}#0"),
                None => signer.to_owned(),
            }),
        }
    }

    /// A whole-second time of the payload, in ms. `None` if absent; the error says it is no time.
    pub fn seconds(&self, name: &str) -> Result<Option<i64>, Fault> {
        seconds(&self.payload, name)
    }
}

/// A NumericDate member, in ms. Fractions are refused: no two readers may round apart.
pub fn seconds(payload: &Map<String, Value>, name: &str) -> Result<Option<i64>, Fault> {
    match payload.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .filter(|seconds| *seconds >= 0)
            .and_then(|seconds| seconds.checked_mul(1_000))
            .map(Some)
            .ok_or_else(|| Fault::new("DATE_INVALID", &format!("/{name}"))),
    }
}

/// A token about to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// The text whose bytes are signed: Ed25519, or ES256 with r ‖ s.
    pub signing_input: String,
}

impl Unsigned {
    /// A token of type `typ` over the canonical text of `payload`. `None` for key agreement.
    pub fn new(
        typ: &str,
        algorithm: Algorithm,
        kid: Option<&str>,
        payload: &Map<String, Value>,
    ) -> Option<Self> {
        let mut header = json!({"alg": algorithm.jose()?, "typ": typ});
        if let (Some(members), Some(kid)) = (header.as_object_mut(), kid) {
            members.insert("kid".to_owned(), json!(kid));
        }
        let mut signing_input = URL_SAFE_NO_PAD.encode(canonical(&header));
        signing_input.push('.');
        URL_SAFE_NO_PAD.encode_string(canonical_object(payload, &[], &[]), &mut signing_input);
        Some(Self { signing_input })
    }

    /// The token.
    pub fn finish(self, signature: &[u8; 64]) -> String {
        let mut token = self.signing_input;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}
