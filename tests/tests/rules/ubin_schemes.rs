//! Schemes and patterns of the genesis table (ubin-api.md §14 T20: S1 to S5 and S8 of the annex).

use regex::Regex;
use titian_contracts::ubin::identifier::make;
use titian_contracts::ubin::pattern::Pattern;
use titian_contracts::ubin::scheme::{Scheme, SchemeEntry, SchemeTable};

use crate::ubin_identifier::{ALPHABET, Random, national_ids, text_of};

#[test]
fn t20_s1_every_example_of_every_scheme_gives_its_stated_result() {
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
fn t20_s1_a_failing_example_is_found() {
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
fn t20_s3_published_company_numbers_pass_their_checks_and_give_their_ubins() {
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
fn t20_s8_normalising_is_idempotent_on_every_accepted_number() {
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
fn t20_s5_no_code_of_a_table_is_ever_a_prefix_of_another() {
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

/// Patterns of the registry and some with many ways to match.
fn patterns(random: &mut Random) -> Vec<String> {
    let mut patterns: Vec<String> =
        ["A?A?A?AAA", "[A-C0-2]{0,24}", "\\d{2}[XY]?|Z{1,3}\\d", "A{0}B", "[0]{1,2}[0-9]{1,2}0"]
            .map(str::to_owned)
            .to_vec();
    for scheme in SchemeTable::genesis().iter() {
        patterns.push(scheme.entry.pattern.clone());
        patterns.extend(scheme.entry.expected.clone());
        patterns.extend(scheme.entry.personal_deny.iter().cloned());
    }
    patterns.extend((0..200).map(|_| random_pattern(random)));
    patterns
}

/// A pattern by the grammar.
fn random_pattern(random: &mut Random) -> String {
    let branches: Vec<String> = (0..=random.below(3))
        .map(|_| (0..=random.below(4)).map(|_| random_part(random)).collect())
        .collect();
    branches.join("|")
}

fn random_part(random: &mut Random) -> String {
    let few = b"0129ABXYZ";
    let atom = match random.below(4) {
        0 => "\\d".to_owned(),
        1 => format!("[{}A-C]", char::from(few[random.below(few.len())])),
        2 => "[0-4Z]".to_owned(),
        _ => char::from(few[random.below(few.len())]).to_string(),
    };
    let least = random.below(4);
    match random.below(4) {
        0 => format!("{atom}?"),
        1 => format!("{atom}{{{least}}}"),
        2 => format!("{atom}{{{least},{}}}", least + random.below(4)),
        _ => atom,
    }
}

#[test]
fn t20_s2_patterns_match_what_a_reference_engine_matches() {
    const SEED: u64 = 2;
    let mut random = Random(SEED);
    let patterns = patterns(&mut random);
    let both: Vec<(Pattern, Regex)> = patterns
        .iter()
        .map(|p| {
            let reference = Regex::new(&format!("^(?-u:{p})$")).expect("a subset of its language");
            (Pattern::parse(p).unwrap_or_else(|| panic!("{p}")), reference)
        })
        .collect();
    let mut matched = 0;
    for i in 0..1_000_000 {
        let at = random.below(both.len());
        let alphabet: &[u8] = [&b"0123456789"[..], b"0129ABXYZ", b"A0", ALPHABET][random.below(4)];
        let text = random.string(alphabet, 24);
        let due = both[at].1.is_match(&text);
        assert_eq!(both[at].0.matches(&text), due, "seed {SEED}, string {i}: {}", patterns[at]);
        matched += u32::from(due);
    }
    assert!(matched > 10_000, "enough strings match to mean something: {matched}");
}

#[test]
fn t20_s2_patterns_outside_the_grammar_are_refused() {
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

/// The place of the check character of a number, where the rest of the number fixes it.
fn check_place(scheme: &str, local: &str) -> usize {
    match (scheme, local.len()) {
        ("SG-UEN", 9) => 8,
        ("SG-UEN" | "SG-VCSF", _) | ("VN-MST" | "VN-BL" | "ID-NPWP", _) => 9,
        ("TH-JP", _) => 12,
        other => panic!("no check: {other:?}"),
    }
}

/// python-stdnum computes one check character from the rest and refuses every other one. Its
/// accepted numbers, with each other character in that place, must fail here.
#[test]
fn t20_s4_what_the_outside_oracle_accepts_passes_and_every_other_check_character_fails() {
    let table = SchemeTable::genesis();
    let mut by_scheme: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    for id in national_ids() {
        if text_of(&id, "source") != "python-stdnum" {
            continue; // numbers of variable capital companies, which the oracle refuses
        }
        let (name, local) = (text_of(&id, "scheme"), text_of(&id, "local"));
        let (cc, code) = name.split_once('-').expect("CC-CODE");
        let scheme = table.find(cc, code).expect("known");
        assert_eq!(scheme.national_check(local).name(), "PASS", "{name} {local}");
        let place = check_place(name, local);
        let own = local.as_bytes()[place];
        let others: &[u8] = if own.is_ascii_digit() && cc != "SG" {
            b"0123456789"
        } else {
            b"0123456789ABCDEFGHJKLMNPQRSTUVWX"
        };
        for other in others.iter().filter(|other| **other != own) {
            let mut edited = local.as_bytes().to_vec();
            edited[place] = *other;
            let edited = String::from_utf8(edited).expect("ASCII");
            assert_eq!(scheme.national_check(&edited).name(), "FAIL", "{name} {edited}");
        }
        *by_scheme.entry(name.to_owned()).or_insert(0) += 1;
    }
    for (scheme, least) in [("SG-UEN", 10), ("VN-MST", 10), ("TH-JP", 10), ("ID-NPWP", 5)] {
        let found = by_scheme.get(scheme).copied().unwrap_or(0);
        assert!(found >= least, "{scheme}: {found} numbers, {by_scheme:?}");
    }
}

/// The oracle does not know the type VC; its numbers pass here.
#[test]
fn t20_s4_the_type_that_the_oracle_does_not_know_is_the_only_difference() {
    let table = SchemeTable::genesis();
    let outside = national_ids().into_iter().filter(|id| text_of(id, "source") != "python-stdnum");
    let mut found = 0;
    for id in outside {
        let local = text_of(&id, "local");
        assert_eq!(&local[3..5], "VC", "{local}");
        let scheme = table.find("SG", "UEN").expect("known");
        assert_eq!(scheme.national_check(local).name(), "PASS", "{local}");
        found += 1;
    }
    assert_eq!(found, 2);
}
