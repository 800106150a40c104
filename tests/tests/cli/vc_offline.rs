//! Verdicts of `titian verify` with no node: the library's bytes, the exit codes, and what makes a
//! bundle unusable.

use serde_json::{Value as Json, json};
use titian_contracts::time::rfc3339;
use titian_credential::bundle::{TrustAnchor, read};
use titian_credential::contexts::Contexts;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::proof::issue_jcs;
use titian_credential::snapshot::Snapshot as _;
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, is_presentation, verify, verify_presentation};

use super::Ran;
use super::vc_desk::{Desk, now_ms};

/// The code of a check in a verdict.
fn code(verdict: &Json, check: &str) -> String {
    let checks = verdict["checks"].as_array().expect("checks");
    let found = checks.iter().find(|found| found["name"] == check).expect("all twelve are there");
    found["code"].as_str().expect("a code").to_owned()
}

/// The verdict is the library's, byte by byte, at some moment of the second that it names.
fn same_as_library(desk: &Desk, ran: &Ran, text: &str, bundle: &str, request: &Request) {
    let anchor = desk.world.genesis.anchor();
    let trust =
        TrustAnchor { anchor: &anchor, sandbox: desk.world.genesis.sandbox, trusted_height: 0 };
    let bundle = read(bundle.as_bytes(), trust).expect("a bundle");
    assert_eq!(bundle.trust().proof_code, "OK");
    let printed = ran.stdout.strip_suffix('\n').expect("one line");
    let second = now_ms() / 1_000;
    let same = (second - 60..=second).rev().any(|second| {
        // the age is counted in milliseconds and printed in seconds
        [0, desk.world.time_ms % 1_000].iter().any(|ms| {
            let now_ms = second * 1_000 + ms;
            let made = if is_presentation(text.as_bytes()) {
                verify_presentation(text.as_bytes(), request, Some(&bundle), now_ms).to_jcs()
            } else {
                verify(text.as_bytes(), request, Some(&bundle), now_ms).to_jcs()
            };
            made == printed
        })
    });
    assert!(same, "{printed}");
}

#[test]
fn t15_a_verdict_of_the_command_line_has_the_bytes_of_the_library_in_every_form() {
    let mut desk = Desk::new();
    let texts = [desk.embedded(7), desk.token(7), desk.shown_mandate(7)];
    for revoked in [false, true] {
        if revoked {
            desk.set("SG:ACRA/status/1", 0, 7, 1);
            desk.set("SG:ACRA/status/3", 0, 7, 1);
        }
        let bundle = desk.bundle(&["SG:ACRA"]);
        desk.write("trust.ttb", &bundle);
        for text in &texts {
            desk.write("credential", text);
            let ran = desk.verify("credential", "trust.ttb", &["--jurisdiction", "SG", "--json"]);
            let mut request = Request::new(Policy::Ledger);
            request.jurisdiction = Some("SG".to_owned());
            same_as_library(&desk, &ran, text, &bundle, &request);
            let verdict = ran.json();
            assert_eq!(ran.code, if revoked { 3 } else { 0 }, "{ran:?}");
            assert_eq!(verdict["checks"].as_array().map(Vec::len), Some(12));
            let status = code(&verdict, "status");
            assert_eq!(status, if revoked { "REVOKED" } else { "OK" }, "{verdict}");
            let requested = desk.verify(
                "credential",
                "trust.ttb",
                &["--policy", "w3c", "--require", "accreditation", "--json"],
            );
            let mut request = Request::new(Policy::W3c);
            request.require = vec![titian_credential::verdict::Check::Accreditation];
            same_as_library(&desk, &requested, text, &bundle, &request);
        }
    }
}

