//! Records by name. The index finds and ranks; what is shown of a record is read from the ledger's
//! head.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use titian_api::ubin::{SearchFilter, SearchMode, SearchParams};
use titian_api::{Object, Refusal, SimilarName};
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::limits;
use titian_contracts::state::Overlay;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::public_name::public_names;
use titian_contracts::ubin::record::{self, Entry, Record};
use titian_contracts::ubin::vocabulary::{Category, Status};
use titian_contracts::ubin::{challenge, refresh_days, scheme, view as ubin_view};

use super::proofs;
use crate::rpc::at::At;
use crate::rpc::methods::{Answer, blocking, page_items, refusal_of};
use crate::rpc::{State, view};
use crate::search::index::Filter;
use crate::search::query::{Hit, Query};

/// Score below which hits are left out, and how many are shown, unless the caller says otherwise.
const SCORE_MIN: u32 = 600;
const HITS: u32 = 10;
/// Similar names that a dry run tells of.
const SIMILAR_MAX: usize = 10;

/// `ubin_search`.
pub(super) async fn names(state: Arc<State>, params: SearchParams) -> Answer<Object> {
    let query = read_query(&state, &params)?;
    let limit = page_items(params.limit, HITS, limits::SEARCH_HITS_MAX as u32)?;
    let searching = Arc::clone(&state);
    let (mut hits, mut answer) = blocking(move || found(&searching, &query, limit)).await?;
    if params.proof {
        for (ubin, shown) in &mut hits {
            let bundle = proofs::one(&state, ubin, None, None).await?.bundle;
            shown.insert("proof".to_owned(), serde_json::Value::Object(bundle));
        }
    }
    let hits = hits.into_iter().map(|(_, shown)| serde_json::Value::Object(shown)).collect();
    answer.insert("hits".to_owned(), serde_json::Value::Array(hits));
    Ok(answer)
}

fn read_query(state: &State, params: &SearchParams) -> Answer<Query> {
    let score_min = params.min_score.unwrap_or(SCORE_MIN);
    if score_min > 1000 {
        return Err(Refusal::new(Code::InvalidParams, "/minScore", "0 to 1000"));
    }
    Ok(Query {
        text: params.q.clone(),
        filter: read_filter(state, &params.filter)?,
        prefix: params.mode == SearchMode::Prefix,
        score_min,
    })
}

fn read_filter(state: &State, filter: &SearchFilter) -> Answer<Filter> {
    let invalid = |field: &str, detail: &str| Refusal::new(Code::InvalidParams, field, detail);
    let reader = state.ledger().reader();
    let registry = Overlay::new(&reader);
    let codes = |values: &[String], field: &str, is_known: &dyn Fn(&str) -> bool| {
        if values.len() <= limits::SEARCH_FILTER_MAX && values.iter().all(|code| is_known(code)) {
            Ok(values.iter().cloned().collect::<BTreeSet<String>>())
        } else {
            Err(invalid(field, "at most 64 codes of the scheme registry, in capital letters"))
        }
    };
    if filter.category.len().max(filter.status.len()) > limits::SEARCH_FILTER_MAX {
        return Err(invalid("/filter", "at most 64 values each"));
    }
    let categories: Option<Vec<_>> = filter.category.iter().map(|c| Category::parse(c)).collect();
    let statuses: Option<Vec<_>> = filter.status.iter().map(|s| Status::parse(s)).collect();
    Ok(Filter {
        countries: codes(&filter.cc, "/filter/cc", &|cc| scheme::is_country(&registry, cc))?,
        schemes: codes(&filter.scheme, "/filter/scheme", &|code| {
            scheme::is_scheme_code(&registry, code)
        })?,
        categories: categories.ok_or_else(|| invalid("/filter/category", "unknown category"))?,
        statuses: statuses.ok_or_else(|| invalid("/filter/status", "unknown status"))?,
        live: filter.live,
    })
}

/// A hit with what the head says of its record.
struct Standing {
    hit: Hit,
    ubin: Ubin,
    record: Record,
    quality: &'static str,
}

impl Standing {
    /// Beginnings first where they were asked for, then by score; CURRENT before other quality; live
    /// before not; by UBIN.
    fn order(&self) -> (Reverse<bool>, Reverse<u32>, bool, bool, &Ubin) {
        let (begins, score) = (Reverse(self.hit.begins), Reverse(self.hit.score));
        (begins, score, self.quality != "CURRENT", !self.record.is_live(), &self.ubin)
    }

