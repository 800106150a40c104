//! Changes of schemes (ubin-api.md §14 T20: S5, S6, S7 of the annex): the root quorum of the state
//! alone, after the time-lock, and every check in turn.

use crate::ubin_scene::{
    R1, R2, body_args, company, next, refused, registered, run, text, ubin_of,
};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin::identifier;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_tests::world::{START_MS, World, company_body};

const SG_ROOT: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
const LOCK_MS: u64 = 14 * DAY_MS;

fn entry(cc: &str, code: &str) -> Value {
    SchemeTable::genesis().find(cc, code).expect("in genesis").entry.to_value()
}

/// The next version of a scheme of genesis.
fn changed(code: &str, members: &[(&str, Value)]) -> Value {
    let next = entry("SG", code).with("version", Value::Int(2));
    members.iter().fold(next, |entry, (name, value)| entry.with(name, value.clone()))
}

fn args(world: &World, entry: &Value) -> Value {
    Value::object([("entry", entry.clone()), ("effectiveMs", Value::from(world.time_ms + LOCK_MS))])
}

fn put(world: &mut World, entry: &Value) {
    let args = args(world, entry);
    world.act(Register::Ubin, "scheme_put", args, SG_ROOT).expect("the root quorum may");
}

fn table(world: &World) -> SchemeTable {
    SchemeTable::of_state(&Overlay::new(&world.state), world.time_ms)
}

#[test]
fn t20_a_tighter_pattern_binds_new_registrations_from_its_time_on_and_no_stored_record() {
    let (mut world, first) = registered();
    let tight = changed(
        "UEN",
        &[(
            "pattern",
            text(r"20\d{7}[A-Z]|\d{8}[A-Z]|18\d{7}[A-Z]|[RST]\d{2}[A-Z]{2}\d{4}[A-Z0-9]"),
        )],
    );
    // the examples are those of the new rule
    let kept = |entry: &Value| {
        let accept = entry.get("accept").and_then(Value::as_list).expect("a list");
        let fits = |item: &&Value| {
            let local = item.get("local").and_then(Value::as_text).expect("set");
            !local.starts_with("19") || local.len() != 10
        };
        Value::List(accept.iter().filter(fits).cloned().collect())
    };
    let accept = kept(&tight);
    let spare = accept.as_list().expect("a list");
    let mut five: Vec<Value> = spare.to_vec();
    while five.len() < 5 {
        five.push(spare[0].clone());
    }
    let tight = tight.with("accept", Value::List(five));
    put(&mut world, &tight);
    let effective = START_MS + 1000 + LOCK_MS;
    world.time_ms = effective - 1;
    company(&mut world, "SG:ACRA", "UEN", "199512345K");
    world.time_ms = effective;
    let refused_body = company_body("SG", "UEN", "199612345K", "X");
    let code = refused(&mut world, "register", body_args(&refused_body), R1);
    assert_eq!(code, Code::LocalFormat, "from the announced time on");
    let second = next(&first, &[("sizeClass", text("SMALL"))]);
    run(&mut world, "update", &second, R1).expect("a stored record stays valid");
    let record = crate::ubin_scene::record(&world, &ubin_of(&first));
    assert_eq!(record.meta.scheme_version, 2);
    assert!(record.meta.warnings.contains(&"LOCAL_FORMAT".to_owned()));
    let parsed = identifier::parse("SG-UEN-199403865N-G7", &table(&world)).expect("still readable");
    assert_eq!(parsed.warnings, ["LOCAL_FORMAT"]);
}

