//! The QR form of a proof (ledger.md §6, ubin-api.md §10, §14 T17): what is read back proves what the
//! bundle proves, no changed character does, it holds no name, and it fits into one code.

use super::proof::{bundle, furnished, questions};
use super::ubin_as_of::annals;
use super::ubin_scene::{body, registered, text, ubin_of};
use titian_contracts::json::{self, Value};
use titian_contracts::limits;
use titian_contracts::proof::{self, Anchor, Proven, VerifyError};
use titian_contracts::proof_code::{self, PREFIX};
use titian_contracts::state::Stored;
use titian_genesis::devnet::Plan;
use titian_tests::world::{START_MS, World, company_body};

/// Reads a code as a verifier does that has the genesis file.
fn verify(code: &str, anchor: &Anchor) -> Result<Proven, VerifyError> {
    let bundle = proof_code::expand(code, anchor)?;
    proof::verify(bundle.as_bytes(), anchor, 0)
}

fn code_of(bundle: &str, anchor: &Anchor) -> String {
    proof_code::text(bundle.as_bytes(), &anchor.validators).expect("it has a QR form")
}

/// The claim of a proven bundle, as its QR form may say it.
fn without_body(claim: &Value) -> Value {
    if claim.get("body").is_some() { claim.with("body", Value::Null) } else { claim.clone() }
}

/// A company of a network of `validators`, in a state of more than `keys` keys.
fn crowded(validators: usize, keys: u32) -> World {
    let mut world = World::on(&Plan {
        chain: "titian-devnet-1".to_owned(),
        time_ms: START_MS - 1000,
        validators,
        host: "127.0.0.1".to_owned(),
        base_port: 26_600,
    });
    world.register_company("SG:ACRA", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let stored = Stored { last_changed: 1, prev_changed: 0, content: vec![1] };
    world.state.0.extend((0..keys).map(|i| (i.to_be_bytes().to_vec(), stored.clone())));
    world
}

#[test]
fn t17_a_code_proves_what_its_bundle_proves_for_every_kind() {
    let (world, ubin) = furnished();
    let anchor = world.genesis.anchor();
    let counters = Value::List(vec![Value::object([(
        "cells",
        Value::List(["SG", "2026-07", "new"].into_iter().map(Value::from).collect()),
    )])]);
    let kpi = Value::object([("metric", Value::from("ubin_flow")), ("counters", counters)]);
    let mut questions = questions(&world, &ubin);
    questions.push(("ubin-kpi", kpi));
    for (kind, question) in questions {
        let bundle = bundle(&world, kind, &question).expect("the question holds");
        let whole = proof::verify(bundle.as_bytes(), &anchor, 0).expect("it verifies");
        let code = code_of(&bundle, &anchor);
        let proven = verify(&code, &anchor).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!((&proven.kind, proven.height), (&whole.kind, whole.height));
        assert_eq!(proven.time_ms, whole.time_ms);
        assert_eq!(proven.claim, without_body(&whole.claim), "{kind}");
        // one text for a claim: made again from what was read, it is the same
        let expanded = proof_code::expand(&code, &anchor).expect("it was read before");
        assert_eq!(code_of(&expanded, &anchor), code, "{kind}");
        let alphabet =
            code.bytes().all(|c| c.is_ascii_uppercase() || b"0123456789 $%*+-./:".contains(&c));
        assert!(alphabet && !code.ends_with(' '), "alphanumeric mode; {kind}");
    }
}

#[test]
fn t17_a_code_of_an_earlier_height_proves_what_was_then() {
    let (annals, numbers) = annals();
    let anchor = annals.anchor();
    for (kind, number, height) in [
        ("ubin-presence", &numbers[0], 3),
        ("ubin-presence", &numbers[1], 8),
        ("ubin-absence", &numbers[2], 2),
    ] {
        let stated = annals.stated(kind, number, height);
        let bundle = annals.bundle(kind, &stated, height, 12).expect("it held");
        let whole = proof::verify(bundle.as_bytes(), &anchor, 0).expect("it verifies");
        let code = code_of(&bundle, &anchor);
        let proven = verify(&code, &anchor).expect("it verifies");
        assert_eq!((proven.height, proven.claim), (height, without_body(&whole.claim)));
        every_character_matters(&code, &anchor);
    }
}

/// Replaces each character by its neighbour in the alphabet, and leaves each out.
fn every_character_matters(code: &str, anchor: &Anchor) {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    verify(code, anchor).expect("unchanged it verifies");
    for place in 0..code.len() {
        let mut changed = code.as_bytes().to_vec();
        let now = ALPHABET.iter().position(|c| *c == changed[place]).expect("of the alphabet");
        changed[place] = ALPHABET[(now + 1) % ALPHABET.len()];
        let text = String::from_utf8(changed).expect("ASCII");
        assert!(verify(&text, anchor).is_err(), "character {place} of {}", code.len());
        // a shorter text is damaged early; every seventh is enough
        if place % 7 == 0 {
            let less = format!("{}{}", &code[..place], &code[place + 1..]);
            assert!(verify(&less, anchor).is_err(), "without character {place}");
        }
    }
}

#[test]
fn t17_every_flipped_bit_of_a_code_is_refused() {
    let (world, first) = registered();
    let anchor = world.genesis.anchor();
    let stated = Value::object([("ubin", text(&ubin_of(&first).to_string()))]);
    let bundle = bundle(&world, "ubin-presence", &stated.with("body", first)).expect("it holds");
    let code = code_of(&bundle, &anchor);
    every_character_matters(&code, &anchor);
    let bytes = base45::decode(&code[PREFIX.len()..]).expect("base45");
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            let text = format!("{PREFIX}{}", base45::encode(&damaged));
            assert!(verify(&text, &anchor).is_err(), "byte {place}, bit {bit}");
        }
    }
    let more = [&bytes[..], &[0xf6]].concat();
    assert!(
        verify(&format!("{PREFIX}{}", base45::encode(&more)), &anchor).is_err(),
        "bytes follow"
    );
    assert!(verify(&code.to_lowercase(), &anchor).is_err());
    assert!(verify(&format!("{code}{}", "0".repeat(limits::QR_CHARS_MAX)), &anchor).is_err());
}

