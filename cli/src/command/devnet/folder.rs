//! The folder of a devnet: genesis, wallet, one folder per node.
//!
//! Invariant: a folder is complete or not there: it is made beside its place and renamed. Files
//! with keys have mode 0600.
//!
//! ```text
//! net/devnet.json      chain, nodes, ports
//! net/genesis.json     the trust anchor
//! net/wallet.json      root and registrar keys of all states, in the clear
//! net/node-sg/         config.toml validator.key network.key data/ node.log node.pid
//! ```

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use titian_genesis::devnet::{self, Devnet, Plan, REGISTRAR_SCOPES};

use super::process;
use crate::act::{now_ms, random_hex};
use crate::error::{CommandError, Result};
use crate::wallet::{DEVNET_CHAIN_PREFIX, Wallet, WalletKey, write_private};

/// Ports of one node, from its base: consensus, gossip, RPC.
const PORTS_PER_NODE: u16 = 10;
const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const DESCRIPTION: &str = "devnet.json";

/// What `devnet.json` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Description {
    titian_devnet: u64,
    chain: String,
    base_port: u16,
    nodes: Vec<Node>,
}

/// One node of a devnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Node {
    /// The state that runs it.
    pub(crate) ams: String,
    /// Its folder inside the devnet's.
    pub(crate) folder: String,
    /// Its first port: consensus; + 1 gossip, + 2 RPC.
    pub(crate) base_port: u16,
}

impl Node {
    /// Address of its RPC.
    pub(crate) fn rpc(&self) -> SocketAddr {
        SocketAddr::from((HOST, self.base_port + 2))
    }

    /// URL of its RPC.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.rpc())
    }

    /// Every address it listens on, with what for.
    pub(crate) fn listens(&self) -> [(&'static str, SocketAddr); 3] {
        let at = |offset| SocketAddr::from((HOST, self.base_port + offset));
        [("consensus", at(0)), ("gossip", at(1)), ("RPC", at(2))]
    }
}

/// A devnet on disk.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    description: Description,
}

impl Folder {
    /// Opens the devnet at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::find(path)?.ok_or_else(|| {
            CommandError::usage(format!("there is no devnet in {}", path.display()))
                .hint("titian devnet up makes one; --dir DIR names another")
        })
    }

    /// The devnet at `path`, if there is one.
    pub(crate) fn find(path: &Path) -> Result<Option<Self>> {
        let file = path.join(DESCRIPTION);
        let Ok(bytes) = fs::read(&file) else { return Ok(None) };
        let description: Description = serde_json::from_slice(&bytes).map_err(|error| {
            CommandError::usage(format!("{} is damaged: {error}", file.display()))
        })?;
        if description.titian_devnet != 1 {
            return Err(CommandError::usage(format!("{} is of a later version", file.display())));
        }
        let path = path
            .canonicalize()
            .map_err(|error| CommandError::file("open the folder", path, &error))?;
        Ok(Some(Self { path, description }))
    }

    /// Refuses a folder that holds other things.
    pub(crate) fn check_vacant(path: &Path) -> Result<()> {
        if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            let message = format!("{} exists and is no devnet", path.display());
            return Err(CommandError::usage(message).hint("--dir takes another folder"));
        }
        Ok(())
    }

    /// Makes a devnet of `validators` nodes at `path`, which must be vacant. Errors, before anything is
    /// written: a port is taken.
    pub(crate) fn create(path: &Path, validators: u16, base_port: u16) -> Result<Self> {
        let top = base_port.checked_add(validators.saturating_mul(PORTS_PER_NODE));
        if top.is_none() {
            return Err(CommandError::usage("the ports would go beyond 65535")
                .hint("--base-port takes a lower one"));
        }
        let plan = Plan {
            chain: format!("{DEVNET_CHAIN_PREFIX}{}", random_hex::<4>()),
            time_ms: now_ms(),
            validators: usize::from(validators),
            host: HOST.to_string(),
            base_port,
        };
        let mut seed = || {
            let mut bytes = [0; 32];
            rand::rngs::OsRng.fill_bytes(&mut bytes);
            bytes
        };
        let made = devnet::make(&plan, &mut seed).map_err(|error| {
            CommandError::bug(format!("the genesis does not assemble: {error}"))
        })?;
        let description = describe(&plan, &made);
        // what cannot start leaves nothing behind
        description.nodes.iter().try_for_each(process::check_ports)?;
        let staging = staging_path(path)?;
        let written = write_all(&staging, &made, &description);
        written.map_err(|error| CommandError::file("write", &staging, &error))?;
        make_wallet(&staging, &made)?;
        fs::rename(&staging, path).map_err(|error| CommandError::file("make", path, &error))?;
        Self::open(path)
    }

    /// Where it is, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The chain id.
    pub(crate) fn chain(&self) -> &str {
        &self.description.chain
    }

    /// The first port of its first node.
    pub(crate) const fn base_port(&self) -> u16 {
        self.description.base_port
    }

    /// Its nodes.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.description.nodes
    }

    /// Its genesis file.
    pub(crate) fn genesis(&self) -> PathBuf {
        self.path.join("genesis.json")
    }

    /// Its wallet.
    pub(crate) fn wallet(&self) -> PathBuf {
        self.path.join("wallet.json")
    }

    /// A file of a node.
    pub(crate) fn file(&self, node: &Node, name: &str) -> PathBuf {
        self.path.join(&node.folder).join(name)
    }

    /// The URL of the first node that accepts connections, else of the first node.
    pub(crate) fn first_url(&self) -> String {
        let wait = std::time::Duration::from_millis(300);
        let answers =
            |node: &&Node| std::net::TcpStream::connect_timeout(&node.rpc(), wait).is_ok();
        let nodes = self.nodes();
        nodes.iter().find(answers).or(nodes.first()).map(Node::url).unwrap_or_default()
    }
}

