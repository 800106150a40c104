//! Bearer tokens: HS256 for the operator, EdDSA for integrators.
//!
//! The operator's secret lies in a file that only its owner reads; whoever reads it may run the
//! node anyway. A token of it is good for 60 s around its `iat`. Systems get access tokens (`typ`
//! `at+jwt`) with an expiry, scopes, and the issuers and parties that they may act for: either the
//! operator makes them with the node's token key (`kid` `node`), or an integrator signs its own (`kid` =
//! its name here), and then a scope, issuer or party counts if the configuration grants it too. Tokens open methods
//! of this node and give no right on the ledger.
//!
//! Signatures are checked by our own provider (HMAC, strict Ed25519): [`install`] puts it in place.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use signature::{Signer, Verifier};
use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;
use titian_contracts::ubin::identifier::Ubin;
use titian_credential::jose::Unsigned;
use titian_credential::key;
use zeroize::Zeroizing;

use crate::signer::keystore::NodeKey;

/// How far `iat` of an operator's token may be from now, seconds.
pub const ADMIN_SKEW_S: u64 = 60;
/// Longest life of an access token, seconds.
pub const INTEGRATOR_LIFE_S_MAX: u64 = 90 * 86_400;
/// `typ` of an access token (RFC 9068); no other token counts in its place.
pub const ACCESS_TYP: &str = "at+jwt";
/// `kid` of tokens that the operator made.
pub const OPERATOR_KID: &str = "node";
/// What an access token may grant.
pub const SCOPES: [&str; 5] = ["etr:read", "vc:custody", "vc:issue", "vc:status", "vc:use"];
/// Longest token.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory, verifier_factory, key_utils: KeyUtils::new_unimplemented() };

/// Puts our provider in place; again is no error.
pub fn install() {
    // refused only if a provider is there already, and nothing else in this program installs one
    let _ = PROVIDER.install_default();
}

/// A system that may call with its own tokens.
#[derive(Clone, Debug)]
pub struct Integrator {
    /// Its name, `kid` of its tokens.
    pub name: String,
    /// Its Ed25519 key.
    pub public_key: [u8; 32],
    /// What it may be granted.
    pub scopes: Vec<String>,
    /// The DIDs of the issuers that it may act for.
    pub issuers: Vec<String>,
    /// The UBINs of the parties whose records it may read.
    pub parties: Vec<String>,
}

impl Integrator {
    /// Reads `name key scope…`, parted by blanks: the key in 64 hex digits, at least one scope; what
    /// starts with `did:` is an issuer, and a UBIN is a party.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace();
        let name = parts.next()?.to_owned();
        let mut public_key = [0; 32];
        hex::decode_to_slice(parts.next()?, &mut public_key).ok()?;
        ed25519_dalek::VerifyingKey::from_bytes(&public_key).ok()?;
        let (issuers, others): (Vec<String>, Vec<String>) =
            parts.map(str::to_owned).partition(|part| part.starts_with("did:"));
        let (parties, scopes): (Vec<String>, Vec<String>) =
            others.into_iter().partition(|part| Ubin::parse_canonical(part).is_some());
        let sound = !scopes.is_empty() && name != OPERATOR_KID;
        sound.then_some(Self { name, public_key, scopes, issuers, parties })
    }
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The operator.
    Admin,
    /// A system.
    Client(Client),
}

/// A system, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its name, for logs.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// The DIDs of the issuers that it may act for.
    pub issuers: Vec<String>,
    /// The UBINs of the parties whose records it may read.
    pub parties: Vec<String>,
}

/// Checks tokens.
pub struct Tokens {
    secret: Zeroizing<Vec<u8>>,
    chain: String,
    integrators: Vec<Integrator>,
    operator_key: Option<[u8; 32]>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("integrators", &self.integrators).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct AdminClaims {
    iat: u64,
    /// Not needed; one that is there counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
}

/// Claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The chain id.
    pub aud: String,
    /// Seconds since the Unix epoch.
    pub iat: u64,
    /// Seconds since the Unix epoch.
    pub exp: u64,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// DIDs of the issuers that it acts for.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// UBINs of the parties whose records it reads.
    #[serde(default)]
    pub parties: Vec<String>,
    /// The system, in a token that the operator made.
    #[serde(default)]
    pub sub: String,
}

impl Tokens {
    /// Checks tokens for `chain` with the operator's secret.
    pub fn new(secret: Zeroizing<Vec<u8>>, chain: &str, integrators: Vec<Integrator>) -> Self {
        install();
        Self { secret, chain: chain.to_owned(), integrators, operator_key: None }
    }

    /// With the public key of the tokens that the operator makes.
    #[must_use]
    pub const fn with_operator_key(mut self, public_key: [u8; 32]) -> Self {
        self.operator_key = Some(public_key);
        self
    }

