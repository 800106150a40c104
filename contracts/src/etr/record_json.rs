//! The two parts of a record as canonical JSON, both ways (etr.md §3.2).
//!
//! Reading is for what this crate wrote; it refuses other forms but is no check of an op.

use super::person::Person;
use super::record::{
    Accepted, Capacity, Dishonoured, End, Endorse, Frozen, Guarantee, Lot, Money, Notice,
    PartyPart, Pending, Pledge, Presentment, Protested, Public, Record, Status, SurrenderKind,
    Title, TitleKind,
};
use crate::digest::Digest;
use crate::error::Reject;
use crate::json::{Members, Value};

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
            ("frozen", Value::from(self.frozen.as_ref().map(Frozen::to_value))),
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
            Self::Present { what, attesters, deadline_ms, op } => Value::object([
                ("act", Value::from("present")),
                ("for", Value::from(what.text())),
                ("attesters", texts_value(attesters)),
                ("deadlineMs", Value::from(*deadline_ms)),
                ("op", Value::from(*op)),
            ]),
        }
    }
}

impl PartyPart {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        let lineage = Value::object([
            ("root", Value::from(self.root.as_str())),
            ("from", texts_value(&self.from)),
            ("into", texts_value(&self.into)),
        ]);
        Value::object([
            ("issuer", Value::from(self.issuer.as_str())),
            ("ref", Value::from(self.reference.as_str())),
            ("obligor", Value::from(self.obligor.as_str())),
            ("controller", self.controller.to_value()),
            ("title", self.title.to_value()),
            ("lots", lots_value(&self.lots)),
            ("pending", Value::from(self.pending.as_ref().map(Pending::to_value))),
            ("pledges", Value::List(self.pledges.iter().map(Pledge::to_value).collect())),
            ("guarantees", Value::List(self.guarantees.iter().map(Guarantee::to_value).collect())),
            ("money", Value::from(self.money.as_ref().map(Money::to_value))),
            ("notice", Value::from(self.notice.as_ref().map(Notice::to_value))),
            ("lineage", lineage),
            ("endorsements", Value::from(self.endorsements)),
            ("blind", Value::from(self.blind.as_str())),
        ])
    }
}

/// A list of texts as JSON.
pub fn texts_value(texts: &[String]) -> Value {
    Value::List(texts.iter().map(|text| Value::from(text.as_str())).collect())
}

/// A list of lots as JSON.
pub fn lots_value(lots: &[Lot]) -> Value {
    Value::List(lots.iter().map(Lot::to_value).collect())
}

impl Frozen {
    fn to_value(&self) -> Value {
        Value::object([
            ("untilMs", Value::from(self.until_ms)),
            ("order", Value::from(self.order)),
            ("permits", texts_value(&self.permits)),
        ])
    }
}

impl Notice {
    fn to_value(&self) -> Value {
        Value::object([
            ("act", Value::from(self.act.as_str())),
            ("order", Value::from(self.order)),
            ("ms", Value::from(self.ms)),
        ])
    }
}

impl Pledge {
    fn to_value(&self) -> Value {
        Value::object([
            ("no", Value::from(self.no)),
            ("to", Value::from(self.to.as_str())),
            ("lots", lots_value(&self.lots)),
            ("terms", Value::from(self.terms)),
            ("on", self.on.clone()),
            ("cureS", Value::from(self.cure_s)),
            ("op", Value::from(self.op)),
            ("noticeMs", Value::from(self.notice_ms)),
        ])
    }
}

impl Guarantee {
    fn to_value(&self) -> Value {
        Value::object([
            ("guarantor", Value::from(self.guarantor.as_str())),
            ("for", Value::from(self.of.as_str())),
            ("amount", Value::from(self.amount.to_string())),
        ])
    }
}

impl Money {
    fn to_value(&self) -> Value {
        let accepted = self.accepted.as_ref().map(|accepted| {
            Value::object([
                ("amount", Value::from(accepted.amount.to_string())),
                ("ms", Value::from(accepted.ms)),
                ("variation", Value::from(accepted.variation)),
            ])
        });
        let dishonoured = self.dishonoured.as_ref().map(|dishonoured| {
            Value::object([
                ("ms", Value::from(dishonoured.ms)),
                ("for", Value::from(dishonoured.what.text())),
                ("reason", Value::from(dishonoured.reason.as_deref())),
                ("notified", texts_value(&dishonoured.notified)),
                ("demands", texts_value(&dishonoured.demands)),
            ])
        });
        let protested = self.protested.as_ref().map(|protested| {
            Value::object([
                ("ms", Value::from(protested.ms)),
                ("digest", Value::from(protested.digest)),
            ])
        });
        Value::object([
            ("dueMs", Value::from(self.due_ms)),
            ("accepted", Value::from(accepted)),
            ("dishonoured", Value::from(dishonoured)),
            ("protested", Value::from(protested)),
            ("stopped", Value::from(self.stopped)),
        ])
    }
}

