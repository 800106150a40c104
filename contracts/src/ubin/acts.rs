//! The acts that write a body, and `alias_add` (ubin.md §4).
//!
//! Invariants: I1 every version is authorised by keys of the record's own state; I2 a key that
//! holds something never becomes absent; I4 version and `prev` chain without gaps; I5 the entity
//! never changes; I9 counters move in the same transaction. Order of checks: form of the
//! arguments and of the number, signers, existence, finality, version, then the content. Replay is
//! refused because a body names the version it follows and the key of a new number is taken.

use super::body::{Body, PATH, body_hash};
use super::body_rules;
use super::counter;
use super::record::{Alias, Entry, Meta, Record, entity_id, record_key};
use super::scheme::{self, Known};
use super::vocabulary::{Reason, RelationType, SchemeUse, Status};
use crate::access::authority::{self, Rule};
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;

/// The acts that write a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyAct {
    Register,
    Update,
    Confirm,
    Suspend,
    Reinstate,
    Dissolve,
    Restore,
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
            _ => return None,
        })
    }

    const fn rule(self) -> Rule {
        match self {
            Self::Dissolve | Self::Restore => Rule::R2,
            _ => Rule::R1,
        }
    }

    const fn needs_reason(self) -> bool {
        matches!(self, Self::Suspend | Self::Reinstate | Self::Dissolve | Self::Restore)
    }
}

/// The arguments of a body act.
struct BodyArguments<'a> {
    body: &'a Value,
    reason: Option<Reason>,
    overrides: Vec<&'a str>,
    successor_unknown: bool,
}

/// Runs an act that writes a body.
pub(super) fn write_body(ctx: &mut Context<'_, '_>, op: &Op, act: BodyAct) -> Result<(), Reject> {
    let args = read_arguments(op, act)?;
    let ubin_text = args.body.get("ubin").and_then(Value::as_text).unwrap_or_default();
    let known = scheme::known(ctx.state, ubin_text)
        .map_err(|code| Reject::new(code, "/args/body/ubin", ""))?;
    let rule = if args.overrides.is_empty() { act.rule() } else { Rule::R2 };
    require(ctx, op, &known, rule)?;

    let hash = body_hash(args.body);
    let old = existing(ctx, &known, act, hash)?;
    let body = Body::read(args.body)?;
    check_succession(&body, old.as_ref())?;
    if act == BodyAct::Register {
        check_scheme(ctx, &known)?;
    }
    let warnings = body_rules::judge(&body, &known, ctx.state, ctx.time_ms, &args.overrides)?;
    check_justification(&args, &body, act)?;
    match &old {
        None => check_first(&args, &body, &known)?,
        Some(old) => check_change(&body, old, act)?,
    }
    store(ctx, op, act, &known, &body, old, warnings);
    Ok(())
}

fn read_arguments<'a>(op: &'a Op, act: BodyAct) -> Result<BodyArguments<'a>, Reject> {
    let mut m = op.read_args()?;
    let body = m.required("body")?;
    Members::of(body, PATH)?.text("ubin")?;
    let reason = match m.optional_text("reason")? {
        None => None,
        Some(word) => Some(
            Reason::parse(word).ok_or_else(|| m.malformed("reason", "not a word of the list"))?,
        ),
    };
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
    let successor_unknown = match (act, m.optional("successorUnknown")) {
        (_, None) => false,
        (BodyAct::Register, Some(Value::Bool(flag))) => *flag,
        _ => return Err(m.malformed("successorUnknown", "true or false, in register only")),
    };
    m.finish()?;
    Ok(BodyArguments { body, reason, overrides, successor_unknown })
}

/// Signatures: of registrars of the record's own state, whose scope covers act and scheme.
fn require(ctx: &mut Context<'_, '_>, op: &Op, known: &Known, rule: Rule) -> Result<(), Reject> {
    let signers = authority::signers(ctx, op)?;
    let scope = format!("{}:{}", op.name(), known.ubin.scheme);
    authority::require_registrar(ctx, &signers, &known.ubin.cc, &scope, rule)
}

/// The record that the act follows: none for `register`, else one that is not final.
fn existing(
    ctx: &Context<'_, '_>,
    known: &Known,
    act: BodyAct,
    hash: crate::digest::Digest,
) -> Result<Option<Box<Record>>, Reject> {
    let field = "/args/body/ubin";
    match (act, super::record::entry(ctx.state, &known.ubin)) {
        (BodyAct::Register, None) => Ok(None),
        (BodyAct::Register, Some(Entry::Record(record))) if record.body_hash == hash => {
            Err(Code::Unchanged.into())
        }
        (BodyAct::Register, Some(_)) => Err(Reject::new(Code::UbinExists, field, "")),
        (_, None) => Err(Reject::new(Code::UbinUnknown, field, "")),
        (_, Some(Entry::Alias(_))) => {
            Err(Reject::new(Code::UbinUnknown, field, "the number only forwards to another"))
        }
        (_, Some(Entry::Record(record))) if record.is_final() => {
            Err(Reject::new(Code::TerminalStatus, field, ""))
        }
        (_, Some(Entry::Record(record))) if record.body_hash == hash => Err(Code::Unchanged.into()),
        (_, Some(Entry::Record(record))) => Ok(Some(record)),
    }
}

