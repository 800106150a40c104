//! `vc_subscribe`: the events of the credential register, of parties' keys, and of recognition, by
//! (height, index).

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::vc::{EventFilter, Notice, SubscribeParams, Topic};
use titian_api::{Call as _, Refusal, call};
use titian_contracts::context::Event;
use titian_contracts::credential::REGION;
use titian_contracts::error::Code;
use titian_contracts::limits;

use super::bare;
use crate::feed::Cursor;
use crate::rpc::methods::{Answer, admit, error_object, read, row};
use crate::rpc::subscribe::{Source, deliver, events_after, first_cursor};
use crate::rpc::{State, view};

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    module.register_subscription(
        call::VcSubscribe::NAME,
        "vc_subscription",
        "vc_unsubscribe",
        |params, pending, state, extensions| async move {
            let state: Arc<State> = Arc::clone(&state);
            let admitted = admit(&state, row::<call::VcSubscribe>(), &extensions)
                .and_then(|_| read::<SubscribeParams>(&params))
                .and_then(|params| {
                    let after = first_cursor(&state, params.cursor.as_deref());
                    let checked = check(&params.filter);
                    after
                        .and_then(|after| checked.map(|()| (params, after)))
                        .map_err(|refusal| error_object(&refusal))
                });
            let (params, after) = match admitted {
                Ok(admitted) => admitted,
                Err(error) => return pending.reject(error).await,
            };
            let source = Source {
                read: |cursor| std::future::ready(Ok(notices(&state, &params, cursor))),
                end: |cursor, refusal| end_notice(&state, cursor, refusal),
            };
            deliver(&state, pending, after, source).await;
        },
    )?;
    Ok(())
}

/// Bounds of a filter.
fn check(filter: &EventFilter) -> Answer<()> {
    for (field, list) in [("/filter/cc", &filter.cc), ("/filter/issuers", &filter.issuers)] {
        if list.len() > limits::FEED_FILTER_ITEMS_MAX {
            return Err(Refusal::new(Code::LimitExceeded, field, "at most 64"));
        }
    }
    Ok(())
}

/// The topic of an event; `None` for events of other registers.
fn topic_of(name: &str) -> Option<Topic> {
    let (register, act) = name.split_once('.')?;
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| act.starts_with(prefix));
    match register {
        "vc" if starts(&["list_", "use_"]) => Some(Topic::Status),
        "vc" if starts(&["accreditation_"]) => Some(Topic::Issuer),
        "vc" if starts(&["type_", "resource_"]) => Some(Topic::Resource),
        "vc" if starts(&["anchor_"]) => Some(Topic::Anchor),
        "access" if !starts(&["mandate_"]) => Some(Topic::Issuer),
        "gov" if starts(&["recognition_"]) => Some(Topic::Recognition),
        _ => None,
    }
}

/// Whether an event is about a party or an object of the filter. Subjects begin with the party:
/// `SG:CUSTOMS/status/3`, `MY/SG/aeo-2024`; an accreditation's grantor is concerned as well.
fn passes(filter: &EventFilter, event: &Event) -> bool {
    let owner = event.subject.split(['/', '#']).next().unwrap_or_default();
    // what the region owns concerns every state
    let of_state = filter.cc.is_empty()
        || owner == REGION
        || filter.cc.iter().any(|cc| owner.get(..2) == Some(cc.as_str()))
        || (event.name.starts_with("gov.")
            && filter.cc.iter().any(|cc| event.subject.split('/').nth(1) == Some(cc.as_str())));
    let of_party =
        filter.issuers.is_empty() || filter.issuers.iter().any(|party| owner == bare(party));
    of_state && of_party
}

fn notices(
    state: &State,
    params: &SubscribeParams,
    after: Cursor,
) -> (Vec<(Cursor, Notice)>, Cursor) {
    let wanted = |event: &Event| {
        topic_of(&event.name)
            .is_some_and(|topic| params.topics.is_empty() || params.topics.contains(&topic))
            && passes(&params.filter, event)
    };
    let (events, next) = events_after(state, after, wanted);
    let notices = events.into_iter().map(|(cursor, item)| {
        let mut notice = empty(cursor, item.time_ms);
        notice.topic = topic_of(&item.event.name);
        notice.event = Some(view::event(&item.event));
        notice.tx_id = Some(item.transaction.to_string());
        (cursor, notice)
    });
    (notices.collect(), next)
}

fn empty(cursor: Cursor, time_ms: u64) -> Notice {
    Notice {
        cursor: cursor.to_string(),
        as_of: view::as_of(cursor.height, time_ms),
        topic: None,
        event: None,
        tx_id: None,
        error: None,
    }
}

fn end_notice(state: &State, cursor: Cursor, refusal: Refusal) -> Notice {
    let time_ms = state.ledger().header(cursor.height).map_or(0, |header| header.time_ms);
    let mut notice = empty(cursor, time_ms);
    notice.error = Some(refusal.at(notice.cursor.clone()));
    notice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_act_that_a_verifier_waits_for_has_its_topic() {
        for (name, expected) in [
            ("vc.list_create", Some(Topic::Status)),
            ("vc.list_set", Some(Topic::Status)),
            ("vc.list_retire", Some(Topic::Status)),
            ("vc.use_lodge", Some(Topic::Status)),
            ("vc.use_cancel", Some(Topic::Status)),
            ("vc.accreditation_grant", Some(Topic::Issuer)),
            ("vc.accreditation_revoke", Some(Topic::Issuer)),
            ("access.key_rotate", Some(Topic::Issuer)),
            ("access.authority_close", Some(Topic::Issuer)),
            ("access.mandate_set", None),
            ("vc.type_publish", Some(Topic::Resource)),
            ("vc.resource_publish", Some(Topic::Resource)),
            ("vc.resource_deprecate", Some(Topic::Resource)),
            ("vc.anchor_submit", Some(Topic::Anchor)),
            ("gov.recognition_suspend", Some(Topic::Recognition)),
            ("gov.regime_set", None),
            ("ubin.register", None),
            ("etr.offer", None),
        ] {
            assert_eq!(topic_of(name), expected, "{name}");
        }
    }
}
