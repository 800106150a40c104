//! The two parts of a record as canonical JSON text, both ways (etr.md §3.2).
//!
//! Members stand in canonical order, in writing and in reading. Reading is for what this crate
//! wrote; it refuses other forms but is no check of an op.

use super::person::Person;
use super::record::{
    Accepted, Capacity, Dishonoured, End, Endorse, Frozen, Guarantee, Lot, Money, Notice,
    PartyPart, Pending, Pledge, Presentment, Protested, Public, Record, Status, SurrenderKind,
    Title, TitleKind,
};
use crate::error::Reject;
use crate::json::text::{Cursor, Writer};
use crate::json::{self, Members, Value};
use crate::state;

/// Room for the texts of both parts; most fit.
const TEXT_BYTES: usize = 2_048;

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

/// Lots; `MALFORMED` if one breaks its form. Their number and scales are limits.
pub fn read_lots(items: &[Value], path: &str) -> Result<Vec<Lot>, Reject> {
    let lot = |(i, item): (usize, &Value)| Lot::from_value(item, &format!("{path}/{i}"));
    items.iter().enumerate().map(lot).collect()
}

impl Record {
    /// The canonical texts of its two parts.
    pub fn to_texts(&self) -> (String, String) {
        (self.public.to_text(), self.party.to_text())
    }

    /// The content that state keeps: both texts, as [`state::encode_content`] writes a pair.
    pub(super) fn to_content(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(TEXT_BYTES);
        self.public.write(&mut w);
        let public_bytes = w.bytes();
        self.party.write(&mut w);
        let texts = w.finish();
        state::encode_content(&texts.split_at(public_bytes))
    }

    /// The record of the canonical texts of its two parts.
    pub fn from_texts(public: &str, party: &str) -> Option<Self> {
        let (mut p, mut q) = (Cursor::new(public), Cursor::new(party));
        let record = Self { public: read_public(&mut p)?, party: read_party(&mut q)? };
        p.finish()?;
        q.finish()?;
        Some(record)
    }
}

impl Public {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        value_of(&self.to_text())
    }

    fn to_text(&self) -> String {
        let mut w = Writer::with_capacity(TEXT_BYTES);
        self.write(&mut w);
        w.finish()
    }

    fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.name("contentRoot").digest(self.content_root);
            w.name("contentVersion").uint(self.content_version);
            w.name("end").or_null(self.end, |w, end| w.text(end.text()));
            w.name("frozen").or_null(self.frozen.as_ref(), write_frozen);
            w.name("generation").uint(self.generation);
            w.name("head").digest(self.head);
            w.name("home").text(&self.home);
            w.name("id").text(&self.id);
            w.name("issuedMs").uint(self.issued_ms);
            w.name("profile").text(&self.profile);
            w.name("regime").text(&self.regime);
            w.name("seq").uint(self.seq);
            w.name("status").text(self.status.text());
        });
    }
}

impl PartyPart {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        value_of(&self.to_text())
    }

    fn to_text(&self) -> String {
        let mut w = Writer::with_capacity(TEXT_BYTES);
        self.write(&mut w);
        w.finish()
    }

    fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.name("blind").text(&self.blind);
            write_person(w.name("controller"), &self.controller);
            w.name("endorsements").uint(self.endorsements);
            w.name("guarantees").list(&self.guarantees, write_guarantee);
            w.name("issuer").text(&self.issuer);
            w.name("lineage").object(|w| {
                write_texts(w.name("from"), &self.from);
                write_texts(w.name("into"), &self.into);
                w.name("root").text(&self.root);
            });
            w.name("lots").list(&self.lots, write_lot);
            w.name("money").or_null(self.money.as_ref(), write_money);
            w.name("notice").or_null(self.notice.as_ref(), write_notice);
            w.name("obligor").text(&self.obligor);
            w.name("pending").or_null(self.pending.as_ref(), write_pending);
            w.name("pledges").list(&self.pledges, write_pledge);
            w.name("ref").text(&self.reference);
            write_title(w.name("title"), &self.title);
        });
    }
}

fn value_of(text: &str) -> Value {
    json::parse(text.as_bytes()).expect("what was written is JSON")
}

