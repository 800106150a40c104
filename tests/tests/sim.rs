//! Deterministic simulation of consensus: four validators, one thread, virtual time.
//!
//! A seed decides everything: loss, delay, partitions, crashes in the middle of a step with replay
//! of the log, an equivocator. Checked at all times: no two validators decide differently, every
//! certificate convinces a light client, no honest validator signs twice. Checked at the end: once
//! the faults stop, all validators decide further blocks.
//! A failure prints the seed; `TITIAN_SIM_SEED=<seed> cargo test --release --workspace --test sim`
//! replays it.

#[path = "sim/node.rs"]
mod node;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_malachitebft_core_consensus::{Input, SignedConsensusMsg};
use arc_malachitebft_core_types::{LinearTimeouts, NilOrVal, Timeout, ValueResponse, VoteType};
use arc_malachitebft_peer::PeerId;
use ed25519_dalek::SigningKey;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use titian_contracts::block::{Validator, ValidatorSet};
use titian_node::consensus::context::{BlockId, Titian};
use titian_node::consensus::signing::Verification;
use titian_node::consensus::{certificate, codec};

use node::{CHAIN, Net, Node, Out, Setup};

const NODES: usize = 4;
const FAULTS_END_MS: u64 = 20_000;
const END_MS: u64 = 120_000;
const BLOCKS_AFTER_FAULTS: u64 = 5;

/// What may go wrong in a run.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    loss_percent: u32,
    delay_ms_max: u64,
    crashes: u32,
    partitions: u32,
    equivocator: bool,
}

enum Event {
    Deliver { from: usize, to: usize, message: Net },
    Timer { node: usize, life: u32, timeout: Timeout, id: u64 },
    Own { node: usize, life: u32, input: Box<Input<Titian>> },
    NextHeight { node: usize, life: u32, height: u64 },
    Sync { node: usize },
    Submit { number: u32 },
    CrashSoon { node: usize, effects: u32 },
    Start { node: usize },
    Partition { side: Vec<bool> },
    Heal,
}

struct Sim {
    rng: StdRng,
    faults: Faults,
    now: u64,
    clock: Arc<AtomicU64>,
    queue: BTreeMap<(u64, u64), Event>,
    next: u64,
    nodes: Vec<Node>,
    lives: Vec<u32>,
    side: Vec<bool>,
    log: Vec<String>,
    // (voter, height, round, kind) -> what it voted for
    votes: BTreeMap<(usize, u64, u32, bool), Option<BlockId>>,
    verification: Verification,
    keys: Vec<SigningKey>,
    height_at_heal: Option<u64>,
}

impl Sim {
    fn new(seed: u64, faults: Faults, home: &Path) -> Self {
        let keys: Vec<SigningKey> =
            (0..NODES).map(|i| SigningKey::from_bytes(&[i as u8 + 1; 32])).collect();
        let validators = keys.iter().enumerate().map(|(i, key)| Validator {
            ams: format!("A{i}"),
            public_key: key.verifying_key().to_bytes(),
            power: 1,
        });
        let set = ValidatorSet::new(validators.collect());
        let clock = Arc::new(AtomicU64::new(0));
        let ms = Duration::from_millis;
        let timeouts = LinearTimeouts {
            propose: ms(1_000),
            propose_delta: ms(250),
            prevote: ms(500),
            prevote_delta: ms(250),
            precommit: ms(500),
            precommit_delta: ms(250),
            rebroadcast: ms(2_000),
            max_timeout: ms(4_000),
        };
        let nodes = keys.iter().enumerate().map(|(index, key)| {
            Node::new(Setup {
                key: key.clone(),
                set: set.clone(),
                home: home.join(format!("node-{index}")),
                clock: Arc::clone(&clock),
                timeouts,
                equivocates: faults.equivocator && index == NODES - 1,
            })
        });
        let mut sim = Self {
            rng: StdRng::seed_from_u64(seed),
            faults,
            now: 0,
            nodes: nodes.collect(),
            clock,
            queue: BTreeMap::new(),
            next: 0,
            lives: vec![0; NODES],
            side: vec![false; NODES],
            log: Vec::new(),
            votes: BTreeMap::new(),
            verification: Verification::new(CHAIN),
            keys,
            height_at_heal: None,
        };
        sim.plan();
        sim
    }

