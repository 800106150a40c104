//! Versions of DIDs (T8): by height and by time, with proofs, and keys that end.

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::rfc3339;
use titian_tests::world::company_body;

use super::reads::authority;
use super::scene::{ACRA, ROOT, Scene, check, rotation};

/// The ids of the verification methods of a result.
fn methods(result: &Json) -> Vec<&str> {
    let methods = result["didDocument"]["verificationMethod"].as_array();
    let methods = methods.map(Vec::as_slice).unwrap_or_default();
    methods.iter().map(|method| method["id"].as_str().expect("text")).collect()
}

async fn party_version(scene: &Scene, party: &str) -> u64 {
    let shown = scene.ask("access_party", json!({"party": party})).await;
    shown["version"].as_u64().expect("a number")
}

#[tokio::test]
async fn t08_each_version_of_a_did_is_found_by_its_height_and_by_time_and_proven() {
    let mut scene = Scene::new().await;
    let did = "did:ubin:SG:ACRA";
    let first = scene.ask("vc_resolve", json!({"did": did})).await;
    assert_eq!(methods(&first), ["did:ubin:SG:ACRA#k1", "did:ubin:SG:ACRA#k2"]);
    assert_eq!(first["didDocumentMetadata"]["versionId"], "0");
    let version = party_version(&scene, "SG:ACRA").await;
    let seed = scene.served.world.fresh_seed();
    let args = rotation(&scene.served.world, version, 1, seed);
    let rotated = scene.must(Register::Access, "key_rotate", args, ACRA);
    let now = scene.ask("vc_resolve", json!({"did": did, "proof": true})).await;
    assert_eq!(methods(&now), ["did:ubin:SG:ACRA#k2", "did:ubin:SG:ACRA#k3"]);
    let metadata = &now["didDocumentMetadata"];
    assert_eq!(metadata["versionId"], json!(rotated.to_string()));
    assert_eq!(metadata["nextVersionId"], Json::Null);
    assert_eq!(metadata["created"], rfc3339(scene.served.world.genesis.time_ms));
    assert_eq!(metadata["deactivated"], false);
    assert_eq!(metadata["canonicalId"], did);
    let ended = &metadata["keyHistory"][0];
    assert_eq!((&ended["endedAt"], &ended["reason"]), (&json!(rotated), &json!("retired")));
    let proven = scene.proven(&now["didResolutionMetadata"]["ledgerProof"]);
    assert_eq!(proven.kind, "vc-did");
    assert_eq!(proven.claim.get("found"), Some(&Value::Bool(true)));

    let header = |height: u64| scene.served.blocks.ledger.header(height).expect("kept").time_ms;
    for (version, keys, next) in [
        (0, ["did:ubin:SG:ACRA#k1", "did:ubin:SG:ACRA#k2"], json!(rotated.to_string())),
        (rotated, ["did:ubin:SG:ACRA#k2", "did:ubin:SG:ACRA#k3"], Json::Null),
    ] {
        let params = json!({"did": did, "versionId": version.to_string(), "proof": true});
        let found = scene.ask("vc_resolve", params).await;
        assert_eq!(methods(&found), keys, "{version}");
        assert_eq!(found["didDocumentMetadata"]["nextVersionId"], next);
        let proven = scene.proven(&found["didResolutionMetadata"]["ledgerProof"]);
        assert_eq!(proven.height, version);
    }
    // the last version with block time ≤ the time asked for, to the millisecond
    let stamp = |ms: u64| format!("{}.{:03}Z", rfc3339(ms).trim_end_matches('Z'), ms % 1_000);
    for (time_ms, version) in [
        (header(rotated) - 1, "0".to_owned()),
        (header(rotated), rotated.to_string()),
        (header(rotated) + 86_400_000, rotated.to_string()),
    ] {
        let params = json!({"did": did, "versionTime": stamp(time_ms)});
        let found = scene.ask("vc_resolve", params).await;
        assert_eq!(found["didDocumentMetadata"]["versionId"], json!(version), "{time_ms}");
    }
    let error = |result: &Json| {
        assert_eq!(result["didDocument"], Json::Null);
        result["didResolutionMetadata"]["error"]["type"].as_str().expect("text").to_owned()
    };
    for (params, name) in [
        // a height at which nothing changed is no version
        (json!({"did": did, "versionId": (rotated - 1).to_string()}), "NOT_FOUND"),
        (json!({"did": did, "versionId": "1000000"}), "NOT_FOUND"),
        (json!({"did": did, "versionId": "01"}), "INVALID_OPTIONS"),
        (json!({"did": did, "versionId": "x"}), "INVALID_OPTIONS"),
        (json!({"did": did, "versionTime": "yesterday"}), "INVALID_OPTIONS"),
        (json!({"did": did, "versionTime": "2020-01-01T00:00:00Z"}), "NOT_FOUND"),
        (
            json!({"did": did, "versionId": "0", "versionTime": "2026-11-01T00:00:00Z"}),
            "INVALID_OPTIONS",
        ),
        (json!({"did": did, "versionId": "0", "height": 0}), "INVALID_OPTIONS"),
        (json!({"did": format!("{did}?versionId=0"), "versionId": "0"}), "INVALID_OPTIONS"),
    ] {
        let found = scene.ask("vc_resolve", params.clone()).await;
        assert_eq!(error(&found), format!("https://www.w3.org/ns/did#{name}"), "{params}");
    }
    let in_url = scene.ask("vc_resolve", json!({"did": format!("{did}?versionId=0")})).await;
    assert_eq!(in_url["didDocumentMetadata"]["versionId"], "0");
    scene.served.stop().await;
}

