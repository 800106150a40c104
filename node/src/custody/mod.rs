//! Custody: bodies, disclosures, salts, holder bindings and the index table of the credentials that
//! this node issued (vc-api.md A§9). Never replicated, never in a snapshot, erasable.
//!
//! Two databases of their own beside the ledger's: `custody` holds sealed records, `subject-keys`
//! the wrapped key of each subject, so that their backups can live for different times. Invariants:
//! what is acknowledged is on disk; an index of a status list is handed out once, also after a
//! crash; after [`Custody::erase`] nothing on this node leads from a record to its subject.
//!
//! - this file: records; [`seal`]: keys; [`indexes`]: status entries; [`anchors`]: what waits for an
//!   anchor, and receipts; [`lists`]: status lists of issuers that are not on the ledger.

pub mod anchors;
pub mod indexes;
pub mod lists;
pub mod record;
pub mod seal;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use borsh::{BorshDeserialize, BorshSerialize};
use titian_contracts::digest::Digest;
use titian_contracts::error::{Code, Reject};
use zeroize::Zeroizing;

use crate::store::{StoreError, Vault, Writes};
use indexes::Reserved;
use record::{Counts, Found, Kept, Label, Record, Tombstone};
use seal::{Name, SecretKey};

/// The folder of records within the data folder.
pub const RECORDS_FOLDER: &str = "custody";
/// The folder of the keys of subjects.
pub const KEYS_FOLDER: &str = "subject-keys";
/// Records by name.
const RECORDS: &str = "custody";
/// Subject ‖ record -> nothing: which records a subject has.
const SUBJECTS: &str = "subjects";
/// What is left of erased records, by name.
const ERASED: &str = "erased";
/// Name -> nothing: erasures that are not finished.
const ERASING: &str = "erasing";
/// List ‖ 0 ‖ index -> nothing: the entries that were handed out.
const INDEXES: &str = "indexes";
/// See [`anchors`].
const ANCHORS: &str = "anchors";
/// See [`lists`].
const LISTS: &str = "lists";
const COLUMNS: &[&str] = &[RECORDS, SUBJECTS, ERASED, ERASING, INDEXES, ANCHORS, LISTS];
/// Wrapped keys by the name of the subject.
const KEYS: &str = "keys";

/// Version of the layout of a record.
const RECORD_VERSION: u8 = 1;
/// Rows that a scan reads at a time.
const PAGE: usize = 1_000;
/// Locks of subjects: two that share one wait for each other.
const SUBJECT_LOCKS: usize = 64;

/// The custody of a node. Cheap to clone.
#[derive(Clone)]
pub struct Custody(Arc<Inner>);

struct Inner {
    records: Vault,
    keys: Vault,
    wrapping: SecretKey,
    naming: SecretKey,
    chain: String,
    claimed: Mutex<BTreeSet<Name>>,
    reserved: Mutex<BTreeSet<Vec<u8>>>,
    subjects: Vec<Mutex<()>>,
    /// Held where receipts are written or records go: a receipt must not outlive its record.
    settling: Mutex<()>,
    /// Leaves that wait for an anchor.
    leaves: AtomicUsize,
}

impl std::fmt::Debug for Custody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Custody").field("records", &self.0.records).finish_non_exhaustive()
    }
}

/// The only one who works on a record now; ends when dropped.
#[derive(Debug)]
pub struct Claim {
    name: Name,
    custody: Custody,
}

impl Claim {
    /// The record.
    pub const fn name(&self) -> &Name {
        &self.name
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.custody.0.claimed).remove(&self.name);
    }
}

/// A record to keep.
#[derive(Debug)]
pub struct Keep<'a> {
    /// Instance, type, time of issue.
    pub label: Label,
    /// The subject, as the credential names it; fresh random bytes if it names none.
    pub subject: &'a [u8],
    /// The record.
    pub record: &'a Record,
    /// The entries that it uses.
    pub reserved: &'a [Reserved],
    /// Leaves to anchor: which of `record.secured`, and the leaf.
    pub leaves: Vec<(u32, Digest)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A database that fails; the reason is for the operator's log, not for the caller.
fn fault(error: StoreError) -> Reject {
    tracing::error!(%error, "custody failed");
    Reject::new(Code::Unavailable, "", "custody cannot be read or written")
}

fn damaged(what: &str) -> Reject {
    tracing::error!(what, "custody does not decode");
    Reject::new(Code::Unavailable, "", "custody is damaged; restore it from the backup")
}

fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory cannot fail")
}

fn decode<T: BorshDeserialize>(bytes: &[u8], what: &str) -> Result<T, Reject> {
    borsh::from_slice(bytes).map_err(|_| damaged(what))
}

