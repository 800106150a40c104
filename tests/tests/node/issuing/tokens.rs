//! Access tokens: each scope opens its methods only, for the issuers that the token lists; and T9 of
//! vc-api.md: no token counts in a credential's place, and no credential in a token's.

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use titian_contracts::op::encode_base64;
use titian_tests::served::{TOKEN_SEED, now_ms};

use super::{CUSTOMS, Office, aeo, lab_did};

fn calls() -> Vec<(&'static str, &'static str, Value)> {
    let list = "SG:CUSTOMS/status/2";
    vec![
        ("vc:issue", "vc_issue", json!({"credential": aeo("urn:uuid:scope")})),
        ("vc:status", "vc_setStatus", json!({"list": list, "index": 1, "new": 1})),
        ("vc:use", "vc_use", json!({"list": "SG:CUSTOMS/status/4", "index": 1, "move": "lodge"})),
        ("vc:custody", "vc_credential", json!({"id": "urn:uuid:scope"})),
        ("vc:custody", "vc_privacyReport", json!({})),
        ("vc:custody", "vc_erase", json!({"id": "urn:uuid:scope", "revoke": false})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_opens_its_methods_and_no_other_and_each_issuer_its_own() {
    let office = Office::open().await;
    let admin =
        titian_node::rpc::auth::admin_token(&titian_tests::served::SECRET, now_ms() / 1_000);
    let admin = format!("Bearer {}", admin.expect("a token"));
    let stranger = office.bearer(&["vc:issue", "vc:status", "vc:use", "vc:custody"], &[&lab_did()]);
    for (scope, method, params) in calls() {
        for other in ["vc:issue", "vc:status", "vc:use", "vc:custody", "etr:read"] {
            if other != scope {
                let bearer = office.bearer(&[other], &[CUSTOMS]);
                let answer = office.call(&bearer, method, params.clone()).await;
                assert_eq!(answer["error"]["data"]["name"], "FORBIDDEN", "{method} with {other}");
            }
        }
        // the operator's token is for the node, not for what it keeps
        let answer = office.call(&admin, method, params.clone()).await;
        assert_eq!(answer["error"]["data"]["name"], "FORBIDDEN", "{method} by the operator");
        let answer = office.call(&stranger, method, params.clone()).await;
        if method == "vc_privacyReport" {
            let shown = answer["result"]["instances"].as_array().expect("instances");
            assert!(shown.iter().all(|instance| instance["issuer"] != CUSTOMS), "{answer}");
        } else {
            let name = answer["error"]["data"]["name"].as_str().unwrap_or_default();
            assert!(["FORBIDDEN", "NOT_FOUND"].contains(&name), "{method}: {answer}");
        }
        let bearer = office.bearer(&[scope], &[CUSTOMS]);
        let answer = office.call(&bearer, method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
    }
    office.served.stop().await;
}

/// A token with this header and these claims, signed by the key of operator's tokens.
fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encode_base64(value.to_string().as_bytes());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = SigningKey::from_bytes(&TOKEN_SEED).sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", encode_base64(&signature))
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_no_token_counts_in_anothers_place() {
    let office = Office::open().await;
    let now_s = now_ms() / 1_000;
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = json!({"aud": "titian-devnet-1", "iat": now_s, "exp": now_s + 60,
            "scope": "vc:issue", "issuers": [CUSTOMS], "sub": "x"});
        change(&mut claims);
        claims
    };
    let good = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "node"});
    let body = json!({"credential": aeo("urn:uuid:t9")});
    let issued =
        office.done("vc_issue", json!({"credential": aeo("urn:uuid:c"), "form": "vc+jwt"})).await;
    let credential = issued["credential"].as_str().expect("a token").to_owned();
    let mut refused = vec![
        credential.clone(),
        signed(&good, &claims(&|c| c["exp"] = json!(now_s))),
        signed(&good, &claims(&|c| c["iat"] = json!(now_s + 3_600))),
        signed(&good, &claims(&|c| c["aud"] = json!("another-chain"))),
    ];
    for typ in ["vc+jwt", "vp+jwt", "dc+sd-jwt", "kb+jwt", "statuslist+jwt", "JWT", "at+JWT"] {
        let header = json!({"alg": "EdDSA", "typ": typ, "kid": "node"});
        refused.push(signed(&header, &claims(&|_| {})));
    }
    for kid in ["erp", "admin", ""] {
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid});
        refused.push(signed(&header, &claims(&|_| {})));
    }
    for token in &refused {
        let bearer = format!("Bearer {token}");
        let answer = office.http(&bearer, "POST", "/credentials/issue", &body).await;
        assert_eq!(answer.status, 401, "{token}");
    }
    let token = signed(&good, &claims(&|_| {}));
    // and back: an access token is no credential, whatever it says
    let verdict =
        office.done("vc_verify", json!({"credential": token, "policy": "signature"})).await;
    assert_eq!(verdict["verified"], false, "{verdict}");
    let answer = office.http(&format!("Bearer {token}"), "POST", "/credentials/issue", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    office.served.stop().await;
}