#[test]
fn t17_a_code_of_another_network_proves_nothing() {
    let world = crowded(4, 0);
    let stated = Value::object([("ubin", text(&ubin_of(&body()).to_string()))]);
    let bundle = bundle(&world, "ubin-presence", &stated.with("body", Value::Null)).expect("holds");
    let code = code_of(&bundle, &world.genesis.anchor());
    let anchor = world.genesis.anchor();
    let other = Anchor { chain: "titian-devnet-2".to_owned(), ..anchor.clone() };
    assert_eq!(verify(&code, &other), Err(VerifyError::ChainDiffers));
    let strangers =
        Anchor { validators: crowded(3, 0).genesis.anchor().validators, ..anchor.clone() };
    assert!(verify(&code, &strangers).is_err());
    assert!(proof_code::text(bundle.as_bytes(), &strangers.validators).is_err());
    assert_eq!(
        proof::verify(bundle.as_bytes(), &anchor, 2).map(|_| ()),
        Err(VerifyError::TooOld),
        "the trusted height counts"
    );
}

#[test]
fn t17_a_code_holds_no_name_and_kinds_that_need_bodies_have_none() {
    let (world, first) = registered();
    let anchor = world.genesis.anchor();
    let number = ubin_of(&first).to_string();
    let name = first.get("legalName").and_then(|name| name.get("value")).and_then(Value::as_text);
    let name = name.expect("a company has a name");
    let stated = Value::object([("ubin", text(&number))]);
    let whole = bundle(&world, "ubin-presence", &stated.with("body", first.clone()));
    let whole = whole.expect("it holds");
    assert!(whole.contains(name), "the bundle has it");
    let code = code_of(&whole, &anchor);
    let bytes = base45::decode(&code[PREFIX.len()..]).expect("base45");
    let expanded = proof_code::expand(&code, &anchor).expect("it reads");
    for word in name.split_whitespace().filter(|word| word.len() > 3) {
        assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
        assert!(!expanded.contains(word), "{word}");
    }
    let claim = json::parse(expanded.as_bytes()).expect("JSON").take("claim").expect("a claim");
    assert_eq!(claim.get("body"), Some(&Value::Null));

    let versions = Value::List(vec![Value::object([("body", first.clone())])]);
    let history = bundle(&world, "ubin-history", &stated.with("versions", versions));
    let history = history.expect("it holds");
    let refused = proof_code::text(history.as_bytes(), &anchor.validators);
    assert!(matches!(refused, Err(VerifyError::Malformed(_))), "{refused:?}");
}

#[test]
fn t17_a_code_fits_into_one_symbol_for_eleven_validators_and_a_large_state() {
    // (validators, keys beside genesis, largest text): 40-M holds 3,391 characters, 25-M 1,451
    for (validators, keys, chars_max) in [(4, 0, 2_400), (11, 0, 2_900), (11, 1 << 16, 3_391)] {
        let world = crowded(validators, keys);
        let anchor = world.genesis.anchor();
        for (kind, absent) in [("ubin-presence", false), ("ubin-absence", true)] {
            let uen = if absent { "201912345K" } else { "199403865N" };
            let ubin = ubin_of(&company_body("SG", "UEN", uen, "X"));
            let stated = Value::object([("ubin", text(&ubin.to_string()))]);
            let stated = if absent { stated } else { stated.with("body", Value::Null) };
            let bundle = bundle(&world, kind, &stated).expect("it holds");
            let code = code_of(&bundle, &anchor);
            println!(
                "{kind}, {validators} validators, {} keys: {} characters, bundle {} bytes",
                world.state.0.len(),
                code.len(),
                bundle.len()
            );
            assert!(code.len() <= chars_max, "{} characters", code.len());
            verify(&code, &anchor).expect("it verifies");
            // each doubling of the state adds a digest and two tags to the path
            let doublings = 24 - world.state.0.len().ilog2() as usize;
            let at_16_million = code.len() + doublings * 34 * 3 / 2;
            assert!(at_16_million <= limits::QR_CHARS_MAX, "{at_16_million} characters");
        }
    }
}

#[test]
fn t17_a_proof_of_a_record_with_its_body_has_at_most_8_kib_for_eleven_validators_and_16_million_keys()
 {
    let world = crowded(11, 1 << 16);
    let whole = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let asked = Value::object([("ubin", text(&ubin_of(&whole).to_string()))]);
    let proven = bundle(&world, "ubin-presence", &asked.with("body", whole)).expect("it holds");
    proof::verify(proven.as_bytes(), &world.genesis.anchor(), 0).expect("it verifies");
    // as above; base64 makes four characters of three bytes
    let doublings = 24 - world.state.0.len().ilog2() as usize;
    let at_16_million = proven.len() + doublings * 34 * 4 / 3;
    println!("{} bytes, {at_16_million} at 16 million keys", proven.len());
    assert!(at_16_million <= 8 * 1_024, "{at_16_million} bytes");
}
