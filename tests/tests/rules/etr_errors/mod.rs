//! Every error of `errors.json` is raised, each by one precondition broken in an op that is sound
//! otherwise; a name that no case raises fails the test. A refused op changes nothing.

mod goods;
mod money;

use std::collections::BTreeSet;

use goods::{content, from_paper, pledges, quantities, surrenders};
use money::{bills, payments, recourse};
use titian_contracts::error::Code;
use titian_contracts::etr::profile::Profile;
use titian_contracts::etr::record::Status;
use titian_contracts::json::{self, Value};
use titian_tests::etr::{DAY_MS, MINUTE_MS, Traders, accept_args, lots, with_ack, with_arg};
use titian_tests::etr_types::{at, object, op_digest, profile, some_digest, texts};

const UETR: &str = "00000000-0000-4000-8000-000000000001";
const COURT: [&str; 4] = ["SG:ACRA#k1", "SG:ACRA#k2", "SG:COURT#k1", "SG:COURT#k2"];

/// The traders, and the errors seen.
struct Cases {
    t: Traders,
    seen: BTreeSet<&'static str>,
    numbers: u64,
    sg: String,
    vn: String,
    th: String,
    my: String,
}

impl Cases {
    fn new() -> Self {
        let t = Traders::new();
        let (sg, vn, th, my) = (t.sg.clone(), t.vn.clone(), t.th.clone(), t.my.clone());
        Self { t, seen: BTreeSet::new(), numbers: 0, sg, vn, th, my }
    }

    fn issue(&mut self, name: &str) -> String {
        self.numbers += 1;
        self.t.issue(&profile(name), &format!("R-{}", self.numbers))
    }

    fn refuse_op(&mut self, op: &Value, parties: &[&str], code: Code) {
        let before = self.t.world.state.0.clone();
        let found = self.t.run_signed(op, parties).err();
        assert_eq!(found.map(Code::name), Some(code.name()), "{}", op.to_jcs());
        assert!(before == self.t.world.state.0, "a refused op changed state");
        self.seen.insert(code.name());
    }

    fn refuse(&mut self, id: &str, act: &str, args: Value, parties: &[&str], code: Code) {
        let op = self.t.act_op(id, act, args);
        self.refuse_op(&op, parties, code);
    }

    fn apply(&mut self, id: &str, act: &str, args: Value, parties: &[&str]) {
        if let Err(code) = self.t.act(id, act, args, parties) {
            panic!("{act}: {}", code.name());
        }
    }

    fn note(&mut self, found: Result<impl Sized, Code>, code: Code) {
        assert_eq!(found.err().map(Code::name), Some(code.name()));
        self.seen.insert(code.name());
    }
}

fn empty() -> Value {
    Value::object::<&str, _>([])
}

fn reason() -> Value {
    object(&[("reason", Value::from("x"))])
}

fn list(items: &[Value]) -> Value {
    Value::List(items.to_vec())
}

fn after(ms: u64) -> Value {
    object(&[("after", object(&[("ms", Value::from(ms))]))])
}

#[test]
fn every_error_of_the_register_is_raised() {
    let mut c = Cases::new();
    frame(&mut c);
    signatures(&mut c);
    opening(&mut c);
    transfers(&mut c);
    conditions(&mut c);
    content(&mut c);
    quantities(&mut c);
    pledges(&mut c);
    surrenders(&mut c);
    from_paper(&mut c);
    bills(&mut c);
    payments(&mut c);
    recourse(&mut c);
    small(&mut c);
    courts(&mut c);
    staging(&mut c);
    profiles(&mut c);
    law(&mut c);
    let data = json::parse(include_bytes!("../../../data/etr/errors.json")).expect("I-JSON");
    let errors = data.get("errors").and_then(Value::as_list).expect("errors");
    let names: BTreeSet<&str> =
        errors.iter().filter_map(|e| e.get("name").and_then(Value::as_text)).collect();
    let never: Vec<&&str> = names.iter().filter(|name| !c.seen.contains(**name)).collect();
    assert!(never.is_empty(), "never raised: {never:?}");
}

