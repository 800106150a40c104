//! `vc_bundle`: the state that verdicts ask for, with its proof, for use without network (vc-api.md
//! A§1).
//!
//! Invariant: the keys of a bundle are found at the height that is proven, so that a verdict from the
//! bundle is the verdict from state at that height.

use std::collections::BTreeSet;

use titian_api::vc::BundleParams;
use titian_api::{Bundle, Refusal};
use titian_contracts::access::{Party, is_state_code};
use titian_contracts::credential::{NumberedId, is_type_name};
use titian_contracts::error::Code;
use titian_contracts::json::Value as Rule;
use titian_contracts::limits;
use titian_credential::bundle::make::{self, Frame, Scope};
use titian_credential::bundle::{BUNDLE_BYTES_MAX, EVIDENCE_BYTES_MAX};
use titian_credential::verdict::Policy;

use super::issuer::{INDEX_PREFIX, indexed};
use super::verify::{Judging, input_of};
use super::{bare, evidence};
use crate::ledger::StateProof;
use crate::rpc::at::{self, At};
use crate::rpc::methods::Answer;
use crate::rpc::{State, prepare, view};

/// Bytes of a bundle in an answer over JSON-RPC; larger ones come from `GET /trust-bundle`.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Indexes of issuers read at a time.
const READ_AT_A_TIME: usize = 1_000;

/// `vc_bundle`.
pub(super) async fn method(state: &State, params: &BundleParams) -> Answer<Bundle> {
    let (_, text) = text(state, params).await?;
    if text.len() > ANSWER_BYTES_MAX {
        let detail = "the bundle is larger than 8 MiB: GET /trust-bundle, or a narrower scope";
        return Err(Refusal::new(Code::LimitExceeded, "", detail));
    }
    Ok(Bundle { bundle: view::object_text(text.as_bytes()) })
}

/// Height and JCS text of a trust bundle or evidence pack.
pub(in crate::rpc) async fn text(state: &State, params: &BundleParams) -> Answer<(u64, String)> {
    let Ok(_turn) = state.bundles.try_acquire() else {
        let busy = Refusal::new(Code::Busy, "", "other bundles are being made");
        return Err(busy.retry_after(1_000));
    };
    let height = evidence::height(state, params.height);
    match &params.credential {
        None => trust(state, params, height).await,
        Some(credential) => pack(state, params, credential, height).await,
    }
}

async fn trust(state: &State, params: &BundleParams, height: u64) -> Answer<(u64, String)> {
    if params.jurisdiction.is_some() || !params.receipts.is_empty() {
        let detail = "jurisdiction and receipts belong to an evidence pack";
        return Err(Refusal::new(Code::InvalidParams, "/credential", detail));
    }
    let at = At::height(state, Some(height))?;
    let scope = scope(&at, params)?;
    let asked = scope.clone();
    let keys = blocking(move || make::keys(&at.reader, &asked)).await?;
    let proven = proven(state, height, keys).await?;
    let genesis = state.ledger().genesis();
    let (hash, sandbox) = (genesis.hash, genesis.sandbox);
    let text = blocking(move || {
        let frame = Frame { height, genesis: hash, sandbox, scope: &scope };
        make::bundle(frame, &proven.entries, &proven.evidence)
    });
    within(text.await?, BUNDLE_BYTES_MAX, "the bundle is larger than 64 MiB").map(|t| (height, t))
}

async fn pack(
    state: &State,
    params: &BundleParams,
    credential: &serde_json::Value,
    height: u64,
) -> Answer<(u64, String)> {
    let scoped = !params.issuers.is_empty()
        || !params.types.is_empty()
        || !params.cc.is_empty()
        || !params.recognition.is_empty()
        || !params.anchors.is_empty()
        || params.lists.is_some();
    if scoped {
        let detail = "an evidence pack has the scope of its credential";
        return Err(Refusal::new(Code::InvalidParams, "/credential", detail));
    }
    let judging = Judging {
        jurisdiction: params.jurisdiction.as_deref(),
        receipts: &params.receipts,
        ..Judging::default()
    };
    let request = judging.request(Policy::Ledger)?;
    let input = input_of(credential, "/credential")?;
    let receipts: Answer<Vec<Rule>> =
        params.receipts.iter().map(|receipt| prepare::value_of(receipt, "/receipts")).collect();
    let receipts = receipts?;
    let chain = state.ledger().chain().to_owned();
    let genesis = state.ledger().genesis();
    let (hash, sandbox) = (genesis.hash, genesis.sandbox);
    let keys = {
        let at = At::height(state, Some(height))?;
        let input = input.clone();
        blocking(move || {
            let moment = (at.height, at.time_ms);
            make::keys_of(&at.reader, &input, &request, (&chain, sandbox), moment)
        })
        .await?
    };
    if keys.is_empty() {
        let detail = "a verdict on this text asks the ledger nothing";
        return Err(Refusal::new(Code::InvalidParams, "/credential", detail));
    }
    let proven = proven(state, height, keys).await?;
    let credential = String::from_utf8(input)
        .map_err(|_| Refusal::new(Code::InvalidParams, "/credential", "not UTF-8"))?;
    let scope =
        Scope { jurisdictions: params.jurisdiction.iter().cloned().collect(), ..Scope::default() };
    let frame = Frame { height, genesis: hash, sandbox, scope: &scope };
    let (entries, evidence) = (&proven.entries, &proven.evidence);
    let text = make::evidence_pack(frame, entries, evidence, credential.trim(), receipts);
    within(text, EVIDENCE_BYTES_MAX, "the pack is larger than 256 KiB").map(|text| (height, text))
}

