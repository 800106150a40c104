//! Proof bundles: the question finds its keys on the head, the ledger proves them, and the claim
//! is rebuilt from the proven entries by the verifier's own function.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_api::ledger::ProveParams;
use titian_api::{Bundle, Object, Refusal};
use titian_contracts::claim::{self, Frame};
use titian_contracts::credential::parse_index;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::proof::{self, Entry, VerifyError};
use titian_contracts::{etr, limits};

use super::at::{self, At};
use super::methods::{Answer, refusal_of};
use super::{State, ledger, now_ms, ubin, view};
use crate::ledger::StateProof;

/// How often a question is asked anew because state changed between asking and proving.
const ATTEMPTS_MAX: usize = 4;

/// `ledger_prove`.
pub(super) async fn any(state: &State, params: &ProveParams) -> Answer<Bundle> {
    let subject = || {
        params
            .subject
            .as_deref()
            .ok_or_else(|| Refusal::new(Code::InvalidParams, "/subject", "is needed for this kind"))
    };
    // what a kind does not look at is no part of its question
    let unasked = |field: &str, there: bool| match there {
        true => Err(Refusal::new(Code::InvalidParams, field, "this kind takes none")),
        false => Ok(()),
    };
    let by_keys = params.kind == "ledger-state";
    unasked("/subject", by_keys && params.subject.is_some())?;
    unasked("/keys", !by_keys && !params.keys.is_empty())?;
    match params.kind.as_str() {
        "ledger-transaction" => {
            unasked("/height", params.height.is_some())?;
            let id = ledger::read_id(subject()?, "/subject")?;
            let unknown = || Refusal::new(Code::NotFound, "/subject", "");
            let (height, index, _) = state.ledger().transaction(&id).ok_or_else(unknown)?;
            Ok(Bundle { bundle: ledger::transaction_proof(state, height, index)? })
        }
        "ledger-state" => keys(state, &params.keys, params.height).await,
        kind => {
            let stated = stated_of(kind, subject()?)?;
            bundle_at(state, kind, stated, params.height).await
        }
    }
}

/// The question behind a subject in one text.
fn stated_of(kind: &str, subject: &str) -> Answer<Value> {
    let invalid = |detail: &str| Refusal::new(Code::InvalidParams, "/subject", detail);
    let bare = subject.strip_prefix("did:ubin:").unwrap_or(subject);
    let one = |name: &str, text: &str| Ok(Value::object([(name, Value::from(text))]));
    match kind {
        "ubin-presence" | "ubin-absence" | "ubin-history" => one("ubin", bare),
        "ubin-kpi" => ubin::counter_of(subject).ok_or_else(|| invalid("metric/cell/cell…")),
        "vc-did" => one("did", &format!("did:ubin:{bare}")),
        "vc-accreditation" => one("id", bare),
        "vc-status" => {
            let (list, index) = bare.split_once('#').ok_or_else(|| invalid("list#index"))?;
            let index = parse_index(index).ok_or_else(|| invalid("list#index"))?;
            Ok(Value::object([("list", Value::from(list)), ("index", Value::from(index))]))
        }
        "etr-status" => one("id", subject),
        "etr-absence" => absence(subject).ok_or_else(|| invalid("series/issuer/ref")),
        "etr-singularity" | "etr-conversion" => {
            absence(subject).ok_or_else(|| invalid("series/issuer/ref, or issuer/serial"))
        }
        "etr-control" | "etr-history" | "etr-signers" | "etr-rules" => {
            Err(Refusal::new(Code::InvalidParams, "/kind", "ask etr_prove"))
        }
        "ubin-schemes" => Err(Refusal::new(Code::InvalidParams, "/kind", "ask ubin_prove")),
        _ => Err(Refusal::new(Code::InvalidParams, "/kind", "unknown kind of proof")),
    }
}

/// `series/issuer/ref` or `issuer/serial`: the issuer is the part that is a UBIN.
pub(super) fn absence(subject: &str) -> Option<Value> {
    let (first, rest) = subject.split_once('/')?;
    let is_ubin = first.as_bytes().get(2) == Some(&b'-');
    if is_ubin {
        let members = [("issuer", Value::from(first)), ("serial", Value::from(rest))];
        return Some(Value::object(members));
    }
    let (issuer, reference) = rest.split_once('/')?;
    Some(Value::object([
        ("series", Value::from(first)),
        ("issuer", Value::from(issuer)),
        ("ref", Value::from(reference)),
    ]))
}

