//! Throw-away networks with generated keys, for development, demo, tests and benchmarks.
//!
//! It goes the same way as a real ceremony: every state signs its contribution, and the genesis is
//! assembled from them. Seeds come from the caller; this crate has no randomness.

use ed25519_dalek::{Signer as _, SigningKey};

use titian_contracts::access::Purpose;
use titian_contracts::json::Value;

use crate::contribution::{self, Authority, Contribution, Draft, OfficeKey, ValidatorNode};
use crate::template::Template;
use crate::{Genesis, GenesisError};

/// The eleven member states in the order in which devnets take them, each with its national
/// register's short name.
pub const STATES: [(&str, &str, &str); 11] = [
    ("SG", "Singapore", "ACRA"),
    ("MY", "Malaysia", "SSM"),
    ("TH", "Thailand", "DBD"),
    ("VN", "Viet Nam", "NBR"),
    ("ID", "Indonesia", "AHU"),
    ("PH", "Philippines", "SEC"),
    ("BN", "Brunei Darussalam", "ROCBN"),
    ("KH", "Cambodia", "MOC"),
    ("LA", "Lao PDR", "DERM"),
    ("MM", "Myanmar", "DICA"),
    ("TL", "Timor-Leste", "SERVE"),
];

/// What a registrar authority may sign on a devnet.
pub const REGISTRAR_SCOPES: [&str; 6] =
    ["ubin.*", "vc.*", "access.key_*", "access.recover*", "access.deactivate", "etr.*"];

/// What a devnet is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The chain id.
    pub chain: String,
    /// Block time of height 0, ms.
    pub time_ms: u64,
    /// Validators: the first n of [`STATES`]. All states are members.
    pub validators: usize,
    /// The host that nodes listen on, an IPv4 address.
    pub host: String,
    /// Node i uses ports base + 10 i (consensus) and + 1 (gossip).
    pub base_port: u16,
}

/// A secret key of a devnet, with the party and number it has on the ledger.
#[derive(Clone)]
pub struct DevKey {
    /// The party.
    pub party: String,
    /// The key number.
    pub number: u64,
    /// The Ed25519 seed.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for DevKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DevKey({}#k{})", self.party, self.number)
    }
}

/// The secrets of one validator.
#[derive(Clone)]
pub struct NodeSecrets {
    /// The state that runs it.
    pub cc: String,
    /// Seed of the vote key.
    pub vote_seed: [u8; 32],
    /// Seed of the network identity.
    pub peer_seed: [u8; 32],
}

impl std::fmt::Debug for NodeSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeSecrets({})", self.cc)
    }
}

/// A devnet: its genesis and every secret.
#[derive(Clone, Debug)]
pub struct Devnet {
    /// The genesis.
    pub genesis: Genesis,
    /// Root keys and registrar keys of all states.
    pub keys: Vec<DevKey>,
    /// One entry per validator, in the order of [`STATES`].
    pub nodes: Vec<NodeSecrets>,
}

/// Makes a devnet; `seed` gives a fresh secret at every call.
pub fn make(plan: &Plan, seed: &mut dyn FnMut() -> [u8; 32]) -> Result<Devnet, GenesisError> {
    let mut keys = Vec::new();
    let mut nodes = Vec::new();
    let mut contributions = Vec::new();
    for (i, (cc, name, office)) in STATES.iter().enumerate() {
        let root = new_keys(cc, 2, seed);
        let registrar = new_keys(&format!("{cc}:{office}"), 2, seed);
        let validator = (i < plan.validators).then(|| {
            let secrets =
                NodeSecrets { cc: (*cc).to_owned(), vote_seed: seed(), peer_seed: seed() };
            nodes.push(secrets.clone());
            validator_node(plan, i, &secrets)
        });
        let draft = Draft {
            cc: (*cc).to_owned(),
            name: (*name).to_owned(),
            chain: plan.chain.clone(),
            root_k: 2,
            root_keys: root.iter().map(public).collect(),
            authorities: vec![registrar_authority(office, &registrar)],
            validator,
            legal: legal_entries(cc),
            registers: Vec::new(),
        };
        contributions.push(sign(&draft, &root)?);
        keys.extend(root);
        keys.extend(registrar);
    }
    let template = Template {
        chain: plan.chain.clone(),
        time_ms: plan.time_ms,
        app_version: 1,
        unicode_version: "14.0.0".to_owned(),
        sandbox: true,
        consultation_s: 0,
        members: STATES.iter().map(|(cc, _, _)| (*cc).to_owned()).collect(),
    };
    let genesis = Genesis::assemble(&template, &contributions)?;
    Ok(Devnet { genesis, keys, nodes })
}

