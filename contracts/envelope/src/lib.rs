//! Sealed envelopes: the content of a transferable record on its way between parties (etr-api.md §3).
//!
//! A content is encrypted with XChaCha20-Poly1305 under a fresh 256-bit key and a random 24-byte nonce;
//! the key is sealed to each recipient with HPKE in base mode (RFC 9180: DHKEM X25519 with HKDF-SHA256,
//! HKDF-SHA256, ChaCha20-Poly1305) under its registered `agree` key. Both bind
//! JCS([id, version, envelopeNo]); the sealed key also binds whom it is for and the nonce.
//!
//! Invariant: every call of [`seal`] draws a new key and a new nonce, so no pair repeats; no key comes
//! from public data; randomness is the caller's. What was changed in any bit does not open. Secrets
//! are wiped. The crate deliberately knows neither files nor nodes nor which key is whose.
//!
//! Form: RFC 8785 text of
//! `{"titianEnvelope":1,"id","version","envelopeNo","nonce","recipients":[{"party","key","enc",
//! "sealed"}],"ciphertext"}`, bytes in base64url without padding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use titian_contracts::etr::content::is_record_id;
use titian_contracts::json::{self, Members, Value};
use titian_contracts::op::{decode_fixed, parse_key_no};
use zeroize::Zeroizing;

pub use hpke::rand_core::{CryptoRng, RngCore};

/// Largest envelope, bytes of its text.
pub const ENVELOPE_BYTES_MAX: usize = titian_contracts::limits::ETR_ENVELOPE_BYTES_MAX;
/// Most recipients of one envelope.
pub const RECIPIENTS_MAX: usize = titian_contracts::limits::ETR_ENVELOPE_RECIPIENTS_MAX;
/// What HPKE binds as `info`.
const INFO: &[u8] = b"titian etr envelope v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The sealed key: 32 bytes and a tag of 16.
const SEALED_BYTES: usize = 48;

/// Why an envelope is none, or does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not an envelope, or one that breaks a limit.
    #[error("not an envelope: {0}")]
    Malformed(String),
    /// A public key that no key exchange can use.
    #[error("the sealing key of {0} is none")]
    BadKey(String),
    /// It is not for this key.
    #[error("the envelope is not for {0}")]
    NotForYou(String),
    /// It was changed, or the key is another.
    #[error("the envelope does not open: it was changed, or the key is another one")]
    DoesNotOpen,
}

/// What an envelope is about; bound by key and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The record.
    pub id: String,
    /// The version of its content.
    pub version: u64,
    /// The number of the envelope, not used twice for the record.
    pub number: u64,
}

impl Subject {
    fn bound(&self) -> Vec<u8> {
        let list = [Value::from(self.id.as_str()), self.version.into(), self.number.into()];
        Value::List(list.to_vec()).to_jcs().into_bytes()
    }

    /// What the sealed key binds: the subject, whom it is for, and the nonce.
    fn bound_for(&self, party: &str, key: u64, nonce: &[u8]) -> Vec<u8> {
        let list = [
            Value::from(self.id.as_str()),
            self.version.into(),
            self.number.into(),
            party.into(),
            key.into(),
            Value::Text(URL_SAFE_NO_PAD.encode(nonce)),
        ];
        Value::List(list.to_vec()).to_jcs().into_bytes()
    }
}

/// Whom an envelope is sealed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The party.
    pub party: String,
    /// The number of its `agree` key.
    pub key: u64,
    /// The X25519 public key.
    pub public_key: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SealedKey {
    party: String,
    key: u64,
    enc: [u8; 32],
    sealed: [u8; SEALED_BYTES],
}

/// A sealed envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What it is about.
    pub subject: Subject,
    nonce: [u8; NONCE_BYTES],
    recipients: Vec<SealedKey>,
    ciphertext: Vec<u8>,
}

/// Seals `content` to `recipients`.
pub fn seal<R: RngCore + CryptoRng>(
    subject: &Subject,
    content: &[u8],
    recipients: &[Recipient],
    rng: &mut R,
) -> Result<Envelope, EnvelopeError> {
    if !is_record_id(&subject.id) {
        return Err(malformed("a record id is expected"));
    }
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(malformed("1 to 32 recipients"));
    }
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    let mut nonce = [0_u8; NONCE_BYTES];
    rng.fill_bytes(key.as_mut());
    rng.fill_bytes(&mut nonce);
    let aad = subject.bound();
    let payload = Payload { msg: content, aad: &aad };
    let ciphertext = XChaCha20Poly1305::new((&*key).into())
        .encrypt(XNonce::from_slice(&nonce), payload)
        .map_err(|_| malformed("the content is too large"))?;
    let sealed = recipients.iter().map(|to| seal_key(subject, &key, &nonce, to, rng));
    let recipients = sealed.collect::<Result<Vec<_>, _>>()?;
    let envelope = Envelope { subject: subject.clone(), nonce, recipients, ciphertext };
    if envelope.to_text().len() > ENVELOPE_BYTES_MAX {
        return Err(malformed("larger than 8 MiB"));
    }
    Ok(envelope)
}

fn seal_key<R: RngCore + CryptoRng>(
    subject: &Subject,
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    to: &Recipient,
    rng: &mut R,
) -> Result<SealedKey, EnvelopeError> {
    let bad = || EnvelopeError::BadKey(format!("{}#k{}", to.party, to.key));
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to.public_key);
    let public = public.map_err(|_| bad())?;
    let aad = subject.bound_for(&to.party, to.key, nonce);
    let (enc, sealed) =
        hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256, R>(
            &OpModeS::Base,
            &public,
            INFO,
            key,
            &aad,
            rng,
        )
        .map_err(|_| bad())?;
    Ok(SealedKey {
        party: to.party.clone(),
        key: to.key,
        enc: enc.to_bytes().into(),
        sealed: sealed.try_into().map_err(|_| bad())?,
    })
}

