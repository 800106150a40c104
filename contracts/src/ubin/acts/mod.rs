//! The acts of the UBIN register (ubin.md §4) and what they share: signers, quoted records, and
//! the one way in which a record is written.
//!
//! Invariants: I1 every version is authorised by keys of the record's own state, in its own op or
//! in a consent; I2 a key that holds something never becomes absent; I5 at most one record of an
//! entity is live; I9 counters move in the same transaction. Order of checks: form of the arguments
//! and of the numbers, signers, existence, finality, version and sequence, then the content.
//!
//! - `body_write`: acts that write the next version of a record, `before`: what may follow a version;
//!   `renumber`, `convert`, `relocate`: acts that write a record under a new number;
//! - `mark`, `merge`, `consent`: acts without a body; `alias`: further numbers;
//! - `challenge`, `attest`, `scheme_put`: objects with keys of their own; imports beside this folder.

mod alias;
mod attest;
mod before;
mod body_write;
mod challenge;
mod consent;
mod convert;
mod mark;
mod merge;
mod relocate;
mod renumber;
mod scheme_put;

use super::body_rules;
use super::counter;
use super::feed;
use super::identifier::Ubin;
use super::import;
use super::record::{self, Closure, Entry, Record, record_key};
use super::scheme::{self, Known};
use super::succession;
use super::vocabulary::{Reason, Status};
use crate::access::authority::{self, Rule};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::op::Op;
use crate::time::Date;

pub(super) use body_write::{
    check_entity, check_imported, check_successor_named, import as write_imported,
};

/// Runs one UBIN act.
pub(super) fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    if let Some(act) = body_write::BodyAct::parse(&op.act) {
        return body_write::run(ctx, op, act);
    }
    match op.act.as_str() {
        "renumber" => renumber::run(ctx, op),
        "convert" => convert::run(ctx, op),
        "continue_in" => relocate::run(ctx, op),
        "annul" => mark::annul(ctx, op),
        "duplicate" => mark::duplicate(ctx, op),
        "merge" => merge::merge(ctx, op),
        "merge_in" => merge::merge_in(ctx, op),
        "consent_out" => consent::open(ctx, op),
        "consent_withdraw" => consent::withdraw(ctx, op),
        "alias_add" => alias::add(ctx, op),
        "challenge_open" => challenge::open(ctx, op),
        "challenge_ack" => challenge::acknowledge(ctx, op),
        "challenge_decide" => challenge::decide(ctx, op),
        "challenge_withdraw" => challenge::withdraw(ctx, op),
        "challenge_clock" => challenge::set_clock(ctx, op),
        "import_chunk" => import::open(ctx, op),
        "attest_counts" => attest::run(ctx, op),
        "scheme_put" => scheme_put::put(ctx, op),
        "scheme_suspend" => scheme_put::suspend(ctx, op),
        _ => Err(Reject::new(Code::NotBuilt, "/act", "the act comes with a later release")),
    }
}

/// Whether an act carries a body, as member `body` of its arguments.
pub(super) fn carries_body(act: &str) -> bool {
    body_write::BodyAct::parse(act).is_some()
        || matches!(act, "renumber" | "convert" | "continue_in")
}

/// A number of a known scheme; errors name `field`.
fn read_number(ctx: &Context<'_, '_>, text: &str, field: &str) -> Result<Known, Reject> {
    scheme::known(ctx.state, ctx.time_ms, text).map_err(|code| Reject::new(code, field, ""))
}

/// Signatures: of registrars of the state of `numbers`, whose scopes cover the act for the scheme
/// of each. All numbers are of one state. Gives the authority that signs for the last of them.
fn require(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    numbers: &[&Known],
    rule: Rule,
) -> Result<String, Reject> {
    let signers = authority::signers(ctx, op)?;
    let mut asked: Vec<String> = Vec::new();
    let mut registrar = String::new();
    for known in numbers {
        let scope = format!("{}:{}", op.name(), known.ubin.scheme);
        if !asked.contains(&scope) {
            registrar = authority::require_registrar(ctx, &signers, &known.ubin.cc, &scope, rule)?;
            asked.push(scope);
        }
    }
    Ok(registrar)
}

/// A record that a meta write quotes: number, version and sequence.
struct Quoted {
    known: Known,
    version: u64,
    seq: u64,
    /// Pointer of the object that quotes it.
    path: String,
}

impl Quoted {
    /// Reads the members `ubin`, `version` and `metaSeq`.
    fn read(ctx: &Context<'_, '_>, m: &mut Members<'_>) -> Result<Self, Reject> {
        let path = m.pointer("");
        let path = path.trim_end_matches('/').to_owned();
        let (ubin, field) = (m.text("ubin")?, m.pointer("ubin"));
        let (version, seq) = (m.uint("version")?, m.uint("metaSeq")?);
        Ok(Self { known: read_number(ctx, ubin, &field)?, version, seq, path })
    }

    /// The record, as quoted: `UBIN_UNKNOWN`, `TERMINAL_STATUS`, `VERSION_CONFLICT`.
    fn record(&self, ctx: &Context<'_, '_>) -> Result<Box<Record>, Reject> {
        let record = current(ctx, &self.known.ubin, &format!("{}/ubin", self.path))?;
        let conflict =
            |name| Reject::new(Code::VersionConflict, &format!("{}/{name}", self.path), "");
        if record.version != self.version {
            return Err(conflict("version"));
        }
        if record.meta.seq == self.seq { Ok(record) } else { Err(conflict("metaSeq")) }
    }
}

