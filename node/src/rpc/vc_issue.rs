//! `vc_issue`, `vc_setStatus`, `vc_use`, `vc_credential`, `vc_erase`, `vc_privacyReport`.
//!
//! Invariant: a caller reaches the issuers that its token lists, and no others: what belongs to
//! another issuer is as if it were not there. What is answered is on disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use serde_json::{Value, json};
use titian_api::vc_issue::{AllocatedEntry, EraseParams, Erased, IssueParams, Issued, SecuredForm};
use titian_api::{Object, Refusal, call};
use titian_contracts::credential::{
    Anchor, CredentialType, NumberedId, Resource, ResourceId, ResourceKind, anchor_key, chain,
};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_contracts::time::rfc3339;
use titian_credential::did::did_of;
use titian_credential::json::canonical;
use titian_credential::model;

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::vc::live;
use super::vc_acts::{self, instance_of};
use super::{Caller, State, now_ms, view};
use crate::custody::record::{Counts, Found, Label, Record};
use crate::custody::seal::Name;
use crate::custody::{Claim, Keep};
use crate::issuing::make::{Ledger, Made, make};
use crate::issuing::request::{Wanted, fresh_id};
use crate::issuing::{Instance, Issuing, refused};

/// When to ask again for a record that another call works on, ms.
const CLAIMED_RETRY_MS: u64 = 200;
/// Counts below this are not shown.
const SMALL: u64 = limits::SMALL_CELL_FLOOR;

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::VcIssue, _, _>(module, |state, params, caller| async move {
        issue(state, caller, params).await
    })?;
    add::<call::VcSetStatus, _, _>(module, |state, params, caller| async move {
        vc_acts::set_status(&state, &caller, &params).await
    })?;
    add::<call::VcUse, _, _>(module, |state, params, caller| async move {
        vc_acts::use_entry(&state, &caller, &params).await
    })?;
    add::<call::VcCredential, _, _>(module, |state, params, caller| async move {
        credential(state, caller, None, params.id).await
    })?;
    add::<call::VcErase, _, _>(module, |state, params, caller| async move {
        erase(state, caller, None, params).await
    })?;
    add::<call::VcPrivacyReport, _, _>(module, |state, _, caller| async move {
        blocking(move || privacy_report(&state, &caller)).await
    })?;
    Ok(())
}

/// The instance that a request names: by its name, else by the issuer of the body.
fn instance_for(issuing: &Issuing, caller: &Caller, params: &IssueParams) -> Answer<String> {
    if let Some(name) = &params.instance {
        let unknown = || Refusal::new(Code::NotFound, "/instance", "no such instance");
        let instance = issuing.by_name(name).ok_or_else(unknown)?;
        instance_of(issuing, caller, &instance.did, "/instance")?;
        return Ok(instance.name.clone());
    }
    let (field, issuer) = match (&params.credential, &params.claims) {
        (Some(credential), _) => ("/issuer", credential.get("issuer").and_then(model::id_of)),
        (None, Some(claims)) => ("/iss", claims.get("iss").and_then(Value::as_str)),
        (None, None) => {
            let detail = "credential or claims are needed";
            return Err(Refusal::new(Code::InvalidParams, "/credential", detail));
        }
    };
    let issuer = issuer.ok_or_else(|| refused("ISSUER_INVALID", field))?;
    if issuing.by_did(issuer).is_none() {
        return Err(refused("ISSUER_MISMATCH", field));
    }
    instance_of(issuing, caller, issuer, field).map(|instance| instance.name.clone())
}

/// `vc_issue`.
pub(super) async fn issue(
    state: Arc<State>,
    caller: Caller,
    params: IssueParams,
) -> Answer<Issued> {
    let name = instance_for(state.issuing()?, &caller, &params)?;
    blocking(move || {
        let issuing = Arc::clone(state.issuing()?);
        let gone = || Refusal::new(Code::NotFound, "/instance", "");
        let instance = issuing.by_name(&name).ok_or_else(gone)?;
        issue_now(&state, &issuing, instance, &caller, params)
    })
    .await
}