impl Envelope {
    /// The parties and key numbers it is sealed to.
    pub fn recipients(&self) -> impl Iterator<Item = (&str, u64)> {
        self.recipients.iter().map(|to| (to.party.as_str(), to.key))
    }

    /// The random nonce of the content.
    pub const fn nonce(&self) -> &[u8; NONCE_BYTES] {
        &self.nonce
    }

    /// Its RFC 8785 text.
    pub fn to_text(&self) -> String {
        let base64 = |bytes: &[u8]| Value::Text(URL_SAFE_NO_PAD.encode(bytes));
        let recipient = |to: &SealedKey| {
            Value::object([
                ("party", Value::from(to.party.as_str())),
                ("key", Value::from(format!("k{}", to.key))),
                ("enc", base64(&to.enc)),
                ("sealed", base64(&to.sealed)),
            ])
        };
        Value::object([
            ("titianEnvelope", Value::Int(1)),
            ("id", Value::from(self.subject.id.as_str())),
            ("version", Value::from(self.subject.version)),
            ("envelopeNo", Value::from(self.subject.number)),
            ("nonce", base64(&self.nonce)),
            ("recipients", Value::List(self.recipients.iter().map(recipient).collect())),
            ("ciphertext", base64(&self.ciphertext)),
        ])
        .to_jcs()
    }

    /// Reads an envelope; a line end after it is no part of it.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(malformed("larger than 8 MiB"));
        }
        let wrong = |reject: titian_contracts::error::Reject| malformed(&reject.to_string());
        let value = json::parse_canonical(bytes).map_err(wrong)?;
        let mut members = Members::of(&value, "").map_err(wrong)?;
        if members.uint("titianEnvelope").map_err(wrong)? != 1 {
            return Err(malformed("unknown version"));
        }
        let subject = Subject {
            id: members.text("id").map_err(wrong)?.to_owned(),
            version: members.uint("version").map_err(wrong)?,
            number: members.uint("envelopeNo").map_err(wrong)?,
        };
        let nonce = fixed(members.text("nonce").map_err(wrong)?)?;
        let items = members.list("recipients").map_err(wrong)?;
        let ciphertext = members.text("ciphertext").map_err(wrong)?;
        let ciphertext = URL_SAFE_NO_PAD.decode(ciphertext).map_err(|_| malformed("ciphertext"))?;
        if !is_record_id(&subject.id) || items.is_empty() || items.len() > RECIPIENTS_MAX {
            return Err(malformed("a record id, and 1 to 32 recipients"));
        }
        let recipients = items.iter().map(|item| {
            let mut members = Members::of(item, "/recipients").map_err(wrong)?;
            let key = parse_key_no(members.text("key").map_err(wrong)?);
            let to = SealedKey {
                party: members.text("party").map_err(wrong)?.to_owned(),
                key: key.ok_or_else(|| malformed("key"))?,
                enc: fixed(members.text("enc").map_err(wrong)?)?,
                sealed: fixed(members.text("sealed").map_err(wrong)?)?,
            };
            members.finish().map_err(wrong)?;
            Ok(to)
        });
        let recipients = recipients.collect::<Result<Vec<_>, EnvelopeError>>()?;
        members.finish().map_err(wrong)?;
        Ok(Self { subject, nonce, recipients, ciphertext })
    }

    /// Opens it with the X25519 secret key of recipient `party#k{key}`.
    pub fn open(
        &self,
        party: &str,
        key: u64,
        secret: &[u8; 32],
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let content_key = self.content_key(party, key, secret)?;
        let aad = self.subject.bound();
        let payload = Payload { msg: &self.ciphertext, aad: &aad };
        XChaCha20Poly1305::new((&*content_key).into())
            .decrypt(XNonce::from_slice(&self.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| EnvelopeError::DoesNotOpen)
    }

    /// The key of the content, for a recipient.
    pub fn content_key(
        &self,
        party: &str,
        key: u64,
        secret: &[u8; 32],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, EnvelopeError> {
        let to = self.recipients.iter().find(|to| to.party == party && to.key == key);
        let to = to.ok_or_else(|| EnvelopeError::NotForYou(format!("{party}#k{key}")))?;
        let fault = |_| EnvelopeError::DoesNotOpen;
        let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret).map_err(fault)?;
        let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&to.enc).map_err(fault)?;
        let aad = self.subject.bound_for(&to.party, to.key, &self.nonce);
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &secret,
            &enc,
            INFO,
            &to.sealed,
            &aad,
        );
        let opened = Zeroizing::new(opened.map_err(fault)?);
        let bytes: [u8; KEY_BYTES] =
            opened.as_slice().try_into().map_err(|_| EnvelopeError::DoesNotOpen)?;
        Ok(Zeroizing::new(bytes))
    }
}

/// The X25519 public key of a secret one.
pub fn public_of(secret: &[u8; 32]) -> Option<[u8; 32]> {
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret).ok()?;
    Some(X25519HkdfSha256::sk_to_pk(&secret).to_bytes().into())
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], EnvelopeError> {
    decode_fixed(text).ok_or_else(|| malformed("bytes of a fixed length"))
}

fn malformed(what: &str) -> EnvelopeError {
    EnvelopeError::Malformed(what.to_owned())
}
