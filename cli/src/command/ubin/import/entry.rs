//! A line of the input as a body that the ledger's own rules have judged.
//!
//! Invariant: what is good here passed `titian_contracts::ubin::import::check_body`, the check that
//! the ledger runs before it asks its state.

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::time::Date;
use titian_contracts::ubin::body::body_hash;
use titian_contracts::ubin::identifier::{self, Ubin};
use titian_contracts::ubin::import::check_body;
use titian_contracts::ubin::record::entity_id;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::vocabulary::{Category, Status};

use super::map::ColumnMap;
use super::register::{Register, Standing};
use super::report::Fault;
use super::row;
use super::source::{Content, Layout, Line, Row};

/// Members that each version has anew.
const OF_THE_VERSION: [&str; 8] =
    ["v", "ubin", "entity", "version", "prev", "evidence", "displayId", "validFrom"];

/// A record of the input.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its number.
    pub(super) ubin: Ubin,
    /// The body, without entity, version and prev.
    pub(super) body: Value,
    /// The entity that the line names.
    pub(super) entity: Option<String>,
    /// The version that the line says it is.
    pub(super) version: Option<u64>,
}

/// What became of reading a line.
#[derive(Debug)]
pub(super) struct Judged {
    /// The canonical number, if the line has one, also of a line that is bad otherwise.
    pub(super) number: Option<Ubin>,
    /// The record, or what is wrong.
    pub(super) outcome: Result<Entry, Fault>,
}

/// What lines are judged by.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    /// The national numbers.
    pub(super) table: &'a SchemeTable,
    /// The column map of a CSV file.
    pub(super) map: Option<&'a ColumnMap>,
    /// Where its columns stand.
    pub(super) layout: Layout,
    /// The state whose records the file holds.
    pub(super) cc: &'a str,
    /// The day of the import, UTC.
    pub(super) today: Date,
}

impl Judge<'_> {
    /// Reads a line; whether the body keeps the rules is not asked yet.
    pub(super) fn read(&self, line: &Line) -> Judged {
        let unreadable = |fault| Judged { number: None, outcome: Err(fault) };
        match (&line.content, self.map) {
            (Content::TooLong, _) => {
                unreadable(Fault::new(Code::LimitExceeded, "", "a line has at most 64 KiB"))
            }
            (Content::Json(bytes), _) => self.read_json(bytes),
            (Content::Cells(cells), Some(map)) => {
                let row = Row { map, layout: &self.layout, cells };
                row::read(&row, self.table, &self.today.to_string())
            }
            (Content::Cells(_), None) => unreadable(Fault::new(Code::Malformed, "", "no map")),
        }
    }

    /// Reads a line and judges its body, as a first version unless the register knows the number;
    /// gives its warnings too.
    pub(super) fn judge(&self, line: &Line, register: Option<&Register>) -> (Judged, Vec<String>) {
        let mut judged = self.read(line);
        let mut warnings = Vec::new();
        if let Ok(entry) = &judged.outcome {
            let standing = register.and_then(|register| register.find(&entry.ubin));
            let suspended = standing.is_none()
                && register.is_some_and(|register| register.is_suspended(&entry.ubin.scheme));
            let claims = entry.check_claims(register.map(|_| standing));
            let checked = claims.and(takes_numbers(!suspended)).and_then(|()| {
                let body = entry.first_version();
                match standing {
                    None => self.check(&body),
                    // what binds new numbers only is not asked of one that stands
                    Some(_) => self.check(
                        &body
                            .with("version", Value::Int(2))
                            .with("prev", Value::from(Digest::ZERO)),
                    ),
                }
            });
            match checked {
                Ok(found) => warnings = found,
                Err(fault) => judged.outcome = Err(fault),
            }
        }
        (judged, warnings)
    }

    /// Runs the rules that need no state over a complete body.
    pub(super) fn check(&self, body: &Value) -> Result<Vec<String>, Fault> {
        check_body(body, self.table, self.today).map_err(|reject| Fault::of(&reject))
    }

    /// What a reader of the file calls the place of a fault.
    pub(super) fn column(&self, line: &Line, fault: &Fault) -> String {
        match (&line.content, self.map) {
            (Content::Cells(cells), Some(map)) => {
                let row = Row { map, layout: &self.layout, cells };
                map.shown(&row::column_of(&row, &fault.column))
            }
            _ => fault.column.clone(),
        }
    }

    fn read_json(&self, bytes: &[u8]) -> Judged {
        match self.number_of(bytes) {
            Ok((body, ubin)) => {
                let outcome = self.entry_of(body, &ubin);
                Judged { number: Some(ubin), outcome }
            }
            Err(fault) => Judged { number: None, outcome: Err(fault) },
        }
    }

    fn number_of(&self, bytes: &[u8]) -> Result<(Value, Ubin), Fault> {
        let body = json::parse(bytes).map_err(|reject| Fault::of(&reject))?;
        let text = body.get("ubin").and_then(Value::as_text).ok_or_else(|| {
            Fault::new(Code::Malformed, "/ubin", "member is missing")
                .suggest("titian ubin make CC SCHEME NUMBER")
        })?;
        let parsed = identifier::parse(text, self.table).map_err(|error| {
            let fault = Fault::new(error.code, "/ubin", error.code.meaning());
            match error.suggestions.first() {
                Some(suggestion) => fault.suggest(suggestion.clone()),
                None => fault,
            }
        })?;
        Ok((body, parsed.ubin))
    }

    fn entry_of(&self, body: Value, ubin: &Ubin) -> Result<Entry, Fault> {
        if ubin.cc != self.cc {
            let message = format!("a record of another state than {}", self.cc);
            return Err(Fault::new(Code::NotOwner, "/ubin", message)
                .suggest("one file holds the records of one state"));
        }
        let version = match body.get("version") {
            None => None,
            Some(value) => {
                let number = value.as_int().and_then(|int| u64::try_from(int).ok());
                Some(number.filter(|number| *number > 0).ok_or_else(|| {
                    Fault::new(Code::Malformed, "/version", "a number from 1 is expected")
                })?)
            }
        };
        let entity = match body.get("entity") {
            None => None,
            Some(Value::Text(entity)) => Some(entity.clone()),
            Some(_) => return Err(Fault::new(Code::Malformed, "/entity", "a string is expected")),
        };
        let mut body = body.without("version").without("prev").without("entity");
        body = body.with("ubin", Value::from(ubin.to_string()));
        if body.get("v").is_none() {
            body = body.with("v", Value::Int(1));
        }
        let category = body.get("category").and_then(Value::as_text).and_then(Category::parse);
        let natural = category.is_some_and(Category::is_natural_person);
        if body.get("displayId").is_none() && !natural {
            body = body.with("displayId", Value::from(ubin.local.as_str()));
        }
        Ok(Entry { ubin: ubin.clone(), body, entity, version })
    }
}

