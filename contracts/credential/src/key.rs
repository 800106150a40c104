//! Public keys: algorithms, Multikey and JWK spellings, strict signature checks.
//!
//! Invariant: a signature is checked only with a key that fits the algorithm that was named (S6);
//! Ed25519 is strict (S4); one key has one accepted spelling per form. Secret keys stay with the
//! caller: all that is known of them here is that they sign ([`Signer`]).

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Value, json};
use titian_contracts::op;

/// The algorithms of verification methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 8032, strict.
    Ed25519,
    /// ECDSA over P-256 with SHA-256.
    P256,
    /// Key agreement only.
    X25519,
}

impl Algorithm {
    const fn multicodec(self) -> [u8; 2] {
        match self {
            Self::Ed25519 => [0xed, 0x01],
            Self::P256 => [0x80, 0x24],
            Self::X25519 => [0xec, 0x01],
        }
    }

    const fn key_bytes(self) -> usize {
        match self {
            Self::Ed25519 | Self::X25519 => 32,
            Self::P256 => 33,
        }
    }

    /// The algorithm of a key entry of the ledger.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "Ed25519" => Some(Self::Ed25519),
            "P-256" => Some(Self::P256),
            "X25519" => Some(Self::X25519),
            _ => None,
        }
    }

    /// The algorithm of a JOSE header: the allow-list of S6. The error is a code of check `proof`.
    pub fn of_jose(alg: &str) -> Result<Self, &'static str> {
        match alg {
            "EdDSA" | "Ed25519" => Ok(Self::Ed25519),
            "ES256" => Ok(Self::P256),
            _ => Err("ALG_NOT_ALLOWED"),
        }
    }

    /// The name that issue writes into a JOSE header; `None` for key agreement.
    pub const fn jose(self) -> Option<&'static str> {
        match self {
            Self::Ed25519 => Some("EdDSA"),
            Self::P256 => Some("ES256"),
            Self::X25519 => None,
        }
    }
}

/// A secret key of the caller's that signs tokens.
pub trait Signer {
    /// Its algorithm.
    fn algorithm(&self) -> Algorithm;

    /// The signature of a message: Ed25519, or r ‖ s of ES256 with the nonce of RFC 6979.
    fn sign_message(&self, message: &[u8]) -> [u8; 64];
}

impl Signer for ed25519_dalek::SigningKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        ed25519_dalek::Signer::sign(self, message).to_bytes()
    }
}

