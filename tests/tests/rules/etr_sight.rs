//! Who is a party to a record, and of whom it is known since when it is none.

use titian_contracts::etr::person::identity;
use titian_contracts::etr::view::{Standing, roles_in, standing};
use titian_contracts::json::Value;
use titian_contracts::state::Overlay;
use titian_tests::etr::{DAY_MS, Traders};
use titian_tests::etr_types::{object, some_digest};

/// A bill of VN, offered to TH a day and more ago.
fn offered(t: &mut Traders) -> String {
    let (vn, th) = (t.vn.clone(), t.th.clone());
    let id = t.issued_bill("SGPU1");
    offer(t, &id, &th);
    assert_eq!(stands(t, &id, &th), Standing::Party);
    assert_eq!(stands(t, &id, &vn), Standing::Party);
    t.world.time_ms += 2 * DAY_MS;
    id
}

fn offer(t: &mut Traders, id: &str, to: &str) {
    let (vn, args) = (t.vn.clone(), t.offer_args(to, Some("special")));
    run(t, id, "offer", args, &vn);
}

fn run(t: &mut Traders, id: &str, act: &str, args: Value, by: &str) {
    t.act(id, act, args, &[by]).unwrap_or_else(|code| panic!("{act}: {}", code.name()));
}

fn note(t: &mut Traders, id: &str) {
    let vn = t.vn.clone();
    let digest = Value::from(some_digest("note"));
    run(t, id, "annotate", object(&[("code", Value::from("other")), ("digest", digest)]), &vn);
}

fn stands(t: &Traders, id: &str, ubin: &str) -> Standing {
    let state = Overlay::new(&t.world.state);
    standing(&state, id, &identity(&state, ubin))
}

#[test]
fn etr_who_let_an_offer_lapse_does_not_see_the_act_that_came_next() {
    let mut t = Traders::new();
    let (th, my) = (t.th.clone(), t.my.clone());
    let id = offered(&mut t);
    let before = t.world.height;
    offer(&mut t, &id, &my);
    let former = Standing::Former { until: before };
    assert_eq!(stands(&t, &id, &th), former);
    assert!(roles_in(&Overlay::new(&t.world.state), &id, &th).is_empty());
    assert_eq!(stands(&t, &id, &my), Standing::Party);
    run(&mut t, &id, "refuse", object(&[("reason", Value::Null)]), &my);
    note(&mut t, &id);
    assert_eq!(stands(&t, &id, &th), former);
    // asked again it is a party again
    offer(&mut t, &id, &th);
    assert_eq!(stands(&t, &id, &th), Standing::Party);
}

#[test]
fn etr_who_leaves_a_record_by_an_act_sees_what_it_led_to_and_nothing_after() {
    for act in ["refuse", "withdraw", "expire"] {
        let mut t = Traders::new();
        let (vn, th) = (t.vn.clone(), t.th.clone());
        let id = offered(&mut t);
        let (args, by) = match act {
            "refuse" => (object(&[("reason", Value::Null)]), vec![th.as_str()]),
            "withdraw" => (object(&[]), vec![vn.as_str()]),
            _ => (object(&[]), Vec::new()),
        };
        if act != "expire" {
            // in time
            t.world.time_ms -= 2 * DAY_MS;
        }
        t.act(&id, act, args, &by).unwrap_or_else(|code| panic!("{act}: {}", code.name()));
        let left = t.world.height;
        assert_eq!(stands(&t, &id, &th), Standing::Party, "{act}");
        note(&mut t, &id);
        assert_eq!(stands(&t, &id, &th), Standing::Former { until: left }, "{act}");
    }
}

#[test]
fn etr_who_let_an_offer_lapse_but_has_another_role_stays_a_party() {
    let mut t = Traders::new();
    let (sg, my) = (t.sg.clone(), t.my.clone());
    let id = t.issued_bill("SGPU1");
    // to the carrier itself
    offer(&mut t, &id, &sg);
    t.world.time_ms += 2 * DAY_MS;
    offer(&mut t, &id, &my);
    assert_eq!(stands(&t, &id, &sg), Standing::Party);
    assert_eq!(roles_in(&Overlay::new(&t.world.state), &id, &sg), ["issuer", "obligor"]);
}
