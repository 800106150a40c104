//! Claims about records (etr-api.md §1): the public part, control at a challenge, that a number has
//! one record or none, and what became of paper.
//!
//! A status claim carries the public part and the hash of the party part only; the value hash of a
//! record is made of the hashes of both, so the reader learns nothing more (see [`redact`]).

use super::challenge::challenge_of;
use super::content;
use super::keys;
use super::person::Person;
use super::record::{Record, text_of, texts_of};
use super::surrender::PaperSerial;
use crate::access::{self, KeyEntry, PartyEntry, Purpose};
use crate::claim::{Frame, Walk, differs, missing, stated_text};
use crate::digest::Digest;
use crate::json::{self, Members, Value};
use crate::limits;
use crate::op::{decode_fixed, parse_key_no, verify};
use crate::proof::VerifyError;
use crate::state::Stored;
use crate::ubin;
use crate::ubin::identifier::Ubin;

/// Format version of a record's content that shows the public part only: its text, and the hash of
/// the party part. It is made for proofs and never stands in state.
pub const REDACTED_VERSION: u8 = 0xff;

/// The content of a record reduced to its public part; `None` for other keys and values.
pub fn redact(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    if !key.starts_with(keys::RECORD_PREFIX) {
        return None;
    }
    let (public, party) = texts_of(bytes)?;
    let mut redacted = vec![REDACTED_VERSION];
    borsh::to_writer(&mut redacted, &(public, content::party_hash(party)))
        .expect("writing to memory cannot fail");
    Some(redacted)
}

/// The public text and the hash of the party part in a redacted content.
pub fn redacted_parts(bytes: &[u8]) -> Option<(&str, Digest)> {
    let (&REDACTED_VERSION, rest) = bytes.split_first()? else { return None };
    let (public, party_hash) = text_of(rest)?;
    Some((public, Digest(party_hash.try_into().ok()?)))
}

/// `etr-status` states `id`; `etr-control` states `id` and `challenge`; `etr-absence` states
/// `issuer` with `series` and `ref`, or with `serial`; `etr-singularity` states `issuer`, `series` and
/// `ref`, and for the lineage `whole` and `of`; `etr-conversion` states `issuer` and `serial`, and
/// `whole` where it shows the party part and with it what the paper came back as; `etr-history` states
/// `id`, `ops` and `times`; for `etr-signers` and `etr-rules` see there.
pub fn claim(
    kind: &str,
    stated: &Value,
    walk: &mut Walk<'_>,
    frame: Frame<'_>,
) -> Result<Value, VerifyError> {
    match kind {
        "etr-status" => status(stated, walk),
        "etr-control" => control(stated, walk, frame),
        "etr-singularity" => walk.remembering(|walk| super::lineage::claim(stated, walk)),
        "etr-signers" => walk.remembering(|walk| super::signers::claim(stated, walk, frame)),
        "etr-rules" => super::provisions::claim(stated, walk, frame),
        "etr-conversion" => conversion(stated, walk),
        "etr-history" => walk.remembering(|walk| super::history::claim(stated, walk)),
        _ => absence(stated, walk),
    }
}

fn status(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let id = stated_text(stated, "id")?;
    let Some(stored) = walk.stored(&keys::record(id))? else {
        return Ok(Value::object([("id", Value::from(id)), ("found", Value::from(false))]));
    };
    let (public, party_hash) = parts_of(&stored)?;
    Ok(Value::object([
        ("id", Value::from(id)),
        ("found", Value::from(true)),
        ("public", public),
        ("partyHash", Value::from(party_hash)),
    ]))
}

/// The public part and the hash of the party part, of a whole or a redacted content.
pub(super) fn parts_of(stored: &Stored) -> Result<(Value, Digest), VerifyError> {
    let parts = redacted_parts(&stored.content).or_else(|| {
        let (public, party) = texts_of(&stored.content)?;
        Some((public, content::party_hash(party)))
    });
    let (public, party_hash) =
        parts.ok_or_else(|| VerifyError::Malformed("a record does not decode".to_owned()))?;
    Ok((json::parse(public.as_bytes())?, party_hash))
}

