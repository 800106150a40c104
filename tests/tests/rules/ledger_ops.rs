//! Ops and transactions: the published ones byte for byte, canonical form, limits, algorithms.

use std::collections::BTreeSet;

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use titian_contracts::access::new_key::possession_digest;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::limits;
use titian_contracts::op::{self, Op, Register};
use titian_contracts::transaction::{Transaction, TransactionId};
use titian_contracts::ubin::body::body_hash;
use titian_tests::world::World;

const OPS: &str = include_str!("../../data/ledger/ops.json");

/// The published op of a register: its text, and the entry with digest and transaction id.
fn published(register: &str) -> (String, serde_json::Value) {
    let file: serde_json::Value = serde_json::from_str(OPS).expect("JSON");
    let entry = file["ops"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|entry| entry["register"] == register)
        .expect("one op of each register")
        .clone();
    (entry["op"].as_str().expect("a text").to_owned(), entry)
}

/// The published test key of `PARTY#kN`.
fn published_seed(party: &str, key: u64) -> [u8; 32] {
    Sha256::digest(format!("titian public test key: {party}#k{key}")).into()
}

fn parse_op(text: &str) -> Result<Op, Code> {
    json::parse_canonical(text.as_bytes()).and_then(Op::from_value).map_err(|reject| reject.code)
}

fn parse_transaction(bytes: &[u8]) -> Result<Transaction, Code> {
    Transaction::parse(bytes).map_err(|reject| reject.code)
}

#[test]
fn the_published_ops_of_all_registers_are_reproduced_byte_for_byte() {
    for register in ["access", "ubin", "vc", "etr", "gov"] {
        let (text, entry) = published(register);
        let op = parse_op(&text).expect("canonical");
        assert_eq!(op.value.to_jcs(), text, "{register}");
        assert_eq!(op.digest.to_string(), entry["opDigest"], "{register}");
        let bytes = Transaction::encode("op", op.register, op.value.clone());
        assert_eq!(TransactionId::of(&bytes).to_string(), entry["transaction"], "{register}");
        assert_eq!(parse_transaction(&bytes).expect("a transaction").bytes, bytes);
        for signature in &op.signatures {
            let key = SigningKey::from_bytes(&published_seed(&signature.party, signature.key));
            let signed = key.sign(&op.digest.0).to_bytes();
            assert_eq!(signed, signature.signature, "{register}: {}", signature.party);
            assert!(op::verify(&key.verifying_key().to_bytes(), &op.digest, &signed));
        }
        if register == "ubin" {
            let body = op.args().get("body").expect("a body");
            assert_eq!(body_hash(body).to_string(), entry["bodyHash"]);
        }
    }
}

#[test]
fn the_published_proof_of_possession_is_reproduced() {
    let (text, _) = published("access");
    let op = parse_op(&text).expect("canonical");
    let key = &op.args().get("keys").and_then(Value::as_list).expect("keys")[0];
    let member = |name: &str| key.get(name).and_then(Value::as_text).expect("a text");
    let party = op.args().get("party").and_then(Value::as_text).expect("a party");
    let holder = SigningKey::from_bytes(&published_seed(party, 1));
    let public_key = holder.verifying_key().to_bytes();
    assert_eq!(member("publicKey"), op::encode_base64(&public_key));
    let digest = possession_digest(&op.chain, party, member("alg"), &public_key);
    let proof = op::encode_base64(&holder.sign(&digest.0).to_bytes());
    assert_eq!(member("possession"), proof);
}

