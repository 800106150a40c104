//! `vc_*`: DIDs, accreditations, types, resources, status lists, verdicts.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use serde_json::json;
use titian_api::vc::{DidParams, IdParams, ResolveParams, StatusParams, TypesParams, VerifyParams};
use titian_api::{Object, Page, Refusal, call};
use titian_contracts::access::{self, Party, PartyEntry};
use titian_contracts::credential::bits::{self, HistoryFault};
use titian_contracts::credential::{
    Accreditation, CredentialType, NumberedId, Resource, ResourceId, Right, accreditation_id,
    accreditation_key, chain, list_id, list_key, resource_key,
};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::state::{Overlay, Reader, decode_content};
use titian_contracts::time::{Date, rfc3339};
use titian_credential::did;
use titian_credential::snapshot::Live;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::{self, Request};

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::{State, now_ms, prepare, prove, vc_lists, view};

/// Status lists of one issuer that an answer names.
const LISTS_MAX: u64 = 1_000;

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::VcResolve, _, _>(module, |state, params, _| resolve(state, params))?;
    add::<call::VcIssuer, _, _>(module, |state, params, _| async move {
        blocking(move || issuer(&state, &params)).await
    })?;
    add::<call::VcAccreditation, _, _>(module, |state, params, _| accreditation(state, params))?;
    add::<call::VcTypes, _, _>(module, |state, params, _| async move {
        blocking(move || types(&state, &params)).await
    })?;
    add::<call::VcResource, _, _>(module, |state, params, _| async move {
        let at = At::height(&state, params.height)?;
        Ok(at.stamp(resource(&at, &params.id)?))
    })?;
    add::<call::VcStatus, _, _>(module, |state, params, _| status_of(state, params))?;
    add::<call::VcStatusList, _, _>(module, |state, params, _| async move {
        blocking(move || vc_lists::status_list(&state, &params)).await
    })?;
    add::<call::VcVerify, _, _>(module, |state, params, _| async move {
        blocking(move || verdict(&state, &params)).await
    })?;
    add::<call::VcPrepare, _, _>(module, |state, params, _| async move {
        blocking(move || prepare::common(&state, Register::Vc, params)).await
    })?;
    Ok(())
}

pub(super) fn bare(text: &str) -> &str {
    text.strip_prefix("did:ubin:").unwrap_or(text)
}

fn not_found(field: &str) -> Refusal {
    Refusal::new(Code::NotFound, field, "")
}

/// The node's own state as the verifier reads it.
pub(super) fn live<'a>(state: &State, at: &'a At) -> Live<'a> {
    let ledger = state.ledger();
    let block = match at.height {
        0 => ledger.genesis().hash,
        height => ledger.header(height).map_or(ledger.head().block, |header| header.id()),
    };
    let sandbox = ledger.genesis().sandbox;
    Live::new(&at.reader, ledger.chain(), sandbox, at.height, block, at.time_ms)
}

async fn resolve(state: Arc<State>, params: ResolveParams) -> Answer<Object> {
    let invalid = |field: &str, detail: &str| Refusal::new(Code::InvalidParams, field, detail);
    let height = match (&params.version_id, &params.version_time) {
        (Some(_), Some(_)) => return Err(invalid("/versionTime", "give one of both")),
        (Some(id), None) => {
            Some(id.parse().map_err(|_| invalid("/versionId", "a decimal height"))?)
        }
        (None, Some(time)) => Some(height_at(&state, time)?),
        (None, None) => None,
    };
    let text = bare(&params.did);
    if text.contains('/') {
        let at = At::height(&state, height)?;
        return Ok(at.stamp(resource(&at, &params.did)?));
    }
    let mut shown = {
        let at = At::height(&state, height)?;
        let party = Party::parse(text).ok_or_else(|| Refusal::new(Code::DidInvalid, "/did", ""))?;
        at.stamp(document(&state, &at, &params.did, &party)?)
    };
    if params.proof {
        let stated = [("did", did::did_of(text))];
        prove::add(&state, &mut shown, height, "vc-did", &stated).await?;
    }
    Ok(shown)
}

