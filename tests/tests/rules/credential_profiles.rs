//! The shipped credential types: each example passes the linter, its schema and the term guard, and
//! each wrong one has its code.

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_contracts::credential::{ResourceId, ResourceKind};
use titian_credential::contexts::Contexts;
use titian_credential::proof::issue_jcs;
use titian_credential::schema::{self, Evaluation};
use titian_credential::sd_jwt::issue::issue;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::Request;
use titian_credential::{profiles, registration, sd_jwt_vc};

use super::credential_fixture::{code, fails_with, live, verdict_of_text};
use super::credential_scene::{ACRA, ROOT, Scene, grant, list, set, texts};

macro_rules! invalid {
    ($($slug:literal: $($name:literal)*;)*) => {
        &[$(($slug, &[$(include_str!(concat!(
            "../../../contracts/profiles/credential/", $slug, "/1/invalid/", $name, ".json"
        ))),*])),*]
    };
}

const INVALID: &[(&str, &[&str])] = invalid! {
    "accreditation-of-issuer": "missing-accreditationId" "unknown-member" "wrong-type-of-recordHeight";
    "aeo-authorisation": "missing-ubin" "unknown-member" "wrong-type-of-nextReviewOn";
    "authorised-representative": "missing-principal" "unknown-member" "wrong-type-of-assurance";
    "business-registration": "missing-legalName" "unknown-member" "wrong-type-of-recordVersion";
    "certificate-of-origin": "missing-scheme" "unknown-member" "wrong-type-of-issuedRetroactively";
    "ecommerce-operator": "missing-ubin" "unknown-member" "wrong-type-of-dataExchange";
    "mcc-adoption": "missing-ubin" "unknown-member" "wrong-type-of-countries";
    "phytosanitary-certificate": "missing-certificateNumber" "unknown-member" "wrong-type-of-inspectedOn";
    "professional-qualification": "missing-profession" "unknown-member" "wrong-type-of-recognition-arrangement";
};

fn json_of(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
pub fn every_shipped_type_passes_the_linter_and_stands_in_genesis() {
    let entries = profiles::genesis_entries().expect("the shipped types pass the linter");
    assert_eq!(entries.types.len(), 9);
    let scene = Scene::bare();
    for (key, entry) in &entries.types {
        assert!(scene.world.state.0.contains_key(key), "{}", entry.name);
        let kinds: Vec<ResourceKind> =
            entry.schemas.iter().map(|id| ResourceId::parse(id).expect("an id").kind).collect();
        // data of persons travel as SD-JWT VC, which needs type metadata; extracts may
        let extract = entry.name == registration::TYPE;
        let sd_jwt = entry.natural_person_data || extract;
        assert_eq!(kinds.contains(&ResourceKind::VctMetadata), sd_jwt, "{}", entry.name);
    }
    for (key, _) in &entries.resources {
        assert!(scene.world.state.0.contains_key(key));
    }
}

/// The code of the first thing that is wrong with an unsigned credential of a shipped type.
fn fault(scene: &Scene, shipped: &profiles::ShippedType, document: &Json) -> Option<&'static str> {
    let schema = json_of(shipped.schema);
    if shipped.vct.is_some() {
        if let Err(fault) = sd_jwt_vc::check(document.as_object().expect("object")) {
            return Some(fault.code);
        }
    } else {
        let live = live(scene);
        let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
        let key = SigningKey::from_bytes(&[1; 32]);
        let created = "2026-07-02T00:00:00Z";
        if let Err(fault) = issue_jcs(document, &key, "did:ubin:SG#k1", created, strict) {
            return Some(fault.code);
        }
    }
    match schema::evaluate(&schema, document) {
        Evaluation::Valid => None,
        Evaluation::Invalid(_) => Some("SCHEMA_VIOLATION"),
        Evaluation::Limit => Some("SCHEMA_LIMIT"),
    }
}

#[test]
pub fn every_example_is_sound_and_every_invalid_one_has_its_code() {
    let scene = Scene::bare();
    for shipped in profiles::SHIPPED {
        let example = json_of(shipped.example);
        assert_eq!(fault(&scene, shipped, &example), None, "{}", shipped.slug);
    }
    assert_eq!(INVALID.len(), profiles::SHIPPED.len());
    for (slug, cases) in INVALID {
        let shipped = profiles::SHIPPED.iter().find(|s| s.slug == *slug).expect("shipped");
        for case in *cases {
            let case = json_of(case.as_bytes());
            let got = fault(&scene, shipped, &case["credential"]);
            assert_eq!(got, case["code"].as_str(), "{slug}: {}", case["credential"]);
        }
    }
}

