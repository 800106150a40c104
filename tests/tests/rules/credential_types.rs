//! Acts on types, schemas and contexts: each precondition broken in turn.

use serde_json::{Map, Value as Json, json};
use titian_contracts::credential::linter::{BIOMETRIC_WORDS, PERSONAL_WORDS, lint_schema};
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

/// What the linter says of a schema whose one property is a leaf: whether it is personal.
fn lint_leaf(name: &str, leaf: &Json) -> Result<bool, Code> {
    let schema = json!({"type": "object", "additionalProperties": false,
        "properties": { name: leaf }});
    let linted = lint_schema(schema.to_string().as_bytes());
    linted.map(|linted| linted.personal).map_err(|reject| reject.code)
}

#[test]
fn vc_t13_every_word_of_the_linter_is_found_in_every_spelling() {
    let judge = |name: &str, class: &str| {
        lint_leaf(name, &json!({"type": "string", "x-titian-class": class}))
    };
    let spellings = |word: &str| {
        let (first, rest) = word.split_at(1);
        let (capital, upper) = (format!("{}{rest}", first.to_uppercase()), word.to_uppercase());
        [
            word.to_owned(),
            format!("{word}s"),
            format!("{word}2"),
            format!("{word}Value"),
            format!("the_{word}_value"),
            format!("the-{word}"),
            format!("holder{capital}"),
            format!("holder{upper}"),
            format!("{upper}Value"),
            format!("{upper}_VALUE"),
            capital,
            upper,
        ]
    };
    for word in PERSONAL_WORDS {
        for name in spellings(word) {
            assert_eq!(judge(&name, "public"), Err(Code::PersonalField), "{name}");
            assert_eq!(judge(&name, "registry"), Err(Code::PersonalField), "{name}");
            assert_eq!(judge(&name, "personal"), Ok(true), "{name}");
        }
    }
    for word in BIOMETRIC_WORDS {
        for name in spellings(word) {
            for class in ["public", "registry", "personal"] {
                assert_eq!(judge(&name, class), Err(Code::BiometricField), "{name} {class}");
            }
        }
    }
    for name in
        ["percentage", "messageText", "surface", "interfaceURL", "trace", "HSCode", "grading"]
    {
        assert_eq!(judge(name, "public"), Ok(false), "{name}");
    }
}

#[test]
fn vc_t13_no_text_of_a_schema_holds_data_of_persons() {
    let texts = ["default", "const", "description", "title", "$comment", "x-note"];
    for (said, expected) in [
        ("12345678", Ok(false)),
        ("123456789", Err(Code::PersonalDataSuspected)),
        ("a@example", Err(Code::PersonalDataSuspected)),
    ] {
        for keyword in texts {
            let leaf = json!({"type": "string", "x-titian-class": "public", keyword: said});
            assert_eq!(lint_leaf("grade", &leaf), expected, "{keyword} {said}");
        }
        for keyword in ["enum", "examples", "x-notes"] {
            let leaf = json!({"type": "string", "x-titian-class": "public", keyword: ["A", said]});
            assert_eq!(lint_leaf("grade", &leaf), expected, "{keyword} {said}");
        }
    }
}

#[test]
fn vc_t12_a_schema_passes_at_each_limit_and_not_beyond() {
    let lint = |schema: &Json| {
        lint_schema(schema.to_string().as_bytes()).map(|_| ()).map_err(|reject| reject.code)
    };
    let leaf = || json!({"type": "string", "x-titian-class": "public"});
    let object = |properties: Map<String, Json>| json!({"type": "object", "additionalProperties": false, "properties": properties});
    let combining = |count: usize| {
        let either = json!({"anyOf": [{"type": "string"}], "x-titian-class": "public"});
        object((0..count).map(|i| (format!("p{i}x"), either.clone())).collect())
    };
    assert_eq!(lint(&combining(64)), Ok(()));
    assert_eq!(lint(&combining(65)), Err(Code::SchemaLimit));
    let nested = |levels: usize| {
        (0..levels).fold(leaf(), |inner, _| json!({"type": "array", "items": inner}))
    };
    assert_eq!(lint(&nested(8)), Ok(()));
    assert_eq!(lint(&nested(9)), Err(Code::SchemaLimit));
    // references that multiply: ten each on seven levels
    let mut defs = Map::new();
    for level in 0..7 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        let ten = object((0..10).map(|i| (format!("p{i}x"), next.clone())).collect());
        defs.insert(format!("d{level}"), ten);
    }
    defs.insert("d7".to_owned(), leaf());
    let bomb = json!({"$ref": "#/$defs/d0", "$defs": defs});
    assert_eq!(lint(&bomb), Err(Code::SchemaLimit));
    let one = json!({"$ref": "#/$defs/d7", "$defs": {"d7": leaf()}});
    assert_eq!(lint(&one), Ok(()));
}