impl Record {
    /// The record of its two parts.
    pub(super) fn from_values(public: &Value, party: &Value) -> Result<Self, Reject> {
        Ok(Self { public: read_public(public)?, party: read_party(party)? })
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
        frozen: or_null(m.required("frozen")?, read_frozen)?,
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
    let act = m.text("act")?;
    if act == "offer" {
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
    if act == "present" {
        let what = Presentment::parse(m.text("for")?).ok_or_else(|| m.malformed("for", ""))?;
        return Ok(Pending::Present {
            what,
            attesters: owned(m.texts("attesters")?),
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

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(ToOwned::to_owned).collect()
}

fn or_null<T>(
    value: &Value,
    read: impl Fn(&Value) -> Result<T, Reject>,
) -> Result<Option<T>, Reject> {
    if *value == Value::Null { Ok(None) } else { read(value).map(Some) }
}

/// Lots; `MALFORMED` if one breaks its form. Their number and scales are limits.
pub fn read_lots(items: &[Value], path: &str) -> Result<Vec<Lot>, Reject> {
    let lot = |(i, item): (usize, &Value)| Lot::from_value(item, &format!("{path}/{i}"));
    items.iter().enumerate().map(lot).collect()
}

fn read_frozen(value: &Value) -> Result<Frozen, Reject> {
    let mut m = Members::of(value, "")?;
    Ok(Frozen {
        until_ms: m.uint("untilMs")?,
        order: m.digest("order")?,
        permits: owned(m.texts("permits")?),
    })
}

fn read_notice(value: &Value) -> Result<Notice, Reject> {
    let mut m = Members::of(value, "")?;
    Ok(Notice { act: m.text("act")?.to_owned(), order: m.digest("order")?, ms: m.uint("ms")? })
}

fn read_pledge(value: &Value) -> Result<Pledge, Reject> {
    let mut m = Members::of(value, "")?;
    Ok(Pledge {
        no: m.uint("no")?,
        to: m.text("to")?.to_owned(),
        lots: read_lots(m.list("lots")?, "/pledges/lots")?,
        terms: m.digest("terms")?,
        on: m.required("on")?.clone(),
        cure_s: m.uint("cureS")?,
        op: m.digest("op")?,
        notice_ms: uint_or_null(&mut m, "noticeMs")?,
    })
}

fn read_guarantee(value: &Value) -> Result<Guarantee, Reject> {
    let mut m = Members::of(value, "")?;
    Ok(Guarantee {
        guarantor: m.text("guarantor")?.to_owned(),
        of: m.text("for")?.to_owned(),
        amount: amount(&mut m)?,
    })
}

fn amount(m: &mut Members<'_>) -> Result<u64, Reject> {
    read_amount(m.text("amount")?).ok_or_else(|| m.malformed("amount", "a u64 as text"))
}

fn uint_or_null(m: &mut Members<'_>, name: &str) -> Result<Option<u64>, Reject> {
    Ok(m.required(name)?.as_int().and_then(|int| u64::try_from(int).ok()))
}

fn read_money(value: &Value) -> Result<Money, Reject> {
    let mut m = Members::of(value, "")?;
    let accepted = |value: &Value| {
        let mut m = Members::of(value, "")?;
        let variation = m.required("variation")?.as_text().and_then(Digest::parse);
        Ok(Accepted { amount: amount(&mut m)?, ms: m.uint("ms")?, variation })
    };
    let dishonoured = |value: &Value| {
        let mut m = Members::of(value, "")?;
        let what = Presentment::parse(m.text("for")?).ok_or_else(|| m.malformed("for", ""))?;
        Ok(Dishonoured {
            ms: m.uint("ms")?,
            what,
            reason: m.required("reason")?.as_text().map(ToOwned::to_owned),
            notified: owned(m.texts("notified")?),
            demands: owned(m.texts("demands")?),
        })
    };
    let protested = |value: &Value| {
        let mut m = Members::of(value, "")?;
        Ok(Protested { ms: m.uint("ms")?, digest: m.digest("digest")? })
    };
    Ok(Money {
        due_ms: uint_or_null(&mut m, "dueMs")?,
        accepted: or_null(m.required("accepted")?, accepted)?,
        dishonoured: or_null(m.required("dishonoured")?, dishonoured)?,
        protested: or_null(m.required("protested")?, protested)?,
        stopped: m.boolean("stopped")?,
    })
}

fn read_party(value: &Value) -> Result<PartyPart, Reject> {
    let mut m = Members::of(value, "")?;
    let mut lineage = m.object("lineage")?;
    let lots = read_lots(m.list("lots")?, "/lots")?;
    let pending = or_null(m.required("pending")?, read_pending)?;
    let money = or_null(m.required("money")?, read_money)?;
    Ok(PartyPart {
        issuer: m.text("issuer")?.to_owned(),
        reference: m.text("ref")?.to_owned(),
        obligor: m.text("obligor")?.to_owned(),
        controller: Person::from_value(m.required("controller")?, "/controller")?,
        title: read_title(m.object("title")?)?,
        lots,
        pending,
        pledges: m.list("pledges")?.iter().map(read_pledge).collect::<Result<_, _>>()?,
        guarantees: m.list("guarantees")?.iter().map(read_guarantee).collect::<Result<_, _>>()?,
        money,
        notice: or_null(m.required("notice")?, read_notice)?,
        root: lineage.text("root")?.to_owned(),
        from: owned(lineage.texts("from")?),
        into: owned(lineage.texts("into")?),
        endorsements: m.uint("endorsements")?,
        blind: m.text("blind")?.to_owned(),
    })
}
