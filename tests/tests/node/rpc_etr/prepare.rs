//! What a node prepares: bundles, dry runs, and to whom it tells their outcome.

use serde_json::{Value, json};
use titian_contracts::json::{self as rules, Value as Rule};
use titian_contracts::op::Register;
use titian_contracts::transaction::Transaction;
use titian_tests::served::now_ms;

use super::{ACK, Scene};

#[tokio::test]
async fn etr_a_bundle_is_prepared_as_it_will_be_signed() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    let act = |act: &str, args: Value| json!({"act": act, "args": args, "id": id});
    // whether a check fails would tell a stranger what stands in the party part
    let asked = |act: &str, args: Value, capability: Value| json!({"act": act, "args": args, "id": id, "place": "VNSGN", "capability": capability});
    let blank = || json!({"kind": "blank"});
    for (act, args) in [("endorse", blank()), ("withdraw", json!({}))] {
        let told = s.result("etr_prepare", asked(act, args, Value::Null)).await;
        assert_eq!((&told["checked"], &told["fails"]), (&json!(false), &Value::Null), "{told}");
        assert_eq!((&told["warnings"], &told["events"]), (&json!([]), &json!([])), "{told}");
        assert_eq!((&told["signers"], &told["verdicts"]), (&json!([]), &json!([])), "{told}");
    }
    let own = s.capability("etr_prepare", &s.vn, id);
    let told = s.result("etr_prepare", asked("endorse", blank(), own)).await;
    assert_eq!((&told["checked"], told["fails"].is_null()), (&json!(true), false), "{told}");
    let params = json!({
        "act": "withdraw", "args": {}, "id": id, "place": "VNSGN",
        "bundleWith": [act("endorse", json!({"kind": "blank"}))],
        "capability": s.capability("etr_prepare", &s.vn, id),
    });
    let prepared = s.result("etr_prepare", params).await;
    assert!(prepared["fails"].is_null(), "{prepared}");
    let first = rules::parse(prepared["op"].to_string().as_bytes()).expect("JSON");
    let second = rules::parse(prepared["bundled"][0]["op"].to_string().as_bytes()).expect("JSON");
    assert_eq!(second.get("seq").and_then(Rule::as_int), Some(3));
    assert_eq!(first.get("bundle"), second.get("bundle"));
    let ops = Rule::List(
        [first, second].iter().map(|op| s.served.world.sign(op, &[(&s.vn, 1)])).collect(),
    );
    let bytes = Transaction::encode("bundle", Register::Etr, Rule::object([("ops", ops)]));
    let text = String::from_utf8(bytes).expect("JSON is text");
    let answer = s.result("ledger_submit", json!({"transaction": text})).await;
    assert_eq!(answer["receipt"]["ok"], true, "{answer}");
    let asked =
        json!({"kind": "history", "id": id, "capability": s.capability("etr_prove", &s.vn, id)});
    let proven = s.verified(&s.result("etr_prove", asked).await);
    assert_eq!(proven.claim.get("ops").and_then(Rule::as_list).map(<[Rule]>::len), Some(4));
    s.served.stop().await;
}

#[tokio::test]
async fn etr_a_dry_run_tells_what_each_state_says_to_parties_alone() {
    let s = Scene::start().await;
    let accept = |capability: Value| {
        json!({"act": "accept", "args": {"evidence": []}, "id": s.id,
        "place": "THBKK", "capability": capability})
    };
    let own = || s.capability("etr_prepare", &s.th, &s.id);
    let told = s.result("etr_prepare", accept(own())).await;
    let said = told["verdicts"].as_array().expect("a list");
    let brief = |said: &Value| {
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        ["jurisdiction", "verdict", "effect", "status"].map(text).join(" ")
    };
    // the regime and obligor are of SG, the giver of VN, the receiver of TH; who is content says so too
    assert_eq!(
        said.iter().map(brief).collect::<Vec<_>>(),
        ["SG full allow in_force", "TH unknown warn unknown", "VN unknown warn unknown"]
    );
    // in the words of the register
    let asked = json!({"ams": "SG", "class": "bill_of_lading"});
    let entry = s.result("etr_legalEffect", asked).await;
    for name in ["verdict", "status", "citation"] {
        assert!(entry[name].is_string() && said[0][name] == entry[name], "{name}: {told}");
    }
    // the warnings are those of them that warn, and the act fails for them until it names them
    assert_eq!(told["warnings"], json!(ACK), "{told}");
    assert_eq!(told["fails"]["data"]["name"], "LEGAL_ACK_REQUIRED", "{told}");
    // an act that asks no law has none; a stranger is told nothing
    let withdraw = json!({"act": "withdraw", "args": {}, "id": s.id, "place": "VNSGN",
        "capability": s.capability("etr_prepare", &s.vn, &s.id)});
    assert_eq!(s.result("etr_prepare", withdraw).await["verdicts"], json!([]));
    for stranger in [Value::Null, s.capability("etr_prepare", &s.my, &s.id)] {
        let told = s.result("etr_prepare", accept(stranger)).await;
        assert_eq!((&told["checked"], &told["verdicts"]), (&json!(false), &json!([])), "{told}");
    }
    // of a bundle, each op by itself and after the ones before it
    let mut params = accept(own());
    params["ack"] = json!(ACK);
    params["bundleWith"] = json!([{"act": "endorse", "args": {"kind": "blank"}, "id": s.id}]);
    let told = s.result("etr_prepare", params).await;
    assert!(told["fails"].is_null(), "{told}");
    assert_eq!(told["verdicts"].as_array().map(Vec::len), Some(3), "{told}");
    assert_eq!(told["bundled"][0]["verdicts"], json!([]), "{told}");
    let mut params = json!({"act": "withdraw", "args": {}, "id": s.id, "place": "VNSGN",
        "capability": s.capability("etr_prepare", &s.vn, &s.id)});
    let deadline = now_ms() + 86_400_000;
    let offer = json!({"to": s.th, "deadlineMs": deadline, "endorse": null,
        "conditions": null, "irrevocable": false});
    params["bundleWith"] = json!([
        {"act": "offer", "args": offer, "id": s.id},
        {"act": "accept", "args": {"evidence": []}, "id": s.id},
    ]);
    let told = s.result("etr_prepare", params).await;
    assert_eq!(told["fails"]["data"]["field"], "/ops/2/ack", "{told}");
    assert_eq!(told["bundled"][1]["verdicts"].as_array().map(Vec::len), Some(3), "{told}");
    s.served.stop().await;
}
