//! Renumbering (ubin-api.md §14 T7, T5): old numbers forward in one hop for good, and reads as of
//! earlier heights are unchanged.

use crate::ubin_scene::{
    LOCAL, R1, R2, body_args, company, count, next, quote_reason, record, refused, registered, run,
    text, ubin_of,
};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{MemoryState, Overlay};
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Entry, entry};
use titian_contracts::ubin::view::{self, AsOf};
use titian_contracts::ubin::{self, counter};
use titian_tests::world::{World, company_body};

/// The next version of `old` under another number of its state.
fn renumbered(old: &Value, scheme: &str, local: &str) -> Value {
    let cc = ubin_of(old).cc;
    let new = company_body(&cc, scheme, local, "X");
    next(old, &[("ubin", new.get("ubin").expect("set").clone()), ("displayId", text(local))])
}

fn args(old: &Value, new: &Value) -> Value {
    body_args(new).with("ubin", old.get("ubin").expect("set").clone())
}

#[test]
fn t07_renumbered_twice_the_old_numbers_resolve_in_one_hop_and_earlier_reads_are_unchanged() {
    let mut world = World::new();
    let signers: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];
    let lei = Value::object([("scheme", text("lei")), ("value", text("TITIAN00DEMO00000125"))]);
    let first = company_body("MY", "BRN", "196501000279", "MALAYSIA DEMO BHD")
        .with("identifiers", Value::List(vec![lei]));
    run(&mut world, "register", &first, &signers[..1]).expect("applies");
    let old_roc = Ubin { cc: "MY".to_owned(), scheme: "ROC".to_owned(), local: "6087M".to_owned() };
    let alias = Value::object([
        ("ubin", first.get("ubin").expect("set").clone()),
        ("alias", Value::from(old_roc.to_string())),
    ]);
    world.act(Register::Ubin, "alias_add", alias, &signers[..1]).expect("applies");
    let mut past: Vec<(MemoryState, AsOf, Value)> = Vec::new();
    let read = |state: &MemoryState, at: AsOf, ubin: &Ubin| {
        view::get(&Overlay::new(state), ubin, at, |_| None)
    };
    let mut current = first.clone();
    for (scheme, local) in [("BRN", "202401000002"), ("LFSA", "LL12345")] {
        let at = AsOf { height: world.height, time_ms: world.time_ms };
        past.push((world.state.clone(), at, read(&world.state, at, &ubin_of(&current))));
        let new = renumbered(&current, scheme, local);
        world.act(Register::Ubin, "renumber", args(&current, &new), signers).expect("renumbered");
        current = new;
    }
    let number = ubin_of(&current);
    let last = record(&world, &number);
    assert_eq!(last.version, 3);
    assert_eq!(Value::from(last.entity.as_str()), *first.get("entity").expect("set"));
    let state = Overlay::new(&world.state);
    let mut forwards = 0;
    for old in last.aliases.iter().filter_map(|alias| Ubin::parse_canonical(alias)) {
        match entry(&state, &old) {
            Some(Entry::Alias(alias)) => assert_eq!(alias.target, number.to_string()),
            found => panic!("{old} is no alias: {found:?}"),
        }
        let actor = ubin::actor(&state, &old.to_string()).expect("forwards");
        assert_eq!(actor.ubin, number.to_string());
        forwards += 1;
    }
    assert_eq!(forwards, 3, "one alias and two former numbers");
    assert_eq!(count(&world, "ubin_stock", &["MY", "BRN", "GENERAL", "NONE", "ACTIVE"]), 0);
    assert_eq!(count(&world, "ubin_stock", &["MY", "LFSA", "GENERAL", "NONE", "ACTIVE"]), 1);
    assert_eq!(counter::holders(&state, "lei", "TITIAN00DEMO00000125"), [number.to_string()]);
    for (state, at, shown) in past {
        let asked = Ubin::parse_canonical(shown.get("ubin").and_then(Value::as_text).expect("set"));
        assert_eq!(read(&state, at, &asked.expect("canonical")), shown, "as-of reads stay");
        assert_eq!(shown.get("via"), None);
    }
}