    fn shown(&self) -> Object {
        view::object(&Value::object([
            ("ubin", Value::from(self.ubin.to_string())),
            ("name", Value::from(self.hit.name.as_str())),
            ("field", Value::from(self.hit.field.pointer())),
            ("nameType", Value::from(self.hit.field.kind())),
            ("score", Value::from(u64::from(self.hit.score))),
            ("entity", Value::from(self.record.entity.as_str())),
            ("category", Value::from(self.record.category.name())),
            ("status", Value::from(self.record.shown_status().name())),
            ("live", Value::from(self.record.is_live())),
            ("quality", Value::from(self.quality)),
        ]))
    }
}

/// The hits with their UBINs, and the answer around them.
fn found(state: &State, query: &Query, limit: usize) -> Answer<(Vec<(Ubin, Object)>, Object)> {
    let found = state.backend.search.find(query).map_err(refusal_of)?;
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let standing = |hit: Hit| {
        let ubin = Ubin::parse_canonical(&hit.ubin)?;
        let Entry::Record(record) = record::entry(&overlay, &ubin)? else { return None };
        // the record may have moved on since it was indexed
        let wanted = query.filter.admits(record.category, record.shown_status(), record.is_live());
        let days = refresh_days(&overlay, &ubin, record.meta.scheme_version);
        let challenges = challenge::open(&overlay, &record.entity, &ubin.cc);
        let quality = ubin_view::quality(&record, &challenges, days, at.time_ms);
        wanted.then_some(Standing { hit, ubin, record: *record, quality })
    };
    let mut hits: Vec<Standing> = found.hits.into_iter().filter_map(standing).collect();
    hits.sort_by(|a, b| a.order().cmp(&b.order()));
    hits.truncate(limit);
    let hits = hits.iter().map(|hit| (hit.ubin.clone(), hit.shown())).collect();
    let mut answer = Object::new();
    answer.insert("indexedHeight".to_owned(), found.indexed_height.into());
    Ok((hits, at.stamp(answer)))
}

/// Records of the same state that have the core of a name, the region and the date of registration
/// of a body in common with it: the same business may be registered already (ubin.md §4.2).
pub(super) fn similar(state: &State, args: &Object) -> Vec<SimilarName> {
    let body = args.get("body").and_then(serde_json::Value::as_object);
    let body = body.and_then(|body| serde_json::to_vec(body).ok());
    let Some(body) = body.and_then(|text| json::parse(&text).ok()) else { return Vec::new() };
    let text = |name: &str| body.get(name).and_then(Value::as_text);
    let category = text("category").and_then(Category::parse);
    let own = text("ubin").and_then(Ubin::parse_canonical);
    let (Some(category), Some(own)) = (category, own) else { return Vec::new() };
    let filter = Filter { countries: BTreeSet::from([own.cc.clone()]), ..Filter::default() };
    let reader = state.ledger().reader();
    let overlay = Overlay::new(&reader);
    let mut similar: Vec<SimilarName> = Vec::new();
    for name in public_names(category, &body) {
        // equal cores, and nothing else, score 1000 among names of one state
        let query =
            Query { text: name.text, filter: filter.clone(), prefix: false, score_min: 1000 };
        let Ok(found) = state.backend.search.find(&query) else { return similar };
        for hit in found.hits {
            let known = similar.iter().any(|similar| similar.ubin == hit.ubin);
            let Some(ubin) = Ubin::parse_canonical(&hit.ubin).filter(|_| !known) else { continue };
            let Some(Entry::Record(record)) = record::entry(&overlay, &ubin) else { continue };
            let other = super::read::body(state, record.body_hash);
            let alike = other.is_some_and(|other| {
                region(&other) == region(&body)
                    && record.registered_on.as_deref() == text("registeredOn")
            });
            let same_business = text("entity") == Some(record.entity.as_str());
            if alike && !same_business && similar.len() < SIMILAR_MAX {
                similar.push(SimilarName {
                    ubin: hit.ubin,
                    name: hit.name,
                    field: hit.field.pointer(),
                    status: record.shown_status().name().to_owned(),
                });
            }
        }
    }
    similar
}

fn region(body: &Value) -> Option<&str> {
    body.get("address")?.get("region")?.as_text()
}
