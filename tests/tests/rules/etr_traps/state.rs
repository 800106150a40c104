//! States of the small model: what a few ops changed over a common ledger, and block time.

use std::collections::BTreeMap;

use titian_contracts::context::{Authority, Context};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::build::{self, Frame};
use titian_contracts::etr::kernel::{self, Extent};
use titian_contracts::etr::record::{Aside, Record};
use titian_contracts::etr::view;
use titian_contracts::json::Value;
use titian_contracts::op::Op;
use titian_contracts::state::{Overlay, Reader, Stored};
use titian_contracts::transaction::TransactionId;
use titian_contracts::ubin::vocabulary::Status;
use titian_tests::etr::{BLIND, DAY_MS, Traders};
use titian_tests::etr_types::at;

use super::alphabet::Ask;

/// Longest time to cure in the alphabet, ms.
pub const CURE_MS: u64 = DAY_MS;
const NOTICE_MS: u64 = 3 * DAY_MS;
const NOTICE_LIFE_MS: u64 = 30 * DAY_MS;

/// The ledger that all states have in common: a record that was just issued, traders, a court.
#[derive(Debug)]
pub struct Model {
    pub traders: Traders,
    pub profile: Value,
    id: String,
}

/// A record among what the ops so far changed.
#[derive(Clone)]
pub struct State {
    changed: BTreeMap<Vec<u8>, Stored>,
    pub time_ms: u64,
    pub id: String,
    /// The acts that led here.
    trail: Vec<String>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the state after {:?}", self.trail)
    }
}

/// What an act led to: a state for each record that it left or made, and the roles that signed.
#[derive(Debug)]
pub struct Done {
    pub states: Vec<State>,
    pub roles: Vec<String>,
}

struct Over<'a>(&'a Model, &'a State);

impl Reader for Over<'_> {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        self.1.changed.get(key).cloned().or_else(|| self.0.traders.world.state.get(key))
    }
}

impl Model {
    pub fn new(profile: Value) -> Self {
        let mut traders = Traders::new();
        traders.court(&["freeze", "unfreeze", "court_notice", "court_transfer", "court_annul"]);
        let id = traders.issue(&profile, "T-1");
        Self { traders, profile, id }
    }

    pub fn profile_id(&self) -> String {
        at(&self.profile, "id").as_text().expect("an id").to_owned()
    }

    /// Ends a business without successor.
    pub fn close(&mut self, ubin: &str) {
        let other = self.traders.my.clone();
        self.traders.close_into(ubin, &other, Status::Relocated);
    }

    /// The record as it was issued.
    pub fn first(&self) -> State {
        State {
            changed: BTreeMap::new(),
            time_ms: self.traders.world.time_ms,
            id: self.id.clone(),
            trail: Vec::new(),
        }
    }

    /// Runs an act on the record of a state: with signatures assumed, or with none.
    pub fn apply(&self, state: &State, ask: &Ask, authority: Authority) -> Result<Done, Code> {
        match self.run(state, ask, authority, &[]) {
            Err((Code::LegalAckRequired, warned)) => {
                self.run(state, ask, authority, &warned).map_err(|(code, _)| code)
            }
            other => other.map_err(|(code, _)| code),
        }
    }

    fn run(
        &self,
        state: &State,
        ask: &Ask,
        authority: Authority,
        ack: &[String],
    ) -> Result<Done, (Code, Vec<String>)> {
        let record = state.record(self);
        let world = &self.traders.world;
        let frame = Frame {
            chain: &world.genesis.chain,
            id: &state.id,
            seq: record.public.seq,
            head: record.public.head,
            rulebook: self.traders.rulebook,
            place: "SGSIN",
            ack,
            blind: BLIND,
        };
        let op = Op::from_value(build::op(&frame, ask.act, ask.args.clone())).expect("an op");
        let over = Over(self, state);
        let mut overlay = Overlay::new(&over);
        let mut ctx = Context {
            state: &mut overlay,
            chain: &world.genesis.chain,
            height: world.height + 1,
            time_ms: state.time_ms,
            transaction: TransactionId(Digest::ZERO),
            verified: &[],
            authority,
            needs: Vec::new(),
            events: Vec::new(),
            warnings: Vec::new(),
        };
        let result = kernel::run(&mut ctx, &op, &[], Extent::Whole, None);
        let roles = ctx.needs.iter().map(|need| need.role.clone()).collect();
        let (events, warnings) = (ctx.events, ctx.warnings);
        result.map_err(|reject| (reject.code, warnings))?;
        let mut next = state.clone();
        next.time_ms += 1_000;
        next.trail.push(format!("{} {}", ask.act, ask.args.to_jcs()));
        for change in overlay.into_changes(world.height + 1) {
            next.changed.insert(change.key, change.stored);
        }
        let mut ids: Vec<String> = events.into_iter().map(|event| event.subject).collect();
        ids.retain(|id| id.starts_with("etr_"));
        ids.dedup();
        let states = ids.into_iter().map(|id| State { id, ..next.clone() }).collect();
        Ok(Done { states, roles })
    }
}

