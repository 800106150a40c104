//! T14 of vc-api.md, the issuer's rows: each status of each request, as any client of the VC API
//! would send it.

use serde_json::{Value, json};
use titian_contracts::time::rfc3339;
use titian_tests::http::request;
use titian_tests::served::now_ms;

use super::{CUSTOMS, Office, aeo, holder_key, lab_did, mandate};

fn issue(credential: &Value) -> Value {
    json!({"credential": credential, "options": {"form": "eddsa-jcs-2022", "unknown": 1}})
}

/// Status, and the code of a problem.
async fn asked(
    office: &Office,
    bearer: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> (u16, String) {
    let answer = office.http(bearer, method, path, body).await;
    if answer.status < 400 {
        return (answer.status, String::new());
    }
    if answer.header("content-type") == Some("application/problem+json") {
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status);
        assert_eq!(problem["title"], problem["code"]);
        assert!(problem["type"].is_string() && problem["detail"].is_string(), "{problem}");
        return (answer.status, problem["code"].as_str().unwrap_or_default().to_owned());
    }
    (answer.status, String::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_client_issues_verifies_tampers_revokes_and_is_told_so_by_status_codes() {
    let office = Office::open().await;
    let bearer = office.bearer(&["vc:issue", "vc:status"], &[CUSTOMS]);
    let made =
        office.http(&bearer, "POST", "/credentials/issue", &issue(&aeo("urn:uuid:t14"))).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), Some("/credentials/urn:uuid:t14"));
    let credential = made.json()["verifiableCredential"].clone();
    assert_eq!(credential["proof"]["cryptosuite"], "eddsa-jcs-2022");
    assert_eq!(credential["credentialStatus"][0]["statusPurpose"], "revocation");
    for policy in ["w3c", "ledger"] {
        let ask = json!({"verifiableCredential": credential, "options": {"policy": policy}});
        let verified = office.http("", "POST", "/credentials/verify", &ask).await;
        assert_eq!(
            (verified.status, &verified.json()["verified"]),
            (200, &json!(true)),
            "{policy}"
        );
    }
    let mut tampered = credential.clone();
    tampered["credentialSubject"]["programme"] = json!("Another programme");
    let ask = json!({"verifiableCredential": tampered});
    let verified = office.http("", "POST", "/credentials/verify", &ask).await;
    assert_eq!((verified.status, &verified.json()["verified"]), (400, &json!(false)));
    let revoke = json!({"credentialId": "urn:uuid:t14", "status": true,
        "credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}});
    let done = office.http(&bearer, "POST", "/credentials/status", &revoke).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.json()["txId"].as_str().is_some_and(|id| id.starts_with("tx:")));
    let ask = json!({"verifiableCredential": credential});
    let verified = office.http("", "POST", "/credentials/verify", &ask).await;
    assert_eq!(verified.status, 400);
    assert_eq!(verified.json()["problemDetails"][0]["title"], "REVOKED", "{:?}", verified.json());
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_tokens_come_in_envelopes_and_open_again() {
    let office = Office::open().await;
    let bearer = office.bearer(&["vc:issue"], &[CUSTOMS, &lab_did()]);
    let body = json!({"credential": aeo("urn:uuid:jwt"), "options": {"form": "vc+jwt"}});
    let made = office.http(&bearer, "POST", "/issuers/customs/credentials/issue", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let enveloped = made.json()["verifiableCredential"].clone();
    assert_eq!(enveloped["type"], "EnvelopedVerifiableCredential");
    let ask = json!({"verifiableCredential": enveloped});
    assert_eq!(office.http("", "POST", "/credentials/verify", &ask).await.status, 200);
    let mut claims = mandate();
    claims["cnf"] = json!({"jwk": holder_key(3)});
    let body = json!({"credential": claims, "options": {"credentialId": "urn:uuid:sd"}});
    let made = office.http(&bearer, "POST", "/credentials/issue", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["verifiableCredential"]["id"].as_str().expect("a data URL").to_owned();
    assert!(id.starts_with("data:application/dc+sd-jwt,"), "{id}");
    // the instance's own form
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": lab_did(), "credentialSubject": {"id": "did:example:s"},
    });
    let body = json!({"credential": credential});
    let made = office.http(&bearer, "POST", "/issuers/lab/credentials/issue", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(
        made.header("location").is_some_and(|place| place.starts_with("/credentials/urn:uuid:"))
    );
    assert_eq!(made.json()["verifiableCredential"]["type"], "EnvelopedVerifiableCredential");
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_every_error_of_issuing() {
    let office = Office::open().await;
    let good = office.bearer(&["vc:issue"], &[CUSTOMS]);
    let path = "/credentials/issue";
    let with = |change: &dyn Fn(&mut Value)| {
        let mut credential = aeo("urn:uuid:err");
        change(&mut credential);
        issue(&credential)
    };
    let plain = with(&|_| {});
    let other_scope = office.bearer(&["vc:status"], &[CUSTOMS]);
    let other_issuer = office.bearer(&["vc:issue"], &[&lab_did()]);
    let remove = |name: &'static str| {
        move |c: &mut Value| {
            c.as_object_mut().expect("an object").remove(name);
        }
    };
    let cases: Vec<(&str, &str, Value, (u16, &str))> = vec![
        ("", path, plain.clone(), (401, "FORBIDDEN")),
        (&other_scope, path, plain.clone(), (403, "FORBIDDEN")),
        (&other_issuer, path, plain.clone(), (403, "FORBIDDEN")),
        (&good, path, with(&remove("type")), (400, "TYPE_MISSING")),
        (&good, path, with(&remove("issuer")), (400, "ISSUER_INVALID")),
        (&good, path, with(&|c| c["issuer"] = json!("did:ubin:MY:X")), (400, "ISSUER_MISMATCH")),
        (&good, path, json!({"credential": "x"}), (400, "MALFORMED_REQUEST")),
        (&good, path, json!({"credential": {}, "options": 1}), (400, "MALFORMED_REQUEST")),
        (&good, "/issuers/nobody/credentials/issue", plain.clone(), (404, "NOT_FOUND")),
        (&good, path, with(&|c| c["validUntil"] = json!("soon")), (400, "DATE_INVALID")),
    ];
    for (bearer, path, body, expected) in cases {
        let got = asked(&office, bearer, "POST", path, &body).await;
        assert_eq!((got.0, got.1.as_str()), expected, "{body}");
    }
    // an issuer that is not that of the instance
    let both = office.bearer(&["vc:issue"], &[CUSTOMS, &lab_did()]);
    let got = asked(&office, &both, "POST", "/issuers/lab/credentials/issue", &plain).await;
    assert_eq!((got.0, got.1.as_str()), (400, "ISSUER_MISMATCH"));
    assert_eq!(asked(&office, &good, "POST", path, &plain).await.0, 201);
    let other = with(&|c| c["credentialSubject"]["programme"] = json!("Another"));
    let got = asked(&office, &good, "POST", path, &other).await;
    assert_eq!((got.0, got.1.as_str()), (409, "CREDENTIAL_EXISTS"));
    let large = with(&|c| c["name"] = json!("x".repeat(300 * 1024)));
    assert_eq!(asked(&office, &good, "POST", path, &large).await.0, 413);
    // not JSON, and a member twice
    for (text, code) in
        [("{", "PARSE_ERROR"), (r#"{"credential":{},"credential":{}}"#, "DUPLICATE_KEY")]
    {
        let headers = [("authorization", good.as_str())];
        let answer = request(office.address(), "POST", path, &headers, text.as_bytes()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(code)));
    }
    let bad = office.http("Bearer x", "POST", path, &plain).await;
    assert_eq!((bad.status, bad.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(bad.header("content-type"), Some("application/problem+json"));
    assert_eq!((&bad.json()["code"], &bad.json()["status"]), (&json!("FORBIDDEN"), &json!(401)));
    // the name of the scheme has no case
    let small = good.replacen("Bearer", "bearer", 1);
    assert_eq!(asked(&office, &small, "POST", path, &plain).await.0, 201);
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_every_answer_about_status_and_kept_credentials() {
    let office = Office::open().await;
    let status = office.bearer(&["vc:issue", "vc:status"], &[CUSTOMS]);
    let custody = office.bearer(&["vc:custody"], &[CUSTOMS]);
    let stranger = office.bearer(&["vc:custody", "vc:status"], &[&lab_did()]);
    assert_eq!(
        asked(&office, &status, "POST", "/credentials/issue", &issue(&aeo("urn:uuid:s"))).await.0,
        201
    );
    let set = |id: &str, purpose: &str, on: Value| {
        json!({"credentialId": id, "status": on,
            "credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": purpose}})
    };
    let named = |entry: Value| json!({"credentialId": "urn:uuid:s", "status": true, "credentialStatus": entry});
    let kept = office.http(&custody, "GET", "/credentials/urn:uuid:s", &Value::Null).await;
    let kept = kept.json()["verifiableCredential"]["credentialStatus"].clone();
    let of_list = |i: usize| kept[i].clone();
    assert_eq!(of_list(0)["statusPurpose"], "revocation");
    let (mut other_list, mut other_index) = (of_list(0), of_list(0));
    other_list["statusListCredential"] = json!("did:ubin:SG:CUSTOMS/status/9");
    let index: u64 = of_list(0)["statusListIndex"].as_str().expect("a text").parse().expect("one");
    other_index["statusListIndex"] = json!((index ^ 2).to_string());
    let path = "/credentials/status";
    let cases: Vec<(&str, Value, u16)> = vec![
        ("", set("urn:uuid:s", "suspension", json!(true)), 401),
        (&custody, set("urn:uuid:s", "suspension", json!(true)), 403),
        (&stranger, set("urn:uuid:s", "suspension", json!(true)), 404),
        (&status, set("urn:uuid:none", "suspension", json!(true)), 404),
        (&status, set("urn:uuid:s", "refresh", json!(true)), 404),
        (&status, set("urn:uuid:s", "suspension", json!("maybe")), 400),
        (&status, json!({"status": true}), 400),
        // nothing of what is revoked for good is guessed
        (&status, json!({"credentialId": "urn:uuid:s", "status": true}), 400),
        (&status, named(json!({})), 400),
        (&status, named(json!({"type": "BitstringStatusListEntry"})), 400),
        (&status, named(json!({"statuspurpose": "suspension"})), 400),
        (&status, named(json!({"statusPurpose": ["revocation"]})), 400),
        (&status, named(json!({"type": "Colour", "statusPurpose": "revocation"})), 400),
        (&status, named(json!([of_list(0), of_list(0)])), 400),
        (&status, named(other_list), 400),
        (&status, named(other_index), 400),
        (&status, named(json!({"statusPurpose": "revocation", "statusListIndex": "x"})), 400),
        (&status, set("urn:uuid:s", "suspension", json!(true)), 200),
        (&status, set("urn:uuid:s", "suspension", json!(false)), 200),
        // the entry as it stands in the credential
        (&status, named(of_list(0)), 200),
        (&status, set("urn:uuid:s", "revocation", json!(true)), 200),
        (&status, set("urn:uuid:s", "revocation", json!(true)), 200),
        (&status, set("urn:uuid:s", "revocation", json!(false)), 409),
    ];
    for (bearer, body, expected) in cases {
        assert_eq!(asked(&office, bearer, "POST", path, &body).await.0, expected, "{body}");
    }
    let id = "/credentials/urn:uuid:s";
    for (bearer, method, path, expected) in [
        ("", "GET", id, 401),
        (status.as_str(), "GET", id, 403),
        (&stranger, "GET", id, 404),
        (&custody, "GET", "/credentials/urn:uuid:none", 404),
        (&custody, "GET", "/issuers/nobody/credentials/urn:uuid:s", 404),
        (&custody, "GET", "/issuers/customs/credentials/urn%3Auuid%3As", 200),
        (&custody, "GET", id, 200),
        ("", "DELETE", id, 401),
        (&status, "DELETE", id, 403),
        (&stranger, "DELETE", id, 404),
        (&custody, "DELETE", "/credentials/urn:uuid:none", 404),
        (&custody, "DELETE", id, 202),
        (&custody, "DELETE", id, 410),
        (&custody, "GET", id, 410),
    ] {
        let got = asked(&office, bearer, method, path, &Value::Null).await;
        assert_eq!(got.0, expected, "{method} {path}");
    }
    // an erased id does not come back
    let again = issue(&aeo("urn:uuid:s"));
    assert_eq!(asked(&office, &status, "POST", "/credentials/issue", &again).await.0, 409);
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_an_entry_that_tells_two_things_loses_only_what_is_taken_back() {
    let office = Office::open().await;
    let bearer = office.bearer(&["vc:status"], &[CUSTOMS]);
    let keys = [holder_key(1), holder_key(2), holder_key(3)];
    let params = json!({"claims": mandate(), "copies": keys, "credentialId": "urn:uuid:token"});
    let issued = office.done("vc_issue", params).await;
    let entries = issued["status"].as_array().expect("a list");
    assert_eq!(entries.len(), 3);
    for (purpose, on, expected, value) in [
        ("suspension", true, (200, ""), 2),
        ("suspension", true, (200, ""), 2),
        // not revoked: nothing to take back
        ("revocation", false, (200, ""), 2),
        ("suspension", false, (200, ""), 0),
        ("revocation", true, (200, ""), 1),
        ("suspension", false, (200, ""), 1),
        ("revocation", false, (409, "STATUS_IRREVERSIBLE"), 1),
    ] {
        let set = json!({"credentialId": "urn:uuid:token", "status": on,
            "credentialStatus": {"statusPurpose": purpose}});
        let got = asked(&office, &bearer, "POST", "/credentials/status", &set).await;
        assert_eq!((got.0, got.1.as_str()), expected, "{purpose} {on}");
        for entry in entries {
            let ask = json!({"list": entry["list"], "index": entry["index"]});
            let status = office.done("vc_status", ask).await;
            assert_eq!(status["value"], value, "{purpose} {on}: {status}");
        }
    }
    // every copy in one act: the list changed three times
    let same = json!({"list": entries[0]["list"], "index": entries[0]["index"], "new": 1});
    let same = office.done("vc_setStatus", same).await;
    assert_eq!(same, json!({"txId": null, "height": null, "version": 3}));
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_status_lists_are_made_and_served_in_every_form_and_of_earlier_times() {
    let office = Office::open().await;
    let officer = office.officer();
    let get = async |path: &str, accept: &str| {
        let headers = [("accept", accept)];
        request(office.address(), "GET", path, &headers, b"").await
    };
    for (accept, media) in [
        ("application/json", "application/json"),
        ("application/vc", "application/vc"),
        ("application/vc+jwt", "application/vc+jwt"),
        ("*/*", "application/vc"),
    ] {
        let answer = get("/status-lists/SG:CUSTOMS:1", accept).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(media)),
            "{answer:?}"
        );
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert!(answer.header("etag").is_some());
        let text = String::from_utf8(answer.body.clone()).expect("text");
        let credential = if text.starts_with('{') { answer.json() } else { json!(text) };
        let verdict =
            office.done("vc_verify", json!({"credential": credential, "policy": "w3c"})).await;
        assert_eq!(verdict["verified"], true, "{verdict}");
    }
    assert_eq!(get("/status-lists/SG:CUSTOMS:1", "application/statuslist+jwt").await.status, 406);
    assert_eq!(get("/status-lists/SG:CUSTOMS:1", "text/html").await.status, 406);
    assert_eq!(get("/status-lists/SG:CUSTOMS:3", "application/json").await.status, 406);
    let token = get("/status-lists/SG:CUSTOMS:3", "application/statuslist+jwt").await;
    assert_eq!(token.status, 200);
    for unknown in ["SG:CUSTOMS:99", "SG:ACRA:1", "lab:9", "x", "SG:CUSTOMS"] {
        assert_eq!(get(&format!("/status-lists/{unknown}"), "*/*").await.status, 404, "{unknown}");
    }
    // a change gives another tag; what was stays to be had
    let path = "/status-lists/SG:CUSTOMS:1";
    let first = get(path, "*/*").await;
    let tag = first.header("etag").expect("a tag").to_owned();
    let weak = format!("W/{tag}");
    let among = format!("\"other\", {tag}");
    for (known, status) in
        [(tag.as_str(), 304), ("*", 304), (&weak, 304), (&among, 304), ("\"other\"", 200)]
    {
        let known = [("if-none-match", known)];
        assert_eq!(request(office.address(), "GET", path, &known, b"").await.status, status);
    }
    let before = office.served.blocks.ledger.head().time_ms;
    office.done("vc_setStatus", json!({"list": "SG:CUSTOMS/status/1", "index": 7, "new": 1})).await;
    let second = get(path, "*/*").await;
    assert_ne!(second.header("etag"), Some(tag.as_str()));
    let encoded = |answer: &titian_tests::http::Answer| {
        answer.json()["credentialSubject"]["encodedList"].clone()
    };
    assert_ne!(encoded(&first), encoded(&second));
    let exact = |ms: u64| rfc3339(ms).replace('Z', &format!(".{:03}Z", ms % 1_000));
    let then = exact(before);
    let earlier = get(&format!("{path}?timestamp={then}"), "*/*").await;
    assert_eq!(earlier.status, 200, "{then}");
    assert_eq!(encoded(&earlier), encoded(&first));
    let after = exact(office.served.blocks.ledger.head().time_ms);
    let later = get(&format!("{path}?timestamp={after}"), "*/*").await;
    assert_eq!(encoded(&later), encoded(&second));
    // nobody gets today's entries under a later date
    let ahead = now_ms() / 1_000 + 60;
    for query in [format!("time={ahead}"), "timestamp=2099-01-01T00:00:00Z".to_owned()] {
        assert_eq!(get(&format!("{path}?{query}"), "*/*").await.status, 400, "{query}");
    }
    assert_eq!(get(&format!("{path}?timestamp=2001-01-01T00:00:00Z"), "*/*").await.status, 404);
    assert_eq!(get(&format!("{path}?time=soon"), "*/*").await.status, 400);
    // making lists
    let lab = |mut body: Value| {
        body["statusPurpose"] = json!("revocation");
        body
    };
    let body = json!({"statusPurpose": "refresh", "types": ["AEOAuthorisation"]});
    for (bearer, path, body, expected) in [
        ("", "/status-lists", body.clone(), 401),
        (office.bearer(&["vc:issue"], &[CUSTOMS]).as_str(), "/status-lists", body.clone(), 403),
        (&officer, "/status-lists", body.clone(), 400),
        (&officer, "/issuers/nobody/status-lists", body.clone(), 404),
        (&officer, "/issuers/customs/status-lists", json!({"statusPurpose": "colour"}), 400),
        (&officer, "/issuers/customs/status-lists", json!({}), 400),
        (&officer, "/issuers/customs/status-lists", body.clone(), 201),
        (&officer, "/issuers/lab/status-lists", lab(json!({"entries": 131_072})), 201),
        (&officer, "/issuers/lab/status-lists", lab(json!({"entries": 5})), 400),
        (&officer, "/issuers/lab/status-lists", lab(json!({"types": vec!["T"; 9]})), 400),
        (&officer, "/issuers/lab/status-lists", lab(json!({"types": ["no name"]})), 400),
        (&officer, "/issuers/lab/status-lists", lab(json!({"untilMs": 1})), 400),
    ] {
        assert_eq!(asked(&office, bearer, "POST", path, &body).await.0, expected, "{path} {body}");
    }
    assert_eq!(get("/status-lists/SG:CUSTOMS:5", "*/*").await.status, 200);
    assert_eq!(get("/status-lists/lab:1", "*/*").await.status, 200);
    assert_eq!(get("/status-lists/lab:1?time=1", "*/*").await.status, 501);
    office.served.stop().await;
}
