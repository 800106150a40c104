//! The state of a record: a public part anyone may see and a party part (etr.md §3.2).
//!
//! Invariant: state keeps the canonical JSON of both parts (`record_json`); each is hashed apart, so
//! the public part is provable while the party part, salted by `blind`, stays unguessable. What the
//! kernel keeps beside a record, outside its two parts, is its [`Aside`].

use borsh::{BorshDeserialize, BorshSerialize};

use super::person::Person;
use super::{content, keys};
use crate::digest::Digest;
use crate::json::Value;
use crate::state::{self, Overlay};

/// Declares a closed list of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// The word in ops and state.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value of a word.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Where a record is in its life.
    Status {
        /// Nothing pending.
        Active = "active",
        /// An offer waits for its receiver.
        Offered = "offered",
        /// A presentment waits for the obligor.
        Presented = "presented",
        /// A surrender waits for the obligor.
        Surrendered = "surrendered",
        /// Ended, for ever.
        Dead = "dead",
    }
}

words! {
    /// How a record ended.
    End {
        /// Performed against surrender.
        Delivered = "delivered",
        /// Paid in full.
        Discharged = "discharged",
        /// A claim was made under it.
        Claimed = "claimed",
        /// Split into others.
        Split = "split",
        /// Merged into another.
        Merged = "merged",
        /// Exchanged for others.
        Exchanged = "exchanged",
        /// Replaced by paper.
        Paper = "paper",
        /// Cancelled.
        Cancelled = "cancelled",
        /// Lapsed.
        Lapsed = "lapsed",
        /// Annulled by a court.
        Annulled = "annulled",
    }
}

words! {
    /// To whom performance is owed on the face of the record.
    TitleKind {
        /// Nobody: not a document of title.
        None = "none",
        /// Whoever holds it.
        Bearer = "bearer",
        /// A party or whom it endorses to.
        ToOrder = "to_order",
        /// A party alone.
        Named = "named",
    }
}

words! {
    /// For whom title is held.
    Capacity {
        /// For itself.
        Owner = "owner",
        /// To collect for a principal.
        Collection = "collection",
        /// As security.
        Pledge = "pledge",
    }
}

words! {
    /// Kinds of endorsement to another person.
    Endorse {
        /// To the order of the receiver.
        Special = "special",
        /// To bearer.
        Blank = "blank",
        /// To the receiver alone.
        Restrictive = "restrictive",
        /// To the receiver as agent.
        Collection = "collection",
        /// To the receiver as security.
        Pledge = "pledge",
    }
}

words! {
    /// What a bill is presented for.
    Presentment {
        /// That the drawee accept it.
        Acceptance = "acceptance",
        /// That the obligor pay it.
        Payment = "payment",
    }
}

words! {
    /// What a surrender asks for.
    SurrenderKind {
        /// The goods.
        Delivery = "delivery",
        /// Payment of a claim.
        Claim = "claim",
        /// Other records.
        Exchange = "exchange",
        /// Paper.
        Paper = "paper",
    }
}

/// The part that anyone may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    /// `etr_` + base32.
    pub id: String,
    /// `id@version` of the profile.
    pub profile: String,
    /// The statute or contract the parties rely on.
    pub regime: String,
    /// The state of the issuer.
    pub home: String,
    /// Where it is in its life.
    pub status: Status,
    /// How it ended; only when dead.
    pub end: Option<End>,
    /// Returns from paper.
    pub generation: u64,
    /// Ops so far.
    pub seq: u64,
    /// The head of the op chain.
    pub head: Digest,
    /// The commitment to the content.
    pub content_root: Digest,
    /// Raised by each amendment.
    pub content_version: u64,
    /// A court freeze.
    pub frozen: Option<Frozen>,
    /// Block time of issue.
    pub issued_ms: u64,
}

/// Title on the face of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Its kind.
    pub kind: TitleKind,
    /// Of whom; for to_order and named.
    pub party: Option<Person>,
    /// In which capacity.
    pub capacity: Capacity,
    /// The principal of an agent, or the pledgor.
    pub principal: Option<Person>,
}

