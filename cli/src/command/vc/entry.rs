//! Which status entries a word on the command line stands for: `list#index`, a credential in any
//! form, or the id of one that was issued here.

use std::path::Path;

use titian_contracts::credential::{NumberedId, Profile, parse_index};
use titian_credential::form;
use titian_credential::status::references;

use super::super::verify::input::{self, Input};
use super::bare;
use super::list::list_state;
use crate::error::{CommandError, Result};
use crate::issued::Issued;
use crate::session::Session;

/// An entry of a status list on the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The list, `SG:ACRA/status/1`.
    pub(crate) list: String,
    /// The entry.
    pub(crate) index: u64,
    /// What the list tells.
    pub(crate) profile: Profile,
}

/// The entries of a credential. At least one.
pub(super) fn all(session: &Session, credential: &str) -> Result<Vec<Entry>> {
    if let Some((list, index)) = direct(credential) {
        let profile = profile_of(session, &list)?;
        return Ok(vec![Entry { list, index, profile }]);
    }
    let found = match remembered(session, credential)? {
        Some(entries) => entries,
        None => of_text(session, credential)?,
    };
    if found.is_empty() {
        return Err(CommandError::usage("the credential has no status entry on the ledger")
            .named("STATUS_NONE"));
    }
    Ok(found)
}

/// The entry that tells what is asked for.
pub(super) fn one(session: &Session, credential: &str, wanted: &[Profile]) -> Result<Entry> {
    let entries = all(session, credential)?;
    let found = entries.into_iter().find(|entry| wanted.contains(&entry.profile));
    found.ok_or_else(|| {
        let mut names: Vec<&str> = wanted.iter().map(|profile| profile.name()).collect();
        names.dedup();
        CommandError::usage(format!(
            "the credential has no status entry for {}",
            names.join(" or ")
        ))
        .named("STATUS_NONE")
    })
}

fn direct(text: &str) -> Option<(String, u64)> {
    let (list, index) = bare(text).split_once('#')?;
    NumberedId::parse(list, "status").map(|_| ())?;
    Some((list.to_owned(), parse_index(index)?))
}

/// The entries of a credential that was issued here, by its id.
fn remembered(session: &Session, id: &str) -> Result<Option<Vec<Entry>>> {
    let wallet = session.wallet_path()?;
    if Path::new(id).exists() || !id.contains(':') || !wallet.exists() {
        return Ok(None);
    }
    let mut issued = Issued::open(&wallet, session.chain()?)?;
    let Some(record) = issued.network().credentials.get(id) else { return Ok(None) };
    let entry = |slot: &crate::issued::Slot| {
        let profile = Profile::parse(&slot.profile)?;
        Some(Entry { list: slot.list.clone(), index: slot.index, profile })
    };
    Ok(Some(record.status.iter().filter_map(entry).collect()))
}

/// The entries that a credential states.
fn of_text(session: &Session, argument: &str) -> Result<Vec<Entry>> {
    if argument.starts_with("urn:") {
        return Err(CommandError::usage(format!("{argument} was not issued from this wallet"))
            .hint("name its file, or list#index")
            .hint("what a node issued is revoked there: vc_setStatus, vc_erase"));
    }
    let Input::Credential(text) = input::read(argument)? else {
        return Err(CommandError::usage(format!("{argument} is no credential")));
    };
    of_credential(session, &text)
}

/// The entries of a credential at hand that are on the ledger.
pub(crate) fn of_credential(session: &Session, text: &str) -> Result<Vec<Entry>> {
    let reading = form::read(text.as_bytes())
        .map_err(|fault| CommandError::usage("not a credential").named(fault.code))?;
    let mut entries = Vec::new();
    for reference in references(&reading).into_iter().flatten() {
        let Some(list) = reference.list.strip_prefix("did:ubin:") else { continue };
        let profile = profile_of(session, list)?;
        entries.push(Entry { list: list.to_owned(), index: reference.index, profile });
    }
    Ok(entries)
}

fn profile_of(session: &Session, list: &str) -> Result<Profile> {
    let (name, _) = list_state(session, list)?;
    Profile::parse(&name)
        .ok_or_else(|| CommandError::refused(format!("{list} is of an unknown profile {name}")))
}
