//! Real nodes: folders, processes, what they use, and what their databases hold in the end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use titian_contracts::error::Code;
use titian_contracts::transaction::Transaction;
use titian_genesis::Genesis;
use titian_node::config::Config;
use titian_node::ledger::Ledger;
use titian_node::node::database_folder;
use titian_node::signer::keystore::NodeKey;

use crate::workload::Workload;

/// Unit of the CPU times in /proc: `getconf CLK_TCK` is 100 on Linux.
const TICK_MS: f64 = 10.0;
const STOP: Duration = Duration::from_secs(30);

/// A network of processes; they end with it.
pub(crate) struct Network {
    pub(crate) nodes: Vec<Node>,
    genesis: PathBuf,
}

/// One process.
pub(crate) struct Node {
    pub(crate) rpc: SocketAddr,
    home: PathBuf,
    process: Child,
}

/// What the processes used.
pub(crate) struct Usage {
    pub(crate) cpu_ms: f64,
}

/// What the databases hold.
pub(crate) struct Total {
    /// Executed operations.
    pub(crate) operations: u64,
    /// Of each act.
    pub(crate) acts: BTreeMap<String, u64>,
    /// Refused ones, by error.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Whether all nodes have the same root at their common height.
    pub(crate) roots_agree: bool,
    /// Bytes of the first node's data folder.
    pub(crate) bytes: u64,
    /// Most memory that one node ever held, MiB.
    pub(crate) rss_mib: f64,
}

impl Network {
    /// Writes the folders, starts the processes and waits until they listen.
    pub(crate) async fn start(home: &Path, work: &Workload, block_time_ms: u64) -> Result<Self> {
        fs::create_dir_all(home)?;
        let genesis = home.join("genesis.json");
        fs::write(&genesis, work.genesis().to_bytes())?;
        let mut nodes = Vec::new();
        for (i, secrets) in (0_u16..).zip(work.nodes()) {
            let home = home.join(format!("node-{}", secrets.cc.to_lowercase()));
            fs::create_dir_all(&home)?;
            NodeKey::from_seed(&secrets.vote_seed).store_new(&home.join("validator.key"))?;
            NodeKey::from_seed(&secrets.peer_seed).store_new(&home.join("network.key"))?;
            let port = work.base_port() + 10 * i;
            let mut config = Config::default();
            config.node.genesis.clone_from(&genesis);
            config.rpc.listen = SocketAddr::from(([127, 0, 0, 1], port + 2));
            config.consensus.listen = format!("/ip4/127.0.0.1/tcp/{port}");
            config.consensus.block_time_ms = block_time_ms;
            config.gossip.listen = format!("/ip4/127.0.0.1/tcp/{}", port + 1);
            fs::write(home.join("config.toml"), config.annotated())?;
            let process = start_process(&home)?;
            nodes.push(Node { rpc: config.rpc.listen, home, process });
        }
        let mut network = Self { nodes, genesis };
        network.wait_until_they_listen().await?;
        Ok(network)
    }

    async fn wait_until_they_listen(&mut self) -> Result<()> {
        let deadline = Instant::now() + STOP;
        for node in &mut self.nodes {
            while tokio::net::TcpStream::connect(node.rpc).await.is_err() {
                let ended = node.process.try_wait()?;
                ensure!(ended.is_none(), "a node ended: {}", log_end(&node.home));
                ensure!(Instant::now() < deadline, "a node does not listen");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// What the processes have used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let mut ticks = 0;
        for node in &self.nodes {
            let path = format!("/proc/{}/stat", node.process.id());
            let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
            // the name in brackets may hold blanks; user and system time are fields 14 and 15
            let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
            let fields = after_name.split(' ').skip(11).take(2);
            ticks += fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
        }
        Ok(Usage { cpu_ms: ticks as f64 * TICK_MS })
    }

    /// Most memory that a node held so far, MiB.
    pub(crate) fn peak_memory_mib(&self) -> f64 {
        let peaks = self.nodes.iter().map(|node| peak_memory_kib(node.process.id()));
        peaks.max().unwrap_or(0) as f64 / 1024.0
    }

    /// Bytes of the first node's data folder.
    pub(crate) fn disk_bytes(&self) -> Result<u64> {
        self.nodes.first().map_or(Ok(0), |node| size_of(&node.home.join("data")))
    }

    /// The last lines of every node's log.
    pub(crate) fn log_ends(&self) -> String {
        self.nodes.iter().map(|node| log_end(&node.home)).collect()
    }

    /// Stops the processes and reads their databases.
    pub(crate) fn stop(mut self) -> Result<Total> {
        let rss_mib = self.peak_memory_mib();
        for node in &mut self.nodes {
            let id = rustix::process::Pid::from_child(&node.process);
            rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        }
        for node in &mut self.nodes {
            let ended = node.process.wait()?;
            ensure!(ended.success(), "a node did not stop in order: {ended}");
        }
        let genesis = Genesis::parse(&fs::read(&self.genesis)?)?;
        let ledgers = self
            .nodes
            .iter()
            .map(|node| Ok(Ledger::open(&data_folder(&node.home), genesis.clone())?))
            .collect::<Result<Vec<Ledger>>>()?;
        let mut total = read_total(&ledgers)?;
        total.rss_mib = rss_mib;
        total.bytes = self.disk_bytes()?;
        Ok(total)
    }
}

impl Usage {
    /// What was used since.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self { cpu_ms: self.cpu_ms - before.cpu_ms }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // a node that was stopped is no error
            let _ = node.process.kill();
            let _ = node.process.wait();
        }
    }
}

/// The folder of a node's database, given the node's folder.
pub(crate) fn data_folder(home: &Path) -> PathBuf {
    home.join(database_folder(&Config::default()))
}

fn start_process(home: &Path) -> Result<Child> {
    let binary = std::env::current_exe()?.with_file_name("titian-node");
    let log = File::create(home.join("node.log"))?;
    Command::new(&binary)
        .arg("run")
        .arg("--config")
        .arg(home.join("config.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| binary.display().to_string())
}

fn log_end(home: &Path) -> String {
    let log = fs::read_to_string(home.join("node.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().take(10).collect();
    let end: Vec<&str> = lines.into_iter().rev().collect();
    format!("--- {}\n{}\n", home.display(), end.join("\n"))
}

fn peak_memory_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn size_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { size_of(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

fn read_total(ledgers: &[Ledger]) -> Result<Total> {
    let common = ledgers.iter().map(|ledger| ledger.head().height).min().unwrap_or(0);
    let roots = ledgers.iter().map(|ledger| ledger.header(common).map(|header| header.state_root));
    let roots: Vec<_> = roots.collect();
    let first = ledgers.first().context("no nodes")?;
    let mut acts = BTreeMap::new();
    let mut refused = BTreeMap::new();
    let mut operations = 0;
    for height in 1..=first.head().height {
        let block = first.block(height).context("a block is missing")?;
        let receipts = first.store().receipts(height);
        ensure!(block.transactions.len() == receipts.len(), "a receipt is missing at {height}");
        for (bytes, receipt) in block.transactions.iter().zip(receipts) {
            operations += 1;
            if let Some((number, field)) = receipt.error {
                let code = Code::by_number(number).map_or("?", Code::name);
                *refused.entry(format!("{code} {field}")).or_insert(0) += 1;
            } else {
                *acts.entry(Transaction::parse(bytes)?.name()).or_insert(0) += 1;
            }
        }
    }
    Ok(Total {
        operations,
        acts,
        refused,
        roots_agree: roots.windows(2).all(|pair| pair[0] == pair[1]),
        bytes: 0,
        rss_mib: 0.0,
    })
}
