//! The status of credentials: showing it, and changing it.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::vc::StatusParams;
use titian_contracts::credential::{Profile, REASONS};
use titian_credential::status::code_of;

use super::super::ledger::write_bundle;
use super::entry::{self, Entry};
use super::list::{Change, list_set, reason_number};
use crate::act::SigningArgs;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

/// A change of status.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// The credential, its id if it was issued here, or list#index
    credential: String,
    /// ceased, superseded, privilege, misconduct, compromise, court; not for data of persons
    #[arg(long, value_name = "REASON", value_parser = REASONS)]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `titian vc status`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The credential, its id if it was issued here, or list#index
    credential: String,
    /// As of this height
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// Write a proof of the answer; of the entry for revocation
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
}

/// What is done to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// For good.
    Revoke,
    /// Until it is reinstated.
    Suspend,
    /// Ends a suspension.
    Reinstate,
    /// A newer credential is there; this one still counts.
    Refresh,
}

impl Verb {
    const fn profiles(self) -> [Profile; 2] {
        match self {
            Self::Revoke => [Profile::Revocation, Profile::Token],
            Self::Suspend | Self::Reinstate => [Profile::Suspension, Profile::Token],
            Self::Refresh => [Profile::Refresh, Profile::Refresh],
        }
    }

    /// The value that the entry gets.
    const fn value(self, profile: Profile) -> u64 {
        match (self, profile) {
            (Self::Revoke | Self::Refresh, _) | (Self::Suspend, Profile::Suspension) => 1,
            (Self::Suspend, _) => 2,
            (Self::Reinstate, _) => 0,
        }
    }
}

/// Revokes, suspends, reinstates or marks as outdated.
pub(super) fn change(session: &Session, verb: Verb, args: &ChangeArgs) -> Result<Report> {
    let entry = entry::one(session, &args.credential, &verb.profiles())?;
    set(session, verb, &entry, args.reason.as_deref(), &args.signing)
}

/// Sets one entry.
pub(super) fn set(
    session: &Session,
    verb: Verb,
    entry: &Entry,
    reason: Option<&str>,
    signing: &SigningArgs,
) -> Result<Report> {
    let old = value_of(session, entry, None)?;
    let new = verb.value(entry.profile);
    if old == new || (verb == Verb::Reinstate && entry.profile == Profile::Token && old != 2) {
        return Err(CommandError::refused(format!(
            "{}#{} is {} already",
            entry.list,
            entry.index,
            word(entry.profile, old)
        ))
        .named("STATUS_CONFLICT"));
    }
    let reason = reason.and_then(reason_number).unwrap_or(0);
    let change = Change { index: entry.index, old, new, reason };
    list_set(session, &entry.list, &[change], signing)
}

/// Whether an entry has the value that a change gives it.
pub(super) fn stands(session: &Session, verb: Verb, entry: &Entry) -> Result<bool> {
    Ok(value_of(session, entry, None)? == verb.value(entry.profile))
}

/// The value of an entry.
fn value_of(session: &Session, entry: &Entry, height: Option<u64>) -> Result<u64> {
    let answer = ask(session, entry, height, false)?;
    answer
        .get("value")
        .and_then(Json::as_u64)
        .ok_or_else(|| CommandError::refused("the node does not tell the value of the entry"))
}

/// What the node says about an entry.
pub(super) fn ask(
    session: &Session,
    entry: &Entry,
    height: Option<u64>,
    proof: bool,
) -> Result<Json> {
    let params = StatusParams { list: entry.list.clone(), index: entry.index, height, proof };
    Ok(Json::Object(session.client()?.ask::<call::VcStatus>(&params)?))
}

/// What a value means, in one word.
pub(super) fn word(profile: Profile, value: u64) -> &'static str {
    let value = u8::try_from(value).unwrap_or(u8::MAX);
    match code_of(profile, value) {
        None if profile == Profile::Use => "issued",
        None => "valid",
        Some("REVOKED") => "revoked",
        Some("SUSPENDED") => "suspended",
        Some("REFRESH_ADVISED") => "outdated",
        Some("USE_LODGED") => "lodged",
        Some("USE_UTILISED") => "utilised",
        Some("USE_CANCELLED") => "cancelled",
        Some(other) => other,
    }
}

/// `titian vc status`.
pub(super) fn show(session: &Session, args: &ShowArgs) -> Result<Report> {
    let mut entries = entry::all(session, &args.credential)?;
    // what ends a credential comes first
    entries.sort_by_key(|entry| match entry.profile {
        Profile::Revocation | Profile::Token => 0,
        Profile::Use => 1,
        Profile::Suspension => 2,
        _ => 3,
    });
    let (mut lines, mut shown) = (Vec::new(), Vec::new());
    let mut bundle = None;
    for (i, entry) in entries.iter().enumerate() {
        let proof = i == 0 && args.proof.is_some();
        let mut answer = ask(session, entry, args.at, proof)?;
        if let Some(members) = answer.as_object_mut() {
            bundle = bundle.or(members.remove("proof").filter(|proof| !proof.is_null()));
            members.insert("profile".to_owned(), json!(entry.profile.name()));
        }
        lines.push(line(entry, &answer));
        shown.push(answer);
    }
    if let Some(path) = args.proof.as_deref() {
        lines.push(write_proof(path, bundle)?);
    }
    let mut json = shown.first().cloned().unwrap_or_default();
    if let Some(members) = json.as_object_mut() {
        members.insert("entries".to_owned(), Json::Array(shown));
    }
    Ok(Report::new(lines.join("\n"), json))
}

fn line(entry: &Entry, answer: &Json) -> String {
    let value = answer.get("value").and_then(Json::as_u64).unwrap_or(0);
    let height = answer.pointer("/asOf/height").map_or_else(String::new, Json::to_string);
    let since = answer.get("since").filter(|since| !since.is_null());
    let since = since.map_or_else(String::new, |since| format!(", since height {since}"));
    format!(
        "{}#{}: {} (value {value}) as of height {height}{since}",
        entry.list,
        entry.index,
        word(entry.profile, value)
    )
}

fn write_proof(path: &Path, bundle: Option<Json>) -> Result<String> {
    let bundle = bundle.ok_or_else(|| CommandError::refused("the node gave no proof"))?;
    write_bundle(path, bundle)
}
