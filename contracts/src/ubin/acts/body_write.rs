//! The acts that write the next version of a record under its number: register, update, confirm,
//! suspend, reinstate, dissolve, restore, correct (ubin.md §4).
//!
//! Invariant: what the version before allows (`before`) is asked first. Replay is refused because a
//! body names the version it follows and the key of a new number is taken.

use super::before::{Before, check_change, check_succession};
use super::{check_new_number, check_only_life, note, put, read_number, read_reason, require};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::ubin::body::{Body, PATH, body_hash};
use crate::ubin::body_rules;
use crate::ubin::capacity::Life;
use crate::ubin::counter;
use crate::ubin::identifier::Ubin;
use crate::ubin::record::{self, Entry, Meta, Record, entity_id};
use crate::ubin::reference;
use crate::ubin::scheme::Known;
use crate::ubin::vocabulary::{Reason, RelationType};

/// Where the number stands in the op.
pub(super) const NUMBER: &str = "/args/body/ubin";
/// Warning of a correction whose legal date lies before that of the version it follows (§2.2): it
/// becomes the record of today, but a read on a later date still finds the version before.
const BACK_DATED: &str = "BACK_DATED";

/// The acts of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyAct {
    Register,
    Update,
    Confirm,
    Suspend,
    Reinstate,
    Dissolve,
    Restore,
    Correct,
}

impl BodyAct {
    /// The act of a name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "register" => Self::Register,
            "update" => Self::Update,
            "confirm" => Self::Confirm,
            "suspend" => Self::Suspend,
            "reinstate" => Self::Reinstate,
            "dissolve" => Self::Dissolve,
            "restore" => Self::Restore,
            "correct" => Self::Correct,
            _ => return None,
        })
    }

    /// The name of its event.
    const fn event(self) -> &'static str {
        match self {
            Self::Register => "ubin.register",
            Self::Update => "ubin.update",
            Self::Confirm => "ubin.confirm",
            Self::Suspend => "ubin.suspend",
            Self::Reinstate => "ubin.reinstate",
            Self::Dissolve => "ubin.dissolve",
            Self::Restore => "ubin.restore",
            Self::Correct => "ubin.correct",
        }
    }

    const fn rule(self) -> Rule {
        match self {
            Self::Dissolve | Self::Restore | Self::Correct => Rule::R2,
            _ => Rule::R1,
        }
    }

    /// Where the reason of the act may stand, if it needs one: in the op, or in the status too.
    const fn needs_reason(self) -> Option<bool> {
        match self {
            Self::Suspend | Self::Reinstate | Self::Dissolve | Self::Restore => Some(true),
            Self::Correct => Some(false),
            _ => None,
        }
    }
}

/// What a correction takes away besides writing a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clear {
    Mark,
    Closure,
}

/// The arguments that every act with a body takes.
pub(super) struct BodyArguments<'a> {
    pub(super) body: &'a Value,
    pub(super) number: &'a str,
    pub(super) reason: Option<Reason>,
    /// Pointers below the body that R2 passes in spite of the scan for personal data.
    pub(super) overrides: Vec<&'a str>,
}

impl<'a> BodyArguments<'a> {
    /// Reads `body`, `reason` and `textOverrides`.
    pub(super) fn read(m: &mut Members<'a>) -> Result<Self, Reject> {
        let body = m.required("body")?;
        let number = Members::of(body, PATH)?.text("ubin")?;
        let reason = read_reason(m)?;
        let overrides = match m.optional("textOverrides") {
            None => Vec::new(),
            Some(Value::List(list)) if list.len() > limits::TEXT_OVERRIDES_MAX => {
                return Err(Reject::new(Code::FieldLimit, "/args/textOverrides", "too many"));
            }
            Some(Value::List(list)) => list
                .iter()
                .map(|item| item.as_text().filter(|pointer| pointer.starts_with('/')))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| m.malformed("textOverrides", "JSON pointers below the body"))?,
            Some(_) => return Err(m.malformed("textOverrides", "a list is expected")),
        };
        Ok(Self { body, number, reason, overrides })
    }

    /// An override of the scan needs evidence.
    pub(super) fn check_overrides(&self, body: &Body<'_>) -> Result<(), Reject> {
        check_overrides(&self.overrides, body)
    }
}

