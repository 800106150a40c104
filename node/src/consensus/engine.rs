//! Starting and stopping one run of the engine.
//!
//! Invariant: one run owns the log, the guard and the port; [`Run::stop`] returns only when all of
//! them are free again, so that another run may follow in the same process. Kept small and apart,
//! because the generics of the engine are compiled where `start_engine` is called.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_malachitebft_app_channel::app::config::{
    ConsensusConfig as MalachiteConfig, DiscoveryConfig, GossipSubConfig, NodeConfig, P2pConfig,
    PubSubMaxSizePerTopic, PubSubProtocol, ValuePayload, ValueSyncConfig,
};
use arc_malachitebft_app_channel::app::metrics::SharedRegistry;
use arc_malachitebft_app_channel::app::net::Multiaddr;
use arc_malachitebft_app_channel::app::types::Keypair;
use arc_malachitebft_app_channel::spawn::spawn_network_actor;
use arc_malachitebft_app_channel::{
    Channels, ConsensusContext, EngineBuilder, EngineHandle, NetworkIdentity, NetworkRequest,
    RequestContext, SyncContext, WalContext,
};
use arc_malachitebft_signing::Signer as _;
use bytesize::ByteSize;
use ed25519_dalek::SigningKey;
use titian_contracts::block::validator_address;
use titian_contracts::limits;
use tokio::sync::{mpsc, oneshot, watch};

use super::application::Application;
use super::codec::{self, WireCodec};
use super::context::{Address, Titian};
use super::door;
use super::guard::Guard;
use super::host::{Host, HostError, Pace};
use super::signing::{GuardedSigner, Verification};
use super::status::{EngineStatus, PeerBook};
use super::{ConsensusConfig, EngineError};

/// What a validator says that follows without voting. No path: it is shown to the public.
pub(super) const GUARD_LOST: &str = "this validator does not vote: its vote guard (`guard` in the \
    folder `consensus`) is lost, and with it what its key signed last. It follows and serves \
    reads. Make sure that no other machine has the key and that the others decided several blocks \
    since it last voted; then start once with `titian-node run --new-vote-guard`";

pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(10);
// how often peers hear of our height; bounds how long a node stays behind unnoticed
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
const SYNC_TIMEOUT: Duration = Duration::from_secs(5);

/// How a run ended, with the application it gives back.
pub(super) struct Ended<A> {
    pub(super) app: A,
    pub(super) error: Option<HostError>,
}

/// A running engine.
pub(super) struct Run<A> {
    handle: EngineHandle,
    pub(super) requests: mpsc::Sender<NetworkRequest>,
    pub(super) ended: oneshot::Receiver<Ended<A>>,
    pub(super) refused: Arc<AtomicU64>,
    locked: [PathBuf; 2],
}

struct Settings {
    moniker: String,
    consensus: MalachiteConfig,
    sync: ValueSyncConfig,
}

impl NodeConfig for Settings {
    fn moniker(&self) -> &str {
        &self.moniker
    }

    fn consensus(&self) -> &MalachiteConfig {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut MalachiteConfig {
        &mut self.consensus
    }

    fn value_sync(&self) -> &ValueSyncConfig {
        &self.sync
    }

    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.sync
    }
}

fn address(text: &str) -> Result<Multiaddr, EngineError> {
    text.parse().map_err(|_| EngineError::Address { address: text.to_owned() })
}

/// A peer address; it must name the peer id, else anyone could answer there.
pub(super) fn peer_address(text: &str) -> Result<Multiaddr, EngineError> {
    let parsed = address(text)?;
    if text.rsplit_once("/p2p/").is_none_or(|(_, id)| id.is_empty() || id.contains('/')) {
        return Err(EngineError::PeerIdMissing { address: text.to_owned() });
    }
    Ok(parsed)
}