fn frame(c: &mut Cases) {
    let (vn, th) = (c.vn.clone(), c.th.clone());
    let id = c.issue("promissory-note");
    let op = c.t.op(&id, "offer", c.t.offer_args(&th, None));
    let zero = Value::from(some_digest("zero"));
    c.refuse_op(&op.with("chain", Value::from("other-1")), &[&vn], Code::Malformed);
    let joint = object(&[("k", Value::Int(3)), ("of", texts(&[&th, &vn]))]);
    let op_joint = with_arg(&op, "to", object(&[("joint", joint)]));
    c.refuse_op(&op_joint, &[&vn], Code::LimitExceeded);
    c.refuse_op(&op.with("bundle", zero.clone()), &[&vn], Code::BundleMismatch);
    let nowhere = op.with("id", Value::from(c.t.id("note", "NONE")));
    c.refuse_op(&nowhere, &[&vn], Code::UnknownRecord);
    c.refuse_op(&op.with("seq", Value::Int(0)), &[&vn], Code::StaleSeq);
    c.refuse_op(&op.with("head", zero.clone()), &[&vn], Code::StaleHead);
    c.refuse_op(&op.with("rulebook", zero), &[&vn], Code::RulebookUnknown);
    c.refuse(&id, "split", object(&[("parts", list(&[]))]), &[&vn], Code::LimitExceeded);
    c.refuse(&id, "lapse", empty(), &[], Code::ActNotInProfile);
    let dead = c.issue("promissory-note");
    let sg = c.sg.clone();
    c.apply(&dead, "cancel", reason(), &[&vn, &sg]);
    c.refuse(&dead, "cancel", reason(), &[&vn, &sg], Code::RecordDead);
}

fn signatures(c: &mut Cases) {
    let (vn, th, my) = (c.vn.clone(), c.th.clone(), c.my.clone());
    let id = c.issue("promissory-note");
    let op = c.t.op(&id, "offer", c.t.offer_args(&th, None));
    c.refuse_op(&op, &[], Code::MissingSigner);
    c.refuse_op(&op, &[&vn, &my], Code::UnexpectedSigner);
    let nobody = with_arg(&op, "to", Value::from("TH-JP-0999999000098-7U"));
    c.refuse_op(&nobody, &[&vn], Code::PartyNotLive);
    let seed = c.t.world.fresh_seed();
    c.t.world.add_key(&vn, 7, seed);
    c.refuse_op(&op, &[&format!("{vn}#k7")], Code::KeyNotActive);
    let forged = c.t.signed(&op, &[&vn]).with("blind", Value::from("ff".repeat(16)));
    c.refuse_op(&forged, &[], Code::BadSignature);
    let poor = c.t.world.register_company("MY:SSM", "BRN", "202401000099", "TITIAN DEMO POOR");
    c.t.world.bind_business_key("MY:SSM", &poor, &["etr.offer"]);
    let args = c.t.offer_args(&poor, None);
    c.apply(&id, "offer", args, &[&vn]);
    c.refuse(&id, "accept", accept_args(), &[&poor], Code::ScopeDenied);
}

fn opening(c: &mut Cases) {
    let (sg, vn) = (c.sg.clone(), c.vn.clone());
    let note = profile("promissory-note");
    let good = c.t.issue_op(&note, "OPEN-1");
    let both = [sg.as_str(), vn.as_str()];
    let arg = |name: &str, value: Value| with_arg(&good, name, value);
    let leaves = at(&good, "args/leaves").as_list().expect("leaves").to_vec();
    let mut swapped = leaves.clone();
    swapped.swap(0, 1);
    c.refuse_op(&arg("leaves", list(&leaves[1..])), &both, Code::FieldMissing);
    c.refuse_op(&arg("leaves", list(&swapped)), &both, Code::ContentMismatch);
    c.refuse_op(&arg("dueMs", Value::Null), &both, Code::BoundFieldMismatch);
    let title = object(&[("kind", Value::from("none"))]);
    c.refuse_op(&arg("title", title), &both, Code::TitleForbidden);
    c.refuse_op(&arg("regime", Value::from("XX-NONE")), &both, Code::RegimeUnknown);
    c.refuse_op(&arg("lots", lots(&[])), &both, Code::LotsInvalid);
    c.refuse_op(&arg("profile", Value::from("promissory-note@2")), &both, Code::UnknownProfile);
    let lower = c.t.issue_op(&note, "open-1");
    c.refuse_op(&lower, &both, Code::RefInvalid);
    c.refuse_op(&good, &[&sg], Code::ReceiverConsentMissing);
    c.refuse_op(&with_ack(&good, &[]), &both, Code::LegalAckRequired);
    c.t.run_signed(&good, &both).expect("it opens");
    c.refuse_op(&good, &both, Code::RecordExists);
    // a withdrawn version issues no more
    c.t.write(|state| titian_contracts::etr::profile::withdraw(state, "cheque@1"));
    let cheque = c.t.issue_op(&profile("cheque"), "OPEN-2");
    let my = c.my.clone();
    c.refuse_op(&cheque, &[&my, &vn], Code::UnknownProfile);
}