/// A bundle of a state kind about `stated`.
pub(super) async fn bundle(state: &State, kind: &str, stated: Value) -> Answer<Bundle> {
    for _ in 0..ATTEMPTS_MAX {
        let frame = Frame { chain: state.ledger().chain(), time_ms: head_time(state) };
        let stated = complete(state, kind, &stated, &state.ledger().reader())?;
        let keys = claim::question(kind, &stated, &state.ledger().reader(), frame)
            .map_err(|error| refusal(kind, &error))?;
        let proven = state.ledger().prove(keys).await.map_err(refusal_of)?;
        let entries = shown(kind, &stated, proven.entries);
        let frame = Frame { time_ms: proven.evidence.header.time_ms, ..frame };
        match claim::make(kind, &stated, &entries, frame) {
            Ok(claim) => return finish(kind, proven.height, claim, &proven.evidence),
            // state moved on between the question and the proof: ask again
            Err(VerifyError::ClaimDiffers(_)) => {}
            Err(error) => return Err(refusal(kind, &error)),
        }
    }
    Err(Refusal::new(Code::Busy, "", "the subject changes with every block").retry_after(1_000))
}

/// A bundle of a state kind about `stated` as it was after `height`; the latest that can be proven
/// if none is asked for.
pub(super) async fn bundle_at(
    state: &State,
    kind: &str,
    stated: Value,
    height: Option<u64>,
) -> Answer<Bundle> {
    let Some(height) = height else { return bundle(state, kind, stated).await };
    if !claim::has_past(kind) {
        return Err(no_height());
    }
    let read = At::height(state, Some(height))?;
    let frame = Frame { chain: state.ledger().chain(), time_ms: read.time_ms };
    let stated = complete(state, kind, &stated, &read.reader)?;
    let keys = claim::question(kind, &stated, &read.reader, frame)
        .map_err(|error| refusal(kind, &error))?;
    let proven = state.ledger().prove_at(height, keys).await;
    let proven = proven.map_err(|reject| at::refusal(state, reject))?;
    let frame = Frame { time_ms: proven.evidence.header.time_ms, ..frame };
    let entries = shown(kind, &stated, proven.entries);
    let claim =
        claim::make(kind, &stated, &entries, frame).map_err(|error| refusal(kind, &error))?;
    finish(kind, proven.height, claim, &proven.evidence)
}

fn no_height() -> Refusal {
    let detail = "proofs of this kind hold for the head";
    Refusal::new(Code::InvalidParams, "/height", detail)
}

/// The time at which the claim will hold, as far as it is known now.
fn head_time(state: &State) -> u64 {
    state.ledger().head().time_ms.max(now_ms())
}

/// What a question needs beside state: bodies of UBIN records, ops of a history.
fn complete(
    state: &State,
    kind: &str,
    stated: &Value,
    reader: &dyn titian_contracts::state::Reader,
) -> Answer<Value> {
    super::etr::complete(state, kind, ubin::complete(state, kind, stated, reader), reader)
}

/// Of a record everybody sees the public part; proofs for its parties show the whole.
fn shown(kind: &str, stated: &Value, entries: Vec<Entry>) -> Vec<Entry> {
    let is_whole = |key: &[u8]| {
        etr::lineage::shows_whole(stated, key).unwrap_or_else(|| {
            matches!(kind, "etr-control" | "etr-history") || stated.get("whole").is_some()
        })
    };
    let shown = |entry: Entry| if is_whole(&entry.key) { entry } else { claim::redact(entry) };
    entries.into_iter().map(shown).collect()
}

