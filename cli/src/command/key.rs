//! `titian key`: keys in the wallet, and their binding on the ledger.
//!
//! A key is born here, bound by an authority (which sees the public part and a proof of
//! possession only), and signs from here. Its number N in `PARTY#kN` is the ledger's.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::access::PartyParams;
use titian_api::{Signer, call};
use titian_contracts::access::Party;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};

use crate::act::{self, Draft, FrameArgs, SigningArgs, Unsigned, now_ms};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone, table};
use crate::review;
use crate::session::Session;
use crate::wallet::{Algorithm, KeyRef, Wallet, WalletKey, write_private};

/// What a key of a business may sign unless told otherwise.
const BUSINESS_SCOPES: [&str; 2] = ["access.key_*", "etr.*"];

/// Keys of the wallet and on the ledger.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key; writes the request by which its authority binds it
    #[command(after_help = "Examples:
  titian key new SG-UEN-199403865N-G7 -o request.json
  titian key new SG:CUSTOMS --purpose invoke --purpose assert --scope vc.list_set
  titian key new SG:CUSTOMS --alg P-256 --purpose assert -o request.json
  titian key new SG-UEN-199403865N-G7 --insecure-devnet --wallet ./dev.json")]
    New(NewArgs),
    /// List the keys of the wallet
    #[command(after_help = "Examples:
  titian key list
  titian key list --json")]
    List,
    /// Write a key to a file: its public part, or with --secret the key itself, encrypted
    #[command(after_help = "Examples:
  titian key export SG-UEN-199403865N-G7#k1 -o request.json
  titian key export SG-UEN-199403865N-G7#k1 --secret -o backup.age
  titian key export SG:CUSTOMS#k1 --for-node -o customs-k1.key")]
    Export {
        /// The key
        key: KeyRef,
        /// The private key too; the file is encrypted with a passphrase
        #[arg(long)]
        secret: bool,
        /// The private key in the clear, as the key file of a node that issues with it
        #[arg(long, conflicts_with = "secret")]
        for_node: bool,
        /// Where to write it
        #[arg(short, long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Take the keys of another wallet or of an exported file into this wallet
    #[command(after_help = "Examples:
  titian key import backup.age")]
    Import {
        /// A wallet or an exported key
        file: PathBuf,
    },
    /// Show the keys of a party on the ledger, and which of them this wallet holds
    #[command(after_help = "Examples:
  titian key status SG:ACRA")]
    Status {
        /// The party
        party: KeyRef,
    },
    /// Bind new keys to a party: by the registrar of a business, by the root of an authority
    #[command(after_help = "Examples:
  titian key bind request.json --as SG:ACRA
  titian key bind request.json --dry-run")]
    Bind {
        /// Request made by `titian key new`
        request: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Replace keys of a party by new ones
    #[command(after_help = "Examples:
  titian key rotate SG-UEN-199403865N-G7 --retire k1
  titian key rotate SG:CUSTOMS --retire k1 --overlap-days 7 --as SG:CUSTOMS#k2")]
    Rotate {
        /// The party
        party: KeyRef,
        /// Key that ends; repeat it for several
        #[arg(long, value_name = "kN", required = true)]
        retire: Vec<String>,
        /// How long the old keys stay usable, in days
        #[arg(long, default_value_t = 0, value_name = "DAYS")]
        #[arg(value_parser = clap::value_parser!(u64).range(0..=30))]
        overlap_days: u64,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// End a key at once
    #[command(after_help = "Examples:
  titian key revoke SG-UEN-199403865N-G7#k1 --reason compromised")]
    Revoke {
        /// The key, PARTY#kN
        key: KeyRef,
        /// retired or compromised
        #[arg(long, default_value = "retired", value_parser = ["retired", "compromised"])]
        reason: String,
        /// From when it counts, ms since 1970 [default: now]
        #[arg(long, value_name = "MS")]
        effective_ms: Option<u64>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Add a signature to an op that still lacks some; submits it when complete
    #[command(after_help = "Examples:
  titian key cosign op.json
  titian key cosign op.json --as SG:ACRA#k2")]
    Cosign {
        /// The op
        op: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
}

/// A new key.
#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// The party it is for
    party: KeyRef,
    /// What it is for: invoke (ops), assert (credentials), present, or agree alone (receives sealed
    /// contents); repeat it [default: invoke]
    #[arg(long, value_name = "PURPOSE", value_parser = ["invoke", "assert", "present", "agree"])]
    purpose: Vec<String>,
    /// How it signs; P-256 is for assert and present only
    #[arg(long, value_name = "ALG", default_value = "Ed25519")]
    alg: Algorithm,
    /// What it may sign; repeat it [default for a business: access.key_* and etr.*]
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Number of the officer who holds it; quorums count different officers
    #[arg(long, default_value_t = 1, value_name = "N")]
    officer: u64,
    /// Where to write the request for the authority
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep the wallet in the clear; for throw-away networks only
    #[arg(long)]
    insecure_devnet: bool,
    /// Chain id that the proof of possession names [default: that of the node]
    #[arg(long, value_name = "CHAIN")]
    chain: Option<String>,
}

/// Runs `titian key`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::New(args) => new(session, args),
        Command::List => list(session),
        Command::Export { key, for_node: true, out, .. } => export_for_node(session, key, out),
        Command::Export { key, secret, out, .. } => export(session, key, *secret, out),
        Command::Import { file } => import(session, file),
        Command::Status { party } => status(session, &party.party),
        Command::Bind { request, signing } => bind(session, request, signing),
        Command::Rotate { party, retire, overlap_days, signing } => {
            rotate(session, &party.party, retire, *overlap_days, signing)
        }
        Command::Revoke { key, reason, effective_ms, signing } => {
            revoke(session, key, reason, *effective_ms, signing)
        }
        Command::Cosign { op, signing } => cosign(session, op, signing),
    }
}

fn open_or_create(session: &Session, insecure: bool) -> Result<Wallet> {
    let path = session.wallet_path()?;
    match (path.exists(), insecure) {
        (true, _) => Wallet::open(&path),
        (false, true) => Ok(Wallet::create_insecure(&path)),
        (false, false) => Wallet::create(&path),
    }
}

fn new(session: &Session, args: &NewArgs) -> Result<Report> {
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

fn list(session: &Session) -> Result<Report> {
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

fn export(session: &Session, key: &KeyRef, secret: bool, out: &Path) -> Result<Report> {
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
fn export_for_node(session: &Session, key: &KeyRef, out: &Path) -> Result<Report> {
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

fn import(session: &Session, file: &Path) -> Result<Report> {
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

fn status(session: &Session, party: &str) -> Result<Report> {
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

fn bind(session: &Session, request: &Path, signing: &SigningArgs) -> Result<Report> {
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
pub(super) fn learn(session: &Session, party: &str) -> Result<()> {
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

fn rotate(
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

fn revoke(
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

/// Refuses a key of a state that the op asks nobody of: its signature would stay in the op, complete
/// nothing, and make the ledger refuse it. Within a state a root may stand in for others, and who may
/// sign with the parties to an etr record follows from the record.
fn check_states(register: Register, needs: &[Signer], named: &[KeyRef]) -> Result<()> {
    let state = |party: &str| Party::parse(party).map(|party| party.cc().to_owned());
    let asks = |need: &Signer, key: &KeyRef| {
        let anybody = matches!(need.party.as_str(), "" | "*");
        let state = state(&key.party);
        anybody || state.is_some_and(|cc| need.party.get(..2) == Some(cc.as_str()))
    };
    let foreign = |key: &&KeyRef| !needs.iter().any(|need| asks(need, key));
    // a node that may not say who must sign says nothing
    let asked = register != Register::Etr && !needs.is_empty();
    let Some(key) = named.iter().find(foreign).filter(|_| asked) else { return Ok(()) };
    let parties: Vec<&str> = needs.iter().map(|need| need.party.as_str()).collect();
    Err(CommandError::refused(format!("the op asks for no signature of {}", key.party))
        .named("NOT_OWNER")
        .hint(format!("it asks for: {}", parties.join(", "))))
}

fn cosign(session: &Session, path: &Path, signing: &SigningArgs) -> Result<Report> {
    let value = document::read_value(path)?;
    let op = Op::from_value(value).map_err(|reject| {
        let mut error = CommandError::from_reject(Kind::Usage, &reject);
        error.message = format!("{} holds no op: {}", path.display(), error.message);
        error
    })?;
    if op.chain != session.chain()? {
        return Err(CommandError::usage(format!(
            "the op is for {}, the node is of {}",
            op.chain,
            session.chain()?
        )));
    }
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let id = op.value.get("id").and_then(Value::as_text);
    let draft = Draft {
        register: op.register,
        act: op.act.clone(),
        args: op.args().clone(),
        id: id.map(str::to_owned),
        frame: FrameArgs { ack_all: true, ..FrameArgs::default() },
    };
    let first: Vec<KeyRef> = op
        .signatures
        .iter()
        .map(|sig| KeyRef { party: sig.party.clone(), number: Some(sig.key) })
        .chain(signing.signers.iter().cloned())
        .collect();
    let prepared = act::prepare(session, &draft, Some(&wallet), &first)?;
    if let Some(refusal) = &prepared.fails {
        return Err(act::refused(refusal, &json!({ "file": path })));
    }
    check_states(op.register, &prepared.signers, &signing.signers)?;
    let of_record = op.register == Register::Etr;
    let record =
        of_record.then(|| review::record_of(session, &op.value, signing.signers.first())).flatten();
    let unsigned = Unsigned {
        value: op.value,
        register: op.register,
        needs: prepared.signers,
        warnings: prepared.warnings,
        record,
    };
    if signing.dry_run {
        let mut json = json!({ "opDigest": unsigned.digest().to_string() });
        review::with_review(&mut json, review::to_json(&unsigned));
        return Ok(Report::new(review::lines(&unsigned).join("\n"), json));
    }
    let out = signing.out.clone().unwrap_or_else(|| path.to_owned());
    act::finish(session, &wallet, unsigned, signing, false, Some(&out))
}
