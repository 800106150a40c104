//! The acts of the UBIN register: what each writes, each precondition broken in turn, personal
//! data on every path, and the invariants I1 to I5 and I9 under random acts of random keys
//! (ubin-api.md §14 T4, T5, T8, T9, T11, T20).

use std::collections::BTreeMap;

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::{self, BlockInfo, Receipt};
use titian_contracts::json::{self, Value};
use titian_contracts::op::{Op, Register};
use titian_contracts::state::{Overlay, decode_content};
use titian_contracts::time::DAY_MS;
use titian_contracts::transaction::TransactionId;
use titian_contracts::ubin::body::{Draft, body_hash, name_commitment};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Entry, Record, entity_id, find, ubin_of_key};
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::view::{self, AsOf};
use titian_contracts::ubin::vocabulary::{Category, Status};
use titian_contracts::ubin::{self, counter};
use titian_tests::world::{START_MS, World, company_body};

use crate::ubin_identifier::Random;

const OPS: &[u8] = include_bytes!("../../data/ledger/ops.json");
const R1: &[(&str, u64)] = &[("SG:ACRA", 1)];
const R2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
/// A company number of SG-UEN with a right national check.
const LOCAL: &str = "199403865N";

fn text(value: &str) -> Value {
    Value::from(value)
}

fn body() -> Value {
    company_body("SG", "UEN", LOCAL, "TITIAN DEMO PTE LTD")
}

fn ubin(body: &Value) -> Ubin {
    let canonical = body.get("ubin").and_then(Value::as_text).expect("a body has a number");
    Ubin::parse_canonical(canonical).expect("canonical")
}

fn body_args(body: &Value) -> Value {
    Value::object([("body", body.clone())])
}

fn record(world: &World, ubin: &Ubin) -> Record {
    find(&Overlay::new(&world.state), ubin).expect("registered").1
}

/// The body of the next version: `old` with version, prev and the given members.
fn next(old: &Value, members: &[(&str, Value)]) -> Value {
    let version = old.get("version").and_then(Value::as_int).expect("a version");
    let next = old.with("version", Value::Int(version + 1)).with("prev", body_hash(old).into());
    members.iter().fold(next, |body, (name, value)| body.with(name, value.clone()))
}

fn status(code: &str) -> Value {
    Value::object([("code", text(code)), ("since", text("2026-06-30"))])
}

fn evidence() -> Value {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let piece = Value::object([("type", text("FILING")), ("digest", text(&digest))]);
    Value::List(vec![piece])
}

/// The next version with a status, and what goes with it.
fn moved(old: &Value, code: &str) -> Value {
    let mut members = vec![("status", status(code)), ("evidence", evidence())];
    if code == "DISSOLVED" {
        members.push(("endedOn", text("2026-06-30")));
    }
    let body = next(old, &members);
    if code == "DISSOLVED" { body } else { body.without("endedOn") }
}

/// Runs a body act with a reason.
fn run(world: &mut World, act: &str, body: &Value, signers: &[(&str, u64)]) -> Result<Receipt, Code> {
    let args = match act {
        "register" | "update" | "confirm" => body_args(body),
        _ => body_args(body).with("reason", text("REQUEST")),
    };
    world.act(Register::Ubin, act, args, signers)
}

/// The error of an act, after making sure that it changed nothing.
fn refused(world: &mut World, act: &str, args: Value, signers: &[(&str, u64)]) -> Code {
    let before = world.state.0.clone();
    let code = world.act(Register::Ubin, act, args, signers).expect_err("the act is refused");
    assert_eq!(world.state.0, before, "a refused act changes nothing");
    code
}

/// A world with `body()` registered.
fn registered() -> (World, Value) {
    let mut world = World::new();
    let body = body();
    run(&mut world, "register", &body, R1).expect("the registrar may register");
    (world, body)
}

#[test]
fn the_published_op_reproduces_with_its_digest_body_hash_and_transaction() {
    let file = json::parse(OPS).expect("JSON");
    let ops = file.get("ops").and_then(Value::as_list).expect("a list");
    let of_ubin = |op: &&Value| op.get("register").and_then(Value::as_text) == Some("ubin");
    let vector = ops.iter().find(of_ubin).expect("one op per register");
    let member = |name: &str| vector.get(name).and_then(Value::as_text).expect("a text");
    let value = json::parse_canonical(member("op").as_bytes()).expect("canonical");
    let op = Op::from_value(value.clone()).expect("an op");
    assert_eq!(op.digest.to_string(), member("opDigest"));
    let (hash, body) = ubin::body_of(&op).expect("it carries a body");
    assert_eq!(hash.to_string(), member("bodyHash"));
    assert_eq!(TransactionId::of(&World::transaction(&value)).to_string(), member("transaction"));

    let mut world = World::new();
    world.act(Register::Ubin, "register", body_args(body), &[("MY:SSM", 1)]).expect("applies");
    let record = record(&world, &ubin(body));
    assert_eq!(record.body_hash, hash);
    assert_eq!(record.meta.warnings, Vec::<String>::new());
}

