//! A consent to a move whose time passes, from the command line (ubin-api.md §14 T6).
//!
//! The shortest consent lasts a day. So the commands talk to a served ledger whose block time the
//! test moves; time is that of blocks, never of this machine's clock.

use serde_json::{Value, json};
use titian_tests::world::stated_body;

use super::Ran;
use super::ubin_import::fixture::Bench;

pub(crate) const BOTH_SG: [&str; 4] = ["--as", "SG:ACRA#k1", "--as", "SG:ACRA#k2"];
pub(crate) const BOTH_MY: [&str; 4] = ["--as", "MY:SSM#k1", "--as", "MY:SSM#k2"];

/// Runs an act or a read; `--json` and `--yes` are added.
pub(crate) fn ubin(bench: &Bench, args: &[&str], signers: &[&str]) -> Ran {
    let yes: &[&str] = if signers.is_empty() { &[] } else { &["--yes"] };
    bench.titian(&[&["ubin"], args, signers, yes, &["--json"]].concat())
}

pub(crate) fn applied(bench: &Bench, args: &[&str], signers: &[&str]) -> Value {
    let ran = ubin(bench, args, signers);
    assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
    ran.json()["events"][0]["data"].clone()
}

pub(crate) fn refused(bench: &Bench, args: &[&str], signers: &[&str], name: &str) {
    let ran = ubin(bench, args, signers);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &name.into()), "{args:?}: {ran:?}");
}

/// Writes the body of a company and gives its path and UBIN.
pub(crate) fn body(
    bench: &Bench,
    name: &str,
    (cc, scheme, number): (&str, &str, &str),
) -> (String, String) {
    let made = ubin(bench, &["make", cc, scheme, number], &[]).json();
    let ubin = made["ubin"].as_str().expect("a UBIN").to_owned();
    let path = bench.folder().join(format!("{number}.json"));
    std::fs::write(&path, stated_body(&ubin, name).to_string()).expect("a file");
    (path.display().to_string(), ubin)
}

#[test]
fn t06_a_consent_ends_at_its_block_time_and_serves_once() {
    let bench = Bench::start();
    let (file, old) = body(&bench, "TITIAN DEMO PTE LTD", ("SG", "UEN", "199403865N"));
    applied(&bench, &["register", &file], &BOTH_SG[..2]);
    let (incoming, new) = body(&bench, "TITIAN DEMO SDN BHD", ("MY", "BRN", "202401000002"));
    let (again, other) = body(&bench, "TITIAN DEMO SDN BHD", ("MY", "BRN", "202501000007"));
    let consents = || ubin(&bench, &["consents", "--ubin", &old], &[]).json()["items"].clone();
    let status = |ubin_: &str| ubin(&bench, &["get", ubin_], &[]).json()["status"].clone();

    // a day long: it holds to the last millisecond, and the next block is past it
    let out = ["consent-out", old.as_str(), "--to", "MY", "--expires"];
    let data = applied(&bench, &[&out[..], &["1d"]].concat(), &BOTH_SG);
    let first = data["id"].as_str().expect("an id").to_owned();
    let until = consents()[0]["expiresMs"].as_u64().expect("a time");
    bench.block_at(until - 1);
    assert_eq!(consents()[0]["state"], "OPEN", "{}", consents());
    let enter = |file: &str, consent: &str| -> Vec<String> {
        ["continue-in", file, "--consent", consent].map(str::to_owned).to_vec()
    };
    let late = enter(&incoming, &first);
    let late: Vec<&str> = late.iter().map(String::as_str).collect();
    bench.block_at(until);
    assert_eq!(consents()[0]["state"], "EXPIRED", "{}", consents());
    refused(&bench, &late, &BOTH_MY, "CONSENT_EXPIRED");
    assert_eq!((status(&old), status(&new)), (json!("ACTIVE"), Value::Null), "nothing moved");
    let table = bench.titian(&["ubin", "consents", "--ubin", &old]);
    assert!(table.stdout.contains("EXPIRED"), "{table:?}");

    // it leaves no trace on the record: another consent may follow, and serves once
    let data = applied(&bench, &[&out[..], &["90d"]].concat(), &BOTH_SG);
    let second = data["id"].as_str().expect("an id").to_owned();
    let args = enter(&incoming, &second);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    applied(&bench, &args, &BOTH_MY);
    assert_eq!((status(&old), status(&new)), (json!("RELOCATED"), json!("ACTIVE")));
    for consent in [&first, &second] {
        let name = if *consent == second { "CONSENT_USED" } else { "CONSENT_EXPIRED" };
        let args = enter(&again, consent);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refused(&bench, &args, &BOTH_MY, name);
    }
    assert_eq!(status(&other), Value::Null);
    let mut states: Vec<String> = consents()
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["state"].as_str().expect("a state").to_owned())
        .collect();
    states.sort();
    assert_eq!(states, ["EXPIRED", "USED"]);
}
