//! T4: presentations, embedded and `vp+jwt`, against @digitalbazaar/vc and `jose`.

use rand::Rng as _;
use serde_json::{Value, json};
use titian_credential::contexts::BASE_V2;
use titian_credential::jwt;
use titian_credential::proof::{self, Options, Purpose, Suite, assertion};
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, verify_presentation};
use titian_tests::credentials::random::{changed, changed_token, credential, uuid};
use titian_tests::credentials::{METHOD, of_the_data_model, strict};

use super::scene::{Holder, PRESENTATIONS, Scene, accepted};

const CHALLENGE: &str = "c-19d2";
const DOMAIN: &str = "verifier.example";

/// A presentation of one to three credentials of random types and forms.
fn unsigned(scene: &mut Scene, holder: &Holder) -> Value {
    let types = of_the_data_model();
    let now = scene.now();
    let mut credentials = Vec::new();
    for _ in 0..scene.random.gen_range(1..=3) {
        let shipped = types[scene.random.gen_range(0..types.len())];
        let one = credential(shipped, &mut scene.random, scene.desk.world.time_ms);
        let suite = if scene.random.gen_bool(0.5) { Suite::Jcs } else { Suite::Rdfc };
        let live = scene.desk.live();
        let options = assertion(suite, METHOD, &now);
        let issued = proof::issue(&one, &scene.desk.key(), options, strict(&live));
        credentials.push(issued.expect("issued"));
    }
    json!({
        "@context": [BASE_V2], "id": uuid(&mut scene.random), "type": ["VerifiablePresentation"],
        "holder": holder.did, "verifiableCredential": credentials,
    })
}

fn we_accept(scene: &Scene, text: &str) -> Result<(), String> {
    let live = scene.desk.live();
    let request = Request {
        challenge: Some(CHALLENGE.to_owned()),
        domain: Some(DOMAIN.to_owned()),
        ..Request::new(Policy::Ledger)
    };
    let now_ms = scene.desk.world.time_ms;
    let verdict = verify_presentation(text.as_bytes(), &request, Some(&live), now_ms);
    if verdict.verified() { Ok(()) } else { Err(verdict.to_jcs()) }
}

fn they_say(scene: &mut Scene, document: &Value) -> Value {
    let request = json!({
        "document": document, "now": scene.now(), "challenge": CHALLENGE, "domain": DOMAIN,
    });
    scene.js.must("verifyEmbedded", request)
}

fn embedded_both_ways(suite: Suite, seed: u64) {
    let mut scene = Scene::new(seed);
    let holder = Holder::new(11);
    for _ in 0..PRESENTATIONS {
        let unsigned = unsigned(&mut scene, &holder);
        let now = scene.now();
        let options = Options {
            purpose: Purpose::Authentication,
            challenge: Some(CHALLENGE),
            domain: Some(DOMAIN),
            ..assertion(suite, &holder.method, &now)
        };
        let live = scene.desk.live();
        let signed = proof::issue(&unsigned, &holder.key, options, strict(&live)).expect("signed");
        let answer = they_say(&mut scene, &signed);
        assert!(accepted(&answer), "{answer} {signed}");
        let (bad, pointer) = changed(&signed, &mut scene.random);
        assert!(!accepted(&they_say(&mut scene, &bad)), "{pointer} was changed: {bad}");

        let request = json!({
            "form": suite.name(), "document": unsigned, "created": scene.now(),
            "challenge": CHALLENGE, "domain": DOMAIN, "seed": holder.seed_hex(),
            "method": holder.method,
        });
        let signed = scene.js.must("issueEmbedded", request);
        let accepted = we_accept(&scene, &signed.to_string());
        assert_eq!(accepted, Ok(()), "{signed}");
        let (bad, pointer) = changed(&signed, &mut scene.random);
        let refused = we_accept(&scene, &bad.to_string());
        assert!(refused.is_err(), "{pointer} was changed: {bad}");
    }
}

#[test]
fn vc_t04_presentations_by_eddsa_jcs_2022_go_both_ways() {
    embedded_both_ways(Suite::Jcs, 48);
}

#[test]
fn vc_t04_presentations_by_eddsa_rdfc_2022_go_both_ways() {
    embedded_both_ways(Suite::Rdfc, 49);
}

#[test]
fn vc_t04_vp_jwt_goes_both_ways() {
    let mut scene = Scene::new(50);
    let holder = Holder::new(12);
    for _ in 0..PRESENTATIONS {
        let unsigned = unsigned(&mut scene, &holder);
        let now_s = scene.now_s();
        let token = jwt::issue_vp(&unsigned, &holder.key, &holder.method, now_s, CHALLENGE, DOMAIN);
        let token = token.expect("signed");
        let answer = scene.js.must("verifyToken", json!({"typ": "vp+jwt", "token": token}));
        assert!(accepted(&answer), "{answer} {token}");
        let bad = changed_token(&token, &mut scene.random);
        let answer = scene.js.must("verifyToken", json!({"typ": "vp+jwt", "token": bad}));
        assert!(!accepted(&answer), "{token} was changed to {bad}");

        let mut payload = unsigned.clone();
        for (name, value) in
            [("iat", json!(now_s)), ("nonce", json!(CHALLENGE)), ("aud", json!(DOMAIN))]
        {
            payload[name] = value;
        }
        let request = json!({
            "typ": "vp+jwt", "payload": payload, "method": holder.method,
            "seed": holder.seed_hex(),
        });
        let token = scene.js.must("issueToken", request);
        let token = token.as_str().expect("a token");
        assert_eq!(we_accept(&scene, token), Ok(()), "{token}");
        let bad = changed_token(token, &mut scene.random);
        assert!(we_accept(&scene, &bad).is_err(), "{token} was changed to {bad}");
    }
}