#[test]
fn the_published_key_bind_is_applied_where_the_registrar_has_that_key() {
    let mut world = World::new();
    let seed = published_seed("SG:ACRA", 3);
    let key = world.new_key("SG:ACRA", seed, &["invoke"], &["access.key_bind"], 3);
    let args = Value::object([
        ("keys", Value::List(vec![key])),
        ("party", Value::from("SG:ACRA")),
        ("version", Value::Int(1)),
    ]);
    world.act(Register::Access, "key_bind", args, &[("SG", 1), ("SG", 2)]).expect("applied");
    let ubin = world.register_company("SG:ACRA", "UEN", "209900001K", "TITIAN DEMO");
    assert_eq!(ubin, "SG-UEN-209900001K-SU");
    let (text, _) = published("access");
    let op = json::parse(text.as_bytes()).expect("JSON");
    let receipt = world.run(&op);
    assert_eq!(receipt.error, None);
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(receipt.events[0].name, "access.key_bind");
    assert_eq!(receipt.events[0].subject, ubin);
    assert_eq!(receipt.events[0].data, r#"{"keys":["k1"],"version":1}"#);
    let before = world.state.0.clone();
    let again = world.run(&op).error.expect("refused").0;
    assert_eq!(Code::by_number(again), Some(Code::VersionConflict));
    assert_eq!(before, world.state.0);
}

#[test]
fn an_op_that_is_not_canonical_is_malformed() {
    let good = r#"{"act":"recover_cancel","args":{"party":"SG","version":1},"chain":"c","register":"access","sigs":[]}"#;
    assert!(parse_op(good).is_ok());
    let bad = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        parse_op(&good.replacen(from, to, 1)).err()
    };
    for (from, to) in [
        // duplicate names, at the top and inside
        (r#""chain":"c""#, r#""chain":"c","chain":"c""#),
        (r#""version":1"#, r#""version":1,"version":1"#),
        (r#""version":1"#, r#""version":1,"v\u0065rsion":2"#),
        // floats and other spellings of numbers
        (r#""version":1"#, r#""version":1.0"#),
        (r#""version":1"#, r#""version":1e0"#),
        (r#""version":1"#, r#""version":01"#),
        (r#""version":1"#, r#""version":-0"#),
        (r#""version":1"#, r#""version":9007199254740992"#),
        (r#""version":1"#, r#""version":NaN"#),
        // order, blanks, escapes that canonical text does not use
        (
            r#""act":"recover_cancel","args":{"party":"SG","version":1}"#,
            r#""args":{"party":"SG","version":1},"act":"recover_cancel""#,
        ),
        (r#"{"act""#, r#"{ "act""#),
        (r#""chain":"c""#, r#""chain":"\u0063""#),
        (r#""chain":"c""#, r#""chain":"\/""#),
        (r#""chain":"c""#, r#""chain":"\ud800""#),
        // members: missing, unknown, of another type
        (r#""chain":"c","#, ""),
        (r#""act":"recover_cancel""#, r#""act":1"#),
        (r#""sigs":[]"#, r#""sigs":{}"#),
        (r#""sigs":[]"#, r#""sigs":[],"zzz":null"#),
        (r#""args":{"party":"SG","version":1}"#, r#""args":[]"#),
        (r#""register":"access""#, r#""register":"acces""#),
    ] {
        assert_eq!(bad(from, to), Some(Code::Malformed), "{to}");
    }
    assert_eq!(parse_op(&format!("{good}\n")).err(), Some(Code::Malformed));
    assert_eq!(parse_op(&format!("\u{feff}{good}")).err(), Some(Code::Malformed));
    assert_eq!(
        json::parse_canonical(b"{\"a\":\"\xff\"}").map_err(|reject| reject.code),
        Err(Code::Malformed)
    );
}

#[test]
fn an_escape_has_one_canonical_form() {
    for number in (0..0x20_u32).chain([0x22, 0x2f, 0x5c, 0x61, 0x7f, 0x2028, 0xe9]) {
        let character = char::from_u32(number).expect("a character");
        // texts are looked through eight bytes at a time: at every place of eight, and after them
        for padding in (0..17).map(|count| "x".repeat(count)) {
            let written = Value::from(format!("{padding}{character}{padding}")).to_jcs();
            let long = format!("\"{padding}\\u{number:04x}{padding}\"");
            assert!(json::parse_canonical(written.as_bytes()).is_ok(), "{written}");
            let (same, found) = (long == written, json::parse_canonical(long.as_bytes()));
            assert_eq!(found.is_ok(), same, "{long}");
            assert_eq!(json::parse(long.as_bytes()), json::parse(written.as_bytes()));
        }
    }
    for (text, canonical) in [
        (r#""\u001f""#, true),
        (r#""\u001F""#, false),
        (r#""\u000a""#, false),
        (r#""\n""#, true),
        (r#""\/""#, false),
        (r#""/""#, true),
        (r#""\u0061""#, false),
        (r#""\u007f""#, false),
        (r#""\ud83d\ude00""#, false),
        ("\"\u{1f600}\"", true),
    ] {
        assert_eq!(json::parse_canonical(text.as_bytes()).is_ok(), canonical, "{text}");
    }
}

#[test]
fn the_largest_integers_and_the_deepest_values_are_read_and_no_more() {
    for (text, reads) in [
        ("9007199254740991", true),
        ("-9007199254740991", true),
        ("9007199254740992", false),
        ("-9007199254740992", false),
        ("99999999999999999999", false),
    ] {
        assert_eq!(json::parse_canonical(text.as_bytes()).is_ok(), reads, "{text}");
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let depth_of = |depth: usize| {
        json::parse_canonical(nested(depth).as_bytes()).map_err(|reject| reject.code).map(|_| ())
    };
    assert_eq!(depth_of(limits::JSON_DEPTH_MAX), Ok(()));
    assert_eq!(depth_of(limits::JSON_DEPTH_MAX + 1), Err(Code::LimitExceeded));
    assert_eq!(depth_of(1_000_000), Err(Code::LimitExceeded));
}

/// An op with these signatures, each (party, key).
fn signed_by(signers: &[(String, u64)]) -> String {
    let signatures = signers.iter().map(|(party, key)| {
        Value::object([
            ("alg", Value::from("Ed25519")),
            ("key", Value::from(format!("k{key}"))),
            ("party", Value::from(party.as_str())),
            ("sig", Value::from("A".repeat(86))),
        ])
    });
    Value::object([
        ("act", Value::from("recover_cancel")),
        ("args", Value::object([("party", Value::from("SG"))])),
        ("chain", Value::from("c")),
        ("register", Value::from("access")),
        ("sigs", Value::List(signatures.collect())),
    ])
    .to_jcs()
}

#[test]
fn signatures_are_ordered_by_party_and_key_number_and_at_most_40() {
    let party = |name: &str, key: u64| (name.to_owned(), key);
    let order = |signers: &[(String, u64)]| parse_op(&signed_by(signers)).map(|_| ());
    // k10 follows k9: numbers, not text
    assert_eq!(order(&[party("MY", 2), party("SG", 9), party("SG", 10)]), Ok(()));
    assert_eq!(order(&[party("SG", 10), party("SG", 9)]), Err(Code::SignatureOrder));
    assert_eq!(order(&[party("SG", 1), party("MY", 1)]), Err(Code::SignatureOrder));
    assert_eq!(order(&[party("SG", 1), party("SG", 1)]), Err(Code::SignatureOrder));
    let many = |count: u64| (1..=count).map(|no| party("SG", no)).collect::<Vec<_>>();
    assert_eq!(order(&many(40)), Ok(()));
    assert_eq!(order(&many(41)), Err(Code::LimitExceeded));
    let limit = u64::try_from(limits::OP_SIGNATURES_MAX).expect("small");
    assert_eq!(limit, 40, "ledger.md §2");
}

#[test]
fn only_ed25519_signs_ops() {
    let good = signed_by(&[("SG".to_owned(), 1)]);
    for alg in ["ML-DSA-44", "ML-DSA-65", "Ed25519+ML-DSA-65", "ed25519", "P-256", "X25519", ""] {
        let other = good.replace("\"alg\":\"Ed25519\"", &format!("\"alg\":\"{alg}\""));
        assert_eq!(parse_op(&other).err(), Some(Code::AlgUnsupported), "{alg}");
    }
    for (from, to) in [
        ("\"key\":\"k1\"", "\"key\":\"k01\""),
        ("\"key\":\"k1\"", "\"key\":\"k0\""),
        ("\"key\":\"k1\"", "\"key\":\"1\""),
        ("\"key\":\"k1\"", "\"key\":\"k1000000000\""),
        ("\"sig\":\"AA", "\"sig\":\"A"),
        ("\"sig\":\"AA", "\"sig\":\"=A"),
        // the last character of 64 bytes carries four spare bits, which must be zero
        ("AA\"}", "AB\"}"),
        ("\"party\":\"SG\"", "\"party\":null"),
    ] {
        assert!(good.contains(from), "{from}");
        let at = good.rfind(from).expect("checked");
        let mut bad = good.clone();
        bad.replace_range(at..at + from.len(), to);
        assert_eq!(parse_op(&bad).err(), Some(Code::Malformed), "{to}");
    }
}

/// A transaction whose payload has exactly `bytes` bytes.
fn transaction_of(bytes: usize) -> Vec<u8> {
    let op = |filler: usize| {
        let args = Value::object([("filler", Value::from("x".repeat(filler)))]);
        let text = signed_by(&[]);
        json::parse(text.as_bytes()).expect("JSON").with("args", args)
    };
    let frame = op(0).to_jcs().len();
    let payload = op(bytes - frame);
    assert_eq!(payload.to_jcs().len(), bytes);
    Transaction::encode("op", Register::Access, payload)
}

#[test]
fn a_payload_has_at_most_64_kib() {
    assert_eq!(limits::PAYLOAD_BYTES_MAX, 65_536, "ledger.md §3");
    assert!(parse_transaction(&transaction_of(limits::PAYLOAD_BYTES_MAX)).is_ok());
    let over = parse_transaction(&transaction_of(limits::PAYLOAD_BYTES_MAX + 1));
    assert_eq!(over.err(), Some(Code::LimitExceeded));
    let far_over = parse_transaction(&vec![b'x'; limits::TRANSACTION_BYTES_MAX + 1]);
    assert_eq!(far_over.err(), Some(Code::LimitExceeded));
}

#[test]
fn the_envelope_of_a_transaction_is_strict() {
    let op = signed_by(&[("SG".to_owned(), 1)]);
    let good = format!(r#"{{"kind":"op","payload":{op},"register":"access","v":1}}"#);
    assert!(parse_transaction(good.as_bytes()).is_ok());
    for (from, to, code) in [
        (r#""kind":"op""#, r#""kind":"ops""#, Code::Malformed),
        (r#""kind":"op""#, r#""kind":"stage""#, Code::Malformed),
        (r#""kind":"op""#, r#""kind":"unstage""#, Code::Malformed),
        (r#""kind":"op""#, r#""kind":"bundle""#, Code::Malformed),
        (r#""register":"access","v":1"#, r#""register":"ubin","v":1"#, Code::Malformed),
        (r#""v":1"#, r#""v":2"#, Code::Malformed),
        (r#""v":1"#, r#""v":1,"w":1"#, Code::Malformed),
        (r#","v":1"#, "", Code::Malformed),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        assert_eq!(parse_transaction(bad.as_bytes()).err(), Some(code), "{to}");
    }
}

#[test]
fn an_op_for_another_chain_or_of_no_known_act_is_malformed() {
    let mut world = World::new();
    let args = Value::object([("party", Value::from("SG")), ("version", Value::Int(1))]);
    let op = world.op(Register::Access, "root_rotate_cancel", args);
    let signers: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
    let code = |world: &mut World, op: &Value| {
        let signed = world.sign(op, signers);
        world.run(&signed).error.and_then(|(number, _)| Code::by_number(number))
    };
    assert_eq!(code(&mut world, &op), Some(Code::RecoveryNone));
    let elsewhere = op.with("chain", Value::from("titian-devnet-2"));
    assert_eq!(code(&mut world, &elsewhere), Some(Code::Malformed));
    let unknown = op.with("act", Value::from("root_burn"));
    assert_eq!(code(&mut world, &unknown), Some(Code::Malformed));
}

/// Any JSON value without floats, up to four levels deep.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-json::INT_MAX..=json::INT_MAX).prop_map(Value::Int),
        any::<String>().prop_map(Value::Text),
        // names whose UTF-16 order differs from that of their code points
        prop_oneof![Just("\u{e000}"), Just("\u{10000}"), Just("\u{7f}\u{1}")].prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Value::object),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_value_has_one_canonical_text(value in any_value()) {
        let text = value.to_jcs();
        prop_assert_eq!(value.jcs_bytes(), text.len());
        prop_assert_eq!(json::parse_canonical(text.as_bytes()), Ok(value.clone()));
        let independent: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let reread = json::parse(independent.to_string().as_bytes()).expect("no floats");
        prop_assert_eq!(reread, value);
    }

    #[test]
    fn what_the_reader_takes_is_canonical_however_bytes_are_changed(
        register in 0usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..4),
    ) {
        let name = ["access", "ubin", "vc", "etr", "gov"][register];
        let mut bytes = published(name).0.into_bytes();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        // canonical is what the writer writes of the value, and nothing else
        let written = json::parse(&bytes).map(|value| value.to_jcs().into_bytes() == bytes);
        prop_assert_eq!(json::parse_canonical(&bytes).is_ok(), written == Ok(true));
        if let Ok(value) = json::parse_canonical(&bytes) {
            // an op that still reads has another digest, unless only `sigs` changed
            if let Ok(op) = Op::from_value(value.clone()) {
                prop_assert_eq!(op.digest, op::digest_of(op.register, &value));
            }
        }
    }
}

/// A signature that verifies without the rule on small order: R is the point of small order that a
/// key with a component of small order leaves. `None` for messages that leave another point.
fn with_small_r(message: &Digest) -> Option<([u8; 32], [u8; 64])> {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
    use curve25519_dalek::scalar::Scalar;
    use sha2::{Digest as _, Sha512};
    let secret = Scalar::from(7_u64);
    let public = &secret * ED25519_BASEPOINT_TABLE + EIGHT_TORSION[1];
    let public = public.compress().to_bytes();
    EIGHT_TORSION.iter().find_map(|point| {
        let r = point.compress().to_bytes();
        let hash = Sha512::new().chain_update(r).chain_update(public).chain_update(message.0);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        // R = sB − kA = (s − 7k)B − kT: of small order for s = 7k
        (-(k * EIGHT_TORSION[1]) == *point).then(|| {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice((k * secret).as_bytes());
            (public, signature)
        })
    })
}

#[test]
fn signatures_are_verified_as_the_library_does_strictly() {
    use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
    let strictly = |public: &[u8; 32], message: &Digest, signature: &[u8; 64]| {
        let key = VerifyingKey::from_bytes(public).expect("a point");
        key.verify_strict(&message.0, &Signature::from_bytes(signature)).is_ok()
    };
    let mut small = BTreeSet::new();
    for n in 0..=255_u8 {
        let message = Digest([n; 32]);
        let key = SigningKey::from_bytes(&[n; 32]);
        let public = key.verifying_key().to_bytes();
        let good = key.sign(&message.0).to_bytes();
        assert!(op::verify(&public, &message, &good));
        // one bit of each byte
        for i in 0..64 {
            let mut bad = good;
            bad[i] ^= 1 << (n % 8);
            assert_eq!(op::verify(&public, &message, &bad), strictly(&public, &message, &bad));
        }
        let Some((public, signature)) = with_small_r(&message) else { continue };
        let key = VerifyingKey::from_bytes(&public).expect("a point");
        assert!(
            key.verify(&message.0, &Signature::from_bytes(&signature)).is_ok(),
            "it is crafted"
        );
        assert!(!op::verify(&public, &message, &signature));
        assert!(!strictly(&public, &message, &signature));
        small.insert(signature[..32].to_vec());
    }
    assert_eq!(small.len(), 8, "each of the eight points was tried");
}
