//! T4: `dc+sd-jwt` with key binding and a Token Status List, against @sd-jwt/sd-jwt-vc.

use rand::Rng as _;
use rand::seq::SliceRandom as _;
use serde_json::{Map, Value, json};
use titian_credential::sd_jwt::issue::{bind, issue, select};
use titian_credential::verdict::{Policy, Verdict};
use titian_credential::verify::{Request, verify};
use titian_tests::credentials::random::{changed_token, claims};
use titian_tests::credentials::{METHOD, of_persons};

use super::scene::{CREDENTIALS, Holder, Scene, accepted};

const NONCE: &str = "n-7f3a91";
const AUDIENCE: &str = "did:ubin:SG:PEB";

type Claims = (Map<String, Value>, Vec<String>);

fn unsigned(scene: &mut Scene, number: usize, holder: &Holder) -> Claims {
    let types = of_persons();
    let time_ms = scene.desk.world.time_ms;
    claims(types[number % types.len()], &mut scene.random, time_ms, &holder.jwk)
}

/// Some of the disclosures.
fn shown(scene: &mut Scene, disclose: &[String]) -> Vec<String> {
    let count = scene.random.gen_range(0..=disclose.len());
    disclose.choose_multiple(&mut scene.random, count).cloned().collect()
}

/// What the verifier learns: all but what was kept back.
fn expected(claims: &Map<String, Value>, disclose: &[String], shown: &[String]) -> Value {
    let kept = |name: &String| disclose.contains(name) && !shown.contains(name);
    let learnt = claims.iter().filter(|(name, _)| !kept(name));
    Value::Object(learnt.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn ours(
    scene: &mut Scene,
    (claims, disclose): &Claims,
    holder: &Holder,
    shown: &[String],
) -> String {
    let pointers: Vec<String> = disclose.iter().map(|name| format!("/{name}")).collect();
    let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
    let (key, now_s) = (scene.desk.key(), scene.now_s());
    let mut random = || scene.random.r#gen();
    let token = issue(claims, &pointers, &key, METHOD, &mut random).expect("issued");
    let names: Vec<&str> = shown.iter().map(String::as_str).collect();
    let chosen = select(&token, &names).expect("known names");
    bind(&chosen, &holder.key, NONCE, AUDIENCE, now_s).expect("bound")
}

fn theirs(
    scene: &mut Scene,
    (claims, disclose): &Claims,
    holder: &Holder,
    shown: &[String],
) -> String {
    let issuing = json!({
        "payload": claims, "disclose": disclose, "method": METHOD, "seed": scene.seed_hex(),
    });
    let token = scene.js.must("issueSdJwt", issuing);
    let presenting = json!({
        "token": token, "show": shown, "nonce": NONCE, "audience": AUDIENCE,
        "iat": scene.now_s(), "seed": holder.seed_hex(),
    });
    let text = scene.js.must("presentSdJwt", presenting);
    text.as_str().expect("a token").to_owned()
}

fn they_say(scene: &mut Scene, token: &str) -> Value {
    scene.js.must("verifySdJwt", json!({"token": token, "now": scene.now_s(), "nonce": NONCE}))
}

fn we_say(scene: &Scene, token: &str) -> Verdict {
    let live = scene.desk.live();
    let request = Request {
        challenge: Some(NONCE.to_owned()),
        domain: Some(AUDIENCE.to_owned()),
        return_credential: true,
        ..Request::new(Policy::Ledger)
    };
    verify(token.as_bytes(), &request, Some(&live), scene.desk.world.time_ms)
}

#[test]
fn vc_t04_dc_sd_jwt_goes_both_ways() {
    let mut scene = Scene::new(46);
    let holder = Holder::new(9);
    for number in 0..CREDENTIALS {
        let unsigned = unsigned(&mut scene, number, &holder);
        let shown = shown(&mut scene, &unsigned.1);
        let expected = expected(&unsigned.0, &unsigned.1, &shown);
        let token = ours(&mut scene, &unsigned, &holder, &shown);
        let answer = they_say(&mut scene, &token);
        assert!(accepted(&answer), "{answer} {token}");
        assert_eq!(answer["payload"], expected);
        let bad = changed_token(&token, &mut scene.random);
        assert!(!accepted(&they_say(&mut scene, &bad)), "{token} was changed to {bad}");

        let token = theirs(&mut scene, &unsigned, &holder, &shown);
        let verdict = we_say(&scene, &token);
        assert_eq!(verdict.credential, Some(expected), "{token}");
        // a claim that the schema demands may have been kept back; the signatures hold all the same
        let incomplete = verdict.to_jcs().contains("SCHEMA_VIOLATION");
        assert!(verdict.verified() || incomplete, "{} {token}", verdict.to_jcs());
        let signed = verdict.checks.iter().filter(|result| {
            ["syntax", "proof", "issuerKey", "holder", "status"].contains(&result.check.name())
        });
        for result in signed {
            assert_ne!(result.outcome.name(), "fail", "{} {token}", verdict.to_jcs());
        }
        let bad = changed_token(&token, &mut scene.random);
        assert!(!we_say(&scene, &bad).verified(), "{token} was changed to {bad}");
    }
}

#[test]
fn vc_t04_a_token_status_that_is_set_is_seen_by_both() {
    let mut scene = Scene::new(47);
    let holder = Holder::new(9);
    for (version, value) in [(0, 1), (1, 2)] {
        let unsigned = unsigned(&mut scene, version, &holder);
        let index = unsigned.0["status"]["status_list"]["idx"].as_u64().expect("a number");
        let all = unsigned.1.clone();
        let token = ours(&mut scene, &unsigned, &holder, &all);
        assert!(accepted(&they_say(&mut scene, &token)));
        assert!(we_say(&scene, &token).verified());
        let version = i64::try_from(version).expect("small");
        scene.desk.set(5, version, index, [0, value]);
        scene.serve_lists();
        assert!(!accepted(&they_say(&mut scene, &token)));
        assert!(!we_say(&scene, &token).verified());
    }
}
