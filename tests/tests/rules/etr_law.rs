//! The entries that a state writes for itself: legal effect, regimes, rulebooks, court policy.

use titian_contracts::error::Code;
use titian_contracts::etr::{court, legal};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_genesis::contribution::Contribution;
use titian_genesis::{Genesis, GenesisError};
use titian_tests::etr::{DAY_MS, Traders, accept_args, with_ack};
use titian_tests::etr_types::{object, profile, some_digest, texts};

use super::gov_proposals::world_of;

const ROOT: [(&str, u64); 2] = [("SG", 1), ("SG", 2)];

fn set(t: &mut Traders, act: &str, entry: Value, signers: &[(&str, u64)]) -> Result<(), Code> {
    let args = object(&[("entry", entry)]);
    t.world.act(Register::Gov, act, args, signers).map(|_| ())
}

fn effect(version: i64, contractual: &str) -> Value {
    let text = |text: &str| Value::from(text);
    object(&[
        ("ams", text("VN")),
        ("class", text("*")),
        ("instrument", text("none")),
        ("status", text("none")),
        ("sinceMs", Value::Int(0)),
        ("citation", text("invented")),
        ("excludes", texts(&[])),
        ("presumption", text("none")),
        (
            "policy",
            object(&[
                ("full", text("allow")),
                ("contractual", text(contractual)),
                ("excluded", text("block")),
                ("unknown", text("warn")),
            ]),
        ),
        ("version", Value::Int(version)),
    ])
}

#[test]
fn a_state_writes_its_own_legal_effect_and_no_other_does() {
    let mut t = Traders::new();
    let vn = [("VN", 1), ("VN", 2)];
    // genesis holds version 1
    assert_eq!(set(&mut t, "legal_effect_set", effect(2, "warn"), &ROOT), Err(Code::NotOwner));
    let one = set(&mut t, "legal_effect_set", effect(2, "warn"), &vn[..1]);
    assert_eq!(one, Err(Code::QuorumMissing));
    let odd = effect(2, "warn").with("status", Value::from("rumoured"));
    assert_eq!(set(&mut t, "legal_effect_set", odd, &vn), Err(Code::Malformed));
    for version in [1, 3] {
        let found = set(&mut t, "legal_effect_set", effect(version, "warn"), &vn);
        assert_eq!(found, Err(Code::VersionConflict));
    }
    assert_eq!(set(&mut t, "legal_effect_set", effect(2, "warn"), &vn), Ok(()));
    assert_eq!(set(&mut t, "legal_effect_set", effect(2, "warn"), &vn), Err(Code::VersionConflict));
    let state = Overlay::new(&t.world.state);
    let entry = legal::effect(&state, "VN", "cheque").expect("an entry for every class");
    assert_eq!((entry.version, entry.status.as_str()), (2, "none"));
    // an acknowledgement of what was said before does not do any more
    let (sg, holder) = (t.sg.clone(), t.vn.clone());
    let op = t.issue_op(&profile("bl-order"), "LAW-1");
    assert_eq!(t.run_signed(&op, &[&sg, &holder]).err(), Some(Code::LegalAckRequired));
    assert_eq!(set(&mut t, "legal_effect_set", effect(3, "block"), &vn), Ok(()));
    assert_eq!(t.run_signed(&op, &[&sg, &holder]).err(), Some(Code::LegalBlocked));
}