/// The record under a number that takes further writes: `UBIN_UNKNOWN`, `TERMINAL_STATUS`.
fn current(ctx: &Context<'_, '_>, ubin: &Ubin, field: &str) -> Result<Box<Record>, Reject> {
    match record::entry(ctx.state, ubin) {
        None => Err(Reject::new(Code::UbinUnknown, field, "")),
        Some(Entry::Alias(_)) => {
            Err(Reject::new(Code::UbinUnknown, field, "the number only forwards to another"))
        }
        Some(Entry::Record(record)) if record.is_final() => {
            Err(Reject::new(Code::TerminalStatus, field, ""))
        }
        Some(Entry::Record(record)) => Ok(record),
    }
}

/// The record behind a number now, final or not, through a renumbering.
fn current_number(ctx: &Context<'_, '_>, ubin: &Ubin) -> Option<Record> {
    record::find(ctx.state, ubin).map(|(_, record)| record)
}

/// An optional reason of the vocabulary.
fn read_reason(m: &mut Members<'_>) -> Result<Option<Reason>, Reject> {
    match m.optional_text("reason")? {
        None => Ok(None),
        Some(word) => Reason::parse(word)
            .map(Some)
            .ok_or_else(|| m.malformed("reason", "not a word of the list")),
    }
}

fn require_reason(reason: Option<Reason>) -> Result<Reason, Reject> {
    reason.ok_or_else(|| Reject::new(Code::ReasonRequired, "/args/reason", ""))
}

/// A legal date at most a day ahead of the block: `FUTURE_EFFECTIVE`.
fn read_date<'a>(
    ctx: &Context<'_, '_>,
    m: &mut Members<'a>,
    name: &str,
) -> Result<&'a str, Reject> {
    let text = m.text(name)?;
    let date = Date::parse(text).ok_or_else(|| m.malformed(name, "YYYY-MM-DD"))?;
    if date > Date::of_ms(ctx.time_ms).plus_days(1) {
        return Err(Reject::new(Code::FutureEffective, &m.pointer(name), "more than a day ahead"));
    }
    Ok(text)
}

/// A record of a new number: key absent, scheme open, pattern matched. `field` names the number.
fn check_new_number(ctx: &Context<'_, '_>, known: &Known, field: &str) -> Result<(), Reject> {
    if ctx.state.holds(&record_key(&known.ubin)) {
        return Err(Reject::new(Code::UbinExists, field, ""));
    }
    body_rules::check_scheme(known, ctx.height, field)
}

/// I5: a record that comes to life while another of its entity lives is `SUCCESSOR_LIVE`.
fn check_only_life(
    ctx: &Context<'_, '_>,
    ubin: &Ubin,
    was_live: bool,
    record: &Record,
) -> Result<(), Reject> {
    if !was_live && record.is_live() && succession::lives_elsewhere(ctx.state, record, ubin) {
        let detail = "another record of the entity is live";
        return Err(Reject::new(Code::SuccessorLive, "/args", detail));
    }
    Ok(())
}

/// Writes a record in place of `old`: stock counters, the index of other identifiers and what is
/// known of its capacity move with it. Gives the live records that share an identifier with it.
fn put(
    ctx: &mut Context<'_, '_>,
    ubin: &Ubin,
    old: Option<(&Ubin, &Record)>,
    mut record: Record,
) -> Vec<String> {
    let number = ubin.to_string();
    let capacity = record.capacity();
    record.meta.life.follow(capacity, ctx.time_ms);
    let mut before: &[(String, String)] = &[];
    if let Some((from, old)) = old {
        if from == ubin {
            before = &old.references;
        } else {
            counter::index_references(ctx.state, &from.to_string(), &old.references, &[]);
        }
    }
    let duplicates = counter::index_references(ctx.state, &number, before, &record.references);
    counter::move_stock(ctx.state, old, Some((ubin, &record)));
    ctx.state.write(record_key(ubin), &Entry::Record(Box::new(record)));
    duplicates
}

/// Closes a live record in favour of a successor, with its event.
fn close(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    ubin: &Ubin,
    record: &Record,
    status: Status,
    successor: &str,
    date: &str,
) {
    let mut closed = record.clone();
    closed.meta.seq = record.meta.seq.saturating_add(1);
    let closure = Closure {
        status,
        successor: successor.to_owned(),
        date: date.to_owned(),
        recorded_at: ctx.height,
    };
    let facts = feed::closure_facts(&closure);
    closed.meta.closure = Some(closure);
    put(ctx, ubin, Some((ubin, record)), closed.clone());
    note(ctx, &op.name(), ubin, &closed, facts);
}

/// The event of a changed record: public facts, never names.
fn note<const N: usize>(
    ctx: &mut Context<'_, '_>,
    event: &str,
    ubin: &Ubin,
    record: &Record,
    more: [(&'static str, Value); N],
) {
    let number = ubin.to_string();
    let facts = [
        ("ubin", Value::from(number.as_str())),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("metaSeq", Value::from(record.meta.seq)),
        ("status", Value::from(record.shown_status().name())),
    ];
    ctx.emit(event, &number, facts.into_iter().chain(more));
}
