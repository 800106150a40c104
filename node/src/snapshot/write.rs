//! Writing a snapshot into a folder.
//!
//! One pass over the state as of the height: values go to the file of their shard, numbers of the
//! UBIN register also to the lines. A second pass reads each shard back, hashes the file and
//! computes what its subtree looks like from above; together they must give the root that the
//! header of the next height carries, so that a snapshot that is wrong is never kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use titian_contracts::digest::Digest;
use titian_contracts::json::{self, Value};
use titian_contracts::limits;
use titian_contracts::snapshot::{self, LedgerManifest, Seal, UbinManifest};
use titian_contracts::state::{Stored, decode_content, tree_key};
use titian_contracts::transaction::TransactionId;
use titian_contracts::tree::{SHARDS, Shard, Subtree};
use titian_contracts::ubin::feed;
use titian_contracts::ubin::record::{Entry, ubin_of_key};

use super::files::{self, Hashed, Items};
use super::{
    BODIES_FILE, LEDGER_MANIFEST, RECENT_FILE, SnapshotError, UBIN_FILE, UBIN_MANIFEST, shard_file,
};
use crate::ledger::Ledger;
use crate::store::{Position, Store};

/// Whether the node stops.
pub(super) type Stopped<'a> = &'a dyn Fn() -> bool;

fn go_on(stopped: Stopped<'_>) -> Result<(), SnapshotError> {
    if stopped() { Err(SnapshotError::Stopped) } else { Ok(()) }
}

/// Level of compression.
const ZSTD_LEVEL: i32 = 3;

/// Writes the snapshot of `height` into the empty folder, unless `stopped`.
pub(super) fn write(
    ledger: &Ledger,
    height: u64,
    folder: &Path,
    stopped: Stopped<'_>,
) -> Result<(), SnapshotError> {
    let unknown = || SnapshotError::Height(height);
    let header = ledger.header(height.saturating_add(1)).ok_or_else(unknown)?;
    let certificate = ledger.certificate(header.height).ok_or_else(unknown)?;
    let head = ledger.header(height).ok_or_else(unknown)?;
    let seal = Seal { header, certificate };
    let lines = write_values(ledger, height, folder, stopped)?;
    let mut shards = Vec::with_capacity(SHARDS);
    for shard in 0..SHARDS {
        go_on(stopped)?;
        shards.push(read_shard(folder, shard)?);
    }
    let tops: Vec<Subtree> = shards.iter().map(|(_, top)| *top).collect();
    if Subtree::join_all(&tops).hash() != seal.header.state_root {
        return Err(SnapshotError::differs("shards", "they do not give the state root"));
    }
    let (recent, transactions) = write_recent(ledger, height, folder)?;
    let bodies = write_bodies(ledger.store(), folder, stopped)?;
    let (count, bytes, sha256) = lines;
    let ubin = UbinManifest { seal: seal.clone(), count, bytes, sha256 };
    let state = LedgerManifest { seal, head, transactions, shards, bodies, recent };
    write_json(folder, UBIN_MANIFEST, &ubin.to_value())?;
    write_json(folder, LEDGER_MANIFEST, &state.to_value())
}

/// Shards and lines; gives count, bytes and digest of the lines.
fn write_values(
    ledger: &Ledger,
    height: u64,
    folder: &Path,
    stopped: Stopped<'_>,
) -> Result<(u64, u64, Digest), SnapshotError> {
    let mut shards = Vec::with_capacity(SHARDS);
    for shard in 0..SHARDS {
        let path = folder.join(shard_file(shard));
        let file = File::create_new(&path).map_err(SnapshotError::file(&path))?;
        shards.push(BufWriter::new(file));
    }
    let path = folder.join(UBIN_FILE);
    let compressed = zstd::Encoder::new(files::create(&path)?, ZSTD_LEVEL);
    let mut lines = Hashed::new(compressed.map_err(SnapshotError::file(&path))?);
    let mut count = 0;
    ledger.store().for_each_value_at(height, |key, stored| -> Result<(), SnapshotError> {
        go_on(stopped)?;
        if let Some(shard) = shards.get_mut(usize::from(tree_key(key).0[0])) {
            files::put(shard, &(key, stored)).map_err(SnapshotError::file(folder))?;
        }
        if let Some(line) = line_of(ledger, key, stored) {
            count += 1;
            lines
                .write_all(format!("{}\n", line.to_jcs()).as_bytes())
                .map_err(SnapshotError::file(&path))?;
        }
        Ok(())
    })?;
    for shard in shards {
        let synced = shard.into_inner().map_err(std::io::IntoInnerError::into_error);
        synced.and_then(|file| file.sync_all()).map_err(SnapshotError::file(folder))?;
    }
    let (sha256, _, compressed) = lines.finish();
    let file = compressed.finish().map_err(SnapshotError::file(&path))?;
    let (_, bytes) = files::close(file, &path)?;
    Ok((count, bytes, sha256))
}

