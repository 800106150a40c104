//! Keys and scores of names (ubin-api.md §8): the published queries, and what holds for any text.

use proptest::prelude::*;
use serde_json::Value as Json;
use titian_contracts::error::Code;
use titian_contracts::ubin::name_key::forms::LegalForms;
use titian_contracts::ubin::name_key::score::{Comparable, PART_MAX, SCORE_MAX, score};
use titian_contracts::ubin::name_key::{NameKeys, k0, k1, keys};
use titian_contracts::ubin::unicode::UNICODE_VERSION;
use titian_genesis::{Genesis, GenesisError};
use titian_tests::world::World;

const QUERIES: &[u8] = include_bytes!("../../data/ubin/names_search.json");
const RECORDS: &str = include_str!("../../data/ubin/asean_lei.ndjson");

fn compared(name: &str, countries: &[String]) -> Comparable {
    Comparable::from(&keys(name, &LegalForms::genesis().of_countries(countries)))
}

/// Key, country and name of every record that the queries are about.
fn records() -> Vec<(String, String, String)> {
    let file: Json = serde_json::from_slice(QUERIES).expect("JSON");
    let text = |value: &Json, name: &str| value[name].as_str().expect("a text").to_owned();
    let records = RECORDS.lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
    let records = records.map(|r| (text(&r, "lei"), text(&r, "country"), text(&r, "name")));
    let fixtures = file["fixtures"].as_array().expect("a list");
    let fixtures = fixtures.iter().map(|f| (text(f, "id"), text(f, "country"), text(f, "name")));
    records.chain(fixtures).collect()
}

#[test]
fn t15_every_score_of_the_published_queries_is_reproduced() {
    let file: Json = serde_json::from_slice(QUERIES).expect("JSON");
    let records = records();
    let names: Vec<Comparable> = records
        .iter()
        .map(|(_, country, name)| compared(name, std::slice::from_ref(country)))
        .collect();
    let mut asked = 0;
    for query in file["queries"].as_array().expect("a list") {
        let text = query["q"].as_str().expect("a text");
        let expected = query["expect"].as_str();
        for countries in
            [Vec::new(), query["country"].as_str().map(str::to_owned).into_iter().collect()]
        {
            let q = compared(text, &countries);
            // over every record, not only over those that an index finds
            let best = names.iter().map(|name| score(&q, name)).max().expect("records");
            match expected {
                Some(key) => {
                    let at = records.iter().position(|(of, ..)| of == key).expect("a record");
                    let due = query["score"].as_u64().expect("a score");
                    assert_eq!(u64::from(score(&q, &names[at])), due, "{text}");
                    assert_eq!(u64::from(best), due, "{text}");
                }
                None => assert!(best < 600, "{text}: {best}"),
            }
        }
        asked += 1;
    }
    assert_eq!(asked, 124);
}

/// The distance by its definition: the shortest way over all edits, each place edited once.
fn distance_by_definition(q: &[char], n: &[char]) -> usize {
    match (q, n) {
        (_, []) => q.len(),
        ([], _) => n.len(),
        ([a, q_rest @ ..], [b, n_rest @ ..]) => {
            let replaced = distance_by_definition(q_rest, n_rest) + usize::from(a != b);
            let dropped = distance_by_definition(q_rest, n) + 1;
            let added = distance_by_definition(q, n_rest) + 1;
            let swapped = match (q_rest, n_rest) {
                ([a2, q_rest @ ..], [b2, n_rest @ ..]) if a == b2 && a2 == b => {
                    distance_by_definition(q_rest, n_rest) + 1
                }
                _ => usize::MAX,
            };
            replaced.min(dropped).min(added).min(swapped)
        }
    }
}

