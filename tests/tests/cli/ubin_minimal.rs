//! Businesses of natural persons from the command line (ubin-api.md §14 T8, T9): numbers by chance, and
//! names that stay with their register.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use titian_contracts::ubin::body::name_commitment;

use super::ubin_import::fixture::Bench;
use super::{Ran, titian, titian_in};

/// A name that nobody has.
const NAME: &str = "Nguyễn Văn Thử Nghiệm";

fn commit(folder: &tempfile::TempDir, args: &[&str]) -> Ran {
    titian_in(folder.path(), &[], &[&["ubin", "commit"], args].concat())
}

#[test]
fn t09_a_number_by_chance_checks_and_is_another_each_time() {
    let draw = || {
        let ran = titian(&["ubin", "surrogate", "vn", "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let made = ran.json();
        let local = made["local"].as_str().expect("a number").to_owned();
        assert_eq!((&made["cc"], &made["scheme"], local.len()), (&json!("VN"), &json!("SUR"), 12));
        assert_eq!(made["warnings"], json!([]), "{made}");
        assert!(local.bytes().any(|b| b.is_ascii_alphabetic()), "{local}");
        let ubin = made["ubin"].as_str().expect("a UBIN");
        assert_eq!(titian(&["ubin", "check", ubin]).code, 0, "{ubin}");
        local
    };
    let drawn: std::collections::BTreeSet<String> = (0..8).map(|_| draw()).collect();
    assert_eq!(drawn.len(), 8, "{drawn:?}");
    let ran = titian(&["ubin", "surrogate", "ZZ"]);
    assert!(ran.code == 3 && ran.stderr.contains("UBIN_COUNTRY_UNKNOWN"), "{ran:?}");
}

#[test]
fn t09_a_commitment_is_that_of_the_specification_and_says_nothing_of_the_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("name.txt"), format!("{NAME}\n")).expect("a file");
    let ran = commit(&folder, &["name.txt", "-o", "opening.json", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = std::fs::read_to_string(path("opening.json")).expect("written");
    let mode = std::fs::metadata(path("opening.json")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let opening: Value = serde_json::from_str(&text).expect("JSON");
    let salt = opening["salt"].as_str().expect("a salt");
    let bytes: [u8; 32] = hex::decode(salt).expect("hex").try_into().expect("32 bytes");
    let due = name_commitment(&bytes, NAME).to_string();
    assert_eq!((&ran.json()["commitment"], &opening["commitment"]), (&json!(due), &json!(due)));
    for shown in [&ran.stdout, &ran.stderr] {
        assert!(!shown.contains("Nguy") && !shown.contains(salt), "{ran:?}");
    }
    assert!(!text.contains("Nguy"), "{text}");

    // the same text opens it, with or without the line break, against file and record
    std::fs::write(path("typed.txt"), NAME).expect("a file");
    for file in ["name.txt", "typed.txt"] {
        let check = [file, "--opening", "opening.json"];
        assert_eq!(commit(&folder, &check).code, 0);
        assert_eq!(commit(&folder, &[&check[..], &["--commitment", &due]].concat()).code, 0);
        let other = name_commitment(&[7; 32], NAME).to_string();
        let ran = commit(&folder, &[&check[..], &["--commitment", &other, "--json"]].concat());
        assert_eq!((ran.code, &ran.json()["error"]["name"]), (3, &json!("NOT_PROVEN")), "{ran:?}");
    }
    std::fs::write(path("other.txt"), "Nguyễn Văn Khác").expect("a file");
    let ran = commit(&folder, &["other.txt", "--opening", "opening.json"]);
    assert!(ran.code == 3 && !ran.stderr.contains("Nguy"), "{ran:?}");

    // a second commitment has a salt of its own, and the first salt stays
    let ran = commit(&folder, &["name.txt", "-o", "opening.json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(std::fs::read_to_string(path("opening.json")).expect("there"), text);
    assert_eq!(commit(&folder, &["name.txt", "-o", "second.json"]).code, 0);
    assert!(!std::fs::read_to_string(path("second.json")).expect("there").contains(salt));
}

#[test]
fn t09_a_text_in_another_form_than_names_are_signed_in_is_refused_unseen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases: [(&[u8], Option<&str>); 5] = [
        ("Nguye\u{302}\u{303}n".as_bytes(), Some("NAME_NOT_NFC")),
        (b"\n", Some("NAME_LENGTH")),
        (b" \n", Some("NAME_LENGTH")),
        (b"Nguyen\tVan", Some("NAME_CHAR")),
        (&[b'N', 0xFF], None),
    ];
    for (bytes, name) in cases {
        std::fs::write(folder.path().join("name.txt"), bytes).expect("a file");
        let ran = commit(&folder, &["name.txt", "-o", "opening.json", "--json"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        if let Some(name) = name {
            assert_eq!(ran.json()["error"]["name"], name);
        }
        assert!(!ran.stdout.contains("Nguy") && !folder.path().join("opening.json").exists());
    }
    std::fs::write(folder.path().join("name.txt"), NAME).expect("a file");
    assert_eq!(commit(&folder, &["name.txt"]).code, 2, "neither made nor checked");
    std::fs::write(folder.path().join("opening.json"), "{\"salt\":\"00\"}").expect("a file");
    assert_eq!(commit(&folder, &["name.txt", "--opening", "opening.json"]).code, 2);
}

#[test]
fn t09_a_sole_proprietor_is_registered_without_its_name_and_shown_by_it() {
    let bench = Bench::start();
    let path = |name: &str| bench.folder().join(name).display().to_string();
    std::fs::write(path("name.txt"), NAME).expect("a file");
    let made = bench.titian(&["ubin", "commit", "name.txt", "-o", "opening.json", "--json"]);
    let commitment = made.json()["commitment"].clone();
    let drawn = bench.titian(&["ubin", "surrogate", "SG", "--json"]).json();
    let ubin = drawn["ubin"].as_str().expect("a UBIN").to_owned();
    let body = json!({
        "ubin": ubin,
        "category": "SOLE_PROPRIETOR",
        "sizeClass": "MICRO",
        "status": {"code": "ACTIVE", "since": "2024-01-02"},
        "confirmedOn": "2026-01-05",
        "sourceAsOf": "2026-01-05",
        "registeredOn": "2024-01-02",
        "validFrom": "2026-01-05",
        "nameCommit": commitment,
    });
    std::fs::write(path("body.json"), body.to_string()).expect("a file");
    let register = ["ubin", "register", "body.json", "--as", "SG:ACRA#k1", "--yes", "--json"];
    let ran = bench.titian(&register);
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = bench.titian(&["ubin", "get", &ubin, "--json"]);
    let held = shown.json()["record"]["body"]["nameCommit"].clone();
    assert_eq!(held, commitment);
    assert!(!shown.stdout.contains("Nguy"), "{shown:?}");
    let held = held.as_str().expect("a digest");
    let check = ["ubin", "commit", "name.txt", "--opening", "opening.json", "--commitment", held];
    assert_eq!(bench.titian(&check).code, 0);
}
