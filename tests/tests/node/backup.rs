//! Backups: whole, of one network, a bounded number of them, and without what was erased.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use titian_contracts::json::Value;
use titian_contracts::time::DAY_MS;
use titian_node::backup::{BackupError, Backups, Progress, Sources, Written, is_backup, restore};
use titian_node::custody::record::{Found, Label, Record};
use titian_node::custody::{Custody, Keep};
use titian_node::envelopes::{Bounds, Envelopes, Going, Piece};
use titian_node::ledger::Ledger;
use titian_tests::kept::Kept;
use titian_tests::world::{World, company_body};

use crate::envelopes;

const SECRET: [u8; 32] = [4; 32];
const NOW_MS: u64 = 1_795_843_800_000;

/// A node's data besides its ledger, and its backups.
struct House {
    kept: Kept,
    data: tempfile::TempDir,
    custody: Custody,
    envelopes: Arc<Envelopes>,
    backups: Backups,
}

impl House {
    fn new(keep: usize) -> Self {
        let kept = Kept::new();
        let data = tempfile::tempdir().expect("a temporary folder");
        let custody = Custody::open(data.path(), &SECRET, &kept.world.genesis.chain);
        let folder = data.path().join("backups");
        let backups = Backups::new(folder, keep);
        let envelopes = Arc::new(envelopes::open(data.path(), Bounds::default()));
        Self { custody: custody.expect("the databases open"), kept, data, envelopes, backups }
    }

    fn register(&mut self, local: &str) {
        let body = company_body("SG", "UEN", local, "EXAMPLE PTE. LTD.");
        self.kept.act("register", Value::object([("body", body)]), &[("SG:ACRA", 1)]);
    }

    fn sources(&self) -> Sources {
        Sources {
            ledger: self.kept.ledger().clone(),
            custody: Some(self.custody.clone()),
            envelopes: Arc::clone(&self.envelopes),
        }
    }

    fn back_up(&self, now_ms: u64) -> Written {
        self.backups.make(&self.sources(), now_ms).expect("a backup is made")
    }

    fn keep(&self, subject: &str, id: &str) -> [u8; 32] {
        let record = Record {
            id: id.to_owned(),
            issuer: "did:ubin:SG:CUSTOMS".to_owned(),
            request: [1; 32],
            secured: Vec::new(),
            status: Vec::new(),
        };
        let name = self.custody.name(&record.issuer, id);
        let label = Label { instance: "customs".to_owned(), type_name: "T".to_owned(), at_ms: 1 };
        let subject = subject.as_bytes();
        let kept = Keep { label, subject, record: &record, reserved: &[], leaves: Vec::new() };
        let claim = self.custody.claim(name).expect("nobody else");
        self.custody.keep(&claim, kept).expect("kept");
        name
    }

    fn erase(&self, name: [u8; 32]) {
        let claim = self.custody.claim(name).expect("nobody else");
        self.custody.erase(&claim, NOW_MS).expect("erased");
    }

    fn restore(&self, backup: &Path, target: &Path) -> Result<usize, BackupError> {
        let genesis = &self.kept.world.genesis;
        let restored = restore(backup, genesis, target, Some(&SECRET), NOW_MS)?;
        assert!(restored.placed.contains(&"ledger"));
        Ok(restored.unreadable)
    }
}

fn find(data: &Path, chain: &str, name: [u8; 32]) -> Option<Found> {
    let custody = Custody::open(data, &SECRET, chain).expect("the databases open");
    let found = custody.find(&name).expect("it reads");
    custody.finish();
    found
}

#[test]
fn a_backup_holds_the_ledger_as_it_was_and_a_node_goes_on_from_it() {
    let mut house = House::new(3);
    house.register("199403865N");
    let before = house.kept.ledger().head();
    let made = house.back_up(NOW_MS);
    assert_eq!(made.height, before.height);
    house.register("201912345D");

    let target = tempfile::tempdir().expect("a temporary folder");
    assert!(is_backup(&made.folder));
    house.restore(&made.folder, target.path()).expect("it is restored");
    let ledger = Ledger::open(&target.path().join("ledger"), house.kept.world.genesis.clone());
    let ledger = ledger.expect("the root is right");
    assert_eq!(ledger.head(), before);
    ledger.finish();
    // what stands is never replaced
    let again = house.restore(&made.folder, target.path()).expect_err("there is a database");
    assert!(matches!(again, BackupError::Unfit { .. }), "{again}");
}

