//! Contents that come in a form of others: DCSA transport documents, TradeTrust documents.
//!
//! A DCSA transport document is content as it stands, once it satisfies the DCSA schema; number, lots
//! and type follow from it. Of a TradeTrust document the members are renamed (etr-api.md §6); what it
//! lacks must be given with `--set`.

use std::sync::OnceLock;

use serde_json::{Map, Value as Json, json};
use titian_contracts::time::Date;
use titian_credential::schema::{self, Evaluation};

use super::issue::Lot;
use crate::document::text;
use crate::error::{CommandError, Result};

/// The DCSA TransportDocument 3.0.4 as a JSON Schema; `cli/content/dcsa/README.md` says how it was made.
const DCSA_SCHEMA: &str =
    include_str!("../../../content/dcsa/transport-document-3.0.4.schema.json");
/// Decimals that a lot may have.
const SCALE_MAX: usize = 6;

/// What follows from a content.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The content in the members of the profile.
    pub(super) content: Map<String, Json>,
    /// The type of record.
    pub(super) profile: Option<&'static str>,
    /// The number.
    pub(super) reference: Option<String>,
    /// The lots; none if the content states no quantity.
    pub(super) lots: Vec<Lot>,
    /// Why the quantity that it states makes no lots.
    pub(super) unclear: Option<CommandError>,
    /// The due date.
    pub(super) due: Option<String>,
    /// Remarks for the user.
    pub(super) notes: Vec<String>,
}

/// What follows from a content: everything of a known form, the content itself of another.
pub(super) fn recognise(json: Json, unchecked: bool) -> Result<Known> {
    let Json::Object(content) = json else {
        return Err(CommandError::usage("the content must be a JSON object"));
    };
    // an issuance request carries the document
    let inner = content.get("document").and_then(Json::as_object).cloned();
    let content = inner.filter(is_dcsa).unwrap_or(content);
    if is_dcsa(&content) {
        return dcsa(content, unchecked);
    }
    let subject = content.get("credentialSubject").and_then(Json::as_object).unwrap_or(&content);
    if subject.contains_key("pNoteId") {
        return promissory_note(subject);
    }
    if ["warehouseReceipt", "warehouseReceiptDetails"].iter().any(|n| subject.contains_key(*n)) {
        return warehouse_receipt(subject);
    }
    Ok(Known { content, ..Known::default() })
}

fn is_dcsa(content: &Map<String, Json>) -> bool {
    content.contains_key("transportDocumentTypeCode") && content.contains_key("consignmentItems")
}

fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| serde_json::from_str(DCSA_SCHEMA).unwrap_or(Json::Bool(false)))
}

fn dcsa(content: Map<String, Json>, unchecked: bool) -> Result<Known> {
    let document = Json::Object(content);
    let mut notes = Vec::new();
    match schema::evaluate(schema(), &document) {
        Evaluation::Valid => notes.push("a DCSA transport document 3.0.4, valid".to_owned()),
        Evaluation::Invalid(places) if unchecked => {
            notes.push(format!("breaks the DCSA schema at {}", places.join(", ")));
        }
        Evaluation::Invalid(places) => {
            return Err(CommandError::usage(format!(
                "the content breaks the DCSA transport document schema at {}",
                places.join(", ")
            ))
            .with_data(json!({ "schema": "DCSA TransportDocument 3.0.4", "places": places }))
            .hint("fill what is missing, or take it as it is with --unchecked"));
        }
        Evaluation::Limit => {
            return Err(CommandError::usage("the content is too large for the DCSA schema"));
        }
    }
    let kind = text(&document, "/transportDocumentTypeCode");
    let to_order = document.get("isToOrder").and_then(Json::as_bool);
    let profile = match (kind, to_order) {
        (Some("BOL"), Some(true)) => Some("bl-order"),
        (Some("BOL"), Some(false)) => Some("bl-straight"),
        (Some("SWB"), _) => Some("sea-waybill"),
        _ => None,
    };
    let (lots, unclear) = either(gross_weights(&document));
    let reference = text(&document, "/transportDocumentReference").map(str::to_owned);
    let Json::Object(content) = document else {
        return Err(CommandError::bug("a document is an object"));
    };
    Ok(Known { content, profile, reference, lots, unclear, due: None, notes })
}

/// Lots, or why there are none: who names lots with `--lot` need not correct the content.
fn either(lots: Result<Vec<Lot>>) -> (Vec<Lot>, Option<CommandError>) {
    match lots {
        Ok(lots) => (lots, None),
        Err(error) => (Vec::new(), Some(error.hint("--lot number:unit:amount names the lots"))),
    }
}

