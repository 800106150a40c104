//! Proofs of records made by the kernel itself: history, conversion, control (etr-api.md §1).

use std::collections::BTreeMap;

use titian_contracts::claim::{self, Frame};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::etr::{self, content, history, keys};
use titian_contracts::json::{self, Value};
use titian_contracts::op::{Register, encode_base64};
use titian_contracts::proof::{self, VerifyError};
use titian_contracts::state::Overlay;
use titian_contracts::transaction::Transaction;
use titian_tests::certify;
use titian_tests::etr::{Traders, accept_args, lots, with_ack};
use titian_tests::world::World;

/// The traders with every op that was carried out, by record and seq, as a node keeps them.
struct Desk {
    traders: Traders,
    ops: BTreeMap<(String, u64), Value>,
}

impl Desk {
    fn new() -> Self {
        Self { traders: Traders::new(), ops: BTreeMap::new() }
    }

    /// Runs a transaction and keeps what it carried out.
    fn run_kind(&mut self, kind: &str, payload: Value) {
        let bytes = Transaction::encode(kind, Register::Etr, payload);
        let receipt = self.traders.world.run_transactions(std::slice::from_ref(&bytes)).remove(0);
        assert_eq!(receipt.error, None, "{kind}");
        let tx = Transaction::parse(&bytes).expect("it was carried out");
        let state = Overlay::new(&self.traders.world.state);
        for executed in history::executed(&tx, &receipt.events, &state) {
            for place in executed.places {
                self.ops.insert(place, executed.op.value.clone());
            }
        }
    }

    fn run(&mut self, op: &Value, parties: &[&str]) {
        let signers: Vec<(&str, u64)> = parties.iter().map(|party| (*party, 1)).collect();
        let op = self.traders.world.sign(op, &signers);
        self.run_kind("op", op);
    }

    fn act(&mut self, id: &str, act: &str, args: Value, ack: &[&str], parties: &[&str]) {
        let op = with_ack(&self.traders.op(id, act, args), ack);
        self.run(&op, parties);
    }

    fn history(&self, id: &str) -> Vec<Value> {
        let seq = self.traders.get(id).public.seq;
        (1..=seq).map(|n| self.ops[&(id.to_owned(), n)].clone()).collect()
    }

    fn question(&self, id: &str) -> Value {
        stated(&[("id", id)]).with("ops", Value::List(self.history(id)))
    }
}

fn stated(members: &[(&str, &str)]) -> Value {
    Value::object(members.iter().map(|(name, text)| (*name, Value::from(*text))))
}

/// A bundle made as a node makes one for a party: the whole record.
fn bundle(world: &World, kind: &str, stated: &Value) -> Result<String, VerifyError> {
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let keys = claim::question(kind, stated, &world.state, frame)?;
    let (entries, evidence) = certify::prove(world, &keys);
    let claim = claim::rebuild(kind, stated, &entries, frame)?;
    Ok(proof::bundle(kind, world.height, claim, &evidence))
}

fn verify(world: &World, text: &[u8]) -> Result<proof::Proven, VerifyError> {
    proof::verify(text, &world.genesis.anchor(), 0)
}

