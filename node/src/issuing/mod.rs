//! Issuing: the issuers whose keys this node holds, and what it makes with them (vc-api.md A§4).
//!
//! Flow: a request names an issuer that the caller's token lists → [`make`] allocates status
//! entries, signs every form, and judges each as a verifier would → custody keeps it → the answer.
//! Invariant: what a verifier would refuse is not issued; nothing is answered before it is on disk.
//!
//! - [`settings`], [`instance`]: issuers in the configuration, and their keys;
//! - [`request`]: what is asked for; [`make`]: requests to secured credentials; `kinds`: their types;
//!   [`slots`]: their status entries;
//! - [`lists`]: signed status lists.
//!
//! It submits nothing: acts on the ledger are the interface's (`rpc/vc_acts.rs`).

pub mod instance;
mod kinds;
pub mod lists;
pub mod make;
pub mod request;
pub mod settings;
pub mod slots;

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use titian_api::Refusal;
use titian_contracts::error::Code;

use crate::custody::Custody;
use crate::store::StoreError;
pub use instance::{Form, Instance, InstanceError};
use lists::Cache;
use settings::IssuerSettings;

/// Why issuing cannot start.
#[derive(Debug, thiserror::Error)]
pub enum IssuingError {
    /// An instance.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// Custody.
    #[error("custody: {0}")]
    Custody(#[from] StoreError),
}

/// The issuers of a node, and what it keeps for them.
#[derive(Debug)]
pub struct Issuing {
    instances: Vec<Instance>,
    /// What it keeps.
    pub custody: Custody,
    chain: String,
    public_url: OnceLock<String>,
    signed: Mutex<Cache>,
    /// One act of an instance on the ledger at a time: each quotes a version.
    turns: Vec<tokio::sync::Mutex<()>>,
}

impl Issuing {
    /// Reads keys and opens custody. `secret` wraps the keys of subjects; `public_url` is empty if
    /// the address of the interface is to be used.
    pub fn open(
        settings: &[IssuerSettings],
        data: &Path,
        secret: &[u8],
        chain: &str,
        public_url: &str,
    ) -> Result<Self, IssuingError> {
        let instances: Vec<Instance> =
            settings.iter().map(Instance::load).collect::<Result<_, _>>()?;
        let turns = instances.iter().map(|_| tokio::sync::Mutex::new(())).collect();
        let url = OnceLock::new();
        if !public_url.is_empty() {
            url.get_or_init(|| public_url.trim_end_matches('/').to_owned());
        }
        Ok(Self {
            instances,
            custody: Custody::open(data, secret, chain)?,
            chain: chain.to_owned(),
            public_url: url,
            signed: Mutex::default(),
            turns,
        })
    }

    /// All instances.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The chain id.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// The instance of a name.
    pub fn by_name(&self, name: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.name == name)
    }

    /// The first instance of an issuer.
    pub fn by_did(&self, did: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.did == did)
    }

    /// Waits until no other act of the issuer of `instance` is under way.
    pub async fn turn(&self, instance: &Instance) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let place = self.instances.iter().position(|known| known.did == instance.did)?;
        Some(self.turns.get(place)?.lock().await)
    }

    /// Where the interface listens, for the addresses of lists; the configured address wins.
    pub fn listens_at(&self, url: &str) {
        self.public_url.get_or_init(|| url.to_owned());
    }

    /// The address of this interface, without `/` at its end.
    pub fn public_url(&self) -> &str {
        self.public_url.get().map_or("http://127.0.0.1", String::as_str)
    }
}

/// A refusal with the code that a verifier would give.
pub fn refused(code: &str, field: &str) -> Refusal {
    match Code::by_name(code) {
        Some(known) => Refusal::new(known, field, "a verifier would refuse it"),
        None => {
            let mut refusal = Refusal::new(Code::CredentialRefused, field, "");
            refusal.data.name = code.to_owned();
            refusal
        }
    }
}
