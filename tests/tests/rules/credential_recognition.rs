//! Recognition between states: each precondition broken in turn, and what verdicts make of it.

use proptest::prelude::*;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::governance::recognition::{
    Recognition, RecognitionIndex, Standing, recognition_index_key, recognition_key,
};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::decode_content;
use titian_contracts::time::rfc3339;
use titian_credential::verdict::{Check, Policy, Verdict};
use titian_credential::verify::Request;
use titian_tests::world::outcome_of;

use super::credential_fixture::{code, issued, only, verdict_of};
use super::credential_scene::{Scene, cases, object, texts};

const MY: &[(&str, u64)] = &[("MY", 1), ("MY", 2)];

fn entry(name: &str) -> Value {
    Value::object([
        ("by", Value::from("MY")),
        ("of", Value::from("SG")),
        ("name", Value::from(name)),
        ("scope", Value::from("credential")),
        ("types", texts(&["BusinessRegistration"])),
        ("issuerClasses", texts(&["registrar"])),
        (
            "agreement",
            Value::object([
                ("title", Value::from("Mutual recognition arrangement")),
                ("reference", Value::from("example")),
                ("documentSha256", Value::from(format!("sha256:{}", "0".repeat(64)).as_str())),
            ]),
        ),
        ("from", Value::from("2025-01-01")),
    ])
}

fn declare(entry: Value) -> Value {
    Value::object([("entry", entry)])
}

fn change(version: i64, reason: Option<&str>) -> Value {
    let args =
        Value::object([("id", Value::from("MY/SG/mra-2025")), ("version", Value::Int(version))]);
    match reason {
        Some(reason) => args.with("reason", Value::from(reason)),
        None => args,
    }
}

fn must(scene: &mut Scene, act: &str, args: Value) {
    let done = scene.world.act(Register::Gov, act, args, MY);
    assert!(done.is_ok(), "{act}: {done:?}");
}

fn refused(scene: &mut Scene, act: &str, args: Value, signers: &[(&str, u64)], code: Code) {
    let before = scene.world.state.0.clone();
    let got = scene.world.act(Register::Gov, act, args, signers).map(|_| ()).map_err(Code::name);
    assert_eq!(got, Err(code.name()), "{act}");
    assert!(before == scene.world.state.0, "{act} was refused but changed state");
}

fn stored(scene: &Scene) -> Recognition {
    let key = recognition_key("MY", "SG", "mra-2025");
    decode_content(&scene.world.state.0[&key].content).expect("an entry")
}

#[test]
pub fn each_broken_precondition_of_a_declaration_gives_its_error() {
    let mut scene = Scene::new();
    let good = || entry("mra-2025");
    let mut no = |args: Value, signers: &[(&str, u64)], code| {
        refused(&mut scene, "recognition_declare", args, signers, code);
    };
    no(declare(good()), &[("SG", 1), ("SG", 2)], Code::NotOwner);
    no(declare(good()), &[("MY", 1)], Code::QuorumMissing);
    no(declare(good()), &[("MY:SSM", 1)], Code::QuorumMissing);
    no(declare(good().with("of", Value::from("MY"))), MY, Code::RecognitionExists);
    for (name, value, code) in [
        ("by", Value::from("MY:SSM"), Code::Malformed),
        ("of", Value::from("ASEAN"), Code::Malformed),
        ("scope", Value::from("both"), Code::Malformed),
        ("from", Value::from("2025-02-30"), Code::Malformed),
        ("until", Value::from("2024-12-31"), Code::FieldLimit),
        ("until", Value::from("2025-01-01"), Code::FieldLimit),
        ("name", Value::from("Not A Name"), Code::FieldLimit),
        ("types", texts(&[]), Code::FieldLimit),
        ("types", texts(&["*", "BusinessRegistration"]), Code::FieldLimit),
        ("types", texts(&["A", "A"]), Code::Malformed),
        ("issuerClasses", texts(&["nobody"]), Code::FieldLimit),
        ("schemes", texts(&["UEN"]), Code::Malformed),
        ("unheardOf", Value::from(true), Code::Malformed),
    ] {
        no(declare(good().with(name, value)), MY, code);
    }
    must(&mut scene, "recognition_declare", declare(good()));
    refused(&mut scene, "recognition_declare", declare(good()), MY, Code::RecognitionExists);
    let entry = stored(&scene);
    assert_eq!((entry.standing, entry.version), (Standing::Recognised, 1));
    let index = &scene.world.state.0[&recognition_index_key("MY")].content;
    let index: RecognitionIndex = decode_content(index).expect("an index");
    assert_eq!(index.names, ["SG/mra-2025"]);
    let schemes = Value::object([
        ("by", Value::from("MY")),
        ("of", Value::from("SG")),
        ("name", Value::from("ubin-2025")),
        ("scope", Value::from("ubin")),
        ("schemes", texts(&["*"])),
        ("agreement", good().get("agreement").expect("there").clone()),
        ("from", Value::from("2025-01-01")),
        ("until", Value::from("2030-01-01")),
    ]);
    must(&mut scene, "recognition_declare", declare(schemes));
}

