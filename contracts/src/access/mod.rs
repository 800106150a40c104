//! The access register: who may sign what, and with which key at which height (ledger.md §7).
//!
//! Invariants: I-A1 no act of AMS X is authorised by keys of another. I-A2 a revoked key
//! authorises nothing from the next height. I-A3 each live party has a way back that needs only its
//! own AMS. Key ids are never reused; keys are never deleted.
//!
//! - this file: parties, state keys and values;
//! - [`authority`]: turns the signatures of an op into signers and asks for quorums;
//! - [`scope`]: which acts exist and what a scope covers;
//! - [`new_key`]: reads and checks a public key before it is bound;
//! - `key_ring`: a party's entry with its keys, as acts change them;
//! - `acts_*`: the acts, one file per group; `genesis`: the entries of height 0;
//! - [`view`]: what readers are shown.
//!
//! Delays need no scheduler: new keys are stored at once with the time from which they hold, old
//! keys with the time at which they end, and a cancellation sets both back.

mod acts;
mod acts_authority;
mod acts_key;
mod acts_mandate;
mod acts_recovery;
mod acts_root;
pub mod authority;
mod genesis;
mod key_ring;
pub mod new_key;
pub mod scope;
mod service;
pub mod view;

mod claim;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::state::{KeyBuilder, Overlay};
use crate::ubin;

pub use acts::apply;
pub use genesis::{genesis_authority, genesis_business_keys, genesis_root};
pub use new_key::NewKey;

pub use claim::claim;

/// A party: who can hold keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// `CC`: the root of a state.
    Root(String),
    /// `CC:NAME`: a public authority.
    Authority {
        /// The state.
        cc: String,
        /// 2 to 16 of A-Z 0-9, a letter first.
        name: String,
    },
    /// A UBIN: a business. Its keys follow the entity, so they are stored under the entity id.
    Business {
        /// The UBIN as the op names it, canonical.
        ubin: String,
    },
}

/// Whether `text` has the form of a state's or country's code: two capital letters (ISO 3166-1
/// alpha-2). Whether there is such a state is not asked.
pub fn is_state_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

impl Party {
    /// Reads the form used in ops and state. `None` breaks the grammar (`DID_INVALID`).
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let cc = text.get(..2).filter(|cc| is_state_code(cc))?.to_owned();
        match bytes.get(2) {
            None => Some(Self::Root(cc)),
            Some(b':') => {
                let name = text.get(3..)?;
                let shape = (2..=16).contains(&name.len())
                    && name.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
                    && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
                shape.then(|| Self::Authority { cc, name: name.to_owned() })
            }
            Some(b'-') => {
                let shape = text.len() <= 37
                    && bytes
                        .iter()
                        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'-');
                shape.then(|| Self::Business { ubin: text.to_owned() })
            }
            Some(_) => None,
        }
    }

    /// The state the party belongs to.
    pub fn cc(&self) -> &str {
        match self {
            Self::Root(cc) | Self::Authority { cc, .. } => cc,
            Self::Business { ubin } => ubin.get(..2).unwrap_or_default(),
        }
    }
}

/// A state of the network: `access/ams/{cc}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ams {
    /// English name.
    pub name: String,
    /// observer, pilot, validator or suspended.
    pub status: String,
    /// Root keys that must sign together; a majority or more of the root keys.
    pub root_k: u64,
    /// Height from which the entry holds.
    pub from_height: u64,
    /// Raised by each change.
    pub version: u64,
    /// A root rotation that waits for its delay.
    pub pending_rotation: Option<PendingRotation>,
}

impl Ams {
    /// Root keys that must sign together at block time `t`: a rotation whose delay is over counts.
    pub fn root_k_at(&self, t: u64) -> u64 {
        match &self.pending_rotation {
            Some(rotation) if rotation.effective_ms <= t => rotation.root_k,
            _ => self.root_k,
        }
    }
}

/// A root rotation under way.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PendingRotation {
    /// When it takes effect, ms of block time.
    pub effective_ms: u64,
    /// The new quorum.
    pub root_k: u64,
    /// The numbers of the new root keys, already stored as keys that activate at `effective_ms`.
    pub keys: Vec<u64>,
}

/// A public authority: `access/authority/{cc}/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AuthorityEntry {
    /// What its root lets it do.
    pub scopes: Vec<String>,
    /// Signatures for R1 (always 1).
    pub r1: u64,
    /// Signatures for R2, two or more, of different officers.
    pub r2: u64,
}

