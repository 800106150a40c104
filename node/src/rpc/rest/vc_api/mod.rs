//! The VC API (VCALM): what its endpoints share.
//!
//! Invariant: a client that reads only the status code never takes a refused credential for a good
//! one. Every error is `application/problem+json` (RFC 9457) and names no value of the request.
//!
//! - this file: the error answer, the body and the options of a request, the limit of calls;
//! - `verify`: credentials, presentations, challenges; `issue`: issuing, status, custody, lists.

mod issue;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use titian_api::Refusal;
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_credential::{json as strict, problem};
use tower_http::cors::{Any, CorsLayer};

use crate::rpc::{Caller, State};

/// The routes, each also below `/verifiers/{instance}`.
pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::CONTENT_TYPE, PREFER]);
    let issue = issue::routes().layer(middleware::from_fn_with_state(Arc::clone(state), count));
    let verify = verify::routes().layer(middleware::from_fn_with_state(Arc::clone(state), count));
    verify.layer(cors).merge(issue)
}

const PREFER: header::HeaderName = header::HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: header::HeaderName =
    header::HeaderName::from_static("preference-applied");

/// Counts the call, and refuses it if there are too many.
pub(in crate::rpc::rest) async fn count(
    AxumState(state): AxumState<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    state.counters.calls.fetch_add(1, Ordering::Relaxed);
    let address = request.extensions().get::<Caller>().map(|caller| caller.address);
    if let (Some(limiter), Some(address)) = (&state.limiter, address)
        && let Err(retry_ms) = limiter.check(address)
    {
        let busy = Refusal::new(Code::Busy, "", "too many calls from this address");
        return Problem::from(busy.retry_after(retry_ms)).answer(&state);
    }
    next.run(request).await
}

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rpc::rest) struct Problem {
    /// The status.
    pub(in crate::rpc::rest) status: StatusCode,
    /// The problem type: a URI, or a path of this node.
    pub(in crate::rpc::rest) kind: String,
    /// The code: title of the problem, and its stable name.
    pub(in crate::rpc::rest) code: String,
    /// One sentence; no value of the request.
    pub(in crate::rpc::rest) detail: String,
    /// After how many ms to try again.
    pub(in crate::rpc::rest) retry_ms: Option<u64>,
}

impl Problem {
    /// A problem whose code is one of the verifier's.
    pub(in crate::rpc::rest) fn of_check(status: StatusCode, code: &str, detail: &str) -> Self {
        Self {
            status,
            kind: problem::type_of(code),
            code: code.to_owned(),
            detail: detail.to_owned(),
            retry_ms: None,
        }
    }