#[test]
pub fn each_broken_precondition_of_a_change_gives_its_error() {
    let mut scene = Scene::new();
    must(&mut scene, "recognition_declare", declare(entry("mra-2025")));
    let suspend = "recognition_suspend";
    let why = Some("agreement_paused");
    refused(&mut scene, suspend, change(1, why), &[("SG", 1), ("SG", 2)], Code::NotOwner);
    refused(&mut scene, suspend, change(1, why), &[("MY", 1)], Code::QuorumMissing);
    let other = change(1, why).with("id", Value::from("MY/SG/none"));
    refused(&mut scene, suspend, other, MY, Code::UnknownRecognition);
    let broken = change(1, why).with("id", Value::from("MY/SG"));
    refused(&mut scene, suspend, broken, MY, Code::Malformed);
    refused(&mut scene, suspend, change(2, why), MY, Code::VersionConflict);
    refused(&mut scene, suspend, change(1, None), MY, Code::ReasonRequired);
    refused(&mut scene, "recognition_resume", change(1, None), MY, Code::BadTransition);
    must(&mut scene, suspend, change(1, why));
    refused(&mut scene, suspend, change(1, why), MY, Code::VersionConflict);
    refused(&mut scene, suspend, change(2, why), MY, Code::BadTransition);
    refused(&mut scene, "recognition_resume", change(2, why), MY, Code::Malformed);
    must(&mut scene, "recognition_resume", change(2, None));
    must(&mut scene, "recognition_withdraw", change(3, Some("ended")));
    assert_eq!(stored(&scene).standing, Standing::Withdrawn);
    for act in [suspend, "recognition_withdraw"] {
        refused(&mut scene, act, change(4, why), MY, Code::BadTransition);
    }
    refused(&mut scene, "recognition_resume", change(4, None), MY, Code::BadTransition);
    // governance acts of later releases say so
    let standard = Value::object([("id", Value::from("wco-dm"))]);
    refused(&mut scene, "standard_set", standard, MY, Code::NotBuilt);
}

#[test]
pub fn the_published_declaration_op_is_accepted_and_not_replayable() {
    let mut scene = Scene::new();
    let args = object(
        r#"{"entry":{"agreement":{"documentSha256":"sha256:50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c","reference":"example","title":"AEO mutual recognition arrangement"},"by":"MY","from":"2025-01-01","issuerClasses":["customs"],"name":"aeo-2024","of":"SG","scope":"credential","types":["AEOAuthorisation"]}}"#,
    );
    let op = scene.world.sign(&scene.world.op(Register::Gov, "recognition_declare", args), MY);
    assert!(outcome_of(scene.world.run(&op)).is_ok());
    let before = scene.world.state.0.clone();
    assert_eq!(outcome_of(scene.world.run(&op)).map(|_| ()), Err(Code::RecognitionExists));
    assert!(before == scene.world.state.0);
    let key = recognition_key("MY", "SG", "aeo-2024");
    let entry: Recognition = decode_content(&scene.world.state.0[&key].content).expect("an entry");
    let digest = Digest::parse_with(
        "sha256:",
        "sha256:50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c",
    );
    assert_eq!(Some(Digest(entry.agreement_sha256)), digest);
}

