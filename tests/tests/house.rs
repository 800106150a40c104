//! The order of the house: what may depend on what, what the rules may not touch, how long a file
//! may be, and that the documents say what the code says. Reads sources only; runs no node.
//!
//! Where a rule has an exception, the exception and its reason stand here, and it must still be
//! needed: an exception nobody uses fails as well.

#[path = "house/languages.rs"]
mod languages;
#[path = "house/manifest.rs"]
mod manifest;
#[path = "house/obligations.rs"]
mod obligations;
#[path = "house/pages.rs"]
mod pages;
#[path = "house/source.rs"]
mod source;

use std::collections::BTreeSet;

use manifest::{Lock, Member, members};
use source::{Source, sources};

/// Longest file outside `tests/`, lines.
const LINES_MAX: usize = 649;

/// What each crate of ours may depend on, of ours. `tests` may see everything but the command
/// line, which is a program only.
const EDGES: &[(&str, &[&str])] = &[
    ("titian-contracts", &[]),
    ("titian-credential", &["titian-contracts"]),
    ("titian-envelope", &["titian-contracts"]),
    ("titian-genesis", &["titian-contracts"]),
    ("titian-api", &["titian-contracts"]),
    (
        "titian-node",
        &[
            "titian-contracts",
            "titian-credential",
            "titian-envelope",
            "titian-genesis",
            "titian-api",
        ],
    ),
    (
        "titian",
        &[
            "titian-contracts",
            "titian-credential",
            "titian-envelope",
            "titian-genesis",
            "titian-api",
        ],
    ),
    (
        "titian-tests",
        &[
            "titian-contracts",
            "titian-credential",
            "titian-envelope",
            "titian-genesis",
            "titian-api",
            "titian-node",
        ],
    ),
];

/// What a crate must not reach through any chain of dependencies.
const OUT_OF_REACH: &[(&[&str], &[&str])] = &[
    (
        &[
            "titian-contracts",
            "titian-credential",
            "titian-envelope",
            "titian-genesis",
            "titian-api",
        ],
        &["tokio", "mio", "rocksdb", "librocksdb-sys", "libp2p", "rand", "axum", "jsonrpsee"],
    ),
    (&["titian"], &["rocksdb", "librocksdb-sys", "libp2p", "axum", "arc-malachitebft-core-types"]),
];

/// Large foreign crates, each with the one place that names it, so that it can be replaced.
const PLACES: &[(&str, &[&str])] = &[
    ("arc_malachitebft", &["node/src/consensus/", "tests/"]),
    ("rocksdb", &["node/src/store/", "tests/"]),
    ("tantivy", &["node/src/search/engine/"]),
    ("axum", &["node/src/rpc/", "tests/"]),
    ("tower_http", &["node/src/rpc/"]),
    ("jsonrpsee", &["node/src/rpc/", "cli/src/", "tests/"]),
    ("jsonwebtoken", &["node/src/rpc/auth.rs", "tests/"]),
    ("governor", &["node/src/rpc/limit.rs"]),
    ("clap", &["node/src/command/", "cli/src/", "tests/bench/"]),
    ("age", &["cli/src/wallet.rs"]),
];

/// What the rules may not name: two nodes must never disagree, and a light client must be able to
/// build them.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::time",
    "std::env",
    "std::process",
    "std::io",
    "SystemTime",
    "Instant",
    "HashMap",
    "HashSet",
    "f32",
    "f64",
    "tokio",
    "rocksdb",
    "libp2p",
    "rand",
    "println",
    "eprintln",
    "unsafe",
];

/// Where a pure crate may name something of [`IMPURE`] all the same.
const IMPURE_ALLOWED: &[(&str, &str, &str)] = &[
    (
        "contracts/credential/src/json.rs",
        "f64",
        "W3C documents hold JSON numbers, and RFC 8785 prints them as ECMAScript does",
    ),
    (
        "node/api/src/vc_issue.rs",
        "f64",
        "bodies of credentials hold JSON numbers: they are passed on as they were sent",
    ),
    (
        "contracts/credential/src/pack.rs",
        "std::io",
        "gzip of status lists reads and writes memory through these traits",
    ),
    (
        "genesis/src/address.rs",
        "std::net",
        "the types that read the text of an IP address; they open nothing",
    ),
];

/// Where the command line may wait: for a process or another machine, between two looks at it.
const WAITS_ALLOWED: &[(&str, &str)] = &[
    ("cli/src/act.rs", "a busy node says when to try again"),
    ("cli/src/command/devnet/mod.rs", "nodes of a devnet need a while to come up"),
    ("cli/src/command/devnet/process.rs", "a process needs a while to end"),
    ("cli/src/command/devnet/demo/mod.rs", "the demonstration waits for a node it restarted"),
];

fn named<'a>(all: &'a [Member], name: &str) -> &'a Member {
    all.iter().find(|member| member.name == name).unwrap_or_else(|| panic!("no crate {name}"))
}

