//! Sealing of records, and the keys of subjects (vc-api.md A§9).
//!
//! Invariant: a body leaves this module sealed under the random key of its subject; a subject's
//! key leaves it wrapped under the node's. Names of records and subjects are keyed digests, so the
//! stores tell nothing without the node's secret.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngCore as _;
use rand::rngs::OsRng;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of a nonce, before what it sealed.
const NONCE_BYTES: usize = 24;

/// The name of a record or subject: a keyed digest.
pub type Name = [u8; 32];

/// 32 fresh bytes of the system's generator.
pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// A key of 256 bits, wiped when dropped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey")
    }
}

impl SecretKey {
    /// A new random key.
    pub fn generate() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(key.as_mut());
        Self(key)
    }

    /// A key derived from a secret for one use.
    pub fn derive(context: &str, secret: &[u8]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(context, secret)))
    }

    /// The name of what `parts` say; without the key nobody can tell what it names.
    pub fn name(&self, parts: &[&[u8]]) -> Name {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            // lengths keep parts apart
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    /// Seals `plain`; `bound` must be shown again to open it.
    pub fn seal(&self, plain: &[u8], bound: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        OsRng.fill_bytes(&mut nonce);
        let cipher = XChaCha20Poly1305::new(self.0.as_ref().into());
        let sealed = cipher
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: bound })
            .expect("a record is far below the limit of the cipher");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Self::seal`] made; `None` if key, bytes or `bound` are others.
    pub fn open(&self, sealed: &[u8], bound: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let cipher = XChaCha20Poly1305::new(self.0.as_ref().into());
        cipher
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: bound })
            .ok()
            .map(Zeroizing::new)
    }

    /// The key, sealed under `wrapping` for the subject `name`.
    pub fn wrap(&self, wrapping: &Self, name: &Name) -> Vec<u8> {
        wrapping.seal(self.0.as_ref(), name)
    }

    /// Reads what [`Self::wrap`] made.
    pub fn unwrap(wrapped: &[u8], wrapping: &Self, name: &Name) -> Option<Self> {
        let plain = wrapping.open(wrapped, name)?;
        let mut bytes: [u8; 32] = plain.as_slice().try_into().ok()?;
        let key = Zeroizing::new(bytes);
        bytes.zeroize();
        Some(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_opens_with_its_key_and_its_place_only() {
        let key = SecretKey::generate();
        let sealed = key.seal(b"body", b"record and chain");
        assert_eq!(key.open(&sealed, b"record and chain").expect("it opens").as_slice(), b"body");
        assert!(key.open(&sealed, b"another record").is_none());
        assert!(SecretKey::generate().open(&sealed, b"record and chain").is_none());
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(key.open(&changed, b"record and chain").is_none(), "byte {i}");
        }
        assert_ne!(key.seal(b"body", b""), key.seal(b"body", b""), "nonces are fresh");
    }

    #[test]
    fn a_wrapped_key_opens_what_the_key_sealed_for_its_own_subject_only() {
        let (wrapping, key) = (SecretKey::generate(), SecretKey::generate());
        let wrapped = key.wrap(&wrapping, &[1; 32]);
        let again = SecretKey::unwrap(&wrapped, &wrapping, &[1; 32]).expect("it unwraps");
        assert!(again.open(&key.seal(b"x", b""), b"").is_some());
        assert!(SecretKey::unwrap(&wrapped, &wrapping, &[2; 32]).is_none());
        assert!(SecretKey::unwrap(&wrapped, &SecretKey::generate(), &[1; 32]).is_none());
    }

    #[test]
    fn names_differ_by_key_and_by_where_parts_end() {
        let key = SecretKey::generate();
        assert_eq!(key.name(&[b"ab", b"c"]), key.name(&[b"ab", b"c"]));
        assert_ne!(key.name(&[b"ab", b"c"]), key.name(&[b"a", b"bc"]));
        assert_ne!(key.name(&[b"a"]), SecretKey::generate().name(&[b"a"]));
    }
}