/// One lot for each consignment item: the gross weight of its cargo.
fn gross_weights(document: &Json) -> Result<Vec<Lot>> {
    let items = document.get("consignmentItems").and_then(Json::as_array);
    let mut lots = Vec::new();
    for (index, item) in (1..).zip(items.into_iter().flatten()) {
        let cargo = item.get("cargoItems").and_then(Json::as_array);
        let weights = cargo.into_iter().flatten().filter_map(|item| item.get("cargoGrossWeight"));
        let mut sum: Option<(String, Sum)> = None;
        for weight in weights {
            let unit = text(weight, "/unit").unwrap_or_default();
            let value = weight.get("value").map(Json::to_string).unwrap_or_default();
            let (known, total) = sum.get_or_insert_with(|| (unit.to_owned(), Sum::default()));
            if known != unit || !total.add(&value) {
                return Err(CommandError::usage(format!(
                    "the weights of consignment item {index} do not add up to one lot"
                )));
            }
        }
        if let Some((unit, total)) = sum {
            lots.push(total.lot(&index.to_string(), &unit));
        }
    }
    Ok(lots)
}

/// A sum of decimal numbers.
#[derive(Debug, Default)]
struct Sum {
    units: u64,
    scale: usize,
}

impl Sum {
    /// Adds a decimal; false if it is none, has too many decimals, or the sum is too large.
    fn add(&mut self, text: &str) -> bool {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = !whole.is_empty()
            && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !digits || fraction.len() > SCALE_MAX {
            return false;
        }
        let scale = self.scale.max(fraction.len());
        let scaled = |units: u64, from: usize| {
            units.checked_mul(10_u64.checked_pow(u32::try_from(scale - from).ok()?)?)
        };
        let own = format!("{whole}{fraction}").parse().ok();
        let sum = scaled(self.units, self.scale)
            .zip(own.and_then(|own| scaled(own, fraction.len())))
            .and_then(|(a, b)| a.checked_add(b));
        match sum {
            Some(units) => {
                *self = Self { units, scale };
                true
            }
            None => false,
        }
    }

    fn lot(&self, number: &str, unit: &str) -> Lot {
        Lot {
            number: number.to_owned(),
            unit: unit.to_owned(),
            scale: self.scale as u64,
            amount: self.units.to_string(),
        }
    }
}

/// The members of `names` under their new names, as far as they are there.
fn renamed(subject: &Map<String, Json>, names: &[(&str, &str)]) -> Map<String, Json> {
    let found =
        names.iter().filter_map(|(old, new)| Some(((*new).to_owned(), subject.get(*old)?.clone())));
    found.collect()
}

/// The members whose name begins with `prefix`, without it: `drawerCompanyName` is `companyName`.
/// Nothing if there are none: a required member must not be filled with nothing.
fn group(subject: &Map<String, Json>, prefix: &str, without: &[&str]) -> Option<Json> {
    let members = subject.iter().filter_map(|(name, value)| {
        let rest = name.strip_prefix(prefix).filter(|rest| !without.contains(rest))?;
        let mut letters = rest.chars();
        let first = letters.next()?;
        Some((format!("{}{}", first.to_lowercase(), letters.as_str()), value.clone()))
    });
    let members: Map<String, Json> = members.collect();
    (!members.is_empty()).then_some(Json::Object(members))
}

/// A member of a document that is not what it should be.
fn wrong(name: &str, should: &str) -> CommandError {
    CommandError::usage(format!("{name} of the content must be {should}"))
        .with_data(json!({ "places": [format!("/{name}")] }))
}

/// A member that is text, if it is there.
fn written<'a>(subject: &'a Map<String, Json>, name: &str) -> Result<Option<&'a str>> {
    match subject.get(name) {
        None => Ok(None),
        Some(Json::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
        Some(_) => Err(wrong(name, "text that is not empty")),
    }
}

/// A day, also of those who write a moment of it: `2025-04-10T00:00:00.000Z`.
fn day<'a>(subject: &'a Map<String, Json>, name: &str) -> Result<Option<&'a str>> {
    let Some(text) = written(subject, name)? else { return Ok(None) };
    let (date, moment) = match text.split_once('T') {
        Some((date, _)) => (date, titian_credential::time::parse(text).is_some()),
        None => (text, true),
    };
    if moment && Date::parse(date).is_some() {
        Ok(Some(date))
    } else {
        Err(wrong(name, "a date such as 2025-04-10"))
    }
}

