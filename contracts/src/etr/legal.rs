//! Legal effect: what each state says of a class of records, and what follows (etr-profiles.md §4).
//!
//! Each state decides for itself; ways out of a record are never blocked. The entries are written
//! by `gov` acts of their own state (`law_acts`), for countries outside the network by accepted proposals,
//! and at genesis, through [`put_effect`], [`put_regime`]
//! and [`put_rulebook`]. It deliberately gives no legal advice: it compares entries.

use std::collections::BTreeMap;
use std::rc::Rc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::state::{KeyBuilder, Overlay};

/// What a verdict leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Effect {
    /// Nothing to say.
    Allow,
    /// The op acknowledges it.
    Warn,
    /// The act is refused.
    Block,
}

/// What a state's law says of a class at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The type is no transferable record.
    NotApplicable,
    /// A statute in force gives full effect.
    Full,
    /// Effect by contract only.
    Contractual,
    /// The statute leaves this class out.
    Excluded,
    /// Nothing is recorded.
    Unknown,
}

impl Verdict {
    /// The word in `ack`.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::Full => "full",
            Self::Contractual => "contractual",
            Self::Excluded => "excluded",
            Self::Unknown => "unknown",
        }
    }
}

impl Effect {
    /// The word in entries.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }
}

/// What a state lets follow from its own verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Policy {
    /// For full.
    pub full: Effect,
    /// For contractual.
    pub contractual: Effect,
    /// For excluded.
    pub excluded: Effect,
    /// For unknown.
    pub unknown: Effect,
}

impl Policy {
    /// Warn of everything: what holds where a state has no entry.
    pub const WARN: Self = Self {
        full: Effect::Warn,
        contractual: Effect::Warn,
        excluded: Effect::Warn,
        unknown: Effect::Warn,
    };

    const fn effect(&self, verdict: Verdict) -> Effect {
        match verdict {
            Verdict::NotApplicable => Effect::Allow,
            Verdict::Full => self.full,
            Verdict::Contractual => self.contractual,
            Verdict::Excluded => self.excluded,
            Verdict::Unknown => self.unknown,
        }
    }
}

/// Block times of the last moves to block, by verdict; 0 for what the genesis says. One counts only while
/// the policy says block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockSince {
    /// For full.
    pub full: u64,
    /// For contractual.
    pub contractual: u64,
    /// For excluded.
    pub excluded: u64,
    /// For unknown.
    pub unknown: u64,
}

impl BlockSince {
    /// All at `ms`.
    pub const fn all(ms: u64) -> Self {
        Self { full: ms, contractual: ms, excluded: ms, unknown: ms }
    }

    const fn of(&self, verdict: Verdict) -> u64 {
        match verdict {
            Verdict::NotApplicable => 0,
            Verdict::Full => self.full,
            Verdict::Contractual => self.contractual,
            Verdict::Excluded => self.excluded,
            Verdict::Unknown => self.unknown,
        }
    }

    /// Those of an entry that takes the place of `old` at `t`. A verdict that led to block goes on
    /// from when it did, unless the change may bring it to classes that had another one: what was
    /// issued before must not be caught by it.
    pub fn after(old: &LegalEffect, new: &LegalEffect, t: u64) -> Self {
        let within = |a: &LegalEffect, b: &LegalEffect| {
            a.excludes.iter().all(|class| b.excludes.contains(class))
        };
        // what the status says of a class that is not left out
        let said = |entry: &LegalEffect| match entry.status.as_str() {
            "unknown" => (0, 0),
            "in_force" => (1, entry.since_ms),
            _ => (2, 0),
        };
        let (none_left, none_joined) = (within(old, new), within(new, old));
        let same_base = said(old) == said(new) && none_left;
        let same_excluded = none_joined && (said(old).0 == 0) == (said(new).0 == 0);
        let since = |verdict: Verdict, same: bool| {
            let went_on = old.policy.effect(verdict) == Effect::Block && same;
            if went_on { old.block_since.of(verdict) } else { t }
        };
        Self {
            full: since(Verdict::Full, same_base),
            contractual: since(Verdict::Contractual, same_base),
            excluded: since(Verdict::Excluded, same_excluded),
            // a state of which nothing is known leaves nothing out
            unknown: since(Verdict::Unknown, said(old) == said(new)),
        }
    }
}

