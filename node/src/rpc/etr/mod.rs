//! `etr_*`: transferable records. Everybody sees public parts; the party part is shown to a party
//! that signed a capability, and to tokens with scope `etr:read`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use rand::RngCore as _;
use titian_api::etr::{
    Capability, GetParams, ListParams, LookupParams, MatrixParams, PrepareParams, ProveParams,
};
use titian_api::{Bundle, Object, Page, Prepared, Refusal, call};
use titian_contracts::access::{self, Party, Purpose};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::legal::{self, LegalEffect, Rulebook};
use titian_contracts::etr::person::identity;
use titian_contracts::etr::record::{Pending, Record};
use titian_contracts::etr::{build, content, keys, profile, roles, view as etr_view};
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op;
use titian_contracts::state::{Overlay, decode_content};

use super::at::At;
use super::methods::{Answer, add, blocking};
use super::{Caller, State, now_ms, prepare, prove, view};

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::EtrGet, _, _>(module, get)?;
    add::<call::EtrLookup, _, _>(module, |state, params, _| lookup(state, params))?;
    add::<call::EtrList, _, _>(module, |state, params, caller| async move {
        blocking(move || list(&state, &params, &caller)).await
    })?;
    add::<call::EtrInbox, _, _>(module, |state, params, caller| async move {
        blocking(move || {
            let titian_api::etr::InboxParams { party, cursor, capability } = params;
            let query = ListParams { party, role: None, status: None, cursor, capability };
            let waits =
                |record: &Record, overlay: &Overlay<'_>| waits_for(record, &query.party, overlay);
            page(&state, &query, &caller, waits)
        })
        .await
    })?;
    add::<call::EtrPrepare, _, _>(module, |state, params, caller| async move {
        blocking(move || prepare_op(&state, params, &caller)).await
    })?;
    add::<call::EtrProve, _, _>(module, proof)?;
    add::<call::EtrProfiles, _, _>(module, |state, _, _| async move {
        blocking(move || profiles(&state)).await
    })?;
    add::<call::EtrLegalMatrix, _, _>(module, |state, params, _| async move {
        blocking(move || matrix(&state, &params)).await
    })?;
    Ok(())
}

/// The party that a capability about `subject` shows to ask. Errors: `FORBIDDEN`.
fn capable_party(state: &State, capability: &Capability, subject: &str) -> Answer<String> {
    let refuse = |detail: &str| Refusal::new(Code::Forbidden, "/capability", detail);
    if capability.ms.abs_diff(now_ms()) > titian_api::etr::CAPABILITY_MS_MAX {
        return Err(refuse("ms is more than 300 s from now"));
    }
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let party = Party::parse(&capability.party).ok_or_else(|| refuse("no such party"))?;
    let no = op::parse_key_no(&capability.key).ok_or_else(|| refuse("no such key"))?;
    let key = access::key_of(&overlay, &party, no).ok_or_else(|| refuse("no such key"))?;
    let usable = key.is_active(at.time_ms)
        && key.has(Purpose::Invoke)
        && key.algorithm == "Ed25519"
        && !access::is_closed(&overlay, &party);
    let public_key = <[u8; 32]>::try_from(key.public_key.as_slice());
    let signature = op::decode_fixed::<64>(&capability.sig);
    let (Ok(public_key), Some(signature), true) = (public_key, signature, usable) else {
        return Err(refuse("the key is not active, or the signature malformed"));
    };
    let digest = titian_api::etr::capability_digest(
        state.ledger().chain(),
        subject,
        &capability.party,
        capability.ms,
    );
    if op::verify(&public_key, &digest, &signature) {
        Ok(capability.party.clone())
    } else {
        Err(refuse("the signature does not verify"))
    }
}

/// Whether the caller may see the party part of record `id`. A capability that does not hold is an
/// error, not a smaller answer.
fn may_see(
    state: &State,
    caller: &Caller,
    capability: Option<&Capability>,
    id: &str,
    overlay: &Overlay<'_>,
) -> Answer<bool> {
    if caller.may("etr:read") {
        return Ok(true);
    }
    let Some(capability) = capability else { return Ok(false) };
    let party = capable_party(state, capability, id)?;
    if etr_view::is_party(overlay, id, &party) {
        Ok(true)
    } else {
        Err(Refusal::new(Code::Forbidden, "/capability", "is no party to this record"))
    }
}

