//! The acts of register `vc`: each precondition broken in turn, the invariants of vc.md §5.7 under
//! random acts, and the history of status entries.

use std::collections::BTreeMap;

use proptest::prelude::*;
use titian_contracts::credential::bits::{self, HistoryFault, StatusAt};
use titian_contracts::credential::{
    self, Accreditation, AccreditationStatus, Resource, ResourceKind, chain,
};
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::op::{Op, Register, encode_base64};
use titian_contracts::state::{Overlay, decode_content};
use titian_contracts::transaction::Transaction;
use titian_tests::world::World;

use super::credential_scene::{
    ACRA, CUSTOMS, ROOT, Scene, UNTIL_MS, cases, change, grant, list, object, set, texts,
};

#[test]
fn each_broken_precondition_of_a_grant_gives_its_error() {
    let mut scene = Scene::bare();
    let mut refused = |args: Value, signers: &[(&str, u64)], code| {
        scene.refused("accreditation_grant", args, signers, code);
    };
    let good = || grant("SG:ACRA", 1);
    refused(good(), &[("MY", 1), ("MY", 2)], Code::NotOwner);
    refused(good(), &[("SG", 1)], Code::QuorumMissing);
    refused(grant("SG:NOBODY", 1), ROOT, Code::NotOwner);
    refused(grant("MY:SSM", 1), ROOT, Code::NotOwner);
    refused(grant("sg:acra", 1), ROOT, Code::DidInvalid);
    refused(grant("SG:ACRA", 2), ROOT, Code::VersionConflict);
    refused(grant("SG:ACRA", 0), ROOT, Code::VersionConflict);
    let missing_parent = good().with("parent", Value::from("SG:ACRA/acc/9"));
    refused(missing_parent, ACRA, Code::ParentNotActive);
    refused(good().with("jurisdictions", texts(&["MY"])), ROOT, Code::NotNarrower);
    refused(good().with("depth", Value::Int(4)), ROOT, Code::DepthExceeded);
    refused(good().with("types", texts(&["NoSuchType"])), ROOT, Code::UnknownType);
    refused(good().with("types", texts(&[])), ROOT, Code::FieldLimit);
    refused(good().with("rights", texts(&[])), ROOT, Code::FieldLimit);
    refused(good().with("jurisdictions", texts(&[])), ROOT, Code::FieldLimit);
    refused(good().with("issuerClass", Value::from("friend")), ROOT, Code::FieldLimit);
    refused(good().with("untilMs", Value::Int(1_700_000_000_000)), ROOT, Code::FieldLimit);
    refused(good().with("rights", texts(&["issue", "issue"])), ROOT, Code::Malformed);
    refused(good().with("extra", Value::Int(1)), ROOT, Code::Malformed);
}

#[test]
fn a_grant_below_another_is_narrower_and_needs_its_active_parent() {
    let mut scene = Scene::bare();
    let top = grant("SG:ACRA", 1).with("rights", texts(&["accredit", "issue"]));
    scene.not_replayable("accreditation_grant", top, ROOT);
    let below = || {
        grant("SG:CUSTOMS", 1)
            .with("parent", Value::from("SG:ACRA/acc/1"))
            .with("rights", texts(&["issue"]))
            .with("depth", Value::Int(1))
    };
    let act = "accreditation_grant";
    scene.refused(act, below(), CUSTOMS, Code::QuorumMissing);
    scene.refused(act, below().with("rights", texts(&["use"])), ACRA, Code::NotNarrower);
    scene.refused(act, below().with("fromMs", Value::Int(1)), ACRA, Code::NotNarrower);
    scene.refused(act, below().with("untilMs", Value::Int(UNTIL_MS + 1)), ACRA, Code::NotNarrower);
    scene.refused(act, below().with("depth", Value::Int(2)), ACRA, Code::DepthExceeded);
    scene.must("accreditation_suspend", change("SG:ACRA/acc/1", 1), ROOT);
    scene.refused(act, below(), ACRA, Code::ParentNotActive);
    scene.must("accreditation_reinstate", change("SG:ACRA/acc/1", 2), ROOT);
    scene.must(act, below(), ACRA);
    // SG:CUSTOMS has no right to accredit
    let third = grant("SG:ACRA", 2)
        .with("parent", Value::from("SG:CUSTOMS/acc/1"))
        .with("rights", texts(&["issue"]))
        .with("depth", Value::Int(0));
    scene.refused(act, third.clone(), CUSTOMS, Code::ParentNotActive);
    scene.refused(act, third, &[("SG:CUSTOMS", 2)], Code::ScopeDenied);
}

