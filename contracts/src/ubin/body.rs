//! The body of a record: the JSON that the registrar signs, read into typed parts (ubin.md §2.1).
//!
//! Invariant: a [`Body`] has the documented shape: known members, vocabularies, real dates, lists
//! within their limits. What the parts may say is judged by `body_rules`; the ledger never edits a
//! body.

use super::identifier::Ubin;
use super::record::{StatusEntry, entity_id};
use super::reference;
use super::vocabulary::{
    Category, Corroboration, EvidenceType, NameType, Reason, RelationType, SizeClass, Status,
};
use crate::access::is_state_code;
use crate::digest::{Digest, hash};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::time::Date;

/// Where a body stands in the op.
pub(super) const PATH: &str = "/args/body";

/// Members that `suspend` and `confirm` may change, beside those that each version has anew.
const VARIABLE_MEMBERS: [&str; 8] = [
    "version",
    "prev",
    "validFrom",
    "evidence",
    "status",
    "confirmedOn",
    "sourceAsOf",
    "corroboration",
];

/// A body of documented shape. Dates are `YYYY-MM-DD` and real.
#[derive(Debug)]
pub(super) struct Body<'a> {
    /// The whole body.
    pub value: &'a Value,
    pub entity: &'a str,
    pub version: u64,
    pub prev: Option<Digest>,
    pub category: Category,
    pub display_id: Option<&'a str>,
    pub legal_name: Option<Name<'a>>,
    pub other_names: Vec<OtherName<'a>>,
    pub legal_form: Option<LegalForm<'a>>,
    pub size_class: Option<SizeClass>,
    pub status: StatusEntry,
    pub corroboration: Option<Corroboration>,
    pub confirmed_on: &'a str,
    pub source_as_of: &'a str,
    pub registered_on: Option<&'a str>,
    pub ended_on: Option<&'a str>,
    pub valid_from: &'a str,
    pub address: Option<Address<'a>>,
    pub identifiers: Vec<Identifier<'a>>,
    pub relations: Vec<Relation<'a>>,
    pub has_evidence: bool,
    pub has_name_commit: bool,
    pub is_trade_name_public: bool,
}

/// A name with its language.
#[derive(Debug)]
pub(super) struct Name<'a> {
    pub value: &'a str,
    /// Pointer of its value below the body.
    pub pointer: String,
}

/// One of `otherNames`.
#[derive(Debug)]
pub(super) struct OtherName<'a> {
    pub kind: NameType,
    pub name: Name<'a>,
}

/// The legal form.
#[derive(Debug)]
pub(super) struct LegalForm<'a> {
    pub national: Option<&'a str>,
}

/// An address; `country` stands in all but minimal records.
#[derive(Debug)]
pub(super) struct Address<'a> {
    pub lines: Vec<&'a str>,
    pub city: Option<&'a str>,
    pub region: Option<&'a str>,
    pub postal_code: Option<&'a str>,
    pub country: Option<&'a str>,
}

/// An identifier of another system, with its warning.
#[derive(Debug)]
pub(super) struct Identifier<'a> {
    pub scheme: &'a str,
    /// `None` for a committed tax number.
    pub value: Option<&'a str>,
    pub warning: Option<&'static str>,
}

/// A relation to another record.
#[derive(Debug)]
pub(super) struct Relation<'a> {
    pub kind: RelationType,
    pub target: &'a str,
}

/// Tags the hash of a body.
pub(super) const BODY_CONTEXT: &str = "titian ubin body v1";

/// H("titian ubin body v1", JCS(body)).
pub fn body_hash(body: &Value) -> Digest {
    text_hash(&body.to_jcs())
}

/// The hash of a body whose JCS text is at hand.
pub fn text_hash(text: &str) -> Digest {
    hash(BODY_CONTEXT, &[text.as_bytes()])
}

/// The commitment to a name that stays off the ledger:
/// H("titian ubin commit v1", salt ‖ name).
pub fn name_commitment(salt: &[u8; 32], name: &str) -> Digest {
    hash("titian ubin commit v1", &[salt, name.as_bytes()])
}