/// The line of a number of the UBIN register; `None` for other keys.
fn line_of(ledger: &Ledger, key: &[u8], stored: &Stored) -> Option<Value> {
    let ubin = ubin_of_key(key)?;
    let entry: Entry = decode_content(&stored.content)?;
    let body = match &entry {
        Entry::Record(record) => ledger.body(&record.body_hash),
        Entry::Alias(_) => None,
    };
    let body = body.and_then(|text| json::parse(&text).ok());
    Some(feed::line(&ubin.to_string(), &entry, body.as_ref()))
}

/// Reads a shard back: its file, and its subtree from above.
fn read_shard(folder: &Path, shard: usize) -> Result<(snapshot::File, Subtree), SnapshotError> {
    let name = shard_file(shard);
    let mut items = Items::<_, (Vec<u8>, Stored)>::new(files::open(folder, &name)?, &name);
    let mut tree = Shard::default();
    let mut count = 0;
    for item in items.by_ref() {
        let (key, stored) = item?;
        tree.set(tree_key(&key), stored.value_hash(&key));
        count += 1;
    }
    tree.rehash();
    let (sha256, ..) = items.into_inner().finish();
    Ok((snapshot::File { count, sha256 }, tree.top()))
}

/// The transactions up to `height` that may not be repeated yet, ordered by id; and how many
/// transactions there were in all.
fn write_recent(
    ledger: &Ledger,
    height: u64,
    folder: &Path,
) -> Result<(snapshot::File, u64), SnapshotError> {
    let total = transactions_up_to(ledger, height);
    let store = ledger.store();
    let base = store.base();
    let mut recent: BTreeMap<TransactionId, Position> = BTreeMap::new();
    let is_recent = |place: u64| total.saturating_sub(place) <= limits::TRANSACTION_REPEAT_WINDOW;
    let mut place = total;
    let mut next = Some(height);
    while let Some((at, receipts)) =
        next.filter(|_| is_recent(place)).and_then(|to| store.last_receipts(to))
    {
        for receipt in receipts.iter().rev() {
            place = place.saturating_sub(1);
            recent.insert(receipt.id, Position { height: at, index: receipt.index, place });
        }
        next = at.checked_sub(1);
    }
    if place > 0 && is_recent(place) {
        // from before the snapshot that this node began with
        store.for_each_position(|id, position| -> Result<(), SnapshotError> {
            if position.height <= base {
                recent.insert(*id, *position);
            }
            Ok(())
        })?;
    }
    recent.retain(|_, position| is_recent(position.place));
    let path = folder.join(RECENT_FILE);
    let mut file = files::create(&path)?;
    for item in &recent {
        files::put(&mut file, &item).map_err(SnapshotError::file(&path))?;
    }
    let (sha256, _) = files::close(file, &path)?;
    Ok((snapshot::File { count: recent.len() as u64, sha256 }, total))
}

/// All transactions of the head without those of the heights since.
fn transactions_up_to(ledger: &Ledger, height: u64) -> u64 {
    let head = ledger.head();
    let mut total = head.transactions;
    let mut from = height.saturating_add(1);
    while let Some((at, receipts)) = ledger.store().next_receipts(from, head.height) {
        total = total.saturating_sub(receipts.len() as u64);
        from = at.saturating_add(1);
    }
    total
}

/// Every body that this node keeps: versions of records refer to them by hash.
fn write_bodies(
    store: &Store,
    folder: &Path,
    stopped: Stopped<'_>,
) -> Result<snapshot::File, SnapshotError> {
    let path = folder.join(BODIES_FILE);
    let compressed = zstd::Encoder::new(files::create(&path)?, ZSTD_LEVEL);
    let mut out = compressed.map_err(SnapshotError::file(&path))?;
    let mut count = 0;
    store.for_each_body(|hash, body| -> Result<(), SnapshotError> {
        go_on(stopped)?;
        count += 1;
        files::put(&mut out, &(hash, body)).map_err(SnapshotError::file(&path))
    })?;
    let file = out.finish().map_err(SnapshotError::file(&path))?;
    let (sha256, _) = files::close(file, &path)?;
    Ok(snapshot::File { count, sha256 })
}

fn write_json(folder: &Path, name: &str, value: &Value) -> Result<(), SnapshotError> {
    let path = folder.join(name);
    let mut file = files::create(&path)?;
    writeln!(file, "{}", value.to_jcs()).map_err(SnapshotError::file(&path))?;
    files::close(file, &path).map(|_| ())
}
