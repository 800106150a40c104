//! Whom a capability serves, for what, and how long; what a former party sees.

use serde_json::{Value, json};
use titian_api::etr::CapabilityText;
use titian_contracts::json::Value as Rule;
use titian_contracts::op::Register;
use titian_node::rpc::auth::{AccessClaims, access_token};
use titian_node::signer::keystore::NodeKey;
use titian_tests::etr::{Traders, accept_args, with_ack};
use titian_tests::http::{call, call_with};
use titian_tests::served::{TOKEN_SEED, now_ms};

use super::{ACK, Scene};

#[tokio::test]
async fn etr_a_capability_serves_one_method_at_one_node_about_one_subject() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    let text =
        CapabilityText { method: "etr_get", subject: id, party: &s.vn, ms: now_ms(), ..s.text() };
    let with = |capability: Value| json!({"id": id, "capability": capability});
    let good = s.signed(&text);
    assert_eq!(s.result("etr_get", with(good.clone())).await["party"]["ref"], "SGPU4711");
    // of another method: it reads, and must not erase
    for method in ["etr_history", "etr_endorsements", "etr_envelopes"] {
        assert_eq!(s.error(method, with(good.clone())).await, "FORBIDDEN", "{method}");
    }
    let name = json!({"id": id, "version": 1, "envelopeNo": 1});
    let erase = json!({"name": name, "capability": good});
    assert_eq!(s.error("etr_envelopeErase", erase).await, "FORBIDDEN");
    for bad in [
        CapabilityText { node: "another", ..text },
        CapabilityText { chain: "titian-devnet-2", ..text },
        CapabilityText { subject: &s.staged, ..text },
        CapabilityText { method: "etr_getX", ..text },
        CapabilityText { ms: text.ms - 301_000, ..text },
        CapabilityText { ms: text.ms + 301_000, ..text },
    ] {
        assert_eq!(s.error("etr_get", with(s.signed(&bad))).await, "FORBIDDEN", "{bad:?}");
    }
    // what was signed says when
    let mut later = s.signed(&text);
    later["ms"] = json!(text.ms + 1);
    assert_eq!(s.error("etr_get", with(later)).await, "FORBIDDEN");
    // the node says what it is called
    assert_eq!(s.result("ledger_status", json!({})).await["node"], text.node);
    s.served.stop().await;
}

#[tokio::test]
async fn etr_who_left_sees_what_it_was_party_to_and_nothing_later() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    s.accept().await;
    let head = || s.served.blocks.ledger.head().height;
    // the block of the acceptance, and an empty one
    let left = head() - 1;
    let as_vn = |method: &str, more: Value| {
        let mut params = json!({"id": id, "capability": s.capability(method, &s.vn, id)});
        for (name, value) in more.as_object().expect("an object") {
            params[name] = value.clone();
        }
        params
    };
    // nothing has happened since: what it left behind it may still look at
    let shown = s.result("etr_get", as_vn("etr_get", json!({}))).await;
    assert_eq!(shown["party"]["controller"]["party"], s.th.as_str(), "{shown}");

    let surrender =
        json!({"kind": "delivery", "reason": null, "deadlineMs": now_ms() + 86_400_000});
    s.act("surrender", surrender, &s.th).await;
    let shown = s.result("etr_get", as_vn("etr_get", json!({}))).await;
    assert!(shown.get("party").is_none() && shown.get("endorsements").is_none(), "{shown}");
    assert_eq!(shown["public"]["status"], "surrendered");
    assert_eq!(shown["partyUntil"], left);
    let shown = s.result("etr_get", as_vn("etr_get", json!({"height": left}))).await;
    assert_eq!(shown["party"]["controller"]["party"], s.th.as_str());
    let shown = s.result("etr_get", as_vn("etr_get", json!({"height": left - 1}))).await;
    assert_eq!(shown["party"]["controller"]["party"], s.vn.as_str());
    // the holder sees the past too, also from before it came
    let capability = s.capability("etr_get", &s.th, id);
    let before = json!({"id": id, "height": left - 4, "capability": capability});
    assert_eq!(s.result("etr_get", before).await["party"]["controller"]["party"], s.vn.as_str());

    let history = s.result("etr_history", as_vn("etr_history", json!({}))).await;
    let seen = |n: usize| history["items"][n].get("op").is_some();
    assert_eq!([seen(0), seen(1), seen(2), seen(3)], [true, true, true, false], "{history}");
    let chain = s.result("etr_endorsements", as_vn("etr_endorsements", json!({}))).await;
    assert_eq!(chain["endorsements"].as_array().map(Vec::len), Some(1), "{chain}");
    assert_eq!(chain["asOf"]["height"], left);
    let proof = as_vn("etr_prove", json!({"kind": "history"}));
    assert_eq!(s.error("etr_prove", proof).await, "FORBIDDEN");
    let capability = s.capability("etr_list", &s.vn, &s.vn);
    let list = s.result("etr_list", json!({"party": s.vn, "capability": capability})).await;
    assert_eq!(list["items"][0]["partyUntil"], left, "{list}");
    assert!(list["items"][0].get("party").is_none(), "{list}");
    let prepare = json!({"act": "withdraw", "args": {}, "id": id, "place": "VNSGN",
        "capability": s.capability("etr_prepare", &s.vn, id)});
    let told = s.result("etr_prepare", prepare).await;
    assert_eq!((&told["checked"], &told["fails"]), (&json!(false), &Value::Null), "{told}");

    // it is over: who held it at the end keeps sight of it, who left before does not
    s.act("surrender_accept", json!({"digest": null}), &s.sg).await;
    let capability = s.capability("etr_get", &s.th, id);
    let shown = s.result("etr_get", json!({"id": id, "capability": capability})).await;
    assert_eq!(shown["public"]["end"], "delivered");
    assert_eq!(shown["party"]["controller"]["party"], s.th.as_str());
    let shown = s.result("etr_get", as_vn("etr_get", json!({}))).await;
    assert!(shown.get("party").is_none() && shown["partyUntil"] == left, "{shown}");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_an_endorser_who_may_be_called_on_stays_a_party() {
    for (without_recourse, stays) in [(false, true), (true, false)] {
        let s = Scene::with(|t| {
            let id = t.issued_note("N-1");
            let (vn, th, my) = (t.vn.clone(), t.th.clone(), t.my.clone());
            for (from, to, ack) in [(&vn, &th, ACK), (&th, &my, ["MY:unknown", "TH:unknown"])] {
                let offer = t.offer_args(to, Some("special"));
                let offer = offer.with("withoutRecourse", without_recourse.into());
                let offer = t.op(&id, "offer", offer);
                t.run(&offer, &[from]).expect("offered");
                let accept = with_ack(&t.op(&id, "accept", accept_args()), &ack);
                t.run(&accept, &[to]).expect("accepted");
            }
            id
        })
        .await;
        let id = s.id.as_str();
        let capability = s.capability("etr_get", &s.vn, id);
        let shown = s.result("etr_get", json!({"id": id, "capability": capability})).await;
        assert_eq!(shown.get("party").is_some(), stays, "{shown}");
        assert_eq!(shown.get("partyUntil").is_none(), stays, "{shown}");
        s.served.stop().await;
    }
}

