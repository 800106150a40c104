//! `ubin_search` over the interface: what is found, filtered, ordered and proven.

use serde_json::{Value, json};
use titian_contracts::json::Value as Rule;
use titian_contracts::op::Register;
use titian_contracts::proof;
use titian_contracts::ubin::body::name_commitment;
use titian_tests::http::{call, result};
use titian_tests::served::Served;
use titian_tests::world::{World, company_body};

const SINGAPORE: &str = "SG:ACRA";

/// Registers a body and waits until it is indexed; gives its UBIN.
async fn registered(served: &Served, registrar: &str, body: Rule) -> String {
    let ubin = body.get("ubin").and_then(Rule::as_text).expect("a number").to_owned();
    act(served, "register", Rule::object([("body", body)]), &[(registrar, 1)]).await;
    ubin
}

/// Runs an act that must be applied, and waits until the index has it.
async fn act(served: &Served, act: &str, args: Rule, signers: &[(&str, u64)]) {
    let op = served.world.op(Register::Ubin, act, args);
    let text = World::transaction(&served.world.sign(&op, signers));
    let text = String::from_utf8(text).expect("JSON is text");
    let done = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    assert_eq!(done["receipt"]["ok"], true, "{done}");
    served.search.reached(served.blocks.ledger.head().height).await;
}

async fn search(served: &Served, params: Value) -> Value {
    result(served.address, "ubin_search", params).await
}

fn ubins(answer: &Value) -> Vec<&str> {
    let hits = answer["hits"].as_array().expect("a list");
    hits.iter().map(|hit| hit["ubin"].as_str().expect("a text")).collect()
}

fn uen(local: &str, name: &str) -> Rule {
    company_body("SG", "UEN", local, name)
}

#[tokio::test]
async fn t15_a_hit_names_what_matched_and_carries_its_proof() {
    let served = Served::start().await;
    let other = Rule::object([
        ("type", Rule::from("TRADING")),
        ("value", Rule::from("Blue Lantern Café")),
        ("lang", Rule::from("en")),
    ]);
    let body =
        uen("199403865N", "GOLDEN HARBOUR PTE. LTD.").with("otherNames", Rule::List(vec![other]));
    let ubin = registered(&served, SINGAPORE, body).await;
    let answer = search(&served, json!({"q": "blue lantren cafe", "proof": true})).await;
    let hit = &answer["hits"][0];
    assert_eq!(hit["ubin"], json!(ubin));
    assert_eq!(hit["field"], "/otherNames/0");
    assert_eq!(hit["nameType"], "TRADING");
    assert_eq!(hit["name"], "Blue Lantern Café");
    // one swap of seventeen
    assert_eq!(hit["score"], 942);
    assert_eq!((&hit["status"], &hit["live"]), (&json!("ACTIVE"), &json!(true)));
    let head = served.blocks.ledger.head().height;
    assert_eq!(answer["indexedHeight"], json!(head));
    assert_eq!(answer["asOf"]["height"], json!(head));
    let bundle = hit["proof"].to_string();
    let verified = proof::verify(bundle.as_bytes(), &served.world.genesis.anchor(), 0)
        .expect("the proof verifies");
    let claim = serde_json::to_string(&hit["proof"]["claim"]).expect("JSON");
    assert!(claim.contains(&ubin) && claim.contains("Blue Lantern Café"), "{verified:?}");
    let legal = search(&served, json!({"q": "golden harbour"})).await;
    assert_eq!(legal["hits"][0]["field"], "/legalName");
    assert_eq!(legal["hits"][0]["score"], 1000);
    assert!(legal["hits"][0].get("proof").is_none());
    served.stop().await;
}

