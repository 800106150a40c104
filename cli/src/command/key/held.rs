//! Keys that the wallet holds: made, listed, written to files, taken in.

use std::path::Path;

use serde_json::{Value as Json, json};
use titian_contracts::access::Party;
use titian_contracts::json::Value;

use super::NewArgs;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, Tone, table};
use crate::session::Session;
use crate::wallet::{Algorithm, KeyRef, Wallet, WalletKey, write_private};

/// What a key of a business may sign unless told otherwise.
const BUSINESS_SCOPES: [&str; 2] = ["access.key_*", "etr.*"];

fn open_or_create(session: &Session, insecure: bool) -> Result<Wallet> {
    let path = session.wallet_path()?;
    match (path.exists(), insecure) {
        (true, _) => Wallet::open(&path),
        (false, true) => Ok(Wallet::create_insecure(&path)),
        (false, false) => Wallet::create(&path),
    }
}

/// `titian key new`.
pub(super) fn new(session: &Session, args: &NewArgs) -> Result<Report> {
    let chain = match &args.chain {
        Some(chain) => chain.clone(),
        None => session.chain()?.to_owned(),
    };
    let mut wallet = open_or_create(session, args.insecure_devnet)?;
    wallet.check_chain(&chain)?;
    let party = &args.party.party;
    let purposes =
        if args.purpose.is_empty() { vec!["invoke".to_owned()] } else { args.purpose.clone() };
    let business = matches!(Party::parse(party), Some(Party::Business { .. }));
    let agrees = purposes.iter().any(|purpose| purpose == "agree");
    let scopes = if args.scope.is_empty() && business && !agrees {
        BUSINESS_SCOPES.map(str::to_owned).to_vec()
    } else {
        args.scope.clone()
    };
    if args.alg == Algorithm::P256 && purposes.iter().any(|purpose| is_for_ed25519(purpose)) {
        return Err(CommandError::usage("a P-256 key is for --purpose assert or present")
            .named("ALG_UNSUPPORTED"));
    }
    let key = WalletKey::generate(party, args.officer, purposes, scopes).anew(args.alg);
    let request = request_of(party, &chain, std::slice::from_ref(&key))?;
    let public_key = key.public_key();
    wallet.put(key);
    wallet.save()?;
    let mut lines = vec![format!("key of {party} made: {public_key}")];
    lines.push(format!("kept in {}", wallet.path().display()));
    if let Some(path) = &args.out {
        document::write(path, &format!("{}\n", request.to_jcs()))?;
        lines.push(format!(
            "request in {}; next: titian key bind {}",
            path.display(),
            path.display()
        ));
        if matches!(Party::parse(party), Some(Party::Authority { .. })) {
            lines
                .push("an agency that is not there yet: titian access authority-create".to_owned());
        }
    } else {
        lines.push(format!("next: titian key export {party} -o request.json, for its authority"));
    }
    let json = json!({
        "party": party,
        "publicKey": public_key,
        "wallet": wallet.path(),
        "request": document::to_json(&request),
    });
    Ok(Report::new(lines.join("\n"), json))
}

/// Purposes that the register admits for no P-256 key.
fn is_for_ed25519(purpose: &str) -> bool {
    ["invoke", "agree"].contains(&purpose)
}

/// What an authority needs to bind keys: the party and the public parts.
fn request_of(party: &str, chain: &str, keys: &[WalletKey]) -> Result<Value> {
    let keys: Result<Vec<Value>> = keys.iter().map(|key| key.to_binding(chain)).collect();
    Ok(Value::object([
        ("titianKeyRequest", Value::Int(1)),
        ("chain", Value::from(chain)),
        ("party", Value::from(party)),
        ("keys", Value::List(keys?)),
    ]))
}

