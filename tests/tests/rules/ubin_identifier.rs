//! The identifier against its published vectors, an independent check, and every single error
//! that it promises to catch (ubin-api.md §14 T1 to T3; ubin-schemes.md §8 S1 to S3, S5, S8).

use proptest::prelude::*;
use titian_contracts::json::{self, Value};
use titian_contracts::ubin::identifier::{
    Ubin, check_characters, make, parse, renderings, resolve_candidates, squeeze,
};
use titian_contracts::ubin::pattern::{Pattern, value_of};
use titian_contracts::ubin::scheme::{Scheme, SchemeEntry, SchemeTable};
use titian_contracts::ubin::{reference, text};

const VECTORS: &[u8] = include_bytes!("../../data/ubin/ubin_vectors.json");
const NATIONAL_IDS: &[u8] = include_bytes!("../../data/ubin/national_ids.json");
const LEI_RECORDS: &str = include_str!("../../data/ubin/asean_lei.ndjson");
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A small random number generator (SplitMix64) whose seed a failing test prints.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn string(&mut self, alphabet: &[u8], chars_max: usize) -> String {
        let length = self.below(chars_max + 1);
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

fn vectors(name: &str) -> Vec<Value> {
    let vectors = json::parse(VECTORS).expect("the vectors are JSON");
    vectors.get(name).and_then(Value::as_list).expect("a list of vectors").to_vec()
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_text).unwrap_or_else(|| panic!("member {name}"))
}

fn texts_of<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    let list = value.get(name).and_then(Value::as_list).unwrap_or_else(|| panic!("list {name}"));
    list.iter().filter_map(Value::as_text).collect()
}

fn national_ids() -> Vec<Value> {
    let ids = json::parse(NATIONAL_IDS).expect("the numbers are JSON");
    ids.get("ids").and_then(Value::as_list).expect("a list of numbers").to_vec()
}

/// MOD 1271-36 from its definition: the number written in base 36 is congruent to 1, and the check
/// lies between 2 and 1272. Powers are taken from the right; nothing is shared with the crate.
fn independent_check(data: &str) -> String {
    let mut sum: u64 = 0;
    let mut power: u64 = 36 * 36;
    for byte in data.bytes().rev() {
        let value = ALPHABET.iter().position(|a| *a == byte).expect("of the alphabet") as u64;
        sum = (sum + value * (power % 1271)) % 1271;
        power = power % 1271 * 36;
    }
    let check = (2..=1272).find(|r| (sum + r) % 1271 == 1).expect("every residue has one");
    let digit = |n: u64| char::from(ALPHABET[n as usize]);
    [digit(check / 36), digit(check % 36)].iter().collect()
}

#[test]
fn check_vectors_reproduce() {
    for vector in vectors("check") {
        let due = text_of(&vector, "check");
        assert_eq!(check_characters(text_of(&vector, "data")).as_deref(), Some(due));
    }
}

#[test]
fn accepted_vectors_reproduce_byte_for_byte() {
    let table = SchemeTable::genesis();
    let vectors = vectors("valid");
    assert_eq!(vectors.len(), 98);
    for vector in vectors {
        let input = text_of(&vector, "input");
        let found = parse(input, &table).unwrap_or_else(|e| panic!("{input}: {e:?}"));
        assert_eq!(found.ubin.to_string(), text_of(&vector, "ubin"), "{input}");
        assert_eq!(found.ubin.cc, text_of(&vector, "cc"), "{input}");
        assert_eq!(found.ubin.scheme, text_of(&vector, "scheme"), "{input}");
        assert_eq!(found.ubin.local, text_of(&vector, "local"), "{input}");
        assert_eq!(found.ubin.check(), text_of(&vector, "check"), "{input}");
        assert_eq!(found.national_check.name(), text_of(&vector, "nationalCheck"), "{input}");
        assert_eq!(found.warnings, texts_of(&vector, "warnings"), "{input}");
    }
}

#[test]
fn refused_vectors_give_their_error_and_suggestions_in_order() {
    let table = SchemeTable::genesis();
    let vectors = vectors("invalid");
    assert_eq!(vectors.len(), 36);
    for vector in vectors {
        let input = text_of(&vector, "input");
        let error = parse(input, &table).expect_err(input);
        assert_eq!(error.code.name(), text_of(&vector, "error"), "{input}");
        assert_eq!(error.suggestions, texts_of(&vector, "suggestions"), "{input}");
    }
}

/// The genesis table with the domain that the rendering vectors assume.
fn table_with_domains() -> SchemeTable {
    let text =
        String::from_utf8(include_bytes!("../../../contracts/profiles/ubin/schemes.json").to_vec());
    let text = text
        .expect("UTF-8")
        .replace("\"registerDomain\": null", "\"registerDomain\": \"register.example\"");
    SchemeTable::read(text.as_bytes()).expect("the table with domains reads")
}

