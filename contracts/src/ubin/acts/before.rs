//! The version before, as the rules of the next one read it, and what may follow it.
//!
//! Invariants: I4 version and `prev` chain without gaps; I5 the entity never changes.

use super::body_write::BodyAct;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::ubin::body::{Body, PATH, body_hash};
use crate::ubin::record::{Record, StatusEntry};
use crate::ubin::vocabulary::{Corroboration, Status};

/// What the rules ask of the version before: members of its body, and hashes of it.
pub(super) struct Before<'a> {
    version: u64,
    body_hash: Digest,
    core_hash: Digest,
    entity: &'a str,
    valid_from: &'a str,
    registered_on: Option<&'a str>,
    status: &'a StatusEntry,
    confirmed_on: &'a str,
    source_as_of: &'a str,
    corroboration: Option<Corroboration>,
}

impl<'a> Before<'a> {
    /// As the ledger keeps it.
    pub(super) fn of_record(record: &'a Record) -> Self {
        Self {
            version: record.version,
            body_hash: record.body_hash,
            core_hash: record.core_hash,
            entity: &record.entity,
            valid_from: &record.valid_from,
            registered_on: record.registered_on.as_deref(),
            status: &record.status,
            confirmed_on: &record.confirmed_on,
            source_as_of: &record.source_as_of,
            corroboration: record.corroboration,
        }
    }

    /// As its body says it, for who has no state.
    pub(super) fn of_body(body: &'a Body<'a>) -> Self {
        Self {
            version: body.version,
            body_hash: body_hash(body.value),
            core_hash: body.core_hash(),
            entity: body.entity,
            valid_from: body.valid_from,
            registered_on: body.registered_on,
            status: &body.status,
            confirmed_on: body.confirmed_on,
            source_as_of: body.source_as_of,
            corroboration: body.corroboration,
        }
    }

    /// The act that leads from it to a version with this body. It is judged by its own rules.
    pub(super) fn act_to(&self, body: &Body<'_>) -> BodyAct {
        let (from, to) = (self.status, &body.status);
        if *from == *to && body.core_hash() == self.core_hash {
            return BodyAct::Confirm;
        }
        match (from.code, to.code) {
            (Status::Dissolved, Status::Active) => BodyAct::Restore,
            (Status::Dissolved, _) => BodyAct::Update,
            (_, Status::Dissolved) => BodyAct::Dissolve,
            _ => BodyAct::Update,
        }
    }
}

/// Version and `prev` continue the chain (I4).
pub(super) fn check_succession(body: &Body<'_>, before: Option<&Before<'_>>) -> Result<(), Reject> {
    let (version, prev) = match before {
        None => (1, None),
        Some(before) => (before.version.saturating_add(1), Some(before.body_hash)),
    };
    let conflict = |name: &str| Reject::new(Code::VersionConflict, &format!("{PATH}/{name}"), "");
    if body.version != version {
        return Err(conflict("version"));
    }
    if body.prev == prev { Ok(()) } else { Err(conflict("prev")) }
}

/// What an act may change in the version before.
pub(super) fn check_change(
    body: &Body<'_>,
    before: &Before<'_>,
    act: BodyAct,
) -> Result<(), Reject> {
    let bad = |name: &str, detail| {
        Err(Reject::new(Code::BadTransition, &format!("{PATH}/{name}"), detail))
    };
    if act == BodyAct::Correct {
        return if body.entity == before.entity { Ok(()) } else { bad("entity", "never changes") };
    }
    if body.valid_from < before.valid_from {
        return Err(Reject::new(Code::EffectiveOrder, "/args/body/validFrom", ""));
    }
    if body.entity != before.entity {
        return bad("entity", "never changes");
    }
    if body.registered_on != before.registered_on && before.status.code != Status::Reserved {
        return bad("registeredOn", "changes by correct only");
    }
    let (from, to) = (before.status.code, body.status.code);
    let only_status = || {
        body.core_hash() == before.core_hash
            && body.confirmed_on == before.confirmed_on
            && body.source_as_of == before.source_as_of
            && body.corroboration == before.corroboration
    };
    let moves = match act {
        BodyAct::Register | BodyAct::Correct => false,
        BodyAct::Update => from.may_update_to(to),
        BodyAct::Confirm => {
            if body.core_hash() != before.core_hash || body.status != *before.status {
                return Err(Reject::new(Code::ConfirmOnly, PATH, ""));
            }
            true
        }
        BodyAct::Suspend => from == Status::Active && to == Status::Suspended && only_status(),
        BodyAct::Reinstate => from == Status::Suspended && to == Status::Active && only_status(),
        BodyAct::Dissolve => (from.is_live() || from == Status::Other) && to == Status::Dissolved,
        BodyAct::Restore => from == Status::Dissolved && to == Status::Active,
    };
    if moves { Ok(()) } else { bad("status/code", "the act does not make this change") }
}
