//! Records that end and come back by CSV, and lines that do not fit the record that stands: a dry run
//! tells of them what a commit does.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::by_line;
use super::fixture::{Bench, findings, good_rows, write_rows};
use crate::Ran;

const NAME: usize = 1;
const STATUS_NATIONAL: usize = 2;
const REGISTERED: usize = 3;
const STATUS: usize = 11;
const ENDED: usize = 12;
const EFFECTIVE: usize = 15;
const OFFICERS: [&str; 4] = ["--as", "SG:ACRA#k1", "--as", "SG:ACRA#k2"];

/// `count` rows of the common status ACTIVE.
fn active_rows(count: usize) -> Vec<Vec<String>> {
    let mut rows = good_rows(count);
    for row in &mut rows {
        row[STATUS_NATIONAL].clear();
        "ACTIVE".clone_into(&mut row[STATUS]);
    }
    rows
}

fn dissolve(row: &mut [String]) {
    "DISSOLVED".clone_into(&mut row[STATUS]);
    "01/06/2026".clone_into(&mut row[ENDED]);
}

/// Writes the rows, and for each why its status changed and the document that says so.
fn write_reasoned(bench: &Bench, rows: &[Vec<String>], reasons: &[[&str; 3]]) {
    write_rows(bench.folder(), rows);
    let path = bench.folder().join("in.csv");
    let text = fs::read_to_string(&path).expect("the input");
    let mut lines = text.lines();
    let mut out = format!("{},why,proof,digest\n", lines.next().expect("headers"));
    for (line, reason) in lines.zip(reasons) {
        out.push_str(&format!("{line},{}\n", reason.join(",")));
    }
    fs::write(path, out).expect("the input is written");
    let map = fs::read_to_string(bench.folder().join("map.toml")).expect("the map");
    let columns = "status_reason = \"why\"\nevidence_type = \"proof\"\nevidence_digest = \"digest\"\n[defaults]";
    let map = map.replacen("[defaults]", columns, 1);
    fs::write(bench.folder().join("map.toml"), map).expect("the map is written");
}

fn commit(bench: &Bench, keys: &[&str]) -> Ran {
    let args = ["in.csv", "--map", "map.toml", "--commit", "--yes", "--report", "out.ndjson"];
    bench.import(&[&args[..], &["--json"], keys].concat())
}

fn dry_run(bench: &Bench, more: &[&str]) -> Ran {
    let args = ["in.csv", "--map", "map.toml", "--report", "out.ndjson", "--json"];
    bench.import(&[&args[..], more].concat())
}

fn found(bench: &Bench) -> Vec<Value> {
    findings(&bench.folder().join("out.ndjson"))
}

/// Status and version of the only record.
fn standing(bench: &Bench) -> (Value, Value) {
    let records = bench.records();
    let record = records.values().next().expect("a record");
    (record["status"].clone(), record["version"].clone())
}