fn describe(plan: &Plan, made: &Devnet) -> Description {
    let nodes = made.nodes.iter().zip(0_u16..).map(|(secrets, i)| Node {
        ams: secrets.cc.clone(),
        folder: format!("node-{}", secrets.cc.to_lowercase()),
        base_port: plan.base_port + PORTS_PER_NODE * i,
    });
    Description {
        titian_devnet: 1,
        chain: plan.chain.clone(),
        base_port: plan.base_port,
        nodes: nodes.collect(),
    }
}

fn staging_path(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| CommandError::usage(format!("{} names no folder", path.display())))?;
    let mut name = name.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(name))
}

fn write_all(folder: &Path, made: &Devnet, description: &Description) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut genesis = made.genesis.to_bytes();
    genesis.push(b'\n');
    fs::write(folder.join("genesis.json"), genesis)?;
    for (node, secrets) in description.nodes.iter().zip(&made.nodes) {
        let home = folder.join(&node.folder);
        fs::create_dir_all(home.join("data"))?;
        let hex = |seed: &[u8; 32]| format!("{}\n", hex::encode(seed));
        write_private(&home.join("validator.key"), hex(&secrets.vote_seed).as_bytes())?;
        write_private(&home.join("network.key"), hex(&secrets.peer_seed).as_bytes())?;
        fs::write(home.join("config.toml"), config(node))?;
    }
    let mut text = serde_json::to_string_pretty(description)?;
    text.push('\n');
    fs::write(folder.join(DESCRIPTION), text)
}

/// The configuration of a node; its peers stand in the genesis.
fn config(node: &Node) -> String {
    let [consensus, gossip, rpc] = node.listens().map(|(_, address)| address);
    format!(
        "# Node of {ams} in a throw-away network; made by titian devnet.\n\
         [node]\ngenesis = \"../genesis.json\"\ndata_dir = \"data\"\n\n\
         [rpc]\nlisten = \"{rpc}\"\n\n\
         [consensus]\nlisten = \"/ip4/{HOST}/tcp/{consensus_port}\"\n\
         block_time_ms = 100\npropose_time_ms = 1000\nempty_block_interval_ms = 1000\n\n\
         [gossip]\nlisten = \"/ip4/{HOST}/tcp/{gossip_port}\"\n\n\
         [snapshot]\ninterval_heights = 1000\n",
        ams = node.ams,
        consensus_port = consensus.port(),
        gossip_port = gossip.port(),
    )
}

/// The devnet's wallet: every root and registrar key, in the clear and marked so.
fn make_wallet(folder: &Path, made: &Devnet) -> Result<()> {
    let mut wallet = Wallet::create_insecure(&folder.join("wallet.json"));
    for key in &made.keys {
        let is_root = !key.party.contains(':');
        let purposes: &[&str] = if is_root { &["invoke"] } else { &["invoke", "assert"] };
        let scopes: &[&str] = if is_root { &[] } else { &REGISTRAR_SCOPES };
        let owned = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        wallet.put(WalletKey::from_secret(
            &key.party,
            Some(key.number),
            key.number,
            owned(purposes),
            owned(scopes),
            key.seed,
        ));
    }
    wallet.save()
}
