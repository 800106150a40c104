//! Reads the arguments of the acts (`acts.json`). `MALFORMED` only.

use super::act::{
    Act, Amend, CourtAmend, Deliver, FromPaper, Issue, Merge, NewPledge, Offer, Opened, Part,
    Place, SurrenderAnswer,
};
use super::content::{self, Leaf};
use super::person::{Person, read_ubin};
use super::profile;
use super::record::{Endorse, Presentment, SurrenderKind, TitleKind};
use super::record_json::{read_amount, read_lots};
use super::request::{is_code, is_hex_16, is_reference};
use crate::digest::Digest;
use crate::error::Reject;
use crate::json::{Members, Value};
use crate::op::Op;

type Args<'a> = Members<'a>;

/// The act of an op. `MALFORMED` if its arguments are not exactly those of the act.
pub fn read(op: &Op) -> Result<Act, Reject> {
    let mut args = op.read_args()?;
    let a = &mut args;
    let act = match op.act.as_str() {
        "issue" | "issue_from_paper" => read_issue(a, op.act == "issue_from_paper")?,
        "offer" => Act::Offer(read_offer(a)?),
        "deliver" => Act::Deliver(read_deliver(a)?),
        "accept" => Act::Accept { evidence: a.list("evidence")?.to_vec() },
        "refuse" => {
            read_code_or_null(a, "reason")?;
            Act::Refuse
        }
        "withdraw" => Act::Withdraw,
        "expire" => Act::Expire,
        "assign_control" => Act::AssignControl { to: read_person(a, "to")? },
        "succeed" => read_succeed(a)?,
        "endorse" => Act::Endorse { blank: read_word(a, "kind", "blank", "conversion")? },
        "annotate" => Act::Annotate { code: read_code(a, "code")?, digest: a.digest("digest")? },
        "amend" => Act::Amend(Box::new(read_amend(a)?)),
        "split" => Act::Split { parts: read_parts(a)? },
        "merge" => Act::Merge(Box::new(read_merge(a)?)),
        _ => return read_more(op, args),
    };
    args.finish()?;
    Ok(act)
}

fn read_more(op: &Op, mut args: Args<'_>) -> Result<Act, Reject> {
    let a = &mut args;
    let act = match op.act.as_str() {
        "pledge" => Act::Pledge(Box::new(read_pledge(a)?)),
        "release" => Act::Release { no: a.uint("no")? },
        "default_notice" => Act::DefaultNotice { no: a.uint("no")?, digest: a.digest("digest")? },
        "enforce" => Act::Enforce {
            no: a.uint("no")?,
            to: read_person(a, "to")?,
            evidence: a.list("evidence")?.to_vec(),
        },
        "surrender" => Act::Surrender {
            kind: SurrenderKind::parse(a.text("kind")?)
                .ok_or_else(|| a.malformed("kind", "unknown kind"))?,
            reason: read_code_or_null(a, "reason")?,
            deadline_ms: a.uint("deadlineMs")?,
        },
        "surrender_accept" => Act::SurrenderAccept(read_answer(a)?),
        "surrender_reject" => {
            read_code(a, "reason")?;
            Act::SurrenderReject
        }
        "deliver_part" => {
            read_digest_or_null(a, "digest")?;
            Act::DeliverPart { lots: read_lots(a.list("lots")?, "/args/lots")? }
        }
        "present" => Act::Present {
            what: Presentment::parse(a.text("for")?)
                .ok_or_else(|| a.malformed("for", "acceptance or payment"))?,
            attesters: read_ubins(a, "attesters")?,
            deadline_ms: a.uint("deadlineMs")?,
        },
        "bill_accept" => Act::BillAccept {
            amount: read_sum(a)?,
            variation: read_digest_or_null(a, "variation")?,
        },
        "dishonour" => Act::Dishonour { reason: read_code(a, "reason")? },
        "pay" => Act::Pay { amount: read_sum(a)?, evidence: a.list("evidence")?.to_vec() },
        "protest" => Act::Protest { digest: a.digest("digest")? },
        "notify" => Act::Notify { to: read_ubins(a, "to")? },
        "recourse" => Act::Recourse { against: read_party(a, "against")? },
        "recourse_pay" => Act::RecoursePay { payer: read_party(a, "payer")? },
        "aval" => Act::Aval {
            guarantor: read_party(a, "guarantor")?,
            of: read_party(a, "for")?,
            amount: read_sum(a)?,
        },
        _ => return read_court(op, args),
    };
    args.finish()?;
    Ok(act)
}

