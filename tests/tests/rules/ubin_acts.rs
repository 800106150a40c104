//! The acts of the UBIN register: what each writes, and each precondition broken in turn
//! (ubin-api.md §14 T5, T11).

use crate::ubin_scene::{
    LOCAL, R1, R2, body, body_args, moved, next, record, refused, registered, run, status, text,
    ubin_of,
};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::{self, BlockInfo};
use titian_contracts::json::{self, Value};
use titian_contracts::op::{Op, Register};
use titian_contracts::state::Overlay;
use titian_contracts::transaction::TransactionId;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::entity_id;
use titian_contracts::ubin::view::{self, AsOf};
use titian_contracts::ubin::{self, counter};
use titian_tests::world::{World, company_body};

const OPS: &[u8] = include_bytes!("../../data/ledger/ops.json");

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
    let record = record(&world, &ubin_of(body));
    assert_eq!(record.body_hash, hash);
    assert_eq!(record.meta.warnings, Vec::<String>::new());
}

#[test]
fn registering_writes_record_counters_event_and_actor() {
    let (world, body) = registered();
    let number = ubin_of(&body);
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
    assert_eq!(*actor.entity, *record.entity);
    assert_eq!(ubin::actor(&state, "SG-UEN-199403865N-G8"), None, "the check counts");
}

#[test]
fn events_carry_public_facts_and_never_names() {
    let mut world = World::new();
    let receipt = run(&mut world, "register", &body(), R1).expect("applies");
    let event = &receipt.events[0];
    assert_eq!(
        (event.name.as_str(), event.subject.as_str()),
        ("ubin.register", "SG-UEN-199403865N-G7")
    );
    let data = json::parse_canonical(event.data.as_bytes()).expect("JCS");
    let names: Vec<&str> =
        data.as_object().expect("an object").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["bodyHash", "entity", "metaSeq", "status", "ubin", "version"]);
    assert!(!event.data.contains("TITIAN"));
}

#[test]
fn a_business_lives_through_its_statuses() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
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
fn t05_who_may_sign_is_checked_before_the_content() {
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
    let states: Vec<(&str, u64)> =
        vec![("BN:ROCBN", 1), ("ID:AHU", 1), ("MY:SSM", 1), ("TH:DBD", 1)];
    assert_eq!(refused(&mut world, "dissolve", args, &states), Code::NotOwner);
}

#[test]
fn t05_each_broken_precondition_of_an_act_gives_exactly_its_error() {
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
    let number =
        |scheme: &str, local: &str| company_body("SG", scheme, local, "X").without("displayId");
    expect("register", body_args(&number("UEN", "1994038654")), R1, Code::LocalFormat);
    let alias_only = company_body("MY", "ROC", "6087M", "X");
    expect("register", body_args(&alias_only), &[("MY:SSM", 1)], Code::SchemeNotPrimary);
    let household =
        company_body("VN", "MST", "0100109106", "X").with("category", text("HOUSEHOLD"));
    expect("register", body_args(&household), &[("VN:NBR", 1)], Code::SurrogateRequired);
    // update
    expect("update", body_args(&body().with("version", Value::Int(2))), R1, Code::VersionConflict);
    expect("update", body_args(&first), R1, Code::Unchanged);
    expect("update", body_args(&number("UEN", "00192200M")), R1, Code::UbinUnknown);
    let stale = next(&first, &[]).with("prev", Digest::ZERO.into());
    expect("update", body_args(&stale), R1, Code::VersionConflict);
    expect(
        "update",
        body_args(&next(&first, &[("version", Value::Int(3))])),
        R1,
        Code::VersionConflict,
    );
    let earlier = next(&first, &[("validFrom", text("2026-06-29"))]);
    expect("update", body_args(&earlier), R1, Code::EffectiveOrder);
    expect(
        "update",
        body_args(&next(&first, &[("entity", text("ent_x"))])),
        R1,
        Code::BadTransition,
    );
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
}

