//! `vc+sd-jwt` and `vp+sd-jwt`, which are read and not written (vc.md §1), and presentations in
//! envelopes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_credential::jwt::issue_vp;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::sd_jwt::digest;
use titian_credential::sd_jwt::issue::bind;
use titian_credential::verdict::{Check, Policy, PresentationVerdict, Verdict};
use titian_credential::verify::{Request, is_presentation, verify, verify_presentation};

use super::credential_fixture::{NOW_MS, code, fails_with, self_issued};
use super::credential_presentations::{credential, holder, presentation, request};
use super::credential_tokens::forge;

const BASE: &str = "https://www.w3.org/ns/credentials/v2";
const IAT_S: u64 = NOW_MS / 1_000 - 60;

fn disclosure(name: &str, value: &Json) -> String {
    URL_SAFE_NO_PAD.encode(json!(["c2FsdCBvZiAxMjggYml0cw", name, value]).to_string())
}

/// The payload of a token: the document, and what the token itself states.
fn payload_of(mut document: Json, signer: &Json) -> Json {
    document["iss"] = signer.clone();
    document["iat"] = json!(IAT_S);
    document["_sd_alg"] = json!("sha-256");
    document
}

/// A credential of issuer 1 as `vc+sd-jwt`, up to its first `~`, and the disclosure of the school
/// that its holder may keep back.
fn disclosing(edit: impl Fn(&mut Json)) -> (String, String) {
    let (mut document, key, method) = self_issued(1);
    let subject = document["credentialSubject"].as_object_mut().expect("an object");
    let school = disclosure("alumniOf", &subject.remove("alumniOf").expect("there"));
    subject.insert("_sd".to_owned(), json!([digest(&school)]));
    let issuer = document["issuer"].clone();
    let mut payload = payload_of(document, &issuer);
    edit(&mut payload);
    let header = json!({"alg": "EdDSA", "typ": "vc+sd-jwt", "kid": method});
    (forge(&header, &payload, &key), school)
}

fn judge(text: &str, policy: Policy) -> Verdict {
    let mut request = Request::new(policy);
    request.return_credential = true;
    verify(text.as_bytes(), &request, None, NOW_MS)
}

fn envelope(kind: &str, media: &str, token: &str) -> String {
    json!({"@context": BASE, "type": kind, "id": format!("data:application/{media},{token}")})
        .to_string()
}

#[test]
fn vc_t02_a_w3c_credential_as_sd_jwt_shows_what_its_holder_discloses() {
    let (token, school) = disclosing(|_| ());
    let (whole, bare) = (format!("{token}~{school}~"), format!("{token}~"));
    let good = |text: &str| {
        let verdict = judge(text, Policy::W3c);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        assert_eq!(verdict.form, Some("vc+sd-jwt"));
        assert_eq!(verdict.types, ["AlumniCredential"]);
        verdict.credential.expect("returned")
    };
    let (mut unsigned, ..) = self_issued(1);
    assert_eq!(good(&whole), unsigned);
    unsigned["credentialSubject"].as_object_mut().expect("an object").remove("alumniOf");
    assert_eq!(good(&bare), unsigned);
    assert_eq!(
        good(&envelope("EnvelopedVerifiableCredential", "vc+sd-jwt", &whole))["issuer"],
        unsigned["issuer"]
    );
    for media in ["dc+sd-jwt", "vp+sd-jwt", "vc+jwt"] {
        let swapped = envelope("EnvelopedVerifiableCredential", media, &whole);
        assert!(!judge(&swapped, Policy::W3c).verified(), "{media}");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2],
        "header": {"disclosures": [school]}});
    assert!(good(&flattened.to_string())["credentialSubject"]["alumniOf"].is_string());
}

#[test]
fn vc_t07_a_disclosed_term_that_no_context_defines_is_refused_under_ledger_and_told_under_w3c() {
    // the base context alone knows no school
    let (token, school) = disclosing(|payload| {
        payload["@context"] = json!([BASE]);
        payload["type"] = json!(["VerifiableCredential"]);
    });
    let (whole, bare) = (format!("{token}~{school}~"), format!("{token}~"));
    let told = judge(&whole, Policy::W3c);
    assert!(told.verified(), "{}", told.to_jcs());
    assert_eq!(code(&told, Check::Syntax), "UNKNOWN_MEMBER_IGNORED");
    let returned = told.credential.as_ref().expect("returned");
    assert_eq!(returned["credentialSubject"].get("alumniOf"), None);
    fails_with(&judge(&whole, Policy::Ledger), Check::Syntax, "UNDEFINED_TERM");
    assert_eq!(code(&judge(&bare, Policy::Ledger), Check::Syntax), "OK");
}

