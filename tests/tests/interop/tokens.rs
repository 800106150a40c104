//! T4: `vc+jwt` with EdDSA and ES256, against `jose`.

use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};
use titian_credential::did::method::did_key;
use titian_credential::jwt;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::verdict::{Policy, Verdict};
use titian_credential::verify::{Request, verify};
use titian_tests::credentials::random::{changed_token, credential};
use titian_tests::credentials::{ISSUER_DID, METHOD, of_the_data_model, strict};

use super::scene::{CREDENTIALS, Scene, accepted};

fn unsigned(scene: &mut Scene, number: usize) -> Value {
    let types = of_the_data_model();
    credential(types[number % types.len()], &mut scene.random, scene.desk.world.time_ms)
}

fn they_say(scene: &mut Scene, token: &str) -> Value {
    scene.js.must("verifyToken", json!({"typ": "vc+jwt", "token": token}))
}

/// What the other side signs: the credential with the two members of the token.
fn payload(scene: &Scene, unsigned: &Value, issuer: &str) -> Value {
    let mut payload = unsigned.clone();
    payload["iat"] = json!(scene.now_s());
    payload["iss"] = json!(issuer);
    payload
}

#[test]
fn vc_t04_vc_jwt_goes_both_ways() {
    let mut scene = Scene::new(44);
    for number in 0..CREDENTIALS {
        let unsigned = unsigned(&mut scene, number);
        let live = scene.desk.live();
        let (key, now_s) = (scene.desk.key(), scene.now_s());
        let token = jwt::issue_vc(&unsigned, &key, METHOD, now_s, strict(&live)).expect("issued");
        let answer = they_say(&mut scene, &token);
        assert!(accepted(&answer), "{answer} {token}");
        assert_eq!(answer["payload"], payload(&scene, &unsigned, ISSUER_DID));
        let bad = changed_token(&token, &mut scene.random);
        assert!(!accepted(&they_say(&mut scene, &bad)), "{token} was changed to {bad}");

        let payload = payload(&scene, &unsigned, ISSUER_DID);
        let request = json!({
            "typ": "vc+jwt", "payload": payload, "method": METHOD, "seed": scene.seed_hex(),
        });
        let token = scene.js.must("issueToken", request);
        let token = token.as_str().expect("a token");
        let verdict = scene.verdict(token);
        assert!(verdict.verified(), "{} {token}", verdict.to_jcs());
        let bad = changed_token(token, &mut scene.random);
        assert!(!scene.verdict(&bad).verified(), "{token} was changed to {bad}");
    }
}

/// Our verdict on what a `did:key` issued: the registers say nothing of it.
fn verdict_of_stranger(scene: &Scene, token: &str) -> Verdict {
    let live = scene.desk.live();
    let request = Request::new(Policy::Signature);
    verify(token.as_bytes(), &request, Some(&live), scene.desk.world.time_ms)
}

#[test]
fn vc_t04_vc_jwt_with_es256_goes_both_ways() {
    let mut scene = Scene::new(45);
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar");
    let point = key.verifying_key().to_encoded_point(true);
    let public = PublicKey::new(Algorithm::P256, point.as_bytes()).expect("33 bytes");
    let did = did_key(&public);
    let method = format!("{did}#{}", public.multikey());
    let mut jwk = public.to_jwk().expect("on the curve");
    jwk["d"] = json!(base64_of(&key.to_bytes()));
    for number in 0..CREDENTIALS {
        let mut unsigned = unsigned(&mut scene, number);
        unsigned["issuer"] = json!(did);
        let live = scene.desk.live();
        let algorithm = Algorithm::P256;
        let prepared = jwt::prepare_vc(&unsigned, algorithm, &method, scene.now_s(), strict(&live));
        let prepared = prepared.expect("a sound credential");
        let signature: p256::ecdsa::Signature = key.sign(prepared.signing_input.as_bytes());
        let token = prepared.finish(&signature.to_bytes().into());
        let answer = they_say_of_key(&mut scene, &token, &public);
        assert!(accepted(&answer), "{answer} {token}");
        let bad = changed_token(&token, &mut scene.random);
        assert!(!accepted(&they_say_of_key(&mut scene, &bad, &public)), "{bad}");

        let payload = payload(&scene, &unsigned, &did);
        let request = json!({"typ": "vc+jwt", "payload": payload, "method": method, "jwk": jwk});
        let token = scene.js.must("issueToken", request);
        let token = token.as_str().expect("a token");
        let verdict = verdict_of_stranger(&scene, token);
        assert!(verdict.verified(), "{} {token}", verdict.to_jcs());
        let bad = changed_token(token, &mut scene.random);
        assert!(!verdict_of_stranger(&scene, &bad).verified(), "{bad}");
    }
}

/// The other side resolves a `did:key` of P-256 as it does one of Ed25519.
fn they_say_of_key(scene: &mut Scene, token: &str, public: &PublicKey) -> Value {
    assert!(public.multikey().starts_with("zDn"), "a compressed point of P-256");
    they_say(scene, token)
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
