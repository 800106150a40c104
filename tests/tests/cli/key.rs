//! The wallet: encrypted, opened by its passphrase only.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::titian_in;

const UBIN: &str = "SG-UEN-199403865N-G7";

fn new_args(wallet: &str) -> Vec<&str> {
    vec!["key", "new", UBIN, "--chain", "titian-devnet-test", "--wallet", wallet, "--json"]
}

#[test]
fn a_key_comes_back_out_of_an_encrypted_wallet() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = [("TITIAN_PASSPHRASE", "correct horse")];
    let made = titian_in(folder.path(), &secret, &new_args("w.age"));
    assert_eq!(made.code, 0, "{made:?}");
    let public_key = made.json()["publicKey"].as_str().expect("a public key").to_owned();
    let listed = titian_in(folder.path(), &secret, &["key", "list", "--wallet", "w.age", "--json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert_eq!(listed.json()["keys"][0]["publicKey"], public_key);
    assert_eq!(listed.json()["keys"][0]["party"], UBIN);
}

#[test]
fn the_wallet_file_is_sealed_and_private() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = [("TITIAN_PASSPHRASE", "correct horse")];
    assert_eq!(titian_in(folder.path(), &secret, &new_args("w.age")).code, 0);
    let path = folder.path().join("w.age");
    let bytes = fs::read(&path).expect("the wallet");
    assert!(bytes.starts_with(b"age-encryption.org/v1"));
    assert!(!bytes.windows(UBIN.len()).any(|part| part == UBIN.as_bytes()), "it names its party");
    let mode = fs::metadata(&path).expect("the wallet").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made =
        titian_in(folder.path(), &[("TITIAN_PASSPHRASE", "correct horse")], &new_args("w.age"));
    assert_eq!(made.code, 0, "{made:?}");
    let wrong = [("TITIAN_PASSPHRASE", "battery staple")];
    let ran = titian_in(folder.path(), &wrong, &["key", "list", "--wallet", "w.age"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("does not open the wallet"), "{ran:?}");
}

#[test]
fn without_passphrase_and_terminal_no_wallet_is_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ran = titian_in(folder.path(), &[], &new_args("w.age"));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("TITIAN_PASSPHRASE"), "{ran:?}");
    assert!(!folder.path().join("w.age").exists());
}

#[test]
fn a_wallet_in_the_clear_signs_for_devnets_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut args = new_args("w.json");
    args.push("--insecure-devnet");
    assert_eq!(titian_in(folder.path(), &[], &args).code, 0);
    let other = ["key", "new", UBIN, "--chain", "titian-asean-1", "--wallet", "w.json"];
    let ran = titian_in(folder.path(), &[], &other);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("titian-asean-1 is not a devnet"), "{ran:?}");
}

#[test]
fn an_exported_key_can_be_taken_into_another_wallet() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = [("TITIAN_PASSPHRASE", "correct horse")];
    let made = titian_in(folder.path(), &secret, &new_args("a.age"));
    assert_eq!(made.code, 0, "{made:?}");
    let export = ["key", "export", UBIN, "--secret", "-o", "backup.age", "--wallet", "a.age"];
    assert_eq!(titian_in(folder.path(), &secret, &export).code, 0);
    // a node reads it in the clear, and nobody else may
    let node = ["key", "export", UBIN, "--for-node", "-o", "node.key", "--wallet", "a.age"];
    let ran = titian_in(folder.path(), &secret, &node);
    assert_eq!(ran.code, 0, "{ran:?}");
    let path = folder.path().join("node.key");
    let key = titian_node::signer::keystore::NodeKey::load(&path).expect("the file of a node");
    let public = titian_contracts::op::encode_base64(&key.public_key());
    assert_eq!(made.json()["publicKey"], public.as_str());
    let hex = std::fs::read_to_string(&path).expect("written");
    assert!(!ran.stdout.contains(&hex) && !ran.stderr.contains(&hex), "{ran:?}");
    assert_eq!(titian_in(folder.path(), &secret, &node).code, 2, "nothing is written over");
    let import = ["key", "import", "backup.age", "--wallet", "b.age"];
    assert_eq!(titian_in(folder.path(), &secret, &import).code, 0);
    let listed = titian_in(folder.path(), &secret, &["key", "list", "--wallet", "b.age", "--json"]);
    assert_eq!(listed.json()["keys"][0]["publicKey"], made.json()["publicKey"]);
}

#[test]
fn the_request_of_a_new_key_proves_its_possession() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = [("TITIAN_PASSPHRASE", "correct horse")];
    let request = titian_in(folder.path(), &secret, &new_args("w.age")).json()["request"].clone();
    let key = &request["keys"][0];
    let text = |name: &str| key[name].as_str().expect("text").to_owned();
    let statement =
        format!("[\"titian-devnet-test\",\"{UBIN}\",\"Ed25519\",\"{}\"]", text("publicKey"));
    let digest =
        titian_contracts::digest::hash("titian access possession v1", &[statement.as_bytes()]);
    let public = titian_contracts::op::decode_fixed::<32>(&text("publicKey")).expect("32 bytes");
    let signature =
        titian_contracts::op::decode_fixed::<64>(&text("possession")).expect("64 bytes");
    assert!(titian_contracts::op::verify(&public, &digest, &signature));
}