/// The controller signed the verifier's challenge with keys that are active at the block time of
/// the header: one for a single controller, k of different holders for a joint one.
fn control(stated: &Value, walk: &mut Walk<'_>, frame: Frame<'_>) -> Result<Value, VerifyError> {
    let id = stated_text(stated, "id")?;
    let stored = walk.stored(&keys::record(id))?.ok_or_else(|| differs("no such record"))?;
    let (public, party) = texts_of(&stored.content)
        .ok_or_else(|| VerifyError::Malformed("a record does not decode".to_owned()))?;
    let record =
        Record::from_texts(public, party).ok_or_else(|| differs("the record does not decode"))?;
    let challenge = stated.get("challenge").ok_or_else(|| missing("challenge"))?;
    let signed = read_challenge(challenge)?;
    let digest = challenge_digest(frame.chain, &record, &signed);
    let mut holders: Vec<String> = Vec::new();
    for signature in &signed.signatures {
        let key = signing_key(walk, &record.party.controller, signature, &mut holders, frame)?;
        if !verify(&key, &digest, &signature.bytes) {
            return Err(differs("a signature of the challenge does not verify"));
        }
    }
    if (holders.len() as u64) < record.party.controller.quorum() {
        return Err(differs("too few controllers signed the challenge"));
    }
    Ok(Value::object([
        ("id", Value::from(id)),
        ("found", Value::from(true)),
        ("public", record.public.to_value()),
        ("party", record.party.to_value()),
        ("challenge", challenge.clone()),
    ]))
}

/// What a challenge says and who signed it.
struct Signed {
    audience: String,
    nonce: String,
    ms: u64,
    signatures: Vec<Signature>,
}

struct Signature {
    party: String,
    key: u64,
    bytes: [u8; 64],
}

fn read_challenge(value: &Value) -> Result<Signed, VerifyError> {
    let mut members = Members::of(value, "/claim/challenge")?;
    let audience = members.text("audience")?.to_owned();
    let nonce = members.text("nonce")?.to_owned();
    let ms = members.uint("ms")?;
    let items = members.list("sigs")?;
    members.finish()?;
    let hex = nonce.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let sized = (32..=128).contains(&nonce.len()) && audience.len() <= 256;
    if !hex || !sized || items.is_empty() || items.len() > limits::ETR_JOINT_MAX {
        return Err(missing("challenge"));
    }
    let mut signatures = Vec::with_capacity(items.len());
    for item in items {
        let mut members = Members::of(item, "/claim/challenge/sigs")?;
        let party = members.text("party")?.to_owned();
        let key = parse_key_no(members.text("key")?).ok_or_else(|| missing("challenge"))?;
        let bytes = decode_fixed(members.text("sig")?).ok_or_else(|| missing("challenge"))?;
        members.finish()?;
        signatures.push(Signature { party, key, bytes });
    }
    Ok(Signed { audience, nonce, ms, signatures })
}

/// What controllers sign, over the record as it stands; see [`challenge_of`].
fn challenge_digest(chain: &str, record: &Record, signed: &Signed) -> Digest {
    challenge_of(
        chain,
        &record.public.id,
        record.public.seq,
        record.public.head,
        &signed.audience,
        &signed.nonce,
        signed.ms,
    )
}

/// The public key behind a signature of a controller, who is noted in `holders` by entity.
fn signing_key(
    walk: &mut Walk<'_>,
    controller: &Person,
    signature: &Signature,
    holders: &mut Vec<String>,
    frame: Frame<'_>,
) -> Result<[u8; 32], VerifyError> {
    if !controller.members().contains(&signature.party) {
        return Err(differs("a signer of the challenge is not the controller"));
    }
    let ubin = Ubin::parse_canonical(&signature.party).ok_or_else(|| missing("challenge"))?;
    let (record, _) = ubin::walk_actor(walk, &ubin)?.ok_or_else(|| differs("unknown signer"))?;
    let entity = record.entity;
    if holders.contains(&entity) {
        return Err(differs("a controller signed twice"));
    }
    let closed = walk.read::<PartyEntry>(&access::party_key(&entity))?.is_none_or(|p| p.closed);
    let key: KeyEntry = walk
        .read(&access::key_key(&entity, signature.key))?
        .ok_or_else(|| differs("the signer has no such key"))?;
    let active = key.is_active(frame.time_ms) && key.has(Purpose::Invoke);
    if closed || !active || key.algorithm != "Ed25519" {
        return Err(differs("the signer's key is not active"));
    }
    holders.push(entity);
    key.public_key.as_slice().try_into().map_err(|_| differs("not an Ed25519 key"))
}