#[test]
fn registering_writes_record_counters_event_and_actor() {
    let (world, body) = registered();
    let number = ubin(&body);
    let record = record(&world, &number);
    assert_eq!(record.version, 1);
    assert_eq!(record.body_hash, body_hash(&body));
    assert_eq!(record.entity, entity_id("SG", "UEN", LOCAL));
    assert_eq!(record.meta.recorded_at, 1);
    let state = Overlay::new(&world.state);
    let stock = counter::counter_key("ubin_stock", &["SG", "UEN", "GENERAL", "NONE", "ACTIVE"]);
    assert_eq!(counter::value(&state, &stock), 1);
    let flow = counter::counter_key("ubin_flow", &["SG", "2026-07", "new"]);
    assert_eq!(counter::value(&state, &flow), 1);
    let actor = ubin::actor(&state, &number.to_string()).expect("resolves");
    assert!(actor.live && actor.may_act);
    assert_eq!(actor.entity, record.entity);
    assert_eq!(ubin::actor(&state, "SG-UEN-199403865N-G8"), None, "the check counts");
}

#[test]
fn events_carry_public_facts_and_never_names() {
    let mut world = World::new();
    let receipt = run(&mut world, "register", &body(), R1).expect("applies");
    let event = &receipt.events[0];
    assert_eq!((event.name.as_str(), event.subject.as_str()), ("ubin.register", "SG-UEN-199403865N-G7"));
    let data = json::parse_canonical(event.data.as_bytes()).expect("JCS");
    let names: Vec<&str> =
        data.as_object().expect("an object").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["bodyHash", "entity", "status", "ubin", "version"]);
    assert!(!event.data.contains("TITIAN"));
}

#[test]
fn a_business_lives_through_its_statuses() {
    let (mut world, first) = registered();
    let number = ubin(&first);
    let plain = |old: &Value, code: &str| next(old, &[("status", status(code))]);
    let suspended = plain(&first, "SUSPENDED");
    run(&mut world, "suspend", &suspended, R1).expect("from ACTIVE");
    let actor = ubin::actor(&Overlay::new(&world.state), &number.to_string()).expect("there");
    assert!(actor.live && !actor.may_act);
    let reinstated = plain(&suspended, "ACTIVE");
    run(&mut world, "reinstate", &reinstated, R1).expect("from SUSPENDED");
    let liquidated = plain(&reinstated, "IN_LIQUIDATION");
    run(&mut world, "update", &liquidated, R1).expect("among the live");
    let dissolved = moved(&liquidated, "DISSOLVED");
    run(&mut world, "dissolve", &dissolved, R2).expect("from live");
    assert!(!record(&world, &number).is_live());
    let restored = moved(&dissolved, "ACTIVE");
    run(&mut world, "restore", &restored, R2).expect("from DISSOLVED");
    let confirmed = next(&restored, &[("confirmedOn", text("2026-07-01"))]);
    run(&mut world, "confirm", &confirmed, R1).expect("only confirmation differs");
    assert_eq!(record(&world, &number).version, 7);
    let state = Overlay::new(&world.state);
    for (event, due) in [("new", 1), ("ended", 1), ("restored", 1)] {
        let key = counter::counter_key("ubin_flow", &["SG", "2026-07", event]);
        assert_eq!(counter::value(&state, &key), due, "{event}");
    }
}

