//! The VC API's verifier over HTTP (T14): every row, every error status, options and instances.

use serde_json::{Value as Json, json};
use titian_credential::verdict::Policy;
use titian_node::rpc::Verifier;
use titian_tests::http::{Answer, request};
use titian_tests::served::Served;

use super::presentations::{DOMAIN, presented};
use super::scene::{Scene, check};

async fn post(scene: &Scene, path: &str, body: &Json, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    request(scene.served.address, "POST", path, &all, body.to_string().as_bytes()).await
}

async fn get(scene: &Scene, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(scene.served.address, "GET", path, headers, b"").await
}

fn problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!((&body["title"], &body["code"]), (&json!(code), &json!(code)));
    assert_eq!(body["status"], json!(status));
    assert!(body["type"].is_string() && body["detail"].is_string(), "{body}");
}

async fn with_verifiers() -> Scene {
    let verifier = |name: &str, policy, jurisdiction: Option<&str>| Verifier {
        name: name.to_owned(),
        policy,
        jurisdiction: jurisdiction.map(str::to_owned),
    };
    let served = Served::start_with(|config| {
        config.verifiers = vec![
            verifier("customs", Policy::Ledger, Some("MY")),
            verifier("thai", Policy::Ledger, Some("TH")),
            verifier("plain", Policy::W3c, None),
        ];
    })
    .await;
    Scene::over(served)
}

