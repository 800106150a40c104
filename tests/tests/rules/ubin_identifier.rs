//! The identifier against its published vectors, two independent checks, and every single error
//! that it promises to catch (ubin-api.md §14 T1 to T3).

use proptest::prelude::*;
use titian_contracts::json::{self, Value};
use titian_contracts::ubin::identifier::{
    Ubin, check_characters, parse, renderings, resolve_candidates, squeeze,
};
use titian_contracts::ubin::pattern::value_of;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::{reference, text};

const VECTORS: &[u8] = include_bytes!("../../data/ubin/ubin_vectors.json");
const NATIONAL_IDS: &[u8] = include_bytes!("../../data/ubin/national_ids.json");
const LEI_RECORDS: &str = include_str!("../../data/ubin/asean_lei.ndjson");
pub(crate) const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

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

    pub(crate) fn string(&mut self, alphabet: &[u8], chars_max: usize) -> String {
        let length = self.below(chars_max + 1);
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

fn vectors(name: &str) -> Vec<Value> {
    let vectors = json::parse(VECTORS).expect("the vectors are JSON");
    vectors.get(name).and_then(Value::as_list).expect("a list of vectors").to_vec()
}

pub(crate) fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_text).unwrap_or_else(|| panic!("member {name}"))
}

fn texts_of<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    let list = value.get(name).and_then(Value::as_list).unwrap_or_else(|| panic!("list {name}"));
    list.iter().filter_map(Value::as_text).collect()
}

pub(crate) fn national_ids() -> Vec<Value> {
    let ids = json::parse(NATIONAL_IDS).expect("the numbers are JSON");
    ids.get("ids").and_then(Value::as_list).expect("a list of numbers").to_vec()
}