fn read_court(op: &Op, mut args: Args<'_>) -> Result<Act, Reject> {
    let a = &mut args;
    let act = match op.act.as_str() {
        "stop" => {
            read_code(a, "reason")?;
            Act::Stop
        }
        "cancel" => {
            read_code(a, "reason")?;
            Act::Cancel
        }
        "lapse" => Act::Lapse,
        "freeze" => {
            let permits = owned(a.texts("permits")?);
            if !permits.iter().all(|act| profile::is_record_act(act)) {
                return Err(a.malformed("permits", "acts on a record"));
            }
            Act::Freeze { order: a.digest("order")?, until_ms: a.uint("untilMs")?, permits }
        }
        "unfreeze" => {
            read_digest_or_null(a, "order")?;
            Act::Unfreeze
        }
        "court_notice" => {
            let act = a.text("act")?.to_owned();
            if !["court_transfer", "court_amend", "court_annul"].contains(&act.as_str()) {
                return Err(a.malformed("act", "an act of a court that needs notice"));
            }
            Act::CourtNotice { act, order: a.digest("order")? }
        }
        "court_transfer" => Act::CourtTransfer {
            order: a.digest("order")?,
            to: read_person(a, "to")?,
            title: read_title(a)?,
        },
        "court_amend" => {
            a.digest("text")?;
            Act::CourtAmend(Box::new(CourtAmend {
                order: a.digest("order")?,
                leaves: read_leaves(a)?,
                changes: read_changes(a)?,
            }))
        }
        "court_annul" => Act::CourtAnnul { order: a.digest("order")? },
        _ => return Err(Reject::new(crate::error::Code::Malformed, "/act", "unknown act")),
    };
    args.finish()?;
    Ok(act)
}

fn read_issue(args: &mut Args<'_>, from_paper: bool) -> Result<Act, Reject> {
    let profile = args.text("profile")?.to_owned();
    if !profile::is_key_name(&profile) {
        return Err(args.malformed("profile", "id@version"));
    }
    let attesters = match args.optional("attesters") {
        None => Vec::new(),
        Some(Value::List(items)) => read_ubin_list(items, "/args/attesters")?,
        Some(_) => return Err(args.malformed("attesters", "a list of UBINs")),
    };
    let paper = if from_paper { Some(read_paper(args)?) } else { None };
    Ok(Act::Issue(Box::new(Issue {
        profile,
        reference: args.text("ref")?.to_owned(),
        regime: args.text("regime")?.to_owned(),
        obligor: read_party(args, "obligor")?,
        to: read_person(args, "to")?,
        title: read_title(args)?,
        lots: read_lots(args.list("lots")?, "/args/lots")?,
        due_ms: read_ms_or_null(args, "dueMs")?,
        leaves: read_leaves(args)?,
        open: read_open(args)?,
        attesters,
        paper,
    })))
}

fn read_paper(args: &mut Args<'_>) -> Result<FromPaper, Reject> {
    Ok(FromPaper {
        serials: read_serials(args)?,
        originals: args.uint("originals")?,
        custodian: read_party(args, "custodian")?,
        inoperative: args.digest("inoperative")?,
        statement: read_statement(args)?,
    })
}

fn read_title(args: &mut Args<'_>) -> Result<(TitleKind, Option<Person>), Reject> {
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
    Ok((kind, party))
}

fn read_leaves(args: &mut Args<'_>) -> Result<Vec<Leaf>, Reject> {
    read_leaf_list(args.list("leaves")?)
}

fn read_leaf_list(items: &[Value]) -> Result<Vec<Leaf>, Reject> {
    let mut leaves = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let mut leaf = Members::of(item, &format!("/args/leaves/{i}"))?;
        let (name, hash) = (leaf.text("name")?.to_owned(), leaf.digest("hash")?);
        leaf.finish()?;
        leaves.push(Leaf { name, hash });
    }
    Ok(leaves)
}

fn read_changes(args: &mut Args<'_>) -> Result<Vec<(String, Option<Digest>)>, Reject> {
    let mut changes = Vec::new();
    for (i, item) in args.list("changes")?.iter().enumerate() {
        let mut change = Members::of(item, &format!("/args/changes/{i}"))?;
        let name = change.text("name")?.to_owned();
        let hash = read_digest_or_null(&mut change, "hash")?;
        change.finish()?;
        changes.push((name, hash));
    }
    Ok(changes)
}

fn read_open(args: &mut Args<'_>) -> Result<Opened, Reject> {
    let value = args.required("open")?;
    open_of(args, value)
}