fn issue_now(
    state: &State,
    issuing: &Issuing,
    instance: &Instance,
    caller: &Caller,
    mut params: IssueParams,
) -> Answer<Issued> {
    // which of two paths a request came by does not change what was asked for
    params.instance = None;
    let wanted = Wanted::read(&params, instance)?;
    let id = wanted.id.clone().unwrap_or_else(fresh_id);
    let custody = &issuing.custody;
    let claim = claim(issuing, custody.name(&instance.did, &id))?;
    let asked = serde_json::to_value(&params).map_err(|_| Refusal::from(Code::InvalidParams))?;
    let request = custody.request(canonical(&asked).as_bytes());
    match custody.find(claim.name())? {
        Some(Found::Kept(label, record)) if record.request == request => {
            log_record(issuing, caller, "read", (&label, &record), claim.name());
            return shown(state, issuing, claim.name(), &record);
        }
        Some(_) => return Err(Refusal::new(Code::CredentialExists, "/id", "")),
        None => {}
    }
    if params.anchor && custody.waiting_leaves() >= limits::ANCHORS_WAITING_MAX {
        let busy = Refusal::new(Code::Busy, "/anchor", "too many credentials wait for an anchor");
        return Err(busy.retry_after(limits::ANCHOR_FLUSH_MS));
    }
    let at = At::height(state, None)?;
    let live = live(state, &at);
    let ledger = Ledger { live: &live, reader: &at.reader, now_ms: now_ms() };
    let made = make(issuing, instance, &wanted, &ledger)?;
    let (record, label) = keep(issuing, instance, &wanted, &claim, (id, request), made)?;
    log_record(issuing, caller, "issue", (&label, &record), claim.name());
    shown(state, issuing, claim.name(), &record)
}

fn keep(
    issuing: &Issuing,
    instance: &Instance,
    wanted: &Wanted<'_>,
    claim: &Claim,
    (id, request): (String, Name),
    made: Made,
) -> Answer<(Record, Label)> {
    let record = Record {
        id,
        issuer: instance.did.clone(),
        request,
        secured: made.secured,
        status: made.entries,
    };
    let type_name = made.type_name;
    let label = Label { instance: instance.name.clone(), type_name, at_ms: now_ms() };
    let alone = crate::custody::seal::random();
    let subject = match wanted.subject.as_str() {
        "" => alone.as_slice(),
        named => named.as_bytes(),
    };
    let reserved: Vec<_> = made.slots.into_iter().map(|slots| slots.reserved).collect();
    let kept = Keep {
        label: label.clone(),
        subject,
        record: &record,
        reserved: &reserved,
        leaves: made.leaves,
    };
    issuing.custody.keep(claim, kept)?;
    Ok((record, label))
}

fn claim(issuing: &Issuing, name: Name) -> Answer<Claim> {
    issuing.custody.claim(name).ok_or_else(|| {
        let busy = Refusal::new(Code::Busy, "/id", "another call works on this credential");
        busy.retry_after(CLAIMED_RETRY_MS)
    })
}

/// Who saw or changed which record, and for which purpose; no values. A record is named by the
/// instance that issued it, even where the configuration has that no more.
fn log_record(
    issuing: &Issuing,
    caller: &Caller,
    act: &str,
    (label, record): (&Label, &Record),
    name: &Name,
) {
    let instance = issuing.by_name(&label.instance).or_else(|| issuing.by_did(&record.issuer));
    let settings = instance.and_then(|instance| instance.type_settings(&label.type_name));
    let purpose = settings.map(|kind| kind.purpose.as_str()).unwrap_or_default();
    let (who, issuer, record) = (&caller.name, &label.instance, hex::encode(name));
    tracing::info!(target: "custody", %who, act, %issuer, purpose, %record);
}

