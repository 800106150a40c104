//! Contents that come in a form of others: DCSA transport documents, TradeTrust documents.
//!
//! A DCSA transport document is content as it stands, once it satisfies the DCSA schema; number, lots
//! and type follow from it. Of a TradeTrust document the members are renamed (etr-api.md §6); what it
//! lacks must be given with `--set`.

use std::sync::OnceLock;

use serde_json::{Map, Value as Json, json};
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
    /// The lots.
    pub(super) lots: Vec<Lot>,
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
    let lots = gross_weights(&document)?;
    let reference = text(&document, "/transportDocumentReference").map(str::to_owned);
    let Json::Object(content) = document else {
        return Err(CommandError::bug("a document is an object"));
    };
    Ok(Known { content, profile, reference, lots, due: None, notes })
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
                ))
                .hint("--lot number:unit:amount names the lots"));
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
fn group(subject: &Map<String, Json>, prefix: &str, without: &[&str]) -> Json {
    let members = subject.iter().filter_map(|(name, value)| {
        let rest = name.strip_prefix(prefix).filter(|rest| !without.contains(rest))?;
        let mut letters = rest.chars();
        let first = letters.next()?;
        Some((format!("{}{}", first.to_lowercase(), letters.as_str()), value.clone()))
    });
    Json::Object(members.collect())
}

/// Numbers of records have upper case, digits, `-`, `/` and `.`.
fn reference(subject: &Map<String, Json>, name: &str) -> Option<String> {
    let text = subject.get(name).and_then(Json::as_str)?;
    titian_contracts::etr::request::is_reference(text).then(|| text.to_owned())
}

fn promissory_note(subject: &Map<String, Json>) -> Result<Known> {
    let mut content = renamed(
        subject,
        &[
            ("pNoteId", "noteNumber"),
            ("amount", "amount"),
            ("currency", "currency"),
            ("dueDate", "dueDate"),
            ("commitmentDate", "issueDate"),
            ("drawerPlaceOfIssue", "placeOfIssue"),
            ("clause", "clause"),
        ],
    );
    for name in ["dueDate", "issueDate"] {
        // some write the first moment of the day
        let date = content.get(name).and_then(Json::as_str).and_then(|text| text.get(..10));
        if let Some(date) = date.map(Json::from) {
            content.insert(name.to_owned(), date);
        }
    }
    content.insert("maker".to_owned(), group(subject, "drawer", &["PlaceOfIssue"]));
    content.insert("payee".to_owned(), group(subject, "drawee", &[]));
    let reference = reference(subject, "pNoteId");
    let mut notes = vec!["a TradeTrust promissory note".to_owned()];
    if reference.is_none() {
        // the number of a record is not folded: the issuer chooses one, and keeps the other beside
        if let Some(number) = content.remove("noteNumber") {
            content.insert("pNoteId".to_owned(), number);
        }
        notes.push("its number is none of a record: --ref gives one".to_owned());
    }
    let amount = content.get("amount").and_then(Json::as_str).unwrap_or_default().to_owned();
    let currency = content.get("currency").and_then(Json::as_str).unwrap_or_default().to_owned();
    let lots = match Lot::sum(&amount, &currency) {
        Some(lot) => vec![lot],
        None => Vec::new(),
    };
    let due = content.get("dueDate").and_then(Json::as_str).map(str::to_owned);
    Ok(Known { content, profile: Some("promissory-note"), reference, lots, due, notes })
}

fn warehouse_receipt(subject: &Map<String, Json>) -> Result<Known> {
    let mut content = renamed(
        subject,
        &[
            ("warehouseReceipt", "receiptNumber"),
            ("goods", "goods"),
            ("warehouseAddress", "storagePlace"),
            ("markings", "markings"),
            ("storageAndServicesTerms", "terms"),
            ("warehouseReceiptDetails", "details"),
        ],
    );
    let details = subject.get("warehouseReceiptDetails").and_then(Json::as_object);
    let reference =
        reference(subject, "warehouseReceipt").or_else(|| reference(details?, "warehouseReceipt"));
    match &reference {
        Some(number) => content.insert("receiptNumber".to_owned(), json!(number)),
        None => content.remove("receiptNumber"),
    };
    let of_warehouse = group(subject, "warehouse", &["Receipt", "ReceiptDetails", "Address"]);
    if of_warehouse.as_object().is_some_and(|members| !members.is_empty()) {
        content.insert("warehouse".to_owned(), of_warehouse);
    }
    let mut total = Sum::default();
    let weight = subject.get("totalNetWeight").map(|weight| match weight {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    });
    let lots = match weight {
        Some(weight) if total.add(&weight) => vec![total.lot("1", "KGM")],
        _ => Vec::new(),
    };
    Ok(Known {
        content,
        profile: Some("warehouse-receipt"),
        reference,
        lots,
        due: None,
        notes: vec!["a TradeTrust warehouse receipt".to_owned()],
    })
}

impl Lot {
    /// The one lot of a sum; the decimals are those of the text.
    fn sum(amount: &str, currency: &str) -> Option<Self> {
        super::issue::lot(&format!("1:{currency}:{amount}")).ok()
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

    #[test]
    fn the_dcsa_schema_is_one_that_the_validator_knows() {
        assert!(schema().is_object());
        assert!(matches!(schema::evaluate(schema(), &json!({})), Evaluation::Invalid(_)));
    }
}
