//! Ranking: what the index finds is compared name by name and put in order (ubin-api.md §8.2).

use std::cmp::Reverse;

use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;
use titian_contracts::ubin::name_key::forms::{FormTokens, LegalForms};
use titian_contracts::ubin::name_key::score::{Comparable, PART_MAX, score};
use titian_contracts::ubin::name_key::{self, NameKeys};
use titian_contracts::ubin::public_name::NameField;

use super::index::{Candidate, Filter, IndexError, NameIndex, Wanted};
use super::unavailable;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The name, or its beginning.
    pub text: String,
    /// Which records count.
    pub filter: Filter,
    /// Whether names that begin with the text come first.
    pub prefix: bool,
    /// Hits below this score are not shown.
    pub score_min: u32,
}

/// A record whose name is like the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its UBIN, canonical.
    pub ubin: String,
    /// Where the name that matched stands.
    pub field: NameField,
    /// The name that matched.
    pub name: String,
    /// How alike, 0 to 1000.
    pub score: u32,
    /// Whether the name begins with the query; asked in prefix mode only.
    pub begins: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Best first, at most 50.
    pub hits: Vec<Hit>,
    /// The index has all names up to this height.
    pub indexed_height: u64,
}

/// The keys of what is asked for. `QUERY_LENGTH`.
pub(super) fn keys(forms: &LegalForms, query: &Query) -> Result<NameKeys, Reject> {
    if query.text.len() > limits::QUERY_BYTES_MAX {
        return Err(Reject::new(Code::QueryLength, "/q", "at most 2,048 bytes"));
    }
    let countries: Vec<String> = query.filter.countries.iter().cloned().collect();
    let keys = name_key::keys(&query.text, &forms.of_countries(&countries));
    if !(limits::QUERY_CHARS_MIN..=limits::QUERY_CHARS_MAX).contains(&keys.k1.chars().count()) {
        let detail = "2 to 128 letters, marks, numbers and spaces between them";
        return Err(Reject::new(Code::QueryLength, "/q", detail));
    }
    Ok(keys)
}

/// Searches an index that is at least at `indexed_height` for `keys`, those of the query.
pub(super) fn find(
    index: &dyn NameIndex,
    forms: &LegalForms,
    query: &Query,
    keys: &NameKeys,
    indexed_height: u64,
) -> Result<Found, Reject> {
    let candidates = candidates(index, keys, query).map_err(|error| {
        tracing::error!(%error, "a search failed");
        unavailable("the index of names failed")
    })?;
    let asked = Comparable::from(keys);
    let mut of_country: Option<(String, FormTokens)> = None;
    let mut hits: Vec<Hit> = Vec::new();
    for candidate in candidates {
        let cc = candidate.ubin.get(..2).unwrap_or_default();
        // candidates of one country mostly stand together
        let tokens = match of_country.take() {
            Some((of, tokens)) if of == cc => tokens,
            _ => forms.of_country(cc),
        };
        let cc = cc.to_owned();
        hits.extend(best_name(candidate, &asked, &tokens, query));
        of_country = Some((cc, tokens));
    }
    hits.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(Found { hits, indexed_height })
}

fn order(hit: &Hit) -> (Reverse<bool>, Reverse<u32>, &str) {
    (Reverse(hit.begins), Reverse(hit.score), &hit.ubin)
}

/// In prefix mode those that begin with the query, then, if there is room, those that are like it.
fn candidates(
    index: &dyn NameIndex,
    keys: &NameKeys,
    query: &Query,
) -> Result<Vec<Candidate>, IndexError> {
    let max = limits::SEARCH_CANDIDATES_MAX;
    let mut found = Vec::new();
    if query.prefix {
        found = index.candidates(Wanted::Begins(&keys.k0), &query.filter, max)?;
    }
    if found.len() < max {
        let alike = Wanted::Alike(&[&keys.k0, &keys.core]);
        let more = index.candidates(alike, &query.filter, max - found.len())?;
        let more: Vec<Candidate> =
            more.into_iter().filter(|c| found.iter().all(|known| known.ubin != c.ubin)).collect();
        found.extend(more);
    }
    Ok(found)
}

/// The name of a candidate that is most like the query, the first among equals; `None` if none is
/// like enough.
fn best_name(
    candidate: Candidate,
    asked: &Comparable,
    forms: &FormTokens,
    query: &Query,
) -> Option<Hit> {
    let mut best: Option<Hit> = None;
    for name in candidate.names {
        let compared = Comparable::from(&name_key::keys(&name.text, forms));
        let begins = query.prefix && compared.begins_with(asked);
        // a beginning is a part without an edit, however short
        let score = score(asked, &compared).max(if begins { PART_MAX } else { 0 });
        let better = best.as_ref().is_none_or(|best| (begins, score) > (best.begins, best.score));
        if better && score >= query.score_min {
            let (ubin, name, field) = (candidate.ubin.clone(), name.text, name.field);
            best = Some(Hit { ubin, field, name, score, begins });
        }
    }
    best
}
