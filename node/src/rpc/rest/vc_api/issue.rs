//! The issuer's side: `/credentials/issue`, `/credentials/status`, `/credentials/{id}` and
//! `/status-lists`, each also under `/issuers/{instance}`.
//!
//! Invariant: a request without the scope, or for an issuer that its token does not list, changes
//! and shows nothing. Options that are not known are ignored, as the API asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension, Path, Query, State as AxumState};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use titian_api::vc_issue::{EraseParams, IssueParams, Issued, SetStatusParams};
use titian_contracts::credential::{NumberedId, Profile};
use titian_contracts::limits;
use titian_credential::contexts::BASE_V2;
use titian_credential::status::signed::{TOKEN_TYP, TTL_MS};
use titian_credential::{model, time};

use super::super::accept::best;
use super::problem::Problem;
use crate::custody::lists::parse_local;
use crate::issuing::Instance;
use crate::issuing::lists::SignedForm;
use crate::rpc::at::At;
use crate::rpc::methods::blocking;
use crate::rpc::vc_acts::{self, NewList, instance_of};
use crate::rpc::{Caller, State, now_ms, vc_issue, vc_lists};

type Answer = Result<Response, Problem>;
type Parts = Option<Path<BTreeMap<String, String>>>;
type Object = Map<String, Value>;

/// How long a list serves if its maker does not say: a year.
const LIST_LIFE_MS: u64 = 366 * 86_400_000;

/// The routes.
pub(in crate::rpc::rest) fn routes() -> Router<Arc<State>> {
    let routes = Router::new()
        .route("/credentials/issue", post(issue))
        .route("/credentials/status", post(set_status))
        .route("/credentials/{id}", get(read).delete(erase))
        .route("/status-lists", post(create_list))
        .route("/status-lists/{id}", get(list))
        .layer(DefaultBodyLimit::max(limits::VC_API_BODY_BYTES_MAX));
    Router::new().nest("/issuers/{instance}", routes.clone()).merge(routes)
}

fn part(parts: &Parts, name: &str) -> Option<String> {
    parts.as_ref().and_then(|Path(parts)| parts.get(name).cloned())
}

/// Refuses who shows no token, or one without the scope.
fn admit(caller: &Caller, scope: &str) -> Result<(), Problem> {
    if caller.is_granted(scope) {
        return Ok(());
    }
    let detail = format!("a bearer token with scope {scope} is needed");
    if caller.scopes.is_empty() && !caller.admin {
        return Err(Problem::unauthorised(&detail));
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", &detail))
}

fn invalid(pointer: &str, detail: &str) -> Problem {
    Problem {
        pointer: pointer.to_owned(),
        ..Problem::new(StatusCode::BAD_REQUEST, "INVALID_PARAMS", detail)
    }
}

/// The JSON object of a body, read strictly.
fn read_body(body: Result<Bytes, BytesRejection>) -> Result<Object, Problem> {
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "the body is too large")
        }
        status => Problem::new(status, "PARSE_ERROR", "the body could not be read"),
    })?;
    match titian_credential::json::parse(&bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(invalid("", "an object is expected")),
    }
}

