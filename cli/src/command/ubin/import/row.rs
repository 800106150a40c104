//! From a row of cells to a body.
//!
//! Invariant: nothing is guessed. A member comes from its column or its default; the date of the
//! data, where the map gives none, is the day of the import.

use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::scheme::{Scheme, SchemeTable};
use titian_contracts::ubin::vocabulary::{Category, Corroboration, Status};

use super::entry::{Entry, Judged};
use super::report::Fault;
use super::source::Row;
use super::suggestion;

type Found<T> = Result<T, Fault>;

/// The body of a row, without entity, version and prev.
pub(super) fn read(row: &Row<'_>, table: &SchemeTable, today: &str) -> Judged {
    let (scheme, raw, ubin) = match number(row, table) {
        Ok(found) => found,
        Err(fault) => return Judged { number: None, outcome: Err(fault) },
    };
    let outcome = body(row, scheme, &raw, &ubin, today);
    Judged { number: Some(ubin), outcome }
}

/// The scheme of a row, its number as it is written, and the number made canonical.
fn number<'t>(row: &Row<'_>, table: &'t SchemeTable) -> Found<(&'t Scheme, String, Ubin)> {
    row.check_width()?;
    let cc = &row.map.cc;
    let code = row.text("scheme")?.or_else(|| row.map.scheme.clone());
    let code = code.ok_or_else(|| Fault::new(Code::Malformed, "scheme", "the cell is empty"))?;
    let scheme = table.find(cc, &code).ok_or_else(|| {
        let known = table.of_country(cc).unwrap_or_default().iter();
        let known: Vec<&str> = known.map(|scheme| scheme.entry.code.as_str()).collect();
        Fault::new(Code::SchemeUnknown, "scheme", Code::SchemeUnknown.meaning())
            .suggest(format!("schemes of {cc}: {}", known.join(" ")))
    })?;
    let raw = row
        .text("local_id")?
        .ok_or_else(|| Fault::new(Code::Malformed, "local_id", "the cell is empty"))?;
    let local = scheme
        .canonical_local(&raw)
        .map_err(|code| suggestion::national_number(code, &raw, scheme, table, "local_id"))?;
    Ok((scheme, raw, Ubin { cc: cc.clone(), scheme: code, local }))
}

fn body(row: &Row<'_>, scheme: &Scheme, raw: &str, ubin: &Ubin, today: &str) -> Found<Entry> {
    let category = row.text("category")?;
    let natural = category
        .as_deref()
        .and_then(Category::parse)
        .is_some_and(|category| category.is_natural_person());
    let as_of = date(row, "source_as_of")?.unwrap_or_else(|| today.to_owned());
    let valid_from = date(row, "valid_from")?.unwrap_or_else(|| as_of.clone());
    let mut members = vec![
        ("v", Value::Int(1)),
        ("ubin", Value::from(ubin.to_string())),
        ("status", status(row, scheme)?),
        ("confirmedOn", Value::from(as_of.as_str())),
        ("sourceAsOf", Value::from(as_of)),
        ("validFrom", Value::from(valid_from)),
    ];
    let mut text = |name: &'static str, value: Option<String>| {
        members.extend(value.map(|value| (name, Value::from(value))));
    };
    text("category", category);
    text("sizeClass", row.text("size_class")?);
    text("registeredOn", date(row, "registered_on")?);
    text("endedOn", date(row, "ended_on")?);
    if !natural {
        // members that the record of a natural person's business may not hold
        let full = Corroboration::Full.name().to_owned();
        text("corroboration", Some(row.text("corroboration")?.unwrap_or(full)));
        let short = raw.chars().count() <= limits::DISPLAY_ID_CHARS_MAX;
        text("displayId", short.then(|| raw.to_owned()));
    }
    members.extend(optional("legalName", name(row, "legal_name", "legal_name_lang")?));
    members.extend(optional("otherNames", other_names(row)?));
    members.extend(optional("legalForm", legal_form(row)?));
    members.extend(optional("address", address(row, natural)?));
    members.extend(optional("evidence", evidence(row)?));
    if let Some(isic) = row.text("isic")? {
        let activity = Value::object([("isic", Value::from(isic))]);
        members.push(("activity", Value::List(vec![activity])));
    }
    if let Some(lei) = row.text("lei")? {
        let lei = [("scheme", Value::from("lei")), ("value", Value::from(lei))];
        members.push(("identifiers", Value::List(vec![Value::object(lei)])));
    }
    let version = match row.text("version")? {
        None => None,
        Some(text) => Some(text.parse().ok().filter(|version| *version > 0).ok_or_else(|| {
            Fault::new(Code::Malformed, "version", "a number from 1 is expected")
        })?),
    };
    Ok(Entry { ubin: ubin.clone(), body: Value::object(members), entity: None, version })
}