/// The score by its definition, from keys.
fn score_by_definition(q: &NameKeys, n: &NameKeys) -> u32 {
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    let left =
        |lost: usize, of: usize| 1000 - u32::try_from(1000 * lost / of.max(1)).expect("≤ 1000");
    let full = |q: &[char], n: &[char]| left(distance_by_definition(q, n), q.len().max(n.len()));
    let (q0, n0) = (chars(&q.k0), chars(&n.k0));
    let windows = (0..=n0.len()).flat_map(|from| (from..=n0.len()).map(move |to| from..to));
    let nearest = windows.map(|window| distance_by_definition(&q0, &n0[window])).min();
    let part = if q0.len() < 4 { 0 } else { 9 * left(nearest.expect("one"), q0.len()) / 10 };
    let sorted = |key: &str| {
        let mut words: Vec<&str> = key.split(' ').collect();
        words.sort_unstable();
        chars(&words.join(" "))
    };
    let sorted = 9 * full(&sorted(&q.k0), &sorted(&n.k0)) / 10;
    let keys = [(&q.k1, &n.k1), (&q.k0, &n.k0), (&q.core, &n.core)];
    let fulls = keys.map(|(q, n)| full(&chars(q), &chars(n)));
    fulls.into_iter().chain([part, sorted]).max().expect("five")
}

/// Letters and marks of the region in any order.
const MIXED: &str = r"[a-zA-Z \u{0E01}\u{0E31}-\u{0E4E}\u{0E81}\u{0EB1}-\u{0ECD}\u{1780}-\u{17DD}\u{1000}-\u{109F}&.]{2,24}";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Short texts over few letters, so that most edits occur: the score is the documented one.
    #[test]
    fn t15_the_score_is_that_of_the_definition(q in "[abé ]{1,6}", n in "[abé ]{0,7}") {
        let forms = LegalForms::genesis().of_country("XX");
        let (q, n) = (keys(&q, &forms), keys(&n, &forms));
        let found = score(&Comparable::from(&q), &Comparable::from(&n));
        prop_assert_eq!(found, score_by_definition(&q, &n));
    }

    /// Any text has keys: single words apart by one space, none in capitals, the same each time.
    #[test]
    fn t15_any_text_has_keys_of_words(name in any::<String>()) {
        let forms = LegalForms::genesis();
        let found = keys(&name, &forms.of_countries(&[]));
        let k1_words: Vec<&str> = found.k1.split_whitespace().collect();
        prop_assert_eq!(k1_words.join(" "), found.k1.as_str());
        for key in [&found.k1, &found.k0, &found.core] {
            prop_assert!(!key.chars().any(|c| c.is_ascii_uppercase() || c.is_control()));
        }
        prop_assert_eq!(&found.k1, &k1(&name));
        prop_assert_eq!(&found.k0, &k0(&found.k1));
        prop_assert!(found.k0.is_empty() || !found.core.is_empty());
    }

    /// Text of the region in any order of marks: total, and a name is like itself.
    #[test]
    fn t15_a_name_is_like_itself_and_scores_stay_in_range(
        name in MIXED,
        other in MIXED,
    ) {
        let (a, b) = (compared(&name, &[]), compared(&other, &[]));
        prop_assert_eq!(score(&a, &a), SCORE_MAX);
        prop_assert!(score(&a, &b) <= SCORE_MAX && PART_MAX < SCORE_MAX);
    }
}

#[test]
fn a_genesis_that_names_other_unicode_tables_is_refused() {
    let file = String::from_utf8(World::new().genesis.to_bytes()).expect("JSON");
    let member = |version: &str| format!("\"unicodeVersion\":\"{version}\"");
    assert!(file.contains(&member(UNICODE_VERSION)), "it names those of the rules");
    Genesis::parse(file.as_bytes()).expect("as it was made");
    for version in ["13.0.0", "15.1.0", "14.0", ""] {
        let other = file.replace(&member(UNICODE_VERSION), &member(version));
        match Genesis::parse(other.as_bytes()) {
            Err(GenesisError::Form { reject, .. }) => {
                assert_eq!(reject.code, Code::Malformed, "{version}");
                assert_eq!(reject.field, "/unicodeVersion", "{version}");
            }
            other => panic!("{version}: {:?}", other.map(|genesis| genesis.chain)),
        }
    }
}
