//! Consensus: agreement of the validators on the next block. The only place that names Malachite.
//!
//! [`start`] runs the engine for an [`Application`] and gives an [`Engine`] to watch and stop it.
//! Invariant: nothing is voted on before its body is on disk, nothing is signed past the
//! double-sign guard, nothing is acknowledged before the application stored it. After a kill the
//! engine resumes from its log, the guard and the application alone.
//! Deliberately not here: the rules of blocks, the mempool, snapshots.
//!
//! Where to look: `application` is what the node implements, `host` the loop between both,
//! `engine` one run of Malachite, `guard` and `signing` the keys, `codec` and `parts` the wire.
//! Modules are public as far as the simulation drives them without the network.

pub mod application;
pub mod baseline;
pub mod certificate;
pub mod codec;
pub mod context;
mod door;
mod engine;
pub mod gate;
pub mod guard;
mod host;
pub mod memory;
pub mod parts;
pub mod signing;
mod status;
pub mod watchdog;
pub mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_malachitebft_app_channel::NetworkRequest;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use application::Application;
pub use bytes::Bytes;
pub use status::{EngineStatus, Peer, Phase};

use engine::{Ended, Run, launch, peer_address};
use guard::GuardError;
use status::PeerBook;
use watchdog::Watchdog;

use crate::sole::Voter;

/// Told when there is something to propose.
pub type Work = Arc<tokio::sync::Notify>;

/// What the engine needs to know.
#[derive(Clone)]
pub struct ConsensusConfig {
    /// The chain id.
    pub chain: String,
    /// A name for logs and metrics.
    pub name: String,
    /// Folder of the engine's log and the double-sign guard.
    pub home: PathBuf,
    /// Where to listen, as a multiaddr: `/ip4/0.0.0.0/tcp/26656`.
    pub listen: String,
    /// All validators and observers that may connect, as multiaddrs ending in `/p2p/<id>`.
    pub peers: Vec<String>,
    /// Seed of the vote key.
    pub validator_seed: [u8; 32],
    /// Seed of the libp2p identity; may be the same.
    pub network_seed: [u8; 32],
    /// Whether to vote. Observers do not.
    pub vote: bool,
    /// Whether to vote although the double-sign guard is not there and blocks were decided: the
    /// operator's word that this key signed nothing above them.
    pub new_guard: bool,
    /// The right to vote with this key on this machine; held as long as the engine may sign.
    pub voter: Option<Arc<Voter>>,
    /// The shortest time from block to block.
    pub block_target_time: Duration,
    /// How long an idle network waits before it makes an empty block.
    pub empty_block_interval: Duration,
    /// How long to wait for a proposal in the first round, about 1 s.
    pub propose_timeout: Duration,
    /// Notified by the node when `Application::has_work` may have become true.
    pub work: Work,
}

impl std::fmt::Debug for ConsensusConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // the seeds are secrets
        f.debug_struct("ConsensusConfig")
            .field("chain", &self.chain)
            .field("name", &self.name)
            .field("home", &self.home)
            .field("listen", &self.listen)
            .field("peers", &self.peers)
            .field("vote", &self.vote)
            .finish_non_exhaustive()
    }
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Not a multiaddr.
    #[error("{address} is not a multiaddr such as /ip4/10.0.0.1/tcp/26656")]
    Address {
        /// The text.
        address: String,
    },
    /// A peer address without peer id would let anyone answer.
    #[error("the peer address {address} does not end in /p2p/<peer id>")]
    PeerIdMissing {
        /// The address.
        address: String,
    },
    /// More peers than allowed.
    #[error("{peers} peers are configured, {} are allowed", titian_contracts::limits::PEERS_MAX)]
    TooManyPeers {
        /// How many.
        peers: usize,
    },
    /// The folder cannot be used.
    #[error("consensus folder {path}: {source}")]
    Home {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The double-sign guard does not open.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The engine refused.
    #[error("the consensus engine does not start: {0}")]
    Start(String),
    /// The engine is stopped.
    #[error("the consensus engine is stopped")]
    Stopped,
}

