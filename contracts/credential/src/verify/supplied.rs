//! What the caller holds and hands over: receipts, documents, signed lists, bytes of resources.
//!
//! Invariant: nothing counts for being handed over: a receipt needs its anchor, a list its owner's
//! signature (S16), bytes the digest that a credential states. Nothing is ever fetched to complete it.

use serde_json::Value;
use titian_contracts::limits;

use crate::anchor::Receipt;
use crate::did::method::WebCache;
use crate::form;
use crate::jose::Jws;
use crate::model;
use crate::status::signed::TOKEN_TYP;

/// Material that the caller holds.
#[derive(Clone, Debug, Default)]
pub struct Supplied {
    /// Anchor receipts.
    pub receipts: Vec<Receipt>,
    /// Cached `did:web` documents.
    pub did_web: WebCache,
    /// Signed status lists.
    pub lists: Vec<SuppliedList>,
    /// Related resources and schemas: URL and bytes.
    pub resources: Vec<(String, Vec<u8>)>,
}

/// A signed status list that somebody fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppliedList {
    /// The URL that credentials name.
    pub url: String,
    /// A BitstringStatusListCredential in any form, or a status list token.
    pub text: String,
    /// When it was fetched, ms.
    pub fetched_ms: u64,
}

/// Why something that was handed over is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SupplyError {
    /// More lists or resources than are taken.
    #[error(
        "at most {} status lists and {} resources",
        limits::SUPPLIED_LISTS_MAX,
        limits::SUPPLIED_RESOURCES_MAX
    )]
    TooMany,
    /// A list larger than a credential or token may be, or too much in all.
    #[error(
        "a list may be as large as a credential or token; lists and resources have {} bytes in all",
        limits::SUPPLIED_BYTES_MAX
    )]
    TooLarge,
    /// Neither a BitstringStatusListCredential nor a status list token.
    #[error("no signed status list that names itself")]
    NoList,
    /// The URL is empty or too long.
    #[error("a URL of 1 to {} bytes is expected", limits::SUPPLIED_URL_BYTES_MAX)]
    NoUrl,
    /// The same list or resource twice: which one counts would be anybody's guess.
    #[error("given twice")]
    Twice,
}

impl SupplyError {
    /// Whether a limit was passed; else the input is wrong.
    pub const fn is_limit(self) -> bool {
        matches!(self, Self::TooMany | Self::TooLarge)
    }
}

impl Supplied {
    /// Adds a signed status list that was fetched at `fetched_ms`. Its own `id` or `sub` tells which
    /// list it is; its signature is judged with the credentials that name it.
    pub fn add_list(&mut self, text: String, fetched_ms: u64) -> Result<(), SupplyError> {
        if self.lists.len() >= limits::SUPPLIED_LISTS_MAX {
            return Err(SupplyError::TooMany);
        }
        self.make_room(text.len())?;
        let url = list_id(&text)?;
        check_url(&url)?;
        if self.lists.iter().any(|known| known.url == url) {
            return Err(SupplyError::Twice);
        }
        self.lists.push(SuppliedList { url, text, fetched_ms });
        Ok(())
    }

    /// Adds the bytes of a related resource, or of a schema.
    pub fn add_resource(&mut self, url: &str, bytes: Vec<u8>) -> Result<(), SupplyError> {
        if self.resources.len() >= limits::SUPPLIED_RESOURCES_MAX {
            return Err(SupplyError::TooMany);
        }
        check_url(url)?;
        self.make_room(bytes.len())?;
        if self.resources.iter().any(|(known, _)| known == url) {
            return Err(SupplyError::Twice);
        }
        self.resources.push((url.to_owned(), bytes));
        Ok(())
    }

    fn make_room(&self, more: usize) -> Result<(), SupplyError> {
        let lists = self.lists.iter().map(|list| list.text.len());
        let held: usize = lists.chain(self.resources.iter().map(|(_, bytes)| bytes.len())).sum();
        let fits = held.saturating_add(more) <= limits::SUPPLIED_BYTES_MAX;
        if fits { Ok(()) } else { Err(SupplyError::TooLarge) }
    }
}

fn check_url(url: &str) -> Result<(), SupplyError> {
    let fits = (1..=limits::SUPPLIED_URL_BYTES_MAX).contains(&url.len());
    if fits { Ok(()) } else { Err(SupplyError::NoUrl) }
}

/// Which list a text is of, by its own statement.
fn list_id(text: &str) -> Result<String, SupplyError> {
    let named = |value: Option<&Value>| {
        value.and_then(Value::as_str).map(str::to_owned).ok_or(SupplyError::NoList)
    };
    if let Ok(token) = Jws::parse(text.trim())
        && token.typ() == TOKEN_TYP
    {
        return named(token.payload.get("sub"));
    }
    let reading = form::read(text.as_bytes()).map_err(|fault| match fault.code {
        "TOO_LARGE" => SupplyError::TooLarge,
        _ => SupplyError::NoList,
    })?;
    let types = reading.document.get("type").map(model::items).unwrap_or_default();
    if !types.iter().any(|name| name == "BitstringStatusListCredential") {
        return Err(SupplyError::NoList);
    }
    named(reading.document.get("id"))
}