impl State {
    pub fn record(&self, model: &Model) -> Record {
        Record::load(&Overlay::new(&Over(model, self)), &self.id).expect("the record stands")
    }

    /// Ids of other records of the same family that wait for nothing.
    pub fn siblings(&self, model: &Model) -> Vec<Record> {
        let over = Over(model, self);
        let overlay = Overlay::new(&over);
        let ids = self.changed.keys().filter_map(|key| key.strip_prefix(b"etr/rec/"));
        let ids = ids.filter_map(|id| std::str::from_utf8(id).ok()).filter(|id| *id != self.id);
        let active = |record: &Record| record.public.status.text() == "active";
        ids.filter_map(|id| Record::load(&overlay, id)).filter(active).collect()
    }

    /// The times at which something changes by itself.
    fn times(&self, record: &Record) -> Vec<u64> {
        let pending = record.party.pending.as_ref().map(|pending| pending.deadline_ms() + 1);
        let frozen = record.public.frozen.as_ref().map(|frozen| frozen.until_ms + 1);
        let notice = record.party.notice.as_ref().map(|notice| notice.ms + NOTICE_MS);
        let lapsed = record.party.notice.as_ref().map(|n| n.ms + NOTICE_MS + NOTICE_LIFE_MS + 1);
        let cured = record.party.pledges.iter().filter_map(|pledge| pledge.notice_ms);
        let cured = cured.map(|ms| ms + CURE_MS);
        let due = record.party.money.as_ref().and_then(|money| money.due_ms);
        let singles = [pending, frozen, notice, lapsed, due];
        singles.into_iter().flatten().chain(cured).filter(|at| *at > self.time_ms).collect()
    }

    /// The same record at the next of these times.
    pub fn later(&self, model: &Model) -> Vec<Self> {
        let at = self.times(&self.record(model)).into_iter().min();
        at.map(|at| self.at(at)).into_iter().collect()
    }

    /// The same record when all these times are over.
    pub fn when_all_is_over(&self, model: &Model) -> Self {
        let last = self.times(&self.record(model)).into_iter().max();
        self.at(last.unwrap_or(self.time_ms))
    }

    fn at(&self, time_ms: u64) -> Self {
        let mut later = self.clone();
        later.time_ms = time_ms;
        later.trail.push("time".to_owned());
        later
    }

    /// What makes states different: the record without ids, digests and counters, times by whether
    /// they are over, who is liable, and whether it can merge.
    pub fn key(&self, model: &Model) -> String {
        let mut record = self.record(model);
        let t = self.time_ms;
        let over = Over(model, self);
        let overlay = Overlay::new(&over);
        let mut liable: Vec<String> = view::endorsements(&overlay, &self.id, 0, 1_024)
            .iter()
            .filter(|entry| entry.is_liable())
            .map(|entry| entry.endorser.clone())
            .collect();
        liable.sort();
        liable.dedup();
        let parted = Aside::load(&overlay, &self.id).parted;
        let merges = self.siblings(model).len().min(1);
        let past = |at: u64| at <= t;
        let times: Vec<bool> = [
            record.party.pending.as_ref().map(|pending| past(pending.deadline_ms() + 1)),
            record.public.frozen.as_ref().map(|frozen| past(frozen.until_ms + 1)),
            record.party.notice.as_ref().map(|notice| past(notice.ms + NOTICE_MS)),
            record.party.notice.as_ref().map(|n| past(n.ms + NOTICE_MS + NOTICE_LIFE_MS + 1)),
            record.party.money.as_ref().and_then(|money| money.due_ms).map(past),
        ]
        .into_iter()
        .flatten()
        .chain(
            record.party.pledges.iter().map(|p| p.notice_ms.is_some_and(|ms| past(ms + CURE_MS))),
        )
        .collect();
        let public = &mut record.public;
        (public.seq, public.content_version, public.generation) = (0, 0, 0);
        (public.head, public.content_root, public.issued_ms) = (Digest::ZERO, Digest::ZERO, 0);
        public.id.clear();
        let party = &mut record.party;
        party.reference.clear();
        party.root.clear();
        party.from.clear();
        party.into.clear();
        party.endorsements = 0;
        let (public, party) = record.to_texts();
        let text = format!("{public}{party}{liable:?}{parted}{merges}{times:?}");
        without_times(&text)
    }
}

/// The text with digests and block times left out: runs of ten digits and more, and what follows
/// `b3:`.
fn without_times(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digest = rest.strip_prefix("b3:").map_or(0, |_| 67);
        // numbers of businesses are ten digits and more too, but stand behind a hyphen
        let number = out.ends_with('-');
        if digest > 0 {
            rest = &rest[digest..];
        } else if digits >= 12 && !number {
            rest = &rest[digits..];
        } else {
            let take = digits.max(c.len_utf8());
            out.push_str(&rest[..take]);
            rest = &rest[take..];
        }
    }
    out
}
