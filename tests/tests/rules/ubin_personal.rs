//! Numbers and names of natural persons on the paths beside `register` (ubin-api.md §14 T8): every
//! act that takes a number or a body refuses them, and no receipt repeats them.

use crate::ubin_scene::{
    R1, R2, body_args, evidence, next, quote, quote_reason, registered, text, ubin_of,
};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::CheckedTransaction;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::identifier::Ubin;
use titian_tests::world::{START_MS, World};

/// The shape of a Singapore identity card number; no such card exists.
const CARD: &str = "S0000000X";

fn card() -> Ubin {
    Ubin { cc: "SG".to_owned(), scheme: "UEN".to_owned(), local: CARD.to_owned() }
}

/// Runs an act that must be refused with `due` in words that do not hold the number.
fn expect(world: &mut World, act: &str, args: Value, signers: &[(&str, u64)], due: Code) {
    let op = world.sign(&world.op(Register::Ubin, act, args), signers);
    let before = world.state.0.clone();
    let receipt = world.run(&op);
    let code = receipt.error.as_ref().and_then(|(number, _)| Code::by_number(*number));
    assert_eq!(code.map(Code::name), Some(due.name()), "{act}");
    assert!(!format!("{receipt:?}").contains("0000000"), "{act}: {receipt:?}");
    assert_eq!(world.state.0, before, "{act}");
}

#[test]
fn t08_a_personal_number_is_refused_wherever_an_act_takes_a_number() {
    let (mut world, first) = registered();
    let number = ubin_of(&first);
    let own = || Value::from(number.to_string());
    let card = || Value::from(card().to_string());
    let body = next(&first, &[("ubin", card())]).without("displayId");
    let quoted = |world: &World| quote_reason(world, &number);
    let bad_quote = |world: &World| quoted(world).with("ubin", card());
    let dated = |args: Value| args.with("date", text("2026-07-01"));
    let successor = Value::List(vec![Value::object([
        ("type", text("SUCCESSOR_OF")),
        ("target", card()),
        ("from", text("2026-01-01")),
    ])]);
    let consent = Value::object([
        ("kind", text("MERGE")),
        ("ubin", own()),
        ("version", Value::Int(1)),
        ("toAms", text("SG")),
        ("toScheme", text("UEN")),
        ("successorUbin", card()),
        ("expiresMs", Value::from(START_MS + 30 * 86_400_000)),
    ]);
    let challenge = Value::object([
        ("by", text("SG:ACRA")),
        ("ubin", card()),
        ("version", Value::Int(1)),
        ("ground", text("NAME")),
        ("fields", Value::List(Vec::new())),
        ("evidence", Value::List(Vec::new())),
    ]);
    let absorbed = Value::List(vec![quote(&world, &number).with("ubin", card())]);
    let refused = Code::PersonalNumberRefused;
    let cases = [
        ("correct", body_args(&body).with("reason", text("ERROR")), refused),
        ("renumber", body_args(&body).with("ubin", own()), refused),
        ("renumber", body_args(&next(&first, &[])).with("ubin", card()), refused),
        ("convert", quoted(&world).with("body", body.clone()), refused),
        ("continue_in", body_args(&body).with("consent", Digest::ZERO.into()), refused),
        ("annul", bad_quote(&world), refused),
        ("duplicate", quoted(&world).with("canonical", card()), refused),
        ("merge", dated(quoted(&world)).with("absorbed", absorbed), refused),
        ("merge", dated(bad_quote(&world)).with("absorbed", Value::List(Vec::new())), refused),
        (
            "merge_in",
            dated(bad_quote(&world)).with("consents", Value::List(vec![Digest::ZERO.into()])),
            refused,
        ),
        ("alias_add", Value::object([("ubin", own()), ("alias", card())]), refused),
        ("challenge_open", challenge, refused),
        ("update", body_args(&next(&first, &[("relations", successor)])), refused),
        ("consent_out", consent.with("ubin", card()), refused),
    ];
    for (act, args, due) in cases {
        let signers = if act == "challenge_open" { R1 } else { R2 };
        expect(&mut world, act, args, signers, due);
    }
    // a successor abroad: the consent of Malaysia names a number of Singapore
    let mine = world.register_company("MY:SSM", "BRN", "202401000002", "MINE");
    let signers: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];
    expect(&mut world, "consent_out", consent.with("ubin", text(&mine)), signers, refused);
}

