//! An importer that is killed at any moment goes on where the ledger says.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::by_line;
use super::fixture::{
    BAD_LINES, Bench, GOOD_LINES, findings, good_rows, next, write_input, write_rows,
};
use crate::binary;

/// How often the importer is killed.
const KILLS: usize = 100;
/// Seed of the moments.
const SEED: u64 = 1_300;
/// Latest moment of a kill, after the start or after the first block of a run.
const MOMENT_US: u64 = 40_000;
/// How long a run may take to its first block; one that has nothing to do makes none.
const EVENT: Duration = Duration::from_secs(2);
/// The cell of the legal date.
const EFFECTIVE: usize = 15;
/// Chunks of this size make many moments at which something is on its way.
const CHUNK_RECORDS: &str = "8";

fn args(resume: bool) -> Vec<&'static str> {
    let mut args = vec!["ubin", "import", "in.csv", "--map", "map.toml", "--commit", "--yes"];
    args.extend(["--report", "out.ndjson", "--json", "--chunk-records", CHUNK_RECORDS]);
    if resume {
        args.push("--resume");
    }
    args
}

fn start(bench: &Bench) -> Child {
    Command::new(binary())
        .args(args(true))
        .current_dir(bench.folder())
        .envs(bench.variables())
        .env_remove("TITIAN_DEVNET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs")
}

/// What the register says of each record, without heights.
fn bodies(bench: &Bench) -> Vec<(String, Value, Value)> {
    let items = bench.records().into_iter();
    items.map(|(ubin, item)| (ubin, item["version"].clone(), item["bodyHash"].clone())).collect()
}

#[test]
fn t13_killed_at_a_hundred_moments_and_resumed_the_same_records_stand() {
    let whole = Bench::start();
    write_input(whole.folder(), GOOD_LINES, BAD_LINES);
    assert_eq!(whole.titian(&args(false)).code, 1);
    let expected = bodies(&whole);
    assert_eq!(expected.len(), GOOD_LINES);

    println!("seed {SEED}");
    let mut state = SEED;
    let bench = Bench::start();
    let due = write_input(bench.folder(), GOOD_LINES, BAD_LINES);
    let journal = bench.folder().join("in.csv.importing");
    let mut interrupted = 0;
    for kill in 0..KILLS {
        let mut head = bench.head();
        let mut child = start(&bench);
        if kill % 2 == 0 {
            // something of this run stands on the ledger; it also ends, once all is done
            bench.wait(&mut head, EVENT);
        }
        // nobody sends: the wait ends at the moment
        let moment = Duration::from_micros(next(&mut state) as u64 % MOMENT_US);
        let (_silent, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(moment);
        let ended = child.try_wait().expect("the importer is ours");
        child.kill().expect("the importer is ours");
        child.wait().expect("the importer is ours");
        interrupted += usize::from(ended.is_none() && journal.exists());
    }
    assert!(interrupted > KILLS / 4, "only {interrupted} kills met a chunk on its way");

    let last = bench.titian(&args(true));
    assert_eq!(last.code, 1, "the bad lines are still bad: {last:?}");
    assert_eq!(last.json()["committed"]["refused"], 0, "{last:?}");
    assert!(!journal.exists());
    assert_eq!(by_line(&findings(&bench.folder().join("out.ndjson"))), due);
    assert_eq!(bodies(&bench), expected);
    let records = bench.records();
    assert!(records.values().all(|record| record["version"] == 1), "nothing was written twice");
}

/// Kills an import when its first chunk is on its way.
fn interrupt(bench: &Bench) {
    let journal = bench.folder().join("in.csv.importing");
    let mut child = start(bench);
    while !journal.exists() {
        assert!(child.try_wait().expect("ours").is_none(), "it ended before its first chunk");
    }
    child.kill().expect("ours");
    child.wait().expect("ours");
}

#[test]
fn t13_an_interrupted_import_is_not_taken_for_a_new_one() {
    let bench = Bench::start();
    write_input(bench.folder(), 200, 0);
    interrupt(&bench);
    let ran = bench.titian(&args(false));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("--resume goes on with it"), "{ran:?}");
    let done = bench.titian(&args(true));
    assert_eq!(done.code, 0, "{done:?}");
    let committed = done.json()["committed"].clone();
    assert_eq!(committed["resumed"], json!(8), "the chunk on its way was finished: {done:?}");
    let count = |name: &str| committed[name].as_u64().expect("a count");
    assert_eq!(count("applied") + count("unchanged"), 200, "every line is told of: {done:?}");
    assert_eq!(bench.records().len(), 200);
    // nothing is left to resume, and resuming it all the same changes nothing
    let again = bench.titian(&args(true));
    assert_eq!(again.json()["committed"]["sent"], json!(0), "{again:?}");
}

