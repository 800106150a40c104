//! `ledger_subscribe`: blocks, receipts or events from a cursor on; and what every subscription
//! shares.
//!
//! A subscription reads the database from its cursor and follows the head. So it is in order,
//! loses nothing, and costs no memory beyond its queue: when the queue stays full, the subscriber
//! is told `SLOW_CONSUMER` with the cursor to resume from, and dropped.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt as _};
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::core::server::SubscriptionMessage;
use jsonrpsee::server::{PendingSubscriptionSink, RpcModule, SubscriptionSink};
use serde::Serialize;
use titian_api::ledger::{Notice, SubscribeParams, Topic};
use titian_api::{Call as _, Refusal, call};
use titian_contracts::context::Event;
use titian_contracts::error::Code;
use titian_contracts::transaction::TransactionId;
use tokio::sync::broadcast::error::RecvError;

use super::methods::{admit, error_object, read, row};
use super::{State, view};
use crate::feed::{self, Cursor};
use crate::store::LedgerEvent;

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
                    check_filter(&params).map_err(|refusal| error_object(&refusal))?;
                    let after = first_cursor(&state, params.cursor.as_deref());
                    Ok((params, after.map_err(|refusal| error_object(&refusal))?))
                });
            let (params, after) = match admitted {
                Ok(admitted) => admitted,
                Err(error) => return pending.reject(error).await,
            };
            let source = Source {
                read: |cursor| std::future::ready(read_notices(&state, &params, cursor)),
                end: |cursor, refusal| end_notice(&state, cursor, refusal),
            };
            match params.topic {
                Topic::Receipts => {
                    let beside = Box::pin(expired(&state));
                    deliver_beside(&state, pending, after, source, beside).await;
                }
                Topic::Blocks | Topic::Events => deliver(&state, pending, after, source).await,
            }
        },
    )?;
    Ok(())
}

/// Only events have names and subjects: a filter that nothing looks at would deliver everything.
fn check_filter(params: &SubscribeParams) -> Result<(), Refusal> {
    let filters = [("/name", &params.name), ("/subject", &params.subject)];
    match filters.iter().find(|(_, filter)| filter.is_some()) {
        Some((field, _)) if params.topic != Topic::Events => {
            Err(Refusal::new(Code::InvalidParams, field, "for topic events only"))
        }
        _ => Ok(()),
    }
}

/// What comes after the cursor of a client, from now on without one. Errors: `INVALID_PARAMS`,
/// `HEIGHT_UNKNOWN`, `CURSOR_TOO_OLD`.
pub(super) fn first_cursor(state: &State, text: Option<&str>) -> Result<Cursor, Refusal> {
    let Some(text) = text else {
        return Ok(Cursor::end_of(state.ledger().head().height));
    };
    let cursor: Cursor = text
        .parse()
        .map_err(|()| Refusal::new(Code::InvalidParams, "/cursor", "height:index is expected"))?;
    feed::check(state.ledger(), cursor, &state.backend.snapshots.heights())?;
    Ok(cursor)
}

/// Counts an open subscription while it lives.
struct Open<'a>(&'a State);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counters.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a read gives: notices, each with its place, and up to where all was looked at. The same
/// cursor means: nothing new.
pub(super) type Batch<N> = Result<(Vec<(Cursor, N)>, Cursor), Refusal>;

/// Where the notices of a subscription come from.
pub(super) struct Source<R, E> {
    /// Reads what comes after a cursor.
    pub(super) read: R,
    /// The last notice: where to resume, and why it ends.
    pub(super) end: E,
}

/// A notice of what is in no block: it stands where the last one stood.
type Beside<N> = Box<dyn FnOnce(Cursor) -> N + Send>;

