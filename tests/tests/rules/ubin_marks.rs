//! Correction, annulment, duplicates, conversion and merger: what each writes, and each
//! precondition broken in turn (ubin-api.md §14 T5).

use crate::ubin_scene::{
    LOCAL, R1, R2, body, body_args, company, count, moved, next, quote, quote_reason, record,
    refused, registered, relation, run, status, text, ubin_of,
};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::succession;
use titian_contracts::ubin::{self, view};
use titian_tests::world::{World, company_body};

const OTHER: &str = "201912345K";

fn second(world: &mut World) -> (Ubin, Value) {
    let body = company(world, "SG:ACRA", "UEN", OTHER);
    (ubin_of(&body), body)
}

fn corrected(old: &Value, members: &[(&str, Value)]) -> Value {
    body_args(&next(old, members)).with("reason", text("ERROR"))
}

#[test]
fn t05_correct_may_change_any_field_and_be_dated_back() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let changes = [
        ("registeredOn", text("2020-01-01")),
        ("validFrom", text("2020-01-01")),
        ("status", status("RESERVED")),
        ("category", text("COOPERATIVE")),
    ];
    let args = corrected(&first, &changes);
    assert_eq!(refused(&mut world, "correct", args.clone(), R1), Code::QuorumMissing);
    assert_eq!(
        refused(&mut world, "correct", args.without("reason"), R2),
        Code::ReasonRequired,
        "a reason in the status is not one of the correction"
    );
    let entity = corrected(&first, &[("entity", text("ent_x"))]);
    assert_eq!(refused(&mut world, "correct", entity, R2), Code::BadTransition);
    for clear in ["MARK", "CLOSURE"] {
        let nothing = args.with("clear", text(clear));
        assert_eq!(refused(&mut world, "correct", nothing, R2), Code::BadTransition);
    }
    let unknown = args.with("clear", text("ALL"));
    assert_eq!(refused(&mut world, "correct", unknown, R2), Code::Malformed);
    let ended = corrected(&first, &[("status", status("MERGED"))]);
    assert_eq!(refused(&mut world, "correct", ended, R2), Code::BadTransition);
    let stale = args.with("body", first.with("version", Value::Int(3)));
    assert_eq!(refused(&mut world, "correct", stale, R2), Code::VersionConflict);
    let absent = corrected(&company_body("SG", "UEN", OTHER, "X"), &[]);
    assert_eq!(refused(&mut world, "correct", absent, R2), Code::UbinUnknown);
    world.act(Register::Ubin, "correct", args, R2).expect("two officers with a reason");
    let record = record(&world, &number);
    assert_eq!((record.version, record.valid_from.as_str()), (2, "2020-01-01"));
    assert_eq!(count(&world, "ubin_stock", &["SG", "UEN", "GENERAL", "NONE", "ACTIVE"]), 0);
    assert_eq!(count(&world, "ubin_stock", &["SG", "UEN", "COOPERATIVE", "NONE", "RESERVED"]), 1);
}

