//! `etr_*`: who sees what, lists, history, events, registers of law.
//!
//! `sight`: capabilities and former parties; `envelopes`: sealed contents; `prepare`: bundles and dry runs;
//! `proofs`: proofs of every kind.

mod envelopes;
mod prepare;
mod proofs;
mod sight;

use ed25519_dalek::Signer as _;
use jsonrpsee::core::client::{Subscription, SubscriptionClientT as _};
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClientBuilder;
use serde_json::{Value, json};
use titian_api::etr::CapabilityText;
use titian_api::ledger::Notice;
use titian_contracts::digest::Digest;
use titian_contracts::json::{self as rules, Value as Rule};
use titian_contracts::op::{Register, encode_base64};
use titian_contracts::proof;
use titian_contracts::transaction::Transaction;
use titian_genesis::devnet::Plan;
use titian_node::ledger::Ledger;
use titian_tests::etr::{Traders, accept_args, with_ack};
use titian_tests::http::{call, error_name, request, result};
use titian_tests::served::{NODE, OneByOne, Served, now_ms};
use titian_tests::world::World;

const ACK: [&str; 2] = ["TH:unknown", "VN:unknown"];

/// A served ledger on which a bill stands that VN offered to TH, and a staged issue to TH.
struct Scene {
    served: Served,
    sg: String,
    vn: String,
    th: String,
    my: String,
    id: String,
    /// The unsigned acceptance of the offer.
    accept: Rule,
    staged: String,
}

impl Scene {
    async fn start() -> Self {
        Self::with(|t| {
            let id = t.issued_bill("SGPU4711");
            let (vn, th) = (t.vn.clone(), t.th.clone());
            let offer = t.op(&id, "offer", t.offer_args(&th, Some("special")));
            t.run(&offer, &[&vn]).expect("offered");
            id
        })
        .await
    }

    /// A ledger on which `live` has made a record, served; besides an issue to TH is staged.
    async fn with(live: impl FnOnce(&mut Traders) -> String) -> Self {
        // an hour ago, for blocks of submissions have the time of this machine
        let mut world = World::on(&Plan {
            chain: "titian-devnet-1".to_owned(),
            time_ms: now_ms() - 3_600_000,
            validators: 4,
            host: "127.0.0.1".to_owned(),
            base_port: 26_700,
        });
        world.journal = Some(Vec::new());
        let mut t = Traders::on(world);
        let (sg, vn, th, my) = (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone());
        let id = live(&mut t);
        let accept = with_ack(&t.op(&id, "accept", accept_args()), &ACK);
        let issue = with_ack(&t.bill("SGPU4712", &th), &["TH:unknown"]);
        let staged = t.id("transport", "SGPU4712");
        let until = Rule::from(t.world.time_ms + 86_400_000);
        let half = t.world.sign(&issue, &[(&sg, 1)]);
        t.run_kind("stage", Rule::object([("op", half), ("untilMs", until)])).expect("staged");
        let journal = t.world.journal.take().unwrap_or_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = Ledger::open(&folder.path().join("ledger"), t.world.genesis.clone());
        let ledger = ledger.expect("a fresh ledger");
        let blocks = OneByOne::over(ledger.clone(), t.world.nodes.clone());
        let begin = t.world.genesis.time_ms;
        for (time_ms, transaction) in (begin + 1..).zip(journal) {
            blocks.commit_at(time_ms, vec![transaction]);
        }
        blocks.commit_at(begin + 1_000_000, Vec::new());
        let served = Served::over(t.world, ledger, folder, |_| {}).await;
        Self { served, sg, vn, th, my, id, accept, staged }
    }

    /// A capability for a method of the served node.
    fn capability(&self, method: &str, party: &str, subject: &str) -> Value {
        self.capability_at(method, party, subject, now_ms())
    }

    fn capability_at(&self, method: &str, party: &str, subject: &str, ms: u64) -> Value {
        self.signed(&CapabilityText { method, subject, party, ms, ..self.text() })
    }

