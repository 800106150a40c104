//! Scheme entries and tables: what makes national numbers comparable (ubin-schemes.md).
//!
//! Invariant: an entry is data signed by its state; every version stays readable; the codes of one
//! country are prefix-free. [`SchemeTable`] is what parsing needs: [`SchemeTable::genesis`] serves
//! a program without a node, [`SchemeTable::of_state`] what is in force on a ledger. It
//! deliberately does not hold legal-form tokens, which only search and import use; which version is
//! in force when is the matter of `scheme_state`.

use std::collections::BTreeMap;
use std::rc::Rc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::check::{ALGORITHMS, NationalCheck, national_check};
use super::identifier::squeeze;
use super::pattern::Pattern;
use super::vocabulary::{SchemeUse, Status};
use crate::error::{Code, Reject};
use crate::json::{self, Members};
use crate::limits;
use crate::proof::{self, Proven};
use crate::state::{MemoryState, Overlay};

pub use super::scheme_state::{
    CountryIndex, DenyPhase, Known, SchemeInForce, SchemeVersion, countries_key, country,
    country_key, is_country, is_scheme_code, known, known_in, scheme_key,
};

/// The table that genesis starts from.
pub(super) const GENESIS_TABLE: &[u8] = include_bytes!("../../profiles/ubin/schemes.json");

/// One version of a scheme.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SchemeEntry {
    /// The state.
    pub cc: String,
    /// 2 to 6 of A-Z 0-9, a letter first; never the prefix of another code of the state.
    pub code: String,
    /// Name by language.
    pub names: Vec<(String, String)>,
    /// Who gives the numbers.
    pub authority: SchemeAuthority,
    /// What the scheme is for.
    pub usage: SchemeUse,
    /// Hard rule on the canonical local.
    pub pattern: String,
    /// Soft rule; a mismatch is a warning.
    pub expected: Option<String>,
    /// Steps from the squeezed raw number to the canonical local.
    pub normalise: Vec<NormaliseStep>,
    /// The check algorithm.
    pub check_alg: String,
    /// Entity-type characters.
    pub types: Option<TypeRule>,
    /// Patterns of natural persons' numbers, tested before `pattern`.
    pub personal_deny: Vec<String>,
    /// Whether businesses of natural persons may use the scheme.
    pub natural_persons: bool,
    /// Age in days at which a record shows STALE.
    pub refresh_days: u64,
    /// ISO 6523 ICD.
    pub icd: Option<String>,
    /// Prefix of the Peppol rendering.
    pub peppol_prefix: Option<String>,
    /// National status code to common status, sorted; a key that ends in `*` is a prefix.
    pub status_map: Vec<(String, Status)>,
    /// Not confirmed by the authority yet.
    pub provisional: bool,
    /// For readers.
    pub note: Option<String>,
    /// 1, 2, 3…
    pub version: u64,
    /// From which height it holds.
    pub valid_from_height: u64,
    /// Examples that must be accepted.
    pub accept: Vec<AcceptExample>,
    /// Examples that must be refused: raw number and error name.
    pub reject: Vec<(String, String)>,
}

/// Who gives the numbers of a scheme.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SchemeAuthority {
    /// Its name.
    pub name: String,
    /// GLEIF registration authority code.
    pub ra_code: Option<String>,
    /// Domain of the register, for the URN rendering.
    pub register_domain: Option<String>,
    /// Its DID.
    pub did: Option<String>,
}

/// A step of normalisation.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum NormaliseStep {
    /// Drops a prefix if the number is longer than it.
    StripPrefix(String),
    /// Drops the first occurrence.
    Remove(String),
    /// Fills up from the left if the number has exactly `when_length` characters.
    PadLeft {
        /// The filling character.
        with: String,
        /// When it applies.
        when_length: u64,
        /// To which length.
        to_length: u64,
    },
}

/// Where the entity type stands in a local, and which types are known.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TypeRule {
    /// First character.
    pub offset: u64,
    /// Number of characters.
    pub length: u64,
    /// Tested only if this matches.
    pub when: Option<String>,
    /// The known types.
    pub values: Vec<String>,
}

/// An example that must be accepted.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AcceptExample {
    /// As people write it.
    pub raw: String,
    /// Canonical.
    pub local: String,
    /// PASS, FAIL or NOT_APPLICABLE.
    pub national_check: String,
}

