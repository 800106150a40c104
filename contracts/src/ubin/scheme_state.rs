//! Which version of a scheme is in force when (ubin-schemes.md §4), and what judges a number now.
//!
//! Invariant: a version takes effect at the block time that was announced for it, without a
//! scheduler: every reader derives it. New patterns of natural persons' numbers hold from the
//! moment they are announced, removed ones until the version without them takes effect. Codes and
//! versions are never deleted.

use std::rc::Rc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::identifier::{Ubin, squeeze};
use super::pattern::Pattern;
use super::record::record_key;
use super::scheme::{Scheme, SchemeEntry, SchemeTable};
use super::vocabulary::SchemeUse;
use crate::error::Code;
use crate::limits;
use crate::state::{KeyBuilder, Overlay, decode_content};

/// What is in force in one country: `ubin/schemes/{cc}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CountryIndex {
    /// Its schemes, ordered by code, retired ones included.
    pub schemes: Vec<SchemeInForce>,
    /// The patterns of natural persons' numbers of all its schemes, for the scan of texts.
    pub deny: Vec<DenyPhase>,
}

/// The patterns of natural persons' numbers of a country from a time on.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DenyPhase {
    /// From when, ms of block time.
    pub from_ms: u64,
    /// Sorted, each once.
    pub patterns: Vec<String>,
}

/// The versions of a scheme that are in force or will be.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SchemeInForce {
    /// The code.
    pub code: String,
    /// Ascending by version; older ones than the one in force are left out.
    pub versions: Vec<SchemeVersion>,
    /// Takes no registrations while this version or an older one is in force (`scheme_suspend`).
    pub suspended_through: u64,
    /// Takes no registrations from this height on.
    pub retired_at_height: Option<u64>,
}

/// A version of a scheme and when it takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SchemeVersion {
    /// The version.
    pub version: u64,
    /// From when, ms of block time; 0 for the table of genesis.
    pub effective_ms: u64,
}

impl CountryIndex {
    fn read(content: &[u8]) -> Option<Self> {
        decode_content(content)
    }

    /// A scheme of the country.
    pub fn find(&self, code: &str) -> Option<&SchemeInForce> {
        self.schemes.iter().find(|scheme| scheme.code == code)
    }

    /// The patterns from each time on at which they change: those of the versions in force, and
    /// of the versions that wait.
    pub(super) fn deny_phases(&self, state: &Overlay<'_>, cc: &str) -> Vec<DenyPhase> {
        let versions = || self.schemes.iter().flat_map(|scheme| &scheme.versions);
        let mut times: Vec<u64> = versions().map(|version| version.effective_ms).collect();
        times.push(0);
        times.sort_unstable();
        times.dedup();
        let patterns_at = |time_ms: u64| {
            let mut patterns: Vec<String> = Vec::new();
            for scheme in &self.schemes {
                let ahead = scheme.waiting(time_ms).map(|version| version.version);
                for version in scheme.in_force(time_ms).into_iter().chain(ahead) {
                    let entry: Option<SchemeEntry> =
                        state.read(&scheme_key(cc, &scheme.code, version));
                    patterns.extend(entry.into_iter().flat_map(|entry| entry.personal_deny));
                }
            }
            patterns.sort();
            patterns.dedup();
            patterns
        };
        let phase = |from_ms| DenyPhase { from_ms, patterns: patterns_at(from_ms) };
        times.into_iter().map(phase).collect()
    }
}

impl SchemeInForce {
    /// A scheme with its first version.
    pub(super) fn new(code: &str, version: u64, effective_ms: u64) -> Self {
        Self {
            code: code.to_owned(),
            versions: vec![SchemeVersion { version, effective_ms }],
            suspended_through: 0,
            retired_at_height: None,
        }
    }

    /// The version in force at block time `time_ms`; `None` if the first one still waits.
    pub fn in_force(&self, time_ms: u64) -> Option<u64> {
        let begun = self.versions.iter().rev().find(|version| version.effective_ms <= time_ms);
        begun.map(|version| version.version)
    }

    /// The versions that wait for their time.
    pub fn waiting(&self, time_ms: u64) -> impl Iterator<Item = &SchemeVersion> {
        self.versions.iter().filter(move |version| version.effective_ms > time_ms)
    }

    /// The newest version.
    pub fn newest(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.version)
    }

    /// The scheme as in force at `time_ms`; patterns of natural persons' numbers of versions that
    /// wait hold already.
    pub(super) fn load(&self, state: &Overlay<'_>, cc: &str, time_ms: u64) -> Option<Rc<Scheme>> {
        let read = |version| {
            state.derived(&scheme_key(cc, &self.code, version), |content| {
                let entry: SchemeEntry = decode_content(content)?;
                Some(Scheme::new(entry).expect("a stored entry was checked when it was written"))
            })
        };
        let mut scheme = read(self.in_force(time_ms)?)?;
        for version in self.waiting(time_ms) {
            if let Some(ahead) = read(version.version) {
                Rc::make_mut(&mut scheme).deny_more(&ahead.entry.personal_deny);
            }
        }
        Some(scheme)
    }
}

/// Whether a country is in the scheme registry.
pub fn is_country(state: &Overlay<'_>, cc: &str) -> bool {
    state.holds(&country_key(cc))
}

/// Whether a country of the scheme registry has a scheme of this code, in force, waiting or retired.
pub fn is_scheme_code(state: &Overlay<'_>, code: &str) -> bool {
    let countries: Vec<String> = state.read(&countries_key()).unwrap_or_default();
    countries.iter().filter_map(|cc| country(state, cc)).any(|schemes| schemes.find(code).is_some())
}