/// A quantity of goods, or a sum: an integer of 10^-scale units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Its code, 1 to 8 of A-Z 0-9.
    pub lot: String,
    /// UN/ECE Rec 20 or ISO 4217 code.
    pub unit: String,
    /// Decimals.
    pub scale: u64,
    /// How many units of the last decimal.
    pub amount: u64,
}

/// What waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// An offer.
    Offer {
        /// The receiver.
        to: Person,
        /// The endorsement that takes effect with it.
        endorse: Option<Endorse>,
        /// Whether the endorser excludes recourse.
        without_recourse: bool,
        /// The condition tree or null.
        conditions: Value,
        /// Whether it may be withdrawn.
        irrevocable: bool,
        /// Until when it may be answered, ms.
        deadline_ms: u64,
        /// Digest of the op that made it; evidence refers to it.
        op: Digest,
    },
    /// A surrender to the obligor.
    Surrender {
        /// What it asks for.
        kind: SurrenderKind,
        /// A code.
        reason: Option<String>,
        /// Until when it may be answered, ms.
        deadline_ms: u64,
        /// Digest of the op that made it.
        op: Digest,
    },
    /// A presentment to the obligor.
    Present {
        /// For what.
        what: Presentment,
        /// Who may attest payment of it, beside those named at issue.
        attesters: Vec<String>,
        /// Until when it may be answered, ms.
        deadline_ms: u64,
        /// Digest of the op that made it; attestations refer to it.
        op: Digest,
    },
}

impl Pending {
    /// Until when it may be answered, ms, inclusive.
    pub const fn deadline_ms(&self) -> u64 {
        match self {
            Self::Offer { deadline_ms, .. }
            | Self::Surrender { deadline_ms, .. }
            | Self::Present { deadline_ms, .. } => *deadline_ms,
        }
    }
}

/// A freeze ordered by a court.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Until when, ms; after it anyone may lift the freeze.
    pub until_ms: u64,
    /// Digest of the order.
    pub order: Digest,
    /// The acts it permits.
    pub permits: Vec<String>,
}

/// Notice that a court will act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `court_transfer`, `court_amend` or `court_annul`.
    pub act: String,
    /// Digest of the order.
    pub order: Digest,
    /// Block time of the notice.
    pub ms: u64,
}

/// Acceptance of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The sum accepted.
    pub amount: u64,
    /// Block time.
    pub ms: u64,
    /// Digest of what the acceptor varied, with the controller's consent.
    pub variation: Option<Digest>,
}

/// Dishonour of an instrument, by answer or by silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dishonoured {
    /// Block time at which it was recorded.
    pub ms: u64,
    /// What it had been presented for.
    pub what: Presentment,
    /// The obligor's reason; none if it was silent.
    pub reason: Option<String>,
    /// Who was notified.
    pub notified: Vec<String>,
    /// Against whom recourse is demanded.
    pub demands: Vec<String>,
}

/// Protest of a dishonoured instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protested {
    /// Block time.
    pub ms: u64,
    /// Digest of the notarial act.
    pub digest: Digest,
}

/// What only an instrument of payment has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// When it is due; none on demand.
    pub due_ms: Option<u64>,
    /// Accepted by the drawee.
    pub accepted: Option<Accepted>,
    /// Dishonoured.
    pub dishonoured: Option<Dishonoured>,
    /// Protested.
    pub protested: Option<Protested>,
    /// Whether the drawer stopped it.
    pub stopped: bool,
}

/// A pledge of lots, in the order of rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pledge {
    /// Its number, never used again in this record; a lower one ranks before.
    pub no: u64,
    /// The pledgee.
    pub to: String,
    /// What is pledged.
    pub lots: Vec<Lot>,
    /// Digest of the terms.
    pub terms: Digest,
    /// The condition tree for default.
    pub on: Value,
    /// Time to cure after a notice of default, s.
    pub cure_s: u64,
    /// Digest of the op that made it; evidence refers to it.
    pub op: Digest,
    /// Block time of the last notice of default.
    pub notice_ms: Option<u64>,
}

