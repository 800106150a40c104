//! The mempool's network: tells the other nodes what clients submitted here, and takes in what
//! they tell. A libp2p swarm of its own: TCP, noise, yamux, gossipsub.
//!
//! Invariants:
//! - only peers on the allow-list are talked to; who is not on it is cut off after the handshake;
//! - what travels is batches of at most 64 KiB (or one transaction, at most 256 KiB), collected
//!   for at most 10 ms; a message is passed on only after it was read as a batch;
//! - each message is signed by its source, so offences count against who wrote it, not against who
//!   passed it on; beyond a bound a peer is disconnected for ten minutes;
//! - every queue to a peer is bounded; the transactions themselves wait in the mempool, so nothing
//!   is lost while no peer is there: it is told later, and again while it waits.
//!
//! On the same connections nodes hand each other sealed envelopes: [`post`].
//!
//! It deliberately does not check signatures of transactions: the mempool does.

pub mod batch;
mod peers;
pub mod post;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use libp2p::allow_block_list::{self, AllowedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance, MessageAuthenticity, PublishError};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, ping, tcp, yamux};
use titian_contracts::limits;
use titian_genesis::Genesis;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::mempool::Mempool;
use crate::telemetry::GossipMetrics;
use peers::{Change, MALFORMED_BATCH_OFFENCES, Peers};
use post::{Incoming, Post};

pub use libp2p::PeerId;
pub use peers::{ListedPeer, OFFENCES_MAX, PeerStatus};

/// How long a batch may collect while others are on their way.
const COLLECT: Duration = Duration::from_millis(10);
/// Pause after all queues to peers were full.
const CONGESTED: Duration = Duration::from_millis(50);
/// How often dials and bans are looked at.
const TICK: Duration = Duration::from_millis(100);
/// After what time others are told again of what still waits; longer than a full pool needs to
/// drain, so that load alone does not double the traffic.
pub const TELL_AGAIN_MS: u64 = 10_000;
/// How often that is looked at.
const TELL_AGAIN_TICK: Duration = Duration::from_secs(1);
/// How long a listener may take to open.
const LISTEN_PATIENCE: Duration = Duration::from_secs(10);
/// Batches that may wait for one peer: 16 MiB of the usual size.
const PEER_QUEUE_BATCHES_MAX: usize = 256;
/// Room in a message for what gossipsub adds: source, signature, topic, control messages.
const MESSAGE_FRAME_BYTES_MAX: usize = 4 * 1024;

/// How the network is set up.
#[derive(Clone, Debug)]
pub struct GossipConfig {
    /// The chain id; part of the topic, so that networks do not mix.
    pub chain: String,
    /// Where to listen; empty for a node that only dials.
    pub listen: Vec<Multiaddr>,
    /// The allow-list.
    pub peers: Vec<ListedPeer>,
    /// The figures it keeps.
    pub metrics: GossipMetrics,
}

/// Why the network does not start.
#[derive(Debug, thiserror::Error)]
pub enum GossipError {
    /// More peers than [`limits::PEERS_MAX`].
    #[error("the allow-list has {count} peers, at most {max} are possible", max = limits::PEERS_MAX)]
    TooManyPeers {
        /// How many it has.
        count: usize,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the system says.
        reason: String,
    },
    /// The transport or the protocol cannot be set up.
    #[error("the mempool's network cannot be set up: {reason}")]
    Setup {
        /// What the library says.
        reason: String,
    },
}

/// The running network. Ends when dropped or stopped.
#[derive(Debug)]
pub struct Gossip {
    peer_id: PeerId,
    listening: Vec<Multiaddr>,
    commands: mpsc::Sender<Vec<ListedPeer>>,
    status: watch::Receiver<Vec<PeerStatus>>,
    post: Post,
    incoming: Option<mpsc::Receiver<Incoming>>,
    task: JoinHandle<()>,
}

impl Gossip {
    /// Starts listening and dialling, and connects the network with the mempool.
    pub async fn start(
        config: GossipConfig,
        identity: Keypair,
        mempool: Mempool,
    ) -> Result<Self, GossipError> {
        check_count(&config.peers)?;
        let peer_id = identity.public().to_peer_id();
        let topic = topic_of(&config.chain);
        let mut swarm = build_swarm(&config, identity, &topic)?;
        let listening = listen(&mut swarm, &config.listen).await?;
        let (commands, incoming) = mpsc::channel(16);
        let (status_sender, status) = watch::channel(Vec::new());
        let (ends, post, received) = post::ends();
        let now = Instant::now();
        let mut network = Network {
            swarm,
            topic,
            mempool,
            peers: Peers::new(peer_id, now),
            unsent: None,
            send_at: now,
            metrics: config.metrics,
            status: status_sender,
            post: ends,
        };
        network.set_peers(config.peers);
        let task = tokio::spawn(network.run(incoming));
        Ok(Self { peer_id, listening, commands, status, post, incoming: Some(received), task })
    }

