//! Proofs against the genesis file alone.
//!
//! The network is made in memory: a deterministic genesis, one block, and a certificate by its
//! validators.

use std::fs;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use titian_contracts::access;
use titian_contracts::block::{
    Certificate, HEADER_VERSION, Header, VoteKind, transaction_root, validator_address,
    vote_sign_bytes,
};
use titian_contracts::claim::{self, Frame};
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::proof::{self, Evidence};
use titian_contracts::state::content_hash;
use titian_contracts::transaction::TransactionId;
use titian_genesis::devnet::{self, Devnet, Plan};
use titian_tests::certify;
use titian_tests::world::World;

use super::{Ran, titian_in};

const HEIGHT: u64 = 7;
const TRANSACTIONS: [&[u8]; 3] = [b"one", b"two", b"three"];

fn network(chain: &str) -> Devnet {
    let plan = Plan {
        chain: chain.to_owned(),
        time_ms: 1_780_000_000_000,
        validators: 4,
        host: "127.0.0.1".to_owned(),
        base_port: 30_000,
    };
    let mut counter = 0_u8;
    devnet::make(&plan, &mut || {
        counter += 1;
        [counter; 32]
    })
    .expect("the genesis assembles")
}

/// A proof that the second transaction stands in block 7; `signers` validators signed.
fn transaction_proof(network: &Devnet, signers: usize) -> String {
    let genesis = &network.genesis;
    let bodies: Vec<Vec<u8>> = TRANSACTIONS.iter().map(|bytes| bytes.to_vec()).collect();
    let ids: Vec<TransactionId> = bodies.iter().map(|bytes| TransactionId::of(bytes)).collect();
    let header = Header {
        version: HEADER_VERSION,
        chain: genesis.chain.clone(),
        height: HEIGHT,
        time_ms: genesis.time_ms + 7_000,
        proposer: [1; 20],
        parent: Digest([2; 32]),
        tx_root: transaction_root(&bodies),
        state_root: Digest([3; 32]),
        receipt_root: Digest([4; 32]),
        change_root: Digest([5; 32]),
        validators_hash: genesis.validators.hash(),
        app_version: 1,
    };
    let block = header.id();
    let mut signatures: Vec<_> = network
        .nodes
        .iter()
        .take(signers)
        .map(|node| {
            let key = SigningKey::from_bytes(&node.vote_seed);
            let address = validator_address(&key.verifying_key().to_bytes());
            let bytes = vote_sign_bytes(
                &genesis.chain,
                VoteKind::Precommit,
                HEIGHT,
                0,
                Some(block),
                &address,
            );
            (address, key.sign(&bytes).to_bytes())
        })
        .collect();
    signatures.sort_unstable();
    let evidence = Evidence {
        path: proof::transaction_path(&ids, 1),
        header,
        certificate: Certificate { height: HEIGHT, round: 0, block, signatures },
        as_of: None,
    };
    let claim = Value::object([
        ("count", Value::Int(3)),
        ("id", Value::from(ids[1].to_string())),
        ("index", Value::Int(1)),
    ]);
    proof::bundle("ledger-transaction", HEIGHT, claim, &evidence)
}

fn write_genesis(folder: &Path, network: &Devnet) {
    let mut bytes = network.genesis.to_bytes();
    bytes.push(b'\n');
    fs::write(folder.join("genesis.json"), bytes).expect("the genesis is written");
}

fn verify(folder: &Path, proof: &[u8], more: &[&str]) -> Ran {
    fs::write(folder.join("proof.json"), proof).expect("the proof is written");
    let mut args = vec!["verify", "proof.json", "--genesis", "genesis.json"];
    args.extend(more);
    titian_in(folder, &[], &args)
}

#[test]
fn bare_state_entries_are_told_one_by_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = World::new();
    let mut genesis = world.genesis.to_bytes();
    genesis.push(b'\n');
    fs::write(folder.path().join("genesis.json"), genesis).expect("the genesis is written");
    let mut keys = vec![access::ams_key("SG"), access::key_key("SG:NONE", 1)];
    keys.sort();
    let (entries, evidence) = certify::prove(&world, &keys);
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let claim = claim::rebuild("ledger-state", &Value::Null, &entries, frame).expect("any keys");
    let text = proof::bundle("ledger-state", world.height, claim, &evidence);
    let ran = verify(folder.path(), text.as_bytes(), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let content = content_hash(&keys[0], &entries[0].stored.as_ref().expect("it stands").content);
    assert!(ran.stdout.contains("access/ams/SG stands since height 0, "), "{}", ran.stdout);
    assert!(ran.stdout.contains(&content.to_string()), "{}", ran.stdout);
    let absent = r"access/key/SG:NONE/\x00\x00\x00\x00\x00\x00\x00\x01 absent";
    assert!(ran.stdout.contains(absent), "{}", ran.stdout);
    let ran = verify(folder.path(), text.as_bytes(), &["--json"]);
    let shown = &ran.json()["claim"]["entries"];
    assert_eq!(shown[0]["keyText"], "access/ams/SG");
    assert_eq!(shown[0]["value"]["contentHash"], content.to_string());
    assert_eq!(shown[1]["value"], serde_json::Value::Null);
}