fn optional(name: &'static str, value: Option<Value>) -> Option<(&'static str, Value)> {
    value.map(|value| (name, value))
}

/// A date in the format of the map, as `YYYY-MM-DD`.
fn date(row: &Row<'_>, column: &str) -> Found<Option<String>> {
    let Some(text) = row.text(column)? else { return Ok(None) };
    row.map.dates.read(&text).map(Some).ok_or_else(|| {
        Fault::new(Code::Malformed, column, "no date in the format of the map")
            .suggest(row.map.dates.suggestion(&text))
    })
}

/// The status: what the scheme maps the national code to, OTHER for a code that it does not map.
fn status(row: &Row<'_>, scheme: &Scheme) -> Found<Value> {
    let national = row.text("status_national")?;
    if national.as_deref().is_some_and(|code| !row.map.admits_status(code)) {
        let message = "the statusMap of the column map does not list this code";
        return Err(Fault::new(Code::StatusMapMismatch, "status_national", message)
            .suggest("add the code to statusMap as the scheme maps it, else as OTHER"));
    }
    let mapped =
        national.as_deref().map(|code| scheme.mapped_status(code).unwrap_or(Status::Other));
    let code = row.text("status")?.or_else(|| mapped.map(|status| status.name().to_owned()));
    let code = code.ok_or_else(|| {
        Fault::new(Code::Malformed, "status_national", "the cell is empty")
            .suggest("map status_national, or give status, the common code, in the map")
    })?;
    let mut members = vec![("code", Value::from(code))];
    members.extend(national.map(|national| ("national", Value::from(national))));
    members.extend(date(row, "status_since")?.map(|since| ("since", Value::from(since))));
    members.extend(row.text("status_reason")?.map(|reason| ("reason", Value::from(reason))));
    Ok(Value::object(members))
}

/// The document that a change rests on, by its digest; nothing without one.
fn evidence(row: &Row<'_>) -> Found<Option<Value>> {
    let Some(digest) = row.text("evidence_digest")? else { return Ok(None) };
    let mut members = vec![("digest", Value::from(digest))];
    members.extend(row.text("evidence_type")?.map(|kind| ("type", Value::from(kind))));
    Ok(Some(Value::List(vec![Value::object(members)])))
}

/// A name with its language; nothing without a name.
fn name(row: &Row<'_>, value: &str, lang: &str) -> Found<Option<Value>> {
    let Some(text) = row.text(value)? else { return Ok(None) };
    let mut members = vec![("value", Value::from(text))];
    members.extend(row.text(lang)?.map(|lang| ("lang", Value::from(lang))));
    Ok(Some(Value::object(members)))
}

fn other_names(row: &Row<'_>) -> Found<Option<Value>> {
    let mut names = Vec::new();
    for [value, kind, lang] in &row.map.other_names {
        if let Some(found) = name(row, value, lang)? {
            let kind = row.text(kind)?.map(Value::from);
            names.push(kind.map_or(found.clone(), |kind| found.with("type", kind)));
        }
    }
    Ok((!names.is_empty()).then_some(Value::List(names)))
}