#[test]
fn t05_a_terminal_record_takes_no_further_version() {
    let mut world = World::new();
    let merged = body().with("status", status("MERGED"));
    let args = body_args(&merged).with("successorUnknown", Value::from(true));
    world.act(Register::Ubin, "register", args, R1).expect("the successor is stated unknown");
    let again = next(&merged, &[]);
    assert_eq!(refused(&mut world, "update", body_args(&again), R1), Code::TerminalStatus);
    let alias = Value::object([
        ("ubin", text("SG-UEN-199403865N-G7")),
        ("alias", text("SG-UEN-00192200M-6N")),
    ]);
    assert_eq!(refused(&mut world, "alias_add", alias, R1), Code::TerminalStatus);
}

#[test]
fn t05_an_alias_forwards_in_one_hop_and_its_number_is_taken() {
    let mut world = World::new();
    let company = company_body("MY", "BRN", "196501000279", "MALAYSIA DEMO BHD");
    let signer: &[(&str, u64)] = &[("MY:SSM", 1)];
    run(&mut world, "register", &company, signer).expect("applies");
    let number = ubin_of(&company).to_string();
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
        ("ubin", Value::from(ubin_of(&philippine).to_string())),
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
fn t05_an_alias_needs_the_scope_of_both_schemes() {
    let mut world = World::new();
    let company = company_body("MY", "BRN", "196501000279", "MALAYSIA DEMO BHD");
    run(&mut world, "register", &company, &[("MY:SSM", 1)]).expect("applies");
    // officers whose keys write numbers of one scheme each, and one of both
    let schemes: [&[&str]; 3] = [
        &["ubin.alias_add:BRN"],
        &["ubin.alias_add:ROC"],
        &["ubin.alias_add:BRN", "ubin.alias_add:ROC"],
    ];
    let seeds: Vec<[u8; 32]> = schemes.iter().map(|_| world.fresh_seed()).collect();
    let keys = (3..).zip(schemes.iter().zip(&seeds)).map(|(officer, (scopes, seed))| {
        world.new_key("MY:SSM", *seed, &["invoke"], scopes, officer)
    });
    let bind = Value::object([
        ("keys", Value::List(keys.collect())),
        ("party", text("MY:SSM")),
        ("version", Value::Int(1)),
    ]);
    world.act(Register::Access, "key_bind", bind, &[("MY", 1), ("MY", 2)]).expect("bound");
    for (number, seed) in (3..).zip(seeds) {
        world.add_key("MY:SSM", number, seed);
    }
    let alias = |scheme: &str, local: &str| {
        let alias = company_body("MY", scheme, local, "X").get("ubin").expect("set").clone();
        Value::object([("ubin", company.get("ubin").expect("set").clone()), ("alias", alias)])
    };
    let mut expect = |args: Value, key: u64| {
        let found = refused(&mut world, "alias_add", args, &[("MY:SSM", key)]);
        assert_eq!(found.name(), Code::ScopeDenied.name(), "key {key}");
    };
    expect(alias("ROC", "6087M"), 3);
    expect(alias("ROC", "6087M"), 4);
    expect(alias("LFSA", "LL12345"), 5);
    let args = alias("BRN", "202401000002");
    world.act(Register::Ubin, "alias_add", args, &[("MY:SSM", 3)]).expect("both of BRN");
    let args = alias("ROC", "6087M");
    world.act(Register::Ubin, "alias_add", args, &[("MY:SSM", 5)]).expect("BRN and ROC");
}

#[test]
fn t05_a_dry_run_names_the_signers_and_the_first_failing_check() {
    let (world, first) = registered();
    let run = |act: &str, args: Value| {
        let op = Op::from_value(world.op(Register::Ubin, act, args)).expect("an op");
        let block = BlockInfo { chain: &world.genesis.chain, height: 2, time_ms: world.time_ms };
        execute::dry_run(block, op, &world.state)
    };
    let found =
        run("dissolve", body_args(&moved(&first, "DISSOLVED")).with("reason", text("REQUEST")));
    assert_eq!(found.fails, None);
    let need = &found.needs[0];
    assert_eq!((need.role.as_str(), need.party.as_str(), need.count), ("R2", "SG:*", 2));
    assert_eq!(need.scope, "ubin.dissolve:UEN");
    let found = run("update", body_args(&first.with("version", Value::Int(9))));
    assert_eq!(found.fails.map(|f| f.code), Some(Code::VersionConflict));
    assert_eq!(found.needs.len(), 1);
}
