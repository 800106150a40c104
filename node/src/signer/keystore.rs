//! Key files: one Ed25519 key each, for votes or for the identity in the networks.
//!
//! Invariant: a key file is made with mode 0600 and never overwritten; a file that others may read
//! is refused. Keys are wiped from memory when dropped and never printed. A key file is not
//! encrypted, because a validator must come back by itself after a power failure; a passphrase in
//! the same place would protect nothing. Whoever wants more takes a remote signer.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use libp2p::PeerId;
use libp2p::identity::Keypair;
use rand::rngs::OsRng;
use zeroize::{Zeroize as _, Zeroizing};

/// The fixed start of an Ed25519 key in PKCS#8 (RFC 8410 §7); the seed follows.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
/// No form of a key is longer.
const FILE_BYTES_MAX: u64 = 4_096;
const MODE: u32 = 0o600;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read or write it.
    #[error("key file {path} has mode {mode:o}; only its owner may read it: chmod 600 {path}", path = path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no Ed25519 key in a known form.
    #[error("key file {path} holds no Ed25519 private key (PKCS#8 in PEM or DER, or 32 bytes, raw or in hex)", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
    },
}

/// An Ed25519 key of this node.
pub struct NodeKey(SigningKey);

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", hex::encode(self.public_key()))
    }
}

impl NodeKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self(SigningKey::generate(&mut OsRng))
    }

    /// The key of a seed; for tests and throw-away networks.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads a key file: PKCS#8 in PEM or DER, or the 32-byte seed, raw or in hex.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let fault = |source| KeyFileError::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(fault)?;
        let mode = file.metadata().map_err(fault)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Mode { path: path.to_owned(), mode });
        }
        let mut content = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize));
        (&mut file).take(FILE_BYTES_MAX).read_to_end(&mut content).map_err(fault)?;
        parse(&content).ok_or_else(|| KeyFileError::Content { path: path.to_owned() })
    }

    /// Reads a key file, or makes it with a new key if it is not there.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        let key = Self::generate();
        match key.store_new(path) {
            Ok(()) => Ok(key),
            Err(KeyFileError::File { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists =>
            {
                Self::load(path)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Writes the key to a new file of mode 0600, synced. A file that exists is left alone.
    pub fn store_new(&self, path: &Path) -> Result<(), KeyFileError> {
        let fault = |source| KeyFileError::File { path: path.to_owned(), source };
        let mut der = Zeroizing::new(PKCS8_PREFIX.to_vec());
        let mut seed = self.0.to_bytes();
        der.extend_from_slice(&seed);
        seed.zeroize();
        let body = Zeroizing::new(STANDARD.encode(&*der));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(MODE).open(path).map_err(fault)?;
        // The mode given at creation is narrowed by the umask, never widened.
        file.write_all(format!("{PEM_BEGIN}\n").as_bytes()).map_err(fault)?;
        file.write_all(body.as_bytes()).map_err(fault)?;
        file.write_all(format!("\n{PEM_END}\n").as_bytes()).map_err(fault)?;
        file.sync_all().map_err(fault)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all()).map_err(fault)
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }

    /// The key for a signing scheme of the engine.
    pub const fn signing_key(&self) -> &SigningKey {
        &self.0
    }

    /// The identity in the networks.
    pub fn identity(&self) -> Keypair {
        // The library wipes what it is given.
        let seed = self.0.to_bytes();
        Keypair::ed25519_from_bytes(seed).expect("32 bytes are always an Ed25519 seed")
    }

    /// The id in the networks.
    pub fn peer_id(&self) -> PeerId {
        self.identity().public().to_peer_id()
    }
}

fn parse(content: &[u8]) -> Option<NodeKey> {
    if let Ok(mut seed) = <[u8; 32]>::try_from(content) {
        let key = NodeKey::from_seed(&seed);
        seed.zeroize();
        return Some(key);
    }
    if let Ok(key) = SigningKey::from_pkcs8_der(content) {
        return Some(NodeKey(key));
    }
    let text = std::str::from_utf8(content).ok()?.trim();
    let mut seed = Zeroizing::new([0; 32]);
    if hex::decode_to_slice(text, &mut *seed).is_ok() {
        return Some(NodeKey::from_seed(&seed));
    }
    let body = text.strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let body: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
    SigningKey::from_pkcs8_der(&der).ok().map(NodeKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 §10.3, the first example.
    const RFC_8410: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const RFC_8410_SEED: &str = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";

    #[test]
    fn every_form_of_a_key_reads_as_the_same_key() {
        let seed = hex::decode(RFC_8410_SEED).expect("hex");
        let pem = parse(RFC_8410.as_bytes()).expect("the RFC's example");
        let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(hex::encode(pem.public_key()), public);
        let der = [&PKCS8_PREFIX[..], &seed].concat();
        for form in [seed.as_slice(), RFC_8410_SEED.as_bytes(), &der] {
            assert_eq!(parse(form).expect("a known form").public_key(), pem.public_key());
        }
        for none in ["", "abc", &RFC_8410_SEED[1..], "-----BEGIN PRIVATE KEY-----"] {
            assert!(parse(none.as_bytes()).is_none());
        }
    }

    #[test]
    fn a_key_file_reads_back_and_is_refused_when_others_may_read_it() {
        let folder = std::env::temp_dir().join(format!("titian-keystore-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("node.key");
        let key = NodeKey::generate();
        key.store_new(&path).expect("a new file");
        assert_eq!(NodeKey::load(&path).expect("it reads").public_key(), key.public_key());
        let again = key.store_new(&path);
        assert!(matches!(again, Err(KeyFileError::File { .. })), "never overwritten");
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
            assert!(matches!(NodeKey::load(&path), Err(KeyFileError::Mode { .. })));
        }
        std::fs::remove_dir_all(&folder).expect("cleaned up");
    }

    #[test]
    fn printing_a_key_shows_its_public_part_only() {
        let key = NodeKey::from_seed(&[7; 32]);
        let printed = format!("{key:?}");
        assert!(printed.contains(&hex::encode(key.public_key())));
        assert!(!printed.contains(&hex::encode([7; 32])));
    }
}
