//! The invariants I1 to I5 and I9 of the UBIN register under random acts of random keys, and the
//! replay of every act (ubin-api.md §14 T4).

use std::collections::BTreeMap;

use crate::ubin_identifier::Random;
use crate::ubin_scene::{R1, R2, body, body_args, moved, next, record, status, text};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::decode_content;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::counter;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Entry, ubin_of_key};
use titian_contracts::ubin::vocabulary::Status;
use titian_tests::world::{World, company_body};

#[test]
fn t04_replay_of_every_act_is_refused_and_changes_nothing() {
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
pub(crate) fn numbers(world: &World) -> BTreeMap<Vec<u8>, Entry> {
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
fn t04_random_acts_of_random_keys_keep_the_invariants() {
    for seed in 1..=4 {
        random_walk(seed, 250);
    }
}

/// What the walk knows of a number: its last applied body.
type Model = BTreeMap<Ubin, Value>;

fn random_walk(seed: u64, steps: usize) {
    let states = [("SG", "SG:ACRA", "UEN"), ("MY", "MY:SSM", "SUR"), ("TH", "TH:DBD", "SUR")];
    let acts = [
        "register",
        "update",
        "confirm",
        "suspend",
        "reinstate",
        "dissolve",
        "restore",
        "alias_add",
    ];
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
                let alias = Ubin {
                    local: format!("{}{}", &local[..local.len() - 1], random.below(4)),
                    ..number.clone()
                };
                let alias = if scheme == "UEN" {
                    Ubin { local: format!("20230000{}A", random.below(8)), ..alias }
                } else {
                    alias
                };
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
        let args = if act == "alias_add" || random.below(8) == 0 {
            args
        } else {
            args.with("reason", text("OTHER"))
        };
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

pub(crate) fn check_counters(world: &World, numbers: &BTreeMap<Vec<u8>, Entry>, place: &str) {
    let due = recount(numbers);
    for (key, stored) in
        world.state.0.iter().filter(|(k, _)| k.starts_with(b"ubin/count/ubin_stock/"))
    {
        let count: u64 = decode_content(&stored.content).expect("decodes");
        assert_eq!(
            count,
            due.get(key).copied().unwrap_or(0),
            "{place}: {}",
            String::from_utf8_lossy(key)
        );
    }
    assert!(due.keys().all(|key| world.state.0.contains_key(key)), "{place}");
}
