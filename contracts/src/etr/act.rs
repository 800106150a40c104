//! The acts on a record with their arguments, as `acts.json` lists them.
//!
//! Invariant: what stands here was read by `arguments` and is well formed; counts and ranges are
//! asked by [`Act::check_limits`].

use super::content::Leaf;
use super::person::Person;
use super::record::{Endorse, Lot, Presentment, SurrenderKind, TitleKind};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;

/// Opened fields: name, salt, value.
pub type Opened = Vec<(String, String, Value)>;

/// An act.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the members are the arguments of acts.json, under their names")]
pub enum Act {
    /// Opens a record, `issue` and `issue_from_paper`.
    Issue(Box<Issue>),
    /// Offers control.
    Offer(Offer),
    /// Hands control over in one step.
    Deliver(Deliver),
    /// Takes control, with evidence for the conditions of the offer.
    Accept { evidence: Vec<Value> },
    /// Refuses an offer.
    Refuse,
    /// Takes an offer back.
    Withdraw,
    /// Ends what was not answered in time.
    Expire,
    /// Moves the right of control.
    AssignControl { to: Person },
    /// A successor in law takes a place.
    Succeed { place: Place, of: String, successor: String },
    /// Endorses in place: to bearer, or back to the controller's order.
    Endorse { blank: bool },
    /// Adds a note.
    Annotate { code: String, digest: Digest },
    /// Changes the content.
    Amend(Box<Amend>),
    /// Makes several records of one.
    Split { parts: Vec<Part> },
    /// Makes one record of several.
    Merge(Box<Merge>),
    /// Pledges lots.
    Pledge(Box<NewPledge>),
    /// Ends a pledge.
    Release { no: u64 },
    /// Starts the time to cure.
    DefaultNotice { no: u64, digest: Digest },
    /// Enforces a pledge.
    Enforce { no: u64, to: Person, evidence: Vec<Value> },
    /// Surrenders to the obligor.
    Surrender { kind: SurrenderKind, reason: Option<String>, deadline_ms: u64 },
    /// Accepts a surrender.
    SurrenderAccept(SurrenderAnswer),
    /// Rejects a surrender.
    SurrenderReject,
    /// Takes delivery of a part.
    DeliverPart { lots: Vec<Lot> },
    /// Presents an instrument.
    Present { what: Presentment, attesters: Vec<String>, deadline_ms: u64 },
    /// The drawee accepts.
    BillAccept { amount: u64, variation: Option<Digest> },
    /// The obligor refuses.
    Dishonour { reason: String },
    /// Records payment.
    Pay { amount: u64, evidence: Vec<Value> },
    /// Records a protest.
    Protest { digest: Digest },
    /// Records notice of dishonour.
    Notify { to: Vec<String> },
    /// Demands recourse.
    Recourse { against: String },
    /// One liable pays and takes control.
    RecoursePay { payer: String },
    /// Adds a guarantee.
    Aval { guarantor: String, of: String, amount: u64 },
    /// The drawer stops payment.
    Stop,
    /// Cancels.
    Cancel,
    /// Records that time ended it.
    Lapse,
    /// A court freezes.
    Freeze { order: Digest, until_ms: u64, permits: Vec<String> },
    /// A court, or time, lifts a freeze.
    Unfreeze,
    /// A court gives notice of an act.
    CourtNotice { act: String, order: Digest },
    /// A court moves control and title.
    CourtTransfer { order: Digest, to: Person, title: (TitleKind, Option<Person>) },
    /// A court changes the content.
    CourtAmend(Box<CourtAmend>),
    /// A court annuls.
    CourtAnnul { order: Digest },
}

/// Arguments of `issue` and `issue_from_paper`.
#[derive(Clone, Debug)]
pub struct Issue {
    /// `id@version`.
    pub profile: String,
    /// The number.
    pub reference: String,
    /// The regime.
    pub regime: String,
    /// Who owes performance.
    pub obligor: String,
    /// The first controller.
    pub to: Person,
    /// Title at issue.
    pub title: (TitleKind, Option<Person>),
    /// What it stands for.
    pub lots: Vec<Lot>,
    /// When it is due.
    pub due_ms: Option<u64>,
    /// The fields of the content.
    pub leaves: Vec<Leaf>,
    /// Opened fields.
    pub open: Opened,
    /// Who may attest payment.
    pub attesters: Vec<String>,
    /// The paper it replaces.
    pub paper: Option<FromPaper>,
}

