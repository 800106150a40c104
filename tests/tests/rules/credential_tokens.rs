//! `vc+jwt`: issue, verify, and every trap of tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value as Json, json};
use titian_contracts::access::{Ams, KeyEntry, Purpose, ams_key, key_key};
use titian_contracts::state::{decode_content, encode_content};
use titian_contracts::time::rfc3339;
use titian_credential::contexts::Contexts;
use titian_credential::jwt::issue_vc;
use titian_credential::key::Algorithm;
use titian_credential::proof::issue_jcs;
use titian_credential::verdict::{Check, Policy, Verdict};
use titian_credential::verify::{Request, verify};

use super::credential_fixture::{
    NOW_MS, SANDBOX, code, fails_with, issued, live, only, self_issued, verdict_of, verdict_of_text,
};
use super::credential_scene::Scene;

const IAT_S: u64 = NOW_MS / 1_000 - 60;

fn judge(token: &str) -> Verdict {
    verify(token.as_bytes(), &Request::new(Policy::W3c), None, NOW_MS)
}

fn good() -> (String, SigningKey, String) {
    let (credential, key, method) = self_issued(1);
    (issue_vc(&credential, &key, &method, IAT_S, SANDBOX).expect("issued"), key, method)
}

fn encode(value: &Json) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token of any header and payload, honestly signed.
pub fn forge(header: &Json, payload: &Json, key: &SigningKey) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
    format!("{input}.{signature}")
}

fn parts(token: &str) -> (Json, Json) {
    let mut segments = token.split('.').map(|segment| {
        let bytes = URL_SAFE_NO_PAD.decode(segment).expect("base64url");
        serde_json::from_slice::<Json>(&bytes).unwrap_or_default()
    });
    (segments.next().expect("header"), segments.next().expect("payload"))
}

#[test]
pub fn a_token_credential_verifies_and_its_envelope_too() {
    let (token, ..) = good();
    let verdict = judge(&token);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(verdict.form, Some("vc+jwt"));
    assert_eq!(verdict.signed_at, Some((IAT_S * 1_000, false)));
    let envelope = |media: &str, typ: &str| {
        json!({"@context": "https://www.w3.org/ns/credentials/v2", "type": typ,
            "id": format!("data:application/{media},{token}")})
        .to_string()
    };
    assert!(judge(&envelope("vc+jwt", "EnvelopedVerifiableCredential")).verified());
    for (media, typ, expected) in [
        ("vc+jwt", "EnvelopedVerifiablePresentation", "ENVELOPE_MALFORMED"),
        ("vp+jwt", "EnvelopedVerifiableCredential", "ENVELOPE_MALFORMED"),
        ("jwt", "EnvelopedVerifiableCredential", "ENVELOPE_MALFORMED"),
    ] {
        assert_eq!(code(&judge(&envelope(media, typ)), Check::Syntax), expected, "{media}");
    }
    let swapped = judge(&envelope("dc+sd-jwt", "EnvelopedVerifiableCredential"));
    assert_eq!(code(&swapped, Check::Syntax), "MALFORMED_TOKEN");
    // a token of one kind in the shape of the other
    let disclosing = judge(&format!("{token}~"));
    fails_with(&disclosing, Check::Proof, "TYP_MISMATCH");
}