impl EngineError {
    /// What failed, for everybody: what the engine and the system said of files and addresses is for the
    /// log alone.
    pub fn public(&self) -> String {
        match self {
            Self::Home { source, .. } => format!("consensus folder: {}", source.kind()),
            Self::Guard(error) => error.public(),
            Self::TooManyPeers { .. } | Self::Stopped => self.to_string(),
            Self::Address { .. } | Self::PeerIdMissing { .. } | Self::Start(_) => {
                "the consensus engine does not start; see the log".to_owned()
            }
        }
    }
}

enum Command {
    Add(String, oneshot::Sender<Result<(), EngineError>>),
    Remove(String, oneshot::Sender<Result<(), EngineError>>),
    Stop,
}

/// The peer id of a libp2p identity seed, as it stands in peer addresses.
pub fn peer_id(network_seed: [u8; 32]) -> String {
    use arc_malachitebft_app_channel::app::types::Keypair;
    let keypair = Keypair::ed25519_from_bytes(network_seed).expect("32 bytes are an Ed25519 seed");
    keypair.public().to_peer_id().to_base58()
}

/// Writes the metrics of the engine in the Prometheus text format.
pub fn write_metrics(out: &mut String) {
    arc_malachitebft_metrics::export(out);
}

/// A started engine.
#[derive(Debug)]
pub struct Engine {
    status: watch::Receiver<EngineStatus>,
    commands: mpsc::Sender<Command>,
    supervisor: JoinHandle<()>,
}

/// Starts the engine. Must be called within a multi-threaded tokio runtime.
pub async fn start<A: Application>(config: ConsensusConfig, app: A) -> Result<Engine, EngineError> {
    let height = app.decided_height();
    let (status, watcher) = watch::channel(EngineStatus::starting(&config.chain, height));
    let peers = Arc::new(PeerBook::new(&config.peers, Arc::clone(&config.work)));
    let run = launch(&config, app, 0, Arc::clone(&peers), status.clone()).await?;
    let (commands, inbox) = mpsc::channel(titian_contracts::limits::ENGINE_REQUESTS_MAX);
    let supervisor = Supervisor { config, status, peers, inbox };
    let supervisor = tokio::spawn(supervisor.run(run));
    Ok(Engine { status: watcher, commands, supervisor })
}

impl Engine {
    /// The state of the engine, now and as it changes.
    pub fn status(&self) -> watch::Receiver<EngineStatus> {
        self.status.clone()
    }

    /// The connected peers.
    pub fn peers(&self) -> Vec<Peer> {
        self.status.borrow().peers.clone()
    }

    /// Allows a peer from now on; the address ends in `/p2p/<id>`.
    pub async fn add_peer(&self, address: String) -> Result<(), EngineError> {
        self.ask(|reply| Command::Add(address, reply)).await
    }

    /// Refuses a peer from now on.
    pub async fn remove_peer(&self, address: String) -> Result<(), EngineError> {
        self.ask(|reply| Command::Remove(address, reply)).await
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), EngineError>>) -> Command,
    ) -> Result<(), EngineError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| EngineError::Stopped)?;
        answer.await.map_err(|_| EngineError::Stopped)?
    }

    /// Stops voting and frees log, guard and port. What was decided is stored.
    pub async fn stop(self) {
        // a closed channel or an ended task mean that it stopped before
        self.commands.send(Command::Stop).await.ok();
        self.supervisor.await.ok();
    }
}

struct Supervisor {
    config: ConsensusConfig,
    status: watch::Sender<EngineStatus>,
    peers: Arc<PeerBook>,
    inbox: mpsc::Receiver<Command>,
}

enum Outcome {
    Stop,
    Ended(Option<String>),
    Behind(String),
}