#[test]
fn a_proof_verifies_from_the_genesis_file_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = network("titian-devnet-proof");
    write_genesis(folder.path(), &network);
    let proof = transaction_proof(&network, 3);
    let ran = verify(folder.path(), proof.as_bytes(), &["--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let json = ran.json();
    assert_eq!((&json["proven"], &json["height"]), (&true.into(), &HEIGHT.into()));
    assert_eq!(json["kind"], "ledger-transaction");
    let words = verify(folder.path(), format!("{proof}\n").as_bytes(), &[]);
    assert_eq!(words.code, 0, "{words:?}");
    assert!(words.stdout.contains("PROVEN  ledger-transaction"), "{words:?}");
    assert!(words.stdout.contains("as of height 7"), "{words:?}");
}

#[test]
fn a_proof_with_one_flipped_byte_exits_3_wherever_it_is_flipped() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = network("titian-devnet-proof");
    write_genesis(folder.path(), &network);
    let proof = transaction_proof(&network, 3).into_bytes();
    // every 97th byte: a run of the program each
    for place in (0..proof.len()).step_by(97) {
        let mut damaged = proof.clone();
        damaged[place] ^= 1;
        let ran = verify(folder.path(), &damaged, &[]);
        assert_eq!(ran.code, 3, "byte {place}: {ran:?}");
        assert!(!ran.stdout.contains("PROVEN"), "byte {place}: {ran:?}");
    }
}

#[test]
fn two_of_four_validators_prove_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = network("titian-devnet-proof");
    write_genesis(folder.path(), &network);
    let ran = verify(folder.path(), transaction_proof(&network, 2).as_bytes(), &["--json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(ran.json()["error"]["data"]["proven"], false);
}

#[test]
fn a_proof_of_another_network_proves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_genesis(folder.path(), &network("titian-devnet-proof"));
    let other = transaction_proof(&network("titian-devnet-other"), 4);
    assert_eq!(verify(folder.path(), other.as_bytes(), &[]).code, 3);
}

#[test]
fn a_proof_below_the_trusted_height_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = network("titian-devnet-proof");
    write_genesis(folder.path(), &network);
    let proof = transaction_proof(&network, 4);
    assert_eq!(verify(folder.path(), proof.as_bytes(), &["--trusted-height", "7"]).code, 0);
    assert_eq!(verify(folder.path(), proof.as_bytes(), &["--trusted-height", "8"]).code, 3);
}

#[test]
fn a_proof_that_answers_nobody_is_not_proven_to_who_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = network("titian-devnet-proof");
    write_genesis(folder.path(), &network);
    let proof = transaction_proof(&network, 4);
    for asked in [["--challenge", "none.json"], ["--nonce", "n-1"], ["--audience", "EXAMPLE BANK"]]
    {
        let more = [&asked[..], &["--json"]].concat();
        let ran = verify(folder.path(), proof.as_bytes(), &more);
        assert_eq!((ran.code, &ran.json()["error"]["name"]), (3, &"NOT_PROVEN".into()), "{ran:?}");
        assert_eq!(ran.json()["error"]["data"]["proven"], false);
    }
}

#[test]
fn options_that_do_not_concern_a_file_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = network("titian-devnet-proof");
    write_genesis(folder.path(), &network);
    let proof = transaction_proof(&network, 4);
    let options: [&[&str]; 12] = [
        &["--require", "nosuch"],
        &["--require", "holder"],
        &["--policy", "w3c"],
        &["--jurisdiction", "MY"],
        &["--at-height", "7"],
        &["--skew", "60"],
        &["--status-list", "list.jwt"],
        &["--resource", "https://issuer.example/a=a"],
        &["--receipt", "receipt.json"],
        &["--offline", "trust.ttb"],
        &["--allow-older"],
        &["--no-ledger"],
    ];
    for more in options {
        let ran = verify(folder.path(), proof.as_bytes(), more);
        assert_eq!(ran.code, 2, "{more:?}: {ran:?}");
        assert!(ran.stderr.contains(more[0]), "{more:?}: {ran:?}");
    }
    let credential =
        br#"{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"]}"#;
    let ran = verify(folder.path(), credential, &["--trusted-height", "7", "--no-ledger"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--trusted-height"), "{ran:?}");
}

#[test]
fn a_proof_older_than_is_wanted_tells_nothing_of_now() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = network("titian-devnet-verify");
    write_genesis(folder.path(), &network);
    let proof = transaction_proof(&network, 4);
    let judged = |proof: &str, more: &[&str]| verify(folder.path(), proof.as_bytes(), more);
    assert_eq!(judged(&proof, &["--max-age", "10000000000"]).code, 0);
    let ran = judged(&proof, &["--max-age", "60", "--json"]);
    let error = &ran.json()["error"];
    assert_eq!((ran.code, &error["name"]), (5, &"TRUST_STALE".into()), "{ran:?}");
    assert_eq!(error["data"]["height"], HEIGHT);
    assert!(error["data"]["ageSeconds"].as_u64().is_some_and(|age| age > 60), "{ran:?}");
    // what is not proven is not proven, however old it is
    let forged = proof.replacen("\"height\":7", "\"height\":8", 1);
    assert_ne!(forged, proof);
    let ran = judged(&forged, &["--max-age", "60"]);
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn a_credential_without_node_and_bundle_is_indeterminate() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_genesis(folder.path(), &network("titian-devnet-proof"));
    let credential =
        br#"{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"]}"#;
    let ran = verify(folder.path(), credential, &[]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("--node URL"), "{ran:?}");
}

#[test]
fn what_is_neither_proof_nor_credential_exits_3_and_a_missing_file_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_genesis(folder.path(), &network("titian-devnet-proof"));
    assert_eq!(verify(folder.path(), b"hello", &[]).code, 3);
    let ran = titian_in(folder.path(), &[], &["verify", "none.json", "--genesis", "genesis.json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}
