//! A bill of lading: issued, transferred twice across borders, surrendered.

use std::time::Instant;

use serde_json::{Map, Value as Json, json};
use titian_api::{Call as _, call, etr};
use titian_contracts::etr::content::record_id;
use titian_contracts::json::Value;
use titian_contracts::time::Date;

use super::registers::Traders;
use super::{Demo, unexpected};
use crate::act::{self, Draft, FrameArgs, capability, now_ms, random_hex};
use crate::command::etr::content::Fields;
use crate::command::etr::issue::{Issue, default_regime, entity, profile};
use crate::command::etr::offer_args;
use crate::document;
use crate::error::{CommandError, Result};
use crate::wallet::{KeyRef, WalletKey};

/// Shipping instructions of a negotiable bill, and a transport document for what they lack.
const INSTRUCTIONS: &str = include_str!("../../../../demo/negotiable-bl.json");
const ISSUANCE: &str = include_str!("../../../../demo/issuance-request.json");
/// Members that the transport document lends to the instructions.
const LENT: [&str; 7] = [
    "carrierCode",
    "carrierCodeListProvider",
    "placeOfIssue",
    "transports",
    "termsAndConditions",
    "shippedOnBoardDate",
    "numberOfRiderPages",
];
const HOUR_MS: u64 = 3_600_000;

/// The whole life of one bill of lading.
pub(super) fn bill_of_lading(demo: &mut Demo, traders: &Traders) -> Result<()> {
    let id = issue(demo, traders)?;
    transfer(demo, &id, &traders.shipper, &traders.trader)?;
    former_holder_is_refused(demo, &id, &traders.shipper, &traders.buyer)?;
    transfer(demo, &id, &traders.trader, &traders.buyer)?;
    surrender(demo, &id, traders)?;
    demo.write("bill-of-lading.id", &format!("{id}\n"))?;
    Ok(())
}

/// The DCSA document with its template marks filled and what the profile requires added.
fn content(reference: &str) -> Result<Map<String, Json>> {
    let booking = format!("CBR{}", &reference[3..]);
    let filled = INSTRUCTIONS.replace("{CBR}", &booking);
    let read = |text: &str| -> Result<Json> {
        serde_json::from_str(text).map_err(|error| CommandError::bug(format!("demo data: {error}")))
    };
    let (instructions, issuance) = (read(&filled)?, read(ISSUANCE)?);
    let Json::Object(mut content) = instructions else {
        return Err(CommandError::bug("demo data: an object is expected"));
    };
    for name in LENT {
        let lent = issuance.pointer(&format!("/document/{name}")).cloned();
        content.insert(name.to_owned(), lent.unwrap_or(Json::Null));
    }
    content.insert("transportDocumentReference".to_owned(), json!(reference));
    content.insert("issueDate".to_owned(), json!(Date::of_ms(now_ms()).to_string()));
    Ok(content)
}

fn issue(demo: &mut Demo, traders: &Traders) -> Result<String> {
    let since = Instant::now();
    let reference = format!("TTN{}", random_hex::<5>().to_uppercase());
    let session = demo.first();
    let fields: Fields = profile(session, "bl-order@1")?;
    let committed = fields.commit(content(&reference)?, &reference, &Map::new())?;
    let issuer_entity = entity(session, &traders.carrier)?;
    let id = record_id(demo.folder.chain(), &fields.series, &issuer_entity, &reference);
    let envelope = committed.write(&demo.out, &id, &fields.profile)?;
    let regime = default_regime(&traders.carrier);
    let lot = Value::object([
        ("amount", Value::from("5000")),
        ("lot", Value::from("1")),
        ("scale", Value::Int(0)),
        ("unit", Value::from("KGM")),
    ]);
    let issue = Issue {
        fields: &fields,
        reference: &reference,
        obligor: &traders.carrier,
        to: &Value::from(traders.shipper.as_str()),
        title: "to_order",
        regime: &regime,
        lots: vec![lot],
        due_ms: None,
    };
    perform(demo, &id, "issue", issue.to_args(&committed), &[&traders.carrier, &traders.shipper])?;
    check_holder(demo, &id, &traders.shipper, "active")?;
    let lines = [
        format!("{reference}: {} issues to {}", traders.carrier, traders.shipper),
        format!("record {id}"),
        format!(
            "content stays in {}; the ledger has its root {}",
            envelope.display(),
            committed.root
        ),
    ];
    demo.step("a bill of lading issued", since, &lines);
    Ok(id)
}

