//! Presentations, embedded and as tokens: holder binding, what is in them, self-asserted claims.

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_credential::jwt::{issue_vc, issue_vp};
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::proof::{Options, Purpose, Suite, issue, issue_jcs};
use titian_credential::sd_jwt;
use titian_credential::verdict::{Check, Decision, Policy, PresentationVerdict};
use titian_credential::verify::{Request, verify, verify_presentation};

use super::credential_fixture::{NOW_MS, SANDBOX, code, fails_with, self_issued};

const CREATED: &str = "2026-06-30T23:59:00Z";
const IAT_S: u64 = NOW_MS / 1_000 - 60;

/// A credential about holder 2, issued by issuer 1.
pub fn credential() -> Json {
    let (mut credential, key, method) = self_issued(1);
    credential["credentialSubject"]["id"] = json!(holder().1);
    issue_jcs(&credential, &key, &method, CREATED, SANDBOX).expect("issued")
}

pub fn holder() -> (SigningKey, String, String) {
    let (_, key, method) = self_issued(2);
    let did = method.split('#').next().expect("a DID").to_owned();
    (key, did, method)
}

pub fn presentation(credentials: &[Json]) -> Json {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2",
            "https://www.w3.org/ns/credentials/examples/v2"],
        "type": ["VerifiablePresentation"],
        "holder": holder().1,
        "verifiableCredential": credentials,
    })
}

fn options<'a>(suite: Suite, method: &'a str) -> Options<'a> {
    Options {
        suite,
        verification_method: method,
        created: CREATED,
        purpose: Purpose::Authentication,
        challenge: Some("c-1"),
        domain: Some("verifier.example"),
    }
}

pub fn request() -> Request {
    let mut request = Request::new(Policy::W3c);
    request.challenge = Some("c-1".to_owned());
    request.domain = Some("verifier.example".to_owned());
    request
}

fn judge(document: &Json, request: &Request) -> PresentationVerdict {
    verify_presentation(document.to_string().as_bytes(), request, None, NOW_MS)
}

#[test]
pub fn an_embedded_presentation_of_both_suites_verifies_with_every_check_named() {
    let (key, _, method) = holder();
    for suite in [Suite::Jcs, Suite::Rdfc] {
        let signed = issue(&presentation(&[credential()]), &key, options(suite, &method), SANDBOX)
            .expect("signed");
        let verdict = judge(&signed, &request());
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        assert_eq!(verdict.whole.checks.len(), 12);
        assert_eq!(verdict.credentials.len(), 1);
        assert_eq!(code(&verdict.whole, Check::Holder), "OK");
        assert!(verdict.whole.check(Check::Holder).expect("there").required);
        assert!(verdict.whole.warnings.is_empty(), "{}", verdict.to_jcs());
        // a copy of it would do as well for who compares no nonce
        let mut careless = request();
        careless.challenge = None;
        let verdict = judge(&signed, &careless);
        assert!(verdict.verified() && verdict.whole.warnings == ["NONCE_NOT_COMPARED"]);
        // a presentation is no credential
        let bare = verify(signed.to_string().as_bytes(), &request(), None, NOW_MS);
        fails_with(&bare, Check::Syntax, "FORM_UNKNOWN");
    }
}

#[test]
pub fn each_fault_of_holder_binding_has_its_code() {
    let (key, _, method) = holder();
    let (_, other, other_method) = self_issued(3);
    let all = presentation(&[credential()]);
    let sign = |key: &SigningKey, options: Options<'_>| {
        issue(&all, key, options, SANDBOX).expect("signed")
    };
    let good = options(Suite::Jcs, &method);
    let fault = |document: &Json, request: &Request, expected: &str| {
        let verdict = judge(document, request);
        fails_with(&verdict.whole, Check::Holder, expected);
    };
    let signed = sign(&key, good);
    let mut wanted = request();
    wanted.challenge = Some("c-2".to_owned());
    fault(&signed, &wanted, "CHALLENGE_MISMATCH");
    fault(&sign(&key, Options { challenge: None, ..good }), &request(), "CHALLENGE_MISMATCH");
    fault(&sign(&key, Options { domain: None, ..good }), &request(), "DOMAIN_MISMATCH");
    let elsewhere = Options { domain: Some("other.example"), ..good };
    fault(&sign(&key, elsewhere), &request(), "DOMAIN_MISMATCH");
    // signed by somebody else than the holder that it names
    let foreign = Options { verification_method: &other_method, ..good };
    fault(&sign(&other, foreign), &request(), "HOLDER_MISMATCH");
    fault(&sign(&other, good), &request(), "SIGNATURE_INVALID");
    let mut unsigned = signed.clone();
    unsigned.as_object_mut().expect("object").remove("proof");
    fault(&unsigned, &request(), "PROOF_MISSING");
    let mut purpose = signed.clone();
    purpose["proof"]["proofPurpose"] = json!("assertionMethod");
    fault(&purpose, &request(), "PROOF_PURPOSE_MISMATCH");
    // a credential of somebody else, when the holder must be the subject
    let mut wanted = request();
    wanted.subject_is_holder = true;
    assert!(judge(&signed, &wanted).verified());
    let (foreign, issuer, issuer_method) = self_issued(1);
    let foreign = issue_jcs(&foreign, &issuer, &issuer_method, CREATED, SANDBOX).expect("issued");
    let signed = issue(&presentation(&[foreign]), &key, good, SANDBOX).expect("signed");
    assert!(judge(&signed, &request()).verified());
    fault(&signed, &wanted, "SUBJECT_NOT_HOLDER");
}

