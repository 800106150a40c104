//! The test obligations of the UBIN register (ubin-api.md §14, ubin-schemes.md §8) and of
//! credentials (vc-api.md A§8): each has a test that carries its number. Of records: the table of the
//! Model Law (etr.md §2), and the profile files, byte for byte (etr-api.md A§5.6).
//!
//! Both count from T1. A test of the first is called `t06_…`; one of the second `vc_t06_…`, or
//! `t06_…` in a file or folder whose name starts with `vc` or `credential`.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::assert_none;
use crate::source::{files, read, sources};

/// The names of the test functions of all files whose path passes.
fn tests_of(passes: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for file in sources().iter().filter(|f| f.path.starts_with("tests/") && passes(&f.path)) {
        let mut is_test = false;
        for line in file.text.lines() {
            let code = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ");
            match code.strip_prefix("fn ") {
                Some(name) if is_test => {
                    names.push(name.split('(').next().unwrap_or_default().to_owned());
                    is_test = false;
                }
                _ => is_test |= code.starts_with("#[test]") || code.starts_with("#[tokio::test"),
            }
        }
    }
    names
}

/// The numbers of obligations that tests of the UBIN register carry: `t06` of `fn t06_a_relocation…`.
/// Tests of the other registers count obligations of their own.
fn carried() -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    let of_others = |path: &str| of_credentials(path) || of_issuers(path) || of_records(path);
    for name in tests_of(|path| !of_others(path)).iter().filter(|name| name.starts_with('t')) {
        let parts: Vec<&str> = name.split('_').take(2).collect();
        if let [number, part] = parts[..] {
            numbers.insert(number.to_owned());
            numbers.insert(format!("{number}_{part}"));
        }
    }
    numbers
}

/// Whether a file is about credentials.
fn of_credentials(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with("vc") || part.starts_with("credential"))
}

/// Whether a file is about nodes that issue and keep credentials.
fn of_issuers(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with("issuing") || part.starts_with("backup"))
}

/// Whether a file is about transferable records.
fn of_records(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with("etr") || part.starts_with("rpc_etr"))
}

#[test]
fn every_obligation_of_credentials_has_a_test_of_its_name() {
    let page = read("docs/spec/vc-api.md");
    let (_, section) = page.split_once("## A§8 Test obligations").expect("the section");
    let mut carried = tests_of(|_| true);
    carried.retain(|name| name.starts_with("vc_t"));
    carried.extend(tests_of(of_credentials).iter().map(|name| format!("vc_{name}")));
    let mut missing = Vec::new();
    for number in 1..=16 {
        assert!(section.contains(&format!("- T{number} ")), "the page has no T{number} any more");
        let prefix = format!("vc_t{number:02}_");
        if !carried.iter().any(|name| name.starts_with(&prefix)) {
            missing.push(format!("T{number}: no test is called {prefix}…"));
        }
    }
    assert_none(missing, "obligations without a test");
}

#[test]
fn every_obligation_of_the_ubin_register_has_a_test_of_its_name() {
    let page = read("docs/spec/ubin-api.md");
    let (_, section) = page.split_once("## 14. Test obligations").expect("the section");
    let annex = read("docs/spec/ubin-schemes.md");
    let (_, scheme_tests) = annex.split_once("## 8. Tests").expect("the section");
    let carried = carried();
    let mut missing = Vec::new();
    for number in 1..=20 {
        assert!(section.contains(&format!("T{number} ")), "the page has no T{number} any more");
        let name = format!("t{number:02}");
        if !carried.contains(&name) {
            missing.push(format!("T{number}: no test is called {name}_…"));
        }
    }
    for number in 1..=8 {
        assert!(scheme_tests.contains(&format!("S{number} ")), "the annex has no S{number}");
        let name = format!("t20_s{number}");
        if !carried.contains(&name) {
            missing.push(format!("S{number}: no test is called {name}_…"));
        }
    }
    assert_none(missing, "obligations without a test");
}

