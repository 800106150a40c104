//! Fields of the index, and a record as a document of tantivy and back.

use std::collections::BTreeSet;

use tantivy::TantivyDocument;
use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use titian_contracts::ubin::name_key;
use titian_contracts::ubin::name_key::forms::LegalForms;
use titian_contracts::ubin::public_name::{NameField, PublicName};
use titian_contracts::ubin::vocabulary::{Category, NameType, Status};

use crate::search::document::Document;
use crate::search::index::IndexError;

/// Three code points of a key.
pub(super) type Gram = [char; 3];

/// Beginnings of keys that are indexed, in code points.
const START_CHARS: [usize; 3] = [8, 4, 2];
/// Stands between a name and its field; no name holds a control character.
const FIELD_MARK: char = '\u{1F}';

/// The fields.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    /// The UBIN: to find a document by, and as a column.
    pub(super) ubin: Field,
    /// The grams of all keys.
    pub(super) gram: Field,
    /// The beginnings of all keys.
    pub(super) start: Field,
    name: Field,
    scheme: Field,
    state: Field,
}

/// The names of the columns.
pub(super) const UBIN: &str = "ubin";
pub(super) const NAME: &str = "name";
pub(super) const SCHEME: &str = "scheme";
pub(super) const STATE: &str = "state";

impl Fields {
    pub(super) fn new() -> Self {
        let indexed = |norms| {
            let raw = TextFieldIndexing::default().set_tokenizer("raw");
            let raw = raw.set_index_option(IndexRecordOption::Basic).set_fieldnorms(norms);
            TextOptions::default().set_indexing_options(raw)
        };
        let column = || TextOptions::default().set_fast("raw");
        let mut schema = Schema::builder();
        let ubin = schema.add_text_field(UBIN, indexed(false).set_fast("raw"));
        let gram = schema.add_text_field("gram", indexed(true));
        let start = schema.add_text_field("start", indexed(false));
        let name = schema.add_text_field(NAME, column());
        let scheme = schema.add_text_field(SCHEME, column());
        let state = schema.add_u64_field(STATE, NumericOptions::default().set_fast());
        Self { schema: schema.build(), ubin, gram, start, name, scheme, state }
    }

    /// A record as a document.
    pub(super) fn document(&self, entry: &Entry, tokens: &Tokens) -> TantivyDocument {
        let Entry { ubin, document } = entry;
        let mut made = TantivyDocument::default();
        made.add_text(self.ubin, ubin);
        made.add_text(self.scheme, scheme_of(ubin));
        made.add_u64(self.state, pack(document.category, document.status, document.live));
        for name in &document.names {
            made.add_text(self.name, write_name(name));
        }
        for gram in &tokens.grams {
            made.add_text(self.gram, text_of(*gram));
        }
        for start in &tokens.starts {
            made.add_text(self.start, start);
        }
        made
    }
}

/// A document with its UBIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) ubin: String,
    pub(super) document: Document,
}

/// By what a document is found.
pub(super) struct Tokens {
    pub(super) grams: BTreeSet<Gram>,
    pub(super) starts: BTreeSet<String>,
}

impl Tokens {
    pub(super) fn of(entry: &Entry, forms: &LegalForms) -> Self {
        let forms = forms.of_country(entry.ubin.get(..2).unwrap_or_default());
        let mut tokens = Self { grams: BTreeSet::new(), starts: BTreeSet::new() };
        for name in &entry.document.names {
            let keys = name_key::keys(&name.text, &forms);
            for key in [&keys.k0, &keys.core] {
                tokens.grams.extend(grams(&format!(" {key} ")));
                tokens.starts.extend(starts(key));
            }
        }
        tokens
    }
}

/// All windows of three code points.
pub(super) fn grams(text: &str) -> impl Iterator<Item = Gram> + use<> {
    let chars: Vec<char> = text.chars().collect();
    (2..chars.len()).filter_map(move |last| chars.get(last - 2..=last)?.try_into().ok())
}