    fn plan(&mut self) {
        for node in 0..NODES {
            let at = self.rng.gen_range(0..50);
            self.at(at, Event::Start { node });
            self.at(500 + node as u64, Event::Sync { node });
        }
        for number in 0..200 {
            self.at(u64::from(number) * 150, Event::Submit { number });
        }
        for _ in 0..self.faults.crashes {
            // one at a time, or all together
            let at = self.rng.gen_range(500..FAULTS_END_MS - 4_000);
            let down = self.rng.gen_range(100..3_000);
            let all = self.rng.gen_bool(0.3);
            let first = self.rng.gen_range(0..NODES);
            for node in 0..NODES {
                if all || node == first {
                    let effects = self.rng.gen_range(0..40);
                    self.at(at, Event::CrashSoon { node, effects });
                    let late = self.rng.gen_range(0..500);
                    self.at(at + down + late, Event::Start { node });
                }
            }
        }
        for _ in 0..self.faults.partitions {
            let at = self.rng.gen_range(500..FAULTS_END_MS - 4_000);
            let side = (0..NODES).map(|_| self.rng.gen_bool(0.5)).collect();
            self.at(at, Event::Partition { side });
            let lasts = self.rng.gen_range(500..4_000);
            self.at(at + lasts, Event::Partition { side: vec![false; NODES] });
        }
        self.at(FAULTS_END_MS, Event::Heal);
    }

    fn at(&mut self, time: u64, event: Event) {
        self.next += 1;
        self.queue.insert((time, self.next), event);
    }

    fn note(&mut self, node: usize, text: &str) {
        self.log.push(format!("{:>7} n{node} {text}", self.now));
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(((time, _), event)) = self.queue.pop_first() {
            self.now = time;
            self.clock.store(1_000_000 + time, Ordering::SeqCst);
            if time > END_MS {
                let nodes: Vec<String> = self.nodes.iter().map(Node::describe).collect();
                return Err(format!("stuck:\n{}", nodes.join("\n")));
            }
            self.step(event)?;
            self.agreement()?;
            let goal = self.height_at_heal.map(|height| height + BLOCKS_AFTER_FAULTS);
            if goal.is_some_and(|goal| self.heights().iter().all(|height| *height >= goal)) {
                return self.evidence();
            }
        }
        Err("nothing happens any more".to_owned())
    }

    fn heights(&self) -> Vec<u64> {
        self.nodes.iter().map(|node| node.env.store.height()).collect()
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        let (node, result) = match event {
            Event::Deliver { from, to, message } => {
                if !self.nodes[to].is_up() || self.side[from] != self.side[to] {
                    return Ok(());
                }
                (to, self.nodes[to].receive(from, message))
            }
            Event::Timer { node, life, timeout, id } if self.lives[node] == life => {
                (node, self.nodes[node].timer(timeout, id))
            }
            Event::Own { node, life, input } if self.lives[node] == life => {
                (node, self.nodes[node].feed(*input))
            }
            Event::NextHeight { node, life, height } if self.lives[node] == life => {
                (node, self.nodes[node].start_height(height))
            }
            Event::Sync { node } => {
                let later = self.now + 700;
                self.at(later, Event::Sync { node });
                (node, self.sync(node))
            }
            Event::Submit { number } => {
                for node in &self.nodes {
                    node.env.store.submit(format!("transaction {number}").into_bytes());
                }
                return Ok(());
            }
            Event::CrashSoon { node, effects } => {
                self.nodes[node].crash_after(Some(effects));
                return Ok(());
            }
            Event::Start { node } if !self.nodes[node].is_up() => {
                self.note(node, "starts");
                (node, self.nodes[node].start())
            }
            Event::Partition { side } => {
                self.log.push(format!("{:>7} partition {side:?}", self.now));
                self.side = side;
                return Ok(());
            }
            Event::Heal => {
                self.faults = Faults { equivocator: self.faults.equivocator, ..Faults::default() };
                self.side = vec![false; NODES];
                let highest = self.heights().into_iter().max().unwrap_or(0);
                self.height_at_heal = Some(highest);
                self.log.push(format!("{:>7} faults end at height {highest}", self.now));
                for node in 0..NODES {
                    self.nodes[node].crash_after(None);
                    let now = self.now;
                    self.at(now, Event::Start { node });
                }
                return Ok(());
            }
            Event::Timer { .. }
            | Event::Own { .. }
            | Event::NextHeight { .. }
            | Event::Start { .. } => {
                return Ok(());
            }
        };
        result.map_err(|error| format!("node {node} fails at {} ms: {error}", self.now))?;
        self.collect(node)
    }

