//! Made-up companies of all eleven states: names in the scripts of the region, numbers that their
//! schemes accept, bodies that `register` accepts. Any number of them, the same for one seed.
//!
//! Every company is computed from seed and place alone, so callers may cut the row into ranges.

#[rustfmt::skip]
mod words;

use titian_contracts::digest::hash;
use titian_contracts::json::Value;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::entity_id;

use words::{ENGLISH, Vocabulary};

/// The legal date of every body.
pub const AS_OF: &str = "2026-06-30";

/// The states in a row of hundred companies: how many each has.
const SHARES: [(&str, u64); 11] = [
    ("ID", 24),
    ("VN", 18),
    ("TH", 14),
    ("MY", 12),
    ("PH", 11),
    ("SG", 10),
    ("MM", 4),
    ("KH", 3),
    ("LA", 2),
    ("BN", 1),
    ("TL", 1),
];
const ROW: u64 = 100;

/// A made-up company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// The state.
    pub cc: &'static str,
    /// The scheme of its number.
    pub scheme: &'static str,
    /// Its canonical national number.
    pub local: String,
    /// Its legal name.
    pub name: String,
    /// The language of the name.
    pub lang: &'static str,
    /// The body of version 1.
    pub body: Value,
}

/// The first `count` companies of a seed, of all states in turn.
pub fn companies(seed: u64, count: usize) -> impl Iterator<Item = Company> + Clone {
    (0..count as u64).map(move |place| company(seed, place))
}

/// The first `count` companies of one state.
pub fn companies_of(cc: &str, seed: u64, count: usize) -> impl Iterator<Item = Company> + Clone {
    (0..count as u64).map(move |ordinal| company_of(cc, seed, ordinal))
}

/// One company of a state, by its place among them; Singapore's for a state that is none of ours.
pub fn company_of(cc: &str, seed: u64, ordinal: u64) -> Company {
    let state = SHARES.iter().find(|(name, _)| *name == cc).map_or("SG", |(name, _)| name);
    make(state, seed, ordinal)
}

