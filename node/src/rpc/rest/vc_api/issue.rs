//! The issuer's side: `/credentials/issue`, `/credentials/status`, `/credentials/{id}` and
//! `/status-lists`, each also under `/issuers/{instance}`.
//!
//! Invariant: a request without the scope, or for an issuer that its token does not list, changes
//! and shows nothing. Options that are not known are ignored, as the API asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, Query, State as AxumState};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use titian_api::Refusal;
use titian_api::vc_issue::{EraseParams, IssueParams, Issued};
use titian_contracts::credential::{NumberedId, Profile, parse_index};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_credential::contexts::BASE_V2;
use titian_credential::status::signed::TTL_MS;
use titian_credential::{model, time};

use super::super::accept::rated;
use super::super::registry::is_known;
use super::{Options, Problem, members};
use crate::custody::lists::{Change, Old, parse_local};
use crate::custody::record::Entry;
use crate::issuing::lists::SignedForm;
use crate::issuing::{Instance, Issuing};
use crate::rpc::methods::blocking;
use crate::rpc::vc::did_ubin::at_time;
use crate::rpc::vc_acts::{self, Changes, NewList, instance_of};
use crate::rpc::{Caller, State, now_ms, vc_issue, vc_lists};

type Answer = Result<Response, Problem>;
type Parts = Option<Path<BTreeMap<String, String>>>;
type Object = Map<String, Value>;
type Node = AxumState<Arc<State>>;

/// How long a list serves if its maker does not say: as with `titian vc list-create`, longer than a
/// credential of the longest type.
const LIST_LIFE_MS: u64 = 2_192 * 86_400_000;

/// The routes.
pub(super) fn routes() -> Router<Arc<State>> {
    let routes = Router::new()
        .route("/credentials/issue", post(issue))
        .route("/credentials/status", post(set_status))
        .route("/credentials/{id}", get(read).delete(erase))
        .route("/status-lists", post(create_list))
        .route("/status-lists/{id}", get(list));
    Router::new().nest("/issuers/{instance}", routes.clone()).merge(routes)
}

fn part(parts: &Parts, name: &str) -> Option<String> {
    parts.as_ref().and_then(|Path(parts)| parts.get(name).cloned())
}

/// The answer, or the problem as one.
fn finish(state: &State, answer: Answer) -> Response {
    answer.unwrap_or_else(|problem| problem.answer(state))
}

/// Refuses who shows no token, or one without the scope; and an instance that is not there.
fn admit(state: &State, caller: &Caller, scope: &str, parts: &Parts) -> Result<(), Problem> {
    if !caller.is_granted(scope) {
        let detail = format!("a bearer token with scope {scope} is needed");
        let mut problem = Problem::from(Refusal::new(Code::Forbidden, "", &detail));
        if caller.scopes.is_empty() && !caller.admin {
            problem.status = StatusCode::UNAUTHORIZED;
        }
        return Err(problem);
    }
    let named = part(parts, "instance");
    let known =
        |name: &String| state.issuing().is_ok_and(|issuing| issuing.by_name(name).is_some());
    match named {
        Some(name) if !known(&name) => Err(Problem::not_found("no issuer instance of this name")),
        _ => Ok(()),
    }
}

/// `POST /credentials/issue`.
async fn issue(
    AxumState(state): Node,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    body: Body,
) -> Response {
    let answer = issue_answer(&state, caller, &parts, body).await;
    finish(&state, answer)
}

async fn issue_answer(state: &Arc<State>, caller: Caller, parts: &Parts, body: Body) -> Answer {
    admit(state, &caller, "vc:issue", parts)?;
    let params = issue_params(members(body).await?, part(parts, "instance"))?;
    let issued = vc_issue::issue(Arc::clone(state), caller, params).await?;
    let body = json!({"verifiableCredential": enveloped(&issued)});
    let place = format!("/credentials/{}", encoded(&issued.id));
    Ok(created(&place, body))
}

fn created(place: &str, body: Value) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(place) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn issue_params(mut body: Object, instance: Option<String>) -> Result<IssueParams, Problem> {
    let options = Options::take(&mut body)?;
    let Some(Value::Object(credential)) = body.remove("credential") else {
        return Err(Problem::malformed("credential: an object is expected"));
    };
    let text = |name: &str| options.text(name).map(|found| found.map(str::to_owned));
    let status = options.texts("status")?;
    // claims of an SD-JWT VC have a type of their own and no contexts
    let flat = credential.contains_key("vct") && !credential.contains_key("@context");
    let (credential, claims) =
        if flat { (None, Some(credential)) } else { (Some(credential), None) };
    Ok(IssueParams {
        credential,
        claims,
        form: text("form")?.or(text("cryptosuite")?),
        instance,
        credential_id: text("credentialId")?,
        status: (!status.is_empty()).then_some(status),
        anchor: options.flag("anchor", false)?,
        created: text("created")?,
        challenge: text("challenge")?,
        domain: text("domain")?,
        ..IssueParams::default()
    })
}