#[test]
fn each_broken_rule_of_a_body_gives_exactly_its_error() {
    let b = body();
    let with = |name: &str, value: Value| b.with(name, value);
    let name = |value: &str| Value::object([("value", text(value)), ("lang", text("en"))]);
    let identifier = |scheme: &str, value: &str| {
        Value::List(vec![Value::object([("scheme", text(scheme)), ("value", text(value))])])
    };
    let names = |count: usize| {
        Value::List(vec![name("Other").with("type", text("TRADING")); count])
    };
    let lines = |lines: Vec<Value>| {
        Value::object([("country", text("SG")), ("lines", Value::List(lines))])
    };
    let national = |code: &str, national: &str| status(code).with("national", text(national));
    let relation = |kind: &str, target: &str| {
        Value::List(vec![Value::object([
            ("type", text(kind)),
            ("target", text(target)),
            ("from", text("2020-01-01")),
        ])])
    };
    let number = |ubin: &str| with("ubin", text(ubin));
    let cases: Vec<(Value, Code)> = vec![
        (number("SG-UEN-199403865N-G8"), Code::UbinCheckFailed),
        (number("XX-UEN-199403865N-G8"), Code::UbinCountryUnknown),
        (number("SG-ABC-199403865N-G8"), Code::UbinSchemeUnknown),
        (number("SG-UEN--G8"), Code::UbinLocalLength),
        (number("SG-UEN-S0000000X-00"), Code::PersonalNumberRefused),
        (number("sg-uen-199403865n-g7"), Code::Malformed),
        (number("SG-UEN-199403865Ö-G7"), Code::UbinChar),
        (number(""), Code::UbinEmpty),
        (number(&"S".repeat(129)), Code::UbinTooLong),
        (with("version", Value::Int(2)), Code::VersionConflict),
        (with("prev", body_hash(&b).into()), Code::VersionConflict),
        (with("v", Value::Int(2)), Code::Malformed),
        (with("remark", text("x")), Code::Malformed),
        (with("entity", text("ent_x")), Code::Malformed),
        (b.without("legalName"), Code::Malformed),
        (b.without("registeredOn"), Code::Malformed),
        (b.without("corroboration"), Code::Malformed),
        (with("category", text("COMPANY")), Code::Malformed),
        (with("category", text("BRANCH")), Code::Malformed),
        (with("validFrom", text("2026-07-03")), Code::FutureEffective),
        (with("confirmedOn", text("2026-07-03")), Code::FutureEffective),
        (with("validFrom", text("2026-02-30")), Code::Malformed),
        (with("displayId", text("199403866N")), Code::DisplayIdMismatch),
        (with("displayId", text(&"1".repeat(41))), Code::FieldLimit),
        (with("legalName", name("")), Code::NameLength),
        (with("legalName", name(&"a".repeat(257))), Code::NameLength),
        (with("legalName", name("Cafe\u{301}")), Code::NameNotNfc),
        (with("legalName", name("a\u{202E}b")), Code::NameChar),
        (with("legalName", name("a\u{7}b")), Code::NameChar),
        (with("legalName", name("a\u{378}b")), Code::NameChar),
        (with("legalName", name("a\u{E000}b")), Code::NameChar),
        (with("legalName", name("x").with("lang", text("English!"))), Code::Malformed),
        (with("otherNames", names(17)), Code::FieldLimit),
        (with("address", lines(vec![text("x"); 4])), Code::FieldLimit),
        (with("address", lines(vec![text(&"x".repeat(121))])), Code::FieldLimit),
        (with("legalForm", Value::object([("national", text(&"x".repeat(81)))])), Code::FieldLimit),
        (with("identifiers", identifier("lei", "123")), Code::Malformed),
        (with("identifiers", identifier("tin", "123456789")), Code::Malformed),
        (with("status", national("DISSOLVED", "Live")).with("endedOn", text("2026-01-01")), Code::StatusMapMismatch),
        (with("status", national("ACTIVE", "Cancelled")), Code::StatusMapMismatch),
        (with("status", national("ACTIVE", "In Liquidation - Creditors")), Code::StatusMapMismatch),
        (with("status", status("DISSOLVED")), Code::Malformed),
        (with("endedOn", text("2026-01-01")), Code::Malformed),
        (with("status", status("MERGED")), Code::BadTransition),
        (with("relations", relation("MERGED_INTO", "SG-UEN-T08LL0003B-2Z")), Code::UbinCheckFailed),
        (with("relations", relation("BRANCH_OF", "SG-UEN-199403865N-G7")), Code::Malformed),
        (with("nameCommit", Digest::ZERO.into()), Code::Malformed),
        (with("category", text("SOLE_PROPRIETOR")), Code::MinimalRecordRequired),
        (with("legalName", name("call 9876 54321")), Code::PersonalDataSuspected),
        (with("legalName", name("mail a@b")), Code::PersonalDataSuspected),
        (with("legalName", name("Tan S0000000X Trading")), Code::PersonalDataSuspected),
        (with("address", lines(vec![text("c/o ๙๘๗๖๕๔๓๒๑")])), Code::PersonalDataSuspected),
        (with("identifiers", identifier("ocid", "S0000000X")), Code::PersonalDataSuspected),
        (with("activity", text(&"x".repeat(8_200))), Code::LimitExceeded),
    ];
    let mut world = World::new();
    for (i, (body, due)) in cases.into_iter().enumerate() {
        let code = refused(&mut world, "register", body_args(&body), R1);
        assert_eq!(code.name(), due.name(), "case {i}: {}", body.to_jcs());
    }
    run(&mut world, "register", &b, R1).expect("the unbroken body passes");
}

#[test]
fn limits_pass_at_n() {
    let name = Value::object([("value", text(&"a".repeat(256))), ("lang", text("zh-Hant-SG"))]);
    let line = Value::from("x".repeat(120));
    let address = Value::object([("country", text("SG")), ("lines", Value::List(vec![line; 3]))]);
    let other = Value::object([("value", text("A")), ("lang", text("ms")), ("type", text("PREVIOUS"))]);
    let full = body()
        .with("legalName", name)
        .with("address", address)
        .with("otherNames", Value::List(vec![other; 16]))
        .with("validFrom", text("2026-07-02"))
        .with("legalForm", Value::object([("national", Value::from("x".repeat(80)))]));
    run(&mut World::new(), "register", &full, R1).expect("every limit is inclusive");
}

#[test]
fn who_may_sign_is_checked_before_the_content() {
    let mut world = World::new();
    let args = body_args(&body());
    assert_eq!(refused(&mut world, "register", args.clone(), &[("MY:SSM", 1)]), Code::NotOwner);
    assert_eq!(
        refused(&mut world, "register", args.clone(), &[("MY:SSM", 1), ("SG:ACRA", 1)]),
        Code::NotOwner
    );
    assert_eq!(refused(&mut world, "register", args.clone(), &[]), Code::QuorumMissing);
    assert_eq!(refused(&mut world, "register", args, &[("SG", 1)]), Code::ScopeDenied);
    let (mut world, first) = registered();
    let args = body_args(&moved(&first, "DISSOLVED")).with("reason", text("REQUEST"));
    assert_eq!(refused(&mut world, "dissolve", args.clone(), R1), Code::QuorumMissing);
    let states: Vec<(&str, u64)> = vec![("BN:ROCBN", 1), ("ID:AHU", 1), ("MY:SSM", 1), ("TH:DBD", 1)];
    assert_eq!(refused(&mut world, "dissolve", args, &states), Code::NotOwner);
}

