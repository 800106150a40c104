//! Challenges (ubin-api.md §14 T12, T5): who may, the clock, the limits, and that no challenge
//! writes a record.

use crate::ubin_scene::{
    R1, R2, count, evidence, next, quote_reason, record, refused, registered, run, text, ubin_of,
};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};
use titian_contracts::state::Overlay;
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin::challenge::{self, Challenge, ChallengeState};
use titian_contracts::ubin::view::{self, AsOf};
use titian_tests::world::World;

fn args(record: &Value, by: &str, ground: &str) -> Value {
    Value::object([
        ("by", text(by)),
        ("ubin", record.get("ubin").expect("set").clone()),
        ("version", record.get("version").expect("set").clone()),
        ("ground", text(ground)),
        ("fields", Value::List(vec![text("/legalName/value")])),
        ("evidence", evidence()),
    ])
}

fn id_of(world: &World, args: &Value) -> Digest {
    Op::from_value(world.op(Register::Ubin, "challenge_open", args.clone())).expect("op").digest
}

fn opened(world: &mut World, args: &Value, signers: &[(&str, u64)]) -> Digest {
    let id = id_of(world, args);
    world.act(Register::Ubin, "challenge_open", args.clone(), signers).expect("opens");
    id
}

fn by_id(id: Digest) -> Value {
    Value::object([("id", id.into())])
}

fn decision(id: Digest, word: &str) -> Value {
    by_id(id).with("decision", text(word))
}

fn load(world: &World, id: Digest) -> Challenge {
    Challenge::load(&Overlay::new(&world.state), &id).expect("there")
}

/// A world with a record of Singapore, and a business of Malaysia that holds a key.
fn scene() -> (World, Value, String) {
    let (mut world, first) = registered();
    let business = world.register_company("MY:SSM", "BRN", "202401000002", "CHALLENGER");
    world.bind_business_key("MY:SSM", &business, &["etr.*", "ubin.challenge_*"]);
    (world, first, business)
}

#[test]
fn t12_a_challenge_runs_its_course_and_never_writes_the_record() {
    let (mut world, first, business) = scene();
    let number = ubin_of(&first);
    let before = record(&world, &number);
    let id = opened(&mut world, &args(&first, &business, "NAME"), &[(&business, 1)]);
    let at = AsOf { height: world.height, time_ms: world.time_ms };
    let shown = view::get(&Overlay::new(&world.state), &number, at, |_| None);
    assert_eq!(shown.get("quality"), Some(&text("CHALLENGED")));
    assert_eq!(shown.get("challenges").and_then(|c| c.get("open")), Some(&Value::Int(1)));
    let mut expect = |act: &str, args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, act, args, signers).name(), due.name(), "{act}");
    };
    expect("challenge_decide", decision(id, "UPHELD"), R2, Code::ChallengeState);
    expect("challenge_ack", by_id(id), &[("MY:SSM", 1)], Code::NotOwner);
    expect("challenge_ack", by_id(id), &[], Code::QuorumMissing);
    expect("challenge_ack", by_id(Digest::ZERO), R1, Code::NotFound);
    world.act(Register::Ubin, "challenge_ack", by_id(id), R1).expect("by its register");
    let mut expect = |act: &str, args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, act, args, signers).name(), due.name(), "{act}");
    };
    expect("challenge_ack", by_id(id), R1, Code::ChallengeState);
    expect("challenge_decide", decision(id, "UPHELD"), R1, Code::QuorumMissing);
    expect("challenge_decide", decision(id, "UPHELD"), R2, Code::ChallengeNoCorrection);
    expect("challenge_decide", decision(id, "REJECTED"), R2, Code::ReasonRequired);
    expect("challenge_decide", decision(id, "MAYBE"), R2, Code::Malformed);
    expect("challenge_withdraw", by_id(id), R1, Code::NotOwner);
    assert_eq!(record(&world, &number), before, "the record is as it was");
    run(&mut world, "update", &next(&first, &[("sizeClass", text("SMALL"))]), R1).expect("fixed");
    world.act(Register::Ubin, "challenge_decide", decision(id, "UPHELD"), R2).expect("corrected");
    assert_eq!(load(&world, id).state, ChallengeState::Upheld);
    let entity = &record(&world, &number).entity;
    assert!(challenge::open(&Overlay::new(&world.state), entity, "SG").is_empty());
    let withdraw = refused(&mut world, "challenge_withdraw", by_id(id), &[(&business, 1)]);
    assert_eq!(withdraw, Code::ChallengeState);
    for event in ["opened", "acknowledged", "upheld"] {
        assert_eq!(count(&world, "ubin_challenges", &["SG", "2026-07", event]), 1, "{event}");
    }
}