#[test]
fn each_broken_precondition_of_suspension_and_revocation_gives_its_error() {
    let mut scene = Scene::new();
    let id = "SG:CUSTOMS/acc/1";
    let (suspend, reinstate, revoke) =
        ("accreditation_suspend", "accreditation_reinstate", "accreditation_revoke");
    let revocation =
        |version| change(id, version).with("effectiveMs", Value::Int(1_750_000_000_000));
    scene.refused(suspend, change(id, 1), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(suspend, change(id, 1), &[("SG:CUSTOMS", 2)], Code::ScopeDenied);
    scene.refused(suspend, change(id, 1), &[("SG", 1)], Code::QuorumMissing);
    scene.refused(suspend, change("SG:CUSTOMS/acc/2", 1), ACRA, Code::UnknownAccreditation);
    scene.refused(suspend, change(id, 2), ACRA, Code::VersionConflict);
    scene.refused(suspend, change(id, 1), CUSTOMS, Code::NotAncestor);
    scene.refused(reinstate, change(id, 1), ACRA, Code::BadTransition);
    scene.refused(suspend, change(id, 1).without("reason"), ACRA, Code::ReasonRequired);
    let odd = change(id, 1).with("reason", Value::from("weather"));
    scene.refused(suspend, odd, ACRA, Code::Malformed);
    scene.not_replayable(suspend, change(id, 1), ACRA);
    scene.refused(suspend, change(id, 2), ACRA, Code::BadTransition);
    // the root stands above every link
    scene.not_replayable(reinstate, change(id, 2).without("reason"), ROOT);
    assert_eq!(scene.accreditation("SG:CUSTOMS", 1).suspensions.len(), 1);
    let future = revocation(3).with("effectiveMs", Value::Int(1_800_000_000_000));
    scene.refused(revoke, future, ACRA, Code::FutureEffective);
    scene.refused(revoke, revocation(3).without("reason"), ACRA, Code::ReasonRequired);
    scene.refused(revoke, revocation(3).without("effectiveMs"), ACRA, Code::Malformed);
    scene.not_replayable(revoke, revocation(3), ACRA);
    for act in [suspend, reinstate] {
        scene.refused(act, change(id, 4), ROOT, Code::BadTransition);
    }
    scene.refused(revoke, revocation(4), ROOT, Code::BadTransition);
    let entry = scene.accreditation("SG:CUSTOMS", 1);
    assert_eq!(entry.status, AccreditationStatus::Revoked);
    assert_eq!(entry.effective_ms, 1_750_000_000_000);
}

#[test]
fn suspensions_beyond_the_limit_become_one_that_spans_both() {
    let mut scene = Scene::new();
    let id = "SG:CUSTOMS/acc/1";
    let kept = i64::try_from(credential::SUSPENSIONS_KEPT_MAX).expect("small");
    for round in 0..=kept {
        scene.must("accreditation_suspend", change(id, 1 + 2 * round), ROOT);
        if round == 0 {
            scene.world.time_ms += 5_000;
        }
        scene.must("accreditation_reinstate", change(id, 2 + 2 * round), ROOT);
    }
    let entry = scene.accreditation("SG:CUSTOMS", 1);
    assert_eq!(entry.suspensions.len(), credential::SUSPENSIONS_KEPT_MAX);
    let (from, until) = entry.suspensions[0];
    assert_eq!(until - from, 8_000, "two suspensions of 6 s and 1 s with 1 s between them");
}

fn resource(owner: &str, kind: &str, name: &str, version: i64, text: &str) -> Value {
    Value::object([
        ("owner", Value::from(owner)),
        ("kind", Value::from(kind)),
        ("name", Value::from(name)),
        ("version", Value::Int(version)),
        ("bytes", Value::from(encode_base64(text.as_bytes()))),
    ])
}

const SCHEMA: &str = r#"{"type":"object","additionalProperties":false,
 "properties":{"grade":{"type":"string","x-titian-class":"public"}}}"#;
const CONTEXT: &str = r#"{"@context":{"@protected":true,"id":"@id","type":"@type",
 "Grade":"did:ubin:SG/context/grade/1#Grade","grade":"did:ubin:SG/context/grade/1#grade"}}"#;