impl AuthorityEntry {
    /// An entry with sorted scopes.
    fn new<S: AsRef<str>>(scopes: &[S], r1: u64, r2: u64) -> Self {
        let mut scopes: Vec<String> = scopes.iter().map(|s| s.as_ref().to_owned()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self { scopes, r1, r2 }
    }
}

/// A party's entry: `access/party/{party}`; for a business the party part is the entity id.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PartyEntry {
    /// Raised by each act on the party; 0 = none yet.
    pub version: u64,
    /// Keys that were ever bound; the last one is `k{keys}`.
    pub keys: u64,
    /// The numbers of the keys that are active or will be, ascending; pruned by acts on the party.
    pub current: Vec<u64>,
    /// Mandates that were ever given; the last one has this number.
    pub mandates: u64,
    /// Number and end (ms) of the mandates that may be in force; pruned by acts on the party.
    pub open_mandates: Vec<(u64, u64)>,
    /// Services of the DID document, ≤ 8.
    pub services: Vec<Service>,
    /// Other names of the DID document, ≤ 4.
    pub also_known_as: Vec<String>,
    /// Closed, final.
    pub closed: bool,
    /// When it was closed, ms; 0 if not.
    pub closed_ms: u64,
    /// A recovery that waits for its delay.
    pub pending_recovery: Option<PendingRecovery>,
}

/// A service of a DID document.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Service {
    /// Fragment of its id, 1 to 32 of a-z 0-9 `-`.
    pub id: String,
    /// LinkedDomains, StatusListService or CredentialRegistry.
    pub kind: String,
    /// An https URL, ≤ 256 bytes.
    pub endpoint: String,
}

/// A recovery under way.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PendingRecovery {
    /// When the new keys take over, ms of block time.
    pub effective_ms: u64,
    /// The numbers of the new keys, already stored as keys that activate at `effective_ms`.
    pub keys: Vec<u64>,
    /// Number and own end (ms) of each other key that the recovery cuts short, for a cancellation.
    pub cut: Vec<(u64, u64)>,
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Purpose {
    /// Signs ops (`capabilityInvocation`).
    Invoke,
    /// Signs credentials (`assertionMethod`).
    Assert,
    /// Signs presentations (`authentication`).
    Present,
    /// Receives sealed envelopes (`keyAgreement`).
    Agree,
}

impl Purpose {
    /// The name in ops.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Assert => "assert",
            Self::Present => "present",
            Self::Agree => "agree",
        }
    }

    /// The purpose of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Invoke, Self::Assert, Self::Present, Self::Agree]
            .into_iter()
            .find(|purpose| purpose.name() == name)
    }
}

/// The state of a key only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum KeyState {
    /// May be used.
    Active,
    /// Ended in good order.
    Retired,
    /// Ended because others may have it.
    Compromised,
}

/// One key: `access/key/{party}/k{n}` (the number as 8 bytes big-endian).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyEntry {
    /// Ed25519, P-256 or X25519.
    pub algorithm: String,
    /// The public key: 32 bytes, P-256 33 (compressed point).
    pub public_key: Vec<u8>,
    /// What it may be used for, sorted.
    pub purposes: Vec<Purpose>,
    /// What it may sign, sorted.
    pub scopes: Vec<String>,
    /// The officer's number within the party; R2 counts different officers.
    pub officer: u64,
    /// The stored state. With `ends_ms` reached, an active key counts as retired.
    pub state: KeyState,
    /// Height and block time at which it was bound.
    pub bound_height: u64,
    /// From when it may be used, ms of block time.
    pub active_from_ms: u64,
    /// From when it may not be used any more, ms; `u64::MAX` while no end is set.
    pub ends_ms: u64,
    /// Height at which its end was recorded; 0 while none is.
    pub ended_height: u64,
    /// From when it counts as compromised, ms; only with state compromised.
    pub compromised_ms: u64,
    /// Height at which the compromise was recorded; 0 while none is.
    pub compromised_height: u64,
}

/// Whose key a public key was at first: `access/bound/{hex}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bound {
    /// The store name of the party.
    pub party: String,
    /// The number of its key.
    pub key: u64,
}

impl KeyEntry {
    /// Whether it may be used at block time `t`.
    pub const fn is_active(&self, t: u64) -> bool {
        matches!(self.state, KeyState::Active) && self.active_from_ms <= t && t < self.ends_ms
    }