#[test]
fn vc_t06_each_fault_of_a_w3c_credential_as_sd_jwt_has_its_code() {
    let (token, school) = disclosing(|_| ());
    let foreign = disclosure("alumniOf", &json!("Another school"));
    let past = json!(NOW_MS / 1_000 - 61);
    let edited = |edit: &dyn Fn(&mut Json)| {
        let (token, school) = disclosing(edit);
        format!("{token}~{school}~")
    };
    for (text, check, expected) in [
        (format!("{token}~{school}~{school}~"), Check::Proof, "SD_DUPLICATE_DISCLOSURE"),
        (format!("{token}~{foreign}~"), Check::Proof, "SD_UNREFERENCED_DISCLOSURE"),
        (edited(&|payload| payload["vc"] = json!({})), Check::Syntax, "VC_CLAIM_PRESENT"),
        (
            edited(&|payload| payload["iss"] = json!("did:example:x")),
            Check::IssuerKey,
            "ISSUER_MISMATCH",
        ),
        (edited(&|payload| payload["exp"] = past.clone()), Check::Proof, "PROOF_EXPIRED"),
        (edited(&|payload| payload["_sd_alg"] = json!("md5")), Check::Proof, "SD_ALG_UNSUPPORTED"),
        (edited(&|payload| payload["issuer"] = Json::Null), Check::Syntax, "ISSUER_INVALID"),
    ] {
        fails_with(&judge(&text, Policy::W3c), check, expected);
    }
    // its status could be kept back
    let status = disclosure("credentialStatus", &json!([]));
    let (hidden, _) = disclosing(|payload| payload["_sd"] = json!([digest(&status)]));
    let verdict = judge(&format!("{hidden}~{status}~"), Policy::W3c);
    fails_with(&verdict, Check::Proof, "SD_NOT_DISCLOSABLE");
    let whole = format!("{token}~{school}~");
    for at in 0..whole.len() {
        let mut bytes = whole.clone().into_bytes();
        bytes[at] ^= 0x01;
        let verdict = verify(&bytes, &Request::new(Policy::W3c), None, NOW_MS);
        assert!(!verdict.verified(), "byte {at}");
    }
}

fn jwk(key: &SigningKey) -> Json {
    let public = PublicKey::new(Algorithm::Ed25519, &key.verifying_key().to_bytes());
    public.and_then(|public| public.to_jwk()).expect("a key")
}

fn present(text: &str, request: &Request) -> PresentationVerdict {
    verify_presentation(text.as_bytes(), request, None, NOW_MS)
}

#[test]
fn vc_t09_a_w3c_credential_as_sd_jwt_is_shown_by_the_key_that_it_names() {
    let (key, ..) = holder();
    let (_, thief, _) = self_issued(3);
    let (token, school) = disclosing(|payload| payload["cnf"] = json!({"jwk": jwk(&key)}));
    let text = format!("{token}~{school}~");
    let bound = |key: &SigningKey| {
        bind(&text, key, "c-1", "verifier.example", NOW_MS / 1_000).expect("bound")
    };
    let good = present(&bound(&key), &request());
    assert!(good.verified(), "{}", good.to_jcs());
    fails_with(&present(&text, &request()).whole, Check::Holder, "KEY_BINDING_MISSING");
    fails_with(&present(&bound(&thief), &request()).whole, Check::Holder, "SIGNATURE_INVALID");
}

/// A presentation of holder 2 as `vp+sd-jwt`, up to its first `~`, and the disclosure of its id.
fn presented(typ: &str, edit: impl Fn(&mut Json)) -> (String, String) {
    let (key, did, method) = holder();
    let id = disclosure("id", &json!("urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21"));
    let mut payload = payload_of(presentation(&[credential()]), &json!(did));
    payload["nonce"] = json!("c-1");
    payload["aud"] = json!("verifier.example");
    payload["_sd"] = json!([digest(&id)]);
    edit(&mut payload);
    (forge(&json!({"alg": "EdDSA", "typ": typ, "kid": method}), &payload, &key), id)
}