fn open_of(args: &Args<'_>, value: &Value) -> Result<Opened, Reject> {
    let shape = || args.malformed("open", "[salt, value] for each name");
    let mut open = Vec::new();
    for (name, pair) in value.as_object().ok_or_else(shape)? {
        match pair.as_list() {
            Some([Value::Text(salt), value]) if is_hex_16(salt) => {
                open.push((name.clone(), salt.clone(), value.clone()));
            }
            _ => return Err(shape()),
        }
    }
    Ok(open)
}

fn read_endorse(args: &mut Args<'_>) -> Result<(Option<Endorse>, bool), Reject> {
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
    Ok((endorse, without_recourse))
}

fn read_offer(args: &mut Args<'_>) -> Result<Offer, Reject> {
    let (endorse, without_recourse) = read_endorse(args)?;
    Ok(Offer {
        to: read_person(args, "to")?,
        endorse,
        without_recourse,
        conditions: args.required("conditions")?.clone(),
        irrevocable: args.boolean("irrevocable")?,
        deadline_ms: args.uint("deadlineMs")?,
    })
}

fn read_deliver(args: &mut Args<'_>) -> Result<Deliver, Reject> {
    let (endorse, without_recourse) = read_endorse(args)?;
    let consent_no = read_ms_or_null(args, "consentNo")?;
    Ok(Deliver { to: read_person(args, "to")?, endorse, without_recourse, consent_no })
}

fn read_succeed(args: &mut Args<'_>) -> Result<Act, Reject> {
    let place = match args.text("role")? {
        "controller" => Place::Controller,
        "obligor" => Place::Obligor,
        "pledgee" => Place::Pledgee,
        _ => return Err(args.malformed("role", "controller, obligor or pledgee")),
    };
    let (of, successor) = (read_party(args, "of")?, read_party(args, "successor")?);
    Ok(Act::Succeed { place, of, successor })
}

fn read_amend(args: &mut Args<'_>) -> Result<Amend, Reject> {
    read_code(args, "reason")?;
    args.digest("text")?;
    let lots = match args.required("lots")? {
        Value::Null => None,
        Value::List(items) => Some(read_lots(items, "/args/lots")?),
        _ => return Err(args.malformed("lots", "lots or null")),
    };
    Ok(Amend {
        leaves: read_leaves(args)?,
        changes: read_changes(args)?,
        open: read_open(args)?,
        lots,
    })
}

fn read_parts(args: &mut Args<'_>) -> Result<Vec<Part>, Reject> {
    let mut parts = Vec::new();
    for (i, item) in args.list("parts")?.iter().enumerate() {
        let path = format!("/args/parts/{i}");
        let mut part = Members::of(item, &path)?;
        let lots = read_lots(part.list("lots")?, &format!("{path}/lots"))?;
        let mut pledges = Vec::new();
        for (j, item) in part.list("pledges")?.iter().enumerate() {
            let path = format!("{path}/pledges/{j}");
            let mut pledge = Members::of(item, &path)?;
            let no = pledge.uint("no")?;
            let lots = read_lots(pledge.list("lots")?, &format!("{path}/lots"))?;
            pledge.finish()?;
            pledges.push((no, lots));
        }
        part.finish()?;
        parts.push(Part { lots, pledges });
    }
    Ok(parts)
}

fn read_merge(args: &mut Args<'_>) -> Result<Merge, Reject> {
    let mut with = Vec::new();
    for (i, item) in args.list("with")?.iter().enumerate() {
        let mut other = Members::of(item, &format!("/args/with/{i}"))?;
        let id = other.text("id")?.to_owned();
        if !content::is_record_id(&id) {
            return Err(other.malformed("id", "a record id is expected"));
        }
        with.push((id, other.uint("seq")?, other.digest("head")?));
        other.finish()?;
    }
    let content = match (args.required("leaves")?, args.required("open")?) {
        (Value::Null, Value::Null) => None,
        (Value::List(items), open) => Some((read_leaf_list(items)?, open_of(args, open)?)),
        _ => return Err(args.malformed("leaves", "leaves and open, or null for both")),
    };
    Ok(Merge { with, content })
}

fn read_pledge(args: &mut Args<'_>) -> Result<NewPledge, Reject> {
    Ok(NewPledge {
        to: read_party(args, "to")?,
        lots: read_lots(args.list("lots")?, "/args/lots")?,
        terms: args.digest("terms")?,
        on: args.required("on")?.clone(),
        cure_s: args.uint("cureS")?,
    })
}