/// Whether the scheme of a new number takes any.
fn takes_numbers(takes: bool) -> Result<(), Fault> {
    if takes {
        return Ok(());
    }
    let message = "the scheme takes no new numbers now";
    Err(Fault::new(Code::SchemeNotPrimary, "/ubin", message)
        .suggest("send the line again once it does; records that exist can be updated"))
}

impl Entry {
    /// The body of the first version of the record.
    pub(super) fn first_version(&self) -> Value {
        self.body.with("version", Value::Int(1)).with("entity", Value::from(self.own_entity()))
    }

    fn own_entity(&self) -> String {
        let Ubin { cc, scheme, local } = &self.ubin;
        entity_id(cc, scheme, local)
    }

    /// What the line says of entity and version against what stands under its number: `None` if
    /// the register was not asked.
    pub(super) fn check_claims(&self, standing: Option<Option<&Standing>>) -> Result<(), Fault> {
        let (entity, next) = match standing {
            None => return Ok(()),
            Some(None) => (self.own_entity(), 1),
            Some(Some(Standing::Alias)) => {
                return Err(Fault::new(
                    Code::UbinExists,
                    "/ubin",
                    "the number forwards to another record",
                )
                .suggest("titian ubin get names the record"));
            }
            Some(Some(Standing::Record { entity, version, .. })) => {
                (entity.clone().unwrap_or_else(|| self.own_entity()), version + 1)
            }
        };
        if self.entity.as_ref().is_some_and(|claimed| *claimed != entity) {
            return Err(Fault::new(Code::Malformed, "/entity", "not that of the number")
                .suggest("leave entity out: it is filled in"));
        }
        // the version in force is told again; whether it says the same is seen later
        match self.version {
            Some(version) if version != next && version + 1 != next => {
                Err(Fault::new(Code::VersionConflict, "/version", format!("{next} is the next")))
            }
            _ => Ok(()),
        }
    }

    /// The body of the version after `current`; `None` if it says what `current` says already.
    ///
    /// `map` are the columns of a CSV file: members that they do not cover stay as they are.
    pub(super) fn next_version(&self, current: &Value, map: Option<&ColumnMap>) -> Option<Value> {
        let mut body = self.body.clone();
        if let Some(map) = map {
            body = keep_uncovered(body, current, map);
        }
        if let Some(entity) = current.get("entity") {
            body = body.with("entity", entity.clone());
        }
        let evidence = body.get("evidence").is_some();
        let told = current.without("version").without("prev");
        let told = if evidence { told } else { told.without("evidence") };
        if body == told {
            return None;
        }
        let version = current.get("version").and_then(Value::as_int).unwrap_or(0);
        Some(
            body.with("version", Value::Int(version + 1))
                .with("prev", Value::from(body_hash(current))),
        )
    }

