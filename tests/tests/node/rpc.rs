//! The interface: every method, submissions, proofs, subscriptions.

use std::collections::BTreeSet;

use jsonrpsee::core::client::{Subscription, SubscriptionClientT as _};
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde_json::{Value, json};
use titian_api::METHODS;
use titian_api::ledger::Notice;
use titian_contracts::json::Value as Rule;
use titian_contracts::op::Register;
use titian_contracts::proof;
use titian_contracts::transaction::TransactionId;
use titian_tests::http::{call, error_name, result};
use titian_tests::served::Served;
use titian_tests::world::{World, company_body};

/// A signed registration of a Singapore company, as transaction text.
fn registration(served: &Served, local: &str) -> (String, String) {
    let body = company_body("SG", "UEN", local, "EXAMPLE PTE. LTD.");
    let ubin = body.get("ubin").and_then(Rule::as_text).expect("set").to_owned();
    let op = served.world.op(Register::Ubin, "register", Rule::object([("body", body)]));
    let op = served.world.sign(&op, &[("SG:ACRA", 1)]);
    (String::from_utf8(World::transaction(&op)).expect("JSON is text"), ubin)
}

#[tokio::test]
async fn the_description_names_exactly_the_registered_methods() {
    let served = Served::start().await;
    let document = result(served.address, "rpc.discover", json!({})).await;
    let described: BTreeSet<&str> = document["methods"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|method| method["name"].as_str().expect("a name"))
        .collect();
    let table: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
    assert_eq!(described, table);
    for method in METHODS.iter().filter(|method| !method.subscription) {
        let answer = call(served.address, method.name, json!({"no_such_member": 1})).await;
        let code = answer["error"]["code"].as_i64();
        assert_ne!(code, Some(-32601), "{} is not registered", method.name);
        let name = answer["error"]["data"]["name"].as_str();
        let public = method.scope == titian_api::Scope::Public;
        let expected = if public { "INVALID_PARAMS" } else { "FORBIDDEN" };
        assert_eq!(name, Some(expected), "{}: {answer}", method.name);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_submission_gives_its_receipt_and_the_same_bytes_the_same_receipt() {
    let served = Served::start().await;
    let (text, ubin) = registration(&served, "199403865N");
    let id = TransactionId::of(text.as_bytes()).to_string();
    let first = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    assert_eq!(first["status"], "executed");
    assert_eq!(first["txId"], json!(id));
    assert_eq!(first["receipt"]["ok"], true, "{first}");
    // as an object, in another order of members: the node makes it canonical
    let object: Value = serde_json::from_str(&text).expect("JSON");
    let again = result(served.address, "ledger_submit", json!({"transaction": object})).await;
    assert_eq!(again, first);
    let receipt = result(served.address, "ledger_receipt", json!({"txId": id})).await;
    assert_eq!(receipt, first["receipt"]);
    let found = result(served.address, "ubin_get", json!({"ubin": ubin.to_lowercase()})).await;
    assert_eq!(found["found"], true);
    assert_eq!(found["record"]["body"]["legalName"]["value"], "EXAMPLE PTE. LTD.");
    served.stop().await;
}

#[tokio::test]
async fn a_transaction_refused_in_a_block_has_a_receipt_with_the_rule() {
    let served = Served::start().await;
    let (text, _) = registration(&served, "199403865N");
    result(served.address, "ledger_submit", json!({"transaction": text})).await;
    let body = company_body("SG", "UEN", "199403865N", "ANOTHER NAME PTE. LTD.");
    let op = served.world.op(Register::Ubin, "register", Rule::object([("body", body)]));
    let op = served.world.sign(&op, &[("SG:ACRA", 2)]);
    let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
    let refused = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    assert_eq!(refused["status"], "executed");
    assert_eq!(refused["receipt"]["ok"], false);
    assert_eq!(refused["receipt"]["error"]["data"]["name"], "UBIN_EXISTS");
    assert_eq!(refused["receipt"]["error"]["code"], 210);
    served.stop().await;
}

#[tokio::test]
async fn what_is_refused_at_the_door_is_an_error_with_name_and_number() {
    let served = Served::start().await;
    let (text, _) = registration(&served, "199403865N");
    let other_chain = text.replace("titian-devnet-1", "titian-devnet-2");
    let answer = call(served.address, "ledger_submit", json!({"transaction": other_chain})).await;
    assert_eq!(answer["error"]["code"], 1);
    assert_eq!(answer["error"]["data"]["name"], "MALFORMED");
    let batch = json!({"transactions": [other_chain, text, "{}"]});
    let batch = result(served.address, "ledger_submitBatch", batch).await;
    let states: Vec<&str> = batch["results"]
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|r| r["status"].as_str())
        .collect();
    assert_eq!(states, ["refused", "executed", "refused"]);
    served.stop().await;
}

#[tokio::test]
async fn a_batch_of_500_transactions_is_read_and_one_more_is_not() {
    let served = Served::start().await;
    for (count, expected) in [(500, ""), (501, "LIMIT_EXCEEDED")] {
        let transactions = vec!["{}"; count];
        let name =
            error_name(served.address, "ledger_submitBatch", json!({"transactions": transactions}));
        assert_eq!(name.await, expected, "{count}");
    }
    served.stop().await;
}

#[tokio::test]
async fn without_a_block_a_submission_ends_pending() {
    let served = Served::start_with(|config| config.submit_wait_ms = 50).await;
    served.blocks.stalled.send_replace(true);
    let (text, _) = registration(&served, "199403865N");
    for wait in [true, false] {
        let params = json!({"transaction": text, "wait": wait});
        let pending = result(served.address, "ledger_submit", params).await;
        assert_eq!(pending["status"], "pending");
        assert_eq!(pending["txId"], TransactionId::of(text.as_bytes()).to_string());
        assert_eq!(pending["receipt"], Value::Null);
    }
    served.stop().await;
}

#[tokio::test]
async fn proofs_from_the_interface_verify_with_the_genesis_file_alone() {
    let served = Served::start().await;
    let anchor = served.world.genesis.anchor();
    let (text, ubin) = registration(&served, "199403865N");
    let submitted = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    let id = submitted["txId"].clone();
    let absent = company_body("SG", "UEN", "201912345K", "X");
    let absent = absent.get("ubin").and_then(Rule::as_text).expect("set").to_owned();
    let questions = [
        ("ledger-transaction", id),
        ("ubin-presence", json!(ubin)),
        ("ubin-absence", json!(absent)),
        ("vc-did", json!("did:ubin:SG:ACRA")),
        ("vc-did", json!("SG")),
        ("vc-did", json!(ubin)),
        ("vc-accreditation", json!("SG:ACRA/acc/1")),
        ("vc-status", json!("SG:ACRA/status/1#5")),
        ("etr-absence", json!(format!("bl/{ubin}/X1"))),
    ];
    for (kind, subject) in questions {
        let params = json!({"kind": kind, "subject": subject});
        let bundle = result(served.address, "ledger_prove", params).await;
        let bytes = serde_json::to_vec(&bundle["bundle"]).expect("JSON");
        let proven = proof::verify(&bytes, &anchor, 0).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!(proven.kind, kind);
    }
    let name = error_name(
        served.address,
        "ledger_prove",
        json!({"kind": "ubin-presence", "subject": absent}),
    );
    assert_eq!(name.await, "NOT_FOUND");
    let got = result(served.address, "ubin_get", json!({"ubin": ubin, "proof": true})).await;
    let bytes = serde_json::to_vec(&got["proof"]).expect("JSON");
    proof::verify(&bytes, &anchor, 0).expect("the proof of ubin_get verifies");
    served.stop().await;
}

#[tokio::test]
async fn keys_of_parties_to_records_are_not_proven_to_strangers() {
    use base64::Engine as _;
    let served = Served::start().await;
    let key = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    for (text, expected) in [("access/ams/SG", ""), ("etr/endorsement/etr_x", "FORBIDDEN")] {
        let params = json!({"kind": "ledger-state", "keys": [key(text)]});
        assert_eq!(error_name(served.address, "ledger_prove", params).await, expected, "{text}");
    }
    served.stop().await;
}

#[tokio::test]
async fn reading_names_the_head_and_refuses_heights_above_it() {
    let served = Served::start().await;
    let status = result(served.address, "ledger_status", json!({})).await;
    assert_eq!(status["chain"], "titian-devnet-1");
    assert_eq!((&status["n"], &status["f"], &status["quorum"]), (&json!(4), &json!(1), &json!(3)));
    let height = status["height"].as_u64().expect("a height");
    let header = result(served.address, "ledger_header", json!({"height": height})).await;
    assert_eq!(header["id"], status["block"]);
    for method in ["ledger_header", "ledger_block", "ledger_certificate"] {
        let above = json!({"height": height + 1});
        assert_eq!(error_name(served.address, method, above).await, "HEIGHT_UNKNOWN");
    }
    let party = json!({"party": "SG:ACRA", "height": height + 1});
    assert_eq!(error_name(served.address, "access_party", party).await, "HEIGHT_UNKNOWN");
    let party = result(served.address, "access_party", json!({"party": "SG:ACRA"})).await;
    assert_eq!(party["keyCount"], 2);
    served.stop().await;
}

#[tokio::test]
async fn a_mistyped_number_is_an_error_with_suggestions() {
    let served = Served::start().await;
    let answer = call(served.address, "ubin_parse", json!({"input": "SG-UEN-1994O3865N-G7"})).await;
    assert_eq!(answer["error"]["data"]["name"], "UBIN_CHECK_FAILED");
    assert_eq!(answer["error"]["data"]["suggestions"], json!(["SG-UEN-199403865N-G7"]));
    served.stop().await;
}

#[tokio::test]
async fn a_dry_run_names_digest_signers_and_the_first_failing_check() {
    let served = Served::start().await;
    let body = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let body: Value = serde_json::from_str(&body.to_jcs()).expect("JSON");
    let params = json!({"act": "register", "args": {"body": body}});
    let prepared = result(served.address, "ubin_prepare", params).await;
    assert_eq!(prepared["fails"], Value::Null, "{prepared}");
    assert_eq!(prepared["signers"][0]["role"], "R1");
    let op = titian_contracts::json::parse(prepared["op"].to_string().as_bytes()).expect("JSON");
    let digest = titian_contracts::op::digest_of(Register::Ubin, &op);
    assert_eq!(prepared["opDigest"], digest.to_string());
    let bad = result(served.address, "ubin_prepare", json!({"act": "register", "args": {}})).await;
    assert_eq!(bad["fails"]["data"]["name"], "MALFORMED");
    served.stop().await;
}

async fn subscribe(client: &WsClient, params: ObjectParams) -> Subscription<Notice> {
    client
        .subscribe("ledger_subscribe", params, "ledger_unsubscribe")
        .await
        .expect("the subscription opens")
}

async fn next(subscription: &mut Subscription<Notice>) -> Notice {
    subscription.next().await.expect("a notice").expect("of the right form")
}

#[tokio::test]
async fn who_follows_receipts_hears_of_what_was_dropped_and_of_the_next_receipt() {
    let served = Served::start().await;
    let address = format!("ws://{}", served.address);
    let client = WsClientBuilder::default().build(address).await.expect("the server listens");
    let mut params = ObjectParams::new();
    params.insert("topic", "receipts").expect("JSON");
    let mut receipts = subscribe(&client, params).await;
    let (text, _) = registration(&served, "199403865N");
    let id = TransactionId::of(text.as_bytes());
    assert_eq!(served.blocks.expired.send(id).ok(), Some(1), "the subscription listens");
    let notice = next(&mut receipts).await;
    let error = notice.error.expect("why no receipt comes");
    assert_eq!((error.data.name.as_str(), notice.tx_id), ("EXPIRED_IN_POOL", Some(id.to_string())));
    assert!(notice.receipt.is_none());
    let done = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    assert_eq!(done["receipt"]["ok"], true, "{done}");
    let notice = next(&mut receipts).await;
    assert_eq!(notice.receipt.expect("a receipt").tx_id, id.to_string());
    served.stop().await;
}

#[tokio::test]
async fn a_subscription_resumed_at_any_cursor_misses_nothing_and_repeats_nothing() {
    let served = Served::start().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{}", served.address))
        .await
        .expect("the server listens");
    let params = |topic: &str, cursor: Option<&str>| {
        let mut params = ObjectParams::new();
        params.insert("topic", topic).expect("JSON");
        if let Some(cursor) = cursor {
            params.insert("cursor", cursor).expect("JSON");
        }
        params
    };
    let mut live = subscribe(&client, params("events", None)).await;
    let mut seen = Vec::new();
    for local in ["199403865N", "201912345K", "200812345C"] {
        let (text, ubin) = registration(&served, local);
        let done = result(served.address, "ledger_submit", json!({"transaction": text})).await;
        assert_eq!(done["receipt"]["ok"], true, "{done}");
        let notice = next(&mut live).await;
        assert_eq!(notice.event.as_ref().map(|event| event.subject.as_str()), Some(ubin.as_str()));
        seen.push(notice);
    }
    for topic in ["events", "receipts", "blocks"] {
        let mut all = subscribe(&client, params(topic, Some("0:0"))).await;
        let mut cursors = Vec::new();
        let head = served.blocks.ledger.head().height;
        let count = if topic == "blocks" { head } else { 3 };
        for _ in 0..count {
            cursors.push(next(&mut all).await.cursor);
        }
        for (i, cursor) in cursors.iter().enumerate().take(cursors.len() - 1) {
            let mut resumed = subscribe(&client, params(topic, Some(cursor))).await;
            assert_eq!(next(&mut resumed).await.cursor, cursors[i + 1], "{topic} after {cursor}");
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn refused_parameters_are_named_by_a_pointer_and_never_quoted() {
    let served = Served::start().await;
    let refused = async |method: &str, params: Value| {
        let answer = call(served.address, method, params).await;
        let data = &answer["error"]["data"];
        assert_eq!(data["name"], "INVALID_PARAMS", "{answer}");
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        assert!(!text("detail").contains("secret"), "{answer}");
        (text("field"), text("detail"))
    };
    let is = |field: &str, detail: &str| (field.to_owned(), detail.to_owned());
    for (method, params, expected) in [
        ("ledger_header", json!({"height": "secret"}), is("/height", "wrong type or form")),
        ("ledger_header", json!({"height": -1}), is("/height", "wrong type or form")),
        (
            "ledger_header",
            json!({"secret`, expected `x": 1}),
            is("", "has an unknown member; expected `height`"),
        ),
        ("ledger_receipt", json!({}), is("/txId", "is missing")),
        (
            "ledger_prove",
            json!({"kind": "ledger-state", "keys": ["AA", 7]}),
            is("/keys/1", "wrong type or form"),
        ),
        (
            "ubin_search",
            json!({"q": "x", "filter": {"cc": "secret"}}),
            is("/filter/cc", "wrong type or form"),
        ),
        (
            "ubin_search",
            json!({"q": "x", "mode": "secret"}),
            is("/mode", "expected `fuzzy` or `prefix`"),
        ),
        ("ledger_header", json!([5]), is("", "parameters are passed by name, as an object")),
    ] {
        assert_eq!(refused(method, params.clone()).await, expected, "{method} {params}");
    }
    let inner = json!({"q": "x", "filter": {"secret": 1}});
    let (field, detail) = refused("ubin_search", inner).await;
    assert_eq!(field, "/filter");
    assert!(detail.starts_with("has an unknown member; expected one of `cc`"), "{detail}");
    served.stop().await;
}

#[tokio::test]
async fn a_proof_is_asked_for_with_what_its_kind_looks_at_and_nothing_else() {
    let served = Served::start().await;
    let id = format!("tx:{}", "0".repeat(64));
    for (params, field) in [
        (json!({"kind": "ledger-state", "keys": ["YQ"], "subject": "SG"}), "/subject"),
        (json!({"kind": "ubin-presence", "subject": "SG", "keys": ["YQ"]}), "/keys"),
        (json!({"kind": "ledger-transaction", "subject": id, "height": 1}), "/height"),
        (json!({"kind": "ledger-transaction", "subject": "tx:1"}), "/subject"),
        (json!({"kind": "ledger-transaction"}), "/subject"),
    ] {
        let answer = call(served.address, "ledger_prove", params.clone()).await;
        let data = &answer["error"]["data"];
        let found = (data["name"].as_str(), data["field"].as_str());
        assert_eq!(found, (Some("INVALID_PARAMS"), Some(field)), "{params}");
    }
    served.stop().await;
}
