//! Proofs of answers: the state keys that an answer was read from, proven at the height of the
//! answer as a bundle of kind `ledger-state`.

use std::cell::RefCell;
use std::collections::BTreeSet;

use titian_api::{Object, Refusal};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::state::{Reader, Stored};

use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, prove};

/// Notes the keys that an answer is read from.
pub(super) struct Noted<'a> {
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
    pub(super) const fn new(at: &'a At) -> Self {
        Self { at, keys: RefCell::new(BTreeSet::new()) }
    }

    /// What was read.
    pub(super) fn finish(self) -> Read {
        Read { height: self.at.height, keys: self.keys.into_inner().into_iter().collect() }
    }
}

/// Keys and the height as of which they were read.
pub(super) struct Read {
    pub(super) height: u64,
    pub(super) keys: Vec<Vec<u8>>,
}

/// The height to read for an answer that is proven: that asked for, else the latest whose root is
/// certified, or will be by the next block, which comes at once after one that changed state.
pub(super) fn height(state: &State, asked: Option<u64>) -> u64 {
    let head = state.ledger().head();
    asked.unwrap_or_else(|| if head.changed { head.height } else { head.height.saturating_sub(1) })
}

/// The bundle of what was read.
pub(super) async fn of_keys(state: &State, read: Read) -> Answer<Object> {
    if read.keys.len() > limits::PROOF_KEYS_MAX {
        let detail = "the answer rests on more than 1,024 state values; ask for vc_bundle";
        return Err(Refusal::new(Code::LimitExceeded, "/proof", detail));
    }
    prove::keys_at(state, read.keys, read.height).await
}
