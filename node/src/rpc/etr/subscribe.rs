//! `etr_subscribe`: events of a record, or of the records of a party.

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::etr_read::SubscribeParams;
use titian_api::{Call as _, Refusal, call};
use titian_contracts::context::Event;
use titian_contracts::error::Code;
use titian_contracts::etr::content::is_record_id;
use titian_contracts::etr::person::identity;
use titian_contracts::etr::view as etr_view;
use titian_contracts::state::Overlay;

use super::super::methods::{Answer, admit, error_object, read, row};
use super::super::subscribe::{Source, deliver, end_notice, event_notices, first_cursor};
use super::super::{Caller, State};
use super::caller::Ask;

/// Whose events.
enum Wanted {
    Record(String),
    Entity(String),
}

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    module.register_subscription(
        call::EtrSubscribe::NAME,
        "etr_subscription",
        "etr_unsubscribe",
        |params, pending, state, extensions| async move {
            let state: Arc<State> = Arc::clone(&state);
            let admitted = admit(&state, row::<call::EtrSubscribe>(), &extensions)
                .and_then(|caller| Ok((caller, read::<SubscribeParams>(&params)?)))
                .and_then(|(caller, params)| {
                    let after = first_cursor(&state, params.cursor.as_deref());
                    let wanted = wanted(&state, &params, &caller);
                    after
                        .and_then(|after| Ok((after, wanted?)))
                        .map_err(|refusal| error_object(&refusal))
                });
            let (after, wanted) = match admitted {
                Ok(admitted) => admitted,
                Err(error) => return pending.reject(error).await,
            };
            let source = Source {
                read: |cursor| {
                    let fits = |event: &Event| fits(&state, &wanted, event);
                    std::future::ready(Ok(event_notices(&state, cursor, fits)))
                },
                end: |cursor, refusal| end_notice(&state, cursor, refusal),
            };
            deliver(&state, pending, after, source).await;
        },
    )?;
    Ok(())
}

fn wanted(state: &State, params: &SubscribeParams, caller: &Caller) -> Answer<Wanted> {
    match (&params.id, &params.party) {
        (Some(id), None) if is_record_id(id) => Ok(Wanted::Record(id.clone())),
        // of what is no id nothing would ever be heard
        (Some(_), None) => Err(Refusal::new(Code::InvalidParams, "/id", "a record id is expected")),
        (None, Some(party)) => {
            Ask::new(state, caller, params.capability.as_ref(), call::EtrSubscribe::NAME)
                .require_party(party)?;
            let reader = state.ledger().reader();
            Ok(Wanted::Entity(identity(&Overlay::new(&reader), party).to_string()))
        }
        _ => Err(Refusal::new(Code::InvalidParams, "", "id or party")),
    }
}

/// A party hears of the records in which it has or had a role.
fn fits(state: &State, wanted: &Wanted, event: &Event) -> bool {
    let of_etr = event.name.starts_with("etr.");
    of_etr
        && match wanted {
            Wanted::Record(id) => &event.subject == id,
            Wanted::Entity(entity) => {
                let reader = state.ledger().reader();
                etr_view::is_party_entity(&Overlay::new(&reader), &event.subject, entity)
            }
        }
}