    /// Our id.
    pub const fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The addresses that are listened on, with the ports that were given.
    pub fn listening(&self) -> &[Multiaddr] {
        &self.listening
    }

    /// How the listed peers stand; changes wake.
    pub fn status(&self) -> watch::Receiver<Vec<PeerStatus>> {
        self.status.clone()
    }

    /// The way to ask other nodes about envelopes.
    pub fn post(&self) -> Post {
        self.post.clone()
    }

    /// What other nodes ask about envelopes; given once.
    pub const fn take_incoming(&mut self) -> Option<mpsc::Receiver<Incoming>> {
        self.incoming.take()
    }

    /// Replaces the allow-list. Who is not on it any more is disconnected.
    pub async fn set_peers(&self, peers: Vec<ListedPeer>) -> Result<(), GossipError> {
        check_count(&peers)?;
        let stopped = |_| GossipError::Setup { reason: "the network has stopped".to_owned() };
        self.commands.send(peers).await.map_err(stopped)
    }

    /// Closes all connections and ends.
    pub async fn stop(self) {
        drop(self.commands);
        if let Err(fault) = self.task.await {
            tracing::error!(%fault, "the mempool's network ended with a fault");
        }
    }
}

/// The topic of a network.
pub fn topic_of(chain: &str) -> IdentTopic {
    IdentTopic::new(format!("titian/mempool/1/{chain}"))
}

/// The validators of a genesis, at their mempool addresses.
pub fn peers_of(genesis: &Genesis) -> Vec<ListedPeer> {
    let validators = genesis.members.iter().filter_map(|member| member.validator.as_ref());
    validators.filter_map(|node| ListedPeer::of_key(&node.peer_key, &node.gossip)).collect()
}

fn check_count(peers: &[ListedPeer]) -> Result<(), GossipError> {
    let count = peers.iter().map(|peer| peer.id).collect::<HashSet<_>>().len();
    if count > limits::PEERS_MAX {
        return Err(GossipError::TooManyPeers { count });
    }
    Ok(())
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    allowed: allow_block_list::Behaviour<AllowedPeers>,
    limits: connection_limits::Behaviour,
    ping: ping::Behaviour,
    gossipsub:
        gossipsub::Behaviour<gossipsub::IdentityTransform, gossipsub::WhitelistSubscriptionFilter>,
    post: post::Behaviour,
}

/// The settings of gossipsub: networks of 2 to 40 validators, most of them connected to all
/// others. Own batches go to every peer (`flood_publish`), so the mesh only serves who is not
/// connected to the source, and may be small.
pub fn protocol_settings() -> Result<gossipsub::Config, GossipError> {
    gossipsub::ConfigBuilder::default()
        .protocol_id_prefix("/titian/mempool")
        .validation_mode(gossipsub::ValidationMode::Strict)
        .validate_messages()
        .max_transmit_size(batch::BATCH_WIRE_BYTES_MAX + MESSAGE_FRAME_BYTES_MAX)
        .flood_publish(true)
        .mesh_n(2)
        .mesh_n_low(1)
        .mesh_n_high(4)
        .mesh_outbound_min(1)
        .gossip_lazy(3)
        .heartbeat_initial_delay(Duration::from_millis(200))
        .heartbeat_interval(Duration::from_millis(700))
        .connection_handler_queue_len(PEER_QUEUE_BATCHES_MAX)
        .build()
        .map_err(|e| GossipError::Setup { reason: e.to_string() })
}

fn build_behaviour(
    chain: &str,
    keys: &Keypair,
    topic: &IdentTopic,
) -> Result<Behaviour, GossipError> {
    let setup = |reason: &str| GossipError::Setup { reason: reason.to_owned() };
    let filter = gossipsub::WhitelistSubscriptionFilter(HashSet::from([topic.hash()]));
    let mut gossipsub = gossipsub::Behaviour::new_with_subscription_filter(
        MessageAuthenticity::Signed(keys.clone()),
        protocol_settings()?,
        filter,
    )
    .map_err(setup)?;
    gossipsub.subscribe(topic).map_err(|e| setup(&e.to_string()))?;
    // Two connections per peer: both sides may dial at the same moment.
    let peers_max = u32::try_from(limits::PEERS_MAX).unwrap_or(u32::MAX);
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(32))
        .with_max_pending_outgoing(Some(peers_max))
        .with_max_established_per_peer(Some(2))
        .with_max_established(Some(peers_max.saturating_mul(2)));
    let ping = ping::Config::new()
        .with_interval(Duration::from_secs(5))
        .with_timeout(Duration::from_secs(10));
    Ok(Behaviour {
        allowed: allow_block_list::Behaviour::default(),
        limits: connection_limits::Behaviour::new(limits),
        ping: ping::Behaviour::new(ping),
        gossipsub,
        post: post::behaviour(chain).map_err(|e| setup(&e.to_string()))?,
    })
}

