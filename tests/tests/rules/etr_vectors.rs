//! The published vectors of the ETR register, byte for byte (`tests/data/etr/vectors.json`), and
//! the ETR op of `tests/data/ledger/ops.json`.

use ed25519_dalek::{Signer as _, SigningKey};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::etr::content::{self, Leaf};
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{build, keys, record_content_hash};
use titian_contracts::json::{self, Value};
use titian_contracts::op::{Op, Register};
use titian_contracts::state::encode_content;
use titian_contracts::transaction::{Transaction, TransactionId};

fn vectors() -> Value {
    json::parse(include_bytes!("../../data/etr/vectors.json")).expect("vectors are I-JSON")
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('/')
        .fold(value, |value, name| value.get(name).unwrap_or_else(|| panic!("vectors hold {path}")))
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_text().unwrap_or_else(|| panic!("{path} is text"))
}

#[test]
fn a_tagged_hash_is_that_of_the_vector() {
    let v = vectors();
    let digest = hash("titian etr id v1", &[text(&v, "hash/input_utf8").as_bytes()]);
    assert_eq!(digest.to_string(), text(&v, "hash/digest"));
}

#[test]
fn ids_of_root_and_child_are_those_of_the_vector() {
    let v = vectors();
    let root = content::record_id(
        text(&v, "record_id/chain"),
        text(&v, "record_id/series"),
        text(&v, "record_id/issuer_entity"),
        text(&v, "record_id/ref"),
    );
    assert_eq!(root, text(&v, "record_id/id"));
    assert!(content::is_record_id(&root));
    let op = Digest::parse(text(&v, "child_id/opDigest")).expect("a digest");
    assert_eq!(content::child_id(op, 0), text(&v, "child_id/id"));
}

#[test]
fn leaves_and_content_root_are_those_of_the_vector() {
    let v = vectors();
    let object = at(&v, "content/object").as_object().expect("an object");
    let texts: Vec<(String, String, String)> = object
        .iter()
        .map(|(name, value)| {
            let salt = text(&v, &format!("content/salts/{name}")).to_owned();
            (name.clone(), salt, value.to_jcs())
        })
        .collect();
    let fields: Vec<build::Field<'_>> = texts
        .iter()
        .map(|(name, salt, value_jcs)| build::Field { name, salt, value_jcs })
        .collect();
    let leaves = build::leaves(&fields, 1);
    assert_eq!(build::leaves_value(&leaves), *at(&v, "content/leaves"));
    assert_eq!(build::root(&leaves).to_string(), text(&v, "content/contentRoot"));
}

#[test]
fn trees_of_one_to_five_leaves_have_the_roots_of_the_vector() {
    let v = vectors();
    for count in 1..=5u64 {
        let leaves: Vec<Leaf> = (1..=count)
            .map(|i| {
                let name = format!("f{i}");
                let hash = content::field_leaf(&name, 1, &format!("{i:032x}"), &i.to_string());
                Leaf { name, hash }
            })
            .collect();
        let expected = text(&v, &format!("tree_shapes/roots/{count}"));
        assert_eq!(build::root(&leaves).to_string(), expected, "{count} leaves");
    }
}

#[test]
fn op_digest_head_and_signature_are_those_of_the_vector() {
    let v = vectors();
    let key: [u8; 32] =
        hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .expect("hex")
            .try_into()
            .expect("32 bytes");
    let key = SigningKey::from_bytes(&key);
    assert_eq!(hex::encode(key.verifying_key().to_bytes()), text(&v, "issue/public_key"));
    for name in ["issue", "offer"] {
        let value = at(&v, &format!("{name}/op")).with("sigs", Value::List(Vec::new()));
        let op = Op::from_value(value).expect("the op reads");
        assert_eq!(op.digest.to_string(), text(&v, &format!("{name}/opDigest")));
        let head = Digest::parse(text(&v, &format!("{name}/op/head"))).expect("a digest");
        let after = content::next_head(head, op.digest).to_string();
        assert_eq!(after, text(&v, &format!("{name}/head_after")));
        if name == "issue" {
            let signature = hex::encode(key.sign(&op.digest.0).to_bytes());
            assert_eq!(signature, text(&v, "issue/signature"));
        }
    }
}

#[test]
fn the_state_leaf_is_that_of_the_vector_and_reads_back() {
    let v = vectors();
    let (public, party) =
        (at(&v, "state_leaf/public").to_jcs(), at(&v, "state_leaf/party").to_jcs());
    assert_eq!(content::public_hash(&public).to_string(), text(&v, "state_leaf/public_hash"));
    assert_eq!(content::party_hash(&party).to_string(), text(&v, "state_leaf/party_hash"));
    let record = Record::from_texts(&public, &party).expect("the state reads");
    assert_eq!(record.public.to_value().to_jcs(), public);
    assert_eq!(record.party.to_value().to_jcs(), party);
    let bytes = encode_content(&(public, party));
    let key = keys::record(&record.public.id);
    let leaf = record_content_hash(&key, &bytes).expect("a record has its own hash");
    assert_eq!(leaf.to_string(), text(&v, "state_leaf/leaf"));
    assert_eq!(record_content_hash(&keys::profile("bl-order@1"), &bytes), None);
}

#[test]
fn the_bundle_digest_is_that_of_the_vector() {
    let v = vectors();
    let op = at(&v, "offer/op");
    let item = |seq: &Value, act: &str, args: Value| {
        Value::List(vec![at(op, "id").clone(), seq.clone(), Value::from(act), args])
    };
    let items = vec![
        item(at(op, "seq"), "offer", at(op, "args").clone()),
        item(&Value::Int(2), "accept", Value::object([("evidence", Value::List(Vec::new()))])),
    ];
    assert_eq!(content::bundle_digest(items).to_string(), text(&v, "bundle/bundle"));
}

#[test]
fn the_published_etr_op_has_its_digest_and_transaction_id() {
    let all = json::parse(include_bytes!("../../data/ledger/ops.json")).expect("I-JSON");
    let ops = at(&all, "ops").as_list().expect("a list");
    let entry = ops.iter().find(|op| text(op, "register") == "etr").expect("an etr op");
    let value = json::parse_canonical(text(entry, "op").as_bytes()).expect("canonical");
    let op = Op::from_value(value.clone()).expect("the op reads");
    assert_eq!(op.digest.to_string(), text(entry, "opDigest"));
    let bytes = Transaction::encode("op", Register::Etr, value);
    assert_eq!(TransactionId::of(&bytes).to_string(), text(entry, "transaction"));
    assert!(Transaction::parse(&bytes).is_ok());
    // its id is that of the note of the vectors on this chain
    let v = vectors();
    let id = content::record_id(
        &op.chain,
        text(&v, "record_id/series"),
        text(&v, "record_id/issuer_entity"),
        text(&v, "record_id/ref"),
    );
    assert_eq!(op.value.get("id").and_then(Value::as_text), Some(id.as_str()));
}
