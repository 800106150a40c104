//! The records that name a record: its branches, what was merged into it, what it goes on from.
//!
//! The node's index tells which records named it at any time; what they name as of the height that is
//! asked for is read from them. So a page may be short and still name a cursor.

use titian_api::ubin::LinksParams;
use titian_api::{Object, Page, Refusal};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Entry, Record};
use titian_contracts::ubin::relation;

use super::{history, parse, read, table};
use crate::rpc::at::At;
use crate::rpc::methods::{Answer, page_items};
use crate::rpc::{State, view};

/// Items of a page.
const ITEMS_MAX: u32 = 500;

/// Links from other records to one, in the order of the numbers that are named and that name.
struct Links {
    items: Vec<Object>,
    /// Target and source of the pair that was looked at last, if there may be more.
    last: Option<(String, String)>,
}

/// The links to the record `number`, under every number that it has or had, after `after`. Looks at
/// `limit` pairs of the index.
fn links(
    state: &State,
    at: &At,
    (number, found): (&Ubin, &Record),
    after: Option<(&str, &str)>,
    limit: usize,
) -> Links {
    let overlay = Overlay::new(&at.reader);
    let mut targets: Vec<String> = found.aliases.clone();
    targets.push(number.to_string());
    targets.sort();
    let begin = after.map_or("", |(target, _)| target);
    let mut links = Links { items: Vec::new(), last: None };
    let mut room = limit;
    for target in targets.iter().filter(|target| target.as_str() >= begin) {
        let after = after.filter(|(begin, _)| begin == target).map(|(_, source)| source);
        // one beyond the room tells whether there are more
        for source in state.ledger().store().sources(target, after, room.saturating_add(1)) {
            if room == 0 {
                return links;
            }
            room -= 1;
            let named = Ubin::parse_canonical(&source);
            let record = named.and_then(|ubin| Some((record::entry(&overlay, &ubin)?, ubin)));
            if let Some((Entry::Record(record), ubin)) = record {
                let body = read::body(state, record.body_hash);
                let found = relation::links(&ubin, &record, body.as_ref(), target);
                links.items.extend(found.iter().map(view::object));
            }
            links.last = Some((target.clone(), source));
        }
    }
    links.last = None;
    links
}

/// Adds to an answer which records name the one it is about, the first of them.
pub(super) fn add(state: &State, at: &At, ubin: &Ubin, answer: &mut Object) {
    let Some((number, record)) = history::current(at, ubin) else { return };
    let found = links(state, at, (&number, &record), None, limits::RECORD_LINKS_SHOWN_MAX);
    let items = found.items.into_iter().map(serde_json::Value::Object).collect();
    answer.insert("namedBy".to_owned(), serde_json::Value::Array(items));
    answer.insert("namedByMore".to_owned(), serde_json::Value::Bool(found.last.is_some()));
}

/// `ubin_links`.
pub(super) fn page(state: &State, params: &LinksParams) -> Answer<Page> {
    let ubin = parse(state, &params.ubin, &table(state))?.ubin;
    let at = At::height(state, params.height)?;
    let unknown = || Refusal::new(Code::UbinUnknown, "/ubin", "");
    let (number, record) = history::current(&at, &ubin).ok_or_else(unknown)?;
    let after = params.cursor.as_deref().map(|text| {
        let pair = text.split_once('/').filter(|(target, source)| {
            Ubin::parse_canonical(target).is_some() && Ubin::parse_canonical(source).is_some()
        });
        pair.ok_or_else(|| Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list"))
    });
    let limit = page_items(params.limit, 100, ITEMS_MAX)?;
    let found = links(state, &at, (&number, &record), after.transpose()?, limit);
    let cursor = found.last.map(|(target, source)| format!("{target}/{source}"));
    Ok(Page { items: found.items, cursor, as_of: view::as_of(at.height, at.time_ms) })
}
