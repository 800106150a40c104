//! Which items of the feed a reader wants.

use std::collections::BTreeSet;

use titian_api::Refusal;
use titian_api::ubin_feed::Filter as Asked;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::feed::is_act;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::vocabulary::Status;
use titian_contracts::ubin::{record, scheme};

use crate::ledger::Ledger;

/// A filter; an empty set asks for nothing. Watched businesses are known by their entities, so that
/// they are followed to another number or state.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    cc: BTreeSet<String>,
    scheme: BTreeSet<String>,
    act: BTreeSet<String>,
    status: BTreeSet<String>,
    watch: BTreeSet<String>,
    entities: BTreeSet<String>,
}

impl Filter {
    /// Reads a filter. `canonical` gives the canonical form of a UBIN in any spelling. A word that no
    /// item can hold is refused, for a reader would take its silence for "nothing happened". Errors:
    /// `LIMIT_EXCEEDED`, `INVALID_PARAMS`, and those of `canonical`.
    pub fn read(
        asked: &Asked,
        ledger: &Ledger,
        canonical: impl Fn(&str) -> Result<Ubin, Refusal>,
    ) -> Result<Self, Refusal> {
        let reader = ledger.reader();
        let state = Overlay::new(&reader);
        let upper = str::to_uppercase;
        let mut filter = Self {
            cc: set("cc", &asked.cc, upper, |cc| scheme::is_country(&state, cc))?,
            scheme: set("scheme", &asked.scheme, upper, |code| {
                scheme::is_scheme_code(&state, code)
            })?,
            act: set("act", &asked.act, |act| act.replace('-', "_"), is_act)?,
            status: set("status", &asked.status, upper, |status| Status::parse(status).is_some())?,
            ..Self::default()
        };
        check_count("watch", asked.watch.len(), limits::FEED_WATCH_MAX)?;
        for input in &asked.watch {
            let ubin = canonical(input)?;
            let found = record::find(&state, &ubin);
            filter.entities.extend(found.map(|(_, record)| record.entity));
            filter.watch.insert(ubin.to_string());
        }
        Ok(filter)
    }

    /// Whether an event passes. `entity_of` finds the entity behind a number.
    pub fn passes(
        &self,
        act: &str,
        facts: &Value,
        entity_of: impl Fn(&str) -> Option<String>,
    ) -> bool {
        let fact = |name: &str| facts.get(name).and_then(Value::as_text);
        let within = |set: &BTreeSet<String>, value: Option<&str>| {
            set.is_empty() || value.is_some_and(|value| set.contains(value))
        };
        let number = fact("ubin").and_then(Ubin::parse_canonical);
        let cc = number.as_ref().map(|ubin| ubin.cc.as_str()).or_else(|| fact("cc"));
        let scheme = number.as_ref().map(|ubin| ubin.scheme.as_str()).or_else(|| fact("scheme"));
        within(&self.act, Some(act))
            && within(&self.cc, cc)
            && within(&self.scheme, scheme)
            && within(&self.status, fact("status"))
            && (self.watch.is_empty() || self.watches(facts, entity_of))
    }

    fn watches(&self, facts: &Value, entity_of: impl Fn(&str) -> Option<String>) -> bool {
        let fact = |name: &str| facts.get(name).and_then(Value::as_text);
        let named = ["ubin", "alias"].into_iter().filter_map(fact);
        if named.into_iter().any(|number| self.watch.contains(number)) {
            return true;
        }
        match fact("entity") {
            Some(entity) => self.entities.contains(entity),
            None => fact("ubin")
                .and_then(entity_of)
                .is_some_and(|entity| self.entities.contains(&entity)),
        }
    }
}

fn set(
    name: &str,
    items: &[String],
    form: impl Fn(&str) -> String,
    is_known: impl Fn(&str) -> bool,
) -> Result<BTreeSet<String>, Refusal> {
    check_count(name, items.len(), limits::FEED_FILTER_ITEMS_MAX)?;
    let items: BTreeSet<String> = items.iter().map(|item| form(item)).collect();
    if items.iter().all(|item| is_known(item)) {
        return Ok(items);
    }
    let detail = format!("an unknown {name}");
    Err(Refusal::new(Code::InvalidParams, &format!("/filter/{name}"), &detail))
}

fn check_count(name: &str, count: usize, most: usize) -> Result<(), Refusal> {
    if count <= most {
        return Ok(());
    }
    let detail = format!("at most {most}");
    Err(Refusal::new(Code::LimitExceeded, &format!("/filter/{name}"), &detail))
}