    fn text(&self) -> CapabilityText<'_> {
        let chain = self.served.world.genesis.chain.as_str();
        CapabilityText { chain, node: NODE, method: "", subject: "", party: "", ms: 0 }
    }

    fn signed(&self, text: &CapabilityText<'_>) -> Value {
        let signature = self.served.world.key(text.party, 1).sign(&text.digest().0);
        let sig = encode_base64(&signature.to_bytes());
        json!({"party": text.party, "key": "k1", "ms": text.ms, "sig": sig})
    }

    async fn result(&self, method: &str, params: Value) -> Value {
        result(self.served.address, method, params).await
    }

    async fn error(&self, method: &str, params: Value) -> String {
        error_name(self.served.address, method, params).await
    }

    /// TH accepts.
    async fn accept(&self) {
        let op = self.served.world.sign(&self.accept, &[(&self.th, 1)]);
        let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
        let answer = self.result("ledger_submit", json!({"transaction": text})).await;
        assert_eq!(answer["receipt"]["ok"], true, "{answer}");
    }

    /// An act on the record by one signer, prepared by the node.
    async fn act(&self, act: &str, args: Value, by: &str) {
        let params = json!({"act": act, "args": args, "id": self.id, "place": "SGSIN", "ack": [],
            "capability": self.capability("etr_prepare", by, &self.id)});
        let prepared = self.result("etr_prepare", params).await;
        assert!(prepared["fails"].is_null(), "{prepared}");
        let op = rules::parse(prepared["op"].to_string().as_bytes()).expect("JSON");
        let op = self.served.world.sign(&op, &[(by, 1)]);
        let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
        let answer = self.result("ledger_submit", json!({"transaction": text})).await;
        assert_eq!(answer["receipt"]["ok"], true, "{answer}");
    }

    fn verified(&self, answer: &Value) -> proof::Proven {
        let text = rules::parse(answer["bundle"].to_string().as_bytes()).expect("JSON").to_jcs();
        proof::verify(text.as_bytes(), &self.served.world.genesis.anchor(), 0)
            .unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

#[tokio::test]
async fn etr_the_party_part_is_for_parties_only() {
    let s = Scene::start().await;
    let id = s.id.as_str();
    let get = |capability: Value| json!({"id": id, "capability": capability});
    let open = s.result("etr_get", json!({"id": id})).await;
    assert!(open.get("party").is_none() && open["public"]["status"] == "offered", "{open}");
    for party in [&s.sg, &s.vn, &s.th] {
        let shown = s.result("etr_get", get(s.capability("etr_get", party, id))).await;
        assert_eq!(shown["party"]["ref"], "SGPU4711", "{shown}");
    }
    for method in ["etr_get", "etr_history", "etr_endorsements"] {
        let old = s.capability_at(method, &s.vn, id, now_ms() - 301_000);
        let other = s.capability(method, &s.vn, "etr_x");
        for bad in [s.capability(method, &s.my, id), old, other] {
            assert_eq!(s.error(method, get(bad)).await, "FORBIDDEN");
        }
    }
    assert_eq!(s.error("etr_endorsements", json!({"id": id})).await, "FORBIDDEN");
    // everybody sees that ops happened, parties see them
    let open = s.result("etr_history", json!({"id": id})).await;
    let items = open["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.get("op").is_none() && item["opDigest"].is_string()));
    let shown = s.result("etr_history", get(s.capability("etr_history", &s.vn, id))).await;
    assert_eq!(shown["items"][1]["op"]["args"]["to"], s.th.as_str());
    assert_eq!(shown["items"][1]["seq"], 2);
    for method in ["etr_list", "etr_inbox", "etr_consents", "etr_staged"] {
        let asked = json!({"party": s.th, "capability": s.capability(method, &s.vn, &s.th)});
        assert_eq!(s.error(method, asked).await, "FORBIDDEN", "{method}");
        assert_eq!(s.error(method, json!({"party": s.th})).await, "FORBIDDEN", "{method}");
    }
    s.served.stop().await;
}

#[tokio::test]
async fn etr_an_inbox_holds_what_waits_and_loses_what_is_answered() {
    let s = Scene::start().await;
    let inbox = |party: String| json!({"party": party, "capability": s.capability("etr_inbox", &party, &party)});
    let waiting = s.result("etr_inbox", inbox(s.th.clone())).await;
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting}");
    assert_eq!(waiting["items"][0]["id"], s.id.as_str());
    assert_eq!(s.result("etr_inbox", inbox(s.vn.clone())).await["items"], json!([]));
    // what is derived comes out the same when it is made anew
    s.served.blocks.ledger.remake_records().expect("the test disk works");
    assert_eq!(s.result("etr_inbox", inbox(s.th.clone())).await["items"], waiting["items"]);
    let history = s.result("etr_history", json!({"id": s.id})).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2));
    s.accept().await;
    assert_eq!(s.result("etr_inbox", inbox(s.th.clone())).await["items"], json!([]));
    let list = json!({"party": s.th, "role": "controller", "capability": s.capability("etr_list", &s.th, &s.th)});
    let held = s.result("etr_list", list).await;
    assert_eq!(held["items"][0]["id"], s.id.as_str(), "{held}");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_a_staged_op_is_shown_to_those_it_concerns() {
    let s = Scene::start().await;
    let mine = |party: &str| json!({"party": party, "capability": s.capability("etr_staged", party, party)});
    for party in [&s.th, &s.sg] {
        let staged = s.result("etr_staged", mine(party)).await;
        assert_eq!(staged["items"][0]["id"], s.staged.as_str(), "{staged}");
        assert_eq!(staged["items"][0]["op"]["act"], "issue");
        assert_eq!(staged["items"][0]["missing"], json!(["N"]));
    }
    assert_eq!(s.result("etr_staged", mine(&s.my)).await["items"], json!([]));
    let open = s.result("etr_staged", json!({"id": s.staged})).await;
    assert!(open["items"][0]["opDigest"].is_string() && open["items"][0].get("op").is_none());
    let asked = json!({"id": s.staged, "capability": s.capability("etr_staged", &s.my, &s.staged)});
    let foreign = s.result("etr_staged", asked).await;
    assert!(foreign["items"][0].get("op").is_none(), "{foreign}");
    // the last signature executes it, and it is gone
    let digest = open["items"][0]["opDigest"].as_str().and_then(Digest::parse).expect("a digest");
    let payload = Rule::object([
        ("id", Rule::from(s.staged.as_str())),
        ("digest", Rule::from(digest)),
        ("sig", s.served.world.signature(&digest, &s.th, 1).to_value()),
    ]);
    let bytes = Transaction::encode("cosign", Register::Etr, payload);
    let text = String::from_utf8(bytes).expect("JSON is text");
    let answer = s.result("ledger_submit", json!({"transaction": text})).await;
    assert_eq!(answer["receipt"]["ok"], true, "{answer}");
    assert_eq!(s.result("etr_staged", mine(&s.th)).await["items"], json!([]));
    let id = s.staged.as_str();
    let asked = json!({"id": id, "capability": s.capability("etr_history", &s.th, id)});
    let history = s.result("etr_history", asked).await;
    let sigs = history["items"][0]["op"]["sigs"].as_array().map(Vec::len);
    assert_eq!(sigs, Some(2), "{history}");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_registers_of_law_are_open() {
    let s = Scene::start().await;
    let effect = json!({"ams": "SG", "class": "bill_of_lading"});
    let said = s.result("etr_legalEffect", effect).await;
    assert_eq!((&said["name"], &said["verdict"]), (&json!("Singapore"), &json!("full")));
    let matrix = s.result("etr_legalMatrix", json!({})).await;
    let entries = matrix["entries"].as_array().expect("a list");
    let thailand = entries.iter().find(|entry| entry["ams"] == "TH").expect("an entry");
    assert_eq!(thailand["name"], "Thailand");
    let outside = s.result("etr_legalEffect", json!({"ams": "GB", "class": "cheque"})).await;
    assert!(outside.get("name").is_none(), "{outside}");
    let effect = json!({"ams": "TH", "class": "bill_of_lading"});
    assert_eq!(s.result("etr_legalEffect", effect).await["verdict"], "unknown");
    // its profile says that it is no transferable record
    let effect = json!({"ams": "SG", "class": "sea_waybill"});
    assert_eq!(s.result("etr_legalEffect", effect).await["verdict"], "not_applicable");
    let policy = s.result("etr_courtPolicy", json!({"ams": "SG"})).await;
    assert_eq!(policy["enacted"], false);
    let profile = s.result("etr_profile", json!({"id": "bl-order"})).await;
    assert_eq!(profile["profile"]["version"], 1);
    assert_eq!(s.error("etr_profile", json!({"id": "none"})).await, "UNKNOWN_PROFILE");
    let all = s.result("etr_profiles", json!({})).await;
    assert_eq!(all["profiles"].as_array().map(Vec::len), Some(14));
    let matrix = s.result("etr_legalMatrix", json!({})).await;
    assert!(matrix["entries"].as_array().is_some_and(|entries| entries.len() >= 10), "{matrix}");
    // a printed code leads to the public part
    let path = format!("/etr/{}", s.id);
    let answer = request(s.served.address, "GET", &path, &[("accept", "text/html")], b"").await;
    let page = String::from_utf8(answer.body).expect("a page");
    assert!(
        answer.status == 200 && page.contains("offered") && !page.contains("SGPU4711"),
        "{page}"
    );
    let answer = request(s.served.address, "GET", "/etr/etr_none", &[], b"").await;
    assert_eq!(answer.status, 400);
    let lookup = json!({"series": "transport", "issuer": s.sg, "ref": "SGPU4711", "proof": true});
    let found = s.result("etr_lookup", lookup).await;
    assert_eq!(found["record"]["id"], s.id.as_str());
    assert_eq!(found["proof"]["kind"], "etr-singularity");
    s.served.stop().await;
}

#[tokio::test]
async fn etr_events_of_a_record_or_party_come_from_a_cursor_on() {
    let s = Scene::start().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{}", s.served.address))
        .await
        .expect("it connects");
    let open = async |member: &str, value: &str, party: Option<&str>| {
        let mut params = ObjectParams::new();
        params.insert(member, value).expect("text");
        params.insert("cursor", "0:0").expect("text");
        if let Some(party) = party {
            params.insert("capability", s.capability("etr_subscribe", party, value)).expect("JSON");
        }
        let opened: Result<Subscription<Notice>, _> =
            client.subscribe("etr_subscribe", params, "etr_unsubscribe").await;
        opened
    };
    let mut of_record = open("id", &s.id, None).await.expect("events of a record are open");
    let mut of_party = open("party", &s.th, Some(&s.th)).await.expect("its own");
    assert!(open("party", &s.th, Some(&s.vn)).await.is_err(), "another's");
    assert!(open("id", "x", None).await.is_err(), "of what is no id nothing would be heard");
    let name = async |from: &mut Subscription<Notice>| {
        let notice = from.next().await.expect("open").expect("a notice");
        notice.event.expect("an event").name
    };
    assert_eq!(name(&mut of_record).await, "etr.issue");
    assert_eq!(name(&mut of_record).await, "etr.offer");
    // a party hears everything of its records, also from before it came to them
    assert_eq!(name(&mut of_party).await, "etr.issue");
    assert_eq!(name(&mut of_party).await, "etr.offer");
    s.accept().await;
    assert_eq!(name(&mut of_record).await, "etr.accept");
    assert_eq!(name(&mut of_party).await, "etr.accept");
    let unknown = call(s.served.address, "etr_history", json!({"id": "etr_none"})).await;
    assert_eq!(unknown["error"]["data"]["name"], "UNKNOWN_RECORD");
    drop((of_record, of_party, client));
    s.served.stop().await;
}
