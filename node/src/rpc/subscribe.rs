//! `ledger_subscribe`: blocks, receipts or events from a cursor on.
//!
//! A subscription reads the database from its cursor and follows the head. So it is in order,
//! loses nothing, and costs no memory beyond its queue: when the queue stays full, the subscriber
//! is told `SLOW_CONSUMER` with the cursor to resume from, and dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::core::server::SubscriptionMessage;
use jsonrpsee::server::{PendingSubscriptionSink, RpcModule, SubscriptionSink};
use titian_api::ledger::{Notice, SubscribeParams, Topic};
use titian_api::{Call as _, Refusal, call};
use titian_contracts::error::Code;

use super::methods::{admit, error_object, read, row};
use super::{State, view};

/// Items read from the database at a time.
const READ_MAX: usize = 200;

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    module.register_subscription(
        call::LedgerSubscribe::NAME,
        "ledger_subscription",
        "ledger_unsubscribe",
        |params, pending, state, extensions| async move {
            let state: Arc<State> = Arc::clone(&state);
            let admitted = admit(&state, row::<call::LedgerSubscribe>(), &extensions)
                .and_then(|_| read::<SubscribeParams>(&params))
                .and_then(|params| {
                    let cursor = first_cursor(&state, &params)?;
                    Ok((params, cursor))
                });
            match admitted {
                Err(error) => pending.reject(error).await,
                Ok((params, cursor)) => deliver(&state, pending, &params, cursor).await,
            }
        },
    )?;
    Ok(())
}

/// Where a notice stands: height, and place among the items of that height.
type Cursor = (u64, u32);

fn read_cursor(text: &str) -> Option<Cursor> {
    let (height, index) = text.split_once(':')?;
    Some((height.parse().ok()?, index.parse().ok()?))
}

/// The first item to deliver: the one after the cursor, or the first of the next block.
fn first_cursor(
    state: &State,
    params: &SubscribeParams,
) -> Result<Cursor, jsonrpsee::types::ErrorObjectOwned> {
    let head = state.ledger().head().height;
    let Some(text) = &params.cursor else {
        return Ok((head.saturating_add(1), 0));
    };
    let (height, index) = read_cursor(text).ok_or_else(|| {
        error_object(&Refusal::new(Code::InvalidParams, "/cursor", "height:index is expected"))
    })?;
    if height > head {
        let detail = "the cursor is above the head";
        return Err(error_object(&Refusal::new(Code::HeightUnknown, "/cursor", detail)));
    }
    Ok((height, index.saturating_add(1)))
}

/// Counts an open subscription while it lives.
struct Open<'a>(&'a State);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counters.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn deliver(
    state: &State,
    pending: PendingSubscriptionSink,
    params: &SubscribeParams,
    mut next: Cursor,
) {
    let mut head = state.ledger().subscribe_head();
    let Ok(sink) = pending.accept().await else { return };
    state.counters.subscriptions.fetch_add(1, Ordering::Relaxed);
    let _open = Open(state);
    let mut last = (next.0.saturating_sub(1), u32::MAX);
    loop {
        head.borrow_and_update();
        loop {
            let (notices, after) = read_notices(state, params, next);
            if after == next {
                break;
            }
            for (cursor, notice) in notices {
                if !send(&sink, &notice, state.config.slow_consumer_ms).await {
                    give_up(state, &sink, last).await;
                    return;
                }
                last = cursor;
            }
            next = after;
        }
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = sink.closed() => return,
        }
    }
}

/// Sends one notice; false if the queue stayed full or the subscriber left.
async fn send(sink: &SubscriptionSink, notice: &Notice, patience_ms: u64) -> bool {
    let Ok(raw) = serde_json::value::to_raw_value(notice) else { return false };
    let patience = Duration::from_millis(patience_ms);
    sink.send_timeout(SubscriptionMessage::from(raw), patience).await.is_ok()
}

/// Tells a slow subscriber where to resume; the subscription ends when this returns.
async fn give_up(state: &State, sink: &SubscriptionSink, last: Cursor) {
    if sink.is_closed() {
        return;
    }
    state.counters.slow_consumers.fetch_add(1, Ordering::Relaxed);
    let time_ms = state.ledger().header(last.0).map_or(0, |header| header.time_ms);
    let mut notice = empty_notice(last, time_ms);
    notice.error = Some(Refusal::from(Code::SlowConsumer).at(notice.cursor.clone()));
    // the queue is full now; whoever reads on within the time of a request still learns it
    send(sink, &notice, state.config.request_timeout_ms).await;
}

type Notices = Vec<(Cursor, Notice)>;

/// Notices from `next` on, up to the head, and where to go on. The same cursor means: nothing new.
fn read_notices(state: &State, params: &SubscribeParams, next: Cursor) -> (Notices, Cursor) {
    match params.topic {
        Topic::Events => read_events(state, params, next),
        Topic::Blocks | Topic::Receipts => read_blocks(state, params.topic, next),
    }
}

fn empty_notice(cursor: Cursor, time_ms: u64) -> Notice {
    Notice {
        cursor: format!("{}:{}", cursor.0, cursor.1),
        as_of: view::as_of(cursor.0, time_ms),
        block: None,
        receipt: None,
        event: None,
        tx_id: None,
        error: None,
    }
}

fn read_events(state: &State, params: &SubscribeParams, next: Cursor) -> (Notices, Cursor) {
    let head = state.ledger().head().height;
    let events = state.ledger().events(next, READ_MAX);
    let after = match events.last() {
        Some(last) if events.len() == READ_MAX => (last.height, last.index.saturating_add(1)),
        // everything up to the head was read
        _ if next.0 <= head => (head.saturating_add(1), 0),
        _ => next,
    };
    let wanted = |event: &titian_contracts::context::Event| {
        params.name.as_ref().is_none_or(|name| event.name.starts_with(name.as_str()))
            && params.subject.as_ref().is_none_or(|subject| &event.subject == subject)
    };
    let notices = events
        .iter()
        // a block decided between reading head and events is delivered in the next turn
        .filter(|item| item.height <= head || events.len() == READ_MAX)
        .filter(|item| wanted(&item.event))
        .map(|item| {
            let cursor = (item.height, item.index);
            let mut notice = empty_notice(cursor, item.time_ms);
            notice.event = Some(view::event(&item.event));
            notice.tx_id = Some(item.transaction.to_string());
            (cursor, notice)
        })
        .collect();
    (notices, after)
}

/// One block at a time.
fn read_blocks(state: &State, topic: Topic, next: Cursor) -> (Notices, Cursor) {
    let ledger = state.ledger();
    let (height, index) = next;
    if height > ledger.head().height {
        return (Vec::new(), next);
    }
    let after = (height.saturating_add(1), 0);
    let Some(header) = ledger.header(height) else {
        return (Vec::new(), after);
    };
    let notices = match topic {
        Topic::Blocks if index == 0 => {
            let mut notice = empty_notice(next, header.time_ms);
            notice.block = Some(view::header(&header, &ledger.validators()));
            vec![(next, notice)]
        }
        Topic::Receipts => ledger
            .store()
            .receipts(height)
            .iter()
            .filter(|receipt| receipt.index >= index)
            .map(|receipt| {
                let cursor = (height, receipt.index);
                let mut notice = empty_notice(cursor, header.time_ms);
                notice.receipt = Some(view::receipt(receipt));
                (cursor, notice)
            })
            .collect(),
        _ => Vec::new(),
    };
    (notices, after)
}
