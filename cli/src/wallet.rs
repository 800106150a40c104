//! The wallet: private keys of parties in one passphrase-encrypted file.
//!
//! Invariant: a private key never reaches a disk in the clear. The one exception is the wallet of
//! a throw-away network, made with `--insecure-devnet` and marked as such; it signs for chains
//! named `titian-devnet-…` only. Secrets are wiped from memory when dropped.
//!
//! The file is an age file with a scrypt recipient (age-encryption.org/v1) around JSON. It
//! deliberately knows nothing of the ledger: which keys are active is the access register's answer.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use titian_contracts::access::Party;
use titian_contracts::access::new_key::possession_digest;
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::op::{OpSignature, parse_key_no};
use titian_contracts::ubin::identifier::Ubin;
use titian_credential::key::Signer;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{CommandError, Kind, Result};
use crate::output::Output;

/// Prefix of the chain ids that a wallet in the clear may sign for.
pub(crate) const DEVNET_CHAIN_PREFIX: &str = "titian-devnet-";
const AGE_MAGIC: &[u8] = b"age-encryption.org/v1";
/// Highest scrypt work factor (log₂ N) that is accepted on reading; 2^22 takes some 30 s.
const WORK_FACTOR_MAX: u8 = 22;

/// A key of a party: `PARTY#kN`, or `PARTY` for any key of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRef {
    /// The party.
    pub(crate) party: String,
    /// The number N; `None` leaves the choice to the wallet.
    pub(crate) number: Option<u64>,
}

impl std::str::FromStr for KeyRef {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (party, number) = match text.split_once('#') {
            None => (text, None),
            Some((party, key)) => {
                let number = parse_key_no(key)
                    .ok_or("a key is named PARTY#kN, for example SG:ACRA#k1".to_owned())?;
                (party, Some(number))
            }
        };
        let party = party.strip_prefix("did:ubin:").unwrap_or(party);
        match Party::parse(party) {
            None => return Err("a party is CC, CC:NAME or a UBIN, for example SG:ACRA".to_owned()),
            Some(Party::Business { .. }) if Ubin::parse_canonical(party).is_none() => {
                return Err(format!("no canonical UBIN; titian ubin check {party}"));
            }
            Some(_) => {}
        }
        Ok(Self { party: party.to_owned(), number })
    }
}

/// How a key signs. A key for `agree` signs nothing: it is X25519, whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub(crate) enum Algorithm {
    /// Ops, credentials and presentations
    #[default]
    #[serde(rename = "Ed25519")]
    #[value(name = "Ed25519")]
    Ed25519,
    /// Tokens only (ES256): credentials as vc+jwt or dc+sd-jwt, and their presentations
    #[serde(rename = "P-256")]
    #[value(name = "P-256")]
    P256,
}

/// The 32 secret bytes of a key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0));
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        titian_contracts::op::decode_fixed::<32>(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a key has 32 bytes in base64url"))
    }
}

/// One key of the wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WalletKey {
    /// The party it signs for.
    pub(crate) party: String,
    /// Its number in the access register; absent until it is bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<u64>,
    /// Number of the officer who holds it, for quorums of different officers.
    pub(crate) officer: u64,
    /// What it is for: invoke, assert, present.
    pub(crate) purposes: Vec<String>,
    /// What it may sign once bound.
    pub(crate) scopes: Vec<String>,
    /// How it signs.
    #[serde(default, skip_serializing_if = "is_ed25519")]
    algorithm: Algorithm,
    secret: Secret,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
const fn is_ed25519(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ed25519)
}

