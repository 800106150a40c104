//! Lists and bytes that come with a request, and its clock skew, over JSON-RPC and HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use titian_contracts::limits;
use titian_credential::verdict::Policy;
use titian_node::rpc::Verifier;
use titian_tests::credentials::foreign::{Foreign, INDEX, LIST_URL, RESOURCE_URL};
use titian_tests::http::{Answer, call, request};
use titian_tests::served::{Served, now_ms};

use super::presentations::{DOMAIN, presented};
use super::scene::{Scene, check};

async fn post(scene: &Scene, path: &str, body: &Json) -> Answer {
    let headers = [("content-type", "application/json")];
    request(scene.served.address, "POST", path, &headers, body.to_string().as_bytes()).await
}

/// The verdict of `vc_verify` under policy `w3c` with more parameters.
async fn verdict(scene: &Scene, credential: &Json, more: Json) -> Json {
    let mut params = json!({"credential": credential, "policy": "w3c"});
    for (name, value) in more.as_object().expect("an object") {
        params[name] = value.clone();
    }
    scene.ask("vc_verify", params).await
}

/// Name and field of an error.
async fn refused(scene: &Scene, method: &str, params: Json) -> (String, String) {
    let answer = call(scene.served.address, method, params).await;
    let data = &answer["error"]["data"];
    let text = |name: &str| data[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (text("name"), text("field"))
}

fn is(name: &str, field: &str) -> (String, String) {
    (name.to_owned(), field.to_owned())
}

#[tokio::test]
async fn a_list_that_comes_with_a_request_answers_for_an_issuer_off_the_ledger() {
    let scene = Scene::new().await;
    let issuer = Foreign::at(now_ms() - 10_000);
    let licence = issuer.with_status();
    let (good, revoked) =
        (issuer.list(LIST_URL, &[INDEX + 1]), issuer.list_token(LIST_URL, &[INDEX]));
    let other = issuer.list("https://issuer.example/status/2", &[INDEX]);
    for (lists, outcome, code) in [
        (json!([]), "indeterminate", "STATUS_LIST_NOT_AVAILABLE"),
        (json!([other]), "indeterminate", "STATUS_LIST_NOT_AVAILABLE"),
        (json!([other, good]), "verified", "OK"),
        (json!([good.to_string()]), "verified", "OK"),
        (json!([revoked]), "rejected", "REVOKED"),
    ] {
        let shown = verdict(&scene, &licence, json!({"statusLists": lists})).await;
        assert_eq!(
            (&shown["outcome"], check(&shown, "status").1.as_str()),
            (&json!(outcome), code)
        );
        // the same of all of a batch, and of what a presentation holds
        let items = json!([{"credential": licence}, {"credential": licence}]);
        let params = json!({"items": items, "policy": "w3c", "statusLists": lists});
        let batch = scene.ask("vc_verifyBatch", params).await;
        assert_eq!(batch[outcome], 2, "{batch}");
        let shown = presented(std::slice::from_ref(&licence), "own-1", DOMAIN);
        let params = json!({"presentation": shown, "challenge": "own-1", "domain": DOMAIN,
            "policy": "w3c", "statusLists": lists});
        let shown = scene.ask("vc_verifyPresentation", params).await;
        assert_eq!(check(&shown["credentials"][0], "status").1, code, "{shown}");
        let options = json!({"statusLists": lists});
        let body = json!({"verifiableCredential": licence, "options": options});
        let answer = post(&scene, "/credentials/verify", &body).await;
        assert_eq!(answer.status, if outcome == "verified" { 200 } else { 400 });
        assert_eq!(check(&answer.json()["verdict"], "status").1, code);
    }
    // a copy that was fetched long ago is stale; a time to come is now
    for (fetched_ms, code) in [
        (now_ms() - 400_000, "STATUS_LIST_STALE"),
        (now_ms() - 100_000, "OK"),
        (now_ms() + 9_000_000, "OK"),
    ] {
        let more = json!({"statusLists": [good], "statusListsFetchedMs": fetched_ms});
        let shown = verdict(&scene, &licence, more).await;
        assert_eq!(check(&shown, "status").1, code, "{shown}");
    }
    // a list of the ledger is read from the ledger, whatever comes along
    let credential = scene.issued();
    scene.set(1, 0, 0, 1);
    let mut copy = issuer.list("did:ubin:SG:ACRA/status/1", &[]);
    copy["issuer"] = json!("did:ubin:SG:ACRA");
    let shown = verdict(&scene, &credential, json!({"statusLists": [copy]})).await;
    assert_eq!(check(&shown, "status").1, "REVOKED");
    scene.served.stop().await;
}

#[tokio::test]
async fn lists_and_bytes_that_are_wrong_or_too_many_are_refused_by_name() {
    let scene = Scene::new().await;
    let issuer = Foreign::at(now_ms() - 10_000);
    let licence = issuer.with_status();
    let list = issuer.list(LIST_URL, &[]);
    let lists: Vec<Json> = (0..=limits::SUPPLIED_LISTS_MAX)
        .map(|i| issuer.list(&format!("{LIST_URL}/{i}"), &[]))
        .collect();
    let many: serde_json::Map<String, Json> = (0..=limits::SUPPLIED_RESOURCES_MAX)
        .map(|i| (format!("https://a.example/{i:03}"), json!("AA")))
        .collect();
    let long = "x".repeat(limits::SUPPLIED_URL_BYTES_MAX + 1);
    let twice = list.to_string().replacen('{', "{\"id\":\"https://a.example\",", 1);
    let huge = URL_SAFE_NO_PAD.encode(vec![0; limits::SUPPLIED_BYTES_MAX / 2 + 1]);
    for (more, expected) in [
        (json!({"statusLists": [licence]}), is("INVALID_PARAMS", "/statusLists/0")),
        (json!({"statusLists": [list, 7]}), is("INVALID_PARAMS", "/statusLists/1")),
        (json!({"statusLists": [list, list]}), is("INVALID_PARAMS", "/statusLists/1")),
        (json!({"statusLists": ["a.b.c"]}), is("INVALID_PARAMS", "/statusLists/0")),
        (json!({"statusLists": [twice]}), is("INVALID_PARAMS", "/statusLists/0")),
        (json!({"statusLists": lists}), is("LIMIT_EXCEEDED", "/statusLists/8")),
        (
            json!({"resources": {"https://a.example": "A="}}),
            is("INVALID_PARAMS", "/resources/https:~1~1a.example"),
        ),
        (json!({"resources": {"": "AA"}}), is("INVALID_PARAMS", "/resources/")),
        (
            json!({"resources": {long.as_str(): "AA"}}),
            is("INVALID_PARAMS", &format!("/resources/{long}")),
        ),
        (json!({"resources": many}), is("LIMIT_EXCEEDED", "/resources/https:~1~1a.example~1032")),
        (json!({"skewSeconds": 301}), is("INVALID_PARAMS", "/skewSeconds")),
        (json!({"skewSeconds": 9_007_199_254_740_991_u64}), is("INVALID_PARAMS", "/skewSeconds")),
    ] {
        for (method, name, value) in [
            ("vc_verify", "credential", licence.clone()),
            ("vc_verifyPresentation", "presentation", licence.clone()),
            ("vc_verifyBatch", "items", json!([{"credential": licence}])),
        ] {
            let mut params = more.clone();
            params[name] = value;
            assert_eq!(refused(&scene, method, params).await, expected, "{method}");
        }
        let body = json!({"verifiableCredential": licence, "options": more});
        let answer = post(&scene, "/credentials/verify", &body).await;
        let status = if expected.0 == "LIMIT_EXCEEDED" { 413 } else { 400 };
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(expected.0)));
        let detail = answer.json()["detail"].as_str().expect("text").to_owned();
        assert!(detail.starts_with(&expected.1), "{detail}");
    }
    // together they are more than 1 MiB: only a batch has room for that
    let params = json!({"items": [{"credential": licence}],
        "resources": {"https://a.example/1": huge, "https://a.example/2": huge}});
    let expected = is("LIMIT_EXCEEDED", "/resources/https:~1~1a.example~12");
    assert_eq!(refused(&scene, "vc_verifyBatch", params).await, expected);
    for options in [
        json!({"statusLists": {}}),
        json!({"resources": []}),
        json!({"resources": {"https://a.example": 7}}),
        json!({"skewSeconds": "60"}),
        json!({"skewSeconds": -1}),
        json!({"statusListsFetchedMs": true}),
    ] {
        let body = json!({"verifiableCredential": licence, "options": options});
        let answer = post(&scene, "/credentials/verify", &body).await;
        assert_eq!(answer.status, 400, "{options}");
        assert_eq!(answer.json()["code"], "MALFORMED_REQUEST", "{options}");
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn bytes_of_a_related_resource_count_by_their_digest() {
    let scene = Scene::new().await;
    let deed = Foreign::at(now_ms() - 10_000).with_resource(b"the terms");
    for (bytes, outcome, code) in [
        (None, "indeterminate", "RESOURCE_NOT_AVAILABLE"),
        (Some("the terms"), "verified", "OK"),
        (Some("the term5"), "rejected", "RESOURCE_DIGEST_MISMATCH"),
    ] {
        let mut resources = json!({"https://issuer.example/other": "AA"});
        if let Some(bytes) = bytes {
            resources[RESOURCE_URL] = json!(URL_SAFE_NO_PAD.encode(bytes));
        }
        let more = json!({"resources": resources, "require": ["resources"]});
        let shown = verdict(&scene, &deed, more.clone()).await;
        assert_eq!(check(&shown, "resources").1, code, "{shown}");
        assert_eq!(shown["outcome"], outcome, "{shown}");
        let body = json!({"verifiableCredential": deed, "options": more});
        let answer = post(&scene, "/credentials/verify", &body).await;
        assert_eq!(answer.status, if outcome == "verified" { 200 } else { 400 });
        assert_eq!(check(&answer.json()["verdict"], "resources").1, code);
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn t08_the_clock_skew_of_a_request_counts_to_the_second_and_not_at_an_instance() {
    let served = Served::start_with(|config| {
        config.verifiers =
            vec![Verifier { name: "plain".to_owned(), policy: Policy::W3c, jurisdiction: None }];
    })
    .await;
    let scene = Scene::over(served);
    // judged at a block time of whole seconds
    let time_ms = now_ms().div_ceil(1_000) * 1_000 + 5_000;
    scene.served.blocks.commit_at(time_ms, Vec::new());
    let height = scene.head();
    let issuer = Foreign::at(time_ms - 10_000);
    for (ahead_s, skew, code) in [
        (60, None, "OK"),
        (61, None, "NOT_YET_VALID"),
        (0, Some(0), "OK"),
        (1, Some(0), "NOT_YET_VALID"),
        (120, Some(120), "OK"),
        (121, Some(120), "NOT_YET_VALID"),
        (300, Some(300), "OK"),
        (301, Some(300), "NOT_YET_VALID"),
    ] {
        let credential = issuer.valid_from(time_ms + ahead_s * 1_000);
        let more = json!({"atHeight": height, "skewSeconds": skew});
        let shown = verdict(&scene, &credential, more.clone()).await;
        assert_eq!(check(&shown, "validity").1, code, "{ahead_s} {skew:?}");
        let params = json!({"items": [{"credential": credential}], "policy": "w3c",
            "atHeight": height, "skewSeconds": skew});
        let batch = scene.ask("vc_verifyBatch", params).await;
        assert_eq!(check(&batch["verdicts"][0], "validity").1, code, "{ahead_s} {skew:?}");
    }
    let ahead = Foreign::at(now_ms() - 10_000).valid_from(now_ms() + 200_000);
    for (path, skew, status) in [
        ("/credentials/verify", json!({}), 400),
        ("/credentials/verify", json!({"skewSeconds": 300}), 200),
        // what an instance is configured for is not loosened by a client
        ("/verifiers/plain/credentials/verify", json!({"skewSeconds": 300}), 400),
    ] {
        let body = json!({"verifiableCredential": ahead, "options": skew});
        assert_eq!(post(&scene, path, &body).await.status, status, "{path} {skew}");
    }
    scene.served.stop().await;
}
