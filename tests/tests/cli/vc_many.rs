//! `titian verify FILE FILE …`: a verdict for each, the worst exit code, and no file that hides
//! another.

use serde_json::Value as Json;
use titian_contracts::limits;
use titian_tests::credentials::foreign::Foreign;

use super::Ran;
use super::vc_desk::{Desk, now_ms};

/// `titian verify FILES --offline trust.ttb --genesis genesis.json --policy w3c
/// MORE`.
fn verify(desk: &Desk, files: &[&str], more: &[&str]) -> Ran {
    let offline = ["--offline", "trust.ttb", "--genesis", "genesis.json", "--policy", "w3c"];
    desk.titian(&[&["verify"][..], files, &offline, more].concat())
}

/// A good, a revoked, an unknown and an unreadable file.
fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.write("good.jwt", &desk.token(7));
    desk.write("revoked.json", &desk.embedded(9));
    // its status list is not at hand
    let foreign = Foreign::at(now_ms() - 10_000);
    desk.write("unknown.json", &foreign.with_status().to_string());
    desk.write("nonsense.txt", "no credential");
    desk.set("SG:ACRA/status/1", 0, 9, 1);
    desk.write("trust.ttb", &desk.bundle(&["SG:ACRA"]));
    desk
}

/// Names and codes of the checks of a verdict.
fn codes(verdict: &Json) -> Vec<(&str, &str)> {
    let checks = verdict["checks"].as_array().unwrap_or_else(|| panic!("no verdict: {verdict}"));
    checks
        .iter()
        .map(|check| {
            (check["name"].as_str().expect("a name"), check["code"].as_str().expect("a code"))
        })
        .collect()
}

#[test]
fn several_files_are_judged_in_their_order_and_each_as_it_would_be_alone() {
    let desk = desk();
    let files = ["good.jwt", "absent.json", "revoked.json", "nonsense.txt", "good.jwt"];
    let ran = verify(&desk, &files, &["--json"]);
    let items = ran.json();
    let items = items.as_array().expect("an array");
    assert_eq!(items.len(), files.len());
    for (item, file) in items.iter().zip(files) {
        assert_eq!(item["file"], file);
        let alone = verify(&desk, &[file], &["--json"]);
        assert_eq!(item["exit"], alone.code, "{file}: {alone:?}");
        match item.get("result") {
            Some(result) => {
                assert_eq!(codes(result), codes(&alone.json()), "{file}");
                assert_eq!(result["outcome"], alone.json()["outcome"]);
            }
            None => assert_eq!(item["error"], alone.json()["error"], "{file}"),
        }
    }
    let exits: Vec<i64> = items.iter().filter_map(|item| item["exit"].as_i64()).collect();
    assert_eq!(exits, [0, 2, 3, 3, 0]);
    assert_eq!(ran.code, 3);
    assert_eq!(ran.stdout.lines().count(), 1, "one document in a line");
}

#[test]
fn people_see_every_file_by_name_and_a_sum() {
    let desk = desk();
    let files = ["good.jwt", "revoked.json", "absent.json", "unknown.json"];
    let ran = verify(&desk, &files, &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let places: Vec<usize> = files
        .iter()
        .map(|file| {
            let heading = ran.stdout.lines().position(|line| line == *file);
            heading.unwrap_or_else(|| panic!("{file}: {ran:?}"))
        })
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    let last = ran.stdout.lines().last();
    assert_eq!(
        last,
        Some("4 files: 1 verified, 1 rejected, 1 indeterminate, 1 not judged"),
        "{ran:?}"
    );
    // one file is printed as ever: no name, no sum
    let alone = verify(&desk, &["good.jwt"], &[]);
    assert!(alone.stdout.starts_with("VERIFIED   "), "{alone:?}");
    assert!(!alone.stdout.contains("files:"), "{alone:?}");
}

#[test]
fn the_exit_code_is_the_worst_rejected_before_indeterminate_before_errors() {
    let desk = desk();
    for (files, exit) in [
        (&["good.jwt", "good.jwt"][..], 0),
        (&["absent.json", "good.jwt"], 2),
        (&["absent.json", "unknown.json", "good.jwt"], 5),
        (&["unknown.json", "revoked.json", "absent.json"], 3),
    ] {
        let ran = verify(&desk, files, &[]);
        assert_eq!(ran.code, exit, "{files:?}: {ran:?}");
    }
    // what is wrong with the command line or the bundle is told once, and nothing is judged
    let ran = verify(&desk, &["good.jwt", "good.jwt"], &["--require", "luck", "--json"]);
    assert_eq!((ran.code, ran.json()["error"].is_object()), (2, true), "{ran:?}");
    let args = ["verify", "good.jwt", "good.jwt", "--offline", "none.ttb", "--genesis"];
    let ran = desk.titian(&[&args[..], &["genesis.json", "--json"]].concat());
    assert_eq!((ran.code, ran.json()["error"].is_object()), (2, true), "{ran:?}");
}

#[test]
fn a_thousand_files_are_judged_and_one_more_is_refused() {
    let desk = desk();
    let mut files = vec!["good.jwt"; limits::VERIFY_FILES_MAX];
    files[700] = "revoked.json";
    let ran = verify(&desk, &files, &["--json"]);
    let items = ran.json();
    let items = items.as_array().expect("an array");
    assert_eq!((ran.code, items.len()), (3, limits::VERIFY_FILES_MAX));
    let bad: Vec<usize> = (0..items.len()).filter(|i| items[*i]["exit"] != 0).collect();
    assert_eq!(bad, [700], "{}", items[bad.first().copied().unwrap_or(0)]);
    files.push("good.jwt");
    let ran = verify(&desk, &files, &["--json"]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (2, &"LIMIT_EXCEEDED".into()), "{ran:?}");
}

#[test]
fn evidence_packs_and_credentials_stand_side_by_side() {
    let desk = desk();
    desk.write("pack.json", &desk.evidence(&desk.token(7)));
    desk.write("bad.json", &desk.evidence(&desk.embedded(9)));
    let ran = verify(&desk, &["pack.json", "good.jwt", "bad.json"], &["--json"]);
    let items = ran.json();
    let outcomes: Vec<&Json> =
        items.as_array().expect("an array").iter().map(|item| &item["result"]["outcome"]).collect();
    assert_eq!(outcomes, ["verified", "verified", "rejected"], "{ran:?}");
    assert_eq!(ran.code, 3);
}
