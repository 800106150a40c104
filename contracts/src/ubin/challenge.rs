//! Challenges: others say that a record is wrong, and its register answers in time (ubin.md §4.4).
//!
//! Invariant: a challenge has keys of its own, so that a foreign signer never writes a record.
//! OVERDUE is derived from block time and forces nothing. A challenge holds codes, pointers and
//! digests, no free text. It is marked, never deleted.

use borsh::{BorshDeserialize, BorshSerialize};

use super::vocabulary::{EvidenceType, Reason, vocabulary};
use crate::digest::Digest;
use crate::json::Value;
use crate::limits;
use crate::state::{KeyBuilder, Overlay};
use crate::time::{DAY_MS, rfc3339};

vocabulary! {
    /// What is said to be wrong.
    Ground {
        Identity = "IDENTITY",
        Duplicate = "DUPLICATE",
        Name = "NAME",
        Status = "STATUS",
        Address = "ADDRESS",
        Identifier = "IDENTIFIER",
        Controller = "CONTROLLER",
        PersonalData = "PERSONAL_DATA",
    }
}

vocabulary! {
    /// How far a challenge went.
    ChallengeState {
        Open = "OPEN",
        Acknowledged = "ACKNOWLEDGED",
        Upheld = "UPHELD",
        Rejected = "REJECTED",
        Withdrawn = "WITHDRAWN",
    }
}

impl ChallengeState {
    /// Whether an answer is still due.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Acknowledged)
    }
}

/// How long the register of a state takes to answer: `ubin/clock/{cc}`. A state may shorten the days
/// that all have, and take that back; it may not lengthen them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Clock {
    /// 1, 2, 3… of the state's own; 0 for that of all states.
    pub version: u64,
    /// Days to acknowledge and to decide.
    pub days: (u64, u64),
    /// Likewise for ground PERSONAL_DATA.
    pub personal_data_days: (u64, u64),
}

impl Clock {
    /// What all states have that set nothing else: the longest clock that is allowed.
    pub const LONGEST: Self = Self {
        version: 0,
        days: limits::CHALLENGE_DAYS,
        personal_data_days: limits::CHALLENGE_PERSONAL_DATA_DAYS,
    };

    /// The clock of a state, for challenges that are opened from now on.
    pub fn of_state(state: &Overlay<'_>, cc: &str) -> Self {
        state.read(&clock_key(cc)).unwrap_or(Self::LONGEST)
    }

    /// Days to acknowledge and to decide a challenge on this ground.
    pub const fn days_of(&self, ground: Ground) -> (u64, u64) {
        match ground {
            Ground::PersonalData => self.personal_data_days,
            _ => self.days,
        }
    }

    /// The clock for readers.
    pub fn to_value(self, cc: &str) -> Value {
        Value::object([
            ("cc", Value::from(cc)),
            ("version", Value::from(self.version)),
            ("acknowledgeDays", Value::from(self.days.0)),
            ("decideDays", Value::from(self.days.1)),
            ("personalDataAcknowledgeDays", Value::from(self.personal_data_days.0)),
            ("personalDataDecideDays", Value::from(self.personal_data_days.1)),
        ])
    }
}

/// A challenge: `ubin/challenge/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Challenge {
    /// The record, by the number under which it stood.
    pub ubin: String,
    /// Its entity.
    pub entity: String,
    /// The version challenged.
    pub version: u64,
    /// The sequence of its meta then.
    pub meta_seq: u64,
    /// What is said to be wrong.
    pub ground: Ground,
    /// JSON pointers below the body.
    pub fields: Vec<String>,
    /// Digests of evidence.
    pub evidence: Vec<(EvidenceType, String)>,
    /// The challenger.
    pub by: String,
    /// When it was opened, ms of block time.
    pub opened_ms: u64,
    /// Until when it is to be acknowledged, ms, this time included.
    pub ack_due_ms: u64,
    /// Until when it is to be decided, ms, this time included.
    pub decide_due_ms: u64,
    /// How far it went.
    pub state: ChallengeState,
    /// When it was decided or withdrawn, ms; 0 while open.
    pub ended_ms: u64,
    /// Why it was rejected.
    pub reason: Option<Reason>,
}