#[tokio::test]
async fn etr_endorsements_and_lists_come_in_pages() {
    // 201 endorsements in place: blank, and back to oneself
    let s = Scene::with(|t| {
        let id = t.issued_note("N-1");
        let vn = t.vn.clone();
        for n in 0..201 {
            let kind = if n % 2 == 0 { "blank" } else { "conversion" };
            let args = titian_contracts::json::Value::object([("kind", kind.into())]);
            let op = t.op(&id, "endorse", args);
            t.run(&op, &[&vn]).expect("endorsed");
        }
        id
    })
    .await;
    let id = s.id.as_str();
    let page = |cursor: Value| {
        let capability = s.capability("etr_endorsements", &s.vn, id);
        json!({"id": id, "cursor": cursor, "capability": capability})
    };
    let first = s.result("etr_endorsements", page(Value::Null)).await;
    assert_eq!(first["endorsements"].as_array().map(Vec::len), Some(200));
    assert_eq!(first["cursor"], "200");
    let second = s.result("etr_endorsements", page(first["cursor"].clone())).await;
    assert_eq!(second["endorsements"][0]["n"], 201);
    assert_eq!(
        (second["endorsements"].as_array().map(Vec::len), second["cursor"].is_null()),
        (Some(1), true)
    );
    assert_eq!(s.error("etr_endorsements", page(json!("x"))).await, "INVALID_PARAMS");
    let capability = s.capability("etr_get", &s.vn, id);
    let shown = s.result("etr_get", json!({"id": id, "capability": capability})).await;
    assert_eq!(shown["endorsements"].as_array().map(Vec::len), Some(200));
    assert_eq!(shown["party"]["endorsements"], 201);
    let capability = s.capability("etr_list", &s.vn, &s.vn);
    let list = s.result("etr_list", json!({"party": s.vn, "capability": capability})).await;
    assert_eq!(list["items"][0]["id"], id, "{list}");
    assert!(list["items"][0].get("endorsements").is_none(), "{list}");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_a_token_reads_as_the_parties_that_it_lists() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    let bearer = |parties: &[&str], scope: &str| {
        let now_s = now_ms() / 1000;
        let claims = AccessClaims {
            aud: s.served.world.genesis.chain.clone(),
            iat: now_s,
            exp: now_s + 600,
            scope: scope.to_owned(),
            issuers: Vec::new(),
            parties: parties.iter().map(|party| (*party).to_owned()).collect(),
            sub: "erp".to_owned(),
        };
        let key = NodeKey::from_seed(&TOKEN_SEED);
        format!("Bearer {}", access_token(&key, &claims).expect("a token"))
    };
    let ask = async |bearer: &str, method: &str, params: Value| {
        let headers = [("authorization", bearer)];
        call_with(s.served.address, method, params, &headers).await
    };
    let (vn, my) = (s.vn.as_str(), s.my.as_str());
    let of_vn = bearer(&[my, vn], "etr:read");
    let shown = ask(&of_vn, "etr_get", json!({"id": id})).await;
    assert_eq!(shown["result"]["party"]["ref"], "SGPU4711", "{shown}");
    let listed = ask(&of_vn, "etr_list", json!({"party": vn})).await;
    assert_eq!(listed["result"]["items"][0]["id"], id, "{listed}");
    let offer = s.served.blocks.ledger.head().height;
    let ops = async |bearer: &str| {
        let mut seen = Vec::new();
        for height in 1..=offer {
            let block = ask(bearer, "ledger_block", json!({"height": height})).await;
            let all = block["result"]["transactions"].as_array().cloned().unwrap_or_default();
            let open = |tx: &&Value| tx["name"].as_str().is_some_and(|n| n.starts_with("etr."));
            seen.extend(all.iter().filter(open).map(|tx| tx["withheld"] != json!(true)));
        }
        seen
    };
    // the issue and the offer are VN's, the staged issue is TH's
    assert_eq!(ops(&of_vn).await, [true, true, false]);
    let prepared = json!({"act": "withdraw", "args": {}, "id": id, "place": "VNSGN"});
    assert_eq!(ask(&of_vn, "etr_prepare", prepared.clone()).await["result"]["checked"], true);

    // of others, or without the scope, it shows no more than none does
    for bearer in [bearer(&[my], "etr:read"), bearer(&[], "etr:read"), bearer(&[vn], "vc:issue")] {
        let shown = ask(&bearer, "etr_get", json!({"id": id})).await;
        assert!(shown["result"]["public"].is_object(), "{shown}");
        assert!(shown["result"].get("party").is_none(), "{shown}");
        let listed = ask(&bearer, "etr_list", json!({"party": vn})).await;
        assert_eq!(listed["error"]["data"]["name"], "FORBIDDEN", "{listed}");
        let proof = ask(&bearer, "etr_prove", json!({"kind": "history", "id": id})).await;
        assert_eq!(proof["error"]["data"]["name"], "FORBIDDEN", "{proof}");
        let told = ask(&bearer, "etr_prepare", prepared.clone()).await;
        assert_eq!(told["result"]["checked"], false, "{told}");
        assert_eq!(ops(&bearer).await, [false, false, false]);
    }
    s.served.stop().await;
}

