//! W3C forms: vectors byte for byte, the term guard, hostile input, and verdicts against state.

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use titian_contracts::credential::linter::BASE_TERMS;
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::rfc3339;
use titian_credential::codes::{Outcome, TABLE, outcome_of};
use titian_credential::contexts::{self, Contexts};
use titian_credential::json::{canonical, parse};
use titian_credential::proof::{issue_jcs, prepare_jcs};
use titian_credential::registration::{Frame, StatusSlot, business_registration};
use titian_credential::schema::{self, Evaluation};
use titian_credential::snapshot::Live;
use titian_credential::verdict::{Check, CheckResult, Decision, Policy, Verdict};
use titian_credential::verify::{Request, verify};
use titian_credential::{did, profiles, status};

use super::credential_scene::{ACRA, ROOT, Scene, cases, change, set};

const VECTOR: &str = include_str!("../../data/vc/eddsa/eddsa-jcs-2022.json");

fn vector() -> Json {
    serde_json::from_str(VECTOR).expect("the vector is JSON")
}

const SANDBOX: Contexts<'static> = Contexts { snapshot: None, sandbox: true, inline: false };

fn seed_of(multibase: &str) -> SigningKey {
    // multicodec 0x1300 (two bytes), then 32 bytes of seed; base58 by hand, big-endian
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = vec![0_u8; 34];
    for c in multibase.bytes().skip(1) {
        let mut carry = ALPHABET.iter().position(|a| *a == c).expect("base58");
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry % 256) as u8;
            carry /= 256;
        }
    }
    SigningKey::from_bytes(bytes[2..].try_into().expect("32 bytes"))
}

#[test]
fn the_w3c_vector_of_eddsa_jcs_2022_is_reproduced_byte_for_byte() {
    let v = vector();
    assert_eq!(canonical(&v["unsigned"]), v["canonicalDocument"].as_str().expect("text"));
    assert_eq!(canonical(&v["proofConfig"]), v["canonicalProofConfig"].as_str().expect("text"));
    let method = v["proofConfig"]["verificationMethod"].as_str().expect("text");
    let created = v["proofConfig"]["created"].as_str().expect("text");
    let prepared = prepare_jcs(&v["unsigned"], method, created, SANDBOX).expect("well formed");
    assert_eq!(hex::encode(prepared.hash_data), v["hashData"].as_str().expect("text"));
    let key = seed_of(v["keyPair"]["privateKeyMultibase"].as_str().expect("text"));
    let signed = issue_jcs(&v["unsigned"], &key, method, created, SANDBOX).expect("issued");
    assert_eq!(canonical(&signed), canonical(&v["signed"]));
}

/// A credential of a did:key issuer under the base and example contexts.
fn self_issued(seed: u8) -> (Json, SigningKey, String) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let multikey = did::multikey(did::Algorithm::Ed25519, &key.verifying_key().to_bytes());
    let mut credential = vector()["unsigned"].clone();
    credential["issuer"] = json!(format!("did:key:{multikey}"));
    let method = format!("did:key:{multikey}#{multikey}");
    (credential, key, method)
}

const NOW_MS: u64 = 1_782_864_000_000;

fn judge(document: &Json, policy: Policy) -> Verdict {
    verify(canonical(document).as_bytes(), &Request::new(policy), None, NOW_MS)
}

fn code(verdict: &Verdict, check: Check) -> &'static str {
    verdict.check(check).expect("all twelve are there").code
}

#[test]
fn a_self_issued_credential_verifies_under_w3c_and_signature_but_not_ledger() {
    let (credential, key, method) = self_issued(1);
    let signed =
        issue_jcs(&credential, &key, &method, "2026-01-01T00:00:00Z", SANDBOX).expect("issued");
    for policy in [Policy::W3c, Policy::Signature] {
        let verdict = judge(&signed, policy);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        assert_eq!(code(&verdict, Check::IssuerKey), "KEY_SELF_CERTIFYING");
    }
    let verdict = judge(&signed, Policy::Ledger);
    assert!(!verdict.verified());
}

#[test]
fn the_w3c_vector_verifies_but_its_key_is_not_its_issuers() {
    let verdict = judge(&vector()["signed"], Policy::W3c);
    assert_eq!(code(&verdict, Check::Proof), "OK");
    assert_eq!(code(&verdict, Check::IssuerKey), "ISSUER_MISMATCH");
    assert_eq!(verdict.decision, Decision::Rejected);
}

#[test]
fn every_proof_of_a_set_must_verify_and_one_must_be_the_issuers() {
    let (credential, key, method) = self_issued(1);
    let (_, other, other_method) = self_issued(2);
    let created = "2026-01-01T00:00:00Z";
    let one = issue_jcs(&credential, &key, &method, created, SANDBOX).expect("issued");
    let both = issue_jcs(&one, &other, &other_method, created, SANDBOX).expect("issued");
    assert_eq!(both["proof"].as_array().map(Vec::len), Some(2));
    assert!(judge(&both, Policy::W3c).verified());
    let mut broken = both.clone();
    broken["proof"][1]["proofValue"] = both["proof"][0]["proofValue"].clone();
    assert_eq!(code(&judge(&broken, Policy::W3c), Check::Proof), "SIGNATURE_INVALID");
    let mut foreign = both.clone();
    foreign["proof"] = json!([both["proof"][1]]);
    assert_eq!(code(&judge(&foreign, Policy::W3c), Check::IssuerKey), "ISSUER_MISMATCH");
    foreign["proof"] = json!([]);
    assert_eq!(code(&judge(&foreign, Policy::W3c), Check::Proof), "PROOF_MISSING");
}

#[test]
fn a_chain_with_a_missing_or_circular_link_fails() {
    let (credential, key, method) = self_issued(1);
    let created = "2026-01-01T00:00:00Z";
    let mut signed = issue_jcs(&credential, &key, &method, created, SANDBOX).expect("issued");
    signed["proof"]["id"] = json!("urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544");
    for previous in ["urn:x:absent", "urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544"] {
        signed["proof"]["previousProof"] = json!(previous);
        assert_eq!(code(&judge(&signed, Policy::W3c), Check::Proof), "PREVIOUS_PROOF_MISSING");
    }
}