#[test]
fn renderings_reproduce_and_are_absent_without_their_codes() {
    let table = table_with_domains();
    for vector in vectors("renderings") {
        let ubin = Ubin::parse_canonical(text_of(&vector, "ubin")).expect("canonical");
        let found = renderings(&ubin, &table);
        assert_eq!(found.compact, text_of(&vector, "compact"));
        assert_eq!(found.alei, text_of(&vector, "alei"));
        assert_eq!(found.euid_like, text_of(&vector, "euidLike"));
        assert_eq!(found.peppol.as_deref(), vector.get("peppol").and_then(Value::as_text));
        assert_eq!(found.path, text_of(&vector, "resolverPath"));
        assert_eq!(found.urn.as_deref(), Some(text_of(&vector, "urn")));
        assert_eq!(renderings(&ubin, &SchemeTable::genesis()).urn, None);
    }
}

#[test]
fn every_rendering_and_the_bare_number_lead_back_to_the_ubin() {
    let table = table_with_domains();
    for vector in vectors("valid") {
        let ubin = Ubin::parse_canonical(text_of(&vector, "ubin")).expect("canonical");
        assert_eq!(parse(&ubin.to_string(), &table).expect("canonical").ubin, ubin);
        assert_eq!(parse(&ubin.compact(), &table).expect("compact").ubin, ubin);
        if texts_of(&vector, "warnings").contains(&"LOCAL_FORMAT") {
            continue; // renderings without check characters rest on the pattern
        }
        let found = renderings(&ubin, &table);
        let forms = [Some(found.alei), Some(found.euid_like), found.peppol, found.urn];
        let bare = Some(ubin.local.clone());
        let paths = [Some(found.path.clone()), Some(format!("https://r.example{}", found.path))];
        for form in forms.into_iter().chain([bare]).chain(paths).flatten() {
            let candidates = resolve_candidates(&form, None, None, &table);
            assert!(candidates.iter().any(|c| c.ubin == ubin), "{form} does not lead to {ubin}");
            let narrowed = resolve_candidates(&form, Some(&ubin.cc), Some(&ubin.scheme), &table);
            assert!(narrowed.iter().any(|c| c.ubin == ubin), "{form} narrowed");
        }
    }
}

#[test]
fn check_characters_agree_with_an_independent_computation() {
    const SEED: u64 = 1271;
    let mut random = Random(SEED);
    let mut edges = std::collections::BTreeSet::new();
    for i in 0..1_000_000 {
        let data = random.string(ALPHABET, 32);
        let found = check_characters(&data).expect("of the alphabet");
        assert_eq!(found, independent_check(&data), "seed {SEED}, string {i}");
        if ["ZB", "ZC", "02", "0O"].contains(&found.as_str()) {
            edges.insert(found.clone());
        }
        assert!(!["00", "01", "ZD", "ZZ"].contains(&found.as_str()), "{data}");
    }
    assert_eq!(edges.len(), 4, "every edge value occurred");
}

/// Whether the last two characters of a compact form are its check.
fn holds(compact: &[u8]) -> bool {
    let text = std::str::from_utf8(compact).expect("ASCII");
    let (data, check) = text.split_at(text.len() - 2);
    check_characters(data).as_deref() == Some(check)
}

#[test]
fn every_single_substitution_and_every_swap_up_to_19_apart_is_caught() {
    let ids = national_ids();
    assert!(ids.len() >= 200);
    for id in ids.iter().take(200) {
        let compact = Ubin::parse_canonical(text_of(id, "ubin")).expect("canonical").compact();
        let compact = compact.as_bytes();
        assert!(holds(compact));
        for at in 0..compact.len() {
            let mut edited = compact.to_vec();
            for character in ALPHABET.iter().filter(|c| **c != compact[at]) {
                edited[at] = *character;
                assert!(!holds(&edited), "{} at {at}", String::from_utf8_lossy(&edited));
            }
            for other in (at + 1)..compact.len().min(at + 20) {
                let mut edited = compact.to_vec();
                edited.swap(at, other);
                assert!(edited == compact || !holds(&edited), "swap {at} {other}");
            }
        }
    }
}