/// `POST /credentials/issue`.
async fn issue(
    AxumState(state): AxumState<Arc<State>>,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    admit(&caller, "vc:issue")?;
    let body = read_body(body)?;
    let params = issue_params(body, part(&parts, "instance"))?;
    let issued = vc_issue::issue(state, caller, params).await?;
    let body = json!({"verifiableCredential": enveloped(&issued)});
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/credentials/{}", encoded(&issued.id))) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn issue_params(mut body: Object, instance: Option<String>) -> Result<IssueParams, Problem> {
    let Some(Value::Object(credential)) = body.remove("credential") else {
        return Err(invalid("/credential", "an object is expected"));
    };
    let options = match body.remove("options") {
        None => Object::new(),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(invalid("/options", "an object is expected")),
    };
    let text = |name: &str| match options.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(&format!("/options/{name}"), "a text is expected")),
    };
    let status = match options.get("status") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let names: Option<Vec<String>> =
                model::items(value).iter().map(|item| item.as_str().map(str::to_owned)).collect();
            Some(names.ok_or_else(|| invalid("/options/status", "status purposes are expected"))?)
        }
    };
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
        status,
        anchor: options.get("anchor") == Some(&Value::Bool(true)),
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
    AxumState(state): AxumState<Arc<State>>,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    admit(&caller, "vc:status")?;
    let body = read_body(body)?;
    let id = body.get("credentialId").and_then(Value::as_str);
    let id = id.ok_or_else(|| invalid("/credentialId", "a text is expected"))?.to_owned();
    let entry = body.get("credentialStatus").map(model::items).and_then(<[Value]>::first);
    let purpose = entry.and_then(|entry| entry.get("statusPurpose")).and_then(Value::as_str);
    let purpose = purpose.unwrap_or(Profile::Revocation.name()).to_owned();
    let given = body.get("status").or_else(|| entry.and_then(|entry| entry.get("status")));
    let on = match given {
        Some(Value::Bool(on)) => *on,
        Some(Value::String(text)) if text == "1" || text == "true" => true,
        Some(Value::String(text)) if text == "0" || text == "false" => false,
        Some(Value::Number(number)) if matches!(number.as_u64(), Some(0 | 1)) => {
            number.as_u64() == Some(1)
        }
        _ => return Err(invalid("/status", "true or false is expected")),
    };
    let (finding, who) = (Arc::clone(&state), caller.clone());
    let only = part(&parts, "instance");
    let status = blocking(move || {
        let held = vc_issue::find(&finding, &who, only.as_deref(), &id)?;
        Ok(held.record.status)
    })
    .await?;
    let mut done = None;
    for entry in status {
        let new = match (entry.profile.as_str(), purpose.as_str()) {
            (profile, asked) if profile == asked => 1,
            // one token list tells both
            ("token", "revocation") => 1,
            ("token", "suspension") => 2,
            _ => continue,
        };
        let set = SetStatusParams {
            list: entry.list,
            index: entry.index,
            old: None,
            new: if on { new } else { 0 },
            reason: 0,
        };
        done = Some(vc_acts::set_status(&state, &caller, &set).await?);
    }
    let none = || {
        let detail = "the credential has no entry of this purpose";
        Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
    };
    Ok(Json(done.ok_or_else(none)?).into_response())
}

/// `GET /credentials/{id}`.
async fn read(
    AxumState(state): AxumState<Arc<State>>,
    Extension(caller): Extension<Caller>,
    parts: Parts,
) -> Answer {
    admit(&caller, "vc:custody")?;
    let id = part(&parts, "id").unwrap_or_default();
    let issued = vc_issue::credential(state, caller, part(&parts, "instance"), id).await?;
    let body = json!({"verifiableCredential": enveloped(&issued), "receipt": issued.receipt});
    Ok(no_store(Json(body)))
}

fn no_store(body: Json<Value>) -> Response {
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, body).into_response()
}