#[test]
fn each_fault_of_a_proof_has_its_code() {
    let (credential, key, method) = self_issued(1);
    let created = "2026-01-01T00:00:00Z";
    let signed = issue_jcs(&credential, &key, &method, created, SANDBOX).expect("issued");
    for (member, value, expected) in [
        ("type", json!("Ed25519Signature2018"), "CRYPTOSUITE_UNSUPPORTED"),
        ("cryptosuite", json!("ecdsa-jcs-2019"), "CRYPTOSUITE_UNSUPPORTED"),
        ("proofPurpose", json!("authentication"), "PROOF_PURPOSE_MISMATCH"),
        ("proofPurpose", json!(7), "PROOF_MALFORMED"),
        ("created", json!("yesterday"), "PROOF_MALFORMED"),
        ("created", json!("2026-07-01T00:01:00.001Z"), "PROOF_EXPIRED"),
        ("created", json!("2026-07-01T00:01:00Z"), "SIGNATURE_INVALID"),
        ("expires", json!("2026-06-30T23:58:59.999Z"), "PROOF_EXPIRED"),
        ("expires", json!("2026-06-30T23:59:00Z"), "SIGNATURE_INVALID"),
        ("proofValue", json!("z"), "PROOF_MALFORMED"),
        ("proofValue", json!("uAAAA"), "PROOF_MALFORMED"),
        (
            "@context",
            json!(["https://www.w3.org/ns/credentials/examples/v2"]),
            "PROOF_CONTEXT_MISMATCH",
        ),
        ("@context", json!(["https://www.w3.org/ns/credentials/v2"]), "SIGNATURE_INVALID"),
    ] {
        let mut changed = signed.clone();
        changed["proof"][member] = value;
        assert_eq!(code(&judge(&changed, Policy::W3c), Check::Proof), expected, "{member}");
    }
    let weak = did::multikey(did::Algorithm::Ed25519, &[0; 32]);
    let mut changed = signed.clone();
    changed["issuer"] = json!(format!("did:key:{weak}"));
    changed["proof"]["verificationMethod"] = json!(format!("did:key:{weak}#{weak}"));
    assert_eq!(code(&judge(&changed, Policy::W3c), Check::Proof), "KEY_WEAK");
}

#[test]
fn a_signature_with_s_above_the_group_order_is_refused() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let (credential, _, method) = self_issued(1);
    let prepared = prepare_jcs(&credential, &method, "2026-01-01T00:00:00Z", SANDBOX);
    let prepared = prepared.expect("well formed");
    let mut signature = ed25519_dalek::Signer::sign(&key, &prepared.hash_data).to_bytes();
    assert!(judge(&prepared.clone().finish(&signature), Policy::W3c).verified());
    // S + ℓ, little-endian
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    let verdict = judge(&prepared.finish(&signature), Policy::W3c);
    assert_eq!(code(&verdict, Check::Proof), "SIGNATURE_INVALID");
}

#[test]
fn flipping_any_byte_never_leaves_another_value_verified() {
    let (credential, key, method) = self_issued(1);
    let signed =
        issue_jcs(&credential, &key, &method, "2026-01-01T00:00:00Z", SANDBOX).expect("issued");
    let text = canonical(&signed);
    let request = Request::new(Policy::W3c);
    assert!(verify(text.as_bytes(), &request, None, NOW_MS).verified());
    for at in 0..text.len() {
        for mask in [0x01, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= mask;
            let same = parse(&bytes).is_ok_and(|value| value == signed);
            let verdict = verify(&bytes, &request, None, NOW_MS);
            assert!(same || !verdict.verified(), "byte {at} with mask {mask:#x}");
        }
    }
}

#[test]
fn removing_retyping_or_swapping_any_member_never_verifies() {
    let (credential, key, method) = self_issued(1);
    let created = "2026-01-01T00:00:00Z";
    let signed = issue_jcs(&credential, &key, &method, created, SANDBOX).expect("issued");
    let mut other = credential.clone();
    other["id"] = json!("urn:uuid:00000000-d8ba-11ed-83dd-0b3aef56cc33");
    other["name"] = json!("Another");
    let other = issue_jcs(&other, &key, &method, created, SANDBOX).expect("issued");
    for base in ["", "/proof", "/credentialSubject"] {
        let names: Vec<String> = signed
            .pointer(base)
            .and_then(Json::as_object)
            .expect("object")
            .keys()
            .cloned()
            .collect();
        for name in names {
            let edits = [
                None,
                Some(Json::Null),
                Some(json!({"x": 1})),
                other.pointer(base).and_then(|object| object.get(&name)).cloned(),
            ];
            for edit in edits {
                let mut changed = signed.clone();
                let members = changed.pointer_mut(base).and_then(Json::as_object_mut);
                let members = members.expect("object");
                match &edit {
                    Some(value) => members.insert(name.clone(), value.clone()),
                    None => members.remove(&name),
                };
                let good = judge(&changed, Policy::W3c).verified();
                assert!(!good || changed == signed, "{base}/{name} set to {edit:?}");
            }
        }
    }
}

