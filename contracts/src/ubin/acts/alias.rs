//! `alias_add {ubin, alias}`: a further number of the same state forwards to a record.
//!
//! Invariant: an alias points to a record, never to an alias (I3), and its number is taken for
//! good (I2). Who signs may write numbers of both schemes. Businesses of natural persons get numbers
//! of schemes that allow them only.

use super::{current, note, read_number, require};
use crate::access::authority::Rule;
use crate::context::Context;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::limits;
use crate::op::Op;
use crate::ubin::identifier::Ubin;
use crate::ubin::record::{self, Alias, Entry, Record, record_key};
use crate::ubin::vocabulary::SchemeUse;

/// Runs `alias_add`.
pub(super) fn add(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let (ubin, alias) = (m.text("ubin")?, m.text("alias")?);
    m.finish()?;
    let known = read_number(ctx, ubin, "/args/ubin")?;
    let alias = read_number(ctx, alias, "/args/alias")?;
    let refuse = |code, detail| Err(Reject::new(code, "/args/alias", detail));
    if alias.ubin.cc != known.ubin.cc {
        return refuse(Code::NotOwner, "a number of another state");
    }
    require(ctx, op, &[&known, &alias], Rule::R1)?;
    let mut record = current(ctx, &known.ubin, "/args/ubin")?;
    if record::entry(ctx.state, &alias.ubin).is_some() {
        return refuse(Code::UbinExists, "");
    }
    let scheme = &alias.scheme.entry;
    if scheme.usage == SchemeUse::Reference || !alias.takes_registrations(ctx.height) {
        return refuse(Code::SchemeNotPrimary, "the scheme takes no aliases");
    }
    if record.category.is_natural_person() && !scheme.natural_persons {
        return refuse(Code::SurrogateRequired, "");
    }
    if !alias.scheme.is_canonical(&alias.ubin.local) {
        return refuse(Code::LocalFormat, "");
    }
    if record.aliases.len() >= limits::ALIASES_MAX {
        return refuse(Code::AliasLimit, "");
    }
    let number = alias.ubin.to_string();
    record.aliases.push(number.clone());
    forward(ctx, &alias.ubin, &known.ubin, &record);
    note(ctx, &op.name(), &known.ubin, &record, [("alias", Value::from(number))]);
    ctx.state.write(record_key(&known.ubin), &Entry::Record(record));
    Ok(())
}

/// Lets a number forward to the record of another.
pub(super) fn forward(ctx: &mut Context<'_, '_>, from: &Ubin, to: &Ubin, record: &Record) {
    let alias = Alias {
        target: to.to_string(),
        entity: record.entity.clone(),
        recorded_at: ctx.height,
        transaction: ctx.transaction,
    };
    ctx.state.write(record_key(from), &Entry::Alias(alias));
}
