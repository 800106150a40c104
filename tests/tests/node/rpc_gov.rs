//! `gov_proposals`, `gov_proposal`, `gov_prepare` over JSON-RPC: pages, where proposals stand, proofs
//! now and of an earlier height, and dry runs that write nothing.

use serde_json::{Value as Json, json};
use titian_contracts::governance::proposal::{Kind, digest_of};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::proof;
use titian_contracts::transaction::TransactionId;
use titian_tests::http::{error_name, result};
use titian_tests::served::Served;
use titian_tests::world::World;

struct Scene {
    served: Served,
}

impl Scene {
    /// Runs an act by both root keys of a state in a block of its own, and a block after it.
    fn must(&self, act: &str, args: Value, cc: &str) -> u64 {
        let world = &self.served.world;
        let op = world.sign(&world.op(Register::Gov, act, args), &[(cc, 1), (cc, 2)]);
        let bytes = World::transaction(&op);
        let id = TransactionId::of(&bytes);
        self.served.blocks.commit(vec![bytes]);
        let receipt = self.served.blocks.ledger.receipt(&id).expect("executed");
        assert!(receipt.error.is_none(), "{act}: {receipt:?}");
        self.served.blocks.commit(Vec::new());
        receipt.height
    }

    async fn ask(&self, method: &str, params: Json) -> Json {
        result(self.served.address, method, params).await
    }

    async fn fails(&self, method: &str, params: Json, name: &str) {
        let found = error_name(self.served.address, method, params.clone()).await;
        assert_eq!(found, name, "{method} {params}");
    }

    /// A bundle, verified against the genesis alone; the number of its entries.
    fn entries(&self, bundle: &Json) -> usize {
        let text = titian_credential::json::canonical(bundle);
        let proven = proof::verify(text.as_bytes(), &self.served.world.genesis.anchor(), 0)
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        proven.claim.get("entries").and_then(Value::as_list).expect("entries").len()
    }
}

fn floor(value: i64) -> Value {
    Value::object([("name", Value::from("smallCell")), ("value", Value::Int(value))])
}

fn opening(author: &str, no: i64, value: i64) -> Value {
    Value::object([
        ("author", Value::from(author)),
        ("no", Value::Int(no)),
        ("kind", Value::from("parameter")),
        ("body", floor(value)),
        ("consultationS", Value::Int(0)),
        ("votingS", Value::Int(86_400)),
    ])
}

fn vote(by: &str, no: i64, value: i64, vote: &str) -> Value {
    Value::object([
        ("by", Value::from(by)),
        ("no", Value::Int(no)),
        ("digest", Value::from(digest_of(Kind::Parameter, &floor(value)))),
        ("vote", Value::from(vote)),
    ])
}

fn numbers(page: &Json) -> Vec<u64> {
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["no"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn proposals_are_read_by_pages_with_where_they_stand_and_proven() {
    let scene = Scene { served: Served::start().await };
    scene.must("proposal_open", opening("SG", 1, 8), "SG");
    scene.must("proposal_open", opening("MY", 2, 9), "MY");
    let opened = scene.must("proposal_open", opening("TH", 3, 10), "TH");
    for (i, cc) in ["SG", "MY", "TH", "VN", "ID", "PH", "BN", "KH"].into_iter().enumerate() {
        scene.must("proposal_vote", vote(cc, 1, 8, "yes"), cc);
        if i < 4 {
            scene.must("proposal_vote", vote(cc, 2, 9, "no"), cc);
        }
    }
    let all = scene.ask("gov_proposals", json!({})).await;
    let states: Vec<&Json> =
        all["items"].as_array().expect("items").iter().map(|item| &item["state"]).collect();
    assert_eq!(numbers(&all), [1, 2, 3]);
    assert_eq!(states, ["inForce", "rejected", "voting"]);
    assert_eq!(numbers(&scene.ask("gov_proposals", json!({"state": "voting"})).await), [3]);
    assert_eq!(numbers(&scene.ask("gov_proposals", json!({"author": "MY"})).await), [2]);
    let first = scene.ask("gov_proposals", json!({"limit": 2, "proof": true})).await;
    assert_eq!((numbers(&first), scene.entries(&first["proof"])), (vec![1, 2], 2));
    let next = scene.ask("gov_proposals", json!({"limit": 2, "cursor": first["cursor"]})).await;
    assert_eq!((numbers(&next), &next["cursor"]), (vec![3], &Json::Null));

    let one = scene.ask("gov_proposal", json!({"no": 1, "proof": true})).await;
    assert_eq!(one["body"], json!({"name": "smallCell", "value": 8}));
    assert_eq!(one["digest"], json!(digest_of(Kind::Parameter, &floor(8)).to_string()));
    assert_eq!(one["votes"], json!({"yes": 8, "no": 0, "abstain": 0}));
    let cast = one["votesCast"].as_array().expect("votes");
    assert!(cast.len() == 8 && cast.iter().all(|vote| vote["vote"] == "yes"), "{one}");
    // proposal, body, members, and a vote or its absence of each state
    assert_eq!(scene.entries(&one["proof"]), 3 + 11);
    let before = json!({"no": 1, "height": opened, "proof": true});
    let before = scene.ask("gov_proposal", before).await;
    assert_eq!((&before["state"], &before["votesCast"]), (&json!("voting"), &json!([])));
    assert_eq!(scene.entries(&before["proof"]), 3 + 11);

    scene.fails("gov_proposal", json!({"no": 4}), "UNKNOWN_PROPOSAL").await;
    scene.fails("gov_proposal", json!({}), "INVALID_PARAMS").await;
    scene.fails("gov_proposals", json!({"state": "open"}), "INVALID_PARAMS").await;
    scene.fails("gov_proposals", json!({"limit": 201}), "LIMIT_EXCEEDED").await;
    scene.served.stop().await;
}

#[tokio::test]
async fn a_dry_run_of_an_act_of_governance_names_signers_and_the_first_fault() {
    let scene = Scene { served: Served::start().await };
    let params = |act: &str, args: Value| {
        let args: Json = serde_json::from_str(&args.to_jcs()).expect("JSON");
        json!({"act": act, "args": args})
    };
    let before = scene.served.blocks.ledger.head().height;
    let good = scene.ask("gov_prepare", params("proposal_open", opening("SG", 1, 8))).await;
    assert_eq!(good["fails"], Json::Null, "{good}");
    let root = json!([{"role": "root", "party": "SG", "count": 2, "scope": ""}]);
    assert_eq!(good["signers"], root);
    assert_eq!(good["events"][0]["name"], "gov.proposal_open");
    let low = scene.ask("gov_prepare", params("proposal_open", opening("SG", 1, 4))).await;
    assert_eq!(low["fails"]["data"]["name"], "LIMIT_EXCEEDED", "{low}");
    assert_eq!(low["fails"]["data"]["field"], "/args/body/value");
    let none = scene.ask("gov_prepare", params("proposal_vote", vote("SG", 1, 8, "yes"))).await;
    assert_eq!(none["fails"]["data"]["name"], "UNKNOWN_PROPOSAL");
    // acts of the own registers are run dry too
    let entry = Value::object([("entry", Value::object([("cc", Value::from("SG"))]))]);
    let book = scene.ask("gov_prepare", params("rulebook_set", entry)).await;
    assert_eq!(book["fails"]["data"]["name"], "MALFORMED");
    assert_eq!(scene.served.blocks.ledger.head().height, before, "nothing was written");
    assert_eq!(numbers(&scene.ask("gov_proposals", json!({})).await), Vec::<u64>::new());
    scene.served.stop().await;
}
