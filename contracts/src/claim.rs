//! What each kind of proof claims, rebuilt from the state values it proves.
//!
//! A claim holds the entries (keys and values) and members people read. Invariant: the readable
//! members are a function of what is stated (the question) and of the entries (the answer) alone;
//! [`rebuild`] computes them, and a bundle whose claim differs in any byte is refused. The node
//! makes claims with the same function over its state ([`question`] finds the keys), so what is
//! shown is what is proven.
//!
//! A claim walks its entries in one order, each exactly once: a key that the walk does not expect,
//! or an entry left over, is refused.

use std::collections::BTreeMap;

use borsh::BorshDeserialize;

use crate::json::Value;
use crate::limits;
use crate::proof::{Entry, VerifyError, entries_value};
use crate::state::{Reader, Stored, decode_content};
use crate::{access, credential, etr, ubin};

/// The kinds that are built today.
pub const KINDS: &[&str] = &[
    "ledger-transaction",
    "ledger-state",
    "ubin-presence",
    "ubin-absence",
    "ubin-history",
    "ubin-schemes",
    "ubin-kpi",
    "vc-did",
    "vc-status",
    "vc-accreditation",
    "etr-status",
    "etr-control",
    "etr-absence",
    "etr-singularity",
    "etr-conversion",
    "etr-history",
    "etr-signers",
    "etr-rules",
];

/// Whether claims of `kind` are also proven for earlier heights (`as_of`). That a number was absent
/// then cannot be told from genesis having set it.
pub fn has_past(kind: &str) -> bool {
    kind == "ledger-state"
        || ["ubin-", "vc-", "etr-"].iter().any(|register| kind.starts_with(register))
            && kind != "etr-absence"
}

/// What a claim may look at besides what is stated and proven.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The chain id of the bundle.
    pub chain: &'a str,
    /// Block time of the header that carries the root, ms.
    pub time_ms: u64,
}

/// The claim of `kind` over `entries`. `stated` is the question, and supplies what cannot be
/// computed from the entries alone (a body, whose hash is in an entry; a challenge); it is checked
/// before it is taken over.
pub fn rebuild(
    kind: &str,
    stated: &Value,
    entries: &[Entry],
    frame: Frame<'_>,
) -> Result<Value, VerifyError> {
    walked(kind, stated, entries, frame, false)
}

/// As [`rebuild`], for a node over its own ledger: signatures of ops that it carried out, which the
/// rules checked then, are not verified once more.
pub fn make(
    kind: &str,
    stated: &Value,
    entries: &[Entry],
    frame: Frame<'_>,
) -> Result<Value, VerifyError> {
    walked(kind, stated, entries, frame, true)
}

fn walked(
    kind: &str,
    stated: &Value,
    entries: &[Entry],
    frame: Frame<'_>,
    own_ops: bool,
) -> Result<Value, VerifyError> {
    if kind == "ledger-state" {
        return Ok(Value::object([("entries", entries_value(entries))]));
    }
    let mut rest = entries.iter();
    let mut next = |key: &[u8]| match rest.next() {
        Some(entry) if entry.key == key => Ok(entry.stored.clone()),
        _ => Err(VerifyError::ClaimDiffers("another state key is needed here".to_owned())),
    };
    let members = members(kind, stated, &mut Walk { next: &mut next, own_ops }, frame)?;
    if rest.next().is_some() {
        return Err(VerifyError::ClaimDiffers("an entry is left over".to_owned()));
    }
    Ok(members.with("entries", entries_value(entries)))
}

/// The state keys that a claim of `kind` about `stated` needs, as `state` stands.
pub fn question(
    kind: &str,
    stated: &Value,
    state: &dyn Reader,
    frame: Frame<'_>,
) -> Result<Vec<Vec<u8>>, VerifyError> {
    let mut keys = Vec::new();
    let mut next = |key: &[u8]| {
        if keys.len() >= limits::PROOF_KEYS_MAX {
            return Err(VerifyError::Malformed("more keys than one proof may hold".to_owned()));
        }
        keys.push(key.to_vec());
        Ok(state.get(key))
    };
    members(kind, stated, &mut Walk { next: &mut next, own_ops: true }, frame)?;
    Ok(keys)
}

