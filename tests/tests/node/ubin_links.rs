//! Inverse links (ubin.md §2.1): who names a record, from whom it is read, as of any height, page by
//! page, under its former numbers, and again from what the database holds.

use serde_json::{Value, json};
use titian_contracts::json::Value as Rule;
use titian_contracts::op::Register;
use titian_tests::http::{error_name, request, result};
use titian_tests::served::Served;
use titian_tests::world::{World, company_body};

const R1: &[(&str, u64)] = &[("SG:ACRA", 1)];
const R2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];

async fn done(served: &Served, act: &str, args: Rule, signers: &[(&str, u64)]) {
    let op = served.world.sign(&served.world.op(Register::Ubin, act, args), signers);
    let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
    let done = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    assert_eq!(done["receipt"]["ok"], true, "{act}: {done}");
}

fn number(body: &Rule) -> &str {
    body.get("ubin").and_then(Rule::as_text).expect("set")
}

fn company(local: &str) -> Rule {
    company_body("SG", "UEN", local, "TITIAN DEMO")
}

fn branch(local: &str, of: &str) -> Rule {
    let relation = [("type", "BRANCH_OF"), ("target", of), ("from", "2026-06-30")];
    let relation = Rule::object(relation.map(|(name, text)| (name, Rule::from(text))));
    company(local)
        .with("category", Rule::from("BRANCH"))
        .with("relations", Rule::List(vec![relation]))
}

async fn registered(served: &Served, body: &Rule) -> String {
    done(served, "register", Rule::object([("body", body.clone())]), R1).await;
    number(body).to_owned()
}

/// Type and number of the records that name one.
fn named(answer: &Value, list: &str) -> Vec<(String, String)> {
    let text = |link: &Value, name: &str| link[name].as_str().expect("a text").to_owned();
    let links = answer[list].as_array().expect("links").iter();
    links.map(|link| (text(link, "type"), text(link, "ubin"))).collect()
}

#[tokio::test]
async fn branches_mergers_and_former_numbers_are_found_from_the_record_that_they_name() {
    let served = Served::start().await;
    let bank = company("199403865N");
    let bank = registered(&served, &bank).await;
    let mut branches = Vec::new();
    for local in ["202412345A", "202212345A", "202312345A"] {
        branches.push(registered(&served, &branch(local, &bank)).await);
    }
    branches.sort();
    let ask = |params: Value| result(served.address, "ubin_get", params);
    let links = |params: Value| result(served.address, "ubin_links", params);
    let as_branch = |ubin: &String| ("BRANCH_OF".to_owned(), ubin.clone());
    let all: Vec<_> = branches.iter().map(as_branch).collect();
    let shown = ask(json!({"ubin": bank})).await;
    assert_eq!(named(&shown, "namedBy"), all);
    assert_eq!(shown["namedByMore"], false);
    let height = served.blocks.ledger.head().height;

    // a branch is moved to another bank: it names this one no more, but did
    let other = registered(&served, &company("201912345K")).await;
    let body = ask(json!({"ubin": branches[0]})).await["record"]["body"].clone();
    let mut moved = branch(body["displayId"].as_str().expect("set"), &other);
    for (name, value) in [("version", json!(2)), ("prev", body_hash(&served, &branches[0]).await)] {
        let value = titian_contracts::json::parse(value.to_string().as_bytes()).expect("JSON");
        moved = moved.with(name, value);
    }
    done(&served, "update", Rule::object([("body", moved)]), R1).await;
    assert_eq!(named(&ask(json!({"ubin": bank})).await, "namedBy"), all[1..]);
    assert_eq!(named(&ask(json!({"ubin": bank, "height": height})).await, "namedBy"), all);
    assert_eq!(named(&ask(json!({"ubin": other})).await, "namedBy"), all[..1]);

    // the other bank is absorbed: its closure names the survivor
    let quoted = |ubin: &str, version: i64| {
        Rule::object([
            ("ubin", Rule::from(ubin)),
            ("version", Rule::Int(version)),
            ("metaSeq", Rule::Int(0)),
        ])
    };
    let merge = quoted(&bank, 1)
        .with("reason", Rule::from("REQUEST"))
        .with("date", Rule::from("2026-06-30"))
        .with("absorbed", Rule::List(vec![quoted(&other, 1)]));
    done(&served, "merge", merge, R2).await;
    let mut with_merger = all[1..].to_vec();
    with_merger.insert(0, ("MERGED_INTO".to_owned(), other.clone()));
    let shown = ask(json!({"ubin": bank})).await;
    assert_eq!(named(&shown, "namedBy"), with_merger);
    assert_eq!(shown["namedBy"][0]["live"], false);

    // page by page each comes once
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = links(json!({"ubin": bank, "limit": 1, "cursor": cursor})).await;
        seen.extend(named(&page, "items"));
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, with_merger);

    // the link set leads to them
    let accept = [("accept", "application/linkset+json")];
    let path = format!("/ubin/{bank}");
    let set = request(served.address, "GET", &path, &accept, b"").await.json();
    let related = set["linkset"][0]["related"].as_array().expect("links");
    let hrefs: Vec<&str> = related.iter().filter_map(|link| link["href"].as_str()).collect();
    assert_eq!(
        hrefs,
        with_merger.iter().map(|(_, ubin)| format!("/ubin/{ubin}")).collect::<Vec<_>>()
    );
    assert_eq!(related[0]["title"], "Merged into this");

    // made anew from the database they are the same
    served.blocks.ledger.remake_links().expect("the test disk works");
    assert_eq!(named(&ask(json!({"ubin": bank})).await, "namedBy"), with_merger);
    assert_eq!(named(&ask(json!({"ubin": bank, "height": height})).await, "namedBy"), all);

    // renumbered, it is still the one that they name
    let new = company("202512345A");
    let renumbered = new
        .with("entity", shown["entity"].as_str().map(Rule::from).expect("set"))
        .with("version", Rule::Int(2))
        .with("prev", Rule::from(shown["bodyHash"].as_str().expect("set")));
    let args = Rule::object([("ubin", Rule::from(bank.as_str())), ("body", renumbered)])
        .with("reason", Rule::from("REQUEST"));
    done(&served, "renumber", args, R2).await;
    assert_eq!(named(&ask(json!({"ubin": number(&new)})).await, "namedBy"), with_merger);
    for (params, name) in [
        (json!({"ubin": bank, "cursor": "x"}), "INVALID_PARAMS"),
        (json!({"ubin": number(&company("199612345K"))}), "UBIN_UNKNOWN"),
    ] {
        assert_eq!(error_name(served.address, "ubin_links", params).await, name);
    }
    served.stop().await;
}

