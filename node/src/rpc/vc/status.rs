//! Status lists: one entry at any height, whole lists, and which lists there are.

use serde_json::{Value, json};
use titian_api::vc::{ListFormat, Listed, StatusListParams, StatusListsParams, StatusParams};
use titian_api::{Object, Refusal};
use titian_contracts::access::Party;
use titian_contracts::credential::bits::{self, HistoryFault};
use titian_contracts::credential::{
    NumberedId, Profile, StatusList, Use, list_id, list_key, use_key,
};
use titian_contracts::error::Code;
use titian_contracts::json::Value as Rule;
use titian_contracts::state::{Reader as _, decode_content};
use titian_contracts::time::rfc3339;
use titian_credential::did;
use titian_credential::status::{self, token};

use super::evidence::{self, Noted};
use super::page::{Ask, page};
use super::{bare, live_of};
use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, prove, vc_lists, view};

/// The list of `SG:CUSTOMS/status/3`.
pub(in crate::rpc) fn read_list(text: &str) -> Answer<NumberedId> {
    NumberedId::parse(bare(text), "status")
        .ok_or_else(|| Refusal::new(Code::UnknownList, "/list", ""))
}

/// `vc_status`. The deltas hold the whole history of a list, so the head answers for every height,
/// pruned ones included.
pub(super) async fn of_entry(state: &State, params: StatusParams) -> Answer<Object> {
    let id = read_list(&params.list)?;
    let ledger = state.ledger();
    let height = params.height.unwrap_or(ledger.head().height);
    if height > ledger.head().height {
        return Err(Refusal::new(Code::HeightUnknown, "/height", "above the head"));
    }
    let found = bits::status_at(&ledger.reader(), &id.owner, id.number, params.index, height);
    let found = found.map_err(|fault| match fault {
        HistoryFault::NoList => Refusal::new(Code::UnknownList, "/list", ""),
        HistoryFault::Range => Refusal::new(Code::StatusIndexRange, "/index", ""),
        HistoryFault::Broken => Refusal::new(Code::Unavailable, "", "history is damaged"),
    })?;
    let list = list_id(&id.owner, id.number);
    let shown = json!({
        "list": list,
        "index": params.index,
        "value": found.value,
        "height": height,
        "since": found.since,
        "reason": found.reason,
    });
    let mut shown = shown.as_object().cloned().unwrap_or_default();
    if params.height.is_none()
        && let Some(moves) = moves(state, &id, params.index)
    {
        shown.insert("use".to_owned(), moves);
    }
    let time_ms = match height {
        0 => Some(ledger.genesis().time_ms),
        height => ledger.header(height).map(|header| header.time_ms),
    };
    if let Some(time_ms) = time_ms {
        let as_of = serde_json::to_value(view::as_of(height, time_ms));
        shown.insert("asOf".to_owned(), as_of.unwrap_or_default());
    }
    if params.proof {
        let mut stated =
            Rule::object([("list", Rule::from(list)), ("index", Rule::from(params.index))]);
        if params.height.is_some() {
            stated = stated.with("at", Rule::from(height));
        }
        let bundle = prove::bundle(state, "vc-status", stated).await?;
        shown.insert("proof".to_owned(), bundle.bundle.into());
    }
    Ok(shown)
}

/// What a list is, its entries left aside. Errors: `UNKNOWN_LIST`.
pub(super) fn described(at: &At, id: &NumberedId) -> Answer<Object> {
    let unknown = || Refusal::new(Code::UnknownList, "/list", "");
    let stored = at.reader.get(&list_key(&id.owner, id.number)).ok_or_else(unknown)?;
    let list: StatusList = decode_content(&stored.content).ok_or_else(unknown)?;
    Ok(members(&list_id(&id.owner, id.number), &list, stored.last_changed))
}