fn read_public(c: &mut Cursor<'_>) -> Option<Public> {
    c.object(|c| {
        let content_root = c.name("contentRoot")?.digest()?;
        let content_version = c.name("contentVersion")?.uint()?;
        let end = c.name("end")?.or_null(|c| End::parse(c.word()?))?;
        let frozen = c.name("frozen")?.or_null(read_frozen)?;
        let generation = c.name("generation")?.uint()?;
        let head = c.name("head")?.digest()?;
        let home = c.name("home")?.text()?;
        let id = c.name("id")?.text()?;
        let issued_ms = c.name("issuedMs")?.uint()?;
        let profile = c.name("profile")?.text()?;
        let regime = c.name("regime")?.text()?;
        let seq = c.name("seq")?.uint()?;
        let status = Status::parse(c.name("status")?.word()?)?;
        Some(Public {
            id,
            profile,
            regime,
            home,
            status,
            end,
            generation,
            seq,
            head,
            content_root,
            content_version,
            frozen,
            issued_ms,
        })
    })
}

fn read_party(c: &mut Cursor<'_>) -> Option<PartyPart> {
    c.object(|c| {
        let blind = c.name("blind")?.text()?;
        let controller = read_person(c.name("controller")?)?;
        let endorsements = c.name("endorsements")?.uint()?;
        let guarantees = c.name("guarantees")?.list(read_guarantee)?;
        let issuer = c.name("issuer")?.text()?;
        let (from, into, root) = c.name("lineage")?.object(|c| {
            let from = c.name("from")?.list(Cursor::text)?;
            let into = c.name("into")?.list(Cursor::text)?;
            Some((from, into, c.name("root")?.text()?))
        })?;
        let lots = c.name("lots")?.list(read_lot)?;
        let money = c.name("money")?.or_null(read_money)?;
        let notice = c.name("notice")?.or_null(read_notice)?;
        let obligor = c.name("obligor")?.text()?;
        let pending = c.name("pending")?.or_null(read_pending)?;
        let pledges = c.name("pledges")?.list(read_pledge)?;
        let reference = c.name("ref")?.text()?;
        let title = read_title(c.name("title")?)?;
        Some(PartyPart {
            issuer,
            reference,
            obligor,
            controller,
            title,
            lots,
            pending,
            pledges,
            guarantees,
            money,
            notice,
            root,
            from,
            into,
            endorsements,
            blind,
        })
    })
}

fn write_texts(w: &mut Writer, texts: &[String]) {
    w.list(texts, |w, text| w.text(text));
}

fn write_person(w: &mut Writer, person: &Person) {
    w.object(|w| match person {
        Person::Single(ubin) => w.name("party").text(ubin),
        Person::Joint { k, of } => w.name("joint").object(|w| {
            w.name("k").uint(*k);
            write_texts(w.name("of"), of);
        }),
    });
}

fn read_person(c: &mut Cursor<'_>) -> Option<Person> {
    c.object(|c| {
        if c.try_name("party") {
            return c.text().map(Person::Single);
        }
        c.name("joint")?.object(|c| {
            let k = c.name("k")?.uint()?;
            Some(Person::Joint { k, of: c.name("of")?.list(Cursor::text)? })
        })
    })
}

/// Inside a title a single party stands bare.
fn write_title_party(w: &mut Writer, person: &Person) {
    match person {
        Person::Single(ubin) => w.text(ubin),
        Person::Joint { .. } => write_person(w, person),
    }
}

fn read_title_party(c: &mut Cursor<'_>) -> Option<Person> {
    if c.at_object() { read_person(c) } else { c.text().map(Person::Single) }
}

fn write_title(w: &mut Writer, title: &Title) {
    w.object(|w| {
        w.name("capacity").text(title.capacity.text());
        w.name("kind").text(title.kind.text());
        w.name("party").or_null(title.party.as_ref(), write_title_party);
        w.name("principal").or_null(title.principal.as_ref(), write_title_party);
    });
}

fn read_title(c: &mut Cursor<'_>) -> Option<Title> {
    c.object(|c| {
        let capacity = Capacity::parse(c.name("capacity")?.word()?)?;
        let kind = TitleKind::parse(c.name("kind")?.word()?)?;
        let party = c.name("party")?.or_null(read_title_party)?;
        let principal = c.name("principal")?.or_null(read_title_party)?;
        Some(Title { kind, party, capacity, principal })
    })
}

fn write_lot(w: &mut Writer, lot: &Lot) {
    w.object(|w| {
        w.name("amount").text(&lot.amount.to_string());
        w.name("lot").text(&lot.lot);
        w.name("scale").uint(lot.scale);
        w.name("unit").text(&lot.unit);
    });
}