impl Signer for p256::ecdsa::SigningKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::P256
    }

    fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(self, message);
        signature.to_bytes().into()
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// 32 bytes, or 33 for P-256 (compressed).
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// A key of raw bytes; `None` if the length is not the algorithm's.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let fits = bytes.len() == algorithm.key_bytes();
        fits.then(|| Self { algorithm, bytes: bytes.to_vec() })
    }

    /// Reads a Multikey text of an Ed25519 or P-256 key.
    pub fn from_multikey(text: &str) -> Option<Self> {
        parse_multikey(text).map(|(algorithm, bytes)| Self { algorithm, bytes })
    }

    /// The Multikey text.
    pub fn multikey(&self) -> String {
        multikey(self.algorithm, &self.bytes)
    }

    /// Reads a public JWK of an Ed25519 or P-256 key. A JWK with a secret part is refused.
    pub fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let coordinate = |name: &str| -> Option<Vec<u8>> {
            text(name).and_then(decode).filter(|bytes| bytes.len() == 32)
        };
        if jwk.get("d").is_some() {
            return None;
        }
        let algorithm = match (text("kty")?, text("crv")?) {
            ("OKP", "Ed25519") => Algorithm::Ed25519,
            ("EC", "P-256") => Algorithm::P256,
            _ => return None,
        };
        if jwk.get("alg").is_some_and(|alg| {
            alg.as_str().and_then(|alg| Algorithm::of_jose(alg).ok()) != Some(algorithm)
        }) {
            return None;
        }
        let bytes = match algorithm {
            Algorithm::P256 => {
                let (x, y) = (coordinate("x")?, coordinate("y")?);
                let mut uncompressed = vec![0x04];
                uncompressed.extend(x.iter().chain(&y));
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&uncompressed).ok()?;
                key.to_encoded_point(true).as_bytes().to_vec()
            }
            _ => coordinate("x")?,
        };
        Some(Self { algorithm, bytes })
    }

    /// The public JWK; `None` if a P-256 point is off the curve.
    pub fn to_jwk(&self) -> Option<Value> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self.algorithm {
            Algorithm::Ed25519 => {
                Some(json!({"crv": "Ed25519", "kty": "OKP", "x": encode(&self.bytes)}))
            }
            Algorithm::X25519 => {
                Some(json!({"crv": "X25519", "kty": "OKP", "x": encode(&self.bytes)}))
            }
            Algorithm::P256 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bytes).ok()?;
                let point = key.to_encoded_point(false);
                let (x, y) = (point.x()?, point.y()?);
                Some(json!({"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)}))
            }
        }
    }

    /// Verifies a signature of 64 bytes; the error is a code of check `proof`.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), &'static str> {
        match self.decoded()? {
            Decoded::Ed25519(key) => {
                let valid = key.verify_message(message, signature);
                if valid { Ok(()) } else { Err("SIGNATURE_INVALID") }
            }
            Decoded::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(signature)
                    .map_err(|_| "SIGNATURE_INVALID")?;
                key.verify(message, &signature).map_err(|_| "SIGNATURE_INVALID")
            }
        }
    }

    /// The point, decoded once for all signatures of a key. The error is a code of check `proof`.
    fn decoded(&self) -> Result<Decoded, &'static str> {
        static KEPT: RwLock<BTreeMap<Vec<u8>, Decoded>> = RwLock::new(BTreeMap::new());
        let kept = KEPT.read().unwrap_or_else(PoisonError::into_inner).get(&self.bytes).copied();
        if let Some(decoded) = kept.filter(|decoded| decoded.algorithm() == self.algorithm) {
            return Ok(decoded);
        }
        let decoded = match self.algorithm {
            Algorithm::Ed25519 => {
                let bytes = self.bytes.as_slice().try_into().map_err(|_| "ALG_NOT_ALLOWED")?;
                Decoded::Ed25519(op::PublicKey::strong(bytes).ok_or("KEY_WEAK")?)
            }
            Algorithm::P256 => Decoded::P256(
                p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bytes).map_err(|_| "KEY_WEAK")?,
            ),
            Algorithm::X25519 => return Err("ALG_NOT_ALLOWED"),
        };
        let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEYS_KEPT_MAX {
            kept.clear();
        }
        kept.insert(self.bytes.clone(), decoded);
        Ok(decoded)
    }
}

/// Decoded keys that are kept.
const KEYS_KEPT_MAX: usize = 1_024;

/// A point that was decoded and is strong.
#[derive(Clone, Copy, Debug)]
enum Decoded {
    Ed25519(op::PublicKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl Decoded {
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::P256(_) => Algorithm::P256,
        }
    }
}

/// A public key as a Multikey text.
pub fn multikey(algorithm: Algorithm, public_key: &[u8]) -> String {
    let mut bytes = algorithm.multicodec().to_vec();
    bytes.extend_from_slice(public_key);
    format!("z{}", bs58::encode(bytes).into_string())
}

/// Reads a Multikey text of an Ed25519 or P-256 key. Only the canonical spelling is accepted.
pub fn parse_multikey(text: &str) -> Option<(Algorithm, Vec<u8>)> {
    // decoding base58 takes quadratic time
    let encoded = text.strip_prefix('z').filter(|encoded| encoded.len() <= 64)?;
    let bytes = bs58::decode(encoded).into_vec().ok()?;
    let (code, key) = bytes.split_at_checked(2)?;
    let algorithm = [Algorithm::Ed25519, Algorithm::P256]
        .into_iter()
        .find(|algorithm| algorithm.multicodec() == code)?;
    // base58 spells each byte string in one way only, leading zero bytes included; SEC 1 has a third
    // tag for compressed points, which would spell a key a second time
    let tagged = algorithm != Algorithm::P256 || matches!(key.first(), Some(2 | 3));
    (tagged && key.len() == algorithm.key_bytes()).then(|| (algorithm, key.to_vec()))
}

/// Strict base64url: no padding, no foreign characters, no spare bits (S11).
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