/// A DID resolution result.
fn document(state: &State, at: &At, asked: &str, party: &Party) -> Answer<Object> {
    let did_text = did::did_of(bare(asked));
    let resolved = match did::resolve(&live(state, at), party) {
        Ok(resolved) => resolved,
        Err("DID_NOT_FOUND") => return Err(not_found("/did")),
        Err(_) => return Err(Refusal::new(Code::Unavailable, "", "the party cannot be read")),
    };
    let overlay = Overlay::new(&at.reader);
    let mut metadata = json!({
        "deactivated": resolved.entry.closed || !resolved.may_act,
        "keyHistory": did::key_history(&did_text, &resolved),
        "threshold": resolved.threshold,
    });
    if let Some(name) = access::store_name(&overlay, party)
        && let Some(stored) = at.reader.get(&access::party_key(&name))
    {
        metadata["versionId"] = json!(stored.last_changed.to_string());
        if let Some(header) = state.ledger().header(stored.last_changed) {
            metadata["updated"] = json!(rfc3339(header.time_ms));
        }
    }
    if let Party::Business { ubin } = party
        && let Some(actor) = titian_contracts::ubin::actor(&overlay, ubin)
        && actor.ubin != *ubin
    {
        metadata["canonicalId"] = json!(did::did_of(&actor.ubin));
    }
    let mut shown = Object::new();
    let resolution = json!({"contentType": "application/did"});
    shown.insert("didDocument".to_owned(), did::did_document(&did_text, &resolved, at.time_ms));
    shown.insert("didDocumentMetadata".to_owned(), metadata);
    shown.insert("didResolutionMetadata".to_owned(), resolution);
    Ok(shown)
}

/// The last height with block time ≤ an RFC 3339 time in UTC with whole seconds.
fn height_at(state: &State, text: &str) -> Answer<u64> {
    let invalid =
        || Refusal::new(Code::InvalidParams, "/versionTime", "YYYY-MM-DDThh:mm:ssZ is expected");
    let wanted_ms = read_time(text).ok_or_else(invalid)?;
    let before = || Refusal::new(Code::HeightUnknown, "/versionTime", "before genesis");
    At::height_at_ms(state, wanted_ms).ok_or_else(before)
}

fn read_time(text: &str) -> Option<u64> {
    let date = Date::parse(text.get(..10)?)?;
    let clock = text.get(10..)?.strip_prefix('T')?.strip_suffix('Z')?;
    let mut parts = clock.split(':').map(|part| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<u64>().ok()).flatten()
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    fits.then(|| date.start_ms() + ((hour * 60 + minute) * 60 + second) * 1000)
}

