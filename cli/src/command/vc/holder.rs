//! Keys of holders: whoever shows a credential signs with the key that its issuer named.
//!
//! Invariant: a holder key lives in the wallet and stands for nobody on the ledger; issuers and
//! verifiers see its public part only.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_credential::did::method::{computed, did_key};
use titian_credential::key::{Algorithm, PublicKey};

use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;
use crate::wallet::{self, KeyRef, Wallet, WalletKey};

/// Before the name of a holder key.
const HOLDER: &str = "holder:";
/// Keys that are made at once: one for each copy of a batch.
const KEYS_MAX: u64 = 50;

/// `titian vc holder`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a holder key; prints what the issuer needs
    #[command(after_help = "Examples:
  titian vc holder new ana
  titian vc holder new ana --count 10 -o keys.json   one key for each copy of a batch")]
    New {
        /// Name of the key in this wallet
        name: String,
        /// How many; the second is called NAME-2
        #[arg(long, default_value_t = 1, value_name = "N")]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=KEYS_MAX))]
        count: u64,
        /// Write the public keys here, as a list of JWK
        #[arg(short, long = "out", value_name = "FILE")]
        out: Option<PathBuf>,
        /// Make a wallet in the clear if there is none; for devnets only
        #[arg(long)]
        insecure_devnet: bool,
    },
    /// List the holder keys of the wallet
    #[command(after_help = "Examples:
  titian vc holder list")]
    List,
}

/// Runs `titian vc holder`.
pub(super) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::New { name, count, out, insecure_devnet } => {
            new(session, name, *count, out.as_deref(), *insecure_devnet)
        }
        Command::List => {
            let wallet = session.wallet()?;
            let keys: Vec<Json> = wallet.keys.iter().filter(is_holder).map(shown).collect();
            Ok(report(&keys))
        }
    }
}

fn is_holder(key: &&WalletKey) -> bool {
    key.party.starts_with(HOLDER)
}

fn shown(key: &WalletKey) -> Json {
    let public = public_key(key);
    json!({ "name": key.party, "did": did_key(&public), "jwk": public.to_jwk() })
}

fn report(keys: &[Json]) -> Report {
    let text = |key: &Json, name: &str| {
        key.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    let mut rows = vec![vec!["KEY".to_owned(), "DID".to_owned()]];
    rows.extend(keys.iter().map(|key| vec![text(key, "name"), text(key, "did")]));
    Report::new(table(&rows), json!(keys))
}

fn new(
    session: &Session,
    name: &str,
    count: u64,
    out: Option<&Path>,
    insecure: bool,
) -> Result<Report> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(CommandError::usage("a name has 1 to 64 letters, digits, - _ ."));
    }
    let path = session.wallet_path()?;
    let mut wallet = if path.exists() {
        session.wallet()?
    } else if insecure {
        Wallet::create_insecure(&path)
    } else {
        Wallet::create(&path)?
    };
    let mut made = Vec::new();
    for n in 1..=count {
        let party = if n == 1 { format!("{HOLDER}{name}") } else { format!("{HOLDER}{name}-{n}") };
        if wallet.keys.iter().any(|key| key.party == party) {
            return Err(CommandError::usage(format!("the wallet has a key {party} already")));
        }
        let key = WalletKey::generate(&party, 1, vec!["present".to_owned()], Vec::new());
        made.push(shown(&key));
        wallet.put(key);
    }
    wallet.save()?;
    if let Some(path) = out {
        let jwks: Vec<&Json> = made.iter().filter_map(|key| key.get("jwk")).collect();
        document::write(path, &format!("{}\n", json!(jwks)))?;
    }
    Ok(report(&made))
}

/// The public part of a key of the wallet.
pub(super) fn public_key(key: &WalletKey) -> PublicKey {
    let algorithm = match key.algorithm() {
        wallet::Algorithm::Ed25519 => Algorithm::Ed25519,
        wallet::Algorithm::P256 => Algorithm::P256,
    };
    PublicKey { algorithm, bytes: key.public_bytes() }
}

/// A key of the wallet by `holder:NAME` or `PARTY[#kN]`.
pub(super) fn find<'a>(wallet: &'a Wallet, name: &str) -> Result<&'a WalletKey> {
    if name.starts_with(HOLDER) {
        return wallet.keys.iter().find(|key| key.party == name).ok_or_else(|| {
            CommandError::usage(format!("the wallet has no key {name}"))
                .hint("titian vc holder list; titian vc holder new NAME")
        });
    }
    let wanted: KeyRef = name.parse().map_err(|error| {
        let error = CommandError::usage(error);
        let of_holder = format!("{HOLDER}{name}");
        let known = wallet.keys.iter().any(|key| key.party == of_holder);
        if known { error.hint(format!("the wallet has a key {of_holder}")) } else { error }
    })?;
    wallet.find(&wanted)
}

/// DID of whoever holds a key, and the DID URL of the key.
pub(super) fn ids(key: &WalletKey) -> (String, String) {
    match key.number {
        Some(number) => {
            let did = format!("did:ubin:{}", key.party);
            let kid = format!("{did}#k{number}");
            (did, kid)
        }
        None => {
            let did = did_key(&public_key(key));
            let kid = format!("{did}#{}", did.trim_start_matches("did:key:"));
            (did, kid)
        }
    }
}

/// The public keys that `--holder` names: DIDs, keys of this wallet, or files with one JWK or a
/// list of them.
pub(super) fn named(wallet: &Wallet, names: &[String]) -> Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    for name in names {
        let no_key = || CommandError::usage(format!("{name} is no public key"));
        if let Some(multikey) = name.strip_prefix("did:key:") {
            keys.push(PublicKey::from_multikey(multikey).ok_or_else(no_key)?);
        } else if name.starts_with("did:jwk:") {
            let method = computed(name, "0").and_then(std::result::Result::ok);
            keys.push(method.ok_or_else(no_key)?.key);
        } else if Path::new(name).is_file() {
            let file = document::read_json(name.as_ref())?;
            let single = std::slice::from_ref(&file);
            for jwk in file.as_array().map_or(single, Vec::as_slice) {
                keys.push(PublicKey::from_jwk(jwk).ok_or_else(no_key)?);
            }
        } else {
            keys.push(public_key(find(wallet, name)?));
        }
    }
    Ok(keys)
}
