//! `ubin_*`: what stands beside records, schemes as of a height, every act prepared, and no number
//! of a natural person in any answer.

use serde_json::{Value, json};
use titian_contracts::access::scope;
use titian_contracts::json::Value as Rule;
use titian_contracts::op::{self, Register};
use titian_tests::http::{call, error_name, result};
use titian_tests::served::Served;
use titian_tests::world::{World, company_body};

const DAY_MS: u64 = 86_400_000;
const R1: &[(&str, u64)] = &[("SG:ACRA", 1)];
const R2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];

/// Signs and submits an act; gives the result of `ledger_submit`.
async fn submit(served: &Served, act: &str, args: Rule, signers: &[(&str, u64)]) -> Value {
    let op = served.world.sign(&served.world.op(Register::Ubin, act, args), signers);
    let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
    result(served.address, "ledger_submit", json!({"transaction": text})).await
}

/// An act that is applied; gives the digest of its op.
async fn done(served: &Served, act: &str, args: Rule, signers: &[(&str, u64)]) -> String {
    let op = served.world.op(Register::Ubin, act, args.clone());
    let submitted = submit(served, act, args, signers).await;
    assert_eq!(submitted["receipt"]["ok"], true, "{act}: {submitted}");
    op::digest_of(Register::Ubin, &op).to_string()
}

fn name_of(body: &Rule) -> String {
    body.get("ubin").and_then(Rule::as_text).expect("set").to_owned()
}

async fn registered(served: &Served) -> String {
    let body = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    done(served, "register", Rule::object([("body", body.clone())]), R1).await;
    name_of(&body)
}

fn consent(ubin: &str, days: u64) -> Rule {
    let expires = titian_tests::served::now_ms() + days * DAY_MS;
    Rule::object([
        ("kind", Rule::from("RELOCATE")),
        ("ubin", Rule::from(ubin)),
        ("version", Rule::Int(1)),
        ("toAms", Rule::from("MY")),
        ("toScheme", Rule::from("BRN")),
        ("expiresMs", Rule::from(expires)),
    ])
}

fn challenge(ubin: &str, ground: &str) -> Rule {
    Rule::object([
        ("by", Rule::from("MY:SSM")),
        ("ubin", Rule::from(ubin)),
        ("version", Rule::Int(1)),
        ("ground", Rule::from(ground)),
        ("fields", Rule::List(Vec::new())),
        ("evidence", Rule::List(Vec::new())),
    ])
}

fn states(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|item| item["state"].as_str().expect("a state")).collect()
}

