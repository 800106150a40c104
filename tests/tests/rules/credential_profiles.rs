//! The shipped credential types: each example passes the linter, its schema and the term guard, and
//! each wrong one has its code.

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_contracts::credential::{ResourceId, ResourceKind};
use titian_credential::contexts::Contexts;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::profiles::SHIPPED;
use titian_credential::proof::issue_jcs;
use titian_credential::schema::{self, Evaluation};
use titian_credential::sd_jwt::issue::{bind, issue};
use titian_credential::sd_jwt::metadata;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::{Binding, Request};
use titian_credential::{profiles, registration, sd_jwt_vc};
use titian_tests::credentials::shipped;

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
        // data of persons travel as SD-JWT VC, which needs type metadata; two other types may
        let may = [registration::TYPE, "AEOAuthorisation"].contains(&entry.name.as_str());
        let sd_jwt = entry.natural_person_data || may;
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

/// The key of the person who holds the mandate.
fn holder() -> SigningKey {
    SigningKey::from_bytes(&[77; 32])
}

/// The mandate as its holder shows it now.
pub(crate) fn shown(scene: &Scene, text: &str) -> String {
    let now_s = scene.world.time_ms / 1_000;
    bind(text, &holder(), "n-7f3a91ab", "did:ubin:SG:PEB", now_s).expect("not bound before")
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
    let key = PublicKey::new(Algorithm::Ed25519, holder().verifying_key().as_bytes());
    claims["cnf"] = json!({"jwk": key.expect("32 bytes").to_jwk()});
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
    let issued = mandate(&scene);
    let text = shown(&scene, &issued);
    let mut request = Request::new(Policy::Ledger);
    request.jurisdiction = Some("SG".to_owned());
    let verdict = verdict_of_text(&scene, &text, &request);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(verdict.types, ["did:ubin:ASEAN/vct/authorised-representative/1"]);
    assert!(!verdict.to_jcs().contains("Example"), "a verdict holds no claim");
    // without the names
    let bare = titian_credential::sd_jwt::issue::select(&issued, &[]).expect("known");
    assert!(verdict_of_text(&scene, &shown(&scene, &bare), &request).verified());
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
fn what_its_type_binds_to_a_key_is_verified_under_ledger_when_its_holder_shows_it() {
    let scene = scene();
    let issued = mandate(&scene);
    let holder = |text: &str, policy: Policy, binding: Binding| {
        let verdict = verdict_of_text(&scene, text, &Request { binding, ..Request::new(policy) });
        let required = verdict.check(Check::Holder).expect("all twelve").required;
        (code(&verdict, Check::Holder), required, verdict.verified())
    };
    let (missing, alone) = ("KEY_BINDING_MISSING", "NOT_A_PRESENTATION");
    assert_eq!(holder(&issued, Policy::Ledger, Binding::OfType), (missing, true, false));
    let shown = shown(&scene, &issued);
    assert_eq!(holder(&shown, Policy::Ledger, Binding::OfType), ("OK", true, true));
    // other policies ask for less, unless the caller wants it
    assert_eq!(holder(&issued, Policy::W3c, Binding::OfType), (alone, false, true));
    assert_eq!(holder(&issued, Policy::W3c, Binding::Required), (missing, true, false));
    assert!(holder(&issued, Policy::Signature, Binding::OfType).2);
    // its issuer checks it before there is a holder who could sign
    assert_eq!(holder(&issued, Policy::Ledger, Binding::Unshown), (alone, false, true));
    // what names no key can be shown by nobody; the issuer is told so
    let mut claims = mandate_claims(&scene);
    claims.as_object_mut().expect("an object").remove("cnf");
    let of_nobody = sign_mandate(&scene, &claims);
    assert_eq!(holder(&of_nobody, Policy::Ledger, Binding::Unshown), (missing, false, false));
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

/// Types that travel as SD-JWT VC too have a schema of their own for flat claims.
#[test]
fn a_schema_of_claims_has_the_claims_of_the_subject_and_their_metadata() {
    let mut found = Vec::new();
    for shipped in SHIPPED {
        let Some((schema, vct)) = shipped.claims else { continue };
        let (schema, vct, whole) = (json_of(schema), json_of(vct), json_of(shipped.schema));
        let subject = &whole["properties"]["credentialSubject"]["properties"];
        let listed = vct["claims"].as_array().expect("claims").iter();
        let listed: Vec<&str> =
            listed.map(|claim| claim["path"][0].as_str().expect("a name")).collect();
        for (name, rule) in subject.as_object().expect("properties") {
            if name == "id" {
                continue;
            }
            assert!(listed.contains(&name.as_str()), "{}: {name}", shipped.slug);
            // as claims an address can hold less
            if name != "registeredAddress" {
                assert_eq!(schema["properties"][name], *rule, "{}: {name}", shipped.slug);
            }
        }
        let own = [format!("did:ubin:ASEAN/schema/{}-claims/1", shipped.slug)];
        assert_eq!(metadata::schema(&vct, &own), own.first());
        assert_eq!(metadata::schema(&vct, &[]), None, "a schema that is not the type's own");
        assert_eq!(vct["vct"], schema["properties"]["vct"]["const"]);
        found.push(shipped.slug);
    }
    assert_eq!(found, ["business-registration", "aeo-authorisation"]);
}

#[test]
fn an_authorised_operator_travels_as_claims_too() {
    let (schema, _) = shipped("aeo-authorisation").claims.expect("of this form too");
    let schema = json_of(schema);
    let example = json_of(shipped("aeo-authorisation").example);
    let mut claims = json!({
        "iss": "did:ubin:SG:CUSTOMS",
        "iat": 1_782_864_000,
        "exp": 1_790_726_400,
        "vct": "did:ubin:ASEAN/vct/aeo-authorisation/1",
        "status": {"status_list": {"idx": 5, "uri": "did:ubin:SG:CUSTOMS/status/5"}},
    });
    for (name, value) in example["credentialSubject"].as_object().expect("a subject") {
        let name = if name == "id" { "sub" } else { name };
        claims[name] = value.clone();
    }
    let judge = |claims: &Json| schema::evaluate(&schema, claims);
    assert_eq!(judge(&claims), Evaluation::Valid, "{claims}");
    for (name, value) in [
        ("id", json!("did:ubin:SG-UEN-209900001K-SU")),
        ("favouriteColour", json!("blue")),
        ("securityLevel", json!("FULL")),
        ("operatorRoles", json!([])),
        ("vct", json!("did:ubin:ASEAN/vct/business-registration/1")),
    ] {
        let mut bad = claims.clone();
        bad[name] = value;
        assert!(matches!(judge(&bad), Evaluation::Invalid(_)), "{name}");
    }
    for name in ["ubin", "programme", "authorisationNumber", "grantedOn", "status", "exp"] {
        let mut bad = claims.clone();
        bad.as_object_mut().expect("claims").remove(name);
        assert!(matches!(judge(&bad), Evaluation::Invalid(_)), "{name}");
    }
}