#[test]
fn t11_the_exit_code_tells_verified_rejected_and_indeterminate() {
    let mut desk = Desk::new();
    desk.write("extract.json", &desk.embedded(7));
    desk.write("trust.ttb", &desk.bundle(&["SG:ACRA"]));
    let ran = desk.verify("extract.json", "trust.ttb", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("VERIFIED   BusinessRegistration   did:ubin:SG:ACRA → SG-UEN-"));
    assert!(ran.stdout.contains("accreditation(SG→SG:ACRA)"), "{ran:?}");
    assert!(ran.stdout.contains("bundle) on titian-devnet-cli"), "{ran:?}");
    assert!(ran.stdout.contains("signing time is the issuer's statement"), "{ran:?}");
    for wrong in ["my", "MYS", ""] {
        let ran = desk.verify("extract.json", "trust.ttb", &["--jurisdiction", wrong]);
        assert_eq!(ran.code, 2, "{wrong}: {ran:?}");
    }
    let ran = desk.verify("extract.json", "trust.ttb", &["--jurisdiction", "MY", "--json"]);
    assert_eq!((ran.code, code(&ran.json(), "recognition").as_str()), (3, "NOT_RECOGNISED"));
    // a mandate that nobody shows, and that is said
    desk.write("mandate.sdjwt", &desk.mandate(7, &desk.some_jwk()));
    let ran = desk.verify("mandate.sdjwt", "trust.ttb", &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("holder: KEY_BINDING_MISSING"), "{ran:?}");
    let ran = desk.verify("mandate.sdjwt", "trust.ttb", &["--policy", "w3c"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("a copy verifies as well"), "{ran:?}");
    // facts of another issuer: nothing that is needed is at hand
    desk.write("other.ttb", &desk.bundle(&["MY:SSM"]));
    let ran = desk.verify("extract.json", "other.ttb", &["--json"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(code(&ran.json(), "issuerKey"), "DID_NOT_AVAILABLE");
    // without any state
    for file in ["mandate.sdjwt", "extract.json"] {
        let ran = desk.titian(&["verify", file, "--no-ledger", "--json"]);
        assert_eq!((ran.code, ran.json()["trust"].is_null()), (5, true), "{ran:?}");
    }
    desk.set("SG:ACRA/status/1", 0, 7, 1);
    desk.write("later.ttb", &desk.bundle(&["SG:ACRA"]));
    let ran = desk.verify("extract.json", "later.ttb", &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("status: REVOKED since"), "{ran:?}");
    assert!(ran.stdout.contains("titian explain REVOKED"), "{ran:?}");
}

#[test]
fn t11_a_bundle_older_than_one_accepted_before_is_refused() {
    let mut desk = Desk::new();
    desk.write("extract.json", &desk.embedded(7));
    desk.write("old.ttb", &desk.bundle(&["SG:ACRA"]));
    let old = desk.world.height;
    assert_eq!(desk.verify("extract.json", "old.ttb", &[]).code, 0);
    desk.set("SG:ACRA/status/1", 0, 7, 1);
    desk.write("new.ttb", &desk.bundle(&["SG:ACRA"]));
    assert!(desk.world.height > old);
    assert_eq!(desk.verify("extract.json", "new.ttb", &[]).code, 3);
    // before, this bundle gave "verified"
    let ran = desk.verify("extract.json", "old.ttb", &["--json"]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (3, &"TRUST_OLDER".into()), "{ran:?}");
    let trusted = std::fs::read_to_string(desk.path(".config/titian/trusted.json")).expect("kept");
    let trusted: Json = serde_json::from_str(&trusted).expect("JSON");
    let network = &trusted["networks"][desk.world.genesis.hash.to_string()];
    assert_eq!(network["height"], desk.world.height);
    assert_eq!(network["chain"], "titian-devnet-cli");
    // on purpose, and said so; the trusted height stays
    let ran = desk.verify("extract.json", "old.ttb", &["--allow-older", "--json"]);
    let warnings = ran.json()["warnings"].clone();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(warnings.as_array().expect("a list").contains(&"TRUST_OLDER".into()), "{warnings}");
    assert_eq!(desk.verify("extract.json", "old.ttb", &[]).code, 3);
    assert_eq!(desk.verify("extract.json", "new.ttb", &[]).code, 3);
    // a bundle whose proof fails raises nothing
    let mut forged: Json = serde_json::from_str(&desk.bundle(&["SG:ACRA"])).expect("JSON");
    forged["height"] = (desk.world.height + 100).into();
    desk.write("forged.ttb", &forged.to_string());
    let ran = desk.verify("extract.json", "forged.ttb", &["--json"]);
    assert_eq!((ran.code, code(&ran.json(), "stateProof").as_str()), (3, "STATE_PROOF_INVALID"));
    assert_eq!(desk.verify("extract.json", "new.ttb", &["--json"]).json()["outcome"], "rejected");
    // without a folder to remember in, nothing is judged
    let variables = [("HOME", "/proc/none"), ("XDG_CONFIG_HOME", "/proc/none")];
    let args = ["verify", "extract.json", "--offline", "new.ttb", "--genesis", "genesis.json"];
    let ran = super::titian_in(desk.folder(), &variables, &args);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn t11_another_block_at_the_height_accepted_last_is_refused() {
    let mut desk = Desk::new();
    desk.write("extract.json", &desk.embedded(7));
    // two blocks of one height, both signed by all validators
    let before = desk.world.clone();
    desk.set("SG:ACRA/status/1", 0, 8, 1);
    desk.write("first.ttb", &desk.bundle(&["SG:ACRA"]));
    let height = desk.world.height;
    desk.world = before;
    desk.set("SG:ACRA/status/1", 0, 9, 1);
    let second = desk.bundle(&["SG:ACRA"]);
    desk.write("second.ttb", &second);
    desk.write("pack.json", &desk.evidence(&desk.embedded(7)));
    assert_eq!(desk.world.height, height);
    let trusted = || std::fs::read_to_string(desk.path(".config/titian/trusted.json")).ok();

    assert_eq!(desk.verify("extract.json", "first.ttb", &[]).code, 0);
    let known = trusted().expect("kept");
    let pack = ["verify", "pack.json", "--genesis", "genesis.json"];
    let refused = |ran: &Ran| {
        let name = ran.json()["error"]["name"].clone();
        assert_eq!((ran.code, name), (3, "STATE_PROOF_INVALID".into()), "{ran:?}");
        assert!(ran.stdout.contains("another block was accepted"), "{ran:?}");
    };
    for more in [&["--json"][..], &["--allow-older", "--json"]] {
        refused(&desk.verify("extract.json", "second.ttb", more));
        refused(&desk.titian(&[&pack[..], more].concat()));
    }
    assert_eq!(trusted().as_ref(), Some(&known), "nothing was raised");
    assert_eq!(desk.verify("extract.json", "first.ttb", &[]).code, 0, "the first one still holds");
    // whichever comes first is the one
    std::fs::remove_file(desk.path(".config/titian/trusted.json")).expect("it was there");
    assert_eq!(desk.verify("extract.json", "second.ttb", &[]).code, 0);
    refused(&desk.verify("extract.json", "first.ttb", &["--json"]));
}

#[test]
fn t11_a_stale_bundle_is_indeterminate_unless_the_caller_says_how_old_it_may_be() {
    let desk = Desk::aged(25 * 3_600_000);
    desk.write("extract.json", &desk.embedded(7));
    desk.write("trust.ttb", &desk.bundle(&["SG:ACRA"]));
    let ran = desk.verify("extract.json", "trust.ttb", &["--json"]);
    assert_eq!((ran.code, code(&ran.json(), "freshness").as_str()), (5, "TRUST_STALE"), "{ran:?}");
    let ran = desk.verify("extract.json", "trust.ttb", &["--max-age", "100000", "--json"]);
    assert_eq!((ran.code, code(&ran.json(), "freshness").as_str()), (0, "OK"), "{ran:?}");
    // another height than the one that was asked for
    let height = (desk.world.height + 1).to_string();
    let ran = desk.verify("extract.json", "trust.ttb", &["--at-height", &height]);
    assert_eq!(ran.code, 5, "{ran:?}");
}

#[test]
fn t11_a_tampered_credential_or_bundle_is_never_verified() {
    let desk = Desk::new();
    let (credential, bundle) = (desk.token(7), desk.bundle(&["SG:ACRA"]));
    desk.write("extract.jwt", &credential);
    desk.write("trust.ttb", &bundle);
    assert_eq!(desk.verify("extract.jwt", "trust.ttb", &[]).code, 0);
    let flipped = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        bytes
    };
    for at in (0..credential.len()).step_by(credential.len() / 12) {
        std::fs::write(desk.path("bad.jwt"), flipped(&credential, at)).expect("written");
        let ran = desk.verify("bad.jwt", "trust.ttb", &[]);
        assert_eq!(ran.code, 3, "byte {at}: {ran:?}");
    }
    let scope = bundle.find("\"scope\":").expect("there");
    for at in (0..bundle.len()).step_by(bundle.len() / 24) {
        // the scope is what its maker meant; it decides nothing
        if (scope..scope + 200).contains(&at) {
            continue;
        }
        std::fs::write(desk.path("bad.ttb"), flipped(&bundle, at)).expect("written");
        let ran = desk.verify("extract.jwt", "bad.ttb", &["--allow-older"]);
        assert!([3, 5].contains(&ran.code), "byte {at}: {ran:?}");
    }
    let ran = desk.titian(&["verify", "trust.ttb", "--genesis", "genesis.json", "--json"]);
    assert_eq!((ran.code, &ran.json()["kind"]), (0, &"vc-bundle".into()), "{ran:?}");
    let height = ran.json()["height"].as_u64().expect("a height");
    for (trusted, code) in [(height, 0), (height + 1, 3)] {
        let trusted = trusted.to_string();
        let args =
            ["verify", "trust.ttb", "--genesis", "genesis.json", "--trusted-height", &trusted];
        assert_eq!(desk.titian(&args).code, code, "{trusted}");
    }
    let ran = desk.titian(&["vc", "bundle", "inspect", "trust.ttb", "--genesis", "genesis.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("accreditation") && ran.stdout.contains("PROVEN"), "{ran:?}");
}

#[test]
fn t11_a_bundle_of_another_network_proves_nothing() {
    let (desk, other) = (Desk::new(), Desk::aged(120_000));
    desk.write("extract.json", &desk.embedded(7));
    desk.write("other.ttb", &other.bundle(&["SG:ACRA"]));
    let ran = desk.verify("extract.json", "other.ttb", &["--json"]);
    assert_eq!((ran.code, code(&ran.json(), "stateProof").as_str()), (3, "CHAIN_MISMATCH"));
}

#[test]
fn t11_an_evidence_pack_is_judged_from_itself_and_the_genesis() {
    let desk = Desk::aged(400 * 86_400_000);
    let credential = desk.token(7);
    let pack = desk.evidence(&credential);
    desk.write("pack.json", &pack);
    let verify = |file: &str, more: &[&str]| {
        desk.titian(&[&["verify", file, "--genesis", "genesis.json"], more].concat())
    };
    let ran = verify("pack.json", &["--json"]);
    assert_eq!((ran.code, code(&ran.json(), "freshness").as_str()), (5, "TRUST_STALE"), "{ran:?}");
    let later = ["--max-age", "100000000", "--trusted-height", "999999999"];
    assert_eq!(verify("pack.json", &later).code, 3, "below the trusted height");
    let ran = verify("pack.json", &["--max-age", "100000000", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let bytes = pack.replace("\"kind\":\"key\"", "\"kind\":\"kez\"");
    desk.write("bad.json", &bytes);
    assert_eq!(verify("bad.json", &["--max-age", "100000000"]).code, 3);
    // as a code, and back
    let ran = desk.titian(&["vc", "qr", "pack.json", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let symbols = ran.json()["symbols"].as_array().expect("symbols").clone();
    let texts: Vec<&str> = symbols.iter().filter_map(|symbol| symbol["text"].as_str()).collect();
    desk.write("pack.qr", &texts.join("\n"));
    let ran = verify("pack.qr", &["--max-age", "100000000", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn t11_a_receipt_is_judged_by_the_anchor_in_the_bundle_or_in_the_pack() {
    let mut desk = Desk::new();
    let token = desk.token(7);
    let receipt = desk.anchored(&token);
    desk.write("extract.jwt", &token);
    desk.write("receipt.json", &receipt);
    let signed = |ran: &Ran| {
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()["signedAt"]["source"].as_str().expect("a source").to_owned()
    };
    let receipt_of = ["--receipt", "receipt.json", "--json"];
    for (anchors, expected) in [
        (&[][..], "asserted"),
        (&["SG:ACRA/anchor/2"], "asserted"),
        (&["SG:ACRA/anchor/1"], "anchor"),
        (&["SG:ACRA"], "anchor"),
    ] {
        desk.write("trust.ttb", &desk.bundle_with(&["SG:ACRA"], anchors));
        let ran = desk.verify("extract.jwt", "trust.ttb", &receipt_of);
        assert_eq!(signed(&ran), expected, "{anchors:?}");
        let ran = desk.verify("extract.jwt", "trust.ttb", &["--json"]);
        assert_eq!(signed(&ran), "asserted", "without the receipt");
    }
    // a pack brings its receipts, and the anchor of each
    for (receipt, expected) in [(None, "asserted"), (Some(receipt.as_str()), "anchor")] {
        desk.write("pack.json", &desk.evidence_with(&token, receipt));
        let ran = desk.titian(&["verify", "pack.json", "--genesis", "genesis.json", "--json"]);
        assert_eq!(signed(&ran), expected);
    }
}

#[test]
fn t11_a_credential_comes_as_a_file_as_text_or_through_a_pipe() {
    let desk = Desk::new();
    let token = desk.token(7);
    desk.write("trust.ttb", &desk.bundle(&["SG:ACRA"]));
    assert_eq!(desk.verify(&token, "trust.ttb", &[]).code, 0);
    let ran = desk.titian(&["vc", "qr", &token, "--json"]);
    let payload = ran.json()["symbols"][0]["text"].as_str().expect("one symbol").to_owned();
    assert!(payload.starts_with("TT1:"), "{payload}");
    assert_eq!(desk.verify(&payload, "trust.ttb", &[]).code, 0);
    let envelope = format!(
        r#"{{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,{token}"}}"#
    );
    assert_eq!(desk.verify(&envelope, "trust.ttb", &[]).code, 0);
    for text in ["TT1:broken", "TTP1:00000000/1/2:AB"] {
        assert_eq!(desk.verify(text, "trust.ttb", &[]).code, 3, "{text}");
    }
    assert_eq!(desk.verify("no-such-file", "trust.ttb", &[]).code, 2);
    assert_eq!(desk.verify(&token, "no-such-bundle", &[]).code, 2);
    let mut child = std::process::Command::new(super::binary())
        .args(["verify", "-", "--offline", "trust.ttb", "--genesis", "genesis.json"])
        .current_dir(desk.folder())
        .env("HOME", desk.folder())
        .env_remove("XDG_CONFIG_HOME")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, token.as_bytes()).expect("written");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn t11_an_issuer_with_did_web_is_known_from_the_cache_alone() {
    let desk = Desk::new();
    let did = "did:web:issuer.example";
    let key = desk.world.key("MY", 1);
    let multikey = PublicKey::new(Algorithm::Ed25519, key.verifying_key().as_bytes())
        .expect("a key")
        .multikey();
    let method = format!("{did}#key-1");
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": did, "credentialSubject": {"id": "did:example:subject"},
    });
    let contexts = Contexts { snapshot: None, sandbox: false, inline: false };
    let created = rfc3339(now_ms() - 60_000);
    let signed = issue_jcs(&credential, &key, &method, &created, contexts).expect("sound");
    desk.write("foreign.json", &signed.to_string());
    let verify = |policy: &str, more: &[&str]| {
        let args = ["verify", "foreign.json", "--no-ledger", "--policy", policy, "--json"];
        desk.titian(&[&args[..], more].concat())
    };
    let ran = verify("w3c", &[]);
    assert_eq!((ran.code, code(&ran.json(), "issuerKey").as_str()), (5, "DID_NOT_AVAILABLE"));
    let document = json!({
        "id": did, "assertionMethod": [method],
        "verificationMethod": [{"id": method, "type": "Multikey", "controller": did,
            "publicKeyMultibase": multikey}],
    });
    for (age_ms, exit) in [(60_000, 0), (25 * 3_600_000, 5)] {
        let cache = json!([{"document": document, "fetchedMs": now_ms() - age_ms}]);
        desk.write("cache.json", &cache.to_string());
        for policy in ["w3c", "signature"] {
            let ran = verify(policy, &["--did-web-cache", "cache.json"]);
            assert_eq!(ran.code, exit, "{policy}: {ran:?}");
        }
    }
    // a node is never handed the caller's cache
    let ran = desk.titian(&["verify", "foreign.json", "--did-web-cache", "cache.json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}
