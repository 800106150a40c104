//! `eddsa-rdfc-2022` and Ed25519Signature2020: the vectors byte for byte, canonical statements, and
//! graphs made to cost much.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_credential::contexts::Contexts;
use titian_credential::proof::{Suite, assertion, issue, prepare};
use titian_credential::rdf::{Object, Quad, Subject, canonical_quads, canonicalize};
use titian_credential::verdict::{Check, Policy, Verdict};
use titian_credential::verify::{Request, verify};

use super::credential_fixture::{NOW_MS, SANDBOX, code, fails_with, seed_of, self_issued};
use super::credential_scene::cases;

const RDFC: &str = include_str!("../../data/vc/eddsa/eddsa-rdfc-2022.json");
const EMPLOY: &str = include_str!("../../data/vc/eddsa/eddsa-rdfc-2022-employ.json");
const OLDER: &str = include_str!("../../data/vc/eddsa/ed25519signature2020.json");
const CHAINS: &str = include_str!("../../data/vc/eddsa/proof-set-chain.json");
const DIRECTION: &str = include_str!("../../data/vc/eddsa/direction.json");

fn read(text: &str) -> Json {
    serde_json::from_str(text).expect("the vector is JSON")
}

fn text<'a>(value: &'a Json, name: &str) -> &'a str {
    value[name].as_str().expect("text")
}

