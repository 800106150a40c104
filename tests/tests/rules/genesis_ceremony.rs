//! What the genesis ceremony refuses: addresses that nobody can dial, states that cannot be written,
//! templates that name no states. Each step refuses it, not only the last.

use ed25519_dalek::Signer as _;
use titian_contracts::error::{Code, Reject};
use titian_contracts::json::Value;
use titian_genesis::contribution::{self, Contribution};
use titian_genesis::template::Template;
use titian_genesis::{Genesis, GenesisError};
use titian_tests::world::World;

fn member<'a>(world: &'a World, cc: &str) -> &'a Contribution {
    world.genesis.members.iter().find(|member| member.cc == cc).expect("a member")
}

/// A contribution signed by both root keys of the state, whatever it holds.
fn signed(world: &World, cc: &str, value: &Value) -> Value {
    let unsigned = value.without("sigs");
    let digest = Contribution::digest(&unsigned);
    let signatures = [1, 2].map(|n| world.key(cc, n).sign(&digest.0).to_bytes());
    contribution::signed(&unsigned, &signatures)
}

fn refused(world: &World, value: &Value) -> Reject {
    Contribution::from_value(signed(world, "SG", value)).expect_err("it must be refused")
}

#[test]
fn an_address_that_nobody_can_dial_is_refused_where_the_state_writes_it() {
    let world = World::new();
    let sg = &member(&world, "SG").value;
    let node = sg.get("validator").expect("a validator");
    let with = |name: &str, address: &str| {
        let node = node.with(name, Value::from(address));
        Contribution::from_value(signed(&world, "SG", &sg.with("validator", node)))
    };
    let name_of_63 = "a".repeat(63);
    for good in [
        "/ip4/10.0.0.1/tcp/26600",
        "/ip6/2001:db8::1/tcp/1",
        "/dns/sg-node/tcp/65535",
        "/dns4/node-1.sg.example/tcp/26600",
        "/dns6/node_1.example/tcp/26600",
        &format!("/dns4/{name_of_63}.example/tcp/26600"),
    ] {
        for name in ["consensus", "gossip"] {
            assert_eq!(with(name, good).err(), None, "{name} {good}");
        }
    }
    for bad in [
        "",
        "x",
        "127.0.0.1:47000",
        "ip4/127.0.0.1/tcp/47000",
        "/ip4/127.0.0.1/tcp/47000/",
        "/ip4/127.0.0.1/tcp/47000/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf",
        "/ip4/127.0.0.1/udp/1",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.256/tcp/1",
        "/ip4/::1/tcp/1",
        "/ip6/127.0.0.1/tcp/1",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.1/tcp/+1",
        "/dns4//tcp/1",
        "/dns4/a..b/tcp/1",
        "/dns4/-a.b/tcp/1",
        "/dns4/a b/tcp/1",
        &format!("/dns4/{name_of_63}a.example/tcp/26600"),
        "/unix/socket/tcp/1",
    ] {
        for name in ["consensus", "gossip"] {
            let reject = with(name, bad).expect_err(bad);
            let found = (reject.code, reject.field);
            assert_eq!(found, (Code::Malformed, format!("/validator/{name}")), "{bad}");
        }
    }
}

#[test]
fn a_state_that_cannot_be_written_is_refused_by_name_although_all_its_keys_signed() {
    let world = World::new();
    let sg = &member(&world, "SG").value;
    assert_eq!(Contribution::from_value(signed(&world, "SG", sg)).err(), None);
    let offices = sg.get("authorities").and_then(Value::as_list).expect("a list");
    let with_office = |name: &str, value: Value| {
        let office = offices.first().expect("a registrar").with(name, value);
        sg.with("authorities", Value::List(vec![office]))
    };
    let one_signature = refused(&world, &with_office("r2", Value::Int(1)));
    assert_eq!(one_signature.code, Code::FieldLimit);
    assert_eq!(one_signature.field, "/members/SG/authorities/ACRA/policy");
    let scopes = Value::List(vec![Value::from("foo.*")]);
    let unknown_scope = refused(&world, &with_office("scopes", scopes));
    assert_eq!(unknown_scope.code, Code::ScopeUnknown);
    assert!(unknown_scope.field.starts_with("/members/SG/authorities/ACRA/"), "{unknown_scope}");
    let reserved = refused(&world, &with_office("name", Value::from("reg")));
    assert_eq!(reserved.code, Code::DidInvalid);
    assert!(reserved.field.starts_with("/members/SG/authorities/reg/"), "{reserved}");
    let nameless = refused(&world, &sg.with("name", Value::from("")));
    assert_eq!(nameless.code, Code::FieldLimit);
    assert!(nameless.field.starts_with("/members/SG/"), "{nameless}");

    // the same root key twice, which signs twice
    let keys = sg.get("rootKeys").and_then(Value::as_list).expect("a list");
    let first = keys.first().expect("a key").clone();
    let unsigned = sg.without("sigs").with("rootKeys", Value::List(vec![first.clone(), first]));
    let signature = world.key("SG", 1).sign(&Contribution::digest(&unsigned).0).to_bytes();
    let twice = contribution::signed(&unsigned, &[signature, signature]);
    let twice = Contribution::from_value(twice).expect_err("one key is not two");
    assert_eq!(twice.code, Code::KeyReused);
    assert!(twice.field.starts_with("/members/SG/"), "{twice}");
}

#[test]
fn what_fails_only_together_is_refused_when_it_is_put_together() {
    let world = World::new();
    let (sg, my) = (member(&world, "SG"), member(&world, "MY"));
    // Malaysia names the office keys of Singapore as its own
    let borrowed = sg.value.get("authorities").expect("offices").clone();
    let my = signed(&world, "MY", &my.value.with("authorities", borrowed));
    let my = Contribution::from_value(my).expect("alone it is sound");
    let template = Template {
        chain: world.genesis.chain.clone(),
        time_ms: world.genesis.time_ms,
        app_version: 1,
        unicode_version: "14.0.0".to_owned(),
        sandbox: true,
        consultation_s: 0,
        members: vec!["SG".to_owned(), "MY".to_owned()],
    };
    let refused = Genesis::assemble(&template, &[sg.clone(), my]).expect_err("a key of two");
    let GenesisError::Form { reject, .. } = refused else { panic!("{refused}") };
    assert_eq!(reject.code, Code::KeyReused);
    // SG is written after MY
    assert!(reject.field.starts_with("/members/SG/authorities/ACRA/"), "{reject}");
}

#[test]
fn a_template_names_member_states_of_asean_once_and_a_time_that_can_be_written() {
    let read = |members: &str, time_ms: u64| {
        let text = format!(
            "chain = \"ceremony-1\"\ntime-ms = {time_ms}\napp-version = 1\n\
             unicode-version = \"14.0.0\"\nsandbox = false\nmembers = [{members}]\n"
        );
        match Template::parse(&text) {
            Ok(_) => None,
            Err(GenesisError::Form { reject, .. }) => Some((reject.code, reject.field)),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(read("\"SG\", \"MY\"", 253_402_300_799_999), None);
    let members = Some((Code::Malformed, "/members".to_owned()));
    for wrong in ["\"SG\", \"SG\"", "\"SG\", \"XX\"", "\"sg\"", "\"SGP\"", "\"\""] {
        assert_eq!(read(wrong, 1_790_000_000_000), members, "{wrong}");
    }
    let time = Some((Code::LimitExceeded, "/time-ms".to_owned()));
    assert_eq!(read("\"SG\"", 253_402_300_800_000), time);
    assert_eq!(read("\"SG\"", 99_999_999_999_999_999), time);
}