/// The first form; a token in its envelope (VCDM 2.0 §4.13).
fn enveloped(issued: &Issued) -> Value {
    match (&issued.credential, issued.credentials.first()) {
        (Value::String(token), Some(first)) => json!({
            "@context": [BASE_V2],
            "id": format!("data:application/{},{token}", first.form),
            "type": "EnvelopedVerifiableCredential",
        }),
        (embedded, _) => embedded.clone(),
    }
}

/// A path segment (RFC 3986).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `POST /credentials/status`.
async fn set_status(
    AxumState(state): Node,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    body: Body,
) -> Response {
    let answer = status_answer(&state, caller, &parts, body).await;
    finish(&state, answer)
}

async fn status_answer(state: &Arc<State>, caller: Caller, parts: &Parts, body: Body) -> Answer {
    admit(state, &caller, "vc:status", parts)?;
    let body = members(body).await?;
    let id = body.get("credentialId").and_then(Value::as_str);
    let absent = || Problem::malformed("credentialId: a text is expected");
    let id = id.ok_or_else(absent)?.to_owned();
    let named = NamedEntry::read(&body)?;
    let on = body.get("status").or(named.status).and_then(read_flag);
    let on = on.ok_or_else(|| Problem::malformed("status: true or false is expected"))?;
    let (finding, who) = (Arc::clone(state), caller.clone());
    let only = part(parts, "instance");
    let find = move || vc_issue::find(&finding, &who, only.as_deref(), &id);
    let held = blocking(find).await?;
    let issuing = state.issuing()?;
    let is_named = |entry: &Entry| named.is(entry, issuing);
    if !held.record.status.iter().any(is_named) {
        return Err(Problem::malformed("credentialStatus: no entry of this credential"));
    }
    let mut by_list = Changes::new();
    for entry in held.record.status.iter().filter(|entry| is_named(entry)) {
        let value = match (entry.profile.as_str(), named.purpose) {
            (profile, asked) if profile == asked => 1,
            // one token list tells both
            ("token", "revocation") => 1,
            ("token", "suspension") => 2,
            _ => continue,
        };
        // where one entry tells both, taking back the one must not take back the other
        let old = if !on && entry.profile == "token" { Old::Only(value) } else { Old::Any };
        let change = Change { index: entry.index, old, new: if on { value } else { 0 } };
        by_list.entry(entry.list.clone()).or_default().push(change);
    }
    let instance = held.instance(issuing)?;
    let done = vc_acts::set_entries(state, instance, by_list).await?;
    let none = || Problem::not_found("the credential has no entry of this purpose");
    let last = done.last().ok_or_else(none)?;
    vc_acts::log(&caller, "set status", instance);
    Ok(Json(last).into_response())
}

/// What `credentialStatus` of a request names: a purpose, and the entry if it says which. Nothing of it
/// is guessed: a revocation is for good.
#[derive(Clone, Copy)]
struct NamedEntry<'a> {
    purpose: &'a str,
    list: Option<&'a str>,
    index: Option<u64>,
    /// The value, from clients that write it here.
    status: Option<&'a Value>,
}

impl<'a> NamedEntry<'a> {
    fn read(body: &'a Object) -> Result<Self, Problem> {
        let malformed = |what: &str| Problem::malformed(&format!("credentialStatus{what}"));
        let entry = match body.get("credentialStatus").map(model::items) {
            Some([Value::Object(entry)]) => entry,
            _ => return Err(malformed(": one entry is expected")),
        };
        let text = |name: &str| match entry.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(malformed(&format!(".{name}: a text is expected"))),
        };
        if text("type")?.is_some_and(|kind| kind != "BitstringStatusListEntry") {
            return Err(malformed(".type: BitstringStatusListEntry is expected"));
        }
        let purpose = text("statusPurpose")?;
        let index = match entry.get("statusListIndex") {
            None => None,
            Some(value) => {
                let index = value.as_u64().or_else(|| value.as_str().and_then(parse_index));
                Some(index.ok_or_else(|| malformed(".statusListIndex: a number is expected"))?)
            }
        };
        Ok(Self {
            purpose: purpose.ok_or_else(|| malformed(".statusPurpose: a text is expected"))?,
            list: text("statusListCredential")?,
            index,
            status: entry.get("status"),
        })
    }

    /// Whether an entry of a credential is the one that is named.
    fn is(&self, entry: &Entry, issuing: &Issuing) -> bool {
        let id = |list: &'a str| list.strip_prefix("did:ubin:").or(issuing.local_of_url(list));
        self.list.is_none_or(|list| id(list) == Some(entry.list.as_str()))
            && self.index.is_none_or(|index| index == entry.index)
    }
}