/// An entry with its patterns parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The entry.
    pub entry: SchemeEntry,
    pattern: Pattern,
    expected: Option<Pattern>,
    type_when: Option<Pattern>,
    deny: Vec<Pattern>,
}

impl Scheme {
    /// Parses the patterns: `SCHEME_PATTERN` if one breaks the grammar, `SCHEME_ALG_UNKNOWN` for
    /// an unknown check.
    pub fn new(entry: SchemeEntry) -> Result<Self, Reject> {
        let read = |field: &str, text: &str| {
            Pattern::parse(text).ok_or_else(|| Reject::new(Code::SchemePattern, field, ""))
        };
        if !ALGORITHMS.contains(&entry.check_alg.as_str()) {
            return Err(Reject::new(Code::SchemeAlgUnknown, "/checkAlg", ""));
        }
        let when = entry.types.as_ref().and_then(|types| types.when.as_deref());
        Ok(Self {
            pattern: read("/pattern", &entry.pattern)?,
            expected: entry.expected.as_deref().map(|p| read("/expected", p)).transpose()?,
            type_when: when.map(|p| read("/types/when", p)).transpose()?,
            deny: entry
                .personal_deny
                .iter()
                .map(|p| read("/personalDeny", p))
                .collect::<Result<_, _>>()?,
            entry,
        })
    }

    /// A raw national number in canonical form: squeezed, normalised, of 1 to 24 characters, no
    /// number of a natural person, matching the pattern.
    pub fn canonical_local(&self, raw: &str) -> Result<String, Code> {
        let local = self.normalise(&squeeze(raw)?);
        if !(1..=limits::UBIN_LOCAL_CHARS_MAX).contains(&local.len()) {
            return Err(Code::UbinLocalLength);
        }
        if self.is_personal(&local) {
            return Err(Code::PersonalNumberRefused);
        }
        if self.is_canonical(&local) { Ok(local) } else { Err(Code::LocalFormat) }
    }

    /// The normalisation steps, in order, over a squeezed number.
    pub fn normalise(&self, squeezed: &str) -> String {
        self.entry.normalise.iter().fold(squeezed.to_owned(), |text, step| match step {
            NormaliseStep::StripPrefix(prefix) => match text.strip_prefix(prefix.as_str()) {
                Some(rest) if !rest.is_empty() => rest.to_owned(),
                _ => text,
            },
            NormaliseStep::Remove(word) => text.replacen(word.as_str(), "", 1),
            NormaliseStep::PadLeft { with, when_length, to_length } => {
                let missing = to_length.saturating_sub(*when_length).min(24);
                if text.len() as u64 == *when_length {
                    with.repeat(usize::try_from(missing).unwrap_or(0)) + &text
                } else {
                    text
                }
            }
        })
    }

    /// Whether a local matches the pattern in force and normalises to itself.
    pub fn is_canonical(&self, local: &str) -> bool {
        self.pattern.matches(local) && self.normalise(local) == local
    }

    /// Whether a local has the shape that the scheme expects.
    pub fn is_expected_shape(&self, local: &str) -> bool {
        self.expected.as_ref().is_none_or(|pattern| pattern.matches(local))
    }

