//! One simulated validator: the consensus core, its log, its guard and its application.
//!
//! Everything the engine does around the core is done here without threads, network and clock, in
//! the order of the engine: log, flush, publish; start of a height, then replay of the log.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};

use arc_malachitebft_core_consensus::{
    Effect, Error, Input, LivenessMsg, LocallyProposedValue, Params, ProposedValue, Resumable,
    Resume, SignedConsensusMsg, State, VoteExtensionError, process,
};
use arc_malachitebft_core_types::{
    LinearTimeouts, NilOrVal, Round, SignedMessage, Timeout, Validity, ValueOrigin, ValuePayload,
    VoteExtensionPolicy,
};
use arc_malachitebft_metrics::Metrics;
use arc_malachitebft_signing::VerifierExt;
use borsh::BorshDeserialize;
use ed25519_dalek::{Signer, SigningKey};
use titian_contracts::block::{self, Block, transaction_root, validator_address};
use titian_contracts::digest::Digest;
use titian_node::consensus::application::{Application, Origin, ReceivedBlock, Verdict};
use titian_node::consensus::context::{Address, BlockId, Height, Titian, ValidatorSet, Vote};
use titian_node::consensus::guard::Guard;
use titian_node::consensus::memory::{MemoryApplication, MemoryStore};
use titian_node::consensus::parts::{self, Assembly, Part};
use titian_node::consensus::signing::{
    GuardedSigner, PublicKey, Signature, Verification, vote_bytes,
};
use titian_node::consensus::{Bytes, certificate, codec, gate};

pub const CHAIN: &str = "titian-simulation";

/// A message on its way, in wire form.
#[derive(Clone, Debug)]
pub enum Net {
    Consensus(Bytes),
    Liveness(Bytes),
    Part(Vec<u8>, Bytes),
}

/// What a node wants from the simulation.
pub enum Out {
    Broadcast(Net),
    /// To peers with an even index the first, to the others the second.
    Split(Net, Net),
    Timer(Timeout, u64, u64),
    Own(Box<Input<Titian>>),
    NextHeight(u64),
    Note(String),
}

pub struct Setup {
    pub key: SigningKey,
    pub set: block::ValidatorSet,
    pub home: PathBuf,
    pub clock: Arc<AtomicU64>,
    pub timeouts: LinearTimeouts,
    pub equivocates: bool,
}

#[derive(Default)]
struct Wal {
    height: u64,
    entries: Vec<Input<Titian>>,
    flushed: usize,
}

/// Everything of a node but the core.
pub struct Env {
    setup: Setup,
    pub store: MemoryStore,
    app: MemoryApplication,
    signer: Option<GuardedSigner>,
    verification: Verification,
    set: ValidatorSet,
    wal: Wal,
    recovering: bool,
    recovered: bool,
    timers: Vec<(Timeout, u64)>,
    next_timer: u64,
    pub out: Vec<Out>,
    assembly: Assembly,
    early: Vec<parts::Assembled>,
    streams: u64,
    crash_after: Option<u32>,
    pub crashed: bool,
}

pub struct Node {
    pub env: Env,
    state: Option<State<Titian>>,
    metrics: Metrics,
}

// the verifier of the ledger never waits, so its futures are ready at once
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("verification does not wait"),
    }
}

impl Node {
    pub fn new(setup: Setup) -> Self {
        let store = MemoryStore::new(CHAIN, setup.set.clone());
        let app = Env::application(&setup, &store);
        let set = ValidatorSet::of(&setup.set).expect("keys are valid");
        let env = Env {
            store,
            app,
            signer: None,
            verification: Verification::new(CHAIN),
            set,
            wal: Wal::default(),
            recovering: false,
            recovered: false,
            timers: Vec::new(),
            next_timer: 0,
            out: Vec::new(),
            assembly: Assembly::default(),
            early: Vec::new(),
            streams: 0,
            crash_after: None,
            crashed: false,
            setup,
        };
        Self { env, state: None, metrics: Metrics::new() }
    }

    pub fn is_up(&self) -> bool {
        self.state.is_some()
    }