#[tokio::test]
async fn t14_verified_is_200_and_everything_else_is_400_unless_the_client_is_lenient() {
    let scene = Scene::new().await;
    let good = scene.issued();
    let body = |credential: &Json, options: Json| json!({"verifiableCredential": credential, "options": options});
    let path = "/credentials/verify";
    let answer = post(&scene, path, &body(&good, json!({})), &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let shown = answer.json();
    assert_eq!((&shown["verified"], &shown["problemDetails"]), (&json!(true), &json!([])));
    assert_eq!(shown["verdict"]["policy"], "w3c", "the default of REST");
    assert!(shown.get("results").is_none() && shown.get("credential").is_none());
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));

    scene.set(1, 0, 0, 1);
    let revoked = post(&scene, path, &body(&good, json!({})), &[]).await;
    assert_eq!(revoked.status, 400);
    let shown = revoked.json();
    assert_eq!(shown["verified"], false);
    assert_eq!(shown["problemDetails"][0]["title"], "REVOKED");
    let kind = "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR";
    assert_eq!(shown["problemDetails"][0]["type"], kind);
    assert_eq!(check(&shown["verdict"], "status").1, "REVOKED");
    assert!(!shown.to_string().contains("TITIAN DEMO"), "no claim without being asked");
    for prefer in
        ["handling=lenient", "respond-async, handling=Lenient;q=1", "handling=\"lenient\""]
    {
        let lenient = post(&scene, path, &body(&good, json!({})), &[("prefer", prefer)]).await;
        assert_eq!((lenient.status, &lenient.json()["verified"]), (200, &json!(false)), "{prefer}");
        assert_eq!(lenient.header("preference-applied"), Some("handling=lenient"));
    }
    let strict =
        post(&scene, path, &body(&good, json!({})), &[("prefer", "handling=strict")]).await;
    assert_eq!(strict.status, 400);
    // what cannot be told is not verified: nobody here knows this issuer's documents
    let mut unknown = scene.unsigned();
    unknown["issuer"] = json!("did:web:issuer.example");
    unknown["proof"] = good["proof"].clone();
    unknown["proof"]["verificationMethod"] = json!("did:web:issuer.example#k1");
    let unknown = post(&scene, path, &body(&unknown, json!({})), &[]).await;
    assert_eq!(unknown.status, 400);
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_options_are_read_as_their_documents_say() {
    let scene = Scene::new().await;
    let good = scene.issued();
    let token = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": format!("data:application/vc+jwt,{}", scene.token(&scene.unsigned())),
        "type": "EnvelopedVerifiableCredential",
    });
    let ask = |credential: &Json, options: Json| {
        let body = json!({"verifiableCredential": credential, "options": options});
        let scene = &scene;
        async move { post(scene, "/credentials/verify", &body, &[]).await.json() }
    };
    let all =
        json!({"returnResults": true, "returnCredential": true, "returnProblemDetails": false});
    for credential in [&good, &token] {
        let shown = ask(credential, all.clone()).await;
        assert_eq!(shown["verified"], true, "{shown}");
        assert_eq!(&shown["credential"], credential);
        assert!(shown.get("problemDetails").is_none());
        let results = &shown["results"];
        assert_eq!(results["proof"].as_array().map(Vec::len), Some(1));
        assert_eq!(results["credentialStatus"].as_array().map(Vec::len), Some(2));
        for name in ["validFrom", "validUntil"] {
            assert_eq!(results[name]["verified"], true, "{name}");
            assert_eq!(results[name]["input"], good[name]);
        }
        assert_eq!(results["credentialSchema"][0]["verified"], true);
        assert!(shown["verdict"].get("credential").is_none());
    }
    let mut expired = scene.unsigned();
    expired["validFrom"] = json!("2026-07-02T00:00:00Z");
    expired["validUntil"] = json!("2026-07-03T00:00:00Z");
    let expired = scene.signed(&expired, titian_credential::proof::Suite::Jcs, 1);
    let shown = ask(&expired, json!({"returnResults": true})).await;
    assert_eq!(shown["results"]["validFrom"]["verified"], true);
    assert_eq!(shown["results"]["validUntil"]["verified"], false);
    assert_eq!(shown["results"]["proof"][0]["verified"], true);
    // the older list of checks: the proof alone
    let older = ask(&expired, json!({"checks": ["proof"]})).await;
    assert_eq!(
        (&older["verified"], &older["verdict"]["policy"]),
        (&json!(true), &json!("signature"))
    );
    let two = ask(&expired, json!({"checks": ["proof", "credentialStatus"]})).await;
    assert_eq!(two["verdict"]["policy"], "w3c");
    assert_eq!(ask(&expired, json!({"checks": "proof"})).await["verdict"]["policy"], "signature");
    for unknown in [json!(["prove"]), json!("everything"), json!(["proof", "colour"])] {
        let refused = ask(&expired, json!({"checks": unknown})).await;
        assert_eq!(refused["code"], "MALFORMED_REQUEST", "{refused}");
    }
    let named = ask(&good, json!({"policy": "ledger", "jurisdiction": "TH"})).await;
    assert_eq!(check(&named["verdict"], "recognition").1, "NOT_RECOGNISED");
    let required = ask(&good, json!({"require": ["accreditation"], "strange": [1]})).await;
    assert_eq!(check(&required["verdict"], "accreditation").1, "OK");
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_what_does_not_read_is_a_problem_of_its_own_type() {
    let scene = Scene::new().await;
    let good = scene.issued();
    let raw = |path: &'static str, body: &'static str| {
        request(
            scene.served.address,
            "POST",
            path,
            &[("content-type", "application/json")],
            body.as_bytes(),
        )
    };
    for path in ["/credentials/verify", "/presentations/verify"] {
        problem(&raw(path, "{").await, 400, "PARSE_ERROR");
        problem(&raw(path, "{\"a\":1,\"a\":2}").await, 400, "DUPLICATE_KEY");
        problem(&raw(path, "[]").await, 400, "MALFORMED_REQUEST");
        problem(&raw(path, "").await, 400, "MALFORMED_REQUEST");
    }
    let path = "/credentials/verify";
    for body in [
        json!({"credential": good}),
        json!({"verifiableCredential": "eyJ"}),
        json!({"verifiableCredential": good, "options": []}),
        json!({"verifiableCredential": good, "options": {"policy": 1}}),
        json!({"verifiableCredential": good, "options": {"returnResults": "yes"}}),
        json!({"verifiableCredential": good, "options": {"receipts": [1]}}),
        json!({"verifiableCredential": good, "options": {"require": {}}}),
    ] {
        problem(&post(&scene, path, &body, &[]).await, 400, "MALFORMED_REQUEST");
    }
    for options in
        [json!({"policy": "lax"}), json!({"require": ["luck"]}), json!({"jurisdiction": "my"})]
    {
        let body = json!({"verifiableCredential": good, "options": options});
        problem(&post(&scene, path, &body, &[]).await, 400, "INVALID_PARAMS");
    }
    // a type that is missing is the credential's own fault
    let mut typeless = good;
    typeless.as_object_mut().expect("an object").remove("type");
    let answer = post(&scene, path, &json!({"verifiableCredential": typeless}), &[]).await;
    assert_eq!(answer.status, 400);
    let malformed = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR";
    assert_eq!(answer.json()["problemDetails"][0]["type"], malformed);
    assert_eq!(answer.json()["problemDetails"][0]["title"], "TYPE_MISSING");
    let missing = post(&scene, "/verifiers/nobody/credentials/verify", &json!({}), &[]).await;
    problem(&missing, 404, "NOT_FOUND");
    let wrong = get(&scene, path, &[]).await;
    assert_eq!(wrong.status, 405);
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_an_instance_fixes_policy_and_jurisdiction() {
    let scene = with_verifiers().await;
    let body = json!({"verifiableCredential": scene.issued(),
        "options": {"policy": "signature", "jurisdiction": "VN"}});
    for (name, status, policy, recognition) in [
        ("customs", 200, "ledger", "RECOGNISED"),
        ("thai", 400, "ledger", "NOT_RECOGNISED"),
        ("plain", 400, "w3c", "NOT_RECOGNISED"),
    ] {
        let path = format!("/verifiers/{name}/credentials/verify");
        let answer = post(&scene, &path, &body, &[]).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.json());
        let verdict = &answer.json()["verdict"];
        assert_eq!(verdict["policy"], policy);
        assert_eq!(check(verdict, "recognition").1, recognition);
    }
    let given = post(&scene, "/verifiers/customs/challenges", &json!({}), &[]).await;
    assert_eq!(given.status, 200);
    problem(&post(&scene, "/verifiers/none/challenges", &json!({}), &[]).await, 404, "NOT_FOUND");
    let shown = presented(&[scene.issued()], "c-1", DOMAIN);
    let body = json!({"verifiablePresentation": shown,
        "options": {"challenge": "c-1", "domain": DOMAIN}});
    let answer = post(&scene, "/verifiers/customs/presentations/verify", &body, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_presentations_and_challenges_over_http() {
    let scene = Scene::new().await;
    let given = post(&scene, "/challenges", &json!({"domain": DOMAIN}), &[]).await;
    assert_eq!(given.status, 200);
    let challenge = given.json()["challenge"].as_str().expect("text").to_owned();
    let empty = request(scene.served.address, "POST", "/challenges", &[], b"").await;
    assert_ne!(empty.json()["challenge"], json!(challenge));
    let shown = presented(&[scene.issued(), scene.issued()], &challenge, DOMAIN);
    let body = json!({"verifiablePresentation": shown, "options": {
        "challenge": challenge, "domain": DOMAIN, "returnResults": true, "returnPresentation": true}});
    let answer = post(&scene, "/presentations/verify", &body, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let result = answer.json();
    assert_eq!(result["verified"], true);
    assert_eq!(result["presentationResult"]["verified"], true);
    assert_eq!(result["credentialResults"].as_array().map(Vec::len), Some(2));
    assert_eq!(result["verifiablePresentation"], shown);
    let own = &result["results"]["presentation"];
    for name in ["challenge", "domain", "holder"] {
        assert_eq!(own[name]["verified"], true, "{name}");
    }
    assert_eq!(own["challenge"]["input"], json!(challenge));
    // once
    let again = post(&scene, "/presentations/verify", &body, &[]).await;
    assert_eq!(again.status, 400);
    let result = again.json();
    assert_eq!(result["problemDetails"][0]["title"], "CHALLENGE_REPLAYED");
    let kind = "https://w3id.org/security#INVALID_CHALLENGE_ERROR";
    assert_eq!(result["problemDetails"][0]["type"], kind);
    assert_eq!(result["results"]["presentation"]["challenge"]["verified"], false);
    let wrong = json!({"verifiablePresentation": shown,
        "options": {"challenge": "c-2", "domain": "elsewhere.example"}});
    let wrong = post(&scene, "/presentations/verify", &wrong, &[]).await;
    assert_eq!((wrong.status, &wrong.json()["verified"]), (400, &json!(false)));
    // the older list of checks asks for the proof: the presentation's own one too
    for (forged, expected) in [(false, 200), (true, 400)] {
        let mut shown = presented(&[scene.issued()], "c-1", DOMAIN);
        if forged {
            shown["id"] = json!("urn:uuid:0c1f5e9a-0000-4000-8000-000000000000");
        }
        let body = json!({"verifiablePresentation": shown, "options": {"checks": ["proof"]}});
        let answer = post(&scene, "/presentations/verify", &body, &[]).await;
        assert_eq!(answer.status, expected, "{}", answer.json());
        assert_eq!(answer.json()["verified"], json!(!forged));
        assert_eq!(answer.json()["presentationResult"]["verified"], json!(!forged));
    }
    problem(
        &post(&scene, "/challenges", &json!({"domain": 1}), &[]).await,
        400,
        "MALFORMED_REQUEST",
    );
    problem(
        &post(&scene, "/challenges", &json!({"domain": "a b"}), &[]).await,
        400,
        "INVALID_PARAMS",
    );
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_schemas_contexts_types_and_problems_are_served() {
    let scene = Scene::new().await;
    for (path, media_type, id) in [
        (
            "/schemas/ASEAN/aeo-authorisation/1",
            "application/schema+json",
            "schema/aeo-authorisation",
        ),
        ("/contexts/ASEAN/aeo-authorisation/1", "application/ld+json", "context/aeo-authorisation"),
        (
            "/vct/ASEAN/professional-qualification/1",
            "application/json",
            "vct/professional-qualification",
        ),
    ] {
        let answer = get(&scene, path, &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)));
        let id = json!({"id": format!("did:ubin:ASEAN/{id}/1")});
        let resource = scene.ask("vc_resource", id).await;
        let bytes = titian_credential::key::decode(resource["bytes"].as_str().expect("text"));
        assert_eq!(Some(answer.body.clone()), bytes);
        let tag = answer.header("etag").expect("a tag").to_owned();
        let again = get(&scene, path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert!(answer.header("cache-control").expect("set").contains("immutable"));
    }
    for path in [
        "/schemas/ASEAN/none/1",
        "/schemas/ASEAN/aeo-authorisation/01",
        "/schemas/ASEAN/aeo-authorisation/2",
        "/schemas/asean/aeo-authorisation/1",
        "/contexts/ASEAN/AEO/1",
        "/vct/ASEAN/mcc-adoption/1",
        "/problems/NO_SUCH_CODE",
    ] {
        problem(&get(&scene, path, &[]).await, 404, "NOT_FOUND");
    }
    for known in titian_credential::problem::all() {
        let answer = get(&scene, &format!("/problems/{}", known.code), &[]).await;
        assert_eq!((answer.status, &answer.json()["title"]), (200, &json!(known.code)));
        assert_eq!(answer.json()["detail"], json!(known.meaning));
    }
    let rule = get(&scene, "/problems/HEIGHT_PRUNED", &[]).await;
    assert_eq!(rule.json()["title"], "HEIGHT_PRUNED");
    scene.served.stop().await;
}
