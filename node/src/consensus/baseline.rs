//! The engine alone, as a yardstick: validators on loopback that decide opaque payloads.
//!
//! Same engine settings as the node, the application in memory, no execution, no signatures on
//! payloads, no database. What the node reaches is reported as a fraction of this.

use std::path::Path;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use titian_contracts::block::{Validator, ValidatorSet, validator_address};

use super::memory::{MemoryApplication, MemoryStore};
use super::{ConsensusConfig, Engine, EngineError, peer_id, start};

/// One node of a network on loopback.
#[derive(Clone, Debug)]
pub struct LoopbackNode {
    /// Its configuration; may be changed before it is started.
    pub config: ConsensusConfig,
    /// Its disk.
    pub store: MemoryStore,
}

impl LoopbackNode {
    /// Its application, over its disk.
    pub fn application(&self) -> MemoryApplication {
        let key = SigningKey::from_bytes(&self.config.validator_seed).verifying_key();
        let proposer = validator_address(&key.to_bytes());
        MemoryApplication::new(self.store.clone(), proposer, MemoryApplication::system_clock())
    }

    /// Starts its engine.
    pub async fn start(&self) -> Result<Engine, EngineError> {
        start(self.config.clone(), self.application()).await
    }
}

/// Prepares `count` validators of equal power, their folders under `home`, on the ports from
/// `base_port` on.
pub fn loopback(
    home: &Path,
    base_port: u16,
    count: u16,
    block_target_time: Duration,
    empty_block_interval: Duration,
) -> Vec<LoopbackNode> {
    let chain = "titian-loopback";
    let seeds: Vec<[u8; 32]> = (0..count)
        .map(|i| *blake3::hash(format!("titian loopback {i}").as_bytes()).as_bytes())
        .collect();
    let validators = seeds.iter().enumerate().map(|(i, seed)| Validator {
        ams: format!("A{i}"),
        public_key: SigningKey::from_bytes(seed).verifying_key().to_bytes(),
        power: 1,
    });
    let validators = ValidatorSet::new(validators.collect());
    let listen: Vec<String> =
        (0..count).map(|i| format!("/ip4/127.0.0.1/tcp/{}", base_port.saturating_add(i))).collect();
    let nodes = seeds.iter().enumerate().map(|(i, seed)| {
        let others = listen.iter().zip(&seeds).filter(|(_, other)| *other != seed);
        let store = MemoryStore::new(chain, validators.clone());
        let config = ConsensusConfig {
            chain: chain.to_owned(),
            name: format!("loopback-{i}"),
            home: home.join(format!("node-{i}")),
            listen: listen.get(i).cloned().unwrap_or_default(),
            peers: others.map(|(at, other)| format!("{at}/p2p/{}", peer_id(*other))).collect(),
            validator_seed: *seed,
            network_seed: *seed,
            vote: true,
            new_guard: false,
            voter: None,
            block_target_time,
            empty_block_interval,
            propose_timeout: Duration::from_secs(1),
            work: store.work(),
        };
        LoopbackNode { config, store }
    });
    nodes.collect()
}

/// What the engine alone reaches.
#[derive(Clone, Copy, Debug)]
pub struct Baseline {
    /// Payloads decided.
    pub payloads: u64,
    /// Blocks they needed.
    pub blocks: u64,
    /// From the first submission to the last decision on all nodes.
    pub seconds: f64,
}

impl Baseline {
    /// Payloads per second.
    pub fn payloads_per_second(&self) -> f64 {
        self.payloads as f64 / self.seconds
    }
}

/// Lets four engines decide `payloads` payloads of `payload_bytes` bytes and measures it. Every
/// node holds all payloads before the start, as after perfect gossip.
pub async fn measure(
    home: &Path,
    base_port: u16,
    payloads: u64,
    payload_bytes: usize,
    block_target_time: Duration,
) -> anyhow::Result<Baseline> {
    let nodes = loopback(home, base_port, 4, block_target_time, Duration::from_secs(1));
    let mut engines = Vec::new();
    for node in &nodes {
        engines.push(node.start().await?);
    }
    // connected and deciding before the clock runs
    for engine in &engines {
        engine.status().wait_for(|status| status.height >= 1).await?;
    }
    let before = nodes.iter().map(|node| node.store.height()).max().unwrap_or(0);
    let begin = Instant::now();
    for number in 0..payloads {
        let mut payload = vec![0; payload_bytes.max(8)];
        payload[..8].copy_from_slice(&number.to_be_bytes());
        for node in &nodes {
            node.store.submit(payload.clone());
        }
    }
    for (node, engine) in nodes.iter().zip(&engines) {
        engine.status().wait_for(|_| node.store.transactions() >= payloads).await?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let after = nodes.iter().map(|node| node.store.height()).max().unwrap_or(0);
    for engine in engines {
        engine.stop().await;
    }
    Ok(Baseline { payloads, blocks: after.saturating_sub(before), seconds })
}
