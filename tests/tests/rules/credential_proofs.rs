//! Embedded proofs by `eddsa-jcs-2022`: the vector byte for byte, sets and chains, every fault.

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_credential::did;
use titian_credential::json::{canonical, parse};
use titian_credential::proof::{issue_jcs, prepare_jcs};
use titian_credential::verdict::{Check, Decision, Policy};
use titian_credential::verify::{Request, verify};

use super::credential_fixture::{NOW_MS, SANDBOX, code, judge, seed_of, self_issued, vector};

#[test]
pub fn vc_t01_the_w3c_vector_of_eddsa_jcs_2022_is_reproduced_byte_for_byte() {
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

#[test]
pub fn a_self_issued_credential_verifies_under_w3c_and_signature_but_not_ledger() {
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
pub fn the_w3c_vector_verifies_but_its_key_is_not_its_issuers() {
    let verdict = judge(&vector()["signed"], Policy::W3c);
    assert_eq!(code(&verdict, Check::Proof), "OK");
    assert_eq!(code(&verdict, Check::IssuerKey), "ISSUER_MISMATCH");
    assert_eq!(verdict.decision, Decision::Rejected);
}

#[test]
pub fn every_proof_of_a_set_must_verify_and_one_must_be_the_issuers() {
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
pub fn vc_t01_a_chain_with_a_missing_or_circular_link_fails() {
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
pub fn each_fault_of_a_proof_has_its_code() {
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
pub fn vc_t09_a_signature_with_s_above_the_group_order_is_refused() {
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
pub fn vc_t06_flipping_any_byte_never_leaves_another_value_verified() {
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
pub fn vc_t06_removing_retyping_or_swapping_any_member_never_verifies() {
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
