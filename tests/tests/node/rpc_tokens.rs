//! Tokens: who may call the operator's methods and see party parts.

use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;
use titian_contracts::op::encode_base64;
use titian_node::rpc::auth::{self, Client, Grant, Integrator, Tokens};
use titian_tests::http::{call, call_with, post};
use titian_tests::served::{INTEGRATOR_SEED, SECRET, Served, now_ms};
use zeroize::Zeroizing;

const NOW_S: u64 = 1_790_000_000;
const PARTY: &str = "SG-UEN-209900001K-SU";

fn tokens() -> Tokens {
    let key = SigningKey::from_bytes(&INTEGRATOR_SEED);
    let integrator = Integrator {
        name: "erp".to_owned(),
        public_key: key.verifying_key().to_bytes(),
        scopes: vec!["etr:read".to_owned(), "vc:issue".to_owned()],
        issuers: vec!["did:ubin:SG:CUSTOMS".to_owned()],
        parties: vec![PARTY.to_owned()],
    };
    Tokens::new(Zeroizing::new(SECRET.to_vec()), "titian-devnet-1", vec![integrator])
}

/// A token with the given header and claims, signed by the integrator's key.
fn integrator_token(header: &serde_json::Value, claims: &serde_json::Value) -> String {
    let part = |value: &serde_json::Value| encode_base64(value.to_string().as_bytes());
    let message = format!("{}.{}", part(header), part(claims));
    let key = SigningKey::from_bytes(&INTEGRATOR_SEED);
    let signature = encode_base64(&key.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

fn good_header() -> serde_json::Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "erp"})
}

fn claims(change: impl FnOnce(&mut serde_json::Value)) -> serde_json::Value {
    let mut claims = json!({"aud": "titian-devnet-1", "iat": NOW_S, "exp": NOW_S + 600,
        "scope": "etr:read node:admin", "issuers": ["did:ubin:SG:CUSTOMS", "did:ubin:SG:ACRA"],
        "parties": [PARTY, "another"]});
    change(&mut claims);
    claims
}

#[test]
fn an_operators_token_is_good_for_sixty_seconds_either_way() {
    let token = auth::admin_token(&SECRET, NOW_S).expect("a token");
    let tokens = tokens();
    for (now, good) in [
        (NOW_S - 61, false),
        (NOW_S - 60, true),
        (NOW_S, true),
        (NOW_S + 60, true),
        (NOW_S + 61, false),
    ] {
        assert_eq!(tokens.check(&token, now).is_ok(), good, "{now}");
    }
    assert_eq!(tokens.check(&token, NOW_S), Ok(Grant::Admin));
    let other = auth::admin_token(&[9; 32], NOW_S).expect("a token");
    assert!(tokens.check(&other, NOW_S).is_err());
}

#[test]
fn an_operators_token_that_names_its_end_ends_then() {
    let sign = |claims: serde_json::Value| {
        let part = |value: &serde_json::Value| encode_base64(value.to_string().as_bytes());
        let message = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).expect("a key");
        mac.update(message.as_bytes());
        format!("{message}.{}", encode_base64(&mac.finalize().into_bytes()))
    };
    let tokens = tokens();
    assert_eq!(tokens.check(&sign(json!({"iat": NOW_S})), NOW_S), Ok(Grant::Admin));
    for (end, good) in [(NOW_S - 1, false), (NOW_S, false), (NOW_S + 1, true)] {
        let token = sign(json!({"iat": NOW_S, "exp": end}));
        assert_eq!(tokens.check(&token, NOW_S).is_ok(), good, "{end}");
    }
}

#[test]
fn every_changed_character_of_an_operators_token_is_refused() {
    let token = auth::admin_token(&SECRET, NOW_S).expect("a token");
    let tokens = tokens();
    for i in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert!(tokens.check(&changed, NOW_S).is_err(), "character {i}");
    }
}