fn assert_none(faults: Vec<String>, rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn our_crates_depend_in_one_direction_only() {
    let all = members();
    let ruled: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    let known: BTreeSet<&str> = all.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(known, ruled, "a crate has no rule, or a rule has no crate");
    let mut faults = Vec::new();
    for (name, allowed) in EDGES {
        for dependency in &named(&all, name).dependencies {
            if known.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                faults.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert_none(faults, "forbidden dependencies");
}

#[test]
fn the_pure_crates_reach_no_runtime_no_database_and_no_network() {
    let lock = Lock::read();
    let mut faults = Vec::new();
    let all = members();
    for (crates, forbidden) in OUT_OF_REACH {
        for name in *crates {
            let mut reached = lock.reached_from(name);
            assert!(reached.len() > 5, "{name} is not in the lock file");
            reached.extend(named(&all, name).dependencies.iter().cloned());
            for bad in forbidden.iter().filter(|bad| reached.contains(**bad)) {
                faults.push(format!("{name} reaches {bad}"));
            }
        }
    }
    assert_none(faults, "forbidden by way of others");
}

#[test]
fn versions_stand_in_one_place_and_testing_changes_no_feature() {
    let mut faults = Vec::new();
    for member in members() {
        for (table, dependency, inherited) in &member.entries {
            if table != "dependencies" {
                // it would switch on features only when testing, and build much twice
                faults.push(format!("{}: {dependency} in [{table}]", member.name));
            }
            if !inherited {
                faults.push(format!("{}: {dependency} has its own version", member.name));
            }
        }
    }
    assert_none(faults, "dependencies are inherited from the workspace, as normal ones");
}

#[test]
fn the_rules_know_no_clock_no_files_no_threads_no_floats_and_no_hash_order() {
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    let pure = [
        "contracts/src/",
        "contracts/credential/src/",
        "contracts/envelope/src/",
        "genesis/src/",
        "node/api/src/",
    ];
    let all = sources();
    let pure: Vec<&Source> =
        all.iter().filter(|file| pure.iter().any(|place| file.path.starts_with(place))).collect();
    assert!(pure.len() > 50, "the sources of the pure crates are elsewhere");
    for file in pure {
        for word in IMPURE {
            let allowed = IMPURE_ALLOWED.iter().any(|(path, w, _)| *path == file.path && w == word);
            for line in file.lines_naming(word) {
                if allowed {
                    used.insert((file.path.as_str(), *word));
                } else {
                    faults.push(format!("{}:{line}: {word}", file.path));
                }
            }
        }
    }
    assert_none(faults, "impure");
    for (path, word, why) in IMPURE_ALLOWED {
        assert!(used.contains(&(*path, *word)), "not needed any more: {word} in {path}, {why}");
    }
}

#[test]
fn the_rules_never_unwrap() {
    let mut faults = Vec::new();
    for file in sources().iter().filter(|file| !file.path.starts_with("tests/")) {
        for line in file.lines_with(".unwrap()") {
            faults.push(format!("{}:{line}", file.path));
        }
    }
    assert_none(faults, "say with `expect` why it cannot fail, or return an error");
}

#[test]
fn each_large_foreign_crate_is_named_in_one_place() {
    let mut faults = Vec::new();
    let all = sources();
    for (word, places) in PLACES {
        let mut found = false;
        for file in &all {
            let at = file.lines_starting(word);
            found |= !at.is_empty();
            if !places.iter().any(|place| file.path.starts_with(place)) {
                faults.extend(at.iter().map(|line| format!("{}:{line}: {word}", file.path)));
            }
        }
        assert!(found, "nobody names {word} any more");
    }
    assert_none(faults, "named outside its place");
}

#[test]
fn node_and_command_line_never_see_each_other() {
    let mut faults = Vec::new();
    for file in sources() {
        let (own, other) = match file.path.split('/').next() {
            Some("cli") => ("cli", "titian_node"),
            Some("node") => ("node", "titian"),
            _ => continue,
        };
        for line in file.lines_naming(other) {
            faults.push(format!("{}:{line}: {own} names {other}", file.path));
        }
    }
    assert_none(faults, "they share the crate of the interface and nothing else");
}

#[test]
fn every_file_is_short_enough_to_be_read() {
    let long = sources()
        .iter()
        .filter(|file| !file.path.starts_with("tests/"))
        .map(|file| (file.text.lines().count(), &file.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(long, "cut these files");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = sources()
        .iter()
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| file.path.clone())
        .collect();
    assert_none(silent, "a module starts with its purpose (`//!`)");
}

#[test]
fn nothing_is_left_undone_skipped_or_waited_for() {
    let mut faults = Vec::new();
    let mut waits = BTreeSet::new();
    for file in sources() {
        for word in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
            faults.extend(
                file.lines_with(word).iter().map(|line| format!("{}:{line}: {word}", file.path)),
            );
        }
        let at = file.lines_with("thread::sleep");
        if WAITS_ALLOWED.iter().any(|(path, _)| *path == file.path) {
            waits.extend(at.first().map(|_| file.path.clone()));
        } else {
            faults.extend(at.iter().map(|line| format!("{}:{line}: thread::sleep", file.path)));
        }
    }
    assert_none(faults, "finish it, run it, or wait for the event itself");
    for (path, why) in WAITS_ALLOWED {
        assert!(waits.contains(*path), "does not wait any more: {path}, {why}");
    }
}