    /// Dies after `effects` more effects, in the middle of whatever it does then; with `None` it
    /// goes on living.
    pub fn crash_after(&mut self, effects: Option<u32>) {
        self.env.crash_after = effects;
    }

    /// Where the core stands, for the message of a failure.
    pub fn describe(&self) -> String {
        self.state.as_ref().map_or_else(
            || "down".to_owned(),
            |state| {
                format!(
                    "height {} round {} step {:?} locked {:?} timers {:?} votes {:?}",
                    state.height(),
                    state.round(),
                    state.driver.step(),
                    state.driver.round_state().locked,
                    self.env.timers,
                    state.driver.votes().all_rounds(),
                )
            },
        )
    }

    /// Loses everything that was not synced.
    pub fn crash(&mut self) {
        self.state = None;
        let env = &mut self.env;
        env.signer = None;
        env.timers.clear();
        env.out.clear();
        env.assembly = Assembly::default();
        env.early.clear();
        env.wal.entries.truncate(env.wal.flushed);
        env.crash_after = None;
        env.crashed = false;
    }

    /// Comes up with what the disk holds.
    pub fn start(&mut self) -> Result<(), String> {
        let env = &mut self.env;
        let guard = Guard::open(&env.setup.home.join("guard")).map_err(|e| e.to_string())?;
        env.signer = Some(GuardedSigner::new(CHAIN, env.setup.key.clone(), guard));
        env.app = Env::application(&env.setup, &env.store);
        env.recovered = false;
        let height = env.store.height() + 1;
        let params = Params {
            address: env.address(),
            threshold_params: Default::default(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: true,
        };
        self.state = Some(State::new(Titian, Height(height), env.set.clone(), params, 10, 2_000));
        self.start_height(height)
    }

    pub fn start_height(&mut self, height: u64) -> Result<(), String> {
        if self.env.wal.height != height {
            self.env.wal = Wal { height, ..Wal::default() };
        }
        let entries = self.env.wal.entries.clone();
        let policy = VoteExtensionPolicy::Disabled;
        let set = self.env.set.clone();
        self.feed(Input::StartHeight(Height(height), set, false, None, policy))?;
        if entries.is_empty() || self.env.crashed {
            return Ok(());
        }
        self.env.out.push(Out::Note(format!("replays {} log entries", entries.len())));
        if let Some(state) = &mut self.state {
            state.index_wal_entries(entries.iter());
        }
        self.env.recovering = true;
        let replayed = entries.into_iter().try_for_each(|entry| self.feed(entry));
        self.env.recovering = false;
        if let Some(state) = &mut self.state {
            state.reset_entries_index();
        }
        replayed
    }

    pub fn timer(&mut self, timeout: Timeout, id: u64) -> Result<(), String> {
        let Some(at) = self.env.timers.iter().position(|timer| *timer == (timeout, id)) else {
            return Ok(());
        };
        self.env.timers.remove(at);
        self.feed(Input::TimeoutElapsed(timeout))
    }

    pub fn receive(&mut self, from: usize, message: Net) -> Result<(), String> {
        match message {
            Net::Consensus(bytes) => {
                match codec::decode::<SignedConsensusMsg<Titian>>(bytes).expect("own form") {
                    SignedConsensusMsg::Vote(vote) => self.feed(Input::Vote(vote)),
                    SignedConsensusMsg::Proposal(proposal) => self.feed(Input::Proposal(proposal)),
                }
            }
            Net::Liveness(bytes) => {
                match codec::decode::<LivenessMsg<Titian>>(bytes).expect("own form") {
                    LivenessMsg::Vote(vote) => self.feed(Input::Vote(vote)),
                    LivenessMsg::PolkaCertificate(c) => self.feed(Input::PolkaCertificate(c)),
                    LivenessMsg::SkipRoundCertificate(c) => self.feed(Input::RoundCertificate(c)),
                }
            }
            Net::Part(stream, bytes) => {
                let part: Part = codec::decode(bytes).expect("own form");
                let value = self.env.receive_part(from, stream, part);
                value.map_or(Ok(()), |value| {
                    self.feed(Input::ProposedValue(value, ValueOrigin::Consensus))
                })
            }
        }
    }

    pub fn feed(&mut self, input: Input<Titian>) -> Result<(), String> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let env = &mut self.env;
        let result: Result<(), Error<Titian>> = process!(
            input: input,
            state: state,
            metrics: &self.metrics,
            with: effect => env.handle(effect)
        );
        match result {
            Err(error) if !env.crashed => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

impl Env {
    fn application(setup: &Setup, store: &MemoryStore) -> MemoryApplication {
        let address = validator_address(&setup.key.verifying_key().to_bytes());
        let clock = Arc::clone(&setup.clock);
        let clock = Arc::new(move || clock.load(Ordering::SeqCst));
        MemoryApplication::new(store.clone(), address, clock)
    }

    /// What a peer serves for block sync.
    pub fn decided(&self, height: u64) -> Option<(block::Certificate, Bytes)> {
        self.app.decided(height)
    }

    fn address(&self) -> Address {
        Address(validator_address(&self.setup.key.verifying_key().to_bytes()))
    }

    // `Err` stands for a process that is gone: nothing has an effect any more
    fn handle(&mut self, effect: Effect<Titian>) -> Result<Resume<Titian>, &'static str> {
        if let Some(left) = &mut self.crash_after {
            self.crashed |= *left == 0;
            *left = left.saturating_sub(1);
        }
        if self.crashed {
            return Err("crashed");
        }
        Ok(match effect {
            Effect::CancelAllTimeouts(r) => {
                self.timers.clear();
                r.resume_with(())
            }
            Effect::CancelTimeout(timeout, r) => {
                self.timers.retain(|(other, _)| *other != timeout);
                r.resume_with(())
            }
            Effect::ScheduleTimeout(timeout, r) => {
                self.timers.retain(|(other, _)| *other != timeout);
                self.next_timer += 1;
                self.timers.push((timeout, self.next_timer));
                let ms = self.setup.timeouts.duration_for(timeout).as_millis() as u64;
                self.out.push(Out::Timer(timeout, ms, self.next_timer));
                r.resume_with(())
            }
            Effect::StartRound(height, round, _, _, r) => {
                self.flush();
                self.out.push(Out::Note(format!("height {height} round {round}")));
                self.supply(height.0);
                r.resume_with(())
            }
            Effect::PublishConsensusMsg(message, r) => {
                self.flush();
                // the guard is on disk before the message is on the network; a crash may fall
                // between them, and between the log and the guard
                self.publish(message);
                r.resume_with(())
            }
            Effect::PublishLivenessMsg(message, r) => {
                self.liveness(&message);
                r.resume_with(())
            }
            Effect::RepublishVote(vote, r) => {
                self.liveness(&LivenessMsg::Vote(vote));
                r.resume_with(())
            }
            Effect::RepublishRoundCertificate(certificate, r) => {
                self.liveness(&LivenessMsg::SkipRoundCertificate(certificate));
                r.resume_with(())
            }
            Effect::GetValue(height, round, _, r) => {
                let number = round.as_u32().expect("a round");
                let built = self.app.build(height.0, number).expect("memory does not fail");
                self.send_parts(height.0, number, built.id, &built.body);
                let value = LocallyProposedValue::new(height, round, BlockId(built.id));
                self.out.push(Out::Own(Box::new(Input::Propose(value))));
                r.resume_with(())
            }
            Effect::RestreamProposal(height, round, _, _, id, r) => {
                if let Some(body) = self.app.body(height.0, &id.0) {
                    self.send_parts(height.0, round.as_u32().unwrap_or(0), id.0, &body);
                }
                r.resume_with(())
            }
            Effect::CertVerifiedSyncValue(value, proposer, r) => {
                let (height, round) = (value.certificate.height, value.certificate.round);
                let id = value.certificate.value_id.0;
                let round_number = round.as_u32().unwrap_or(0);
                let validity =
                    self.judge(height.0, round_number, id, value.value_bytes, Origin::Sync);
                let validity = validity.expect("peers of the simulation serve what they decided");
                let value = proposed(height, round, id, proposer, validity);
                self.out.push(Out::Own(Box::new(Input::ProposedValue(value, ValueOrigin::Sync))));
                r.resume_with(())
            }
            Effect::CertRejectedSyncValue(_, height, error, r) => {
                self.out.push(Out::Note(format!("rejects synced height {height}: {error}")));
                r.resume_with(())
            }
            Effect::Decide(commit, _, r) => {
                self.flush();
                self.decide(&commit);
                r.resume_with(())
            }
            Effect::Finalize(commit, _, evidence, r) => {
                for evidence in certificate::evidence(CHAIN, &evidence) {
                    self.app.store_evidence(evidence).expect("memory does not fail");
                }
                self.out.push(Out::NextHeight(commit.height.0 + 1));
                r.resume_with(())
            }
            Effect::SignVote(vote, r) => {
                let signature = self.signer().vote(&vote).map_err(|_| "the guard cannot write")?;
                r.resume_with(SignedMessage::new(vote, signature))
            }
            Effect::SignProposal(proposal, r) => {
                let signature =
                    self.signer().proposal(&proposal).map_err(|_| "the guard cannot write")?;
                r.resume_with(SignedMessage::new(proposal, signature))
            }
            Effect::VerifySignature(message, key, r) => r.resume_with(self.verify(message, &key)),
            Effect::VerifyCommitCertificate(c, set, params, r) => r.resume_with(ready(
                self.verification.verify_commit_certificate(&Titian, &c, &set, params),
            )),
            Effect::VerifyExtendedCommitCertificate(c, set, params, policy, r) => {
                let verified = self
                    .verification
                    .verify_extended_commit_certificate(&Titian, &c, &set, params, policy);
                r.resume_with(ready(verified))
            }
            Effect::VerifyPolkaCertificate(c, set, params, r) => r.resume_with(ready(
                self.verification.verify_polka_certificate(&Titian, &c, &set, params),
            )),
            Effect::VerifyRoundCertificate(c, set, params, r) => r.resume_with(ready(
                self.verification.verify_round_certificate(&Titian, &c, &set, params),
            )),
            Effect::WalAppend(height, entry, r) => {
                if !self.recovering && height.0 == self.wal.height {
                    self.wal.entries.push(entry);
                }
                r.resume_with(())
            }
            Effect::ExtendVote(.., r) => r.resume_with(None),
            Effect::VerifyVoteExtension(.., r) => {
                r.resume_with(Err(VoteExtensionError::InvalidVoteExtension))
            }
        })
    }

    fn signer(&self) -> &GuardedSigner {
        self.signer.as_ref().expect("a running node has a signer")
    }

    fn flush(&mut self) {
        if !self.recovering {
            self.wal.flushed = self.wal.entries.len();
        }
    }

    fn verify(
        &self,
        message: SignedMessage<Titian, arc_malachitebft_core_consensus::ConsensusMsg<Titian>>,
        key: &PublicKey,
    ) -> bool {
        use arc_malachitebft_core_consensus::ConsensusMsg;
        match &message.message {
            ConsensusMsg::Vote(vote) => self.verification.vote(vote, &message.signature, key),
            ConsensusMsg::Proposal(proposal) => {
                self.verification.proposal(proposal, &message.signature, key)
            }
        }
    }

    fn publish(&mut self, message: SignedConsensusMsg<Titian>) {
        if gate::release(self.signer(), &message).is_err() {
            self.out.push(Out::Note("abstains".to_owned()));
            return;
        }
        let encoded = Net::Consensus(codec::encode(&message).expect("within limits"));
        let SignedConsensusMsg::Vote(vote) = message else {
            self.out.push(Out::Broadcast(encoded));
            return;
        };
        if !self.setup.equivocates {
            self.out.push(Out::Broadcast(encoded));
            return;
        }
        // the equivocator signs a second vote past its guard
        let value = match vote.message.value {
            NilOrVal::Nil => NilOrVal::Val(BlockId(Digest([9; 32]))),
            NilOrVal::Val(_) => NilOrVal::Nil,
        };
        let other = Vote { value, ..vote.message };
        let signature = Signature(self.setup.key.sign(&vote_bytes(CHAIN, &other)).to_bytes());
        let other = SignedConsensusMsg::<Titian>::Vote(SignedMessage::new(other, signature));
        let other = Net::Consensus(codec::encode(&other).expect("within limits"));
        self.out.push(Out::Split(encoded.clone(), other.clone()));
        self.out.push(Out::Split(other, encoded));
    }

    fn liveness(&mut self, message: &LivenessMsg<Titian>) {
        if gate::release_liveness(self.signer(), message).is_ok() {
            let bytes = codec::encode(message).expect("within limits");
            self.out.push(Out::Broadcast(Net::Liveness(bytes)));
        }
    }

    fn send_parts(&mut self, height: u64, round: u32, id: Digest, body: &Bytes) {
        self.streams += 1;
        let stream = self.streams.to_be_bytes().to_vec();
        for part in parts::split(height, round, id, body).expect("blocks are small") {
            let bytes = codec::encode(&part).expect("within limits");
            self.out.push(Out::Broadcast(Net::Part(stream.clone(), bytes)));
        }
    }

    fn receive_part(
        &mut self,
        from: usize,
        stream: Vec<u8>,
        part: Part,
    ) -> Option<ProposedValue<Titian>> {
        let decided = self.store.height();
        let peer = vec![from as u8];
        let whole = self.assembly.add(&peer, &(peer.clone(), stream), part, decided).ok()??;
        if whole.height != decided + 1 {
            self.early.push(whole);
            return None;
        }
        self.value_of(whole)
    }

    fn value_of(&mut self, whole: parts::Assembled) -> Option<ProposedValue<Titian>> {
        let parts::Assembled { height, round, block, body } = whole;
        let validity = self.judge(height, round, block, body, Origin::Proposal)?;
        let proposer = self.set.proposer(height, round).address;
        Some(proposed(Height(height), Round::new(round), block, proposer, validity))
    }

    fn judge(
        &mut self,
        height: u64,
        round: u32,
        id: Digest,
        body: Bytes,
        origin: Origin,
    ) -> Option<Validity> {
        let block = Block::try_from_slice(&body).ok()?;
        let whole = block.header.id() == id
            && transaction_root(&block.transactions) == block.header.tx_root;
        let received = ReceivedBlock { height, round, id, block, body, origin };
        whole.then(|| {
            let verdict = self.app.check(&received).expect("memory does not fail");
            Validity::from_bool(verdict == Verdict::Valid)
        })
    }

    // as the host does when a round starts
    fn supply(&mut self, height: u64) {
        let mut values = Vec::new();
        if !self.recovered {
            self.recovered = true;
            for (id, round) in self.app.undecided(height) {
                let proposer = self.set.proposer(height, round).address;
                let round = Round::new(round);
                values.push(proposed(Height(height), round, id, proposer, Validity::Valid));
            }
        }
        let early: Vec<_> = self.early.drain(..).collect();
        for whole in early {
            if whole.height == height {
                values.extend(self.value_of(whole));
            } else if whole.height > height {
                self.early.push(whole);
            }
        }
        for value in values {
            let input = Input::ProposedValue(value, ValueOrigin::Consensus);
            self.out.push(Out::Own(Box::new(input)));
        }
    }

    fn decide(&mut self, commit: &certificate::Commit) {
        let certificate = certificate::of(commit);
        assert_eq!(certificate.check(CHAIN, &self.setup.set), Ok(()), "a light client agrees");
        if certificate.height <= self.store.height() {
            return;
        }
        let (height, round, id) = (certificate.height, certificate.round, certificate.block);
        self.app.decide(certificate).expect("the body was stored before the vote");
        self.assembly.prune(height);
        self.out.push(Out::Note(format!("decided {height} in round {round}: {id}")));
    }
}

fn proposed(
    height: Height,
    round: Round,
    id: Digest,
    proposer: Address,
    validity: Validity,
) -> ProposedValue<Titian> {
    ProposedValue { height, round, valid_round: Round::Nil, proposer, value: BlockId(id), validity }
}
