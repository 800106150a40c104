//! The rules under which a record stands, as the registers hold them (etr-api.md §2, kind
//! `etr-rules`): its type profile, what states say of its class, regime, rulebooks, court policy.
//!
//! All of it is public. Of a rulebook the ledger holds the digest of its text only.

use std::collections::BTreeSet;

use super::court::{self, CourtPolicies, CourtPolicy};
use super::keys;
use super::legal::{self, LegalEffect, Regime, Rulebook};
use super::profile::{Profile, profile_hash};
use super::record::Record;
use crate::claim::{Frame, Walk, differs, missing, stated_text};
use crate::digest::Digest;
use crate::json::{self, Value};
use crate::limits;
use crate::proof::VerifyError;

/// `etr-rules`: states `profile` (`id@version`), `regime`, `home`, `rulebooks` (digests) and `states`.
pub(super) fn claim(
    stated: &Value,
    walk: &mut Walk<'_>,
    frame: Frame<'_>,
) -> Result<Value, VerifyError> {
    let name = stated_text(stated, "profile")?;
    let (regime, home) = (stated_text(stated, "regime")?, stated_text(stated, "home")?);
    let rulebooks = list(stated, "rulebooks")?;
    let states = list(stated, "states")?;
    let text: String =
        walk.read(&keys::profile(name))?.ok_or_else(|| differs("there is no such profile"))?;
    let value = json::parse(text.as_bytes())?;
    let profile = Profile::from_value(&value)?;
    let withdrawn: Option<bool> = walk.read(&keys::profile_withdrawn(name))?;
    let regime_entry: Option<Regime> = walk.read(&legal::regime_key(regime))?;
    let mut books = Vec::new();
    for text in &rulebooks {
        let digest = Digest::parse(text).ok_or_else(|| missing("rulebooks"))?;
        let of: Option<Vec<String>> = walk.read(&legal::rulebook_states_key(digest))?;
        for cc in of.unwrap_or_default() {
            let book: Option<Rulebook> = walk.read(&legal::rulebook_key(&cc, digest))?;
            books.extend(book.map(|book| rulebook_value(&book)));
        }
    }
    let mut effects = Vec::new();
    for cc in &states {
        let class = profile.law_class.as_str();
        let mut entry: Option<LegalEffect> = walk.read(&legal::effect_key(cc, class))?;
        if entry.is_none() {
            entry = walk.read(&legal::effect_key(cc, "*"))?;
        }
        effects.push(effect_value(cc, entry.as_ref(), class, profile.mletr, frame.time_ms));
    }
    let policies: Option<CourtPolicies> = walk.read(&court::policy_key(home))?;
    let policies = policies.unwrap_or_default().0;
    Ok(Value::object([
        ("profile", Value::from(name)),
        ("profileDigest", Value::from(profile_hash(&value))),
        ("profileValue", value),
        ("withdrawn", Value::from(withdrawn.unwrap_or(false))),
        ("regime", Value::from(regime)),
        ("regimeEntry", Value::from(regime_entry.as_ref().map(regime_value))),
        ("home", Value::from(home)),
        ("courtPolicies", Value::List(policies.iter().map(court_value).collect())),
        ("rulebooks", crate::claim::texts(&rulebooks)),
        ("rulebookEntries", Value::List(books)),
        ("states", crate::claim::texts(&states)),
        ("legalEffect", Value::List(effects)),
    ]))
}

/// The question about the rules of a record after `ops`: its profile, regime and home, the rulebooks
/// that the ops name, and the states of those who are, or were, concerned. A claim takes so many of
/// each; a record that concerns more shows the first of them.
pub fn question(record: &Record, ops: &[Value]) -> Value {
    let (mut rulebooks, mut states) = (BTreeSet::new(), BTreeSet::new());
    let mut add =
        |text: Option<&str>| states.extend(text.and_then(|t| t.get(..2)).map(str::to_owned));
    for op in ops {
        rulebooks.extend(op.get("rulebook").and_then(Value::as_text).map(str::to_owned));
        for signature in op.get("sigs").and_then(Value::as_list).unwrap_or_default() {
            add(signature.get("party").and_then(Value::as_text));
        }
    }
    let party = &record.party;
    for ubin in party.controller.members().iter().chain([&party.issuer, &party.obligor]) {
        add(Some(ubin));
    }
    add(Some(&record.public.home));
    let regime = record.public.regime.as_str();
    add(Some(regime.strip_prefix("CONTRACT-").unwrap_or(regime)));
    let list = |items: BTreeSet<String>| -> Value {
        let items = items.into_iter().take(limits::ETR_RULES_ITEMS_MAX).map(Value::from);
        Value::List(items.collect())
    };
    Value::object([
        ("profile", Value::from(record.public.profile.as_str())),
        ("regime", Value::from(regime)),
        ("home", Value::from(record.public.home.as_str())),
        ("rulebooks", list(rulebooks)),
        ("states", list(states)),
    ])
}