    /// The hash of the first version.
    pub(super) fn first_hash(&self) -> Digest {
        body_hash(&self.first_version())
    }
}

/// The body with what `current` says in members that the map does not cover.
fn keep_uncovered(mut body: Value, current: &Value, map: &ColumnMap) -> Value {
    for (name, old) in current.as_object().unwrap_or_default() {
        match (name.as_str(), body.get(name)) {
            (name, _) if OF_THE_VERSION.contains(&name) => {}
            ("identifiers", new) => {
                let merged = identifiers(new, old, map.covers("lei"));
                if !merged.is_empty() {
                    body = body.with("identifiers", Value::List(merged));
                }
            }
            ("status", Some(new)) if same_code(new, old) => {
                // the reason of a status stays as long as the status does
                let kept =
                    if map.covers("status_since") { &["reason"][..] } else { &["reason", "since"] };
                body = body.with("status", with_members(new.clone(), old, kept));
            }
            // a business that came back has no end
            ("endedOn", None) if !has_ended(&body) => {}
            ("legalForm", new) => {
                let parts = [("elf", "form_elf"), ("national", "form_national")];
                body = keep_parts(&body, name, new, old, &parts, map);
            }
            ("address", new) => {
                let parts = [
                    ("lines", "address_1"),
                    ("city", "city"),
                    ("region", "region"),
                    ("postalCode", "postal_code"),
                ];
                body = keep_parts(&body, name, new, old, &parts, map);
            }
            (name, None) if !covers_member(name, map) => body = body.with(name, old.clone()),
            _ => {}
        }
    }
    body
}

/// Whether the status of a body is one of an ended business.
fn has_ended(body: &Value) -> bool {
    let code = body.get("status").and_then(|status| status.get("code")).and_then(Value::as_text);
    code.and_then(Status::parse)
        .is_some_and(|status| status == Status::Dissolved || status.is_terminal())
}

fn same_code(new: &Value, old: &Value) -> bool {
    new.get("code") == old.get("code") && new.get("national") == old.get("national")
}

/// `new` with those of the named members of `old` that it lacks.
fn with_members(new: Value, old: &Value, names: &[&str]) -> Value {
    names.iter().fold(new, |new, name| match (new.get(name), old.get(name)) {
        (None, Some(value)) => new.with(name, value.clone()),
        _ => new,
    })
}

/// Parts of an object whose columns the map does not cover.
fn keep_parts(
    body: &Value,
    name: &str,
    new: Option<&Value>,
    old: &Value,
    parts: &[(&str, &str)],
    map: &ColumnMap,
) -> Value {
    let kept: Vec<&str> =
        parts.iter().filter(|(_, column)| !map.covers(column)).map(|(part, _)| *part).collect();
    let empty = Value::Object(Vec::new());
    let mut merged = with_members(new.cloned().unwrap_or(empty), old, &kept);
    if merged.as_object().is_none_or(<[_]>::is_empty) {
        return body.clone();
    }
    if name == "address" {
        merged = with_members(merged, old, &["country"]);
    }
    body.with(name, merged)
}

/// The identifiers of other systems: the LEI from the file if the map covers it.
fn identifiers(new: Option<&Value>, old: &Value, lei_covered: bool) -> Vec<Value> {
    let is_lei = |item: &&Value| item.get("scheme").and_then(Value::as_text) == Some("lei");
    let old = old.as_list().unwrap_or_default().iter();
    let kept = old.filter(|item| !(lei_covered && is_lei(item)));
    let mut merged: Vec<Value> = kept.cloned().collect();
    for item in new.and_then(Value::as_list).unwrap_or_default() {
        if !merged.contains(item) {
            merged.push(item.clone());
        }
    }
    merged
}

/// Whether the map says something about a member; a covered member with an empty cell is gone.
fn covers_member(name: &str, map: &ColumnMap) -> bool {
    match name {
        "legalName" => map.covers("legal_name"),
        "otherNames" => !map.other_names.is_empty(),
        "sizeClass" => map.covers("size_class"),
        "registeredOn" => map.covers("registered_on"),
        "endedOn" => map.covers("ended_on"),
        "activity" => map.covers("isic"),
        "category" | "status" | "corroboration" | "confirmedOn" | "sourceAsOf" => true,
        _ => false,
    }
}