/// An entry of the legal-effect register: `gov/legal/{ams}/{class}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LegalEffect {
    /// The state.
    pub ams: String,
    /// A law class or `*`.
    pub class: String,
    /// MLETR or another instrument.
    pub instrument: String,
    /// unknown, none, gap_study, draft, consultation, tabled, enacted, in_force or repealed.
    pub status: String,
    /// From when the status holds, ms.
    pub since_ms: u64,
    /// The statute.
    pub citation: String,
    /// Law classes the statute leaves out.
    pub excludes: Vec<String>,
    /// What is presumed of accredited systems.
    pub presumption: String,
    /// What follows.
    pub policy: Policy,
    /// Since when each verdict leads to block: records issued before are warned of, not blocked.
    pub block_since: BlockSince,
    /// Raised by each change.
    pub version: u64,
}

/// A regime: `gov/regime/{id}`; ids are `CC-name`, or `CONTRACT-CC` for the rulebook alone.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Regime {
    /// Its id.
    pub id: String,
    /// Its country.
    pub country: String,
    /// The statute.
    pub citation: String,
    /// Whether the country is outside the network.
    pub advisory: bool,
    /// Raised by each change.
    pub version: u64,
}

/// A rulebook of a state: `gov/rulebook/{cc}/{digest}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rulebook {
    /// The state that has it in force.
    pub cc: String,
    /// Digest of its text.
    pub digest: Digest,
    /// Its title.
    pub title: String,
    /// From when, ms.
    pub from_ms: u64,
    /// Until when, ms, exclusive; none while no end is set.
    pub until_ms: Option<u64>,
    /// Raised by each change.
    pub version: u64,
}

/// State key of a legal-effect entry.
pub fn effect_key(ams: &str, class: &str) -> Vec<u8> {
    KeyBuilder::new("gov", "legal").text(ams).text(class).build()
}

/// State key of a regime.
pub fn regime_key(id: &str) -> Vec<u8> {
    KeyBuilder::new("gov", "regime").text(id).build()
}

/// State key of a rulebook entry.
pub fn rulebook_key(cc: &str, digest: Digest) -> Vec<u8> {
    KeyBuilder::new("gov", "rulebook").text(cc).text(&digest.to_text()).build()
}

/// State key of the list of states that ever had a rulebook: state has no range reads for rules.
pub fn rulebook_states_key(digest: Digest) -> Vec<u8> {
    KeyBuilder::new("gov", "rulebook_states").text(&digest.to_text()).build()
}

/// Writes an entry. Who may is for the caller to ask.
pub fn put_effect(state: &mut Overlay<'_>, entry: &LegalEffect) {
    state.write(effect_key(&entry.ams, &entry.class), entry);
}

/// Writes a regime. Who may is for the caller to ask.
pub fn put_regime(state: &mut Overlay<'_>, regime: &Regime) {
    state.write(regime_key(&regime.id), regime);
}

/// Writes a rulebook entry and lists its state. Who may is for the caller to ask.
pub fn put_rulebook(state: &mut Overlay<'_>, rulebook: &Rulebook) {
    let mut states = rulebook_states(state, rulebook.digest);
    if !states.contains(&rulebook.cc) {
        states.push(rulebook.cc.clone());
        states.sort_unstable();
        state.write(rulebook_states_key(rulebook.digest), &states);
    }
    state.write(rulebook_key(&rulebook.cc, rulebook.digest), rulebook);
}

/// The states that ever had a rulebook.
pub fn rulebook_states(state: &Overlay<'_>, digest: Digest) -> Vec<String> {
    state.read(&rulebook_states_key(digest)).unwrap_or_default()
}

/// Whether at least one state has the rulebook in force at `t`: from ≤ t < until.
pub fn rulebook_in_force(state: &Overlay<'_>, digest: Digest, t: u64) -> bool {
    let states = state.shared::<Vec<String>>(&rulebook_states_key(digest));
    states.iter().flat_map(|states| states.iter()).any(|cc| {
        state
            .shared::<Rulebook>(&rulebook_key(cc, digest))
            .is_some_and(|book| book.from_ms <= t && book.until_ms.is_none_or(|until| t < until))
    })
}

