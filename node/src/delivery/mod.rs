//! Sealed envelopes between home nodes: what a party puts at the node of its state reaches the nodes of
//! its recipients' states by itself; so does its erasure.
//!
//! ```text
//! put ─> rows of `envelopes` (synced) ─> one task per state: part after part, back-off ─> post
//! post ─> one task: who asks? may it? ─> `envelopes` (synced) ─> Done
//! ```
//! Invariants: a delivery waits on disk until the other node says that the envelope is on its disk, or
//! refuses it for good, or 30 days pass; asked twice, the other node keeps one. Only the validators of
//! the genesis are heard, each for the businesses of its own state. Nothing here can open an envelope.

pub mod judge;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::envelopes::rows::Job;
use crate::envelopes::{Envelopes, Name, Piece, Taken};
use crate::gossip::PeerId;
use crate::gossip::post::{About, Incoming, Post, Request, Response};
use crate::ledger::Ledger;
use judge::Homes;

/// Deliveries that are read at a time.
const PAGE: usize = 256;
/// How long a node that does not answer is left alone, and how long a delivery that it put off.
const AGAIN_MIN: Duration = Duration::from_millis(500);
const NODE_AGAIN_MAX: Duration = Duration::from_secs(10);
const JOB_AGAIN_MAX: Duration = Duration::from_secs(600);
/// When deliveries are looked at though none was added: some may have expired.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);
/// What is asked for room: somebody must erase first.
const NO_ROOM_MS: u32 = 60_000;
/// What is asked for a ledger that is behind, or too many requests.
const SOON_MS: u32 = 1_000;
/// Answers that an envelope may take: twice its parts, should the other node have to begin anew.
const ROUNDS_MAX: usize =
    2 * limits::ETR_ENVELOPE_BYTES_MAX / limits::ETR_DELIVERY_PART_BYTES_MAX + 2;

/// What delivery works with.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The ledger that judges.
    pub ledger: Ledger,
    /// The envelopes.
    pub envelopes: Arc<Envelopes>,
    /// Who is whose node.
    pub homes: Arc<Homes>,
    /// The way to other nodes.
    pub post: Post,
}

/// The tasks of delivery.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Ends the tasks and waits for them. What waits on disk is delivered after the next start.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            // a task that panicked has said so in the log
            let _ = task.await;
        }
    }
}

/// How a delivery went.
enum Outcome {
    Done,
    Refused(u16),
    Later(u32),
    Unreachable,
    /// It was erased here, or replaced by its erasure, meanwhile.
    Gone,
}

/// When a delivery that was put off is tried again.
#[derive(Clone, Copy)]
struct Tried {
    failures: u32,
    at: Instant,
}

impl Delivery {
    /// Starts answering and delivering.
    pub fn start(self, incoming: mpsc::Receiver<Incoming>) -> Running {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = vec![tokio::spawn(self.clone().answer_all(incoming, stopped.clone()))];
        if self.homes.own().is_some() {
            for (state, peer) in self.homes.others() {
                let to = self.clone().deliver_all(state.to_owned(), peer, stopped.clone());
                tasks.push(tokio::spawn(to));
            }
        }
        Running { stop, tasks }
    }

