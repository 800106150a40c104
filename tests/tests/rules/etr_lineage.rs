//! Proofs of what came of a record, of who signed, of the rules it stands under, and of control by
//! joint holders (etr-api.md §1, §2; etr.md §1).

use titian_contracts::digest::{Digest, hash};
use titian_contracts::etr::{lineage, profile};
use titian_contracts::json::Value;
use titian_contracts::op::{OpSignature, Register};
use titian_contracts::state::Overlay;
use titian_tests::etr::accept_args;

use crate::etr_desk::{
    Desk, bundle, every_byte_matters, merge_args, parts_args, split_bill, stated, verify,
};

/// The question about the number of a record and its lineage, for somebody who sees `whole`.
fn question(desk: &Desk, of: &str, whole: &[&str]) -> Value {
    let record = desk.traders.get(of);
    let whole = whole.iter().map(|id| Value::from(*id)).collect();
    stated(&[
        ("series", "transport"),
        ("issuer", &record.party.issuer),
        ("ref", &record.party.reference),
        ("of", of),
    ])
    .with("whole", Value::List(whole))
}

/// What a node shows whole to somebody who sees every record but `closed`.
fn whole_but(desk: &Desk, of: &str, closed: &str) -> Vec<String> {
    let state = Overlay::new(&desk.traders.world.state);
    let root = desk.traders.get(of).party.root;
    lineage::whole_of(&state, &root, of, &|id| id != closed)
}

fn proven(desk: &Desk, question: &Value) -> Value {
    let text = bundle(&desk.traders.world, "etr-singularity", question).expect("it holds");
    verify(&desk.traders.world, text.as_bytes()).expect("it verifies").claim
}

fn ids(claim: &Value, member: &str) -> Vec<String> {
    let of = |item: &Value| item.as_text().or_else(|| item.get("id")?.as_text()).map(str::to_owned);
    claim.get(member).and_then(Value::as_list).expect("a list").iter().filter_map(of).collect()
}

#[test]
fn etr_singularity_shows_which_record_of_a_number_is_in_force() {
    let mut desk = Desk::new();
    let (root, children) = split_bill(&mut desk);
    let [first, second] = [children[0].clone(), children[1].clone()];
    let claim = proven(&desk, &question(&desk, &first, &[&root, &first, &second]));
    assert_eq!(claim.get("id"), Some(&Value::from(root.as_str())));
    assert_eq!(ids(&claim, "descendants"), [&root, &first, &second].map(Clone::clone));
    assert_eq!(ids(&claim, "inForce"), children);
    assert_eq!(ids(&claim, "ancestors"), [&first, &root].map(Clone::clone));
    assert_eq!(claim.get("complete"), Some(&Value::Bool(true)));
    // one part is split again, and its parts are merged into one
    let (sg, th) = (desk.traders.sg.clone(), desk.traders.th.clone());
    desk.act(&first, "split", parts_args(&["2000", "3000"]), &[], &[&th, &sg]);
    let grand = desk.traders.get(&first).party.into.clone();
    let args = merge_args(&desk.traders, &grand[1]);
    desk.act(&grand[0], "merge", args, &[], &[&th, &sg]);
    let merged = desk.traders.get(&grand[0]).party.into[0].clone();
    let whole = whole_but(&desk, &merged, "");
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let asked = question(&desk, &merged, &whole);
    let claim = proven(&desk, &asked);
    assert_eq!(ids(&claim, "inForce"), [&second, &merged].map(Clone::clone));
    let up = [&merged, &grand[0], &grand[1], &first, &root].map(Clone::clone);
    assert_eq!(ids(&claim, "ancestors"), up);
    assert_eq!(claim.get("complete"), Some(&Value::Bool(true)));
    let text = bundle(&desk.traders.world, "etr-singularity", &asked).expect("it holds");
    every_byte_matters(&desk.traders.world, "etr-singularity", &text);
    // of a record that stays closed the children are not known, and the claim says so
    let whole = whole_but(&desk, &merged, &first);
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let asked = question(&desk, &merged, &whole);
    let claim = proven(&desk, &asked);
    assert_eq!(ids(&claim, "inForce"), [second]);
    assert_eq!(claim.get("complete"), Some(&Value::Bool(false)));
    assert_eq!(ids(&claim, "ancestors"), up[..4]);
    let text = bundle(&desk.traders.world, "etr-singularity", &asked).expect("it holds");
    every_byte_matters(&desk.traders.world, "etr-singularity", &text);
}