/// The schemes of a country.
pub fn country(state: &Overlay<'_>, cc: &str) -> Option<CountryIndex> {
    state.read(&country_key(cc))
}

/// The patterns of natural persons' numbers of a country, ready to match, from each time on.
struct DenyPatterns(Vec<(u64, Rc<Vec<Pattern>>)>);

impl DenyPatterns {
    fn read(content: &[u8]) -> Option<Self> {
        let index: CountryIndex = decode_content(content)?;
        let ready = |text: &String| {
            Pattern::parse(text).expect("a stored pattern was checked when it was written")
        };
        let phase = |phase: &DenyPhase| {
            (phase.from_ms, Rc::new(phase.patterns.iter().map(ready).collect()))
        };
        Some(Self(index.deny.iter().map(phase).collect()))
    }

    fn at(&self, time_ms: u64) -> Rc<Vec<Pattern>> {
        let phase = self.0.iter().rev().find(|(from_ms, _)| *from_ms <= time_ms);
        phase.map(|(_, patterns)| Rc::clone(patterns)).unwrap_or_default()
    }
}

/// State key of the countries.
pub fn countries_key() -> Vec<u8> {
    b"ubin/countries".to_vec()
}

/// State key of what is in force in a country.
pub fn country_key(cc: &str) -> Vec<u8> {
    KeyBuilder::new("ubin", "schemes").text(cc).build()
}

/// State key of one version of a scheme.
pub fn scheme_key(cc: &str, code: &str, version: u64) -> Vec<u8> {
    KeyBuilder::new("ubin", "scheme").text(cc).text(code).number(version).build()
}

/// A number of a known scheme, with what judges it.
#[derive(Clone, Debug)]
pub struct Known {
    /// The number.
    pub ubin: Ubin,
    /// The scheme version in force.
    pub scheme: Rc<Scheme>,
    /// Its versions.
    pub in_force: SchemeInForce,
    /// Whether a version that waits ends the use for records: then it takes none any more.
    leaves_primary: bool,
    /// The patterns of natural persons' numbers of the country.
    pub deny: Rc<Vec<Pattern>>,
}

impl Known {
    /// Whether numbers may be registered under the scheme at `height`, as records or aliases.
    pub fn takes_registrations(&self, height: u64) -> bool {
        self.scheme.entry.version > self.in_force.suspended_through
            && !self.leaves_primary
            && self.in_force.retired_at_height.is_none_or(|retired| height < retired)
    }
}

/// The parts of a UBIN in its canonical spelling: country, scheme code, local, check characters.
fn canonical_parts(text: &str) -> Result<[&str; 4], Code> {
    let squeezed = squeeze(text)?;
    let mut parts = text.split('-');
    let (Some(cc), Some(code), Some(local), Some(check), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Code::Malformed);
    };
    let parts = [cc, code, local, check];
    if parts.concat() == squeezed { Ok(parts) } else { Err(Code::Malformed) }
}

/// Reads a canonical UBIN against a table, as [`known`] does for a number that is not registered.
pub fn known_in<'t>(table: &'t SchemeTable, text: &str) -> Result<(&'t Scheme, Ubin), Code> {
    let [cc, code, local, check] = canonical_parts(text)?;
    if table.of_country(cc).is_none() {
        return Err(Code::UbinCountryUnknown);
    }
    let scheme = table.find(cc, code).ok_or(Code::UbinSchemeUnknown)?;
    if !(1..=limits::UBIN_LOCAL_CHARS_MAX).contains(&local.len()) {
        return Err(Code::UbinLocalLength);
    }
    if scheme.is_personal(local) {
        return Err(Code::PersonalNumberRefused);
    }
    let ubin = Ubin { cc: cc.to_owned(), scheme: code.to_owned(), local: local.to_owned() };
    if ubin.check() == check { Ok((scheme, ubin)) } else { Err(Code::UbinCheckFailed) }
}

/// Reads a canonical UBIN against the schemes in force at block time `time_ms`, with the errors of
/// parsing (ubin.md §1.4); another spelling is `MALFORMED`, for ops name one number in one way.
///
/// A number that is registered stays usable when a later pattern takes it for personal: it must
/// be possible to correct or renumber its record.
pub fn known(state: &Overlay<'_>, time_ms: u64, text: &str) -> Result<Known, Code> {
    let [cc, code, local, check] = canonical_parts(text)?;
    let index = state.derived(&country_key(cc), CountryIndex::read);
    let index = index.ok_or(Code::UbinCountryUnknown)?;
    let in_force = index.find(code).ok_or(Code::UbinSchemeUnknown)?;
    let scheme = in_force.load(state, cc, time_ms).ok_or(Code::UbinSchemeUnknown)?;
    if !(1..=limits::UBIN_LOCAL_CHARS_MAX).contains(&local.len()) {
        return Err(Code::UbinLocalLength);
    }
    let ubin = Ubin { cc: cc.to_owned(), scheme: code.to_owned(), local: local.to_owned() };
    if scheme.is_personal(local) && !state.holds(&record_key(&ubin)) {
        return Err(Code::PersonalNumberRefused);
    }
    if ubin.check() != check {
        return Err(Code::UbinCheckFailed);
    }
    let leaves_primary = scheme.entry.usage == SchemeUse::Primary
        && in_force.waiting(time_ms).any(|version| {
            state
                .read::<SchemeEntry>(&scheme_key(cc, code, version.version))
                .is_some_and(|entry| entry.usage != SchemeUse::Primary)
        });
    let deny = state.derived(&country_key(cc), DenyPatterns::read);
    let deny = deny.map(|deny| deny.at(time_ms)).unwrap_or_default();
    Ok(Known { ubin, scheme, in_force: in_force.clone(), leaves_primary, deny })
}
