//! Between engine and application: one thread that owns the application and answers the engine.
//!
//! Invariant: a body is on disk (the application's `build` and `check` return only then) before
//! the engine learns of it, and a decision is on disk before it is acknowledged. The next height
//! starts when there is something to decide, when another validator went ahead, or when the
//! empty-block interval is over, whichever is first; the wait stands between two heights, where
//! no timer of the engine runs and every other message is still answered.
//! Deliberately not here: starting and stopping (`engine`), what a block means (`application`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_malachitebft_app_channel::app::consensus::VoteExtensionError;
use arc_malachitebft_app_channel::app::engine::host::{Next, SyncedValueOutcome};
use arc_malachitebft_app_channel::app::engine::util::events::Event;
use arc_malachitebft_app_channel::app::events::RxEvent;
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::{LocallyProposedValue, ProposedValue};
use arc_malachitebft_app_channel::{AppMsg, NetworkMsg, Reply};
use arc_malachitebft_core_types::{HeightParams, LinearTimeouts, Round, Validity};
use arc_malachitebft_peer::PeerId;
use arc_malachitebft_sync::RawDecidedValue;
use borsh::BorshDeserialize;
use bytes::Bytes;
use titian_contracts::block::{Block, transaction_root};
use titian_contracts::digest::Digest;
use titian_contracts::limits;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::application::{AppError, Application, Origin, ReceivedBlock, Verdict};
use super::certificate;
use super::context::{Address, BlockId, Height, Titian, ValidatorSet, ValidatorSetError};
use super::parts::{self, Assembled, Assembly};
use super::status::{EngineStatus, PeerBook, Phase};
use super::{ConsensusConfig, Work};

/// How fast blocks follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    target_time: Duration,
    empty_block_interval: Duration,
    timeouts: LinearTimeouts,
}

impl Pace {
    pub(super) fn of(config: &ConsensusConfig) -> Self {
        let propose = config.propose_timeout;
        let vote = propose / 2;
        // a round more costs a quarter more, up to four times: enough for a network that became
        // slow, and a dead proposer never costs more than that
        let delta = propose / 4;
        Self {
            target_time: config.block_target_time,
            empty_block_interval: config.empty_block_interval,
            timeouts: LinearTimeouts {
                propose,
                propose_delta: delta,
                prevote: vote,
                prevote_delta: delta,
                precommit: vote,
                precommit_delta: delta,
                rebroadcast: propose * 2,
                max_timeout: propose * 4,
            },
        }
    }
}

/// Why the host ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostError {
    /// The application cannot go on.
    #[error("storage failed: {0}; free space or repair the disk, then start the node again")]
    Application(String),
    /// The application named a validator set that cannot be used.
    #[error("validators of height {height}: {source}")]
    Validators { height: u64, source: ValidatorSetError },
}

struct Waiting {
    reply: Reply<Next<Titian>>,
    height: u64,
    until: Instant,
}

/// The host and what it remembers. Everything durable is the application's.
pub(super) struct Host<A> {
    pub(super) app: A,
    network: mpsc::Sender<NetworkMsg<Titian>>,
    status: watch::Sender<EngineStatus>,
    pace: Pace,
    peers: Arc<PeerBook>,
    assembly: Assembly,
    // bodies whose parent is not decided yet
    early: Vec<(Vec<u8>, Assembled)>,
    // blocks of the next height found valid, so that a second copy costs nothing
    valid: BTreeSet<Digest>,
    // how many blocks of the next height were judged for each publisher
    judged: BTreeMap<Vec<u8>, u32>,
    waiting: Option<Waiting>,
    // the highest height for which anything came from another validator
    seen_height: u64,
    synced_height: u64,
    recovered: bool,
    stream_prefix: [u8; 16],
    streams_sent: u64,
}

type HostResult<T> = Result<T, HostError>;

impl<A: Application> Host<A> {
    pub(super) fn new(
        app: A,
        network: mpsc::Sender<NetworkMsg<Titian>>,
        status: watch::Sender<EngineStatus>,
        pace: Pace,
        peers: Arc<PeerBook>,
    ) -> Self {
        Self {
            app,
            network,
            status,
            pace,
            peers,
            assembly: Assembly::default(),
            early: Vec::new(),
            valid: BTreeSet::new(),
            judged: BTreeMap::new(),
            waiting: None,
            seen_height: 0,
            synced_height: 0,
            recovered: false,
            stream_prefix: rand::random(),
            streams_sent: 0,
        }
    }

