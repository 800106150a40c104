//! SD-JWT (RFC 9901): reading, disclosures, issue, presentation with key binding.
//!
//! Invariant: every disclosure is referred to exactly once, none hides a claim that a verifier
//! needs in clear, and what a disclosure says never replaces what stands in the payload. Salts and
//! decoys come from the caller: this crate has no randomness.
//!
//! - this file: the parts of a token in its three serialisations;
//! - [`disclose`]: payload and disclosures to claims;
//! - [`issue`]: claims to payload and disclosures, key binding.

pub mod disclose;
pub mod issue;
pub mod metadata;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::codes::Fault;
use crate::jose::{Jws, TOKEN_BYTES_MAX};

/// `typ` of an SD-JWT VC.
pub const TYP: &str = "dc+sd-jwt";
/// `typ` of a key binding token.
pub const KB_TYP: &str = "kb+jwt";
/// Disclosures of one token.
pub const DISCLOSURES_MAX: usize = 512;

/// The parts of an SD-JWT, unverified.
#[derive(Clone, Debug, PartialEq)]
pub struct SdJwt {
    /// The issuer-signed token.
    pub issuer: Jws,
    /// The disclosures, as they stand.
    pub disclosures: Vec<String>,
    /// The key binding token.
    pub key_binding: Option<Jws>,
    /// The compact text up to and with the last `~` before the key binding: what `sd_hash` covers.
    pub bound_text: String,
}

impl SdJwt {
    /// Reads the compact form. The error is a code of check `syntax`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Fault::new("TOO_LARGE", ""));
        }
        let malformed = || Fault::new("MALFORMED_TOKEN", "");
        let (before, last) = text.rsplit_once('~').ok_or_else(malformed)?;
        let mut parts = before.split('~');
        let issuer = parts.next().ok_or_else(malformed)?;
        let disclosures: Vec<String> = parts.map(str::to_owned).collect();
        let key_binding = if last.is_empty() { None } else { Some(Jws::parse(last)?) };
        Self::checked(Jws::parse(issuer)?, disclosures, key_binding, format!("{before}~"))
    }

    /// Reads the JWS JSON serialisation, flattened or general; of the general form the first
    /// signature counts (vc.md §1 rule d).
    pub fn from_json(members: &Map<String, Value>) -> Result<Self, Fault> {
        let malformed = || Fault::new("MALFORMED_TOKEN", "");
        let text = |members: &Map<String, Value>, name: &str| {
            members.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(malformed)
        };
        let payload = text(members, "payload")?;
        let mixed =
            || ["protected", "signature", "header"].iter().any(|n| members.contains_key(*n));
        let holder = match members.get("signatures") {
            // one form or the other (RFC 7515 §7.2)
            Some(Value::Array(list)) if !mixed() => list.first().and_then(Value::as_object),
            Some(_) => None,
            None => Some(members),
        }
        .ok_or_else(malformed)?;
        let (protected, signature) = (text(holder, "protected")?, text(holder, "signature")?);
        let empty = Map::new();
        let header = match holder.get("header") {
            None => &empty,
            Some(header) => header.as_object().ok_or_else(malformed)?,
        };
        // what nobody signed never says how the token is to be read
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(malformed());
        }
        let disclosures: Vec<String> = match header.get("disclosures") {
            None => Vec::new(),
            Some(Value::Array(list)) => list
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(malformed))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(malformed()),
        };
        let key_binding = match header.get("kb_jwt") {
            None => None,
            Some(token) => Some(Jws::parse(token.as_str().ok_or_else(malformed)?)?),
        };
        let mut bound_text = format!("{protected}.{payload}.{signature}~");
        for disclosure in &disclosures {
            bound_text.push_str(disclosure);
            bound_text.push('~');
        }
        let issuer = Jws::of_parts(&protected, &payload, &signature)?;
        // names of both headers are disjoint (RFC 7515 §7.2.1)
        if header.keys().any(|name| issuer.header.contains_key(name)) {
            return Err(malformed());
        }
        // a tilde in a disclosure would shift what the hash covers
        let plain = !disclosures.iter().any(|text| text.contains('~'));
        if !plain {
            return Err(malformed());
        }
        Self::checked(issuer, disclosures, key_binding, bound_text)
    }

    fn checked(
        issuer: Jws,
        disclosures: Vec<String>,
        key_binding: Option<Jws>,
        bound_text: String,
    ) -> Result<Self, Fault> {
        if disclosures.len() > DISCLOSURES_MAX {
            return Err(Fault::new("TOO_MANY_NODES", ""));
        }
        if disclosures.iter().any(String::is_empty) {
            return Err(Fault::new("MALFORMED_TOKEN", ""));
        }
        Ok(Self { issuer, disclosures, key_binding, bound_text })
    }

    /// The claims: payload with its disclosures in place, `_sd` and `_sd_alg` gone. The error is a
    /// code of check `proof`.
    pub fn claims(&self) -> Result<Map<String, Value>, Fault> {
        disclose::claims(&self.issuer.payload, &self.disclosures)
    }

    /// What the key binding must state as `sd_hash`.
    pub fn sd_hash(&self) -> String {
        digest(&self.bound_text)
    }
}

/// base64url(SHA-256(text)): digests of disclosures, and `sd_hash`.
pub fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}