#[test]
fn t08_no_act_with_a_body_takes_a_personal_number_in_its_texts_and_no_override_helps() {
    let (mut world, first) = registered();
    for name in ["Shop CARD", "Shop (No.CARD)", "NRIC/CARD", "Shop-CARD#1", "S 0000000 X"] {
        no_act_takes_the_name(&mut world, &first, &name.replace("CARD", CARD));
    }
}

fn no_act_takes_the_name(world: &mut World, first: &Value, name: &str) {
    let name = Value::object([("value", text(name)), ("lang", text("en"))]);
    let overrides = Value::List(vec![text("/legalName/value")]);
    let named = |body: Value| {
        body_args(&body.with("legalName", name.clone()).with("evidence", evidence()))
            .with("reason", text("ERROR"))
            .with("textOverrides", overrides.clone())
    };
    let other = Ubin { local: "201912345K".to_owned(), ..card() };
    let renumbered = next(first, &[("ubin", Value::from(other.to_string()))]);
    let own = Value::from(ubin_of(first).to_string());
    let convert = quote_reason(world, &ubin_of(first));
    let converted = titian_tests::world::company_body("SG", "UEN", "201912345K", "X")
        .with("evidence", evidence());
    let converted = named(converted).get("body").expect("set").clone();
    let cases = [
        ("update", named(next(first, &[]))),
        ("correct", named(next(first, &[]))),
        ("renumber", named(renumbered.without("displayId")).with("ubin", own)),
        ("convert", convert.with("body", converted).with("textOverrides", overrides.clone())),
    ];
    for (act, args) in cases {
        expect(world, act, args, R2, Code::PersonalDataSuspected);
    }
}

#[test]
fn t08_the_door_keeps_data_of_persons_out_of_blocks_and_lets_all_else_pass() {
    let (world, first) = registered();
    let admit = |act: &str, args: Value| {
        let op = world.sign(&world.op(Register::Ubin, act, args), R2);
        let bytes = World::transaction(&op);
        let chain = &world.genesis.chain;
        let found =
            CheckedTransaction::admit(&bytes, chain, &Overlay::new(&world.state), world.time_ms);
        found.map(|_| ()).map_err(|reject| {
            assert!(!format!("{reject:?}").contains("0000000"), "{act}: {reject:?}");
            reject.code.name()
        })
    };
    let named = |text_: &str| {
        let name = Value::object([("value", text(text_)), ("lang", text("en"))]);
        body_args(&next(&first, &[("legalName", name)]))
    };
    let card_body = next(&first, &[("ubin", Value::from(card().to_string()))]);
    let alias = Value::object([
        ("ubin", first.get("ubin").expect("set").clone()),
        ("alias", Value::from(card().to_string())),
    ]);
    let refused = Err("PERSONAL_NUMBER_REFUSED");
    assert_eq!(admit("register", body_args(&card_body)), refused);
    assert_eq!(admit("alias_add", alias), refused);
    assert_eq!(
        admit("annul", Value::object([("ubin", text(&format!("SG-UEN-{CARD}-00")))])),
        refused
    );
    for name in ["TAN CARD", "NRIC/CARD", "TAN(CARD)", "TAN S 0000000 X"] {
        let found = admit("update", named(&name.replace("CARD", CARD)));
        assert_eq!(found, Err("PERSONAL_DATA_SUSPECTED"), "{name}");
    }
    let member = body_args(&next(&first, &[(CARD, text("x"))]));
    assert_eq!(admit("update", member), Err("MALFORMED"));
    // what two officers may pass, and what a block refuses for another reason, goes through
    assert_eq!(admit("update", named("Fund 2026-123-456")), Ok(()));
    assert_eq!(admit("update", body_args(&first)), Ok(()));
    assert_eq!(admit("update", body_args(&next(&first, &[]))), Ok(()));
    assert_eq!(admit("annul", quote_reason(&world, &ubin_of(&first))), Ok(()));
}