fn settings(config: &ConsensusConfig, generation: u32) -> Result<Settings, EngineError> {
    if config.peers.len() > limits::PEERS_MAX {
        return Err(EngineError::TooManyPeers { peers: config.peers.len() });
    }
    let peers = config.peers.iter().map(|p| peer_address(p)).collect::<Result<Vec<_>, _>>()?;
    let listen_addr = address(&config.listen)?;
    let part_bytes = limits::PROPOSAL_PART_BYTES_MAX as u64 + 1024;
    let p2p = P2pConfig {
        listen_addr,
        persistent_peers: peers,
        persistent_peers_only: true,
        discovery: DiscoveryConfig {
            enabled: false,
            num_outbound_peers: limits::PEERS_MAX,
            num_inbound_peers: limits::PEERS_MAX,
            max_connections_per_ip: limits::PEERS_MAX * 2,
            ..DiscoveryConfig::default()
        },
        // own messages go to all peers, others' are forwarded along a mesh of 8
        protocol: PubSubProtocol::GossipSub(GossipSubConfig::new(8, 12, 4, 2, false, false, true)),
        pubsub_max_size: ByteSize::mib(1),
        pubsub_max_size_per_topic: PubSubMaxSizePerTopic {
            proposal_parts: Some(ByteSize::b(part_bytes)),
            ..PubSubMaxSizePerTopic::default()
        },
        rpc_max_size: ByteSize::b(limits::SYNC_RESPONSE_BYTES_MAX as u64 + 1024 * 1024),
        ..P2pConfig::default()
    };
    // metrics of one process are kept under the name; a second run needs a second name
    let moniker = match generation {
        0 => config.name.clone(),
        n => format!("{}-{n}", config.name),
    };
    Ok(Settings {
        moniker,
        consensus: MalachiteConfig {
            enabled: true,
            p2p,
            value_payload: ValuePayload::ProposalAndParts,
            queue_capacity: limits::ENGINE_QUEUE_HEIGHTS_MAX,
            queue_per_height_capacity: limits::ENGINE_QUEUE_MESSAGES_MAX,
        },
        sync: ValueSyncConfig {
            enabled: true,
            status_update_interval: STATUS_INTERVAL,
            request_timeout: SYNC_TIMEOUT,
            max_request_size: ByteSize::b(limits::SYNC_REQUEST_BYTES_MAX as u64),
            max_response_size: ByteSize::b(limits::SYNC_RESPONSE_BYTES_MAX as u64),
            batch_size: limits::SYNC_BLOCKS_MAX,
            ..ValueSyncConfig::default()
        },
    })
}

async fn identity(
    config: &ConsensusConfig,
    keypair: Keypair,
    signer: Option<&GuardedSigner>,
    own: Address,
) -> Result<NetworkIdentity, EngineError> {
    let Some(signer) = signer else {
        return Ok(NetworkIdentity::new(config.name.clone(), keypair, None));
    };
    let peer = keypair.public().to_peer_id().to_bytes();
    let key = SigningKey::from_bytes(&config.validator_seed);
    let proof = signer
        .sign_validator_proof(key.verifying_key().to_bytes().to_vec(), peer)
        .await
        .map_err(|error| EngineError::Start(error.to_string()))?;
    let proof = codec::encode(&proof).map_err(|error| EngineError::Start(error.to_string()))?;
    Ok(NetworkIdentity::new_validator(config.name.clone(), keypair, own.to_string(), proof))
}

/// A started engine without its host.
struct Engaged {
    channels: Channels<Titian>,
    handle: EngineHandle,
    refused: Arc<AtomicU64>,
    locked: [PathBuf; 2],
}

/// The guard of a node that votes; `None` if it only follows. A validator whose guard is lost does
/// not know what it signed: only at height 0, where nothing was, or on the operator's word is a new
/// guard begun. Otherwise the node follows and its status says why.
fn open_guard(
    config: &ConsensusConfig,
    path: &Path,
    status: &watch::Sender<EngineStatus>,
) -> Result<Option<Guard>, EngineError> {
    if !config.vote {
        return Ok(None);
    }
    let decided = status.borrow().height;
    let mut guard = Guard::open(path)?;
    if guard.is_new() && decided > 0 && !config.new_guard {
        tracing::error!(guard = %path.display(), "{GUARD_LOST}");
        status.send_modify(|status| status.withheld = Some(GUARD_LOST.to_owned()));
        return Ok(None);
    }
    guard.begin(decided)?;
    Ok(Some(guard))
}