#[test]
pub fn vc_t09_each_fault_of_a_token_has_its_code() {
    let (token, key, method) = good();
    let (header, payload) = parts(&token);
    let with = |base: &Json, name: &str, value: Json| {
        let mut changed = base.clone();
        changed[name] = value;
        changed
    };
    let headers = [
        ("alg", json!("none"), Check::Proof, "ALG_NOT_ALLOWED"),
        ("alg", json!("HS256"), Check::Proof, "ALG_NOT_ALLOWED"),
        ("alg", json!("RS256"), Check::Proof, "ALG_NOT_ALLOWED"),
        ("alg", json!("ES256"), Check::Proof, "ALG_NOT_ALLOWED"),
        ("alg", Json::Null, Check::Proof, "ALG_NOT_ALLOWED"),
        ("crit", json!(["exp"]), Check::Proof, "HEADER_NOT_ALLOWED"),
        ("b64", json!(false), Check::Proof, "HEADER_NOT_ALLOWED"),
        ("typ", json!("JWT"), Check::Proof, "TYP_MISMATCH"),
        ("typ", json!("vp+jwt"), Check::Syntax, "FORM_UNKNOWN"),
        ("typ", json!("kb+jwt"), Check::Proof, "TYP_MISMATCH"),
        ("typ", json!("statuslist+jwt"), Check::Proof, "TYP_MISMATCH"),
        ("typ", json!("at+jwt"), Check::Proof, "TYP_MISMATCH"),
        ("typ", json!("dc+sd-jwt"), Check::Syntax, "MALFORMED_TOKEN"),
        ("typ", json!("vc+sd-jwt"), Check::Syntax, "MALFORMED_TOKEN"),
        ("kid", json!(7), Check::Syntax, "KID_MALFORMED"),
        ("kid", json!("did:key:z6Mk#x"), Check::IssuerKey, "DID_INVALID"),
        ("kid", json!("did:example:x#1"), Check::IssuerKey, "ISSUER_MISMATCH"),
    ];
    for (name, value, check, expected) in headers {
        let verdict = judge(&forge(&with(&header, name, value.clone()), &payload, &key));
        let result = verdict.check(check).expect("there");
        let found = result.code == expected || result.also.contains(&expected);
        assert!(found, "{name} {value}: {}", verdict.to_jcs());
        assert!(!verdict.verified(), "{name} {value}");
    }
    let payloads = [
        ("vc", json!({}), Check::Syntax, "VC_CLAIM_PRESENT"),
        ("vp", json!({}), Check::Syntax, "VC_CLAIM_PRESENT"),
        ("iss", json!("did:example:other"), Check::IssuerKey, "ISSUER_MISMATCH"),
        ("exp", json!(NOW_MS / 1_000 - 61), Check::Proof, "PROOF_EXPIRED"),
        ("nbf", json!(NOW_MS / 1_000 + 61), Check::Proof, "PROOF_EXPIRED"),
        ("iat", json!(NOW_MS / 1_000 + 61), Check::Proof, "PROOF_EXPIRED"),
        ("iat", json!("now"), Check::Proof, "PROOF_MALFORMED"),
        ("iat", json!(1.5), Check::Proof, "PROOF_MALFORMED"),
        ("validUntil", json!("2026-06-30T23:58:59Z"), Check::Validity, "EXPIRED"),
        ("issuer", json!("did:example:x"), Check::IssuerKey, "ISSUER_MISMATCH"),
    ];
    for (name, value, check, expected) in payloads {
        let verdict = judge(&forge(&header, &with(&payload, name, value.clone()), &key));
        let result = verdict.check(check).expect("there");
        let found = result.code == expected || result.also.contains(&expected);
        assert!(found, "{name} {value}: {}", verdict.to_jcs());
        assert!(!verdict.verified(), "{name} {value}");
    }
    for (name, value) in [("exp", json!(NOW_MS / 1_000 - 60)), ("nbf", json!(NOW_MS / 1_000 + 60))]
    {
        assert!(judge(&forge(&header, &with(&payload, name, value), &key)).verified(), "{name}");
    }
    // a key in the header is never looked at
    let other = SigningKey::from_bytes(&[9; 32]);
    let jwk = json!({"kty": "OKP", "crv": "Ed25519",
        "x": URL_SAFE_NO_PAD.encode(other.verifying_key().to_bytes())});
    let injected = forge(&with(&header, "jwk", jwk.clone()), &payload, &other);
    assert_eq!(code(&judge(&injected), Check::Proof), "SIGNATURE_INVALID");
    assert!(judge(&forge(&with(&header, "jwk", jwk), &payload, &key)).verified());
    // without kid a self-certifying issuer has one key; a fragment is completed
    let mut bare = header.clone();
    bare.as_object_mut().expect("object").remove("kid");
    assert!(judge(&forge(&bare, &payload, &key)).verified());
    let fragment = method.split_once('#').expect("a fragment").1;
    let relative = with(&header, "kid", json!(format!("#{fragment}")));
    assert!(judge(&forge(&relative, &payload, &key)).verified());
}

