//! What an import refuses (ubin.md §6, ubin-api.md §14 T8, T13): chunks, parts, single records.

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::CheckedTransaction;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::time::Date;
use titian_contracts::transaction::Transaction;
use titian_contracts::ubin;
use titian_contracts::ubin::import::chunk::{self, Run, Tally};
use titian_contracts::ubin::import::{check_body, check_change, part_transaction};
use titian_contracts::ubin::record::find;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_tests::world::{World, company_body, outcome_of};

use crate::ubin_import::{Source, bodies_of, run};
use crate::ubin_invariants::{check_counters, numbers};
use crate::ubin_scene::{R1, R2, moved, next, status, text, ubin_of};

fn admitted(world: &World, bytes: &[u8]) -> Result<(), Code> {
    let head = Overlay::new(&world.state);
    CheckedTransaction::admit(bytes, &world.genesis.chain, &head, world.time_ms)
        .map(|_| ())
        .map_err(|reject| reject.code)
}

/// The code with which a part is refused, at the door and in a block, without any change.
fn refused(world: &mut World, bytes: Vec<u8>) -> Code {
    let at_the_door = admitted(world, &bytes).expect_err("refused at the door");
    let before = world.state.0.clone();
    let in_a_block = run(world, bytes).expect_err("refused in a block");
    assert_eq!(world.state.0, before, "a refused part changes nothing");
    assert_eq!(at_the_door, in_a_block);
    in_a_block
}

#[test]
fn t13_a_chunk_is_opened_by_its_registrar_under_the_next_number() {
    let mut world = World::new();
    let source = Source::new("SG", 1, bodies_of("SG", 1, 3));
    let mut open = |args: Value, signers: &[(&str, u64)]| {
        let before = world.state.0.clone();
        let result = world.act(Register::Ubin, "import_chunk", args, signers).map(|_| ());
        assert_eq!(world.state.0 != before, result.is_ok());
        result
    };
    let args = source.args();
    let with = |name: &str, value: Value| args.with(name, value);
    let over = limits::IMPORT_CHUNK_RECORDS_MAX as u64 + 1;
    let cases = [
        (with("seq", Value::Int(0)), R1, Code::ImportSeq),
        (with("seq", Value::Int(2)), R1, Code::ImportSeq),
        (with("count", Value::Int(0)), R1, Code::LimitExceeded),
        (with("count", Value::from(over)), R1, Code::LimitExceeded),
        (with("root", text("b3:00")), R1, Code::Malformed),
        (with("more", Value::Null), R1, Code::Malformed),
        (args.without("cc"), R1, Code::Malformed),
        (with("cc", text("XX")), R1, Code::UbinCountryUnknown),
        (args.clone(), &[("MY:SSM", 1)][..], Code::NotOwner),
        (args.clone(), &[("SG", 1), ("SG", 2)][..], Code::ScopeDenied),
        (args.clone(), &[][..], Code::QuorumMissing),
    ];
    for (args, signers, due) in cases {
        assert_eq!(open(args, signers), Err(due), "{signers:?}");
    }
    assert_eq!(open(args.clone(), R1), Ok(()));
    assert_eq!(open(args.clone(), R1), Err(Code::ImportSeq), "a number stands once");
    assert_eq!(open(with("seq", Value::Int(2)), R1), Ok(()), "chunks may be open side by side");
    let largest = with("seq", Value::Int(3)).with("count", Value::from(over - 1));
    assert_eq!(open(largest, R1), Ok(()));
    for due in 4..=70u64 {
        assert_eq!(chunk::next_seq(&Overlay::new(&world.state), "SG"), due);
        let args = with("seq", Value::from(due));
        world.act(Register::Ubin, "import_chunk", args, R1).expect("the next number");
    }
    assert_eq!(chunk::next_seq(&Overlay::new(&world.state), "MY"), 1);
}

