//! One segment of the index, and the documents of it that share most with a query.
//!
//! BM25 with every gram counted once per record, and with a fixed mean length, so that the rank of a
//! record does not move when others come and go beyond the frequency of its grams.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use tantivy::columnar::{Column, StrColumn};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::SegmentPostings;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, InvertedIndexReader, SegmentReader, TERMINATED, Term};

use super::schema::{Entry, Fields, Gram, NAME, SCHEME, STATE, UBIN, read_name, text_of, unpack};
use crate::search::document::Document;
use crate::search::index::{Filter, IndexError};

/// Documents that are summed up at a time.
const WINDOW: u32 = 4_096;
/// The constants of BM25, and the mean number of grams of a record that it is told.
const K1: f64 = 1.2;
const B: f64 = 0.75;
const MEAN_GRAMS: f64 = 40.0;
/// Ranks are whole numbers: of weights and of lengths so much is one.
const WEIGHT_UNIT: f64 = 1e6;
const LENGTH_UNIT: f64 = 1e4;

/// What documents are ranked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Grams with their weights, see [`weight`].
    pub(super) grams: Vec<(Gram, u32)>,
    /// A beginning that a key must have; then every gram must stand in it too.
    pub(super) start: Option<String>,
}

/// The weight of a gram that stands in `frequency` of `records`.
pub(super) fn weight(frequency: u32, records: u64) -> u32 {
    let (n, all) = (f64::from(frequency), records as f64);
    let idf = (1.0 + (all - n + 0.5).max(0.0) / (n + 0.5)).ln();
    // a float becomes the nearest whole number; it is at most 23 million
    ((idf * WEIGHT_UNIT).round() as u32).max(1)
}

/// What the length of a document makes of its weights, by the code of its length.
fn length_factors() -> Vec<u64> {
    (0..=u8::MAX)
        .map(|code| {
            let length = f64::from(FieldNormReader::id_to_fieldnorm(code));
            let norm = K1 * (1.0 - B + B * length / MEAN_GRAMS);
            ((K1 + 1.0) / (1.0 + norm) * LENGTH_UNIT).round() as u64
        })
        .collect()
}

/// A document of a segment with its rank; greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked {
    pub(super) rank: u64,
    /// Place of its UBIN in the order of the segment.
    ubin: Reverse<u64>,
    pub(super) doc: DocId,
}

/// A segment with its columns opened.
pub(super) struct Segment {
    reader: SegmentReader,
    ubin: StrColumn,
    name: StrColumn,
    scheme: StrColumn,
    state: Column<u64>,
    lengths: FieldNormReader,
    pub(super) grams: Arc<InvertedIndexReader>,
    starts: Arc<InvertedIndexReader>,
    ubins: Arc<InvertedIndexReader>,
}

impl Segment {
    pub(super) fn open(reader: &SegmentReader, fields: &Fields) -> Result<Self, IndexError> {
        let text = |name: &str| {
            let column = reader.fast_fields().str(name)?;
            column.ok_or_else(|| IndexError(format!("a segment has no column {name}")))
        };
        Ok(Self {
            ubin: text(UBIN)?,
            name: text(NAME)?,
            scheme: text(SCHEME)?,
            state: reader.fast_fields().u64(STATE)?,
            lengths: reader.get_fieldnorms_reader(fields.gram)?,
            grams: reader.inverted_index(fields.gram)?,
            starts: reader.inverted_index(fields.start)?,
            ubins: reader.inverted_index(fields.ubin)?,
            reader: reader.clone(),
        })
    }

    pub(super) fn records(&self) -> u64 {
        u64::from(self.reader.num_docs())
    }

