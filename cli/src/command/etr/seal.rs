//! Sealed contents: `seal` puts the content of a record into an envelope for its parties, `open` takes
//! it out and checks it against the record, `erase` drops it.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::etr_envelope::{
    EnvelopeHeld, EnvelopeName, EraseParams, GetParams, ListParams, PutParams,
};
use titian_api::vc::BundleParams;
use titian_contracts::access::{KeyEntry, Party, Purpose};
use titian_contracts::digest;
use titian_contracts::limits::ETR_ENVELOPE_PART_BYTES_MAX as PART_BYTES;
use titian_credential::bundle::Bundle;
use titian_credential::did;
use titian_credential::snapshot::Snapshot as _;
use titian_envelope::{Envelope, Recipient, Subject};

use super::content::Envelope as ContentFile;
use super::{canonical, show};
use crate::act::capability;
use crate::client::Client;
use crate::command::vc::facts;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, write_private};

/// Arguments of `seal`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SealArgs {
    /// The record
    id: String,
    /// Content file with its salts, as `titian etr issue` wrote it
    #[arg(long, value_name = "FILE")]
    content: PathBuf,
    /// Recipient; repeat it [default: everyone with a role in the record]
    #[arg(long, value_name = "UBIN")]
    to: Vec<String>,
    /// Party that hands the envelope to the node
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
    /// Hand it to these nodes too, the home nodes of the recipients
    #[arg(long, value_name = "URL")]
    deliver: Vec<String>,
    /// Genesis file of the network, that proves the recipients' keys [default: the devnet's in
    /// ./net, else what the node shows]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Write the envelope here instead of handing it to a node
    #[arg(short, long = "out", value_name = "FILE", conflicts_with = "deliver")]
    out: Option<PathBuf>,
}

/// Arguments of `open`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OpenArgs {
    /// The record
    id: String,
    /// Recipient
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
    /// Envelope in a file [default: the newest one that the node holds for you]
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
    /// Where to keep content and salts [default: the working directory]
    #[arg(long, value_name = "DIR")]
    content_dir: Option<PathBuf>,
}

/// Arguments of `erase`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EraseArgs {
    /// The record
    id: String,
    /// Party that put the envelopes there
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
    /// Erase this content file of your own too
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
}

/// Runs `titian etr seal`.
pub(super) fn seal(session: &Session, args: &SealArgs) -> Result<Report> {
    let content = ContentFile::read(&args.content)?;
    let record = show::get(session, &args.id, None, Some(&args.party))?;
    let root = document::text(&record, "/public/contentRoot").unwrap_or_default();
    if content.root().to_string() != root {
        return Err(mismatch());
    }
    let parties = if args.to.is_empty() {
        parties_of(&record)
    } else {
        args.to.iter().map(|ubin| canonical(ubin)).collect::<Result<_>>()?
    };
    let recipients = recipients(session, args.genesis.as_ref(), &parties)?;
    if recipients.is_empty() {
        return Err(CommandError::refused("nobody of the recipients has a sealing key")
            .hint("each runs: titian key new PARTY --purpose agree, and has it bound"));
    }
    let wallet = session.wallet()?;
    let held = list(session, session.client()?, &wallet, &args.party, &args.id)?;
    let number = held.iter().map(|held| held.envelope_no).max().unwrap_or(0).saturating_add(1);
    let subject = Subject { id: args.id.clone(), version: content.version, number };
    let bytes = document::read(&args.content)?;
    let envelope = titian_envelope::seal(&subject, &bytes, &recipients, &mut rand::rngs::OsRng)
        .map_err(|error| CommandError::refused(error.to_string()))?;
    let text = envelope.to_text();
    let to: Vec<String> = recipients.iter().map(|to| format!("{}#k{}", to.party, to.key)).collect();
    for (label, recipient) in to.iter().zip(&recipients) {
        session.output.note(&format!("seals to {label}, key {}", fingerprint(recipient)));
    }
    let json = json!({ "id": args.id, "version": content.version, "envelopeNo": number, "to": to });
    if let Some(path) = &args.out {
        document::write(path, &format!("{text}\n"))?;
        return Ok(Report::new(format!("sealed to {} in {}", to.join(", "), path.display()), json));
    }
    let name = EnvelopeName { id: args.id.clone(), version: content.version, envelope_no: number };
    put(session, session.client()?, &wallet, &args.party, &name, text.as_bytes())?;
    for url in &args.deliver {
        put(session, &Client::new(url)?, &wallet, &args.party, &name, text.as_bytes())?;
    }
    let nodes = 1 + args.deliver.len();
    let line = format!("sealed to {}; {nodes} node(s) keep it", to.join(", "));
    Ok(Report::new(line, json))
}

