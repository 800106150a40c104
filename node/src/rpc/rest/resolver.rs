//! `GET /ubin/<UBIN>`: the resolver (ubin.md §1.6). The form of the answer follows `Accept`.
//!
//! Any spelling resolves: one that is not canonical is sent on for good to the canonical one. An
//! alias or former number answers with the record of today, `via` and `Content-Location`. What
//! does not read is 400, what is not registered 404, both with spellings that may have been meant.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State as AxumState};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use titian_api::{Object, Refusal};
use titian_contracts::digest::hash;
use titian_contracts::error::Code;
use titian_contracts::ubin::identifier::Ubin;

use super::accept::Form;
use super::{linkset, page, refuse};
use crate::rpc::methods::blocking;
use crate::rpc::{State, ubin};

/// A record may change with every block, and be read again a moment later.
const CACHE: &str = "public, max-age=10";

pub(super) async fn resolve(
    AxumState(state): AxumState<Arc<State>>,
    Path(input): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if query.is_some_and(|query| !query.is_empty()) {
        // who asks for another height must not take the record of today for the answer
        let detail = "the resolver answers for today and takes no parameters; see ubin_get";
        return refuse(&state, Refusal::new(Code::InvalidParams, "", detail));
    }
    let (reader, asked) = (Arc::clone(&state), input.clone());
    let standing = blocking(move || ubin::standing(&reader, &asked)).await;
    let (number, answer) = match standing {
        Ok(standing) => standing,
        Err(refusal) => return refuse(&state, refusal),
    };
    if number.to_string() != input {
        let location = [(header::LOCATION, path(&number.to_string()))];
        return (StatusCode::PERMANENT_REDIRECT, location).into_response();
    }
    if answer.get("found") != Some(&serde_json::Value::Bool(true)) {
        return refuse(&state, Refusal::new(Code::NotFound, "", "this number is not registered"));
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(form) = Form::choose(text(header::ACCEPT)) else {
        return StatusCode::NOT_ACCEPTABLE.into_response();
    };
    let tag = tag(&answer, form);
    let common = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, CACHE.to_owned()),
        (header::VARY, "Accept".to_owned()),
        (header::CONTENT_LOCATION, current_path(&answer)),
    ];
    let known = text(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag || known == "*"));
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, shown(&number, answer, form)).into_response()
}

fn shown(number: &Ubin, answer: Object, form: Form) -> Response {
    let links = linkset::links(number, &answer);
    let link = format!("<{}>; rel=\"linkset\"; type=\"application/linkset+json\"", links.anchor);
    let typed = |body: Response| {
        ([(header::CONTENT_TYPE, form.media_type()), (header::LINK, link.as_str())], body)
            .into_response()
    };
    match form {
        Form::Json => typed(Json(answer).into_response()),
        Form::LinksetJson => typed(Json(links.to_json()).into_response()),
        Form::Linkset => typed(links.to_text().into_response()),
        Form::Html => {
            let policy = [(header::CONTENT_SECURITY_POLICY, page::POLICY)];
            (policy, axum::response::Html(page::of_record(number, &answer))).into_response()
        }
    }
}

/// The path of a number.
pub(super) fn path(ubin: &str) -> String {
    format!("/ubin/{ubin}")
}

fn current_path(answer: &Object) -> String {
    path(answer.get("ubin").and_then(serde_json::Value::as_str).unwrap_or_default())
}

/// Two answers that differ in nothing but the height at which they were given have one tag.
fn tag(answer: &Object, form: Form) -> String {
    let mut lasting = answer.clone();
    lasting.remove("asOf");
    let text = serde_json::Value::Object(lasting).to_string();
    let digest = hash("titian resolver tag v1", &[form.media_type().as_bytes(), text.as_bytes()]);
    format!("W/\"{}\"", digest.to_hex().get(..32).unwrap_or_default())
}