    // a lagging node asks the first peer it reaches that is ahead
    fn sync(&mut self, node: usize) -> Result<(), String> {
        if !self.nodes[node].is_up() {
            return Ok(());
        }
        let wanted = self.nodes[node].env.store.height() + 1;
        let peer = (0..NODES).find(|peer| {
            self.nodes[*peer].is_up()
                && self.side[*peer] == self.side[node]
                && self.nodes[*peer].env.store.height() >= wanted
        });
        let Some(peer) = peer else { return Ok(()) };
        let Some((found, body)) = self.nodes[peer].env.decided(wanted) else { return Ok(()) };
        self.note(node, &format!("syncs {wanted} from n{peer}"));
        // an identity multihash, as every peer id of an Ed25519 key
        let mut id = vec![0, 36, 8, 1, 18, 32];
        id.extend_from_slice(&self.keys[peer].verifying_key().to_bytes());
        let id = PeerId::from_bytes(&id).expect("a peer id");
        let response = ValueResponse::new(id, body, certificate::extended(&found));
        self.nodes[node].feed(Input::SyncValueResponse(response))
    }

    fn collect(&mut self, node: usize) -> Result<(), String> {
        if self.nodes[node].env.crashed {
            // what left before the crash is on its way
            self.deliver_out(node)?;
            self.note(node, "crashes");
            self.nodes[node].crash();
            self.lives[node] += 1;
            return Ok(());
        }
        self.deliver_out(node)
    }

    fn deliver_out(&mut self, node: usize) -> Result<(), String> {
        let life = self.lives[node];
        for out in std::mem::take(&mut self.nodes[node].env.out) {
            match out {
                Out::Broadcast(message) => {
                    self.watch_votes(node, &message)?;
                    for to in (0..NODES).filter(|to| *to != node) {
                        self.send(node, to, message.clone());
                    }
                }
                Out::Split(even, odd) => {
                    for to in (0..NODES).filter(|to| *to != node) {
                        let message = if to % 2 == 0 { even.clone() } else { odd.clone() };
                        self.send(node, to, message);
                    }
                }
                Out::Timer(timeout, ms, id) => {
                    let at = self.now + ms;
                    self.at(at, Event::Timer { node, life, timeout, id });
                }
                Out::Own(input) => {
                    let at = self.now + 1;
                    self.at(at, Event::Own { node, life, input });
                }
                Out::NextHeight(height) => {
                    let at = self.now + 100;
                    self.at(at, Event::NextHeight { node, life, height });
                }
                Out::Note(text) => self.note(node, &text),
            }
        }
        Ok(())
    }

    fn send(&mut self, from: usize, to: usize, message: Net) {
        let lost = self.rng.gen_range(0..100) < self.faults.loss_percent;
        let delay = 1 + self.rng.gen_range(0..=self.faults.delay_ms_max);
        if !lost {
            let at = self.now + delay;
            self.at(at, Event::Deliver { from, to, message });
        }
    }

