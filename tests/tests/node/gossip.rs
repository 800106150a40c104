//! The mempool's network: real swarms on loopback.

use std::time::Duration;

use crate::door::{Door, PATIENCE};
use crate::import;
use futures::StreamExt as _;
use libp2p::gossipsub::{self, MessageAuthenticity};
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, tcp, yamux};
use titian_contracts::transaction::TransactionId;
use titian_node::gossip::{
    Gossip, GossipConfig, GossipError, ListedPeer, TELL_AGAIN_MS, batch, protocol_settings,
    topic_of,
};
use titian_node::telemetry::GossipMetrics;

const CHAIN: &str = "titian-devnet-1";

/// A node without consensus: mempool and network.
struct Peer {
    door: Door,
    gossip: Gossip,
    metrics: GossipMetrics,
}

fn identity(number: u8) -> Keypair {
    Keypair::ed25519_from_bytes([number; 32]).expect("any 32 bytes are a seed")
}

fn id_of(number: u8) -> PeerId {
    identity(number).public().to_peer_id()
}

/// A peer that dials us.
fn listed(number: u8) -> ListedPeer {
    ListedPeer { id: id_of(number), addresses: Vec::new() }
}

impl Peer {
    async fn start(number: u8, peers: Vec<ListedPeer>) -> Self {
        Self::start_at(number, "/ip4/127.0.0.1/tcp/0".parse().expect("an address"), peers).await
    }

    async fn start_at(number: u8, listen: Multiaddr, peers: Vec<ListedPeer>) -> Self {
        Self::start_on(Door::new(), number, listen, peers).await
    }

    async fn start_on(door: Door, number: u8, listen: Multiaddr, peers: Vec<ListedPeer>) -> Self {
        let metrics = GossipMetrics::default();
        let config = GossipConfig {
            chain: CHAIN.to_owned(),
            listen: vec![listen],
            peers,
            metrics: metrics.clone(),
        };
        let gossip = Gossip::start(config, identity(number), door.mempool.clone()).await;
        Self { door, gossip: gossip.expect("it starts"), metrics }
    }

    fn as_listed(&self) -> ListedPeer {
        let addresses = self.gossip.listening().to_vec();
        ListedPeer { id: self.gossip.peer_id(), addresses }
    }

    /// Waits until so many peers listen to the topic.
    async fn until_subscribed(&self, count: usize) {
        let mut status = self.gossip.status();
        let reached =
            status.wait_for(|peers| peers.iter().filter(|p| p.subscribed).count() == count);
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        reached.expect("the peers meet in time").expect("the network runs");
    }

    async fn until_banned(&self, id: PeerId) {
        let mut status = self.gossip.status();
        let banned = status.wait_for(|peers| peers.iter().any(|p| p.id == id && p.banned));
        let banned = tokio::time::timeout(PATIENCE, banned).await;
        banned.expect("it is banned in time").expect("the network runs");
    }

    async fn submit(&self, authority: &str, n: u64) -> TransactionId {
        let bytes = self.door.transaction(authority, n);
        self.door.mempool.submit(bytes).await.expect("admitted")
    }

