//! Consents of a state that a business of it goes on in another one (ubin.md §4.3).
//!
//! Invariant: I7 a consent is used at most once. It is marked, never deleted. Whether it still
//! holds is derived from block time and from the version of the record it is about; an unused
//! consent lapses without trace on the record.

use borsh::{BorshDeserialize, BorshSerialize};

use super::identifier::Ubin;
use super::record::{self, Record};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::state::{KeyBuilder, Overlay};

/// What is consented to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ConsentKind {
    /// The business goes on as one of the other state.
    Relocate,
    /// The business is merged into one of the other state.
    Merge,
}

impl ConsentKind {
    /// The name in ops and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relocate => "RELOCATE",
            Self::Merge => "MERGE",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Relocate, Self::Merge].into_iter().find(|kind| kind.name() == name)
    }
}

/// How far a consent went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ConsentState {
    /// Given.
    Open,
    /// Taken back.
    Withdrawn,
    /// Used.
    Used,
}

/// A consent: `ubin/consent/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Consent {
    /// To what.
    pub kind: ConsentKind,
    /// The record that it is about.
    pub ubin: String,
    /// Its version; any later one voids the consent.
    pub version: u64,
    /// The gaining state.
    pub to_ams: String,
    /// The scheme of the record that goes on.
    pub to_scheme: String,
    /// The number that goes on; for a merger the survivor.
    pub successor: Option<String>,
    /// When it was given, ms of block time.
    pub opened_ms: u64,
    /// Until when it may be used, ms; at this time it may not any more.
    pub expires_ms: u64,
    /// How far it went.
    pub state: ConsentState,
}

/// State key of a consent; its id is the op digest that opened it.
pub fn consent_key(id: &Digest) -> Vec<u8> {
    KeyBuilder::new("ubin", "consent").text(&id.to_hex()).build()
}

/// State key of the id of the newest consent about a number: `ubin/consented/{number}`, the number
/// as in the key of its record.
pub fn newest_key(ubin: &Ubin) -> Vec<u8> {
    let Ubin { cc, scheme, local } = ubin;
    KeyBuilder::new("ubin", "consented").text(&format!("{cc}{scheme:\0<6}{local}")).build()
}

impl Consent {
    /// The consent of an id.
    pub fn load(state: &Overlay<'_>, id: &Digest) -> Option<Self> {
        state.read(&consent_key(id))
    }

    /// The record it is about, if the consent could be used at block time `time_ms`:
    /// `CONSENT_MISSING`, `CONSENT_USED`, `CONSENT_EXPIRED`, `CONSENT_MISMATCH` (the record moved
    /// on).
    pub(super) fn usable(
        &self,
        state: &Overlay<'_>,
        time_ms: u64,
        field: &str,
    ) -> Result<(Ubin, Record), Reject> {
        let refuse = |code, detail| Reject::new(code, field, detail);
        match self.state {
            ConsentState::Withdrawn => return Err(refuse(Code::ConsentMissing, "withdrawn")),
            ConsentState::Used => return Err(refuse(Code::ConsentUsed, "")),
            ConsentState::Open if time_ms >= self.expires_ms => {
                return Err(refuse(Code::ConsentExpired, ""));
            }
            ConsentState::Open => {}
        }
        let number = Ubin::parse_canonical(&self.ubin);
        match number.and_then(|ubin| record::find(state, &ubin)) {
            Some((ubin, record)) if record.version == self.version && record.is_live() => {
                Ok((ubin, record))
            }
            _ => Err(refuse(Code::ConsentMismatch, "the record has moved on")),
        }
    }

    /// How it stands at block time `time_ms`: OPEN, WITHDRAWN, USED, EXPIRED, or VOIDED because its
    /// record has moved on.
    pub fn standing(&self, state: &Overlay<'_>, time_ms: u64) -> &'static str {
        match self.usable(state, time_ms, "").map_err(|reject| reject.code) {
            Ok(_) => "OPEN",
            Err(Code::ConsentMissing) => "WITHDRAWN",
            Err(Code::ConsentUsed) => "USED",
            Err(Code::ConsentExpired) => "EXPIRED",
            Err(_) => "VOIDED",
        }
    }

    /// The consent for readers, with its [`Self::standing`].
    pub fn to_value(&self, id: &Digest, standing: &str) -> Value {
        Value::object([
            ("id", Value::from(*id)),
            ("kind", Value::from(self.kind.name())),
            ("ubin", Value::from(self.ubin.as_str())),
            ("version", Value::from(self.version)),
            ("toAms", Value::from(self.to_ams.as_str())),
            ("toScheme", Value::from(self.to_scheme.as_str())),
            ("successorUbin", Value::from(self.successor.as_deref())),
            ("openedMs", Value::from(self.opened_ms)),
            ("expiresMs", Value::from(self.expires_ms)),
            ("state", Value::from(standing)),
        ])
    }
}
