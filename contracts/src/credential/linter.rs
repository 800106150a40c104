//! The linter of published schemas and contexts (vc.md §5.2): no personal data may be asked for
//! unmarked, and a verifier must be able to evaluate what is published within fixed bounds.
//!
//! Invariant: the verdict depends on the bytes alone; of several faults the one that stands first
//! in the documented order is reported. Numbers are integers here: a schema with a fraction is
//! `MALFORMED` in this release.
//! It deliberately does not judge whether a schema is useful, nor fetch anything.

use crate::error::{Code, Reject};
use crate::json::{self, Value};
use crate::limits;

/// What the linter learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linted {
    /// Whether a leaf is of class personal.
    pub personal: bool,
}

/// Words of property names that mean data of a natural person.
pub const PERSONAL_WORDS: [&str; 30] = [
    "age",
    "birth",
    "birthdate",
    "birthplace",
    "birthday",
    "dob",
    "disability",
    "email",
    "ethnicity",
    "forename",
    "gender",
    "health",
    "kk",
    "marital",
    "mobile",
    "mykad",
    "nik",
    "nric",
    "passport",
    "phone",
    "photo",
    "portrait",
    "race",
    "religion",
    "salary",
    "sex",
    "ssn",
    "surname",
    "telephone",
    "tin",
];

/// Words of property names that mean biometric data, which may stand in no schema.
pub const BIOMETRIC_WORDS: [&str; 12] = [
    "biometric",
    "biometrics",
    "dna",
    "face",
    "facial",
    "fingerprint",
    "fingerprints",
    "gait",
    "iris",
    "palmprint",
    "retina",
    "voiceprint",
];

/// Top-level terms of the VCDM 2.0 base context, all protected. A test of `titian-credential`
/// compares this list with the bundled context.
pub const BASE_TERMS: [&str; 28] = [
    "...",
    "BitstringStatusList",
    "BitstringStatusListCredential",
    "BitstringStatusListEntry",
    "DataIntegrityProof",
    "EnvelopedVerifiableCredential",
    "EnvelopedVerifiablePresentation",
    "JsonSchema",
    "JsonSchemaCredential",
    "VerifiableCredential",
    "VerifiablePresentation",
    "_sd",
    "_sd_alg",
    "aud",
    "cnf",
    "description",
    "digestMultibase",
    "digestSRI",
    "exp",
    "iat",
    "iss",
    "jku",
    "kid",
    "mediaType",
    "name",
    "nbf",
    "sub",
    "x5u",
];

/// Keywords a schema may use, but for those of combination.
const SCHEMA_KEYWORDS: [&str; 26] = [
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "const",
    "contains",
    "default",
    "description",
    "enum",
    "examples",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "uniqueItems",
];
const COMBINATORS: [&str; 4] = ["allOf", "anyOf", "oneOf", "not"];

/// Checks a JSON Schema.
pub fn lint_schema(bytes: &[u8]) -> Result<Linted, Reject> {
    let schema = parse(bytes)?;
    let mut lint = SchemaLint { root: &schema, ..SchemaLint::default() };
    lint.node(&schema, &Place::default());
    if let Some(defs) = schema.get("$defs").and_then(Value::as_object) {
        for (name, def) in defs {
            // what nobody refers to is looked at too: it is published
            lint.property(name, def, &Place { pointer: format!("/$defs/{name}"), ..Place::top() });
        }
    }
    lint.finish()
}

/// Checks SD-JWT VC type metadata: strict JSON without personal data in its texts.
pub fn lint_metadata(bytes: &[u8]) -> Result<Linted, Reject> {
    let metadata = parse(bytes)?;
    if metadata.as_object().is_none() {
        return Err(Reject::new(Code::Malformed, "", "an object is expected"));
    }
    match find_personal(&metadata, "") {
        Some(pointer) => Err(Reject::new(Code::PersonalDataSuspected, &pointer, "")),
        None => Ok(Linted { personal: false }),
    }
}

fn parse(bytes: &[u8]) -> Result<Value, Reject> {
    json::parse(bytes).map_err(|reject| match reject.code {
        Code::LimitExceeded => Reject::new(Code::SchemaLimit, "", "nesting beyond the limit"),
        _ => reject,
    })
}

/// Where the walk stands.
#[derive(Clone, Debug, Default)]
struct Place {
    pointer: String,
    nesting: usize,
    /// Below a property whose name means personal data.
    watched: bool,
    /// Below a combinator: the class may stand on the node that combines.
    class: Option<String>,
    /// References followed on the way here.
    refs: Vec<String>,
}