/// Yes or no as clients of different ages write it.
fn read_flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::String(text) if text == "1" || text == "true" => Some(true),
        Value::String(text) if text == "0" || text == "false" => Some(false),
        _ => None,
    }
}

/// `GET /credentials/{id}`.
async fn read(
    AxumState(state): Node,
    Extension(caller): Extension<Caller>,
    parts: Parts,
) -> Response {
    let answer = read_answer(&state, caller, &parts).await;
    finish(&state, answer)
}

async fn read_answer(state: &Arc<State>, caller: Caller, parts: &Parts) -> Answer {
    admit(state, &caller, "vc:custody", parts)?;
    let id = part(parts, "id").unwrap_or_default();
    let only = part(parts, "instance");
    let issued = vc_issue::credential(Arc::clone(state), caller, only, id).await?;
    let body = json!({"verifiableCredential": enveloped(&issued), "receipt": issued.receipt});
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((headers, Json(body)).into_response())
}

/// `DELETE /credentials/{id}`; `?revoke=false` leaves its status as it is.
async fn erase(
    AxumState(state): Node,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let revoke = query.get("revoke").is_none_or(|text| text != "false");
    let answer = erase_answer(&state, caller, &parts, revoke).await;
    finish(&state, answer)
}

async fn erase_answer(state: &Arc<State>, caller: Caller, parts: &Parts, revoke: bool) -> Answer {
    admit(state, &caller, "vc:custody", parts)?;
    let params = EraseParams { id: part(parts, "id").unwrap_or_default(), revoke };
    let only = part(parts, "instance");
    let erased = vc_issue::erase(Arc::clone(state), caller, only, params).await?;
    Ok((StatusCode::ACCEPTED, Json(erased)).into_response())
}

/// `POST /status-lists`.
async fn create_list(
    AxumState(state): Node,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    body: Body,
) -> Response {
    let answer = create_answer(&state, &caller, &parts, body).await;
    finish(&state, answer)
}

async fn create_answer(state: &State, caller: &Caller, parts: &Parts, body: Body) -> Answer {
    admit(state, caller, "vc:status", parts)?;
    let body = members(body).await?;
    let issuing = Arc::clone(state.issuing()?);
    let named = part(parts, "instance").and_then(|name| issuing.by_name(&name));
    let did = match (named, body.get("issuer").and_then(model::id_of), caller.issuers.as_slice()) {
        (Some(instance), ..) => instance.did.clone(),
        (None, Some(did), _) => did.to_owned(),
        (None, None, [only]) => only.clone(),
        _ => return Err(Problem::malformed("issuer: the token lists several; name one")),
    };
    let first = instance_of(&issuing, caller, &did, "/issuer")?;
    let instance = named.unwrap_or(first);
    let new = new_list(&body, instance)?;
    let (id, address) = vc_acts::create_list(state, caller, instance, new).await?;
    let body = json!({"id": id, "statusListCredential": address});
    Ok(created(&format!("/status-lists/{}", encoded(&id)), body))
}

fn new_list(body: &Object, instance: &Instance) -> Result<NewList, Problem> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let number = |name: &str, default: u64| match body.get(name) {
        None => Ok(default),
        Some(value) => {
            let wrong = || Problem::malformed(&format!("{name}: a number is expected"));
            value.as_u64().ok_or_else(wrong)
        }
    };
    // a list keeps its profile, and its entries their meaning, for good: nothing is guessed
    let purpose = text("profile").or(text("statusPurpose"));
    let profile = purpose.and_then(Profile::parse).ok_or_else(|| {
        Problem::malformed("statusPurpose: revocation, suspension, refresh, use or token")
    })?;
    let size = if matches!(profile, Profile::Use | Profile::Token) { 2 } else { 1 };
    let types = match body.get("types") {
        None => instance.types.iter().map(|kind| kind.name.clone()).collect(),
        Some(value) => model::items(value)
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()
            .ok_or_else(|| Problem::malformed("types: names of types are expected"))?,
    };
    let until_ms = match text("validUntil") {
        None => number("untilMs", now_ms().saturating_add(LIST_LIFE_MS))?,
        Some(until) => time::parse(until)
            .and_then(|ms| u64::try_from(ms).ok())
            .ok_or_else(|| Problem::malformed("validUntil: a time is expected"))?,
    };
    Ok(NewList {
        profile,
        types,
        status_size: number("statusSize", size)?,
        entries: number("entries", limits::LIST_ENTRIES_MIN)?,
        until_ms,
        uri: text("uri").map(str::to_owned),
    })
}

const FORMS: [(SignedForm, &str); 4] = [
    (SignedForm::Embedded, "application/vc"),
    (SignedForm::Embedded, "application/json"),
    (SignedForm::Jwt, "application/vc+jwt"),
    (SignedForm::Token, "application/statuslist+jwt"),
];