impl Supervisor {
    async fn run<A: Application>(mut self, mut run: Run<A>) {
        let mut generation = 0_u32;
        loop {
            match self.watch(&mut run).await {
                Outcome::Stop => {
                    drop(run.stop().await);
                    self.status.send_modify(|status| {
                        status.phase = Phase::Stopped;
                        status.peers.clear();
                    });
                    return;
                }
                Outcome::Ended(reason) => {
                    let reason = reason.unwrap_or_else(|| {
                        "the consensus engine stopped itself, because its log cannot be written \
                         or replayed, or a signature failed; see the log, check the disk, then \
                         start the node again"
                            .to_owned()
                    });
                    self.degrade(&reason);
                    drop(run.stop().await);
                    return self.drain().await;
                }
                Outcome::Behind(reason) => {
                    tracing::warn!(reason, "resynchronising: the engine starts again");
                    generation = generation.saturating_add(1);
                    let Some(app) = run.stop().await else {
                        self.degrade("the application thread died");
                        return self.drain().await;
                    };
                    let peers = Arc::clone(&self.peers);
                    let status = self.status.clone();
                    run = match launch(&self.config, app, generation, peers, status).await {
                        Ok(run) => run,
                        Err(error) => {
                            tracing::error!(%error, "the engine does not start again");
                            self.degrade(&error.public());
                            return self.drain().await;
                        }
                    };
                    self.status.send_modify(|status| {
                        status.restarts = generation;
                        status.restarted = Some(reason);
                    });
                }
            }
        }
    }

    fn degrade(&self, reason: &str) {
        tracing::error!(reason, "consensus is degraded: this node does not vote any more");
        self.status.send_modify(|status| {
            status.phase = Phase::Degraded;
            status.degraded = Some(reason.to_owned());
            status.peers.clear();
        });
    }

    // nothing runs any more; whoever asks hears so
    async fn drain(mut self) {
        while let Some(command) = self.inbox.recv().await {
            match command {
                Command::Stop => return,
                Command::Add(_, reply) | Command::Remove(_, reply) => {
                    reply.send(Err(EngineError::Stopped)).ok();
                }
            }
        }
    }

    async fn watch<A: Application>(&mut self, run: &mut Run<A>) -> Outcome {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut dog = Watchdog::new(self.status.borrow().height, Instant::now());
        loop {
            tokio::select! {
                command = self.inbox.recv() => match command {
                    None | Some(Command::Stop) => return Outcome::Stop,
                    Some(Command::Add(address, reply)) => {
                        // allowed before it connects, so that its first words are heard
                        self.peers.allow(&address);
                        reply.send(change_peer(run, &address, true).await).ok();
                    }
                    Some(Command::Remove(address, reply)) => {
                        self.peers.forbid(&address);
                        reply.send(change_peer(run, &address, false).await).ok();
                    }
                },
                ended = &mut run.ended => {
                    // a receiver may be read once only; `stop` finds a closed one
                    run.ended = oneshot::channel().1;
                    let reason = match ended {
                        Ok(Ended { error, .. }) => error.map(|error| error.to_string()),
                        Err(_) => Some("the application thread died".to_owned()),
                    };
                    return Outcome::Ended(reason);
                }
                _ = tick.tick() => {
                    let connected = self.look(run).await;
                    let own = self.status.borrow().height;
                    let faulty = connected.saturating_sub(1) / 3;
                    let reported = self.peers.reported_by(faulty + 1);
                    if let Some(reason) = dog.look(own, reported, Instant::now()) {
                        return Outcome::Behind(reason);
                    }
                }
            }
        }
    }

    // refreshes the list of peers and gives their number
    async fn look<A: Application>(&self, run: &Run<A>) -> usize {
        let mut peers: Vec<Peer> = match NetworkRequest::dump_state(&run.requests).await {
            Ok(Some(dump)) => dump
                .peers
                .into_iter()
                .map(|(id, info)| {
                    let id = id.to_base58();
                    let height = self.peers.height_of(&id);
                    Peer { id, address: info.address.to_string(), height }
                })
                .collect(),
            _ => Vec::new(),
        };
        peers.sort_by(|a, b| a.id.cmp(&b.id));
        let count = peers.len();
        let abstained = run.refused.load(Ordering::Relaxed);
        self.status.send_if_modified(|status| {
            let changed = status.peers != peers || status.abstained != abstained;
            status.peers = peers;
            status.abstained = abstained;
            changed
        });
        count
    }
}

async fn change_peer<A: Application>(
    run: &Run<A>,
    address: &str,
    add: bool,
) -> Result<(), EngineError> {
    let parsed = peer_address(address)?;
    let answer = if add {
        NetworkRequest::add_persistent_peer(&run.requests, parsed).await
    } else {
        NetworkRequest::remove_persistent_peer(&run.requests, parsed).await
    };
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(EngineError::Start(error.to_string())),
        Err(_) => Err(EngineError::Stopped),
    }
}
