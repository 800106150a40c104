//! The index in tantivy: the only place that names the crate.
//!
//! One document per record: its UBIN, its names, its scheme and its state as columns, and its grams
//! as postings. Grams are all windows of three code points of `" " + key + " "`, of `k0` and `core`
//! of every name. Candidates are ranked by BM25 in whole numbers, counted over the records that the
//! index holds now: neither segments nor replaced documents change an answer, so an index that grew
//! block by block answers like one that was made at once.
//!
//! A commit of tantivy is atomic, and carries the genesis and the height that it belongs to.

mod rank;
mod schema;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term};
use titian_contracts::digest::Digest;
use titian_contracts::limits;
use titian_contracts::ubin::name_key::forms::LegalForms;

use super::document::Document;
use super::index::{Candidate, Filter, IndexError, NameIndex, Wanted};
use rank::{Choice, Segment};
use schema::{Entry, Fields, Gram, Tokens};

/// Version of fields and keys: an index of another one is made anew.
const FORMAT: u32 = 1;
/// Memory of the writer that follows blocks, and of each of those that take everything at once.
const FOLLOW_BYTES: usize = 16 * 1024 * 1024;
const BUILD_BYTES: usize = 96 * 1024 * 1024;
const BUILD_THREADS: usize = 2;
/// Segments of about one size that are merged, and the share of replaced documents from which one
/// is written anew.
const MERGED_SEGMENTS: usize = 6;
const REPLACED_SHARE_MAX: f32 = 0.2;

impl From<TantivyError> for IndexError {
    fn from(error: TantivyError) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for IndexError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// See the module.
pub(super) struct TantivyIndex {
    fields: Fields,
    forms: LegalForms,
    genesis: Digest,
    reader: IndexReader,
    writing: Mutex<Writing>,
    shown: RwLock<Shown>,
}

/// What readers see.
struct Shown {
    height: Option<u64>,
    segments: Arc<Vec<Segment>>,
    /// In how many records a gram stands.
    frequencies: HashMap<Gram, u32>,
}

/// The writer, and how the next commit changes the frequencies.
struct Writing {
    writer: IndexWriter,
    changes: HashMap<Gram, i64>,
}

impl std::fmt::Debug for TantivyIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TantivyIndex").field("height", &self.height()).finish_non_exhaustive()
    }
}

impl TantivyIndex {
    /// See [`super::index::open`].
    pub(super) fn open(folder: &Path, genesis: &Digest) -> Result<Self, IndexError> {
        let index = Index::open_in_dir(folder)?;
        if index.schema() != Fields::new().schema {
            return Err(IndexError("it has other fields".to_owned()));
        }
        let damaged = index.validate_checksum()?;
        if !damaged.is_empty() {
            return Err(IndexError(format!("damaged files: {damaged:?}")));
        }
        let label = index.load_metas()?.payload;
        let height = label.and_then(|label| read_label(&label, genesis));
        if height.is_none() {
            return Err(IndexError("of another ledger or format, or not finished".to_owned()));
        }
        let writer = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(FOLLOW_BYTES)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(writer)?;
        let mut merging = LogMergePolicy::default();
        merging.set_min_num_segments(MERGED_SEGMENTS);
        merging.set_del_docs_ratio_before_merge(REPLACED_SHARE_MAX);
        writer.set_merge_policy(Box::new(merging));
        Self::over(&index, writer, *genesis, height)
    }

    /// See [`super::index::create`].
    pub(super) fn create(folder: &Path, genesis: &Digest) -> Result<Self, IndexError> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let index = Index::create_in_dir(folder, Fields::new().schema)?;
        let writer = IndexWriterOptions::builder()
            .num_worker_threads(BUILD_THREADS)
            .memory_budget_per_thread(BUILD_BYTES)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(writer)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Self::over(&index, writer, *genesis, None)
    }

    fn over(
        index: &Index,
        writer: IndexWriter,
        genesis: Digest,
        height: Option<u64>,
    ) -> Result<Self, IndexError> {
        let (fields, forms) = (Fields::new(), LegalForms::genesis());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let segments = open_segments(&reader, &fields)?;
        let frequencies = count(&segments, &forms)?;
        let shown = Shown { height, segments: Arc::new(segments), frequencies };
        let writing = Writing { writer, changes: HashMap::new() };
        Ok(Self {
            fields,
            forms,
            genesis,
            reader,
            writing: Mutex::new(writing),
            shown: RwLock::new(shown),
        })
    }

    fn segments(&self) -> Arc<Vec<Segment>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&shown.segments)
    }

    /// The rarest known grams of what is wanted, and the segments that they were counted in; `None`
    /// if nothing can be found.
    fn choose(&self, wanted: Wanted<'_>) -> Option<(Choice, Arc<Vec<Segment>>)> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let (grams, start) = match wanted {
            Wanted::Alike(keys) => {
                let grams = keys.iter().flat_map(|key| schema::grams(&format!(" {key} ")));
                (grams.collect(), None)
            }
            Wanted::Begins(key) => {
                let grams: Vec<Gram> = schema::grams(&format!(" {key}")).collect();
                let all_known = grams.iter().all(|gram| shown.frequencies.contains_key(gram));
                if !all_known {
                    return None;
                }
                (grams, Some(schema::starts(key).next()?))
            }
        };
        let mut known: Vec<(u32, Gram)> = grams
            .into_iter()
            .filter_map(|gram| Some((*shown.frequencies.get(&gram)?, gram)))
            .collect();
        known.sort_unstable();
        known.dedup();
        known.truncate(limits::SEARCH_GRAMS_MAX);
        let records = shown.segments.iter().map(Segment::records).sum();
        let grams = known.into_iter().map(|(n, gram)| (gram, rank::weight(n, records))).collect();
        Some((Choice { grams, start }, Arc::clone(&shown.segments)))
    }

    /// The document of a UBIN, as readers see it.
    fn find(&self, segments: &[Segment], ubin: &str) -> Result<Option<Document>, IndexError> {
        for segment in segments {
            if let Some(doc) = segment.find(self.fields.ubin, ubin)? {
                return Ok(Some(segment.entry(doc)?.document));
            }
        }
        Ok(None)
    }
}

