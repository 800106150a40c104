//! What verifiers of other systems fetch: registered schemas, contexts and type metadata as they
//! were published, what a problem type means, and trust bundles.

use std::sync::Arc;

use axum::extract::{Path, Query, State as AxumState};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use titian_api::Refusal;
use titian_api::vc::BundleParams;
use titian_contracts::credential::{
    ResourceId, ResourceKind, is_owner, is_resource_name, parse_number,
};
use titian_contracts::error::Code;
use titian_credential::bundle::make::compress;
use titian_credential::problem;

use super::vc_api::Problem;
use crate::rpc::State;
use crate::rpc::at::At;
use crate::rpc::methods::blocking;
use crate::rpc::vc::{bundle, resource};

/// The bytes of a version never change.
const FOREVER: &str = "public, max-age=31536000, immutable";

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/schemas/{owner}/{name}/{version}", get(schema))
        .route("/contexts/{owner}/{name}/{version}", get(context))
        .route("/vct/{owner}/{name}/{version}", get(vct))
        .route("/problems/{code}", get(meaning))
        .route("/trust-bundle", get(trust_bundle))
}

type Named = Path<(String, String, String)>;

async fn schema(state: AxumState<Arc<State>>, path: Named, headers: HeaderMap) -> Response {
    published(&state, ResourceKind::JsonSchema, path, &headers)
}

async fn context(state: AxumState<Arc<State>>, path: Named, headers: HeaderMap) -> Response {
    published(&state, ResourceKind::JsonldContext, path, &headers)
}

async fn vct(state: AxumState<Arc<State>>, path: Named, headers: HeaderMap) -> Response {
    published(&state, ResourceKind::VctMetadata, path, &headers)
}

/// The bytes of a resource, as they were published.
fn published(
    state: &State,
    kind: ResourceKind,
    Path((owner, name, version)): Named,
    headers: &HeaderMap,
) -> Response {
    let named = is_owner(&owner) && is_resource_name(&name);
    let id = parse_number(&version).filter(|_| named).map(|version| ResourceId {
        owner,
        kind,
        name,
        version,
    });
    let found = id.and_then(|id| {
        let at = At::height(state, None).ok()?;
        resource::find(&at.reader, &id).ok()
    });
    let Some((_, found)) = found else {
        return Problem::not_found("no resource of this name and version").answer(state);
    };
    let tag = format!("\"{}\"", hex::encode(found.sha256));
    let common = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, FOREVER.to_owned())];
    if is_known(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let deprecated = if found.deprecated { "true" } else { "false" };
    let kind = [
        (header::CONTENT_TYPE, resource::media_type(kind)),
        (HeaderName::from_static("deprecation"), deprecated),
    ];
    (common, kind, found.bytes).into_response()
}

/// Whether the client has what `tag` stands for; compared weakly, as for every read (RFC 9110 §13.1.2).
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let is_tag = |known: &str| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag;
    headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|known| is_tag(known.trim())))
}

/// What a code means: a check code of the verifier, or an error of the interface.
async fn meaning(AxumState(state): AxumState<Arc<State>>, Path(code): Path<String>) -> Response {
    if let Some(known) = problem::of(&code) {
        let shown = json!({
            "type": problem::type_of(&code), "title": known.code, "detail": known.meaning,
            "check": known.check, "result": known.result,
        });
        return Json(shown).into_response();
    }
    match Code::by_name(&code) {
        Some(rule) => {
            let shown = json!({
                "type": format!("/problems/{code}"), "title": rule.name(),
                "detail": rule.meaning(), "number": rule.number(),
            });
            Json(shown).into_response()
        }
        None => Problem::not_found("no problem of this name").answer(&state),
    }
}

/// The scope of a bundle in a query: lists of words, by commas or repeated.
fn scope(query: Vec<(String, String)>) -> Result<(BundleParams, bool), Problem> {
    let mut params = BundleParams::default();
    let mut gzip = false;
    for (name, value) in query {
        let words = value.split(',').map(str::trim).filter(|word| !word.is_empty());
        let words = words.map(str::to_owned);
        let flag = || match value.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Problem::malformed(&format!("{name}: true or false is expected"))),
        };
        match name.as_str() {
            "issuers" => params.issuers.extend(words),
            "types" => params.types.extend(words),
            "cc" => params.cc.extend(words),
            "recognition" => params.recognition.extend(words),
            "anchors" => params.anchors.extend(words),
            "lists" => params.lists = Some(flag()?),
            "gzip" => gzip = flag()?,
            "height" => {
                let height = value.parse();
                let height = height.map_err(|_| Problem::malformed("height: a number"))?;
                params.height = Some(height);
            }
            _ => {
                let detail =
                    "issuers, types, cc, recognition, lists, anchors, height and gzip are known";
                return Err(Problem::malformed(detail));
            }
        }
    }
    Ok((params, gzip))
}

async fn trust_bundle(
    AxumState(state): AxumState<Arc<State>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let (params, gzip) = match scope(query) {
        Ok(scope) => scope,
        Err(problem) => return problem.answer(&state),
    };
    let made = match bundle::text(&state, &params).await {
        Ok((height, text)) if gzip => {
            blocking(move || Ok(compress(&text))).await.map(|bytes| (height, bytes))
        }
        other => other.map(|(height, text)| (height, text.into_bytes())),
    };
    match made {
        Ok((height, bytes)) => {
            let name = format!("attachment; filename=\"bundle-{height}.ttb\"");
            let media_type = if gzip { "application/gzip" } else { "application/json" };
            let headers = [
                (header::CONTENT_TYPE, media_type.to_owned()),
                (header::CONTENT_DISPOSITION, name),
                (header::CACHE_CONTROL, "no-cache".to_owned()),
            ];
            (headers, bytes).into_response()
        }
        Err(refusal) => of_refusal(refusal).answer(&state),
    }
}

/// A scope that is too wide is the client's to narrow, not a body that is too large.
fn of_refusal(refusal: Refusal) -> Problem {
    let too_wide = refusal.rule() == Some(Code::LimitExceeded);
    let problem = Problem::from(refusal);
    if too_wide { Problem { status: StatusCode::BAD_REQUEST, ..problem } } else { problem }
}
