//! Standing consent: a party agrees beforehand to receive records (etr.md §5, §6.2).
//!
//! `consent_set` creates the next number of the party, `consent_revoke` marks one; neither can be
//! replayed, for a number stands once. What counts is the status at the height of the op that uses
//! a consent. Consents are party data: their events name no party.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::keys;
use super::person::{Person, identity, read_ubin};
use super::profile;
use super::signing::{self, Question, Role};
use crate::context::{Authority, Context};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::state::Overlay;

/// One consent: `etr/consent/{entity}/{no}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Consent {
    /// Profile ids it covers, all versions.
    pub profiles: Vec<String>,
    /// Givers by UBIN; `None` = any.
    pub from: Option<Vec<String>>,
    /// Until when, ms, exclusive.
    pub until_ms: u64,
    /// Legal warnings acknowledged beforehand.
    pub ack: Vec<String>,
    /// Taken back.
    pub revoked: bool,
}

/// All consents of a party, under number 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Consents {
    /// The last number used.
    pub last: u64,
    /// Numbers that were neither revoked nor seen to have ended.
    pub open: Vec<u64>,
}

/// Whether a party consented to receive records of a profile from a giver at `t`.
pub fn covers(state: &Overlay<'_>, ubin: &str, profile: &str, giver: &str, t: u64) -> bool {
    let entity = identity(state, ubin);
    let giver = identity(state, giver);
    let Some(all) = state.read::<Consents>(&keys::consents(&entity)) else { return false };
    all.open.iter().any(|no| {
        state
            .read::<Consent>(&keys::consent(&entity, *no))
            .is_some_and(|consent| consent.fits(state, profile, &giver, t))
    })
}

/// Consent `no` of a party, revoked or not. Number 0 is the list of all.
pub fn find(state: &Overlay<'_>, ubin: &str, no: u64) -> Option<Consent> {
    if no == 0 { None } else { state.read(&keys::consent(&identity(state, ubin), no)) }
}

/// Whether consent `no` of a party lets these givers, each of them, hand it records of a profile
/// at `t`.
pub fn one_covers(
    state: &Overlay<'_>,
    ubin: &str,
    no: u64,
    profile: &str,
    givers: &[String],
    t: u64,
) -> bool {
    find(state, ubin, no).is_some_and(|consent| {
        givers.iter().all(|giver| consent.fits(state, profile, &identity(state, giver), t))
    })
}

impl Consent {
    fn fits(&self, state: &Overlay<'_>, profile: &str, giver: &str, t: u64) -> bool {
        let from = |from: &Vec<String>| from.iter().any(|f| *identity(state, f) == *giver);
        !self.revoked
            && t < self.until_ms
            && self.profiles.iter().any(|id| id == profile)
            && self.from.as_ref().is_none_or(from)
    }
}

/// Runs `consent_set` or `consent_revoke`.
pub fn apply(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut frame = Members::of(&op.value, "")?;
    for common in ["act", "args", "chain", "register", "sigs"] {
        frame.required(common)?;
    }
    frame.finish()?;
    if op.act == "consent_set" { set(ctx, op) } else { revoke(ctx, op) }
}

