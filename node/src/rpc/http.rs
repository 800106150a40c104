//! The HTTP side of the port: health, metrics, tokens. What is below a path of its own is REST, `/`
//! is JSON-RPC.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use titian_api::Refusal;
use titian_contracts::error::{Code, Reject};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::auth::Grant;
use super::tls::Tls;
use super::{Caller, State, now_ms, rest};

/// The peer of a connection, put into each of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerAddress(pub(super) SocketAddr);

/// The router: `rpc` serves `/`.
pub(super) fn router<S>(state: &Arc<State>, rpc: S) -> Router
where
    S: tower::Service<Request, Response = Response, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let timeout = Duration::from_millis(state.config.request_timeout_ms);
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route_service("/", rpc)
        .merge(rest::routes(state))
        .layer(middleware::from_fn_with_state(Arc::clone(state), identify))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, timeout))
        .layer(CatchPanicLayer::new())
        .with_state(Arc::clone(state))
}

/// 200 if the node should get traffic, else 503 with one reason a line.
async fn readyz(AxumState(state): AxumState<Arc<State>>) -> Response {
    let reasons = state.reasons();
    if reasons.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n").into_response()
}

async fn metrics(AxumState(state): AxumState<Arc<State>>) -> Response {
    let mut text = String::with_capacity(16 * 1024);
    let counters = &state.counters;
    let tls = state.config.tls.as_ref();
    let certificate = AtomicU64::new(tls.and_then(Tls::not_after_s).unwrap_or(0));
    let values = [
        ("calls", "calls, refused ones included", "counter", &counters.calls),
        ("calls_refused", "calls that ended in an error", "counter", &counters.refused),
        ("connections", "open connections", "gauge", &counters.connections),
        (
            "connections_refused",
            "connections refused by a bound",
            "counter",
            &counters.connections_refused,
        ),
        ("subscriptions", "open subscriptions", "gauge", &counters.subscriptions),
        (
            "slow_consumers",
            "subscriptions ended because their queue stayed full",
            "counter",
            &counters.slow_consumers,
        ),
        (
            "certificate_expiry_seconds",
            "end of the TLS certificate, seconds since 1970; 0 without TLS",
            "gauge",
            &certificate,
        ),
    ];
    for (name, help, kind, value) in values {
        let total = if kind == "counter" { "_total" } else { "" };
        let value = value.load(Ordering::Relaxed);
        text.push_str(&format!(
            "# HELP titian_rpc_{name} {help}.\n# TYPE titian_rpc_{name} {kind}\n\
             titian_rpc_{name}{total} {value}\n"
        ));
    }
    (state.backend.write_metrics)(&mut text);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Puts the [`Caller`] into the request. A token that does not verify is refused, not ignored.
async fn identify(
    AxumState(state): AxumState<Arc<State>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(PeerAddress(peer)) = request.extensions().get::<PeerAddress>().copied() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match caller_of(&state, peer, request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(reject) if rest::answers_problems(request.uri().path()) => {
            rest::unauthorised(&state, Refusal::from(reject))
        }
        Err(reject) => {
            let scheme = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, scheme, Json(Refusal::from(reject))).into_response()
        }
    }
}

fn caller_of(state: &State, peer: SocketAddr, headers: &HeaderMap) -> Result<Caller, Reject> {
    let mut caller = Caller::anyone(peer.ip());
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(caller);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        // names of schemes have no case (RFC 9110 §11.1)
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token)
        .ok_or_else(|| Reject::new(Code::Forbidden, "", "a bearer token is expected"))?;
    match state.backend.tokens.check(token.trim(), now_ms() / 1000)? {
        Grant::Admin if peer.ip().to_canonical().is_loopback() => caller.admin = true,
        Grant::Admin => {
            let detail = "the operator's token counts on this machine only";
            return Err(Reject::new(Code::Forbidden, "", detail));
        }
        Grant::Client(client) => {
            caller.name = client.name;
            caller.scopes = client.scopes;
            caller.issuers = client.issuers;
            caller.parties = client.parties;
        }
    }
    Ok(caller)
}

/// An empty answer for a service that failed.
pub(super) fn internal_error() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
