//! The delta feed and its snapshots over JSON-RPC (ubin-api.md §9).

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::ubin_feed::{
    Changes, ChangesParams, Filter as Asked, Notice, SnapshotParams, Snapshots, SubscribeParams,
};
use titian_api::{Call as _, Object, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::limits;

use super::{parse, table};
use crate::feed::{self, Cursor, Filter, Request};
use crate::rpc::methods::{Answer, add, admit, blocking, error_object, read, row};
use crate::rpc::subscribe::{Batch, Source, deliver, first_cursor};
use crate::rpc::{State, view};

/// Items of a page if the caller does not say.
const ITEMS_DEFAULT: u32 = 100;
/// Items that a subscription reads at a time.
const READ_MAX: usize = 200;

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::UbinChanges, _, _>(module, |state, params, _| async move {
        blocking(move || changes(&state, &params)).await
    })?;
    add::<call::UbinSnapshot, _, _>(module, |state, params, _| async move {
        blocking(move || snapshots(&state, &params)).await
    })?;
    module.register_subscription(
        call::UbinSubscribe::NAME,
        "ubin_subscription",
        "ubin_unsubscribe",
        |params, pending, state, extensions| async move {
            let state: Arc<State> = Arc::clone(&state);
            let admitted = admit(&state, row::<call::UbinSubscribe>(), &extensions)
                .and_then(|_| read::<SubscribeParams>(&params))
                .and_then(|params| {
                    let after = first_cursor(&state, params.cursor.as_deref());
                    let request = request(&state, &params.filter, params.full);
                    after
                        .and_then(|after| Ok((after, Arc::new(request?))))
                        .map_err(|refusal| error_object(&refusal))
                });
            let (after, request) = match admitted {
                Ok(admitted) => admitted,
                Err(error) => return pending.reject(error).await,
            };
            let source = Source {
                read: |cursor| notices(Arc::clone(&state), Arc::clone(&request), cursor),
                end: end_notice,
            };
            deliver(&state, pending, after, source).await;
        },
    )?;
    Ok(())
}

/// What a caller asks for, read and bounded.
pub(in crate::rpc) fn request(state: &State, filter: &Asked, full: bool) -> Answer<Request> {
    let table = table(state);
    let canonical = |input: &str| Ok(parse(state, input, &table)?.ubin);
    Ok(Request { filter: Filter::read(filter, state.ledger(), canonical)?, full })
}

fn changes(state: &State, params: &ChangesParams) -> Answer<Changes> {
    let limit = params.limit.unwrap_or(ITEMS_DEFAULT) as usize;
    if !(1..=limits::FEED_ITEMS_MAX).contains(&limit) {
        return Err(Refusal::new(Code::LimitExceeded, "/limit", "1 to 1,000"));
    }
    let start = Cursor::START.to_string();
    let after = first_cursor(state, Some(params.cursor.as_deref().unwrap_or(&start)))?;
    let request = request(state, &params.filter, params.full)?;
    let page = feed::read(state.ledger(), after, limit, &request);
    let head = state.ledger().head();
    Ok(Changes {
        items: page.items.iter().map(|(_, item)| view::object(item)).collect(),
        cursor: page.cursor.to_string(),
        more: page.more,
        as_of: view::as_of(head.height, head.time_ms),
    })
}

/// The next notices of a subscription.
async fn notices(state: Arc<State>, request: Arc<Request>, after: Cursor) -> Batch<Notice> {
    blocking(move || {
        let page = next_page(&state, after, READ_MAX, &request)?;
        let notices = page.items.into_iter().map(|(cursor, item)| {
            let event = Some(view::object(&item));
            (cursor, Notice { cursor: cursor.to_string(), event, error: None })
        });
        Ok((notices.collect(), page.cursor))
    })
    .await
}

/// The next page of a reader that follows: what it has not read yet may be dropped meanwhile.
pub(in crate::rpc) fn next_page(
    state: &State,
    after: Cursor,
    limit: usize,
    request: &Request,
) -> Answer<feed::Page> {
    feed::check(state.ledger(), after, &state.backend.snapshots.heights())?;
    Ok(feed::read(state.ledger(), after, limit, request))
}

fn end_notice(cursor: Cursor, mut refusal: Refusal) -> Notice {
    let resume = refusal.data.cursor.get_or_insert_with(|| cursor.to_string()).clone();
    Notice { cursor: resume, event: None, error: Some(refusal) }
}

fn snapshots(state: &State, params: &SnapshotParams) -> Answer<Snapshots> {
    let kept = &state.backend.snapshots;
    let wanted = |height: &u64| params.height.is_none_or(|wanted| wanted == *height);
    let found: Vec<Object> = kept
        .heights()
        .into_iter()
        .filter(wanted)
        .filter_map(|height| {
            let mut manifest = view::object(&kept.ubin_manifest(height)?.to_value());
            manifest.insert("path".to_owned(), format!("/snapshot/ubin/{height}").into());
            Some(manifest)
        })
        .collect();
    if found.is_empty() && params.height.is_some() {
        return Err(Refusal::new(Code::NotFound, "/height", "no snapshot of this height"));
    }
    Ok(Snapshots { snapshots: found })
}