/// `GET /status-lists/{id}`: public. `?timestamp=` (RFC 3339) and `?time=` (seconds) serve history.
async fn list(
    AxumState(state): Node,
    parts: Parts,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let answer = list_answer(&state, &parts, &query, &headers).await;
    finish(&state, answer)
}

async fn list_answer(
    state: &Arc<State>,
    parts: &Parts,
    query: &BTreeMap<String, String>,
    headers: &HeaderMap,
) -> Answer {
    let id = part(parts, "id").unwrap_or_default();
    let when_ms = wanted_time(query)?;
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let accept = text(header::ACCEPT).map(str::to_owned);
    let reading = Arc::clone(state);
    let find = move || Ok(signed_list(&reading, &id, when_ms, accept.as_deref()));
    let found = blocking(find).await??;
    // the text, not the version alone: one that was signed anew is fresh for longer
    let digest = blake3::hash(found.text.as_bytes()).to_hex();
    let etag = format!("\"{}-{}\"", found.version, &digest[..16]);
    let fixed: [(HeaderName, String); 4] = [
        (header::CONTENT_TYPE, found.media.to_owned()),
        (header::CACHE_CONTROL, format!("public, max-age={}", TTL_MS / 1_000)),
        (header::ETAG, etag.clone()),
        (header::VARY, "accept".to_owned()),
    ];
    if is_known(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Ok((fixed, found.text).into_response())
}

fn wanted_time(query: &BTreeMap<String, String>) -> Result<Option<u64>, Problem> {
    let parsed = match (query.get("timestamp"), query.get("time")) {
        (None, None) => return Ok(None),
        (Some(text), None) => time::parse(text).and_then(|ms| u64::try_from(ms).ok()),
        (None, Some(text)) => text.parse::<u64>().ok().and_then(|s| s.checked_mul(1_000)),
        (Some(_), Some(_)) => None,
    };
    let wrong = || Problem::malformed("timestamp=RFC 3339, or time=seconds");
    parsed.map(Some).ok_or_else(wrong)
}

struct FoundList {
    text: String,
    media: &'static str,
    version: u64,
}

/// The form of a list of `profile` that a client takes.
fn form_for(accept: Option<&str>, profile: Profile) -> Result<(SignedForm, &'static str), Problem> {
    let token = profile == Profile::Token;
    let offered: Vec<(SignedForm, &'static str)> =
        FORMS.into_iter().filter(|(form, _)| (*form == SignedForm::Token) == token).collect();
    let media: Vec<&str> = offered.iter().map(|(_, media)| *media).collect();
    rated(accept, &media).and_then(|best| offered.get(best).copied()).ok_or_else(|| {
        let mut problem = Problem::malformed(&format!("offered: {}", media.join(", ")));
        problem.status = StatusCode::NOT_ACCEPTABLE;
        problem
    })
}

fn signed_list(
    state: &State,
    id: &str,
    when_ms: Option<u64>,
    accept: Option<&str>,
) -> Result<FoundList, Problem> {
    let unknown = || Problem::from(Refusal::new(Code::UnknownList, "", "no such list here"));
    let issuing = state.issuing().map_err(|_| unknown())?;
    let (owner, number) = parse_local(id).ok_or_else(unknown)?;
    if let Some(instance) = issuing.by_name(owner).filter(|instance| instance.party().is_none()) {
        if when_ms.is_some() {
            let detail = "lists kept on a node have no history";
            return Err(Refusal::new(Code::NotBuilt, "", detail).into());
        }
        let list = issuing.custody.local_list(id).map_err(Refusal::from)?;
        let list = list.ok_or_else(unknown)?;
        let (form, media) = form_for(accept, list.profile)?;
        let (version, now) = (list.version, now_ms());
        let load = || issuing.local_now(id, now);
        let text = issuing.signed(instance, id, version, form, now, load)?;
        return Ok(FoundList { text, media, version });
    }
    let id =
        NumberedId::parse(&format!("{owner}/status/{number}"), "status").ok_or_else(unknown)?;
    let instance = vc_lists::owner(state, &id).ok_or_else(unknown)?;
    // today's entries under a later date would hide every change until then
    if when_ms.is_some_and(|ms| ms > now_ms()) {
        return Err(Problem::malformed("timestamp, time: not in the future"));
    }
    let head = state.ledger().head().height;
    let height = match when_ms {
        None => head,
        Some(ms) => at_time(state, ms)?.ok_or_else(unknown)?,
    };
    let (list, bits) = vc_lists::list_at(state, &id, height)?;
    let (form, media) = form_for(accept, list.profile)?;
    let version = list.version;
    let text = vc_lists::signed(state, instance, &id, (list, bits), form, when_ms)?;
    Ok(FoundList { text, media, version })
}
