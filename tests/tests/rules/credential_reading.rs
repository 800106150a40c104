//! Strict reading: hostile JSON, lists, keys, schemas, and the table of codes.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use titian_credential::codes::TABLE;
use titian_credential::json::{canonical, parse};
use titian_credential::schema::{self, Evaluation};
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, verify};
use titian_credential::{did, profiles, status};

use super::credential_fixture::NOW_MS;
use super::credential_scene::cases;

#[test]
pub fn vc_t12_hostile_json_is_refused_at_its_limit_and_not_before() {
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
pub fn the_code_table_is_the_published_one() {
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
    // what the program ships for people and for problem types is the same list
    let shipped: Json = serde_json::from_str(titian_credential::problem::CODES).expect("JSON");
    assert_eq!(shipped, published);
    assert_eq!(titian_credential::problem::all().len(), TABLE.len());
}

#[test]
pub fn vc_t02_bitstring_lists_decode_as_the_vectors_say_and_encode_back() {
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
pub fn vc_t12_inflating_stops_at_the_limit() {
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
pub fn multikeys_have_one_spelling() {
    let text = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
    let (algorithm, key) = did::parse_multikey(text).expect("a published key");
    assert_eq!(did::multikey(algorithm, &key), text);
    for broken in ["", "z", "x6Mk", "z16MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"] {
        assert!(did::parse_multikey(broken).is_none(), "{broken}");
    }
}

#[test]
pub fn the_shipped_example_matches_its_schema_and_small_changes_do_not() {
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

#[test]
pub fn every_keyword_that_the_linter_allows_is_evaluated() {
    let text = |schema: Json, value: Json| schema::evaluate(&schema, &value);
    for (schema, good, bad) in [
        (json!({"pattern": "^[A-Z]{2}\\d+$"}), json!("SG17"), json!("sg17")),
        (json!({"pattern": "^[\\w-]+$"}), json!("a_b-c"), json!("a b")),
        (json!({"pattern": "b"}), json!("abc"), json!("xyz")),
        (json!({"uniqueItems": true}), json!([1, "1"]), json!([{"a": 1}, {"a": 1}])),
        (json!({"oneOf": [{"minimum": 3}, {"maximum": 5}]}), json!(7), json!(4)),
        (json!({"not": {"const": "x"}}), json!("y"), json!("x")),
        (json!({"enum": ["a", 1]}), json!(1), json!("b")),
        (json!({"type": ["string", "null"]}), Json::Null, json!(1)),
    ] {
        assert_eq!(text(schema.clone(), good), Evaluation::Valid, "{schema}");
        assert!(matches!(text(schema.clone(), bad), Evaluation::Invalid(_)), "{schema}");
    }
    // digits are those of ASCII, as in the language that patterns are written in
    let digits = json!({"pattern": "^\\d$"});
    assert!(matches!(text(digits, json!("\u{661}")), Evaluation::Invalid(_)));
    for unclear in ["(?=a)", "\\bword", "[", "a{1000000}"] {
        assert_eq!(text(json!({"pattern": unclear}), json!("x")), Evaluation::Limit, "{unclear}");
    }
    let hostile = json!({"pattern": "^(a+)+$"});
    let long = json!("a".repeat(50_000) + "b");
    assert!(matches!(text(hostile, long), Evaluation::Invalid(_)));
}

#[test]
pub fn bounds_of_a_schema_hold_for_fractions_to_the_last_digit() {
    let judge = |keyword: &str, limit: Json, value: Json| -> bool {
        match schema::evaluate(&json!({ keyword: limit }), &value) {
            Evaluation::Valid => true,
            Evaluation::Invalid(_) => false,
            Evaluation::Limit => panic!("{keyword} is known"),
        }
    };
    for (less, more) in [
        (json!(0), json!(0.000_001)),
        (json!(-0.5), json!(0)),
        (json!(-2), json!(-1.75)),
        (json!(-1e300), json!(-1e-300)),
        (json!(0.1), json!(0.11)),
        (json!(2.5), json!(10)),
        (json!(99.999), json!(100)),
        (json!(u64::MAX), json!(1e20)),
        (json!(i64::MIN), json!(i64::MIN + 1)),
        (json!(u64::MAX - 1), json!(u64::MAX)),
    ] {
        for keyword in ["minimum", "exclusiveMinimum"] {
            assert!(judge(keyword, less.clone(), more.clone()), "{more} {keyword} {less}");
            assert!(!judge(keyword, more.clone(), less.clone()), "{less} {keyword} {more}");
        }
        for keyword in ["maximum", "exclusiveMaximum"] {
            assert!(judge(keyword, more.clone(), less.clone()), "{less} {keyword} {more}");
            assert!(!judge(keyword, less.clone(), more.clone()), "{more} {keyword} {less}");
        }
    }
    for (one, same) in [(json!(1), json!(1.0)), (json!(0), json!(-0.0)), (json!(1e3), json!(1000))]
    {
        assert!(
            judge("minimum", one.clone(), same.clone())
                && judge("maximum", one.clone(), same.clone())
        );
        assert!(!judge("exclusiveMinimum", one.clone(), same.clone()));
        assert!(!judge("exclusiveMaximum", one, same));
    }
    // a bound says nothing of what is no number, and must itself be one
    assert!(judge("minimum", json!(1), json!("0")));
    assert_eq!(schema::evaluate(&json!({"minimum": "1"}), &json!(2)), Evaluation::Limit);
}