#[test]
fn the_term_guard_refuses_what_json_ld_would_drop_at_issue_and_at_verification() {
    let scene = Scene::new();
    let example: Json = serde_json::from_slice(profiles::SHIPPED[0].example).expect("JSON");
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let key = SigningKey::from_bytes(&[1; 32]);
    let issue = |credential: &Json| {
        issue_jcs(credential, &key, "did:ubin:MY:SSM#k1", "2026-07-02T00:00:00Z", strict)
            .map_err(|fault| fault.code)
    };
    issue(&example).expect("the shipped example is sound");
    let edits: [(&str, Json, &str); 9] = [
        ("/unheardOf", json!("x"), "UNDEFINED_TERM"),
        ("/credentialSubject/unheardOf", json!("x"), "UNDEFINED_TERM"),
        ("/credentialSubject/legalForm/unheardOf", json!("x"), "UNDEFINED_TERM"),
        // defined for the credential, but not within its subject
        ("/credentialSubject/issuer", json!("did:example:x"), "UNDEFINED_TERM"),
        ("/credentialSubject/type", json!("NoSuchType"), "UNDEFINED_TERM"),
        ("/credentialSubject/@reverse", json!({}), "UNDEFINED_TERM"),
        ("/credentialSubject/legalForm/id", json!("relative"), "RELATIVE_IRI"),
        ("/credentialStatus/0/type", json!("NoSuchEntry"), "UNDEFINED_TERM"),
        ("/credentialSubject/@context", json!({}), "CONTEXT_INLINE"),
    ];
    for (pointer, value, expected) in edits {
        let mut changed = example.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let members = changed.pointer_mut(parent).and_then(Json::as_object_mut).expect("object");
        members.insert(name.to_owned(), value);
        assert_eq!(issue(&changed), Err(expected), "{pointer}");
        // signed by somebody who has no guard
        let mut unguarded = changed.clone();
        unguarded["proof"] = issue(&example).expect("sound")["proof"].clone();
        let request = Request::new(Policy::Ledger);
        let text = canonical(&unguarded);
        let verdict = verify(text.as_bytes(), &request, Some(&live), scene.world.time_ms);
        assert_eq!(code(&verdict, Check::Syntax), expected, "{pointer}");
        assert!(!verdict.verified());
    }
    for (contexts, expected) in [
        (
            json!(["https://www.w3.org/ns/credentials/v2", "https://example.org/v1"]),
            "CONTEXT_UNKNOWN",
        ),
        (json!(["https://www.w3.org/ns/credentials/v2", {"x": "urn:x:y"}]), "CONTEXT_INLINE"),
        (
            json!([
                "https://www.w3.org/ns/credentials/v2",
                "https://www.w3.org/ns/credentials/examples/v2"
            ]),
            "CONTEXT_EXAMPLE",
        ),
        (json!(["https://www.w3.org/2018/credentials/v1"]), "CONTEXT_ORDER"),
        (json!([]), "CONTEXT_MISSING"),
        (json!(["https://www.w3.org/ns/credentials/v2"]), "UNDEFINED_TERM"),
        (json!(vec!["https://www.w3.org/ns/credentials/v2"; 9]), "TOO_MANY_NODES"),
    ] {
        let mut changed = example.clone();
        changed["@context"] = contexts;
        assert_eq!(issue(&changed), Err(expected));
    }
}

#[test]
fn an_inline_context_may_add_terms_under_w3c_but_not_redefine_protected_ones() {
    let (mut credential, key, method) = self_issued(1);
    let inline = Contexts { snapshot: None, sandbox: true, inline: true };
    let created = "2026-01-01T00:00:00Z";
    credential["credentialSubject"]["grade"] = json!("A");
    let base = "https://www.w3.org/ns/credentials/v2";
    let mut with = |context: Json| {
        credential["@context"] = json!([base, context]);
        credential["type"] = json!(["VerifiableCredential"]);
        credential["credentialSubject"].as_object_mut().expect("object").remove("alumniOf");
        issue_jcs(&credential, &key, &method, created, inline).map_err(|fault| fault.code)
    };
    let signed = with(json!({"grade": "https://example.org/#grade"})).expect("issued");
    assert!(judge(&signed, Policy::W3c).verified());
    assert_eq!(code(&judge(&signed, Policy::Ledger), Check::Syntax), "CONTEXT_INLINE");
    assert_eq!(with(json!({"name": "https://example.org/#name"})), Err("TERM_REDEFINED"));
    for keyword in ["@import", "@base", "@vocab", "@propagate"] {
        assert_eq!(with(json!({keyword: "https://example.org/"})), Err("CONTEXT_INLINE"));
    }
}

#[test]
fn each_rule_of_the_data_model_has_its_code() {
    let good = vector()["unsigned"].clone();
    let text = "2026-01-01T00:00:00Z";
    let (_, key, method) = self_issued(1);
    for (name, value, expected) in [
        ("type", Json::Null, "TYPE_MISSING"),
        ("type", json!("AlumniCredential"), "TYPE_MISSING"),
        ("id", json!("not a url"), "ID_INVALID"),
        ("id", json!(["urn:a:b", "urn:a:c"]), "ID_INVALID"),
        ("issuer", Json::Null, "ISSUER_INVALID"),
        ("issuer", json!({"name": "x"}), "ISSUER_INVALID"),
        ("credentialSubject", json!([]), "SUBJECT_INVALID"),
        ("credentialSubject", json!({}), "SUBJECT_INVALID"),
        ("credentialSubject", json!("did:example:x"), "SUBJECT_INVALID"),
        ("validFrom", json!("2026-01-01"), "DATE_INVALID"),
        ("validFrom", json!("2026-02-30T00:00:00Z"), "DATE_INVALID"),
        ("validFrom", json!("2026-01-01T00:00:00"), "DATE_INVALID"),
        ("validUntil", json!("2022-01-01T00:00:00Z"), "DATE_ORDER"),
        ("name", json!(7), "LANGUAGE_INVALID"),
        ("name", json!({"@value": "x", "other": "y"}), "LANGUAGE_INVALID"),
        ("credentialStatus", json!("x"), "STATUS_MALFORMED"),
        ("credentialStatus", json!({"id": "urn:a:b"}), "TYPE_MISSING"),
        ("credentialStatus", json!({"type": "BitstringStatusListEntry"}), "STATUS_MALFORMED"),
        ("credentialSchema", json!("x"), "SCHEMA_MALFORMED"),
        ("credentialSchema", json!({"type": "JsonSchema"}), "SCHEMA_MALFORMED"),
        ("credentialSchema", json!({"id": "urn:a:b"}), "TYPE_MISSING"),
        ("evidence", json!([{"id": "urn:a:b"}]), "TYPE_MISSING"),
        ("relatedResource", json!([{"id": "urn:a:b"}]), "RESOURCE_MALFORMED"),
    ] {
        let mut changed = good.clone();
        changed[name] = value;
        let got = issue_jcs(&changed, &key, &method, text, SANDBOX).map_err(|fault| fault.code);
        assert_eq!(got, Err(expected), "{name}");
    }
}