    fn has(&self, id: &TransactionId) -> bool {
        self.door.mempool.checked(id).is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_tell_each_other_everything_their_clients_bring() {
    let a = Peer::start(1, vec![listed(2), listed(3)]).await;
    let b = Peer::start(2, vec![a.as_listed(), listed(3)]).await;
    let c = Peer::start(3, vec![a.as_listed(), b.as_listed()]).await;
    for peer in [&a, &b, &c] {
        peer.until_subscribed(2).await;
    }
    for (peer, authority) in [(&a, "SG:ACRA"), (&b, "MY:SSM"), (&c, "TH:DBD")] {
        // more than one batch of 64 KiB each
        let padding = "x".repeat(1_000);
        let many = (0..150).map(|n| peer.door.transaction_with(authority, n, &padding)).collect();
        let answers = peer.door.mempool.submit_many(many).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    for peer in [&a, &b, &c] {
        peer.door.until_waiting(450).await;
        assert!(peer.metrics.sent_batches.get() >= 3);
        assert_eq!(peer.metrics.invalid_batches.get(), 0);
        assert_eq!(peer.metrics.banned.get(), 0);
    }
    for peer in [a, b, c] {
        peer.gossip.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_parts_of_an_import_of_the_largest_size_reach_the_other_nodes() {
    let (world, parts) = import::open_chunk();
    let door = || Door::on(world.clone(), |_| {});
    let listen: Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
    let a = Peer::start_on(door(), 1, listen.clone(), vec![listed(2)]).await;
    let b = Peer::start_on(door(), 2, listen, vec![a.as_listed()]).await;
    a.until_subscribed(1).await;
    b.until_subscribed(1).await;
    let count = parts.len();
    let answers = a.door.mempool.submit_many(parts).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    b.door.until_waiting(count).await;
    assert_eq!(b.metrics.invalid_batches.get(), 0);
    a.gossip.stop().await;
    b.gossip.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_connected_to_the_source_gets_it_from_the_others() {
    // a - b - c in a line: a and c list each other without an address
    let b = Peer::start(2, vec![listed(1), listed(3)]).await;
    let a = Peer::start(1, vec![b.as_listed(), listed(3)]).await;
    let c = Peer::start(3, vec![b.as_listed(), listed(1)]).await;
    b.until_subscribed(2).await;
    a.until_subscribed(1).await;
    c.until_subscribed(1).await;
    let id = a.submit("SG:ACRA", 1).await;
    // b passes it on before it has verified it itself
    c.door.until_waiting(1).await;
    b.door.until_waiting(1).await;
    assert!(c.has(&id) && b.has(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_transaction_travels() {
    let a = Peer::start(1, vec![listed(2)]).await;
    let b = Peer::start(2, vec![a.as_listed()]).await;
    a.until_subscribed(1).await;
    let largest = a.door.largest("SG:ACRA");
    a.door.mempool.submit(largest).await.expect("within the limit");
    b.door.until_waiting(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused() {
    let a = Peer::start(1, vec![listed(2)]).await;
    let stranger = Peer::start(9, vec![a.as_listed()]).await;
    let strange = stranger.submit("TH:DBD", 1).await;
    let refused = async {
        while a.metrics.refused_connections.get() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("it is refused in time");

    let b = Peer::start(2, vec![a.as_listed()]).await;
    a.until_subscribed(1).await;
    let id = b.submit("MY:SSM", 1).await;
    a.door.until_waiting(1).await;
    assert!(a.has(&id) && !a.has(&strange));
    assert!(stranger.gossip.status().borrow().iter().all(|peer| !peer.subscribed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_taken_from_the_list_is_disconnected() {
    let a = Peer::start(1, vec![listed(2)]).await;
    let b = Peer::start(2, vec![a.as_listed()]).await;
    a.until_subscribed(1).await;
    b.until_subscribed(1).await;
    a.gossip.set_peers(Vec::new()).await.expect("it runs");
    b.until_subscribed(0).await;
    a.gossip.set_peers(vec![listed(2)]).await.expect("it runs");
    a.until_subscribed(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_missed_while_it_was_away_it_is_told_when_it_is_back() {
    let a = Peer::start(1, vec![listed(2), listed(3)]).await;
    let b = Peer::start(2, vec![a.as_listed(), listed(3)]).await;
    let c = Peer::start(3, vec![a.as_listed(), b.as_listed()]).await;
    a.until_subscribed(2).await;
    let at = b.gossip.listening()[0].clone();
    b.gossip.stop().await;
    a.until_subscribed(1).await;
    let missed = a.submit("SG:ACRA", 1).await;
    c.door.until_waiting(1).await;

    let b = Peer::start_at(2, at, vec![a.as_listed(), listed(3)]).await;
    a.until_subscribed(2).await;
    a.door.advance_ms(TELL_AGAIN_MS);
    b.door.until_waiting(1).await;
    assert!(b.has(&missed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_bring_while_no_peer_is_there_is_told_to_the_first_that_comes() {
    let a = Peer::start(1, vec![listed(2)]).await;
    let early = a.submit("SG:ACRA", 1).await;
    let b = Peer::start(2, vec![a.as_listed()]).await;
    b.door.until_waiting(1).await;
    assert!(b.has(&early));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone_takes_transactions_and_stops() {
    let alone = Peer::start(1, Vec::new()).await;
    alone.submit("SG:ACRA", 1).await;
    assert_eq!(alone.door.mempool.len(), 1);
    tokio::time::timeout(PATIENCE, alone.gossip.stop()).await.expect("it stops in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_peers_than_the_limit_are_refused_and_an_address_in_use_is_named() {
    let door = Door::new();
    let config = |peers: usize, listen: Vec<Multiaddr>| GossipConfig {
        chain: CHAIN.to_owned(),
        listen,
        peers: (0..peers).map(|n| listed(100 + n as u8)).collect(),
        metrics: GossipMetrics::default(),
    };
    let most = Gossip::start(config(64, Vec::new()), identity(1), door.mempool.clone()).await;
    most.expect("64 peers are possible").stop().await;
    let beyond = Gossip::start(config(65, Vec::new()), identity(1), door.mempool.clone()).await;
    assert!(matches!(beyond, Err(GossipError::TooManyPeers { count: 65 })));

    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("bound").port();
    let taken: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("an address");
    let in_use = Gossip::start(config(0, vec![taken.clone()]), identity(1), door.mempool).await;
    assert!(matches!(in_use, Err(GossipError::Listen { address, .. }) if address == taken));
}

/// A listed peer that sends what it likes.
struct Rogue {
    swarm: Swarm<gossipsub::Behaviour>,
}

impl Rogue {
    /// Connects to `peer` and waits until it listens.
    async fn meet(number: u8, peer: &Peer) -> Self {
        let settings = protocol_settings().expect("sound settings");
        let settings = gossipsub::ConfigBuilder::from(settings)
            .max_transmit_size(1024 * 1024)
            .build()
            .expect("sound settings");
        let keys = identity(number);
        let authenticity = MessageAuthenticity::Signed(keys.clone());
        let mut behaviour = gossipsub::Behaviour::new(authenticity, settings).expect("sound");
        behaviour.subscribe(&topic_of(CHAIN)).expect("a topic");
        let mut swarm = SwarmBuilder::with_existing_identity(keys)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .expect("a transport")
            .with_behaviour(|_| behaviour)
            .expect("a behaviour")
            .build();
        let to = peer.as_listed();
        swarm.dial(DialOpts::peer_id(to.id).addresses(to.addresses).build()).expect("dials");
        let mut rogue = Self { swarm };
        let subscribed = async {
            loop {
                if rogue.swarm.behaviour().all_peers().any(|(_, topics)| !topics.is_empty()) {
                    return;
                }
                rogue.swarm.select_next_some().await;
            }
        };
        tokio::time::timeout(PATIENCE, subscribed).await.expect("they meet in time");
        rogue
    }

    fn send(&mut self, message: Vec<u8>) {
        // Refused by its own library once it was cut off: that is what the tests wait for.
        let _ = self.swarm.behaviour_mut().publish(topic_of(CHAIN), message);
    }

    /// Lets the swarm work until a message comes.
    async fn until_told(&mut self) {
        let told = async {
            loop {
                let event = self.swarm.select_next_some().await;
                if let SwarmEvent::Behaviour(gossipsub::Event::Message { .. }) = event {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("it is told in time");
    }

    /// Lets the swarm work until `done`.
    async fn until(&mut self, done: impl Future<Output = ()>) {
        tokio::pin!(done);
        let work = async {
            loop {
                tokio::select! {
                    () = &mut done => return,
                    _ = self.swarm.select_next_some() => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, work).await.expect("it happens in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_no_batches_is_banned_and_the_others_go_on() {
    let a = Peer::start(1, vec![listed(2), listed(7)]).await;
    let b = Peer::start(2, vec![a.as_listed(), listed(7)]).await;
    a.until_subscribed(1).await;
    let mut rogue = Rogue::meet(7, &a).await;
    // 10 offences each: the eleventh is beyond the bound of 100
    for n in 0..11 {
        rogue.send(vec![n; 40]);
    }
    rogue.until(a.until_banned(id_of(7))).await;
    assert_eq!(a.metrics.banned.get(), 1);
    assert_eq!(a.metrics.invalid_batches.get(), 11);
    assert!(a.door.mempool.is_empty());
    b.submit("SG:ACRA", 1).await;
    a.door.until_waiting(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_signs_wrongly_is_banned() {
    let a = Peer::start(1, vec![listed(7)]).await;
    let mut rogue = Rogue::meet(7, &a).await;
    let forged: Vec<Vec<u8>> = (0..101)
        .map(|n| {
            let text = String::from_utf8(a.door.transaction("SG:ACRA", n)).expect("JSON");
            text.replace(r#""n":"#, r#""n":1"#).into_bytes()
        })
        .collect();
    rogue.send(batch::encode(forged));
    rogue.until(a.until_banned(id_of(7))).await;
    assert!(a.door.mempool.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_message_is_refused_whatever_it_holds() {
    let a = Peer::start(1, vec![listed(7)]).await;
    let mut rogue = Rogue::meet(7, &a).await;
    let padding = "x".repeat(1_000);
    let too_many = (0..600).map(|n| a.door.transaction_with("SG:ACRA", n, &padding)).collect();
    let oversized: Vec<u8> = batch::encode(too_many);
    assert!(oversized.len() > 2 * batch::BATCH_WIRE_BYTES_MAX);
    rogue.send(oversized);
    // Its answer shows that its connection works; what it sent before is then on its way, and all
    // of it is read before the end of the connection.
    a.submit("TH:DBD", 1).await;
    rogue.until_told().await;
    drop(rogue);
    a.until_subscribed(0).await;
    assert_eq!(a.metrics.received_batches.get(), 0);
    a.submit("TH:DBD", 2).await;
    assert_eq!(a.door.mempool.len(), 2, "nothing but its own");
}

#[test]
fn the_peers_of_the_genesis_are_told_by_the_states_that_run_them() {
    let world = titian_tests::world::World::new();
    let names = titian_node::node::validator_peers(&world.genesis);
    assert_eq!(names.len(), world.nodes.len());
    for node in &world.nodes {
        let peer = titian_node::consensus::peer_id(node.peer_seed);
        assert_eq!(names.get(&peer), Some(&node.cc), "{peer}");
    }
}