impl<'a> Body<'a> {
    /// Reads a body. The shape is `MALFORMED` or `FIELD_LIMIT`, the size `LIMIT_EXCEEDED`.
    pub(super) fn read(value: &'a Value) -> Result<Self, Reject> {
        if value.jcs_bytes() > limits::UBIN_BODY_BYTES_MAX {
            return Err(Reject::new(Code::LimitExceeded, PATH, "a body has at most 8 KiB"));
        }
        let mut m = Members::of(value, PATH)?;
        if m.uint("v")? != 1 {
            return Err(m.malformed("v", "1 is expected"));
        }
        m.text("ubin")?;
        let body = Self {
            value,
            entity: m.text("entity")?,
            version: m.uint("version")?,
            prev: read_prev(&mut m)?,
            category: required_word(&mut m, "category", Category::parse)?,
            display_id: limited_text(&mut m, "displayId", limits::DISPLAY_ID_CHARS_MAX)?,
            legal_name: read_legal_name(&mut m)?,
            other_names: read_other_names(&mut m)?,
            legal_form: read_legal_form(&mut m)?,
            size_class: optional_word(&mut m, "sizeClass", SizeClass::parse)?,
            status: read_status(&mut m)?,
            corroboration: optional_word(&mut m, "corroboration", Corroboration::parse)?,
            confirmed_on: required_date(&mut m, "confirmedOn")?,
            source_as_of: required_date(&mut m, "sourceAsOf")?,
            registered_on: optional_date(&mut m, "registeredOn")?,
            ended_on: optional_date(&mut m, "endedOn")?,
            valid_from: required_date(&mut m, "validFrom")?,
            address: read_address(&mut m)?,
            identifiers: read_identifiers(&mut m)?,
            relations: read_relations(&mut m)?,
            has_evidence: read_evidence(&mut m)?,
            has_name_commit: read_name_commit(&mut m)?,
            is_trade_name_public: read_flag(&mut m, "tradeNamePublic")?,
        };
        read_activities(&mut m)?;
        read_controllers(&mut m)?;
        m.finish()?;
        Ok(body)
    }

    /// The hash of what neither `suspend` nor `confirm` may change.
    pub(super) fn core_hash(&self) -> Digest {
        let core = self.value.to_jcs_without(&VARIABLE_MEMBERS);
        hash("titian ubin core v1", &[core.as_bytes()])
    }
}

/// Simple inputs of a first registration; the entity id is computed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The number.
    pub ubin: Ubin,
    /// Name and BCP 47 language.
    pub legal_name: (String, String),
    /// The legal form in national words.
    pub legal_form: Option<String>,
    /// Kind of business.
    pub category: Category,
    /// Size by the national definition.
    pub size_class: Option<SizeClass>,
    /// The common status.
    pub status: Status,
    /// The register's own status code.
    pub status_national: Option<String>,
    /// When the business was registered.
    pub registered_on: Date,
    /// The date of the register's data, taken for `confirmedOn` and `sourceAsOf`.
    pub as_of: Date,
    /// Legal date of the version.
    pub valid_from: Date,
    /// The LEI, if known.
    pub lei: Option<String>,
}