#[test]
fn hostile_json_is_refused_at_its_limit_and_not_before() {
    let code = |text: &str| parse(text.as_bytes()).map_err(|fault| fault.code);
    for (text, expected) in [
        ("", "PARSE_ERROR"),
        ("{} x", "PARSE_ERROR"),
        ("{\"a\":1,\"a\":1}", "DUPLICATE_KEY"),
        ("{\"a\":1,\"\\u0061\":1}", "DUPLICATE_KEY"),
        ("9007199254740992", "NUMBER_RANGE"),
        ("-9007199254740992", "NUMBER_RANGE"),
        ("1e400", "NUMBER_RANGE"),
        ("1e30", "NUMBER_RANGE"),
        ("\"\\ud800\"", "PARSE_ERROR"),
        ("\"\\udc00\\ud800\"", "PARSE_ERROR"),
        ("01", "PARSE_ERROR"),
        ("1.", "PARSE_ERROR"),
        (".5", "PARSE_ERROR"),
        ("[1,]", "PARSE_ERROR"),
        ("\"\n\"", "PARSE_ERROR"),
        ("NaN", "PARSE_ERROR"),
    ] {
        assert_eq!(code(text), Err(expected), "{text}");
    }
    assert_eq!(parse(b"\xff").map_err(|fault| fault.code), Err("PARSE_ERROR"));
    assert_eq!(code("9007199254740991"), Ok(json!(9_007_199_254_740_991_i64)));
    assert_eq!(code("1.0"), Ok(json!(1)));
    assert_eq!(code("\"\\ud83d\\ude00\""), Ok(json!("😀")));
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(code(&deep(32)).is_ok());
    assert_eq!(code(&deep(33)), Err("TOO_DEEP"));
    assert_eq!(code(&deep(100_000)), Err("TOO_DEEP"));
    let wide = |n: usize| format!("[{}1]", "1,".repeat(n - 1));
    assert!(code(&wide(9_999)).is_ok());
    assert_eq!(code(&wide(10_000)), Err("TOO_MANY_NODES"));
    let long = |n: usize| format!("\"{}\"", "x".repeat(n - 2));
    assert!(code(&long(256 * 1024)).is_ok());
    assert_eq!(code(&long(256 * 1024 + 1)), Err("TOO_LARGE"));
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_bytes_give_a_verdict_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for policy in [Policy::Ledger, Policy::W3c, Policy::Signature] {
            prop_assert!(!verify(&bytes, &Request::new(policy), None, NOW_MS).verified());
        }
    }

    #[test]
    fn canonical_text_reads_back_to_the_same_value(text in ".*", number in any::<f64>(), int in -9_007_199_254_740_991_i64..=9_007_199_254_740_991) {
        let float = if number.is_finite() && number.fract() != 0.0 { number } else { 0.5 };
        let value = json!({"t": text, "f": float, "i": int, "l": [text, null, true]});
        let written = canonical(&value);
        prop_assert_eq!(parse(written.as_bytes()), Ok(value.clone()));
        prop_assert_eq!(canonical(&parse(written.as_bytes()).expect("read")), written);
    }
}

#[test]
fn bundled_contexts_have_the_published_digests() {
    use sha2::{Digest as _, Sha256, Sha384, Sha512};
    let index: Json = serde_json::from_slice(contexts::INDEX).expect("JSON");
    let entries = index.as_array().expect("a list");
    assert_eq!(entries.len(), contexts::BUNDLED.len());
    let fits = |bytes: &[u8], digests: &Json| {
        assert_eq!(digests["sha256"], hex::encode(Sha256::digest(bytes)));
        assert_eq!(digests["sha384"], hex::encode(Sha384::digest(bytes)));
        assert_eq!(digests["sha512"], hex::encode(Sha512::digest(bytes)));
    };
    for entry in entries {
        let url = entry["url"].as_str().expect("text");
        let bundled = contexts::BUNDLED.iter().find(|b| b.url == url).expect("bundled");
        fits(bundled.bytes, &entry["digests"]);
        assert_eq!(bundled.sandbox_only, entry["use"] == "sandbox", "{url}");
        let only = json!([url]);
        Contexts { snapshot: None, sandbox: true, inline: false }
            .activate(&only)
            .unwrap_or_else(|fault| panic!("{url}: {fault}"));
    }
    fits(contexts::HISTORICAL_V2, &entries[0]["otherForms"][0]["digests"]);
}

#[test]
fn the_linter_knows_every_protected_term_of_the_base_context() {
    let base: Json = serde_json::from_slice(contexts::BUNDLED[0].bytes).expect("JSON");
    let mut terms: Vec<&str> = base["@context"]
        .as_object()
        .expect("object")
        .keys()
        .map(String::as_str)
        .filter(|name| !["id", "type", "@protected"].contains(name))
        .collect();
    terms.sort_unstable();
    let mut known = BASE_TERMS.to_vec();
    known.sort_unstable();
    assert_eq!(terms, known);
}

#[test]
fn the_historical_base_context_satisfies_a_digest_with_a_warning_only() {
    let (mut credential, key, method) = self_issued(1);
    use sha2::Digest as _;
    let sri = |bytes: &[u8]| {
        let hash = sha2::Sha256::digest(bytes);
        format!("sha256-{}", data_encoding::BASE64.encode(&hash))
    };
    for (bytes, expected) in [
        (contexts::BUNDLED[0].bytes, "OK"),
        (contexts::HISTORICAL_V2, "HISTORICAL_RESOURCE"),
        (&b"other"[..], "RESOURCE_DIGEST_MISMATCH"),
    ] {
        credential["relatedResource"] = json!([{"id": contexts::BASE_V2, "digestSRI": sri(bytes)}]);
        let signed = issue_jcs(&credential, &key, &method, "2026-01-01T00:00:00Z", SANDBOX);
        let verdict = judge(&signed.expect("issued"), Policy::W3c);
        assert_eq!(code(&verdict, Check::Resources), expected);
    }
}

