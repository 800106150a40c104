//! Moves across a border: two signatures, one flip (ubin-api.md §14 T6). Neither state can act
//! alone, in no order, and a consent is used once.

use crate::ubin_scene::{
    R1, R2, body_args, count, moved, next, quote, quote_reason, record, refused, registered,
    relation, run, status, text, ubin_of,
};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};
use titian_contracts::state::Overlay;
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin;
use titian_contracts::ubin::identifier::Ubin;
use titian_tests::world::{START_MS, World, company_body};

const MY1: &[(&str, u64)] = &[("MY:SSM", 1)];
pub(crate) const MY2: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];
const GAINING: &str = "202401000002";

pub(crate) fn consent_args(record: &Value, kind: &str) -> Value {
    let args = Value::object([
        ("kind", text(kind)),
        ("ubin", record.get("ubin").expect("set").clone()),
        ("version", record.get("version").expect("set").clone()),
        ("toAms", text("MY")),
        ("toScheme", text("BRN")),
        ("expiresMs", Value::from(START_MS + 90 * DAY_MS)),
    ]);
    if kind == "MERGE" { args.with("successorUbin", text(&gaining().to_string())) } else { args }
}

pub(crate) fn gaining() -> Ubin {
    ubin_of(&company_body("MY", "BRN", GAINING, "X"))
}

/// The body of the gaining side: same entity, version 1.
pub(crate) fn continued(old: &Value) -> Value {
    company_body("MY", "BRN", GAINING, "TITIAN DEMO SDN BHD")
        .with("entity", old.get("entity").expect("set").clone())
        .with("relations", relation("RELOCATED_FROM", &ubin_of(old).to_string()))
        .with("validFrom", text("2026-07-01"))
}

fn id_of(world: &World, act: &str, args: &Value) -> Digest {
    Op::from_value(world.op(Register::Ubin, act, args.clone())).expect("an op").digest
}

/// Gives a consent and its id.
pub(crate) fn consented(world: &mut World, args: &Value) -> Digest {
    let id = id_of(world, "consent_out", args);
    world.act(Register::Ubin, "consent_out", args.clone(), R2).expect("two officers consent");
    id
}

pub(crate) fn continue_args(body: &Value, consent: Digest) -> Value {
    body_args(body).with("consent", consent.into())
}

fn by_id(id: Digest) -> Value {
    Value::object([("id", id.into())])
}

const KINDS: [&str; 2] = ["RELOCATE", "MERGE"];

/// A company of Singapore, and for a merger the survivor of Malaysia.
fn two_sides(kind: &str) -> (World, Value) {
    let (mut world, first) = registered();
    if kind == "MERGE" {
        let survivor = company_body("MY", "BRN", GAINING, "SURVIVOR");
        run(&mut world, "register", &survivor, MY1).expect("the registrar may register");
    }
    (world, first)
}

/// The act of the gaining side that uses a consent, and its arguments.
fn using(world: &World, kind: &str, first: &Value, id: Digest) -> (&'static str, Value) {
    if kind == "RELOCATE" {
        return ("continue_in", continue_args(&continued(first), id));
    }
    let args = quote_reason(world, &gaining())
        .with("date", text("2026-07-01"))
        .with("consents", Value::List(vec![id.into()]));
    ("merge_in", args)
}