/// A list of texts of the question, none twice.
fn list(stated: &Value, name: &str) -> Result<Vec<String>, VerifyError> {
    let items = stated.get(name).and_then(Value::as_list).ok_or_else(|| missing(name))?;
    let texts: Vec<String> = items.iter().filter_map(Value::as_text).map(str::to_owned).collect();
    let ascending = texts.windows(2).all(|pair| pair[0] < pair[1]);
    if texts.len() == items.len() && texts.len() <= limits::ETR_RULES_ITEMS_MAX && ascending {
        Ok(texts)
    } else {
        Err(missing(name))
    }
}

fn regime_value(regime: &Regime) -> Value {
    Value::object([
        ("id", Value::from(regime.id.as_str())),
        ("country", Value::from(regime.country.as_str())),
        ("citation", Value::from(regime.citation.as_str())),
        ("advisory", Value::from(regime.advisory)),
        ("version", Value::from(regime.version)),
    ])
}

fn rulebook_value(book: &Rulebook) -> Value {
    Value::object([
        ("cc", Value::from(book.cc.as_str())),
        ("digest", Value::from(book.digest)),
        ("title", Value::from(book.title.as_str())),
        ("fromMs", Value::from(book.from_ms)),
        ("untilMs", Value::from(book.until_ms)),
        ("version", Value::from(book.version)),
    ])
}

/// What a state says of a class of records, with the verdict at `time_ms`.
pub fn effect_value(
    ams: &str,
    entry: Option<&LegalEffect>,
    class: &str,
    mletr: bool,
    time_ms: u64,
) -> Value {
    let verdict = Value::from(legal::verdict(entry, class, mletr, time_ms).text());
    let Some(entry) = entry else {
        return Value::object([
            ("ams", Value::from(ams)),
            ("class", Value::from(class)),
            ("status", Value::from("unknown")),
            ("verdict", verdict),
        ]);
    };
    let policy = Value::object([
        ("full", Value::from(entry.policy.full.text())),
        ("contractual", Value::from(entry.policy.contractual.text())),
        ("excluded", Value::from(entry.policy.excluded.text())),
        ("unknown", Value::from(entry.policy.unknown.text())),
    ]);
    Value::object([
        ("ams", Value::from(entry.ams.as_str())),
        ("class", Value::from(entry.class.as_str())),
        ("instrument", Value::from(entry.instrument.as_str())),
        ("status", Value::from(entry.status.as_str())),
        ("sinceMs", Value::from(entry.since_ms)),
        ("citation", Value::from(entry.citation.as_str())),
        ("excludes", crate::claim::texts(&entry.excludes)),
        ("presumption", Value::from(entry.presumption.as_str())),
        ("policy", policy),
        ("verdict", verdict),
        ("version", Value::from(entry.version)),
    ])
}

/// What a state lets its courts do.
pub fn court_value(policy: &CourtPolicy) -> Value {
    let keys = policy.court_keys.iter().map(|(party, no)| Value::from(format!("{party}#k{no}")));
    let reach = if policy.reach_all { "all" } else { "issued_after" };
    Value::object([
        ("ams", Value::from(policy.ams.as_str())),
        ("enacted", Value::from(true)),
        ("acts", crate::claim::texts(&policy.acts)),
        ("basis", Value::from(policy.basis.as_str())),
        ("courtKeys", Value::List(keys.collect())),
        ("courtK", Value::from(policy.court_k)),
        ("registryK", Value::from(policy.registry_k)),
        ("noticeS", Value::from(policy.notice_s)),
        ("exParte", Value::from(policy.ex_parte)),
        ("freezeMaxS", Value::from(policy.freeze_max_s)),
        ("reach", Value::from(reach)),
        ("fromHeight", Value::from(policy.from_height)),
        ("effectiveMs", Value::from(policy.effective_ms)),
        ("version", Value::from(policy.version)),
    ])
}