    /// Documents that were replaced or taken out.
    pub(super) fn replaced(&self) -> impl Iterator<Item = DocId> + '_ {
        let none = if self.reader.has_deletes() { self.reader.max_doc() } else { 0 };
        (0..none).filter(|doc| self.reader.is_deleted(*doc))
    }

    /// The document of a UBIN.
    pub(super) fn find(&self, field: Field, ubin: &str) -> Result<Option<DocId>, IndexError> {
        let Some(mut found) = postings(&self.ubins, field, ubin)? else { return Ok(None) };
        while found.doc() != TERMINATED {
            if !self.reader.is_deleted(found.doc()) {
                return Ok(Some(found.doc()));
            }
            found.advance();
        }
        Ok(None)
    }

    /// The UBIN of a document.
    pub(super) fn ubin(&self, doc: DocId) -> Result<String, IndexError> {
        let mut text = String::new();
        for ord in self.ubin.term_ords(doc) {
            self.ubin.ord_to_str(ord, &mut text)?;
        }
        Ok(text)
    }

    /// A document, as it was put.
    pub(super) fn entry(&self, doc: DocId) -> Result<Entry, IndexError> {
        let mut names = Vec::new();
        for ord in self.name.term_ords(doc) {
            let mut text = String::new();
            self.name.ord_to_str(ord, &mut text)?;
            names.push(read_name(&text)?);
        }
        names.sort_unstable();
        let (category, status, live) = unpack(self.state.first(doc).unwrap_or(u64::MAX))?;
        let document = Document { names, category, status, live };
        Ok(Entry { ubin: self.ubin(doc)?, document })
    }

    /// The documents that pass the filter and rank highest, best first; equal ones by UBIN.
    pub(super) fn best(
        &self,
        fields: &Fields,
        choice: &Choice,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Ranked>, IndexError> {
        let Some(lists) = self.lists(fields, choice)? else { return Ok(Vec::new()) };
        let needed = if choice.start.is_some() { lists.len() } else { 1 };
        let gate = Gate::new(self, filter)?;
        let factors = length_factors();
        let mut best: BinaryHeap<Reverse<Ranked>> = BinaryHeap::with_capacity(limit + 1);
        let mut fault = None;
        sum_up(lists, |doc, sum, matched| {
            let length = usize::from(self.lengths.fieldnorm_id(doc));
            let rank = u64::from(sum) * factors.get(length).copied().unwrap_or(0);
            let full = best.len() >= limit;
            if matched < needed || (full && best.peek().is_some_and(|worst| rank < worst.0.rank)) {
                return;
            }
            match gate.admits(doc) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => fault = Some(error),
            }
            let ubin = Reverse(self.ubin.ords().first(doc).unwrap_or(u64::MAX));
            best.push(Reverse(Ranked { rank, ubin, doc }));
            if best.len() > limit {
                best.pop();
            }
        });
        match fault {
            Some(error) => Err(error),
            // ascending order of what is reversed: the greatest first
            None => Ok(best.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect()),
        }
    }

    /// The postings to sum up; `None` if something that must be there is not.
    fn lists(&self, fields: &Fields, choice: &Choice) -> Result<Option<Vec<List>>, IndexError> {
        let mut lists = Vec::new();
        for (gram, weight) in &choice.grams {
            match postings(&self.grams, fields.gram, &text_of(*gram))? {
                Some(postings) => lists.push(List { postings, weight: *weight }),
                None if choice.start.is_some() => return Ok(None),
                None => {}
            }
        }
        if let Some(start) = &choice.start {
            match postings(&self.starts, fields.start, start)? {
                Some(postings) => lists.push(List { postings, weight: 0 }),
                None => return Ok(None),
            }
        }
        Ok(Some(lists))
    }
}

struct List<P = SegmentPostings> {
    postings: P,
    weight: u32,
}

fn postings(
    index: &InvertedIndexReader,
    field: Field,
    text: &str,
) -> Result<Option<SegmentPostings>, IndexError> {
    Ok(index.read_postings(&Term::from_field_text(field, text), IndexRecordOption::Basic)?)
}

