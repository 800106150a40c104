//! Records of a party, what waits for its answer, and staged ops.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_api::etr::{InboxParams, ListParams};
use titian_api::etr_read::{Staged, StagedOp, StagedParams};
use titian_api::{Call as _, Object, Page, Refusal, call};
use titian_contracts::error::Code;
use titian_contracts::etr::person::identity;
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{staging, view as etr_view};
use titian_contracts::limits;
use titian_contracts::state::Overlay;

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{Caller, State, view};
use super::caller::{Ask, Sight};
use super::{parts, until};
use crate::store::Waits;

/// The roles of a party in a record.
type Roles = Vec<String>;

/// A page of the records of a party.
pub(super) fn list(state: &State, params: &ListParams, caller: &Caller) -> Answer<Page> {
    Ask::new(state, caller, params.capability.as_ref(), call::EtrList::NAME)
        .require_party(&params.party)?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let entity = identity(&overlay, &params.party);
    let prefix = etr_view::party_prefix(&entity);
    let after = match &params.cursor {
        None => None,
        Some(text) => {
            let key = URL_SAFE_NO_PAD.decode(text).ok().filter(|key| key.starts_with(&prefix));
            Some(key.ok_or_else(invalid_cursor)?)
        }
    };
    let found = state.ledger().scan(&prefix, after.as_deref(), limits::PAGE_ITEMS_MAX);
    let cursor = (found.len() == limits::PAGE_ITEMS_MAX)
        .then(|| found.last().map(|(key, _)| view::base64(key)))
        .flatten();
    let items = found.iter().filter_map(|(key, stored)| {
        let id = key.get(prefix.len()..).and_then(|id| std::str::from_utf8(id).ok())?;
        let roles = etr_view::roles_of(&stored.content);
        let in_role = params.role.as_ref().is_none_or(|role| roles.contains(role));
        let loaded = Record::load(&overlay, id).filter(|_| in_role)?;
        let status = loaded.public.status.text();
        let wanted = params.status.as_ref().is_none_or(|wanted| wanted == status);
        wanted.then(|| item(&overlay, id, &entity, roles)).flatten()
    });
    Ok(Page { items: items.collect(), cursor, as_of: view::as_of(at.height, at.time_ms) })
}

fn invalid_cursor() -> Refusal {
    Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list")
}

/// A record in a list of `entity`, without its endorsements: they would be 200 times 1,024.
fn item(overlay: &Overlay<'_>, id: &str, entity: &str, roles: Roles) -> Option<Object> {
    let sight = Sight::from(etr_view::standing(overlay, id, entity));
    let mut shown = until(parts(overlay, id, sight == Sight::All)?, sight);
    shown.insert("roles".to_owned(), roles.into());
    Some(shown)
}

/// A page of the offers, surrenders and presentments that a party is to answer.
pub(super) fn inbox(state: &State, params: &InboxParams, caller: &Caller) -> Answer<Page> {
    Ask::new(state, caller, params.capability.as_ref(), call::EtrInbox::NAME)
        .require_party(&params.party)?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let entity = identity(&overlay, &params.party);
    let after = params.cursor.as_deref();
    let max = limits::PAGE_ITEMS_MAX;
    let ids = state.ledger().store().waiting(Waits::Answer, &entity, after, max);
    let cursor = (ids.len() == max).then(|| ids.last().cloned()).flatten();
    let items = ids.iter().filter_map(|id| {
        let roles = etr_view::roles_in(&overlay, id, &params.party);
        item(&overlay, id, &entity, roles)
    });
    Ok(Page { items: items.collect(), cursor, as_of: view::as_of(at.height, at.time_ms) })
}

/// The staged ops of a record or a party.
pub(super) fn staged(state: &State, params: &StagedParams, caller: &Caller) -> Answer<Staged> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let ask = Ask::new(state, caller, params.capability.as_ref(), call::EtrStaged::NAME);
    let (id, who) = match (&params.id, &params.party) {
        (Some(id), None) => (Some(id), ask.party(id)?),
        (None, Some(party)) => {
            ask.require_party(party)?;
            (None, Some(party.clone()))
        }
        _ => return Err(Refusal::new(Code::InvalidParams, "", "id or party")),
    };
    // the list of a party holds what concerns it, not what concerns others of the token
    let listed = if params.party.is_some() { &[] } else { caller.reads_for() };
    let who = who.map(|party| identity(&overlay, &party));
    let asking = who.iter().cloned().chain(listed.iter().map(|party| identity(&overlay, party)));
    let asking: Vec<_> = asking.collect();
    let listed = |id: &str, items: &mut Vec<StagedOp>| {
        for (digest, entry) in staging::open_of(&overlay, id, at.time_ms) {
            let Some((_, op)) = staging::staged(&overlay, id, digest) else { continue };
            let parties = staging::concerned_by(&overlay, id, &op);
            let concerned = caller.admin || asking.iter().any(|who| parties.contains(who));
            // in the list of a party stands what concerns it
            if params.party.is_some() && !concerned {
                continue;
            }
            items.push(StagedOp {
                id: id.to_owned(),
                op_digest: digest.to_string(),
                missing: entry.missing,
                until_ms: entry.until_ms,
                bundled: entry.bundle.is_some(),
                op: concerned.then(|| view::object(&op.value)),
            });
        }
    };
    let (mut items, max) = (Vec::new(), limits::PAGE_ITEMS_MAX);
    if let Some(id) = id {
        listed(id, &mut items);
    } else if let Some(entity) = &who {
        let mut after: Option<String> = None;
        // rows of what expired stay until the record moves: they do not fill the list
        while items.len() < max {
            let store = state.ledger().store();
            let ids = store.waiting(Waits::Signature, entity, after.as_deref(), max);
            for id in &ids {
                listed(id, &mut items);
            }
            after = ids.last().filter(|_| ids.len() == max).cloned();
            if after.is_none() {
                break;
            }
        }
    }
    items.truncate(max);
    Ok(Staged { items, as_of: view::as_of(at.height, at.time_ms) })
}
