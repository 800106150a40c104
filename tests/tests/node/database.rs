//! What the program says of a database that it cannot use: the repair that helps, and no circle.

use std::path::Path;

use tempfile::TempDir;
use titian_genesis::Genesis;
use titian_node::ledger::Ledger;
use titian_node::store::{Peek, StoreError, peek};
use titian_tests::world::World;

fn genesis() -> Genesis {
    World::new().genesis
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn refused(path: &Path) -> StoreError {
    Ledger::open(path, genesis()).map(drop).expect_err("it must be refused")
}

#[test]
fn a_database_in_use_is_told_from_a_damaged_one() {
    let at = folder();
    let path = at.path().join("ledger");
    let first = Ledger::open(&path, genesis()).expect("it opens");
    let fault = refused(&path);
    assert!(fault.is_in_use(), "{fault}");
    assert!(fault.to_string().contains("another process uses this folder"), "{fault}");
    first.finish();
    drop(first);
    Ledger::open(&path, genesis()).expect("it is free again").finish();

    std::fs::write(path.join("CURRENT"), "junk").expect("written");
    let fault = refused(&path);
    assert!(!fault.is_in_use(), "{fault}");
    let text = fault.to_string();
    assert!(text.contains("move the folder `ledger` of the data folder away"), "{text}");
    assert!(!text.contains("verify-db") && !text.contains("disk space"), "{text}");
}

#[test]
fn a_folder_where_no_lock_can_be_made_is_not_in_use() {
    let at = folder();
    let path = at.path().join("ledger");
    std::fs::create_dir(&path).expect("made");
    // a folder in the place of the lock: as little to be opened as on a read-only disk
    std::fs::create_dir(path.join("LOCK")).expect("made");
    let fault = refused(&path);
    assert!(!fault.is_in_use() && !fault.to_string().contains("another process"), "{fault}");
}

#[test]
fn a_database_is_looked_at_beside_the_process_that_has_it_open() {
    let at = folder();
    let path = at.path().join("ledger");
    assert_eq!(peek(&path).expect("nothing there"), None);
    let ledger = Ledger::open(&path, genesis()).expect("it opens");
    let found = peek(&path).expect("it reads");
    assert_eq!(found, Some(Peek { genesis: genesis().to_bytes(), height: 0 }));
    ledger.finish();
}