fn legal_form(row: &Row<'_>) -> Found<Option<Value>> {
    let parts = [("elf", row.text("form_elf")?), ("national", row.text("form_national")?)];
    let members: Vec<_> =
        parts.into_iter().filter_map(|(name, text)| Some((name, Value::from(text?)))).collect();
    Ok((!members.is_empty()).then(|| Value::object(members)))
}

/// The address; the country is that of the map. Of a natural person's business only the region
/// may stand, so what else the row holds is refused by the rules.
fn address(row: &Row<'_>, natural: bool) -> Found<Option<Value>> {
    let mut members = Vec::new();
    let lines: Vec<Value> =
        present(row, &ADDRESS_LINES)?.into_iter().map(|(_, text)| Value::from(text)).collect();
    if !lines.is_empty() {
        members.push(("lines", Value::List(lines)));
    }
    for (name, column) in [("city", "city"), ("region", "region"), ("postalCode", "postal_code")] {
        members.extend(row.text(column)?.map(|text| (name, Value::from(text))));
    }
    if members.is_empty() {
        return Ok(None);
    }
    if !natural {
        members.push(("country", Value::from(row.map.cc.as_str())));
    }
    Ok(Some(Value::object(members)))
}

const ADDRESS_LINES: [&str; 3] = ["address_1", "address_2", "address_3"];

/// The columns of `names` that are not empty.
fn present<'c>(row: &Row<'_>, names: &[&'c str]) -> Found<Vec<(&'c str, String)>> {
    let mut found = Vec::new();
    for name in names {
        found.extend(row.text(name)?.map(|text| (*name, text)));
    }
    Ok(found)
}

/// The column that a member of a body comes from.
pub(super) fn column_of(row: &Row<'_>, pointer: &str) -> String {
    let mut parts = pointer.split('/').skip(1);
    let (first, second, third) =
        (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let column = match (first, second) {
        ("ubin" | "displayId" | "entity", _) => "local_id",
        ("legalName", "lang") => "legal_name_lang",
        ("legalName", _) => "legal_name",
        ("legalForm", "elf") => "form_elf",
        ("legalForm", _) => "form_national",
        ("status", "since") => "status_since",
        ("status", "reason") => "status_reason",
        ("evidence", _) if third == "type" => "evidence_type",
        ("evidence", _) => "evidence_digest",
        ("status", _) if row.map.covers("status_national") => "status_national",
        ("sizeClass", _) => "size_class",
        ("registeredOn", _) => "registered_on",
        ("endedOn", _) => "ended_on",
        ("validFrom", _) => "valid_from",
        ("sourceAsOf" | "confirmedOn", _) => "source_as_of",
        ("activity", _) => "isic",
        ("identifiers", _) => "lei",
        ("address", "postalCode") => "postal_code",
        ("address", "lines") => {
            let lines = present(row, &ADDRESS_LINES).unwrap_or_default();
            let place: usize = third.parse().unwrap_or(0);
            return lines.get(place).map_or("address_1", |(column, _)| *column).to_owned();
        }
        ("address", part @ ("city" | "region")) => part,
        ("otherNames", place) => return other_name_column(row, place, third),
        (name @ ("category" | "status" | "version" | "corroboration"), _) => name,
        _ => pointer,
    };
    column.to_owned()
}

fn other_name_column(row: &Row<'_>, place: &str, part: &str) -> String {
    let filled = |[value, ..]: &&[String; 3]| row.text(value).is_ok_and(|text| text.is_some());
    let place: usize = place.parse().unwrap_or(0);
    let columns = row.map.other_names.iter().filter(filled).nth(place);
    let [value, kind, lang] = columns.cloned().unwrap_or_default();
    match part {
        "type" => kind,
        "lang" => lang,
        _ => value,
    }
}