/// Asks that the caller is `party`, or has a token.
fn require_party(
    state: &State,
    caller: &Caller,
    capability: Option<&Capability>,
    party: &str,
) -> Answer<()> {
    if caller.may("etr:read") {
        return Ok(());
    }
    let missing =
        || Refusal::new(Code::Forbidden, "/capability", "the party must show that it asks");
    let shown = capable_party(state, capability.ok_or_else(missing)?, party)?;
    if shown == party { Ok(()) } else { Err(missing()) }
}

fn unknown_record() -> Refusal {
    Refusal::new(Code::UnknownRecord, "/id", "")
}

async fn get(state: Arc<State>, params: GetParams, caller: Caller) -> Answer<Object> {
    let mut shown = {
        let at = At::height(&state, params.height)?;
        let overlay = Overlay::new(&at.reader);
        let all = may_see(&state, &caller, params.capability.as_ref(), &params.id, &overlay)?;
        at.stamp(record(&overlay, &params.id, all).ok_or_else(unknown_record)?)
    };
    if params.proof {
        let stated = [("id", params.id.clone())];
        prove::add(&state, &mut shown, params.height, "etr-status", &stated).await?;
    }
    Ok(shown)
}

/// A record as `{public}` or `{public, party, endorsements}`.
fn record(overlay: &Overlay<'_>, id: &str, all: bool) -> Option<Object> {
    let content = overlay.content(&keys::record(id))?;
    let mut members = vec![("id", Value::from(id)), ("public", etr_view::public_part(&content)?)];
    if all {
        let chain = etr_view::endorsements(overlay, id);
        let chain = chain.iter().map(etr_view::endorsement_value).collect();
        members.push(("party", etr_view::party_part(&content)?));
        members.push(("endorsements", Value::List(chain)));
    }
    Some(view::object(&Value::object(members)))
}

async fn lookup(state: Arc<State>, params: LookupParams) -> Answer<Object> {
    let invalid = || {
        let detail = "series, issuer and ref, or issuer and serial";
        Refusal::new(Code::InvalidParams, "", detail)
    };
    let number = match (&params.series, &params.reference, &params.serial) {
        (Some(series), Some(reference), None) => format!("{series}/{}/{reference}", params.issuer),
        (None, None, Some(serial)) => format!("{}/{serial}", params.issuer),
        _ => return Err(invalid()),
    };
    let mut shown = {
        let at = At::height(&state, None)?;
        let overlay = Overlay::new(&at.reader);
        let mut shown = Object::new();
        let mut set = |name: &str, value: serde_json::Value| shown.insert(name.to_owned(), value);
        match (&params.series, &params.reference, &params.serial) {
            (Some(series), Some(reference), _) => {
                let id = etr_view::lookup(&overlay, series, &params.issuer, reference);
                set("found", id.is_some().into());
                if let Some(found) = id.and_then(|id| record(&overlay, &id, false)) {
                    set("record", found.into());
                }
            }
            (_, _, Some(serial)) => {
                let key = keys::paper(&identity(&overlay, &params.issuer), serial);
                set("found", overlay.holds(&key).into());
            }
            _ => return Err(invalid()),
        }
        at.stamp(shown)
    };
    let absent = shown.get("found") == Some(&serde_json::Value::Bool(false));
    if params.proof && absent {
        let stated = prove::absence(&number).ok_or_else(invalid)?;
        let bundle = prove::bundle(&state, "etr-absence", stated).await?;
        shown.insert("proof".to_owned(), bundle.bundle.into());
    }
    Ok(shown)
}

fn list(state: &State, params: &ListParams, caller: &Caller) -> Answer<Page> {
    page(state, params, caller, |record, _| {
        params.status.as_ref().is_none_or(|status| record.public.status.text() == status)
    })
}

/// Whether `party` is the one to answer what is pending.
fn waits_for(record: &Record, party: &str, overlay: &Overlay<'_>) -> bool {
    let same = |other: &str| identity(overlay, other) == identity(overlay, party);
    match &record.party.pending {
        Some(Pending::Offer { to, .. }) => to.members().iter().any(|member| same(member)),
        // until a drawee accepts, the drawer answers in its place
        Some(Pending::Surrender { .. }) => profile::load(overlay, &record.public.profile)
            .is_some_and(|profile| same(roles::answering(&profile, record))),
        Some(Pending::Present { .. }) => same(&record.party.obligor),
        None => false,
    }
}