/// Every changed byte of the claim is refused; of the rest, whose signatures are dear, every 97th.
fn every_byte_matters(world: &World, kind: &str, text: &str) {
    let claim = text.find("\"claim\":").expect("a claim");
    let claim_end = text.find(",\"header\":").expect("members are in order");
    for i in 0..text.len() {
        if !(claim..claim_end).contains(&i) && i % 97 != 0 {
            continue;
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes[i] ^= if i % 2 == 0 { 0x01 } else { 0x20 };
        assert!(verify(world, &bytes).is_err(), "{kind}: byte {i} of {}", text.len());
    }
}

/// A bill that was issued, transferred, amended in nothing, and split; gives it and its parts.
fn split_bill(desk: &mut Desk) -> (String, Vec<String>) {
    let t = &desk.traders;
    let (sg, vn, th) = (t.sg.clone(), t.vn.clone(), t.th.clone());
    let issue = with_ack(&t.bill("SGPU4711", &vn), &["VN:unknown"]);
    let id = t.id("transport", "SGPU4711");
    desk.run(&issue, &[&sg, &vn]);
    let offer = desk.traders.offer_args(&th, Some("special"));
    desk.act(&id, "offer", offer, &[], &[&vn]);
    desk.act(&id, "accept", accept_args(), &["TH:unknown", "VN:unknown"], &[&th]);
    let part = |amount: &str| {
        Value::object([
            ("lots", lots(&[("1", "KGM", 0, amount)])),
            ("pledges", Value::List(Vec::new())),
        ])
    };
    let parts = Value::object([("parts", Value::List(vec![part("5000"), part("7000")]))]);
    desk.act(&id, "split", parts, &[], &[&th, &sg]);
    let children = desk.traders.get(&id).party.into.clone();
    (id, children)
}

#[test]
fn etr_history_shows_every_op_with_its_signatures_and_leads_to_the_proven_head() {
    let mut desk = Desk::new();
    let (id, children) = split_bill(&mut desk);
    assert_eq!(children.len(), 2);
    for id in children.iter().chain([&id]) {
        let text =
            bundle(&desk.traders.world, "etr-history", &desk.question(id)).expect("it holds");
        let proven = verify(&desk.traders.world, text.as_bytes()).expect("it verifies");
        let ops = proven.claim.get("ops").and_then(Value::as_list).expect("ops");
        assert_eq!(ops.len() as u64, desk.traders.get(id).public.seq);
        let signers = proven.claim.get("signers").and_then(Value::as_list).expect("signers");
        assert!(!signers.is_empty());
    }
    let text = bundle(&desk.traders.world, "etr-history", &desk.question(&id)).expect("it holds");
    every_byte_matters(&desk.traders.world, "etr-history", &text);
}

#[test]
fn etr_history_that_leaves_out_adds_or_reorders_an_op_is_refused() {
    let mut desk = Desk::new();
    let (id, children) = split_bill(&mut desk);
    let world = &desk.traders.world;
    let whole = desk.history(&id);
    let mut without_last = whole.clone();
    without_last.pop();
    let mut without_middle = whole.clone();
    without_middle.remove(1);
    let mut swapped = whole.clone();
    swapped.swap(1, 2);
    let mut twice = whole.clone();
    twice.push(whole[3].clone());
    let forged: Vec<Value> =
        whole.iter().map(|op| op.with("place", Value::from("VNSGN"))).collect();
    for ops in [without_last, without_middle, swapped, twice, forged, Vec::new()] {
        let question = stated(&[("id", &id)]).with("ops", Value::List(ops));
        assert!(bundle(world, "etr-history", &question).is_err());
    }
    // the ops of one part are not those of the other
    let other = stated(&[("id", &children[0])]).with("ops", Value::List(whole));
    assert!(bundle(world, "etr-history", &other).is_err());
    // a signature that is not the signer's
    let mut ops = desk.history(&id);
    let sigs = ops[1].get("sigs").and_then(Value::as_list).expect("sigs").to_vec();
    let foreign = ops[2].get("sigs").and_then(Value::as_list).expect("sigs")[0].clone();
    let sig = foreign.get("sig").cloned().expect("a signature");
    ops[1] = ops[1].with("sigs", Value::List(vec![sigs[0].with("sig", sig)]));
    let question = stated(&[("id", &id)]).with("ops", Value::List(ops));
    assert!(bundle(world, "etr-history", &question).is_err());
    // a node that does not look, or does not care, convinces nobody
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let keys = claim::question("etr-history", &question, &world.state, frame).expect("keys");
    let (entries, evidence) = certify::prove(world, &keys);
    let claim = claim::make("etr-history", &question, &entries, frame).expect("unlooked at");
    let text = proof::bundle("etr-history", world.height, claim, &evidence);
    assert!(verify(world, text.as_bytes()).is_err());
}

/// An amendment of `termsAndConditions` by holder and carrier.
fn amend_args(desk: &Desk, id: &str) -> Value {
    let first = desk.history(id)[0].clone();
    let leaves = first.get("args").and_then(|args| args.get("leaves")).cloned().expect("leaves");
    let names = leaves.as_list().expect("a list").iter();
    let mut open = first.get("args").and_then(|args| args.get("open")).cloned().expect("open");
    assert!(names.filter_map(|leaf| leaf.get("name")).any(|n| n.as_text() == Some("transports")));
    let hash = content::field_leaf("termsAndConditions", 2, &"ab".repeat(16), "\"changed\"");
    let change =
        Value::object([("name", Value::from("termsAndConditions")), ("hash", Value::from(hash))]);
    // bound and const fields are opened again as they were
    open = open.with("isElectronic", open.get("isElectronic").cloned().expect("opened"));
    Value::object([
        ("leaves", leaves),
        ("changes", Value::List(vec![change])),
        ("open", open),
        ("lots", Value::Null),
        ("reason", Value::from("correction")),
        ("text", Value::from(hash_of("text"))),
    ])
}

fn hash_of(text: &str) -> Digest {
    hash("titian document v1", &[text.as_bytes()])
}

#[test]
fn etr_history_names_what_an_amendment_changed() {
    let mut desk = Desk::new();
    let t = &desk.traders;
    let (sg, vn) = (t.sg.clone(), t.vn.clone());
    let issue = with_ack(&t.bill("SGPU4712", &vn), &["VN:unknown"]);
    let id = t.id("transport", "SGPU4712");
    desk.run(&issue, &[&sg, &vn]);
    let before = desk.traders.get(&id).public.content_root;
    let args = amend_args(&desk, &id);
    desk.act(&id, "amend", args, &[], &[&vn, &sg]);
    let text = bundle(&desk.traders.world, "etr-history", &desk.question(&id)).expect("it holds");
    let proven = verify(&desk.traders.world, text.as_bytes()).expect("it verifies");
    let lines = proven.claim.get("redlines").and_then(Value::as_list).expect("a list");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].get("oldRoot"), Some(&Value::from(before)));
    let changes = lines[0].get("changes").and_then(Value::as_list).expect("changes");
    assert_eq!(changes[0].get("field"), Some(&Value::from("termsAndConditions")));
}

