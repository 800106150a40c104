//! `titian vc mandate` from a trust bundle: whom it lets act, what it says, how it exits.

use serde_json::{Value as Json, json};

use super::Ran;
use super::vc_desk::{Desk, ISSUER};

const UBIN: &str = "SG-UEN-209900001K-SU";
const STRANGER: &str = "MY-BRN-202401000002-NV";

/// The desk with the principal on the register, and `trust.ttb` with what a mandate rests on.
fn desk() -> Desk {
    let mut desk = Desk::new();
    let ubin = desk.world.register_company(ISSUER, "UEN", "209900001K", "TITIAN DEMO LINES");
    assert_eq!(ubin, UBIN);
    desk.write("trust.ttb", &desk.bundle(&[ISSUER, UBIN, STRANGER]));
    desk
}

/// `titian vc mandate mandate.txt` with the bundle; `--act etr.offer` for the principal.
fn ask(desk: &Desk, bundle: &str, more: &[&str]) -> Ran {
    let named = |name: &str| more.contains(&name);
    let mut args =
        vec!["vc", "mandate", "mandate.txt", "--offline", bundle, "--genesis", "genesis.json"];
    if !named("--act") {
        args.extend(["--act", "etr.offer"]);
    }
    if !named("--principal") {
        args.extend(["--principal", UBIN]);
    }
    args.extend(more);
    desk.titian(&args)
}

fn write(desk: &Desk, edit: impl Fn(&mut Json)) {
    let mandate = desk.mandate_with(7, &desk.some_jwk(), edit);
    desk.write("mandate.txt", &desk.shown(&mandate));
}

/// It does not count: the reason, and the code of a check of the verdict.
fn refused(ran: &Ran, exit: i32, reason: &str) {
    assert_eq!(ran.code, exit, "{ran:?}");
    let answer = ran.json();
    assert_eq!((&answer["counts"], &answer["code"]), (&json!(false), &json!(reason)), "{ran:?}");
    let outcome = if exit == 3 { "refused" } else { "indeterminate" };
    assert_eq!(answer["outcome"], outcome);
}

#[test]
fn a_mandate_counts_for_its_acts_and_shows_no_claim_of_the_person() {
    let desk = desk();
    write(&desk, |_| ());
    let asked = ["--nonce", "n-7f3a91ab", "--audience", "did:ubin:SG:PEB"];
    let ran = ask(&desk, "trust.ttb", &asked);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("COUNTS   etr.offer for SG-UEN-209900001K-SU\nVERIFIED"));
    let told = ask(&desk, "trust.ttb", &[&asked[..], &["--json"]].concat());
    assert_eq!(told.code, 0, "{told:?}");
    let answer = told.json();
    for (name, expected) in [
        ("counts", json!(true)),
        ("outcome", json!("counts")),
        ("code", Json::Null),
        ("jointly", Json::Null),
        ("limitOpen", json!(false)),
    ] {
        assert_eq!(answer[name], expected, "{name}");
    }
    assert_eq!(answer["verdict"]["verified"], true);
    assert_eq!(answer["verdict"]["checks"].as_array().map(Vec::len), Some(12));
    for output in [&ran.stdout, &ran.stderr, &told.stdout, &told.stderr] {
        assert!(!output.contains("Ana") && !output.contains("director"), "{output}");
    }
}

#[test]
fn the_limit_and_who_must_act_jointly_are_told() {
    let desk = desk();
    write(&desk, |claims| {
        claims["limit"] = json!({"currency": "USD", "amount": "250000"});
        claims["jointly"] = json!({"k": 2, "group": "board"});
    });
    let open = ask(&desk, "trust.ttb", &[]);
    assert_eq!(open.code, 0, "{open:?}");
    assert!(open.stdout.contains("not alone: 2 of \"board\" act together"), "{open:?}");
    assert!(open.stdout.contains("up to a limit"), "{open:?}");
    let within = ask(&desk, "trust.ttb", &["--amount", "250000.00", "--currency", "USD", "--json"]);
    assert_eq!((within.code, &within.json()["limitOpen"]), (0, &json!(false)), "{within:?}");
    assert_eq!(within.json()["jointly"], json!({"k": 2, "group": "board"}));
    for (amount, currency) in [("250000.01", "USD"), ("1", "SGD")] {
        let more = ["--amount", amount, "--currency", currency, "--json"];
        refused(&ask(&desk, "trust.ttb", &more), 3, "BEYOND_LIMIT");
    }
}

#[test]
fn another_act_business_type_or_holder_does_not_count() {
    let mut desk = desk();
    write(&desk, |_| ());
    let more = ["--act", "etr.surrender", "--json"];
    refused(&ask(&desk, "trust.ttb", &more), 3, "NO_POWER");
    let more = ["--principal", STRANGER, "--json"];
    refused(&ask(&desk, "trust.ttb", &more), 3, "OTHER_PRINCIPAL");
    refused(&ask(&desk, "trust.ttb", &["--nonce", "n-2", "--json"]), 3, "NOT_VERIFIED");
    // a business that is proven to be on no register
    write(&desk, |claims| claims["principal"] = json!(STRANGER));
    refused(&ask(&desk, "trust.ttb", &more), 3, "MAY_NOT_ACT");
    desk.write("mandate.txt", &desk.embedded(7));
    refused(&ask(&desk, "trust.ttb", &["--json"]), 3, "OTHER_TYPE");
    // a copy that nobody shows
    desk.write("mandate.txt", &desk.mandate(7, &desk.some_jwk()));
    let copy = ask(&desk, "trust.ttb", &[]);
    assert_eq!(copy.code, 3, "{copy:?}");
    assert!(copy.stdout.starts_with("DOES NOT COUNT   etr.offer"), "{copy:?}");
    assert!(copy.stdout.contains("KEY_BINDING_MISSING"), "{copy:?}");
    // revoked
    desk.set("SG:ACRA/status/3", 0, 7, 1);
    desk.write("later.ttb", &desk.bundle(&[ISSUER, UBIN]));
    write(&desk, |_| ());
    refused(&ask(&desk, "later.ttb", &["--json"]), 3, "NOT_VERIFIED");
}

#[test]
fn what_the_bundle_does_not_tell_is_indeterminate() {
    let desk = desk();
    write(&desk, |_| ());
    desk.write("issuer.ttb", &desk.bundle(&[ISSUER]));
    refused(&ask(&desk, "issuer.ttb", &["--json"]), 5, "PRINCIPAL_UNKNOWN");
    desk.write("other.ttb", &desk.bundle(&["MY:SSM"]));
    let other = ask(&desk, "other.ttb", &["--json"]);
    refused(&other, 5, "NOT_VERIFIED");
    assert_eq!(other.json()["verdict"]["outcome"], "indeterminate");
    let stale = ask(&desk, "trust.ttb", &["--max-age", "1", "--json"]);
    refused(&stale, 5, "NOT_VERIFIED");
}

#[test]
fn a_question_that_is_none_exits_2() {
    let desk = desk();
    write(&desk, |_| ());
    for more in [
        &["--amount", "1"][..],
        &["--currency", "USD"],
        &["--amount", "1e3", "--currency", "USD"],
        &["--amount", "1", "--currency", "usd"],
        &["--principal", "sg-uen-209900001k-su"],
        &["--principal", "SG:ACRA"],
    ] {
        assert_eq!(ask(&desk, "trust.ttb", more).code, 2, "{more:?}");
    }
    desk.write("mandate.txt", &desk.bundle(&[ISSUER]));
    assert_eq!(ask(&desk, "trust.ttb", &[]).code, 2);
}