fn abroad(scene: &Scene, credential: &serde_json::Value) -> Verdict {
    let mut request = Request::new(Policy::Ledger);
    request.jurisdiction = Some("MY".to_owned());
    verdict_of(scene, credential, &request)
}

#[test]
pub fn a_credential_counts_abroad_while_the_other_state_recognises_its_issuers() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    only(&abroad(&scene, &credential), Check::Recognition, "NOT_RECOGNISED");
    for (name, value) in [
        ("types", texts(&["AEOAuthorisation"])),
        ("issuerClasses", texts(&["customs"])),
        ("of", Value::from("TH")),
    ] {
        let other = entry(&format!("other-{}", name.to_lowercase())).with(name, value);
        must(&mut scene, "recognition_declare", declare(other));
        only(&abroad(&scene, &credential), Check::Recognition, "NOT_RECOGNISED");
    }
    must(&mut scene, "recognition_declare", declare(entry("mra-2025")));
    let verdict = abroad(&scene, &credential);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(code(&verdict, Check::Recognition), "RECOGNISED");
    let detail = &verdict.check(Check::Recognition).expect("there").detail;
    assert_eq!(detail["entry"], "MY/SG/mra-2025");
    must(&mut scene, "recognition_suspend", change(1, Some("paused")));
    only(&abroad(&scene, &credential), Check::Recognition, "RECOGNITION_SUSPENDED");
    must(&mut scene, "recognition_resume", change(2, None));
    assert!(abroad(&scene, &credential).verified());
    must(&mut scene, "recognition_withdraw", change(3, Some("ended")));
    only(&abroad(&scene, &credential), Check::Recognition, "NOT_RECOGNISED");
}

#[test]
pub fn recognition_counts_at_signing_and_now() {
    let mut scene = Scene::new();
    let day = |ms: u64| rfc3339(ms)[..10].to_owned();
    let until = day(scene.world.time_ms + 2 * 86_400_000);
    let limited = entry("mra-2025").with("until", Value::from(until.as_str()));
    must(&mut scene, "recognition_declare", declare(limited));
    let credential = issued(&scene, 1);
    assert!(abroad(&scene, &credential).verified());
    scene.world.time_ms += 3 * 86_400_000;
    only(&abroad(&scene, &credential), Check::Recognition, "RECOGNITION_EXPIRED");
    // a later entry does not reach back to the time of signing
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    scene.world.time_ms += 2 * 86_400_000;
    let from = day(scene.world.time_ms);
    let later = entry("mra-2025").with("from", Value::from(from.as_str()));
    must(&mut scene, "recognition_declare", declare(later));
    only(&abroad(&scene, &credential), Check::Recognition, "RECOGNITION_EXPIRED");
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn random_changes_follow_a_plain_model(steps in prop::collection::vec((0_usize..3, 0_i64..4), 1..12)) {
        let mut scene = Scene::bare();
        must(&mut scene, "recognition_declare", declare(entry("mra-2025")));
        let (mut standing, mut version) = (Standing::Recognised, 1_i64);
        for (act, ahead) in steps {
            let quoted = version + ahead - 1;
            let (name, reason) = [
                ("recognition_suspend", Some("paused")),
                ("recognition_resume", None),
                ("recognition_withdraw", Some("ended")),
            ][act];
            let next = match (act, standing) {
                (0, Standing::Recognised) => Some(Standing::Suspended),
                (1, Standing::Suspended) => Some(Standing::Recognised),
                (2, Standing::Recognised | Standing::Suspended) => Some(Standing::Withdrawn),
                _ => None,
            }
            .filter(|_| quoted == version);
            let done = scene.world.act(Register::Gov, name, change(quoted, reason), MY).is_ok();
            prop_assert_eq!(done, next.is_some());
            if let Some(next) = next {
                standing = next;
                version += 1;
            }
            let entry = stored(&scene);
            prop_assert_eq!((entry.standing, entry.version as i64), (standing, version));
        }
    }
}