fn set(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let no = args.uint("no")?;
    let profiles: Vec<String> =
        args.texts("profiles")?.into_iter().map(ToOwned::to_owned).collect();
    if !profiles.iter().all(|id| profile::is_id(id)) {
        return Err(args.malformed("profiles", "profile ids are expected"));
    }
    let from = match args.required("from")? {
        Value::Text(word) if word == "any" => None,
        Value::List(items) => Some(
            items
                .iter()
                .map(|item| read_ubin(item.as_text().unwrap_or_default(), "/args/from"))
                .collect::<Result<Vec<_>, _>>()?,
        ),
        _ => return Err(args.malformed("from", "UBINs or \"any\"")),
    };
    let until_ms = args.uint("untilMs")?;
    let ack: Vec<String> = args.texts("ack")?.into_iter().map(ToOwned::to_owned).collect();
    args.finish()?;
    let items = profiles.len().max(from.as_ref().map_or(0, Vec::len));
    if items > limits::ETR_CONSENT_ITEMS_MAX || ack.len() > limits::ETR_ACK_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args", ""));
    }
    if !profiles.iter().all(|id| profile::is_known(ctx.state, id)) {
        return Err(Reject::new(Code::UnknownProfile, "/args/profiles", "no such type of record"));
    }
    let Some(entity) = signer(ctx, op)? else { return Ok(()) };
    let latest = ctx.time_ms.saturating_add(limits::ETR_CONSENT_MS_MAX);
    if until_ms <= ctx.time_ms || until_ms > latest {
        return Err(Reject::new(Code::BadDeadline, "/args/untilMs", ""));
    }
    let mut all: Consents = ctx.state.read(&keys::consents(&entity)).unwrap_or_default();
    if no != all.last.saturating_add(1) {
        return Err(Reject::new(Code::VersionConflict, "/args/no", "not the next number"));
    }
    let now = ctx.time_ms;
    let state = &*ctx.state;
    all.open.retain(|no| {
        state
            .read::<Consent>(&keys::consent(&entity, *no))
            .is_some_and(|consent| now < consent.until_ms)
    });
    if all.open.len() >= limits::ETR_CONSENTS_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/no", "too many open consents"));
    }
    all.last = no;
    all.open.push(no);
    ctx.state.write(keys::consents(&entity), &all);
    let consent = Consent { profiles, from, until_ms, ack, revoked: false };
    ctx.state.write(keys::consent(&entity, no), &consent);
    ctx.emit("etr.consent_set", &op.digest.to_string(), [("no", Value::from(no))]);
    Ok(())
}

fn revoke(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let no = args.uint("no")?;
    args.finish()?;
    let Some(entity) = signer(ctx, op)? else { return Ok(()) };
    // number 0 is the list of all
    let found = if no == 0 { None } else { ctx.state.read(&keys::consent(&entity, no)) };
    let Some(consent) = found else {
        return Err(Reject::new(Code::NotFound, "/args/no", "no such consent"));
    };
    let mut consent: Consent = consent;
    if consent.revoked {
        return Err(Reject::new(Code::BadTransition, "/args/no", "revoked before"));
    }
    consent.revoked = true;
    ctx.state.write(keys::consent(&entity, no), &consent);
    let mut all: Consents = ctx.state.read(&keys::consents(&entity)).unwrap_or_default();
    all.open.retain(|open| *open != no);
    ctx.state.write(keys::consents(&entity), &all);
    ctx.emit("etr.consent_revoke", &op.digest.to_string(), [("no", Value::from(no))]);
    Ok(())
}

/// The entity of the one party that signs. In a dry run without signature nobody: what can be
/// checked without a party has been.
fn signer(ctx: &mut Context<'_, '_>, op: &Op) -> Result<Option<Arc<str>>, Reject> {
    let scope = format!("etr.{}", op.act);
    let party = match op.signatures.as_slice() {
        [] if ctx.authority == Authority::Assumed => {
            ctx.need("party", "", 1, &scope);
            return Ok(None);
        }
        [] => return Err(Reject::new(Code::MissingSigner, "/sigs/party", "")),
        [signature, ..] => signing::principal_of(signature).to_owned(),
    };
    if op.signatures.len() > 1 {
        return Err(Reject::new(Code::UnexpectedSigner, "/sigs/1", "the party signs alone"));
    }
    if !signing::is_business(&party) {
        return Err(Reject::new(Code::PartyNotLive, "/sigs/0", "no business"));
    }
    let roles = [Role::of("party", &Person::Single(party.clone()), &scope)];
    let question = Question {
        signatures: &op.signatures,
        digest: op.digest,
        known: ctx.verified,
        roles: Some(&roles),
        live: &[],
        profile: "",
        sum: None,
        partial: false,
    };
    signing::check(ctx, &question)?;
    Ok(Some(identity(ctx.state, &party)))
}