#[test]
fn an_integrators_token_grants_what_the_node_and_the_token_both_say() {
    let token = integrator_token(&good_header(), &claims(|_| {}));
    let granted = tokens().check(&token, NOW_S);
    let client = Client {
        name: "erp".to_owned(),
        scopes: vec!["etr:read".to_owned()],
        issuers: vec!["did:ubin:SG:CUSTOMS".to_owned()],
        parties: vec![PARTY.to_owned()],
    };
    assert_eq!(granted, Ok(Grant::Client(client)));
}

#[test]
fn an_integrators_token_that_breaks_one_rule_is_refused() {
    let tokens = tokens();
    let bad_claims = [
        claims(|c| c["exp"] = json!(NOW_S)),
        claims(|c| c["iat"] = json!(NOW_S + 61)),
        claims(|c| c["aud"] = json!("titian-devnet-2")),
        claims(|c| c["exp"] = json!(NOW_S + auth::INTEGRATOR_LIFE_S_MAX + 1)),
        json!({"scope": "etr:read"}),
    ];
    for claims in bad_claims {
        let token = integrator_token(&good_header(), &claims);
        assert!(tokens.check(&token, NOW_S).is_err(), "{claims}");
    }
    let bad_headers = [
        json!({"alg": "EdDSA", "typ": "JWT", "kid": "erp"}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "other"}),
        json!({"alg": "EdDSA", "typ": "at+jwt"}),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": "erp"}),
        json!({"alg": "none", "typ": "at+jwt", "kid": "erp"}),
    ];
    for header in bad_headers {
        let token = integrator_token(&header, &claims(|_| {}));
        assert!(tokens.check(&token, NOW_S).is_err(), "{header}");
    }
    // the public key is no HMAC secret
    let public = SigningKey::from_bytes(&INTEGRATOR_SEED).verifying_key().to_bytes();
    let confused = auth::admin_token(&public, NOW_S).expect("a token");
    assert!(tokens.check(&confused, NOW_S).is_err());
}

#[test]
fn the_operators_secret_is_made_once_and_refused_if_others_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rpc.secret");
    let first = auth::load_or_create_secret(&path).expect("made");
    let mode = std::fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(auth::load_or_create_secret(&path).expect("read"), first);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
    assert!(auth::load_or_create_secret(&path).is_err());
}

#[tokio::test]
async fn the_operators_methods_need_the_operators_token() {
    let served = Served::start().await;
    let without = call(served.address, "node_status", json!({})).await;
    assert_eq!(without["error"]["data"]["name"], "FORBIDDEN");
    let token = auth::admin_token(&SECRET, now_ms() / 1000).expect("a token");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let status = call_with(served.address, "node_status", json!({}), &headers).await;
    assert_eq!(status["result"]["public"]["chain"], "titian-devnet-1", "{status}");
    let level = call_with(served.address, "node_logLevel", json!({"filter": "x"}), &headers).await;
    assert_eq!(level["error"]["data"]["name"], "INVALID_PARAMS");
    let integrator = integrator_token(
        &good_header(),
        &json!({"aud": "titian-devnet-1", "iat": now_ms() / 1000, "exp": now_ms() / 1000 + 60,
            "scope": "etr:read"}),
    );
    let bearer = format!("Bearer {integrator}");
    let headers = [("authorization", bearer.as_str())];
    let status = call_with(served.address, "node_status", json!({}), &headers).await;
    assert_eq!(status["error"]["data"]["name"], "FORBIDDEN");
    served.stop().await;
}

#[tokio::test]
async fn a_token_that_does_not_verify_is_refused_and_not_ignored() {
    let served = Served::start().await;
    let old = auth::admin_token(&SECRET, now_ms() / 1000 - 3_600).expect("a token");
    for value in [format!("Bearer {old}"), "Bearer x".to_owned(), "Basic eA==".to_owned()] {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"ledger_status"}"#;
        let answer = post(served.address, body, &[("authorization", &value)]).await;
        assert_eq!(answer.status, 401, "{value}");
        assert_eq!(answer.json()["data"]["name"], "FORBIDDEN");
    }
    served.stop().await;
}
