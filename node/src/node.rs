//! A running node: what is started, in which order, and how it stops.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use titian_genesis::Genesis;

use crate::config::Config;
use crate::gossip::{Gossip, GossipConfig, peers_of};
use crate::ledger::Ledger;
use crate::mempool::pool::Quotas;
use crate::mempool::{Mempool, MempoolConfig};
use crate::shutdown::Stop;
use crate::signer::keystore::NodeKey;
use crate::telemetry::{GossipMetrics, LogControl, MempoolMetrics};

/// The folder of the database within the data folder.
pub fn database_folder(config: &Config) -> PathBuf {
    config.node.data_dir.join("ledger")
}

/// Runs a node until it is asked to stop, or until it cannot go on.
pub async fn run(config: Config, _logs: LogControl, mut stop: Stop) -> anyhow::Result<()> {
    let bytes = std::fs::read(&config.node.genesis)
        .with_context(|| format!("genesis {}", config.node.genesis.display()))?;
    let genesis = Genesis::parse(&bytes)?;
    let network_key = NodeKey::load(&config.node.network_key)?;
    std::fs::create_dir_all(&config.node.data_dir)
        .with_context(|| format!("data folder {}", config.node.data_dir.display()))?;
    let listed = peers_of(&genesis).into_iter().chain(config.gossip_peers()).collect();
    let ledger = Ledger::open(&database_folder(&config), genesis)?;
    let mempool = open_mempool(&config, &ledger, MempoolMetrics::default())?;
    let gossip = GossipConfig {
        chain: ledger.chain().to_owned(),
        listen: config.gossip_listen(),
        peers: listed,
        metrics: GossipMetrics::default(),
    };
    let gossip = Gossip::start(gossip, network_key.identity(), mempool).await?;
    stop.requested().await;
    gossip.stop().await;
    Ok(())
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