/// The names of all test functions, those within our crates too.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in sources() {
        let mut is_test = false;
        for line in file.text.lines() {
            let code = line.trim_start().trim_start_matches("async ");
            match code.strip_prefix("fn ") {
                Some(name) if is_test => {
                    names.extend(name.split('(').next().map(str::to_owned));
                    is_test = false;
                }
                _ => is_test |= code.starts_with("#[test]") || code.starts_with("#[tokio::test"),
            }
        }
    }
    names
}

#[test]
fn every_row_of_the_model_law_has_tests_that_exist() {
    let spec = read("docs/spec/etr.md");
    let (_, section) = spec.split_once("## 2 MLETR").expect("the section");
    let (section, _) = section.split_once("\n## 3").expect("the next section");
    let articles = |text: &str| -> Vec<String> {
        let rows =
            text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Art."));
        rows.filter_map(|row| row.split('|').nth(1)).map(|cell| cell.trim().to_owned()).collect()
    };
    let page = read("docs/mletr.md");
    assert_eq!(articles(&page), articles(section), "docs/mletr.md against docs/spec/etr.md §2");
    let known = tests();
    let mut missing = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Art.")) {
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            missing.push(format!("no test: {row}"));
        }
        let gone = named.iter().filter(|name| !known.contains(**name));
        missing.extend(gone.map(|name| format!("{name} is no test")));
    }
    assert_none(missing, "rows of the Model Law without tests");
}

/// The value of a top-level member of a TOML text, without quotes.
fn member<'a>(toml: &'a str, name: &str) -> &'a str {
    let lines = toml.lines().take_while(|line| !line.starts_with('['));
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    values.next().unwrap_or_else(|| panic!("no {name} in {toml}")).trim_matches('"')
}

/// A record keeps its profile for life, so a file that changes gets another version: its SHA-256 goes
/// into the list beside those of the versions before, which stay.
#[test]
fn every_profile_file_is_the_one_that_its_version_names() {
    let pinned = read("tests/data/etr/profiles.sha256");
    let pinned: BTreeMap<&str, &str> = pinned
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, name)| (name, digest))
        .collect();
    let mut ids = BTreeSet::new();
    let mut faults = Vec::new();
    let mut texts = BTreeMap::new();
    for path in
        files(".toml").into_iter().filter(|path| path.starts_with("contracts/profiles/etr/"))
    {
        let text = read(&path);
        let (id, version) = (member(&text, "id").to_owned(), member(&text, "version").to_owned());
        assert_eq!(path, format!("contracts/profiles/etr/{id}.toml"));
        let (name, digest) = (format!("{id}@{version}"), hex::encode(Sha256::digest(&text)));
        if pinned.get(name.as_str()) != Some(&digest.as_str()) {
            faults.push(format!("{name} is not what it was, or not listed: {digest}  {name}"));
        }
        ids.insert(id.clone());
        texts.insert(name, text);
    }
    assert_none(faults, "profiles that changed without a new version");

    // those that the specification writes out are copied from there; it names all that ship
    let page = read("docs/spec/etr-profiles.md");
    let (_, section) = page.split_once("## 3 Profiles").expect("the section");
    let (section, _) = section.split_once("\n## 4").expect("the next section");
    let written = section.split("```toml\n").skip(1).map(|rest| {
        let (text, _) = rest.split_once("```").expect("the end of a file");
        (format!("{}@{}", member(text, "id"), member(text, "version")), text)
    });
    let mut named = BTreeSet::new();
    for (name, text) in written {
        let id = name.split('@').next().unwrap_or_default().to_owned();
        if let Some(own) = texts.get(&name) {
            assert_eq!(own, text, "{name} as the specification writes it");
        }
        named.insert(id);
    }
    assert_eq!(named.len(), 3, "{named:?}");
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| id "));
    named.extend(rows.filter_map(|row| row.split('|').nth(1)).map(|id| id.trim().to_owned()));
    assert_eq!(ids, named, "the profiles that ship, against etr-profiles.md §3");
}