#[test]
fn a_backup_of_another_network_and_a_damaged_one_are_refused_and_nothing_is_placed() {
    let house = House::new(3);
    let made = house.back_up(NOW_MS);
    let target = tempfile::tempdir().expect("a temporary folder");
    let mut other = World::new().genesis;
    other.hash.0[0] ^= 1;
    let refused = restore(&made.folder, &other, target.path(), None, NOW_MS).expect_err("another");
    assert!(refused.to_string().contains("another network"), "{refused}");
    // custody without its secret could not be read
    let secretless = restore(&made.folder, &house.kept.world.genesis, target.path(), None, NOW_MS);
    assert!(secretless.expect_err("no secret").to_string().contains("secret"));
    assert!(!target.path().join("ledger").exists(), "the ledger comes last");
    // the same command goes on with the secret
    assert_eq!(house.restore(&made.folder, target.path()).expect("it goes on"), 0);

    fs::write(made.folder.join("backup.json"), "{}").expect("written");
    let broken = house.restore(&made.folder, target.path()).expect_err("damaged");
    assert!(matches!(broken, BackupError::Unfit { .. }), "{broken}");
}

#[test]
fn the_last_ones_stay_and_what_a_crash_left_goes() {
    let house = House::new(2);
    let folder = house.data.path().join("backups");
    fs::create_dir_all(folder.join("20261101T000000Z.partial/ledger")).expect("made");
    fs::create_dir_all(folder.join("not ours")).expect("made");
    let first = house.back_up(NOW_MS);
    // two of one second do not meet
    let second = house.back_up(NOW_MS);
    assert_ne!(first.folder, second.folder);
    let third = house.back_up(NOW_MS + DAY_MS);
    assert_eq!(third.removed, ["20261128T053000Z"]);
    assert_eq!(house.backups.names().expect("it reads").len(), 2);
    assert!(!folder.join("20261101T000000Z.partial").exists() && !first.folder.exists());
    assert!(folder.join("not ours").exists(), "what is not a backup is left alone");
}

#[test]
fn t13_a_backup_older_than_30_days_holds_no_credential_no_key_and_no_sealed_content() {
    let house = House::new(10);
    let (name, text) = envelopes::sealed(0, 1, 100);
    envelopes::put(&house.envelopes, "a", &name, &text).expect("kept");
    let (coming, begun) = envelopes::sealed(1, 1, 100);
    let piece =
        Piece { name: &coming, by: "a", party: "a", offset: 0, total: 9_999, bytes: &begun };
    house.envelopes.put(&piece, |_| Ok(Going::default())).expect("it begins");
    let first = house.keep("did:example:ana", "urn:1");
    let second = house.keep("did:example:ana", "urn:2");
    let old = house.back_up(NOW_MS);
    // of sealed contents it holds the one that was whole
    let held = envelopes::open(&old.folder, Bounds::default());
    assert_eq!(held.get(&name, 0, 9_999).expect("it is there").0, text);
    assert_eq!((held.figures().kept, held.figures().bytes), (1, text.len() as u64));
    drop(held);
    house.erase(first);
    house.envelopes.erase(&name, "a", 1, u64::MAX).expect("its own");

    let young = house.back_up(NOW_MS + 30 * DAY_MS - 1);
    assert_eq!(young.expired, Vec::<String>::new());
    let day_31 = house.back_up(NOW_MS + 30 * DAY_MS);
    assert_eq!(day_31.expired, ["20261128T053000Z"]);
    for part in ["custody", "subject-keys", "envelopes"] {
        assert!(!old.folder.join(part).exists(), "{part}");
        assert!(day_31.folder.join(part).exists(), "{part}");
    }
    assert!(old.folder.join("ledger").exists(), "the ledger may stay");
    let held = envelopes::open(&day_31.folder, Bounds::default());
    assert_eq!(held.figures().kept, 0);
    drop(held);

    // the backup of day 31 knows that the first was erased, and gives the second
    let target = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(house.restore(&day_31.folder, target.path()).expect("it is restored"), 0);
    let chain = &house.kept.world.genesis.chain;
    assert!(matches!(find(target.path(), chain, first), Some(Found::Erased(_))));
    assert!(matches!(find(target.path(), chain, second), Some(Found::Kept(..))));
}