#[test]
fn etr_history_holds_for_ops_that_were_staged_and_cosigned() {
    let mut desk = Desk::new();
    let t = &desk.traders;
    let (sg, vn) = (t.sg.clone(), t.vn.clone());
    let issue = with_ack(&t.bill("SGPU4713", &vn), &["VN:unknown"]);
    let id = t.id("transport", "SGPU4713");
    let digest = titian_contracts::op::digest_of(Register::Etr, &issue);
    let until = Value::from(t.world.time_ms + 86_400_000);
    let half = t.world.sign(&issue, &[(&sg, 1)]);
    desk.run_kind("stage", Value::object([("op", half), ("untilMs", until)]));
    assert!(desk.ops.is_empty(), "nothing was carried out yet");
    let sig = desk.traders.world.signature(&digest, &vn, 1).to_value();
    let cosign = Value::object([
        ("id", Value::from(id.as_str())),
        ("digest", Value::from(digest)),
        ("sig", sig),
    ]);
    desk.run_kind("cosign", cosign);
    let ops = desk.history(&id);
    assert_eq!(ops[0].get("sigs").and_then(Value::as_list).map(<[Value]>::len), Some(2));
    let text = bundle(&desk.traders.world, "etr-history", &desk.question(&id)).expect("it holds");
    verify(&desk.traders.world, text.as_bytes()).expect("it verifies");
}

#[test]
fn etr_conversion_shows_both_ends_of_the_change_of_medium() {
    let mut desk = Desk::new();
    let t = &desk.traders;
    let (sg, vn, th) = (t.sg.clone(), t.vn.clone(), t.th.clone());
    let issue = with_ack(&t.bill("SGPU4714", &vn), &["VN:unknown"]);
    let id = t.id("transport", "SGPU4714");
    desk.run(&issue, &[&sg, &vn]);
    let surrender = desk.traders.surrender_args("paper");
    desk.act(&id, "surrender", surrender, &[], &[&vn]);
    let statement =
        Value::object([("code", Value::from("replaced")), ("digest", Value::from(hash_of("s")))]);
    let answer = Value::object([
        ("serials", Value::List(vec![Value::from("P-1"), Value::from("P-2")])),
        ("print", Value::from(hash_of("print"))),
        ("statement", statement.clone()),
    ]);
    desk.act(&id, "surrender_accept", answer, &[], &[&sg]);
    // and back: the full set, the custodian's attestation
    let back = desk.traders.bill("SGPU4714", &vn);
    let mut args = back.get("args").cloned().expect("args");
    for (name, value) in [
        ("serials", Value::List(vec![Value::from("P-1"), Value::from("P-2")])),
        ("originals", Value::Int(2)),
        ("custodian", Value::from(th.as_str())),
        ("inoperative", Value::from(hash_of("attestation"))),
        ("statement", statement),
    ] {
        args = args.with(name, value);
    }
    let genesis = etr::genesis_hash(&Overlay::new(&desk.traders.world.state));
    let op = desk.traders.op(&id, "issue_from_paper", args);
    let op = op.with("seq", Value::Int(0)).with("head", Value::from(genesis));
    desk.run(&with_ack(&op, &["VN:unknown"]), &[&sg, &th, &vn]);
    let child = desk.traders.get(&id).party.into[0].clone();
    assert_eq!(desk.traders.get(&child).public.generation, 1);
    let world = &desk.traders.world;
    let question = stated(&[("issuer", &sg), ("serial", "P-2")]).with("whole", Value::from(true));
    let text = bundle(world, "etr-conversion", &question).expect("it holds");
    let proven = verify(world, text.as_bytes()).expect("it verifies");
    assert_eq!(proven.claim.get("id"), Some(&Value::from(id.as_str())));
    assert_eq!(proven.claim.get("consumed"), Some(&Value::from(true)));
    let returned = proven.claim.get("returned").and_then(Value::as_list).expect("a list");
    assert_eq!(returned[0].get("id"), Some(&Value::from(child.as_str())));
    every_byte_matters(world, "etr-conversion", &text);
    // the history of what came back begins with its return
    let text = bundle(world, "etr-history", &desk.question(&child)).expect("it holds");
    verify(world, text.as_bytes()).expect("it verifies");
    assert!(world.state.0.contains_key(&keys::record(&child)));
}