#[test]
fn t05_annul_marks_the_record_and_only_a_correction_takes_the_mark_away() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let args = quote_reason(&world, &number);
    let mut expect = |args: &Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "annul", args.clone(), signers).name(), due.name());
    };
    expect(&args, R1, Code::QuorumMissing);
    expect(&args, &[("MY:SSM", 1), ("MY:SSM", 2)], Code::NotOwner);
    expect(&args, &[("SG", 1), ("SG", 2)], Code::ScopeDenied);
    expect(&args.without("reason"), R2, Code::ReasonRequired);
    expect(&args.with("reason", text("WHIM")), R2, Code::Malformed);
    expect(&args.with("remark", text("x")), R2, Code::Malformed);
    expect(&args.with("version", Value::Int(2)), R2, Code::VersionConflict);
    expect(&args.with("metaSeq", Value::Int(1)), R2, Code::VersionConflict);
    let absent = ubin_of(&company_body("SG", "UEN", OTHER, "X")).to_string();
    expect(&args.with("ubin", text(&absent)), R2, Code::UbinUnknown);
    world.act(Register::Ubin, "annul", args.clone(), R2).expect("registered in error");
    let annulled = record(&world, &number);
    assert!(!annulled.is_live() && annulled.is_final());
    assert_eq!((annulled.meta.seq, annulled.version), (1, 1));
    assert_eq!(view::quality(&annulled, &[], 400, world.time_ms), "ANNULLED");
    assert_eq!(count(&world, "ubin_stock", &["SG", "UEN", "GENERAL", "NONE", "ACTIVE"]), 0);
    assert_eq!(refused(&mut world, "annul", args, R2), Code::TerminalStatus);
    let again = body().with("validFrom", text("2026-07-01"));
    assert_eq!(refused(&mut world, "register", body_args(&again), R1), Code::UbinExists);
    assert_eq!(
        refused(&mut world, "update", body_args(&next(&first, &[])), R1),
        Code::TerminalStatus
    );
    let kept = corrected(&first, &[]);
    world.act(Register::Ubin, "correct", kept.clone(), R2).expect("a correction keeps the mark");
    assert!(record(&world, &number).meta.mark.is_some());
    let second = kept.get("body").expect("set").clone();
    let cleared = corrected(&second, &[]).with("clear", text("MARK"));
    world.act(Register::Ubin, "correct", cleared, R2).expect("and takes it away");
    let record = record(&world, &number);
    assert!(record.is_live());
    assert_eq!((record.meta.seq, record.version), (2, 3));
    assert_eq!(count(&world, "ubin_stock", &["SG", "UEN", "GENERAL", "NONE", "ACTIVE"]), 1);
}

#[test]
fn t05_a_duplicate_points_to_an_unmarked_record_for_good() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let (canonical, other) = second(&mut world);
    let args = |world: &World, ubin: &Ubin, to: &Ubin| {
        quote_reason(world, ubin).with("canonical", Value::from(to.to_string()))
    };
    let good = args(&world, &number, &canonical);
    let mut expect = |args: &Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "duplicate", args.clone(), signers).name(), due.name());
    };
    expect(&good, R1, Code::QuorumMissing);
    expect(&good.without("reason"), R2, Code::ReasonRequired);
    expect(&good.with("canonical", Value::from(number.to_string())), R2, Code::CanonicalInvalid);
    let absent = ubin_of(&company_body("SG", "UEN", "202012345A", "X")).to_string();
    expect(&good.with("canonical", text(&absent)), R2, Code::CanonicalInvalid);
    let foreign = ubin_of(&company_body("MY", "BRN", "202401000002", "X")).to_string();
    expect(&good.with("canonical", text(&foreign)), R2, Code::NotOwner);
    expect(&good.with("metaSeq", Value::Int(7)), R2, Code::VersionConflict);
    world.act(Register::Ubin, "duplicate", good, R2).expect("the other stands for it");
    let marked = record(&world, &number);
    assert!(!marked.is_live() && !marked.is_final(), "it may still be updated");
    assert_eq!(view::quality(&marked, &[], 400, world.time_ms), "DUPLICATE");
    assert_eq!(record(&world, &canonical).duplicates, 1);
    // I6: the record it points to takes no mark
    let back = args(&world, &canonical, &number);
    assert_eq!(refused(&mut world, "duplicate", back, R2), Code::CanonicalInvalid);
    let third = company(&mut world, "SG:ACRA", "UEN", "202012345A");
    let onward = args(&world, &canonical, &ubin_of(&third));
    assert_eq!(refused(&mut world, "duplicate", onward.clone(), R2), Code::CanonicalInvalid);
    let annul = quote_reason(&world, &canonical);
    assert_eq!(refused(&mut world, "annul", annul, R2), Code::CanonicalInvalid);
    let cleared = corrected(&first, &[]).with("clear", text("MARK"));
    world.act(Register::Ubin, "correct", cleared, R2).expect("no duplicate after all");
    assert!(record(&world, &number).is_live());
    assert_eq!(record(&world, &canonical).duplicates, 0);
    world.act(Register::Ubin, "duplicate", onward, R2).expect("now it may be marked");
    run(&mut world, "update", &next(&other, &[("sizeClass", text("SMALL"))]), R1)
        .expect("a duplicate is still kept up to date");
    let annul = quote_reason(&world, &canonical);
    world.act(Register::Ubin, "annul", annul, R2).expect("one mark replaces another");
    assert_eq!(record(&world, &ubin_of(&third)).duplicates, 0);
}