fn canonical(document: &Json, contexts: Contexts<'_>) -> Result<String, &'static str> {
    canonicalize(document.as_object().expect("object"), contexts).map_err(|fault| fault.code)
}

fn judge(document: &Json) -> Verdict {
    verify(document.to_string().as_bytes(), &Request::new(Policy::W3c), None, NOW_MS)
}

#[test]
pub fn vc_t01_the_w3c_vector_of_eddsa_rdfc_2022_is_reproduced_byte_for_byte() {
    let v = read(RDFC);
    assert_eq!(canonical(&v["unsigned"], SANDBOX).as_deref(), Ok(text(&v, "canonicalDocument")));
    assert_eq!(
        canonical(&v["proofConfig"], SANDBOX).as_deref(),
        Ok(text(&v, "canonicalProofConfig"))
    );
    let options = assertion(
        Suite::Rdfc,
        text(&v["proofConfig"], "verificationMethod"),
        text(&v["proofConfig"], "created"),
    );
    let prepared = prepare(&v["unsigned"], options, SANDBOX).expect("well formed");
    assert_eq!(hex::encode(prepared.hash_data), text(&v, "hashData"));
    let key = seed_of(text(&v["keyPair"], "privateKeyMultibase"));
    let signed = issue(&v["unsigned"], &key, options, SANDBOX).expect("issued");
    assert_eq!(signed, v["signed"]);
    let verdict = judge(&signed);
    assert_eq!(code(&verdict, Check::Proof), "OK");
    assert_eq!(verdict.form, Some("eddsa-rdfc-2022"));
    fails_with(&verdict, Check::IssuerKey, "ISSUER_MISMATCH");
}

#[test]
pub fn vc_t01_the_second_w3c_document_has_its_canonical_statements() {
    // its own context is not bundled; what it says of these terms stands here
    let v = read(EMPLOY);
    let c = "https://w3id.org/citizenship#";
    let s = "https://schema.org/";
    let date = "http://www.w3.org/2001/XMLSchema#dateTime";
    let context = json!({
        "EmploymentAuthorizationDocumentCredential":
            format!("{c}EmploymentAuthorizationDocumentCredential"),
        "Person": format!("{s}Person"), "EmployablePerson": format!("{c}EmployablePerson"),
        "EmploymentAuthorizationDocument": format!("{c}EmploymentAuthorizationDocument"),
        "schema": s,
        "image": {"@id": "schema:image", "@type": "@id"},
        "givenName": "schema:givenName", "additionalName": "schema:additionalName",
        "familyName": "schema:familyName", "gender": "schema:gender",
        "residentSince": {"@id": format!("{c}residentSince"), "@type": date},
        "birthCountry": format!("{c}birthCountry"),
        "birthDate": {"@id": "schema:birthDate", "@type": date},
        "employmentAuthorizationDocument":
            {"@id": format!("{c}employmentAuthorizationDocument"), "@type": "@id"},
        "identifier": "schema:identifier", "lprCategory": format!("{c}lprCategory"),
        "lprNumber": format!("{c}lprNumber"),
    });
    let mut unsigned = v["unsigned"].clone();
    unsigned["@context"] = json!(["https://www.w3.org/ns/credentials/v2", context]);
    let inline = Contexts { snapshot: None, sandbox: true, inline: true };
    assert_eq!(canonical(&unsigned, inline).as_deref(), Ok(text(&v, "canonicalDocument")));
    let digest = hex::encode(Sha256::digest(text(&v, "canonicalDocument")));
    assert_eq!(digest, text(&v, "documentHash"));
}

#[test]
pub fn vc_t01_the_older_suite_is_read_but_not_written() {
    let v = read(OLDER);
    let signed = &v["signed"];
    let mut unsigned = signed.clone();
    unsigned.as_object_mut().expect("object").remove("proof");
    assert_eq!(canonical(&unsigned, SANDBOX).as_deref(), Ok(text(&v, "canonicalDocument")));
    let verdict = judge(signed);
    assert_eq!(code(&verdict, Check::Proof), "OK", "{}", verdict.to_jcs());
    assert_eq!(verdict.form, Some("Ed25519Signature2020"));
    let mut changed = signed.clone();
    changed["name"] = json!("Another");
    assert_eq!(code(&judge(&changed), Check::Proof), "SIGNATURE_INVALID");
    let options = assertion(Suite::Signature2020, "did:example:x#1", "2026-01-01T00:00:00Z");
    assert!(prepare(&v["unsigned"], options, SANDBOX).is_err());
}

#[test]
pub fn vc_t01_published_proof_sets_and_chains_verify_and_fail_when_a_link_is_changed() {
    let v = read(CHAINS);
    let steps = v["steps"].as_object().expect("object");
    let signed: Vec<(&String, &Json)> =
        steps.iter().filter(|(name, _)| name.starts_with("signedProof")).collect();
    assert_eq!(signed.len(), 4);
    let mut chains = 0;
    for (name, document) in signed {
        let verdict = judge(document);
        assert_eq!(code(&verdict, Check::Proof), "OK", "{name}: {}", verdict.to_jcs());
        let Some(proofs) = document["proof"].as_array() else { continue };
        for (i, proof) in proofs.iter().enumerate() {
            let Some(previous) = proof.get("previousProof") else { continue };
            chains += 1;
            let mut named: Vec<&Json> = vec![previous];
            if let Some(list) = previous.as_array() {
                named = list.iter().collect();
            }
            let at = |id: &Json| proofs.iter().position(|proof| proof.get("id") == Some(id));
            let first = at(named[0]).expect("there");
            let mut removed = document.clone();
            removed["proof"].as_array_mut().expect("a list").remove(first);
            fails_with(&judge(&removed), Check::Proof, "PREVIOUS_PROOF_MISSING");
            let mut changed = document.clone();
            changed["proof"][first]["created"] = json!("2023-02-24T23:36:39Z");
            assert_ne!(code(&judge(&changed), Check::Proof), "OK", "{name}");
            let mut cycle = document.clone();
            cycle["proof"][i]["id"] = json!("urn:uuid:00000000-0000-4000-8000-000000000001");
            cycle["proof"][first]["previousProof"] = cycle["proof"][i]["id"].clone();
            fails_with(&judge(&cycle), Check::Proof, "PREVIOUS_PROOF_MISSING");
        }
    }
    assert!(chains > 0);
}

#[test]
pub fn vc_t01_the_direction_of_a_text_is_signed() {
    let v = read(DIRECTION);
    for case in v["cases"].as_array().expect("a list") {
        let credential = &case["credential"];
        let mut unsigned = credential.clone();
        unsigned.as_object_mut().expect("object").remove("proof");
        let strict = Contexts { snapshot: None, sandbox: false, inline: false };
        assert_eq!(canonical(&unsigned, strict).as_deref(), Ok(text(case, "canonicalDocument")));
        let verdict = judge(credential);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        let altered = judge(&case["altered"]);
        assert_eq!(code(&altered, Check::Proof), text(&case["expectedAltered"], "code"));
    }
}

#[test]
pub fn vc_t07_what_json_ld_would_drop_is_refused_and_not_left_unsigned() {
    let (credential, key, method) = self_issued(1);
    let options = assertion(Suite::Rdfc, &method, "2026-01-01T00:00:00Z");
    let inline = Contexts { snapshot: None, sandbox: true, inline: true };
    let refused = |credential: &Json| {
        issue(credential, &key, options, inline).map(|_| ()).map_err(|fault| fault.code)
    };
    assert_eq!(refused(&credential), Ok(()));
    let base = "https://www.w3.org/ns/credentials/v2";
    let strict = json!([base, {"known": "urn:x:known", "friend":
        {"@id": "urn:x:friend", "@type": "@id"}}]);
    for (name, value, expected) in [
        ("unheardOf", json!("x"), "UNDEFINED_TERM"),
        ("known", Json::Null, "UNDEFINED_TERM"),
        ("known", json!([]), "UNDEFINED_TERM"),
        ("known", json!([[null]]), "UNDEFINED_TERM"),
        ("known", json!({"@value": null}), "UNDEFINED_TERM"),
        ("known", json!({"@value": "x", "@index": "y"}), "UNDEFINED_TERM"),
        ("known", json!({"@value": "x", "@language": "no tag"}), "LANGUAGE_INVALID"),
        ("friend", json!("nobody"), "RELATIVE_IRI"),
        ("friend", json!({"id": "nobody"}), "RELATIVE_IRI"),
    ] {
        let mut changed = credential.clone();
        changed["@context"] = strict.clone();
        changed["type"] = json!(["VerifiableCredential"]);
        changed["credentialSubject"] = json!({"id": "did:example:x", name: value});
        assert_eq!(refused(&changed), Err(expected), "{name} {value}");
    }
}

/// The signature holds, and the credential is refused all the same.
fn is_refused(document: &Json, expected: &str) {
    let verdict = judge(document);
    assert_eq!(code(&verdict, Check::Proof), "OK", "{}", verdict.to_jcs());
    fails_with(&verdict, Check::Syntax, expected);
}

#[test]
pub fn vc_t07_a_member_under_another_name_keeps_the_signature_and_is_refused() {
    const CREDENTIALS: &str = "https://www.w3.org/2018/credentials#";
    const DATE: &str = "http://www.w3.org/2001/XMLSchema#dateTime";
    let (mut credential, key, method) = self_issued(1);
    credential["validUntil"] = json!("2026-01-01T00:00:00Z");
    credential["credentialStatus"] = json!({"type": "BitstringStatusListEntry",
        "statusPurpose": "revocation", "statusListIndex": "1",
        "statusListCredential": "https://example.org/1"});
    let options = assertion(Suite::Rdfc, &method, "2025-01-01T00:00:00Z");
    let signed = issue(&credential, &key, options, SANDBOX).expect("issued");
    fails_with(&judge(&signed), Check::Validity, "EXPIRED");
    let until = json!({"@value": credential["validUntil"], "@type": DATE});
    let renamed = |name: &str, other: &str, value: &Json, context: Json| {
        let mut changed = signed.clone();
        let members = changed.as_object_mut().expect("object");
        members.remove(name);
        members.insert(other.to_owned(), value.clone());
        changed["@context"].as_array_mut().expect("a list").push(context);
        changed
    };
    let iri = format!("{CREDENTIALS}validUntil");
    let alias = json!({"x": {"@id": iri, "@type": DATE}});
    let prefix = json!({"cred": CREDENTIALS});
    let status = &credential["credentialStatus"];
    for changed in [
        renamed("validUntil", &iri, &until, json!({})),
        renamed("validUntil", "cred:validUntil", &until, prefix.clone()),
        renamed("validUntil", "x", &credential["validUntil"], alias),
        renamed("credentialStatus", "cred:credentialStatus", status, prefix),
    ] {
        is_refused(&changed, "UNDEFINED_TERM");
    }
    // types under two names: the plain one would show a part of them
    for (name, context) in [("@type", json!({})), ("x", json!({"x": "@type"}))] {
        let mut changed = renamed("type", name, &credential["type"], context);
        changed["type"] = json!(["VerifiableCredential"]);
        is_refused(&changed, "UNDEFINED_TERM");
    }
    // the end of a proof
    let mut changed = signed.clone();
    changed["proof"]["https://w3id.org/security#expiration"] = json!("2025-01-01T00:00:00Z");
    fails_with(&judge(&changed), Check::Syntax, "UNDEFINED_TERM");
}

#[test]
pub fn vc_t07_statements_cannot_be_hidden_in_identifiers_nor_beside_sets() {
    let (mut credential, key, method) = self_issued(1);
    let inline = Contexts { snapshot: None, sandbox: true, inline: true };
    let reference = |name: &str| json!({"@id": format!("urn:x:{name}"), "@type": "@id"});
    credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2",
        {"x": "urn:x:", "friend": reference("friend"), "knows": reference("knows")}]);
    credential["type"] = json!(["VerifiableCredential"]);
    let subject = json!({"id": "urn:x:s", "friend": "urn:x:a", "knows": "urn:x:b"});
    credential["credentialSubject"] = subject.clone();
    let options = assertion(Suite::Rdfc, &method, "2026-01-01T00:00:00Z");
    let signed = issue(&credential, &key, options, inline).expect("issued");
    assert!(judge(&signed).verified());
    let with = |subject: Json| {
        let mut changed = signed.clone();
        changed["credentialSubject"] = subject;
        changed
    };
    // a set changes nothing
    assert!(
        judge(&with(json!({"id": "urn:x:s", "friend": {"@set": ["urn:x:a"]},
        "knows": "urn:x:b"})))
        .verified()
    );
    let both = "x:a> .\n<urn:x:s> <urn:x:knows> <urn:x:b";
    for friend in [json!(both), json!({"@set": [both]}), json!({"@list": [both]})] {
        let changed = with(json!({"id": "urn:x:s", "friend": friend}));
        fails_with(&judge(&changed), Check::Syntax, "RELATIVE_IRI");
        let mut unsigned = changed;
        unsigned.as_object_mut().expect("object").remove("proof");
        assert_eq!(canonical(&unsigned, inline), Err("RELATIVE_IRI"));
    }
    let changed = with(json!({"@set": [subject], "id": "did:example:mallory"}));
    fails_with(&judge(&changed), Check::Syntax, "UNDEFINED_TERM");
    // nor in the datatype of a term
    credential["@context"][1]["typed"] = json!({"@id": "urn:x:t", "@type": "x:a> <urn:x:b"});
    assert_eq!(canonical(&credential, inline), Err("CONTEXT_INLINE"));
}