    /// Delivers to one node what waits for it.
    async fn deliver_all(self, state: String, peer: PeerId, mut stopped: watch::Receiver<bool>) {
        let mut queued = self.envelopes.queued();
        let mut tried = BTreeMap::new();
        let mut unreachable = 0;
        loop {
            queued.borrow_and_update();
            let pass = tokio::select! {
                pass = self.pass(&state, peer, &mut tried) => pass,
                _ = stopped.changed() => return,
            };
            let wait = match pass {
                Ok(wait) => {
                    unreachable = 0;
                    wait
                }
                Err(reject) => {
                    tracing::debug!(state, reason = reject.code.name(), "deliveries wait");
                    unreachable += 1;
                    back_off(unreachable, NODE_AGAIN_MAX)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                changed = queued.changed() => if changed.is_err() { return },
                _ = stopped.changed() => return,
            }
        }
    }

    /// Tries every delivery that is due, once. Returns when to look again. Errors: `UNAVAILABLE`, the
    /// node does not answer, or the disk failed.
    async fn pass(
        &self,
        state: &str,
        peer: PeerId,
        tried: &mut BTreeMap<Name, Tried>,
    ) -> Result<Duration, Reject> {
        let mut next = Instant::now() + LOOK_AGAIN;
        let mut put_off = BTreeMap::new();
        let mut after: Option<Name> = None;
        loop {
            let jobs = self.jobs(state, after.clone()).await?;
            let Some((last, _)) = jobs.last() else { break };
            after = Some(last.clone());
            for (name, job) in jobs {
                let before = tried.get(&name).copied();
                if let Some(before) = before.filter(|before| before.at > Instant::now()) {
                    next = next.min(before.at);
                    put_off.insert(name, before);
                    continue;
                }
                let Some(wait_ms) = self.one(state, peer, &name, &job).await? else { continue };
                let failures = before.map_or(1, |before| before.failures.saturating_add(1));
                let wait = Duration::from_millis(u64::from(wait_ms));
                let at = Instant::now() + back_off(failures, JOB_AGAIN_MAX).max(wait);
                next = next.min(at);
                put_off.insert(name, Tried { failures, at });
            }
        }
        *tried = put_off;
        Ok(next.saturating_duration_since(Instant::now()))
    }

    async fn jobs(&self, state: &str, after: Option<Name>) -> Result<Vec<(Name, Job)>, Reject> {
        let state = state.to_owned();
        self.on_disk(move |it| it.envelopes.jobs(&state, after.as_ref(), PAGE)).await
    }

    /// One delivery. Returns after how many ms it is tried again; `None` if it is settled.
    async fn one(
        &self,
        state: &str,
        peer: PeerId,
        name: &Name,
        job: &Job,
    ) -> Result<Option<u32>, Reject> {
        let outcome = if job.until_ms < now_ms() {
            tracing::warn!(record = %name.id, state, "a delivery was given up: its time is over");
            self.envelopes.metrics.expired.inc();
            Outcome::Done
        } else {
            let outcome = self.attempt(peer, name, job).await?;
            match &outcome {
                Outcome::Done => drop(self.envelopes.metrics.delivered.inc()),
                Outcome::Refused(number) => {
                    let rule = Code::by_number(*number).map_or("unknown", Code::name);
                    tracing::warn!(record = %name.id, state, rule, "a delivery was refused");
                    self.envelopes.metrics.refused.inc();
                }
                Outcome::Later(_) | Outcome::Unreachable | Outcome::Gone => {}
            }
            outcome
        };
        match outcome {
            Outcome::Done | Outcome::Refused(_) => {
                let (state, name, job) = (state.to_owned(), name.clone(), job.clone());
                self.on_disk(move |it| it.envelopes.settle(&state, &name, &job)).await?;
                Ok(None)
            }
            Outcome::Gone => Ok(None),
            Outcome::Later(ms) => Ok(Some(ms)),
            Outcome::Unreachable => Err(Reject::new(Code::Unavailable, "", "no answer")),
        }
    }

    /// Hands an envelope over, part after part, or asks for its erasure.
    async fn attempt(&self, peer: PeerId, name: &Name, job: &Job) -> Result<Outcome, Reject> {
        let about = About {
            id: name.id.clone(),
            version: name.version,
            number: name.number,
            party: job.party.clone(),
            digest: job.digest,
            height: job.height,
        };
        let mut offset = 0;
        for _ in 0..ROUNDS_MAX {
            let request = if job.erase {
                Request::Erase { about: about.clone() }
            } else {
                let read = {
                    let name = name.clone();
                    let max = limits::ETR_DELIVERY_PART_BYTES_MAX;
                    self.on_disk(move |it| it.envelopes.get(&name, offset, max)).await
                };
                match read {
                    Ok((bytes, total)) => {
                        Request::Part { about: about.clone(), total, offset, bytes }
                    }
                    Err(reject) if reject.code == Code::NotFound => return Ok(Outcome::Gone),
                    Err(reject) => {
                        // those behind it can be read
                        let reason = reject.code.name();
                        tracing::warn!(record = %name.id, reason, "a delivery cannot be read");
                        return Ok(Outcome::Later(SOON_MS));
                    }
                }
            };
            match self.post.ask(peer, request).await {
                Ok(Response::Has(there)) if there != offset && there < job.bytes => offset = there,
                Ok(Response::Has(_)) => return Ok(Outcome::Later(SOON_MS)),
                Ok(Response::Done) => return Ok(Outcome::Done),
                Ok(Response::Later(ms)) => return Ok(Outcome::Later(ms)),
                Ok(Response::Refused(number)) => return Ok(Outcome::Refused(number)),
                Err(_) => return Ok(Outcome::Unreachable),
            }
        }
        Ok(Outcome::Later(SOON_MS))
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Reject> + Send + 'static,
    ) -> Result<T, Reject> {
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&own)).await;
        done.unwrap_or_else(|_| Err(Reject::new(Code::Unavailable, "", "the task failed")))
    }

    /// Answers what other nodes ask, one after the other.
    async fn answer_all(
        self,
        mut incoming: mpsc::Receiver<Incoming>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut rates: BTreeMap<PeerId, Rate> = BTreeMap::new();
        loop {
            let asked = tokio::select! {
                asked = incoming.recv() => asked,
                _ = stopped.changed() => return,
            };
            let Some(asked) = asked else { return };
            let peer = asked.peer;
            let response = match self.homes.state_of(&peer) {
                None => Response::Refused(Code::Forbidden.number()),
                Some(_) if !rates.entry(peer).or_insert_with(Rate::new).admits() => {
                    Response::Later(SOON_MS)
                }
                Some(from) => {
                    let (from, request) = (from.to_owned(), asked.request.clone());
                    let answered = self.on_disk(move |it| it.answer(&from, &request)).await;
                    answered.unwrap_or_else(|reject| refusal(&reject))
                }
            };
            asked.answer(response).await;
        }
    }

    /// What the node of state `from` asks.
    fn answer(&self, from: &str, request: &Request) -> Result<Response, Reject> {
        let (Request::Part { about, .. } | Request::Erase { about }) = request;
        if self.ledger.head().height < about.height {
            // the act that makes a recipient a party may not be here yet
            return Ok(Response::Later(SOON_MS));
        }
        let reader = self.ledger.reader();
        let overlay = Overlay::new(&reader);
        let by = judge::sender(&overlay, from, &about.id, about.version, &about.party)?;
        let name = Name { id: about.id.clone(), version: about.version, number: about.number };
        match request {
            Request::Erase { about } => {
                self.envelopes.erase_received(&name, &by, &about.digest)?;
                Ok(Response::Done)
            }
            Request::Part { about, total, offset, bytes } => {
                if bytes.len() > limits::ETR_DELIVERY_PART_BYTES_MAX {
                    return Err(Reject::new(Code::Malformed, "/bytes", "256 KiB at a time"));
                }
                let piece = Piece {
                    name: &name,
                    by: &by,
                    party: &about.party,
                    offset: *offset,
                    total: *total,
                    bytes,
                };
                let for_here = |envelope: &titian_envelope::Envelope| {
                    let states = judge::states_of(&overlay, &about.id, envelope)?;
                    if self.homes.own().is_some_and(|own| states.contains(own)) {
                        self.envelopes.metrics.received.inc();
                        return Ok(());
                    }
                    Err(Reject::new(Code::Forbidden, "/recipients", "none of them is at home here"))
                };
                match self.envelopes.receive(&piece, &about.digest, for_here)? {
                    Taken::Has(there) => Ok(Response::Has(there)),
                    Taken::Whole => Ok(Response::Done),
                }
            }
        }
    }
}

/// What a rule that refuses means to the other node: room may come, and disks recover.
fn refusal(reject: &Reject) -> Response {
    match reject.code {
        Code::LimitExceeded | Code::Unavailable => Response::Later(NO_ROOM_MS),
        code => Response::Refused(code.number()),
    }
}

/// The requests of one node in the second that runs.
struct Rate {
    since: Instant,
    count: u32,
}

impl Rate {
    fn new() -> Self {
        Self { since: Instant::now(), count: 0 }
    }

    fn admits(&mut self) -> bool {
        if self.since.elapsed() >= Duration::from_secs(1) {
            *self = Self::new();
        }
        self.count = self.count.saturating_add(1);
        self.count <= limits::ETR_DELIVERY_REQUESTS_PER_S_MAX
    }
}

fn back_off(failures: u32, max: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    AGAIN_MIN.saturating_mul(1 << doublings).min(max)
}

fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}