fn read_lot(c: &mut Cursor<'_>) -> Option<Lot> {
    c.object(|c| {
        let amount = read_amount(c.name("amount")?.word()?)?;
        let lot = c.name("lot")?.text()?;
        let scale = c.name("scale")?.uint()?;
        Some(Lot { lot, unit: c.name("unit")?.text()?, scale, amount })
    })
}

fn write_pending(w: &mut Writer, pending: &Pending) {
    w.object(|w| match pending {
        Pending::Offer {
            to,
            endorse,
            without_recourse,
            conditions,
            irrevocable,
            deadline_ms,
            op,
        } => {
            w.name("act").text("offer");
            w.name("conditions").value(conditions);
            w.name("deadlineMs").uint(*deadline_ms);
            w.name("endorse").or_null(*endorse, |w, kind| w.text(kind.text()));
            w.name("irrevocable").boolean(*irrevocable);
            w.name("op").digest(*op);
            write_person(w.name("to"), to);
            w.name("withoutRecourse").boolean(*without_recourse);
        }
        Pending::Surrender { kind, reason, deadline_ms, op } => {
            w.name("act").text("surrender");
            w.name("deadlineMs").uint(*deadline_ms);
            w.name("kind").text(kind.text());
            w.name("op").digest(*op);
            w.name("reason").or_null(reason.as_deref(), Writer::text);
        }
        Pending::Present { what, attesters, deadline_ms, op } => {
            w.name("act").text("present");
            write_texts(w.name("attesters"), attesters);
            w.name("deadlineMs").uint(*deadline_ms);
            w.name("for").text(what.text());
            w.name("op").digest(*op);
        }
    });
}

fn read_pending(c: &mut Cursor<'_>) -> Option<Pending> {
    c.object(|c| match c.name("act")?.word()? {
        "offer" => {
            let conditions = c.name("conditions")?.value()?;
            let deadline_ms = c.name("deadlineMs")?.uint()?;
            let endorse = c.name("endorse")?.or_null(|c| Endorse::parse(c.word()?))?;
            let irrevocable = c.name("irrevocable")?.boolean()?;
            let op = c.name("op")?.digest()?;
            let to = read_person(c.name("to")?)?;
            let without_recourse = c.name("withoutRecourse")?.boolean()?;
            Some(Pending::Offer {
                to,
                endorse,
                without_recourse,
                conditions,
                irrevocable,
                deadline_ms,
                op,
            })
        }
        "surrender" => {
            let deadline_ms = c.name("deadlineMs")?.uint()?;
            let kind = SurrenderKind::parse(c.name("kind")?.word()?)?;
            let op = c.name("op")?.digest()?;
            let reason = c.name("reason")?.or_null(Cursor::text)?;
            Some(Pending::Surrender { kind, reason, deadline_ms, op })
        }
        "present" => {
            let attesters = c.name("attesters")?.list(Cursor::text)?;
            let deadline_ms = c.name("deadlineMs")?.uint()?;
            let what = Presentment::parse(c.name("for")?.word()?)?;
            Some(Pending::Present { what, attesters, deadline_ms, op: c.name("op")?.digest()? })
        }
        _ => None,
    })
}

fn write_frozen(w: &mut Writer, frozen: &Frozen) {
    w.object(|w| {
        w.name("order").digest(frozen.order);
        write_texts(w.name("permits"), &frozen.permits);
        w.name("untilMs").uint(frozen.until_ms);
    });
}

fn read_frozen(c: &mut Cursor<'_>) -> Option<Frozen> {
    c.object(|c| {
        let order = c.name("order")?.digest()?;
        let permits = c.name("permits")?.list(Cursor::text)?;
        Some(Frozen { until_ms: c.name("untilMs")?.uint()?, order, permits })
    })
}

fn write_notice(w: &mut Writer, notice: &Notice) {
    w.object(|w| {
        w.name("act").text(&notice.act);
        w.name("ms").uint(notice.ms);
        w.name("order").digest(notice.order);
    });
}

fn read_notice(c: &mut Cursor<'_>) -> Option<Notice> {
    c.object(|c| {
        let act = c.name("act")?.text()?;
        let ms = c.name("ms")?.uint()?;
        Some(Notice { act, order: c.name("order")?.digest()?, ms })
    })
}

