//! The places that a record has for staged ops: who has no say in it keeps nobody from them.

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::staging::{self, StageState};
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_tests::etr::{DAY_MS, Traders, accept_args, lots, with_ack};
use titian_tests::etr_types::{object, op_digest, some_digest};

use crate::etr_limits::code;

const MOST: usize = limits::ETR_STAGES_MAX;

/// Stages an op, or the ops of a bundle, for a day.
fn stage(t: &mut Traders, op: Value) -> Option<Code> {
    let until = Value::from(t.world.time_ms + DAY_MS);
    code(t.run_kind("stage", object(&[("op", op), ("untilMs", until)])))
}

fn stage_by(t: &mut Traders, op: &Value, party: &str) -> Option<Code> {
    let signed = t.signed(op, &[party]);
    stage(t, signed)
}

/// The same op under another digest.
fn variant(op: &Value, no: usize) -> Value {
    op.with("blind", Value::from(format!("{no:032x}")))
}

fn open(t: &Traders, id: &str) -> Vec<Digest> {
    let state = Overlay::new(&t.world.state);
    staging::open_of(&state, id, t.world.time_ms).into_iter().map(|(digest, _)| digest).collect()
}

fn state_of(t: &Traders, id: &str, op: &Value) -> StageState {
    let state = Overlay::new(&t.world.state);
    staging::staged(&state, id, op_digest(op)).expect("it was staged").0.state
}

fn deliver(t: &Traders, id: &str, to: &str) -> Value {
    let args =
        object(&[("to", Value::from(to)), ("endorse", Value::Null), ("consentNo", Value::Null)]);
    t.op(id, "deliver", args)
}

fn split(t: &Traders, id: &str) -> Value {
    let part = |kg: &str| {
        object(&[("lots", lots(&[("1", "KGM", 0, kg)])), ("pledges", Value::List(Vec::new()))])
    };
    t.op(id, "split", object(&[("parts", Value::List(vec![part("5000"), part("7000")]))]))
}

fn cosign(t: &mut Traders, id: &str, op: &Value, party: &str) -> Option<Code> {
    let digest = op_digest(op);
    let sig = t.world.signature(&digest, party, 1).to_value();
    let payload = [("id", Value::from(id)), ("digest", Value::from(digest)), ("sig", sig)];
    code(t.run_kind("cosign", object(&payload)))
}

#[test]
fn etr_outsiders_have_one_place_on_a_record_and_give_way_to_its_parties() {
    let mut t = Traders::new();
    let (sg, vn, th, my) = (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone());
    let id = t.issued_bill("SGPU1");
    let taken = deliver(&t, &id, &th);
    assert_eq!(stage_by(&mut t, &taken, &th), None);
    let more = variant(&taken, 1);
    assert_eq!(stage_by(&mut t, &more, &th), Some(Code::LimitExceeded));
    let other = deliver(&t, &id, &my);
    assert_eq!(stage_by(&mut t, &other, &my), Some(Code::LimitExceeded));
    // the controller has all places, at the expense of the outsider
    let splits: Vec<Value> = (0..=MOST).map(|no| variant(&split(&t, &id), no)).collect();
    for op in &splits[..MOST] {
        assert_eq!(stage_by(&mut t, op, &vn), None);
    }
    let digests: Vec<Digest> = splits[..MOST].iter().map(op_digest).collect();
    assert_eq!(open(&t, &id), digests);
    assert_eq!(state_of(&t, &id, &taken), StageState::Removed);
    assert_eq!(cosign(&mut t, &id, &taken, &vn), Some(Code::StageUnknown));
    // its own ops do not give way, to nobody
    for (op, party) in [(&splits[MOST], &vn), (&splits[MOST], &sg), (&other, &my)] {
        assert_eq!(stage_by(&mut t, op, party), Some(Code::LimitExceeded));
    }
    assert_eq!(cosign(&mut t, &id, &splits[0], &sg), None);
    assert_eq!(t.get(&id).party.into.len(), 2);
}

