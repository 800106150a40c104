//! A proposal and its votes as state holds them (ledger.md §8), and where it stands at a time.
//!
//! Nothing runs by itself: consultation and time to vote end by block time, and [`Proposal::phase`]
//! derives it wherever it is asked. Silence is not consent: only votes are counted.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::digest::{Digest, hash};
use crate::error::Code;
use crate::json::Value;
use crate::state::KeyBuilder;

/// What a proposal changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Kind {
    /// A type of record, a regional credential type or resource, a regime or entry of a country outside
    /// the network.
    Profile,
    /// A number within coded bounds.
    Parameter,
}

impl Kind {
    /// The name in ops and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Parameter => "parameter",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Profile, Self::Parameter].into_iter().find(|kind| kind.name() == name)
    }
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Choice {
    /// For it.
    Yes,
    /// Against it.
    No,
    /// Neither; it counts as no consent.
    Abstain,
}

impl Choice {
    /// The name in ops and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Abstain => "abstain",
        }
    }

    /// The choice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Yes, Self::No, Self::Abstain].into_iter().find(|choice| choice.name() == name)
    }
}

/// How a proposal ended by an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Decision {
    /// Enough states agreed; in force from the next transaction on.
    Accepted,
    /// Enough states did not, or what it says breaks a rule by now: the number of its error.
    Rejected(Option<u16>),
    /// By its author.
    Withdrawn,
}

/// When that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ended {
    /// How.
    pub decision: Decision,
    /// The height. Of an accepted proposal that from which it is in force.
    pub height: u64,
    /// Block time, ms.
    pub ms: u64,
}

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// States read it.
    Consultation,
    /// States vote.
    Voting,
    /// It is in force.
    InForce,
    /// It will never be.
    Rejected,
    /// The time to vote ended without a decision.
    Lapsed,
    /// By its author.
    Withdrawn,
}

impl Phase {
    /// All, in the order in which a proposal may pass them.
    pub const ALL: [Self; 6] = [
        Self::Consultation,
        Self::Voting,
        Self::InForce,
        Self::Rejected,
        Self::Lapsed,
        Self::Withdrawn,
    ];

    /// The name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consultation => "consultation",
            Self::Voting => "voting",
            Self::InForce => "inForce",
            Self::Rejected => "rejected",
            Self::Lapsed => "lapsed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A proposal: `gov/proposal/{no}`. Its body stands beside it, written once.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// Its number; 1 at first.
    pub no: u64,
    /// What it changes.
    pub kind: Kind,
    /// Which one: a profile, type, resource, regime, entry or parameter.
    pub subject: String,
    /// [`digest_of`] its body.
    pub digest: Digest,
    /// The state that opened it.
    pub author: String,
    /// When, as a height.
    pub opened_height: u64,
    /// When, block time in ms.
    pub opened_ms: u64,
    /// From when states vote, ms.
    pub voting_from_ms: u64,
    /// Until when (exclusive), ms.
    pub voting_until_ms: u64,
    /// Member states when it was opened: of so many more than two thirds must agree.
    pub members: u64,
    /// Votes for it.
    pub yes: u64,
    /// Votes against it.
    pub no_votes: u64,
    /// Votes for neither.
    pub abstain: u64,
    /// How it ended, if an act ended it.
    pub ended: Option<Ended>,
}

impl Proposal {
    /// Where it stands at block time `t`.
    pub fn phase(&self, t: u64) -> Phase {
        match self.ended.map(|ended| ended.decision) {
            Some(Decision::Accepted) => Phase::InForce,
            Some(Decision::Rejected(_)) => Phase::Rejected,
            Some(Decision::Withdrawn) => Phase::Withdrawn,
            None if t < self.voting_from_ms => Phase::Consultation,
            None if t < self.voting_until_ms => Phase::Voting,
            None => Phase::Lapsed,
        }
    }