/// A kept record as answers show it.
fn shown(state: &State, issuing: &Issuing, name: &Name, record: &Record) -> Answer<Issued> {
    let mut credentials = Vec::new();
    for (place, secured) in (0..).zip(&record.secured) {
        let credential = if secured.text.starts_with('{') {
            serde_json::from_str(&secured.text).map_err(|_| Refusal::from(Code::Unavailable))?
        } else {
            Value::String(secured.text.clone())
        };
        let receipt = match secured.anchor_salt {
            None => Value::Null,
            Some(salt) => receipt(state, issuing, name, place, salt)?,
        };
        credentials.push(SecuredForm { form: secured.form.clone(), credential, receipt });
    }
    let first = credentials.first().cloned();
    let first = first.ok_or_else(|| Refusal::from(Code::Unavailable))?;
    let status = record.status.iter().map(|entry| AllocatedEntry {
        profile: entry.profile.clone(),
        list: match NumberedId::parse(&entry.list, "status") {
            Some(_) => did_of(&entry.list),
            None => issuing.local_url(&entry.list),
        },
        index: entry.index,
    });
    Ok(Issued {
        id: record.id.clone(),
        issuer: record.issuer.clone(),
        credential: first.credential,
        receipt: first.receipt,
        status: status.collect(),
        credentials,
    })
}

/// A receipt of kind `vc-anchor` (vc.md §5.5), or `"pending"`.
fn receipt(
    state: &State,
    issuing: &Issuing,
    name: &Name,
    place: u32,
    salt: [u8; 32],
) -> Answer<Value> {
    let Some(placed) = issuing.custody.placed(name, place)? else { return Ok(json!("pending")) };
    let id = NumberedId::parse(&placed.anchor, "anchor");
    let anchor: Option<Anchor> = id.and_then(|id| {
        Overlay::new(&state.ledger().reader()).read(&anchor_key(&id.owner, id.number))
    });
    let path: Vec<String> = placed.path.iter().map(ToString::to_string).collect();
    Ok(json!({
        "titianProof": 1,
        "kind": "vc-anchor",
        "chain": issuing.chain(),
        "height": anchor.map(|anchor| anchor.height),
        "claim": {
            "anchor": placed.anchor,
            "salt": view::base64(&salt),
            "leafIndex": placed.leaf_index,
            "anchorPath": path,
        },
        "path": null, "header": null, "certificate": null, "validators": null,
    }))
}

/// A record that a caller may reach.
pub(super) struct Held {
    pub name: Name,
    pub label: Label,
    pub record: Box<Record>,
}

impl Held {
    /// The instance that issued it; if that is no more, another of its issuer.
    pub fn instance<'a>(&self, issuing: &'a Issuing) -> Answer<&'a Instance> {
        let named = issuing.by_name(&self.label.instance);
        let instance = named.or_else(|| issuing.by_did(&self.record.issuer));
        instance.ok_or_else(|| Refusal::from(Code::NotFound))
    }
}

/// Finds a record by the credential's id among the issuers that the caller's token lists; `only` is
/// an instance to look at. Errors: `NOT_FOUND`, `CREDENTIAL_ERASED`.
pub(super) fn find(state: &State, caller: &Caller, only: Option<&str>, id: &str) -> Answer<Held> {
    let issuing = state.issuing()?;
    let mut erased = false;
    for instance in issuing.instances() {
        if !caller.acts_for(&instance.did) || only.is_some_and(|name| name != instance.name) {
            continue;
        }
        let name = issuing.custody.name(&instance.did, id);
        match issuing.custody.find(&name)? {
            None => {}
            Some(Found::Erased(_)) => erased = true,
            Some(Found::Kept(label, record)) => return Ok(Held { name, label, record }),
        }
    }
    let code = if erased { Code::CredentialErased } else { Code::NotFound };
    Err(Refusal::new(code, "/id", ""))
}

/// `vc_credential`.
pub(super) async fn credential(
    state: Arc<State>,
    caller: Caller,
    only: Option<String>,
    id: String,
) -> Answer<Issued> {
    blocking(move || {
        let held = find(&state, &caller, only.as_deref(), &id)?;
        let issuing = state.issuing()?;
        log_record(issuing, &caller, "read", (&held.label, &held.record), &held.name);
        shown(&state, issuing, &held.name, &held.record)
    })
    .await
}

