//! A running node: what is started, in which order, and how it stops.
//!
//! Order: ledger (rebuilds the tree, compares roots), mempool, consensus, gossip, delivery of sealed
//! contents, name search, interface. It stops in reverse, so that nobody is answered by something that is gone.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use libp2p::Multiaddr;
use prometheus_client::registry::Registry;
use titian_contracts::block::validator_address;
use titian_contracts::error::Reject;
use titian_contracts::transaction::TransactionId;
use titian_genesis::Genesis;
use tokio::sync::{broadcast, watch};

use crate::application::LedgerApplication;
use crate::backup::Backups;
use crate::config::Config;
use crate::consensus::{self, ConsensusConfig, Engine, EngineStatus, Phase};
use crate::delivery::judge::Homes;
use crate::delivery::{self, Delivery};
use crate::envelopes::{Bounds, Envelopes};
use crate::gossip::{Gossip, GossipConfig, ListedPeer, peers_of};
use crate::issuing::Issuing;
use crate::ledger::Ledger;
use crate::mempool::pool::Quotas;
use crate::mempool::{Mempool, MempoolConfig};
use crate::pruning;
use crate::rpc::tls::Tls;
use crate::rpc::{self, Admission, Health, Waiting};
use crate::search::{self, Search};
use crate::shutdown::Stop;
use crate::signer::keystore::NodeKey;
use crate::snapshot::Snapshots;
use crate::sole::{self, Voter};
use crate::space::Space;
use crate::telemetry::{EnvelopeMetrics, GossipMetrics, LogControl, MempoolMetrics, print_figures};

/// A head older than this is behind, unless blocks are rarer by configuration.
const HEAD_AGE_MS_MAX: u64 = 60_000;

/// The folder of the database within the data folder.
pub fn database_folder(config: &Config) -> PathBuf {
    config.node.data_dir.join("ledger")
}

/// The folder of the index of names within the data folder.
pub fn search_folder(config: &Config) -> PathBuf {
    config.node.data_dir.join("search")
}

/// The folder of the engine's log and the double-sign guard within the data folder.
pub fn consensus_folder(config: &Config) -> PathBuf {
    config.node.data_dir.join("consensus")
}

/// The double-sign guard.
pub fn guard_file(config: &Config) -> PathBuf {
    consensus_folder(config).join("guard")
}

/// The snapshots of a node, in the data folder.
pub fn snapshots_of(config: &Config) -> Snapshots {
    let folder = config.node.data_dir.join("snapshots");
    Snapshots::new(folder, config.snapshot.interval_heights, config.snapshot.keep)
}

/// The backups of a node.
pub fn backups_of(config: &Config) -> Backups {
    let folder = match config.backup.folder.as_os_str().is_empty() {
        true => config.node.data_dir.join("backups"),
        false => config.backup.folder.clone(),
    };
    Backups::new(folder, config.backup.keep)
}

/// Runs a node until it is asked to stop, or until it cannot go on.
///
/// `new_vote_guard` lets a validator vote whose double-sign guard is lost: the operator's word that
/// its key signed nothing above what the node holds.
pub async fn run(
    config: Config,
    logs: LogControl,
    stop: Stop,
    new_vote_guard: bool,
) -> anyhow::Result<()> {
    rpc::auth::install();
    let bytes = std::fs::read(&config.node.genesis)
        .with_context(|| format!("genesis {}", config.node.genesis.display()))?;
    let genesis = Genesis::parse(&bytes)?;
    let network_key = NodeKey::load(&config.node.network_key)?;
    std::fs::create_dir_all(&config.node.data_dir)
        .with_context(|| format!("data folder {}", config.node.data_dir.display()))?;
    let ledger = Ledger::open(&database_folder(&config), genesis)?;
    let ended = run_on(&config, &ledger, &network_key, logs, stop, new_vote_guard).await;
    ledger.finish();
    ended
}

