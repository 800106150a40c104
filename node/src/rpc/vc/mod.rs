//! `vc_*` and `gov_recognitions`: reads and verification of the credential register.
//!
//! - this file: registration, and what the groups share;
//! - [`did`], `did_ubin`: DID resolution; `issuer`: who may issue what; `resource`: types, resources,
//!   anchors; `status`: status lists; `recognition`: between states;
//! - [`verify`], [`challenge`]: verdicts; [`bundle`]: verdicts without network; `subscribe`: events;
//! - `page`: lists as of one height; `evidence`: proofs of answers.

pub(super) mod bundle;
pub(super) mod challenge;
pub(super) mod did;
pub(super) mod did_ubin;
pub(super) mod evidence;
mod issuer;
pub(super) mod page;
mod recognition;
pub(super) mod resource;
pub(super) mod status;
mod subscribe;
pub(super) mod verify;

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::{Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::op::Register;
use titian_contracts::state::{Reader, decode_content};
use titian_credential::snapshot::Live;
use titian_credential::time;

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::{State, now_ms, prepare};

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    register_reads(module)?;
    register_verifier(module)?;
    subscribe::register(module)
}

fn register_reads(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::VcResolve, _, _>(module, |state, params, _| async move {
        did::method(&state, params).await
    })?;
    add::<call::VcIssuer, _, _>(module, |state, params, _| async move {
        issuer::issuer(&state, &params).await
    })?;
    add::<call::VcIssuers, _, _>(module, |state, params, _| async move {
        issuer::issuers(&state, params).await
    })?;
    add::<call::VcAuthorised, _, _>(module, |state, params, _| async move {
        issuer::authorised(&state, params).await
    })?;
    add::<call::VcAccreditation, _, _>(module, |state, params, _| async move {
        issuer::accreditation(&state, &params).await
    })?;
    add::<call::VcTypes, _, _>(module, |state, params, _| async move {
        resource::types(&state, params).await
    })?;
    add::<call::VcResource, _, _>(module, |state, params, _| async move {
        resource::resource(&state, &params).await
    })?;
    add::<call::VcAnchor, _, _>(module, |state, params, _| async move {
        resource::anchor(&state, &params).await
    })?;
    add::<call::VcStatus, _, _>(module, |state, params, _| async move {
        status::of_entry(&state, params).await
    })?;
    add::<call::VcStatusList, _, _>(module, |state, params, _| async move {
        status::whole(&state, &params).await
    })?;
    add::<call::VcStatusLists, _, _>(module, |state, params, _| async move {
        status::lists(&state, params).await
    })?;
    add::<call::VcRecognition, _, _>(module, |state, params, _| async move {
        recognition::asked(&state, params).await
    })?;
    add::<call::GovRecognitions, _, _>(module, |state, params, _| async move {
        recognition::listed(&state, params).await
    })?;
    add::<call::VcBundle, _, _>(module, |state, params, _| async move {
        bundle::method(&state, &params).await
    })?;
    add::<call::VcPrepare, _, _>(module, |state, params, _| async move {
        blocking(move || prepare::common(&state, Register::Vc, params)).await
    })
}

fn register_verifier(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::VcChallenge, _, _>(module, |state, params, _| async move {
        state.challenges.give(Some(&params.domain), now_ms())
    })?;
    add::<call::VcVerify, _, _>(module, |state, params, _| async move {
        blocking(move || verify::one(&state, &params)).await
    })?;
    add::<call::VcVerifyBatch, _, _>(module, |state, params, _| async move {
        blocking(move || verify::batch(&state, &params)).await
    })?;
    add::<call::VcVerifyPresentation, _, _>(module, |state, params, _| async move {
        blocking(move || verify::presentation(&state, &params)).await
    })
}

/// A party as state names it: `did:ubin:` before it is allowed.
pub(super) fn bare(text: &str) -> &str {
    text.strip_prefix("did:ubin:").unwrap_or(text)
}

/// The typed value under a key.
fn read<T: borsh::BorshDeserialize>(state: &dyn Reader, key: &[u8]) -> Option<T> {
    state.get(key).and_then(|stored| decode_content(&stored.content))
}

/// An RFC 3339 time of a parameter in ms; `default_ms` if there is none.
fn read_time(text: Option<&str>, field: &str, default_ms: u64) -> Answer<u64> {
    let Some(text) = text else { return Ok(default_ms) };
    let read = time::parse(text).and_then(|ms| u64::try_from(ms).ok());
    read.ok_or_else(|| Refusal::new(Code::InvalidParams, field, "an RFC 3339 time is expected"))
}

/// The node's own state as the verifier reads it.
pub(super) fn live<'a>(state: &State, at: &'a At) -> Live<'a> {
    live_of(state, at, &at.reader)
}

/// The same, read through `reader`.
fn live_of<'a>(state: &State, at: &At, reader: &'a dyn Reader) -> Live<'a> {
    let ledger = state.ledger();
    let block = match at.height {
        0 => ledger.genesis().hash,
        height => ledger.header(height).map_or(ledger.head().block, |header| header.id()),
    };
    let sandbox = ledger.genesis().sandbox;
    Live::new(reader, ledger.chain(), sandbox, at.height, block, at.time_ms)
}
