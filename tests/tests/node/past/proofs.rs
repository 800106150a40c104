//! What is proven of earlier heights.

use serde_json::json;
use titian_contracts::claim::{self, Frame};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::proof;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::kpi;
use titian_node::ledger::Ledger;
use titian_tests::http::{call, error_name, result};
use titian_tests::served::Served;
use titian_tests::world::company_body;

use super::lives::{Lives, R1, number_of, recount, text, then};

/// A proof from the database, as the interface makes it, or its refusal.
pub(super) async fn prove(
    ledger: &Ledger,
    number: &str,
    body: Option<&Value>,
    height: u64,
) -> Result<String, Code> {
    let asked = Value::object([("ubin", text(number))]);
    let (kind, stated) = match body {
        Some(body) => ("ubin-presence", asked.with("body", body.clone())),
        None => ("ubin-absence", asked),
    };
    let frame = Frame { chain: ledger.chain(), time_ms: 0 };
    let reader = ledger.state_at(height).map_err(|reject| reject.code)?;
    let keys = claim::question(kind, &stated, &reader, frame).expect("it holds");
    let proven = ledger.prove_at(height, keys).await.map_err(|reject| reject.code)?;
    let claim = claim::rebuild(kind, &stated, &proven.entries, frame).expect("it holds");
    Ok(proof::bundle(kind, height, claim, &proven.evidence))
}

/// Proves every number at every height from `from` on and compares with memory; gives how many proofs
/// verified and how many the node said it cannot make.
pub(super) async fn prove_everything(lives: &Lives, from: u64) -> (usize, usize) {
    let anchor = lives.kept.world.genesis.anchor();
    let ledger = lives.kept.ledger();
    let (mut verified, mut refused) = (0, 0);
    for height in from..ledger.head().height {
        for number in lives.numbers() {
            let due = then(&lives.kept.states, height, &number);
            let body = due.as_ref().map(|record| {
                let body = lives.bodies.iter().find(|body| body_hash(body) == record.body_hash);
                body.expect("written above")
            });
            let bundle = match prove(ledger, &number, body, height).await {
                Ok(bundle) => bundle,
                Err(Code::HeightPruned) => {
                    refused += 1;
                    continue;
                }
                Err(code) => panic!("{number} at {height}: {}", code.name()),
            };
            let proven = proof::verify(bundle.as_bytes(), &anchor, 0);
            let proven = proven.unwrap_or_else(|error| panic!("{number} at {height}: {error}"));
            assert_eq!(proven.height, height);
            let hash = due.map(|record| Value::from(record.body_hash));
            assert_eq!(proven.claim.get("bodyHash"), hash.as_ref(), "{number} at {height}");
            verified += 1;
        }
    }
    (verified, refused)
}

#[tokio::test]
async fn t17_every_height_of_a_ledger_on_disk_can_be_proven_also_after_a_restart() {
    let mut lives = Lives::new(17, 40);
    assert!(lives.kept.agrees());
    let before = prove_everything(&lives, 0).await;
    assert!(before.0 > 500 && before.1 == 0, "{before:?}");
    lives.kept.reopen();
    assert_eq!(prove_everything(&lives, 0).await, before);
    for _ in 0..5 {
        lives.step();
    }
    lives.kept.block(Vec::new());
    assert!(prove_everything(&lives, 0).await.0 > before.0);
}

#[tokio::test]
async fn t17_a_proof_at_the_head_waits_for_the_block_that_carries_its_root() {
    let lives = Lives::new(3, 12);
    let mut kept = lives.kept;
    let body = &lives.newest[0];
    kept.act(
        "register",
        Value::object([("body", company_body("SG", "UEN", "201912345K", "X"))]),
        R1,
    );
    let head = kept.ledger().head().height;
    let ledger = kept.ledger().clone();
    let (number, hash) = (number_of(body), body_hash(body));
    let wanted = body.clone();
    let waiting = tokio::spawn(async move { prove(&ledger, &number, Some(&wanted), head).await });
    tokio::task::yield_now().await;
    kept.block(Vec::new());
    let bundle = waiting.await.expect("no fault").expect("proven by the next block");
    let proven = proof::verify(bundle.as_bytes(), &kept.world.genesis.anchor(), 0);
    let proven = proven.expect("verifies");
    assert_eq!((proven.height, proven.claim.get("bodyHash")), (head, Some(&Value::from(hash))));
    let above = kept.ledger().prove_at(head + 2, vec![b"x".to_vec()]).await;
    assert_eq!(above.map(|_| ()).map_err(|reject| reject.code), Err(Code::HeightUnknown));
}