/// Notes that so many more records have these tokens.
fn tally(changes: &mut HashMap<Gram, i64>, tokens: &Tokens, by: i64) {
    for gram in &tokens.grams {
        *changes.entry(*gram).or_insert(0) += by;
    }
}

impl NameIndex for TantivyIndex {
    fn height(&self) -> Option<u64> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).height
    }

    fn records(&self) -> u64 {
        self.segments().iter().map(Segment::records).sum()
    }

    fn candidates(
        &self,
        wanted: Wanted<'_>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Candidate>, IndexError> {
        let Some((choice, segments)) = self.choose(wanted) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for segment in segments.iter() {
            for ranked in segment.best(&self.fields, &choice, filter, limit)? {
                found.push((ranked.rank, segment.ubin(ranked.doc)?, segment, ranked.doc));
            }
        }
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        found.truncate(limit);
        found
            .into_iter()
            .map(|(_, ubin, segment, doc)| {
                Ok(Candidate { ubin, names: segment.entry(doc)?.document.names })
            })
            .collect()
    }

    fn put(&self, changes: Vec<(String, Option<Document>)>) -> Result<(), IndexError> {
        let segments = self.segments();
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Writing { writer, changes: counts } = &mut *writing;
        for (ubin, new) in changes {
            let old = self.find(&segments, &ubin)?;
            if old == new {
                continue;
            }
            if let Some(document) = old {
                writer.delete_term(Term::from_field_text(self.fields.ubin, &ubin));
                let entry = Entry { ubin: ubin.clone(), document };
                tally(counts, &Tokens::of(&entry, &self.forms), -1);
            }
            if let Some(document) = new {
                let entry = Entry { ubin, document };
                let tokens = Tokens::of(&entry, &self.forms);
                writer.add_document(self.fields.document(&entry, &tokens))?;
                tally(counts, &tokens, 1);
            }
        }
        Ok(())
    }

    fn commit(&self, height: u64) -> Result<(), IndexError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut prepared = writing.writer.prepare_commit()?;
        prepared.set_payload(&label(&self.genesis, height));
        prepared.commit()?;
        self.reader.reload()?;
        let segments = open_segments(&self.reader, &self.fields)?;
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.height = Some(height);
        shown.segments = Arc::new(segments);
        for (gram, change) in writing.changes.drain() {
            let before = shown.frequencies.get(&gram).copied().unwrap_or(0);
            match u32::try_from(i64::from(before) + change) {
                Ok(0) | Err(_) => shown.frequencies.remove(&gram),
                Ok(after) => shown.frequencies.insert(gram, after),
            };
        }
        Ok(())
    }

    fn compact(&self) -> Result<(), IndexError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let segments = writing.writer.index().searchable_segment_ids()?;
        if segments.len() > 1 {
            writing.writer.merge(&segments).wait()?;
            self.reader.reload()?;
            let segments = open_segments(&self.reader, &self.fields)?;
            let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
            shown.segments = Arc::new(segments);
        }
        writing.writer.garbage_collect_files().wait()?;
        Ok(())
    }
}

fn open_segments(reader: &IndexReader, fields: &Fields) -> Result<Vec<Segment>, IndexError> {
    let searcher = reader.searcher();
    searcher.segment_readers().iter().map(|segment| Segment::open(segment, fields)).collect()
}

/// In how many records each gram stands: those of the dictionaries, without replaced documents.
fn count(segments: &[Segment], forms: &LegalForms) -> Result<HashMap<Gram, u32>, IndexError> {
    let mut frequencies: HashMap<Gram, u32> = HashMap::new();
    let damaged = || IndexError("grams do not add up".to_owned());
    for segment in segments {
        let mut terms = segment.grams.terms().stream()?;
        while terms.advance() {
            let gram = schema::gram_of(terms.key()).ok_or_else(damaged)?;
            *frequencies.entry(gram).or_insert(0) += terms.value().doc_freq;
        }
        for doc in segment.replaced() {
            for gram in Tokens::of(&segment.entry(doc)?, forms).grams {
                let count = frequencies.get_mut(&gram).ok_or_else(damaged)?;
                *count = count.checked_sub(1).ok_or_else(damaged)?;
            }
        }
    }
    frequencies.retain(|_, count| *count > 0);
    Ok(frequencies)
}

fn label(genesis: &Digest, height: u64) -> String {
    format!("titian names {FORMAT} {genesis} {height}")
}

/// The height of a label of this format and this ledger.
fn read_label(text: &str, genesis: &Digest) -> Option<u64> {
    let height: u64 = text.rsplit(' ').next()?.parse().ok()?;
    (text == label(genesis, height)).then_some(height)
}
