//! REST where a standard or a browser wants it: the resolver of UBINs, the status of transferable
//! records, the feed, snapshots; DID resolution, the VC API, schemas and contexts, trust bundles.
//!
//! Reads and verification are public: any web page may ask (CORS), every answer names its type. An
//! error is the same JSON object that JSON-RPC carries, under a status of HTTP; where a W3C document
//! says otherwise it is that form. The limit of calls per address holds here as well.

mod accept;
mod did;
mod feed;
mod linkset;
mod page;
mod record;
mod registry;
mod resolver;
mod snapshot;
mod vc_api;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use titian_api::Refusal;
use titian_contracts::error::Code;
use tower_http::cors::{Any, CorsLayer};

use super::{Caller, State};
pub(super) use vc_api::{answers_problems, unauthorised};

/// The routes; `/ubin/…`, `/etr/…`, `/feed/ubin`, `/snapshot/ubin/…`, and those of credentials.
pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .expose_headers([header::ETAG, header::LINK, header::CONTENT_LOCATION]);
    Router::new()
        .route("/ubin/{ubin}", get(resolver::resolve))
        .route("/etr/{id}", get(record::status))
        .route("/feed/ubin", get(feed::stream))
        .route("/snapshot/ubin", get(snapshot::list))
        .route("/snapshot/ubin/{height}", get(snapshot::file))
        .route("/snapshot/ubin/{height}/manifest", get(snapshot::manifest))
        .layer(middleware::from_fn_with_state(Arc::clone(state), count))
        .layer(cors)
        .merge(credentials(state))
}

/// DID resolution, the VC API, and what verifiers fetch.
fn credentials(state: &Arc<State>) -> Router<Arc<State>> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([header::ETAG]);
    did::routes()
        .merge(registry::routes())
        .layer(middleware::from_fn_with_state(Arc::clone(state), vc_api::count))
        .layer(cors)
        .merge(vc_api::routes(state))
}

/// Counts the call, and refuses it if there are too many.
async fn count(AxumState(state): AxumState<Arc<State>>, request: Request, next: Next) -> Response {
    state.counters.calls.fetch_add(1, Ordering::Relaxed);
    let address = request.extensions().get::<Caller>().map(|caller| caller.address);
    if let (Some(limiter), Some(address)) = (&state.limiter, address)
        && let Err(retry_ms) = limiter.check(address)
    {
        let busy = Refusal::new(Code::Busy, "", "too many calls from this address");
        return refuse(&state, busy.retry_after(retry_ms));
    }
    next.run(request).await
}

/// An error under the status that says it best.
fn refuse(state: &State, refusal: Refusal) -> Response {
    state.counters.refused.fetch_add(1, Ordering::Relaxed);
    let status = match refusal.rule() {
        Some(Code::NotFound | Code::HeightUnknown | Code::UnknownRecord) => StatusCode::NOT_FOUND,
        Some(Code::CursorTooOld | Code::HeightPruned) => StatusCode::GONE,
        Some(Code::Busy) => StatusCode::TOO_MANY_REQUESTS,
        Some(Code::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let retry_s = refusal.data.retry_after_ms.map(|ms| ms.div_ceil(1000));
    let mut response = (status, Json(refusal)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