/// Delivers until the subscriber leaves, is too slow, or the source refuses to go on.
pub(super) async fn deliver<N, R, F, E>(
    state: &State,
    pending: PendingSubscriptionSink,
    after: Cursor,
    source: Source<R, E>,
) where
    N: Serialize,
    R: Fn(Cursor) -> F,
    F: Future<Output = Batch<N>>,
    E: Fn(Cursor, Refusal) -> N,
{
    deliver_beside(state, pending, after, source, stream::pending()).await;
}

/// Delivers the same, and what comes `beside` it.
async fn deliver_beside<N, R, F, E>(
    state: &State,
    pending: PendingSubscriptionSink,
    mut after: Cursor,
    source: Source<R, E>,
    mut beside: impl Stream<Item = Beside<N>> + Unpin,
) where
    N: Serialize,
    R: Fn(Cursor) -> F,
    F: Future<Output = Batch<N>>,
    E: Fn(Cursor, Refusal) -> N,
{
    let mut head = state.ledger().subscribe_head();
    let Ok(sink) = pending.accept().await else { return };
    state.counters.subscriptions.fetch_add(1, Ordering::Relaxed);
    let _open = Open(state);
    let mut last = after;
    loop {
        head.borrow_and_update();
        loop {
            let (notices, next) = match (source.read)(after).await {
                Ok(batch) => batch,
                Err(refusal) => {
                    let notice = (source.end)(last, refusal);
                    send(&sink, &notice, state.config.request_timeout_ms).await;
                    return;
                }
            };
            if next == after {
                break;
            }
            for (cursor, notice) in notices {
                if !send(&sink, &notice, state.config.slow_consumer_ms).await {
                    give_up(state, &sink, &(source.end)(last, Code::SlowConsumer.into())).await;
                    return;
                }
                last = cursor;
            }
            after = next;
        }
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            Some(notice) = beside.next() => {
                if !send(&sink, &notice(last), state.config.slow_consumer_ms).await {
                    give_up(state, &sink, &(source.end)(last, Code::SlowConsumer.into())).await;
                    return;
                }
            }
            () = sink.closed() => return,
        }
    }
}