#[test]
fn a_move_to_block_binds_records_issued_after_it() {
    let policy = |entry: &Value, verdict: &str, effect: &str| {
        let policy = entry.get("policy").expect("a policy").with(verdict, Value::from(effect));
        entry.with("policy", policy)
    };
    let base = effect(2, "warn");
    let in_force = base.with("status", Value::from("in_force"));
    let excluding = |entry: &Value| entry.with("excludes", texts(&["bill_of_lading"]));
    let (vn, th) = ("VN", "TH");
    // what stood when the record was issued, to whom, what came then, and what its next holder is told
    let warned = Code::LegalAckRequired;
    let cases = [
        ("another verdict than one that blocked", base.clone(), vn, effect(3, "block"), warned),
        ("left out where that blocks", base.clone(), vn, excluding(&base), warned),
        (
            "in force where that blocks",
            policy(&base, "full", "block"),
            vn,
            policy(&in_force, "full", "block"),
            warned,
        ),
        ("the same again", effect(2, "block"), th, effect(3, "block"), Code::LegalBlocked),
    ];
    for (what, before, first, after, found) in cases {
        let mut t = Traders::new();
        let (sg, vn, th) = (t.sg.clone(), t.vn.clone(), t.th.clone());
        let root = [("VN", 1), ("VN", 2)];
        assert_eq!(set(&mut t, "legal_effect_set", before, &root), Ok(()), "{what}");
        t.world.time_ms += DAY_MS;
        let (from, to, ack) = match first {
            "VN" => (&vn, &th, "VN:contractual"),
            _ => (&th, &vn, "TH:unknown"),
        };
        let old = with_ack(&t.bill("OLD", from), &[ack]);
        assert_eq!(t.run_signed(&old, &[&sg, from]).err(), None, "{what}");
        t.world.time_ms += DAY_MS;
        let after = after.with("version", Value::Int(3));
        assert_eq!(set(&mut t, "legal_effect_set", after, &root), Ok(()), "{what}");
        let new = t.bill("NEW", &vn);
        assert_eq!(t.run_signed(&new, &[&sg, &vn]).err(), Some(Code::LegalBlocked), "{what}");
        let id = t.id("transport", "OLD");
        let offer = t.op(&id, "offer", t.offer_args(to, Some("special")));
        assert_eq!(t.run_signed(&offer, &[from]).err(), None, "{what}");
        let accept = t.op(&id, "accept", accept_args());
        assert_eq!(t.run_signed(&accept, &[to]).err(), Some(found), "{what}");
    }
}

#[test]
fn a_genesis_takes_the_legal_entries_that_the_act_takes_and_no_others() {
    let genesis = Traders::new().world.genesis;
    let vn = genesis.members.iter().find(|member| member.cc == "VN").expect("Viet Nam");
    assert_eq!(Contribution::from_value(vn.value.clone()).err(), None);
    let refused = |entries: Vec<Value>| {
        let changed = vn.value.with("legal", Value::List(entries));
        let reject = Contribution::from_value(changed).expect_err("nobody signed it");
        (reject.code, reject.field)
    };
    // entries are asked before signatures, which a change leaves behind
    let good = effect(1, "warn");
    let taken = (Code::BadSignature, "/sigs".to_owned());
    let cheques = good.with("class", Value::from("cheque"));
    let longest = good.with("citation", Value::from("x".repeat(256)));
    for entries in [vec![], vec![good.clone()], vec![good.clone(), cheques], vec![longest]] {
        assert_eq!(refused(entries), taken);
    }
    let policy = good.get("policy").expect("a policy").with("full", Value::from("maybe"));
    for (member, value, code, field) in [
        ("status", Value::from("rumoured"), Code::Malformed, "/legal/status"),
        ("class", Value::from("Bill of lading"), Code::Malformed, "/legal/class"),
        ("excludes", texts(&["Cheque"]), Code::Malformed, "/legal/excludes"),
        ("policy", policy, Code::Malformed, "/legal/policy/full"),
        ("instrument", Value::from(""), Code::FieldLimit, "/legal/instrument"),
        ("citation", Value::from(""), Code::FieldLimit, "/legal/citation"),
        ("citation", Value::from("x".repeat(257)), Code::FieldLimit, "/legal/citation"),
        ("ams", Value::from("SG"), Code::NotOwner, "/legal/ams"),
        ("version", Value::Int(2), Code::VersionConflict, "/legal/version"),
        ("blockSince", Value::Int(0), Code::Malformed, "/legal"),
    ] {
        let broken = good.with(member, value);
        assert_eq!(refused(vec![broken]), (code, field.to_owned()), "{member}");
    }
    let twice = refused(vec![good.clone(), good]);
    assert_eq!(twice, (Code::VersionConflict, "/legal/version".to_owned()));
}