impl Place {
    fn top() -> Self {
        Self::default()
    }

    fn below(&self, step: &str) -> Self {
        Self { pointer: format!("{}/{step}", self.pointer), class: None, ..self.clone() }
    }

    fn deeper(&self, step: &str) -> Self {
        let mut place = self.below(step);
        place.nesting += 1;
        place
    }
}

struct SchemaLint<'a> {
    root: &'a Value,
    /// First fault of each code.
    faults: Vec<(Code, String)>,
    combinators: usize,
    visited: usize,
    personal: bool,
}

impl Default for SchemaLint<'_> {
    fn default() -> Self {
        Self { root: &Value::Null, faults: Vec::new(), combinators: 0, visited: 0, personal: false }
    }
}

/// The order in which faults are reported.
const ORDER: [Code; 5] = [
    Code::ClassMissing,
    Code::PersonalField,
    Code::BiometricField,
    Code::PersonalDataSuspected,
    Code::SchemaLimit,
];

/// Nodes visited, references followed included: bounds the work of a schema that multiplies itself
/// by references.
const VISITS_MAX: usize = 10_000;

impl SchemaLint<'_> {
    fn fault(&mut self, code: Code, place: &Place) {
        if self.faults.iter().all(|(known, _)| *known != code) {
            self.faults.push((code, place.pointer.clone()));
        }
    }

    fn finish(mut self) -> Result<Linted, Reject> {
        self.faults.sort_by_key(|(code, _)| ORDER.iter().position(|known| known == code));
        match self.faults.first() {
            Some((code, pointer)) => Err(Reject::new(*code, pointer, "")),
            None => Ok(Linted { personal: self.personal }),
        }
    }

    fn property(&mut self, name: &str, schema: &Value, place: &Place) {
        let words = words(name);
        let has = |list: &[&str]| {
            let mut forms = words.iter().flat_map(|word| [word.as_str(), singular(word)]);
            forms.any(|word| list.contains(&word))
        };
        if has(&BIOMETRIC_WORDS) {
            self.fault(Code::BiometricField, place);
        }
        let watched = place.watched || has(&PERSONAL_WORDS);
        self.node(schema, &Place { watched, ..place.clone() });
    }

    fn node(&mut self, schema: &Value, place: &Place) {
        self.visited += 1;
        if self.visited > VISITS_MAX || place.nesting > limits::SCHEMA_NESTING_MAX {
            return self.fault(Code::SchemaLimit, place);
        }
        let Some(members) = schema.as_object() else {
            return match schema {
                Value::Bool(false) => {}
                _ => self.fault(Code::ClassMissing, place),
            };
        };
        self.texts(schema, place);
        let known = |name: &str| {
            SCHEMA_KEYWORDS.contains(&name) || COMBINATORS.contains(&name) || name.starts_with("x-")
        };
        if !members.iter().all(|(name, _)| known(name)) {
            self.fault(Code::SchemaLimit, place);
        }
        if schema.get("$defs").is_some() && !place.pointer.is_empty() {
            self.fault(Code::SchemaLimit, place);
        }
        let class = match schema.get("x-titian-class") {
            None => place.class.clone(),
            Some(class) => {
                let text =
                    class.as_text().filter(|c| ["public", "registry", "personal"].contains(c));
                if text.is_none() {
                    self.fault(Code::ClassMissing, place);
                }
                text.map(str::to_owned)
            }
        };
        let combined = self.combined(schema, place, class.as_deref());
        let branches = self.reference(schema, place)
            | self.object(schema, place)
            | self.list(schema, place)
            | combined;
        if !branches {
            self.leaf(class.as_deref(), place);
        }
    }

    fn leaf(&mut self, class: Option<&str>, place: &Place) {
        match class {
            None => self.fault(Code::ClassMissing, place),
            Some("personal") => self.personal = true,
            Some(_) if place.watched => self.fault(Code::PersonalField, place),
            Some(_) => {}
        }
    }

    fn reference(&mut self, schema: &Value, place: &Place) -> bool {
        let Some(reference) = schema.get("$ref") else { return false };
        let target = reference
            .as_text()
            .and_then(|text| text.strip_prefix("#/$defs/"))
            .and_then(|name| self.root.get("$defs")?.get(name).map(|def| (name, def)));
        match target {
            Some((name, def)) if !place.refs.iter().any(|seen| seen == name) => {
                let mut inside = place.below("$ref");
                inside.refs.push(name.to_owned());
                self.node(def, &inside);
            }
            _ => self.fault(Code::SchemaLimit, place),
        }
        true
    }

    fn object(&mut self, schema: &Value, place: &Place) -> bool {
        let properties = schema.get("properties");
        if properties.is_none() && !names_type(schema, "object") {
            return false;
        }
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.fault(Code::SchemaLimit, place);
        }
        for (name, property) in properties.and_then(Value::as_object).unwrap_or_default() {
            self.property(name, property, &place.deeper("properties").below(name));
        }
        true
    }

    fn list(&mut self, schema: &Value, place: &Place) -> bool {
        let items = schema.get("items");
        if items.is_none() && !names_type(schema, "array") {
            return false;
        }
        match items {
            Some(items) => self.node(items, &place.deeper("items")),
            None => self.fault(Code::SchemaLimit, place),
        }
        if let Some(contains) = schema.get("contains") {
            // it only narrows what `items` describes
            let class = Some("public".to_owned());
            self.node(contains, &Place { class, ..place.deeper("contains") });
        }
        true
    }

    /// Branches of combinators; true if they say what the node is.
    fn combined(&mut self, schema: &Value, place: &Place, class: Option<&str>) -> bool {
        let mut found = false;
        for name in COMBINATORS {
            let Some(branches) = schema.get(name) else { continue };
            self.combinators += 1;
            if self.combinators > limits::SCHEMA_COMBINATORS_MAX {
                self.fault(Code::SchemaLimit, place);
                return true;
            }
            let step = place.below(name);
            let inside = Place { class: class.map(str::to_owned), ..step };
            let list = branches.as_list().unwrap_or(std::slice::from_ref(branches));
            for branch in list {
                self.node(branch, &inside);
            }
            found |= name != "not";
        }
        found
    }

    /// Texts that may hold personal data, and patterns that a linear-time engine cannot run.
    fn texts(&mut self, schema: &Value, place: &Place) {
        let said = ["default", "examples", "enum", "const", "description", "title", "$comment"];
        for (name, value) in schema.as_object().unwrap_or_default() {
            // members that no reader of schemas knows can say anything
            let may_say = said.contains(&name.as_str()) || name.starts_with("x-");
            if may_say && let Some(pointer) = find_personal(value, &place.below(name).pointer) {
                let place = Place { pointer, ..place.clone() };
                self.fault(Code::PersonalDataSuspected, &place);
            }
        }
        let pattern = schema.get("pattern").map(|pattern| pattern.as_text().unwrap_or("(?"));
        if pattern.is_some_and(|text| !is_plain_pattern(text)) {
            self.fault(Code::SchemaLimit, place);
        }
    }
}

