//! A proof as a QR code, from the command line and back (ubin-api.md §10): drawn, read with another
//! library, verified from the genesis file alone, without a name in it.

use std::fs;

use super::ubin_import::fixture::Bench;
use serde_json::Value;
use titian_tests::codes::read_png;
use titian_tests::world::company_body;

const NAME: &str = "VERY PECULIAR TRADING PTE. LTD.";

/// A served register with one company; its UBIN.
fn register(bench: &Bench) -> String {
    let body = company_body("SG", "UEN", "199403865N", NAME);
    fs::write(bench.folder().join("body.json"), body.to_jcs()).expect("a file");
    fs::write(bench.folder().join("genesis.json"), bench.genesis()).expect("a file");
    let act = ["ubin", "register", "body.json", "--as", "SG:ACRA#k1", "--yes", "--json"];
    let ran = bench.titian(&act);
    assert_eq!(ran.code, 0, "{ran:?}");
    body.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned()
}

#[test]
fn t17_a_proof_is_drawn_as_a_code_scanned_and_verified_from_the_genesis_file_alone() {
    let bench = Bench::start();
    let ubin = register(&bench);
    let prove = ["ubin", "prove", &ubin, "--qr", "code.png", "-o", "proof.json", "--json"];
    let ran = bench.titian(&prove);
    assert_eq!(ran.code, 0, "{ran:?}");
    let code = ran.json()["qr"].as_str().expect("its text").to_owned();
    assert_eq!(read_png(&bench.folder().join("code.png")), code, "what a scanner reads");
    assert!(code.starts_with("TTB1:"), "{code}");

    // the text as an argument, in a file and on a line of its own; no node is asked
    let verify = ["verify", &code, "--genesis", "genesis.json", "--json"];
    let offline = |args: &[&str]| {
        let nobody = [("TITIAN_NODE", "http://127.0.0.1:9")];
        super::titian_in(bench.folder(), &nobody, args)
    };
    let ran = offline(&verify);
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = ran.json();
    assert_eq!((&shown["kind"], &shown["claim"]["ubin"]), (&"ubin-presence".into(), &ubin.into()));
    assert_eq!(shown["claim"]["body"], Value::Null);
    assert!(!ran.stdout.contains("PECULIAR"), "{ran:?}");
    fs::write(bench.folder().join("scanned.txt"), format!("{code}\r\n")).expect("a file");
    let from_file = offline(&["verify", "scanned.txt", "--genesis", "genesis.json", "--json"]);
    assert_eq!(from_file.json()["claim"], shown["claim"]);
    // the file that was written beside it says the same, with the body
    let whole = offline(&["verify", "proof.json", "--genesis", "genesis.json", "--json"]).json();
    assert_eq!(whole["claim"]["body"]["legalName"]["value"], NAME);
    assert_eq!(whole["claim"]["bodyHash"], shown["claim"]["bodyHash"]);
    assert_eq!(whole["height"], shown["height"]);

    // a changed character, and a height below the trusted one
    let wrong = format!("{}{}", &code[..900], code[900..].replacen('A', "B", 1));
    let ran = offline(&["verify", &wrong, "--genesis", "genesis.json", "--json"]);
    assert_eq!((ran.code, &ran.json()["error"]["data"]["proven"]), (3, &false.into()), "{ran:?}");
    let ran = offline(&[&verify[..], &["--trusted-height", "1000"]].concat());
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn t17_absence_and_counters_have_codes_and_a_history_says_that_it_has_none() {
    let bench = Bench::start();
    let ubin = register(&bench);
    let absent = company_body("SG", "UEN", "201912345K", "X");
    let absent = absent.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned();
    let svg = bench.titian(&["ubin", "prove", &absent, "--qr", "code.svg", "--json"]);
    assert_eq!(svg.code, 0, "{svg:?}");
    let image = fs::read_to_string(bench.folder().join("code.svg")).expect("written");
    assert!(image.contains("<svg"), "{image}");
    let metric = ["ubin", "prove", "--metric", "ubin_stock", "--qr", "-"];
    let shown = bench.titian(&metric);
    assert!(shown.code == 0 && shown.stdout.contains('█'), "{shown:?}");
    for (proof, kind) in [
        (svg.json(), "ubin-absence"),
        (bench.titian(&[&metric[..], &["--json"]].concat()).json(), "ubin-kpi"),
    ] {
        let code = proof["qr"].as_str().expect("its text");
        let ran = bench.titian(&["verify", code, "--genesis", "genesis.json", "--json"]);
        assert_eq!((ran.code, &ran.json()["kind"]), (0, &kind.into()), "{ran:?}");
    }
    let history = bench.titian(&["ubin", "prove", &ubin, "--kind", "history", "--qr", "x.svg"]);
    assert_eq!(history.code, 1, "{history:?}");
    assert!(history.stderr.contains("no QR form"), "{history:?}");
    assert!(!bench.folder().join("x.svg").exists());
    let form = bench.titian(&["ubin", "prove", &ubin, "--qr", "code.gif"]);
    assert_eq!(form.code, 2, "{form:?}");
}
