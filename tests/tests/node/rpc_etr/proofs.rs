//! Proofs of every kind, now and of earlier heights, and what a pruned node still proves.

use serde_json::{Value, json};
use titian_contracts::digest::Digest;
use titian_contracts::etr::challenge_of;
use titian_contracts::json::Value as Rule;
use titian_contracts::op::encode_base64;
use titian_node::pruning;
use titian_tests::http::call;
use titian_tests::served::now_ms;

use super::Scene;

#[tokio::test]
async fn etr_a_pruned_node_keeps_the_only_copy_of_old_ops() {
    let s = Scene::start().await;
    let asked = || json!({"id": s.id, "capability": s.capability("etr_history", &s.vn, &s.id)});
    let before = s.result("etr_history", asked()).await;
    assert_eq!(before["items"].as_array().map(Vec::len), Some(2), "{before}");
    let ledger = &s.served.blocks.ledger;
    let oldest = pruning::all(ledger, 1).expect("the test disk works");
    let refused = ledger.remake_records().expect_err("the blocks of the ops are gone");
    assert!(refused.to_string().contains(&format!("below height {oldest} ")), "{refused}");
    let after = s.result("etr_history", asked()).await;
    assert_eq!(after["items"], before["items"]);
    // ops and their times stay proven as of now; the keys as of then are gone with their height
    let prove = |kind: &str, height: Value| {
        let capability = s.capability("etr_prove", &s.vn, &s.id);
        json!({"kind": kind, "id": s.id, "height": height, "capability": capability})
    };
    let proven = s.verified(&s.result("etr_prove", prove("history", Value::Null)).await);
    assert_eq!(proven.claim.get("times").and_then(Rule::as_list).map(<[Rule]>::len), Some(2));
    let height = before["items"][0]["height"].clone();
    assert_eq!(s.error("etr_prove", prove("signers", height.clone())).await, "HEIGHT_PRUNED");
    assert_eq!(s.error("etr_prove", prove("history", height)).await, "HEIGHT_PRUNED");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_every_kind_of_proof_is_made_and_verifies() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    let number = format!("transport/{}/SGPU4711", s.sg);
    let head = s.result("ledger_status", json!({})).await["height"].as_u64().expect("a height");
    for (params, kind) in [
        (json!({"kind": "status", "id": id}), "etr-status"),
        (json!({"kind": "etr-status", "id": id, "height": head - 2}), "etr-status"),
        (json!({"kind": "singularity", "subject": number}), "etr-singularity"),
        (json!({"kind": "singularity", "subject": number, "height": head - 2}), "etr-singularity"),
        (json!({"kind": "absence", "subject": format!("{number}X")}), "etr-absence"),
        (json!({"kind": "absence", "subject": format!("{}/P-1", s.sg)}), "etr-absence"),
    ] {
        let proven = s.verified(&s.result("etr_prove", params).await);
        assert_eq!(proven.kind, kind);
        assert!(proven.claim.get("party").is_none());
    }
    // the history is for parties
    let history =
        |capability: Value| json!({"kind": "history", "id": id, "capability": capability});
    assert_eq!(s.error("etr_prove", json!({"kind": "history", "id": id})).await, "FORBIDDEN");
    assert_eq!(
        s.error("etr_prove", history(s.capability("etr_prove", &s.my, id))).await,
        "FORBIDDEN"
    );
    let proven =
        s.verified(&s.result("etr_prove", history(s.capability("etr_prove", &s.th, id))).await);
    assert_eq!(proven.claim.get("ops").and_then(Rule::as_list).map(<[Rule]>::len), Some(2));
    assert_eq!(
        s.error("etr_prove", json!({"kind": "conversion", "subject": format!("{}/P", s.sg)})).await,
        "NOT_FOUND"
    );
    // control answers a challenge
    let asked = s.result("etr_challenge", json!({"id": id, "audience": "bank"})).await;
    let text = |name: &str| asked[name].as_str().expect("text").to_owned();
    let number = |name: &str| asked[name].as_u64().expect("a number");
    let digest = challenge_of(
        &text("chain"),
        id,
        number("seq"),
        Digest::parse(&text("head")).expect("a digest"),
        "bank",
        &text("nonce"),
        number("ms"),
    );
    assert_eq!(text("digest"), digest.to_string());
    let control = |party: &str| {
        let sig = encode_base64(&s.served.world.signature(&digest, party, 1).signature);
        let sigs = json!([{"party": party, "key": "k1", "sig": sig}]);
        let challenge =
            json!({"audience": "bank", "nonce": text("nonce"), "ms": number("ms"), "sigs": sigs});
        json!({"kind": "control", "id": id, "challenge": challenge})
    };
    let proven = s.verified(&s.result("etr_prove", control(&s.vn)).await);
    assert!(proven.claim.get("party").is_some());
    assert_eq!(s.error("etr_prove", control(&s.th)).await, "BAD_SIGNATURE");
    // who guesses the controller is told no more if the guess is right
    let mut guessed = control(&s.vn);
    guessed["challenge"]["sigs"][0]["sig"] = control(&s.th)["challenge"]["sigs"][0]["sig"].clone();
    let told =
        async |params: Value| call(s.served.address, "etr_prove", params).await["error"].take();
    assert_eq!(told(guessed).await, told(control(&s.th)).await);
    s.accept().await;
    assert_eq!(s.error("etr_prove", control(&s.vn)).await, "BAD_SIGNATURE", "no longer in control");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_proofs_of_earlier_heights_show_the_record_as_it_was() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    let public = s.result("etr_get", json!({"id": id})).await["public"].clone();
    let before = s.result("ledger_status", json!({})).await["height"].as_u64().expect("a height");
    s.accept().await;
    let ask = |kind: &str, height: u64, party: &str| json!({"kind": kind, "id": id, "height": height, "capability": s.capability("etr_prove", party, id)});
    let proven = s.verified(&s.result("etr_prove", ask("history", before, &s.vn)).await);
    let count =
        |claim: &Rule, name: &str| claim.get(name).and_then(Rule::as_list).map(<[Rule]>::len);
    assert_eq!((proven.height, count(&proven.claim, "ops")), (before, Some(2)));
    assert_eq!(count(&proven.claim, "times"), Some(2));
    let now = s.result("ledger_status", json!({})).await["height"].as_u64().expect("a height");
    // the root of a height stands in the next header
    s.served.blocks.commit_at(now_ms(), Vec::new());
    let proven = s.verified(&s.result("etr_prove", ask("history", now, &s.vn)).await);
    assert_eq!(count(&proven.claim, "times"), Some(3));
    let time = |name: &str| {
        let times = proven.claim.get("times").and_then(Rule::as_list).expect("times");
        times[2].get(name).and_then(Rule::as_int).and_then(|n| u64::try_from(n).ok())
    };
    let accepted = time("height").expect("a height");
    assert!((before + 1..=now).contains(&accepted));
    let block = s.result("ledger_header", json!({"height": accepted})).await;
    assert_eq!(block["timeMs"].as_u64(), time("ms"), "{block}");
    // who was in control then shows it by an answer over the head of then; a party must ask
    let digest = challenge_of(
        &s.served.world.genesis.chain,
        id,
        public["seq"].as_u64().expect("a number"),
        Digest::parse(public["head"].as_str().expect("text")).expect("a digest"),
        "bank",
        &"00".repeat(16),
        7,
    );
    let sig = encode_base64(&s.served.world.signature(&digest, &s.vn, 1).signature);
    let challenge = json!({"audience": "bank", "nonce": "00".repeat(16), "ms": 7,
        "sigs": [{"party": s.vn, "key": "k1", "sig": sig}]});
    let mut asked = ask("control", before, &s.vn);
    asked["challenge"] = challenge;
    let proven = s.verified(&s.result("etr_prove", asked.clone()).await);
    assert_eq!(proven.height, before);
    let holder = proven.claim.get("party").and_then(|party| party.get("controller"));
    let holder = holder.and_then(|holder| holder.get("party"));
    assert_eq!(holder, Some(&Rule::from(s.vn.as_str())));
    asked["height"] = json!(now);
    assert_eq!(s.error("etr_prove", asked.clone()).await, "BAD_SIGNATURE");
    asked["height"] = json!(before);
    asked.as_object_mut().expect("an object").remove("capability");
    assert_eq!(s.error("etr_prove", asked).await, "FORBIDDEN");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_lineage_signers_and_rules_are_proven_for_parties() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    let ask = |kind: &str, party: &str| json!({"kind": kind, "id": id, "capability": s.capability("etr_prove", party, id)});
    let proven = s.verified(&s.result("etr_prove", ask("singularity", &s.vn)).await);
    let only = Rule::List(vec![Rule::from(id)]);
    assert_eq!(
        (proven.claim.get("inForce"), proven.claim.get("whole")),
        (Some(&only), Some(&only))
    );
    assert_eq!(proven.claim.get("complete"), Some(&Rule::Bool(true)));
    let proven = s.verified(&s.result("etr_prove", ask("rules", &s.th)).await);
    let states = proven.claim.get("states").and_then(Rule::as_list).expect("a list");
    assert_eq!(states, ["SG", "VN"].map(Rule::from));
    assert_eq!(proven.claim.get("profile"), Some(&Rule::from("bl-order@1")));
    // the keys of the offer, at its height
    let asked = json!({"id": id, "capability": s.capability("etr_history", &s.vn, id)});
    let offer = s.result("etr_history", asked).await["items"][1].clone();
    let at = |height: &Value| {
        let mut asked = ask("signers", &s.vn);
        asked["height"] = height.clone();
        asked
    };
    let proven = s.verified(&s.result("etr_prove", at(&offer["height"])).await);
    assert_eq!(Some(proven.height), offer["height"].as_u64());
    let ops = proven.claim.get("ops").and_then(Rule::as_list).expect("ops");
    assert_eq!(ops.len(), 1);
    assert_eq!(ops[0].get("digest").and_then(Rule::as_text), offer["opDigest"].as_str());
    assert_eq!(s.error("etr_prove", at(&json!(1))).await, "NOT_FOUND");
    assert_eq!(s.error("etr_prove", ask("signers", &s.vn)).await, "INVALID_PARAMS");
    for kind in ["singularity", "rules", "signers", "history"] {
        assert_eq!(s.error("etr_prove", ask(kind, &s.my)).await, "FORBIDDEN", "{kind}");
        let open = json!({"kind": kind, "id": id});
        assert_eq!(s.error("etr_prove", open).await, "FORBIDDEN", "{kind}");
    }
    s.served.stop().await;
}