/// VN lets MY offer its records.
fn give_mandate(t: &mut Traders) {
    let (vn, my) = (t.vn.clone(), t.my.clone());
    let seed = t.world.fresh_seed();
    let key = t.world.new_key(&vn, seed, &["invoke"], &["etr.*", "access.mandate_*"], 2);
    let bind = Rule::object([
        ("party", Rule::from(vn.as_str())),
        ("version", Rule::Int(1)),
        ("keys", Rule::List(vec![key])),
    ]);
    t.world.act(Register::Access, "key_bind", bind, &[("VN:NBR", 1)]).expect("bound");
    t.world.add_key(&vn, 2, seed);
    let mandate = Rule::object([
        ("party", Rule::from(vn.as_str())),
        ("version", Rule::Int(2)),
        ("agent", Rule::from(my.as_str())),
        ("acts", Rule::List(vec![Rule::from("etr.offer")])),
        ("limits", Rule::List(Vec::new())),
        ("untilMs", Rule::from(t.world.time_ms + 86_400_000)),
    ]);
    t.world.act(Register::Access, "mandate_set", mandate, &[(&vn, 2)]).expect("given");
}

#[tokio::test]
async fn etr_a_mandate_gives_no_sight_and_the_refusal_names_what_does() {
    let s = Scene::with(|t| {
        give_mandate(t);
        t.issued_bill("SGPU4711")
    })
    .await;
    let mandates = s.result("access_mandates", json!({"party": s.vn})).await;
    assert!(mandates.to_string().contains(&s.my), "{mandates}");
    let id = s.id.as_str();
    let refused = async |by: &str| {
        let params = json!({"id": id, "capability": s.capability("etr_get", by, id)});
        call(s.served.address, "etr_get", params).await["error"].clone()
    };
    let agent = refused(&s.my).await;
    assert_eq!(agent["data"]["name"], "FORBIDDEN", "{agent}");
    let detail = agent["data"]["detail"].as_str().expect("a detail");
    assert!(detail.contains("mandate") && detail.contains("etr:read"), "{detail}");
    // any stranger is told the same, so that the answer does not say whose principal is a party
    assert_eq!(refused(&s.th).await, agent);
    s.served.stop().await;
}