/// Runs an act of this file.
pub(super) fn run(ctx: &mut Context<'_, '_>, op: &Op, act: BodyAct) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let args = BodyArguments::read(&mut m)?;
    let successor_unknown = read_successor_unknown(&mut m, act)?;
    let clear = read_clear(&mut m, act)?;
    m.finish()?;
    let known = read_number(ctx, args.number, NUMBER)?;
    let rule = if args.overrides.is_empty() { act.rule() } else { Rule::R2 };
    let registrar = require(ctx, op, &[&known], rule)?;

    let hash = body_hash(args.body);
    let old = existing(record::entry(ctx.state, &known.ubin), act, hash)?;
    let body = Body::read(args.body)?;
    let version = Version {
        act,
        hash,
        registrar: &registrar,
        known: &known,
        old: old.as_deref(),
        reason: args.reason,
        overrides: &args.overrides,
        successor_unknown,
        clear,
    };
    write(ctx, &body, &version)
}

/// A version about to be written: what its act and its arguments say beside the body.
struct Version<'a> {
    act: BodyAct,
    /// The hash of the body.
    hash: Digest,
    /// The authority that signed it.
    registrar: &'a str,
    known: &'a Known,
    old: Option<&'a Record>,
    reason: Option<Reason>,
    overrides: &'a [&'a str],
    successor_unknown: bool,
    clear: Option<Clear>,
}

/// Judges a body as the version that its act writes, and writes it. The signers were asked for.
fn write(ctx: &mut Context<'_, '_>, body: &Body<'_>, version: &Version<'_>) -> Result<(), Reject> {
    let Version { act, known, old, .. } = *version;
    let before = old.map(Before::of_record);
    check_succession(body, before.as_ref())?;
    if act == BodyAct::Register {
        check_new_number(ctx, known, NUMBER)?;
    }
    let warnings = body_rules::judge_in(ctx.state, ctx.time_ms, body, known, version.overrides)?;
    check_justification(act, version.reason, version.overrides, body)?;
    match &before {
        None => check_entity(body, &known.ubin)?,
        Some(before) => check_change(body, before, act)?,
    }
    if matches!(act, BodyAct::Register | BodyAct::Correct) && !version.successor_unknown {
        check_successor_named(body)?;
    }
    let (hash, registrar) = (version.hash, version.registrar);
    let mut record = record_of(ctx, known, registrar, (body, hash), &warnings, old);
    if let (Some(clear), Some(old)) = (version.clear, old) {
        take_away(ctx, &mut record, old, clear)?;
    }
    // the entity of a number that was never given has no other record
    let was_live = old.is_none_or(Record::is_live);
    check_only_life(ctx, &known.ubin, was_live, &record)?;
    count_flow(ctx, &known.ubin.cc, act);
    store(ctx, act.event(), &known.ubin, old.map(|old| (&known.ubin, old)), record, warnings);
    // said of the act, not of the record: reads without a date show the newest version all the same
    if old.is_some_and(|old| body.valid_from < old.valid_from.as_str()) {
        ctx.warnings.push(BACK_DATED.to_owned());
    }
    Ok(())
}

/// Writes a body of an import by the act that its change is, as signed by `registrar`; `r2` says
/// whether it may do what needs two officers (`QUORUM_MISSING`). `UNCHANGED` if the record has it already.
pub(in crate::ubin) fn import(
    ctx: &mut Context<'_, '_>,
    known: &Known,
    value: &Value,
    hash: Digest,
    (registrar, r2): (&str, bool),
) -> Result<(), Reject> {
    let entry = record::entry(ctx.state, &known.ubin);
    if matches!(&entry, Some(Entry::Record(record)) if record.body_hash == hash) {
        return Err(Code::Unchanged.into());
    }
    let any = if entry.is_none() { BodyAct::Register } else { BodyAct::Update };
    let old = existing(entry, any, hash)?;
    let body = Body::read(value)?;
    let change = |old: &Record| Before::of_record(old).act_to(&body);
    let act = old.as_deref().map_or(BodyAct::Register, change);
    if act.rule() == Rule::R2 && !r2 {
        return Err(Reject::new(Code::QuorumMissing, PATH, "the move needs a chunk signed by R2"));
    }
    let version = Version {
        act,
        hash,
        registrar,
        known,
        old: old.as_deref(),
        reason: None,
        overrides: &[],
        successor_unknown: false,
        clear: None,
    };
    write(ctx, &body, &version)
}