/// A page of the records of a party that pass `wanted`.
fn page(
    state: &State,
    params: &ListParams,
    caller: &Caller,
    wanted: impl Fn(&Record, &Overlay<'_>) -> bool,
) -> Answer<Page> {
    require_party(state, caller, params.capability.as_ref(), &params.party)?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let prefix = etr_view::party_prefix(&identity(&overlay, &params.party));
    let after = match &params.cursor {
        None => None,
        Some(text) => {
            let key = URL_SAFE_NO_PAD.decode(text).ok().filter(|key| key.starts_with(&prefix));
            let invalid = || Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list");
            Some(key.ok_or_else(invalid)?)
        }
    };
    let found = state.ledger().scan(&prefix, after.as_deref(), limits::PAGE_ITEMS_MAX);
    let cursor = (found.len() == limits::PAGE_ITEMS_MAX)
        .then(|| found.last().map(|(key, _)| view::base64(key)))
        .flatten();
    let mut items = Vec::new();
    for (key, stored) in &found {
        let Some(id) = key.get(prefix.len()..).and_then(|id| std::str::from_utf8(id).ok()) else {
            continue;
        };
        let roles = etr_view::roles_of(&stored.content);
        let in_role = params.role.as_ref().is_none_or(|role| roles.contains(role));
        let Some(loaded) = Record::load(&overlay, id).filter(|_| in_role) else { continue };
        if !wanted(&loaded, &overlay) {
            continue;
        }
        let Some(mut shown) = record(&overlay, id, true) else { continue };
        shown.insert("roles".to_owned(), roles.into());
        items.push(shown);
    }
    Ok(Page { items, cursor, as_of: view::as_of(at.height, at.time_ms) })
}

async fn proof(state: Arc<State>, params: ProveParams, caller: Caller) -> Answer<Bundle> {
    let need = |field: &str| Refusal::new(Code::InvalidParams, field, "is needed for this kind");
    match params.kind.strip_prefix("etr-").unwrap_or(&params.kind) {
        "status" => {
            let id = params.id.as_deref().ok_or_else(|| need("/id"))?;
            let stated = Value::object([("id", Value::from(id))]);
            prove::bundle(&state, "etr-status", stated).await
        }
        "absence" => {
            let subject = params.subject.as_deref().ok_or_else(|| need("/subject"))?;
            let stated = prove::absence(subject).ok_or_else(|| need("/subject"))?;
            prove::bundle(&state, "etr-absence", stated).await
        }
        "control" => {
            let id = params.id.as_deref().ok_or_else(|| need("/id"))?;
            {
                let at = At::height(&state, None)?;
                let overlay = Overlay::new(&at.reader);
                // the challenge itself is signed by the controller, so it authorises as well
                if params.challenge.is_none() {
                    may_see(&state, &caller, params.capability.as_ref(), id, &overlay)?;
                }
            }
            let challenge = params.challenge.as_ref().ok_or_else(|| need("/challenge"))?;
            let text = serde_json::to_vec(challenge).map_err(|_| need("/challenge"))?;
            let challenge = titian_contracts::json::parse(&text).map_err(Refusal::from)?;
            let stated = Value::object([("id", Value::from(id)), ("challenge", challenge)]);
            prove::bundle(&state, "etr-control", stated).await
        }
        _ => Err(Refusal::new(Code::InvalidParams, "/kind", "status, control or absence")),
    }
}

/// Prepares an op: the node fills in id, seq, head, and what the client left open.
fn prepare_op(state: &State, params: PrepareParams, caller: &Caller) -> Answer<Prepared> {
    if params.act.starts_with("consent_") {
        let common = titian_api::PrepareParams { act: params.act, args: params.args };
        return prepare::common(state, op::Register::Etr, common);
    }
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let args = prepare::value_of(&params.args, "/args")?;
    let id = match &params.id {
        Some(id) => id.clone(),
        None => issue_id(state, &overlay, &args)?,
    };
    let known = Record::load(&overlay, &id);
    let (seq, head) = known.as_ref().map_or_else(
        || (0, state.ledger().genesis().hash),
        |record| (record.public.seq, record.public.head),
    );
    let all = match &known {
        // a record that does not exist has no party part; the arguments are the caller's own
        None => true,
        Some(_) => may_see(state, caller, params.capability.as_ref(), &id, &overlay)?,
    };
    let rulebook = rulebook(state, params.rulebook.as_deref(), at.time_ms)?;
    let blind = params.blind.unwrap_or_else(|| {
        let mut bytes = [0; 16];
        rand::rngs::OsRng.fill_bytes(&mut bytes);
        hex::encode(bytes)
    });
    let place = params
        .place
        .ok_or_else(|| Refusal::new(Code::InvalidParams, "/place", "a UN/LOCODE is needed"))?;
    let ack = params.ack.unwrap_or_default();
    let frame = build::Frame {
        chain: state.ledger().chain(),
        id: &id,
        seq,
        head,
        rulebook,
        place: &place,
        ack: &ack,
        blind: &blind,
    };
    let mut prepared = prepare::dry_run(state, build::op(&frame, &params.act, args))?;
    if !all {
        // who must sign, and why a check fails, would tell the party part
        for signer in &mut prepared.signers {
            signer.party.clear();
        }
        prepared.events.clear();
        if let Some(fails) = &mut prepared.fails {
            fails.data.detail = None;
        }
    }
    Ok(prepared)
}

/// The id of the record that an `issue` makes.
fn issue_id(state: &State, overlay: &Overlay<'_>, args: &Value) -> Answer<String> {
    let text = |name: &str| {
        let missing = || Refusal::new(Code::InvalidParams, &format!("/args/{name}"), "is needed");
        args.get(name).and_then(Value::as_text).ok_or_else(missing)
    };
    let profile = profile::load(overlay, text("profile")?)
        .ok_or_else(|| Refusal::new(Code::UnknownProfile, "/args/profile", ""))?;
    let issuer = args.get("issuer").and_then(Value::as_text).or_else(|| {
        // the issuer is the obligor, but for instruments that a drawer opens
        args.get("obligor").and_then(Value::as_text)
    });
    let issuer =
        issuer.ok_or_else(|| Refusal::new(Code::InvalidParams, "/id", "id is needed here"))?;
    let entity = identity(overlay, issuer);
    Ok(content::record_id(state.ledger().chain(), &profile.series, &entity, text("ref")?))
}

/// The rulebook named, else the only one in force.
fn rulebook(state: &State, named: Option<&str>, time_ms: u64) -> Answer<Digest> {
    let invalid = |detail: &str| Refusal::new(Code::InvalidParams, "/rulebook", detail);
    if let Some(text) = named {
        return Digest::parse(text).ok_or_else(|| invalid("a b3: digest is expected"));
    }
    let mut digests: Vec<Digest> = state
        .ledger()
        .scan(b"gov/rulebook/", None, limits::PAGE_ITEMS_MAX)
        .iter()
        .filter_map(|(_, stored)| decode_content::<Rulebook>(&stored.content))
        .filter(|book| book.from_ms <= time_ms && book.until_ms.is_none_or(|end| time_ms < end))
        .map(|book| book.digest)
        .collect();
    digests.sort_unstable();
    digests.dedup();
    match digests.as_slice() {
        [only] => Ok(*only),
        _ => Err(invalid("more than one rulebook, or none, is in force; name one")),
    }
}

fn profiles(state: &State) -> Answer<Object> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let prefix = keys::profile("");
    let found = state.ledger().scan(&prefix, None, limits::PAGE_ITEMS_MAX);
    let profiles = found
        .iter()
        .filter_map(|(key, _)| std::str::from_utf8(key.get(prefix.len()..)?).ok())
        .filter_map(|name| {
            let profile = profile::value_of(&overlay, name)?;
            Some(Value::object([("name", Value::from(name)), ("profile", profile)]))
        });
    let shown = Value::object([("profiles", Value::List(profiles.collect()))]);
    Ok(at.stamp(view::object(&shown)))
}

