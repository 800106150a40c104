//! Random acts of random keys against an independent model (ubin-api.md §14 T4, T18): the
//! invariants I1 to I9 hold after each step, and every counter equals what the model counts.
//!
//! The model knows bodies, marks, closures and forwards of numbers; it learns only from acts that
//! were applied, by the meaning of the act, and never reads the state of the register.

use std::collections::{BTreeMap, BTreeSet};

use crate::ubin_identifier::Random;
use crate::ubin_scene::{body_args, evidence, moved, next, relation, status, text};
use regex::Regex;
use titian_contracts::digest::Digest;
use titian_contracts::execute::Receipt;
use titian_contracts::json::Value;
use titian_contracts::op::{self, Register};
use titian_contracts::state::decode_content;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::consent::{Consent, ConsentState};
use titian_contracts::ubin::counter::counter_key;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Entry, Record, record_key, ubin_of_key};
use titian_tests::world::{World, company_body, outcome_of};

pub(crate) const ACTS: &[&str] = &[
    "register",
    "register",
    "register",
    "update",
    "confirm",
    "suspend",
    "reinstate",
    "dissolve",
    "restore",
    "correct",
    "correct",
    "annul",
    "duplicate",
    "merge",
    "convert",
    "renumber",
    "alias_add",
    "consent_out",
    "consent_out",
    "continue_in",
    "continue_in",
    "merge_in",
    "merge_in",
    "merge_in",
    "consent_withdraw",
    "challenge_open",
    "challenge_open",
    "challenge_ack",
    "challenge_decide",
    "challenge_withdraw",
];
const REGISTRARS: &[(&str, &str)] = &[("SG", "SG:ACRA"), ("MY", "MY:SSM"), ("TH", "TH:DBD")];
/// Names that section 3 keeps out; no such persons exist.
const PERSONAL: &[&str] = &[
    "TAN S0000000X",
    "NRIC/S0000000X",
    "TAN (No.S0000000X)",
    "880101000000",
    "mail a@b",
    "call 98765 4321",
];
const LIVE: &[&str] =
    &["ACTIVE", "SUSPENDED", "UNDER_ADMINISTRATION", "STRIKE_OFF_PENDING", "IN_LIQUIDATION"];

#[derive(Clone, Debug)]
struct Known {
    body: Value,
    seq: u64,
    /// `Some(None)` annulled, `Some(Some(n))` a duplicate of n.
    mark: Option<Option<Ubin>>,
    /// Status and successor.
    closure: Option<(&'static str, Ubin)>,
}

impl Known {
    fn new(body: Value) -> Self {
        Self { body, seq: 0, mark: None, closure: None }
    }

    fn shown(&self) -> &str {
        self.closure
            .as_ref()
            .map_or_else(
                || self.body.get("status").and_then(|s| s.get("code")).and_then(Value::as_text),
                |(status, _)| Some(*status),
            )
            .expect("a status")
    }

    fn is_live(&self) -> bool {
        LIVE.contains(&self.shown()) && self.mark.is_none()
    }