/// Version and `prev` continue the chain (I4).
fn check_succession(body: &Body<'_>, old: Option<&Box<Record>>) -> Result<(), Reject> {
    let (version, prev) = match old {
        None => (1, None),
        Some(old) => (old.version + 1, Some(old.body_hash)),
    };
    let conflict = |name: &str| Reject::new(Code::VersionConflict, &format!("{PATH}/{name}"), "");
    if body.version != version {
        return Err(conflict("version"));
    }
    if body.prev == prev { Ok(()) } else { Err(conflict("prev")) }
}

/// The scheme carries records and takes registrations now; the number matches its pattern.
fn check_scheme(ctx: &Context<'_, '_>, known: &Known) -> Result<(), Reject> {
    let field = "/args/body/ubin";
    let open = known.scheme.entry.usage == SchemeUse::Primary
        && known.in_force.takes_registrations(ctx.height);
    if !open {
        return Err(Reject::new(Code::SchemeNotPrimary, field, ""));
    }
    if known.scheme.is_canonical(&known.ubin.local) {
        Ok(())
    } else {
        Err(Reject::new(Code::LocalFormat, field, ""))
    }
}

/// Reason and evidence where the act, or an override of the scan, asks for them.
fn check_justification(
    args: &BodyArguments<'_>,
    body: &Body<'_>,
    act: BodyAct,
) -> Result<(), Reject> {
    if act.needs_reason() && args.reason.or(body.status.reason).is_none() {
        return Err(Reject::new(Code::ReasonRequired, "/args/reason", ""));
    }
    let needs_evidence =
        matches!(act, BodyAct::Dissolve | BodyAct::Restore) || !args.overrides.is_empty();
    if needs_evidence && !body.has_evidence {
        return Err(Reject::new(Code::EvidenceRequired, "/args/body/evidence", ""));
    }
    Ok(())
}

/// A first version: its entity is derived from the number; an ended business names its successor.
fn check_first(args: &BodyArguments<'_>, body: &Body<'_>, known: &Known) -> Result<(), Reject> {
    let ubin = &known.ubin;
    if body.entity != entity_id(&ubin.cc, &ubin.scheme, &ubin.local) {
        return Err(Reject::new(Code::Malformed, "/args/body/entity", "not that of the number"));
    }
    let named = body
        .relations
        .iter()
        .any(|r| RelationType::terminal_status(r.kind) == Some(body.status.code));
    if body.status.code.is_terminal() && !named && !args.successor_unknown {
        return Err(Reject::new(
            Code::BadTransition,
            "/args/body/relations",
            "name the successor, or state successorUnknown",
        ));
    }
    Ok(())
}

/// What an act may change in the version before.
fn check_change(body: &Body<'_>, old: &Record, act: BodyAct) -> Result<(), Reject> {
    if body.valid_from < old.valid_from.as_str() {
        return Err(Reject::new(Code::EffectiveOrder, "/args/body/validFrom", ""));
    }
    let bad = |name: &str, detail| {
        Err(Reject::new(Code::BadTransition, &format!("{PATH}/{name}"), detail))
    };
    if body.entity != old.entity {
        return bad("entity", "never changes");
    }
    if body.registered_on != old.registered_on.as_deref() && old.status.code != Status::Reserved {
        return bad("registeredOn", "changes by correct only");
    }
    let from = old.status.code;
    let to = body.status.code;
    let only_status = body.core_hash() == old.core_hash
        && body.confirmed_on == old.confirmed_on
        && body.source_as_of == old.source_as_of
        && body.corroboration == old.corroboration;
    let moves = match act {
        BodyAct::Register => false,
        BodyAct::Update => from.may_update_to(to),
        BodyAct::Confirm => {
            if body.core_hash() != old.core_hash || body.status != old.status {
                return Err(Reject::new(Code::ConfirmOnly, PATH, ""));
            }
            true
        }
        BodyAct::Suspend => from == Status::Active && to == Status::Suspended && only_status,
        BodyAct::Reinstate => from == Status::Suspended && to == Status::Active && only_status,
        BodyAct::Dissolve => (from.is_live() || from == Status::Other) && to == Status::Dissolved,
        BodyAct::Restore => from == Status::Dissolved && to == Status::Active,
    };
    if moves { Ok(()) } else { bad("status/code", "the act does not make this change") }
}