/// Everyone with a role in the record, from what a party sees.
fn parties_of(record: &Json) -> Vec<String> {
    let mut parties = Vec::new();
    let mut add = |value: Option<&Json>| {
        let Some(value) = value else { return };
        let one = value.as_str().or_else(|| document::text(value, "/party"));
        let joint = value.pointer("/joint/of").and_then(Json::as_array).into_iter().flatten();
        parties.extend(one.into_iter().chain(joint.filter_map(Json::as_str)).map(str::to_owned));
    };
    for pointer in
        ["issuer", "obligor", "controller", "title/party", "title/principal", "pending/to"]
    {
        add(record.pointer(&format!("/party/{pointer}")));
    }
    let pledges = record.pointer("/party/pledges").and_then(Json::as_array).into_iter().flatten();
    for pledge in pledges {
        add(pledge.get("to"));
    }
    parties.sort();
    parties.dedup();
    parties
}

/// The sealing keys of parties, proven: a node that could name keys would read what is sealed.
fn recipients(
    session: &Session,
    genesis: Option<&PathBuf>,
    parties: &[String],
) -> Result<Vec<Recipient>> {
    if parties.is_empty() {
        // a bundle of no issuers is one of all
        return Ok(Vec::new());
    }
    let genesis = facts::genesis(session, genesis)?;
    let params =
        BundleParams { issuers: parties.to_vec(), lists: Some(false), ..BundleParams::default() };
    let bundle = facts::proven(session, &genesis, &params)?;
    let keys = parties.iter().map(|party| sealing_keys(&bundle, party));
    Ok(keys.collect::<Result<Vec<_>>>()?.concat())
}

/// The X25519 keys of a party that are active in the block time of the bundle.
fn sealing_keys(bundle: &Bundle, party: &str) -> Result<Vec<Recipient>> {
    let unknown = |code: &str| {
        CommandError::new(Kind::NotProven, format!("no keys of {party} are proven")).named(code)
    };
    let parsed = Party::parse(party).ok_or_else(|| unknown("DID_INVALID"))?;
    let resolved = did::resolve(bundle, &parsed).map_err(unknown)?;
    let time_ms = bundle.trust().time_ms;
    let usable = resolved.keys.iter().filter(|(_, key)| {
        key.algorithm == "X25519"
            && key.has(Purpose::Agree)
            && key.is_active(time_ms)
            && !resolved.entry.closed
    });
    let read = |(number, key): &(u64, KeyEntry)| {
        let public_key: [u8; 32] = key.public_key.as_slice().try_into().ok()?;
        Some(Recipient { party: party.to_owned(), key: *number, public_key })
    };
    Ok(usable.filter_map(read).collect())
}

/// What two people read to each other to compare a key.
fn fingerprint(recipient: &Recipient) -> String {
    let mut hex = digest::hash("titian key fingerprint v1", &[&recipient.public_key]).to_hex();
    hex.truncate(16);
    hex
}

fn list(
    session: &Session,
    client: &Client,
    wallet: &Wallet,
    party: &KeyRef,
    id: &str,
) -> Result<Vec<EnvelopeHeld>> {
    let params = ListParams { id: id.to_owned(), capability: shown(session, wallet, party, id)? };
    Ok(client.ask::<call::EtrEnvelopes>(&params)?.items)
}

fn shown(
    session: &Session,
    wallet: &Wallet,
    party: &KeyRef,
    id: &str,
) -> Result<titian_api::etr::Capability> {
    let capability = capability(session, wallet, party, id)?;
    capability.ok_or_else(|| {
        CommandError::usage(format!("the wallet holds no bound key of {}", party.party))
            .hint("titian key list shows what it holds")
    })
}

fn put(
    session: &Session,
    client: &Client,
    wallet: &Wallet,
    party: &KeyRef,
    name: &EnvelopeName,
    bytes: &[u8],
) -> Result<()> {
    let bar = session.output.bar(bytes.len() as u64, "envelope");
    let mut offset = 0;
    for part in bytes.chunks(PART_BYTES) {
        let params = PutParams {
            name: name.clone(),
            offset,
            total: bytes.len() as u64,
            bytes: URL_SAFE_NO_PAD.encode(part),
            capability: shown(session, wallet, party, &name.id)?,
        };
        offset = client.ask::<call::EtrEnvelopePut>(&params)?.received;
        bar.set_position(offset);
    }
    bar.finish_and_clear();
    Ok(())
}

fn fetch(
    session: &Session,
    wallet: &Wallet,
    party: &KeyRef,
    name: &EnvelopeName,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let params = GetParams {
            name: name.clone(),
            offset: bytes.len() as u64,
            capability: shown(session, wallet, party, &name.id)?,
        };
        let part = session.client()?.ask::<call::EtrEnvelopeGet>(&params)?;
        let more = URL_SAFE_NO_PAD
            .decode(&part.bytes)
            .map_err(|_| CommandError::refused("the node answers no base64url"))?;
        let ended = more.is_empty();
        bytes.extend(more);
        if ended
            || bytes.len() as u64 >= part.total
            || bytes.len() > titian_envelope::ENVELOPE_BYTES_MAX
        {
            return Ok(bytes);
        }
    }
}