impl Draft {
    /// The body of version 1. Further members may be set on the value before it is signed.
    pub fn to_body(&self) -> Value {
        let Ubin { cc, scheme, local } = &self.ubin;
        let date = |date: Date| Value::from(date.to_string());
        let mut status =
            vec![("code", Value::from(self.status.name())), ("since", date(self.registered_on))];
        if let Some(national) = &self.status_national {
            status.push(("national", Value::from(national.as_str())));
        }
        let (name, lang) = &self.legal_name;
        let mut members = vec![
            ("v", Value::Int(1)),
            ("ubin", Value::from(self.ubin.to_string())),
            ("entity", Value::from(entity_id(cc, scheme, local))),
            ("version", Value::Int(1)),
            ("displayId", Value::from(local.as_str())),
            ("category", Value::from(self.category.name())),
            (
                "legalName",
                Value::object([
                    ("value", Value::from(name.as_str())),
                    ("lang", Value::from(lang.as_str())),
                ]),
            ),
            ("status", Value::object(status)),
            ("corroboration", Value::from(Corroboration::Full.name())),
            ("confirmedOn", date(self.as_of)),
            ("sourceAsOf", date(self.as_of)),
            ("registeredOn", date(self.registered_on)),
            ("validFrom", date(self.valid_from)),
        ];
        if let Some(form) = &self.legal_form {
            members.push(("legalForm", Value::object([("national", Value::from(form.as_str()))])));
        }
        if let Some(size) = self.size_class {
            members.push(("sizeClass", Value::from(size.name())));
        }
        if let Some(lei) = &self.lei {
            let lei = Value::object([
                ("scheme", Value::from("lei")),
                ("value", Value::from(lei.as_str())),
            ]);
            members.push(("identifiers", Value::List(vec![lei])));
        }
        Value::object(members)
    }
}

fn required_word<T>(
    m: &mut Members<'_>,
    name: &str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, Reject> {
    parse(m.text(name)?).ok_or_else(|| m.malformed(name, "not a word of the vocabulary"))
}

fn optional_word<T>(
    m: &mut Members<'_>,
    name: &str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, Reject> {
    match m.optional_text(name)? {
        None => Ok(None),
        Some(word) => {
            parse(word).map(Some).ok_or_else(|| m.malformed(name, "not a word of the vocabulary"))
        }
    }
}

fn optional_date<'a>(m: &mut Members<'a>, name: &str) -> Result<Option<&'a str>, Reject> {
    match m.optional_text(name)? {
        Some(text) if Date::parse(text).is_none() => Err(m.malformed(name, "YYYY-MM-DD")),
        date => Ok(date),
    }
}

fn required_date<'a>(m: &mut Members<'a>, name: &str) -> Result<&'a str, Reject> {
    optional_date(m, name)?.ok_or_else(|| m.malformed(name, "member is missing"))
}

/// An optional text that is not empty and has at most `chars_max` characters (`FIELD_LIMIT`).
fn limited_text<'a>(
    m: &mut Members<'a>,
    name: &str,
    chars_max: usize,
) -> Result<Option<&'a str>, Reject> {
    match m.optional_text(name)? {
        Some("") => Err(m.malformed(name, "leave it out instead")),
        Some(text) if text.chars().count() > chars_max => {
            Err(Reject::new(Code::FieldLimit, &m.pointer(name), "too long"))
        }
        text => Ok(text),
    }
}

/// The items of an optional list within its limit (`FIELD_LIMIT`), with their pointers.
fn items<'a>(
    m: &mut Members<'a>,
    name: &str,
    items_max: usize,
) -> Result<Vec<(String, &'a Value)>, Reject> {
    let path = m.pointer(name);
    let list = match m.optional(name) {
        None => return Ok(Vec::new()),
        Some(value) => value.as_list().ok_or_else(|| m.malformed(name, "a list is expected"))?,
    };
    if list.len() > items_max {
        return Err(Reject::new(Code::FieldLimit, &path, "too many items"));
    }
    Ok(list.iter().enumerate().map(|(i, item)| (format!("{path}/{i}"), item)).collect())
}

fn read_flag(m: &mut Members<'_>, name: &str) -> Result<bool, Reject> {
    match m.optional(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(m.malformed(name, "true or false is expected")),
    }
}

fn read_prev(m: &mut Members<'_>) -> Result<Option<Digest>, Reject> {
    match m.optional_text("prev")? {
        None => Ok(None),
        Some(text) => {
            Digest::parse(text).map(Some).ok_or_else(|| m.malformed("prev", "a b3: digest"))
        }
    }
}

fn read_name_commit(m: &mut Members<'_>) -> Result<bool, Reject> {
    match m.optional_text("nameCommit")? {
        None => Ok(false),
        Some(text) if Digest::parse(text).is_some() => Ok(true),
        Some(_) => Err(m.malformed("nameCommit", "a b3: digest")),
    }
}