fn members(id: &str, list: &StatusList, changed: u64) -> Object {
    let members = [
        ("id", json!(did::did_of(id))),
        ("list", json!(id)),
        ("profile", json!(list.profile.name())),
        ("purpose", json!(status::purpose_of(list.profile))),
        ("statusSize", json!(list.status_size)),
        ("entries", json!(list.entries)),
        ("types", json!(list.types)),
        ("version", json!(list.version)),
        ("height", json!(changed)),
        ("createdHeight", json!(list.created_height)),
        ("retired", json!(list.retired)),
        ("untilMs", json!(list.until_ms)),
        ("until", json!(rfc3339(list.until_ms))),
        ("uri", json!(list.uri)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `vc_statusList`: the whole list in the form asked for; signed too, if this node holds the key of
/// its owner.
pub(super) async fn whole(state: &State, params: &StatusListParams) -> Answer<Object> {
    let id = read_list(&params.list)?;
    let height = params.proof.then(|| evidence::height(state, params.height)).or(params.height);
    let (mut shown, noted) = {
        let at = At::height(state, height)?;
        let noted = Noted::new(&at);
        let snapshot = live_of(state, &at, &noted);
        let (list, bytes): (StatusList, Vec<u8>) =
            status::whole_list(&snapshot, &id.owner, id.number)
                .ok_or_else(|| Refusal::new(Code::UnknownList, "/list", ""))?;
        let mut shown = described(&at, &id)?;
        shown.insert("height".to_owned(), json!(at.height));
        let (name, encoded) = encoded(&list, &bytes, params.format)?;
        shown.insert(name.to_owned(), json!(encoded));
        let earlier_ms = params.height.map(|_| at.time_ms);
        if let Some(signed) =
            vc_lists::credential(state, &id, (list, bytes), params.format, earlier_ms)?
        {
            shown.insert("credential".to_owned(), signed);
        }
        drop(snapshot);
        (at.stamp(shown), noted.finish())
    };
    if params.proof {
        shown.insert("proof".to_owned(), Value::Object(evidence::of_keys(state, noted).await?));
    }
    Ok(shown)
}

fn encoded(list: &StatusList, bytes: &[u8], format: ListFormat) -> Answer<(&'static str, String)> {
    match format {
        ListFormat::Bitstring => Ok(("encodedList", status::encode_list(bytes))),
        ListFormat::Raw => Ok(("encodedList", view::base64(bytes))),
        ListFormat::Token if list.profile == Profile::Token => {
            let entries = token::reorder(bytes, list.status_size);
            Ok(("lst", token::encode_list(&entries)))
        }
        ListFormat::Token => {
            let detail = "token is for lists of profile token";
            Err(Refusal::new(Code::InvalidParams, "/format", detail))
        }
    }
}

/// `vc_statusLists`.
pub(super) async fn lists(state: &State, params: &StatusListsParams) -> Answer<Listed> {
    let mut prefix = LIST_PREFIX.to_vec();
    if let Some(issuer) = &params.issuer {
        let party = bare(issuer);
        Party::parse(party).ok_or_else(|| Refusal::new(Code::DidInvalid, "/issuer", ""))?;
        prefix.extend_from_slice(party.as_bytes());
        prefix.push(b'/');
    }
    let ask = Ask {
        limit: params.limit,
        cursor: params.cursor.as_deref(),
        height: params.height,
        proof: params.proof,
    };
    page(state, ask, &prefix, |_, key, stored| {
        let (owner, number) = listed(key)?;
        let list: StatusList = decode_content(&stored.content)?;
        Some(members(&list_id(owner, number), &list, stored.last_changed))
    })
    .await
}

const LIST_PREFIX: &[u8] = b"vc/list/";

/// Owner and number of a list's key.
fn listed(key: &[u8]) -> Option<(&str, u64)> {
    let (owner, number) = key.strip_prefix(LIST_PREFIX)?.split_last_chunk::<8>()?;
    let owner = std::str::from_utf8(owner.strip_suffix(b"/")?).ok()?;
    Some((owner, u64::from_be_bytes(*number)))
}

/// What the next move of a single-use entry must quote, and who lodged it; `None` before the first
/// move and for other lists.
fn moves(state: &State, id: &NumberedId, index: u64) -> Option<Value> {
    let stored = state.ledger().reader().get(&use_key(&id.owner, id.number, index))?;
    let entry: Use = decode_content(&stored.content)?;
    Some(json!({
        "seq": entry.seq,
        "lodgedBy": (!entry.lodged_by.is_empty()).then_some(entry.lodged_by),
        "reference": entry.reference.map(|reference| reference.to_string()),
    }))
}
