//! `GET` and `POST /1.0/identifiers/{did-url}`: the HTTP binding of W3C DID Resolution.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State as AxumState};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use titian_api::Refusal;
use titian_contracts::error::Code;

use super::accept::rated;
use super::vc_api::members;
use crate::rpc::State;
use crate::rpc::vc::did::{Asked, DOCUMENT, Fault, Resolution, resolve};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new().route("/1.0/identifiers/{*url}", get(by_query).post(by_body))
}

/// The forms of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The document, or what a DID URL names.
    Content,
    /// The resolution result.
    Resolution,
    /// The dereferencing result.
    Dereferencing,
}

/// Media types, best first where a client does not mind. Plain JSON and the older profile of
/// JSON-LD are what universal resolvers ask for.
const FORMS: [(&str, Form); 7] = [
    ("application/did-resolution", Form::Resolution),
    (DOCUMENT, Form::Content),
    ("application/did-url-dereferencing", Form::Dereferencing),
    ("application/json", Form::Resolution),
    ("application/ld+json", Form::Resolution),
    ("application/did+json", Form::Content),
    ("application/did+ld+json", Form::Content),
];

const RESOLUTION: &str = "application/did-resolution";
const DEREFERENCING: &str = "application/did-url-dereferencing";

/// The type asked for and its form; `None` if the client takes none of ours.
fn form_of(accept: Option<&str>) -> Option<(&'static str, Form)> {
    let names: Vec<&str> = FORMS.iter().map(|(name, _)| *name).collect();
    let best = rated(accept, &names)?;
    FORMS.get(best).copied()
}

async fn by_query(
    AxumState(state): AxumState<Arc<State>>,
    Path(url): Path<String>,
    Query(options): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let options = options.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    answer(&state, url, options, &headers).await
}

async fn by_body(
    AxumState(state): AxumState<Arc<State>>,
    Path(url): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match members(body).await {
        Ok(options) => answer(&state, url, options.into_iter().collect(), &headers).await,
        Err(problem) => problem.answer(&state),
    }
}

async fn answer(
    state: &Arc<State>,
    url: String,
    options: Vec<(String, Value)>,
    headers: &HeaderMap,
) -> Response {
    let mut asked = Asked { url, ..Asked::default() };
    let mut accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let mut fault = None;
    for (name, value) in &options {
        let text = value.as_str();
        let option = match name.as_str() {
            "versionId" => &mut asked.version_id,
            "versionTime" => &mut asked.version_time,
            "accept" => {
                accept = text;
                continue;
            }
            "proof" => {
                asked.proof = text == Some("true") || value == &Value::Bool(true);
                continue;
            }
            // options of other resolvers mean nothing here
            _ => continue,
        };
        if option.is_some() || text.is_none() {
            fault = Some(Fault::InvalidOptions("an option is given twice, or is no text"));
        }
        *option = text.map(str::to_owned);
    }
    let Some((media_type, form)) = form_of(accept) else {
        return not_acceptable();
    };
    let resolved = match fault {
        Some(fault) => Ok(Resolution::failed(fault)),
        None => resolve(state, asked).await,
    };
    match resolved {
        Ok(resolution) => shown(&resolution, media_type, form),
        Err(refusal) => refused(&refusal, form),
    }
}

fn status_of(resolution: &Resolution) -> StatusCode {
    match resolution.fault {
        Some(Fault::NotFound) => StatusCode::NOT_FOUND,
        Some(Fault::MethodNotSupported) => StatusCode::NOT_IMPLEMENTED,
        Some(_) => StatusCode::BAD_REQUEST,
        None if resolution.is_deactivated() => StatusCode::GONE,
        None => StatusCode::OK,
    }
}

fn shown(resolution: &Resolution, media_type: &'static str, form: Form) -> Response {
    let (media_type, body) = match form {
        // an error has no content of its own: the result says what is wrong
        Form::Content if resolution.fault.is_none() => {
            let own = if resolution.dereferenced { resolution.media_type } else { media_type };
            (own, resolution.content.clone())
        }
        Form::Dereferencing => (DEREFERENCING, Value::Object(resolution.to_dereferenced())),
        _ if resolution.dereferenced => {
            (DEREFERENCING, Value::Object(resolution.to_dereferenced()))
        }
        Form::Resolution => (media_type, Value::Object(resolution.to_result())),
        Form::Content => (RESOLUTION, Value::Object(resolution.to_result())),
    };
    typed(status_of(resolution), media_type, &body)
}

fn typed(status: StatusCode, media_type: &'static str, body: &Value) -> Response {
    // a fault of this node passes
    let cached = if status.is_server_error() { "no-store" } else { "public, max-age=10" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cached)),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    (status, headers, body.to_string()).into_response()
}

fn failure(name: &str, title: &str, detail: &str, dereferencing: bool) -> Value {
    let mut process = Map::new();
    let error = json!({
        "type": format!("https://www.w3.org/ns/did#{name}"), "title": title, "detail": detail,
    });
    process.insert("error".to_owned(), error);
    if dereferencing {
        json!({"content": null, "contentMetadata": {}, "dereferencingMetadata": process})
    } else {
        json!({"didDocument": null, "didDocumentMetadata": {}, "didResolutionMetadata": process})
    }
}

fn not_acceptable() -> Response {
    let detail = "application/did-resolution, application/did or application/did-url-dereferencing";
    let name = "REPRESENTATION_NOT_SUPPORTED";
    let body = failure(name, "Representation not supported", detail, false);
    typed(StatusCode::NOT_ACCEPTABLE, RESOLUTION, &body)
}

/// What this node cannot answer: state it no longer keeps, or an error of its own.
fn refused(refusal: &Refusal, form: Form) -> Response {
    let (status, name, title) = match refusal.rule() {
        Some(Code::HeightPruned | Code::HeightUnknown) => {
            (StatusCode::NOT_FOUND, "NOT_FOUND", "Not found")
        }
        Some(Code::InvalidParams | Code::NotBuilt) => {
            (StatusCode::BAD_REQUEST, "INVALID_OPTIONS", "Invalid options")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "Internal error"),
    };
    let detail = refusal.data.detail.as_deref().unwrap_or(&refusal.message);
    let dereferencing = form == Form::Dereferencing;
    let media_type = if dereferencing { DEREFERENCING } else { RESOLUTION };
    typed(status, media_type, &failure(name, title, detail, dereferencing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_the_default_and_strangers_are_not_acceptable() {
        for (accept, expected) in [
            (None, Some((RESOLUTION, Form::Resolution))),
            (Some("*/*"), Some((RESOLUTION, Form::Resolution))),
            (Some("application/did"), Some((DOCUMENT, Form::Content))),
            (
                Some("application/ld+json;profile=\"https://w3id.org/did-resolution\""),
                Some(("application/ld+json", Form::Resolution)),
            ),
            (
                Some("application/did;q=0.1, application/did-url-dereferencing"),
                Some((DEREFERENCING, Form::Dereferencing)),
            ),
            (Some("application/did+cbor"), None),
            (Some("text/html"), None),
        ] {
            assert_eq!(form_of(accept), expected, "{accept:?}");
        }
    }
}
