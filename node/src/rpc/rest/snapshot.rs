//! `GET /snapshot/ubin`: the snapshots of the register, their manifests, their files.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State as AxumState};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde_json::json;
use titian_api::Refusal;
use titian_contracts::error::Code;
use titian_contracts::snapshot::UbinManifest;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::refuse;
use crate::rpc::methods::{Answer, blocking};
use crate::rpc::{State, view};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// What a height holds never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";

pub(super) async fn list(AxumState(state): AxumState<Arc<State>>) -> Response {
    let kept = state.backend.snapshots.clone();
    match blocking(move || Ok(kept.heights())).await {
        Ok(heights) => ([(header::CACHE_CONTROL, "no-cache")], Json(json!({ "heights": heights })))
            .into_response(),
        Err(refusal) => refuse(&state, refusal),
    }
}

pub(super) async fn manifest(
    AxumState(state): AxumState<Arc<State>>,
    Path(height): Path<String>,
) -> Response {
    match found(&state, &height).await {
        Ok(manifest) => {
            let shown = view::object(&manifest.to_value());
            ([(header::CACHE_CONTROL, FOREVER)], Json(shown)).into_response()
        }
        Err(refusal) => refuse(&state, refusal),
    }
}

pub(super) async fn file(
    AxumState(state): AxumState<Arc<State>>,
    Path(height): Path<String>,
) -> Response {
    let opened = match found(&state, &height).await {
        Ok(manifest) => {
            let path = state.backend.snapshots.ubin_file(manifest.seal.height());
            File::open(path).await.map(|file| (file, manifest)).map_err(|_| unknown())
        }
        Err(refusal) => Err(refusal),
    };
    let (file, manifest) = match opened {
        Ok(opened) => opened,
        Err(refusal) => return refuse(&state, refusal),
    };
    let name = format!("attachment; filename=\"ubin-{height}.ndjson.zst\"");
    let headers = [
        (header::CONTENT_TYPE, "application/zstd".to_owned()),
        (header::CONTENT_LENGTH, manifest.bytes.to_string()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, FOREVER.to_owned()),
        (header::ETAG, format!("\"{}\"", manifest.sha256.to_hex())),
    ];
    (headers, Body::from_stream(stream::unfold(file, chunk))).into_response()
}

/// The next piece of a file; memory is bounded by it, however slow the reader is.
async fn chunk(mut file: File) -> Option<(std::io::Result<Bytes>, File)> {
    let mut buffer = vec![0; CHUNK_BYTES];
    match file.read(&mut buffer).await {
        Ok(0) => None,
        Ok(read) => {
            buffer.truncate(read);
            Some((Ok(buffer.into()), file))
        }
        Err(error) => Some((Err(error), file)),
    }
}

async fn found(state: &State, height: &str) -> Answer<UbinManifest> {
    let height: u64 = height.parse().map_err(|_| {
        Refusal::new(Code::InvalidParams, "/height", "the height of a snapshot is expected")
    })?;
    let kept = state.backend.snapshots.clone();
    blocking(move || kept.ubin_manifest(height).ok_or_else(unknown)).await
}

fn unknown() -> Refusal {
    Refusal::new(Code::NotFound, "/height", "no snapshot of this height; see /snapshot/ubin")
}