#[test]
fn t05_convert_closes_the_old_record_and_registers_its_successor() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let old = number.to_string();
    let new = company_body("SG", "UEN", "T24LL0001A", "TITIAN DEMO LLP")
        .with("relations", relation("SUCCESSOR_OF", &old));
    let args = |body: &Value| {
        Value::object([
            ("body", body.clone()),
            ("ubin", text(&old)),
            ("version", Value::Int(1)),
            ("metaSeq", Value::Int(0)),
            ("reason", text("REQUEST")),
        ])
    };
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "convert", args, signers).name(), due.name());
    };
    expect(args(&new), R1, Code::QuorumMissing);
    expect(args(&new).without("reason"), R2, Code::ReasonRequired);
    expect(args(&new).with("version", Value::Int(2)), R2, Code::VersionConflict);
    expect(args(&first.with("relations", relation("SUCCESSOR_OF", &old))), R2, Code::UbinExists);
    expect(args(&new.without("relations")), R2, Code::Malformed);
    expect(args(&new.with("status", status("RESERVED"))), R2, Code::BadTransition);
    expect(
        args(&new.with("entity", first.get("entity").expect("set").clone())),
        R2,
        Code::Malformed,
    );
    expect(args(&new.with("version", Value::Int(2))), R2, Code::VersionConflict);
    let foreign = company_body("MY", "BRN", "202401000002", "X");
    expect(args(&foreign), &[("MY:SSM", 1), ("MY:SSM", 2)], Code::NotOwner);
    expect(
        args(&company_body("SG", "UEN", "1994038654", "X").without("displayId")),
        R2,
        Code::LocalFormat,
    );
    world.act(Register::Ubin, "convert", args(&new), R2).expect("both in one transaction");
    let closed = record(&world, &number);
    let closure = closed.meta.closure.clone().expect("closed");
    assert_eq!(closure.status.name(), "CONVERTED");
    assert_eq!(closure.successor, ubin_of(&new).to_string());
    assert_eq!((closed.version, closed.meta.seq), (1, 1));
    assert!(record(&world, &ubin_of(&new)).is_live());
    assert_eq!(refused(&mut world, "convert", args(&new), R2), Code::TerminalStatus);
    let (actor, quality) =
        ubin::resolve_actor(&Overlay::new(&world.state), &old, world.time_ms).expect("followed");
    assert_eq!((actor.ubin, quality), (ubin_of(&new).to_string(), "CURRENT"));
    let clear = corrected(&first, &[]).with("clear", text("CLOSURE"));
    assert_eq!(refused(&mut world, "correct", clear, R2), Code::SuccessorLive);
}

