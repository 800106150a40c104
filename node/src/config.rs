//! The configuration of a node: one TOML file, every key documented once, in the table below.
//!
//! Invariant: a key that is not in the table is refused with line and column, a variable with its
//! name. What the file leaves out has the default of the table; `TITIAN_<SECTION>_<KEY>` in the
//! environment comes before the file. Limits may be tightened here, never widened. Relative paths
//! start at the file's folder.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};
use titian_contracts::limits;
use titian_credential::guard::is_absolute_iri;

use crate::gossip::ListedPeer;
use crate::issuing::settings::{self, IssuerSettings};
use crate::rpc::Verifier;
use crate::rpc::auth::Integrator;
use crate::telemetry;

macro_rules! sections {
    ($($field:ident: $section:ident, $about:literal {
        $($key:ident: $kind:ty = $default:expr, $help:literal;)*
    })*) => {
        /// The whole configuration.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $(#[doc = $about] pub $field: $section,)*
            /// The issuers whose credentials this node signs.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub issuer: Vec<IssuerSettings>,
        }

        $(
            #[doc = $about]
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $section {
                $(#[doc = $help] pub $key: $kind,)*
            }

            impl Default for $section {
                fn default() -> Self {
                    Self { $($key: $default,)* }
                }
            }
        )*

        /// Sections with their help, and the keys of each with theirs.
        const TABLE: &[(&str, &str, &[(&str, &str)])] = &[
            $((stringify!($field), $about, &[$((stringify!($key), $help),)*]),)*
        ];
    };
}

sections! {
    node: NodeSection, "This node." {
        kind: NodeKind = NodeKind::Full,
            "What it keeps of blocks and history: full (the last 1,000,000 heights), archive (all), light (1,000). State and bodies are kept by all.";
        keep_heights: u64 = 0, "How many heights a full or light node keeps instead, 10 at least; 0 = as its kind says.";
        data_dir: PathBuf = "data".into(), "Folder of the database, the engine's log and the vote guard.";
        genesis: PathBuf = "genesis.json".into(), "The genesis file of the network.";
        validator_key: PathBuf = "validator.key".into(),
            "Key file for votes, mode 0600. A node whose key is not in the validator set observes.";
        network_key: PathBuf = "network.key".into(), "Key file for the identity in both networks, mode 0600.";
        search: bool = true, "Keep an index of names for ubin_search, beside the database. No block depends on it.";
    }
    rpc: RpcSection, "JSON-RPC, REST, health and metrics." {
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 26_650)), "Address of the public port.";
        connections_max: usize = limits::RPC_CONNECTIONS_MAX, "Connections in all.";
        connections_per_address_max: usize = limits::RPC_CONNECTIONS_PER_ADDRESS_MAX,
            "Connections from one address.";
        calls_per_s_max: u32 = 2_000,
            "Calls per second from one address, bursts of twice as many; loopback is not limited; 0 = no limit.";
        verifiers: Vec<String> = Vec::new(),
            "Instances of the VC API's verifier, each `name policy` or `name policy CC`: policy ledger, w3c or signature, CC the state in which credentials shall count.";
        integrators: Vec<String> = Vec::new(),
            "Systems that sign tokens of their own, each `name key scope…`: the key in 64 hex digits, then what it may be granted, such as etr:read, the DIDs of issuers it may act for, and the UBINs of parties whose records it may read.";
        tls: bool = false, "TLS 1.3 on loopback too; an address that is not loopback always has it.";
        tls_certificate: PathBuf = "tls.crt".into(),
            "Certificate chain in PEM. If it and the key are not there, a self-signed one is made at the first start with TLS.";
        tls_key: PathBuf = "tls.key".into(), "Its key in PEM (PKCS#8), mode 0600.";
        public_url: String = String::new(),
            "Address under which others reach this interface, https://node.example:26650; it stands in the status lists that the node keeps itself; empty = as it listens.";
    }
    admin: AdminSection, "The admin namespace node_*: loopback only, with a token." {
        secret: PathBuf = "admin.secret".into(),
            "Secret of its tokens (HS256), mode 0600; made at the first start.";
        token_key: PathBuf = "token.key".into(),
            "Key of the tokens that `titian-node token` makes, mode 0600; made at the first use. Without the file none counts.";
    }
    custody: CustodySection, "What is kept of issued credentials; only if there is an [[issuer]]." {
        secret: PathBuf = "custody.secret".into(),
            "Secret that wraps the keys of subjects, mode 0600; made at the first start. Without it nothing kept can be read.";
    }
    consensus: ConsensusSection, "The consensus network and the pace of blocks." {
        listen: String = "/ip4/0.0.0.0/tcp/26600".to_owned(), "Address of the consensus network.";
        peers: Vec<String> = Vec::new(),
            "Peers besides the validators of the genesis: /ip4/…/tcp/26600/p2p/<peer id>, or /dns4/….";
        block_time_ms: u64 = 500, "Time from block to block under load, ms. 100 suits one machine.";
        propose_time_ms: u64 = 1_000, "How long a proposer may take before the next one has its turn, ms.";
        empty_block_interval_ms: u64 = 10_000, "Time between blocks when there is nothing to do, ms.";
    }
    gossip: GossipSection, "The mempool's network." {
        listen: String = "/ip4/0.0.0.0/tcp/26601".to_owned(), "Its address; empty = only dials.";
        peers: Vec<String> = Vec::new(),
            "Peers besides the validators of the genesis; /p2p/<peer id> alone for a peer that dials us.";
    }
    mempool: MempoolSection, "What may wait for a block." {
        transactions_max: usize = limits::MEMPOOL_TRANSACTIONS_MAX, "Transactions.";
        bytes_max: usize = limits::MEMPOOL_BYTES_MAX, "Bytes.";
        age_ms_max: u64 = limits::MEMPOOL_AGE_MS_MAX, "Age at which a transaction is dropped, ms.";
        verify_threads: usize = 0, "Threads that verify signatures; 0 = one per core.";
    }
    snapshot: SnapshotSection, "Snapshots of the state and of the UBIN register." {
        interval_heights: u64 = 10_000, "One every so many heights; 0 = none.";
        keep: usize = 3, "How many stay.";
    }
    backup: BackupSection, "Backups that `titian-node backup` makes." {
        folder: PathBuf = PathBuf::new(),
            "Where they lie, better on another disk; empty = the folder backups of the data folder.";
        keep: usize = 7, "How many stay. What is erasable stays in none longer than 30 days.";
    }
    log: LogSection, "Logs, to standard error." {
        level: String = "info,arc_malachitebft=warn,libp2p=warn".to_owned(), "error, warn, info, debug, trace, or a filter per module.";
        format: LogFormat = LogFormat::Text, "text or json.";
    }
}

