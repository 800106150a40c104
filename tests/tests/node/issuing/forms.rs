//! `vc_issue`: every form, what it fills in, and what it refuses.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use serde_json::json;
use titian_credential::sd_jwt::issue::bind;
use titian_credential::status::entry::Allocator;
use titian_tests::http::request;

use super::{Office, aeo, holder_key, lab_did, mandate, now_ms, origin};

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_one_claim_set_is_issued_and_verifies() {
    let office = Office::open().await;
    let forms = ["eddsa-jcs-2022", "eddsa-rdfc-2022", "vc+jwt"];
    let params = json!({"credential": aeo("urn:uuid:1"), "forms": forms});
    let issued = office.done("vc_issue", params).await;
    assert_eq!(issued["id"], "urn:uuid:1");
    let profiles: Vec<&str> = issued["status"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|e| e["profile"].as_str())
        .collect();
    assert_eq!(profiles, ["revocation", "suspension"], "those of the registered type");
    for (place, form) in forms.iter().enumerate() {
        let secured = &issued["credentials"][place];
        assert_eq!(secured["form"], *form);
        assert!(secured["receipt"].is_null());
        let verdict = office.done("vc_verify", json!({"credential": secured["credential"]})).await;
        assert_eq!(verdict["verified"], true, "{form}: {verdict}");
        assert_eq!(verdict["form"], *form);
        assert_eq!(verdict["policy"], "ledger");
    }
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_sd_jwt_has_an_entry_and_a_holder_for_each_copy() {
    let office = Office::open().await;
    let keys: Vec<_> = (1..=5).map(holder_key).collect();
    let params = json!({"claims": mandate(), "copies": keys, "credentialId": "urn:uuid:batch"});
    let issued = office.done("vc_issue", params).await;
    let copies = issued["credentials"].as_array().expect("a list");
    assert_eq!(copies.len(), 5);
    let indexes: BTreeSet<u64> = issued["status"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            assert_eq!(entry["profile"], "token");
            entry["index"].as_u64().expect("a number")
        })
        .collect();
    assert_eq!(indexes.len(), 5, "each its own");
    assert!(indexes.iter().all(|index| Allocator::Node.has(*index)), "wallets have the others");
    for (seed, copy) in (1..).zip(copies) {
        let text = copy["credential"].as_str().expect("a token");
        assert!(!text.contains("Example"), "names stand in disclosures only");
        // the two names that the schema calls personal
        assert_eq!(text.matches('~').count(), 3, "{text}");
        // a copy counts when its holder shows it
        let verdict = office.done("vc_verify", json!({"credential": text})).await;
        assert_eq!(verdict["checks"][7]["code"], "KEY_BINDING_MISSING", "{verdict}");
        let (key, now_s) = (SigningKey::from_bytes(&[seed; 32]), now_ms() / 1_000);
        let shown = bind(text, &key, "n-7f3a91ab", "did:ubin:SG:PEB", now_s).expect("bound");
        let verdict = office.done("vc_verify", json!({"credential": shown})).await;
        assert_eq!(verdict["verified"], true, "{verdict}");
    }
    // two copies of one key could be linked by it, also if it is written in another way
    let mut again = holder_key(1);
    again["kid"] = json!("another name");
    let linked = json!({"claims": mandate(), "copies": [holder_key(1), holder_key(2), again]});
    let answer = office.call(&office.officer(), "vc_issue", linked).await;
    let error = &answer["error"]["data"];
    assert_eq!((&error["name"], &error["field"]), (&json!("INVALID_PARAMS"), &json!("/copies/2")));
    let one = json!({"claims": mandate(), "holderKey": holder_key(9), "disclose": ["/role"]});
    let issued = office.done("vc_issue", one).await;
    assert!(issued["id"].as_str().is_some_and(|id| id.starts_with("urn:uuid:")));
    let text = issued["credential"].as_str().expect("a token");
    assert_eq!(text.matches('~').count(), 4, "the caller's besides");
    let personal = json!({"credential": aeo("urn:uuid:2"), "form": "dc+sd-jwt"});
    assert_eq!(office.refused("vc_issue", personal).await, "INVALID_PARAMS");
    // claims of a type that the credential does not name would go out unexamined
    let two = json!({"credential": aeo("urn:uuid:two"), "claims": mandate(),
        "forms": ["vc+jwt", "dc+sd-jwt"]});
    let answer = office.call(&office.officer(), "vc_issue", two).await;
    let error = &answer["error"]["data"];
    assert_eq!(
        (&error["name"], &error["field"]),
        (&json!("INVALID_PARAMS"), &json!("/claims/vct"))
    );
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorised_operator_is_issued_as_claims_that_the_holder_may_keep_back() {
    let office = Office::open().await;
    let mut claims = mandate();
    let frame = ["iss", "nbf", "exp"].map(|name| (name, claims[name].clone()));
    claims = json!({"vct": "did:ubin:ASEAN/vct/aeo-authorisation/1"});
    for (name, value) in frame {
        claims[name] = value;
    }
    let credential = aeo("urn:uuid:claims");
    for (name, value) in credential["credentialSubject"].as_object().expect("a subject") {
        claims[if name == "id" { "sub" } else { name }] = value.clone();
    }
    let params = json!({"claims": claims, "disclose": ["/securityLevel"]});
    let issued = office.done("vc_issue", params).await;
    let text = issued["credential"].as_str().expect("a token");
    assert_eq!(text.matches('~').count(), 2, "one claim may be kept back: {text}");
    let verdict = office.done("vc_verify", json!({"credential": text})).await;
    assert_eq!(verdict["verified"], true, "{verdict}");
    assert_eq!(
        (&verdict["form"], &verdict["types"]),
        (&json!("dc+sd-jwt"), &json!(["did:ubin:ASEAN/vct/aeo-authorisation/1"]))
    );
    // without it the schema still holds what must be shown
    let bare = format!("{}~", text.split('~').next().expect("a token"));
    let verdict = office.done("vc_verify", json!({"credential": bare})).await;
    assert_eq!(verdict["checks"][1]["code"], "SCHEMA_VIOLATION", "{verdict}");
    let mut wrong = claims.clone();
    wrong["securityLevel"] = json!("FULL");
    assert_eq!(office.refused("vc_issue", json!({"claims": wrong})).await, "SCHEMA_VIOLATION");
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_use_certificate_is_issued_lodged_and_used_once() {
    let office = Office::open().await;
    let issued = office.done("vc_issue", json!({"credential": origin("urn:uuid:co")})).await;
    let entry = &issued["credential"]["credentialStatus"][1];
    assert_eq!((&entry["statusPurpose"], &entry["statusSize"]), (&json!("message"), &json!(2)));
    assert_eq!(entry["statusMessage"][2], json!({"status": "0x2", "message": "utilised"}));
    let index = issued["status"][1]["index"].clone();
    let step = |to: &str| json!({"list": "SG:CUSTOMS/status/4", "index": index, "move": to, "by": super::CUSTOMS});
    let lodged = office.done("vc_use", step("lodge")).await;
    assert!(lodged["txId"].as_str().is_some_and(|id| id.starts_with("tx:")));
    assert_eq!(lodged["version"], 1);
    let verdict = office.done("vc_verify", json!({"credential": issued["credential"]})).await;
    assert_eq!(verdict["checks"][5]["code"], "USE_LODGED", "{verdict}");
    assert_eq!(office.refused("vc_use", step("lodge")).await, "STATUS_CONFLICT");
    office.done("vc_use", step("utilise")).await;
    assert_eq!(office.refused("vc_use", step("release")).await, "STATUS_CONFLICT");
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_refuses_what_a_verifier_would_refuse_with_its_code() {
    let office = Office::open().await;
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut credential = aeo("urn:uuid:bad");
        change(&mut credential);
        json!({"credential": credential})
    };
    let cases: Vec<(&str, serde_json::Value)> = vec![
        ("TYPE_MISSING", with(&|c| c["type"] = json!(["AEOAuthorisation"]))),
        ("UNDEFINED_TERM", with(&|c| c["credentialSubject"]["hobby"] = json!("chess"))),
        ("SCHEMA_VIOLATION", with(&|c| c["credentialSubject"]["securityLevel"] = json!("none"))),
        (
            "SCHEMA_REQUIRED",
            with(&|c| {
                c.as_object_mut().expect("an object").remove("credentialSchema");
            }),
        ),
        ("CONTEXT_UNKNOWN", with(&|c| c["@context"][1] = json!("https://example.org/c/1"))),
        (
            "ISSUER_INVALID",
            with(&|c| {
                c.as_object_mut().expect("an object").remove("issuer");
            }),
        ),
        ("ISSUER_MISMATCH", with(&|c| c["issuer"] = json!("did:ubin:SG:ACRA"))),
        ("DATE_ORDER", with(&|c| c["validFrom"] = json!("2039-01-01T00:00:00Z"))),
        ("STATUS_MALFORMED", with(&|c| c["credentialStatus"] = json!([{"type": "x"}]))),
        ("FIELD_LIMIT", with(&|c| c["validUntil"] = json!("2039-01-01T00:00:00Z"))),
        ("FORBIDDEN", with(&|c| c["type"] = json!(["VerifiableCredential", "MCCAdoption"]))),
        ("SUBJECT_INVALID", with(&|c| c["credentialSubject"] = json!([]))),
    ];
    for (code, params) in cases {
        let answer = office.call(&office.officer(), "vc_issue", params).await;
        let error = &answer["error"]["data"];
        assert_eq!(error["name"], code, "{answer}");
        if code == "SCHEMA_REQUIRED" {
            assert_eq!(error["field"], "/credentialSchema", "the member that is lacking");
        }
    }
    // nothing was kept
    assert_eq!(office.refused("vc_credential", json!({"id": "urn:uuid:bad"})).await, "NOT_FOUND");
    // ahead of its period it is issued
    let ahead = with(&|c| {
        c["validFrom"] =
            json!(titian_contracts::time::rfc3339(titian_tests::served::now_ms() + 86_400_000))
    });
    office.done("vc_issue", ahead).await;
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_body_gives_the_same_result_and_another_body_is_refused() {
    let office = Office::open().await;
    let params = json!({"credential": aeo("urn:uuid:same"), "forms": ["eddsa-jcs-2022", "vc+jwt"]});
    let first = office.done("vc_issue", params.clone()).await;
    assert_eq!(office.done("vc_issue", params.clone()).await, first);
    let mut other = params.clone();
    other["credential"]["credentialSubject"]["programme"] = json!("Another");
    assert_eq!(office.refused("vc_issue", other).await, "CREDENTIAL_EXISTS");
    let mut other = params;
    other["forms"] = json!(["vc+jwt"]);
    assert_eq!(office.refused("vc_issue", other).await, "CREDENTIAL_EXISTS");
    // two at once: one is issued, the other waits or gets the same
    let both = json!({"credential": aeo("urn:uuid:race")});
    let officer = office.officer();
    let (a, b) = tokio::join!(
        office.call(&officer, "vc_issue", both.clone()),
        office.call(&officer, "vc_issue", both.clone())
    );
    let results: BTreeSet<String> = [a, b]
        .iter()
        .filter(|answer| answer["error"].is_null())
        .map(|answer| answer["result"].to_string())
        .collect();
    assert_eq!(results.len(), 1);
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_not_on_the_ledger_keeps_its_lists_on_the_node() {
    let office = Office::open().await;
    let officer = office.officer();
    let body = json!({"statusPurpose": "revocation"});
    let made = office.http(&officer, "POST", "/issuers/lab/status-lists", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let address = made.json()["statusListCredential"].as_str().expect("an address").to_owned();
    assert_eq!(made.json()["id"], "lab:1");
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:uuid:lab", "type": ["VerifiableCredential"], "issuer": lab_did(),
        "credentialSubject": {"id": "did:example:somebody"},
    });
    let params =
        json!({"credential": credential, "status": ["revocation"], "form": "eddsa-jcs-2022"});
    let issued = office.done("vc_issue", params).await;
    assert_eq!(issued["status"][0]["list"], address);
    let index = issued["status"][0]["index"].clone();
    let ask = json!({"credential": issued["credential"], "policy": "w3c"});
    let verdict = office.done("vc_verify", ask.clone()).await;
    assert_eq!(verdict["verified"], true, "{verdict}");
    let set = json!({"list": address, "index": index, "new": 1});
    let done = office.done("vc_setStatus", set.clone()).await;
    assert_eq!(done, json!({"txId": null, "height": null, "version": 1}));
    let verdict = office.done("vc_verify", ask).await;
    assert_eq!(verdict["checks"][5]["code"], "REVOKED", "{verdict}");
    let mut back = set;
    back["new"] = json!(0);
    assert_eq!(office.refused("vc_setStatus", back).await, "STATUS_IRREVERSIBLE");
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_which_a_member_stands_twice_is_not_issued() {
    let office = Office::open().await;
    let credential = aeo("urn:uuid:twice").to_string();
    let twice = |inside: &str, more: &str| {
        assert!(credential.contains(inside));
        credential.replacen(inside, &format!("{inside}{more}"), 1)
    };
    let subject = twice(r#""credentialSubject":{"#, r#""ubin":"SG-UEN-209900001K-SU","#);
    let bearer = office.officer();
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let call = async |params: String| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"vc_issue","params":{params}}}"#);
        request(office.address(), "POST", "/", &headers, body.as_bytes()).await.json()
    };
    let top = twice("{", r#""issuer":"did:ubin:SG:CUSTOMS","#);
    for params in [
        format!(r#"{{"credential":{subject}}}"#),
        format!(r#"{{"credential":{top}}}"#),
        format!(r#"{{"credential":{credential},"credential":{credential}}}"#),
        format!(r#"{{"claims":{}}}"#, twice("{", r#""issuer":"did:ubin:SG:CUSTOMS","#)),
        r#"{"claims":{},"holderKey":{"kty":"OKP","kty":"EC"}}"#.to_owned(),
        r#"{"claims":{},"copies":[{"kty":"OKP","kty":"EC"}]}"#.to_owned(),
    ] {
        let answer = call(params).await;
        assert_eq!(answer["error"]["data"]["name"], "INVALID_PARAMS", "{answer}");
        assert!(answer.to_string().contains("a member stands twice"), "{answer}");
    }
    let answer = call(format!(r#"{{"credential":{credential},"claims":null}}"#)).await;
    assert_eq!(answer["result"]["id"], "urn:uuid:twice", "{answer}");
    office.served.stop().await;
}
