//! Proofs of state, made from the tree and, for earlier heights, from the changes since.
//!
//! The root after height h stands in header h + 1. So what the tree holds can be proven once the next
//! block is decided. A block that changed state is followed by another at once; a proof that comes too
//! early waits for it, and what it needs of the tree is made inside [`Ledger::commit`], before the
//! tree moves on. The trees of earlier heights are gone: what stood then is proven by what changed
//! since (`titian_contracts::as_of`), of which none changes any more.

use std::sync::PoisonError;

use titian_contracts::as_of::{self, Gap, Past};
use titian_contracts::block::{Certificate, Header};
use titian_contracts::digest::Digest;
use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;
use titian_contracts::proof::{Entry, Evidence};
use titian_contracts::state::{Reader as _, Stored, tree_key};
use tokio::sync::oneshot;

use super::{Ledger, Proofs};
use crate::store::Store;

/// Proofs that may wait for the next block.
const WAITING_PROOFS_MAX: usize = 4_096;

/// State values with everything that proves them.
#[derive(Clone, Debug)]
pub struct StateProof {
    /// The height they hold for.
    pub height: u64,
    /// The values, absent ones included, in the order asked for.
    pub entries: Vec<Entry>,
    /// Path, header and certificate.
    pub evidence: Evidence,
}

/// A proof that waits for the next block.
pub(super) struct Waiting {
    keys: Vec<Vec<u8>>,
    /// The height asked for; `None` is the latest that can be proven.
    height: Option<u64>,
    answer: oneshot::Sender<Result<Made, Reject>>,
}

/// What is made while the tree stands still.
pub(super) enum Made {
    /// The path of all keys at a height whose tree stands, and what certifies its root.
    Whole { height: u64, path: Vec<u8>, header: Header, certificate: Certificate },
    /// Of an earlier height only the path of what still stands, under the root in this header; the
    /// rest does not change any more and is found without holding anybody up.
    Later { path: Vec<u8>, header: Header, certificate: Certificate },
}

/// A proof that is made, or will be by the next block.
enum Ready {
    Now(Box<Made>),
    Soon(oneshot::Receiver<Result<Made, Reject>>),
}

/// The database with a header that is not in it yet.
struct Seen<'a> {
    store: &'a Store,
    header: &'a Header,
    certificate: &'a Certificate,
}

impl Past for Seen<'_> {
    fn value(&self, key: &[u8], height: u64) -> Option<Stored> {
        self.store.value(key, height)
    }

    fn next(&self, key: &[u8], height: u64) -> Option<Stored> {
        self.store.next(key, height)
    }

    fn leaves(&self, height: u64) -> Option<Vec<Digest>> {
        self.store.leaves(height)
    }

    fn header(&self, height: u64) -> Option<(Header, Certificate)> {
        if height == self.header.height {
            return Some((self.header.clone(), self.certificate.clone()));
        }
        Past::header(self.store, height)
    }
}

impl Ledger {
    /// Proves state values, present and absent, at the latest height that can be proven and that
    /// includes every receipt given so far. May wait for the next block.
    ///
    /// Errors: `LIMIT_EXCEEDED` (too many keys), `BUSY`, `UNAVAILABLE` (the node stops).
    pub async fn prove(&self, keys: Vec<Vec<u8>>) -> Result<StateProof, Reject> {
        self.prove_for(keys, None).await
    }

    /// As [`Self::prove`], at exactly `height`. Waits for the next block where that is the head.
    ///
    /// Errors also: `HEIGHT_UNKNOWN`; `HEIGHT_PRUNED`, where the height or another that the proof
    /// needs is not kept.
    pub async fn prove_at(&self, height: u64, keys: Vec<Vec<u8>>) -> Result<StateProof, Reject> {
        self.state_at(height)?;
        self.prove_for(keys, Some(height)).await
    }

    /// As [`Self::prove_at`], for the many keys of a trust bundle.
    pub async fn prove_many(&self, height: u64, keys: Vec<Vec<u8>>) -> Result<StateProof, Reject> {
        self.state_at(height)?;
        if keys.is_empty() || keys.len() > limits::BUNDLE_OBJECTS_MAX {
            return Err(Reject::new(Code::LimitExceeded, "/keys", "1 to 100,000 keys"));
        }
        let (ledger, asked) = (self.clone(), keys.clone());
        // so many must not hold the threads that serve connections
        let ready = tokio::task::spawn_blocking(move || ledger.ready(&asked, Some(height)));
        let ready = ready.await.map_err(|_| fault())??;
        self.finish_proof(keys, Some(height), ready).await
    }

    async fn prove_for(
        &self,
        keys: Vec<Vec<u8>>,
        height: Option<u64>,
    ) -> Result<StateProof, Reject> {
        if keys.is_empty() || keys.len() > limits::PROOF_KEYS_MAX {
            return Err(Reject::new(Code::LimitExceeded, "/keys", "1 to 1,024 keys"));
        }
        let ready = self.ready(&keys, height)?;
        self.finish_proof(keys, height, ready).await
    }