/// What [`import`] asks of `body` as the version after `current`, without what other records and the
/// signers have a say in. Gives whether the act needs two officers.
pub(in crate::ubin) fn check_imported(current: &Body<'_>, body: &Body<'_>) -> Result<bool, Reject> {
    let before = Before::of_body(current);
    check_succession(body, Some(&before))?;
    let act = before.act_to(body);
    check_justification(act, None, &[], body)?;
    check_change(body, &before, act)?;
    Ok(act.rule() == Rule::R2)
}

fn read_successor_unknown(m: &mut Members<'_>, act: BodyAct) -> Result<bool, Reject> {
    match (act, m.optional("successorUnknown")) {
        (_, None) => Ok(false),
        (BodyAct::Register | BodyAct::Correct, Some(Value::Bool(flag))) => Ok(*flag),
        _ => Err(m.malformed("successorUnknown", "true or false, in register and correct only")),
    }
}

fn read_clear(m: &mut Members<'_>, act: BodyAct) -> Result<Option<Clear>, Reject> {
    match (act, m.optional_text("clear")?) {
        (_, None) => Ok(None),
        (BodyAct::Correct, Some("MARK")) => Ok(Some(Clear::Mark)),
        (BodyAct::Correct, Some("CLOSURE")) => Ok(Some(Clear::Closure)),
        _ => Err(m.malformed("clear", "MARK or CLOSURE, in correct only")),
    }
}

/// The record that the act follows, given what stands under the number: none for `register`, else
/// one that is not final, unless the act corrects it.
fn existing(
    entry: Option<Entry>,
    act: BodyAct,
    hash: Digest,
) -> Result<Option<Box<Record>>, Reject> {
    let refuse = |code, detail| Err(Reject::new(code, NUMBER, detail));
    match (act, entry) {
        (BodyAct::Register, None) => Ok(None),
        (BodyAct::Register, Some(Entry::Record(record))) if record.body_hash == hash => {
            Err(Code::Unchanged.into())
        }
        (BodyAct::Register, Some(_)) => refuse(Code::UbinExists, ""),
        (_, None) => refuse(Code::UbinUnknown, ""),
        (_, Some(Entry::Alias(_))) => {
            refuse(Code::UbinUnknown, "the number only forwards to another")
        }
        (_, Some(Entry::Record(record))) if record.is_final() && act != BodyAct::Correct => {
            refuse(Code::TerminalStatus, "")
        }
        (_, Some(Entry::Record(record))) if record.body_hash == hash => Err(Code::Unchanged.into()),
        (_, Some(Entry::Record(record))) => Ok(Some(record)),
    }
}

fn require_evidence(body: &Body<'_>) -> Result<(), Reject> {
    if body.has_evidence {
        return Ok(());
    }
    Err(Reject::new(Code::EvidenceRequired, "/args/body/evidence", ""))
}

/// Reason and evidence where the act, or an override of the scan, asks for them.
fn check_justification(
    act: BodyAct,
    reason: Option<Reason>,
    overrides: &[&str],
    body: &Body<'_>,
) -> Result<(), Reject> {
    if let Some(status_counts) = act.needs_reason() {
        super::require_reason(reason.or(body.status.reason.filter(|_| status_counts)))?;
    }
    if matches!(act, BodyAct::Dissolve | BodyAct::Restore) {
        require_evidence(body)?;
    }
    check_overrides(overrides, body)
}

/// An override of the scan needs evidence.
fn check_overrides(overrides: &[&str], body: &Body<'_>) -> Result<(), Reject> {
    if overrides.is_empty() { Ok(()) } else { require_evidence(body) }
}

/// The entity of a first registration is derived from its number.
pub(in crate::ubin) fn check_entity(body: &Body<'_>, ubin: &Ubin) -> Result<(), Reject> {
    if body.entity == entity_id(&ubin.cc, &ubin.scheme, &ubin.local) {
        return Ok(());
    }
    Err(Reject::new(Code::Malformed, "/args/body/entity", "not that of the number"))
}

/// A business that ended in favour of another names it.
pub(in crate::ubin) fn check_successor_named(body: &Body<'_>) -> Result<(), Reject> {
    if !body.status.code.is_terminal() || successor_of(body).is_some() {
        return Ok(());
    }
    let detail = "name the successor, or state successorUnknown";
    Err(Reject::new(Code::BadTransition, "/args/body/relations", detail))
}