impl Custody {
    /// Opens the databases in folder `data`; `secret` is the node's own, `chain` the network's id.
    pub fn open(data: &Path, secret: &[u8], chain: &str) -> Result<Self, StoreError> {
        let custody = Self(Arc::new(Inner {
            records: Vault::open(&data.join(RECORDS_FOLDER), COLUMNS)?,
            keys: Vault::open(&data.join(KEYS_FOLDER), &[KEYS])?,
            wrapping: SecretKey::derive("titian custody wrapping v1", secret),
            naming: SecretKey::derive("titian custody naming v1", secret),
            chain: chain.to_owned(),
            claimed: Mutex::default(),
            reserved: Mutex::default(),
            subjects: (0..SUBJECT_LOCKS).map(|_| Mutex::new(())).collect(),
            settling: Mutex::new(()),
            leaves: AtomicUsize::new(0),
        }));
        custody.sweep()?;
        custody.finish_erasures()?;
        custody.count_leaves()?;
        Ok(custody)
    }

    /// Ends the work of the databases behind the scenes.
    pub fn finish(&self) {
        self.0.records.finish();
        self.0.keys.finish();
    }

    /// Copies both databases, as they are, to folders of the same names in `folder`: records first,
    /// so that every record of the copy has its key in the copy, unless it was erased meanwhile.
    pub fn copy_to(&self, folder: &Path) -> Result<(), StoreError> {
        self.0.records.copy_to(&folder.join(RECORDS_FOLDER))?;
        self.0.keys.copy_to(&folder.join(KEYS_FOLDER))
    }

    /// Erases the records whose subject has no key, which nobody can read; gives how many. A copy of
    /// the records may be older than that of the keys.
    pub fn forget_unreadable(&self, now_ms: u64) -> Result<usize, Reject> {
        let mut lost = Vec::new();
        self.each(RECORDS, |name, bytes| {
            let kept: Kept = decode(bytes, "record")?;
            let key = self.0.keys.get(KEYS, &kept.subject).map_err(fault)?;
            if let (None, Ok(name)) = (key, Name::try_from(name)) {
                lost.push(name);
            }
            Ok(())
        })?;
        for name in &lost {
            let claim = self.claim(*name).ok_or_else(|| damaged("a record in use"))?;
            self.erase(&claim, now_ms)?;
        }
        Ok(lost.len())
    }

    /// The name of the record of credential `id` of an issuer.
    pub fn name(&self, issuer: &str, id: &str) -> Name {
        self.0.naming.name(&[b"record", issuer.as_bytes(), id.as_bytes()])
    }

    /// Keyed digest of what a caller asked for.
    pub fn request(&self, canonical: &[u8]) -> Name {
        self.0.naming.name(&[b"request", canonical])
    }

    /// Keeps others from working on a record; `None` if another does.
    pub fn claim(&self, name: Name) -> Option<Claim> {
        let free = lock(&self.0.claimed).insert(name);
        free.then(|| Claim { name, custody: self.clone() })
    }

    /// What is kept under a name.
    pub fn find(&self, name: &Name) -> Result<Option<Found>, Reject> {
        if let Some(bytes) = self.0.records.get(RECORDS, name).map_err(fault)? {
            let kept: Kept = decode(&bytes, "record")?;
            let wrapped = self.0.keys.get(KEYS, &kept.subject).map_err(fault)?;
            let key = wrapped.and_then(|w| SecretKey::unwrap(&w, &self.0.wrapping, &kept.subject));
            let key = key.ok_or_else(|| damaged("key of a subject"))?;
            let plain = key.open(&kept.sealed, &self.bound(name));
            let record = decode(&plain.ok_or_else(|| damaged("seal"))?, "record body")?;
            return Ok(Some(Found::Kept(kept.label, Box::new(record))));
        }
        let erased = self.0.records.get(ERASED, name).map_err(fault)?;
        erased.map(|bytes| decode(&bytes, "tombstone").map(Found::Erased)).transpose()
    }

    /// Keeps a record with its status entries and the leaves that wait for an anchor, synced.
    pub fn keep(&self, claim: &Claim, keep: Keep<'_>) -> Result<(), Reject> {
        let Keep { label, subject, record, reserved, leaves } = keep;
        let subject = self.0.naming.name(&[b"subject", subject]);
        let _subject = self.lock_subject(&subject);
        let key = self.key_of(&subject)?;
        let plain = Zeroizing::new(encode(record));
        let sealed = key.seal(&plain, &self.bound(&claim.name));
        let at_ms = label.at_ms;
        let instance = label.instance.clone();
        let kept = Kept { version: RECORD_VERSION, label, subject, sealed };
        let mut writes = Writes::default();
        writes.put(RECORDS, &claim.name, &encode(&kept));
        writes.put(SUBJECTS, &[subject, claim.name].concat(), &[]);
        for entries in reserved {
            entries.write(&mut writes);
        }
        // before they can be seen: whoever sends them counts them down
        let added = leaves.len();
        self.0.leaves.fetch_add(added, Ordering::Relaxed);
        for (place, leaf) in leaves {
            let row = anchors::waiting_key(&instance, at_ms, &claim.name, place);
            writes.put(ANCHORS, &row, &leaf.0);
        }
        let written = self.0.records.write(&writes);
        if written.is_err() {
            self.count_down(added);
        }
        written.map_err(fault)
    }

