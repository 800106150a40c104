//! Errors of bills, payments and recourse.

use titian_contracts::error::Code;
use titian_contracts::etr::record::End;
use titian_contracts::execute::{self, BlockInfo};
use titian_contracts::json::Value;
use titian_contracts::op::Op;
use titian_tests::etr::{DAY_MS, accept_args, with_arg};
use titian_tests::etr_types::{DUE_MS, at, object, op_digest, profile, some_digest, texts};

use super::{Cases, empty, list, reason};

fn present(c: &Cases, what: &str, attesters: &[&str]) -> Value {
    object(&[
        ("for", Value::from(what)),
        ("attesters", texts(attesters)),
        ("deadlineMs", Value::from(c.t.world.time_ms + DAY_MS)),
    ])
}

pub fn bills(c: &mut Cases) {
    let (sg, vn, my) = (c.sg.clone(), c.vn.clone(), c.my.clone());
    let id = c.issue("bill-of-exchange");
    let args = present(c, "payment", &[]);
    c.refuse(&id, "present", args, &[&vn], Code::TooEarly);
    // until the drawee accepts, the drawer stands in its place
    c.refuse(&id, "cancel", reason(), &[&vn, &sg], Code::MissingSigner);
    let args = present(c, "acceptance", &[]);
    c.apply(&id, "present", args, &[&vn]);
    let sum = |amount: &str| object(&[("amount", Value::from(amount)), ("variation", Value::Null)]);
    c.refuse(&id, "bill_accept", sum("10001"), &[&sg], Code::AmountExceeds);
    c.refuse(&id, "bill_accept", sum("9000"), &[&sg], Code::MissingSigner);
    c.apply(&id, "bill_accept", sum("9000"), &[&sg, &vn]);
    let args = present(c, "acceptance", &[]);
    c.refuse(&id, "present", args, &[&vn], Code::AlreadyAccepted);
    c.refuse(&id, "cancel", reason(), &[&vn, &my], Code::MissingSigner);
    c.apply(&id, "cancel", reason(), &[&vn, &sg]);
}

pub fn payments(c: &mut Cases) {
    let (sg, vn, th, my) = (c.sg.clone(), c.vn.clone(), c.th.clone(), c.my.clone());
    let id = c.issue("promissory-note");
    let pay = |amount: &str, evidence: &[Value]| {
        object(&[("amount", Value::from(amount)), ("evidence", list(evidence))])
    };
    c.refuse(&id, "pay", pay("1", &[]), &[&sg], Code::MissingSigner);
    c.refuse(&id, "pay", pay("10001", &[]), &[&sg, &vn], Code::AmountExceeds);
    c.apply(&id, "pay", pay("4000", &[]), &[&sg, &vn]);
    // an attester named at issue speaks for the controller, once it is due
    let note = profile("promissory-note");
    let op = with_arg(&c.t.issue_op(&note, "ATTESTED-1"), "attesters", texts(&[&my]));
    let digest = op_digest(&op);
    c.t.run_signed(&op, &[&sg, &vn]).expect("issued");
    let id = c.t.id_of(&note, "ATTESTED-1");
    let uetr = "00000000-0000-4000-8000-000000000002";
    let word = |c: &Cases, who: &str, amount: u64| c.t.attestation(who, uetr, amount, &id, digest);
    let early = word(c, &my, 2_500);
    c.refuse(&id, "pay", pay("2500", &[early]), &[&sg], Code::TooEarly);
    c.t.world.time_ms = c.t.world.time_ms.max(DUE_MS);
    let stranger = word(c, &th, 2_500);
    c.refuse(&id, "pay", pay("2500", &[stranger]), &[&sg], Code::EvidenceInvalid);
    let good = word(c, &my, 2_500);
    c.apply(&id, "pay", pay("2500", &[good]), &[&sg]);
    let again = word(c, &my, 2_500);
    c.refuse(&id, "pay", pay("2500", &[again]), &[&sg], Code::EvidenceReused);
    assert_eq!(c.t.get(&id).party.lots[0].amount, 7_500);
    // one named when presenting speaks while the presentment stands
    let op = c.t.op(&id, "present", present(c, "payment", &[&th]));
    let digest = op_digest(&op);
    c.t.run_signed(&op, &[&vn]).expect("presented");
    let uetr = "00000000-0000-4000-8000-000000000003";
    let good = c.t.attestation(&th, uetr, 7_500, &id, digest);
    c.apply(&id, "pay", pay("7500", &[good]), &[&sg]);
    assert_eq!(c.t.get(&id).public.end, Some(End::Discharged));
}

