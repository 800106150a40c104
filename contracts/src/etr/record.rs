//! The state of a record: a public part anyone may see and a party part (etr.md §3.2).
//!
//! Invariant: state keeps the canonical JSON of both parts; each is hashed apart, so the public
//! part is provable while the party part, salted by `blind`, stays unguessable. Members that only
//! acts of a later release write are kept as they stand.

use super::person::Person;
use super::{content, keys};
use crate::digest::Digest;
use crate::error::Reject;
use crate::json::{self, Members, Value};
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
    /// A court freeze, as it stands.
    pub frozen: Value,
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
}

impl Pending {
    /// Until when it may be answered, ms, inclusive.
    pub const fn deadline_ms(&self) -> u64 {
        match self {
            Self::Offer { deadline_ms, .. } | Self::Surrender { deadline_ms, .. } => *deadline_ms,
        }
    }
}

/// What only an instrument of payment has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// When it is due; none on demand.
    pub due_ms: Option<u64>,
    /// Accepted sum, dishonour, protest: written by acts of a later release.
    pub accepted: Value,
    /// See `accepted`.
    pub dishonoured: Value,
    /// See `accepted`.
    pub protested: Value,
    /// Whether the drawer stopped it.
    pub stopped: bool,
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
    /// Pledges, written by a later release.
    pub pledges: Vec<Value>,
    /// Guarantees, written by a later release.
    pub guarantees: Vec<Value>,
    /// Only in family money.
    pub money: Option<Money>,
    /// A court notice, written by a later release.
    pub notice: Value,
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
    /// The record `id`.
    pub fn load(state: &Overlay<'_>, id: &str) -> Option<Self> {
        let (public, party): (String, String) = state.read(&keys::record(id))?;
        Some(
            Self::from_texts(&public, &party)
                .expect("a stored record reads back; if not, run `titian-node verify-db`"),
        )
    }

    /// Writes it.
    pub fn store(&self, state: &mut Overlay<'_>) {
        let texts = (self.public.to_value().to_jcs(), self.party.to_value().to_jcs());
        state.write(keys::record(&self.public.id), &texts);
    }

    /// The record of the canonical texts of its two parts.
    pub fn from_texts(public: &str, party: &str) -> Option<Self> {
        let (public, party) =
            (json::parse(public.as_bytes()).ok()?, json::parse(party.as_bytes()).ok()?);
        Some(Self { public: read_public(&public).ok()?, party: read_party(&party).ok()? })
    }
}

/// The two canonical texts in the content of a record.
pub fn texts_of(content: &[u8]) -> Option<(String, String)> {
    state::decode_content(content)
}

/// The content hash of a record, `None` for every other key (etr.md §3.2).
pub fn content_hash(key: &[u8], bytes: &[u8]) -> Option<Digest> {
    if !key.starts_with(keys::RECORD_PREFIX) {
        return None;
    }
    if let Some((public, party_hash)) = super::claim::redacted_parts(bytes) {
        return Some(content::state_leaf(content::public_hash(&public), party_hash));
    }
    let (public, party) = texts_of(bytes)?;
    Some(content::state_leaf(content::public_hash(&public), content::party_hash(&party)))
}

impl Public {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        Value::object([
            ("id", Value::from(self.id.as_str())),
            ("profile", Value::from(self.profile.as_str())),
            ("regime", Value::from(self.regime.as_str())),
            ("home", Value::from(self.home.as_str())),
            ("status", Value::from(self.status.text())),
            ("end", Value::from(self.end.map(End::text))),
            ("generation", Value::from(self.generation)),
            ("seq", Value::from(self.seq)),
            ("head", Value::from(self.head)),
            ("contentRoot", Value::from(self.content_root)),
            ("contentVersion", Value::from(self.content_version)),
            ("frozen", self.frozen.clone()),
            ("issuedMs", Value::from(self.issued_ms)),
        ])
    }
}

impl Title {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        Value::object([
            ("kind", Value::from(self.kind.text())),
            ("party", Value::from(self.party.as_ref().map(Person::to_title_value))),
            ("capacity", Value::from(self.capacity.text())),
            ("principal", Value::from(self.principal.as_ref().map(Person::to_title_value))),
        ])
    }
}

