//! The reads of vc-api.md A§4: members, heights, pages, proofs, errors.

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::proof::VerifyError;
use titian_tests::world::World;

use super::scene::{ACRA, INDEX, MALAYSIA, ROOT, Scene, list, pages, recognition};

#[tokio::test]
async fn t14_issuers_accreditations_types_and_resources_are_read_as_the_examples_say() {
    let scene = Scene::new().await;
    let issuer = scene.ask("vc_issuer", json!({"did": "did:ubin:SG:ACRA", "proof": true})).await;
    assert_eq!(issuer["status"], "active");
    assert_eq!(issuer["types"], json!(["BusinessRegistration"]));
    assert_eq!(issuer["jurisdictions"], json!(["SG"]));
    assert_eq!(issuer["lists"][1], "did:ubin:SG:ACRA/status/2");
    assert_eq!(issuer["accreditations"][0]["id"], "SG:ACRA/acc/1");
    assert_eq!(issuer["keys"].as_array().map(Vec::len), Some(2));
    let proven = scene.proven(&issuer["proof"]);
    assert_eq!(
        (proven.kind.as_str(), json!(proven.height)),
        ("ledger-state", issuer["asOf"]["height"].clone())
    );

    let listed = scene.ask("vc_issuers", json!({"cc": "SG", "type": "BusinessRegistration"})).await;
    assert_eq!(pages(&listed)[0]["did"], "did:ubin:SG:ACRA");
    for none in [json!({"cc": "MY"}), json!({"type": "AEOAuthorisation"})] {
        assert!(pages(&scene.ask("vc_issuers", none).await).is_empty());
    }
    let link = json!({"id": "SG:ACRA/acc/1", "proof": true});
    let link = scene.ask("vc_accreditation", link).await;
    assert_eq!((&link["parent"], &link["version"]), (&json!("SG"), &json!(1)));
    assert_eq!(scene.proven(&link["proof"]).kind, "vc-accreditation");

    let types = scene.ask("vc_types", json!({"owner": "ASEAN", "limit": 4, "proof": true})).await;
    assert_eq!(pages(&types).len(), 4);
    scene.proven(&types["proof"]);
    let rest = json!({"owner": "ASEAN", "cursor": types["cursor"]});
    let rest = scene.ask("vc_types", rest).await;
    assert_eq!((pages(&rest).len(), &rest["cursor"]), (5, &Json::Null));
    let id = "did:ubin:ASEAN/schema/business-registration/1";
    let resource = scene.ask("vc_resource", json!({"id": id, "proof": true})).await;
    assert_eq!((&resource["kind"], &resource["status"]), (&json!("jsonSchema"), &json!("active")));
    assert!(resource["content"]["$schema"].is_string());
    scene.proven(&resource["proof"]);
    for (method, params, name) in [
        ("vc_issuer", json!({"did": "did:ubin:sg:acra"}), "DID_INVALID"),
        ("vc_issuer", json!({"did": "did:ubin:SG-UEN-201912345K-X1"}), "NOT_FOUND"),
        ("vc_issuers", json!({"cc": "sg"}), "INVALID_PARAMS"),
        ("vc_issuers", json!({"limit": 0}), "LIMIT_EXCEEDED"),
        ("vc_issuers", json!({"limit": 201}), "LIMIT_EXCEEDED"),
        ("vc_issuers", json!({"cursor": "AAAA"}), "INVALID_PARAMS"),
        ("vc_types", json!({"owner": "asean"}), "INVALID_PARAMS"),
        ("vc_accreditation", json!({"id": "SG:ACRA/acc/2"}), "UNKNOWN_ACCREDITATION"),
        ("vc_resource", json!({"id": "ASEAN/schema/none/1"}), "UNKNOWN_RESOURCE"),
        ("vc_anchor", json!({"id": "SG:ACRA/anchor/1"}), "NOT_FOUND"),
        ("vc_issuer", json!({"did": "SG:ACRA", "height": 1_000_000}), "HEIGHT_UNKNOWN"),
        ("vc_issuer", json!({"did": "SG:ACRA", "more": 1}), "INVALID_PARAMS"),
    ] {
        scene.fails(method, params, name).await;
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_authorised_and_recognition_give_the_codes_of_a_verdict() {
    let scene = Scene::new().await;
    let ask = |issuer: &str, name: &str, jurisdiction: &str| json!({"issuer": issuer, "type": name, "jurisdiction": jurisdiction, "proof": true});
    for (params, code) in [
        (ask("did:ubin:SG:ACRA", "BusinessRegistration", "SG"), "OK"),
        (ask("SG:ACRA", "BusinessRegistration", "MY"), "JURISDICTION_NOT_COVERED"),
        (ask("SG:ACRA", "AEOAuthorisation", "SG"), "TYPE_NOT_COVERED"),
        (ask("SG:ACRA", "NoSuchType", "SG"), "NO_ACCREDITATION"),
        (ask("MY:SSM", "BusinessRegistration", "MY"), "NO_ACCREDITATION"),
    ] {
        let answer = scene.ask("vc_authorised", params.clone()).await;
        assert_eq!(answer["code"], code, "{params}");
        assert_eq!(answer["authorised"], json!(code == "OK"));
        scene.proven(&answer["proof"]);
    }
    let early = json!({"issuer": "SG:ACRA", "type": "BusinessRegistration", "jurisdiction": "SG",
        "time": "2020-01-01T00:00:00Z"});
    assert_eq!(scene.ask("vc_authorised", early).await["code"], "ACCREDITATION_EXPIRED");

    let ask = |by: &str, name: &str, time: Json| json!({"jurisdiction": by, "type": name, "issuer": "SG:ACRA", "time": time, "proof": true});
    let found = scene.ask("vc_recognition", ask("MY", "BusinessRegistration", Json::Null)).await;
    assert_eq!((&found["code"], &found["entry"]), (&json!("RECOGNISED"), &json!("MY/SG/mra")));
    assert_eq!(found["agreement"]["reference"], "example");
    scene.proven(&found["proof"]);
    for (params, code) in [
        (ask("SG", "BusinessRegistration", Json::Null), "DOMESTIC"),
        (ask("TH", "BusinessRegistration", Json::Null), "NOT_RECOGNISED"),
        (ask("MY", "AEOAuthorisation", Json::Null), "NOT_RECOGNISED"),
        (ask("MY", "BusinessRegistration", json!("2024-01-01T00:00:00Z")), "RECOGNITION_EXPIRED"),
    ] {
        let answer = scene.ask("vc_recognition", params.clone()).await;
        assert_eq!(answer["code"], code, "{params}");
    }
    let before = scene.head();
    let args = Value::object([
        ("id", Value::from("MY/SG/mra")),
        ("version", Value::Int(1)),
        ("reason", Value::from("review")),
    ]);
    scene.must(Register::Gov, "recognition_suspend", args, MALAYSIA);
    let now = scene.ask("vc_recognition", ask("MY", "BusinessRegistration", Json::Null)).await;
    assert_eq!(now["code"], "RECOGNITION_SUSPENDED");
    let mut then = ask("MY", "BusinessRegistration", Json::Null);
    then["height"] = json!(before);
    let then = scene.ask("vc_recognition", then).await;
    assert_eq!(then["code"], "RECOGNISED");
    assert_eq!(scene.proven(&then["proof"]).height, before);
    for (bad, name) in [
        (json!({"jurisdiction": "my", "type": "T", "issuer": "SG:ACRA"}), "INVALID_PARAMS"),
        (json!({"jurisdiction": "MY", "type": "T", "issuer": "acra"}), "DID_INVALID"),
        (ask("MY", "T", json!("yesterday")), "INVALID_PARAMS"),
    ] {
        scene.fails("vc_recognition", bad, name).await;
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_pages_hold_one_height_while_blocks_go_on() {
    let scene = Scene::new().await;
    for name in ["a", "b", "c", "d"] {
        scene.must(Register::Gov, "recognition_declare", recognition("MY", name), MALAYSIA);
    }
    let first = scene.ask("gov_recognitions", json!({"by": "MY", "limit": 2, "proof": true})).await;
    scene.proven(&first["proof"]);
    let names = |page: &Json| {
        let items = pages(page).iter();
        items.map(|item| item["name"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&first), ["a", "b"]);
    // what comes later belongs to another height
    scene.must(Register::Gov, "recognition_declare", recognition("MY", "bb"), MALAYSIA);
    let mut seen = names(&first);
    let mut cursor = first["cursor"].clone();
    while !cursor.is_null() {
        let page = json!({"by": "MY", "limit": 2, "cursor": cursor});
        let page = scene.ask("gov_recognitions", page).await;
        assert_eq!(page["asOf"]["height"], first["asOf"]["height"]);
        seen.extend(names(&page));
        cursor = page["cursor"].clone();
    }
    assert_eq!(seen, ["a", "b", "c", "d", "mra"]);
    let all = scene.ask("gov_recognitions", json!({"scope": "credential", "of": "SG"})).await;
    assert_eq!(pages(&all).len(), 6);
    assert!(pages(&scene.ask("gov_recognitions", json!({"scope": "ubin"})).await).is_empty());
    assert!(pages(&scene.ask("gov_recognitions", json!({"of": "MY"})).await).is_empty());
    for bad in
        [json!({"by": "my"}), json!({"scope": "x"}), json!({"by": "TH", "cursor": first["cursor"]})]
    {
        scene.fails("gov_recognitions", bad, "INVALID_PARAMS").await;
    }
    let other = json!({"by": "MY", "cursor": first["cursor"], "height": 1});
    scene.fails("gov_recognitions", other, "INVALID_PARAMS").await;
    scene.served.stop().await;
}

/// Every entry of a naive list, beside the ledger.
#[tokio::test]
async fn t10_status_at_every_height_equals_a_naive_model_and_is_proven_from_the_deltas() {
    let scene = Scene::new().await;
    let mut model: Vec<(u64, u64, Option<u64>)> = Vec::new();
    let created = scene.head();
    let (mut value, mut since) = (0, None);
    for version in 0..6_i64 {
        let next = 1 - value;
        let at = scene.set(2, version, value, next);
        for height in model.last().map_or(created, |(height, ..)| height + 1)..at {
            model.push((height, u64::try_from(value).expect("small"), since));
        }
        (value, since) = (next, Some(at));
    }
    for (height, value, since) in &model {
        let params = json!({"list": "did:ubin:SG:ACRA/status/2", "index": INDEX, "height": height,
            "proof": true});
        let answer = scene.ask("vc_status", params).await;
        assert_eq!(
            (&answer["value"], &answer["since"]),
            (&json!(value), &json!(since)),
            "{height}"
        );
        assert_eq!(answer["height"], json!(height));
        let proven = scene.proven(&answer["proof"]);
        assert!(proven.height > *height);
        let said = |name: &str| proven.claim.get(name).and_then(Value::as_int);
        assert_eq!(said("at"), i64::try_from(*height).ok());
        assert_eq!(said("valueAt"), i64::try_from(*value).ok());
        assert_eq!(said("since"), since.and_then(|since| i64::try_from(since).ok()));
        // a claim about another value, or with a delta left out, is refused
        for edit in [r#""valueAt":0"#, r#""valueAt":1"#] {
            let other = if edit.ends_with('0') { r#""valueAt":1"# } else { r#""valueAt":0"# };
            let text = titian_credential::json::canonical(&answer["proof"]);
            if !text.contains(edit) {
                continue;
            }
            let anchor = scene.served.world.genesis.anchor();
            let forged = text.replace(edit, other);
            let refused = titian_contracts::proof::verify(forged.as_bytes(), &anchor, 0);
            assert!(matches!(refused, Err(VerifyError::ClaimDiffers(_))), "{refused:?}");
        }
    }
    for (params, name) in [
        (json!({"list": "SG:ACRA/status/9", "index": 0}), "UNKNOWN_LIST"),
        (json!({"list": "SG:ACRA/status/2", "index": 131_072}), "STATUS_INDEX_RANGE"),
        (json!({"list": "SG:ACRA/status/2", "index": 0, "height": 1}), "UNKNOWN_LIST"),
        (json!({"list": "SG:ACRA/status/2", "index": 0, "height": 9_999}), "HEIGHT_UNKNOWN"),
    ] {
        scene.fails("vc_status", params, name).await;
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_whole_lists_are_read_in_each_form_at_a_height_and_listed_by_issuer() {
    let scene = Scene::new().await;
    scene.must(Register::Vc, "list_create", list("SG:ACRA", 3, "token"), ACRA);
    let before = scene.head();
    scene.set(1, 0, 0, 1);
    let whole = |height: Json, format: &str| json!({"list": "SG:ACRA/status/1", "height": height, "format": format, "proof": true});
    let bits = |answer: &Json| {
        let text = answer["encodedList"].as_str().expect("text");
        titian_credential::status::decode_list(text).expect("gzip")
    };
    let at = usize::try_from(INDEX / 8).expect("small");
    let now = scene.ask("vc_statusList", whole(Json::Null, "bitstring")).await;
    assert_eq!((now["version"].clone(), bits(&now).len()), (json!(1), 131_072 / 8));
    assert_ne!(bits(&now)[at], 0);
    scene.proven(&now["proof"]);
    let then = scene.ask("vc_statusList", whole(json!(before), "bitstring")).await;
    assert!(bits(&then).iter().all(|byte| *byte == 0));
    assert_eq!(scene.proven(&then["proof"]).height, before);
    let raw = scene.ask("vc_statusList", whole(Json::Null, "raw")).await;
    assert_eq!(
        raw["encodedList"].as_str().map(str::len),
        Some((131_072 / 8_usize).div_ceil(3) * 4 - 2)
    );
    scene.fails("vc_statusList", whole(Json::Null, "token"), "INVALID_PARAMS").await;
    let token = json!({"list": "SG:ACRA/status/3", "format": "token"});
    let token = scene.ask("vc_statusList", token).await;
    let entries =
        titian_credential::status::token::decode_list(token["lst"].as_str().expect("text"));
    assert_eq!(entries.map(|entries| entries.len()), Ok(131_072 / 4));

    let lists =
        scene.ask("vc_statusLists", json!({"issuer": "did:ubin:SG:ACRA", "proof": true})).await;
    let profiles: Vec<&str> =
        pages(&lists).iter().map(|item| item["profile"].as_str().expect("text")).collect();
    assert_eq!(profiles, ["revocation", "refresh", "token"]);
    scene.proven(&lists["proof"]);
    let early = json!({"height": before - 2});
    assert_eq!(pages(&scene.ask("vc_statusLists", early).await).len(), 2);
    assert!(pages(&scene.ask("vc_statusLists", json!({"issuer": "MY:SSM"})).await).is_empty());
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_an_anchor_is_read_with_its_proof_and_absence_before_it_is_proven_as_well() {
    let scene = Scene::new().await;
    let before = scene.head();
    let args = Value::object([
        ("issuer", Value::from("SG:ACRA")),
        ("n", Value::Int(1)),
        ("root", Value::from(titian_contracts::digest::Digest([7; 32]))),
        ("sizeLog2", Value::Int(6)),
    ]);
    let height = scene.must(Register::Vc, "anchor_submit", args, ACRA);
    let anchor = scene.ask("vc_anchor", json!({"id": "SG:ACRA/anchor/1", "proof": true})).await;
    assert_eq!((&anchor["sizeLog2"], &anchor["height"]), (&json!(6), &json!(height)));
    assert_eq!(anchor["root"], format!("b3:{}", "07".repeat(32)));
    scene.proven(&anchor["proof"]);
    scene
        .fails("vc_anchor", json!({"id": "SG:ACRA/anchor/1", "height": before}), "NOT_FOUND")
        .await;
    // the key of the anchor held nothing then, and that is proven at that height
    let key = titian_contracts::credential::anchor_key("SG:ACRA", 1);
    let key = titian_contracts::op::encode_base64(&key);
    let params = json!({"kind": "ledger-state", "keys": [key], "height": before});
    let absent = scene.ask("ledger_prove", params).await;
    let proven = scene.proven(&absent["bundle"]);
    assert_eq!(proven.height, before);
    let entries = proven.claim.get("entries").and_then(Value::as_list).expect("entries");
    assert_eq!(entries.first().and_then(|entry| entry.get("value")), Some(&Value::Null));
    // of the access register genesis wrote keys, so an absence then cannot be told from them
    let args = authority(&scene.served.world);
    scene.must(Register::Access, "authority_create", args, ROOT);
    let key = titian_contracts::access::authority_key("SG", "CUSTOMS");
    let key = titian_contracts::op::encode_base64(&key);
    let params = json!({"kind": "ledger-state", "keys": [key], "height": before});
    scene.fails("ledger_prove", params, "NOT_BUILT").await;
    scene.served.stop().await;
}

/// `authority_create` of SG:CUSTOMS.
pub fn authority(world: &World) -> Value {
    let texts = super::scene::texts;
    let key = world.new_key("SG:CUSTOMS", [9; 32], &["invoke", "assert"], &["vc.*"], 1);
    let other = world.new_key("SG:CUSTOMS", [10; 32], &["invoke", "assert"], &["vc.*"], 2);
    Value::object([
        ("party", Value::from("SG:CUSTOMS")),
        ("version", Value::Int(0)),
        ("scopes", texts(&["vc.*"])),
        ("policy", Value::object([("r1", Value::Int(1)), ("r2", Value::Int(2))])),
        ("keys", Value::List(vec![key, other])),
        ("services", Value::List(Vec::new())),
        ("alsoKnownAs", Value::List(Vec::new())),
    ])
}