// A plain function that gives a boxed future: so the generics of the engine are compiled in this
// crate once, not in every program that starts an engine with its own application.
fn engage<'a>(
    config: &'a ConsensusConfig,
    generation: u32,
    peers: &'a Arc<PeerBook>,
    status: watch::Sender<EngineStatus>,
) -> Pin<Box<dyn Future<Output = Result<Engaged, EngineError>> + Send + 'a>> {
    Box::pin(async move {
        let settings = settings(config, generation)?;
        std::fs::create_dir_all(&config.home)
            .map_err(|source| EngineError::Home { path: config.home.clone(), source })?;
        let wal = config.home.join("wal");
        let guard = config.home.join("guard");
        let keypair = Keypair::ed25519_from_bytes(config.network_seed)
            .map_err(|error| EngineError::Start(error.to_string()))?;
        let key = SigningKey::from_bytes(&config.validator_seed);
        let opened = open_guard(config, &guard, &status)?;
        // an address of no key, so that a key in the set is never taken for a voting one
        let own = opened.as_ref().map_or(Address([0; 20]), |_| {
            Address(validator_address(&key.verifying_key().to_bytes()))
        });
        let signer = opened.map(|guard| GuardedSigner::new(&config.chain, key, guard));
        let refused = signer.as_ref().map(GuardedSigner::refused).unwrap_or_default();
        let identity = identity(config, keypair, signer.as_ref(), own).await?;
        let verifier = Box::new(Verification::new(&config.chain));
        let codec = WireCodec::network(Arc::clone(peers) as _, signer.clone());
        let consensus = match signer {
            Some(signer) => ConsensusContext::new_validator(own, verifier, Box::new(signer)),
            None => ConsensusContext::new_full_node(own, verifier),
        };
        let failed = |error: String| EngineError::Start(error);
        let registry = SharedRegistry::global().with_moniker(&settings.moniker);
        let (network, outbound) =
            spawn_network_actor(identity, &settings.consensus, &settings.sync, &registry, codec)
                .await
                .map_err(|error| failed(format!("{error:#}")))?;
        let network = door::before(network, Arc::clone(peers))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let (channels, handle) = EngineBuilder::new(Titian, settings)
            .with_default_wal(WalContext::new(wal.clone(), WireCodec::default()))
            .with_custom_network(network, outbound)
            .with_default_sync(SyncContext::new(WireCodec::default()))
            .with_default_consensus(consensus)
            .with_default_request(RequestContext::new(limits::ENGINE_REQUESTS_MAX))
            .build()
            .await
            .map_err(|error| failed(format!("{error:#}")))?;
        Ok(Engaged { channels, handle, refused, locked: [wal, guard] })
    })
}

/// Starts a run. On failure the application is lost with it: nothing was started.
pub(super) async fn launch<A: Application>(
    config: &ConsensusConfig,
    app: A,
    generation: u32,
    peers: Arc<PeerBook>,
    status: watch::Sender<EngineStatus>,
) -> Result<Run<A>, EngineError> {
    let Engaged { channels, handle, refused, locked } =
        engage(config, generation, &peers, status.clone()).await?;
    let requests = channels.net_requests.clone();
    let host = Host::new(app, channels.network.clone(), status, Pace::of(config), peers);
    let ended = spawn_host(host, channels, Arc::clone(&config.work))?;
    Ok(Run { handle, requests, ended, refused, locked })
}

// the application syncs files and executes blocks, so it gets a thread of its own
fn spawn_host<A: Application>(
    mut host: Host<A>,
    channels: Channels<Titian>,
    work: super::Work,
) -> Result<oneshot::Receiver<Ended<A>>, EngineError> {
    let (end, ended) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("consensus-host".to_owned())
        .spawn(move || {
            // `channels` stays whole until the end: the event port closes with it
            let events = channels.events.subscribe();
            let error = runtime.block_on(host.run(channels.consensus, events, work)).err();
            // without a receiver the supervisor is gone, and nobody needs the application
            end.send(Ended { app: host.app, error }).ok();
            drop(channels.events);
        })
        .map_err(|error| EngineError::Start(error.to_string()))?;
    Ok(ended)
}

impl<A: Application> Run<A> {
    /// Stops the run and waits until log and port are free. Gives back the application, unless
    /// its thread died.
    pub(super) async fn stop(self) -> Option<A> {
        let Self { handle, ended, locked, .. } = self;
        let node = handle.actor.get_cell();
        node.stop_children_and_wait(Some("stop".to_owned()), Some(STOP_TIMEOUT)).await;
        handle.actor.stop(Some("stop".to_owned()));
        if tokio::time::timeout(STOP_TIMEOUT, handle.handle).await.is_err() {
            tracing::warn!("the engine did not stop in time");
        }
        let ended = tokio::time::timeout(STOP_TIMEOUT, ended).await;
        for path in &locked {
            wait_for_lock(path).await;
        }
        ended.ok().and_then(Result::ok).map(|ended| ended.app)
    }
}

// the log's thread and the network's codec, which holds the guard, go on their own after the
// engine; the locks on their files tell when
async fn wait_for_lock(path: &Path) {
    let file = path.to_owned();
    let wait = tokio::task::spawn_blocking(move || {
        // an observer has no guard, and nothing to wait for
        std::fs::File::open(file).and_then(|file| file.lock()).ok()
    });
    if tokio::time::timeout(STOP_TIMEOUT, wait).await.is_err() {
        tracing::warn!(path = %path.display(), "a file of the engine is still locked");
    }
}