#[test]
fn t13_a_record_ends_and_comes_back_by_csv_with_reason_evidence_and_two_officers() {
    let bench = Bench::start();
    let digest = format!("sha256:{}", "0".repeat(64));
    let nothing = ["", "", ""];
    let mut rows = active_rows(1);
    write_reasoned(&bench, &rows, &[nothing]);
    assert_eq!(commit(&bench, &[]).code, 0);

    dissolve(&mut rows[0]);
    write_reasoned(&bench, &rows, &[nothing]);
    for is_dry in [true, false] {
        let ran = if is_dry { dry_run(&bench, &[]) } else { commit(&bench, &OFFICERS) };
        assert_eq!(ran.code, 1, "{ran:?}");
        let fault = &found(&bench)[0];
        let told = (&fault["code"], &fault["column"]);
        assert_eq!(told, (&json!("REASON_REQUIRED"), &json!("why")), "{fault}");
        let advice = fault["suggestion"].as_str().expect("advice");
        assert!(advice.contains("status_reason"), "{advice}");
    }
    write_reasoned(&bench, &rows, &[["COURT", "", ""]]);
    assert_eq!(commit(&bench, &OFFICERS).code, 1);
    let fault = &found(&bench)[0];
    assert_eq!((&fault["code"], &fault["column"]), (&json!("EVIDENCE_REQUIRED"), &json!("digest")));

    write_reasoned(&bench, &rows, &[["COURT", "COURT_ORDER", &digest]]);
    // one officer is not enough, and what to do is something that import can do
    let ran = commit(&bench, &["--as", "SG:ACRA#k1"]);
    assert_eq!((ran.code, &ran.json()["good"]), (1, &json!(0)), "good or bad, not both: {ran:?}");
    let fault = &found(&bench)[0];
    assert_eq!(fault["code"], "QUORUM_MISSING", "{fault}");
    let advice = fault["suggestion"].as_str().expect("advice");
    assert!(advice.contains("--as PARTY#k2") && !advice.contains("-o op.json"), "{advice}");
    let ran = dry_run(&bench, &["--remarks"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["remarks"]["QUORUM_MISSING"], 1, "{ran:?}");
    assert_eq!(commit(&bench, &OFFICERS).code, 0);
    assert_eq!(standing(&bench), (json!("DISSOLVED"), json!(2)));
    // the same again says nothing new
    assert_eq!(commit(&bench, &OFFICERS).json()["committed"]["unchanged"], 1);

    // a map without a column of the end does not keep the end of a business that came back
    "ACTIVE".clone_into(&mut rows[0][STATUS]);
    rows[0][ENDED].clear();
    write_reasoned(&bench, &rows, &[["COURT", "COURT_ORDER", &digest]]);
    let map = fs::read_to_string(bench.folder().join("map.toml")).expect("the map");
    let without = map.replacen("ended_on = \"ended\"\n", "", 1);
    assert_ne!(map, without);
    fs::write(bench.folder().join("map.toml"), without).expect("the map is written");
    let ran = commit(&bench, &OFFICERS);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(standing(&bench), (json!("ACTIVE"), json!(3)));
}

#[test]
fn t13_a_dry_run_finds_what_the_register_would_refuse() {
    let bench = Bench::start();
    let mut rows = active_rows(6);
    for row in &mut rows[..5] {
        "01/02/2025".clone_into(&mut row[EFFECTIVE]);
    }
    write_rows(bench.folder(), &rows[..5]);
    assert_eq!(commit(&bench, &[]).code, 0);
    let records = bench.records();
    let of_second = records.keys().find(|ubin| ubin.contains(&rows[1][0])).expect("the record");
    let annul = bench.titian(&[&["ubin", "annul", of_second, "--yes"][..], &OFFICERS].concat());
    assert_eq!(annul.code, 0, "{annul:?}");

    "01/01/2024".clone_into(&mut rows[0][EFFECTIVE]);
    "ANOTHER NAME PTE. LTD.".clone_into(&mut rows[1][NAME]);
    "31/12/1989".clone_into(&mut rows[2][REGISTERED]);
    dissolve(&mut rows[3]);
    "ANOTHER GOOD NAME PTE. LTD.".clone_into(&mut rows[4][NAME]);
    write_rows(bench.folder(), &rows);
    let due = [
        (2, "EFFECTIVE_ORDER", "effective"),
        (3, "TERMINAL_STATUS", "uen"),
        (4, "BAD_TRANSITION", "incorporated"),
        (5, "REASON_REQUIRED", "status_reason"),
    ];
    let due: BTreeMap<u64, (String, String)> = due
        .into_iter()
        .map(|(line, code, column)| (line, (code.to_owned(), column.to_owned())))
        .collect();
    let before = bench.roots();
    let dry = dry_run(&bench, &[]);
    assert_eq!(by_line(&found(&bench)), due, "{dry:?}");
    assert_eq!(bench.roots(), before);
    let told = dry.json();
    assert_eq!((&told["good"], &told["bad"]), (&json!(2), &json!(4)), "{told}");

    let ran = commit(&bench, &[]);
    assert_eq!(by_line(&found(&bench)), due, "{ran:?}");
    let told = ran.json();
    assert_eq!((&told["good"], &told["bad"]), (&json!(2), &json!(4)), "{told}");
    let done = &told["committed"];
    assert_eq!((&done["sent"], &done["applied"]), (&json!(2), &json!(2)), "none in vain: {done}");
    assert_eq!(done["refused"], 0, "{done}");
}

#[test]
fn t13_a_suspended_scheme_takes_no_new_line_and_a_dry_run_says_so() {
    let bench = Bench::start();
    let rows = active_rows(3);
    write_rows(bench.folder(), &rows[..1]);
    assert_eq!(commit(&bench, &[]).code, 0);
    let suspend = ["ubin", "scheme-suspend", "SG-UEN", "--as", "SG#k1", "--as", "SG#k2", "--yes"];
    let ran = bench.titian(&suspend);
    assert_eq!(ran.code, 0, "{ran:?}");
    write_rows(bench.folder(), &rows);
    for is_dry in [true, false] {
        let ran = if is_dry { dry_run(&bench, &[]) } else { commit(&bench, &[]) };
        assert_eq!(ran.code, 1, "{ran:?}");
        let fault = ("SCHEME_NOT_PRIMARY".to_owned(), "uen".to_owned());
        assert_eq!(by_line(&found(&bench)), [(3, fault.clone()), (4, fault)].into(), "{ran:?}");
        assert_eq!(ran.json()["good"], 1, "the line of the record that stands: {ran:?}");
    }
}