#[test]
fn the_code_table_is_the_published_one() {
    let published: Json =
        serde_json::from_str(include_str!("../../data/vc/codes.json")).expect("JSON");
    let rows: Vec<(String, String, String)> = published
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().expect("text").to_owned();
            (text("check"), text("code"), text("result"))
        })
        .collect();
    let ours: Vec<(String, String, String)> = TABLE
        .iter()
        .map(|(check, code, outcome)| {
            ((*check).to_owned(), (*code).to_owned(), outcome.name().to_owned())
        })
        .collect();
    assert_eq!(ours, rows);
}

#[test]
fn entries_beyond_their_limits_are_refused_and_cost_nothing_more() {
    let (credential, key, method) = self_issued(1);
    let created = "2026-01-01T00:00:00Z";
    let entry = json!({"type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": "1", "statusListCredential": "https://example.org/1"});
    for (count, expected) in [(16, Ok(())), (17, Err("TOO_MANY_NODES"))] {
        let mut many = credential.clone();
        many["credentialStatus"] = json!(vec![entry.clone(); count]);
        let issued = issue_jcs(&many, &key, &method, created, SANDBOX);
        assert_eq!(issued.map(|_| ()).map_err(|fault| fault.code), expected);
    }
    let mut many = issue_jcs(&credential, &key, &method, created, SANDBOX).expect("issued");
    many["proof"] = json!(vec![many["proof"].clone(); 9]);
    let verdict = judge(&many, Policy::W3c);
    assert_eq!(code(&verdict, Check::Syntax), "TOO_MANY_NODES");
    assert_eq!(code(&verdict, Check::Proof), "PROOF_MALFORMED");
    assert_eq!(code(&verdict, Check::Status), "NOT_REACHED");
}

#[test]
fn a_large_scoped_context_applied_at_many_nodes_is_cut_off() {
    let (mut credential, ..) = self_issued(1);
    let mut terms = serde_json::Map::new();
    for i in 0..2_000 {
        terms.insert(format!("t{i}"), json!("urn:x:y"));
    }
    let context = json!({"Big": {"@id": "urn:x:big", "@context": terms}, "list": "urn:x:list"});
    credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2", context]);
    credential["type"] = json!(["VerifiableCredential"]);
    credential["credentialSubject"] = json!({"list": vec![json!({"type": "Big"}); 1_000]});
    let verdict = judge(&credential, Policy::W3c);
    assert_eq!(code(&verdict, Check::Syntax), "TOO_MANY_NODES");
}

#[test]
fn bitstring_lists_decode_as_the_vectors_say_and_encode_back() {
    let data: Json = serde_json::from_str(include_str!("../../data/vc/bitstring-status-list.json"))
        .expect("JSON");
    for vector in data["vectors"].as_array().expect("a list") {
        let list =
            status::decode_list(vector["encodedList"].as_str().expect("text")).expect("gzip");
        let size = vector["statusSize"].as_u64().expect("number");
        let entries = vector["entries"].as_u64().expect("number");
        assert_eq!(list.len() as u64 * 8, entries * size);
        if let Some(expected) = vector["expected"].as_str() {
            let index = vector["query"].as_u64().unwrap_or_default();
            assert_eq!(status::entry_of(&list, size, index), Err(expected));
            continue;
        }
        let statuses = vector["statuses"].as_object().expect("object");
        for index in 0..entries {
            let expected = statuses.get(&index.to_string()).and_then(Json::as_u64).unwrap_or(0);
            assert_eq!(status::entry_of(&list, size, index).map(u64::from), Ok(expected));
        }
        assert_eq!(status::decode_list(&status::encode_list(&list)), Ok(list));
    }
}

#[test]
fn inflating_stops_at_the_limit() {
    let limit = usize::try_from(status::LIST_BYTES_MAX).expect("small");
    let at = status::encode_list(&vec![0; limit]);
    assert_eq!(status::decode_list(&at).map(|list| list.len()), Ok(limit));
    let beyond = status::encode_list(&vec![0; limit + 1]);
    assert_eq!(status::decode_list(&beyond), Err("STATUS_LIST_BOMB"));
    for broken in ["", "u", "z123", "uH4sI=", "uAAAA"] {
        assert_eq!(status::decode_list(broken), Err("STATUS_LIST_INVALID"), "{broken}");
    }
}

#[test]
fn multikeys_have_one_spelling() {
    let text = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
    let (algorithm, key) = did::parse_multikey(text).expect("a published key");
    assert_eq!(did::multikey(algorithm, &key), text);
    for broken in ["", "z", "x6Mk", "z16MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"] {
        assert!(did::parse_multikey(broken).is_none(), "{broken}");
    }
}

#[test]
fn the_shipped_example_matches_its_schema_and_small_changes_do_not() {
    let shipped = profiles::SHIPPED[0];
    profiles::genesis_entries().expect("the shipped types pass the linter");
    let schema: Json = serde_json::from_slice(shipped.schema).expect("JSON");
    let example: Json = serde_json::from_slice(shipped.example).expect("JSON");
    assert_eq!(schema::evaluate(&schema, &example), Evaluation::Valid);
    for (pointer, value) in [
        ("/credentialSubject/registeredOn", json!("2024-13-01")),
        ("/credentialSubject/sourceAsOf", json!("2024-01-01")),
        ("/credentialSubject/recordVersion", json!(0)),
        ("/credentialSubject/recordVersion", json!("3")),
        ("/credentialSubject/registrationStatus", json!("FINE")),
        ("/credentialSubject/legalName", json!("")),
        ("/credentialSubject/registeredAddress/lines", json!([])),
        ("/credentialSubject/registeredAddress/country", json!("MYS")),
        ("/credentialStatus", json!([])),
        ("/type", json!(["VerifiableCredential"])),
    ] {
        let mut changed = example.clone();
        *changed.pointer_mut(pointer).expect("present") = value;
        assert!(matches!(schema::evaluate(&schema, &changed), Evaluation::Invalid(_)), "{pointer}");
    }
    let mut open = example.clone();
    open["credentialSubject"]["owner"] = json!("x");
    let refused = Evaluation::Invalid(vec!["/credentialSubject".to_owned()]);
    assert_eq!(schema::evaluate(&schema, &open), refused);
    assert_eq!(schema::evaluate(&json!({"unheardOf": 1}), &example), Evaluation::Limit);
    let loops = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}});
    assert_eq!(schema::evaluate(&loops, &example), Evaluation::Limit);
}