    /// Counts a vote.
    pub fn count(&mut self, choice: Choice) {
        let votes = match choice {
            Choice::Yes => &mut self.yes,
            Choice::No => &mut self.no_votes,
            Choice::Abstain => &mut self.abstain,
        };
        *votes = votes.saturating_add(1);
    }

    /// Whether the states decided: more than two thirds of all agree, or no longer can.
    pub fn verdict(&self) -> Option<bool> {
        let against = self.no_votes.saturating_add(self.abstain);
        if suffices(self.yes, self.members) {
            Some(true)
        } else if suffices(self.members.saturating_sub(against), self.members) {
            None
        } else {
            Some(false)
        }
    }
}

/// Whether `yes` is more than two thirds of `members`.
pub const fn suffices(yes: u64, members: u64) -> bool {
    yes.saturating_mul(3) > members.saturating_mul(2)
}

/// A vote: `gov/vote/{no}/{cc}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// For what.
    pub choice: Choice,
    /// The height.
    pub height: u64,
    /// Block time, ms.
    pub ms: u64,
}

/// `gov/proposals`: how many there were, and which may still be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposals {
    /// The number of the newest; 0 before the first.
    pub last: u64,
    /// Number, author and end of the time to vote (ms) of those that no act ended, by number. One whose
    /// time is over stays until the next is opened.
    pub open: Vec<(u64, String, u64)>,
}

/// State key of a proposal.
pub fn proposal_key(no: u64) -> Vec<u8> {
    KeyBuilder::new("gov", "proposal").number(no).build()
}

/// State key of the canonical JSON of a proposal's body.
pub fn body_key(no: u64) -> Vec<u8> {
    KeyBuilder::new("gov", "proposal_body").number(no).build()
}

/// State key of a vote.
pub fn vote_key(no: u64, cc: &str) -> Vec<u8> {
    KeyBuilder::new("gov", "vote").number(no).text(cc).build()
}

/// State key of [`Proposals`].
pub fn proposals_key() -> Vec<u8> {
    b"gov/proposals".to_vec()
}

/// H("titian gov proposal v1", JCS([kind, body])): what a vote names.
pub fn digest_of(kind: Kind, body: &Value) -> Digest {
    let text = Value::List(vec![Value::from(kind.name()), body.clone()]).to_jcs();
    hash("titian gov proposal v1", &[text.as_bytes()])
}

/// A proposal as an answer at block time `time_ms` shows it.
pub fn view(proposal: &Proposal, time_ms: u64) -> Value {
    let of = |wanted: bool, number: u64| Value::from(wanted.then_some(number));
    let phase = proposal.phase(time_ms);
    let ended = proposal.ended;
    let rule = match ended.map(|ended| ended.decision) {
        Some(Decision::Rejected(number)) => number.and_then(Code::by_number),
        _ => None,
    };
    Value::object([
        ("no", Value::from(proposal.no)),
        ("kind", Value::from(proposal.kind.name())),
        ("subject", Value::from(proposal.subject.as_str())),
        ("digest", Value::from(proposal.digest)),
        ("author", Value::from(proposal.author.as_str())),
        ("state", Value::from(phase.name())),
        ("openedMs", Value::from(proposal.opened_ms)),
        ("votingFromMs", Value::from(proposal.voting_from_ms)),
        ("votingUntilMs", Value::from(proposal.voting_until_ms)),
        ("members", Value::from(proposal.members)),
        (
            "votes",
            Value::object([
                (Choice::Yes.name(), Value::from(proposal.yes)),
                (Choice::No.name(), Value::from(proposal.no_votes)),
                (Choice::Abstain.name(), Value::from(proposal.abstain)),
            ]),
        ),
        ("endedMs", Value::from(ended.map(|ended| ended.ms))),
        ("inForceHeight", of(phase == Phase::InForce, ended.map_or(0, |ended| ended.height))),
        ("rule", Value::from(rule.map(Code::name))),
    ])
}