/// Exactly the members of one kind: `digest`; `serials`, `print` and `statement`; or `issued`. A
/// missing statement is an error of the act.
fn read_answer(args: &mut Args<'_>) -> Result<SurrenderAnswer, Reject> {
    match (args.optional("digest"), args.optional("issued")) {
        (Some(digest), None) => {
            digest_or_null(digest).ok_or_else(|| args.malformed("digest", "a digest or null"))?;
            Ok(SurrenderAnswer::Performed)
        }
        (None, Some(issued)) => {
            let shape = || args.malformed("issued", "record ids");
            let ids = issued.as_list().ok_or_else(shape)?.iter().map(Value::as_text);
            let ids = ids.collect::<Option<Vec<&str>>>().ok_or_else(shape)?;
            if !ids.iter().all(|id| content::is_record_id(id)) {
                return Err(shape());
            }
            Ok(SurrenderAnswer::Exchange(owned(ids)))
        }
        (Some(_), Some(_)) => Err(args.malformed("issued", "arguments of one kind")),
        (None, None) => Ok(SurrenderAnswer::Paper {
            serials: read_serials(args)?,
            print: args.digest("print")?,
            statement: read_statement(args)?,
        }),
    }
}

fn read_serials(args: &mut Args<'_>) -> Result<Vec<String>, Reject> {
    let serials = owned(args.texts("serials")?);
    if serials.iter().all(|serial| is_reference(serial)) {
        Ok(serials)
    } else {
        Err(args.malformed("serials", "1 to 40 of A-Z 0-9 - / ."))
    }
}

fn read_statement(args: &mut Args<'_>) -> Result<Option<(String, Digest)>, Reject> {
    let Some(value) = args.optional("statement") else { return Ok(None) };
    let mut statement = Members::of(value, "/args/statement")?;
    let (code, digest) = (read_code(&mut statement, "code")?, statement.digest("digest")?);
    statement.finish()?;
    Ok(Some((code, digest)))
}

fn read_person(args: &mut Args<'_>, name: &str) -> Result<Person, Reject> {
    let path = args.pointer(name);
    Person::from_value(args.required(name)?, &path)
}

fn read_party(args: &mut Args<'_>, name: &str) -> Result<String, Reject> {
    let path = args.pointer(name);
    read_ubin(args.text(name)?, &path)
}

fn read_ubins(args: &mut Args<'_>, name: &str) -> Result<Vec<String>, Reject> {
    let path = args.pointer(name);
    read_ubin_list(args.list(name)?, &path)
}

fn read_ubin_list(items: &[Value], path: &str) -> Result<Vec<String>, Reject> {
    items.iter().map(|item| read_ubin(item.as_text().unwrap_or_default(), path)).collect()
}

fn read_sum(args: &mut Args<'_>) -> Result<u64, Reject> {
    read_amount(args.text("amount")?)
        .ok_or_else(|| args.malformed("amount", "a u64 as a decimal string"))
}

fn read_ms_or_null(args: &mut Args<'_>, name: &str) -> Result<Option<u64>, Reject> {
    match args.required(name)? {
        Value::Null => Ok(None),
        value => value
            .as_int()
            .and_then(|int| u64::try_from(int).ok())
            .map(Some)
            .ok_or_else(|| args.malformed(name, "a non-negative integer or null")),
    }
}

/// True for `first`, false for `second`.
fn read_word(args: &mut Args<'_>, name: &str, first: &str, second: &str) -> Result<bool, Reject> {
    match args.text(name)? {
        word if word == first => Ok(true),
        word if word == second => Ok(false),
        _ => Err(args.malformed(name, "unknown word")),
    }
}

fn digest_or_null(value: &Value) -> Option<Option<Digest>> {
    match value {
        Value::Null => Some(None),
        value => value.as_text().and_then(Digest::parse).map(Some),
    }
}

fn read_digest_or_null(args: &mut Args<'_>, name: &str) -> Result<Option<Digest>, Reject> {
    let value = args.required(name)?;
    digest_or_null(value).ok_or_else(|| args.malformed(name, "a b3: digest or null"))
}

fn read_code(args: &mut Args<'_>, name: &str) -> Result<String, Reject> {
    read_code_or_null(args, name)?.ok_or_else(|| args.malformed(name, "a code is expected"))
}

fn read_code_or_null(args: &mut Args<'_>, name: &str) -> Result<Option<String>, Reject> {
    match args.required(name)? {
        Value::Null => Ok(None),
        Value::Text(code) if is_code(code) => Ok(Some(code.clone())),
        _ => Err(args.malformed(name, "1 to 32 of a-z 0-9 _")),
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(ToOwned::to_owned).collect()
}