#[tokio::test]
async fn t17_the_interface_proves_every_kind_at_every_height() {
    let lives = Lives::new(7, 30);
    let bodies = lives.bodies;
    let (world, blocks, folder, states) = lives.kept.into_parts();
    let anchor = world.genesis.anchor();
    let served = Served::over(world, blocks.ledger.clone(), folder, |_| {}).await;
    let verify = |bundle: &serde_json::Value| {
        let bytes = serde_json::to_vec(bundle).expect("JSON");
        proof::verify(&bytes, &anchor, 0).expect("it verifies")
    };
    let number = number_of(&bodies[0]);
    for height in 0..states.len() as u64 - 1 {
        let due = then(&states, height, &number);
        let params = json!({"ubin": number, "height": height, "proof": true});
        let got = result(served.address, "ubin_get", params).await;
        let proven = verify(&got["proof"]);
        assert_eq!(proven.height, height);
        assert_eq!(proven.claim.get("found"), Some(&Value::from(due.is_some())));
        let asked = json!({"ubin": number, "height": height, "kind": "ubin-history"});
        let answer = call(served.address, "ubin_prove", asked).await;
        match &due {
            None => assert_eq!(answer["error"]["data"]["name"], "NOT_FOUND", "{answer}"),
            Some(record) => {
                let proven = verify(&answer["result"]["bundle"]);
                assert_eq!(proven.claim.get("version"), Some(&Value::from(record.version)));
                assert_eq!(proven.claim.get("complete"), Some(&Value::from(true)));
            }
        }
        let asked = json!({"kind": "ubin-kpi", "metric": "ubin_flow", "height": height,
            "cells": [["SG", "2026-07", "new"]]});
        let answer = result(served.address, "ubin_prove", asked).await;
        let proven = verify(&answer["bundle"]);
        let value = kpi::counters(&states[height as usize], "ubin_flow");
        let value = value.get(["SG", "2026-07", "new"].map(str::to_owned).as_slice()).copied();
        let counters = proven.claim.get("counters").and_then(Value::as_list).expect("set");
        assert_eq!(counters[0].get("value"), Some(&Value::from(value.unwrap_or(0))));
        let subject = "ubin_flow/SG/2026-07/new";
        let asked = json!({"kind": "ubin-kpi", "subject": subject, "height": height});
        let answer = result(served.address, "ledger_prove", asked).await;
        assert_eq!(verify(&answer["bundle"]).claim, proven.claim);
    }
    let all = json!({"kind": "kpi", "metric": "ubin_stock", "height": 20});
    let all = result(served.address, "ubin_prove", all).await;
    let proven = verify(&all["bundle"]);
    let counters = proven.claim.get("counters").and_then(Value::as_list).expect("set");
    let sum: i64 = counters.iter().filter_map(|c| c.get("value").and_then(Value::as_int)).sum();
    assert_eq!(sum as u64, recount(&states[20]).values().sum::<u64>(), "the whole stock");
    let newest = bodies.iter().rfind(|body| body.get("entity") == bodies[0].get("entity"));
    let on = json!({"ubin": number_of(newest.expect("it has versions")), "on": "2026-07-01", "proof": true});
    let on = result(served.address, "ubin_get", on).await;
    assert_eq!(verify(&on["proof"]).kind, "ubin-history", "a date is judged by all versions");
    let party = json!({"kind": "vc-did", "subject": "SG", "height": 3});
    let party = result(served.address, "ledger_prove", party).await;
    let proven = verify(&party["bundle"]);
    assert_eq!((proven.kind.as_str(), proven.height), ("vc-did", 3));
    for (method, params, due) in [
        ("ubin_prove", json!({"ubin": number, "kind": "ubin-x"}), "INVALID_PARAMS"),
        ("ubin_prove", json!({}), "INVALID_PARAMS"),
        ("ubin_prove", json!({"kind": "kpi", "metric": "ubin_fresh"}), "INVALID_PARAMS"),
        ("ubin_prove", json!({"ubin": number, "height": 999}), "HEIGHT_UNKNOWN"),
        (
            "ubin_prove",
            json!({"kind": "kpi", "metric": "ubin_stock", "cells": [["SG"]]}),
            "INVALID_PARAMS",
        ),
        // a counter that cannot exist would be proven to stand at 0
        (
            "ubin_prove",
            json!({"kind": "kpi", "metric": "ubin_stock",
                "cells": [["sg", "uen", "GENERAL", "MICRO", "ACTIVE"]]}),
            "INVALID_PARAMS",
        ),
        (
            "ledger_prove",
            json!({"kind": "vc-did", "subject": "SG", "height": 999}),
            "HEIGHT_UNKNOWN",
        ),
        (
            "ledger_prove",
            json!({"kind": "etr-absence", "subject": format!("bl/{number}/X"), "height": 3}),
            "INVALID_PARAMS",
        ),
    ] {
        assert_eq!(error_name(served.address, method, params.clone()).await, due, "{params}");
    }
    served.stop().await;
}
