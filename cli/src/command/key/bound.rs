//! Keys that the ledger knows: their state, and the acts that bind, replace and end them.

use std::path::Path;

use serde_json::{Value as Json, json};
use titian_api::access::PartyParams;
use titian_api::call;
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use crate::act::{self, Draft, SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, WalletKey};

fn ledger_keys(session: &Session, party: &str) -> Result<Vec<Json>> {
    let params = PartyParams { party: party.to_owned(), height: None, proof: false };
    let answer = Json::Object(session.client()?.ask::<call::AccessKeys>(&params)?);
    Ok(answer.pointer("/keys").and_then(Json::as_array).cloned().unwrap_or_default())
}

/// The version that acts on a party quote; 0 for none yet.
pub(crate) fn party_version(session: &Session, party: &str) -> Result<u64> {
    let params = PartyParams { party: party.to_owned(), height: None, proof: false };
    match session.client()?.ask::<call::AccessParty>(&params) {
        Ok(answer) => Ok(answer.get("version").and_then(Json::as_u64).unwrap_or(0)),
        Err(error) if is_unknown(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

fn is_unknown(error: &CommandError) -> bool {
    matches!(error.name.as_deref(), Some("PARTY_UNKNOWN" | "NOT_FOUND"))
}

/// `titian key status`.
pub(super) fn status(session: &Session, party: &str) -> Result<Report> {
    let keys = ledger_keys(session, party)?;
    // notes in the wallet which numbers its keys have by now
    let held = match session.wallet() {
        Ok(mut wallet) => {
            if learn_numbers(&mut wallet, party, &keys) {
                wallet.save()?;
            }
            wallet.keys.iter().map(WalletKey::public_key).collect()
        }
        Err(_) => Vec::new(),
    };
    let heading = ["KEY", "STATE", "OFFICER", "PURPOSES", "SCOPES", "HERE"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for key in &keys {
        let text = |pointer: &str| document::text(key, pointer).unwrap_or("").to_owned();
        let list = |pointer: &str| {
            let items = key.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
            items.filter_map(Json::as_str).collect::<Vec<_>>().join(",")
        };
        let here = held.contains(&text("/publicKey"));
        rows.push(vec![
            format!("{party}#{}", text("/key")),
            text("/state"),
            key.pointer("/officer").map(Json::to_string).unwrap_or_default(),
            list("/purposes"),
            list("/scopes"),
            if here { "yes" } else { "" }.to_owned(),
        ]);
    }
    Ok(Report::new(table(&rows), json!({ "party": party, "keys": keys })))
}

/// Notes the numbers that keys of the wallet have on the ledger; answers whether any was new.
pub(crate) fn learn_numbers(wallet: &mut Wallet, party: &str, keys: &[Json]) -> bool {
    let mut changed = false;
    for key in keys {
        let public = document::text(key, "/publicKey").unwrap_or_default();
        let number = document::text(key, "/key").and_then(titian_contracts::op::parse_key_no);
        for known in &mut wallet.keys {
            if known.party == party && known.public_key() == public && known.number != number {
                known.number = number;
                changed = true;
            }
        }
    }
    changed
}

/// `titian key bind`.
pub(super) fn bind(session: &Session, request: &Path, signing: &SigningArgs) -> Result<Report> {
    let request = document::read_value(request)?;
    let text = |name: &str| request.get(name).and_then(Value::as_text).unwrap_or_default();
    if request.get("titianKeyRequest").and_then(Value::as_int) != Some(1) {
        return Err(CommandError::usage("this is no request to bind keys")
            .hint("titian key new PARTY -o request.json"));
    }
    if text("chain") != session.chain()? {
        return Err(CommandError::usage("the request is for another network"));
    }
    let party = text("party").to_owned();
    let args = Value::object([
        ("keys", request.get("keys").cloned().unwrap_or(Value::Null)),
        ("party", Value::from(party.as_str())),
        ("version", Value::from(party_version(session, &party)?)),
    ]);
    let report = act::perform(session, &Draft::new(Register::Access, "key_bind", args), signing)?;
    learn(session, &party)?;
    Ok(report)
}

/// After an act on keys: notes new numbers, if the wallet holds keys of the party.
pub(in crate::command) fn learn(session: &Session, party: &str) -> Result<()> {
    let Ok(mut wallet) = session.wallet() else { return Ok(()) };
    if wallet.keys.iter().any(|key| key.party == party && key.number.is_none()) {
        let keys = match ledger_keys(session, party) {
            Err(error) if is_unknown(&error) => return Ok(()),
            other => other?,
        };
        if learn_numbers(&mut wallet, party, &keys) {
            wallet.save()?;
        }
    }
    Ok(())
}

/// `titian key rotate`.
pub(super) fn rotate(
    session: &Session,
    party: &str,
    retire: &[String],
    overlap_days: u64,
    signing: &SigningArgs,
) -> Result<Report> {
    let mut wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let old = retire.first().and_then(|key| titian_contracts::op::parse_key_no(key));
    let old = wallet.find(&KeyRef { party: party.to_owned(), number: old })?.clone();
    let known = |key: &&WalletKey| key.party == party && key.number.is_none();
    let new = match wallet.keys.iter().find(known) {
        Some(key) => key.clone(),
        None => {
            let (purposes, scopes) = (old.purposes.clone(), old.scopes.clone());
            WalletKey::generate(party, old.officer, purposes, scopes).anew(old.algorithm())
        }
    };
    if !signing.dry_run {
        wallet.put(new.clone());
        wallet.save()?;
    }
    let args = Value::object([
        ("add", Value::List(vec![new.to_binding(session.chain()?)?])),
        ("overlapS", Value::from(overlap_days * 86_400)),
        ("party", Value::from(party)),
        ("retire", Value::List(retire.iter().map(|key| Value::from(key.as_str())).collect())),
        ("version", Value::from(party_version(session, party)?)),
    ]);
    // a key that signs no ops is replaced by another one's signature
    let signing = default_signer(signing, party, old.number.filter(|_| old.signs_ops()));
    let report =
        act::perform(session, &Draft::new(Register::Access, "key_rotate", args), &signing)?;
    learn(session, party)?;
    Ok(report)
}

/// `titian key revoke`.
pub(super) fn revoke(
    session: &Session,
    key: &KeyRef,
    reason: &str,
    effective_ms: Option<u64>,
    signing: &SigningArgs,
) -> Result<Report> {
    let number = key
        .number
        .ok_or_else(|| CommandError::usage("name the key that ends, for example SG:ACRA#k1"))?;
    // ten seconds back: the clock of this machine may run ahead of block time
    let effective = effective_ms.unwrap_or_else(|| now_ms().saturating_sub(10_000));
    let args = Value::object([
        ("effectiveMs", Value::from(effective)),
        ("key", Value::from(format!("k{number}"))),
        ("party", Value::from(key.party.as_str())),
        ("reason", Value::from(reason)),
        ("version", Value::from(party_version(session, &key.party)?)),
    ]);
    let signing = default_signer(signing, &key.party, None);
    act::perform(session, &Draft::new(Register::Access, "key_revoke", args), &signing)
}

/// A party changes its own keys unless another signer is named.
fn default_signer(signing: &SigningArgs, party: &str, number: Option<u64>) -> SigningArgs {
    let mut signing = signing.clone();
    if signing.signers.is_empty() {
        signing.signers.push(KeyRef { party: party.to_owned(), number });
    }
    signing
}