#[test]
fn t06_a_relocation_flips_both_sides_in_one_transaction() {
    let (mut world, first) = registered();
    let old = ubin_of(&first);
    world.bind_business_key("SG:ACRA", &old.to_string(), &["etr.*"]);
    let before = record(&world, &old);
    let id = consented(&mut world, &consent_args(&first, "RELOCATE"));
    assert_eq!(record(&world, &old), before, "a consent changes nothing on the record");
    let receipt = world
        .act(Register::Ubin, "continue_in", continue_args(&continued(&first), id), MY2)
        .expect("the gaining state uses it");
    assert_eq!(receipt.events.len(), 2, "one event for each side");
    let (closed, begun) = (record(&world, &old), record(&world, &gaining()));
    let closure = closed.meta.closure.clone().expect("closed");
    assert_eq!(closure.status.name(), "RELOCATED");
    assert_eq!((closure.successor, closure.date.as_str()), (gaining().to_string(), "2026-07-01"));
    assert_eq!((begun.entity.clone(), begun.version), (closed.entity, 1));
    assert!(begun.is_live());
    for (metric, cells) in [
        ("ubin_flow", vec!["SG", "2026-07", "relocated_out"]),
        ("ubin_flow", vec!["MY", "2026-07", "relocated_in"]),
        ("ubin_crossborder", vec!["SG", "MY", "RELOCATED"]),
        ("ubin_stock", vec!["SG", "UEN", "GENERAL", "NONE", "RELOCATED"]),
        ("ubin_stock", vec!["MY", "BRN", "GENERAL", "NONE", "ACTIVE"]),
    ] {
        assert_eq!(count(&world, metric, &cells), 1, "{metric} {cells:?}");
    }
    let state = Overlay::new(&world.state);
    let (actor, _) = ubin::resolve_actor(&state, &old.to_string(), world.time_ms).expect("follows");
    assert_eq!(actor.ubin, gaining().to_string());
    assert!(!ubin::actor(&state, &old.to_string()).expect("closed, not gone").live);
    // the old state cannot write its record, nor the new one the old record
    let update = body_args(&next(&first, &[("sizeClass", text("SMALL"))]));
    assert_eq!(refused(&mut world, "update", update.clone(), R1), Code::TerminalStatus);
    assert_eq!(refused(&mut world, "update", update, MY1), Code::NotOwner);
    // used once
    let again = continue_args(&continued(&first), id);
    assert_eq!(refused(&mut world, "continue_in", again, MY2), Code::ConsentUsed);
    assert_eq!(refused(&mut world, "consent_withdraw", by_id(id), R1), Code::ConsentUsed);
}

#[test]
fn t06_the_gaining_side_first_finds_no_consent() {
    for kind in KINDS {
        let (mut world, first) = two_sides(kind);
        let args = consent_args(&first, kind);
        let id = id_of(&world, "consent_out", &args);
        let (act, use_it) = using(&world, kind, &first, id);
        assert_eq!(refused(&mut world, act, use_it.clone(), MY2), Code::ConsentMissing, "{kind}");
        let sealed = world.sign(&world.op(Register::Ubin, act, use_it), MY2);
        // both in one block, in the wrong order: the first fails, nothing is flipped
        let consent = world.sign(&world.op(Register::Ubin, "consent_out", args), R2);
        let block = [World::transaction(&sealed), World::transaction(&consent)];
        let receipts = world.run_transactions(&block);
        assert_eq!(receipts[0].error.as_ref().map(|e| e.0), Some(Code::ConsentMissing.number()));
        assert_eq!(receipts[1].error, None);
        assert!(record(&world, &ubin_of(&first)).is_live(), "{kind}");
        // the same op, carried again, works now
        assert_eq!(world.run(&sealed).error, None, "{kind}");
        assert!(!record(&world, &ubin_of(&first)).is_live(), "{kind}");
    }
}

