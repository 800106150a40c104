//! Rows and lines: whatever ends the lines of a file, each row is one of its own, under the number that
//! an editor shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::by_line;
use super::fixture::{Bench, demo, findings, good_rows, write_input, write_rows};
use crate::titian_in;

const REGISTERED: usize = 3;

/// Writes the rows with one more cell, of two lines, and other ends of lines: `first` after the headers.
fn write_with_ends(folder: &Path, rows: &[Vec<String>], first: &str, end: &str) {
    write_rows(folder, rows);
    let path = folder.join("in.csv");
    let text = fs::read_to_string(&path).expect("the input");
    let mut lines = text.lines();
    let mut out = format!("{},note{first}", lines.next().expect("headers"));
    for line in lines {
        out.push_str(&format!("{line},\"two{end}lines\"{end}"));
    }
    fs::write(path, out).expect("the input is written");
}

#[test]
fn t13_rows_with_any_line_ends_are_told_apart_and_no_good_one_is_left_out() {
    let bench = Bench::start();
    let mut rows = good_rows(24);
    // line of the first row, after the headers and what ends them
    let ends = [
        ("\n", "\n", 2),
        ("\n", "\r\n", 2),
        ("\r\n", "\r\n", 2),
        ("\r", "\r", 2),
        ("\n\n\n", "\n", 4),
        ("\r\n\r\n", "\r\n", 3),
    ];
    let commit =
        ["in.csv", "--map", "map.toml", "--commit", "--yes", "--report", "out.ndjson", "--json"];
    for (some, (first, end, line)) in rows.chunks_mut(4).zip(ends) {
        for bad in [0, 3] {
            "31/31/2000".clone_into(&mut some[bad][REGISTERED]);
        }
        write_with_ends(bench.folder(), some, first, end);
        let ran = bench.import(&commit);
        assert_eq!(ran.code, 1, "{first:?} {end:?}: {ran:?}");
        let fault = ("MALFORMED".to_owned(), "incorporated".to_owned());
        let due = BTreeMap::from([(line, fault.clone()), (line + 6, fault)]);
        let found = by_line(&findings(&bench.folder().join("out.ndjson")));
        assert_eq!(found, due, "{first:?} {end:?}");
        let told = ran.json();
        assert_eq!((&told["good"], &told["bad"]), (&json!(2), &json!(2)), "{first:?} {end:?}");
        assert_eq!(told["committed"]["applied"], 2, "{first:?} {end:?}: {told}");
    }
    assert_eq!(bench.records().len(), 12);
}

#[test]
fn t13_findings_name_the_line_of_a_long_file_of_a_windows_program() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let due = write_input(folder.path(), 1_200, 50);
    let path = folder.path().join("in.csv");
    let text = fs::read(&path).expect("the input");
    let mut windows = Vec::new();
    for byte in text {
        if byte == b'\n' {
            windows.push(b'\r');
        }
        windows.push(byte);
    }
    assert!(windows.len() > 200 * 1024, "longer than what is read at once");
    fs::write(&path, windows).expect("the input is written");
    let args = ["ubin", "import", "in.csv", "--map", "map.toml", "--report", "out.ndjson"];
    let ran = titian_in(folder.path(), &[("TITIAN_NODE", "http://127.0.0.1:9")], &args);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(by_line(&findings(&folder.path().join("out.ndjson"))), due);
}

#[test]
fn a_file_of_utf_16_is_named_as_such() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["register.csv", "register.ndjson"] {
        let text = fs::read_to_string(demo().join(name)).expect("the example");
        let units: Vec<u16> = text.encode_utf16().collect();
        let low = |units: &[u16]| units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let high: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let marked: Vec<u8> = low(&[&[0xFEFF][..], &units].concat());
        for bytes in [marked, low(&units), high] {
            fs::write(folder.path().join(name), bytes).expect("the input is written");
            let map = demo().join("register.toml").display().to_string();
            let import = ["ubin", "import", name];
            let map = ["--map", &map];
            let args = [&import[..], if name.ends_with("csv") { &map[..] } else { &[] }].concat();
            let node = [("TITIAN_NODE", "http://127.0.0.1:9")];
            let ran = titian_in(folder.path(), &node, &args);
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(ran.stderr.contains("is UTF-16 text"), "{ran:?}");
            assert!(ran.stderr.contains("convert the file to utf-8"), "{ran:?}");
            assert!(!ran.stderr.contains('\0') && !ran.stdout.contains('\0'), "{ran:?}");
        }
    }
}