fn within(text: String, max: usize, detail: &str) -> Answer<String> {
    if text.len() > max {
        return Err(Refusal::new(Code::LimitExceeded, "", detail));
    }
    Ok(text)
}

async fn proven(state: &State, height: u64, keys: Vec<Vec<u8>>) -> Answer<StateProof> {
    if keys.is_empty() {
        let detail = "nothing stands on the ledger for these states, issuers and types";
        return Err(Refusal::new(Code::NotFound, "", detail));
    }
    if keys.len() > limits::BUNDLE_OBJECTS_MAX {
        let detail = "more than 100,000 objects; ask for a narrower scope";
        return Err(Refusal::new(Code::LimitExceeded, "", detail));
    }
    let proven = state.ledger().prove_many(height, keys).await;
    proven.map_err(|reject| at::refusal(state, reject))
}

/// Runs what reads much away from the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    crate::rpc::methods::blocking(move || Ok(work())).await
}

/// The scope asked for, read and bounded. Without issuers and states it is all issuers.
fn scope(at: &At, params: &BundleParams) -> Answer<Scope> {
    let invalid = |field: &str, detail: &str| Refusal::new(Code::InvalidParams, field, detail);
    let mut issuers = BTreeSet::new();
    for issuer in &params.issuers {
        let party = bare(issuer);
        Party::parse(party).ok_or_else(|| Refusal::new(Code::DidInvalid, "/issuers", ""))?;
        issuers.insert(party.to_owned());
    }
    for (field, list) in [("/cc", &params.cc), ("/recognition", &params.recognition)] {
        if !list.iter().all(|cc| is_state_code(cc)) {
            return Err(invalid(field, "two capital letters each"));
        }
    }
    if !params.types.iter().all(|name| is_type_name(name)) {
        return Err(invalid("/types", "names of credential types"));
    }
    let anchors: BTreeSet<&str> = params.anchors.iter().map(|named| bare(named)).collect();
    let is_anchor = |named: &str| NumberedId::parse(named, "anchor").is_some();
    if !anchors.iter().copied().all(|named| is_anchor(named) || Party::parse(named).is_some()) {
        return Err(invalid("/anchors", "ids of anchors, or issuers"));
    }
    if params.issuers.is_empty() && params.cc.is_empty() {
        all_issuers(at, "", &mut issuers);
    }
    for cc in &params.cc {
        all_issuers(at, cc, &mut issuers);
    }
    let counts = [issuers.len(), params.types.len(), params.recognition.len(), anchors.len()];
    if counts.into_iter().any(|count| count > limits::BUNDLE_SCOPE_MAX) {
        let detail = "at most 1,024 issuers, types, states and anchors; ask for a narrower scope";
        return Err(Refusal::new(Code::LimitExceeded, "", detail));
    }
    let sorted =
        |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    Ok(Scope {
        issuers: issuers.into_iter().collect(),
        types: sorted(&params.types),
        jurisdictions: sorted(&params.recognition),
        lists: params.lists.unwrap_or(true),
        anchors: anchors.into_iter().map(str::to_owned).collect(),
    })
}

/// Adds the parties with accreditations, of one state or of all, until there are too many.
fn all_issuers(at: &At, cc: &str, issuers: &mut BTreeSet<String>) {
    let prefix = [INDEX_PREFIX, cc.as_bytes()].concat();
    let mut after: Option<Vec<u8>> = None;
    while issuers.len() <= limits::BUNDLE_SCOPE_MAX {
        let found = at.reader.page(&prefix, after.as_deref(), READ_AT_A_TIME);
        issuers.extend(found.iter().filter_map(|(key, _)| indexed(key)).map(str::to_owned));
        match found.into_iter().last() {
            Some((key, _)) => after = Some(key),
            None => return,
        }
    }
}
