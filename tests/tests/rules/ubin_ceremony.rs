//! What states say of their registers at the genesis ceremony (ubin-schemes.md §1: `registerDomain` and
//! `did` are filled by the state).

use ed25519_dalek::Signer as _;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::{MemoryState, Overlay};
use titian_contracts::ubin::identifier::{Ubin, parse, renderings};
use titian_contracts::ubin::scheme::SchemeTable;
use titian_genesis::Genesis;
use titian_genesis::contribution::{self, Contribution};
use titian_genesis::template::Template;
use titian_tests::world::World;

use crate::ubin_scene::text;

fn register(members: &[(&'static str, &str)]) -> Value {
    Value::object(members.iter().map(|(name, value)| (*name, text(value))))
}

/// The contribution of Singapore with a member `registers`, unsigned.
fn with_registers(world: &World, registers: Value) -> Value {
    let sg = world.genesis.members.iter().find(|member| member.cc == "SG").expect("Singapore");
    sg.value.without("sigs").with("registers", registers)
}

/// The same, signed by both root keys.
fn signed(world: &World, registers: Value) -> Contribution {
    let unsigned = with_registers(world, registers);
    let digest = Contribution::digest(&unsigned);
    let signatures = [1, 2].map(|n| world.key("SG", n).sign(&digest.0).to_bytes());
    let signed = contribution::signed(&unsigned, &signatures);
    Contribution::from_value(signed).expect("it is signed and sound")
}

#[test]
fn t20_a_register_named_at_the_ceremony_stands_in_its_scheme_and_in_the_urn() {
    let world = World::new();
    let uen = register(&[
        ("scheme", "UEN"),
        ("registerDomain", "acra.example"),
        ("did", "did:web:acra.example"),
    ]);
    let surrogate = register(&[("scheme", "SUR"), ("did", "did:web:sur.example")]);
    let sg = signed(&world, Value::List(vec![uen, surrogate]));
    let others = world.genesis.members.iter().filter(|member| member.cc != "SG");
    let members: Vec<Contribution> = others.cloned().chain([sg]).collect();
    let template = Template {
        chain: world.genesis.chain.clone(),
        time_ms: world.genesis.time_ms,
        app_version: world.genesis.app_version,
        unicode_version: "14.0.0".to_owned(),
        sandbox: world.genesis.sandbox,
        consultation_s: world.genesis.consultation_s,
        members: members.iter().map(|member| member.cc.clone()).collect(),
    };
    let genesis = Genesis::assemble(&template, &members).expect("all contributed");
    assert_ne!(genesis.hash, world.genesis.hash);
    let again = Genesis::parse(&genesis.to_bytes()).expect("it reads back");
    let mut state = MemoryState::default();
    state.apply(&again.initial_state().expect("a state"));
    let table = SchemeTable::of_state(&Overlay::new(&state), again.time_ms);
    let authority =
        |cc: &str, code: &str| table.find(cc, code).expect("known").entry.authority.clone();
    let named = authority("SG", "UEN");
    assert_eq!(named.register_domain.as_deref(), Some("acra.example"));
    assert_eq!(named.did.as_deref(), Some("did:web:acra.example"));
    let did_only = authority("SG", "SUR");
    assert_eq!((did_only.register_domain, did_only.did.is_some()), (None, true));
    assert_eq!(authority("MY", "BRN").register_domain, None, "who said nothing");
    let urn = |number: &str| {
        let ubin: Ubin = parse(number, &table).expect("a UBIN").ubin;
        renderings(&ubin, &table).urn
    };
    assert_eq!(urn("SG-UEN-199403865N-G7").as_deref(), Some("urn:gtr:acra.example:199403865N"));
    assert_eq!(urn("MY-BRN-196501000279-FI"), None);
}

#[test]
fn t20_a_contribution_names_registers_of_its_own_schemes_once_and_in_form() {
    let world = World::new();
    let good = register(&[("scheme", "UEN"), ("registerDomain", "acra.example")]);
    let refused = |registers: Value| {
        let signature = Value::List(vec![text("AA")]);
        let value = with_registers(&world, registers).with("sigs", signature);
        let reject = Contribution::from_value(value).expect_err("nobody signed it");
        (reject.code, reject.field)
    };
    let of_one = |register: Value| refused(Value::List(vec![register]));
    // registers are judged before signatures, so what is sound fails there
    let sound = (Code::BadSignature, "/sigs".to_owned());
    assert_eq!(of_one(good.clone()), sound);
    for domain in ["a.b", "xn--o3cw4h.example", "1.example"] {
        assert_eq!(of_one(good.with("registerDomain", text(domain))), sound, "{domain}");
    }
    let malformed = |name: &str| (Code::Malformed, format!("/registers/{name}"));
    let long = format!("{}.example", "a".repeat(64));
    for domain in ["", "example", "ACRA.example", "a..b", "-a.example", "a_b.example", &long] {
        let found = of_one(good.with("registerDomain", text(domain)));
        assert_eq!(found, malformed("registerDomain"), "{domain}");
    }
    for did in ["", "did:", "did:web", "web:acra.example", "did:web:acra example"] {
        assert_eq!(of_one(good.with("did", text(did))), malformed("did"), "{did}");
    }
    assert_eq!(of_one(register(&[("scheme", "UEN")])), malformed("registerDomain"));
    assert_eq!(of_one(good.with("contact", text("x"))).0, Code::Malformed);
    let foreign = good.with("scheme", text("BRN"));
    assert_eq!(of_one(foreign), (Code::SchemeUnknown, "/registers/scheme".to_owned()));
    assert_eq!(refused(Value::List(vec![good.clone(), good])), malformed("scheme"));
    for list in [Value::List(Vec::new()), text("UEN")] {
        assert_eq!(refused(list), (Code::Malformed, "/registers".to_owned()));
    }
}
