//! The quality gate of name search (ubin-api.md §8.2): published queries over the index of a real
//! ledger that holds the published records.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use titian_contracts::json::Value as Rule;
use titian_contracts::op::Register;
use titian_tests::companies::companies_of;
use titian_tests::http::result;
use titian_tests::served::Served;
use titian_tests::world::World;

const QUERIES: &[u8] = include_bytes!("../../data/ubin/names_search.json");
const RECORDS: &str = include_str!("../../data/ubin/asean_lei.ndjson");
const BLOCK: usize = 500;

/// Registers every record under a made-up number of its state; gives the key of each UBIN.
fn register_all(served: &Served, file: &Value) -> BTreeMap<String, String> {
    let mut by_country: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let records = RECORDS.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    for record in records.chain(file["fixtures"].as_array().expect("a list").iter().cloned()) {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        let key = text("lei").or_else(|| text("id")).expect("a key");
        let country = by_country.entry(text("country").expect("a country")).or_default();
        country.push((key, text("name").expect("a name")));
    }
    let mut keys = BTreeMap::new();
    let mut transactions = Vec::new();
    for (cc, mut records) in by_country {
        // equal names stand in the order of their keys, as in the published results
        records.sort();
        let (_, _, office) =
            titian_genesis::devnet::STATES.iter().find(|(of, ..)| *of == cc).expect("a state");
        let registrar = format!("{cc}:{office}");
        let mut companies: Vec<_> = companies_of(&cc, 1, records.len()).collect();
        companies.sort_by(|a, b| a.local.cmp(&b.local));
        for ((key, name), company) in records.into_iter().zip(companies) {
            let name = [("lang", Rule::from("en")), ("value", Rule::from(name))];
            let body = company.body.with("legalName", Rule::object(name));
            let body = body.without("otherNames").without("identifiers");
            let ubin = body.get("ubin").and_then(Rule::as_text).expect("a number").to_owned();
            keys.insert(ubin, key);
            let op = served.world.op(Register::Ubin, "register", Rule::object([("body", body)]));
            let op = served.world.sign(&op, &[(&registrar, 1)]);
            transactions.push(World::transaction(&op));
        }
    }
    for block in transactions.chunks(BLOCK) {
        served.blocks.commit(block.to_vec());
        let height = served.blocks.ledger.head().height;
        let receipts = served.blocks.ledger.store().receipts(height);
        assert!(receipts.iter().all(|receipt| receipt.error.is_none()), "{receipts:?}");
    }
    keys
}

#[tokio::test]
async fn t15_the_published_queries_find_what_they_should() {
    let served = Served::start().await;
    let file: Value = serde_json::from_slice(QUERIES).expect("JSON");
    let keys = register_all(&served, &file);
    assert_eq!(keys.len(), 2_494);
    served.search.reached(served.blocks.ledger.head().height).await;
    for with_country in [false, true] {
        // by script: right first hits of so many
        let mut scripts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for query in file["queries"].as_array().expect("a list") {
            let q = query["q"].as_str().expect("a text");
            let cc: Vec<&str> =
                query["country"].as_str().filter(|_| with_country).into_iter().collect();
            let asked = json!({"q": q, "limit": 50, "filter": {"cc": cc}});
            let answer = result(served.address, "ubin_search", asked).await;
            let first = &answer["hits"][0];
            let Some(due) = query["expect"].as_str() else {
                assert!(first.is_null(), "{q}: {first}");
                continue;
            };
            let found = first["ubin"].as_str().and_then(|ubin| keys.get(ubin));
            let count = scripts.entry(query["script"].as_str().expect("a script")).or_default();
            count.1 += 1;
            if found.map(String::as_str) == Some(due) {
                count.0 += 1;
                assert_eq!(first["score"], query["score"], "{q}");
            } else {
                println!("{q}: {found:?} instead of {due}");
            }
        }
        let (right, all) =
            scripts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        println!("first hit right: {right} of {all}; by script {scripts:?}");
        assert_eq!(all, 120);
        assert!(right * 100 >= all * 97, "{scripts:?}");
        for (script, (right, all)) in &scripts {
            assert!(right * 100 >= all * 90, "{script}: {right} of {all}");
        }
    }
    served.stop().await;
}
