//! Companies of four states: registration, a mistyped number, keys.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use titian_api::access::PartyParams;
use titian_api::ledger::{SubmitBatchParams, TransactionInput};
use titian_api::{call, ubin};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::Date;
use titian_contracts::transaction::Transaction;
use titian_contracts::ubin::body::Draft;
use titian_contracts::ubin::identifier::{self, Ubin};
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::vocabulary::{Category, SizeClass, Status};
use titian_genesis::devnet::STATES;

use super::{Demo, unexpected};
use crate::act::now_ms;
use crate::command::key::learn_numbers;
use crate::document;
use crate::error::{CommandError, Result};
use crate::wallet::WalletKey;

const COMPANIES: &str = include_str!("../../../../demo/companies.json");
/// One batch is one request.
const BATCH: usize = 50;

#[derive(Deserialize)]
struct Company {
    cc: String,
    scheme: String,
    number: String,
    name: String,
    lang: String,
}

/// The businesses that trade in the demonstration, one of each state.
pub(super) struct Traders {
    /// Singapore: issues the bill of lading.
    pub(super) carrier: String,
    /// Viet Nam: the shipper, first holder.
    pub(super) shipper: String,
    /// Thailand: buys and sells on.
    pub(super) trader: String,
    /// Malaysia: the last holder.
    pub(super) buyer: String,
}

/// The registrar of a state.
pub(super) fn registrar(cc: &str) -> String {
    let office = STATES.iter().find(|(state, ..)| *state == cc).map_or("", |(_, _, office)| office);
    format!("{cc}:{office}")
}

/// Registers every company that is not registered yet, each by its own state's registrar through
/// its own state's node.
pub(super) fn register_companies(demo: &mut Demo) -> Result<Vec<String>> {
    let since = Instant::now();
    let companies: Vec<Company> = serde_json::from_str(COMPANIES)
        .map_err(|error| CommandError::bug(format!("companies.json: {error}")))?;
    let table = SchemeTable::genesis();
    let mut all = Vec::new();
    let mut known = 0;
    let mut batches: Vec<(String, Vec<TransactionInput>)> = Vec::new();
    for company in &companies {
        let Company { cc, scheme, number, .. } = company;
        let made = identifier::make(cc, scheme, number, &table)
            .map_err(|error| CommandError::bug(format!("{cc}-{scheme}: {}", error.code.name())))?;
        let ubin = made.ubin;
        all.push(ubin.to_string());
        if is_registered(demo, &ubin.to_string())? {
            known += 1;
            continue;
        }
        let body = body_of(company, &ubin)?;
        let key = demo.key(&registrar(cc), 1)?;
        let args = Value::object([("body", body)]);
        let value = demo.signed(Register::Ubin, "register", args, &[key])?;
        let bytes = Transaction::encode("op", Register::Ubin, value);
        let text = String::from_utf8(bytes).map_err(|_| CommandError::bug("JSON is not UTF-8"))?;
        let input = TransactionInput::Text(text);
        match batches.iter_mut().find(|(state, list)| state == cc && list.len() < BATCH) {
            Some((_, list)) => list.push(input),
            None => batches.push((cc.clone(), vec![input])),
        }
    }
    let mut registered = 0;
    for (cc, transactions) in batches {
        let params = SubmitBatchParams { transactions, wait: true };
        let answer = demo.of_state(&cc).client()?.ask::<call::LedgerSubmitBatch>(&params)?;
        for submitted in &answer.results {
            demo.accept("ubin.register", submitted)?;
            registered += 1;
        }
    }
    demo.catch_up(demo.first())?;
    for ubin in &all {
        if !is_registered(demo, ubin)? {
            return Err(unexpected(format!("{ubin} was acknowledged and is not there")));
        }
    }
    let states: std::collections::BTreeSet<&str> =
        companies.iter().map(|company| company.cc.as_str()).collect();
    let lines = [
        format!("{registered} registered now, {known} stood already; {} states", states.len()),
        format!("for example {} {}", all.first().cloned().unwrap_or_default(), companies[0].name),
    ];
    demo.step("companies registered, each by its own state", since, &lines);
    Ok(all)
}

fn is_registered(demo: &Demo, ubin: &str) -> Result<bool> {
    let params = ubin::GetParams { ubin: ubin.to_owned(), ..ubin::GetParams::default() };
    let answer = demo.first().client()?.ask::<call::UbinGet>(&params)?;
    Ok(answer.get("found") == Some(&Json::Bool(true)))
}