fn new_keys(party: &str, count: u64, seed: &mut dyn FnMut() -> [u8; 32]) -> Vec<DevKey> {
    (1..=count).map(|number| DevKey { party: party.to_owned(), number, seed: seed() }).collect()
}

fn public(key: &DevKey) -> [u8; 32] {
    SigningKey::from_bytes(&key.seed).verifying_key().to_bytes()
}

fn registrar_authority(office: &str, keys: &[DevKey]) -> Authority {
    let scopes: Vec<String> = REGISTRAR_SCOPES.iter().map(|s| (*s).to_owned()).collect();
    Authority {
        name: office.to_owned(),
        scopes: scopes.clone(),
        r2: 2,
        keys: keys
            .iter()
            .map(|key| OfficeKey {
                public_key: public(key),
                purposes: vec![Purpose::Invoke, Purpose::Assert],
                scopes: scopes.clone(),
                officer: key.number,
            })
            .collect(),
    }
}

fn validator_node(plan: &Plan, index: usize, secrets: &NodeSecrets) -> ValidatorNode {
    let port = |offset: usize| usize::from(plan.base_port) + 10 * index + offset;
    let public = |seed: &[u8; 32]| SigningKey::from_bytes(seed).verifying_key().to_bytes();
    ValidatorNode {
        public_key: public(&secrets.vote_seed),
        peer_key: public(&secrets.peer_seed),
        consensus: format!("/ip4/{}/tcp/{}", plan.host, port(0)),
        gossip: format!("/ip4/{}/tcp/{}", plan.host, port(1)),
    }
}

/// Singapore's statute is in force; the other entries start as unknown (etr-profiles.md §4).
fn legal_entries(cc: &str) -> Vec<Value> {
    let policy = Value::object([
        ("contractual", Value::from("warn")),
        ("excluded", Value::from("block")),
        ("full", Value::from("allow")),
        ("unknown", Value::from("warn")),
    ]);
    let entry = |instrument: &str, status: &str, since: u64, citation: &str| {
        Value::object([
            ("ams", Value::from(cc)),
            ("citation", Value::from(citation)),
            ("class", Value::from("*")),
            ("excludes", Value::List(Vec::new())),
            ("instrument", Value::from(instrument)),
            ("policy", policy.clone()),
            ("presumption", Value::from("none")),
            ("sinceMs", Value::from(since)),
            ("status", Value::from(status)),
            ("version", Value::Int(1)),
        ])
    };
    match cc {
        // commenced 19 March 2021
        "SG" => vec![entry(
            "MLETR",
            "in_force",
            1_616_083_200_000,
            "Electronic Transactions Act 2010, Part 2A",
        )],
        _ => vec![entry("none", "unknown", 0, "none recorded")],
    }
}

fn sign(draft: &Draft, root: &[DevKey]) -> Result<Contribution, GenesisError> {
    let unsigned = contribution::unsigned(draft);
    let digest = Contribution::digest(&unsigned);
    let signatures: Vec<[u8; 64]> = root
        .iter()
        .map(|key| SigningKey::from_bytes(&key.seed).sign(&digest.0).to_bytes())
        .collect();
    Contribution::from_value(contribution::signed(&unsigned, &signatures)).map_err(|reject| {
        GenesisError::Form { file: format!("contribution of {}", draft.cc), reject }
    })
}
