//! Proofs of records made by the kernel itself: history, conversion, control (etr-api.md §1).

use titian_contracts::claim::{self, Frame};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::etr::challenge::{Asked, Unanswered};
use titian_contracts::etr::{self, content, keys, provisions};
use titian_contracts::json::{self, Value};
use titian_contracts::op::Register;
use titian_contracts::proof;
use titian_contracts::state::Overlay;
use titian_tests::certify;
use titian_tests::etr::{accept_args, lots, with_ack};

use crate::etr_desk::{Desk, bundle, every_byte_matters, parts_args, split_bill, stated, verify};

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
fn etr_history_proves_when_each_op_was_carried_out() {
    let mut desk = Desk::new();
    let (id, children) = split_bill(&mut desk);
    for id in children.iter().chain([&id]) {
        let question = desk.question(id);
        let text = bundle(&desk.traders.world, "etr-history", &question).expect("it holds");
        let proven = verify(&desk.traders.world, text.as_bytes()).expect("it verifies");
        assert_eq!(proven.claim.get("times"), Some(&Value::List(desk.times(id))));
    }
    let world = &desk.traders.world;
    let times = desk.times(&id);
    let changed = |at: usize, name: &str, by: i64| {
        let mut times = times.clone();
        let value = times[at].get(name).and_then(Value::as_int).expect("a number");
        times[at] = times[at].with(name, Value::Int(value + by));
        times
    };
    let mut swapped = times.clone();
    swapped.swap(0, 1);
    let mut twice = times.clone();
    twice.push(times[3].clone());
    let others = desk.times(&children[0]);
    let wrong = [
        changed(0, "ms", 1),
        changed(2, "height", -1),
        changed(3, "ms", -1),
        changed(3, "seq", 1),
        swapped,
        twice,
        times[1..].to_vec(),
        others,
        Vec::new(),
    ];
    for times in wrong {
        let question = desk.question(&id).with("times", Value::List(times));
        assert!(bundle(world, "etr-history", &question).is_err());
    }
    // the older form, without times, says nothing of them
    let question = stated(&[("id", &id)]).with("ops", Value::List(desk.history(&id)));
    let text = bundle(world, "etr-history", &question).expect("it holds");
    let proven = verify(world, text.as_bytes()).expect("it verifies");
    assert!(proven.claim.get("times").is_none());
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

#[test]
fn etr_history_of_both_parts_of_an_enforced_record_begins_with_the_enforcement() {
    let mut desk = Desk::new();
    let (sg, vn, th, my) = (
        desk.traders.sg.clone(),
        desk.traders.vn.clone(),
        desk.traders.th.clone(),
        desk.traders.my.clone(),
    );
    let id = desk.issued("SGPU4719");
    let on = Value::object([("after", Value::object([("ms", Value::Int(1))]))]);
    let pledge = Value::object([
        ("to", Value::from(th.as_str())),
        ("lots", lots(&[("1", "KGM", 0, "5000")])),
        ("terms", Value::from(hash_of("terms"))),
        ("on", on),
        ("cureS", Value::Int(0)),
    ]);
    desk.act(&id, "pledge", pledge, &[], &[&vn, &th, &sg]);
    let no = Value::object([("no", Value::Int(1))]);
    let notice = no.with("digest", Value::from(hash_of("default")));
    desk.act(&id, "default_notice", notice, &[], &[&th]);
    let enforce = no.with("to", Value::from(my.as_str())).with("evidence", Value::List(Vec::new()));
    desk.act(&id, "enforce", enforce, &[], &[&th, &my]);
    let children = desk.traders.get(&id).party.into.clone();
    assert_eq!(children.len(), 2);
    // the part that was given goes on
    let offer = desk.traders.offer_args(&vn, None);
    desk.act(&children[0], "offer", offer, &[], &[&my]);
    for (child, ops) in children.iter().zip([2, 1]) {
        let text =
            bundle(&desk.traders.world, "etr-history", &desk.question(child)).expect("it holds");
        let proven = verify(&desk.traders.world, text.as_bytes()).expect("it verifies");
        assert_eq!(proven.claim.get("ops").and_then(Value::as_list).map(<[Value]>::len), Some(ops));
    }
    // an op that made other records did not open this one
    let (bill, parts) = split_bill(&mut desk);
    assert_eq!(desk.traders.get(&bill).party.into, parts);
    let split = desk.history(&parts[0]);
    let question = stated(&[("id", &children[1])]).with("ops", Value::List(split));
    assert!(bundle(&desk.traders.world, "etr-history", &question).is_err());
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

/// Arguments by which the paper of a bill of lading comes in, held by the Thai trader.
fn returning(desk: &Desk, reference: &str, serials: &[&str]) -> Value {
    let bill = desk.traders.bill(reference, &desk.traders.vn);
    let list = serials.iter().map(|serial| Value::from(*serial)).collect();
    let statement =
        Value::object([("code", Value::from("returned")), ("digest", Value::from(hash_of("r")))]);
    [
        ("serials", Value::List(list)),
        ("originals", Value::from(serials.len() as u64)),
        ("custodian", Value::from(desk.traders.th.as_str())),
        ("inoperative", Value::from(hash_of("attestation"))),
        ("statement", statement),
    ]
    .into_iter()
    .fold(bill.get("args").cloned().expect("args"), |args, (name, value)| args.with(name, value))
}

/// How a proof shows that.
fn brought_in() -> Value {
    let statement =
        Value::object([("code", Value::from("returned")), ("digest", Value::from(hash_of("r")))]);
    Value::object([("inoperative", Value::from(hash_of("attestation"))), ("statement", statement)])
}

/// A proof of conversion holds and shows these members.
fn shows(desk: &Desk, question: &Value, members: &[(&str, Value)]) {
    let world = &desk.traders.world;
    let text = bundle(world, "etr-conversion", question).expect("it holds");
    let claim = verify(world, text.as_bytes()).expect("it verifies").claim;
    for (name, value) in members {
        assert_eq!(claim.get(name), Some(value), "{name}");
    }
}

#[test]
fn etr_conversion_of_paper_that_was_unknown_shows_how_it_came_in() {
    let mut desk = Desk::new();
    let t = &desk.traders;
    let (sg, vn, th) = (t.sg.clone(), t.vn.clone(), t.th.clone());
    let id = t.id("transport", "SGPU4718");
    let op = t.op(&id, "issue_from_paper", returning(&desk, "SGPU4718", &["Q-1"]));
    desk.run(&with_ack(&op, &["VN:unknown"]), &[&sg, &th, &vn]);
    let question = stated(&[("issuer", &sg), ("serial", "Q-1")]).with("whole", Value::from(true));
    let ends = [
        ("id", Value::from(id.as_str())),
        ("serials", Value::List(vec![Value::from("Q-1")])),
        ("consumed", Value::from(true)),
        ("outward", Value::Null),
        ("inward", brought_in()),
        ("returned", Value::List(Vec::new())),
    ];
    shows(&desk, &question, &ends);
    // what comes of the record later did not come back from this paper
    desk.act(&id, "split", parts_args(&["5000", "7000"]), &[], &[&vn, &sg]);
    shows(&desk, &question, &ends);
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
    let outward =
        Value::object([("print", Value::from(hash_of("print"))), ("statement", statement)]);
    let serials = Value::List(vec![Value::from("P-1"), Value::from("P-2")]);
    let mut ends = vec![
        ("id", Value::from(id.as_str())),
        ("serials", serials),
        ("consumed", Value::from(false)),
        ("outward", outward),
        ("inward", Value::Null),
    ];
    let question = stated(&[("issuer", &sg), ("serial", "P-2")]);
    shows(&desk, &question, &ends);
    // and back: the full set, the custodian's attestation
    let args = returning(&desk, "SGPU4714", &["P-1", "P-2"]);
    let genesis = etr::genesis_hash(&Overlay::new(&desk.traders.world.state));
    let op = desk.traders.op(&id, "issue_from_paper", args);
    let op = op.with("seq", Value::Int(0)).with("head", Value::from(genesis));
    desk.run(&with_ack(&op, &["VN:unknown"]), &[&sg, &th, &vn]);
    let child = desk.traders.get(&id).party.into[0].clone();
    assert_eq!(desk.traders.get(&child).public.generation, 1);
    let world = &desk.traders.world;
    ends[2] = ("consumed", Value::from(true));
    ends[4] = ("inward", brought_in());
    shows(&desk, &question, &ends);
    let question = question.with("whole", Value::from(true));
    let text = bundle(world, "etr-conversion", &question).expect("it holds");
    let proven = verify(world, text.as_bytes()).expect("it verifies");
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
    let held = desk.control(&id, &[&vn]);
    assert!(bundle(&desk.traders.world, "etr-control", &held).is_ok());
    let offer = desk.traders.offer_args(&th, Some("special"));
    desk.act(&id, "offer", offer, &[], &[&vn]);
    desk.act(&id, "accept", accept_args(), &["TH:unknown", "VN:unknown"], &[&th]);
    let world = &desk.traders.world;
    assert!(bundle(world, "etr-control", &held).is_err(), "the answer of before");
    assert!(
        bundle(world, "etr-control", &desk.control(&id, &[&vn])).is_err(),
        "a former controller"
    );
    assert!(bundle(world, "etr-control", &desk.control(&id, &[&th])).is_ok());
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

/// What a verifier asks of the controller of a record as it stands.
fn asked(desk: &Desk, id: &str) -> Value {
    let public = desk.traders.get(id).public;
    let (head, nonce) = (public.head.to_string(), "00".repeat(16));
    let chain = desk.traders.world.genesis.chain.as_str();
    stated(&[
        ("audience", "bank"),
        ("chain", chain),
        ("head", &head),
        ("id", id),
        ("nonce", &nonce),
    ])
    .with("seq", Value::from(public.seq))
}

#[test]
fn etr_a_proof_of_control_answers_the_challenge_it_was_made_for_and_no_other() {
    let mut desk = Desk::new();
    let (vn, th) = (desk.traders.vn.clone(), desk.traders.th.clone());
    let (id, other) = (desk.issued("SGPU4721"), desk.issued("SGPU4722"));
    let chain = desk.traders.world.genesis.chain.clone();
    let proven = |desk: &Desk, kind: &str, question: &Value| {
        let world = &desk.traders.world;
        let text = bundle(world, kind, question).expect("it holds");
        verify(world, text.as_bytes()).expect("it verifies")
    };
    let control =
        |desk: &Desk, id: &str, by: &str| proven(desk, "etr-control", &desk.control(id, &[by]));
    let question = asked(&desk, &id);
    let read = |value: &Value| Asked::read(value).expect("a challenge");
    let held = control(&desk, &id, &vn);
    assert_eq!(read(&question).check(&chain, &held), Ok(()));
    // what was asked is compared member by member
    let elsewhere = Value::from("elsewhere");
    let head = Value::from(hash_of("another head"));
    for (name, value, why) in [
        ("chain", &elsewhere, Unanswered::Chain),
        ("id", &elsewhere, Unanswered::Record),
        ("audience", &elsewhere, Unanswered::OtherChallenge),
        ("nonce", &elsewhere, Unanswered::OtherChallenge),
        ("head", &head, Unanswered::Head),
    ] {
        let changed = read(&question.with(name, value.clone()));
        assert_eq!(changed.check(&chain, &held), Err(why), "{name}");
    }
    assert_eq!(read(&question).check("elsewhere", &held), Err(Unanswered::Chain));
    for name in ["audience", "chain", "head", "id", "nonce", "seq"] {
        let reject = Asked::read(&question.without(name)).expect_err("a member is missing");
        assert_eq!(reject.field, format!("/{name}"));
    }
    // the same nonce and audience, answered for another record that the same party holds
    let of_other = control(&desk, &other, &vn);
    assert_eq!(read(&question).check(&chain, &of_other), Err(Unanswered::Record));
    // what anybody may ask for answers nothing
    let status = proven(&desk, "etr-status", &stated(&[("id", &id)]));
    assert_eq!(read(&question).check(&chain, &status), Err(Unanswered::OtherKind));
    // an op later the controller still answers the challenge of before; to one that was made after it,
    // the place of before is no answer, whether control moved or not
    let offer = desk.traders.offer_args(&th, Some("special"));
    desk.act(&id, "offer", offer, &[], &[&vn]);
    assert_eq!(read(&question).check(&chain, &control(&desk, &id, &vn)), Ok(()));
    let offered = asked(&desk, &id);
    assert_eq!(read(&offered).check(&chain, &held), Err(Unanswered::Earlier));
    let before = control(&desk, &id, &vn);
    desk.act(&id, "accept", accept_args(), &["TH:unknown", "VN:unknown"], &[&th]);
    let after = asked(&desk, &id);
    assert_eq!(read(&after).check(&chain, &before), Err(Unanswered::Earlier), "who gave it away");
    assert_eq!(read(&after).check(&chain, &control(&desk, &id, &th)), Ok(()));
}

#[test]
fn etr_the_rules_of_a_record_are_asked_for_all_who_are_or_were_concerned() {
    let mut desk = Desk::new();
    let (vn, th) = (desk.traders.vn.clone(), desk.traders.th.clone());
    let id = desk.issued("SGPU4723");
    let states = |desk: &Desk| {
        let asked = provisions::question(&desk.traders.get(&id), &desk.history(&id));
        let list = asked.get("states").and_then(Value::as_list).expect("a list").to_vec();
        list.iter().filter_map(Value::as_text).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(states(&desk), ["SG", "VN"]);
    let offer = desk.traders.offer_args(&th, Some("special"));
    desk.act(&id, "offer", offer, &[], &[&vn]);
    desk.act(&id, "accept", accept_args(), &["TH:unknown", "VN:unknown"], &[&th]);
    assert_eq!(states(&desk), ["SG", "TH", "VN"], "a former holder stays");
}