#[test]
fn vc_t02_a_presentation_as_sd_jwt_binds_its_holder() {
    let (token, id) = presented("vp+sd-jwt", |_| ());
    let (whole, bare) = (format!("{token}~{id}~"), format!("{token}~"));
    let enveloped = envelope("EnvelopedVerifiablePresentation", "vp+sd-jwt", &whole);
    for text in [&whole, &bare, &enveloped] {
        assert!(is_presentation(text.as_bytes()));
        let verdict = present(text, &request());
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        assert_eq!(verdict.whole.form, Some("vp+sd-jwt"));
        assert_eq!(code(&verdict.whole, Check::Holder), "OK");
        assert_eq!(verdict.credentials.len(), 1);
    }
    let mut wanted = request();
    wanted.challenge = Some("c-2".to_owned());
    fails_with(&present(&whole, &wanted).whole, Check::Holder, "NONCE_MISMATCH");
    let mut wanted = request();
    wanted.domain = Some("other.example".to_owned());
    fails_with(&present(&whole, &wanted).whole, Check::Holder, "AUDIENCE_MISMATCH");
    // nor does it count without what was asked for, or as another form
    let (silent, _) =
        presented("vp+sd-jwt", |payload| drop(payload.as_object_mut().map(|m| m.remove("nonce"))));
    let silent = present(&format!("{silent}~"), &request());
    fails_with(&silent.whole, Check::Holder, "NONCE_MISMATCH");
    let (other, _) = presented("vc+sd-jwt", |_| ());
    let other = present(&format!("{other}~"), &request());
    fails_with(&other.whole, Check::Holder, "TYP_MISMATCH");
    fails_with(&judge(&whole, Policy::W3c), Check::Syntax, "FORM_UNKNOWN");
    for at in 0..whole.len() {
        let mut bytes = whole.clone().into_bytes();
        bytes[at] ^= 0x01;
        let verdict = verify_presentation(&bytes, &request(), None, NOW_MS);
        assert!(!verdict.verified(), "byte {at}");
    }
}

#[test]
fn vc_t06_faults_of_disclosures_and_of_a_further_binding_fail_a_presentation_under_every_policy() {
    let (key, ..) = holder();
    let (_, thief, _) = self_issued(3);
    let (token, id) = presented("vp+sd-jwt", |_| ());
    let foreign = disclosure("id", &json!("urn:x:y"));
    let (named, _) = presented("vp+sd-jwt", |payload| payload["cnf"] = json!({"jwk": jwk(&key)}));
    let bound = |token: &str, key: &SigningKey| {
        bind(&format!("{token}~"), key, "c-1", "verifier.example", NOW_MS / 1_000).expect("bound")
    };
    for policy in [Policy::W3c, Policy::Signature] {
        let mut request = request();
        request.policy = policy;
        for (text, expected) in [
            (format!("{token}~{foreign}~"), "SD_UNREFERENCED_DISCLOSURE"),
            (format!("{token}~{id}~{id}~"), "SD_DUPLICATE_DISCLOSURE"),
            // by no key that the presentation names, and by another than that
            (bound(&token, &key), "SIGNATURE_INVALID"),
            (bound(&named, &thief), "SIGNATURE_INVALID"),
        ] {
            fails_with(&present(&text, &request).whole, Check::Proof, expected);
        }
        let good = present(&bound(&named, &key), &request);
        assert!(good.verified(), "{}", good.to_jcs());
    }
}

#[test]
fn a_presentation_in_an_envelope_is_judged_as_what_it_holds() {
    let (key, _, method) = holder();
    let all = presentation(&[credential()]);
    let shown = issue_vp(&all, &key, &method, IAT_S, "c-1", "verifier.example").expect("signed");
    let enveloped = envelope("EnvelopedVerifiablePresentation", "vp+jwt", &shown);
    assert!(is_presentation(enveloped.as_bytes()));
    let verdict = present(&enveloped, &request());
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(verdict.whole.form, Some("vp+jwt"));
    for (kind, media) in
        [("EnvelopedVerifiableCredential", "vp+jwt"), ("EnvelopedVerifiablePresentation", "vc+jwt")]
    {
        let swapped = present(&envelope(kind, media, &shown), &request());
        fails_with(&swapped.whole, Check::Syntax, "ENVELOPE_MALFORMED");
    }
    // it holds credentials, never another presentation
    let inner: Json = serde_json::from_str(&enveloped).expect("JSON");
    let outer = issue_vp(&presentation(&[inner]), &key, &method, IAT_S, "c-1", "verifier.example");
    assert_eq!(outer.map_err(|fault| fault.code), Err("FORM_UNKNOWN"));
}