#[test]
fn t06_a_consent_expires_is_withdrawn_or_voided_by_a_later_version() {
    let use_it = |world: &mut World, kind: &str, first: &Value, id| {
        let (act, args) = using(world, kind, first, id);
        world.act(Register::Ubin, act, args, MY2).map(|_| ())
    };
    for (kind, late_ms, due) in
        KINDS.iter().flat_map(|kind| [(*kind, 0, Ok(())), (*kind, 1, Err(Code::ConsentExpired))])
    {
        let (mut world, first) = two_sides(kind);
        let id = consented(&mut world, &consent_args(&first, kind));
        world.time_ms = START_MS + 90 * DAY_MS - 1 + late_ms;
        assert_eq!(use_it(&mut world, kind, &first, id), due, "{kind}");
        assert_eq!(record(&world, &ubin_of(&first)).is_live(), due.is_err(), "{kind}");
    }
    for kind in KINDS {
        let (mut world, first) = two_sides(kind);
        let args = consent_args(&first, kind);
        let id = consented(&mut world, &args);
        assert_eq!(refused(&mut world, "consent_withdraw", by_id(id), MY1), Code::NotOwner);
        world.act(Register::Ubin, "consent_withdraw", by_id(id), R1).expect("before it is used");
        assert_eq!(use_it(&mut world, kind, &first, id), Err(Code::ConsentMissing), "{kind}");
        let again = refused(&mut world, "consent_withdraw", by_id(id), R1);
        assert_eq!(again, Code::ConsentMissing, "{kind}");
        let replay = refused(&mut world, "consent_out", args.clone(), R2);
        assert_eq!(replay, Code::ConsentExists, "{kind}");
        let sooner = args.with("expiresMs", Value::from(START_MS + 30 * DAY_MS));
        let id = consented(&mut world, &sooner);
        let second = next(&first, &[("sizeClass", text("SMALL"))]);
        run(&mut world, "update", &second, R1).expect("the record moves on");
        assert_eq!(use_it(&mut world, kind, &first, id), Err(Code::ConsentMismatch), "{kind}");
        assert!(record(&world, &ubin_of(&first)).is_live(), "{kind}");
        let id = consented(&mut world, &consent_args(&second, kind));
        let used = use_it(&mut world, kind, &second, id);
        assert_eq!(used, Ok(()), "{kind}: a voided consent stands in no one's way");
        assert_eq!(use_it(&mut world, kind, &second, id), Err(Code::ConsentUsed), "{kind}");
    }
}

#[test]
fn t05_each_broken_precondition_of_a_move_gives_exactly_its_error() {
    let (mut world, first) = registered();
    let args = consent_args(&first, "RELOCATE");
    let mut expect = |act: &str, args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, act, args.clone(), signers).name(), due.name(), "{act}");
    };
    expect("consent_out", args.clone(), R1, Code::QuorumMissing);
    expect("consent_out", args.clone(), MY2, Code::NotOwner);
    expect("consent_out", args.with("kind", text("SELL")), R2, Code::Malformed);
    expect("consent_out", args.with("kind", text("MERGE")), R2, Code::Malformed);
    expect("consent_out", args.with("version", Value::Int(2)), R2, Code::VersionConflict);
    expect("consent_out", args.with("toAms", text("SG")), R2, Code::Malformed);
    expect("consent_out", args.with("toAms", text("XX")), R2, Code::UbinCountryUnknown);
    expect("consent_out", args.with("toScheme", text("ABC")), R2, Code::UbinSchemeUnknown);
    expect("consent_out", args.with("toScheme", text("ROC")), R2, Code::SchemeNotPrimary);
    let singapore = first.get("ubin").expect("set").clone();
    expect("consent_out", args.with("successorUbin", singapore), R2, Code::Malformed);
    let absent = ubin_of(&company_body("SG", "UEN", "201912345K", "X")).to_string();
    expect("consent_out", args.with("ubin", text(&absent)), R2, Code::UbinUnknown);
    expect("consent_withdraw", by_id(Digest::ZERO), R1, Code::ConsentMissing);
    for expires_ms in [DAY_MS - 1, 180 * DAY_MS + 1] {
        let args = args.with("expiresMs", Value::from(world.time_ms + expires_ms));
        assert_eq!(refused(&mut world, "consent_out", args, R2), Code::LimitExceeded);
    }
    let longest = args.with("expiresMs", Value::from(world.time_ms + 180 * DAY_MS));
    let id = consented(&mut world, &longest);
    assert_eq!(refused(&mut world, "consent_out", args, R2), Code::ConsentExists);
    let body = continued(&first);
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "continue_in", args, signers).name(), due.name());
    };
    let good = continue_args(&body, id);
    expect(good.clone(), MY1, Code::QuorumMissing);
    expect(good.clone(), R2, Code::NotOwner);
    expect(continue_args(&body, Digest::ZERO), MY2, Code::ConsentMissing);
    let elsewhere = company_body("TH", "JP", "0105536112014", "X");
    let thai = body.with("ubin", elsewhere.get("ubin").expect("set").clone());
    expect(continue_args(&thai, id), &[("TH:DBD", 1), ("TH:DBD", 2)], Code::ConsentMismatch);
    let surrogate = company_body("MY", "SUR", "7K3M9QX2TB4V", "X");
    let other = body.with("ubin", surrogate.get("ubin").expect("set").clone());
    expect(continue_args(&other, id), MY2, Code::ConsentMismatch);
    let own = company_body("MY", "BRN", GAINING, "X").get("entity").expect("set").clone();
    expect(continue_args(&body.with("entity", own), id), MY2, Code::BadTransition);
    let suspended = body.with("status", status("SUSPENDED"));
    expect(continue_args(&suspended, id), MY2, Code::BadTransition);
    expect(continue_args(&body.without("relations"), id), MY2, Code::Malformed);
    expect(continue_args(&body.with("version", Value::Int(2)), id), MY2, Code::VersionConflict);
    run(&mut world, "register", &company_body("MY", "BRN", GAINING, "X"), MY1).expect("applies");
    assert_eq!(refused(&mut world, "continue_in", good, MY2), Code::UbinExists);
}

