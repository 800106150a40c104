//! Proofs of answers: the state keys that an answer was read from, proven at the height of the
//! answer as a bundle of kind `ledger-state`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use titian_api::{Object, Refusal};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::state::{Reader, Stored};

use crate::rpc::at::At;
use crate::rpc::methods::{Answer, blocking};
use crate::rpc::{State, prove};

/// Notes the keys that an answer is read from.
pub(in crate::rpc) struct Noted<'a> {
    at: &'a At,
    keys: RefCell<BTreeSet<Vec<u8>>>,
}

impl Reader for Noted<'_> {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        self.keys.borrow_mut().insert(key.to_vec());
        self.at.reader.get(key)
    }
}

impl<'a> Noted<'a> {
    pub(in crate::rpc) const fn new(at: &'a At) -> Self {
        Self { at, keys: RefCell::new(BTreeSet::new()) }
    }

    /// What was read.
    pub(in crate::rpc) fn finish(self) -> Read {
        Read { height: self.at.height, keys: self.keys.into_inner().into_iter().collect() }
    }
}

/// Keys and the height as of which they were read.
pub(in crate::rpc) struct Read {
    pub(in crate::rpc) height: u64,
    pub(in crate::rpc) keys: Vec<Vec<u8>>,
}

/// The height to read for an answer that is proven: that asked for, else the latest whose root is
/// certified, or will be by the next block, which comes at once after one that changed state.
pub(in crate::rpc) fn height(state: &State, asked: Option<u64>) -> u64 {
    let head = state.ledger().head();
    asked.unwrap_or_else(|| if head.changed { head.height } else { head.height.saturating_sub(1) })
}

/// An answer read from state, away from the threads that serve connections, with its proof if one is
/// asked for.
pub(in crate::rpc) async fn answer(
    state: &Arc<State>,
    (height, proof): (Option<u64>, bool),
    read: impl FnOnce(&State, &At, &Noted<'_>) -> Answer<Object> + Send + 'static,
) -> Answer<Object> {
    let height = if proof { Some(self::height(state, height)) } else { height };
    let reader = Arc::clone(state);
    let (mut shown, noted) = blocking(move || {
        let at = At::height(&reader, height)?;
        let noted = Noted::new(&at);
        let shown = read(&reader, &at, &noted)?;
        Ok((at.stamp(shown), noted.finish()))
    })
    .await?;
    if proof && !noted.keys.is_empty() {
        shown.insert("proof".to_owned(), Value::Object(of_keys(state, noted).await?));
    }
    Ok(shown)
}

/// The bundle of what was read.
pub(in crate::rpc) async fn of_keys(state: &State, read: Read) -> Answer<Object> {
    if read.keys.len() > limits::PROOF_KEYS_MAX {
        let detail = "the answer rests on more than 1,024 state values; ask for vc_bundle";
        return Err(Refusal::new(Code::LimitExceeded, "/proof", detail));
    }
    prove::keys_at(state, read.keys, read.height).await
}
