//! `GET /feed/ubin`: the delta feed as NDJSON, one event a line in canonical form.
//!
//! The stream ends at the head, or follows it. It is read page by page as the reader takes it, so
//! that a slow reader costs a page and no more; one that takes nothing for long is cut off by the
//! listener. If the stream cannot go on, its last line is the error.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State as AxumState, rejection::QueryRejection};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde::Deserialize;
use titian_api::Refusal;
use titian_api::ubin_feed::Filter;
use titian_contracts::error::Code;
use tokio::sync::watch;

use super::refuse;
use crate::feed::{Cursor, Request};
use crate::ledger::Head;
use crate::rpc::methods::{Answer, blocking};
use crate::rpc::subscribe::first_cursor;
use crate::rpc::{State, ubin};

/// Items read at a time.
const READ_MAX: usize = 200;

/// The query; lists are comma-separated.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FeedQuery {
    cursor: Option<String>,
    cc: String,
    scheme: String,
    act: String,
    status: String,
    watch: String,
    full: bool,
    follow: bool,
}

/// Where a stream stands.
struct Stream {
    state: Arc<State>,
    request: Arc<Request>,
    head: watch::Receiver<Head>,
    after: Cursor,
    follow: bool,
    ended: bool,
}

pub(super) async fn stream(
    AxumState(state): AxumState<Arc<State>>,
    query: Result<Query<FeedQuery>, QueryRejection>,
) -> Response {
    match open(&state, query).await {
        Ok(stream) => {
            let body = Body::from_stream(stream::unfold(stream, next));
            let headers = [
                (header::CONTENT_TYPE, "application/x-ndjson"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, body).into_response()
        }
        Err(refusal) => refuse(&state, refusal),
    }
}

async fn open(
    state: &Arc<State>,
    query: Result<Query<FeedQuery>, QueryRejection>,
) -> Answer<Stream> {
    let Query(query) = query.map_err(|_| {
        let detail = "cursor, cc, scheme, act, status, watch, full, follow";
        Refusal::new(Code::InvalidParams, "", detail)
    })?;
    let list = |text: &str| -> Vec<String> {
        text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let filter = Filter {
        cc: list(&query.cc),
        scheme: list(&query.scheme),
        act: list(&query.act),
        status: list(&query.status),
        watch: list(&query.watch),
    };
    let start = Cursor::START.to_string();
    let after = first_cursor(state, Some(query.cursor.as_deref().unwrap_or(&start)))?;
    let reader = Arc::clone(state);
    let request = blocking(move || ubin::request(&reader, &filter, query.full)).await?;
    Ok(Stream {
        head: state.ledger().subscribe_head(),
        state: Arc::clone(state),
        request: Arc::new(request),
        after,
        follow: query.follow,
        ended: false,
    })
}

/// The next lines; waits for the head to move if the stream follows it.
async fn next(mut stream: Stream) -> Option<(Result<Bytes, std::io::Error>, Stream)> {
    while !stream.ended {
        stream.head.borrow_and_update();
        let (state, request, after) =
            (Arc::clone(&stream.state), Arc::clone(&stream.request), stream.after);
        let read = blocking(move || ubin::next_page(&state, after, READ_MAX, &request)).await;
        let mut text = String::new();
        match read {
            Ok(page) => {
                for (_, item) in &page.items {
                    text.push_str(&item.to_jcs());
                    text.push('\n');
                }
                stream.after = page.cursor;
                stream.ended = !page.more && !stream.follow;
                let wait = !page.more && stream.follow && text.is_empty();
                if wait && stream.head.changed().await.is_err() {
                    stream.ended = true;
                }
            }
            Err(refusal) => {
                text = serde_json::to_string(&serde_json::json!({ "error": refusal }))
                    .unwrap_or_default()
                    + "\n";
                stream.ended = true;
            }
        }
        if !text.is_empty() {
            return Some((Ok(Bytes::from(text)), stream));
        }
    }
    None
}