#[test]
pub fn vc_t09_a_credential_bound_to_a_key_is_shown_by_its_holder_alone() {
    let (own, _, own_method) = holder();
    let (_, thief, thief_method) = self_issued(3);
    let (issuer_document, issuer, issuer_method) = self_issued(1);
    let bound = PublicKey::new(Algorithm::Ed25519, own.verifying_key().as_bytes()).expect("a key");
    let claims = json!({"iss": issuer_document["issuer"], "iat": IAT_S, "exp": IAT_S + 10_000,
        "vct": "did:ubin:ASEAN/vct/professional-qualification/1", "cnf": {"jwk": bound.to_jwk()}});
    let mut n = 0_u8;
    let mut random = move || {
        n += 1;
        [n; 32]
    };
    let claims = claims.as_object().expect("object");
    // no `sub`, and its key binding taken off
    let token = sd_jwt::issue::issue(claims, &[], &issuer, &issuer_method, &mut random);
    let envelope = json!({"@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential",
        "id": format!("data:application/dc+sd-jwt,{}", token.expect("issued"))});
    for subject_is_holder in [false, true] {
        let mut wanted = request();
        wanted.subject_is_holder = subject_is_holder;
        let verdict = |key: &SigningKey, method: &str| {
            let mut shown = presentation(std::slice::from_ref(&envelope));
            shown["holder"] = json!(method.split('#').next());
            let signed = issue(&shown, key, options(Suite::Jcs, method), SANDBOX).expect("signed");
            judge(&signed, &wanted)
        };
        let good = verdict(&own, &own_method);
        assert!(good.verified(), "{}", good.to_jcs());
        let stolen = verdict(&thief, &thief_method);
        fails_with(&stolen.whole, Check::Holder, "KEY_BINDING_MISSING");
    }
}

#[test]
pub fn one_bad_credential_spoils_the_presentation() {
    let (key, _, method) = holder();
    let mut bad = credential();
    bad["name"] = json!("Another");
    let all = presentation(&[credential(), bad]);
    let signed = issue(&all, &key, options(Suite::Jcs, &method), SANDBOX).expect("signed");
    let verdict = judge(&signed, &request());
    assert!(!verdict.verified());
    assert!(verdict.credentials[0].verified());
    fails_with(&verdict.credentials[1], Check::Proof, "SIGNATURE_INVALID");
    fails_with(&verdict.whole, Check::Proof, "SIGNATURE_INVALID");
    assert_eq!(verdict.whole.decision, Decision::Rejected);
}