pub fn recourse(c: &mut Cases) {
    let (sg, vn, th, my) = (c.sg.clone(), c.vn.clone(), c.th.clone(), c.my.clone());
    let id = c.issue("bill-of-exchange");
    let digest = object(&[("digest", Value::from(some_digest("protest")))]);
    let against = |who: &str| object(&[("against", Value::from(who))]);
    c.refuse(&id, "protest", digest.clone(), &[&vn], Code::NotDishonoured);
    let notify = object(&[("to", texts(&[&my]))]);
    c.refuse(&id, "notify", notify, &[&vn], Code::NotDishonoured);
    c.refuse(&id, "recourse", against(&my), &[&vn], Code::NotDishonoured);
    for (from, to) in [(&vn, &th), (&th, &sg)] {
        let args = c.t.offer_args(to, Some("special"));
        c.apply(&id, "offer", args, &[from]);
        c.apply(&id, "accept", accept_args(), &[to]);
    }
    // no answer by the deadline is dishonour
    let args = present(c, "acceptance", &[]);
    c.apply(&id, "present", args, &[&sg]);
    c.t.world.time_ms += 2 * DAY_MS;
    c.apply(&id, "expire", empty(), &[]);
    let payer = |who: &str| object(&[("payer", Value::from(who))]);
    c.refuse(&id, "recourse_pay", payer(&vn), &[&vn, &sg], Code::NoRecourse);
    c.refuse(&id, "recourse", against(&sg), &[&sg], Code::NoRecourse);
    c.apply(&id, "recourse", against(&th), &[&sg]);
    c.apply(&id, "recourse_pay", payer(&th), &[&th, &sg]);
    // who paid has recourse against those before, not after
    c.refuse(&id, "recourse", against(&sg), &[&th], Code::NoRecourse);
    c.apply(&id, "recourse", against(&vn), &[&th]);
    c.apply(&id, "recourse_pay", payer(&vn), &[&vn, &th]);
    c.refuse(&id, "recourse", against(&th), &[&vn], Code::NoRecourse);
    c.apply(&id, "recourse", against(&my), &[&vn]);
    // a type of bill that asks for a protest
    let strict = profile("bill-of-exchange");
    let money = at(&strict, "money").with("protest", Value::from("required"));
    let strict = strict.with("id", Value::from("bill-protested")).with("money", money);
    c.t.write(|state| {
        titian_contracts::etr::profile::install(state, &strict).expect("a sound profile");
    });
    let op = c.t.issue_op(&strict, "STRICT-1");
    c.t.run_signed(&op, &[&my, &vn]).expect("issued");
    let id = c.t.id_of(&strict, "STRICT-1");
    let args = present(c, "acceptance", &[]);
    c.apply(&id, "present", args, &[&vn]);
    c.apply(&id, "dishonour", reason(), &[&sg]);
    c.refuse(&id, "recourse", against(&my), &[&vn], Code::ProtestMissing);
    c.apply(&id, "protest", digest, &[&vn]);
    c.apply(&id, "recourse", against(&my), &[&vn]);
}

/// A sum that is too large and a part where none is allowed have one code: what is wrong is told apart.
#[test]
fn etr_a_payment_in_part_is_told_from_one_that_is_too_large() {
    let mut c = Cases::new();
    let id = c.issue("cheque");
    let told = |amount: &str| {
        let args = object(&[("amount", Value::from(amount)), ("evidence", list(&[]))]);
        let op = Op::from_value(c.t.op(&id, "pay", args)).expect("an op reads");
        let world = &c.t.world;
        let info = BlockInfo {
            chain: &world.genesis.chain,
            height: world.height + 1,
            time_ms: world.time_ms,
        };
        let fails = execute::dry_run(info, op, &world.state).fails.expect("refused");
        assert_eq!(fails.code.name(), Code::AmountExceeds.name());
        fails.to_string()
    };
    assert!(told("10001").contains(Code::AmountExceeds.meaning()));
    assert!(told("4000").contains("in full, not in parts"));
}