/// `vc_erase`: revokes, then erases. What cannot be revoked is not erased; ask without `revoke`.
pub(super) async fn erase(
    state: Arc<State>,
    caller: Caller,
    only: Option<String>,
    params: EraseParams,
) -> Answer<Erased> {
    let (finding, who) = (Arc::clone(&state), caller.clone());
    let held = move || {
        let held = find(&finding, &who, only.as_deref(), &params.id)?;
        let claim = claim(finding.issuing()?, held.name)?;
        // read again: another call may have erased it before it was claimed
        match finding.issuing()?.custody.find(&held.name)? {
            Some(Found::Kept(..)) => Ok((held, claim)),
            _ => Err(Refusal::new(Code::CredentialErased, "/id", "")),
        }
    };
    let (held, claim) = blocking(held).await?;
    let issuing = Arc::clone(state.issuing()?);
    let instance = held.instance(&issuing)?;
    let status_txs = if params.revoke {
        vc_acts::revoke(&state, instance, &held.record.status).await?
    } else {
        Vec::new()
    };
    log_record(&issuing, &caller, "erase", (&held.label, &held.record), &held.name);
    let custody = issuing.custody.clone();
    blocking(move || Ok(custody.erase(&claim, now_ms())?)).await?;
    Ok(Erased { erased: true, status_tx: status_txs.first().cloned(), status_txs })
}

/// What is kept of which type, why, and how much of it was erased, for the caller's issuers.
fn privacy_report(state: &State, caller: &Caller) -> Answer<Object> {
    let issuing = state.issuing()?;
    let counts = issuing.custody.counts()?;
    let reader = state.ledger().reader();
    let overlay = Overlay::new(&reader);
    let own = issuing.instances().iter().filter(|instance| caller.acts_for(&instance.did));
    let instances: Vec<Value> = own
        .map(|instance| {
            let rows = rows_of(instance, &counts, &overlay);
            json!({"name": instance.name, "issuer": instance.did, "types": rows})
        })
        .collect();
    let head = state.ledger().head();
    let mut shown = Object::new();
    shown.insert("instances".to_owned(), Value::Array(instances));
    let as_of = serde_json::to_value(view::as_of(head.height, head.time_ms));
    shown.insert("asOf".to_owned(), as_of.unwrap_or_default());
    Ok(shown)
}

fn rows_of(
    instance: &Instance,
    counts: &BTreeMap<(String, String), Counts>,
    state: &Overlay<'_>,
) -> Vec<Value> {
    let own = counts.iter().filter(|((name, _), _)| *name == instance.name);
    let mut numbers: BTreeMap<&str, Counts> =
        own.map(|((_, kind), counts)| (kind.as_str(), *counts)).collect();
    for kind in instance.types.iter().filter(|kind| kind.name != "*") {
        numbers.entry(&kind.name).or_default();
    }
    let cc = instance.party().and_then(|party| party.get(..2)).unwrap_or_default();
    let row = |(name, counts): (&str, Counts)| {
        let tags = instance.type_settings(name);
        let oldest = (counts.kept >= SMALL).then(|| rfc3339(counts.oldest_ms));
        json!({
            "type": name,
            "purpose": tags.map(|tags| &tags.purpose),
            "legalBasis": tags.map(|tags| &tags.legal_basis),
            "retentionDays": tags.map(|tags| tags.retention_days),
            "classes": chain::find_type(state, cc, name).map(|kind| classes(&kind, state)),
            "kept": cell(counts.kept),
            "oldest": oldest,
            "erased": cell(counts.erased),
        })
    };
    numbers.into_iter().map(row).collect()
}

/// A count, hidden if it is small.
fn cell(count: u64) -> Value {
    if (1..SMALL).contains(&count) { json!(format!("<{SMALL}")) } else { json!(count) }
}

/// How many members of each class the schemas of a type have.
fn classes(kind: &CredentialType, state: &Overlay<'_>) -> Value {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let ids = kind.schemas.iter().filter_map(|id| ResourceId::parse(id));
    for id in ids.filter(|id| id.kind == ResourceKind::JsonSchema) {
        let bytes = state.read::<Resource>(&id.key()).map(|resource| resource.bytes);
        let schema = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let mut open: Vec<Value> = schema.into_iter().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(class) = members.get("x-titian-class").and_then(Value::as_str) {
                        *found.entry(class.to_owned()).or_default() += 1;
                    }
                    open.extend(members.into_iter().map(|(_, member)| member));
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
    json!(found)
}