#[tokio::test]
async fn t08_a_credential_outlives_the_retirement_of_its_key_and_not_its_compromise() {
    let mut scene = Scene::new().await;
    let before = scene.signed(&scene.unsigned(), titian_credential::proof::Suite::Jcs, 1);
    let verdict = scene.ask("vc_verify", json!({"credential": before})).await;
    assert_eq!(verdict["verified"], true, "{verdict}");
    // one second later, so that the signing time lies before the end of the key
    let end_ms = titian_tests::served::now_ms() / 1_000 * 1_000 + 1_000;
    let version = party_version(&scene, "SG:ACRA").await;
    let seed = scene.served.world.fresh_seed();
    let world = &scene.served.world;
    let op = world.op(Register::Access, "key_rotate", rotation(world, version, 1, seed));
    let bytes = titian_tests::world::World::transaction(&world.sign(&op, ACRA));
    scene.served.blocks.commit_at(end_ms, vec![bytes]);
    scene.served.blocks.commit_at(end_ms + 1, Vec::new());
    scene.served.world.add_key("SG:ACRA", 3, seed);
    let as_of = |height: u64, document: &Json| json!({"credential": document, "atHeight": height});
    let head = scene.head();
    let verdict = scene.ask("vc_verify", as_of(head, &before)).await;
    assert_eq!(verdict["verified"], true, "{verdict}");
    // signed with the old key after its end
    let mut late = scene.unsigned();
    late["validFrom"] = json!(rfc3339(end_ms));
    let key = scene.served.world.key("SG:ACRA", 1);
    let late = titian_credential::proof::issue_jcs(
        &late,
        &key,
        "did:ubin:SG:ACRA#k1",
        &rfc3339(end_ms),
        titian_credential::contexts::Contexts {
            snapshot: Some(&titian_credential::snapshot::Live::new(
                &scene.served.blocks.ledger.reader(),
                "titian-devnet-1",
                false,
                head,
                titian_contracts::digest::Digest::ZERO,
                end_ms,
            )),
            sandbox: false,
            inline: false,
        },
    )
    .expect("issued");
    let verdict = scene.ask("vc_verify", as_of(head, &late)).await;
    assert_eq!(check(&verdict, "issuerKey").1, "KEY_NOT_ACTIVE", "{verdict}");
    // a compromise takes everything that no anchor proves to be older
    let args = Value::object([
        ("party", Value::from("SG:ACRA")),
        ("version", Value::from(party_version(&scene, "SG:ACRA").await)),
        ("key", Value::from("k1")),
        ("reason", Value::from("compromised")),
        ("effectiveMs", Value::from(end_ms)),
    ]);
    scene.must(Register::Access, "key_revoke", args, ROOT);
    let now = scene.ask("vc_verify", as_of(scene.head(), &before)).await;
    assert_eq!(check(&now, "issuerKey").1, "KEY_COMPROMISED", "{now}");
    // and as of the height before it still held
    let then = scene.ask("vc_verify", as_of(head, &before)).await;
    assert_eq!(then["verified"], true);
    scene.served.stop().await;
}

