//! The documents against the code: links, names of files, dependencies, errors, methods,
//! configuration keys, figures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::assert_none;
use crate::manifest::foreign;
use crate::source::{files, read, root};

/// The rows of the tables of a page, cells trimmed, without heads and rules.
fn rows(page: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut in_body = false;
    for line in page.lines() {
        let Some(inner) = line.strip_prefix('|').and_then(|line| line.trim_end().strip_suffix('|'))
        else {
            in_body = false;
            continue;
        };
        if inner.chars().all(|c| matches!(c, '-' | '|' | ':' | ' ')) {
            in_body = true;
        } else if in_body {
            rows.push(inner.split(" | ").map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

/// The text between the first `open` and the next `close` after it.
fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let (_, after) = text.split_once(open).unwrap_or_else(|| panic!("no {open}"));
    after.split_once(close).unwrap_or_else(|| panic!("no {close} after {open}")).0
}

/// The texts in double quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// The lines of a page outside fences.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The spans in backticks.
fn spans(page: &str) -> Vec<&str> {
    prose(page).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn links_between_documents_lead_to_files() {
    let mut faults = Vec::new();
    for page in files(".md") {
        let text = read(&page);
        let outside: Vec<&str> =
            prose(&text).flat_map(|line| line.split('`').step_by(2).chain(["\n"])).collect();
        for part in outside.concat().split("](").skip(1) {
            let target = part.split([')', ' ']).next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let folder = Path::new(&page).parent().unwrap_or(Path::new(""));
            if !root().join(folder).join(target).exists() {
                faults.push(format!("{page}: {target}"));
            }
        }
    }
    assert_none(faults, "dead links");
}

#[test]
fn every_name_in_the_code_map_exists() {
    let page = read("ARCHITECTURE.md");
    let map = between(&page, "## Code map", "## Life of an op");
    let mut faults = Vec::new();
    let mut names = 0;
    let mut home = "";
    for line in between(map, "```\n", "```").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let paths: Vec<&str> = words
            .into_iter()
            .take_while(|word| word.ends_with('/') || word.ends_with(".rs"))
            .collect();
        let [first, others @ ..] = paths.as_slice() else { panic!("no name: {line}") };
        if !line.starts_with(' ') {
            home = first;
        }
        let inner = if line.starts_with(' ') { home } else { "" };
        let first = Path::new(inner).join(first);
        // names after the first lie beside it
        let beside = first.parent().unwrap_or(Path::new("")).to_owned();
        for path in std::iter::once(first).chain(others.iter().map(|name| beside.join(name))) {
            names += 1;
            if !root().join(&path).exists() {
                faults.push(path.display().to_string());
            }
        }
    }
    assert!(names > 30, "the map names {names} files only");
    assert_none(faults, "the map names what is not there");
}

#[test]
fn every_file_that_a_page_names_exists() {
    let folders = ["contracts/", "genesis/", "node/", "cli/", "tests/", "docs/", ".ci/"];
    let mut faults = Vec::new();
    for page in files(".md") {
        // the specification speaks of the whole plan, test data of where they came from
        if page.starts_with("docs/spec/") || page.starts_with("tests/data/") {
            continue;
        }
        let text = read(&page);
        for span in spans(&text) {
            let path = span.trim_end_matches('/');
            let is_path = folders.iter().any(|folder| span.starts_with(folder))
                && !path.contains(['<', '*', '{', ' ', '…']);
            if is_path && !root().join(path).exists() {
                faults.push(format!("{page}: {path}"));
            }
        }
    }
    assert_none(faults, "pages name what is not there");
}

#[test]
fn every_source_file_of_a_crate_lies_under_a_name_of_the_code_map() {
    // a new folder or a new file at the top of a crate is a decision that readers should find
    let page = read("ARCHITECTURE.md");
    let map = between(&page, "## Code map", "## Life of an op");
    let mut missing = BTreeSet::new();
    for source in files(".rs") {
        let parts: Vec<&str> = source.split('/').collect();
        let [krate, "src", top, ..] = parts.as_slice() else { continue };
        if !["contracts", "node"].contains(krate) || ["lib.rs", "main.rs"].contains(top) {
            continue;
        }
        let name = if parts.len() > 3 { format!("{top}/") } else { (*top).to_owned() };
        let named = map.split_whitespace().any(|word| {
            let path: PathBuf = Path::new(word).components().collect();
            let last = path.components().next_back();
            last == Some(Component::Normal(top.as_ref()))
        });
        if !named {
            missing.insert(format!("{krate}/src/{name}"));
        }
    }
    assert_none(missing.into_iter().collect(), "not in the code map");
}

#[test]
fn every_foreign_crate_has_its_reason_in_the_decisions() {
    let page = read("docs/decisions.md");
    let table = between(&page, "| Crate |", "\n\n");
    let mut reasoned = BTreeSet::new();
    for row in rows(&format!("| Crate |{table}")) {
        assert!(row.len() == 3 && row[1].len() > 3, "a row without a purpose: {row:?}");
        // `name version, name`: the version is for people
        let names = row[0].split(", ").filter_map(|name| name.split(' ').next());
        reasoned.extend(names.map(str::to_owned));
    }
    let foreign = foreign();
    let covers = |line: &str, name: &str| {
        line.strip_suffix('*').map_or(line == name, |start| name.starts_with(start))
    };
    let silent: Vec<String> = foreign
        .iter()
        .filter(|name| !reasoned.iter().any(|line| covers(line, name)))
        .cloned()
        .collect();
    assert_none(silent, "add a line to docs/decisions.md: what for, why this one, what else");
    let gone = reasoned
        .into_iter()
        .filter(|line| !foreign.iter().any(|name| covers(line, name)))
        .collect();
    assert_none(gone, "docs/decisions.md speaks of crates that nobody uses");
}

/// Variant, number, name and meaning of every error, from the one table.
fn errors_of_the_code() -> Vec<(String, u16, String, String)> {
    let text = read("contracts/src/error.rs");
    let table = text.rsplit_once("\ncodes! {\n").expect("the table of errors").1;
    let mut errors = Vec::new();
    for line in table.lines().take_while(|line| *line != "}") {
        let (head, _) = line.split_once(',').unwrap_or_else(|| panic!("{line}"));
        let (variant, number) = head.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
        let number = number.parse().unwrap_or_else(|_| panic!("{line}"));
        let [name, meaning] = quoted(line)[..] else { panic!("{line}") };
        errors.push((variant.trim().to_owned(), number, name.to_owned(), meaning.to_owned()));
    }
    assert!(errors.len() > 150, "the table of errors has another form");
    errors
}

/// What `titian explain` says to do about an error, by variant.
fn remedies_of_the_code() -> BTreeMap<String, String> {
    let text = read("cli/src/command/explain.rs");
    let table = between(&text, "const fn remedy(", "_ => return None");
    let mut remedies = BTreeMap::new();
    let mut variants: Vec<&str> = Vec::new();
    for (at, part) in table.split('"').enumerate() {
        if at % 2 == 0 {
            let names = part.split("Code::").skip(1);
            variants = names
                .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next())
                .collect();
        } else {
            for variant in &variants {
                remedies.insert((*variant).to_owned(), part.to_owned());
            }
        }
    }
    assert!(remedies.len() > 10, "the remedies have another form");
    remedies
}

#[test]
fn the_page_of_errors_is_the_table_of_the_code() {
    let page = rows(&read("docs/errors.md"));
    let remedies = remedies_of_the_code();
    let code = errors_of_the_code();
    let mut faults = Vec::new();
    for (variant, number, name, meaning) in &code {
        let row = page.iter().find(|row| row[0] == number.to_string());
        let Some([_, shown, explained, hint]) = row.map(Vec::as_slice) else {
            faults.push(format!("{number} {name}: no row, or not of four cells"));
            continue;
        };
        if *shown != format!("`{name}`") || explained != meaning {
            faults.push(format!("{number}: `{name}` | {meaning} is expected"));
        }
        match remedies.get(variant) {
            Some(remedy) if remedy != hint => faults.push(format!("{name}: hint is {remedy:?}")),
            None if hint.len() < 10 => faults.push(format!("{name}: no hint")),
            _ => {}
        }
    }
    assert_none(faults, "docs/errors.md differs from contracts/src/error.rs");
    let numbers: Vec<u16> = page.iter().filter_map(|row| row[0].parse().ok()).collect();
    let expected: Vec<u16> = code.iter().map(|(_, number, ..)| *number).collect();
    assert_eq!(numbers, expected, "one row per error, ascending");
}

#[test]
fn the_table_of_errors_names_and_numbers_each_error_once() {
    let code = errors_of_the_code();
    let names: BTreeSet<&str> = code.iter().map(|(_, _, name, _)| name.as_str()).collect();
    assert_eq!(names.len(), code.len(), "a name stands twice");
    assert!(code.windows(2).all(|pair| pair[0].1 < pair[1].1), "numbers ascend");
}

#[test]
fn the_integrators_guide_lists_every_method_and_no_other() {
    let text = read("node/api/src/method.rs");
    let table = text.rsplit_once("\nmethods! {\n").expect("the table of methods").1;
    let mut code = BTreeMap::new();
    for line in table.lines().filter(|line| line.contains(" => ")) {
        let [name] = quoted(line)[..] else { panic!("{line}") };
        let scopes = [
            (", Admin,", "operator"),
            (", VcIssue,", "`vc:issue`"),
            (", VcStatus,", "`vc:status`"),
            (", VcUse,", "`vc:use`"),
            (", VcCustody,", "`vc:custody`"),
        ];
        let scope = scopes.iter().find(|(mark, _)| line.contains(mark));
        let scope = scope.map_or("anyone", |(_, shown)| shown);
        code.insert(name.to_owned(), scope.to_owned());
    }
    assert!(code.len() > 30, "the table of methods has another form");
    let page = read("docs/integrators.md");
    let table = between(&page, "## Methods", "\n## ");
    let shown: BTreeMap<String, String> = rows(table)
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].clone()))
        .collect();
    assert_eq!(shown, code, "docs/integrators.md against node/api/src/method.rs");
}

