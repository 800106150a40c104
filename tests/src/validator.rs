//! One validator as a process of its own, with a real database, which tests may kill at any time.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use rustix::process::{Pid, Signal, kill_process};
use titian_genesis::Genesis;
use titian_genesis::devnet::Plan;
use titian_node::config::Config;
use titian_node::ledger::Ledger;
use titian_node::node::database_folder;
use titian_node::signer::keystore::NodeKey;

use crate::served::now_ms;
use crate::world::World;

/// How long a node may take to listen or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The validator; its process ends with it.
#[derive(Debug)]
pub struct Validator {
    home: PathBuf,
    genesis: Genesis,
    rpc: SocketAddr,
    process: Option<Child>,
}

/// A devnet of one validator whose ports start at `base_port` and whose genesis is of now.
pub fn world_of_one(base_port: u16) -> World {
    World::on(&Plan {
        chain: "titian-one-1".to_owned(),
        time_ms: now_ms(),
        validators: 1,
        host: "127.0.0.1".to_owned(),
        base_port,
    })
}

impl Validator {
    /// Writes keys and configuration of the only validator of `world` into the empty folder `home`.
    /// `change` adapts the configuration.
    pub fn new(
        home: &Path,
        world: &World,
        base_port: u16,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let secrets = world.nodes.first().expect("a validator");
        let genesis = home.join("genesis.json");
        fs::write(&genesis, world.genesis.to_bytes()).expect("the folder takes files");
        let vote = NodeKey::from_seed(&secrets.vote_seed);
        vote.store_new(&home.join("validator.key")).expect("a new key file");
        let peer = NodeKey::from_seed(&secrets.peer_seed);
        peer.store_new(&home.join("network.key")).expect("a new key file");
        let mut config = Config::default();
        config.node.genesis = genesis;
        config.consensus.listen = format!("/ip4/127.0.0.1/tcp/{base_port}");
        config.gossip.listen = format!("/ip4/127.0.0.1/tcp/{}", base_port + 1);
        config.rpc.listen = SocketAddr::from(([127, 0, 0, 1], base_port + 2));
        change(&mut config);
        fs::write(home.join("config.toml"), config.annotated()).expect("the folder takes files");
        Self {
            home: home.to_owned(),
            genesis: world.genesis.clone(),
            rpc: config.rpc.listen,
            process: None,
        }
    }

    /// Starts the process.
    pub fn start(&mut self) {
        let own = std::env::current_exe().expect("the test knows its own path");
        let release = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
        let binary = release.join("titian-node");
        assert!(binary.is_file(), "{} is missing: build the workspace", binary.display());
        let log = File::options().create(true).append(true).open(self.home.join("node.log"));
        let log = log.expect("a log file");
        let process = Command::new(binary)
            .arg("run")
            .arg("--config")
            .arg(self.home.join("config.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn();
        self.process = Some(process.expect("the node starts"));
    }

    /// A client, as soon as the node listens.
    pub async fn client(&self) -> WsClient {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = format!("ws://{}", self.rpc);
            match WsClientBuilder::default().build(url).await {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < deadline, "{error}\n{}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the process without any notice (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process is ours");
            process.wait().expect("it ends");
        }
    }

    /// Has the node stop in order, and opens its ledger.
    pub fn stop(mut self) -> Ledger {
        if let Some(mut process) = self.process.take() {
            kill_process(Pid::from_child(&process), Signal::TERM).expect("the process is ours");
            let ended = process.wait().expect("it ends");
            assert!(ended.success(), "the node did not stop in order: {ended}\n{}", self.log());
        }
        let folder = self.home.join(database_folder(&Config::default()));
        Ledger::open(&folder, self.genesis.clone()).expect("the ledger opens")
    }

    /// The end of the node's log.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.home.join("node.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        self.kill();
    }
}
