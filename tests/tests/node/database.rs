//! What the program says of a database that it cannot use: the repair that helps, and no circle.

use std::path::Path;

use tempfile::TempDir;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_genesis::Genesis;
use titian_node::ledger::Ledger;
use titian_node::store::{Peek, StoreError, peek};
use titian_tests::http::request;
use titian_tests::served::Served;
use titian_tests::world::{World, company_body};

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

/// A served ledger with a company on it that nothing reads, whose table files are gone below it.
async fn damaged() -> Served {
    let served = Served::start().await;
    let body = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let op = served.world.op(Register::Ubin, "register", Value::object([("body", body)]));
    let op = served.world.sign(&op, &[("SG:ACRA", 1)]);
    served.blocks.commit(vec![World::transaction(&op)]);
    let ledger = &served.blocks.ledger;
    served.search.reached(ledger.head().height).await;
    ledger.store().flush().expect("the test disk works");
    let folder = served.folder().join("ledger");
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let file = entry.expect("an entry").path();
        if file.extension().is_some_and(|end| end == "sst") {
            std::fs::write(&file, "").expect("written");
        }
    }
    served
}

#[tokio::test]
async fn a_fault_tells_everybody_what_failed_and_names_no_path() {
    let served = damaged().await;
    let store = served.blocks.ledger.store();
    let refused = store.for_each_value(|_, _| {}).expect_err("the values are gone");
    let named = served.folder().display().to_string();
    assert!(refused.to_string().contains(&named), "the log names the file: {refused}");
    assert!(!refused.public().contains('/'), "{}", refused.public());

    assert_eq!(store.fault(), None, "nothing that counts was read");
    assert!(store.scan(b"", None, 1).is_empty());
    let fault = store.fault().expect("it is kept");
    assert!(fault.starts_with("reading `state`: ") && !fault.contains('/'), "{fault}");
    let answer = request(served.address, "GET", "/readyz", &[], b"").await;
    let told = String::from_utf8(answer.body).expect("text");
    assert_eq!(answer.status, 503, "{told}");
    assert!(told.lines().any(|line| line == format!("database: {fault}")), "{told}");
    served.stop().await;
}

#[tokio::test]
async fn events_that_cannot_be_read_are_a_fault_and_no_end_of_events() {
    let served = damaged().await;
    let ledger = &served.blocks.ledger;
    assert_eq!(ledger.store().fault(), None, "nothing that counts was read");
    assert!(ledger.events((0, 0), 10).is_empty());
    let fault = ledger.store().fault().expect("it is kept");
    assert!(fault.starts_with("reading `receipts`: "), "{fault}");
    served.stop().await;
}