#[test]
fn a_genesis_takes_the_regimes_and_rulebooks_that_the_acts_take_and_no_others() {
    let genesis = Traders::new().world.genesis;
    // what is changed no signature covers: every assembler writes it anew
    let with = |list: &str, items: Vec<Value>| {
        let registers = genesis.registers().with(list, Value::List(items));
        let changed = genesis.value.with("registers", registers);
        let changed = Genesis::parse(changed.to_jcs().as_bytes()).expect("it reads");
        match changed.initial_state() {
            Ok(_) => None,
            Err(GenesisError::Form { reject, .. }) => Some((reject.code, reject.field)),
            Err(other) => panic!("{other}"),
        }
    };
    let shipped = |list: &str| {
        let items = genesis.registers().get(list).and_then(Value::as_list).expect("a list");
        items.to_vec()
    };
    let (regimes, books) = (shipped("regimes"), shipped("rulebooks"));
    // the shipped network has a statute, a contract for each state, and one rulebook
    assert_eq!((regimes.len(), books.len()), (1 + genesis.members.len(), 1));
    assert_eq!(with("regimes", regimes.clone()), None);
    let good = regimes.first().expect("a regime");
    let longest = good.with("citation", Value::from("x".repeat(256)));
    assert_eq!(with("regimes", vec![longest]), None);
    let outside = good.with("country", Value::from("GB")).with("id", Value::from("GB-ETDA-2023"));
    for (second, code, field) in [
        (good.with("id", Value::from("MY-ETA-2A")), Code::Malformed, "/id"),
        (good.with("id", Value::from("SG-eta")), Code::Malformed, "/id"),
        (good.with("id", Value::from("")), Code::FieldLimit, "/id"),
        (good.with("id", Value::from(format!("SG-{}", "X".repeat(30)))), Code::FieldLimit, "/id"),
        (good.with("citation", Value::from("")), Code::FieldLimit, "/citation"),
        (good.with("citation", Value::from("x".repeat(257))), Code::FieldLimit, "/citation"),
        (good.with("version", Value::Int(1)), Code::Malformed, ""),
        (outside, Code::PartyUnknown, "/country"),
        (good.clone(), Code::VersionConflict, "/id"),
    ] {
        let said = with("regimes", vec![good.clone(), second.clone()]);
        let due = (code, format!("/registers/regimes/1{field}"));
        assert_eq!(said, Some(due), "{}", second.to_jcs());
    }
    let good = books.first().expect("a rulebook");
    let other = good.with("digest", Value::from(some_digest("rulebook")));
    assert_eq!(with("rulebooks", vec![good.clone(), other.clone()]), None);
    for (second, code, field) in [
        (other.with("title", Value::from("")), Code::FieldLimit, "/title"),
        (other.with("title", Value::from("x".repeat(129))), Code::FieldLimit, "/title"),
        (other.with("digest", Value::from("b3:00")), Code::Malformed, "/digest"),
        (other.with("untilMs", Value::Null), Code::Malformed, ""),
        (good.clone(), Code::VersionConflict, "/digest"),
    ] {
        let said = with("rulebooks", vec![good.clone(), second.clone()]);
        let due = (code, format!("/registers/rulebooks/1{field}"));
        assert_eq!(said, Some(due), "{}", second.to_jcs());
    }
}

#[test]
fn a_genesis_of_some_states_has_the_regimes_of_these_alone() {
    let world = world_of(4, 0);
    let registers = world.genesis.registers();
    let regimes = registers.get("regimes").and_then(Value::as_list).expect("a list");
    let ids: Vec<&str> =
        regimes.iter().filter_map(|regime| regime.get("id").and_then(Value::as_text)).collect();
    assert_eq!(ids, ["SG-ETA-2A", "CONTRACT-SG", "CONTRACT-MY", "CONTRACT-TH", "CONTRACT-VN"]);
}