fn names_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Text(text)) => text == name,
        Some(Value::List(items)) => items.iter().any(|item| item.as_text() == Some(name)),
        _ => false,
    }
}

/// No look-around, group option or back-reference.
fn is_plain_pattern(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    let group_option = bytes.windows(2).any(|pair| pair == b"(?")
        && !pattern.replace("(?:", "(").as_bytes().windows(2).all(|pair| pair != b"(?");
    let mut escaped = false;
    let mut back_reference = false;
    for byte in bytes {
        back_reference |= escaped && (byte.is_ascii_digit() && *byte != b'0' || *byte == b'k');
        escaped = *byte == b'\\' && !escaped;
    }
    pattern.len() <= 512 && !group_option && !back_reference
}

/// The words of a property name in lower case, split at case and at whatever is no letter. A row of
/// capitals is read both ways: `NRICNumber` as nric and number too, `NRic` as one word too.
pub fn words(name: &str) -> Vec<String> {
    let mut words = split(name, false);
    for word in split(name, true) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The word without the `s` of a plural.
fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

/// With `rows` the last capital of a row begins the next word.
fn split(name: &str, rows: bool) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut last_lower = false;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let ends_row = rows && rest.peek().is_some_and(char::is_ascii_lowercase);
        let letter = c.is_ascii_alphabetic();
        if !letter || (c.is_ascii_uppercase() && (last_lower || ends_row)) {
            words.push(String::new());
        }
        if letter && let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
        last_lower = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The pointer of the first text with `@` (but for JSON-LD keywords) or 9 digits in a row.
fn find_personal(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::Text(text) => {
            let digits =
                text.as_bytes().windows(9).any(|window| window.iter().all(u8::is_ascii_digit));
            let at = text.chars().skip(1).any(|c| c == '@');
            (digits || at).then(|| pointer.to_owned())
        }
        Value::Int(int) => (int.unsigned_abs() >= 100_000_000).then(|| pointer.to_owned()),
        Value::List(items) => items
            .iter()
            .enumerate()
            .find_map(|(i, item)| find_personal(item, &format!("{pointer}/{i}"))),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, item)| find_personal(item, &format!("{pointer}/{name}"))),
        Value::Null | Value::Bool(_) => None,
    }
}

