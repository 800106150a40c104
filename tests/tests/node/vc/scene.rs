//! A served ledger with an accredited registrar, its status lists, a recognition, and credentials.

use serde_json::Value as Json;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::proof::{self, Proven};
use titian_contracts::time::rfc3339;
use titian_contracts::transaction::TransactionId;
use titian_credential::contexts::Contexts;
use titian_credential::jwt::issue_vc;
use titian_credential::proof::{Options, Purpose, Suite, issue};
use titian_credential::registration::{Frame, StatusSlot, business_registration};
use titian_credential::snapshot::Live;
pub use titian_tests::credentials::acts::{grant, list, set, texts};
use titian_tests::http::{error_name, result};
use titian_tests::served::{Served, now_ms};
use titian_tests::world::{World, company_body};

pub const ROOT: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
pub const ACRA: &[(&str, u64)] = &[("SG:ACRA", 1)];
pub const MALAYSIA: &[(&str, u64)] = &[("MY", 1), ("MY", 2)];
/// The entry of [`Scene::issued`] in both lists.
pub const INDEX: u64 = 84_213;

pub struct Scene {
    pub served: Served,
}

impl Scene {
    /// SG → SG:ACRA (acc/1, may accredit); its lists 1 revocation and 2 refresh; MY recognises
    /// registrars of SG.
    pub async fn new() -> Self {
        Self::over(Served::start().await)
    }

    pub fn over(served: Served) -> Self {
        let scene = Self { served };
        scene.must(Register::Vc, "accreditation_grant", grant("SG:ACRA", 1), ROOT);
        scene.must(Register::Vc, "list_create", list("SG:ACRA", 1, "revocation"), ACRA);
        scene.must(Register::Vc, "list_create", list("SG:ACRA", 2, "refresh"), ACRA);
        scene.must(Register::Gov, "recognition_declare", recognition("MY", "mra"), MALAYSIA);
        scene
    }

    /// Runs an act in a block of its own, and a block after it; gives the height of the act.
    pub fn must(&self, register: Register, act: &str, args: Value, signers: &[(&str, u64)]) -> u64 {
        let world = &self.served.world;
        let bytes = World::transaction(&world.sign(&world.op(register, act, args), signers));
        let id = TransactionId::of(&bytes);
        self.served.blocks.commit(vec![bytes]);
        let receipt = self.served.blocks.ledger.receipt(&id).expect("executed");
        assert!(receipt.error.is_none(), "{act}: {receipt:?}");
        self.served.blocks.commit(Vec::new());
        receipt.height
    }

    pub fn head(&self) -> u64 {
        self.served.blocks.ledger.head().height
    }

    pub async fn ask(&self, method: &str, params: Json) -> Json {
        result(self.served.address, method, params).await
    }

    pub async fn fails(&self, method: &str, params: Json, name: &str) {
        let found = error_name(self.served.address, method, params.clone()).await;
        assert_eq!(found, name, "{method} {params}");
    }

