//! `titian verify` with status lists and resources that the user fetched, and with another clock
//! skew; no node runs.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value as Json, json};
use titian_contracts::limits;
use titian_tests::credentials::foreign::{Foreign, INDEX, LIST_URL, RESOURCE_URL};

use super::vc_desk::now_ms;
use super::{Ran, titian_in};

/// A folder with files, and an issuer off the ledger.
struct Case {
    folder: tempfile::TempDir,
    issuer: Foreign,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, issuer: Foreign::at(now_ms() - 10_000) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn verify(&self, file: &str, more: &[&str]) -> Ran {
        let args = ["verify", file, "--no-ledger", "--policy", "w3c", "--json"];
        titian_in(self.folder.path(), &[], &[&args[..], more].concat())
    }
}

/// Exit code and code of a check.
fn judged(ran: &Ran, check: &str) -> (i32, String) {
    let verdict = ran.json();
    let checks = verdict["checks"].as_array().unwrap_or_else(|| panic!("no verdict: {ran:?}"));
    let found = checks.iter().find(|found| found["name"] == check).expect("all twelve are there");
    (ran.code, found["code"].as_str().expect("a code").to_owned())
}

fn refused(ran: &Ran, option: &str) {
    let error = ran.json()["error"].clone();
    assert_eq!((ran.code, &error["kind"]), (2, &json!("usage")), "{ran:?}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains(option)), "{ran:?}");
}

#[test]
fn a_status_list_that_the_user_fetched_answers_for_an_issuer_off_the_ledger() {
    let case = Case::new();
    case.write("licence.json", &case.issuer.with_status().to_string());
    case.write("good.json", &case.issuer.list(LIST_URL, &[INDEX + 1]).to_string());
    case.write("revoked.json", &case.issuer.list(LIST_URL, &[INDEX]).to_string());
    case.write("revoked.jwt", &format!("{}\n", case.issuer.list_token(LIST_URL, &[INDEX])));
    let other = format!("{LIST_URL}0");
    case.write("other.json", &case.issuer.list(&other, &[INDEX]).to_string());
    let with = |lists: &[&str]| {
        let more: Vec<&str> = lists.iter().flat_map(|list| ["--status-list", list]).collect();
        judged(&case.verify("licence.json", &more), "status")
    };
    let is = |exit: i32, code: &str| (exit, code.to_owned());
    assert_eq!(with(&[]), is(5, "STATUS_LIST_NOT_AVAILABLE"));
    assert_eq!(with(&["other.json"]), is(5, "STATUS_LIST_NOT_AVAILABLE"));
    assert_eq!(with(&["good.json"]), is(0, "OK"));
    assert_eq!(with(&["other.json", "good.json"]), is(0, "OK"));
    assert_eq!(with(&["revoked.json"]), is(3, "REVOKED"));
    assert_eq!(with(&["revoked.jwt"]), is(3, "REVOKED"));
    // signed by another
    let mut forged = case.issuer.list(LIST_URL, &[INDEX]);
    forged["credentialSubject"]["encodedList"] =
        case.issuer.list(LIST_URL, &[])["credentialSubject"]["encodedList"].clone();
    case.write("forged.json", &forged.to_string());
    assert_eq!(with(&["forged.json"]), is(3, "STATUS_LIST_INVALID"));
    // it is as old as its file: two days are more than its ttl and than a day
    let file = std::fs::File::options().write(true).open(case.path("good.json")).expect("there");
    file.set_modified(SystemTime::now() - Duration::from_secs(172_800)).expect("set");
    assert_eq!(with(&["good.json"]), is(5, "STATUS_LIST_STALE"));
    // a date to come tells nothing of its age
    file.set_modified(SystemTime::now() + Duration::from_secs(86_400)).expect("set");
    assert_eq!(with(&["good.json"]), is(5, "STATUS_LIST_STALE"));
}

#[test]
fn lists_that_are_none_twice_or_too_many_are_refused_by_name() {
    let case = Case::new();
    let licence = case.issuer.with_status().to_string();
    case.write("licence.json", &licence);
    case.write("list.json", &case.issuer.list(LIST_URL, &[]).to_string());
    case.write("empty", "");
    case.write("binary", "\u{1}\u{2}");
    for file in ["licence.json", "empty", "binary"] {
        refused(&case.verify("licence.json", &["--status-list", file]), "--status-list");
    }
    let twice = ["--status-list", "list.json", "--status-list", "list.json"];
    refused(&case.verify("licence.json", &twice), "given twice");
    let mut more = Vec::new();
    for i in 0..=limits::SUPPLIED_LISTS_MAX {
        let name = format!("list-{i}.json");
        let url = if i == 0 { LIST_URL.to_owned() } else { format!("{LIST_URL}/{i}") };
        case.write(&name, &case.issuer.list(&url, &[]).to_string());
        more.extend(["--status-list".to_owned(), name]);
    }
    let texts: Vec<&str> = more.iter().map(String::as_str).collect();
    refused(&case.verify("licence.json", &texts), "at most 8");
    let fewer = &texts[..texts.len() - 2];
    assert_eq!(judged(&case.verify("licence.json", fewer), "status"), (0, "OK".to_owned()));
}

#[test]
fn a_related_resource_counts_by_its_digest() {
    let case = Case::new();
    case.write("deed.json", &case.issuer.with_resource(b"the terms").to_string());
    case.write("terms.pdf", "the terms");
    case.write("changed.pdf", "the term5");
    let with = |resources: &[&str]| {
        let given = resources.iter().map(|file| format!("{RESOURCE_URL}={file}"));
        let mut more = vec!["--require".to_owned(), "resources".to_owned()];
        more.extend(given.flat_map(|given| ["--resource".to_owned(), given]));
        let texts: Vec<&str> = more.iter().map(String::as_str).collect();
        case.verify("deed.json", &texts)
    };
    let is = |exit: i32, code: &str| (exit, code.to_owned());
    assert_eq!(judged(&with(&[]), "resources"), is(5, "RESOURCE_NOT_AVAILABLE"));
    assert_eq!(judged(&with(&["terms.pdf"]), "resources"), is(0, "OK"));
    assert_eq!(judged(&with(&["changed.pdf"]), "resources"), is(3, "RESOURCE_DIGEST_MISMATCH"));
    refused(&with(&["terms.pdf", "terms.pdf"]), "given twice");
    refused(&case.verify("deed.json", &["--resource", "terms.pdf"]), "--resource");
    refused(&case.verify("deed.json", &["--resource", "=terms.pdf"]), "--resource");
    let large = "x".repeat(limits::SUPPLIED_BYTES_MAX + 1);
    case.write("large", &large);
    assert_eq!(case.verify("deed.json", &["--resource", "https://a.example=large"]).code, 2);
}

#[test]
fn t08_the_clock_skew_is_that_of_the_command_line_up_to_300_seconds() {
    let case = Case::new();
    let ahead: Json = case.issuer.valid_from(now_ms() + 200_000);
    case.write("ahead.json", &ahead.to_string());
    let with = |more: &[&str]| judged(&case.verify("ahead.json", more), "validity");
    let is = |exit: i32, code: &str| (exit, code.to_owned());
    assert_eq!(with(&[]), is(3, "NOT_YET_VALID"));
    assert_eq!(with(&["--skew", "0"]), is(3, "NOT_YET_VALID"));
    assert_eq!(with(&["--skew", "300"]), is(0, "OK"));
    for wrong in ["301", "-1", "soon"] {
        let ran = case.verify("ahead.json", &[&format!("--skew={wrong}")]);
        refused(&ran, "--skew");
    }
}