#[test]
pub fn malformed_tokens_are_refused_before_anything_is_looked_up() {
    let (token, ..) = good();
    let two = token.rsplit_once('.').expect("three parts").0.to_owned();
    let duplicate = URL_SAFE_NO_PAD.encode(br#"{"alg":"EdDSA","alg":"none"}"#);
    let payload = token.split('.').nth(1).expect("payload").to_owned();
    for (text, expected) in [
        (two.clone(), "MALFORMED_TOKEN"),
        (format!("{token}.x"), "MALFORMED_TOKEN"),
        (format!("{token}="), "ENCODING"),
        (format!("{two}.AB"), "ENCODING"),
        (format!("..{two}"), "MALFORMED_TOKEN"),
        (format!("{duplicate}.{payload}.AAAA"), "DUPLICATE_KEY"),
        (format!("{}.{payload}.AAAA", URL_SAFE_NO_PAD.encode("[]")), "MALFORMED_TOKEN"),
        (format!("a.{}.b", "A".repeat(128 * 1024)), "TOO_LARGE"),
    ] {
        let verdict = judge(&text);
        assert_eq!(code(&verdict, Check::Syntax), expected, "{}", &text[..text.len().min(60)]);
        assert!(!verdict.verified());
    }
}

#[test]
pub fn vc_t06_flipping_any_byte_of_a_token_never_verifies() {
    let (token, ..) = good();
    let request = Request::new(Policy::W3c);
    for at in 0..token.len() {
        for mask in [0x01, 0x20] {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= mask;
            let verdict = verify(&bytes, &request, None, NOW_MS);
            assert!(!verdict.verified(), "byte {at} with mask {mask:#x}");
        }
    }
}

#[test]
pub fn vc_t07_undefined_members_of_a_token_are_refused_at_issue_and_under_ledger_and_told_under_w3c()
 {
    let (token, key, method) = good();
    let (header, mut payload) = parts(&token);
    // the example context defines every term, so that only the base context stays
    payload["@context"] = json!(["https://www.w3.org/ns/credentials/v2"]);
    payload["type"] = json!(["VerifiableCredential"]);
    payload["credentialSubject"] = json!({"id": "did:example:x", "name": "A school"});
    payload["unheardOf"] = json!("x");
    let verdict = judge(&forge(&header, &payload, &key));
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(code(&verdict, Check::Syntax), "UNKNOWN_MEMBER_IGNORED");
    assert_eq!(verdict.warnings, ["UNKNOWN_MEMBER_IGNORED"]);
    payload["credentialSubject"]["more"] = json!({"x": 1});
    let mut request = Request::new(Policy::W3c);
    request.return_credential = true;
    let verdict = verify(forge(&header, &payload, &key).as_bytes(), &request, None, NOW_MS);
    let returned = verdict.credential.as_ref().expect("returned");
    assert_eq!(returned.get("unheardOf"), None);
    assert_eq!(returned["credentialSubject"].get("more"), None);
    assert_eq!(returned["credentialSubject"]["name"], "A school");
    let ledger = Request::new(Policy::Ledger);
    let verdict = verify(forge(&header, &payload, &key).as_bytes(), &ledger, None, NOW_MS);
    assert_eq!(code(&verdict, Check::Syntax), "UNDEFINED_TERM");
    let (mut credential, ..) = self_issued(1);
    credential["type"] = json!(["VerifiableCredential"]);
    credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2"]);
    let refused = issue_vc(&credential, &key, &method, IAT_S, SANDBOX);
    assert_eq!(refused.map_err(|fault| fault.code), Err("UNDEFINED_TERM"));
}

#[test]
pub fn a_registrars_token_is_verified_under_ledger() {
    let scene = Scene::new();
    let mut credential = issued(&scene, 1);
    credential.as_object_mut().expect("object").remove("proof");
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let key = scene.world.key("SG:ACRA", 1);
    let iat_s = scene.world.time_ms / 1_000;
    let token = issue_vc(&credential, &key, "did:ubin:SG:ACRA#k1", iat_s, strict).expect("issued");
    let request = Request::new(Policy::Ledger);
    let verdict = verdict_of_text(&scene, &token, &request);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    // signed by another authority's key, said to be its own
    let other = scene.world.key("SG:CUSTOMS", 1);
    let stolen = issue_vc(&credential, &other, "did:ubin:SG:CUSTOMS#k1", iat_s, strict);
    let verdict = verdict_of_text(&scene, &stolen.expect("issued"), &request);
    only(&verdict, Check::IssuerKey, "ISSUER_MISMATCH");
}

fn edit<T: BorshSerialize + BorshDeserialize>(
    scene: &mut Scene,
    at: Vec<u8>,
    change: impl FnOnce(&mut T),
) {
    let stored = scene.world.state.0.get_mut(&at).expect("it is there");
    let mut value: T = decode_content(&stored.content).expect("decodes");
    change(&mut value);
    stored.content = encode_content(&value);
}

/// A token has one signature, and a root speaks through k keys: whatever k is, it may not use one.
#[test]
pub fn a_states_root_signs_documents_and_no_tokens() {
    let mut scene = Scene::new();
    edit(&mut scene, ams_key("SG"), |ams: &mut Ams| ams.root_k = 1);
    edit(&mut scene, key_key("SG", 1), |key: &mut KeyEntry| key.purposes.push(Purpose::Assert));
    let mut credential = issued(&scene, 1);
    credential.as_object_mut().expect("object").remove("proof");
    credential["issuer"] = json!("did:ubin:SG");
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let (key, method) = (scene.world.key("SG", 1), "did:ubin:SG#k1");
    let request = Request::new(Policy::Signature);
    let created = rfc3339(scene.world.time_ms);
    let document = issue_jcs(&credential, &key, method, &created, strict).expect("issued");
    let verdict = verdict_of(&scene, &document, &request);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    let token = issue_vc(&credential, &key, method, scene.world.time_ms / 1_000, strict);
    let verdict = verdict_of_text(&scene, &token.expect("issued"), &request);
    only(&verdict, Check::IssuerKey, "KEY_NOT_AUTHORISED");
}

#[test]
pub fn vc_t09_es256_is_verified_and_only_with_a_key_of_its_kind() {
    use p256::ecdsa::signature::Signer as _;
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar");
    let point = key.verifying_key().to_encoded_point(true);
    let public = titian_credential::key::PublicKey::new(Algorithm::P256, point.as_bytes())
        .expect("33 bytes");
    let did = titian_credential::did::method::did_key(&public);
    let method = format!("{did}#{}", public.multikey());
    let (mut credential, ..) = self_issued(1);
    credential["issuer"] = json!(did);
    let unsigned =
        titian_credential::jwt::prepare_vc(&credential, Algorithm::P256, &method, IAT_S, SANDBOX)
            .expect("prepared");
    let signature: p256::ecdsa::Signature = key.sign(unsigned.signing_input.as_bytes());
    let bytes: [u8; 64] = signature.to_bytes().into();
    let token = unsigned.clone().finish(&bytes);
    let verdict = judge(&token);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    // the other of the two equal signatures is accepted too: nobody takes a signature for an id
    let twin = p256::ecdsa::Signature::from_scalars(*signature.r(), -*signature.s());
    let bytes: [u8; 64] = twin.expect("not zero").to_bytes().into();
    assert!(judge(&unsigned.clone().finish(&bytes)).verified());
    for bytes in [[0; 64], [0xff; 64]] {
        let verdict = judge(&unsigned.clone().finish(&bytes));
        assert_eq!(code(&verdict, Check::Proof), "SIGNATURE_INVALID");
    }
}

#[test]
pub fn both_names_of_ed25519_are_read_and_the_older_one_is_written() {
    let (token, key, _) = good();
    let (mut header, payload) = parts(&token);
    assert_eq!(header["alg"], "EdDSA");
    for (alg, verified) in
        [("EdDSA", true), ("Ed25519", true), ("ed25519", false), ("Ed448", false)]
    {
        header["alg"] = json!(alg);
        let verdict = judge(&forge(&header, &payload, &key));
        assert_eq!(verdict.verified(), verified, "{alg}: {}", verdict.to_jcs());
    }
}

#[test]
pub fn vc_t12_a_token_is_128_kib_long_at_most() {
    let (token, key, _) = good();
    let (header, mut payload) = parts(&token);
    // three bytes of the payload are four letters of the token
    let mut of_length = |filled: usize| {
        payload["description"] = json!("x".repeat(filled));
        forge(&header, &payload, &key)
    };
    let empty = of_length(0).len();
    let most = (128 * 1024 - empty) / 4 * 3;
    let (fits, exceeds) = (of_length(most - 3), of_length(most + 6));
    assert!(fits.len() <= 128 * 1024 && exceeds.len() > 128 * 1024);
    assert!(judge(&fits).verified());
    fails_with(&judge(&exceeds), Check::Syntax, "TOO_LARGE");
}
