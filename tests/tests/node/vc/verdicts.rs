//! Verdicts of a node: the library's own bytes (T15), on the state and at the time asked for.

use serde_json::{Value as Json, json};
use titian_contracts::error::Code;
use titian_credential::json::canonical;
use titian_credential::proof::Suite;
use titian_credential::qr::Content;
use titian_credential::snapshot::Live;
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, verify};

use super::scene::{Scene, check};

/// The credential in every form that this issuer may use, as a request carries it.
fn forms(scene: &Scene) -> Vec<Json> {
    let unsigned = scene.unsigned();
    let token = scene.token(&unsigned);
    vec![
        scene.signed(&unsigned, Suite::Jcs, 1),
        scene.signed(&unsigned, Suite::Rdfc, 2),
        json!(token),
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": format!("data:application/vc+jwt,{token}"),
            "type": "EnvelopedVerifiableCredential",
        }),
        json!(Content::of_credential(token.as_bytes()).expect("fits").to_text().expect("fits")),
    ]
}

#[tokio::test]
async fn t15_the_node_gives_the_bytes_of_the_library_for_every_form_and_policy_twice() {
    let scene = Scene::new().await;
    let mut inputs = forms(&scene);
    let mut broken = scene.issued();
    broken["credentialSubject"]["legalName"] = json!({"lang": "en", "value": "ANOTHER"});
    inputs.extend([
        broken,
        json!({}),
        json!("no.token.atall"),
        json!("TT1:???"),
        json!({"type": 1}),
    ]);
    let ledger = &scene.served.blocks.ledger;
    let (height, reader) = (scene.head(), ledger.reader());
    let header = ledger.header(height).expect("kept");
    let sandbox = scene.served.world.genesis.sandbox;
    let live = Live::new(&reader, ledger.chain(), sandbox, height, header.id(), header.time_ms);
    for input in &inputs {
        for policy in [Policy::Ledger, Policy::W3c, Policy::Signature] {
            for jurisdiction in [None, Some("MY"), Some("TH")] {
                let mut request = Request::new(policy);
                request.jurisdiction = jurisdiction.map(str::to_owned);
                let text = match input {
                    Json::String(text) => match titian_credential::qr::read(text) {
                        Ok(Content::Credential(held)) => held,
                        _ => text.clone(),
                    },
                    other => other.to_string(),
                };
                let expected =
                    verify(text.as_bytes(), &request, Some(&live), header.time_ms).to_jcs();
                let params = json!({"credential": input, "policy": policy.name(),
                    "jurisdiction": jurisdiction, "atHeight": height});
                for _ in 0..2 {
                    let verdict = scene.ask("vc_verify", params.clone()).await;
                    assert_eq!(canonical(&verdict), expected);
                }
            }
        }
    }
    let verdict =
        scene.ask("vc_verify", json!({"credential": inputs[4], "jurisdiction": "MY"})).await;
    assert_eq!(verdict["verified"], true, "{verdict}");
    assert_eq!(check(&verdict, "recognition"), ("pass".to_owned(), "RECOGNISED".to_owned()));
    let ahead = json!({"credential": inputs[4], "atHeight": 1_000_000});
    let refused = titian_tests::http::call(scene.served.address, "vc_verify", ahead).await;
    let error = &refused["error"]["data"];
    assert_eq!(
        (&error["name"], &error["field"]),
        (&json!("HEIGHT_UNKNOWN"), &json!("/atHeight")),
        "{refused}"
    );
    scene.served.stop().await;
}