#[test]
fn the_operators_guide_lists_every_configuration_key_with_its_default() {
    let text = read("node/src/config.rs");
    let table = between(&text, "\nsections! {\n", "\n}\n");
    let mut code = BTreeSet::new();
    let mut section = "";
    for line in table.lines() {
        if let Some((name, _)) = line.strip_suffix('{').and_then(|line| line.split_once(':')) {
            section = name.trim();
        } else if let Some((key, _)) = line.split_once(": ").filter(|_| line.contains(" = ")) {
            code.insert(format!("{section}.{}", key.trim()));
        }
    }
    assert!(code.len() > 20, "the table of keys has another form");
    let page = read("docs/operators.md");
    let table = between(&page, "## Configuration", "\n## ");
    let shown: BTreeSet<String> = rows(table)
        .into_iter()
        .map(|row| {
            assert!(row.len() == 3 && !row[1].is_empty() && row[2].len() > 5, "{row:?}");
            row[0].trim_matches('`').to_owned()
        })
        .collect();
    assert_eq!(shown, code, "docs/operators.md against node/src/config.rs");
}

#[test]
fn the_operators_guide_lists_every_figure_of_the_node() {
    let mut code = BTreeSet::new();
    let text = read("node/src/telemetry.rs");
    let mut module = "";
    for line in between(&text, "\nfigures! {\n", "\n}\n").lines() {
        if line.ends_with('{') {
            module = quoted(line)[0];
        } else if let [what, _] = quoted(line)[..] {
            let total = if line.contains(": Counter,") { "_total" } else { "" };
            code.insert(format!("titian_{module}_{what}{total}"));
        }
    }
    let text = read("node/src/rpc/http.rs");
    let table = between(&text, "let values = [", "];");
    for [name, _, kind] in quoted(table).chunks(3).filter_map(|row| <[&str; 3]>::try_from(row).ok())
    {
        let total = if kind == "counter" { "_total" } else { "" };
        code.insert(format!("titian_rpc_{name}{total}"));
    }
    assert!(code.len() > 15, "the tables of figures have another form");
    let page = read("docs/operators.md");
    let shown: BTreeSet<String> = spans(&page)
        .into_iter()
        .filter(|span| span.starts_with("titian_") && span.matches('_').count() > 1)
        .map(str::to_owned)
        .collect();
    assert_eq!(shown, code, "docs/operators.md against the figures of the node");
}
