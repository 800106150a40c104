//! Acts on the meta of records: annulment, duplicates, mergers within a state; further numbers.

use titian_contracts::json::Value;

use super::border::perform;
use super::current::{current, number};
use super::write::{day, reason_help};
use crate::act::SigningArgs;
use crate::error::Result;
use crate::output::Report;
use crate::session::Session;

/// `annul`.
#[derive(Debug, clap::Args)]
pub(crate) struct AnnulArgs {
    /// The record, in any spelling
    ubin: String,
    #[arg(long, default_value = "ERROR", value_name = "CODE", help = reason_help())]
    reason: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `duplicate`.
#[derive(Debug, clap::Args)]
pub(crate) struct DuplicateArgs {
    /// The record that is marked
    ubin: String,
    /// The record that stands for it
    #[arg(long = "of", value_name = "UBIN")]
    canonical: String,
    #[arg(long, default_value = "ERROR", value_name = "CODE", help = reason_help())]
    reason: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct MergeArgs {
    /// The survivor
    ubin: String,
    /// A business that is absorbed; repeat it, up to 16
    #[arg(long = "absorb", value_name = "UBIN", required = true)]
    absorbed: Vec<String>,
    #[arg(long, default_value = "REQUEST", value_name = "CODE", help = reason_help())]
    reason: String,
    /// Legal date [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `alias-add`.
#[derive(Debug, clap::Args)]
pub(crate) struct AliasArgs {
    /// The record
    ubin: String,
    /// The further number
    alias: String,
    #[command(flatten)]
    signing: SigningArgs,
}

pub(super) fn annul(session: &Session, args: &AnnulArgs) -> Result<Report> {
    let mut members = current(session, &args.ubin)?.quoted();
    members.push(("reason", Value::from(args.reason.as_str())));
    perform(session, "annul", members, &args.signing)
}

pub(super) fn duplicate(session: &Session, args: &DuplicateArgs) -> Result<Report> {
    let canonical = number(&args.canonical)?;
    let mut members = current(session, &args.ubin)?.quoted();
    members.push(("canonical", Value::from(canonical)));
    members.push(("reason", Value::from(args.reason.as_str())));
    perform(session, "duplicate", members, &args.signing)
}

pub(super) fn merge(session: &Session, args: &MergeArgs) -> Result<Report> {
    let absorbed: Vec<Value> = args
        .absorbed
        .iter()
        .map(|ubin| Ok(Value::object(current(session, ubin)?.quoted())))
        .collect::<Result<_>>()?;
    let mut members = current(session, &args.ubin)?.quoted();
    members.push(("absorbed", Value::List(absorbed)));
    members.push(("date", Value::from(day(args.on.as_deref())?)));
    members.push(("reason", Value::from(args.reason.as_str())));
    perform(session, "merge", members, &args.signing)
}

pub(super) fn alias_add(session: &Session, args: &AliasArgs) -> Result<Report> {
    let members = vec![
        ("alias", Value::from(number(&args.alias)?)),
        ("ubin", Value::from(number(&args.ubin)?)),
    ];
    perform(session, "alias_add", members, &args.signing)
}