/// What an issuer instance looks like, for [`Config::annotated`].
const ISSUER_EXAMPLE: &str = r#"
# An issuer whose credentials this node signs; one table for each.
# [[issuer]]
# name = "customs"                      # in paths: /issuers/customs/credentials/issue
# did = "did:ubin:SG:CUSTOMS"           # or did:key:…, did:jwk:… under policy w3c
# key = "k2"                            # its key with purpose assert
# key_file = "customs-k2.key"
# act_key = "k1"                        # its key with purpose invoke; left out: the same
# act_key_file = "customs-k1.key"
# form = "eddsa-jcs-2022"               # eddsa-rdfc-2022, vc+jwt, dc+sd-jwt
# policy = "ledger"                     # or w3c
# lists = ["SG:CUSTOMS/status/1"]       # left out: all of its status lists
# [[issuer.type]]
# name = "AEOAuthorisation"
# purpose = "trade facilitation"
# legal_basis = "Customs Act"
# retention_days = 1827                 # 0 = as long as the credential lives
"#;

/// What a node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// The last [`FULL_HEIGHTS`](crate::pruning::FULL_HEIGHTS).
    Full,
    /// Everything.
    Archive,
    /// The last [`LIGHT_HEIGHTS`](crate::pruning::LIGHT_HEIGHTS).
    Light,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A place in the file is wrong.
    Place {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A variable of the environment is wrong.
    Variable {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Values that do not go.
    Values {
        /// One sentence each, with the key.
        problems: Vec<String>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Place { path, line, column, reason } => {
                write!(f, "{}:{line}:{column}: {reason}", path.display())
            }
            Self::Variable { name, reason } => write!(f, "environment variable {name}: {reason}"),
            Self::Values { problems } => f.write_str(&problems.join("; ")),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads a file and the process environment, and checks the values.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError::File { path: path.to_owned(), reason: e.to_string() })?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        if let Some(name) = unknown_variable(names) {
            let reason = "its section has no such key".to_owned();
            return Err(ConfigError::Variable { name, reason });
        }
        Self::read(path, &text, |name| std::env::var(name).ok())
    }

    /// Reads the text of a file; `variable` gives the environment.
    pub fn read(
        path: &Path,
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|fault| {
            let (line, column) = place_of(text, fault.span().map_or(0, |span| span.start));
            let reason = fault.message().to_owned();
            ConfigError::Place { path: path.to_owned(), line, column, reason }
        })?;
        for (section, _, keys) in TABLE {
            for (key, _) in *keys {
                let name = variable_name(section, key);
                if let Some(value) = variable(&name) {
                    config = config
                        .with(section, key, &value)
                        .map_err(|reason| ConfigError::Variable { name, reason })?;
                }
            }
        }
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(ConfigError::Values { problems });
        }
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The configuration with every key, its help and its value.
    pub fn annotated(&self) -> String {
        let values = toml::Table::try_from(self).expect("every section is a table of plain values");
        let mut text = String::from(
            "# Configuration of a Titian node. Keys left out have the value shown by\n\
             # `titian-node init --print-config`. TITIAN_<SECTION>_<KEY> in the environment\n\
             # comes before this file.\n",
        );
        for (section, about, keys) in TABLE {
            text.push_str(&format!("\n# {about}\n[{section}]\n"));
            for (key, help) in *keys {
                let value = values.get(*section).and_then(|section| section.get(*key));
                let value = value.expect("the table and the struct are made of the same list");
                text.push_str(&format!("# {help}\n{key} = {value}\n"));
            }
        }
        text.push_str(ISSUER_EXAMPLE);
        text
    }

    /// Section, key and help of every key, for the documentation.
    pub fn keys() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        TABLE.iter().flat_map(|(section, _, keys)| {
            keys.iter().map(move |(key, help)| (*section, *key, *help))
        })
    }

    /// The allow-list of the mempool's network; checked when the file was read.
    pub fn gossip_peers(&self) -> Vec<ListedPeer> {
        self.gossip.peers.iter().filter_map(|text| ListedPeer::parse(text)).collect()
    }

    /// The systems that may call with tokens of their own; checked when the file was read.
    pub fn integrators(&self) -> Vec<Integrator> {
        self.rpc.integrators.iter().filter_map(|text| Integrator::parse(text)).collect()
    }

    /// Whether the interface speaks TLS: plain HTTP stays on this machine.
    pub fn needs_tls(&self) -> bool {
        self.rpc.tls || !self.rpc.listen.ip().to_canonical().is_loopback()
    }

    /// The instances of the verifier; checked when the file was read.
    pub fn verifiers(&self) -> Vec<Verifier> {
        self.rpc.verifiers.iter().filter_map(|text| Verifier::parse(text)).collect()
    }

    /// Where the mempool's network listens.
    pub fn gossip_listen(&self) -> Vec<Multiaddr> {
        self.gossip.listen.parse().into_iter().filter(|a: &Multiaddr| !a.is_empty()).collect()
    }

    fn with(&self, section: &str, key: &str, value: &str) -> Result<Self, String> {
        let mut table = toml::Table::try_from(self).map_err(|e| e.to_string())?;
        let place = table
            .get_mut(section)
            .and_then(|section| section.get_mut(key))
            .expect("the table and the struct are made of the same list");
        *place = match place {
            toml::Value::String(_) => toml::Value::String(value.to_owned()),
            toml::Value::Array(_) if !value.trim_start().starts_with('[') => toml::Value::Array(
                value
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| toml::Value::String(item.to_owned()))
                    .collect(),
            ),
            _ => value
                .parse()
                .map_err(|_| "a number, true or false, or a list is expected".to_owned())?,
        };
        table.try_into().map_err(|e: toml::de::Error| e.message().to_owned())
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |good: bool, problem: &str| {
            if !good {
                problems.push(problem.to_owned());
            }
        };
        let within = |value: usize, max: usize| value >= 1 && value <= max;
        check(
            self.node.keep_heights == 0
                || (self.node.kind != NodeKind::Archive && self.node.keep_heights >= 10),
            "node.keep_heights: 10 at least, or 0; an archive node keeps all",
        );
        check(
            (50..=10_000).contains(&self.consensus.block_time_ms),
            "consensus.block_time_ms: 50 to 10,000",
        );
        check(
            (100..=10_000).contains(&self.consensus.propose_time_ms),
            "consensus.propose_time_ms: 100 to 10,000",
        );
        check(
            self.consensus.empty_block_interval_ms >= self.consensus.block_time_ms
                && self.consensus.empty_block_interval_ms <= 600_000,
            "consensus.empty_block_interval_ms: block_time_ms to 600,000",
        );
        check(
            is_listen_address(&self.consensus.listen),
            "consensus.listen: an address such as /ip4/0.0.0.0/tcp/26600",
        );
        check(
            self.gossip.listen.is_empty() || is_listen_address(&self.gossip.listen),
            "gossip.listen: an address such as /ip4/0.0.0.0/tcp/26601, or empty",
        );
        check(
            self.consensus
                .peers
                .iter()
                .all(|text| ListedPeer::parse(text).is_some_and(|peer| !peer.addresses.is_empty())),
            "consensus.peers: each must end in /p2p/<peer id> and have an address",
        );
        check(
            self.gossip.peers.iter().all(|text| ListedPeer::parse(text).is_some()),
            "gossip.peers: each must end in /p2p/<peer id>",
        );
        check(self.gossip.peers.len() <= limits::PEERS_MAX, "gossip.peers: at most 64");
        check(self.consensus.peers.len() <= limits::PEERS_MAX, "consensus.peers: at most 64");
        check(
            within(self.mempool.transactions_max, limits::MEMPOOL_TRANSACTIONS_MAX),
            "mempool.transactions_max: 1 to 20,000",
        );
        check(
            self.mempool.bytes_max <= limits::MEMPOOL_BYTES_MAX
                && self.mempool.bytes_max >= 2 * limits::IMPORT_PART_BYTES_MAX,
            "mempool.bytes_max: 524,544 to 67,108,864",
        );
        check(
            (1_000..=limits::MEMPOOL_AGE_MS_MAX).contains(&self.mempool.age_ms_max),
            "mempool.age_ms_max: 1,000 to 120,000",
        );
        check(
            self.rpc.integrators.iter().all(|text| Integrator::parse(text).is_some()),
            "rpc.integrators: each must be a name, 64 hex digits of an Ed25519 key, and scopes",
        );
        check(
            self.rpc.public_url.is_empty()
                || (self.rpc.public_url.starts_with("http")
                    && is_absolute_iri(&self.rpc.public_url)),
            "rpc.public_url: an address such as https://node.example:26650",
        );
        check(self.rpc.integrators.len() <= limits::INTEGRATORS_MAX, "rpc.integrators: at most 64");
        check(
            self.rpc.verifiers.iter().all(|text| Verifier::parse(text).is_some()),
            "rpc.verifiers: each must be a name, a policy, and perhaps a state",
        );
        check(self.rpc.verifiers.len() <= limits::VERIFIERS_MAX, "rpc.verifiers: at most 32");
        check(
            self.snapshot.interval_heights == 0
                || self.snapshot.interval_heights >= limits::SNAPSHOT_INTERVAL_MIN,
            "snapshot.interval_heights: 10 or more, or 0",
        );
        check(within(self.snapshot.keep, limits::SNAPSHOTS_MAX), "snapshot.keep: 1 to 100");
        check(within(self.backup.keep, limits::BACKUPS_MAX), "backup.keep: 1 to 1,000");
        check(self.mempool.verify_threads <= 256, "mempool.verify_threads: at most 256");
        check(
            within(self.rpc.connections_max, limits::RPC_CONNECTIONS_MAX),
            "rpc.connections_max: 1 to 1,024",
        );
        check(
            within(self.rpc.connections_per_address_max, limits::RPC_CONNECTIONS_PER_ADDRESS_MAX),
            "rpc.connections_per_address_max: 1 to 100",
        );
        check(
            telemetry::parse_level(&self.log.level).is_ok(),
            "log.level: error, warn, info, debug, trace, or a filter",
        );
        problems.extend(settings::problems(&self.issuer));
        problems
    }

    fn resolve_paths(&mut self, folder: &Path) {
        for path in [
            &mut self.node.data_dir,
            &mut self.node.genesis,
            &mut self.node.validator_key,
            &mut self.node.network_key,
            &mut self.admin.secret,
            &mut self.admin.token_key,
            &mut self.custody.secret,
            &mut self.rpc.tls_certificate,
            &mut self.rpc.tls_key,
        ] {
            *path = folder.join(&*path);
        }
        if !self.backup.folder.as_os_str().is_empty() {
            self.backup.folder = folder.join(&self.backup.folder);
        }
        for issuer in &mut self.issuer {
            for path in std::iter::once(&mut issuer.key_file).chain(&mut issuer.act_key_file) {
                *path = folder.join(&*path);
            }
        }
    }
}

/// The environment variable of a key.
pub fn variable_name(section: &str, key: &str) -> String {
    format!("TITIAN_{}_{}", section.to_uppercase(), key.to_uppercase())
}

/// The first of these names that starts as a variable of a section and stands for none of its keys: a
/// slip of the pen would go unnoticed.
pub fn unknown_variable(names: impl IntoIterator<Item = String>) -> Option<String> {
    names.into_iter().find(|name| {
        TABLE.iter().any(|(section, _, keys)| {
            name.starts_with(&variable_name(section, ""))
                && !keys.iter().any(|(key, _)| *name == variable_name(section, key))
        })
    })
}

fn is_listen_address(text: &str) -> bool {
    text.parse::<Multiaddr>().is_ok_and(|address| !address.is_empty())
}

/// Line and column, from 1, of a byte offset.
fn place_of(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}