/// Prepares, signs and submits an act on the record; it must be applied.
fn perform(demo: &mut Demo, id: &str, act: &str, args: Value, signers: &[&str]) -> Result<()> {
    let submitted = attempt(demo, id, act, args, signers)?;
    demo.accept(&format!("etr.{act}"), &submitted)?;
    Ok(())
}

fn attempt(
    demo: &mut Demo,
    id: &str,
    act: &str,
    args: Value,
    signers: &[&str],
) -> Result<titian_api::ledger::Submitted> {
    let frame = FrameArgs { ack_all: true, ..FrameArgs::default() };
    let draft = Draft::on_record(act, Some(id), args, frame);
    let keys: Vec<WalletKey> =
        signers.iter().map(|party| demo.key(party, 1)).collect::<Result<_>>()?;
    let refs: Vec<KeyRef> = signers
        .iter()
        .map(|party| KeyRef { party: (*party).to_owned(), number: Some(1) })
        .collect();
    let unsigned = act::build(demo.first(), &draft, &demo.wallet, &refs)?;
    demo.submit_prepared(unsigned, &keys)
}

fn transfer(demo: &mut Demo, id: &str, from: &str, to: &str) -> Result<()> {
    let since = Instant::now();
    let deadline = now_ms().saturating_add(72 * HOUR_MS);
    perform(demo, id, "offer", offer_args(to, "special", deadline), &[from])?;
    check_holder(demo, id, from, "offered")?;
    let args = Value::object([("evidence", Value::List(Vec::new()))]);
    perform(demo, id, "accept", args, &[to])?;
    check_holder(demo, id, to, "active")?;
    let lines = [format!("{from} offered it with special endorsement, {to} accepted")];
    let states = (from.get(..2).unwrap_or(""), to.get(..2).unwrap_or(""));
    demo.step(&format!("transferred from {} to {}", states.0, states.1), since, &lines);
    Ok(())
}

/// The party part as a party sees it: who is in control, and the status.
fn check_holder(demo: &Demo, id: &str, holder: &str, status: &str) -> Result<()> {
    let session = demo.first();
    let key = KeyRef { party: holder.to_owned(), number: Some(1) };
    let params = etr::GetParams {
        id: id.to_owned(),
        height: None,
        proof: false,
        capability: capability(session, &demo.wallet, &key, call::EtrGet::NAME, id)?,
    };
    let record = Json::Object(session.client()?.ask::<call::EtrGet>(&params)?);
    let shown = document::text(&record, "/party/controller/party").unwrap_or("?");
    let state = document::text(&record, "/public/status").unwrap_or("?");
    if (shown, state) == (holder, status) {
        Ok(())
    } else {
        Err(unexpected(format!("controller {shown}, status {state}; expected {holder}, {status}")))
    }
}

/// The former holder tries to offer the record once more.
fn former_holder_is_refused(demo: &mut Demo, id: &str, former: &str, to: &str) -> Result<()> {
    let since = Instant::now();
    let deadline = now_ms().saturating_add(72 * HOUR_MS);
    let args = offer_args(to, "special", deadline);
    let submitted = attempt(demo, id, "offer", args, &[former])?;
    let refusal = submitted.receipt.and_then(|receipt| receipt.error).or(submitted.error);
    let Some(refusal) = refusal else {
        return Err(unexpected(format!("{former} gave the record away a second time")));
    };
    let lines = [format!("{former} tried to offer it again: {refusal}")];
    demo.step("the former holder is refused", since, &lines);
    Ok(())
}

fn surrender(demo: &mut Demo, id: &str, traders: &Traders) -> Result<()> {
    let since = Instant::now();
    let args = Value::object([
        ("deadlineMs", Value::from(now_ms().saturating_add(72 * HOUR_MS))),
        ("kind", Value::from("delivery")),
        ("reason", Value::Null),
    ]);
    perform(demo, id, "surrender", args, &[&traders.buyer])?;
    let args = Value::object([("digest", Value::Null)]);
    perform(demo, id, "surrender_accept", args, &[&traders.carrier])?;
    let params = etr::GetParams { id: id.to_owned(), ..etr::GetParams::default() };
    let record = Json::Object(demo.first().client()?.ask::<call::EtrGet>(&params)?);
    let status = document::text(&record, "/public/status").unwrap_or("?");
    let end = document::text(&record, "/public/end").unwrap_or("?");
    if (status, end) != ("dead", "delivered") {
        return Err(unexpected(format!("after surrender the record is {status}, {end}")));
    }
    let lines = [format!(
        "{} handed it to {}; the record is {status} ({end})",
        traders.buyer, traders.carrier
    )];
    demo.step("surrendered for delivery", since, &lines);
    Ok(())
}