/// Calls `visit` for each document of any list: the sum of its weights, and in how many lists it is.
fn sum_up<P: DocSet>(mut lists: Vec<List<P>>, mut visit: impl FnMut(DocId, u32, usize)) {
    let mut sums = vec![(0u32, 0usize); WINDOW as usize];
    loop {
        let first = lists.iter().map(|list| list.postings.doc()).min().unwrap_or(TERMINATED);
        if first == TERMINATED {
            return;
        }
        let end = first.saturating_add(WINDOW).min(TERMINATED);
        for list in &mut lists {
            let mut doc = list.postings.doc();
            while doc < end {
                if let Some((sum, matched)) = sums.get_mut((doc - first) as usize) {
                    *sum += list.weight;
                    *matched += 1;
                }
                doc = list.postings.advance();
            }
        }
        for (doc, place) in (first..end).zip(&mut sums) {
            let (sum, matched) = std::mem::take(place);
            if matched > 0 {
                visit(doc, sum, matched);
            }
        }
    }
}

/// The filter over the columns of a segment.
struct Gate<'a> {
    segment: &'a Segment,
    filter: &'a Filter,
    /// The schemes that pass, by their place in the segment; `None` if all do.
    schemes: Option<BTreeSet<u64>>,
}

impl<'a> Gate<'a> {
    fn new(segment: &'a Segment, filter: &'a Filter) -> Result<Self, IndexError> {
        if filter.countries.is_empty() && filter.schemes.is_empty() {
            return Ok(Self { segment, filter, schemes: None });
        }
        let mut passing = BTreeSet::new();
        for ord in 0..segment.scheme.num_terms() as u64 {
            let mut text = String::new();
            segment.scheme.ord_to_str(ord, &mut text)?;
            let (cc, scheme) = text.split_once('-').unwrap_or((&text, ""));
            if filter.admits_scheme(cc, scheme) {
                passing.insert(ord);
            }
        }
        Ok(Self { segment, filter, schemes: Some(passing) })
    }

    fn admits(&self, doc: DocId) -> Result<bool, IndexError> {
        if self.segment.reader.is_deleted(doc) {
            return Ok(false);
        }
        let scheme = || self.segment.scheme.ords().first(doc);
        if let Some(schemes) = &self.schemes
            && !scheme().is_some_and(|ord| schemes.contains(&ord))
        {
            return Ok(false);
        }
        let (category, status, live) = unpack(self.segment.state.first(doc).unwrap_or(u64::MAX))?;
        Ok(self.filter.admits(category, status, live))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_grams_weigh_more_and_long_names_less() {
        assert!(weight(1, 1_000) > weight(10, 1_000));
        assert!(weight(1_000, 1_000) >= 1);
        // ln(1 + (1000 − 10 + 0.5) / 10.5) = 4.55738
        assert_eq!(weight(10, 1_000), 4_557_380);
        let factors = length_factors();
        assert_eq!(factors.len(), 256);
        assert!(factors.windows(2).all(|pair| pair[0] >= pair[1]));
        // the mean length: (1.2 + 1) / (1 + 1.2)
        assert_eq!(factors[40], 10_000);
    }

    /// A list of documents in memory.
    struct Documents(Vec<DocId>);

    impl DocSet for Documents {
        fn advance(&mut self) -> DocId {
            self.0.remove(0);
            self.doc()
        }

        fn doc(&self) -> DocId {
            self.0.first().copied().unwrap_or(TERMINATED)
        }

        fn size_hint(&self) -> u32 {
            u32::try_from(self.0.len()).unwrap_or(u32::MAX)
        }
    }

    #[test]
    fn sums_cross_windows_and_count_lists() {
        let list = |docs: &[u32], weight| List { postings: Documents(docs.to_vec()), weight };
        let lists = vec![list(&[1, 5_000, 9_999], 10), list(&[5_000, 9_998], 1), list(&[1], 0)];
        let mut seen = Vec::new();
        sum_up(lists, |doc, sum, matched| seen.push((doc, sum, matched)));
        assert_eq!(seen, [(1, 10, 2), (5_000, 11, 2), (9_998, 1, 1), (9_999, 10, 1)]);
    }
}