impl WalletKey {
    /// A fresh key of the operating system's randomness.
    pub(crate) fn generate(
        party: &str,
        officer: u64,
        purposes: Vec<String>,
        scopes: Vec<String>,
    ) -> Self {
        let mut secret = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut secret);
        let key = Self::from_secret(party, None, officer, purposes, scopes, secret);
        secret.zeroize();
        key
    }

    /// The same key with another way to sign, and secret bytes that are fresh.
    #[must_use]
    pub(crate) fn anew(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        match algorithm {
            Algorithm::Ed25519 => rand::rngs::OsRng.fill_bytes(&mut self.secret.0),
            // not every 32 bytes are a scalar of the curve
            Algorithm::P256 => {
                let key = p256::ecdsa::SigningKey::random(&mut rand::rngs::OsRng);
                self.secret = Secret(key.to_bytes().into());
            }
        }
        self
    }

    /// A key around given secret bytes.
    pub(crate) fn from_secret(
        party: &str,
        number: Option<u64>,
        officer: u64,
        purposes: Vec<String>,
        scopes: Vec<String>,
        secret: [u8; 32],
    ) -> Self {
        let (party, algorithm, secret) = (party.to_owned(), Algorithm::Ed25519, Secret(secret));
        Self { party, number, officer, purposes, scopes, algorithm, secret }
    }

    /// `PARTY#kN`, or `PARTY (not bound)`.
    pub(crate) fn label(&self) -> String {
        match self.number {
            Some(number) => format!("{}#k{number}", self.party),
            None => format!("{} (not bound)", self.party),
        }
    }

    /// How it signs.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key of ops and embedded proofs. Errors: it is a P-256 key.
    pub(crate) fn ed25519(&self) -> Result<SigningKey> {
        match self.algorithm {
            Algorithm::Ed25519 => Ok(SigningKey::from_bytes(&self.secret.0)),
            Algorithm::P256 => Err(CommandError::usage(format!(
                "{} is a P-256 key: it signs tokens, neither acts nor embedded proofs",
                self.label()
            ))
            .named("ALG_UNSUPPORTED")
            .hint("--form vc+jwt or dc+sd-jwt; PARTY#kN names another key")),
        }
    }

    /// What signs tokens.
    pub(crate) fn signer(&self) -> Result<Box<dyn Signer>> {
        match self.algorithm {
            Algorithm::Ed25519 => Ok(Box::new(self.ed25519()?)),
            Algorithm::P256 => Ok(Box::new(self.p256()?)),
        }
    }

    fn p256(&self) -> Result<p256::ecdsa::SigningKey> {
        p256::ecdsa::SigningKey::from_slice(&self.secret.0)
            .map_err(|_| CommandError::usage(format!("{} is no P-256 key", self.label())))
    }

    /// Whether it can sign ops.
    pub(crate) fn signs_ops(&self) -> bool {
        !self.is_sealing() && self.algorithm == Algorithm::Ed25519
    }

    /// Whether it receives sealed envelopes: an X25519 key, which signs nothing.
    pub(crate) fn is_sealing(&self) -> bool {
        self.purposes.iter().any(|purpose| purpose == "agree")
    }

    /// The secret of a sealing key.
    pub(crate) const fn secret_bytes(&self) -> &[u8; 32] {
        &self.secret.0
    }

    /// The public key in base64url: 32 bytes, of P-256 the compressed point of 33.
    pub(crate) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public_bytes())
    }

    /// The public key; empty if the secret is none, which no wallet of this program holds.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        if self.is_sealing() {
            return titian_envelope::public_of(&self.secret.0).unwrap_or_default().to_vec();
        }
        match self.algorithm {
            Algorithm::Ed25519 => {
                SigningKey::from_bytes(&self.secret.0).verifying_key().as_bytes().to_vec()
            }
            Algorithm::P256 => self.p256().map_or_else(
                |_| Vec::new(),
                |key| key.verifying_key().to_encoded_point(true).as_bytes().to_vec(),
            ),
        }
    }

    /// The algorithm as the access register names it.
    pub(crate) fn register_name(&self) -> &'static str {
        match (self.is_sealing(), self.algorithm) {
            (true, _) => "X25519",
            (false, Algorithm::Ed25519) => "Ed25519",
            (false, Algorithm::P256) => "P-256",
        }
    }

    /// Signs an op digest. The key must be bound.
    pub(crate) fn sign(&self, digest: &Digest) -> Result<OpSignature> {
        let key = self.number.ok_or_else(|| {
            CommandError::usage(format!("the key of {} is not bound yet", self.party))
                .hint("titian key bind")
        })?;
        let signature = self.ed25519()?.sign(&digest.0).to_bytes();
        Ok(OpSignature { party: self.party.clone(), key, signature, mandate: None })
    }

    /// The key as an entry of `keys` in `key_bind`: public part, wishes, proof of possession.
    pub(crate) fn to_binding(&self, chain: &str) -> Result<Value> {
        let (public_key, alg) = (self.public_key(), self.register_name());
        let possession = match self.is_sealing() {
            true => None,
            false => {
                let digest = possession_digest(chain, &self.party, alg, &self.public_bytes());
                Some(URL_SAFE_NO_PAD.encode(self.signer()?.sign_message(&digest.0)))
            }
        };
        let mut purposes = self.purposes.clone();
        purposes.sort_by_key(|name| {
            titian_contracts::access::Purpose::parse(name).map_or(u8::MAX, |p| p as u8)
        });
        let mut scopes = self.scopes.clone();
        scopes.sort();
        let texts = |items: &[String]| {
            Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
        };
        let possession = possession.map(|text| ("possession", Value::from(text)));
        let mut members = vec![
            ("alg", Value::from(alg)),
            ("officer", Value::from(self.officer)),
            ("publicKey", Value::from(public_key)),
            ("purposes", texts(&purposes)),
            ("scopes", texts(&scopes)),
        ];
        members.extend(possession);
        Ok(Value::object(members))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Content {
    titian_wallet: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    insecure_devnet: bool,
    keys: Vec<WalletKey>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[derive(Clone, Debug)]
enum Protection {
    Passphrase(SecretString),
    None,
}

/// An open wallet.
#[derive(Clone, Debug)]
pub(crate) struct Wallet {
    path: PathBuf,
    protection: Protection,
    /// Its keys, in the order they came.
    pub(crate) keys: Vec<WalletKey>,
}

impl Wallet {
    /// A new, empty wallet with a passphrase from `TITIAN_PASSPHRASE` or the terminal.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let passphrase = ask_passphrase(path, true)?;
        let protection = Protection::Passphrase(passphrase);
        Ok(Self { path: path.to_owned(), protection, keys: Vec::new() })
    }

    /// A new, empty wallet in the clear, for throw-away networks.
    pub(crate) fn create_insecure(path: &Path) -> Self {
        Self { path: path.to_owned(), protection: Protection::None, keys: Vec::new() }
    }

    /// Opens the wallet at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|error| {
            CommandError::file("read the wallet", path, &error)
                .hint("titian key new PARTY makes one; --wallet FILE names another")
        })?;
        let bytes = Zeroizing::new(bytes);
        if bytes.starts_with(AGE_MAGIC) {
            let passphrase = ask_passphrase(path, false)?;
            let plain = Zeroizing::new(decrypt(&passphrase, &bytes)?);
            let content = read_content(path, &plain)?;
            let protection = Protection::Passphrase(passphrase);
            return Ok(Self { path: path.to_owned(), protection, keys: content.keys });
        }
        let content = read_content(path, &bytes)?;
        if !content.insecure_devnet {
            return Err(CommandError::usage(format!(
                "{} holds keys in the clear and is not marked as a devnet wallet",
                path.display()
            )));
        }
        Ok(Self { path: path.to_owned(), protection: Protection::None, keys: content.keys })
    }

    /// Whether the keys are kept in the clear.
    pub(crate) const fn is_insecure(&self) -> bool {
        matches!(self.protection, Protection::None)
    }

    /// Where it is kept.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to sign for `chain` with keys that are kept in the clear, unless it is a devnet.
    pub(crate) fn check_chain(&self, chain: &str) -> Result<()> {
        if self.is_insecure() && !chain.starts_with(DEVNET_CHAIN_PREFIX) {
            return Err(CommandError::usage(format!(
                "{} holds keys in the clear, {chain} is not a devnet",
                self.path.display()
            ))
            .hint("make an encrypted wallet: titian key new PARTY --wallet FILE"));
        }
        Ok(())
    }

    /// The key that a reference names. Without a number the newest bound key of the party that signs
    /// ops.
    pub(crate) fn find(&self, wanted: &KeyRef) -> Result<&WalletKey> {
        let of_party = self.keys.iter().filter(|key| key.party == wanted.party);
        let fitting = of_party.filter(|key| match wanted.number {
            Some(number) => key.number == Some(number),
            None => key.number.is_some() && key.signs_ops(),
        });
        let found = fitting.max_by_key(|key| key.number);
        found.ok_or_else(|| {
            let name = match wanted.number {
                Some(number) => format!("{}#k{number}", wanted.party),
                None => wanted.party.clone(),
            };
            let error = CommandError::usage(format!("the wallet holds no bound key {name}"));
            let unbound = |key: &WalletKey| key.party == wanted.party && key.number.is_none();
            match self.keys.iter().any(unbound) {
                true => error.hint(format!(
                    "once its key is bound: titian key status {} notes the number here",
                    wanted.party
                )),
                false => error.hint("titian key list shows what it holds"),
            }
        })
    }

    /// The bound sealing keys that a reference names, newest first.
    pub(crate) fn sealing_keys(&self, wanted: &KeyRef) -> Vec<&WalletKey> {
        let fits = |key: &&WalletKey| {
            key.party == wanted.party
                && key.is_sealing()
                && key.number.is_some()
                && wanted.number.is_none_or(|number| key.number == Some(number))
        };
        let mut keys: Vec<&WalletKey> = self.keys.iter().filter(fits).collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.number));
        keys
    }

    /// Adds a key; a key that is there already is replaced by what is newly known about it.
    pub(crate) fn put(&mut self, key: WalletKey) {
        let public = key.public_key();
        match self.keys.iter_mut().find(|known| known.public_key() == public) {
            Some(known) => *known = key,
            None => self.keys.push(key),
        }
    }

    /// Writes the wallet: temporary file of mode 0600, fsync, rename.
    pub(crate) fn save(&self) -> Result<()> {
        let content = Content {
            titian_wallet: 1,
            insecure_devnet: self.is_insecure(),
            keys: self.keys.clone(),
        };
        let plain = serde_json::to_vec(&content)
            .map_err(|_| CommandError::bug("the wallet cannot be written as JSON"))?;
        let plain = Zeroizing::new(plain);
        let bytes = match &self.protection {
            Protection::None => Zeroizing::new(plain.to_vec()),
            Protection::Passphrase(passphrase) => Zeroizing::new(encrypt(passphrase, &plain)?),
        };
        write_private(&self.path, &bytes)
            .map_err(|error| CommandError::file("write the wallet", &self.path, &error))
    }
}

