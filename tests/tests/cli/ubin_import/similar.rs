//! Lines that may be one business under two numbers (ubin.md §4.2): remarks of the dry run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fixture::{findings, good_rows, write_rows};
use crate::titian_in;

const NAME: usize = 1;
const REGISTERED: usize = 3;
const REGION: usize = 14;
const TRADE_NAME: usize = 16;
const TRADE_TYPE: usize = 17;

/// Rows of the same day and region, so that names alone tell them apart.
fn rows(count: usize) -> Vec<Vec<String>> {
    let mut rows = good_rows(count);
    for row in &mut rows {
        "05/03/2001".clone_into(&mut row[REGISTERED]);
        "SG-01".clone_into(&mut row[REGION]);
    }
    rows
}

/// A dry run without a node: the exit code, and which line is like which, by the remarks.
fn survey(rows: &[Vec<String>]) -> (i32, BTreeMap<u64, String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_rows(folder.path(), rows);
    let import = ["ubin", "import", "in.csv", "--map", "map.toml"];
    let args = [&import[..], &["--remarks", "--report", "out.ndjson", "--json"]].concat();
    let ran = titian_in(folder.path(), &[("TITIAN_NODE", "http://127.0.0.1:9")], &args);
    let found = findings(&folder.path().join("out.ndjson"));
    let alike: Vec<&Value> = found.iter().filter(|f| f["code"] == "SIMILAR_NAME").collect();
    let counted = ran.json()["remarks"]["SIMILAR_NAME"].as_u64().unwrap_or(0);
    assert_eq!(counted as usize, alike.len(), "counted in the summary too");
    for finding in &alike {
        assert_eq!(
            (&finding["level"], &finding["column"]),
            (&"warning".into(), &"entity_name".into())
        );
        let text = finding.to_string();
        assert!(
            !text.contains("ALPHA") && !text.contains("Alpha"),
            "no value of the input: {text}"
        );
        assert!(finding["suggestion"].as_str().is_some_and(|s| s.contains("line ")), "{finding}");
    }
    let lines = alike.iter().map(|finding| {
        let message = finding["message"].as_str().expect("a message");
        let other = message.split("line ").nth(1).expect("names the other line");
        let other = other.split(' ').next().expect("a number");
        (finding["line"].as_u64().expect("a line"), other.to_owned())
    });
    (ran.code, lines.collect())
}

#[test]
fn t13_names_that_differ_by_their_legal_form_only_are_remarked_and_stay_good() {
    let mut rows = rows(8);
    "ALPHA TRADING PTE. LTD.".clone_into(&mut rows[0][NAME]);
    "Alpha  Trading LLP".clone_into(&mut rows[3][NAME]);
    // the trade name of one is the name of the other
    "ＢＥＴＡ WORKS PTE. LTD.".clone_into(&mut rows[5][NAME]);
    "Beta Works".clone_into(&mut rows[6][TRADE_NAME]);
    "TRADING".clone_into(&mut rows[6][TRADE_TYPE]);
    let (code, alike) = survey(&rows);
    assert_eq!(code, 0, "a remark makes no line bad");
    let due = [(2, "5"), (5, "2"), (7, "8"), (8, "7")];
    assert_eq!(alike, due.map(|(line, other)| (line, other.to_owned())).into());
}

#[test]
fn t13_another_region_another_day_or_a_bad_line_is_no_likeness() {
    let mut rows = rows(6);
    for row in &mut rows[..4] {
        "ALPHA TRADING PTE. LTD.".clone_into(&mut row[NAME]);
    }
    "SG-02".clone_into(&mut rows[1][REGION]);
    "06/03/2001".clone_into(&mut rows[2][REGISTERED]);
    "Singapore".clone_into(&mut rows[3][REGION]);
    let (code, alike) = survey(&rows);
    assert_eq!(code, 1, "the region of line 5 is no ISO 3166-2 code");
    assert_eq!(alike, BTreeMap::new());
    // a collision is a fault of both lines, not a likeness
    rows[3] = rows[0].clone();
    let (code, alike) = survey(&rows);
    assert_eq!((code, alike), (1, BTreeMap::new()));
}