fn matrix(state: &State, params: &MatrixParams) -> Answer<Object> {
    let at = At::height(state, None)?;
    let found = state.ledger().scan(b"gov/legal/", None, 10 * limits::PAGE_ITEMS_MAX);
    let entries = found
        .iter()
        .filter_map(|(_, stored)| decode_content::<LegalEffect>(&stored.content))
        .filter(|entry| {
            params.class.as_ref().is_none_or(|class| &entry.class == class || entry.class == "*")
        })
        .map(|entry| {
            let verdict = legal::verdict(Some(&entry), &entry.class, true, at.time_ms);
            Value::object([
                ("ams", Value::from(entry.ams.as_str())),
                ("class", Value::from(entry.class.as_str())),
                ("instrument", Value::from(entry.instrument.as_str())),
                ("status", Value::from(entry.status.as_str())),
                ("sinceMs", Value::from(entry.since_ms)),
                ("citation", Value::from(entry.citation.as_str())),
                (
                    "excludes",
                    Value::List(entry.excludes.iter().map(|c| Value::from(c.as_str())).collect()),
                ),
                ("verdict", Value::from(verdict.text())),
                ("version", Value::from(entry.version)),
            ])
        });
    let shown = Value::object([("entries", Value::List(entries.collect()))]);
    Ok(at.stamp(view::object(&shown)))
}