#[test]
fn t20_s7_each_broken_rule_of_a_scheme_change_gives_exactly_its_error() {
    let (mut world, _) = registered();
    let same = changed("UEN", &[]);
    let signers = |cc: &'static str| [(cc, 1), (cc, 2)];
    let later = Value::from(START_MS + LOCK_MS + DAY_MS);
    let good = args(&world, &same).with("effectiveMs", later);
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        let code = refused(&mut world, "scheme_put", args, signers);
        assert_eq!(code.name(), due.name());
    };
    // S6: by any other state, or by any number of them
    expect(good.clone(), &signers("MY"), Code::NotOwner);
    let others = ["BN", "ID", "KH", "MY", "TH"];
    let all: Vec<(&str, u64)> = others.iter().flat_map(|cc| [(*cc, 1), (*cc, 2)]).collect();
    expect(good.clone(), &all, Code::NotOwner);
    expect(good.clone(), R2, Code::QuorumMissing);
    expect(good.clone(), &[("SG", 1)], Code::QuorumMissing);
    // S7 and the rest, in the order of the checks
    let with = |members: &[(&str, Value)]| good.with("entry", changed("UEN", members));
    expect(with(&[("cc", text("XX"))]), SG_ROOT, Code::UbinCountryUnknown);
    expect(with(&[("code", text("9AB"))]), SG_ROOT, Code::Malformed);
    expect(with(&[("validFromHeight", Value::Int(7))]), SG_ROOT, Code::Malformed);
    expect(with(&[("refreshDays", Value::Int(0))]), SG_ROOT, Code::Malformed);
    let authority = same.get("authority").expect("set");
    let named = |name: &str, value: &str| with(&[("authority", authority.with(name, text(value)))]);
    expect(named("registerDomain", "ACRA"), SG_ROOT, Code::Malformed);
    expect(named("did", "acra.example"), SG_ROOT, Code::Malformed);
    expect(with(&[("version", Value::Int(1))]), SG_ROOT, Code::SchemeVersion);
    expect(with(&[("version", Value::Int(3))]), SG_ROOT, Code::SchemeVersion);
    let new = |code: &str| [("code", text(code)), ("version", Value::Int(1))];
    expect(with(&new("UE")), SG_ROOT, Code::SchemePrefix);
    expect(with(&new("UENX")), SG_ROOT, Code::SchemePrefix);
    expect(with(&new("SURX")), SG_ROOT, Code::SchemePrefix);
    let strip =
        Value::List(vec![Value::object([("op", text("strip_prefix")), ("value", text("SG"))])]);
    expect(with(&[("normalise", strip)]), SG_ROOT, Code::SchemeImmutable);
    expect(with(&[("accept", Value::List(Vec::new()))]), SG_ROOT, Code::SchemeExampleFailed);
    expect(with(&[("checkAlg", text("SHA1"))]), SG_ROOT, Code::SchemeAlgUnknown);
    expect(with(&[("pattern", text("(a+)+"))]), SG_ROOT, Code::SchemePattern);
    expect(with(&[("personalDeny", Value::List(vec![text("*")]))]), SG_ROOT, Code::SchemePattern);
    expect(with(&[("pattern", text(r"\d{4}"))]), SG_ROOT, Code::SchemeExampleFailed);
    expect(with(&[("use", text("ALIAS"))]), SG_ROOT, Code::SchemeInUse);
    let early = |entry: &Value| {
        Value::object([
            ("entry", entry.clone()),
            ("effectiveMs", Value::from(START_MS + 1000 + LOCK_MS - 1)),
        ])
    };
    expect(early(&same), SG_ROOT, Code::DelayRunning);
    expect(good.with("retiredAtHeight", Value::Int(0)), SG_ROOT, Code::LimitExceeded);
    world.act(Register::Ubin, "scheme_put", good.clone(), SG_ROOT).expect("unbroken");
    assert_eq!(refused(&mut world, "scheme_put", good, SG_ROOT), Code::SchemeVersion, "replay");
}

