//! Acts on types, schemas and contexts: each precondition broken in turn.

use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::encode_base64;

use super::credential_scene::{ROOT, Scene, texts};

pub fn resource(owner: &str, kind: &str, name: &str, version: i64, text: &str) -> Value {
    Value::object([
        ("owner", Value::from(owner)),
        ("kind", Value::from(kind)),
        ("name", Value::from(name)),
        ("version", Value::Int(version)),
        ("bytes", Value::from(encode_base64(text.as_bytes()))),
    ])
}

pub const SCHEMA: &str = r#"{"type":"object","additionalProperties":false,
 "properties":{"grade":{"type":"string","x-titian-class":"public"}}}"#;
pub const CONTEXT: &str = r#"{"@context":{"@protected":true,"id":"@id","type":"@type",
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
    // only an SD-JWT VC can be bound to a key, and this type has no metadata for one
    scene.refused(act, good().with("keyBinding", Value::Bool(true)), ROOT, Code::FieldLimit);
    scene.refused(act, good().with("keyBinding", Value::Int(1)), ROOT, Code::Malformed);
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
