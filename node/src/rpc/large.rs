//! Bodies larger than others may be: those of `vc_verifyBatch` alone (ledger.md §11).
//!
//! Invariant: few of them are held at a time, and only one that announces its size and calls that
//! method by itself goes on to the methods; everything else keeps the limit of all.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use titian_api::{Call as _, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::limits;

/// What decides; the rest of a body is skipped here.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    method: std::borrow::Cow<'a, str>,
}

/// Whether a request announces a body beyond the limit of all, but within that of a batch.
pub(super) fn is_announced(request: &Request) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let beyond = limits::RPC_BODY_BYTES_MAX + 1..=limits::VERIFY_BATCH_BYTES_MAX;
    request.method() == Method::POST && length.is_some_and(|length: usize| beyond.contains(&length))
}

/// The answer while others hold every place.
pub(super) fn busy() -> Response {
    let busy = Refusal::new(Code::Busy, "", "other batches are being judged");
    let headers = [(header::RETRY_AFTER, "1")];
    (StatusCode::TOO_MANY_REQUESTS, headers, Json(busy.retry_after(1_000))).into_response()
}

/// Reads such a body. The error is the answer where it may not go on.
pub(super) async fn admit(request: Request) -> Result<Request, Response> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, limits::VERIFY_BATCH_BYTES_MAX).await;
    let bytes = bytes.map_err(|_| too_large())?;
    match serde_json::from_slice::<Head<'_>>(&bytes) {
        Ok(head) if head.method == call::VcVerifyBatch::NAME => {
            Ok(Request::from_parts(parts, Body::from(bytes)))
        }
        _ => Err(too_large()),
    }
}

fn too_large() -> Response {
    let detail = "a body of more than 1 MiB is for vc_verifyBatch alone";
    let refusal = Refusal::new(Code::LimitExceeded, "", detail);
    (StatusCode::PAYLOAD_TOO_LARGE, Json(refusal)).into_response()
}