/// What `issue_from_paper` says of the paper.
#[derive(Clone, Debug)]
pub struct FromPaper {
    /// The serials of the paper, 1 to 9.
    pub serials: Vec<String>,
    /// How many originals were handed in.
    pub originals: u64,
    /// Who holds the paper now.
    pub custodian: String,
    /// Digest of the custodian's attestation that the paper is inoperative.
    pub inoperative: Digest,
    /// Code and digest of the statement of change of medium.
    pub statement: Option<(String, Digest)>,
}

/// Arguments of `offer`.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The receiver.
    pub to: Person,
    /// The endorsement that goes with it.
    pub endorse: Option<Endorse>,
    /// Whether the endorser excludes recourse.
    pub without_recourse: bool,
    /// The condition tree or null.
    pub conditions: Value,
    /// Whether it may be withdrawn.
    pub irrevocable: bool,
    /// Until when it may be accepted, ms.
    pub deadline_ms: u64,
}

/// Arguments of `deliver`.
#[derive(Clone, Debug)]
pub struct Deliver {
    /// The receiver.
    pub to: Person,
    /// The endorsement that goes with it.
    pub endorse: Option<Endorse>,
    /// Whether the endorser excludes recourse.
    pub without_recourse: bool,
    /// The receiver's standing consent; none if it signs.
    pub consent_no: Option<u64>,
}

/// The place that a successor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In control, and in title.
    Controller,
    /// As obligor.
    Obligor,
    /// As pledgee.
    Pledgee,
}

/// Arguments of `amend`.
#[derive(Clone, Debug)]
pub struct Amend {
    /// All leaves as they were.
    pub leaves: Vec<Leaf>,
    /// New leaf hashes by name; none = the field goes.
    pub changes: Vec<(String, Option<Digest>)>,
    /// Opened fields.
    pub open: Opened,
    /// Corrected lots.
    pub lots: Option<Vec<Lot>>,
}

/// Arguments of `court_amend`.
#[derive(Clone, Debug)]
pub struct CourtAmend {
    /// Digest of the order.
    pub order: Digest,
    /// All leaves as they were.
    pub leaves: Vec<Leaf>,
    /// New leaf hashes by name; none = the field goes.
    pub changes: Vec<(String, Option<Digest>)>,
}

/// One part of a split.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its lots.
    pub lots: Vec<Lot>,
    /// What of each pledge goes with it.
    pub pledges: Vec<(u64, Vec<Lot>)>,
}

/// Arguments of `merge`.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The other records: id, seq, head.
    pub with: Vec<(String, u64, Digest)>,
    /// The new content; none when contents are equal.
    pub content: Option<(Vec<Leaf>, Opened)>,
}

/// Arguments of `pledge`.
#[derive(Clone, Debug)]
pub struct NewPledge {
    /// The pledgee.
    pub to: String,
    /// What is pledged.
    pub lots: Vec<Lot>,
    /// Digest of the terms.
    pub terms: Digest,
    /// The condition tree for default.
    pub on: Value,
    /// Time to cure, s.
    pub cure_s: u64,
}

/// Arguments of `surrender_accept`, whose form follows the kind of the surrender.
#[derive(Clone, Debug)]
pub enum SurrenderAnswer {
    /// Delivery and claim.
    Performed,
    /// Change of medium.
    Paper {
        /// The serials of the paper, 1 to 9.
        serials: Vec<String>,
        /// Digest of the print.
        print: Digest,
        /// Code and digest of the statement of change of medium.
        statement: Option<(String, Digest)>,
    },
    /// Exchange: the records issued for it.
    Exchange(Vec<String>),
}

fn over(field: &str) -> Result<(), Reject> {
    Err(Reject::new(Code::LimitExceeded, field, ""))
}

