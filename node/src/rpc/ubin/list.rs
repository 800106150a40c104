//! Records by prefix, in key order.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_api::ubin::ListParams;
use titian_api::{Page, Refusal};
use titian_contracts::access::is_state_code;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::decode_content;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Entry, ubin_of_key};

use crate::rpc::methods::{Answer, page_items};
use crate::rpc::{State, view};

/// Items of a page of `ubin_list`.
const LIST_ITEMS_MAX: u32 = 500;

/// The key prefix of `CC`, `CC-SCHEME` or `CC-SCHEME-…`.
fn list_prefix(text: &str) -> Answer<Vec<u8>> {
    let invalid = || {
        let detail = "CC, CC-SCHEME or CC-SCHEME- and the first characters of the number";
        Refusal::new(Code::InvalidParams, "/prefix", detail)
    };
    let mut parts = text.splitn(3, '-');
    let upper = |part: &str| part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let cc = parts.next().filter(|cc| is_state_code(cc)).ok_or_else(invalid)?;
    let mut prefix = b"ubin/rec/".to_vec();
    prefix.extend_from_slice(cc.as_bytes());
    if let Some(scheme) = parts.next() {
        if !(2..=6).contains(&scheme.len()) || !upper(scheme) {
            return Err(invalid());
        }
        prefix.extend_from_slice(format!("{scheme:\0<6}").as_bytes());
    }
    if let Some(local) = parts.next() {
        if local.len() > 24 || !upper(local) {
            return Err(invalid());
        }
        prefix.extend_from_slice(local.as_bytes());
    }
    Ok(prefix)
}

pub(super) fn page(state: &State, params: &ListParams) -> Answer<Page> {
    let prefix = list_prefix(&params.prefix)?;
    let limit = page_items(params.limit, 100, LIST_ITEMS_MAX)?;
    let after = match &params.cursor {
        None => None,
        Some(text) => {
            Some(URL_SAFE_NO_PAD.decode(text).ok().filter(|k| k.starts_with(&prefix)).ok_or_else(
                || Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list"),
            )?)
        }
    };
    let head = state.ledger().head();
    let found = state.ledger().scan(&prefix, after.as_deref(), limit);
    let cursor =
        (found.len() == limit).then(|| found.last().map(|(key, _)| view::base64(key))).flatten();
    let items = found
        .iter()
        .filter_map(|(key, stored)| {
            let ubin = ubin_of_key(key)?;
            let entry: Entry = decode_content(&stored.content)?;
            Some(view::object(&item(&ubin, &entry)))
        })
        .collect();
    Ok(Page { items, cursor, as_of: view::as_of(head.height, head.time_ms) })
}

fn item(ubin: &Ubin, entry: &Entry) -> Value {
    match entry {
        Entry::Record(record) => Value::object([
            ("ubin", Value::from(ubin.to_string())),
            ("entity", Value::from(record.entity.as_str())),
            ("version", Value::from(record.version)),
            ("bodyHash", Value::from(record.body_hash)),
            ("status", Value::from(record.shown_status().name())),
            ("live", Value::from(record.is_live())),
        ]),
        Entry::Alias(alias) => Value::object([
            ("ubin", Value::from(ubin.to_string())),
            ("aliasOf", Value::from(alias.target.as_str())),
            ("entity", Value::from(alias.entity.as_str())),
        ]),
    }
}
