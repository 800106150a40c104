//! Sealed contents between this program and its node: sealing, handing over, fetching, opening.
//!
//! Invariant: recipients' keys are proven before anything is sealed to them; what is opened counts only
//! if the record commits to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use serde_json::Value as Json;
use titian_api::etr::Capability;
use titian_api::etr_envelope::{
    EnvelopeHeld, EnvelopeName, GetParams, ListParams, PutParams, PutResult,
};
use titian_api::vc::BundleParams;
use titian_api::{Call, call};
use titian_contracts::access::{KeyEntry, Party, Purpose};
use titian_contracts::digest;
use titian_contracts::limits::ETR_ENVELOPE_PART_BYTES_MAX as PART_BYTES;
use titian_credential::bundle::Bundle;
use titian_credential::did;
use titian_credential::snapshot::Snapshot as _;
use titian_envelope::{Envelope, EnvelopeError, Recipient, Subject};

use super::content::Envelope as ContentFile;
use crate::act::{capability, now_ms};
use crate::command::vc::facts;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet};
use std::path::PathBuf;

/// Envelopes that are tried before the newest one that opens and matches is given up.
const TRIED_MAX: usize = 16;

/// Pages of a list of envelopes that are asked for.
const PAGES_MAX: usize = 100;

/// A content that was sealed to its recipients.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    /// Which envelope.
    pub(super) name: EnvelopeName,
    /// Its text.
    pub(super) text: String,
    /// The keys that open it, `PARTY#kN`.
    pub(super) to: Vec<String>,
}

/// A content that was opened and is the one that the record commits to.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// The content file.
    pub(super) file: ContentFile,
    /// Its bytes.
    pub(super) plain: zeroize::Zeroizing<Vec<u8>>,
}

/// A number that no other envelope of the record has, whoever makes it and wherever it is kept; later
/// ones are greater: ms since 1970, and ten random bits.
fn fresh_number() -> u64 {
    (now_ms() << 10) | rand::rngs::OsRng.gen_range(0..1024)
}

/// Seals a content file to the proven keys of parties, and says to which. Nothing if none has one.
pub(super) fn seal_to(
    session: &Session,
    genesis: Option<&PathBuf>,
    id: &str,
    (content, plain): (&ContentFile, &[u8]),
    parties: &[String],
) -> Result<Option<Sealed>> {
    let recipients = recipients(session, genesis, parties)?;
    if recipients.is_empty() {
        return Ok(None);
    }
    let number = fresh_number();
    let subject = Subject { id: id.to_owned(), version: content.version, number };
    let envelope = titian_envelope::seal(&subject, plain, &recipients, &mut rand::rngs::OsRng)
        .map_err(|error| CommandError::refused(error.to_string()))?;
    let to: Vec<String> = recipients.iter().map(|to| format!("{}#k{}", to.party, to.key)).collect();
    for (label, recipient) in to.iter().zip(&recipients) {
        session.output.note(&format!("seals to {label}, key {}", fingerprint(recipient)));
    }
    Ok(Some(Sealed { name: name_of(&envelope), text: envelope.to_text(), to }))
}

/// Which envelope it is.
pub(super) fn name_of(envelope: &Envelope) -> EnvelopeName {
    let subject = &envelope.subject;
    EnvelopeName { id: subject.id.clone(), version: subject.version, envelope_no: subject.number }
}