#[tokio::test]
async fn t15_filters_limits_and_the_order_of_hits() {
    let served = Served::start().await;
    let first = uen("199403865N", "STRAITS TRADER PTE LTD");
    let sg = registered(&served, SINGAPORE, first.clone()).await;
    let twin = registered(&served, SINGAPORE, uen("200002064N", "STRAITS TRADER PTE LTD")).await;
    let branch = company_body("MY", "BRN", "196501000279", "STRAITS TRADER SDN BHD");
    let my = registered(&served, "MY:SSM", branch).await;
    let all = search(&served, json!({"q": "straits trader"})).await;
    assert_eq!(ubins(&all), [my.as_str(), &sg, &twin], "equal scores by UBIN");
    let only = |filter: Value| search(&served, json!({"q": "straits trader", "filter": filter}));
    assert_eq!(ubins(&only(json!({"cc": ["MY"]})).await), [my.as_str()]);
    assert_eq!(ubins(&only(json!({"scheme": ["UEN"]})).await), [sg.as_str(), &twin]);
    assert_eq!(ubins(&only(json!({"category": ["BRANCH"]})).await), [""; 0]);
    assert_eq!(ubins(&only(json!({"status": ["SUSPENDED", "ACTIVE"]})).await).len(), 3);
    assert_eq!(ubins(&only(json!({"live": false})).await), [""; 0]);
    let one = search(&served, json!({"q": "straits trader", "limit": 1})).await;
    assert_eq!(ubins(&one), [my.as_str()]);
    let strict = search(&served, json!({"q": "straits tradr", "minScore": 990})).await;
    assert_eq!(ubins(&strict), [""; 0]);
    // the first of the twins is annulled: not live, and not CURRENT
    let quote = Rule::object([
        ("ubin", Rule::from(sg.as_str())),
        ("version", Rule::Int(1)),
        ("metaSeq", Rule::Int(0)),
        ("reason", Rule::from("OTHER")),
    ]);
    act(&served, "annul", quote, &[(SINGAPORE, 1), (SINGAPORE, 2)]).await;
    let after = search(&served, json!({"q": "straits trader"})).await;
    assert_eq!(ubins(&after), [my.as_str(), &twin, &sg]);
    assert_eq!(after["hits"][2]["quality"], "ANNULLED");
    let dead = search(&served, json!({"q": "straits trader", "filter": {"live": false}})).await;
    assert_eq!(ubins(&dead), [sg.as_str()]);
    served.stop().await;
}

#[tokio::test]
async fn t15_beginnings_come_first_in_prefix_mode() {
    let served = Served::start().await;
    let begins = registered(&served, SINGAPORE, uen("199403865N", "Sampan Ferries Pte Ltd")).await;
    let inside = registered(&served, SINGAPORE, uen("200002064N", "Old Sampan")).await;
    let core = company_body("ID", "NIB", "8120001234567", "PT Sampan Jaya");
    let core = registered(&served, "ID:AHU", core).await;
    let found = search(&served, json!({"q": "sampan", "mode": "prefix"})).await;
    assert_eq!(ubins(&found), [core.as_str(), &begins, &inside]);
    for (typed, due) in [("sa", 2), ("samp", 3), ("sampan f", 1), ("sampan ferries p", 1)] {
        let found = search(&served, json!({"q": typed, "mode": "prefix", "minScore": 900})).await;
        let hits = found["hits"].as_array().expect("a list");
        assert_eq!(hits.len(), due, "{typed}: {found}");
        assert!(hits.iter().all(|hit| hit["score"].as_u64() >= Some(900)), "{found}");
    }
    served.stop().await;
}

#[tokio::test]
async fn t15_of_a_natural_person_only_a_public_trade_name_is_found() {
    let served = Served::start().await;
    let minimal = |local: &str| {
        ["displayId", "legalName", "legalForm", "corroboration"]
            .iter()
            .fold(company_body("VN", "SUR", local, "X"), |body, name| body.without(name))
            .with("category", Rule::from("HOUSEHOLD"))
            .with("nameCommit", name_commitment(&[7; 32], "Nguyen Van An").into())
    };
    registered(&served, "VN:NBR", minimal("7K3M9QX2TB4V")).await;
    let trade = Rule::object([
        ("type", Rule::from("TRADING")),
        ("value", Rule::from("Quán Cơm Sen Hồng")),
        ("lang", Rule::from("vi")),
    ]);
    let public = minimal("8K3M9QX2TB4V")
        .with("otherNames", Rule::List(vec![trade]))
        .with("tradeNamePublic", Rule::from(true));
    let public = registered(&served, "VN:NBR", public).await;
    let found = search(&served, json!({"q": "quan com sen hong"})).await;
    assert_eq!(ubins(&found), [public.as_str()]);
    let person = search(&served, json!({"q": "nguyen van an", "minScore": 0})).await;
    assert!(!person.to_string().contains("7K3M9QX2TB4V"), "{person}");
    served.stop().await;
}