/// Transactions that this node dropped from its pool, from now on: no receipt will come from it.
fn expired(state: &Arc<State>) -> impl Stream<Item = Beside<Notice>> + use<> {
    let state = Arc::clone(state);
    let dropped = stream::unfold(state.backend.mempool.expired(), |mut dropped| async {
        loop {
            match dropped.recv().await {
                Ok(id) => return Some((id, dropped)),
                // a subscriber this far behind has lost notes, not receipts
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    dropped.chain(stream::pending()).map(move |id: TransactionId| -> Beside<Notice> {
        let state = Arc::clone(&state);
        Box::new(move |cursor| {
            let mut notice = end_notice(&state, cursor, Code::ExpiredInPool.into());
            notice.tx_id = Some(id.to_string());
            notice
        })
    })
}

/// Sends one notice; false if the queue stayed full or the subscriber left.
async fn send<N: Serialize>(sink: &SubscriptionSink, notice: &N, patience_ms: u64) -> bool {
    let Ok(raw) = serde_json::value::to_raw_value(notice) else { return false };
    let patience = Duration::from_millis(patience_ms);
    sink.send_timeout(SubscriptionMessage::from(raw), patience).await.is_ok()
}

/// Tells a slow subscriber where to resume; the subscription ends when this returns.
async fn give_up<N: Serialize>(state: &State, sink: &SubscriptionSink, notice: &N) {
    if sink.is_closed() {
        return;
    }
    state.counters.slow_consumers.fetch_add(1, Ordering::Relaxed);
    // the queue is full now; whoever reads on within the time of a request still learns it
    send(sink, notice, state.config.request_timeout_ms).await;
}

pub(super) fn end_notice(state: &State, cursor: Cursor, refusal: Refusal) -> Notice {
    let time_ms = state.ledger().header(cursor.height).map_or(0, |header| header.time_ms);
    let mut notice = empty_notice(cursor, time_ms);
    notice.error = Some(refusal.at(notice.cursor.clone()));
    notice
}

/// Notices after a cursor, up to the head.
fn read_notices(state: &State, params: &SubscribeParams, after: Cursor) -> Batch<Notice> {
    Ok(match params.topic {
        Topic::Events => read_events(state, params, after),
        Topic::Blocks | Topic::Receipts => read_blocks(state, params.topic, after),
    })
}

fn empty_notice(cursor: Cursor, time_ms: u64) -> Notice {
    Notice {
        cursor: cursor.to_string(),
        as_of: view::as_of(cursor.height, time_ms),
        block: None,
        receipt: None,
        event: None,
        tx_id: None,
        error: None,
    }
}

pub(super) type Notices = Vec<(Cursor, Notice)>;

fn read_events(state: &State, params: &SubscribeParams, after: Cursor) -> (Notices, Cursor) {
    let wanted = |event: &Event| {
        params.name.as_ref().is_none_or(|name| event.name.starts_with(name.as_str()))
            && params.subject.as_ref().is_none_or(|subject| &event.subject == subject)
    };
    event_notices(state, after, wanted)
}

/// Events after a cursor that are wanted, as notices, and up to where all were looked at.
pub(super) fn event_notices(
    state: &State,
    after: Cursor,
    wanted: impl Fn(&Event) -> bool,
) -> (Notices, Cursor) {
    let (events, next) = events_after(state, after, wanted);
    let notices = events.into_iter().map(|(cursor, item)| {
        let mut notice = empty_notice(cursor, item.time_ms);
        notice.event = Some(view::event(&item.event));
        notice.tx_id = Some(item.transaction.to_string());
        (cursor, notice)
    });
    (notices.collect(), next)
}

/// The next events after a cursor that are `wanted`, and up to where all were looked at.
pub(super) fn events_after(
    state: &State,
    after: Cursor,
    wanted: impl Fn(&Event) -> bool,
) -> (Vec<(Cursor, LedgerEvent)>, Cursor) {
    let head = state.ledger().head().height;
    if after >= Cursor::end_of(head) {
        return (Vec::new(), after);
    }
    let events = state.ledger().events((after.height, after.index.saturating_add(1)), READ_MAX);
    let full = events.len() == READ_MAX;
    let next = match events.last() {
        Some(last) if full => Cursor { height: last.height, index: last.index },
        // everything up to the head was read
        _ => Cursor::end_of(head),
    };
    let events = events
        .into_iter()
        // a block decided between reading head and events is delivered in the next turn
        .filter(|item| item.height <= head || full)
        .filter(|item| wanted(&item.event))
        .map(|item| (Cursor { height: item.height, index: item.index }, item));
    (events.collect(), next)
}

/// One block at a time.
fn read_blocks(state: &State, topic: Topic, after: Cursor) -> (Notices, Cursor) {
    let ledger = state.ledger();
    let (height, index) = match after.index.checked_add(1) {
        Some(index) => (after.height, index),
        None => (after.height.saturating_add(1), 0),
    };
    if height > ledger.head().height {
        return (Vec::new(), after);
    }
    let next = Cursor::end_of(height);
    let Some(header) = ledger.header(height) else {
        return (Vec::new(), next);
    };
    let notices = match topic {
        Topic::Blocks if index == 0 => {
            let cursor = Cursor { height, index: 0 };
            let mut notice = empty_notice(cursor, header.time_ms);
            notice.block = Some(view::header(&header, &ledger.validators()));
            vec![(cursor, notice)]
        }
        Topic::Receipts => ledger
            .store()
            .receipts(height)
            .iter()
            .filter(|receipt| receipt.index >= index)
            .map(|receipt| {
                let cursor = Cursor { height, index: receipt.index };
                let mut notice = empty_notice(cursor, header.time_ms);
                notice.receipt = Some(view::receipt(receipt));
                (cursor, notice)
            })
            .collect(),
        _ => Vec::new(),
    };
    (notices, next)
}