fn write_pledge(w: &mut Writer, pledge: &Pledge) {
    w.object(|w| {
        w.name("cureS").uint(pledge.cure_s);
        w.name("lots").list(&pledge.lots, write_lot);
        w.name("no").uint(pledge.no);
        w.name("noticeMs").or_null(pledge.notice_ms, Writer::uint);
        w.name("on").value(&pledge.on);
        w.name("op").digest(pledge.op);
        w.name("terms").digest(pledge.terms);
        w.name("to").text(&pledge.to);
    });
}

fn read_pledge(c: &mut Cursor<'_>) -> Option<Pledge> {
    c.object(|c| {
        let cure_s = c.name("cureS")?.uint()?;
        let lots = c.name("lots")?.list(read_lot)?;
        let no = c.name("no")?.uint()?;
        let notice_ms = c.name("noticeMs")?.or_null(Cursor::uint)?;
        let on = c.name("on")?.value()?;
        let op = c.name("op")?.digest()?;
        let terms = c.name("terms")?.digest()?;
        let to = c.name("to")?.text()?;
        Some(Pledge { no, to, lots, terms, on, cure_s, op, notice_ms })
    })
}

fn write_guarantee(w: &mut Writer, guarantee: &Guarantee) {
    w.object(|w| {
        w.name("amount").text(&guarantee.amount.to_string());
        w.name("for").text(&guarantee.of);
        w.name("guarantor").text(&guarantee.guarantor);
    });
}

fn read_guarantee(c: &mut Cursor<'_>) -> Option<Guarantee> {
    c.object(|c| {
        let amount = read_amount(c.name("amount")?.word()?)?;
        let of = c.name("for")?.text()?;
        Some(Guarantee { guarantor: c.name("guarantor")?.text()?, of, amount })
    })
}

fn write_money(w: &mut Writer, money: &Money) {
    w.object(|w| {
        w.name("accepted").or_null(money.accepted.as_ref(), |w, accepted| {
            w.object(|w| {
                w.name("amount").text(&accepted.amount.to_string());
                w.name("ms").uint(accepted.ms);
                w.name("variation").or_null(accepted.variation, Writer::digest);
            });
        });
        w.name("dishonoured").or_null(money.dishonoured.as_ref(), |w, dishonoured| {
            w.object(|w| {
                write_texts(w.name("demands"), &dishonoured.demands);
                w.name("for").text(dishonoured.what.text());
                w.name("ms").uint(dishonoured.ms);
                write_texts(w.name("notified"), &dishonoured.notified);
                w.name("reason").or_null(dishonoured.reason.as_deref(), Writer::text);
            });
        });
        w.name("dueMs").or_null(money.due_ms, Writer::uint);
        w.name("protested").or_null(money.protested.as_ref(), |w, protested| {
            w.object(|w| {
                w.name("digest").digest(protested.digest);
                w.name("ms").uint(protested.ms);
            });
        });
        w.name("stopped").boolean(money.stopped);
    });
}

fn read_money(c: &mut Cursor<'_>) -> Option<Money> {
    c.object(|c| {
        let accepted = c.name("accepted")?.or_null(|c| {
            c.object(|c| {
                let amount = read_amount(c.name("amount")?.word()?)?;
                let ms = c.name("ms")?.uint()?;
                let variation = c.name("variation")?.or_null(Cursor::digest)?;
                Some(Accepted { amount, ms, variation })
            })
        })?;
        let dishonoured = c.name("dishonoured")?.or_null(read_dishonoured)?;
        let due_ms = c.name("dueMs")?.or_null(Cursor::uint)?;
        let protested = c.name("protested")?.or_null(|c| {
            c.object(|c| {
                let digest = c.name("digest")?.digest()?;
                Some(Protested { ms: c.name("ms")?.uint()?, digest })
            })
        })?;
        let stopped = c.name("stopped")?.boolean()?;
        Some(Money { due_ms, accepted, dishonoured, protested, stopped })
    })
}

fn read_dishonoured(c: &mut Cursor<'_>) -> Option<Dishonoured> {
    c.object(|c| {
        let demands = c.name("demands")?.list(Cursor::text)?;
        let what = Presentment::parse(c.name("for")?.word()?)?;
        let ms = c.name("ms")?.uint()?;
        let notified = c.name("notified")?.list(Cursor::text)?;
        let reason = c.name("reason")?.or_null(Cursor::text)?;
        Some(Dishonoured { ms, what, reason, notified, demands })
    })
}