#[test]
fn etr_a_record_s_places_go_to_controller_obligor_and_other_parties_in_this_order() {
    let mut t = Traders::new();
    let (sg, vn, th, my) = (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone());
    let id = t.issued_bill("SGPU1");
    let on = object(&[("after", object(&[("ms", Value::Int(1))]))]);
    let pledge = object(&[
        ("to", Value::from(th.as_str())),
        ("lots", lots(&[("1", "KGM", 0, "12000")])),
        ("terms", Value::from(some_digest("terms"))),
        ("on", on),
        ("cureS", Value::Int(60)),
    ]);
    t.act(&id, "pledge", pledge, &[&vn, &th]).expect("pledged");
    let ops: Vec<Value> = (0..12).map(|no| variant(&split(&t, &id), no)).collect();
    let outside = deliver(&t, &id, &my);
    assert_eq!(stage_by(&mut t, &outside, &my), None);
    // one whom the outsider asks for took it up: it is not the outsider's any more
    let asked = variant(&deliver(&t, &id, &my), 1);
    assert_eq!(stage_by(&mut t, &ops[0], &th), None);
    assert_eq!(cosign(&mut t, &id, &outside, &th), None);
    assert_eq!(stage_by(&mut t, &asked, &my), None);
    assert_eq!(stage_by(&mut t, &ops[1], &th), None);
    // the pledgee takes the outsider's place, the obligor those of both, the oldest first
    assert_eq!(stage_by(&mut t, &ops[2], &th), None);
    let digests = |ops: &[&Value]| ops.iter().map(|op| op_digest(op)).collect::<Vec<_>>();
    assert_eq!(open(&t, &id), digests(&[&outside, &ops[0], &ops[1], &ops[2]]));
    assert_eq!(stage_by(&mut t, &ops[3], &th), Some(Code::LimitExceeded));
    for op in &ops[4..6] {
        assert_eq!(stage_by(&mut t, op, &sg), None);
    }
    assert_eq!(open(&t, &id), digests(&[&ops[1], &ops[2], &ops[4], &ops[5]]));
    for op in &ops[6..9] {
        assert_eq!(stage_by(&mut t, op, &vn), None);
    }
    assert_eq!(open(&t, &id), digests(&[&ops[5], &ops[6], &ops[7], &ops[8]]));
    // and not the other way round
    for party in [&sg, &th] {
        assert_eq!(stage_by(&mut t, &ops[9], party), Some(Code::LimitExceeded));
    }
    assert_eq!(stage_by(&mut t, &ops[9], &vn), None);
    assert_eq!(stage_by(&mut t, &ops[10], &vn), Some(Code::LimitExceeded));
}

#[test]
fn etr_outsiders_do_not_keep_an_issuer_from_staging_the_issue_of_its_number() {
    let mut t = Traders::new();
    let (sg, th) = (t.sg.clone(), t.th.clone());
    let issue = with_ack(&t.bill("SGPU9", &th), &["TH:unknown"]);
    let id = t.id("transport", "SGPU9");
    let issues: Vec<Value> = (0..6).map(|no| variant(&issue, no)).collect();
    assert_eq!(stage_by(&mut t, &issues[0], &th), None);
    assert_eq!(stage_by(&mut t, &issues[1], &th), Some(Code::LimitExceeded));
    for op in &issues[2..6] {
        assert_eq!(stage_by(&mut t, op, &sg), None);
    }
    let digests: Vec<Digest> = issues[2..6].iter().map(op_digest).collect();
    assert_eq!(open(&t, &id), digests);
    assert_eq!(cosign(&mut t, &id, &issues[3], &th), None);
    assert_eq!(t.get(&id).party.controller.members(), [th]);
}

#[test]
fn etr_a_staged_bundle_of_outsiders_gives_way_as_a_whole() {
    let mut t = Traders::new();
    let (vn, th) = (t.vn.clone(), t.th.clone());
    let (id, other) = (t.issued_bill("SGPU1"), t.issued_bill("SGPU2"));
    let by = [th.as_str()];
    let mut ops = Vec::new();
    for id in [&id, &other] {
        let accept = t.op(id, "accept", accept_args());
        ops.push((t.op(id, "offer", t.offer_args(&th, Some("special"))), &[][..]));
        ops.push((with_ack(&accept, &["TH:unknown", "VN:unknown"]), &by[..]));
    }
    let ops = t.bundle(&ops);
    let bundle = object(&[("ops", Value::List(ops.clone()))]);
    assert_eq!(stage(&mut t, bundle), None);
    assert_eq!((open(&t, &id).len(), open(&t, &other).len()), (2, 2));
    let one_more = deliver(&t, &id, &th);
    assert_eq!(stage_by(&mut t, &one_more, &th), Some(Code::LimitExceeded));
    let splits: Vec<Value> = (0..3).map(|no| variant(&split(&t, &id), no)).collect();
    for op in &splits {
        assert_eq!(stage_by(&mut t, op, &vn), None);
    }
    assert_eq!(open(&t, &id), splits.iter().map(op_digest).collect::<Vec<_>>());
    assert!(open(&t, &other).is_empty());
    for (op, id) in ops.iter().zip([&id, &id, &other, &other]) {
        assert_eq!(state_of(&t, id, op), StageState::Removed);
    }
    // who signed it may stage it again, under another digest, where there is room
    assert_eq!(stage_by(&mut t, &one_more, &th), None);
}