#[test]
fn each_broken_precondition_of_an_act_gives_exactly_its_error() {
    let (mut world, first) = registered();
    let plain = |code: &str| next(&first, &[("status", status(code))]);
    let with_reason = |body: &Value| body_args(body).with("reason", text("LICENCE"));
    let mut expect = |act: &str, args: Value, signers: &[(&str, u64)], due: Code| {
        let code = refused(&mut world, act, args.clone(), signers);
        assert_eq!(code.name(), due.name(), "{act} {}", args.to_jcs());
    };
    let renamed = Value::object([("value", text("Other")), ("lang", text("en"))]);
    // register
    expect("register", body_args(&first), R1, Code::Unchanged);
    expect("register", body_args(&first.with("legalName", renamed.clone())), R1, Code::UbinExists);
    let number = |scheme: &str, local: &str| company_body("SG", scheme, local, "X").without("displayId");
    expect("register", body_args(&number("UEN", "1994038654")), R1, Code::LocalFormat);
    let alias_only = company_body("MY", "ROC", "6087M", "X");
    expect("register", body_args(&alias_only), &[("MY:SSM", 1)], Code::SchemeNotPrimary);
    let household = company_body("VN", "MST", "0100109106", "X").with("category", text("HOUSEHOLD"));
    expect("register", body_args(&household), &[("VN:NBR", 1)], Code::SurrogateRequired);
    // update
    expect("update", body_args(&body().with("version", Value::Int(2))), R1, Code::VersionConflict);
    expect("update", body_args(&first), R1, Code::Unchanged);
    expect("update", body_args(&number("UEN", "00192200M")), R1, Code::UbinUnknown);
    let stale = next(&first, &[]).with("prev", Digest::ZERO.into());
    expect("update", body_args(&stale), R1, Code::VersionConflict);
    expect("update", body_args(&next(&first, &[("version", Value::Int(3))])), R1, Code::VersionConflict);
    let earlier = next(&first, &[("validFrom", text("2026-06-29"))]);
    expect("update", body_args(&earlier), R1, Code::EffectiveOrder);
    expect("update", body_args(&next(&first, &[("entity", text("ent_x"))])), R1, Code::BadTransition);
    let other_date = next(&first, &[("registeredOn", text("2024-01-03"))]);
    expect("update", body_args(&other_date), R1, Code::BadTransition);
    expect("update", body_args(&plain("RESERVED")), R1, Code::BadTransition);
    expect("update", body_args(&moved(&first, "DISSOLVED")), R1, Code::BadTransition);
    // confirm
    let both = next(&first, &[("confirmedOn", text("2026-07-01")), ("legalName", renamed.clone())]);
    expect("confirm", body_args(&both), R1, Code::ConfirmOnly);
    expect("confirm", body_args(&plain("SUSPENDED")), R1, Code::ConfirmOnly);
    // suspend and reinstate
    expect("suspend", body_args(&plain("SUSPENDED")), R1, Code::ReasonRequired);
    expect("suspend", with_reason(&plain("IN_LIQUIDATION")), R1, Code::BadTransition);
    let more = plain("SUSPENDED").with("legalName", renamed);
    expect("suspend", with_reason(&more), R1, Code::BadTransition);
    expect("reinstate", with_reason(&plain("ACTIVE")), R1, Code::BadTransition);
    // dissolve and restore
    let end = moved(&first, "DISSOLVED");
    expect("dissolve", body_args(&end), R2, Code::ReasonRequired);
    expect("dissolve", with_reason(&end.without("evidence")), R2, Code::EvidenceRequired);
    expect("dissolve", with_reason(&moved(&first, "SUSPENDED")), R2, Code::BadTransition);
    expect("restore", with_reason(&moved(&first, "ACTIVE")), R2, Code::BadTransition);
    // not built
    expect("annul", Value::object([("ubin", text("x"))]), R2, Code::NotBuilt);
}

#[test]
fn a_terminal_record_takes_no_further_version() {
    let mut world = World::new();
    let merged = body().with("status", status("MERGED"));
    let args = body_args(&merged).with("successorUnknown", Value::from(true));
    world.act(Register::Ubin, "register", args, R1).expect("the successor is stated unknown");
    let again = next(&merged, &[]);
    assert_eq!(refused(&mut world, "update", body_args(&again), R1), Code::TerminalStatus);
    let alias = Value::object([("ubin", text("SG-UEN-199403865N-G7")), ("alias", text("SG-UEN-00192200M-6N"))]);
    assert_eq!(refused(&mut world, "alias_add", alias, R1), Code::TerminalStatus);
}

#[test]
fn status_moves_by_update_follow_the_whole_matrix() {
    let movable = ["ACTIVE", "SUSPENDED", "UNDER_ADMINISTRATION", "STRIKE_OFF_PENDING", "IN_LIQUIDATION", "OTHER"];
    for from in Status::ALL {
        for to in Status::ALL {
            let mut world = World::new();
            let dated = |status: Status, body: Value| match status {
                Status::Dissolved => body.with("endedOn", text("2026-06-30")),
                _ => body,
            };
            let first = dated(*from, body().with("status", status(from.name())));
            let args = body_args(&first).with("successorUnknown", Value::from(true));
            world.act(Register::Ubin, "register", args, R1).expect("history may be loaded");
            let second = dated(*to, next(&first.without("endedOn"), &[("status", status(to.name()))]));
            let second = second.with("prev", body_hash(&first).into());
            let found = run(&mut world, "update", &second, R1).err();
            let may = (movable.contains(&from.name()) || *from == Status::Reserved)
                && movable.contains(&to.name());
            let due = match (from.is_terminal(), may || from == to) {
                (true, _) => Some(Code::TerminalStatus),
                (false, true) => None,
                (false, false) => Some(Code::BadTransition),
            };
            assert_eq!(found.map(Code::name), due.map(Code::name), "{} to {}", from.name(), to.name());
        }
    }
}

