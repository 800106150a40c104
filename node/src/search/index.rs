//! What an index of names can do. [`open`] gives the one there is.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use titian_contracts::digest::Digest;
use titian_contracts::ubin::public_name::PublicName;
use titian_contracts::ubin::vocabulary::{Category, Status};

use super::document::Document;
use super::engine::TantivyIndex;

/// Why an index cannot be used: damaged, foreign, or the disk failed. It can always be made anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("name index: {0}")]
pub struct IndexError(pub String);

/// Which records count. An empty set asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// States.
    pub countries: BTreeSet<String>,
    /// Scheme codes.
    pub schemes: BTreeSet<String>,
    /// Categories.
    pub categories: Vec<Category>,
    /// Shown statuses.
    pub statuses: Vec<Status>,
    /// Live records only, or only those that are not.
    pub live: Option<bool>,
}

impl Filter {
    /// Whether it lets numbers of a scheme through.
    pub fn admits_scheme(&self, cc: &str, scheme: &str) -> bool {
        (self.countries.is_empty() || self.countries.contains(cc))
            && (self.schemes.is_empty() || self.schemes.contains(scheme))
    }

    /// Whether it lets a record with these properties through.
    pub fn admits(&self, category: Category, status: Status, live: bool) -> bool {
        (self.categories.is_empty() || self.categories.contains(&category))
            && (self.statuses.is_empty() || self.statuses.contains(&status))
            && self.live.is_none_or(|wanted| wanted == live)
    }
}

/// What candidates must share with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Some of the rarest grams of these keys.
    Alike(&'a [&'a str]),
    /// Names that begin with this key.
    Begins(&'a str),
}

/// A record that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its UBIN, canonical.
    pub ubin: String,
    /// Its names.
    pub names: Vec<PublicName>,
}

/// An index of names. Readers and one writer at a time may share it.
pub trait NameIndex: Send + Sync + fmt::Debug {
    /// The height up to which it has all names, as of the last [`Self::commit`]; `None` if it was
    /// never filled.
    fn height(&self) -> Option<u64>;

    /// How many records it holds.
    fn records(&self) -> u64;

    /// The records that share most with a query, at most `limit`, best first; equal ones by UBIN.
    /// The order depends on what the index holds, not on how it came to hold it.
    fn candidates(
        &self,
        wanted: Wanted<'_>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Candidate>, IndexError>;

    /// Puts documents in place of those of the same UBIN; `None` takes one out. Nobody sees it
    /// before [`Self::commit`]; until then a UBIN may be put once.
    fn put(&self, changes: Vec<(String, Option<Document>)>) -> Result<(), IndexError>;

    /// Writes what was put, synced, as the index of `height`, and shows it to readers.
    fn commit(&self, height: u64) -> Result<(), IndexError>;

    /// Puts everything into as few files as it takes.
    fn compact(&self) -> Result<(), IndexError>;
}

/// Opens the index of the ledger of `genesis` in `folder`. An error means that it must be made anew:
/// there is none, it is damaged, of another ledger, or of another format.
pub fn open(folder: &Path, genesis: &Digest) -> Result<Arc<dyn NameIndex>, IndexError> {
    Ok(Arc::new(TantivyIndex::open(folder, genesis)?))
}

/// An empty index in `folder`, in place of what was there, ready to take many names at once.
pub fn create(folder: &Path, genesis: &Digest) -> Result<Arc<dyn NameIndex>, IndexError> {
    Ok(Arc::new(TantivyIndex::create(folder, genesis)?))
}
