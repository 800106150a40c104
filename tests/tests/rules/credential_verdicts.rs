//! Verdicts against state: keys, accreditation, status, time.

use serde_json::{Value as Json, json};
use titian_contracts::access::{KeyState, Purpose, Service};
use titian_contracts::credential::Profile;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::rfc3339;
use titian_credential::codes::{TABLE, outcome_of};
use titian_credential::contexts::Contexts;
use titian_credential::did;
use titian_credential::json::canonical;
use titian_credential::proof::issue_jcs;
use titian_credential::status::entry::bitstring_entry;
use titian_credential::verdict::{Check, CheckResult, Decision, Policy};
use titian_credential::verify::{Request, verify};

use super::credential_fixture::{code, fails_with, issued, ledger_verdict, live, only, verdict_of};
use super::credential_scene::{ACRA, REVOCATIONS, ROOT, Scene, change, grant, list, set, texts};

#[test]
pub fn an_accredited_registrars_credential_is_verified_under_ledger() {
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
pub fn verdicts_have_the_members_of_the_published_examples() {
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
pub fn a_revoked_credential_is_rejected_with_height_and_reason() {
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
pub fn an_advised_refresh_passes_with_a_warning() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    scene.must("list_set", set("SG:ACRA/status/2", 0, &[[84_213, 0, 1, 2]]), ACRA);
    let verdict = ledger_verdict(&scene, &credential);
    assert!(verdict.verified());
    assert_eq!(code(&verdict, Check::Status), "REFRESH_ADVISED");
    assert_eq!(verdict.warnings, ["TIME_ASSERTED", "REFRESH_ADVISED"]);
}

#[test]
pub fn each_fault_of_status_entries_has_its_code() {
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

/// A certificate of origin by SG:ACRA, its single use told by list `n`.
fn certificate(scene: &Scene, n: u64) -> Json {
    let shipped = titian_credential::profiles::SHIPPED;
    let shipped = shipped.iter().find(|s| s.slug == "certificate-of-origin").expect("shipped");
    let mut credential: Json = serde_json::from_slice(shipped.example).expect("JSON");
    let now = rfc3339(scene.world.time_ms);
    credential["issuer"] = json!("did:ubin:SG:ACRA");
    credential["validFrom"] = json!(now);
    credential["validUntil"] = json!(rfc3339(scene.world.time_ms + 30 * 86_400_000));
    credential["credentialStatus"] = json!([
        bitstring_entry("SG:ACRA/status/1", Profile::Revocation, 1, 7),
        bitstring_entry(&format!("SG:ACRA/status/{n}"), Profile::Use, 2, 7),
    ]);
    let (live, key) = (live(scene), scene.world.key("SG:ACRA", 1));
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    issue_jcs(&credential, &key, "did:ubin:SG:ACRA#k1", &now, strict).expect("issued")
}

#[test]
pub fn a_list_of_messages_does_not_stand_in_for_single_use() {
    let mut scene = Scene::bare();
    let types = || texts(&["CertificateOfOrigin"]);
    scene.must("accreditation_grant", grant("SG:ACRA", 1).with("types", types()), ROOT);
    for (n, profile) in [(1, "revocation"), (2, "message"), (3, "use")] {
        let args = list("SG:ACRA", n, profile).with("types", types());
        scene.must("list_create", args, ACRA);
    }
    let verdict = ledger_verdict(&scene, &certificate(&scene, 3));
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    // whose values the verifier cannot read, so that it would count again and again
    only(&ledger_verdict(&scene, &certificate(&scene, 2)), Check::Status, "STATUS_REQUIRED");
    // nor does one of single use that is no list here
    let absent = ledger_verdict(&scene, &certificate(&scene, 4));
    fails_with(&absent, Check::Status, "STATUS_REQUIRED");
}

#[test]
pub fn vc_t10_suspension_of_the_issuer_or_of_a_link_above_it_fails_until_it_is_lifted() {
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
pub fn vc_t10_revocation_of_the_issuer_reaches_back_for_grave_reasons_only() {
    for (reason, earlier_passes) in REVOCATIONS {
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
pub fn without_accreditation_nothing_is_verified() {
    let scene = Scene::bare();
    let verdict = ledger_verdict(&scene, &issued(&scene, 1));
    assert_eq!(code(&verdict, Check::Accreditation), "NO_ACCREDITATION");
    assert_eq!(verdict.decision, Decision::Rejected);
}

#[test]
pub fn vc_t08_expiry_and_start_count_with_the_skew_and_to_the_millisecond() {
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
fn a_fragment_is_decimal_without_sign_and_leading_zero() {
    for good in ["k1", "k16", "0", "84213", "k999999999999999"] {
        assert!(did::is_fragment(good), "{good}");
    }
    let bad = ["", "k", "kk1", "1k", "k01", "00", "007", "+5", "-5", "k+1", "5 ", "\u{661}", "K1"];
    for bad in bad.into_iter().chain(["1000000000000000"]) {
        assert!(!did::is_fragment(bad), "{bad}");
    }
}

#[test]
pub fn a_key_that_is_not_the_issuers_is_refused() {
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
        ("did:ubin:SG:ACRA#k0", "KEY_NOT_FOUND"),
        ("did:ubin:SG:ACRA#7", "KEY_NOT_FOUND"),
        ("did:ubin:SG:ACRA#x", "DID_INVALID"),
        ("did:ubin:SG:ACRA#k", "DID_INVALID"),
        ("did:ubin:SG:ACRA#k01", "DID_INVALID"),
        ("did:ubin:SG:ACRA#k+1", "DID_INVALID"),
        ("did:ubin:SG:ACRA#K1", "DID_INVALID"),
        ("did:ubin:SG:ACRA#007", "DID_INVALID"),
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
pub fn vc_t08_a_retired_key_keeps_its_past_and_a_compromised_one_loses_it() {
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
pub fn stale_or_future_state_is_never_silently_trusted() {
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
pub fn a_credential_that_breaks_its_registered_schema_is_rejected() {
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
pub fn a_did_document_shows_the_active_keys_by_purpose() {
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

#[test]
pub fn a_did_document_shows_services_other_names_and_keys_of_every_kind() {
    let scene = Scene::new();
    let live = live(&scene);
    let id = "did:ubin:SG:CUSTOMS";
    let party = did::party_of(id).expect("grammar");
    let mut resolved = did::resolve(&live, &party).expect("known");
    resolved.entry.services.push(Service {
        id: "lists".to_owned(),
        kind: "StatusListService".to_owned(),
        endpoint: "https://customs.example/status".to_owned(),
    });
    resolved.entry.also_known_as.push("did:web:customs.example".to_owned());
    let mut further = |number: u64, algorithm: &str, public_key: Vec<u8>, purpose: Purpose| {
        let (_, mut key) = resolved.keys[0].clone();
        key.algorithm = algorithm.to_owned();
        key.public_key = public_key;
        key.purposes = vec![purpose];
        resolved.keys.push((number, key));
    };
    further(3, "P-256", [&[2_u8][..], &[9; 32]].concat(), Purpose::Assert);
    further(4, "X25519", vec![9; 32], Purpose::Agree);
    further(5, "Ed25519", vec![9; 32], Purpose::Present);
    resolved.keys[0].1.state = KeyState::Compromised;
    let document = did::did_document(id, &resolved, scene.world.time_ms);
    assert_eq!(
        document["service"],
        json!([{"id": "did:ubin:SG:CUSTOMS#lists", "type": "StatusListService",
            "serviceEndpoint": "https://customs.example/status"}])
    );
    assert_eq!(document["alsoKnownAs"], json!(["did:web:customs.example"]));
    assert_eq!(document["assertionMethod"], json!([format!("{id}#k2"), format!("{id}#k3")]));
    assert_eq!(document["keyAgreement"], json!([format!("{id}#k4")]));
    assert_eq!(document["authentication"], json!([format!("{id}#k5")]));
    assert_eq!(document["capabilityInvocation"], json!([format!("{id}#k2")]));
    // Multikey: base58btc of the varint of the codec, then the key
    let codecs = document["verificationMethod"].as_array().expect("a list").iter().map(|method| {
        assert_eq!(method["type"], "Multikey");
        let text = method["publicKeyMultibase"].as_str().expect("text");
        let bytes = bs58::decode(text.trim_start_matches('z')).into_vec().expect("base58");
        (bytes[0], bytes[1], bytes.len())
    });
    let codecs: Vec<(u8, u8, usize)> = codecs.collect();
    let ed25519 = (0xed, 0x01, 34);
    assert_eq!(codecs, [ed25519, (0x80, 0x24, 35), (0xec, 0x01, 34), ed25519]);
    // nothing of a party that is closed can be used, and it says who it was
    resolved.entry.closed = true;
    let closed = did::did_document(id, &resolved, scene.world.time_ms);
    assert_eq!(closed.get("verificationMethod"), None);
    assert_eq!(closed["id"], id);
}