/// Starts everything on an open ledger, and stops it in reverse.
async fn run_on(
    config: &Config,
    ledger: &Ledger,
    network_key: &NodeKey,
    logs: LogControl,
    mut stop: Stop,
    new_vote_guard: bool,
) -> anyhow::Result<()> {
    check_addresses(ledger.genesis())?;
    let identity = Identity::load(config, ledger)?;
    let mempool_metrics = MempoolMetrics::default();
    let gossip_metrics = GossipMetrics::default();
    let envelope_metrics = EnvelopeMetrics::default();
    let mut registry = Registry::default();
    mempool_metrics.register(&mut registry);
    gossip_metrics.register(&mut registry);
    envelope_metrics.register(&mut registry);

    let mempool = open_mempool(config, ledger, mempool_metrics)?;
    let (tasks_stop, tasks_stopped) = watch::channel(false);
    let space = Space::default();
    let watching =
        space.clone().watch(config.node.data_dir.clone(), mempool.clone(), tasks_stopped.clone());
    tokio::spawn(watching);

    let voter = identity.vote.then(|| Voter::claim(ledger.chain(), &identity.address));
    let settings = ConsensusConfig {
        voter: voter.transpose()?.map(Arc::new),
        new_guard: new_vote_guard,
        ..engine_settings(config, ledger, network_key, &identity)
    };
    check_ports(config)?;
    let engine =
        start_engine(settings, ledger, &mempool, &identity, space.clone(), &tasks_stopped).await?;
    let listed = peers_of(ledger.genesis()).into_iter().chain(config.gossip_peers()).collect();
    let gossip = GossipConfig {
        chain: ledger.chain().to_owned(),
        listen: config.gossip_listen(),
        peers: listed,
        metrics: gossip_metrics,
    };
    let mut gossip = Gossip::start(gossip, network_key.identity(), mempool.clone()).await?;
    let envelopes = Arc::new(
        Envelopes::open(&config.node.data_dir, Bounds::default(), envelope_metrics)
            .map_err(|reject| anyhow::anyhow!("sealed contents: {reject}"))?,
    );
    let homes = Arc::new(Homes::of(ledger.genesis(), &network_key.public_key()));
    let delivery = start_delivery(ledger, &envelopes, &homes, &mut gossip)?;
    let (health, health_seen) = watch::channel(Health::default());
    let snapshots = snapshots_of(config);
    let keep_up = snapshots.clone().keep_up(ledger.clone(), space.clone(), tasks_stopped.clone());
    let keep_up = tokio::spawn(keep_up);
    let tasks_seen = tasks_stopped.clone();
    let names = validator_peers(ledger.genesis());
    tokio::spawn(follow_health(engine.status(), space, names, health, tasks_stopped));
    let (search, following) = start_search(config, ledger);
    let issuing = open_issuing(config, ledger)?;
    let backups = backups_of(config);
    let node = gossip.peer_id().to_string();
    let doors = Doors {
        mempool: &mempool,
        search,
        snapshots,
        backups: backups.clone(),
        issuing: issuing.clone(),
        envelopes,
        homes,
        node,
    };
    let interface = start_interface(config, ledger, doors, health_seen, registry, logs).await?;
    let pruner = pruning::keep_heights(config)
        .map(|keep| tokio::spawn(pruning::follow(ledger.clone(), keep, tasks_seen)));

    stop.requested().await;
    interface.stop().await;
    if let Some(following) = following {
        following.stop().await;
    }
    delivery.stop().await;
    gossip.stop().await;
    engine.stop().await;
    tasks_stop.send_replace(true);
    tokio::task::spawn_blocking(move || backups.finish()).await?;
    if let Some(issuing) = issuing {
        issuing.custody.finish();
    }
    // a snapshot that is being written ends before the database does; one that panicked said so
    let _ = keep_up.await;
    if let Some(pruner) = pruner {
        pruner.await?;
    }
    Ok(())
}

/// The delivery of sealed contents between home nodes.
fn start_delivery(
    ledger: &Ledger,
    envelopes: &Arc<Envelopes>,
    homes: &Arc<Homes>,
    gossip: &mut Gossip,
) -> anyhow::Result<delivery::Running> {
    let incoming = gossip.take_incoming().context("the network gives its requests once")?;
    let delivery = Delivery {
        ledger: ledger.clone(),
        envelopes: Arc::clone(envelopes),
        homes: Arc::clone(homes),
        post: gossip.post(),
    };
    Ok(delivery.start(incoming))
}

/// The mempool over a ledger.
pub fn open_mempool(
    config: &Config,
    ledger: &Ledger,
    metrics: MempoolMetrics,
) -> std::io::Result<Mempool> {
    let members = ledger.genesis().members.len();
    let settings = MempoolConfig {
        quotas: Quotas {
            transactions_max: config.mempool.transactions_max,
            bytes_max: config.mempool.bytes_max,
            age_ms_max: config.mempool.age_ms_max,
            members,
        },
        verify_threads: config.mempool.verify_threads,
        retry_after_ms: config.consensus.block_time_ms,
        metrics,
        ..MempoolConfig::new(ledger.chain(), members)
    };
    let (view, known) = (ledger.clone(), ledger.clone());
    Mempool::new(
        settings,
        move || (Arc::new(view.reader()), view.head().time_ms),
        move |id| known.store().position(id).is_some(),
    )
}

