//! The delta feed of the UBIN register (ubin-api.md §9): its events in order, each with what it
//! changed, from a cursor on.
//!
//! Invariant: an item is a function of the ledger up to its height, so every node gives the same
//! items, now and later. The feed reads receipts, bodies and state; it keeps nothing of its own,
//! and costs consensus nothing.

mod cursor;
mod filter;

use std::collections::BTreeSet;

use titian_api::Refusal;
use titian_contracts::context::Event;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::Receipt;
use titian_contracts::json::{self, Value};
use titian_contracts::limits;
use titian_contracts::state::{Overlay, Reader as _, decode_content};
use titian_contracts::time::rfc3339;
use titian_contracts::transaction::TransactionId;
use titian_contracts::ubin::feed::{Follower, Marks, line};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Entry, record_key};

use crate::ledger::Ledger;
use crate::store::AtHeight;

pub use cursor::Cursor;
pub use filter::Filter;

/// What every event of the register begins with.
const REGISTER: &str = "ubin.";

/// Which items are asked for, and how much of them.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Which.
    pub filter: Filter,
    /// Add the snapshot lines of the numbers that an item changed, as of the end of its height.
    pub full: bool,
}

/// Some items, and where to go on.
#[derive(Debug)]
pub struct Page {
    /// The items, in order.
    pub items: Vec<(Cursor, Value)>,
    /// All up to here, this included, was looked at.
    pub cursor: Cursor,
    /// Whether more may follow now.
    pub more: bool,
}

/// Errors: `CURSOR_TOO_OLD` if events after the cursor are not kept any more, `HEIGHT_UNKNOWN` if
/// it lies above the head. `snapshots` are the heights of those there are, newest first.
pub fn check(ledger: &Ledger, after: Cursor, snapshots: &[u64]) -> Result<(), Refusal> {
    if after.height > ledger.head().height {
        let detail = "the cursor is above the head";
        return Err(Refusal::new(Code::HeightUnknown, "/cursor", detail));
    }
    let oldest = ledger.earliest();
    let usable = Cursor::end_of(oldest.saturating_sub(1));
    // genesis has no events
    if after.height >= oldest || after >= usable || (after.height == 0 && oldest == 1) {
        return Ok(());
    }
    let snapshot = snapshots.iter().copied().find(|height| *height >= usable.height);
    Err(Refusal::new(Code::CursorTooOld, "/cursor", "").since(oldest, usable.to_string(), snapshot))
}

/// Reads at most `limit` items after a cursor, up to the head.
pub fn read(ledger: &Ledger, after: Cursor, limit: usize, request: &Request) -> Page {
    let head = ledger.head().height;
    let mut page = Page { items: Vec::new(), cursor: after, more: false };
    let (mut bytes, mut seen) = (0, 0);
    let mut from = after.height;
    while let Some((height, receipts)) = ledger.store().next_receipts(from, head) {
        let mut block = Block::new(ledger, height, request);
        let events =
            receipts.iter().flat_map(|r: &Receipt| r.events.iter().map(move |e| (r.id, e)));
        for (index, (transaction, event)) in (0u32..).zip(events) {
            let cursor = Cursor { height, index };
            seen += 1;
            let item = block.item(cursor, transaction, event, cursor > page.cursor);
            let Some(item) = item else { continue };
            if page.items.len() == limit || bytes > limits::FEED_PAGE_BYTES_MAX {
                page.more = true;
                return page;
            }
            bytes += item.to_jcs().len();
            page.items.push((cursor, item));
            page.cursor = cursor;
        }
        page.cursor = page.cursor.max(Cursor::end_of(height));
        from = height.saturating_add(1);
        if seen >= limits::FEED_EVENTS_MAX && height < head {
            page.more = true;
            return page;
        }
    }
    page.cursor = page.cursor.max(Cursor::end_of(head));
    page
}

/// The marks of a number before a height.
type MarksBefore = Box<dyn Fn(&str) -> Marks>;

/// The events of one height, in order.
struct Block<'a> {
    ledger: &'a Ledger,
    request: &'a Request,
    then: AtHeight,
    time: String,
    follower: Follower<MarksBefore>,
}

