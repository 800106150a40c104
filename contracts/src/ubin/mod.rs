//! UBIN register: business identifiers and records (ubin.md, ubin-schemes.md).
//!
//! Invariants I1 to I9 of ubin.md §4.5: each state alone writes its records; a number is given
//! once and never returns; versions chain without gaps; the entity never changes; counters equal a
//! full recount. No data of a natural person enters.
//!
//! Where to look: [`identifier`] reads and renders numbers by the [`scheme`] tables; `acts` runs
//! the acts on [`record`]s; `body` and `body_rules` say what a body is and may hold; [`consent`],
//! [`challenge`] and [`attested`] are objects beside records; [`capacity`] tells when a business may
//! act, [`succession`] follows who goes on in
//! place of whom; [`import`] takes records in bulk; [`view`], [`feed`] and [`kpi`] make answers; [`name_key`]
//! says when two names are alike. It deliberately does not search names: that is the node's, outside
//! consensus, and no act asks for a key of a name.

mod acts;
pub mod attested;
pub mod body;
mod body_rules;
pub mod capacity;
pub mod challenge;
pub mod check;
mod claim;
pub mod consent;
pub mod counter;
mod door;
pub mod feed;
pub mod identifier;
pub mod import;
pub mod kpi;
pub mod legal_form;
pub mod name_key;
pub mod pattern;
pub mod public_name;
pub mod record;
pub mod reference;
pub mod relation;
pub mod scheme;
mod scheme_json;
mod scheme_state;
pub mod succession;
pub mod suggestion;
pub mod text;
pub mod unicode;
pub mod view;
pub mod vocabulary;

use std::rc::Rc;
use std::sync::Arc;

use identifier::Ubin;

use crate::context::{Context, Event};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::Value;
use crate::op::{Op, Register};
use crate::state::{Overlay, decode_content};
use crate::transaction::{Payload, Transaction};

pub use claim::claim;
pub(crate) use claim::walk_actor;

/// A business as other registers see it (ubin.md §5, actor hook).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The entity id, which never changes.
    pub entity: Arc<str>,
    /// The UBIN in force, canonical.
    pub ubin: String,
    /// Whether the record is live.
    pub live: bool,
    /// live and not SUSPENDED.
    pub may_act: bool,
}

/// Resolves a canonical UBIN, an alias or a former number to the business behind it, without
/// following closures: a closed record resolves to itself and is not live. One or two state reads.
///
/// Only the canonical spelling resolves, check characters included, so that one business cannot
/// sign twice under two spellings.
pub fn actor(state: &Overlay<'_>, ubin: &str) -> Option<Rc<Actor>> {
    let standing = |text: &str| {
        let key = |text: &str| Ubin::parse_canonical(text).map(|ubin| record::record_key(&ubin));
        let key = state.key_of(text, key)?;
        state.derived(&key, |content| Standing::read(text, content))
    };
    match &*standing(ubin)? {
        Standing::Actor(actor) => Some(Rc::clone(actor)),
        Standing::Alias(target) => match &*standing(target)? {
            Standing::Actor(actor) => Some(Rc::clone(actor)),
            Standing::Alias(_) => None,
        },
    }
}

/// What the number of an actor stands for; many ops of a block ask for the same.
enum Standing {
    Actor(Rc<Actor>),
    Alias(String),
}

impl Standing {
    fn read(ubin: &str, content: &[u8]) -> Option<Self> {
        Some(match decode_content(content)? {
            record::Entry::Alias(alias) => Self::Alias(alias.target),
            record::Entry::Record(record) => Self::Actor(Rc::new(Actor {
                ubin: ubin.to_owned(),
                live: record.is_live(),
                may_act: record.may_act(),
                entity: record.entity.into(),
            })),
        })
    }
}

/// The business that goes on in place of the one behind a number, and how far to trust its record
/// at block time `time_ms` (ubin.md §5, actor hook): an alias in one hop, then closures and
/// successor relations, at most eight. `UBIN_UNKNOWN`, `SUCCESSION_TOO_LONG`.
pub fn resolve_actor(
    state: &Overlay<'_>,
    ubin: &str,
    time_ms: u64,
) -> Result<(Actor, &'static str), Code> {
    let number = Ubin::parse_canonical(ubin).ok_or(Code::UbinUnknown)?;
    let found = succession::resolve(state, &number)?;
    let (ubin, record) = (found.ubin, found.record);
    let days = refresh_days(state, &ubin, record.meta.scheme_version);
    let challenges = challenge::open(state, &record.entity, &ubin.cc);
    let quality = view::quality(&record, &challenges, days, time_ms);
    let actor = Actor {
        ubin: ubin.to_string(),
        live: record.is_live(),
        may_act: record.may_act(),
        entity: record.entity.into(),
    };
    Ok((actor, quality))
}

/// The JCS texts of the bodies that an applied transaction wrote, by hash, so that a node can keep
/// them; `events` are those of its receipt.
pub fn bodies_of(transaction: &Transaction, events: &[Event]) -> Vec<(Digest, Vec<u8>)> {
    match &transaction.payload {
        Payload::Op(op) => {
            let body = body_of(op).map(|(hash, body)| (hash, body.to_jcs().into_bytes()));
            body.into_iter().collect()
        }
        Payload::ImportPart(part) => part
            .written(&transaction.bytes, events)
            .map(|(hash, text)| (hash, text.to_vec()))
            .collect(),
        _ => Vec::new(),
    }
}

/// The body that an op carries, with its hash.
pub fn body_of(op: &Op) -> Option<(Digest, &Value)> {
    if op.register != Register::Ubin || !acts::carries_body(&op.act) {
        return None;
    }
    let body = op.args().get("body")?;
    Some((body::body_hash(body), body))
}

/// The age in days at which a record judged by this scheme version shows STALE.
pub fn refresh_days(state: &Overlay<'_>, ubin: &Ubin, scheme_version: u64) -> u64 {
    let key = scheme::scheme_key(&ubin.cc, &ubin.scheme, scheme_version);
    state.read::<scheme::SchemeEntry>(&key).map_or(0, |entry| entry.refresh_days)
}

/// What admission refuses of a UBIN op before it can reach a block, which keeps it for good.
pub fn check_door(state: &Overlay<'_>, op: &Op, time_ms: u64) -> Result<(), Reject> {
    door::check(state, op, time_ms)
}

/// Runs one UBIN act.
pub fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    acts::apply(ctx, op)
}