/// Writes the version, moves counters and index, and notes the event.
fn store(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    act: BodyAct,
    known: &Known,
    body: &Body<'_>,
    old: Option<Box<Record>>,
    warnings: Vec<String>,
) {
    let references = body
        .identifiers
        .iter()
        .filter(|id| super::reference::COMPARED.contains(&id.scheme))
        .filter_map(|id| Some((id.scheme.to_owned(), id.value?.to_owned())))
        .collect();
    let meta = Meta {
        seq: old.as_ref().map_or(0, |old| old.meta.seq),
        recorded_at: ctx.height,
        transaction: ctx.transaction,
        scheme_version: known.scheme.entry.version,
        warnings: warnings.clone(),
        mark: old.as_ref().and_then(|old| old.meta.mark.clone()),
        closure: None,
    };
    let record = Record {
        entity: body.entity.to_owned(),
        version: body.version,
        body_hash: body_hash(body.value),
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
        aliases: old.as_ref().map_or_else(Vec::new, |old| old.aliases.clone()),
        meta,
    };
    let ubin = known.ubin.to_string();
    let before = old.as_ref().map_or(&[][..], |old| &old.references);
    let duplicates = counter::index_references(ctx.state, &ubin, before, &record.references);
    counter::replace(ctx.state, &known.ubin, old.as_deref(), &record);
    let flow = match act {
        BodyAct::Register => Some("new"),
        BodyAct::Dissolve => Some("ended"),
        BodyAct::Restore => Some("restored"),
        _ => None,
    };
    if let Some(event) = flow {
        counter::flow(ctx.state, &known.ubin.cc, ctx.time_ms, event);
    }
    let mut data = vec![
        ("ubin", Value::from(ubin.as_str())),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("bodyHash", Value::from(record.body_hash)),
        ("status", Value::from(record.shown_status().name())),
    ];
    if !duplicates.is_empty() {
        let duplicates = duplicates.into_iter().map(Value::from).collect();
        data.push(("possibleDuplicateOf", Value::List(duplicates)));
    }
    ctx.state.write(record_key(&known.ubin), &Entry::Record(Box::new(record)));
    ctx.warnings.extend(warnings);
    ctx.emit(&op.name(), &ubin, data);
}

/// `alias_add {ubin, alias}`: a further number of the same state forwards to a record.
pub(super) fn add_alias(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let (ubin, alias) = (m.text("ubin")?, m.text("alias")?);
    m.finish()?;
    let known = scheme::known(ctx.state, ubin).map_err(|c| Reject::new(c, "/args/ubin", ""))?;
    let refuse = |code, detail| Reject::new(code, "/args/alias", detail);
    let alias = scheme::known(ctx.state, alias).map_err(|code| refuse(code, ""))?;
    require(ctx, op, &known, Rule::R1)?;
    if alias.ubin.cc != known.ubin.cc {
        return Err(refuse(Code::NotOwner, "a number of another state"));
    }
    let mut record = match super::record::entry(ctx.state, &known.ubin) {
        Some(Entry::Record(record)) => record,
        _ => return Err(Reject::new(Code::UbinUnknown, "/args/ubin", "")),
    };
    if record.is_final() {
        return Err(Reject::new(Code::TerminalStatus, "/args/ubin", ""));
    }
    if super::record::entry(ctx.state, &alias.ubin).is_some() {
        return Err(refuse(Code::UbinExists, ""));
    }
    let forwards = alias.scheme.entry.usage != SchemeUse::Reference
        && alias.in_force.takes_registrations(ctx.height);
    if !forwards {
        return Err(refuse(Code::SchemeNotPrimary, "the scheme takes no aliases"));
    }
    if !alias.scheme.is_canonical(&alias.ubin.local) {
        return Err(refuse(Code::LocalFormat, ""));
    }
    if record.aliases.len() >= limits::ALIASES_MAX {
        return Err(refuse(Code::AliasLimit, ""));
    }
    let (ubin, number) = (known.ubin.to_string(), alias.ubin.to_string());
    record.aliases.push(number.clone());
    let forward = Alias {
        target: ubin.clone(),
        entity: record.entity.clone(),
        recorded_at: ctx.height,
        transaction: ctx.transaction,
    };
    let data = [
        ("ubin", Value::from(ubin.as_str())),
        ("entity", Value::from(record.entity.as_str())),
        ("version", Value::from(record.version)),
        ("alias", Value::from(number)),
    ];
    ctx.state.write(record_key(&alias.ubin), &Entry::Alias(forward));
    ctx.state.write(record_key(&known.ubin), &Entry::Record(record));
    ctx.emit(&op.name(), &ubin, data);
    Ok(())
}
