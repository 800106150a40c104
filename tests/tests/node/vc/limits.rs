//! Limits of the verifier's interface: sizes of bodies, calls per address, challenges.

use std::num::NonZeroU32;

use serde_json::{Value as Json, json};
use titian_contracts::limits;
use titian_tests::http::{post, request};
use titian_tests::served::Served;

use super::scene::Scene;

fn call(method: &str, params: &Json, bytes: usize) -> String {
    let text = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    // spaces are no part of the value
    format!("{text}{}", " ".repeat(bytes.saturating_sub(text.len())))
}

#[tokio::test]
async fn t14_only_a_batch_may_be_larger_than_one_mebibyte_and_it_has_its_own_limit() {
    let scene = Scene::new().await;
    let address = scene.served.address;
    let items = json!({"items": [{"credential": scene.issued()}]});
    let one = json!({"credential": scene.issued()});
    let status = async |method: &str, params: &Json, bytes: usize| {
        post(address, &call(method, params, bytes), &[]).await
    };
    for bytes in
        [limits::RPC_BODY_BYTES_MAX, limits::RPC_BODY_BYTES_MAX + 1, limits::VERIFY_BATCH_BYTES_MAX]
    {
        let answer = status("vc_verifyBatch", &items, bytes).await;
        assert_eq!(
            (answer.status, &answer.json()["result"]["verified"]),
            (200, &json!(1)),
            "{bytes}"
        );
    }
    let beyond = status("vc_verifyBatch", &items, limits::VERIFY_BATCH_BYTES_MAX + 1).await;
    assert_eq!(beyond.status, 413);
    assert_eq!(status("vc_verify", &one, limits::RPC_BODY_BYTES_MAX).await.status, 200);
    assert_eq!(status("vc_verify", &one, limits::RPC_BODY_BYTES_MAX + 1).await.status, 413);
    // neither within a batch of calls
    let nested = format!("[{}]", call("vc_verifyBatch", &items, limits::RPC_BODY_BYTES_MAX));
    assert_eq!(post(address, &nested, &[]).await.status, 413);
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_a_body_that_is_too_large_is_413_and_a_credential_that_is_too_large_is_refused() {
    let scene = Scene::new().await;
    let send = |bytes: usize| {
        let mut credential = scene.issued();
        let text = json!({"verifiableCredential": credential}).to_string();
        credential["pad"] = json!("x".repeat(bytes - text.len() - 9));
        let body = json!({"verifiableCredential": credential}).to_string();
        async move {
            let headers = [("content-type", "application/json")];
            let path = "/credentials/verify";
            request(scene.served.address, "POST", path, &headers, body.as_bytes()).await
        }
    };
    let large = send(limits::RPC_BODY_BYTES_MAX + 1).await;
    assert_eq!(large.status, 413);
    assert_eq!(large.json()["code"], "TOO_LARGE");
    // a credential may be 256 KiB
    let credential = send(300 * 1_024).await;
    assert_eq!(credential.status, 413, "{}", String::from_utf8_lossy(&credential.body));
    let fits = send(200 * 1_024).await;
    assert_eq!(fits.status, 400, "an undefined member, but read");
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_too_many_calls_and_too_many_challenges_are_429_with_a_hint() {
    let served =
        Served::start_with(|config| config.calls_per_second_max = NonZeroU32::new(1)).await;
    // loopback is not limited; the bound of challenges holds for all
    let scene = Scene::over(served);
    let mut refused = None;
    for _ in 0..=limits::CHALLENGES_WAITING_MAX / 100 {
        let calls: Vec<Json> = (0..100)
            .map(|id| {
                json!({"jsonrpc": "2.0", "id": id, "method": "vc_challenge",
                "params": {"domain": "d"}})
            })
            .collect();
        let answer = post(scene.served.address, &json!(calls).to_string(), &[]).await.json();
        let last = answer.as_array().and_then(|answers| answers.last().cloned());
        refused = last.filter(|answer| answer.get("error").is_some());
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("the memory is bounded");
    assert_eq!(refused["error"]["data"]["name"], "BUSY");
    assert!(refused["error"]["data"]["retryAfterMs"].as_u64().is_some_and(|ms| ms <= 300_000));
    let answer = request(scene.served.address, "POST", "/challenges", &[], b"").await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.json()["code"], "BUSY");
    scene.served.stop().await;
}