/// A regime.
pub fn regime(state: &Overlay<'_>, id: &str) -> Option<Rc<Regime>> {
    state.shared(&regime_key(id))
}

/// The entry that holds for a class in a state: its own, else that of `*`.
pub fn effect(state: &Overlay<'_>, ams: &str, class: &str) -> Option<Rc<LegalEffect>> {
    state.shared(&effect_key(ams, class)).or_else(|| state.shared(&effect_key(ams, "*")))
}

/// The verdict of an entry on a class at `t`.
pub fn verdict(entry: Option<&LegalEffect>, class: &str, mletr: bool, t: u64) -> Verdict {
    let Some(entry) = entry else {
        return if mletr { Verdict::Unknown } else { Verdict::NotApplicable };
    };
    if !mletr {
        Verdict::NotApplicable
    } else if entry.status == "unknown" {
        Verdict::Unknown
    } else if entry.excludes.iter().any(|excluded| excluded == class) {
        Verdict::Excluded
    } else if entry.status == "in_force" && entry.since_ms <= t {
        Verdict::Full
    } else {
        Verdict::Contractual
    }
}

/// A record as the question to the law sees it.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// Its law class.
    pub class: &'a str,
    /// Whether its profile is of the model law.
    pub mletr: bool,
    /// When it was issued, ms.
    pub issued_ms: u64,
    /// Block time.
    pub t: u64,
}

/// The states concerned by an act.
#[derive(Clone, Debug, Default)]
pub struct Concerned(BTreeMap<String, bool>);

impl Concerned {
    /// A state whose block counts: of the regime, the giver or the receiver.
    pub fn add(&mut self, cc: &str) {
        self.0.insert(cc.to_owned(), true);
    }

    /// The obligor's state: its block counts as warn, so that it cannot trap a record.
    pub fn add_obligor(&mut self, cc: &str) {
        self.0.entry(cc.to_owned()).or_insert(false);
    }
}

/// What one state says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The state.
    pub jurisdiction: String,
    /// What its law says.
    pub verdict: Verdict,
    /// What follows.
    pub effect: Effect,
    /// The entry that says so; none where the state has none on the class.
    pub entry: Option<Rc<LegalEffect>>,
}

/// What each concerned state says, by country code.
pub fn opinions(state: &Overlay<'_>, matter: Matter<'_>, concerned: &Concerned) -> Vec<Opinion> {
    concerned
        .0
        .iter()
        .map(|(cc, may_block)| {
            let entry = effect(state, cc, matter.class);
            let verdict = verdict(entry.as_deref(), matter.class, matter.mletr, matter.t);
            let policy = entry.as_ref().map_or(Policy::WARN, |entry| entry.policy);
            // a move to block binds records issued after it
            let bound = |entry: &Rc<LegalEffect>| matter.issued_ms >= entry.block_since.of(verdict);
            let binds = *may_block && entry.as_ref().is_some_and(bound);
            let effect = match policy.effect(verdict) {
                _ if verdict == Verdict::NotApplicable => Effect::Allow,
                Effect::Block if !binds => Effect::Warn,
                effect => effect,
            };
            Opinion { jurisdiction: cc.clone(), verdict, effect, entry }
        })
        .collect()
}

/// The sorted `CC:verdict` of those who warn: what `ack` must equal.
pub fn warnings(opinions: &[Opinion]) -> Vec<String> {
    opinions
        .iter()
        .filter(|opinion| opinion.effect == Effect::Warn)
        .map(|opinion| format!("{}:{}", opinion.jurisdiction, opinion.verdict.text()))
        .collect()
}

/// `LEGAL_BLOCKED` if a state blocks, `LEGAL_ACK_REQUIRED` unless `ack` is the set of warnings.
pub fn check(opinions: &[Opinion], ack: &[String]) -> Result<(), Reject> {
    if let Some(blocking) = opinions.iter().find(|opinion| opinion.effect == Effect::Block) {
        let detail = format!("{}:{}", blocking.jurisdiction, blocking.verdict.text());
        return Err(Reject::new(Code::LegalBlocked, "/id", &detail));
    }
    let needed = warnings(opinions);
    if needed == ack {
        return Ok(());
    }
    let detail = format!("ack must be [{}]", needed.join(","));
    Err(Reject::new(Code::LegalAckRequired, "/ack", &detail))
}