async fn body_hash(served: &Served, ubin: &str) -> Value {
    result(served.address, "ubin_get", json!({"ubin": ubin})).await["bodyHash"].clone()
}

#[tokio::test]
async fn a_record_with_many_branches_shows_the_first_and_says_that_there_are_more() {
    let served = Served::start().await;
    let bank = registered(&served, &company("199403865N")).await;
    for n in 0..33 {
        registered(&served, &branch(&format!("20240{n:04}A"), &bank)).await;
        let shown = result(served.address, "ubin_get", json!({"ubin": bank})).await;
        assert_eq!(named(&shown, "namedBy").len(), 32.min(n + 1));
        assert_eq!(shown["namedByMore"], n + 1 > 32, "{n}");
    }
    let all = result(served.address, "ubin_links", json!({"ubin": bank, "limit": 500})).await;
    assert_eq!(named(&all, "items").len(), 33);
    assert!(all["cursor"].is_null());
    served.stop().await;
}

#[tokio::test]
async fn what_goes_on_in_place_of_a_record_is_resolved() {
    let served = Served::start().await;
    let absorbed = registered(&served, &company("199403865N")).await;
    let survivor = registered(&served, &company("201912345K")).await;
    let quoted = |ubin: &str| {
        Rule::object([
            ("ubin", Rule::from(ubin)),
            ("version", Rule::Int(1)),
            ("metaSeq", Rule::Int(0)),
        ])
    };
    let merge = quoted(&survivor)
        .with("reason", Rule::from("REQUEST"))
        .with("date", Rule::from("2026-06-30"))
        .with("absorbed", Rule::List(vec![quoted(&absorbed)]));
    done(&served, "merge", merge, R2).await;
    let found = result(served.address, "ubin_resolve", json!({"input": absorbed})).await;
    let matched = &found["matches"][0];
    assert_eq!((&matched["ubin"], &matched["live"]), (&json!(absorbed), &json!(false)));
    assert_eq!(matched["goesOn"]["ubin"], json!(survivor));
    assert_eq!(
        (&matched["goesOn"]["mayAct"], &matched["goesOn"]["quality"]),
        (&json!(true), &json!("CURRENT"))
    );
    let found = result(served.address, "ubin_resolve", json!({"input": survivor})).await;
    assert_eq!(found["matches"][0]["goesOn"]["ubin"], json!(survivor));
    served.stop().await;
}