fn transfers(c: &mut Cases) {
    let (sg, vn, th, my) = (c.sg.clone(), c.vn.clone(), c.th.clone(), c.my.clone());
    let id = c.issue("promissory-note");
    let args = c.t.offer_args(&th, Some("special"));
    let late = Value::from(c.t.world.time_ms + 40 * DAY_MS);
    c.refuse(&id, "offer", args.with("deadlineMs", late), &[&vn], Code::BadDeadline);
    let to_self = args.with("to", Value::from(vn.as_str()));
    c.refuse(&id, "offer", to_self, &[&vn], Code::SelfTransfer);
    c.refuse(&id, "accept", accept_args(), &[&th], Code::WrongState);
    let firm = args.with("irrevocable", Value::Bool(true));
    c.apply(&id, "offer", firm, &[&vn]);
    c.refuse(&id, "withdraw", empty(), &[&vn], Code::OfferIrrevocable);
    c.refuse(&id, "expire", empty(), &[], Code::NotExpired);
    c.t.world.time_ms += 2 * DAY_MS;
    c.refuse(&id, "accept", accept_args(), &[&th], Code::DeadlinePassed);
    let deliver = |to: &str, endorse: Value, no: Value| {
        object(&[("to", Value::from(to)), ("endorse", endorse), ("consentNo", no)])
    };
    let missing = Code::ReceiverConsentMissing;
    c.refuse(&id, "deliver", deliver(&th, Value::Null, Value::Null), &[&vn], missing);
    c.refuse(&id, "deliver", deliver(&th, Value::Null, Value::Int(1)), &[&vn], missing);
    // control without endorsement: the receiver is not entitled
    c.apply(&id, "deliver", deliver(&th, Value::Null, Value::Null), &[&vn, &th]);
    let args = c.t.offer_args(&my, Some("special"));
    c.refuse(&id, "offer", args, &[&th], Code::NotEntitled);
    let id = c.issue("promissory-note");
    let kind = Value::from("restrictive");
    c.apply(&id, "deliver", deliver(&th, kind, Value::Null), &[&vn, &th]);
    let args = c.t.offer_args(&my, Some("special"));
    c.refuse(&id, "offer", args, &[&th], Code::TitleFinal);
    let blank = object(&[("kind", Value::from("blank"))]);
    c.refuse(&id, "endorse", blank, &[&th], Code::TitleFinal);
    let id = c.issue("promissory-note");
    let conversion = object(&[("kind", Value::from("conversion"))]);
    c.refuse(&id, "endorse", conversion, &[&vn], Code::EndorsementForbidden);
    // a straight bill goes to its consignee only
    let id = c.issue("bl-straight");
    let args = c.t.offer_args(&my, None);
    c.refuse(&id, "offer", args, &[&vn], Code::TransferForbidden);
    let id = c.issue("sea-waybill");
    let args = object(&[("to", Value::from(vn.as_str()))]);
    c.refuse(&id, "assign_control", args, &[&sg, &vn], Code::SelfTransfer);
}

fn payment_tree(c: &Cases, settle_by_ms: u64) -> Value {
    object(&[(
        "payment_attested",
        object(&[
            ("uetr", Value::from(UETR)),
            ("unit", Value::from("SGD")),
            ("amount", Value::from("10000")),
            ("settleByMs", Value::from(settle_by_ms)),
            ("attesters", texts(&[&c.my])),
            ("k", Value::Int(1)),
        ]),
    )])
}