fn build_swarm(
    config: &GossipConfig,
    identity: Keypair,
    topic: &IdentTopic,
) -> Result<Swarm<Behaviour>, GossipError> {
    let setup = |reason: String| GossipError::Setup { reason };
    let behaviour = build_behaviour(&config.chain, &identity, topic)?;
    let settings = |config: libp2p::swarm::Config| {
        config
            .with_idle_connection_timeout(Duration::from_secs(24 * 60 * 60))
            .with_max_negotiating_inbound_streams(16)
    };
    let over_tcp = SwarmBuilder::with_existing_identity(identity)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|e| setup(e.to_string()))?;
    // Names need the system's resolver; a node that is given numbers must start without one.
    let has_names = config.peers.iter().flat_map(|peer| &peer.addresses).any(|address| {
        address
            .iter()
            .any(|part| matches!(part, Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_)))
    });
    if has_names {
        let with_names = over_tcp.with_dns().map_err(|e| setup(e.to_string()))?;
        let with_behaviour =
            with_names.with_behaviour(|_| behaviour).map_err(|e| setup(e.to_string()))?;
        Ok(with_behaviour.with_swarm_config(settings).build())
    } else {
        let with_behaviour =
            over_tcp.with_behaviour(|_| behaviour).map_err(|e| setup(e.to_string()))?;
        Ok(with_behaviour.with_swarm_config(settings).build())
    }
}

/// Opens the listeners and waits until each has its port.
async fn listen(
    swarm: &mut Swarm<Behaviour>,
    addresses: &[Multiaddr],
) -> Result<Vec<Multiaddr>, GossipError> {
    let mut listening = Vec::with_capacity(addresses.len());
    for address in addresses {
        let fault = |reason: String| GossipError::Listen { address: address.clone(), reason };
        let opened = swarm.listen_on(address.clone()).map_err(|e| fault(e.to_string()))?;
        let deadline = Instant::now() + LISTEN_PATIENCE;
        loop {
            let event = tokio::time::timeout_at(deadline, swarm.select_next_some()).await;
            match event.map_err(|_| fault("no answer in time".to_owned()))? {
                SwarmEvent::NewListenAddr { listener_id, address } if listener_id == opened => {
                    listening.push(address);
                    break;
                }
                SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == opened => {
                    let reason = reason.err().map_or_else(String::new, |e| e.to_string());
                    return Err(fault(reason));
                }
                _ => {}
            }
        }
    }
    Ok(listening)
}

/// The task that owns the swarm.
struct Network {
    swarm: Swarm<Behaviour>,
    topic: IdentTopic,
    mempool: Mempool,
    peers: Peers,
    unsent: Option<Vec<u8>>,
    send_at: Instant,
    metrics: GossipMetrics,
    status: watch::Sender<Vec<PeerStatus>>,
    post: post::Ends,
}