#[test]
fn t13_what_was_found_out_before_an_interruption_is_found_out_again() {
    let bench = Bench::start();
    let mut rows = good_rows(200);
    for row in &mut rows {
        "01/02/2025".clone_into(&mut row[EFFECTIVE]);
    }
    write_rows(bench.folder(), &rows[..3]);
    assert_eq!(bench.titian(&args(false)).code, 0);
    // two lines do not fit what stands; that is found out by the commit, before its first chunk
    for row in &mut rows[..2] {
        "01/01/2024".clone_into(&mut row[EFFECTIVE]);
    }
    write_rows(bench.folder(), &rows);
    interrupt(&bench);
    let done = bench.titian(&args(true));
    assert_eq!(done.code, 1, "{done:?}");
    let fault = ("EFFECTIVE_ORDER".to_owned(), "effective".to_owned());
    let found = findings(&bench.folder().join("out.ndjson"));
    assert_eq!(by_line(&found), [(2, fault.clone()), (3, fault)].into());
    assert_eq!(found.len(), 2, "each once");
    let told = done.json();
    assert_eq!((&told["good"], &told["bad"]), (&json!(198), &json!(2)), "{told}");
    assert_eq!(bench.records().len(), 200);
}

#[test]
fn t13_an_import_that_nobody_signed_leaves_nothing_to_resume() {
    let bench = Bench::start();
    write_input(bench.folder(), 8, 0);
    let journal = bench.folder().join("in.csv.importing");
    let commit = ["in.csv", "--map", "map.toml", "--commit"];
    let ran = bench.import(&commit);
    assert_eq!(ran.code, 2, "there is no terminal to ask on: {ran:?}");
    assert!(ran.stderr.contains("--yes signs without asking"), "{ran:?}");
    assert!(!ran.stderr.contains("--dry-run"), "import has no such option: {ran:?}");
    assert!(!journal.exists());
    // a key that may not sign for it, refused before or after it is sent
    let ran = bench.import(&[&commit[..], &["--yes", "--as", "TH:DBD#k1"]].concat());
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(!journal.exists(), "{ran:?}");
    let ran = bench.import(&[&commit[..], &["--yes", "--json"]].concat());
    assert_eq!(ran.json()["committed"]["applied"], json!(8), "{ran:?}");
}

#[test]
fn t13_one_input_is_imported_once_at_a_time() {
    let bench = Bench::start();
    write_input(bench.folder(), 8, 0);
    let held = std::fs::File::open(bench.folder().join("in.csv")).expect("the input");
    held.lock().expect("the test disk has locks");
    let ran = bench.titian(&args(false));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("another import"), "{ran:?}");
    assert!(bench.records().is_empty());
    held.unlock().expect("it is ours");
    assert_eq!(bench.titian(&args(false)).code, 0);
    assert_eq!(bench.records().len(), 8);
}

#[test]
fn t13_without_its_journal_an_import_starts_over_and_repeats_nothing() {
    let bench = Bench::start();
    write_input(bench.folder(), 400, 0);
    let journal = bench.folder().join("in.csv.importing");
    let mut child = start(&bench);
    // the second chunk is being sent once the first one stands
    while bench.records().is_empty() {
        assert!(child.try_wait().expect("ours").is_none(), "it ended before it was looked at");
    }
    child.kill().expect("ours");
    child.wait().expect("ours");
    let _ = std::fs::remove_file(&journal);
    let done = bench.titian(&args(true));
    assert_eq!(done.code, 0, "{done:?}");
    let done = done.json()["committed"].clone();
    assert!(done["unchanged"].as_u64().is_some_and(|count| count > 0), "{done}");
    assert_eq!(bench.records().len(), 400);
    assert!(bench.records().values().all(|record| record["version"] == 1));
}

#[test]
fn t13_an_input_that_changed_since_the_interruption_is_imported_as_it_is_now() {
    let bench = Bench::start();
    write_input(bench.folder(), 200, 0);
    interrupt(&bench);
    write_input(bench.folder(), 210, 0);
    let ran = bench.titian(&args(true));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("the input has changed"), "{ran:?}");
    assert_eq!(bench.records().len(), 210);
    assert!(bench.records().values().all(|record| record["version"] == 1));
}
