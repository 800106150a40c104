//! What the verifier may ask the ledger: state at one height, live or from a bundle.
//!
//! Invariant: "absent" and "not known here" are different answers; the second never becomes a
//! pass. It deliberately offers no search and no network.

use std::cell::Cell;

use borsh::BorshDeserialize;
use titian_contracts::digest::Digest;
use titian_contracts::state::{Reader, Stored, decode_content};

/// An answer that may be missing from what is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// The answer.
    Known(T),
    /// Not in this bundle.
    Unknown,
}

/// Where trust facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This node's own finalised state.
    Live,
    /// A proven bundle.
    Bundle,
}

impl Source {
    /// The name in a verdict.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Bundle => "bundle",
        }
    }
}

/// The state a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The chain id.
    pub chain: String,
    /// Whether genesis marks the network as a sandbox.
    pub sandbox: bool,
    /// The height of the state.
    pub height: u64,
    /// The block of that height.
    pub block_id: Digest,
    /// Its block time, ms.
    pub time_ms: u64,
    /// Where it comes from.
    pub source: Source,
    /// `LOCAL_STATE`, `OK`, or the code of what is wrong with the bundle's proof.
    pub proof_code: &'static str,
}

/// State at one height.
pub trait Snapshot {
    /// The value under a logical key.
    fn get(&self, key: &[u8]) -> Known<Option<Stored>>;
    /// What the state is, and how it is proven.
    fn trust(&self) -> &Trust;
}

/// A typed value. What does not decode is as good as unknown.
pub fn read<T: BorshDeserialize>(snapshot: &dyn Snapshot, key: &[u8]) -> Known<Option<T>> {
    match snapshot.get(key) {
        Known::Unknown => Known::Unknown,
        Known::Known(None) => Known::Known(None),
        Known::Known(Some(stored)) => match decode_content(&stored.content) {
            Some(value) => Known::Known(Some(value)),
            None => Known::Unknown,
        },
    }
}

/// A node's own state at its head.
pub struct Live<'a> {
    reader: &'a dyn Reader,
    trust: Trust,
}

impl std::fmt::Debug for Live<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl<'a> Live<'a> {
    /// State read through `reader`, as of `height`.
    pub fn new(
        reader: &'a dyn Reader,
        chain: &str,
        sandbox: bool,
        height: u64,
        block_id: Digest,
        time_ms: u64,
    ) -> Self {
        let trust = Trust {
            chain: chain.to_owned(),
            sandbox,
            height,
            block_id,
            time_ms,
            source: Source::Live,
            proof_code: "LOCAL_STATE",
        };
        Self { reader, trust }
    }
}

impl Snapshot for Live<'_> {
    fn get(&self, key: &[u8]) -> Known<Option<Stored>> {
        Known::Known(self.reader.get(key))
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// A snapshot as a [`Reader`], for functions of the ledger's rules; notes whether an answer was
/// missing.
pub struct AsReader<'a> {
    snapshot: &'a dyn Snapshot,
    missed: Cell<bool>,
}

impl std::fmt::Debug for AsReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsReader").field("missed", &self.missed).finish_non_exhaustive()
    }
}

impl<'a> AsReader<'a> {
    /// Reads through `snapshot`.
    pub const fn new(snapshot: &'a dyn Snapshot) -> Self {
        Self { snapshot, missed: Cell::new(false) }
    }

    /// Whether something that was asked for is not known here.
    pub const fn missed(&self) -> bool {
        self.missed.get()
    }
}

impl Reader for AsReader<'_> {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        match self.snapshot.get(key) {
            Known::Known(value) => value,
            Known::Unknown => {
                self.missed.set(true);
                None
            }
        }
    }
}