#[test]
fn t13_a_restored_record_whose_key_is_gone_is_erased() {
    let house = House::new(10);
    let name = house.keep("did:example:ana", "urn:1");
    let made = house.back_up(NOW_MS);
    house.erase(name);
    // the records of that day with the keys of a later one
    let later = house.back_up(NOW_MS + DAY_MS);
    fs::remove_dir_all(made.folder.join("subject-keys")).expect("removed");
    fs::rename(later.folder.join("subject-keys"), made.folder.join("subject-keys")).expect("moved");
    let target = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(house.restore(&made.folder, target.path()).expect("it is restored"), 1);
    let chain = &house.kept.world.genesis.chain;
    assert!(matches!(find(target.path(), chain, name), Some(Found::Erased(_))));
}

#[test]
fn t13_a_restore_that_was_cut_off_goes_on_and_erases_nothing() {
    let house = House::new(3);
    let name = house.keep("did:example:ana", "urn:1");
    let made = house.back_up(NOW_MS);
    let chain = house.kept.world.genesis.chain.clone();
    // cut off after the keys, and in the middle of the records
    let target = tempfile::tempdir().expect("a temporary folder");
    let cut = target.path();
    for part in ["subject-keys", "custody.coming"] {
        fs::create_dir_all(cut.join(part)).expect("made");
    }
    for file in fs::read_dir(made.folder.join("subject-keys")).expect("it reads") {
        let file = file.expect("it reads");
        fs::copy(file.path(), cut.join("subject-keys").join(file.file_name())).expect("copied");
    }
    fs::write(cut.join("custody.coming/half"), "").expect("written");
    assert_eq!(house.restore(&made.folder, cut).expect("it goes on"), 0);
    assert!(matches!(find(cut, &chain, name), Some(Found::Kept(..))));

    // records that stand without their keys are left alone, whatever became of these
    let target = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir_all(target.path().join("custody")).expect("made");
    let refused = house.restore(&made.folder, target.path()).expect_err("half of custody");
    assert!(refused.to_string().contains("keys of its subjects"), "{refused}");
    assert!(!target.path().join("ledger").exists());
}

#[test]
fn a_running_node_makes_one_backup_at_a_time_and_says_how_it_stands() {
    let house = House::new(3);
    let name = house.backups.begin(house.sources(), NOW_MS).expect("it begins");
    match house.backups.begin(house.sources(), NOW_MS) {
        Err(BackupError::Busy) => {}
        // the first may have ended by then
        begun => assert_ne!(begun.expect("the second begins"), name),
    }
    house.backups.finish();
    assert_eq!(house.backups.progress("20200101T000000Z", Duration::ZERO), None);
    let names = house.backups.names().expect("it reads");
    let last = names.last().expect("one at least");
    let Some(Progress::Done(written)) = house.backups.progress(last, Duration::ZERO) else {
        panic!("it is done")
    };
    assert!(written.folder.ends_with(last) && names.contains(&name));
}

#[test]
fn a_backup_that_fails_leaves_nothing_on_the_disk() {
    let house = House::new(3);
    fs::remove_dir_all(house.data.path().join("envelopes/rows")).expect("removed");
    house.backups.make(&house.sources(), NOW_MS).expect_err("a part of the sources is gone");
    let left = fs::read_dir(house.data.path().join("backups")).expect("it reads");
    assert_eq!(left.count(), 0);
}