#[test]
fn an_alias_forwards_in_one_hop_and_its_number_is_taken() {
    let mut world = World::new();
    let company = company_body("MY", "BRN", "196501000279", "MALAYSIA DEMO BHD");
    let signer: &[(&str, u64)] = &[("MY:SSM", 1)];
    run(&mut world, "register", &company, signer).expect("applies");
    let number = ubin(&company).to_string();
    let args = |alias: &Ubin| {
        Value::object([("ubin", text(&number)), ("alias", Value::from(alias.to_string()))])
    };
    let made = |cc: &str, scheme: &str, local: &str| Ubin {
        cc: cc.to_owned(),
        scheme: scheme.to_owned(),
        local: local.to_owned(),
    };
    let old = made("MY", "ROC", "6087M");
    world.act(Register::Ubin, "alias_add", args(&old), signer).expect("ROC numbers forward");
    let state = Overlay::new(&world.state);
    let actor = ubin::actor(&state, &old.to_string()).expect("forwards");
    assert_eq!(actor.ubin, number);
    let at = AsOf { height: world.height, time_ms: world.time_ms };
    let answer = view::get(&state, &old, at, |_| Some(company.clone()));
    assert_eq!(answer.get("via"), Some(&Value::from(old.to_string())));
    assert_eq!(answer.get("quality"), Some(&text("CURRENT")));
    let mut expect = |alias: Ubin, signer: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "alias_add", args(&alias), signer).name(), due.name());
    };
    expect(old, signer, Code::UbinExists);
    expect(made("SG", "UEN", LOCAL), signer, Code::NotOwner);
    expect(made("MY", "ROC", "60876087608M"), signer, Code::LocalFormat);
    expect(made("MY", "ROC", "880101000000"), signer, Code::PersonalNumberRefused);
    expect(made("MY", "ROC", "6088M"), &[("SG:ACRA", 1)], Code::NotOwner);
    let philippine = company_body("PH", "SEC", "CS200707711", "X");
    run(&mut world, "register", &philippine, &[("PH:SEC", 1)]).expect("applies");
    let tax = Value::object([
        ("ubin", Value::from(ubin(&philippine).to_string())),
        ("alias", Value::from(made("PH", "TIN", "123456789").to_string())),
    ]);
    assert_eq!(refused(&mut world, "alias_add", tax, &[("PH:SEC", 1)]), Code::SchemeNotPrimary);
    for i in 0..15 {
        let alias = made("MY", "ROC", &format!("{}M", 7000 + i));
        world.act(Register::Ubin, "alias_add", args(&alias), signer).expect("up to sixteen");
    }
    let one_more = args(&made("MY", "ROC", "9999M"));
    assert_eq!(refused(&mut world, "alias_add", one_more, signer), Code::AliasLimit);
}

#[test]
fn minimal_records_hold_a_commitment_and_no_name() {
    for category in ["SOLE_PROPRIETOR", "HOUSEHOLD"] {
        let mut world = World::new();
        let full = company_body("VN", "SUR", "7K3M9QX2TB4V", "X");
        let signer: &[(&str, u64)] = &[("VN:NBR", 1)];
        let minimal = ["displayId", "legalName", "legalForm", "corroboration"]
            .iter()
            .fold(full, |body, name| body.without(name))
            .with("category", text(category));
        let mut expect = |body: &Value, due: Code| {
            assert_eq!(refused(&mut world, "register", body_args(body), signer).name(), due.name());
        };
        expect(&minimal, Code::MinimalRecordRequired);
        let commit = name_commitment(&[7; 32], "a name that stays with the register");
        let minimal = minimal.with("nameCommit", commit.into());
        let region = Value::object([("region", text("VN-SG"))]);
        let trade = Value::object([("value", text("Corner Shop")), ("lang", text("en"))]);
        let trade = Value::List(vec![trade.with("type", text("TRADING"))]);
        expect(&minimal.with("displayId", text("7K3M9QX2TB4V")), Code::MinimalRecordRequired);
        expect(&minimal.with("otherNames", trade.clone()), Code::MinimalRecordRequired);
        expect(&minimal.with("address", region.with("city", text("Hue"))), Code::MinimalRecordRequired);
        let public = minimal
            .with("address", region)
            .with("otherNames", trade)
            .with("tradeNamePublic", Value::from(true));
        run(&mut world, "register", &public, signer).expect("a minimal record");
    }
}