impl Lot {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        Value::object([
            ("lot", Value::from(self.lot.as_str())),
            ("unit", Value::from(self.unit.as_str())),
            ("scale", Value::from(self.scale)),
            ("amount", Value::from(self.amount.to_string())),
        ])
    }

    /// Reads one lot; `MALFORMED` if a member breaks its form.
    pub fn from_value(value: &Value, path: &str) -> Result<Self, Reject> {
        let mut members = Members::of(value, path)?;
        let upper = |text: &str, max: usize| {
            (1..=max).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        let (lot, unit) = (members.text("lot")?.to_owned(), members.text("unit")?.to_owned());
        if !upper(&lot, 8) || !upper(&unit, 3) {
            return Err(members.malformed("lot", "a code of A-Z 0-9"));
        }
        let scale = members.uint("scale")?;
        let amount = read_amount(members.text("amount")?)
            .ok_or_else(|| members.malformed("amount", "a u64 as a decimal string"))?;
        members.finish()?;
        Ok(Self { lot, unit, scale, amount })
    }
}

/// A u64 in canonical decimal form.
pub fn read_amount(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
        && !text.is_empty();
    if canonical { text.parse().ok() } else { None }
}

impl Pending {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Offer {
                to,
                endorse,
                without_recourse,
                conditions,
                irrevocable,
                deadline_ms,
                op,
            } => Value::object([
                ("act", Value::from("offer")),
                ("to", to.to_value()),
                ("endorse", Value::from(endorse.map(Endorse::text))),
                ("withoutRecourse", Value::from(*without_recourse)),
                ("conditions", conditions.clone()),
                ("irrevocable", Value::from(*irrevocable)),
                ("deadlineMs", Value::from(*deadline_ms)),
                ("op", Value::from(*op)),
            ]),
            Self::Surrender { kind, reason, deadline_ms, op } => Value::object([
                ("act", Value::from("surrender")),
                ("kind", Value::from(kind.text())),
                ("reason", Value::from(reason.as_deref())),
                ("deadlineMs", Value::from(*deadline_ms)),
                ("op", Value::from(*op)),
            ]),
        }
    }
}

impl PartyPart {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        let ids = |ids: &[String]| -> Value {
            Value::List(ids.iter().map(|id| Value::from(id.as_str())).collect())
        };
        let money = self.money.as_ref().map(|money| {
            Value::object([
                ("dueMs", Value::from(money.due_ms)),
                ("accepted", money.accepted.clone()),
                ("dishonoured", money.dishonoured.clone()),
                ("protested", money.protested.clone()),
                ("stopped", Value::from(money.stopped)),
            ])
        });
        let lineage = Value::object([
            ("root", Value::from(self.root.as_str())),
            ("from", ids(&self.from)),
            ("into", ids(&self.into)),
        ]);
        Value::object([
            ("issuer", Value::from(self.issuer.as_str())),
            ("ref", Value::from(self.reference.as_str())),
            ("obligor", Value::from(self.obligor.as_str())),
            ("controller", self.controller.to_value()),
            ("title", self.title.to_value()),
            ("lots", Value::List(self.lots.iter().map(Lot::to_value).collect())),
            ("pending", Value::from(self.pending.as_ref().map(Pending::to_value))),
            ("pledges", Value::List(self.pledges.clone())),
            ("guarantees", Value::List(self.guarantees.clone())),
            ("money", money.unwrap_or(Value::Null)),
            ("notice", self.notice.clone()),
            ("lineage", lineage),
            ("endorsements", Value::from(self.endorsements)),
            ("blind", Value::from(self.blind.as_str())),
        ])
    }
}

fn read_public(value: &Value) -> Result<Public, Reject> {
    let mut m = Members::of(value, "")?;
    let status = Status::parse(m.text("status")?).ok_or_else(|| m.malformed("status", ""))?;
    let end = match m.required("end")? {
        Value::Null => None,
        other => Some(
            other.as_text().and_then(End::parse).ok_or_else(|| m.malformed("end", "unknown"))?,
        ),
    };
    Ok(Public {
        id: m.text("id")?.to_owned(),
        profile: m.text("profile")?.to_owned(),
        regime: m.text("regime")?.to_owned(),
        home: m.text("home")?.to_owned(),
        status,
        end,
        generation: m.uint("generation")?,
        seq: m.uint("seq")?,
        head: m.digest("head")?,
        content_root: m.digest("contentRoot")?,
        content_version: m.uint("contentVersion")?,
        frozen: m.required("frozen")?.clone(),
        issued_ms: m.uint("issuedMs")?,
    })
}