/// Runs `titian etr open`.
pub(super) fn open(session: &Session, args: &OpenArgs) -> Result<Report> {
    let wallet = session.wallet()?;
    let keys = wallet.sealing_keys(&args.party);
    if keys.is_empty() {
        return Err(CommandError::usage(format!(
            "the wallet holds no bound sealing key of {}",
            args.party.party
        ))
        .hint("titian key new PARTY --purpose agree"));
    }
    // a capability is signed by an invoke key, the envelope opens with an agree key
    let asker = KeyRef { party: args.party.party.clone(), number: None };
    let bytes = match &args.envelope {
        Some(path) => document::read(path)?,
        None => {
            let held = list(session, session.client()?, &wallet, &asker, &args.id)?;
            let mine = |held: &&EnvelopeHeld| {
                keys.iter().any(|key| held.recipients.contains(&key.label()))
            };
            let newest =
                held.iter().filter(mine).max_by_key(|held| (held.version, held.envelope_no));
            let newest = newest.ok_or_else(|| {
                CommandError::refused("the node holds no envelope for you").named("NOT_FOUND")
            })?;
            let name = EnvelopeName {
                id: args.id.clone(),
                version: newest.version,
                envelope_no: newest.envelope_no,
            };
            fetch(session, &wallet, &asker, &name)?
        }
    };
    let fault = |error: titian_envelope::EnvelopeError| {
        CommandError::new(Kind::NotProven, error.to_string())
    };
    let envelope = Envelope::parse(&bytes).map_err(fault)?;
    if envelope.subject.id != args.id {
        return Err(CommandError::new(Kind::NotProven, "the envelope is of another record"));
    }
    let mut opened = Err(CommandError::new(Kind::NotProven, "the envelope is not for you"));
    for key in keys {
        let Some(number) = key.number else { continue };
        let plain = envelope.open(&key.party, number, key.secret_bytes());
        opened = plain.map_err(fault);
        if opened.is_ok() {
            break;
        }
    }
    let plain = opened?;
    let json: Json = serde_json::from_slice(&plain)
        .map_err(|_| CommandError::new(Kind::NotProven, "the envelope holds no content file"))?;
    let content = ContentFile::of(&json)
        .ok_or_else(|| CommandError::new(Kind::NotProven, "the envelope holds no content file"))?;
    let record = show::get(session, &args.id, None, None)?;
    let root = document::text(&record, "/public/contentRoot").unwrap_or_default();
    if content.root().to_string() != root {
        return Err(mismatch());
    }
    let folder = args.content_dir.as_deref().unwrap_or(Path::new("."));
    let path = folder.join(format!("{}.content.json", args.id));
    write_private(&path, &plain).map_err(|e| CommandError::file("write the content", &path, &e))?;
    let mark = session.output.paint(Tone::Good, "content matches the record:");
    Ok(Report::new(
        format!("{mark} {} (keep it)", path.display()),
        json!({ "id": args.id, "file": path, "version": content.version, "content": content.content }),
    ))
}

fn mismatch() -> CommandError {
    let message = "the content is not the one that the record commits to";
    CommandError::new(Kind::NotProven, message).named("CONTENT_MISMATCH")
}

/// Runs `titian etr erase`.
pub(super) fn erase(session: &Session, args: &EraseArgs) -> Result<Report> {
    let wallet = session.wallet()?;
    let held = list(session, session.client()?, &wallet, &args.party, &args.id)?;
    let mut erased = 0;
    for held in held {
        let params = EraseParams {
            name: EnvelopeName {
                id: args.id.clone(),
                version: held.version,
                envelope_no: held.envelope_no,
            },
            capability: shown(session, &wallet, &args.party, &args.id)?,
        };
        match session.client()?.ask::<call::EtrEnvelopeErase>(&params) {
            Ok(_) => erased += 1,
            // an envelope of another party is that party's to erase
            Err(error) if error.name.as_deref() == Some("FORBIDDEN") => {}
            Err(error) => return Err(error),
        }
    }
    let mut lines = vec![format!("{erased} envelope(s) erased from this node")];
    if let Some(path) = &args.content {
        std::fs::remove_file(path).map_err(|error| CommandError::file("erase", path, &error))?;
        lines.push(format!("{} erased: what the ledger keeps cannot be opened", path.display()));
    }
    Ok(Report::new(lines.join("\n"), json!({ "erased": erased, "file": args.content })))
}