// --- verdicts against state

fn live(scene: &Scene) -> Live<'_> {
    let world = &scene.world;
    Live::new(
        &world.state,
        "titian-devnet-1",
        false,
        world.height,
        Digest::ZERO,
        world.time_ms - 1000,
    )
}

/// An issued BusinessRegistration of SG:ACRA, signed with its key `number` at the present time.
fn issued(scene: &Scene, number: u64) -> Json {
    let body = titian_tests::world::company_body("SG", "UEN", "202412345K", "TITIAN DEMO PTE LTD");
    let body: Json = serde_json::from_str(&body.to_jcs()).expect("JSON");
    let (from, until) =
        (rfc3339(scene.world.time_ms), rfc3339(scene.world.time_ms + 30 * 86_400_000));
    let credential = business_registration(
        &body,
        Frame {
            id: "urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21",
            issuer: "SG:ACRA",
            valid_from: &from,
            valid_until: &until,
            status: &[
                StatusSlot { list: "SG:ACRA/status/1", purpose: "revocation", index: 84_213 },
                StatusSlot { list: "SG:ACRA/status/2", purpose: "refresh", index: 84_213 },
            ],
            record_height: scene.world.height,
        },
    )
    .expect("a company");
    let live = live(scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let key = scene.world.key("SG:ACRA", number);
    let method = format!("did:ubin:SG:ACRA#k{number}");
    issue_jcs(&credential, &key, &method, &from, strict).expect("issued")
}

fn verdict_of(scene: &Scene, credential: &Json, request: &Request) -> Verdict {
    let live = live(scene);
    verify(canonical(credential).as_bytes(), request, Some(&live), scene.world.time_ms)
}

fn ledger_verdict(scene: &Scene, credential: &Json) -> Verdict {
    verdict_of(scene, credential, &Request::new(Policy::Ledger))
}

/// The verdict differs from "verified" in one check only.
fn only(verdict: &Verdict, check: Check, expected: &str) {
    assert_eq!(code(verdict, check), expected, "{}", verdict.to_jcs());
    let bad: Vec<&CheckResult> = verdict
        .checks
        .iter()
        .filter(|r| matches!(r.outcome, Outcome::Fail | Outcome::Unknown))
        .collect();
    assert_eq!(bad.len(), 1, "{}", verdict.to_jcs());
    assert!(!verdict.verified());
}

#[test]
fn an_accredited_registrars_credential_is_verified_under_ledger() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    scene.must(
        "list_set",
        set("SG:ACRA/status/1", 0, &[[84_212, 0, 1, 0], [84_214, 0, 1, 0]]),
        ACRA,
    );
    let mut request = Request::new(Policy::Ledger);
    request.jurisdiction = Some("SG".to_owned());
    let verdict = verdict_of(&scene, &credential, &request);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(verdict.warnings, ["TIME_ASSERTED"]);
    let codes: Vec<&str> = verdict.checks.iter().map(|result| result.code).collect();
    assert_eq!(
        codes,
        [
            "OK",
            "OK",
            "OK",
            "TIME_ASSERTED",
            "OK",
            "OK",
            "OK",
            "NOT_A_PRESENTATION",
            "DOMESTIC",
            "RESOURCES_NONE",
            "OK",
            "LOCAL_STATE",
        ]
    );
    assert!(!verdict.to_jcs().contains("TITIAN DEMO PTE LTD"), "a verdict holds no claim");
    request.return_credential = true;
    assert!(verdict_of(&scene, &credential, &request).to_jcs().contains("TITIAN DEMO PTE LTD"));
    request.jurisdiction = Some("MY".to_owned());
    let abroad = verdict_of(&scene, &credential, &request);
    only(&abroad, Check::Recognition, "NOT_RECOGNISED");
}

#[test]
fn verdicts_have_the_members_of_the_published_examples() {
    let scene = Scene::new();
    let verdict = ledger_verdict(&scene, &issued(&scene, 1));
    let ours = verdict.to_value();
    for file in [
        include_str!("../../data/vc/examples/verdict-verified.json"),
        include_str!("../../data/vc/examples/verdict-rejected.json"),
        include_str!("../../data/vc/examples/verdict-indeterminate.json"),
    ] {
        let example: Json = serde_json::from_str(file).expect("JSON");
        let names = |value: &Json| -> Vec<String> {
            let mut names: Vec<_> = value.as_object().expect("object").keys().cloned().collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(&ours), names(&example));
        assert_eq!(names(&ours["trust"]), names(&example["trust"]));
        assert_eq!(names(&ours["signedAt"]), names(&example["signedAt"]));
        let checks = |value: &Json| -> Vec<Json> {
            value["checks"].as_array().expect("list").iter().map(|c| c["name"].clone()).collect()
        };
        assert_eq!(checks(&ours), checks(&example));
        for check in example["checks"].as_array().expect("list") {
            let text = |name: &str| check[name].as_str().expect("text");
            assert_eq!(outcome_of(text("name"), text("code")).name(), text("result"));
        }
        // an example with a proven or missing list comes out as its checks say
        let results: Vec<CheckResult> = example["checks"]
            .as_array()
            .expect("list")
            .iter()
            .map(|check| {
                let name = check["name"].as_str().expect("text");
                let code = check["code"].as_str().expect("text");
                let known = TABLE.iter().find(|(_, c, _)| *c == code).expect("a known code").1;
                let mut result = CheckResult::new(Check::parse(name).expect("a check"), known);
                result.required = check["required"].as_bool().expect("bool");
                result
            })
            .collect();
        assert_eq!(Decision::of(&results).name(), example["outcome"].as_str().expect("text"));
    }
    assert_eq!(verdict.to_jcs(), ledger_verdict(&scene, &issued(&scene, 1)).to_jcs());
}

