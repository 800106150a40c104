//! Four engines on loopback: they agree, go on without one, take it back, and resume.

use std::time::{Duration, Instant};

use arc_malachitebft_sync as sync;
use futures::StreamExt as _;
use libp2p::identity::Keypair;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, SwarmBuilder, noise, request_response, tcp, yamux};
use titian_contracts::block::ValidatorSet;
use titian_node::consensus::Application;
use titian_node::consensus::baseline::{self, LoopbackNode, loopback};
use titian_node::consensus::codec;
use titian_node::consensus::context::{Height, Titian};
use titian_node::consensus::{Engine, EngineStatus, Phase};
use titian_tests::ports::free_forty;

const DEADLINE: Duration = Duration::from_secs(60);
const RESUME: Duration = Duration::from_secs(10);

fn network(home: &std::path::Path, count: u16) -> Vec<LoopbackNode> {
    loopback(home, free_forty(), count, Duration::from_millis(50), Duration::from_millis(500))
}

async fn wait(
    engine: &Engine,
    within: Duration,
    what: &str,
    done: impl FnMut(&EngineStatus) -> bool,
) {
    let mut status = engine.status();
    let waited = tokio::time::timeout(within, status.wait_for(done)).await;
    let met = matches!(waited, Ok(Ok(_)));
    assert!(met, "{what} not within {within:?}: {:?}", engine.status().borrow());
}

async fn start_all(nodes: &[LoopbackNode]) -> Vec<Engine> {
    let mut engines = Vec::new();
    for node in nodes {
        engines.push(node.start().await.expect("starts"));
    }
    engines
}

fn assert_same_blocks(nodes: &[LoopbackNode], up_to: u64) {
    for height in 1..=up_to {
        let first = nodes[0].store.block(height).expect("decided");
        for node in nodes {
            assert_eq!(node.store.block(height), Some(first), "height {height}");
        }
    }
}