    /// What the tree can give now, else a place in the queue for the next block.
    fn ready(&self, keys: &[Vec<u8>], height: Option<u64>) -> Result<Ready, Reject> {
        let proofs = self.0.proofs.read().unwrap_or_else(PoisonError::into_inner);
        let head = self.head();
        if proofs.since < head.height
            && height.is_none_or(|height| height < head.height)
            && let Some(header) = self.header(head.height)
            && let Some(certificate) = self.certificate(head.height)
        {
            let made = self.make(&proofs, &header, &certificate, keys, height)?;
            Ok(Ready::Now(Box::new(made)))
        } else {
            Ok(Ready::Soon(self.wait(keys.to_vec(), height)?))
        }
    }

    /// Adds the values, which do not change any more, without holding anybody up.
    async fn finish_proof(
        &self,
        keys: Vec<Vec<u8>>,
        height: Option<u64>,
        ready: Ready,
    ) -> Result<StateProof, Reject> {
        let made = match ready {
            Ready::Now(made) => *made,
            Ready::Soon(receiver) => receiver
                .await
                .map_err(|_| Reject::new(Code::Unavailable, "", "the node is stopping"))??,
        };
        let ledger = self.clone();
        let finished = tokio::task::spawn_blocking(move || match made {
            Made::Whole { height, path, header, certificate } => {
                let then = ledger.0.store.at_height(height);
                let entries = keys.into_iter().map(|key| {
                    let stored = then.get(&key);
                    Entry { key, stored }
                });
                let entries = entries.collect();
                let evidence = Evidence { path, header, certificate, as_of: None };
                Ok(StateProof { height, entries, evidence })
            }
            Made::Later { path, header, certificate } => {
                let height = height.unwrap_or_default();
                let past =
                    Seen { store: &ledger.0.store, header: &header, certificate: &certificate };
                let gathered = as_of::gather(&past, height, &keys, header.height, path);
                let (entries, evidence) = gathered.map_err(gap)?;
                Ok(StateProof { height, entries, evidence })
            }
        });
        finished.await.map_err(|_| fault())?
    }

    /// Waits for the next block.
    fn wait(
        &self,
        keys: Vec<Vec<u8>>,
        height: Option<u64>,
    ) -> Result<oneshot::Receiver<Result<Made, Reject>>, Reject> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_PROOFS_MAX {
            return Err(Reject::new(Code::Busy, "", "too many proofs wait; retryAfterMs=500"));
        }
        let (answer, receiver) = oneshot::channel();
        waiting.push(Waiting { keys, height, answer });
        Ok(receiver)
    }

    /// A proof for `height`, else for the parent of `header`, which carries the tree's root.
    fn make(
        &self,
        proofs: &Proofs,
        header: &Header,
        certificate: &Certificate,
        keys: &[Vec<u8>],
        height: Option<u64>,
    ) -> Result<Made, Reject> {
        let height = height.unwrap_or(header.height - 1);
        let past = Seen { store: &self.0.store, header, certificate };
        if height < proofs.since {
            let standing = as_of::standing(&past, height, keys, header.height);
            let path =
                if standing.is_empty() { Vec::new() } else { proofs.tree.prove(&standing).0 };
            let (header, certificate) = (header.clone(), certificate.clone());
            return Ok(Made::Later { path, header, certificate });
        }
        let pruned = || Reject::new(Code::HeightPruned, "/height", "");
        let (header, certificate) = past.header(height + 1).ok_or_else(pruned)?;
        let tree_keys: Vec<Digest> = keys.iter().map(|key| tree_key(key)).collect();
        let path = proofs.tree.prove(&tree_keys).0;
        Ok(Made::Whole { height, path, header, certificate })
    }

    /// Makes what waits for this header, before the tree moves on.
    pub(super) fn answer_waiting(
        &self,
        proofs: &Proofs,
        header: &Header,
        certificate: &Certificate,
    ) {
        let waiting = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        for Waiting { keys, height, answer } in waiting {
            let made = self.make(proofs, header, certificate, &keys, height);
            // the caller may have gone away
            let _ = answer.send(made);
        }
    }
}

fn fault() -> Reject {
    Reject::new(Code::Unavailable, "", "a fault")
}

/// Why a proof of an earlier height cannot be made, in the terms of the interface.
fn gap(gap: Gap) -> Reject {
    match gap {
        Gap::Height(_) => {
            let detail = "a change that the proof needs is older than what is kept";
            Reject::new(Code::HeightPruned, "/height", detail)
        }
        Gap::Headers => {
            let detail = "the proof would need more than 256 headers; ask for fewer values";
            Reject::new(Code::LimitExceeded, "", detail)
        }
        Gap::Absence => {
            let detail = "what was not there yet at an earlier height cannot be proven here";
            Reject::new(Code::NotBuilt, "/proof", detail)
        }
    }
}