fn read_person_or_null(m: &mut Members<'_>, name: &str) -> Result<Option<Person>, Reject> {
    match m.required(name)? {
        Value::Null => Ok(None),
        value => Person::from_value(value, name).map(Some),
    }
}

fn read_title(mut m: Members<'_>) -> Result<Title, Reject> {
    let kind = TitleKind::parse(m.text("kind")?).ok_or_else(|| m.malformed("kind", ""))?;
    let capacity =
        Capacity::parse(m.text("capacity")?).ok_or_else(|| m.malformed("capacity", ""))?;
    let party = read_person_or_null(&mut m, "party")?;
    let principal = read_person_or_null(&mut m, "principal")?;
    Ok(Title { kind, party, capacity, principal })
}

fn read_pending(value: &Value) -> Result<Pending, Reject> {
    let mut m = Members::of(value, "")?;
    if m.text("act")? == "offer" {
        let endorse = match m.required("endorse")? {
            Value::Null => None,
            other => Some(
                other
                    .as_text()
                    .and_then(Endorse::parse)
                    .ok_or_else(|| m.malformed("endorse", "unknown"))?,
            ),
        };
        return Ok(Pending::Offer {
            to: Person::from_value(m.required("to")?, "/to")?,
            endorse,
            without_recourse: m.boolean("withoutRecourse")?,
            conditions: m.required("conditions")?.clone(),
            irrevocable: m.boolean("irrevocable")?,
            deadline_ms: m.uint("deadlineMs")?,
            op: m.digest("op")?,
        });
    }
    let kind = SurrenderKind::parse(m.text("kind")?).ok_or_else(|| m.malformed("kind", ""))?;
    Ok(Pending::Surrender {
        kind,
        reason: m.required("reason")?.as_text().map(ToOwned::to_owned),
        deadline_ms: m.uint("deadlineMs")?,
        op: m.digest("op")?,
    })
}

fn read_money(value: &Value) -> Result<Money, Reject> {
    let mut m = Members::of(value, "")?;
    Ok(Money {
        due_ms: m.required("dueMs")?.as_int().and_then(|int| u64::try_from(int).ok()),
        accepted: m.required("accepted")?.clone(),
        dishonoured: m.required("dishonoured")?.clone(),
        protested: m.required("protested")?.clone(),
        stopped: m.boolean("stopped")?,
    })
}

fn read_party(value: &Value) -> Result<PartyPart, Reject> {
    let mut m = Members::of(value, "")?;
    let owned = |texts: Vec<&str>| texts.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
    let mut lineage = m.object("lineage")?;
    let lots = m
        .list("lots")?
        .iter()
        .map(|lot| Lot::from_value(lot, "/lots"))
        .collect::<Result<Vec<_>, _>>()?;
    let pending = match m.required("pending")? {
        Value::Null => None,
        value => Some(read_pending(value)?),
    };
    let money = match m.required("money")? {
        Value::Null => None,
        value => Some(read_money(value)?),
    };
    Ok(PartyPart {
        issuer: m.text("issuer")?.to_owned(),
        reference: m.text("ref")?.to_owned(),
        obligor: m.text("obligor")?.to_owned(),
        controller: Person::from_value(m.required("controller")?, "/controller")?,
        title: read_title(m.object("title")?)?,
        lots,
        pending,
        pledges: m.list("pledges")?.to_vec(),
        guarantees: m.list("guarantees")?.to_vec(),
        money,
        notice: m.required("notice")?.clone(),
        root: lineage.text("root")?.to_owned(),
        from: owned(lineage.texts("from")?),
        into: owned(lineage.texts("into")?),
        endorsements: m.uint("endorsements")?,
        blind: m.text("blind")?.to_owned(),
    })
}
