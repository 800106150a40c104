//! The extract of a business record: of a company in every form, of a natural person's business as
//! SD-JWT VC only, whose holder keeps back what names the person.

use serde_json::{Map, Value as Json, json};
use titian_credential::profiles::ShippedType;
use titian_credential::registration::{Frame, VCT, business_registration, extract};
use titian_credential::sd_jwt::issue::{issue, select};
use titian_credential::sd_jwt::metadata;
use titian_credential::verdict::{Check, Policy, Verdict};
use titian_credential::verify::{Request, verify};
use titian_tests::credentials::{Desk, ISSUER_DID, METHOD, json_of, shipped};

use super::credential_fixture::code;

const HEIGHT: u64 = 7;

/// A record as it may stand in the register (ubin.md §3.3): no name, no street.
fn minimal() -> Json {
    json!({
        "v": 1, "ubin": "VN-SUR-7K3M9QX2TB4V-DK", "entity": "ent_x", "version": 2,
        "category": "SOLE_PROPRIETOR", "status": {"code": "ACTIVE", "since": "2024-01-02"},
        "activity": [{"isic": "4711"}], "address": {"region": "VN-HN"},
        "registeredOn": "2024-01-02", "sourceAsOf": "2026-06-30", "validFrom": "2026-06-30",
        "confirmedOn": "2026-06-30", "nameCommit": "b3:00",
    })
}

fn company() -> Json {
    let mut body = minimal();
    body["category"] = json!("GENERAL");
    body["legalName"] = json!({"lang": "vi", "value": "CONG TY VI DU"});
    body["legalForm"] = json!({"national": "company"});
    body
}

fn own() -> &'static ShippedType {
    shipped("business-registration")
}

/// The claims as the registrar signs them now.
fn signed(desk: &Desk, claims: &Map<String, Json>) -> String {
    let (mut claims, now_s) = (claims.clone(), desk.world.time_ms / 1_000);
    for (name, value) in [
        ("iss", json!(ISSUER_DID)),
        ("iat", json!(now_s - 60)),
        ("nbf", json!(now_s - 60)),
        ("exp", json!(now_s + 30 * 86_400)),
        ("status", json!({"status_list": {"idx": 5, "uri": format!("{ISSUER_DID}/status/5")}})),
    ] {
        claims.insert(name.to_owned(), value);
    }
    let (_, vct) = own().claims.expect("it travels as SD-JWT VC too");
    let always = metadata::always(&json_of(vct));
    let pointers: Vec<&str> =
        always.iter().map(String::as_str).filter(|name| claims.contains_key(&name[1..])).collect();
    let mut n = 0;
    let mut random = || {
        n += 1;
        [n; 32]
    };
    issue(&claims, &pointers, &desk.key(), METHOD, &mut random).expect("issued")
}

fn judge(desk: &Desk, text: &str) -> Verdict {
    let request = Request::new(Policy::Ledger);
    verify(text.as_bytes(), &request, Some(&desk.live()), desk.world.time_ms)
}

fn frame() -> Frame<'static> {
    Frame {
        id: "urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21",
        issuer: "SG:ACRA",
        valid_from: "2026-07-02T00:00:00Z",
        valid_until: "2026-08-02T00:00:00Z",
        status: &[],
        record_height: HEIGHT,
    }
}

#[test]
fn vc_t13_the_extract_of_a_persons_business_is_an_sd_jwt_and_hides_what_names_the_person() {
    let desk = Desk::new();
    let refused = business_registration(&minimal(), frame()).expect_err("not in this form");
    assert_eq!((refused.code, refused.pointer.as_str()), ("CRYPTOSUITE_UNSUPPORTED", "/category"));

    let mut claims = extract(&minimal(), HEIGHT).expect("what the record holds");
    assert_eq!(claims["vct"], VCT);
    assert!(!claims.contains_key("id") && !claims.contains_key("legalName"));
    // the registrar knows the name, the ledger does not
    claims.insert("legalName".to_owned(), json!("QUOKKA THI ANA"));
    let text = signed(&desk, &claims);
    let verdict = judge(&desk, &text);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert!(!text.split('~').next().expect("a token").contains("QUOKKA"));

    // all that remains without any disclosure still says what counts, and verifies
    let bare = select(&text, &[]).expect("nothing shown");
    let verdict = judge(&desk, &bare);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(bare.matches('~').count(), 1);
    let named = select(&text, &["legalName"]).expect("the name shown");
    assert!(judge(&desk, &named).verified());
}

#[test]
fn vc_t06_claims_of_an_extract_are_judged_by_the_schema_of_claims() {
    let desk = Desk::new();
    let claims = extract(&company(), HEIGHT).expect("a company");
    assert!(judge(&desk, &signed(&desk, &claims)).verified());
    for (name, value) in [
        ("favouriteColour", json!("blue")),
        ("recordVersion", json!("two")),
        ("registrationStatus", json!("FINE")),
        ("id", json!("did:ubin:VN-SUR-7K3M9QX2TB4V-DK")),
    ] {
        let mut bad = claims.clone();
        bad.insert(name.to_owned(), value);
        let verdict = judge(&desk, &signed(&desk, &bad));
        assert_eq!(code(&verdict, Check::Schema), "SCHEMA_VIOLATION", "{name}");
    }
    let mut bad = claims;
    bad.remove("ubin");
    let verdict = judge(&desk, &signed(&desk, &bad));
    assert_eq!(code(&verdict, Check::Schema), "SCHEMA_VIOLATION", "what must be shown");
}