    /// The state at block time `t`: an active key whose end has come counts as retired.
    pub const fn state_at(&self, t: u64) -> KeyState {
        match self.state {
            KeyState::Active if t >= self.ends_ms => KeyState::Retired,
            state => state,
        }
    }

    /// Whether it has a purpose.
    pub fn has(&self, purpose: Purpose) -> bool {
        self.purposes.contains(&purpose)
    }
}

/// A mandate: `access/mandate/{principal}/{no}`; an agent signs for its principal.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Mandate {
    /// The agent's UBIN.
    pub agent: String,
    /// Acts, as `register.act`.
    pub acts: Vec<String>,
    /// Profiles or schemes it is limited to; empty = all.
    pub limits: Vec<String>,
    /// Largest sum per act as (unit, scale, amount); `None` = no limit.
    pub sum_limit: Option<(String, u64, u64)>,
    /// Until when, ms of block time.
    pub until_ms: u64,
    /// Ended by principal or agent.
    pub ended: bool,
}

/// State key of an AMS.
pub fn ams_key(cc: &str) -> Vec<u8> {
    KeyBuilder::new("access", "ams").text(cc).build()
}

/// State key of the list of member states: their codes, ascending. State has no range reads for rules.
pub fn members_key() -> Vec<u8> {
    b"access/members".to_vec()
}

/// The codes of the member states, ascending: those of the genesis.
pub fn members(state: &Overlay<'_>) -> Vec<String> {
    state.read(&members_key()).unwrap_or_default()
}

/// State key of an authority.
pub fn authority_key(cc: &str, name: &str) -> Vec<u8> {
    KeyBuilder::new("access", "authority").text(cc).text(name).build()
}

/// State key of a party entry. `store_name` comes from [`store_name`].
pub fn party_key(store_name: &str) -> Vec<u8> {
    KeyBuilder::new("access", "party").text(store_name).build()
}

/// State key of key number `n`.
pub fn key_key(store_name: &str, n: u64) -> Vec<u8> {
    KeyBuilder::new("access", "key").text(store_name).number(n).build()
}

/// State key of a mandate.
pub fn mandate_key(store_name: &str, no: u64) -> Vec<u8> {
    KeyBuilder::new("access", "mandate").text(store_name).number(no).build()
}

/// State key that remembers that a public key was bound, and to whom: `access/bound/{hex}`.
pub fn bound_key(public_key: &[u8]) -> Vec<u8> {
    KeyBuilder::new("access", "bound").text(&hex::encode(public_key)).build()
}

/// Where a party's entries stand, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The name under which its entries are stored: the party itself, for a business the entity id.
    pub name: String,
    /// The state that owns it now. A business that moved is its new state's, also when it is named
    /// by an old number.
    pub cc: String,
    /// Whether it may act at all: a business whose record is closed may not.
    pub live: bool,
}

/// Resolves a party. `None` if it is a UBIN that is not registered; that a state or authority
/// exists is not asked.
pub fn holder(state: &Overlay<'_>, party: &Party) -> Option<Holder> {
    match party {
        Party::Root(cc) => Some(Holder { name: cc.clone(), cc: cc.clone(), live: true }),
        Party::Authority { cc, name } => {
            Some(Holder { name: format!("{cc}:{name}"), cc: cc.clone(), live: true })
        }
        Party::Business { ubin } => ubin::actor(state, ubin).map(|actor| Holder {
            cc: actor.ubin.get(..2).unwrap_or_default().to_owned(),
            name: str::to_owned(&actor.entity),
            live: actor.live,
        }),
    }
}

/// The name under which a party's entries are stored: the party itself, for a business the entity
/// id. `None` if the UBIN is not registered.
pub fn store_name(state: &Overlay<'_>, party: &Party) -> Option<String> {
    holder(state, party).map(|holder| holder.name)
}

/// Reads a key of a party, if both exist.
pub fn key_of(state: &Overlay<'_>, party: &Party, n: u64) -> Option<KeyEntry> {
    state.read(&key_key(&store_name(state, party)?, n))
}

/// Whether a party was closed or deactivated.
pub fn is_closed(state: &Overlay<'_>, party: &Party) -> bool {
    store_name(state, party)
        .and_then(|name| state.read::<PartyEntry>(&party_key(&name)))
        .is_some_and(|entry| entry.closed)
}