    /// Whether the entity type of a local is in the list, if it has one.
    pub fn is_known_type(&self, local: &str) -> bool {
        let Some(types) = &self.entry.types else { return true };
        if self.type_when.as_ref().is_some_and(|when| !when.matches(local)) {
            return true;
        }
        let from = usize::try_from(types.offset).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(types.length).unwrap_or(usize::MAX));
        local.get(from..to).is_some_and(|found| types.values.iter().any(|v| v == found))
    }

    /// Whether a local has the form of a natural person's number.
    pub fn is_personal(&self, local: &str) -> bool {
        self.deny.iter().any(|pattern| pattern.matches(local))
    }

    /// Whether a number is one of a company by this scheme, which can tell it from a person's: a scheme
    /// without patterns of persons' numbers cannot.
    pub fn is_company_number(&self, number: &str) -> bool {
        !self.deny.is_empty() && self.is_canonical(number) && !self.is_personal(number)
    }

    /// The common status of a national code: exact keys win, then the longest prefix.
    pub fn mapped_status(&self, national: &str) -> Option<Status> {
        let map = &self.entry.status_map;
        let exact = map.iter().find(|(key, _)| key == national && !key.ends_with('*'));
        let prefix = map
            .iter()
            .filter(|(key, _)| key.strip_suffix('*').is_some_and(|p| national.starts_with(p)))
            .max_by_key(|(key, _)| key.len());
        exact.or(prefix).map(|(_, status)| *status)
    }

    /// Adds patterns of natural persons' numbers, of versions that wait: they hold at once.
    pub(super) fn deny_more(&mut self, patterns: &[String]) {
        self.deny.extend(patterns.iter().filter_map(|pattern| Pattern::parse(pattern)));
    }

    /// Runs the examples: every one must give its stated result (`SCHEME_EXAMPLE_FAILED`).
    pub fn check_examples(&self) -> Result<(), Reject> {
        let failed = |field: String| Reject::new(Code::SchemeExampleFailed, &field, "");
        for (i, example) in self.entry.accept.iter().enumerate() {
            let found = self.canonical_local(&example.raw);
            let check = national_check(&self.entry.check_alg, &example.local);
            if found.as_ref() != Ok(&example.local) || check.name() != example.national_check {
                return Err(failed(format!("/accept/{i}")));
            }
        }
        for (i, (raw, error)) in self.entry.reject.iter().enumerate() {
            if self.canonical_local(raw).err().map(Code::name) != Some(error.as_str()) {
                return Err(failed(format!("/reject/{i}")));
            }
        }
        Ok(())
    }

    /// The national check of a local.
    pub fn national_check(&self, local: &str) -> NationalCheck {
        national_check(&self.entry.check_alg, local)
    }
}

/// The schemes of all countries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemeTable {
    countries: BTreeMap<String, Vec<Scheme>>,
    /// The patterns of natural persons' numbers of each country, each once.
    deny: BTreeMap<String, Vec<Pattern>>,
    holds_until_ms: u64,
}

impl SchemeTable {
    /// The table of genesis, as built into the program.
    pub fn genesis() -> Self {
        Self::read(GENESIS_TABLE).expect("the bundled table is checked by a test")
    }

    /// Reads a table in the form of `schemes.json`; every example of every entry must give its
    /// stated result (`SCHEME_EXAMPLE_FAILED`).
    pub fn read(bytes: &[u8]) -> Result<Self, Reject> {
        let value = json::parse(bytes)?;
        let mut members = Members::of(&value, "")?;
        let mut table = Self::default();
        members.text("format")?;
        for cc in members.texts("countries")? {
            table.countries.insert(cc.to_owned(), Vec::new());
        }
        members.list("checkAlgorithms")?;
        members.object("legalForms")?;
        for (i, item) in members.list("schemes")?.iter().enumerate() {
            table.add(SchemeEntry::from_value(item, &format!("/schemes/{i}"))?)?;
        }
        for scheme in table.iter() {
            scheme.check_examples()?;
        }
        members.finish()?;
        Ok(table)
    }

    /// Adds an entry: its country must be known and its code no prefix of another (`SCHEME_PREFIX`).
    pub fn add(&mut self, entry: SchemeEntry) -> Result<(), Reject> {
        let schemes = self
            .countries
            .get_mut(&entry.cc)
            .ok_or_else(|| Reject::new(Code::UbinCountryUnknown, "/cc", ""))?;
        let clash = |other: &Scheme| {
            other.entry.code.starts_with(&entry.code) || entry.code.starts_with(&other.entry.code)
        };
        if schemes.iter().any(clash) {
            return Err(Reject::new(Code::SchemePrefix, "/code", ""));
        }
        let scheme = Scheme::new(entry)?;
        deny_all(self.deny.entry(scheme.entry.cc.clone()).or_default(), &scheme);
        schemes.push(scheme);
        schemes.sort_by(|a, b| a.entry.code.cmp(&b.entry.code));
        Ok(())
    }

    /// Fills in what a state says at the genesis ceremony of the register behind a scheme: its domain and
    /// its DID; `None` leaves what there is. `SCHEME_UNKNOWN`.
    pub fn name_register(
        &mut self,
        cc: &str,
        code: &str,
        domain: Option<&str>,
        did: Option<&str>,
    ) -> Result<(), Reject> {
        let mut schemes = self.countries.get_mut(cc).into_iter().flatten();
        let scheme = schemes.find(|scheme| scheme.entry.code == code);
        let scheme = scheme.ok_or_else(|| Reject::new(Code::SchemeUnknown, "/scheme", ""))?;
        let authority = &mut scheme.entry.authority;
        if let Some(domain) = domain {
            authority.register_domain = Some(domain.to_owned());
        }
        if let Some(did) = did {
            authority.did = Some(did.to_owned());
        }
        Ok(())
    }