#[test]
fn t06_a_named_successor_binds_the_gaining_state() {
    let (mut world, first) = registered();
    let named = company_body("MY", "BRN", "202501000007", "X");
    let args = consent_args(&first, "RELOCATE")
        .with("successorUbin", named.get("ubin").expect("set").clone());
    let id = consented(&mut world, &args);
    let other = continue_args(&continued(&first), id);
    assert_eq!(refused(&mut world, "continue_in", other, MY2), Code::ConsentMismatch);
    let body = continued(&first)
        .with("ubin", named.get("ubin").expect("set").clone())
        .with("displayId", text("202501000007"));
    world.act(Register::Ubin, "continue_in", continue_args(&body, id), MY2).expect("as named");
}

#[test]
fn t06_undoing_a_relocation_needs_both_states_and_never_gives_two_lives() {
    let (mut world, first) = registered();
    let id = consented(&mut world, &consent_args(&first, "RELOCATE"));
    let body = continued(&first);
    world.act(Register::Ubin, "continue_in", continue_args(&body, id), MY2).expect("applies");
    let clear =
        body_args(&next(&first, &[])).with("reason", text("ERROR")).with("clear", text("CLOSURE"));
    assert_eq!(refused(&mut world, "correct", clear.clone(), R2), Code::SuccessorLive);
    let annul = quote_reason(&world, &gaining());
    assert_eq!(refused(&mut world, "annul", annul.clone(), R2), Code::NotOwner);
    world.act(Register::Ubin, "annul", annul, MY2).expect("the gaining side first");
    world.act(Register::Ubin, "correct", clear, R2).expect("then the losing side");
    assert!(record(&world, &ubin_of(&first)).is_live());
    // I5: the gaining record cannot come back to life beside it
    let revive =
        body_args(&next(&body, &[])).with("reason", text("ERROR")).with("clear", text("MARK"));
    assert_eq!(refused(&mut world, "correct", revive, MY2), Code::SuccessorLive);
    // nor by dissolving, undoing, and restoring
    let (mut world, first) = registered();
    let id = consented(&mut world, &consent_args(&first, "RELOCATE"));
    world.act(Register::Ubin, "continue_in", continue_args(&body, id), MY2).expect("applies");
    let ended = moved(&body, "DISSOLVED");
    run(&mut world, "dissolve", &ended, MY2).expect("the gaining record ends");
    let clear =
        body_args(&next(&first, &[])).with("reason", text("ERROR")).with("clear", text("CLOSURE"));
    world.act(Register::Ubin, "correct", clear, R2).expect("the successor is not live");
    let restored = moved(&ended, "ACTIVE");
    assert_eq!(run(&mut world, "restore", &restored, MY2).err(), Some(Code::SuccessorLive));
}