#[test]
fn t05_each_broken_precondition_of_renumber_gives_exactly_its_error() {
    let (mut world, first) = registered();
    let new = renumbered(&first, "UEN", "201912345K");
    let good = args(&first, &new);
    let taken = company(&mut world, "SG:ACRA", "UEN", "202012345A");
    let mut expect = |args: Value, signers: &[(&str, u64)], due: Code| {
        assert_eq!(refused(&mut world, "renumber", args, signers).name(), due.name());
    };
    expect(good.clone(), R1, Code::QuorumMissing);
    expect(good.clone(), &[("MY:SSM", 1), ("MY:SSM", 2)], Code::NotOwner);
    expect(args(&first, &renumbered(&first, "UEN", "202012345A")), R2, Code::UbinExists);
    expect(args(&first, &next(&first, &[])), R2, Code::UbinExists);
    expect(args(&first, &new.with("version", Value::Int(3))), R2, Code::VersionConflict);
    expect(args(&first, &new.without("prev")), R2, Code::VersionConflict);
    expect(args(&first, &new.with("entity", text("ent_x"))), R2, Code::BadTransition);
    expect(args(&first, &new.with("validFrom", text("2026-01-01"))), R2, Code::EffectiveOrder);
    expect(args(&first, &new.with("displayId", text(LOCAL))), R2, Code::DisplayIdMismatch);
    let foreign = new.with(
        "ubin",
        company_body("MY", "BRN", "202401000002", "X").get("ubin").expect("set").clone(),
    );
    expect(args(&first, &foreign), R2, Code::NotOwner);
    let odd = renumbered(&first, "UEN", "1994038654").without("displayId");
    expect(args(&first, &odd), R2, Code::LocalFormat);
    let absent = company_body("SG", "UEN", "202112345A", "X");
    expect(args(&absent, &new), R2, Code::UbinUnknown);
    world.act(Register::Ubin, "renumber", good.clone(), R2).expect("unbroken");
    assert_eq!(refused(&mut world, "renumber", good, R2), Code::UbinUnknown, "it only forwards");
    let again = body_args(&first).with("reason", text("OTHER"));
    assert_eq!(refused(&mut world, "register", again, R1), Code::UbinExists, "I2");
    let annul = quote_reason(&world, &ubin_of(&taken));
    world.act(Register::Ubin, "annul", annul, R2).expect("applies");
    let closed = args(&taken, &renumbered(&taken, "UEN", "202212345A"));
    assert_eq!(refused(&mut world, "renumber", closed, R2), Code::TerminalStatus);
}

#[test]
fn t08_a_sole_proprietor_gets_no_alias_of_a_scheme_that_denies_natural_persons() {
    let mut world = World::new();
    let full = company_body("MY", "BRN", "202401000002", "X");
    let commit = titian_contracts::ubin::body::name_commitment(&[7; 32], "a name kept elsewhere");
    let minimal = ["displayId", "legalName", "legalForm", "corroboration"]
        .iter()
        .fold(full, |body, name| body.without(name))
        .with("category", text("SOLE_PROPRIETOR"))
        .with("nameCommit", commit.into());
    let signers: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];
    run(&mut world, "register", &minimal, signers).expect("BRN allows them");
    let number = |scheme: &str, local: &str| {
        company_body("MY", scheme, local, "X").get("ubin").expect("set").clone()
    };
    let alias = |alias: Value| {
        Value::object([("ubin", minimal.get("ubin").expect("set").clone()), ("alias", alias)])
    };
    let denied = alias(number("ROC", "6087M"));
    assert_eq!(refused(&mut world, "alias_add", denied, signers), Code::SurrogateRequired);
    world
        .act(Register::Ubin, "alias_add", alias(number("ROB", "JM0567891A")), signers)
        .expect("ROB allows them");
    let new = next(&minimal, &[("ubin", number("LFSA", "LL12345"))]);
    let refused_number = refused(&mut world, "renumber", args(&minimal, &new), signers);
    assert_eq!(refused_number, Code::SurrogateRequired);
}
