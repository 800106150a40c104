//! `digestSRI` and `digestMultibase` against bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Whether the digests that `entry` states fit `bytes`. `None` if it states none.
pub fn matches(entry: &Value, bytes: &[u8]) -> Option<bool> {
    let sri = entry.get("digestSRI").map(|text| text.as_str().is_some_and(|t| sri(t, bytes)));
    let multibase =
        entry.get("digestMultibase").map(|text| text.as_str().is_some_and(|t| multihash(t, bytes)));
    match (sri, multibase) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(true) && b.unwrap_or(true)),
    }
}

fn sri(text: &str, bytes: &[u8]) -> bool {
    let Some((algorithm, encoded)) = text.split_once('-') else { return false };
    let Ok(stated) = STANDARD.decode(encoded) else { return false };
    match algorithm {
        "sha256" => stated == Sha256::digest(bytes).as_slice(),
        "sha384" => stated == Sha384::digest(bytes).as_slice(),
        "sha512" => stated == Sha512::digest(bytes).as_slice(),
        _ => false,
    }
}

/// A multihash of SHA-256 (0x12 0x20) or SHA-384 (0x20 0x30) in base58btc or base64url.
fn multihash(text: &str, bytes: &[u8]) -> bool {
    // decoding base58 takes quadratic time
    let decoded = match text.split_at_checked(1).filter(|_| text.len() <= 128) {
        Some(("z", rest)) => bs58::decode(rest).into_vec().ok(),
        Some(("u", rest)) => base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(rest).ok(),
        _ => None,
    };
    match decoded.as_deref() {
        Some([0x12, 0x20, digest @ ..]) => digest == Sha256::digest(bytes).as_slice(),
        Some([0x20, 0x30, digest @ ..]) => digest == Sha384::digest(bytes).as_slice(),
        _ => false,
    }
}
