//! Bringing an index up to the ledger: records that changed since it was written, or all of them.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use titian_contracts::json;
use titian_contracts::state::{Reader as _, Stored, decode_content};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Entry, record_key, ubin_of_key};

use super::document::Document;
use super::index::{self, IndexError, NameIndex};
use crate::ledger::Ledger;

/// Records that are read at a time.
const BATCH: usize = 4_096;
/// The keys of all records.
const RECORDS: &[u8] = b"ubin/rec/";

/// A record's new document; `None` if nothing of it is to be found by name.
pub(super) type Change = (String, Option<Document>);

/// Makes an index of the ledger's head in `folder`, in place of what was there. `progress` is told
/// now and then how many numbers were read; it says whether to go on.
///
/// Errors: the disk, or that it was told to stop.
pub fn rebuild(
    ledger: &Ledger,
    folder: &Path,
    progress: impl FnMut(u64) -> bool,
) -> Result<Arc<dyn NameIndex>, IndexError> {
    let genesis = ledger.genesis().hash;
    let made = index::create(folder, &genesis)?;
    catch_up(ledger, made.as_ref(), progress)?;
    made.compact()?;
    // one writer at a time: the one that took everything at once ends first
    drop(made);
    index::open(folder, &genesis)
}

/// Puts every record that changed after the index was written into it.
pub(super) fn catch_up(
    ledger: &Ledger,
    index: &dyn NameIndex,
    mut progress: impl FnMut(u64) -> bool,
) -> Result<(), IndexError> {
    // what changes from here on is told by the ledger
    let head = ledger.head().height;
    let since = index.height();
    let mut read = 0;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let batch = ledger.scan(RECORDS, after.as_deref(), BATCH);
        let Some((last, _)) = batch.last() else { break };
        after = Some(last.clone());
        read += batch.len() as u64;
        let news: Vec<Change> = batch
            .par_iter()
            .filter(|(_, stored)| since.is_none_or(|height| stored.last_changed > height))
            .filter_map(|(key, stored)| change(ledger, &ubin_of_key(key)?, Some(stored)))
            .collect();
        index.put(news)?;
        if !progress(read) {
            return Err(IndexError("it was stopped before it was complete".to_owned()));
        }
    }
    if let Some(fault) = ledger.store().fault() {
        return Err(IndexError(format!("the database failed: {fault}")));
    }
    index.commit(head)
}

/// The documents of numbers, as they stand now.
pub(super) fn changes(ledger: &Ledger, numbers: &[Ubin]) -> Vec<Change> {
    let reader = ledger.reader();
    numbers
        .iter()
        .filter_map(|ubin| change(ledger, ubin, reader.get(&record_key(ubin)).as_ref()))
        .collect()
}

/// What stands under a number, for the index; an alias is found by the record it leads to.
fn change(ledger: &Ledger, ubin: &Ubin, stored: Option<&Stored>) -> Option<Change> {
    let document = match decode_content(&stored?.content)? {
        Entry::Alias(_) => None,
        Entry::Record(record) => {
            let body = ledger.body(&record.body_hash);
            let body = body.and_then(|text| json::parse(&text).ok());
            body.and_then(|body| Document::of(&record, &body))
        }
    };
    Some((ubin.to_string(), document))
}