/// How many of `count` companies each state has.
pub fn shares(count: usize) -> [(&'static str, usize); SHARES.len()] {
    let mut shares = SHARES.map(|(cc, share)| (cc, count * share as usize / ROW as usize));
    let rest = count - shares.iter().map(|(_, share)| share).sum::<usize>();
    shares[0].1 += rest;
    shares
}

/// The company at a place of the row.
pub fn company(seed: u64, place: u64) -> Company {
    // a fixed step through the row, so that the states alternate
    let mut slot = place % ROW * 37 % ROW;
    let mut state = SHARES[0];
    for share in SHARES {
        state = share;
        if slot < share.1 {
            break;
        }
        slot -= share.1;
    }
    make(state.0, seed, place / ROW * state.1 + slot)
}

/// A small generator of numbers: the next 64 bits of a keyed digest.
struct Dice {
    bytes: [u8; 32],
    used: usize,
}

impl Dice {
    fn new(cc: &str, seed: u64, ordinal: u64) -> Self {
        let parts: [&[u8]; 3] = [cc.as_bytes(), &seed.to_be_bytes(), &ordinal.to_be_bytes()];
        Self { bytes: hash("titian test company v1", &parts).0, used: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        if self.used + 2 > self.bytes.len() {
            *self = Self { bytes: hash("titian test company v1", &[&self.bytes]).0, used: 0 };
        }
        let number = u16::from_be_bytes([self.bytes[self.used], self.bytes[self.used + 1]]);
        self.used += 2;
        usize::from(number) % bound
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

fn make(cc: &'static str, seed: u64, ordinal: u64) -> Company {
    let dice = &mut Dice::new(cc, seed, ordinal);
    let (scheme, local) = number(cc, ordinal);
    let vocabulary = words::of(cc);
    let form = dice.pick(vocabulary.forms);
    let name = compose(dice, vocabulary, form);
    let ubin = Ubin { cc: cc.to_owned(), scheme: scheme.to_owned(), local: local.clone() };
    let body = body(dice, &ubin, vocabulary, (&name, form.2));
    Company { cc, scheme, local, name, lang: vocabulary.lang, body }
}

/// A name: one or two first words, one or two that follow, and the legal form around them.
fn compose(dice: &mut Dice, words: &Vocabulary, form: (&str, &str, &str)) -> String {
    let mut parts = vec![dice.pick(words.first)];
    if dice.percent(55) {
        parts.push(dice.pick(words.first));
    }
    parts.push(dice.pick(words.second));
    if dice.percent(30) {
        parts.push(dice.pick(words.second));
    }
    parts.dedup();
    let core = parts.join(words.space);
    let around = [form.0, &core, form.1];
    around.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn english(dice: &mut Dice) -> String {
    let (first, second) = (dice.pick(ENGLISH[0]), dice.pick(ENGLISH[0]));
    format!("{first} {second} {} Co., Ltd.", dice.pick(ENGLISH[1]))
}

fn text(value: &str) -> Value {
    Value::from(value)
}

fn body(dice: &mut Dice, ubin: &Ubin, words: &Vocabulary, name: (&str, &str)) -> Value {
    let date = |dice: &mut Dice, from: usize, years: usize| {
        let (month, day) = (1 + dice.below(12), 1 + dice.below(28));
        format!("{:04}-{month:02}-{day:02}", from + dice.below(years))
    };
    let registered = date(dice, 1990, 34);
    let ended = dice.percent(3).then(|| date(dice, 2024, 2));
    let live = ["ACTIVE", "ACTIVE", "ACTIVE", "SUSPENDED", "IN_LIQUIDATION"];
    let code = match &ended {
        Some(_) => "DISSOLVED",
        None if dice.percent(90) => "ACTIVE",
        None => dice.pick(&live),
    };
    let since = ended.clone().unwrap_or_else(|| registered.clone());
    let address = Value::object([
        (
            "lines",
            vec![Value::from(format!("{} {}", 1 + dice.below(399), dice.pick(words.streets)))]
                .into(),
        ),
        ("city", text(dice.pick(words.cities))),
        ("postalCode", Value::from(format!("{:05}", 10_000 + dice.below(60_000)))),
        ("country", text(&ubin.cc)),
    ]);
    let isic = [("isic", Value::from(format!("{:04}", 1_000 + dice.below(8_000))))];
    let mut members = vec![
        ("v", Value::Int(1)),
        ("ubin", Value::from(ubin.to_string())),
        ("entity", Value::from(entity_id(&ubin.cc, &ubin.scheme, &ubin.local))),
        ("version", Value::Int(1)),
        ("displayId", text(&ubin.local)),
        ("category", text("GENERAL")),
        ("legalName", Value::object([("value", text(name.0)), ("lang", text(words.lang))])),
        ("legalForm", Value::object([("national", text(name.1))])),
        ("sizeClass", text(dice.pick(&["MICRO", "MICRO", "SMALL", "SMALL", "MEDIUM", "LARGE"]))),
        ("status", Value::object([("code", text(code)), ("since", Value::from(since))])),
        ("corroboration", text("FULL")),
        ("confirmedOn", text(AS_OF)),
        ("sourceAsOf", text(AS_OF)),
        ("registeredOn", Value::from(registered)),
        ("validFrom", text(AS_OF)),
        ("address", address),
        ("activity", Value::List(vec![Value::object(isic)])),
    ];
    members.extend(ended.map(|date| ("endedOn", Value::from(date))));
    let script = matches!(words.lang, "th" | "lo" | "km" | "my" | "vi");
    if script && dice.percent(60) {
        let other = [
            ("type", text("ALT_LANGUAGE")),
            ("value", Value::from(english(dice))),
            ("lang", text("en")),
        ];
        members.push(("otherNames", Value::List(vec![Value::object(other)])));
    }
    if dice.percent(2) {
        let lei = [("scheme", text("lei")), ("value", Value::from(lei(ubin)))];
        members.push(("identifiers", Value::List(vec![Value::object(lei)])));
    }
    Value::object(members)
}

/// A LEI of no issuer, with right check digits: of the number it belongs to, so it stands once.
fn lei(ubin: &Ubin) -> String {
    let digest = hash("titian test lei v1", &[ubin.to_string().as_bytes()]);
    let number = u128::from_be_bytes(digest.0[..16].try_into().expect("16 of 32 bytes"));
    let base = format!("TEST{:014}", number % 100_000_000_000_000);
    let rest = format!("{base}00").bytes().fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    format!("{base}{:02}", 98 - rest)
}

/// The national number of the company `ordinal` of a state: each stands once, its check holds.
fn number(cc: &str, ordinal: u64) -> (&'static str, String) {
    match cc {
        "SG" => ("UEN", singapore(ordinal)),
        "MY" => ("BRN", format!("{}01{:06}", 2000 + ordinal / 1_000_000, ordinal % 1_000_000)),
        "TH" => ("JP", thailand(ordinal)),
        "VN" => ("MST", vietnam(ordinal)),
        "ID" => ("NIB", format!("8{:012}", 120_000_000_000 + ordinal * 7)),
        "PH" => ("SEC", format!("CS{:09}", 200_000_000 + ordinal)),
        "KH" => ("MOC", format!("{:08}", 10_000 + ordinal)),
        "LA" => ("ERN", format!("{:010}", 100_000_000 + ordinal)),
        "MM" => ("MYCO", format!("{:09}", 100_000_000 + ordinal)),
        "BN" => ("RC", format!("{:08}", 20_000_000 + ordinal)),
        _ => ("TIN", format!("{:07}", 1_000_000 + ordinal)),
    }
}

fn weighted(digits: &str, weights: &[u32]) -> u32 {
    digits.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum()
}

fn singapore(ordinal: u64) -> String {
    let digits = format!("{:04}{:05}", 2000 + ordinal / 100_000, ordinal % 100_000);
    let check = b"ZKCMDNERGWH"[weighted(&digits, &[10, 8, 6, 4, 9, 7, 5, 3, 1]) as usize % 11];
    format!("{digits}{}", char::from(check))
}

fn thailand(ordinal: u64) -> String {
    let digits = format!("0105{:08}", 53_000_000 + ordinal);
    let sum = weighted(&digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    format!("{digits}{}", (11 - sum % 11) % 10)
}

/// Every second number at most has no check digit; the one after it has.
fn vietnam(ordinal: u64) -> String {
    let candidate = |number: u64| {
        let digits = format!("01{number:07}");
        let rest = weighted(&digits, &[31, 29, 23, 19, 17, 13, 7, 5, 3]) % 11;
        (rest != 0).then(|| format!("{digits}{}", 10 - rest))
    };
    let number = 100_000 + ordinal * 2;
    candidate(number).or_else(|| candidate(number + 1)).expect("not two in a row")
}
