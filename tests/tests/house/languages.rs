//! Messages of the UBIN register in every official language that the specification lists
//! (ubin-api.md §13): no name is left out, none is made up, and no text was put under another name.

use std::collections::{BTreeMap, BTreeSet};

use titian_contracts::error::Code;
use titian_contracts::ubin::vocabulary::Status;

use crate::assert_none;
use crate::source::{files, read};

/// The errors of all registers that an act or read of this one can meet: 1 to this number.
const EVERYWHERE_LAST: u16 = 28;

/// Quality marks, warnings and verdicts; errors and statuses come from the rules.
const WORDS: [&str; 15] = [
    "ANNULLED",
    "DUPLICATE",
    "CHALLENGED",
    "STALE",
    "CURRENT",
    "LOCAL_SHAPE_UNUSUAL",
    "ENTITY_TYPE_UNKNOWN",
    "NAME_SCRIPT_UNUSUAL",
    "ZAWGYI_SUSPECTED",
    "LEI_CHECKSUM",
    "GLN_CHECKSUM",
    "PEPPOL_ICD_UNKNOWN",
    "NATIONAL_CHECK_FAILED",
    "PROVEN",
    "NOT_PROVEN",
];

/// What a message must hold in every language: a number, or a word that is not translated.
const KEPT: [(&str, &str); 17] = [
    ("BUSY", "retryAfterMs"),
    ("PARTY_NOT_LIVE", "UBIN"),
    ("UBIN_TOO_LONG", "128"),
    ("UBIN_CHAR", "0-9"),
    ("UBIN_LOCAL_LENGTH", "24"),
    ("UBIN_UNKNOWN", "UBIN"),
    ("DISPLAY_ID_MISMATCH", "displayId"),
    ("NAME_NOT_NFC", "NFC"),
    ("EFFECTIVE_ORDER", "validFrom"),
    ("SMALL_CELL", "null"),
    ("SMALL_CELL_COMPLEMENT", "null"),
    ("SUCCESSION_TOO_LONG", "8"),
    ("OTHER", "Titian"),
    ("ZAWGYI_SUSPECTED", "Zawgyi"),
    ("LEI_CHECKSUM", "LEI"),
    ("GLN_CHECKSUM", "GLN"),
    ("PROVEN", "genesis"),
];

/// The letters of a language; `None` is Latin.
fn script(language: &str) -> Option<std::ops::RangeInclusive<char>> {
    Some(match language {
        "km" => '\u{1780}'..='\u{17FF}',
        "lo" => '\u{0E80}'..='\u{0EFF}',
        "my" => '\u{1000}'..='\u{109F}',
        "ta" => '\u{0B80}'..='\u{0BFF}',
        "th" => '\u{0E00}'..='\u{0E7F}',
        "zh" => '\u{4E00}'..='\u{9FFF}',
        _ => return None,
    })
}

/// The names that have messages.
fn names() -> BTreeSet<&'static str> {
    let of_register = |number| number <= EVERYWHERE_LAST || (200..300).contains(&number);
    let errors = Code::ALL.iter().filter(|code| of_register(code.number()));
    let statuses = Status::ALL.iter().map(|status| status.name());
    errors.map(|code| code.name()).chain(statuses).chain(WORDS).collect()
}

/// The official languages that the page lists, by state.
fn official() -> BTreeMap<String, Vec<String>> {
    let page = read("docs/spec/ubin-api.md");
    let (_, list) = page.split_once("in an official language: ").expect("the list of languages");
    let (list, _) = list.split_once('.').expect("the list ends");
    let state = |item: &str| {
        let (cc, tags) = item.trim().split_once(' ').expect("state and languages");
        (cc.to_owned(), tags.split(", ").map(str::to_owned).collect())
    };
    list.split(';').map(state).collect()
}

fn messages(language: &str) -> BTreeMap<String, String> {
    let text = read(&format!("cli/data/messages/{language}.json"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{language}: {error}"))
}

#[test]
fn every_message_of_the_ubin_register_exists_in_every_official_language() {
    let official = official();
    assert_eq!(official.len(), 11, "a state of ASEAN is left out: {official:?}");
    let english = "en".to_owned();
    let due: BTreeSet<&String> =
        official.values().flatten().filter(|tag| **tag != english).collect();
    let there: BTreeSet<String> = files(".json")
        .iter()
        .filter_map(|path| path.strip_prefix("cli/data/messages/")?.strip_suffix(".json"))
        .map(str::to_owned)
        .collect();
    assert_eq!(due, there.iter().collect(), "files and official languages");
    let names = names();
    assert_eq!(names.len(), 106);
    let mut faults = Vec::new();
    for language in due {
        let messages = messages(language);
        let known: BTreeSet<&str> = messages.keys().map(String::as_str).collect();
        faults.extend(names.difference(&known).map(|name| format!("{language}: no {name}")));
        faults
            .extend(known.difference(&names).map(|name| format!("{language}: {name} is no name")));
    }
    assert_none(faults, "messages and names");
}

#[test]
fn a_message_is_in_its_language_and_under_its_own_name() {
    let languages: BTreeSet<String> = official().into_values().flatten().collect();
    let mut faults = Vec::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for language in languages.iter().filter(|tag| *tag != "en") {
        let messages = messages(language);
        let distinct: BTreeSet<&String> = messages.values().collect();
        if distinct.len() != messages.len() {
            faults.push(format!("{language}: one text under two names"));
        }
        for (name, kept) in KEPT {
            if !messages.get(name).is_some_and(|text| text.contains(kept)) {
                faults.push(format!("{language}: {name} does not say {kept}"));
            }
        }
        for (name, text) in &messages {
            let letters = match script(language) {
                Some(script) => text.chars().filter(|c| script.contains(c)).count(),
                None => text.chars().filter(|c| c.is_alphabetic()).count(),
            };
            let foreign = script(language).is_none() && text.chars().any(|c| c > '\u{1EFF}');
            let size = text.chars().count();
            if letters < 4 || foreign || size > 200 || text.trim() != text {
                faults.push(format!("{language}: {name}"));
            }
            let english = Code::by_name(name).map(Code::meaning);
            if english.is_some_and(|english| text.eq_ignore_ascii_case(english)) {
                faults.push(format!("{language}: {name} is in English"));
            }
            texts.entry(name.clone()).or_default().insert(text.clone());
        }
    }
    // twelve languages: none was copied from another; Malay and Indonesian may agree
    faults.extend(
        texts.iter().filter(|(_, t)| t.len() < 11).map(|(name, t)| format!("{name}: {t:?}")),
    );
    assert_none(faults, "messages");
}