#[test]
fn etr_control_of_a_former_controller_fails_and_an_old_answer_says_was() {
    let mut desk = Desk::new();
    let (sg, vn, th) = (desk.traders.sg.clone(), desk.traders.vn.clone(), desk.traders.th.clone());
    let issue = with_ack(&desk.traders.bill("SGPU4715", &vn), &["VN:unknown"]);
    let id = desk.traders.id("transport", "SGPU4715");
    desk.run(&issue, &[&sg, &vn]);
    let answer = |desk: &Desk, party: &str| {
        let world = &desk.traders.world;
        let public = desk.traders.get(&id).public;
        let (nonce, ms) = ("00".repeat(16), world.time_ms);
        let chain = &world.genesis.chain;
        let digest = etr::challenge_of(chain, &id, public.seq, public.head, "bank", &nonce, ms);
        let signature = world.signature(&digest, party, 1);
        let sig = Value::object([
            ("party", Value::from(party)),
            ("key", Value::from("k1")),
            ("sig", Value::from(encode_base64(&signature.signature))),
        ]);
        let challenge = stated(&[("audience", "bank"), ("nonce", &nonce)])
            .with("ms", Value::from(ms))
            .with("sigs", Value::List(vec![sig]));
        stated(&[("id", &id)]).with("challenge", challenge)
    };
    let held = answer(&desk, &vn);
    assert!(bundle(&desk.traders.world, "etr-control", &held).is_ok());
    let offer = desk.traders.offer_args(&th, Some("special"));
    desk.act(&id, "offer", offer, &[], &[&vn]);
    desk.act(&id, "accept", accept_args(), &["TH:unknown", "VN:unknown"], &[&th]);
    let world = &desk.traders.world;
    assert!(bundle(world, "etr-control", &held).is_err(), "the answer of before");
    assert!(bundle(world, "etr-control", &answer(&desk, &vn)).is_err(), "a former controller");
    assert!(bundle(world, "etr-control", &answer(&desk, &th)).is_ok());
    assert!(etr::is_fresh(1_000, 2_000, 301_000) && etr::is_fresh(301_000, 1_000, 1_000));
    assert!(!etr::is_fresh(1_000, 301_001, 301_001), "an old answer");
    assert!(!etr::is_fresh(301_001, 1_000, 301_001), "a new answer over old state");
}

#[test]
fn etr_history_of_many_transfers_verifies() {
    let mut desk = Desk::new();
    let (sg, vn, th) = (desk.traders.sg.clone(), desk.traders.vn.clone(), desk.traders.th.clone());
    let issue = with_ack(&desk.traders.bill("SGPU4716", &vn), &["VN:unknown"]);
    let id = desk.traders.id("transport", "SGPU4716");
    desk.run(&issue, &[&sg, &vn]);
    let (mut from, mut to) = (vn, th);
    for _ in 0..20 {
        let offer = desk.traders.offer_args(&to, Some("special"));
        desk.act(&id, "offer", offer, &[], &[&from]);
        desk.act(&id, "accept", accept_args(), &["TH:unknown", "VN:unknown"], &[&to]);
        std::mem::swap(&mut from, &mut to);
    }
    let world = &desk.traders.world;
    let text = bundle(world, "etr-history", &desk.question(&id)).expect("it holds");
    let proven = verify(world, text.as_bytes()).expect("it verifies");
    let count = |name: &str| proven.claim.get(name).and_then(Value::as_list).map(<[Value]>::len);
    assert_eq!((count("ops"), count("endorsements")), (Some(41), Some(20)));
    let parsed = json::parse(text.as_bytes()).expect("JSON");
    assert!(parsed.to_jcs().len() < 1024 * 1024);
}
