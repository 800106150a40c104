//! Proofs about numbers and reads by height and date (ubin-api.md §14 T17, T10): what is proven
//! verifies with the genesis file alone, and no changed byte does.

use crate::ubin_identifier::Random;
use crate::ubin_scene::{
    R1, R2, body_args, evidence, next, quote_reason, record, registered, run, text, ubin_of,
};
use titian_contracts::claim::{self, Frame};
use titian_contracts::json::{self, Value};
use titian_contracts::op::Register;
use titian_contracts::proof::{self, VerifyError};
use titian_contracts::state::{Overlay, decode_content};
use titian_contracts::time::{DAY_MS, Date};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Entry, Record, record_key};
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::view;
use titian_tests::certify;
use titian_tests::world::{World, company_body};

fn bundle(world: &World, kind: &str, stated: &Value) -> Result<String, VerifyError> {
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let keys = claim::question(kind, stated, &world.state, frame)?;
    let (entries, evidence) = certify::prove(world, &keys);
    let claim = claim::rebuild(kind, stated, &entries, frame)?;
    Ok(proof::bundle(kind, world.height, claim, &evidence))
}

fn proven(world: &World, kind: &str, stated: &Value) -> Value {
    let text = bundle(world, kind, stated).expect("the claim holds");
    let proven = proof::verify(text.as_bytes(), &world.genesis.anchor(), 0).expect("verifies");
    assert_eq!((proven.kind.as_str(), proven.height), (kind, world.height));
    proven.claim
}

fn asked(ubin: &Ubin) -> Value {
    Value::object([("ubin", Value::from(ubin.to_string()))])
}

fn with_bodies(ubin: &Ubin, bodies: &[&Value]) -> Value {
    let versions = bodies.iter().map(|body| Value::object([("body", (*body).clone())]));
    asked(ubin).with("versions", Value::List(versions.collect()))
}

#[test]
fn t17_presence_absence_and_as_of_verify_offline() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let absent = ubin_of(&company_body("SG", "UEN", "201912345K", "X"));
    assert_eq!(proven(&world, "ubin-absence", &asked(&absent)).get("found"), Some(&false.into()));
    let at_one = proven(&world, "ubin-presence", &asked(&number).with("body", first.clone()));
    assert_eq!(at_one.get("since"), Some(&Value::Int(1)));
    let earlier = bundle(&world, "ubin-presence", &asked(&number).with("body", first.clone()));
    let earlier = earlier.expect("made at height 1");
    let second = next(&first, &[("sizeClass", text("SMALL"))]);
    run(&mut world, "update", &second, R1).expect("applies");
    let annul = quote_reason(&world, &number);
    world.act(Register::Ubin, "annul", annul, R2).expect("applies");
    let at_three = proven(&world, "ubin-presence", &asked(&number).with("body", second.clone()));
    assert_eq!(at_three.get("live"), Some(&false.into()));
    assert_eq!(at_three.get("since"), Some(&Value::Int(3)));
    // the bundle made under the certificate of height 1 still says what stood then
    let then = proof::verify(earlier.as_bytes(), &world.genesis.anchor(), 0).expect("verifies");
    assert_eq!((then.height, then.claim), (1, at_one));
    let too_old = proof::verify(earlier.as_bytes(), &world.genesis.anchor(), 2);
    assert_eq!(too_old, Err(VerifyError::TooOld));
    assert!(bundle(&world, "ubin-absence", &asked(&number)).is_err(), "it is there");
    let wrong_body = asked(&number).with("body", first);
    assert!(bundle(&world, "ubin-presence", &wrong_body).is_err(), "not the body of this version");
}