    /// The table in force in a state at block time `time_ms`.
    pub fn of_state(state: &Overlay<'_>, time_ms: u64) -> Self {
        let mut table = Self { holds_until_ms: u64::MAX, ..Self::default() };
        for cc in state.read::<Vec<String>>(&countries_key()).unwrap_or_default() {
            let index = country(state, &cc).unwrap_or_default();
            let schemes = index.schemes.iter().filter_map(|s| s.load(state, &cc, time_ms));
            let schemes: Vec<Scheme> = schemes.map(Rc::unwrap_or_clone).collect();
            let deny = table.deny.entry(cc.clone()).or_default();
            schemes.iter().for_each(|scheme| deny_all(deny, scheme));
            let waiting = index.schemes.iter().flat_map(|s| s.waiting(time_ms));
            let next = waiting.map(|version| version.effective_ms).min();
            table.holds_until_ms = table.holds_until_ms.min(next.unwrap_or(u64::MAX));
            table.countries.insert(cc, schemes);
        }
        table
    }

    /// The table in force at `time_ms` by a verified bundle of kind `ubin-schemes`; `None` of another
    /// kind. So a program without a node knows versions that are younger than itself.
    pub fn of_proven(proven: &Proven, time_ms: u64) -> Option<Self> {
        if proven.kind != "ubin-schemes" {
            return None;
        }
        let entries = proof::read_entries(&proven.claim).ok()?.into_iter();
        let state = entries.filter_map(|entry| Some((entry.key, entry.stored?))).collect();
        Some(Self::of_state(&Overlay::new(&MemoryState(state)), time_ms))
    }

    /// The block time, ms, from which a version that waits makes this table out of date;
    /// `u64::MAX` if none waits. Meant for tables made by [`Self::of_state`].
    pub const fn holds_until_ms(&self) -> u64 {
        self.holds_until_ms
    }

    /// The schemes of a country, ordered by code; `None` if the country is unknown.
    pub fn of_country(&self, cc: &str) -> Option<&[Scheme]> {
        self.countries.get(cc).map(Vec::as_slice)
    }

    /// The patterns of natural persons' numbers of a country, for the scan of texts.
    pub fn deny_of(&self, cc: &str) -> &[Pattern] {
        self.deny.get(cc).map_or(&[], Vec::as_slice)
    }

    /// One scheme.
    pub fn find(&self, cc: &str, code: &str) -> Option<&Scheme> {
        self.of_country(cc)?.iter().find(|scheme| scheme.entry.code == code)
    }

    /// All schemes, ordered by country and code.
    pub fn iter(&self) -> impl Iterator<Item = &Scheme> {
        self.countries.values().flatten()
    }

    /// The countries.
    pub fn countries(&self) -> impl Iterator<Item = &str> {
        self.countries.keys().map(String::as_str)
    }

    /// Writes the table into the state of genesis, for the member states among `members`.
    pub fn install(&self, state: &mut Overlay<'_>, members: &[String]) {
        let mut countries = Vec::new();
        for (cc, schemes) in self.countries.iter().filter(|(cc, _)| members.contains(cc)) {
            countries.push(cc.clone());
            let mut index = CountryIndex::default();
            for Scheme { entry, .. } in schemes {
                index.schemes.push(SchemeInForce::new(&entry.code, entry.version, 0));
                state.write(scheme_key(cc, &entry.code, entry.version), entry);
            }
            index.deny = index.deny_phases(state, cc);
            state.write(country_key(cc), &index);
        }
        state.write(countries_key(), &countries);
    }
}

/// Adds the patterns of natural persons' numbers of a scheme to those of its country.
fn deny_all(patterns: &mut Vec<Pattern>, scheme: &Scheme) {
    for pattern in &scheme.deny {
        if !patterns.contains(pattern) {
            patterns.push(pattern.clone());
        }
    }
}

/// Whether a text is the domain of a register: two labels or more of a-z, 0-9 and inner hyphens
/// (RFC 1123), at most 253 characters.
pub fn is_domain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

/// Whether a text is a DID: `did:`, a method, `:`, and what the method names.
pub fn is_did(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b"._:%-".contains(&b);
    text.strip_prefix("did:").is_some_and(|rest| rest.contains(':') && rest.bytes().all(word))
        && text.len() <= limits::CONTROLLER_DID_BYTES_MAX
}
