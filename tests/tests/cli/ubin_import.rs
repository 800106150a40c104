//! Bulk import as a program, against a ledger served in this process.

mod ends;
pub(crate) mod fixture;
mod interrupted;
mod lines;
mod report;
mod similar;

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use titian_tests::companies::companies_of;

use fixture::{BAD_LINES, Bench, GOOD_LINES, bad_rows, findings, good_rows, write_input};

/// What a run reported of each line.
fn by_line(findings: &[Value]) -> BTreeMap<u64, (String, String)> {
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("text").to_owned();
    findings
        .iter()
        .map(|f| (f["line"].as_u64().expect("a line"), (text(f, "code"), text(f, "column"))))
        .collect()
}

#[test]
fn t13_a_dry_run_reports_every_bad_line_with_code_and_suggestion_and_writes_nothing() {
    let bench = Bench::start();
    let expected = write_input(bench.folder(), GOOD_LINES, BAD_LINES);
    let before = bench.roots();
    let ran = bench.import(&["in.csv", "--map", "map.toml", "--report", "out.ndjson", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let found = findings(&bench.folder().join("out.ndjson"));
    assert_eq!(by_line(&found), expected);
    assert_eq!(found.len(), expected.len(), "one finding a line");
    for finding in &found {
        assert!(finding["suggestion"].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
        assert!(finding["message"].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
    }
    let summary = ran.json();
    assert_eq!(summary["good"], GOOD_LINES);
    assert_eq!(summary["bad"], expected.len());
    assert_eq!(summary["lines"], GOOD_LINES + expected.len());
    assert_eq!(summary["registered"], 0);
    assert_eq!(bench.roots(), before, "a dry run moves neither head nor root");
    assert!(!bench.folder().join("in.csv.importing").exists());
}

#[test]
fn t13_a_commit_applies_the_good_lines_once_and_a_second_one_changes_nothing() {
    let bench = Bench::start();
    let expected = write_input(bench.folder(), GOOD_LINES, BAD_LINES);
    let commit =
        ["in.csv", "--map", "map.toml", "--commit", "--yes", "--report", "out.ndjson", "--json"];
    let ran = bench.import(&[&commit[..], &["--chunk-records", "300"]].concat());
    assert_eq!(ran.code, 1, "bad lines stay bad: {ran:?}");
    let done = ran.json()["committed"].clone();
    assert_eq!(done["applied"], GOOD_LINES, "{done}");
    assert_eq!(done["chunks"], GOOD_LINES.div_ceil(300), "{done}");
    assert_eq!((&done["refused"], &done["unchanged"]), (&json!(0), &json!(0)), "{done}");
    assert_eq!(findings(&bench.folder().join("out.ndjson")).len(), expected.len());
    assert_eq!(bench.records().len(), GOOD_LINES);

    let before = bench.roots();
    let again = bench.import(&commit);
    let done = again.json()["committed"].clone();
    assert_eq!(done["unchanged"], GOOD_LINES, "{done}");
    assert_eq!((&done["sent"], &done["chunks"]), (&json!(0), &json!(0)), "{done}");
    assert_eq!(again.json()["registered"], GOOD_LINES);
    assert_eq!(bench.roots(), before, "a second commit moves neither head nor root");
}

#[test]
fn t13_a_changed_line_becomes_the_next_version_and_only_that_one_is_sent() {
    let bench = Bench::start();
    write_input(bench.folder(), 40, 0);
    let commit = ["in.csv", "--map", "map.toml", "--commit", "--yes", "--json"];
    assert_eq!(bench.import(&commit).code, 0);
    let input = fs::read_to_string(bench.folder().join("in.csv")).expect("the input");
    let changed = input.replacen("Private Company Limited by Shares", "Public Company", 1);
    fs::write(bench.folder().join("in.csv"), changed).expect("the input is written");
    let ran = bench.import(&commit);
    assert_eq!(ran.code, 0, "{ran:?}");
    let done = ran.json()["committed"].clone();
    assert_eq!((&done["applied"], &done["unchanged"]), (&json!(1), &json!(39)), "{done}");
    let versions: Vec<u64> =
        bench.records().values().filter_map(|record| record["version"].as_u64()).collect();
    assert_eq!(versions.iter().filter(|version| **version == 2).count(), 1);
    // the third time nothing differs, though the second version has to be read for that
    let done = bench.import(&commit).json()["committed"].clone();
    assert_eq!((&done["sent"], &done["unchanged"]), (&json!(0), &json!(40)), "{done}");
}

#[test]
fn t13_csv_and_ndjson_of_the_same_companies_give_the_same_bodies() {
    let demo = fixture::demo();
    let file = |name: &str| demo.join(name).display().to_string();
    let from_csv = Bench::start();
    let (csv, map) = (file("register.csv"), file("register.toml"));
    let journal = ["--journal", "csv.importing"];
    let ran = from_csv
        .import(&[&[&csv, "--map", &map, "--commit", "--yes", "--json"][..], &journal].concat());
    assert_eq!(ran.code, 1, "the example has two bad lines: {ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let codes: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON lines"))
        .filter(|value| value.get("line").is_some())
        .map(|value| json!([value["line"], value["column"], value["code"]]))
        .collect();
    let expected = [json!([12, "uen", "LOCAL_FORMAT"]), json!([13, "incorporated", "MALFORMED"])];
    assert_eq!(codes, expected);
    assert!(lines[0].contains("209900031H"), "the number that may be meant: {}", lines[0]);

    let from_ndjson = Bench::start();
    let ndjson = file("register.ndjson");
    let journal = ["--journal", "ndjson.importing"];
    let ran = from_ndjson.import(&[&[&ndjson, "--commit", "--yes"][..], &journal].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let (a, b) = (from_csv.records(), from_ndjson.records());
    assert_eq!(a.len(), 10);
    let bodies = |records: &BTreeMap<String, Value>| -> Vec<Value> {
        records.values().map(|record| record["bodyHash"].clone()).collect()
    };
    assert_eq!(bodies(&a), bodies(&b));
}

#[test]
fn t13_numbers_of_persons_are_masked_in_report_and_on_the_screen() {
    let bench = Bench::start();
    // made-up digits in the form of numbers that no business has
    let secrets = ["S0000000X", "S1111111Y"];
    let mut rows = good_rows(2);
    rows[0][0] = secrets[0].to_owned();
    rows[1][6] = format!("care of {}", secrets[1]);
    fixture::write_rows(bench.folder(), &rows);
    let body = json!({"ubin": "SG-UEN-S0000000X-00", "category": "GENERAL"});
    fs::write(bench.folder().join("in.ndjson"), format!("{body}\n")).expect("the input");
    for args in [
        &["in.csv", "--map", "map.toml", "--remarks"][..],
        &["in.csv", "--map", "map.toml", "--json", "--report", "out.ndjson"],
        &["in.csv", "--map", "map.toml", "--commit", "--yes"],
        &["in.ndjson"],
    ] {
        let ran = bench.import(args);
        assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
        let report = fs::read_to_string(bench.folder().join("out.ndjson")).unwrap_or_default();
        for text in [&ran.stdout, &ran.stderr, &report] {
            for secret in ["0000000", "1111111"] {
                assert!(!text.contains(secret), "{args:?} shows a number: {text}");
            }
        }
    }
    let report = fs::read_to_string(bench.folder().join("out.ndjson")).expect("a report");
    assert!(report.contains("PERSONAL_NUMBER_REFUSED"), "{report}");
    assert!(report.contains("PERSONAL_DATA_SUSPECTED"), "{report}");
    assert!(bench.records().is_empty());
}

#[test]
fn t13_two_spellings_of_one_number_are_both_bad() {
    let bench = Bench::start();
    let mut rows = good_rows(3);
    rows[2][0] = format!(" {}-{} ", &rows[0][0][..4], &rows[0][0][4..]);
    fixture::write_rows(bench.folder(), &rows);
    let ran = bench.import(&["in.csv", "--map", "map.toml", "--report", "out.ndjson", "--json"]);
    let column = "uen".to_owned();
    let collision = ("IMPORT_COLLISION".to_owned(), column);
    let expected = BTreeMap::from([(2, collision.clone()), (4, collision)]);
    assert_eq!(by_line(&findings(&bench.folder().join("out.ndjson"))), expected);
    assert_eq!(ran.json()["good"], 1);
}

#[test]
fn t13_a_move_of_two_officers_needs_two_keys() {
    let bench = Bench::start();
    let commit = |body: &Value, keys: &[&str]| {
        fs::write(bench.folder().join("in.ndjson"), format!("{body}\n")).expect("the input");
        let args = ["in.ndjson", "--commit", "--yes", "--json"];
        bench.import(&[&args[..], keys].concat())
    };
    let company = companies_of("SG", 7, 1).next().expect("one company");
    let mut body: Value = serde_json::from_str(&company.body.to_jcs()).expect("JSON");
    for filled_in in ["v", "entity", "version", "displayId"] {
        body.as_object_mut().expect("an object").remove(filled_in);
    }
    body["status"] = json!({"code": "ACTIVE"});
    assert_eq!(commit(&body, &["--as", "SG:ACRA#k1"]).code, 0);

    body["status"] = json!({"code": "DISSOLVED", "reason": "COURT"});
    body["endedOn"] = json!("2026-06-30");
    body["evidence"] =
        json!([{"type": "COURT_ORDER", "digest": format!("sha256:{}", "0".repeat(64))}]);
    let ran = commit(&body, &["--as", "SG:ACRA#k1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json_of_last_line()["committed"]["refused"], 1, "{ran:?}");
    let finding: Value =
        serde_json::from_str(ran.stdout.lines().next().expect("a finding")).expect("JSON");
    assert_eq!(finding["line"], 1, "{finding}");
    let shown = || bench.records().values().next().expect("a record").clone();
    assert_eq!((&shown()["status"], &shown()["version"]), (&json!("ACTIVE"), &json!(1)));

    let ran = commit(&body, &["--as", "SG:ACRA#k1", "--as", "SG:ACRA#k2"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["committed"]["applied"], 1, "{ran:?}");
    assert_eq!((&shown()["status"], &shown()["version"]), (&json!("DISSOLVED"), &json!(2)));
}

#[test]
fn a_map_that_contradicts_the_scheme_or_the_file_is_a_usage_error() {
    let bench = Bench::start();
    write_input(bench.folder(), 1, 0);
    let map = fs::read_to_string(bench.folder().join("map.toml")).expect("the map");
    for (from, to, part) in [
        ("cc = \"SG\"", "cc = \"ZZ\"", "UBIN_COUNTRY_UNKNOWN"),
        ("scheme = \"UEN\"", "scheme = \"NONE\"", "SCHEME_UNKNOWN"),
        ("local_id = \"uen\"", "local_id = \"number\"", "there is no column"),
        ("local_id = \"uen\"", "local = \"uen\"", "is no column"),
        ("dates = \"%d/%m/%Y\"", "dates = \"%d/%m\"", "%Y, %m and %d"),
        ("dates", "codePage = \"utf-16\"\ndates", "windows-874"),
        ("dates", "unknown = 1\ndates", "unknown"),
        ("[defaults]", "[statusMap]\nLive = \"DISSOLVED\"\n[defaults]", "STATUS_MAP_MISMATCH"),
    ] {
        assert!(map.contains(from), "{from}");
        fs::write(bench.folder().join("map.toml"), map.replacen(from, to, 1)).expect("the map");
        let ran = bench.import(&["in.csv", "--map", "map.toml"]);
        assert_eq!(ran.code, 2, "{to}: {ran:?}");
        assert!(ran.stderr.contains(part), "{to}: {ran:?}");
    }
}

#[test]
fn thai_and_western_code_pages_are_read_and_undefined_bytes_are_bad_lines() {
    let bench = Bench::start();
    let name = "บริษัท ตัวอย่าง จำกัด";
    let bytes: Vec<u8> = name
        .chars()
        .map(|c| match u32::from(c) {
            code @ 0x0E00.. => u8::try_from(code - 0x0E00 + 0xA0).expect("Thai"),
            code => u8::try_from(code).expect("ASCII"),
        })
        .collect();
    let mut csv = b"no,name,on\n0105536112014,".to_vec();
    csv.extend_from_slice(&bytes);
    csv.extend_from_slice(b",2020-01-02\n0994000165421,\xDB\xDC,2020-01-02\n");
    fs::write(bench.folder().join("th.csv"), csv).expect("the input");
    let map = "cc = \"TH\"\nscheme = \"JP\"\ncodePage = \"windows-874\"\n\
               [columns]\nlocal_id = \"no\"\nlegal_name = \"name\"\nregistered_on = \"on\"\n\
               [defaults]\ncategory = \"GENERAL\"\nlegal_name_lang = \"th\"\nstatus = \"ACTIVE\"\n\
               source_as_of = \"2026-06-30\"\n";
    fs::write(bench.folder().join("th.toml"), map).expect("the map");
    let args = ["th.csv", "--map", "th.toml", "--commit", "--yes", "--report", "out.ndjson"];
    let ran = bench.import(&[&args[..], &["--as", "TH:DBD#k1"]].concat());
    assert_eq!(ran.code, 1, "{ran:?}");
    let expected = ("MALFORMED".to_owned(), "name".to_owned());
    let found = by_line(&findings(&bench.folder().join("out.ndjson")));
    assert_eq!(found, BTreeMap::from([(3, expected)]));
    let shown = bench.titian(&["ubin", "get", "TH-JP-0105536112014-6H", "--json"]).json();
    assert_eq!(shown["record"]["body"]["legalName"]["value"], name);
}

#[test]
fn without_a_node_a_dry_run_checks_with_the_built_in_schemes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let expected = write_input(folder.path(), 20, BAD_LINES);
    let args = ["ubin", "import", "in.csv", "--map", "map.toml", "--report", "out.ndjson"];
    let ran = super::titian_in(folder.path(), &[("TITIAN_NODE", "http://127.0.0.1:9")], &args);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("not against the register"), "{ran:?}");
    assert_eq!(by_line(&findings(&folder.path().join("out.ndjson"))), expected);
}

#[test]
fn a_legal_form_is_proposed_in_the_report_and_never_filled_in() {
    let bench = Bench::start();
    let input = fixture::demo().join("register.ndjson").display().to_string();
    let args = [&input, "--commit", "--yes", "--remarks", "--report", "out.ndjson"];
    let ran = bench.import(&[&args[..], &["--journal", "ndjson.importing"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = findings(&bench.folder().join("out.ndjson"));
    let proposed: Vec<&Value> =
        found.iter().filter(|finding| finding["code"] == "ELF_PROPOSED").collect();
    assert_eq!(proposed.len(), 10, "{found:?}");
    assert!(
        proposed
            .iter()
            .all(|finding| { finding["level"] == "proposal" && finding["suggestion"] == "LWXI" })
    );
    let ubin = bench.records().keys().next().expect("a record").clone();
    let shown = bench.titian(&["ubin", "get", &ubin, "--json"]).json();
    let form = &shown["record"]["body"]["legalForm"];
    assert_eq!(form, &json!({"national": "Private Company Limited by Shares"}));
}

#[test]
fn the_kinds_of_badness_are_many() {
    let kinds: std::collections::BTreeSet<&str> =
        bad_rows(BAD_LINES).iter().map(|bad| bad.code).collect();
    assert!(kinds.len() >= 15, "{kinds:?}");
}
