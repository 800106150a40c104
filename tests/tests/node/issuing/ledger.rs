//! Acts that the node signs: status entries, erasure with revocation, anchors.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use titian_contracts::json::Value as Signed;
use titian_contracts::op::Register;

use super::{Office, act, aeo, holder_key, mandate};

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_an_entry_is_compared_set_and_told() {
    let office = Office::open().await;
    let list = "did:ubin:SG:CUSTOMS/status/2";
    let set = |old: Value, new: u64, reason: u64| {
        let mut params = json!({"list": list, "index": 5, "new": new, "reason": reason});
        if !old.is_null() {
            params["old"] = old;
        }
        params
    };
    let done = office.done("vc_setStatus", set(Value::Null, 1, 0)).await;
    assert_eq!(done["version"], 1);
    let height = done["height"].as_u64().expect("a height");
    let status = office.done("vc_status", json!({"list": list, "index": 5})).await;
    assert_eq!((&status["value"], &status["since"]), (&json!(1), &json!(height)));
    // as it is: no act, no error
    let same = office.done("vc_setStatus", set(Value::Null, 1, 0)).await;
    assert_eq!(same, json!({"txId": null, "height": null, "version": 1}));
    assert_eq!(office.refused("vc_setStatus", set(json!(0), 1, 0)).await, "STATUS_CONFLICT");
    assert_eq!(office.refused("vc_setStatus", set(Value::Null, 7, 0)).await, "STATUS_VALUE");
    // its types are of persons too, so no reason may be told
    assert_eq!(office.refused("vc_setStatus", set(Value::Null, 0, 4)).await, "REASON_FORBIDDEN");
    office.done("vc_setStatus", set(json!(1), 0, 0)).await;
    let bad = json!({"list": "SG:CUSTOMS/status/99", "index": 5, "new": 1});
    assert_eq!(office.refused("vc_setStatus", bad).await, "UNKNOWN_LIST");
    let bad = json!({"list": "SG:ACRA/status/1", "index": 5, "new": 1});
    assert_eq!(office.refused("vc_setStatus", bad).await, "FORBIDDEN");
    // the signed list of now and of before
    let ask = |height: Value| json!({"list": list, "format": "bitstring", "height": height});
    let now = office.done("vc_statusList", ask(Value::Null)).await;
    let then = office.done("vc_statusList", ask(json!(height))).await;
    assert_ne!(now["encodedList"], then["encodedList"]);
    for shown in [&now, &then] {
        let credential = &shown["credential"];
        assert_eq!(credential["credentialSubject"]["encodedList"], shown["encodedList"]);
        assert_eq!(credential["issuer"], super::CUSTOMS);
    }
    let token = office
        .done("vc_statusList", json!({"list": "SG:CUSTOMS/status/3", "format": "token"}))
        .await;
    assert!(token["credential"].as_str().is_some_and(|text| text.matches('.').count() == 2));
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_without_revoking_leaves_the_status_and_what_cannot_be_revoked_stays() {
    let office = Office::open().await;
    let issued = office.done("vc_issue", json!({"credential": aeo("urn:uuid:e")})).await;
    let erased = office.done("vc_erase", json!({"id": "urn:uuid:e", "revoke": false})).await;
    assert_eq!(erased, json!({"erased": true, "statusTx": null, "statusTxs": []}));
    let verdict = office.done("vc_verify", json!({"credential": issued["credential"]})).await;
    assert_eq!(verdict["verified"], true, "{verdict}");
    // a node that was killed after it revoked and before it erased: asked again, it erases
    let issued = office.done("vc_issue", json!({"credential": aeo("urn:uuid:g")})).await;
    for entry in issued["status"].as_array().expect("entries") {
        let mut params = json!({"list": entry["list"], "index": entry["index"], "new": 1});
        params["reason"] = json!(0);
        if entry["profile"] == "revocation" {
            office.done("vc_setStatus", params).await;
        }
    }
    let erased = office.done("vc_erase", json!({"id": "urn:uuid:g"})).await;
    assert_eq!(erased, json!({"erased": true, "statusTx": null, "statusTxs": []}));
    office.served.stop().await;

    // the ledger does not answer: nothing is erased
    let office = Office::open_with(|config| config.submit_wait_ms = 200).await;
    office.done("vc_issue", json!({"credential": aeo("urn:uuid:f")})).await;
    office.served.blocks.stalled.send_replace(true);
    assert_eq!(office.refused("vc_erase", json!({"id": "urn:uuid:f"})).await, "PENDING");
    office.done("vc_credential", json!({"id": "urn:uuid:f"})).await;
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_refused_for_want_of_a_right_is_done_once_the_right_is_there() {
    let office = Office::open().await;
    let accreditation = |name: &str, version: i64| {
        let args = Signed::object([
            ("id", Signed::from("SG:CUSTOMS/acc/1")),
            ("reason", Signed::from("superseded")),
            ("version", Signed::Int(version)),
        ]);
        act(&office.served, Register::Vc, name, args, &[("SG", 1), ("SG", 2)]);
    };
    accreditation("accreditation_suspend", 1);
    // the token lists two issuers, so the one that lodges is named
    let lodge =
        json!({"list": "SG:CUSTOMS/status/4", "index": 3, "move": "lodge", "by": super::CUSTOMS});
    let height = office.served.blocks.ledger.head().height;
    for _ in 0..2 {
        assert_eq!(office.refused("vc_use", lodge.clone()).await, "RIGHT_MISSING");
    }
    assert_eq!(office.served.blocks.ledger.head().height, height, "no block holds the refusal");
    accreditation("accreditation_reinstate", 2);
    // the very same op: with a receipt of its refusal it would be answered by that
    let done = office.done("vc_use", lodge).await;
    assert!(done["txId"].is_string(), "{done}");
    let entry = json!({"list": "SG:CUSTOMS/status/4", "index": 3});
    assert_eq!(office.done("vc_status", entry).await["value"], 1);
    office.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anchored_gets_a_receipt_that_proves_its_time() {
    let office = Office::open().await;
    // 21 batches of 50 are more leaves than an anchor waits for
    let keys: Vec<Value> = (1..=50).map(holder_key).collect();
    let first = json!({"credential": aeo("urn:uuid:a"), "anchor": true});
    let first = office.done("vc_issue", first).await;
    assert_eq!(first["receipt"], "pending");
    let erased = json!({"credential": aeo("urn:uuid:gone"), "anchor": true});
    office.done("vc_issue", erased).await;
    office.done("vc_erase", json!({"id": "urn:uuid:gone", "revoke": false})).await;
    for batch in 0..21 {
        let id = format!("urn:uuid:batch{batch}");
        let params =
            json!({"claims": mandate(), "copies": keys, "credentialId": id, "anchor": true});
        office.done("vc_issue", params).await;
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    let receipt = loop {
        let kept = office.done("vc_credential", json!({"id": "urn:uuid:a"})).await;
        if kept["receipt"].is_object() {
            break kept["receipt"].clone();
        }
        assert!(Instant::now() < deadline, "no receipt came");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!((&receipt["kind"], &receipt["titianProof"]), (&json!("vc-anchor"), &json!(1)));
    assert_eq!(receipt["claim"]["anchor"], "SG:CUSTOMS/anchor/1");
    assert_eq!(receipt["claim"]["anchorPath"].as_array().map(Vec::len), Some(10));
    let ask = json!({"credential": first["credential"], "receipts": [receipt]});
    let verdict = office.done("vc_verify", ask).await;
    assert_eq!(verdict["verified"], true, "{verdict}");
    assert_eq!(verdict["signedAt"]["source"], "anchor", "{verdict}");
    // a receipt of another credential proves nothing
    let other = office.done("vc_credential", json!({"id": "urn:uuid:batch0"})).await;
    let ask = json!({"credential": first["credential"], "receipts": [other["receipt"]]});
    let verdict = office.done("vc_verify", ask).await;
    assert_ne!(verdict["signedAt"]["source"], "anchor", "{verdict}");
    office.served.stop().await;
}