#[tokio::test]
async fn a_revoked_credential_is_rejected_from_then_on_and_not_as_of_before() {
    let scene = Scene::new().await;
    let credential = scene.issued();
    // let a block be younger than the credential, so that the state before the revocation is as well
    scene.served.blocks.commit(Vec::new());
    let before = scene.head();
    let revoked = scene.set(1, 0, 0, 1);
    let ask = |height: Json| json!({"credential": credential, "atHeight": height});
    let now = scene.ask("vc_verify", json!({"credential": credential})).await;
    assert_eq!(now["outcome"], "rejected");
    let status = &now["checks"][5];
    assert_eq!((&status["code"], &status["detail"]["since"]), (&json!("REVOKED"), &json!(revoked)));
    assert!(!now.to_string().contains("TITIAN DEMO"), "a verdict holds no claim");
    let then = scene.ask("vc_verify", ask(json!(before))).await;
    assert_eq!(then["verified"], true, "{then}");
    assert_eq!(then["trust"]["height"], json!(before));
    let required = json!({"credential": credential, "policy": "signature", "require": ["status"]});
    let required = scene.ask("vc_verify", required).await;
    assert_eq!(check(&required, "status").1, "REVOKED");
    for (params, name) in [
        (json!({"credential": credential, "policy": "lax"}), "INVALID_PARAMS"),
        (json!({"credential": credential, "require": ["luck"]}), "INVALID_PARAMS"),
        (json!({"credential": credential, "jurisdiction": "Malaysia"}), "INVALID_PARAMS"),
        (json!({"credential": 7}), "INVALID_PARAMS"),
        (json!({"credential": credential, "receipts": [{"kind": "vc-did"}]}), "INVALID_PARAMS"),
        (json!({"credential": credential, "receipts": vec![json!({}); 33]}), "LIMIT_EXCEEDED"),
        (ask(json!(1_000_000)), "HEIGHT_UNKNOWN"),
    ] {
        scene.fails("vc_verify", params, name).await;
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn a_receipt_given_with_a_credential_proves_its_time() {
    use titian_contracts::json::Value;
    use titian_contracts::op::Register;
    use titian_credential::anchor::{Tree, commitment};
    let scene = Scene::new().await;
    let credential = scene.issued();
    let digest = commitment(&titian_credential::form::read_json(credential.clone()).expect("read"));
    let mut n = 0;
    let mut random = || {
        n += 1;
        titian_contracts::digest::hash("titian test random v1", &[&[n]]).0
    };
    let tree = Tree::new(&[digest], &mut random).expect("a tree");
    let args = Value::object([
        ("issuer", Value::from("SG:ACRA")),
        ("n", Value::Int(1)),
        ("root", Value::from(tree.root())),
        ("sizeLog2", Value::from(tree.size_log2())),
    ]);
    scene.must(Register::Vc, "anchor_submit", args, super::scene::ACRA);
    let receipt = tree.receipt(0, "SG:ACRA/anchor/1").expect("a leaf");
    let path: Vec<String> = receipt.path.iter().map(ToString::to_string).collect();
    let shown = json!({
        "titianProof": 1, "kind": "vc-anchor", "chain": "titian-devnet-1", "height": 1,
        "claim": {"anchor": receipt.anchor, "salt": titian_contracts::op::encode_base64(&receipt.salt),
            "leafIndex": receipt.leaf_index, "anchorPath": path},
        "path": null, "header": null, "certificate": null, "validators": null,
    });
    let params = json!({"credential": credential, "receipts": [shown]});
    let verdict = scene.ask("vc_verify", params).await;
    assert_eq!(verdict["signedAt"]["source"], "anchor", "{verdict}");
    let bare = scene.ask("vc_verify", json!({"credential": credential})).await;
    assert_eq!(bare["signedAt"]["source"], "asserted");
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_a_batch_of_a_thousand_is_judged_in_order_and_one_more_is_refused() {
    let scene = Scene::new().await;
    let (good, token) = (scene.issued(), scene.token(&scene.unsigned()));
    let mut bad = good.clone();
    bad["issuer"] = json!("did:ubin:SG:CUSTOMS");
    let unknown = {
        let mut unsigned = scene.unsigned();
        unsigned["issuer"] = json!("did:web:issuer.example");
        unsigned
    };
    let pattern = [&good, &bad, &json!(token), &unknown];
    let items: Vec<Json> = (0..1_000).map(|i| json!({"credential": pattern[i % 4]})).collect();
    let answer = scene.ask("vc_verifyBatch", json!({"items": items, "policy": "ledger"})).await;
    let verdicts = answer["verdicts"].as_array().expect("verdicts");
    assert_eq!(verdicts.len(), 1_000);
    for (i, verdict) in verdicts.iter().enumerate() {
        assert_eq!(verdict["verified"], json!(i % 2 == 0), "{i}: {verdict}");
        assert_eq!(verdict["trust"], verdicts[0]["trust"], "one state for all");
    }
    let sum =
        ["verified", "rejected", "indeterminate"].map(|n| answer[n].as_u64().expect("a number"));
    assert_eq!((sum[0], sum.iter().sum::<u64>()), (500, 1_000));
    let mut more = items;
    more.push(json!({"credential": good}));
    scene.fails("vc_verifyBatch", json!({"items": more}), Code::LimitExceeded.name()).await;
    let wrong = json!({"items": [{"credential": good}, {"credential": 1}]});
    let refused = titian_tests::http::call(scene.served.address, "vc_verifyBatch", wrong).await;
    assert_eq!(refused["error"]["data"]["field"], "/items/1/credential");
    let none = scene.ask("vc_verifyBatch", json!({"items": []})).await;
    assert_eq!(none["verdicts"], json!([]));
    scene.served.stop().await;
}

#[test]
fn an_object_reaches_the_verifier_as_it_was_sent() {
    let credential = r#"{"type": "A", "type": "B"}"#;
    let text = format!(r#"{{"credential": {credential}}}"#);
    let params: titian_api::vc_verify::VerifyParams = serde_json::from_str(&text).expect("read");
    assert_eq!(params.credential, json!(credential));
    let fault = titian_credential::form::read(credential.as_bytes()).expect_err("a member twice");
    assert_eq!(fault.code, "DUPLICATE_KEY");
}
