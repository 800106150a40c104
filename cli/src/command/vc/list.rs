//! Status lists: opening, changing, and the entries of credentials in them.

use serde_json::Value as Json;
use titian_api::call;
use titian_api::vc::StatusListParams;
use titian_contracts::credential::REASONS;
use titian_contracts::json::Value;

use super::{DAY_MS, counts, perform, texts};
use crate::act::{SigningArgs, now_ms};
use crate::document;
use crate::error::Result;
use crate::output::Report;
use crate::session::Session;
use crate::wallet::KeyRef;

/// How long a list serves if nothing else is said, days: a credential of the longest type, 1,827, has
/// an entry in it a year later still.
pub(super) const LIST_DAYS: u64 = 2_192;

/// Arguments of `list_create`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListCreateArgs {
    /// The issuer
    owner: KeyRef,
    /// revocation, suspension, refresh, use, token or message
    #[arg(long, value_name = "PROFILE")]
    profile: String,
    /// Type of credential; repeat it
    #[arg(long = "type", required = true, value_name = "TYPE")]
    types: Vec<String>,
    /// Number of entries, a power of two
    #[arg(long, default_value_t = 131_072, value_name = "N")]
    entries: u64,
    /// Bits of an entry [default: of token and use 2, of others 1]
    #[arg(long, value_name = "BITS")]
    size: Option<u64>,
    /// How long it serves, in days from now: no credential with an entry may be valid later
    #[arg(long, default_value_t = LIST_DAYS, value_name = "DAYS")]
    days: u64,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A change of a list entry.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The entry.
    pub(super) index: u64,
    /// The value it has.
    pub(super) old: u64,
    /// The value it gets.
    pub(super) new: u64,
    /// Why, by number.
    pub(super) reason: u64,
}

impl Change {
    fn to_value(&self) -> Value {
        let numbers = [self.index, self.old, self.new, self.reason];
        Value::List(numbers.map(Value::from).to_vec())
    }
}

/// Reads `index:old:new[:reason]`.
pub(super) fn change(text: &str) -> std::result::Result<Change, String> {
    let usage = || "a change is index:old:new or index:old:new:reason".to_owned();
    let mut parts = text.split(':');
    let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(usage);
    let (index, old, new) = (number()?, number()?, number()?);
    let reason = match parts.next() {
        None => 0,
        Some(name) => reason_number(name).ok_or_else(usage)?,
    };
    Ok(Change { index, old, new, reason })
}

/// The number of a reason: its place in the list plus one, 0 is not stated.
pub(crate) fn reason_number(name: &str) -> Option<u64> {
    REASONS.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

/// `list_create`.
pub(super) fn list_create(session: &Session, args: &ListCreateArgs) -> Result<Report> {
    let owner = &args.owner.party;
    let (_, lists) = counts(session, owner)?;
    let next = (lists.len() as u64).saturating_add(1);
    let until = now_ms().saturating_add(args.days.saturating_mul(DAY_MS));
    // values 2 and 3 have a meaning there
    let usual = if ["token", "use"].contains(&args.profile.as_str()) { 2 } else { 1 };
    let shape = (args.size.unwrap_or(usual), args.entries);
    let arguments = list_args(owner, next, &args.profile, &args.types, shape, until);
    perform(session, "list_create", arguments, &args.signing)
}

/// The arguments of `list_create`; `shape` is bits of an entry and number of entries.
pub(crate) fn list_args(
    owner: &str,
    n: u64,
    profile: &str,
    types: &[String],
    shape: (u64, u64),
    until_ms: u64,
) -> Value {
    Value::object([
        ("entries", Value::from(shape.1)),
        ("n", Value::from(n)),
        ("owner", Value::from(owner)),
        ("profile", Value::from(profile)),
        ("statusSize", Value::from(shape.0)),
        ("types", texts(types)),
        ("untilMs", Value::from(until_ms)),
    ])
}

/// Profile and version of a list.
pub(crate) fn list_state(session: &Session, list: &str) -> Result<(String, u64)> {
    let params = StatusListParams { list: list.to_owned(), ..StatusListParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::VcStatusList>(&params)?);
    let version = answer.get("version").and_then(Json::as_u64).unwrap_or(0);
    Ok((document::text(&answer, "/profile").unwrap_or_default().to_owned(), version))
}

/// `list_set` on the present version.
pub(super) fn list_set(
    session: &Session,
    list: &str,
    changes: &[Change],
    signing: &SigningArgs,
) -> Result<Report> {
    let (_, version) = list_state(session, list)?;
    let args = Value::object([
        ("changes", Value::List(changes.iter().map(Change::to_value).collect())),
        ("list", Value::from(list)),
        ("version", Value::from(version)),
    ]);
    perform(session, "list_set", args, signing)
}