    /// A bundle, verified against the genesis alone.
    pub fn proven(&self, bundle: &Json) -> Proven {
        let text = titian_credential::json::canonical(bundle);
        let proven = proof::verify(text.as_bytes(), &self.served.world.genesis.anchor(), 0);
        proven.unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// An unsigned BusinessRegistration of SG:ACRA, valid from now.
    pub fn unsigned(&self) -> Json {
        let body = company_body("SG", "UEN", "202412345K", "TITIAN DEMO PTE LTD");
        let body: Json = serde_json::from_str(&body.to_jcs()).expect("JSON");
        let now = now_ms();
        let frame = Frame {
            id: "urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21",
            issuer: "SG:ACRA",
            valid_from: &rfc3339(now),
            valid_until: &rfc3339(now + 30 * 86_400_000),
            status: &[
                StatusSlot { list: "SG:ACRA/status/1", purpose: "revocation", index: INDEX },
                StatusSlot { list: "SG:ACRA/status/2", purpose: "refresh", index: INDEX },
            ],
            record_height: 1,
        };
        business_registration(&body, frame).expect("a company")
    }

    /// What `make` issues under the contexts of the ledger.
    fn with_contexts<T>(&self, make: impl FnOnce(Contexts<'_>) -> T) -> T {
        let ledger = &self.served.blocks.ledger;
        let (reader, head) = (ledger.reader(), ledger.head());
        let live = Live::new(&reader, ledger.chain(), false, head.height, head.block, head.time_ms);
        make(Contexts { snapshot: Some(&live), sandbox: false, inline: false })
    }

    /// Signed with key `number` of SG:ACRA, embedded.
    pub fn signed(&self, document: &Json, suite: Suite, number: u64) -> Json {
        let method = format!("did:ubin:SG:ACRA#k{number}");
        let created = rfc3339(now_ms());
        let options = Options {
            suite,
            verification_method: &method,
            created: &created,
            purpose: Purpose::Assertion,
            challenge: None,
            domain: None,
        };
        let key = self.served.world.key("SG:ACRA", number);
        self.with_contexts(|contexts| issue(document, &key, options, contexts).expect("issued"))
    }

    pub fn issued(&self) -> Json {
        self.signed(&self.unsigned(), Suite::Jcs, 1)
    }

    /// The same as `vc+jwt`.
    pub fn token(&self, document: &Json) -> String {
        let key = self.served.world.key("SG:ACRA", 1);
        let iat_s = now_ms() / 1_000;
        self.with_contexts(|contexts| {
            issue_vc(document, &key, "did:ubin:SG:ACRA#k1", iat_s, contexts).expect("issued")
        })
    }

    /// Sets the entry of list `n`.
    pub fn set(&self, n: u64, version: i64, old: i64, new: i64) -> u64 {
        let index = i64::try_from(INDEX).expect("small");
        let args = set(&format!("SG:ACRA/status/{n}"), version, &[[index, old, new, 0]]);
        self.must(Register::Vc, "list_set", args, ACRA)
    }
}

/// The result and code of a check of a verdict.
pub fn check(verdict: &Json, name: &str) -> (String, String) {
    let checks = verdict["checks"].as_array().unwrap_or_else(|| panic!("no verdict: {verdict}"));
    assert_eq!(checks.len(), 12);
    let found = checks.iter().find(|check| check["name"] == name).expect("all twelve are there");
    let text = |name: &str| found[name].as_str().expect("text").to_owned();
    (text("result"), text("code"))
}

pub fn recognition(by: &str, name: &str) -> Value {
    let agreement = Value::object([
        ("title", Value::from("Example arrangement")),
        ("reference", Value::from("example")),
        ("documentSha256", Value::from(format!("sha256:{}", "1".repeat(64)).as_str())),
    ]);
    let entry = Value::object([
        ("by", Value::from(by)),
        ("of", Value::from("SG")),
        ("name", Value::from(name)),
        ("scope", Value::from("credential")),
        ("types", texts(&["BusinessRegistration"])),
        ("issuerClasses", texts(&["registrar"])),
        ("agreement", agreement),
        ("from", Value::from("2025-01-01")),
    ]);
    Value::object([("entry", entry)])
}

/// `key_rotate` of SG:ACRA: `key` ends at once, the key of `seed` begins.
pub fn rotation(world: &World, version: u64, key: u64, seed: [u8; 32]) -> Value {
    let new = world.new_key("SG:ACRA", seed, &["invoke", "assert"], &["vc.*"], key);
    Value::object([
        ("party", Value::from("SG:ACRA")),
        ("version", Value::from(version)),
        ("add", Value::List(vec![new])),
        ("retire", texts(&[&format!("k{key}")])),
        ("overlapS", Value::Int(0)),
    ])
}

pub fn pages(page: &Json) -> &Vec<Json> {
    page["items"].as_array().unwrap_or_else(|| panic!("no page: {page}"))
}