/// An offer against payment: attested, met, and its payment never used again.
fn conditions(c: &mut Cases) {
    let (sg, vn, th, my) = (c.sg.clone(), c.vn.clone(), c.th.clone(), c.my.clone());
    let offer = |c: &Cases, settle_by_ms: u64| {
        let tree = payment_tree(c, settle_by_ms);
        let args = c.t.offer_args(&th, Some("special"));
        args.with("irrevocable", Value::Bool(true)).with("conditions", tree)
    };
    let soon = c.t.world.time_ms + DAY_MS / 2;
    let id = c.issue("promissory-note");
    let revocable = offer(c, soon).with("irrevocable", Value::Bool(false));
    c.refuse(&id, "offer", revocable, &[&vn], Code::ConditionInvalid);
    let tight = offer(c, c.t.world.time_ms + DAY_MS - MINUTE_MS);
    c.refuse(&id, "offer", tight, &[&vn], Code::ConditionInvalid);
    let mut deep = after(1);
    for _ in 0..4 {
        deep = object(&[("all", list(&[deep]))]);
    }
    let args = c.t.offer_args(&th, None).with("conditions", deep);
    c.refuse(&id, "offer", args, &[&vn], Code::ConditionInvalid);
    for round in 0..2 {
        let id = c.issue("promissory-note");
        let args = offer(c, soon);
        let op = c.t.op(&id, "offer", args);
        let digest = op_digest(&op);
        c.t.run_signed(&op, &[&vn]).expect("offered");
        c.refuse(&id, "accept", accept_args(), &[&th], Code::ConditionUnmet);
        let good = c.t.attestation(&my, UETR, 10_000, &id, digest);
        let with = |item: &Value| object(&[("evidence", list(std::slice::from_ref(item)))]);
        let wrong = [
            c.t.attestation(&my, UETR, 9_999, &id, digest),
            c.t.attestation(&sg, UETR, 10_000, &id, digest),
            c.t.attestation(&my, UETR, 10_000, &id, some_digest("other")),
            c.t.attestation(&my, UETR, 10_000, "etr_x", digest),
            good.with("party", Value::from(sg.as_str())),
        ];
        for item in &wrong {
            c.refuse(&id, "accept", with(item), &[&th], Code::EvidenceInvalid);
        }
        if round == 0 {
            c.apply(&id, "accept", with(&good), &[&th]);
        } else {
            c.refuse(&id, "accept", with(&good), &[&th], Code::EvidenceReused);
        }
    }
}

fn small(c: &mut Cases) {
    let (vn, th) = (c.vn.clone(), c.th.clone());
    let id = c.issue("bl-order");
    let note = |code: &str| {
        object(&[("code", Value::from(code)), ("digest", Value::from(some_digest("note")))])
    };
    c.refuse(&id, "annotate", note("gossip"), &[&vn], Code::NoteForbidden);
    let succeed = object(&[
        ("role", Value::from("controller")),
        ("of", Value::from(vn.as_str())),
        ("successor", Value::from(th.as_str())),
    ]);
    c.refuse(&id, "succeed", succeed, &[&th], Code::NoSuccession);
    let id = c.issue("cargo-insurance-certificate");
    c.refuse(&id, "lapse", empty(), &[], Code::NotLapsed);
}