#[tokio::test]
async fn t15_a_query_out_of_bounds_is_refused_by_name() {
    let served = Served::start().await;
    for q in ["", "a", "-- --", "\u{200B}x", &"x".repeat(129), &"é".repeat(2_000)] {
        let answer = call(served.address, "ubin_search", json!({"q": q})).await;
        assert_eq!(answer["error"]["data"]["name"], "QUERY_LENGTH", "{q:?}");
        assert_eq!(answer["error"]["data"]["field"], "/q");
    }
    served.search.reached(served.blocks.ledger.head().height).await;
    for (params, field) in [
        (json!({"q": "acme", "minScore": 1001}), "/minScore"),
        (json!({"q": "acme", "filter": {"cc": ["sg"]}}), "/filter/cc"),
        (json!({"q": "acme", "filter": {"cc": ["XX"]}}), "/filter/cc"),
        (json!({"q": "acme", "filter": {"scheme": [""]}}), "/filter/scheme"),
        (json!({"q": "acme", "filter": {"scheme": ["NONE"]}}), "/filter/scheme"),
        (json!({"q": "acme", "filter": {"status": ["GONE"]}}), "/filter/status"),
        (json!({"q": "acme", "filter": {"category": ["SHOP"]}}), "/filter/category"),
        (json!({"q": "acme", "filter": {"category": vec!["FUND"; 65]}}), "/filter"),
    ] {
        let answer = call(served.address, "ubin_search", params).await;
        assert_eq!(answer["error"]["data"]["name"], "INVALID_PARAMS");
        assert_eq!(answer["error"]["data"]["field"], field);
    }
    let fits = search(&served, json!({"q": "x".repeat(128)})).await;
    assert_eq!(ubins(&fits), [""; 0]);
    served.stop().await;
}

#[tokio::test]
async fn t15_a_dry_run_tells_of_records_with_the_same_name_core_region_and_date() {
    let served = Served::start().await;
    let region = |code: &str| {
        let members = [("region", Rule::from(code)), ("country", Rule::from("SG"))];
        Rule::object(members)
    };
    let here = uen("199403865N", "LOTUS MILLS PTE. LTD.").with("address", region("SG-01"));
    let known = registered(&served, SINGAPORE, here).await;
    let there = uen("200002064N", "Lotus Mills Limited").with("address", region("SG-02"));
    registered(&served, SINGAPORE, there).await;
    let prepare = |body: &Rule| {
        let body: Value = serde_json::from_str(&body.to_jcs()).expect("JSON");
        let params = json!({"act": "register", "args": {"body": body}});
        result(served.address, "ubin_prepare", params)
    };
    let new = uen("202012345A", "Lotus Mills LLP").with("address", region("SG-01"));
    let prepared = prepare(&new).await;
    assert_eq!(
        prepared["similarNames"],
        json!([{"ubin": known, "name": "LOTUS MILLS PTE. LTD.", "field": "/legalName",
            "status": "ACTIVE"}])
    );
    for other in [
        new.with("registeredOn", Rule::from("2024-01-03")),
        new.with("address", region("SG-03")),
        uen("202012345A", "Lotus Mill LLP").with("address", region("SG-01")),
    ] {
        let prepared = prepare(&other).await;
        assert!(prepared.get("similarNames").is_none(), "{prepared}");
    }
    served.stop().await;
}