#[test]
pub fn values_become_the_literals_of_json_ld() {
    let (mut credential, ..) = self_issued(1);
    let xsd = "http://www.w3.org/2001/XMLSchema#";
    credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2", {
        "p": "urn:x:p", "d": {"@id": "urn:x:d", "@type": format!("{xsd}double")},
        "j": {"@id": "urn:x:j", "@type": "@json"},
        "l": {"@id": "urn:x:l", "@container": "@list"},
        "m": {"@id": "urn:x:m", "@container": "@language"},
        "v": {"@id": "urn:x:v", "@type": "@vocab"}, "Thing": "urn:x:Thing"}]);
    credential["type"] = json!(["VerifiableCredential"]);
    credential["credentialSubject"] = json!({"id": "urn:x:s",
        "p": [true, 7, -0.5, "a\"\\\n\u{7f}\u{1}", {"@value": "T", "@language": "EN-gb"}],
        "d": [3, 123456.5], "j": {"b": [1, null], "a": "x"}, "l": ["one", "two"],
        "m": {"ms": "satu"}, "v": "Thing"});
    let inline = Contexts { snapshot: None, sandbox: true, inline: true };
    let lines = canonical(&credential, inline).expect("sound");
    for expected in [
        "<urn:x:s> <urn:x:p> \"true\"^^<http://www.w3.org/2001/XMLSchema#boolean> .",
        "<urn:x:s> <urn:x:p> \"7\"^^<http://www.w3.org/2001/XMLSchema#integer> .",
        "<urn:x:s> <urn:x:p> \"-5.0E-1\"^^<http://www.w3.org/2001/XMLSchema#double> .",
        "<urn:x:s> <urn:x:p> \"a\\\"\\\\\\n\\u007F\\u0001\" .",
        "<urn:x:s> <urn:x:p> \"T\"@en-gb .",
        "<urn:x:s> <urn:x:d> \"3.0E0\"^^<http://www.w3.org/2001/XMLSchema#double> .",
        "<urn:x:s> <urn:x:d> \"1.234565E5\"^^<http://www.w3.org/2001/XMLSchema#double> .",
        "<urn:x:s> <urn:x:j> \"{\\\"a\\\":\\\"x\\\",\\\"b\\\":[1,null]}\"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> .",
        "<urn:x:s> <urn:x:m> \"satu\"@ms .",
        "<urn:x:s> <urn:x:v> <urn:x:Thing> .",
        "_:c14n1 <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> \"one\" .",
    ] {
        let alternative = expected.replace("_:c14n1", "_:c14n0");
        let found = lines.lines().any(|line| line == expected || line == alternative);
        assert!(found, "{expected} is not in\n{lines}");
    }
}