/// The number, if a record can have it: upper case, digits, `-`, `/` and `.`.
fn reference(subject: &Map<String, Json>, name: &str) -> Result<Option<String>> {
    let text = written(subject, name)?;
    Ok(text.filter(|text| titian_contracts::etr::request::is_reference(text)).map(str::to_owned))
}

/// A sum of money has the decimals of its text.
fn sum(subject: &Map<String, Json>) -> Result<Vec<Lot>> {
    let (amount, currency) = (written(subject, "amount")?, written(subject, "currency")?);
    let code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    if currency.is_some_and(|text| !code(text)) {
        return Err(wrong("currency", "a code of three letters such as SGD"));
    }
    let Some((amount, currency)) = amount.zip(currency) else { return Ok(Vec::new()) };
    let lot = super::issue::lot(&format!("1:{currency}:{amount}"))
        .map_err(|_| wrong("amount", "a sum such as 78945.23, with at most 6 decimals"))?;
    Ok(vec![lot])
}

const NO_NUMBER: &str = "its number is none of a record: --ref gives one";

fn promissory_note(subject: &Map<String, Json>) -> Result<Known> {
    let mut content = renamed(
        subject,
        &[
            ("pNoteId", "noteNumber"),
            ("amount", "amount"),
            ("currency", "currency"),
            ("drawerPlaceOfIssue", "placeOfIssue"),
            ("clause", "clause"),
        ],
    );
    let due = day(subject, "dueDate")?.map(str::to_owned);
    for (name, date) in
        [("dueDate", due.as_deref()), ("issueDate", day(subject, "commitmentDate")?)]
    {
        content.extend(date.map(|date| (name.to_owned(), json!(date))));
    }
    for (name, party) in [
        ("maker", group(subject, "drawer", &["PlaceOfIssue"])),
        ("payee", group(subject, "drawee", &[])),
    ] {
        content.extend(party.map(|party| (name.to_owned(), party)));
    }
    let reference = reference(subject, "pNoteId")?;
    let mut notes = vec!["a TradeTrust promissory note".to_owned()];
    if reference.is_none() {
        // the number of a record is not folded: the issuer chooses one, and keeps the other beside
        if let Some(number) = content.remove("noteNumber") {
            content.insert("pNoteId".to_owned(), number);
        }
        notes.push(NO_NUMBER.to_owned());
    }
    // the ledger compares amount and currency with the lot: no option makes up for them
    let lots = sum(subject)?;
    let profile = Some("promissory-note");
    Ok(Known { content, profile, reference, lots, unclear: None, due, notes })
}

fn warehouse_receipt(subject: &Map<String, Json>) -> Result<Known> {
    let mut content = renamed(
        subject,
        &[
            ("goods", "goods"),
            ("warehouseAddress", "storagePlace"),
            ("markings", "markings"),
            ("storageAndServicesTerms", "terms"),
            ("warehouseReceiptDetails", "details"),
        ],
    );
    let details = match subject.get("warehouseReceiptDetails") {
        None => &Map::new(),
        Some(Json::Object(details)) => details,
        Some(_) => return Err(wrong("warehouseReceiptDetails", "an object")),
    };
    let stated = [subject, details].map(|members| reference(members, "warehouseReceipt"));
    let [of_subject, of_details] = stated;
    let reference = of_subject?.or(of_details?);
    let mut notes = vec!["a TradeTrust warehouse receipt".to_owned()];
    match &reference {
        Some(number) => content.extend([("receiptNumber".to_owned(), json!(number))]),
        None => notes.push(NO_NUMBER.to_owned()),
    }
    let warehouse = group(subject, "warehouse", &["Receipt", "ReceiptDetails", "Address"]);
    content.extend(warehouse.map(|warehouse| ("warehouse".to_owned(), warehouse)));
    let (lots, unclear) = either(net_weight(subject));
    let profile = Some("warehouse-receipt");
    Ok(Known { content, profile, reference, lots, unclear, due: None, notes })
}

