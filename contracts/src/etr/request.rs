//! Reads an ETR op: the frame all acts share and the arguments of the acts that are built.
//!
//! Reading answers `MALFORMED` only; [`Request::check_limits`] comes after, so that the order of
//! errors is the documented one (etr.md §4). Arguments are those of `acts.json`.

use super::content::{self, Leaf};
use super::person::{Person, read_ubin};
use super::profile;
use super::record::{Endorse, Lot, SurrenderKind, TitleKind};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;

/// The members that ETR ops have besides the five common ones.
#[derive(Clone, Debug)]
pub struct Request {
    /// The record.
    pub id: String,
    /// The record's seq that the op was made for.
    pub seq: u64,
    /// The record's head that the op was made for.
    pub head: Digest,
    /// The rulebook the parties agreed on.
    pub rulebook: Digest,
    /// Where the actor is, UN/LOCODE.
    pub place: String,
    /// Warnings acknowledged.
    pub ack: Vec<String>,
    /// The bundle the op belongs to.
    pub bundle: Option<Digest>,
    /// 16 random bytes in hex.
    pub blind: String,
    /// The act.
    pub act: Act,
}

/// The acts, with their arguments where they are built.
#[derive(Clone, Debug)]
pub enum Act {
    /// Opens a record.
    Issue(Box<Issue>),
    /// Offers control.
    Offer(Offer),
    /// Takes control.
    Accept {
        /// Evidence for the conditions of the offer.
        evidence: Vec<Value>,
    },
    /// Refuses an offer.
    Refuse,
    /// Takes an offer back.
    Withdraw,
    /// Ends what was not answered in time.
    Expire,
    /// Surrenders to the obligor.
    Surrender {
        /// What it asks for.
        kind: SurrenderKind,
        /// A code.
        reason: Option<String>,
        /// Until when the obligor may answer, ms.
        deadline_ms: u64,
    },
    /// Accepts a surrender.
    SurrenderAccept(SurrenderAnswer),
    /// Rejects a surrender.
    SurrenderReject,
    /// An act of a later release.
    Later,
}

/// Arguments of `issue`.
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
    /// Opened fields: name, salt, value.
    pub open: Vec<(String, String, Value)>,
    /// Who may attest payment.
    pub attesters: Vec<String>,
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
    /// Exchange.
    Exchange,
}

impl Request {
    /// Reads the op. `MALFORMED` only.
    pub fn read(op: &Op) -> Result<Self, Reject> {
        if !profile::is_record_act(&op.act) {
            return Err(Reject::new(Code::Malformed, "/act", "no act on a record"));
        }
        let mut frame = Members::of(&op.value, "")?;
        for common in ["act", "args", "chain", "register", "sigs"] {
            frame.required(common)?;
        }
        let id = frame.text("id")?.to_owned();
        if !content::is_record_id(&id) {
            return Err(frame.malformed("id", "etr_ and 52 base32 characters"));
        }
        let place = frame.text("place")?.to_owned();
        let blind = frame.text("blind")?.to_owned();
        if !is_locode(&place) || !is_hex_16(&blind) {
            return Err(frame.malformed("place", "a UN/LOCODE, and 16 bytes in hex as blind"));
        }
        let bundle = match frame.required("bundle")? {
            Value::Null => None,
            value => Some(
                value
                    .as_text()
                    .and_then(Digest::parse)
                    .ok_or_else(|| frame.malformed("bundle", "a b3: digest or null"))?,
            ),
        };
        let request = Self {
            id,
            seq: frame.uint("seq")?,
            head: frame.digest("head")?,
            rulebook: frame.digest("rulebook")?,
            place,
            ack: frame.texts("ack")?.into_iter().map(ToOwned::to_owned).collect(),
            bundle,
            blind,
            act: read_act(op)?,
        };
        frame.finish()?;
        Ok(request)
    }

    /// Counts and ranges of etr.md §3.4: `LIMIT_EXCEEDED`.
    pub fn check_limits(&self) -> Result<(), Reject> {
        let over = |field: &str| Err(Reject::new(Code::LimitExceeded, field, ""));
        if self.ack.len() > limits::ETR_ACK_MAX {
            return over("/ack");
        }
        match &self.act {
            Act::Issue(issue) => issue.check_limits(),
            Act::Offer(offer) => offer.to.check_limits("/args/to"),
            Act::Accept { evidence } => {
                let bytes = Value::List(evidence.clone()).to_jcs().len();
                if bytes > limits::ETR_EVIDENCE_BYTES_MAX { over("/args/evidence") } else { Ok(()) }
            }
            Act::SurrenderAccept(SurrenderAnswer::Paper { serials, .. })
                if !(1..=limits::ETR_SERIALS_MAX).contains(&serials.len()) =>
            {
                over("/args/serials")
            }
            _ => Ok(()),
        }
    }
}