/// The entries of a claim of `kind` about `stated`, from their values alone, which stand in the order
/// in which the claim asks for them.
pub fn keyed(
    kind: &str,
    stated: &Value,
    values: Vec<Option<Stored>>,
    frame: Frame<'_>,
) -> Result<Vec<Entry>, VerifyError> {
    let mut entries = Vec::with_capacity(values.len());
    let mut rest = values.into_iter();
    let mut next = |key: &[u8]| {
        let stored = rest.next().ok_or_else(|| differs("a value is missing"))?;
        entries.push(Entry { key: key.to_vec(), stored: stored.clone() });
        Ok(stored)
    };
    members(kind, stated, &mut Walk { next: &mut next, own_ops: true }, frame)?;
    if rest.next().is_some() { Err(differs("a value is left over")) } else { Ok(entries) }
}

/// What of a proven value may be shown to everybody: of an ETR record its public part and the hash
/// of its party part, of everything else all. The value hash stays the same.
pub fn redact(entry: Entry) -> Entry {
    let Entry { key, stored } = entry;
    let stored = stored.map(|stored| match etr::redact(&key, &stored.content) {
        Some(content) => Stored { content, ..stored },
        None => stored,
    });
    Entry { key, stored }
}

fn members(
    kind: &str,
    stated: &Value,
    walk: &mut Walk<'_>,
    frame: Frame<'_>,
) -> Result<Value, VerifyError> {
    match kind {
        "ubin-presence" | "ubin-absence" | "ubin-history" | "ubin-schemes" | "ubin-kpi" => {
            ubin::claim(kind, stated, walk)
        }
        "vc-did" => access::claim(stated, walk, frame),
        "vc-status" | "vc-accreditation" => credential::claim(kind, stated, walk),
        "etr-status" | "etr-control" | "etr-absence" | "etr-singularity" | "etr-conversion"
        | "etr-history" | "etr-signers" | "etr-rules" => etr::claim(kind, stated, walk, frame),
        _ => Err(VerifyError::UnknownKind),
    }
}

/// Gives the proven value under a key, which must be the next one.
type Next<'a> = dyn FnMut(&[u8]) -> Result<Option<Stored>, VerifyError> + 'a;

/// The proven values, in the order in which a claim asks for them.
pub struct Walk<'a> {
    next: &'a mut Next<'a>,
    own_ops: bool,
}

impl std::fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk").finish_non_exhaustive()
    }
}

impl Walk<'_> {
    /// What stands under `key`; `None` is proven absent.
    pub fn stored(&mut self, key: &[u8]) -> Result<Option<Stored>, VerifyError> {
        (self.next)(key)
    }

    /// Whether signatures of ops were verified by who asks, see [`make`].
    pub const fn has_own_ops(&self) -> bool {
        self.own_ops
    }

    /// Runs `claim` over entries of which it may ask for the same one again.
    pub fn remembering<T>(
        &mut self,
        claim: impl FnOnce(&mut Walk<'_>) -> Result<T, VerifyError>,
    ) -> Result<T, VerifyError> {
        let mut known: BTreeMap<Vec<u8>, Option<Stored>> = BTreeMap::new();
        let mut next = |key: &[u8]| {
            if let Some(stored) = known.get(key) {
                return Ok(stored.clone());
            }
            let stored = (self.next)(key)?;
            known.insert(key.to_vec(), stored.clone());
            Ok(stored)
        };
        claim(&mut Walk { next: &mut next, own_ops: self.own_ops })
    }

    /// The typed value under `key`.
    pub fn read<T: BorshDeserialize>(&mut self, key: &[u8]) -> Result<Option<T>, VerifyError> {
        match self.stored(key)? {
            None => Ok(None),
            Some(stored) => decode_content(&stored.content)
                .map(Some)
                .ok_or_else(|| VerifyError::Malformed("a state value does not decode".to_owned())),
        }
    }
}

/// A required text of what is stated.
pub(crate) fn stated_text<'a>(stated: &'a Value, name: &str) -> Result<&'a str, VerifyError> {
    stated.get(name).and_then(Value::as_text).ok_or_else(|| missing(name))
}

/// A required non-negative integer of what is stated.
pub(crate) fn stated_uint(stated: &Value, name: &str) -> Result<u64, VerifyError> {
    stated
        .get(name)
        .and_then(Value::as_int)
        .and_then(|int| u64::try_from(int).ok())
        .ok_or_else(|| missing(name))
}

pub(crate) fn missing(name: &str) -> VerifyError {
    VerifyError::Malformed(format!("/claim/{name}: missing or of the wrong form"))
}

pub(crate) fn differs(what: &str) -> VerifyError {
    VerifyError::ClaimDiffers(what.to_owned())
}

pub(crate) fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
}