fn edge(from: u32, to: u32) -> Quad {
    Quad {
        subject: Subject::Blank(from),
        predicate: "urn:x:p".into(),
        object: Object::Node(Subject::Blank(to)),
        graph: None,
    }
}

#[test]
pub fn vc_t12_poison_graphs_end_after_a_counted_number_of_steps() {
    for n in 4..=40 {
        let complete: Vec<Quad> =
            (0..n).flat_map(|a| (0..n).filter(move |b| a != *b).map(move |b| edge(a, b))).collect();
        let result = canonical_quads(&complete).map_err(|fault| fault.code);
        if n >= 8 {
            assert_eq!(result, Err("DATASET_POISONED"), "{n}");
        } else if n == 4 {
            assert!(result.is_ok());
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn the_canonical_text_does_not_depend_on_numbering_or_order(
        edges in prop::collection::vec((0_u32..6, 0_u32..6), 1..10),
        shift in 1_u32..6,
        rotate in 0_usize..10,
    ) {
        let quads: Vec<Quad> = edges.iter().map(|(a, b)| edge(*a, *b)).collect();
        let mut other: Vec<Quad> = edges
            .iter()
            .map(|(a, b)| edge(100 - (a + shift) % 6, 100 - (b + shift) % 6))
            .collect();
        let rotate = rotate % other.len();
        other.rotate_left(rotate);
        prop_assert_eq!(canonical_quads(&quads), canonical_quads(&other));
    }
}

#[test]
pub fn vc_t06_flipping_any_byte_of_an_rdfc_credential_never_leaves_another_value_verified() {
    let (credential, key, method) = self_issued(1);
    let options = assertion(Suite::Rdfc, &method, "2026-01-01T00:00:00Z");
    let signed = issue(&credential, &key, options, SANDBOX).expect("issued");
    assert!(judge(&signed).verified());
    let text = signed.to_string();
    let request = Request::new(Policy::W3c);
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 0x01;
        let same = titian_credential::json::parse(&bytes).is_ok_and(|value| value == signed);
        let verdict = verify(&bytes, &request, None, NOW_MS);
        assert!(same || !verdict.verified(), "byte {at}");
    }
}

#[test]
pub fn vc_t12_a_document_has_1024_blank_nodes_at_most() {
    let with = |count: usize| {
        let subjects: Vec<Json> = (0..count).map(|i| json!({"name": format!("n{i}")})).collect();
        let document = json!({"@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": "urn:x:y", "type": ["VerifiableCredential"], "issuer": "did:example:x",
            "credentialSubject": subjects});
        canonical(&document, SANDBOX).map(|text| text.lines().count())
    };
    // for each node its name and the link to it; the document's type and issuer
    assert_eq!(with(1_024), Ok(2 * 1_024 + 2));
    assert_eq!(with(1_025), Err("TOO_MANY_NODES"));
}