#[test]
fn only_the_canonical_spelling_names_a_business_in_an_op() {
    assert!(Ubin::parse_canonical("SG-UEN-199403865N-G7").is_some());
    let others = [
        "SG-UEN-199403865N-G8",
        "sg-uen-199403865n-g7",
        "SGUEN199403865NG7",
        "SG-UEN-199403865N",
        "SG-UEN-199403865N-G7-",
        "-SG-UEN-199403865N-G7",
        "SG-UEN-1994 03865N-G7",
        "",
        "SG-",
        "SG:X",
    ];
    for other in others {
        assert_eq!(Ubin::parse_canonical(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn reading_is_total_on_any_text(input in ".{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..140)) {
        let table = SchemeTable::genesis();
        for text in [input, String::from_utf8_lossy(&bytes).into_owned()] {
            if let Ok(parsed) = parse(&text, &table) {
                prop_assert_eq!(parse(&parsed.ubin.to_string(), &table), Ok(parsed));
            }
            let _ = Ubin::parse_canonical(&text);
            let _ = resolve_candidates(&text, None, None, &table);
        }
    }

    #[test]
    fn squeezing_keeps_only_digits_and_capitals_and_is_idempotent(input in "\\PC{0,40}") {
        if let Ok(squeezed) = squeeze(&input) {
            prop_assert!(squeezed.bytes().all(|b| value_of(b).is_some()));
            prop_assert_eq!(squeeze(&squeezed), Ok(squeezed));
        }
    }
}

#[test]
fn every_example_of_every_scheme_gives_its_stated_result() {
    let table = SchemeTable::genesis();
    assert_eq!(table.iter().count(), 41);
    for scheme in table.iter() {
        let name = format!("{}-{}", scheme.entry.cc, scheme.entry.code);
        assert!(scheme.entry.accept.len() >= 5, "{name}");
        assert!(scheme.entry.reject.len() >= 5, "{name}");
        assert_eq!(scheme.check_examples(), Ok(()), "{name}");
        let again = SchemeEntry::from_value(&scheme.entry.to_value(), "").expect("reads back");
        assert_eq!(again, scheme.entry, "{name}");
    }
}

#[test]
fn a_failing_example_is_found() {
    let scheme = SchemeTable::genesis().find("SG", "UEN").expect("in genesis").entry.clone();
    let mut wrong = scheme.clone();
    wrong.accept[0].national_check = "FAIL".to_owned();
    let mut missing = scheme;
    missing.reject.push(("199403865N".to_owned(), "LOCAL_FORMAT".to_owned()));
    for entry in [wrong, missing] {
        let error =
            Scheme::new(entry).expect("patterns parse").check_examples().expect_err("wrong");
        assert_eq!(error.code.name(), "SCHEME_EXAMPLE_FAILED");
    }
}

#[test]
fn published_company_numbers_pass_their_checks_and_give_their_ubins() {
    let table = SchemeTable::genesis();
    let ids = national_ids();
    assert_eq!(ids.len(), 237);
    for id in ids {
        let (cc, scheme) = text_of(&id, "scheme").split_once('-').expect("CC-CODE");
        let raw = text_of(&id, "raw");
        let made = make(cc, scheme, raw, &table).unwrap_or_else(|e| panic!("{raw}: {e:?}"));
        assert_eq!(made.ubin.local, text_of(&id, "local"), "{raw}");
        assert_eq!(made.ubin.to_string(), text_of(&id, "ubin"), "{raw}");
        assert_eq!(made.national_check.name(), text_of(&id, "nationalCheck"), "{raw}");
        let entry = table.find(cc, scheme).expect("known");
        assert_eq!(entry.normalise(&made.ubin.local), made.ubin.local, "idempotent on {raw}");
    }
}

#[test]
fn normalising_is_idempotent_on_every_accepted_number() {
    let mut random = Random(8);
    for scheme in SchemeTable::genesis().iter() {
        for _ in 0..2_000 {
            let raw = random.string(b"0123456789RCFPAGOHUTN", 18);
            if let Ok(local) = scheme.canonical_local(&raw) {
                assert_eq!(scheme.normalise(&local), local, "{raw}");
                assert_eq!(scheme.canonical_local(&local), Ok(local), "{raw}");
            }
        }
    }
}

#[test]
fn no_code_of_a_country_is_ever_a_prefix_of_another() {
    let mut random = Random(5);
    let mut table = SchemeTable::genesis();
    let model = table.find("TL", "TIN").expect("in genesis").entry.clone();
    let mut accepted = 0;
    for _ in 0..2_000 {
        let code =
            format!("{}{}", char::from(ALPHABET[10 + random.below(4)]), random.string(b"ABC1", 5));
        accepted += usize::from(table.add(SchemeEntry { code, ..model.clone() }).is_ok());
    }
    assert!(accepted > 10);
    for cc in table.countries() {
        let schemes = table.of_country(cc).expect("listed");
        for (i, a) in schemes.iter().enumerate() {
            for (j, b) in schemes.iter().enumerate() {
                assert!(i == j || !b.entry.code.starts_with(&a.entry.code), "{cc}");
            }
        }
    }
}

/// The pattern language by backtracking over single characters: slow, and written from the grammar.
fn reference_match(pattern: &str, text: &[u8]) -> bool {
    pattern.split('|').any(|branch| branch_match(branch.as_bytes(), text))
}

fn branch_match(pattern: &[u8], text: &[u8]) -> bool {
    if pattern.is_empty() {
        return text.is_empty();
    }
    let width = match pattern[0] {
        b'\\' => 2,
        b'[' => pattern.iter().position(|b| *b == b']').expect("closed") + 1,
        _ => 1,
    };
    let (atom, rest) = pattern.split_at(width);
    let (least, most, rest) = match rest.first() {
        Some(b'?') => (0, 1, &rest[1..]),
        Some(b'{') => {
            let end = rest.iter().position(|b| *b == b'}').expect("closed");
            let bounds = std::str::from_utf8(&rest[1..end]).expect("ASCII");
            let (least, most) = bounds.split_once(',').unwrap_or((bounds, bounds));
            (least.parse().expect("n"), most.parse().expect("m"), &rest[end + 1..])
        }
        _ => (1, 1, rest),
    };
    let fits = |c: u8| match atom[0] {
        b'\\' => c.is_ascii_digit(),
        b'[' => {
            let items = &atom[1..atom.len() - 1];
            (0..items.len()).any(|i| {
                let range = items.get(i + 1) == Some(&b'-');
                items[i] == c || (range && (items[i]..=items[i + 2]).contains(&c))
            })
        }
        literal => literal == c,
    };
    (least..=most)
        .take_while(|n: &usize| *n <= text.len() && text[..*n].iter().all(|c| fits(*c)))
        .any(|n| branch_match(rest, &text[n..]))
}

#[test]
fn patterns_match_what_a_backtracking_matcher_matches() {
    const SEED: u64 = 2;
    let mut patterns: Vec<String> =
        ["A?A?A?AAA", "[A-C0-2]{0,24}", "\\d{2}[XY]?|Z{1,3}\\d", "A{0}B", "[0]{1,2}[0-9]{1,2}0"]
            .map(str::to_owned)
            .to_vec();
    for scheme in SchemeTable::genesis().iter() {
        patterns.push(scheme.entry.pattern.clone());
        patterns.extend(scheme.entry.expected.clone());
        patterns.extend(scheme.entry.personal_deny.iter().cloned());
    }
    let parsed: Vec<Pattern> =
        patterns.iter().map(|p| Pattern::parse(p).unwrap_or_else(|| panic!("{p}"))).collect();
    let mut random = Random(SEED);
    let mut matched = 0;
    for i in 0..1_000_000 {
        let at = random.below(patterns.len());
        let alphabet: &[u8] = [&b"0123456789"[..], b"0129ABXYZ", b"A0", ALPHABET][random.below(4)];
        let text = random.string(alphabet, 24);
        let due = reference_match(&patterns[at], text.as_bytes());
        assert_eq!(parsed[at].matches(&text), due, "seed {SEED}, string {i}: {}", patterns[at]);
        matched += u32::from(due);
    }
    assert!(matched > 10_000, "enough strings match to mean something: {matched}");
}

#[test]
fn patterns_outside_the_grammar_are_refused() {
    let refused = [
        "", "A|", "|A", "A*", "A+", "(A)", ".", "^A", "A$", "[", "[]", "[A", "[Z-A]", "[0-Z]",
        "[A-]", "\\w", "\\", "A{", "A{}", "A{1", "A{2,1}", "A{25}", "A{1,25}", "A{,3}", "A{100}",
        "a", "A??", "A{1}{2}", "[\\d]", "é",
    ];
    for pattern in refused {
        assert_eq!(Pattern::parse(pattern), None, "{pattern}");
    }
    let sixteen = vec!["A"; 16].join("|");
    assert!(Pattern::parse(&sixteen).is_some());
    assert_eq!(Pattern::parse(&format!("{sixteen}|A")), None);
    assert!(Pattern::parse(&"A".repeat(256)).is_some());
    assert_eq!(Pattern::parse(&"A".repeat(257)), None);
}

#[test]
fn published_lei_records_pass_the_checksum_and_the_rules_for_names() {
    let mut count = 0;
    for line in LEI_RECORDS.lines() {
        let record = json::parse(line.as_bytes()).expect("one object per line");
        let lei = text_of(&record, "lei");
        assert_eq!(reference::check("lei", lei), Ok(None), "{lei}");
        let mut wrong = lei.as_bytes().to_vec();
        wrong[0] = if wrong[0] == b'7' { b'8' } else { b'7' };
        let wrong = String::from_utf8(wrong).expect("ASCII");
        assert_eq!(reference::check("lei", &wrong), Ok(Some("LEI_CHECKSUM")), "{wrong}");
        let name = text_of(&record, "name");
        assert_eq!(text::check_name(name), Ok(()), "{lei}");
        assert!(!text::name_warnings(name).contains(&"ZAWGYI_SUSPECTED"), "{lei}");
        count += 1;
    }
    assert_eq!(count, 2_478);
}