#[test]
fn a_revoked_credential_is_rejected_with_height_and_reason() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    let receipt = scene.must("list_set", set("SG:ACRA/status/1", 0, &[[84_213, 0, 1, 2]]), ACRA);
    let verdict = ledger_verdict(&scene, &credential);
    only(&verdict, Check::Status, "REVOKED");
    assert_eq!(verdict.decision, Decision::Rejected);
    let detail = &verdict.check(Check::Status).expect("there").detail;
    let list = "did:ubin:SG:ACRA/status/1";
    let expected = json!({"list": list, "index": 84_213, "since": receipt.height, "reason": 2});
    assert_eq!(*detail, expected);
}

#[test]
fn an_advised_refresh_passes_with_a_warning() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    scene.must("list_set", set("SG:ACRA/status/2", 0, &[[84_213, 0, 1, 2]]), ACRA);
    let verdict = ledger_verdict(&scene, &credential);
    assert!(verdict.verified());
    assert_eq!(verdict.warnings, ["TIME_ASSERTED", "REFRESH_ADVISED"]);
}

#[test]
fn each_fault_of_status_entries_has_its_code() {
    let scene = Scene::new();
    let key = scene.world.key("SG:ACRA", 1);
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let good = issued(&scene, 1);
    let created = good["proof"]["created"].as_str().expect("text").to_owned();
    let resigned = |edit: &dyn Fn(&mut Json)| {
        let mut credential = good.clone();
        credential.as_object_mut().expect("object").remove("proof");
        edit(&mut credential);
        issue_jcs(&credential, &key, "did:ubin:SG:ACRA#k1", &created, strict).expect("issued")
    };
    let entry = |name: &'static str, value: &'static str| {
        resigned(&move |c: &mut Json| c["credentialStatus"][0][name] = json!(value))
    };
    for (credential, expected) in [
        (entry("statusListCredential", "did:ubin:SG:ACRA/status/9"), "STATUS_LIST_NOT_AVAILABLE"),
        (entry("statusListCredential", "https://example.org/1"), "STATUS_LIST_NOT_AVAILABLE"),
        (entry("statusListCredential", "did:ubin:SG:CUSTOMS/status/1"), "STATUS_LIST_INVALID"),
        (entry("statusListCredential", "did:ubin:SG:ACRA/status/2"), "STATUS_PURPOSE_MISMATCH"),
        (entry("statusListIndex", "131072"), "STATUS_INDEX_RANGE"),
        (entry("statusPurpose", "suspension"), "STATUS_REQUIRED"),
    ] {
        assert_eq!(code(&ledger_verdict(&scene, &credential), Check::Status), expected);
    }
}

#[test]
fn suspension_of_the_issuer_or_of_a_link_above_it_fails_until_it_is_lifted() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    scene.world.time_ms += 1_000;
    scene.must("accreditation_suspend", change("SG:ACRA/acc/1", 1), ROOT);
    only(&ledger_verdict(&scene, &credential), Check::Accreditation, "ACCREDITATION_SUSPENDED");
    // signed while suspended: fails for ever
    scene.world.time_ms += 60_000;
    let during = issued(&scene, 1);
    scene.world.time_ms += 60_000;
    scene.must("accreditation_reinstate", change("SG:ACRA/acc/1", 2), ROOT);
    assert!(ledger_verdict(&scene, &credential).verified());
    only(&ledger_verdict(&scene, &during), Check::Accreditation, "ACCREDITATION_SUSPENDED");
}

#[test]
fn revocation_of_the_issuer_reaches_back_for_grave_reasons_only() {
    for (reason, earlier_passes) in [
        ("ceased", true),
        ("superseded", true),
        ("privilege", true),
        ("court", true),
        ("misconduct", false),
        ("compromise", false),
    ] {
        let mut scene = Scene::new();
        let credential = issued(&scene, 1);
        scene.world.time_ms += 60_000;
        let effective = i64::try_from(scene.world.time_ms).expect("small");
        let args = change("SG:ACRA/acc/1", 1)
            .with("reason", Value::from(reason))
            .with("effectiveMs", Value::Int(effective));
        scene.must("accreditation_revoke", args, ROOT);
        let later = issued(&scene, 1);
        only(&ledger_verdict(&scene, &later), Check::Accreditation, "ACCREDITATION_REVOKED");
        let verdict = ledger_verdict(&scene, &credential);
        assert_eq!(verdict.verified(), earlier_passes, "{reason}: {}", verdict.to_jcs());
    }
}

#[test]
fn without_accreditation_nothing_is_verified() {
    let scene = Scene::bare();
    let verdict = ledger_verdict(&scene, &issued(&scene, 1));
    assert_eq!(code(&verdict, Check::Accreditation), "NO_ACCREDITATION");
    assert_eq!(verdict.decision, Decision::Rejected);
}

#[test]
fn expiry_and_start_count_with_the_skew_and_to_the_millisecond() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    let start = scene.world.time_ms;
    let until = start + 30 * 86_400_000;
    // `until` is a whole second
    let until = until / 1_000 * 1_000;
    let request = Request::new(Policy::W3c);
    let at = |scene: &Scene, now_ms: u64| {
        let live = live(scene);
        let verdict = verify(canonical(&credential).as_bytes(), &request, Some(&live), now_ms);
        code(&verdict, Check::Validity)
    };
    let from = start / 1_000 * 1_000;
    assert_eq!(at(&scene, from - 60_001), "NOT_YET_VALID");
    assert_eq!(at(&scene, from - 60_000), "OK");
    assert_eq!(at(&scene, until + 60_000), "OK");
    assert_eq!(at(&scene, until + 60_001), "EXPIRED");
    scene.world.time_ms = until + 120_000;
    only(&ledger_verdict(&scene, &credential), Check::Validity, "EXPIRED");
}

