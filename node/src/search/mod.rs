//! Name search: an index of public names beside the ledger (ubin-api.md §8).
//!
//! Invariant: the index is derived and local. It follows committed blocks, is never asked by a
//! rule, and never holds a block up: whoever loses it gets the same one back from the database.
//! What a height says of itself holds: an index at height h has all names up to h.
//!
//! - [`index`] says what an index is, `engine` is the one there is and the only place that names
//!   tantivy;
//! - [`document`] takes the names out of a record, [`query`] ranks what the index finds;
//! - `follow` keeps the index with the ledger, [`build`] makes it anew.
//!
//! It deliberately knows no proofs and no answers: those are `rpc`'s.

pub mod build;
pub mod document;
mod engine;
mod follow;
pub mod index;
pub mod query;

use std::path::PathBuf;
use std::sync::Arc;

use titian_contracts::error::{Code, Reject};
use titian_contracts::ubin::name_key::forms::LegalForms;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ledger::Ledger;
use index::NameIndex;
use query::{Found, Query};

/// A handle to the search of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Search(Option<Arc<Shared>>);

/// What the task that follows the ledger shares with those who search.
#[derive(Debug)]
struct Shared {
    /// `None` while the index is being opened or made.
    open: watch::Sender<Option<Open>>,
    forms: LegalForms,
}

/// An index that is at least at a height.
#[derive(Clone, Debug)]
struct Open {
    index: Arc<dyn NameIndex>,
    height: u64,
}

/// The task that keeps the index with the ledger. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Search {
    /// No index is kept; every query is `UNAVAILABLE`.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Keeps an index of `ledger` in `folder`. Needs a tokio runtime; returns at once.
    pub fn start(ledger: Ledger, folder: PathBuf) -> (Self, Running) {
        let shared =
            Arc::new(Shared { open: watch::channel(None).0, forms: LegalForms::genesis() });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(follow::run(ledger, folder, Arc::clone(&shared), stopped));
        (Self(Some(shared)), Running { stop, task })
    }

    /// The records whose names are like the query, best first, and the height that the index is at
    /// least at. Reads much: not for the threads that serve connections.
    ///
    /// Errors: `QUERY_LENGTH`; `UNAVAILABLE` while there is no index.
    pub fn find(&self, query: &Query) -> Result<Found, Reject> {
        let off = || unavailable("this node keeps no index of names");
        let shared = self.0.as_ref().ok_or_else(off)?;
        let keys = query::keys(&shared.forms, query)?;
        let open = shared.open.borrow().clone();
        let open = open.ok_or_else(|| {
            unavailable("the index of names is being opened or made; retryAfterMs=1000")
        })?;
        query::find(open.index.as_ref(), &shared.forms, query, &keys, open.height)
    }

    /// Waits until the index has all names up to a height; never, if none is kept.
    pub async fn reached(&self, height: u64) {
        let reached = |open: &Option<Open>| open.as_ref().is_some_and(|open| open.height >= height);
        match &self.0 {
            // the sender lives in `self`
            Some(shared) => drop(shared.open.subscribe().wait_for(reached).await),
            None => std::future::pending().await,
        }
    }
}

impl Shared {
    /// Never back: a queue may still hold blocks that the database had already told of.
    fn raise(&self, height: u64) {
        self.open.send_if_modified(|open| match open {
            Some(open) if open.height < height => {
                open.height = height;
                true
            }
            _ => false,
        });
    }

    fn height(&self) -> u64 {
        self.open.borrow().as_ref().map_or(0, |open| open.height)
    }
}

impl Running {
    /// Stops following; what is indexed by now is on disk when this returns.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task of the name index failed; this is a bug");
        }
    }
}

fn unavailable(detail: &str) -> Reject {
    Reject::new(Code::Unavailable, "", detail)
}
