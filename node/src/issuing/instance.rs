//! An issuer instance with its keys.
//!
//! Invariant: keys come from files that only the node's user reads, stay in this process, are wiped
//! when dropped and never printed. An instance signs for its own issuer alone.

use titian_contracts::json::Value;
use titian_contracts::op::{self, KeyNo, Op, OpSignature, Register, parse_key_no};
use titian_contracts::transaction::Transaction;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::verdict::Policy;
use titian_credential::{did, jwt, proof, sd_jwt};

use super::settings::{IssuerSettings, TypeSettings};
use crate::signer::keystore::{KeyFileError, NodeKey};

/// A form that a node issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Embedded proof over RFC 8785 text.
    Jcs,
    /// Embedded proof over canonical RDF.
    Rdfc,
    /// A JWT whose payload is the credential.
    Jwt,
    /// An SD-JWT VC.
    SdJwt,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 4] = [Self::Jcs, Self::Rdfc, Self::Jwt, Self::SdJwt];

    /// The name in requests, answers and verdicts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jcs => proof::Suite::Jcs.name(),
            Self::Rdfc => proof::Suite::Rdfc.name(),
            Self::Jwt => jwt::VC_TYP,
            Self::SdJwt => sd_jwt::TYP,
        }
    }

    /// The form of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

/// Why an instance cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// A key file.
    #[error("issuer {name}: {source}")]
    Key {
        /// The instance.
        name: String,
        /// What is wrong.
        source: KeyFileError,
    },
    /// The DID is that of another key.
    #[error("issuer {name}: the key in {file} is not that of its DID")]
    OtherKey {
        /// The instance.
        name: String,
        /// The key file.
        file: String,
    },
}

/// An issuer instance.
#[derive(Debug)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// The issuer.
    pub did: String,
    /// The form if a caller names none.
    pub form: Form,
    /// By which rules it issues.
    pub policy: Policy,
    /// The lists it uses; empty = all of the issuer's.
    pub lists: Vec<String>,
    /// What it may issue.
    pub types: Vec<TypeSettings>,
    /// DID URL of the key that signs credentials.
    pub method: String,
    signer: NodeKey,
    act: Option<(KeyNo, NodeKey)>,
}

impl Instance {
    /// Reads the keys of an instance whose settings are sound.
    pub fn load(settings: &IssuerSettings) -> Result<Self, InstanceError> {
        let name = settings.name.clone();
        let load = |path: &std::path::Path| {
            let fault = |source| InstanceError::Key { name: name.clone(), source };
            NodeKey::load(path).map_err(fault)
        };
        let signer = load(&settings.key_file)?;
        let public = PublicKey::new(Algorithm::Ed25519, &signer.public_key());
        let (method, act) = match settings.party() {
            Some(_) => {
                let numbered = |text: &str| parse_key_no(text).unwrap_or_default();
                let act = match &settings.act_key_file {
                    Some(path) => (numbered(&settings.act_key), load(path)?),
                    None => (numbered(&settings.key), load(&settings.key_file)?),
                };
                (format!("{}#{}", settings.did, settings.key), Some(act))
            }
            None => {
                let public = public.as_ref();
                let fragment =
                    [public.map(did::method::did_key), public.and_then(did::method::did_jwk)]
                        .into_iter()
                        .flatten()
                        .find(|own| *own == settings.did)
                        .map(|own| {
                            own.strip_prefix("did:key:").map_or("0".to_owned(), str::to_owned)
                        });
                let fragment = fragment.ok_or_else(|| InstanceError::OtherKey {
                    name: name.clone(),
                    file: settings.key_file.display().to_string(),
                })?;
                (format!("{}#{fragment}", settings.did), None)
            }
        };
        Ok(Self {
            name: settings.name.clone(),
            did: settings.did.clone(),
            form: Form::parse(&settings.form).unwrap_or(Form::Jcs),
            policy: Policy::parse(&settings.policy).unwrap_or(Policy::Ledger),
            lists: settings.lists.clone(),
            types: settings.types.clone(),
            method,
            signer,
            act,
        })
    }

    /// The name of the issuer on the ledger; `None` if it has none there.
    pub fn party(&self) -> Option<&str> {
        self.did.strip_prefix("did:ubin:")
    }

    /// The key that signs credentials and status lists.
    pub const fn signing_key(&self) -> &ed25519_dalek::SigningKey {
        self.signer.signing_key()
    }

    /// Signs bytes with the key that signs credentials.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.signer.sign(bytes)
    }

    /// Why it keeps credentials of a type; `None` if it may not issue them.
    pub fn type_settings(&self, name: &str) -> Option<&TypeSettings> {
        let named = self.types.iter().find(|kind| kind.name == name);
        named.or_else(|| self.types.iter().find(|kind| kind.name == "*"))
    }

    /// A signed transaction of register `vc`; `None` if the issuer is not on the ledger.
    pub fn act(&self, chain: &str, act: &str, args: Value) -> Option<Vec<u8>> {
        let (number, key) = self.act.as_ref()?;
        let op = Value::object([
            ("act", Value::from(act)),
            ("args", args),
            ("chain", Value::from(chain)),
            ("register", Value::from(Register::Vc.name())),
            ("sigs", Value::List(Vec::new())),
        ]);
        let digest = op::digest_of(Register::Vc, &op);
        let signature = OpSignature {
            party: self.party()?.to_owned(),
            key: *number,
            signature: key.sign(&digest.0),
            mandate: None,
        };
        let op = Op::with_signature(&op, &signature);
        Some(Transaction::encode("op", Register::Vc, op))
    }
}
