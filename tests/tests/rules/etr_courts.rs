//! What ends by itself in what courts do: freezes, notices, and the reach of a policy (etr-profiles.md §5).

use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_tests::etr::{DAY_MS, Traders, with_ack};
use titian_tests::etr_types::{object, profile, some_digest, texts};

use crate::etr_desk::{Desk, merge_args, split_bill};

const COURT: [&str; 4] = ["SG:ACRA#k1", "SG:ACRA#k2", "SG:COURT#k1", "SG:COURT#k2"];

fn freeze(t: &Traders, order: &str, days: u64) -> Value {
    object(&[
        ("order", Value::from(some_digest(order))),
        ("untilMs", Value::from(t.world.time_ms + days * DAY_MS)),
        ("permits", texts(&[])),
    ])
}

fn run(t: &mut Traders, id: &str, act: &str, args: Value, signers: &[&str]) -> Result<(), Code> {
    let op = with_ack(&t.op(id, act, args), &[]);
    t.run_signed(&op, signers).map(|_| ())
}

#[test]
fn etr_a_freeze_is_renewed_by_a_new_order_only() {
    let mut t = Traders::new();
    t.court(&["freeze", "unfreeze"]);
    let id = t.issue(&profile("bl-order"), "COURT-1");
    let first = freeze(&t, "first order", 90);
    assert_eq!(run(&mut t, &id, "freeze", first, &COURT), Ok(()));
    t.world.time_ms += 80 * DAY_MS;
    let again = freeze(&t, "first order", 90);
    assert_eq!(run(&mut t, &id, "freeze", again, &COURT), Err(Code::FreezeTooLong));
    let second = freeze(&t, "second order", 90);
    assert_eq!(run(&mut t, &id, "freeze", second, &COURT), Ok(()));
    // a block has come since, one second long
    let until = t.get(&id).public.frozen.map(|frozen| frozen.until_ms);
    assert_eq!(until, Some(t.world.time_ms - 1_000 + 90 * DAY_MS));
}

#[test]
fn etr_an_order_whose_freeze_ended_freezes_that_record_no_more() {
    let mut t = Traders::new();
    t.court(&["freeze", "unfreeze"]);
    let (id, other) =
        (t.issue(&profile("bl-order"), "COURT-1"), t.issue(&profile("bl-order"), "COURT-2"));
    let lift = |order: &str| object(&[("order", Value::from(some_digest(order)))]);
    let first = freeze(&t, "first", 1);
    assert_eq!(run(&mut t, &id, "freeze", first.clone(), &COURT), Ok(()));
    assert_eq!(run(&mut t, &id, "unfreeze", lift("first"), &COURT), Ok(()));
    assert_eq!(run(&mut t, &id, "freeze", first.clone(), &COURT), Err(Code::FreezeTooLong));
    // one order may be about several records
    assert_eq!(run(&mut t, &other, "freeze", first, &COURT), Ok(()));
    // one that was renewed is spent as well, also when time ended what came after it
    for order in ["second", "third"] {
        let args = freeze(&t, order, 1);
        assert_eq!(run(&mut t, &id, "freeze", args, &COURT), Ok(()), "{order}");
    }
    t.world.time_ms += 2 * DAY_MS;
    assert_eq!(run(&mut t, &id, "unfreeze", lift("third"), &[]), Ok(()));
    for order in ["first", "second", "third"] {
        let args = freeze(&t, order, 1);
        let found = run(&mut t, &id, "freeze", args, &COURT);
        assert_eq!(found, Err(Code::FreezeTooLong), "{order}");
    }
    assert_eq!(t.get(&id).public.frozen, None);
    let fourth = freeze(&t, "fourth", 1);
    assert_eq!(run(&mut t, &id, "freeze", fourth, &COURT), Ok(()));
}

#[test]
fn etr_a_court_gives_a_record_only_title_that_its_type_can_bear() {
    let kinds = ["none", "bearer", "to_order", "named"];
    for (name, borne) in [
        ("bl-order", vec!["bearer", "to_order", "named"]),
        ("ncd", vec!["bearer", "to_order"]),
        ("delivery-order", vec!["bearer", "to_order"]),
        ("bl-straight", vec!["named"]),
        ("sea-waybill", vec!["none"]),
    ] {
        let mut t = Traders::new();
        t.court(&["court_notice", "court_transfer"]);
        let order = Value::from(some_digest("order"));
        let th = Value::from(t.th.as_str());
        for (no, kind) in kinds.iter().enumerate() {
            let id = t.issue(&profile(name), &format!("COURT-{no}"));
            let notice =
                object(&[("act", Value::from("court_transfer")), ("order", order.clone())]);
            assert_eq!(run(&mut t, &id, "court_notice", notice, &COURT), Ok(()), "{name}");
            t.world.time_ms += 3 * DAY_MS;
            let title = object(&[("kind", Value::from(*kind))]);
            let titled = ["to_order", "named"].contains(kind);
            let title = if titled { title.with("party", th.clone()) } else { title };
            let args = object(&[("order", order.clone()), ("to", th.clone()), ("title", title)]);
            let expected = if borne.contains(kind) { Ok(()) } else { Err(Code::TitleForbidden) };
            let before = t.get(&id);
            let found = run(&mut t, &id, "court_transfer", args, &COURT);
            assert_eq!(found, expected, "{name}, {kind}");
            let after = t.get(&id);
            if found.is_ok() {
                assert_eq!(after.party.title.kind.text(), *kind);
                assert_eq!(after.party.controller.members(), [t.th.clone()]);
            } else {
                assert_eq!(after, before);
            }
        }
    }
}

#[test]
fn etr_a_notice_that_lapsed_hinders_no_merger() {
    let mut desk = Desk::new();
    desk.traders.court(&["court_notice", "court_transfer"]);
    let (_, children) = split_bill(&mut desk);
    let t = &mut desk.traders;
    let notice = object(&[
        ("act", Value::from("court_transfer")),
        ("order", Value::from(some_digest("order"))),
    ]);
    let given = t.world.time_ms;
    assert_eq!(run(t, &children[0], "court_notice", notice, &COURT), Ok(()));
    let args = merge_args(t, &children[1]);
    let (sg, th) = (t.sg.clone(), t.th.clone());
    // three days until it may be acted on, and thirty in which it may
    t.world.time_ms = given + 33 * DAY_MS;
    let found = run(t, &children[0], "merge", args.clone(), &[&th, &sg]);
    assert_eq!(found, Err(Code::MergeMismatch));
    t.world.time_ms = given + 33 * DAY_MS + 1;
    assert_eq!(run(t, &children[0], "merge", args, &[&th, &sg]), Ok(()));
}

#[test]
fn etr_a_policy_reaches_older_records_ninety_days_after_it_took_effect() {
    let mut t = Traders::new();
    t.court(&["freeze"]);
    let id = t.issue(&profile("bl-order"), "COURT-1");
    let (height, begun) = (t.world.height + 1, t.world.time_ms);
    t.court_policy(&["freeze"], height, true);
    t.world.time_ms = begun + 90 * DAY_MS - 1;
    let args = freeze(&t, "order", 1);
    assert_eq!(run(&mut t, &id, "freeze", args, &COURT), Err(Code::CourtScope));
    t.world.time_ms += 1;
    let args = freeze(&t, "order", 1);
    assert_eq!(run(&mut t, &id, "freeze", args, &COURT), Ok(()));
}