impl Network {
    async fn run(mut self, mut commands: mpsc::Receiver<Vec<ListedPeer>>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tell_again = tokio::time::interval(TELL_AGAIN_TICK);
        tell_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let may_send = self.peers.any_subscribed();
            let has_unsent = self.unsent.is_some();
            let (send_at, mempool) = (self.send_at, self.mempool.clone());
            let sendable = async move {
                tokio::time::sleep_until(send_at).await;
                if !has_unsent {
                    mempool.wait_untold().await;
                }
            };
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                command = commands.recv() => match command {
                    Some(peers) => self.set_peers(peers),
                    None => return,
                },
                Some(what) = self.post.out.recv() => {
                    let peers = &self.peers;
                    let connected = |id: &PeerId| peers.is_connected(id);
                    self.post.send(&mut self.swarm.behaviour_mut().post, what, connected);
                }
                () = sendable, if may_send => self.send(),
                _ = tick.tick() => self.on_tick(),
                _ = tell_again.tick() => self.mempool.tell_again(TELL_AGAIN_MS),
            }
        }
    }

    fn set_peers(&mut self, listed: Vec<ListedPeer>) {
        let changes = self.peers.set(listed, Instant::now());
        self.follow(changes);
        self.publish_status();
    }

    /// Sends one batch to all who listen.
    fn send(&mut self) {
        let now = Instant::now();
        let message = self.unsent.take().or_else(|| {
            let batch = self.mempool.next_untold(limits::GOSSIP_BATCH_BYTES_MAX);
            (!batch.is_empty()).then(|| batch::encode(batch))
        });
        let Some(message) = message else { return };
        let full = message.len() >= limits::GOSSIP_BATCH_BYTES_MAX / 2;
        self.send_at = if full { now } else { now + COLLECT };
        match self.swarm.behaviour_mut().gossipsub.publish(self.topic.clone(), message.clone()) {
            Ok(_) => {
                self.metrics.sent_batches.inc();
            }
            Err(PublishError::AllQueuesFull(_) | PublishError::NoPeersSubscribedToTopic) => {
                self.unsent = Some(message);
                self.send_at = now + CONGESTED;
            }
            // The mempool has them told again while they wait.
            Err(fault) => tracing::warn!(%fault, "a batch was not sent"),
        }
    }

    fn on_tick(&mut self) {
        let now = Instant::now();
        let changes = self.peers.judge(now);
        let changed = !changes.is_empty();
        self.follow(changes);
        for (id, addresses) in self.peers.due(now) {
            let dial = DialOpts::peer_id(id)
                .addresses(addresses)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .build();
            if let Err(fault) = self.swarm.dial(dial) {
                tracing::debug!(peer = %id, %fault, "dial not started");
                self.peers.dial_failed(&id, now);
            }
        }
        if changed {
            self.publish_status();
        }
    }

    fn follow(&mut self, changes: Vec<Change>) {
        for change in changes {
            let behaviour = self.swarm.behaviour_mut();
            match change {
                Change::Allow(id) => {
                    behaviour.gossipsub.remove_blacklisted_peer(&id);
                    behaviour.allowed.allow_peer(id);
                }
                Change::Remove(id) => {
                    behaviour.allowed.disallow_peer(id);
                }
                Change::Ban(id) => {
                    behaviour.gossipsub.blacklist_peer(&id);
                    behaviour.allowed.disallow_peer(id);
                    self.metrics.banned.inc();
                    tracing::warn!(
                        peer = %id,
                        "peer sent too much that no honest node sends: disconnected for 10 minutes"
                    );
                }
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let now = Instant::now();
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(event)) => {
                return self.on_gossip(event);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Post(event)) => {
                return self.post.on_event(event);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => {
                if let Err(ping::Failure::Timeout) = event.result {
                    self.swarm.close_connection(event.connection);
                }
                return;
            }
            SwarmEvent::ConnectionEstablished { peer_id, .. } => self.peers.connected(&peer_id),
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.peers.disconnected(&peer_id, now);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                tracing::debug!(%peer, %error, "dial failed");
                self.peers.dial_failed(&peer, now);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                self.metrics.refused_connections.inc();
                tracing::debug!(from = %send_back_addr, %error, "connection refused");
                return;
            }
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                tracing::error!(
                    ?addresses,
                    ?reason,
                    "the mempool's network does not listen any more; restart the node"
                );
                return;
            }
            _ => return,
        }
        self.publish_status();
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let acceptance = self.read_message(&propagation_source, message);
                self.swarm.behaviour_mut().gossipsub.report_message_validation_result(
                    &message_id,
                    &propagation_source,
                    acceptance,
                );
            }
            gossipsub::Event::Subscribed { peer_id, .. } => {
                if let Some(peer) = self.peers.get_mut(&peer_id) {
                    peer.subscribed = true;
                }
                self.publish_status();
            }
            gossipsub::Event::Unsubscribed { peer_id, .. } => {
                if let Some(peer) = self.peers.get_mut(&peer_id) {
                    peer.subscribed = false;
                }
                self.publish_status();
            }
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                tracing::warn!(peer = %peer_id, "peer does not speak this protocol; is it of this network?");
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => {
                tracing::debug!(peer = %peer_id, "peer is slow; batches to it were dropped");
            }
        }
    }

    fn read_message(
        &mut self,
        passed_on_by: &PeerId,
        message: gossipsub::Message,
    ) -> MessageAcceptance {
        let transactions = match batch::decode(&message.data) {
            Ok(transactions) => transactions,
            Err(fault) => {
                // Honest nodes pass on only what they could read.
                self.metrics.invalid_batches.inc();
                tracing::debug!(peer = %passed_on_by, %fault, "message refused");
                if let Some(peer) = self.peers.get_mut(passed_on_by) {
                    peer.offences.fetch_add(MALFORMED_BATCH_OFFENCES, Ordering::Relaxed);
                }
                return MessageAcceptance::Reject;
            }
        };
        let source = message.source.and_then(|source| self.peers.offences_of(&source));
        let Some(offences) = source else { return MessageAcceptance::Reject };
        self.metrics.received_batches.inc();
        self.mempool.receive_from(transactions, &offences);
        MessageAcceptance::Accept
    }

    fn publish_status(&self) {
        let connected = i64::try_from(self.peers.connected_count()).unwrap_or(i64::MAX);
        self.metrics.peers.set(connected);
        let status = self.peers.status();
        self.status.send_if_modified(|before| {
            let changed = *before != status;
            *before = status;
            changed
        });
    }
}
