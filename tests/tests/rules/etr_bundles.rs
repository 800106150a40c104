//! Bundles: all or nothing at every position, bound to their whole, staged as one. Mandates of an
//! agent on records.

use titian_contracts::error::Code;
use titian_contracts::etr::bundle;
use titian_contracts::etr::record::Status;
use titian_contracts::execute::{self, BlockInfo};
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};
use titian_tests::etr::{DAY_MS, Traders, accept_args, with_ack};
use titian_tests::etr_types::{object, op_digest, profile, texts};

fn note(t: &mut Traders, reference: &str) -> String {
    t.issue(&profile("promissory-note"), reference)
}

/// Offers of three notes from VN to TH and their acceptance, in one: six ops on three records.
fn six(t: &Traders, ids: &[String]) -> Vec<(Value, &'static str)> {
    let mut ops = Vec::new();
    for id in ids {
        let offer = t.op(id, "offer", t.offer_args(&t.th, Some("special")));
        let accept = t.op(id, "accept", accept_args());
        let accept = with_ack(&accept, &["TH:unknown", "VN:unknown"]);
        ops.push((offer, "vn"));
        ops.push((accept, "th"));
    }
    ops
}

fn run(t: &mut Traders, ops: &[(Value, &'static str)]) -> Result<(), Code> {
    let (vn, th) = ([t.vn.clone()], [t.th.clone()]);
    let (vn, th) = (vn.each_ref().map(String::as_str), th.each_ref().map(String::as_str));
    let pairs: Vec<(Value, &[&str])> = ops
        .iter()
        .map(|(op, who)| (op.clone(), if *who == "vn" { &vn[..] } else { &th[..] }))
        .collect();
    t.run_bundle(&pairs).map(|_| ())
}

#[test]
fn a_bundle_fails_whole_at_every_position() {
    let mut t = Traders::new();
    let ids: Vec<String> = (1..=3).map(|no| note(&mut t, &format!("B-{no}"))).collect();
    let good = six(&t, &ids);
    for i in 0..good.len() {
        let before = t.world.state.0.clone();
        let mut ops = good.clone();
        // a warning that nobody gave
        ops[i].0 = with_ack(&ops[i].0, &["ZZ:unknown"]);
        assert_eq!(run(&mut t, &ops), Err(Code::LegalAckRequired), "position {i}");
        assert!(before == t.world.state.0, "a refused bundle changed state");
        let mut ops = good.clone();
        ops[i].1 = if ops[i].1 == "vn" { "th" } else { "vn" };
        assert_eq!(run(&mut t, &ops), Err(Code::MissingSigner), "position {i}");
        assert!(before == t.world.state.0, "a refused bundle changed state");
    }
    assert_eq!(run(&mut t, &good), Ok(()));
    for id in &ids {
        let record = t.get(id);
        assert_eq!(record.public.seq, 3);
        assert_eq!(record.party.controller.members(), [t.th.clone()]);
    }
}

#[test]
fn an_op_of_a_bundle_counts_in_it_alone() {
    let mut t = Traders::new();
    let ids = [note(&mut t, "B-1"), note(&mut t, "B-2")];
    let ops = six(&t, &ids[..1]);
    let (vn, th) = (t.vn.clone(), t.th.clone());
    let signed = t.bundle(&[(ops[0].0.clone(), &[&vn]), (ops[1].0.clone(), &[&th])]);
    let code = |t: &mut Traders, ops: &[&Value]| {
        let list = ops.iter().map(|op| (*op).clone()).collect();
        t.run_kind("bundle", Value::object([("ops", Value::List(list))])).map(|_| ()).err()
    };
    // alone, in another order, with another op, without one
    let alone = t.world.run(&signed[0]).error.map(|(number, _)| number);
    assert_eq!(alone, Some(Code::BundleMismatch.number()));
    assert_eq!(code(&mut t, &[&signed[1], &signed[0]]), Some(Code::BundleMismatch));
    assert_eq!(code(&mut t, &[&signed[0]]), Some(Code::LimitExceeded));
    let other = t.signed(&t.op(&ids[1], "offer", t.offer_args(&th, None)), &[&vn]);
    assert_eq!(code(&mut t, &[&signed[0], &other]), Some(Code::BundleMismatch));
    let many: Vec<&Value> = std::iter::repeat_n(&signed[0], 33).collect();
    assert_eq!(code(&mut t, &many), Some(Code::LimitExceeded));
    assert_eq!(code(&mut t, &[&signed[0], &signed[1]]), None);
    // and never again
    assert_eq!(code(&mut t, &[&signed[0], &signed[1]]), Some(Code::StaleSeq));
}

#[test]
fn a_dry_run_of_a_bundle_names_what_each_op_needs() {
    let mut t = Traders::new();
    let id = note(&mut t, "B-1");
    let (vn, th) = (t.vn.clone(), t.th.clone());
    let ops: Vec<(Value, &[&str])> =
        six(&t, &[id]).into_iter().map(|(op, _)| (op, &[][..])).collect();
    let ops: Vec<Op> =
        t.bundle(&ops).into_iter().map(|op| Op::from_value(op).expect("an op reads")).collect();
    let info = BlockInfo {
        chain: &t.world.genesis.chain,
        height: t.world.height + 1,
        time_ms: t.world.time_ms,
    };
    let answers = execute::dry_run_bundle(info, &ops, &t.world.state);
    let needs: Vec<(&str, &str)> = answers
        .iter()
        .flat_map(|answer| &answer.needs)
        .map(|need| (need.role.as_str(), need.party.as_str()))
        .collect();
    assert_eq!(needs, [("K", vn.as_str()), ("N", th.as_str())]);
    assert!(answers.iter().all(|answer| answer.fails.is_none()));
}

#[test]
fn a_staged_bundle_runs_with_its_last_signature_and_not_before() {
    let mut t = Traders::new();
    let id = note(&mut t, "B-1");
    let ops = six(&t, std::slice::from_ref(&id));
    let (vn, th) = (t.vn.clone(), t.th.clone());
    let staged = t.bundle(&[(ops[0].0.clone(), &[&vn]), (ops[1].0.clone(), &[])]);
    let digest = op_digest(&staged[1]);
    let payload = object(&[
        ("op", object(&[("ops", Value::List(staged))])),
        ("untilMs", Value::from(t.world.time_ms + DAY_MS)),
    ]);
    assert_eq!(t.run_kind("stage", payload.clone()).map(|_| ()), Ok(()));
    assert_eq!(t.get(&id).public.seq, 1);
    assert_eq!(t.run_kind("stage", payload).map(|_| ()), Err(Code::BadTransition));
    let cosign = |t: &Traders, party: &str| {
        object(&[
            ("id", Value::from(id.as_str())),
            ("digest", Value::from(digest)),
            ("sig", t.world.signature(&digest, party, 1).to_value()),
        ])
    };
    let stranger = cosign(&t, &t.my);
    assert_eq!(t.run_kind("cosign", stranger).map(|_| ()), Err(Code::UnexpectedSigner));
    let last = cosign(&t, &th);
    assert_eq!(t.run_kind("cosign", last.clone()).map(|_| ()), Ok(()));
    let record = t.get(&id);
    assert_eq!((record.public.seq, record.public.status), (3, Status::Active));
    assert_eq!(record.party.controller.members(), [th]);
    assert_eq!(t.run_kind("cosign", last).map(|_| ()), Err(Code::StageUnknown));
}

#[test]
fn an_agent_signs_within_its_mandate_and_not_beyond() {
    let mut t = Traders::new();
    let (vn, th, my) = (t.vn.clone(), t.th.clone(), t.my.clone());
    // a key of the principal that may hand rights on
    let seed = t.world.fresh_seed();
    let key = t.world.new_key(&vn, seed, &["invoke"], &["etr.*", "access.mandate_*"], 2);
    let args = object(&[
        ("party", Value::from(vn.as_str())),
        ("version", Value::Int(1)),
        ("keys", Value::List(vec![key])),
    ]);
    t.world
        .act(Register::Access, "key_bind", args, &[("VN:NBR", 1)])
        .unwrap_or_else(|code| panic!("key_bind: {}", code.name()));
    t.world.add_key(&vn, 2, seed);
    let sum = object(&[
        ("unit", Value::from("SGD")),
        ("scale", Value::Int(2)),
        ("amount", Value::from("9999")),
    ]);
    let mandate = |version: i64, limit: Option<&Value>| {
        let args = object(&[
            ("party", Value::from(vn.as_str())),
            ("version", Value::Int(version)),
            ("agent", Value::from(my.as_str())),
            ("acts", texts(&["etr.offer"])),
            ("limits", texts(&["promissory-note"])),
            ("untilMs", Value::from(t.world.time_ms + DAY_MS)),
        ]);
        limit.map_or(args.clone(), |limit| args.with("sumLimit", limit.clone()))
    };
    let (small, wide) = (mandate(2, Some(&sum)), mandate(3, None));
    for args in [small, wide] {
        t.world
            .act(Register::Access, "mandate_set", args, &[(&vn, 2)])
            .unwrap_or_else(|code| panic!("mandate_set: {}", code.name()));
    }
    let note = note(&mut t, "B-1");
    let goods = t.issue(&profile("bl-order"), "B-2");
    let by_agent = |t: &mut Traders, id: &str, act: &str, args: Value, no: u64| {
        let op = t.act_op(id, act, args);
        let digest = op_digest(&op);
        let mut signature = t.world.signature(&digest, &my, 1);
        signature.mandate = Some((vn.clone(), no));
        let op = Op::with_signature(&op, &signature);
        titian_tests::world::outcome_of(t.world.run(&op)).map(|_| ())
    };
    let offer = t.offer_args(&th, Some("special"));
    let surrender = t.surrender_args("delivery");
    // one cent too much, another type, another act, no such mandate
    assert_eq!(by_agent(&mut t, &note, "offer", offer.clone(), 1), Err(Code::MandateLimit));
    assert_eq!(by_agent(&mut t, &goods, "offer", offer.clone(), 2), Err(Code::MandateLimit));
    assert_eq!(by_agent(&mut t, &goods, "surrender", surrender, 2), Err(Code::ScopeDenied));
    assert_eq!(by_agent(&mut t, &note, "offer", offer.clone(), 3), Err(Code::MandateLimit));
    assert_eq!(by_agent(&mut t, &note, "offer", offer, 2), Ok(()));
    assert_eq!(t.get(&note).public.status, Status::Offered);
    assert_eq!(bundle::check_count(&[]).err().map(|reject| reject.code), Some(Code::LimitExceeded));
}