/// `ledger-state`: raw keys. Keys of the etr register that belong to parties are refused.
async fn keys(state: &State, keys: &[String], height: Option<u64>) -> Answer<Bundle> {
    let mut logical = Vec::with_capacity(keys.len());
    for key in keys {
        let key = URL_SAFE_NO_PAD.decode(key).map_err(|_| {
            Refusal::new(Code::InvalidParams, "/keys", "base64url without padding is expected")
        })?;
        if !is_public(&key) {
            let detail = "this key belongs to the parties of a record";
            return Err(Refusal::new(Code::Forbidden, "/keys", detail));
        }
        logical.push(key);
    }
    logical.sort_unstable();
    logical.dedup();
    let proven = match height {
        None => state.ledger().prove(logical).await.map_err(refusal_of)?,
        Some(height) => {
            let proven = state.ledger().prove_at(height, logical).await;
            proven.map_err(|reject| at::refusal(state, reject))?
        }
    };
    state_bundle(proven)
}

/// Public state values as of a height, by their keys: the keys of an answer.
pub(super) async fn keys_at(state: &State, keys: Vec<Vec<u8>>, height: u64) -> Answer<Object> {
    let proven = state.ledger().prove_at(height, keys).await;
    let proven = proven.map_err(|reject| at::refusal(state, reject))?;
    Ok(state_bundle(proven)?.bundle)
}

fn state_bundle(proven: StateProof) -> Answer<Bundle> {
    let entries = shown("ledger-state", &Value::Null, proven.entries);
    let header = &proven.evidence.header;
    let frame = Frame { chain: &header.chain, time_ms: header.time_ms };
    let claim = claim::rebuild("ledger-state", &Value::Null, &entries, frame)
        .map_err(|error| refusal("ledger-state", &error))?;
    finish("ledger-state", proven.height, claim, &proven.evidence)
}

/// Existence under a known issuer and number, profiles, and public parts are public (etr-api.md
/// §3); endorsements, notes, stages, consents and the records of a party are not.
fn is_public(key: &[u8]) -> bool {
    let open: [&[u8]; 5] =
        [etr::keys::RECORD_PREFIX, b"etr/index/", b"etr/paper/", b"etr/profile/", b"etr/genesis"];
    !key.starts_with(b"etr/") || open.iter().any(|prefix| key.starts_with(prefix))
}

fn finish(kind: &str, height: u64, claim: Value, evidence: &proof::Evidence) -> Answer<Bundle> {
    let text = proof::bundle(kind, height, claim, evidence);
    if text.len() > limits::PROOF_BYTES_MAX {
        return Err(Refusal::new(Code::LimitExceeded, "", "the bundle is larger than 1 MiB"));
    }
    Ok(Bundle { bundle: view::object_text(text.as_bytes()) })
}

fn refusal(kind: &str, error: &VerifyError) -> Refusal {
    let code = match (kind, error) {
        (_, VerifyError::UnknownKind) => Code::InvalidParams,
        ("ubin-presence" | "ubin-history", VerifyError::ClaimDiffers(_)) => Code::NotFound,
        ("ubin-absence", VerifyError::ClaimDiffers(_)) => Code::UbinExists,
        ("etr-absence", VerifyError::ClaimDiffers(_)) => Code::RecordExists,
        ("etr-control", VerifyError::ClaimDiffers(_)) => Code::BadSignature,
        ("etr-singularity" | "etr-conversion" | "etr-rules", VerifyError::ClaimDiffers(_)) => {
            Code::NotFound
        }
        _ => Code::InvalidParams,
    };
    // which part of an answer differs would tell a stranger who is in control
    let told = match (kind, error) {
        ("etr-control", VerifyError::ClaimDiffers(_)) => {
            "not signed by who is in control, with an active key, for this challenge".to_owned()
        }
        _ => error.to_string(),
    };
    Refusal::new(code, "", &told)
}

/// Adds a bundle to an answer as member `proof`.
pub(super) async fn add(
    state: &State,
    answer: &mut Object,
    height: Option<u64>,
    kind: &str,
    stated: &[(&str, String)],
) -> Answer<()> {
    let height = match height {
        Some(height) if !claim::has_past(kind) => {
            if height < state.ledger().head().height {
                let detail = "proofs of this kind hold for the head";
                return Err(Refusal::new(Code::NotBuilt, "/proof", detail));
            }
            None
        }
        other => other,
    };
    let members = stated.iter().map(|(name, text)| (*name, Value::from(text.as_str())));
    let bundle = bundle_at(state, kind, Value::object(members), height).await?;
    answer.insert("proof".to_owned(), serde_json::Value::Object(bundle.bundle));
    Ok(())
}