/// The search for names, and the task behind it, if it is switched on.
fn start_search(config: &Config, ledger: &Ledger) -> (Search, Option<search::Running>) {
    if !config.node.search {
        tracing::info!("search for names is switched off");
        return (Search::off(), None);
    }
    let (search, following) = Search::start(ledger.clone(), search_folder(config));
    (search, Some(following))
}

/// Who votes here, if anyone.
struct Identity {
    key: NodeKey,
    address: [u8; 20],
    vote: bool,
}

impl Identity {
    fn load(config: &Config, ledger: &Ledger) -> anyhow::Result<Self> {
        let key = NodeKey::load(&config.node.validator_key)?;
        let address = validator_address(&key.public_key());
        let vote = ledger.validators().by_address(&address).is_some();
        if !vote {
            tracing::info!("the key is not in the validator set: this node observes");
        }
        Ok(Self { key, address, vote })
    }
}

/// A peer of the genesis that cannot be dialled would be missing without a word.
fn check_addresses(genesis: &Genesis) -> anyhow::Result<()> {
    for member in &genesis.members {
        let Some(node) = &member.validator else { continue };
        for (what, address) in [("consensus", &node.consensus), ("gossip", &node.gossip)] {
            ListedPeer::of_key(&node.peer_key, address).with_context(|| {
                format!("the genesis names {address:?} as {what} address of {}", member.cc)
            })?;
        }
    }
    Ok(())
}

/// The addresses of both networks, free for this process.
fn check_ports(config: &Config) -> anyhow::Result<()> {
    let consensus: Multiaddr = config.consensus.listen.parse()?;
    let gossip = config.gossip_listen();
    let listen: Vec<(&'static str, &Multiaddr)> = std::iter::once(("consensus.listen", &consensus))
        .chain(gossip.iter().map(|address| ("gossip.listen", address)))
        .collect();
    Ok(sole::check_ports(&listen)?)
}

fn engine_settings(
    config: &Config,
    ledger: &Ledger,
    network_key: &NodeKey,
    identity: &Identity,
) -> ConsensusConfig {
    let own = network_key.peer_id();
    let validators = ledger.genesis().members.iter().filter_map(|member| member.validator.as_ref());
    let peers = validators
        .filter_map(|node| {
            // each can be read: `check_addresses`
            let peer = ListedPeer::of_key(&node.peer_key, &node.consensus)?;
            (peer.id != own).then(|| format!("{}/p2p/{}", node.consensus, peer.id))
        })
        .chain(config.consensus.peers.iter().cloned())
        .collect();
    ConsensusConfig {
        chain: ledger.chain().to_owned(),
        name: hex::encode(identity.address),
        home: consensus_folder(config),
        listen: config.consensus.listen.clone(),
        peers,
        validator_seed: identity.key.signing_key().to_bytes(),
        network_seed: network_key.signing_key().to_bytes(),
        vote: identity.vote,
        new_guard: false,
        voter: None,
        block_target_time: Duration::from_millis(config.consensus.block_time_ms),
        empty_block_interval: Duration::from_millis(config.consensus.empty_block_interval_ms),
        propose_timeout: Duration::from_millis(config.consensus.propose_time_ms),
        work: consensus::Work::default(),
    }
}

async fn start_engine(
    settings: ConsensusConfig,
    ledger: &Ledger,
    mempool: &Mempool,
    identity: &Identity,
    space: Space,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<Engine> {
    let waking = wake_proposer(mempool.ready(), Arc::clone(&settings.work), stopped.clone());
    tokio::spawn(waking);
    let application =
        LedgerApplication::new(ledger.clone(), mempool.clone(), identity.address, space);
    Ok(consensus::start(settings, application).await?)
}

/// Tells the engine when the mempool gets something to propose.
async fn wake_proposer(
    mut waiting: watch::Receiver<usize>,
    work: consensus::Work,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            changed = waiting.changed() => if changed.is_err() { return },
            _ = stopped.changed() => return,
        }
        if *waiting.borrow() > 0 {
            work.notify_one();
        }
    }
}

/// Peer id -> the state whose validator has it.
pub fn validator_peers(genesis: &Genesis) -> BTreeMap<String, String> {
    let named = genesis.members.iter().filter_map(|member| {
        let node = member.validator.as_ref()?;
        let peer = ListedPeer::of_key(&node.peer_key, &node.consensus)?;
        Some((peer.id.to_string(), member.cc.clone()))
    });
    named.collect()
}