#[test]
fn t20_a_new_personal_pattern_holds_at_once_and_a_removed_one_until_its_time() {
    let (mut world, _) = registered();
    let patterns = |list: &[&str]| Value::List(list.iter().map(|p| text(p)).collect());
    let genesis = entry("SG", "UEN").get("personalDeny").expect("set").clone();
    let old = genesis.as_list().expect("a list").iter().filter_map(Value::as_text);
    let more: Vec<&str> = old.chain([r"2019\d{5}K"]).collect();
    put(&mut world, &changed("UEN", &[("personalDeny", patterns(&more))]));
    let denied = company_body("SG", "UEN", "201912345K", "X");
    assert_eq!(
        refused(&mut world, "register", body_args(&denied), R1),
        Code::PersonalNumberRefused
    );
    let parsed = identifier::parse(
        denied.get("ubin").and_then(Value::as_text).expect("set"),
        &table(&world),
    );
    assert_eq!(parsed.map_err(|e| e.code), Err(Code::PersonalNumberRefused));
    let name = Value::object([("value", text("Shop 201954321K")), ("lang", text("en"))]);
    let named = company_body("SG", "UEN", "202012345A", "X").with("legalName", name);
    assert_eq!(refused(&mut world, "register", body_args(&named), R1), Code::PersonalDataSuspected);
    // the version without it waits; until then the pattern holds
    let removed = changed("UEN", &[]).with("version", Value::Int(3));
    put(&mut world, &removed);
    world.time_ms += LOCK_MS - 2000;
    assert_eq!(
        refused(&mut world, "register", body_args(&denied), R1),
        Code::PersonalNumberRefused
    );
    world.time_ms += 2000;
    run(&mut world, "register", &denied, R1).expect("the pattern is gone");
    run(&mut world, "register", &company_body("SG", "UEN", "202012345A", "Shop 201954321K"), R1)
        .expect_err("nine digits in a row still need two officers");
}

#[test]
fn t20_a_registered_number_that_a_later_pattern_takes_for_personal_can_still_be_annulled() {
    let (mut world, first) = registered();
    let deny = Value::List(vec![text(r"1994\d{5}N")]);
    let accept = entry("SG", "UEN");
    let accept: Vec<Value> = accept
        .get("accept")
        .and_then(Value::as_list)
        .expect("a list")
        .iter()
        .filter(|item| item.get("local").and_then(Value::as_text) != Some("199403865N"))
        .cloned()
        .collect();
    let mut five = accept.clone();
    while five.len() < 5 {
        five.push(accept[0].clone());
    }
    let reject = Value::List(
        (0..5)
            .map(|i| {
                Value::object([
                    ("raw", text(&format!("19940000{i}N"))),
                    ("error", text("PERSONAL_NUMBER_REFUSED")),
                ])
            })
            .collect(),
    );
    let members = [("personalDeny", deny), ("accept", Value::List(five)), ("reject", reject)];
    put(&mut world, &changed("UEN", &members));
    let other = company_body("SG", "UEN", "199412345N", "X");
    assert_eq!(refused(&mut world, "register", body_args(&other), R1), Code::PersonalNumberRefused);
    let annul = crate::ubin_scene::quote_reason(&world, &ubin_of(&first));
    world.act(Register::Ubin, "annul", annul, R2).expect("its register can still act on it");
}

#[test]
fn t20_suspension_stops_registrations_at_once_and_the_next_version_lifts_it() {
    let (mut world, first) = registered();
    let suspend = |version: i64| {
        Value::object([
            ("cc", text("SG")),
            ("scheme", text("UEN")),
            ("version", Value::Int(version)),
        ])
    };
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "scheme_suspend", args, signers).name(), due.name());
    };
    expect(suspend(1), R2, Code::QuorumMissing);
    expect(suspend(1), &[("MY", 1), ("MY", 2)], Code::NotOwner);
    expect(suspend(2), SG_ROOT, Code::SchemeVersion);
    expect(suspend(1).with("scheme", text("ABC")), SG_ROOT, Code::SchemeUnknown);
    expect(suspend(1).with("cc", text("XX")), SG_ROOT, Code::UbinCountryUnknown);
    world.act(Register::Ubin, "scheme_suspend", suspend(1), SG_ROOT).expect("at once");
    assert_eq!(refused(&mut world, "scheme_suspend", suspend(1), SG_ROOT), Code::Unchanged);
    let new = company_body("SG", "UEN", "201912345K", "X");
    assert_eq!(refused(&mut world, "register", body_args(&new), R1), Code::SchemeNotPrimary);
    run(&mut world, "update", &next(&first, &[("sizeClass", text("SMALL"))]), R1)
        .expect("stored records go on");
    put(&mut world, &changed("UEN", &[]));
    assert_eq!(refused(&mut world, "register", body_args(&new), R1), Code::SchemeNotPrimary);
    world.time_ms += LOCK_MS;
    run(&mut world, "register", &new, R1).expect("the next version takes registrations");
}