#[test]
fn t12_an_answer_is_late_from_the_millisecond_after_it_was_due() {
    for (ground, acknowledge, decide) in [("NAME", 5, 30), ("PERSONAL_DATA", 1, 3)] {
        let (mut world, first, business) = scene();
        let opened_ms = world.time_ms;
        let id = opened(&mut world, &args(&first, &business, ground), &[(&business, 1)]);
        let due = opened_ms + acknowledge * DAY_MS;
        let open = load(&world, id);
        let shown_overdue = |world: &World, time_ms: u64| {
            let at = AsOf { height: world.height, time_ms };
            let shown = view::get(&Overlay::new(&world.state), &ubin_of(&first), at, |_| None);
            shown.get("challenges").and_then(|c| c.get("overdue")).cloned()
        };
        for (at, late) in [(due - 1, false), (due, false), (due + 1, true)] {
            assert_eq!(open.is_overdue(at), late);
            assert_eq!(shown_overdue(&world, at), Some(Value::from(late)));
        }
        // nothing is forced: it can still be acknowledged late
        world.time_ms = due + 1;
        world.act(Register::Ubin, "challenge_ack", by_id(id), R1).expect("late, but done");
        let due = opened_ms + decide * DAY_MS;
        let acknowledged = load(&world, id);
        for (at, late) in [(due - 1, false), (due, false), (due + 1, true)] {
            assert_eq!(acknowledged.is_overdue(at), late);
            assert_eq!(shown_overdue(&world, at), Some(Value::from(late)));
        }
        world.time_ms = due + 1;
        let rejected = decision(id, "REJECTED").with("reason", text("OTHER"));
        world.act(Register::Ubin, "challenge_decide", rejected, R2).expect("late, but done");
        assert!(!load(&world, id).is_overdue(u64::MAX));
    }
}

#[test]
fn t12_a_state_may_answer_sooner_and_open_challenges_keep_their_times() {
    let (mut world, first, business) = scene();
    let key: &[(&str, u64)] = &[(&business, 1)];
    let clock = |version: i64, days: [i64; 4]| {
        let names = ["acknowledgeDays", "decideDays", "personalDataAcknowledgeDays"];
        let names = names.into_iter().chain(["personalDataDecideDays"]);
        let days = names.zip(days).map(|(name, days)| (name, Value::Int(days)));
        Value::object(
            [("cc", text("SG")), ("version", Value::Int(version))].into_iter().chain(days),
        )
    };
    let root: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
    let before = opened(&mut world, &args(&first, &business, "NAME"), key);
    world.act(Register::Ubin, "challenge_clock", clock(1, [2, 10, 1, 2]), root).expect("shorter");
    let due = |world: &World, id: Digest| {
        let challenge = load(world, id);
        let days = |until: u64| (until - challenge.opened_ms) / DAY_MS;
        (days(challenge.ack_due_ms), days(challenge.decide_due_ms))
    };
    let sooner = opened(&mut world, &args(&first, &business, "STATUS"), key);
    let personal = opened(&mut world, &args(&first, &business, "PERSONAL_DATA"), key);
    assert_eq!([before, sooner, personal].map(|id| due(&world, id)), [(5, 30), (2, 10), (1, 2)]);
    // of another state nothing changed
    let theirs = challenge::Clock::of_state(&Overlay::new(&world.state), "MY");
    assert_eq!(theirs, challenge::Clock::LONGEST);
    // back to what all states have, but never beyond
    let others: &[(&str, u64)] = &[("MY", 1), ("MY", 2)];
    for (days, signers, code) in [
        ([6, 30, 1, 3], root, Code::LimitExceeded),
        ([5, 31, 1, 3], root, Code::LimitExceeded),
        ([5, 30, 2, 3], root, Code::LimitExceeded),
        ([5, 30, 1, 4], root, Code::LimitExceeded),
        ([5, 30, 1, 3], R2, Code::QuorumMissing),
        ([5, 30, 1, 3], others, Code::NotOwner),
    ] {
        let found = refused(&mut world, "challenge_clock", clock(2, days), signers);
        assert_eq!(found.name(), code.name(), "{days:?}");
    }
    world.act(Register::Ubin, "challenge_clock", clock(2, [5, 30, 1, 3]), root).expect("as before");
}