    // a validator that signs two votes for one place is what guard and log exist to prevent
    fn watch_votes(&mut self, node: usize, message: &Net) -> Result<(), String> {
        let Net::Consensus(bytes) = message else { return Ok(()) };
        let Ok(SignedConsensusMsg::Vote(vote)) = codec::decode(bytes.clone()) else {
            return Ok(());
        };
        let key = self.keys[node].verifying_key();
        if !self.verification.vote(&vote.message, &vote.signature, &key) {
            return Err(format!("node {node} sends a vote that does not verify"));
        }
        let round = vote.message.round.as_u32().unwrap_or(0);
        let kind = vote.message.kind == VoteType::Precommit;
        let value = match vote.message.value {
            NilOrVal::Nil => None,
            NilOrVal::Val(id) => Some(id),
        };
        let place = (node, vote.message.height.0, round, kind);
        match self.votes.insert(place, value) {
            Some(before) if before != value => Err(format!("node {node} voted twice at {place:?}")),
            _ => Ok(()),
        }
    }

    fn agreement(&self) -> Result<(), String> {
        let tallest = self.nodes.iter().max_by_key(|node| node.env.store.height());
        let Some(tallest) = tallest else { return Ok(()) };
        for (index, node) in self.nodes.iter().enumerate() {
            let height = node.env.store.height();
            if node.env.store.block(height) != tallest.env.store.block(height) {
                return Err(format!("node {index} decided another block at height {height}"));
            }
        }
        Ok(())
    }

    // the equivocator is found out, and nobody else
    fn evidence(&self) -> Result<(), String> {
        let culprit = titian_contracts::block::validator_address(
            &self.keys[NODES - 1].verifying_key().to_bytes(),
        );
        let found: Vec<_> = self.nodes.iter().flat_map(|node| node.env.store.evidence()).collect();
        if found.is_empty() == self.faults.equivocator {
            return Err(format!("{} pieces of evidence", found.len()));
        }
        for evidence in found {
            let key = self.keys[NODES - 1].verifying_key();
            let signed = evidence.statements.iter().all(|statement| {
                let signature = ed25519_dalek::Signature::from_bytes(&statement.signature);
                key.verify_strict(&statement.sign_bytes, &signature).is_ok()
            });
            let differ = evidence.statements[0].sign_bytes != evidence.statements[1].sign_bytes;
            if evidence.validator != culprit || !signed || !differ {
                return Err("evidence that proves nothing".to_owned());
            }
        }
        Ok(())
    }
}

fn simulate(seed: u64, faults: Faults) -> Vec<String> {
    let home = tempfile::tempdir().expect("folder");
    let mut sim = Sim::new(seed, faults, home.path());
    if let Err(error) = sim.run() {
        let tail = sim.log.len().saturating_sub(60);
        panic!(
            "seed {seed} with {faults:?}: {error}\n{}\nreplay: TITIAN_SIM_SEED={seed} cargo test \
             --release --workspace --test sim",
            sim.log[tail..].join("\n")
        );
    }
    sim.log
}

fn each_seed(count: u64, faults: Faults) {
    let chosen = std::env::var("TITIAN_SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = chosen.map_or_else(|| (0..count).collect(), |seed| vec![seed]);
    for seed in seeds {
        simulate(seed, faults);
    }
}

const NETWORK: Faults =
    Faults { loss_percent: 0, delay_ms_max: 40, crashes: 0, partitions: 0, equivocator: false };

#[test]
fn a_quiet_network_decides() {
    each_seed(3, NETWORK);
}

#[test]
fn loss_and_delay_do_not_split_it() {
    each_seed(6, Faults { loss_percent: 15, delay_ms_max: 300, ..NETWORK });
}

#[test]
fn partitions_heal() {
    each_seed(6, Faults { partitions: 3, ..NETWORK });
}

#[test]
fn crashes_in_the_middle_of_a_step_neither_double_sign_nor_stop_it() {
    each_seed(12, Faults { crashes: 8, ..NETWORK });
}

#[test]
fn an_equivocator_is_found_out() {
    each_seed(6, Faults { equivocator: true, ..NETWORK });
}

#[test]
fn everything_at_once() {
    each_seed(
        8,
        Faults { loss_percent: 5, delay_ms_max: 150, crashes: 4, partitions: 2, equivocator: true },
    );
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let faults = Faults { loss_percent: 5, crashes: 4, partitions: 2, ..NETWORK };
    let first = simulate(42, faults);
    let second = simulate(42, faults);
    assert!(first.len() > 20);
    assert_eq!(first, second);
    assert_ne!(first, simulate(43, faults));
}
