//! Presentations to a node: what the holder signs, for whom, and once.

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_contracts::time::rfc3339;
use titian_credential::contexts::Contexts;
use titian_credential::did::{Algorithm, multikey};
use titian_credential::proof::{Options, Purpose, Suite, issue};
use titian_tests::served::now_ms;

use super::scene::{Scene, check};

pub const DOMAIN: &str = "gateway.customs.example";

/// A holder's key and DID.
pub fn holder() -> (SigningKey, String) {
    let key = SigningKey::from_bytes(&[77; 32]);
    let multikey = multikey(Algorithm::Ed25519, &key.verifying_key().to_bytes());
    (key, format!("did:key:{multikey}"))
}

/// A presentation of `credentials`, signed over a challenge and a domain.
pub fn presented(credentials: &[Json], challenge: &str, domain: &str) -> Json {
    let (key, did) = holder();
    let unsigned = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": did,
        "verifiableCredential": credentials,
    });
    let method = format!("{did}#{}", did.trim_start_matches("did:key:"));
    let created = rfc3339(now_ms());
    let options = Options {
        suite: Suite::Jcs,
        verification_method: &method,
        created: &created,
        purpose: Purpose::Authentication,
        challenge: Some(challenge),
        domain: Some(domain),
    };
    let contexts = Contexts { snapshot: None, sandbox: false, inline: false };
    issue(&unsigned, &key, options, contexts).expect("signed")
}

async fn challenge(scene: &Scene) -> String {
    let given = scene.ask("vc_challenge", json!({"domain": DOMAIN})).await;
    given["challenge"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn t14_a_challenge_of_the_node_counts_once_for_the_domain_it_was_given_for() {
    let scene = Scene::new().await;
    let credential = scene.issued();
    let nonce = challenge(&scene).await;
    let shown = presented(std::slice::from_ref(&credential), &nonce, DOMAIN);
    let ask = |presentation: &Json, challenge: &str, domain: &str| json!({"presentation": presentation, "challenge": challenge, "domain": domain});
    let first = scene.ask("vc_verifyPresentation", ask(&shown, &nonce, DOMAIN)).await;
    assert_eq!(first["verified"], true, "{first}");
    assert_eq!(first["outcome"], "verified");
    assert_eq!(first["credentials"].as_array().map(Vec::len), Some(1));
    assert_eq!(check(&first["presentation"], "holder").1, "OK");
    let again = scene.ask("vc_verifyPresentation", ask(&shown, &nonce, DOMAIN)).await;
    assert_eq!(again["outcome"], "rejected");
    assert_eq!(check(&again["presentation"], "holder").1, "CHALLENGE_REPLAYED");

    let nonce = challenge(&scene).await;
    let elsewhere = "another.example";
    let shown = presented(std::slice::from_ref(&credential), &nonce, elsewhere);
    let other = scene.ask("vc_verifyPresentation", ask(&shown, &nonce, elsewhere)).await;
    assert_eq!(check(&other["presentation"], "holder").1, "CHALLENGE_REPLAYED");
    // where the caller names no domain, that of the challenge holds
    let nonce = challenge(&scene).await;
    let shown = presented(std::slice::from_ref(&credential), &nonce, elsewhere);
    let params = json!({"presentation": shown, "nonce": nonce});
    let other = scene.ask("vc_verifyPresentation", params).await;
    assert_eq!(check(&other["presentation"], "holder").1, "DOMAIN_MISMATCH");
    // a challenge of this form that nobody here gave
    let strange = "uTtn1AAAAAAAAAAAAAAAAAAAAAA";
    let shown = presented(std::slice::from_ref(&credential), strange, DOMAIN);
    let other = scene.ask("vc_verifyPresentation", ask(&shown, strange, DOMAIN)).await;
    assert_eq!(check(&other["presentation"], "holder").1, "CHALLENGE_REPLAYED");
    // and one of the caller's own
    let shown = presented(&[credential], "my-own-1", DOMAIN);
    let own = scene.ask("vc_verifyPresentation", ask(&shown, "my-own-1", DOMAIN)).await;
    assert_eq!(own["verified"], true, "{own}");
    let verdict = json!({"credential": shown, "challenge": "my-own-2", "domain": DOMAIN});
    let verdict = scene.ask("vc_verify", verdict).await;
    assert_eq!(check(&verdict, "holder").1, "CHALLENGE_MISMATCH");
    scene.served.stop().await;
}

#[tokio::test]
async fn a_presentation_is_verified_only_if_all_its_credentials_are() {
    let scene = Scene::new().await;
    let good = scene.issued();
    let mut bad = good.clone();
    bad["validUntil"] = json!("2027-12-31T00:00:00Z");
    for (credentials, expected) in [
        (vec![good.clone()], "verified"),
        (vec![good.clone(), good.clone()], "verified"),
        (vec![good.clone(), bad.clone()], "rejected"),
        (vec![bad], "rejected"),
    ] {
        let shown = presented(&credentials, "c-1", DOMAIN);
        let params = json!({"presentation": shown, "challenge": "c-1", "audience": DOMAIN});
        let answer = scene.ask("vc_verifyPresentation", params).await;
        assert_eq!(answer["outcome"], expected, "{answer}");
        assert_eq!(answer["verified"], json!(expected == "verified"));
    }
    let shown = presented(&[good], "c-1", DOMAIN);
    let subject = json!({"presentation": shown, "challenge": "c-1", "subjectIsHolder": true});
    let answer = scene.ask("vc_verifyPresentation", subject).await;
    assert_eq!(answer["outcome"], "rejected");
    let two = json!({"presentation": shown, "challenge": "c-1", "nonce": "c-2"});
    scene.fails("vc_verifyPresentation", two, "INVALID_PARAMS").await;
    scene.fails("vc_challenge", json!({"domain": ""}), "INVALID_PARAMS").await;
    scene.served.stop().await;
}