impl Act {
    /// Counts and ranges of etr.md §3.4: `LIMIT_EXCEEDED`.
    pub fn check_limits(&self) -> Result<(), Reject> {
        match self {
            Self::Issue(issue) => issue.check_limits(),
            Self::Offer(offer) => offer.to.check_limits("/args/to"),
            Self::Deliver(deliver) => deliver.to.check_limits("/args/to"),
            Self::AssignControl { to } => to.check_limits("/args/to"),
            Self::CourtTransfer { to, title, .. } => {
                to.check_limits("/args/to")?;
                title.1.as_ref().map_or(Ok(()), |party| party.check_limits("/args/title/party"))
            }
            Self::Enforce { to, evidence, .. } => {
                to.check_limits("/args/to")?;
                check_evidence(evidence)
            }
            Self::Accept { evidence } => check_evidence(evidence),
            Self::Pay { amount, evidence } => {
                check_sum(*amount)?;
                check_evidence(evidence)
            }
            Self::BillAccept { amount, .. } | Self::Aval { amount, .. } => check_sum(*amount),
            Self::SurrenderAccept(SurrenderAnswer::Paper { serials, .. }) => check_serials(serials),
            Self::SurrenderAccept(SurrenderAnswer::Exchange(ids)) => {
                if ids.len() > limits::ETR_BUNDLE_OPS_MAX { over("/args/issued") } else { Ok(()) }
            }
            Self::Amend(amend) => {
                check_leaves(&amend.leaves)?;
                check_changes(&amend.changes)?;
                check_open(&amend.open)?;
                amend.lots.as_ref().map_or(Ok(()), |lots| check_lots(lots, "/args/lots"))
            }
            Self::CourtAmend(amend) => {
                check_leaves(&amend.leaves)?;
                check_changes(&amend.changes)
            }
            Self::Split { parts } => check_parts(parts),
            Self::Merge(merge) => {
                if !(1..limits::ETR_PARTS_MAX).contains(&merge.with.len()) {
                    return over("/args/with");
                }
                let Some((leaves, open)) = &merge.content else { return Ok(()) };
                check_leaves(leaves)?;
                check_open(open)
            }
            Self::Pledge(pledge) => {
                if pledge.cure_s > limits::ETR_CURE_S_MAX {
                    return over("/args/cureS");
                }
                check_lots(&pledge.lots, "/args/lots")
            }
            Self::DeliverPart { lots } => check_lots(lots, "/args/lots"),
            Self::Present { attesters, .. } => check_attesters(attesters),
            Self::Notify { to } => {
                let fits = (1..=limits::ETR_NOTIFIED_MAX).contains(&to.len());
                if fits { Ok(()) } else { over("/args/to") }
            }
            _ => Ok(()),
        }
    }
}

impl Issue {
    fn check_limits(&self) -> Result<(), Reject> {
        self.to.check_limits("/args/to")?;
        if let Some(party) = &self.title.1 {
            party.check_limits("/args/title/party")?;
        }
        check_lots(&self.lots, "/args/lots")?;
        check_leaves(&self.leaves)?;
        check_open(&self.open)?;
        check_attesters(&self.attesters)?;
        self.paper.as_ref().map_or(Ok(()), |paper| check_serials(&paper.serials))
    }
}

/// A sum of nothing is out of range.
fn check_sum(amount: u64) -> Result<(), Reject> {
    if amount == 0 { over("/args/amount") } else { Ok(()) }
}

fn check_evidence(evidence: &[Value]) -> Result<(), Reject> {
    let bytes = Value::List(evidence.to_vec()).to_jcs().len();
    if bytes > limits::ETR_EVIDENCE_BYTES_MAX { over("/args/evidence") } else { Ok(()) }
}

fn check_serials(serials: &[String]) -> Result<(), Reject> {
    let fits = (1..=limits::ETR_SERIALS_MAX).contains(&serials.len());
    if fits { Ok(()) } else { over("/args/serials") }
}

fn check_attesters(attesters: &[String]) -> Result<(), Reject> {
    if attesters.len() > limits::ETR_ATTESTERS_MAX { over("/args/attesters") } else { Ok(()) }
}

fn check_lots(lots: &[Lot], field: &str) -> Result<(), Reject> {
    let scales = lots.iter().all(|lot| lot.scale <= limits::ETR_SCALE_MAX);
    if lots.len() > limits::ETR_LOTS_MAX || !scales { over(field) } else { Ok(()) }
}

fn is_name(name: &str) -> bool {
    (1..=limits::ETR_FIELD_NAME_BYTES_MAX).contains(&name.len())
}

fn check_leaves(leaves: &[Leaf]) -> Result<(), Reject> {
    let fits =
        leaves.len() <= limits::ETR_FIELDS_MAX && leaves.iter().all(|leaf| is_name(&leaf.name));
    if fits { Ok(()) } else { over("/args/leaves") }
}

fn check_changes(changes: &[(String, Option<Digest>)]) -> Result<(), Reject> {
    let fits =
        changes.len() <= limits::ETR_FIELDS_MAX && changes.iter().all(|(name, _)| is_name(name));
    if fits { Ok(()) } else { over("/args/changes") }
}

fn check_open(open: &Opened) -> Result<(), Reject> {
    if open.len() > limits::ETR_FIELDS_MAX { over("/args/open") } else { Ok(()) }
}

fn check_parts(parts: &[Part]) -> Result<(), Reject> {
    if !(2..=limits::ETR_PARTS_MAX).contains(&parts.len()) {
        return over("/args/parts");
    }
    for part in parts {
        check_lots(&part.lots, "/args/parts")?;
        if part.pledges.len() > limits::ETR_PLEDGES_MAX {
            return over("/args/parts");
        }
        for (_, lots) in &part.pledges {
            check_lots(lots, "/args/parts")?;
        }
    }
    Ok(())
}