#[test]
fn etr_a_lineage_of_other_records_is_refused() {
    let mut desk = Desk::new();
    let (root, children) = split_bill(&mut desk);
    let stranger = desk.issued("SGPU4799");
    let (first, second) = (children[0].as_str(), children[1].as_str());
    let refused = |question: &Value| {
        assert!(bundle(&desk.traders.world, "etr-singularity", question).is_err());
    };
    let good = question(&desk, first, &[&root, first, second]);
    assert!(bundle(&desk.traders.world, "etr-singularity", &good).is_ok());
    let list = |ids: &[&str]| Value::List(ids.iter().map(|id| Value::from(*id)).collect());
    refused(&good.with("whole", list(&[&root, first, &stranger])));
    refused(&good.with("whole", list(&[&root, second])));
    refused(&good.with("of", Value::from(stranger.as_str())));
    refused(&good.with("of", Value::from(stranger.as_str())).with("whole", list(&[&stranger])));
    refused(&good.with("of", Value::Int(1)));
    refused(&good.with("whole", Value::from(true)));
    refused(&good.with("whole", Value::List(vec![Value::Int(1)])));
    let many: Vec<String> = (0..257).map(|_| root.clone()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    refused(&good.with("whole", list(&many)));
}

/// Gives a bill of VN to TH and MY jointly, of whom `k` act.
fn joint_bill(desk: &mut Desk, reference: &str, k: u64) -> String {
    let id = desk.issued(reference);
    let t = &desk.traders;
    let (vn, th, my) = (t.vn.clone(), t.th.clone(), t.my.clone());
    let mut of = [th.as_str(), my.as_str()];
    of.sort_unstable();
    let of = Value::List(of.map(Value::from).to_vec());
    let joint = Value::object([("k", Value::from(k)), ("of", of)]);
    let joint = Value::object([("joint", joint)]);
    let offer = t.offer_args(&th, Some("special")).with("to", joint);
    desk.act(&id, "offer", offer, &[], &[&vn]);
    let ack = ["MY:unknown", "TH:unknown", "VN:unknown"];
    desk.act(&id, "accept", accept_args(), &ack, &[&my, &th]);
    id
}

#[test]
fn etr_control_of_joint_holders_needs_as_many_as_act_together() {
    let mut desk = Desk::new();
    let id = joint_bill(&mut desk, "SGPU4720", 2);
    let t = &desk.traders;
    let (sg, vn, th, my) = (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone());
    let holds = |desk: &Desk, parties: &[&str]| {
        let text = bundle(&desk.traders.world, "etr-control", &desk.control(&id, parties));
        text.is_ok_and(|text| verify(&desk.traders.world, text.as_bytes()).is_ok())
    };
    assert!(holds(&desk, &[&th, &my]) && holds(&desk, &[&my, &th]));
    for parties in
        [&[&th][..], &[&my], &[&th, &th], &[&th, &vn], &[&vn, &my], &[&th, &my, &sg], &[]]
    {
        let parties: Vec<&str> = parties.iter().map(|party| party.as_str()).collect();
        assert!(!holds(&desk, &parties), "{parties:?}");
    }
    let text = bundle(&desk.traders.world, "etr-control", &desk.control(&id, &[&th, &my]));
    every_byte_matters(&desk.traders.world, "etr-control", &text.expect("it holds"));
    // once they gave it away, both together show nothing
    let offer = desk.traders.offer_args(&vn, Some("special"));
    desk.act(&id, "offer", offer, &[], &[&my, &th]);
    let ack = ["MY:unknown", "TH:unknown", "VN:unknown"];
    desk.act(&id, "accept", accept_args(), &ack, &[&vn]);
    assert!(!holds(&desk, &[&th, &my]) && holds(&desk, &[&vn]));
    // where one acts for both, one is enough
    let id = joint_bill(&mut desk, "SGPU4721", 1);
    for parties in [&[&th][..], &[&my], &[&th, &my]] {
        let parties: Vec<&str> = parties.iter().map(|party| party.as_str()).collect();
        let text = bundle(&desk.traders.world, "etr-control", &desk.control(&id, &parties));
        assert!(verify(&desk.traders.world, text.expect("it holds").as_bytes()).is_ok());
    }
}

/// Digests and signatures of the ops of a record.
fn signed(desk: &Desk, id: &str) -> Vec<Value> {
    let item = |op: Value| {
        let digest = titian_contracts::op::digest_of(Register::Etr, &op);
        let sigs = op.get("sigs").cloned().expect("sigs");
        Value::object([("digest", Value::from(digest)), ("sigs", sigs)])
    };
    desk.history(id).into_iter().map(item).collect()
}

#[test]
fn etr_signers_are_shown_with_their_keys_and_verify() {
    let mut desk = Desk::new();
    let (id, _) = split_bill(&mut desk);
    let world = &desk.traders.world;
    let ask = |ops: Vec<Value>| Value::object([("ops", Value::List(ops))]);
    let ops = signed(&desk, &id);
    let text = bundle(world, "etr-signers", &ask(ops.clone())).expect("it holds");
    let claim = verify(world, text.as_bytes()).expect("it verifies").claim;
    let keys = claim.get("keys").and_then(Value::as_list).expect("keys");
    assert_eq!(keys.len(), 3, "carrier, first holder, second holder");
    for key in keys {
        assert_eq!(key.get("state"), Some(&Value::from("active")));
        assert!(key.get("scopes").is_some() && key.get("activeFromMs").is_some());
    }
    assert_eq!(claim.get("parties").and_then(Value::as_list).map(<[Value]>::len), Some(3));
    every_byte_matters(world, "etr-signers", &text);
    // the signature of another op, no op at all, an op of another digest
    let other = ops[0].with("sigs", ops[1].get("sigs").cloned().expect("sigs"));
    let digest = ops[0].with("digest", Value::from(Digest::ZERO));
    for wrong in [vec![other], Vec::new(), vec![digest], vec![Value::Int(1)]] {
        assert!(bundle(world, "etr-signers", &ask(wrong)).is_err());
    }
}

#[test]
fn etr_signers_under_a_mandate_are_shown_with_it() {
    let mut desk = Desk::new();
    let t = &mut desk.traders;
    let (vn, my) = (t.vn.clone(), t.my.clone());
    let seed = t.world.fresh_seed();
    let key = t.world.new_key(&vn, seed, &["invoke"], &["etr.*", "access.mandate_*"], 2);
    let bind = Value::object([
        ("party", Value::from(vn.as_str())),
        ("version", Value::Int(1)),
        ("keys", Value::List(vec![key])),
    ]);
    t.world.act(Register::Access, "key_bind", bind, &[("VN:NBR", 1)]).expect("bound");
    t.world.add_key(&vn, 2, seed);
    let until_ms = t.world.time_ms + 3_600_000;
    let mandate = Value::object([
        ("party", Value::from(vn.as_str())),
        ("version", Value::Int(2)),
        ("agent", Value::from(my.as_str())),
        ("acts", Value::List(vec![Value::from("etr.offer")])),
        ("limits", Value::List(Vec::new())),
        ("untilMs", Value::from(until_ms)),
    ]);
    t.world.act(Register::Access, "mandate_set", mandate, &[(&vn, 2)]).expect("given");
    let digest = hash("titian etr op v1", &[b"an op"]);
    let op = |sig: OpSignature| {
        let sigs = Value::List(vec![sig.to_value()]);
        let op = Value::object([("digest", Value::from(digest)), ("sigs", sigs)]);
        Value::object([("ops", Value::List(vec![op]))])
    };
    let mut sig = desk.traders.world.signature(&digest, &my, 1);
    sig.mandate = Some((vn.clone(), 1));
    let world = &desk.traders.world;
    let text = bundle(world, "etr-signers", &op(sig.clone())).expect("it holds");
    let claim = verify(world, text.as_bytes()).expect("it verifies").claim;
    let mandates = claim.get("mandates").and_then(Value::as_list).expect("a list");
    assert_eq!(mandates[0].get("principal"), Some(&Value::from(vn.as_str())));
    assert_eq!(mandates[0].get("status"), Some(&Value::from("in force")));
    every_byte_matters(world, "etr-signers", &text);
    // a mandate that was not given, and the agent of another principal
    for (principal, no) in [(&vn, 2), (&desk.traders.th, 1)] {
        sig.mandate = Some((principal.clone(), no));
        assert!(bundle(world, "etr-signers", &op(sig.clone())).is_err());
    }
}

#[test]
fn etr_rules_are_proven_as_the_registers_hold_them() {
    let mut desk = Desk::new();
    let id = desk.issued("SGPU4730");
    let t = &desk.traders;
    let public = t.get(&id).public;
    let list = |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
    let rulebook = t.rulebook.to_string();
    let asked = stated(&[("profile", &public.profile), ("regime", &public.regime), ("home", "SG")])
        .with("rulebooks", list(&[&rulebook]))
        .with("states", list(&["SG", "TH"]));
    let text = bundle(&t.world, "etr-rules", &asked).expect("it holds");
    let claim = verify(&t.world, text.as_bytes()).expect("it verifies").claim;
    let shipped = titian_genesis::profiles::etr_profiles();
    let own = shipped.iter().find(|profile| profile.get("id") == Some(&Value::from("bl-order")));
    let own = own.expect("a shipped profile");
    assert_eq!(claim.get("profileValue"), Some(own));
    assert_eq!(claim.get("profileDigest"), Some(&Value::from(profile::profile_hash(own))));
    let books = claim.get("rulebookEntries").and_then(Value::as_list).expect("a list");
    assert_eq!(books[0].get("digest"), Some(&Value::from(rulebook.as_str())));
    let effect = claim.get("legalEffect").and_then(Value::as_list).expect("a list");
    assert_eq!(effect[0].get("verdict"), Some(&Value::from("full")));
    assert_eq!(effect[1].get("verdict"), Some(&Value::from("unknown")));
    assert_eq!(claim.get("courtPolicies"), Some(&Value::List(Vec::new())));
    every_byte_matters(&t.world, "etr-rules", &text);
    let unknown = "b3:".to_owned() + &"00".repeat(32);
    let none = bundle(&t.world, "etr-rules", &asked.with("rulebooks", list(&[&unknown])));
    let claim = verify(&t.world, none.expect("it holds").as_bytes()).expect("it verifies").claim;
    assert_eq!(claim.get("rulebookEntries"), Some(&Value::List(Vec::new())));
    let many: Vec<String> = (10..43).map(|n| format!("A{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for wrong in [
        asked.with("profile", Value::from("bl-order@9")),
        asked.with("states", list(&["TH", "SG"])),
        asked.with("states", list(&["SG", "SG"])),
        asked.with("states", list(&many)),
        asked.with("rulebooks", list(&["b3:00"])),
    ] {
        assert!(bundle(&t.world, "etr-rules", &wrong).is_err());
    }
}