/// A gram as a term.
pub(super) fn text_of(gram: Gram) -> String {
    gram.iter().collect()
}

/// The gram of a term.
pub(super) fn gram_of(term: &[u8]) -> Option<Gram> {
    let chars: Vec<char> = std::str::from_utf8(term).ok()?.chars().collect();
    chars.try_into().ok()
}

/// The indexed beginnings of a key, the longest first.
pub(super) fn starts(key: &str) -> impl Iterator<Item = String> {
    START_CHARS.into_iter().filter_map(|length| {
        let start: String = key.chars().take(length).collect();
        (start.chars().count() == length).then_some(start)
    })
}

/// `CC-SCHEME` of a UBIN.
fn scheme_of(ubin: &str) -> &str {
    let end = ubin.match_indices('-').nth(1).map_or(ubin.len(), |(at, _)| at);
    ubin.get(..end).unwrap_or(ubin)
}

/// Category, status and whether it is live, as one number.
fn pack(category: Category, status: Status, live: bool) -> u64 {
    category as u64 | (status as u64) << 4 | u64::from(live) << 8
}

/// What [`pack`] packed.
pub(super) fn unpack(state: u64) -> Result<(Category, Status, bool), IndexError> {
    let damaged = || IndexError("the state of a record does not decode".to_owned());
    let at = |shift: u32| usize::try_from(state >> shift & 0xF).unwrap_or(usize::MAX);
    let category = Category::ALL.get(at(0)).copied().ok_or_else(damaged)?;
    let status = Status::ALL.get(at(4)).copied().ok_or_else(damaged)?;
    Ok((category, status, state >> 8 == 1))
}

fn write_name(name: &PublicName) -> String {
    let field = match name.field {
        NameField::Legal => "L".to_owned(),
        NameField::Other(at, kind) => format!("{at}:{}", kind as u8),
    };
    format!("{}{FIELD_MARK}{field}", name.text)
}

/// A name from its column.
pub(super) fn read_name(text: &str) -> Result<PublicName, IndexError> {
    let damaged = || IndexError("a name does not decode".to_owned());
    let (text, field) = text.rsplit_once(FIELD_MARK).ok_or_else(damaged)?;
    let field = match field.split_once(':') {
        None => NameField::Legal,
        Some((at, kind)) => {
            let kind: usize = kind.parse().map_err(|_| damaged())?;
            let kind = NameType::ALL.get(kind).copied().ok_or_else(damaged)?;
            NameField::Other(at.parse().map_err(|_| damaged())?, kind)
        }
    };
    Ok(PublicName { field, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grams_are_all_windows_of_three_code_points() {
        let shown: Vec<String> = grams(" abc ").map(text_of).collect();
        assert_eq!(shown, [" ab", "abc", "bc "]);
        assert_eq!(grams("ab").count(), 0);
        assert_eq!(gram_of("กขค".as_bytes()), Some(['ก', 'ข', 'ค']));
        assert_eq!(gram_of(b"abcd"), None);
    }

    #[test]
    fn a_key_begins_with_its_first_8_4_and_2_code_points() {
        assert_eq!(starts("samsung electronics").collect::<Vec<_>>(), ["samsung ", "sams", "sa"]);
        assert_eq!(starts("กข").collect::<Vec<_>>(), ["กข"]);
        assert_eq!(starts("a").count(), 0);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for category in Category::ALL {
            for status in Status::ALL {
                for live in [false, true] {
                    let read = unpack(pack(*category, *status, live));
                    assert_eq!(read, Ok((*category, *status, live)));
                }
            }
        }
        for field in [NameField::Legal, NameField::Other(15, NameType::AsciiAuto)] {
            let name = PublicName { field, text: "Acme: L".to_owned() };
            assert_eq!(read_name(&write_name(&name)), Ok(name));
        }
        assert_eq!(scheme_of("SG-UEN-199403865N-G7"), "SG-UEN");
        assert!(unpack(0xFF).is_err() && read_name("Acme").is_err());
    }
}