/// Everyone with a role in the record, from what a party sees.
pub(super) fn parties_of(record: &Json) -> Vec<String> {
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
    let guarantees = record.pointer("/party/guarantees").and_then(Json::as_array);
    for guarantee in guarantees.into_iter().flatten() {
        add(guarantee.get("guarantor"));
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
    let unknown = |code: &str| no_keys(party, code);
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

/// Why nothing is sealed to a party. One that is proven not to be registered can take no record
/// either, and the rules would say so.
fn no_keys(party: &str, code: &str) -> CommandError {
    match code {
        "DID_NOT_FOUND" => CommandError::refused(format!("no business is registered as {party}"))
            .named("PARTY_NOT_LIVE"),
        _ => {
            CommandError::new(Kind::NotProven, format!("no keys of {party} are proven")).named(code)
        }
    }
}

/// What two people read to each other to compare a key.
fn fingerprint(recipient: &Recipient) -> String {
    let mut hex = digest::hash("titian key fingerprint v1", &[&recipient.public_key]).to_hex();
    hex.truncate(16);
    hex
}

/// Every envelope of a record that the node holds and shows to a party.
pub(super) fn list(
    session: &Session,
    wallet: &Wallet,
    party: &KeyRef,
    id: &str,
) -> Result<Vec<EnvelopeHeld>> {
    let (mut all, mut cursor) = (Vec::new(), None);
    // a node that answers with pages for ever must not keep this going
    for _ in 0..PAGES_MAX {
        let capability = shown::<call::EtrEnvelopes>(session, wallet, party, id)?;
        let params = ListParams { id: id.to_owned(), cursor, capability };
        let page = session.client()?.ask::<call::EtrEnvelopes>(&params)?;
        all.extend(page.items);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(all)
}

/// Shows the node that a party asks for method `C`.
pub(super) fn shown<C: Call>(
    session: &Session,
    wallet: &Wallet,
    party: &KeyRef,
    id: &str,
) -> Result<Capability> {
    let capability = capability(session, wallet, party, C::NAME, id)?;
    capability.ok_or_else(|| {
        CommandError::usage(format!("the wallet holds no bound key of {}", party.party))
            .hint("titian key list shows what it holds")
    })
}

/// Hands an envelope to the node.
pub(super) fn put(
    session: &Session,
    wallet: &Wallet,
    party: &KeyRef,
    name: &EnvelopeName,
    bytes: &[u8],
) -> Result<PutResult> {
    let bar = session.output.bar(bytes.len() as u64, "envelope");
    let mut done = PutResult::default();
    for part in bytes.chunks(PART_BYTES) {
        let params = PutParams {
            name: name.clone(),
            offset: done.received,
            total: bytes.len() as u64,
            bytes: URL_SAFE_NO_PAD.encode(part),
            capability: shown::<call::EtrEnvelopePut>(session, wallet, party, &name.id)?,
        };
        done = session.client()?.ask::<call::EtrEnvelopePut>(&params)?;
        bar.set_position(done.received);
    }
    bar.finish_and_clear();
    Ok(done)
}

/// Where an envelope goes from the node that took it.
pub(super) fn whereto(done: &PutResult) -> String {
    let mut text = "the node keeps it".to_owned();
    if !done.delivers_to.is_empty() {
        text = format!("{text} and delivers it to that of {}", done.delivers_to.join(", "));
    }
    if !done.stays_for.is_empty() {
        let states = done.stays_for.join(", ");
        text = format!("{text}; recipients in {states} must ask this node");
    }
    text
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
            capability: shown::<call::EtrEnvelopeGet>(session, wallet, party, &name.id)?,
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

/// The newest content that the node holds for a party, opens with a key of the wallet, and is the one
/// that the record commits to by `root`. Nothing if none is sealed to the party; an error if there
/// are some and none of them is good.
pub(super) fn newest(
    session: &Session,
    wallet: &Wallet,
    party: &KeyRef,
    id: &str,
    root: &str,
) -> Result<Option<Opened>> {
    let keys = wallet.sealing_keys(party);
    // a capability is signed by an invoke key, the envelope opens with an agree key
    let asker = KeyRef { party: party.party.clone(), number: None };
    let mut mine = list(session, wallet, &asker, id)?;
    mine.retain(|held| keys.iter().any(|key| held.recipients.contains(&key.label())));
    mine.sort_by_key(|held| std::cmp::Reverse((held.version, held.envelope_no)));
    let mut fault = None;
    for held in mine.iter().take(TRIED_MAX) {
        let (version, envelope_no) = (held.version, held.envelope_no);
        let name = EnvelopeName { id: id.to_owned(), version, envelope_no };
        match open(wallet, party, id, root, &fetch(session, wallet, &asker, &name)?) {
            Ok(opened) => return Ok(Some(opened)),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    fault.map_or(Ok(None), Err)
}

/// Opens an envelope of record `id` and compares its content with the record's `root`.
pub(super) fn open(
    wallet: &Wallet,
    party: &KeyRef,
    id: &str,
    root: &str,
    bytes: &[u8],
) -> Result<Opened> {
    let broken = |what: &str| CommandError::new(Kind::NotProven, what);
    let fault = |error: EnvelopeError| broken(&error.to_string());
    let envelope = Envelope::parse(bytes).map_err(fault)?;
    if envelope.subject.id != id {
        return Err(broken("the envelope is of another record"));
    }
    let mut opened = Err(broken("the envelope is not for you"));
    for key in wallet.sealing_keys(party) {
        let Some(number) = key.number else { continue };
        opened = envelope.open(&key.party, number, key.secret_bytes()).map_err(fault);
        if opened.is_ok() {
            break;
        }
    }
    let plain = opened?;
    let json: Json =
        serde_json::from_slice(&plain).map_err(|_| broken("the envelope holds no content file"))?;
    let file =
        ContentFile::of(&json).ok_or_else(|| broken("the envelope holds no content file"))?;
    if file.root().to_string() != root {
        return Err(mismatch());
    }
    Ok(Opened { file, plain })
}

/// The content root of a record as the node shows it.
pub(super) fn root_of(record: &Json) -> &str {
    document::text(record, "/public/contentRoot").unwrap_or_default()
}

/// That a content is not the one of the record.
pub(super) fn mismatch() -> CommandError {
    let message = "the content is not the one that the record commits to";
    CommandError::new(Kind::NotProven, message).named("CONTENT_MISMATCH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_that_no_register_knows_is_refused_as_the_rules_refuse_it() {
        let of = |code: &str| {
            let error = no_keys("TH-JP-0999999000012-WM", code);
            (error.kind, error.name.unwrap_or_default())
        };
        assert_eq!(of("DID_NOT_FOUND"), (Kind::Refused, "PARTY_NOT_LIVE".to_owned()));
        let hidden = (Kind::NotProven, "DID_NOT_AVAILABLE".to_owned());
        assert_eq!(of("DID_NOT_AVAILABLE"), hidden);
    }
}