/// `titian key list`.
pub(super) fn list(session: &Session) -> Result<Report> {
    let wallet = session.wallet()?;
    let heading = ["KEY", "OFFICER", "PURPOSES", "PUBLIC KEY"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut items = Vec::new();
    for key in &wallet.keys {
        let purposes = key.purposes.join(",");
        rows.push(vec![key.label(), key.officer.to_string(), purposes, key.public_key()]);
        items.push(key_json(key));
    }
    let mut text = table(&rows);
    if wallet.is_insecure() {
        let warning = session.output.paint(Tone::Warn, "in the clear, for a devnet only");
        text = format!("{text}\n{}: {warning}", wallet.path().display());
    }
    Ok(Report::new(text, json!({ "wallet": wallet.path(), "keys": items })))
}

fn key_json(key: &WalletKey) -> Json {
    json!({
        "party": key.party,
        "key": key.number.map(|number| format!("k{number}")),
        "officer": key.officer,
        "purposes": key.purposes,
        "alg": key.register_name(),
        "scopes": key.scopes,
        "publicKey": key.public_key(),
    })
}

/// The key that a reference names; without a number also one that is not bound yet.
fn find_any<'a>(wallet: &'a Wallet, key: &KeyRef) -> Result<&'a WalletKey> {
    if key.number.is_none() {
        let unbound = wallet
            .keys
            .iter()
            .rev()
            .find(|known| known.party == key.party && known.number.is_none());
        if let Some(found) = unbound {
            return Ok(found);
        }
    }
    wallet.find(key)
}

/// `titian key export`, the public part or all of it encrypted.
pub(super) fn export(session: &Session, key: &KeyRef, secret: bool, out: &Path) -> Result<Report> {
    let wallet = session.wallet()?;
    let found = find_any(&wallet, key)?;
    if secret {
        let mut copy = Wallet::create(out)?;
        copy.put(found.clone());
        copy.save()?;
        let text = format!("{} written, encrypted, to {}", found.label(), out.display());
        return Ok(Report::new(
            text,
            json!({ "file": out, "secret": true, "key": key_json(found) }),
        ));
    }
    let request = request_of(&found.party, session.chain()?, std::slice::from_ref(found))?;
    document::write(out, &format!("{}\n", request.to_jcs()))?;
    let text = format!("public part of {} written to {}", found.label(), out.display());
    Ok(Report::new(text, json!({ "file": out, "secret": false, "key": key_json(found) })))
}

/// Writes a key as nodes read it: the seed in hex, for its owner alone. Nothing is written over.
pub(super) fn export_for_node(session: &Session, key: &KeyRef, out: &Path) -> Result<Report> {
    let wallet = session.wallet()?;
    let found = find_any(&wallet, key)?;
    if !found.signs_ops() {
        return Err(
            CommandError::usage("a node signs with Ed25519 keys alone").named("ALG_UNSUPPORTED")
        );
    }
    if out.exists() {
        return Err(CommandError::usage(format!("{} is there already", out.display())));
    }
    let seed = zeroize::Zeroizing::new(found.ed25519()?.to_bytes());
    let text = zeroize::Zeroizing::new(hex::encode(*seed));
    write_private(out, text.as_bytes())
        .map_err(|error| CommandError::file("write", out, &error))?;
    let text = format!(
        "{} written to {} in the clear: it belongs on the node, and nowhere else",
        found.label(),
        out.display()
    );
    Ok(Report::new(text, json!({ "file": out, "secret": true, "key": key_json(found) })))
}

/// `titian key import`.
pub(super) fn import(session: &Session, file: &Path) -> Result<Report> {
    let source = Wallet::open(file)?;
    let mut wallet = open_or_create(session, source.is_insecure())?;
    if source.is_insecure() && !wallet.is_insecure() {
        session.output.note("the file holds keys in the clear; delete it when you need it no more");
    }
    let labels: Vec<String> = source.keys.iter().map(WalletKey::label).collect();
    for key in source.keys {
        wallet.put(key);
    }
    wallet.save()?;
    let text = format!("{} taken into {}", labels.join(", "), wallet.path().display());
    Ok(Report::new(text, json!({ "wallet": wallet.path(), "imported": labels })))
}