#[tokio::test]
async fn challenges_are_found_by_record_state_and_how_far_they_went() {
    let served = Served::start().await;
    let ubin = registered(&served).await;
    let by: &[(&str, u64)] = &[("MY:SSM", 1)];
    let mut ids = Vec::new();
    for ground in ["NAME", "STATUS", "ADDRESS"] {
        ids.push(done(&served, "challenge_open", challenge(&ubin, ground), by).await);
    }
    let id = |id: &str| Rule::object([("id", Rule::from(id))]);
    done(&served, "challenge_ack", id(&ids[1]), R1).await;
    done(&served, "challenge_withdraw", id(&ids[2]), by).await;
    let ask = |params: Value| result(served.address, "ubin_challenges", params);
    let all = ask(json!({})).await;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(all["cursor"], Value::Null);
    assert_eq!(states(&ask(json!({"ubin": ubin.to_lowercase(), "state": "OPEN"})).await), ["OPEN"]);
    assert_eq!(states(&ask(json!({"ams": "SG", "state": "WITHDRAWN"})).await), ["WITHDRAWN"]);
    assert_eq!(states(&ask(json!({"ams": "MY"})).await), [] as [&str; 0]);
    let one = ask(json!({"id": ids[1]})).await;
    assert_eq!(states(&one), ["ACKNOWLEDGED"]);
    assert_eq!(one["items"][0]["ground"], "STATUS");
    assert_eq!(one["items"][0]["overdue"], false);
    // page by page every one comes once
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = ask(json!({"limit": 1, "cursor": cursor})).await;
        let found = page["items"].as_array().expect("items");
        seen.extend(found.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    ids.sort();
    assert_eq!(seen, ids);
    for (bad, name) in [
        (json!({"state": "SLEEPING"}), "INVALID_PARAMS"),
        (json!({"id": "b3:00"}), "INVALID_PARAMS"),
        (json!({"cursor": "x"}), "INVALID_PARAMS"),
        (json!({"ubin": "SG-UEN-199403865N-G8"}), "UBIN_CHECK_FAILED"),
        (json!({"ubin": name_of(&company_body("SG", "UEN", "201912345K", "X"))}), "UBIN_UNKNOWN"),
    ] {
        let found = error_name(served.address, "ubin_challenges", bad.clone()).await;
        assert_eq!(found, name, "{bad}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_list_has_each_number_of_a_prefix_once_and_in_order_over_pages_of_any_size() {
    let served = Served::start().await;
    let first = registered(&served).await;
    for (scheme, local) in [("UEN", "202012345A"), ("UEN", "201912345K"), ("SUR", "7K3M9QX2TB4V")] {
        let body = company_body("SG", scheme, local, "X");
        done(&served, "register", Rule::object([("body", body)]), R1).await;
    }
    let alias = name_of(&company_body("SG", "UEN", "202112345A", "X"));
    let add = [("ubin", Rule::from(first.as_str())), ("alias", Rule::from(alias.as_str()))];
    done(&served, "alias_add", Rule::object(add), R1).await;
    let listed = async |prefix: &str, limit: u32| {
        let (mut locals, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut params = json!({"prefix": prefix, "limit": limit});
            if cursor.is_string() {
                params["cursor"] = cursor;
            }
            let page = result(served.address, "ubin_list", params).await;
            let items = page["items"].as_array().expect("items");
            assert!(items.len() <= limit.max(1) as usize, "{page}");
            for item in items {
                let ubin = item["ubin"].as_str().expect("a UBIN");
                locals.push(ubin.split('-').nth(2).expect("a number").to_owned());
            }
            cursor = page["cursor"].clone();
            if cursor.is_null() {
                return locals;
            }
        }
    };
    let numbers = ["199403865N", "201912345K", "202012345A", "202112345A"];
    for limit in [1, 2, 3, 4, 5, 500] {
        assert_eq!(listed("SG-UEN", limit).await, numbers, "{limit}");
    }
    for (method, params, max) in [
        ("ubin_list", json!({"prefix": "SG-UEN"}), 500),
        ("ubin_search", json!({"q": "X"}), 50),
        ("ubin_links", json!({"ubin": first}), 500),
        ("ubin_history", json!({"ubin": first}), 100),
        ("ubin_challenges", json!({}), 500),
        ("ubin_consents", json!({}), 500),
    ] {
        for limit in [0, max + 1] {
            let mut params = params.clone();
            params["limit"] = json!(limit);
            let name = error_name(served.address, method, params).await;
            assert_eq!(name, "LIMIT_EXCEEDED", "{method} {limit}");
        }
    }
    assert_eq!(listed("SG-UEN-20", 100).await, numbers[1..]);
    assert_eq!(listed("SG-UEN-201912345K", 100).await, numbers[1..2]);
    assert_eq!(listed("SG", 2).await, [&["7K3M9QX2TB4V"][..], &numbers].concat());
    for prefix in ["SG-UE", "SG-UEN-3", "MY", "XX"] {
        assert_eq!(listed(prefix, 100).await, [] as [&str; 0], "{prefix}");
    }
    let page = result(served.address, "ubin_list", json!({"prefix": "SG-UEN"})).await;
    assert_eq!(page["items"][3]["aliasOf"], first.as_str(), "{page}");
    assert_eq!(page["items"][3]["entity"], page["items"][0]["entity"], "{page}");
    assert_eq!(page["items"][0]["status"], "ACTIVE", "{page}");
    for prefix in ["", "S", "SGP", "sg", "S1", "SG-U", "SG-UENUENU", "SG-UEN-19-94", "SG-UEN-1994n"]
    {
        let name = error_name(served.address, "ubin_list", json!({"prefix": prefix})).await;
        assert_eq!(name, "INVALID_PARAMS", "{prefix}");
    }
    // a cursor belongs to its list
    let start = json!({"prefix": "SG-SUR", "limit": 1});
    let foreign = result(served.address, "ubin_list", start).await["cursor"].clone();
    for cursor in [foreign, json!("!"), json!("")] {
        let params = json!({"prefix": "SG-UEN", "cursor": &cursor});
        let name = error_name(served.address, "ubin_list", params).await;
        assert_eq!(name, "INVALID_PARAMS", "{cursor}");
    }
    served.stop().await;
}

#[tokio::test]
async fn consents_show_how_they_stand() {
    let served = Served::start().await;
    let ubin = registered(&served).await;
    let withdrawn = done(&served, "consent_out", consent(&ubin, 30), R2).await;
    let by_id = Rule::object([("id", Rule::from(withdrawn.as_str()))]);
    done(&served, "consent_withdraw", by_id, R1).await;
    let open = done(&served, "consent_out", consent(&ubin, 60), R2).await;
    let ask = |params: Value| result(served.address, "ubin_consents", params);
    let state = |page: Value| states(&page).iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert_eq!(state(ask(json!({"id": withdrawn})).await), ["WITHDRAWN"]);
    assert_eq!(state(ask(json!({"ubin": ubin, "state": "OPEN"})).await), ["OPEN"]);
    assert_eq!(ask(json!({"ams": "MY"})).await["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(ask(json!({"ams": "TH"})).await["items"].as_array().map(Vec::len), Some(0));
    let body = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let next = body
        .with("version", Rule::Int(2))
        .with("prev", titian_contracts::ubin::body::body_hash(&body).into())
        .with("sizeClass", Rule::from("SMALL"));
    done(&served, "update", Rule::object([("body", next)]), R1).await;
    assert_eq!(state(ask(json!({"id": open})).await), ["VOIDED"]);
    let unknown = json!({"id": format!("b3:{}", "0".repeat(64))});
    assert_eq!(state(ask(unknown).await), [] as [&str; 0]);
    served.stop().await;
}

#[tokio::test]
async fn schemes_and_attested_figures_are_read_as_of_a_height_and_by_version() {
    let served = Served::start().await;
    let before = result(served.address, "ledger_status", json!({})).await["height"].clone();
    let entry = titian_contracts::ubin::scheme::SchemeTable::genesis();
    let entry = entry.find("SG", "UEN").expect("in genesis").entry.to_value();
    let put = Rule::object([
        ("entry", entry.with("version", Rule::Int(2)).with("refreshDays", Rule::Int(200))),
        ("effectiveMs", Rule::from(titian_tests::served::now_ms() + 15 * DAY_MS)),
    ]);
    let root: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
    done(&served, "scheme_put", put, root).await;
    let ask = |params: Value| result(served.address, "ubin_scheme", params);
    let now = ask(json!({"cc": "SG", "scheme": "UEN"})).await;
    assert_eq!((&now["version"], &now["standing"]["newest"]), (&json!(1), &json!(2)));
    assert_eq!(now["standing"]["waiting"][0]["version"], 2);
    let second = ask(json!({"cc": "SG", "scheme": "UEN", "version": 2})).await;
    assert_eq!(second["refreshDays"], 200);
    let old = ask(json!({"cc": "SG", "scheme": "UEN", "height": before})).await;
    assert_eq!(old["standing"]["newest"], 1);
    assert_eq!(old["asOf"]["height"], before);
    for bad in [
        json!({"cc": "SG", "scheme": "ABC"}),
        json!({"cc": "XX", "scheme": "UEN"}),
        json!({"cc": "SG", "scheme": "UEN", "version": 3}),
    ] {
        let found = error_name(served.address, "ubin_scheme", bad).await;
        assert_eq!(found, "SCHEME_UNKNOWN");
    }
    let all = result(served.address, "ubin_schemes", json!({"cc": "SG", "height": 0})).await;
    assert!(all["schemes"].as_array().is_some_and(|schemes| schemes.len() >= 3), "{all}");
    let figures = json!({"cc": "SG", "metric": "ubin_coverage", "period": "2026"});
    assert_eq!(result(served.address, "ubin_attested", figures.clone()).await["version"], 0);
    let row = Rule::object([("REGISTERED", Rule::Int(12_345))]);
    let attest = Rule::object([
        ("cc", Rule::from("SG")),
        ("metric", Rule::from("ubin_coverage")),
        ("period", Rule::from("2026")),
        ("version", Rule::Int(1)),
        ("cells", Rule::object([("UEN", row)])),
    ]);
    done(&served, "attest_counts", attest, R1).await;
    let shown = result(served.address, "ubin_attested", figures).await;
    assert_eq!(shown["version"], 1);
    assert_eq!(shown["cells"]["UEN"]["REGISTERED"], 12_345);
    served.stop().await;
}

#[tokio::test]
async fn every_act_of_the_register_can_be_prepared() {
    let served = Served::start().await;
    let (_, acts) = scope::ACTS.iter().find(|(register, _)| *register == "ubin").expect("known");
    for act in *acts {
        let prepared =
            result(served.address, "ubin_prepare", json!({"act": act, "args": {}})).await;
        assert_eq!(prepared["op"]["act"], *act);
        assert_eq!(prepared["op"]["sigs"], json!([]));
        assert!(prepared["opDigest"].as_str().is_some_and(|text| text.starts_with("b3:")), "{act}");
        // empty arguments fail by their form, before anything is looked up
        assert!(!prepared["fails"].is_null(), "{act}: {prepared}");
    }
    let ubin = registered(&served).await;
    let args = json!({"ubin": ubin, "version": 1, "metaSeq": 0, "reason": "ERROR"});
    let good = result(served.address, "ubin_prepare", json!({"act": "annul", "args": args})).await;
    assert_eq!(good["fails"], Value::Null, "{good}");
    assert_eq!(good["signers"][0]["role"], "R2");
    assert_eq!(good["signers"][0]["scope"], "ubin.annul:UEN");
    assert_eq!(good["events"][0]["data"]["mark"], "ANNULLED");
    served.stop().await;
}

/// The shape of an identity card number of each of two states; no such cards exist.
const CARDS: &[(&str, &str, &str)] = &[("SG", "UEN", "S0000000X"), ("MY", "BRN", "880101000000")];

#[tokio::test]
async fn t08_no_method_repeats_a_number_of_a_person() {
    let served = Served::start().await;
    let company = registered(&served).await;
    for (cc, scheme, card) in CARDS {
        let digits: String = card.chars().filter(char::is_ascii_digit).collect();
        let ubin = name_of(&company_body(cc, scheme, card, "X"));
        let wide: String = ubin.chars().map(|c| if c == '-' { '\u{2011}' } else { c }).collect();
        let reads = [
            ("ubin_parse", json!({"input": ubin})),
            ("ubin_parse", json!({"input": wide})),
            ("ubin_make", json!({"cc": cc, "scheme": scheme, "raw": card})),
            ("ubin_get", json!({"ubin": ubin})),
            ("ubin_get", json!({"ubin": ubin, "on": digits})),
            ("ubin_resolve", json!({"input": ubin})),
            ("ubin_resolve", json!({"input": card, "cc": cc})),
            ("ubin_resolve", json!({"input": card})),
            ("ubin_list", json!({"prefix": format!("{cc}-{scheme}-{card}")})),
            ("ubin_list", json!({"prefix": card})),
            ("ubin_history", json!({"ubin": ubin})),
            ("ubin_prove", json!({"ubin": ubin})),
            ("ubin_prove", json!({"ubin": company, "kind": card})),
            ("ubin_scheme", json!({"cc": cc, "scheme": card})),
            ("ubin_challenges", json!({"ubin": ubin})),
            ("ubin_challenges", json!({"id": card})),
            ("ubin_challenges", json!({"state": card})),
            ("ubin_consents", json!({"ubin": ubin})),
            ("ubin_consents", json!({"cursor": card})),
            ("ubin_get", json!({"ubin": company, "height": card})),
            ("ubin_get", json!({"ubin": company, card.to_owned(): 1})),
        ];
        for (method, params) in reads {
            let answer = call(served.address, method, params).await;
            assert!(!answer.to_string().contains(&digits), "{method}: {answer}");
        }
        for (place, args) in personal_writes(&company, cc, scheme, card) {
            let op = served.world.op(Register::Ubin, place, args);
            let registrar = if *cc == "SG" { "SG:ACRA" } else { "MY:SSM" };
            let op = served.world.sign(&op, &[(registrar, 1), (registrar, 2)]);
            let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
            let answer = call(served.address, "ledger_submit", json!({"transaction": text})).await;
            assert!(!answer.to_string().contains(&digits), "{place}: {answer}");
            let refused = answer["error"].is_object() || answer["result"]["receipt"]["ok"] == false;
            assert!(refused, "{place}: {answer}");
        }
    }
    served.stop().await;
}

/// Acts that carry the number: as a number, and in the texts of a body.
fn personal_writes(company: &str, cc: &str, scheme: &str, card: &str) -> Vec<(&'static str, Rule)> {
    let body = company_body(cc, scheme, card, "X");
    let plain = company_body(cc, "SUR", "7K3M9QX2TB4V", "X");
    let name = |text: &str| Rule::object([("value", Rule::from(text)), ("lang", Rule::from("en"))]);
    let line = Rule::List(vec![Rule::from(format!("c/o {card}"))]);
    let address = Rule::object([("country", Rule::from(cc)), ("lines", line)]);
    let identifier = Rule::object([("scheme", Rule::from("ocid")), ("value", Rule::from(card))]);
    let with = |body: &Rule| Rule::object([("body", body.clone())]);
    vec![
        ("register", with(&body)),
        ("update", with(&body)),
        ("register", with(&plain.with("legalName", name(&format!("TAN {card}"))))),
        ("register", with(&plain.with("address", address))),
        ("register", with(&plain.with("identifiers", Rule::List(vec![identifier])))),
        ("register", with(&plain.with(card, Rule::from(card)))),
        (
            "alias_add",
            Rule::object([("ubin", Rule::from(company)), ("alias", Rule::from(name_of(&body)))]),
        ),
        ("annul", Rule::object([("ubin", Rule::from(name_of(&body)))])),
    ]
}
