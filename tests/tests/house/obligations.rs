//! The test obligations of the UBIN register (ubin-api.md §14, ubin-schemes.md §8), each with a test
//! that carries its number.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::source::{read, sources};

/// The numbers of obligations that test functions carry: `t06` of `fn t06_a_relocation…`.
fn carried() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in sources().iter().filter(|file| file.path.starts_with("tests/")) {
        let mut is_test = false;
        for line in file.text.lines() {
            let code = line.trim_start().trim_start_matches("async ");
            let Some(name) = code.strip_prefix("fn ").filter(|name| name.starts_with('t')) else {
                is_test = code.starts_with("#[test]") || code.starts_with("#[tokio::test");
                continue;
            };
            if !is_test {
                continue;
            }
            let parts: Vec<&str> = name.split(['_', '(']).take(2).collect();
            if let [number, part] = parts[..] {
                names.insert(number.to_owned());
                names.insert(format!("{number}_{part}"));
            }
        }
    }
    names
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