fn read_name<'a>(m: &mut Members<'a>) -> Result<Name<'a>, Reject> {
    let value = m.text("value")?;
    if !is_language(m.text("lang")?) {
        return Err(m.malformed("lang", "a BCP 47 tag: language, optional script and region"));
    }
    let pointer = m.pointer("value").split_off(PATH.len());
    Ok(Name { value, pointer })
}

fn read_legal_name<'a>(m: &mut Members<'a>) -> Result<Option<Name<'a>>, Reject> {
    let path = m.pointer("legalName");
    let Some(value) = m.optional("legalName") else { return Ok(None) };
    let mut m = Members::of(value, &path)?;
    let name = read_name(&mut m)?;
    m.finish()?;
    Ok(Some(name))
}

fn read_other_names<'a>(m: &mut Members<'a>) -> Result<Vec<OtherName<'a>>, Reject> {
    let mut names = Vec::new();
    for (path, item) in items(m, "otherNames", limits::OTHER_NAMES_MAX)? {
        let mut m = Members::of(item, &path)?;
        let kind = required_word(&mut m, "type", NameType::parse)?;
        names.push(OtherName { kind, name: read_name(&mut m)? });
        optional_date(&mut m, "until")?;
        m.finish()?;
    }
    Ok(names)
}

/// language of 2 to 8 letters, optional script of 4, optional region of 2 letters or 3 digits.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    let language = parts
        .next()
        .is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_lowercase()));
    let is_script = |p: &&str| p.len() == 4 && p.bytes().all(|b| b.is_ascii_alphabetic());
    let is_region =
        |p: &&str| is_state_code(p) || (p.len() == 3 && p.bytes().all(|b| b.is_ascii_digit()));
    let _script = parts.next_if(is_script);
    let _region = parts.next_if(is_region);
    language && parts.next().is_none()
}

fn read_legal_form<'a>(m: &mut Members<'a>) -> Result<Option<LegalForm<'a>>, Reject> {
    let path = m.pointer("legalForm");
    let Some(value) = m.optional("legalForm") else { return Ok(None) };
    let mut m = Members::of(value, &path)?;
    let national = limited_text(&mut m, "national", limits::LEGAL_FORM_CHARS_MAX)?;
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if m.optional_text("elf")?.is_some_and(|elf| elf.len() != 4 || !elf.bytes().all(plain)) {
        return Err(m.malformed("elf", "an ISO 20275 code of four characters"));
    }
    m.finish()?;
    Ok(Some(LegalForm { national }))
}

fn read_status(m: &mut Members<'_>) -> Result<StatusEntry, Reject> {
    let mut m = m.object("status")?;
    let status = StatusEntry {
        code: required_word(&mut m, "code", Status::parse)?,
        national: limited_text(&mut m, "national", limits::NATIONAL_CODE_CHARS_MAX)?
            .map(str::to_owned),
        since: optional_date(&mut m, "since")?.map(str::to_owned),
        reason: optional_word(&mut m, "reason", Reason::parse)?,
    };
    m.finish()?;
    Ok(status)
}

fn read_address<'a>(m: &mut Members<'a>) -> Result<Option<Address<'a>>, Reject> {
    let path = m.pointer("address");
    let Some(value) = m.optional("address") else { return Ok(None) };
    let mut m = Members::of(value, &path)?;
    let mut lines = Vec::new();
    for (pointer, item) in items(&mut m, "lines", limits::ADDRESS_LINES_MAX)? {
        let line = item
            .as_text()
            .filter(|line| !line.is_empty())
            .ok_or_else(|| Reject::new(Code::Malformed, &pointer, "a string is expected"))?;
        if line.chars().count() > limits::ADDRESS_LINE_CHARS_MAX {
            return Err(Reject::new(Code::FieldLimit, &pointer, "too long"));
        }
        lines.push(line);
    }
    let address = Address {
        lines,
        city: limited_text(&mut m, "city", limits::ADDRESS_LINE_CHARS_MAX)?,
        region: m.optional_text("region")?,
        postal_code: limited_text(&mut m, "postalCode", limits::POSTAL_CODE_CHARS_MAX)?,
        country: m.optional_text("country")?,
    };
    if !address.region.is_none_or(is_region) {
        return Err(m.malformed("region", "an ISO 3166-2 code"));
    }
    if !address.country.is_none_or(is_state_code) {
        return Err(m.malformed("country", "an ISO 3166-1 alpha-2 code"));
    }
    m.finish()?;
    Ok(Some(address))
}