fn validators(node: &LoopbackNode) -> ValidatorSet {
    node.application().validator_set(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_validators_decide_the_same_twenty_blocks() {
    let home = tempfile::tempdir().expect("folder");
    let nodes = network(home.path(), 4);
    let engines = start_all(&nodes).await;
    wait(&engines[0], DEADLINE, "first block", |status| status.height >= 1).await;
    for number in 0..40_u8 {
        for node in &nodes {
            node.store.submit(vec![number; 100]);
        }
        let height = nodes[0].store.height();
        wait(&engines[0], DEADLINE, "a block", |status| status.height > height).await;
        if nodes[0].store.height() >= 20 {
            break;
        }
    }
    for engine in &engines {
        wait(engine, DEADLINE, "height 20", |status| status.height >= 20).await;
    }
    assert_same_blocks(&nodes, 20);
    let set = validators(&nodes[0]);
    for node in &nodes {
        let certificate = node.store.certificate(20).expect("decided");
        assert_eq!(certificate.check(&node.config.chain, &set), Ok(()));
        assert_ne!(certificate.check("another-chain", &set), Ok(()));
        assert!(node.store.transactions() > 0);
    }
    for engine in engines {
        let status = engine.status();
        engine.stop().await;
        assert_eq!(status.borrow().phase, Phase::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_go_on_without_the_fourth_which_catches_up_later() {
    let home = tempfile::tempdir().expect("folder");
    let nodes = network(home.path(), 4);
    let mut engines = start_all(&nodes).await;
    for engine in &engines {
        wait(engine, DEADLINE, "height 2", |status| status.height >= 2).await;
    }
    engines.pop().expect("four").stop().await;
    let stopped_at = nodes[3].store.height();
    let goal = stopped_at + 5;
    for engine in &engines {
        wait(engine, DEADLINE, "blocks of three", |status| status.height >= goal).await;
    }
    assert!(nodes[3].store.height() <= stopped_at + 1);
    engines.push(nodes[3].start().await.expect("starts again"));
    wait(&engines[3], DEADLINE, "catching up", |status| status.height >= goal).await;
    assert_same_blocks(&nodes, goal);
    for engine in engines {
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_resume_after_all_were_stopped() {
    let home = tempfile::tempdir().expect("folder");
    let nodes = network(home.path(), 4);
    let engines = start_all(&nodes).await;
    for engine in &engines {
        wait(engine, DEADLINE, "height 3", |status| status.height >= 3).await;
    }
    for engine in engines {
        engine.stop().await;
    }
    let before = nodes.iter().map(|node| node.store.height()).max().expect("four");
    let engines = start_all(&nodes).await;
    for engine in &engines {
        wait(engine, RESUME, "a new block", |status| status.height > before).await;
    }
    assert_same_blocks(&nodes, before + 1);
    for engine in engines {
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_observer_follows_without_voting() {
    let home = tempfile::tempdir().expect("folder");
    let mut nodes = network(home.path(), 4);
    nodes[3].config.vote = false;
    let engines = start_all(&nodes).await;
    for engine in &engines {
        wait(engine, DEADLINE, "height 3", |status| status.height >= 3).await;
    }
    let observer = validators(&nodes[3]).validators[3].address();
    let signed =
        (1..=3).flat_map(|height| nodes[0].store.certificate(height).expect("decided").signatures);
    assert!(signed.into_iter().all(|(address, _)| address != observer));
    for engine in engines {
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_idle_network_answers_a_transaction_without_waiting_for_the_empty_block() {
    let home = tempfile::tempdir().expect("folder");
    let mut nodes = network(home.path(), 4);
    for node in &mut nodes {
        node.config.empty_block_interval = Duration::from_secs(30);
    }
    let engines = start_all(&nodes).await;
    for engine in &engines {
        wait(engine, DEADLINE, "rest", |status| {
            status.height >= 1 && status.phase == Phase::Waiting
        })
        .await;
    }
    let mut samples = Vec::new();
    for number in 0..20_u8 {
        let began = Instant::now();
        for node in &nodes {
            node.store.submit(vec![number; 300]);
        }
        let goal = u64::from(number) + 1;
        wait(&engines[0], Duration::from_secs(10), "the transaction", |_| {
            nodes[0].store.transactions() >= goal
        })
        .await;
        samples.push(began.elapsed());
        for engine in &engines {
            let height = nodes[0].store.height();
            wait(engine, DEADLINE, "rest", |status| {
                status.height >= height && status.phase == Phase::Waiting
            })
            .await;
        }
    }
    samples.sort();
    println!("submit to decision: p50 {:?}, max {:?}", samples[10], samples[19]);
    assert!(samples[10] < Duration::from_secs(1), "{samples:?}");
    for engine in engines {
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn strangers_are_refused() {
    let home = tempfile::tempdir().expect("folder");
    let mut nodes = network(home.path(), 5);
    // nobody knows the fifth
    let stranger = titian_node::consensus::peer_id(nodes[4].config.network_seed);
    for node in &mut nodes[..4] {
        node.config.peers.retain(|peer| !peer.ends_with(&stranger));
    }
    // it starts when block 1 can only be had by asking for it: what is gossiped just then may
    // reach a stranger before it has said who it is
    let mut engines = start_all(&nodes[..4]).await;
    for engine in &engines {
        wait(engine, DEADLINE, "height 2", |status| status.height >= 2).await;
    }
    engines.push(nodes[4].start().await.expect("starts"));
    let goal = nodes[0].store.height() + 3;
    for engine in &engines[..4] {
        wait(engine, DEADLINE, "blocks of four", |status| status.height >= goal).await;
        assert!(engine.peers().iter().all(|peer| peer.id != stranger));
    }
    assert_eq!(nodes[4].store.height(), 0);
    // once it is allowed, it follows
    let address = format!("{}/p2p/{stranger}", nodes[4].config.listen);
    for engine in &engines[..4] {
        engine.add_peer(address.clone()).await.expect("added");
    }
    wait(&engines[4], DEADLINE, "following", |status| status.height >= goal).await;
    for engine in engines {
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_not_listed_and_hides_its_name_gets_no_block() {
    let home = tempfile::tempdir().expect("folder");
    let listed = Keypair::generate_ed25519();
    let mut nodes = network(home.path(), 1);
    let id = listed.public().to_peer_id();
    nodes[0].config.peers = vec![format!("/ip4/127.0.0.1/tcp/1/p2p/{id}")];
    let engine = nodes[0].start().await.expect("starts");
    // who answers hears of a block a moment after it is decided, at the latest with those after it
    let mut served = false;
    for height in 1..=20 {
        wait(&engine, DEADLINE, "a block", |status| status.height >= height).await;
        let answer = ask_for_block_one(listed.clone(), &nodes[0].config.listen).await;
        served = !answer.expect("an answer").values.is_empty();
        if served {
            break;
        }
    }
    assert!(served, "a listed peer gets no block");
    let answer = ask_for_block_one(Keypair::generate_ed25519(), &nodes[0].config.listen).await;
    assert!(answer.is_err(), "a stranger is served: {answer:?}");
    engine.stop().await;
}

// a peer that asks for blocks, and never says who it is by the identify protocol
#[derive(NetworkBehaviour)]
struct Nameless {
    sync: sync::Behaviour,
    // what arrives here is not read; who does not speak it is cut off before it can ask
    scatter: sync::Behaviour,
}

async fn ask_for_block_one(
    keypair: Keypair,
    at: &str,
) -> Result<sync::ValueResponse<Titian>, String> {
    let speak = |protocol: &str| {
        let config = sync::Config::default().with_request_timeout(DEADLINE);
        sync::Behaviour::new(config, protocol.to_owned()).expect("a protocol name")
    };
    let mut swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("transport")
        .with_behaviour(|_| Nameless {
            sync: speak("/malachitebft-sync/v1beta1"),
            scatter: speak("/ax/broadcast/1.0.0"),
        })
        .expect("behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(DEADLINE))
        .build();
    swarm.dial(at.parse::<Multiaddr>().expect("address")).expect("dials");
    let conversation = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                    let range = Height(1)..=Height(1);
                    let request = sync::Request::ValueRequest(sync::ValueRequest::new(range));
                    let bytes = codec::encode(&request).expect("encodes");
                    swarm.behaviour_mut().sync.send_request(peer_id, bytes);
                }
                SwarmEvent::Behaviour(NamelessEvent::Sync(request_response::Event::Message {
                    message: request_response::Message::Response { response, .. },
                    ..
                })) => {
                    let sync::Response::ValueResponse(values) =
                        codec::decode(response.0).expect("decodes");
                    return Ok(values);
                }
                SwarmEvent::Behaviour(NamelessEvent::Sync(
                    request_response::Event::OutboundFailure { error, .. },
                )) => return Err(error.to_string()),
                _ => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE, conversation).await.expect("an end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_peer_address_without_peer_id_is_refused() {
    let home = tempfile::tempdir().expect("folder");
    let mut nodes = network(home.path(), 2);
    nodes[0].config.peers = vec!["/ip4/127.0.0.1/tcp/1".to_owned()];
    assert!(nodes[0].start().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_in_use_is_refused() {
    let home = tempfile::tempdir().expect("folder");
    let nodes = network(home.path(), 1);
    let engine = nodes[0].start().await.expect("starts");
    wait(&engine, DEADLINE, "a block alone", |status| status.height >= 1).await;
    assert!(nodes[0].start().await.is_err(), "two engines on one guard");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_bare_engine_can_be_measured() {
    let home = tempfile::tempdir().expect("folder");
    let result =
        baseline::measure(home.path(), free_forty(), 5_000, 300, Duration::from_millis(100))
            .await
            .expect("measures");
    println!("{result:?}: {:.0} payloads/s", result.payloads_per_second());
    assert_eq!(result.payloads, 5_000);
}