/// Checks a JSON-LD context: `@protected`, no `@vocab`, supported keywords only, absolute IRIs, no
/// protected term redefined. `own_prefix` is the IRI under which its own terms may stand.
pub fn lint_context(bytes: &[u8], own_prefix: &str) -> Result<(), Reject> {
    let document = parse(bytes)?;
    let keyword = |pointer: &str| Reject::new(Code::ContextKeyword, pointer, "");
    let members = document.as_object().ok_or_else(|| keyword(""))?;
    if members.len() != 1 {
        return Err(keyword(""));
    }
    let context = document.get("@context").ok_or_else(|| keyword(""))?;
    let mut lint = ContextLint { own_prefix, redefined: None };
    lint.context(context, "/@context", &mut Vec::new())?;
    match lint.redefined {
        Some(pointer) => Err(Reject::new(Code::TermRedefined, &pointer, "")),
        None => Ok(()),
    }
}

struct ContextLint<'a> {
    own_prefix: &'a str,
    redefined: Option<String>,
}

impl ContextLint<'_> {
    /// `above` holds the terms of the contexts around this one.
    fn context(
        &mut self,
        context: &Value,
        pointer: &str,
        above: &mut Vec<String>,
    ) -> Result<(), Reject> {
        let refuse = |at: &str| Err(Reject::new(Code::ContextKeyword, at, ""));
        let Some(members) = context.as_object() else { return refuse(pointer) };
        if context.get("@protected") != Some(&Value::Bool(true)) {
            return refuse(pointer);
        }
        let terms: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        let known = above.len();
        above.extend(terms.iter().filter(|t| !t.starts_with('@')).map(|t| (*t).to_owned()));
        for (name, definition) in members {
            let at = format!("{pointer}/{name}");
            match name.as_str() {
                "@protected" => {}
                "@version" => return refuse(&at),
                _ if name.starts_with('@') => return refuse(&at),
                "id" | "type" => {
                    let alias = format!("@{name}");
                    if definition.as_text() != Some(alias.as_str()) {
                        self.redefined.get_or_insert(at);
                    }
                }
                _ => {
                    let taken = BASE_TERMS.contains(&name.as_str())
                        || above.iter().take(known).any(|term| term == name);
                    if taken {
                        self.redefined.get_or_insert(at.clone());
                    }
                    self.term(definition, &at, above, &terms)?;
                }
            }
        }
        above.truncate(known);
        Ok(())
    }

    fn term(
        &mut self,
        definition: &Value,
        at: &str,
        above: &mut Vec<String>,
        terms: &[&str],
    ) -> Result<(), Reject> {
        let refuse = |at: &str| Err(Reject::new(Code::ContextKeyword, at, ""));
        let iri_ok =
            |value: &Value| value.as_text().is_some_and(|text| self.is_plain_iri(text, terms));
        if definition.as_text().is_some() {
            return if iri_ok(definition) { Ok(()) } else { refuse(at) };
        }
        let Some(members) = definition.as_object() else { return refuse(at) };
        if !definition.get("@id").is_some_and(iri_ok) {
            return refuse(at);
        }
        for (name, value) in members {
            let ok = match name.as_str() {
                "@id" => true,
                "@type" => {
                    value.as_text().is_some_and(|t| ["@id", "@vocab", "@json"].contains(&t))
                        || iri_ok(value)
                }
                "@container" => value
                    .as_text()
                    .is_some_and(|t| ["@set", "@list", "@graph", "@language"].contains(&t)),
                "@context" => true,
                _ => false,
            };
            if !ok {
                return refuse(&format!("{at}/{name}"));
            }
        }
        match definition.get("@context") {
            Some(scoped) => self.context(scoped, &format!("{at}/@context"), above),
            None => Ok(()),
        }
    }

    /// An absolute IRI that is not a compact one of this context: under the own prefix, a URN, a
    /// DID, or http(s).
    fn is_plain_iri(&self, text: &str, terms: &[&str]) -> bool {
        let scheme = text.split(':').next().unwrap_or_default();
        let known = ["http", "https", "urn", "did"].contains(&scheme) && !terms.contains(&scheme);
        let own = text.strip_prefix(self.own_prefix).is_none_or(|term| !term.is_empty());
        known
            && own
            && text.len() > scheme.len() + 1
            && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
    }
}
