//! The files that an import writes never take the place of those it reads, and a report is whole.

use std::fs;

use super::fixture::{findings, write_input};
use crate::{Ran, titian_in};

const NODE: [(&str, &str); 1] = [("TITIAN_NODE", "http://127.0.0.1:9")];

#[test]
fn neither_report_nor_journal_is_written_over_input_map_or_each_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_input(folder.path(), 20, 3);
    fs::hard_link(folder.path().join("in.csv"), folder.path().join("linked")).expect("a link");
    let symbolic = folder.path().join("symbolic");
    std::os::unix::fs::symlink("map.toml", symbolic).expect("a link");
    let read = |name: &str| fs::read(folder.path().join(name)).expect("it is still there");
    let before = (read("in.csv"), read("map.toml"));
    let import = ["ubin", "import", "in.csv", "--map", "map.toml"];
    for wrong in [
        &["--report", "in.csv"][..],
        &["--report", "./in.csv"],
        &["--report", "linked"],
        &["--report", "map.toml"],
        &["--report", "symbolic"],
        &["--report", "in.csv.importing"],
        &["--report", "in.csv.importing.new"],
        &["--commit", "--yes", "--journal", "in.csv"],
        &["--commit", "--yes", "--journal", "map.toml"],
        &["--commit", "--yes", "--journal", "both", "--report", "both"],
        &["--commit", "--yes", "--journal", "both", "--report", "./both.new"],
    ] {
        let ran = titian_in(folder.path(), &NODE, &[&import[..], wrong].concat());
        assert_eq!(ran.code, 2, "{wrong:?}: {ran:?}");
        assert!(ran.stderr.contains("would be written over"), "{wrong:?}: {ran:?}");
        assert!((read("in.csv"), read("map.toml")) == before, "{wrong:?} changed what is read");
    }
    assert!(!folder.path().join("both").exists());
}

#[test]
fn a_report_takes_the_place_of_an_older_one_when_it_is_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let due = write_input(folder.path(), 20, 3);
    let report = folder.path().join("out.ndjson");
    let run = |map: &str| -> Ran {
        let args = ["ubin", "import", "in.csv", "--map", map, "--report", "out.ndjson"];
        titian_in(folder.path(), &NODE, &args)
    };
    fs::write(&report, "of an earlier run\n").expect("a report");
    let map = fs::read_to_string(folder.path().join("map.toml")).expect("the map");
    let other = map.replacen("\"uen\"", "\"number\"", 1);
    fs::write(folder.path().join("other.toml"), other).expect("a map");
    let ran = run("other.toml");
    assert_eq!(ran.code, 2, "no such column: {ran:?}");
    assert_eq!(fs::read_to_string(&report).expect("it stays"), "of an earlier run\n");
    let ran = run("map.toml");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(findings(&report).len(), due.len());
    assert!(!folder.path().join("out.ndjson.new").exists());
}