#[test]
fn t13_a_part_needs_an_open_chunk_its_own_path_and_something_to_do() {
    let mut world = World::new();
    let source = Source::new("SG", 1, bodies_of("SG", 1, 12));
    assert_eq!(refused(&mut world, source.part(0, 4)), Code::ImportNotOpen);
    source.open(&mut world, R1).expect("open");
    assert_eq!(admitted(&world, &source.part(0, 4)), Ok(()));
    // a body, a path, a place or a state that was not signed
    let other = Source::new("SG", 1, bodies_of("SG", 2, 12));
    assert_eq!(refused(&mut world, other.part(0, 4)), Code::ImportPath);
    let path = source.tree.part_path(0, 4);
    let part = |first: u64, bodies: &[Value], path: &[Digest]| {
        part_transaction("SG", 1, first, bodies, path)
    };
    let mut forged = path.clone();
    forged[0].0[5] ^= 1;
    for bytes in [
        part(0, &source.bodies[..4], &forged),
        part(0, &source.bodies[..4], &[]),
        part(1, &source.bodies[..4], &path),
        part(u64::from(u32::MAX), &source.bodies[..4], &path),
        part(0, &source.bodies[..3], &path),
        part(0, &[&source.bodies[..4], &source.bodies[..1]].concat(), &path),
    ] {
        assert_eq!(refused(&mut world, bytes), Code::ImportPath);
    }
    let elsewhere = part_transaction("MY", 1, 0, &source.bodies[..4], &path);
    assert_eq!(refused(&mut world, elsewhere), Code::ImportNotOpen);
    assert_eq!(
        refused(&mut world, part_transaction("SG", 2, 0, &source.bodies[..4], &path)),
        Code::ImportNotOpen
    );
    run(&mut world, source.part(0, 4)).expect("applies");
    assert_eq!(refused(&mut world, source.part(1, 3)), Code::Unchanged);
    run(&mut world, source.part(2, 10)).expect("the rest of it is new");
    assert_eq!(refused(&mut world, source.part(2, 10)), Code::ImportNotOpen);
    // before the chunk, in one block: refused; after it: applied
    let next = Source::new("SG", 2, bodies_of("SG", 9, 2));
    let open = world.sign(&world.op(Register::Ubin, "import_chunk", next.args()), R1);
    let block = [next.part(0, 1), World::transaction(&open), next.part(1, 1)];
    let outcomes: Vec<bool> =
        world.run_transactions(&block).iter().map(|receipt| receipt.error.is_none()).collect();
    assert_eq!(outcomes, [false, true, true]);
}

#[test]
fn t13_the_form_of_a_part_is_strict() {
    let source = Source::new("SG", 1, bodies_of("SG", 1, 2));
    let good = String::from_utf8(source.part(0, 1)).expect("text");
    assert!(Transaction::parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("\"cc\":\"SG\"", "\"cc\":\"Sg\""),
        ("\"first\":0", "\"first\":-1"),
        ("\"seq\":1}", "\"seq\":1,\"x\":1}"),
        ("\"register\":\"ubin\"", "\"register\":\"etr\""),
        ("\"path\":[\"b3:", "\"path\":[\"b4:"),
        ("\"kind\":\"import_part\"", "\"kind\":\"import_parts\""),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        let code = Transaction::parse(bad.as_bytes()).expect_err("refused").code;
        assert_eq!(code, Code::Malformed, "{to}");
    }
    let empty = part_transaction("SG", 1, 0, &[], &[]);
    assert_eq!(Transaction::parse(&empty).expect_err("empty").code, Code::Malformed);
    // n and n + 1 of each limit
    let code = |bytes: &[u8]| Transaction::parse(bytes).err().map(|reject| reject.code);
    let path = vec![source.tree.root(); limits::IMPORT_PATH_DIGESTS_MAX + 1];
    let one = &source.bodies[..1];
    assert_eq!(code(&part_transaction("SG", 1, 0, one, &path[1..])), None);
    assert_eq!(code(&part_transaction("SG", 1, 0, one, &path)), Some(Code::LimitExceeded));
    let ones = vec![Value::Int(1); limits::IMPORT_CHUNK_RECORDS_MAX + 1];
    assert_eq!(code(&part_transaction("SG", 1, 0, &ones[1..], &[])), None);
    assert_eq!(code(&part_transaction("SG", 1, 0, &ones, &[])), Some(Code::LimitExceeded));
    assert_eq!(limits::IMPORT_PAYLOAD_BYTES_MAX, 262_144, "ledger.md §3");
    let of_size = |bytes: usize| {
        let filled = |n: usize| part_transaction("SG", 1, 0, &[Value::from("x".repeat(n))], &[]);
        let frame = r#"{"kind":"import_part","payload":,"register":"ubin","v":1}"#.len();
        filled(bytes + frame - filled(0).len())
    };
    assert_eq!(code(&of_size(limits::IMPORT_PAYLOAD_BYTES_MAX)), None);
    assert_eq!(code(&of_size(limits::IMPORT_PAYLOAD_BYTES_MAX + 1)), Some(Code::LimitExceeded));
    let far = of_size(limits::IMPORT_PAYLOAD_BYTES_MAX + 200);
    assert_eq!(code(&far), Some(Code::LimitExceeded));
}

