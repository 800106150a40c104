//! Which UBIN records a block makes name which others, for the rows that the store keeps of it; and the
//! rows of what stood before they were kept.

use titian_contracts::digest::Digest;
use titian_contracts::json;
use titian_contracts::state::{Change, Stored, decode_content};
use titian_contracts::ubin::record::{Entry, ubin_of_key};
use titian_contracts::ubin::relation;

use crate::store::{Link, Store, StoreError};

/// What a body in JCS form holds if it names another record. Most name none, and are not parsed.
const NAMES_SOME: &[u8] = br#""relations":[{"#;
/// Rows that are written at a time while they are made anew.
const BATCH_ROWS: usize = 10_000;

/// The pairs of a block: from the bodies it wrote, and from the closures among its changes.
pub(super) fn of_block(bodies: &[(Digest, Vec<u8>)], changes: &[Change]) -> Vec<Link> {
    let mut links: Vec<Link> = bodies.iter().flat_map(|(_, text)| of_body(text)).collect();
    links.extend(changes.iter().filter_map(|change| of_closure(&change.key, &change.stored)));
    links
}

fn of_body(text: &[u8]) -> Vec<Link> {
    if !text.windows(NAMES_SOME.len()).any(|part| part == NAMES_SOME) {
        return Vec::new();
    }
    let Ok(body) = json::parse(text) else { return Vec::new() };
    let Some(source) = body.get("ubin").and_then(json::Value::as_text) else { return Vec::new() };
    relation::targets(&body).map(|target| (target.to_owned(), source.to_owned())).collect()
}

fn of_closure(key: &[u8], stored: &Stored) -> Option<Link> {
    let source = ubin_of_key(key)?;
    match decode_content(&stored.content)? {
        Entry::Record(record) => Some((record.meta.closure?.successor, source.to_string())),
        Entry::Alias(_) => None,
    }
}

/// Makes the rows of everything that stands, if the database is older than the rows. Interrupted, it
/// starts again: a row that is written twice is the same row.
pub(super) fn ensure(store: &Store) -> Result<(), StoreError> {
    if store.has_links()? {
        return Ok(());
    }
    let mut links = Vec::new();
    let mut put = |link: Vec<Link>| {
        links.extend(link);
        if links.len() >= BATCH_ROWS {
            return store.put_links(&std::mem::take(&mut links), false);
        }
        Ok(())
    };
    // bodies of all versions are kept, so what a record named before is found too
    store.for_each_body(|_, text| put(of_body(text)))?;
    let mut fault = Ok(());
    store.for_each_value(|key, stored| {
        if fault.is_ok() {
            fault = put(of_closure(key, stored).into_iter().collect());
        }
    })?;
    fault?;
    store.put_links(&links, true)
}
