//! DID methods beside did:ubin, and credentials of VCDM 1.1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use titian_credential::did::method::{
    WEB_AGE_MS_MAX, WebCache, computed_document, did_jwk, did_key,
};
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::proof::{Suite, assertion, issue_jcs};
use titian_credential::verdict::{Check, Policy, Verdict};
use titian_credential::verify::{Request, verify};

use super::credential_fixture::{NOW_MS, SANDBOX, code, fails_with, self_issued, sign_blindly};

const CREATED: &str = "2026-01-01T00:00:00Z";
const WEB: &str = "did:web:issuer.example";

fn public(seed: u8) -> PublicKey {
    let (_, key, _) = self_issued(seed);
    PublicKey::new(Algorithm::Ed25519, &key.verifying_key().to_bytes()).expect("32 bytes")
}

fn issued_by(did: &str, method: &str) -> Json {
    let (mut credential, key, _) = self_issued(1);
    credential["issuer"] = json!(did);
    issue_jcs(&credential, &key, method, CREATED, SANDBOX).expect("issued")
}

fn judge(document: &Json, request: &Request) -> Verdict {
    verify(document.to_string().as_bytes(), request, None, NOW_MS)
}

#[test]
pub fn did_key_and_did_jwk_are_computed_and_have_one_spelling() {
    let request = Request::new(Policy::W3c);
    let did = did_jwk(&public(1)).expect("a point");
    let verdict = judge(&issued_by(&did, &format!("{did}#0")), &request);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(code(&verdict, Check::IssuerKey), "KEY_SELF_CERTIFYING");
    let wrong = judge(&issued_by(&did, &format!("{did}#1")), &request);
    fails_with(&wrong, Check::IssuerKey, "KEY_NOT_FOUND");
    let encode = |jwk: Json| format!("did:jwk:{}", URL_SAFE_NO_PAD.encode(jwk.to_string()));
    for jwk in [
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43), "d": "A".repeat(43)}),
        json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)}),
    ] {
        let did = encode(jwk);
        let verdict = judge(&issued_by(&did, &format!("{did}#0")), &request);
        fails_with(&verdict, Check::IssuerKey, "DID_INVALID");
    }
    let did = did_key(&public(1));
    let document = computed_document(&did).expect("a DID");
    assert_eq!(document["id"], did);
    assert_eq!(document["assertionMethod"], document["authentication"]);
    for broken in ["did:key:z6Mk", "did:jwk:AAAA", "did:web:x", "did:key:"] {
        assert!(computed_document(broken).is_none(), "{broken}");
    }
    let other = issued_by("did:example:x", "did:example:x#1");
    let verdict = judge(&other, &request);
    assert_eq!(code(&verdict, Check::IssuerKey), "DID_METHOD_UNSUPPORTED");
    assert!(!verdict.verified());
}

fn web_document() -> Json {
    json!({
        "id": WEB,
        "verificationMethod": [
            {"id": format!("{WEB}#k1"), "type": "Multikey", "controller": WEB,
                "publicKeyMultibase": public(1).multikey()},
            {"id": "#k2", "type": "JsonWebKey", "controller": WEB,
                "publicKeyJwk": public(1).to_jwk()},
            {"id": format!("{WEB}#k3"), "type": "Multikey", "controller": "did:web:other.example",
                "publicKeyMultibase": public(1).multikey()},
            {"id": format!("{WEB}#k4"), "type": "Multikey", "controller": WEB,
                "publicKeyMultibase": public(1).multikey(), "publicKeyJwk": public(2).to_jwk()},
        ],
        "assertionMethod": [format!("{WEB}#k1"), "#k2", format!("{WEB}#k3"), format!("{WEB}#k4")],
        "authentication": ["#k2"],
    })
}