/// Writes a file that only its owner may read, all or nothing.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    // a file of this name, left over or put there by another, would keep its mode and its readers
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // the new name is on disk only with the folder that holds it
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn read_content(path: &Path, bytes: &[u8]) -> Result<Content> {
    let content: Content = serde_json::from_slice(bytes)
        .map_err(|_| CommandError::usage(format!("{} is not a titian wallet", path.display())))?;
    if content.titian_wallet == 1 {
        Ok(content)
    } else {
        Err(CommandError::usage(format!("{} is of a later version", path.display())))
    }
}

fn encrypt(passphrase: &SecretString, plain: &[u8]) -> Result<Vec<u8>> {
    let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
    // tests lower it; whoever sets it for a real wallet weakens his own file
    let asked = std::env::var("TITIAN_WALLET_WORK_FACTOR").ok();
    if let Some(factor) = asked.and_then(|text| text.parse::<u8>().ok()) {
        recipient.set_work_factor(factor.clamp(1, WORK_FACTOR_MAX));
    }
    age::encrypt(&recipient, plain)
        .map_err(|error| CommandError::bug(format!("the wallet cannot be encrypted: {error}")))
}

fn decrypt(passphrase: &SecretString, sealed: &[u8]) -> Result<Vec<u8>> {
    let mut identity = age::scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    age::decrypt(&identity, sealed).map_err(|_| {
        CommandError::new(Kind::Refused, "the passphrase does not open the wallet")
            .hint("TITIAN_PASSPHRASE, if set, is used instead of asking")
    })
}

fn ask_passphrase(path: &Path, new: bool) -> Result<SecretString> {
    if let Ok(text) = std::env::var("TITIAN_PASSPHRASE") {
        return check_passphrase(text, new);
    }
    if !Output::can_ask() {
        return Err(CommandError::usage("the wallet needs a passphrase and nobody can be asked")
            .hint("set TITIAN_PASSPHRASE"));
    }
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt)
            .map_err(|_| CommandError::usage("the passphrase could not be read"))
    };
    let first = ask(format!("Passphrase for {}: ", path.display()))?;
    if new {
        let mut second = ask("Once more: ".to_owned())?;
        let same = first == second;
        second.zeroize();
        if !same {
            return Err(CommandError::usage("the two passphrases differ"));
        }
    }
    check_passphrase(first, new)
}

fn check_passphrase(text: String, new: bool) -> Result<SecretString> {
    if new && text.chars().count() < 8 {
        return Err(CommandError::usage("a passphrase has at least 8 characters"));
    }
    Ok(SecretString::from(text))
}