#[test]
fn t05_merge_closes_all_absorbed_records_or_none() {
    let (mut world, first) = registered();
    let survivor = ubin_of(&first);
    let (one, one_body) = second(&mut world);
    let two = ubin_of(&company(&mut world, "SG:ACRA", "UEN", "202012345A"));
    let args = |world: &World, absorbed: &[&Ubin]| {
        let list = absorbed.iter().map(|ubin| quote(world, ubin)).collect();
        quote_reason(world, &survivor)
            .with("date", text("2026-07-01"))
            .with("absorbed", Value::List(list))
    };
    let good = args(&world, &[&one, &two]);
    let dissolved = moved(&one_body, "DISSOLVED");
    let mut ended = World::new();
    run(&mut ended, "register", &body(), R1).expect("applies");
    run(&mut ended, "register", &one_body, R1).expect("applies");
    run(&mut ended, "dissolve", &dissolved, R2).expect("applies");
    let dead = args(&ended, &[&one]);
    assert_eq!(refused(&mut ended, "merge", dead, R2), Code::BadTransition);
    let into_dead = quote_reason(&ended, &one)
        .with("date", text("2026-07-01"))
        .with("absorbed", Value::List(vec![quote(&ended, &survivor)]));
    assert_eq!(refused(&mut ended, "merge", into_dead, R2), Code::SurvivorInvalid);
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "merge", args, signers).name(), due.name());
    };
    expect(good.clone(), R1, Code::QuorumMissing);
    expect(good.without("reason"), R2, Code::ReasonRequired);
    expect(good.with("date", text("2026-07-04")), R2, Code::FutureEffective);
    expect(good.with("date", text("2026-13-04")), R2, Code::Malformed);
    expect(good.with("absorbed", Value::List(Vec::new())), R2, Code::Malformed);
    let item = |ubin: &Ubin, seq: i64| {
        Value::object([
            ("ubin", Value::from(ubin.to_string())),
            ("version", Value::Int(1)),
            ("metaSeq", Value::Int(seq)),
        ])
    };
    let list = |items: Vec<Value>| good.with("absorbed", Value::List(items));
    expect(list(vec![item(&one, 0); 2]), R2, Code::Malformed);
    let many = (0..17)
        .map(|i| item(&ubin_of(&company_body("SG", "UEN", &format!("2020100{i:02}A"), "X")), 0));
    expect(list(many.collect()), R2, Code::FieldLimit);
    expect(list(vec![item(&one, 1)]), R2, Code::VersionConflict);
    expect(list(vec![item(&one, 0), item(&survivor, 0)]), R2, Code::SurvivorInvalid);
    let absent = ubin_of(&company_body("SG", "UEN", "202112345A", "X"));
    expect(list(vec![item(&one, 0), item(&absent, 0)]), R2, Code::UbinUnknown);
    let foreign = ubin_of(&company_body("MY", "BRN", "202401000002", "X"));
    expect(list(vec![item(&foreign, 0)]), R2, Code::NotOwner);
    expect(good.with("ubin", Value::from(absent.to_string())), R2, Code::SurvivorInvalid);
    expect(good.with("version", Value::Int(2)), R2, Code::VersionConflict);
    let receipt = world.act(Register::Ubin, "merge", good.clone(), R2).expect("one transaction");
    let subjects: Vec<&str> = receipt.events.iter().map(|e| e.subject.as_str()).collect();
    assert_eq!(subjects, [one.to_string(), two.to_string()], "one event per closed record");
    for absorbed in [&one, &two] {
        let closed = record(&world, absorbed);
        assert_eq!(closed.shown_status().name(), "MERGED");
        let state = Overlay::new(&world.state);
        let end = succession::resolve(&state, absorbed).expect("the survivor goes on");
        assert_eq!((end.ubin, end.hops), (survivor.clone(), 1));
    }
    assert_eq!(count(&world, "ubin_flow", &["SG", "2026-07", "merged"]), 2);
    assert_eq!(refused(&mut world, "merge", good, R2), Code::TerminalStatus);
}

#[test]
fn t05_a_number_of_loaded_history_leads_to_its_successor_within_eight_hops() {
    let mut world = World::new();
    let locals: Vec<String> = (0..11).map(|i| format!("2024000{i:02}A")).collect();
    let bodies: Vec<Value> =
        locals.iter().map(|local| company_body("SG", "UEN", local, "CHAIN")).collect();
    for (i, body) in bodies.iter().enumerate() {
        let merged = match bodies.get(i + 1) {
            Some(next) => body
                .with("status", status("MERGED"))
                .with("relations", relation("MERGED_INTO", &ubin_of(next).to_string())),
            None => body.clone(),
        };
        run(&mut world, "register", &merged, R1).expect("history may be loaded");
    }
    let state = Overlay::new(&world.state);
    let from = |i: usize| succession::resolve(&state, &ubin_of(&bodies[i]));
    assert_eq!(from(2).map(|end| end.hops), Ok(8));
    assert_eq!(from(1), Err(Code::SuccessionTooLong));
    assert_eq!(
        succession::resolve(&state, &ubin_of(&company_body("SG", "UEN", LOCAL, "X"))),
        Err(Code::UbinUnknown)
    );
}