#[test]
fn every_deny_pattern_is_refused_on_every_path() {
    let table = SchemeTable::genesis();
    let world = World::new();
    let registrars: BTreeMap<String, String> = titian_genesis::devnet::STATES
        .iter()
        .map(|(cc, _, office)| ((*cc).to_owned(), format!("{cc}:{office}")))
        .collect();
    let mut tried = 0;
    for scheme in table.iter() {
        let entry = &scheme.entry;
        let registrar = registrars.get(&entry.cc).expect("a registrar per state");
        let personal = entry.reject.iter().filter(|(_, error)| error == "PERSONAL_NUMBER_REFUSED");
        for (raw, _) in personal {
            let squeezed = titian_contracts::ubin::identifier::squeeze(raw).expect("plain");
            let local = scheme.normalise(&squeezed);
            let body = company_body(&entry.cc, &entry.code, &local, "X").without("displayId");
            let mut world = World { state: world.state.clone(), ..World::new() };
            let number = body.get("ubin").and_then(Value::as_text).expect("set");
            let parsed = titian_contracts::ubin::identifier::parse(number, &table);
            assert_eq!(parsed.map_err(|e| e.code), Err(Code::PersonalNumberRefused));
            let signer: &[(&str, u64)] = &[(registrar, 1)];
            let code = refused(&mut world, "register", body_args(&body), signer);
            assert_eq!(code, Code::PersonalNumberRefused, "{}-{}", entry.cc, entry.code);
            // the same number in the texts of a company of that state, R2 and override in vain
            let company = company_body(&entry.cc, "SUR", "7K3M9QX2TB4V", "X").with("evidence", evidence());
            let name = Value::object([("value", Value::from(format!("Shop {local}"))), ("lang", text("en"))]);
            let line = Value::List(vec![Value::from(format!("c/o {local}"))]);
            let address = Value::object([("country", Value::from(entry.cc.as_str())), ("lines", line)]);
            let identifier = Value::object([("scheme", text("ocid")), ("value", Value::from(local.as_str()))]);
            let bodies = [
                company.with("legalName", name),
                company.with("address", address),
                company.with("identifiers", Value::List(vec![identifier])),
            ];
            for body in bodies {
                let pointers = ["/legalName/value", "/address/lines/0", "/identifiers/0/value"];
                let overrides = Value::List(pointers.iter().map(|p| text(p)).collect());
                let args = body_args(&body).with("textOverrides", overrides);
                let signers: &[(&str, u64)] = &[(registrar, 1), (registrar, 2)];
                let code = refused(&mut world, "register", args, signers);
                assert_eq!(code, Code::PersonalDataSuspected, "{}-{}", entry.cc, entry.code);
            }
            tried += 1;
        }
    }
    assert!(tried >= 10, "examples of personal numbers were tried: {tried}");
}

#[test]
fn an_override_needs_two_officers_and_evidence() {
    let name = Value::object([("value", text("Fund 2026-123-456")), ("lang", text("en"))]);
    let suspect = body().with("legalName", name);
    let mut world = World::new();
    assert_eq!(refused(&mut world, "register", body_args(&suspect), R2), Code::PersonalDataSuspected);
    let overrides = Value::List(vec![text("/legalName/value")]);
    let args = body_args(&suspect).with("textOverrides", overrides.clone());
    assert_eq!(refused(&mut world, "register", args.clone(), R1), Code::QuorumMissing);
    assert_eq!(refused(&mut world, "register", args, R2), Code::EvidenceRequired);
    let args = body_args(&suspect.with("evidence", evidence())).with("textOverrides", overrides);
    world.act(Register::Ubin, "register", args, R2).expect("two officers with evidence");
}

#[test]
fn the_same_lei_on_another_live_record_is_flagged_and_only_flagged() {
    let (mut world, first) = registered();
    let lei = Value::object([("scheme", text("lei")), ("value", text("TITIAN00DEMO00000125"))]);
    let lei = Value::List(vec![lei]);
    let second = next(&first, &[("identifiers", lei.clone())]);
    run(&mut world, "update", &second, R1).expect("a first holder");
    let other = company_body("MY", "BRN", "202401000002", "OTHER").with("identifiers", lei);
    let receipt = run(&mut world, "register", &other, &[("MY:SSM", 1)]).expect("only a flag");
    assert!(receipt.events[0].data.contains("\"possibleDuplicateOf\":[\"SG-UEN-199403865N-G7\"]"));
    let third = next(&second, &[]).without("identifiers");
    run(&mut world, "update", &third, R1).expect("the first holder drops it");
    let holders = counter::holders(&Overlay::new(&world.state), "lei", "TITIAN00DEMO00000125");
    assert_eq!(holders, ["MY-BRN-202401000002-NV"]);
}

#[test]
fn warnings_reach_receipt_and_record_and_stop_nothing() {
    let mut world = World::new();
    let lei = Value::object([("scheme", text("lei")), ("value", text("TITIAN00DEMO00000126"))]);
    let gln = Value::object([("scheme", text("gln")), ("value", text("8851234567890"))]);
    let name = Value::object([("value", text("Кофе")), ("lang", text("ru"))]);
    let odd = company_body("SG", "UEN", "199403865A", "X")
        .with("identifiers", Value::List(vec![lei, gln]))
        .with("legalName", name);
    let receipt = run(&mut world, "register", &odd, R1).expect("warnings refuse nothing");
    let due = ["GLN_CHECKSUM", "LEI_CHECKSUM", "NAME_SCRIPT_UNUSUAL", "NATIONAL_CHECK_FAILED"];
    assert_eq!(receipt.warnings, due);
    assert_eq!(record(&world, &ubin(&odd)).meta.warnings, due);
}

#[test]
fn burmese_in_zawgyi_order_is_suspected_and_in_unicode_order_is_not() {
    let warned = |name: &str| !titian_contracts::ubin::text::name_warnings(name).is_empty();
    assert!(!warned("မြန်မာ့စီးပွားရေးဦးပိုင်လီမိတက်"));
    assert!(!warned("ကုမ္ပဏီ နေဝန်း"));
    assert!(warned("\u{1031}\u{1014}\u{101D}"));
    assert!(warned("\u{103B}\u{1019}\u{1014}\u{1039}\u{1019}\u{102C}"));
}

