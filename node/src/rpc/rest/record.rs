//! `GET /etr/<id>`: the public part of a transferable record, where a printed code leads.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as AxumState};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use titian_api::Refusal;
use titian_contracts::error::Code;
use titian_contracts::etr::content::is_record_id;

use super::accept::Form;
use super::{page, refuse};
use crate::rpc::methods::blocking;
use crate::rpc::{State, etr};

/// A record may change with every block.
const CACHE: [(header::HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "public, max-age=10"), (header::VARY, "Accept")];

pub(super) async fn status(
    AxumState(state): AxumState<Arc<State>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_record_id(&id) {
        return refuse(&state, Refusal::new(Code::InvalidParams, "/id", "no record id"));
    }
    let (reader, asked) = (Arc::clone(&state), id.clone());
    let answer = match blocking(move || etr::public(&reader, &asked)).await {
        Ok(answer) => answer,
        Err(refusal) => return refuse(&state, refusal),
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    match Form::choose(accept) {
        Some(Form::Html) => {
            let policy = [(header::CONTENT_SECURITY_POLICY, page::POLICY)];
            (CACHE, policy, axum::response::Html(page::of_transferable(&id, &answer)))
                .into_response()
        }
        Some(Form::Json) => (CACHE, Json(answer)).into_response(),
        _ => StatusCode::NOT_ACCEPTABLE.into_response(),
    }
}