#[test]
pub fn a_token_presentation_of_enveloped_credentials_verifies() {
    let (key, did, method) = holder();
    let (mut claims, issuer, issuer_method) = self_issued(1);
    claims["credentialSubject"]["id"] = json!(did);
    let token = issue_vc(&claims, &issuer, &issuer_method, IAT_S, SANDBOX).expect("issued");
    let enveloped = json!({"@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential", "id": format!("data:application/vc+jwt,{token}")});
    let all = presentation(&[enveloped]);
    let shown = issue_vp(&all, &key, &method, IAT_S, "c-1", "verifier.example").expect("signed");
    let judge =
        |text: &str, request: &Request| verify_presentation(text.as_bytes(), request, None, NOW_MS);
    let verdict = judge(&shown, &request());
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(verdict.whole.form, Some("vp+jwt"));
    let mut wanted = request();
    wanted.challenge = Some("c-2".to_owned());
    fails_with(&judge(&shown, &wanted).whole, Check::Holder, "NONCE_MISMATCH");
    let mut wanted = request();
    wanted.domain = Some("other.example".to_owned());
    fails_with(&judge(&shown, &wanted).whole, Check::Holder, "AUDIENCE_MISMATCH");
    // a credential token is no presentation
    fails_with(&judge(&token, &request()).whole, Check::Syntax, "FORM_UNKNOWN");
    for at in 0..shown.len() {
        let mut bytes = shown.clone().into_bytes();
        bytes[at] ^= 0x01;
        let verdict = verify_presentation(&bytes, &request(), None, NOW_MS);
        assert!(!verdict.verified(), "byte {at}");
    }
}

#[test]
pub fn a_credential_without_proof_counts_only_as_what_its_holder_says_of_itself() {
    let (key, did, method) = holder();
    let (mut own, ..) = self_issued(1);
    own["issuer"] = json!(did);
    let sign = |credential: &Json| {
        let all = presentation(std::slice::from_ref(credential));
        issue(&all, &key, options(Suite::Jcs, &method), SANDBOX).expect("signed")
    };
    assert!(judge(&sign(&own), &request()).verified());
    let mut ledger = request();
    ledger.policy = Policy::Ledger;
    let verdict = judge(&sign(&own), &ledger);
    fails_with(&verdict.credentials[0], Check::Syntax, "UNSECURED_CREDENTIAL");
    own["issuer"] = json!("did:example:other");
    let verdict = judge(&sign(&own), &request());
    fails_with(&verdict.credentials[0], Check::Syntax, "UNSECURED_CREDENTIAL");
}

#[test]
pub fn presentations_are_bounded_and_hold_no_presentations() {
    let (key, _, method) = holder();
    let many = |n: usize| presentation(&vec![credential(); n]);
    let sign = |document: &Json| issue(document, &key, options(Suite::Jcs, &method), SANDBOX);
    assert!(sign(&many(32)).is_ok());
    assert_eq!(sign(&many(33)).map_err(|fault| fault.code), Err("TOO_MANY_NODES"));
    let nested = presentation(&[presentation(&[])]);
    assert_eq!(sign(&nested).map_err(|fault| fault.code), Err("FORM_UNKNOWN"));
    // without credentials it shows control of a key and nothing else
    let empty = sign(&presentation(&[])).expect("signed");
    assert!(judge(&empty, &request()).verified());
    let mut ledger = request();
    ledger.policy = Policy::Ledger;
    assert!(!judge(&empty, &ledger).verified());
}

#[test]
pub fn no_policy_takes_a_presentation_whose_own_signature_is_false() {
    let (key, _, method) = holder();
    let (_, thief, thief_method) = self_issued(3);
    for policy in [Policy::Signature, Policy::W3c] {
        let request = Request::new(policy);
        for credentials in [vec![credential()], Vec::new()] {
            let all = presentation(&credentials);
            let sign = |key: &SigningKey, method: &str| {
                issue(&all, key, options(Suite::Jcs, method), SANDBOX).expect("signed")
            };
            let signed = sign(&key, &method);
            let verdict = judge(&signed, &request);
            assert!(verdict.verified(), "{}", verdict.to_jcs());
            let mut altered = signed.clone();
            altered["id"] = json!("urn:uuid:0c1f5e9a-0000-4000-8000-000000000000");
            let verdict = judge(&altered, &request);
            fails_with(&verdict.whole, Check::Proof, "SIGNATURE_INVALID");
            // in the holder's name, with another's key
            let forged = judge(&sign(&thief, &method), &request);
            fails_with(&forged.whole, Check::Proof, "SIGNATURE_INVALID");
            // signed for what it is, but not by the holder that it names
            let foreign = judge(&sign(&thief, &thief_method), &request);
            fails_with(&foreign.whole, Check::IssuerKey, "ISSUER_MISMATCH");
            // nobody says who shows it
            let mut unsigned = signed;
            unsigned.as_object_mut().expect("object").remove("proof");
            let verdict = judge(&unsigned, &request);
            fails_with(&verdict.whole, Check::Proof, "PROOF_MISSING");
            assert_eq!(verdict.whole.decision, Decision::Rejected);
        }
    }
}