#[test]
fn t05_each_broken_precondition_of_a_challenge_gives_exactly_its_error() {
    let (mut world, first, business) = scene();
    let key: &[(&str, u64)] = &[(&business, 1)];
    let good = args(&first, &business, "NAME");
    let mute = world.register_company("MY:SSM", "BRN", "202501000007", "MUTE");
    world.bind_business_key("MY:SSM", &mute, &["etr.*"]);
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        let code = refused(&mut world, "challenge_open", args.clone(), signers);
        assert_eq!(code.name(), due.name(), "{}", args.to_jcs());
    };
    expect(good.clone(), &[], Code::QuorumMissing);
    expect(good.clone(), R1, Code::NotOwner);
    expect(good.clone(), &[("MY:SSM", 1)], Code::QuorumMissing);
    expect(args(&first, &mute, "NAME"), &[(&mute, 1)], Code::ScopeDenied);
    expect(good.with("by", text("MY")), &[("MY", 1)], Code::Malformed);
    expect(good.with("ground", text("TASTE")), key, Code::Malformed);
    expect(good.with("remark", text("x")), key, Code::Malformed);
    expect(good.with("version", Value::Int(2)), key, Code::VersionConflict);
    let pointers =
        |list: &[&str]| good.with("fields", Value::List(list.iter().map(|p| text(p)).collect()));
    expect(pointers(&["/legalName/S0000000X"]), key, Code::Malformed);
    expect(pointers(&["legalName"]), key, Code::Malformed);
    expect(pointers(&["/activity/123"]), key, Code::Malformed);
    expect(pointers(&["/status/code"; 9]), key, Code::FieldLimit);
    let piece = evidence().as_list().expect("a list")[0].clone();
    expect(good.with("evidence", Value::List(vec![piece; 5])), key, Code::FieldLimit);
    let absent = titian_tests::world::company_body("SG", "UEN", "201912345K", "X");
    expect(good.with("ubin", absent.get("ubin").expect("set").clone()), key, Code::UbinUnknown);
    opened(&mut world, &pointers(&["/activity/12", "/legalName"]), key);
    let replay = pointers(&["/activity/12", "/legalName"]);
    assert_eq!(refused(&mut world, "challenge_open", replay, key), Code::ChallengeState);
}

#[test]
fn t12_three_for_a_challenger_and_fifty_for_a_business() {
    let (mut world, first, business) = scene();
    let key: &[(&str, u64)] = &[(&business, 1)];
    let ids: Vec<Digest> = ["NAME", "STATUS", "ADDRESS"]
        .iter()
        .map(|ground| opened(&mut world, &args(&first, &business, ground), key))
        .collect();
    let fourth = args(&first, &business, "IDENTITY");
    assert_eq!(refused(&mut world, "challenge_open", fourth.clone(), key), Code::ChallengeLimit);
    world.act(Register::Ubin, "challenge_withdraw", by_id(ids[0]), key).expect("its own");
    opened(&mut world, &fourth, key);
    // the same words by another challenger are another challenge
    opened(&mut world, &args(&first, "MY:SSM", "NAME"), &[("MY:SSM", 1)]);
    let mut open = 4;
    for i in 0..16 {
        let other = world.register_company("MY:SSM", "BRN", &format!("2023010{i:05}"), "OTHER");
        world.bind_business_key("MY:SSM", &other, &["ubin.challenge_*"]);
        for ground in ["NAME", "STATUS", "ADDRESS"] {
            let args = args(&first, &other, ground);
            if open < 50 {
                opened(&mut world, &args, &[(&other, 1)]);
                open += 1;
            } else {
                let code = refused(&mut world, "challenge_open", args, &[(&other, 1)]);
                assert_eq!(code, Code::ChallengeLimit);
            }
        }
    }
    assert_eq!(open, 50);
}

#[test]
fn t12_a_duplicate_ground_is_answered_by_a_mark_and_a_renumbered_record_keeps_its_challenges() {
    let (mut world, first, business) = scene();
    let number = ubin_of(&first);
    let id = opened(&mut world, &args(&first, &business, "DUPLICATE"), &[(&business, 1)]);
    world.act(Register::Ubin, "challenge_ack", by_id(id), R1).expect("acknowledged");
    let canonical = world.register_company("SG:ACRA", "UEN", "201912345K", "CANONICAL");
    let mark = quote_reason(&world, &number).with("canonical", text(&canonical));
    world.act(Register::Ubin, "duplicate", mark, R2).expect("marked");
    let other = opened(&mut world, &args(&first, &business, "NAME"), &[(&business, 1)]);
    let new = titian_tests::world::company_body("SG", "UEN", "202012345A", "X");
    let body = next(
        &first,
        &[("ubin", new.get("ubin").expect("set").clone()), ("displayId", text("202012345A"))],
    );
    let renumber = Value::object([("ubin", text(&number.to_string())), ("body", body.clone())]);
    world.act(Register::Ubin, "renumber", renumber, R2).expect("renumbered");
    let at = AsOf { height: world.height, time_ms: world.time_ms };
    let shown = view::get(&Overlay::new(&world.state), &ubin_of(&body), at, |_| None);
    assert_eq!(shown.get("challenges").and_then(|c| c.get("open")), Some(&Value::Int(2)));
    for id in [id, other] {
        if load(&world, id).state == ChallengeState::Open {
            world.act(Register::Ubin, "challenge_ack", by_id(id), R1).expect("acknowledged");
        }
        world.act(Register::Ubin, "challenge_decide", decision(id, "UPHELD"), R2).expect("decided");
    }
}