    fn entity(&self) -> &str {
        self.body.get("entity").and_then(Value::as_text).expect("set")
    }
}

#[derive(Default)]
struct Model {
    records: BTreeMap<Ubin, Known>,
    forwards: BTreeMap<Ubin, Ubin>,
    flows: BTreeMap<(String, &'static str), u64>,
    border: BTreeMap<(String, String, &'static str), u64>,
    /// id, kind, record, and the number of the gaining state: for a merger the survivor
    consents: Vec<(Digest, &'static str, Ubin, Ubin)>,
    /// id, record, state of the challenger
    challenges: Vec<(Digest, Ubin, &'static str)>,
    answers: BTreeMap<(String, &'static str), u64>,
}

impl Model {
    fn flow(&mut self, cc: &str, event: &'static str) {
        *self.flows.entry((cc.to_owned(), event)).or_insert(0) += 1;
    }

    fn now(&self, ubin: &Ubin) -> Ubin {
        self.forwards.get(ubin).unwrap_or(ubin).clone()
    }

    fn answer(&mut self, cc: &str, event: &'static str) {
        *self.answers.entry((cc.to_owned(), event)).or_insert(0) += 1;
    }

    fn close(&mut self, ubin: &Ubin, status: &'static str, successor: &Ubin) {
        let known = self.records.get_mut(ubin).expect("known");
        known.closure = Some((status, successor.clone()));
        known.seq += 1;
    }
}

/// One try: the act, its arguments, and the states whose keys sign if all is well.
struct Try {
    act: &'static str,
    args: Value,
    cc: String,
    ubin: Ubin,
    other: Ubin,
    consent: Option<usize>,
    clear: Option<&'static str>,
}

fn number(cc: &str, i: usize) -> Ubin {
    let (scheme, local) = match cc {
        "SG" => ("UEN", format!("2024000{i:02}A")),
        "MY" => ("BRN", format!("2024010000{i:02}")),
        _ => ("JP", format!("01055361120{i:02}")),
    };
    Ubin { cc: cc.to_owned(), scheme: scheme.to_owned(), local }
}

fn fresh(ubin: &Ubin) -> Value {
    company_body(&ubin.cc, &ubin.scheme, &ubin.local, "RANDOM")
}

fn quoted(ubin: &Ubin, known: &Known) -> Value {
    Value::object([
        ("ubin", Value::from(ubin.to_string())),
        ("version", known.body.get("version").expect("set").clone()),
        ("metaSeq", Value::from(known.seq)),
    ])
}

fn choose(random: &mut Random, model: &Model, world: &World) -> Try {
    let act = ACTS[random.below(ACTS.len())];
    let cc = ["SG", "MY", "TH"][random.below(3)];
    let ubin = number(cc, random.below(6));
    let other = number(if random.below(4) == 0 { "MY" } else { cc }, random.below(6));
    let known = model.records.get(&ubin).cloned().unwrap_or_else(|| Known::new(fresh(&ubin)));
    let old = &known.body;
    let code = [LIVE, &["OTHER", "RESERVED"]].concat()[random.below(7)];
    let reasoned = |args: Value| args.with("reason", text("OTHER"));
    let quote = || reasoned(quoted(&ubin, &known));
    let dated = |args: Value| args.with("date", text("2026-07-01"));
    let other_known =
        model.records.get(&other).cloned().unwrap_or_else(|| Known::new(fresh(&other)));
    // mostly one of the last, which may still be open
    let recent = if random.below(4) == 0 { model.consents.len() } else { 4 };
    let consent = model
        .consents
        .len()
        .checked_sub(1)
        .map(|last| last - random.below(recent.clamp(1, last + 1)));
    let clear = [None, Some("MARK"), Some("CLOSURE")][random.below(3)];
    let mut plan = Try {
        act,
        args: Value::Null,
        cc: cc.to_owned(),
        ubin: ubin.clone(),
        other: other.clone(),
        consent: None,
        clear: None,
    };
    plan.args = match act {
        "register" => body_args(&fresh(&ubin)),
        "suspend" => reasoned(body_args(&next(old, &[("status", status("SUSPENDED"))]))),
        "reinstate" => reasoned(body_args(&next(old, &[("status", status("ACTIVE"))]))),
        "dissolve" => reasoned(body_args(&moved(old, "DISSOLVED"))),
        "restore" => reasoned(body_args(&moved(old, "ACTIVE"))),
        "correct" => {
            plan.clear = clear;
            let body = next(old, &[("status", status(code)), ("evidence", evidence())]);
            let args = reasoned(body_args(&body.without("endedOn")));
            clear.map_or(args.clone(), |word| args.with("clear", text(word)))
        }
        "annul" => quote(),
        "duplicate" => quote().with("canonical", Value::from(other.to_string())),
        "merge" => dated(quote()).with("absorbed", Value::List(vec![quoted(&other, &other_known)])),
        "convert" => {
            let body = fresh(&other).with("relations", relation("SUCCESSOR_OF", &ubin.to_string()));
            quote().with("body", body)
        }
        "renumber" => {
            let body = next(
                old,
                &[("ubin", Value::from(other.to_string())), ("displayId", text(&other.local))],
            );
            body_args(&body).with("ubin", Value::from(ubin.to_string()))
        }
        "alias_add" => Value::object([
            ("ubin", Value::from(ubin.to_string())),
            ("alias", Value::from(other.to_string())),
        ]),
        "consent_out" => {
            let to = number(["SG", "MY", "TH"][random.below(3)], random.below(6));
            plan.other = to.clone();
            let kind = ["RELOCATE", "MERGE"][random.below(2)];
            let args = Value::object([
                ("kind", text(kind)),
                ("ubin", Value::from(ubin.to_string())),
                ("version", old.get("version").expect("set").clone()),
                ("toAms", text(&to.cc)),
                ("toScheme", text(&to.scheme)),
                // every consent is an op of its own
                ("expiresMs", Value::from(world.time_ms + 2 * 86_400_000)),
            ]);
            if kind == "MERGE" {
                args.with("successorUbin", Value::from(to.to_string()))
            } else {
                args
            }
        }
        "continue_in" | "merge_in" | "consent_withdraw" => {
            plan.consent = consent;
            let Some((id, kind, from, to)) = consent.map(|i| &model.consents[i]) else {
                plan.args = Value::object([("id", Digest::ZERO.into())]);
                return plan;
            };
            let target =
                if *kind == "MERGE" { to.clone() } else { number(&to.cc, random.below(6)) };
            plan.ubin = target.clone();
            plan.other = model.now(from);
            plan.cc = target.cc.clone();
            match act {
                "consent_withdraw" => {
                    plan.cc = from.cc.clone();
                    Value::object([("id", (*id).into())])
                }
                "continue_in" => {
                    let entity = model.records.get(&plan.other).map_or("x", Known::entity);
                    let body = fresh(&target)
                        .with("entity", text(entity))
                        .with("relations", relation("RELOCATED_FROM", &from.to_string()));
                    body_args(&body).with("consent", (*id).into())
                }
                _ => {
                    let survivor = model.now(&target);
                    plan.ubin = survivor.clone();
                    let known = model.records.get(&survivor).cloned();
                    let known = known.unwrap_or_else(|| Known::new(fresh(&survivor)));
                    dated(reasoned(quoted(&survivor, &known)))
                        .with("consents", Value::List(vec![(*id).into()]))
                }
            }
        }
        "confirm" => body_args(&next(old, &[("confirmedOn", text("2026-07-01"))])),
        "challenge_open" => {
            let (cc, by) = REGISTRARS[random.below(3)];
            plan.cc = cc.to_owned();
            Value::object([
                ("by", text(by)),
                ("ubin", Value::from(ubin.to_string())),
                ("version", old.get("version").expect("set").clone()),
                ("ground", text(["NAME", "STATUS", "ADDRESS", "IDENTITY"][random.below(4)])),
                ("fields", Value::List(Vec::new())),
                ("evidence", Value::List(Vec::new())),
            ])
        }
        "challenge_ack" | "challenge_decide" | "challenge_withdraw" => {
            let place = random.below(model.challenges.len().max(1));
            let Some((id, record, by)) = model.challenges.get(place) else {
                return Try { args: Value::object([("id", Digest::ZERO.into())]), ..plan };
            };
            plan.ubin = record.clone();
            plan.cc =
                if act == "challenge_withdraw" { (*by).to_owned() } else { record.cc.clone() };
            let args = Value::object([("id", (*id).into())]);
            match (act, random.below(2)) {
                ("challenge_decide", 0) => args.with("decision", text("UPHELD")),
                ("challenge_decide", _) => reasoned(args.with("decision", text("REJECTED"))),
                _ => args,
            }
        }
        _ => body_args(&next(old, &[("status", status(code))])),
    };
    if random.below(12) == 0
        && let Some(body) = plan.args.get("body")
    {
        let name = [("value", text(PERSONAL[random.below(PERSONAL.len())])), ("lang", text("en"))];
        plan.args = plan.args.with("body", body.with("legalName", Value::object(name)));
    }
    plan
}

/// What the model learns from an applied act.
fn learn(model: &mut Model, plan: &Try, world: &World) {
    let Try { act, args, ubin, other, .. } = plan;
    let body = args.get("body").cloned();
    match *act {
        "register" => {
            model.flow(&ubin.cc, "new");
            model.records.insert(ubin.clone(), Known::new(body.expect("set")));
        }
        "annul" | "duplicate" => {
            let canonical = (*act == "duplicate").then(|| model.now(other));
            let known = model.records.get_mut(ubin).expect("known");
            known.seq += 1;
            known.mark = Some(canonical);
        }
        "merge" => {
            model.close(other, "MERGED", ubin);
            model.flow(&other.cc, "merged");
        }
        "merge_in" => {
            model.close(other, "MERGED", ubin);
            model.flow(&other.cc, "merged");
            *model.border.entry((other.cc.clone(), ubin.cc.clone(), "MERGED")).or_insert(0) += 1;
        }
        "convert" => {
            model.close(ubin, "CONVERTED", other);
            model.flow(&ubin.cc, "converted");
            model.records.insert(other.clone(), Known::new(body.expect("set")));
        }
        "continue_in" => {
            model.close(other, "RELOCATED", ubin);
            model.flow(&other.cc, "relocated_out");
            model.flow(&ubin.cc, "relocated_in");
            *model.border.entry((other.cc.clone(), ubin.cc.clone(), "RELOCATED")).or_insert(0) += 1;
            model.records.insert(ubin.clone(), Known::new(body.expect("set")));
        }
        "renumber" => {
            let mut known = model.records.remove(ubin).expect("known");
            known.body = body.expect("set");
            model.records.insert(other.clone(), known);
            for target in model.forwards.values_mut().filter(|target| *target == ubin) {
                *target = other.clone();
            }
            model.forwards.insert(ubin.clone(), other.clone());
        }
        "alias_add" => {
            model.forwards.insert(other.clone(), ubin.clone());
        }
        "consent_out" => {
            let op = world.op(Register::Ubin, act, args.clone());
            let kind = args.get("kind").and_then(Value::as_text).expect("set");
            let kind = if kind == "MERGE" { "MERGE" } else { "RELOCATE" };
            let id = op::digest_of(Register::Ubin, &op);
            model.consents.push((id, kind, ubin.clone(), other.clone()));
        }
        "consent_withdraw" => {}
        "challenge_open" => {
            let op = world.op(Register::Ubin, act, args.clone());
            let by = REGISTRARS.iter().find(|(cc, _)| *cc == plan.cc).expect("one of three").0;
            model.challenges.push((op::digest_of(Register::Ubin, &op), ubin.clone(), by));
            model.answer(&ubin.cc, "opened");
        }
        "challenge_ack" => model.answer(&ubin.cc, "acknowledged"),
        "challenge_withdraw" => model.answer(&ubin.cc, "withdrawn"),
        "challenge_decide" => {
            let upheld = args.get("decision").and_then(Value::as_text) == Some("UPHELD");
            model.answer(&ubin.cc, if upheld { "upheld" } else { "rejected" });
        }
        _ => {
            match *act {
                "dissolve" => model.flow(&ubin.cc, "ended"),
                "restore" => model.flow(&ubin.cc, "restored"),
                _ => {}
            }
            let known = model.records.get_mut(ubin).expect("known");
            known.body = body.expect("set");
            match plan.clear {
                Some("MARK") => known.mark = None,
                Some(_) => known.closure = None,
                None => {}
            }
            known.seq += u64::from(plan.clear.is_some());
        }
    }
}

type Numbers = BTreeMap<Ubin, Entry>;

fn numbers(world: &World) -> Numbers {
    let entries = world.state.0.iter().filter(|(key, _)| key.starts_with(b"ubin/rec/"));
    entries
        .map(|(key, stored)| {
            let ubin = ubin_of_key(key).expect("a record key");
            (ubin, decode_content(&stored.content).expect("decodes"))
        })
        .collect()
}

/// I1 and I4 between two states.
fn check_step(before: &Numbers, after: &Numbers, applied: Option<&Try>, place: &str) {
    for (ubin, new) in after {
        let old = before.get(ubin);
        if old == Some(new) {
            continue;
        }
        let plan = applied.unwrap_or_else(|| panic!("{place}: a refused act wrote {ubin}"));
        assert!(!plan.act.starts_with("challenge"), "{place}: a challenge wrote {ubin}");
        let consented = matches!(plan.act, "continue_in" | "merge_in") && plan.other == *ubin;
        assert!(ubin.cc == plan.cc || consented, "{place}: I1 {ubin}");
        match (old, new) {
            (Some(Entry::Record(old)), Entry::Record(new)) => {
                assert_eq!(old.entity, new.entity, "{place}: I5 {ubin}");
                assert!(
                    new.version == old.version || new.version == old.version + 1,
                    "{place}: I4"
                );
                assert_eq!(new.version == old.version, new.body_hash == old.body_hash, "{place}");
                assert!(!consented || new.version == old.version, "{place}: I1 no version");
            }
            (Some(Entry::Alias(_)), Entry::Record(_)) => panic!("{place}: I2 {ubin} came back"),
            (Some(Entry::Record(_)), Entry::Alias(_)) => {
                assert_eq!(plan.act, "renumber", "{place}")
            }
            _ => {}
        }
    }
    assert!(before.keys().all(|ubin| after.contains_key(ubin)), "{place}: I2");
}

/// I3, I5, I6 in one state.
fn check_state(numbers: &Numbers, place: &str) {
    let record = |ubin: &Ubin| -> Option<&Record> {
        match numbers.get(ubin)? {
            Entry::Record(record) => Some(record),
            Entry::Alias(alias) => {
                let target = Ubin::parse_canonical(&alias.target).expect("canonical");
                match numbers.get(&target) {
                    Some(Entry::Record(record)) => {
                        assert_eq!(record.entity, alias.entity, "{place}: I3 {ubin}");
                        assert_eq!(target.cc, ubin.cc, "{place}: I3 {ubin}");
                        Some(record)
                    }
                    _ => panic!("{place}: I3 {ubin} forwards to no record"),
                }
            }
        }
    };
    let mut live = BTreeSet::new();
    for (ubin, entry) in numbers {
        let found = record(ubin).expect("something stands there");
        if !matches!(entry, Entry::Record(_)) {
            continue;
        }
        assert!(!found.is_live() || live.insert(&found.entity), "{place}: I5 {}", found.entity);
        if let Some(canonical) = found.meta.mark.as_ref().and_then(|m| m.canonical.as_deref()) {
            let canonical = record(&Ubin::parse_canonical(canonical).expect("canonical"));
            assert!(canonical.is_some_and(|c| c.meta.mark.is_none()), "{place}: I6 {ubin}");
        }
    }
}

/// The register holds what the model holds, and every counter is what the model counts (I9).
fn compare(world: &World, numbers: &Numbers, model: &Model, place: &str) {
    let mut due: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for (ubin, known) in &model.records {
        let Some(Entry::Record(record)) = numbers.get(ubin) else {
            panic!("{place}: no record under {ubin}");
        };
        assert_eq!(record.body_hash, body_hash(&known.body), "{place}: {ubin}");
        assert_eq!(record.shown_status().name(), known.shown(), "{place}: {ubin}");
        assert_eq!(record.is_live(), known.is_live(), "{place}: {ubin}");
        assert_eq!(record.meta.seq, known.seq, "{place}: {ubin}");
        if known.mark.is_none() {
            let cells = [ubin.cc.as_str(), &ubin.scheme, "GENERAL", "NONE", known.shown()];
            *due.entry(counter_key("ubin_stock", &cells)).or_insert(0) += 1;
        }
    }
    for (old, target) in &model.forwards {
        assert!(matches!(numbers.get(old), Some(Entry::Alias(_))), "{place}: {old}");
        assert!(model.records.contains_key(target), "{place}: {old} to {target}");
    }
    assert_eq!(numbers.len(), model.records.len() + model.forwards.len(), "{place}");
    for ((cc, event), count) in &model.flows {
        due.insert(counter_key("ubin_flow", &[cc, "2026-07", event]), *count);
    }
    for ((cc, event), count) in &model.answers {
        due.insert(counter_key("ubin_challenges", &[cc, "2026-07", event]), *count);
    }
    for ((from, to, kind), count) in &model.border {
        due.insert(counter_key("ubin_crossborder", &[from, to, kind]), *count);
    }
    let counters = world.state.0.iter().filter(|(key, _)| key.starts_with(b"ubin/count/"));
    let found: BTreeMap<Vec<u8>, u64> = counters
        .map(|(key, stored)| (key.clone(), decode_content(&stored.content).expect("decodes")))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(found, due, "{place}: I9");
}

/// I7: a consent leaves OPEN once and for good.
fn consents(world: &World) -> BTreeMap<Vec<u8>, ConsentState> {
    let entries = world.state.0.iter().filter(|(key, _)| key.starts_with(b"ubin/consent/"));
    entries
        .map(|(key, stored)| {
            let consent: Consent = decode_content(&stored.content).expect("decodes");
            (key.clone(), consent.state)
        })
        .collect()
}

/// I8: no body of the register fails section 3, by a scan that is written for this test: one for
/// every state, and the citizen numbers of Singapore in records of Singapore.
fn check_bodies(model: &Model, [scan, singapore]: &[Regex; 2], place: &str) {
    for (ubin, known) in &model.records {
        let body = known.body.to_jcs();
        assert!(!scan.is_match(&body), "{place}: I8 {ubin}");
        assert!(ubin.cc != "SG" || !singapore.is_match(&body), "{place}: I8 {ubin}");
    }
}

#[test]
fn t04_random_acts_of_random_keys_keep_every_invariant_and_counter() {
    let mut applied: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 1..=6 {
        walk(seed, 500, &mut applied);
    }
    let never: Vec<&&str> = ACTS.iter().filter(|act| !applied.contains_key(**act)).collect();
    assert!(never.is_empty(), "never applied: {never:?}");
}

/// Walks `steps` blocks of one act; gives the world, and each transaction with its receipt.
pub(crate) fn walk(
    seed: u64,
    steps: usize,
    applied: &mut BTreeMap<&'static str, u32>,
) -> (World, Vec<(Vec<u8>, Receipt)>) {
    let registrars = REGISTRARS;
    let scan = [r"(?:@|\d{9}|\d{5} \d{4})", r"[STFGM]\d{7}[A-Z]"]
        .map(|part| Regex::new(&format!(r#""value":"[^"]*{part}"#)).expect("a pattern"));
    let mut random = Random(seed);
    let mut world = World::new();
    let mut model = Model::default();
    let mut blocks = Vec::new();
    for step in 0..steps {
        let plan = choose(&mut random, &model, &world);
        let wrong = random.below(12) == 0;
        let own = registrars.iter().find(|(cc, _)| *cc == plan.cc).expect("one of three").1;
        let signer = if wrong { registrars[random.below(3)].1 } else { own };
        let two = [(signer, 1), (signer, 2)];
        let signers = if random.below(12) == 0 { &two[..1] } else { &two[..] };
        let before = numbers(&world);
        let consents_before = consents(&world);
        let op = world.sign(&world.op(Register::Ubin, plan.act, plan.args.clone()), signers);
        let receipt = world.run(&op);
        blocks.push((World::transaction(&op), receipt.clone()));
        let result = outcome_of(receipt).map(|_| ());
        let after = numbers(&world);
        let place = format!("seed {seed}, step {step}: {} by {signer}: {result:?}", plan.act);
        check_step(&before, &after, result.is_ok().then_some(&plan), &place);
        check_state(&after, &place);
        if result.is_ok() {
            assert_eq!(&signer[..2], plan.cc, "{place}: I1");
            *applied.entry(plan.act).or_insert(0) += 1;
            learn(&mut model, &plan, &world);
        }
        compare(&world, &after, &model, &place);
        check_bodies(&model, &scan, &place);
        for (key, state) in consents(&world) {
            let old = consents_before.get(&key).copied().unwrap_or(ConsentState::Open);
            assert!(old == state || old == ConsentState::Open, "{place}: I7");
        }
    }
    let keys = model.records.keys().map(record_key);
    assert!(keys.into_iter().all(|key| world.state.0.contains_key(&key)), "seed {seed}");
    (world, blocks)
}