/// A company body of a number that need not be one of its scheme.
fn body_of(cc: &str, scheme: &str, local: &str) -> Value {
    company_body(cc, scheme, local, "TITIAN DEMO")
}

#[test]
fn t13_bad_records_stop_no_other_and_say_why() {
    let good = bodies_of("TH", 8, 4);
    let name = |value: &str| Value::object([("value", text(value)), ("lang", text("th"))]);
    let lone = body_of("TH", "JP", "0105536112014");
    let wrong_check = lone.with("ubin", text("TH-JP-0105536112014-00"));
    let bodies = vec![
        good[0].clone(),
        Value::Int(5),
        lone.with("phone", text("1")),
        wrong_check,
        // a citizen's number as company number, as alias of text, and in a name
        body_of("TH", "JP", "1101700230708"),
        lone.with("legalName", name("1-1017-00230-70-8")),
        lone.with("legalName", name("write to a@b.example")),
        good[1].clone(),
        body_of("SG", "UEN", "199403865N"),
        body_of("TH", "TIN", "0105536112014"),
        lone.with("category", text("SOLE_PROPRIETOR")),
        good[1].clone(),
        next(&lone, &[]),
        lone.with("validFrom", text("2030-01-01")),
        good[2].with("legalName", name("อื่น")).with("version", Value::Int(9)),
        good[2].clone(),
        lone,
    ];
    let source = Source::new("TH", 1, bodies);
    let mut world = World::new();
    source.open(&mut world, &[("TH:DBD", 1)]).expect("open");
    let bytes = source.part(0, source.bodies.len());
    let receipt = outcome_of(world.run_transactions(std::slice::from_ref(&bytes)).remove(0));
    let receipt = receipt.expect("applies");
    let chunk = source.chunk(&world);
    let due = [
        (1, 2, Code::Malformed),
        (3, 1, Code::UbinCheckFailed),
        (4, 1, Code::PersonalNumberRefused),
        (5, 2, Code::PersonalDataSuspected),
        (8, 1, Code::NotOwner),
        (9, 1, Code::UbinSchemeUnknown),
        (10, 1, Code::SurrogateRequired),
        (11, 1, Code::Unchanged),
        (12, 1, Code::VersionConflict),
        (13, 1, Code::FutureEffective),
        (14, 1, Code::VersionConflict),
    ];
    let runs: Vec<Run> = due
        .iter()
        .map(|(first, count, code)| Run { first: *first, count: *count, code: code.number() })
        .collect();
    assert_eq!(chunk.refused, runs);
    assert_eq!(
        chunk.tally(),
        Tally { applied: 4, unchanged: 1, version_conflict: 2, rejected: 10 }
    );
    for body in [&good[0], &good[1], &good[2], &source.bodies[16]] {
        assert!(find(&Overlay::new(&world.state), &ubin_of(body)).is_some());
    }
    check_counters(&world, &numbers(&world), "after bad records");
    // refused bodies are neither kept nor named
    let tx = Transaction::parse(&bytes).expect("canonical");
    assert_eq!(ubin::bodies_of(&tx, &receipt.events).len(), 4);
    let told: String = receipt.events.iter().map(|event| event.data.as_str()).collect();
    assert!(told.contains(r#"[5,"PERSONAL_DATA_SUSPECTED","/legalName/value"]"#), "{told}");
    let kinds: [&[u8]; 2] = [b"ubin/rec/", b"ubin/chunk"];
    let written = world.state.0.iter().filter(|(key, _)| kinds.iter().any(|k| key.starts_with(k)));
    let written: Vec<String> =
        written.map(|(_, stored)| String::from_utf8_lossy(&stored.content).into_owned()).collect();
    for kept_out in ["1101700230708", "00230", "example"] {
        assert!(!told.contains(kept_out));
        assert!(!written.iter().any(|text| text.contains(kept_out)), "{kept_out} is stored");
    }
}

#[test]
fn t13_the_scopes_of_the_signers_say_which_schemes_a_chunk_may_write() {
    let mut world = World::new();
    let seed = world.fresh_seed();
    let key = world.new_key("SG:ACRA", seed, &["invoke"], &["ubin.import_chunk:UEN"], 3);
    let args = Value::object([
        ("keys", Value::List(vec![key])),
        ("party", text("SG:ACRA")),
        ("version", Value::Int(1)),
    ]);
    world.act(Register::Access, "key_bind", args, &[("SG", 1), ("SG", 2)]).expect("bound");
    world.add_key("SG:ACRA", 3, seed);
    let surrogate = body_of("SG", "SUR", "7K3M9QX2TB4V").without("displayId");
    let source = Source::new("SG", 1, vec![bodies_of("SG", 1, 1).remove(0), surrogate]);
    let tally = source.import(&mut world, &[("SG:ACRA", 3)], 2);
    assert_eq!(tally, Tally { applied: 1, rejected: 1, ..Tally::default() });
    assert_eq!(source.chunk(&world).refused[0].code, Code::ScopeDenied.number());
    let schemes = source.chunk(&world).schemes;
    assert_eq!(schemes.len(), 1);
    assert_eq!((schemes[0].code.as_str(), schemes[0].r2), ("UEN", false));
}

#[test]
fn t13_the_check_without_state_says_what_register_says() {
    let table = SchemeTable::genesis();
    let good = bodies_of("MY", 11, 1).remove(0);
    let name = |value: &str| Value::object([("value", text(value)), ("lang", text("ms"))]);
    let relation = |target: &str| {
        Value::List(vec![Value::object([
            ("type", text("SUCCESSOR_OF")),
            ("target", text(target)),
            ("from", text("2026-01-01")),
        ])])
    };
    let closed = Value::object([("code", text("MERGED"))]);
    let mapped = Value::object([("code", text("ACTIVE")), ("national", text("3"))]);
    let cases = [
        good.clone(),
        good.without("legalName"),
        good.with("legalName", name("e\u{301}")),
        good.with("legalName", name("")),
        good.with("legalName", name("call 012345678")),
        good.with("displayId", text("1")),
        good.with("entity", text("ent_x")),
        good.with("version", Value::Int(0)),
        good.with("confirmedOn", text("2026-07-09")),
        good.with("status", closed),
        good.with("status", mapped),
        good.with("relations", relation("SG-UEN-199403865N-G7")),
        good.with("relations", relation("SG-UEN-199403865N-G8")),
        good.with("category", text("BRANCH")),
        good.with("more", Value::Null),
        good.with("identifiers", Value::List(vec![Value::Null])),
        company_body("MY", "ROC", "6087M", "X"),
        company_body("MY", "BRN", "20240A000002", "X"),
        company_body("MY", "BRN", "850101145678", "X"),
    ];
    let mut outcomes = std::collections::BTreeSet::new();
    for body in cases {
        let mut world = World::new();
        let today = Date::of_ms(world.time_ms);
        let args = Value::object([("body", body.clone())]);
        let register = world.act(Register::Ubin, "register", args, &[("MY:SSM", 1)]);
        let check = check_body(&body, &table, today);
        match (&register, &check) {
            (Ok(receipt), Ok(warnings)) => assert_eq!(&receipt.warnings, warnings),
            (Err(code), Err(reject)) => assert_eq!(*code, reject.code, "{}", body.to_jcs()),
            _ => panic!("register {register:?}, check {check:?}: {}", body.to_jcs()),
        }
        if let Err(reject) = check {
            assert!(!reject.field.contains("args"), "{}", reject.field);
            outcomes.insert(reject.code.name());
        }
    }
    assert!(outcomes.len() >= 12, "{outcomes:?}");
}

/// A body whose status has a reason.
fn reasoned(body: &Value) -> Value {
    let status = body.get("status").expect("set").with("reason", text("COURT"));
    body.with("status", status)
}

#[test]
fn t13_the_check_of_a_change_says_what_an_import_does() {
    let is_active =
        |body: &Value| body.get("status").and_then(|s| s.get("code")) == Some(&text("ACTIVE"));
    let active = bodies_of("SG", 6, 400).into_iter().find(is_active).expect("one of many");
    let ended = reasoned(&moved(&active, "DISSOLVED"));
    let mut of_active = World::new();
    Source::new("SG", 1, vec![active.clone()]).import(&mut of_active, R1, 1);
    let mut of_ended = of_active.clone();
    Source::new("SG", 2, vec![ended.clone()]).import(&mut of_ended, R2, 1);

    let renamed = Value::object([("value", text("NEW NAME PTE. LTD.")), ("lang", text("en"))]);
    let after = |members: &[(&str, Value)]| (&active, next(&active, members));
    let cases = [
        after(&[]),
        after(&[("confirmedOn", text("2026-07-01"))]),
        after(&[("legalName", renamed)]),
        after(&[("status", status("SUSPENDED"))]),
        after(&[("status", status("RESERVED"))]),
        after(&[("version", Value::Int(3))]),
        after(&[("prev", Value::from(Digest::ZERO))]),
        after(&[("validFrom", text("1990-01-01"))]),
        after(&[("registeredOn", text("1989-12-31"))]),
        after(&[("entity", text("ent_other"))]),
        (&active, moved(&active, "DISSOLVED")),
        (&active, ended.without("evidence")),
        (&active, ended.clone()),
        (&ended, moved(&ended, "ACTIVE")),
        (&ended, reasoned(&moved(&ended, "ACTIVE")).without("evidence")),
        (&ended, reasoned(&moved(&ended, "ACTIVE"))),
        (&ended, reasoned(&moved(&ended, "SUSPENDED"))),
    ];
    let mut outcomes = std::collections::BTreeSet::new();
    for (current, body) in cases {
        let (world, seq) = if current == &active { (&of_active, 2) } else { (&of_ended, 3) };
        let import = |signers| {
            let mut world = world.clone();
            let source = Source::new("SG", seq, vec![body.clone()]);
            source.import(&mut world, signers, 1);
            source.chunk(&world).refused.first().map(|run| run.code)
        };
        match check_change(current, &body) {
            Ok(two_officers) => {
                assert_eq!(import(R2), None, "{}", body.to_jcs());
                let due = two_officers.then(|| Code::QuorumMissing.number());
                assert_eq!(import(R1), due, "{}", body.to_jcs());
                outcomes.insert(if two_officers { "two officers" } else { "one officer" });
            }
            Err(reject) => {
                assert_eq!(import(R2), Some(reject.code.number()), "{}", body.to_jcs());
                assert!(!reject.field.contains("args"), "{}", reject.field);
                outcomes.insert(reject.code.name());
            }
        }
    }
    assert_eq!(outcomes.len(), 7, "{outcomes:?}");
}