fn issuer(state: &State, params: &DidParams) -> Answer<Object> {
    let party = bare(&params.did);
    let parsed = Party::parse(party).ok_or_else(|| Refusal::new(Code::DidInvalid, "/did", ""))?;
    let at = At::height(state, params.height)?;
    let overlay = Overlay::new(&at.reader);
    let name = access::store_name(&overlay, &parsed).ok_or_else(|| not_found("/did"))?;
    let entry: PartyEntry =
        overlay.read(&access::party_key(&name)).ok_or_else(|| not_found("/did"))?;
    let held = chain::of_party(&overlay, party);
    let mut types: Vec<&str> = Vec::new();
    let mut jurisdictions: Vec<&str> = Vec::new();
    let mut ids = Vec::new();
    for (n, link) in (1u64..).zip(&held) {
        ids.push(json!({
            "id": accreditation_id(party, n),
            "status": shown_status(link, at.time_ms),
            "active": chain::chain_active(&overlay, link, at.time_ms),
        }));
        if link.rights.contains(&Right::Issue) && chain::chain_active(&overlay, link, at.time_ms) {
            types.extend(link.types.iter().map(String::as_str));
            jurisdictions.extend(link.jurisdictions.iter().map(String::as_str));
        }
    }
    for list in [&mut types, &mut jurisdictions] {
        list.sort_unstable();
        list.dedup();
    }
    let lists: Vec<String> = (1..=LISTS_MAX)
        .take_while(|n| overlay.holds(&list_key(party, *n)))
        .map(|n| did::did_of(&list_id(party, n)))
        .collect();
    let status = if entry.closed { "closed" } else { "active" };
    let mut shown = Object::new();
    for (name, value) in [
        ("did", json!(did::did_of(party))),
        ("status", json!(status)),
        ("accreditations", json!(ids)),
        ("types", json!(types)),
        ("jurisdictions", json!(jurisdictions)),
        ("lists", json!(lists)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    Ok(at.stamp(shown))
}

/// The stored status; `expired` is derived from the period.
fn shown_status(link: &Accreditation, time_ms: u64) -> &'static str {
    if link.status.name() == "active" && time_ms >= link.until_ms {
        "expired"
    } else {
        link.status.name()
    }
}

async fn accreditation(state: Arc<State>, params: IdParams) -> Answer<Object> {
    let id = bare(&params.id).to_owned();
    let unknown = || Refusal::new(Code::UnknownAccreditation, "/id", "");
    let parsed = NumberedId::parse(&id, "acc").ok_or_else(unknown)?;
    let mut shown = {
        let at = At::height(&state, params.height)?;
        let overlay = Overlay::new(&at.reader);
        let key = accreditation_key(&parsed.owner, parsed.number);
        let link: Accreditation = overlay.read(&key).ok_or_else(unknown)?;
        let rights: Vec<&str> = link.rights.iter().map(|right| right.name()).collect();
        let shown = json!({
            "id": id,
            "parent": link.parent,
            "grantor": did::did_of(&link.grantor),
            "grantee": did::did_of(&link.grantee),
            "rights": rights,
            "issuerClass": link.issuer_class,
            "types": link.types,
            "jurisdictions": link.jurisdictions,
            "depth": link.depth,
            "status": shown_status(&link, at.time_ms),
            "active": chain::chain_active(&overlay, &link, at.time_ms),
            "reason": link.reason,
            "effectiveMs": link.effective_ms,
            "version": link.version,
            "fromMs": link.from_ms,
            "untilMs": link.until_ms,
        });
        at.stamp(shown.as_object().cloned().unwrap_or_default())
    };
    if params.proof {
        let stated = [("id", id)];
        prove::add(&state, &mut shown, params.height, "vc-accreditation", &stated).await?;
    }
    Ok(shown)
}

fn types(state: &State, params: &TypesParams) -> Answer<Page> {
    let mut prefix = b"vc/type/".to_vec();
    if let Some(owner) = &params.owner {
        if !titian_contracts::credential::is_owner(owner) {
            return Err(Refusal::new(Code::InvalidParams, "/owner", "a state code or ASEAN"));
        }
        prefix.extend_from_slice(owner.as_bytes());
        prefix.push(b'/');
    }
    let after = match &params.cursor {
        None => None,
        Some(text) => {
            let key = URL_SAFE_NO_PAD.decode(text).ok().filter(|key| key.starts_with(&prefix));
            let invalid = || Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list");
            Some(key.ok_or_else(invalid)?)
        }
    };
    let head = state.ledger().head();
    let found = state.ledger().scan(&prefix, after.as_deref(), limits::PAGE_ITEMS_MAX);
    let cursor = (found.len() == limits::PAGE_ITEMS_MAX)
        .then(|| found.last().map(|(key, _)| view::base64(key)))
        .flatten();
    let items = found
        .iter()
        .filter_map(|(_, stored)| decode_content::<CredentialType>(&stored.content))
        .filter_map(|found| {
            let profiles: Vec<&str> = found.profiles.iter().map(|p| p.name()).collect();
            let ids = |ids: &[String]| ids.iter().map(|id| did::did_of(id)).collect::<Vec<_>>();
            let shown = json!({
                "type": found.name,
                "owner": found.owner,
                "schemas": ids(&found.schemas),
                "contexts": ids(&found.contexts),
                "naturalPersonData": found.natural_person_data,
                "singleUse": found.single_use,
                "status": profiles,
                "validityMaxDays": found.validity_max_days,
                "deprecated": found.deprecated,
            });
            shown.as_object().cloned()
        })
        .collect();
    Ok(Page { items, cursor, as_of: view::as_of(head.height, head.time_ms) })
}

fn resource(at: &At, text: &str) -> Answer<Object> {
    let unknown = || Refusal::new(Code::UnknownResource, "/id", "");
    let id = ResourceId::parse(bare(text)).ok_or_else(unknown)?;
    let overlay = Overlay::new(&at.reader);
    let key = resource_key(&id.owner, id.kind, &id.name, id.version);
    let found: Resource = overlay.read(&key).ok_or_else(unknown)?;
    let content: serde_json::Value = serde_json::from_slice(&found.bytes).unwrap_or_default();
    let shown = json!({
        "id": did::did_of(&id.text()),
        "kind": found.kind.name(),
        "sha256": format!("sha256:{}", hex::encode(found.sha256)),
        "status": if found.deprecated { "deprecated" } else { "active" },
        "content": content,
        "bytes": view::base64(&found.bytes),
    });
    Ok(shown.as_object().cloned().unwrap_or_default())
}

/// The list of `SG:CUSTOMS/status/3`.
pub(super) fn read_list(text: &str) -> Answer<NumberedId> {
    NumberedId::parse(bare(text), "status")
        .ok_or_else(|| Refusal::new(Code::UnknownList, "/list", ""))
}

async fn status_of(state: Arc<State>, params: StatusParams) -> Answer<Object> {
    let id = read_list(&params.list)?;
    let mut shown = {
        let at = At::height(&state, params.height)?;
        // deltas hold the whole history, so the head answers for every height
        let reader = state.ledger().reader();
        let found = bits::status_at(&reader, &id.owner, id.number, params.index, at.height);
        let found = found.map_err(|fault| match fault {
            HistoryFault::NoList => Refusal::new(Code::UnknownList, "/list", ""),
            HistoryFault::Range => Refusal::new(Code::StatusIndexRange, "/index", ""),
            HistoryFault::Broken => Refusal::new(Code::Unavailable, "", "history is damaged"),
        })?;
        let shown = json!({
            "list": list_id(&id.owner, id.number),
            "index": params.index,
            "value": found.value,
            "since": found.since,
            "reason": found.reason,
        });
        at.stamp(shown.as_object().cloned().unwrap_or_default())
    };
    if params.proof {
        if params.height.is_some_and(|height| height < state.ledger().head().height) {
            let detail = "proofs of earlier heights come with a later release";
            return Err(Refusal::new(Code::NotBuilt, "/proof", detail));
        }
        let stated = titian_contracts::json::Value::object([
            ("list", list_id(&id.owner, id.number).into()),
            ("index", params.index.into()),
        ]);
        let bundle = prove::bundle(&state, "vc-status", stated).await?;
        shown.insert("proof".to_owned(), bundle.bundle.into());
    }
    Ok(shown)
}

fn verdict(state: &State, params: &VerifyParams) -> Answer<Object> {
    let invalid = |field: &str, detail: &str| Refusal::new(Code::InvalidParams, field, detail);
    let policy = match &params.policy {
        None => Policy::Ledger,
        Some(name) => {
            Policy::parse(name).ok_or_else(|| invalid("/policy", "ledger, w3c or signature"))?
        }
    };
    let later =
        !params.receipts.is_empty() || params.challenge.is_some() || params.domain.is_some();
    if later {
        let detail = "receipts and presentations come with a later release";
        return Err(Refusal::new(Code::NotBuilt, "", detail));
    }
    let mut request = Request::new(policy);
    request.jurisdiction.clone_from(&params.jurisdiction);
    request.max_age_ms = params.max_age.map(|seconds| seconds.saturating_mul(1000));
    for name in &params.require {
        let check = Check::parse(name).ok_or_else(|| invalid("/require", "unknown check"))?;
        request.require.push(check);
    }
    let input = match &params.credential {
        serde_json::Value::String(text) => text.clone().into_bytes(),
        other => serde_json::to_vec(other).map_err(|_| invalid("/credential", "not JSON"))?,
    };
    let at = At::height(state, params.at_height)?;
    // as of an earlier height the question is what held then, so its block time is the time
    let now = if params.at_height.is_some() { at.time_ms } else { now_ms() };
    let verdict = verify::verify(&input, &request, Some(&live(state, &at)), now);
    Ok(verdict.to_value().as_object().cloned().unwrap_or_default())
}
