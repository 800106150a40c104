//! DID resolution over HTTP (T14): each method good and bad, each representation, each status.

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_tests::http::{Answer, request};

use super::presentations::holder;
use super::reads::authority;
use super::scene::{INDEX, ROOT, Scene};

const RESOLUTION: &str = "application/did-resolution";
const DEREFERENCING: &str = "application/did-url-dereferencing";

async fn get(scene: &Scene, url: &str, accept: Option<&str>) -> Answer {
    let path = format!("/1.0/identifiers/{url}");
    let headers: Vec<(&str, &str)> = accept.map(|accept| ("accept", accept)).into_iter().collect();
    request(scene.served.address, "GET", &path, &headers, b"").await
}

fn error(answer: &Answer) -> String {
    let body = answer.json();
    let process = body.get("didResolutionMetadata").or_else(|| body.get("dereferencingMetadata"));
    let kind = process.expect("metadata")["error"]["type"].as_str().expect("an error");
    kind.strip_prefix("https://www.w3.org/ns/did#").expect("of the registry").to_owned()
}

#[tokio::test]
async fn t14_each_representation_of_a_did_is_chosen_by_accept() {
    let scene = Scene::new().await;
    let url = "did:ubin:SG:ACRA";
    for accept in [None, Some("*/*"), Some(RESOLUTION)] {
        let answer = get(&scene, url, accept).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(RESOLUTION)));
        let body = answer.json();
        assert_eq!(body["didDocument"]["id"], url);
        assert_eq!(body["didResolutionMetadata"]["contentType"], "application/did");
        assert_eq!(body["didDocumentMetadata"]["versionId"], "0");
    }
    let document = get(&scene, url, Some("application/did")).await;
    assert_eq!(document.header("content-type"), Some("application/did"));
    assert_eq!(document.json()["id"], url);
    let result = get(&scene, url, Some(DEREFERENCING)).await;
    assert_eq!(result.header("content-type"), Some(DEREFERENCING));
    assert_eq!(result.json()["content"]["id"], url);
    let json = get(&scene, url, Some("application/json")).await;
    assert_eq!(json.json()["didDocument"]["id"], url);
    let cbor = get(&scene, url, Some("application/did+cbor")).await;
    assert_eq!((cbor.status, error(&cbor).as_str()), (406, "REPRESENTATION_NOT_SUPPORTED"));
    let page = get(&scene, url, Some("text/html")).await;
    assert_eq!(page.status, 406);
    let proven = get(&scene, &format!("{url}?proof=true"), None).await.json();
    let proven = scene.proven(&proven["didResolutionMetadata"]["ledgerProof"]);
    assert_eq!(proven.claim.get("did").and_then(Value::as_text), Some(url));
    // the options may come in a body
    let headers = [("content-type", "application/json")];
    let path = "/1.0/identifiers/did:ubin:SG:ACRA";
    let post = |body: Json| {
        let body = body.to_string();
        async move { request(scene.served.address, "POST", path, &headers, body.as_bytes()).await }
    };
    let posted = post(json!({"versionId": "0", "accept": "application/did"})).await;
    assert_eq!((posted.status, posted.header("content-type")), (200, Some("application/did")));
    let posted = post(json!({"versionId": 0})).await;
    assert_eq!((posted.status, error(&posted).as_str()), (400, "INVALID_OPTIONS"));
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_each_method_good_and_bad_has_its_status() {
    let scene = Scene::new().await;
    let (key, did_key) = holder();
    let public = titian_credential::key::PublicKey {
        algorithm: titian_credential::key::Algorithm::Ed25519,
        bytes: key.verifying_key().to_bytes().to_vec(),
    };
    let did_jwk = titian_credential::did::method::did_jwk(&public).expect("a key");
    for good in ["did:ubin:SG", "did:ubin:SG:ACRA", "did:ubin:ASEAN", &did_key, &did_jwk] {
        let answer = get(&scene, good, None).await;
        assert_eq!(answer.status, 200, "{good}");
        assert_eq!(answer.json()["didDocument"]["id"], good);
    }
    for (bad, status, name) in [
        ("did:ubin:SG:acra", 400, "INVALID_DID"),
        ("did:ubin:sg", 400, "INVALID_DID"),
        ("did:ubin:SG-UEN-202412345K-XX", 400, "INVALID_DID"),
        ("did:ubin:", 400, "INVALID_DID"),
        ("did:UBIN:SG", 400, "INVALID_DID"),
        ("ubin:SG", 400, "INVALID_DID"),
        ("did:key:z6Mkbroken", 400, "INVALID_DID"),
        ("did:jwk:e30", 400, "INVALID_DID"),
        ("did:web:example.com", 501, "METHOD_NOT_SUPPORTED"),
        ("did:example:1", 501, "METHOD_NOT_SUPPORTED"),
        ("did:ubin:SG:NOBODY", 404, "NOT_FOUND"),
        ("did:ubin:ZZ", 404, "NOT_FOUND"),
        ("did:ubin:SG:ACRA?versionId=7", 404, "NOT_FOUND"),
        ("did:ubin:SG:ACRA?versionId=0&versionTime=2026-11-01T00:00:00Z", 400, "INVALID_OPTIONS"),
        ("did:ubin:SG:ACRA?versionId=0&versionId=0", 400, "INVALID_OPTIONS"),
        ("did:ubin:SG:ACRA?versionTime=soon", 400, "INVALID_OPTIONS"),
        ("did:ubin:SG:ACRA%3Fservice=x", 400, "INVALID_DID_URL"),
        ("did:ubin:SG:ACRA/files/1", 400, "INVALID_DID_URL"),
        ("did:ubin:SG:ACRA/status/1%23x", 400, "INVALID_DID_URL"),
        ("did:ubin:SG:ACRA/status/9", 404, "NOT_FOUND"),
        ("did:ubin:SG:ACRA/status/1%23131072", 404, "NOT_FOUND"),
        ("did:ubin:SG:ACRA%23k9", 404, "NOT_FOUND"),
        ("did:ubin:ASEAN/schema/none/1", 404, "NOT_FOUND"),
        ("did:ubin:SG:AC%20RA", 400, "INVALID_DID_URL"),
    ] {
        let answer = get(&scene, bad, None).await;
        assert_eq!((answer.status, error(&answer).as_str()), (status, name), "{bad}");
    }
    let long = format!("did:ubin:{}", "A".repeat(2_048));
    assert_eq!(error(&get(&scene, &long, None).await), "INVALID_DID_URL");
    // an error has no document of its own
    let refused = get(&scene, "did:ubin:SG:NOBODY", Some("application/did")).await;
    assert_eq!((refused.status, refused.header("content-type")), (404, Some(RESOLUTION)));
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_a_did_url_leads_to_a_key_a_resource_a_list_and_an_entry() {
    let scene = Scene::new().await;
    scene.set(1, 0, 0, 1);
    let key = get(&scene, "did:ubin:SG:ACRA%23k2", None).await;
    assert_eq!((key.status, key.header("content-type")), (200, Some(DEREFERENCING)));
    assert_eq!(key.json()["content"]["id"], "did:ubin:SG:ACRA#k2");
    let bare = get(&scene, "did:ubin:SG:ACRA%23k2", Some("application/did")).await;
    assert_eq!(bare.json()["type"], "Multikey");
    let schema = get(&scene, "did:ubin:ASEAN/schema/aeo-authorisation/1", None).await.json();
    assert_eq!(schema["dereferencingMetadata"]["contentType"], "application/schema+json");
    assert_eq!(schema["contentMetadata"]["status"], "active");
    assert!(schema["content"]["$schema"].is_string());
    let list = get(&scene, "did:ubin:SG:ACRA/status/1", None).await.json();
    assert_eq!(list["content"]["profile"], "revocation");
    let entry = format!("did:ubin:SG:ACRA/status/1%23{INDEX}");
    let entry = get(&scene, &entry, None).await.json();
    assert_eq!(entry["content"]["value"], 1);
    // in no other spelling
    for url in [
        format!("did:ubin:SG:ACRA/status/1%23%2B{INDEX}"),
        format!("did:ubin:SG:ACRA/status/1%230{INDEX}"),
        "did:ubin:SG:ACRA%23k02".to_owned(),
        "did:ubin:SG:ACRA%23%2B2".to_owned(),
    ] {
        let refused = get(&scene, &url, None).await;
        let found = (refused.status, error(&refused));
        assert_eq!(found, (400, "INVALID_DID_URL".to_owned()), "{url}");
    }
    // over JSON-RPC a resource is what vc_resource shows, an entry what vc_status shows
    let did = "did:ubin:ASEAN/schema/aeo-authorisation/1";
    let resolved = scene.ask("vc_resolve", json!({"did": did})).await;
    assert_eq!(resolved, scene.ask("vc_resource", json!({"id": did})).await);
    let did = format!("did:ubin:SG:ACRA/status/1#{INDEX}");
    let resolved = scene.ask("vc_resolve", json!({"did": did})).await;
    assert_eq!(resolved["content"]["value"], 1);
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_a_deactivated_did_is_gone_and_shown_all_the_same() {
    let scene = Scene::new().await;
    let args = authority(&scene.served.world);
    let made = scene.must(Register::Access, "authority_create", args, ROOT);
    let args = Value::object([
        ("party", Value::from("SG:CUSTOMS")),
        ("version", Value::Int(1)),
        ("reason", Value::from("merged")),
    ]);
    scene.must(Register::Access, "authority_close", args, ROOT);
    let url = "did:ubin:SG:CUSTOMS";
    let answer = get(&scene, url, None).await;
    assert_eq!(answer.status, 410);
    let body = answer.json();
    assert_eq!(body["didDocumentMetadata"]["deactivated"], true);
    assert_eq!(body["didDocument"]["id"], url);
    assert!(body["didDocument"].get("verificationMethod").is_none());
    let before = get(&scene, &format!("{url}?versionId={made}"), None).await;
    assert_eq!(
        (before.status, &before.json()["didDocumentMetadata"]["deactivated"]),
        (200, &json!(false))
    );
    scene.served.stop().await;
}