    /// Answers the engine until it goes away.
    pub(super) async fn run(
        &mut self,
        mut engine: mpsc::Receiver<AppMsg<Titian>>,
        mut events: RxEvent<Titian>,
        work: Work,
    ) -> HostResult<()> {
        loop {
            let waits = self.waiting.is_some();
            let until = self.waiting.as_ref().map_or_else(Instant::now, |waiting| waiting.until);
            tokio::select! {
                message = engine.recv() => match message {
                    Some(message) => self.handle(message).await?,
                    None => return Ok(()),
                },
                event = events.recv() => if let Ok(Event::Received(message)) = event {
                    self.saw(message.height().0)?;
                },
                () = work.notified(), if waits => self.start_if_due(false)?,
                () = tokio::time::sleep_until(until), if waits => self.start_if_due(true)?,
            }
        }
    }

    async fn handle(&mut self, message: AppMsg<Titian>) -> HostResult<()> {
        match message {
            AppMsg::ConsensusReady { reply } => {
                let height = self.app.decided_height().saturating_add(1);
                answer(reply, (Height(height), self.height_params(height)?));
            }
            AppMsg::StartedRound { height, round, reply_value, .. } => {
                let values = self.values_for(height.0)?;
                answer(reply_value, values);
                self.status.send_modify(|status| {
                    status.phase = Phase::Running;
                    status.round = round.as_u32().unwrap_or(0);
                });
            }
            AppMsg::GetValue { height, round, reply, .. } => {
                self.propose(height.0, round.as_u32().unwrap_or(0), reply).await?;
            }
            AppMsg::RestreamProposal { height, round, value_id, .. } => {
                match self.app.body(height.0, &value_id.0) {
                    Some(body) => {
                        let round = round.as_u32().unwrap_or(0);
                        self.publish(height.0, round, value_id.0, &body).await;
                    }
                    None => tracing::warn!(%height, %value_id, "no body to send again"),
                }
            }
            AppMsg::ReceivedProposalPart { from, published_by, part, reply } => {
                let value = self.receive_part(from, published_by.unwrap_or(from), part)?;
                answer(reply, value);
            }
            AppMsg::Decided { certificate, reply, .. } => {
                self.decide(&certificate)?;
                answer(reply, ());
            }
            AppMsg::Finalized { certificate, evidence, reply, .. } => {
                for evidence in certificate::evidence(&self.chain(), &evidence) {
                    self.app.store_evidence(evidence).map_err(storage)?;
                }
                self.finalize(certificate.height.0, reply)?;
            }
            AppMsg::GetHistoryMinHeight { reply } => answer(reply, Height(self.app.earliest())),
            AppMsg::GetDecidedValues { range, reply } => {
                answer(reply, self.decided_values(range.start().0, range.end().0));
            }
            AppMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply } => {
                answer(reply, self.synced(height, round, proposer, value_bytes)?);
            }
            // the ledger has no vote extensions; the engine asks only where a height wants them
            AppMsg::ExtendVote { reply, .. } => answer(reply, None),
            AppMsg::VerifyVoteExtensions { extensions, reply, .. } => {
                let refuse = Err(VoteExtensionError::InvalidVoteExtension);
                answer(reply, extensions.into_iter().map(|(a, ())| (a, refuse.clone())).collect());
            }
        }
        Ok(())
    }

    fn chain(&self) -> String {
        self.status.borrow().chain.clone()
    }

    fn validators(&self, height: u64) -> HostResult<ValidatorSet> {
        ValidatorSet::of(&self.app.validator_set(height))
            .map_err(|source| HostError::Validators { height, source })
    }

    fn height_params(&self, height: u64) -> HostResult<HeightParams<Titian>> {
        let validators = self.validators(height)?;
        Ok(HeightParams::new(validators, self.pace.timeouts, Some(self.pace.target_time)))
    }

    // --- proposing

    async fn propose(
        &mut self,
        height: u64,
        round: u32,
        reply: Reply<LocallyProposedValue<Titian>>,
    ) -> HostResult<()> {
        let built = match self.app.build(height, round) {
            Ok(built) => built,
            // without an answer the round times out and passes to the next proposer
            Err(AppError::Declined(reason)) => {
                tracing::info!(height, round, reason, "no proposal from this node");
                return Ok(());
            }
            Err(error) => return Err(storage(error)),
        };
        self.publish(height, round, built.id, &built.body).await;
        let value = LocallyProposedValue::new(Height(height), Round::new(round), BlockId(built.id));
        answer(reply, value);
        Ok(())
    }

    async fn publish(&mut self, height: u64, round: u32, id: Digest, body: &Bytes) {
        let parts = match parts::split(height, round, id, body) {
            Ok(parts) => parts,
            Err(error) => {
                tracing::error!(height, round, %error, "the block cannot be sent");
                return;
            }
        };
        self.streams_sent = self.streams_sent.wrapping_add(1);
        let mut stream = self.stream_prefix.to_vec();
        stream.extend_from_slice(&self.streams_sent.to_be_bytes());
        let stream = StreamId::new(stream.into());
        for part in parts {
            let sequence = u64::from(part.index);
            let message = StreamMessage::new(stream.clone(), sequence, StreamContent::Data(part));
            // refused only when the engine is going away; then nobody waits for the parts
            if self.network.send(NetworkMsg::PublishProposalPart(message)).await.is_err() {
                return;
            }
        }
    }

    // --- receiving

    fn receive_part(
        &mut self,
        from: PeerId,
        publisher: PeerId,
        message: StreamMessage<parts::Part>,
    ) -> HostResult<Option<ProposedValue<Titian>>> {
        let StreamContent::Data(part) = message.content else { return Ok(None) };
        // the network checked the publisher's signature; a relay cannot make publishers up
        if !self.peers.is_allowed(&publisher.to_base58()) {
            return Ok(None);
        }
        let publisher = publisher.to_bytes();
        let key = (publisher.clone(), message.stream_id.to_bytes().to_vec());
        let (height, decided) = (part.height, self.app.decided_height());
        let assembled = match self.assembly.add(&from.to_bytes(), &key, part, decided) {
            Ok(assembled) => assembled,
            Err(refused) => {
                tracing::debug!(height, %from, %refused, "proposal part refused");
                return Ok(None);
            }
        };
        let value = match assembled {
            None => None,
            Some(body) if body.height == decided.saturating_add(1) => {
                self.judge(publisher, body)?
            }
            Some(body) => {
                if self.early.len() >= limits::PROPOSALS_WAITING_MAX {
                    self.early.remove(0);
                }
                self.early.push((publisher, body));
                None
            }
        };
        self.saw(height)?;
        Ok(value)
    }

    // a body that is not what it claims says nothing about the block of that id, so it is dropped;
    // only a body that hashes to the id may make that id invalid
    fn judge(
        &mut self,
        publisher: Vec<u8>,
        received: Assembled,
    ) -> HostResult<Option<ProposedValue<Titian>>> {
        let Assembled { height, round, block: id, body } = received;
        let validity = if self.valid.contains(&id) {
            Validity::Valid
        } else {
            // a correct node publishes at most one new block a round; more would fill the disk
            let quota =
                self.status.borrow().round.saturating_add(limits::PROPOSALS_BEYOND_ROUND_MAX);
            let judged = self.judged.entry(publisher).or_default();
            *judged = judged.saturating_add(1);
            if *judged > quota {
                tracing::warn!(height, round, %id, "a peer sends more blocks than it may");
                return Ok(None);
            }
            let Some((found, block)) = read_body(&body).filter(|(found, _)| *found == id) else {
                tracing::debug!(height, %id, "a body does not hash to its block id");
                return Ok(None);
            };
            self.check(height, round, found, block, body, Origin::Proposal)?
        };
        let proposer = self.validators(height)?.proposer(height, round).address;
        Ok(Some(proposed(height, Round::new(round), id, proposer, validity)))
    }

    fn check(
        &mut self,
        height: u64,
        round: u32,
        id: Digest,
        block: Block,
        body: Bytes,
        origin: Origin,
    ) -> HostResult<Validity> {
        let received = ReceivedBlock { height, round, id, block, body, origin };
        match self.app.check(&received).map_err(storage)? {
            Verdict::Valid => {
                self.valid.insert(id);
                Ok(Validity::Valid)
            }
            Verdict::Invalid(reason) => {
                tracing::warn!(height, round, %id, reason, ?origin, "invalid block");
                Ok(Validity::Invalid)
            }
        }
    }

    // what is known for a height whose round starts: after a restart the stored blocks, later the
    // bodies that came before their parent was decided
    fn values_for(&mut self, height: u64) -> HostResult<Vec<ProposedValue<Titian>>> {
        let mut values = Vec::new();
        if !self.recovered {
            self.recovered = true;
            let validators = self.validators(height)?;
            for (id, round) in self.app.undecided(height) {
                let proposer = validators.proposer(height, round).address;
                values.push(proposed(height, Round::new(round), id, proposer, Validity::Valid));
            }
        }
        for (publisher, body) in std::mem::take(&mut self.early) {
            if body.height == height {
                values.extend(self.judge(publisher, body)?);
            } else if body.height > height {
                self.early.push((publisher, body));
            }
        }
        Ok(values)
    }

    // --- deciding

    fn decide(&mut self, decided: &certificate::Commit) -> HostResult<()> {
        let height = decided.height.0;
        // after a crash between the write and its acknowledgement the engine decides again
        if height > self.app.decided_height() {
            self.app.decide(certificate::of(decided)).map_err(storage)?;
        }
        assert!(self.app.decided_height() >= height, "a decision was acknowledged but not stored");
        self.assembly.prune(height);
        self.valid.clear();
        self.judged.clear();
        self.status.send_modify(|status| {
            status.height = height;
            status.round = 0;
        });
        Ok(())
    }

    fn finalize(&mut self, height: u64, reply: Reply<Next<Titian>>) -> HostResult<()> {
        let next = height.saturating_add(1);
        let until = Instant::now() + self.pace.empty_block_interval;
        self.waiting = Some(Waiting { reply, height: next, until });
        self.status.send_modify(|status| status.phase = Phase::Waiting);
        self.start_if_due(self.synced_height == height)
    }

    fn saw(&mut self, height: u64) -> HostResult<()> {
        self.seen_height = self.seen_height.max(height);
        self.start_if_due(false)
    }

    fn start_if_due(&mut self, at_once: bool) -> HostResult<()> {
        let Some(waiting) = &self.waiting else { return Ok(()) };
        let others = self.seen_height.max(self.peers.highest());
        if !at_once && others < waiting.height && !self.app.has_work() {
            return Ok(());
        }
        let params = self.height_params(waiting.height)?;
        if let Some(waiting) = self.waiting.take() {
            answer(waiting.reply, Next::Start(Height(waiting.height), params));
        }
        Ok(())
    }

    // --- block sync

    fn decided_values(&self, start: u64, end: u64) -> Vec<RawDecidedValue<Titian>> {
        let mut bytes = 0_usize;
        let mut values = Vec::new();
        for height in start.max(self.app.earliest())..=end.min(self.app.decided_height()) {
            let Some((certificate, body)) = self.app.decided(height) else { break };
            bytes = bytes.saturating_add(body.len());
            let full = values.len() >= limits::SYNC_BLOCKS_MAX;
            if full || (!values.is_empty() && bytes > limits::SYNC_RESPONSE_BYTES_MAX) {
                break;
            }
            values.push(RawDecidedValue::new(body, certificate::extended(&certificate)));
        }
        values
    }

    fn synced(
        &mut self,
        height: Height,
        round: Round,
        proposer: Address,
        body: Bytes,
    ) -> HostResult<SyncedValueOutcome<Titian>> {
        if height.0 != self.app.decided_height().saturating_add(1) {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let Some((id, block)) = read_body(&body) else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        let in_round = round.as_u32().unwrap_or(0);
        let validity = self.check(height.0, in_round, id, block, body, Origin::Sync)?;
        self.synced_height = height.0;
        Ok(SyncedValueOutcome::Verdict(proposed(height.0, round, id, proposer, validity)))
    }
}

fn proposed(
    height: u64,
    round: Round,
    id: Digest,
    proposer: Address,
    validity: Validity,
) -> ProposedValue<Titian> {
    ProposedValue {
        height: Height(height),
        round,
        valid_round: Round::Nil,
        proposer,
        value: BlockId(id),
        validity,
    }
}

/// The block of a body and its id, if the body is one and its transactions are those of the header.
fn read_body(body: &Bytes) -> Option<(Digest, Block)> {
    if body.len() > limits::BLOCK_BYTES_MAX {
        return None;
    }
    let block = Block::try_from_slice(body).ok()?;
    let whole = block.transactions.len() <= limits::BLOCK_TRANSACTIONS_MAX
        && transaction_root(&block.transactions) == block.header.tx_root;
    whole.then(|| (block.header.id(), block))
}

fn storage(error: AppError) -> HostError {
    HostError::Application(error.to_string())
}

// an engine that no longer waits for its answer is stopping; then the answer is worth nothing
fn answer<T>(reply: Reply<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::debug!("the engine no longer waits for an answer");
    }
}