#[test]
fn t17_schemes_are_proven_with_versions_that_wait() {
    let (mut world, _) = registered();
    let before = bundle(&world, "ubin-schemes", &Value::Object(Vec::new())).expect("made");
    let entry = SchemeTable::genesis().find("SG", "UEN").expect("in genesis").entry.to_value();
    let entry = entry.with("version", Value::Int(2)).with("refreshDays", Value::Int(200));
    let effective_ms = world.time_ms + 15 * DAY_MS;
    let args = Value::object([("entry", entry), ("effectiveMs", Value::from(effective_ms))]);
    world.act(Register::Ubin, "scheme_put", args, &[("SG", 1), ("SG", 2)]).expect("announced");
    let text = bundle(&world, "ubin-schemes", &Value::Object(Vec::new())).expect("made");
    let proven = proof::verify(text.as_bytes(), &world.genesis.anchor(), 0).expect("verifies");
    let days = |time_ms: u64| {
        let table = SchemeTable::of_proven(&proven, time_ms).expect("of this kind");
        table.find("SG", "UEN").expect("known").entry.refresh_days
    };
    let genesis = SchemeTable::genesis();
    let first = genesis.find("SG", "UEN").expect("in genesis").entry.refresh_days;
    assert_eq!((days(effective_ms - 1), days(effective_ms)), (first, 200));
    // all schemes of the members, as the state has them
    let table = SchemeTable::of_proven(&proven, world.time_ms).expect("of this kind");
    assert_eq!(table.iter().count(), genesis.iter().count());
    let of_state = SchemeTable::of_state(&Overlay::new(&world.state), world.time_ms);
    assert_eq!(table, of_state);
    // a proof of something else holds none
    let other = bundle(
        &world,
        "ubin-absence",
        &asked(&ubin_of(&company_body("SG", "UEN", "201912345K", "X"))),
    );
    let other = other.expect("made");
    let other = proof::verify(other.as_bytes(), &world.genesis.anchor(), 0).expect("verifies");
    assert_eq!(SchemeTable::of_proven(&other, 0), None);
    // an entry of an earlier height does not go with a later root
    assert_ne!(before, text);
    let claim_of = |text: &str| json::parse(text.as_bytes()).expect("JSON").get("claim").cloned();
    let mixed = json::parse(text.as_bytes()).expect("JSON");
    let mixed = mixed.with("claim", claim_of(&before).expect("set")).to_jcs();
    assert!(proof::verify(mixed.as_bytes(), &world.genesis.anchor(), 0).is_err());
}

#[test]
fn t17_a_history_proves_every_version_through_a_renumbering_back_to_the_first() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let second = next(&first, &[("sizeClass", text("SMALL"))]);
    run(&mut world, "update", &second, R1).expect("applies");
    let new = company_body("SG", "UEN", "201912345K", "X");
    let third = next(
        &second,
        &[("ubin", new.get("ubin").expect("set").clone()), ("displayId", text("201912345K"))],
    );
    let args = body_args(&third).with("ubin", Value::from(number.to_string()));
    world.act(Register::Ubin, "renumber", args, R2).expect("applies");
    // asked by the old number
    let claim = proven(&world, "ubin-history", &with_bodies(&number, &[&third, &second, &first]));
    assert_eq!(claim.get("complete"), Some(&true.into()));
    assert_eq!(claim.get("current"), new.get("ubin"));
    let part = proven(&world, "ubin-history", &with_bodies(&number, &[&third, &second]));
    assert_eq!(part.get("complete"), Some(&false.into()));
    for broken in [
        with_bodies(&number, &[&third, &first]),
        with_bodies(&number, &[&second, &first]),
        with_bodies(&number, &[&third, &second.with("sizeClass", text("LARGE")), &first]),
        with_bodies(&number, &[&third, &second, &first, &first]),
        with_bodies(&number, &[]),
        asked(&number),
    ] {
        assert!(bundle(&world, "ubin-history", &broken).is_err(), "{}", broken.to_jcs());
    }
}

#[test]
fn t17_counters_are_proven_also_where_they_never_counted() {
    let (world, _) = registered();
    let counter = |cells: &[&str]| {
        Value::object([("cells", Value::List(cells.iter().map(|c| text(c)).collect()))])
    };
    let stated = |counters: Vec<Value>| {
        Value::object([("metric", text("ubin_flow")), ("counters", Value::List(counters))])
    };
    let claim = proven(
        &world,
        "ubin-kpi",
        &stated(vec![counter(&["SG", "2026-07", "new"]), counter(&["TH", "2026-07", "new"])]),
    );
    let values: Vec<Option<&Value>> = claim
        .get("counters")
        .and_then(Value::as_list)
        .expect("set")
        .iter()
        .map(|counter| counter.get("value"))
        .collect();
    assert_eq!(values, [Some(&Value::Int(1)), Some(&Value::Int(0))]);
    let twice = counter(&["SG", "2026-07", "new"]);
    for broken in [
        stated(Vec::new()),
        stated(vec![twice.clone(), twice]),
        stated(vec![counter(&["SG/2026-07", "new"])]),
        stated(vec![Value::object([("cells", text("SG"))])]),
    ] {
        assert!(bundle(&world, "ubin-kpi", &broken).is_err(), "{}", broken.to_jcs());
    }
}