impl Issue {
    fn check_limits(&self) -> Result<(), Reject> {
        let over = |field: &str| Err(Reject::new(Code::LimitExceeded, field, ""));
        self.to.check_limits("/args/to")?;
        if let Some(party) = &self.title.1 {
            party.check_limits("/args/title/party")?;
        }
        let scales = self.lots.iter().all(|lot| lot.scale <= limits::ETR_SCALE_MAX);
        if self.lots.len() > limits::ETR_LOTS_MAX || !scales {
            return over("/args/lots");
        }
        let names = self
            .leaves
            .iter()
            .all(|leaf| (1..=limits::ETR_FIELD_NAME_BYTES_MAX).contains(&leaf.name.len()));
        if self.leaves.len() > limits::ETR_FIELDS_MAX || !names {
            return over("/args/leaves");
        }
        if self.open.len() > limits::ETR_FIELDS_MAX { over("/args/open") } else { Ok(()) }
    }
}

fn read_act(op: &Op) -> Result<Act, Reject> {
    let mut args = op.read_args()?;
    let act = match op.act.as_str() {
        "issue" => Act::Issue(Box::new(read_issue(&mut args)?)),
        "offer" => Act::Offer(read_offer(&mut args)?),
        "accept" => Act::Accept { evidence: args.list("evidence")?.to_vec() },
        "refuse" => {
            read_code_or_null(&mut args, "reason")?;
            Act::Refuse
        }
        "withdraw" => Act::Withdraw,
        "expire" => Act::Expire,
        "surrender" => Act::Surrender {
            kind: SurrenderKind::parse(args.text("kind")?)
                .ok_or_else(|| args.malformed("kind", "unknown kind"))?,
            reason: read_code_or_null(&mut args, "reason")?,
            deadline_ms: args.uint("deadlineMs")?,
        },
        "surrender_accept" => Act::SurrenderAccept(read_answer(&mut args)?),
        "surrender_reject" => {
            if read_code_or_null(&mut args, "reason")?.is_none() {
                return Err(args.malformed("reason", "a code is expected"));
            }
            Act::SurrenderReject
        }
        _ => return Ok(Act::Later),
    };
    args.finish()?;
    Ok(act)
}

fn read_issue(args: &mut Members<'_>) -> Result<Issue, Reject> {
    let profile = args.text("profile")?.to_owned();
    if !profile::is_key_name(&profile) {
        return Err(args.malformed("profile", "id@version"));
    }
    let mut title = args.object("title")?;
    let kind = TitleKind::parse(title.text("kind")?)
        .ok_or_else(|| title.malformed("kind", "unknown kind"))?;
    let path = title.pointer("party");
    let party =
        title.optional("party").map(|value| Person::from_value(value, &path)).transpose()?;
    if party.is_some() != matches!(kind, TitleKind::ToOrder | TitleKind::Named) {
        return Err(title.malformed("party", "stands with to_order and named only"));
    }
    title.finish()?;
    let mut lots = Vec::new();
    for (i, lot) in args.list("lots")?.iter().enumerate() {
        lots.push(Lot::from_value(lot, &format!("/args/lots/{i}"))?);
    }
    let due_ms = match args.required("dueMs")? {
        Value::Null => None,
        value => Some(
            value
                .as_int()
                .and_then(|int| u64::try_from(int).ok())
                .ok_or_else(|| args.malformed("dueMs", "ms or null"))?,
        ),
    };
    let attesters = match args.optional("attesters") {
        None => Vec::new(),
        Some(value) => {
            let pointer = args.pointer("attesters");
            let list = value.as_list().ok_or_else(|| args.malformed("attesters", "a list"))?;
            list.iter()
                .map(|item| read_ubin(item.as_text().unwrap_or_default(), &pointer))
                .collect::<Result<Vec<_>, _>>()?
        }
    };
    let obligor = read_ubin(args.text("obligor")?, "/args/obligor")?;
    Ok(Issue {
        profile,
        reference: args.text("ref")?.to_owned(),
        regime: args.text("regime")?.to_owned(),
        obligor,
        to: Person::from_value(args.required("to")?, "/args/to")?,
        title: (kind, party),
        lots,
        due_ms,
        leaves: read_leaves(args)?,
        open: read_open(args)?,
        attesters,
    })
}