/// `DELETE /credentials/{id}`; `?revoke=false` leaves its status as it is.
async fn erase(
    AxumState(state): AxumState<Arc<State>>,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer {
    admit(&caller, "vc:custody")?;
    let id = part(&parts, "id").unwrap_or_default();
    let revoke = query.get("revoke").is_none_or(|text| text != "false");
    let params = EraseParams { id, revoke };
    let erased = vc_issue::erase(state, caller, part(&parts, "instance"), params).await?;
    Ok((StatusCode::ACCEPTED, Json(erased)).into_response())
}

/// `POST /status-lists`.
async fn create_list(
    AxumState(state): AxumState<Arc<State>>,
    Extension(caller): Extension<Caller>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    admit(&caller, "vc:status")?;
    let body = read_body(body)?;
    let issuing = Arc::clone(state.issuing()?);
    let did = match (part(&parts, "instance"), body.get("issuer").and_then(model::id_of)) {
        (Some(name), _) => issuing.by_name(&name).map(|instance| instance.did.clone()),
        (None, Some(did)) => Some(did.to_owned()),
        (None, None) => match caller.issuers.as_slice() {
            [only] => Some(only.clone()),
            _ => return Err(invalid("/issuer", "the token lists several issuers; name one")),
        },
    };
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "no such instance");
    let did = did.ok_or_else(unknown)?;
    let mut instance = instance_of(&issuing, &caller, &did, "/issuer")?;
    if let Some(named) = part(&parts, "instance").and_then(|name| issuing.by_name(&name)) {
        instance = named;
    }
    let new = new_list(&body, instance)?;
    let (id, address) = vc_acts::create_list(&state, &caller, instance, new).await?;
    let body = json!({"id": id, "statusListCredential": address});
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/status-lists/{}", encoded(&id))) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn new_list(body: &Object, instance: &Instance) -> Result<NewList, Problem> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let number = |name: &str, default: u64| match body.get(name) {
        None => Ok(default),
        Some(value) => {
            value.as_u64().ok_or_else(|| invalid(&format!("/{name}"), "a number is expected"))
        }
    };
    let purpose = text("profile").or(text("statusPurpose")).unwrap_or(Profile::Revocation.name());
    let profile = Profile::parse(purpose).ok_or_else(|| {
        invalid("/statusPurpose", "revocation, suspension, refresh, use or token")
    })?;
    let size = if matches!(profile, Profile::Use | Profile::Token) { 2 } else { 1 };
    let types = match body.get("types") {
        None => instance.types.iter().map(|kind| kind.name.clone()).collect(),
        Some(value) => model::items(value)
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()
            .ok_or_else(|| invalid("/types", "names of types are expected"))?,
    };
    let until_ms = match text("validUntil") {
        None => number("untilMs", now_ms().saturating_add(LIST_LIFE_MS))?,
        Some(until) => time::parse(until)
            .and_then(|ms| u64::try_from(ms).ok())
            .ok_or_else(|| invalid("/validUntil", "a time is expected"))?,
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
    AxumState(state): AxumState<Arc<State>>,
    parts: Parts,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Answer {
    let id = part(&parts, "id").unwrap_or_default();
    let when_ms = wanted_time(&query)?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let accept = accept.map(str::to_owned);
    let found =
        blocking(move || Ok(signed_list(&state, &id, when_ms, accept.as_deref()))).await??;
    let etag = format!("\"{}\"", found.tag);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let max_age = format!("public, max-age={}", TTL_MS / 1_000);
    let fixed: [(HeaderName, String); 4] = [
        (header::CONTENT_TYPE, found.media.to_owned()),
        (header::CACHE_CONTROL, max_age),
        (header::ETAG, etag.clone()),
        (header::VARY, "accept".to_owned()),
    ];
    if known == Some(etag.as_str()) {
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
    let detail = "timestamp=RFC 3339, or time=seconds";
    parsed.map(Some).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "INVALID_PARAMS", detail))
}

struct FoundList {
    text: String,
    media: &'static str,
    /// Changes with the list and the form.
    tag: String,
}

/// The form of a list of `profile` that a client takes.
fn form_for(accept: Option<&str>, profile: Profile) -> Result<(SignedForm, &'static str), Problem> {
    let token = profile == Profile::Token;
    let offered: Vec<(SignedForm, &'static str)> =
        FORMS.into_iter().filter(|(form, _)| (*form == SignedForm::Token) == token).collect();
    best(accept, &offered, |(_, media)| media).ok_or_else(|| {
        let detail = if token { TOKEN_TYP } else { "application/vc, or as application/vc+jwt" };
        Problem::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", detail)
    })
}

fn signed_list(
    state: &State,
    id: &str,
    when_ms: Option<u64>,
    accept: Option<&str>,
) -> Result<FoundList, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "UNKNOWN_LIST", "no such list here");
    let issuing = state.issuing().map_err(|_| unknown())?;
    let (owner, number) = parse_local(id).ok_or_else(unknown)?;
    if let Some(instance) = issuing.by_name(owner).filter(|instance| instance.party().is_none()) {
        if when_ms.is_some() {
            let detail = "lists kept on a node have no history";
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "NOT_BUILT", detail));
        }
        let list = issuing.custody.local_list(id).map_err(titian_api::Refusal::from)?;
        let list = list.ok_or_else(unknown)?;
        let (form, media) = form_for(accept, list.profile)?;
        let (version, now) = (list.version, now_ms());
        let load = || issuing.local_now(id, now);
        let text = issuing.signed(instance, id, version, form, now, load)?;
        return Ok(FoundList { text, media, tag: format!("{version}-{form:?}") });
    }
    let id =
        NumberedId::parse(&format!("{owner}/status/{number}"), "status").ok_or_else(unknown)?;
    let instance = vc_lists::owner(state, &id).ok_or_else(unknown)?;
    let head = state.ledger().head().height;
    let height = match when_ms {
        None => head,
        Some(ms) => At::height_at_ms(state, ms).ok_or_else(unknown)?,
    };
    let (list, bits) = vc_lists::list_at(state, &id, height)?;
    let (form, media) = form_for(accept, list.profile)?;
    let tag = match when_ms {
        None => format!("{}-{form:?}", list.version),
        Some(_) => format!("at{height}-{form:?}"),
    };
    let text = vc_lists::signed(state, instance, &id, (list, bits), form, when_ms)?;
    Ok(FoundList { text, media, tag })
}