    /// Erases a record, its receipts, and with the last record of a subject the subject's key.
    /// When this returns, they are in no file of this node; if it fails, once it is opened again.
    pub fn erase(&self, claim: &Claim, now_ms: u64) -> Result<(), Reject> {
        let Some(bytes) = self.0.records.get(RECORDS, &claim.name).map_err(fault)? else {
            return Ok(());
        };
        let kept: Kept = decode(&bytes, "record")?;
        let _subject = self.lock_subject(&kept.subject);
        let tombstone = Tombstone { label: kept.label.clone(), erased_ms: now_ms };
        let mut writes = Writes::default();
        writes.delete(RECORDS, &claim.name);
        writes.delete(SUBJECTS, &[kept.subject, claim.name].concat());
        {
            let _settling = lock(&self.0.settling);
            let waiting = self.delete_anchors(&kept.label, &claim.name, &mut writes)?;
            writes.put(ERASED, &claim.name, &encode(&tombstone));
            writes.put(ERASING, &claim.name, &[]);
            self.0.records.shred(&writes).map_err(fault)?;
            self.count_down(waiting);
        }
        let others = self.0.records.scan(SUBJECTS, &kept.subject, None, 1).map_err(fault)?;
        if others.is_empty() {
            self.drop_key(&kept.subject).map_err(fault)?;
        }
        let mut writes = Writes::default();
        writes.delete(ERASING, &claim.name);
        self.0.records.write(&writes).map_err(fault)
    }

    /// Numbers by instance and type.
    pub fn counts(&self) -> Result<BTreeMap<(String, String), Counts>, Reject> {
        let mut counts: BTreeMap<(String, String), Counts> = BTreeMap::new();
        let key = |label: &Label| (label.instance.clone(), label.type_name.clone());
        self.each(RECORDS, |_, bytes| {
            let kept: Kept = decode(bytes, "record")?;
            let row = counts.entry(key(&kept.label)).or_default();
            row.kept += 1;
            if row.oldest_ms == 0 || kept.label.at_ms < row.oldest_ms {
                row.oldest_ms = kept.label.at_ms;
            }
            Ok(())
        })?;
        self.each(ERASED, |_, bytes| {
            let tombstone: Tombstone = decode(bytes, "tombstone")?;
            counts.entry(key(&tombstone.label)).or_default().erased += 1;
            Ok(())
        })?;
        Ok(counts)
    }

    /// Every row of a column.
    fn each(
        &self,
        column: &'static str,
        mut look: impl FnMut(&[u8], &[u8]) -> Result<(), Reject>,
    ) -> Result<(), Reject> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.0.records.scan(column, &[], after.as_deref(), PAGE).map_err(fault)?;
            for (key, value) in &page {
                look(key, value)?;
            }
            match page.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }

    /// What a seal is bound to: record and chain.
    fn bound(&self, name: &Name) -> Vec<u8> {
        [name.as_slice(), self.0.chain.as_bytes()].concat()
    }

    fn lock_subject(&self, subject: &Name) -> MutexGuard<'_, ()> {
        let place = usize::from(subject[0]) % SUBJECT_LOCKS;
        lock(&self.0.subjects[place])
    }

    /// The key of a subject, made and on disk if there was none.
    fn key_of(&self, subject: &Name) -> Result<SecretKey, Reject> {
        if let Some(wrapped) = self.0.keys.get(KEYS, subject).map_err(fault)? {
            let key = SecretKey::unwrap(&wrapped, &self.0.wrapping, subject);
            return key.ok_or_else(|| damaged("key of a subject"));
        }
        let key = SecretKey::generate();
        let mut writes = Writes::default();
        writes.put(KEYS, subject, &key.wrap(&self.0.wrapping, subject));
        self.0.keys.write(&writes).map_err(fault)?;
        Ok(key)
    }

    fn drop_key(&self, subject: &Name) -> Result<(), StoreError> {
        let mut writes = Writes::default();
        writes.delete(KEYS, subject);
        self.0.keys.shred(&writes)
    }

    /// Finishes erasures that ended after their tombstone was written, by an error or a crash. The
    /// keys are dropped by then. Rows do not tell the subject, so every file is rewritten.
    fn finish_erasures(&self) -> Result<(), StoreError> {
        let open = self.0.records.scan(ERASING, &[], None, usize::MAX)?;
        if open.is_empty() {
            return Ok(());
        }
        self.0.records.shred_all()?;
        self.0.keys.shred_all()?;
        let mut writes = Writes::default();
        for (name, _) in &open {
            writes.delete(ERASING, name);
        }
        self.0.records.write(&writes)
    }

    /// Drops keys of subjects without records: a crash may leave them.
    fn sweep(&self) -> Result<(), StoreError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.0.keys.scan(KEYS, &[], after.as_deref(), PAGE)?;
            for (subject, _) in &page {
                let records = self.0.records.scan(SUBJECTS, subject, None, 1)?;
                if let (true, Ok(subject)) =
                    (records.is_empty(), Name::try_from(subject.as_slice()))
                {
                    self.drop_key(&subject)?;
                }
            }
            match page.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }
}