fn read_leaves(args: &mut Members<'_>) -> Result<Vec<Leaf>, Reject> {
    let mut leaves = Vec::new();
    for (i, item) in args.list("leaves")?.iter().enumerate() {
        let mut leaf = Members::of(item, &format!("/args/leaves/{i}"))?;
        let (name, hash) = (leaf.text("name")?.to_owned(), leaf.digest("hash")?);
        leaf.finish()?;
        leaves.push(Leaf { name, hash });
    }
    Ok(leaves)
}

fn read_open(args: &mut Members<'_>) -> Result<Vec<(String, String, Value)>, Reject> {
    let shape = |args: &Members<'_>| args.malformed("open", "[salt, value] for each name");
    let value = args.required("open")?;
    let mut open = Vec::new();
    for (name, pair) in value.as_object().ok_or_else(|| shape(args))? {
        match pair.as_list() {
            Some([Value::Text(salt), value]) if is_hex_16(salt) => {
                open.push((name.clone(), salt.clone(), value.clone()));
            }
            _ => return Err(shape(args)),
        }
    }
    Ok(open)
}

fn read_offer(args: &mut Members<'_>) -> Result<Offer, Reject> {
    let endorse = match args.required("endorse")? {
        Value::Null => None,
        value => Some(
            value
                .as_text()
                .and_then(Endorse::parse)
                .ok_or_else(|| args.malformed("endorse", "a kind of endorsement or null"))?,
        ),
    };
    let without_recourse = match args.optional("withoutRecourse") {
        None => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => return Err(args.malformed("withoutRecourse", "true or false is expected")),
    };
    Ok(Offer {
        to: Person::from_value(args.required("to")?, "/args/to")?,
        endorse,
        without_recourse,
        conditions: args.required("conditions")?.clone(),
        irrevocable: args.boolean("irrevocable")?,
        deadline_ms: args.uint("deadlineMs")?,
    })
}

/// Exactly the members of one kind: `digest`; `serials`, `print` and `statement`; or `issued`. A
/// missing statement is an error of the act.
fn read_answer(args: &mut Members<'_>) -> Result<SurrenderAnswer, Reject> {
    if let Some(digest) = args.optional("digest") {
        let fits = match digest {
            Value::Null => true,
            value => value.as_text().and_then(Digest::parse).is_some(),
        };
        return if fits {
            Ok(SurrenderAnswer::Performed)
        } else {
            Err(args.malformed("digest", "a b3: digest or null"))
        };
    }
    if let Some(issued) = args.optional("issued") {
        let ids = issued.as_list().unwrap_or_default();
        let fits = issued.as_list().is_some()
            && ids.iter().all(|id| id.as_text().is_some_and(content::is_record_id));
        return if fits {
            Ok(SurrenderAnswer::Exchange)
        } else {
            Err(args.malformed("issued", "record ids"))
        };
    }
    let serials: Vec<String> = args.texts("serials")?.into_iter().map(ToOwned::to_owned).collect();
    if !serials.iter().all(|serial| is_reference(serial)) {
        return Err(args.malformed("serials", "1 to 40 of A-Z 0-9 - / ."));
    }
    let print = args.digest("print")?;
    let statement = match args.optional("statement") {
        None => None,
        Some(value) => {
            let mut statement = Members::of(value, "/args/statement")?;
            let code = statement.text("code")?.to_owned();
            if !is_code(&code) {
                return Err(statement.malformed("code", "1 to 32 of a-z 0-9 _"));
            }
            let digest = statement.digest("digest")?;
            statement.finish()?;
            Some((code, digest))
        }
    };
    Ok(SurrenderAnswer::Paper { serials, print, statement })
}

fn read_code_or_null(args: &mut Members<'_>, name: &str) -> Result<Option<String>, Reject> {
    match args.required(name)? {
        Value::Null => Ok(None),
        Value::Text(code) if is_code(code) => Ok(Some(code.clone())),
        _ => Err(args.malformed(name, "1 to 32 of a-z 0-9 _")),
    }
}

fn is_code(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The grammar of record numbers and paper serials; lower case is refused, not folded.
pub fn is_reference(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-/.".contains(&b))
}

fn is_hex_16(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// UN/LOCODE: two letters of the country and three of A-Z 2-9.
fn is_locode(text: &str) -> bool {
    let (country, place) = text.as_bytes().split_at(text.len().min(2));
    country.len() == 2
        && place.len() == 3
        && country.iter().all(u8::is_ascii_uppercase)
        && place.iter().all(|b| b.is_ascii_uppercase() || (b'2'..=b'9').contains(b))
}
