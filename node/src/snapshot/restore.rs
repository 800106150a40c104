//! Starting a node from a snapshot: genesis, snapshot, then the blocks after it (ledger.md §6).
//!
//! Invariant: nothing is taken on trust but the number of transactions. The certificate is followed
//! to the genesis; each shard must give the top that joins to the certified root, each body its
//! hash. The database gets its name when all of it is on disk, so that a crash leaves none.

use std::path::Path;

use titian_contracts::block::Header;
use titian_contracts::digest::Digest;
use titian_contracts::json;
use titian_contracts::snapshot::{self, LedgerManifest};
use titian_contracts::state::{Stored, tree_key};
use titian_contracts::transaction::TransactionId;
use titian_contracts::tree::{Shard, Subtree};
use titian_contracts::ubin::body::body_hash;
use titian_genesis::Genesis;

use super::files::{self, Items};
use super::{BODIES_FILE, LEDGER_MANIFEST, RECENT_FILE, SnapshotError, shard_file};
use crate::store::{Head, Position, Restored, Store};

/// Makes the database `target`, which must not exist, from the snapshot in `source`. Gives the
/// height.
pub fn restore(source: &Path, genesis: &Genesis, target: &Path) -> Result<u64, SnapshotError> {
    let manifest = read_manifest(source, genesis)?;
    let partial = target.with_extension("restoring");
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(SnapshotError::file(&partial))?;
    }
    let head = head_of(&manifest.head, &manifest.seal.header, manifest.transactions);
    let shards = manifest
        .shards
        .iter()
        .enumerate()
        .flat_map(|(shard, (file, top))| flatten(read_shard(source, shard, file, top)));
    let bodies = read_bodies(source, manifest.bodies)?;
    let recent = flatten(read_recent(source, &manifest.recent));
    let store = Store::open(&partial)?;
    let filled = store.restore(shards.chain(bodies).chain(recent), &genesis.to_bytes(), &head);
    store.finish();
    drop(store);
    filled?;
    std::fs::rename(&partial, target).map_err(SnapshotError::file(target))?;
    if let Some(folder) = target.parent() {
        files::sync(folder)?;
    }
    Ok(head.height)
}

/// What one file gives.
type Batch = Result<Vec<Restored>, SnapshotError>;

fn flatten(items: Batch) -> impl Iterator<Item = Result<Restored, SnapshotError>> {
    let (items, fault) = match items {
        Ok(items) => (items, None),
        Err(error) => (Vec::new(), Some(Err(error))),
    };
    items.into_iter().map(Ok).chain(fault)
}

fn read_manifest(source: &Path, genesis: &Genesis) -> Result<LedgerManifest, SnapshotError> {
    let path = source.join(LEDGER_MANIFEST);
    let bytes = std::fs::read(&path).map_err(SnapshotError::file(&path))?;
    let differs = |what: String| SnapshotError::differs(LEDGER_MANIFEST, what);
    let value = json::parse(&bytes).map_err(|reject| differs(reject.to_string()))?;
    let manifest = LedgerManifest::parse(&value).map_err(|reject| differs(reject.to_string()))?;
    manifest.seal.check(&genesis.anchor()).map_err(|error| differs(error.to_string()))?;
    Ok(manifest)
}

/// The head after the height of `head`, as the certified header of the next height tells it.
fn head_of(head: &Header, next: &Header, transactions: u64) -> Head {
    Head {
        height: head.height,
        block: next.parent,
        time_ms: head.time_ms,
        state_root: next.state_root,
        receipt_root: next.receipt_root,
        change_root: next.change_root,
        transactions,
        changed: true,
    }
}

fn read_shard(source: &Path, shard: usize, said: &snapshot::File, top: &Subtree) -> Batch {
    let name = shard_file(shard);
    let mut items = Items::<_, (Vec<u8>, Stored)>::new(files::open(source, &name)?, &name);
    let mut tree = Shard::default();
    let mut values = Vec::new();
    for item in items.by_ref() {
        let (key, stored) = item?;
        let place = tree_key(&key);
        if usize::from(place.0[0]) != shard {
            return Err(SnapshotError::differs(&name, "a key of another shard"));
        }
        tree.set(place, stored.value_hash(&key));
        values.push(Restored::Value(key, stored));
    }
    tree.rehash();
    if tree.top() != *top {
        return Err(SnapshotError::differs(&name, "does not give the certified state root"));
    }
    files::check(items.into_inner(), &name, values.len() as u64, said)?;
    Ok(values)
}

/// Body by body, for there may be millions; at the end the file is compared with the manifest.
fn read_bodies(
    source: &Path,
    said: snapshot::File,
) -> Result<impl Iterator<Item = Result<Restored, SnapshotError>>, SnapshotError> {
    let differs = |what: &dyn std::fmt::Display| SnapshotError::differs(BODIES_FILE, what);
    let decoder = zstd::Decoder::new(files::open(source, BODIES_FILE)?);
    let decoder = decoder.map_err(|error| differs(&error))?;
    let mut open = Some(Items::<_, (Digest, Vec<u8>)>::new(decoder, BODIES_FILE));
    let mut count = 0;
    Ok(std::iter::from_fn(move || {
        let Some(item) = open.as_mut()?.next() else {
            let file = open.take()?.into_inner().finish().into_inner();
            return files::check(file, BODIES_FILE, count, &said).err().map(Err);
        };
        count += 1;
        Some(item.and_then(|(hash, body)| {
            let right = json::parse(&body).is_ok_and(|value| body_hash(&value) == hash);
            let wrong = || differs(&"a body does not have its hash");
            right.then_some(Restored::Body(hash, body)).ok_or_else(wrong)
        }))
    }))
}

fn read_recent(source: &Path, said: &snapshot::File) -> Batch {
    let file = files::open(source, RECENT_FILE)?;
    let mut items = Items::<_, (TransactionId, Position)>::new(file, RECENT_FILE);
    let mut recent = Vec::new();
    for item in items.by_ref() {
        let (id, position) = item?;
        recent.push(Restored::Recent(id, position));
    }
    files::check(items.into_inner(), RECENT_FILE, recent.len() as u64, said)?;
    Ok(recent)
}