/// Why the node is not in order, for `/readyz` and `node_status`.
async fn follow_health(
    mut engine: watch::Receiver<EngineStatus>,
    space: Space,
    names: BTreeMap<String, String>,
    health: watch::Sender<Health>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        let status = engine.borrow_and_update().clone();
        let mut reasons = Vec::from_iter(status.degraded);
        reasons.extend(status.withheld);
        reasons.extend(space.level().reason().map(str::to_owned));
        if status.phase == Phase::Starting {
            reasons.push("consensus is starting".to_owned());
        }
        let peers = status
            .peers
            .into_iter()
            .map(|peer| titian_api::node::Peer {
                ams: names.get(&peer.id).cloned(),
                id: peer.id,
                address: Some(peer.address),
                connected: true,
            })
            .collect();
        health.send_replace(Health { peers, reasons });
        tokio::select! {
            _ = tick.tick() => {}
            changed = engine.changed() => if changed.is_err() { return },
            _ = stopped.changed() => return,
        }
    }
}

/// What the interface opens besides the ledger.
struct Doors<'a> {
    mempool: &'a Mempool,
    search: Search,
    snapshots: Snapshots,
    backups: Backups,
    issuing: Option<Arc<Issuing>>,
    envelopes: Arc<Envelopes>,
    homes: Arc<Homes>,
    node: String,
}

/// The issuers of the configuration; `None` if it has none.
fn open_issuing(config: &Config, ledger: &Ledger) -> anyhow::Result<Option<Arc<Issuing>>> {
    if config.issuer.is_empty() {
        return Ok(None);
    }
    let secret = rpc::auth::load_or_create_secret(&config.custody.secret)
        .with_context(|| format!("custody secret {}", config.custody.secret.display()))?;
    let data = &config.node.data_dir;
    let issuing =
        Issuing::open(&config.issuer, data, &secret, ledger.chain(), &config.rpc.public_url)?;
    tracing::info!(issuers = issuing.instances().len(), "issuing for them");
    Ok(Some(Arc::new(issuing)))
}

async fn start_interface(
    config: &Config,
    ledger: &Ledger,
    doors: Doors<'_>,
    health: watch::Receiver<Health>,
    registry: Registry,
    logs: LogControl,
) -> anyhow::Result<rpc::Running> {
    let secret = rpc::auth::load_or_create_secret(&config.admin.secret)
        .with_context(|| format!("admin secret {}", config.admin.secret.display()))?;
    let token_key = NodeKey::load_or_create(&config.admin.token_key)?.public_key();
    let (certificate, key) = (&config.rpc.tls_certificate, &config.rpc.tls_key);
    let tls = match config.needs_tls() {
        false => None,
        true => {
            let (address, public) = (config.rpc.listen.ip(), &config.rpc.public_url);
            Some(Tls::load_or_create(certificate, key, address, public)?)
        }
    };
    let now_s = crate::application::now_ms() / 1_000;
    if let Some(warning) = tls.as_ref().and_then(|tls| tls.expired(now_s)) {
        tracing::warn!("{warning}");
    }
    let settings = rpc::Config {
        connections_max: config.rpc.connections_max,
        connections_per_address_max: config.rpc.connections_per_address_max,
        calls_per_second_max: NonZeroU32::new(config.rpc.calls_per_s_max),
        // an idle network is not behind
        head_age_ms_max: HEAD_AGE_MS_MAX.max(3 * config.consensus.empty_block_interval_ms),
        tls,
        verifiers: config.verifiers(),
        ..rpc::Config::on(config.rpc.listen)
    };
    let backend = rpc::Backend {
        ledger: ledger.clone(),
        mempool: Arc::new(doors.mempool.clone()),
        search: doors.search,
        health,
        tokens: rpc::auth::Tokens::new(secret, ledger.chain(), config.integrators())
            .with_operator_key(token_key),
        set_log_filter: Arc::new(move |level| {
            logs.set_level(level).map_err(|error| error.to_string())
        }),
        write_metrics: Arc::new(move |out| {
            // two registries, one text: the end mark stands once
            let own = print_figures(&registry);
            out.push_str(own.strip_suffix("# EOF\n").unwrap_or(&own));
            consensus::write_metrics(out);
        }),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: config.node.data_dir.display().to_string(),
        snapshots: doors.snapshots,
        backups: doors.backups,
        issuing: doors.issuing,
        envelopes: doors.envelopes,
        homes: doors.homes,
        node: doors.node,
    };
    rpc::start(settings, backend)
        .await
        .with_context(|| format!("interface on {}", config.rpc.listen))
}

impl Admission for Mempool {
    fn submit(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<TransactionId, Reject>> + Send + '_>> {
        Box::pin(Self::submit(self, bytes))
    }

    fn waiting(&self) -> Waiting {
        let status = self.status();
        Waiting { transactions: status.transactions, bytes: status.bytes }
    }

    fn expired(&self) -> broadcast::Receiver<TransactionId> {
        Self::expired(self)
    }
}