    /// A request that does not read.
    pub(in crate::rpc::rest) fn malformed(detail: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR".to_owned(),
            code: "MALFORMED_REQUEST".to_owned(),
            detail: detail.to_owned(),
            retry_ms: None,
        }
    }

    /// An endpoint or instance that is not there.
    pub(in crate::rpc::rest) fn not_found(detail: &str) -> Self {
        let refusal = Refusal::new(Code::NotFound, "", detail);
        Self::from(refusal)
    }

    /// The answer, counted as refused.
    pub(in crate::rpc::rest) fn answer(&self, state: &State) -> Response {
        state.counters.refused.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "type": self.kind,
            "title": self.code,
            "detail": self.detail,
            "status": self.status.as_u16(),
            "code": self.code,
        });
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let mut response = (self.status, headers, body.to_string()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(ms) = self.retry_ms {
            let seconds = HeaderValue::from(ms.div_ceil(1_000));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl From<Refusal> for Problem {
    /// A refusal of the interface under the status that says it best.
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.rule() {
            Some(Code::NotFound | Code::HeightUnknown | Code::UnknownList) => StatusCode::NOT_FOUND,
            Some(Code::HeightPruned | Code::CredentialErased) => StatusCode::GONE,
            Some(
                Code::CredentialExists
                | Code::StatusIrreversible
                | Code::StatusConflict
                | Code::VersionConflict
                | Code::ListRetired,
            ) => StatusCode::CONFLICT,
            Some(Code::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Some(Code::Unavailable | Code::Pending) => StatusCode::SERVICE_UNAVAILABLE,
            Some(Code::Forbidden) => StatusCode::FORBIDDEN,
            Some(Code::LimitExceeded) => StatusCode::PAYLOAD_TOO_LARGE,
            Some(Code::NotBuilt) => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        };
        let field = refusal.data.field.as_deref().map(|field| format!("{field}: "));
        let detail = refusal.data.detail.clone().unwrap_or_else(|| refusal.message.clone());
        Self {
            status,
            kind: problem::type_of(&refusal.data.name),
            detail: format!("{}{detail}", field.unwrap_or_default()),
            code: refusal.data.name,
            retry_ms: refusal.data.retry_after_ms,
        }
    }
}

/// First parts of the paths whose errors are problems.
const PATHS: [&str; 6] =
    ["credentials", "presentations", "challenges", "status-lists", "issuers", "verifiers"];

/// Whether errors below a path are problems (RFC 9457), and not those of JSON-RPC.
pub(in crate::rpc) fn answers_problems(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|first| PATHS.contains(&first))
}

/// The answer to a token that does not count.
pub(in crate::rpc) fn unauthorised(state: &State, refusal: Refusal) -> Response {
    Problem { status: StatusCode::UNAUTHORIZED, ..Problem::from(refusal) }.answer(state)
}

/// The members of a request's body, read as strictly as credentials are. An empty body is an empty
/// object.
pub(in crate::rpc::rest) async fn members(body: Body) -> Result<Map<String, Value>, Problem> {
    let bytes = to_bytes(body, limits::RPC_BODY_BYTES_MAX).await.map_err(|_| {
        let detail = "the body is larger than 1 MiB, or ended early";
        Problem::of_check(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", detail)
    })?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match strict::parse(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Problem::malformed("a JSON object is expected")),
        Err(fault) => {
            // a credential that is too large is refused as such, not as an unreadable request
            let status = match fault.code {
                "TOO_LARGE" => StatusCode::PAYLOAD_TOO_LARGE,
                _ => StatusCode::BAD_REQUEST,
            };
            let detail = problem::of(fault.code).map_or("", |known| known.meaning.as_str());
            Err(Problem::of_check(status, fault.code, detail))
        }
    }
}

/// The options of a request. Members that nobody asks for are ignored.
#[derive(Clone, Debug, Default)]
pub(in crate::rpc::rest) struct Options(Map<String, Value>);

impl Options {
    /// Takes `options` out of a body.
    pub(in crate::rpc::rest) fn take(body: &mut Map<String, Value>) -> Result<Self, Problem> {
        match body.remove("options") {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::Object(options)) => Ok(Self(options)),
            Some(_) => Err(Problem::malformed("options: an object is expected")),
        }
    }

    /// A text, if it is there.
    pub(in crate::rpc::rest) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::malformed(&format!("options.{name}: a text is expected"))),
        }
    }

    /// Texts; one alone is a list of one.
    pub(in crate::rpc::rest) fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let wrong = || Problem::malformed(&format!("options.{name}: texts are expected"));
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(text).collect(),
            Some(one) => Ok(vec![text(one)?]),
        }
    }

    /// Objects.
    pub(in crate::rpc::rest) fn objects(
        &self,
        name: &str,
    ) -> Result<Vec<Map<String, Value>>, Problem> {
        let wrong = || Problem::malformed(&format!("options.{name}: objects are expected"));
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let object = |item: &Value| item.as_object().cloned().ok_or_else(wrong);
                items.iter().map(object).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// An array of anything.
    pub(in crate::rpc::rest) fn array(&self, name: &str) -> Result<&[Value], Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Problem::malformed(&format!("options.{name}: an array is expected"))),
        }
    }

    /// An object whose members are texts.
    pub(in crate::rpc::rest) fn texts_by_name(
        &self,
        name: &str,
    ) -> Result<BTreeMap<String, String>, Problem> {
        let wrong =
            || Problem::malformed(&format!("options.{name}: an object of texts is expected"));
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(members)) => members
                .iter()
                .map(|(key, value)| {
                    value.as_str().map(|text| (key.clone(), text.to_owned())).ok_or_else(wrong)
                })
                .collect(),
            Some(_) => Err(wrong()),
        }
    }

    /// A whole number from 0 on.
    pub(in crate::rpc::rest) fn count(&self, name: &str) -> Result<Option<u64>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| {
                Problem::malformed(&format!("options.{name}: a whole number is expected"))
            }),
        }
    }

    /// Yes or no; `default` if it is not there.
    pub(in crate::rpc::rest) fn flag(&self, name: &str, default: bool) -> Result<bool, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => {
                Err(Problem::malformed(&format!("options.{name}: true or false is expected")))
            }
        }
    }
}

/// Whether the client asked for lenient handling (RFC 7240).
pub(in crate::rpc::rest) fn is_lenient(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("handling")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("lenient")
        })
}