/// The successor that the relations of loaded history name.
fn successor_of<'a>(body: &Body<'a>) -> Option<&'a str> {
    body.relations
        .iter()
        .find(|r| RelationType::terminal_status(r.kind) == Some(body.status.code))
        .map(|relation| relation.target)
}

/// The record of a body with its hash that `registrar` signed, with what the ledger keeps of the
/// version before.
pub(super) fn record_of(
    ctx: &Context<'_, '_>,
    known: &Known,
    registrar: &str,
    (body, hash): (&Body<'_>, Digest),
    warnings: &[String],
    old: Option<&Record>,
) -> Record {
    let meta = Meta {
        seq: old.map_or(0, |old| old.meta.seq),
        recorded_at: ctx.height,
        transaction: ctx.transaction,
        scheme_version: known.scheme.entry.version,
        warnings: warnings.to_vec(),
        mark: old.and_then(|old| old.meta.mark.clone()),
        closure: old.and_then(|old| old.meta.closure.clone()),
        life: old.map_or_else(|| Life::begun(ctx.time_ms), |old| old.meta.life.clone()),
        registrar: registrar.to_owned(),
    };
    let references = body
        .identifiers
        .iter()
        .filter(|id| reference::COMPARED.contains(&id.scheme))
        .filter_map(|id| Some((id.scheme.to_owned(), id.value?.to_owned())))
        .collect();
    Record {
        entity: body.entity.to_owned(),
        version: body.version,
        body_hash: hash,
        core_hash: body.core_hash(),
        valid_from: body.valid_from.to_owned(),
        category: body.category,
        size_class: body.size_class,
        status: body.status.clone(),
        corroboration: body.corroboration,
        confirmed_on: body.confirmed_on.to_owned(),
        source_as_of: body.source_as_of.to_owned(),
        registered_on: body.registered_on.map(str::to_owned),
        references,
        aliases: old.map_or_else(Vec::new, |old| old.aliases.clone()),
        successor: successor_of(body).map(str::to_owned),
        duplicates: old.map_or(0, |old| old.duplicates),
        meta,
    }
}

/// A correction takes a mark away, or a closure whose successor is not live.
fn take_away(
    ctx: &mut Context<'_, '_>,
    record: &mut Record,
    old: &Record,
    clear: Clear,
) -> Result<(), Reject> {
    let refuse = |code, detail| Err(Reject::new(code, "/args/clear", detail));
    record.meta.seq = record.meta.seq.saturating_add(1);
    match (clear, &old.meta.mark, &old.meta.closure) {
        (Clear::Mark, Some(mark), _) => {
            record.meta.mark = None;
            if let Some(canonical) = &mark.canonical {
                super::mark::count_duplicate(ctx, canonical, false);
            }
            Ok(())
        }
        (Clear::Closure, _, Some(closure)) => {
            let successor = Ubin::parse_canonical(&closure.successor)
                .and_then(|ubin| record::find(ctx.state, &ubin));
            if successor.is_some_and(|(_, successor)| successor.is_live()) {
                return refuse(Code::SuccessorLive, "");
            }
            record.meta.closure = None;
            Ok(())
        }
        _ => refuse(Code::BadTransition, "there is nothing of this kind to clear"),
    }
}

fn count_flow(ctx: &mut Context<'_, '_>, cc: &str, act: BodyAct) {
    let event = match act {
        BodyAct::Register => "new",
        BodyAct::Dissolve => "ended",
        BodyAct::Restore => "restored",
        _ => return,
    };
    counter::event(ctx.state, "ubin_flow", cc, ctx.time_ms, event);
}

/// Writes a version with its event, named `event`.
pub(super) fn store(
    ctx: &mut Context<'_, '_>,
    event: &str,
    ubin: &Ubin,
    old: Option<(&Ubin, &Record)>,
    record: Record,
    warnings: Vec<String>,
) {
    let duplicates = put(ctx, ubin, old, record.clone());
    ctx.warnings.extend(warnings);
    let hash = ("bodyHash", Value::from(record.body_hash));
    if duplicates.is_empty() {
        note(ctx, event, ubin, &record, [hash]);
    } else {
        let duplicates = Value::List(duplicates.into_iter().map(Value::from).collect());
        note(ctx, event, ubin, &record, [hash, ("possibleDuplicateOf", duplicates)]);
    }
}