#[test]
pub fn did_web_counts_from_the_cache_alone_and_for_a_day() {
    let judge_at = |method: &str, age_ms: Option<u64>| {
        let mut request = Request::new(Policy::W3c);
        if let Some(age_ms) = age_ms {
            let file = json!([{"document": web_document(), "fetchedMs": NOW_MS - age_ms}]);
            let cache = WebCache::parse(file.to_string().as_bytes());
            request.supplied.did_web = cache.expect("well formed");
        }
        judge(&issued_by(WEB, method), &request)
    };
    for method in ["did:web:issuer.example#k1", "did:web:issuer.example#k2"] {
        let verdict = judge_at(method, Some(WEB_AGE_MS_MAX));
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        assert_eq!(code(&verdict, Check::IssuerKey), "TIME_ASSERTED");
    }
    for (method, age, expected) in [
        ("did:web:issuer.example#k1", None, "DID_NOT_AVAILABLE"),
        ("did:web:issuer.example#k1", Some(WEB_AGE_MS_MAX + 1), "DID_CACHE_STALE"),
        ("did:web:issuer.example#k9", Some(0), "KEY_NOT_FOUND"),
        ("did:web:issuer.example#k3", Some(0), "KEY_NOT_AUTHORISED"),
        ("did:web:issuer.example#k4", Some(0), "KEY_NOT_FOUND"),
        ("did:web:#k1", Some(0), "DID_INVALID"),
    ] {
        fails_with(&judge_at(method, age), Check::IssuerKey, expected);
    }
    let mut cache = WebCache::new();
    assert!(cache.insert(json!({"id": "did:key:z6Mk"}), 0).is_err());
    assert!(WebCache::parse(b"{}").is_err());
}

#[test]
pub fn a_key_for_authentication_alone_signs_no_credential() {
    let mut document = web_document();
    document["assertionMethod"] = json!([]);
    let mut request = Request::new(Policy::W3c);
    request.supplied.did_web.insert(document, NOW_MS).expect("a did:web");
    let verdict = judge(&issued_by(WEB, "did:web:issuer.example#k2"), &request);
    fails_with(&verdict, Check::IssuerKey, "KEY_NOT_AUTHORISED");
}

/// A VCDM 1.1 credential, signed by a library that still writes them.
fn older() -> Json {
    json!({
        "@context": ["https://www.w3.org/2018/credentials/v1",
            "https://w3id.org/security/data-integrity/v2"],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "issuer": did_key(&public(1)),
        "issuanceDate": "2026-01-01T00:00:00Z",
        "expirationDate": "2027-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:subject"},
    })
}

#[test]
pub fn credentials_of_the_older_model_are_read_with_a_warning_and_not_issued() {
    let (_, key, method) = self_issued(1);
    let strict = assertion(Suite::Jcs, &method, CREATED);
    let refused = titian_credential::proof::issue(&older(), &key, strict, SANDBOX);
    assert_eq!(refused.map_err(|fault| fault.code), Err("CONTEXT_ORDER"));
    // as such a library would sign it
    let sign = |document: Json| sign_blindly(&document, &key, &method, CREATED);
    let verdict = judge(&sign(older()), &Request::new(Policy::W3c));
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(code(&verdict, Check::Syntax), "VERSION_1_1");
    assert_eq!(verdict.warnings, ["VERSION_1_1"]);
    for (name, value, check, expected) in [
        ("issuanceDate", json!("2027-01-01T00:00:00Z"), Check::Validity, "NOT_YET_VALID"),
        ("expirationDate", json!("2026-06-01T00:00:00Z"), Check::Validity, "EXPIRED"),
        ("issuanceDate", json!("yesterday"), Check::Syntax, "DATE_INVALID"),
        ("unheardOf", json!("x"), Check::Syntax, "UNDEFINED_TERM"),
    ] {
        let mut changed = older();
        changed[name] = value;
        fails_with(&judge(&sign(changed), &Request::new(Policy::W3c)), check, expected);
    }
    let mut changed = older();
    changed.as_object_mut().expect("object").remove("issuanceDate");
    let verdict = judge(&sign(changed), &Request::new(Policy::W3c));
    fails_with(&verdict, Check::Syntax, "DATE_INVALID");
}
