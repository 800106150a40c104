//! Commands on credentials that need no node: types, examples, showing, DIDs, schemas.

use serde_json::json;
use titian_credential::profiles::SHIPPED;

use super::vc_desk::{Desk, now_ms};
use super::{titian, titian_in};

#[test]
fn t03_every_shipped_type_is_listed_and_has_an_example_to_edit() {
    let listed = titian(&["vc", "types", "--json"]).json();
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), 9);
    assert_eq!(titian(&["vc", "types"]).stdout.lines().count(), 10);
    for entry in listed {
        let name = entry["type"].as_str().expect("a name");
        let claims = titian(&["vc", "example", name, "--json"]).json();
        for member in ["iss", "issuer", "proof", "status", "@context", "cnf"] {
            assert!(claims.get(member).is_none(), "{name}: {member}");
        }
        assert!(claims.as_object().is_some_and(|claims| claims.len() >= 4), "{claims}");
        let whole = titian(&["vc", "example", name, "--whole", "--json"]).json();
        let of_type = whole["type"][1] == name || whole["vct"].is_string();
        assert!(of_type, "{whole}");
        // as it is to be issued: of today, under an id of its own, without what issuing writes
        for member in ["credentialStatus", "status", "proof", "cnf", "iat"] {
            assert!(whole.get(member).is_none(), "{name}: {member}");
        }
        let until = match &whole["validUntil"] {
            serde_json::Value::String(text) => {
                titian_credential::time::parse(text).expect("a time")
            }
            _ => whole["exp"].as_i64().expect("a time") * 1_000,
        };
        let days = (until - i64::try_from(now_ms()).expect("now")) / 86_400_000;
        let longest = entry["validityMaxDays"].as_i64().expect("days").min(90);
        assert!((longest - 1..=longest).contains(&days), "{name}: {days}");
        let again = titian(&["vc", "example", name, "--whole", "--json"]).json();
        assert!(whole["id"].is_null() || whole["id"] != again["id"], "{name}");
        assert!(whole["vct"].is_string() || whole["credentialSchema"].is_object(), "{whole}");
    }
    assert_eq!(SHIPPED.len(), listed.len());
    assert_eq!(titian(&["vc", "example", "Passport"]).code, 2);
}

#[test]
fn t06_a_credential_of_any_form_is_shown_and_never_called_verified() {
    let desk = Desk::new();
    for text in [desk.embedded(7), desk.token(7), desk.mandate(7, &desk.some_jwk())] {
        let ran = desk.titian(&["vc", "show", &text]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.starts_with("NOT VERIFIED"), "{ran:?}");
        let json = desk.titian(&["vc", "show", &text, "--json"]).json();
        assert_eq!(json["issuer"], "did:ubin:SG:ACRA");
        assert_eq!(json["status"].as_array().map(Vec::is_empty), Some(false), "{json}");
    }
    assert_eq!(titian(&["vc", "show", r#"{"a":1,"a":2}"#]).code, 3);
    assert_eq!(titian(&["vc", "show", "nothing"]).code, 2);
}

#[test]
fn t14_dids_that_need_no_ledger_resolve_without_a_node() {
    let did = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
    let json = titian(&["vc", "did", "resolve", did, "--json"]).json();
    assert_eq!(json["didDocument"]["id"], did);
    assert_eq!(json["didDocument"]["verificationMethod"][0]["controller"], did);
    assert_eq!(titian(&["vc", "did", "resolve", "did:key:zNonsense"]).code, 3);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let web = "did:web:issuer.example";
    let resolve = |more: &[&str]| {
        titian_in(folder.path(), &[], &[&["vc", "did", "resolve", web][..], more].concat())
    };
    assert_eq!(resolve(&[]).code, 5);
    let now_ms = super::vc_desk::now_ms();
    for (fetched_ms, code) in [(now_ms - 1_000, 0), (now_ms - 2 * 86_400_000, 5)] {
        let cache = json!([{"document": {"id": web}, "fetchedMs": fetched_ms}]);
        std::fs::write(folder.path().join("cache.json"), cache.to_string()).expect("written");
        assert_eq!(resolve(&["--did-web-cache", "cache.json"]).code, code, "{fetched_ms}");
    }
}

#[test]
fn t12_nothing_is_fetched_from_an_address_that_is_not_public() {
    for host in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "localhost%3A8443",
    ] {
        let did = format!("did:web:{host}");
        let ran = titian(&["vc", "did", "fetch", &did, "-o", "cache.json", "--json"]);
        assert_eq!(ran.code, 1, "{host}: {ran:?}");
        assert!(ran.stdout.contains("no public address"), "{host}: {ran:?}");
    }
    for did in [
        "did:key:z6Mk",
        "did:web:",
        "did:web:a/b",
        "did:web:host:..:x",
        "did:web:h%3Ax",
        "https://a",
    ] {
        let ran = titian(&["vc", "did", "fetch", did, "-o", "cache.json"]);
        assert_eq!(ran.code, 2, "{did}: {ran:?}");
    }
}

#[test]
fn t13_the_linter_of_schemas_names_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lint = |schema: &serde_json::Value| {
        std::fs::write(folder.path().join("schema.json"), schema.to_string()).expect("written");
        titian_in(folder.path(), &[], &["vc", "schema", "lint", "schema.json", "--json"])
    };
    let with = |name: &str, class: &str| {
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "additionalProperties": false,
            "properties": {name: {"type": "string", "x-titian-class": class}}})
    };
    assert_eq!(lint(&with("level", "registry")).code, 0);
    assert_eq!(lint(&with("passportNumber", "personal")).code, 0);
    let refused = lint(&with("passportNumber", "public"));
    assert_eq!((refused.code, &refused.json()["error"]["name"]), (3, &json!("PERSONAL_FIELD")));
    let refused = lint(&with("fingerprint", "personal"));
    assert_eq!(refused.json()["error"]["name"], "BIOMETRIC_FIELD");
    let refused = lint(&json!({"type": "object", "additionalProperties": false,
        "properties": {"level": {"type": "string"}}}));
    assert_eq!(refused.json()["error"]["name"], "CLASS_MISSING");
}