/// One lot in kilograms.
fn net_weight(subject: &Map<String, Json>) -> Result<Vec<Lot>> {
    let text = match subject.get("totalNetWeight") {
        None => return Ok(Vec::new()),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut total = Sum::default();
    if total.add(&text) {
        Ok(vec![total.lot("1", "KGM")])
    } else {
        Err(wrong("totalNetWeight", "a number of kilograms such as 599.326"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_add_up_to_the_last_place() {
        let mut sum = Sum::default();
        for text in ["12000", "0.5", "3.125", "10.0"] {
            assert!(sum.add(text), "{text}");
        }
        let lot = sum.lot("1", "KGM");
        assert_eq!((lot.amount.as_str(), lot.scale), ("12013625", 3));
        for wrong in ["", "-1", "1e3", "0.1234567", "18446744073709551616"] {
            assert!(!sum.add(wrong), "{wrong}");
        }
    }

    const ISSUANCE: &str =
        include_str!("../../../../tests/data/etr/dcsa/eblissuance-v3.0.0-request.json");
    const INSTRUCTIONS: [&str; 4] = [
        include_str!("../../../../tests/data/etr/dcsa/ebl-api-3.0.0-negotiable-bl.json"),
        include_str!("../../../../tests/data/etr/dcsa/ebl-api-3.0.0-straight-bl.json"),
        include_str!("../../../../tests/data/etr/dcsa/ebl-api-3.0.0-dg.json"),
        include_str!("../../../../tests/data/etr/dcsa/ebl-api-3.0.0-2c1u.json"),
    ];
    const NOTES: [&str; 2] = [
        include_str!("../../../../tests/data/etr/tradetrust/promissory-note-v2.json"),
        include_str!("../../../../tests/data/etr/tradetrust/promissory-note-vc2.json"),
    ];
    const RECEIPTS: [&str; 2] = [
        include_str!("../../../../tests/data/etr/tradetrust/warehouse-receipt-v2.json"),
        include_str!("../../../../tests/data/etr/tradetrust/warehouse-receipt-vc2.json"),
    ];

    fn parse(text: &str) -> Json {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn etr_a_dcsa_transport_document_gives_type_number_and_lots() {
        let mut request = parse(ISSUANCE);
        // the mark that stands for the number is longer than a number may be
        let refused = recognise(request.clone(), false).expect_err("a mark is no number");
        let places = refused.data.expect("details")["places"].clone();
        assert_eq!(places, json!(["/transportDocumentReference"]));
        request["document"]["transportDocumentReference"] = json!("TTNU4711");
        for (to_order, profile) in [(true, "bl-order"), (false, "bl-straight")] {
            request["document"]["isToOrder"] = json!(to_order);
            let known = recognise(request.clone(), false).expect("it is valid");
            assert_eq!(known.profile, Some(profile));
            assert_eq!(known.reference.as_deref(), Some("TTNU4711"));
            let lot = known.lots.first().expect("a lot");
            let shown = (lot.number.as_str(), lot.unit.as_str(), lot.amount.as_str(), lot.scale);
            assert_eq!(shown, ("1", "KGM", "12000", 0));
            assert!(known.content.contains_key("consignmentItems"));
        }
        request["document"]["issueDate"] = json!("12 December");
        let refused = recognise(request, false).expect_err("a date is a date");
        assert!(refused.message.contains("/issueDate"), "{refused}");
    }

    #[test]
    fn etr_shipping_instructions_are_told_what_they_lack() {
        for text in INSTRUCTIONS {
            let refused = recognise(parse(text), false).expect_err("no transport document");
            assert!(refused.message.contains("/transportDocumentReference"), "{refused}");
            let known = recognise(parse(text), true).expect("taken as it is");
            assert!(!known.lots.is_empty() && known.profile.is_some());
        }
    }

    #[test]
    fn etr_tradetrust_documents_become_the_members_of_their_profile() {
        for text in NOTES {
            let known = recognise(parse(text), false).expect("a note");
            assert_eq!(known.profile, Some("promissory-note"));
            assert_eq!(known.reference, None, "its number has lower case");
            let lot = known.lots.first().expect("a sum");
            assert!(lot.scale <= 2 && lot.unit.len() == 3, "{lot:?}");
            assert_eq!(known.due.as_deref().map(str::len), Some(10));
            for name in ["amount", "currency", "maker", "payee", "issueDate", "pNoteId"] {
                assert!(known.content.contains_key(name), "{name}");
            }
        }
        for text in RECEIPTS {
            let known = recognise(parse(text), false).expect("a receipt");
            assert_eq!(known.profile, Some("warehouse-receipt"));
            // one names its number where a record can have it, the other with a blank in it
            let number = known.content.get("receiptNumber").and_then(Json::as_str);
            assert_eq!(number, known.reference.as_deref());
            assert!(number.is_some() || known.content.contains_key("details"));
            assert!(known.content.contains_key("storagePlace"));
            assert_eq!(known.lots.first().map(|lot| lot.unit.as_str()), Some("KGM"));
        }
    }

    /// The samples of a kind with one member changed: what is said of it.
    fn refusal(sample: &str, name: &str, value: Json) -> CommandError {
        let mut document = parse(sample);
        let subject = match document.get_mut("credentialSubject") {
            Some(subject) => subject,
            None => &mut document,
        };
        subject[name] = value;
        let known = recognise(document, false);
        known.map_or_else(|error| error, |known| known.unclear.expect("it is wrong"))
    }

    #[test]
    fn etr_each_malformed_member_of_a_tradetrust_document_is_named() {
        let dates =
            ["10 May 2025", "2025-05-1", "2025-05-10garbage", "2025-02-30", "2025-05-10Tx", ""];
        let sums = ["", "-1", "1e3", "1,000", "78945.1234567", "EUR 5", "99999999999999999999"];
        let mut wrong: Vec<(&str, Json)> = Vec::new();
        wrong.extend(
            dates.iter().flat_map(|d| [("dueDate", json!(d)), ("commitmentDate", json!(d))]),
        );
        wrong.extend(sums.iter().map(|sum| ("amount", json!(sum))));
        wrong.extend([("amount", json!(78945.23)), ("amount", Json::Null), ("pNoteId", json!(7))]);
        wrong.extend(["", "eur", "EURO", "€"].iter().map(|code| ("currency", json!(code))));
        for (name, value) in wrong {
            for sample in NOTES {
                let refused = refusal(sample, name, value.clone());
                assert!(
                    refused.message.starts_with(&format!("{name} of")),
                    "{refused} for {value}"
                );
                assert_eq!(refused.data.expect("details")["places"], json!([format!("/{name}")]));
            }
        }
        for sample in RECEIPTS {
            for value in [json!("50 MT"), json!(""), json!(-5), json!(["50"]), json!("0.1234567")] {
                let refused = refusal(sample, "totalNetWeight", value);
                assert!(refused.message.starts_with("totalNetWeight of"), "{refused}");
                assert!(refused.hints.iter().any(|hint| hint.contains("--lot")), "{refused}");
            }
            for (name, value) in
                [("warehouseReceipt", json!(12)), ("warehouseReceiptDetails", json!("x"))]
            {
                let refused = refusal(sample, name, value);
                assert!(refused.message.starts_with(&format!("{name} of")), "{refused}");
            }
        }
        // a note that names no maker has none: it must not be one without members
        let mut note = parse(NOTES[0]);
        note.as_object_mut().expect("an object").retain(|name, _| !name.starts_with("drawer"));
        assert!(!recognise(note, false).expect("a note").content.contains_key("maker"));
    }

    #[test]
    fn etr_bounds_of_dcsa_numbers_hold_for_fractions() {
        let mut request = parse(ISSUANCE);
        request["document"]["transportDocumentReference"] = json!("TTNU4711");
        let weight = "/document/consignmentItems/0/cargoItems/0/cargoGrossWeight/value";
        for (value, amount, scale) in [(json!(0.001), "1", 3), (json!(12000.5), "120005", 1)] {
            *request.pointer_mut(weight).expect("a weight") = value;
            let known = recognise(request.clone(), false).expect("it is valid");
            let lot = known.lots.first().expect("a lot");
            assert_eq!((lot.amount.as_str(), lot.scale), (amount, scale));
        }
        for value in [json!(0), json!(0.0), json!(-0.5)] {
            *request.pointer_mut(weight).expect("a weight") = value;
            let refused = recognise(request.clone(), false).expect_err("weight is above zero");
            let place = weight.trim_start_matches("/document");
            assert_eq!(refused.data.expect("details")["places"], json!([place]));
        }
        // what no lot can say is told, unless lots are named
        *request.pointer_mut(weight).expect("a weight") = json!(0.123_456_7);
        let unclear = recognise(request, false).expect("it is valid").unclear.expect("too fine");
        assert!(unclear.message.contains("consignment item 1"), "{unclear}");
    }

    #[test]
    fn the_dcsa_schema_is_one_that_the_validator_knows() {
        assert!(schema().is_object());
        assert!(matches!(schema::evaluate(schema(), &json!({})), Evaluation::Invalid(_)));
    }
}