impl<'a> Block<'a> {
    fn new(ledger: &'a Ledger, height: u64, request: &'a Request) -> Self {
        let before = ledger.store().at_height(height.saturating_sub(1));
        let marks = move |ubin: &str| match entry_at(&before, ubin) {
            Some(Entry::Record(record)) => Marks::of(&record),
            _ => Marks::default(),
        };
        let header = ledger.header(height);
        Self {
            ledger,
            request,
            then: ledger.store().at_height(height),
            time: rfc3339(header.map_or(0, |header| header.time_ms)),
            follower: Follower::new(height, Box::new(marks)),
        }
    }

    /// The item of an event, if it is one of the register that passes the filter and is `wanted`.
    /// Others are followed all the same.
    fn item(
        &mut self,
        cursor: Cursor,
        transaction: TransactionId,
        event: &Event,
        wanted: bool,
    ) -> Option<Value> {
        let act = event.name.strip_prefix(REGISTER)?;
        let facts = json::parse(event.data.as_bytes()).ok()?;
        let passes = wanted && self.passes(act, &facts);
        if !passes && !moves_marks(act, &facts) {
            return None;
        }
        let new = facts.get("bodyHash").and_then(Value::as_text).and_then(Digest::parse);
        let new = new.and_then(|hash| self.body(&hash));
        let old = new.as_ref().and_then(|body| body.get("prev")).and_then(Value::as_text);
        let old = old.and_then(Digest::parse).and_then(|hash| self.body(&hash));
        let bodies = new.as_ref().map(|new| (old.as_ref(), new));
        let changed = self.follower.changes(act, &facts, bodies);
        if !passes {
            return None;
        }
        let mut members: Vec<(String, Value)> = facts.as_object().unwrap_or_default().to_vec();
        members.extend([
            ("cursor".to_owned(), Value::from(cursor.to_string())),
            ("act".to_owned(), Value::from(act)),
            ("changed".to_owned(), Value::List(changed)),
            ("txId".to_owned(), Value::from(transaction.to_string())),
            ("blockTime".to_owned(), Value::from(self.time.as_str())),
        ]);
        if self.request.full {
            members.push(("lines".to_owned(), Value::List(self.lines(act, &facts))));
        }
        Some(Value::object(members))
    }

    fn passes(&self, act: &str, facts: &Value) -> bool {
        let entity_of = |ubin: &str| {
            let ubin = Ubin::parse_canonical(ubin)?;
            Some(record::find(&Overlay::new(&self.then), &ubin)?.1.entity)
        };
        self.request.filter.passes(act, facts, entity_of)
    }

    /// The lines of the numbers that an event changed, as of the end of the height. A renumbering
    /// points all aliases of the record to its new number.
    fn lines(&self, act: &str, facts: &Value) -> Vec<Value> {
        let member = |name: &str| facts.get(name).and_then(Value::as_text).map(str::to_owned);
        if facts.get("metaSeq").is_none() {
            return Vec::new();
        }
        let mut numbers: BTreeSet<String> = member("ubin").into_iter().collect();
        numbers.extend(member("alias"));
        if act == "renumber" {
            let number = member("ubin").and_then(|ubin| Ubin::parse_canonical(&ubin));
            let found = number.and_then(|ubin| record::find(&Overlay::new(&self.then), &ubin));
            numbers.extend(found.into_iter().flat_map(|(_, record)| record.aliases));
        }
        numbers
            .iter()
            .filter_map(|number| {
                let entry = entry_at(&self.then, number)?;
                let body = match &entry {
                    Entry::Record(record) => self.body(&record.body_hash),
                    Entry::Alias(_) => None,
                };
                Some(line(number, &entry, body.as_ref()))
            })
            .collect()
    }

    fn body(&self, hash: &Digest) -> Option<Value> {
        self.ledger.body(hash).and_then(|text| json::parse(&text).ok())
    }
}

/// Whether later events of the height need to know of this one.
fn moves_marks(act: &str, facts: &Value) -> bool {
    matches!(act, "correct" | "renumber")
        || ["mark", "successor"].iter().any(|name| facts.get(name).is_some())
}

fn entry_at(state: &AtHeight, ubin: &str) -> Option<Entry> {
    let stored = state.get(&record_key(&Ubin::parse_canonical(ubin)?))?;
    decode_content(&stored.content)
}