/// A body with made-up dates and form; the year stands in most numbers.
fn body_of(company: &Company, ubin: &Ubin) -> Result<Value> {
    let year: Option<i64> = ubin.local.get(..4).and_then(|digits| digits.parse().ok());
    let year = year.filter(|year| (1900..=2025).contains(year)).unwrap_or(2010);
    let date = |text: &str| {
        Date::parse(text).ok_or_else(|| CommandError::bug(format!("{text} is no date")))
    };
    let today = Date::of_ms(now_ms());
    let draft = Draft {
        ubin: ubin.clone(),
        legal_name: (company.name.clone(), company.lang.clone()),
        legal_form: Some(legal_form(&company.cc).to_owned()),
        category: Category::General,
        size_class: Some(SizeClass::Medium),
        status: Status::Active,
        status_national: (company.cc == "MY").then(|| "1".to_owned()),
        registered_on: date(&format!("{year:04}-01-02"))?,
        as_of: today,
        valid_from: today,
        lei: None,
    };
    Ok(draft.to_body())
}

/// The private limited company in the words of each state.
fn legal_form(cc: &str) -> &'static str {
    match cc {
        "MY" => "Sendirian Berhad",
        "TH" => "บริษัทจำกัด",
        "VN" => "Công ty trách nhiệm hữu hạn",
        _ => "Private Company Limited by Shares",
    }
}

/// Asks for a number with the letter O in place of a zero: refused, with the right one suggested.
pub(super) fn resolve_mistyped(demo: &mut Demo, companies: &[String]) -> Result<()> {
    let since = Instant::now();
    let right = companies.iter().find(|ubin| ubin.starts_with("SG-") && ubin.contains('0'));
    let right = right.ok_or_else(|| CommandError::bug("no number with a zero"))?;
    let mistyped = right.replacen('0', "O", 1);
    let client = demo.first().client()?;
    let params = ubin::ParseParams { input: mistyped.clone() };
    let Err(error) = client.ask::<call::UbinParse>(&params) else {
        return Err(unexpected(format!("{mistyped} was taken for right")));
    };
    let suggestions = error.data.as_ref().and_then(|data| data.get("suggestions")).cloned();
    let suggestions = suggestions.unwrap_or_else(|| json!([]));
    let first = suggestions.as_array().and_then(|list| list.first()).and_then(Json::as_str);
    let Some(first) = first.filter(|first| first == right) else {
        return Err(unexpected(format!("{mistyped}: suggested {suggestions}, not {right}")));
    };
    let params = ubin::GetParams { ubin: first.to_owned(), ..ubin::GetParams::default() };
    let found = Json::Object(client.ask::<call::UbinGet>(&params)?);
    let name = document::text(&found, "/record/body/legalName/value").unwrap_or("?").to_owned();
    let lines = [
        format!("{mistyped}: {}", error.name.unwrap_or_default()),
        format!("suggested {first}: {name}"),
    ];
    demo.step("a mistyped number is caught and resolved", since, &lines);
    Ok(())
}

/// Binds keys for one business of each state, unless the wallet has bound ones from before.
pub(super) fn bind_traders(demo: &mut Demo, companies: &[String]) -> Result<Traders> {
    let since = Instant::now();
    let mut lines = Vec::new();
    let mut of_state = |cc: &str| -> Result<String> {
        let prefix = format!("{cc}-");
        let found = companies.iter().find(|ubin| ubin.starts_with(&prefix));
        let ubin = found.ok_or_else(|| CommandError::bug(format!("no company of {cc}")))?;
        lines.push(bind(demo, ubin)?);
        Ok(ubin.clone())
    };
    let traders = Traders {
        carrier: of_state("SG")?,
        shipper: of_state("VN")?,
        trader: of_state("TH")?,
        buyer: of_state("MY")?,
    };
    demo.step("keys bound to businesses by their registrars", since, &lines);
    Ok(traders)
}

fn bind(demo: &mut Demo, ubin: &str) -> Result<String> {
    if demo.key(ubin, 1).is_ok() {
        return Ok(format!("{ubin}#k1 stood already"));
    }
    let scopes = ["access.key_*", "etr.*"].map(str::to_owned).to_vec();
    let key = WalletKey::generate(ubin, 1, vec!["invoke".to_owned()], scopes);
    // kept before it is bound: a bound key that is lost needs a recovery
    demo.wallet.put(key.clone());
    demo.wallet.save()?;
    let args = Value::object([
        ("keys", Value::List(vec![key.to_binding(demo.folder.chain())?])),
        ("party", Value::from(ubin)),
        ("version", Value::Int(0)),
    ]);
    let office = registrar(ubin.get(..2).unwrap_or_default());
    let signer = demo.key(&office, 1)?;
    demo.act(Register::Access, "key_bind", args, &[signer])?;
    let params = PartyParams { party: ubin.to_owned(), height: None, proof: false };
    let answer = Json::Object(demo.first().client()?.ask::<call::AccessKeys>(&params)?);
    let keys = answer.pointer("/keys").and_then(Json::as_array).cloned().unwrap_or_default();
    if !learn_numbers(&mut demo.wallet, ubin, &keys) {
        return Err(unexpected(format!("the key of {ubin} was bound and is not shown")));
    }
    demo.wallet.save()?;
    Ok(format!("{ubin}#k1 by {office}"))
}