#[test]
fn a_key_that_is_not_the_issuers_is_refused() {
    let scene = Scene::new();
    let good = issued(&scene, 1);
    // signed with k2, said to be k1
    let mut swapped = issued(&scene, 2);
    swapped["proof"]["verificationMethod"] = good["proof"]["verificationMethod"].clone();
    assert_eq!(code(&ledger_verdict(&scene, &swapped), Check::Proof), "SIGNATURE_INVALID");
    // another authority's key
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let mut bare = good.clone();
    bare.as_object_mut().expect("object").remove("proof");
    let created = good["proof"]["created"].as_str().expect("text");
    let sign = |party: &str, method: &str| {
        issue_jcs(&bare, &scene.world.key(party, 1), method, created, strict).expect("issued")
    };
    let customs = sign("SG:CUSTOMS", "did:ubin:SG:CUSTOMS#k1");
    only(&ledger_verdict(&scene, &customs), Check::IssuerKey, "ISSUER_MISMATCH");
    for (method, expected) in [
        ("did:ubin:SG:ACRA#k9", "KEY_NOT_FOUND"),
        ("did:ubin:SG:ACRA#x", "KEY_NOT_FOUND"),
        ("did:ubin:SG:NOBODY#k1", "DID_NOT_FOUND"),
        ("did:ubin:sg:acra#k1", "DID_INVALID"),
        ("did:web:example.org#k1", "ISSUER_MISMATCH"),
    ] {
        let verdict = ledger_verdict(&scene, &sign("SG:ACRA", method));
        let result = verdict.check(Check::IssuerKey).expect("there");
        assert!(
            result.code == expected || result.also.contains(&expected),
            "{method}: {}",
            verdict.to_jcs()
        );
        assert!(!verdict.verified());
    }
}

#[test]
fn a_retired_key_keeps_its_past_and_a_compromised_one_loses_it() {
    for (reason, before) in [("retired", "TIME_ASSERTED"), ("compromised", "KEY_COMPROMISED")] {
        let mut scene = Scene::new();
        let old = issued(&scene, 2);
        scene.world.time_ms += 60_000;
        let version = {
            let key = titian_contracts::access::party_key("SG:ACRA");
            let entry: titian_contracts::access::PartyEntry =
                titian_contracts::state::decode_content(&scene.world.state.0[&key].content)
                    .expect("a party");
            entry.version
        };
        let args = Value::object([
            ("party", Value::from("SG:ACRA")),
            ("version", Value::from(version)),
            ("key", Value::from("k2")),
            ("reason", Value::from(reason)),
            ("effectiveMs", Value::from(scene.world.time_ms)),
        ]);
        let done = scene.world.act(Register::Access, "key_revoke", args, ROOT);
        assert!(done.is_ok(), "{done:?}");
        assert_eq!(code(&ledger_verdict(&scene, &old), Check::IssuerKey), before);
        scene.world.time_ms += 1_000;
        let new = issued(&scene, 2);
        let verdict = ledger_verdict(&scene, &new);
        let expected = if reason == "retired" { "KEY_NOT_ACTIVE" } else { "KEY_COMPROMISED" };
        only(&verdict, Check::IssuerKey, expected);
    }
}

#[test]
fn stale_or_future_state_is_never_silently_trusted() {
    let scene = Scene::new();
    let credential = issued(&scene, 1);
    let text = canonical(&credential);
    let request = Request::new(Policy::Ledger);
    let live = live(&scene);
    let state_ms = scene.world.time_ms - 1_000;
    let at = |now_ms: u64| verify(text.as_bytes(), &request, Some(&live), now_ms);
    assert!(at(state_ms + 60_000).verified());
    let stale = at(state_ms + 60_001);
    only(&stale, Check::Freshness, "TRUST_STALE");
    assert_eq!(stale.decision, Decision::Indeterminate);
    assert_eq!(code(&at(state_ms - 60_001), Check::Freshness), "TRUST_FROM_FUTURE");
    let nothing = verify(text.as_bytes(), &request, None, scene.world.time_ms);
    assert!(!nothing.verified());
    assert_eq!(code(&nothing, Check::StateProof), "NOT_REACHED");
}

#[test]
fn a_credential_that_breaks_its_registered_schema_is_rejected() {
    let scene = Scene::new();
    let good = issued(&scene, 1);
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let created = good["proof"]["created"].as_str().expect("text");
    for (pointer, value, expected) in [
        ("/credentialSubject/registrationStatus", json!("FINE"), "SCHEMA_VIOLATION"),
        (
            "/credentialSchema/id",
            json!("did:ubin:ASEAN/schema/business-registration/2"),
            "SCHEMA_REQUIRED",
        ),
        ("/credentialSchema/digestSRI", json!("sha256-AAAA"), "SCHEMA_DIGEST_MISMATCH"),
    ] {
        let mut changed = good.clone();
        changed.as_object_mut().expect("object").remove("proof");
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        changed
            .pointer_mut(parent)
            .and_then(Json::as_object_mut)
            .expect("object")
            .insert(name.to_owned(), value);
        let key = scene.world.key("SG:ACRA", 1);
        let signed = issue_jcs(&changed, &key, "did:ubin:SG:ACRA#k1", created, strict);
        let verdict = ledger_verdict(&scene, &signed.expect("issued"));
        assert_eq!(code(&verdict, Check::Schema), expected);
        assert_eq!(verdict.decision, Decision::Rejected);
    }
}

#[test]
fn a_did_document_shows_the_active_keys_by_purpose() {
    let scene = Scene::new();
    let live = live(&scene);
    let party = did::party_of("did:ubin:SG:CUSTOMS").expect("grammar");
    let resolved = did::resolve(&live, &party).expect("known");
    let document = did::did_document("did:ubin:SG:CUSTOMS", &resolved, scene.world.time_ms);
    assert_eq!(document["controller"], "did:ubin:SG");
    assert_eq!(document["verificationMethod"].as_array().map(Vec::len), Some(2));
    let ids = json!(["did:ubin:SG:CUSTOMS#k1", "did:ubin:SG:CUSTOMS#k2"]);
    assert_eq!(document["assertionMethod"], ids);
    assert_eq!(document["capabilityInvocation"], ids);
    let key = scene.world.key("SG:CUSTOMS", 1).verifying_key().to_bytes();
    let text = did::multikey(did::Algorithm::Ed25519, &key);
    assert_eq!(document["verificationMethod"][0]["publicKeyMultibase"], text);
}