#[test]
fn quality_follows_the_block_date_and_is_never_stored() {
    let (world, first) = registered();
    let number = ubin(&first);
    let record = record(&world, &number);
    let days = ubin::refresh_days(&Overlay::new(&world.state), &number, 1);
    assert_eq!(days, 400);
    // confirmed on 2026-06-30, one day before START_MS
    assert_eq!(view::quality(&record, days, START_MS + 399 * DAY_MS), "CURRENT");
    assert_eq!(view::quality(&record, days, START_MS + 400 * DAY_MS), "STALE");
}

#[test]
fn a_draft_makes_a_body_that_registers() {
    let date = |text| titian_contracts::time::Date::parse(text).expect("a date");
    let draft = Draft {
        ubin: ubin(&body()),
        legal_name: ("DRAFT PTE LTD".to_owned(), "en".to_owned()),
        legal_form: Some("Private Limited".to_owned()),
        category: Category::General,
        size_class: Some(titian_contracts::ubin::vocabulary::SizeClass::Small),
        status: Status::Active,
        status_national: Some("Live Company".to_owned()),
        registered_on: date("1994-06-01"),
        as_of: date("2026-06-30"),
        valid_from: date("2026-07-01"),
        lei: Some("TITIAN00DEMO00000125".to_owned()),
    };
    let receipt = run(&mut World::new(), "register", &draft.to_body(), R1).expect("applies");
    assert_eq!(receipt.warnings, Vec::<String>::new());
}

#[test]
fn a_dry_run_names_the_signers_and_the_first_failing_check() {
    let (world, first) = registered();
    let run = |act: &str, args: Value| {
        let op = Op::from_value(world.op(Register::Ubin, act, args)).expect("an op");
        let block = BlockInfo { chain: &world.genesis.chain, height: 2, time_ms: world.time_ms };
        execute::dry_run(block, op, &world.state)
    };
    let found = run("dissolve", body_args(&moved(&first, "DISSOLVED")).with("reason", text("REQUEST")));
    assert_eq!(found.fails, None);
    let need = &found.needs[0];
    assert_eq!((need.role.as_str(), need.party.as_str(), need.count), ("R2", "SG:*", 2));
    assert_eq!(need.scope, "ubin.dissolve:UEN");
    let found = run("update", body_args(&first.with("version", Value::Int(9))));
    assert_eq!(found.fails.map(|f| f.code), Some(Code::VersionConflict));
    assert_eq!(found.needs.len(), 1);
}

#[test]
fn replay_of_every_act_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let first = body();
    let suspended = next(&first, &[("status", status("SUSPENDED"))]);
    let active = next(&suspended, &[("status", status("ACTIVE"))]);
    let ended = moved(&active, "DISSOLVED");
    let restored = moved(&ended, "ACTIVE");
    let confirmed = next(&restored, &[("confirmedOn", text("2026-07-01"))]);
    let renamed = Value::object([("value", text("New")), ("lang", text("en"))]);
    let updated = next(&confirmed, &[("legalName", renamed)]);
    let alias = Value::object([
        ("ubin", text("SG-UEN-199403865N-G7")),
        ("alias", text("SG-UEN-00192200M-6N")),
    ]);
    let reasoned = |body: &Value| body_args(body).with("reason", text("REQUEST"));
    let acts = [
        ("register", body_args(&first), R1),
        ("suspend", reasoned(&suspended), R1),
        ("reinstate", reasoned(&active), R1),
        ("dissolve", reasoned(&ended), R2),
        ("restore", reasoned(&restored), R2),
        ("confirm", body_args(&confirmed), R1),
        ("update", body_args(&updated), R1),
        ("alias_add", alias, R1),
    ];
    let mut transactions = Vec::new();
    for (act, args, signers) in acts {
        let op = world.sign(&world.op(Register::Ubin, act, args), signers);
        let bytes = World::transaction(&op);
        let receipt = world.run_transactions(std::slice::from_ref(&bytes)).remove(0);
        assert_eq!(receipt.error, None, "{act}");
        transactions.push(bytes);
        let before = world.state.0.clone();
        for bytes in &transactions {
            let receipt = world.run_transactions(std::slice::from_ref(bytes)).remove(0);
            assert!(receipt.error.is_some(), "a replay after {act} is refused");
            assert_eq!(world.state.0, before, "a replay after {act} changes nothing");
        }
    }
}

/// The records and aliases of a state, by key.
fn numbers(world: &World) -> BTreeMap<Vec<u8>, Entry> {
    let of_records = |key: &[u8]| key.starts_with(b"ubin/rec/");
    let entries = world.state.0.iter().filter(|(key, _)| of_records(key));
    entries
        .map(|(key, stored)| (key.clone(), decode_content(&stored.content).expect("decodes")))
        .collect()
}