#[tokio::test]
async fn t08_a_suspended_business_stays_and_a_dissolved_one_is_deactivated() {
    let scene = Scene::new().await;
    let body = company_body("SG", "UEN", "202412345K", "TITIAN DEMO PTE LTD");
    let ubin = body.get("ubin").and_then(Value::as_text).expect("set").to_owned();
    let absent = scene.ask("vc_resolve", json!({"did": ubin, "proof": true})).await;
    let error = &absent["didResolutionMetadata"]["error"]["type"];
    assert_eq!(error, "https://www.w3.org/ns/did#NOT_FOUND");
    let proven = scene.proven(&absent["didResolutionMetadata"]["ledgerProof"]);
    assert_eq!(proven.claim.get("found"), Some(&Value::Bool(false)));
    let absent_at = proven.height;
    let registered =
        scene.must(Register::Ubin, "register", Value::object([("body", body.clone())]), ACRA);
    let did = format!("did:ubin:{ubin}");
    let found = scene.ask("vc_resolve", json!({"did": did})).await;
    let metadata = &found["didDocumentMetadata"];
    assert_eq!(metadata["versionId"], json!(registered.to_string()));
    assert_eq!((&metadata["deactivated"], &metadata["canonicalId"]), (&json!(false), &json!(did)));
    assert_eq!(found["didDocument"]["controller"], "did:ubin:SG:ACRA");
    // absence at an earlier height is proven too
    let early = json!({"did": did, "height": absent_at, "proof": true});
    let early = scene.ask("vc_resolve", early).await;
    let proven = scene.proven(&early["didResolutionMetadata"]["ledgerProof"]);
    assert_eq!((proven.height, proven.claim.get("found")), (absent_at, Some(&Value::Bool(false))));
    let two = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
    let evidence = Value::List(vec![Value::object([
        ("type", Value::from("FILING")),
        ("digest", Value::from(format!("sha256:{}", "1".repeat(64)))),
    ])]);
    let moved = |body: &Value, version: i64, code: &str| {
        let prev = titian_contracts::ubin::body::body_hash(body);
        let status = body.get("status").expect("set").with("code", Value::from(code));
        body.with("version", Value::Int(version))
            .with("prev", prev.into())
            .with("status", status)
            .with("evidence", evidence.clone())
    };
    let args =
        |body: &Value| Value::object([("body", body.clone()), ("reason", Value::from("LICENCE"))]);
    let suspended = moved(&body, 2, "SUSPENDED");
    scene.must(Register::Ubin, "suspend", args(&suspended), two);
    let found = scene.ask("vc_resolve", json!({"did": did})).await;
    assert_eq!(found["didDocumentMetadata"]["deactivated"], false, "{found}");
    let dissolved = moved(&suspended, 3, "DISSOLVED");
    let dissolved = dissolved.with("endedOn", Value::from("2026-06-30"));
    let ended = scene.must(Register::Ubin, "dissolve", args(&dissolved), two);
    let found = scene.ask("vc_resolve", json!({"did": did})).await;
    assert_eq!(found["didDocumentMetadata"]["deactivated"], true, "{found}");
    assert_eq!(found["didDocumentMetadata"]["versionId"], json!(ended.to_string()));
    let then = json!({"did": did, "versionId": registered.to_string()});
    let then = scene.ask("vc_resolve", then).await;
    assert_eq!(then["didDocumentMetadata"]["deactivated"], false);
    scene.served.stop().await;
}

#[tokio::test]
async fn t08_an_absence_that_genesis_could_have_written_is_not_claimed_as_proven() {
    let scene = Scene::new().await;
    let before = scene.head();
    let args = authority(&scene.served.world);
    scene.must(Register::Access, "authority_create", args, ROOT);
    let then = json!({"did": "did:ubin:SG:CUSTOMS", "height": before});
    let found = scene.ask("vc_resolve", then).await;
    assert_eq!(found["didDocument"], Json::Null);
    let proof = json!({"did": "did:ubin:SG:CUSTOMS", "height": before, "proof": true});
    scene.fails("vc_resolve", proof, "NOT_BUILT").await;
    scene.served.stop().await;
}