#[test]
fn each_broken_precondition_of_resource_publish_gives_its_error() {
    let mut scene = Scene::bare();
    let act = "resource_publish";
    let schema = |text: &str| resource("SG", "jsonSchema", "grade", 1, text);
    let context = |text: &str| resource("SG", "jsonldContext", "grade", 1, text);
    scene.refused(act, schema(SCHEMA), &[("MY", 1), ("MY", 2)], Code::NotOwner);
    scene.refused(act, schema(SCHEMA), &[("SG", 1)], Code::QuorumMissing);
    let regional = resource("ASEAN", "jsonSchema", "grade", 1, SCHEMA);
    scene.refused(act, regional, ROOT, Code::NotOwner);
    let second = resource("SG", "jsonSchema", "grade", 2, SCHEMA);
    scene.refused(act, second.clone(), ROOT, Code::VersionConflict);
    scene.refused(act, schema("{\"a\":1,\"a\":2}"), ROOT, Code::Malformed);
    let long = format!("{SCHEMA}{}", " ".repeat(40 * 1024));
    scene.refused(act, schema(&long), ROOT, Code::FieldLimit);

    let leaf = |name: &str, rule: &str| {
        format!(
            r#"{{"type":"object","additionalProperties":false,"properties":{{"{name}":{rule}}}}}"#
        )
    };
    let public = r#"{"type":"string","x-titian-class":"public"}"#;
    for (text, code) in [
        (leaf("grade", r#"{"type":"string"}"#), Code::ClassMissing),
        (leaf("grade", r#"{"type":"string","x-titian-class":"secret"}"#), Code::ClassMissing),
        (leaf("dateOfBirth", public), Code::PersonalField),
        (leaf("passport_number", public), Code::PersonalField),
        (
            leaf("irisScan", r#"{"type":"string","x-titian-class":"personal"}"#),
            Code::BiometricField,
        ),
        (
            leaf("grade", r#"{"const":"a@example.org","x-titian-class":"public"}"#),
            Code::PersonalDataSuspected,
        ),
        (
            leaf("grade", r#"{"enum":["880101145566"],"x-titian-class":"public"}"#),
            Code::PersonalDataSuspected,
        ),
        (SCHEMA.replace("false", "true"), Code::SchemaLimit),
        (leaf("grade", r##"{"$ref":"#/$defs/missing"}"##), Code::SchemaLimit),
        (leaf("grade", r#"{"$ref":"https://example.org/schema"}"#), Code::SchemaLimit),
        (
            leaf("grade", r#"{"type":"string","pattern":"(?=a)a","x-titian-class":"public"}"#),
            Code::SchemaLimit,
        ),
        (
            leaf("grade", r#"{"type":"string","pattern":"(a)\\1","x-titian-class":"public"}"#),
            Code::SchemaLimit,
        ),
        (
            leaf("grade", r#"{"type":"string","dependentSchemas":{},"x-titian-class":"public"}"#),
            Code::SchemaLimit,
        ),
        (
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"$ref":"#/$defs/a"}}}}"##
                .to_owned(),
            Code::SchemaLimit,
        ),
    ] {
        scene.refused(act, schema(&text), ROOT, code);
    }
    for (text, code) in [
        (CONTEXT.replace("\"@protected\":true,", ""), Code::ContextKeyword),
        (
            CONTEXT.replace("\"id\":", "\"@vocab\":\"https://example.org/\",\"id\":"),
            Code::ContextKeyword,
        ),
        (
            CONTEXT.replace("\"id\":", "\"@import\":\"https://example.org/\",\"id\":"),
            Code::ContextKeyword,
        ),
        (CONTEXT.replace("did:ubin:SG/context/grade/1#grade", "grade"), Code::ContextKeyword),
        (
            CONTEXT.replace(
                "\"grade\":",
                "\"issuer\":{\"@id\":\"urn:x:y\",\"@reverse\":\"a\"},\"grade\":",
            ),
            Code::ContextKeyword,
        ),
        (CONTEXT.replace("\"grade\":", "\"name\":"), Code::TermRedefined),
        (CONTEXT.replace("\"id\":\"@id\"", "\"id\":\"@type\""), Code::TermRedefined),
    ] {
        scene.refused(act, context(&text), ROOT, code);
    }
    scene.not_replayable(act, schema(SCHEMA), ROOT);
    scene.refused(act, schema(SCHEMA), ROOT, Code::ResourceExists);
    scene.must(act, second, ROOT);
    scene.must(act, context(CONTEXT), ROOT);
}

#[test]
fn of_several_faults_the_first_in_the_documented_order_is_reported() {
    let mut scene = Scene::bare();
    let text = r#"{"type":"object","properties":{"face":{"type":"string","x-titian-class":"public"},
      "birth":{"type":"string","x-titian-class":"public"},"z":{"type":"string"}}}"#;
    let mut text = text.to_owned();
    for (remove, code) in [
        (r#","z":{"type":"string"}"#, Code::ClassMissing),
        (r#""birth":{"type":"string","x-titian-class":"public"}"#, Code::PersonalField),
        (r#""face":{"type":"string","x-titian-class":"public"},"#, Code::BiometricField),
    ] {
        let args = resource("SG", "jsonSchema", "grade", 1, &text);
        scene.refused("resource_publish", args, ROOT, code);
        text = text.replace(remove, if code == Code::PersonalField { r#""x":false"# } else { "" });
    }
    let args = resource("SG", "jsonSchema", "grade", 1, &text);
    scene.refused("resource_publish", args, ROOT, Code::SchemaLimit);
}

#[test]
fn each_broken_precondition_of_types_and_marks_gives_its_error() {
    let mut scene = Scene::bare();
    scene.must("resource_publish", resource("SG", "jsonSchema", "grade", 1, SCHEMA), ROOT);
    scene.must("resource_publish", resource("SG", "jsonldContext", "grade", 1, CONTEXT), ROOT);
    let good = || {
        Value::object([
            ("owner", Value::from("SG")),
            ("name", Value::from("Grade")),
            ("schemas", texts(&["SG/schema/grade/1"])),
            ("contexts", texts(&["SG/context/grade/1"])),
            ("naturalPersonData", Value::Bool(false)),
            ("singleUse", Value::Bool(false)),
            ("profiles", texts(&["revocation"])),
            ("validityMaxDays", Value::Int(30)),
        ])
    };
    let act = "type_publish";
    scene.refused(act, good(), &[("MY", 1), ("MY", 2)], Code::NotOwner);
    scene.refused(act, good(), &[("SG", 2)], Code::QuorumMissing);
    let regional = good().with("name", Value::from("BusinessRegistration"));
    scene.refused(act, regional, ROOT, Code::TypeExists);
    let missing = texts(&["SG/schema/grade/2"]);
    scene.refused(act, good().with("schemas", missing), ROOT, Code::UnknownResource);
    let wrong_kind = texts(&["SG/schema/grade/1"]);
    scene.refused(act, good().with("contexts", wrong_kind), ROOT, Code::UnknownResource);
    let personal = Value::Bool(true);
    scene.refused(act, good().with("naturalPersonData", personal), ROOT, Code::ClassMismatch);
    scene.refused(act, good().with("name", Value::from("grade")), ROOT, Code::FieldLimit);
    scene.refused(act, good().with("schemas", texts(&[])), ROOT, Code::FieldLimit);
    scene.refused(act, good().with("validityMaxDays", Value::Int(4_384)), ROOT, Code::FieldLimit);
    scene.not_replayable(act, good(), ROOT);

    let id = |text: &str| Value::object([("id", Value::from(text))]);
    for (act, known, unknown, code) in [
        ("type_deprecate", "SG/Grade", "SG/Mark", Code::UnknownType),
        ("resource_deprecate", "SG/schema/grade/1", "SG/schema/grade/7", Code::UnknownResource),
    ] {
        scene.refused(act, id(known), &[("SG", 1)], Code::QuorumMissing);
        scene.refused(act, id(unknown), ROOT, code);
        scene.not_replayable(act, id(known), ROOT);
    }
}

#[test]
fn each_broken_precondition_of_list_create_gives_its_error() {
    let mut scene = Scene::new();
    let act = "list_create";
    let good = || list("SG:ACRA", 3, "suspension");
    let with = |name: &str, value: Value| good().with(name, value);
    scene.refused(act, good(), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(act, good(), CUSTOMS, Code::QuorumMissing);
    scene.refused(act, with("types", texts(&["Grade"])), ACRA, Code::RightMissing);
    scene.refused(act, list("SG:ACRA", 4, "suspension"), ACRA, Code::VersionConflict);
    scene.refused(act, list("SG:ACRA", 2, "suspension"), ACRA, Code::VersionConflict);
    scene.refused(act, with("statusSize", Value::Int(2)), ACRA, Code::StatusValue);
    scene.refused(act, with("entries", Value::Int(131_073)), ACRA, Code::StatusValue);
    scene.refused(act, with("entries", Value::Int(65_536)), ACRA, Code::StatusValue);
    scene.refused(act, with("entries", Value::Int(2_097_152)), ACRA, Code::StatusValue);
    scene.refused(act, with("uri", Value::from("http://example.org/1")), ACRA, Code::FieldLimit);
    scene.refused(act, with("untilMs", Value::Int(3_000_000_000_000)), ACRA, Code::FieldLimit);
    scene.refused(act, with("untilMs", Value::Int(1)), ACRA, Code::FieldLimit);
    scene.refused(act, with("types", texts(&[])), ACRA, Code::FieldLimit);
    scene.refused(act, with("profile", Value::from("mood")), ACRA, Code::Malformed);
    let uri = Value::from("https://example.org/lists/3");
    scene.not_replayable(act, with("uri", uri.clone()), ACRA);
    let same_uri = list("SG:ACRA", 4, "suspension").with("uri", uri);
    scene.refused(act, same_uri, ACRA, Code::FieldLimit);
    // a revoked issuer makes no more lists (I9)
    let revocation = change("SG:ACRA/acc/1", 1).with("effectiveMs", Value::Int(1));
    scene.must("accreditation_revoke", revocation, ROOT);
    scene.refused(act, list("SG:ACRA", 4, "suspension"), ACRA, Code::RightMissing);
}

#[test]
fn each_broken_precondition_of_list_set_gives_its_error() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "use"), CUSTOMS);
    let act = "list_set";
    let id = "SG:ACRA/status/1";
    scene.refused(act, set(id, 0, &[[5, 0, 1, 0]]), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(act, set(id, 0, &[[5, 0, 1, 0]]), CUSTOMS, Code::QuorumMissing);
    let use_list = set("SG:CUSTOMS/status/1", 0, &[[5, 0, 1, 0]]);
    scene.refused(act, use_list.clone(), &[("SG:CUSTOMS", 2)], Code::ScopeDenied);
    scene.refused(act, set("SG:ACRA/status/9", 0, &[[5, 0, 1, 0]]), ACRA, Code::UnknownList);
    scene.refused(act, use_list, CUSTOMS, Code::UseList);
    scene.refused(act, set(id, 1, &[[5, 0, 1, 0]]), ACRA, Code::VersionConflict);
    scene.refused(act, set(id, 0, &[]), ACRA, Code::ChangeLimit);
    let many: Vec<[i64; 4]> = (0..2_501).map(|i| [i, 0, 1, 0]).collect();
    scene.refused(act, set(id, 0, &many), ACRA, Code::ChangeLimit);
    scene.refused(act, set(id, 0, &[[131_072, 0, 1, 0]]), ACRA, Code::StatusIndexRange);
    scene.refused(act, set(id, 0, &[[5, 0, 1, 0], [5, 1, 0, 0]]), ACRA, Code::StatusIndexRange);
    scene.refused(act, set(id, 0, &[[5, 0, 2, 0]]), ACRA, Code::StatusValue);
    scene.refused(act, set(id, 0, &[[5, 0, 0, 0]]), ACRA, Code::StatusValue);
    scene.refused(act, set(id, 0, &[[5, 1, 0, 0]]), ACRA, Code::StatusConflict);
    scene.refused(act, set(id, 0, &[[5, 0, 1, 7]]), ACRA, Code::Malformed);
    scene.not_replayable(act, set(id, 0, &many[..2_500]), ACRA);
    scene.refused(act, set(id, 1, &[[5, 0, 1, 0]]), ACRA, Code::StatusConflict);
    scene.refused(act, set(id, 1, &[[5, 1, 0, 0]]), ACRA, Code::StatusIrreversible);
    // a refresh bit may go back, and only the owner sets it
    let refresh = "SG:ACRA/status/2";
    scene.must(act, set(refresh, 0, &[[5, 0, 1, 2]]), ACRA);
    scene.must(act, set(refresh, 1, &[[5, 1, 0, 0]]), ACRA);
    scene.refused(act, set(refresh, 2, &[[5, 0, 1, 0]]), ROOT, Code::QuorumMissing);
    // the root stands above the owner and may revoke for it
    scene.must(act, set(id, 1, &[[9_000, 0, 1, 5]]), ROOT);
    assert_eq!(scene.list("SG:ACRA", 1).version, 2);
}

#[test]
fn who_stands_above_an_issuer_may_revoke_in_its_place() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "revocation"), CUSTOMS);
    scene.must("list_set", set("SG:CUSTOMS/status/1", 0, &[[1, 0, 1, 4]]), ACRA);
    scene.refused(
        "list_set",
        set("SG:ACRA/status/1", 0, &[[1, 0, 1, 4]]),
        CUSTOMS,
        Code::QuorumMissing,
    );
}

#[test]
fn lists_of_natural_persons_carry_no_reason() {
    let mut scene = Scene::bare();
    let personal = SCHEMA.replace("public", "personal");
    scene.must("resource_publish", resource("SG", "jsonSchema", "grade", 1, &personal), ROOT);
    scene.must("resource_publish", resource("SG", "jsonldContext", "grade", 1, CONTEXT), ROOT);
    let entry = object(
        r#"{"owner":"SG","name":"Grade","schemas":["SG/schema/grade/1"],
        "contexts":["SG/context/grade/1"],"naturalPersonData":true,"singleUse":false,
        "profiles":["revocation"],"validityMaxDays":30}"#,
    );
    scene.must("type_publish", entry, ROOT);
    let types = texts(&["Grade"]);
    scene.must("accreditation_grant", grant("SG:ACRA", 1).with("types", types.clone()), ROOT);
    scene.must("list_create", list("SG:ACRA", 1, "revocation").with("types", types), ACRA);
    let id = "SG:ACRA/status/1";
    scene.refused("list_set", set(id, 0, &[[5, 0, 1, 1]]), ACRA, Code::ReasonForbidden);
    scene.must("list_set", set(id, 0, &[[5, 0, 1, 0]]), ACRA);
}

#[test]
fn each_broken_precondition_of_list_retire_gives_its_error() {
    let mut scene = Scene::new();
    let retire = |list: &str| Value::object([("list", Value::from(list))]);
    let id = "SG:ACRA/status/1";
    scene.refused("list_retire", retire(id), CUSTOMS, Code::QuorumMissing);
    scene.refused("list_retire", retire("SG:ACRA/status/9"), ACRA, Code::UnknownList);
    scene.world.time_ms = u64::try_from(UNTIL_MS).expect("positive");
    scene.refused("list_retire", retire(id), ACRA, Code::ListInUse);
    scene.not_replayable("list_retire", retire(id), ACRA);
    scene.refused("list_retire", retire(id), ACRA, Code::ListRetired);
    scene.refused("list_set", set(id, 0, &[[5, 0, 1, 0]]), ACRA, Code::ListRetired);
}

fn use_args(index: i64, seq: i64) -> Value {
    Value::object([
        ("list", Value::from("SG:CUSTOMS/status/1")),
        ("index", Value::Int(index)),
        ("seq", Value::Int(seq)),
    ])
}

#[test]
fn each_broken_precondition_of_single_use_gives_its_error() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "use"), CUSTOMS);
    // Malaysia's registrar holds the right to use the type
    let foreign =
        grant("MY:SSM", 1).with("parent", Value::from("MY")).with("jurisdictions", texts(&["MY"]));
    scene.must("accreditation_grant", foreign, &[("MY", 1), ("MY", 2)]);
    let ssm: &[(&str, u64)] = &[("MY:SSM", 1)];
    let (lodge, utilise, release, cancel) =
        ("use_lodge", "use_utilise", "use_release", "use_cancel");
    let other = use_args(1, 0).with("list", Value::from("SG:ACRA/status/1"));
    scene.refused(lodge, other, ssm, Code::UnknownList);
    scene.refused(lodge, use_args(131_072, 0), ssm, Code::StatusIndexRange);
    scene.refused(lodge, use_args(1, 0), &[("TH:DBD", 1)], Code::RightMissing);
    scene.refused(lodge, use_args(1, 0), &[("SG", 1), ("SG", 2)], Code::QuorumMissing);
    scene.refused(lodge, use_args(1, 1), ssm, Code::VersionConflict);
    scene.refused(utilise, use_args(1, 0), ssm, Code::StatusConflict);
    scene.not_replayable(lodge, use_args(1, 0), ssm);
    scene.refused(lodge, use_args(1, 1), ACRA, Code::StatusConflict);
    scene.refused(utilise, use_args(1, 1), ACRA, Code::NotLodger);
    scene.refused(release, use_args(1, 1), ACRA, Code::NotLodger);
    scene.refused(cancel, use_args(1, 1), CUSTOMS, Code::StatusConflict);
    scene.refused(cancel, use_args(2, 0), ssm, Code::NotOwner);
    scene.must(release, use_args(1, 1), ssm);
    // the old lodging cannot be replayed although the value is 0 again
    scene.refused(lodge, use_args(1, 0), ssm, Code::VersionConflict);
    scene.must(lodge, use_args(1, 2), ssm);
    scene.must(utilise, use_args(1, 3), ssm);
    for act in [lodge, utilise, release] {
        scene.refused(act, use_args(1, 4), ssm, Code::StatusConflict);
    }
    scene.must(cancel, use_args(2, 0), CUSTOMS);
    scene.refused(lodge, use_args(2, 1), ssm, Code::StatusConflict);
}

#[test]
fn of_two_states_that_lodge_one_entry_in_one_block_the_first_wins() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "use"), CUSTOMS);
    let foreign =
        grant("MY:SSM", 1).with("parent", Value::from("MY")).with("jurisdictions", texts(&["MY"]));
    scene.must("accreditation_grant", foreign, &[("MY", 1), ("MY", 2)]);
    let world = &mut scene.world;
    let op = world.op(Register::Vc, "use_lodge", use_args(7, 0));
    let both = [("MY:SSM", 1), ("SG:ACRA", 1)]
        .map(|signer| World::transaction(&world.sign(&op, &[signer])));
    let receipts = world.run_transactions(&both);
    let codes: Vec<_> =
        receipts.iter().map(|receipt| receipt.error.as_ref().map(|e| e.0)).collect();
    assert_eq!(codes, [None, Some(Code::VersionConflict.number())]);
}

#[test]
fn each_broken_precondition_of_an_anchor_gives_its_error() {
    let mut scene = Scene::new();
    let root = format!("b3:{}", "7".repeat(64));
    let anchor = |issuer: &str, n: i64, size: i64| {
        Value::object([
            ("issuer", Value::from(issuer)),
            ("n", Value::Int(n)),
            ("root", Value::from(root.as_str())),
            ("sizeLog2", Value::Int(size)),
        ])
    };
    let act = "anchor_submit";
    scene.refused(act, anchor("SG:ACRA", 1, 6), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(act, anchor("MY:SSM", 1, 6), &[("MY:SSM", 1)], Code::RightMissing);
    scene.refused(act, anchor("SG:ACRA", 2, 6), ACRA, Code::VersionConflict);
    scene.refused(act, anchor("SG:ACRA", 1, 5), ACRA, Code::AnchorSize);
    scene.refused(act, anchor("SG:ACRA", 1, 21), ACRA, Code::AnchorSize);
    scene.not_replayable(act, anchor("SG:ACRA", 1, 6), ACRA);
    scene.must(act, anchor("SG:ACRA", 2, 20), ACRA);
}

#[test]
fn the_published_list_set_op_has_its_digest_and_transaction_id() {
    let file = include_str!("../../data/vc/list_set_op.json");
    let data: serde_json::Value = serde_json::from_str(file).expect("JSON");
    let text = data["op"].as_str().expect("the op's text");
    let value = json::parse_canonical(text.as_bytes()).expect("canonical");
    let op = Op::from_value(value.clone()).expect("an op");
    assert_eq!(op.digest.to_string(), data["opDigest"].as_str().expect("text"));
    let bytes = Transaction::encode("op", Register::Vc, value);
    let id = Transaction::parse(&bytes).expect("a transaction").id;
    assert_eq!(id.to_string(), data["transaction"].as_str().expect("text"));
}

/// What a list must tell, written down plainly: (height, index) of each change.
#[derive(Default)]
struct Model {
    changes: Vec<(u64, u64, u8)>,
}

impl Model {
    fn at(&self, index: u64, height: u64) -> (u8, Option<u64>) {
        self.changes
            .iter()
            .rfind(|(h, i, _)| *h <= height && *i == index)
            .map_or((0, None), |(h, _, value)| (*value, Some(*h)))
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn status_at_every_height_equals_a_plain_model(
        blocks in prop::collection::vec(prop::collection::vec((0_u64..6, 0_u8..4), 1..4), 1..12),
    ) {
        // few indices, on both sides of a chunk border, so that they collide often
        let indices = [0_u64, 1, 4_095, 4_096, 8_191, 131_071];
        let mut scene = Scene::new();
        scene.must("list_create", list("SG:ACRA", 3, "message"), ACRA);
        let (mut model, mut version) = (Model::default(), 0);
        let first = scene.world.height;
        for block in &blocks {
            let height = scene.world.height + 1;
            let mut transactions = Vec::new();
            for (pick, new) in block {
                let index = indices[usize::try_from(*pick).expect("small")];
                let (old, _) = model.at(index, height);
                if old == *new {
                    continue;
                }
                let numbers = [i64::try_from(index).expect("small"), i64::from(old), i64::from(*new), 0];
                let op = scene.world.op(
                    Register::Vc, "list_set", set("SG:ACRA/status/3", version, &[numbers]));
                transactions.push(World::transaction(&scene.world.sign(&op, ACRA)));
                model.changes.push((height, index, *new));
                version += 1;
            }
            let receipts = scene.world.run_transactions(&transactions);
            prop_assert!(receipts.iter().all(|receipt| receipt.error.is_none()));
        }
        for height in first..=scene.world.height {
            for index in indices {
                let got = bits::status_at(&scene.world.state, "SG:ACRA", 3, index, height)
                    .expect("history is whole");
                let (value, since) = model.at(index, height);
                prop_assert_eq!(got, StatusAt { value, since, reason: 0 });
            }
        }
        let before = bits::status_at(&scene.world.state, "SG:ACRA", 3, 0, first - 1);
        prop_assert_eq!(before, Err(HistoryFault::NoList));
    }

    #[test]
    fn a_damaged_delta_is_noticed(flip in 0_usize..30) {
        let mut scene = Scene::new();
        for version in 0..3 {
            let change = [version, 0, 1, 0];
            scene.must("list_set", set("SG:ACRA/status/1", version, &[change]), ACRA);
        }
        let height = scene.world.height;
        let key = credential::delta_key("SG:ACRA", 1, 0, height - 1);
        let stored = scene.world.state.0.get_mut(&key).expect("the delta before the last");
        let at = 1 + flip % (stored.content.len() - 1);
        stored.content[at] ^= 1;
        let got = bits::status_at(&scene.world.state, "SG:ACRA", 1, 0, height - 2);
        prop_assert_eq!(got, Err(HistoryFault::Broken));
    }
}

/// A random act by random keys.
#[derive(Clone, Debug)]
struct Step {
    act: usize,
    grantee: usize,
    parent: usize,
    signer: usize,
    number: i64,
    bits: u8,
    bump: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_usize..7, 0_usize..3, 0_usize..5, 0_usize..6, 1_i64..4, any::<u8>(), 0_i64..2);
    let step = step.prop_map(|(act, grantee, parent, signer, number, bits, bump)| Step {
        act,
        grantee,
        parent,
        signer,
        number,
        bits,
        bump,
    });
    prop::collection::vec(step, 1..60)
}

impl Step {
    fn run(&self, scene: &mut Scene) -> bool {
        let parties = ["SG:ACRA", "SG:CUSTOMS", "MY:SSM"];
        let parents = ["SG", "SG:ACRA/acc/1", "SG:CUSTOMS/acc/1", "SG:ACRA/acc/2", "MY"];
        let signers: [&[(&str, u64)]; 6] =
            [ROOT, ACRA, CUSTOMS, &[("MY", 1), ("MY", 2)], &[("MY:SSM", 1)], &[("SG:CUSTOMS", 2)]];
        let grantee = parties[self.grantee];
        let id = format!("{grantee}/acc/{}", self.number);
        let stored = scene
            .world
            .state
            .0
            .get(&credential::accreditation_key(grantee, self.number.unsigned_abs()));
        let version = stored
            .and_then(|stored| decode_content::<Accreditation>(&stored.content))
            .map_or(1, |entry| i64::try_from(entry.version).expect("small"));
        let (act, args) = match self.act {
            0 | 1 => {
                let all = ["accredit", "issue", "use"];
                let rights: Vec<&str> =
                    (0..3).filter(|i| self.bits >> i & 1 == 1).map(|i| all[i]).collect();
                let cc = if self.bits & 8 == 0 { &parents[self.parent][..2] } else { "TH" };
                let args = grant(grantee, self.number)
                    .with("parent", Value::from(parents[self.parent]))
                    .with("rights", texts(&rights))
                    .with("jurisdictions", texts(&[cc]))
                    .with("depth", Value::Int(i64::from(self.bits >> 4) % 4))
                    .with("untilMs", Value::Int(UNTIL_MS - i64::from(self.bits)));
                ("accreditation_grant", args)
            }
            2 => ("accreditation_suspend", change(&id, version + self.bump)),
            3 => ("accreditation_reinstate", change(&id, version + self.bump)),
            4 => {
                let args = change(&id, version).with("effectiveMs", Value::Int(1_700_000_000_001));
                ("accreditation_revoke", args)
            }
            5 => ("list_create", list(grantee, self.number, "revocation")),
            _ => {
                let key = credential::list_key(grantee, 1);
                let version = scene.world.state.0.get(&key).map_or(0, |stored| {
                    let list: credential::StatusList =
                        decode_content(&stored.content).expect("a list");
                    i64::try_from(list.version).expect("small")
                });
                let index = i64::from(self.bits >> 6);
                let (old, new) = if self.bits & 1 == 0 { (0, 1) } else { (1, 0) };
                let id = format!("{grantee}/status/1");
                ("list_set", set(&id, version, &[[index, old, new, 0]]))
            }
        };
        scene.act(act, args, signers[self.signer]).is_ok()
    }
}

/// All accreditations in state.
fn accreditations(scene: &Scene) -> BTreeMap<String, Accreditation> {
    let mut found = BTreeMap::new();
    for grantee in ["SG:ACRA", "SG:CUSTOMS", "MY:SSM"] {
        for n in 1..=20 {
            let key = credential::accreditation_key(grantee, n);
            if let Some(stored) = scene.world.state.0.get(&key) {
                let entry = decode_content(&stored.content).expect("an accreditation");
                found.insert(credential::accreditation_id(grantee, n), entry);
            }
        }
    }
    found
}

/// I1 and I2, told from state alone.
fn check_narrow_and_sovereign(all: &BTreeMap<String, Accreditation>) {
    for (id, entry) in all {
        assert_eq!(entry.grantee[..2], entry.grantor[..2], "{id} crosses a border");
        let Some(parent) = all.get(&entry.parent) else {
            assert_eq!(entry.parent, entry.grantee[..2], "{id} hangs in the air");
            assert_eq!(entry.jurisdictions, [entry.parent.clone()]);
            continue;
        };
        assert_eq!(parent.grantee, entry.grantor);
        assert!(entry.rights.iter().all(|right| parent.rights.contains(right)), "{id}");
        assert!(entry.types.iter().all(|name| parent.types.contains(name)), "{id}");
        assert!(entry.jurisdictions.iter().all(|cc| parent.jurisdictions.contains(cc)), "{id}");
        assert!(entry.from_ms >= parent.from_ms && entry.until_ms <= parent.until_ms, "{id}");
        assert!(entry.depth < parent.depth, "{id}");
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn random_acts_by_random_keys_keep_the_invariants(steps in steps()) {
        let mut scene = Scene::bare();
        let mut revoked_links: BTreeMap<String, Accreditation> = BTreeMap::new();
        let mut revoked_bits: Vec<(String, u64)> = Vec::new();
        let mut resources = None;
        for step in steps {
            step.run(&mut scene);
            let all = accreditations(&scene);
            check_narrow_and_sovereign(&all);
            // a revoked link stays as it is
            for (id, entry) in &revoked_links {
                prop_assert_eq!(all.get(id), Some(entry));
            }
            revoked_links.extend(all.iter()
                .filter(|(_, entry)| entry.status == AccreditationStatus::Revoked)
                .map(|(id, entry)| (id.clone(), entry.clone())));
            // I9: below a link that is not active nothing counts
            let overlay = Overlay::new(&scene.world.state);
            for entry in all.values() {
                let active = chain::chain_active(&overlay, entry, scene.world.time_ms);
                let mut link = Some(entry);
                let mut whole = true;
                while let Some(at) = link {
                    whole &= at.status == AccreditationStatus::Active;
                    link = all.get(&at.parent);
                }
                prop_assert_eq!(active, whole);
            }
            // I4
            for owner in ["SG:ACRA", "SG:CUSTOMS", "MY:SSM"] {
                for index in 0..4 {
                    let now = bits::status_at(
                        &scene.world.state, owner, 1, index, scene.world.height);
                    let key = (owner.to_owned(), index);
                    let set = now.is_ok_and(|status| status.value == 1);
                    prop_assert!(set || !revoked_bits.contains(&key), "{:?} came back", key);
                    if set {
                        revoked_bits.push(key);
                    }
                }
            }
            // I3
            let key = credential::resource_key(
                "ASEAN", ResourceKind::JsonSchema, "business-registration", 1);
            let bytes = decode_content::<Resource>(&scene.world.state.0[&key].content)
                .expect("a resource").bytes;
            prop_assert_eq!(resources.get_or_insert_with(|| bytes.clone()), &bytes);
        }
    }
}