/// The counters of `ubin_stock` by a recount over all records.
fn recount(numbers: &BTreeMap<Vec<u8>, Entry>) -> BTreeMap<Vec<u8>, u64> {
    let mut counts = BTreeMap::new();
    for (key, entry) in numbers {
        if let Entry::Record(record) = entry {
            let ubin = ubin_of_key(key).expect("a record key");
            let cells = counter::stock_cells(&ubin, record).expect("no marks are built");
            *counts.entry(counter::counter_key("ubin_stock", &cells)).or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn random_acts_of_random_keys_keep_the_invariants() {
    for seed in 1..=4 {
        random_walk(seed, 250);
    }
}

/// What the walk knows of a number: its last applied body.
type Model = BTreeMap<Ubin, Value>;

fn random_walk(seed: u64, steps: usize) {
    let states = [("SG", "SG:ACRA", "UEN"), ("MY", "MY:SSM", "SUR"), ("TH", "TH:DBD", "SUR")];
    let acts = ["register", "update", "confirm", "suspend", "reinstate", "dissolve", "restore", "alias_add"];
    let mut random = Random(seed);
    let mut world = World::new();
    let mut model = Model::new();
    let mut applied = 0;
    for step in 0..steps {
        let (cc, own, scheme) = states[random.below(states.len())];
        let signer = if random.below(5) == 0 { states[random.below(states.len())].1 } else { own };
        let local = match scheme {
            "UEN" => format!("20240000{}A", random.below(4)),
            _ => format!("7K3M9QX2TB4{}", random.below(4)),
        };
        let number = Ubin { cc: cc.to_owned(), scheme: scheme.to_owned(), local: local.clone() };
        let act = acts[random.below(acts.len())];
        let code = Status::ALL[random.below(8)].name();
        let fresh = company_body(cc, scheme, &local, "RANDOM");
        let args = match (act, model.get(&number)) {
            ("register", _) | (_, None) => body_args(&fresh),
            ("alias_add", Some(_)) => {
                let alias = Ubin { local: format!("{}{}", &local[..local.len() - 1], random.below(4)), ..number.clone() };
                let alias = if scheme == "UEN" { Ubin { local: format!("20230000{}A", random.below(8)), ..alias } } else { alias };
                Value::object([
                    ("ubin", Value::from(number.to_string())),
                    ("alias", Value::from(alias.to_string())),
                ])
            }
            ("confirm", Some(old)) => body_args(&next(old, &[("confirmedOn", text("2026-07-01"))])),
            ("suspend", Some(old)) => body_args(&next(old, &[("status", status("SUSPENDED"))])),
            ("reinstate", Some(old)) => body_args(&next(old, &[("status", status("ACTIVE"))])),
            ("dissolve", Some(old)) => body_args(&moved(old, "DISSOLVED")),
            ("restore", Some(old)) => body_args(&moved(old, "ACTIVE")),
            (_, Some(old)) => body_args(&next(old, &[("status", status(code))])),
        };
        let args = if act == "alias_add" || random.below(8) == 0 { args } else { args.with("reason", text("OTHER")) };
        let before = numbers(&world);
        let two: &[(&str, u64)] = &[(signer, 1), (signer, 2)];
        let signers = if random.below(3) == 0 { &two[..1] } else { two };
        let result = world.act(Register::Ubin, act, args.clone(), signers);
        let after = numbers(&world);
        let place = format!("seed {seed}, step {step}: {act} by {signer}");
        check_step(&before, &after, result.is_ok().then_some(&signer[..2]), &place);
        if result.is_ok() {
            applied += 1;
            if let Some(body) = args.get("body") {
                model.insert(number, body.clone());
            }
        }
        check_counters(&world, &after, &place);
        for (number, body) in &model {
            assert_eq!(record(&world, number).body_hash, body_hash(body), "{place}");
        }
    }
    assert!(applied > steps / 10, "seed {seed}: {applied} acts applied");
}

/// I1 to I5 between the numbers before and after one act by keys of state `by` (none if refused).
fn check_step(
    before: &BTreeMap<Vec<u8>, Entry>,
    after: &BTreeMap<Vec<u8>, Entry>,
    by: Option<&str>,
    place: &str,
) {
    for (key, new) in after {
        let old = before.get(key);
        let ubin = ubin_of_key(key).expect("a record key");
        if old != Some(new) {
            assert_eq!(by, Some(ubin.cc.as_str()), "{place}: only its own state writes a record");
        }
        match (old, new) {
            (Some(Entry::Record(old)), Entry::Record(new)) => {
                assert_eq!(old.entity, new.entity, "{place}: the entity never changes");
                assert!(new.version == old.version || new.version == old.version + 1, "{place}");
                assert_eq!(new.version == old.version, new.body_hash == old.body_hash, "{place}");
            }
            (None, Entry::Record(new)) => assert_eq!(new.version, 1, "{place}"),
            (Some(old), Entry::Alias(_)) => assert_eq!(old, new, "{place}: no renumbering here"),
            (Some(Entry::Alias(_)), Entry::Record(_)) => panic!("{place}: a number came back"),
            (None, Entry::Alias(_)) => {}
        }
        if let Entry::Alias(alias) = new {
            let target = Ubin::parse_canonical(&alias.target).expect("canonical");
            let target_key = titian_contracts::ubin::record::record_key(&target);
            match after.get(&target_key) {
                Some(Entry::Record(record)) => {
                    assert_eq!(record.entity, alias.entity, "{place}");
                    assert_eq!(target.cc, ubin.cc, "{place}");
                }
                _ => panic!("{place}: an alias points to a record"),
            }
        }
    }
    assert!(before.keys().all(|key| after.contains_key(key)), "{place}: numbers are permanent");
}

fn check_counters(world: &World, numbers: &BTreeMap<Vec<u8>, Entry>, place: &str) {
    let due = recount(numbers);
    for (key, stored) in world.state.0.iter().filter(|(k, _)| k.starts_with(b"ubin/count/ubin_stock/")) {
        let count: u64 = decode_content(&stored.content).expect("decodes");
        assert_eq!(count, due.get(key).copied().unwrap_or(0), "{place}: {}", String::from_utf8_lossy(key));
    }
    assert!(due.keys().all(|key| world.state.0.contains_key(key)), "{place}");
}