#[test]
fn t06_a_merger_across_a_border_needs_one_consent_for_each_absorbed_record() {
    let (mut world, first) = registered();
    let absorbed = ubin_of(&first);
    run(&mut world, "register", &company_body("MY", "BRN", GAINING, "SURVIVOR"), MY1).expect("ok");
    let other = company_body("SG", "UEN", "201912345K", "X");
    run(&mut world, "register", &other, R1).expect("ok");
    let args = |world: &World, ids: &[Digest]| {
        quote_reason(world, &gaining())
            .with("date", text("2026-07-01"))
            .with("consents", Value::List(ids.iter().map(|id| (*id).into()).collect()))
    };
    let id = consented(&mut world, &consent_args(&first, "MERGE"));
    let move_out = consented(&mut world, &consent_args(&other, "RELOCATE"));
    let good = args(&world, &[id]);
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "merge_in", args, signers).name(), due.name());
    };
    expect(good.clone(), MY1, Code::QuorumMissing);
    expect(good.clone(), R2, Code::NotOwner);
    expect(good.without("reason"), MY2, Code::ReasonRequired);
    expect(good.with("version", Value::Int(2)), MY2, Code::VersionConflict);
    expect(good.with("consents", Value::List(Vec::new())), MY2, Code::Malformed);
    expect(good.with("consents", Value::List(vec![id.into(), id.into()])), MY2, Code::Malformed);
    expect(good.with("consents", Value::List(vec![id.into(); 17])), MY2, Code::FieldLimit);
    expect(
        good.with("consents", Value::List(vec![Digest::ZERO.into()])),
        MY2,
        Code::ConsentMissing,
    );
    let mixed = good.with("consents", Value::List(vec![id.into(), move_out.into()]));
    expect(mixed, MY2, Code::ConsentMismatch);
    let body = continued(&first);
    let wrong_kind = continue_args(&body, id);
    assert_eq!(refused(&mut world, "continue_in", wrong_kind, MY2), Code::ConsentMismatch);
    world.act(Register::Ubin, "merge_in", good.clone(), MY2).expect("with the consent");
    assert_eq!(record(&world, &absorbed).shown_status().name(), "MERGED");
    assert!(record(&world, &ubin_of(&other)).is_live(), "only what was consented to");
    assert_eq!(count(&world, "ubin_crossborder", &["SG", "MY", "MERGED"]), 1);
    assert_eq!(count(&world, "ubin_flow", &["SG", "2026-07", "merged"]), 1);
    assert_eq!(refused(&mut world, "merge_in", good, MY2), Code::ConsentUsed);
    let domestic = quote_reason(&world, &gaining())
        .with("date", text("2026-07-01"))
        .with("absorbed", Value::List(vec![quote(&world, &ubin_of(&other))]));
    assert_eq!(refused(&mut world, "merge", domestic, MY2), Code::NotOwner);
}

#[test]
fn t06_no_quorum_of_other_states_moves_a_record() {
    let (mut world, first) = registered();
    let others = ["BN:ROCBN", "ID:AHU", "MY:SSM", "TH:DBD", "VN:NBR"];
    let signers: Vec<(&str, u64)> = others.iter().flat_map(|p| [(*p, 1), (*p, 2)]).collect();
    let args = consent_args(&first, "RELOCATE");
    assert_eq!(refused(&mut world, "consent_out", args, &signers), Code::NotOwner);
}