#[test]
fn t17_a_flipped_byte_of_any_bundle_fails() {
    let (world, first) = registered();
    let number = ubin_of(&first);
    let absent = ubin_of(&company_body("SG", "UEN", "201912345K", "X"));
    let cells = Value::List(["SG", "2026-07", "new"].iter().map(|c| text(c)).collect());
    let kpi = Value::object([
        ("metric", text("ubin_flow")),
        ("counters", Value::List(vec![Value::object([("cells", cells)])])),
    ]);
    let bundles = [
        ("ubin-presence", asked(&number).with("body", first.clone())),
        ("ubin-absence", asked(&absent)),
        ("ubin-history", with_bodies(&number, &[&first])),
        ("ubin-kpi", kpi),
    ];
    for (kind, stated) in bundles {
        let text = bundle(&world, kind, &stated).expect("holds");
        let mut bytes = text.into_bytes();
        // every seventh byte: all parts of the bundle are hit
        for at in (0..bytes.len()).step_by(7) {
            bytes[at] ^= 1;
            let result = proof::verify(&bytes, &world.genesis.anchor(), 0);
            assert!(result.is_err(), "{kind}: byte {at}");
            bytes[at] ^= 1;
        }
        proof::verify(&bytes, &world.genesis.anchor(), 0).expect("unchanged it verifies");
    }
}

/// Every state that the record of a number ever had, newest first, as a node keeps them.
fn states(history: &[World], number: &Ubin) -> Vec<Record> {
    let mut states: Vec<Record> = Vec::new();
    for world in history {
        let stored = world.state.0.get(&record_key(number));
        if let Some(Entry::Record(record)) = stored.and_then(|s| decode_content(&s.content))
            && states.first() != Some(&*record)
        {
            states.insert(0, *record);
        }
    }
    states
}

#[test]
fn t10_reads_by_date_agree_with_a_naive_model() {
    for seed in 1..=5 {
        let mut random = Random(seed);
        let (mut world, first) = registered();
        let number = ubin_of(&first);
        // (validFrom, version) of each version; the height of each does not matter at the head
        let mut versions: Vec<(String, u64)> = vec![("2026-06-30".to_owned(), 1)];
        let mut body = first;
        let mut worlds = vec![snapshot(&world)];
        for version in 2..20_u64 {
            let date = format!("2026-{:02}-{:02}", 1 + random.below(6), 1 + random.below(28));
            body = next(&body, &[("validFrom", text(&date)), ("evidence", evidence())]);
            let args = body_args(&body).with("reason", text("ERROR"));
            world.act(Register::Ubin, "correct", args, R2).expect("may be dated back");
            versions.push((date, version));
            worlds.push(snapshot(&world));
        }
        let states = states(&worlds, &number);
        assert_eq!(states.len(), 19);
        for month in 1..=7 {
            for day in [1, 9, 17, 28] {
                let date = format!("2026-{month:02}-{day:02}");
                let due = versions.iter().filter(|(from, _)| *from <= date).max();
                let found = view::on_date(&states, Date::parse(&date).expect("a date"));
                assert_eq!(
                    found.map(|record| record.version),
                    due.map(|(_, version)| *version),
                    "seed {seed}, {date}"
                );
            }
        }
    }
}

fn snapshot(world: &World) -> World {
    let mut copy = World::new();
    copy.state = world.state.clone();
    copy.height = world.height;
    copy.time_ms = world.time_ms;
    copy
}

#[test]
fn t10_a_closure_counts_from_its_date_on_and_a_mark_on_every_date() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let mut worlds = vec![snapshot(&world)];
    let survivor = world.register_company("SG:ACRA", "UEN", "201912345K", "SURVIVOR");
    let survivor = Ubin::parse_canonical(&survivor).expect("canonical");
    let merge = quote_reason(&world, &survivor)
        .with("date", text("2026-07-02"))
        .with("absorbed", Value::List(vec![crate::ubin_scene::quote(&world, &number)]));
    world.act(Register::Ubin, "merge", merge, R2).expect("merged from tomorrow");
    worlds.push(snapshot(&world));
    let states = states(&worlds, &number);
    let shown = |date: &str| {
        view::on_date(&states, Date::parse(date).expect("a date")).map(|r| r.shown_status().name())
    };
    assert_eq!(shown("2026-06-29"), None, "before its first version");
    assert_eq!(shown("2026-07-01"), Some("ACTIVE"));
    assert_eq!(shown("2026-07-02"), Some("MERGED"));
    let clean = record(&world, &number);
    let state = Overlay::new(&world.state);
    let answer =
        view::get(&state, &number, view::AsOf { height: 3, time_ms: world.time_ms }, |_| None);
    assert_eq!(answer.get("successor"), Some(&Value::from(survivor.to_string())));
    assert!(clean.is_final());
}