#[test]
fn t20_a_retired_scheme_takes_no_registrations_and_a_new_one_waits_for_its_time() {
    let (mut world, _) = registered();
    let retire = args(&world, &changed("UEN", &[])).with("retiredAtHeight", Value::Int(4));
    world.act(Register::Ubin, "scheme_put", retire, SG_ROOT).expect("applies");
    company(&mut world, "SG:ACRA", "UEN", "201912345K");
    let late = company_body("SG", "UEN", "202012345A", "X");
    assert_eq!(refused(&mut world, "register", body_args(&late), R1), Code::SchemeNotPrimary);
    let new = entry("SG", "SUR").with("code", text("NEW"));
    put(&mut world, &new);
    let number = company_body("SG", "NEW", "7K3M9QX2TB4V", "X");
    assert_eq!(refused(&mut world, "register", body_args(&number), R1), Code::UbinSchemeUnknown);
    world.time_ms += LOCK_MS;
    run(&mut world, "register", &number, R1).expect("in force now");
    // every version stays readable
    let state = Overlay::new(&world.state);
    for version in [1, 2] {
        let key = titian_contracts::ubin::scheme::scheme_key("SG", "UEN", version);
        assert!(state.holds(&key));
    }
}

#[test]
fn t20_s5_no_code_is_a_prefix_of_another_after_any_sequence_of_changes() {
    let mut world = World::new();
    let mut random = crate::ubin_identifier::Random(7);
    let template = entry("SG", "SUR").with("version", Value::Int(1));
    let mut accepted = 0;
    for _ in 0..60 {
        let length = 2 + random.below(3);
        let code: String = (0..length).map(|_| ['A', 'B', 'C'][random.below(3)]).collect();
        let args = args(&world, &template.with("code", text(&code)));
        accepted += usize::from(world.act(Register::Ubin, "scheme_put", args, SG_ROOT).is_ok());
    }
    assert!(accepted > 3, "{accepted} of the random codes were free");
    let index = titian_contracts::ubin::scheme::country(&Overlay::new(&world.state), "SG");
    let schemes = index.expect("a member").schemes;
    for a in &schemes {
        for b in &schemes {
            assert!(a.code == b.code || !a.code.starts_with(&b.code), "{} {}", a.code, b.code);
        }
    }
}

#[test]
fn t20_s6_no_other_state_and_no_number_of_them_changes_a_scheme() {
    let (mut world, _) = registered();
    let good = args(&world, &changed("UEN", &[]));
    let suspend =
        Value::object([("cc", text("SG")), ("scheme", text("UEN")), ("version", Value::Int(1))]);
    let others: Vec<&str> = titian_genesis::devnet::STATES
        .iter()
        .map(|(cc, ..)| *cc)
        .filter(|cc| *cc != "SG")
        .collect();
    assert_eq!(others.len(), 10);
    for (act, args) in [("scheme_put", &good), ("scheme_suspend", &suspend)] {
        let mut expect = |signers: &[(&str, u64)], due: Code| {
            let code = refused(&mut world, act, args.clone(), signers);
            assert_eq!(code.name(), due.name(), "{act} {signers:?}");
        };
        for n in 1..=others.len() {
            let several: Vec<(&str, u64)> =
                others[..n].iter().flat_map(|cc| [(*cc, 1), (*cc, 2)]).collect();
            expect(&several, Code::NotOwner);
            expect(&[(others[n - 1], 1), (others[n - 1], 2)], Code::NotOwner);
        }
        let with_own: Vec<(&str, u64)> = [("MY", 1), ("MY", 2), ("SG", 1), ("SG", 2)].to_vec();
        expect(&with_own, Code::NotOwner);
        expect(&[("SG", 1)], Code::QuorumMissing);
        expect(R2, Code::QuorumMissing);
        expect(&[], Code::QuorumMissing);
    }
}