/// SG:ACRA may issue mandates; list 3 tells their status.
pub(crate) fn scene() -> Scene {
    let mut scene = Scene::bare();
    let args = grant("SG:ACRA", 1).with("types", texts(&["AuthorisedRepresentative"]));
    scene.must("accreditation_grant", args, ROOT);
    let args = list("SG:ACRA", 1, "token").with("types", texts(&["AuthorisedRepresentative"]));
    scene.must("list_create", args, ACRA);
    scene
}

fn mandate(scene: &Scene) -> String {
    sign_mandate(scene, &mandate_claims(scene))
}

/// The claims of the shipped mandate, issued now by `SG:ACRA`.
pub(crate) fn mandate_claims(scene: &Scene) -> Json {
    let shipped =
        profiles::SHIPPED.iter().find(|s| s.slug == "authorised-representative").expect("shipped");
    let mut claims = json_of(shipped.example);
    let now_s = scene.world.time_ms / 1_000;
    claims["iss"] = json!("did:ubin:SG:ACRA");
    claims["iat"] = json!(now_s);
    claims["nbf"] = json!(now_s);
    claims["exp"] = json!(now_s + 86_400 * 30);
    claims["status"]["status_list"] = json!({"idx": 84_213, "uri": "did:ubin:SG:ACRA/status/1"});
    claims
}

/// A mandate as SD-JWT VC.
pub(crate) fn sign_mandate(scene: &Scene, claims: &Json) -> String {
    let key = scene.world.key("SG:ACRA", 1);
    let mut n = 0_u8;
    let mut random = || {
        n = n.wrapping_add(1);
        [n; 32]
    };
    let hidden = ["/given_name", "/family_name"];
    let members = claims.as_object().expect("object");
    issue(members, &hidden, &key, "did:ubin:SG:ACRA#k1", &mut random).expect("issued")
}

#[test]
pub fn a_mandate_as_sd_jwt_vc_is_verified_under_ledger_until_it_is_revoked() {
    let mut scene = scene();
    let text = mandate(&scene);
    let mut request = Request::new(Policy::Ledger);
    request.jurisdiction = Some("SG".to_owned());
    let verdict = verdict_of_text(&scene, &text, &request);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(verdict.types, ["did:ubin:ASEAN/vct/authorised-representative/1"]);
    assert!(!verdict.to_jcs().contains("Example"), "a verdict holds no claim");
    // without the names
    let bare = titian_credential::sd_jwt::issue::select(&text, &[]).expect("known");
    assert!(verdict_of_text(&scene, &bare, &request).verified());
    request.key_binding = true;
    let unbound = verdict_of_text(&scene, &bare, &request);
    fails_with(&unbound, Check::Holder, "KEY_BINDING_MISSING");
    request.key_binding = false;
    for (value, expected) in [(2, "SUSPENDED"), (1, "REVOKED")] {
        let old = if value == 2 { 0 } else { 2 };
        let version = i64::try_from(scene.list("SG:ACRA", 1).version).expect("small");
        let args = set("SG:ACRA/status/1", version, &[[84_213, old, value, 0]]);
        scene.must("list_set", args, ACRA);
        let verdict = verdict_of_text(&scene, &text, &request);
        fails_with(&verdict, Check::Status, expected);
    }
}

#[test]
pub fn data_of_persons_in_another_form_are_refused_under_ledger() {
    let scene = scene();
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2",
            "did:ubin:ASEAN/context/authorised-representative/1"],
        "type": ["VerifiableCredential", "AuthorisedRepresentative"],
        "issuer": "did:ubin:SG:ACRA",
        "credentialSubject": {"id": "did:example:x", "role": "director"},
    });
    let key = scene.world.key("SG:ACRA", 1);
    let created = titian_contracts::time::rfc3339(scene.world.time_ms);
    let signed = issue_jcs(&credential, &key, "did:ubin:SG:ACRA#k1", &created, strict);
    let text = signed.expect("signed by somebody who has no rules").to_string();
    let verdict = verdict_of_text(&scene, &text, &Request::new(Policy::Ledger));
    fails_with(&verdict, Check::Accreditation, "TYPE_NOT_COVERED");
    assert_eq!(code(&verdict, Check::IssuerKey), "TIME_ASSERTED");
}