fn is_region(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    text.split_once('-').is_some_and(|(country, part)| {
        is_state_code(country) && (1..=3).contains(&part.len()) && part.bytes().all(plain)
    })
}

fn read_activities(m: &mut Members<'_>) -> Result<(), Reject> {
    for (path, item) in items(m, "activity", limits::ACTIVITIES_MAX)? {
        let mut m = Members::of(item, &path)?;
        let digits = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        if !digits(m.text("isic")?, 4) {
            return Err(m.malformed("isic", "one to four digits"));
        }
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
        let national = m.optional_text("national")?;
        if national.is_some_and(|n| !(1..=8).contains(&n.len()) || !n.bytes().all(word)) {
            return Err(m.malformed("national", "one to eight letters, digits, points, hyphens"));
        }
        m.finish()?;
    }
    Ok(())
}

fn read_identifiers<'a>(m: &mut Members<'a>) -> Result<Vec<Identifier<'a>>, Reject> {
    let mut identifiers = Vec::new();
    for (path, item) in items(m, "identifiers", limits::IDENTIFIERS_MAX)? {
        let mut m = Members::of(item, &path)?;
        let scheme = m.text("scheme")?;
        let identifier = if scheme == "tin" {
            m.digest("commit")?;
            Identifier { scheme, value: None, warning: None }
        } else {
            if !reference::SCHEMES.contains(&scheme) {
                return Err(m.malformed("scheme", "unknown identifier scheme"));
            }
            let value = m.text("value")?;
            let warning = reference::check(scheme, value)
                .map_err(|_| m.malformed("value", "does not have the form of its scheme"))?;
            Identifier { scheme, value: Some(value), warning }
        };
        optional_date(&mut m, "verifiedOn")?;
        m.finish()?;
        identifiers.push(identifier);
    }
    Ok(identifiers)
}

fn read_relations<'a>(m: &mut Members<'a>) -> Result<Vec<Relation<'a>>, Reject> {
    let mut relations = Vec::new();
    for (path, item) in items(m, "relations", limits::RELATIONS_MAX)? {
        let mut m = Members::of(item, &path)?;
        let kind = required_word(&mut m, "type", RelationType::parse)?;
        relations.push(Relation { kind, target: m.text("target")? });
        required_date(&mut m, "from")?;
        m.finish()?;
    }
    Ok(relations)
}

fn read_controllers(m: &mut Members<'_>) -> Result<(), Reject> {
    for (path, item) in items(m, "controllers", limits::CONTROLLERS_MAX)? {
        let mut m = Members::of(item, &path)?;
        let did = m.text("did")?;
        let word = |b: u8| b.is_ascii_alphanumeric() || b"._:%-".contains(&b);
        if !did.starts_with("did:") || !did.bytes().all(word) {
            return Err(m.malformed("did", "a DID is expected"));
        }
        if did.len() > limits::CONTROLLER_DID_BYTES_MAX {
            return Err(Reject::new(Code::FieldLimit, &m.pointer("did"), "too long"));
        }
        m.digest("dia")?;
        m.finish()?;
    }
    Ok(())
}

fn read_evidence(m: &mut Members<'_>) -> Result<bool, Reject> {
    let evidence = items(m, "evidence", limits::UBIN_EVIDENCE_MAX)?;
    for (path, item) in &evidence {
        let mut m = Members::of(item, path)?;
        required_word(&mut m, "type", EvidenceType::parse)?;
        if Digest::parse_with("sha256:", m.text("digest")?).is_none() {
            return Err(m.malformed("digest", "sha256: and 64 hex digits"));
        }
        m.finish()?;
    }
    Ok(!evidence.is_empty())
}