/// MOD 1271-36 from its definition: the number written in base 36 is congruent to 1, and the check
/// lies between 2 and 1272. Powers are taken from the right; nothing is shared with the crate.
fn by_definition(data: &str) -> String {
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
fn t01_check_vectors_reproduce() {
    for vector in vectors("check") {
        let due = text_of(&vector, "check");
        assert_eq!(check_characters(text_of(&vector, "data")).as_deref(), Some(due));
    }
}

#[test]
fn t01_accepted_vectors_reproduce_byte_for_byte() {
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
fn t01_refused_vectors_give_their_error_and_suggestions_in_order() {
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
fn t01_renderings_reproduce_and_are_absent_without_their_codes() {
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
fn t03_every_rendering_and_the_bare_number_lead_back_to_the_ubin() {
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
fn t01_check_characters_agree_with_two_independent_computations() {
    const SEED: u64 = 1271;
    let mut random = Random(SEED);
    let mut edges = std::collections::BTreeSet::new();
    for i in 0..1_000_000 {
        let data = format!("{}{}", char::from(ALPHABET[i % 36]), random.string(ALPHABET, 31));
        let found = check_characters(&data).expect("of the alphabet");
        let outside: String =
            iso_7064::MOD1271_36.compute(&data).expect("not empty").iter().collect();
        assert_eq!(found, outside, "seed {SEED}, string {i}: the crate iso-7064");
        assert_eq!(found, by_definition(&data), "seed {SEED}, string {i}: the definition");
        if ["ZB", "ZC", "02", "0O"].contains(&found.as_str()) {
            edges.insert(found.clone());
        }
        assert!(!["00", "01", "ZD", "ZZ"].contains(&found.as_str()), "{data}");
    }
    assert_eq!(edges.len(), 4, "every edge value occurred");
}

/// A number of a scheme without format whose check characters are `due`.
fn with_check(due: &str) -> Ubin {
    let mut random = Random(36);
    loop {
        let local = random.string(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 12);
        let ubin = Ubin { cc: "SG".to_owned(), scheme: "SUR".to_owned(), local };
        if ubin.local.len() == 12 && ubin.check() == due {
            return ubin;
        }
    }
}

#[test]
fn t01_the_second_spelling_of_a_residue_is_refused_and_the_right_one_suggested() {
    let table = SchemeTable::genesis();
    for (due, wrong) in [("ZB", "00"), ("ZC", "01"), ("02", "ZD"), ("0O", "ZZ")] {
        let ubin = with_check(due);
        assert_eq!(parse(&ubin.compact(), &table).map(|p| p.ubin), Ok(ubin.clone()));
        let text = format!("{}-{}-{}-{wrong}", ubin.cc, ubin.scheme, ubin.local);
        assert!(
            iso_7064::MOD1271_36.verify(&text.replace('-', "")).expect("its alphabet"),
            "{text}: congruent"
        );
        let error = parse(&text, &table).expect_err("not canonical");
        assert_eq!(error.code.name(), "UBIN_CHECK_FAILED", "{text}");
        assert_eq!(error.suggestions, [ubin.to_string()], "{text}");
        assert_eq!(Ubin::parse_canonical(&text), None, "{text}");
    }
}

/// Whether the last two characters of a compact form are its check.
fn holds(compact: &[u8]) -> bool {
    let text = std::str::from_utf8(compact).expect("ASCII");
    let (data, check) = text.split_at(text.len() - 2);
    check_characters(data).as_deref() == Some(check)
}

#[test]
fn t02_every_single_substitution_and_every_swap_up_to_19_apart_is_caught() {
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
fn t03_only_the_canonical_spelling_names_a_business_in_an_op() {
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
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn t03_reading_is_total_on_any_text_and_bytes(
        input in ".{0,60}",
        bytes in prop::collection::vec(any::<u8>(), 0..140),
        plain in "(SG|MY|VN|TH|XX)[-. ]?(UEN|BRN|MST|SUR|JP)?[0-9A-Zo ]{0,30}",
    ) {
        let table = SchemeTable::genesis();
        for text in [input, String::from_utf8_lossy(&bytes).into_owned(), plain] {
            match parse(&text, &table) {
                Ok(parsed) => {
                    prop_assert_eq!(parse(&parsed.ubin.to_string(), &table), Ok(parsed));
                }
                Err(error) => {
                    prop_assert!(error.suggestions.len() <= 3);
                    for suggestion in &error.suggestions {
                        prop_assert!(parse(suggestion, &table).is_ok());
                    }
                }
            }
            let _ = Ubin::parse_canonical(&text);
            let _ = resolve_candidates(&text, None, None, &table);
        }
    }

    #[test]
    fn t03_any_number_reads_back_from_every_rendering_in_any_spelling(
        local in "[0-9A-HJKMNP-TV-Z]{12}",
        cc in prop::sample::select(vec!["SG", "MY", "VN", "TL"]),
        separator in prop::sample::select(vec!["", "-", " ", ".", "/", "_", "\u{2011}", "\u{200B}"]),
    ) {
        let table = SchemeTable::genesis();
        let ubin = Ubin { cc: cc.to_owned(), scheme: "SUR".to_owned(), local };
        let parts = [ubin.cc.clone(), ubin.scheme.clone(), ubin.local.clone(), ubin.check()];
        let spelt = parts.join(separator);
        let wide: String = spelt
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c) } else { c })
            .collect();
        for text in [spelt.clone(), spelt.to_lowercase(), wide] {
            prop_assert_eq!(parse(&text, &table).map(|p| p.ubin), Ok(ubin.clone()));
        }
        let found = renderings(&ubin, &table);
        for form in [found.alei, found.euid_like, found.path, found.compact] {
            let candidates = resolve_candidates(&form, None, None, &table);
            prop_assert!(candidates.iter().any(|c| c.ubin == ubin), "{} of {}", form, ubin);
        }
    }

    #[test]
    fn t03_squeezing_keeps_only_digits_and_capitals_and_is_idempotent(input in "\\PC{0,40}") {
        if let Ok(squeezed) = squeeze(&input) {
            prop_assert!(squeezed.bytes().all(|b| value_of(b).is_some()));
            prop_assert_eq!(squeeze(&squeezed), Ok(squeezed));
        }
    }
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
