//! Schemes that are younger than the program, in a file with its proof (ubin.md §1.4).

use serde_json::Value;
use titian_tests::world::START_MS;

use super::ubin_import::fixture::Bench;
use super::{Ran, titian, titian_in};

const DAY_MS: u64 = 86_400_000;

#[test]
fn a_proven_newer_scheme_is_used_without_a_node_and_a_changed_one_is_not() {
    let bench = Bench::start();
    let path = |name: &str| bench.folder().join(name).display().to_string();
    let (file, genesis) = (path("schemes.json"), path("genesis.json"));
    std::fs::write(&genesis, bench.genesis()).expect("a file");
    let put = ["ubin", "scheme-put", "SG-UEN", "--set", "/refreshDays=200", "--yes"];
    let put = bench.titian(&[&put[..], &["--as", "SG#k1", "--as", "SG#k2"]].concat());
    assert_eq!(put.code, 0, "{put:?}");
    let write = || {
        let ran = bench.titian(&["ubin", "schemes", "--proof", &file]);
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    write();
    let named = ["--schemes", file.as_str(), "--genesis", genesis.as_str()];
    // no node: titian() names none, and none listens at the default address
    let offline = |args: &[&str]| -> Ran { titian(&[&["ubin"], args, &named[..]].concat()) };
    let version = || -> Value {
        let ran = offline(&["schemes", "--cc", "SG", "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let list = ran.json();
        let found = list.as_array().and_then(|list| list.iter().find(|s| s["code"] == "UEN"));
        found.expect("listed")["version"].clone()
    };
    assert_eq!(version(), 1, "it waits for its time");
    bench.block_at(START_MS.max(titian_tests::served::now_ms()) + 20 * DAY_MS);
    write();
    assert_eq!(version(), 2, "in force by the time of the ledger");
    let checked = offline(&["check", "SG-UEN-199403865N-G7", "--json"]);
    assert_eq!((checked.code, &checked.json()["ubin"]), (0, &"SG-UEN-199403865N-G7".into()));
    assert_eq!(offline(&["check", "SG-UEN-1994O3865N-G7"]).code, 3);
    let made = offline(&["make", "SG", "UEN", "199403865N"]);
    assert_eq!((made.code, made.stdout.trim()), (0, "SG-UEN-199403865N-G7"), "{made:?}");
    let proven = titian(&["verify", &file, "--genesis", &genesis]);
    assert_eq!(proven.code, 0, "{proven:?}");
    assert!(proven.stdout.contains("SG-UEN     version 2"), "{}", proven.stdout);

    // a changed byte, and a proof of something else
    let text = std::fs::read_to_string(&file).expect("there");
    let changed = text.replacen("\"height\":", "\"height\":1", 1);
    assert_ne!(changed, text);
    std::fs::write(&file, changed).expect("a file");
    let ran = offline(&["check", "SG-UEN-199403865N-G7"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let absent = bench.titian(&["ubin", "prove", "SG-UEN-199403865N-G7", "-o", &file]);
    assert_eq!(absent.code, 0, "{absent:?}");
    let ran = offline(&["check", "SG-UEN-199403865N-G7"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("proves no schemes"), "{ran:?}");
    let alone = titian(&["ubin", "check", "SG-UEN-199403865N-G7", "--genesis", &genesis]);
    assert_eq!(alone.code, 2, "a genesis without schemes is for nothing: {alone:?}");
}

#[test]
fn older_schemes_than_those_accepted_before_are_a_step_back() {
    let bench = Bench::start();
    std::fs::write(bench.folder().join("genesis.json"), bench.genesis()).expect("a file");
    for file in ["old.json", "new.json"] {
        for _block in 0..2 {
            bench.block_at(titian_tests::served::now_ms());
        }
        let ran = bench.titian(&["ubin", "schemes", "--proof", file]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let check = |file: &str, more: &[&str]| -> Ran {
        let args = ["ubin", "check", "SG-UEN-199403865N-G7", "--genesis", "genesis.json", "--json"];
        titian_in(bench.folder(), &[], &[&args[..], &["--schemes", file], more].concat())
    };
    for file in ["old.json", "old.json", "new.json"] {
        assert_eq!(check(file, &[]).code, 0, "{file}");
    }
    let back = check("old.json", &[]);
    assert_eq!((back.code, &back.json()["error"]["name"]), (3, &"TRUST_OLDER".into()), "{back:?}");
    let allowed = check("old.json", &["--allow-older"]);
    assert_eq!(allowed.code, 0, "{allowed:?}");
    assert!(allowed.stderr.contains("older than those accepted before"), "{allowed:?}");
    // what was allowed once is no new beginning
    assert_eq!(check("old.json", &[]).code, 3);
    assert_eq!(check("new.json", &[]).code, 0);
    // a file that proves nothing raises nothing
    let new = std::fs::read_to_string(bench.folder().join("new.json")).expect("there");
    let forged = new.replacen("\"height\":", "\"height\":9", 1);
    std::fs::write(bench.folder().join("forged.json"), forged).expect("a file");
    assert_eq!(check("forged.json", &[]).code, 3);
    assert_eq!(check("new.json", &[]).code, 0);
    // named by the environment it is the same, and hinders nobody from fetching a newer one
    let named = |file: &'static str, args: &[&str]| {
        titian_in(
            bench.folder(),
            &[&bench.variables()[..], &[("TITIAN_SCHEMES", file)]].concat(),
            args,
        )
    };
    let check = ["ubin", "check", "SG-UEN-199403865N-G7", "--genesis", "genesis.json"];
    assert_eq!(named("new.json", &check).code, 0);
    assert_eq!(named("old.json", &check).code, 3);
    let fetched = named("old.json", &["ubin", "schemes", "--proof", "newest.json"]);
    assert_eq!(fetched.code, 0, "{fetched:?}");
    assert_eq!(named("newest.json", &check).code, 0);
    let alone = titian_in(bench.folder(), &[], &["ubin", "check", "SG-UEN-1", "--allow-older"]);
    assert_eq!(alone.code, 2, "there are no schemes to be older: {alone:?}");
}