    /// What `token` grants at `now_s`. Errors: `FORBIDDEN`; the detail says why, without the token.
    pub fn check(&self, token: &str, now_s: u64) -> Result<Grant, Reject> {
        let refuse = |why: &str| Reject::new(Code::Forbidden, "", why);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(refuse("the token is too long"));
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|_| refuse("the token is malformed"))?;
        match header.alg {
            Algorithm::HS256 => self.check_admin(token, now_s),
            Algorithm::EdDSA => self.check_access(token, &header, now_s),
            _ => Err(refuse("the token's algorithm is not allowed")),
        }
    }

    fn check_admin(&self, token: &str, now_s: u64) -> Result<Grant, Reject> {
        let key = DecodingKey::from_secret(&self.secret);
        let claims: AdminClaims = decode(token, &key, Algorithm::HS256)?;
        if claims.iat.abs_diff(now_s) > ADMIN_SKEW_S {
            return Err(Reject::new(Code::Forbidden, "", "iat is more than 60 s from now"));
        }
        if claims.exp.is_some_and(|exp| exp <= now_s) {
            return Err(Reject::new(Code::Forbidden, "", "the token has expired"));
        }
        Ok(Grant::Admin)
    }

    fn check_access(&self, token: &str, header: &Header, now_s: u64) -> Result<Grant, Reject> {
        let refuse = |why: &str| Reject::new(Code::Forbidden, "", why);
        if header.typ.as_deref() != Some(ACCESS_TYP) {
            return Err(refuse("typ at+jwt is expected"));
        }
        let kid = header.kid.as_deref().unwrap_or_default();
        let operator = self.operator_key.filter(|_| kid == OPERATOR_KID);
        let integrator = self.integrators.iter().find(|known| known.name == kid);
        let key = match (operator, integrator) {
            (Some(key), _) => key,
            (None, Some(integrator)) => integrator.public_key,
            (None, None) => return Err(refuse("kid names no key of this node")),
        };
        let key = DecodingKey::from_ed_der(&key);
        let claims: AccessClaims = decode(token, &key, Algorithm::EdDSA)?;
        if claims.aud != self.chain {
            return Err(refuse("the token is for another chain"));
        }
        if claims.iat > now_s.saturating_add(ADMIN_SKEW_S) {
            return Err(refuse("the token is not valid yet"));
        }
        if claims.exp <= now_s {
            return Err(refuse("the token has expired"));
        }
        if claims.exp.saturating_sub(claims.iat) > INTEGRATOR_LIFE_S_MAX {
            return Err(refuse("the token lives longer than 90 days"));
        }
        if claims.issuers.len().max(claims.parties.len()) > limits::TOKEN_ISSUERS_MAX {
            return Err(refuse("the token lists too many issuers or parties"));
        }
        let mut client = Client {
            name: claims.sub,
            scopes: claims.scope.split(' ').map(str::to_owned).collect(),
            issuers: claims.issuers,
            parties: claims.parties,
        };
        if let (None, Some(integrator)) = (operator, integrator) {
            client.name.clone_from(&integrator.name);
            client.scopes.retain(|scope| integrator.scopes.contains(scope));
            client.issuers.retain(|did| integrator.issuers.contains(did));
            client.parties.retain(|ubin| integrator.parties.contains(ubin));
        }
        Ok(Grant::Client(client))
    }
}

/// An access token, signed by the node's token key.
pub fn access_token(key: &NodeKey, claims: &AccessClaims) -> Result<String, Reject> {
    let unmade = || Reject::new(Code::Unavailable, "", "the token could not be made");
    let payload = serde_json::to_value(claims).map_err(|_| unmade())?;
    let payload = payload.as_object().ok_or_else(unmade)?;
    let unsigned = Unsigned::new(ACCESS_TYP, key::Algorithm::Ed25519, Some(OPERATOR_KID), payload)
        .ok_or_else(unmade)?;
    let signature = key.sign(unsigned.signing_input.as_bytes());
    Ok(unsigned.finish(&signature))
}

/// Reads the operator's secret, or makes it at first start: 32 random bytes as hex, mode 0600. A
/// file that others may read is refused.
pub fn load_or_create_secret(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let mut bytes = Zeroizing::new([0; 32]);
            rand::rngs::OsRng.fill_bytes(bytes.as_mut());
            let text = Zeroizing::new(hex::encode(bytes.as_ref()));
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others may read the token secret; chmod 600 it",
        ));
    }
    let text = Zeroizing::new(fs::read_to_string(path)?);
    let secret = hex::decode(text.trim()).ok().filter(|secret| secret.len() == 32);
    secret.map(Zeroizing::new).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "the token secret is not 64 hex digits")
    })
}

/// A token of the operator, good for 60 s around `now_s`.
pub fn admin_token(secret: &[u8], now_s: u64) -> Result<String, Reject> {
    install();
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &AdminClaims { iat: now_s, exp: None },
        &key,
    )
    .map_err(|_| Reject::new(Code::Unavailable, "", "the token could not be made"))
}

fn decode<T: serde::de::DeserializeOwned + Clone>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<T, Reject> {
    // times are compared above, against a time that tests can choose
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode::<T>(token, key, &validation)
        .map(|data| data.claims)
        .map_err(|_| Reject::new(Code::Forbidden, "", "the token does not verify"))
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(secret: &[u8]) -> JwtResult<Self> {
        Hmac::new_from_slice(secret).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

struct StrictEd25519(VerifyingKey);

impl Verifier<Vec<u8>> for StrictEd25519 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.verify_strict(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for StrictEd25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256::new(key.as_bytes())?)),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => {
            Ok(Box::new(Hs256::new(key.try_get_as_bytes()?)?))
        }
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => {
            let bytes: &[u8; 32] =
                key.try_get_as_bytes()?.try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
            let key = VerifyingKey::from_bytes(bytes).map_err(|_| ErrorKind::InvalidEddsaKey)?;
            Ok(Box::new(StrictEd25519(key)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}
