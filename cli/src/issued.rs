//! What this machine issued: status indices that were given out, and the entries of each
//! credential by its id. Beside the wallet: `<wallet>.issued.json`.
//!
//! Invariant: an index is on disk before the credential that carries it leaves the program, and is
//! never given out twice, also by two processes at once. No claim, subject, holder key or body
//! stands here: the credential is its holder's. Digests are of signed texts, signature included, so
//! that without the issuer's key no guess can be tried on them. Erasing removes the credential and
//! keeps the index.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{CommandError, Result};
use crate::wallet::write_private;

/// A status entry of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Slot {
    /// The list, `SG:ACRA/status/1`.
    pub(crate) list: String,
    /// The profile of the list.
    pub(crate) profile: String,
    /// The entry.
    pub(crate) index: u64,
}

/// A credential that was issued here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Record {
    /// The issuer, as a party.
    pub(crate) issuer: String,
    /// The type.
    pub(crate) type_name: String,
    /// Its forms.
    pub(crate) forms: Vec<String>,
    /// Its status entries.
    pub(crate) status: Vec<Slot>,
    /// Whether its type holds data of natural persons.
    pub(crate) personal: bool,
    /// Copies, each with a holder key and entries of its own.
    pub(crate) copies: u64,
    /// The time that its signatures state, ms.
    pub(crate) issued_ms: u64,
    /// Its last moment, ms.
    pub(crate) until_ms: u64,
    /// Why its data may be processed: the tag that the issuer named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    /// Digests of the signed texts, in the order of the forms; none of forms with random salts, which
    /// nobody can make again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) digests: Vec<String>,
}

/// What belongs to one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Network {
    /// Indices given out, by list.
    #[serde(default)]
    pub(crate) indices: BTreeMap<String, BTreeSet<u64>>,
    /// Credentials by id.
    #[serde(default)]
    pub(crate) credentials: BTreeMap<String, Record>,
    /// Credentials erased, by type.
    #[serde(default)]
    pub(crate) erased: BTreeMap<String, u64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    titian_issued: u64,
    #[serde(default)]
    networks: BTreeMap<String, Network>,
}

/// The records, held under a lock until they are dropped.
#[derive(Debug)]
pub(crate) struct Issued {
    path: PathBuf,
    networks: BTreeMap<String, Network>,
    chain: String,
    _lock: fs::File,
}

impl Issued {
    /// Opens the records beside a wallet, for one network. Waits for another process that has them.
    pub(crate) fn open(wallet: &Path, chain: &str) -> Result<Self> {
        let with = |suffix: &str| {
            let mut name = wallet.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let path = with(".issued.json");
        let lock_path = with(".issued.lock");
        let lock = fs::File::create(&lock_path)
            .map_err(|error| CommandError::file("write", &lock_path, &error))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| CommandError::file("lock", &lock_path, &error.into()))?;
        let damaged = || {
            CommandError::usage(format!("{} is damaged", path.display()))
                .hint("it names the status entries in use; restore it from a backup")
        };
        let file = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<File>(&bytes).map_err(|_| damaged())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                File { titian_issued: 1, ..File::default() }
            }
            Err(error) => return Err(CommandError::file("read", &path, &error)),
        };
        if file.titian_issued != 1 {
            return Err(CommandError::usage(format!("{} is of a later version", path.display())));
        }
        Ok(Self { path, networks: file.networks, chain: chain.to_owned(), _lock: lock })
    }

    /// What stands for the network.
    pub(crate) fn network(&mut self) -> &mut Network {
        self.networks.entry(self.chain.clone()).or_default()
    }

    /// Writes the records: on disk when it returns.
    pub(crate) fn save(&self) -> Result<()> {
        let file = File { titian_issued: 1, networks: self.networks.clone() };
        let text = serde_json::to_string(&file)
            .map_err(|_| CommandError::bug("the records cannot be written as JSON"))?;
        write_private(&self.path, text.as_bytes())
            .map_err(|error| CommandError::file("write", &self.path, &error))
    }
}
