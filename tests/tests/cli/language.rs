//! `--lang`: errors, statuses and verdicts in the official languages (ubin-api.md §13).

use std::collections::BTreeMap;

use super::{titian, titian_in};

const MISTYPED: &str = "SG-UEN-1994O3865N-G7";

/// The text of a message, from the data of the command line.
fn message(language: &str, name: &str) -> String {
    let path = format!("{}/../cli/data/messages/{language}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let messages: BTreeMap<String, String> = serde_json::from_str(&text).expect("messages");
    messages[name].clone()
}

#[test]
fn an_error_says_what_is_wrong_in_the_language_that_was_chosen() {
    for language in ["fil", "id", "km", "lo", "ms", "my", "pt", "ta", "tet", "th", "vi", "zh"] {
        let words = message(language, "UBIN_CHECK_FAILED");
        let ran = titian(&["ubin", "check", MISTYPED, "--lang", language]);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains(&words) && ran.stderr.contains("UBIN_CHECK_FAILED"), "{ran:?}");
        assert!(ran.stderr.contains("SG-UEN-199403865N-G7"), "the suggestion stays: {ran:?}");
        let json = titian(&["ubin", "check", MISTYPED, "--lang", language, "--json"]).json();
        let localized = &json["error"]["localized"];
        assert_eq!((&localized["lang"], &localized["message"]), (&language.into(), &words.into()));
    }
}

#[test]
fn a_name_is_explained_in_the_language_that_was_chosen() {
    let words = message("th", "UBIN_CHECK_FAILED");
    let ran = titian(&["explain", "UBIN_CHECK_FAILED", "--lang", "th"]);
    assert!(ran.stdout.contains(&words) && ran.stdout.contains("remedy: "), "{ran:?}");
    let json = titian(&["explain", "STALE", "--lang", "zh-Hans-SG", "--json"]).json();
    assert_eq!(json["meanings"][0]["localized"], message("zh", "STALE"));
    assert_eq!(json["meanings"][0]["name"], "STALE");
    // `active` of a transferable record is another word than ACTIVE of a business
    let json = titian(&["explain", "ACTIVE", "--lang", "vi", "--json"]).json();
    let words: Vec<_> =
        json["meanings"].as_array().expect("a list").iter().map(|m| &m["localized"]).collect();
    assert_eq!(words.len(), 2);
    assert_eq!((words[0], words[1]), (&message("vi", "ACTIVE").into(), &serde_json::Value::Null));
}

#[test]
fn english_is_the_default_and_an_unknown_language_lists_those_that_there_are() {
    let plain = titian(&["ubin", "check", MISTYPED]);
    let english = titian(&["ubin", "check", MISTYPED, "--lang", "en-SG"]);
    assert_eq!((plain.code, plain.stderr), (english.code, english.stderr));
    assert!(titian(&["ubin", "check", MISTYPED, "--json"]).json()["error"]["localized"].is_null());
    let ran = titian(&["explain", "STALE", "--lang", "xx"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for tag in ["en (English)", "fil (", "tet (", "zh ("] {
        assert!(ran.stderr.contains(tag), "{ran:?}");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ran = titian_in(folder.path(), &[("TITIAN_LANG", "ms")], &["ubin", "check", MISTYPED]);
    assert!(ran.stderr.contains(&message("ms", "UBIN_CHECK_FAILED")), "{ran:?}");
}