/// A guarantee (aval).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// Who guarantees.
    pub guarantor: String,
    /// For whom.
    pub of: String,
    /// How much.
    pub amount: u64,
}

/// The part that parties to the record may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyPart {
    /// Who opened the record.
    pub issuer: String,
    /// Its number.
    pub reference: String,
    /// Who owes performance.
    pub obligor: String,
    /// Who is in control.
    pub controller: Person,
    /// To whom performance is owed on its face.
    pub title: Title,
    /// What it stands for.
    pub lots: Vec<Lot>,
    /// What waits for an answer.
    pub pending: Option<Pending>,
    /// Pledges, by rank.
    pub pledges: Vec<Pledge>,
    /// Guarantees.
    pub guarantees: Vec<Guarantee>,
    /// Only in family money.
    pub money: Option<Money>,
    /// Notice that a court will act.
    pub notice: Option<Notice>,
    /// The root record.
    pub root: String,
    /// The parents.
    pub from: Vec<String>,
    /// The children.
    pub into: Vec<String>,
    /// Length of the endorsement chain.
    pub endorsements: u64,
    /// 16 random bytes in hex, chosen by the last actor.
    pub blind: String,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What anyone may see.
    pub public: Public,
    /// What parties may see.
    pub party: PartyPart,
}

impl Record {
    /// The live pledge of a number.
    pub fn pledge(&self, no: u64) -> Option<&Pledge> {
        self.party.pledges.iter().find(|pledge| pledge.no == no)
    }

    /// Ends the record.
    pub fn end(&mut self, end: End) {
        self.party.pending = None;
        self.public.status = Status::Dead;
        self.public.end = Some(end);
    }

    /// The record `id`.
    pub fn load(state: &Overlay<'_>, id: &str) -> Option<Self> {
        let read = |content: &[u8]| {
            let (public, party) = texts_of(content)?;
            Self::from_texts(public, party)
        };
        let record = state.with_content(&keys::record(id), read)?;
        Some(record.expect("a stored record reads back; if not, run `titian-node verify-db`"))
    }

    /// Writes it.
    pub fn store(&self, state: &mut Overlay<'_>) {
        state.put_content(keys::record(&self.public.id), self.to_content());
    }
}

/// What the kernel keeps beside a record: `etr/aside/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Aside {
    /// Height of the issue; of the parent's for records made from others.
    pub issued_height: u64,
    /// Digest of the op that opened the record; attestations of payment refer to it.
    pub issue_op: Digest,
    /// Who may attest payment, named at issue.
    pub attesters: Vec<String>,
    /// Notes so far.
    pub notes: u64,
    /// Pledges so far; the last one has this number.
    pub pledges: u64,
    /// Whether it was made by split or merge, delivered or paid in part.
    pub parted: bool,
}

impl Aside {
    /// What stands beside record `id`.
    pub fn load(state: &Overlay<'_>, id: &str) -> Self {
        state.read(&keys::aside(id)).unwrap_or_default()
    }

    /// Writes it.
    pub fn store(&self, state: &mut Overlay<'_>, id: &str) {
        state.write(keys::aside(id), self);
    }
}

/// The two canonical texts in the content of a record.
pub fn texts_of(content: &[u8]) -> Option<(&str, &str)> {
    let (public, rest) = text_of(state::content_bytes(content)?)?;
    let (party, rest) = text_of(rest)?;
    if rest.is_empty() { Some((public, party)) } else { None }
}

/// The text at the begin of borsh bytes, without a copy of it, and the bytes after it.
pub(super) fn text_of(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// The content hash of a record, `None` for every other key (etr.md §3.2).
pub fn content_hash(key: &[u8], bytes: &[u8]) -> Option<Digest> {
    if !key.starts_with(keys::RECORD_PREFIX) {
        return None;
    }
    if let Some((public, party_hash)) = super::claim::redacted_parts(bytes) {
        return Some(content::state_leaf(content::public_hash(public), party_hash));
    }
    let (public, party) = texts_of(bytes)?;
    Some(content::state_leaf(content::public_hash(public), content::party_hash(party)))
}