/// What the register of paper says of a serial, and the record that it stands for.
fn conversion(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let (issuer, serial) = (stated_text(stated, "issuer")?, stated_text(stated, "serial")?);
    let entity = entity_of(issuer, walk)?;
    let paper: PaperSerial = walk
        .read(&keys::paper(&entity, serial))?
        .ok_or_else(|| differs("no paper has this serial"))?;
    let stored =
        walk.stored(&keys::record(&paper.record))?.ok_or_else(|| differs("no such record"))?;
    let (public, party_hash) = parts_of(&stored)?;
    let mut members = Vec::new();
    if stated.get("whole") == Some(&Value::Bool(true)) {
        members.push(("whole", Value::from(true)));
        // paper that the ledger did not know became the record itself, which has children of other kinds
        let known = paper.outward.is_some();
        let back = if known { returned(&stored, walk)? } else { Value::List(Vec::new()) };
        members.push(("returned", back));
    }
    let statement = |(code, digest): (String, Digest)| {
        Value::object([("code", Value::from(code)), ("digest", Value::from(digest))])
    };
    let consumed = paper.inward.is_some();
    let outward = paper.outward.map_or(Value::Null, |outward| {
        let (print, said) = (Value::from(outward.print), statement(outward.statement));
        Value::object([("print", print), ("statement", said)])
    });
    let inward = paper.inward.map_or(Value::Null, |inward| {
        let (attested, said) = (Value::from(inward.inoperative), statement(inward.statement));
        Value::object([("inoperative", attested), ("statement", said)])
    });
    members.extend([
        ("issuer", Value::from(issuer)),
        ("serial", Value::from(serial)),
        ("serials", crate::claim::texts(&paper.serials)),
        ("consumed", Value::from(consumed)),
        ("outward", outward),
        ("inward", inward),
        ("id", Value::from(paper.record)),
        ("public", public),
        ("partyHash", Value::from(party_hash)),
    ]);
    Ok(Value::object(members))
}

/// The records that a paper came back as: the children of the record that had become paper.
fn returned(stored: &Stored, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let (public, party) = texts_of(&stored.content)
        .ok_or_else(|| VerifyError::Malformed("the whole record is expected".to_owned()))?;
    let record =
        Record::from_texts(public, party).ok_or_else(|| differs("the record does not decode"))?;
    let children = record.party.into.iter().map(|id| {
        let stored = walk.stored(&keys::record(id))?.ok_or_else(|| differs("no such record"))?;
        let (public, party_hash) = parts_of(&stored)?;
        Ok(Value::object([
            ("id", Value::from(id.as_str())),
            ("public", public),
            ("partyHash", Value::from(party_hash)),
        ]))
    });
    Ok(Value::List(children.collect::<Result<_, VerifyError>>()?))
}

/// The entity behind an issuer's UBIN, proven.
pub(super) fn entity_of(issuer: &str, walk: &mut Walk<'_>) -> Result<String, VerifyError> {
    let ubin = Ubin::parse_canonical(issuer).ok_or_else(|| missing("issuer"))?;
    let (record, _) = ubin::walk_actor(walk, &ubin)?.ok_or_else(|| differs("unknown issuer"))?;
    Ok(record.entity)
}

fn absence(stated: &Value, walk: &mut Walk<'_>) -> Result<Value, VerifyError> {
    let issuer = stated_text(stated, "issuer")?;
    let ubin = Ubin::parse_canonical(issuer).ok_or_else(|| missing("issuer"))?;
    // an issuer that is not registered can have opened nothing: its own absence says so
    let entity = ubin::walk_actor(walk, &ubin)?.map(|(record, _)| record.entity);
    let mut members = vec![("found", Value::from(false)), ("issuer", Value::from(issuer))];
    let key = if let Some(serial) = stated.get("serial").and_then(Value::as_text) {
        members.push(("serial", Value::from(serial)));
        entity.map(|entity| keys::paper(&entity, serial))
    } else {
        let (series, reference) = (stated_text(stated, "series")?, stated_text(stated, "ref")?);
        members.push(("series", Value::from(series)));
        members.push(("ref", Value::from(reference)));
        entity.map(|entity| keys::index(series, &entity, reference))
    };
    if let Some(key) = key
        && walk.stored(&key)?.is_some()
    {
        return Err(differs("a record or paper has this number"));
    }
    Ok(Value::object(members))
}