impl Challenge {
    /// When a challenge opened at `opened_ms` is to be acknowledged and decided, ms.
    pub(super) fn due(clock: Clock, ground: Ground, opened_ms: u64) -> (u64, u64) {
        let (acknowledge, decide) = clock.days_of(ground);
        let after = |days: u64| opened_ms.saturating_add(days.saturating_mul(DAY_MS));
        (after(acknowledge), after(decide))
    }

    /// The challenge of an id.
    pub fn load(state: &Overlay<'_>, id: &Digest) -> Option<Self> {
        state.read(&challenge_key(id))
    }

    /// What the index keeps of it.
    pub(super) fn open_entry(&self, id: Digest, challenger: &str) -> OpenChallenge {
        let due_ms = match self.state {
            ChallengeState::Open => self.ack_due_ms,
            _ => self.decide_due_ms,
        };
        OpenChallenge { id, challenger: challenger.to_owned(), due_ms }
    }

    /// Whether an answer is late at block time `time_ms`.
    pub fn is_overdue(&self, time_ms: u64) -> bool {
        match self.state {
            ChallengeState::Open => time_ms > self.ack_due_ms,
            ChallengeState::Acknowledged => time_ms > self.decide_due_ms,
            _ => false,
        }
    }

    /// The challenge for readers.
    pub fn to_value(&self, id: &Digest, time_ms: u64) -> Value {
        let evidence = self.evidence.iter().map(|(kind, digest)| {
            Value::object([
                ("type", Value::from(kind.name())),
                ("digest", Value::from(digest.as_str())),
            ])
        });
        let fields = self.fields.iter().map(|field| Value::from(field.as_str()));
        let ended = (self.ended_ms > 0).then(|| rfc3339(self.ended_ms));
        Value::object([
            ("id", Value::from(*id)),
            ("ubin", Value::from(self.ubin.as_str())),
            ("entity", Value::from(self.entity.as_str())),
            ("version", Value::from(self.version)),
            ("ground", Value::from(self.ground.name())),
            ("fields", Value::List(fields.collect())),
            ("evidence", Value::List(evidence.collect())),
            ("by", Value::from(self.by.as_str())),
            ("opened", Value::from(rfc3339(self.opened_ms))),
            ("acknowledgeBy", Value::from(rfc3339(self.ack_due_ms))),
            ("decideBy", Value::from(rfc3339(self.decide_due_ms))),
            ("state", Value::from(self.state.name())),
            ("overdue", Value::from(self.is_overdue(time_ms))),
            ("ended", Value::from(ended)),
            ("reason", Value::from(self.reason.map(Reason::name))),
        ])
    }
}

/// What the index of a record keeps of an open challenge.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenChallenge {
    /// Its id.
    pub id: Digest,
    /// The store name of the challenger, so that a business counts once under all its numbers.
    pub challenger: String,
    /// When the next answer is due, ms, this time included.
    pub due_ms: u64,
}

/// State key of the clock of a state.
pub fn clock_key(cc: &str) -> Vec<u8> {
    KeyBuilder::new("ubin", "clock").text(cc).build()
}

/// State key of a challenge; its id is the op digest that opened it.
pub fn challenge_key(id: &Digest) -> Vec<u8> {
    KeyBuilder::new("ubin", "challenge").text(&id.to_hex()).build()
}

/// State key of the open challenges of a record: `ubin/challenged/{entity}/{cc}`, which stays the
/// same when the record is renumbered.
pub fn open_key(entity: &str, cc: &str) -> Vec<u8> {
    KeyBuilder::new("ubin", "challenged").text(entity).text(cc).build()
}

/// The open challenges of a record of state `cc`, oldest first.
pub fn open(state: &Overlay<'_>, entity: &str, cc: &str) -> Vec<OpenChallenge> {
    state.read(&open_key(entity, cc)).unwrap_or_default()
}