fn courts(c: &mut Cases) {
    let th = c.th.clone();
    let order = Value::from(some_digest("order"));
    let old = c.issue("bl-order");
    let until = |c: &Cases, days: u64| Value::from(c.t.world.time_ms + days * DAY_MS);
    let freeze = |c: &Cases, days: u64| {
        object(&[("order", order.clone()), ("untilMs", until(c, days)), ("permits", texts(&[]))])
    };
    let args = freeze(c, 1);
    c.refuse(&old, "freeze", args, &["SG:ACRA#k1"], Code::CourtDisabled);
    c.t.court(&["freeze", "unfreeze", "court_notice", "court_transfer"]);
    let from = c.t.world.height;
    c.t.court_policy(&["freeze", "unfreeze", "court_notice", "court_transfer"], from, false);
    let args = freeze(c, 1);
    c.refuse(&old, "freeze", args, &COURT, Code::CourtScope);
    let id = c.issue("bl-order");
    let args = freeze(c, 1);
    c.refuse(&id, "freeze", args.clone(), &COURT[1..], Code::CourtQuorum);
    c.refuse(&id, "freeze", args.with("untilMs", Value::Int(1)), &COURT, Code::BadDeadline);
    let long = freeze(c, 91);
    c.refuse(&id, "freeze", long, &COURT, Code::FreezeTooLong);
    let lift = object(&[("order", order.clone())]);
    c.refuse(&id, "unfreeze", lift.clone(), &COURT, Code::NotFrozen);
    c.apply(&id, "freeze", args, &COURT);
    let vn = c.vn.clone();
    let offer = c.t.offer_args(&th, None);
    c.refuse(&id, "offer", offer, &[&vn], Code::Frozen);
    c.refuse(&id, "unfreeze", lift.clone(), &[], Code::CourtQuorum);
    let annul = object(&[("order", order.clone())]);
    c.refuse(&id, "court_annul", annul, &COURT, Code::CourtDisabled);
    let title = object(&[("kind", Value::from("bearer"))]);
    let transfer =
        object(&[("order", order.clone()), ("to", Value::from(th.as_str())), ("title", title)]);
    c.refuse(&id, "court_transfer", transfer.clone(), &COURT, Code::NoticeRunning);
    let notice = object(&[("act", Value::from("court_transfer")), ("order", order)]);
    c.apply(&id, "court_notice", notice, &COURT);
    c.refuse(&id, "court_transfer", transfer.clone(), &COURT, Code::NoticeRunning);
    c.t.world.time_ms += 3 * DAY_MS;
    c.apply(&id, "court_transfer", transfer, &COURT);
    // its day is over: anyone lifts the freeze
    c.apply(&id, "unfreeze", lift, &[]);
    assert_eq!(c.t.get(&id).party.controller.members(), [th]);
}

fn staging(c: &mut Cases) {
    let (vn, th) = (c.vn.clone(), c.th.clone());
    let id = c.issue("promissory-note");
    let deliver = object(&[
        ("to", Value::from(th.as_str())),
        ("endorse", Value::Null),
        ("consentNo", Value::Null),
    ]);
    let op = c.t.act_op(&id, "deliver", deliver);
    let digest = op_digest(&op);
    let cosign = object(&[
        ("id", Value::from(id.as_str())),
        ("digest", Value::from(digest)),
        ("sig", c.t.world.signature(&digest, &th, 1).to_value()),
    ]);
    let found = c.t.run_kind("cosign", cosign.clone());
    c.note(found, Code::StageUnknown);
    let until = Value::from(c.t.world.time_ms + DAY_MS);
    let stage = object(&[("op", c.t.signed(&op, &[&vn])), ("untilMs", until)]);
    let late = stage.with("untilMs", Value::from(c.t.world.time_ms + 40 * DAY_MS));
    let found = c.t.run_kind("stage", late);
    c.note(found, Code::BadDeadline);
    c.t.run_kind("stage", stage).expect("staged");
    let note =
        object(&[("code", Value::from("other")), ("digest", Value::from(some_digest("note")))]);
    c.apply(&id, "annotate", note, &[&vn]);
    let found = c.t.run_kind("cosign", cosign);
    c.note(found, Code::StageStale);
    assert_eq!(c.t.get(&id).public.status, Status::Active);
}

fn profiles(c: &mut Cases) {
    let broken = profile("cheque").without("money");
    let found = Profile::from_value(&broken).map_err(|reject| reject.code);
    c.note(found, Code::ProfileInvalid);
}

/// A state that blocks, for records issued from then on; the obligor's own block only warns.
fn law(c: &mut Cases) {
    use titian_contracts::etr::legal::{BlockSince, Effect, LegalEffect, Policy, put_effect};
    let (sg, vn) = (c.sg.clone(), c.vn.clone());
    let mut entry = LegalEffect {
        ams: "VN".to_owned(),
        class: "*".to_owned(),
        instrument: "none".to_owned(),
        status: "none".to_owned(),
        since_ms: 0,
        citation: "invented".to_owned(),
        excludes: Vec::new(),
        presumption: "none".to_owned(),
        policy: Policy { contractual: Effect::Block, ..Policy::WARN },
        block_since: BlockSince::all(c.t.world.time_ms),
        version: 1,
    };
    c.t.write(|state| put_effect(state, &entry));
    let op = with_ack(&c.t.issue_op(&profile("bl-order"), "LAW-1"), &["VN:contractual"]);
    c.refuse_op(&op, &[&sg, &vn], Code::LegalBlocked);
    entry.policy = Policy::WARN;
    c.t.write(|state| put_effect(state, &entry));
    c.t.run_signed(&op, &[&sg, &vn]).expect("it warns only");
}