#[test]
fn regimes_and_rulebooks_are_of_their_own_state() {
    let mut t = Traders::new();
    let regime = object(&[
        ("id", Value::from("SG-TEST")),
        ("country", Value::from("SG")),
        ("citation", Value::from("invented")),
        ("version", Value::Int(1)),
    ]);
    let foreign = regime.with("id", Value::from("MY-TEST"));
    assert_eq!(set(&mut t, "regime_set", foreign, &ROOT), Err(Code::Malformed));
    assert_eq!(
        set(&mut t, "regime_set", regime.clone(), &[("MY", 1), ("MY", 2)]),
        Err(Code::NotOwner)
    );
    assert_eq!(set(&mut t, "regime_set", regime.clone(), &ROOT), Ok(()));
    assert_eq!(set(&mut t, "regime_set", regime, &ROOT), Err(Code::VersionConflict));
    let digest = some_digest("rulebook");
    let book = object(&[
        ("cc", Value::from("SG")),
        ("digest", Value::from(digest)),
        ("title", Value::from("Rulebook two")),
        ("fromMs", Value::from(t.world.time_ms + DAY_MS)),
        ("untilMs", Value::Null),
        ("version", Value::Int(1)),
    ]);
    assert_eq!(set(&mut t, "rulebook_set", book, &ROOT), Ok(()));
    let state = Overlay::new(&t.world.state);
    assert!(!legal::rulebook_in_force(&state, digest, t.world.time_ms));
    assert!(legal::rulebook_in_force(&state, digest, t.world.time_ms + DAY_MS));
}

#[test]
fn a_court_policy_takes_effect_after_thirty_days_and_keeps_to_its_bounds() {
    let mut t = Traders::new();
    let policy = object(&[
        ("ams", Value::from("SG")),
        ("acts", texts(&["freeze", "unfreeze"])),
        ("basis", Value::from("invented")),
        ("courtKeys", texts(&["SG:COURT#k1", "SG:COURT#k2"])),
        ("courtK", Value::Int(2)),
        ("registryK", Value::Int(1)),
        ("noticeS", Value::Int(259_200)),
        ("exParte", Value::Bool(false)),
        ("freezeMaxS", Value::Int(7_776_000)),
        ("reach", Value::from("issued_after")),
        ("fromHeight", Value::Int(0)),
        ("version", Value::Int(1)),
    ]);
    let cases = [
        ("courtK", Value::Int(3), Code::LimitExceeded),
        ("registryK", Value::Int(0), Code::LimitExceeded),
        ("noticeS", Value::Int(259_199), Code::LimitExceeded),
        ("freezeMaxS", Value::Int(7_776_001), Code::LimitExceeded),
        ("courtKeys", texts(&["MY:COURT#k1"]), Code::LimitExceeded),
        ("acts", texts(&["offer"]), Code::Malformed),
        ("reach", Value::from("everything"), Code::Malformed),
    ];
    for (name, value, code) in cases {
        let broken = policy.with(name, value);
        assert_eq!(set(&mut t, "court_policy_set", broken, &ROOT), Err(code), "{name}");
    }
    let by_others = set(&mut t, "court_policy_set", policy.clone(), &[("MY", 1), ("MY", 2)]);
    assert_eq!(by_others, Err(Code::NotOwner));
    let written = t.world.time_ms;
    assert_eq!(set(&mut t, "court_policy_set", policy.clone(), &ROOT), Ok(()));
    let at = |t: &Traders, ms: u64| court::policy(&Overlay::new(&t.world.state), "SG", ms);
    assert_eq!(at(&t, written + 30 * DAY_MS - 1), None);
    assert_eq!(at(&t, written + 30 * DAY_MS).map(|policy| policy.version), Some(1));
    // the one in force stays until the next takes effect
    t.world.time_ms = written + 40 * DAY_MS;
    let next = policy.with("version", Value::Int(2)).with("acts", texts(&[]));
    assert_eq!(set(&mut t, "court_policy_set", next, &ROOT), Ok(()));
    assert_eq!(at(&t, written + 69 * DAY_MS).map(|policy| policy.version), Some(1));
    assert_eq!(at(&t, written + 70 * DAY_MS).map(|policy| policy.version), Some(2));
}
